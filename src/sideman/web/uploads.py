"""Uploaded files: kept in a private folder under names of ours for as long as they are needed."""

from __future__ import annotations

import errno
import logging
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from sideman.core.errors import OutputError, UsageError
from sideman.web.problems import FullError, MediaTypeError
from sideman.web.space import Space

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of every body that breaks off

_MOST_PARTS = 16
_MOST_HEADER_BYTES = 8192
_MOST_TEXT_BYTES = 65536
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Upload:
    """A file that came: where it lies now, and what its sender calls it (for people only)."""

    path: Path
    name: str


@dataclass
class Form:
    """What a request brought."""

    files: dict[str, Upload] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def received(
    request: Request,
    folder: Path,
    *,
    files: Collection[str] = ("file",),
    texts: Collection[str] = (),
    space: Space | None = None,
) -> AsyncIterator[Form]:
    """Take in a body, multipart/form-data or the bytes of one file, for as long as the block lasts.

    Args:
        request: whose body was not read yet.
        folder: where files are put, under random names; they are removed at the end of the block.
        files: names of parts that are files; raw bytes become the first of them, named by the query's ``name``.
        texts: names of parts that are text, at most 64 KiB each.
        space: in which the files are counted while they come, until the end of the block.

    Raises:
        MediaTypeError: a JSON or urlencoded body.
        UsageError: the body is empty, is no proper multipart, or has other parts.
        FullError: there is no room for it.
        OutputError: it cannot be kept for another reason.
    """
    form = Form()
    with space.share() if space is not None else nullcontext() as share:
        try:
            if space is not None:
                space.check(_told_bytes(request))
            try:
                with closing(_taker(request, form, folder, files, texts)) as taker:
                    async for chunk in request.stream():
                        if share is not None:
                            share.take(len(chunk))
                        taker.take(chunk)
                    taker.finish()
            except OSError as error:
                if error.errno in _FULL:
                    raise FullError("the server's disk is full; try again later, or free some space there") from None
                raise OutputError(f"the upload cannot be kept ({error.strerror or error}); try again later") from None
            yield form
        finally:
            for upload in form.files.values():
                with suppress(OSError):
                    upload.path.unlink(missing_ok=True)


def _told_bytes(request: Request) -> int:
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else 0


def _taker(request: Request, form: Form, folder: Path, files: Collection[str], texts: Collection[str]) -> _Taker:
    kind, options = parse_options_header(request.headers.get("content-type"))
    first = next(iter(files))
    if kind == b"multipart/form-data":
        return _Parts(form, folder, options.get(b"boundary", b""), frozenset(files), frozenset(texts))
    if kind in (b"application/json", b"application/x-www-form-urlencoded"):
        raise MediaTypeError(
            f"send a file as multipart/form-data, part '{first}', or its bytes with "
            "Content-Type: application/octet-stream"
        )
    return _Whole(form, folder, first, request.query_params.get("name"))


class _Taker(Protocol):
    def take(self, chunk: bytes) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...


class _Whole:
    """A body that is one file."""

    def __init__(self, form: Form, folder: Path, part: str, name: str | None) -> None:
        path = _fresh(folder)
        form.files[part] = Upload(path, shown_name(name))
        self._file = path.open("xb")
        self._empty = True

    def take(self, chunk: bytes) -> None:
        self._empty = self._empty and not chunk
        self._file.write(chunk)

    def finish(self) -> None:
        self._file.flush()
        if self._empty:
            raise UsageError("the body is empty; send a recording, as multipart/form-data or as its bytes")

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()


class _Parts:
    """A body in parts, written out as they come."""

    def __init__(self, form: Form, folder: Path, boundary: bytes, files: frozenset[str], texts: frozenset[str]) -> None:
        self._form, self._folder, self._known_files, self._known_texts = form, folder, files, texts
        self._file: BinaryIO | None = None
        self._text: bytearray | None = None
        self._name = ""
        self._header = bytearray()
        self._headers: list[tuple[bytes, bytes]] = []
        self._value = bytearray()
        self._header_bytes = 0
        self._parts_n = 0
        self._ended = False
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            if not boundary:
                raise FormParserError("it names no boundary")
            self._parser = MultipartParser(boundary, cast("Any", callbacks))
        except FormParserError as error:
            raise _malformed(error) from None

    def take(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _malformed(error) from None

    def finish(self) -> None:
        if not self._ended:
            raise UsageError("the multipart body breaks off")
        if not self._form.files and not self._form.texts:
            raise UsageError(f"the multipart body has no part '{next(iter(sorted(self._known_files)))}'")

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _begin(self) -> None:
        self._parts_n += 1
        if self._parts_n > _MOST_PARTS:
            raise UsageError(f"the multipart body has more than {_MOST_PARTS} parts")
        self._headers, self._header_bytes = [], 0
        self._header, self._value = bytearray(), bytearray()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _count(self, n: int) -> None:
        self._header_bytes += n
        if self._header_bytes > _MOST_HEADER_BYTES:
            raise UsageError("a part of the multipart body has a name that is too long; send it with a shorter one")

    def _on_header_end(self) -> None:
        self._headers.append((bytes(self._header).lower(), bytes(self._value)))
        self._header, self._value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        told = dict(self._headers).get(b"content-disposition", b"")
        _, options = parse_options_header(told.decode("latin-1"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name in self._form.files or self._name in self._form.texts:
            raise UsageError(f"the part '{shown_name(self._name)}' was sent twice")
        if self._name in self._known_files:
            path = _fresh(self._folder)
            own = options.get(b"filename", b"").decode("utf-8", "replace")
            self._form.files[self._name] = Upload(path, shown_name(own))
            self._file = path.open("xb")
        elif self._name in self._known_texts:
            self._text = bytearray()
        else:
            known = ", ".join(sorted(self._known_files | self._known_texts))
            raise UsageError(f"unknown part '{shown_name(self._name)}'; there may be: {known}")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
        elif self._text is not None:
            self._text += data[start:end]
            if len(self._text) > _MOST_TEXT_BYTES:
                raise UsageError(f"the part '{self._name}' is longer than {_MOST_TEXT_BYTES // 1024} KiB")

    def _on_part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        elif self._text is not None:
            self._form.texts[self._name] = self._text.decode("utf-8", "replace")
            self._text = None

    def _on_end(self) -> None:
        self._ended = True


def _fresh(folder: Path) -> Path:
    return folder / f"upload-{secrets.token_hex(16)}"


def _malformed(error: Exception) -> UsageError:
    told = " ".join(str(error).split())
    return UsageError(f"the multipart body cannot be read ({told[:100]})")


def shown_name(name: str | None) -> str:
    """An upload's own name, fit for people: the last part of it, one line, at most 120 characters; never a path."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(char if char.isprintable() else " " for char in last.encode("utf-8", "replace").decode())
    plain = " ".join(plain.split())
    if not plain:
        return "upload"
    return plain if len(plain) <= 120 else f"{plain[:80]}…{plain[-36:]}"
