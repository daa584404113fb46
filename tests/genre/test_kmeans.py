"""Clusters of the feature table, compared with the genres that they were not told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from sideman.core.errors import UsageError
from sideman.genre.models.kmeans import clusters_report, nmi, principal_plane, purity
from sideman.genre.models.table import LEAST_PROBABILITY
from sideman.genre.registry import get_model
from tests.genre.table_rows import rows, task

GENRES = ("blues", "jazz", "metal", "pop")


def test_clusters_that_are_genres_have_all_in_common():
    labels = np.array([0, 0, 1, 1, 2, 2])
    renamed = np.array([5, 5, 0, 0, 3, 3])
    assert nmi(renamed, labels) == pytest.approx(1)
    assert purity(renamed, labels) == 1


def test_clusters_across_genres_have_nothing_in_common():
    labels = np.array([0, 1, 0, 1])
    assert nmi(np.array([0, 0, 1, 1]), labels) == pytest.approx(0)
    assert purity(np.array([0, 0, 1, 1]), labels) == 0.5


def test_figures_of_a_worked_example():
    """Manning et al., Introduction to Information Retrieval, figure 16.4: purity 12/17, NMI 0.36."""
    clusters = np.repeat([0, 1, 2], [6, 6, 5])
    labels = np.array([0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 2, 0, 0, 2, 2, 2])
    assert purity(clusters, labels) == pytest.approx(12 / 17)
    assert nmi(clusters, labels) == pytest.approx(0.36, abs=0.005)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40), st.permutations(range(5)))
def test_figures_do_not_depend_on_the_clusters_numbers(pairs, order):
    clusters, labels = (np.array(part) for part in zip(*pairs, strict=True))
    renamed = np.array(order)[clusters]
    assert purity(renamed, labels) == purity(clusters, labels)
    assert nmi(renamed, labels) == pytest.approx(nmi(clusters, labels), abs=1e-9)
    assert 0 <= purity(clusters, labels) <= 1


class TestReport:
    def test_finds_genres_that_lie_apart(self):
        examples = rows(4, tracks=12, spread=0.2)
        figures = clusters_report(examples.x, examples.y, GENRES, 0, 4)
        assert figures.nmi == pytest.approx(1)
        assert figures.purity == 1
        assert sorted(figures.names) == sorted(GENRES)
        assert figures.counts.sum() == len(examples)
        assert figures.points_2d.shape == (48, 2)
        assert figures.chance < 0.6

    def test_the_same_seed_gives_the_same_clusters(self):
        examples = rows(4, spread=3)
        first, second = (clusters_report(examples.x, examples.y, GENRES, 5, 6) for _ in range(2))
        np.testing.assert_array_equal(first.cluster_of, second.cluster_of)

    def test_labels_have_no_influence_on_the_clusters(self):
        examples = rows(4, spread=3)
        told = clusters_report(examples.x, examples.y, GENRES, 0, 4)
        shuffled = clusters_report(examples.x, examples.y[::-1].copy(), GENRES, 0, 4)
        np.testing.assert_array_equal(told.cluster_of, shuffled.cluster_of)

    @pytest.mark.parametrize("k", [1, 25])
    def test_a_number_of_clusters_that_cannot_be_is_refused(self, k):
        examples = rows(4)
        with pytest.raises(UsageError, match="2 to 24 clusters"):
            clusters_report(examples.x, examples.y, GENRES, 0, k)


class TestPlane:
    def test_shows_the_two_widest_directions(self):
        rng = np.random.default_rng(0)
        z = rng.normal(size=(200, 4)) * [5, 0.1, 2, 0.1]
        z -= z.mean(0)
        points, explained = principal_plane(z)
        assert abs(np.corrcoef(points[:, 0], z[:, 0])[0, 1]) > 0.999
        assert abs(np.corrcoef(points[:, 1], z[:, 2])[0, 1]) > 0.99
        assert 0.99 < explained <= 1

    def test_a_single_column_is_a_line(self):
        z = np.array([[-1.0], [0.0], [1.0]])
        points, explained = principal_plane(z)
        np.testing.assert_allclose(points, [[-1, 0], [0, 0], [1, 0]], atol=1e-12)
        assert explained == pytest.approx(1)

    def test_equal_rows_are_one_point(self):
        points, explained = principal_plane(np.zeros((4, 3)))
        assert not points.any()
        assert explained == 0


def test_as_a_classifier_a_row_gets_the_shares_of_its_cluster():
    spec = get_model("kmeans")
    examples = rows(2, tracks=5, spread=0.1)
    model = spec.load().fit(task(examples, 3), spec.settings({"clusters": "2", "smoothing": "0"}))
    expected = np.where(np.eye(3)[examples.y] > 0, 0.0, np.log(LEAST_PROBABILITY))
    np.testing.assert_allclose(model.scores(examples.x), expected, atol=1e-5)


def test_more_clusters_than_rows_become_as_many_as_rows():
    spec = get_model("kmeans")
    examples = rows(2, tracks=2)
    model = spec.load().fit(task(examples), spec.settings({"clusters": "80"}))
    assert (model.scores(examples.x).argmax(1) == examples.y).all()
