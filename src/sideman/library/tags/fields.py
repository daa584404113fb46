"""One name for every text field, whatever a tag format calls it.

Sources: id3.org (2.2, 2.3, 2.4), xiph.org's comment field recommendations, the APEv2 keys of hydrogenaudio, Microsoft's
WM/ attributes, iTunes' atoms, RIFF INFO; where those leave a choice, what MusicBrainz Picard writes.
"""

from __future__ import annotations

LONGEST_VALUE = 10_000  # characters kept of one value
MOST_VALUES = 1_000  # kept of one field
MOST_FIELDS = 500

ID3 = {
    "TIT2": "title", "TPE1": "artist", "TPE2": "albumartist", "TALB": "album", "TMOO": "mood", "TBPM": "bpm",
    "TKEY": "key", "TDRC": "date", "TYER": "date", "TDOR": "originaldate", "TORY": "originaldate",
    "TDRL": "releasedate", "TCOM": "composer", "TPE3": "conductor", "TPE4": "remixer", "TEXT": "lyricist",
    "TOLY": "originallyricist", "TIT1": "grouping", "GRP1": "grouping", "TIT3": "subtitle", "TSST": "discsubtitle",
    "TPUB": "label", "TSRC": "isrc", "TLAN": "language", "TCOP": "copyright", "TENC": "encodedby",
    "TSSE": "encodersettings", "TMED": "media", "TCMP": "compilation", "TSOP": "artistsort", "TSO2": "albumartistsort",
    "TSOA": "albumsort", "TSOT": "titlesort", "TSOC": "composersort", "MVNM": "movementname",
}  # fmt: skip
"""Text frames; TCON, TRCK, TPOS, TXXX, COMM and USLT are read apart, other frames keep their own name."""

VORBIS = {
    "tempo": "bpm", "initialkey": "key", "initial key": "key", "album artist": "albumartist",
    "album_artist": "albumartist", "tracknumber": "track", "totaltracks": "tracktotal", "discnumber": "disc",
    "totaldiscs": "disctotal", "description": "comment", "unsyncedlyrics": "lyrics", "organization": "label",
    "publisher": "label",
}  # fmt: skip

MP4 = {
    "\xa9nam": "title", "\xa9ART": "artist", "aART": "albumartist", "\xa9alb": "album", "\xa9gen": "genre",
    "gnre": "genre", "\xa9day": "date", "\xa9wrt": "composer", "\xa9lyr": "lyrics", "\xa9cmt": "comment",
    "\xa9grp": "grouping", "\xa9too": "encodedby", "cprt": "copyright", "desc": "description", "tmpo": "bpm",
    "cpil": "compilation", "soar": "artistsort", "soaa": "albumartistsort", "soal": "albumsort", "sonm": "titlesort",
    "soco": "composersort", "tvsh": "show", "\xa9wrk": "work", "\xa9mvn": "movementname",
}  # fmt: skip

APE = {
    "year": "date", "album artist": "albumartist", "disc": "disc", "track": "track", "initialkey": "key",
    "unsyncedlyrics": "lyrics",
}  # fmt: skip

ASF = {
    "title": "title", "author": "artist", "description": "comment", "copyright": "copyright",
    "wm/albumartist": "albumartist", "wm/albumtitle": "album", "wm/genre": "genre", "wm/mood": "mood",
    "wm/beatsperminute": "bpm", "wm/initialkey": "key", "wm/year": "date", "wm/originalreleaseyear": "originaldate",
    "wm/tracknumber": "track", "wm/partofset": "disc", "wm/composer": "composer", "wm/conductor": "conductor",
    "wm/lyrics": "lyrics", "wm/writer": "lyricist", "wm/publisher": "label", "wm/isrc": "isrc",
    "wm/language": "language", "wm/contentgroupdescription": "grouping", "wm/subtitle": "subtitle",
    "wm/setsubtitle": "discsubtitle", "wm/encodedby": "encodedby", "wm/iscompilation": "compilation",
    "wm/artistsortorder": "artistsort", "wm/albumsortorder": "albumsort",
}  # fmt: skip

RIFF_INFO = {
    b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"IGNR": "genre", b"ICRD": "date", b"ICMT": "comment",
    b"ITRK": "track", b"IPRT": "track", b"IMUS": "composer", b"ICOP": "copyright", b"ISFT": "encodedby",
    b"ILNG": "language",
}  # fmt: skip

COMPOUND_GENRES = frozenset((
    "pop/funk", "r&b/soul", "hip-hop/rap", "hip hop/rap", "singer/songwriter", "children's music/stories",
    "christian/gospel", "funk/soul", "soul/r&b", "pop/rock", "folk/rock", "rock/pop", "drum'n'bass/jungle",
))  # fmt: skip
"""One genre's names with a slash (iTunes, ID3v1, shops), which ID3v2.3's way of listing values does not split."""

_PAIRS = {"track": "tracktotal", "disc": "disctotal"}
Fields = dict[str, list[str]]


def add(fields: Fields, name: str, values: list[str]) -> None:
    """Append values to a field: trimmed, cut to a sensible length, without doubles; "3/12" is a track and its total."""
    if name in _PAIRS:
        for value in values:
            number, slash, total = value.partition("/")
            _put(fields, name, [number])
            if slash:
                _put(fields, _PAIRS[name], [total])
        return
    _put(fields, name, values)


def fill(fields: Fields, more: Fields) -> None:
    """Take from ``more`` the fields that ``fields`` lacks."""
    for name, values in more.items():
        fields.setdefault(name, values)


def _put(fields: Fields, name: str, values: list[str]) -> None:
    name = clean(name).casefold()[:100]
    cleaned = [text for text in (clean(value)[:LONGEST_VALUE] for value in values[:MOST_VALUES]) if text]
    if not name or not cleaned or (name not in fields and len(fields) >= MOST_FIELDS):
        return
    known = fields.setdefault(name, [])
    known.extend(value for value in dict.fromkeys(cleaned) if value not in known)


def clean(text: str) -> str:
    """Text that any database and terminal takes: no NUL, no lone surrogates, no white space at its ends."""
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8").replace("\ufeff", "")
    return text.strip()
