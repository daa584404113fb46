"""What an explanation is: importance over time and frequency or per column, with its checks, as values and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sideman.genre.explain_methods import Deletion
from sideman.genre.explain_pieces import Floats
from sideman.genre.explain_table import ColumnFall


@dataclass(frozen=True)
class Moment:
    """A piece of the recording: its start and end in seconds, the genre's log-odds there, and what it adds to them."""

    start_s: float
    end_s: float
    log_odds: float
    importance: float


@dataclass(frozen=True)
class Region:
    """A rectangle of time (s) and frequency (Hz) and its share of all that spoke for the genre, 0..1."""

    start_s: float
    end_s: float
    low_hz: float
    high_hz: float
    share: float


@dataclass(frozen=True)
class Completeness:
    """Whether integrated gradients add up.

    Attributes:
        total: sum of the map over all pieces.
        rise: of the log-odds from the neutral picture to the real one, over all pieces.
        gap: mean absolute difference of the two per piece, relative to the mean absolute rise; 0 for a complete map.
    """

    total: float
    rise: float
    gap: float

    @classmethod
    def of(cls, total: Floats, rise: Floats) -> Completeness:
        """Compare sums of the map with rises of the log-odds, both (pieces,)."""
        gap = np.abs(total - rise).sum() / max(float(np.abs(rise).sum()), 1e-9)
        return cls(float(total.sum()), float(rise.sum()), float(gap))


@dataclass(frozen=True)
class Explanation:
    """What :func:`explain` found.

    Attributes:
        path: the recording as it was named.
        model: name of the model.
        kind: what the model hears, as :class:`sideman.genre.inputs.Input` names it.
        method: "gradients", "occlusion" or "columns".
        genre: the genre that is explained.
        answer: the genre that the model names for the stretch.
        probability: of ``genre``, calibrated.
        start_s: where the explained stretch begins.
        duration_s: how long it is.
        total_s: how long the recording is.
        note: what part was explained and why, in words; empty where it is all.
        importance: (bands, columns), what each value adds to the mean log-odds; NaN where nothing was heard.
        picture: (bands, columns), what the model sees.
        frequencies_hz: centre of each band, where bands have one.
        moments: piece by piece.
        regions: what spoke for the genre most.
        bands: share of what spoke for the genre per range of frequencies (low, high).
        completeness: of integrated gradients.
        deletion: check that the regions matter.
        columns: of a table model, what each column carried.
    """

    path: str
    model: str
    kind: str
    method: str
    genre: str
    answer: str
    probability: float
    start_s: float
    duration_s: float
    total_s: float
    note: str
    moments: tuple[Moment, ...]
    importance: Floats = field(default_factory=lambda: np.zeros((0, 0)), repr=False)
    picture: Floats = field(default_factory=lambda: np.zeros((0, 0)), repr=False)
    frequencies_hz: Floats | None = field(default=None, repr=False)
    regions: tuple[Region, ...] = ()
    bands: tuple[tuple[float, float, float], ...] = ()
    completeness: Completeness | None = None
    deletion: Deletion | None = None
    columns: tuple[ColumnFall, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the pictures."""
        plain: dict[str, Any] = {
            "path": self.path,
            "model": self.model,
            "hears": self.kind,
            "method": self.method,
            "genre": self.genre,
            "answer": self.answer,
            "probability": round(self.probability, 4),
            "start_s": round(self.start_s, 3),
            "duration_s": round(self.duration_s, 3),
            "total_s": round(self.total_s, 3),
            "note": self.note,
            "timeline": [_rounded(vars(moment)) for moment in self.moments],
        }
        if self.columns:
            plain["columns"] = [_rounded(vars(column)) for column in self.columns]
        if self.importance.size:
            plain["regions"] = [_rounded(vars(region)) for region in self.regions]
            plain["bands"] = [
                {"low_hz": low, "high_hz": high, "share": round(share, 4)} for low, high, share in self.bands
            ]
        if self.completeness is not None:
            plain["completeness"] = _rounded(vars(self.completeness))
        if self.deletion is not None:
            plain["deletion"] = {**_rounded(vars(self.deletion)), "faithful": self.deletion.faithful}
        return plain


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}
