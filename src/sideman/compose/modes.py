"""Composing around music that is there: going on with it, accompanying a melody, filling a gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sideman.compose.composers import Composer
from sideman.compose.controls import MOST_BARS, Controls
from sideman.compose.generate import Composition, best_of_tries, check, complete, finish
from sideman.compose.grammar import Event, Grammar, Rules
from sideman.compose.sampling import Sampling, write_bars
from sideman.compose.vocabulary import (
    END_OF,
    FILL,
    GAP,
    HARMONISE,
    INFILL,
    OFFSET,
    PLAIN,
    bar_token,
    describe,
    encode_body,
    header,
)
from sideman.core.errors import UsageError
from sideman.mood.score import mood_of_score
from sideman.symbolic.analysis import estimate_key, melody_track, skyline
from sideman.symbolic.score import (
    DURATION,
    GRID_DURATIONS,
    PITCH,
    START,
    VELOCITY,
    VELOCITY_STEPS,
    Score,
    Track,
    bar_ticks,
    quantise,
    velocity_step,
)

_TRIES = 3
OnBar = Callable[[int], None]
"""Told the number, from 1, of each new bar that is begun; a try that failed begins at 1 again."""


def controls_of(score: Score) -> Controls:
    """All controls of a piece but its genre: what `--style-of` asks for."""
    grid = quantise(score, tempo_changes=False)
    estimate = estimate_key(grid)
    valence, arousal = mood_of_score(score)
    return replace(
        describe(grid),
        tempo_bpm=score.tempo_bpm,
        key=None if estimate is None else estimate.key,
        valence=valence,
        arousal=arousal,
    )


def _prepared(score: Score, controls: Controls, composer: Composer, seed: int) -> tuple[Score, Controls, Controls]:
    """The quantised score, the wish completed by what the score has, and the wish as given."""
    grid = quantise(score, tempo_changes=False)
    if len({metre[1:] for metre in grid.metres}) > 1:
        first = grid.metres[0]
        grid = quantise(replace(grid, metres=(first,)), tempo_changes=False)
    own = controls_of(score)
    if controls.metre not in (None, own.metre):
        raise UsageError(f"the piece is in {own.metre[0]}/{own.metre[1]}; leave out --metre" if own.metre else "")
    wish = controls.merged(replace(own, bars=None, valence=None, arousal=None, density=None, style=None))
    check(wish)
    full = complete(wish, composer, np.random.default_rng(seed))
    return grid, replace(full, metre=grid.metres[0][1:]), wish


def _bars_of(grid: Score) -> list[list[int]]:
    body = encode_body(grid)
    return [body.tokens[a:b].tolist() for a, b in zip(body.starts[:-1], body.starts[1:], strict=True)]


def _counted(bars: Sequence[Sequence[int]], left: int) -> list[list[int]]:
    """Bars whose first tokens count down from ``left``."""
    return [[bar_token(left - i), *bar[1:]] for i, bar in enumerate(bars)]


def _named(bars: list[list[int]], program: int | None) -> list[list[int]]:
    """Bars in which the first note names its instrument, ``program`` if it did not."""
    for bar in bars:
        for at, token in enumerate(bar):
            if OFFSET["instrument"] <= token < END_OF["instrument"]:
                return bars
            if OFFSET["pitch"] <= token < END_OF["drum"]:
                if program is not None:
                    bar.insert(at, OFFSET["instrument"] + program)
                return bars
    return bars


def _last_program(bars: Sequence[Sequence[int]]) -> int | None:
    said = [t for bar in bars for t in bar if OFFSET["instrument"] <= t < END_OF["instrument"]]
    return said[-1] - OFFSET["instrument"] if said else None


def continue_score(
    score: Score,
    controls: Controls,
    composer: Composer,
    *,
    keep_bars: int | None = None,
    seed: int = 0,
    sampling: Sampling | None = None,
    on_bar: OnBar | None = None,
) -> Composition:
    """Keep the first ``keep_bars`` bars (by default all, at most 16) and go on to ``controls.bars`` bars in all.

    Raises:
        UsageError: nothing would be left to write, or the wish cannot be.
    """
    grid, asked, wish = _prepared(score, controls, composer, seed)
    given = _bars_of(grid)[: keep_bars or 16]
    total = wish.bars or min(MOST_BARS, len(given) + 16)
    if total <= len(given):
        raise UsageError(f"{len(given)} bars are kept and {total} asked for; ask for more by --bars or keep fewer")
    asked = replace(asked, bars=total)
    given = _counted(given, total)
    cut = len(given) * bar_ticks(asked.metre or (4, 4))
    kept = _before(grid, cut)

    def write(attempt: int) -> Score:
        rules = Rules(total, asked.metre or (4, 4), frozenset(asked.instruments), asked.key)
        grammar = Grammar(rules, first_bar=len(given))
        grammar.program = _last_program(given)
        bars = write_bars(
            composer.decoder,
            grammar,
            lambda bars: header(replace(asked, bars=bars), PLAIN, composer.genre_names),
            np.random.default_rng((seed, attempt)),
            given=given,
            context=composer.context,
            sampling=sampling,
            on_bar=on_bar,
        )
        return _joined(kept, bars, cut, asked, grammar_program=_last_program(given))

    return best_of_tries(write, asked, composer, seed=seed, tries=_TRIES, key_was_asked=False)


def infill(
    score: Score,
    first: int,
    last: int,
    controls: Controls,
    composer: Composer,
    *,
    seed: int = 0,
    sampling: Sampling | None = None,
    on_bar: OnBar | None = None,
) -> Composition:
    """Write bars ``first`` to ``last`` (counted from 1, both included) anew; the others stay as they are.

    Raises:
        UsageError: the piece has no such bars.
    """
    grid, asked, _ = _prepared(score, controls, composer, seed)
    bars = _bars_of(grid)
    if not 1 <= first <= last <= len(bars):
        raise UsageError(
            f"bars {first}-{last} are not in the piece, which has {len(bars)}; name some within 1-{len(bars)}"
        )
    gap = last - first + 1
    room = 8 + max(0, 4 - gap)
    around = slice(max(0, first - 1 - room), min(len(bars), last + room))
    n_around = around.stop - around.start
    before = _named(_counted(bars[around.start : first - 1], n_around), _last_program(bars[: around.start]))
    after = _named(_counted(bars[last : around.stop], around.stop - last), _last_program(bars[:last]))
    prefix = [t for bar in before for t in bar] + [GAP] + [t for bar in after for t in bar] + [FILL]
    length = bar_ticks(asked.metre or (4, 4))
    start, end = (first - 1) * length, last * length
    kept, following = _before(grid, start), _after(grid, end)

    def write(attempt: int) -> Score:
        rules = Rules(gap, asked.metre or (4, 4), frozenset(asked.instruments), asked.key)
        new = write_bars(
            composer.decoder,
            Grammar(rules),
            lambda _: header(replace(asked, bars=n_around), INFILL, composer.genre_names),
            np.random.default_rng((seed, attempt)),
            prefix=prefix,
            context=max(composer.context, 2 * len(prefix)),
            sampling=sampling,
            on_bar=on_bar,
        )
        joined = _joined(kept, new, start, asked)
        return _merged(joined, following, asked)

    return best_of_tries(write, replace(asked, bars=len(bars)), composer, seed=seed, tries=_TRIES, key_was_asked=False)


def harmonise(
    score: Score,
    controls: Controls,
    composer: Composer,
    *,
    seed: int = 0,
    sampling: Sampling | None = None,
    on_bar: OnBar | None = None,
) -> Composition:
    """Keep a melody, note for note, and write an accompaniment to it.

    Raises:
        UsageError: the piece has no tones, or its melody has chords.
    """
    grid, _, _ = _prepared(score, controls, composer, seed)
    track = melody_track(grid)
    if track is None:
        raise UsageError("there is no melody: the piece has drums only; give one with tones")
    if len(skyline(track.notes)) < 0.9 * len(track.notes):
        raise UsageError("the melody has chords; give a piece whose tune is on a track of its own, one note at a time")
    melody = Track(track.program, track.notes)
    alone = replace(grid, tracks=(melody,), tempos=((0, score.tempo_bpm),))  # the file's own, not the grid's step
    players = tuple(p for p in controls.instruments if p != melody.program or len(set(controls.instruments)) == 1)
    wish = replace(controls, instruments=players)
    if not players:  # a line-up of the genre, without the one that has the tune
        row = complete(replace(controls, metre=grid.metres[0][1:]), composer, np.random.default_rng(seed))
        wish = replace(wish, instruments=tuple(p for p in row.instruments if p != melody.program) or (0,))
    _, asked, _ = _prepared(alone, wish, composer, seed)
    bars = len(grid.bars())
    check(Controls(bars=bars))
    melody_bars = _counted(_bars_of(alone), bars)
    asked = replace(asked, bars=bars, instruments=tuple(sorted({*wish.instruments, melody.program})))
    events = _events(melody, asked.metre or (4, 4))
    prefix = [token for bar in melody_bars for token in bar] + [FILL]

    def write(attempt: int) -> Score:
        rules = Rules(
            bars,
            asked.metre or (4, 4),
            frozenset(wish.instruments),
            asked.key,
            melody=events,
            melody_program=melody.program,
        )
        new = write_bars(
            composer.decoder,
            Grammar(rules),
            lambda _: header(asked, HARMONISE, composer.genre_names),
            np.random.default_rng((seed, attempt)),
            prefix=prefix,
            context=max(composer.context, 2 * len(prefix)),
            sampling=sampling,
            on_bar=on_bar,
        )
        return finish(new, asked)

    return best_of_tries(write, asked, composer, seed=seed, tries=_TRIES, key_was_asked=False)


def _events(melody: Track, metre: tuple[int, int]) -> dict[int, list[Event]]:
    """The melody's notes by bar, in the order in which a bar says them."""
    length = bar_ticks(metre)
    lengths = {ticks: i for i, ticks in enumerate(GRID_DURATIONS)}
    loud = velocity_step(melody.notes[:, VELOCITY])
    events: dict[int, list[Event]] = {}
    for note, step in zip(melody.notes.tolist(), loud.tolist(), strict=True):
        bar, position = divmod(note[START], length)
        token = OFFSET["length"] + lengths[note[DURATION]] * VELOCITY_STEPS + step
        events.setdefault(bar, []).append((position, melody.program, note[PITCH], token))
    return events


def _before(grid: Score, tick: int) -> Score:
    """Notes that start before a tick, ended there at the latest."""
    tracks = []
    for track in grid.tracks:
        notes = track.notes[track.notes[:, START] < tick].copy()
        cut = np.minimum(notes[:, DURATION], tick - notes[:, START])
        steps = np.asarray(GRID_DURATIONS)  # the longest that has a word, so that none is rounded up into what follows
        notes[:, DURATION] = steps[np.searchsorted(steps, cut, "right") - 1]
        tracks.append(replace(track, notes=notes))
    return grid.with_tracks(tracks)


def _after(grid: Score, tick: int) -> Score:
    """Notes that start at a tick or later."""
    return grid.with_tracks(replace(t, notes=t.notes[t.notes[:, START] >= tick]) for t in grid.tracks)


def _joined(
    kept: Score, bars: list[list[int]], tick: int, asked: Controls, *, grammar_program: int | None = None
) -> Score:
    """What was kept, and new bars from a tick on."""
    bars = _named([list(bar) for bar in bars], grammar_program)
    length = bar_ticks(asked.metre or (4, 4))
    # Empty bars before the new ones keep them in their place.
    silent = [[bar_token(1)] for _ in range(tick // length)]
    fresh = finish_in_place(silent + bars, asked)
    return _merged(kept, fresh, asked)


def finish_in_place(bars: list[list[int]], asked: Controls) -> Score:
    """As `finish`, but silence at the beginning stays."""
    from sideman.compose.vocabulary import decode

    tokens = [*header(Controls(metre=asked.metre)), *(token for bar in bars for token in bar)]
    return decode(tokens)


def _merged(first: Score, second: Score, asked: Controls) -> Score:
    """Tracks of two scores on one time line, quantised, with the asked tempo."""
    from sideman.compose.instruments import name_of

    metre = asked.metre or (4, 4)
    both = replace(first, tracks=(*first.tracks, *second.tracks), metres=((0, *metre),))
    grid = quantise(both, tempo_changes=False)
    return replace(
        grid,
        tracks=tuple(Track(t.program, t.notes, name_of(t.program)) for t in grid.tracks),
        tempos=((0, float(asked.tempo_bpm or 120.0)),),
        key=asked.key,
    )
