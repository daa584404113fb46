"""The low bins of a spectrum, bent towards a picture at a fraction of the sample rate.

Below some kHz mel bands are so narrow that a picture is met only where the phases of single tones go on from frame to
frame, and that takes many rounds. Bins far below half the sample rate are, up to a factor, those of the signal at a
fraction of the rate with as much shorter frames, so there a round costs that fraction.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sideman.audio.inversion import istft, resynthesise
from sideman.audio.mel import mel_filterbank
from sideman.audio.mel_inversion import CORRECTION_MOMENTUM, LEAST_GAIN, MOST_GAIN
from sideman.audio.mel_picture import FORM, MelForm
from sideman.audio.spectrum import Complex64, Float32, stft

_FADE_BINS = 10
_BLOCK_FRAMES = 256
_FITS = 5  # multiplicative updates, as in `sideman.audio.mel_inversion`
_TINY = 1e-9


class LowBins:
    """Bins up to ``1 / decimation`` of half the sample rate; the highest ten fade into what was there."""

    def __init__(self, decimation: int, form: MelForm = FORM) -> None:
        """``decimation`` divides frame and hop of the form."""
        self._decimation, self._form = decimation, form
        self._n_fft, self._hop_length = form.n_fft // decimation, form.hop_length // decimation
        self.bins = 1 + self._n_fft // 2
        top = self.bins - _FADE_BINS
        filters = mel_filterbank(form.sample_rate_hz, form.n_fft, n_mels=form.n_mels)
        last = filters.shape[1] - 1 - (filters[:, ::-1] > 0).argmax(1)
        self._bands = np.flatnonzero(last < top)
        inside = np.ascontiguousarray(filters[self._bands, : self.bins])
        total = inside.sum(0)
        self._to_bands = np.ascontiguousarray(inside.T)
        self._to_bins = inside / np.maximum(total, _TINY)
        self._unheard = (total <= _TINY).astype(np.float32)
        self._unheard[0] = 0  # of what lies below hearing a picture tells nothing: it is to die away
        self._weight = np.ones(self.bins, np.float32)
        self._weight[top - _FADE_BINS : top] = np.linspace(1, 0, _FADE_BINS, dtype=np.float32)
        self._weight[top:] = 0

    def magnitudes(self, mel_frames: Float32) -> Float32:
        """Magnitudes (t, bins) that fit mel magnitudes (t, 96); 0 where no band of these bins reaches."""
        wanted = np.maximum(mel_frames[:, self._bands], self._form.floor)
        magnitude: Float32 = wanted @ self._to_bins
        for _ in range(_FITS):
            magnitude *= (wanted / np.maximum(magnitude @ self._to_bands, _TINY)) @ self._to_bins
        return magnitude

    def bend(self, frames: Complex64, mel_frames: Float32, rounds: int) -> None:
        """Bend the low bins of frames (t, 513), in place, towards mel magnitudes (t, 96)."""
        scale = np.float32(1 / self._decimation)
        floor = np.float32(self._form.floor) * scale
        wanted = np.maximum(mel_frames[:, self._bands] * scale, floor)
        low = np.ascontiguousarray(frames[:, : self.bins]) * scale
        n_fft, hop_length = self._n_fft, self._hop_length
        sound = istft(low.T, n_fft=n_fft, hop_length=hop_length, length=hop_length * (len(low) - 1) + 1)
        before = low

        def change(first: int, now: Complex64) -> Complex64:
            here = slice(first, first + len(now))
            moved: Complex64 = now + momentum * (now - before[here]) if momentum else now.copy()
            before[here] = now
            gain = wanted[here] / np.maximum(np.abs(moved) @ self._to_bands, floor)
            gain *= np.sqrt(np.sqrt(gain))  # to the power of 1.25: bolder steps need fewer rounds
            moved *= np.clip(gain, LEAST_GAIN, MOST_GAIN, out=gain) @ self._to_bins + self._unheard
            return moved

        for number in range(rounds):
            momentum = np.float32(CORRECTION_MOMENTUM if number else 0)
            sound = resynthesise(
                sound, change, n_fft=n_fft, hop_length=hop_length, block_frames=_BLOCK_FRAMES
            )  # fmt: skip
        bent = stft(sound, n_fft=n_fft, hop_length=hop_length).T
        bent *= np.float32(self._decimation)
        bent -= frames[:, : self.bins]
        bent *= self._weight
        frames[:, : self.bins] += bent


@lru_cache(maxsize=8)
def low_bins(decimation: int, form: MelForm = FORM) -> LowBins:
    """Cached :class:`LowBins`."""
    return LowBins(decimation, form)
