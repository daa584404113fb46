"""Is a generated piece of the genre that was asked for? By a judge that shares nothing with the composer.

    python bench/compose_judge.py --corpus CORPUS [FOLDER] [--json] [--cache DIR] [--held test valid] [--per-class 150]

The judge is a forest of extremely randomised trees on hand-made figures of 16 bars, learnt from real pieces of the
corpus's train split, every genre with the same weight. First it is itself judged on real pieces of other artists:
that is the ceiling of what a generated piece can reach. Then, for FOLDER (MIDI files and ``index.jsonl``), it tells how
often the asked genre is its first choice or among its first three, beside the same figure on real pieces, and beside
what the same pieces would score if their wishes were shuffled.

Collections differ in how they were typed in, and a judge may learn that instead of music. So there are three judges:
with all figures; with ``notes`` only (no loudness, instruments, drums, tempo, nor how fine the grid is); and with
``notes`` only within one collection of piano pieces (adl-piano-midi), where nothing but the music tells genres apart.
Pieces for drums alone are left out. A genre with fewer than six real pieces held back gets some from the train split:
whole groups of sources, which the judge then does not learn from (but they may share tunes with those that it does).
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sideman.compose import vocabulary
from sideman.compose.controls import Controls
from sideman.compose.corpus import Corpus, Piece
from sideman.core.errors import SidemanError
from sideman.genre.statistics import wilson
from sideman.symbolic.analysis import key_of, pitch_classes, skyline
from sideman.symbolic.midi import read_midi
from sideman.symbolic.score import DURATION, PITCH, START, VELOCITY, Score, Track, quantise

GENRES = (
    "blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock",
    "folk", "ragtime", "latin", "soul", "soundtrack",
)  # fmt: skip
BARS = 16
FEWEST_NOTES = 24
FEWEST_HELD = 6
PIANO = "adl-piano-midi"
CHORDS = {
    "major": (0, 4, 7), "minor": (0, 3, 7), "dominant": (0, 4, 7, 10), "major7": (0, 4, 7, 11),
    "minor7": (0, 3, 7, 10), "diminished": (0, 3, 6), "half-diminished": (0, 3, 6, 10), "augmented": (0, 4, 8),
    "fourth": (0, 5, 7), "power": (0, 7), "ninth": (0, 2, 4, 7, 10), "sixth": (0, 4, 7, 9),
}  # fmt: skip
VIEWS = ("all", "notes", "piano")


def share(counts: np.ndarray) -> np.ndarray:
    return counts / max(counts.sum(), 1e-9)


def figures(score: Score) -> dict[str, dict[str, float]]:
    """What the judge sees of 16 bars, by group of figures."""
    tonal = [t for t in score.tracks if not t.is_drums]
    tones = np.concatenate([t.notes for t in tonal])
    tones = tones[np.lexsort((-tones[:, PITCH], tones[:, START]))]
    key = key_of(pitch_classes(score))
    tonic, minor = key.key if key else (0, False)
    bars = score.bars()
    starts = np.asarray([bar.start for bar in bars])
    bar_of = np.searchsorted(starts, tones[:, START], "right") - 1
    quarters = max(score.end / 12, 1.0)
    notes: dict[str, float] = {
        "minor": minor,
        "majorness": key.majorness if key else 0,
        "fit": key.correlation if key else 0,
    }

    def add(name: str, values: np.ndarray) -> None:
        notes.update({f"{name}{i}": float(v) for i, v in enumerate(values)})

    add("class", share(np.roll(np.bincount(tones[:, PITCH] % 12, minlength=12), -tonic)))
    weight = np.minimum(tones[:, DURATION], 24)
    add("held", share(np.roll(np.bincount(tones[:, PITCH] % 12, weight, 12), -tonic)))
    top, bottom = skyline(tones), lowest(tones)
    for name, line in (("top", top), ("bottom", bottom)):
        steps = np.diff(line[:, PITCH])
        add(name + "step", share(np.bincount(np.clip(steps, -13, 13) + 13, minlength=27)))
        notes[name + "repeat"] = float((steps == 0).mean()) if len(steps) else 0
        notes[name + "leap"] = float((np.abs(steps) > 4).mean()) if len(steps) else 0
        notes[name + "pitch"], notes[name + "spread"] = float(line[:, PITCH].mean()), float(line[:, PITCH].std())
        notes[name + "rate"] = len(line) / quarters
        add(name + "class", share(np.roll(np.bincount(line[:, PITCH] % 12, minlength=12), -tonic)))
        place = line[:, START] - starts[np.searchsorted(starts, line[:, START], "right") - 1]
        add(name + "place", share(np.bincount(np.minimum(place // 6, 7), minlength=8)))
    place = tones[:, START] - starts[bar_of]
    add("place", share(np.bincount(np.minimum(place // 3, 15), minlength=16)))
    add("eighth", share(np.bincount(place % 12 // 3, minlength=4)))
    notes["offbeat"] = float((place % 12 != 0).mean())
    for i, edge in enumerate((3, 6, 9, 12, 24, 48)):
        notes[f"length{i}"] = float((tones[:, DURATION] <= edge).mean())
    onsets, together = np.unique(tones[:, START], return_counts=True)
    gaps = np.diff(onsets)
    for i, edge in enumerate((3, 6, 9, 12, 24)):
        notes[f"gap{i}"] = float((gaps <= edge).mean()) if len(gaps) else 0
    notes["legato"] = float((tones[:, DURATION].sum() / 12) / quarters)
    add("together", share(np.bincount(np.minimum(together, 7), minlength=8)[1:]))
    notes["rate"], notes["onsets"] = len(tones) / quarters, len(onsets) / quarters
    notes["range"], notes["pitch"], notes["pitches"] = (
        np.ptp(tones[:, PITCH]),
        tones[:, PITCH].mean(),
        len(set(tones[:, PITCH])),
    )
    add("register", share(np.bincount(np.clip(tones[:, PITCH] // 12 - 2, 0, 6), minlength=7)))
    per_bar = np.bincount(bar_of, minlength=len(bars))
    notes["unevenness"] = float(per_bar.std() / max(per_bar.mean(), 1e-9))
    notes["metre3"], notes["compound"] = bars[0].metre[0] == 3, bars[0].metre[0] in (6, 9, 12)
    notes["metre2"], notes["metre4"] = bars[0].metre in ((2, 4), (2, 2)), bars[0].metre == (4, 4)
    chords, roots = harmony(tones, score.end, tonic)
    notes.update({f"chord-{name}": value for name, value in chords.items()})
    add("root", roots)
    rhythms = [frozenset(place[bar_of == i].tolist()) for i in range(len(bars))]
    notes["rhythms"] = len(set(rhythms)) / len(bars)
    notes["shapes"] = len(
        {frozenset(zip(place[bar_of == i], tones[bar_of == i, PITCH] % 12, strict=True)) for i in range(len(bars))}
    ) / len(bars)
    fine = place % 12
    offbeats = np.isin(fine, (6, 7, 8))
    timing = {
        "tempo": score.tempo_bpm,
        "swing": float((fine[offbeats] == 8).mean()) if offbeats.any() else 0,
        "offgrid": float((np.isin(fine, (1, 2, 5, 7, 10, 11))).mean()),
        "triplets": float(np.isin(fine, (4, 8)).mean()),
        "sixteenths": float(np.isin(fine, (3, 9)).mean()),
        "odd-lengths": float(np.isin(tones[:, DURATION], (1, 2, 5, 10, 14, 21, 30, 42)).mean()),
        "lengths": len(set(tones[:, DURATION].tolist())),
    }
    loud = tones[:, VELOCITY]
    velocity = {
        "mean": loud.mean(),
        "spread": loud.std(),
        "levels": len(set(loud.tolist())),
        "step": np.abs(np.diff(loud)).mean(),
    }
    families = np.bincount([t.program // 8 for t in tonal for _ in range(1)], minlength=16)
    played = np.bincount([t.program // 8 for t in tonal], [len(t.notes) for t in tonal], 16)
    instruments = {"tracks": len(score.tracks), **{f"has{i}": float(v > 0) for i, v in enumerate(families)}}
    instruments |= {f"share{i}": float(v) for i, v in enumerate(share(played))}
    return {
        "notes": notes,
        "timing": timing,
        "velocity": velocity,
        "instruments": instruments,
        "drums": drum_figures(score, starts),
    }


def lowest(tones: np.ndarray) -> np.ndarray:
    """The lowest note of each onset."""
    last = np.concatenate([np.diff(tones[:, START]) != 0, [True]])
    return tones[last]


def harmony(tones: np.ndarray, end: int, tonic: int) -> tuple[dict[str, float], np.ndarray]:
    """Shares of chord types and of chord roots (over the tonic), half note by half note."""
    names = list(CHORDS)
    templates = np.zeros((len(names), 12, 12))
    for i, steps in enumerate(CHORDS.values()):
        for root in range(12):
            templates[i, root, [(root + s) % 12 for s in steps]] = 1 / np.sqrt(len(steps))
    found, roots, said = Counter[str](), np.zeros(12), 0
    stop = tones[:, START] + tones[:, DURATION]
    for begin in range(0, end, 24):
        inside = (tones[:, START] < begin + 24) & (stop > begin)
        if not inside.any():
            continue
        held = np.minimum(stop[inside], begin + 24) - np.maximum(tones[inside, START], begin)
        classes = np.bincount(tones[inside, PITCH] % 12, held, 12)
        if (classes > 0).sum() < 2:
            continue
        classes = np.minimum(classes / np.linalg.norm(classes), 0.6)
        fit = templates @ classes
        fit[:, tones[inside][tones[inside, PITCH].argmin(), PITCH] % 12] += 0.05  # a bass note is likely a root
        kind, root = np.unravel_index(fit.argmax(), fit.shape)
        found[names[kind]] += 1
        roots[(root - tonic) % 12] += 1
        said += 1
    return {name: found[name] / max(said, 1) for name in names}, share(roots)


def drum_figures(score: Score, starts: np.ndarray) -> dict[str, float]:
    drums = next((t.notes for t in score.tracks if t.is_drums), np.zeros((0, 4), np.int64))
    out = {"any": float(len(drums) > 0), "rate": len(drums) / max(score.end / 12, 1)}
    parts = {
        "kick": (35, 36),
        "snare": (37, 38, 39, 40),
        "hat": (42, 44, 46),
        "cymbal": (49, 51, 52, 53, 55, 57, 59),
        "tom": (41, 43, 45, 47, 48, 50),
    }
    known = [p for some in parts.values() for p in some]
    for name, pitches in {**parts, "other": None}.items():
        inside = np.isin(drums[:, PITCH], known, invert=True) if pitches is None else np.isin(drums[:, PITCH], pitches)
        mine = drums[inside]
        out[name] = len(mine) / max(len(drums), 1)
        place = mine[:, START] - starts[np.maximum(np.searchsorted(starts, mine[:, START], "right") - 1, 0)]
        if name in ("kick", "snare", "hat"):
            out |= {
                f"{name}{i}": float(v) for i, v in enumerate(share(np.bincount(np.minimum(place // 6, 7), minlength=8)))
            }
    return out


def excerpt(corpus: Corpus, piece: Piece, first: int, bars: int = BARS) -> Score:
    """Some bars of a piece of the corpus."""
    head = vocabulary.header(Controls(tempo_bpm=piece.controls.tempo_bpm, metre=corpus.metre_at(piece, first)))
    program = corpus.program_at(piece, first)
    playing = [] if program is None else [vocabulary.token("instrument", program)]
    return vocabulary.decode([*head, *playing, *corpus.body(piece, first, min(piece.n_bars, first + bars)).tolist()])


def first_bars(score: Score, first: int) -> Score:
    """Sixteen bars of a score from one of its bars on."""
    bars = score.bars()[first : first + BARS]
    a, b = bars[0].start, bars[-1].end
    tracks = []
    for t in score.tracks:
        mine = t.notes[(t.notes[:, START] >= a) & (t.notes[:, START] < b)] - np.asarray([a, 0, 0, 0])
        if len(mine):
            tracks.append(Track(t.program, mine))
    return Score(tuple(tracks), tempos=((0, score.tempo_bpm),), metres=((0, *bars[0].metre),))


def places(n_bars: int, most: int) -> list[int]:
    """Where excerpts begin: the beginning, the middle, the end."""
    spare = max(0, n_bars - BARS)
    return sorted({0, spare // 2, spare})[:most] if most > 1 else [spare // 2]


def usable(score: Score) -> bool:
    return sum(len(t.notes) for t in score.tracks if not t.is_drums) >= FEWEST_NOTES


@dataclass
class Example:
    genre: str
    origin: str
    piece: str
    values: dict[str, dict[str, float]]


def flat(examples: list[Example], view: str) -> np.ndarray:
    groups = ("notes",) if view != "all" else ("notes", "timing", "velocity", "instruments", "drums")
    return np.asarray([[float(v) for g in groups for v in e.values[g].values()] for e in examples], np.float32)


def chosen(corpus: Corpus, held: list[str], per_class: int) -> tuple[list[Piece], list[Piece]]:
    """Real pieces to learn from and to be judged by."""
    good = [p for p in corpus.pieces if p.controls.genre in GENRES and p.controls.style != "drums"]
    test = [p for p in good if p.split in held]
    train = [p for p in good if p.split == "train"]
    counts = Counter(p.controls.genre for p in test)
    for genre in GENRES:
        if counts[genre] < FEWEST_HELD:
            mine = [p for p in train if p.controls.genre == genre]
            aside: set[str] = set()
            for group in sorted({p.source.group for p in mine}, key=digest):
                taken = sum(p.source.group in aside for p in mine)
                more = sum(p.source.group == group for p in mine)
                if taken < max(FEWEST_HELD, 0.12 * len(mine)) and taken + more <= max(FEWEST_HELD, 0.25 * len(mine)):
                    aside.add(group)
            test += [p for p in mine if p.source.group in aside]
            train = [p for p in train if p.controls.genre != genre or p.source.group not in aside]
    # of a large genre as many from each collection as there are, in turn, so that none stands for the genre
    kept: list[Piece] = []
    for genre in GENRES:
        by_origin: dict[str, list[Piece]] = defaultdict(list)
        for p in sorted((p for p in train if p.controls.genre == genre), key=lambda p: digest(p.source.path)):
            by_origin[p.source.origin].append(p)
        ranked = sorted(((i, p) for some in by_origin.values() for i, p in enumerate(some)), key=lambda x: x[0])
        kept += [p for _, p in ranked[:per_class]]
    return kept, test


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def examples_of(corpus: Corpus, pieces: list[Piece], most: int) -> list[Example]:
    out = []
    for p in pieces:
        for first in places(p.n_bars, most):
            score = excerpt(corpus, p, first)
            if usable(score):
                out.append(Example(str(p.controls.genre), p.source.origin, p.source.path, figures(score)))
    return out


def cached(path: Path | None, make: Any) -> list[Example]:
    if path is not None and path.is_file():
        return [Example(**row) for row in json.loads(path.read_text())]
    made = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([e.__dict__ for e in made], default=float))
    return made


class Judge:
    """A forest; one vote per genre whatever its number of pieces, one per piece whatever its number of excerpts."""

    def __init__(self, examples: list[Example], view: str, seed: int = 0) -> None:
        from sklearn.ensemble import ExtraTreesClassifier

        self.view = view
        self.model = ExtraTreesClassifier(400, min_samples_leaf=2, max_features=0.15, random_state=seed, n_jobs=1)
        labels = np.asarray([e.genre for e in examples])
        genres = Counter(labels.tolist())
        excerpts = Counter(e.piece for e in examples)
        pieces = Counter(e.genre for e in {e.piece: e for e in examples}.values())
        weights = np.asarray([1 / pieces[e.genre] / excerpts[e.piece] for e in examples])
        self.model.fit(flat(examples, view), labels, weights * len(weights) / len(genres) / weights.mean())
        self.genres = self.model.classes_.tolist()

    def probabilities(self, examples: list[Example]) -> np.ndarray:
        return np.asarray(self.model.predict_proba(flat(examples, self.view)))


def per_piece(examples: list[Example], values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Mean of a figure over the excerpts of each piece, with the piece's genre."""
    rows: dict[str, list[float]] = defaultdict(list)
    genre = {e.piece: e.genre for e in examples}
    for e, value in zip(examples, values, strict=True):
        rows[e.piece].append(float(value))
    return [genre[p] for p in rows], np.asarray([np.mean(v) for v in rows.values()])


def outcome(judge: Judge, examples: list[Example]) -> dict[str, Any]:
    """Shares of first choices, first three and mean probability, by genre; every piece counts once."""
    examples = [e for e in examples if e.genre in judge.genres]
    p = judge.probabilities(examples)
    asked = np.asarray([judge.genres.index(e.genre) for e in examples])
    rank = (p > p[np.arange(len(asked)), asked][:, None]).sum(1)
    shares = {}
    for name, values in (("top1", rank == 0), ("top3", rank < 3), ("mass", p[np.arange(len(asked)), asked])):
        genres, per = per_piece(examples, values)
        shares[name] = {g: float(per[np.asarray(genres) == g].mean()) for g in sorted(set(genres))}
    n = Counter(genres)
    out: dict[str, Any] = {"n": dict(n), **shares}
    for name in ("top1", "top3", "mass"):
        out["balanced_" + name] = float(np.mean([v for g, v in shares[name].items() if n[g] >= FEWEST_HELD]))
    first = Counter((e.genre, judge.genres[i]) for e, i in zip(examples, p.argmax(1), strict=True))
    out["confusions"] = [[a, b, c] for (a, b), c in first.most_common() if a != b][:12]
    return out


def generated_outcome(judge: Judge, examples: list[Example], real: dict[str, Any], draws: int = 2000) -> dict[str, Any]:
    examples = [e for e in examples if e.genre in judge.genres]
    if not examples:
        return {"n": {}}
    out = outcome(judge, examples)
    p = judge.probabilities(examples)
    asked = np.asarray([judge.genres.index(e.genre) for e in examples])
    first = np.eye(p.shape[1])[p.argmax(1)]
    third = (p.argsort(1).argsort(1) >= p.shape[1] - 3).astype(float)
    rng = np.random.default_rng(0)
    rows = np.arange(len(asked))
    shuffled = [rng.permutation(asked) for _ in range(draws)]
    for name, hit in (("top1", first), ("top3", third), ("mass", p)):
        chance = np.asarray([hit[rows, order].mean() for order in shuffled])
        got = float(hit[rows, asked].mean())
        out[f"all_{name}"] = got
        out[f"shuffled_{name}"] = float(chance.mean())
        out[f"shuffled_{name}_high"] = float(np.quantile(chance, 0.975))
        out[f"p_{name}"] = float((1 + (chance >= got - 1e-12).sum()) / (1 + draws))
    hits = round(out["all_top1"] * len(rows))
    out["top1_interval"] = list(wilson(hits, len(rows)))
    # against each other genre that was asked for somewhere in the folder: does the wish win?
    others = sorted(set(asked.tolist()))
    wins = [
        float(p[i, a] > p[i, b]) + 0.5 * float(p[i, a] == p[i, b])
        for i, a in enumerate(asked)
        for b in others
        if b != a
    ]
    out["wins_over_other_wish"] = float(np.mean(wins)) if wins else None
    out["ratio_to_real"] = {g: v / real["top1"][g] if real["top1"].get(g) else None for g, v in out["top1"].items()}
    same = [g for g in out["top1"] if g in real["top1"]]
    ceiling = float(np.mean([real["top1"][g] for g in same])) if same else float("nan")
    out["ratio_top1"] = float(np.mean([out["top1"][g] for g in same])) / ceiling if same and ceiling else None
    return out


def generated_examples(folder: Path, most: int) -> list[Example]:
    out = []
    for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        genre = row["asked"].get("genre")
        if genre not in GENRES:
            continue
        try:
            score = quantise(read_midi(folder / row["file"]), tempo_changes=False)
        except SidemanError as error:
            print(f"left out: {error}")
            continue
        for first in places(len(score.bars()), most):
            part = first_bars(score, first)
            if usable(part):
                origin = "piano" if {t.program for t in score.tracks} <= set(range(8)) else "band"
                out.append(Example(genre, origin, row["file"], figures(part)))
    return out


def table(report: dict[str, Any]) -> str:
    lines = []
    for view, found in report.items():
        real, made = found["real"], found.get("generated")
        lines.append(f"\n{view}: balanced top-1 {real['balanced_top1']:.3f}, top-3 {real['balanced_top3']:.3f}")
        lines.append(
            f"{'genre':12}{'real n':>7}{'top-1':>7}{'top-3':>7}{'mass':>7}"
            + ("   made n  top-1  top-3   mass" if made else "")
        )
        for g in sorted(set(real["n"]) | set(made["n"] if made else ())):
            line = f"{g:12}" + cells(real, g)
            lines.append(line + ("  " + cells(made, g) if made else ""))
        if made and made["n"]:
            a, b = made["top1_interval"]
            lines.append(
                f"generated: top-1 {made['all_top1']:.3f} ({a:.3f} to {b:.3f}), wishes shuffled"
                f" {made['shuffled_top1']:.3f} (p {made['p_top1']:.4f}); top-3 {made['all_top3']:.3f}, shuffled"
                f" {made['shuffled_top3']:.3f};"
                f" wins over another wish {made['wins_over_other_wish'] or float('nan'):.3f}; ratio to real"
                f" {made['ratio_top1'] or float('nan'):.3f}"
            )
        lines.append("most confused: " + ", ".join(f"{a} as {b} {c}" for a, b, c in real["confusions"][:8]))
    return "\n".join(lines)


def cells(found: dict[str, Any], genre: str) -> str:
    if genre not in found["n"]:
        return f"{'-':>7}{'-':>7}{'-':>7}{'-':>7}"
    return f"{found['n'][genre]:7d}" + "".join(f"{found[k][genre]:7.2f}" for k in ("top1", "top3", "mass"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--held", nargs="+", default=["test", "valid"])
    parser.add_argument("--per-class", type=int, default=150, help="most training pieces per genre")
    parser.add_argument("--excerpts", type=int, default=3, help="most excerpts per piece")
    parser.add_argument("--cache", type=Path, help="folder for the figures of real pieces")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    corpus = Corpus(args.corpus)
    learnt, held = chosen(corpus, args.held, args.per_class)
    recipe = [
        [p.source.path for p in learnt],
        [p.source.path for p in held],
        args.excerpts,
        len(corpus.tokens),
        Path(__file__).read_text().split("def share(")[1].split("def excerpt(")[0],
    ]
    name = digest(json.dumps(recipe))[:12]
    paths = [None if args.cache is None else args.cache / f"{part}-{name}.json" for part in ("learnt", "held")]
    train = cached(paths[0], lambda: examples_of(corpus, learnt, args.excerpts))
    test = cached(paths[1], lambda: examples_of(corpus, held, args.excerpts))
    made = generated_examples(args.folder, args.excerpts) if args.folder else []
    report: dict[str, Any] = {}
    for view in VIEWS:
        inside = [e for e in train if view != "piano" or e.origin == PIANO]
        enough = {g for g, n in Counter(e.genre for e in {e.piece: e for e in inside}.values()).items() if n >= 20}
        judge = Judge([e for e in inside if e.genre in enough], view)
        real = outcome(judge, [e for e in test if view != "piano" or e.origin == PIANO])
        report[view] = {"real": real, "learnt": dict(Counter(e.genre for e in {e.piece: e for e in inside}.values()))}
        mine = [e for e in made if view != "piano" or e.origin == "piano"]
        if mine:
            report[view]["generated"] = generated_outcome(judge, mine, real)
    print(json.dumps(report, indent=1) if args.json else table(report))


if __name__ == "__main__":
    main()
