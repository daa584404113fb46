"""The error tree: every error that a user can cause is a :class:`SidemanError`.

A message is one line: which file, what is wrong with it, and what to do.
"""

from __future__ import annotations


class SidemanError(Exception):
    """Base of all errors that Sideman raises on purpose; ``str()`` is one line, fit for a terminal."""


class UsageError(SidemanError):
    """An argument has a value outside its documented range."""


class AudioError(SidemanError):
    """A recording cannot be read, is damaged, empty, or exceeds a limit."""


class DatasetError(SidemanError):
    """A data set, manifest or split is missing something or contradicts itself."""


class ModelError(SidemanError):
    """Weights are missing, damaged, or do not fit their card."""


class ScoreError(SidemanError):
    """A MIDI or notation file cannot be read or written."""


class LibraryError(SidemanError):
    """The music library's database or one of its files is not in the expected state."""


class StoreError(LibraryError):
    """The library's database cannot be used now: it is held by another program, damaged, or its disk is full."""


class OutputError(SidemanError):
    """A result cannot be written: the folder is missing, read-only, or the disk is full."""


class WorkerError(SidemanError):
    """Worker processes cannot be started at all (one that dies on an item only fails that item)."""


class MissingExtraError(SidemanError):
    """A feature needs an optional dependency; the message names the extra that brings it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the optional extra '{extra}': pip install 'sideman[{extra}]'")
        self.extra = extra
