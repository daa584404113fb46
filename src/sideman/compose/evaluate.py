"""Judging a folder of pieces: their figures beside real ones, what they copy, and whether they are what was asked for.

A folder holds MIDI files, and either `index.jsonl` (a line per piece: ``{"file": "x.mid", "asked": {"genre": "jazz",
"key": "D minor", "tempo_bpm": 120, "metre": "3/4", "bars": 16, "instruments": ["piano", 32]}}``) or a sub-folder per
genre. The reference is another such folder, or a corpus, of which the test split is taken. Real pieces are cut to the
length of the generated ones, since most figures, and the longest run that two pieces share, grow with the length.
Drum solos are left out of the reference of a genre of which none was generated.
"""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from sideman.compose import metrics, vocabulary
from sideman.compose.controls import Controls
from sideman.compose.corpus import Corpus, Piece
from sideman.compose.instruments import program_of
from sideman.compose.keys import parse_key, parse_metre
from sideman.compose.originality import Index
from sideman.core.errors import DatasetError, ScoreError, UsageError
from sideman.genre.statistics import wilson
from sideman.symbolic.analysis import estimate_key
from sideman.symbolic.midi import read_midi
from sideman.symbolic.score import DRUM_TRACK, DURATION, START, Score, Track, quantise

SUFFIXES = (".mid", ".midi")
INDEX = "index.jsonl"
UNNAMED = "unnamed"
TEMPO_TOLERANCE = 0.04
MOST_REFERENCE = 200  # real pieces per genre
PROMISES = ("tempo", "metre", "bars", "key", "instruments")


@dataclass(frozen=True)
class Made:
    """One piece of a folder.

    Attributes:
        file: within the folder.
        score: quantised; a silent beginning is dropped.
        genre: if known.
        asked: what was asked for; may be empty.
        bars: as the file has them: that in which the last note starts, and that in which the music ends.
    """

    file: str
    score: Score
    genre: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    bars: tuple[int, int] = (0, 0)


def read_folder(folder: Path) -> tuple[list[Made], list[str]]:
    """The pieces of a folder, and a line for each file that cannot be read.

    Raises:
        DatasetError: no such folder, a damaged index, or no usable MIDI file in it.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; name one with MIDI files")
    made, left_out = [], []
    for name, asked in _listed(folder):
        genre = asked.get("genre")
        try:
            raw = read_midi(folder / name)
            score = quantise(raw, tempo_changes=False)
            if not score.n_notes:
                raise ScoreError(f"{folder / name}: none of its notes can be written down; leave it out")
        except ScoreError as error:
            left_out.append(str(error))
            continue
        bars = metrics.n_bars(raw), len(raw.bars())
        made.append(Made(name, score, None if genre is None else str(genre), asked, bars))
    if not made:
        first = f" (first: {left_out[0]})" if left_out else ""
        raise DatasetError(f"{folder}: holds no usable MIDI files{first}; name a folder with .mid files")
    return made, left_out


def _listed(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    index = folder / INDEX
    if not index.is_file():
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        names = [path.relative_to(folder) for path in paths]
        return [(str(name), {"genre": name.parts[0]} if len(name.parts) > 1 else {}) for name in names]
    try:
        lines = index.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"{index}: cannot be read ({error.strerror}); check its permissions") from error
    except ValueError as error:
        raise DatasetError(f"{index}: is no UTF-8 text; write it anew") from error
    return [_row(index, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _row(index: Path, number: int, line: str) -> tuple[str, dict[str, Any]]:
    try:
        row = json.loads(line)
        return str(row["file"]), dict(row.get("asked") or {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f'{index}, line {number}: is not {{"file": ..., "asked": {{...}}}}; write one such line per piece'
        raise DatasetError(message) from error


def cut(score: Score, first: int, bars: int) -> Score:
    """Some bars of a score as a score; notes that outlast them end with them."""
    inside = score.bars()[first : first + bars]
    if not inside:
        return score.with_tracks([])
    a, b = inside[0].start, inside[-1].end
    tracks = []
    for track in score.tracks:
        notes = track.notes[(track.notes[:, START] >= a) & (track.notes[:, START] < b)].copy()
        if len(notes):
            notes[:, START] -= a
            notes[:, DURATION] = notes[:, DURATION].clip(max=b - a - notes[:, START])
            tracks.append(Track(track.program, notes, track.name))
    metres: list[tuple[int, int, int]] = []
    for bar in inside:
        if not metres or metres[-1][1:] != bar.metre:
            metres.append((bar.start - a, *bar.metre))
    held = [(max(0, tick - a), bpm) for tick, bpm in score.tempos if tick < b]
    tempos = dict(held)  # of those before the cut the last one holds
    return replace(score, tracks=tuple(tracks), metres=tuple(metres), tempos=tuple(sorted(tempos.items())))


def corpus_score(corpus: Corpus, piece: Piece, first: int = 0, bars: int | None = None) -> Score:
    """Some bars of a piece of a corpus, all by default."""
    stop = piece.n_bars if bars is None else min(piece.n_bars, first + bars)
    head = Controls(tempo_bpm=piece.controls.tempo_bpm, metre=corpus.metre_at(piece, first))
    program = corpus.program_at(piece, first)
    playing = [] if program is None else [vocabulary.token("instrument", program)]
    return vocabulary.decode([*vocabulary.header(head), *playing, *corpus.body(piece, first, stop).tolist()])


def _is_solo(score: Score) -> bool:
    return all(track.is_drums for track in score.tracks)


def _reference(
    reference: Path | Corpus, bars: Mapping[str, Sequence[int]], solos: Collection[str], most: int, seed: int
) -> tuple[dict[str, list[Score]], list[str]]:
    """Real pieces by genre, each a stretch as long as one of the generated pieces, from a random bar on.

    Drum solos are taken only of the genres in ``solos``.
    """
    rng = random.Random(seed)
    out: dict[str, list[Score]] = defaultdict(list)
    left_out: list[str] = []
    if isinstance(reference, Path) and (reference / "pieces.json").is_file():
        reference = Corpus(reference)
    if isinstance(reference, Corpus):
        by_genre: dict[str, list[Piece]] = defaultdict(list)
        for piece in reference.part("test"):
            by_genre[piece.controls.genre or UNNAMED].append(piece)
        for genre in bars:
            some = by_genre[genre] if genre != UNNAMED else [p for mine in by_genre.values() for p in mine]
            some = [p for p in some if genre in solos or p.controls.style != "drums"]
            for piece in rng.sample(some, min(most, len(some))):
                n = rng.choice(bars[genre])
                first = rng.randint(0, max(0, piece.n_bars - n))
                out[genre].append(corpus_score(reference, piece, first, n))
    else:
        made, left_out = read_folder(reference)
        for genre in bars:
            mine = [m for m in made if genre in (UNNAMED, m.genre) and (genre in solos or not _is_solo(m.score))]
            for piece_made in rng.sample(mine, min(most, len(mine))):
                n = rng.choice(bars[genre])
                first = rng.randint(0, max(0, len(piece_made.score.bars()) - n))
                out[genre].append(cut(piece_made.score, first, n))
    return {genre: [s for s in scores if s.n_notes] for genre, scores in out.items()}, left_out


def _program(instrument: int | str) -> int:
    if isinstance(instrument, int):
        if not 0 <= instrument <= DRUM_TRACK:
            raise UsageError(f"instrument {instrument}: must be from 0 to 127, or 128 for drums")
        return instrument
    return int(instrument) if instrument.isdigit() and int(instrument) <= DRUM_TRACK else program_of(instrument)


def kept(made: Made) -> dict[str, bool]:
    """Which of the promises that were asked for a piece keeps.

    Tempo within 4 % (in quarter notes), the metre of every bar, as many bars (its last note starts in or sounds through
    the last of them), the key by `estimate_key`, and exactly the instruments.

    Raises:
        UsageError: a wish makes no sense.
    """
    asked, score = made.asked, made.score
    out: dict[str, bool] = {}
    if (bpm := asked.get("tempo_bpm")) is not None:
        out["tempo"] = abs(score.tempo_bpm / float(bpm) - 1) <= TEMPO_TOLERANCE
    if asked.get("metre") is not None:
        metre = parse_metre(asked["metre"]) if isinstance(asked["metre"], str) else tuple(asked["metre"])
        out["metre"] = all(there[1:] == metre for there in score.metres)
    if asked.get("bars") is not None:
        out["bars"] = made.bars[0] <= int(asked["bars"]) <= made.bars[1]
    if asked.get("key") is not None:
        estimate = estimate_key(score)
        out["key"] = estimate is not None and estimate.key == parse_key(str(asked["key"]))
    if asked.get("instruments"):
        out["instruments"] = {t.program for t in score.tracks} == {_program(name) for name in asked["instruments"]}
    return out


def evaluate(
    folder: Path,
    reference: Path | Corpus,
    *,
    index: Index | None = None,
    most: int = MOST_REFERENCE,
    seed: int = 0,
) -> dict[str, Any]:
    """Judge the pieces of a folder.

    Args:
        folder: MIDI files with `index.jsonl` or a sub-folder per genre.
        reference: real pieces: a folder alike, or a corpus (its test split).
        index: of the pieces that the model has learnt from; without it nothing is said of copies.
        most: real pieces per genre.
        seed: of their choice.

    Returns:
        plain data: ``pieces``, ``left_out``; ``genres``, by name (and ``all`` for all together, against a reference
        of the same mixture) ``n``, ``reference_n``, ``metrics`` (a row per figure, as `metrics.Row`), ``runs`` (with
        an index: notes in the longest shared run, for generated and for real pieces); ``promises``: by name ``kept``,
        ``asked``, ``share`` and its Wilson interval. A figure without a value is None.

    Raises:
        DatasetError: a folder without pieces, an index that cannot be read, a reference without these genres.
        UsageError: the index asks for a key, metre or instrument that does not exist.
    """
    made, left_out = read_folder(folder)
    by_genre: dict[str, list[Made]] = defaultdict(list)
    for piece in made:
        by_genre[piece.genre or UNNAMED].append(piece)
    bars = {genre: [max(1, metrics.n_bars(m.score)) for m in mine] for genre, mine in sorted(by_genre.items())}
    solos = {genre for genre, mine in by_genre.items() if any(_is_solo(m.score) for m in mine)}
    real, unread = _reference(reference, bars, solos, most, seed)
    if not any(real.values()):
        where = reference.folder if isinstance(reference, Corpus) else reference
        raise DatasetError(f"{where}: has no pieces of {', '.join(bars)}; name a reference that has")
    measured = {genre: [metrics.measure(m.score) for m in by_genre[genre]] for genre in bars}
    measured_real = {genre: [metrics.measure(s) for s in real.get(genre, [])] for genre in bars}
    genres: dict[str, Any] = {}
    for genre in bars:
        genres[genre] = _judged(
            measured[genre], measured_real[genre], [m.score for m in by_genre[genre]], real.get(genre, []), index
        )
    if len(bars) > 1:
        genres["all"] = _mixture(by_genre, real, measured, measured_real, index)
    report = {
        "pieces": len(made),
        "left_out": left_out + unread,
        "genres": genres,
        "promises": _promises(made),
    }
    return dict(_plain(report))


def _mixture(
    made: Mapping[str, Sequence[Made]],
    real: Mapping[str, Sequence[Score]],
    measured: Mapping[str, list[dict[str, float]]],
    measured_real: Mapping[str, list[dict[str, float]]],
    index: Index | None,
) -> dict[str, Any]:
    """All genres that have both, the real ones in the proportion of the generated ones."""
    both = [genre for genre in measured if real.get(genre)]
    per_made = min((len(real[genre]) / len(made[genre]) for genre in both), default=0.0)
    count = {genre: max(1, int(per_made * len(made[genre]))) for genre in both}
    return _judged(
        [row for genre in both for row in measured[genre]],
        [row for genre in both for row in measured_real[genre][: count[genre]]],
        [m.score for genre in both for m in made[genre]],
        [score for genre in both for score in real[genre][: count[genre]]],
        index,
    )


def _judged(
    measured: list[dict[str, float]],
    measured_real: list[dict[str, float]],
    scores: Sequence[Score],
    real: Sequence[Score],
    index: Index | None,
) -> dict[str, Any]:
    out: dict[str, Any] = {"n": len(scores), "reference_n": len(real), "metrics": []}
    if measured_real:
        out["metrics"] = [asdict(row) for row in metrics.compare_measured({"generated": measured}, measured_real)]
    if index is not None:
        out["runs"] = {"generated": _runs(scores, index), "real": _runs(real, index)}
    return out


def _runs(scores: Sequence[Score], index: Index) -> dict[str, Any] | None:
    """Notes in the longest run that each piece shares with the indexed ones."""
    longest = sorted(index.longest_run(score) for score in scores)
    if not longest:
        return None
    shares = {f"at_least_{n}": sum(run >= n for run in longest) / len(longest) for n in (16, 24, 32, 48)}
    return {"n": len(longest), "median": median(longest), "p90": longest[math.ceil(0.9 * len(longest)) - 1],
            "max": longest[-1], **shares}  # fmt: skip


def _promises(made: Sequence[Made]) -> dict[str, Any]:
    found = [kept(piece) for piece in made]
    out: dict[str, Any] = {}
    for name in PROMISES:
        answers = [each[name] for each in found if name in each]
        if answers:
            out[name] = {"kept": sum(answers), "asked": len(answers), "share": sum(answers) / len(answers),
                         "interval": list(wilson(sum(answers), len(answers)))}  # fmt: skip
    return out


def _plain(value: Any) -> Any:
    """Without NaN and infinities, which JSON does not know."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def table(report: Mapping[str, Any]) -> str:
    """A report of `evaluate` as text: a block per genre, a line per figure."""
    lines = [
        f"{report['pieces']} pieces" + (f", {len(report['left_out'])} files left out" if report["left_out"] else "")
    ]
    for genre, found in report["genres"].items():
        lines += ["", f"{genre}: {found['n']} pieces beside {found['reference_n']} real ones"]
        if found["metrics"]:
            lines.append(f"  {'':22}{'made':>9}{'real':>9}{'distance':>10}{'floor':>7}{'95 %':>7}")
        for row in found["metrics"]:
            far = "" if None in (row["distance"], row["floor_high"]) or row["distance"] <= row["floor_high"] else "  *"
            numbers = "".join(
                f"{'-' if row[name] is None else format(row[name], '.2f'):>{width}}"
                for name, width in (("mean", 9), ("real_mean", 9), ("distance", 10), ("floor", 7), ("floor_high", 7))
            )
            lines.append(f"  {row['figure']:22}{numbers}{far}")
        for name, runs in (found.get("runs") or {}).items():
            if runs:
                lines.append(
                    f"  longest run shared with learnt pieces, {name}: median {runs['median']:g}, nine in ten at most "
                    f"{runs['p90']}, most {runs['max']} notes"
                )
    if report["promises"]:
        lines += ["", "promises kept (share, 95 % interval)"]
    for name, found in report["promises"].items():
        low, high = found["interval"]
        lines.append(
            f"  {name:22}{found['share']:7.3f}  ({low:.3f} to {high:.3f})  {found['kept']} of {found['asked']}"
        )
    if any(found["metrics"] for found in report["genres"].values()):
        lines += ["", "* further from real pieces than 95 % of samples of as many real pieces are from the others"]
    return "\n".join(lines)
