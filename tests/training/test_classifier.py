"""How the lab trains its networks, shown on a small one: standardised, balanced, stopped in time, resumed, exported."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("safetensors")
pytest.importorskip("onnx")

from torch import nn  # noqa: E402

from sideman.core.errors import DatasetError, ModelError, UsageError  # noqa: E402
from sideman.training.checkpoints import load_tensors  # noqa: E402
from sideman.training.classifier import Training, fit_network  # noqa: E402
from sideman.training.task import Examples, Task  # noqa: E402


class KilledError(Exception):
    """Stands for the end of the process."""


@dataclass(frozen=True)
class Small(Training):
    epochs: int = 6
    batch_size: int = 16
    learning_rate: float = 1e-2
    units: int = 12


def build(shape, n_classes, chosen):
    inputs = int(np.prod(shape))
    hidden = [nn.Linear(inputs, chosen.units), nn.BatchNorm1d(chosen.units), nn.ReLU(), nn.Dropout(0.2)]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(chosen.units, n_classes))


def examples(n=90, shape=(6,), n_classes=3, seed=0, apart=2.0) -> Examples:
    """Noise with a class's own mean, three rows per recording."""
    rng = np.random.default_rng(seed)
    track_of = np.arange(n) // 3
    y = track_of % n_classes
    centre = np.random.default_rng(99).standard_normal((n_classes, *shape)) * apart
    return Examples((rng.standard_normal((n, *shape)) + centre[y]).astype(np.float32), y, track_of)


def task(valid=True, **options) -> Task:
    shape = options.pop("shape", (6,))
    return Task(examples(shape=shape), examples(30, shape, seed=1) if valid else None, 3, **options)


def bits(fitted) -> dict[str, bytes]:
    return {name: v.contiguous().numpy().tobytes() for name, v in fitted.network.state_dict().items()}


PICTURES = Small(mask=True, mixup=0.3, rate="cycle", averaging=0.9, label_smoothing=0.1, patience=3)
EVERY_KIND = pytest.mark.parametrize("chosen, shape", [(Small(), (6,)), (PICTURES, (10, 12))], ids=["plain", "modern"])


@EVERY_KIND
def test_it_learns_what_can_be_learnt(chosen, shape):
    epochs = []
    fitted = fit_network(build, task(shape=shape, on_epoch=epochs.append), replace(chosen, epochs=15))
    unseen = examples(60, shape, seed=2)
    scores = fitted.scores(unseen.x)
    assert scores.shape == (60, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, atol=1e-5)
    assert (scores.argmax(1) == unseen.y).mean() > 0.9
    assert [e.number for e in epochs] == list(range(1, len(epochs) + 1))
    assert all(e.of == 15 and 0 <= e.accuracy <= 1 for e in epochs)
    assert epochs[-1].loss < epochs[0].loss


@EVERY_KIND
def test_same_seed_same_bits_other_seed_other_bits(chosen, shape):
    first = fit_network(build, task(shape=shape), chosen)
    torch.rand(3)  # what was drawn elsewhere does not matter
    assert bits(fit_network(build, task(shape=shape), chosen)) == bits(first)
    assert bits(fit_network(build, task(shape=shape, seed=1), chosen)) != bits(first)


@EVERY_KIND
@pytest.mark.parametrize("killed_after", [1, 4])
def test_a_killed_and_resumed_fit_ends_in_the_same_bits(tmp_path, chosen, shape, killed_after):
    checkpoint = tmp_path / "run.safetensors"

    def die(epoch):
        if epoch.number == killed_after:
            raise KilledError

    with pytest.raises(KilledError):
        fit_network(build, task(shape=shape, checkpoint=checkpoint, on_epoch=die), chosen)
    assert checkpoint.exists() == (killed_after > 1)
    epochs = []
    resumed = fit_network(build, task(shape=shape, checkpoint=checkpoint, on_epoch=epochs.append), chosen)
    assert epochs[0].number == killed_after
    whole = []
    assert bits(fit_network(build, task(shape=shape, on_epoch=whole.append), chosen)) == bits(resumed)
    assert [(e.number, e.loss, e.accuracy) for e in whole][killed_after - 1 :] == [
        (e.number, e.loss, e.accuracy) for e in epochs
    ]


def test_a_finished_fit_is_taken_from_its_checkpoint(tmp_path):
    checkpoint = tmp_path / "run.safetensors"
    stopping = Small(epochs=40, patience=1, learning_rate=0.05)
    first, again = [], []
    one = fit_network(build, task(checkpoint=checkpoint, on_epoch=first.append), stopping)
    two = fit_network(build, task(checkpoint=checkpoint, on_epoch=again.append), stopping)
    assert 0 < len(first) < 40
    assert again == []
    assert bits(one) == bits(two)


@pytest.mark.parametrize(
    "changed",
    [
        lambda t, s: (t, replace(s, learning_rate=0.02)),
        lambda t, s: (t, replace(s, units=13)),
        lambda t, s: (replace(t, seed=1), s),
        lambda t, s: (replace(t, train=examples(seed=5)), s),
        lambda t, s: (replace(t, n_classes=4), s),
        lambda t, s: (replace(t, valid=None), s),
    ],
    ids=["rate", "units", "seed", "rows", "classes", "no validation"],
)
def test_a_checkpoint_of_another_fit_is_refused(tmp_path, changed):
    first = task(checkpoint=tmp_path / "run.safetensors")
    fit_network(build, first, Small(epochs=1))
    other, chosen = changed(first, Small(epochs=1))
    with pytest.raises(ModelError, match=r"run\.safetensors: was written with other settings"):
        fit_network(build, other, chosen)


def test_early_stopping_ends_with_the_best_epoch(tmp_path):
    """The validation rows are noise, so their loss rises as soon as the network is sure of anything."""
    noise = Examples(examples(30, seed=7).x, np.random.default_rng(3).integers(0, 3, 30), np.arange(30))
    checkpoint, losses, epochs = tmp_path / "run.safetensors", [], []
    given_task = replace(task(checkpoint=checkpoint), valid=noise)

    def loss_of(fitted):
        scores, weights = fitted.scores(noise.x), noise.weights(3)
        return -np.average(scores[np.arange(30), noise.y], weights=weights)

    def on_epoch(epoch):
        epochs.append(epoch)
        part = replace(given_task, checkpoint=None, on_epoch=None)
        losses.append(loss_of(fit_network(build, part, Small(epochs=epoch.number))))

    stopped = fit_network(build, replace(given_task, on_epoch=on_epoch), Small(epochs=30, patience=3))
    best = int(np.argmin(losses))
    assert len(epochs) == best + 1 + 3 < 30
    assert loss_of(stopped) == pytest.approx(losses[best], rel=1e-6)
    assert loss_of(stopped) < losses[-1]
    assert load_tensors(checkpoint)[1]["best_measure"] == pytest.approx(losses[best], rel=1e-6)


def test_without_patience_validation_rows_change_nothing():
    assert bits(fit_network(build, task(), Small())) == bits(fit_network(build, task(valid=False), Small()))


def test_the_accuracy_told_is_balanced_over_classes_and_recordings():
    """Class 0 has one recording of 20 rows and one of 2; class 1 has one of 4."""
    valid = Examples(np.zeros((26, 6), np.float32), np.repeat([0, 0, 1], [20, 2, 4]), np.repeat([0, 1, 2], [20, 2, 4]))
    valid.x[:20] = examples(3, seed=4).x[0]
    valid.x[20:22] = -valid.x[:2]
    valid.x[22:] = examples(9, seed=4).x[3]
    epochs = []
    fitted = fit_network(build, replace(task(on_epoch=epochs.append), valid=valid), Small(epochs=15))
    hit = fitted.scores(valid.x).argmax(1) == valid.y
    expected = (hit[:20].mean() / 2 + hit[20:22].mean() / 2 + hit[22:].mean()) / 2
    assert epochs[-1].accuracy == pytest.approx(expected)
    assert epochs[-1].accuracy != pytest.approx(hit.mean())


def test_a_rare_class_weighs_as_much_as_a_common_one():
    """Two classes that overlap wholly: balanced, the network cannot prefer the common one."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((440, 6)).astype(np.float32)
    y = (np.arange(440) < 40).astype(int)
    rows = Examples(x, y, np.arange(440))
    chosen = Small(epochs=3, learning_rate=3e-3)
    even = fit_network(build, Task(rows, None, 2), chosen).scores(x)
    plain = fit_network(build, Task(rows, None, 2), replace(chosen, balanced=False)).scores(x)
    assert np.exp(even[:, 1]).mean() == pytest.approx(0.5, abs=0.1)
    assert np.exp(plain[:, 1]).mean() < 0.25


@pytest.mark.parametrize("shape, axis", [((6,), 1), ((5, 7), 1), ((5, 7), 2)])
def test_features_are_standardised_by_the_training_rows_alone(shape, axis):
    train = examples(shape=shape)
    spread = np.arange(1, 1 + train.x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(train.x.ndim)])
    train = replace(train, x=(train.x * spread + 1000 * spread).astype(np.float32))
    valid = replace(train, x=train.x * 7 - 3)
    fitted = fit_network(build, Task(train, valid, 3), Small(epochs=1), axis=axis)
    z = fitted.network.standardise(torch.from_numpy(train.x)).numpy()
    others = tuple(i for i in range(z.ndim) if i != axis)
    np.testing.assert_allclose(z.mean(others), 0, atol=1e-3)
    np.testing.assert_allclose(z.std(others), 1, atol=1e-3)


def test_scale_and_offset_of_the_features_do_not_matter():
    plain, other = task(), task()
    other = replace(other, train=replace(other.train, x=other.train.x * 1024 + 4096))
    unseen = examples(40, seed=3)
    one = fit_network(build, plain, Small()).scores(unseen.x)
    two = fit_network(build, other, Small()).scores(unseen.x * 1024 + 4096)
    np.testing.assert_allclose(one, two, atol=0.05)


def test_a_feature_that_never_changes_does_no_harm():
    constant = task()
    for part in (constant.train, constant.valid):
        part.x[:, 2] = 661_794.1
    fitted = fit_network(build, constant, Small(epochs=12))
    assert (fitted.scores(constant.valid.x).argmax(1) == constant.valid.y).mean() > 0.9
    assert float(fitted.network.scale[2]) == 1.0


@EVERY_KIND
@pytest.mark.parametrize("batch", [1, 7])
def test_onnx_repeats_the_scores(chosen, shape, batch):
    fitted = fit_network(build, task(shape=shape), chosen)
    session = onnxruntime.InferenceSession(fitted.to_onnx(), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["features"]
    assert [o.name for o in session.get_outputs()] == ["scores"]
    x = examples(batch, shape, seed=8).x
    (scores,) = session.run(None, {"features": x})
    np.testing.assert_allclose(scores, fitted.scores(x), atol=1e-4)


def test_features_may_be_a_memory_map(tmp_path):
    whole = task()
    path = tmp_path / "x.npy"
    np.save(path, whole.train.x)
    mapped = replace(whole, train=replace(whole.train, x=np.load(path, mmap_mode="r")))
    before = path.read_bytes()
    assert bits(fit_network(build, mapped, Small())) == bits(fit_network(build, whole, Small()))
    assert path.read_bytes() == before


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("rows", ["training", "validation"])
def test_features_that_are_no_numbers_are_refused(value, rows):
    bad = task()
    (bad.train if rows == "training" else bad.valid).x[4, 1] = value
    with pytest.raises(DatasetError, match=f"the {rows} rows have a feature that is no finite number"):
        fit_network(build, bad, Small())


def test_a_fit_that_runs_away_is_an_error_and_no_model():
    class Runaway(nn.Linear):
        def penalty(self):
            return self.weight.sum() * float("nan")

    with pytest.raises(ModelError, match="the loss of step 0 is nan; lower the learning rate"):
        fit_network(lambda shape, n, chosen: Runaway(*shape, n), task(), Small())


def test_a_networks_penalty_counts():
    class Modest(nn.Linear):
        def penalty(self):
            return 100 * self.weight.square().sum()

    def size(kind):
        fitted = fit_network(lambda shape, n, chosen: kind(*shape, n), task(), Small(epochs=10))
        return float(fitted.network.network.weight.detach().abs().mean())

    assert size(Modest) < size(nn.Linear) / 3


@pytest.mark.parametrize(
    "chosen",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -1.0},
        {"rate": "slow"},
        {"averaging": 1.0},
        {"patience": -1},
        {"mixup": -0.1},
        {"label_smoothing": 1.0},
    ],
    ids=lambda c: next(iter(c)),
)
def test_settings_that_make_no_sense_are_refused_by_name(chosen):
    with pytest.raises(UsageError, match=f"'{next(iter(chosen))}'"):
        fit_network(build, task(), Small(**chosen))


def test_masks_need_pictures():
    with pytest.raises(UsageError, match="'mask' hides bands and frames"):
        fit_network(build, task(), Small(mask=True))


def test_one_row_is_too_little():
    one = examples(1)
    with pytest.raises(DatasetError, match="at least two"):
        fit_network(build, Task(one, None, 3), Small())


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 70), batch=st.integers(2, 40), n_classes=st.integers(2, 12))
def test_any_number_of_rows_and_classes_can_be_trained(n, batch, n_classes):
    """No batch is left with a single row, which batch norm could not take; classes may be missing."""
    fitted = fit_network(build, Task(examples(n), None, max(3, n_classes)), Small(epochs=1, batch_size=batch))
    scores = fitted.scores(examples(n).x)
    assert scores.shape == (n, max(3, n_classes))
    assert np.isfinite(scores).all()


def test_nothing_is_left_of_a_checkpoint_half_written(tmp_path):
    fit_network(build, task(checkpoint=tmp_path / "run.safetensors"), Small(epochs=2))
    assert [p.name for p in Path(tmp_path).iterdir()] == ["run.safetensors"]
