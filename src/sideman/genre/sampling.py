"""Draws at random that keep the share of every genre: of items, of folds, of groups that stay whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int_]
_RESTARTS_UP_TO_GROUPS = 2000


def draw_share(labels: Ints, share: float, generator: np.random.Generator) -> Ints:
    """Draw ``share`` of every class's items, rounded, at least one and never all of them; positions, ascending.

    A class with one item gives none, and a share of 0 draws nothing.
    """
    drawn = []
    for label in np.unique(labels):
        mine = generator.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(share * len(mine))), len(mine) - 1) if share > 0 else 0
        drawn.append(mine[:count])
    return np.sort(np.concatenate(drawn)) if drawn else np.zeros(0, int)


def deal(labels: Ints, n_folds: int, generator: np.random.Generator) -> Ints:
    """Deal items to folds like cards, class after class: fold per item; class counts and sizes differ by 1 at most."""
    order = np.concatenate([generator.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)])
    fold = np.empty(len(labels), int)
    fold[order] = np.arange(len(labels)) % n_folds
    return fold


def draw_groups(groups: Ints, labels: Ints, share: float, generator: np.random.Generator) -> Ints:
    """Draw whole groups so that about ``share`` of every class is drawn: positions of their items, ascending.

    Groups are tried in a random order and taken where that brings the classes nearer to their share; the last group of
    a class is never taken. The best of 8 orders counts (1 for more than 2000 groups).
    """
    if share <= 0 or not len(groups):
        return np.zeros(0, int)
    _, group = np.unique(groups, return_inverse=True)
    _, label = np.unique(labels, return_inverse=True)
    content = np.zeros((group.max() + 1, label.max() + 1))
    np.add.at(content, (group, label), 1)
    content /= content.sum(0)
    best, least = np.zeros(len(content), bool), np.inf
    for _ in range(8 if len(content) <= _RESTARTS_UP_TO_GROUPS else 1):
        taken, gap = np.zeros(len(content), bool), np.full(content.shape[1], -share)
        left = (content > 0).sum(0)
        for number in generator.permutation(len(content)):
            mine = content[number] > 0
            after = gap + content[number]
            if (left[mine] > 1).all() and (after**2).sum() < (gap**2).sum():
                taken[number], gap = True, after
                left -= mine
        cost = float((gap**2).sum())
        if cost < least - 1e-12:
            best, least = taken, cost
    return np.flatnonzero(best[group])
