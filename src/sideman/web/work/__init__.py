"""What the worker processes do: top-level functions whose last parameter is ``report``."""
