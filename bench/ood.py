"""Sounds that are no music: how many of 200 get the answer "unsure".

    python bench/ood.py [--json] [--keep DIR]

60 files of speech by espeak-ng (voices and languages vary), 40 of noise, 40 of tones, 60 field-like. All are written as
16-bit WAV and go through ``sideman.classify`` as any file would. None of these makers is used in training: the
training negatives are other code (sideman.training.negatives), and hold no espeak-ng.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf
from scipy import signal

import sideman

RATE_HZ = 44_100
SENTENCES = {
    "en": "The ferry leaves the northern pier at seven, unless the wind is strong; bring a coat and your ticket.",
    "en-us": "Please mix the flour with two eggs, then let the dough rest while the oven warms up for ten minutes.",
    "en-gb-scotland": "Our meeting was moved to Thursday, so we should send the minutes to everyone before noon.",
    "de": "Der Zug nach Hamburg fährt heute von einem anderen Gleis, bitte achten Sie auf die Durchsagen am Bahnhof.",
    "fr": "Demain matin, nous irons au marché pour acheter du pain, des pommes et un peu de fromage de chèvre.",
    "es": "La biblioteca cierra a las ocho de la tarde y los libros se pueden devolver en la entrada principal.",
    "it": "Il medico consiglia di camminare mezz'ora al giorno e di bere molta acqua durante l'estate.",
    "pt": "O autocarro chega às nove horas, mas hoje pode haver atraso por causa das obras na estrada.",
    "pl": "Jutro rano spotkamy się przed dworcem i razem pojedziemy nad jezioro, jeśli nie będzie padać.",
    "sv": "Butiken öppnar klockan tio och har extra priser på vinterkläder under hela veckan.",
}
VARIANTS = ("", "+f2", "+m3", "+f4", "+m7", "+croak")


def speech(folder: Path) -> list[Path]:
    """60 files: ten languages, six voices, speeds and pitches in turn."""
    if shutil.which("espeak-ng") is None:
        sys.exit("bench/ood.py needs espeak-ng: apt-get install espeak-ng")
    paths = []
    for i, (language, text) in enumerate(SENTENCES.items()):
        for j, variant in enumerate(VARIANTS):
            path = folder / f"speech-{language}{variant.replace('+', '-')}.wav"
            speed, pitch = 120 + 15 * j, 25 + 8 * ((i + j) % 6)
            command = ["espeak-ng", "-v", language + variant, "-s", str(speed), "-p", str(pitch), "-w", str(path), text]
            subprocess.run(command, check=True, capture_output=True)
            paths.append(path)
    return paths


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """White, pink, brown, blue or band noise, some of it gated or swelling."""
    y = rng.standard_normal(n)
    kind = rng.integers(5)
    if kind == 1:
        y = signal.lfilter([0.049922, -0.095993, 0.050612, -0.004408], [1, -2.494956, 2.017265, -0.522189], y)
    elif kind == 2:
        y = signal.lfilter([1], [1, -0.998], y)
    elif kind == 3:
        y = np.diff(y, prepend=0)
    elif kind == 4:
        low = rng.uniform(100, 4000)
        y = signal.sosfilt(signal.butter(4, [low, low * rng.uniform(1.3, 4)], "bandpass", fs=RATE_HZ, output="sos"), y)
    if rng.random() < 0.4:
        y = y * (
            0.5 + 0.5 * signal.square(2 * np.pi * rng.uniform(0.2, 3) * np.arange(n) / RATE_HZ, rng.uniform(0.3, 0.9))
        )
    return y


def tone(rng: np.random.Generator, n: int) -> np.ndarray:
    """Sine, square, triangle, chirp, DTMF digits, dial tone, siren or test sweep."""
    t = np.arange(n) / RATE_HZ
    hz = np.exp(rng.uniform(np.log(80), np.log(5000)))
    kind = rng.integers(7)
    if kind == 0:
        return np.sin(2 * np.pi * hz * t)
    if kind == 1:
        return signal.square(2 * np.pi * hz * t)
    if kind == 2:
        return signal.sawtooth(2 * np.pi * hz * t, 0.5)
    if kind == 3:
        return signal.chirp(t, hz, t[-1], hz * rng.uniform(0.2, 5), "logarithmic")
    if kind == 4:
        low, high = (697, 770, 852, 941), (1209, 1336, 1477)
        y = np.zeros(n)
        for start in np.arange(0, n - 1, int(0.2 * RATE_HZ)):
            part = t[start : start + int(0.12 * RATE_HZ)]
            y[start : start + len(part)] = np.sin(2 * np.pi * rng.choice(low) * part) + np.sin(
                2 * np.pi * rng.choice(high) * part
            )
        return y
    if kind == 5:
        return np.sin(2 * np.pi * 350 * t) + np.sin(2 * np.pi * 440 * t)
    return np.sin(
        2 * np.pi * np.cumsum(700 + 300 * signal.sawtooth(2 * np.pi * rng.uniform(0.2, 2) * t, 0.5)) / RATE_HZ
    )


def field(rng: np.random.Generator, n: int) -> np.ndarray:
    """Rain, wind, thunder, crickets, footsteps, heartbeat, motor, clock, running water or a crowd's murmur."""
    t = np.arange(n) / RATE_HZ
    white = rng.standard_normal(n)
    kind = rng.integers(9)
    if kind == 0:
        drops = (rng.random(n) < 800 / RATE_HZ) * rng.exponential(1, n)
        return signal.lfilter(*signal.iirpeak(rng.uniform(2000, 6000), 2, RATE_HZ), drops) + 0.05 * white
    if kind == 1:
        gust = np.abs(signal.sosfiltfilt(signal.butter(2, 0.5, fs=RATE_HZ, output="sos"), white)) * 60
        return signal.sosfilt(signal.butter(2, rng.uniform(200, 700), fs=RATE_HZ, output="sos"), white) * gust
    if kind == 2:
        rumble = signal.sosfilt(signal.butter(2, 120, fs=RATE_HZ, output="sos"), white)
        return rumble * np.exp(-np.abs((t % 4) - 0.3)) + 0.002 * white
    if kind == 3:
        pulses = (np.sin(2 * np.pi * rng.uniform(15, 40) * t) > 0.3) * (np.sin(2 * np.pi * rng.uniform(0.5, 2) * t) > 0)
        return np.sin(2 * np.pi * rng.uniform(3000, 6000) * t) * pulses + 0.02 * white
    if kind == 4:
        y = 0.003 * white
        for start in np.arange(rng.uniform(0, 0.5), t[-1] - 0.2, rng.uniform(0.45, 0.8)) + rng.normal(0, 0.03):
            i = int(max(start, 0) * RATE_HZ)
            m = int(0.12 * RATE_HZ)
            y[i : i + m] += (white[:m] * np.exp(-np.arange(m) / 900))[: len(y[i : i + m])]
        return signal.sosfilt(signal.butter(2, 1500, fs=RATE_HZ, output="sos"), y)
    if kind == 5:
        beat = np.exp(-(((t % 0.9) - 0.1) ** 2) / 0.001) + 0.6 * np.exp(-(((t % 0.9) - 0.4) ** 2) / 0.001)
        return np.sin(2 * np.pi * 50 * t) * beat + 0.001 * white
    if kind == 6:
        hz = rng.uniform(20, 90) * (1 + 0.05 * np.sin(2 * np.pi * 0.3 * t))
        return signal.sawtooth(2 * np.pi * np.cumsum(hz) / RATE_HZ) * (1 + 0.3 * white) + 0.2 * white
    if kind == 7:
        ticks = np.zeros(n)
        ticks[:: RATE_HZ // 2] = 1
        return signal.lfilter(*signal.iirpeak(rng.uniform(1500, 4500), 8, RATE_HZ), ticks) * 50 + 0.002 * white
    bubbles = np.zeros(n)
    for _ in range(150):
        i, m = int(rng.integers(0, n - 4000)), int(rng.integers(800, 4000))
        k = np.arange(m) / RATE_HZ
        bubbles[i : i + m] += np.sin(2 * np.pi * (rng.uniform(300, 1500) * k + 4000 * k**2)) * np.hanning(m)
    return bubbles + 0.1 * signal.lfilter([1], [1, -0.98], white)


def make(folder: Path) -> dict[str, list[Path]]:
    """Write all 200 files."""
    rng = np.random.default_rng(2026)
    kinds: dict[str, tuple[int, Callable[[np.random.Generator, int], np.ndarray]]]
    kinds = {"noise": (40, noise), "tones": (40, tone), "field": (60, field)}
    files = {"speech": speech(folder)}
    for name, (count, maker) in kinds.items():
        files[name] = []
        for i in range(count):
            y = maker(rng, int(RATE_HZ * rng.uniform(3, 10)))
            path = folder / f"{name}-{i:02d}.wav"
            sf.write(path, y / np.abs(y).max() * rng.uniform(0.1, 0.9), RATE_HZ, subtype="PCM_16")
            files[name].append(path)
    return files


def main() -> None:
    """Print the share of "unsure" per kind and over all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder to keep the sounds in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        shares, sure, total, unsure = {}, Counter(), 0, 0
        for kind, paths in make(folder).items():
            answers = [sideman.classify(path, tempo=False, key=False) for path in paths]
            shares[kind] = sum(a.unsure for a in answers) / len(answers)
            unsure += sum(a.unsure for a in answers)
            total += len(answers)
            sure.update(a.genre for a in answers if not a.unsure)
    result = {"files": total, "unsure": unsure / total, "per_kind": shares, "named_anyway": dict(sure)}
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{total} sounds that are no music: {unsure / total:.1%} unsure (target 95 %)")
        for kind, share in shares.items():
            print(f"  {kind:8s} {share:.1%}")
        print(f"  named anyway: {dict(sure)}")


if __name__ == "__main__":
    main()
