"""Processes that hear and compose, with limits."""

from __future__ import annotations

from sideman.web.settings import Settings


class Workers:
    """Placeholder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def close(self) -> None:
        """Nothing yet."""
