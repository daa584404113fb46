"""Rekordbox XML: a collection with tempo, key and beat grid, and the playlist in it (File > Import in rekordbox).

The first beat that was heard anchors the grid. Which beat of the bar it is was not heard: it is called the first, of
four.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote
from xml.etree import ElementTree

from sideman.library.keys import short_key
from sideman.library.playlists.m3u8 import file_uri, one_line
from sideman.library.track import Track

_KINDS = {
    "mp3": "MP3 File", "m4a": "M4A File", "mp4": "M4A File", "aac": "AAC File", "flac": "FLAC File",
    "wav": "WAV File", "aiff": "AIFF File",
}  # fmt: skip
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(title: str, tracks: Sequence[Track]) -> str:
    """The playlist as XML text; file names in it are absolute."""
    from sideman import __version__

    root = ElementTree.Element("DJ_PLAYLISTS", Version="1.0.0")
    ElementTree.SubElement(root, "PRODUCT", Name="Sideman", Version=__version__, Company="")
    collection = ElementTree.SubElement(root, "COLLECTION")
    known: dict[str, str] = {}
    for track in tracks:
        if track.path not in known:
            known[track.path] = str(track.id or len(known) + 1)
            _add(collection, track, known[track.path])
    collection.set("Entries", str(len(known)))
    folders = ElementTree.SubElement(root, "PLAYLISTS")
    top = ElementTree.SubElement(folders, "NODE", Type="0", Name="ROOT", Count="1")
    settings = {"Name": _clean(title), "Type": "1", "KeyType": "0", "Entries": str(len(tracks))}
    node = ElementTree.SubElement(top, "NODE", settings)
    for track in tracks:
        ElementTree.SubElement(node, "TRACK", Key=known[track.path])
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(collection: ElementTree.Element, track: Track, number: str) -> None:
    told = {
        "TrackID": number,
        "Name": track.title or track.label,
        "Artist": track.artist or track.albumartist or "",
        "Album": track.album or "",
        "Genre": "; ".join(track.tag_genres) or track.genre or "",
        "Kind": _KINDS.get(track.container or "", ""),
        "Size": str(track.size) if track.size else "",
        "TotalTime": "" if track.duration_s is None else str(round(track.duration_s)),
        "DiscNumber": "" if track.disc is None else str(track.disc),
        "TrackNumber": "" if track.track is None else str(track.track),
        "Year": "" if track.year is None else str(track.year),
        "AverageBpm": "" if not track.tempo_bpm else f"{track.tempo_bpm:.2f}",
        "Location": _location(track.path),
        "Tonality": short_key(track.key) if track.key else "",
    }
    element = ElementTree.SubElement(collection, "TRACK", {name: _clean(v) for name, v in told.items() if v})
    if track.tempo_bpm:
        begin_s = max(0.0, track.first_beat_s or 0.0)
        grid = {"Inizio": f"{begin_s:.3f}", "Bpm": f"{track.tempo_bpm:.2f}", "Metro": "4/4", "Battito": "1"}
        ElementTree.SubElement(element, "TEMPO", grid)


def _location(path: str) -> str:
    """A URI as rekordbox writes it, with the host named."""
    return quote(file_uri(path).replace("file://", "file://localhost", 1), safe="/:%!$&'()*+,;=@~-._")


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return _NOT_XML.sub("\ufffd", one_line(text))
