"""Scores as notation: MusicXML 4.0 files that open in notation programs."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np

from sideman.core.atomic import atomic_write
from sideman.core.errors import ScoreError
from sideman.symbolic.analysis import estimate_key
from sideman.symbolic.midi import key_fifths
from sideman.symbolic.musicxml_read import read_abc, read_musicxml
from sideman.symbolic.names import drum_name, program_name, spelled
from sideman.symbolic.notation import Symbol, drums_as_written, voices_of, write_bar
from sideman.symbolic.score import GRID, PITCH, Bar, Notes, Score, Track, quantise

__all__ = ["read_abc", "read_musicxml", "write_musicxml"]

_ON_TWO_STAVES = frozenset([*range(9), 11, 12, 15, *range(16, 22), 23, 46])
_OCTAVE_LOWER = frozenset([*range(24, 40), 43])  # guitars and basses sound an octave under what is written
_MIDDLE_C = 60
_FORTE = 90 / 100  # MusicXML gives loudness in per cent of MIDI velocity 90
_CROSS_HEADS = frozenset([37, 42, 44, 46, 49, 51, 52, 53, 54, 55, 57, 59, 69, 70, 82])
# Where drums stand on the staff, after the Percussive Arts Society's guide (Weinberg 1998).
_DRUM_PLACES = {
    35: "E4", 36: "F4", 37: "C5", 38: "C5", 39: "C5", 40: "C5", 41: "G4", 42: "G5", 43: "A4", 44: "D4", 45: "B4",
    46: "G5", 47: "D5", 48: "E5", 49: "A5", 50: "E5", 51: "F5", 52: "B5", 53: "F5", 54: "B4", 55: "B5", 56: "E5",
    57: "A5", 59: "F5",
}  # fmt: skip


def write_musicxml(score: Score, path: str | Path, *, key: tuple[int, bool] | None = None) -> None:
    """Write a MusicXML file (.musicxml or .xml).

    Args:
        score: put on the grid of twelve ticks per quarter note first if it has another.
        path: the file.
        key: (tonic, is minor) of the signature; by default the score's, else estimated from the notes.

    Raises:
        ScoreError: the score has no notes.
        OutputError: the file cannot be written.
    """
    data = musicxml_bytes(score, key=key)
    with atomic_write(Path(path), "wb") as file:
        file.write(data)


def musicxml_bytes(score: Score, *, key: tuple[int, bool] | None = None) -> bytes:
    """The file that :func:`write_musicxml` writes."""
    if score.ticks_per_quarter != GRID:
        score = quantise(score)
    tracks = [track for track in score.tracks if len(track.notes)]
    if not tracks:
        raise ScoreError(f"{score.title or 'the score'}: holds no notes; there is nothing to write")
    if key is None:
        estimate = None if score.key else estimate_key(score)
        key = score.key or (estimate.key if estimate else (0, False))
    root = Xml.Element("score-partwise", version="4.0")
    if score.title:
        _add(_add(root, "work"), "work-title", score.title)
    encoding = _add(_add(root, "identification"), "encoding")
    _add(encoding, "software", "Sideman")
    for element in ("accidental", "beam"):  # left to the notation program
        _add(encoding, "supports", element=element, type="no")
    parts = _add(root, "part-list")
    bars = score.bars()
    for number, track in enumerate(tracks, 1):
        _describe(parts, track, number)
    for number, track in enumerate(tracks, 1):
        _part(root, score, track, number, bars, key)
    Xml.indent(root, " ")
    text = Xml.tostring(root, encoding="unicode")
    header = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC '
        '"-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
    )
    return (header + text + "\n").encode("utf-8")


def _add(parent: Xml.Element, name: str, text: object = None, **attributes: str) -> Xml.Element:
    child = Xml.SubElement(parent, name, {k.replace("_", "-"): v for k, v in attributes.items()})
    if text is not None:
        # Characters that XML cannot hold, control characters above all, may be in a MIDI file's names.
        child.text = "".join(c for c in str(text) if c >= " " and not 0xD800 <= ord(c) < 0xE000 and ord(c) < 0xFFFE)
    return child


def _describe(parts: Xml.Element, track: Track, number: int) -> None:
    part = _add(parts, "score-part", id=f"P{number}")
    _add(part, "part-name", track.name.strip() or program_name(track.program))
    keys = sorted(set(track.notes[:, PITCH].tolist())) if track.is_drums else [-1]
    for key in keys:
        instrument = _add(part, "score-instrument", id=_instrument_id(number, key))
        _add(instrument, "instrument-name", drum_name(key) if track.is_drums else program_name(track.program))
    pitched = [c for c in range(1, 17) if c != 10]
    for key in keys:
        midi = _add(part, "midi-instrument", id=_instrument_id(number, key))
        _add(midi, "midi-channel", 10 if track.is_drums else pitched[(number - 1) % 15])
        _add(midi, "midi-program", 1 if track.is_drums else track.program + 1)
        if track.is_drums:
            _add(midi, "midi-unpitched", key + 1)


def _instrument_id(number: int, key: int) -> str:
    return f"P{number}-I{key + 1}"


def _part(root: Xml.Element, score: Score, track: Track, number: int, bars: list[Bar], key: tuple[int, bool]) -> None:
    fifths = key_fifths(key)
    staves = [voices_of(notes) for notes in _staves(track, bars)]
    part = _add(root, "part", id=f"P{number}")
    at_once = [0] * len(staves)
    starts = [bar.start for bar in bars]
    placed: dict[int, list[tuple[int, float]]] = {}
    if number == 1:
        for tick, bpm in score.tempos:
            index = int(np.searchsorted(starts, tick, "right")) - 1
            if tick < bars[-1].end:
                placed.setdefault(index, []).append((tick - starts[index], bpm))
    del at_once
    before: Bar | None = None
    for index, bar in enumerate(bars):
        measure = _add(part, "measure", number=str(index + 1))
        if before is None or before.metre != bar.metre:
            attributes = _add(measure, "attributes")
            if before is None:
                _add(attributes, "divisions", GRID)
                if not track.is_drums:
                    signature = _add(attributes, "key")
                    _add(signature, "fifths", fifths)
                    _add(signature, "mode", "minor" if key[1] else "major")
            time = _add(attributes, "time")
            _add(time, "beats", bar.metre[0])
            _add(time, "beat-type", bar.metre[1])
            if before is None:
                _clefs(attributes, track, len(staves))
        for offset, bpm in placed.get(index, []):
            _tempo(measure, offset, bpm)
        _voices(measure, staves, bar, number, None if track.is_drums else fifths)
        before = bar
    _add(_add(measure, "barline", location="right"), "bar-style", "light-heavy")


def _staves(track: Track, bars: list[Bar]) -> list[Notes]:
    if track.is_drums:
        return [drums_as_written(track.notes, bars)]
    if track.program not in _ON_TWO_STAVES:
        return [track.notes]
    upper = track.notes[:, PITCH] >= _MIDDLE_C
    return [track.notes[upper], track.notes[~upper]]


def _clefs(attributes: Xml.Element, track: Track, staves: int) -> None:
    if staves > 1:
        _add(attributes, "staves", staves)
    middle = float(np.median(track.notes[:, PITCH]))
    for staff in range(staves):
        clef = _add(attributes, "clef", **({"number": str(staff + 1)} if staves > 1 else {}))
        if track.is_drums:
            _add(clef, "sign", "percussion")
            continue
        lower = track.program in _OCTAVE_LOWER
        is_bass = staff == 1 if staves > 1 else middle < (45 if lower else 57)
        _add(clef, "sign", "F" if is_bass else "G")
        _add(clef, "line", 4 if is_bass else 2)
        if lower and staves == 1:
            _add(clef, "clef-octave-change", -1)


def _tempo(measure: Xml.Element, offset: int, bpm: float) -> None:
    direction = _add(measure, "direction", placement="above")
    metronome = _add(_add(direction, "direction-type"), "metronome")
    _add(metronome, "beat-unit", "quarter")
    _add(metronome, "per-minute", round(bpm))
    if offset:
        _add(direction, "offset", offset, sound="yes")
    _add(direction, "sound", tempo=f"{bpm:g}")


def _voices(measure: Xml.Element, staves: list[list[list]], bar: Bar, number: int, fifths: int | None) -> None:  # type: ignore[type-arg]
    """All voices of a bar, each after a step back to its begin; silent ones but the first are left out."""
    is_first = True
    for staff, voices in enumerate(staves):
        for index, voice in enumerate(voices):
            symbols = write_bar(voice, bar)
            if index and not any(symbol.tones for symbol in symbols):
                continue
            if not is_first:
                _add(_add(measure, "backup"), "duration", bar.end - bar.start)
            is_first = False
            for symbol in symbols:
                place = (staff + 1 if len(staves) > 1 else 0, staff * 4 + index + 1, index > 0)
                _symbol(measure, symbol, place, number, fifths)


def _symbol(
    measure: Xml.Element, symbol: Symbol, place: tuple[int, int, bool], number: int, fifths: int | None
) -> None:
    staff, voice, hide_rests = place
    for position, tone in enumerate(symbol.tones or (None,)):
        note = _add(measure, "note")
        if tone is None:
            if hide_rests:
                note.set("print-object", "no")
            _add(note, "rest", **({"measure": "yes"} if symbol.whole_bar else {}))
        else:
            note.set("dynamics", f"{tone.velocity / _FORTE:.2f}")
            if position:
                _add(note, "chord")
            _pitch(note, tone.pitch, fifths)
        _add(note, "duration", symbol.ticks)
        if tone is not None:
            ties = [kind for kind, is_so in (("stop", tone.tied_from), ("start", tone.tied_to)) if is_so]
            for kind in ties:
                _add(note, "tie", type=kind)
            if fifths is None:
                _add(note, "instrument", id=_instrument_id(number, tone.pitch))
        _add(note, "voice", voice)
        if not symbol.whole_bar:
            _add(note, "type", symbol.kind)
            for _ in range(symbol.dots):
                _add(note, "dot")
        if symbol.triplet:
            change = _add(note, "time-modification")
            _add(change, "actual-notes", 3)
            _add(change, "normal-notes", 2)
            _add(change, "normal-type", "eighth" if symbol.triplet == GRID else "16th")
        if tone is not None and fifths is None and tone.pitch in _CROSS_HEADS:
            _add(note, "notehead", "x")
        if staff:
            _add(note, "staff", staff)
        if (tone is not None and ties) or (symbol.bracket and not position):
            notations = _add(note, "notations")
            if tone is not None:
                for kind in ties:
                    _add(notations, "tied", type=kind)
            if symbol.bracket and not position:
                _add(notations, "tuplet", type=symbol.bracket, bracket="yes")


def _pitch(note: Xml.Element, pitch: int, fifths: int | None) -> None:
    if fifths is None:
        place = _DRUM_PLACES.get(pitch, "E5")
        unpitched = _add(note, "unpitched")
        _add(unpitched, "display-step", place[0])
        _add(unpitched, "display-octave", place[1])
        return
    letter, alter, octave = spelled(pitch, fifths)
    element = _add(note, "pitch")
    _add(element, "step", letter)
    if alter:
        _add(element, "alter", alter)
    _add(element, "octave", octave)
