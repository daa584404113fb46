"""What must not change the answer: loudness, sample rate, codec, channels, length, pitch and tempo by a little.

    python bench/interventions.py --data GTZAN [--clips N] [--json]

Every clip of at least 15 s is classified as it is, after each change of :mod:`sideman.genre.interventions`, and after
some changes of the file alone. Printed: the share of clips whose most probable genre stays, with its Wilson interval,
and the mean total variation distance of the genre probabilities (0: equal, 1: disjoint). The clips were in the training
set of the shipped weights, so this measures stability and not accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from sideman.core.progress import progress
from sideman.datasets import gtzan
from sideman.genre.interventions import Intervention, Samples, chosen, gain, resampled
from sideman.genre.robustness import robustness

RATE_HZ = 22_050
Save = Callable[[Samples, Path], None]


@dataclass(frozen=True)
class Saved(Intervention):
    """A change of how the sound is stored."""

    save: Save | None = None

    def write(self, samples: Samples, rate_hz: int, path: Path, rng: np.random.Generator) -> Path:
        out = path.with_suffix(".wav")
        assert self.save is not None
        self.save(samples, out)
        return out


def saved(name: str, save: Save) -> Intervention:
    return Saved(name, "", lambda y, _rate, _rng: y, save=save)


def cut(name: str, part: slice) -> Intervention:
    return Intervention(name, "", lambda y, _rate, _rng: y[part])


def at_rate(rate_hz: int) -> Save:
    return lambda y, path: sf.write(path, resampled(y, RATE_HZ, rate_hz), rate_hz, subtype="PCM_16")


OF_THE_FILE = (
    saved("gain -40 dB, 24 bit", lambda y, path: sf.write(path, gain(y, -40.0), RATE_HZ, subtype="PCM_24")),
    saved("16 kHz", at_rate(16_000)),
    saved("44.1 kHz", at_rate(44_100)),
    saved("48 kHz", at_rate(48_000)),
    saved("8 bit", lambda y, path: sf.write(path, y, RATE_HZ, subtype="PCM_U8")),
    saved("stereo", lambda y, path: sf.write(path, np.stack([y, y], 1), RATE_HZ, subtype="PCM_16")),
    cut("first 10 s", slice(10 * RATE_HZ)),
    cut("first 5 s", slice(5 * RATE_HZ)),
    cut("start 1 s later", slice(RATE_HZ, None)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SIDEMAN_DATA"))
    parser.add_argument("--clips", type=int, help="only so many, spread over all")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tracks = [t for t in gtzan.load(options.data).tracks if sf.info(str(t.path)).duration >= 15]
    if options.clips:
        tracks = [tracks[i] for i in np.linspace(0, len(tracks) - 1, min(options.clips, len(tracks))).astype(int)]
    with progress("changing clips", len(tracks), quiet=options.json) as advance:
        found = robustness(tracks, interventions=[*chosen(), *OF_THE_FILE], advance=advance)
    if options.json:
        print(json.dumps({"clips": len(tracks), **found.to_dict()}))
        return
    print(f"{len(tracks)} clips of at least 15 s")
    for figure in found.figures[1:]:
        low, high = figure.same_interval
        told = f"same genre {figure.same:.1%} ({low:.1%} to {high:.1%}), distance {figure.total_variation:.3f}"
        print(f"  {figure.name:26s} {told}")


if __name__ == "__main__":
    main()
