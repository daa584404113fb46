"""Notation in: MusicXML (.musicxml, .xml, .mxl), read here, and ABC, read by music21 (extra ``score``)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np

from sideman.core.errors import MissingExtraError, ScoreError
from sideman.symbolic.score import (
    DEFAULT_METRE,
    DEFAULT_TEMPO_BPM,
    DRUM_TRACK,
    Score,
    Track,
    sort_notes,
)

TICKS = 480
MOST_BYTES = 64 << 20
_DEFAULT_VELOCITY = 80
_FORTE = 90 / 100
_OF_STEP = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUARTERS = {"breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}
_ZIP = b"PK\x03\x04"


@dataclass
class _Timeline:
    """What all parts share: (tick, ...) of tempos and metres, and the first key."""

    tempos: dict[int, float] = field(default_factory=dict)
    metres: dict[int, tuple[int, int]] = field(default_factory=dict)
    key: tuple[int, bool] | None = None


@dataclass
class _Instruments:
    """Of one part, by the id of the instrument: programme, drum key, channel."""

    programs: dict[str, int] = field(default_factory=dict)
    drums: dict[str, int] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    name: str = ""


def read_musicxml(path: str | Path) -> Score:
    """Read a MusicXML file, plain or compressed; repeats are not played, grace notes and cues are left out.

    Returns:
        the score, 480 ticks per quarter note, one track per part and instrument.

    Raises:
        ScoreError: the file cannot be read, is no partwise MusicXML, is damaged, larger than 64 MB, or has no notes.
    """
    path = Path(path)
    root = _root(_contents(path), path)
    try:
        score = _score(root)
    except (ValueError, TypeError, ZeroDivisionError, KeyError, OverflowError) as error:
        raise ScoreError(f"{path}: is a damaged MusicXML file ({error}); export it anew") from None
    if not score.n_notes:
        raise ScoreError(f"{path}: holds no notes; name a file with music in it")
    return score


def _contents(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ScoreError(f"{path}: is larger than a MusicXML file may be ({MOST_BYTES >> 20} MB)")
        data = path.read_bytes()
    except OSError as error:
        raise ScoreError(f"{path}: cannot be read ({error.strerror or error}); name a MusicXML file") from None
    if not data.startswith(_ZIP):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            index = Xml.fromstring(_member(archive, "META-INF/container.xml", path))
            name = next((e.get("full-path") for e in index.iter() if e.tag.endswith("rootfile")), None)
            return _member(archive, name or "", path)
    except (zipfile.BadZipFile, KeyError, Xml.ParseError, NotImplementedError, RuntimeError, OSError) as error:
        raise ScoreError(f"{path}: is a damaged compressed MusicXML file ({error}); export it anew") from None


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    if archive.getinfo(name).file_size > MOST_BYTES:
        raise ScoreError(f"{path}: unpacks to more than a MusicXML file may have ({MOST_BYTES >> 20} MB)")
    return archive.read(name)


def _root(data: bytes, path: Path) -> Xml.Element:
    try:
        root = Xml.fromstring(data)
    except (Xml.ParseError, ValueError, LookupError) as error:
        raise ScoreError(f"{path}: is no MusicXML file ({error}); name a .musicxml, .xml or .mxl file") from None
    if root.tag != "score-partwise":
        what = "is timewise MusicXML; export it partwise" if root.tag == "score-timewise" else "is no MusicXML file"
        raise ScoreError(f"{path}: {what}")
    return root


def _score(root: Xml.Element) -> Score:
    timeline = _Timeline()
    tracks: list[Track] = []
    descriptions = {part.get("id", ""): _instruments(part) for part in root.iter("score-part")}
    for part in root.findall("part"):
        tracks += _Part(descriptions.get(part.get("id", ""), _Instruments()), timeline).read(part)
    timeline.tempos.setdefault(0, timeline.tempos[min(timeline.tempos)] if timeline.tempos else DEFAULT_TEMPO_BPM)
    timeline.metres.setdefault(0, DEFAULT_METRE)
    title = root.findtext("work/work-title") or root.findtext("movement-title") or ""
    return Score(
        tuple(tracks),
        TICKS,
        tuple(sorted(timeline.tempos.items())),
        tuple((tick, *metre) for tick, metre in sorted(timeline.metres.items())),
        timeline.key,
        title.strip(),
    )


def _instruments(part: Xml.Element) -> _Instruments:
    found = _Instruments(name=(part.findtext("part-name") or "").strip())
    for midi in part.findall("midi-instrument"):
        name = midi.get("id", "")
        found.programs[name] = min(max(int(midi.findtext("midi-program") or 1) - 1, 0), 127)
        found.channels[name] = int(midi.findtext("midi-channel") or 1)
        if unpitched := midi.findtext("midi-unpitched"):
            found.drums[name] = min(max(int(unpitched) - 1, 0), 127)
    return found


class _Part:
    """Reads one part, measure after measure; the cursor counts quarter notes as fractions."""

    def __init__(self, instruments: _Instruments, timeline: _Timeline) -> None:
        self._instruments, self._timeline = instruments, timeline
        self._divisions = 1
        self._transpose = 0
        self._velocity = _DEFAULT_VELOCITY
        self._notes: dict[int, list[list[int]]] = {}
        self._open: dict[tuple[int, int, int], list[int]] = {}  # tied notes by programme, pitch and where they end
        self._at = self._measure = self._end = Fraction(0)
        self._begun = Fraction(0)  # of the last note, for chords

    def read(self, part: Xml.Element) -> Iterator[Track]:
        for measure in part.findall("measure"):
            self._measure = self._at = self._end = self._end
            for element in measure:
                self._take(element)
                self._end = max(self._end, self._at)
        for program, rows in sorted(self._notes.items()):
            yield Track(program, sort_notes(np.asarray(rows, np.int64)), self._instruments.name)

    def _take(self, element: Xml.Element) -> None:
        if element.tag == "note":
            self._note(element)
        elif element.tag == "backup":
            self._at = max(self._at - self._quarters(element), self._measure)
        elif element.tag == "forward":
            self._at += self._quarters(element)
        elif element.tag == "attributes":
            self._attributes(element)
        elif element.tag == "direction":
            offset = Fraction(int(float(element.findtext("offset") or 0)), self._divisions)
            sound = element.find("sound")
            self._sound(sound, self._at + offset)
            metronome = element.find("direction-type/metronome")
            if metronome is not None and (sound is None or not sound.get("tempo")):
                self._metronome(metronome)
        elif element.tag == "sound":
            self._sound(element, self._at)

    def _quarters(self, element: Xml.Element) -> Fraction:
        return Fraction(element.findtext("duration") or 0) / self._divisions

    def _attributes(self, element: Xml.Element) -> None:
        if divisions := element.findtext("divisions"):
            self._divisions = int(float(divisions))
            if self._divisions < 1:
                raise ValueError(f"{divisions} divisions")
        tick = _tick(self._at)
        if (time := element.find("time")) is not None and time.findtext("beats"):
            beats = sum(int(b) for b in (time.findtext("beats") or "4").split("+"))
            unit = int(time.findtext("beat-type") or 4)
            if 0 < beats < 65 and 0 < unit <= 64:
                self._timeline.metres.setdefault(tick, (beats, unit))
        if (transpose := element.find("transpose")) is not None:
            octaves = int(float(transpose.findtext("octave-change") or 0))
            self._transpose = int(float(transpose.findtext("chromatic") or 0)) + 12 * octaves
        key = element.find("key")
        if self._timeline.key is None and key is not None and key.findtext("fifths"):
            is_minor = key.findtext("mode") == "minor"
            tonic = int(key.findtext("fifths") or 0) * 7 + (9 if is_minor else 0) + self._transpose
            self._timeline.key = tonic % 12, is_minor

    def _sound(self, sound: Xml.Element | None, at: Fraction) -> None:
        if sound is None:
            return
        if (tempo := sound.get("tempo")) and 4 <= float(tempo) <= 1000:
            self._timeline.tempos[_tick(at)] = float(tempo)
        if dynamics := sound.get("dynamics"):
            self._velocity = min(max(round(float(dynamics) * _FORTE), 1), 127)

    def _metronome(self, metronome: Xml.Element) -> None:
        quarters = _QUARTERS.get(metronome.findtext("beat-unit") or "", 0.0)
        quarters *= 1.5 if metronome.find("beat-unit-dot") is not None else 1.0
        try:
            bpm = float(metronome.findtext("per-minute") or 0) * quarters
        except ValueError:  # such as "c. 120"
            return
        if 4 <= bpm <= 1000:
            self._timeline.tempos.setdefault(_tick(self._at), bpm)

    def _note(self, note: Xml.Element) -> None:
        if note.find("grace") is not None:
            return
        length = self._quarters(note)
        if note.find("chord") is None:
            self._begun = self._at
            self._at += length
        if note.find("rest") is not None or note.find("cue") is not None:
            return
        start, stop = _tick(self._begun), _tick(self._begun + length)
        program, pitch = self._pitch(note)
        dynamics = note.get("dynamics")
        velocity = min(max(round(float(dynamics) * _FORTE), 1), 127) if dynamics else self._velocity
        ties = {tie.get("type") for tie in note.findall("tie")}
        row = self._open.pop((program, pitch, start), None) if "stop" in ties else None
        if row is None:
            row = [start, max(stop - start, 1), pitch, velocity]
            self._notes.setdefault(program, []).append(row)
        row[1] = max(stop - row[0], 1)
        if "start" in ties:
            self._open[program, pitch, stop] = row

    def _pitch(self, note: Xml.Element) -> tuple[int, int]:
        instruments = self._instruments
        name = (note.find("instrument") if note.find("instrument") is not None else Xml.Element("")).get("id")  # type: ignore[union-attr]
        name = name or next(iter(instruments.programs), "")
        if (pitch := note.find("pitch")) is not None:
            number = _OF_STEP[pitch.findtext("step") or ""] + 12 * (int(pitch.findtext("octave") or 4) + 1)
            number += round(float(pitch.findtext("alter") or 0)) + self._transpose
            program = DRUM_TRACK if instruments.channels.get(name) == 10 else instruments.programs.get(name, 0)
            return program, min(max(number, 0), 127)
        if name in instruments.drums:
            return DRUM_TRACK, instruments.drums[name]
        place = (note.findtext("unpitched/display-step") or "C") + (note.findtext("unpitched/display-octave") or "5")
        return DRUM_TRACK, _DRUMS_BY_PLACE.get(place, 38)


_DRUMS_BY_PLACE = {"F4": 36, "E4": 35, "C5": 38, "G5": 42, "D4": 44, "A4": 43, "D5": 47, "E5": 48, "F5": 51, "A5": 49}


def _tick(quarters: Fraction) -> int:
    return round(quarters * TICKS)


def read_abc(path: str | Path) -> Score:
    """Read the first tune of an ABC file through music21.

    Raises:
        MissingExtraError: music21 is not installed.
        ScoreError: the file cannot be read, is damaged, or has no notes.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise ScoreError(f"{path}: cannot be read ({error.strerror or error}); name an ABC file") from None
    try:
        from music21 import converter, stream
        from music21.musicxml.m21ToXml import GeneralObjectExporter
    except ImportError as error:
        raise MissingExtraError("reading ABC", "score") from error
    try:
        parsed = converter.parse(text, format="abc", forceSource=True)
        if isinstance(parsed, stream.Opus):
            parsed = parsed.scores[0]
        score = _score(_root(GeneralObjectExporter(parsed).parse(), path))
    except ScoreError:
        raise
    except Exception as error:  # music21 has no common error for a damaged file
        line = " ".join(str(error).split())[:120]
        raise ScoreError(f"{path}: is a damaged ABC file ({type(error).__name__}: {line})") from error
    if not score.n_notes:
        raise ScoreError(f"{path}: holds no notes; name an ABC file with music in it")
    return score
