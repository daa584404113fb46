"""The collection: a database of what was heard, tags that are never lost, similar tracks, playlists, insight."""
