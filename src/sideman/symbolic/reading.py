"""A score from a file of any kind that is known."""

from __future__ import annotations

from pathlib import Path

from sideman.core.errors import ScoreError
from sideman.symbolic.midi import read_midi
from sideman.symbolic.score import Score

SUFFIXES = (".mid", ".midi", ".musicxml", ".xml", ".mxl", ".abc")


def read_score(path: str | Path) -> Score:
    """Read MIDI, MusicXML or ABC, told apart by the name's ending; what has another ending is tried as MIDI.

    Raises:
        ScoreError: the file cannot be read or is damaged.
    """
    path = Path(path)
    if path.is_dir():
        raise ScoreError(f"{path}: is a folder; name a file ({' '.join(SUFFIXES)})")
    suffix = path.suffix.lower()
    if suffix in (".musicxml", ".xml", ".mxl"):
        from sideman.symbolic.musicxml_read import read_musicxml

        return read_musicxml(path)
    if suffix == ".abc":
        from sideman.symbolic.musicxml_read import read_abc

        return read_abc(path)
    return read_midi(path)
