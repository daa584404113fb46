"""Voting and stacking: laws that hold for any members, and what a stack learns."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sideman.core.errors import ModelError, UsageError
from sideman.genre.combine import Stack, combine, soft_vote

values = st.floats(-6, 6, width=32)


def log_softmax(x):
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@st.composite
def members(draw, most=4):
    shape = (draw(st.integers(1, most)), draw(st.integers(1, 6)), draw(st.integers(1, 5)))
    return log_softmax(draw(arrays(np.float64, shape, elements=values)))


def stacks(shape, seed):
    rng = np.random.default_rng(seed)
    return Stack(rng.normal(size=(shape[0], shape[2], shape[2])), rng.normal(size=shape[2]))


class TestVote:
    @given(members())
    def test_probabilities_sum_to_1(self, logs):
        np.testing.assert_allclose(np.exp(soft_vote(list(logs))).sum(1), 1)

    @given(members())
    def test_one_member_voting_is_that_member(self, logs):
        np.testing.assert_allclose(soft_vote([logs[0]]), logs[0], atol=1e-9)
        np.testing.assert_allclose(soft_vote([logs[0], logs[0]], [3, 1]), logs[0], atol=1e-9)

    @given(members(), st.randoms(use_true_random=False))
    def test_the_order_of_members_and_classes_does_not_matter(self, logs, random):
        order = random.sample(range(len(logs)), len(logs))
        classes = random.sample(range(logs.shape[2]), logs.shape[2])
        weights = np.arange(1, len(logs) + 1)
        plain = soft_vote(list(logs), list(weights))
        shuffled = soft_vote(list(logs[order][:, :, classes]), list(weights[order]))
        np.testing.assert_allclose(shuffled, plain[:, classes], atol=1e-9)

    @given(members())
    def test_the_result_lies_between_the_members(self, logs):
        joined = soft_vote(list(logs))
        assert (joined <= logs.max(0) + 1e-9).all()
        assert (joined >= logs.min(0) - 1e-9).all()

    @given(members(), st.floats(0.1, 10))
    def test_only_the_proportions_of_weights_count(self, logs, factor):
        weights = np.arange(1.0, len(logs) + 1)
        np.testing.assert_allclose(soft_vote(list(logs), weights * factor), soft_vote(list(logs), weights), atol=1e-9)

    def test_a_member_without_weight_has_no_say(self):
        first, second = np.log([[0.9, 0.1]]), np.log([[0.2, 0.8]])
        np.testing.assert_allclose(soft_vote([first, second], [1, 0]), first)

    def test_a_plain_zero_is_no_veto(self):
        with np.errstate(divide="ignore"):
            sure = np.log([[1.0, 0.0]])
        np.testing.assert_allclose(np.exp(soft_vote([sure, np.log([[0.2, 0.8]])])), [[0.6, 0.4]])

    @pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, float("nan")]])
    def test_weights_that_do_not_fit_are_refused(self, weights):
        log = np.log([[0.5, 0.5]])
        with pytest.raises(UsageError, match="weights"):
            soft_vote([log, log], weights)

    @pytest.mark.parametrize("logs", [[], [np.zeros((2, 3)), np.zeros((2, 4))], [np.zeros(3)]])
    def test_members_that_do_not_fit_each_other_are_refused(self, logs):
        with pytest.raises(UsageError, match="of one shape"):
            soft_vote(logs)

    def test_scores_that_are_no_numbers_are_refused(self):
        with pytest.raises(UsageError, match="no numbers"):
            soft_vote([np.array([[np.nan, 0.0]])])


class TestStack:
    @given(members(), st.integers(0, 99))
    def test_probabilities_sum_to_1(self, logs, seed):
        np.testing.assert_allclose(np.exp(stacks(logs.shape, seed).combine(list(logs))).sum(1), 1)

    @given(members(), st.integers(0, 99))
    def test_survives_json_bit_for_bit(self, logs, seed):
        stack = stacks(logs.shape, seed)
        again = Stack.from_dict(json.loads(json.dumps(stack.to_dict())))
        np.testing.assert_array_equal(again.combine(list(logs)), stack.combine(list(logs)))

    @given(members(), st.integers(0, 99), st.floats(-3, 3))
    def test_scores_need_not_be_normalised(self, logs, seed, shift):
        stack = stacks(logs.shape, seed)
        kept = np.maximum(logs, -4)
        np.testing.assert_allclose(stack.combine(list(kept + shift)), stack.combine(list(kept)), atol=1e-9)

    def test_other_members_than_it_was_trained_on_are_refused(self):
        stack = stacks((2, 1, 3), 0)
        with pytest.raises(UsageError, match="2 members of 3 classes"):
            stack.combine([np.zeros((1, 3))])

    @pytest.mark.parametrize(
        "told",
        [
            None,
            {},
            {"matrix": [[1.0]], "bias": [0.0]},
            {"matrix": [[[1.0, 0.0]]], "bias": [0.0]},
            {"matrix": [[["a"]]], "bias": [0.0]},
            {"matrix": [[[float("nan")]]], "bias": [0.0]},
            {"matrix": [[[1.0], [1.0, 2.0]]], "bias": [0.0]},
        ],
    )
    def test_damaged_figures_are_refused(self, told):
        with pytest.raises(ModelError, match="stack"):
            Stack.from_dict(told)

    @given(members())
    def test_combine_takes_a_stack_or_weights_or_neither(self, logs):
        stack = stacks(logs.shape, 1)
        np.testing.assert_array_equal(combine(list(logs), stack), stack.combine(list(logs)))
        np.testing.assert_array_equal(combine(list(logs)), soft_vote(list(logs)))


def test_combining_needs_no_extra():
    code = "import sideman.genre.combine, sys; print([m for m in ('sklearn', 'torch', 'onnx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestFittedStack:
    @pytest.fixture(autouse=True)
    def _needs_the_extra(self):
        pytest.importorskip("sklearn")

    @staticmethod
    def scores(n=120, n_classes=3, seed=0):
        """Labels, a member that knows them somewhat, and one that guesses."""
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % n_classes
        good = log_softmax(rng.normal(size=(n, n_classes)) + 2.0 * np.eye(n_classes)[labels])
        guess = log_softmax(3 * rng.normal(size=(n, n_classes)))
        return labels, good, guess

    def test_trusts_who_knows_more_than_who_guesses(self):
        from sideman.genre.models.ensemble import fit_stack

        labels, good, guess = self.scores()
        stack = fit_stack([good, guess], labels)
        unseen, good, guess = self.scores(seed=1)
        accuracy = (stack.combine([good, guess]).argmax(1) == unseen).mean()
        assert accuracy > (soft_vote([good, guess]).argmax(1) == unseen).mean()
        assert np.abs(stack.matrix[0]).sum() > 2 * np.abs(stack.matrix[1]).sum()

    def test_the_order_of_members_and_classes_does_not_matter(self):
        from sideman.genre.models.ensemble import fit_stack

        labels, good, guess = self.scores()
        order = np.array([2, 0, 1])
        plain = fit_stack([good, guess], labels).combine([good, guess])
        turned = [member[:, order] for member in (guess, good)]
        shuffled = fit_stack(turned, np.argsort(order)[labels]).combine(turned)
        np.testing.assert_allclose(shuffled, plain[:, order], atol=1e-3)

    def test_a_rare_class_weighs_as_much_as_a_common_one(self):
        from sideman.genre.models.ensemble import fit_stack

        labels, good, _ = self.scores(600)
        keep = (labels != 2) | (np.arange(600) % 10 == 8)
        stack = fit_stack([good[keep]], labels[keep])
        unseen, good, _ = self.scores(600, seed=1)
        recall = [(stack.combine([good]).argmax(1) == k)[unseen == k].mean() for k in range(3)]
        assert recall[2] > 0.6

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_the_same_seed_gives_the_same_stack(self, n_classes):
        from sideman.genre.models.ensemble import fit_stack

        labels, good, guess = self.scores(n_classes=n_classes)
        first, second = (fit_stack([good, guess], labels, seed=3) for _ in range(2))
        assert first.to_dict() == second.to_dict()
        assert first.matrix.shape == (2, n_classes, n_classes)

    def test_a_class_without_tracks_is_refused(self):
        from sideman.genre.models.ensemble import fit_stack

        labels, good, _ = self.scores()
        with pytest.raises(UsageError, match="tracks of every class"):
            fit_stack([good], np.minimum(labels, 1))

    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 999), n_groups=st.integers(4, 30))
    def test_inner_folds_keep_groups_whole(self, seed, n_groups):
        from sideman.genre.models.ensemble import _folds

        rng = np.random.default_rng(seed)
        groups = rng.integers(0, n_groups, 60)
        fold = _folds(np.arange(60) % 3, groups, 5, seed)
        for group in np.unique(groups):
            assert len(np.unique(fold[groups == group])) == 1

    def test_a_stack_of_table_models_is_one_network_that_repeats_it(self):
        pytest.importorskip("onnx")
        import onnxruntime

        from sideman.genre.models.ensemble import Settings, fit
        from tests.genre.table_rows import rows, task

        model = fit(task(rows(3, tracks=8, spread=2)), Settings(("svm", "logistic", "knn"), "stack"))
        asked = rows(3, seed=1, spread=3).x
        session = onnxruntime.InferenceSession(model.to_onnx(), providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(None, {"features": asked})[0], model.scores(asked), atol=1e-4)
        np.testing.assert_allclose(np.exp(model.scores(asked)).sum(1), 1, atol=1e-5)
