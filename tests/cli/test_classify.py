"""``sideman classify`` as its users meet it: real recordings, real model, a process of its own."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from sideman.cli.app import app
from sideman.mood.names import nearest
from tests.cli.run import EXAMPLES, ROOT, sideman

RECORDINGS = sorted(path for path in EXAMPLES.iterdir() if path.suffix in {".mp3", ".ogg", ".opus", ".flac"})
SONG = EXAMPLES / "iron gallop.ogg"


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A folder with one good recording among bad ones."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "empty.mp3").touch()
    (folder / "text.mp3").write_text("this is not music\n" * 100)
    (folder / "notes.txt").write_text("no audio by its name either")
    (folder / "good.ogg").write_bytes(SONG.read_bytes())
    (folder / "truncated.flac").write_bytes(next(iter(EXAMPLES.glob("*.flac"))).read_bytes()[:2000])
    return folder


def test_json_tells_what_the_contract_says():
    done = sideman("classify", "--json", EXAMPLES)
    results = lines(done)
    assert done.returncode == 0
    assert [result["path"] for result in results] == [str(path) for path in RECORDINGS]  # in the order of the names
    for result in results:
        assert {"path", "duration_s", "genre", "unsure", "probabilities", "tempo_bpm", "key"} <= set(result)
        assert "timeline" not in result
        assert len(result["probabilities"]) == 10
        assert sum(result["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert result["genre"] in result["probabilities"]
        assert isinstance(result["unsure"], bool)
        assert 8 <= result["duration_s"] <= 15
        assert result["tempo_bpm"] is None or 30 < result["tempo_bpm"] < 300
        assert result["key"] is None or result["key"].split()[1] in ("major", "minor")
        assert -1 <= result["valence"] <= 1
        assert -1 <= result["arousal"] <= 1
        assert result["mood"] == nearest(result["valence"], result["arousal"])
        assert 0.25 <= result["mood_confidence"] <= 1
    assert done.stderr == b""  # no terminal, no bar


def test_the_python_function_gives_the_same():
    import sideman as package

    heard = package.classify(SONG)
    (line,) = lines(sideman("classify", "--json", SONG))
    assert line == json.loads(json.dumps(heard.to_dict()))


def test_workers_change_nothing_but_the_pace():
    assert sideman("classify", "--json", "--workers", "3", EXAMPLES).stdout == sideman(
        "classify", "--json", "--workers", "1", EXAMPLES
    ).stdout  # fmt: skip


def test_csv_and_table_agree_with_json():
    told = lines(sideman("classify", "--json", EXAMPLES))
    table = list(csv.DictReader(io.StringIO(sideman("classify", "--csv", EXAMPLES).stdout.decode())))
    assert [(row["path"], row["genre"], row["unsure"], row["mood"]) for row in table] == [
        (line["path"], line["genre"], str(line["unsure"]).lower(), line["mood"]) for line in told
    ]
    shown = sideman("classify", EXAMPLES).stdout.decode().splitlines()
    assert shown[0].split() == ["File", "Genre", "Likely", "Mood", "Tempo", "Key", "Length"]
    for row, line in zip(shown[1:], told, strict=True):
        assert line["path"] in row
        assert ("unsure" if line["unsure"] else line["genre"]) in row
        assert line["mood"] in row


def test_the_timeline_covers_the_recording():
    (result,) = lines(sideman("classify", "--json", "--timeline", SONG))
    spans = [(segment["start_s"], segment["end_s"]) for segment in result["timeline"]]
    assert spans[0][0] == 0
    assert all(start < end for start, end in spans)
    assert spans == sorted(spans)
    assert result["duration_s"] - 2.5 < spans[-1][1] <= result["duration_s"] + 0.01
    for segment in result["timeline"]:
        assert sum(segment["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_without_tempo_and_key_both_are_null():
    (result,) = lines(sideman("classify", "--json", "--no-tempo", "--no-key", SONG))
    assert (result["tempo_bpm"], result["key"]) == (None, None)


def test_without_mood_all_of_it_is_null():
    (with_it,) = lines(sideman("classify", "--json", SONG))
    (without,) = lines(sideman("classify", "--json", "--no-mood", SONG))
    told = {"valence", "arousal", "mood", "mood_confidence"}
    assert {name: without[name] for name in told} == dict.fromkeys(told)
    assert {name: value for name, value in with_it.items() if name not in told} == {
        name: value for name, value in without.items() if name not in told
    }


def test_a_part_of_a_recording():
    (result,) = lines(sideman("classify", "--json", "--start", "2", "--duration", "4.5", SONG))
    assert result["duration_s"] == pytest.approx(4.5, abs=0.01)
    past = sideman("classify", "--start", "4000", SONG)
    assert past.returncode == 1
    assert past.stderr.count(b"\n") == 1


def test_bad_files_are_reported_and_the_rest_goes_on(broken):
    done = sideman("classify", "--json", broken)
    results = {Path(line["path"]).name: line for line in lines(done)}
    assert done.returncode == 3
    assert set(results) == {"empty.mp3", "good.ogg", "text.mp3", "truncated.flac"}
    assert "genre" in results["good.ogg"]
    for name in ("empty.mp3", "text.mp3"):
        assert set(results[name]) == {"path", "error"}
        assert name in results[name]["error"]
        assert "\n" not in results[name]["error"]
    assert b"files failed" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_table_reports_failures_on_stderr(broken):
    done = sideman("classify", broken / "empty.mp3", broken / "good.ogg", broken / "missing.mp3")
    assert done.returncode == 3
    assert b"good.ogg" in done.stdout
    assert b"empty.mp3" not in done.stdout
    assert [line.split(b":")[0] for line in done.stderr.splitlines()] == [b"error", b"error", b"2 of 3 files failed"]


def test_all_failed_is_one(broken):
    for arguments in (["empty.mp3"], ["empty.mp3", "text.mp3"], ["no such file.mp3"], ["--csv", "empty.mp3"]):
        done = sideman("classify", *arguments, cwd=broken)
        assert done.returncode == 1, arguments
        assert b"Traceback" not in done.stderr


def test_a_folder_without_recordings_is_one_line(tmp_path):
    done = sideman("classify", tmp_path)
    assert done.returncode == 1
    assert b"no recordings found" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""


@pytest.mark.parametrize(
    "arguments",
    [[], ["--csv", "--json", "x"], ["--top", "0", "x"], ["--workers", "0", "x"], ["--start", "-1", "x"],
     ["--duration", "0", "x"], ["--duration", "nan", "x"], ["--start", "nan", str(SONG)], ["--nonsense", "x"]],
)  # fmt: skip
def test_wrong_usage_is_two(arguments):
    result = CliRunner().invoke(app, ["classify", *arguments])
    assert result.exit_code == 2


def test_a_list_on_stdin():
    names = [str(path) for path in RECORDINGS[:2]]
    by_line = sideman("classify", "--json", "-", stdin="\n".join(names).encode())
    assert [line["path"] for line in lines(by_line)] == names
    by_nul = sideman("classify", "--json", "-", stdin="\0".join([*names, ""]).encode())
    assert by_nul.stdout == by_line.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes")
def test_names_of_any_bytes_work(tmp_path):
    names = [b"caf\xe9.ogg", "日本 é.ogg".encode(), b"new\nline.ogg", b"-dash.ogg"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(SONG.read_bytes())
    flags = ["--no-tempo", "--no-key", "--duration", "3"]
    results = lines(sideman("classify", "--json", *flags, tmp_path))
    assert {os.fsencode(Path(result["path"]).name) for result in results} == set(names)
    table = sideman("classify", "--csv", *flags, tmp_path).stdout.decode("utf-8", "surrogateescape")
    assert {os.fsencode(Path(row["path"]).name) for row in csv.DictReader(io.StringIO(table, newline=""))} == set(names)
    shown = sideman("classify", *flags, tmp_path, env={"LC_ALL": "C"})
    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) == 1 + len(names)
    named = sideman(b"classify", b"--json", os.fsencode(tmp_path) + b"/caf\xe9.ogg")
    assert named.returncode == 0


def test_a_closed_pipe_is_quiet(tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}.ogg").write_bytes(SONG.read_bytes())
    child = subprocess.Popen(
        [sys.executable, "-m", "sideman", "classify", "--json", "--no-tempo", "--no-key", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(60) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sideman", "classify", str(SONG)],
            stdout=full, stderr=subprocess.PIPE, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.lower() == b"error: no space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process group")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished(tmp_path, workers):
    for number in range(400):
        (tmp_path / f"{number:03}.ogg").write_bytes(SONG.read_bytes())
    child = subprocess.Popen(
        [sys.executable, "-m", "sideman", "classify", "--json", "--workers", workers, str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    first = child.stdout.readline()
    os.killpg(child.pid, signal.SIGINT)
    began_s = time.monotonic()
    rest, err = child.communicate(timeout=60)
    assert time.monotonic() - began_s < 15
    assert child.returncode == 130
    whole = (first + rest).splitlines()
    assert 1 <= len(whole) < 400
    assert all("genre" in json.loads(line) for line in whole)  # no line is torn
    assert err.decode().startswith("interrupted: ")
    assert "Traceback" not in err.decode()


def test_a_very_short_a_silent_and_an_odd_recording_do_not_end_the_run(tmp_path):
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "one sample.wav", np.zeros(1), 44100)
    soundfile.write(tmp_path / "short.wav", rng.standard_normal(500) * 0.1, 8000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(60000), 22050)
    soundfile.write(tmp_path / "surround.flac", rng.standard_normal((96000, 6)) * 0.1, 96000)
    done = sideman("classify", "--json", tmp_path)
    assert done.returncode in (0, 3)
    assert len(lines(done)) == 4
    assert b"Traceback" not in done.stderr
    assert all("unexpected" not in line.get("error", "") for line in lines(done))


def test_a_picture_of_one_recording(tmp_path):
    pytest.importorskip("matplotlib")
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        picture = tmp_path / f"a{suffix}"
        done = sideman("classify", "--plot", picture, SONG)
        assert done.returncode == 0
        assert picture.read_bytes().startswith(magic)
    assert len(list(tmp_path.iterdir())) == 3


def test_pictures_of_several_recordings_fill_a_folder(tmp_path):
    pytest.importorskip("matplotlib")
    folder = tmp_path / "pictures"
    done = sideman("classify", "--no-tempo", "--no-key", "--plot", folder, *RECORDINGS[:2], RECORDINGS[0])
    assert done.returncode == 0
    assert {path.name for path in folder.iterdir()} == {
        f"{RECORDINGS[0].name}.png", f"{RECORDINGS[1].name}.png", f"{RECORDINGS[0].name} (2).png"
    }  # fmt: skip


@pytest.mark.parametrize("target", ["a.txt", "no/such/folder/a.png", "song.ogg"])
def test_a_picture_that_cannot_be_written_is_one_line(tmp_path, target):
    pytest.importorskip("matplotlib")
    done = sideman("classify", "--plot", tmp_path / target, SONG)
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1
    assert target.encode() in done.stderr


def test_several_recordings_do_not_overwrite_one_picture(tmp_path):
    pytest.importorskip("matplotlib")
    done = sideman("classify", "--plot", tmp_path / "a.png", *RECORDINGS[:2])
    assert done.returncode == 2
    assert not (tmp_path / "a.png").exists()


def test_without_matplotlib_the_extra_is_named_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = CliRunner().invoke(app, ["classify", "--plot", "a.png", str(SONG)])
    assert result.exit_code == 1
    assert "sideman[plot]" in result.output


@pytest.mark.slow
def test_ten_thousand_tiny_files_in_bounded_time_and_memory(tmp_path):
    import psutil

    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "0.wav", rng.standard_normal(4000) * 0.1, 8000)
    data = (tmp_path / "0.wav").read_bytes()
    for number in range(1, 10_000):
        (tmp_path / f"{number}.wav").write_bytes(data)
    with (tmp_path / "out.jsonl").open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "sideman", "classify", "--json", "--no-tempo", "--no-key", str(tmp_path)],
            stdout=out, cwd=ROOT,
        )  # fmt: skip
        most = 0
        while child.poll() is None:
            most = max(most, psutil.Process(child.pid).memory_info().rss)
            time.sleep(0.2)
    assert child.returncode == 0
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 10_000
    assert most < 300e6


def test_learned_names_labels_of_ones_own(tmp_path):
    """From a library of made-up tracks in which the network's own embeddings are tagged by two words."""
    from sideman.genre.predict import DEFAULT_MODEL
    from sideman.inference.sessions import open_session
    from sideman.library.learn.fit import learn
    from sideman.library.learn.use import keep
    from sideman.library.schema import analyses
    from tests.library.make import make_store

    with make_store(tmp_path, n=120, artists=30) as store:
        with store.write() as connection:
            connection.execute(analyses.update().values(model=open_session(DEFAULT_MODEL).card.sha256))
        keep(store, learn(store, "genre", min_tracks=4))
    place = ["--database", tmp_path / "library.db"]
    [heard] = lines(sideman("classify", SONG, "--json", "--learned", "genre", *place))
    assert heard["model"].startswith("learnt genre")
    assert heard["genre"] in {
        "Blues",
        "Classical",
        "Country",
        "Disco",
        "Hiphop",
        "Jazz",
        "Metal",
        "Pop",
        "Reggae",
        "Rock",
    }
    done = sideman("classify", SONG, "--learned", "raga", *place)
    assert done.returncode == 1
    assert b"raga: was not learnt" in done.stderr
    assert sideman("classify", SONG, "--learned", "genre", "--timeline", *place).returncode == 2
