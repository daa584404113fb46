"""Loudness by ITU-R BS.1770-5 (EBU R128), and a limiter that keeps peaks under a ceiling."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_BLOCK_S, _STEPS_PER_BLOCK = 0.4, 4
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_PEAK_N = 32  # samples per step of the limiter
_LOOK_S = 0.005


def k_weighting(rate_hz: int) -> NDArray[np.float64]:
    """The two stages of the standard's weighting for any rate, as second-order sections, shape (2, 6).

    The standard prints coefficients for 48 kHz only; these are the analogue filters behind them (bilinear transform).
    """
    warped = np.tan(np.pi * 1681.974450955533 / rate_hz)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    bottom = 1 + warped / quality + warped**2
    shelf = [
        (high + middle * warped / quality + warped**2) / bottom,
        2 * (warped**2 - high) / bottom,
        (high - middle * warped / quality + warped**2) / bottom,
        1.0,
        2 * (warped**2 - 1) / bottom,
        (1 - warped / quality + warped**2) / bottom,
    ]
    warped, quality = np.tan(np.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    bottom = 1 + warped / quality + warped**2
    cut = [1.0, -2.0, 1.0, 1.0, 2 * (warped**2 - 1) / bottom, (1 - warped / quality + warped**2) / bottom]
    return np.array([shelf, cut])


@cache
def _spectral_weights(rate_hz: int, step: int) -> Floats:
    """What the squares of real and imaginary parts of a piece's spectrum count, shape (2 * (step // 2 + 1),)."""
    turn = np.exp(-2j * np.pi * np.arange(step // 2 + 1) / step)
    gain = np.ones(len(turn))
    for b0, b1, b2, _, a1, a2 in k_weighting(rate_hz):
        gain *= np.abs((b0 + b1 * turn + b2 * turn**2) / (1 + a1 * turn + a2 * turn**2)) ** 2
    both_sides = np.where((np.arange(len(turn)) > 0) & (2 * np.arange(len(turn)) < step), 2.0, 1.0)
    return np.repeat((gain * both_sides / step**2).astype(np.float32), 2)


def weighted_power(channels: Floats, rate_hz: int) -> NDArray[np.float64]:
    """Mean square of each 100 ms after the K weighting, channels added; the last piece counts as if it were full.

    The weighting is applied to the spectrum of each piece (Parseval's theorem), at a third of a filter's cost.

    Args:
        channels: shape (channels, n).
    """
    from scipy.fft import rfft

    step = round(rate_hz * _BLOCK_S / _STEPS_PER_BLOCK)
    weights = _spectral_weights(rate_hz, step)
    n = channels.shape[1]
    total = np.zeros(max(1, -(-n // step)))
    for channel in channels:
        for first in range(0, n, 64 * step):
            piece = channel[first : first + 64 * step]
            if len(piece) % step:
                piece = np.concatenate([piece, np.zeros(step - len(piece) % step, np.float32)])
            spectra = rfft(piece.reshape(-1, step)).view(np.float32)
            at = first // step
            total[at : at + len(spectra)] += np.square(spectra, out=spectra) @ weights
    return total


def gated_loudness(power: NDArray[np.float64]) -> float:
    """Integrated loudness in LUFS from :func:`weighted_power`; -inf for silence."""
    n = min(_STEPS_PER_BLOCK, len(power))
    blocks = np.convolve(power, np.full(n, 1 / n), "valid")
    kept = blocks[blocks > 10 ** ((_ABSOLUTE_GATE_LUFS + 0.691) / 10)]
    if not len(kept):
        return -np.inf
    kept = kept[kept > kept.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
    return float(-0.691 + 10 * np.log10(kept.mean()))


def integrated_loudness(samples: Floats, rate_hz: int) -> float:
    """Integrated loudness of samples of shape (n, channels) in LUFS; -inf for silence."""
    return gated_loudness(weighted_power(np.ascontiguousarray(samples.T, np.float32), rate_hz))


def normalise(channels: Floats, rate_hz: int, target_lufs: float, ceiling_db: float) -> None:
    """Bring sound of shape (2, n) to a loudness, in place; where it would exceed the ceiling, a limiter turns it down.

    The gain is found on 100 ms of power and peaks of 32 samples, so the samples are touched once. Peaks between samples
    are estimated by a parabola through the highest sample of a step and its neighbours. Silence stays as it is.
    """
    power = weighted_power(channels, rate_hz)
    peaks = _peaks(channels)
    ceiling = 10 ** (ceiling_db / 20)
    loudness = gated_loudness(power)
    if not np.isfinite(loudness):
        return
    gain = 10 ** ((target_lufs - loudness) / 20)
    step = rate_hz * _BLOCK_S / _STEPS_PER_BLOCK / _PEAK_N
    edges = np.minimum((np.arange(len(power)) * step).astype(int), len(peaks) - 1)
    reduction = _reduction(peaks * gain, ceiling, rate_hz)
    for _ in range(6):  # a limiter takes loudness; give it back
        if reduction.min() >= 1:
            break
        squares = np.add.reduceat(reduction**2, edges) / np.maximum(np.diff(np.append(edges, len(reduction))), 1)
        missing = target_lufs - gated_loudness(power * gain**2 * squares)
        if missing < 0.02:
            break
        gain *= 10 ** (missing / 20)
        reduction = _reduction(peaks * gain, ceiling, rate_hz)
    if reduction.min() >= 1:
        channels *= np.float32(gain)
    else:
        _apply(channels, (gain * reduction).astype(np.float32))


def _peaks(channels: Floats) -> NDArray[np.float64]:
    """The highest magnitude of each 32 samples, over the channels, at least one step."""
    n = channels.shape[1]
    highest = np.zeros(-(-n // _PEAK_N))
    for channel in channels:
        whole = n // _PEAK_N
        steps = channel[: whole * _PEAK_N].reshape(whole, _PEAK_N)
        peaks = np.maximum(steps.max(1), -steps.min(1)).astype(np.float64)
        if whole < len(highest):
            peaks = np.append(peaks, np.abs(channel[whole * _PEAK_N :]).max())
        loud = np.flatnonzero(peaks[:whole] > 0.3 * peaks.max())
        at = np.abs(steps[loud]).argmax(1) + loud * _PEAK_N
        before, here, after = (channel[np.clip(at + i, 0, n - 1)].astype(np.float64) for i in (-1, 0, 1))
        bend = (2 * here - before - after) * np.sign(here)
        rise = np.where(bend > 0, (after - before) ** 2 / (8 * np.where(bend > 0, bend, 1)), 0.0)
        peaks[loud] += np.minimum(rise, 0.5 * np.abs(here))
        highest = np.maximum(highest, peaks)
    return highest


def _reduction(peaks: NDArray[np.float64], ceiling: float, rate_hz: int) -> NDArray[np.float64]:
    """Factor of each step that keeps its peak under the ceiling, smooth over some milliseconds before and after."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    needed = ceiling / np.maximum(peaks, ceiling)
    if needed.min(initial=1.0) >= 1:
        return needed
    radius = max(1, round(_LOOK_S * rate_hz / _PEAK_N))
    # The lowest within the reach of both averages and of the line between steps: no peak gets through.
    lowest = minimum_filter1d(needed, 2 * (2 * radius + 1) + 1, mode="nearest")
    smooth = uniform_filter1d(lowest, 2 * radius + 1, mode="nearest")
    return np.asarray(uniform_filter1d(smooth, 2 * radius + 1, mode="nearest"))


def _apply(channels: Floats, gains: Floats) -> None:
    """Multiply by gains that hold at the middle of each step, linear in between."""
    n = channels.shape[1]
    ramp = (np.arange(_PEAK_N, dtype=np.float32) + 0.5) / _PEAK_N
    line = np.empty((len(gains), _PEAK_N), np.float32)
    np.multiply(np.diff(gains, append=gains[-1:])[:, None], ramp, out=line)
    line += gains[:, None]
    flat = line.ravel()
    half = _PEAK_N // 2
    channels[:, :half] *= gains[0]
    channels[:, half:] *= flat[: n - half]
