"""Where a model's material comes from: recordings whose features are taken, or a table of features."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np

from sideman.core.errors import DatasetError, UsageError
from sideman.datasets.folders import empty_genres
from sideman.datasets.source import open_dataset
from sideman.datasets.splits import FoldRow, group_tracks
from sideman.datasets.track import Dataset, printable, relations_of
from sideman.genre.gather import MOST_ROWS, gather
from sideman.genre.inputs import Input
from sideman.genre.material import Material, check
from sideman.genre.tables import is_table, read_table

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def _no_bar(_description: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


class Corpus:
    """Labelled music as material for any input; each is computed once."""

    def __init__(
        self,
        given: str | os.PathLike[str] | None,
        *,
        kind: str = "auto",
        only: frozenset[str] = frozenset(),
        min_duration_s: float = 0.0,
        most: int = MOST_ROWS,
        cache: Path | None = None,
        workers: int | None = None,
        bar: Bar = _no_bar,
    ) -> None:
        """Open a folder per genre, GTZAN, a manifest, or a CSV table of features; None means SIDEMAN_DATA.

        Args:
            given: the path.
            kind: as :func:`sideman.datasets.source.open_dataset`.
            only: track ids to keep, empty for all.
            min_duration_s: leave shorter recordings out.
            most: segments per recording.
            cache: folder of features, by default the user's.
            workers: processes that take features.
            bar: shows progress: called with a description and a total.

        Raises:
            DatasetError: nothing is there, or it is no data set.
        """
        path = None if given is None else Path(given).expanduser()
        self._table: Material | None = None
        self._dataset: Dataset | None = None
        if path is not None and path.is_file() and is_table(path):
            self._table = read_table(path)
            self.name, self.root = "table", path
        else:
            self._dataset = open_dataset(given, kind=kind)
            self.name, self.root = self._dataset.name, self._dataset.root
            empty = empty_genres(self.root) if self.name == "folders" else ()
            if empty:
                raise DatasetError(
                    f"{self.root}: genre '{printable(empty[0])}' has no recording; add some, or remove it"
                )
        self._only, self._min_duration_s = only, min_duration_s
        self._most, self._cache, self._workers, self._bar = most, cache, workers, bar
        self._plain: dict[Input, Material] = {}
        self.failures: tuple[str, ...] = ()

    def restricted(self, only: frozenset[str]) -> Corpus:
        """The same with these tracks alone; nothing that was computed carries over."""
        other = copy(self)
        other._only, other._plain, other.failures = only, {}, ()
        return other

    @property
    def is_table(self) -> bool:
        """Whether it is a table of features, without recordings."""
        return self._table is not None

    @property
    def dataset(self) -> Dataset:
        """The recordings; raises :class:`DatasetError` where there is only a table."""
        if self._dataset is None:
            raise DatasetError(f"{self.root}: is a table of features; recordings are needed")
        return self._chosen(self._dataset)

    def describe(self) -> str:
        """Say in a few words what it is."""
        if self._table is not None:
            return f"{len(self._table.tracks)} recordings of the table {self.root}"
        found = self.dataset
        return f"{len(found.tracks)} recordings of {len(found.genres)} genres in {self.root}"

    def _chosen(self, dataset: Dataset) -> Dataset:
        if self._min_duration_s:
            dataset = longer(dataset, self._min_duration_s)
        if self._only:
            dataset = replace(dataset, tracks=tuple(t for t in dataset.tracks if t.track_id in self._only))
        return dataset

    def material(self, given: Input, *, across: bool = False) -> Material:
        """Features for an input, checked; a table gives rows of the length that it has.

        ``across`` as in :meth:`sideman.genre.material.Material.narrowed`.

        Raises:
            DatasetError: they cannot be had, or nothing can be learnt from them.
        """
        if self._table is not None:
            if given.kind != "table":
                raise DatasetError(
                    f"{self.root}: is a table of features; a model that hears '{given.kind}' needs audio"
                )
            given = replace(given, segment_s=self._table.input.segment_s)
            if given.context > 1 and given.segment_s is None:
                raise DatasetError(f"{self.root}: has one row per recording; a model over many rows needs segments")
        if given.plain not in self._plain:
            self._plain[given.plain] = self._gathered(given.plain)
        plain = self._plain[given.plain]
        return plain if given == plain.input else plain.narrowed(given, across=across)

    def _gathered(self, plain: Input) -> Material:
        if self._table is not None:
            material = self._table
        else:
            dataset = self.dataset
            if len(dataset.tracks) < 2:
                raise DatasetError(
                    f"{dataset.root}: {len(dataset.tracks)} recording; at least two per genre are needed"
                )
            if len(dataset.genres) < 2:
                raise DatasetError(
                    f"{dataset.root}: one genre ({dataset.genres[0]}); two are needed to tell them apart"
                )
            with self._bar("taking features", len(dataset.tracks)) as advance:
                got = gather(dataset, plain, most=self._most, cache=self._cache, workers=self._workers, advance=advance)
            material = got.material
            self.failures = tuple(sorted({*self.failures, *got.failures}))
        if self._table is not None and self._only:
            material = material.only(np.array([t.track_id in self._only for t in material.tracks]))
        check(material)
        return material


def longer(dataset: Dataset, min_duration_s: float) -> Dataset:
    """Keep the recordings of at least this length; files that cannot be probed stay, to be told of later."""
    from sideman.audio.decode import probe
    from sideman.core.errors import AudioError

    def is_long(path: Path) -> bool:
        try:
            length = probe(path).duration_s
        except AudioError:
            return True
        return length is None or length >= min_duration_s - 0.01

    kept = tuple(track for track in dataset.tracks if is_long(track.path))
    if not kept:
        raise DatasetError(f"{dataset.root}: no recording lasts {min_duration_s:g} s; ask for less")
    return replace(dataset, tracks=kept)


def separable(dataset: Dataset) -> tuple[frozenset[str], tuple[str, ...]]:
    """Track ids of the genres that can be in training and test at once with artists kept apart, and the other genres.

    A genre whose recordings all belong together (by one artist, or by unknown ones) cannot.
    """
    group = group_tracks([t.track_id for t in dataset.tracks], relations_of(dataset))
    groups: dict[str, set[str]] = {genre: set() for genre in dataset.genres}
    for track in dataset.tracks:
        groups[track.genre].add(group[track.track_id])
    out = tuple(genre for genre, own in groups.items() if len(own) < 2)
    return frozenset(t.track_id for t in dataset.tracks if t.genre not in out), out


def only_folds(rows: tuple[FoldRow, ...]) -> frozenset[str]:
    """Track ids of a fold file; raises :class:`UsageError` on an empty one."""
    if not rows:
        raise UsageError("the fold file lists no track")
    return frozenset(row.track for row in rows)
