import csv
import io
import json
import re
import sys
from pathlib import Path

import pytest

from sideman.cli.common import cells, clock, complain, fit, percent, printable
from sideman.cli.outputs import CsvOutput, JsonOutput, TableOutput
from tests.cli.heard import GENRES, TIMELINE, heard, shares


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch) -> Terminal:
    """An 80-column terminal in the place of stdout."""
    screen = Terminal(io.BytesIO(), encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


def table(capsys, *results, top=1, timeline=False):
    with TableOutput([Path(result.path) for result in results], top=top, timeline=timeline) as output:
        for result in results:
            output.add(result)
    return capsys.readouterr().out.splitlines()


def test_the_table_tells_genre_probability_tempo_key_and_length(capsys):
    assert table(capsys, heard()) == [
        "File          Genre      Likely          Mood          Tempo  Key         Length",
        "song.mp3      metal      metal      70%  -               128  C# minor      1:02",
    ]


def test_the_table_tells_the_mood_in_a_word(capsys):
    header, row = table(capsys, heard(valence=0.5, arousal=-0.7, mood="melancholic", mood_confidence=0.6))
    assert row[header.index("Mood") :].split()[0] == "melancholic"
    assert row.index("128") > header.index("Mood") + len("melancholic")


def test_a_mood_that_is_rather_wrong_than_right_has_a_question_mark(capsys):
    for confidence, word in ((0.51, "calm"), (0.49, "calm?"), (None, "calm?")):
        row = table(capsys, heard(valence=0.5, arousal=-0.7, mood="calm", mood_confidence=confidence))[1]
        assert row.split()[4] == word


def test_an_unsure_answer_says_so_and_still_names_the_likeliest(capsys):
    assert table(capsys, heard(unsure=True))[1].split() == [
        "song.mp3",
        "unsure",
        "metal",
        "70%",
        "-",
        "128",
        "C#",
        "minor",
        "1:02",
    ]


def test_top_shows_more_genres_below_each_other(capsys):
    lines = table(capsys, heard(), top=3)
    assert [line.split() for line in lines[2:]] == [["rock", "20%"], [*lines[3].split()]]
    assert len(lines) == 4
    assert len(table(capsys, heard(), top=99)) == 1 + len(GENRES)


def test_the_timeline_joins_neighbours_of_one_genre(capsys):
    lines = table(capsys, heard(timeline=TIMELINE), timeline=True)
    assert [line.split() for line in lines[2:]] == [
        ["0:00", "-", "0:40", "metal", "70%"],
        ["0:40", "-", "1:02", "rock", "50%"],
    ]


def test_what_was_not_estimated_is_a_dash(capsys):
    assert table(capsys, heard(tempo_bpm=None, key=None))[1].split()[4:] == ["-", "-", "-", "1:02"]


def test_eighty_columns_are_enough_and_long_names_keep_their_end(monkeypatch):
    terminal = open_terminal(monkeypatch)
    paths = ["music/" + "very long folder/" * 9 + "song.mp3", "日本語" * 30 + ".flac", "a.wav"]
    with TableOutput([Path(path) for path in paths], top=1, timeline=False) as output:
        for path in paths:
            output.add(heard(path, duration_s=36000))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.buffer.getvalue().decode())
    lines = plain.splitlines()
    assert all(cells(line) <= 80 for line in lines)
    assert "song.mp3" in lines[1]
    assert lines[1].startswith("…")
    assert len({cells(line.split("metal")[0]) for line in lines[1:]}) == 1  # columns stay aligned


def test_colours_on_a_terminal_and_none_with_no_color(monkeypatch):
    terminal = open_terminal(monkeypatch)
    with TableOutput([Path("a")], top=1, timeline=False) as output:
        output.add(heard("a", unsure=True))
    assert b"\x1b[33m" in terminal.buffer.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    before = len(terminal.buffer.getvalue())
    with TableOutput([Path("a")], top=1, timeline=False) as output:
        output.add(heard("a", unsure=True))
    assert b"\x1b[33m" not in terminal.buffer.getvalue()[before:]


def test_a_name_cannot_steer_the_terminal(capsys):
    line = table(capsys, heard("a\n\x1b[31mb.mp3"))[1]
    assert "\\n\\x1b[31mb.mp3" in line


def test_json_lines_hold_the_dictionary_and_failures_path_and_error(capsysbinary):
    with JsonOutput() as output:
        output.add(heard("Präludium.flac"))
        output.fail("b.mp3", "b.mp3: is empty")
    lines = capsysbinary.readouterr().out.decode("utf-8").splitlines()
    first, second = map(json.loads, lines)
    assert "Präludium.flac" in lines[0]  # readable as it stands
    assert first == json.loads(json.dumps(heard("Präludium.flac").to_dict()))
    assert {"path", "duration_s", "genre", "unsure", "probabilities", "tempo_bpm", "key"} <= set(first)
    assert "timeline" not in first
    assert second == {"path": "b.mp3", "error": "b.mp3: is empty"}


def test_json_keeps_names_that_are_no_utf8(capsysbinary):
    name = b"caf\xe9\n.mp3".decode("utf-8", "surrogateescape")
    with JsonOutput() as output:
        output.add(heard(name))
    line = capsysbinary.readouterr().out
    assert line.count(b"\n") == 1
    assert json.loads(line)["path"] == name


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")))


def test_csv_has_a_column_per_genre_and_one_for_the_error(capsysbinary):
    with CsvOutput(timeline=False) as output:
        output.fail("a.mp3", "a.mp3: is empty")
        output.add(heard("b,\n.mp3", valence=0.5, arousal=-0.704, mood="calm"))
        output.fail("c.mp3", "c.mp3: is text")
    header, first, second, third = rows(capsysbinary.readouterr().out)
    assert header == [
        *("path", "duration_s", "genre", "unsure", "tempo_bpm", "key", "valence", "arousal", "mood"),
        *(f"p_{genre}" for genre in GENRES),
        "error",
    ]
    assert first[0::19] == ["a.mp3", "a.mp3: is empty"]
    assert second[:10] == [
        "b,\n.mp3",
        "62.40",
        "metal",
        "false",
        "128.4",
        "C# minor",
        "0.50",
        "-0.70",
        "calm",
        f"{heard().probabilities['blues']:.4f}",
    ]
    assert third[-1] == "c.mp3: is text"
    assert {len(row) for row in (header, first, second, third)} == {20}


def test_csv_with_a_timeline_has_a_row_per_segment(capsysbinary):
    with CsvOutput(timeline=True) as output:
        output.add(heard(timeline=TIMELINE))
        output.fail("c.mp3", "c.mp3: is text")
    header, *segments, failure = rows(capsysbinary.readouterr().out)
    assert header[:4] == ["path", "start_s", "end_s", "genre"]
    assert [row[1:4] for row in segments] == [
        ["0.00", "20.00", "metal"],
        ["20.00", "40.00", "metal"],
        ["40.00", "62.40", "rock"],
    ]
    assert failure[-1] == "c.mp3: is text"
    assert len(failure) == len(header)


def test_csv_keeps_the_bytes_of_names(capsysbinary):
    with CsvOutput(timeline=False) as output:
        output.add(heard(b"caf\xe9.mp3".decode("utf-8", "surrogateescape")))
    assert b"\ncaf\xe9.mp3," in capsysbinary.readouterr().out


def test_csv_of_nothing_but_failures_is_still_a_table(capsysbinary):
    with CsvOutput(timeline=False) as output:
        output.fail("a.mp3", "a.mp3: is empty")
    header, row = rows(capsysbinary.readouterr().out)
    assert header[-1] == "error"
    assert row == ["a.mp3", *[""] * 8, "a.mp3: is empty"]


@pytest.mark.parametrize("p, text", [(0.0, "0%"), (0.004, "0%"), (0.5, "50%"), (0.996, "99%"), (1.0, "100%")])
def test_only_certainty_is_a_hundred_percent(p, text):
    assert percent(p) == text


@pytest.mark.parametrize(
    "time_s, text", [(0, "0:00"), (59.6, "1:00"), (62.4, "1:02"), (3600, "1:00:00"), (36000, "10:00:00")]
)
def test_clock(time_s, text):
    assert clock(time_s) == text


@pytest.mark.parametrize("width", [8, 16, 17, 40])
def test_a_fitted_name_fills_its_width_exactly(width):
    for path in ("a.wav", "b" * 100, "folder/" * 20 + "song.mp3", "日本語の歌" * 20, "x" * width):
        assert cells(fit(path, width)) == width


def test_stray_bytes_and_controls_are_written_out(capsys):
    complain("caf\udce9\n\x07.mp3: is empty")
    assert capsys.readouterr().err == "caf\\udce9\\n\\x07.mp3: is empty\n"
    assert printable("Präludium 日本") == "Präludium 日本"


def test_probabilities_of_the_fixture_sum_to_one():
    assert sum(shares(metal=0.7).values()) == pytest.approx(1)
