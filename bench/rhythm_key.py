"""Tempo and key against librosa and Essentia on annotated clips: `bench/rhythm_key.py --data DIR [--json FILE]`.

DIR holds `tracks.csv` (tempo_bpm, key), `manifest.csv` (file, duration_s) and `audio/`, as the GTZAN excerpt does.
Clips of 15 s (14.9 with rounding) or more count. Everything is computed in this one run: tempo accuracy 1 (within 4 %
of the annotation) and 2 (or of its double, triple, half or third: F. Gouyon et al., IEEE TASLP 14(5), 2006), the
weighted key score of mir_eval, paired bootstrap intervals of the differences (10,000 draws over clips), calibration of
the confidences and time per clip.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path

import mir_eval
import numpy as np
import soundfile

from sideman.audio.rhythm import estimate_tempo
from sideman.audio.tonality import NAMES, estimate_key

RATE = 22050
LEAST_S = 14.9
DRAWS = 10_000


def clips(data: Path) -> list[dict]:
    facts = {row["track"]: row for row in csv.DictReader((data / "tracks.csv").open())}
    kept = []
    for row in csv.DictReader((data / "manifest.csv").open()):
        if float(row["duration_s"]) < LEAST_S:
            continue
        fact = facts[row["track"]]
        key = int(fact["key"] or -1)
        # The annotation counts from A: 0-11 major, 12-23 minor.
        name = None if key < 0 else f"{NAMES[(key % 12 + 9) % 12]} {'major' if key < 12 else 'minor'}"
        kept.append({"track": row["track"], "file": data / row["file"], "genre": row["genre"], "key": name,
                     "tempo_bpm": float(fact["tempo_bpm"]) if fact["tempo_bpm"] else None})  # fmt: skip
    return kept


def tempo_methods() -> dict[str, Callable[[np.ndarray, np.ndarray], float | None]]:
    """Each takes the clip at 22.05 kHz and at 44.1 kHz (Essentia's own rate), both float32."""
    import essentia
    import essentia.standard as es
    import librosa

    essentia.log.infoActive = essentia.log.warningActive = False
    return {
        "librosa beat_track": lambda y, _: float(np.atleast_1d(librosa.beat.beat_track(y=y, sr=RATE)[0])[0]),
        "librosa tempo": lambda y, _: float(librosa.feature.tempo(y=y, sr=RATE)[0]),
        "essentia RhythmExtractor2013": lambda _, z: float(es.RhythmExtractor2013(method="multifeature")(z)[0]),
        "essentia RhythmExtractor2013 degara": lambda _, z: float(es.RhythmExtractor2013(method="degara")(z)[0]),
        "essentia PercivalBpmEstimator": lambda _, z: float(es.PercivalBpmEstimator()(z)),
    }


FLATS = {"Ab": "G#", "Bb": "A#", "Db": "C#", "Eb": "D#", "Gb": "F#"}


def key_methods() -> dict[str, Callable[[np.ndarray, np.ndarray], str | None]]:
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = essentia.log.warningActive = False

    def with_profile(profile: str) -> Callable[[np.ndarray, np.ndarray], str | None]:
        def heard(_: np.ndarray, z: np.ndarray) -> str:
            tonic, mode, _strength = es.KeyExtractor(profileType=profile)(z)
            return f"{FLATS.get(tonic, tonic)} {mode}"

        return heard

    return {f"essentia KeyExtractor {p}": with_profile(p) for p in ("bgate", "edma", "braw", "krumhansl", "temperley")}


def tempo_hits(heard: float | None, truth: float) -> tuple[float, float]:
    if not heard:
        return 0.0, 0.0
    near = [abs(heard / (truth * m) - 1.0) <= 0.04 for m in (1.0, 2.0, 3.0, 1 / 2, 1 / 3)]
    return float(near[0]), float(any(near))


def interval(ours: np.ndarray, theirs: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Mean paired difference and its 95 % bootstrap interval over clips."""
    gap = ours - theirs
    draws = np.random.default_rng(seed).integers(0, len(gap), (DRAWS, len(gap)))
    low, high = np.quantile(gap[draws].mean(axis=1), [0.025, 0.975])
    return float(gap.mean()), float(low), float(high)


def timed(function: Callable[[], object]) -> tuple[object, float]:
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def listen(
    kept: list[dict], peers: bool, tasks: list[str]
) -> tuple[dict[str, list], dict[str, list], dict[str, list[float]]]:
    import soxr

    tempos, keys, seconds = {}, {}, {}
    tempo_by = tempo_methods() if peers and "tempo" in tasks else {}
    key_by = key_methods() if peers and "key" in tasks else {}
    for clip in kept:
        y, rate = soundfile.read(clip["file"], dtype="float32")
        y = y.mean(axis=1) if y.ndim > 1 else y
        y = soxr.resample(y, rate, RATE, quality="HQ") if rate != RATE else y
        z = soxr.resample(y, RATE, 44100, quality="HQ")
        if "tempo" in tasks:
            found, spent = timed(lambda y=y: estimate_tempo(y, RATE))
            tempos.setdefault("sideman", []).append((found.tempo_bpm, found.confidence))
            seconds.setdefault("sideman tempo and beats", []).append(spent)
        if "key" in tasks:
            found, spent = timed(lambda y=y: estimate_key(y, RATE))
            keys.setdefault("sideman", []).append((found.key, found.confidence))
            seconds.setdefault("sideman key", []).append(spent)
        for name, method in tempo_by.items():
            found, spent = timed(lambda y=y, z=z, method=method: method(y, z))
            tempos.setdefault(name, []).append((found, 0.0))
            seconds.setdefault(name, []).append(spent)
        if clip["key"]:
            for name, method in key_by.items():
                found, spent = timed(lambda y=y, z=z, method=method: method(y, z))
                keys.setdefault(name, []).append((found, 0.0))
                seconds.setdefault(name, []).append(spent)
        else:
            for name in key_by:
                keys.setdefault(name, []).append((None, 0.0))
    return tempos, keys, seconds


def calibration(confidence: np.ndarray, right: np.ndarray, bins: int = 5) -> dict[str, object]:
    """Expected calibration error over equally filled bins, Brier score, and each bin's confidence and share right."""
    order = np.array_split(np.argsort(confidence), bins)
    table = [(float(confidence[i].mean()), float(right[i].mean()), len(i)) for i in order if len(i)]
    error = sum(n * abs(c - r) for c, r, n in table) / len(right)
    return {"ece": error, "brier": float(np.mean((confidence - right) ** 2)), "bins": table}


def table(title: str, scores: dict[str, np.ndarray], out: dict, digits: int = 1) -> None:
    """Print each method's mean (of 100) and the paired difference of sideman to it."""
    print(f"\n{title} ({len(scores['sideman'])} clips)")
    for name, values in scores.items():
        gap = "" if name == "sideman" else "  sideman {:+.1f} [{:+.1f}, {:+.1f}]".format(
            *(100 * v for v in interval(scores["sideman"], values)))  # fmt: skip
        print(f"  {name:38s} {100 * values.mean():6.{digits}f}{gap}")
        out.setdefault(title, {})[name] = {"mean": float(values.mean())}
        if gap:
            out[title][name]["sideman_minus"] = interval(scores["sideman"], values)


def judge_tempo(kept: list[dict], tempos: dict[str, list], out: dict) -> None:
    classical = np.array([clip["genre"] == "classical" for clip in kept])
    timed_clips = np.array([clip["tempo_bpm"] is not None for clip in kept])
    hits = {
        name: np.array(
            [tempo_hits(bpm, clip["tempo_bpm"] or np.inf) for (bpm, _), clip in zip(heard, kept, strict=True)]
        )
        for name, heard in tempos.items()
    }
    for part, mask in (
        ("all", timed_clips),
        ("classical", timed_clips & classical),
        ("not classical", timed_clips & ~classical),
    ):
        for column in (0, 1):
            table(f"tempo accuracy {column + 1}, {part}", {name: h[mask, column] for name, h in hits.items()}, out)
    sure = np.array([c for _, c in tempos["sideman"]])[timed_clips]
    show_calibration("tempo", sure, hits["sideman"][timed_clips, 0], out)


def judge_key(kept: list[dict], keys: dict[str, list], out: dict) -> None:
    keyed = np.array([clip["key"] is not None for clip in kept])
    points = {
        name: np.array([
            mir_eval.key.weighted_score(clip["key"], key) if key else 0.0
            for (key, _), clip in zip(heard, kept, strict=True) if clip["key"]
        ])
        for name, heard in keys.items()
    }  # fmt: skip
    table("weighted key score", points, out)
    table("key exactly right", {name: (p == 1.0).astype(float) for name, p in points.items()}, out)
    sure = np.array([c for _, c in keys["sideman"]])[keyed]
    show_calibration("key", sure, (points["sideman"] == 1.0).astype(float), out)


def show_calibration(task: str, sure: np.ndarray, right: np.ndarray, out: dict) -> None:
    c = calibration(sure, right)
    out.setdefault("calibration", {})[task] = c
    pairs = "  ".join(f"{mean:.2f}:{share:.2f}" for mean, share, _ in c["bins"])
    print(f"\n{task} confidence against share right, five equal groups")
    print(f"  {pairs}   error {c['ece']:.3f}  Brier {c['brier']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--tasks", nargs="+", choices=("tempo", "key"), default=["tempo", "key"])
    parser.add_argument("--alone", action="store_true", help="without librosa and Essentia")
    args = parser.parse_args()
    kept = clips(args.data)
    tempos, keys, seconds = listen(kept, not args.alone, args.tasks)
    out: dict = {}
    if "tempo" in args.tasks:
        judge_tempo(kept, tempos, out)
    if "key" in args.tasks:
        judge_key(kept, keys, out)
    print("\nCPU time per clip, median, ms")
    for name, values in seconds.items():
        print(f"  {name:38s} {1000 * np.median(values):8.1f}")
        out.setdefault("ms_per_clip", {})[name] = 1000 * float(np.median(values))
    if args.json:
        args.json.write_text(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
