"""A small band made of numpy alone: oscillators, strings, drums, a voice, a room and a mixing desk.

Every function returns mono float64 samples at SAMPLE_RATE_HZ. Nothing is sampled from a recording: tones are sums of
sines below Nyquist, and all noise comes from the generator that the caller seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

SAMPLE_RATE_HZ = 44100
VOWELS_HZ = {"a": (750, 1200, 2500), "e": (500, 1850, 2500), "i": (300, 2200, 2950), "o": (450, 850, 2550)}


def hertz(note: float) -> float:
    """Frequency of a MIDI note (69 = A4 = 440 Hz)."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def seconds(duration_s: float) -> Samples:
    """Times of the samples of a signal of this length."""
    return np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ


def envelope(duration_s: float, attack_s: float, release_s: float, decay_per_s: float = 0.0) -> Samples:
    """Linear attack, exponential decay, cosine release; 1 at its highest."""
    t = seconds(duration_s)
    rise = np.clip(t / max(attack_s, 1e-4), 0, 1)
    fall = np.clip((duration_s - t) / max(release_s, 1e-4), 0, 1)
    return rise * np.exp(-decay_per_s * t) * (0.5 - 0.5 * np.cos(np.pi * fall))


def harmonics(
    frequency_hz: Samples | float, duration_s: float, gains: Callable[[int], float], limit: int = 60
) -> Samples:
    """Sum of sines at multiples of a (gliding) fundamental, ``gains(k)`` for the k-th, none above 18 kHz."""
    frequency = np.broadcast_to(np.asarray(frequency_hz, dtype=np.float64), seconds(duration_s).shape)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE_HZ
    top = int(min(limit, 18000 / max(float(np.max(frequency, initial=1.0)), 1.0)))
    return np.sum([gains(k) * np.sin(k * phase) for k in range(1, top + 1)], axis=0)


def shaped(y: Samples, response: Callable[[Samples], Samples]) -> Samples:
    """Filter by a real frequency response (zero phase); the signal is padded so that nothing wraps round."""
    size = 2 ** int(np.ceil(np.log2(len(y) + 4096)))
    frequency_hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    return np.fft.irfft(np.fft.rfft(y, size) * response(frequency_hz), size)[: len(y)]


def band(low_hz: float, high_hz: float, slope: int = 2) -> Callable[[Samples], Samples]:
    """Response of a band-pass with Butterworth-like flanks."""

    def response(frequency_hz: Samples) -> Samples:
        low = 1 / (1 + (low_hz / np.maximum(frequency_hz, 1e-3)) ** (2 * slope))
        return low / (1 + (frequency_hz / high_hz) ** (2 * slope))

    return response


# ---------------------------------------------------------------------------------------------------- pitched


def plucked(
    note: float, duration_s: float, *, bright: float = 1.0, ring: float = 1.0, position: float = 0.18
) -> Samples:
    """A plucked string: harmonics of a string pulled at ``position``, the high ones dying first."""
    t, f = seconds(duration_s), hertz(note)
    y = np.zeros_like(t)
    for k in range(1, int(min(40, 16000 / f)) + 1):
        stretched = k * f * np.sqrt(1 + 4e-5 * k * k)
        strength = np.sin(np.pi * k * position) / k ** (1.9 - 0.7 * bright)
        y += strength * np.exp(-t * (1.1 + 0.55 * k / bright) / ring) * np.sin(2 * np.pi * stretched * t)
    return y * envelope(duration_s, 0.002, min(0.04, duration_s / 3))


def bass(note: float, duration_s: float, *, bright: float = 0.5) -> Samples:
    """A finger-played bass: few harmonics, more of them the brighter it is."""
    body = harmonics(hertz(note), duration_s, lambda k: np.exp(-(k - 1) / (1 + 3 * bright)), limit=24)
    return body * envelope(duration_s, 0.006, 0.04, 1.2)


def strings(note: float, duration_s: float, rng: np.random.Generator, *, attack_s: float = 0.09) -> Samples:
    """An ensemble: five detuned bowed voices, each with its own vibrato."""
    t = seconds(duration_s)
    voices = []
    for cents in (-9, -4, 0, 5, 8):
        vibrato = 1 + 0.003 * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * t + rng.uniform(0, 6.3))
        frequency = hertz(note + cents / 100) * vibrato
        voices.append(harmonics(frequency, duration_s, lambda k: 1 / k**1.15 / (1 + (k / 14) ** 2), limit=36))
    return 0.3 * np.sum(voices, axis=0) * envelope(duration_s, attack_s, min(0.16, duration_s / 2))


def organ(note: float, duration_s: float) -> Samples:
    """A drawbar organ with six drawbars out."""
    drawbars = {1: 1.0, 2: 0.7, 3: 0.5, 4: 0.3, 6: 0.15, 8: 0.12}
    return harmonics(hertz(note), duration_s, lambda k: drawbars.get(k, 0.0)) * envelope(duration_s, 0.006, 0.02)


def electric_piano(note: float, duration_s: float) -> Samples:
    """Two-operator frequency modulation with a fading index: a tine and its bar."""
    t, f = seconds(duration_s), hertz(note)
    tine = 0.25 * np.exp(-9 * t) * np.sin(2 * np.pi * 14 * f * t) * (14 * f < 16000)
    body = np.sin(2 * np.pi * f * t + 1.4 * np.exp(-2.5 * t) * np.sin(2 * np.pi * f * t))
    tremolo = 1 + 0.12 * np.sin(2 * np.pi * 4.6 * t)
    return (body + tine) * tremolo * envelope(duration_s, 0.003, 0.05, 1.3)


def piano(note: float, duration_s: float) -> Samples:
    """Two strings per note, a little apart."""
    low, high = (plucked(note + c, duration_s, bright=0.8, ring=1.6, position=0.12) for c in (-0.02, 0.02))
    return low + high


def overdriven(chord: Sequence[float], duration_s: float, *, drive: float, muted: bool = False) -> Samples:
    """An electric guitar through a clipping amplifier and a loudspeaker cabinet (80 Hz - 5 kHz)."""
    ring = 0.35 if muted else 4.0
    picked = np.sum([plucked(n + c, duration_s, bright=1.3, ring=ring) for n in chord for c in (-0.04, 0.05)], axis=0)
    tight = shaped(picked, band(140, 9000, 1))
    clipped = np.tanh(drive * tight + 0.25) - np.tanh(0.25)
    return shaped(clipped, band(85, 5200, 3)) * envelope(duration_s, 0.002, 0.02, 5.0 if muted else 0.0)


def lead_guitar(notes: Samples, duration_s: float) -> Samples:
    """A singing overdriven note whose pitch follows ``notes`` (MIDI, one value per sample): bends and vibrato."""
    frequency = 440.0 * 2.0 ** ((notes - 69.0) / 12.0)
    raw = harmonics(frequency, duration_s, lambda k: 1 / k**1.3, limit=24) * envelope(duration_s, 0.008, 0.06, 0.9)
    return shaped(np.tanh(2.2 * raw), band(150, 4200))


def voice(note: float, duration_s: float, vowel: str, rng: np.random.Generator, *, glide: float = -2.0) -> Samples:
    """A spoken or sung syllable: a burst of breath, then a glottal tone through three formants."""
    t = seconds(duration_s)
    frequency = hertz(note) * 2 ** (glide * t / max(duration_s, 1e-3) / 12) * (1 + 0.012 * np.sin(2 * np.pi * 5 * t))
    glottis = harmonics(frequency, duration_s, lambda k: 1 / k**0.9, limit=50) * envelope(duration_s, 0.025, 0.06)
    breath = shaped(rng.standard_normal(len(t)), band(2500, 8000)) * envelope(duration_s, 0.003, 0.01, 60)

    def formants(f: Samples) -> Samples:
        peaks = zip(VOWELS_HZ[vowel], (1.0, 0.6, 0.3), (80, 110, 160), strict=True)
        return np.sum([gain / (1 + ((f - centre) / width) ** 2) for centre, gain, width in peaks], axis=0)

    return 1.6 * shaped(glottis, formants) + 0.9 * breath


# ---------------------------------------------------------------------------------------------------- drums


def kick(rng: np.random.Generator, *, low_hz: float = 50, click: float = 0.3, duration_s: float = 0.32) -> Samples:
    """A bass drum: a sine falling to ``low_hz`` and the click of the beater."""
    t = seconds(duration_s)
    sweep = 2 * np.pi * np.cumsum(low_hz + 130 * np.exp(-t * 38)) / SAMPLE_RATE_HZ
    beater = shaped(rng.standard_normal(len(t)), band(1500, 7000)) * np.exp(-t * 260)
    return (np.sin(sweep) * np.exp(-t * 9) + click * beater) * envelope(duration_s, 0.001, 0.05)


def snare(rng: np.random.Generator, *, tone_hz: float = 185, rattle: float = 1.0, duration_s: float = 0.26) -> Samples:
    """A snare drum: two modes of the head and the rattle of the wires."""
    t = seconds(duration_s)
    head = (np.sin(2 * np.pi * tone_hz * t) + 0.6 * np.sin(2 * np.pi * 1.59 * tone_hz * t)) * np.exp(-t * 24)
    wires = shaped(rng.standard_normal(len(t)), band(900, 9000, 1)) * np.exp(-t * 17)
    return 0.6 * head + 0.8 * rattle * wires


def rim(rng: np.random.Generator) -> Samples:
    """A stick across the rim."""
    t = seconds(0.09)
    wood = np.sin(2 * np.pi * 1650 * t) + 0.7 * np.sin(2 * np.pi * 2490 * t)
    return wood * np.exp(-t * 75) + 0.4 * shaped(rng.standard_normal(len(t)), band(1000, 6000)) * np.exp(-t * 150)


def clap(rng: np.random.Generator) -> Samples:
    """Three hands just apart, then the room."""
    t = seconds(0.25)
    hands = sum(np.where(t >= at, np.exp(-(t - at) * rate), 0) for at, rate in ((0, 180), (0.011, 180), (0.023, 22)))
    return shaped(rng.standard_normal(len(t)), band(700, 4500)) * hands


def hat(rng: np.random.Generator, *, open_s: float = 0.0) -> Samples:
    """A hi-hat, closed or open for ``open_s``."""
    duration_s = max(0.06, open_s)
    t = seconds(duration_s)
    return shaped(rng.standard_normal(len(t)), band(6500, 16000, 3)) * envelope(duration_s, 0.001, 0.03, 3 / duration_s)


def cymbal(rng: np.random.Generator, duration_s: float = 1.4, *, ping: float = 0.0) -> Samples:
    """A crash; with ``ping`` a ride, whose stick sounds above a thin wash."""
    t = seconds(duration_s)
    wash = shaped(rng.standard_normal(len(t)), band(3000, 14000)) * np.exp(-t * 3.2)
    partials = (2210, 3170, 4310, 5230, 6890, 8120)
    bell = np.sum([np.sin(2 * np.pi * f * t + 6.3 * rng.random()) for f in partials], axis=0) * np.exp(-t * 9)
    return (wash * (1 - 0.75 * ping) + 0.3 * ping * bell) * envelope(duration_s, 0.001, 0.2)


# ---------------------------------------------------------------------------------------------------- the desk


class Desk:
    """A stereo mix: signals placed in time, level, panorama and room."""

    def __init__(self, duration_s: float, rng: np.random.Generator) -> None:
        self.rng = rng
        self.dry = np.zeros((round(duration_s * SAMPLE_RATE_HZ), 2))
        self.send = np.zeros_like(self.dry)

    def play(self, y: Samples, at_s: float, gain: float = 1.0, *, pan: float = 0.0, room: float = 0.15) -> None:
        """Add a signal at a time; ``pan`` from -1 (left) to 1, ``room`` the share sent to the reverberation."""
        start_n = max(0, round(at_s * SAMPLE_RATE_HZ))
        y = y[: max(0, len(self.dry) - start_n)]
        angle = (pan + 1) * np.pi / 4
        placed = gain * y[:, None] * np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2)
        self.dry[start_n : start_n + len(y)] += placed
        self.send[start_n : start_n + len(y)] += room * placed

    def mixdown(self, *, room_s: float = 0.8, drive: float = 1.0) -> NDArray[np.float32]:
        """Stereo float32 (n, 2) with reverberation and a soft limiter, peak 0.9, ends faded."""
        t = seconds(room_s)
        impulse = self.rng.standard_normal((len(t), 2)) * np.exp(-6.9 * t / room_s)[:, None]
        impulse = np.stack([shaped(impulse[:, c], band(200, 6000, 1)) for c in (0, 1)], axis=1)
        impulse /= np.sqrt(np.sum(impulse**2, axis=0))
        size = len(self.dry) + len(t)
        wet = np.fft.irfft(np.fft.rfft(self.send, size, axis=0) * np.fft.rfft(impulse, size, axis=0), size, axis=0)
        mix = self.dry + wet[: len(self.dry)]
        mix = np.tanh(drive * mix / np.sqrt(np.mean(mix**2)) * 0.22)
        fade_n = round(0.03 * SAMPLE_RATE_HZ)
        mix[:fade_n] *= np.linspace(0, 1, fade_n)[:, None]
        mix[-4 * fade_n :] *= np.linspace(1, 0, 4 * fade_n)[:, None]
        return (0.9 * mix / np.max(np.abs(mix))).astype(np.float32)
