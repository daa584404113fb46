"""Equal audio, and recordings that sound the same, by fingerprint."""

import numpy as np
import pytest
import soundfile

from sideman.library.insights import duplicates
from sideman.library.insights.duplicates import alike, confirmed, equal_audio
from sideman.library.track import Track

RATE_HZ = 22_050


def test_files_of_one_payload_are_a_group():
    tracks = [Track(i, f"/m/{i}.mp3", audio_hash=h) for i, h in enumerate(["a", "b", "a", None, None, "a"])]
    assert [[t.id for t in group] for group in equal_audio(tracks)] == [[0, 2, 5]]


def unit(rows):
    x = np.asarray(rows, np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_alike_needs_both_the_sound_and_the_length(monkeypatch):
    rng = np.random.default_rng(0)
    one, other = rng.random(256), rng.random(256)
    x = unit([one, one + 0.01 * other, one, other])
    tracks = [Track(i, f"/m/{i}", audio_hash=str(i), duration_s=d) for i, d in enumerate([200, 200.9, 202, 200.1])]
    assert [(p.first.id, p.second.id) for p in alike(tracks, x)] == [(0, 1)]
    monkeypatch.setattr(duplicates, "_BLOCK", 1)  # blocks change nothing
    assert [(p.first.id, p.second.id) for p in alike(tracks, x)] == [(0, 1)]


def test_a_thousand_equal_tones_do_not_make_half_a_million_pairs():
    x = unit(np.ones((200, 256)))
    tracks = [Track(i, f"/m/{i:03}", audio_hash=str(i), duration_s=60.0) for i in range(200)]
    assert len(alike(tracks, x)) == duplicates.MOST_PAIRS


def test_tracks_of_unknown_length_are_passed_over():
    assert alike([Track(1, "/a"), Track(2, "/b")], unit(np.ones((2, 256)))) == ()


def melody(seed, seconds=12):
    """Notes with overtones and a little noise: something that a fingerprint can hold."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE_HZ // 4) / RATE_HZ
    notes = [
        sum(np.sin(2 * np.pi * f * k * t) / k for k in range(1, 6)) * np.exp(-4 * t)
        for f in 220 * 2 ** (rng.integers(0, 24, seconds * 4) / 12)
    ]
    return (0.2 * np.concatenate(notes) + 0.01 * rng.normal(size=RATE_HZ // 4 * seconds * 4)).astype(np.float32)


@pytest.fixture
def files(tmp_path):
    for name, y in {"one.wav": melody(1), "louder.flac": 1.7 * melody(1), "other.wav": melody(2)}.items():
        soundfile.write(tmp_path / name, y, RATE_HZ)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    return {p.name: Track(i, str(p), audio_hash=p.name, duration_s=12.0) for i, p in enumerate(tmp_path.iterdir())}


def pair(files, a, b):
    return duplicates.Pair(files[a], files[b], 0.995)


def test_fingerprints_tell_the_same_recording_from_another(files):
    pairs = [pair(files, "one.wav", "louder.flac"), pair(files, "one.wav", "other.wav")]
    assert [p.same for p in confirmed(pairs)] == [True, False]


def test_files_that_are_gone_or_broken_leave_the_pair_undecided(files):
    gone = Track(9, "/nowhere/gone.wav", audio_hash="gone", duration_s=12.0)
    pairs = [pair(files, "one.wav", "broken.wav"), duplicates.Pair(files["one.wav"], gone, 0.999)]
    assert [p.same for p in confirmed(pairs)] == [None, None]


def test_no_more_files_are_read_than_allowed(files):
    read = []
    pairs = [pair(files, "one.wav", "louder.flac"), pair(files, "one.wav", "other.wav")]
    assert [p.same for p in confirmed(pairs, most_files=2, advance=read.append)] == [True, None]
    assert sum(read) == 2
