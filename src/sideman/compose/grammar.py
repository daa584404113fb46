"""What may follow: the rules of the vocabulary, and the promises of a wish, as a mask over the next token.

No token that breaks a rule has a chance, however high the temperature: bars are as many as asked, metre and tempo stay,
only asked instruments play and all of them do, pitches stay within what an instrument can play, and a given melody
stands where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sideman.compose.instruments import range_of
from sideman.compose.vocabulary import END_OF, EOS, OFFSET, SIZE, bar_token
from sideman.symbolic.analysis import scale_of
from sideman.symbolic.score import DRUM_TRACK, GRID_DURATIONS, LOWEST_DRUM, VELOCITY_STEPS, bar_ticks

Mask = NDArray[np.bool_]
Event = tuple[int, int, int, int]  # position, program, pitch, length token: a note that must stand in a bar

MOST_NOTES_AT_ONCE = 8  # of one instrument that start together
MOST_TOKENS_IN_A_BAR = 260
LONGEST_SILENCE = 4  # bars that an instrument may pause
_ALL_LENGTHS = np.repeat(GRID_DURATIONS, VELOCITY_STEPS)


@cache
def _pitches(program: int) -> Mask:
    lowest, highest = range_of(program)
    mask = np.zeros(SIZE, bool)
    mask[OFFSET["pitch"] + lowest : OFFSET["pitch"] + highest + 1] = True
    return mask


@dataclass
class Rules:
    """What holds for a whole piece.

    Attributes:
        bars: how many bars are to be written, counting those that were given.
        metre: of all of them.
        programs: the instruments that may play.
        key: tones outside of its scale are forbidden where ``strict``, else made less likely by the sampler.
        strict: see key.
        melody: for each bar the notes that must stand in it, sorted by position, program, and falling pitch.
        melody_program: plays the melody; other notes of it are allowed only where it is in ``programs``.
    """

    bars: int
    metre: tuple[int, int]
    programs: frozenset[int]
    key: tuple[int, bool] | None = None
    strict: bool = False
    melody: Mapping[int, Sequence[Event]] = field(default_factory=dict)
    melody_program: int | None = None


class Grammar:
    """Follows the tokens of a body, one by one, and says what may come next."""

    def __init__(self, rules: Rules, *, first_bar: int = 0, left: int | None = None) -> None:
        """Begin before bar ``first_bar``; ``left`` bars are to come (by default to the end of the piece)."""
        self.rules = rules
        self.length = bar_ticks(rules.metre)
        self.bar = first_bar - 1
        self.left = (rules.bars - first_bar if left is None else left) + 1  # bars to go, the present one included
        self.position = -1
        self.program: int | None = None
        self.last_program = -1  # the highest that has played at this position
        self.last_pitch = 128
        self.n_here = 0
        self.n_tokens = 0
        self.pending: str | None = None  # what a note still needs: "length", "loudness"
        self.fresh = False  # a position was said and no note stands there yet
        self.named = False  # an instrument was just said
        self.in_bar = False
        self.silent = dict.fromkeys(rules.programs, LONGEST_SILENCE)  # bars since each instrument played
        self.must: list[int] = []
        self.due: list[Event] = []
        self.forced_length: int | None = None
        self.notes_in_bar = 0
        self.empty_bars = 0
        outside = np.ones(12, bool)
        if rules.key is not None:
            outside[list(scale_of(rules.key))] = False
        else:
            outside[:] = False
        self.out_of_scale = np.zeros(SIZE, bool)
        self.out_of_scale[OFFSET["pitch"] : END_OF["pitch"]] = outside[np.arange(128) % 12]
        self.home = np.zeros(SIZE, np.float32)  # 1 for tonic and fifth, less for the third
        if rules.key is not None:
            tonic, minor = rules.key
            weights = np.zeros(12, np.float32)
            weights[[tonic, (tonic + (3 if minor else 4)) % 12, (tonic + 7) % 12]] = (
                1.0,
                0.6,
                1.0,
            )  # what key profiles weigh most
            self.home[OFFSET["pitch"] : END_OF["pitch"]] = weights[np.arange(128) % 12]

    @property
    def done(self) -> bool:
        """Whether the last bar has been left."""
        return self.left <= 0

    def _begin_bar(self) -> None:
        self.bar += 1
        self.left -= 1
        self.position, self.n_tokens, self.notes_in_bar = -1, 0, 0
        self.in_bar = True
        self.due = list(self.rules.melody.get(self.bar, ()))
        for program in self.silent:
            self.silent[program] += 1
        wait = 1 if self.left <= 2 else LONGEST_SILENCE
        self.must = sorted(p for p, bars in self.silent.items() if bars > wait)

    def feed(self, token: int) -> None:
        """Take the next token of the body as said."""
        self.n_tokens += 1
        if OFFSET["bar"] <= token < END_OF["bar"]:
            self.empty_bars = self.empty_bars + 1 if self.in_bar and not self.notes_in_bar else 0
            self._begin_bar()
        elif token == EOS:
            self.left = 0
        elif OFFSET["position"] <= token < END_OF["position"]:
            self.position = token - OFFSET["position"]
            self.last_program, self.last_pitch, self.n_here = -1, 128, 0
            self.fresh = True
        elif OFFSET["instrument"] <= token < END_OF["instrument"]:
            self.program = token - OFFSET["instrument"]
            self.last_pitch, self.n_here = 128, 0
            self.named = True
        elif OFFSET["pitch"] <= token < END_OF["pitch"]:
            self._note(token - OFFSET["pitch"], "length")
        elif OFFSET["drum"] <= token < END_OF["drum"]:
            self._note(token - OFFSET["drum"] + LOWEST_DRUM, "loudness")
        else:
            self.pending = None

    def _note(self, pitch: int, pending: str) -> None:
        self.pending, self.fresh, self.named = pending, False, False
        self.last_pitch = pitch
        self.n_here += 1
        self.notes_in_bar += 1
        program = self.program if self.program is not None else -1
        self.last_program = program
        if program in self.silent:
            self.silent[program] = 0
        self.must = [p for p in self.must if p != program]
        self.forced_length = None
        if self.due and self.due[0][:3] == (self.position, program, pitch):
            self.forced_length = self.due[0][3]
            self.due = self.due[1:]

    def allowed(self) -> Mask:
        """Which tokens may come next; at least one may."""
        mask = np.zeros(SIZE, bool)
        if self.pending == "length":
            if self.forced_length is not None:
                mask[self.forced_length] = True
            else:
                room = self.left * self.length - self.position  # nothing sounds on after the end
                mask[OFFSET["length"] : END_OF["length"]] = max(room, 1) >= _ALL_LENGTHS
        elif self.pending == "loudness":
            mask[OFFSET["loudness"] : END_OF["loudness"]] = True
        elif not self.in_bar:
            mask[bar_token(self.left - 1)] = True
        elif self.fresh or self.named:
            self._allow_note(mask)
        else:
            self._allow_next(mask)
        if not mask.any():
            raise AssertionError("the grammar is at a dead end")
        return mask

    def _due_here(self) -> Event | None:
        return self.due[0] if self.due and self.due[0][0] == self.position else None

    def _sounding(self) -> list[int]:
        """Pitches of the melody that sound now: to strike one again would end it."""
        now = self.bar * self.length + self.position
        found = []
        for bar in range(max(0, self.bar - GRID_DURATIONS[-1] // self.length - 1), self.bar + 1):
            for position, _, pitch, length in self.rules.melody.get(bar, ()):
                start = bar * self.length + position
                if start <= now < start + _ALL_LENGTHS[length - OFFSET["length"]]:
                    found.append(pitch)
        return found

    def _tones(self, mask: Mask, program: int) -> None:
        """Allow what an instrument may play now."""
        due = self._due_here()
        if due is not None and due[1] == program:
            mask[OFFSET["pitch"] + due[2]] = True
            return
        if program not in self.rules.programs or self.n_here >= MOST_NOTES_AT_ONCE:
            return
        if program == DRUM_TRACK:
            mask[OFFSET["drum"] : OFFSET["drum"] + min(self.last_pitch, END_OF["drum"]) - LOWEST_DRUM] = True
            mask[END_OF["drum"] :] = False
            return
        tones = _pitches(program).copy()
        if program == self.rules.melody_program:
            tones[[OFFSET["pitch"] + pitch for pitch in self._sounding()]] = False
        tones[OFFSET["pitch"] + min(self.last_pitch, 128) : END_OF["pitch"]] = False
        if self.rules.strict:
            strict = tones & ~self.out_of_scale
            tones = strict if strict.any() or self.n_here else tones
        mask |= tones

    def _instruments(self, mask: Mask) -> None:
        """Allow to turn to another instrument at this position."""
        due = self._due_here()
        waiting = [p for p in self.must if p > self.last_program]
        ceiling = min([due[1]] if due else [DRUM_TRACK]) if not waiting else min([*waiting, *([due[1]] if due else [])])
        programs = set(self.rules.programs) | ({due[1]} if due else set())
        for program in programs:
            if self.last_program < program <= ceiling and program != self.program:
                mask[OFFSET["instrument"] + program] = True

    def _allow_note(self, mask: Mask) -> None:
        due = self._due_here()
        if self.program is not None:
            waiting = [p for p in self.must if p > self.last_program]
            limit = min([DRUM_TRACK, *waiting, *([due[1]] if due else [])])
            if self.named or self.program <= limit:
                self._tones(mask, self.program)
        if not self.named:
            self._instruments(mask)

    def _allow_next(self, mask: Mask) -> None:
        due = self._due_here()
        owed = due is not None or (self.position >= 0 and any(p > self.last_program for p in self.must))
        if self.position >= 0:
            if self.program is not None and (due is None or due[1] >= self.program):
                self._tones(mask, self.program)
            self._instruments(mask)
        if owed:
            return
        if self.n_tokens < MOST_TOKENS_IN_A_BAR or self.due or self.must:
            last = self.due[0][0] if self.due else self.length - 1
            mask[OFFSET["position"] + self.position + 1 : OFFSET["position"] + last + 1] = True
            if self.must and self.position >= self.length - 1:
                self.must = []  # a bar that is over owes nothing
        if self.due or (self.must and self.position < self.length - 1):
            return
        if self.notes_in_bar or (self.empty_bars < 1 and self.bar > 0 and self.left > 1):
            mask[EOS if self.left == 1 else bar_token(self.left - 1)] = True
