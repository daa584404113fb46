"""MIDI files in and out, through symusic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sideman.core.atomic import atomic_write
from sideman.core.errors import ScoreError
from sideman.symbolic.midi_chunks import checked
from sideman.symbolic.score import (
    DEFAULT_METRE,
    DEFAULT_TEMPO_BPM,
    DRUM_TRACK,
    DURATION,
    PITCH,
    START,
    VELOCITY,
    Score,
    Track,
    no_notes,
    sort_notes,
)

MOST_BYTES = 32 << 20
MOST_QUARTERS = 100_000  # half a day at 140 bpm; more comes of damaged times
SLOWEST_BPM, FASTEST_BPM = 4.0, 1000.0  # beyond these a tempo event is taken for damage and left out
_FIFTHS_TO_TONIC = {fifths: (fifths * 7) % 12 for fifths in range(-7, 8)}


def read_midi(path: str | Path) -> Score:
    """Read a standard MIDI file of type 0, 1 or 2.

    Raises:
        ScoreError: the file cannot be read, is damaged, larger than 32 MB or longer than 100,000 quarter notes, or
            has no notes.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)  # a device has no size and no end
    except OSError as error:
        raise ScoreError(f"{path}: cannot be read ({error.strerror or error}); name a MIDI file") from error
    if len(data) > MOST_BYTES:
        raise ScoreError(f"{path}: is larger than a MIDI file may be ({MOST_BYTES >> 20} MB); name another one")
    return parse_midi(data, str(path))


def parse_midi(data: bytes, name: str = "MIDI data") -> Score:
    """Read a standard MIDI file from memory; ``name`` stands in the messages. Raises as :func:`read_midi` does."""
    import symusic

    if not data:
        raise ScoreError(f"{name}: is empty; name a MIDI file")
    whole = checked(data[_header_at(data, name) :], name)
    try:
        score = _from_symusic(symusic.Score.from_midi(whole, sanitize_data=True))
    except Exception as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise ScoreError(f"{name}: is a damaged MIDI file ({why}); export it anew") from error
    if not score.n_notes:
        raise ScoreError(f"{name}: holds no notes; name a MIDI file with music in it")
    if score.end > MOST_QUARTERS * score.ticks_per_quarter:
        raise ScoreError(f"{name}: is longer than {MOST_QUARTERS} quarter notes; it seems damaged: export it anew")
    return score


def _header_at(data: bytes, name: str) -> int:
    begin = data[:4096].find(b"MThd")  # RIFF-wrapped files carry it behind a header of their own
    if begin < 0 or (begin > 0 and data[:4] != b"RIFF"):
        raise ScoreError(f"{name}: is no MIDI file (it has no MThd header); name a .mid file")
    division = data[begin + 12 : begin + 14]
    if len(division) < 2:
        raise ScoreError(f"{name}: is a MIDI file cut off in its header; export it anew")
    if division[0] & 0x80:
        raise ScoreError(f"{name}: counts time in SMPTE frames, not beats; export it with a tempo")
    if division == b"\0\0":
        raise ScoreError(f"{name}: is a damaged MIDI file (0 ticks per quarter note); export it anew")
    return begin


def _from_symusic(parsed: Any) -> Score:
    tracks = []
    for track in parsed.tracks:
        columns = track.notes.numpy()
        notes = np.stack([columns[k].astype(np.int64) for k in ("time", "duration", "pitch", "velocity")], 1)
        notes = notes[(notes[:, START] >= 0) & (notes[:, VELOCITY] > 0)] if len(notes) else no_notes()
        notes[:, DURATION] = np.maximum(notes[:, DURATION], 1)
        notes[:, [PITCH, VELOCITY]] = np.clip(notes[:, [PITCH, VELOCITY]], 0, 127)
        program = DRUM_TRACK if track.is_drum else int(track.program) & 127
        tracks.append(Track(program, sort_notes(notes), str(track.name)))
    tempos = {int(t.time): float(t.qpm) for t in parsed.tempos if SLOWEST_BPM <= t.qpm <= FASTEST_BPM}
    metres = {
        int(m.time): (int(m.numerator), int(m.denominator))
        for m in parsed.time_signatures
        if 0 < m.numerator < 65 and 0 < m.denominator <= 64
    }
    key = next((_key(k) for k in parsed.key_signatures), None)
    tempos.setdefault(0, tempos[min(tempos)] if tempos else DEFAULT_TEMPO_BPM)
    metres.setdefault(0, DEFAULT_METRE)
    return Score(
        tuple(tracks),
        int(parsed.ticks_per_quarter),
        tuple(sorted(tempos.items())),
        tuple((t, n, d) for t, (n, d) in sorted(metres.items())),
        key,
    )


def _key(signature: Any) -> tuple[int, bool] | None:
    fifths, minor = int(signature.key), bool(signature.tonality)
    if fifths not in _FIFTHS_TO_TONIC:
        return None
    return (_FIFTHS_TO_TONIC[fifths] + (9 if minor else 0)) % 12, minor


def midi_bytes(score: Score) -> bytes:
    """The score as a standard MIDI file of type 1."""
    return bytes(to_symusic(score).dumps_midi())


def write_midi(score: Score, path: str | Path) -> None:
    """Write a standard MIDI file of type 1; raises :class:`OutputError` where it cannot be written."""
    data = midi_bytes(score)
    with atomic_write(Path(path), "wb") as file:
        file.write(data)


def to_symusic(score: Score) -> Any:
    """The score as symusic's, in ticks."""
    import symusic

    out: Any = symusic.Score(score.ticks_per_quarter)
    for tick, bpm in score.tempos:
        out.tempos.append(symusic.Tempo(tick, bpm))
    for tick, numerator, denominator in score.metres:
        out.time_signatures.append(symusic.TimeSignature(tick, numerator, denominator))
    if score.key is not None:
        out.key_signatures.append(symusic.KeySignature(0, key_fifths(score.key), int(score.key[1])))
    for track in score.tracks:
        part: Any = symusic.Track(track.name, 0 if track.is_drums else track.program, track.is_drums)
        start, duration = (np.ascontiguousarray(track.notes[:, i], np.int32) for i in (START, DURATION))
        pitch, velocity = (np.ascontiguousarray(track.notes[:, i], np.int8) for i in (PITCH, VELOCITY))
        part.notes = symusic.Note.from_numpy(start, duration, pitch, velocity)
        out.tracks.append(part)
    return out


def key_fifths(key: tuple[int, bool]) -> int:
    """Sharps (positive) or flats of a key signature, -6..6 (F sharp major has 6 sharps, E flat minor 6 flats)."""
    tonic, minor = key
    fifths = ((tonic + (3 if minor else 0)) * 7) % 12
    return fifths - 12 if fifths > (5 if minor else 6) else fifths
