"""Playlists: made of the library (build), and written as files that players and DJ programs read."""
