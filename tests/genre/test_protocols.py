"""A protocol keeps apart what it declares, says what it does not, and a split that breaks its word is an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import DatasetError, UsageError
from sideman.datasets import gtzan
from sideman.datasets.splits import FoldRow, group_tracks, make_folds, read_folds
from sideman.datasets.track import Dataset, Relation, Track, relations_of
from sideman.genre.apart import measure
from sideman.genre.inputs import Input
from sideman.genre.material import Material
from sideman.genre.protocols import (
    Partition,
    best_protocol,
    check,
    get_protocol,
    list_protocols,
    partitions,
)
from tests.genre.materials import GENRES, material

NAMES = [protocol.name for protocol in list_protocols()]
SPLIT = ("train", "train", "train", "valid", "test", "test", None, "train")
FOLDS = Path(__file__).parents[2] / "bench" / "folds" / "gtzan-artists-5.csv"
quickly = settings(max_examples=25, deadline=None)


def tracks_of(given_material: Material, rows: np.ndarray) -> set[int]:
    return set(given_material.track_of[rows].tolist())


def gtzan_facts(rows: int = 1) -> Material:
    """All 1000 tracks of GTZAN as its documentation has them, without audio."""
    tracks = tuple(
        Track(Path(name), name, name.partition(".")[0], artist=fact.artist, split=fact.split)
        for name, fact in sorted(gtzan.facts().items())
    )
    dataset = Dataset("gtzan", Path("gtzan"), tracks, gtzan.known_relations())
    return Material(
        np.zeros((1000 * rows, 1), np.float32),
        np.repeat(np.arange(1000), rows),
        tracks,
        relations_of(dataset),
        dataset.genres,
        Input("table", None),
    )


@st.composite
def related(draw):
    """A material with random repetitions across artists and genres; at least three groups per genre are left."""
    base = material(per_genre=draw(st.integers(18, 24)), rows=draw(st.integers(1, 4)), splits=SPLIT)
    ids = [track.track_id for track in base.tracks]
    sets = draw(st.lists(st.lists(st.sampled_from(ids), min_size=2, max_size=3, unique=True), max_size=3))
    kinds = draw(st.lists(st.sampled_from(["repetition", "near-duplicate", "piece"]), min_size=3, max_size=3))
    more = [Relation(kind, "made up", tuple(sorted(members))) for kind, members in zip(kinds, sets, strict=False)]
    return replace(base, relations=(*base.relations, *more))


@quickly
@given(related(), st.sampled_from(["segments-random", "tracks", "holdout", "artists"]), st.integers(0, 3))
def test_parts_are_disjoint_and_every_genre_is_learnt(given_material: Material, name: str, seed: int) -> None:
    for partition in partitions(get_protocol(name), given_material, seed=seed):
        rows = np.concatenate([partition.train, partition.valid, partition.test])
        assert len(np.unique(rows)) == len(rows) == len(given_material.y)
        assert set(given_material.y[partition.train]) == {0, 1, 2}
        assert all((np.diff(part) > 0).all() for part in partition.parts.values())


@quickly
@given(related(), st.sampled_from(["tracks", "artists"]), st.integers(0, 3))
def test_folds_test_every_row_once(given_material: Material, name: str, seed: int) -> None:
    tested = np.concatenate([p.test for p in partitions(get_protocol(name), given_material, seed=seed)])
    assert sorted(tested) == list(range(len(given_material.y)))


@quickly
@given(related(), st.integers(0, 3))
def test_artists_keep_whole_groups_on_one_side(given_material: Material, seed: int) -> None:
    ids = [track.track_id for track in given_material.tracks]
    group = np.array([group_tracks(ids, given_material.relations)[name] for name in ids])
    for partition in partitions(get_protocol("artists"), given_material, seed=seed):
        sides = [set(group[given_material.track_of[rows]]) for rows in partition.parts.values()]
        assert not (sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2])


@quickly
@given(related(), st.sampled_from(["tracks", "holdout"]), st.integers(0, 3))
def test_recordings_stay_whole(given_material: Material, name: str, seed: int) -> None:
    for partition in partitions(get_protocol(name), given_material, seed=seed):
        sides = [tracks_of(given_material, rows) for rows in partition.parts.values()]
        assert sum(len(side) for side in sides) == len(set.union(*sides))


def test_random_segments_really_mix_recordings() -> None:
    mixed = material(rows=10)
    (partition,) = partitions(get_protocol("segments-random"), mixed)
    both = tracks_of(mixed, partition.test) & tracks_of(mixed, partition.train)
    assert len(both) > 0.8 * len(mixed.tracks)
    assert len(partition.test) == 0.2 * len(mixed.y)
    assert np.bincount(mixed.y[partition.test]).tolist() == [40, 40, 40]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_split_and_another_another(name: str) -> None:
    labelled = material(splits=("train", "train", "train", "test"))

    def split(seed: int) -> list[list[int]]:
        made = partitions(get_protocol(name), labelled, seed=seed)
        return [part.tolist() for p in made for part in p.parts.values()]

    assert split(3) == split(3)
    assert split(3) != split(4)


def test_sizes() -> None:
    labelled = material(per_genre=40)
    (holdout,) = partitions(get_protocol("holdout"), labelled)
    assert len(tracks_of(labelled, holdout.test)) == 24
    assert len(tracks_of(labelled, holdout.valid)) == pytest.approx(0.15 * 96, abs=2)
    tenths = partitions(get_protocol("tracks"), labelled)
    assert [p.name for p in tenths[:2]] == ["fold 1", "fold 2"]
    assert [len(tracks_of(labelled, p.test)) for p in tenths] == [12] * 10
    for partition in partitions(get_protocol("artists"), labelled):
        assert np.bincount(labelled.y[partition.test]).tolist() == [32, 32, 32]
        inside = len(partition.train) + len(partition.valid)
        assert len(partition.valid) == pytest.approx(0.15 * inside, abs=0.04 * inside)


def test_no_validation_where_none_is_asked_for_or_none_can_be_had() -> None:
    assert not len(partitions(get_protocol("holdout"), material(), validation=0)[0].valid)
    scarce = partitions(get_protocol("artists"), material(per_genre=4, rows=1), n_folds=2)
    assert [len(p.valid) for p in scarce] == [0, 0]


def test_with_few_groups_there_are_fewer_folds() -> None:
    few = material(per_genre=4)
    assert len(partitions(get_protocol("tracks"), few)) == 10
    assert len(partitions(get_protocol("tracks"), material(GENRES[:2], per_genre=4))) == 8
    assert len(partitions(get_protocol("artists"), material(GENRES[:2], per_genre=4), n_folds=9)) == 4


def test_a_genre_of_one_artist_is_named() -> None:
    base = material()
    tracks = tuple(replace(t, artist="Only One") if t.genre == "pop" else t for t in base.tracks)
    relations = relations_of(Dataset("folders", Path("music"), tracks))
    with pytest.raises(DatasetError, match=r"genre 'pop': all 20 recordings belong together.*'tracks'"):
        partitions(get_protocol("artists"), replace(base, tracks=tracks, relations=relations))


def test_a_genre_of_one_recording_is_named() -> None:
    alone = material().only(np.array([t.genre != "pop" or t.track_id == "pop/000.wav" for t in material().tracks]))
    with pytest.raises(DatasetError, match="genre 'pop' has 1 recording"):
        partitions(get_protocol("tracks"), alone)


def test_own_split_is_taken_as_it_is() -> None:
    split = material(splits=SPLIT)
    (partition,) = partitions(get_protocol("fault-filtered"), replace(split, relations=()))
    for part, rows in partition.parts.items():
        assert {split.tracks[t].split for t in tracks_of(split, rows)} == {part}
    assert sum(len(rows) for rows in partition.parts.values()) < len(split.y)


def test_own_split_without_validation_gets_some_of_training() -> None:
    split = material(splits=("train", "train", "train", "train", "test", "test"))
    (partition,) = partitions(get_protocol("fault-filtered"), replace(split, relations=()))
    assert {split.tracks[t].split for t in tracks_of(split, partition.valid)} == {"train"}


@pytest.mark.parametrize(
    ("splits", "said"),
    [((None,), "no 'train' part"), (("train",), "no 'test' part"), (("train", "tset"), "its split is 'tset'")],
)
def test_a_data_set_without_a_usable_split_of_its_own(splits: tuple[str, ...], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        partitions(get_protocol("fault-filtered"), material(splits=splits))


def test_own_split_that_cuts_a_repetition_is_an_error() -> None:
    copies = Relation("repetition", "one file", ("jazz/000.wav", "jazz/004.wav"))
    with pytest.raises(DatasetError, match=r"jazz/000.wav is in part train and jazz/004.wav in part test.*repetition"):
        partitions(get_protocol("fault-filtered"), material(splits=SPLIT, relations=[copies]))


# ---- given folds


def given_folds(labelled: Material, **how: int) -> list[FoldRow]:
    return list(make_folds(labelled.tracks, labelled.relations, **how))


def test_given_folds_are_followed() -> None:
    labelled = material()
    rows = given_folds(labelled, n_folds=3, seed=9)
    fold_of = {row.track: row.fold for row in rows}
    made = partitions(get_protocol("artists"), labelled, folds=[*rows, FoldRow("elsewhere", "jazz", "x", 0)])
    for number, partition in enumerate(made):
        assert {fold_of[labelled.tracks[t].track_id] for t in tracks_of(labelled, partition.test)} == {number}


def test_given_folds_that_lack_a_track_or_know_another_genre() -> None:
    labelled = material()
    rows = given_folds(labelled)
    with pytest.raises(DatasetError, match=r"jazz/000.wav: is in none of the given folds"):
        partitions(get_protocol("artists"), labelled, folds=rows[1:])
    with pytest.raises(DatasetError, match="is 'jazz', but 'pop' in the fold file"):
        partitions(get_protocol("artists"), labelled, folds=[replace(rows[0], genre="pop"), *rows[1:]])


def test_given_folds_that_cut_an_artist_are_an_error() -> None:
    labelled = material()
    rows = [FoldRow(t.track_id, t.genre, t.track_id, i % 2) for i, t in enumerate(labelled.tracks)]
    with pytest.raises(DatasetError, match=r"they belong together \(artist: jazz artist"):
        partitions(get_protocol("artists"), labelled, folds=rows)


def test_protocols_with_one_test_part_take_no_folds() -> None:
    with pytest.raises(UsageError, match="takes no folds"):
        partitions(get_protocol("holdout"), material(), n_folds=5)
    with pytest.raises(UsageError, match="2 is the least"):
        partitions(get_protocol("tracks"), material(), n_folds=1)
    with pytest.raises(UsageError, match=r"share of 0 to 0.5"):
        partitions(get_protocol("tracks"), material(), validation=0.9)


# ---- declarations that are broken


@pytest.mark.parametrize("name", ["tracks", "holdout", "artists"])
def test_a_recording_on_two_sides_is_an_error(name: str) -> None:
    labelled = material()
    first, *rest = partitions(get_protocol(name), labelled)
    moved = Partition(first.name, first.train[1:], np.append(first.valid, first.train[0]), first.test)
    with pytest.raises(DatasetError, match=r"is in train and in valid; a recording stays on one side"):
        check(get_protocol(name), labelled, [moved, *rest])


def test_an_artist_on_two_sides_is_an_error_for_artists_alone() -> None:
    labelled = material()
    made = partitions(get_protocol("tracks"), labelled, n_folds=5)
    check(get_protocol("tracks"), labelled, made)
    with pytest.raises(DatasetError, match=r"belong together \(artist"):
        check(get_protocol("artists"), labelled, made)


def test_shared_missing_and_unknown_rows_are_errors() -> None:
    labelled = material()
    protocol = get_protocol("tracks")
    made = partitions(protocol, labelled)
    first = made[0]
    with pytest.raises(DatasetError, match="a row is in two parts"):
        check(protocol, labelled, [replace(first, train=np.append(first.train, first.test[0])), *made[1:]])
    with pytest.raises(DatasetError, match="rows are tested; folds cover all"):
        check(protocol, labelled, made[1:])
    with pytest.raises(DatasetError, match="a row is tested twice"):
        check(protocol, labelled, [*made, made[0]])
    with pytest.raises(DatasetError, match="names row 999 of 240"):
        check(protocol, labelled, [replace(first, train=np.append(first.train, 999)), *made[1:]])
    jazz = labelled.y[first.train] == 0
    with pytest.raises(DatasetError, match="genre 'jazz' is not in training"):
        check(protocol, labelled, [replace(first, train=first.train[~jazz]), *made[1:]])


# ---- what is said


def test_names() -> None:
    assert NAMES == ["segments-random", "tracks", "holdout", "artists", "fault-filtered"]
    assert [p.name for p in list_protocols() if p.leaky] == ["segments-random"]
    with pytest.raises(UsageError, match="no protocol 'kfold'; there is segments-random, tracks"):
        get_protocol("kfold")


def test_the_best_protocol_is_artists_where_anything_is_known() -> None:
    assert best_protocol(material()).name == "artists"
    bare = material(artists_of_two=False)
    assert best_protocol(bare).name == "tracks"
    copies = Relation("repetition", "one file", ("jazz/000.wav", "jazz/004.wav"))
    assert best_protocol(replace(bare, relations=(copies,))).name == "artists"


def test_leaky_splits_are_told_with_their_count() -> None:
    labelled = material(rows=10)
    made = partitions(get_protocol("segments-random"), labelled)
    apart = measure(labelled, made)
    both = tracks_of(labelled, made[0].test) & (tracks_of(labelled, made[0].train) | tracks_of(labelled, made[0].valid))
    said = apart.sentences(get_protocol("segments-random"))
    assert said[0].startswith(f"LEAKY: {len(both)} of 60 recordings")
    assert apart.level(get_protocol("segments-random")) == "leaky"


def test_ties_are_counted() -> None:
    labelled = material(GENRES[:2], per_genre=4, rows=1)  # two artists of two recordings per genre
    even = np.arange(0, 8, 2)
    apart = measure(labelled, [Partition("half", even, np.zeros(0, int), even + 1)])
    (artists,) = [tie for tie in apart.ties if tie.kind == "artist"]
    assert (artists.known, artists.cut, artists.tested) == (4, 4, 4)
    whole = measure(labelled, [Partition("half", np.array([0, 1, 4, 5]), np.zeros(0, int), np.array([2, 3, 6, 7]))])
    (artists,) = [tie for tie in whole.ties if tie.kind == "artist"]
    assert (artists.known, artists.cut, artists.tested) == (4, 0, 0)
    assert "Also kept apart: recordings of one artist (4 sets)." in whole.sentences(get_protocol("artists"))
    assert "NOT kept apart: recordings of one artist (4 of 4 sets)." in apart.sentences(get_protocol("tracks"))


def test_an_artist_tested_and_validated_counts_as_cut() -> None:
    labelled = material(GENRES[:2], per_genre=4, rows=1)
    apart = measure(labelled, [Partition("x", np.array([2, 6]), np.array([0, 4]), np.array([1]))])
    (artists,) = [tie for tie in apart.ties if tie.kind == "artist"]
    assert (artists.cut, artists.tested) == (1, 1)


def test_unknown_artists_are_never_called_kept_apart() -> None:
    bare = material(artists_of_two=False)
    apart = measure(bare, partitions(get_protocol("artists"), bare))
    assert apart.level(get_protocol("artists")) == "partly"
    assert any(s.startswith("Artists are not known here") for s in apart.sentences(get_protocol("artists")))


# ---- GTZAN, from its documentation alone


def test_gtzan_fault_filtered_keeps_named_artists_but_not_guests_pieces_and_unnamed() -> None:
    facts = gtzan_facts()
    (partition,) = partitions(get_protocol("fault-filtered"), facts)
    assert [len(rows) for rows in partition.parts.values()] == [443, 197, 290]
    cut = {tie.kind: tie.cut for tie in measure(facts, [partition]).ties}
    assert cut == {"recording": 0, "repetition": 0, "artist": 0, "credit": 1, "unnamed": 6, "piece": 1}


def test_gtzan_by_artists_cuts_nothing_and_by_tracks_nearly_everything() -> None:
    facts = gtzan_facts()
    artists = measure(facts, partitions(get_protocol("artists"), facts)).ties
    assert all(tie.cut == 0 for tie in artists)
    assert sum(tie.known for tie in artists) > 200
    by_track = {tie.kind: tie for tie in measure(facts, partitions(get_protocol("tracks"), facts)).ties}
    assert by_track["artist"].cut > 0.9 * by_track["artist"].known
    assert by_track["repetition"].cut > 0.5 * by_track["repetition"].known


def test_the_benchmark_fold_file_is_accepted_and_its_gaps_are_told() -> None:
    rows = read_folds(FOLDS)
    listed = {row.track for row in rows}
    facts = gtzan_facts()
    here = facts.only(np.array([track.track_id in listed for track in facts.tracks]))
    made = partitions(get_protocol("artists"), here, folds=rows)
    assert len(made) == 5
    cut = {tie.kind: tie.cut for tie in measure(here, made).ties if tie.cut}
    assert cut == {"credit": 2, "piece": 1}
