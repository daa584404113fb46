"""A CSV manifest names files and labels; what is wrong with it is said by row."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sideman.core.errors import DatasetError
from sideman.datasets import manifest
from sideman.datasets.track import Track


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "sub/b, c.flac", "ü 🎷.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "m.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_rows_become_tracks_and_blank_optional_cells_are_unknown(folder: Path) -> None:
    path = write(
        folder,
        "genre,path,artist,title,split,group,comment\n"
        'jazz,a.wav, Miles  Davis ,,train,g1,x\nrock,"sub/b, c.flac",,,,,\n',
    )
    found = manifest.load(path)
    assert found.tracks == (
        Track(folder / "a.wav", "a.wav", "jazz", artist="Miles Davis", split="train", group="g1"),
        Track(folder / "sub/b, c.flac", "sub/b, c.flac", "rock"),
    )


def test_excels_byte_order_mark_semicolons_and_line_ends_are_understood(folder: Path) -> None:
    path = write(folder, "Path;Genre\r\na.wav;jazz\r\nü 🎷.mp3;rock\r\n", "utf-8-sig")
    assert [t.genre for t in manifest.load(path).tracks] == ["jazz", "rock"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("path,label\na.wav,jazz\n", "lacks the column 'genre'"),
        ("", "lacks the column 'path'"),
        ("path,genre\n", "holds no row"),
        ("path,genre\na.wav,jazz\n,rock\n", "row 3 has a blank path"),
        ("path,genre\na.wav, \n", "row 2 has a blank genre"),
        ("path,genre\na.wav\n", "row 2 has a blank genre"),
        ("path,genre\na.wav,jazz\nnone.wav,rock\n", "row 3 names none.wav, which is not there"),
        ("path,genre\nsub,jazz\n", "row 2 names sub, which is not there"),
        ("path,genre\na.wav,jazz\n./a.wav,rock\n", r"row 3 names ./a.wav again \(first in row 2\)"),
        ("path,genre\nsub/b, c.flac,jazz\n", "row 2 has more cells than the header"),
        ('path,genre\n"a.wav,jazz\n', "not valid CSV"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_row(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        manifest.load(write(folder, text))
    assert "\n" not in str(caught.value)


def test_a_manifest_in_another_encoding_is_told_from_a_wrong_path(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"row 2 names .*not there; save the manifest as UTF-8"):
        manifest.load(write(folder, "path,genre\nü.wav,jazz\n", "latin-1"))


def test_a_missing_manifest_is_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        manifest.load(folder / "none.csv")
    with pytest.raises(DatasetError, match="lacks the column"):
        manifest.load(write(folder, "\x00\x01"))


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_text_survives_the_round_trip(folder: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/\xff.wav"))
    try:
        odd.write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes text only")
    manifest.write(folder / "m.csv", [Track(odd, "odd", "jazz")])
    assert manifest.load(folder / "m.csv").tracks[0].path.resolve() == odd.resolve()


@given(st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_cause_anything_but_a_data_set_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_bytes(b"path,genre\n" + content)
    with pytest.raises(DatasetError):
        manifest.load(path)


def test_what_is_written_reads_back_from_anywhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    tracks = manifest.load(write(folder, 'path,genre,artist\na.wav,jazz,"A, B"\n"sub/b, c.flac",rock 🎸,\n')).tracks
    for target in (folder / "out.csv", tmp_path_factory.mktemp("else") / "out.csv"):
        manifest.write(target, tracks)
        again = manifest.load(target).tracks
        assert {(t.path.resolve(), t.genre, t.artist) for t in again} == {
            (t.path.resolve(), t.genre, t.artist) for t in tracks
        }
    assert "out.csv" in (folder / "out.csv").name
    assert (folder / "out.csv").read_text(encoding="utf-8").splitlines()[1].startswith("a.wav,jazz")
