"""Networks of piano-roll frames: their probabilities are probabilities, and know the past only."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from sideman.compose.models.frames import (  # noqa: E402
    FACTS,
    MAPS,
    FrameModel,
    Settings,
    collate,
    echoes,
    prepare,
    room,
    transposed,
)
from sideman.core.errors import UsageError  # noqa: E402
from sideman.training.loop import Schedule, fit  # noqa: E402

KEYS = 4
FAMILIES = ["independent", "sequential"]
EVERY_SET = np.array(list(product([0, 1], repeat=KEYS)), np.float32)


def roll(*frames: str) -> np.ndarray:
    """Frames drawn from the lowest key up: "x..x" sounds the lowest and the highest of four."""
    return np.array([[key == "x" for key in frame] for frame in frames], np.float32)


PAST = roll("x..x", ".x.x", "....", "x..x", "xxxx", "x..x", ".x.x")


def model(family: str, members: int = 1, keys: int = KEYS, seed: int = 0) -> FrameModel:
    """A small network with large random weights: nothing is near one half by itself."""
    torch.manual_seed(seed)
    shape = Settings(keys=keys, members=members, inputs=7, units=6, patterns=3, reach=2)
    network = FrameModel(family, shape).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return network


def log_probabilities(network: FrameModel, frames: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network.log_probability(collate([prepare(frames)]))[0].numpy()


def of_every_set(network: FrameModel, past: np.ndarray) -> np.ndarray:
    """Log-probability of every set of keys as the next frame."""
    pieces = [prepare(np.concatenate([past, frame[None]])) for frame in EVERY_SET]
    with torch.no_grad():
        return network.log_probability(collate(pieces))[:, -1].double().numpy()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("members", [1, 2, 3])
@pytest.mark.parametrize("heard", [0, 1, 7])
def test_the_probabilities_of_all_sets_sum_to_one(family, members, heard):
    logs = of_every_set(model(family, members), PAST[:heard])
    assert np.isfinite(logs).all(), "every set may come, the empty and the full one too"
    assert np.exp(logs).sum() == pytest.approx(1, abs=1e-5)
    assert np.ptp(logs) > 0.5, "and they are not all the same"


def gains_of_the_lowest_key(logs: np.ndarray) -> np.ndarray:
    """By how much the lowest key changes the log-probability of each set of the other keys."""
    return logs.reshape(2, -1)[1] - logs.reshape(2, -1)[0]


@pytest.mark.parametrize("members", [1, 3])
def test_keys_of_the_independent_family_are_independent(members):
    gains = gains_of_the_lowest_key(of_every_set(model("independent", members), PAST))
    np.testing.assert_allclose(gains, gains[0], atol=1e-4)


def test_keys_of_the_sequential_family_are_not():
    gains = gains_of_the_lowest_key(of_every_set(model("sequential"), PAST))
    assert np.ptp(gains) > 0.1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("changed", range(len(PAST)))
def test_a_frame_says_nothing_about_those_before_it(family, changed):
    network, other = model(family, 2), PAST.copy()
    other[changed] = 1 - other[changed]
    before, after = log_probabilities(network, PAST), log_probabilities(network, other)
    np.testing.assert_allclose(after[:changed], before[:changed], atol=1e-4)
    assert abs(after[changed:] - before[changed:]).max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_neighbours_and_padding_change_nothing(family):
    network = model(family, 2)
    with torch.no_grad():
        together = network.log_probability(collate([prepare(PAST[:3]), prepare(PAST), prepare(PAST[:1])])).numpy()
    np.testing.assert_allclose(together[0, :3], log_probabilities(network, PAST[:3]), atol=1e-4)
    np.testing.assert_allclose(together[1], log_probabilities(network, PAST), atol=1e-4)
    assert not together[0, 3:].any()
    assert not together[2, 1:].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_one_member_loses_what_its_probability_says_and_several_lose_less_together(family):
    batch = collate([prepare(PAST), prepare(PAST[:4])])
    with torch.no_grad():
        alone, several = model(family), model(family, 3)
        expected = -alone.log_probability(batch).sum() / 11
        assert float(alone.loss(batch)) == pytest.approx(float(expected), rel=1e-5)
        assert -several.log_probability(batch).sum() / 11 < several.loss(batch) - 0.01  # Jensen's inequality


@pytest.mark.parametrize("family", FAMILIES)
def test_it_learns_a_pattern(family):
    batch = collate([prepare(np.tile(roll("x..x", ".x.x", "...."), (8, 1)))])
    torch.manual_seed(0)
    network = FrameModel(family, Settings(keys=KEYS, inputs=16, units=16, patterns=4, reach=2, dropout=0.0))
    before = float(network.loss(batch))
    fit(network, lambda _: network.loss(batch), Schedule(60, 0.03, averaging=0.8))
    assert before > 1
    assert float(network.loss(batch)) < 0.2


def test_echoes_of_a_repeated_line():
    place, length = echoes("abcxabcy")
    assert place.tolist() == [-1, -1, -1, -1, -1, 1, 2, 3]
    assert length.tolist() == [0, 0, 0, 0, 0, 1, 2, 3]


def test_the_longest_echo_wins_and_among_equals_the_latest():
    place, length = echoes("abab.b")
    assert (place[4], length[4]) == (2, 2), "'ab' goes before 'b'"
    place, length = echoes("a1a2a3")
    assert (place[5], length[5]) == (3, 1)
    place, length = echoes("aaaa")
    assert (place[3], length[3]) == (2, 2), "an echo may overlap what it echoes"


def echo_by_search(line: str, t: int) -> tuple[int, int]:
    stretches = [(length, u) for u in range(1, t) for length in range(1, u + 1)]
    found = [(length, u) for length, u in stretches if line[u - length : u] == line[t - length : t]]
    length, u = max(found, default=(0, -1))
    return u, length


@given(st.text("ab.", max_size=14))
def test_echoes_are_what_a_search_finds(line):
    place, length = echoes(line)
    found = [echo_by_search(line, t) for t in range(len(line))]
    assert list(zip(place.tolist(), length.tolist(), strict=True)) == found


def test_what_is_heard_of_a_piece():
    piece = prepare(PAST)
    assert piece.maps.shape == (7, MAPS, KEYS)
    assert piece.facts.shape == (7, FACTS)
    np.testing.assert_array_equal(piece.maps[1:, 0], PAST[:-1])
    np.testing.assert_array_equal(piece.maps[2:, 1], PAST[:-2])
    np.testing.assert_array_equal(piece.maps[4, 2], PAST[1], "after x..x came .x.x")
    assert not piece.maps[0].any()


def test_transposing_before_or_after_preparing_is_the_same():
    frames = np.concatenate([roll("...", "...", "...", "...", "...", "...", "..."), PAST], axis=1)
    piece = prepare(frames)
    assert room(piece) == (-3, 0)
    for semitones in (-3, -1, 0):
        moved, expected = transposed(piece, semitones), prepare(np.roll(frames, semitones, axis=1))
        np.testing.assert_array_equal(moved.frames, expected.frames)
        np.testing.assert_array_equal(moved.maps, expected.maps)
        np.testing.assert_array_equal(moved.facts, expected.facts)
    up = transposed(transposed(piece, -2), 2)
    np.testing.assert_array_equal(up.frames, piece.frames)


def test_silence_has_no_room_to_move():
    assert room(prepare(roll("....", "...."))) == (0, 0)


@pytest.mark.parametrize("shape", [(5,), (0, 4), (4, 0), (2, 3, 4)])
def test_what_is_no_piano_roll_is_refused(shape):
    with pytest.raises(UsageError, match="frames x keys"):
        prepare(np.zeros(shape, np.float32))
