"""What a piece starts from (nothing, or a piece that is there), and from that a function which writes pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from sideman.compose.composers import Composer
from sideman.compose.controls import Controls
from sideman.compose.generate import Composition, compose
from sideman.compose.modes import OnBar, continue_score, controls_of, harmonise, infill
from sideman.compose.sampling import Sampling
from sideman.core.errors import UsageError
from sideman.symbolic.score import Score

Mode = Literal["new", "continue", "harmonise", "infill", "style"]
MODES: tuple[Mode, ...] = get_args(Mode)
Write = Callable[[int], Composition]
"""From a seed to a piece."""
_KEEPING = ("continue", "harmonise", "infill")  # modes in which notes of the given piece stay


@dataclass(frozen=True)
class Start:
    """How a piece begins.

    Attributes:
        mode: "new"; "continue" a piece; "harmonise" its melody; "infill" some of its bars; "style" writes a new one
            with its tempo, key, metre and instruments.
        keep_bars: of "continue": how many bars to keep, by default all, at most 16.
        bars_of: of "infill": the first and the last bar to write anew, from 1.
    """

    mode: Mode = "new"
    keep_bars: int | None = None
    bars_of: tuple[int, int] | None = None

    def check(self, asked: Controls, *, strict_key: bool = False, seconds: float | None = None) -> None:
        """Raises :class:`UsageError` for what does not go together."""
        if (self.mode == "infill") != (self.bars_of is not None):
            raise UsageError("--infill needs --bars-of, and the other way round: --infill song.mid --bars-of 5-8")
        if self.keep_bars is not None and self.mode != "continue":
            raise UsageError("--keep-bars goes with --continue: --continue song.mid --keep-bars 4")
        if strict_key and self.mode in _KEEPING:
            raise UsageError("--strict-key is for new pieces; a given one has notes of its own, leave it out")
        if self.mode in ("harmonise", "infill") and (asked.bars or seconds):
            raise UsageError("--bars and --seconds: the given piece sets the length; leave them out")


def parse_range(text: str) -> tuple[int, int]:
    """Bars from ``5-8``, or one from ``5``; raises :class:`UsageError` for anything else."""
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise UsageError(f"--bars-of {text[:40]!r}: name bars as 5-8, or one as 5") from None


def styled(asked: Controls, score: Score) -> Controls:
    """A wish whose open parts are taken from a piece."""
    return asked.merged(controls_of(score))


def writer(
    start: Start,
    score: Score | None,
    asked: Controls,
    composer: Composer,
    *,
    sampling: Sampling | None = None,
    strict_key: bool = False,
    on_bar: OnBar | None = None,
) -> Write:
    """A function from a seed to a piece.

    Args:
        start: what to do with ``score``.
        score: the piece to start from; None for a new one.
        asked: the wish; for "style", already :func:`styled`.
        composer: who writes.
        sampling: how boldly.
        strict_key: of a new piece: no tone outside of the key's scale.
        on_bar: told of every bar that is begun.
    """
    if start.mode in ("new", "style"):
        return lambda seed: compose(asked, composer, seed=seed, sampling=sampling, strict_key=strict_key, on_bar=on_bar)
    if score is None:
        raise UsageError(f"to {start.mode} needs a piece to start from; give one as MIDI or MusicXML")
    given = score
    if start.mode == "continue":
        return lambda seed: continue_score(
            given, asked, composer, keep_bars=start.keep_bars, seed=seed, sampling=sampling, on_bar=on_bar
        )
    if start.mode == "harmonise":
        return lambda seed: harmonise(given, asked, composer, seed=seed, sampling=sampling, on_bar=on_bar)
    first, last = start.bars_of or (1, 1)
    return lambda seed: infill(given, first, last, asked, composer, seed=seed, sampling=sampling, on_bar=on_bar)
