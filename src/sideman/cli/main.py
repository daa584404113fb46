"""The ``sideman`` command: registers one module per command and turns every expected error into one line."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sideman import __version__
from sideman.cli.common import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE, complain, discard_stdout
from sideman.core.errors import SidemanError, UsageError
from sideman.core.tuning import default_to_one_thread


class _Commands(TyperGroup):
    """The group of all commands, where their errors end."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a SidemanError or OSError is one line on stderr, Ctrl-C and a closed pipe are quiet."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            discard_stdout()
            raise typer.Exit(BROKEN_PIPE) from None
        except UsageError as error:
            complain(f"error: {error}")
            raise typer.Exit(USAGE) from None
        except SidemanError as error:
            complain(f"error: {error}")
            raise typer.Exit(FAILED) from None
        except OSError as error:
            discard_stdout()
            name = f"{error.filename}: " if error.filename else ""
            complain(f"error: {name}{error.strerror or error}")
            raise typer.Exit(FAILED) from None


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


def main() -> None:
    """Entry point of the ``sideman`` script."""
    default_to_one_thread()
    app(prog_name="sideman")
