"""The ``sideman`` script. It imports what is heavy where Ctrl-C is quiet already: the commands take a while to load."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the ``sideman`` script."""
    try:
        from sideman.core import interrupts

        interrupts.heed()
        from sideman.cli.app import app
        from sideman.core.tuning import default_to_one_thread

        default_to_one_thread()
        try:
            app(prog_name="sideman")
        except SystemExit:
            interrupts.check()  # typer calls every signal Ctrl-C
            raise
        finally:
            interrupts.end_silently()  # all is written; what is left is Python's own way out
    except KeyboardInterrupt as error:
        from sideman.core.interrupts import exit_code

        sys.exit(exit_code(error))
