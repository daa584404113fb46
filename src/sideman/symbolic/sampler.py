"""Notes to sound by a SoundFont: sample playback, envelopes, filter and vibrato (SoundFont 2.04 specification).

All notes of one zone and key share one tone, computed once for the longest of them; a note is then two products. What
is left out: modulators other than that from velocity to loudness, chorus, and the loop mode that ends with the key.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sideman.symbolic.soundfont import Sample, SoundFont, Zone

Floats = NDArray[np.float32]
DYNAMIC_RANGE_DB = 100.0  # what an envelope falls in its decay or release time
RELEASE_HEARD_DB = 66.0  # below this the rest of a release is cut
LONGEST_RELEASE_S = 8.0
SHORTEST_RELEASE_S = 0.008
DRUM_HOLD_S = 1.0  # drums ring on: their keys are struck, not held
_BLOCK_N = 16_384  # of interpolation, so that it stays in the cache
_MOST_SOUNDS = 64  # of one key kept, by length and velocity
_UNHEARD = 10 ** (-90 / 20)  # what a tone sinks below, under its own peak, is cut
_CONTROL_N = 128  # samples per step of a moving filter or pitch
_HI_HATS = (42, 44, 46)  # one instrument: each silences the others
_EXCLUSIVE_CLASS, _MODES = 57, 54
_OPEN_FILTER_CENTS = 13_500


class Struck(NamedTuple):
    """Notes of one track: begin and length in samples, key, velocity; each of shape (n,)."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    keys: NDArray[np.int64]
    velocities: NDArray[np.int64]


class Envelope(NamedTuple):
    """Times in seconds; sustain in dB under the peak."""

    delay_s: float
    attack_s: float
    hold_s: float
    decay_s: float
    sustain_db: float
    release_s: float


def play(font: SoundFont, bank: int, program: int, notes: Struck, rate_hz: int, out: Floats) -> int:
    """Add a track to ``out``, shape (2, n); notes and releases beyond its end are cut.

    Returns:
        where the last sound ends, in samples.
    """
    last = 0
    is_drums = bank >= 128
    zones = font.zones(bank, program)
    for key in np.unique(notes.keys).tolist():
        of_key = np.flatnonzero(notes.keys == key)
        for zone in zones:
            if not zone.keys[0] <= key <= zone.keys[1]:
                continue
            low, high = zone.velocities
            heard = of_key[(notes.velocities[of_key] >= low) & (notes.velocities[of_key] <= high)]
            sample = font.sample(zone) if len(heard) else None
            if sample is not None:
                last = max(last, _add(zone, sample, key, heard, notes, rate_hz, out, is_drums))
    return last


def _add(
    zone: Zone, sample: Sample, key: int, heard: NDArray[np.int64], notes: Struck, rate_hz: int, out: Floats,
    is_drums: bool,
) -> int:  # fmt: skip
    """Add the notes ``heard`` of one key, all from one zone."""
    envelope = _envelope(zone, 33, key)
    sustained = DYNAMIC_RANGE_DB if envelope.sustain_db >= DYNAMIC_RANGE_DB else envelope.sustain_db
    release = _release(envelope, rate_hz)
    lengths = notes.lengths[heard]
    if is_drums:
        lengths = _drum_lengths(zone, key, heard, notes, rate_hz)
    longest = int(lengths.max()) + len(release)
    if sustained >= DYNAMIC_RANGE_DB:  # silent once it has decayed
        longest = min(longest, round((sum(envelope[:4]) + 0.01) * rate_hz))
    tone = _tone(zone, sample, key, longest, rate_hz)
    body = _curve(envelope, len(tone), rate_hz)
    shaped = tone * body
    heard_n = _heard(shaped)
    tone, shaped = tone[:heard_n], shaped[:heard_n]
    left, right = _gains(zone)
    last = 0
    sounds: dict[tuple[int, int], tuple[Floats, Floats]] = {}
    for start, length, velocity in zip(
        notes.starts[heard].tolist(), lengths.tolist(), notes.velocities[heard].tolist(), strict=True
    ):
        sound = sounds.get((length, velocity))
        if sound is None:
            held = min(length, len(tone))
            let_go = tone[held : held + len(release)]
            note = np.concatenate([shaped[:held], let_go * release[: len(let_go)] * body[max(held - 1, 0)]])
            note *= np.float32((velocity / 127) ** 2 * left)
            sound = note, note if abs(left - right) < 1e-4 else note * np.float32(right / max(left, 1e-6))
            if len(sounds) < _MOST_SOUNDS:
                sounds[length, velocity] = sound
        for channel, part in zip(out, sound, strict=True):
            part = part[: max(0, len(channel) - start)]
            channel[start : start + len(part)] += part
        last = max(last, start + len(sound[0]))
    return int(min(last, out.shape[1]))


def _heard(sound: Floats) -> int:
    """Where a sound has died away."""
    if not len(sound):
        return 0
    step = 512
    peaks = np.maximum.reduceat(np.abs(sound), np.arange(0, len(sound), step))
    return min(len(sound), step * (1 + int(np.flatnonzero(peaks >= _UNHEARD * peaks.max())[-1])))


def _drum_lengths(zone: Zone, key: int, heard: NDArray[np.int64], notes: Struck, rate_hz: int) -> NDArray[np.int64]:
    """Drums sound to the end of their sample, unless one of their exclusive class silences them."""
    loops = zone.get(_MODES) & 1
    lengths = np.maximum(notes.lengths[heard], round(DRUM_HOLD_S * rate_hz) if loops else 60 * rate_hz)
    if key in _HI_HATS:
        strokes = np.unique(notes.starts[np.isin(notes.keys, _HI_HATS)])
        following = np.searchsorted(strokes, notes.starts[heard], "right")
        until = np.append(strokes, 1 << 40)[following] - notes.starts[heard]
        lengths = np.minimum(lengths, until)
    return lengths


def _gains(zone: Zone) -> tuple[float, float]:
    """Of left and right, of equal power; attenuation as sound cards did it, at 0.4 of what is written."""
    level = 10 ** (-0.04 * min(max(zone.get(48), 0), 1440) / 20)
    pan = min(max(zone.get(17), -500), 500) / 1000 + 0.5
    pan = min(max(pan, 0.001), 0.999)  # so that each side can be had from the other
    return level * float(np.cos(pan * np.pi / 2)), level * float(np.sin(pan * np.pi / 2))


def _seconds(timecents: int) -> float:
    return float(2.0 ** (min(max(timecents, -12_000), 8000) / 1200))


def _envelope(zone: Zone, first: int, key: int) -> Envelope:
    """The volume (33) or modulation (25) envelope: six generators in a row, and two that change it with the key."""
    delay, attack, hold, decay, sustain, release = (zone.get(first + i) for i in range(6))
    hold += (60 - key) * zone.get(first + 6)
    decay += (60 - key) * zone.get(first + 7)
    times = [_seconds(value) if value > -12_000 else 0.0 for value in (delay, attack, hold, decay)]
    delay_s, attack_s, hold_s, decay_s = times
    return Envelope(delay_s, attack_s, hold_s, decay_s, max(sustain, 0) / 10, _seconds(release))


def _release(envelope: Envelope, rate_hz: int) -> Floats:
    """Factors after the key is let go, down to where nothing is heard."""
    fall_s = min(max(envelope.release_s, SHORTEST_RELEASE_S), LONGEST_RELEASE_S * DYNAMIC_RANGE_DB / RELEASE_HEARD_DB)
    n = max(2, round(fall_s * RELEASE_HEARD_DB / DYNAMIC_RANGE_DB * rate_hz))
    curve = np.exp(np.linspace(0, -RELEASE_HEARD_DB / 20 * np.log(10), n, dtype=np.float32))
    tail = min(n, 256)
    curve[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return np.asarray(curve, np.float32)


def _curve(envelope: Envelope, n: int, rate_hz: int) -> Floats:
    """Loudness while the key is held: delay, linear attack, hold, decay linear in dB, sustain."""
    out = np.zeros(n, np.float32)
    at = min(n, round(envelope.delay_s * rate_hz))
    attack = round(envelope.attack_s * rate_hz)
    rise = min(n - at, attack)
    out[at : at + rise] = np.arange(rise, dtype=np.float32) / np.float32(max(attack, 1))
    at += rise
    hold = min(n - at, round(envelope.hold_s * rate_hz))
    out[at : at + hold] = 1
    at += hold
    decay = round(min(envelope.sustain_db / DYNAMIC_RANGE_DB, 1.0) * envelope.decay_s * rate_hz)
    fall = min(n - at, decay)
    slope = -DYNAMIC_RANGE_DB / 20 * np.log(10) / max(envelope.decay_s * rate_hz, 1)
    out[at : at + fall] = np.exp(np.arange(fall, dtype=np.float32) * np.float32(slope))
    out[at + fall :] = 10 ** (-envelope.sustain_db / 20) if envelope.sustain_db < DYNAMIC_RANGE_DB else 0
    return out


def _tone(zone: Zone, sample: Sample, key: int, longest: int, rate_hz: int) -> Floats:
    """The sample at the pitch of the key, filtered, without loudness; shorter where an unlooped sample ends."""
    begin = max(0, zone.get(0) + 32_768 * zone.get(4))
    end = len(sample.samples) + min(0, zone.get(1) + 32_768 * zone.get(12))
    loop_start = sample.loop_start + zone.get(2) + 32_768 * zone.get(45)
    loop_end = sample.loop_end + zone.get(3) + 32_768 * zone.get(50)
    samples = sample.samples[begin:end]
    loop = loop_start - begin, min(loop_end, end) - begin
    loops = bool(zone.get(_MODES) & 1) and loop[0] >= 0 and loop[1] - loop[0] >= 2
    if len(samples) < 2 or longest < 1:
        return np.zeros(0, np.float32)
    key = zone.get(46) if 0 <= zone.get(46) < 128 else key
    root = zone.get(58) if 0 <= zone.get(58) < 128 else sample.root_key
    cents = (key - root) * zone.get(56) + 100 * zone.get(51) + zone.get(52) + sample.correction_cents
    step = 2.0 ** (cents / 1200) * sample.rate_hz / rate_hz
    if not loops:
        longest = min(longest, int((len(samples) - 1) / (step * 0.94)) + 1)
    bends = _bends(zone, key, longest, rate_hz)
    if bends is None:
        tone = _at_rate(samples, loop if loops else None, step, longest)
    else:
        edges = np.concatenate([[0.0], np.cumsum(step * 2.0 ** (bends / 1200)) * _CONTROL_N])
        places = np.interp(np.arange(longest), np.arange(len(edges)) * _CONTROL_N, edges)
        tone = _at_places(samples, loop if loops else None, places)
    return _filtered(tone, zone, key, rate_hz)


def _at_rate(samples: Floats, loop: tuple[int, int] | None, step: float, n: int) -> Floats:
    """``n`` samples at multiples of ``step``, fewer where an unlooped sample ends."""
    import soxr

    needed = int(n * step) + 2
    if loop is not None and needed > loop[1]:
        times = -(-(needed - loop[1]) // (loop[1] - loop[0]))
        samples = np.concatenate([samples[: loop[1]], *[samples[loop[0] : loop[1]]] * times])
    samples = samples[:needed]
    if step == 1.0:
        return samples[:n].copy()
    return np.asarray(soxr.resample(samples, step, 1.0, "MQ")[:n], np.float32)


def _at_places(samples: Floats, loop: tuple[int, int] | None, places: NDArray[np.float64]) -> Floats:
    """Four-point Hermite interpolation at ``places``, which rise; fewer where an unlooped sample ends."""
    if loop is None:
        places = places[: int(np.searchsorted(places, len(samples) - 1))]
        source = np.concatenate([samples[:1], samples, np.zeros(3, np.float32)])
    else:
        again = samples[loop[0] + np.arange(3) % (loop[1] - loop[0])]
        source = np.concatenate([samples[:1], samples[: loop[1]], again])
    out = np.empty(len(places), np.float32)
    for first in range(0, len(places), _BLOCK_N):
        place = places[first : first + _BLOCK_N]
        if loop is not None and place[-1] >= loop[1]:
            place = np.where(place >= loop[1], loop[0] + np.fmod(place - loop[0], loop[1] - loop[0]), place)
        whole = place.astype(np.int32)
        part = (place - whole).astype(np.float32)
        before, here, after, later = (source[whole + i] for i in range(4))
        slope, next_slope = (after - before) * np.float32(0.5), (later - here) * np.float32(0.5)
        rise = here - after
        cubic = rise + rise + slope + next_slope
        out[first : first + len(place)] = ((cubic * part - (cubic + rise + slope)) * part + slope) * part + here
    return out


def _lfo(zone: Zone, delay: int, frequency: int, times_s: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """A triangle from -1 to 1 that begins at 0 after its delay."""
    hz = 8.176 * 2.0 ** (min(max(zone.get(frequency), -16_000), 4500) / 1200)
    phase = np.maximum(times_s - _seconds(zone.get(delay)), 0) * hz
    return np.asarray(4 * np.abs((phase + 0.75) % 1 - 0.5) - 1)


def _bends(zone: Zone, key: int, n: int, rate_hz: int) -> NDArray[np.float64] | None:
    """Cents by which vibrato and modulation envelope move the pitch, per control step; None where they do not."""
    by_lfo, by_vibrato, by_envelope = zone.get(5), zone.get(6), zone.get(7)
    if not (by_lfo or by_vibrato or by_envelope):
        return None
    times_s = np.arange(n // _CONTROL_N + 1) * (_CONTROL_N / rate_hz)
    cents = np.zeros(len(times_s))
    if by_lfo:
        cents += by_lfo * _lfo(zone, 21, 22, times_s)
    if by_vibrato:
        cents += by_vibrato * _lfo(zone, 23, 24, times_s)
    if by_envelope:
        cents += by_envelope * _modulation(zone, key, len(times_s), rate_hz)
    return np.clip(cents, -12_000, 12_000)


def _modulation(zone: Zone, key: int, steps: int, rate_hz: int) -> NDArray[np.float64]:
    """The modulation envelope, 0 to 1, per control step; its sustain is in tenths of a per cent under the peak."""
    delay_s, attack_s, hold_s, decay_s, sustain, _ = _envelope(zone, 25, key)
    low = 1 - min(sustain / 100, 1.0)
    times = np.cumsum([0.0, delay_s, attack_s, hold_s, max(decay_s * (1 - low), 1e-6)])
    return np.asarray(np.interp(np.arange(steps) * (_CONTROL_N / rate_hz), times, [0.0, 0.0, 1.0, 1.0, low]))


def _filtered(tone: Floats, zone: Zone, key: int, rate_hz: int) -> Floats:
    """The low-pass filter, resonant, moved by envelope and oscillator in control steps while they move."""
    from scipy.signal import lfilter

    base, by_lfo, by_envelope = zone.get(8), zone.get(10), zone.get(11)
    if not len(tone) or (base >= _OPEN_FILTER_CENTS and by_envelope >= 0 and not by_lfo):
        return tone
    cutoff_cents = np.array([float(base)])
    if by_lfo or by_envelope:
        steps = len(tone) // _CONTROL_N + 1
        cutoff_cents = base + by_envelope * _modulation(zone, key, steps, rate_hz)
        if by_lfo:
            cutoff_cents += by_lfo * _lfo(zone, 21, 22, np.arange(steps) * (_CONTROL_N / rate_hz))
    # Steps of a semitone; runs of one value are filtered in one go.
    cutoff_cents = np.round(np.clip(cutoff_cents, 1500, _OPEN_FILTER_CENTS) / 100) * 100
    changes = np.concatenate([[0], np.flatnonzero(np.diff(cutoff_cents)) + 1, [len(cutoff_cents)]])
    out = np.empty_like(tone)
    state = np.zeros(2)
    for first, stop in zip(changes[:-1].tolist(), changes[1:].tolist(), strict=True):
        begin, end = first * _CONTROL_N, len(tone) if stop == len(cutoff_cents) else stop * _CONTROL_N
        numerator, denominator = _low_pass(float(cutoff_cents[first]), zone.get(9) / 10, rate_hz)
        out[begin:end], state = lfilter(numerator, denominator, tone[begin:end], zi=state)
    return out


def _low_pass(cents: float, resonance_db: float, rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A biquad (R. Bristow-Johnson's cookbook); no resonance is a Q of -3 dB, and half of it is taken off the level."""
    frequency_hz = min(8.176 * 2.0 ** (cents / 1200), 0.45 * rate_hz)
    quality = 10 ** (min(max(resonance_db, 0.0), 96.0) / 20) * np.sqrt(0.5)
    angle = 2 * np.pi * frequency_hz / rate_hz
    alpha = np.sin(angle) / (2 * quality)
    level = 10 ** (-min(max(resonance_db, 0.0), 96.0) / 40)
    top = np.array([0.5, 1.0, 0.5]) * (1 - np.cos(angle)) * level
    bottom = np.array([1 + alpha, -2 * np.cos(angle), 1 - alpha])
    return top / bottom[0], bottom / bottom[0]
