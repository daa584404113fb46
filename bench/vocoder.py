"""The ways from a log-mel picture back to sound, side by side on music that the vocoder never learnt from.

    python bench/vocoder.py --data GTZAN --teachers DIR [--midi DIR --soundfont FILE] [--clips N] [--json FILE]

Real music: the clips of fold 1 of bench/folds/gtzan-artists-5.csv, of which training takes nothing, at most 10 s of
each. Rendered music: MIDI files drawn from --midi, played with a SoundFont that training did not use; 10 s of each.

Every sound becomes a picture and sound again. Figures are means over sounds, 95 % intervals from drawing sounds with
replacement; `bench/vocoder_measures.py` defines them. Embeddings: mn04 and MSD-musicnn of the whole excerpt. `true
magnitude` is told the linear magnitudes that a picture has lost: no way from a picture, but a bound for Griffin-Lim.
The network's sound is bent towards the picture twice (`corrections`), which log-mel L1 rewards by its nature: it stands
beside the network without, and Griffin-Lim with.
Speed: 30 s of held-out sound, one thread, methods in turn, median of three; from picture to samples.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy: speed is that of one core

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from sideman.audio.decode import load
from sideman.audio.griffin_lim import griffin_lim
from sideman.audio.mel_inversion import magnitude_of
from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.audio.spectrum import stft
from sideman.compose.vocoder import vocode
from sideman.core.errors import ModelError, ScoreError
from sideman.core.progress import progress
from sideman.datasets import gtzan
from sideman.datasets.splits import read_folds
from sideman.genre.recipe.teachers import MN_EMBEDDING, MUSICNN_HIDDEN, Teachers
from sideman.inference.cards import read_card
from sideman.inference.sessions import Session, open_session
from sideman.symbolic.midi import read_midi
from sideman.symbolic.render import render
from sideman.symbolic.score import START, Track
from vocoder_measures import artefacts, log_mel_l1, mean_interval, ratios, stft_distances

FOLDS = Path(__file__).parent / "folds" / "gtzan-artists-5.csv"
JUDGED_FOLD = 1
SPEED_S = 30
BASELINE = "griffin-lim 100"
COLUMNS = {
    "log_mel_l1": "log-mel L1",
    "log_magnitude": "log-mag",
    "convergence": "converg.",
    "mn04_cosine": "mn04 cos",
    "mn04_l2": "mn04 L2",
    "musicnn_cosine": "mcnn cos",
    "musicnn_l2": "mcnn L2",
    "clicks_per_minute": "clicks/min",
    "pre_echo_db": "pre-echo dB",
    "dc": "DC",
    "clipped": "clipped",
}
RATIOS = ("log_mel_l1", "log_magnitude", "convergence", "mn04_cosine", "mn04_l2", "musicnn_cosine", "musicnn_l2")
Way = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sound:
    """A piece of held-out music, mono at 22,050 Hz."""

    name: str
    samples: np.ndarray


def real_clips(data: Path, seconds: float) -> list[Sound]:
    """The beginning of each clip of the judged fold."""
    by_id = gtzan.load(data).by_id()
    rows = [row for row in read_folds(FOLDS) if row.fold == JUDGED_FOLD]
    return [
        Sound(row.track, load(by_id[row.track].path, sample_rate_hz=FORM.sample_rate_hz, duration_s=seconds)[0])
        for row in rows
    ]


def rendered_music(midi: Path, soundfont: Path, count: int, seconds: float) -> list[Sound]:
    """``seconds`` from the fifth second on of files drawn from a folder; none too short or damaged."""
    files = sorted(p for p in midi.rglob("*") if p.suffix.lower() in {".mid", ".midi"})
    np.random.default_rng(0).shuffle(files)
    made: list[Sound] = []
    for path in files:
        if len(made) == count:
            break
        try:
            score = read_midi(path)
            heard = [t.notes[score.seconds(t.notes[:, START]) < 5 + seconds] for t in score.tracks]
            some = [Track(t.program, notes, t.name) for t, notes in zip(score.tracks, heard, strict=True) if len(notes)]
            sound = render(score.with_tracks(some), soundfont=soundfont, sample_rate_hz=FORM.sample_rate_hz)
        except ScoreError:
            continue
        part = sound.mean(axis=1)[5 * FORM.sample_rate_hz :][: int(seconds * FORM.sample_rate_hz)]
        if len(part) == int(seconds * FORM.sample_rate_hz) and np.sqrt(np.mean(part**2)) > 1e-3:
            made.append(Sound(path.stem, np.ascontiguousarray(part, np.float32)))
    return made


def ways(session: Session | None, *, with_librosa: bool) -> dict[str, Way]:
    """Each method as a function of the picture (96, t) and of the original, of which only its length is told."""

    def told(**how: object) -> Way:
        return lambda mel, sound: vocode(mel, length=len(sound), **how)  # type: ignore[arg-type]

    def from_magnitude(magnitude: np.ndarray, n: int) -> np.ndarray:
        return griffin_lim(magnitude, n_fft=FORM.n_fft, hop_length=FORM.hop_length, iterations=100, length=n)

    found: dict[str, Way] = {}
    if session is not None:
        found["network"] = told(method="network", session=session)
        found["network, 2 corrections"] = told(method="network", session=session, corrections=2)
        found["network, uncorrected"] = told(method="network", session=session, corrections=0)
    found |= {
        "griffin-lim 32": told(method="griffin-lim", iterations=32),
        BASELINE: told(method="griffin-lim", iterations=100),
        "griffin-lim 100, corrected": told(method="griffin-lim", iterations=100, corrections=2),
        "griffin-lim 100, pinv": lambda mel, sound: from_magnitude(magnitude_of(mel, iterations=0), len(sound)),
        "single-pass": told(method="single-pass"),
        "single-pass, 3 corrections": told(method="single-pass", corrections=3),
        "griffin-lim 100, true magnitude": lambda _, sound: from_magnitude(
            np.abs(stft(sound, n_fft=FORM.n_fft, hop_length=FORM.hop_length)), len(sound)
        ),
    }
    if with_librosa:
        found["librosa griffinlim 100"] = librosa_way
    return found


def librosa_way(mel: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """librosa's Griffin-Lim from the same non-negative magnitudes."""
    import librosa

    magnitude = magnitude_of(mel)
    return librosa.griffinlim(
        magnitude, n_iter=100, hop_length=FORM.hop_length, n_fft=FORM.n_fft, pad_mode="constant",
        length=len(sound), random_state=0,
    )  # fmt: skip


_worker: dict = {}


def start_worker(teachers: Path, model: Path | None, with_librosa: bool) -> None:
    """What a process keeps."""
    torch.set_num_threads(1)
    _worker["teachers"] = Teachers.load(teachers)
    _worker["ways"] = ways(open_vocoder(model), with_librosa=with_librosa)


def judge_one(samples: np.ndarray) -> dict[str, dict[str, float]]:
    """Per method all figures of one sound."""
    mel = log_mel_picture(samples)
    made = {name: way(mel, samples) for name, way in _worker["ways"].items()}
    heard = [_worker["teachers"].targets(y[None])[0] for y in (samples, *made.values())]
    return {
        name: {"log_mel_l1": log_mel_l1(samples, other)}
        | stft_distances(samples, other)
        | artefacts(samples, other)
        | embedding_distances(heard[0], point)
        for (name, other), point in zip(made.items(), heard[1:], strict=True)
    }


def judge(sounds: list[Sound], pool: ProcessPoolExecutor) -> dict[str, dict[str, np.ndarray]]:
    """Per method and figure the values of all sounds, (sounds,)."""
    rows = []
    with progress("round trips", len(sounds)) as advance:
        for row in pool.map(judge_one, [s.samples for s in sounds]):
            rows.append(row)
            advance(1)
    return {m: {key: np.array([r[m][key] for r in rows]) for key in some} for m, some in rows[0].items()}


def embedding_distances(point: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Cosine distance and Euclidean distance relative to the original's length, for both teachers."""
    found = {}
    for name, part in (("mn04", MN_EMBEDDING), ("musicnn", MUSICNN_HIDDEN)):
        a, b = point[part].astype(np.float64), other[part].astype(np.float64)
        found[f"{name}_cosine"] = float(1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        found[f"{name}_l2"] = float(np.linalg.norm(a - b) / np.linalg.norm(a))
    return found


def speeds(sounds: list[Sound], methods: dict[str, Way], repeats: int = 3) -> dict[str, dict[str, float]]:
    """Seconds of sound per second of processor time and of wall-clock time."""
    joined = np.concatenate([s.samples for s in sounds])
    sound = np.ascontiguousarray(np.resize(joined, SPEED_S * FORM.sample_rate_hz))
    mel = log_mel_picture(sound)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for turn in range(repeats + 1):
        for name, way in methods.items():
            if turn == 0:  # loads libraries and weights
                way(mel[:, :100], sound[: 99 * FORM.hop_length])
                continue
            wall, cpu = time.perf_counter(), time.process_time()
            way(mel, sound)
            took[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        name: {
            "times_real_time": SPEED_S / statistics.median(cpu for cpu, _ in some),
            "times_real_time_wall": SPEED_S / statistics.median(wall for _, wall in some),
        }
        for name, some in took.items()
    }


def tell(report: dict) -> None:
    """Print the tables."""
    for name, part in report["sets"].items():
        print(f"\n{name}: {part['sounds']} sounds, {part['seconds']:.0f} s")
        print(
            f"{'':33}"
            + "".join(f"{title:>20}" if i == 0 else f"{title:>12}" for i, title in enumerate(COLUMNS.values()))
        )
        for method, figures in part["figures"].items():
            cells = []
            for i, key in enumerate(COLUMNS):
                mean, low, high = figures[key]
                cells.append(f"{f'{mean:.3f} ({low:.3f}-{high:.3f})':>20}" if i == 0 else f"{mean:12.4g}")
            print(f"{method:33}" + "".join(cells))
        print(f"over {BASELINE} (95 %)")
        for method, figures in part["over_griffin_lim_100"].items():
            cells = (f"{mean:.2f} ({low:.2f}-{high:.2f})" for mean, low, high in map(figures.get, RATIOS))
            print(f"{method:33}" + "".join(f"{cell:>20}" for cell in cells))
    print(f"\nspeed on {SPEED_S} s, one thread: times real time by processor time (by the clock)")
    for method, speed in report["speed"].items():
        print(f"{method:33}{speed['times_real_time']:10.1f} ({speed['times_real_time_wall']:.1f})")


def open_vocoder(path: Path | None, *, aloud: bool = False) -> Session | None:
    """The shipped vocoder or that of a card; None where none is shipped yet."""
    try:
        return Session(read_card(path)) if path else open_session("vocoder")
    except ModelError as error:
        if path:
            raise
        if aloud:
            print(f"without the network: {error}")
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--midi", type=Path, help="folder with MIDI files that training did not use")
    parser.add_argument("--soundfont", type=Path, help="SoundFont that training did not use")
    parser.add_argument("--midi-files", type=int, default=20)
    parser.add_argument("--clips", type=int, help="so many clips, spread over the genres; all by default")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--model", type=Path, help="card (.json) of a vocoder; the shipped one by default")
    parser.add_argument("--workers", type=int, default=2, help="processes for the figures; speed is measured on one")
    parser.add_argument("--no-librosa", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.midi and not args.soundfont:
        parser.error("--midi needs --soundfont: one that training did not use")
    begun = time.perf_counter()
    real = real_clips(args.data, args.seconds)
    if args.clips:
        real = [real[i] for i in np.unique(np.linspace(0, len(real) - 1, args.clips).astype(int))]
    sets = {"real clips": real}
    if args.midi:
        sets["rendered MIDI"] = rendered_music(args.midi, args.soundfont, args.midi_files, args.seconds)
    methods = ways(open_vocoder(args.model, aloud=True), with_librosa=not args.no_librosa)
    report: dict = {"sets": {}}
    told = (args.teachers, args.model, not args.no_librosa)
    with ProcessPoolExecutor(args.workers, get_context("spawn"), start_worker, told) as pool:
        for name, sounds in sets.items():
            values = judge(sounds, pool)
            report["sets"][name] = {
                "sounds": len(sounds),
                "seconds": sum(len(s.samples) for s in sounds) / FORM.sample_rate_hz,
                "figures": {m: {key: mean_interval(v) for key, v in some.items()} for m, some in values.items()},
                "over_griffin_lim_100": ratios(values, values[BASELINE], RATIOS),
            }
    report["speed"] = speeds(real, methods)
    report["took_s"] = time.perf_counter() - begun
    tell(report)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
