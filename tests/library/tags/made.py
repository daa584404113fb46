"""Sound files with rich tags in every format that is written, and a library that knows them."""

import struct

import mutagen
import mutagen.apev2
import mutagen.flac
import mutagen.id3 as id3
import mutagen.mp4

from sideman.library.filetags import columns
from sideman.library.pathtext import to_text
from sideman.library.payload import audio_hash
from sideman.library.schema import analyses, files
from sideman.library.store import open_store
from sideman.library.tags.read import read_tags
from tests.audio.soundfiles import sample

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 12 + b"\xff\xd9"
TITLE, ARTIST = "Prélude à l’après-midi 夜", "Ñandú & Søn"


def mp3_v24(path):
    path.write_bytes(sample("mp3"))
    tag = _id3()
    tag.add(id3.TCON(encoding=3, text=["Jazz", "Fusion"]))
    tag.save(path)


def mp3_v23(path):
    path.write_bytes(sample("mp3"))
    tag = _id3(encoding=1)
    tag.add(id3.TBPM(encoding=0, text=["93"]))
    tag.update_to_v23()
    tag.save(path, v2_version=3, v23_sep=None)
    _add_frame(path, b"ZZZZ", b"nobody knows this frame")


def mp3_v22(path):
    """A tag as the first iTunes wrote it: three-letter frames."""
    frames = _v22(b"TT2", b"\0A title") + _v22(b"TP1", b"\0An artist") + _v22(b"TEN", b"\0iTunes v2.0")
    frames += _v22(b"PIC", b"\0JPG\3\0" + PICTURE) + _v22(b"ZZ9", b"unknown")
    body = frames + bytes(64)
    path.write_bytes(b"ID3\2\0\0" + _safe(len(body)) + body + sample("mp3"))


def mp3_v1(path):
    path.write_bytes(sample("mp3") + _v1())


def mp3_all(path):
    """ID3v2.4, APEv2 and ID3v1 at once, all saying something else."""
    path.write_bytes(sample("mp3"))
    ape = mutagen.apev2.APEv2()
    ape["Title"], ape["Rating"] = "in APE", "5"
    ape.save(path)
    _id3().save(path)
    path.write_bytes(path.read_bytes() + _v1())


def mp3_ape(path):
    path.write_bytes(sample("mp3"))
    _ape(path)


def mp3_bare(path):
    path.write_bytes(sample("mp3-without-length"))


def flac(path):
    path.write_bytes(sample("flac-16"))
    tags = mutagen.flac.FLAC(path)
    _comments(tags)
    picture = mutagen.flac.Picture()
    picture.data, picture.type, picture.mime = PICTURE, 3, "image/jpeg"
    tags.add_picture(picture)
    tags.save()


def flac_bare(path):
    """FLAC without comments or padding, as some encoders leave it."""
    path.write_bytes(sample("flac-24"))
    tags = mutagen.flac.FLAC(path)
    tags.delete()
    tags.save(padding=lambda _: 0)


def ogg(path):
    path.write_bytes(sample("ogg-vorbis"))
    _ogg(path)


def opus(path):
    path.write_bytes(sample("ogg-opus"))
    _ogg(path)


def ogg_flac(path):
    path.write_bytes(sample("ogg-flac"))
    _ogg(path)


def m4a(path):
    path.write_bytes(sample("m4a-aac"))
    _atoms(path)


def m4a_front(path):
    """What is sold for streaming: the tables before the sound, and no room between."""
    data = sample("m4a-alac")
    path.write_bytes(faststart(data))
    _atoms(path, padding=0)


def wav(path):
    path.write_bytes(sample("wav-16"))
    _chunk(path)
    _append_chunk(path, b"LIST", b"INFOIART" + struct.pack("<I", 4) + b"Info")


def wav_odd(path):
    """A mono recording of an odd number of bytes, without tags."""
    from tests.audio.soundfiles import wav as by_hand

    path.write_bytes(by_hand(bytes(range(128, 256)) * 101 + b"\x80", bits=8) + b"\0")


def aiff(path):
    path.write_bytes(sample("aiff-16"))
    _chunk(path)


def wavpack(path):
    path.write_bytes(sample("wavpack"))
    _ape(path)


KINDS = {
    "mp3_v24": (mp3_v24, "mp3"), "mp3_v23": (mp3_v23, "mp3"), "mp3_v22": (mp3_v22, "mp3"), "mp3_v1": (mp3_v1, "mp3"),
    "mp3_all": (mp3_all, "mp3"), "mp3_ape": (mp3_ape, "mp3"), "mp3_bare": (mp3_bare, "mp3"), "flac": (flac, "flac"),
    "flac_bare": (flac_bare, "flac"), "ogg": (ogg, "ogg"), "opus": (opus, "opus"), "ogg_flac": (ogg_flac, "oga"),
    "m4a": (m4a, "m4a"), "m4a_front": (m4a_front, "m4a"), "wav": (wav, "wav"), "wav_odd": (wav_odd, "wav"),
    "aiff": (aiff, "aiff"), "wavpack": (wavpack, "wv"),
}  # fmt: skip


def make(kind, folder):
    """A new file of a kind in a folder."""
    maker, suffix = KINDS[kind]
    path = folder / f"{kind} é.{suffix}"
    maker(path)
    return path


HEARD = dict(  # noqa: C408
    state="done", version=1, model="0" * 64, analysed_at=1.7e9, duration_s=0.5, genre="hiphop", genre_probability=0.7,
    unsure=False, not_music=0.0, probabilities={"hiphop": 0.7, "jazz": 0.25, "blues": 0.05}, valence=0.5, arousal=-0.7,
    mood="calm", mood_confidence=0.8, tempo_bpm=93.4, tempo_confidence=0.9, key="D minor", key_confidence=0.8,
    loudness_lufs=-14.0, peak_db=-1.0,
)  # fmt: skip


def library(database, paths, **heard):
    """A library in which these files were scanned and heard."""
    store = open_store(database)
    known = set()
    with store.write() as connection:
        for path in paths:
            digest, container = audio_hash(path)
            status = path.stat()
            connection.execute(
                files.insert().values(
                    path=to_text(path), size=status.st_size, mtime_ns=str(status.st_mtime_ns), audio_hash=digest,
                    container=container, added_at=1.7e9, n_path=str(path).casefold(), **columns(read_tags(path)),
                )
            )  # fmt: skip
            if digest not in known:
                connection.execute(analyses.insert().values(audio_hash=digest, **{**HEARD, **heard}))
            known.add(digest)
    return store


def faststart(data):
    """An MP4 file with its moov box moved before the sound, and the tables moved with it."""
    tops, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        tops.append((data[at + 4 : at + 8], data[at : at + size]))
        at += size
    boxes = {name: box for name, box in tops if name != b"free"}
    moov = bytearray(boxes[b"moov"])
    was = data.index(b"mdat") - 4
    shift = len(boxes[b"ftyp"]) + len(moov) - was
    table = moov.index(b"stco")
    for i in range(int.from_bytes(moov[table + 8 : table + 12], "big")):
        place = table + 12 + 4 * i
        moov[place : place + 4] = (int.from_bytes(moov[place : place + 4], "big") + shift).to_bytes(4, "big")
    return boxes[b"ftyp"] + bytes(moov) + boxes[b"mdat"]


def _id3(encoding=3):
    tag = id3.ID3()
    tag.add(id3.TIT2(encoding=encoding, text=[TITLE]))
    tag.add(id3.TPE1(encoding=encoding, text=[ARTIST, "Second"]))
    tag.add(id3.TDRC(encoding=0, text=["1994"]))
    tag.add(id3.TRCK(encoding=0, text=["3/12"]))
    tag.add(id3.TXXX(encoding=encoding, desc="MusicBrainz Album Id", text=["5b11f4ce", "two"]))
    tag.add(id3.COMM(encoding=encoding, lang="eng", desc="", text=["a comment\nof two lines"]))
    tag.add(id3.USLT(encoding=encoding, lang="deu", desc="", text="Verse\n" * 200))
    tag.add(id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=PICTURE))
    tag.add(id3.PRIV(owner="somebody", data=b"\xff\x00\xff\xe0private"))
    tag.add(id3.UFID(owner="http://musicbrainz.org", data=b"6f9c8c32"))
    return tag


def _add_frame(path, name, body):
    """Put an unknown frame into the padding of an ID3v2.3 tag."""
    data = bytearray(path.read_bytes())
    at = 10
    while data[at]:
        at += 10 + int.from_bytes(data[at + 4 : at + 8], "big")
    frame = name + len(body).to_bytes(4, "big") + bytes(2) + body
    data[at : at + len(frame)] = frame
    path.write_bytes(data)


def _v22(name, body):
    return name + len(body).to_bytes(3, "big") + body


def _v1():
    fields = b"Old title".ljust(30, b"\0") + b"Old artist".ljust(30, b"\0") + b"Old album".ljust(30, b"\0") + b"1987"
    return b"TAG" + fields + b"old comment".ljust(28, b"\0") + b"\0\x07" + b"\xff"


def _safe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _comments(tags):
    tags["title"], tags["artist"], tags["Genre"] = TITLE, [ARTIST, "Second"], ["Soul", "Funk"]
    tags["DATE"], tags["replaygain_track_gain"] = "1994-05", "-7.03 dB"


def _ogg(path):
    tags = mutagen.File(path)
    _comments(tags)
    tags["metadata_block_picture"] = "QUJD" * 20_000  # longer than one page
    tags.save()


def _ape(path):
    ape = mutagen.apev2.APEv2()
    ape["Title"], ape["Artist"] = TITLE, [ARTIST, "Second"]
    ape["Cover Art (Front)"] = mutagen.apev2.APEValue(b"cover.jpg\0" + PICTURE, mutagen.apev2.BINARY)
    ape.save(path)


def _atoms(path, padding=None):
    tags = mutagen.mp4.MP4(path)
    tags["\xa9nam"], tags["\xa9ART"], tags["trkn"] = [TITLE], [ARTIST], [(3, 12)]
    tags["covr"] = [mutagen.mp4.MP4Cover(PICTURE, mutagen.mp4.MP4Cover.FORMAT_JPEG)]
    tags["----:com.apple.iTunes:MusicBrainz Album Id"] = [b"5b11f4ce"]
    tags["\xa9gen"] = ["Soul"]
    tags.save(padding=(lambda _: padding) if padding is not None else None)


def _chunk(path):
    tags = mutagen.File(path)
    tags.add_tags()
    for frame in _id3().values():
        tags.tags.add(frame)
    tags.save()


def _append_chunk(path, name, body):
    data = bytearray(path.read_bytes() + name + struct.pack("<I", len(body)) + body)
    data[4:8] = struct.pack("<I", len(data) - 8)
    path.write_bytes(data)
