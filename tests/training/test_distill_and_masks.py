"""Losses of distillation and masks of spectrograms, by their definitions."""

import pytest

torch = pytest.importorskip("torch")

from sideman.training.distill import distillation_loss, mask_spectrogram, soft_cross_entropy  # noqa: E402

FLOOR = -9.0


def test_distillation_loss_is_the_weighted_squared_error_where_targets_are_near():
    predicted = torch.tensor([[0.0, 1.0], [0.5, 0.0]])
    target = torch.tensor([[1.0, 1.0], [0.0, 1.5]])
    weights = torch.tensor([2.0, 1.0])
    assert float(distillation_loss(predicted, target, weights)) == pytest.approx((2 * 1 + 2 * 0.25 + 2.25) / 2)


def test_distillation_loss_is_linear_beyond_two_deviations_and_still_pulls():
    gap = torch.tensor([0.0, 1.0, 2.0, 3.0, 100.0], requires_grad=True)
    losses = [distillation_loss(one.reshape(1, 1), torch.zeros(1, 1), torch.ones(1)) for one in gap]
    assert [loss.item() for loss in losses] == pytest.approx([0, 1, 4, 8, 396])
    (slopes,) = torch.autograd.grad(sum(losses), gap)
    assert slopes.tolist() == pytest.approx([0, 2, 4, 4, 4])


def test_distillation_loss_is_computed_in_full_precision():
    half = torch.full((1, 4), 1.0, dtype=torch.bfloat16)
    assert distillation_loss(half, torch.zeros(1, 4), torch.ones(4)).dtype == torch.float32


def test_soft_cross_entropy_is_the_cross_entropy_of_hard_targets():
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 1])
    expected = torch.nn.functional.cross_entropy(logits, labels)
    assert float(soft_cross_entropy(logits, torch.eye(5)[labels])) == pytest.approx(float(expected))


def test_soft_cross_entropy_is_least_at_the_target_itself():
    target = torch.tensor([[0.7, 0.2, 0.1]])
    at_target = float(soft_cross_entropy(target.log(), target))
    entropy = -float((target * target.log()).sum())
    assert at_target == pytest.approx(entropy)
    assert float(soft_cross_entropy(torch.zeros(1, 3), target)) > at_target


def test_rows_without_a_target_do_not_count():
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    target = torch.zeros(3, 4)
    target[1, 2] = 1
    both = soft_cross_entropy(logits, target)
    assert both.item() == pytest.approx(soft_cross_entropy(logits[1:2], target[1:2]).item())
    both.backward()
    assert logits.grad[[0, 2]].abs().max() == 0


def test_no_target_at_all_gives_zero_that_can_be_differentiated():
    logits = torch.randn(3, 4, requires_grad=True)
    loss = soft_cross_entropy(logits, torch.zeros(3, 4))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


def masks(share: float, batch: int = 400, seed: int = 0):
    torch.manual_seed(seed)
    y = torch.randn(batch, 96, 87)
    return y, mask_spectrogram(y, FLOOR, share=share)


def test_only_bands_of_time_and_frequency_are_set_to_the_floor():
    y, masked = masks(1.0, 100)
    changed = masked != y
    assert (masked[changed] == FLOOR).all()
    for one in changed:
        columns = one.all(0)  # all bands of a frame
        rows = one.all(1)  # all frames of a band
        assert torch.equal(one, columns[None] | rows[:, None])
        for line, most in ((columns, 15), (rows, 13)):
            where = torch.nonzero(line).flatten()
            assert len(where) <= most
            if len(where):
                assert int(where[-1] - where[0]) + 1 == len(where)  # one band, not several


def test_about_the_share_asked_for_is_masked_and_the_rest_untouched():
    y, masked = masks(0.5)
    touched = (masked != y).any(2).any(1).float().mean()
    assert 0.4 < touched < 0.6  # a few of the masked have both widths 0
    none, unmasked = masks(0.0)
    assert torch.equal(none, unmasked)


def test_the_input_is_left_alone_and_the_generator_decides():
    y, masked = masks(1.0, 4)
    torch.manual_seed(0)
    assert torch.equal(y, torch.randn(4, 96, 87))
    _, again = masks(1.0, 4)
    _, other = masks(1.0, 4, seed=1)
    assert torch.equal(masked, again)
    assert not torch.equal(masked, other)


def test_masks_reach_every_frame_and_band():
    """But for the last few, at which a mask seldom ends."""
    y, masked = masks(1.0, 2000)
    assert (masked != y).any(0)[:88, :80].all()
