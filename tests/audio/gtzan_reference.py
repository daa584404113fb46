"""The table's columns as its authors computed them, with librosa; and how far values may lie from them."""

import csv
from pathlib import Path

import librosa
import numpy as np

from sideman.audio.descriptors import DESCRIPTOR_COLUMNS

# fmt: off
# Standard deviation of each column over the 1000 rows of the published features_30_sec.csv.
CORPUS_STD = dict(
    zip(
        DESCRIPTOR_COLUMNS,
        (
            1783.0, 0.08166, 0.007731, 0.06565, 0.003633, 715.6, 400700.0, 526.1, 96410.0, 1574.0,
            1424000.0, 0.0418, 0.003022, 0.001683, 0.01165, 0.001081, 0.006497, 28.25, 100.2,
            2769.0, 31.32, 438.9, 21.68, 287.0, 16.66, 116.2, 12.22, 100.7, 11.83, 68.44, 9.935,
            58.37, 10.46, 41.03, 8.28, 39.47, 7.933, 36.72, 6.814, 38.12, 6.712, 32.61, 6.167,
            33.14, 5.006, 34.43, 4.871, 33.89, 4.577, 33.77, 4.547, 33.46, 3.867, 34.38, 3.754,
            37.16, 3.835, 45.21,
        ),
        strict=True,
    )
)
# fmt: on


def librosa_table(y: np.ndarray, sample_rate_hz: int = 22050) -> dict[str, float]:
    """The 58 columns, harmonic and percussive part from one separation (apart they come out the same)."""
    harmonic, percussive = librosa.effects.hpss(y)
    sr = sample_rate_hz
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
    values = {"length": float(len(y))}
    values["tempo"] = float(np.atleast_1d(librosa.beat.beat_track(y=y, sr=sr)[0])[0])
    for name, feature in features.items():
        values[f"{name}_mean"] = float(np.mean(feature, dtype=np.float64))
        values[f"{name}_var"] = float(np.var(feature, dtype=np.float64))
    return {name: values[name] for name in DESCRIPTOR_COLUMNS}


def deviations(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, float]:
    """|a - b| / (|b| + the column's standard deviation over the corpus), column by column."""
    return {
        name: abs(ours[name] - theirs[name]) / (abs(theirs[name]) + CORPUS_STD[name]) for name in DESCRIPTOR_COLUMNS
    }


def published_rows(root: Path) -> dict[str, dict[str, str]]:
    """Rows of ``features_30_sec.csv`` by track, ``country.00000``."""
    with (root / "features_30_sec.csv").open(newline="") as file:
        return {row["filename"].rsplit(".", 1)[0]: row for row in csv.DictReader(file)}
