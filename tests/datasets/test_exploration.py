"""Exploring a data set finds copies, outliers and giveaways, and leaves out what it should and nothing else."""

from __future__ import annotations

import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sideman.core.png import colourise, write_png
from sideman.datasets import folders, manifest
from sideman.datasets.charts import bars, box_plots, five_numbers, nice_ticks
from sideman.datasets.clips import Clip
from sideman.datasets.exploration import Exploration, exclusions, explore, giveaways, outliers, robust_z, typical
from sideman.datasets.pictures import draw
from sideman.datasets.report import choose_clips, render
from sideman.datasets.track import Dataset, Relation, Track
from tests.datasets.music import RATE_HZ, recompressed, tune, write


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("messy <b>&amp; set")
    for seed in range(10):
        write(root / "jazz <i>" / f"{seed}.wav", tune(seed, 3.0))
        write(root / "rock 🎸" / f"{seed}.wav", tune(100 + seed, 4.0))
    write(root / "jazz <i>" / "copy.mp3.wav", 0.3 * recompressed(tune(3, 3.0))[RATE_HZ // 4 :])
    write(root / "jazz <i>" / "traitor.wav", tune(105, 4.0) * np.float32(0.5))
    write(root / "jazz <i>" / "short.wav", tune(50, 0.5))
    write(root / "rock 🎸" / "silent.wav", np.zeros(RATE_HZ * 3, np.float32))
    write(root / "rock 🎸" / "noise.wav", np.random.default_rng(0).normal(size=RATE_HZ * 4, scale=0.2).astype("f"))
    (root / "rock 🎸" / "broken.wav").write_bytes(b"RIFF")
    return root


@pytest.fixture(scope="module")
def found(messy: Path) -> Exploration:
    return explore(folders.load(messy), workers=1)


def test_each_track_is_left_out_for_its_reason_and_no_other(found: Exploration) -> None:
    why = {e.track: e.reason for e in found.exclusions}
    assert why.pop("rock 🎸/broken.wav").startswith("cannot be read: ")
    assert why.pop("jazz <i>/short.wav") == "lasts only 0.50 s"
    assert why.pop("rock 🎸/silent.wav") == "100% of it is silent"
    assert why.pop("jazz <i>/copy.mp3.wav") == "a copy of jazz <i>/3.wav"
    for name, other in (("jazz <i>/traitor.wav", "rock 🎸/5.wav"), ("rock 🎸/5.wav", "jazz <i>/traitor.wav")):
        assert why.pop(name) == f"the same recording is labelled jazz <i> and rock 🎸 ({other})"
    assert why == {}


def test_kept_and_left_out_are_everything_and_the_manifest_holds_the_kept(found: Exploration, tmp_path: Path) -> None:
    kept = {track.track_id for track in found.kept()}
    assert kept | {e.track for e in found.exclusions} == set(found.dataset.by_id())
    manifest.write(tmp_path / "clean.csv", found.kept())
    assert len(manifest.load(tmp_path / "clean.csv").tracks) == len(kept) == 20


def test_noise_among_music_is_an_outlier(found: Exploration) -> None:
    assert "rock 🎸/noise.wav" in {o.track for o in found.outliers}
    assert found.outliers[0].distance >= found.outliers[-1].distance


def test_length_gives_these_genres_away_and_channels_do_not(found: Exploration) -> None:
    accuracy = {g.name: g.balanced_accuracy for g in found.giveaways}
    assert accuracy["length"] > 0.75
    assert accuracy["channels"] == accuracy["sample rate"] == pytest.approx(0.5)


def clip(duration_s: float = 30.0, **changes: object) -> Clip:
    plain = {
        "sha256": "", "container": "wav", "codec": "pcm_16", "sample_rate_hz": 22050, "channels": 1, "truncated": False,
        "peak": 0.5, "level_dbfs": -20.0, "clipped": 0.0, "silent": 0.0, "dc": 0.0, "cutoff_hz": 10000.0,
    }  # fmt: skip
    return Clip(**{"duration_s": duration_s, **plain, **changes})


def test_catalogued_copies_leave_one_and_the_longest_stays() -> None:
    tracks = tuple(Track(Path(name), name, "pop") for name in ("a", "b", "c"))
    dataset = Dataset("manifest", Path("m"), tracks, (Relation("repetition", "r", ("a", "b", "c")),))
    left_out = exclusions(dataset, {"a": clip(5.0), "b": clip(9.0), "c": clip(9.0, clipped=0.1)}, {}, ())
    assert [(e.track, e.reason) for e in left_out] == [
        ("a", "a copy of b, as the data set's documentation says"),
        ("c", "a copy of b, as the data set's documentation says"),
    ]


def test_random_properties_give_nothing_away() -> None:
    rng = np.random.default_rng(0)
    clips = {str(i): clip(float(rng.uniform(1, 30)), cutoff_hz=float(rng.uniform(5e3, 1e4))) for i in range(600)}
    genre_of = {name: "abcde"[int(name) % 5] for name in clips}
    for giveaway in giveaways(clips, genre_of):
        assert giveaway.balanced_accuracy == pytest.approx(0.2, abs=0.08)


def test_one_genre_gives_nothing_away_and_has_no_outliers_when_small() -> None:
    assert giveaways({"a": clip(), "b": clip()}, {"a": "x", "b": "x"}) == ()
    assert outliers({str(i): {"rms_mean": float(i**4)} for i in range(7)}, {str(i): "x" for i in range(7)}) == ()


@given(npst.arrays(float, (9, 3), elements=st.floats(-1e6, 1e6)), st.floats(0.01, 100), st.floats(-100, 100))
@settings(deadline=None)
def test_robust_z_is_finite_and_does_not_see_units(table: np.ndarray, scale: float, shift: float) -> None:
    z = robust_z(table)
    assert np.isfinite(z).all()
    spread = np.median(np.abs(table - np.median(table, axis=0)), axis=0)
    clear = spread > 1e-3 * (1 + np.abs(table).max())  # far from where rounding decides
    assert np.allclose(robust_z(table * scale + shift)[:, clear], z[:, clear], rtol=1e-6, atol=1e-6)


def test_typical_tracks_are_near_the_median() -> None:
    described = {str(i): {"rms_mean": float(i), "length": 0.0} for i in range(11)}
    assert typical(described, sorted(described, key=int), 3) == ["5", "4", "6"]
    assert typical(described, [], 3) == []


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br") and tag not in ("rect", "line", "circle", "polygon"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "line", "circle", "polygon"):
            assert self.open.pop() == tag


def test_the_report_is_one_well_formed_page_that_fetches_nothing(found: Exploration) -> None:
    chosen = choose_clips(found, 1)
    assert {genre: len(ids) for genre, ids in chosen.items()} == {"jazz <i>": 1, "rock 🎸": 1}
    pictures = {ids[0]: draw(found.dataset.by_id()[ids[0]].path) for ids in chosen.values()}
    text = render(found, pictures, title="A <set> & more")
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert "script" not in page.tags
    assert not re.search(r"https?:|url\(|@import", text)
    assert text.count("<figure>") == 2
    assert "A &lt;set&gt; &amp; more" in text
    assert "jazz &lt;i&gt;/short.wav" in text
    assert "<i>" not in text


def test_the_report_of_nothing_readable_still_says_so(tmp_path: Path) -> None:
    for name in ("a/x.wav", "b/y.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"no")
    text = render(explore(folders.load(tmp_path), workers=1))
    assert "No file could be read." in text
    assert text.count("cannot be read: ") == 2


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    ticks = nice_ticks(low, low + span)
    assert 1 <= len(ticks) <= 11
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    assert ticks == sorted(set(ticks))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50))
def test_box_plot_numbers_are_ordered_and_lose_no_value(values: list[float]) -> None:
    q1, median, q3, least, most, beyond = five_numbers(values)
    assert least <= median <= most
    assert q1 <= median <= q3
    assert len(beyond) + sum(least <= v <= most for v in values) == len(values)


def test_charts_take_empty_equal_and_odd_values() -> None:
    assert "5%" in bars({"a": 0.05, "<b>": 0.0}, title="t", unit="%", marker=0.1)
    assert "&lt;b&gt;" in bars({"<b>": 0.0}, title="t")
    assert box_plots({"a": [], "b": [1.0, 1.0]}, title="t").count('class="box"') == 1
    assert not re.search(r"[\">]nan", box_plots({"a": [3.0]}, title="t"))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_a_png_holds_exactly_the_pixels(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    data = write_png(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    assert struct.unpack(">IIBB", chunks[b"IHDR"][:10]) == (width, height, 8, 2)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    assert np.array_equal(rows[:, 1:].reshape(pixels.shape), pixels)


def test_colours_grow_lighter_and_pixels_of_another_kind_are_refused() -> None:
    ramp = colourise(np.linspace(0, 1, 64)[None], 0.0, 1.0)[0].astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(ramp) >= -1).all()
    assert np.array_equal(colourise([[np.nan, -5.0]], 0.0, 1.0), colourise([[0.0, 0.0]], 0.0, 1.0))
    with pytest.raises(ValueError, match="uint8"):
        write_png(np.zeros((2, 2), np.uint8))
