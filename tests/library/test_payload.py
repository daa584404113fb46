"""The identity of a recording: no tag changes it, every byte of sound does."""

import mutagen
import mutagen.apev2
import mutagen.flac
import mutagen.id3 as id3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import AudioError
from sideman.library.payload import audio_hash
from tests.audio.soundfiles import KINDS, id3v1, id3v2, sample

TAGGED = (
    "mp3", "mp3-without-length", "flac-16", "flac-24", "ogg-vorbis", "ogg-opus", "ogg-flac", "m4a-aac", "m4a-alac",
    "mov-pcm", "wav-16", "wav-float", "wav-extensible", "wav-ima", "aiff-16", "aiff-float", "wma", "wavpack",
)  # fmt: skip


def write(folder, kind, data=None):
    path = folder / f"{kind}.{KINDS[kind][0]}"
    path.write_bytes(sample(kind) if data is None else data)
    return path


def put_tags(path, text):
    tags = mutagen.File(path)
    if tags.tags is None:
        tags.add_tags()
    if isinstance(tags.tags, id3.ID3):
        tags.tags.add(id3.TIT2(encoding=3, text=[text]))
        tags.tags.add(id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=b"\xff\xfb\x90\x64" * 500))
    elif path.suffix in (".m4a", ".mov"):
        tags["\xa9nam"], tags["covr"] = [text], [b"\x89PNG" * 1000]
    else:
        tags["title"] = [text]
    tags.save()


@pytest.mark.parametrize("kind", TAGGED)
@pytest.mark.parametrize("text", ["short", "x" * 70_000])
def test_writing_and_removing_tags_leaves_the_hash(tmp_path, kind, text):
    path = write(tmp_path, kind)
    before = audio_hash(path)
    put_tags(path, text)
    assert path.read_bytes() != sample(kind)
    assert audio_hash(path) == before
    tags = mutagen.File(path)
    tags.delete()
    assert audio_hash(path) == before


@settings(max_examples=25, deadline=None)
@given(kind=st.sampled_from(TAGGED), text=st.text(min_size=1, max_size=2000).filter(lambda t: "\0" not in t))
def test_any_text_in_a_tag_leaves_the_hash(tmp_path_factory, kind, text):
    path = write(tmp_path_factory.mktemp("any"), kind)
    before = audio_hash(path)
    put_tags(path, text.encode("utf-8", "replace").decode())
    assert audio_hash(path) == before


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_another_byte_of_sound_is_another_hash(tmp_path, kind):
    data = bytearray(sample(kind))
    before = audio_hash(write(tmp_path, kind))
    # the sound fills nearly all of these files, whichever end has the tables
    data[len(data) * 6 // 10] ^= 1
    assert audio_hash(write(tmp_path, kind, data)) != before


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_cut_file_has_a_hash_of_its_own(tmp_path, kind):
    whole = audio_hash(write(tmp_path, kind))[0]
    data = sample(kind)
    for length in (1, 10, 50, len(data) // 2, len(data) - 1):
        digest, container = audio_hash(write(tmp_path, kind, data[:length]))
        assert len(digest) == 40
        assert 0 < len(container) <= 16
        assert digest != whole or length == len(data) - 1


def ape(text):
    item = len(text).to_bytes(4, "little") + bytes(4) + b"Title\0" + text
    numbers = [2000, len(item) + 32, 1]
    head = b"APETAGEX" + b"".join(n.to_bytes(4, "little") for n in numbers)
    return (
        head + (0xA0000000).to_bytes(4, "little") + bytes(8) + item + head + (1 << 31).to_bytes(4, "little") + bytes(8)
    )


LYRICS2 = b"LYRICSBEGININD0000200LYR00005hello" + b"000034" + b"LYRICS200"
LYRICS1 = b"LYRICSBEGIN" + b"la la la" + b"LYRICSEND"
APPENDED = b"ID3\x04\0\x10\0\0\0\x14" + b"TIT2\0\0\0\x0a\0\0\x03hello you" + b"3DI\x04\0\x10\0\0\0\x14"


@pytest.mark.parametrize(
    ("front", "end"),
    [
        (id3v2(500), b""),
        (id3v2(500) + id3v2(90), id3v1()),
        (b"", ape(b"x" * 300)),
        (b"", ape(b"x") + id3v1()),
        (id3v2(9), ape(b"x") + LYRICS2 + id3v1()),
        (b"", LYRICS1 + id3v1()),
        (b"", b"TAG+" + bytes(223) + id3v1()),
        (b"", APPENDED),
        (ape(b"in front"), APPENDED + id3v1()),
    ],
)
@pytest.mark.parametrize("kind", ["mp3", "aac", "wavpack"])
def test_all_tags_round_a_stream_are_no_part_of_it(tmp_path, kind, front, end):
    before = audio_hash(write(tmp_path, kind))[0]
    assert audio_hash(write(tmp_path, kind, front + sample(kind) + end))[0] == before


def test_flac_with_id3_round_it(tmp_path):
    before = audio_hash(write(tmp_path, "flac-16"))
    assert audio_hash(write(tmp_path, "flac-16", id3v2(4000) + sample("flac-16") + id3v1())) == before


def test_the_container_is_part_of_the_hash(tmp_path):
    # w64 and wav of the same recording hold the same bytes of samples
    assert audio_hash(write(tmp_path, "wav-16"))[0] != audio_hash(write(tmp_path, "w64"))[0]


@pytest.mark.parametrize("kind", ["ogg-vorbis", "ogg-opus"])
def test_ogg_paging_is_no_part_of_it(tmp_path, kind):
    """The same packets on other pages: what rewriting a longer comment does to all pages behind."""
    before = audio_hash(write(tmp_path, kind))
    assert audio_hash(write(tmp_path, kind, repaged(sample(kind)))) == before


def repaged(data):
    """Every page of several segments as two pages; checksums are left out, for nothing here reads them."""
    at, out = 0, b""
    while at < len(data):
        head, n = data[at : at + 26], data[at + 26]
        lacing = data[at + 27 : at + 27 + n]
        body = data[at + 27 + n : at + 27 + n + sum(lacing)]
        at += 27 + n + len(body)
        half = n // 2
        first = body[: sum(lacing[:half])]
        if half:
            out += head + bytes([half]) + lacing[:half] + first
            head = head[:5] + bytes([head[5] & ~2]) + head[6:]
        out += head + bytes([n - half]) + lacing[half:] + body[len(first) :]
    return out


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "long.wav"
    size = 300 << 20
    with path.open("wb") as file:
        fmt = b"\x01\0\x02\0\x44\xac\0\0\x10\xb1\2\0\4\0\x10\0"
        file.write(b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0" + fmt)
        file.write(b"data" + size.to_bytes(4, "little"))
        file.truncate(size + 44)
    import tracemalloc

    tracemalloc.start()
    audio_hash(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_what_cannot_be_hashed_says_why(tmp_path):
    (tmp_path / "empty.mp3").touch()
    for path, why in ((tmp_path / "empty.mp3", "empty"), (tmp_path, "folder"), (tmp_path / "none.mp3", "no such file")):
        with pytest.raises(AudioError, match=why):
            audio_hash(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
def test_a_damaged_file_still_has_a_hash(tmp_path_factory, data, kind):
    damaged = bytearray(sample(kind)[:20_000])
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.mktemp("damaged"), kind, damaged)
    assert len(audio_hash(path)[0]) == 40
