"""Figures of a running server, in the text form that Prometheus reads."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Sample = tuple[str, str, str, dict[str, str], float]
"""Name, kind, help, labels, value."""


class Metrics:
    """What was counted since the start."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()
        self._seconds = 0.0
        self._received_bytes = 0

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        known = method if method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS") else "other"
        self._answers[known, status] += 1
        self._seconds += seconds

    def received(self, n: int) -> None:
        """Count bytes of a body."""
        self._received_bytes += n

    def samples(self) -> Iterable[Sample]:
        """All that was counted."""
        for (method, status), n in sorted(self._answers.items()):
            labels = {"method": method, "status": str(status)}
            yield "sideman_answers_total", "counter", "Answers given.", labels, n
        yield "sideman_answer_seconds_total", "counter", "Seconds from request to answer.", {}, self._seconds
        yield "sideman_received_bytes_total", "counter", "Bytes of bodies.", {}, self._received_bytes


class Counting:
    """Middleware: counts answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.monotonic(), 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async def weighed() -> Message:
            message = await receive()
            self._metrics.received(len(message.get("body", b"")))
            return message

        try:
            await self._app(scope, weighed, counted)
        finally:
            if status:
                self._metrics.answered(scope["method"], status, time.monotonic() - began_s)


def text(samples: Iterable[Sample]) -> str:
    """In Prometheus's text form (0.0.4)."""
    lines, told = [], set[str]()
    for name, kind, meaning, labels, value in samples:
        if name not in told:
            told.add(name)
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        inside = ",".join(f'{label}="{held}"' for label, held in labels.items())
        lines.append(f"{name}{{{inside}}} {value:.10g}" if inside else f"{name} {value:.10g}")
    return "\n".join(lines) + "\n"


def resident_bytes() -> int | None:
    """Memory that this process holds; None where the system does not say."""
    if not sys.platform.startswith("linux"):
        return None
    import resource
    from pathlib import Path

    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
