import zipfile
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import ScoreError
from sideman.symbolic.musicxml import musicxml_bytes, read_abc, read_musicxml, write_musicxml
from sideman.symbolic.names import spelled
from sideman.symbolic.score import GRID_DURATIONS, METRES, Score, bar_ticks, quantise
from tests.symbolic.pieces import band, track

note_rows = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(GRID_DURATIONS), st.integers(28, 87), st.integers(1, 127)),
    min_size=1,
    max_size=30,
)


@st.composite
def scores(draw):
    programs = draw(st.lists(st.sampled_from([0, 24, 33, 40, 73, 128]), min_size=1, max_size=3, unique=True))
    metre = draw(st.sampled_from(METRES))
    metres = [(0, *metre), (bar_ticks(metre) * 2, 3, 4)] if draw(st.booleans()) else [(0, *metre)]
    tempo = draw(st.floats(40, 240))
    tracks = tuple(track(program, draw(note_rows)) for program in programs)
    return quantise(Score(tracks, tempos=((0, tempo),), metres=tuple(metres)))


def assert_same(one, other):
    assert [t.program for t in one.tracks] == [t.program for t in other.tracks]
    for left, right in zip(one.tracks, other.tracks, strict=True):
        assert left.notes.tolist() == right.notes.tolist()
    assert one.tempos == other.tempos
    assert one.metres == other.metres


@settings(max_examples=60)
@given(scores())
def test_what_is_written_is_read_back(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("xml") / "a.musicxml"
    write_musicxml(score, path)
    assert_same(quantise(read_musicxml(path)), score)


@settings(max_examples=40)
@given(scores())
def test_every_voice_fills_every_bar(score):
    bars = score.bars()
    for part in Xml.fromstring(musicxml_bytes(score)).findall("part"):
        for bar, measure in zip(bars, part.findall("measure"), strict=True):
            filled = {}
            for note in measure.findall("note"):
                if note.find("chord") is None:
                    voice = note.findtext("voice")
                    filled[voice] = filled.get(voice, 0) + int(note.findtext("duration"))
            assert set(filled.values()) == {bar.end - bar.start}


def test_another_program_reads_the_same_notes(tmp_path):
    music21 = pytest.importorskip("music21")
    score = quantise(band(2))
    write_musicxml(score, tmp_path / "a.musicxml")
    parts = music21.converter.parse(tmp_path / "a.musicxml", forceSource=True).parts
    heard = {}
    for part in parts:
        name = part.partName
        for element in part.flatten().stripTies().notes:
            for pitch in getattr(element, "pitches", ()):
                row = round(float(element.offset) * 12), round(float(element.quarterLength) * 12), pitch.midi
                heard.setdefault(name, set()).add(row)
    written = [{(s, d, p) for s, d, p, _ in t.notes.tolist()} for t in score.tracks if not t.is_drums]
    piano = set().union(*(rows for name, rows in heard.items() if "Piano" in name))
    assert [piano, heard["Fingered Bass"], heard["Flute"]] == written


def test_the_first_bar_says_key_metre_tempo_and_clefs():
    root = Xml.fromstring(musicxml_bytes(band()))
    assert root.findtext("work/work-title") == "Four bars"
    piano, bass, flute, drums = (part.find("measure") for part in root.findall("part"))
    assert piano.findtext("attributes/key/fifths") == "0"
    assert piano.findtext("attributes/time/beats") == "4"
    assert piano.find("direction/sound").get("tempo") == "110.36"
    assert piano.findtext("attributes/staves") == "2"
    assert [clef.findtext("sign") for clef in piano.findall("attributes/clef")] == ["G", "F"]
    assert bass.findtext("attributes/clef/sign") == "F"
    assert flute.findtext("attributes/clef/sign") == "G"
    assert drums.findtext("attributes/clef/sign") == "percussion"
    names = [part.findtext("part-name") for part in root.iter("score-part")]
    assert names == ["Acoustic Grand Piano", "Fingered Bass", "Flute", "Drums"]
    programs = [part.findtext("midi-instrument/midi-program") for part in root.iter("score-part")]
    assert programs == ["1", "34", "74", "1"]


def test_triplets_are_whole_brackets():
    root = Xml.fromstring(musicxml_bytes(Score((track(73, [(4 * i, 4, 72, 90) for i in range(12)]),))))
    brackets = [tuplet.get("type") for tuplet in root.iter("tuplet")]
    assert brackets == ["start", "stop"] * 4
    assert {n.findtext("type") for n in root.iter("note")} == {"eighth"}


def test_a_note_over_the_bar_line_is_tied():
    root = Xml.fromstring(musicxml_bytes(Score((track(73, [(36, 24, 72, 90)]),))))
    first, second = root.find("part").findall("measure")
    assert first.findall("note")[-1].find("tie").get("type") == "start"
    assert second.findall("note")[0].find("tie").get("type") == "stop"


@pytest.mark.parametrize(
    "pitch, fifths, expected",
    [
        (70, -1, ("B", -1, 4)), (66, 0, ("F", 1, 4)), (68, 0, ("G", 1, 4)), (63, 0, ("E", -1, 4)),
        (70, 3, ("A", 1, 4)), (61, -5, ("D", -1, 4)), (61, 4, ("C", 1, 4)), (71, -6, ("C", -1, 5)),
    ],
)  # fmt: skip
def test_notes_are_spelled_as_the_key_asks(pitch, fifths, expected):
    assert spelled(pitch, fifths) == expected


@given(st.integers(12, 127), st.integers(-6, 6))
def test_every_spelling_is_the_pitch(pitch, fifths):
    letter, alter, octave = spelled(pitch, fifths)
    assert {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter] + alter + 12 * (octave + 1) == pitch
    assert abs(alter) <= 2


def test_a_compressed_file_is_read(tmp_path):
    score = quantise(band())
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="s.xml"/></rootfiles></container>'
        )
        archive.writestr("s.xml", musicxml_bytes(score))
    assert_same(quantise(read_musicxml(tmp_path / "a.mxl")), score)


def test_names_that_xml_cannot_hold_are_cleaned():
    score = Score((track(0, [(0, 12, 60, 90)], "bad\x00\x08 <name> &"),), title="a\x01b")
    assert Xml.fromstring(musicxml_bytes(score)).findtext("work/work-title") == "ab"


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", b"<html/>", b"<score-timewise/>", b"<score-partwise/>", b"PK\x03\x04broken",
     b"<score-partwise><part id='P1'><measure><attributes><divisions>x</divisions></attributes></measure></part>"
     b"</score-partwise>"],
)  # fmt: skip
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "bad.musicxml").write_bytes(content)
    with pytest.raises(ScoreError, match=r"bad\.musicxml") as caught:
        read_musicxml(tmp_path / "bad.musicxml")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ScoreError, match="cannot be read"):
        read_musicxml(tmp_path / "none.musicxml")


def test_no_notes_are_not_written(tmp_path):
    with pytest.raises(ScoreError, match="no notes"):
        write_musicxml(Score(()), tmp_path / "a.musicxml")


def test_an_abc_tune_is_read(tmp_path):
    pytest.importorskip("music21")
    (tmp_path / "a.abc").write_text("X:1\nT:Scale\nM:4/4\nL:1/4\nQ:1/4=100\nK:G\nGABc|defg|\n")
    score = read_abc(tmp_path / "a.abc")
    assert score.tracks[0].notes[:, 2].tolist() == [67, 69, 71, 72, 74, 76, 78, 79]
    assert np.diff(score.tracks[0].notes[:, 0]).tolist() == [480] * 7
    assert score.key == (7, False)
