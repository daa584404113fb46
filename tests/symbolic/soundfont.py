"""A SoundFont made on the spot (SoundFont 2.01 specification): one looped tone, for every program and for drums."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

RATE_HZ = 22_050
PERIOD_N = 50  # 441 Hz, about A4
_INSTRUMENT, _SAMPLE_MODES, _SAMPLE_ID = 41, 54, 53


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(name: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", name + b"".join(chunks))


def _name(text: str) -> bytes:
    return text.encode().ljust(20, b"\0")


def make_soundfont(path: Path) -> Path:
    """Write it; every program of bank 0 and the drum kit of bank 128 play the same tone."""
    t = np.arange(PERIOD_N * 100)
    wave = np.sin(2 * np.pi * t / PERIOD_N) + 0.5 * np.sin(6 * np.pi * t / PERIOD_N)
    samples = np.concatenate([np.round(wave * 16_000), np.zeros(46)]).astype("<i2").tobytes()
    presets = [(program, 0) for program in range(128)] + [(0, 128)]
    headers = [
        _name(f"P{i}") + struct.pack("<HHHIII", program, bank, i, 0, 0, 0) for i, (program, bank) in enumerate(presets)
    ]
    headers.append(_name("EOP") + struct.pack("<HHHIII", 0, 0, len(presets), 0, 0, 0))
    pdta = _list(
        b"pdta",
        _chunk(b"phdr", b"".join(headers)),
        _chunk(b"pbag", b"".join(struct.pack("<HH", i, 0) for i in range(len(presets) + 1))),
        _chunk(b"pmod", bytes(10)),
        _chunk(b"pgen", struct.pack("<HH", _INSTRUMENT, 0) * len(presets) + bytes(4)),
        _chunk(b"inst", _name("tone") + struct.pack("<H", 0) + _name("EOI") + struct.pack("<H", 1)),
        _chunk(b"ibag", struct.pack("<HHHH", 0, 0, 2, 0)),
        _chunk(b"imod", bytes(10)),
        _chunk(b"igen", struct.pack("<HHHH", _SAMPLE_MODES, 1, _SAMPLE_ID, 0) + bytes(4)),
        _chunk(
            b"shdr",
            _name("tone")
            + struct.pack("<IIIIIBbHH", 0, len(t), PERIOD_N, len(t) - PERIOD_N, RATE_HZ, 69, 0, 0, 1)
            + _name("EOS")
            + bytes(26),
        ),
    )
    info = _list(
        b"INFO", _chunk(b"ifil", struct.pack("<HH", 2, 1)), _chunk(b"isng", b"EMU8000\0"), _chunk(b"INAM", b"tone\0\0")
    )
    path.write_bytes(_chunk(b"RIFF", b"sfbk" + info + _list(b"sdta", _chunk(b"smpl", samples)) + pdta))
    return path


def make_midi(path: Path, *, seconds: float = 6.0, drums: bool = False, seed: int = 0, tracks: int = 2) -> Path:
    """Write a MIDI file with notes on every half second."""
    import symusic

    rng = np.random.default_rng(seed)
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 120))
    for _ in range(tracks):
        track = symusic.Track("part", 0 if drums else int(rng.integers(0, 100)), drums)
        for beat in range(round(seconds * 2)):
            track.notes.append(symusic.Note(beat * 480, 440, int(rng.integers(45, 75)), 100))
        score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    score.dump_midi(str(path))
    return path
