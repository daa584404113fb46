"""Files and folders that appear whole or not at all: a crash or a full disk never leaves half a result."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, TypeGuard, overload

from sideman.core.errors import OutputError

_LONGEST_STEM = 100  # bytes of the target's name kept in the temporary one; file systems allow 255 in all


@overload
def atomic_write(path: str | os.PathLike[str], mode: Literal["wb"] = "wb") -> AbstractContextManager[IO[bytes]]: ...


@overload
def atomic_write(
    path: str | os.PathLike[str],
    mode: Literal["w"],
    *,
    encoding: str = "utf-8",
    errors: str = "strict",
    newline: str | None = "",
) -> AbstractContextManager[IO[str]]: ...


def atomic_write(
    path: str | os.PathLike[str],
    mode: Literal["wb", "w"] = "wb",
    *,
    encoding: str = "utf-8",
    errors: str = "strict",
    newline: str | None = "",
) -> Any:
    """Open a temporary file beside ``path`` that takes its name when the ``with`` block ends without an error.

    The old file, if any, stays readable until that moment and keeps its permissions; a symbolic link keeps pointing to
    the (new) file. Data reach the disk (fsync) before the rename.

    Args:
        path: where the file shall appear; its folder must exist.
        mode: "wb" for bytes, "w" for text.
        encoding: of text.
        errors: how text that does not encode is handled, as in :func:`open`.
        newline: as in :func:`open`; by default nothing is translated.

    Raises:
        OutputError: the folder is missing or not writable, ``path`` is a folder, or the disk is full.
    """
    if mode not in ("wb", "w"):
        raise ValueError(f"mode must be 'wb' or 'w', not {mode!r}")
    text = {"encoding": encoding, "errors": errors, "newline": newline} if mode == "w" else {}
    return _write(Path(path), mode, text)


@contextmanager
def _write(path: Path, mode: str, text: dict[str, Any]) -> Iterator[IO[Any]]:
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"{path}: is a folder; name a file to write")
    temporary = _beside(target)
    try:
        # O_EXCL: nobody else's file is ever opened; 0o666 lets the umask decide, as with open().
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        with open(descriptor, mode, **text) as file:  # noqa: PTH123 - a descriptor has no Path
            yield file
            try:
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                raise _cannot_write(path, error) from None
        try:
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        except OSError as error:
            raise _cannot_write(path, error) from None
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if _is_full(error):
            raise _cannot_write(path, error) from None
        raise
    sync_folder(target.parent)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a new temporary folder beside ``path`` that takes its name when the ``with`` block ends without an error.

    Args:
        path: where the folder shall appear; its parent must exist.
        overwrite: replace an existing folder; it is moved aside only when the new one is complete, and then deleted.

    Raises:
        OutputError: ``path`` exists and ``overwrite`` is False, or the parent is missing or not writable.
    """
    target = Path(os.path.realpath(path))
    if os.path.lexists(target) and not (overwrite and target.is_dir()):
        raise OutputError(f"{path}: already exists; choose another name or remove it first")
    temporary = _beside(target)
    try:
        temporary.mkdir()
    except OSError as error:
        raise _cannot_write(Path(path), error) from None
    try:
        yield temporary
        try:
            if overwrite:
                _swap(temporary, target)
            else:
                temporary.rename(target)  # fails where another process was quicker
        except OSError as error:
            raise _cannot_write(Path(path), error) from None
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if _is_full(error):
            raise _cannot_write(Path(path), error) from None
        raise
    sync_folder(target.parent)


def _swap(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    aside = _beside(target)
    target.rename(aside)
    try:
        temporary.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _beside(target: Path) -> Path:
    stem = os.fsdecode(os.fsencode(target.name)[:_LONGEST_STEM])
    return target.with_name(f".{stem}.{secrets.token_hex(6)}.tmp")


def _is_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether a write failed for want of space; such an error names no file."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename


def _cannot_write(path: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "free some space or name another place" if full else "choose a folder that exists and is writable"
    return OutputError(f"{path}: cannot be written ({reason}); {hint}")


def sync_folder(folder: Path) -> None:
    """Make the rename itself durable; file systems that cannot sync a folder are left alone."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
