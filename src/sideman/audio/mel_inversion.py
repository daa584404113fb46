"""From log-mel pictures back to spectra: magnitudes that fit a picture, and frames bent until they fit.

96 bands do not tell 513 bins apart; of all the magnitudes >= 0 that fit, one is found from the pseudo-inverse by
multiplicative updates, which lessen the Kullback-Leibler divergence: they count by what factor a band is missed, as a
picture of logarithms does, where least squares would count loud bands only. Sources: W. H. Richardson, J. Opt. Soc. Am.
62(1), 1972; D. D. Lee and H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS 2000.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.inversion import resynthesise
from sideman.audio.mel import MelBands, mel_bands, mel_filterbank
from sideman.audio.mel_picture import FORM, MelForm
from sideman.audio.spectrum import BLOCK_FRAMES, Complex64, Float32, frame_count
from sideman.core.errors import AudioError, UsageError

LEAST_GAIN, MOST_GAIN = 0.1, 10.0
"""How far :meth:`MelInverse.match` changes a bin at once: 20 dB."""

CORRECTION_MOMENTUM = 0.9
"""Share of the last change by which a correction looks ahead, as in fast Griffin-Lim."""

_BINS_PER_GROUP = 64
_TINY = np.float32(1e-12)


class MelInverse:
    """What leads from bands to bins, for one form of pictures."""

    def __init__(self, form: MelForm = FORM) -> None:
        """Plan the products; takes some milliseconds: :func:`mel_inverse` keeps it."""
        filters = mel_filterbank(form.sample_rate_hz, form.n_fft, n_mels=form.n_mels)
        self._form = form
        self._bands: MelBands = mel_bands(form.sample_rate_hz, form.n_fft, form.n_mels)
        self._pseudo_inverse = np.linalg.pinv(filters.astype(np.float64)).T.astype(np.float32)
        heard = np.flatnonzero(filters.any(axis=0))
        nearest = heard[np.abs(np.arange(filters.shape[1])[:, None] - heard).argmin(axis=1)]
        spread = filters[:, nearest]  # bins that no filter reaches go with their neighbour
        spread = spread / spread.sum(axis=0)
        self._groups: list[tuple[slice, slice, Float32]] = []
        for first in range(0, spread.shape[1], _BINS_PER_GROUP):
            bins = slice(first, min(first + _BINS_PER_GROUP, spread.shape[1]))
            used = np.flatnonzero(spread[:, bins].any(axis=1))
            rows = slice(int(used[0]), int(used[-1]) + 1)
            self._groups.append((rows, bins, np.ascontiguousarray(spread[rows, bins])))

    def spread(self, bands: Float32) -> Float32:
        """Values of bands (t, n_mels) to bins (t, 1 + n_fft // 2): the mean of the bands whose filters reach a bin."""
        out = np.empty((len(bands), 1 + self._form.n_fft // 2), np.float32)
        for rows, bins, weights in self._groups:
            np.matmul(bands[:, rows], weights, out=out[:, bins])
        return out

    def pseudo_inverse(self, mel_frames: Float32) -> Float32:
        """Least magnitudes (t, bins) with these mel magnitudes (t, n_mels), where negative raised to 0."""
        magnitude: Float32 = np.matmul(mel_frames, self._pseudo_inverse)
        return np.maximum(magnitude, 0, out=magnitude)

    def fit(self, mel_frames: Float32, iterations: int) -> Float32:
        """Magnitudes (t, bins) >= 0 with these mel magnitudes (t, n_mels)."""
        magnitude = self.pseudo_inverse(mel_frames)
        # A zero would stay one: begin no lower than a share of what the bands around hold.
        np.maximum(magnitude, np.float32(1e-3) * self.spread(mel_frames), out=magnitude)
        for _ in range(iterations):
            told = np.maximum(self._bands.apply(magnitude), _TINY)
            magnitude *= self.spread(np.divide(mel_frames, told, out=told))
        return magnitude

    def match(self, frames: Complex64, mel_frames: Float32) -> Complex64:
        """Frames (t, bins), changed in place, whose mel magnitudes are nearer to ``mel_frames`` (t, n_mels).

        One multiplicative update: each band is to become what is wanted of it, each bin takes the mean gain of its
        bands. Phases stay, and no bin changes by more than a factor of 10.
        """
        actual = self._bands.apply(np.abs(frames))
        least = np.float32(self._form.floor)  # what is below counts as silence in a picture
        np.maximum(actual, least, out=actual)
        gain = np.divide(np.maximum(mel_frames, least), actual, out=actual)
        gains = self.spread(np.clip(gain, LEAST_GAIN, MOST_GAIN, out=gain))
        return np.multiply(frames, gains, out=frames)


def correct(
    sound: Float32,
    log_mel: ArrayLike,
    rounds: int,
    *,
    momentum: float = CORRECTION_MOMENTUM,
    form: MelForm = FORM,
) -> Float32:
    """Sound (n,) whose picture is nearer to ``log_mel`` (n_mels, 1 + n // hop_length); new memory.

    Each round bends the frames of the sound (:meth:`MelInverse.match`) and makes a sound of them. From the second round
    on the frames first go on in the direction in which they have come, by ``momentum`` times as much: the idea of fast
    Griffin-Lim (see `sideman.audio.griffin_lim`), with mel bands wanted instead of magnitudes.

    Raises
    ------
    AudioError
        The picture has another shape, or the sound another number of frames.
    """
    mel_frames, inverse = mel_frames_of(log_mel, form), mel_inverse(form)
    n_frames = frame_count(len(sound), n_fft=form.n_fft, hop_length=form.hop_length)
    if n_frames != len(mel_frames):
        raise AudioError(f"a sound of {n_frames} frames does not go with a picture of {len(mel_frames)}")
    before = np.empty((n_frames, 1 + form.n_fft // 2), np.complex64)
    for number in range(rounds):
        bend = partial(_bend, inverse, mel_frames, before, np.float32(momentum if number else 0))
        sound = resynthesise(sound, bend, n_fft=form.n_fft, hop_length=form.hop_length)
    return sound


def _bend(
    inverse: MelInverse, mel_frames: Float32, before: Complex64, momentum: np.float32, first: int, frames: Complex64
) -> Complex64:
    """Frames for one round of :func:`correct`; ``before`` has those of the round before, and is given these."""
    here = slice(first, first + len(frames))
    moved = frames + momentum * (frames - before[here]) if momentum else frames.copy()
    before[here] = frames
    return inverse.match(moved, mel_frames[here])


@lru_cache(maxsize=4)
def mel_inverse(form: MelForm = FORM) -> MelInverse:
    """Cached :class:`MelInverse`."""
    return MelInverse(form)


def magnitude_of(log_mel: ArrayLike, *, iterations: int = 20, form: MelForm = FORM) -> Float32:
    """Linear magnitude spectrogram for a log-mel picture.

    Parameters
    ----------
    log_mel
        Shape (n_mels, t), natural log of mel magnitude.
    iterations
        Multiplicative updates, >= 0; with 0 the pseudo-inverse alone, clipped at 0.
    form
        Of the picture.

    Returns
    -------
    float32, shape (1 + n_fft // 2, t), >= 0; a view of frame-major memory.

    Raises
    ------
    AudioError
        The picture has another shape.
    UsageError
        ``iterations`` is negative.
    """
    mel_frames = mel_frames_of(log_mel, form)
    if iterations < 0:
        raise UsageError(f"iterations must be >= 0, not {iterations}")
    inverse = mel_inverse(form)
    magnitude = np.empty((len(mel_frames), 1 + form.n_fft // 2), np.float32)
    for first in range(0, len(mel_frames), BLOCK_FRAMES):
        block = mel_frames[first : first + BLOCK_FRAMES]
        magnitude[first : first + len(block)] = (
            inverse.fit(block, iterations) if iterations else inverse.pseudo_inverse(block)
        )
    return magnitude.T


def match_mel(frames: Complex64, log_mel: ArrayLike, form: MelForm = FORM) -> Complex64:
    """Frames (t, 1 + n_fft // 2) of a sound, bent towards a log-mel picture (n_mels, t); new memory.

    One step only, see :meth:`MelInverse.match`; the frames of the sound made of them come near the picture.

    Raises
    ------
    AudioError
        The picture has another shape, or as many frames as there are not.
    """
    mel_frames = mel_frames_of(log_mel, form)
    if frames.shape != (len(mel_frames), 1 + form.n_fft // 2):
        raise AudioError(f"frames of shape {frames.shape} do not go with a picture of {len(mel_frames)} frames")
    return mel_inverse(form).match(frames.copy(), mel_frames)


def mel_frames_of(log_mel: ArrayLike, form: MelForm = FORM) -> Float32:
    """Mel magnitudes, frame-major (t, n_mels), of a log-mel picture (n_mels, t); AudioError for another shape."""
    picture = np.asarray(log_mel, np.float32)
    if picture.ndim != 2 or picture.shape[0] != form.n_mels:
        raise AudioError(f"expected a picture of shape ({form.n_mels}, t), got {picture.shape}")
    return np.exp(np.ascontiguousarray(picture.T))
