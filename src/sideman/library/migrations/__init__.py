"""Changes of the library's tables, in order."""
