"""What every data set is made of: labelled recordings, and the relations that no split may cut."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sideman.core.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Track:
    """One labelled recording on disk.

    Attributes:
        path: the audio file.
        track_id: name of the track, unique within its data set.
        genre: label, in Unicode's composed form (NFC).
        artist: who plays or wrote it; None where unknown.
        title: None where unknown.
        split: part of the split that the data set itself comes with ("train", "valid", "test"); None outside it.
        group: name of a set of tracks that belong together (an album, a concert); None where nothing is declared.
    """

    path: Path
    track_id: str
    genre: str
    artist: str | None = None
    title: str | None = None
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A set of tracks that must stay on one side of any split, and why.

    Attributes:
        kind: "artist", "credit" (a guest appearance), "unnamed" (artist unknown), "repetition", "piece", "group" or
            "near-duplicate".
        name: what the tracks share, for messages.
        members: track ids, two or more.
    """

    kind: str
    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled recordings with what is known of their relations.

    Attributes:
        name: "gtzan", "folders" or "manifest".
        root: folder or file that it was read from.
        tracks: in the order of their ids; ids are unique.
        relations: repetitions and pieces that the data set's own documentation lists.
        unlabelled: audio files under ``root`` that have no genre and are therefore no tracks.
    """

    name: str
    root: Path
    tracks: tuple[Track, ...]
    relations: tuple[Relation, ...] = ()
    unlabelled: tuple[Path, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Hold every id to be unique."""
        twice = [name for name, count in Counter(t.track_id for t in self.tracks).items() if count > 1]
        if twice:
            raise DatasetError(f"{self.root}: track {twice[0]!r} is listed twice; give every track one entry")

    @property
    def genres(self) -> tuple[str, ...]:
        """Labels that occur, sorted."""
        return tuple(sorted({track.genre for track in self.tracks}))

    def counts(self) -> dict[str, int]:
        """Number of tracks per genre, in the order of :attr:`genres`."""
        count = Counter(track.genre for track in self.tracks)
        return {genre: count[genre] for genre in self.genres}

    def by_id(self) -> dict[str, Track]:
        """Tracks by their id."""
        return {track.track_id: track for track in self.tracks}


def normalise_label(text: str) -> str:
    """Return a genre name in composed form (NFC) without outer or doubled white space; emoji and case stay."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def printable(text: object) -> str:
    r"""Return a path or name fit for any terminal and file: bytes that are no text show as ``\\udcff``."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def artist_key(artist: str) -> str:
    """Return the form of an artist's name by which spellings are compared.

    Case, accents, punctuation, white space and a leading "The" do not count, and "&" reads "and": "Earth, Wind & Fire"
    equals "Earth Wind and Fire". A name of symbols only stays as it is.
    """
    plain = unicodedata.normalize("NFKD", artist).casefold().replace("&", " and ")
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.sub(r"['’.]", "", plain)
    words = " ".join(re.sub(r"[^\w]", " ", words).split()).removeprefix("the ")
    return words or " ".join(artist.casefold().split())


_JOINTS = re.compile(r"\s*[,;/&+]\s*|\s+(?:and|with|feat\.?|ft\.?|featuring|vs\.?|x)\s+", re.IGNORECASE)


def artist_relations(tracks: Iterable[Track]) -> tuple[Relation, ...]:
    """Relate the tracks of each named artist, and guest appearances with the guest's own tracks.

    "Barbra Streisand and Donna Summer" is related to "Donna Summer" where that name has tracks of its own; a band whose
    name merely holds an "and" stays whole.

    Returns:
        Relations of the kinds "artist" and "credit", in the order of the artists' keys; sets of one are left out.
    """
    own: dict[str, list[Track]] = {}
    for track in tracks:
        if track.artist:
            own.setdefault(artist_key(track.artist), []).append(track)
    guests: dict[str, list[str]] = {}
    for key, theirs in own.items():
        for track in theirs:
            parts = {artist_key(part) for part in _JOINTS.split(track.artist or "") if part.strip()}
            for part in parts & own.keys() - {key}:
                guests.setdefault(part, []).append(track.track_id)
    relations = []
    for key in sorted(own):
        members = tuple(sorted(track.track_id for track in own[key]))
        if len(members) > 1:
            relations.append(Relation("artist", own[key][0].artist or key, members))
        if key in guests:
            relations.append(Relation("credit", own[key][0].artist or key, tuple(sorted({*guests[key], *members}))))
    return tuple(relations)


def unnamed_relations(tracks: Iterable[Track]) -> tuple[Relation, ...]:
    """Relate, per genre, all tracks whose artist is unknown: any two of them may be by one artist."""
    unnamed: dict[str, list[str]] = {}
    for track in tracks:
        if not track.artist:
            unnamed.setdefault(track.genre, []).append(track.track_id)
    return tuple(
        Relation("unnamed", f"{genre}, artist unknown", tuple(sorted(ids)))
        for genre, ids in sorted(unnamed.items())
        if len(ids) > 1
    )


def group_relations(tracks: Iterable[Track]) -> tuple[Relation, ...]:
    """Relate tracks that name the same :attr:`Track.group`."""
    groups: dict[str, list[str]] = {}
    for track in tracks:
        if track.group:
            groups.setdefault(track.group, []).append(track.track_id)
    return tuple(Relation("group", name, tuple(sorted(ids))) for name, ids in sorted(groups.items()) if len(ids) > 1)


def relations_of(dataset: Dataset) -> tuple[Relation, ...]:
    """Return everything that is declared to belong together in a data set.

    Artists (with guest appearances), tracks without a named artist per genre, declared groups, and the data set's own
    list of repetitions and pieces. Where no track of the data set names an artist, artists are simply not known of and
    no relation is made from that: it would put every genre into one group.
    """
    named = any(track.artist for track in dataset.tracks)
    of_artists = (*artist_relations(dataset.tracks), *unnamed_relations(dataset.tracks)) if named else ()
    return (*of_artists, *group_relations(dataset.tracks), *dataset.relations)


def restrict(relations: Sequence[Relation], present: Mapping[str, object] | Iterable[str]) -> tuple[Relation, ...]:
    """Cut relations down to the tracks in ``present``; sets that keep fewer than two are dropped."""
    have = set(present)
    cut = (Relation(r.kind, r.name, tuple(m for m in r.members if m in have)) for r in relations)
    return tuple(relation for relation in cut if len(relation.members) > 1)


def data_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder that is named by ``given`` or, failing that, by the environment variable SIDEMAN_DATA.

    Raises:
        DatasetError: neither names anything, or what is named does not exist.
    """
    named = os.fspath(given) if given is not None else os.environ.get("SIDEMAN_DATA", "")
    if not named:
        raise DatasetError("no data set named: give its folder or set SIDEMAN_DATA")
    path = Path(named).expanduser()
    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder; give the folder that holds the data set")
    return path
