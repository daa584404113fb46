"""Every format: the four fields are written, read by another program, and taken out again; nothing else changes."""

import shutil

import mutagen
import mutagen.flac
import mutagen.id3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.audio.decode import load
from sideman.core.errors import LibraryError
from sideman.library.payload import audio_hash
from sideman.library.tags import checks
from sideman.library.tags.formats import FIELDS, format_of
from sideman.library.tags.read import read_tags
from tests.library.tags.made import KINDS, PICTURE, TITLE, make

NEW = {"genre": ["Hip-Hop", "Électro 日本"], "mood": ["Calm"], "bpm": ["128"], "key": ["F#m"]}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return {kind: make(kind, folder) for kind in KINDS}


def rewritten(path, changes, target):
    with path.open("rb") as file, target.open("w+b") as out:
        format_of(file).rewrite(file, changes, out)
    return target


def snapshot(path):
    with path.open("rb") as file:
        return checks.snapshot(file)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_written_and_nothing_else_changes(originals, tmp_path, kind):
    path = originals[kind]
    before = snapshot(path)
    new = rewritten(path, NEW, tmp_path / path.name)
    after = snapshot(new)
    assert after.values == NEW
    assert after.others == before.others
    assert after.audio_hash == before.audio_hash
    assert (load(new)[0] == load(path)[0]).all()
    assert checks.same_sound(path, new)
    fields = read_tags(new).fields
    assert {name: fields[name] for name in FIELDS} == NEW
    untouched = {name: values for name, values in read_tags(path).fields.items() if name not in FIELDS}
    assert {name: fields[name] for name in untouched} == untouched


@pytest.mark.parametrize("kind", KINDS)
def test_mutagen_sees_every_other_tag_as_before(originals, tmp_path, kind):
    path = originals[kind]
    before = snapshot(path).seen or {}
    after = snapshot(rewritten(path, NEW, tmp_path / path.name)).seen
    assert before.items() <= after.items()
    if kind != "mp3_v1":  # its new tag takes over what the old one says
        assert before == after


@pytest.mark.parametrize("kind", KINDS)
def test_old_values_come_back(originals, tmp_path, kind):
    path = originals[kind]
    before = snapshot(path)
    once = rewritten(path, NEW, tmp_path / f"once {path.name}")
    back = snapshot(rewritten(once, before.values, tmp_path / f"back {path.name}"))
    assert (back.values, back.others, back.audio_hash) == (before.values, before.others, before.audio_hash)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_fields_asked_for_are_written(originals, tmp_path, kind):
    path = originals[kind]
    after = snapshot(rewritten(path, {"mood": ["Calm"]}, tmp_path / path.name))
    assert after.values == {**snapshot(path).values, "mood": ["Calm"]}


@pytest.mark.parametrize("kind", KINDS)
def test_long_values_fit_too(originals, tmp_path, kind):
    changes = {"genre": [f"Genre {i} ü" for i in range(9000)]}
    path = originals[kind]
    before, after = snapshot(path), snapshot(rewritten(path, changes, tmp_path / path.name))
    assert after.values["genre"] == changes["genre"]
    assert (after.others, after.audio_hash) == (before.others, before.audio_hash)
    assert checks.same_sound(path, tmp_path / path.name)


@pytest.mark.parametrize(
    "kind", ["mp3_v24", "mp3_v23", "mp3_v22", "mp3_bare", "flac", "opus", "m4a_front", "wav", "wavpack"]
)
def test_any_text_is_held_by_any_format(originals, tmp_path, kind):
    text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]), min_size=1, max_size=30)

    @settings(max_examples=15, deadline=None)
    @given(st.lists(text.filter(lambda t: t.strip() == t and "\ufeff" not in t), min_size=1, max_size=4))
    def holds(genres):
        path = originals[kind]
        after = snapshot(rewritten(path, {"genre": genres, "mood": genres[:1]}, tmp_path / path.name))
        assert (after.values["genre"], after.values["mood"]) == (genres, genres[:1])
        assert after.others == snapshot(path).others

    holds()


def test_id3_keeps_its_version_and_an_unknown_frame(originals, tmp_path):
    for kind, version in (("mp3_v24", 4), ("mp3_v23", 3), ("mp3_v22", 2), ("mp3_bare", 4)):
        new = rewritten(originals[kind], NEW, tmp_path / f"{kind}.mp3")
        assert new.read_bytes()[3] == version
        # a second write finds the first one's place
        assert snapshot(rewritten(new, {"bpm": ["99"]}, tmp_path / "again.mp3")).values == {**NEW, "bpm": ["99"]}
    assert b"nobody knows this frame" in (tmp_path / "mp3_v23.mp3").read_bytes()


def test_id3_frames_are_those_of_the_standard(originals, tmp_path):
    v24 = mutagen.id3.ID3(rewritten(originals["mp3_v24"], NEW, tmp_path / "4.mp3"), translate=False)
    assert [v24[name].text for name in ("TCON", "TMOO", "TBPM", "TKEY")] == list(NEW.values())
    v23 = mutagen.id3.ID3(rewritten(originals["mp3_v23"], NEW, tmp_path / "3.mp3"), translate=False)
    assert v23["TXXX:MOOD"].text == ["Calm"]
    assert v23["TCON"].text == NEW["genre"]
    assert "TMOO" not in v23


def test_vorbis_names_are_those_of_the_standard(originals, tmp_path):
    tags = mutagen.flac.FLAC(rewritten(originals["flac"], NEW, tmp_path / "a.flac"))
    assert ("Genre", "Hip-Hop") in list(tags.tags)  # spelt as the file had it
    assert [tags[name] for name in ("genre", "mood", "bpm", "key")] == list(NEW.values())
    assert tags.pictures[0].data == PICTURE


def test_mp4_atoms_are_those_of_itunes(originals, tmp_path):
    tags = mutagen.File(rewritten(originals["m4a"], NEW, tmp_path / "a.m4a"))
    assert tags["\xa9gen"] == NEW["genre"]
    assert tags["tmpo"] == [128]
    assert tags["----:com.apple.iTunes:MOOD"] == [b"Calm"]
    assert tags["----:com.apple.iTunes:initialkey"] == [b"F#m"]
    assert tags["covr"] == [PICTURE]


def test_a_place_that_another_program_used_is_used_again(originals, tmp_path):
    path = shutil.copy(originals["flac"], tmp_path / "other.flac")
    tags = mutagen.flac.FLAC(path)
    tags["INITIALKEY"], tags["TEMPO"] = "Am", "120"
    tags.save()
    new = mutagen.flac.FLAC(rewritten(path, {"key": ["Dm"], "bpm": ["93"]}, tmp_path / "new.flac"))
    assert (new["initialkey"], new["tempo"]) == (["Dm"], ["93"])
    assert "key" not in new
    assert "bpm" not in new


def test_a_file_with_id3v1_only_still_shows_its_title(originals, tmp_path):
    new = rewritten(originals["mp3_v1"], {"mood": ["Calm"]}, tmp_path / "a.mp3")
    tag = mutagen.id3.ID3(new, load_v1=False)
    assert (tag["TIT2"].text, tag["TPE1"].text, tag["TRCK"].text) == (["Old title"], ["Old artist"], ["7"])
    assert new.read_bytes()[-128:] == originals["mp3_v1"].read_bytes()[-128:]


def test_apev2_in_an_mp3_without_id3v2_is_where_its_tags_go(originals, tmp_path):
    new = rewritten(originals["mp3_ape"], NEW, tmp_path / "a.mp3")
    assert new.read_bytes()[:3] != b"ID3"
    assert read_tags(new).fields["title"] == [TITLE]


def test_room_in_the_tag_is_used(originals, tmp_path):
    for kind in ("mp3_v24", "flac", "m4a"):
        path = originals[kind]
        new = rewritten(path, {"mood": ["Calm"]}, tmp_path / path.name)
        assert new.stat().st_size == path.stat().st_size


def test_wav_stays_a_valid_riff(originals, tmp_path):
    for kind in ("wav", "wav_odd"):
        new = rewritten(originals[kind], NEW, tmp_path / f"{kind}.wav").read_bytes()
        assert int.from_bytes(new[4:8], "little") == len(new) - 8
        assert len(new) % 2 == 0


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("text.mp3", b"hello " * 1000, "unknown"),
        ("cut.mp3", b"ID3\4\0\0\0\0\7\x68" + b"TIT2\0\0\7\x7f", "damaged"),
        ("junk.mp3", b"ID3\4\0\0\0\0\1\0" + b"TIT2\0\0\0\5\0\0\3abcd" + b"\xee" * 113, "do not fit"),
        ("five.mp3", b"ID3\5\0\0\0\0\1\0" + bytes(128), "version 5"),
    ],
)
def test_damaged_tags_are_refused(tmp_path, name, data, why):
    from tests.audio.soundfiles import sample

    path = tmp_path / name
    path.write_bytes(data if name == "text.mp3" else data + sample("mp3"))
    before = path.read_bytes()
    with path.open("rb") as file, pytest.raises(LibraryError, match=why):
        format_of(file).current(file)
    assert path.read_bytes() == before


@settings(max_examples=200, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
def test_a_damaged_file_is_refused_or_written_whole(originals, tmp_path_factory, data, kind):
    """Whatever bytes are wrong: either a line of error, or a copy that passes every check."""
    damaged = bytearray(originals[kind].read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, min(len(damaged), 4000) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / originals[kind].name
    path.write_bytes(damaged)
    try:
        before = snapshot(path)
    except LibraryError:
        return
    copy = folder / "copy"
    with path.open("rb") as file, copy.open("w+b") as out:
        try:
            before.format.rewrite(file, NEW, out)
            out.flush()
            checks.check(before, NEW, out, path, copy)
        except LibraryError:
            return
    assert audio_hash(copy) == audio_hash(path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_check_sees_what_goes_wrong(originals, tmp_path, kind):
    """A copy in which one byte of the sound, or of another tag, is not what it was."""
    path = originals[kind]
    before = snapshot(path)
    good = rewritten(path, NEW, tmp_path / path.name).read_bytes()
    for place in (_title(good), len(good) * 6 // 10):
        if place is None:
            continue
        bad = bytearray(good)
        bad[place] ^= 1
        copy = tmp_path / "copy"
        copy.write_bytes(bad)
        with copy.open("rb") as file, pytest.raises(LibraryError):
            checks.check(before, NEW, file, path, copy)


def _title(data):
    for codec in ("utf-8", "utf-16-le"):
        place = data.find("midi".encode(codec))
        if place >= 0:
            return place
    return None
