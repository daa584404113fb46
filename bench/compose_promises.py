"""What a composer promised and what is in the files, by code that is not Sideman's.

    python bench/compose_promises.py FOLDER [--audio] [--json] [--most N]      generated pieces with index.jsonl
    python bench/compose_promises.py --real CORPUS [--audio] [--most 200]      the ceiling: real pieces

Tempo, metre, bars and instruments are read from the MIDI file with mido. The key is music21's ``analyze('key')``
(Krumhansl, Schmuckler), which is told exact, relative, parallel or a fifth away. With ``--audio`` the piece is rendered
and librosa hears the tempo; a tempo within 4 % of the asked one counts, and so does its double or half, and, where the
metre is compound, the dotted quarter's. With ``--real``, pieces of the corpus's test split are written as MIDI files
and asked for what the corpus says of them: a key that music21 does not find there is music21's or our estimate's doing,
not the composer's. Two processes at most.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

TOLERANCE = 0.04
DRUMS = 128
TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
COMPOUND = (6, 9, 12)


def read(path: Path) -> dict[str, Any]:
    """Facts of a MIDI file by mido: tempo that holds longest, metres, bar of the last note, instruments, notes."""
    import mido

    file = mido.MidiFile(path)
    division = file.ticks_per_beat
    tempos, metres, last = [(0, 500_000)], [(0, 4, 4)], 0
    programs = dict.fromkeys(range(16), 0)
    used: set[int] = set()
    notes: list[tuple[int, int, int]] = []
    events = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, number, message))
    sounding: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    # programmes and tempi that stand at a tick hold for its notes, whatever their order in the file
    events.sort(key=lambda e: (e[0], e[2].type == "note_on" and e[2].velocity > 0))
    for tick, number, message in events:
        if message.type == "set_tempo":
            tempos.append((tick, message.tempo))
        elif message.type == "time_signature":
            metres.append((tick, message.numerator, message.denominator))
        elif message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity:
            used.add(DRUMS if message.channel == 9 else programs[message.channel])
            last = max(last, tick)
            sounding[number, message.channel, message.note].append(tick)
        elif message.type in ("note_off", "note_on"):
            begun = sounding[number, message.channel, message.note]
            if begun and message.channel != 9:
                notes.append((begun.pop(0), tick, message.note))
    end = max((stop for _, stop, _ in notes), default=last) or 1
    held: Counter[float] = Counter()
    tempos = list(dict(tempos).items())
    for (start, tempo), (stop, _) in zip(tempos, [*tempos[1:], (end, 0)], strict=True):
        held[round(60e6 / tempo, 3)] += max(0, min(stop, end) - start)
    changes = [(t, n, d) for t, (n, d) in {t: (n, d) for t, n, d in metres}.items() if t <= last]

    def bars_to(tick: int) -> int:
        count = 0
        for (start, n, d), (stop, *_) in zip(changes, [*changes[1:], (tick + 1, 0, 0)], strict=True):
            count += -(-(stop - start) * d // (division * 4 * n))
        return count

    return {
        "tempo_bpm": held.most_common(1)[0][0],
        "metres": sorted({(n, d) for _, n, d in changes}),
        "bars": bars_to(last),
        "bars_sounding": bars_to(max(last, end - 1)),
        "instruments": sorted(used),
        "notes": [(a / division, (b - a) / division, p) for a, b, p in notes],
    }


def key_by_music21(notes: list[tuple[float, float, int]]) -> tuple[int, bool] | None:
    """music21's key of notes in quarters."""
    from music21 import note, stream

    if not notes:
        return None
    part = stream.Stream()
    for start, length, pitch in notes:
        one = note.Note(pitch)
        one.quarterLength = Fraction(max(length, 1 / 24)).limit_denominator(24)
        part.insert(float(start), one)
    key = part.analyze("key")
    return int(key.tonic.pitchClass), key.mode == "minor"


def key_of(text: str) -> tuple[int, bool]:
    name, mode = text.split()
    return (TONICS[name[0].upper()] + name.count("#") - name[1:].count("b")) % 12, mode == "minor"


def relation(asked: tuple[int, bool], found: tuple[int, bool] | None) -> str:
    """How a key that was found lies to the one asked for."""
    if found is None:
        return "none"
    if found == asked:
        return "exact"
    step = (found[0] - asked[0]) % 12
    if found[1] == asked[1]:
        return "fifth" if step in (5, 7) else "other"
    if step == 0:
        return "parallel"
    return "relative" if step == (3 if asked[1] else 9) else "other"


def instrument(value: int | str) -> int:
    from sideman.compose.instruments import program_of

    return value if isinstance(value, int) else int(value) if value.isdigit() else program_of(value)


def tempo_heard(path: Path) -> dict[str, float]:
    """Tempo that librosa hears in a rendering of a MIDI file, at most its first minute."""
    import librosa
    import soxr

    from sideman.symbolic.midi import read_midi
    from sideman.symbolic.render import render

    samples = render(read_midi(path))[: 60 * 44_100].mean(1)
    y = soxr.resample(samples, 44_100, 22_050)
    onset = librosa.onset.onset_strength(y=y, sr=22_050)
    tempo = float(librosa.feature.tempo(onset_envelope=onset, sr=22_050)[0])
    beats = float(librosa.beat.beat_track(onset_envelope=onset, sr=22_050, trim=False)[0].item())
    return {"tempo": tempo, "beats": beats}


def fits(heard: float, bpm: float, metre: tuple[int, int] | None) -> str:
    """Whether a tempo that was heard is the asked one (``exact``), a multiple (``octave``, ``dotted``) or neither."""
    if heard <= 0:
        return "no"
    factors = {"exact": (1.0,), "octave": (2.0, 0.5)}
    if metre is None or (metre[0] in COMPOUND and metre[1] >= 4):
        factors["dotted"] = (2 / 3, 4 / 3, 1 / 3)
    for name, some in factors.items():
        if any(abs(heard / (bpm * factor) - 1) <= TOLERANCE for factor in some):
            return name
    return "no"


def judge(job: tuple[str, dict[str, Any]], audio: bool = False) -> dict[str, Any]:
    """What of one file's wishes is in it."""
    path, asked = job
    out: dict[str, Any] = {"file": Path(path).name, "genre": asked.get("genre")}
    try:
        facts = read(Path(path))
    except (OSError, ValueError, EOFError, KeyError) as error:
        return {**out, "readable": False, "error": str(error)[:200]}
    out["readable"] = True
    wanted = asked.get("metre")
    metre = tuple(int(n) for n in wanted.split("/")) if isinstance(wanted, str) else tuple(wanted) if wanted else None
    bpm = asked.get("tempo_bpm")
    if bpm:
        out["asked_bpm"], out["asked_metre"] = bpm, metre
        out["tempo"] = abs(facts["tempo_bpm"] / bpm - 1) <= TOLERANCE
    if metre:
        out["metre"] = facts["metres"] == [metre]
    if asked.get("bars"):
        out["bars"] = facts["bars"] == asked["bars"]  # strict: the bar in which the last note starts
        out["bars_sounding"] = facts["bars"] <= asked["bars"] <= facts["bars_sounding"]
        out["bars_off"] = facts["bars"] - asked["bars"]
    if asked.get("instruments"):
        want = {instrument(i) for i in asked["instruments"]}
        there = set(facts["instruments"])
        out["instruments"] = want == there
        out["instruments_all_there"] = want <= there
    if asked.get("key"):
        out["key_relation"] = relation(key_of(asked["key"]), key_by_music21(facts["notes"]))
        out["key"] = out["key_relation"] == "exact"
    if audio and bpm:
        try:
            heard = tempo_heard(Path(path))
        except Exception as error:  # noqa: BLE001 - one file that cannot be heard must not end the bench
            return {**out, "error": str(error)[:200]}
        for name, value in heard.items():
            out[f"heard_{name}_bpm"] = round(value, 2)
            out[f"heard_{name}_relation"] = fits(value, bpm, metre)
            out[f"heard_{name}"] = out[f"heard_{name}_relation"] != "no"
    return out


def real_jobs(corpus_folder: Path, folder: Path, most: int, bars: int) -> list[tuple[str, dict[str, Any]]]:
    """Stretches of real test pieces as files, asked for what the corpus says of the piece; drum solos are left out."""
    from compose_judge import excerpt
    from sideman.compose.corpus import Corpus
    from sideman.symbolic.midi import write_midi

    corpus = Corpus(corpus_folder)
    rng = random.Random(0)
    pieces = [p for p in corpus.part("test") if p.controls.key is not None and p.controls.style != "drums"]
    jobs = []
    for number, piece in enumerate(rng.sample(pieces, min(most, len(pieces)))):
        first = rng.randint(0, max(0, piece.n_bars - bars))
        score = excerpt(corpus, piece, first, bars)
        if not score.n_notes:
            continue
        path = folder / f"{number}.mid"
        write_midi(score, path)
        tonic, minor = piece.controls.key or (0, False)
        jobs.append(
            (
                str(path),
                {
                    "genre": piece.controls.genre,
                    "key": f"{NAMES[tonic]} {'minor' if minor else 'major'}",
                    "tempo_bpm": piece.controls.tempo_bpm,
                    "metre": corpus.metre_at(piece, first),
                    "instruments": [t.program for t in score.tracks],
                    "bars": None,
                },
            )
        )
    return jobs


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares with Wilson intervals, and how keys and tempi that were not met lie."""
    from sideman.genre.statistics import wilson

    out: dict[str, Any] = {"files": len(rows)}
    names = [
        "readable",
        "tempo",
        "metre",
        "bars",
        "bars_sounding",
        "instruments",
        "instruments_all_there",
        "key",
        "heard_tempo",
        "heard_beats",
    ]
    for name in names:
        answers = [row[name] for row in rows if name in row]
        if answers:
            low, high = wilson(sum(answers), len(answers))
            share = sum(answers) / len(answers)
            out[name] = {"share": share, "low": low, "high": high, "n": len(answers)}
    for name in ("key_relation", "heard_tempo_relation", "heard_beats_relation", "bars_off"):
        answers = [row[name] for row in rows if name in row]
        if answers:
            out[name] = {str(value): n for value, n in Counter(answers).most_common(8)}
    # what the same tempi would score if the wishes were shuffled: librosa hears 120 more often than anything else
    for name in ("heard_tempo", "heard_beats"):
        heard = [row for row in rows if name in row]
        pairs = [(a, b) for a in heard for b in heard if a is not b]
        if pairs:
            hits = sum(fits(a[f"{name}_bpm"], b["asked_bpm"], b["asked_metre"]) != "no" for a, b in pairs)
            out[f"{name}_shuffled"] = round(hits / len(pairs), 4)
    if "key" in out:
        by_genre: dict[str, list[bool]] = defaultdict(list)
        for row in rows:
            if "key" in row:
                by_genre[str(row["genre"])].append(row["key"])
        out["key_by_genre"] = {g: [sum(v), len(v)] for g, v in sorted(by_genre.items())}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--real", type=Path, metavar="CORPUS")
    parser.add_argument("--audio", action="store_true")
    parser.add_argument("--most", type=int, default=1000, help="files at most")
    parser.add_argument("--bars", type=int, default=16, help="length of the stretches of real pieces")
    parser.add_argument("--workers", type=int, default=2, choices=(1, 2))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if (args.folder is None) == (args.real is None):
        parser.error("name a folder with index.jsonl, or --real CORPUS")
    with tempfile.TemporaryDirectory() as scratch:
        if args.real:
            jobs = real_jobs(args.real, Path(scratch), args.most, args.bars)
        else:
            lines = (args.folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
            jobs = [(str(args.folder / row["file"]), row["asked"]) for row in rows][: args.most]
        with ProcessPoolExecutor(args.workers) as pool:
            found = list(pool.map(partial(judge, audio=args.audio), jobs, chunksize=4))
    report = summary(found)
    if args.json:
        json.dump({"summary": report, "files": found}, sys.stdout, indent=1)
        return
    print(f"{report['files']} files")
    for name, value in report.items():
        if isinstance(value, dict) and "share" in value:
            low, high = value["low"], value["high"]
            print(f"{name:24}{value['share']:7.3f}  ({low:.3f} to {high:.3f})  n {value['n']}")
        elif isinstance(value, dict):
            print(
                f"{name:24}"
                + ", ".join(f"{k} {'/'.join(map(str, v)) if isinstance(v, list) else v}" for k, v in value.items())
            )
        elif name != "files":
            print(f"{name:24}{value:7.3f}")
    for row in found:
        if "error" in row:
            print(f"{row['file']}: {row['error']}")


if __name__ == "__main__":
    main()
