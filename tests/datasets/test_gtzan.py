"""GTZAN is found in any layout, and its known faults are at hand."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from sideman.core.errors import DatasetError
from sideman.datasets import gtzan
from sideman.datasets.splits import check_split, cut_relations, fault_filtered, group_tracks, read_folds
from sideman.datasets.track import Track, artist_relations, relations_of, unnamed_relations

FOLDS = Path(__file__).parents[2] / "bench" / "folds" / "gtzan-artists-5.csv"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


@pytest.mark.parametrize(
    "names",
    [
        ("genres/blues/blues.00000.au", "genres/rock/rock.00099.au"),
        ("Data/genres_original/blues/blues.00000.wav", "Data/genres_original/rock/rock.00099.wav"),
        ("audio/blues/blues.00000.flac", "audio/rock/rock.00099.flac"),
        ("blues.00000.mp3", "rock.00099.MP3"),
        ("GTZAN/Blues/Blues.00000.WAV", "GTZAN/Rock/rock00099.wav"),
    ],
)
def test_any_layout_is_understood(tmp_path: Path, names: tuple[str, ...]) -> None:
    touch(tmp_path, *names, ".hidden/pop.00001.wav", "blues/._blues.00001.wav", "images/blues.00000.png")
    found = gtzan.load(tmp_path)
    assert [(t.track_id, t.genre) for t in found.tracks] == [("blues.00000", "blues"), ("rock.00099", "rock")]
    assert found.tracks[0].artist == "John Lee Hooker"
    assert found.tracks[0].split == "valid"
    assert found.unlabelled == ()


def test_the_original_format_is_preferred_and_strangers_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a/pop.00001.mp3", "b/pop.00001.au", "c/pop.00001.wav", "my song.wav", "pop.00100.wav", "pop.1.wav")
    found = gtzan.load(tmp_path)
    assert [t.path for t in found.tracks] == [tmp_path / "b/pop.00001.au"]
    assert {p.name for p in found.unlabelled} == {"my song.wav", "pop.00100.wav", "pop.1.wav"}


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "jazz.00054.wav")
    monkeypatch.setenv("SIDEMAN_DATA", str(tmp_path))
    assert gtzan.load().tracks[0].track_id == "jazz.00054"


def test_a_missing_empty_or_unnamed_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIDEMAN_DATA", raising=False)
    with pytest.raises(DatasetError, match="set SIDEMAN_DATA"):
        gtzan.load()
    with pytest.raises(DatasetError, match="no such file or folder"):
        gtzan.load(tmp_path / "none")
    with pytest.raises(DatasetError, match="no GTZAN track"):
        gtzan.load(tmp_path)
    touch(tmp_path, "song.wav")
    with pytest.raises(DatasetError, match="not a folder"):
        gtzan.load(tmp_path / "song.wav")


def test_the_facts_cover_all_1000_tracks() -> None:
    facts = gtzan.facts()
    assert Counter(name.partition(".")[0] for name in facts) == dict.fromkeys(gtzan.GENRES, 100)
    assert sum(fact.artist is not None for fact in facts.values()) == 919
    assert Counter(fact.split for fact in facts.values()) == {"train": 443, "valid": 197, "test": 290, None: 70}
    assert {name: fact.fault for name, fact in facts.items() if fact.fault} == {
        "jazz.00054": "corrupt",
        "reggae.00086": "distorted",
    }


def test_there_are_the_50_copies_that_sturm_counts_one_of_them_in_two_genres() -> None:
    sets = [r.members for r in gtzan.known_relations() if r.kind == "repetition"]
    assert sum(len(members) - 1 for members in sets) == 50
    assert [m for m in sets if len({t.partition(".")[0] for t in m}) > 1] == [("metal.00058", "rock.00016")]


def test_the_fault_filtered_split_keeps_artists_and_repetitions_apart_but_for_what_is_known() -> None:
    tracks = [
        Track(Path(name), name, name.partition(".")[0], artist=fact.artist, split=fact.split)
        for name, fact in gtzan.facts().items()
    ]
    part_of = {track.track_id: track.split for track in tracks if track.split}
    artists = [r for r in artist_relations(tracks) if r.kind == "artist"]
    check_split(part_of, [*artists, *(r for r in gtzan.known_relations() if r.kind == "repetition")])
    # What its authors missed: two versions of one song by an unnamed artist, and three guest appearances.
    cut = cut_relations(part_of, [*artist_relations(tracks), *gtzan.known_relations()])
    assert sorted(r.name for r in cut) == ["Bob Marley", "Donna Summer", "Shania Twain", "pop.00010 and its kin"]


def test_the_committed_folds_keep_what_they_declare() -> None:
    rows = read_folds(FOLDS)
    assert {row.fold for row in rows} == {0, 1, 2, 3, 4}
    facts = gtzan.facts()
    tracks = [Track(Path(row.track), row.track, row.genre, artist=facts[row.track].artist) for row in rows]
    declared = [r for r in artist_relations(tracks) if r.kind == "artist"]
    declared += [*unnamed_relations(tracks), *(r for r in gtzan.known_relations() if r.kind == "repetition")]
    check_split({row.track: row.fold for row in rows}, declared, source=FOLDS.name)


@pytest.mark.data
@pytest.mark.skipif("SIDEMAN_DATA" not in os.environ, reason="SIDEMAN_DATA names no data set")
def test_the_real_clips_load_with_their_facts() -> None:
    found = gtzan.load()
    assert set(found.genres) == set(gtzan.GENRES)
    part_of = fault_filtered(found)
    assert set(part_of.values()) == {"train", "valid", "test"}
    groups = group_tracks((t.track_id for t in found.tracks), relations_of(found))
    assert len(set(groups.values())) > 100
