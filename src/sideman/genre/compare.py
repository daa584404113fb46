"""Two models on the same recordings under the same protocol: is one better, or was it luck?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import UsageError
from sideman.datasets.track import printable
from sideman.genre import statistics as st
from sideman.genre.evaluation import Evaluation, Run
from sideman.genre.figures import mean_recall
from sideman.genre.protocols import AS_IS

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]


@dataclass(frozen=True)
class Difference:
    """A figure of both models, and the second's minus the first's with its 95 % interval."""

    first: float
    second: float
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class GenreDifference:
    """Recall of one genre, mean over seeds: of ``tested`` recordings, by both models; None where none was tested."""

    genre: str
    tested: float
    first: float | None
    second: float | None


@dataclass(frozen=True)
class Apiece:
    """A recording that one model alone names right, by its mean over the seeds, with both answers."""

    track: str
    genre: str
    first: str
    second: str


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found.

    Attributes:
        first: name of the first model.
        second: name of the second.
        protocol: of both.
        dataset: of both.
        tested: recordings tested per seed, mean over the seeds.
        seeds: on which both were tested.
        per_seed: exact McNemar test per seed.
        all_seeds: the test on the answers of the seeds' mean probabilities.
        accuracy: mean over seeds, interval over groups.
        balanced_accuracy: likewise.
        genres: recall per genre.
        only_first: recordings that only the first names right.
        only_second: that only the second does.
        apart: what the protocol kept apart, in words.
        level: how far the figures can be believed, as :meth:`sideman.genre.apart.Apart.level`.
        headline: the same in words.
        leaky: the protocol flatters.
        warnings: what a reader must know before believing it.
    """

    first: str
    second: str
    protocol: str
    dataset: str
    tested: float
    seeds: tuple[int, ...]
    per_seed: tuple[st.McNemar, ...]
    all_seeds: st.McNemar
    accuracy: Difference
    balanced_accuracy: Difference
    genres: tuple[GenreDifference, ...]
    only_first: tuple[Apiece, ...]
    only_second: tuple[Apiece, ...]
    apart: tuple[str, ...]
    level: str
    headline: str
    leaky: bool
    warnings: tuple[str, ...]

    @property
    def p(self) -> float:
        """Median of the seeds' p-values, the larger one of the middle two."""
        return float(sorted(test.p for test in self.per_seed)[len(self.per_seed) // 2])

    def verdict(self, level: float = 0.05) -> str:
        """Say in one sentence whether the difference in accuracy stands, over recordings and over groups."""
        gap = self.accuracy.difference
        low, high = self.accuracy.interval
        better, worse = (self.second, self.first) if gap > 0 else (self.first, self.second)
        points = f"{100 * abs(gap):.1f} points"
        p = f"McNemar p = {self.p:.2g}" + (f", median of {len(self.seeds)} seeds" if len(self.seeds) > 1 else "")
        apart = low > 0 or high < 0
        if self.p < level and apart:
            return f"{better} is better than {worse} by {points} ({p}; 95 % interval without 0)."
        if self.p < level or apart:
            return f"{better} is ahead of {worse} by {points}, but only one of test and interval bears it out ({p})."
        return f"No difference can be told: {points} ({p}; 95 % interval with 0)."

    def lines(self) -> list[str]:
        """Lines for a terminal."""
        over = f"{self.tested:.0f} recordings, {len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''}"
        said = [
            f"{self.first} against {self.second} under {self.protocol}{' (LEAKY)' if self.leaky else ''}: {over}",
            f"  {self.verdict()}",
        ]
        for title, found in (("accuracy", self.accuracy), ("balanced accuracy", self.balanced_accuracy)):
            low, high = found.interval
            said.append(
                f"  {title:18s} {found.first:.3f} and {found.second:.3f}: {found.difference:+.3f} "
                f"({low:+.3f} to {high:+.3f})"
            )
        for seed, test in zip(self.seeds, self.per_seed, strict=True):
            said.append(f"  seed {seed}: {test.only_first} and {test.only_second} right alone, p = {test.p:.3g}")
        return [*said, *(f"  warning: {warning}" for warning in self.warnings)]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, fit for JSON."""
        return {**asdict(self), "p": self.p, "verdict": self.verdict()}


def compare(first: Evaluation, second: Evaluation, *, names: tuple[str, str] | None = None) -> Comparison:
    """Compare two evaluations of the same recordings, protocol and seeds; seeds that only one has are left out.

    Args:
        first: one model.
        second: the other; differences are its figure minus the first's.
        names: what to call them, by default the models' names.

    Raises:
        UsageError: recordings, genres, protocol or tested recordings differ, or no seed is common; the message says
            which.
    """
    _same(first, second)
    runs = _paired(first, second)
    called = names or (first.model, second.model)
    if called[0] == called[1]:
        called = (f"{called[0]} (first)", f"{called[1]} (second)")
    labels = first.labels
    n, classes = len(labels), len(first.genres)
    one_hot = np.eye(classes)[labels]
    answers = [tuple(_answers(run) for run in pair) for pair in runs]
    right = [tuple(answer == labels for answer in pair) for pair in answers]
    tested = [pair[0].tested for pair in runs]
    tests = tuple(st.mcnemar(a[t], b[t]) for (a, b), t in zip(right, tested, strict=True))
    any_tested = np.any(tested, axis=0)
    joined = tuple(_joint([pair[side] for pair in runs], labels) for side in (0, 1))
    joint_right = tuple((answer == labels) & any_tested for answer in joined)
    groups = np.array(first.groups)

    def difference(sums: list[tuple[Floats, Floats]], balanced: bool) -> Difference:
        each = np.concatenate([np.concatenate(pair, axis=1) for pair in sums], axis=1)

        def sides(drawn: Floats) -> tuple[Floats, Floats]:
            parts = drawn.reshape(len(drawn), len(sums), 2, -1)
            both = [np.mean([share(parts[:, r, side]) for r in range(len(sums))], axis=0) for side in (0, 1)]
            return both[0], both[1]

        def share(part: Floats) -> Floats:
            if balanced:
                return mean_recall(part)
            right_n, all_n = np.split(part, 2, axis=1)
            with np.errstate(invalid="ignore"):
                return np.asarray(right_n.sum(1) / all_n.sum(1))

        a, b = (float(side[0]) for side in sides(each.sum(0, keepdims=True)))
        interval = st.group_interval(each, groups, lambda drawn: sides(drawn)[1] - sides(drawn)[0])
        return Difference(a, b, b - a, interval)

    sums = []
    for (a, b), inside in zip(right, tested, strict=True):
        there = one_hot * inside[:, None]
        sums.append(tuple(np.concatenate([there * side[:, None], there], axis=1) for side in (a, b)))
    pairs = [(a, b) for a, b in sums]
    count = np.mean([np.bincount(labels[t], minlength=classes) for t in tested], axis=0)
    recalls = [
        np.mean([np.bincount(labels[t & side[k]], minlength=classes) for side, t in zip(right, tested, strict=True)], 0)
        for k in (0, 1)
    ]
    return Comparison(
        first=called[0],
        second=called[1],
        protocol=first.protocol,
        dataset=first.dataset,
        tested=float(np.mean([t.sum() for t in tested])),
        seeds=tuple(pair[0].seed for pair in runs),
        per_seed=tests,
        all_seeds=st.mcnemar(joint_right[0][any_tested], joint_right[1][any_tested]),
        accuracy=difference(pairs, False),
        balanced_accuracy=difference(pairs, True),
        genres=tuple(
            GenreDifference(genre, float(m), float(a / m) if m else None, float(b / m) if m else None)
            for genre, m, a, b in zip(first.genres, count, *recalls, strict=True)
        ),
        only_first=_apiece(first, joined, joint_right[0] & ~joint_right[1]),
        only_second=_apiece(first, joined, joint_right[1] & ~joint_right[0]),
        apart=first.sentences(),
        level=first.apart.level(first.declared),
        headline=first.apart.headline(first.declared),
        leaky=first.declared.leaky,
        warnings=_warnings(first, second, runs, n),
    )


def _same(first: Evaluation, second: Evaluation) -> None:
    """Refuse what cannot be compared."""
    if first.protocol != second.protocol:
        raise UsageError(
            f"protocols differ: {first.model} was evaluated under '{first.protocol}', {second.model} under "
            f"'{second.protocol}'; evaluate both under one"
        )
    if first.genres != second.genres:
        odd = sorted(set(first.genres) ^ set(second.genres))
        raise UsageError(f"genres differ: only one of the two has '{odd[0]}'; evaluate both on one data set")
    if first.tracks != second.tracks:
        odd = sorted(set(first.tracks) ^ set(second.tracks))
        named = f"only one of the two has {printable(odd[0])}" if odd else "they are in another order"
        raise UsageError(
            f"recordings differ ({len(first.tracks)} and {len(second.tracks)}; {named}): evaluate both on one data set"
        )
    differ = np.flatnonzero(first.labels != second.labels)
    if len(differ):
        raise UsageError(f"the genre of {printable(first.tracks[differ[0]])} differs: evaluate both on one data set")


def _paired(first: Evaluation, second: Evaluation) -> list[tuple[Run, Run]]:
    others = {run.seed: run for run in second.runs}
    runs = [(run, others[run.seed]) for run in first.runs if run.seed in others]
    if not runs:
        a, b = (", ".join(str(run.seed) for run in found.runs) for found in (first, second))
        raise UsageError(f"seeds differ: {a} and {b}; evaluate both with a common seed")
    for a_run, b_run in runs:
        differ = np.flatnonzero(a_run.tested != b_run.tested)
        if len(differ):
            raise UsageError(
                f"seed {a_run.seed}: {len(differ)} recordings were tested by one of the two only, first "
                f"{printable(first.tracks[differ[0]])}; evaluate both on one split"
            )
    return runs


def _answers(run: Run) -> Ints:
    """Class that a run names per recording, (tracks,); -1 where it was not tested."""
    answers = np.full(len(run.fold_of), -1)
    answers[run.tested] = run.log_probabilities[run.tested].argmax(1)
    return answers


def _joint(runs: Sequence[Run], labels: Ints) -> Ints:
    """Class by the mean probability of all seeds, (tracks,); -1 where none tested it."""
    total = np.nansum([run.probabilities(labels) for run in runs], axis=0)
    return np.where(np.any([run.tested for run in runs], axis=0), total.argmax(1), -1)


def _apiece(found: Evaluation, answers: tuple[Ints, ...], mask: NDArray[np.bool_]) -> tuple[Apiece, ...]:
    names = found.genres
    return tuple(
        Apiece(found.tracks[i], names[found.labels[i]], names[answers[0][i]], names[answers[1][i]])
        for i in np.flatnonzero(mask)
    )


def _warnings(first: Evaluation, second: Evaluation, runs: Sequence[tuple[Run, Run]], n: int) -> tuple[str, ...]:
    said = []
    if first.declared.leaky:
        said.append(
            f"The protocol '{first.protocol}' is leaky: it rewards the model that knows recordings again, and may rank "
            "models otherwise than an honest one would."
        )
    elif first.protocol == AS_IS.name:
        said.append(first.declared.caution)
    elif "artist" not in first.declared.keeps:
        said.append(f"Under '{first.protocol}' artists are not all kept apart: part of a lead may be knowing artists.")
    if any((a.fold_of != b.fold_of).any() for a, b in runs):
        said.append("The two were trained on different folds: part of the difference is the split's.")
    if len(runs) < max(len(first.runs), len(second.runs)):
        said.append(f"Only {len(runs)} seeds are common; the others are left out.")
    if len(runs) == 1:
        said.append("There is one seed only: what another seed of the same model would change is not known.")
    if first.groups != second.groups:
        said.append("The two know different groups; intervals are over the first's.")
    if n < 100:
        said.append(f"{n} recordings are few: only large differences can be told.")
    return tuple(said)
