"""Changes of a recording that leave its genre as it is: what a model's answer should not depend on.

Source of the idea: Sturm, "A simple method to determine if a music information retrieval system is a horse", IEEE
Transactions on Multimedia 16(6), 2014; Rodríguez-Algarra, Sturm, Dixon 2019 (high-pass filters below 20 Hz).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import UsageError

Samples = NDArray[np.float32]
Generator = np.random.Generator
Container = Literal["wav", "mp3", "ogg", "opus"]
_SUBTYPES = {
    "wav": ("WAV", "FLOAT"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
_WRITTEN_AT_ONCE = 65_536  # libsndfile's Vorbis encoder overflows its stack on large writes
_OPUS_HZ = 48_000


@dataclass(frozen=True)
class Intervention:
    """One change.

    Attributes:
        name: as commands take it.
        about: what it does, in a few words.
        change: samples (n,) at a rate in Hz, and a random generator, to samples; the length stays unless said.
        container: file format that the changed sound goes through; "wav" (32-bit float) adds nothing.
        level: of compression, 0 (best) to 1 (smallest file), for "mp3", "ogg" and "opus"; None for the default.
    """

    name: str
    about: str
    change: Callable[[Samples, int, Generator], Samples]
    container: Container = "wav"
    level: float | None = None

    def write(self, samples: Samples, rate_hz: int, path: Path, rng: Generator) -> Path:
        """Change mono samples (n,) and write them as ``path`` with the container's suffix; returns that path."""
        import soundfile

        out = path.with_suffix(f".{self.container}")
        changed = np.asarray(self.change(samples, rate_hz, rng), np.float32)
        if self.container == "opus":
            changed, rate_hz = resampled(changed, rate_hz, _OPUS_HZ), _OPUS_HZ
        if self.container != "wav":  # codecs of fixed range
            changed = changed / np.float32(max(1.0, float(np.abs(changed).max(initial=0.0))))
        kind, subtype = _SUBTYPES[self.container]
        how = {} if self.level is None else {"compression_level": self.level}
        with soundfile.SoundFile(out, "w", rate_hz, 1, subtype, format=kind, **how) as file:
            for at in range(0, len(changed), _WRITTEN_AT_ONCE):
                file.write(changed[at : at + _WRITTEN_AT_ONCE])
        return out


def resampled(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    """Another sample rate, high quality."""
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float32)


def fitted(samples: Samples, n: int) -> Samples:
    """Cut to ``n`` samples, or filled up with zeros."""
    return np.pad(samples[:n], (0, max(0, n - len(samples))))


def high_pass(samples: Samples, rate_hz: int, cut_hz: float) -> Samples:
    """Butterworth of order 4, forward only."""
    from scipy import signal

    sos = signal.butter(4, cut_hz, btype="high", fs=rate_hz, output="sos")
    return np.asarray(signal.sosfilt(sos, samples), np.float32)


def low_pass(samples: Samples, rate_hz: int, cut_hz: float) -> Samples:
    """Butterworth of order 8, forward only; nothing where the rate holds no more anyway."""
    from scipy import signal

    if cut_hz >= 0.499 * rate_hz:
        return samples
    sos = signal.butter(8, cut_hz, fs=rate_hz, output="sos")
    return np.asarray(signal.sosfilt(sos, samples), np.float32)


def gain(samples: Samples, db: float) -> Samples:
    """Louder or quieter by ``db``."""
    return samples * np.float32(10 ** (db / 20))


def shelves(samples: Samples, rate_hz: int, low_db: float, high_db: float) -> Samples:
    """Bass (below 250 Hz) and treble (above 3 kHz) turned by so many dB: shelves of R. Bristow-Johnson's cookbook."""
    from scipy.signal import lfilter

    y = samples
    for hz, db, sign in ((250.0, low_db, 1), (3000.0, high_db, -1)):
        a = 10 ** (db / 40)
        w = 2 * np.pi * hz / rate_hz
        cos, alpha = np.cos(w) * sign, np.sin(w) / np.sqrt(2)
        root = 2 * np.sqrt(a) * alpha
        b = np.array([a * (a + 1 - (a - 1) * cos + root), 2 * a * (a - 1 - (a + 1) * cos) * sign])
        b = np.append(b, a * (a + 1 - (a - 1) * cos - root))
        c = np.array([a + 1 + (a - 1) * cos + root, -2 * (a - 1 + (a + 1) * cos) * sign, a + 1 + (a - 1) * cos - root])
        y = lfilter(b / c[0], c / c[0], y)
    return np.asarray(y, np.float32)


def tempo(samples: Samples, speed: float) -> Samples:
    """Faster or slower at the same pitch: (n,) -> (round(n / speed),)."""
    from sideman.audio.stretch import stretch

    return stretch(samples, speed)


def pitch(samples: Samples, rate_hz: int, semitones: float) -> Samples:
    """Higher or lower at the same tempo and length: stretched, then played at another rate."""
    from sideman.audio.stretch import stretch

    ratio = 2 ** (semitones / 12)
    slow = stretch(samples, 1 / ratio)
    return fitted(resampled(slow, rate_hz * ratio, rate_hz), len(samples))


def noise(samples: Samples, rng: Generator, snr_db: float) -> Samples:
    """White noise ``snr_db`` below the recording's mean power."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    level = np.sqrt(power * 10 ** (-snr_db / 10))
    return np.asarray(samples + level * rng.standard_normal(len(samples)), np.float32)


def narrow(samples: Samples, rate_hz: int, to_hz: int) -> Samples:
    """Through another sample rate and back; the length stays."""
    return fitted(resampled(resampled(samples, rate_hz, to_hz), to_hz, rate_hz), len(samples))


_TABLE = (
    Intervention("high-pass 20 Hz", "what no one hears is taken away", lambda y, r, _: high_pass(y, r, 20.0)),
    Intervention("low-pass 8 kHz", "the treble above 8 kHz is taken away", lambda y, r, _: low_pass(y, r, 8000.0)),
    Intervention("bass +6 dB, treble -6 dB", "a dark equaliser", lambda y, r, _: shelves(y, r, 6.0, -6.0)),
    Intervention("bass -6 dB, treble +6 dB", "a bright equaliser", lambda y, r, _: shelves(y, r, -6.0, 6.0)),
    Intervention("gain -20 dB", "quiet", lambda y, _r, _: gain(y, -20.0)),
    Intervention("gain +6 dB, clipped", "too loud", lambda y, _r, _: np.clip(gain(y, 6.0), -1, 1)),
    Intervention("pitch +1 semitone", "the same tempo, higher", lambda y, r, _: pitch(y, r, 1.0)),
    Intervention("pitch -1 semitone", "the same tempo, lower", lambda y, r, _: pitch(y, r, -1.0)),
    Intervention("tempo +6 %", "the same pitch, faster; the length changes", lambda y, _r, _: tempo(y, 1.06)),
    Intervention("tempo -6 %", "the same pitch, slower; the length changes", lambda y, _r, _: tempo(y, 0.94)),
    Intervention("mp3", "MPEG layer III, default quality", lambda y, _r, _: y, "mp3"),
    Intervention("mp3, smallest", "MPEG layer III, lowest quality", lambda y, _r, _: y, "mp3", 0.99),
    Intervention("ogg", "Ogg Vorbis", lambda y, _r, _: y, "ogg"),
    Intervention("opus", "Opus, 48 kHz", lambda y, _r, _: y, "opus"),
    Intervention("through 8 kHz", "telephone rate and back", lambda y, r, _: narrow(y, r, 8000)),
    Intervention("noise 30 dB", "white noise 30 dB below", lambda y, _r, rng: noise(y, rng, 30.0)),
)
INTERVENTIONS: dict[str, Intervention] = {intervention.name: intervention for intervention in _TABLE}
"""All changes by name, in the order in which reports list them."""


def chosen(names: tuple[str, ...] = ()) -> tuple[Intervention, ...]:
    """Interventions by name, all for none; raises :class:`UsageError` with the names that there are."""
    for name in names:
        if name not in INTERVENTIONS:
            raise UsageError(f"no intervention '{name}'; there is {'; '.join(INTERVENTIONS)}")
    return tuple(INTERVENTIONS[name] for name in names) or _TABLE
