"""The HTTP API and the page: the rooms below, behind a door that lets in only what the user means to let in."""
