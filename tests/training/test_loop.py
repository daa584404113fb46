"""The training loop: what it computes, and that a run that was killed and resumed ends in the same bits."""

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from torch import nn  # noqa: E402

from sideman.core.errors import ModelError  # noqa: E402
from sideman.training.checkpoints import load_tensors, save_tensors  # noqa: E402
from sideman.training.loop import Schedule, fit  # noqa: E402

SCHEDULE = Schedule(steps=12, learning_rate=1e-2, checkpoint_every=4, averaging=0.9)


class KilledError(Exception):
    """Stands for the end of the process."""


def network(seed: int = 0, width: int = 6) -> nn.Module:
    """Convolution (channels last), batch norm, dropout, and a head that no loss reaches."""
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(1, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 8, 3))
    model = nn.ModuleDict({"body": body, "head": nn.Linear(8, 3), "idle": nn.Linear(8, 2)})
    return model.to(memory_format=torch.channels_last)


def loss_of(model: nn.Module, killed_at: int | None = None):
    """Classification of noise; everything random comes from torch's generator, which the loop seeds per step."""

    def loss(step: int):
        if step == killed_at:
            raise KilledError
        x = torch.randn(5, 1, 9, 8)
        y = torch.randint(0, 3, (5,))
        hidden = nn.functional.dropout(model["body"](x).mean((2, 3)), 0.2)
        return nn.functional.cross_entropy(model["head"](hidden), y)

    return loss


def bits(model: nn.Module) -> dict[str, bytes]:
    return {name: value.contiguous().numpy().tobytes() for name, value in model.state_dict().items()}


def trained(schedule=SCHEDULE, seed=0, **options) -> nn.Module:
    model = network()
    fit(model, loss_of(model), schedule, seed=seed, **options)
    return model


def test_it_learns():
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    x = torch.randn(64, 3)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3
    losses = []
    fit(
        model,
        lambda step: (model(x) - y).square().mean(),
        Schedule(steps=300, learning_rate=0.1, weight_decay=0.0, averaging=0.9),
        on_step=lambda step, value: losses.append((step, value)),
    )
    assert [step for step, _ in losses] == list(range(300))
    assert losses[0][1] > 1
    assert float((model(x) - y).square().mean()) < 1e-4


def test_same_seed_same_bits_other_seed_other_bits():
    assert bits(trained()) == bits(trained())
    assert bits(trained()) != bits(trained(seed=1))


@pytest.mark.parametrize(
    "schedule",
    [SCHEDULE, replace(SCHEDULE, fused=True), replace(SCHEDULE, rate="constant", averaging=0.0)],
    ids=["cycle", "fused", "constant"],
)
@pytest.mark.parametrize("killed_at", [4, 6, 11])
def test_a_killed_and_resumed_run_ends_in_the_same_bits(tmp_path, killed_at, schedule):
    """Found: the fused kernel took restored averages in another order of memory than their channels-last weights."""
    checkpoint = tmp_path / "run.safetensors"
    model = network()
    with pytest.raises(KilledError):
        fit(model, loss_of(model, killed_at), schedule, checkpoint=checkpoint)
    assert checkpoint.exists()
    other = network(seed=99)  # the resumed process need not start from the same weights
    steps = []
    fit(other, loss_of(other), schedule, checkpoint=checkpoint, on_step=lambda step, _: steps.append(step))
    assert steps == list(range(killed_at // 4 * 4, 12))
    assert bits(other) == bits(trained(schedule))


def test_pauses_see_the_averaged_weights_and_the_best_of_them_stay():
    model, seen = network(), []
    measures = iter([3.0, 1.0, 2.0, 1.5, 0.0])

    def pause(step):
        assert not model.training
        seen.append((step, bits(model)))
        return next(measures)

    fit(model, loss_of(model), replace(SCHEDULE, steps=20, patience=2), on_pause=pause)
    assert [step for step, _ in seen] == [3, 7, 11, 15]  # the fifth pause never comes
    assert bits(model) == seen[1][1]
    assert seen[1][1] != seen[3][1]


def test_pauses_without_patience_only_look_on():
    model = network()
    fit(model, loss_of(model), SCHEDULE, on_pause=lambda step: float(step))
    assert bits(model) == bits(trained())


def test_a_loss_that_is_no_number_ends_the_run_in_one_line():
    model = nn.Linear(1, 1)
    with pytest.raises(ModelError, match="the loss of step 2 is nan"):
        fit(model, lambda step: model.weight.sum() * (float("nan") if step == 2 else 1), SCHEDULE)


def test_a_run_killed_before_its_first_checkpoint_starts_anew(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    model = network()
    with pytest.raises(KilledError):
        fit(model, loss_of(model, 3), SCHEDULE, checkpoint=checkpoint)
    assert not checkpoint.exists()
    assert bits(trained(checkpoint=checkpoint)) == bits(trained())


def test_a_finished_run_is_taken_from_its_checkpoint(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    first = trained(checkpoint=checkpoint)
    again = network(seed=5)
    fit(again, loss_of(again, killed_at=0), SCHEDULE, checkpoint=checkpoint)  # no step is left to take
    assert bits(again) == bits(first)
    assert not again.training


def test_keeping_checkpoints_does_not_change_the_result(tmp_path):
    assert bits(trained(checkpoint=tmp_path / "run.safetensors")) == bits(trained())


def test_parameters_that_the_loss_never_reaches_do_not_hinder_resuming(tmp_path):
    """Found: the idle head has no optimiser state, and the resumed run looked for it."""
    checkpoint = tmp_path / "run.safetensors"
    trained(checkpoint=checkpoint)
    tensors, _ = load_tensors(checkpoint)
    assert "optimizer/head.weight/exp_avg" in tensors
    assert "optimizer/idle.weight/exp_avg" not in tensors
    assert bits(trained(checkpoint=checkpoint)) == bits(trained())


@pytest.mark.parametrize(
    "schedule, seed",
    [(replace(SCHEDULE, steps=13), 0), (replace(SCHEDULE, learning_rate=2e-2), 0), (SCHEDULE, 1)],
    ids=["steps", "rate", "seed"],
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path, schedule, seed):
    checkpoint = tmp_path / "run.safetensors"
    trained(checkpoint=checkpoint)
    with pytest.raises(ModelError, match=r"run\.safetensors: was written with other settings"):
        trained(schedule, seed, checkpoint=checkpoint)


def test_a_checkpoint_of_another_network_is_refused_in_one_line(tmp_path):
    """Found: it ended in torch's many-line error."""
    checkpoint = tmp_path / "run.safetensors"
    trained(checkpoint=checkpoint)
    for other in (network(width=7), nn.Linear(2, 2)):
        with pytest.raises(ModelError, match=r"run\.safetensors: was written by another network") as caught:
            fit(other, lambda step: torch.zeros(()), SCHEDULE, checkpoint=checkpoint)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:20], lambda b: b"", lambda b: b"x" * 200])
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, damage):
    checkpoint = tmp_path / "run.safetensors"
    trained(checkpoint=checkpoint)
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(ModelError, match=r"run\.safetensors: not a readable checkpoint") as caught:
        trained(checkpoint=checkpoint)
    assert "\n" not in str(caught.value)


def test_the_result_is_the_moving_average_of_the_weights():
    """With a gradient of constant direction, Adam moves by the rate; the average lags behind as the formula says."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    seen = []

    def loss(step):
        seen.append(float(model.weight.detach()))
        return model.weight.sum()

    fit(model, loss, Schedule(steps=20, learning_rate=1e-2, weight_decay=0.0, averaging=0.8))
    average = 0.0
    # `seen` holds the weight before each step; the last step's result is not seen, so leave the comparison one short.
    for step, weight in enumerate(seen[1:]):
        decay = min(0.8, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    assert seen[-1] < -0.05
    assert seen[-1] < float(model.weight) < 0
    assert float(model.weight) == pytest.approx(average, abs=3e-3)


def test_batch_statistics_are_averaged_and_counters_copied():
    model = trained()
    assert int(model["body"][1].num_batches_tracked) == SCHEDULE.steps
    assert 0 < float(model["body"][1].running_var.mean()) < 1


def test_gradients_are_clipped():
    model = nn.Linear(1, 1, bias=False)
    norms = []
    model.weight.register_post_accumulate_grad_hook(lambda p: norms.append(float(p.grad.norm())))
    fit(model, lambda step: 1e6 * model.weight.sum(), Schedule(steps=3, learning_rate=1e-3, gradient_clip=5.0))
    assert norms == pytest.approx([1e6] * 3)
    assert float(model.weight.grad.norm()) == pytest.approx(5.0, rel=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 5, 9, 10, 11, 20])
def test_runs_of_any_length_work(steps):
    """Found: a warm-up of exactly one step divided by zero in OneCycleLR."""
    model = nn.Linear(1, 1)
    fit(model, lambda step: model(torch.ones(1, 1)).square().sum(), Schedule(steps=steps, learning_rate=1e-3))
    assert torch.isfinite(model.weight).all()


def test_checkpoints_keep_tensors_and_metadata(tmp_path):
    tensors = {
        "a": torch.arange(6.0).reshape(2, 3).T,  # not contiguous
        "b": torch.tensor(3),
        "c": torch.zeros(0, 4, dtype=torch.float16),
    }
    save_tensors(tmp_path / "x.safetensors", tensors, {"step": 3, "why": "Grüße"})
    back, metadata = load_tensors(tmp_path / "x.safetensors")
    assert metadata == {"step": 3, "why": "Grüße"}
    assert back.keys() == tensors.keys()
    for name, value in tensors.items():
        assert back[name].dtype == value.dtype
        assert torch.equal(back[name], value)


def test_checkpoints_are_safetensors(tmp_path):
    save_tensors(tmp_path / "x.safetensors", {"a": torch.ones(2)}, {})
    content = (tmp_path / "x.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["a"] == {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def test_a_missing_checkpoint_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        load_tensors(tmp_path / "none.safetensors")
