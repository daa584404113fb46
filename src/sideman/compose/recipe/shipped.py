"""How the shipped composers were made: first the open sets, then, going on from there, all sets for research."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sideman.compose.controls import GENRES
from sideman.compose.corpus import Corpus
from sideman.compose.corpus import build as build_corpus
from sideman.compose.keep import write_composer
from sideman.compose.recipe.sets import OPEN_SETS, Build, read_sources
from sideman.core.errors import OutputError

SIZE, BATCH, CONTEXT = "compact", 8, 512


@dataclass(frozen=True)
class Leg:
    """A stretch of training with a rate that rises, holds and falls.

    Attributes:
        name: of its files in the work folder.
        open_only: learns from the open sets alone.
        steps: batches of 8 x 512 tokens.
        rate: highest learning rate.
    """

    name: str
    open_only: bool
    steps: int
    rate: float


_OPEN = (Leg("open", True, 1400, 3e-3), Leg("open-2", True, 200, 1.5e-3))
_RESEARCH = (Leg("research", False, 900, 2.5e-3),)


def legs_of(build: Build, *, short: bool = False) -> tuple[Leg, ...]:
    """The legs that lead to a build, each from where the one before it ended."""
    legs = _OPEN if build == "open" else _OPEN + _RESEARCH
    return tuple(replace(leg, steps=3) for leg in legs) if short else legs


def run(
    data: Path,
    build: Build,
    work: Path,
    out: Path,
    *,
    short: bool = False,
    workers: int | None = None,
    advance: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Make a composer of the MIDI sets in ``data``; returns its card. Goes on from what ``work`` holds.

    Raises:
        DatasetError, ModelError, OutputError, MissingExtraError: see the message.
    """
    from sideman.compose.models import shipped_run

    try:
        work.mkdir(parents=True, exist_ok=True)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{error.filename}: cannot be made ({error.strerror}); name another folder") from error
    if not (work / "corpus").is_dir():
        build_corpus(read_sources(data), work / "corpus", workers=workers, advance=advance)
    corpus = Corpus(work / "corpus")
    weights: Path | None = None
    for leg in legs_of(build, short=short):
        ended = work / f"{leg.name}{'-short' if short else ''}.safetensors"
        if not ended.exists():
            shipped_run.learn_leg(
                corpus, SIZE, ended,
                steps=leg.steps, rate=leg.rate, batch=BATCH, context=CONTEXT, start=weights,
                origins=OPEN_SETS if leg.open_only else None,
            )  # fmt: skip
        weights = ended
    assert weights is not None
    payload, shape = shipped_run.payload(SIZE, weights)
    pieces = [p for p in corpus.pieces if build == "research" or p.source.origin in OPEN_SETS]
    return write_composer(
        out / f"compose-{build}",
        payload,
        corpus,
        [p for p in pieces if p.split == "train"],
        [p for p in pieces if p.split != "train"],
        genre_tokens=GENRES,
        context=CONTEXT,
        facts={"name": build, "model": f"transformer {SIZE}", **shape},
    )
