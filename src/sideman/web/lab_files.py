"""What the lab left on disk: reports and evaluations below a folder, and the scoreboard that comes with Sideman.

Files are known to clients by a digest of their place in the folder; no path ever comes from a client.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from sideman.web.problems import NotFoundError

_DEEPEST = 5
_MOST_LOOKED_AT = 20_000
_MOST = 500
_MOST_BYTES = 64 * 1024 * 1024
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_HEAD_BYTES = 4096


@dataclass(frozen=True)
class LabFile:
    """A file below the lab's folder."""

    id: str
    path: Path
    relative: str
    bytes: int
    mtime_ns: int

    @property
    def modified_at(self) -> float:
        """Seconds since 1970."""
        return self.mtime_ns / 1e9


@cache
def scoreboard() -> dict[str, Any] | None:
    """The scoreboard by name of its rows: from the wheel, or from the documents of a checkout; None without."""
    here = Path(__file__).parent
    for place in (here / "scoreboard.json", here.parents[2] / "docs" / "scoreboard.json"):
        if place.is_file():
            found: dict[str, Any] = json.loads(place.read_bytes())
            return found
    return None


def reports(folder: Path | None) -> list[LabFile]:
    """Pages (.html) of the lab, the newest first."""
    return _newest(file for file in _files(folder) if file.path.suffix.lower() in (".html", ".htm"))


def evaluations(folder: Path | None) -> list[tuple[LabFile, dict[str, Any]]]:
    """Evaluations with what they tell, the newest first."""
    found = []
    for file in _newest(file for file in _files(folder) if file.path.suffix.lower() == ".json"):
        content = evaluation(file)
        if content is not None:
            found.append((file, content))
    return found


def report_of(folder: Path | None, wanted: str) -> LabFile:
    """The report with an id.

    Raises:
        NotFoundError: there is none.
    """
    for file in reports(folder):
        if file.id == wanted:
            return file
    raise NotFoundError("there is no such report; its file may be gone")


def evaluation_of(folder: Path | None, wanted: str) -> tuple[LabFile, dict[str, Any]]:
    """The evaluation with an id, and what it tells.

    Raises:
        NotFoundError: there is none.
    """
    for file, content in evaluations(folder):
        if file.id == wanted:
            return file, content
    raise NotFoundError("there is no such evaluation; its file may be gone")


def title_of(report: LabFile) -> str:
    """What a page calls itself, else its name."""
    try:
        with report.path.open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        head = ""
    found = _TITLE.search(head)
    told = " ".join(html.unescape(found[1]).split()) if found else ""
    return told[:200] or report.relative


def kind_of(report: LabFile) -> str:
    """ "evaluation" for a page beside an evaluation, else "report"."""
    beside = (report.path.with_name("evaluation.json"), report.path.with_suffix(".json"))
    return "evaluation" if any(path.is_file() for path in beside) else "report"


def evaluation(file: LabFile) -> dict[str, Any] | None:
    """What an evaluation tells, without the scores of single recordings; None where a file is none."""
    return _evaluation(str(file.path), file.mtime_ns, file.bytes)


@lru_cache(maxsize=_MOST)
def _evaluation(path: str, _mtime_ns: int, size: int) -> dict[str, Any] | None:
    if size > _MOST_BYTES:
        return None
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if b'"sideman"' not in head or b'"protocol"' not in head:
                return None
            content = json.loads(head + file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not isinstance(content.get("figures"), dict):
        return None
    if not all(isinstance(content.get(name), str) for name in ("model", "protocol")):
        return None
    bulky = ("runs", "tracks", "labels", "groups", "curves")
    return {name: value for name, value in content.items() if name not in bulky}


def _files(folder: Path | None) -> Iterator[LabFile]:
    """Regular files, a few folders deep; links and hidden ones are passed over."""
    if folder is None:
        return
    root = os.path.realpath(folder)
    looked_at = 0
    for where, folders, names in os.walk(root):
        depth = 0 if where == root else os.path.relpath(where, root).count(os.sep) + 1
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < _DEEPEST else []
        for name in sorted(names):
            looked_at += 1
            if looked_at > _MOST_LOOKED_AT:
                return
            path = Path(where) / name
            if name.startswith(".") or path.suffix.lower() not in (".html", ".htm", ".json") or path.is_symlink():
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            if not path.is_file() or status.st_size > _MOST_BYTES:
                continue
            relative = os.path.relpath(path, root)
            digest = hashlib.sha256(os.fsencode(relative)).hexdigest()[:20]
            yield LabFile(digest, path, relative, status.st_size, status.st_mtime_ns)


def _newest(files: Iterator[LabFile]) -> list[LabFile]:
    return sorted(files, key=lambda file: (-file.mtime_ns, file.relative))[:_MOST]
