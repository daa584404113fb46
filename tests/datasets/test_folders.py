"""Any tree with one folder per genre is a data set."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from sideman.core.errors import DatasetError
from sideman.datasets import folders
from sideman.datasets.source import open_dataset


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def labels(root: Path) -> dict[str, str]:
    return {track.track_id: track.genre for track in folders.load(root).tracks}


def test_first_level_folders_are_the_genres_however_deep_the_files_lie(tmp_path: Path) -> None:
    touch(tmp_path, "jazz/a.wav", "jazz/album/cd 1/b.flac", "rock/c.MP3")
    assert labels(tmp_path) == {"jazz/a.wav": "jazz", "jazz/album/cd 1/b.flac": "jazz", "rock/c.MP3": "rock"}


def test_hidden_and_foreign_files_are_passed_over_and_strays_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "jazz/a.wav", "jazz/._a.wav", ".git/b.wav", "jazz/cover.jpg", "rock/c.wav", "stray.wav")
    found = folders.load(tmp_path)
    assert {t.track_id for t in found.tracks} == {"jazz/a.wav", "rock/c.wav"}
    assert found.unlabelled == (tmp_path / "stray.wav",)


def test_labels_may_hold_spaces_emoji_and_any_script_and_are_composed(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "música café")
    touch(tmp_path, f"{decomposed}/a.wav", "hip hop 🎤/b.wav", "演歌/c.wav")
    assert set(labels(tmp_path).values()) == {"música café", "hip hop 🎤", "演歌"}


def test_two_spellings_of_a_label_are_one_genre(tmp_path: Path) -> None:
    touch(tmp_path, "caf\u00e9/a.wav", "cafe\u0301/a.wav", "rock/a.wav")
    found = folders.load(tmp_path)
    assert found.genres == ("caf\u00e9", "rock")
    assert len({t.track_id for t in found.tracks}) == 3


def test_wrapping_folders_are_looked_through(tmp_path: Path) -> None:
    touch(tmp_path, "archive/genres/jazz/a.wav", "archive/genres/rock/x/b.wav")
    assert labels(tmp_path) == {"jazz/a.wav": "jazz", "rock/x/b.wav": "rock"}


def test_a_single_genre_is_not_taken_for_a_wrapping(tmp_path: Path) -> None:
    touch(tmp_path, "jazz/a.wav", "jazz/b.wav")
    assert set(labels(tmp_path).values()) == {"jazz"}


def test_empty_genre_folders_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "all/jazz/a.wav", "all/rock/b.wav", "all/.cache/x", "all/blues/readme.txt")
    (tmp_path / "all" / "pop").mkdir()
    assert folders.empty_genres(tmp_path) == ("blues", "pop")


def test_a_folder_without_genres_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no audio file in it"):
        folders.load(tmp_path)
    touch(tmp_path, "a.wav")
    with pytest.raises(DatasetError, match="in no genre folder"):
        folders.load(tmp_path)
    with pytest.raises(DatasetError, match="not a folder"):
        folders.load(tmp_path / "a.wav")


def test_the_kind_of_a_data_set_is_seen_from_its_contents(tmp_path: Path) -> None:
    touch(tmp_path, "g/blues/blues.00000.wav", "f/blues/song.wav", "f/blues.00001.wav", "f/rock/x.wav")
    (tmp_path / "m.csv").write_text("path,genre\nf/rock/x.wav,rock\n")
    assert [open_dataset(tmp_path / name).name for name in ("g", "f", "m.csv")] == ["gtzan", "folders", "manifest"]
    assert open_dataset(tmp_path / "g", kind="folders").name == "folders"
    with pytest.raises(DatasetError, match="'nonsense' is no kind"):
        open_dataset(tmp_path / "g", kind="nonsense")
