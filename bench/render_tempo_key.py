"""Render tuning material with known tempo and key: `python bench/render_tempo_key.py --midi DIR --out DIR`.

Reads a folder of unpacked MIDI sets and writes FLAC clips of 15-22 s at 22.05 kHz and `truth.jsonl`, one object per
clip: id, file, source, split ("open": tuning, permissive sets and the rule-made band; "check": other sets, never
fitted), tempo_bpm, tonic (C = 0) and mode or null. The same seed renders the same clips. Drums sound from three
SoundFonts, pitched parts from our own wavetables (see bench/wavetable.py for why).

What counts as truth. Tempo: the file's own tempo at its beat (dotted quarter in 6/8, 9/8 and 12/8, half note in 2/2);
scores that carry only the default 120 get a tempo drawn around 112 bpm. Classical scores and hymns drift by a few
percent. Key: the key signature's collection, or the best-fitting diatonic one, where the final bass note is the tonic
of its major or its relative minor; anything else has no key.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import soxr
import symusic

from synthetic_band import STYLES, Notes, band, drum_track
from wavetable import play

RATE = 22050
FONTS = ["sf2/TimGM6mb.sf2", "sf2/sf_GMbank.sf2", "sf2/OPL-3_FM_128M.sf2"]
MAJOR_SCALE = np.isin(np.arange(12), [0, 2, 4, 5, 7, 9, 11])


@dataclass
class Piece:
    """Tracks (program, is_drum, notes in quarter-note beats), tempo of the tactus, and key where known."""

    source: str
    tracks: list[tuple[int, bool, Notes]]
    tempo_bpm: float
    tactus: float = 1.0  # quarter notes per beat
    tonic: int | None = None
    mode: str | None = None
    rubato: float = 0.0
    split: str = "open"
    tags: dict[str, str] = field(default_factory=dict)


def read_tracks(score: symusic.Score) -> list[tuple[int, bool, Notes]]:
    scale = 1.0 / score.ticks_per_quarter
    tracks = []
    for track in score.tracks:
        if len(track.notes):
            n = track.notes.numpy()
            rows = np.stack([n["time"] * scale, n["duration"] * scale, n["pitch"], n["velocity"]], axis=1).astype(float)
            tracks.append((int(track.program), bool(track.is_drum), rows[np.argsort(rows[:, 0], kind="stable")]))
    return tracks


def final_key(tracks: list[tuple[int, bool, Notes]], signature: int | None, mode: int | None) -> tuple[int, str] | None:
    """Tonic and mode where the collection of pitches and the last bass note agree, else None."""
    pitched = [notes for _, drum, notes in tracks if not drum]
    if not pitched:
        return None
    notes = np.concatenate(pitched)
    weight = np.bincount(notes[:, 2].astype(int) % 12, np.minimum(notes[:, 1], 2.0), 12)
    fits = [weight[np.roll(MAJOR_SCALE, root)].sum() / weight.sum() for root in range(12)]
    if signature is not None:
        root = (7 * signature) % 12
        if fits[root] < 0.75:
            return None
    else:
        order = np.argsort(fits)
        root = int(order[-1])
        if fits[root] < 0.88 or fits[root] - fits[order[-2]] < 0.02:
            return None
    end = notes[:, 0].max()
    last = int(notes[notes[:, 0] > end - 0.26, 2].min()) % 12
    minor = (root + 9) % 12
    if last == minor and mode in (None, 1, 0):
        return minor, "minor"
    return (root, "major") if last == root and mode in (None, 0) else None


def _signature(score: symusic.Score) -> tuple[int | None, int | None]:
    keys = {(k.key, k.tonality) for k in score.key_signatures}
    return next(iter(keys)) if len(keys) == 1 else (None, None)


def _tactus(score: symusic.Score) -> float:
    if not len(score.time_signatures):
        return 1.0
    t = score.time_signatures[0]
    if t.denominator == 8 and t.numerator % 3 == 0 and t.numerator > 3:
        return 1.5
    return 2.0 if (t.numerator, t.denominator) == (2, 2) else 1.0


def _files(root: Path, name: str, rng: np.random.Generator, count: int) -> list[Path]:
    files = sorted(p for p in (root / name).rglob("*") if p.suffix.lower() in (".mid", ".midi"))
    return [files[i] for i in rng.permutation(len(files))[:count]]


def drawn_tempo(rng: np.random.Generator) -> float:
    return float(np.clip(2.0 ** rng.normal(np.log2(112.0), 0.36), 52.0, 208.0))


def groove_takes(root: Path, rng: np.random.Generator) -> list[tuple[Notes, float, str]]:
    takes = []
    for path in sorted((root / "groove").rglob("*_beat_*.mid")):
        match = re.search(r"_([a-z0-9-]+)_(\d+)_beat_(\d+-\d+)", path.name)
        tracks = read_tracks(symusic.Score(path))
        if match and match[3] == "4-4" and tracks and tracks[0][2][-1, 0] > 16:
            takes.append((tracks[0][2], float(match[2]), match[1]))
    return [takes[i] for i in rng.permutation(len(takes))]


def pieces(root: Path, rng: np.random.Generator, scale: float, only: list[str]) -> Iterator[Piece]:
    def count(n: int) -> int:
        return max(2, round(n * scale))

    takes = groove_takes(root, rng)
    for notes, bpm, style in takes[: count(220) if not only or "groove" in only else 0]:
        yield Piece("groove", [(0, True, notes)], bpm * rng.uniform(0.88, 1.14), tags={"style": style})
    for _ in range(count(700) if not only or "band" in only else 0):
        tracks, bpm, tonic, mode, style = band(rng)
        yield Piece("band", tracks, bpm, tonic=tonic, mode=mode, tags={"style": style})
    for name, number, split in [
        ("openewld", 400, "open"),
        ("pop909", 400, "open"),
        ("bbloomf-pd-songs", 120, "open"),
        ("music21-folk", 160, "open"),
        ("music21-classical", 300, "open"),
        ("musetrainer", 60, "open"),
        ("weimar-jazz", 200, "open"),
        ("freedoom", 110, "open"),
        ("nottingham", 60, "check"),
        ("openmsx", 31, "check"),
        ("vgmidi", 60, "check"),
        ("adl-piano-midi", 240, "check"),
        ("riddim-archive", 492, "check"),
    ]:
        if only and name not in only:
            continue
        for path in _files(root, name, rng, 492 if name == "riddim-archive" else count(number)):
            piece = from_file(path, name, split, takes, rng)
            if piece is not None:
                yield piece


def from_file(
    path: Path, name: str, split: str, takes: list[tuple[Notes, float, str]], rng: np.random.Generator
) -> Piece | None:
    try:
        score = symusic.Score(path)
    except RuntimeError:
        return None
    tracks = read_tracks(score)
    tempos = [t.qpm for t in score.tempos]
    span = max((n[-1, 0] for _, _, n in tracks), default=0.0)
    if span < 8 or (name == "riddim-archive" and len(tracks) < 3):
        return None
    tactus, (signature, mode) = _tactus(score), _signature(score)
    fixed = name in ("weimar-jazz", "freedoom", "openmsx", "riddim-archive")
    tempo = float(np.median(tempos)) / tactus if tempos else drawn_tempo(rng)
    if fixed and (len(tempos) != 1):
        return None
    if name in ("vgmidi", "adl-piano-midi") and (len(tempos) != 1 or tempos[0] == 120.0):
        return None
    rubato = 0.0
    if name in ("openewld", "nottingham", "music21-folk") or (name == "music21-classical" and tempos[0] == 120.0):
        tempo = drawn_tempo(rng)
    if name in ("music21-classical", "musetrainer", "bbloomf-pd-songs"):
        rubato = float(rng.choice([0.0, 0.02, 0.04]))
    if name == "pop909":  # its quarter is the annotated beat; a one-in-four meter sign means nothing
        tactus, tempo = 1.0, float(np.median(tempos))
        if tempo < 45 or np.ptp(tempos) / tempo > 0.35:
            tempo = drawn_tempo(rng)
    key = (
        None if name in ("openmsx", "freedoom", "weimar-jazz", "adl-piano-midi") else final_key(tracks, signature, mode)
    )
    if name in ("pop909", "vgmidi"):
        key = final_key(tracks, None, None)
    if name == "riddim-archive":
        match = re.search(r"_([A-G])(b|#)?(m)?$", path.parent.name)
        tonic = (
            (dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))[match[1]] + {"b": -1, "#": 1, None: 0}[match[2]])
            % 12
            if match
            else 0
        )
        key = (tonic, "minor" if match[3] else "major") if match else None
        loops = int(np.ceil(16 * tempo / 60 / 4 / (4 * np.ceil(span / 4)) * 4)) + 1
        length = 4 * np.ceil(span / 4)
        tracks = [
            (p, d, np.concatenate([n + np.array([length * i, 0, 0, 0]) for i in range(loops)])) for p, d, n in tracks
        ]
    if not 40 <= tempo <= 240:
        return None
    if name in ("openewld", "pop909") and tactus in (1.0, 2.0) and rng.random() < 0.65 and _is_four(score):
        tracks, tempo = with_rhythm_section(tracks, tempo if tactus == 1.0 else None, takes, rng)
        tactus = 1.0
    elif name == "weimar-jazz" and rng.random() < 0.6:
        swing = next(s for s in STYLES if s.name == "swing")
        tracks.append((0, True, drum_track(swing, int(span / 4) + 1, rng)))
    elif not fixed and name not in ("adl-piano-midi",):
        tracks = [(int(rng.choice([0, 4, 24, 25, 48, 19, 73, 40, 11, 21])), d, n) for _, d, n in tracks]
    tonic, mode_name = key if key else (None, None)
    return Piece(name, tracks, tempo, tactus, tonic, mode_name, rubato, split)


def _is_four(score: symusic.Score) -> bool:
    return all((t.numerator, t.denominator) in ((4, 4), (2, 2), (1, 4), (2, 4)) for t in score.time_signatures)


def with_rhythm_section(
    tracks: list[tuple[int, bool, Notes]],
    tempo: float | None,
    takes: list[tuple[Notes, float, str]],
    rng: np.random.Generator,
) -> tuple[list[tuple[int, bool, Notes]], float]:
    """Add a drum take (real or rule-made) and a bass on the lowest notes; new programs for the rest."""
    near = tempo is not None and rng.random() < 0.5
    fits = [t for t in takes if abs(np.log(t[1] / tempo)) < 0.12] if near else takes
    if not fits:
        tempo, fits = None, takes
    drums, bpm, _ = fits[int(rng.integers(len(fits)))]
    tempo = bpm if tempo is None or fits is takes else tempo
    low = min(tracks, key=lambda t: np.median(t[2][:, 2]))[2]
    beats = np.floor(low[:, 0] + 1e-6)
    first = np.flatnonzero(np.diff(beats, prepend=-1.0) > 0)
    roots = low[first].copy()
    roots[:, 2] = 28 + (roots[:, 2] - 4) % 12
    roots[:, 1] = np.minimum(np.diff(roots[:, 0], append=roots[-1, 0] + 1), 1.0)
    dressed = [(int(rng.choice([0, 4, 25, 27, 29, 30, 48, 50, 65, 73, 80])), False, n) for _, _, n in tracks]
    end, length = max(n[-1, 0] for _, _, n in tracks), 4 * np.floor(drums[-1, 0] / 4)
    copies = int(end // length) + 1
    drums = drums[drums[:, 0] < length]
    beat = np.concatenate([drums + np.array([length * i, 0, 0, 0]) for i in range(copies)])
    return [*dressed, (int(rng.choice([32, 33, 34, 38])), False, roots), (0, True, beat)], float(tempo)


def to_parts(piece: Piece, seconds: float, transpose: int, rng: np.random.Generator) -> tuple[list, symusic.Score]:
    """A random excerpt: pitched parts in seconds for the wavetables, drums as a score for the SoundFont."""
    quarter_bpm = piece.tempo_bpm * piece.tactus
    need = seconds * quarter_bpm / 60.0 + 4.0
    end = max(notes[:, 0].max() for _, _, notes in piece.tracks)
    first = min(notes[:, 0].min() for _, _, notes in piece.tracks)
    start = rng.uniform(first, max(first, end - need))
    drift = 1.0 + np.clip(
        np.cumsum(rng.normal(0, 0.5, int(need) + 2)) * piece.rubato, -2 * piece.rubato, 2 * piece.rubato
    )
    beat_s = np.concatenate([[0.0], np.cumsum(60.0 / (quarter_bpm * drift))])
    parts, score = [], symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 60.0))  # one quarter a second: ticks are seconds
    for program, is_drum, notes in piece.tracks:
        part = notes[(notes[:, 0] >= start) & (notes[:, 0] < start + need)]
        on, off = part[:, 0] - start, np.minimum(part[:, 0] + part[:, 1] - start, need)
        loose = rng.normal(0, 0.004, len(part)) if piece.source == "band" else np.zeros(len(part))
        at = np.maximum(np.interp(on, np.arange(len(beat_s)), beat_s) + loose, 0.0)
        long = np.maximum(np.interp(off, np.arange(len(beat_s)), beat_s) - at, 0.04)
        loud = rng.uniform(0.6, 1.0)
        velocity = np.clip(part[:, 3] * loud, 12, 127)
        if is_drum:
            track = symusic.Track(program=program, is_drum=True)
            for a, d, pitch, v in zip(at, long, part[:, 2], velocity, strict=True):
                track.notes.append(symusic.Note(round(a * 480), max(20, int(d * 480)), int(pitch), int(v)))
            score.tracks.append(track)
        else:
            parts.append((program, list(zip(at, long, part[:, 2] + transpose, velocity, strict=True))))
    return parts, score


def colour(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Room, equaliser tilt, limited bandwidth, compression and noise: what separates a rendering from a recording."""
    if rng.random() < 0.5:
        tail = int(RATE * rng.uniform(0.1, 0.9))
        impulse = rng.normal(size=tail) * np.exp(-6.0 * np.arange(tail) / tail)
        impulse /= np.sqrt((impulse**2).sum())
        y = y + rng.uniform(0.1, 0.6) * scipy.signal.fftconvolve(y, impulse)[: len(y)]
    if rng.random() < 0.5:
        a = rng.uniform(-0.6, 0.6)
        y = scipy.signal.lfilter([1.0, -a], [1.0], y)
    if rng.random() < 0.3:
        y = scipy.signal.sosfilt(scipy.signal.butter(4, rng.uniform(3000, 8000), fs=RATE, output="sos"), y)
    if rng.random() < 0.3:
        y = scipy.signal.sosfilt(scipy.signal.butter(2, rng.uniform(60, 250), "highpass", fs=RATE, output="sos"), y)
    y = y / (np.abs(y).max() + 1e-9)
    if rng.random() < 0.5:
        y = np.tanh(rng.uniform(1.0, 5.0) * y)
    if rng.random() < 0.5:
        noise = np.cumsum(rng.normal(size=len(y))) if rng.random() < 0.3 else rng.normal(size=len(y))
        noise = scipy.signal.lfilter([1, -1], [1, -0.99], noise)
        y = y + noise / noise.std() * y.std() * 10 ** (-rng.uniform(12, 40) / 20)
    return 0.9 * y / (np.abs(y).max() + 1e-9)


class Renderer:
    """Renders scores in a child process and gives up after 15 s: the synthesiser loops for ever on rare notes."""

    def __init__(self, fonts: list[str]) -> None:
        self._fonts, self._process = fonts, None

    def _start(self) -> None:
        self._pipe, child = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_render_loop, args=(self._fonts, child), daemon=True)
        self._process.start()

    def render(self, score: symusic.Score, font: int) -> np.ndarray | None:
        if not score.note_num():
            return None
        if self._process is None:
            self._start()
        self._pipe.send((score, font))
        if self._pipe.poll(15.0):
            return np.asarray(self._pipe.recv(), float)
        self._process.kill()
        self._process = None
        return None


def _render_loop(fonts: list[str], pipe: Connection) -> None:
    synths = [symusic.Synthesizer(sf_path=font, sample_rate=RATE) for font in fonts]
    while True:
        score, font = pipe.recv()
        pipe.send(np.asarray(synths[font].render(score, stereo=False))[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--midi", type=Path, required=True, help="folder of unpacked MIDI sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/sounds"))
    parser.add_argument("--keyed", action="store_true", help="only pieces whose key is known")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full material")
    parser.add_argument("--sets", nargs="*", default=[], help="only these sets; default all, and the rule-made band")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    (args.out / "audio").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    renderer = Renderer([str(args.fonts / font) for font in FONTS])
    with (args.out / "truth.jsonl").open("w") as sink:
        for number, piece in enumerate(pieces(args.midi, rng, args.scale, args.sets)):
            if args.keyed and piece.tonic is None:
                continue
            seconds, shift = float(rng.uniform(15, 22)), int(rng.integers(-5, 7))
            cents = float(rng.uniform(-45, 45)) if rng.random() < 0.5 else 0.0
            factor = 2.0 ** (cents / 1200.0)
            font = int(rng.integers(len(FONTS)))
            length = seconds * factor + 0.5
            parts, drums = to_parts(piece, length, shift, rng)
            beat = renderer.render(drums, font)
            audio = play(parts, length, RATE, rng)
            if beat is not None:
                beat = np.pad(beat, (0, max(0, len(audio) - len(beat))))[: len(audio)]
                audio += rng.uniform(0.7, 2.0) * beat / (np.sqrt(np.mean(beat**2)) + 1e-9)
            if cents:
                audio = soxr.resample(audio, RATE * factor, RATE, quality="HQ")
            audio = audio[: int(seconds * RATE)]
            if len(audio) < 12 * RATE or np.abs(audio).max() < 1e-3:
                continue
            name = f"{number:05d}-{piece.source}.flac"
            soundfile.write(args.out / "audio" / name, colour(audio / np.abs(audio).max(), rng), RATE, subtype="PCM_16")
            tonic = None if piece.tonic is None else (piece.tonic + shift) % 12
            facts = {"id": number, "file": name, "source": piece.source, "split": piece.split, "cents": cents}
            truth = {"tempo_bpm": piece.tempo_bpm * factor, "tonic": tonic, "mode": piece.mode, "font": font}
            sink.write(json.dumps({**facts, **truth, **piece.tags}) + "\n")
            sink.flush()


if __name__ == "__main__":
    main()
