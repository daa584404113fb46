"""Text that JSON can hold, and the kinds of parameters that many routes share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query

LONGEST_QUERY = 2000
MOST_ID = 10**15 - 1


def clean(value: Any) -> Any:
    """Plain values whose text is valid Unicode: a byte of a path that is none is written out as ``\\udcXX``."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {clean(name): clean(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [clean(held) for held in value]
    return value


QueryText = Annotated[
    str,
    Query(
        alias="query",
        max_length=LONGEST_QUERY,
        description="In the query language of `sideman ls`, such as `genre:jazz bpm:90..110 -tag:live`; empty for all.",
    ),
]
TrackId = Annotated[int, Path(ge=1, le=MOST_ID, description="A track's number in the library.")]
