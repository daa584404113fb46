"""How the shipped vocoder and generators of spectra were made: which sound, how long, in which order."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.compose.spectra.corpus import Recording, SoundCorpus, build
from sideman.compose.spectra.crops import Pool, Recordings, Rows, SoundBatches
from sideman.core.errors import DatasetError, OutputError
from sideman.datasets import gtzan
from sideman.datasets.splits import read_folds
from sideman.genre.recipe import default

log = logging.getLogger(__name__)
PARTS = ("vocoder", "flow", "dcgan")
JUDGED_FOLD = 1
"""Its clips are never learnt from. Of bench/folds/gtzan-artists-5.csv it is the fold that has three or more clips of
every genre and takes least from the training clips of any."""
_EXCERPTS = default.Amounts(excerpts=0.25)
_REAL_SHARE = 0.5
LICENCE = "for research and private use: learnt from GTZAN, whose recordings were never cleared"


@dataclass(frozen=True)
class Amounts:
    """Steps of each leg; `SHORT` proves the road only."""

    vocoder: int = 4400
    vocoder_against_judge: int = 0
    flow: int = 3500
    dcgan: int = 1600


SHORT = Amounts(4, 0, 4, 4)


@dataclass(frozen=True)
class Material:
    """What is learnt from: ``real`` recordings, and ``rendered`` excerpts (k, samples) int16."""

    real: SoundCorpus
    rendered: NDArray[np.int16]

    def batches(self, batch: int, n: int, seed: int = 0) -> SoundBatches:
        """Batches of sound for the vocoder: half of them real."""
        pools: list[tuple[Pool, float]] = [
            (Recordings(self.real), _REAL_SHARE), (Rows(self.rendered), 1 - _REAL_SHARE)
        ]  # fmt: skip
        return SoundBatches(tuple(pools), batch, n, seed)


def prepare(sources: default.Sources, work: Path) -> Material:
    """Clips of the folds that are learnt from, and excerpts rendered with the given SoundFonts, kept in ``work``.

    Raises:
        DatasetError: clips or scores are missing.
    """
    folder = work / "train"
    if not (folder / "pieces.json").is_file():
        by_id = gtzan.load(sources.clips).by_id()
        rows = [row for row in read_folds(sources.folds) if row.fold != JUDGED_FOLD]
        missing = [row.track for row in rows if row.track not in by_id]
        if missing:
            raise DatasetError(f"{sources.clips}: {len(missing)} tracks of the folds are missing, first {missing[0]}")
        for line in build([Recording(str(by_id[r.track].path), r.genre, r.group) for r in rows], folder):
            log.info(line)
    (work / "midi").mkdir(exist_ok=True)
    return Material(SoundCorpus(folder), default.midi_windows(sources, work / "midi", _EXCERPTS).stems)


def run(
    sources: default.Sources, parts: tuple[str, ...], work: Path, out: Path, amounts: Amounts | None = None
) -> dict[str, dict[str, Any]]:
    """Make some of `PARTS` and write weights and cards into ``out``; returns the cards. Resumes from ``work``.

    Raises:
        DatasetError, ModelError, OutputError, MissingExtraError: see the message.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{error.filename}: cannot be made ({error.strerror}); name another folder") from error
    material = prepare(sources, work)
    from sideman.compose.models import spectra_shipped
    from sideman.compose.models.spectra_export import write
    from sideman.compose.recipe import spectra_card

    cards = {}
    for part in parts:
        payload, facts = spectra_shipped.MAKERS[part](material, work, amounts or Amounts())
        name = part if part == "vocoder" else f"spectra-{part}"
        facts = {"name": name, "licence": LICENCE} | facts | {"data": _data(material, part)}
        cards[name] = write(out / name, payload, facts)
    if all((out / f"{name}.json").is_file() for name in spectra_card.NAMES):
        spectra_card.write_page(out)
    return cards


def _data(material: Material, part: str) -> dict[str, Any]:
    real = material.real
    told: dict[str, Any] = {
        "gtzan": f"{len(real.pieces)} clips, {real.duration_s / 60:.0f} min: all but fold {JUDGED_FOLD} by artists"
    }
    if part == "vocoder":
        told["rendered"] = (
            f"{len(material.rendered)} excerpts of 16 s of openly licensed scores (those of the genre model), "
            "TimGM6mb and OPL-3 SoundFonts"
        )
    return told


def amounts_told(amounts: Amounts) -> str:
    """The amounts in one line."""
    return ", ".join(f"{name} {value}" for name, value in asdict(amounts).items())
