"""The card of a learnt field: what it was fitted on, how good it is on artists it never heard, when it is unsure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sideman.genre.statistics import wilson

if TYPE_CHECKING:
    from sideman.library.learn.examples import Examples
    from sideman.library.learn.use import Learned

TARGET = 0.8
"""Share of right answers at which the classifier begins to answer."""
NEVER = 2.0
"""The threshold of a classifier that is not better than chance: it is unsure of everything."""
FEWEST_ANSWERS = 0.25  # share of recordings that get an answer, whatever that costs
_DRAWS, _AUC_DRAWS = 1000, 200

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def make_card(
    learned: Learned, given: Examples, scores: Floats, *, folds: int, strength: float, seed: int, at: float
) -> Learned:
    """Judge held-out scores (n, labels); returns the classifier with its threshold and its card."""
    probabilities = learned.calibrated(scores)
    has = given.has
    top = probabilities.argmax(1)
    right = has[np.arange(len(has)), top]
    named = scores >= 0 if given.several else np.arange(has.shape[1]) == top[:, None]
    groups = np.unique(given.groups, return_inverse=True)[1]
    draws = np.random.default_rng(seed).multinomial(
        groups.max() + 1, np.full(groups.max() + 1, 1 / (groups.max() + 1)), _DRAWS
    )
    balanced = _balanced(has, named, groups, draws, several=given.several)
    chance = 0.5 if given.several else 1 / has.shape[1]
    better = balanced["low"] > chance
    threshold = _threshold(probabilities.max(1), right) if better else NEVER
    answered = probabilities.max(1) >= threshold
    accuracy = _shares(right[:, None], np.ones_like(right)[:, None], groups, draws)
    majority = int(has.sum(0).argmax())
    card = {
        "field": given.field,
        "labels": _by_label(given, named, scores, groups, draws[:_AUC_DRAWS]),
        "several_labels_per_track": given.several,
        "tracks": len(has),
        "artists": int(groups.max()) + 1,
        "corrections": given.corrections,
        "left_out": [{"label": name, "tracks": n, "artists": by} for name, n, by in given.left_out],
        "passed_over": dict(given.passed_over),
        "protocol": f"{folds}-fold cross-validation, no artist in two folds; regularisation chosen inside each fold",
        "balanced_accuracy": {**balanced, "chance": round(chance, 4)},
        "accuracy": {
            "value": _round(right.mean()),
            "low": _round(accuracy[0][0]),
            "high": _round(accuracy[1][0]),
            "majority": _round(has[:, majority].mean()),
            "majority_label": given.labels[majority],
        },
        "better_than_chance": bool(better),
        "temperature": _round(learned.temperature),
        "unsure_below": _round(threshold),
        "answered": _round(answered.mean()),
        "right_when_answered": _round(right[answered].mean()) if answered.any() else None,
        "regularisation": strength,
        "seed": seed,
        "made_at": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "embedding_sha256": given.model,
    }
    return replace(learned, threshold=threshold, card=card)


def lines(card: Mapping[str, Any]) -> list[str]:
    """The card as plain lines for a terminal, names as they are."""
    balanced, accuracy = card["balanced_accuracy"], card["accuracy"]
    told = [
        f"{card['field']}: {len(card['labels'])} labels from {card['tracks']} tracks by {card['artists']} artists"
        + (f", {card['corrections']} corrected" if card["corrections"] else ""),
        f"balanced accuracy {balanced['value']:.2f} [{balanced['low']:.2f}, {balanced['high']:.2f}], "
        f"chance {balanced['chance']:.2f}",
        f"likeliest label right {accuracy['value']:.0%} [{accuracy['low']:.0%}, {accuracy['high']:.0%}]; "
        f"always saying {accuracy['majority_label']}: {accuracy['majority']:.0%}",
    ]
    if not card["better_than_chance"]:
        told.append(
            "not better than chance, so unsure of every track: the sound does not tell them, or there are too few"
        )
    if card["right_when_answered"] is not None:
        told.append(
            f"unsure below {card['unsure_below']:.2f}: answers {card['answered']:.0%} of tracks, "
            f"{card['right_when_answered']:.0%} of them right"
        )
    told += ["", *_table(card["labels"])]
    if card["left_out"]:
        rare = ", ".join(f"{r['label']} ({r['tracks']} by {r['artists']})" for r in card["left_out"][:20])
        more = f" and {len(card['left_out']) - 20} more" if len(card["left_out"]) > 20 else ""
        told += ["", f"left out, too few tracks or artists: {rare}{more}"]
    if card["passed_over"]:
        told.append("passed over: " + ", ".join(f"{n} {reason}" for reason, n in card["passed_over"].items()))
    return [*told, f"measured by {card['protocol']}; made {card['made_at']}"]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    width = min(32, max(len("label"), *(len(row["label"]) for row in rows)))
    made = [f"{'label':{width}}  tracks  artists  recall              AUC"]
    for row in rows:
        recall = f"{row['recall']:.2f} [{row['recall_low']:.2f}, {row['recall_high']:.2f}]"
        auc = f"{row['auc']:.2f} [{row['auc_low']:.2f}, {row['auc_high']:.2f}]"
        made.append(f"{row['label'][:width]:{width}}  {row['tracks']:6}  {row['artists']:7}  {recall}  {auc}")
    return made


def _threshold(confidence: Floats, right: Bools) -> float:
    """The confidence from which on it answers: `TARGET` of all answers right, half of the least sure ones.

    Where that cannot be reached, `FEWEST_ANSWERS` of the recordings get an answer.
    """
    order = np.argsort(-confidence, kind="stable")
    hits = np.concatenate([[0.0], np.cumsum(right[order])])
    n = len(right)
    window = max(10, n // 20)
    answers = np.arange(1, n + 1)
    share = hits[1:] / answers
    least_sure = (hits[1:] - hits[np.maximum(answers - window, 0)]) / np.minimum(answers, window)
    good = np.flatnonzero((share >= TARGET) & (least_sure >= 0.5))
    kept = max(1, round(FEWEST_ANSWERS * n), int(good[-1]) + 1 if len(good) else 0)
    return float(confidence[order[kept - 1]])


def _balanced(
    has: Bools, named: Bools, groups: NDArray[np.intp], draws: NDArray[np.int64], *, several: bool
) -> dict[str, float]:
    """Mean recall, and with several labels per track the mean with that of "has it not"; interval over artists."""

    def mean(weights: Floats) -> Floats:
        recall = _weighted(has & named, has, groups, weights)
        if several:
            recall = (recall + _weighted(~has & ~named, ~has, groups, weights)) / 2
        with np.errstate(invalid="ignore"):
            return np.asarray(np.nanmean(recall, axis=1))

    low, high = np.quantile(mean(draws.astype(float)), [0.025, 0.975])
    return {"value": _round(mean(np.ones((1, draws.shape[1])))[0]), "low": _round(low), "high": _round(high)}


def _weighted(hits: Bools, of: Bools, groups: NDArray[np.intp], weights: Floats) -> Floats:
    """Share of hits per column when groups weigh as told: (draws, labels)."""
    n, labels = weights.shape[1], hits.shape[1]
    got, there = np.zeros((n, labels)), np.zeros((n, labels))
    np.add.at(got, groups, hits)
    np.add.at(there, groups, of)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ got) / (weights @ there))


def _shares(hits: Bools, of: Bools, groups: NDArray[np.intp], draws: NDArray[np.int64]) -> tuple[Floats, Floats]:
    low, high = np.nanquantile(_weighted(hits, of, groups, draws.astype(float)), [0.025, 0.975], axis=0)
    return low, high


def _by_label(
    given: Examples, named: Bools, scores: Floats, groups: NDArray[np.intp], draws: NDArray[np.int64]
) -> list[dict[str, Any]]:
    told = []
    for i, label in enumerate(given.labels):
        has = given.has[:, i]
        artists = len(np.unique(groups[has]))
        recall = float(named[has, i].mean())
        low, high = wilson(recall * artists, artists)  # tracks of one artist are no independent trials
        auc = _auc(scores[:, i], has, np.ones((1, len(has))))[0]
        drawn = _auc(scores[:, i], has, draws[:, groups].astype(float))
        auc_low, auc_high = np.nanquantile(drawn, [0.025, 0.975])
        told.append(
            {
                "label": label,
                "tracks": int(has.sum()),
                "artists": artists,
                "recall": _round(recall),
                "recall_low": _round(low),
                "recall_high": _round(high),
                "auc": _round(auc),
                "auc_low": _round(auc_low),
                "auc_high": _round(auc_high),
            }
        )
    return told


def _auc(scores: Floats, has: Bools, weights: Floats) -> Floats:
    """Chance that a recording with the label scores above one without, (draws,), recordings weighing (draws, n)."""
    order = np.argsort(scores, kind="stable")
    yes = weights[:, order] * has[order]
    no = weights[:, order] * ~has[order]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((yes * (np.cumsum(no, 1) - no / 2)).sum(1) / (yes.sum(1) * no.sum(1)))


def _round(value: float | np.floating) -> float:
    return round(float(value), 4)
