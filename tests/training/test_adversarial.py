"""Two networks against each other: what a step does, and that a killed run ends in the same bits."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from torch import nn  # noqa: E402

from sideman.core.errors import ModelError  # noqa: E402
from sideman.training.adversarial import Duel, Losses, duel  # noqa: E402

PLAN = Duel(8, 1e-2, 1e-2, checkpoint_every=3, averaging=0.5, falls=True)


class KilledError(Exception):
    """Stands for the end of the process."""


class Game(Losses):
    """The maker shifts noise, the judge tells it from noise around 3."""

    def __init__(self, maker, judge, killed_at=None, broken=False):
        self.networks, self.killed_at, self.broken = (maker, judge), killed_at, broken

    def judge(self, step):
        if step == self.killed_at:
            raise KilledError
        maker, judge = self.networks
        self.made = maker(torch.randn(16, 1))
        return (
            nn.functional.softplus(-judge(torch.randn(16, 1) + 3)).mean()
            + nn.functional.softplus(judge(self.made.detach())).mean()
        )

    def maker(self, step):
        loss = nn.functional.softplus(-self.networks[1](self.made)).mean()
        return loss / 0 if self.broken else loss, {"mean": float(self.made.mean())}


def networks():
    torch.manual_seed(0)
    return nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))


def played(plan=PLAN, **options):
    maker, judge = networks()
    history = duel(maker, judge, Game(maker, judge, options.pop("killed_at", None)), plan, **options)
    return maker, judge, history


def bits(network):
    return {name: value.numpy().tobytes() for name, value in network.state_dict().items()}


def test_the_maker_comes_to_be_taken_for_real():
    _, _, history = played(Duel(600, 2e-2, 2e-2, checkpoint_every=100))
    assert history[0]["mean"] < 2
    assert history[-1]["mean"] == pytest.approx(3, abs=0.5)


def test_history_holds_means_between_pauses():
    _, _, history = played()
    assert [row["step"] for row in history] == [3, 6, 8]
    assert all(set(row) == {"step", "judge", "maker", "mean"} for row in history)


def test_a_run_killed_and_resumed_ends_in_the_same_bits(tmp_path):
    whole, judge, history = played()
    with pytest.raises(KilledError):
        played(killed_at=5, checkpoint=tmp_path / "run")
    resumed, same_judge, same_history = played(checkpoint=tmp_path / "run")
    assert bits(resumed) == bits(whole)
    assert bits(same_judge) == bits(judge)
    assert same_history == history


def test_a_pause_sees_the_averaged_maker_and_training_goes_on_from_the_last():
    seen = []
    maker, judge = networks()
    duel(maker, judge, Game(maker, judge), PLAN, on_pause=lambda step: seen.append((step, maker.weight.item())))
    plain, _, _ = played()
    assert [step for step, _ in seen] == [2, 5, 7]
    assert bits(plain) == bits(maker)
    assert seen[-1][1] == maker.weight.item()


def test_other_settings_do_not_resume(tmp_path):
    played(checkpoint=tmp_path / "run")
    with pytest.raises(ModelError, match="other settings"):
        played(Duel(9, 1e-2, 1e-2, checkpoint_every=3, averaging=0.5, falls=True), checkpoint=tmp_path / "run")


def test_a_loss_that_is_no_number_ends_the_run_in_one_line():
    maker, judge = networks()
    with pytest.raises(ModelError, match="the maker's loss of step 0 is"):
        duel(maker, judge, Game(maker, judge, broken=True), PLAN)
