"""Near-duplicates by ear: the same recording in another file, recompressed, louder, or cut elsewhere.

Fingerprint: J. Haitsma, T. Kalker, "A highly robust audio fingerprinting system", ISMIR 2002. Every 11.6 ms the signs
of the time-frequency differences of 33 band energies (300-2000 Hz, 0.37 s frames) make one 32-bit word. Words that two
files share, some neighbouring bits aside, propose a time offset; the share of differing bits over 2 s decides.
Unrelated music differs in about half of the bits, a recompressed copy in less than a quarter. Another performance, a
remix or a changed tempo is another recording and is not found: that is what artists and titles are for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sideman.datasets.track import Relation

Words = NDArray[np.uint32]

SAMPLE_RATE_HZ = 5512
FRAME_N = 2048
HOP_N = 64
N_BANDS = 33
LOWEST_HZ, HIGHEST_HZ = 300.0, 2000.0

MIN_OVERLAP_S = 2.0
_FRAMES = (round(MIN_OVERLAP_S * SAMPLE_RATE_HZ) - FRAME_N) // HOP_N  # words in 2 s
_FEWEST_FRAMES = 40  # words in 0.8 s; shorter overlaps hold too few bits to be told from chance
# How far below 0.5 the error rate must lie over 2 s; the margin grows as the overlap shrinks, at even significance.
_MARGIN = 0.20
# Words are compared with all but some neighbouring bits, so that one wrong band does not hide a match; the larger the
# collection, the more bits are needed to keep chance from drowning it: (words in all, bits left out).
_DROPPED_BITS = ((4_000_000, 8), (30_000_000, 4), (float("inf"), 0))
_COMMONEST = 48  # a word found in more places than this says nothing about any two of them
_SHARD_FRAMES = 8_000_000  # words handled at a time: bounds the memory
_GLANCE_FRAMES, _GLANCE_LIMIT = 64, 0.38  # a first look at each collision
_JITTER = 2  # words around an offset that are tried: a sustained word may be matched late


@dataclass(frozen=True, slots=True)
class Match:
    """Two files that hold the same recording for a while.

    Attributes:
        first, second: their keys; ``first`` sorts before ``second``.
        offset_s: how much later than in ``first`` the shared passage begins in ``second``; negative where earlier.
        overlap_s: length of the passage over which they agree, to within a second.
        bit_error_rate: share of differing fingerprint bits over that passage, 0 (the same) to 0.5 (unrelated).
    """

    first: str
    second: str
    offset_s: float
    overlap_s: float
    bit_error_rate: float


@cache
def _window() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_N) / FRAME_N)).astype(np.float32)


@cache
def _band_edges() -> NDArray[np.intp]:
    edges_hz = np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_BANDS + 1)
    return np.round(edges_hz * FRAME_N / SAMPLE_RATE_HZ).astype(np.intp)


@cache
def _ones() -> NDArray[np.uint8]:
    """Number of set bits of each 16-bit word (numpy has bitwise_count from 2.0 only)."""
    count = np.zeros(1 << 16, np.uint8)
    for bit in range(16):
        count[1 << bit : 1 << (bit + 1)] = count[: 1 << bit] + np.uint8(1)
    return count


def _differing(a: Words, b: Words) -> NDArray[np.int64]:
    """Return the number of bits in which words differ, in the words' shape."""
    ones = _ones()
    xor = a ^ b
    return np.asarray(ones[xor & np.uint32(0xFFFF)].astype(np.int64) + ones[xor >> np.uint32(16)])


def fingerprint_file(path: str | os.PathLike[str]) -> Words:
    """Return the fingerprint of a file of any length, read in blocks; equal to :func:`fingerprint` of all its samples.

    Raises:
        AudioError: the file cannot be decoded.
    """
    from sideman.audio import decode

    rest = np.zeros(0, np.float32)
    words = []
    for block in decode.stream(path, sample_rate_hz=SAMPLE_RATE_HZ):
        y = np.concatenate([rest, block])
        found = fingerprint(y)
        words.append(found)
        rest = y[len(found) * HOP_N :]  # the last frame is the first of the next block
    return np.concatenate(words) if words else np.zeros(0, np.uint32)


def fingerprint(y: NDArray[np.float32]) -> Words:
    """Return the fingerprint of a recording.

    Args:
        y: mono samples at 5512 Hz, shape (n,).

    Returns:
        One word per 64 samples, shape (max(0, (n - 2048) // 64),), dtype uint32; bit k is set where band k's energy
        exceeds band k + 1's by more than it did one word earlier. Silence gives 0.
    """
    from scipy import fft

    count = (len(y) - FRAME_N) // HOP_N + 1
    if count < 2:
        return np.zeros(0, np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(np.ascontiguousarray(y, np.float32), FRAME_N)[::HOP_N]
    edges = _band_edges()
    energy = np.empty((count, N_BANDS), np.float32)
    for start in range(0, count, 256):  # blocks that stay in the cache
        spectrum = fft.rfft(frames[start : start + 256] * _window(), axis=1)[:, : edges[-1]]
        power = spectrum.real**2 + spectrum.imag**2
        energy[start : start + 256] = np.add.reduceat(power, edges[:-1], axis=1)
    slope = energy[:, :-1] - energy[:, 1:]
    bits = slope[1:] > slope[:-1]
    weights = (np.uint32(1) << np.arange(N_BANDS - 1, dtype=np.uint32)).astype(np.uint32)
    return np.asarray(np.where(bits, weights, np.uint32(0)).sum(axis=1, dtype=np.uint32))


def find_matches(prints: Mapping[str, Words]) -> tuple[Match, ...]:
    """Find all pairs of recordings that share a passage of at least 2 s (of the shorter one's length, if that is less).

    Time and memory grow with the total length and with the number of true matches, not with the number of pairs.

    Args:
        prints: fingerprints by key.

    Returns:
        One match per pair, the least likely by chance, sorted by keys.
    """
    keys = sorted(prints)
    words = [prints[key] for key in keys]
    if not keys:
        return ()
    best: dict[tuple[int, int], Match] = {}
    for a, b, offset in _candidates(words):
        found = _verify(keys[a], keys[b], words[a], words[b], offset)
        if found is not None and ((a, b) not in best or _significance(found) > _significance(best[a, b])):
            best[a, b] = found
    return tuple(best[pair] for pair in sorted(best))


def near_duplicates(matches: Iterable[Match]) -> tuple[Relation, ...]:
    """Return matches as relations of the kind "near-duplicate", for :func:`sideman.datasets.splits.make_folds`."""
    return tuple(Relation("near-duplicate", f"{m.first} = {m.second}", (m.first, m.second)) for m in matches)


def _candidates(words: Sequence[Words]) -> Iterator[tuple[int, int, int]]:
    """Yield (a, b, offset), a < b, where b sounds like a ``offset`` words earlier around a place where bits agree."""
    total = sum(len(w) for w in words)
    drop = next(bits for most, bits in _DROPPED_BITS if total <= most)
    masks = [~(((1 << drop) - 1) << low) & 0xFFFFFFFF for low in range(0, 32, drop or 32)]
    shards = max(1, -(-total // _SHARD_FRAMES))
    flat = np.concatenate([*words, np.zeros(1, np.uint32)])
    begin = np.cumsum([0, *(len(w) for w in words)])
    kept: list[NDArray[np.int64]] = []
    for mask in masks:
        for shard in range(shards):
            code, place = _collisions(words, np.uint32(mask), shards, shard)
            kept.append(code[_sounds_alike(flat, begin, code, place, _span(words))])
    n, span = len(words), _span(words)
    for packed in np.unique(np.concatenate(kept)):
        pair, offset = divmod(int(packed), 2 * span)
        yield pair // n, pair % n, offset - span


def _span(words: Sequence[Words]) -> int:
    return max((len(w) for w in words), default=0) + 1


def _collisions(
    words: Sequence[Words], mask: np.uint32, shards: int, shard: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where words of two files agree under ``mask``: packed (a, b, offset), each once, and a place in a."""
    files, places, values = [], [], []
    for index, word in enumerate(words):
        masked = word & mask
        fresh = np.ones(len(word), bool)
        fresh[1:] = masked[1:] != masked[:-1]  # a sustained word counts where it begins
        fresh &= (masked != 0) & (masked != mask)
        if shards > 1:
            fresh &= (masked * np.uint32(2654435761) >> np.uint32(16)) % np.uint32(shards) == shard
        place = np.flatnonzero(fresh)
        files.append(np.full(len(place), index, np.int64))
        places.append(place.astype(np.int64))
        values.append(masked[place])
    value = np.concatenate(values)
    order = np.argsort(value, kind="stable")
    value = value[order]
    file, place = np.concatenate(files)[order], np.concatenate(places)[order]
    starts = np.flatnonzero(np.r_[len(value) > 0, value[1:] != value[:-1]][: len(value)])
    lengths = np.diff(np.r_[starts, len(value)])
    span, n = _span(words), len(words)
    codes: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    seconds: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for gap in range(1, _COMMONEST):  # pair each place with the one ``gap`` later in its run of equal words
        usable = (lengths > gap) & (lengths <= _COMMONEST)
        if not usable.any():
            break
        sizes = lengths[usable] - gap
        left = np.repeat(starts[usable], sizes) + _ramp(sizes)
        apart = file[left] != file[left + gap]
        left = left[apart]
        right = left + gap  # sorting is stable: file[left] < file[right]
        codes.append((file[left] * n + file[right]) * (2 * span) + place[right] - place[left] + span)
        seconds.append(place[left])
    code, chosen = np.unique(np.concatenate(codes), return_index=True)
    return code, np.concatenate(seconds)[chosen]


def _sounds_alike(
    flat: Words, begin: NDArray[np.int64], code: NDArray[np.int64], place: NDArray[np.int64], span: int
) -> NDArray[np.bool_]:
    """Tell for which collisions the bits around the place agree better than chance would have it (1 word in 10,000)."""
    n = len(begin) - 1
    alike = np.zeros(len(code), bool)
    step = np.arange(-(_GLANCE_FRAMES // 2), _GLANCE_FRAMES // 2)
    for start in range(0, len(code), 20_000):
        pair, offset = np.divmod(code[start : start + 20_000], 2 * span)
        a, b = pair // n, pair % n
        at = place[start : start + 20_000, None] + step
        inside = (at >= 0) & (at < (begin[a + 1] - begin[a])[:, None])
        other = at + (offset - span)[:, None]
        inside &= (other >= 0) & (other < (begin[b + 1] - begin[b])[:, None])
        left = flat[np.where(inside, at + begin[a][:, None], 0)]
        right = flat[np.where(inside, other + begin[b][:, None], 0)]
        wrong = np.where(inside, _differing(left, right), 0).sum(axis=1)
        count = inside.sum(axis=1)
        alike[start : start + 20_000] = (wrong < _GLANCE_LIMIT * 32 * count) & (count >= _FEWEST_FRAMES // 2)
    return alike


def _ramp(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0..s-1 for each s in ``sizes``, end to end."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)


def _verify(first: str, second: str, a: Words, b: Words, offset: int) -> Match | None:
    best: Match | None = None
    for shift in range(offset - _JITTER, offset + _JITTER + 1):
        start, end = max(0, -shift), min(len(a), len(b) - shift)
        window = min(_FRAMES, end - start)
        if window < _FEWEST_FRAMES:
            continue
        limit = 0.5 - _MARGIN * (_FRAMES / window) ** 0.5
        wrong = _differing(a[start:end], b[start + shift : end + shift]) / 32.0
        total = np.concatenate([[0.0], np.cumsum(wrong)])
        alike = (total[window:] - total[:-window]) / window < limit
        if not alike.any():
            continue
        covered = np.zeros(end - start, bool)
        for at in np.flatnonzero(alike):
            covered[at : at + window] = True
        covered &= _locally_alike(wrong)
        if not covered.any():
            continue
        overlap_s = (int(covered.sum()) * HOP_N + FRAME_N) / SAMPLE_RATE_HZ
        found = Match(first, second, shift * HOP_N / SAMPLE_RATE_HZ, overlap_s, float(wrong[covered].mean()))
        if best is None or _significance(found) > _significance(best):
            best = found
    return best


def _locally_alike(wrong: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Trim what the 2 s window smears over a passage's ends: True from the first to the last 0.4 s that agree."""
    short = min(_GLANCE_FRAMES // 2, len(wrong))
    total = np.concatenate([[0.0], np.cumsum(wrong)])
    good = np.flatnonzero((total[short:] - total[:-short]) / short < _GLANCE_LIMIT)
    inside = np.zeros(len(wrong), bool)
    if len(good):
        inside[good[0] : good[-1] + short] = True
    return inside


def _significance(match: Match) -> float:
    """Return how far from chance a match is, up to a factor: the deviation of a mean shrinks with the root of n."""
    return float((0.5 - match.bit_error_rate) * match.overlap_s**0.5)
