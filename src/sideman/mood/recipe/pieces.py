"""Scores that people labelled with an emotion, and what the label says of valence and arousal."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sideman.core.errors import DatasetError
from sideman.mood.names import QUADRANTS

LEARNT, UNSEEN = ("emopia", "xmidi-subset"), "vgmidi"
"""Sets that the model learns from, and the one that only ever tests it."""
# xmidi's two classes are both excited: they tell of valence alone.
LABELS: dict[str, tuple[int, int]] = {
    **{name: (1 if valence > 0 else -1, 1 if arousal > 0 else -1) for name, (valence, arousal) in QUADRANTS.items()},
    "happy": (1, 0),
    "angry": (-1, 0),
}
_EMOPIA_SONG = re.compile(r"Q\d_(.{11})_\d+$")


@dataclass(frozen=True)
class Piece:
    """A labelled score.

    Attributes:
        source: the set that it is from.
        path: of the MIDI file, relative to the folder of the sets.
        song: what must not be both learnt from and judged: the song of a clip, the game of a theme.
        valence, arousal: sign of what listeners said, -1 or 1; 0 where the label does not tell.
    """

    source: str
    path: str
    song: str
    valence: int
    arousal: int

    @property
    def seed(self) -> int:
        """A number of its own for each path, the same on every machine."""
        return int.from_bytes(hashlib.sha256(self.path.encode()).digest()[:4], "big")


def labelled(folder: Path, sources: Sequence[str], *, most: int | None = None) -> list[Piece]:
    """Pieces of ``sources`` that ``catalog.csv`` in ``folder`` names, in the order of their paths; byte copies once.

    Args:
        folder: has the unpacked sets and catalog.csv with the columns set, path, emotion and md5.
        sources: names of sets.
        most: keep this many of each set, drawn evenly.

    Raises:
        DatasetError: there is no such catalogue, or it names no labelled piece of one of the sets.
    """
    place = folder / "catalog.csv"
    try:
        with place.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("emotion") in LABELS]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{place}: cannot be read ({error}); --data takes the folder of the MIDI sets") from None
    found: list[Piece] = []
    for source in sources:
        seen: set[str] = set()
        own = []
        for row in sorted((row for row in rows if row["set"] == source), key=lambda row: row["path"]):
            if (content := row.get("md5") or row["path"]) not in seen:
                seen.add(content)
                own.append(Piece(source, row["path"], _song(source, row["path"]), *LABELS[row["emotion"]]))
        if not own:
            raise DatasetError(f"{place}: names no labelled piece of the set {source}; unpack the set there")
        step = max(1.0, len(own) / most) if most else 1.0
        found += [own[int(i * step)] for i in range(int(len(own) / step))]
    return found


def _song(source: str, path: str) -> str:
    stem = Path(path).stem
    match = _EMOPIA_SONG.match(stem)
    if source == "emopia" and match:
        return match[1]
    return stem.split("_")[0] if source == UNSEEN else stem
