"""Small sound files of every kind that Sideman reads, made on the spot.

``KINDS`` maps a name to (file ending, encoder); ``sample`` gives the bytes.
libsndfile writes what it can, PyAV the rest.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable

import numpy as np
import soundfile
from numpy.typing import NDArray

from sideman.audio.mpeg import parse_header

Samples = NDArray[np.float32]
Encoder = Callable[[Samples, int], bytes]


def tone(duration_s: float = 0.5, rate_hz: int = 44100, channels: int = 2, frequency_hz: float = 440.0) -> Samples:
    """A steady chord-like signal, float32 (n, channels), peak about 0.6; every channel has its own phase."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    columns = [
        0.4 * np.sin(2 * np.pi * frequency_hz * t + c) + 0.2 * np.sin(2 * np.pi * 2.5 * frequency_hz * t)
        for c in range(channels)
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def by_sndfile(container: str, subtype: str, endian: str = "FILE") -> Encoder:
    def encoder(x: Samples, rate_hz: int) -> bytes:
        buffer = io.BytesIO()
        with soundfile.SoundFile(
            buffer, "w", samplerate=rate_hz, channels=x.shape[1], format=container, subtype=subtype, endian=endian
        ) as out:
            for at in range(0, len(x), 65536):  # libsndfile's Vorbis encoder overflows its stack on large writes
                out.write(x[at : at + 65536])
        return buffer.getvalue()

    return encoder


def by_av(container: str, codec: str, sample_format: str = "fltp") -> Encoder:
    def encoder(x: Samples, rate_hz: int) -> bytes:
        import av

        buffer = io.BytesIO()
        layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[x.shape[1]]
        with av.open(buffer, mode="w", format=container) as out:
            stream = out.add_stream(codec, rate=rate_hz, layout=layout, format=sample_format)
            stream.bit_rate = 128_000
            resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate_hz)
            source = av.AudioFrame.from_ndarray(np.ascontiguousarray(x.T), format="fltp", layout=layout)
            source.sample_rate = rate_hz
            source.pts = 0
            for frame in [*resampler.resample(source), *resampler.resample(None)]:
                for packet in stream.encode(frame):
                    out.mux(packet)
            for packet in stream.encode(None):
                out.mux(packet)
        return buffer.getvalue()

    return encoder


def id3v2(payload_bytes: int) -> bytes:
    """An ID3v2.3 tag with one picture frame of ``payload_bytes`` bytes, many of which look like mp3 frame syncs."""
    picture = (b"\xff\xfb\x90\x64\x00\xff\xd8\xff\xe0" * (payload_bytes // 9 + 1))[:payload_bytes]
    frame = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + frame


def id3v1() -> bytes:
    return b"TAG" + b"title".ljust(125, b"\0")


def mp3(x: Samples, rate_hz: int) -> bytes:
    return by_sndfile("MP3", "MPEG_LAYER_III")(x, rate_hz)


def mp3_tagged(x: Samples, rate_hz: int) -> bytes:
    return id3v2(3000) + mp3(x, rate_hz) + id3v1()


def without_first_frame(data: bytes) -> bytes:
    """Cut the Xing/LAME frame off an mp3."""
    header = parse_header(data)
    assert header is not None
    assert b"Xing" in data[: header.length_bytes] or b"Info" in data[: header.length_bytes]
    return data[header.length_bytes :]


def mp3_without_length(x: Samples, rate_hz: int) -> bytes:
    """An mp3 as many encoders and radio recorders write it: without a header that gives its length."""
    return without_first_frame(mp3(x, rate_hz))


SNDFILE_KINDS: dict[str, tuple[str, Encoder]] = {
    "wav-u8": ("wav", by_sndfile("WAV", "PCM_U8")),
    "wav-16": ("wav", by_sndfile("WAV", "PCM_16")),
    "wav-24": ("wav", by_sndfile("WAV", "PCM_24")),
    "wav-32": ("wav", by_sndfile("WAV", "PCM_32")),
    "wav-float": ("wav", by_sndfile("WAV", "FLOAT")),
    "wav-double": ("wav", by_sndfile("WAV", "DOUBLE")),
    "wav-ulaw": ("wav", by_sndfile("WAV", "ULAW")),
    "wav-ima": ("wav", by_sndfile("WAV", "IMA_ADPCM")),
    "wav-ms": ("wav", by_sndfile("WAV", "MS_ADPCM")),
    "wav-big-endian": ("wav", by_sndfile("WAV", "PCM_16", "BIG")),
    "wav-extensible": ("wav", by_sndfile("WAVEX", "PCM_24")),
    "rf64": ("wav", by_sndfile("RF64", "PCM_16")),
    "w64": ("w64", by_sndfile("W64", "PCM_16")),
    "au-16": ("au", by_sndfile("AU", "PCM_16")),
    "au-alaw": ("au", by_sndfile("AU", "ALAW")),
    "aiff-16": ("aiff", by_sndfile("AIFF", "PCM_16")),
    "aiff-float": ("aifc", by_sndfile("AIFF", "FLOAT")),
    "flac-16": ("flac", by_sndfile("FLAC", "PCM_16")),
    "flac-24": ("flac", by_sndfile("FLAC", "PCM_24")),
    "ogg-vorbis": ("ogg", by_sndfile("OGG", "VORBIS")),
    "ogg-opus": ("opus", by_sndfile("OGG", "OPUS")),
    "mp3": ("mp3", mp3),
    "mp3-tagged": ("mp3", mp3_tagged),
    "mp3-without-length": ("mp3", mp3_without_length),
}
AV_KINDS: dict[str, tuple[str, Encoder]] = {
    "m4a-aac": ("m4a", by_av("ipod", "aac")),
    "m4a-alac": ("m4a", by_av("ipod", "alac", "s16p")),
    "aac": ("aac", by_av("adts", "aac")),
    "wma": ("wma", by_av("asf", "wmav2")),
    "webm-opus": ("webm", by_av("webm", "libopus", "flt")),
    "mkv-flac": ("mkv", by_av("matroska", "flac", "s16")),
    "mov-pcm": ("mov", by_av("mov", "pcm_s16le", "s16")),
    "caf-pcm": ("caf", by_av("caf", "pcm_s16be", "s16")),
    "ogg-flac": ("oga", by_av("ogg", "flac", "s16")),
    "wavpack": ("wv", by_av("wv", "wavpack", "fltp")),
}
KINDS = SNDFILE_KINDS | AV_KINDS
EXACT = {  # kind -> largest error of its quantisation; the others are lossy
    "wav-u8": 2**-7,
    "wav-16": 2**-15,
    "wav-24": 2**-23,
    "wav-32": 2**-23,
    "wav-float": 0.0,
    "wav-double": 0.0,
    "wav-big-endian": 2**-15,
    "wav-extensible": 2**-23,
    "rf64": 2**-15,
    "w64": 2**-15,
    "au-16": 2**-15,
    "aiff-16": 2**-15,
    "aiff-float": 0.0,
    "flac-16": 2**-15,
    "flac-24": 2**-23,
    "m4a-alac": 2**-15,
    "mkv-flac": 2**-15,
    "mov-pcm": 2**-15,
    "caf-pcm": 2**-15,
    "ogg-flac": 2**-15,
    "wavpack": 0.0,
}


@functools.cache
def sample(kind: str, duration_s: float = 0.5, channels: int = 2) -> bytes:
    """Bytes of a short tone of this kind at a rate every encoder takes (48 kHz)."""
    return KINDS[kind][1](tone(duration_s, 48000, channels), 48000)


def wav(frames: bytes, *, channels: int = 1, rate_hz: int = 44100, bits: int = 16, extra: bytes = b"") -> bytes:
    """A hand-made PCM wav; ``extra`` is placed between the ``fmt `` and ``data`` chunks."""
    align = channels * bits // 8 & 0xFFFF
    fmt = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * align & 0xFFFFFFFF, align, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + extra + b"data" + struct.pack("<I", len(frames)) + frames
    return b"RIFF" + struct.pack("<I", len(body)) + body
