"""All figures of an evaluation, with intervals over recordings and over groups, and the values per seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sideman.genre import metrics
from sideman.genre import statistics as st

if TYPE_CHECKING:
    from sideman.genre.evaluation import Evaluation

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
_COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_CURVE_POINTS = 100


@dataclass(frozen=True)
class _Tested:
    """The tested recordings of one run; ``raw`` and ``p`` are probabilities before and after calibration."""

    places: Ints
    labels: Ints
    raw: Floats
    p: Floats
    matrix: Ints
    rows_right: Ints
    rows: Ints
    temperatures: Floats


def figures(found: Evaluation, *, draws: int = 2000) -> dict[str, Any]:
    """Return all figures as plain values, fit for JSON; unknown values are None.

    Shares are 0..1 and intervals are 95 %. A figure has its ``mean`` over the seeds, the values ``per_seed``, and an
    ``interval``: Wilson over the recordings of one seed for accuracy and top-2 (seeds are no further recordings), else
    a bootstrap that draws whole groups (what belongs together), as ``group_interval`` is too; where all draws agree,
    because all is right or wrong, Wilson over the groups takes its place. Probabilities are
    calibrated by temperatures that no tested recording has a say in.
    """
    runs = [_tested(found, number) for number in range(len(found.runs))]
    n = len(found.tracks)
    classes = len(found.genres)
    groups = np.array(found.groups)

    def summed(values: Callable[[_Tested], Floats]) -> Floats:
        """What each run sums over its recordings, side by side: (tracks, runs * k)."""
        parts = []
        for run in runs:
            mine = values(run)
            part = np.zeros((n, mine.shape[1]))
            part[run.places] = mine
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def grouped(values: Callable[[_Tested], Floats], statistic: Callable[[Floats], Floats]) -> list[float]:
        sums = summed(values)

        def mean(drawn: Floats) -> Floats:
            each = drawn.reshape(len(drawn), len(runs), -1)
            return np.asarray(np.mean([statistic(each[:, r]) for r in range(len(runs))], axis=0))

        low, high = st.group_interval(sums, groups, mean, draws=draws)
        if high - low < 1e-12:  # all or nothing: every draw says the same, which is no certainty
            n_groups = len(set(groups[np.any([run.tested for run in found.runs], axis=0)]))
            low, high = st.wilson(float(np.clip(low, 0, 1)) * n_groups, n_groups)
        return [low, high]

    accuracy = [float((run.p.argmax(1) == run.labels).mean()) for run in runs]
    top_2 = [st.top_k(run.p, run.labels) for run in runs]
    tested = float(np.mean([len(run.labels) for run in runs]))
    matrix = np.mean([run.matrix for run in runs], axis=0)
    segments = [float(run.rows_right.sum() / run.rows.sum()) for run in runs]
    balanced = [metrics.balanced_accuracy(run.p, run.labels) for run in runs]
    f1 = [st.macro_f1(run.matrix) for run in runs]
    return {
        "protocol": found.protocol,
        "keeps": sorted(found.declared.keeps),
        "leaky": found.declared.leaky,
        "kept_apart": list(found.sentences()),
        "tracks": len(found.tracks),
        "tested": tested,
        "groups": len(set(found.groups)),
        "seeds": [run.seed for run in found.runs],
        "chance": 1 / classes,
        "accuracy": {
            **_over_seeds(accuracy),
            "interval": _wilson(accuracy, tested),
            "group_interval": grouped(_right_and_all, _share),
        },
        "balanced_accuracy": {**_over_seeds(balanced), "interval": grouped(_recalls, mean_recall)},
        "macro_f1": {**_over_seeds(f1), "interval": grouped(_confusions, _mean_f1)},
        "segment_accuracy": {**_over_seeds(segments), "interval": grouped(_segments, _share)},
        "top_2": {**_over_seeds(top_2), "interval": _wilson(top_2, tested)},
        "calibration": _calibration(found, runs),
        "aurc": _over_seeds([st.aurc(run.p, run.labels) for run in runs]),
        "per_class": _per_class(found, matrix),
        "confusion": matrix.round(3).tolist(),
        "reliability": [asdict(part) for part in st.reliability(*_pooled(runs))],
        "risk_coverage": _risk_coverage(*_pooled(runs)),
    }


def _tested(found: Evaluation, number: int) -> _Tested:
    run = found.runs[number]
    places = np.flatnonzero(run.tested)
    labels = found.labels[places]
    scores = run.log_probabilities[places]
    temperatures = run.temperatures(found.labels)
    matrix = st.confusion(scores.argmax(1), labels, len(found.genres))
    raw, p = st.calibrated(scores, 1.0), st.calibrated(scores, temperatures)
    return _Tested(places, labels, raw, p, matrix, run.rows_right[places], run.rows[places], temperatures)


def _pooled(runs: Sequence[_Tested]) -> tuple[Floats, Ints]:
    return np.concatenate([run.p for run in runs]), np.concatenate([run.labels for run in runs])


def _over_seeds(values: Sequence[float]) -> dict[str, Any]:
    return {"mean": float(np.mean(values)), "per_seed": list(values)}


def _wilson(shares: Sequence[float], n: float) -> list[float]:
    return list(st.wilson(float(np.mean(shares)) * n, n))


def _right_and_all(run: _Tested) -> Floats:
    right = run.p.argmax(1) == run.labels
    return np.stack([right, np.ones(len(right))], axis=1).astype(float)


def _segments(run: _Tested) -> Floats:
    return np.stack([run.rows_right, run.rows], axis=1).astype(float)


def _share(drawn: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(drawn[:, 0] / drawn[:, 1])


def _recalls(run: _Tested) -> Floats:
    there = np.eye(run.p.shape[1])[run.labels]
    right = (run.p.argmax(1) == run.labels)[:, None]
    return np.concatenate([there * right, there], axis=1)


def mean_recall(drawn: Floats) -> Floats:
    """Balanced accuracy (draws,) of items right and items there per class, side by side: (draws, 2 * classes)."""
    right, there = np.split(drawn, 2, axis=1)
    return _mean_over(right, there, there > 0)


def _confusions(run: _Tested) -> Floats:
    classes = np.eye(run.p.shape[1])
    there, named = classes[run.labels], classes[run.p.argmax(1)]
    return np.concatenate([there * named, there, named], axis=1)


def _mean_f1(drawn: Floats) -> Floats:
    right, there, named = np.split(drawn, 3, axis=1)
    return _mean_over(2 * right, there + named, there > 0)


def _mean_over(above: Floats, below: Floats, counts: NDArray[np.bool_]) -> Floats:
    """Mean of ``above / below`` over the classes that a draw holds."""
    values = np.divide(above, below, out=np.zeros_like(above), where=counts)
    with np.errstate(invalid="ignore"):
        return np.asarray(values.sum(1) / counts.sum(1))


def _calibration(found: Evaluation, runs: Sequence[_Tested]) -> dict[str, Any]:
    several = any(len(np.unique(run.fold_of[run.tested])) > 1 for run in found.runs)
    fitted = all(run.valid_temperature is not None for run in found.runs)
    alone = "the validation recordings" if fitted else None
    told: dict[str, Any] = {"fitted_on": "the other folds" if several else alone}
    told["temperatures"] = [sorted({round(float(t), 4) for t in run.temperatures}) for run in runs]
    for name, figure in (
        ("ece", metrics.expected_calibration_error),
        ("nll", metrics.negative_log_likelihood),
        ("brier", metrics.brier_score),
    ):
        told[name] = _over_seeds([figure(run.p, run.labels) for run in runs])
        told[f"{name}_uncalibrated"] = _over_seeds([figure(run.raw, run.labels) for run in runs])
    return told


def _per_class(found: Evaluation, matrix: Floats) -> list[dict[str, Any]]:
    """Figures per genre, of the counts' mean over the seeds."""
    table = st.per_class(matrix)
    rows = []
    for i, genre in enumerate(found.genres):
        there = float(matrix[i].sum())
        rows.append(
            {
                "genre": genre,
                "tested": there,
                "precision": _known(table.precision[i]),
                "recall": _known(table.recall[i]),
                "recall_interval": list(st.wilson(float(matrix[i, i]), there)) if there else None,
                "f1": _known(table.f1[i]),
            }
        )
    return rows


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _risk_coverage(p: Floats, labels: Ints) -> dict[str, Any]:
    coverage, risk = st.risk_coverage(p, labels)
    places = np.unique(np.linspace(0, len(labels) - 1, min(_CURVE_POINTS, len(labels))).round().astype(int))
    confidence = -np.sort(-p.max(1))
    table = []
    for wanted in _COVERAGES:
        at = max(int(np.ceil(wanted * len(labels))) - 1, 0)
        table.append({"coverage": wanted, "accuracy": 1 - float(risk[at]), "confidence": float(confidence[at])})
    return {"coverage": coverage[places].tolist(), "risk": risk[places].tolist(), "table": table}
