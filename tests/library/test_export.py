"""Tracks as files for other programs."""

import csv
import json

import pytest

from sideman.core.errors import OutputError, UsageError
from sideman.library import tracks
from sideman.library.export import CSV_COLUMNS, export, jams
from sideman.library.scan import Options, scan
from sideman.library.store import open_store
from tests.library.make import make_store
from tests.library.sounds import write


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    with make_store(tmp_path_factory.mktemp("export"), n=20) as made:
        yield made


@pytest.fixture(scope="module")
def found(library):
    return tracks.find(library, None, whole=True)


def test_csv_has_a_row_for_each(library, found, tmp_path):
    with export(library, found, tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert [row["path"] for row in rows] == [t.path for t in found]
    assert float(rows[0]["tempo_bpm"]) == pytest.approx(found[0].tempo_bpm, abs=1e-3)


def test_json_lines_hold_everything(library, found, tmp_path):
    lines = [json.loads(line) for line in export(library, found, tmp_path / "a.jsonl").read_text().splitlines()]
    assert lines == [json.loads(t.to_json()) for t in found]
    assert lines[0]["tags"]["artist"] == [found[0].artist]


def test_parquet_keeps_types(library, found, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(export(library, found, tmp_path / "a.parquet"))
    assert table.num_rows == len(found)
    assert table["year"].to_pylist() == [t.year for t in found]
    assert table["unsure"].to_pylist() == [t.unsure for t in found]
    assert dict(table["probabilities"][0].as_py()) == pytest.approx(found[0].probabilities, abs=1e-4)


def test_nothing_is_written_over_unless_asked(library, found, tmp_path):
    out = tmp_path / "a.csv"
    out.write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        export(library, found, out)
    assert out.read_text() == "mine"
    export(library, found, out, overwrite=True)
    assert out.read_text() != "mine"


@pytest.mark.parametrize(("name", "says"), [("a.txt", "must end in"), ("a.jams", "one track")])
def test_what_cannot_be_written_is_told(library, found, tmp_path, name, says):
    with pytest.raises(UsageError, match=says):
        export(library, found, tmp_path / name)


def test_a_jams_file_holds_what_was_heard_over_time(tmp_path):
    path = write(tmp_path / "music" / "a.wav", duration_s=8.0)
    with open_store(tmp_path / "library.db") as store:
        scan(store, [path], Options(workers=1))
        found = tracks.find(store, None, whole=True)
        plain = jams(store, found[0])
        target = export(store, found, tmp_path / "one.jams")
    assert json.loads(target.read_text()) == json.loads(json.dumps(plain))
    by_name = {a["namespace"]: a for a in plain["annotations"]}
    assert {"tag_open", "segment_open", "mood_thayer"} <= set(by_name)
    segments = by_name["segment_open"]["data"]
    assert segments[0]["time"] == 0
    assert sum(s["duration"] for s in segments) == pytest.approx(8.0, abs=0.05)
    assert plain["file_metadata"]["duration"] == pytest.approx(8.0, abs=0.01)


def test_a_folder_takes_a_jams_file_for_each(library, found, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    export(library, found, folder)
    assert len(list(folder.glob("*.jams"))) == len(found)
