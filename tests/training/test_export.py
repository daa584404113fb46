"""Export: an ONNX file that repeats the trained network, small, and refused where it does not."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from torch import nn  # noqa: E402

from sideman.core.errors import ModelError  # noqa: E402
from sideman.genre.models.backbone import Backbone, BackboneConfig  # noqa: E402
from sideman.genre.recipe.publish import Exported  # noqa: E402
from sideman.training.export import to_onnx  # noqa: E402

SMALL = BackboneConfig(widths=(8, 12, 16), embedding_size=256)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    backbone = Backbone(SMALL)
    for _ in range(3):  # batch statistics that are not those of a fresh network
        backbone(torch.randn(8, 96, 87) - 3)
    return Exported(backbone.eval(), nn.Linear(256, 10)).eval()


@pytest.fixture(scope="module")
def example():
    return torch.randn(4, 96, 87, generator=torch.Generator().manual_seed(1)) - 3


def session_of(payload):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])


def exported(network, example, **options):
    return to_onnx(network, example, "log_mel", ("scores", "embedding"), **options)


@pytest.mark.parametrize("half, allowed", [(False, 1e-4), (True, 2e-2)])
def test_the_export_repeats_the_network_for_every_batch_size(network, example, half, allowed):
    session = session_of(exported(network, example, half_weights=half))
    assert [i.name for i in session.get_inputs()] == ["log_mel"]
    assert [o.name for o in session.get_outputs()] == ["scores", "embedding"]
    for batch in (1, 3, 9):
        x = torch.randn(batch, 96, 87, generator=torch.Generator().manual_seed(batch)) - 3
        with torch.inference_mode():
            scores, embedding = network(x)
        got = session.run(None, {"log_mel": x.numpy()})
        for want, found in zip((scores, embedding), got, strict=True):
            assert found.shape == tuple(want.shape)
            assert np.abs(want.numpy() - found).max() <= allowed * max(1.0, float(want.abs().max()))


def test_half_weights_are_smaller_and_only_weights_are_halved(network, example):
    full, half = exported(network, example, half_weights=False), exported(network, example)
    assert len(half) < 0.6 * len(full)
    kinds = {t.data_type: t for t in onnx.load_from_string(half).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds
    assert session_of(half).get_inputs()[0].type == "tensor(float)"


def test_the_teacher_head_is_not_shipped(network, example):
    names = [t.name for t in onnx.load_from_string(exported(network, example)).graph.initializer]
    assert not any("teacher" in name or "detail" in name for name in names)


def test_the_same_network_gives_the_same_bytes(network, example):
    assert exported(network, example) == exported(network, example)


class _Unlike(nn.Module):
    """Says something else when it is traced than when it is run."""

    def __init__(self, wrong: float) -> None:
        super().__init__()
        self.wrong = wrong

    def forward(self, x):
        return (x + (self.wrong if torch.jit.is_tracing() else 0.0),)


@pytest.mark.parametrize("wrong", [1.0, float("nan")])
def test_an_export_that_differs_is_refused(wrong):
    """NaN found: it passed, for no comparison with NaN is true."""
    with pytest.raises(ModelError, match="output 'y' differs"):
        to_onnx(_Unlike(wrong), torch.zeros(2, 3), "x", ("y",), half_weights=False)
