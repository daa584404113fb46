"""Look for better settings on a training side only: Optuna's TPE, pruning, a study that resumes.

The protocol's first test part is put away before the search. Trials are judged on inner folds of the rest; the best
settings and the defaults are then scored once on the part that was put away.

Source: Akiba et al., "Optuna", KDD 2019 (arXiv:1907.10902).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import DatasetError, MissingExtraError, ModelError, UsageError
from sideman.datasets.splits import FoldRow
from sideman.genre import metrics
from sideman.genre.corpus import Corpus
from sideman.genre.evaluate import Plan
from sideman.genre.judging import Fit, fit_one
from sideman.genre.material import Material
from sideman.genre.protocols import Partition, Protocol, get_protocol, partitions
from sideman.training.task import Epoch

INNER_FOLDS = 3
Ints = NDArray[np.int_]


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        settings: the best ones that differ from the defaults.
        validation: their balanced accuracy on the inner folds.
        default_validation: the defaults' there.
        test, default_test: both on the part that the search never saw; recordings in ``test_recordings``.
        trials, pruned: how many were finished and how many given up early, earlier runs included.
        protocol: under which the parts were split.
    """

    settings: dict[str, Any]
    validation: float
    default_validation: float
    test: float
    default_test: float
    test_recordings: int
    trials: int
    pruned: int
    protocol: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(self.__dict__)


def tune(
    corpus: Corpus,
    plan: Plan,
    study_file: Path,
    *,
    trials: int = 30,
    folds: Sequence[FoldRow] | None = None,
    on_trial: Callable[[int, float | None, float], None] | None = None,
) -> Tuned:
    """Search ``trials`` more settings; the study in ``study_file`` is continued if it is there.

    Args:
        corpus: labelled music.
        plan: model and protocol; its settings are the defaults to be beaten.
        study_file: journal of all trials.
        trials: how many to add, 0 or more.
        folds: fixed folds for the protocol "artists".
        on_trial: told number, value (None when pruned) and best value after each trial.

    Raises:
        UsageError: the model has nothing to tune, or the protocol is leaky.
        DatasetError: too little data for inner folds.
        ModelError: the study belongs to another model or data set, or is damaged.
        MissingExtraError: Optuna is missing.
    """
    optuna = _optuna()
    space = plan.spec.load().SPACE
    if not space or plan.is_joined:
        raise UsageError(f"{plan.model} has no settings to search; tune its members")
    material, protocol, put_away, inner = _sides(corpus, plan, folds)
    told = {"model": plan.model, "protocol": protocol.name, "recordings": len(material.tracks), "data": corpus.name}
    study = _study(optuna, study_file, told, plan.seeds[0])

    def value_of(settings: Any, trial: Any = None) -> float:
        values = []
        for k, partition in enumerate(inner):

            def watch(epoch: Epoch, k: int = k) -> None:
                if trial is not None and epoch.accuracy is not None:
                    _prune(optuna, trial, epoch.accuracy, k * 1000 + epoch.number)

            values.append(_balanced(plan, settings, partition, material, watch))
            if trial is not None:
                _prune(optuna, trial, float(np.mean(values)), k * 1000 + 999)
        return float(np.mean(values))

    default_value = study.user_attrs.get("default")
    if default_value is None:
        default_value = value_of(plan.settings)
        study.set_user_attr("default", default_value)

    def objective(trial: Any) -> float:
        return value_of(replace(plan.settings, **_suggested(trial, space)), trial)

    def after(study: Any, trial: Any) -> None:
        if on_trial is not None:
            done = [t.value for t in study.trials if t.value is not None and t.state.name == "COMPLETE"]
            finished = trial.value if trial.state.name == "COMPLETE" else None
            on_trial(trial.number, finished, max([default_value, *done]))

    study.optimize(objective, n_trials=trials, callbacks=[after])
    complete = [t for t in study.trials if t.state.name == "COMPLETE"]
    pruned = sum(t.state.name == "PRUNED" for t in study.trials)
    best = max(complete, key=lambda t: t.value, default=None)
    better = best is not None and best.value > default_value
    chosen = dict(best.params) if best is not None and better else {}
    default_test = _balanced(plan, plan.settings, put_away, material, None)
    test = _balanced(plan, replace(plan.settings, **chosen), put_away, material, None) if better else default_test
    return Tuned(
        chosen,
        best.value if best is not None and better else default_value,
        default_value,
        test,
        default_test,
        len(np.unique(material.track_of[put_away.test])),
        len(complete),
        pruned,
        protocol.name,
    )


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("tuning", "train") from error
    optuna.logging.set_verbosity(logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _sides(
    corpus: Corpus, plan: Plan, folds: Sequence[FoldRow] | None
) -> tuple[Material, Protocol, Partition, list[Partition]]:
    """Material, protocol, the partition whose test is put away, and inner partitions of its other rows."""
    material = corpus.material(plan.parts()[0][2])
    protocol = plan.protocol_for(material)
    if protocol.leaky:
        raise UsageError(
            f"tuning under '{protocol.name}' would choose what knows recordings again; use tracks or artists"
        )
    put_away = partitions(protocol, material, seed=plan.seeds[0], n_folds=plan.n_folds, folds=folds)[0]
    rows = np.sort(np.concatenate([put_away.train, put_away.valid]))
    seen = np.zeros(len(material.tracks), bool)
    seen[np.unique(material.track_of[rows])] = True
    side = material.only(seen)
    # the same kind of apartness inside as outside
    name = "artists" if "artist" in protocol.keeps else "tracks"
    split = partitions(get_protocol(name), side, seed=plan.seeds[0], n_folds=INNER_FOLDS)
    if len(split) < 2:
        raise DatasetError(f"{corpus.root}: too few recordings for inner folds; add music")
    back = np.flatnonzero(seen[material.track_of])
    return (
        material,
        protocol,
        put_away,
        [Partition(part.name, back[part.train], back[part.valid], back[part.test]) for part in split],
    )


def _balanced(
    plan: Plan, settings: Any, partition: Partition, material: Material, watch: Callable[[Epoch], None] | None
) -> float:
    fitted = fit_one(Fit(plan.model, settings, partition, plan.seeds[0]), material, on_epoch=watch)
    logs = material.per_track(fitted.scores(material.x[partition.test]).astype(np.float64), partition.test)
    tested = np.unique(material.track_of[partition.test])
    return metrics.balanced_accuracy(np.exp(logs[tested]), material.labels[tested])


def _prune(optuna: Any, trial: Any, value: float, step: int) -> None:
    trial.report(value, step)
    if trial.should_prune():
        raise optuna.TrialPruned


def _suggested(trial: Any, space: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    found = {}
    for name, (kind, *rest) in space.items():
        if kind == "float":
            found[name] = trial.suggest_float(name, rest[0], rest[1], log=rest[2] == "log")
        elif kind == "int":
            found[name] = trial.suggest_int(name, rest[0], rest[1])
        else:
            found[name] = trial.suggest_categorical(name, rest)
    return found


def _study(optuna: Any, path: Path, told: dict[str, Any], seed: int) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        storage = JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(
            storage=storage,
            study_name="sideman",
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a readable study ({error}); delete it to start anew") from error
    known = study.user_attrs.get("of")
    if known is not None and known != told:
        raise ModelError(f"{path}: is a study of {known['model']} on {known['data']}; name another file")
    if known is None:
        study.set_user_attr("of", told)
    return study


def as_options(settings: dict[str, Any]) -> str:
    """Settings as options of the commands."""
    return " ".join(f"--set {name}={value}" for name, value in settings.items())
