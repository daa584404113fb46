"""``sideman compose`` as its users meet it, with the weights that ship."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sideman.cli.app import app
from sideman.symbolic.midi import read_midi, write_midi
from sideman.symbolic.score import Score, Track
from tests.compose.scores import tune
from tests.symbolic.pieces import band

SMALL = ("--bars", "1", "--metre", "3/4", "--tempo", "200", "--instruments", "piano", "--seed", "1")


def compose(*arguments, cwd=None):
    """Exit code, stdout and stderr of one run within this process."""
    before = Path.cwd()
    try:
        os.chdir(cwd or before)
        done = CliRunner().invoke(app, ["compose", *map(str, arguments)])
    finally:
        os.chdir(before)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Pieces to start from, and files that are none."""
    folder = tmp_path_factory.mktemp("files")
    write_midi(tune(0, 4), folder / "tune.mid")
    write_midi(tune(0, 4, with_bass=False), folder / "melody.mid")
    write_midi(Score((band().tracks[-1],)), folder / "drums.mid")
    write_midi(Score((band().tracks[0],)), folder / "chords.mid")
    (folder / "empty.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0")
    (folder / "text.mid").write_text("no music")
    return folder


def test_a_piece_is_what_was_asked(tmp_path):
    code, out, _ = compose("--prompt", "a waltz for flute and bass, 2 bars, 150 bpm", "--seed", 3, cwd=tmp_path)
    assert code == 0
    assert "piece.mid" in out
    score = read_midi(tmp_path / "piece.mid")
    assert score.metres == ((0, 3, 4),)
    assert score.tempo_bpm == pytest.approx(150, rel=1e-4)
    assert {t.program for t in score.tracks} >= {73}
    assert len(score.tracks) == 2


def test_the_same_seed_writes_the_same_file(tmp_path):
    for name in ("a.mid", "b.mid"):
        assert compose(*SMALL, "-o", tmp_path / name)[0] == 0
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_every_kind_of_file_is_written(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pretty_midi")
    kinds = {
        ".mid": b"MThd",
        ".musicxml": b"<?xml",
        ".wav": b"RIFF",
        ".flac": b"fLaC",
        ".png": b"\x89PNG",
        ".ogg": b"OggS",
    }
    outs = [argument for kind in kinds for argument in ("-o", tmp_path / f"a{kind}")]
    code, out, _ = compose(*SMALL, *outs, "--json")
    assert code == 0
    for kind, magic in kinds.items():
        assert (tmp_path / f"a{kind}").read_bytes().startswith(magic)
    (row,) = map(json.loads, out.splitlines())
    assert row["files"] == [str(tmp_path / f"a{kind}") for kind in kinds]
    assert row["asked"]["bars"] == 1
    assert row["seed"] == 1
    assert row["notes"] == read_midi(tmp_path / "a.mid").n_notes
    assert isinstance(row["heard"], str)


def test_several_pieces_are_numbered_and_the_best_comes_first(tmp_path):
    pytest.importorskip("pretty_midi")
    code, out, _ = compose(*SMALL, "--genre", "jazz", "-n", 3, "-o", tmp_path / "a.mid", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-1.mid", "a-2.mid", "a-3.mid"]
    assert [row["files"] for row in rows] == [[str(tmp_path / f"a-{i}.mid")] for i in (1, 2, 3)]
    assert sorted(row["seed"] for row in rows) == [1, 2, 3]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)


def test_a_dry_run_writes_nothing(tmp_path):
    code, out, _ = compose(*SMALL, "--dry-run", "-n", 2, "-o", tmp_path / "a.mid")
    assert code == 0
    assert "a-1.mid" in out
    assert "a-2.mid" in out
    assert not list(tmp_path.iterdir())


def test_files_that_exist_stay_unless_said(tmp_path):
    path = tmp_path / "a.mid"
    path.write_text("precious")
    code, _, err = compose(*SMALL, "-o", path)
    assert code == 1
    assert "already exists" in err
    assert path.read_text() == "precious"
    assert compose(*SMALL, "-o", path, "--overwrite")[0] == 0
    assert path.read_bytes().startswith(b"MThd")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--genre", "jaz"), "jazz"),
        (("--bars", 300, "--tempo", 200, "--seconds", 1), "leave out one"),
        (("--bars", 0), "0 bars"),
        (("--tempo", 5000), "5000"),
        (("--tempo", 0, "--seconds", 30), "tempo of 0"),
        (("--tempo", "inf", "--seconds", 30), "tempo"),
        (("--tempo", "nan"), "tempo"),
        (("--seconds", "inf"), "seconds"),
        (("--seconds", "nan"), "seconds"),
        (("--seconds", 0), "seconds"),
        (("--seconds", 100000), "512"),
        (("--valence", "nan"), "valence"),
        (("--temperature", "nan"), "temperature"),
        (("--instruments", "1,2,3,4,5,6,7,8,9,10,11"), "10 at most"),
        (("--instruments", "pianoo"), "did you mean piano"),
        (("--key", "H dur"), "no key"),
        (("--metre", "11/8"), "metre"),
        (("--mood", "sad", "--valence", "0.5"), "--mood"),
        (("--prompt", "a fast waltz in 3/4", "--metre", "4/4"), "different things"),
        (("--prompt", "qwrtz xyzzy"), "understood"),
        (("--prompt", ""), "empty"),
        (("--keep-bars", 2), "--continue"),
        (("--bars-of", "1-2"), "--infill"),
        (("--infill", "a.mid"), "--bars-of"),
        (("--infill", "a.mid", "--bars-of", "1", "--harmonise", "b.mid"), "exclude"),
        (("-o", "a.doc"), "must end in"),
        (("-o", "a"), "must end in"),
        (("-n", 0), "--number"),
        (("--bars", "many"), "--bars"),
    ],
)
def test_what_cannot_be_is_wrong_usage(tmp_path, arguments, why):
    code, out, err = compose(*arguments, cwd=tmp_path)
    assert code == 2
    assert why in err
    assert out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--continue", "missing.mid"), 1, "cannot be read"),
        (("--continue", "empty.mid"), 1, "no notes"),
        (("--continue", "text.mid"), 1, "no MThd"),
        (("--continue", "."), 1, "folder"),
        (("--continue", "tune.mid", "--bars", "2"), 2, "4 bars are kept"),
        (("--continue", "tune.mid", "--metre", "3/4"), 2, "4/4"),
        (("--harmonise", "tune.mid", "--bars", "2"), 2, "sets the length"),
        (("--infill", "tune.mid", "--bars-of", "1-2", "--seconds", "9"), 2, "sets the length"),
        (("--continue", "tune.mid", "--strict-key"), 2, "notes of its own"),
        (("--harmonise", "drums.mid"), 2, "drums only"),
        (("--harmonise", "chords.mid"), 2, "chords"),
        (("--harmonise", "empty.mid"), 1, "no notes"),
        (("--infill", "tune.mid", "--bars-of", "3-9"), 2, "has 4"),
        (("--infill", "tune.mid", "--bars-of", "x"), 2, "name bars as"),
        (("--infill", "tune.mid", "--bars-of", "0-1"), 2, "has 4"),
        (("--style-of", "missing.mid"), 1, "cannot be read"),
        (("--check", "text.mid"), 1, "no MThd"),
        (("--model", "missing"), 1, "no composer"),
        (("-o", "missing/a.mid"), 1, "does not exist"),
        (("-o", "a.mid", "--soundfont", "missing.sf2", "-n", "2"), 1, "SoundFont"),
    ],
)
def test_what_fails_says_so_in_a_line(files, arguments, code, why):
    before = sorted(files.iterdir())
    got, _, err = compose(*arguments, "-q", cwd=files)
    assert got == code
    assert why in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(files.iterdir()) == before


def test_pieces_are_gone_on_with_accompanied_and_mended(files, tmp_path):
    for arguments, bars in (
        (("--continue", files / "tune.mid", "--keep-bars", 1, "--bars", 2), 2),
        (("--harmonise", files / "melody.mid", "--instruments", "piano"), 4),
        (("--infill", files / "tune.mid", "--bars-of", "2"), 4),
    ):
        out = tmp_path / f"{arguments[0][2:]}.mid"
        assert compose(*arguments, "-o", out, "--seed", 1)[0] == 0
        assert len(read_midi(out).bars()) == bars
    tune_of = {tuple(row) for row in read_midi(files / "melody.mid").tracks[0].notes.tolist()}
    flute = next(t for t in read_midi(tmp_path / "harmonise.mid").tracks if t.program == 73)
    assert {tuple(row) for row in flute.notes.tolist()} == tune_of


def test_originality_is_told_without_composing(files, tmp_path):
    code, out, _ = compose("--check", files / "tune.mid", "--json", cwd=tmp_path)
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["composer"] for row in rows} >= {"open"}
    assert all(row["longest_run"] >= 0 for row in rows)
    code, out, _ = compose("--check", files / "tune.mid", "--model", "open", cwd=tmp_path)
    assert "longest run shared" in out
    assert not list(tmp_path.iterdir())


def test_the_composers_are_listed():
    code, out, _ = compose("models", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[0])["name"] == "open"


def test_tempo_counts_dotted_quarters_in_six_eight_wherever_that_is_said(tmp_path):
    for name, how in (("a.mid", ("--metre", "6/8")), ("b.mid", ("--prompt", "in 6/8"))):
        assert compose("--tempo", 60, "--bars", 1, "--instruments", "piano", *how, "-o", tmp_path / name)[0] == 0
        assert read_midi(tmp_path / name).tempo_bpm == pytest.approx(90, rel=1e-4)


def test_composing_needs_no_torch(tmp_path):
    program = (
        "import sys; sys.modules['torch'] = None; from sideman.cli.app import app; "
        f"app(['compose', *{list(SMALL)!r}, '-o', 'a.mid'], standalone_mode=False)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.mid").is_file()


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_keeps_finished_pieces(tmp_path):
    pytest.importorskip("pretty_midi")
    # The worker says when two pieces are there; pieces are written when all is over.
    program = (
        "import sideman.compose.ranking as r, sys; inner = r.listen\n"
        "def listen(*a, **k):\n    done = inner(*a, **k); print('made', file=sys.stderr, flush=True); return done\n"
        "r.listen = listen\nfrom sideman.cli.app import app\n"
        f"app(['compose', *{list(SMALL)!r}, '-n', '50', '-o', 'a.mid', '--json'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for _ in range(2):
            while "made" not in (line := process.stderr.readline()):
                assert line, "the command ended too early"
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert time.monotonic() - begin < 200
    made = int(re.search(r"(\d+) of 50", err)[1])
    assert 1 <= made < 50  # the signal may come before the second is counted
    assert len(list(tmp_path.iterdir())) == len(out.splitlines()) == made
    assert "Traceback" not in err


def test_a_tune_without_loudness_or_with_odd_names_is_taken(tmp_path):
    odd = Track(73, np.asarray([[0, 12, 72, 1], [12, 12, 74, 127]]), "böse\x1b[31m")
    write_midi(Score((odd,)), tmp_path / "ö \x1b.mid")
    code, out, _ = compose("--continue", tmp_path / "ö \x1b.mid", "--bars", 2, "-o", tmp_path / "ü.mid", "--seed", 1)
    assert code == 0
    assert "\x1b" not in out
