"""Make the recordings of this folder: short pieces in six styles, composed and synthesised here, nothing borrowed.

    python examples/make_demo.py [FOLDER]

Needs numpy and soundfile only. The music and the recordings are ours: Apache-2.0, or CC0-1.0 if you prefer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import synth
from numpy.typing import NDArray
from synth import Desk

SEED = 20261121


def disco(rng: np.random.Generator) -> NDArray[np.float32]:
    """Four on the floor at 120 bpm: octave bass, off-beat open hat, claps, scratch guitar, strings over Am F C G."""
    beat_s, chords = 0.5, [(57, 60, 64, 67), (53, 57, 60, 64), (48, 52, 55, 59), (55, 59, 62, 65)]
    desk = Desk(12.0, rng)
    line = [76, 74, 72, 71, 72, 74, 71, 67]
    for beat in range(24):
        at_s, chord = beat * beat_s, chords[beat // 4 % 4]
        desk.play(synth.kick(rng, low_hz=55, click=0.5), at_s, 1.0, room=0.02)
        desk.play(synth.hat(rng, open_s=0.2), at_s + beat_s / 2, 0.4, pan=0.3, room=0.05)
        for quarter in range(4):
            desk.play(synth.hat(rng), at_s + quarter * beat_s / 4, 0.22, pan=0.3, room=0.02)
        if beat % 2:
            desk.play(synth.clap(rng), at_s, 0.8, room=0.25)
        root = chord[0] - 24 if chord[0] > 52 else chord[0] - 12
        for half in range(2):
            desk.play(synth.bass(root + 12 * half, 0.22, bright=0.9), at_s + half * beat_s / 2, 0.55, room=0.0)
        for sixteenth in (1, 2, 3) if beat % 2 else (0, 3):
            scratch = sum(synth.plucked(note + 12, 0.1, bright=1.4, ring=0.3) for note in chord[1:])
            desk.play(np.asarray(scratch), at_s + sixteenth * beat_s / 4, 0.22, pan=-0.5, room=0.1)
        if beat % 4 == 0:
            for note in chord:
                desk.play(synth.strings(note + 12, 2.0, rng), at_s, 0.1, pan=0.1, room=0.4)
        if beat % 2 == 0 and beat >= 4:
            desk.play(synth.strings(line[beat // 2 % 8] + 12, 0.9, rng, attack_s=0.03), at_s, 0.3, pan=0.2, room=0.5)
    return desk.mixdown(room_s=1.2, drive=1.4)


def metal(rng: np.random.Generator) -> NDArray[np.float32]:
    """Galloping power chords in E at 184 bpm over double kick and crashing cymbals; two guitars, left and right."""
    beat_s = 60 / 184
    desk = Desk(32 * beat_s, rng)
    riff = [40, 40, 43, 40, 46, 45, 43, 41]
    for bar in range(8):
        for beat in range(4):
            at_s = (bar * 4 + beat) * beat_s
            for quarter in range(4):
                pedal = synth.kick(rng, low_hz=58, click=0.8, duration_s=0.12)
                desk.play(pedal, at_s + quarter * beat_s / 4, 0.8, room=0.02)
            if beat % 2:
                desk.play(synth.snare(rng, tone_hz=200, rattle=1.2), at_s, 1.6, room=0.25)
            desk.play(synth.cymbal(rng, 0.9, ping=0.1), at_s, 1.0, pan=0.3, room=0.1)
            root = riff[(bar * 2 + beat // 2) % 8]
            held = beat == 3 and bar % 2 == 1
            for at, share in [(0.0, 1.0)] if held else [(0.0, 0.5), (0.5, 0.25), (0.75, 0.25)]:
                for pan in (-0.85, 0.85):
                    tuned = root + rng.normal(0, 0.04)
                    chord = (tuned, tuned + 7, tuned + 12)
                    power = synth.overdriven(chord, share * beat_s * 1.1, drive=28, muted=not held)
                    desk.play(power, at_s + at * beat_s + rng.uniform(0, 0.004), 0.8, pan=pan, room=0.06)
                desk.play(synth.bass(root - 12, share * beat_s, bright=1.2), at_s + at * beat_s, 0.5, room=0.0)
        if bar % 2 == 0:
            desk.play(synth.cymbal(rng), bar * 4 * beat_s, 0.7, pan=-0.3, room=0.2)
        for pan in (-0.6, 0.6):
            wall = synth.overdriven((riff[bar % 8] + 12 + pan / 12, riff[bar % 8] + 19), 4 * beat_s, drive=24)
            desk.play(wall, bar * 4 * beat_s, 0.2, pan=pan, room=0.1)
    return desk.mixdown(room_s=0.5, drive=2.4)


def reggae(rng: np.random.Generator) -> NDArray[np.float32]:
    """One drop at 74 bpm in A minor: kick and rim on three only, off-beat skank, bubbling organ, a melodic bass."""
    beat_s, chords = 60 / 74, [(57, 60, 64), (50, 57, 62, 65), (57, 60, 64), (52, 56, 59, 64)]
    desk = Desk(16 * beat_s, rng)
    basslines = [
        [(0, 33), (0.75, 33), (1.5, 36), (2, 40), (3, 38)],
        [(0, 38), (0.75, 38), (1.5, 41), (2.5, 36), (3, 35)],
    ]
    tune = [(0.5, 72), (1.25, 71), (2.0, 69), (3.5, 67), (4.0, 69), (5.5, 74), (6.0, 72), (7.0, 69)]
    for bar in range(4):
        start_s, chord = bar * 4 * beat_s, chords[bar]
        desk.play(synth.kick(rng, low_hz=46, click=0.15), start_s + 2 * beat_s, 1.1, room=0.05)
        desk.play(synth.rim(rng), start_s + 2 * beat_s, 0.7, room=0.3)
        for eighth in range(8):
            at_s = start_s + eighth * beat_s / 2 + (0.03 if eighth % 2 else 0)
            desk.play(synth.hat(rng), at_s, 0.3 if eighth % 2 else 0.2, pan=0.3)
            if eighth % 2:
                skank = np.sum([synth.plucked(n + 12, 0.11, bright=1.3, ring=0.4) for n in chord], axis=0)
                desk.play(skank, at_s, 0.5, pan=-0.4, room=0.35)
                bubble = np.sum([synth.organ(n, 0.16) for n in chord], axis=0)
                desk.play(bubble, at_s, 0.12, pan=0.4, room=0.15)
                desk.play(bubble, at_s + beat_s / 4, 0.07, pan=0.4, room=0.15)
        for at, note in basslines[bar % 2]:
            desk.play(synth.bass(note, 0.62 * beat_s, bright=0.12), start_s + at * beat_s, 1.1, room=0.0)
    for repeat in (0, 1):
        for at, note in tune:
            sung = synth.voice(note - 12, 0.55, "aeoi"[round(at * 4) % 4], rng, glide=-0.4)
            desk.play(sung, (repeat * 8 + at) * beat_s, 0.5, room=0.35)
    return desk.mixdown(room_s=1.6, drive=1.2)


def classical(rng: np.random.Generator) -> NDArray[np.float32]:
    """A prelude in C: broken chords on a harpsichord, a string quartet beneath, a hall around, no drums."""
    chords = [
        (48, 55, 60, 64, 67), (47, 55, 62, 65, 67), (48, 55, 60, 64, 72), (45, 57, 60, 64, 69),
        (41, 57, 60, 65, 69), (43, 55, 59, 65, 71), (48, 55, 60, 64, 72),
    ]  # fmt: skip
    bar_s = 1.75
    desk = Desk(7 * bar_s, rng)
    for bar, chord in enumerate(chords):
        lean_s = 0.06 * np.sin(bar)  # the players breathe
        final = bar == len(chords) - 1
        pattern = [0, 1, 2, 3, 4, 3, 2, 3]
        for step, which in enumerate([0, 1, 2, 3, 4] if final else pattern):
            at_s = bar * bar_s + step * bar_s / 8 * (1.15 if final else 1.0) + lean_s + rng.uniform(0, 0.012)
            pluck = synth.plucked(chord[which], 1.5 if final else 0.9, bright=1.6, ring=0.8, position=0.07)
            desk.play(pluck, at_s, 0.2 + 0.06 * (step == 0), pan=-0.25, room=0.6)
        for pan, note in zip((0.5, 0.2, -0.1, -0.4), (chord[0], chord[1], chord[2], chord[4] + 12), strict=True):
            bowed = synth.strings(note, bar_s * 1.04, rng, attack_s=0.22)
            desk.play(bowed, bar * bar_s + lean_s, 0.16, pan=pan, room=0.8)
    return desk.mixdown(room_s=2.4, drive=0.7)


def blues(rng: np.random.Generator) -> NDArray[np.float32]:
    """An eight-bar shuffle in E at 132 bpm: boogie guitar, walking bass, brushed backbeat, a bent lead guitar."""
    beat_s, roots = 60 / 132, [40, 40, 45, 45, 40, 47, 40, 47]
    desk = Desk(32 * beat_s, rng)
    late = 2 / 3 * beat_s
    for bar, root in enumerate(roots):
        for beat in range(4):
            at_s = (bar * 4 + beat) * beat_s
            desk.play(synth.cymbal(rng, 0.4, ping=0.8), at_s, 0.3, pan=0.3)
            desk.play(synth.cymbal(rng, 0.3, ping=0.8), at_s + late, 0.2, pan=0.3)
            if beat % 2:
                desk.play(synth.snare(rng, rattle=0.8), at_s, 0.6, room=0.2)
            else:
                desk.play(synth.kick(rng, click=0.2), at_s, 0.8)
            sixth = root + (9 if beat % 2 else 7)
            for when, level in ((at_s, 0.45), (at_s + late, 0.32)):
                boogie = synth.overdriven((root, sixth), 0.55 * beat_s, drive=1.8)
                desk.play(boogie, when, level, pan=-0.5, room=0.15)
            walk = root - 12 + (0, 4, 7, 9)[beat]
            desk.play(synth.bass(walk, 0.9 * beat_s, bright=0.3), at_s, 0.7, room=0.02)
            if beat == 2:
                stab = np.sum([synth.piano(root + n, 0.3) for n in (16, 22, 26)], axis=0)
                desk.play(stab, at_s + late, 0.16, pan=0.5, room=0.25)
    licks = [(1, 67, 69), (1.67, 71, 71), (2, 74, 76), (3.67, 71, 71), (4.67, 69, 71), (5, 67, 67), (5.67, 64, 64)]
    for repeat in range(4):
        for at, start, end in licks[: 7 - repeat % 2 * 2]:
            duration_s = beat_s * (1.4 if start != end else 0.7)
            t = synth.seconds(duration_s)
            bend = start + (end - start) * np.clip((t - 0.05) / 0.12, 0, 1)
            wavering = bend + 0.25 * np.sin(2 * np.pi * 5.5 * t) * np.clip((t - 0.25) / 0.2, 0, 1)
            desk.play(synth.lead_guitar(wavering, duration_s), (repeat * 8 + at) * beat_s, 0.42, pan=0.15, room=0.3)
    return desk.mixdown(room_s=0.9, drive=1.3)


def hip_hop(rng: np.random.Generator) -> NDArray[np.float32]:
    """Boom bap at 90 bpm: swung drums, deep bass, a dusty electric-piano loop, a rapping voice made of formants."""
    beat_s = 60 / 90
    desk = Desk(16 * beat_s, rng)
    swing_s = 0.06
    chords = [(50, 57, 60, 65), (55, 58, 62, 65)]
    for bar in range(4):
        start_s = bar * 4 * beat_s
        for at in (0, 0.75, 2.5) if bar % 2 else (0, 1.75, 2.5):
            desk.play(synth.kick(rng, low_hz=48, click=0.4), start_s + at * beat_s, 1.25, room=0.03)
        for at in (1, 3):
            desk.play(synth.snare(rng, tone_hz=170, rattle=1.1), start_s + at * beat_s, 1.5, room=0.12)
        for eighth in range(8):
            at_s = start_s + eighth * beat_s / 2 + (swing_s if eighth % 2 else 0)
            desk.play(synth.hat(rng), at_s, 0.4, pan=0.15, room=0.03)
        for at, chord in ((0, chords[0]), (2.25, chords[1])):
            loop = np.sum([synth.electric_piano(note, 1.6 * beat_s) for note in chord], axis=0)
            desk.play(synth.shaped(loop, synth.band(150, 2500)), start_s + at * beat_s, 0.16, pan=-0.2, room=0.2)
        for at, note in ((0, 26), (0.75, 26), (2.5, 31), (3.5, 29)):
            desk.play(synth.bass(note, 0.6 * beat_s, bright=0.1), start_s + at * beat_s, 0.8, room=0.0)
        for sixteenth in range(16):
            if (sixteenth + bar) % 16 in (3, 9, 15):
                continue
            at_s = start_s + sixteenth * beat_s / 4 + (swing_s / 2 if sixteenth % 2 else 0)
            stress = 1.2 if sixteenth % 4 == 0 else 0.85
            pitch = 46 + rng.integers(-2, 3) + (2 if sixteenth % 4 == 0 else 0)
            said = synth.voice(pitch, 0.15 * rng.uniform(0.9, 1.15), "aeio"[rng.integers(4)], rng)
            desk.play(said, at_s, 0.75 * stress, room=0.05)
    crackle = (rng.random(len(desk.dry)) < 2e-4) * rng.standard_normal(len(desk.dry))
    desk.play(crackle + 0.004 * rng.standard_normal(len(desk.dry)), 0.0, 0.4, room=0.0)
    return desk.mixdown(room_s=0.4, drive=1.8)


PIECES: dict[str, Callable[[np.random.Generator], NDArray[np.float32]]] = {
    "blues shuffle in E.mp3": blues,
    "boom bap.ogg": hip_hop,
    "disco nights.mp3": disco,
    "iron gallop.ogg": metal,
    "one drop.opus": reggae,
    "Präludium in C.flac": classical,
}


def render(name: str) -> NDArray[np.float32]:
    """One piece as stereo float32 (n, 2) at 44.1 kHz; the same on every call."""
    return PIECES[name](np.random.default_rng(SEED))


def save(name: str, folder: Path) -> Path:
    """Render and encode one piece; what the name ends in decides the codec."""
    y, path, rate_hz = render(name), folder / name, synth.SAMPLE_RATE_HZ
    if path.suffix == ".mp3":
        soundfile.write(path, y, rate_hz, format="MP3", bitrate_mode="VARIABLE", compression_level=0.6)
    elif path.suffix == ".ogg":
        soundfile.write(path, y, rate_hz, format="OGG", subtype="VORBIS", compression_level=0.7)
    elif path.suffix == ".opus":
        # Opus knows no 44.1 kHz: the same samples at 48 kHz, by Fourier interpolation.
        size = round(len(y) * 48000 / rate_hz)
        spectrum = np.fft.rfft(y, axis=0)
        padded = np.zeros((size // 2 + 1, 2), dtype=spectrum.dtype)
        padded[: len(spectrum)] = spectrum
        y48 = np.fft.irfft(padded, size, axis=0) * (size / len(y))
        soundfile.write(path, y48, 48000, format="OGG", subtype="OPUS", compression_level=0.7)
    else:
        # Mono at half the rate: lossless files are big, and the repository is small.
        mono = synth.shaped(y.mean(axis=1).astype(np.float64), lambda f: (f < 10500).astype(np.float64))
        soundfile.write(path, mono[::2], rate_hz // 2, format="FLAC", subtype="PCM_16", compression_level=1.0)
    return path


def main() -> None:
    """Write every piece to the folder given, by default the one this file lies in."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    for name in PIECES:
        path = save(name, folder)
        print(f"{path.stat().st_size / 1000:6.0f} kB  {path}")


if __name__ == "__main__":
    main()
