"""How the shipped vocoder and generators of spectra were made: which sound, how long, in which order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sideman.compose.spectra.corpus import Recording, SoundCorpus, build
from sideman.compose.spectra.crops import Recordings, Rows, SoundBatches
from sideman.core.errors import DatasetError
from sideman.datasets import gtzan
from sideman.datasets.splits import read_folds
from sideman.genre.recipe import default

log = logging.getLogger(__name__)
JUDGED_FOLD = 1
"""Its clips are never learnt from: in bench/folds/gtzan-artists-5.csv the fold with three or more clips of every genre
that takes the least from any genre's training clips."""
_EXCERPTS = default.Amounts(excerpts=0.25)
_REAL_SHARE = 0.5


@dataclass(frozen=True)
class Material:
    """What is learnt from: ``real`` recordings, and ``rendered`` excerpts (k, samples) int16, None without MIDI."""

    real: SoundCorpus
    rendered: np.ndarray | None


def prepare(sources: default.Sources, work: Path) -> Material:
    """Clips of the folds that are learnt from, and excerpts rendered with the given SoundFonts, kept in ``work``.

    Raises:
        DatasetError: clips or scores are missing.
    """
    work.mkdir(parents=True, exist_ok=True)
    folder = work / "train"
    if not (folder / "pieces.json").is_file():
        by_id = gtzan.load(sources.clips).by_id()
        rows = [row for row in read_folds(sources.folds) if row.fold != JUDGED_FOLD]
        missing = [row.track for row in rows if row.track not in by_id]
        if missing:
            raise DatasetError(f"{sources.clips}: {len(missing)} tracks of the folds are missing, first {missing[0]}")
        left_out = build([Recording(str(by_id[r.track].path), r.genre, r.group) for r in rows], folder)
        for line in left_out:
            log.info(line)
    (work / "midi").mkdir(exist_ok=True)
    rendered = default.midi_windows(sources, work / "midi", _EXCERPTS).stems
    return Material(SoundCorpus(folder), rendered)


def sound_batches(material: Material, batch: int, n: int, seed: int = 0) -> SoundBatches:
    """Batches for the vocoder: half of them real."""
    pools: list = [(Recordings(material.real), _REAL_SHARE)]
    if material.rendered is not None:
        pools.append((Rows(material.rendered), 1 - _REAL_SHARE))
    return SoundBatches(tuple(pools), batch, n, seed)
