"""What a score says of itself: key, regularity of its grid, melody.

Key: correlation of the pitch-class histogram, weighted by duration, with key profiles (Krumhansl, Kessler 1982;
Temperley 1999, "What's key for key?"; Aarden 2003, "Dynamic melodic expectancy"), averaged over the first two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sideman.symbolic.score import DURATION, PITCH, START, Notes, Score, Track, no_notes

# Krumhansl and Kessler's probe-tone ratings, Temperley's, then Aarden's from the Essen folk songs; major, minor.
_PROFILES = (
    (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    (
        (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
        (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
    ),
    (
        (17.77, 0.15, 14.93, 0.16, 19.80, 11.36, 0.29, 22.06, 0.15, 8.15, 0.23, 4.95),
        (18.26, 0.74, 14.05, 16.86, 0.70, 14.44, 0.70, 18.62, 4.57, 1.93, 7.38, 1.76),
    ),
)
MAJOR_SCALE, MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10, 11)  # minor with both sevenths
_LONGEST_WEIGHT = 2.0  # quarter notes; a drone says no more about the key than a half note


@dataclass(frozen=True)
class KeyEstimate:
    """The key of a score.

    Attributes:
        key: (tonic 0..11, is minor).
        correlation: with the profile of that key, -1..1.
        majorness: best major minus best minor correlation, about -0.5..0.5.
    """

    key: tuple[int, bool]
    correlation: float
    majorness: float


@cache
def _centred_profiles() -> NDArray[np.float64]:
    """Every key's profile, shape (profiles, 24, 12), of mean 0 and unit length; major keys first."""
    out = [[np.roll(profile, tonic) for profile in pair for tonic in range(12)] for pair in _PROFILES]
    centred = np.asarray(out) - np.asarray(out).mean(2, keepdims=True)
    return np.asarray(centred / np.linalg.norm(centred, axis=2, keepdims=True))


def pitch_classes(score: Score) -> NDArray[np.float64]:
    """Quarter notes that each pitch class sounds, C first, without drums; shape (12,)."""
    histogram = np.zeros(12)
    for track in score.tracks:
        if not track.is_drums and len(track.notes):
            held = np.minimum(track.notes[:, DURATION] / score.ticks_per_quarter, _LONGEST_WEIGHT)
            histogram += np.bincount(track.notes[:, PITCH] % 12, held, 12)
    return histogram


def estimate_key(score: Score) -> KeyEstimate | None:
    """The key that fits best; None for a score without tones."""
    return key_of(pitch_classes(score))


def key_of(histogram: NDArray[np.float64]) -> KeyEstimate | None:
    """The key that fits a pitch-class histogram, shape (12,), best; None where it is flat or empty."""
    centred = histogram - histogram.mean()
    length = float(np.linalg.norm(centred))
    if length < 1e-9:
        return None
    correlation = (_centred_profiles()[:2] @ (centred / length)).mean(0)
    best = int(correlation.argmax())
    majorness = float(correlation[:12].max() - correlation[12:].max())
    return KeyEstimate((best % 12, best >= 12), float(correlation[best]), majorness)


def key_votes(score: Score) -> list[tuple[int, bool]]:
    """The key that each profile by itself names, by full durations; empty for a score without tones."""
    histogram = np.zeros(12)
    for track in score.tracks:
        if not track.is_drums and len(track.notes):
            histogram += np.bincount(track.notes[:, PITCH] % 12, track.notes[:, DURATION].astype(float), 12)
    centred = histogram - histogram.mean()
    if float(np.linalg.norm(centred)) < 1e-9:
        return []
    best = (_centred_profiles() @ centred).argmax(1)
    return [(int(k) % 12, bool(k >= 12)) for k in best]


def is_monotonous(score: Score) -> bool:
    """Whether eight bars or more say hardly anything: few pitch classes, or the same bar over and over.

    That is, pitch classes by duration have an entropy below 1.8 bits, or fewer than a third of the bars are different.
    A score without tones, or of fewer bars, never is.
    """
    bars = score.bars()
    classes = pitch_classes(score)
    if len(bars) < 8 or not classes.any():
        return False
    share = classes[classes > 0] / classes.sum()
    if float(-(share * np.log2(share)).sum()) < 1.8:
        return True
    rows = np.concatenate([t.notes[:, [START, PITCH]] for t in score.tracks])
    edges = np.searchsorted(np.sort(rows[:, 0]), [bar.start for bar in bars] + [bars[-1].end])
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    different = {(rows[a:b] - [bar.start, 0]).tobytes() for a, b, bar in zip(edges[:-1], edges[1:], bars, strict=True)}
    return len(different) < len(bars) / 3


def scale_of(key: tuple[int, bool]) -> frozenset[int]:
    """Pitch classes that belong to a key; a minor key has both its natural and its raised seventh."""
    return frozenset((key[0] + step) % 12 for step in (MINOR_SCALE if key[1] else MAJOR_SCALE))


def grid_strength(score: Score) -> float:
    """How well onsets keep to the beat's halves, quarters or thirds: 0 (performed freely) to 1 (exactly).

    Length of the mean of the onsets as angles of the subdivision (circular statistics), the best of three.
    """
    onsets = np.concatenate([t.notes[:, START] for t in score.tracks] or [np.zeros(0, np.int64)])
    if not len(onsets):
        return 0.0
    quarters = onsets / score.ticks_per_quarter
    return float(max(abs(np.exp(2j * np.pi * n * quarters).mean()) for n in (2, 3, 4)))


def skyline(notes: Notes) -> Notes:
    """The highest note of each onset, without those that start under a higher one that still sounds.

    Uitdenbogerd, Zobel 1998, "Manipulation of music for melody matching". Notes end where the next begins at the
    latest. Shape (m, 4), sorted by start.
    """
    if not len(notes):
        return no_notes()
    first = np.concatenate([[True], np.diff(notes[:, START]) != 0])  # sort_notes puts the highest first
    kept: list[list[int]] = []
    for row in notes[first].tolist():
        if kept and kept[-1][0] + kept[-1][1] > row[0]:
            if kept[-1][2] > row[2]:
                continue
            kept[-1][1] = row[0] - kept[-1][0]
        kept.append(row)
    return np.asarray(kept, np.int64)


def melody_track(score: Score) -> Track | None:
    """The track that most likely has the tune: the highest that sings through a fair part of the piece.

    None where there are only drums.
    """
    tonal = [t for t in score.tracks if not t.is_drums and len(t.notes)]
    if not tonal:
        return None
    span = max(score.end, 1)

    def rank(track: Track) -> float:
        line = skyline(track.notes)
        sings = min(1.0, float(line[:, DURATION].sum()) / span / 0.4)
        return sings * float(line[:, PITCH].mean())

    return max(tonal, key=rank)
