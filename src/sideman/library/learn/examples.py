"""What a field can be learnt from: tagged tracks with their embeddings, and whose music they are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from sideman.core.errors import LibraryError, UsageError
from sideman.datasets.track import artist_key
from sideman.library import tracks
from sideman.library.learn.use import current_model
from sideman.library.pathtext import normal
from sideman.library.schema import analyses, feedback
from sideman.library.store import Store
from sideman.library.track import Track

FEWEST_ARTISTS = 3
"""A label of fewer artists cannot be told from the sound of those artists."""
_FEW = 0.02  # share of recordings with several labels up to which they are taken for slips, and left out
LONGEST_FIELD = 32  # characters, as the tables hold it
_NOBODY = {"various artists", "various", "va", "v a", "unknown artist", "unknown", "soundtrack"}
_GUESTS = re.compile(r"(?<=\S)\s+[(\[]?(?:feat|ft|featuring)[.\s].*$", re.IGNORECASE)


@dataclass(frozen=True)
class Examples:
    """Labelled recordings.

    Attributes:
        field: the tag they are labelled by.
        model: sha256 of the network that made the vectors.
        labels: names as most often written, commonest first.
        vectors: embeddings (n, 256).
        has: which label each recording has (n, labels), at least one; more than one where that is usual in the library.
        groups: whose each recording is: artist, or folder where no artist is told.
        left_out: labels too rare, or too common, to learn: name, recordings and artists.
        passed_over: recordings with a tag that could not be used, by reason.
        corrections: how many recordings are labelled by a correction and not by their tag.
    """

    field: str
    model: str
    labels: tuple[str, ...]
    vectors: NDArray[np.float32]
    has: NDArray[np.bool_]
    groups: tuple[str, ...]
    left_out: tuple[tuple[str, int, int], ...]
    passed_over: Mapping[str, int]
    corrections: int

    @property
    def several(self) -> bool:
        """Whether recordings have more than one label."""
        return bool((self.has.sum(1) > 1).any())


def examples(store: Store, field: str, query: str | None = None, *, min_tracks: int = 8) -> Examples:
    """Gather what the tracks of a query teach about a field.

    Args:
        store: the library.
        field: genre, mood, or any other text field of the tags.
        query: which tracks; None for all.
        min_tracks: a label needs so many recordings, by at least 3 artists.

    Raises:
        UsageError: no field's name, or ``min_tracks`` below 2.
        LibraryError: nothing to learn from; the message says what is missing.
    """
    field = field.strip().lower()
    if not field or len(field) > LONGEST_FIELD:
        raise UsageError(f"{field[:40]!r} is no field; name one such as genre, mood or grouping")
    if min_tracks < 2:
        raise UsageError(f"at least 2 tracks per label are needed, not {min_tracks}")
    model = current_model(store)
    if model is None:
        raise LibraryError(f"{store.url}: nothing was analysed yet; 'sideman scan FOLDER' first")
    corrected = _corrections(store, field)
    found = tracks.find(store, query, whole=field not in ("genre", "mood"))
    told: dict[str, tuple[list[str], str]] = {}
    unreadable = 0
    for track in found:
        if track.audio_hash is None:
            unreadable += bool(values_of(track, field))
        elif track.audio_hash not in told or not told[track.audio_hash][0]:  # of copies, the first that says something
            values = corrected[track.audio_hash] if track.audio_hash in corrected else values_of(track, field)
            told[track.audio_hash] = (values, artist_of(track))
    labelled = {audio_hash: pair for audio_hash, pair in told.items() if any(map(label_key, pair[0]))}
    usable, stale = _usable(store, labelled, model)
    hashes, vectors = tracks.vectors(store, usable)
    passed = {"not analysed": len(labelled) - stale - len(hashes), "analysed by another network": stale}
    passed["unreadable file"] = unreadable
    return _assembled(
        field,
        model,
        vectors,
        [labelled[h] for h in hashes],
        min_tracks,
        {reason: n for reason, n in passed.items() if n},
        sum(h in corrected for h in hashes),
    )


def values_of(track: Track, field: str) -> list[str]:
    """Values of a text field of a track's tags; several in one text are parted by semicolons."""
    if field == "genre":
        values: Iterable[str] = track.tag_genres
    elif field == "mood" and track.tag_mood is not None:
        values = [track.tag_mood]
    else:
        values = track.tags.get(field, ())
    return [part.strip() for value in values for part in re.split(r"[;\0]", value) if part.strip()]


def label_key(text: str) -> str:
    """What spellings of one label share: "Hip-Hop", "hip hop" and "HipHop" are one."""
    return "".join(re.findall(r"\w+", normal(text)))


def artist_of(track: Track) -> str:
    """Whose music a track is, for keeping artists apart: album artist, artist without guests, or else the folder."""
    for name in (track.albumartist, track.artist):
        if name and normal(name) not in _NOBODY:
            return "artist " + artist_key(_GUESTS.sub("", name))
    return "folder " + str(PurePath(track.path).parent)


def _corrections(store: Store, field: str) -> dict[str, list[str]]:
    """The last word on each recording; an empty one takes its label away."""
    asked = select(feedback.c.audio_hash, feedback.c.value).order_by(feedback.c.id)
    asked = asked.where((feedback.c.kind == "correct") & (feedback.c.field == field))
    with store.read() as connection:
        rows = connection.execute(asked).all()
    return {row.audio_hash: [part.strip() for part in (row.value or "").split(";") if part.strip()] for row in rows}


def _usable(store: Store, labelled: Iterable[str], model: str) -> tuple[list[str], int]:
    """Recordings heard by the network, and how many another one heard."""
    with store.read() as connection:
        rows = connection.execute(select(analyses.c.audio_hash, analyses.c.model).where(analyses.c.state == "done"))
        heard = {row[0]: row[1] for row in rows}
    known = [h for h in labelled if h in heard]
    usable = sorted(h for h in known if heard[h] == model)
    return usable, len(known) - len(usable)


def _assembled(
    field: str,
    model: str,
    vectors: NDArray[np.float32],
    told: list[tuple[list[str], str]],
    min_tracks: int,
    passed_over: Mapping[str, int],
    corrections: int,
) -> Examples:
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    artists: dict[str, set[str]] = defaultdict(set)
    count: Counter[str] = Counter()
    keys = [dict.fromkeys(filter(None, map(label_key, values))) for values, _ in told]
    for (values, artist), own in zip(told, keys, strict=True):
        count.update(own.keys())
        for value in values:
            spelled[label_key(value)][value] += 1
        for key in own:
            artists[key].add(artist)
    name = {key: min(spellings, key=lambda s: (-spellings[s], s)) for key, spellings in spelled.items() if key}
    ordered = sorted(count, key=lambda key: (-count[key], key))
    # A label that (nearly) every track has, such as "Seen Live", has nothing to be told from.
    kept = [
        key
        for key in ordered
        if min_tracks <= count[key] <= len(told) - min_tracks and len(artists[key]) >= FEWEST_ARTISTS
    ]
    if len(kept) < 2:
        rule = f"at least {min_tracks} analysed tracks by {FEWEST_ARTISTS} artists each"
        raise LibraryError(
            f"{field}: learning takes two labels with {rule}; there {'is' if len(kept) == 1 else 'are'} "
            f"{len(kept)} among {len(told)} tagged tracks. Tag more, or lower --min-tracks"
        )
    place = {key: i for i, key in enumerate(kept)}
    has = np.zeros((len(told), len(kept)), bool)
    for row, own in enumerate(keys):
        has[row, [place[key] for key in own if key in place]] = True
    count_of = has.sum(1)
    exclusive = int((count_of > 1).sum()) <= _FEW * int((count_of > 0).sum())
    some: NDArray[np.bool_] = np.asarray(count_of == 1 if exclusive else count_of > 0)
    odd = int((count_of > 1).sum()) if exclusive else 0
    return Examples(
        field,
        model,
        tuple(name[key] for key in kept),
        vectors[some],
        has[some],
        tuple(artist for (_, artist), keep in zip(told, some, strict=True) if keep),
        tuple((name[key], count[key], len(artists[key])) for key in ordered if key not in place),
        {**passed_over, "with several labels": odd} if odd else passed_over,
        corrections,
    )
