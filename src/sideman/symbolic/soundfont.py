"""SoundFonts: which samples sound for a key, and how (SoundFont 2.04 specification; version 3 has Ogg Vorbis samples).

Our own reader, because symusic's synthesiser leaves out the root key that a zone gives (generator 58) and so plays most
SoundFonts off key, by more than an octave in FluidR3.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import ScoreError

DRUM_BANK = 128
_KEY_RANGE, _VELOCITY_RANGE, _INSTRUMENT, _SAMPLE = 43, 44, 41, 53
_ROOT_KEY, _SCALE_TUNING = 58, 56
# Of the generators that count only inside an instrument a preset's value is left out (specification, 8.5).
_INSTRUMENT_ONLY = frozenset([0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 54, 57, 58])
_DEFAULTS = {
    8: 13_500, 21: -12_000, 23: -12_000, 25: -12_000, 26: -12_000, 27: -12_000, 28: -12_000, 30: -12_000, 33: -12_000,
    34: -12_000, 35: -12_000, 36: -12_000, 38: -12_000, 46: -1, 47: -1, _SCALE_TUNING: 100, _ROOT_KEY: -1,
}  # fmt: skip
_VORBIS = 0x10
_ROM = 0x8000
_HEADER = np.dtype(
    [("name", "S20"), ("preset", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("a", "<u4"), ("b", "<u4"), ("c", "<u4")]
)
_INSTRUMENT_HEADER = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_GENERATOR = np.dtype([("kind", "<u2"), ("amount", "<i2")])
_SAMPLE_HEADER = np.dtype(
    [
        ("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"),
        ("pitch", "u1"), ("correction", "i1"), ("link", "<u2"), ("kind", "<u2"),
    ]
)  # fmt: skip

Generators = dict[int, int]


class Sample(NamedTuple):
    """A recording: float32 samples within [-1, 1], loop in samples from its begin, rate, root key, correction."""

    samples: NDArray[np.float32]
    loop_start: int
    loop_end: int
    rate_hz: int
    root_key: int
    correction_cents: int


class Zone(NamedTuple):
    """One sample over a range of keys and velocities, with all generators that are not at their defaults."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    generators: Generators
    sample: int

    def get(self, kind: int) -> int:
        """The value of a generator, by the specification's number."""
        return self.generators.get(kind, _DEFAULTS.get(kind, 0))


class SoundFont:
    """An open SoundFont; samples are read as they are needed.

    Raises:
        ScoreError: the file cannot be read, is no SoundFont, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._samples: dict[int, Sample | None] = {}
        self._zones: dict[tuple[int, int], list[Zone]] = {}
        try:
            self._data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
        except OSError as error:
            raise ScoreError(f"{path}: cannot be read ({error.strerror or error}); name a SoundFont (.sf2)") from None
        if bytes(self._data[:4]) != b"RIFF" or bytes(self._data[8:12]) != b"sfbk":
            raise ScoreError(f"{path}: is no SoundFont; name an .sf2 or .sf3 file")
        try:
            self._index()
        except (KeyError, ValueError, IndexError, struct.error) as error:
            raise ScoreError(f"{path}: is a damaged SoundFont ({error}); fetch it anew") from None

    def _index(self) -> None:
        chunks = self._chunks()
        begin, end = chunks[b"smpl"]
        self._pcm = self._data[begin : end - (end - begin) % 2]
        presets = self._table(chunks, b"phdr", _HEADER)
        self._by_name = {name: i for i, name in reversed(list(enumerate(_pairs(presets[:-1], "bank", "preset"))))}
        self._preset_bags = presets["bag"].tolist()
        self._outer = self._table(chunks, b"pbag", _BAG)["generator"].tolist()
        self._outer_generators = _pairs(self._table(chunks, b"pgen", _GENERATOR), "kind", "amount")
        self._instrument_bags = self._table(chunks, b"inst", _INSTRUMENT_HEADER)["bag"].tolist()
        self._inner = self._table(chunks, b"ibag", _BAG)["generator"].tolist()
        self._inner_generators = _pairs(self._table(chunks, b"igen", _GENERATOR), "kind", "amount")
        self._headers = self._table(chunks, b"shdr", _SAMPLE_HEADER)
        if not self._by_name:
            raise ValueError("no presets")

    def _chunks(self) -> dict[bytes, tuple[int, int]]:
        """First and last byte of every chunk, those within lists too."""
        found: dict[bytes, tuple[int, int]] = {}
        at, end = 12, len(self._data)
        while at + 8 <= end:
            name, size = struct.unpack("<4sI", bytes(self._data[at : at + 8]))
            if name == b"LIST":
                at += 12
                continue
            if at + 8 + size > end:
                raise ValueError("cut off")
            found[name] = (at + 8, at + 8 + size)
            at += 8 + size
            # The pad byte after an odd chunk is left out by some writers; no chunk's name begins with a zero.
            at += size % 2 if at < end and self._data[at] == 0 else 0
        return found

    def _table(self, chunks: dict[bytes, tuple[int, int]], name: bytes, kind: np.dtype[Any]) -> NDArray[Any]:
        if name not in chunks:
            raise ValueError(f"no {name.decode()} chunk")
        begin, end = chunks[name]
        table = np.frombuffer(bytes(self._data[begin:end]), kind)
        if not len(table):
            raise ValueError(f"empty {name.decode()} chunk")
        return table

    def zones(self, bank: int, program: int) -> list[Zone]:
        """All zones of a preset, or of the one that stands in for it: the same family, else the first of the bank."""
        wanted = (bank, program)
        if wanted not in self._zones:
            try:
                self._zones[wanted] = self._preset_zones(self._nearest(bank, program))
            except IndexError as error:
                raise ScoreError(f"{self.path}: is a damaged SoundFont ({error}); fetch it anew") from None
        return self._zones[wanted]

    def _nearest(self, bank: int, program: int) -> int | None:
        family = [(bank, program), *((bank, program // 8 * 8 + i) for i in range(8))]
        others = sorted(name for name in self._by_name if (name[0] == DRUM_BANK) == (bank == DRUM_BANK))
        return next((self._by_name[name] for name in [*family, *others] if name in self._by_name), None)

    def _preset_zones(self, preset: int | None) -> list[Zone]:
        if preset is None:
            return []
        found = []
        bags = self._outer[self._preset_bags[preset] : self._preset_bags[preset + 1] + 1]
        for outer, instrument in _bag_zones(bags, self._outer_generators, _INSTRUMENT):
            bags = self._inner[self._instrument_bags[instrument] : self._instrument_bags[instrument + 1] + 1]
            for inner, sample in _bag_zones(bags, self._inner_generators, _SAMPLE):
                if sample >= len(self._headers) - 1:
                    raise IndexError(f"no sample {sample}")
                keys, velocities = (_common(outer.get(k), inner.get(k)) for k in (_KEY_RANGE, _VELOCITY_RANGE))
                if keys is None or velocities is None:
                    continue
                values = dict(inner)
                for kind, amount in outer.items():
                    if kind not in _INSTRUMENT_ONLY:
                        values[kind] = values.get(kind, _DEFAULTS.get(kind, 0)) + amount
                found.append(Zone(keys, velocities, values, sample))
        return found

    def sample(self, zone: Zone) -> Sample | None:
        """The zone's recording, without the offsets that the zone may add; None where there is nothing to hear."""
        if zone.sample not in self._samples:
            try:
                self._samples[zone.sample] = self._read(self._headers[zone.sample])
            except (ValueError, RuntimeError) as error:
                raise ScoreError(f"{self.path}: is a damaged SoundFont ({error}); fetch it anew") from None
        return self._samples[zone.sample]

    def _read(self, header: Any) -> Sample | None:
        start, end, kind = int(header["start"]), int(header["end"]), int(header["kind"])
        loop = int(header["loop_start"]), int(header["loop_end"])
        if kind & _ROM or end <= start or not header["rate"]:
            return None
        if kind & _VORBIS:
            import soundfile

            samples, _ = soundfile.read(io.BytesIO(bytes(self._pcm[start:end])), dtype="float32", always_2d=True)
            samples = np.ascontiguousarray(samples[:, 0])  # its loop already counts from the begin of the sample
        else:
            samples = np.frombuffer(bytes(self._pcm[2 * start : 2 * end]), "<i2").astype(np.float32) / np.float32(32768)
            loop = loop[0] - start, loop[1] - start
        if len(samples) < 2:
            return None
        root = int(header["pitch"])
        root = root if root < 128 else 60
        return Sample(samples, *loop, int(header["rate"]), root, int(header["correction"]))


def _pairs(table: NDArray[Any], first: str, second: str) -> list[tuple[int, int]]:
    return list(zip(table[first].tolist(), table[second].tolist(), strict=True))


def _bag_zones(bags: list[int], generators: list[tuple[int, int]], target: int) -> list[tuple[Generators, int]]:
    """Each zone's generators over those of the global zone, with the instrument or sample that it plays."""
    found = []
    common: Generators = {}
    for i, (first, last) in enumerate(pairwise(bags)):
        if last > len(generators):
            raise IndexError("generators are missing")
        values = dict(generators[first:last])
        if target in values:
            index = values.pop(target) & 0xFFFF
            found.append(({**common, **values}, index))
        elif i == 0:
            common = values
    return found


def _common(*ranges: int | None) -> tuple[int, int] | None:
    low, high = 0, 127
    for value in ranges:
        if value is not None:
            low, high = max(low, value & 0xFF), min(high, value >> 8 & 0xFF)
    return (low, high) if low <= high else None


def open_soundfont(path: Path) -> SoundFont:
    """The SoundFont at ``path``, kept open for the next call; raises as :class:`SoundFont` does."""
    try:
        status = path.stat()
    except OSError as error:
        raise ScoreError(f"{path}: cannot be read ({error.strerror or error}); name a SoundFont (.sf2)") from None
    if not path.is_file():
        raise ScoreError(f"{path}: is a folder; name a SoundFont (.sf2)")
    return _open(path, status.st_mtime_ns, status.st_size)


def _opened(path: Path, changed_ns: int, size: int) -> SoundFont:
    return SoundFont(path)


_open: Callable[[Path, int, int], SoundFont] = lru_cache(maxsize=2)(_opened)
