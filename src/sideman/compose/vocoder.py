"""Log-mel pictures as sound: a small network, Griffin-Lim, or a single pass over the spectral peaks.

The network tells magnitude and phase of every frame, and the inverse Fourier transform does the rest. Source:
H. Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders", ICLR 2024. Long pictures are
worked on in overlapping windows, in memory that does not grow with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sideman.audio.griffin_lim import griffin_lim
from sideman.audio.inversion import istft
from sideman.audio.mel_inversion import correct, magnitude_of, mel_frames_of
from sideman.audio.mel_picture import FORM, HIGHEST, HIGHEST_LOG_MAGNITUDE, TONAL_BINS
from sideman.audio.single_pass import PeakPhases
from sideman.audio.spectrum import Complex64, Float32, stft
from sideman.audio.tonal import low_bins
from sideman.core.errors import AudioError, ModelError, UsageError

if TYPE_CHECKING:
    from sideman.inference.sessions import Session

METHODS = ("network", "griffin-lim", "single-pass")
ITERATIONS = 100
CORRECTIONS = {"network": 3, "griffin-lim": 0, "single-pass": 0}
"""Rounds that bend the sound towards its picture, unless the caller says otherwise."""
LOW_ROUNDS, MIDDLE_ROUNDS = 8, 1
"""What a correction does besides to the lowest quarter and half of the bins, where rounds are cheap; not to
Griffin-Lim, which has gone round enough."""

BLOCK_FRAMES = 2600
"""Frames that are worked on at once, some 30 s."""
CONTEXT_FRAMES = 96
"""Frames heard on both sides of a block: the network reaches 21; what corrections do fades with the distance."""
FADE_FRAMES = 2
"""Blocks fade into each other over so many frames before and after their border."""

_BINS = 1 + FORM.n_fft // 2
_SLACK = 0.1  # a network that imagines pictures may step over the ends of the range by that


def check_picture(mel: ArrayLike) -> Float32:
    """A picture as float32 (96, t), t >= 1, within ``FORM.lowest`` to ``HIGHEST``.

    Raises:
        AudioError: another shape, no frames, NaN or infinite values, or values out of range.
    """
    try:
        values = np.asarray(mel)
    except ValueError as error:  # rows of unequal length
        raise AudioError(f"a picture must be an array of numbers ({error})") from None
    if values.dtype.kind not in "fiu":
        raise AudioError(f"a picture must be an array of numbers, not of {values.dtype}")
    with np.errstate(over="ignore"):
        picture = values.astype(np.float32)
    if picture.ndim != 2 or picture.shape[0] != FORM.n_mels:
        hint = "; transpose it" if picture.ndim == 2 and picture.shape[1] == FORM.n_mels else ""
        raise AudioError(f"a picture must be of shape ({FORM.n_mels}, frames), not {picture.shape}{hint}")
    if picture.shape[1] == 0:
        raise AudioError("the picture holds no frames: there is nothing to hear in it")
    low, high = float(picture.min()), float(picture.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise AudioError("the picture holds NaN or infinite values: there is no such sound")
    if low < FORM.lowest - _SLACK or high > HIGHEST + _SLACK:
        raise AudioError(
            f"the picture reaches from {low:.1f} to {high:.1f}, not within {FORM.lowest:.1f} to {HIGHEST:.1f}: it must "
            "hold natural logarithms of mel magnitude"
        )
    return np.clip(picture, FORM.lowest, HIGHEST, out=picture)


def natural_length(frames_n: int) -> int:
    """Samples of the longest sound whose picture has so many frames."""
    return FORM.hop_length * frames_n - 1


def vocode(
    mel: ArrayLike,
    method: str = "network",
    *,
    iterations: int = ITERATIONS,
    corrections: int | None = None,
    length: int | None = None,
    seed: int = 0,
    session: Session | None = None,
) -> Float32:
    """Sound of a log-mel picture.

    Args:
        mel: as :func:`check_picture` takes it.
        method: one of METHODS.
        iterations: rounds of Griffin-Lim.
        corrections: rounds that bend the sound towards the picture: more are slower and nearer to it; by default
            three for the network, none else.
        length: samples wanted, silence where the picture ends before; by default :func:`natural_length`.
        seed: of Griffin-Lim's first phases.
        session: the network; by default the one that comes with Sideman.

    Returns:
        samples (length,) at 22,050 Hz, nominally within [-1, 1]: nothing is scaled or clipped.

    Raises:
        AudioError: the picture is none.
        UsageError: another argument out of range.
        ModelError: there is no network, or it is no vocoder.
    """
    blocks = vocode_blocks(
        mel, method, iterations=iterations, corrections=corrections, length=length, seed=seed, session=session
    )
    return np.concatenate(list(blocks))


def vocode_blocks(
    mel: ArrayLike,
    method: str = "network",
    *,
    iterations: int = ITERATIONS,
    corrections: int | None = None,
    length: int | None = None,
    seed: int = 0,
    session: Session | None = None,
    block_frames: int = BLOCK_FRAMES,
) -> Iterator[Float32]:
    """Sound of a log-mel picture, piece by piece, in bounded memory; the pieces joined are :func:`vocode`'s.

    ``block_frames`` are worked on at once; tones go on from block to block with their phases, and borders fade over.
    Other arguments and errors as :func:`vocode`; all arguments are checked before the first piece is asked for.
    """
    picture = check_picture(mel)
    if method not in METHODS:
        raise UsageError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}")
    rounds = CORRECTIONS[method] if corrections is None else corrections
    if min(iterations, rounds, seed) < 0 or block_frames < CONTEXT_FRAMES or (length is not None and length < 1):
        raise UsageError(
            f"iterations, corrections and seed must be >= 0, length >= 1 and block_frames >= {CONTEXT_FRAMES}, got "
            f"{iterations}, {rounds}, {seed}, {length} and {block_frames}"
        )
    sound: Callable[[int, int], Float32]
    if method == "network":
        sound = _bent(picture, _Network(picture, session).frames, rounds)
    elif method == "griffin-lim":
        sound = _GriffinLim(picture, iterations, seed, rounds).sound
    else:
        sound = _bent(picture, _Tones(picture, lambda mel: magnitude_of(mel.T).T).frames, rounds)
    pieces = _joined(picture, sound, block_frames)
    return _cut(pieces, natural_length(picture.shape[1]) if length is None else length)


def _bent(picture: Float32, frames: Callable[[int, int], Complex64], rounds: int) -> Callable[[int, int], Float32]:
    """Sound of the frames that ``frames`` gives, bent towards the picture."""

    def sound(lo: int, hi: int) -> Float32:
        given, mel = frames(lo, hi), picture[:, lo:hi]
        if not rounds:
            return _inverted(given)
        mel_frames = mel_frames_of(mel)
        low_bins(4).bend(given, mel_frames, LOW_ROUNDS * rounds)
        low_bins(2).bend(given, mel_frames, MIDDLE_ROUNDS * rounds)
        return correct(_inverted(given), mel, rounds)

    return sound


def _joined(picture: Float32, sound: Callable[[int, int], Float32], block_frames: int) -> Iterator[Float32]:
    """The sound of each block with its context, less the context, faded over at the borders."""
    n, hop, fade = picture.shape[1], FORM.hop_length, FADE_FRAMES
    held = np.zeros(0, np.float32)
    for first in range(0, n, block_frames):
        last = min(first + block_frames, n)
        lo, hi = max(0, first - CONTEXT_FRAMES), min(n, last + CONTEXT_FRAMES)
        begin = first - fade if first else 0
        end = hop * (min(n, last + fade) - lo) if last < n else None
        piece = sound(lo, hi)[hop * (begin - lo) : end]
        if len(held):
            both = min(len(held), len(piece))
            ramp = np.linspace(0, 1, both, dtype=np.float32)
            piece[:both] = held[:both] + ramp * (piece[:both] - held[:both])
        done = hop * (last - fade - begin) if last < n else len(piece)
        yield piece[:done]
        held = piece[done:]


def _cut(pieces: Iterator[Float32], length: int) -> Iterator[Float32]:
    """Exactly ``length`` samples of what comes, with silence at the end where too few come."""
    for piece in pieces:
        yield piece[:length]
        length -= min(length, len(piece))
        if not length:
            return
    while length:
        yield np.zeros(min(length, 1 << 20), np.float32)
        length -= min(length, 1 << 20)


def _inverted(frames: Complex64) -> Float32:
    return istft(frames.T, n_fft=FORM.n_fft, hop_length=FORM.hop_length, length=natural_length(len(frames)))


class _Network:
    """Frames as a network tells them, but for the lowest bins, whose tones are followed from frame to frame.

    A network that hears half a second cannot know how far a long tone's phase has turned; following its peak can.
    """

    def __init__(self, picture: Float32, session: Session | None) -> None:
        if session is None:
            from sideman.inference.sessions import open_session

            session = open_session("vocoder")
        if session.outputs != ("spectrum",):
            raise ModelError(f"{session.card.path}: no vocoder: its outputs are {', '.join(session.outputs)}")
        self._picture, self._session = picture, session
        self._tones = _Tones(picture, lambda mel: low_bins(4).magnitudes(np.exp(mel)))

    def frames(self, lo: int, hi: int) -> Complex64:
        """Frames from ``lo`` to before ``hi``; windows must come in order."""
        path = self._session.card.path
        try:
            told = self._session.run(np.ascontiguousarray(self._picture[None, :, lo:hi]))["spectrum"]
        except Exception as error:
            raise ModelError(f"{path}: no vocoder: it does not take a picture ({_first_line(error)})") from error
        if told.shape != (1, hi - lo, 2 * _BINS):
            raise ModelError(f"{path}: no vocoder: {told.shape} came of a picture of {hi - lo} frames")
        if not np.isfinite(np.einsum("btf->", told)):
            raise ModelError(f"{path}: the network gave NaN or infinite values for this picture; train it anew")
        size = np.exp(np.minimum(told[0, :, TONAL_BINS:_BINS], np.float32(HIGHEST_LOG_MAGNITUDE)))
        angle = told[0, :, _BINS + TONAL_BINS :]
        frames = np.empty((hi - lo, _BINS), np.complex64)
        np.multiply(size, np.cos(angle), out=frames.real[:, TONAL_BINS:])
        np.multiply(size, np.sin(angle), out=frames.imag[:, TONAL_BINS:])
        frames[:, :TONAL_BINS] = self._tones.frames(lo, hi)[:, :TONAL_BINS]
        return frames


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


class _GriffinLim:
    """Griffin-Lim, window by window: where a window overlaps the one before it begins with the phases found there."""

    def __init__(self, picture: Float32, iterations: int, seed: int, rounds: int) -> None:
        self._picture, self._iterations, self._seed, self._rounds = picture, iterations, seed, rounds
        self._before: tuple[int, Float32] | None = None

    def sound(self, lo: int, hi: int) -> Float32:
        """Sound of the frames from ``lo`` to before ``hi``; windows must come in order."""
        hop = FORM.hop_length
        turns = np.random.default_rng((self._seed, lo)).random((hi - lo, _BINS), np.float32) * np.float32(2 * np.pi)
        start = (np.cos(turns) + 1j * np.sin(turns)).astype(np.complex64, copy=False)
        if self._before is not None:
            began, earlier = self._before
            known = stft(earlier[hop * (lo - began) :], n_fft=FORM.n_fft, hop_length=hop).T
            start[: len(known)] = known
        sound = griffin_lim(
            magnitude_of(self._picture[:, lo:hi]),
            n_fft=FORM.n_fft,
            hop_length=hop,
            iterations=self._iterations,
            start=start.T,
            length=natural_length(hi - lo),
        )
        self._before = lo, sound
        return correct(sound, self._picture[:, lo:hi], self._rounds) if self._rounds else sound


class _Tones:
    """Frames whose phases follow the peaks of magnitudes, going on from window to window."""

    def __init__(self, picture: Float32, magnitudes: Callable[[Float32], Float32]) -> None:
        """``magnitudes`` makes frames (t, bins) of log-mel frames (t, 96)."""
        self._picture, self._magnitudes = picture, magnitudes
        self._phases = PeakPhases(n_fft=FORM.n_fft, hop_length=FORM.hop_length)
        self._from = 0
        self._frames: Complex64 | None = None

    def frames(self, lo: int, hi: int) -> Complex64:
        """Frames from ``lo`` to before ``hi``, new memory; windows must come in order."""
        done = self._from if self._frames is None else self._from + len(self._frames)
        new = self._phases.frames(self._magnitudes(np.ascontiguousarray(self._picture[:, done:hi].T)))
        self._frames = new if self._frames is None else np.concatenate([self._frames[lo - self._from :], new])
        self._from = lo
        return self._frames.copy()
