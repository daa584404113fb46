"""Labelled music on disk, and honest splits of it."""
