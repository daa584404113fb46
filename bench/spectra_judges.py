"""The judges of `bench/spectra.py`: embeddings, two that name genres, search for copies, diversity."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import fft
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sideman.audio.mel_picture import FORM, log_mel_picture
from sideman.compose.spectra.distances import Sample, kernel_distance
from sideman.core.progress import progress
from sideman.genre.frontend import windows_of
from sideman.genre.predict import DEFAULT_MODEL, Calibration
from sideman.genre.recipe.teachers import FEATURES, MN_EMBEDDING, MUSICNN_HIDDEN, Teachers
from sideman.genre.statistics import wilson
from sideman.inference.sessions import open_session
from spectra_sets import Excerpts

EMBEDDINGS = {"mn04": MN_EMBEDDING, "musicnn": MUSICNN_HIDDEN}
_WAVE_STEP = 4  # samples: waveforms are compared at 5.5 kHz, mel pictures frame by frame
_PART_S = 1.0
_BATCH = 32


@dataclass
class Ear:
    """The teachers, which no generator or vocoder has seen, with what they said kept by the sounds' bytes."""

    teachers: Teachers
    work: Path

    def hear(self, excerpts: Excerpts) -> np.ndarray:
        """Both embeddings, (k, 584): mn04's 384 numbers and musicnn's 200 of the last hidden layer."""
        digest = hashlib.sha256(np.ascontiguousarray(excerpts.sounds)).hexdigest()[:24]
        path = self.work / f"heard-{digest}.npy"
        if not path.exists():
            rows = []
            with progress("embedding", len(excerpts)) as advance:
                for first in range(0, len(excerpts), _BATCH):
                    some = excerpts.sounds[first : first + _BATCH]
                    rows.append(self.teachers.targets(some)[:, FEATURES])
                    advance(len(some))
            np.save(path, np.concatenate(rows))
        return np.load(path)


def default_answers(excerpts: Excerpts) -> np.ndarray:
    """The genre that `sideman classify` names, (k,); its network has heard all GTZAN clips with their labels."""
    session = open_session(DEFAULT_MODEL)
    calibration = Calibration.of(session)
    answers = []
    for sound in excerpts.sounds:
        windows, silent = windows_of(sound)
        if silent.all():
            answers.append("silence")
            continue
        scores = session.run(np.ascontiguousarray(windows[~silent]))["scores"]
        answers.append(calibration.genres[int(calibration.probabilities(scores).argmax())])
    return np.array(answers)


def independent_judge(training: Excerpts, points: np.ndarray) -> Pipeline:
    """Logistic regression on both embeddings of the training clips, genres and clips weighing alike."""
    _, bag, size = np.unique(training.bags, return_inverse=True, return_counts=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=3e-3, class_weight="balanced", max_iter=400))
    weight = 1 / size[bag]
    return model.fit(points, training.genres, logisticregression__sample_weight=weight / weight.mean())


def accuracy(answers: np.ndarray, excerpts: Excerpts) -> dict:
    """Share of answers that are the genre asked for, recordings weighing alike: in all, per genre, and their mean."""
    _, bag, size = np.unique(excerpts.bags, return_inverse=True, return_counts=True)
    right = np.bincount(bag, answers == excerpts.genres) / size
    genre_of = np.empty(len(size), excerpts.genres.dtype)
    genre_of[bag] = excerpts.genres
    per_genre = {str(g): float(right[genre_of == g].mean()) for g in np.unique(genre_of)}
    return {
        "all": float(right.mean()),
        "interval_95": list(wilson(float(right.sum()), len(right))),
        "balanced": float(np.mean(list(per_genre.values()))),
        "per_genre": per_genre,
    }


class TrainingMusic:
    """What a generator could have copied from: embeddings, waveforms and mel pictures of all training clips."""

    def __init__(self, points: np.ndarray, clips: list[np.ndarray]) -> None:
        """``points`` of excerpts (k, d), and whole clips as samples."""
        self._points = points / np.linalg.norm(points, axis=1, keepdims=True)
        self._wave = np.concatenate([_slowed(y) for y in clips])[None]
        pictures = np.concatenate([log_mel_picture(y) for y in clips], axis=1)
        self._usual = pictures.mean(axis=1, keepdims=True)
        self._pictures = pictures - self._usual

    def nearest(self, excerpts: Excerpts, points: np.ndarray) -> dict[str, np.ndarray]:
        """For each excerpt the likeness of what is most alike, each (k,).

        ``embedding``: cosine of mn04's. ``waveform``, ``mel``: largest normalised correlation of its middle second at
        any time of any clip; of waveforms below 2.7 kHz, and of log-mel pictures less the usual spectrum. A copy
        through a vocoder has other phases: it is the picture that betrays it.
        """
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        half = int(_PART_S * FORM.sample_rate_hz / 2)
        middle = excerpts.sounds.shape[1] // 2
        waves = np.stack([_slowed(y[middle - half : middle + half]) for y in excerpts.sounds])[:, None]
        frames = int(_PART_S * FORM.frames_per_s)
        pictures = np.stack([log_mel_picture(y) for y in excerpts.sounds]) - self._usual
        begin = (pictures.shape[2] - frames) // 2
        return {
            "embedding": (unit @ self._points.T).max(axis=1),
            "waveform": max_correlation(waves, self._wave, log2_block=16),
            "mel": max_correlation(pictures[:, :, begin : begin + frames], self._pictures, log2_block=11),
        }


def _slowed(samples: np.ndarray) -> np.ndarray:
    import soxr

    return soxr.resample(samples, FORM.sample_rate_hz, FORM.sample_rate_hz / _WAVE_STEP, quality="MQ")


def max_correlation(parts: np.ndarray, music: np.ndarray, *, log2_block: int) -> np.ndarray:
    """Largest |Pearson correlation| of each part (k, bands, n) with any stretch of ``music`` (bands, m); (k,)."""
    size, n = 1 << log2_block, parts.shape[2]
    parts = parts - parts.mean(axis=(1, 2), keepdims=True)
    parts /= np.maximum(np.sqrt((parts**2).sum(axis=(1, 2), keepdims=True)), 1e-12)
    spectra = np.conj(fft.rfft(parts.astype(np.float32), size, axis=2))
    sums, squares = (np.concatenate([[0.0], np.cumsum(s.sum(axis=0, dtype=np.float64))]) for s in (music, music**2))
    count = len(music) * n
    energy = squares[n:] - squares[:-n] - (sums[n:] - sums[:-n]) ** 2 / count
    scale = 1 / np.sqrt(np.maximum(energy, 1e-4 * energy.mean()))  # silence is like nothing
    best = np.zeros(len(parts))
    for first in range(0, music.shape[1] - n + 1, size - n + 1):
        block = fft.rfft(music[:, first : first + size].astype(np.float32), size, axis=1)
        crossed = fft.irfft(np.einsum("kbf,bf->kf", spectra, block), size, axis=1)
        usable = scale[first : first + size - n + 1]
        best = np.maximum(best, np.abs(crossed[:, : len(usable)] * usable).max(axis=1))
    return best


def diversity(points: np.ndarray, genres: np.ndarray) -> dict[str, float]:
    """Mean Euclidean distance between any two, between any two of a genre, and to the nearest other."""
    squares = (points**2).sum(1)[:, None] + (points**2).sum(1) - 2 * points @ points.T
    distances = np.sqrt(np.maximum(squares, 0))
    other = ~np.eye(len(points), dtype=bool)
    same = other & (genres[:, None] == genres)
    return {
        "pairs": float(distances[other].mean()),
        "pairs_within_genre": float(distances[same].mean()),
        "nearest": float(np.where(other, distances, np.inf).min(axis=1).mean()),
    }


def split_halves(reference: Sample, kernels: dict, times: int = 20) -> dict:
    """Distances between random halves of the reference, without genres of fewer than four clips: mean and quantiles."""
    sizes = Counter(reference.strata.tolist())
    values: dict[str, list[float]] = {name: [] for name in kernels}
    rng = np.random.default_rng(0)
    for _ in range(times):
        halves: tuple[list[int], list[int]] = ([], [])
        for stratum in (s for s, count in sizes.items() if count >= 4):
            members = rng.permutation(np.flatnonzero(reference.strata == stratum))
            for side, half in enumerate(np.array_split(members, 2)):
                halves[side].extend(half)
        if not halves[0]:
            return {}
        for name, kernel in kernels.items():
            values[name].append(1000 * kernel_distance(*(reference.take(half) for half in halves), kernel))
    return {name: [float(np.mean(v)), *interval(np.array(v))] for name, v in values.items()}


def interval(values: np.ndarray) -> list[float]:
    """95 % of the values lie within."""
    return [float(q) for q in np.quantile(values, [0.025, 0.975])]
