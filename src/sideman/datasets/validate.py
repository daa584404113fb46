"""Check a data set before trusting it: is everything there, readable, as it should be, and labelled once?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sideman.core.errors import DatasetError
from sideman.datasets import folders, gtzan
from sideman.datasets.clips import Clip, measure
from sideman.datasets.track import Dataset, Track, printable

ERROR, WARNING = "error", "warning"

CODES = {
    "missing": (ERROR, "a track that the data set should have is not there"),
    "unreadable": (ERROR, "the file cannot be decoded"),
    "contradictory": (ERROR, "the same file is labelled with two genres"),
    "empty-genre": (ERROR, "a genre folder holds no audio"),
    "single-genre": (ERROR, "there is only one genre: nothing to tell apart"),
    "truncated": (WARNING, "the file is shorter than its header says"),
    "wrong-rate": (WARNING, "another sample rate than expected"),
    "wrong-length": (WARNING, "another length than expected"),
    "silent": (WARNING, "the file is silent throughout"),
    "same-file": (WARNING, "a copy, byte for byte, of another file of its genre"),
    "known-fault": (WARNING, "the data set's documentation lists a fault"),
    "unexpected": (WARNING, "an audio file that is no track of the data set"),
}
"""Every kind of finding: its severity and meaning."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: key of :data:`CODES`.
        severity: "error" or "warning".
        track: id of the track, None where a finding is about no single track.
        path: the file or folder.
        message: one line.
    """

    code: str
    severity: str
    track: str | None
    path: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What every file should be like; None expects nothing.

    Attributes:
        sample_rate_hz: exact.
        duration_s: within ``tolerance_s``.
    """

    sample_rate_hz: int | None = None
    duration_s: float | None = None
    tolerance_s: float = 1.0


GTZAN_EXPECTATION = Expectation(gtzan.SAMPLE_RATE_HZ, gtzan.DURATION_S)


def validate(
    dataset: Dataset,
    expected: Expectation | None = None,
    *,
    workers: int | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[Finding, ...]:
    """Decode every file of a data set and report all that is wrong; nothing wrong gives an empty tuple.

    Args:
        dataset: what to check.
        expected: rate and length; by default 22050 Hz and 30 s (within 1 s) for GTZAN, nothing for others.
        workers: processes, by default one per core.
        advance: called with 1 after each file.

    Returns:
        Findings in the order of :data:`CODES`, then of tracks.
    """
    from sideman.core.parallel import map_files

    if expected is None:
        expected = GTZAN_EXPECTATION if dataset.name == "gtzan" else Expectation()
    clips: dict[str, Clip] = {}
    failures: dict[str, str] = {}
    tracks = dataset.tracks
    for outcome in map_files(measure, [track.path for track in tracks], workers):
        if outcome.value is not None:
            clips[tracks[outcome.index].track_id] = outcome.value
        else:
            failures[tracks[outcome.index].track_id] = outcome.error or "unknown error"
        advance(1)
    found = [*_of_the_whole(dataset), *_of_files(dataset, clips, failures, expected), *_copies(dataset, clips)]
    order = list(CODES)
    return tuple(sorted(found, key=lambda f: (order.index(f.code), f.track or "", f.path)))


def _finding(code: str, message: str, path: Path, track: str | None = None) -> Finding:
    return Finding(code, CODES[code][0], track, printable(path), printable(message))


def _of_the_whole(dataset: Dataset) -> Iterable[Finding]:
    genres = dataset.genres
    if len(genres) == 1:
        yield _finding("single-genre", f"every track is {genres[0]}; add other genres", dataset.root)
    for path in dataset.unlabelled:
        yield _finding("unexpected", "is no track of the data set; move it away or name it as one", path)
    if dataset.name == "folders":
        for genre in folders.empty_genres(dataset.root):
            yield _finding("empty-genre", f"the folder of {genre} holds no audio; fill or remove it", dataset.root)
    if dataset.name == "gtzan":
        have = {track.track_id for track in dataset.tracks}
        for track_id in sorted(gtzan.facts().keys() - have):
            known = gtzan.facts()[track_id].fault
            note = " (known: it is corrupt in the common WAV distribution)" if known == "corrupt" else ""
            yield _finding("missing", f"is not there{note}", dataset.root, track_id)


def _of_files(
    dataset: Dataset, clips: Mapping[str, Clip], failures: Mapping[str, str], expected: Expectation
) -> Iterable[Finding]:
    for track in dataset.tracks:
        name, path = track.track_id, track.path
        fault = gtzan.facts()[name].fault if dataset.name == "gtzan" else None
        if name in failures:
            note = "; known of this track: leave it out" if fault == "corrupt" else ""
            yield _finding("unreadable", failures[name].removeprefix(f"{path}: ") + note, path, name)
            continue
        clip = clips[name]
        if clip.truncated:
            yield _finding("truncated", "is shorter than its header says; fetch it again", path, name)
        if expected.sample_rate_hz is not None and clip.sample_rate_hz != expected.sample_rate_hz:
            yield _finding("wrong-rate", f"{clip.sample_rate_hz} Hz, not {expected.sample_rate_hz} Hz", path, name)
        if expected.duration_s is not None and abs(clip.duration_s - expected.duration_s) > expected.tolerance_s:
            yield _finding("wrong-length", f"{clip.duration_s:.2f} s, not {expected.duration_s:g} s", path, name)
        if clip.silent == 1.0:
            yield _finding("silent", "is silent throughout; remove it", path, name)
        if fault == "distorted":
            yield _finding("known-fault", "is distorted after its first 5 s (Sturm 2013); leave it out", path, name)


def _copies(dataset: Dataset, clips: Mapping[str, Clip]) -> Iterable[Finding]:
    first: dict[str, Track] = {}
    for track in dataset.tracks:
        if track.track_id not in clips:
            continue
        other = first.setdefault(clips[track.track_id].sha256, track)
        if other.genre != track.genre:
            message = f"is {track.genre}, but the same file is {other.genre} as {other.track_id}; keep one label"
            yield _finding("contradictory", message, track.path, track.track_id)
        elif other is not track:
            yield _finding("same-file", f"is a copy of {other.track_id}; keep one", track.path, track.track_id)


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of findings per code, codes in the order of :data:`CODES`."""
    count = Counter(finding.code for finding in findings)
    return {code: count[code] for code in CODES if count[code]}


def require_valid(findings: Iterable[Finding]) -> None:
    """Raise DatasetError for the first finding that is an error; warnings pass."""
    for finding in findings:
        if finding.severity == ERROR:
            raise DatasetError(f"{finding.path}: {finding.track or 'data set'} {finding.code}: {finding.message}")
