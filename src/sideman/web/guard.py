"""Placeholder."""

from __future__ import annotations

from fastapi import FastAPI

from sideman.web.settings import Settings


def install(app: FastAPI, settings: Settings) -> None:
    """Nothing yet."""
