"""Composers as ONNX: one step at a time with a memory, checked against torch, in float32 or with int8 weights."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sideman.compose.vocabulary import SIZE
from sideman.core.errors import MissingExtraError, ModelError

WIDEST_GAP = 1e-4  # of full weights, in relation to the largest score


class Steps(Protocol):
    """A network that composes step by step: see `Transformer.step` and `LSTM.step`."""

    def step(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """Scores after the last token, and what to remember."""

    def empty_past(self, batch: int = 1) -> tuple[Tensor, ...]:
        """What is remembered at the beginning."""


class _Step(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.step(tokens, *past))


def to_onnx(network: nn.Module, *, int8: bool = False) -> bytes:
    """The step of a composer as ONNX: (tokens, past-0, ...) -> (scores, present-0, ...), for one piece at a time.

    Raises:
        ModelError: full weights do not repeat torch's scores within 1e-4.
        MissingExtraError: onnx is not installed.
    """
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise MissingExtraError("exporting a composer", "train") from error
    steps: Any = network.eval()
    past = _some_past(steps)
    grows = past[0].dim() == 4  # keys and values of attention; a recurrent state keeps its size
    names = [f"past-{i}" for i in range(len(past))], [f"present-{i}" for i in range(len(past))]
    axes: dict[str, dict[int, str]] = {"tokens": {1: "time"}}
    if grows:
        axes |= {name: {2: axis} for part, axis in zip(names, ("seen", "heard"), strict=True) for name in part}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Step(network).eval(),  # the exporter gives all parts the mode of the whole
            (torch.randint(0, SIZE, (1, 3)), *past),
            buffer,  # type: ignore[arg-type]  # this exporter takes any binary file
            input_names=["tokens", *names[0]],
            output_names=["scores", *names[1]],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    payload = buffer.getvalue()
    onnx.checker.check_model(onnx.load_from_string(payload))
    gap = widest_gap(steps, payload)
    if not gap <= WIDEST_GAP:
        raise ModelError(f"export: scores differ by {gap:.2g} from the trained network")
    if not int8:
        return payload
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "full.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(payload)
        quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul"])
        return target.read_bytes()


def _some_past(steps: Any) -> tuple[Tensor, ...]:
    with torch.inference_mode():
        return tuple(steps.step(torch.randint(0, SIZE, (1, 5)), *steps.empty_past())[1:])


def widest_gap(steps: Any, payload: bytes) -> float:
    """Largest difference of scores between torch and ONNX over 40 steps, in relation to the largest score."""
    from sideman.compose.decoder import OnnxDecoder

    tokens = np.random.default_rng(0).integers(0, SIZE, 40)
    decoder = OnnxDecoder(payload)
    past, widest = steps.empty_past(), 0.0
    with torch.inference_mode():
        for chunk in (tokens[:7], *tokens[7:, None]):
            want, *past = steps.step(torch.from_numpy(chunk)[None], *past)
            got = decoder.feed(chunk.tolist())
            widest = max(widest, float((want[0] - torch.from_numpy(got)).abs().max() / want.abs().max()))
    return widest
