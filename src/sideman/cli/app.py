"""The application: registers one module per command and turns every expected error into one line."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sideman import __version__
from sideman.cli.common import BROKEN_PIPE, FAILED, USAGE, complain, discard_stdout
from sideman.core import interrupts
from sideman.core.errors import SidemanError, UsageError


class _Commands(TyperGroup):
    """The group of all commands, where their errors end."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a SidemanError or OSError is one line on stderr; signals and a closed pipe are quiet."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            interrupts.check()
            return result
        except KeyboardInterrupt as error:
            raise typer.Exit(interrupts.exit_code(error)) from None
        except Exception as error:
            if interrupts.unheeded():
                raise typer.Exit(interrupts.exit_code()) from None
            code = _told(error)
            if code is None:
                raise
            raise typer.Exit(code) from None


def _told(error: Exception) -> int | None:
    """Say in a line what went wrong; the exit code, None for what is no expected error."""
    if isinstance(error, BrokenPipeError):
        discard_stdout()
        return BROKEN_PIPE
    if isinstance(error, SidemanError):
        complain(f"error: {error}")
        return USAGE if isinstance(error, UsageError) else FAILED
    if isinstance(error, OSError):
        discard_stdout()
        name = f"{error.filename}: " if error.filename else ""
        complain(f"error: {name}{error.strerror or error}")
        return FAILED
    return None


app = typer.Typer(
    cls=_Commands,
    name="sideman",
    help="Sideman listens to music and plays along: names genre, mood, tempo, key; keeps a library; composes; offline.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: quick to start, easy to read aloud
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sideman {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Sideman listens to music and plays along: names genre, mood, tempo, key; keeps a library; composes; offline."""


def _register() -> None:
    """Add every command; their modules import what is heavy only when the command runs."""
    from sideman.cli import (
        classify,
        compare,
        compose,
        data,
        doctor,
        evaluate,
        explain,
        features,
        feedback,
        insights,
        lab,
        learn,
        ls,
        playlist,
        recommend,
        scan,
        serve,
        similar,
        spectra,
        tag,
        train,
        tune,
    )

    listening = (classify, features)
    library = (scan, ls, tag, similar, playlist, recommend, feedback, insights, learn)
    laboratory = (data, train, evaluate, compare, tune, explain, lab)
    # In the order in which --help names them.
    for module in (*listening, *library, compose, spectra, serve, *laboratory, doctor):
        module.register(app)


_register()
