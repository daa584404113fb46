"""Splits that keep together what belongs together: one artist, one recording, one piece never on both sides.

Groups are the connected components (union-find) of all declared relations, so that "same artist" and "same recording"
chain: if A repeats B and B is by C's artist, then A, B and C share a side.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.core.errors import DatasetError, UsageError
from sideman.datasets.track import Dataset, Relation, Track, restrict

COLUMNS = ("track", "genre", "group", "fold")
"""Header of a fold file."""

_RESTARTS = 8
_MOVES_UP_TO_GROUPS = (
    2000  # improving by moves is quadratic in effect; with more groups the greedy result is even enough
)


@dataclass(frozen=True, slots=True)
class FoldRow:
    """One row of a fold file: the fold (0, 1, ...) in which a track is tested, and the group that it stays with."""

    track: str
    genre: str
    group: str
    fold: int


class _UnionFind:
    def __init__(self, items: Iterable[str]) -> None:
        self.parent = {item: item for item in items}

    def find(self, item: str) -> str:
        root = item
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[item] != root:
            self.parent[item], item = root, self.parent[item]
        return root

    def join(self, first: str, second: str) -> None:
        a, b = sorted((self.find(first), self.find(second)))
        self.parent[b] = a  # the smallest id leads, so that a group's name does not depend on the order of relations


def group_tracks(track_ids: Iterable[str], relations: Iterable[Relation] = ()) -> dict[str, str]:
    """Map each track to the name of its group: the smallest id among all tracks that relations chain together.

    Members of relations that are not among ``track_ids`` still link: two clips that both repeat a missing one belong
    together.
    """
    wanted = list(track_ids)
    relations = list(relations)
    sets = _UnionFind({*wanted, *(member for relation in relations for member in relation.members)})
    for relation in relations:
        for other in relation.members[1:]:
            sets.join(relation.members[0], other)
    present: dict[str, str] = {}
    for track in sorted(wanted):
        present.setdefault(sets.find(track), track)  # named after a track that is there
    return {track: present[sets.find(track)] for track in wanted}


def make_folds(
    tracks: Sequence[Track], relations: Iterable[Relation] = (), *, n_folds: int = 5, seed: int = 0
) -> tuple[FoldRow, ...]:
    """Split tracks into folds of like genre counts without cutting a group.

    Groups are placed largest first (those of several genres before the others), each into the fold that it brings least
    above an equal share of its genres; then single groups move while that evens the counts. The best of 8 seeded orders
    is taken. A genre with at least ``n_folds`` groups of its own is in every fold.

    Args:
        tracks: what to split; the result does not depend on their order.
        relations: what must stay together, for example :func:`sideman.datasets.track.relations_of` a data set.
        n_folds: number of folds, 2 or more.
        seed: of the order among groups of like size; the same seed gives the same folds.

    Returns:
        One row per track, in the order of the ids.

    Raises:
        UsageError: ``n_folds`` is less than 2.
        DatasetError: fewer groups than folds.
    """
    if n_folds < 2:
        raise UsageError(f"folds: {n_folds} asked for, 2 is the least")
    group_of = group_tracks((track.track_id for track in tracks), relations)
    genre_of = {track.track_id: track.genre for track in tracks}
    names = sorted(set(group_of.values()))
    if len(names) < n_folds:
        raise DatasetError(
            f"{len(tracks)} tracks form only {len(names)} independent groups: {n_folds} folds cannot be made of them; "
            "add artists or ask for fewer folds"
        )
    genres = sorted(set(genre_of.values()))
    row, column = {name: i for i, name in enumerate(names)}, {genre: i for i, genre in enumerate(genres)}
    content = np.zeros((len(names), len(genres)))
    for track, group in group_of.items():
        content[row[group], column[genre_of[track]]] += 1
    content /= content.sum(axis=0)  # shares of each genre: a rare genre counts as much as a common one
    generator = np.random.default_rng(seed)
    trials = [_place(content, n_folds, generator) for _ in range(_RESTARTS)]
    best = min(trials, key=lambda fold: _cost(content, fold, n_folds))
    return tuple(
        FoldRow(track, genre_of[track], group_of[track], int(best[row[group_of[track]]])) for track in sorted(group_of)
    )


def _place(content: NDArray[np.float64], n_folds: int, generator: np.random.Generator) -> NDArray[np.intp]:
    several = (content > 0).sum(axis=1) > 1
    order = np.lexsort((generator.random(len(content)), -content.sum(axis=1), ~several))
    filled = np.zeros((n_folds, content.shape[1]))
    fold_of = np.zeros(len(content), dtype=np.intp)
    for group in order:
        fold_of[group] = _cheapest(filled, content[group])
        filled[fold_of[group]] += content[group]
    if len(content) <= _MOVES_UP_TO_GROUPS:
        _improve(content, fold_of, filled, generator)
    return fold_of


def _cheapest(filled: NDArray[np.float64], adding: NDArray[np.float64]) -> int:
    # growth of the sum of squared shares; ties go to the emptiest fold, then to the first
    growth = ((2 * filled + adding) * adding).sum(axis=1).round(12)
    return int(np.lexsort((np.arange(len(filled)), filled.sum(axis=1).round(12), growth))[0])


def _improve(
    content: NDArray[np.float64],
    fold_of: NDArray[np.intp],
    filled: NDArray[np.float64],
    generator: np.random.Generator,
) -> None:
    for _ in range(5):
        moved = False
        for group in generator.permutation(len(content)):
            share, home = content[group], int(fold_of[group])
            if ((filled[home] > 1e-9) & (filled[home] - share < 1e-9)).any():
                continue  # the last of a genre in its fold stays
            filled[home] -= share
            best = _cheapest(filled, share)
            before = ((2 * filled[home] + share) * share).sum()
            after = ((2 * filled[best] + share) * share).sum()
            if after < before - 1e-12:
                fold_of[group], moved = best, True
            filled[fold_of[group]] += share
        if not moved:
            return


def _cost(content: NDArray[np.float64], fold_of: NDArray[np.intp], n_folds: int) -> tuple[int, float]:
    filled = np.zeros((n_folds, content.shape[1]))
    np.add.at(filled, fold_of, content)
    return int((filled < 1e-9).sum()), float((filled**2).sum())


def missing_genres(rows: Iterable[FoldRow]) -> dict[int, tuple[str, ...]]:
    """Return the folds that lack a genre, with the genres that they lack; empty where every fold has every genre."""
    have: dict[int, set[str]] = {}
    for row in rows:
        have.setdefault(row.fold, set()).add(row.genre)
    every = set().union(*have.values())
    return {fold: tuple(sorted(every - genres)) for fold, genres in sorted(have.items()) if every - genres}


def check_split(part_of: Mapping[str, object], relations: Iterable[Relation], *, source: str = "split") -> None:
    """Make sure that no relation is cut, chains of relations included.

    Args:
        part_of: part ("train", or a fold number) per track id; tracks outside the split are simply not in it.
        relations: what must stay together.
        source: what to call the split in the message.

    Raises:
        DatasetError: two related tracks are in different parts; the message names them and their relation.
    """
    relations = tuple(relations)
    for relation in restrict(relations, part_of):
        first = relation.members[0]
        for other in relation.members[1:]:
            if part_of[other] != part_of[first]:
                raise DatasetError(
                    f"{source}: {first} is in part {part_of[first]} and {other} in part {part_of[other]}, but they "
                    f"belong together ({relation.kind}: {relation.name}); split by group"
                )
    seen: dict[str, str] = {}
    for track, group in group_tracks(part_of, relations).items():
        other = seen.setdefault(group, track)
        if part_of[track] != part_of[other]:
            raise DatasetError(
                f"{source}: {other} is in part {part_of[other]} and {track} in part {part_of[track]}, but a chain of "
                "relations joins them; split by group"
            )


def check_folds(rows: Sequence[FoldRow], relations: Iterable[Relation] = (), *, source: str = "folds") -> None:
    """Make sure that folds keep together what they declare (their groups) and what ``relations`` add.

    Raises:
        DatasetError: no or only one fold, a gap in their numbers, a track listed twice, a group or a relation cut.
    """
    twice = [track for track, count in Counter(row.track for row in rows).items() if count > 1]
    if twice:
        raise DatasetError(f"{source}: track {twice[0]} is listed twice; keep one row per track")
    numbers = sorted({row.fold for row in rows})
    if len(numbers) < 2 or numbers != list(range(len(numbers))):
        raise DatasetError(f"{source}: folds are numbered {numbers}; two or more are needed, counted from 0")
    members: dict[str, list[str]] = {}
    for row in rows:
        members.setdefault(row.group, []).append(row.track)
    declared = [Relation("group", name, tuple(tracks)) for name, tracks in members.items()]
    check_split({row.track: row.fold for row in rows}, [*declared, *relations], source=source)


def cut_relations(part_of: Mapping[str, object], relations: Iterable[Relation]) -> tuple[Relation, ...]:
    """Return the relations that a split cuts, each reduced to the tracks that are in the split."""
    return tuple(r for r in restrict(tuple(relations), part_of) if len({part_of[member] for member in r.members}) > 1)


def write_folds(path: str | os.PathLike[str], rows: Iterable[FoldRow]) -> None:
    """Write a fold file: CSV with the columns track, genre, group, fold, whole or not at all."""
    with atomic_write(path, "w", errors="surrogateescape") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)


def read_folds(path: str | os.PathLike[str]) -> tuple[FoldRow, ...]:
    """Read a fold file and make sure that it keeps its own groups together.

    Raises:
        DatasetError: the file is missing, lacks a column, has a bad cell (the row is named), or cuts a group.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); give a CSV of {', '.join(COLUMNS)}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if lacking:
        raise DatasetError(f"{path}: lacks the column {lacking[0]!r}; a fold file has {', '.join(COLUMNS)}")
    rows = []
    for cells in reader:
        values = {name: (cells[name] or "").strip() for name in COLUMNS}
        blank = [name for name in COLUMNS if not values[name]]
        if blank:
            raise DatasetError(f"{path}: row {reader.line_num} has no {blank[0]}; fill in the cell")
        if not values["fold"].isdecimal():
            raise DatasetError(f"{path}: row {reader.line_num} has fold {values['fold']!r}; folds are 0, 1, 2, ...")
        rows.append(FoldRow(values["track"], values["genre"], values["group"], int(values["fold"])))
    check_folds(rows, source=str(path))
    return tuple(rows)


def fault_filtered(dataset: Dataset) -> dict[str, str]:
    """Return the data set's own split: part ("train", "valid", "test") per track, tracks outside it left out.

    For GTZAN this is the fault-filtered split of Kereliuk, Sturm and Larsen (2015); 443/197/290 where all 1000 tracks
    are there.

    Raises:
        DatasetError: no track has a part, or only one part occurs.
    """
    part_of = {track.track_id: track.split for track in dataset.tracks if track.split}
    if len(set(part_of.values())) < 2:
        raise DatasetError(f"{dataset.root}: the data set comes with no split of its own; make folds instead")
    return part_of
