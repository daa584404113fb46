"""A trained composer as files: ONNX, card, and the index of what it learnt from."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from sideman.compose.corpus import Corpus, Piece
from sideman.compose.generate import MOST_INSTRUMENTS
from sideman.compose.originality import Index, grams, lines_of
from sideman.compose.vocabulary import PLAIN, SIZE, decode, header
from sideman.core.atomic import atomic_write
from sideman.symbolic.score import Score

FEWEST_PIECES = 12  # with tones, for a genre to be offered
THIN = 100  # a genre with fewer pieces says so
_PRESETS = 40
LEAST_COPY_LIMIT = 24  # notes; shorter runs are shared by any two tunes of a tradition
_MOST_PRESET_INSTRUMENTS = 6


def piece_score(corpus: Corpus, piece: Piece) -> Score:
    """The quantised score of a piece of the corpus."""
    start = header(replace(piece.controls, genre=None), PLAIN)
    return decode([*start, *corpus.body(piece).tolist()])


def index_of(corpus: Corpus, pieces: Sequence[Piece]) -> Index:
    """The index of pieces of a corpus."""
    found = [np.unique(grams(steps)) for piece in pieces for steps in lines_of(piece_score(corpus, piece))]
    return Index.of_hashes(found)


def human_runs(corpus: Corpus, index: Index, pieces: Sequence[Piece]) -> list[int]:
    """Longest runs that each of ``pieces``, which the index does not hold, shares with those that it holds."""
    return [index.longest_run(piece_score(corpus, piece)) for piece in pieces]


def genre_facts(pieces: Sequence[Piece], fewest: int = FEWEST_PIECES) -> dict[str, dict[str, Any]]:
    """Per genre the number of pieces and notes learnt from, and line-ups to choose what is left open from.

    A genre with fewer than ``fewest`` pieces that have tones is left out."""
    by_genre: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.controls.genre:
            by_genre[piece.controls.genre].append(piece)
    facts = {}
    for genre, members in sorted(by_genre.items()):
        tonal = [p for p in members if p.controls.style != "drums"]
        if len(tonal) < fewest:
            continue
        facts[genre] = {
            "pieces": len(tonal),
            "drum_takes": len(members) - len(tonal),
            "notes": sum(p.n_notes for p in members),
            "thin": len(tonal) < THIN,
            "presets": [_preset(p) for p in _line_ups(tonal)],
        }
    return facts


def _line_ups(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces whose line-ups stand for the genre: at most two of an artist, in an order that no name decides."""
    few = [p for p in pieces if len(p.controls.instruments) <= min(_MOST_PRESET_INSTRUMENTS, MOST_INSTRUMENTS)]
    kept: list[Piece] = []
    of_group: dict[str, int] = defaultdict(int)
    for piece in sorted(
        few or pieces, key=lambda p: hashlib.sha256(p.source.path.rsplit("/", 1)[-1].encode()).digest()
    ):
        of_group[piece.group] += 1
        if of_group[piece.group] <= 2:
            kept.append(piece)
    return kept[:_PRESETS]


def _preset(piece: Piece) -> dict[str, Any]:
    controls = piece.controls
    instruments = controls.instruments[:MOST_INSTRUMENTS]
    row = asdict(replace(controls, genre=None, bars=None, instruments=instruments))
    row["tempo_bpm"] = round(float(controls.tempo_bpm or 120), 1)
    return {name: value for name, value in row.items() if value is not None}


def write_composer(
    target: Path,
    payload: bytes,
    corpus: Corpus,
    pieces: Sequence[Piece],
    held_out: Sequence[Piece],
    *,
    genre_tokens: Sequence[str],
    context: int,
    fewest: int = FEWEST_PIECES,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Write ``target``.onnx, .grams and .json (the card, last); returns the card.

    ``pieces`` are those learnt from; ``held_out`` others, whose shared runs set what counts as a copy: the 98th
    percentile, and at least 24 notes.
    """
    index = index_of(corpus, pieces)
    runs = np.asarray(human_runs(corpus, index, held_out) or [0])
    card = {
        "sha256": hashlib.sha256(payload).hexdigest(),
        "vocabulary": SIZE,
        "context": context,
        "genre_tokens": list(genre_tokens),
        "copy_limit": int(max(LEAST_COPY_LIMIT, np.percentile(runs, 98))),
        "human_runs": {f"p{q}": int(np.percentile(runs, q)) for q in (25, 50, 75, 90, 95, 98)},
        **facts,
        "genres": genre_facts(pieces, fewest),
    }
    with atomic_write(target.with_suffix(".onnx"), "wb") as file:
        file.write(payload)
    index.write(target.with_suffix(".grams"))
    with atomic_write(target.with_suffix(".json"), "w") as text:
        json.dump(card, text, indent=1)
        text.write("\n")
    return card
