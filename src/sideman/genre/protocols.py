"""Protocols: what is kept apart between the rows that a model learns from and the rows that it is tested on.

Recordings are split first and cut into segments after; nothing of a test row is known to training. A protocol declares
what it keeps on one side, and :func:`check` holds every partition to that declaration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import DatasetError, UsageError
from sideman.datasets.splits import FoldRow, check_split, group_tracks, make_folds
from sideman.datasets.track import Relation, printable
from sideman.genre.material import Material
from sideman.genre.sampling import deal, draw_groups, draw_share

Ints = NDArray[np.int_]
KINDS_OF = {
    "repetition": ("repetition", "near-duplicate"),
    "artist": ("artist", "unnamed", "group"),
}
"""Kinds of relations that no partition may cut where a protocol keeps repetitions, and artists."""
LOOSE = ("credit", "piece")
"""Kinds that folds made here keep whole too; folds that are given may cut them, and reports say so."""
_VALIDATION = 0.15
_PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Protocol:
    """A way of splitting.

    Attributes:
        name: as given to ``--protocol``.
        title: what it does, in a few words.
        keeps: what is never on two sides, of "track", "repetition" and "artist".
        leaky: rows of one recording are on both sides, so that figures flatter.
        caution: what was not kept apart, one sentence.
        n_folds: how many parts are tested in turn; 1 tests one part alone.
    """

    name: str
    title: str
    keeps: frozenset[str]
    leaky: bool
    caution: str
    n_folds: int


_PROTOCOLS = (
    Protocol(
        "segments-random",
        "80/20 over segments at random",
        frozenset(),
        True,
        "Segments of one recording may be in training and test at once; a model that knows a recording again then "
        "scores without knowing its genre.",
        1,
    ),
    Protocol(
        "tracks",
        "10 folds over recordings",
        frozenset({"track"}),
        False,
        "Artists, albums and copies of a recording may be in training and test at once.",
        10,
    ),
    Protocol(
        "holdout",
        "80/20 over recordings",
        frozenset({"track"}),
        False,
        "Artists, albums and copies of a recording may be in training and test at once.",
        1,
    ),
    Protocol(
        "artists",
        "5 folds over artists and known repetitions",
        frozenset({"track", "repetition", "artist"}),
        False,
        "What nobody has declared to belong together cannot be kept apart.",
        5,
    ),
    Protocol(
        "fault-filtered",
        "the data set's own training, validation and test parts",
        frozenset({"track", "repetition"}),
        False,
        "Artists are kept apart only as far as the authors of the split went: guests, recordings without a known "
        "artist and pieces may be in training and test at once.",
        1,
    ),
)
AS_IS = Protocol(
    "as-is",
    "a trained model as it is, on all recordings given",
    frozenset(),
    False,
    "Nothing was trained: whether the model has heard these recordings, or their artists, is for its card to say.",
    1,
)
"""How a model that is already there is scored; it splits nothing and cannot be asked for."""
_BY_NAME = {protocol.name: protocol for protocol in _PROTOCOLS}


@dataclass(frozen=True)
class Partition:
    """Rows of a material to learn from, to stop early by, and to test on: indices, ascending and disjoint."""

    name: str
    train: Ints
    valid: Ints
    test: Ints

    @property
    def parts(self) -> dict[str, Ints]:
        """The rows by part."""
        return {"train": self.train, "valid": self.valid, "test": self.test}


def list_protocols() -> tuple[Protocol, ...]:
    """Return all protocols, the most flattering first."""
    return _PROTOCOLS


def get_protocol(name: str) -> Protocol:
    """Return a protocol by name; raises :class:`UsageError` with the names that there are."""
    if name == AS_IS.name:
        return AS_IS
    if name not in _BY_NAME:
        raise UsageError(f"no protocol '{name}'; there is {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def best_protocol(material: Material) -> Protocol:
    """Return the strictest protocol that the data set's facts allow.

    "artists" where any artist, group, repetition or copy is known; else "tracks", which then keeps as much apart.
    """
    known = bool(material.relations) or any(track.artist or track.group for track in material.tracks)
    return _BY_NAME["artists" if known else "tracks"]


def partitions(
    protocol: Protocol,
    material: Material,
    *,
    seed: int = 0,
    n_folds: int | None = None,
    folds: Sequence[FoldRow] | None = None,
    validation: float = _VALIDATION,
) -> list[Partition]:
    """Split the rows of a material as a protocol says, and check the result.

    The validation rows are taken from the training side, whole in everything that the protocol keeps whole, and never
    the last of a genre; where too little is there they are fewer, or none.

    Args:
        protocol: what to keep apart.
        material: rows with their recordings and relations.
        seed: of everything random; the same seed gives the same partitions.
        n_folds: instead of the protocol's own number, 2 or more; fewer are made where there are fewer groups.
        folds: given folds for the protocols "tracks" and "artists", as :func:`sideman.datasets.splits.read_folds` reads
            them; rows of tracks that the material has not are passed over.
        validation: share of the training side, 0 to 0.5.

    Raises:
        UsageError: ``n_folds``, ``folds`` or ``validation`` do not go with the protocol.
        DatasetError: a genre has too little for training and test, the data set has no split of its own, given folds
            lack a track, or a declaration is broken.
    """
    if not 0 <= validation <= 0.5:
        raise UsageError(f"validation is a share of 0 to 0.5 of the training side, not {validation:g}")
    if protocol.n_folds == 1 and (n_folds is not None or folds is not None):
        raise UsageError(f"the protocol '{protocol.name}' has one test part and takes no folds")
    if n_folds is not None and n_folds < 2:
        raise UsageError(f"folds: {n_folds} asked for, 2 is the least")
    generator = np.random.default_rng(seed)
    if protocol.name == "segments-random":
        made = [_segments(material, generator, validation)]
    elif protocol.name == "fault-filtered":
        made = [_own_split(material, generator, validation)]
    else:
        made = _by_track(protocol, material, seed, n_folds, folds, validation)
    check(protocol, material, made)
    return made


def _segments(material: Material, generator: np.random.Generator, validation: float) -> Partition:
    everything = np.arange(len(material.y))
    test = draw_share(material.y, 0.2, generator)
    rest = np.setdiff1d(everything, test)
    valid = rest[draw_share(material.y[rest], validation, generator)]
    return Partition("80/20", np.setdiff1d(rest, valid), valid, test)


def _by_track(
    protocol: Protocol,
    material: Material,
    seed: int,
    n_folds: int | None,
    folds: Sequence[FoldRow] | None,
    validation: float,
) -> list[Partition]:
    wanted = n_folds or protocol.n_folds
    generator = np.random.default_rng(seed)
    loose = [r for r in material.relations if r.kind in LOOSE and "artist" in protocol.keeps]
    declared = [*_relations(protocol, material), *loose]
    if folds is not None:
        declared += _fold_groups(folds)
    group_of = group_tracks([track.track_id for track in material.tracks], declared)
    groups = np.unique([group_of[track.track_id] for track in material.tracks], return_inverse=True)[1]
    _need_two(protocol, material, groups)
    if folds is not None:
        fold = _given(material, folds)
    elif protocol.name == "holdout":
        fold = np.ones(len(groups), int)
        fold[draw_share(material.labels, 0.2, generator)] = 0
    elif protocol.name == "tracks":
        fold = deal(material.labels, min(wanted, len(groups)), generator)
    else:
        rows = make_folds(material.tracks, declared, n_folds=min(wanted, int(groups.max()) + 1), seed=seed)
        place = {row.track: row.fold for row in rows}
        fold = np.array([place[track.track_id] for track in material.tracks])
    numbers = [0] if protocol.name == "holdout" else sorted(set(fold.tolist()))
    made = []
    for number in numbers:
        name = "80/20" if protocol.name == "holdout" else f"fold {number + 1}"
        inside = np.flatnonzero(fold != number)
        valid = inside[draw_groups(groups[inside], material.labels[inside], validation, generator)]
        part = np.where(fold == number, 2, 0)
        part[valid] = 1
        made.append(_rows(name, material, part))
    return made


def _own_split(material: Material, generator: np.random.Generator, validation: float) -> Partition:
    named = [track.split for track in material.tracks]
    for track, split in zip(material.tracks, named, strict=True):
        if split and split not in _PARTS:
            raise DatasetError(f"{track.track_id}: its split is '{split}'; parts are called {', '.join(_PARTS)}")
    for needed in ("train", "test"):
        if needed not in named:
            raise DatasetError(f"the data set comes with no '{needed}' part of its own; choose another protocol")
    part = np.array([_PARTS.index(split) if split else -1 for split in named])
    if "valid" not in named:
        group_of = group_tracks([track.track_id for track in material.tracks], material.relations)
        groups = np.unique([group_of[track.track_id] for track in material.tracks], return_inverse=True)[1]
        inside = np.flatnonzero(part == 0)
        part[inside[draw_groups(groups[inside], material.labels[inside], validation, generator)]] = 1
    return _rows("own split", material, part)


def _rows(name: str, material: Material, part: Ints) -> Partition:
    of_row = part[material.track_of]
    train, valid, test = (np.flatnonzero(of_row == number) for number in range(3))
    return Partition(name, train, valid, test)


def _relations(protocol: Protocol, material: Material) -> tuple[Relation, ...]:
    """Return the relations that a protocol must keep whole."""
    kinds = {kind for kept in protocol.keeps & KINDS_OF.keys() for kind in KINDS_OF[kept]}
    return tuple(relation for relation in material.relations if relation.kind in kinds)


def _need_two(protocol: Protocol, material: Material, groups: Ints) -> None:
    """Refuse a genre that cannot be in training and test at once."""
    for number, genre in enumerate(material.genres):
        mine = groups[material.labels == number]
        if len(mine) < 2:
            raise DatasetError(f"genre '{genre}' has {len(mine)} recording: at least two are needed to learn and test")
        if len(np.unique(mine)) < 2:
            raise DatasetError(
                f"genre '{genre}': all {len(mine)} recordings belong together (one artist, unknown ones, a chain), so "
                "it cannot be in training and test at once; name its artists, or choose the protocol 'tracks'"
            )


def _fold_groups(folds: Sequence[FoldRow]) -> list[Relation]:
    members: dict[str, list[str]] = {}
    for row in folds:
        members.setdefault(row.group, []).append(row.track)
    return [Relation("group", name, tuple(tracks)) for name, tracks in members.items() if len(tracks) > 1]


def _given(material: Material, folds: Sequence[FoldRow]) -> Ints:
    row_of = {row.track: row for row in folds}
    for track in material.tracks:
        name = printable(track.track_id)
        row = row_of.get(track.track_id)
        if row is None:
            raise DatasetError(f"{name}: is in none of the given folds; add it to the fold file")
        if row.genre != track.genre:
            raise DatasetError(f"{name}: is '{track.genre}', but '{row.genre}' in the fold file; mend one of the two")
    return np.array([row_of[track.track_id].fold for track in material.tracks])


def check(protocol: Protocol, material: Material, made: Sequence[Partition]) -> None:
    """Hold partitions to what their protocol declares.

    Raises:
        DatasetError: a row is in two parts, is tested twice, or is not there; a genre is not in training; a recording
            or a relation is on two sides (the tracks and the relation are named).
    """
    tested = np.concatenate([p.test for p in made]) if made else np.zeros(0, int)
    if len(np.unique(tested)) != len(tested):
        raise DatasetError(f"{protocol.name}: a row is tested twice; every row is in one test part at most")
    if protocol.n_folds > 1 and len(tested) != len(material.y):
        raise DatasetError(f"{protocol.name}: {len(tested)} of {len(material.y)} rows are tested; folds cover all")
    for partition in made:
        source = f"{protocol.name}, {partition.name}"
        rows = np.concatenate(list(partition.parts.values()))
        if len(np.unique(rows)) != len(rows):
            raise DatasetError(f"{source}: a row is in two parts; parts are disjoint")
        if len(rows) and (rows.min() < 0 or rows.max() >= len(material.y)):
            raise DatasetError(f"{source}: names row {rows.max()} of {len(material.y)}; rows are counted from 0")
        if not len(partition.test):
            raise DatasetError(f"{source}: has nothing to test; add recordings")
        lacking = np.setdiff1d(material.y[rows], material.y[partition.train])
        if len(lacking):
            genre = material.genres[lacking[0]]
            raise DatasetError(f"{source}: genre '{genre}' is not in training; add recordings of other artists")
        if "track" in protocol.keeps:
            check_split(_part_of(source, material, partition), _relations(protocol, material), source=source)


def _part_of(source: str, material: Material, partition: Partition) -> dict[str, str]:
    part_of: dict[str, str] = {}
    for part, rows in partition.parts.items():
        for track in np.unique(material.track_of[rows]):
            name = material.tracks[track].track_id
            if part_of.setdefault(name, part) != part:
                raise DatasetError(
                    f"{source}: {printable(name)} is in {part_of[name]} and in {part}; a recording stays on one side"
                )
    return part_of
