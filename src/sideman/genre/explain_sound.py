"""What a model heard, to listen to: the recording with everything turned down that did not carry the answer."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import OutputError, UsageError
from sideman.genre.explain_result import Explanation
from sideman.genre.inputs import SAMPLE_RATE_HZ

Float32 = NDArray[np.float32]
Floats = NDArray[np.float64]
SOUND_SUFFIXES = (".wav", ".flac")
_PEAK = 0.98


def mask_of(explained: Explanation) -> Floats:
    """How much of each value of the picture to let through, (bands, columns), 0..1.

    What speaks for the genre is smoothed; the value above which half of it lies passes at half amplitude, as in a
    Wiener filter.
    """
    from scipy.ndimage import gaussian_filter

    positive = np.maximum(np.nan_to_num(explained.importance), 0)
    smooth = gaussian_filter(positive, (0.02 * len(positive), 2.0))
    ordered = np.sort(smooth.ravel())[::-1]
    total = ordered.sum()
    if not total > 0:
        return np.zeros_like(smooth)
    middle = ordered[int(np.searchsorted(np.cumsum(ordered), 0.5 * total))]
    return np.asarray(smooth**2 / (smooth**2 + middle**2))


def heard_sound(samples: Float32, explained: Explanation) -> Float32:
    """Samples (n,) of the explained stretch at 22050 Hz -> what of them passes the mask, (n,), within full scale.

    A picture without frequencies (cepstra) masks in time only.

    Raises:
        UsageError: the explanation is of a table, which has no picture.
    """
    from sideman.audio.inversion import istft
    from sideman.audio.spectrum import fft_frequencies, stft

    if not explained.importance.size:
        raise UsageError(f"{explained.path}: explained by columns; there is no picture to listen through")
    mask = mask_of(explained)
    spectra = stft(samples)
    columns = np.minimum(np.arange(spectra.shape[1]), mask.shape[1] - 1)
    bins_hz = fft_frequencies(SAMPLE_RATE_HZ)
    if explained.frequencies_hz is None:
        weights = np.full((len(bins_hz), len(mask)), 1 / len(mask))
    else:
        weights = _between(bins_hz, explained.frequencies_hz)
    sound = istft(spectra * (weights @ mask)[:, columns], length=len(samples))
    peak = float(np.abs(sound).max(initial=0.0))
    return sound if peak <= _PEAK else sound * np.float32(_PEAK / peak)


def _between(bins_hz: Floats, bands_hz: Floats) -> Floats:
    """Linear interpolation from bands to bins, (bins, bands); above the highest band nothing passes."""
    weights = np.zeros((len(bins_hz), len(bands_hz)))
    place = np.interp(bins_hz, bands_hz, np.arange(len(bands_hz)))
    low = np.minimum(place.astype(int), len(bands_hz) - 2)
    rows = np.arange(len(bins_hz))
    weights[rows, low + 1] = place - low
    weights[rows, low] += 1 - (place - low)
    top_hz = bands_hz[-1] + (bands_hz[-1] - bands_hz[-2])
    weights[bins_hz > top_hz] = 0
    return weights


def write_heard(explained: Explanation, out: str | os.PathLike[str]) -> None:
    """Write what the model heard of the explained stretch, mono at 22050 Hz; the file appears whole or not at all.

    Args:
        explained: what :func:`sideman.genre.explain.explain` gave.
        out: a .wav (16 bit) or .flac file.

    Raises:
        UsageError: another suffix, or an explanation by columns.
        AudioError: the recording cannot be read again.
        OutputError: the file cannot be written.
    """
    import soundfile

    from sideman.audio.decode import load
    from sideman.core.atomic import atomic_write
    from sideman.core.sink import Sink

    suffix = Path(out).suffix.lower()
    if suffix not in SOUND_SUFFIXES:
        raise UsageError(f"{out}: a sound file's name must end in {' or '.join(SOUND_SUFFIXES)}")
    if Path(out).exists() and Path(explained.path).exists() and Path(out).samefile(explained.path):
        raise OutputError(f"{out}: is the recording itself; name another file")
    samples, _ = load(
        explained.path, sample_rate_hz=SAMPLE_RATE_HZ, start_s=explained.start_s, duration_s=explained.duration_s
    )
    sound = heard_sound(samples, explained)
    with atomic_write(out) as file, Sink(file) as sink:
        soundfile.write(sink, sound, SAMPLE_RATE_HZ, format=suffix[1:].upper(), subtype="PCM_16")
