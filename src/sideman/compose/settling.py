"""What was said, item by item, made one wish: who gives way to whom, what is assumed, what is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sideman.compose.controls import DENSITY_EDGES, FASTEST_BPM, MOST_BARS, SLOWEST_BPM, Controls
from sideman.compose.instruments import name_of
from sideman.compose.keys import COMPOUND, key_name
from sideman.compose.said import FIGURE, HINT, WORD, Account, Choice, Said, choices, figures
from sideman.compose.word_list import LINE_UPS, REMOVED_WITH, USUAL_LINE_UP
from sideman.core.errors import UsageError
from sideman.mood.names import MOODS
from sideman.symbolic.score import DEFAULT_METRE, DEFAULT_TEMPO_BPM

_MIDDLE_BPM = 110.0  # "very" moves a tempo away from here
_SAME_TEMPO = 1.35  # slow is taken as 66 bpm, and fits what is less than this much faster
_MODE_VALENCE = 0.45
_TOP_DENSITY = len(DENSITY_EDGES)


@dataclass
class Settled:
    """The wish and how it came about; `Understanding` without the unused words."""

    controls: Controls
    used: list[tuple[str, str, str]]
    notes: list[str]


def settle(said: Sequence[Said]) -> Settled:
    """One wish from all that was said.

    Raises:
        UsageError: a tempo or length in figures is out of range.
    """
    account = Account()
    items = _possible(said, account)
    genre = _genre(items, account)
    metre = _metre(items, account)
    tempo = _tempo(items, metre, account)
    tempo, metre, bars = _length(items, tempo, metre, account)
    key, lone_mode = _key(items, account)
    valence, arousal = _mood(items, lone_mode, account)
    instruments = _instruments(items, genre, account)
    style = _style(items, instruments, account)
    density = _density(items, account)
    controls = Controls(genre, valence, arousal, tempo, key, metre, bars, instruments, density, style)
    return Settled(controls, [entry for _, entry in sorted(account.used, key=lambda u: u[0])], _unique(account.notes))


def _unique(notes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(notes))


def _possible(said: Sequence[Said], account: Account) -> list[Said]:
    """All but figures, genres and the like that were ruled out: those can be chosen only."""
    out = []
    for item in said:
        if item.figure and item.kind == "unknown":
            account.notes.append(str(item.figure.value))
        elif item.negated and item.kind not in ("mood", "tempo", "density", "instrument", "mode"):
            account.notes.append(f"'{item.phrase}' cannot be ruled out, only asked for")
        else:
            out.append(item)
    return out


def _genre(items: Sequence[Said], account: Account) -> str | None:
    offered = choices(items, "genre")
    # In English the last of neighbours is the head: jazz pop is pop.
    heads = [
        c for c in offered if not any(o.rank == c.rank == WORD and o.item.begin == c.item.end for o in offered)
    ]  # fmt: skip
    chosen = account.pick(heads)
    if chosen:
        account.use(chosen.item, "genre", chosen.value)
        left = [c for c in offered if c not in heads and c.value != chosen.value]
        account.notes += [f"'{c.item.phrase}' gives way to '{chosen.item.phrase}'" for c in left]
    return chosen.value if chosen else None


def _metre(items: Sequence[Said], account: Account) -> tuple[int, int] | None:
    chosen = account.pick(figures(items, "metre") + choices(items, "metre"))
    if chosen is None:
        return None
    account.use(chosen.item, "metre", f"{chosen.value[0]}/{chosen.value[1]}")
    metre: tuple[int, int] = chosen.value
    return metre


def _tempo(items: Sequence[Said], metre: tuple[int, int] | None, account: Account) -> float | None:
    exact = figures(items, "beat_bpm", "quarter_bpm", "dotted_bpm")
    words = [
        Choice(c.rank, c.item, _moved(c.value, c.item) if c.rank == WORD else c.value)
        for c in choices(items, "tempo_bpm")
    ]
    words += [
        Choice(WORD, i, _moved(i.meaning.controls.tempo_bpm or 0, i))
        for i in items
        if i.meaning and i.kind == "tempo" and i.negated
    ]
    chosen = account.pick(exact + words, _is_same_tempo)
    if chosen is None:
        return None
    bpm, kind = float(chosen.value), chosen.item.kind
    phrase = chosen.item.phrase
    if chosen.rank < FIGURE:
        account.notes.append(f"'{phrase}' {'is taken as' if chosen.rank == WORD else 'suggests'} {bpm:g} bpm")
    quarters = bpm
    if kind == "dotted_bpm" or (metre in COMPOUND and kind != "quarter_bpm"):
        quarters = 1.5 * bpm
        where = f"in {metre[0]}/{metre[1]} a beat is a dotted quarter: " if metre in COMPOUND and metre else ""
        account.notes.append(f"{where}{bpm:g} bpm are {quarters:g} quarter notes per minute")
    if not SLOWEST_BPM <= quarters <= FASTEST_BPM:
        if chosen.rank == FIGURE:
            raise UsageError(
                f"{phrase[:40]!r}: a tempo of {quarters:g} quarter notes per minute is outside "
                f"{SLOWEST_BPM:g} to {FASTEST_BPM:g}"
            )
        quarters = min(max(quarters, SLOWEST_BPM), FASTEST_BPM)
    account.use(chosen.item, "tempo_bpm", f"{bpm:g} bpm")
    return quarters


def _is_same_tempo(chosen: float, other: float) -> bool:
    """Whether a word for a tempo fits one that was chosen: 220 bpm is fast, though fast alone is taken as less."""
    is_fast_enough = chosen >= other / _SAME_TEMPO or other < 0.9 * _MIDDLE_BPM
    return is_fast_enough and (chosen <= other * _SAME_TEMPO or other > 1.1 * _MIDDLE_BPM)


def _moved(bpm: float, item: Said) -> float:
    """A tempo by its degree: very slow is slower; not slow is rather fast."""
    power = -0.4 if item.negated else item.degree
    return bpm if power == 1 else float(round(_MIDDLE_BPM * (bpm / _MIDDLE_BPM) ** power))


def _length(
    items: Sequence[Said], tempo: float | None, metre: tuple[int, int] | None, account: Account
) -> tuple[float | None, tuple[int, int] | None, int | None]:
    """Tempo and metre, which seconds fix, and the number of bars."""
    chosen = account.pick(figures(items, "bars", "seconds") + choices(items, "bars"))
    if chosen is None:
        return tempo, metre, None
    phrase, wanted = chosen.item.phrase, float(chosen.value)
    if chosen.item.kind == "seconds":
        assumed = []
        if tempo is None:
            tempo = DEFAULT_TEMPO_BPM
            assumed.append(f"{tempo:g} bpm")
        if metre is None:
            metre = DEFAULT_METRE
            assumed.append(f"{metre[0]}/{metre[1]}")
        bars = max(1, round(wanted * tempo / 60 / (4 * metre[0] / metre[1]))) if wanted > 0 else 0
        because = f", taking {' and '.join(assumed)}" if assumed else ""
        account.notes.append(f"'{phrase}' makes {bars} bars at this tempo and metre{because}")
    elif not wanted.is_integer():
        raise UsageError(f"{phrase[:40]!r}: bars are counted in whole numbers")
    else:
        bars = int(wanted)
        if chosen.rank == HINT:
            account.notes.append(f"'{phrase}' is taken as {bars} bars")
    if not 1 <= bars <= MOST_BARS:
        raise UsageError(f"{phrase[:40]!r}: a length of {bars} bars is outside 1 to {MOST_BARS}")
    account.use(chosen.item, "bars", f"{bars} bars")
    return tempo, metre, bars


def _key(items: Sequence[Said], account: Account) -> tuple[tuple[int, bool] | None, Said | None]:
    """The key; and a minor or major that stands alone."""
    modes = [item for item in items if item.kind == "mode"]
    found = [i for i in items if i.figure and i.kind in ("key", "tonic")]
    found.sort(key=lambda i: not (i.figure and i.figure.is_sure))
    chosen = account.pick([Choice(FIGURE, i, i.figure.value) for i in found if i.figure])
    if chosen is None or not isinstance(chosen.value, tuple):
        return None, modes[0] if modes else None
    tonic, is_minor = chosen.value[0], bool(chosen.value[1])
    if chosen.item.kind == "tonic":
        if modes:
            is_minor = _is_minor(modes[0])
            account.use(modes[0], "key", "minor" if is_minor else "major")
        else:
            account.notes.append(f"'{chosen.item.phrase}' is taken as {key_name((tonic, False))}")
    elif modes and _is_minor(modes[0]) != is_minor:
        account.notes.append(f"'{modes[0].phrase}' gives way to '{chosen.item.phrase}'")
    account.use(chosen.item, "key", key_name((tonic, is_minor)))
    return (tonic, is_minor), None


def _is_minor(mode: Said) -> bool:
    return bool(mode.meaning and mode.meaning.mood == "minor") != mode.negated


def _mood(items: Sequence[Said], lone_mode: Said | None, account: Account) -> tuple[float | None, float | None]:
    """Words weighted, in valence and arousal apart, by how much they say of it: happy but calm is pleasant and calm."""
    moods = [i for i in items if i.kind == "mood"] or [i for i in items if i.meaning and i.meaning.mood in MOODS][:1]
    points = []
    for item in moods:
        assert item.meaning is not None
        by = -0.5 if item.negated else item.degree if item.kind == "mood" else 1.0
        valence, arousal = (min(max(by * x, -1.0), 1.0) for x in MOODS[item.meaning.mood])
        points.append((valence, arousal))
        account.use(item, "mood", f"{item.meaning.mood}: valence {valence:.2g}, arousal {arousal:.2g}")
        if item.negated:
            account.notes.append(f"'not {item.phrase}' is taken as half its opposite")
        if item.kind != "mood":
            account.notes.append(f"'{item.phrase}' suggests {item.meaning.mood}")
    mixed: list[float | None] = [_weighted([p[k] for p in points]) for k in (0, 1)]
    for k, name in enumerate(("valence", "arousal")):
        chosen = account.pick(figures(items, name))
        if chosen:
            mixed[k] = float(chosen.value)
            account.use(chosen.item, name, f"{mixed[k]:g}")
    if lone_mode is not None:
        is_minor = _is_minor(lone_mode)
        word = "minor" if is_minor else "major"
        if mixed[0] is None:
            mixed[0] = -_MODE_VALENCE if is_minor else _MODE_VALENCE
            account.use(lone_mode, "valence", f"{mixed[0]:g}")
            account.notes.append(f"{word} without a keynote is taken as valence {mixed[0]:g}")
        else:
            account.notes.append(f"{word} without a keynote is left to the mood")
    return mixed[0], mixed[1]


def _weighted(values: Sequence[float]) -> float | None:
    if not values:
        return None
    weight = sum(v * v for v in values)
    return round(sum(v**3 for v in values) / weight, 2) + 0.0 if weight else 0.0


def _instruments(items: Sequence[Said], genre: str | None, account: Account) -> tuple[int, ...]:
    chosen: dict[int, None] = {}
    for item in items:
        if item.meaning and item.kind == "instrument" and not item.negated:
            programs = item.meaning.controls.instruments
            chosen.update(dict.fromkeys(programs))
            account.use(item, "instruments", ", ".join(name_of(p) for p in programs))
            if item.meaning.note:
                instead = f"; in its place: {name_of(programs[0])}" if item.meaning.kind == "instrument" else ""
                account.notes.append(f"{item.meaning.note}{instead}")
    gone = [i for i in items if i.kind == "instrument" and i.negated]
    if not gone:
        return tuple(chosen)
    given = bool(chosen)
    stay = tuple(chosen) or LINE_UPS.get(genre or "", USUAL_LINE_UP)
    left = tuple(p for p in stay if not any(p in _removed(item) for item in gone))
    for item in gone:
        account.use(item, "instruments", "left out")
    if not left:
        account.notes.append("leaving these instruments out leaves none: the choice is left open")
        return ()
    if left == stay and not given:
        account.notes.append(f"'{gone[0].phrase}' would not play anyway")
        return ()
    if not given:
        names = ", ".join(name_of(p) for p in left)
        without = " and ".join(item.phrase for item in gone)
        account.notes.append(f"no instruments are named: {names}, as usual in {genre or 'pop'}, without {without}")
    return left


def _removed(item: Said) -> frozenset[int]:
    assert item.meaning is not None
    programs = item.meaning.controls.instruments
    word = item.phrase.lower()
    general = REMOVED_WITH.get(word) or REMOVED_WITH.get(word.removesuffix("s"), ())
    return frozenset((*programs, *general))


def _style(items: Sequence[Said], instruments: tuple[int, ...], account: Account) -> str | None:
    offered = [
        c
        for c in choices(items, "style")
        if c.rank == WORD
        or c.value == "band"
        or (c.item.meaning and set(c.item.meaning.controls.instruments) == set(instruments))
    ]
    chosen = account.pick(offered)
    if chosen:
        account.use(chosen.item, "style", chosen.value)
    return chosen.value if chosen else None


def _density(items: Sequence[Said], account: Account) -> int | None:
    words = []
    for item in items:
        if item.meaning and item.kind == "density":
            by = -1.0 if item.negated else item.degree
            middle = _TOP_DENSITY / 2
            level = round(middle + ((item.meaning.controls.density or 0) - middle) * by)
            words.append(Choice(WORD, item, min(max(level, 0), _TOP_DENSITY)))
    chosen = account.pick(figures(items, "density") + words)
    if chosen is None:
        return None
    level = int(chosen.value)
    account.use(chosen.item, "density", f"{level} of {_TOP_DENSITY}")
    return level
