"""A folder of pieces is judged by what is in its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sideman.compose import evaluate
from sideman.compose.originality import Index
from sideman.core.errors import DatasetError, UsageError
from sideman.symbolic.midi import write_midi
from sideman.symbolic.score import DRUM_TRACK, DURATION, START, Score, Track, quantise, sort_notes


def waltz(seed: int, bars: int = 8, program: int = 0, bpm: float = 100.85) -> Score:
    """A waltz in C major: tonic triads under a tune of its own."""
    rng = np.random.default_rng(seed)
    tune = [(36 * b + 12 * k, 12, int(rng.choice((72, 74, 76, 79, 84))), 64) for b in range(bars) for k in range(3)]
    bass = [(36 * b, 36, pitch, 64) for b in range(bars) for pitch in (48, 52, 55)]
    notes = sort_notes(np.asarray(tune + bass))
    return Score((Track(program, notes),), tempos=((0, bpm),), metres=((0, 3, 4),))


ASKED = {"genre": "folk", "key": "C major", "tempo_bpm": 100, "metre": "3/4", "bars": 8, "instruments": ["piano"]}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Three waltzes: one as asked for, one on another instrument, one in another tempo."""
    folder = tmp_path / "made"
    folder.mkdir()
    scores = {"a.mid": waltz(0), "b.mid": waltz(1, program=40), "c.mid": waltz(2, bpm=150.0)}
    for name, score in scores.items():
        write_midi(score, folder / name)
    lines = [json.dumps({"file": name, "asked": ASKED}) for name in scores]
    (folder / "index.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Real pieces in a folder per genre."""
    for i in range(6):
        (tmp_path / "real" / "folk").mkdir(parents=True, exist_ok=True)
        write_midi(waltz(10 + i, bars=20), tmp_path / "real" / "folk" / f"{i}.mid")
    return tmp_path / "real"


def test_promises_are_counted_one_by_one(made: Path, real: Path):
    promises = evaluate.evaluate(made, real)["promises"]
    assert {name: found["kept"] for name, found in promises.items()} == {
        "tempo": 2, "metre": 3, "bars": 3, "key": 3, "instruments": 2,
    }  # fmt: skip
    low, high = promises["tempo"]["interval"]
    assert low < 2 / 3 < high


@pytest.mark.parametrize("held, asked, is_kept", [(12, 9, True), (12, 10, False), (60, 10, True), (60, 8, False)])
def test_a_silent_first_bar_counts_and_a_last_note_may_start_earlier(
    tmp_path: Path, real: Path, held: int, asked: int, is_kept: bool
):
    notes = waltz(0).tracks[0].notes + np.asarray([36, 0, 0, 0])  # bars 2 to 9
    notes[-1, DURATION] = held
    write_midi(Score((Track(0, notes),), metres=((0, 3, 4),)), tmp_path / "late.mid")
    (tmp_path / "index.jsonl").write_text(json.dumps({"file": "late.mid", "asked": {"bars": asked}}), encoding="utf-8")
    made, _ = evaluate.read_folder(tmp_path)
    assert evaluate.kept(made[0]) == {"bars": is_kept}


def test_a_report_is_plain_data_and_reads_as_a_table(made: Path, real: Path):
    report = evaluate.evaluate(made, real)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    text = evaluate.table(report)
    assert "folk: 3 pieces beside 6 real ones" in text
    assert "pitch_class_entropy" in text
    assert "2 of 3" in text


def test_real_pieces_are_cut_to_the_length_of_the_generated_ones(made: Path, real: Path):
    rows = {row["figure"]: row for row in evaluate.evaluate(made, real)["genres"]["folk"]["metrics"]}
    assert rows["notes_per_bar"]["real_mean"] == 6
    assert rows["notes_per_bar"]["distance"] == 0


def test_a_copy_is_told_by_the_run_it_shares(made: Path, real: Path):
    learnt = Index.of([quantise(waltz(0))])
    runs = evaluate.evaluate(made, real, index=learnt)["genres"]["folk"]["runs"]
    assert runs["generated"]["max"] == 24  # every note of the tune of a.mid
    assert runs["real"]["max"] < 24


def test_drum_solos_are_no_reference_for_pieces_with_tones(made: Path, real: Path):
    drums = np.asarray([(12 * i, 1, 36, 64) for i in range(200)])
    write_midi(Score((Track(DRUM_TRACK, drums),)), real / "folk" / "solo.mid")
    assert evaluate.evaluate(made, real)["genres"]["folk"]["reference_n"] == 6


def test_several_genres_have_a_mixture_too(tmp_path: Path):
    for genre, low in (("folk", 0), ("jazz", 50)):
        for place in ("made", "real"):
            (tmp_path / place / genre).mkdir(parents=True)
            for i in range(4):
                write_midi(waltz(low + i), tmp_path / place / genre / f"{i}.mid")
    report = evaluate.evaluate(tmp_path / "made", tmp_path / "real")
    assert set(report["genres"]) == {"folk", "jazz", "all"}
    assert report["genres"]["all"]["n"] == 8
    assert all(row["distance"] in (0, None) for row in report["genres"]["all"]["metrics"])  # the same pieces
    assert report["promises"] == {}


def test_a_cut_has_the_bars_tempo_and_metre_of_its_place():
    notes = np.asarray([(0, 48, 60, 64), (48, 60, 62, 64), (72, 12, 64, 64)])
    score = Score((Track(0, notes),), tempos=((0, 60.0), (48, 90.0)), metres=((0, 4, 4), (48, 2, 4)))
    part = evaluate.cut(score, 1, 1)
    assert part.metres == ((0, 2, 4),)
    assert part.tempos == ((0, 90.0),)
    assert part.tracks[0].notes[:, [START, DURATION]].tolist() == [[0, 24]]  # from tick 48 to the next bar line


def test_unreadable_files_are_named_and_left_out(made: Path, real: Path):
    (made / "b.mid").write_bytes(b"no music")
    report = evaluate.evaluate(made, real)
    assert report["pieces"] == 2
    assert "b.mid" in report["left_out"][0]


@pytest.mark.parametrize("line", ["no json", "[1]", '{"asked": {}}', '{"file": "a.mid", "asked": 3}'])
def test_a_damaged_index_is_refused_with_its_line(made: Path, real: Path, line: str):
    (made / "index.jsonl").write_text("\n" + line, encoding="utf-8")
    with pytest.raises(DatasetError, match="line 2"):
        evaluate.evaluate(made, real)


def test_missing_folders_and_genres_are_refused(made: Path, real: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match="no such folder"):
        evaluate.evaluate(tmp_path / "none", real)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no usable MIDI files"):
        evaluate.evaluate(tmp_path / "empty", real)
    (real / "folk").rename(real / "jazz")
    with pytest.raises(DatasetError, match="no pieces of folk"):
        evaluate.evaluate(made, real)


def test_a_wish_that_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="no key"):
        evaluate.kept(evaluate.Made("x.mid", waltz(0), asked={"key": "H dur"}))
    with pytest.raises(UsageError, match="instrument 200"):
        evaluate.kept(evaluate.Made("x.mid", waltz(0), asked={"instruments": [200]}))
