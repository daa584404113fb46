"""A wavetable synthesiser in exact equal temperament, for tuning material whose pitch must be true.

symusic 0.5.9 ignores the tuning of many SoundFonts (its issue 55: notes off key), which is harmless for tempo and fatal
for key; so pitched parts are played by these tables and only drums by a SoundFont.
"""

from __future__ import annotations

import numpy as np

SIZE = 2048
DISTORTED, ORGANS = (29, 30), range(16, 24)
PLUCKED = (*range(16), *range(24, 40), 46, 105)


class Instrument:
    """One timbre: a harmonic spectrum that dulls upwards, an envelope, vibrato and detuned doubling."""

    def __init__(self, program: int, rate: int, rng: np.random.Generator) -> None:
        self.rate, self.program = rate, program
        roll, odd = rng.uniform(0.8, 2.2), rng.uniform(0.3, 1.0)
        h = np.arange(1, 41)
        strength = h**-roll * np.exp(rng.normal(0, 0.5, 40)) * np.where(h % 2 == 0, odd, 1.0)
        if program in ORGANS:
            strength *= np.isin(h, [1, 2, 3, 4, 6, 8]) + 0.02
        self.strength, self.phase = strength, rng.uniform(0, 2 * np.pi, 40)
        self.decay_s = rng.uniform(0.3, 1.6) if program in PLUCKED and program not in ORGANS else np.inf
        self.attack_s, self.release_s = rng.uniform(0.003, 0.04), rng.uniform(0.03, 0.25)
        self.vibrato = rng.uniform(0, 0.12) if program >= 40 and rng.random() < 0.7 else 0.0
        self.detune = rng.uniform(0.02, 0.08) if rng.random() < 0.4 else 0.0
        self.bend = rng.normal(0, 0.03)
        self.tables: dict[int, np.ndarray] = {}

    def table(self, f_hz: float) -> np.ndarray:
        count = int(np.clip(0.45 * self.rate / f_hz, 1, 40))
        if count not in self.tables:
            spectrum = np.zeros(SIZE // 2 + 1, complex)
            spectrum[1 : count + 1] = (self.strength * np.exp(1j * self.phase))[:count]
            wave = np.fft.irfft(spectrum)
            self.tables[count] = (wave / np.abs(wave).max()).astype(np.float32)
        return self.tables[count]

    def play(self, pitch: float, seconds: float, loudness: float) -> np.ndarray:
        n = int((seconds + self.release_s) * self.rate)
        t = np.arange(n, dtype=np.float32) / self.rate
        wave = np.zeros(n, np.float32)
        for offset in (0.0, self.detune) if self.detune else (0.0,):
            f_hz = 440.0 * 2 ** ((pitch + self.bend + offset - 69) / 12)
            cycles = f_hz * t
            if self.vibrato:
                cycles = cycles + f_hz * self.vibrato * 0.0578 / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * t)
            wave += self.table(f_hz)[(cycles * SIZE).astype(np.int64) % SIZE]
        envelope = np.minimum(t / self.attack_s, 1.0) * np.minimum((t[-1] - t) / self.release_s, 1.0)
        if np.isfinite(self.decay_s):
            envelope = envelope * np.exp(-t / self.decay_s * (2.0 ** ((pitch - 60) / 24)))
        return loudness * wave * envelope


def play(parts: list[tuple[int, list[tuple[float, float, float, float]]]], seconds: float, rate: int,
         rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    """Parts (program, [(start_s, duration_s, pitch, velocity)]) to samples, shape (seconds * rate,)."""
    mix = np.zeros(int(seconds * rate))
    for program, notes in parts:
        voice, track = Instrument(program, rate, rng), np.zeros(len(mix))
        for start, duration, pitch, velocity in notes:
            first = int(start * rate)
            if 0 <= first < len(track):
                sound = voice.play(pitch, min(duration, seconds - start), velocity / 127)
                sound = sound[: len(track) - first]
                track[first : first + len(sound)] += sound
        level = np.sqrt(np.mean(track**2)) + 1e-9
        if program in DISTORTED:
            track = np.tanh(track / level * rng.uniform(1.0, 4.0))
            level = np.sqrt(np.mean(track**2)) + 1e-9
        mix += track / level * rng.uniform(0.5, 1.2)
    return mix
