"""From torch to ONNX: a file that runs without torch, checked against it, with weights stored in half precision."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sideman.core.errors import MissingExtraError, ModelError


def to_onnx(
    module: nn.Module,
    example: Tensor | tuple[Tensor, ...],
    input_name: str | Sequence[str],
    output_names: Sequence[str],
    *,
    half_weights: bool = True,
    free_axes: Mapping[str, int] | None = None,
) -> bytes:
    """Serialise ``module`` with a free batch axis; large weights become float16 and are widened when loaded.

    ``free_axes`` names an input's or output's second free axis. A module of several inputs takes tuples.

    Raises:
        ModelError: the ONNX network does not repeat the module's outputs (1e-4 with full weights, 2e-2 with half).
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("exporting a network", "train") from error
    module.eval()
    buffer = io.BytesIO()
    examples = (example,) if isinstance(example, Tensor) else example
    input_names = [input_name] if isinstance(input_name, str) else list(input_name)
    axes = {name: {0: "batch"} for name in (*input_names, *output_names)}
    for name, axis in (free_axes or {}).items():
        axes[name][axis] = "time"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            examples,
            buffer,  # type: ignore[arg-type]  # this exporter takes any binary file
            input_names=input_names,
            output_names=list(output_names),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    network = onnx.load_from_string(buffer.getvalue())
    if half_weights:
        _halve(network)
    onnx.checker.check_model(network)
    payload: bytes = network.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = module(*examples)
    expected = (expected,) if isinstance(expected, Tensor) else expected
    given = {name: value.numpy() for name, value in zip(input_names, examples, strict=True)}
    for name, want, got in zip(output_names, expected, session.run(None, given), strict=True):
        gap = float(np.abs(want.numpy() - got).max())
        allowed = (2e-2 if half_weights else 1e-4) * max(1.0, float(want.abs().max()))
        if not gap <= allowed:  # also where it is NaN
            raise ModelError(f"export: output '{name}' differs by {gap:.2g} from the trained network")
    return payload


def _halve(network: Any) -> None:
    """Store initialisers of more than 1000 values as float16, with a cast in front of their users."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in network.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 1000:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes: list[onnx.NodeProto] = [*casts, *network.graph.node]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
