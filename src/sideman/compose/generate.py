"""Composing: from a wish to a finished piece, checked for what was promised and for copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sideman.compose.composers import Composer
from sideman.compose.controls import FASTEST_BPM, MOST_BARS, SLOWEST_BPM, Controls
from sideman.compose.grammar import Grammar, Rules
from sideman.compose.instruments import name_of
from sideman.compose.sampling import Sampling, write_bars
from sideman.compose.vocabulary import PLAIN, decode, header
from sideman.core.errors import UsageError
from sideman.symbolic.analysis import estimate_key, is_monotonous, key_votes
from sideman.symbolic.score import DRUM_TRACK, METRES, Score, Track, quantise

DEFAULT_BARS = 16
MOST_INSTRUMENTS = 10
_TRIES = 4


@dataclass(frozen=True)
class Composition:
    """A finished piece.

    Attributes:
        score: quantised, with the asked tempo exactly.
        controls: all that was asked or chosen for it.
        seed: of the piece; with the same composer and controls it gives the same piece.
        composer: name of the weights.
        key: as heard in the result, or None for drums alone.
        longest_run: notes in the longest run that a learnt piece has too (`sideman.compose.originality`).
        tries: how often it was begun anew because a check failed.
        is_copy: whether even the last try had a run beyond the composer's limit.
        is_monotonous: whether even the last try said hardly anything (`sideman.symbolic.analysis.is_monotonous`).
        key_agreement: share of key profiles (`sideman.symbolic.analysis.key_votes`) that name the asked key.
    """

    score: Score
    controls: Controls
    seed: int
    composer: str
    key: tuple[int, bool] | None
    longest_run: int
    tries: int
    is_copy: bool
    key_agreement: float = 1.0
    is_monotonous: bool = False

    @property
    def key_is_kept(self) -> bool:
        """Whether most ways of hearing the key hear the one that was asked."""
        return self.key_agreement > 0.5


def check(controls: Controls) -> None:
    """Raises :class:`UsageError` for a wish that cannot be."""
    bars, tempo = controls.bars, controls.tempo_bpm
    if bars is not None and not 1 <= bars <= MOST_BARS:
        raise UsageError(f"{bars} bars cannot be composed; ask for 1 to {MOST_BARS}")
    if tempo is not None and not SLOWEST_BPM <= tempo <= FASTEST_BPM:
        raise UsageError(f"a tempo of {tempo:g} cannot be played; ask for {SLOWEST_BPM:g} to {FASTEST_BPM:g} bpm")
    for name in ("valence", "arousal"):
        value = getattr(controls, name)
        if value is not None and not -1 <= value <= 1:
            raise UsageError(f"{name} {value:g} is out of range; give -1 to 1")
    if controls.metre is not None and controls.metre not in METRES:
        known = ", ".join(f"{n}/{d}" for n, d in METRES)
        raise UsageError(f"metre {controls.metre[0]}/{controls.metre[1]} is not known; there are {known}")
    if len(set(controls.instruments)) > MOST_INSTRUMENTS:
        raise UsageError(f"{len(set(controls.instruments))} instruments are too many; name {MOST_INSTRUMENTS} at most")


def complete(controls: Controls, composer: Composer, rng: np.random.Generator) -> Controls:
    """Fill what is open: from a real line-up of the genre that fits what is given, drawn by ``rng``."""
    check(controls)
    presets = _presets(composer, controls.genre)
    order = sorted(presets, key=lambda p: _misfit(p, controls))
    best = [p for p in order if _misfit(p, controls) <= _misfit(order[0], controls) + 0.35][:8] if order else []
    chosen = best[int(rng.integers(len(best)))] if best else Controls(tempo_bpm=110.0, metre=(4, 4), instruments=(0,))
    filled = controls.merged(replace(chosen, genre=None, valence=None, arousal=None, bars=None, key=None))
    if controls.instruments:  # how a piece is set goes with its instruments
        filled = replace(filled, style=controls.style or _style(controls.instruments))
    minor = chosen.key[1] if chosen.key else False
    if controls.valence is not None and abs(controls.valence) > 0.1:
        minor = controls.valence < 0
    key = controls.key or (int(rng.choice((0, 2, 4, 5, 7, 9, 10))), minor)
    only_drums = set(filled.instruments) == {DRUM_TRACK}
    return replace(filled, key=None if only_drums else key, bars=controls.bars or DEFAULT_BARS)


def _presets(composer: Composer, genre: str | None) -> list[Controls]:
    rows = [row for name, facts in composer.genres.items() if genre in (None, name) for row in facts["presets"]]
    return [Controls.from_plain(row) for row in rows]


def _misfit(preset: Controls, asked: Controls) -> float:
    """How badly a line-up fits a wish; 0 fits."""
    cost = 0.0
    if asked.metre is not None:
        cost += 2.0 * (preset.metre != asked.metre)
    if asked.tempo_bpm is not None and preset.tempo_bpm:
        cost += abs(float(np.log2(preset.tempo_bpm / asked.tempo_bpm)))
    if asked.instruments:
        both, either = (
            set(preset.instruments) & set(asked.instruments),
            set(preset.instruments) | set(asked.instruments),
        )
        cost += 1.5 * (1 - len(both) / len(either))
    for name in ("valence", "arousal"):
        wish, has = getattr(asked, name), getattr(preset, name)
        if wish is not None and has is not None:
            cost += abs(wish - has)
    if asked.style is not None:
        cost += 1.0 * (preset.style != asked.style)
    return cost


def _style(programs: tuple[int, ...]) -> str:
    if set(programs) == {DRUM_TRACK}:
        return "drums"
    return "piano" if set(programs) <= set(range(8)) else "band" if len(set(programs)) > 1 else "lead-sheet"


def compose(
    controls: Controls,
    composer: Composer,
    *,
    seed: int = 0,
    sampling: Sampling | None = None,
    strict_key: bool = False,
    tries: int = _TRIES,
    on_bar: Callable[[int], None] | None = None,
) -> Composition:
    """Write a piece.

    What is left open is chosen by ``seed``. Bars, metre, tempo and instruments are exact. A try whose key is heard as
    another one than asked, or which has a run from a learnt piece, is begun anew, the key then bound harder.
    ``on_bar`` is told the number of each bar that is begun, in every try from 1.

    Raises:
        UsageError: the wish cannot be.
    """
    rng = np.random.default_rng(seed)
    asked = complete(controls, composer, rng)

    def write(attempt: int) -> Score:
        rules = Rules(
            asked.bars or DEFAULT_BARS,
            asked.metre or (4, 4),
            frozenset(asked.instruments),
            asked.key,
            strict=strict_key or (attempt >= 2 and controls.key is not None),
        )
        how = sampling or Sampling()
        if controls.key is None:  # a key that nobody asked for needs no enforcing
            how = replace(how, key_bias=0.5 * how.key_bias, home_bias=0.0)
        else:
            how = replace(how, key_bias=how.key_bias + 1.5 * attempt, home_bias=how.home_bias + 0.35 * attempt)
        how = replace(how, temperature=how.temperature * (1 + 0.05 * attempt))  # what failed once is not drawn again
        bars = write_bars(
            composer.decoder,
            Grammar(rules),
            lambda bars: header(replace(asked, bars=bars), PLAIN, composer.genre_names),
            np.random.default_rng((seed, attempt)),
            context=composer.context,
            sampling=how,
            on_bar=on_bar,
        )
        return finish(bars, asked)

    return best_of_tries(write, asked, composer, seed=seed, tries=tries, key_was_asked=controls.key is not None)


def best_of_tries(
    write: Callable[[int], Score],
    asked: Controls,
    composer: Composer,
    *,
    seed: int,
    tries: int,
    key_was_asked: bool,
) -> Composition:
    """Call ``write(attempt)`` until a piece passes all checks; else the one that fails the least."""
    made: list[Composition] = []
    for attempt in range(max(1, tries)):
        score = write(attempt)
        estimate = estimate_key(score)
        run = composer.index.longest_run(score)
        made.append(
            Composition(
                score,
                asked,
                seed,
                composer.name,
                None if estimate is None else estimate.key,
                run,
                attempt + 1,
                run > composer.copy_limit,
                _agreement(score, asked.key),
                is_monotonous(score),
            )
        )
        last = made[-1]
        if not (last.is_copy or last.is_monotonous) and (not key_was_asked or last.key_agreement == 1):
            return last

    def faults(piece: Composition) -> tuple[float, ...]:
        return piece.is_copy, -piece.key_agreement if key_was_asked else 0.0, piece.is_monotonous, piece.longest_run

    return replace(min(made, key=faults), tries=len(made))


def _agreement(score: Score, key: tuple[int, bool] | None) -> float:
    votes = key_votes(score)
    return 1.0 if key is None or not votes else sum(vote == key for vote in votes) / len(votes)


def finish(bars: list[list[int]], asked: Controls) -> Score:
    """Bars of tokens as a score with exactly the asked tempo, metre and key, its tracks named."""
    tokens = [
        *header(Controls(metre=asked.metre)),
        *(token for bar in bars for token in bar),
    ]
    score = quantise(decode(tokens))
    tracks = tuple(Track(t.program, t.notes, name_of(t.program)) for t in score.tracks)
    return replace(score, tracks=tracks, tempos=((0, float(asked.tempo_bpm or 120.0)),), key=asked.key)


def facts(piece: Composition) -> dict[str, Any]:
    """What is said of a piece in JSON."""
    given = piece.controls.given()
    return {
        "composer": piece.composer,
        "seed": piece.seed,
        "asked": given,
        "seconds": round(piece.score.duration_s, 2),
        "notes": piece.score.n_notes,
        "key_heard": piece.key,
        "longest_run": piece.longest_run,
        "is_copy": piece.is_copy,
        "tries": piece.tries,
    }
