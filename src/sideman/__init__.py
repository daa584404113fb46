"""Sideman listens to music and plays along: genre, tempo and key of any recording, offline."""

from __future__ import annotations

__version__ = "0.1.0"
