"""The MIDI sets that the shipped composers learn from: which of them, as which genre, and who belongs together.

Reads a catalogue (columns set, path, genre, subgenre, emotion, programs, licence) of sets unpacked in one folder.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Literal

from sideman.compose.corpus import Source
from sideman.core.errors import DatasetError

Build = Literal["open", "research"]

# Under licences that let the weights be used for anything.
OPEN_SETS = frozenset({
    "pop909", "weimar-jazz", "groove", "openewld", "freedoom", "music21-folk", "bbloomf-pd-songs",
    "music21-classical", "musetrainer", "pianolatron", "giantmidi",
})  # fmt: skip
RESEARCH_SETS = OPEN_SETS | {
    "piano-midi-de", "nottingham", "openmsx", "adl-piano-midi", "riddim-archive", "vgmidi", "xmidi-subset",
    "ragtime-rag",
}  # fmt: skip
# Not learnt from: emopia is performed freely (no beats), jsb-chorales is a benchmark.

_GENRES = {
    "Blues": "blues", "Classical": "classical", "Country": "country", "Rap": "hiphop", "Hiphop": "hiphop",
    "Jazz": "jazz", "Pop": "pop", "Reggae": "reggae", "Rock": "rock", "Punk": "rock", "Folk": "folk",
    "Ragtime": "ragtime",
    "Soul": "soul", "Funk": "soul", "Funk / Soul": "soul", "Gospel": "religious", "Religious": "religious",
    "Latin": "latin",
    "Afrocuban": "latin", "Soundtracks": "soundtrack", "Stage & Screen": "soundtrack", "Electronic": "electronic",
    "Dance": "electronic", "World": "world", "Afrobeat": "world", "Highlife": "world", "Middleeastern": "world",
    "Folk, World, & Country": "folk", "Children": "children", "Ambient": "ambient", "Neworleans": "jazz",
}  # fmt: skip
_SUBGENRES = (  # the first that fits a subgenre decides
    ("ragtime", "ragtime"), ("disco", "disco"), ("metal", "metal"), ("reggaeton", "latin"), ("reggae", "reggae"),
    ("hip hop", "hiphop"), ("rap", "hiphop"), ("jazz blues", "blues"), ("blues rock", "blues"), ("house", "electronic"),
    ("techno", "electronic"), ("trance", "electronic"), ("rockabilly", "rock"), ("video game", "soundtrack"),
    ("operatic pop", "pop"), ("bossa nova", "latin"), ("lullaby", "children"),
)  # fmt: skip
_QUADRANTS = {
    "Q1": (0.6, 0.6), "Q2": (-0.6, 0.6), "Q3": (-0.6, -0.6), "Q4": (0.6, -0.6),
    "happy": (0.7, 0.4), "angry": (-0.7, 0.7),
}  # fmt: skip
_MOST_OF_A_GENRE = {True: 900, False: 400}  # files of a genre from one set: open sets, others
_HEAVY_GUITARS = {29, 30}


def read_sources(folder: Path) -> list[Source]:
    """The files of all sets; raises :class:`DatasetError` where ``folder`` has no `catalog.csv` or lacks files.

    Both builds share one corpus and one split, so that neither is tested on what the other has learnt.
    """
    catalogue = folder / "catalog.csv"
    try:
        with catalogue.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["set"] in RESEARCH_SETS]
    except (OSError, KeyError) as error:
        raise DatasetError(f"{catalogue}: no catalogue of MIDI sets ({error}); name its folder by --data") from error
    sources = [_source(row, folder) for row in rows]
    missing = [source.path for source in sources[:: max(1, len(sources) // 50)] if not Path(source.path).is_file()]
    if missing or not sources:
        raise DatasetError(f"{missing[0] if missing else folder}: is not there; unpack the sets beside each other")
    sources = [s for s in sources if s.genre and not (s.origin == "pop909" and "/versions/" in s.path)]
    return _capped(sources)


def _source(row: dict[str, str], folder: Path) -> Source:
    genre = _GENRES.get(row["genre"])
    subgenre = row["subgenre"].lower()
    if row["set"] == "adl-piano-midi":
        genre = next((g for word, g in _SUBGENRES if re.search(rf"\b{word}\b", subgenre)), genre)
    programs = {int(p) for p in row["programs"].split()}
    if row["set"] == "freedoom" and programs & _HEAVY_GUITARS:
        genre = "metal"
    mood = _QUADRANTS.get(row["emotion"])  # labelled by people; none of the open sets has such labels
    return Source(str(folder / row["path"]), genre, _group(row), row["set"], _style(row["set"], programs), mood)


def _style(name: str, programs: set[int]) -> str | None:
    if programs == {128}:
        return "drums"
    if name in ("music21-folk", "openewld", "nottingham", "bbloomf-pd-songs"):
        return "lead-sheet"
    return None


def _group(row: dict[str, str]) -> str:
    """Artist, player or piece, as far as the file's place tells."""
    parts = Path(row["path"]).parts
    match row["set"]:
        case "adl-piano-midi":
            return "/".join(parts[3:4]) if row["genre"] != "Unknown" else row["path"]
        case "pop909":
            return parts[2]
        case "weimar-jazz" | "openewld" | "piano-midi-de":
            return parts[2] if len(parts) > 3 else parts[-1].split("_")[0]
        case "groove":
            return "/".join(parts[1:3])
        case "riddim-archive" | "music21-classical" | "ragtime-rag":
            return "/".join(parts[1:3])
        case "music21-folk" | "nottingham":
            return re.sub(r"\W*\d+\W*", " ", parts[-1]).strip().lower() if row["set"] == "music21-folk" else parts[-1]
        case "vgmidi":
            return "_".join(parts[-1].split("_")[:1])
    return parts[-1]


def _capped(sources: list[Source]) -> list[Source]:
    """At most `_MOST_OF_A_GENRE` files of a genre from each set, drawn by a hash of the path."""
    drawn: dict[tuple[str | None, str], list[Source]] = defaultdict(list)
    for source in sources:
        drawn[source.genre, source.origin].append(source)
    kept: set[str] = set()
    for members in drawn.values():
        members.sort(key=lambda s: hashlib.sha256(s.path.rsplit("/", 1)[-1].encode()).digest())
        kept |= {s.path for s in members[: _MOST_OF_A_GENRE[members[0].origin in OPEN_SETS]]}
    return [s for s in sources if s.path in kept]
