"""Excerpts of MIDI files as sound: many short, varied clips for training (extra ``train``).

The synthesiser (symusic's prestosynth) can run without end on rare inputs, so each excerpt is rendered in a child
process that is ended after a few seconds.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import MissingExtraError, ScoreError

LENGTH_S = 16
TIME_LIMIT_S = 4
# General MIDI families that a melodic track may be moved to; guitars twice, for they are rare in the material.
_FAMILIES = [
    (0, 8),
    (16, 24),
    (24, 32),
    (24, 32),
    (40, 48),
    (48, 56),
    (56, 64),
    (64, 72),
    (72, 80),
    (80, 96),
    (104, 112),
]


class ExcerptRenderer:
    """Renders random excerpts with random instruments and SoundFonts; all choices come from the given generator."""

    def __init__(self, soundfonts: Sequence[tuple[Path, float]], sample_rate_hz: int = 22_050) -> None:
        """Load ``soundfonts``, each with the share of excerpts that it plays.

        Raises:
            MissingExtraError: symusic is not installed.
            ScoreError: a SoundFont is missing or damaged.
        """
        try:
            import symusic
        except ImportError as error:
            raise MissingExtraError("rendering MIDI", "train") from error
        missing = [str(path) for path, _ in soundfonts if not path.is_file()]
        if missing or not soundfonts:
            raise ScoreError(f"{', '.join(missing) or 'no SoundFont'}: not there; name at least one existing .sf2 file")
        if sys.platform == "win32":
            raise ScoreError("rendering training excerpts needs fork(): use Linux or macOS")
        self._symusic: Any = symusic
        self._rate_hz = sample_rate_hz
        self._shares = [share for _, share in soundfonts]
        self._synthesizers = []
        for path, _ in soundfonts:
            try:
                self._synthesizers.append(symusic.Synthesizer(sf_path=str(path), sample_rate=sample_rate_hz))
            except RuntimeError as error:
                raise ScoreError(f"{path}: not a SoundFont ({error}); give an .sf2 file") from error

    def render_into(self, out: NDArray[np.int16], path: Path, seed: float, *, keep_instruments: float) -> bool:
        """Render one excerpt of ``path`` into ``out``, a shared-memory row of 16 s; False where nothing came of it.

        ``keep_instruments`` is the share of tracks that keep the instrument of the file.
        """
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a handler of the parent would wait for the synthesiser
                signal.alarm(TIME_LIMIT_S)
                samples = self._excerpt(path, random.Random(seed), keep_instruments)
                if samples is not None:
                    out[:] = samples
                    status = 0
            except Exception as error:  # noqa: BLE001 - any failure of a child costs one excerpt
                print(f"{path}: {error}", file=sys.stderr)
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        return status == 0

    def _excerpt(self, path: Path, rng: random.Random, keep_instruments: float) -> NDArray[np.int16] | None:
        symusic = self._symusic
        score = symusic.Score(str(path), ttype="second")
        end = score.end()
        if end < 3:
            return None
        start = rng.uniform(0, max(0.0, end - LENGTH_S))
        score = score.clip(start, start + LENGTH_S, clip_end=True).shift_time(-start)
        score.tempos = [symusic.Tempo(0, 120, ttype="second")]
        score.time_signatures, score.key_signatures, score.markers = [], [], []
        for track in score.tracks:
            track.notes = [
                n
                for n in track.notes
                if 0.02 < n.duration < LENGTH_S and 0 <= n.time < LENGTH_S and 0 < n.velocity < 128
            ]
            track.controls, track.pedals, track.pitch_bends = [], [], []
            if not track.is_drum and rng.random() >= keep_instruments:
                track.program = rng.choice(range(*rng.choice(_FAMILIES)))
        if not any(len(track.notes) for track in score.tracks) or score.end() > LENGTH_S + 4:
            return None
        synthesizer = rng.choices(self._synthesizers, self._shares)[0]
        rendered = np.asarray(synthesizer.render(score))
        samples = (rendered.mean(0) if rendered.ndim > 1 else rendered)[: LENGTH_S * self._rate_hz]
        peak = float(np.abs(samples).max(initial=0.0))
        if len(samples) < 3 * self._rate_hz or not 1e-3 <= peak < np.inf:  # the synthesiser may give NaN
            return None
        looped: NDArray[np.int16] = np.round(np.resize(samples, LENGTH_S * self._rate_hz) / peak * 30_000).astype(
            np.int16
        )
        return looped
