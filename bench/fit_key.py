"""Compare key profiles and calibrate the confidence: `python bench/fit_key.py --material DIR`.

DIR comes from `bench/render_tempo_key.py`; only pitched parts played in exact tuning (`bench/wavetable.py`) tell
anything. Prints the weighted score (MIREX: 1 same, 0.5 fifth, 0.3 relative, 0.2 parallel) and the share exactly right
of every published profile alone and of the mean that ships, each source of clips counting the same, then the
logistic regression for `key_profiles.CONFIDENCE`, with its calibration on each source left out in turn.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile

from sideman.audio import key_profiles, pitch_class
from sideman.audio.framing import FrameStream

OTHERS = {
    # C. Krumhansl and E. Kessler, Psychological Review 89, 1982
    "krumhansl-kessler-1982": ((6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
                               (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)),
    # D. Temperley, Music Perception 17(1), 1999
    "temperley-1999": ((5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
                       (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0)),
    # A. Faraldo et al., ECIR 2016 ("edma")
    "faraldo-2016": ((0.1652, 0.0475, 0.0829, 0.0669, 0.0999, 0.0927, 0.0529, 0.1316, 0.0522, 0.0744, 0.0694, 0.0643),
                     (0.1724, 0.0534, 0.0761, 0.1004, 0.0562, 0.0853, 0.0498, 0.1345, 0.0746, 0.0500, 0.0919, 0.0555)),
}  # fmt: skip


def points(best: int, true: int) -> float:
    (tonic, mode), (true_tonic, true_mode) = divmod(best, 2), divmod(true, 2)
    gap = (tonic - true_tonic) % 12
    if mode == true_mode:
        return {0: 1.0, 7: 0.5}.get(gap, 0.0)
    return 0.2 if gap == 0 else 0.3 if gap == (3 if mode == 0 else 9) else 0.0


def logistic(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """Newton's method on the weighted, slightly ridged log-loss; constant first."""
    x = np.column_stack([np.ones(len(x)), x])
    b = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-x @ b))
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x / len(y) + ridge * np.eye(len(b))
        b += np.linalg.solve(curve, x.T @ (weight * (y - p)) / len(y) - ridge * b)
    return b


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--material", type=Path, required=True)
    folder = parser.parse_args().material
    rows = [row for row in map(json.loads, (folder / "truth.jsonl").open()) if row["tonic"] is not None]
    heard = []
    for row in rows:
        y, _ = soundfile.read(folder / "audio" / row["file"], dtype="float32")
        spectra = FrameStream(pitch_class.N_FFT, pitch_class.HOP_LENGTH).push(y, last=True)
        heard.append(pitch_class.profile(pitch_class.magnitude_frames(spectra))[0])
    true = [2 * row["tonic"] + (row["mode"] == "minor") for row in rows]
    source = np.array([row["source"] for row in rows])
    names = np.unique(source)

    def report(title: str, scores: np.ndarray) -> np.ndarray:
        gained = np.array([points(int(b), t) for b, t in zip(scores.argmax(axis=1), true, strict=True)])
        by_source = [gained[source == name].mean() for name in names]
        exact = np.mean([(gained[source == name] == 1.0).mean() for name in names])
        each = "  ".join(f"{name} {100 * value:.0f}" for name, value in zip(names, by_source, strict=True))
        print(f"{title:24s} weighted {100 * np.mean(by_source):.1f}  exact {100 * exact:.1f}   {each}")
        return (gained == 1.0).astype(float)

    shipped = key_profiles.PROFILES.copy()
    for name, profile in {**shipped, **OTHERS}.items():
        key_profiles.PROFILES.clear()
        key_profiles.PROFILES[name] = profile
        report(name, np.array([key_profiles.key_correlations(h) for h in heard]))
    key_profiles.PROFILES.clear()
    key_profiles.PROFILES.update(shipped)
    scores = np.array([key_profiles.key_correlations(h) for h in heard])
    right = report("mean that ships", scores)

    ordered = np.sort(scores, axis=1)
    x = np.column_stack([ordered[:, -1] - ordered[:, -2], ordered[:, -1]])
    weight = np.array([1.0 / (source == name).sum() for name in source])
    weight /= weight.mean()
    chance = np.zeros(len(rows))
    for name in names:
        out = source == name
        b = logistic(x[~out], right[~out], weight[~out])
        chance[out] = 1.0 / (1.0 + np.exp(-(b[0] + x[out] @ b[1:])))
    groups = np.array_split(np.argsort(chance), 5)
    pairs = "  ".join(f"{chance[g].mean():.2f}:{right[g].mean():.2f}" for g in groups)
    print(f"left out, confidence against share right: {pairs}   Brier {np.mean((chance - right) ** 2):.3f}")
    print("CONFIDENCE =", tuple(round(float(v), 2) for v in logistic(x, right, weight)))


if __name__ == "__main__":
    main()
