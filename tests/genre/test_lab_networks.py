"""The lab's networks: layers, shapes and parameter counts as their sources document them, for any input and classes."""

from dataclasses import fields, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("sklearn")
pytest.importorskip("safetensors")
pytest.importorskip("onnx")

from torch import nn  # noqa: E402

from sideman.core.errors import UsageError  # noqa: E402
from sideman.genre.models import cnn_mel, cnn_mfcc, lstm58, prcnn  # noqa: E402
from sideman.genre.models.layers import FramesFirst, KerasLSTM, count, keras_count, same_pool, size_after  # noqa: E402
from sideman.genre.registry import get_model, list_models  # noqa: E402
from sideman.training.classifier import Training  # noqa: E402
from sideman.training.task import Examples, Task  # noqa: E402

NETWORKS = [spec.name for spec in list_models() if spec.family == "network"]
EVERY_NETWORK = pytest.mark.parametrize("name", NETWORKS)
SMALL = {
    "mlp-58": (57,),
    "lstm-58": (5, 57),
    "cnn-mel": (24, 30),
    "prcnn": (33, 20),
}
"""Rows that are quick to learn from; other networks take 13 x 22."""
QUICK = {
    "ann-mfcc": {"learning_rate": 1e-3},
    "cnn-mfcc": {"learning_rate": 3e-3},
    "lstm-58": {"learning_rate": 1e-2, "units": 16},
    "lstm-mfcc": {"learning_rate": 1e-2, "units": 16},
    "gru-mel": {"units": 16},
    "resnet-mel": {"maps": 4},
    "transformer-mel": {"size": 32, "blocks": 2},
}
"""Settings with which few steps and little time suffice."""


def small(name: str) -> tuple[int, ...]:
    return SMALL.get(name, (13, 22))


def built(name: str, shape: tuple[int, ...] | None = None, n_classes: int = 10, **chosen) -> nn.Module:
    spec = get_model(name)
    torch.manual_seed(0)
    return spec.load().build(shape or spec.input.shape, n_classes, replace(spec.load().Settings(), **chosen)).eval()


def examples(name: str, n: int = 48, n_classes: int = 3, seed: int = 0) -> Examples:
    """Noise on a smooth pattern per class."""
    shape, rng = small(name), np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    place = np.linspace(0, np.pi, shape[-1])
    pattern = np.stack([np.cos((c + 1) * place) for c in range(n_classes)])[y]
    x = rng.standard_normal((n, *shape)) + 1.5 * pattern.reshape(n, *[1] * (len(shape) - 1), -1)
    x = x + np.arange(n_classes)[y].reshape(n, *[1] * len(shape))
    return Examples(x.astype(np.float32), y, np.arange(n))


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


def units(network: nn.Module) -> list[int]:
    return [layer.out_features for layer in layers(network, nn.Linear)]


@pytest.mark.parametrize(
    "name, trainable, in_keras",
    [
        ("mlp-58", 205_098, 205_098),
        ("lstm-58", 69_322, 69_322),
        ("ann-mfcc", 1_014_218, 1_014_218),
        ("cnn-mfcc", 45_322, 45_514),
        ("lstm-mfcc", 57_802, 57_802),
    ],
)
def test_parameters_are_as_many_as_the_sources_count(name, trainable, in_keras):
    network = built(name)
    assert count(network) == trainable
    assert keras_count(network) == in_keras == get_model(name).documented.parameters


def test_counting_covers_what_trains_and_moving_statistics_only():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(2, 2))
    network[2].bias.requires_grad_(False)
    assert count(network) == (9 * 4 + 4) + 8 + 4
    assert keras_count(network) == count(network) + 8


def test_mlp_58_layers():
    network = built("mlp-58")
    assert units(network) == [512, 256, 128, 64, 32, 10]
    assert [layer.p for layer in layers(network, nn.Dropout)] == [0.2] * 5
    assert len(layers(network, nn.ReLU)) == 5
    settings = get_model("mlp-58").load().Settings()
    assert (settings.learning_rate, settings.rate, settings.weight_decay) == (1e-3, "constant", 0.0)


@pytest.mark.parametrize("name, inputs, dropout", [("lstm-58", 58, 0.0), ("lstm-mfcc", 13, 0.3)])
def test_lstm_layers(name, inputs, dropout):
    network = built(name)
    (lstm,) = layers(network, nn.LSTM)
    assert (lstm.input_size, lstm.hidden_size, lstm.num_layers, lstm.bidirectional) == (inputs, 64, 2, False)
    assert units(network) == [64, 10]
    assert [layer.p for layer in layers(network, nn.Dropout)] == ([dropout] if dropout else [])


def test_ann_mfcc_layers_and_penalty():
    network = built("ann-mfcc")
    first = layers(network, nn.Linear)[0]
    assert first.in_features == 130 * 13
    assert units(network) == [512, 256, 64, 10]
    assert [layer.p for layer in layers(network, nn.Dropout)] == [0.3] * 3
    squares = sum(float(layer.weight.detach().square().sum()) for layer in layers(network, nn.Linear)[:3])
    assert float(network.penalty().detach()) == pytest.approx(1e-3 * squares, rel=1e-5)


def test_cnn_mfcc_layers():
    network = built("cnn-mfcc")
    kinds = [type(layer).__name__ for layer in network][2:]
    block = ["Conv2d", "MaxPool2d", "ReLU", "BatchNorm2d"]
    assert kinds == [*block * 3, "Flatten", "Linear", "ReLU", "Dropout", "Linear"]
    assert [(c.out_channels, c.kernel_size, c.padding) for c in layers(network, nn.Conv2d)] == [
        (32, (3, 3), (0, 0)),
        (32, (3, 3), (0, 0)),
        (32, (2, 2), (0, 0)),
    ]
    sizes = []
    for layer in layers(network, nn.MaxPool2d):
        layer.register_forward_hook(lambda _, given, out: sizes.append((tuple(given[0].shape), tuple(out.shape))))
    network(torch.zeros(1, 13, 130))
    assert sizes == [
        ((1, 32, 128, 11), (1, 32, 64, 6)),
        ((1, 32, 62, 4), (1, 32, 31, 2)),
        ((1, 32, 30, 1), (1, 32, 15, 1)),
    ]
    assert layers(network, nn.Linear)[0].in_features == 480
    assert units(network) == [64, 10]
    assert [layer.p for layer in layers(network, nn.Dropout)] == [0.3]


@pytest.mark.parametrize("shape", [(128, 11), (62, 4), (30, 1), (7, 8), (9, 9), (1, 2)])
@pytest.mark.parametrize("kernel", [2, 3])
def test_pools_with_same_padding_are_where_keras_has_them(kernel, shape):
    """Reference: every output (i, j) is the maximum over the window that begins at stride * i - front."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32) - 5
    pooled = same_pool(kernel, 2, shape)(torch.from_numpy(x)[None, None])[0, 0].numpy()
    size = [-(-n // 2) for n in shape]
    front = [max((m - 1) * 2 + kernel - n, 0) // 2 for m, n in zip(size, shape, strict=True)]
    expected = np.empty(size, np.float32)
    for i in range(size[0]):
        for j in range(size[1]):
            top, left = 2 * i - front[0], 2 * j - front[1]
            expected[i, j] = x[max(0, top) : top + kernel, max(0, left) : left + kernel].max()
    np.testing.assert_array_equal(pooled, expected)


def test_cnn_mel_reaches_the_reports_feature_map_on_the_published_pictures():
    assert size_after(cnn_mel.feature_map(), (288, 432)) == (16, 23, 35)
    assert size_after(cnn_mel.feature_map(), (128, 87)) == (16, 10, 7)
    network = built("cnn-mel", (288, 432))
    assert len(units(network)) == 3 + 1
    assert [c.kernel_size for c in layers(network, nn.Conv2d)] == [(3, 3), (5, 5)]


def test_prcnn_joins_256_values_of_each_branch_on_the_papers_input():
    network = built("prcnn", (513, 128), width=1.0)
    assert network.convolve(torch.zeros(1, 513, 128)).shape == (1, 256)
    assert network.embed(torch.zeros(1, 513, 128)).shape == (1, 128, 128)
    assert (network.gru.hidden_size, network.gru.bidirectional) == (128, True)
    assert layers(network, nn.Linear)[-1].in_features == 512
    assert [c.out_channels for c in layers(network, nn.Conv2d)] == [16, 32, 64, 128, 64]
    assert [p.kernel_size for p in layers(network.convolve, nn.MaxPool2d)] == [(2, 2)] * 3 + [(4, 4)] * 2


def test_crnn_leaves_one_band_and_ten_steps_of_two_seconds():
    network = built("crnn", (96, 87))
    maps, bands, frames = size_after(network.blocks, (96, 87))
    assert (bands, frames) == (1, 10)
    assert maps == network.gru.input_size
    assert (network.gru.num_layers, network.gru.hidden_size) == (2, 32)
    assert len(layers(network, nn.Conv2d)) == len(layers(network, nn.ELU)) == 4


def test_a_keras_lstm_computes_what_its_equations_say():
    """One bias per gate, in torch's order of gates: input, forget, cell, output."""
    torch.manual_seed(1)
    lstm = KerasLSTM(3, 4, 1)
    x = torch.randn(2, 6, 3)
    w, u, b = (p.detach() for p in (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0))
    assert b[4:8].tolist() == [1.0] * 4
    assert b.sum() == 4
    torch.testing.assert_close(u[:4] @ u[:4].T, torch.eye(4), atol=1e-5, rtol=0)
    hidden = cell = torch.zeros(2, 4)
    for t in range(6):
        i, f, g, o = (x[:, t] @ w.T + hidden @ u.T + b).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
    torch.testing.assert_close(lstm(x)[0][:, -1], hidden, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["lstm-58", "lstm-mfcc"])
def test_the_second_bias_is_still_zero_after_training(name):
    spec = get_model(name)
    fitted = spec.load().fit(Task(examples(name), None, 3), replace(spec.load().Settings(), epochs=1))
    (lstm,) = layers(fitted.network, nn.LSTM)
    for number in (0, 1):
        assert not getattr(lstm, f"bias_hh_l{number}").any()
        assert getattr(lstm, f"bias_ih_l{number}").any()


@pytest.mark.parametrize("name", ["lstm-mfcc", "ann-mfcc", "cnn-mfcc"])
def test_mfcc_networks_take_frames_first_as_their_source(name):
    x = torch.arange(13 * 130.0).reshape(1, 13, 130)
    first = next(layer for layer in built(name).modules() if isinstance(layer, FramesFirst))
    assert torch.equal(first(x), x.transpose(1, 2))


@EVERY_NETWORK
@pytest.mark.parametrize("n_classes", [2, 13])
def test_any_number_of_classes(name, n_classes):
    x = torch.zeros(3, *small(name))
    assert built(name, small(name), n_classes)(x).shape == (3, n_classes)


@pytest.mark.parametrize(
    "name, shape",
    [
        *[("mlp-58", (n,)) for n in (1, 57, 58)],
        *[("lstm-58", s) for s in ((1, 58), (50, 57), (3, 1))],
        *[(n, s) for n in ("ann-mfcc", "lstm-mfcc", "cnn-mfcc") for s in ((13, 22), (13, 87), (20, 130))],
        *[("cnn-mel", s) for s in ((20, 20), (128, 87), (128, 130), (288, 432))],
        *[("prcnn", s) for s in ((513, 84), (513, 127), (65, 3), (2, 1))],
        *[
            (n, s)
            for n in ("crnn", "gru-mel", "resnet-mel", "transformer-mel")
            for s in ((96, 87), (128, 130), (40, 9), (5, 4), (1, 1))
        ],
    ],
    ids=str,
)
def test_any_shape(name, shape):
    assert built(name, shape)(torch.zeros(2, *shape)).shape == (2, 10)


@EVERY_NETWORK
def test_rows_of_another_kind_are_refused_in_one_line(name):
    shape = (58,) if len(small(name)) == 2 else (13, 130)
    with pytest.raises(UsageError, match=f"{name} hears rows of"):
        built(name, shape)


@pytest.mark.parametrize(
    "name, shape, chosen",
    [
        ("cnn-mfcc", (12, 130), {}),
        ("cnn-mfcc", (13, 13), {}),
        ("cnn-mel", (19, 60), {}),
        ("prcnn", (1, 60), {}),
        ("prcnn", (513, 60), {"width": 0.0}),
        ("transformer-mel", (96, 87), {"heads": 5}),
        ("transformer-mel", (96, 87), {"blocks": 0}),
    ],
)
def test_what_cannot_be_built_is_a_usage_error(name, shape, chosen):
    with pytest.raises(UsageError, match=name):
        built(name, shape, **chosen)


@EVERY_NETWORK
def test_it_learns_a_small_problem_and_exports_the_same(name):
    spec = get_model(name)
    model = spec.load()
    base = model.Settings()
    chosen = replace(base, epochs=12, batch_size=8, averaging=0.9 if base.averaging else 0.0, **QUICK.get(name, {}))
    fitted = model.fit(Task(examples(name), None, 3), chosen)
    unseen = examples(name, seed=1)
    assert (fitted.scores(unseen.x).argmax(1) == unseen.y).mean() > 0.85
    session = onnxruntime.InferenceSession(fitted.to_onnx(), providers=["CPUExecutionProvider"])
    for rows in (1, 7):
        (scores,) = session.run(None, {"features": unseen.x[:rows]})
        np.testing.assert_allclose(scores, fitted.scores(unseen.x[:rows]), atol=1e-4)


@EVERY_NETWORK
def test_same_seed_same_weights_and_resuming_changes_nothing(name, tmp_path):
    class KilledError(Exception):
        """Stands for the end of the process."""

    def die(epoch):
        if epoch.number == 2:
            raise KilledError

    model = get_model(name).load()
    chosen = replace(model.Settings(), epochs=3, batch_size=8, **QUICK.get(name, {}))
    task = Task(examples(name, 24), None, 3, seed=5, checkpoint=tmp_path / "run.safetensors", on_epoch=die)
    with pytest.raises(KilledError):
        model.fit(task, chosen)
    resumed = model.fit(replace(task, on_epoch=None), chosen)
    whole = model.fit(replace(task, on_epoch=None, checkpoint=None), chosen)
    for one, other in zip(resumed.network.state_dict().values(), whole.network.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@EVERY_NETWORK
def test_settings_and_the_space_to_tune_agree(name):
    model = get_model(name).load()
    assert issubclass(model.Settings, Training)
    assert set(model.SPACE) <= {field.name for field in fields(model.Settings)}
    for setting, (kind, *values) in model.SPACE.items():
        default = getattr(model.Settings(), setting)
        replace(model.Settings(), **{setting: values[0]}).check()
        if kind == "choice":
            assert {type(v) for v in values} == {type(default)}
        else:
            assert type(default).__name__ == kind
            assert values[0] < values[1]


def test_presets_of_the_registry_are_settings():
    for name in NETWORKS:
        get_model(name).settings({"epochs": "2"}).check()


def test_the_sources_of_the_mfcc_networks_train_alike():
    for module in (cnn_mfcc, get_model("ann-mfcc").load(), get_model("lstm-mfcc").load()):
        settings = module.Settings()
        assert (settings.epochs, settings.batch_size, settings.learning_rate) == (30, 32, 1e-4)


def test_neighbours_are_standardised_column_by_column():
    given = examples("lstm-58")
    given.x[:, :, 3] += 1000
    fitted = lstm58.fit(Task(given, None, 3), lstm58.Settings(epochs=1))
    assert fitted.network.mean.shape == (1, 57)
    assert float(fitted.network.mean[0, 3]) == pytest.approx(1000, abs=5)


def test_the_papers_prcnn_is_the_default_four_times_as_wide():
    assert [c.out_channels for c in layers(built("prcnn"), nn.Conv2d)] == [4, 8, 16, 32, 16]
    assert prcnn.Settings().width == 0.25
