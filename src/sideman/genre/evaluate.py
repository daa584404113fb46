"""Judge a model of the lab under a protocol: every recording is scored by fits that did not learn from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_folder
from sideman.core.errors import DatasetError, OutputError, UsageError
from sideman.datasets.splits import FoldRow
from sideman.genre.combine import Stack, combine
from sideman.genre.corpus import Corpus
from sideman.genre.evaluation import Curve, Evaluation, Run, assemble, row_scores_to_run
from sideman.genre.inputs import Input
from sideman.genre.judging import Fit, Scored, score_all, settings_dict
from sideman.genre.material import Material
from sideman.genre.protocols import Partition, Protocol, best_protocol, get_protocol, partitions
from sideman.genre.registry import ModelSpec, get_model

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """What to train and how to judge it.

    Attributes:
        model: name in the registry.
        settings: of the model, as ``spec.settings`` gives them.
        protocol: name; None for artists where they are known, else tracks.
        seeds: one run each.
        n_folds: other than the protocol's own.
        segment_s: other than the model's own input.
        length: keep the table's column ``length``; None keeps it under leaky protocols only, as the sources did.
        workers: fits made at once.
    """

    model: str
    settings: Any
    protocol: str | None = None
    seeds: tuple[int, ...] = (0,)
    n_folds: int | None = None
    segment_s: float | None = None
    length: bool | None = None
    workers: int = 1

    @property
    def spec(self) -> ModelSpec:
        """The model's entry in the registry."""
        return get_model(self.model)

    @property
    def is_joined(self) -> bool:
        """Whether it is an ensemble whose members hear different things, each kept as a network of its own."""
        if self.spec.family != "ensemble":
            return False
        from sideman.genre.models.ensemble import MEMBERS

        return not set(self.settings.members) <= set(MEMBERS)

    def protocol_for(self, material: Material) -> Protocol:
        """Return the protocol that was asked for, or the best that the data allow."""
        return get_protocol(self.protocol) if self.protocol else best_protocol(material)

    def parts(self, *, leaky: bool = False, kept: bool = False) -> list[tuple[str, Any, Input]]:
        """Members as name, settings, input; a plain model is its own only member.

        ``leaky``: what the protocol is; ``kept``: the model goes into use, where ``length`` is of no use.
        """
        if not self.is_joined:
            return [(self.model, self.settings, self._input(self.spec, leaky and not kept))]
        parts = []
        for name in self.settings.members:
            spec = get_model(name)
            if spec.family in {"ensemble", "clusters"}:
                raise UsageError(f"ensemble: '{name}' cannot be a member; name single models")
            parts.append((name, spec.settings(), self._input(spec, leaky and not kept)))
        return parts

    def _input(self, spec: ModelSpec, leaky: bool) -> Input:
        given = spec.input
        if given.kind == "table":
            length = self.length if self.length is not None else leaky and given.length
            return replace(given, length=length, segment_s=self.segment_s or given.segment_s)
        if self.segment_s is None or given.kind == "windows":
            return given
        return replace(given, segment_s=self.segment_s)

    def combination(self, evaluation: Evaluation | None) -> dict[str, Any] | None:
        """How a kept ensemble joins its members, for its card."""
        told = evaluation.settings.get("stack") if evaluation is not None else None
        return {"stack": told} if told else {"weights": None}


def evaluate(
    corpus: Corpus,
    plan: Plan,
    work: Path,
    *,
    folds: Sequence[FoldRow] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Evaluation:
    """Train and score under the plan's protocol.

    Args:
        corpus: labelled music.
        plan: what to do.
        work: folder in which finished fits are kept; the same call goes on from them.
        folds: fixed folds for the protocol "artists".
        advance: called with 1 after every fit.

    Raises:
        DatasetError: the data do not allow the protocol, or nothing can be learnt from them.
        ModelError: a fit failed.
        UsageError: the plan contradicts itself.
    """
    first = corpus.material(plan.parts()[0][2])
    protocol = plan.protocol_for(first)
    parts = plan.parts(leaky=protocol.leaky)
    if len(parts) > 1 and protocol.leaky:
        raise UsageError(f"an ensemble of different inputs has no common segments; '{protocol.name}' splits segments")
    materials = [corpus.material(given, across=protocol.leaky and given.context > 1) for _, _, given in parts]
    for material in materials[1:]:
        if [t.track_id for t in material.tracks] != [t.track_id for t in materials[0].tracks]:
            raise DatasetError(f"{corpus.root}: some recordings can be heard by some members only; leave them out")
    runs: list[Run] = []
    scored: list[Scored] = []
    curves: list[Curve] = []
    first_split: list[Partition] | None = None
    settings = settings_dict(plan.settings)
    for seed in plan.seeds:
        member_logs, run = [], None
        for (name, chosen, _), material in zip(parts, materials, strict=True):
            split = partitions(protocol, material, seed=seed, n_folds=plan.n_folds, folds=folds)
            stacked = len(parts) > 1 and plan.settings.how == "stack"
            if not stacked and protocol.n_folds > 1 and not stops_early(name, chosen):
                split = [_with_all(partition) for partition in split]
            fits = [Fit(name, chosen, partition, seed) for partition in split]
            results = score_all(fits, material, work, workers=plan.workers, advance=advance)
            scored += results
            first_split = first_split or split
            curves += [Curve(p.name, seed, r.history) for p, r in zip(split, results, strict=True) if r.history]
            run = row_scores_to_run(
                material, split, [result.test for result in results], seed, [result.valid for result in results]
            )
            member_logs.append((material, split, results, run.log_probabilities))
        assert run is not None
        if len(parts) > 1:
            run = _joined(plan, member_logs, seed, settings)
        runs.append(run)
    assert first_split is not None
    return assemble(
        materials[0],
        protocol,
        first_split,
        runs,
        model=plan.model,
        dataset=corpus.name,
        settings=settings,
        n_parameters=scored[0].parameters,
        fit_seconds=float(np.sum([s.fit_s for s in scored])),
        curves=curves,
        notes=_notes(corpus, materials[0], plan),
    )


def stops_early(model: str, settings: Any) -> bool:
    """Whether a model has a use for rows that it is not trained on."""
    family = get_model(model).family
    return family == "network" or (family == "transfer" and settings.fine_tune)


def _with_all(partition: Partition) -> Partition:
    """Let a model that needs no validation rows learn from them."""
    train = np.sort(np.concatenate([partition.train, partition.valid]))
    return replace(partition, train=train, valid=partition.valid[:0])


def count_fits(corpus: Corpus, plan: Plan, folds: Sequence[FoldRow] | None = None) -> int:
    """How many fits :func:`evaluate` makes of a plan; takes the features that tell."""
    total = 0
    for seed in plan.seeds:
        for _, _, given in plan.parts():
            material = corpus.material(given)
            protocol = plan.protocol_for(material)
            total += len(partitions(protocol, material, seed=seed, n_folds=plan.n_folds, folds=folds))
    return total


def check_report_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse a place where no report can go, before any work; raises :class:`OutputError`."""
    if out.exists() and not (overwrite and (out / "evaluation.json").is_file()):
        hint = "--overwrite replaces it" if (out / "evaluation.json").is_file() else "name another folder"
        raise OutputError(f"{out}: already exists; {hint}")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: its folder does not exist; create {out.parent} first")


def write_report(evaluation: Evaluation, out: Path, *, overwrite: bool = False) -> None:
    """Write ``evaluation.json``, ``tracks.csv`` and ``report.html`` into a folder that appears whole."""
    from sideman.genre.report.page import render

    with atomic_folder(out, overwrite=overwrite) as folder:
        evaluation.write(folder)
        (folder / "report.html").write_text(render(evaluation), encoding="utf-8")


Member = tuple[Material, list[Partition], list[Scored], Floats]


def _joined(plan: Plan, members: Sequence[Member], seed: int, settings: dict[str, Any]) -> Run:
    """Vote, or stack: what a fold's stack learns from are the rows that its members stopped early on, never its test.

    The last fold's stack is kept in ``settings`` for the model's card.
    """
    material, split, _, shape = members[0]
    joined = np.full(shape.shape, np.nan)
    fold_of = np.full(len(material.tracks), -1)
    for k, partition in enumerate(split):
        tested = np.unique(material.track_of[partition.test])
        logs = [member[3][tested] for member in members]
        how = _stack(members, k, material, seed) if plan.settings.how == "stack" else None
        if how is not None:
            settings["stack"] = how.to_dict()
        joined[tested] = combine(logs, how)
        fold_of[tested] = k
    right = (joined.argmax(1) == material.labels).astype(int)
    known = fold_of >= 0
    return Run(seed, joined, np.where(known, right, 0), known.astype(int), fold_of)


def _stack(members: Sequence[Member], k: int, material: Material, seed: int) -> Stack:
    from sideman.genre.models.ensemble import fit_stack

    logs = []
    held = np.unique(material.track_of[members[0][1][k].valid])
    if not len(held):
        raise UsageError("a stack needs recordings that its members did not learn from; add music or use how=vote")
    for own, split, results, _ in members:
        logs.append(own.per_track(results[k].valid.astype(np.float64), split[k].valid)[held])
    return fit_stack(logs, material.labels[held], seed=seed)


def _notes(corpus: Corpus, material: Material, plan: Plan) -> tuple[str, ...]:
    from sideman.genre.heard import note_of

    notes = [f"not read: {failure}" for failure in corpus.failures]
    heard = note_of(plan, [track.track_id for track in material.tracks])
    return (*((heard,) if heard else ()), *notes)
