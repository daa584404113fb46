"""Statistics: exact values by hand and against scikit-learn and scipy, and the laws that hold for every input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sideman.core.errors import UsageError
from sideman.genre import metrics, statistics
from sideman.genre.sampling import deal, draw_groups, draw_share

quickly = settings(max_examples=60, deadline=None)


@st.composite
def judged(draw, classes: int = 4):
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p = rng.dirichlet(np.full(classes, draw(st.sampled_from([0.05, 1.0, 20.0]))), n)
    return p, rng.integers(0, classes, n)


# ---- intervals


def test_wilson_by_hand() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    assert statistics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert statistics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert statistics.wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@quickly
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_scipys(case: tuple[int, int], level: float) -> None:
    from scipy.stats import binomtest

    right, n = case
    expected = binomtest(right, n).proportion_ci(level, method="wilson")
    assert statistics.wilson(right, n, level) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_refuses_what_is_no_share() -> None:
    for right, n in ((1, 0), (3, 2), (-1, 4)):
        with pytest.raises(UsageError, match="0 <= right <= n"):
            statistics.wilson(right, n)


def test_wilson_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    right = rng.binomial(50, 0.7, 4000)
    bounds = {k: statistics.wilson(k, 50) for k in set(right.tolist())}
    covered = np.mean([bounds[k][0] <= 0.7 <= bounds[k][1] for k in right.tolist()])
    assert 0.93 < covered < 0.97


def test_group_interval_of_a_mean_is_the_normal_one_when_groups_are_items() -> None:
    rng = np.random.default_rng(1)
    right = rng.random(400) < 0.6
    sums = np.stack([right, np.ones(400)], axis=1).astype(float)
    low, high = statistics.group_interval(sums, np.arange(400), lambda d: d[:, 0] / d[:, 1], draws=4000)
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert (low, high) == pytest.approx((right.mean() - half, right.mean() + half), abs=0.01)


def test_group_interval_widens_when_groups_err_together_and_agrees_with_the_plain_bootstrap() -> None:
    right = np.repeat(np.random.default_rng(2).random(40) < 0.5, 10)
    groups = np.repeat(np.arange(40), 10)
    sums = np.stack([right, np.ones(400)], axis=1).astype(float)

    def width(by: np.ndarray) -> float:
        low, high = statistics.group_interval(sums, by, lambda d: d[:, 0] / d[:, 1])
        return high - low

    assert width(groups) > 2.5 * width(np.arange(400))
    plain = metrics.grouped_bootstrap(lambda i: float(right[i].mean()), groups.astype(str))
    assert width(groups) == pytest.approx(plain[1] - plain[0], rel=0.1)


def test_group_interval_is_the_same_for_the_same_seed() -> None:
    sums = np.random.default_rng(3).random((30, 2))
    groups = np.arange(30) // 3

    def interval(seed: int) -> tuple[float, float]:
        return statistics.group_interval(sums, groups, lambda d: d[:, 0], seed=seed, draws=300)

    assert interval(1) == interval(1) != interval(2)


# ---- tables


@quickly
@given(judged())
def test_confusion_and_per_class_are_scikit_learns(case) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    p, y = case
    predicted = p.argmax(1)
    matrix = statistics.confusion(predicted, y, 4)
    assert (matrix == sk.confusion_matrix(y, predicted, labels=range(4))).all()
    there = np.unique(y)
    expected = sk.precision_recall_fscore_support(y, predicted, labels=there, zero_division=0)
    found = statistics.per_class(matrix)
    for mine, theirs in zip((found.precision, found.recall, found.f1), expected, strict=False):
        assert mine[there] == pytest.approx(theirs)
        assert np.isnan(np.delete(mine, there)).all()
    assert statistics.macro_f1(matrix) == pytest.approx(
        sk.f1_score(y, predicted, labels=there, average="macro", zero_division=0)
    )


def test_a_genre_that_is_never_named_has_precision_and_f1_zero() -> None:
    found = statistics.per_class(np.array([[3, 0], [2, 0]]))
    assert found.precision.tolist() == [0.6, 0.0]
    assert found.recall.tolist() == [1.0, 0.0]
    assert found.f1.tolist() == [0.75, 0.0]


@quickly
@given(judged())
def test_top_k_is_scikit_learns_and_grows_with_k(case) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    p, y = case
    p = p + np.arange(4) / 1e6  # no ties: scikit-learn breaks them the other way round
    shares = [statistics.top_k(p, y, k) for k in (1, 2, 3, 4)]
    assert shares[0] == pytest.approx((p.argmax(1) == y).mean())
    assert shares == sorted(shares)
    assert shares[3] == 1.0
    assert shares[1] == pytest.approx(sk.top_k_accuracy_score(y, p, k=2, labels=range(4)))


def test_among_equals_the_first_class_is_likelier() -> None:
    p = np.array([[0.4, 0.2, 0.2, 0.2]])
    assert [statistics.top_k(p, np.array([label])) for label in range(4)] == [1, 1, 0, 0]


# ---- calibration and coverage


@quickly
@given(judged())
def test_reliability_bins_add_up_to_the_calibration_error(case) -> None:
    p, y = case
    bins = statistics.reliability(p, y)
    gaps = [part.n * abs(part.confidence - part.accuracy) for part in bins if part.n]
    assert sum(part.n for part in bins) == len(y)
    assert sum(gaps) / len(y) == pytest.approx(metrics.expected_calibration_error(p, y))
    assert all(part.accuracy is None for part in bins if not part.n)


def test_risk_coverage_by_hand() -> None:
    # Confidences 0.9 right, 0.8 wrong, 0.7 right, 0.6 wrong.
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    coverage, risk = statistics.risk_coverage(p, np.array([0, 1, 0, 1]))
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert statistics.aurc(p, np.array([0, 1, 0, 1])) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_equal_confidences_count_as_mixed() -> None:
    p = np.full((4, 2), 0.5)
    assert statistics.risk_coverage(p, np.array([1, 0, 0, 0]))[1] == pytest.approx([0.25] * 4)


@quickly
@given(judged(), st.randoms())
def test_the_risk_ends_at_the_error_rate_and_order_does_not_matter(case, random) -> None:
    p, y = case
    order = list(range(len(y)))
    random.shuffle(order)
    coverage, risk = statistics.risk_coverage(p, y)
    assert risk[-1] == pytest.approx((p.argmax(1) != y).mean())
    assert risk == pytest.approx(statistics.risk_coverage(p[order], y[order])[1])
    assert 0 <= risk.min() <= risk.max() <= 1
    assert (np.diff(coverage) > 0).all()


def test_temperatures_undo_overconfidence_without_a_look_at_the_own_fold() -> None:
    rng = np.random.default_rng(4)
    truth = np.log(rng.dirichlet(np.full(4, 0.7), 1500))
    y = np.array([rng.choice(4, p=np.exp(row)) for row in truth])
    fold = np.arange(1500) % 5
    temperature = statistics.cross_fitted_temperatures(3 * truth, y, fold)
    assert temperature == pytest.approx(np.full(1500, 3.0), rel=0.15)
    changed = y.copy()
    changed[fold == 2] = rng.integers(0, 4, 300)
    again = statistics.cross_fitted_temperatures(3 * truth, changed, fold)
    assert (again[fold == 2] == temperature[fold == 2]).all()
    assert (again[fold != 2] != temperature[fold != 2]).all()


def test_a_fault_free_model_keeps_its_probabilities() -> None:
    assert statistics.fitted_temperature(np.log([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 1])) == 1.0


def test_one_fold_has_no_other_to_fit_on() -> None:
    with pytest.raises(UsageError, match="at least two"):
        statistics.cross_fitted_temperatures(np.zeros((3, 2)), np.zeros(3, int), np.zeros(3, int))


@quickly
@given(judged(), st.floats(0.1, 10))
def test_a_temperature_changes_no_answer(case, temperature: float) -> None:
    p, _ = case
    logs = np.log(np.maximum(p, 1e-12))
    hot = statistics.calibrated(logs, temperature)
    assert hot.sum(1) == pytest.approx(np.ones(len(p)))
    best = hot.max(1)
    assert hot[np.arange(len(p)), p.argmax(1)] == pytest.approx(best)


# ---- McNemar


def test_mcnemar_by_hand() -> None:
    first = np.array([True] * 9 + [False] * 1 + [True] * 5 + [False] * 5)
    second = np.array([False] * 9 + [True] * 1 + [True] * 5 + [False] * 5)
    found = statistics.mcnemar(first, second)
    assert (found.only_first, found.only_second) == (9, 1)
    assert found.p == pytest.approx(2 * (1 + 10) / 2**10)  # 0 or 1 of 10 fair coins, both tails


@quickly
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80))
def test_mcnemar_is_the_binomial_test_and_does_not_care_who_is_first(pairs) -> None:
    from math import comb

    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    found, turned = statistics.mcnemar(first, second), statistics.mcnemar(second, first)
    assert found.p == turned.p
    assert (found.only_first, found.only_second) == (turned.only_second, turned.only_first)
    n, least = found.only_first + found.only_second, min(found.only_first, found.only_second)
    exact = min(1.0, 2 * sum(comb(n, k) for k in range(least + 1)) / 2**n)
    assert found.p == pytest.approx(exact)


def test_mcnemar_refuses_other_items() -> None:
    with pytest.raises(UsageError, match="the same items"):
        statistics.mcnemar(np.ones(3, bool), np.ones(4, bool))


# ---- draws


@quickly
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.floats(0.05, 0.5), st.integers(0, 9))
def test_a_share_is_drawn_of_every_class_and_never_all(labels: list[int], share: float, seed: int) -> None:
    y = np.array(labels)
    drawn = draw_share(y, share, np.random.default_rng(seed))
    for label in np.unique(y):
        there, taken = (y == label).sum(), (y[drawn] == label).sum()
        assert taken == min(max(1, round(share * there)), there - 1)


@quickly
@given(st.lists(st.integers(0, 3), min_size=4, max_size=60), st.integers(2, 6), st.integers(0, 9))
def test_dealt_folds_are_even(labels: list[int], n_folds: int, seed: int) -> None:
    y = np.array(labels)
    fold = deal(y, n_folds, np.random.default_rng(seed))
    counts = np.array([[((fold == f) & (y == c)).sum() for c in np.unique(y)] for f in range(n_folds)])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(1)) <= 1


@quickly
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=60), st.integers(0, 9))
def test_groups_are_drawn_whole_and_leave_every_class(items: list[tuple[int, int]], seed: int) -> None:
    groups, labels = (np.array([item[i] for item in items], int) for i in (0, 1))
    drawn = np.zeros(len(items), bool)
    drawn[draw_groups(groups, labels, 0.15, np.random.default_rng(seed))] = True
    assert not set(groups[drawn]) & set(groups[~drawn])
    assert set(labels[~drawn]) == set(labels)
