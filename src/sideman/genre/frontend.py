"""From samples to what the genre network sees: log-mel windows of two seconds, each normalised by its own loudness.

Because a window is divided by its mean power before the logarithm, gain changes nothing; because every window has the
same length and nothing above 8 kHz counts, neither the recording's length nor its bandwidth above that does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sideman.audio.mel import mel_bands
from sideman.audio.spectrum import frame_blocks, squared_magnitude

SAMPLE_RATE_HZ = 22_050
N_FFT = 1024
HOP_LENGTH = 512
N_MELS = 96
FMAX_HZ = 8_000.0
WINDOW_N = 2 * SAMPLE_RATE_HZ
WINDOW_FRAMES = 1 + WINDOW_N // HOP_LENGTH
WINDOW_S = WINDOW_N / SAMPLE_RATE_HZ
STEP_FRAMES = WINDOW_FRAMES - 1
STEP_S = STEP_FRAMES * HOP_LENGTH / SAMPLE_RATE_HZ
FLOOR = 1e-4
"""Added to the power ratio before the logarithm: 40 dB below the window's mean."""
SILENCE_POWER = 1e-9
"""Mean mel power of white noise at about -102 dBFS; a quieter window is called silent."""

Float32 = NDArray[np.float32]


class WindowMaker:
    """Cut a stream of sample blocks into network windows, as one centred STFT over the whole stream would.

    Blocks may have any length. Memory holds one window and the block at hand.
    """

    def __init__(self) -> None:
        """Start before the first sample."""
        self._tail = np.zeros(N_FFT // 2, np.float32)
        self._head: list[Float32] = []
        self._pending = np.zeros((0, N_MELS), np.float32)
        self._latest = self._pending
        self.samples_n = 0

    def update(self, block: Float32) -> tuple[Float32, NDArray[np.bool_]]:
        """Take the next samples, shape (n,); return the windows they complete.

        Returns windows (k, 96, 87) and which of them are silent (k,).
        """
        if self.samples_n < WINDOW_N:
            self._head.append(block)
        self.samples_n += len(block)
        return self._advance(block)

    def finish(self) -> tuple[Float32, NDArray[np.bool_]]:
        """End the stream; return what is left, as :meth:`update`.

        A stream shorter than one window is repeated until it fills one. Otherwise a remainder of more than a quarter
        of a window is covered by a last window that ends with the stream.
        """
        closing = np.zeros(N_FFT // 2, np.float32)
        if self.samples_n == 0:
            return _normalised([])
        if self.samples_n < WINDOW_N:
            repeated = WindowMaker()
            repeated._advance(np.resize(np.concatenate(self._head), WINDOW_N))
            return repeated._advance(closing)
        windows, silent = self._advance(closing)
        if (len(self._pending) - 1) * HOP_LENGTH > WINDOW_N // 4:
            last, last_silent = _normalised([self._latest])
            return np.concatenate([windows, last]), np.concatenate([silent, last_silent])
        return windows, silent

    def _advance(self, block: Float32) -> tuple[Float32, NDArray[np.bool_]]:
        samples = np.concatenate([self._tail, block])
        if len(samples) < N_FFT:
            self._tail = samples
            return _normalised([])
        bands = mel_bands(SAMPLE_RATE_HZ, N_FFT, N_MELS, 0.0, FMAX_HZ)
        blocks = frame_blocks(samples, n_fft=N_FFT, hop_length=HOP_LENGTH)
        new = np.concatenate([bands.apply(squared_magnitude(frames)) for _, frames in blocks])
        self._tail = samples[len(new) * HOP_LENGTH :].copy()
        self._latest = np.concatenate([self._latest, new])[-WINDOW_FRAMES:]
        pending = np.concatenate([self._pending, new])
        cut = []
        while len(pending) >= WINDOW_FRAMES:
            cut.append(pending[:WINDOW_FRAMES])
            pending = pending[STEP_FRAMES:]
        self._pending = pending.copy()
        return _normalised(cut)


def _normalised(cut: list[Float32]) -> tuple[Float32, NDArray[np.bool_]]:
    if not cut:
        return np.zeros((0, N_MELS, WINDOW_FRAMES), np.float32), np.zeros(0, bool)
    mel = np.stack(cut)
    mean = mel.mean((1, 2), keepdims=True)
    ratio = mel / np.maximum(mean, np.float32(1e-12))
    ratio += np.float32(FLOOR)
    return np.log(ratio, out=ratio).transpose(0, 2, 1), mean[:, 0, 0] < SILENCE_POWER


def windows_of(samples: Float32) -> tuple[Float32, NDArray[np.bool_]]:
    """All windows of a clip at 22050 Hz: (k, 96, 87) and which are silent (k,), as :class:`WindowMaker` gives them."""
    maker = WindowMaker()
    first, first_silent = maker.update(samples)
    last, last_silent = maker.finish()
    return np.concatenate([first, last]), np.concatenate([first_silent, last_silent])
