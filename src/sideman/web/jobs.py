"""Long work with progress, for which a client waits elsewhere."""

from __future__ import annotations

from sideman.web.settings import Settings


class Jobs:
    """Placeholder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def close(self) -> None:
        """Nothing yet."""
