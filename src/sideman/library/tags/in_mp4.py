"""iTunes' atoms in MP4 (m4a, m4b, mp4): only the atoms of the fields are made anew; the sound does not move if it can.

Where it must move, the tables that say where it lies are moved with it.
"""

from __future__ import annotations

from typing import BinaryIO

from sideman.core.errors import LibraryError
from sideman.library import boxes
from sideman.library.tags.formats import Values, copy, digest, size_of, stretch
from sideman.library.tags.mp4tree import DAMAGED, HANDLER, Box, list_of_tags, move, read_moov, split

WHOLE_BPM = True
_ITUNES = b"com.apple.iTunes"
_GENRE, _NUMBERED_GENRE, _TEMPO, _OWN = b"\xa9gen", b"gnre", b"tmpo", b"----"
_PLACES = {
    "genre": ("\xa9gen", "gnre"),
    "mood": ("----:MOOD",),
    "bpm": ("tmpo", "----:BPM"),
    "key": ("----:INITIALKEY", "----:KEY"),
}
_NEW_NAMES = {"mood": b"MOOD", "key": b"initialkey"}
_TEXT, _UTF16, _INTEGER = 1, 2, 21


def current(file: BinaryIO) -> Values:
    """See :class:`~sideman.library.tags.formats.Format`."""
    atoms = _atoms(read_moov(file)[1])
    return {name: _values(atoms, _place(atoms, name)) for name in _PLACES}


def others(file: BinaryIO) -> list[str]:
    """See :class:`~sideman.library.tags.formats.Format`."""
    part, moov = read_moov(file)
    atoms = _atoms(moov)
    ours = {_place(atoms, name) for name in _PLACES}
    found = [digest(_key(atom), atom.body) for atom in atoms if _key(atom) not in ours]
    for path, box in moov.leaves():
        made = box.name == b"hdlr" and box.body == HANDLER
        if not path.startswith("/udta/meta/ilst/") and box.name not in (b"free", b"stco", b"co64") and not made:
            found.append(digest(path, box.body))
    for top in boxes.mp4(file, 0, size_of(file)):
        if top.name not in (b"mdat", b"free") and top.at != part.at:
            found += stretch(top.name.decode("latin-1"), file, top.start, top.end)
    return found


def rewrite(file: BinaryIO, changes: Values, out: BinaryIO) -> None:
    """See :class:`~sideman.library.tags.formats.Format`."""
    part, moov = read_moov(file)
    listed = list_of_tags(moov, make=True)
    assert listed is not None
    atoms = _atoms(moov)
    for name, values in changes.items():
        place = _place(atoms, name)
        old = [i for i, atom in enumerate(atoms) if _key(atom) == place]
        at = old[0] if old else len(atoms)
        new = [_atom(name, place, values, atoms[at] if old else None)] if values else []
        atoms = [atom for i, atom in enumerate(atoms) if i not in old]
        atoms[at:at] = new
    listed.children = atoms
    whole = part.end - part.at
    _use_free(moov, len(moov.to_bytes()) - whole)
    grown = len(moov.to_bytes()) - whole
    end, size = part.end, size_of(file)
    behind = next((top for top in boxes.mp4(file, end, size)), None)
    free = b""
    if grown and behind is not None and behind.name == b"free" and 8 <= behind.end - end - grown < 1 << 31:
        room = behind.end - end - grown
        free, end, grown = room.to_bytes(4, "big") + b"free" + bytes(room - 8), behind.end, 0
    if grown and any(top.name == b"mdat" for top in boxes.mp4(file, end, size)):
        if any(top.name in (b"moof", b"sidx") for top in boxes.mp4(file, 0, size)):
            raise LibraryError("it is in fragments, without room for tags; ffmpeg -c copy makes it a plain file")
        move(moov, grown, part.end)
    copy(file, 0, part.at, out)
    out.write(moov.to_bytes() + free)
    copy(file, end, size, out)


def _use_free(moov: Box, grown: int) -> None:
    """Take growth from a free box beside the list of tags, or give it what the list no longer needs."""
    udta = moov.child(b"udta")
    meta = udta.child(b"meta") if udta else None
    if meta is None or meta.children is None or not grown:
        return
    free = meta.child(b"free")
    if free is not None and len(free.body) >= grown:
        free.body = bytes(len(free.body) - grown)
    elif free is None and grown <= -8:
        meta.children.append(Box(b"free", bytes(-grown - 8)))


def _atoms(moov: Box) -> list[Box]:
    listed = list_of_tags(moov)
    return list(listed.children or []) if listed else []


def _key(atom: Box) -> str:
    """The atom's name; "----:NAME" in capitals for one of a user's own."""
    if atom.name != _OWN:
        return atom.name.decode("latin-1")
    inside = split(atom.body)
    named = {box.name: box.body[4:] for box in (inside[0] if inside else [])}
    name = named.get(b"name", b"").decode("utf-8", "replace")
    if named.get(b"mean") != _ITUNES:
        return f"----:{named.get(b'mean', b'').decode('utf-8', 'replace')}:{name}"
    return f"----:{name.upper()}"


def _place(atoms: list[Box], name: str) -> str:
    there = {_key(atom) for atom in atoms}
    return next((place for place in _PLACES[name] if place in there), _PLACES[name][0])


def _values(atoms: list[Box], place: str) -> list[str]:
    found: list[str] = []
    for atom in atoms:
        if _key(atom) != place:
            continue
        inside = split(atom.body)
        if inside is None:
            raise LibraryError(DAMAGED)
        for box in inside[0]:
            if box.name == b"data" and len(box.body) >= 8:
                found.append(_value(atom.name, box.body[3], box.body[8:]))
    return [value for value in found if value.strip()]


def _value(name: bytes, kind: int, data: bytes) -> str:
    if name == _NUMBERED_GENRE:
        from sideman.library.tags.parsers import GENRES

        number = int.from_bytes(data[:2], "big") - 1
        return GENRES[number] if 0 <= number < len(GENRES) else ""
    if name == _TEMPO:
        number = int.from_bytes(data, "big")
        return str(number) if number else ""  # iTunes writes 0 for none
    return data.decode("utf-16-be" if kind == _UTF16 else "utf-8", "replace")


def _atom(name: str, place: str, values: list[str], old: Box | None) -> Box:
    if place == "tmpo":
        try:
            number = round(float(values[0]))
        except ValueError:
            number = -1
        if not 0 < number < 1 << 31:
            raise LibraryError(f"{values[0][:20]!r} is no tempo that an m4a file can hold")
        return Box(_TEMPO, _data(_INTEGER, number.to_bytes(2 if number < 1 << 15 else 4, "big")))
    data = b"".join(_data(_TEXT, value.encode("utf-8")) for value in values)
    if not place.startswith("----"):
        return Box(_GENRE, data)
    inside = split(old.body) if old else None
    if inside is not None:
        front = b"".join(box.to_bytes() for box in inside[0] if box.name in (b"mean", b"name"))
    else:
        front = Box(b"mean", bytes(4) + _ITUNES).to_bytes() + Box(b"name", bytes(4) + _NEW_NAMES[name]).to_bytes()
    return Box(_OWN, front + data)


def _data(kind: int, value: bytes) -> bytes:
    return Box(b"data", kind.to_bytes(4, "big") + bytes(4) + value).to_bytes()
