"""Beat times from onset strength and a tempo, by dynamic programming.

D. P. W. Ellis, "Beat tracking by dynamic programming", J. New Music Research 36(1), 2007: the best chain of frames
under the sum of onset strength and a penalty on the squared log deviation from the expected period. All frames of half
a period are advanced at once, since their predecessors lie before that block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]

TIGHTNESS = 120.0


def track_beats(
    strength: ArrayLike, period_frames: ArrayLike, frame_rate_hz: float, *, tightness: float = TIGHTNESS
) -> Float64:
    """Beat times in seconds, ascending.

    Parameters
    ----------
    strength
        Onset strength, shape (t,), about unit deviation.
    period_frames
        Expected beat period in frames at every frame, shape (t,) or a scalar; at least 4 frames.
    frame_rate_hz
        Frames per second.
    tightness
        Weight of the penalty ``-tightness * ln(gap / period) ** 2``.
    """
    envelope = _local_score(np.asarray(strength, np.float64))
    periods = np.broadcast_to(np.asarray(period_frames, np.float64), envelope.shape)
    if not envelope.size or not envelope.max() > 0.0:
        return np.zeros(0)
    score, previous = _best_chains(envelope, periods, tightness)
    period = float(periods[-1])
    tail = score[-int(max(period, 1.0)) :]
    frame = len(score) - len(tail) + int(tail.argmax())
    chain = []
    while frame >= 0:
        chain.append(frame)
        frame = int(previous[frame])
    frames = np.array(chain[::-1])
    return (_trim(envelope, frames) + _peak_offset(envelope, _trim(envelope, frames))) / frame_rate_hz


def _local_score(strength: Float64) -> Float64:
    """Half-wave rectified onset strength smoothed over about 50 ms, so that a beat need not fall on one exact frame."""
    from scipy.ndimage import gaussian_filter1d

    smooth: Float64 = gaussian_filter1d(np.maximum(strength, 0.0), 1.5)
    return smooth


def _best_chains(envelope: Float64, periods: Float64, tightness: float) -> tuple[Float64, NDArray[np.intp]]:
    """Score of the best chain that ends at each frame, and the frame before it (-1: the chain starts there)."""
    n = len(envelope)
    longest = int(np.ceil(2.0 * periods.max())) + 1
    score = np.full(n + longest, -np.inf)  # offset by `longest`: predecessors before the start cannot win
    previous = np.full(n, -1, np.intp)
    first, period, reach = 0, -1.0, np.zeros(0, np.intp)
    penalty = np.zeros(0)
    while first < n:
        if periods[first] != period:
            period = float(periods[first])
            reach = np.arange(max(1, int(np.floor(period / 2.0))), int(np.ceil(2.0 * period)) + 1)
            penalty = tightness * np.square(np.log(reach / period))
        last = min(n, first + int(reach[0]))
        rows = np.arange(first, last)
        options = score[longest + rows[:, None] - reach] - penalty
        best = options.argmax(axis=1)
        gain = options[np.arange(len(rows)), best]
        follows = gain > 0.0
        score[longest + rows] = envelope[rows] + np.where(follows, gain, 0.0)
        previous[rows] = np.where(follows, rows - reach[best], -1)
        first = last
    return score[longest:], previous


def _trim(envelope: Float64, frames: NDArray[np.intp]) -> NDArray[np.intp]:
    """Drop leading and trailing beats that hang over silence (Ellis: half the root mean square of all beats)."""
    values = envelope[frames]
    sound = np.flatnonzero(values >= 0.5 * np.sqrt(np.mean(np.square(values))))
    return frames[sound[0] : sound[-1] + 1] if sound.size else frames[:0]


def _peak_offset(envelope: Float64, frames: NDArray[np.intp]) -> Float64:
    """Sub-frame offset of the peak nearest to each beat by a parabola, within half a frame."""
    inner = np.clip(frames, 1, max(len(envelope) - 2, 1))
    if len(envelope) < 3:
        return np.zeros(len(frames))
    left, centre, right = envelope[inner - 1], envelope[inner], envelope[inner + 1]
    bend = left - 2.0 * centre + right
    peak = (bend < 0.0) & (centre >= left) & (centre >= right) & (inner == frames)
    shift: Float64 = np.where(peak, 0.5 * (left - right) / np.where(peak, bend, -1.0), 0.0)
    return shift
