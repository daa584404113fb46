"""Any tree with one folder per genre: ``music/jazz/some album/song.flac`` is a jazz track."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from sideman.core.errors import DatasetError
from sideman.core.paths import find_audio
from sideman.datasets.track import Dataset, Track, data_folder, normalise_label


def load(root: str | os.PathLike[str] | None = None) -> Dataset:
    """Read a tree whose first-level folders are the genres; what lies deeper belongs to its first-level folder.

    Hidden files and folders are passed over. Labels are composed (NFC) and may hold spaces, emoji or any script. Where
    the root holds nothing but one folder that itself holds only folders (``archive/genres/blues/...``), that folder is
    taken as the root. Audio files that lie beside the genre folders end up in :attr:`Dataset.unlabelled`. Track ids are
    the paths below the root, with "/".

    Args:
        root: the folder; None means the environment variable SIDEMAN_DATA.

    Raises:
        DatasetError: the folder does not exist or holds no genre folder with audio in it.
    """
    folder = data_folder(root)
    if not folder.is_dir():
        raise DatasetError(f"{folder}: not a folder; give the folder that holds one folder per genre")
    inside = [path.relative_to(folder).parts for path in find_audio([folder])]
    depth = _wrapping(inside)
    tracks: list[Track] = []
    unlabelled: list[Path] = []
    taken = {"/".join(parts[depth:]) for parts in inside}
    for parts in inside:
        path, below = folder.joinpath(*parts), parts[depth:]
        if len(below) < 2:
            unlabelled.append(path)
            continue
        track_id = unicodedata.normalize("NFC", "/".join(below))
        if track_id in taken:  # two spellings of one name, which some file systems keep apart
            track_id = "/".join(below)
        taken.add(track_id)
        tracks.append(Track(path, track_id, normalise_label(below[0]) or below[0]))
    if not tracks:
        hint = "audio files lie there, but in no genre folder" if inside else "no audio file in it"
        raise DatasetError(f"{folder}: {hint}; expected one folder per genre, such as {folder.name}/jazz/song.wav")
    return Dataset("folders", folder, tuple(sorted(tracks, key=lambda t: t.track_id)), unlabelled=tuple(unlabelled))


def _wrapping(inside: list[tuple[str, ...]]) -> int:
    """Return how many leading folders merely wrap the genre folders: one name for all files, and folders within."""
    depth = 0
    while inside and all(len(parts) > depth + 2 for parts in inside) and len({parts[depth] for parts in inside}) == 1:
        depth += 1
    return depth


def empty_genres(root: Path) -> tuple[str, ...]:
    """Return the first-level folders (hidden ones aside) that hold no audio file at any depth, sorted.

    The same leading folders as in :func:`load` are looked through.
    """
    inside = [path.relative_to(root).parts for path in find_audio([root])]
    wrapping = _wrapping(inside)
    top = root.joinpath(*inside[0][:wrapping]) if inside else root
    filled = {parts[wrapping] for parts in inside if len(parts) > wrapping + 1}
    try:
        present = sorted(p.name for p in top.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise DatasetError(f"{top}: cannot be listed ({error.strerror}); check its permissions") from None
    return tuple(normalise_label(name) for name in present if name not in filled)
