"""Metrics: exact values on fixtures that can be checked by hand, and the laws that every input obeys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import UsageError
from sideman.genre import metrics

# Named right: items 0, 1, 3; item 2 (class 1) is taken for class 0.
P = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7]])
Y = np.array([0, 0, 1, 2])
quickly = settings(max_examples=60, deadline=None)


@st.composite
def judged(draw, classes: int = 4):
    n = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p = rng.dirichlet(np.full(classes, draw(st.sampled_from([0.05, 1.0, 20.0]))), n)
    return p, rng.integers(0, classes, n)


def test_recall_per_class():
    assert metrics.recall_per_class(P, Y).tolist() == [1.0, 0.0, 1.0]


def test_recall_of_a_class_without_items_is_unknown():
    assert np.isnan(metrics.recall_per_class(P[:3], Y[:3])).tolist() == [False, False, True]


def test_balanced_accuracy_counts_each_class_once():
    assert metrics.balanced_accuracy(P, Y) == pytest.approx(2 / 3)
    assert metrics.balanced_accuracy(P[:3], Y[:3]) == pytest.approx(1 / 2)


def test_negative_log_likelihood():
    assert metrics.negative_log_likelihood(P, Y) == pytest.approx(-np.log([0.8, 0.6, 0.4, 0.7]).mean())
    assert metrics.negative_log_likelihood(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx(-np.log(1e-12))


def test_brier_score():
    assert metrics.brier_score(P, Y) == pytest.approx((0.06 + 0.26 + 0.62 + 0.14) / 4)
    assert metrics.brier_score(np.array([[0.0, 1.0]]), np.array([0])) == 2.0


def test_expected_calibration_error():
    # Bins of 0.1: 0.8 right, 0.6 right, 0.5 wrong, 0.7 right, each alone in its bin.
    assert metrics.expected_calibration_error(P, Y) == pytest.approx((0.2 + 0.4 + 0.5 + 0.3) / 4)
    # One bin: mean confidence 0.65, accuracy 0.75.
    assert metrics.expected_calibration_error(P, Y, bins=1) == pytest.approx(0.10)


@quickly
@given(judged())
def test_every_figure_stays_in_its_range(case):
    p, y = case
    assert 0 <= metrics.balanced_accuracy(p, y) <= 1
    assert 0 <= metrics.negative_log_likelihood(p, y) <= -np.log(1e-12)
    assert 0 <= metrics.brier_score(p, y) <= 2
    assert 0 <= metrics.expected_calibration_error(p, y) <= 1


@quickly
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_perfect_predictions(labels):
    y = np.array(labels)
    p = np.eye(5)[y]
    assert metrics.balanced_accuracy(p, y) == 1
    assert metrics.negative_log_likelihood(p, y) == 0
    assert metrics.brier_score(p, y) == 0
    assert metrics.expected_calibration_error(p, y) == 0


@quickly
@given(judged(), st.randoms(use_true_random=False))
def test_the_order_of_items_and_the_names_of_classes_do_not_matter(case, random):
    p, y = case
    items = np.array(random.sample(range(len(y)), len(y)))
    classes = np.array(random.sample(range(p.shape[1]), p.shape[1]))
    renamed = np.argsort(classes)[y]
    for figure in (
        metrics.balanced_accuracy,
        metrics.negative_log_likelihood,
        metrics.brier_score,
        metrics.expected_calibration_error,
    ):
        assert figure(p[items], y[items]) == pytest.approx(figure(p, y))
        assert figure(p[:, classes], renamed) == pytest.approx(figure(p, y))


@pytest.mark.parametrize(
    "p, y",
    [
        (P, Y[:3]),
        (P[0], Y[:1]),
        (np.zeros((0, 3)), np.zeros(0, int)),
        (P, np.array([0, 0, 1, 3])),
        (P, np.array([0, 0, 1, -1])),
    ],
    ids=["lengths differ", "one row", "nothing", "label too high", "label below 0"],
)
def test_what_does_not_fit_together_is_refused(p, y):
    for figure in (metrics.balanced_accuracy, metrics.negative_log_likelihood, metrics.brier_score):
        with pytest.raises(UsageError):
            figure(p, y)


def test_chance_calibration_error_bounds_that_of_a_calibrated_model():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.full(10, 0.3), 500)
    bound = metrics.calibrated_ece_quantile(p, draws=200)
    calibrated = [
        metrics.expected_calibration_error(p, np.array([rng.choice(10, p=row) for row in p])) for _ in range(20)
    ]
    assert np.mean(np.array(calibrated) <= bound) >= 0.8
    sure = p**3 / (p**3).sum(1, keepdims=True)  # an overconfident model of the same data
    drawn = np.array([rng.choice(10, p=row) for row in p])
    assert metrics.expected_calibration_error(sure, drawn) > metrics.calibrated_ece_quantile(sure, draws=200)


def test_chance_calibration_error_shrinks_with_more_items():
    p = np.random.default_rng(2).dirichlet(np.ones(10), 2000)
    assert metrics.calibrated_ece_quantile(p, draws=100) < metrics.calibrated_ece_quantile(p[:100], draws=100) / 2


def test_chance_calibration_error_is_the_same_for_the_same_seed():
    assert metrics.calibrated_ece_quantile(P, draws=50, seed=3) == metrics.calibrated_ece_quantile(P, draws=50, seed=3)


def test_the_bootstrap_interval_holds_the_estimate_and_draws_whole_groups():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40).astype(str), 5)
    right = (rng.random(40) < 0.7).repeat(5).astype(float)  # all five items of an artist succeed or fail together
    low, high = metrics.grouped_bootstrap(lambda rows: float(right[rows].mean()), groups, draws=500)
    assert low <= right.mean() <= high
    alone = metrics.grouped_bootstrap(lambda rows: float(right[rows].mean()), np.arange(200).astype(str), draws=500)
    assert high - low > 1.7 * (alone[1] - alone[0])  # sqrt(5) = 2.2 in expectation


def test_one_group_leaves_no_doubt():
    assert metrics.grouped_bootstrap(lambda rows: float(len(rows)), np.array(["a"] * 7), draws=20) == (7.0, 7.0)


def test_wider_levels_give_wider_intervals():
    values = np.random.default_rng(0).standard_normal(100)
    names = np.arange(100).astype(str)
    half = metrics.grouped_bootstrap(lambda rows: float(values[rows].mean()), names, draws=300, level=0.5)
    most = metrics.grouped_bootstrap(lambda rows: float(values[rows].mean()), names, draws=300, level=0.99)
    assert most[0] < half[0] < half[1] < most[1]


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_best_temperature_undoes_a_known_one(temperature):
    rng = np.random.default_rng(5)
    logits = 2 * rng.standard_normal((6000, 10))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (rng.random((6000, 1)) > p.cumsum(1)).sum(1).clip(0, 9)
    assert metrics.best_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.08)


def test_the_best_temperature_stays_within_its_bounds():
    sure = np.log(np.array([[0.9, 0.1]] * 20))
    assert 0.05 <= metrics.best_temperature(sure, np.zeros(20, int)) < 0.1
    assert 10 < metrics.best_temperature(sure, np.ones(20, int)) <= 20
