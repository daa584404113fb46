"""A collection of scores made ready for training: tokenised once, memory-mapped, split without leaks.

A corpus is a folder: `tokens.npy` (all bars of all pieces), `melody.npy` (the melody of each piece alone), `bars.npy`
and `melody_bars.npy` (where each bar begins), `pieces.json` (a row per piece). It is made in parallel processes and
appears whole.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.compose import originality
from sideman.compose.controls import Controls
from sideman.compose.vocabulary import END_OF, OFFSET, Body, describe, encode_body
from sideman.core.atomic import atomic_folder
from sideman.core.errors import DatasetError, ScoreError
from sideman.core.parallel import in_order, map_files
from sideman.mood.score import mood_of_score
from sideman.symbolic.analysis import estimate_key, grid_strength, melody_track, skyline
from sideman.symbolic.reading import read_score
from sideman.symbolic.score import DEFAULT_METRE, METRES, Score, quantise

FEWEST_BARS, MOST_BARS = 4, 400
WEAKEST_GRID = 0.3  # below this, onsets have nothing to do with the beats that the file claims
SPLITS = ("train", "valid", "test")
_VALID, _TEST = 0.04, 0.08
_LARGEST_GROUP, _FEWEST_OF_A_LARGE_GROUP = 0.01, 20  # a larger group would be a test of one artist: it is learnt from


@dataclass(frozen=True)
class Source:
    """One file of a collection.

    Attributes:
        path: a MIDI file.
        genre: its name, or None where unknown.
        group: whoever must not be torn apart by a split: an artist, a book of tunes, one piece's versions.
        origin: the data set's name.
        style: how it is set; None to tell by the instruments.
        mood: (valence, arousal) as people labelled it, or None.
    """

    path: str
    genre: str | None
    group: str
    origin: str = ""
    style: str | None = None
    mood: tuple[float, float] | None = None


@dataclass(frozen=True)
class Piece:
    """A row of `pieces.json`: where a piece's bars are, what it is like, and its part of the split."""

    source: Source
    controls: Controls
    first_bar: int
    n_bars: int
    first_melody_bar: int
    split: str
    group: str
    n_notes: int


def style_of(score: Score) -> str:
    """How a score is set, by its instruments."""
    programs = {t.program for t in score.tracks}
    if programs == {128}:
        return "drums"
    if programs <= set(range(8)):
        return "piano"
    return "band" if len(programs) > 1 else "lead-sheet"


def prepare(source: Source) -> dict[str, Any]:
    """One file as tokens and facts; raises :class:`ScoreError` where it is no use for training."""
    raw = read_score(source.path)
    if {metre[1:] for metre in raw.metres} == {(1, 4)}:  # a count of beats, not a metre
        raw = replace(raw, metres=((0, *DEFAULT_METRE),))
    if grid_strength(raw) < WEAKEST_GRID:
        raise ScoreError(f"{source.path}: its notes do not keep to the beats of the file; leave it out")
    score = quantise(raw, tempo_changes=False)
    bars = score.bars()
    if not FEWEST_BARS <= len(bars) <= MOST_BARS:
        raise ScoreError(f"{source.path}: has {len(bars)} bars, not {FEWEST_BARS} to {MOST_BARS}; leave it out")
    estimate = estimate_key(score)
    valence, arousal = source.mood or mood_of_score(raw)
    controls = replace(
        describe(score),
        genre=source.genre,
        key=None if estimate is None else estimate.key,
        valence=round(valence, 3),
        arousal=round(arousal, 3),
        style=source.style or style_of(score),
        bars=len(bars),
    )
    body = encode_body(score)
    track = melody_track(score)
    melody_tokens, melody_starts = np.zeros(0, np.uint16), np.zeros(len(bars) + 1, np.int64)
    if track is not None:
        alone = _melody_body(score, track.program)
        melody_tokens, melody_starts = alone.tokens, alone.starts
        if len(melody_starts) < len(bars) + 1:
            padding = np.full(len(bars) + 1 - len(melody_starts), melody_starts[-1])
            melody_starts = np.concatenate([melody_starts, padding])
    found = [originality.grams(steps) for steps in originality.lines_of(score)]
    return {
        "controls": asdict(controls),
        "tokens": body.tokens,
        "starts": body.starts,
        "melody": melody_tokens,
        "melody_starts": melody_starts[: len(bars) + 1],
        "n_notes": score.n_notes,
        "grams": np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint32),
    }


def _melody_body(score: Score, program: int) -> Body:
    track = next(t for t in score.tracks if t.program == program)
    line = quantise(score.with_tracks([replace(track, notes=skyline(track.notes))]))
    # quantise() drops a silent beginning; the melody must stay under the bars it belongs to
    offset = int(track.notes[0, 0]) - int(line.tracks[0].notes[0, 0])
    moved = line.tracks[0].notes + np.asarray([offset, 0, 0, 0])
    return encode_body(replace(score, tracks=(replace(track, notes=moved),), tempos=score.tempos[:1]))


def build(
    sources: Sequence[Source],
    folder: Path,
    *,
    workers: int | None = None,
    advance: Callable[[], None] | None = None,
) -> list[str]:
    """Make the corpus ``folder`` of ``sources``; returns a line for each file that was left out.

    Raises:
        DatasetError: no file is of use.
        OutputError: the folder exists already or cannot be written.
    """
    left_out, rows = [], []
    for outcome in in_order(map_files(prepare, list(sources), workers, time_limit_s=60.0)):
        if advance is not None:
            advance()
        if outcome.ok:
            rows.append((outcome.item, outcome.result()))
        else:
            left_out.append(outcome.error or "")
    if not rows:
        raise DatasetError(
            f"none of {len(sources)} files can be learnt from; first: {left_out[0] if left_out else '-'}"
        )
    groups = _groups(rows)
    largest = max(_FEWEST_OF_A_LARGE_GROUP, _LARGEST_GROUP * len(rows))
    splits = {group: "train" if n > largest else _split_of(group) for group, n in Counter(groups).items()}
    pieces, bar_at, melody_bar_at = [], [0], [0]
    first_bar = 0
    for (source, row), group in zip(rows, groups, strict=True):
        n_bars = len(row["starts"]) - 1
        bar_at += (bar_at[-1] + row["starts"][1:]).tolist()
        melody_bar_at += (melody_bar_at[-1] + row["melody_starts"][1:]).tolist()
        controls = Controls.from_plain(row["controls"])
        pieces.append(Piece(source, controls, first_bar, n_bars, first_bar, splits[group], group, row["n_notes"]))
        first_bar += n_bars
    with atomic_folder(folder) as target:
        np.save(target / "tokens.npy", np.concatenate([row["tokens"] for _, row in rows]))
        np.save(target / "melody.npy", np.concatenate([row["melody"] for _, row in rows]))
        np.save(target / "bars.npy", np.asarray(bar_at))
        np.save(target / "melody_bars.npy", np.asarray(melody_bar_at))
        text = json.dumps([asdict(piece) for piece in pieces])
        (target / "pieces.json").write_text(text, encoding="utf-8")
    return left_out


def _groups(rows: Sequence[tuple[Source, dict[str, Any]]]) -> list[str]:
    """Names of groups that no split tears: the sources' own, joined where pieces share a tenth of their stretches."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    holders: dict[int, list[int]] = defaultdict(list)
    for i, (_, row) in enumerate(rows):
        for gram in row["grams"][row["grams"] % np.uint32(8) == 1].tolist():  # a sample, the same of every piece
            holders[gram].append(i)
    shared: Counter[tuple[int, int]] = Counter()
    for members in holders.values():
        if 1 < len(members) <= 20:
            shared.update((a, b) for k, a in enumerate(members) for b in members[k + 1 :])
    sizes = [int((row["grams"] % np.uint32(8) == 1).sum()) for _, row in rows]
    names = [f"{source.origin}/{source.group}" for source, _ in rows]
    for (a, b), count in shared.items():
        if count >= max(3, 0.1 * min(sizes[a], sizes[b])):
            parent[root(names[a])] = root(names[b])
    return [root(name) for name in names]


def _split_of(group: str) -> str:
    share = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) / 16**8
    return "test" if share < _TEST else "valid" if share < _TEST + _VALID else "train"


class Corpus:
    """A corpus on disk; arrays are mapped, not read."""

    def __init__(self, folder: Path) -> None:
        """Open what `build` wrote; raises :class:`DatasetError` where it is missing or damaged."""
        try:
            self.tokens: NDArray[np.uint16] = np.load(folder / "tokens.npy", mmap_mode="r")
            self.melody: NDArray[np.uint16] = np.load(folder / "melody.npy", mmap_mode="r")
            self.bars: NDArray[np.int64] = np.load(folder / "bars.npy")
            self.melody_bars: NDArray[np.int64] = np.load(folder / "melody_bars.npy")
            rows = json.loads((folder / "pieces.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{folder}: no usable corpus of scores ({error}); make it anew") from error
        self.folder = folder
        self.pieces = [_piece(row) for row in rows]

    def part(self, split: str, *, genre: str | None = None) -> list[Piece]:
        """The pieces of a split, of one genre if named."""
        return [p for p in self.pieces if p.split == split and (genre is None or p.controls.genre == genre)]

    def body(self, piece: Piece, first: int = 0, stop: int | None = None) -> NDArray[np.uint16]:
        """Tokens of some of a piece's bars."""
        a, b = piece.first_bar + first, piece.first_bar + (piece.n_bars if stop is None else stop)
        return self.tokens[self.bars[a] : self.bars[b]]

    def melody_of(self, piece: Piece, first: int = 0, stop: int | None = None) -> NDArray[np.uint16]:
        """Tokens of the melody in some of a piece's bars."""
        a, b = piece.first_bar + first, piece.first_bar + (piece.n_bars if stop is None else stop)
        return self.melody[self.melody_bars[a] : self.melody_bars[b]]

    def program_at(self, piece: Piece, bar: int, *, melody: bool = False) -> int | None:
        """The instrument that plays on into a bar; None in the piece's first bar."""
        bars, last = (self.melody_bars, self._last_melody) if melody else (self.bars, self._last_program)
        at, first = int(bars[piece.first_bar + bar]), int(bars[piece.first_bar])
        which = int(np.searchsorted(last, at)) - 1
        if which < 0 or last[which] < first:
            return None
        return int((self.melody if melody else self.tokens)[last[which]]) - OFFSET["instrument"]

    def metre_at(self, piece: Piece, bar: int) -> tuple[int, int]:
        """The metre of a bar."""
        after, first = int(self.bars[piece.first_bar + bar]) + 2, int(self.bars[piece.first_bar])
        which = int(np.searchsorted(self._metres, after)) - 1
        if which < 0 or self._metres[which] < first:
            return piece.controls.metre or DEFAULT_METRE
        return METRES[int(self.tokens[self._metres[which]]) - OFFSET["metre"]]

    @cached_property
    def _last_program(self) -> NDArray[np.int64]:
        return _places(self.tokens, "instrument")

    @cached_property
    def _last_melody(self) -> NDArray[np.int64]:
        return _places(self.melody, "instrument")

    @cached_property
    def _metres(self) -> NDArray[np.int64]:
        return _places(self.tokens, "metre")

    @cached_property
    def genres(self) -> Counter[str]:
        """Number of training pieces of each genre."""
        return Counter(p.controls.genre for p in self.part("train") if p.controls.genre)


def _places(tokens: NDArray[np.uint16], kind: str) -> NDArray[np.int64]:
    """Where tokens of a kind are."""
    return np.flatnonzero((tokens >= OFFSET[kind]) & (tokens < END_OF[kind]))


def _piece(row: dict[str, Any]) -> Piece:
    source, controls = row["source"], row["controls"]
    mood = source["mood"]
    return Piece(
        **{
            **row,
            "source": Source(**{**source, "mood": None if mood is None else tuple(mood)}),
            "controls": Controls.from_plain(controls),
        }
    )
