"""Scores as sound: stereo audio of even loudness through a SoundFont, and audio files."""

from __future__ import annotations

import importlib.util
import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ScoreError, UsageError
from sideman.symbolic.sampler import LONGEST_RELEASE_S, Struck, play
from sideman.symbolic.score import DURATION, PITCH, START, VELOCITY, Score, Track
from sideman.symbolic.soundfont import DRUM_BANK, open_soundfont

TARGET_LUFS, CEILING_DB = -16.0, -1.0
SOUNDFONT_VARIABLE = "SIDEMAN_SOUNDFONT"
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus")
LONGEST_S = 3600.0
LONGEST_NOTE_S = 60.0
MOST_VOICES = 256  # on average over the piece
_TAIL_S = 2.0  # for the hall to die away
_SILENT_DB = -72.0  # dBFS; what is softer at the end is cut
_FADE_S = 0.03
_BUNDLED = "TimGM6mb.sf2"


def find_soundfont(soundfont: str | Path | None = None) -> Path:
    """The SoundFont to play with: ``soundfont``, else that named by SIDEMAN_SOUNDFONT, else pretty_midi's.

    Raises:
        ScoreError: none of them is there.
    """
    named = soundfont or os.environ.get(SOUNDFONT_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            source = "" if soundfont else f" (named by {SOUNDFONT_VARIABLE})"
            raise ScoreError(f"{path}: no such SoundFont{source}; name an existing .sf2 or .sf3 file")
        return path
    spec = importlib.util.find_spec("pretty_midi")  # finds the folder without the slow import
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / _BUNDLED).is_file():
            return path
    raise ScoreError(
        "rendering needs a SoundFont and none was found: pip install 'sideman[score]' brings one, or name an .sf2 file "
        f"with --soundfont or {SOUNDFONT_VARIABLE}"
    )


def render(score: Score, *, soundfont: str | Path | None = None, sample_rate_hz: int = 44_100) -> NDArray[np.float32]:
    """Play a score.

    Args:
        score: with notes; at most an hour.
        soundfont: as :func:`find_soundfont`.
        sample_rate_hz: 8000 to 192,000.

    Returns:
        samples of shape (n, 2) within [-1, 1]: -16 LUFS integrated (ITU-R BS.1770), peaks under -1 dBFS, from the
        score's tick 0 until the last note and the hall have died away.

    Raises:
        ScoreError: no notes, too long, too many notes at once; no SoundFont, or a damaged one.
        UsageError: ``sample_rate_hz`` out of range.
    """
    from sideman.symbolic.loudness import normalise
    from sideman.symbolic.reverb import add_hall

    if not 8000 <= sample_rate_hz <= 192_000:
        raise UsageError(f"sample rate {sample_rate_hz} Hz: must be from 8000 to 192000")
    font = open_soundfont(find_soundfont(soundfont))
    _check(score)
    tracks = [track for track in score.tracks if len(track.notes)]
    length_n = round((score.duration_s + LONGEST_RELEASE_S + _TAIL_S) * sample_rate_hz) + 1
    channels = np.zeros((2, length_n), np.float32)
    last = 0
    for track in tracks:
        bank, program = (DRUM_BANK, 0) if track.is_drums else (0, track.program)
        last = max(last, play(font, bank, program, _struck(score, track, sample_rate_hz), sample_rate_hz, channels))
    channels = channels[:, : min(length_n, last + round(_TAIL_S * sample_rate_hz))]
    if not last or not channels[:, :last].any():
        raise ScoreError(f"{font.path}: has no sound for any of the notes; choose another SoundFont")
    add_hall(channels, sample_rate_hz)
    normalise(channels, sample_rate_hz, TARGET_LUFS, CEILING_DB)
    return _trimmed(channels, round(score.duration_s * sample_rate_hz), sample_rate_hz).T


def _check(score: Score) -> None:
    name = score.title or "the score"
    if not score.n_notes:
        raise ScoreError(f"{name}: holds no notes; there is nothing to play")
    if not score.duration_s <= LONGEST_S:
        raise ScoreError(
            f"{name}: lasts {score.duration_s / 60:.0f} minutes, more than the {LONGEST_S / 60:.0f} that can be "
            "rendered; cut it, or check its tempo"
        )
    sounding_s = 0.0
    for track in score.tracks:
        begins, ends = (score.seconds(track.notes[:, START] + k * track.notes[:, DURATION]) for k in (0, 1))
        sounding_s += float(np.minimum(ends - begins, LONGEST_NOTE_S).sum())
    if sounding_s > MOST_VOICES * max(score.duration_s, 1.0):
        raise ScoreError(f"{name}: has more than {MOST_VOICES} notes sounding at once on average; it seems damaged")


def _struck(score: Score, track: Track, rate_hz: int) -> Struck:
    notes = track.notes
    begins_s, ends_s = score.seconds(notes[:, START]), score.seconds(notes[:, START] + notes[:, DURATION])
    starts = np.round(begins_s * rate_hz).astype(np.int64)
    lengths = np.round(np.minimum(ends_s - begins_s, LONGEST_NOTE_S) * rate_hz).astype(np.int64)
    return Struck(starts, np.maximum(lengths, 1), notes[:, PITCH], np.clip(notes[:, VELOCITY], 1, 127))


def _trimmed(channels: NDArray[np.float32], at_least_n: int, rate_hz: int) -> NDArray[np.float32]:
    """Without the silence at the end, faded out over some milliseconds."""
    step, n = max(1, round(0.02 * rate_hz)), channels.shape[1]
    end = n
    while end > at_least_n and np.abs(channels[:, max(0, end - step) : end]).max() < 10 ** (_SILENT_DB / 20):
        end -= step
    channels = channels[:, : min(n, max(end, at_least_n) + round(_FADE_S * rate_hz))]
    fade = min(channels.shape[1], round(_FADE_S * rate_hz))
    channels[:, channels.shape[1] - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return channels


def write_audio(samples: NDArray[np.float32], path: str | Path, sample_rate_hz: int = 44_100) -> None:
    """Write samples of shape (n,) or (n, channels) as .wav or .flac (16 bit, dithered), .ogg, .mp3 or .opus.

    Raises:
        UsageError: another suffix.
        OutputError: the file cannot be written.
    """
    import soundfile

    from sideman.core.atomic import atomic_write

    suffix = Path(path).suffix.lower()
    if suffix not in AUDIO_SUFFIXES:
        raise UsageError(f"{path}: a sound file's name must end in one of {', '.join(AUDIO_SUFFIXES)}")
    samples = np.atleast_2d(np.asarray(samples, np.float32).T).T
    buffer = io.BytesIO()
    if suffix in (".wav", ".flac"):
        soundfile.write(buffer, _dithered(samples), sample_rate_hz, format=suffix[1:].upper(), subtype="PCM_16")
    elif suffix == ".opus":
        import soxr

        if sample_rate_hz != 48_000:  # Opus knows no 44.1 kHz
            samples = soxr.resample(samples, sample_rate_hz, 48_000)
        _write_blocks(buffer, samples, 48_000, "OGG", "OPUS", 0.3)
    elif suffix == ".mp3":
        _write_blocks(buffer, samples, sample_rate_hz, "MP3", "MPEG_LAYER_III", 0.2)
    else:
        _write_blocks(buffer, samples, sample_rate_hz, "OGG", "VORBIS", 0.4)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def _write_blocks(
    buffer: io.BytesIO, samples: NDArray[np.float32], rate_hz: int, container: str, subtype: str, level: float
) -> None:
    """Lossy encoders take a second at a time: libsndfile's Vorbis overflows the stack on a long single write."""
    import soundfile

    with soundfile.SoundFile(
        buffer, "w", rate_hz, samples.shape[1], subtype, format=container, compression_level=level
    ) as file:
        for first in range(0, len(samples), rate_hz):
            file.write(samples[first : first + rate_hz])


def _dithered(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """16 bit, with triangular noise of one step so that fades do not crackle; digital silence stays silent."""
    random = np.random.default_rng(0)
    noise = random.random(samples.shape, np.float32) - random.random(samples.shape, np.float32)
    steps = np.round(samples * np.float32(32_767) + np.where(samples == 0, np.float32(0), noise))
    return np.clip(steps, -32_768, 32_767).astype(np.int16)
