"""Answers that take seconds: kept while the library stays as it is, and made once for all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable

from anyio.to_thread import run_sync
from fastapi import Response
from pydantic import BaseModel

from sideman.library.store import Store

_MOST = 16
_MOST_BYTES = 64 * 1024 * 1024


class Kept:
    """Answers of one server, as JSON, by what was asked; the least asked for go first. For the event loop only."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[str, bytes]] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[bytes]] = {}

    async def of(self, store: Store, asked: Hashable, make: Callable[[], BaseModel]) -> Response:
        """The answer to what was asked of a library; ``make``, called in a thread, makes it where it is not known.

        Raises:
            Exception: whatever ``make`` raises; that is not kept.
        """
        mark = await run_sync(store.mark)
        known = self._answers.get(asked)
        if known is not None and known[0] == mark:
            self._answers.move_to_end(asked)
            return _json(known[1])
        task = self._making.get((mark, asked))
        if task is None:
            task = asyncio.create_task(self._make(mark, asked, make))
            self._making[mark, asked] = task
            task.add_done_callback(lambda done: self._made((mark, asked), done))
        return _json(await asyncio.shield(task))  # who leaves does not take it from the others

    async def _make(self, mark: str, asked: Hashable, make: Callable[[], BaseModel]) -> bytes:
        content = await run_sync(lambda: make().model_dump_json().encode())
        self._answers.pop(asked, None)
        self._answers[asked] = mark, content
        while len(self._answers) > _MOST or sum(len(kept) for _, kept in self._answers.values()) > _MOST_BYTES:
            self._answers.popitem(last=False)
        return content

    def _made(self, key: Hashable, task: asyncio.Task[bytes]) -> None:
        del self._making[key]
        if not task.cancelled():
            task.exception()  # was told to whoever still waits


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
