"""Exploratory analysis of a data set: what could give a genre away, what does not fit, and what to leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.datasets import gtzan
from sideman.datasets.clips import Clip, Examination, examine
from sideman.datasets.duplicates import Match, find_matches
from sideman.datasets.track import Dataset, Relation, Track, printable

SHORTEST_S = 1.0
"""Clips shorter than this are left out: no model of Sideman listens to less."""

MOSTLY_SILENT = 0.9
"""Clips of which a larger share is silent are left out."""

CLIPPED_NOTE = 0.001
DC_NOTE = 0.01

_BINS = 10
_FEWEST_FOR_OUTLIERS = 8
_OUTLIER_MADS = 3.5
_COPY_BER = 0.25
_NOT_SOUND = ("length", "harmony_mean", "perceptr_mean")  # a length, and two means of waveforms: zero but for noise
_MAD_TO_SD = 1.4826  # of a normal distribution


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A track to leave out of training, and why."""

    track: str
    genre: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outlier:
    """A track that sounds unlike its genre: worth listening to, but not left out by itself.

    Attributes:
        distance: root mean square of the robust z-scores of its descriptors within its genre (about 1 is usual).
        because: the descriptors that differ most, with their z-scores.
    """

    track: str
    genre: str
    distance: float
    because: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Giveaway:
    """How well a property that has nothing to do with music predicts the genre.

    Attributes:
        name: the property.
        balanced_accuracy: of guessing each track's genre from the other tracks in its decile, 0 to 1.
        chance: the same for no knowledge, 1 / number of genres.
    """

    name: str
    balanced_accuracy: float
    chance: float


@dataclass(frozen=True, slots=True)
class Exploration:
    """All that :func:`explore` found; ``clips`` and ``descriptors`` hold the readable tracks, by id."""

    dataset: Dataset
    clips: dict[str, Clip]
    descriptors: dict[str, dict[str, float]]
    failures: dict[str, str]
    matches: tuple[Match, ...]
    giveaways: tuple[Giveaway, ...]
    outliers: tuple[Outlier, ...]
    exclusions: tuple[Exclusion, ...]

    def kept(self) -> tuple[Track, ...]:
        """Tracks that are not left out."""
        out = {exclusion.track for exclusion in self.exclusions}
        return tuple(track for track in self.dataset.tracks if track.track_id not in out)


def explore(
    dataset: Dataset, *, workers: int | None = None, advance: Callable[[int], object] = lambda _: None
) -> Exploration:
    """Examine every file of a data set; a file that fails is listed and left out, never ends the run.

    Args:
        dataset: what to examine.
        workers: processes, by default one per core.
        advance: called with 1 after each file.
    """
    from sideman.core.parallel import map_files

    examined: dict[str, Examination] = {}
    failures: dict[str, str] = {}
    tracks = dataset.tracks
    for outcome in map_files(examine, [track.path for track in tracks], workers):
        track = tracks[outcome.index]
        if outcome.value is not None:
            examined[track.track_id] = outcome.value
        else:
            error = (outcome.error or "unknown error").removeprefix(f"{track.path}: ")
            failures[track.track_id] = printable(error)
        advance(1)
    examined = {name: examined[name] for name in sorted(examined)}  # outcomes come as they finish
    clips = {name: found.clip for name, found in examined.items()}
    descriptors = {name: found.descriptors for name, found in examined.items()}
    matches = find_matches({name: found.words for name, found in examined.items()})
    genre_of = {track.track_id: track.genre for track in tracks}
    return Exploration(
        dataset=dataset,
        clips=clips,
        descriptors=descriptors,
        failures=failures,
        matches=matches,
        giveaways=giveaways(clips, genre_of),
        outliers=outliers(descriptors, genre_of),
        exclusions=exclusions(dataset, clips, failures, matches),
    )


def exclusions(
    dataset: Dataset, clips: Mapping[str, Clip], failures: Mapping[str, str], matches: Sequence[Match]
) -> tuple[Exclusion, ...]:
    """Decide what to leave out, each track for the first reason that holds.

    Unreadable files; known faults (GTZAN); clips under 1 s; clips silent for more than 90 %; of recordings that are
    there more than once (by ear, or by GTZAN's catalogue) all but the longest, and all of them where their genres
    differ. By ear, a copy agrees in more than three quarters of the fingerprint's bits over half of the shorter clip or
    more; what agrees less is another cut or version, which may stay as long as no split separates the two.
    """
    genre_of = {track.track_id: track.genre for track in dataset.tracks}
    why: dict[str, str] = {}
    for name in sorted(genre_of):
        fault = gtzan.facts()[name].fault if dataset.name == "gtzan" else None
        if name in failures:
            why[name] = f"cannot be read: {failures[name]}"
        elif fault is not None:
            why[name] = f"{fault}, as the data set's documentation says"
        elif clips[name].duration_s < SHORTEST_S:
            why[name] = f"lasts only {clips[name].duration_s:.2f} s"
        elif clips[name].silent > MOSTLY_SILENT:
            why[name] = f"{clips[name].silent:.0%} of it is silent"
    copies = [
        Relation("near-duplicate", "", (match.first, match.second))
        for match in matches
        if match.bit_error_rate < _COPY_BER
        and match.overlap_s >= 0.5 * min(clips[match.first].duration_s, clips[match.second].duration_s)
    ]
    by_ear = {name for copy in copies for name in copy.members}
    copies += [relation for relation in dataset.relations if relation.kind == "repetition"]
    for group in _components(copies, [name for name in genre_of if name not in why]):
        genres = sorted({genre_of[name] for name in group})
        keep = None if len(genres) > 1 else max(group, key=lambda name: (clips[name].duration_s, -clips[name].clipped))
        for name in group:
            if keep is None:
                others = ", ".join(other for other in group if other != name)
                why[name] = f"the same recording is labelled {' and '.join(genres)} ({others})"
            elif name != keep:
                source = "" if name in by_ear else ", as the data set's documentation says"
                why[name] = f"a copy of {keep}{source}"
    return tuple(Exclusion(name, genre_of[name], why[name]) for name in sorted(why))


def _components(relations: Sequence[Relation], names: Sequence[str]) -> list[list[str]]:
    from sideman.datasets.splits import group_tracks

    members: dict[str, list[str]] = {}
    for name, group in group_tracks(sorted(names), relations).items():
        members.setdefault(group, []).append(name)
    return [group for group in members.values() if len(group) > 1]


def giveaways(clips: Mapping[str, Clip], genre_of: Mapping[str, str]) -> tuple[Giveaway, ...]:
    """Measure how well the genre can be guessed from length, bandwidth, level, rate, channels and codec alone.

    Each property is cut into deciles (or its distinct values, where there are ten or fewer). A track is guessed to be
    of the genre that has the largest share of its own tracks in that decile, the track itself left out. Well above
    chance, a model could learn the property in place of the music.

    Returns:
        The most telling first; empty for fewer than two genres.
    """
    names = sorted(clips)
    genres = sorted({genre_of[name] for name in names})
    if len(genres) < 2:
        return ()
    label = np.array([genres.index(genre_of[name]) for name in names])
    columns: dict[str, list[float]] = {
        "length": [round(clips[name].duration_s, 3) for name in names],
        "bandwidth": [clips[name].cutoff_hz for name in names],
        "level": [max(clips[name].level_dbfs, -120.0) for name in names],
        "peak": [clips[name].peak for name in names],
        "sample rate": [clips[name].sample_rate_hz for name in names],
        "channels": [clips[name].channels for name in names],
    }
    codecs = sorted({clips[name].codec for name in names})
    columns["codec"] = [codecs.index(clips[name].codec) for name in names]
    found = [
        Giveaway(name, _guess_from(_deciles(np.array(values, float)), label, len(genres)), 1 / len(genres))
        for name, values in columns.items()
    ]
    return tuple(sorted(found, key=lambda g: -g.balanced_accuracy))


def _deciles(values: NDArray[np.float64]) -> NDArray[np.intp]:
    distinct = np.unique(values)
    if len(distinct) <= _BINS:
        return np.searchsorted(distinct, values)
    edges = np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1])
    return np.searchsorted(edges, values, side="right")


def _guess_from(bins: NDArray[np.intp], label: NDArray[np.intp], n_genres: int) -> float:
    count = np.zeros((bins.max() + 1, n_genres))
    np.add.at(count, (bins, label), 1)
    total = np.bincount(label, minlength=n_genres).astype(float)
    right = np.zeros(n_genres)
    for place, genre in zip(bins, label, strict=True):
        share = count[place] / total
        share[genre] = (count[place, genre] - 1) / max(total[genre] - 1, 1)
        winners = np.flatnonzero(share == share.max())
        right[genre] += (genre in winners) / len(winners)  # a tie is a toss
    return float((right / total).mean())


def outliers(descriptors: Mapping[str, Mapping[str, float]], genre_of: Mapping[str, str]) -> tuple[Outlier, ...]:
    """Find tracks whose descriptors lie far from the rest of their genre.

    Per genre (of 8 tracks or more) each descriptor is turned into a robust z-score (median, MAD; variances on a log
    scale; z capped at 10, so that no single descriptor decides); a track's distance is their root mean square. It is an
    outlier where that is 3.5 robust standard deviations above its genre's median distance. Columns that say nothing of
    the sound (the length, means of waveforms) are left out.

    Returns:
        The farthest first.
    """
    found = []
    for genre in sorted({genre_of[name] for name in descriptors}):
        names = sorted(name for name in descriptors if genre_of[name] == genre)
        if len(names) < _FEWEST_FOR_OUTLIERS:
            continue
        columns = [column for column in descriptors[names[0]] if column not in _NOT_SOUND]
        table = np.array([[descriptors[name][column] for column in columns] for name in names])
        is_variance = np.array([column.endswith("_var") for column in columns])
        table[:, is_variance] = np.log10(np.maximum(table[:, is_variance], 1e-12))
        z = np.clip(robust_z(table), -10, 10)
        distance = np.sqrt((z**2).mean(axis=1))
        for row in np.flatnonzero(robust_z(distance[:, None])[:, 0] > _OUTLIER_MADS):
            most = np.argsort(-np.abs(z[row]))[:3]
            because = tuple((columns[c], float(z[row, c])) for c in most)
            found.append(Outlier(names[row], genre, float(distance[row]), because))
    return tuple(sorted(found, key=lambda o: -o.distance))


def robust_z(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (x - median) / (1.4826 MAD) per column, shape (rows, columns); 0 where a column hardly varies."""
    centre = np.median(table, axis=0)
    spread = _MAD_TO_SD * np.median(np.abs(table - centre), axis=0)
    usable = spread > 1e-9 * np.maximum(np.abs(centre), 1e-9)
    return np.where(usable, (table - centre) / np.where(usable, spread, 1.0), 0.0)


def typical(descriptors: Mapping[str, Mapping[str, float]], names: Sequence[str], count: int) -> list[str]:
    """Return the ``count`` tracks among ``names`` that are nearest to their common median, nearest first."""
    if not names:
        return []
    columns = [column for column in descriptors[names[0]] if column not in _NOT_SOUND]
    z = np.clip(robust_z(np.array([[descriptors[name][column] for column in columns] for name in names])), -10, 10)
    order = np.argsort((z**2).sum(axis=1), kind="stable")
    return [names[index] for index in order[:count]]
