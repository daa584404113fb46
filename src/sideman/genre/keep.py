"""Make a model that is kept: judged out of fold, trained on everything, calibrated, exported, described."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman import __version__
from sideman.core.atomic import atomic_folder
from sideman.core.errors import OutputError, UsageError
from sideman.datasets.splits import FoldRow
from sideman.genre import trained
from sideman.genre.corpus import Corpus
from sideman.genre.evaluate import Plan, evaluate, stops_early
from sideman.genre.evaluation import Evaluation
from sideman.genre.headline import summary
from sideman.genre.inputs import Input
from sideman.genre.judging import Fit, everything, fit_one, settings_dict
from sideman.genre.material import Material
from sideman.genre.predict import log_softmax
from sideman.genre.protocols import Partition, partitions
from sideman.genre.statistics import fitted_temperature
from sideman.training.task import Epoch

_LEAST_TEMPERATURE = 0.7
_STOPPING_FOLDS = 8
"""One of so many parts is what early stopping of the kept network looks at."""
Floats = NDArray[np.float64]


def work_folder(out: Path) -> Path:
    """Where an unfinished run keeps what it has, so that the same command goes on."""
    return out.with_name(f"{out.name}.part")


def check_out(out: Path, *, overwrite: bool) -> None:
    """Refuse a place where no model can go, before any work; raises :class:`OutputError`."""
    if out.exists() and not (overwrite and (out / trained.CARD).is_file()):
        hint = "--overwrite replaces a model" if (out / trained.CARD).is_file() else "name another folder"
        raise OutputError(f"{out}: already exists; {hint}")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: its folder does not exist; create {out.parent} first")


def keep(
    corpus: Corpus,
    plan: Plan,
    out: Path,
    *,
    judged: bool = True,
    overwrite: bool = False,
    folds: Sequence[FoldRow] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    advance: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], Evaluation | None]:
    """Train and keep a model in the folder ``out``; returns its card and how it was judged.

    The run keeps finished fits beside ``out`` and goes on from them when it was killed, to the same result.

    Args:
        corpus: labelled music.
        plan: model, settings, protocol, seeds.
        out: folder that appears when all is done.
        judged: estimate by the protocol how the model does on music that it has not heard; without, its probabilities
            are not calibrated and it is never unsure.
        overwrite: replace a model that is there.
        folds: fixed folds for the protocol "artists".
        on_epoch: called with every :class:`Epoch` of the last fit.
        advance: called with 1 after every fit of the judgement.

    Raises:
        DatasetError, ModelError, OutputError, UsageError: see the message.
    """
    if plan.spec.family == "clusters":
        raise UsageError(f"{plan.model} finds clusters and is no classifier to keep; 'sideman evaluate' shows them")
    check_out(out, overwrite=overwrite)
    work = work_folder(out)
    evaluation = None
    if judged:
        evaluation = evaluate(corpus, plan, work, folds=folds, advance=advance)
    members, material = _members(corpus, plan, work, on_epoch)
    card: dict[str, Any] = {
        "sideman": __version__,
        "model": plan.model,
        "title": plan.spec.title,
        "source": plan.spec.source,
        "genres": list(material.genres),
        "settings": settings_dict(plan.settings),
        "seed": plan.seeds[0],
        "calibration": _calibration(evaluation),
        "trained_on": {
            "data": corpus.name,
            "recordings": len(material.tracks),
            "rows": len(material.x),
            "per_genre": {g: int((material.labels == i).sum()) for i, g in enumerate(material.genres)},
            "left_out": list(corpus.failures),
            "tracks": [track.track_id for track in material.tracks],
        },
        "judged": summary(evaluation) if evaluation is not None else None,
    }
    with atomic_folder(out, overwrite=overwrite) as folder:
        card["members"] = [
            trained.write_member(folder, name, given, onnx) | _centre(corpus.material(given), given)
            for name, given, onnx in members
        ]
        if len(members) > 1:
            card["combine"] = plan.combination(evaluation)
        (folder / trained.CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if evaluation is not None:
            from sideman.genre.report.page import render

            evaluation.write(folder)
            (folder / "report.html").write_text(render(evaluation), encoding="utf-8")
    shutil.rmtree(work, ignore_errors=True)
    return card, evaluation


def _members(
    corpus: Corpus, plan: Plan, work: Path, on_epoch: Callable[[Epoch], None] | None
) -> tuple[list[tuple[str, Input, bytes]], Material]:
    """Train every member on all recordings: name, input, ONNX; and the material of the first."""
    work.mkdir(parents=True, exist_ok=True)
    made, first = [], None
    for model, settings, given in plan.parts(kept=True):
        material = corpus.material(given)
        first = first or material
        watched = stops_early(model, settings) and len(material.tracks) >= 2 * _STOPPING_FOLDS
        rows = _with_stopping(material, plan) if watched else everything(material)
        fit = Fit(model, settings, rows, plan.seeds[0])
        fitted = fit_one(fit, material, checkpoint=work / f"kept-{model}.checkpoint", on_epoch=on_epoch)
        made.append((model, material.input, fitted.to_onnx()))
    assert first is not None
    return made, first


def _centre(material: Material, given: Input) -> dict[str, list[float]]:
    """Mean of each column, against which a table model's answers are explained."""
    if given.kind != "table":
        return {}
    axes = tuple(range(material.x.ndim - 1))
    return {"centre": [float(value) for value in material.x.mean(axes, dtype=np.float64)]}


def _with_stopping(material: Material, plan: Plan) -> Partition:
    """All rows, of which early stopping looks at some that are kept apart as the protocol keeps things apart."""
    protocol = plan.protocol_for(material)
    if protocol.n_folds == 1:
        return everything(material, partitions(protocol, material, seed=plan.seeds[0])[0].valid)
    return everything(material, partitions(protocol, material, seed=plan.seeds[0], n_folds=_STOPPING_FOLDS)[0].test)


def _calibration(evaluation: Evaluation | None) -> dict[str, float]:
    """Temperature and threshold from out-of-fold scores, all seeds together."""
    if evaluation is None:
        return {"temperature": 1.0, "min_probability": 0.0}
    scores = [run.log_probabilities for run in evaluation.runs]
    tested = [~np.isnan(part).any(1) for part in scores]
    pooled = np.concatenate([part[known] for part, known in zip(scores, tested, strict=True)])
    labels = np.concatenate([evaluation.labels[known] for known in tested])
    # A few recordings, all named right, would ask for certainty.
    temperature = max(fitted_temperature(pooled, labels), _LEAST_TEMPERATURE)
    probability: Floats = np.exp(log_softmax(pooled / temperature)).max(1)
    return {"temperature": temperature, "min_probability": _doubtful(probability, pooled.argmax(1) == labels)}


def _doubtful(probability: Floats, right: NDArray[np.bool_]) -> float:
    """Probability (n,) up to which answers are wrong more often than right; 0 where there is none.

    At most half of the recordings fall below it.
    """
    order = np.argsort(probability, kind="stable")
    share_right = right[order].cumsum() / np.arange(1, len(order) + 1)
    wrong = np.flatnonzero(share_right[: len(order) // 2] < 0.5)
    return float(probability[order[wrong[-1]]]) if len(wrong) else 0.0
