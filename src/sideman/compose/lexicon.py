"""Every phrase that a prompt may use, and what it asks for.

Made of the tables of genres, dances, tempi and the like (`word_list`), of moods (`sideman.mood.names`) and of
instruments (`general_midi`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sideman.compose.controls import Controls
from sideman.compose.general_midi import SUBSTITUTES
from sideman.compose.instruments import known_names, normal
from sideman.compose.word_list import (
    DANCES,
    DEGREES,
    DENSITIES,
    ENSEMBLES,
    GENRES,
    LENGTHS,
    METRES,
    NEGATIONS,
    PASSED_BETWEEN,
    STYLES,
    TEMPI,
)
from sideman.mood.names import MOODS, SYNONYMS


@dataclass(frozen=True)
class Meaning:
    """What a phrase asks for.

    Attributes:
        kind: what sort of word it is; the heading under which help lists it.
        controls: what it says; its tempo is in beats per minute as the metre counts.
        hints: what it suggests where nothing else says it.
        mood: a word of `sideman.mood.names.MOODS`; a hint where the kind is not ``mood``.
        note: an assumption worth telling.
    """

    kind: str
    controls: Controls = field(default_factory=Controls)
    hints: Controls = field(default_factory=Controls)
    mood: str = ""
    note: str = ""


def _spread() -> dict[str, Meaning]:
    out: dict[str, Meaning] = {}
    for name in [*SYNONYMS, *MOODS]:
        for form in (name, *_adverbs(name)):
            out[form] = Meaning("mood", mood=SYNONYMS.get(name, name))
    for name, program in known_names().items():
        note = f"there is no {name} in General MIDI" if name in _SUBSTITUTE_NAMES else ""
        meaning = Meaning("instrument", Controls(instruments=(program,)), note=note)
        for form in (name, f"{name}{'es' if name.endswith('ss') else '' if name.endswith('s') else 's'}"):
            out[form] = meaning
    for bpm, phrases in TEMPI.items():
        for phrase in phrases.split(", "):
            out[phrase] = Meaning("tempo", Controls(tempo_bpm=bpm))
    for metre, phrases in METRES.items():
        for phrase in phrases.split(", "):
            out[phrase] = Meaning("metre", Controls(metre=_pair(metre)))
    for style, phrases in STYLES.items():
        for phrase in phrases.split(", "):
            out[phrase] = Meaning("style", Controls(style=style))
    for level, phrases in DENSITIES.items():
        for phrase in phrases.split(", "):
            out[phrase] = Meaning("density", Controls(density=level))
    for bars, phrases in LENGTHS.items():
        for phrase in phrases.split(", "):
            out[phrase] = Meaning("length", hints=Controls(bars=bars))
    for phrase in ("minor", "major", "minor key", "major key", "minor mode", "major mode"):
        out[phrase] = Meaning("mode", mood="minor" if "minor" in phrase else "major")
    for genre, phrases in GENRES.items():
        for phrase in phrases.split(", "):
            out[phrase] = Meaning("genre", Controls(genre=genre))
    for phrases, (metre, tempo, genre, mood) in DANCES.items():
        for phrase in phrases.split(", "):
            said = out.get(phrase)
            hints = Controls(genre=genre or None, tempo_bpm=tempo or None)
            if said and said.kind == "genre":
                out[phrase] = Meaning("genre", said.controls, _with_metre(hints, metre), mood)
            else:
                out[phrase] = Meaning("dance", Controls(metre=_pair(metre)) if metre else Controls(), hints, mood)
            if not phrase.endswith("s"):
                out.setdefault(f"{phrase}{'es' if phrase.endswith(('z', 'ch')) else 's'}", out[phrase])
    for phrases, (programs, genre, style) in ENSEMBLES.items():
        for phrase in phrases.split(", "):
            said = out.get(phrase)
            is_genre = said is not None and said.kind == "genre"
            controls = Controls(instruments=programs, genre=said.controls.genre if said and is_genre else None)
            note = (
                "a score has one track per instrument: the violins share theirs"
                if phrase.startswith("string q")
                else ""
            )
            hints = Controls(genre=genre or None, style=style or None)
            if phrase == "marching band" and said:
                hints, controls = hints.merged(said.hints), controls.merged(said.controls)
            out[phrase] = Meaning("ensemble", controls, hints, note=note)
    return out


def _adverbs(name: str) -> tuple[str, ...]:
    """happily, gently, energetically, sadly."""
    if " " in name:
        return ()
    for ending, adverb in (("ly", "ly"), ("y", "ily"), ("le", "ly"), ("ic", "ically")):
        if name.endswith(ending):
            return (name[: -len(ending)] + adverb,)
    return (f"{name}ly",)


def _with_metre(hints: Controls, metre: str) -> Controls:
    return hints.merged(Controls(metre=_pair(metre))) if metre else hints


def _pair(metre: str) -> tuple[int, int]:
    above, below = metre.split("/")
    return int(above), int(below)


_SUBSTITUTE_NAMES = {normal(name) for name in SUBSTITUTES}
PHRASES: dict[str, Meaning] = _spread()
"""Every phrase that is understood, its words in small letters with a space between."""
LONGEST = max(len(phrase.split()) for phrase in PHRASES)
WORDS = (
    frozenset(word for phrase in PHRASES for word in phrase.split()) | frozenset(DEGREES) | NEGATIONS | PASSED_BETWEEN
)
"""Every word of a phrase, and the words that change others."""
