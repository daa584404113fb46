"""MIDI files in and out; damaged ones end in one line."""

import io
import struct
import time

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import OutputError, ScoreError
from sideman.symbolic.midi import MOST_BYTES, midi_bytes, parse_midi, read_midi, write_midi
from sideman.symbolic.reading import read_score
from sideman.symbolic.score import Score, quantise
from tests.compose.scores import raw_scores, track
from tests.symbolic.pieces import band


def file_of(*tracks, kind=1, division=96):
    """A MIDI file of tracks of raw bytes."""
    chunks = b"".join(b"MTrk" + struct.pack(">I", len(t)) + t for t in tracks)
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division) + chunks


END = b"\0\xff\x2f\0"
NOTE = b"\0\x90\x3c\x50\x60\x80\x3c\0"  # a quarter of middle C


def is_read_or_refused(data):
    told = "some.mid: "
    try:
        read = parse_midi(data, "some.mid").n_notes
    except ScoreError as error:
        read, told = 1, str(error)
    assert read
    assert told.startswith("some.mid: ")
    assert "\n" not in told


@given(raw_scores(ticks_per_quarter=480))
@settings(max_examples=20)
def test_what_is_written_is_read(score):
    score = quantise(score)
    if not score.tracks:
        return
    read = parse_midi(midi_bytes(score))
    assert read.ticks_per_quarter == score.ticks_per_quarter
    assert [t.program for t in read.tracks] == [t.program for t in score.tracks]
    for a, b in zip(read.tracks, score.tracks, strict=True):
        assert a.notes.tolist() == b.notes.tolist()
    assert read.metres == score.metres
    assert [t for t, _ in read.tempos] == [t for t, _ in score.tempos]
    assert [b for _, b in read.tempos] == pytest.approx([b for _, b in score.tempos], rel=1e-4)


@pytest.mark.parametrize("key", [(tonic, minor) for tonic in range(12) for minor in (False, True)])
def test_the_key_signature_is_kept(key):
    assert parse_midi(midi_bytes(Score((track(0, [(0, 12, 60, 80)]),), key=key))).key == key


def test_more_instruments_than_channels_are_kept_apart(tmp_path):
    score = Score(tuple(track(p, [(0, 12, 40 + p, 80)]) for p in range(20)))
    write_midi(score, tmp_path / "a.mid")
    read = read_midi(tmp_path / "a.mid")
    assert [t.program for t in read.tracks] == list(range(20))


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_files_of_every_type_are_read(kind):
    tracks = [b"\0\xc0\x18" + NOTE + END] * (1 if kind == 0 else 2)
    score = parse_midi(file_of(*tracks, kind=kind))
    assert {t.program for t in score.tracks} == {24}
    assert score.n_notes >= 1
    assert score.tracks[0].notes.tolist()[0] == [0, 96, 60, 80]


def test_mido_and_we_agree():
    file = mido.MidiFile(ticks_per_beat=480)
    part = mido.MidiTrack()
    file.tracks.append(part)
    part.append(mido.MetaMessage("set_tempo", tempo=600_000, time=0))
    part.append(mido.MetaMessage("time_signature", numerator=6, denominator=8, time=0))
    part.append(mido.Message("program_change", program=40, channel=3, time=0))
    part.append(mido.Message("note_on", note=67, velocity=90, channel=3, time=240))
    part.append(mido.Message("note_off", note=67, channel=3, time=240))
    part.append(mido.Message("note_on", note=36, velocity=99, channel=9, time=0))
    part.append(mido.Message("note_on", note=36, velocity=0, channel=9, time=60))
    out = io.BytesIO()
    file.save(file=out)
    score = parse_midi(out.getvalue())
    assert score.tempos == ((0, pytest.approx(100)),)
    assert score.metres == ((0, 6, 8),)
    assert {t.program: t.notes.tolist() for t in score.tracks} == {40: [[240, 240, 67, 90]], 128: [[480, 60, 36, 99]]}
    back = mido.MidiFile(file=io.BytesIO(midi_bytes(score)))
    assert sum(m.type == "note_on" and m.velocity > 0 for t in back.tracks for m in t) == 2


def test_defaults_stand_in_for_tempo_and_metre():
    score = parse_midi(file_of(NOTE + END))
    assert (score.tempos, score.metres, score.key) == (((0, 120.0),), ((0, 4, 4),), None)


def test_running_status_and_a_missing_end_are_understood():
    score = parse_midi(file_of(b"\0\x90\x3c\x50\x60\x3c\x00\x00\x40\x50\x60\x40\x00"))
    assert score.tracks[0].notes.tolist() == [[0, 96, 60, 80], [96, 96, 64, 80]]


def test_a_note_of_no_length_sounds_for_a_tick():
    score = parse_midi(file_of(b"\0\x90\x3c\x50\0\x80\x3c\0" + NOTE + END))
    assert (score.tracks[0].notes[:, 1] >= 1).all()
    assert score.tracks[0].notes[0, 0] == 0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"this is a text, no music\n" * 9, "no MThd"),
        (b"MThd\0\0\0\6\0\1", "cut off in its header"),
        (file_of(NOTE + END, division=0), "0 ticks"),
        (file_of(NOTE + END, division=0xE728), "SMPTE"),
        (file_of(END), "no notes"),
        (file_of(), "without tracks"),
        (file_of(NOTE + END)[:-3], "cut off in track 1"),
        (file_of(NOTE + b"\0\xf4"), "damaged"),
        (file_of(b"\0\xff\x51\1\7" + NOTE), "damaged"),
        (file_of(b"\xff\xff\xff\x7f\x90\x3c\x50\x60\x80\x3c\0", division=1), "longer than"),
    ],
)
def test_damaged_data_is_refused_in_a_line(data, why):
    with pytest.raises(ScoreError, match=why) as caught:
        parse_midi(data, "some.mid")
    assert str(caught.value).startswith("some.mid: ")


def test_a_file_cut_off_anywhere_is_read_or_refused():
    data = midi_bytes(band(1))
    for length in range(0, len(data), 3):
        is_read_or_refused(data[:length])


@given(st.integers(0, 2**32 - 1), st.binary(max_size=4), st.integers(0, 3))
@settings(max_examples=150)
def test_a_damaged_file_is_read_or_refused(where, put, cut):
    data = midi_bytes(band(1))
    at = where % len(data)
    is_read_or_refused(data[:at] + put + data[at + cut :])


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=100)
def test_random_events_are_read_or_refused(events, with_header):
    is_read_or_refused(file_of(events, NOTE + END) if with_header else events)


def test_a_track_that_claims_to_reach_beyond_the_file_does_not_crash():
    data = file_of(NOTE + END)
    with pytest.raises(ScoreError, match="cut off"):
        parse_midi(data[:18] + b"\xdf\xe8\0\0" + data[22:])


def test_a_riff_wrapper_and_trailing_bytes_are_passed_over():
    data = file_of(NOTE + END)
    riff = b"RIFF" + struct.pack("<I", len(data) + 12) + b"RMIDdata" + struct.pack("<I", len(data)) + data
    assert parse_midi(riff).n_notes == 1
    assert parse_midi(data + b"\0" * 100).n_notes == 1


def test_a_large_file_is_read_in_seconds_and_a_larger_one_refused(tmp_path):
    data = file_of((b"\1" + NOTE[1:4] + b"\1" + NOTE[5:]) * 300_000 + END)
    begin = time.process_time()
    assert parse_midi(data).n_notes == 300_000
    assert time.process_time() - begin < 20
    path = tmp_path / "a.mid"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ScoreError, match="32 MB"):
        read_midi(path)


def test_names_that_cannot_be_read_or_written(tmp_path):
    for path in (tmp_path, tmp_path / "missing.mid"):
        with pytest.raises(ScoreError, match=r"cannot be read|folder"):
            read_score(path)
    with pytest.raises(OutputError):
        write_midi(band(), tmp_path / "missing" / "a.mid")
    write_midi(band(), tmp_path / "böse Ü 音.mid")
    assert read_score(tmp_path / "böse Ü 音.mid").n_notes == band().n_notes
