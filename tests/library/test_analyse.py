"""One pass over a recording, and what it leaves in the database."""

import numpy as np
import pytest

from sideman.core.errors import AudioError
from sideman.library.analyse import analyse, pack_timeline, unpack_timeline
from tests.library.sounds import write


def test_every_format_gives_nearly_the_same_analysis(tmp_path):
    heard = [analyse(write(tmp_path / f"a{suffix}", 3, 6.0, 2)) for suffix in (".wav", ".flac", ".ogg", ".mp3")]
    for other in heard[1:]:
        assert other.genre == heard[0].genre
        assert other.loudness_lufs == pytest.approx(heard[0].loudness_lufs, abs=0.3)
        a, b = (np.frombuffer(h.vector, "<f4") for h in (heard[0], other))
        assert float(a @ b) > 0.97


def test_loudness_is_that_of_the_channels_and_not_of_their_mix(tmp_path):
    """Two channels in opposition cancel in the mix, and are loud."""
    import soundfile

    from tests.library.sounds import RATE_HZ, piece

    y = piece(1, 4.0)
    path = tmp_path / "opposed.wav"
    soundfile.write(path, np.concatenate([y, -0.9 * y], axis=1), RATE_HZ, subtype="FLOAT")
    same = tmp_path / "same.wav"
    soundfile.write(same, np.concatenate([y, 0.9 * y], axis=1), RATE_HZ, subtype="FLOAT")
    assert analyse(path).loudness_lufs == pytest.approx(analyse(same).loudness_lufs, abs=1e-3)


def test_silence_is_an_error_and_not_a_genre(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "s.wav", np.zeros(30_000), 22_050)
    with pytest.raises(AudioError, match="silent"):
        analyse(tmp_path / "s.wav")


def test_a_timeline_comes_back_as_it_was_packed():
    rng = np.random.default_rng(0)
    starts = np.arange(7) * 1.99
    shares = rng.dirichlet(np.ones(10), 7)
    a, b, p = unpack_timeline(pack_timeline(starts, starts + 1.99, shares))
    assert a == pytest.approx(starts)
    assert b == pytest.approx(starts + 1.99)
    assert p == pytest.approx(shares, abs=1 / 255)
