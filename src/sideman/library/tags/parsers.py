"""mutagen's readers and writers, whose types it does not tell; imported where tags are read, for it takes 50 ms."""

from __future__ import annotations

from typing import Any

import mutagen.apev2
import mutagen.asf
import mutagen.id3
import mutagen.mp4

ID3: Any = mutagen.id3.ID3
APEv2: Any = mutagen.apev2.APEv2
MP4: Any = mutagen.mp4.MP4
ASF: Any = mutagen.asf.ASF

NoID3: type[Exception] = mutagen.id3.ID3NoHeaderError
NoAPE: type[Exception] = mutagen.apev2.APENoHeaderError
APE_TEXT: int = mutagen.apev2.TEXT
MP4_TEXT = (mutagen.mp4.AtomDataType.UTF8, mutagen.mp4.AtomDataType.IMPLICIT)
