"""The models of the feature table: what they learn, what they export, and what a bad table gets."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")
pytest.importorskip("onnx")

import onnxruntime

from sideman.core.errors import DatasetError, ModelError, UsageError
from sideman.genre.models.derived import Derived
from sideman.genre.models.onnx_graph import Graph, check_equal
from sideman.genre.models.table import LEAST_PROBABILITY, Standard, Table
from sideman.genre.models.trees import below
from sideman.genre.registry import get_model
from sideman.training.task import Examples
from tests.genre.table_rows import like_features, rows, task

NAMES = ("knn", "svm", "logistic", "forest", "boosting", "kmeans", "blend", "ensemble")
QUICK = {
    "forest": {"trees": "12"},
    "boosting": {"rounds": "6", "leaf_rows": "2"},
    "ensemble": {"members": "svm,knn,logistic"},
}


def fitted(name, examples, n_classes=None, seed=0, **changes):
    spec = get_model(name)
    chosen = spec.settings(QUICK.get(name, {}) | changes)
    return spec.load().fit(task(examples, n_classes, seed), chosen)


def run(payload, x):
    session = onnxruntime.InferenceSession(payload, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["features"]
    assert [o.name for o in session.get_outputs()] == ["scores"]
    return session.run(None, {"features": x})[0]


@pytest.mark.parametrize("name", NAMES)
class TestEveryModel:
    def test_learns_classes_that_lie_apart(self, name):
        model = fitted(name, rows(tracks=10), **({"leaf_rows": "2"} if name == "boosting" else {}))
        unseen = rows(tracks=10, seed=1)
        assert (model.scores(unseen.x).argmax(1) == unseen.y).mean() > 0.8

    def test_scores_are_log_probabilities(self, name):
        scores = fitted(name, rows()).scores(rows(seed=1, spread=3).x)
        assert scores.dtype == np.float32
        assert scores.shape == (24, 4)
        np.testing.assert_allclose(np.exp(scores.astype(float)).sum(1), 1, atol=1e-5)

    @pytest.mark.parametrize("n_classes", [2, 3, 10])
    def test_the_network_repeats_the_scores_for_one_row_and_for_many(self, name, n_classes):
        model = fitted(name, rows(n_classes, tracks=5))
        payload, unseen = model.to_onnx(), rows(n_classes, tracks=7, seed=1, spread=2).x
        many = run(payload, unseen)
        assert many.dtype == np.float32
        np.testing.assert_allclose(many, model.scores(unseen), atol=1e-4)
        np.testing.assert_allclose(run(payload, unseen[:1]), many[:1], atol=1e-4)
        assert run(payload, unseen[:0]).shape == (0, n_classes)

    def test_the_same_seed_gives_the_same_model(self, name):
        examples, unseen = rows(spread=2), rows(seed=1, spread=3).x
        first, second = (fitted(name, examples, seed=7) for _ in range(2))
        np.testing.assert_array_equal(first.scores(unseen), second.scores(unseen))
        assert first.to_onnx() == second.to_onnx()

    def test_validation_rows_change_nothing_that_is_learnt(self, name):
        examples, other = rows(spread=2), rows(seed=5, spread=40)
        spec = get_model(name)
        chosen = spec.settings(QUICK.get(name, {}))
        alone = spec.load().fit(task(examples), chosen)
        beside = spec.load().fit(replace(task(examples), valid=other), chosen)
        np.testing.assert_array_equal(beside.scores(other.x), alone.scores(other.x))

    def test_a_class_without_training_rows_keeps_its_column_and_is_never_chosen(self, name):
        examples = rows(4)
        without = Examples(*(part[examples.y != 2] for part in (examples.x, examples.y, examples.track_of)))
        model = fitted(name, without, n_classes=5)
        scores = model.scores(examples.x)
        assert scores.shape == (24, 5)
        np.testing.assert_allclose(scores[:, [2, 4]], np.log(LEAST_PROBABILITY), rtol=1e-5)
        np.testing.assert_allclose(run(model.to_onnx(), examples.x), scores, atol=1e-4)

    def test_columns_that_never_change_do_no_harm(self, name):
        examples = rows(tracks=8)
        constant = np.pad(examples.x, ((0, 0), (1, 1)), constant_values=((0, 0), (0.1, 0)))
        model = fitted(name, replace(examples, x=constant))
        scores = model.scores(constant)
        assert np.isfinite(scores).all()
        assert (scores.argmax(1) == examples.y).mean() > 0.8
        np.testing.assert_allclose(run(model.to_onnx(), constant), scores, atol=1e-4)

    def test_two_recordings_per_genre_are_enough(self, name):
        examples = rows(3, tracks=2, spread=0.1)
        model = fitted(name, examples)
        assert np.isfinite(model.scores(examples.x)).all()
        np.testing.assert_allclose(run(model.to_onnx(), examples.x), model.scores(examples.x), atol=1e-4)

    def test_equal_rows_of_different_genres_do_not_break_it(self, name):
        examples = rows(2, tracks=5)
        same = replace(examples, x=np.ones_like(examples.x))
        scores = fitted(name, same).scores(same.x)
        np.testing.assert_allclose(np.exp(scores), 0.5, atol=0.05)

    def test_one_genre_is_refused(self, name):
        with pytest.raises(DatasetError, match="all of one genre"):
            fitted(name, rows(1), n_classes=3)

    def test_rows_that_are_pictures_are_refused(self, name):
        picture = replace(rows(2), x=np.zeros((12, 3, 4), np.float32))
        with pytest.raises(UsageError, match="one row of columns"):
            fitted(name, picture)

    def test_a_table_with_other_columns_is_refused(self, name):
        with pytest.raises(UsageError, match=r"takes \(rows, 5\)"):
            fitted(name, rows()).scores(np.zeros((2, 4), np.float32))

    def test_the_search_space_names_settings_and_holds_their_defaults(self, name):
        module = get_model(name).load()
        for setting, (kind, *values) in module.SPACE.items():
            default = getattr(module.Settings(), setting)
            assert default in values if kind == "choice" else values[0] <= default <= values[1], setting


def test_classes_weigh_the_same_however_many_rows_they_have():
    few = rows(2, tracks=4, seed=3, spread=4)
    many = Examples(
        np.concatenate([few.x, np.repeat(few.x[few.y == 1], 9, 0)]),
        np.concatenate([few.y, np.ones(36, int)]),
        np.concatenate([few.track_of, np.repeat(few.track_of[few.y == 1], 9)]),
    )  # every recording of class 1 has ten equal rows now
    for name in ("logistic", "knn"):
        changes = {"k": "99", "near_counts_more": "no"} if name == "knn" else {}
        plain, heavy = fitted(name, few, **changes), fitted(name, many, **changes)
        # z-scores are measured on rows and move a little; the balance must not
        gap = plain.scores(few.x)[:, 0].mean() - heavy.scores(few.x)[:, 0].mean()
        assert abs(gap) < 0.5, name


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 999), scale=st.floats(0.1, 1000))
def test_what_is_tested_changes_nothing_that_was_learnt(seed, scale):
    examples = rows(3)
    other = rows(3, seed=seed, spread=scale).x
    model = fitted("svm", examples)
    before = model.scores(examples.x[:4])
    together = model.scores(np.concatenate([examples.x[:4], other]))
    np.testing.assert_allclose(together[:4], before, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(1e-3, 1e3), shift=st.floats(-50, 50))
def test_units_of_a_column_do_not_matter(factor, shift):
    examples = rows(3)
    units = np.array([factor, 1, 1, 1, 1]), np.array([shift * factor, 0, 0, 0, 0])
    moved = replace(examples, x=(examples.x * units[0] + units[1]).astype(np.float32))
    for name in ("knn", "logistic"):
        gap = fitted(name, examples).scores(examples.x) - fitted(name, moved).scores(moved.x)
        assert np.abs(gap).max() < 0.05, name


class TestStandard:
    def test_brings_training_rows_to_mean_0_and_deviation_1(self):
        z = Standard.of(rows().x.astype(float))(rows().x.astype(float))
        np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(z.std(0), 1)

    @pytest.mark.parametrize("value", [0.0, 0.1, -7e8, 1e-30])
    def test_a_constant_column_becomes_0_also_for_other_values(self, value):
        standard = Standard.of(np.full((10, 1), value))
        assert standard(np.array([[value], [value + 5.0]])).tolist() == [[0.0], [0.0]]


class TestFolds:
    @settings(max_examples=30, deadline=None)
    @given(tracks=st.integers(2, 9), per_track=st.integers(1, 4), most=st.integers(2, 6), seed=st.integers(0, 99))
    def test_keep_recordings_whole_and_every_class_in_every_fold(self, tracks, per_track, most, seed):
        table = Table.of(task(rows(3, tracks, per_track)))
        fold = table.folds(most, seed)
        assert len(np.unique(fold)) == min(most, tracks)
        for track in np.unique(table.track_of):
            assert len(np.unique(fold[table.track_of == track])) == 1
        for k in range(3):
            assert len(np.unique(fold[table.y == k])) == min(most, tracks)

    def test_a_genre_with_a_single_recording_leaves_nothing_out(self):
        one = rows(2, 3)
        keep = (one.y == 0) | (one.track_of == 3)
        table = Table.of(task(Examples(one.x[keep], one.y[keep], one.track_of[keep])))
        assert table.folds(5, 0).max() == 0


class TestNeighbours:
    def test_k_above_the_number_of_rows_takes_them_all(self):
        model = fitted("knn", rows(2, tracks=3), k="500")
        assert np.isfinite(model.scores(rows(2).x)).all()
        model.to_onnx()

    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 999))
    def test_the_order_of_the_rows_does_not_matter_even_where_distances_tie(self, seed):
        examples = rows(3, tracks=4)
        grid = np.round(examples.x)  # many equal distances
        order = np.random.default_rng(seed).permutation(len(examples))
        shuffled = Examples(grid[order], examples.y[order], examples.track_of[order])
        asked = np.round(rows(3, seed=1, spread=2).x)
        plain = fitted("knn", replace(examples, x=grid), k="3")
        np.testing.assert_allclose(fitted("knn", shuffled, k="3").scores(asked), plain.scores(asked), atol=1e-4)

    def test_the_nearest_alone_names_its_own_row(self):
        examples = rows(spread=3)
        assert (fitted("knn", examples, k="1").scores(examples.x).argmax(1) == examples.y).all()


class TestTrees:
    @settings(max_examples=200, deadline=None)
    @given(threshold=st.floats(-1e6, 1e6), x=st.floats(-1e6, 1e6, width=32))
    def test_thresholds_in_float32_decide_as_in_float64(self, threshold, x):
        near = np.float32(threshold)
        asked = (np.float32(x), near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf)))
        narrow = below(np.array([threshold]))[0]
        for value in asked:
            assert (value <= narrow) == (float(value) <= threshold)

    @pytest.mark.parametrize("name", ["forest", "boosting"])
    def test_the_network_agrees_at_the_thresholds_themselves(self, name):
        examples = rows(3, tracks=20, spread=2)
        coarse = replace(examples, x=np.round(examples.x * 4) / 4)  # thresholds fall on representable values
        model = fitted(name, coarse)
        asked = np.round(rows(3, tracks=50, seed=1, spread=3).x * 8) / 8
        np.testing.assert_allclose(run(model.to_onnx(), asked), model.scores(asked), atol=1e-4)


class TestDerived:
    def test_the_network_repeats_numpy(self):
        x = like_features().x.astype(float)
        x[0] = 0  # digital silence
        x[1] *= 1e6
        derived, graph = Derived(57), Graph()
        payload = graph.finish(derived.put(graph, graph.wide("features")), 57, derived(x).shape[1])
        x = x.astype(np.float32)
        wide = derived(x.astype(float))
        assert np.isfinite(wide).all()
        np.testing.assert_allclose(run(payload, x), wide, rtol=1e-5, atol=1e-6)

    def test_adds_columns_to_the_feature_table_only(self):
        assert Derived(57)(like_features().x.astype(float)).shape[1] > 57
        assert Derived(5)(rows().x.astype(float)).shape[1] == 5

    def test_length_is_passed_on_and_nothing_else_changes(self):
        x = like_features().x.astype(float)
        longer = np.hstack([np.full((len(x), 1), 661500.0), x])
        with_length = Derived(58)(longer)
        assert with_length.shape[1] == Derived(57)(x).shape[1] + 1
        assert (with_length == 661500.0).all(0).sum() == 1

    def test_half_and_double_tempo_share_their_place_in_the_octave(self):
        from sideman.audio.descriptors import DESCRIPTOR_COLUMNS

        x = like_features().x.astype(float)[:2]
        x[:] = x[0]
        x[:, DESCRIPTOR_COLUMNS.index("tempo") - 1] = 70.0, 140.0
        gap = np.abs(np.diff(Derived(57)(x), axis=0)[0])
        np.testing.assert_allclose(np.sort(gap)[-1], 1.0)  # one octave apart, and in nothing else
        assert (gap > 1e-9).sum() == 1

    def test_the_blend_learns_from_a_feature_table(self):
        examples, unseen = like_features(tracks=12), like_features(tracks=12, seed=1)
        model = fitted("blend", examples)
        assert (model.scores(unseen.x).argmax(1) == unseen.y).mean() > 0.8
        np.testing.assert_allclose(run(model.to_onnx(), unseen.x), model.scores(unseen.x), atol=1e-4)


@pytest.mark.parametrize(
    "name, changes",
    [
        ("knn", {"k": "0"}),
        ("svm", {"c": "0"}),
        ("logistic", {"c": "-1"}),
        ("forest", {"trees": "0"}),
        ("boosting", {"step": "0"}),
        ("kmeans", {"clusters": "0"}),
        ("blend", {"gather": "0"}),
        ("ensemble", {"members": "svm,tuba"}),
        ("ensemble", {"how": "shout"}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name, changes):
    with pytest.raises(UsageError, match=name):
        fitted(name, rows(), **changes)


def test_a_network_that_gives_other_scores_is_refused():
    examples = rows()
    model = fitted("logistic", examples)
    scores = model.scores(examples.x)
    with pytest.raises(ModelError, match="differ"):
        check_equal(model.to_onnx(), examples.x, scores + np.float32(0.01))
