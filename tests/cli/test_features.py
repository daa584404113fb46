"""``sideman features`` as its users meet it: files in, one table or array file out, nothing lost."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from sideman.audio.descriptors import DESCRIPTOR_COLUMNS, TABLE_COLUMNS, describe
from sideman.audio.extract import Recipe
from sideman.audio.features_io import PartFolder, Source
from sideman.cli.app import app
from tests.audio.signals import RATE_HZ, music

runner = CliRunner()


def run(*arguments):
    return runner.invoke(app, ["features", "--quiet", *map(str, arguments)])


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Two genres of two songs, 4 s each, and a file that is none."""
    folder = tmp_path_factory.mktemp("album")
    for number, genre in enumerate(("blues", "jazz")):
        (folder / genre).mkdir()
        for song in range(2):
            path = folder / genre / f"{genre}.{song:05}.wav"
            soundfile.write(path, 0.5 * music(4.0, seed=2 * number + song), RATE_HZ, subtype="FLOAT")
    return folder


@pytest.fixture
def broken(album):
    path = album / "jazz" / "jazz.00054.wav"
    path.write_bytes(b"RIFF" + bytes(60))
    yield path
    path.unlink()


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_goes_to_stdout_with_the_published_columns(album):
    result = run(album, "--label-from-folder", "--workers", 1)
    rows = rows_of(result.stdout)
    assert result.exit_code == 0
    assert tuple(rows[0]) == TABLE_COLUMNS
    assert [row["filename"] for row in rows] == [
        "blues.00000.wav",
        "blues.00001.wav",
        "jazz.00000.wav",
        "jazz.00001.wav",
    ]
    assert [row["label"] for row in rows] == ["blues", "blues", "jazz", "jazz"]
    expected = describe(0.5 * music(4.0, seed=2))
    assert {name: float(rows[2][name]) for name in DESCRIPTOR_COLUMNS} == pytest.approx(expected)
    assert rows[0]["length"] == str(4 * RATE_HZ)


def test_json_prints_a_line_per_row(album):
    result = run(album / "blues", "--json", "--segments", 2, "--workers", 1)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["filename"] for line in lines] == [
        f"blues.0000{song}.{part}.wav" for song in (0, 1) for part in (0, 1)
    ]
    assert set(lines[0]) == {"path", *TABLE_COLUMNS}
    assert isinstance(lines[0]["length"], int)


@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_all_formats_hold_the_same_table(album, tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / f"table.{suffix}"
    result = run(album, "--out", out, "--segments", 2, "--overlap", 0.5, "--label-from-folder", "--workers", 1)
    assert result.exit_code == 0
    expected = rows_of(run(album, "--segments", 2, "--overlap", 0.5, "--workers", 1).stdout)
    assert len(expected) == 4 * 3
    if suffix == "csv":
        found = rows_of(out.read_text())
        values = np.array([[float(row[name]) for name in DESCRIPTOR_COLUMNS] for row in found])
        names, labels = [row["filename"] for row in found], [row["label"] for row in found]
    elif suffix == "npz":
        with np.load(out, allow_pickle=False) as arrays:
            assert tuple(arrays["columns"]) == DESCRIPTOR_COLUMNS
            values, names, labels = arrays["features"], arrays["filename"].tolist(), arrays["label"].tolist()
    else:
        import pyarrow.parquet as pq

        table = pq.read_table(out)
        assert tuple(table.column_names) == TABLE_COLUMNS
        values = np.stack([table[name].to_numpy() for name in DESCRIPTOR_COLUMNS], axis=1)
        names, labels = table["filename"].to_pylist(), table["label"].to_pylist()
    assert names == [row["filename"] for row in expected]
    assert labels == ["blues"] * 6 + ["jazz"] * 6
    np.testing.assert_array_equal(values, [[float(row[name]) for name in DESCRIPTOR_COLUMNS] for row in expected])
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name]  # no part folder, no temporary file


@pytest.mark.parametrize(("kind", "shape"), [("mfcc", (13, 130)), ("stft", (513, 128)), ("mel", (128, 130))])
def test_sequences_and_images_are_arrays(album, tmp_path, kind, shape):
    out = tmp_path / "images.npz"
    assert run(album, "--kind", kind, "--out", out, "--workers", 1).exit_code == 0
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["features"].shape == (4, *shape)
        assert arrays["features"].dtype == np.float32
        assert arrays["filename"][0] == "blues.00000.0.wav"


def test_images_in_parquet_tell_their_shape(album, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "images.parquet"
    assert run(album, "--kind", "mfcc", "--out", out, "--workers", 1).exit_code == 0
    table = pq.read_table(out)
    assert json.loads(table.schema.metadata[b"sideman.shape"]) == [13, 130]
    assert len(table["features"][0]) == 13 * 130


def test_a_bad_file_is_reported_and_left_out(album, broken, tmp_path):
    out = tmp_path / "table.csv"
    result = run(album, "--out", out, "--json", "--workers", 1)
    assert result.exit_code == 3
    assert str(broken) in result.stderr
    assert "Traceback" not in result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert next(line for line in lines if "error" in line)["path"] == str(broken)
    assert len(rows_of(out.read_text())) == 4


def test_nothing_but_bad_files_is_a_failure_and_writes_nothing(broken, tmp_path):
    out = tmp_path / "table.csv"
    assert run(broken, "--out", out).exit_code == 1
    assert not out.exists()


def test_a_file_too_short_for_a_segment_is_named(album, tmp_path):
    result = run(album / "blues", "--kind", "mel", "--segments", 5, "--out", tmp_path / "x.npz", "--workers", 1)
    assert result.exit_code == 1
    assert "4.00 s is shorter than one segment of 5 s" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kind", "mel"], "--out"),
        (["--kind", "mel", "--out", "x.csv"], "two axes"),
        (["--out", "x.txt"], ".csv"),
        (["--overlap", "0.5"], "--segments"),
        (["--segments", "-1"], "positive"),
    ],
)
def test_wrong_usage_is_told_before_any_work(album, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(album, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_output_folder_is_told_before_any_work(album, tmp_path):
    result = run(album, "--out", tmp_path / "no" / "x.csv")
    assert result.exit_code == 1
    assert "create the folder" in result.stderr


def test_a_dry_run_tells_and_does_nothing(album, tmp_path):
    out = tmp_path / "table.csv"
    result = run(album, "--out", out, "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.count("would extract") == 4
    assert not list(tmp_path.iterdir())


def test_finished_files_are_not_done_twice(album, tmp_path):
    """What a killed run leaves behind: parts of some files, a temporary file, no output."""
    out = tmp_path / "table.csv"
    recipe = Recipe("table")
    parts = PartFolder(out, recipe)
    first = Source(album / "blues" / "blues.00000.wav")
    part = parts.write(first)
    marked = np.frombuffer(part.read_bytes(), np.float64).copy()
    marked[1] = 123.0  # a value that no extraction gives: it shows whether the part was used
    part.write_bytes(marked.tobytes())
    (parts.folder / ".half.tmp").write_bytes(b"left by a killed worker")
    dry = [json.loads(line) for line in run(album, "--out", out, "--dry-run", "--json").stdout.splitlines()]
    assert [line["done"] for line in dry] == [True, False, False, False]
    assert run(album, "--out", out, "--workers", 1).exit_code == 0
    rows = rows_of(out.read_text())
    assert [float(row["chroma_stft_mean"]) == 123.0 for row in rows] == [True, False, False, False]
    assert not parts.folder.exists()


def test_a_changed_file_or_recipe_is_done_again(album, tmp_path):
    import shutil

    song = tmp_path / "song.wav"
    shutil.copy(album / "blues" / "blues.00000.wav", song)
    out = tmp_path / "table.csv"
    before = PartFolder(out, Recipe("table")).part_of(Source(song))
    assert PartFolder(out, Recipe("table", 3.0)).part_of(Source(song)) != before
    os.utime(song, ns=(1, 1))
    assert PartFolder(out, Recipe("table")).part_of(Source(song)) != before


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_kill_9_loses_nothing_that_was_finished(album, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"song {number:03}.wav").symlink_to(album / "blues" / f"blues.0000{number % 2}.wav")
    # Links resolve to two files: what is finished once counts for all, so give each its own bytes instead.
    for link in many.iterdir():
        data = link.read_bytes()
        link.unlink()
        link.write_bytes(data)
    out = tmp_path / "table.csv"
    command = [sys.executable, "-m", "sideman", "features", str(many), "--out", str(out), "--workers", "1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    folder = PartFolder(out, Recipe("table")).folder
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s and len(list(folder.glob("*.rows"))) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.rows")}
    assert len(kept) >= 5
    assert not out.exists()
    for late in sorted(many.iterdir())[20:]:
        late.unlink()
    dry = [json.loads(line) for line in run(many, "--out", out, "--dry-run", "--json").stdout.splitlines()]
    assert sum(line["done"] for line in dry) == min(len(kept), 20)
    assert run(many, "--out", out, "--workers", 1).exit_code == 0
    assert len(rows_of(out.read_text())) == 20


def test_workers_give_the_same_bytes(album, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run(album, "--out", one, "--workers", 1).exit_code == 0
    assert run(album, "--out", two, "--workers", 2).exit_code == 0
    assert one.read_bytes() == two.read_bytes()


def test_a_list_on_stdin(album):
    listed = "\n".join(str(path) for path in sorted((album / "jazz").iterdir()))
    result = runner.invoke(app, ["features", "-", "--workers", "1"], input=listed)
    assert [row["filename"] for row in rows_of(result.stdout)] == ["jazz.00000.wav", "jazz.00001.wav"]
