"""The 58-column table of a 30 s clip, on one core: Sideman beside librosa 0.11, in one run.

    python bench/features.py [--audio FILE] [--repeats 7]

librosa is measured in two ways: as the table's authors call it (harmonic and percussive part apart, each with its own
separation) and with a single ``hpss``. Rounds alternate between all three, so that each meets the same load; the figure
is the smallest processor time of all rounds (one thread each; processor time does not count waiting for the core, but a
busy neighbour still costs cache and memory bandwidth). Then: where Sideman's time goes, how far it is from the floor
(decoding, the FFTs and the medians alone), and the largest deviation from librosa.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse  # noqa: E402
import platform  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import librosa  # noqa: E402
import numpy as np  # noqa: E402
import scipy  # noqa: E402
import soundfile  # noqa: E402

from sideman.audio import chroma, descriptors, hpss, median, mel, mfcc, onsets, spectral, table_tempo, temporal  # noqa: E402
from sideman.audio.decode import load  # noqa: E402
from sideman.audio.spectrum import frame_blocks  # noqa: E402
from sideman.audio.tiles import cut_tiles  # noqa: E402
from sideman.core.tuning import tune_allocator  # noqa: E402

RATE_HZ = 22050
CLIP_S = 30


def made_clip() -> np.ndarray:
    """Thirty seconds of chords, drums and noise, (661500,) float32."""
    rng = np.random.default_rng(0)
    t = np.arange(CLIP_S * RATE_HZ) / RATE_HZ
    y = 0.003 * rng.standard_normal(len(t))
    for beat in range(CLIP_S * 2):
        since_s = np.maximum(t - beat / 2, 0)
        sounding = (t >= beat / 2) & (since_s < 0.5)
        for note in (57, 60, 64) if beat % 8 < 4 else (53, 57, 60):
            y += 0.06 * sounding * np.exp(-3 * since_s) * np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t)
        y += 0.3 * rng.standard_normal(len(t)) * sounding * np.exp(-60 * since_s)
    return y.astype(np.float32)


def librosa_table(y: np.ndarray, *, apart: bool) -> dict[str, float]:
    sr = RATE_HZ
    if apart:
        harmonic, percussive = librosa.effects.harmonic(y), librosa.effects.percussive(y)
    else:
        harmonic, percussive = librosa.effects.hpss(y)
    features = {
        "chroma_stft": librosa.feature.chroma_stft(y=y, sr=sr),
        "rms": librosa.feature.rms(y=y),
        "spectral_centroid": librosa.feature.spectral_centroid(y=y, sr=sr),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(y=y, sr=sr),
        "rolloff": librosa.feature.spectral_rolloff(y=y, sr=sr),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y),
        "harmony": harmonic,
        "perceptr": percussive,
        **{f"mfcc{k + 1}": row for k, row in enumerate(librosa.feature.mfcc(y=y, sr=sr, n_mfcc=20))},
    }
    values = {"length": float(len(y)), "tempo": float(np.atleast_1d(librosa.beat.beat_track(y=y, sr=sr)[0])[0])}
    for name, feature in features.items():
        values[f"{name}_mean"], values[f"{name}_var"] = float(np.mean(feature)), float(np.var(feature))
    return values


def best_ms(work: Callable[[], object], repeats: int, fresh: Callable[[], None] | None = None) -> float:
    """Smallest processor time of some repeats, in milliseconds."""
    times = []
    for _ in range(repeats):
        if fresh is not None:
            fresh()
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def stages(y: np.ndarray, repeats: int) -> dict[str, float]:
    """Milliseconds of each part of ``describe``, measured apart; the parts share nothing, so they add up to it."""
    tile = next(cut_tiles(iter([y]), tile_frames=descriptors.TILE_FRAMES, context_frames=descriptors.CONTEXT_FRAMES))
    scan = descriptors._Scan(RATE_HZ)
    spectra = scan.update(tile)
    tuning, count = scan.tuning.tuning(), len(spectra.power)
    decibel = mel.power_to_db(spectra.mel)
    envelope = onsets.centre_flux(onsets.spectral_flux(decibel, "median"), count)
    frames, kept = spectra.frames.copy(), spectra.frames.copy()
    chunk = median.even_chunk(count, hpss.CHUNK_FRAMES, 16)
    row_medians = np.empty((chunk, 1025), np.float32)

    def along_rows() -> None:
        for first in range(0, count, chunk):
            part = spectra.power[first : first + chunk]
            median.medians_along_rows(part, row_medians[: len(part)], size=31, chunk=chunk)

    def along_time() -> None:
        for first in range(0, count, chunk):
            median.medians_along_time(spectra.power, first, min(first + chunk, count), size=31, chunk=chunk)

    def inverse() -> None:
        adder = hpss.OverlapAdd(0, count)
        for first in range(0, count, 64):
            adder.add(frames[first : first + 64])

    def waveforms() -> None:
        descriptors._Table(RATE_HZ, tuning=tuning, mel_peak=scan.mel_peak)._add_waveforms(
            descriptors._Spectra(tile, frames, spectra.power, spectra.mel, spectra.sums)
        )

    def chromas() -> None:
        for first in range(0, count, 64):
            chroma.chroma_frames(spectra.power[first : first + 64], RATE_HZ, tuning)

    def shapes() -> None:
        spectral.shape_from_sums(
            spectra.sums, 1025, RATE_HZ / 2048, lambda row, column: np.sqrt(spectra.power[row, column])
        )

    measured = {
        "forward FFTs": best_ms(lambda: [None for _ in frame_blocks(tile.padded)], repeats),
        "transform, all of it": best_ms(lambda: descriptors._transform(tile, RATE_HZ), repeats),
        "with tuning": best_ms(lambda: descriptors._Scan(RATE_HZ).update(tile), repeats),
        "medians along time": best_ms(along_time, repeats),
        "medians along frequency": best_ms(along_rows, repeats),
        "inverse FFTs, overlap-add": best_ms(inverse, repeats),
        "waveforms, all of it": best_ms(waveforms, repeats, lambda: np.copyto(frames, kept)),
        "chroma": best_ms(chromas, repeats),
        "spectral shape": best_ms(shapes, repeats),
        "level, zero crossings": best_ms(
            lambda: temporal.level_and_crossings(tile.padded, tile.begin_n, tile.end_n), repeats
        ),
        "MFCC, onsets": best_ms(
            lambda: (mfcc.mfcc_frames(mel.power_to_db(spectra.mel)), onsets.spectral_flux(decibel, "median")), repeats
        ),
        "tempo": best_ms(lambda: table_tempo.table_tempo(envelope), repeats),
    }
    transform = measured.pop("transform, all of it")
    tuned = measured.pop("with tuning")
    waves = measured.pop("waveforms, all of it")
    known = ("medians along time", "medians along frequency", "inverse FFTs, overlap-add")
    measured["power, mel, sub-bands"] = transform - measured["forward FFTs"]
    measured["tuning"] = tuned - transform
    measured["masks, waveform moments"] = waves - sum(measured[name] for name in known)
    return measured


def decoding(y: np.ndarray, repeats: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        times = {}
        for suffix in ("wav", "flac", "mp3"):
            path = Path(folder) / f"clip.{suffix}"
            soundfile.write(path, y / max(np.abs(y).max(), 1), RATE_HZ)
            times[suffix] = best_ms(lambda path=path: load(path), repeats)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, help="measure on the first 30 s of this file instead of a made clip")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tune_allocator()
    y = made_clip() if options.audio is None else load(options.audio, duration_s=CLIP_S)[0]
    print(f"python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
          f"librosa {librosa.__version__}, {platform.machine()}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(f"clip: {len(y) / RATE_HZ:.1f} s at {RATE_HZ} Hz, {options.audio or 'made by this script'}")

    contestants: dict[str, Callable[[], dict[str, float]]] = {
        "sideman": lambda: descriptors.describe(y, RATE_HZ),
        "librosa, harmonic and percussive apart": lambda: librosa_table(y, apart=True),
        "librosa, one hpss": lambda: librosa_table(y, apart=False),
    }
    values = {name: work() for name, work in contestants.items()}  # also compiles and fills the caches
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(options.repeats):
        for name, work in contestants.items():
            for _ in range(3 if name == "sideman" else 1):
                times[name].append(best_ms(work, 1))
    ours = min(times["sideman"])
    print(f"\n{'whole table':42}{'best ms':>10}{'median ms':>11}{'x slower':>10}{'x, medians':>12}")
    for name, measured in times.items():
        middle = float(np.median(measured))
        ratio = middle / float(np.median(times["sideman"]))
        print(f"{name:42}{min(measured):10.1f}{middle:11.1f}{min(measured) / ours:10.1f}{ratio:12.1f}")

    reference = values["librosa, one hpss"]
    apart = {
        name: abs(value - reference[name]) / max(abs(reference[name]), 1e-3)
        for name, value in values["sideman"].items()
    }
    worst = max(apart, key=lambda name: apart[name])
    print(f"\nlargest relative deviation from librosa: {apart[worst]:.1e} ({worst}); "
          f"tempo {values['sideman']['tempo']:.2f} and {reference['tempo']:.2f}")  # fmt: skip

    parts = stages(y, 3 * options.repeats)
    total = sum(parts.values())
    print(f"\nwhere sideman's time goes{'':18}{'ms':>9}{'share':>9}")
    for name, milliseconds in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {name:40}{milliseconds:10.2f}{milliseconds / total:9.0%}")
    print(f"  {'sum of the parts':40}{total:10.2f}")

    decoded = decoding(y, options.repeats)
    print("\ndecoding 30 s of 22,050 Hz mono: " + ", ".join(f"{name} {t:.1f} ms" for name, t in decoded.items()))
    floor = sum(parts[name] for name in parts if "FFTs" in name or "medians along" in name)
    print(f"floor (FFTs and medians): {floor:.1f} ms; the table takes {total / floor:.2f} times that; "
          f"with wav decoding {(total + decoded['wav']) / (floor + decoded['wav']):.2f} times")  # fmt: skip


if __name__ == "__main__":
    main()
