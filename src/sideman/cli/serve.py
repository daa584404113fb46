"""``sideman serve``: the page and the HTTP API on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sideman.cli.common import complain
from sideman.cli.library_options import Database
from sideman.core.errors import SidemanError, UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve")(serve)


def serve(
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="0 for any free one.")] = 8765,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Its first line is a secret that every request must show; or set SIDEMAN_TOKEN.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name it is reached by, through a proxy; repeatable."),
    ] = None,
    lab: Annotated[
        Path | None,
        typer.Option("--lab", metavar="DIR", help="Show the reports and evaluations in it.", show_default=False),
    ] = None,
    soundfont: Annotated[
        Path | None, typer.Option("--soundfont", metavar="FILE", help="An .sf2 to play with.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Recordings heard at once.", show_default=False),
    ] = None,
    most_mb: Annotated[int, typer.Option("--max-upload", min=1, metavar="MB", help="Largest upload.")] = 256,
    kept_mb: Annotated[
        int,
        typer.Option("--max-temporary", min=1, metavar="MB", help="Uploads and finished jobs together, at most."),
    ] = 2048,
    database: Database = None,
) -> None:
    """Serve the page and the HTTP API.

    Only this machine can reach it, unless --host says otherwise, which needs a secret. Ctrl-C ends it.

    Exit codes: 0 ended, 1 failed, 2 wrong usage.
    """
    from sideman.core.tuning import available_cores, tune_allocator
    from sideman.web.run import run
    from sideman.web.settings import Settings

    tune_allocator()
    settings = Settings(
        host=host, port=port, token=_token(token_file), allowed_hosts=tuple(allow_host or ()), database=database,
        lab=lab, soundfont=soundfont, workers=workers or available_cores(), most_body_bytes=most_mb * 1024 * 1024,
        most_kept_bytes=kept_mb * 1024 * 1024,
    )  # fmt: skip
    if lab is not None and not lab.is_dir():
        raise UsageError(f"--lab {lab}: is no folder")
    if soundfont is not None and not soundfont.is_file():
        raise UsageError(f"--soundfont {soundfont}: is no file")
    _end_with_the_terminal()
    run(settings, show=show, tell=complain)


def _end_with_the_terminal() -> None:
    """A terminal that is closed ends the server as SIGTERM does, which uvicorn knows; under ``nohup`` it stays."""
    import signal
    import threading

    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(hangup) is not signal.SIG_IGN:
        signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))


def _token(file: Path | None) -> str | None:
    """The secret, from a file or the environment; never from the command line, which others can read."""
    import os

    if file is None:
        return os.environ.get("SIDEMAN_TOKEN") or None
    try:
        lines = file.read_text(encoding="utf-8").strip().splitlines()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SidemanError(f"{file}: cannot be read ({reason}); write a secret into it") from None
    except UnicodeDecodeError:
        raise SidemanError(f"{file}: cannot be read (it is no text); write a secret into it") from None
    if not lines:
        raise UsageError(f"{file}: is empty; write a secret into it")
    return lines[0].strip()
