"""Paths as text that any database takes, without losing a byte.

On POSIX a path is bytes; Python shows bytes that are no UTF-8 as lone surrogates, which databases refuse. Here each
becomes U+F8FE (private use) and two hexadecimal digits; a U+F8FE of the name itself is doubled.
"""

from __future__ import annotations

import os
import re
import unicodedata

_MARK = "\uf8fe"
_ESCAPED = re.compile(f"{_MARK}({_MARK}|[0-9a-f]{{2}})")
_TO_ESCAPE = re.compile(f"[\udc80-\udcff{_MARK}]")


def to_text(path: str | os.PathLike[str]) -> str:
    """Text of a path for the database; the path itself where it is valid Unicode."""
    return _TO_ESCAPE.sub(lambda m: _MARK * 2 if m[0] == _MARK else f"{_MARK}{ord(m[0]) - 0xDC00:02x}", os.fspath(path))


def from_text(text: str) -> str:
    """The path that :func:`to_text` was given."""
    if _MARK not in text:
        return text
    return _ESCAPED.sub(lambda m: _MARK if m[1] == _MARK else chr(0xDC00 + int(m[1], 16)), text)


def normal(text: str) -> str:
    """Text for searching: lower case, without accents, spaces single; "Mötley Crüe" -> "motley crue"."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in apart if not unicodedata.combining(c)).split())
