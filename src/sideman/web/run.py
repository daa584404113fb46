"""Running the application in uvicorn."""

from __future__ import annotations

import logging
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType

import uvicorn

from sideman.core.errors import SidemanError, UsageError
from sideman.web import page
from sideman.web.api import create_app
from sideman.web.patience import Patient
from sideman.web.scratch import Scratch
from sideman.web.settings import Settings


def run(settings: Settings, *, show: bool = False, tell: Callable[[str], None] = print) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        settings: where and how.
        show: open the page in the user's browser.
        tell: says where it can be reached, once it can.

    Raises:
        SidemanError: the address cannot be had, or there is no place for temporary files.
        UsageError: there can be no library where it is said to be.
    """
    _check_library(settings.database)
    with closing(Scratch()) as scratch, closing(_listener(settings)) as listener:
        _run(settings, scratch, listener, show, tell)


def _run(
    settings: Settings, scratch: Scratch, listener: socket.socket, show: bool, tell: Callable[[str], None]
) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            app.state.context.workers.warm()
            tell(f"listening on {address}" + ("" if page.built() else " (API only: the page was not built)"))
            if show:
                here = address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
                # A browser's command line can be read by everybody on this machine.
                webbrowser.open(here + (f"?token={app.state.access.ticket()}" if settings.token else ""))

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if self.should_exit:  # uvicorn would now leave without tidying up, in the middle of a tag write too
                tell("ending; what is being written is finished first")
                return
            super().handle_exit(sig, frame)
            self._captured_signals.clear()  # to be asked to end and to end is no failure

    class Protocol(Patient):
        headers_s = settings.body_idle_s

    app = create_app(settings, scratch)
    _allow_connections()
    config = uvicorn.Config(
        app, http=Protocol, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=20, backlog=1024, h11_max_incomplete_event_size=64 * 1024, timeout_graceful_shutdown=5,
        ws="none",
    )  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    Server(config).run(sockets=[listener])


def _check_library(database: str | None) -> None:
    """Refuse a place where no ``sideman scan`` could make one; that there is none yet is no error."""
    if database is None or "://" in database:
        return
    path = Path(database)
    if path.is_dir():
        raise UsageError(f"--database {path}: is a folder; name a file for the library")
    if not path.parent.is_dir():
        raise UsageError(f"--database {path}: its folder does not exist; make it or name another place")


def _is_news(record: logging.LogRecord) -> bool:
    """Who breaks an answer off has said why; uvicorn adds only that it was broken off."""
    return "without completing response" not in str(record.msg)


def _allow_connections() -> None:
    """As many open files as the system lets this process have."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host.strip("[]"), settings.port))
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise SidemanError(
            f"{settings.host}:{settings.port}: cannot listen there ({why}); choose another --port"
        ) from None
    listener.listen(1024)
    return listener
