"""Flags and a sentence as a wish for spectra, which know genre, mood and length only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from sideman.compose.controls import Controls
from sideman.compose.prompt import Understanding
from sideman.compose.quantities import quantities
from sideman.compose.spectra.imagine import GUIDANCE, STEPS, Wish
from sideman.compose.wish import Flags, understood
from sideman.compose.words import tokens_of
from sideman.core.errors import UsageError

SECONDS = 10.0
"""Length where none is asked for."""
_FLAGS = ("genre", "mood", "valence", "arousal", "seconds")
_CONTROLS = ("genre", "mood", "valence", "arousal", "bars", "seconds")


@dataclass(frozen=True)
class Asked:
    """A wish and its length.

    Attributes:
        wish: what to imagine.
        seconds: how long.
        passed_over: phrases and words of the sentence that spectra have no ear for, or that mean nothing here.
    """

    wish: Wish
    seconds: float
    passed_over: tuple[str, ...] = ()


def asked_for(prompt: str | None, flags: Flags, *, steps: int | None = None, guidance: float | None = None) -> Asked:
    """What sentence and flags ask for together.

    Raises:
        UsageError: a flag that spectra have no ear for, or what :func:`sideman.compose.wish.understood` refuses.
    """
    deaf = [name for name, value in asdict(flags).items() if value is not None and name not in _FLAGS]
    if deaf:
        names = ", ".join(f"--{name.removesuffix('_bpm')}" for name in deaf)
        raise UsageError(f"{names}: the spectra engine hears genre, mood and length only; leave it out")
    controls, told = understood(prompt, replace(flags, seconds=None))
    seconds = _seconds(controls, told)
    if flags.seconds is not None:
        if told is not None and told.controls.bars is not None and abs(seconds - flags.seconds) > 1e-6:
            raise UsageError(f"the prompt asks for {seconds:g} s and --seconds for {flags.seconds:g}; leave out one")
        seconds = flags.seconds
    valence, arousal = controls.valence, controls.arousal
    if (valence is None) != (arousal is None):  # only one was given: the other is in the middle
        valence, arousal = valence or 0.0, arousal or 0.0
    wish = Wish(
        controls.genre, valence, arousal,
        STEPS if steps is None else steps, GUIDANCE if guidance is None else guidance,
    )  # fmt: skip
    passed_over = [phrase for phrase, control, _ in told.used if control not in _CONTROLS] if told else []
    return Asked(wish, seconds, (*passed_over, *(told.unused if told else ())))


def _seconds(controls: Controls, told: Understanding | None) -> float:
    if controls.bars is None:
        return SECONDS
    for phrase, control, _ in told.used if told else ():
        if control == "bars":
            for quantity in quantities(tokens_of(phrase)[1]):
                if quantity.kind == "seconds" and isinstance(quantity.value, float):
                    return quantity.value
    numerator, denominator = controls.metre or (4, 4)
    return controls.bars * 4 * numerator / denominator * 60 / (controls.tempo_bpm or 120.0)
