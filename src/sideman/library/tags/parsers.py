"""mutagen's readers and writers, whose types it does not tell; imported where tags are read, for it takes 50 ms."""

from __future__ import annotations

from typing import Any, BinaryIO

import mutagen
import mutagen.aiff
import mutagen.apev2
import mutagen.asf
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.oggflac
import mutagen.oggopus
import mutagen.oggspeex
import mutagen.oggtheora
import mutagen.oggvorbis
import mutagen.wave

ID3: Any = mutagen.id3.ID3
APEv2: Any = mutagen.apev2.APEv2
MP4: Any = mutagen.mp4.MP4
ASF: Any = mutagen.asf.ASF

NoID3: type[Exception] = mutagen.id3.ID3NoHeaderError
NoAPE: type[Exception] = mutagen.apev2.APENoHeaderError
APE_TEXT: int = mutagen.apev2.TEXT
MP4_TEXT = (mutagen.mp4.AtomDataType.UTF8, mutagen.mp4.AtomDataType.IMPLICIT)
GENRES: list[str] = mutagen.id3.TCON.GENRES

_OGG: list[Any] = [
    mutagen.oggvorbis.OggVorbis,
    mutagen.oggopus.OggOpus,
    mutagen.oggflac.OggFLAC,
    mutagen.oggspeex.OggSpeex,
    mutagen.oggtheora.OggTheora,
]
_BY_CONTAINER: dict[str, Any] = {
    "flac": mutagen.flac.FLAC,
    "mp4": MP4,
    "wav": mutagen.wave.WAVE,
    "aiff": mutagen.aiff.AIFF,
}


def tags_by_mutagen(file: BinaryIO, container: str) -> Any:
    """The file, or its bare APEv2 tag, as mutagen has it; None where it has none."""
    file.seek(0)
    if container == "ogg":
        return mutagen.File(file, options=_OGG)
    if container in _BY_CONTAINER:
        return _BY_CONTAINER[container](fileobj=file)
    return APEv2(fileobj=file)
