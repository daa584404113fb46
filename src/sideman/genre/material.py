"""Labelled features of a whole data set, ready to be split and trained on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import DatasetError
from sideman.datasets.track import Relation, Track, restrict
from sideman.genre.inputs import Input
from sideman.training.task import Examples

Float32 = NDArray[np.float32]
Ints = NDArray[np.int_]


@dataclass(frozen=True)
class Material:
    """Features of recordings, row by row.

    Attributes:
        x: (rows, ...), float32; may be a memory map.
        track_of: index into ``tracks`` per row, (rows,), ascending; a recording's rows are in the order of time.
        tracks: the recordings, with genre, artist, ids.
        relations: what belongs together, as :func:`sideman.datasets.track.relations_of` says.
        genres: class names, sorted; labels are indices into it.
        input: what the rows are.
    """

    x: Float32
    track_of: Ints
    tracks: tuple[Track, ...]
    relations: tuple[Relation, ...]
    genres: tuple[str, ...]
    input: Input
    labels: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Number the genres."""
        place = {genre: i for i, genre in enumerate(self.genres)}
        object.__setattr__(self, "labels", np.array([place[t.genre] for t in self.tracks], int))

    @property
    def y(self) -> Ints:
        """Class per row, (rows,)."""
        labels: Ints = self.labels[self.track_of]
        return labels

    def examples(self, rows: Ints) -> Examples:
        """Take some rows, as models take them."""
        return Examples(self.x[rows], self.y[rows], self.track_of[rows])

    def per_track(self, row_values: NDArray[np.floating], rows: Ints) -> NDArray[np.float64]:
        """Mean of the values (k, ...) of ``rows`` (k,) over each recording: (tracks, ...), NaN where it has no row."""
        total = np.zeros((len(self.tracks), *row_values.shape[1:]))
        np.add.at(total, self.track_of[rows], row_values)
        count = np.bincount(self.track_of[rows], minlength=len(self.tracks)).astype(float)
        count[count == 0] = np.nan
        mean: NDArray[np.float64] = total / count.reshape(-1, *[1] * (row_values.ndim - 1))
        return mean

    def only(self, keep: NDArray[np.bool_]) -> Material:
        """Keep the recordings of a mask (tracks,)."""
        rows = np.flatnonzero(keep[self.track_of])
        number = np.cumsum(keep) - 1
        tracks = tuple(t for t, kept in zip(self.tracks, keep, strict=True) if kept)
        relations = restrict(self.relations, [t.track_id for t in tracks])
        return replace(self, x=self.x[rows], track_of=number[self.track_of[rows]], tracks=tracks, relations=relations)

    def narrowed(self, given: Input, *, across: bool = False) -> Material:
        """Turn rows of the plain table, (rows, 58), into what ``given`` keeps and joins.

        ``across`` joins neighbouring rows of the whole sorted table, over the ends of recordings: what the source of
        ``lstm-58`` does, and a leak.
        """
        x = given.narrowed(self.x)
        if given.context > 1:
            if across:
                x = given.joined(x)
            else:
                parts = [given.joined(x[self.track_of == t]) for t in range(len(self.tracks))]
                x = np.concatenate(parts)
        return replace(self, x=x, input=given)


def check(material: Material) -> None:
    """Refuse what nothing can be learnt from, in one line that names it.

    Raises:
        DatasetError: fewer than two genres, a genre with fewer than two recordings, a recording without rows, or a
            feature that is no finite number.
    """
    count = np.bincount(material.labels, minlength=len(material.genres))
    if len(material.genres) < 2:
        named = ", ".join(material.genres) or "none"
        raise DatasetError(f"{len(material.genres)} genre ({named}): at least two are needed to tell them apart")
    for genre, n in zip(material.genres, count, strict=True):
        if n < 2:
            raise DatasetError(f"genre '{genre}' has {n} usable recording; add some, or leave the genre out")
    bare = np.setdiff1d(np.arange(len(material.tracks)), material.track_of)
    if len(bare):
        raise DatasetError(f"{material.tracks[bare[0]].track_id}: has no features; leave it out")
    for start in range(0, len(material.x), 4096):
        part = material.x[start : start + 4096]
        bad = ~np.isfinite(part).reshape(len(part), -1).all(1)
        if bad.any():
            row = start + int(bad.argmax())
            track = material.tracks[material.track_of[row]].track_id
            raise DatasetError(f"{track}: row {row} has a feature that is no finite number; mend it or leave it out")
