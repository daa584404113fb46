"""``sideman doctor``: does everything that classifying needs work on this machine?"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sideman.cli.common import FAILED
from sideman.core.errors import SidemanError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Status = Literal["ok", "missing", "failed"]

_RATE_HZ = 22050
_SECONDS = 6


@dataclass(frozen=True)
class Check:
    """One finding: ``missing`` is optional and names what to install, ``failed`` makes the command fail."""

    group: str
    name: str
    status: Status
    detail: str


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object per check.")] = False,
) -> None:
    """Check that everything works on this machine.

    Versions, extras, weights, codecs, and the classification of a sound made on the spot.

    Exit codes: 0 all is well (extras may be missing), 1 something is broken.
    """
    group = ""
    failed = False
    for check in examine():
        failed = failed or check.status == "failed"
        if as_json:
            typer.echo(json.dumps(asdict(check), ensure_ascii=False))
            continue
        if check.group != group:
            group = check.group
            typer.secho(f"{group}", bold=True)
        colour = {"ok": typer.colors.GREEN, "missing": typer.colors.YELLOW, "failed": typer.colors.RED}[check.status]
        typer.echo(f"  {typer.style(f'{check.status:8}', fg=colour)}{check.name:16} {check.detail}")
    if failed:
        raise typer.Exit(FAILED)


def examine() -> Iterator[Check]:
    """Yield every check as it is done."""
    yield from _versions()
    yield from _extras()
    yield from _weights()
    with tempfile.TemporaryDirectory(prefix="sideman-doctor-") as folder:
        y = music()
        yield from _codecs(y, Path(folder))
        yield from _self_test(y, Path(folder))


def music() -> NDArray[np.float32]:
    """Six seconds of a simple song, (n,) at 22050 Hz: four chords of A minor at 120 bpm over a drum on every beat."""
    import numpy as np

    t = np.arange(_SECONDS * _RATE_HZ) / _RATE_HZ
    rng = np.random.default_rng(0)
    y = np.zeros_like(t)
    chords = ((57, 60, 64), (53, 57, 60), (60, 64, 67), (55, 59, 62))
    for beat in range(_SECONDS * 2):
        since_s = np.clip(t - beat / 2, 0, None)
        sounding = (t >= beat / 2) * np.exp(-6 * since_s)
        for note in chords[beat // 4 % 4]:
            pitch_hz = 440 * 2 ** ((note - 69) / 12)
            y += 0.1 * sounding * sum(np.sin(2 * np.pi * k * pitch_hz * since_s) / k for k in range(1, 6))
        y += 0.5 * sounding**4 * np.sin(2 * np.pi * 60 * since_s)
        y += 0.1 * (t >= beat / 2 + 0.25) * np.exp(-60 * np.clip(since_s - 0.25, 0, None)) * rng.standard_normal(len(t))
    return np.asarray(0.8 * y / np.abs(y).max(), dtype=np.float32)


def _versions() -> Iterator[Check]:
    from sideman import __version__

    yield Check("versions", "sideman", "ok", f"{__version__}, in {Path(__file__).parents[1]}")
    yield Check("versions", "python", "ok", f"{platform.python_version()} on {platform.platform()}")
    for name, extra in _requirements():
        if extra is None:
            version = _installed(name)
            detail = "not installed: install sideman again" if version is None else version
            yield Check("versions", name, "failed" if version is None else "ok", detail)
    import soundfile

    yield Check("versions", "libsndfile", "ok", soundfile.__libsndfile_version__)


def _requirements() -> list[tuple[str, str | None]]:
    """Distributions that the installed package names, each with the extra that brings it (None: always)."""
    found = []
    for line in importlib.metadata.requires("sideman") or []:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        if name:
            found.append((name[0], extra[1] if extra else None))
    return found


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extras() -> Iterator[Check]:
    names: dict[str, list[str]] = {}
    for distribution, extra in _requirements():
        if extra is not None:
            names.setdefault(extra, []).append(distribution)
    for extra, distributions in names.items():
        missing = [name for name in distributions if _installed(name) is None]
        if missing:
            yield Check("extras", extra, "missing", f"no {', '.join(missing)}: pip install 'sideman[{extra}]'")
        else:
            yield Check("extras", extra, "ok", ", ".join(f"{name} {_installed(name)}" for name in distributions))


def _weights() -> Iterator[Check]:
    from sideman.inference.cards import list_weights, verify

    try:
        cards = list_weights()
    except SidemanError as error:
        yield Check("weights", "cards", "failed", str(error))
        return
    if not cards:
        yield Check("weights", "none", "failed", "no weights are installed; install sideman again")
    for card in cards:
        try:
            verify(card)
        except SidemanError as error:
            yield Check("weights", card.name, "failed", str(error))
            continue
        yield Check("weights", card.name, "ok", f"{card.path.stat().st_size / 1e6:.1f} MB, sha256 {card.sha256}")


def _codecs(y: NDArray[np.float32], folder: Path) -> Iterator[Check]:
    for name, file, write in _samples():
        path = folder / file
        try:
            write(path, y)
        except Exception as error:  # noqa: BLE001 - whatever an encoder says, it is the finding
            yield Check("codecs", name, "failed", f"cannot be encoded: {' '.join(str(error).split())}")
            continue
        yield _decoded(name, path, y)
    if _installed("av") is None:
        yield Check("codecs", "m4a, aac, wma", "missing", "pip install 'sideman[m4a]'")


def _samples() -> Iterator[tuple[str, str, Callable[[Path, NDArray[np.float32]], None]]]:
    import soundfile

    def encoder(container: str, subtype: str) -> Callable[[Path, NDArray[np.float32]], None]:
        return lambda path, y: soundfile.write(path, y, _RATE_HZ, format=container, subtype=subtype)

    yield "wav", "sample.wav", encoder("WAV", "PCM_16")
    yield "au", "sample.au", encoder("AU", "PCM_16")
    yield "aiff", "sample.aiff", encoder("AIFF", "PCM_16")
    yield "flac", "sample.flac", encoder("FLAC", "PCM_16")
    yield "ogg vorbis", "sample.ogg", encoder("OGG", "VORBIS")
    yield "opus", "sample.opus", lambda path, y: _write_opus(path, y)
    yield "mp3", "sample.mp3", encoder("MP3", "MPEG_LAYER_III")
    if _installed("av") is not None:
        yield "m4a", "sample.m4a", _write_m4a


def _write_opus(path: Path, y: NDArray[np.float32]) -> None:
    import soundfile
    import soxr

    soundfile.write(path, soxr.resample(y, _RATE_HZ, 48000), 48000, format="OGG", subtype="OPUS")


def _write_m4a(path: Path, y: NDArray[np.float32]) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=_RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(y[None], format="fltp", layout="mono")
        frame.sample_rate = _RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def _decoded(name: str, path: Path, y: NDArray[np.float32]) -> Check:
    """Decode a sample and compare its length and the loudness of its tenths of a second with the original's."""
    import numpy as np

    from sideman.audio.decode import load

    try:
        heard, rate_hz = load(path, sample_rate_hz=_RATE_HZ)
    except SidemanError as error:
        return Check("codecs", name, "failed", str(error))
    step = rate_hz // 10
    n = min(len(heard), len(y)) // step * step
    ours, theirs = (np.sqrt(np.mean(signal[:n].reshape(-1, step) ** 2, axis=1)) for signal in (heard, y))
    with np.errstate(invalid="ignore"):  # silence correlates with nothing: NaN, which is not >= 0.8
        alike = np.corrcoef(ours, theirs)[0, 1] >= 0.8
    if abs(len(heard) - len(y)) > 0.2 * rate_hz or not alike:
        return Check("codecs", name, "failed", "decodes to something else; another libsndfile or ffmpeg may help")
    return Check("codecs", name, "ok", "decodes")


def _self_test(y: NDArray[np.float32], folder: Path) -> Iterator[Check]:
    import soundfile

    from sideman.genre.predict import classify

    path = folder / "self-test.wav"
    soundfile.write(path, y, _RATE_HZ)
    began_s = time.perf_counter()
    try:
        heard = classify(path)
    except SidemanError as error:
        yield Check("self-test", "classify", "failed", str(error))
        return
    took_s = time.perf_counter() - began_s
    total = sum(heard.probabilities.values())
    if abs(total - 1) > 1e-3:
        yield Check("self-test", "classify", "failed", f"probabilities sum to {total:.4f}; install sideman again")
        return
    said = "unsure" if heard.unsure else heard.genre
    yield Check("self-test", "classify", "ok", f"{_SECONDS} s of synthetic pop in {took_s:.2f} s: {said}")
    tempo, key = heard.tempo_bpm, heard.key
    # The signal has 120 beats a minute in A minor; half, double and the relative major are fair answers.
    right = tempo is not None and min(abs(tempo - bpm) for bpm in (60, 120, 240)) < 5
    detail = "no tempo found" if tempo is None else f"{tempo:.0f} bpm (played at 120)"
    yield Check("self-test", "tempo", "ok" if right else "failed", detail)
    right = key in ("A minor", "C major")
    yield Check("self-test", "key", "ok" if right else "failed", f"{key} (played in A minor)")
