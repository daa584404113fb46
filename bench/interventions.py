"""What must not change the answer: loudness, sample rate, codec, channels, length.

    python bench/interventions.py --data GTZAN [--json]

Every clip of at least 15 s is classified as it is and after each change. Printed: the share of clips whose most
probable genre stays, and the mean total variation distance of the genre probabilities (0: equal, 1: disjoint). The
clips were in the training set of the shipped weights, so this measures stability and not accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

import sideman
from sideman.datasets import gtzan

RATE_HZ = 22_050


def _write(y: np.ndarray, path: Path, rate_hz: int = RATE_HZ, **how: object) -> None:
    sf.write(path, y, rate_hz, **how)


def _rate(y: np.ndarray, path: Path, rate_hz: int) -> None:
    sf.write(path, soxr.resample(y, RATE_HZ, rate_hz), rate_hz, subtype="PCM_16")


CHANGES: dict[str, tuple[str, Callable[[np.ndarray, Path], None]]] = {
    "gain -20 dB": ("wav", lambda y, p: _write(y * 0.1, p, subtype="PCM_16")),
    "gain -40 dB": ("wav", lambda y, p: _write(y * 0.01, p, subtype="PCM_24")),
    "gain +6 dB, clipped": ("wav", lambda y, p: _write(np.clip(y * 2, -1, 1), p, subtype="PCM_16")),
    "16 kHz": ("wav", lambda y, p: _rate(y, p, 16_000)),
    "44.1 kHz": ("wav", lambda y, p: _rate(y, p, 44_100)),
    "48 kHz": ("flac", lambda y, p: _rate(y, p, 48_000)),
    "8-bit": ("wav", lambda y, p: _write(y, p, subtype="PCM_U8")),
    "mp3": ("mp3", lambda y, p: _write(y, p)),
    "mp3, smallest": ("mp3", lambda y, p: _write(y, p, compression_level=0.99)),
    "ogg vorbis": ("ogg", lambda y, p: _write(y, p, format="OGG", subtype="VORBIS")),
    "opus": ("opus", lambda y, p: _write(soxr.resample(y, RATE_HZ, 48_000), p, 48_000, format="OGG", subtype="OPUS")),
    "stereo": ("wav", lambda y, p: _write(np.stack([y, y], 1), p, subtype="PCM_16")),
    "first 10 s": ("wav", lambda y, p: _write(y[: 10 * RATE_HZ], p, subtype="PCM_16")),
    "first 5 s": ("wav", lambda y, p: _write(y[: 5 * RATE_HZ], p, subtype="PCM_16")),
    "start 1 s later": ("wav", lambda y, p: _write(y[RATE_HZ:], p, subtype="PCM_16")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SIDEMAN_DATA"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tracks = [t for t in gtzan.load(options.data).tracks if sf.info(str(t.path)).duration >= 15]
    stays: dict[str, list[bool]] = {name: [] for name in CHANGES}
    moves: dict[str, list[float]] = {name: [] for name in CHANGES}
    with tempfile.TemporaryDirectory() as folder:
        for track in tracks:
            y = sf.read(track.path, dtype="float32")[0]
            before = sideman.classify(track.path, tempo=False, key=False)
            for name, (ending, change) in CHANGES.items():
                path = Path(folder) / f"changed.{ending}"
                change(y, path)
                after = sideman.classify(path, tempo=False, key=False)
                stays[name].append(after.genre == before.genre)
                gaps = [abs(p - after.probabilities[genre]) for genre, p in before.probabilities.items()]
                moves[name].append(sum(gaps) / 2)
    result = {
        name: {"same_genre": float(np.mean(stays[name])), "total_variation": float(np.mean(moves[name]))}
        for name in CHANGES
    }
    if options.json:
        print(json.dumps({"clips": len(tracks), "changes": result}))
        return
    print(f"{len(tracks)} clips of at least 15 s")
    for name, figures in result.items():
        print(f"  {name:20s} same genre {figures['same_genre']:.1%}, distance {figures['total_variation']:.3f}")


if __name__ == "__main__":
    main()
