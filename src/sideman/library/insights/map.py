"""A library as a plane on which neighbours in sound lie close together.

A neighbour embedding in the manner of UMAP (McInnes, Healy, Melville 2018, arXiv:1802.03426) with its a = b = 1: the
ends of each edge of the nearest-neighbour graph attract each other, random others are pushed away; all points move at
once, so that everything is a few array operations per step. The start is the plane of the two principal components,
which keeps the large shape (Kobak, Linderman 2021).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

NEIGHBOURS = 10
MOST = 20_000
"""Points that are laid out; beyond, a sample is, and the others join their neighbours in it."""
_STEPS = 300
_FORMING, _FORMING_PUSH = 0.3, 0.1  # share of the steps, and of the repulsion in them
_SAMPLES = 12  # random others per point and step
_REPULSION = 4.0  # of all others against the pull of all neighbours, times the root of their number: room for each
_BLOCK = 1000  # rows of similarities at a time: bounds the memory
_START_SPREAD = 2.0
_LARGEST_STEP = 12.0
_JITTER = 0.15


def layout(vectors: NDArray[np.floating], *, seed: int = 0, most: int = MOST) -> Floats:
    """Place recordings on a plane.

    Args:
        vectors: unit rows (n, d).
        seed: the same one gives the same plane.
        most: how many are laid out; the others are placed among their nearest.

    Returns:
        Positions (n, 2) within -1..1, centred.
    """
    x = np.ascontiguousarray(vectors, np.float32)
    n = len(x)
    rng = np.random.default_rng(seed)
    if n <= most:
        return _fitted(_laid_out(x, rng))
    chosen = np.sort(rng.permutation(n)[:most])
    laid = _laid_out(x[chosen], rng)
    y = np.empty((n, 2), np.float32)
    y[chosen] = laid
    rest = np.setdiff1d(np.arange(n), chosen)
    for rows, similar in _similarities(x[rest], x[chosen]):
        near = np.argpartition(-similar, 2, axis=1)[:, :3]
        y[rest[rows]] = laid[near].mean(1)
    y[rest] += rng.normal(0, _JITTER, (len(rest), 2)).astype(np.float32)
    return _fitted(y)


def nearest(vectors: NDArray[np.floating], k: int = NEIGHBOURS) -> Ints:
    """The ``k`` (at most n - 1) most similar other rows of each unit row, in no order, (n, k)."""
    x = np.ascontiguousarray(vectors, np.float32)
    k = min(k, len(x) - 1)
    found = np.empty((len(x), max(k, 0)), np.intp)
    if k < 1:
        return found
    for rows, similar in _similarities(x, x):
        similar[np.arange(len(rows)), rows] = -np.inf
        found[rows] = np.argpartition(-similar, k - 1, axis=1)[:, :k]
    return found


def kept(vectors: NDArray[np.floating], plane: NDArray[np.floating], k: int = 10) -> float:
    """Share of the ``k`` nearest neighbours in sound that are among the ``k`` nearest on the plane, 0..1."""
    from scipy.spatial import cKDTree

    if len(vectors) < 2:
        return 1.0
    near = nearest(vectors, k)
    k = near.shape[1]
    there: Ints = np.asarray(cKDTree(plane).query(plane, k + 1)[1])
    same = 0
    for row, (a, b) in enumerate(zip(near, there, strict=True)):
        same += len(set(a.tolist()) & set(b.tolist()) - {row})
    return same / near.size


def principal(vectors: NDArray[np.floating]) -> Floats:
    """The plane of the two principal components, (n, 2); signs so that the largest loading is positive."""
    x = np.asarray(vectors, np.float64)
    x = x - x.mean(0)
    axes = np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return np.asarray(x @ axes, np.float32)


def _laid_out(x: Floats, rng: np.random.Generator) -> Floats:
    n = len(x)
    if n < 3:
        return np.array([[0, 0], [1, 0]][:n], np.float32).reshape(n, 2)
    start = principal(x)
    y = start / max(float(start.std()), 1e-9) * np.float32(_START_SPREAD)
    y = (y + rng.normal(0, 1e-2, y.shape)).astype(np.float32)  # equal recordings are not stuck together
    near = nearest(x)
    head = np.repeat(np.arange(n), near.shape[1])
    tail = near.ravel()
    samples = min(_SAMPLES, n - 1)
    full = np.float32(_REPULSION * n**0.5 / samples * near.shape[1])
    for step in range(_STEPS):
        rate = np.float32(1.0 - step / _STEPS)
        # Groups form first and spread then: who starts among strangers finds home before the room is taken.
        push = full if step >= _FORMING * _STEPS else full * np.float32(_FORMING_PUSH)
        apart = y[tail] - y[head]
        pull = apart * (2.0 / (1.0 + (apart**2).sum(1)))[:, None]
        move = np.stack(
            [np.bincount(head, pull[:, c], n) - np.bincount(tail, pull[:, c], n) for c in (0, 1)], axis=1
        ).astype(np.float32)
        # Everybody meets the one that is some places further round: all at once, nobody oneself, no scattering.
        for shift in rng.integers(1, n, samples):
            away = y - np.roll(y, shift, 0)
            distance = (away**2).sum(1)
            move += push * away * (2.0 / (1.0 + distance) ** 2)[:, None]
        np.clip(move, -_LARGEST_STEP, _LARGEST_STEP, out=move)
        y += rate * move / np.float32(near.shape[1])
    return y


def _similarities(rows: Floats, others: Floats) -> Iterator[tuple[Ints, Floats]]:
    for first in range(0, len(rows), _BLOCK):
        some = np.arange(first, min(first + _BLOCK, len(rows)))
        yield some, rows[some] @ others.T


def _fitted(y: Floats) -> Floats:
    """Centred, the farthest point at distance 1 along an axis."""
    if not len(y):
        return y
    y = y - (y.max(0) + y.min(0)) / 2
    return np.asarray(y / max(float(np.abs(y).max()), 1e-9), np.float32)
