"""Files that something is wrong with: unreadable, silent, very quiet, at full scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sideman.library.track import Track

SILENT_LUFS, QUIET_LUFS = -70.0, -35.0
SILENT_PEAK_DB = -80.0
FULL_SCALE_DB = -0.01


@dataclass(frozen=True)
class Faults:
    """Tracks by fault; a track may have several.

    Attributes:
        unreadable: with their reasons in ``error``.
        silent: integrated loudness at EBU R128's gate (-70 LUFS) or no sample above -80 dBFS.
        quiet: other tracks below -35 LUFS.
        full_scale: peak at or above 0 dBFS (to 0.01 dB): may be clipped; the loudest first.
    """

    unreadable: tuple[Track, ...]
    silent: tuple[Track, ...]
    quiet: tuple[Track, ...]
    full_scale: tuple[Track, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "unreadable": [{"id": t.id, "path": t.path, "error": t.error} for t in self.unreadable],
            **{
                name: [
                    {
                        "id": t.id,
                        "path": t.path,
                        "loudness_lufs": _rounded(t.loudness_lufs),
                        "peak_db": _rounded(t.peak_db),
                    }
                    for t in found
                ]
                for name, found in (("silent", self.silent), ("quiet", self.quiet), ("full_scale", self.full_scale))
            },
        }


def faults(tracks: Sequence[Track]) -> Faults:
    """Sort out the tracks that something is wrong with."""
    silent = [t for t in tracks if _is_silent(t)]
    known = {t.id for t in silent}
    quiet = [t for t in tracks if t.loudness_lufs is not None and t.loudness_lufs < QUIET_LUFS and t.id not in known]
    full = [t for t in tracks if t.peak_db is not None and t.peak_db >= FULL_SCALE_DB]
    return Faults(
        tuple(t for t in tracks if t.error is not None),
        tuple(silent),
        tuple(sorted(quiet, key=lambda t: t.loudness_lufs or 0.0)),
        tuple(sorted(full, key=lambda t: -(t.loudness_lufs or -99.0))),
    )


def _is_silent(track: Track) -> bool:
    by_loudness = track.loudness_lufs is not None and track.loudness_lufs <= SILENT_LUFS
    return by_loudness or (track.peak_db is not None and track.peak_db <= SILENT_PEAK_DB)


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, 2)
