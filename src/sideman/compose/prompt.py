"""A sentence to controls, by a word list and rules: every word that was used, and every word that was not, is told.

``"a slow sad waltz in D minor for piano and cello"``: figures and keys are found first (`quantities`), then the longest
phrases of the word list (`lexicon`), words one slip away from a known one included. What is said in figures holds over
words, words over what a dance or genre merely suggests; of two equals the first, and a note tells of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sideman.compose.controls import DENSITY_EDGES, GENRES, Controls
from sideman.compose.instruments import name_of
from sideman.compose.keys import COMPOUND, key_name
from sideman.compose.lexicon import LONGEST, PHRASES, WORDS, Meaning
from sideman.compose.quantities import QUANTITY_WORDS, quantities
from sideman.compose.said import Said
from sideman.compose.settling import settle
from sideman.compose.word_list import DEGREES, NEGATIONS, PASSED_BETWEEN, STOP_WORDS
from sideman.compose.words import NUMBER_WORDS, Token, mended, tokens_of
from sideman.core.errors import UsageError
from sideman.mood.names import nearest

LONGEST_PROMPT = 2000  # characters
_MENDABLE = frozenset(word for word in WORDS if len(word) >= 5)
_NEVER_MENDED = WORDS | STOP_WORDS | QUANTITY_WORDS | frozenset(NUMBER_WORDS)
_ASKABLE = (
    f"genres ({', '.join(GENRES[:4])}...), moods (sad, happy...), instruments, a tempo (slow, 90 bpm), a key "
    "(in D minor), a metre (3/4), a length (16 bars, 30 seconds), sparse or dense"
)


@dataclass(frozen=True)
class Understanding:
    """What a prompt was taken to say.

    Attributes:
        controls: the wish.
        used: (phrase in the text, name of the control, its value in words), in the order of the text.
        unused: words without a meaning here, in the order of the text, each once; stop words are left out.
        notes: assumptions, corrections, and what gave way to what; a sentence each.
    """

    controls: Controls
    used: tuple[tuple[str, str, str], ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def parse(prompt: str) -> Understanding:
    """What an English sentence asks for.

    Raises:
        UsageError: nothing in it is understood, it is longer than 2000 characters, or a figure is out of range.
    """
    if len(prompt) > LONGEST_PROMPT:
        raise UsageError(f"the prompt has {len(prompt)} characters; {LONGEST_PROMPT} at most")
    text, tokens = tokens_of(prompt)
    notes: list[str] = []
    tokens = _mend(tokens, notes)
    said = _said(text, tokens)
    settled = settle(said)
    unused = _unused(tokens, said)
    if not settled.controls.given():
        what = f"nothing in {prompt.strip()[:40]!r} is understood" if prompt.strip() else "the prompt is empty"
        raise UsageError(f"{what}; ask for {_ASKABLE}")
    return Understanding(settled.controls, tuple(settled.used), unused, (*notes, *settled.notes))


def describe(controls: Controls) -> str:
    """Controls in one line that `parse` reads back: ``jazz, calm (valence 0.5, arousal -0.7), 90 bpm, D minor``."""
    parts: list[str] = []
    if controls.genre is not None:
        parts.append("world music" if controls.genre == "world" else controls.genre)
    mood = [
        f"{name} {_short(v)}"
        for name, v in (("valence", controls.valence), ("arousal", controls.arousal))
        if v is not None
    ]
    if controls.valence is not None and controls.arousal is not None:
        parts.append(f"{nearest(controls.valence, controls.arousal)} ({', '.join(mood)})")
    else:
        parts += mood
    if controls.tempo_bpm is not None:
        compound = controls.metre in COMPOUND
        parts.append(f"{_short(controls.tempo_bpm / (1.5 if compound else 1))} bpm{' (dotted quarters)' * compound}")
    if controls.key is not None:
        parts.append(key_name(controls.key))
    if controls.metre is not None:
        parts.append(f"{controls.metre[0]}/{controls.metre[1]}")
    if controls.bars is not None:
        parts.append(f"{controls.bars} bar{'s' * (controls.bars != 1)}")
    if controls.instruments:
        parts.append(" + ".join(name_of(program) for program in controls.instruments))
    if controls.density is not None:
        parts.append(f"density {controls.density} of {len(DENSITY_EDGES)}")
    if controls.style is not None:
        parts.append(f"{controls.style} style")
    return ", ".join(parts) or "anything"


def lexicon() -> dict[str, tuple[str, ...]]:
    """All that can be said, by sort: genre, dance, mood, tempo, metre, instrument, ensemble and so on."""
    out: dict[str, list[str]] = {}
    for phrase, meaning in PHRASES.items():
        out.setdefault(meaning.kind, []).append(phrase)
    out["degree"], out["negation"] = sorted(DEGREES), sorted(NEGATIONS)
    out["number"] = [
        "in D minor", "F# major", "Bbm", "in 7A", "90 bpm", "tempo 100", "♩=72", "3/4", "six-eight", "16 bars",
        "30 seconds", "two minutes", "valence 0.5", "arousal -0.5", "density 3",
    ]  # fmt: skip
    return {kind: tuple(phrases) for kind, phrases in out.items()}


def _short(value: float) -> str:
    return f"{round(value, 2) + 0.0:g}"


def _mend(tokens: Sequence[Token], notes: list[str]) -> list[Token]:
    out = []
    for token in tokens:
        better = None if token.word in _NEVER_MENDED or token.number is not None else mended(token, _MENDABLE)
        if better:
            notes.append(f"'{token.raw}' was read as '{better.word}'")
        out.append(better or token)
    return out


def _said(text: str, tokens: Sequence[Token]) -> list[Said]:
    """Figures and phrases in the order of the text, none within another, with what changes them."""
    out: list[Said] = []
    figures = {q.begin: q for q in quantities(tokens)}
    i = 0
    while i < len(tokens):
        figure = figures.get(i)
        limit = min((begin for begin in figures if begin > i), default=len(tokens))
        count, meaning = (0, None) if figure else _phrase(tokens[i : min(limit, i + LONGEST)])
        end = figure.end if figure else i + count
        if end == i:
            i += 1
            continue
        degree, negated = _changed(tokens, i)
        phrase = text[tokens[i].start : tokens[end - 1].end]
        before = [t.word for t in tokens[out[-1].end if out else 0 : i] if t.word not in ("a", "an", "the", "any")]
        joined = ("," if set(before) <= {","} else before[-1]) if before and out and set(before) <= _JOINTS else ""
        item = Said(phrase, i, end, meaning, figure, degree, negated, joined)
        out.append(item)
        i = end
    return _with_negations_carried(out)


_JOINTS = frozenset({"and", "or", "nor", ","})


def _phrase(tokens: Sequence[Token]) -> tuple[int, Meaning | None]:
    """The longest phrase that begins with the first token."""
    words: list[str] = []
    for token in tokens:
        if not (token.is_word or token.word == "and"):
            break
        words.append(token.word)
    for count in range(len(words), 0, -1):
        meaning = PHRASES.get(" ".join(words[:count]))
        if meaning:
            return count, meaning
    return 0, None


def _changed(tokens: Sequence[Token], i: int) -> tuple[float, bool]:
    """Degree (1 where nothing is said) and negation, from the words before."""
    degree, too_much = 1.0, False
    for token in reversed(tokens[max(0, i - 6) : i]):
        word = token.word
        if word in DEGREES:
            degree *= DEGREES[word]
        elif word in NEGATIONS:
            # Not too sad is a little sad; not very sad is not sad.
            return (0.5, False) if too_much else (1.0, True)
        elif word in PASSED_BETWEEN:
            too_much = too_much or word == "too"
        elif word == "instead":
            return 1.0, True
        elif word != "t":
            break
    return degree, False


def _with_negations_carried(said: list[Said]) -> list[Said]:
    """``no drums, bass or guitar``, ``not sad or slow``: what is joined to something negated is negated too."""
    for k in range(1, len(said)):
        here, before = said[k], said[k - 1]
        if not before.negated or before.kind != here.kind:
            continue
        goes_on = here.joined in ("or", "nor") or (here.joined == "and" and here.kind == "instrument")
        if here.joined == ",":
            rest = [s.joined for s in said[k + 1 : k + 8]]
            last = next((j for j in rest if j != ","), "")
            goes_on = last in ("or", "nor", "and") and here.kind == "instrument"
        if goes_on:
            said[k] = here.as_negated()
    return said


def _unused(tokens: Sequence[Token], said: Sequence[Said]) -> tuple[str, ...]:
    taken = {i for item in said if item.is_used for i in range(item.begin, item.end)}
    left: dict[str, None] = {}
    for i, token in enumerate(tokens):
        passed = (
            token.word in STOP_WORDS or token.word in DEGREES or token.word in PASSED_BETWEEN or token.word in NEGATIONS
        )
        is_number_word = token.number is not None and token.raw[0].isalpha()
        if i not in taken and token.is_word and not passed and not is_number_word:
            if len(token.raw) == 1 and token.number is None:
                continue
            left[token.raw] = None
    return tuple(left)
