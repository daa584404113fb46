"""What a data set becomes before a model sees it: cached features, and one-line errors where nothing can be learnt."""

import shutil

import numpy as np
import pytest
import soundfile as sf

from sideman.audio.descriptors import TABLE_COLUMNS
from sideman.core.errors import DatasetError, UsageError
from sideman.genre.corpus import Corpus
from sideman.genre.gather import gather
from sideman.genre.inputs import Input, spread_rows, spread_segments, stream_rows
from sideman.genre.registry import list_models
from sideman.genre.tables import is_table, read_table
from tests.genre.music_folders import GENRES, RATE_HZ, make_folders, piece

WHOLE = Input("table", None)
MEL = Input("mel", 1.0, level=True)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    return make_folders(tmp_path_factory.mktemp("music"), per_genre=2, duration_s=1.3)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def corpus(root, cache, **more):
    return Corpus(root, cache=cache, workers=1, **more)


def test_every_recording_gives_rows_in_the_order_of_its_time(music, cache):
    material = corpus(music, cache, most=3).material(MEL)
    assert material.genres == tuple(sorted(GENRES))
    assert material.x.shape[1:] == MEL.shape
    assert material.x.dtype == np.float32
    assert (np.diff(material.track_of) >= 0).all()
    assert len(material.tracks) == 6


def test_features_are_taken_once_and_again_when_a_file_changes(music, cache, tmp_path):
    own = shutil.copytree(music, tmp_path / "own")
    first = corpus(own, cache).material(MEL)
    parts = sorted(cache.rglob("*.npz"))
    before = {part: part.stat().st_mtime_ns for part in parts}
    corpus(own, cache).material(MEL)
    assert {part: part.stat().st_mtime_ns for part in sorted(cache.rglob("*.npz"))} == before
    sf.write(own / "bells" / "0.wav", piece("bells", 1.5, 99), RATE_HZ)
    second = corpus(own, cache).material(MEL)
    assert not np.array_equal(first.x[first.track_of == 0], second.x[second.track_of == 0])


def test_a_damaged_cache_file_is_made_anew(music, cache):
    first = corpus(music, cache).material(MEL)
    next(iter(sorted(cache.rglob("*.npz")))).write_bytes(b"PK\x03\x04 damaged")
    np.testing.assert_array_equal(corpus(music, cache).material(MEL).x, first.x)


def test_an_unreadable_file_is_told_and_left_out(music, cache, tmp_path):
    own = shutil.copytree(music, tmp_path / "own")
    (own / "bells" / "bad.mp3").write_text("no music at all")
    found = corpus(own, cache)
    assert len(found.material(WHOLE).tracks) == 6
    assert len(found.failures) == 1
    assert "bad.mp3" in found.failures[0]


def test_one_recording_under_two_genres_is_an_error_that_names_both(music, cache, tmp_path):
    own = shutil.copytree(music, tmp_path / "own")
    shutil.copy(own / "bells" / "0.wav", own / "tick tock" / "same.wav")
    with pytest.raises(DatasetError, match=r"bells/0\.wav .* tick tock/same\.wav .* same file"):
        corpus(own, cache).material(WHOLE)


def test_copies_within_a_genre_stay_together(music, cache, tmp_path):
    own = shutil.copytree(music, tmp_path / "own")
    shutil.copy(own / "bells" / "0.wav", own / "bells" / "copy.wav")
    material = corpus(own, cache).material(WHOLE)
    assert [r.members for r in material.relations if r.kind == "repetition"] == [("bells/0.wav", "bells/copy.wav")]


@pytest.mark.parametrize(
    "genres, per_genre, message",
    [(("bells",), 3, "one genre"), (("bells", "tick tock"), 1, "has 1 usable recording")],
)
def test_too_little_music_is_one_line(tmp_path, cache, genres, per_genre, message):
    root = make_folders(tmp_path / "little", per_genre, 1.0, genres)
    with pytest.raises(DatasetError, match=message):
        corpus(root, cache).material(WHOLE)


def test_an_empty_genre_is_named(music, cache, tmp_path):
    own = shutil.copytree(music, tmp_path / "own")
    (own / "nothing yet").mkdir()
    with pytest.raises(DatasetError, match="genre 'nothing yet' has no recording"):
        corpus(own, cache)


def test_short_recordings_can_be_left_out(music, cache, tmp_path):
    own = make_folders(tmp_path / "own", per_genre=3, duration_s=1.0)
    assert len(corpus(own, cache, min_duration_s=1.25).material(WHOLE).tracks) == 6
    with pytest.raises(DatasetError, match="no recording lasts 60 s"):
        corpus(music, cache, min_duration_s=60).material(WHOLE)


def test_a_table_of_features_is_material_too(music, cache, tmp_path):
    csv = write_table(tmp_path / "table.csv", corpus(music, cache).material(Input("table", None, length=True)))
    assert is_table(csv)
    found = corpus(csv, cache)
    assert found.is_table
    np.testing.assert_allclose(
        found.material(WHOLE).x, corpus(music, cache).material(WHOLE).x[reorder(found, music, cache)], rtol=1e-5
    )
    with pytest.raises(DatasetError, match="needs audio"):
        found.material(MEL)


def reorder(found, music, cache):
    stems = [t.track_id for t in corpus(music, cache).material(WHOLE).tracks]
    return [stems.index(t.track_id.replace("__", "/")) for t in found.material(WHOLE).tracks]


def write_table(path, material, cell=None):
    lines = [",".join(TABLE_COLUMNS)]
    for i, track in enumerate(material.tracks):
        values = [repr(float(v)) for v in material.x[i]]
        if cell is not None and i == 1:
            values[5] = cell
        lines.append(",".join([track.track_id.replace("/", "__"), *values, track.genre]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("cell, what", [("nan", "nan as rms_var"), ("", "'' as rms_var"), ("x", "'x' as rms_var")])
def test_a_cell_that_is_no_finite_number_is_named_by_row_and_column(music, cache, tmp_path, cell, what):
    material = corpus(music, cache).material(Input("table", None, length=True))
    csv = write_table(tmp_path / "table.csv", material, cell=cell)
    column = TABLE_COLUMNS[6]
    with pytest.raises(DatasetError, match=f"row 3 has {what.replace('rms_var', column)}"):
        read_table(csv)


def test_segments_of_one_recording_belong_to_one_track(tmp_path):
    header = ",".join(TABLE_COLUMNS)
    rows = [
        f"{genre}.{i:05d}.{s}.wav,{','.join(['1'] * 58)},{genre}"
        for genre in ("a", "b")
        for i in range(2)
        for s in (10, 2)
    ]
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    material = read_table(tmp_path / "t.csv")
    assert [t.track_id for t in material.tracks] == ["a.00000.wav", "a.00001.wav", "b.00000.wav", "b.00001.wav"]
    assert material.track_of.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert material.input.segment_s == 3.0


def test_the_published_table_brings_gtzans_artists(tmp_path):
    header = ",".join(TABLE_COLUMNS)
    rows = [f"{g}.0000{i}.wav,{','.join(['1'] * 58)},{g}" for g in ("blues", "rock") for i in range(3)]
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    material = read_table(tmp_path / "t.csv")
    assert material.input.segment_s is None
    assert any(r.kind == "artist" for r in material.relations)


def test_short_recordings_fill_a_segment_and_are_not_known_by_having_one():
    y = np.arange(100, dtype=np.float32)
    assert [len(s) for s in spread_segments(y, 60, 8)] == [60, 60]
    np.testing.assert_array_equal(spread_segments(y[:10], 60, 1)[0], np.resize(y[:10], 60))
    assert len(spread_segments(np.zeros(600, np.float32), 60, 8)) == 8


@pytest.mark.parametrize("kind", ["mfcc", "stft", "mel", "windows"])
def test_training_and_classifying_take_the_same_features_of_a_segment(tmp_path, kind):
    given = Input(kind, 2.0, level=kind == "mel")
    path = tmp_path / "one.wav"
    sf.write(path, piece("bells", 2.0, 3), RATE_HZ, subtype="FLOAT")
    streamed = np.concatenate([rows.x for rows in stream_rows(path, given)])
    np.testing.assert_array_equal(streamed, spread_rows(path, given, 1))


def test_a_long_recording_is_streamed_in_pieces_whose_times_join(tmp_path):
    path = tmp_path / "long.wav"
    sf.write(path, np.tile(piece("bells", 2.0, 3), 40), RATE_HZ)
    got = list(stream_rows(path, Input("mfcc", 3.0)))
    assert len(got) > 1
    starts = np.concatenate([rows.starts_s for rows in got])
    np.testing.assert_allclose(starts, 3.0 * np.arange(26))
    assert got[-1].duration_s == pytest.approx(80.0)


def test_an_input_that_makes_no_sense_is_refused():
    for wrong in ({"kind": "smell"}, {"kind": "mel", "segment_s": None}, {"kind": "mfcc", "context": 5}):
        with pytest.raises(UsageError):
            Input(**wrong)


@pytest.mark.parametrize("spec", list_models(), ids=lambda spec: spec.name)
def test_what_a_model_hears_survives_its_card(spec):
    assert Input.from_dict(spec.input.as_dict()) == spec.input


def test_gather_reports_failures_when_nothing_is_left(tmp_path, cache):
    from sideman.datasets.folders import load

    for genre in ("a", "b"):
        (tmp_path / "set" / genre).mkdir(parents=True)
        (tmp_path / "set" / genre / "x.wav").write_bytes(b"")
    with pytest.raises(DatasetError, match="none of 2 recordings can be read"):
        gather(load(tmp_path / "set"), WHOLE, cache=cache, workers=1)
