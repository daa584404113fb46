"""ID3v2 as it is found in the wild: every odd way of writing a tag is read, and loses nothing when it is changed."""

import io
import zlib

import mutagen.id3
import pytest

from sideman.core.errors import LibraryError
from sideman.library.tags import id3

NEW = {"genre": ["Hip-Hop"], "mood": ["Calm"], "bpm": ["93"], "key": ["Dm"]}
PICTURE = b"\0image/jpeg\0\3\0" + b"\xff\xd8\xff\x00\xff\xe0" * 60


def plain(name, body, flags=b"\0\0"):
    return name + len(body).to_bytes(4, "big") + flags + body


def packed(name, body, flags=b"\0\0"):
    return name + id3.safe(len(body)) + flags + body


def unsynchronised(data):
    out = bytearray()
    for i, byte in enumerate(data):
        out.append(byte)
        if byte == 0xFF and (i + 1 == len(data) or data[i + 1] == 0 or data[i + 1] >= 0xE0):
            out.append(0)
    return bytes(out)


def tag_of(version, body, flags=0, end=b""):
    return b"ID3" + bytes([version, 0, flags]) + id3.safe(len(body)) + body + end


TITLE, GENRE = b"\1\xff\xfeT\0i\0t\0l\0e\0", b"\1\xff\xfeJ\0a\0z\0z\0\0\0F\0u\0n\0k\0"
TAGS = {
    "v2.3": tag_of(3, plain(b"TIT2", TITLE) + plain(b"TCON", GENRE) + plain(b"APIC", PICTURE) + bytes(99)),
    "v2.3 unsynchronised": tag_of(
        3, unsynchronised(plain(b"TIT2", TITLE) + plain(b"TCON", GENRE) + plain(b"APIC", PICTURE)), 0x80
    ),
    "v2.3 with an extended header": tag_of(
        3, b"\0\0\0\6\0\0\0\0\0\0" + plain(b"TIT2", TITLE) + plain(b"TCON", GENRE) + plain(b"APIC", PICTURE), 0x40
    ),
    "v2.3 with a packed genre": tag_of(
        3,
        plain(b"TIT2", TITLE)
        + plain(b"TCON", len(GENRE).to_bytes(4, "big") + zlib.compress(GENRE), b"\0\x80")
        + plain(b"APIC", PICTURE),
    ),
    "v2.4": tag_of(4, packed(b"TIT2", TITLE) + packed(b"TCON", b"\3Jazz\0Funk\0") + packed(b"APIC", PICTURE)),
    "v2.4 unsynchronised": tag_of(
        4,
        packed(b"TIT2", unsynchronised(TITLE), b"\0\2")
        + packed(b"TCON", unsynchronised(GENRE), b"\0\2")
        + packed(b"APIC", unsynchronised(PICTURE), b"\0\2"),
        0x80,
    ),
    "v2.4 with a footer": tag_of(
        4,
        packed(b"TIT2", TITLE) + packed(b"TCON", GENRE) + packed(b"APIC", PICTURE),
        0x10,
        b"3DI\4\0\x10" + id3.safe(30 + len(TITLE + GENRE + PICTURE)),
    ),
    "v2.4 with an extended header": tag_of(
        4, id3.safe(6) + b"\1\0" + packed(b"TIT2", TITLE) + packed(b"TCON", GENRE) + packed(b"APIC", PICTURE), 0x40
    ),
    "v2.4 with groups and lengths": tag_of(
        4,
        packed(b"TIT2", TITLE)
        + packed(b"TCON", b"\x07" + id3.safe(len(GENRE)) + GENRE, b"\0\x41")
        + packed(b"APIC", PICTURE),
    ),
    "v2.4 by old iTunes": tag_of(4, plain(b"TIT2", TITLE) + plain(b"APIC", PICTURE) + plain(b"TCON", GENRE)),
    "v2.4 without a mark of order": tag_of(
        4, packed(b"TIT2", TITLE) + packed(b"TCON", b"\1J\0a\0z\0z\0\0\0F\0u\0n\0k\0") + packed(b"APIC", PICTURE)
    ),
}


def by_mutagen(data):
    return mutagen.id3.ID3(fileobj=io.BytesIO(data + bytes(2000)), translate=False, load_v1=False)


@pytest.mark.parametrize("name", TAGS)
def test_a_tag_is_read_and_changed_and_changed_back(name):
    data = TAGS[name]
    tag = id3.parse(data)
    assert tag.size == len(data)
    assert id3.current(tag) == {"genre": ["Jazz", "Funk"], "mood": [], "bpm": [], "key": []}
    others = id3.others(tag)
    assert len(others) == 2
    id3.change(tag, NEW)
    changed = id3.render(tag, tag.size)
    again = id3.parse(changed)
    assert (id3.current(again), id3.others(again), again.version) == (NEW, others, data[3])
    seen, before = by_mutagen(changed), by_mutagen(data)
    assert seen["TIT2"].text == ["Title"]
    assert seen["APIC:"].data == before["APIC:"].data
    assert seen["TCON"].text == ["Hip-Hop"]
    id3.change(again, {"genre": ["Jazz", "Funk"], "mood": [], "bpm": [], "key": []})
    assert id3.others(id3.parse(id3.render(again))) == others


def test_an_encrypted_frame_is_kept_and_an_encrypted_genre_is_refused():
    secret = packed(b"TIT2", b"\x80secret", b"\0\4")
    tag = id3.parse(tag_of(4, secret))
    id3.change(tag, NEW)
    assert secret in id3.render(tag)
    with pytest.raises(LibraryError, match="encrypted"):
        id3.current(id3.parse(tag_of(4, packed(b"TCON", b"\x80secret", b"\0\4"))))


def test_a_tag_without_frames_is_no_tag():
    tag = id3.parse(tag_of(3, bytes(100)))
    assert id3.render(tag, tag.size) == b""


def test_a_packed_frame_that_unfolds_without_end_is_cut():
    bomb = zlib.compress(bytes(50 << 20))
    tag = id3.parse(tag_of(4, packed(b"TCON", id3.safe(1000) + bomb, b"\0\x09")))
    assert id3.current(tag)["genre"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"TIT2\0\0\0\x7f\0\0",
        b"TIT2\0\0\0\2\0\0\0a" + b"\0\0\0junk behind the padding",
        b"tit2\0\0\0\2\0\0\0a",
        plain(b"TIT2", b"\0a") + b"TPE1\0",
    ],
)
@pytest.mark.parametrize("version", [3, 4])
def test_frames_that_do_not_fit_are_refused(version, body):
    with pytest.raises(LibraryError, match="damaged"):
        id3.parse(tag_of(version, body))


def test_a_cut_tag_is_refused():
    with pytest.raises(LibraryError, match="cut off"):
        id3.parse(TAGS["v2.3"][:100])
