"""Learning a field: cross-validated by artist for its figures, then fitted on everything."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from sideman.datasets import splits
from sideman.datasets.track import Relation, Track
from sideman.genre.metrics import best_temperature
from sideman.library.learn.card import make_card
from sideman.library.learn.examples import Examples, examples
from sideman.library.learn.logistic import STRENGTHS, fit, mean_loss, path
from sideman.library.learn.use import Learned
from sideman.library.store import Store

FOLDS, INNER_FOLDS = 5, 3
STEPS = FOLDS + 1
"""Steps that :func:`learn` tells of, at most."""
_MOST_INSIDE = 3000  # recordings looked at when choosing the regularisation: more change nothing and take long
_HOTTEST = 20.0  # temperature
_MOST = 30_000  # recordings fitted on: memory and time are bounded

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]


@dataclass(frozen=True)
class Outcome:
    """A classifier with its card, ready to be kept: see :func:`sideman.library.learn.use.keep`."""

    learned: Learned
    made_at: float

    @property
    def card(self) -> dict[str, Any]:
        """What is known of it."""
        return self.learned.card

    def weights(self) -> bytes:
        """The numbers as NumPy's .npz."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self.learned.arrays())  # type: ignore[arg-type]
        return buffer.getvalue()


def learn(
    store: Store,
    field: str,
    query: str | None = None,
    *,
    min_tracks: int = 8,
    seed: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Fit a classifier of a field on tags and corrections; nothing is written.

    Args:
        store, field, query, min_tracks: see :func:`sideman.library.learn.examples.examples`.
        seed: of the folds.
        advance: told 1 after each of at most `STEPS` steps.

    Raises:
        UsageError, LibraryError: see :func:`sideman.library.learn.examples.examples`.
    """
    return learn_from(examples(store, field, query, min_tracks=min_tracks), seed=seed, advance=advance)


def learn_from(given: Examples, *, seed: int = 0, advance: Callable[[int], None] = lambda _: None) -> Outcome:
    """Fit on examples at hand; see :func:`learn`."""
    given = _bounded(given, seed)
    x, has, several = given.vectors, given.has, given.several
    fold = folds_of(given.groups, has, FOLDS, seed)
    scores = np.zeros(has.shape)
    for number in range(int(fold.max()) + 1):
        test = fold == number
        groups = tuple(g for g, held in zip(given.groups, test, strict=True) if not held)
        strength = _strength(x[~test], has[~test], groups, seed, several)
        scores[test] = fit(x[~test], has[~test], strength, several=several).scores(x[test])
        advance(1)
    strength = _strength(x, has, given.groups, seed, several)
    weights = fit(x, has, strength, several=several)
    temperature, offset = _calibration(scores, has, several)
    learned = Learned(
        field=given.field,
        model=given.model,
        labels=given.labels,
        several=several,
        weights=weights,
        temperature=temperature,
        offset=offset,
        threshold=0.0,
        card={},
    )
    made_at = time.time()
    learned = make_card(learned, given, scores, folds=int(fold.max()) + 1, strength=strength, seed=seed, at=made_at)
    advance(1)
    return Outcome(learned, made_at)


def folds_of(groups: tuple[str, ...], has: NDArray[np.bool_], n_folds: int, seed: int) -> Ints:
    """Fold of each recording: no group is cut, labels are spread as evenly as that allows."""
    rarest = np.where(has, has.sum(0), has.size + 1).argmin(1)  # by their rarest label
    width = len(str(len(groups)))
    rows = [Track(Path(), f"{i:0{width}}", str(label)) for i, label in enumerate(rarest)]
    members: dict[str, list[str]] = {}
    for row, group in zip(rows, groups, strict=True):
        members.setdefault(group, []).append(row.track_id)
    together = [Relation("artist", group, tuple(ids)) for group, ids in members.items()]
    made = splits.make_folds(rows, together, n_folds=min(n_folds, len(members)), seed=seed)
    return np.array([row.fold for row in made])


def _strength(
    x: NDArray[np.float32], has: NDArray[np.bool_], groups: tuple[str, ...], seed: int, several: bool
) -> float:
    """The regularisation with the least loss on artists left out."""
    if len(x) > _MOST_INSIDE:
        some = np.sort(np.random.default_rng(seed).permutation(len(x))[:_MOST_INSIDE])
        x, has, groups = x[some], has[some], tuple(groups[i] for i in some)
    fold = folds_of(groups, has, INNER_FOLDS, seed + 1)
    losses = np.zeros(len(STRENGTHS))
    for number in range(int(fold.max()) + 1):
        test = fold == number
        tried = path(x[~test], has[~test], STRENGTHS, several=several)
        losses += [mean_loss(w.scores(x[test]), has[test], several=several) * test.sum() for w in tried]
    return STRENGTHS[int(losses.argmin())]


def _calibration(scores: Floats, has: NDArray[np.bool_], several: bool) -> tuple[float, Floats]:
    """Temperature and offsets (labels,) that make held-out scores into honest probabilities.

    Where labels exclude each other, the temperature alone. Where they do not, labels were balanced against all else,
    and a share of the log odds of having them is added back.
    """
    if not several:
        temperature = best_temperature(log_softmax(scores, 1), has.argmax(1))
        # Where all are right the best temperature is the least: believe no more than one mistake among one more would.
        believed = ((scores.argmax(1) == has.argmax(1)).sum() + 0.5) / (len(has) + 1)
        while softmax(scores / temperature, 1).max(1).mean() > believed and temperature < _HOTTEST:
            temperature *= 1.1
        return temperature, np.zeros(has.shape[1])
    from scipy.optimize import minimize

    share = has.mean(0).clip(1e-6, 1 - 1e-6)
    odds = np.log(share / (1 - share))

    def loss(values: Floats) -> float:
        shifted = scores / np.exp(values[0]) + values[1] * odds
        return float(np.logaddexp(0.0, np.where(has, -shifted, shifted)).mean())

    found = minimize(loss, np.array([0.0, 1.0]), method="L-BFGS-B", bounds=((-1.0, 3.0), (0.0, 2.0))).x
    return float(np.exp(found[0])), found[1] * odds


def _bounded(given: Examples, seed: int) -> Examples:
    if len(given.vectors) <= _MOST:
        return given
    some = np.sort(np.random.default_rng(seed).permutation(len(given.vectors))[:_MOST])
    return replace(
        given,
        vectors=given.vectors[some],
        has=given.has[some],
        groups=tuple(given.groups[i] for i in some),
        passed_over={**given.passed_over, "more than can be fitted": len(given.vectors) - _MOST},
    )
