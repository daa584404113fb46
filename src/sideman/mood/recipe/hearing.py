"""Labelled scores as the network hears them: rendered through a SoundFont, and kept on disk once heard."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.atomic import atomic_write
from sideman.core.errors import ScoreError
from sideman.genre.frontend import SAMPLE_RATE_HZ, windows_of
from sideman.genre.predict import DEFAULT_MODEL
from sideman.inference.sessions import Session, open_session
from sideman.mood.recipe.arranging import Players, arranged, excerpt
from sideman.mood.recipe.pieces import Piece
from sideman.symbolic.midi import read_midi
from sideman.symbolic.render import find_soundfont, render

EXCERPT_S = 30.0
_SHARD = 50
log = logging.getLogger(__name__)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """Pieces through one SoundFont: mean of each one's window embeddings (n, 256); NaN where nothing sounded.

    ``keys`` (n,): probability that the key is right, negative for a minor one, 0 without a key.
    ``tempos`` (n,): beats per minute, NaN without a pulse.
    """

    means: Floats
    spreads: Floats
    keys: Floats
    tempos: Floats


def hear(
    pieces: Sequence[Piece],
    folder: Path,
    soundfont: Path | None,
    work: Path,
    *,
    players: Players = "written",
    advance: Callable[[int], None] = lambda _: None,
) -> Heard:
    """Render half a minute of each piece and listen; what is in ``work`` from an earlier run is taken from there.

    Args:
        pieces: what to hear.
        folder: of the MIDI sets.
        soundfont: as :func:`sideman.symbolic.render.find_soundfont`.
        work: folder of the cache.
        players: who plays it.
        advance: told after every piece.

    Raises:
        ScoreError: the SoundFont is missing or damaged.
    """
    font = find_soundfont(soundfont)
    session = open_session(DEFAULT_MODEL)
    work.mkdir(parents=True, exist_ok=True)
    told = [session.card.sha256, font.name, str(font.stat().st_size), players]
    parts = []
    for first in range(0, len(pieces), _SHARD):
        some = pieces[first : first + _SHARD]
        digest = hashlib.sha256("\n".join([*told, *(piece.path for piece in some)]).encode()).hexdigest()[:16]
        place = work / f"heard-{digest}.npz"
        if place.exists():
            with np.load(place) as kept:
                parts.append([kept[name] for name in ("means", "spreads", "keys", "tempos")])
            advance(len(some))
            continue
        rows = []
        for piece in some:
            rows.append(_one(piece, folder, font, session, players))
            advance(1)
        means, spreads, keys, tempos = (np.asarray(column) for column in zip(*rows, strict=True))
        with atomic_write(place) as file:
            np.savez(file, means=means, spreads=spreads, keys=keys, tempos=tempos)
        parts.append([means, spreads, keys, tempos])
        log.info("%s, %s: %d of %d pieces heard", font.name, players, first + len(some), len(pieces))
    return Heard(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _one(
    piece: Piece, folder: Path, font: Path, session: Session, players: Players
) -> tuple[Floats, Floats, float, float]:
    from sideman.audio.rhythm import estimate_tempo
    from sideman.audio.tonality import estimate_key

    nothing = np.full(256, np.nan)
    try:
        score = arranged(excerpt(read_midi(folder / piece.path), EXCERPT_S), players, piece.seed)
        stereo = render(score, soundfont=font, sample_rate_hz=SAMPLE_RATE_HZ)
    except ScoreError as error:
        log.warning("left out: %s", error)
        return nothing, nothing, 0.0, np.nan
    samples = stereo.mean(1)[: int(EXCERPT_S * SAMPLE_RATE_HZ)]
    windows, silent = windows_of(samples)
    if silent.all():
        return nothing, nothing, 0.0, np.nan
    embeddings = session.run(np.ascontiguousarray(windows[~silent]))["embedding"].astype(np.float64)
    key = estimate_key(samples, SAMPLE_RATE_HZ)
    tempo = estimate_tempo(samples, SAMPLE_RATE_HZ).tempo_bpm
    mode = key.confidence * (1 if key.mode == "major" else -1) if key.key else 0.0
    return embeddings.mean(0), embeddings.std(0), mode, np.nan if tempo is None else tempo
