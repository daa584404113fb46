import errno
import io

import numpy as np
import pytest
import soundfile

from sideman.core.sink import Sink

KINDS = [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 96_000).astype(np.float32)


class Full(io.BytesIO):
    """A disk with room for 2,000 bytes."""

    def write(self, data):
        if self.tell() + len(data) > 2_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


class Interrupted(io.BytesIO):
    def write(self, data):
        raise KeyboardInterrupt


def write(sink, container, encoding):
    with soundfile.SoundFile(sink, "w", 48_000, 1, encoding, format=container) as sound:
        sound.write(NOISE)


@pytest.mark.parametrize("container, encoding", [kind for kind in KINDS if kind[0] != "OGG"])  # Ogg has a serial number
def test_what_comes_through_is_what_was_written(container, encoding):
    plain, through = io.BytesIO(), io.BytesIO()
    write(plain, container, encoding)
    with Sink(through) as sink:
        write(sink, container, encoding)
    assert through.getvalue() == plain.getvalue()


@pytest.mark.parametrize("container, encoding", KINDS)
@pytest.mark.parametrize("file, error", [(Full, OSError), (Interrupted, KeyboardInterrupt)])
def test_an_error_of_the_file_is_raised_and_not_printed(container, encoding, file, error, capfd):
    with pytest.raises(error) as raised, Sink(file()) as sink:
        write(sink, container, encoding)
    if error is OSError:
        assert raised.value.errno == errno.ENOSPC
    assert capfd.readouterr().err == ""


def test_the_first_error_can_be_asked_for_in_between():
    sink = Sink(Full())
    assert sink.write(bytes(1_000)) == 1_000
    sink.check()
    assert sink.write(bytes(1_500)) == 1_500
    assert (sink.tell(), sink.seek(0, io.SEEK_END), sink.seek(-500, io.SEEK_CUR)) == (2_500, 2_500, 2_000)
    with pytest.raises(OSError, match="No space"):
        sink.check()
