"""The default recipe, from nothing to the shipped weights: excerpts, pools, networks, judgement, card.

Every stage keeps its result in the work folder, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.core.errors import DatasetError, UsageError
from sideman.datasets.splits import FoldRow, read_folds
from sideman.genre.frontend import SAMPLE_RATE_HZ, windows_of
from sideman.genre.recipe import judge, network, publish
from sideman.genre.recipe.pools import ClipWindows, MidiWindows, Pool, draw_negative, make_pool
from sideman.genre.recipe.teachers import FEATURES, Teachers

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
# Excerpts per set of scores; only sets whose licence lets the weights be shipped freely. Small sets are used twice.
EXCERPTS = {
    "pop909": 520,
    "groove": 520,
    "openewld": 450,
    "freedoom": 224,
    "pianolatron": 250,
    "giantmidi": 120,
    "musetrainer": 60,
    "weimar-jazz": 456,
    "music21-folk": 200,
    "bbloomf-pd-songs": 100,
    "music21-classical": 350,
}
SOUNDFONT_SHARES = (0.45, 0.4, 0.15)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """Where the material lies.

    Attributes:
        clips: GTZAN tree with ``manifest.csv`` or any layout that :func:`sideman.datasets.gtzan.load` reads.
        folds: fold file with columns track, genre, group, fold.
        midi: folder with one folder per set named in ``EXCERPTS``.
        soundfonts: .sf2 files, most used first.
        teachers: folder with ``efficientat_mn04`` and ``msd_musicnn``.
    """

    clips: Path
    folds: Path
    midi: Path
    soundfonts: tuple[Path, ...]
    teachers: Path


@dataclass(frozen=True)
class Amounts:
    """How much of everything; :data:`SHORT` proves the road in minutes and is good for nothing else."""

    excerpts: float = 1.0
    midi_windows: int = 23_000
    clip_windows: int = 20_000
    negative_windows: int = 1_600
    pretraining_steps: int = network.PRETRAINING.steps
    fine_tuning_steps: int = network.FINE_TUNING.steps
    seeds: int = 3
    inner: bool = False
    """Ten more networks, so that calibration too is judged by networks that never saw the fold."""


SHORT = Amounts(0.01, 128, 192, 64, 8, 6, seeds=1)


def run(sources: Sources, work: Path, out: Path, amounts: Amounts | None = None) -> dict[str, Any]:
    """Make the weights and their card in ``out``; returns the card.

    Raises:
        DatasetError: clips and folds do not fit, or a set of scores is missing.
        MissingExtraError: the extra ``train`` is not installed.
        ModelError: the teachers' weights are missing or damaged.
        UsageError: ``work`` was begun with other amounts.
    """
    amounts = amounts or Amounts()
    rows = read_folds(sources.folds)
    _same_amounts(work, amounts)
    samples, sources_of = _load_clips(sources.clips, rows)
    clips = _as_clips(rows, samples, sources_of)
    teachers = Teachers.load(sources.teachers)
    rendered = midi_windows(sources, work, amounts)
    n_folds = int(clips.folds.max()) + 1
    makers = {
        "midi": (rendered.draw, amounts.midi_windows),
        "clips": (ClipWindows(samples, clips.labels, clips.folds, rendered).draw, amounts.clip_windows),
        "negatives": (draw_negative, amounts.negative_windows),
    }
    pools = {
        name: make_pool(work / name, draw, count, teachers, seed=i, n_folds=n_folds)
        for i, (name, (draw, count)) in enumerate(makers.items())
    }
    features = _kept(work / "teacher_features.npy", lambda: teachers.targets(clips.crops)[:, FEATURES])
    mel = np.concatenate([windows_of(crop)[0] for crop in clips.crops])
    plan = _Plan(work, pools, clips, features, mel, amounts)
    judged = [plan.judged((), seed) for seed in range(amounts.seeds)]
    inner = {outer: plan.judged((outer,), 0) for outer in range(n_folds)} if amounts.inner else {}
    return publish.publish(plan.shipped(()), judged, inner, clips, GENRES, out, example=mel[:4])


class _Plan:
    """Trains a network for a set of unseen folds and a seed, or takes the one already there."""

    def __init__(
        self,
        work: Path,
        pools: Mapping[str, Pool],
        clips: judge.Clips,
        features: NDArray[np.float32],
        mel: NDArray[np.float32],
        amounts: Amounts,
    ) -> None:
        self._work, self._pools, self._clips = work, pools, clips
        self._features, self._mel, self._amounts = features, mel, amounts
        self._start: dict[str, Any] | None = None

    def judged(self, outer: tuple[int, ...], seed: int) -> NDArray[np.float64]:
        """Clip scores (n, 11), each by a network that saw neither the clip's fold nor the ``outer`` ones."""
        return judge.out_of_fold(lambda fold: publish.clip_scores(self.scores((*outer, fold), seed)), self._clips)

    def scores(self, unseen: tuple[int, ...], seed: int) -> NDArray[np.float32]:
        """Network scores (k, 11) of every crop, by a network that saw nothing of the ``unseen`` folds."""
        name = "".join(map(str, sorted(set(unseen))))
        path = self._work / f"scores-{name}-{seed}.npy"
        return _kept(path, lambda: publish.scores_of(self.shipped(unseen, seed), self._mel))

    def shipped(self, unseen: tuple[int, ...], seed: int = 0) -> publish.Exported:
        """The fine-tuned network with its probe, as it would ship."""
        return publish.with_probe(self.network(unseen, seed), self._clips, self._mel, unseen)

    def network(self, unseen: tuple[int, ...], seed: int) -> Any:
        """The fine-tuned network."""
        unseen = tuple(sorted(set(unseen)))
        clips = self._pools["clips"].without(unseen)
        pools = dict(self._pools) | {"clips": clips}
        classifier = teacher_classifier(self._features, self._clips, unseen)
        soft = {name: classifier(pools[name].targets[:, FEATURES]) for name in ("clips", "midi")}
        schedule = replace(network.FINE_TUNING, steps=self._amounts.fine_tuning_steps)
        label = "".join(map(str, unseen)) or "none"
        log.info("training without folds %s, seed %d", label, seed)
        checkpoint = self._work / f"fine-tuned-{label}-{seed}.safetensors"
        # Rendered music leaves some units of the teachers silent, so the scale must also know real clips.
        scale = network.Scale.of(clips.targets, pools["midi"].targets)
        return network.fine_tune(
            self._pretrained(), pools, soft, scale, seed=seed, schedule=schedule, checkpoint=checkpoint
        )

    def _pretrained(self) -> dict[str, Any]:
        if self._start is None:
            schedule = replace(network.PRETRAINING, steps=self._amounts.pretraining_steps)
            checkpoint = self._work / "pretrained.safetensors"
            trained = network.pretrain(
                self._pools["midi"],
                network.Scale.of(self._pools["midi"].targets),
                seed=0,
                schedule=schedule,
                checkpoint=checkpoint,
            )
            self._start = {name: value.clone() for name, value in trained.state_dict().items()}
        return self._start


def teacher_classifier(features: NDArray[np.float32], clips: judge.Clips, unseen: tuple[int, ...]) -> Any:
    """Logistic regression on the teachers' hidden layers, fitted without the ``unseen`` folds.

    Returns a function from features (n, 584) to genre probabilities (n, 10) float32.
    """
    seen = ~np.isin(clips.folds[clips.clip_of], unseen)
    weight = 1 / np.bincount(clips.clip_of)[clips.clip_of[seen]]
    model = publish.logistic_regression(features[seen], clips.labels[clips.clip_of[seen]], weight)

    def probabilities(rows: NDArray[np.float16]) -> NDArray[np.float32]:
        parts = [model.predict_proba(rows[i : i + 4096].astype(np.float32)) for i in range(0, len(rows), 4096)]
        return np.concatenate(parts).astype(np.float32)

    return probabilities


def _load_clips(root: Path, rows: tuple[FoldRow, ...]) -> tuple[list[NDArray[np.float32]], list[str]]:
    import csv

    from sideman.audio.decode import load
    from sideman.datasets import gtzan

    by_id = gtzan.load(root).by_id()
    missing = [row.track for row in rows if row.track not in by_id]
    if missing:
        raise DatasetError(f"{root}: {len(missing)} tracks of the fold file are missing, first {missing[0]}")
    manifest = root / "manifest.csv"
    source: dict[str, str] = {}
    if manifest.is_file():
        with manifest.open(newline="", encoding="utf-8") as file:
            source = {line.get("track") or "": line.get("source") or "" for line in csv.DictReader(file)}
    samples = [load(by_id[row.track].path, sample_rate_hz=SAMPLE_RATE_HZ)[0] for row in rows]
    return samples, [source.get(row.track, "") for row in rows]


def _as_clips(rows: tuple[FoldRow, ...], samples: list[NDArray[np.float32]], sources: list[str]) -> judge.Clips:
    crops = [judge.level_crops(y) for y in samples]
    return judge.Clips(
        np.concatenate(crops),
        np.repeat(np.arange(len(rows)), [len(c) for c in crops]),
        np.array([GENRES.index(row.genre) for row in rows]),
        np.array([row.fold for row in rows]),
        np.array([row.group for row in rows]),
        np.array(sources),
        np.array([row.track for row in rows]),
    )


def _same_amounts(work: Path, amounts: Amounts) -> None:
    """Make the work folder, or make sure that what lies there was made with these amounts."""
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "amounts.json"
    # More seeds, or inner folds, use what is there; everything else would mix results of two recipes.
    told = json.dumps({name: value for name, value in asdict(amounts).items() if name not in {"seeds", "inner"}})
    if not kept.exists():
        with atomic_write(kept, "w") as file:
            file.write(told)
    elif kept.read_text(encoding="utf-8") != told:
        raise UsageError(f"{work}: was begun with other amounts; delete it or name another folder")


def midi_windows(sources: Sources, work: Path, amounts: Amounts) -> MidiWindows:
    """Rendered excerpts, kept in ``work``; raises :class:`DatasetError` where scores are missing."""
    from sideman.symbolic.excerpts import LENGTH_S, ExcerptRenderer

    stems_path, sets_path = work / "excerpts.npy", work / "excerpt_sets.npy"
    if not sets_path.exists():
        rng = random.Random(0)
        jobs: list[tuple[str, Path]] = []
        for name, quota in EXCERPTS.items():
            files = sorted(p for p in (sources.midi / name).rglob("*") if p.suffix.lower() in {".mid", ".midi"})
            if not files:
                raise DatasetError(f"{sources.midi / name}: no MIDI files; unpack the set '{name}' there")
            rng.shuffle(files)
            jobs += [(name, files[i % len(files)]) for i in range(max(2, round(quota * amounts.excerpts)))]
        rng.shuffle(jobs)
        renderer = ExcerptRenderer(tuple(zip(sources.soundfonts, SOUNDFONT_SHARES, strict=False)))
        shape = (len(jobs), LENGTH_S * SAMPLE_RATE_HZ)
        stems = np.lib.format.open_memmap(stems_path, mode="w+", dtype=np.int16, shape=shape)
        made: list[str] = []
        for name, path in jobs:
            keep = 0.7 if name == "freedoom" else 0.25
            if renderer.render_into(stems[len(made)], path, rng.random(), keep_instruments=keep):
                made.append(name)
        stems.flush()
        log.info("%d of %d excerpts rendered", len(made), len(jobs))
        if not made:
            raise DatasetError(f"{sources.midi}: none of {len(jobs)} excerpts could be rendered; see the lines above")
        with atomic_write(sets_path, "wb") as file:
            np.save(file, np.array(made))
    sets = np.load(sets_path)
    return MidiWindows(np.load(stems_path, mmap_mode="r")[: len(sets)], sets == "groove")


def _kept(path: Path, make: Any) -> NDArray[np.float32]:
    if not path.exists():
        made = make()
        with atomic_write(path, "wb") as file:
            np.save(file, made)
    kept: NDArray[np.float32] = np.load(path)
    return kept
