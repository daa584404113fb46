"""A piece as a file of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sideman.compose.generate import Composition


def write_piece(piece: Composition, target: Path, samples: NDArray[Any] | None = None) -> None:
    """Write MIDI, MusicXML, a piano roll (.png) or, of ``samples`` (n, 2) at 44.1 kHz, sound: the name's ending tells.

    Raises:
        OutputError: the file cannot be written.
        MissingExtraError: a .png without matplotlib.
    """
    match target.suffix.lower():
        case ".mid" | ".midi":
            from sideman.symbolic.midi import write_midi

            write_midi(piece.score, target)
        case ".musicxml" | ".xml":
            from sideman.symbolic.musicxml import write_musicxml

            write_musicxml(piece.score, target)
        case ".png":
            from sideman.compose.prompt import describe
            from sideman.symbolic.pianoroll import write_pianoroll

            write_pianoroll(piece.score, target, describe(piece.controls))
        case _:
            from sideman.symbolic.render import write_audio

            assert samples is not None
            write_audio(samples, target)
