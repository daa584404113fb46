"""Pools of augmented windows: resumable to the bit, balanced, and never across the folds that must stay apart."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sideman.genre.frontend import WINDOW_N, windows_of  # noqa: E402
from sideman.genre.recipe import pools  # noqa: E402
from sideman.genre.recipe.network import Scale  # noqa: E402
from sideman.genre.recipe.pools import ClipWindows, MidiWindows, Pool, Window, draw_negative, make_pool  # noqa: E402
from sideman.genre.recipe.teachers import N_TARGETS  # noqa: E402
from sideman.training import augment  # noqa: E402
from tests.genre.clips import song  # noqa: E402

N_FOLDS = 3


class Teacher:
    """Says the mean level of a window, in every target."""

    def targets(self, samples: np.ndarray, batch: int = 8) -> np.ndarray:
        return np.repeat(np.abs(samples).mean(1, keepdims=True), N_TARGETS, axis=1).astype(np.float32)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(pools, "_BATCH", 4)


def draw(rng: np.random.Generator) -> Window:
    label = np.zeros(10, np.float32)
    label[rng.integers(10)] = 1
    samples = (0.1 * rng.standard_normal(WINDOW_N)).astype(np.float32)
    return Window(samples, label, (int(rng.integers(N_FOLDS)),))


def make(folder, count=11, drawing=draw, seed=7) -> Pool:
    return make_pool(folder, drawing, count, Teacher(), seed=seed, n_folds=N_FOLDS)


def arrays(pool: Pool, rows: slice = slice(None)) -> list[bytes]:
    return [np.asarray(part[rows]).tobytes() for part in (pool.mel, pool.targets, pool.labels, pool.folds)]


def test_a_pool_holds_what_was_drawn(tmp_path):
    pool = make(tmp_path)
    assert pool.mel.shape == (11, 96, 87)
    assert pool.targets.shape == (11, N_TARGETS)
    assert pool.folds.shape == (11, N_FOLDS)
    window = draw(np.random.default_rng([7, 9]))
    np.testing.assert_array_equal(pool.mel[9], windows_of(window.samples)[0][0].astype(np.float16))
    np.testing.assert_array_equal(pool.labels[9], window.label)
    assert np.flatnonzero(pool.folds[9]).tolist() == list(window.folds)


@pytest.mark.parametrize("killed_at", [1, 5, 8, 10])
def test_a_killed_pool_resumes_to_identical_content(tmp_path, killed_at):
    drawn = []

    def dying(rng):
        if len(drawn) == killed_at:
            raise KeyboardInterrupt
        drawn.append(1)
        return draw(rng)

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "killed", drawing=dying)
    resumed = []
    pool = make(tmp_path / "killed", drawing=lambda rng: resumed.append(1) or draw(rng))
    assert arrays(pool) == arrays(make(tmp_path / "whole"))
    assert len(resumed) == 11 - killed_at // 4 * 4  # finished batches are not drawn again


def test_a_finished_pool_is_only_read(tmp_path):
    first = arrays(make(tmp_path))

    def never(rng):
        raise AssertionError

    assert arrays(make(tmp_path, drawing=never)) == first


def test_a_window_depends_on_seed_and_place_alone(tmp_path):
    longer = make(tmp_path / "a", 11)
    assert arrays(longer, slice(6)) == arrays(make(tmp_path / "b", 6))
    assert arrays(longer, slice(6)) != arrays(make(tmp_path / "c", 6, seed=8))


@pytest.mark.parametrize("folds", [(), (1,), (0, 2), (0, 1, 2)])
def test_without_takes_out_exactly_the_windows_of_those_folds(tmp_path, folds):
    pool = make(tmp_path, 30)
    left = pool.without(folds)
    stays = [i for i in range(30) if not set(np.flatnonzero(pool.folds[i])) & set(folds)]
    np.testing.assert_array_equal(left.mel, pool.mel[stays])
    np.testing.assert_array_equal(left.labels, pool.labels[stays])
    np.testing.assert_array_equal(left.targets, pool.targets[stays])
    assert not left.folds[:, list(folds)].any()


def test_windows_that_heard_no_fold_are_never_taken_out(tmp_path):
    pool = make(tmp_path, 6, drawing=draw_negative)
    assert not pool.folds.any()
    assert len(pool.without((0, 1, 2)).mel) == 6


# --- what is drawn ------------------------------------------------------------------------------------------------


def stems(k: int = 4, level: int = 9000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (level * rng.uniform(-1, 1, (k, 3 * WINDOW_N))).astype(np.int16)


def is_finished(window: Window) -> None:
    assert window.samples.shape == (WINDOW_N,)
    assert window.samples.dtype == np.float32
    assert np.isfinite(window.samples).all()
    assert augment.rms(window.samples) == pytest.approx(0.1, abs=1e-3)


def test_midi_windows_have_no_label_and_no_fold():
    midi = MidiWindows(stems(), np.array([False, True, False, False]))
    for seed in range(12):
        window = midi.draw(np.random.default_rng(seed))
        is_finished(window)
        assert not window.label.any()
        assert window.folds == ()


@pytest.mark.parametrize("drums", [[True] * 3, [False] * 3], ids=["drums alone", "no drums"])
def test_midi_windows_of_one_kind_work_too(drums):
    midi = MidiWindows(stems(3), np.array(drums))
    for seed in range(12):
        is_finished(midi.draw(np.random.default_rng(seed)))


def clip_windows(midi=None):
    """Clip i: genre i mod 2, fold i // 2; genre 0 of fold 0 four times."""
    clips = [song(1.0 + 0.5 * i, seed=i) for i in range(9)]
    genres = np.array([0, 1, 0, 1, 0, 1, 0, 0, 0])
    folds = np.array([0, 0, 1, 1, 2, 2, 0, 0, 0])
    return ClipWindows(clips, genres, folds, midi), genres, folds


def test_clip_windows_are_labelled_and_know_their_fold():
    source, _, _ = clip_windows(MidiWindows(stems(), np.zeros(4, bool)))
    labels = []
    for seed in range(60):
        window = source.draw(np.random.default_rng(seed))
        is_finished(window)
        assert window.label.sum() == pytest.approx(1)
        assert not window.label[2:].any()
        assert len(window.folds) == 1
        labels.append(window.label[0])
    assert 0.3 < np.mean(labels) < 0.7  # both genres equally often, though genre 0 has twice the clips
    assert any(0 < label < 1 for label in labels)  # some are mixed


def test_a_mix_stays_within_its_fold(monkeypatch):
    source, _, folds = clip_windows()
    taken: list[int] = []
    one = ClipWindows._one
    monkeypatch.setattr(ClipWindows, "_one", lambda self, rng, index: taken.append(index) or one(self, rng, index))
    mixed = 0
    for seed in range(60):
        taken.clear()
        window = source.draw(np.random.default_rng(seed))
        assert {int(folds[index]) for index in taken} == set(window.folds)
        mixed += len(taken) == 2
    assert mixed > 5


def test_negatives_have_no_genre():
    for seed in range(5):
        window = draw_negative(np.random.default_rng(seed))
        is_finished(window)
        assert not window.label.any()
        assert window.folds == ()


# --- the scale of targets -----------------------------------------------------------------------------------------


def test_targets_are_standardised():
    targets = np.random.default_rng(0).normal(3, 2, (500, N_TARGETS)).astype(np.float16)
    scaled = Scale.of(targets).tensor(targets).numpy()
    assert np.abs(scaled.mean(0)).max() < 0.01
    np.testing.assert_allclose(scaled.std(0), 1, atol=0.01)


def test_a_target_that_never_changes_is_no_division_by_zero():
    scaled = Scale.of(np.ones((5, N_TARGETS), np.float16)).tensor(np.ones((5, N_TARGETS), np.float16))
    assert torch.isfinite(scaled).all()
