"""Write tags so that neither a crash nor a full disk nor another program can lose any, or a sample of the sound.

1. A lock on the file keeps other runs away; its tags and sound must be what the change was planned for.
2. A row with the old values is durable in the journal.
3. A copy with the new tags is made beside the file.
4. The copy is read back: the new values, every other tag, the encoded and the decoded sound are compared.
5. The copy gets the file's mode, owner and attributes, is forced to the disk, and takes its name in one step, if the
   file is still what it was; the folder is forced to the disk.
6. The row is marked as done, and the library knows the new tags.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sideman.core.atomic import sync_folder
from sideman.core.errors import LibraryError, SidemanError
from sideman.library.store import Store
from sideman.library.tags import checks, journal
from sideman.library.tags.journal import Change
from sideman.library.tags.locks import EXCLUSIVE, BusyError, locked

_LONGEST_STEM = 100  # bytes
_HINTS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EROFS: "its disk is mounted read-only",
    errno.EACCES: "its folder is write-protected",
    errno.EPERM: "its folder is write-protected",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one file: ``state`` is "done" or "failed" (the file is as it was), ``detail`` says why."""

    path: str
    state: str
    detail: str | None = None


def _step(name: str) -> None:
    """Called before each step by its name; tests put faults here."""


def write(
    store: Store,
    batch: int,
    change: Change,
    *,
    preserve_mtime: bool = False,
    break_hard_links: bool = False,
    note: str | None = None,
) -> Outcome:
    """Write the tags of one file.

    Args:
        store: the library, whose journal is kept.
        batch: of the journal, by :func:`~sideman.library.tags.journal.begin`.
        change: what to write. A symbolic link is followed, its target is edited.
        preserve_mtime: leave the file's time of change.
        break_hard_links: write also where the file has other names, which then keep the old tags.
        note: for the journal.

    Returns:
        "failed" for whatever is wrong with this file; it is then untouched.

    Raises:
        LibraryError: the journal cannot be written.
    """
    path = Path(os.path.realpath(change.path))
    try:
        _step("lock")
        with locked(path) as file:
            status = os.fstat(file.fileno())
            _refuse(path, status, break_hard_links)
            before = checks.snapshot(file)
            if before.audio_hash != change.audio_hash:
                raise LibraryError("its sound is no longer what was scanned; scan it again")
            if any(before.values[name] != values for name, values in change.old.items()):
                raise LibraryError("its tags have changed meanwhile; run it again")
            return _write(store, batch, change, path, file, status, before, preserve_mtime, note)
    except _JournalError as error:
        raise LibraryError(str(error)) from None
    except Exception as error:  # noqa: BLE001 - what a strange file does to a parser fails that file only
        return Outcome(change.path, "failed", _reason(error))


class _JournalError(Exception):
    """The database failed, not the file."""


def _write(
    store: Store,
    batch: int,
    change: Change,
    path: Path,
    file: BinaryIO,
    status: os.stat_result,
    before: checks.Snapshot,
    preserve_mtime: bool,
    note: str | None,
) -> Outcome:
    temporary = _beside(path)
    try:
        _step("journal")
        row = journal.plan(store, batch, change, temporary, note)
    except LibraryError as error:
        raise _JournalError(str(error)) from None
    try:
        _make(change, path, file, status, before, temporary, preserve_mtime)
        _step("compare")
        _unchanged(path, status)
        _step("rename")
        if not EXCLUSIVE:
            file.close()  # an open file cannot be replaced there
        temporary.replace(path)
    except Exception as error:
        _remove(temporary)
        with suppress(LibraryError):  # else the row stays planned, and the next run settles it
            journal.failed(store, row, _reason(error))
        raise
    except BaseException:  # interrupted, perhaps after the rename: the next run settles it
        _remove(temporary)
        raise
    try:
        _step("folder")
        sync_folder(path.parent)
        _step("commit")
        journal.done(store, row, change.path, note)
    except (OSError, LibraryError) as error:
        raise _JournalError(f"{change.path}: is written, but the library could not be told ({error})") from None
    return Outcome(change.path, "done")


def _remove(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink()


def _make(
    change: Change,
    path: Path,
    file: BinaryIO,
    status: os.stat_result,
    before: checks.Snapshot,
    temporary: Path,
    preserve_mtime: bool,
) -> None:
    """The checked and durable copy."""
    _step("create")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, 0o600)
    except FileExistsError:
        raise BusyError("another program is at it; run it again later") from None
    with os.fdopen(descriptor, "w+b") as copy:
        _step("edit")
        before.format.rewrite(file, change.new, copy)
        copy.flush()
        _step("check")
        checks.check(before, change.new, copy, path, temporary)
        _step("attributes")
        _dress(path, temporary, status, preserve_mtime)
        _step("sync")
        os.fsync(copy.fileno())


def _refuse(path: Path, status: os.stat_result, break_hard_links: bool) -> None:
    if status.st_nlink > 1 and not break_hard_links:
        raise LibraryError(
            f"it has {status.st_nlink} names (hard links), and the others would keep the old tags; "
            "--break-hard-links writes it all the same"
        )
    if not status.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise LibraryError("it is write-protected")


def _dress(path: Path, temporary: Path, status: os.stat_result, preserve_mtime: bool) -> None:
    """Give the copy the owner, mode and attributes of the file, as far as one may."""
    if hasattr(os, "chown"):
        try:
            os.chown(temporary, status.st_uid, status.st_gid)
        except OSError:
            with suppress(OSError):
                os.chown(temporary, -1, status.st_gid)
    with suppress(OSError):  # some file systems have no modes or attributes of their own
        shutil.copystat(path, temporary)
    if stat.S_IMODE(temporary.stat().st_mode) != stat.S_IMODE(status.st_mode):
        raise LibraryError("its mode cannot be kept; the file was left alone")
    if preserve_mtime:
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(temporary)


def _unchanged(path: Path, status: os.stat_result) -> None:
    now = path.stat()
    if any(getattr(now, name) != getattr(status, name) for name in ("st_dev", "st_ino", "st_size", "st_mtime_ns")):
        raise LibraryError("it was changed by another program meanwhile; run it again")


def _beside(path: Path) -> Path:
    stem = os.fsdecode(os.fsencode(path.name)[:_LONGEST_STEM])
    return path.with_name(f".{stem}.{secrets.token_hex(6) if EXCLUSIVE else 'one'}.sideman-tmp")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        return _HINTS.get(error.errno or 0) or f"it cannot be written ({(error.strerror or str(error)).lower()})"
    return str(error) if isinstance(error, SidemanError) else f"its tags are damaged ({type(error).__name__}: {error})"
