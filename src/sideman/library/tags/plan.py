"""From what was heard to what is to be written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sideman.audio.sources import open_file, shown
from sideman.core.errors import AudioError, LibraryError, UsageError
from sideman.library.keys import camelot, short_key
from sideman.library.tags.formats import FIELDS, Values, format_of
from sideman.library.tags.journal import Change
from sideman.library.tags.read import FileTags, tags_of
from sideman.library.tags.spelling import Spelling
from sideman.library.track import Track

CONFIDENT = 0.5
"""Below this probability tempo, key and mood are not written unless asked; genres go by "unsure"."""


@dataclass(frozen=True)
class Options:
    """What to write.

    Attributes:
        fields: of "genre", "mood", "bpm", "key".
        min_confidence: least probability 0..1 of anything written; None for the rule of :data:`CONFIDENT`. A genre of
            which Sideman was unsure is written only at 0.
        force: also replace what is there.
        top: at most so many genres.
        genre_share: with it, every genre of at least this probability besides the first.
        bpm_range: lowest and highest tempo; others are doubled or halved into it where that is possible.
        key_style: "short" (Dm) or "camelot" (7A).
        spelling: of genres and moods.
    """

    fields: tuple[str, ...] = FIELDS
    min_confidence: float | None = None
    force: bool = False
    top: int = 1
    genre_share: float | None = None
    bpm_range: tuple[float, float] | None = None
    key_style: Literal["short", "camelot"] = "short"
    spelling: Spelling = field(default_factory=Spelling)


@dataclass(frozen=True)
class Problem:
    """A file for which nothing can be planned, and why."""

    path: str
    detail: str


@dataclass(frozen=True)
class Planned:
    """A change, with the values that the file shows now (those of another tag format in it may fill in)."""

    change: Change
    shown: Values


def plan(tracks: Iterable[Track], options: Options) -> Iterator[Planned | Problem]:
    """What is to be written to each file; files for which there is nothing are passed over.

    The files' own tags are read: what the library knows of them may be old.
    """
    met: set[str] = set()
    for track in tracks:
        real = os.path.realpath(track.path)  # the library may hold a file under several names
        if track.audio_hash is None or not track.analysed or track.missing or real in met:
            continue
        met.add(real)
        wanted = heard(track, options)
        if not wanted:
            continue
        planned = _against(track, track.audio_hash, wanted, options)
        if planned is not None:
            yield planned


def heard(track: Track, options: Options) -> Values:
    """The values that were heard well enough, by field; tempo with decimals."""
    found: Values = {}
    if "genre" in options.fields:
        found["genre"] = _genres(track, options)
    if "mood" in options.fields and track.mood and _sure(track.mood_confidence, options):
        found["mood"] = [options.spelling(track.mood)]
    if "bpm" in options.fields and track.tempo_bpm and _sure(track.tempo_confidence, options):
        found["bpm"] = [f"{folded(track.tempo_bpm, options.bpm_range):.1f}".removesuffix(".0")]
    if "key" in options.fields and track.key and _sure(track.key_confidence, options):
        found["key"] = [camelot(track.key) if options.key_style == "camelot" else short_key(track.key)]
    return {name: values for name, values in found.items() if values}


def _genres(track: Track, options: Options) -> list[str]:
    least = options.min_confidence
    if track.genre is None or (track.unsure and least != 0):
        return []
    ranked = sorted(track.probabilities.items(), key=lambda pair: -pair[1])
    ranked = ranked or [(track.genre, track.genre_probability or 0.0)]
    if ranked[0][1] < (least or 0.0):
        return []
    most = len(ranked) if options.genre_share is not None and options.top == 1 else options.top
    share = options.genre_share if options.genre_share is not None else 0.0
    chosen = [name for i, (name, p) in enumerate(ranked[:most]) if i == 0 or p >= max(share, least or 0.0)]
    return list(dict.fromkeys(options.spelling(name) for name in chosen))


def _sure(confidence: float | None, options: Options) -> bool:
    least = CONFIDENT if options.min_confidence is None else options.min_confidence
    return (confidence or 0.0) >= least


def folded(bpm: float, bounds: tuple[float, float] | None) -> float:
    """A tempo doubled or halved into a range; as it is where no power of two brings it there."""
    if bounds is None:
        return bpm
    lowest, highest = bounds
    for times in (1, 2, 0.5, 4, 0.25, 8, 0.125):
        if lowest <= bpm * times <= highest:
            return bpm * times
    return bpm


def bounds(text: str) -> tuple[float, float]:
    """A range of tempi written as ``70..180``.

    Raises:
        UsageError: it is none.
    """
    low, dots, high = text.partition("..")
    try:
        lowest, highest = float(low), float(high)
    except ValueError:
        lowest = highest = 0.0
    if not dots or not 1 <= lowest < highest <= 1000:
        raise UsageError(f"{text[:40]!r} is no range of tempi; write one like 70..180")
    return lowest, highest


def _against(track: Track, audio_hash: str, wanted: Values, options: Options) -> Planned | Problem | None:
    """What of the wanted differs from the file."""
    try:
        with open_file(Path(track.path), shown(track.path)) as file:
            form = format_of(file)
            now, seen = form.current(file), tags_of(file)
    except (AudioError, LibraryError) as error:
        return Problem(track.path, str(error).removeprefix(f"{shown(track.path)}: "))
    except Exception as error:  # noqa: BLE001 - a strange file fails alone
        return Problem(track.path, f"its tags cannot be read ({type(error).__name__}: {error})")
    if form.WHOLE_BPM and "bpm" in wanted:
        wanted = {**wanted, "bpm": [str(round(float(wanted["bpm"][0])))]}
    new = {name: values for name, values in wanted.items() if _to_write(name, values, now, seen, options.force)}
    if not new:
        return None
    change = Change(track.path, audio_hash, {name: now[name] for name in new}, new)
    return Planned(change, {name: now[name] or seen.fields.get(name, []) for name in new})


def _to_write(name: str, values: list[str], now: Values, seen: FileTags, force: bool) -> bool:
    if force:
        return now[name] != values
    return not now[name] and not seen.fields.get(name)
