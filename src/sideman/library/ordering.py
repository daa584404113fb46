"""The order of a playlist: songs that follow each other fit in tempo, key, sound and loudness, and artists are spread.

The cost of a transition is a weighted sum of four parts, each 0..1. A greedy walk from the first song is improved by
reversing stretches (2-opt). Spacing comes first: where the material allows that no artist appears twice within k songs,
none does; else the widest spacing that it allows is kept.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import UsageError
from sideman.library.keys import camelot_distance
from sideman.library.track import Track

Float64 = NDArray[np.float64]

MOST = 2000
SPACING = 3
TEMPO, KEY, SOUND, LOUDNESS = 1.0, 0.7, 1.0, 0.3
"""What the parts of a transition's cost weigh."""
_UNKNOWN = 0.5  # cost where one of the two has no tempo or key
_TEMPO_OCTAVES = 0.25  # a tempo so far off (19 %) costs 1
_HALF_TIME = 0.05  # octaves that half or double time counts as
_KEY_COST = (0.0, 0.15, 0.5, 0.7, 1.0, 1.0, 1.0, 1.0)  # by steps on Camelot's wheel
_LOUDNESS_LU = 12.0
_SWEEPS = 8
_LONGEST = 60  # songs in a reversed stretch


def tempo_cost(a_bpm: float | None, b_bpm: float | None) -> float:
    """0..1: 0 the same tempo, 1 from 19 % on; half and double time count as near (3.5 % off)."""
    if not a_bpm or not b_bpm:
        return _UNKNOWN
    octaves = abs(math.log2(a_bpm / b_bpm))
    return min(1.0, min(octaves, abs(octaves - 1.0) + _HALF_TIME) / _TEMPO_OCTAVES)


def key_cost(a: str | None, b: str | None) -> float:
    """0..1: 0 the same key, 0.15 its neighbours on Camelot's wheel, 1 from four steps on."""
    return _KEY_COST[camelot_distance(a, b)] if a and b else _UNKNOWN


def loudness_cost(a_lufs: float | None, b_lufs: float | None) -> float:
    """0..1: 1 from 12 LU on."""
    return 0.0 if a_lufs is None or b_lufs is None else min(1.0, abs(a_lufs - b_lufs) / _LOUDNESS_LU)


def transitions(tracks: Sequence[Track], vectors: NDArray[np.float32]) -> Float64:
    """Costs (n, n) of going from one track to another, symmetric; ``vectors`` (n, 256), zero where there is none."""
    costs: Float64 = SOUND * np.clip(1.0 - vectors @ vectors.T, 0.0, 1.0).astype(np.float64)
    tempo = np.array([track.tempo_bpm or np.nan for track in tracks])
    with np.errstate(invalid="ignore"):
        octaves = np.abs(np.log2(tempo[:, None] / tempo[None]))
        near = np.minimum(octaves, np.abs(octaves - 1.0) + _HALF_TIME)
        costs += TEMPO * np.nan_to_num(np.minimum(near / _TEMPO_OCTAVES, 1.0), nan=_UNKNOWN)
    names = sorted({track.key for track in tracks if track.key})
    table = np.full((len(names) + 1, len(names) + 1), _UNKNOWN)
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            table[i, j] = key_cost(a, b)
    place = np.array([names.index(track.key) if track.key else len(names) for track in tracks], np.int64)
    costs += KEY * table[place[:, None], place[None]]
    loudness = np.array([np.nan if track.loudness_lufs is None else track.loudness_lufs for track in tracks])
    steps = np.minimum(np.abs(loudness[:, None] - loudness[None]) / _LOUDNESS_LU, 1.0)
    costs += LOUDNESS * np.nan_to_num(steps, nan=0.0)
    return costs


def widest_spacing(artists: Sequence[Hashable | None], k: int) -> int:
    """The greatest spacing up to ``k`` that some order of these songs has; None is nobody twice.

    A spacing of k means that no artist appears twice among k songs in a row.
    """
    counts = Counter(artist for artist in artists if artist is not None)
    if not counts:
        return k
    most = max(counts.values())
    if most == 1:
        return k
    others = len(artists) - sum(count == most for count in counts.values())
    return max(1, min(k, others // (most - 1)))


def order(
    costs: Float64,
    artists: Sequence[Hashable | None],
    *,
    k: int = SPACING,
    first: int | None = None,
    places: Float64 | None = None,
    begin: list[int] | None = None,
    random_seed: int = 0,
) -> list[int]:
    """An order of songs with a low total cost, and artists spaced.

    Args:
        costs: (n, n), symmetric, of songs that follow each other.
        artists: of each song; None where untold, which is nobody's twin.
        k: no artist twice among k songs in a row, or the widest spacing that is possible.
        first: the song that begins; by default one drawn.
        places: (n, n) cost of song i at position j, or None.
        begin: an order to start from where its artists are spaced, instead of the greedy walk.
        random_seed: another one, another order.

    Raises:
        UsageError: more than 2000 songs, or k < 1.
    """
    n = len(artists)
    if n > MOST:
        raise UsageError(f"{n} songs are too many to put in order; the limit is {MOST}: ask for fewer minutes")
    if k < 1:
        raise UsageError(f"spacing {k}: must be at least 1")
    if n == 0:
        return []
    who = [("?", i) if artist is None else ("=", artist) for i, artist in enumerate(artists)]
    rng = np.random.default_rng(random_seed)
    jitter = costs + 1e-6 * rng.random(costs.shape)  # ties are broken by the seed
    for spacing in range(widest_spacing(artists, k), 0, -1):  # a fixed first song may cost one step
        ready = begin is not None and all(_spaced(begin, who, spacing, border) for border in range(1, n))
        found = begin if ready else _greedy(jitter, who, spacing, first, places, rng)
        if found is not None:
            return _improve(found, costs, who, spacing, first is not None, places)
    raise AssertionError("without spacing every order will do")


def _greedy(
    costs: Float64,
    who: list[tuple[str, Hashable]],
    k: int,
    first: int | None,
    places: Float64 | None,
    rng: np.random.Generator,
) -> list[int] | None:
    n = len(who)
    left = Counter(who)
    ready: dict[Hashable, int] = {}
    free = np.ones(n, bool)
    found: list[int] = []
    for at in range(n):
        price = costs[found[-1]].copy() if found else rng.random(n)
        if places is not None:
            # beside the best place that will be left: who fits elsewhere can wait
            price = price * bool(found) + places[:, at] - places[:, at:].min(axis=1)
        if at == 0 and first is not None:
            price[first] = -np.inf
        chosen = None
        tried: set[Hashable] = set()
        for i in map(int, np.argsort(np.where(free, price, np.inf), kind="stable")[: n - at]):
            artist = who[i]
            if artist in tried or ready.get(artist, 0) > at:
                continue
            tried.add(artist)
            if at == 0 and first is not None and i != first:
                return None
            left[artist] -= 1
            waits = ready | {artist: at + k}
            if _can_go_on(left, waits, at + 1, n, k):
                chosen, ready = i, {name: until for name, until in waits.items() if until > at + 1}
                break
            left[artist] += 1
        if chosen is None:
            return None
        free[chosen] = False
        found.append(chosen)
    return found


def _can_go_on(left: Counter[tuple[str, Hashable]], ready: dict[Hashable, int], at: int, n: int, k: int) -> bool:
    """Whether songs can fill the positions at..n-1: at each the artist with most songs left of those that may."""
    counts = {artist: count for artist, count in left.items() if count}
    remaining = n - at
    if not counts or k == 1:
        return True
    most = max(counts.values())
    if most == 1 and remaining >= 2 * k:
        return True
    if most > 1 and (most + 1) * k + sum(count == most for count in counts.values()) <= remaining:
        return True
    waiting = sorted(((ready.get(a, 0), -count, i) for i, (a, count) in enumerate(counts.items())), reverse=True)
    able: list[tuple[int, int]] = []
    resting: list[tuple[int, int, int]] = []
    for position in range(at, n):
        while waiting and waiting[-1][0] <= position:
            _, negative, i = waiting.pop()
            heapq.heappush(able, (negative, i))
        while resting and resting[0][0] <= position:
            _, negative, i = heapq.heappop(resting)
            heapq.heappush(able, (negative, i))
        if not able:
            return False
        negative, i = heapq.heappop(able)
        if negative + 1 < 0:
            heapq.heappush(resting, (position + k, negative + 1, i))
    return True


def _improve(
    found: list[int],
    costs: Float64,
    who: list[tuple[str, Hashable]],
    k: int,
    keep_first: bool,
    places: Float64 | None,
) -> list[int]:
    """2-opt: reverse stretches as long as that lowers the cost and keeps the spacing."""
    n = len(found)
    for _ in range(_SWEEPS):
        better = False
        for i in range(1 if keep_first else 0, n - 1):
            for j in range(i + 1, min(n, i + _LONGEST)):
                gain = 0.0
                if i:
                    gain += costs[found[i - 1], found[i]] - costs[found[i - 1], found[j]]
                if j + 1 < n:
                    gain += costs[found[j], found[j + 1]] - costs[found[i], found[j + 1]]
                if places is not None:
                    span, where = np.array(found[i : j + 1]), np.arange(i, j + 1)
                    gain += float(places[span, where].sum() - places[span[::-1], where].sum())
                if gain > 1e-9:
                    moved = [*found[:i], *found[i : j + 1][::-1], *found[j + 1 :]]
                    if _spaced(moved, who, k, i) and _spaced(moved, who, k, j + 1):
                        found, better = moved, True
        if not better:
            break
    return found


def _spaced(found: list[int], who: list[tuple[str, Hashable]], k: int, border: int) -> bool:
    """Whether no artist appears twice among k songs in a row over the border before a position."""
    before = found[max(0, border - k + 1) : border]
    for back, i in enumerate(reversed(before)):  # i is back + 1 positions before the border
        if any(who[i] == who[j] for j in found[border : border + k - 1 - back]):
            return False
    return True
