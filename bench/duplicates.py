"""How surely near-duplicates are found: altered copies of clips are searched for among all clips and all other copies.

    python bench/duplicates.py --data DIR [--every 7]

Prints, for each alteration, how many copies are found, the matches that are none, the share of fingerprint bits that
differ (5, 50, 95, 100 % quantiles) and the CPU seconds of the search. Pairs of originals that match each other are
listed once, first.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from sideman.audio import decode
from sideman.datasets.duplicates import SAMPLE_RATE_HZ, find_matches, fingerprint
from sideman.datasets.source import open_dataset

Samples = NDArray[np.float32]
RATE_HZ = 22050


def coded(y: Samples, **options: object) -> Samples:
    file = io.BytesIO()
    sf.write(file, y, RATE_HZ, **options)
    file.seek(0)
    return sf.read(file, dtype="float32")[0]


def mp3(level: float) -> Callable[[Samples], Samples]:
    return lambda y: coded(y, format="MP3", subtype="MPEG_LAYER_III", compression_level=level)


def words(y: Samples) -> NDArray[np.uint32]:
    return fingerprint(soxr.resample(y, RATE_HZ, SAMPLE_RATE_HZ).astype(np.float32))


def alterations(generator: np.random.Generator) -> dict[str, Callable[[Samples], Samples]]:
    def cut(y: Samples) -> Samples:
        start = int(generator.integers(0, max(1, len(y) - 2 * RATE_HZ - 200)))
        return y[start : start + 2 * RATE_HZ + 100]

    def noisy(y: Samples) -> Samples:
        return y + (generator.normal(size=len(y)) * np.sqrt(np.mean(y**2)) * 0.1).astype(np.float32)

    return {
        "mp3, middle rate": mp3(0.5),
        "mp3, low rate": mp3(0.99),
        "Ogg Vorbis": lambda y: coded(y, format="OGG", subtype="VORBIS"),
        "-20 dB": lambda y: y * np.float32(0.1),
        "noise at -20 dB": noisy,
        "2 s cut": cut,
        "2 s cut, mp3": lambda y: mp3(0.8)(cut(y)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SIDEMAN_DATA"))
    parser.add_argument("--every", type=int, default=7, help="alter every n-th clip")
    arguments = parser.parse_args()
    clips = {track.track_id: decode.load(track.path)[0] for track in open_dataset(arguments.data).tracks}
    originals = {name: words(y) for name, y in clips.items()}
    began = time.process_time()
    known = find_matches(originals)
    took_s = time.process_time() - began
    print(f"{len(clips)} clips, {sum(map(len, clips.values())) / RATE_HZ / 60:.0f} min, searched in {took_s:.2f} s CPU")
    for match in known:
        print(f"  {match.first} = {match.second}: {match.overlap_s:.1f} s, {match.bit_error_rate:.0%} of bits differ")
    related = {frozenset((match.first, match.second)) for match in known}
    chosen = list(clips)[:: arguments.every]
    for name, alter in alterations(np.random.default_rng(0)).items():
        copies = {f"copy {clip}": words(alter(clips[clip])) for clip in chosen}
        began = time.process_time()
        matches = find_matches({**originals, **copies})
        took_s = time.process_time() - began
        right = [m for m in matches if m.first.removeprefix("copy ") == m.second.removeprefix("copy ")]
        pairs = {frozenset((m.first.removeprefix("copy "), m.second.removeprefix("copy "))) for m in matches}
        false = sum(len(pair) == 2 and pair not in related for pair in pairs)
        quantiles = " ".join(f"{q:.0%}" for q in np.quantile([m.bit_error_rate for m in right], [0.05, 0.5, 0.95, 1]))
        print(f"{name:18} {len(right):4} of {len(chosen)} found, {false} false, bits {quantiles}, {took_s:.2f} s")


if __name__ == "__main__":
    main()
