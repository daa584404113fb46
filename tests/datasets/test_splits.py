"""A split never cuts what belongs together, is as even as it can be, and is the same for the same seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import DatasetError, UsageError
from sideman.datasets.splits import (
    FoldRow,
    check_folds,
    check_split,
    cut_relations,
    fault_filtered,
    group_tracks,
    make_folds,
    missing_genres,
    read_folds,
    write_folds,
)
from sideman.datasets.track import Dataset, Relation, Track, artist_relations, unnamed_relations

IDS = [f"t{i:02d}" for i in range(24)]


def tracks(genre_of: list[str], artists: list[str | None] | None = None) -> list[Track]:
    named = artists or [None] * len(genre_of)
    return [
        Track(Path(f"{i}.wav"), f"t{i:02d}", g, artist=a) for i, (g, a) in enumerate(zip(genre_of, named, strict=True))
    ]


relations = st.lists(
    st.lists(st.sampled_from(IDS), min_size=2, max_size=4, unique=True).map(
        lambda ids: Relation("repetition", "r", tuple(ids))
    ),
    max_size=12,
)


@given(relations)
@settings(deadline=None)
def test_groups_are_the_transitive_closure_of_the_relations(declared: list[Relation]) -> None:
    group = group_tracks(IDS, declared)
    reachable = {t: {t} for t in IDS}
    for _ in IDS:
        for relation in declared:
            union = set().union(*(reachable[m] for m in relation.members))
            for member in union:
                reachable[member] |= union
    for a in IDS:
        for b in IDS:
            assert (group[a] == group[b]) == (b in reachable[a])


@given(relations, st.randoms())
@settings(deadline=None)
def test_group_names_do_not_depend_on_the_order_of_anything(declared: list[Relation], random) -> None:
    shuffled, ids = list(declared), list(IDS)
    random.shuffle(shuffled)
    random.shuffle(ids)
    assert group_tracks(ids, shuffled) == group_tracks(IDS, declared)


def test_a_chain_through_an_absent_track_still_joins() -> None:
    chain = [Relation("repetition", "x", ("a", "gone")), Relation("repetition", "y", ("gone", "z"))]
    assert group_tracks(["z", "a"], chain) == {"a": "a", "z": "a"}


@given(relations, st.integers(2, 4), st.integers(0, 5))
@settings(deadline=None)
def test_folds_keep_every_group_whole(declared: list[Relation], n_folds: int, seed: int) -> None:
    labelled = tracks(["jazz", "rock", "pop"] * 8)
    n_groups = len(set(group_tracks(IDS, declared).values()))
    if n_groups < n_folds:
        with pytest.raises(DatasetError, match=f"only {n_groups} independent groups"):
            make_folds(labelled, declared, n_folds=n_folds, seed=seed)
        return
    rows = make_folds(labelled, declared, n_folds=n_folds, seed=seed)
    assert [row.track for row in rows] == IDS
    assert {row.fold for row in rows} == set(range(n_folds))
    check_folds(rows, declared)


@given(st.data())
@settings(deadline=None)
def test_every_fold_has_each_genre_that_has_enough_groups(data: st.DataObject) -> None:
    n_folds = data.draw(st.integers(2, 5))
    genres, artists = [], []
    for genre in ("jazz", "rock", "pop"):
        sizes = data.draw(st.lists(st.integers(1, 6), min_size=n_folds, max_size=n_folds + 4))
        for number, size in enumerate(sizes):
            genres += [genre] * size
            artists += [f"{genre} {number}"] * size
    labelled = tracks(genres, artists)
    rows = make_folds(labelled, artist_relations(labelled), n_folds=n_folds, seed=data.draw(st.integers(0, 3)))
    assert missing_genres(rows) == {}


def test_equal_groups_give_equal_folds() -> None:
    labelled = tracks(["jazz"] * 10 + ["rock"] * 15)
    count = Counter((row.genre, row.fold) for row in make_folds(labelled, n_folds=5))
    assert set(count.values()) == {2, 3}
    assert all(count["jazz", fold] == 2 and count["rock", fold] == 3 for fold in range(5))


@given(st.integers(0, 20), st.randoms())
@settings(deadline=None)
def test_the_same_seed_gives_the_same_folds_whatever_the_order(seed: int, random) -> None:
    labelled = tracks(["jazz", "rock"] * 12, [f"artist {i // 3}" for i in range(24)])
    shuffled = list(labelled)
    random.shuffle(shuffled)
    declared = artist_relations(labelled)
    assert make_folds(shuffled, declared, seed=seed, n_folds=3) == make_folds(labelled, declared, seed=seed, n_folds=3)


def test_seeds_give_different_folds() -> None:
    labelled = tracks(["jazz", "rock"] * 12)
    assert len({make_folds(labelled, seed=seed) for seed in range(5)}) > 1


def test_one_fold_is_refused() -> None:
    with pytest.raises(UsageError, match="2 is the least"):
        make_folds(tracks(["a", "b"]), n_folds=1)


def test_missing_genres_are_named_per_fold() -> None:
    rows = [FoldRow("a", "jazz", "a", 0), FoldRow("b", "rock", "b", 0), FoldRow("c", "rock", "c", 1)]
    assert missing_genres(rows) == {1: ("jazz",)}


def test_a_split_that_puts_an_artist_on_both_sides_is_refused_by_name() -> None:
    bob = Relation("artist", "Bob Marley", ("reggae.00001", "reggae.00002"))
    check_split({"reggae.00001": "train", "reggae.00002": "train"}, [bob])
    with pytest.raises(DatasetError, match=r"reggae.00001 is in part train and reggae.00002 in part test.*Bob Marley"):
        check_split({"reggae.00001": "train", "reggae.00002": "test"}, [bob])


def test_a_split_that_cuts_a_chain_through_a_track_outside_it_is_refused() -> None:
    chain = [Relation("repetition", "x", ("a", "b")), Relation("repetition", "y", ("b", "c"))]
    with pytest.raises(DatasetError, match="chain"):
        check_split({"a": 0, "c": 1}, chain)
    check_split({"a": 0, "c": 0}, chain)


@given(relations, st.lists(st.integers(0, 2), min_size=24, max_size=24))
@settings(deadline=None)
def test_check_split_refuses_exactly_the_splits_that_cut_a_group(declared: list[Relation], parts: list[int]) -> None:
    part_of = dict(zip(IDS, parts, strict=True))
    group = group_tracks(IDS, declared)
    cut = any(len({part_of[t] for t in IDS if group[t] == name}) > 1 for name in set(group.values()))
    if cut:
        assert cut_relations(part_of, declared)
        with pytest.raises(DatasetError, match="belong together"):
            check_split(part_of, declared)
    else:
        assert cut_relations(part_of, declared) == ()
        check_split(part_of, declared)


def test_unnamed_tracks_of_a_genre_stay_together() -> None:
    labelled = tracks(["jazz", "jazz", "rock", "jazz"], [None, None, None, "Miles Davis"])
    assert unnamed_relations(labelled) == (Relation("unnamed", "jazz, artist unknown", ("t00", "t01")),)


def test_fold_files_survive_the_round_trip(tmp_path: Path) -> None:
    rows = (FoldRow('a, "b"', "Café 🎷", 'a, "b"', 0), FoldRow("ü/2.wav", "rock", "ü/2.wav", 1))
    write_folds(tmp_path / "f.csv", rows)
    assert read_folds(tmp_path / "f.csv") == rows
    assert (tmp_path / "f.csv").read_text(encoding="utf-8").startswith("track,genre,group,fold\n")


@pytest.mark.parametrize(
    "text, message",
    [
        ("track,genre,fold\na,b,0\n", "lacks the column 'group'"),
        ("track,genre,group,fold\na,rock,a,0\nb,rock,,1\n", "row 3 has no group"),
        ("track,genre,group,fold\na,rock,a,0\nb,rock,b,one\n", "row 3 has fold 'one'"),
        ("track,genre,group,fold\na,rock,a,0\nb,rock,b,-1\n", "row 3 has fold '-1'"),
        ("track,genre,group,fold\na,rock,a,0\na,rock,a,0\n", "track a is listed twice"),
        ("track,genre,group,fold\na,rock,a,0\nb,rock,a,1\n", "a is in part 0 and b in part 1"),
        ("track,genre,group,fold\na,rock,a,0\nb,rock,b,2\n", "counted from 0"),
        ("track,genre,group,fold\na,rock\n", "row 2 has no group"),
        ("", "lacks the column"),
    ],
)
def test_a_bad_fold_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message) as caught:
        read_folds(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_fold_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"\xff\xfe\x00track")
    with pytest.raises(DatasetError, match="lacks the column"):
        read_folds(tmp_path / "f.csv")
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DatasetError, match="cannot be read"):
            read_folds(path)


def test_the_data_sets_own_split_is_needed_to_be_used() -> None:
    plain = Dataset("folders", Path("x"), tuple(tracks(["a", "b"])))
    with pytest.raises(DatasetError, match="no split of its own"):
        fault_filtered(plain)
