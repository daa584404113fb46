"""An ONNX network as a torch module: weights that ship without torch can be trained on and differentiated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sideman.core.errors import MissingExtraError, ModelError
from sideman.genre.models.onnx_operators import DTYPES, OPERATORS

_OPSETS = range(13, 24)
# Inputs of operators at which a stored value is something learnt; all others stay as they are.
_LEARNT = {
    "Conv": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "Add": (0, 1),
    "Mul": (0, 1),
    "BatchNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "GRU": (1, 2, 3),
    "LSTM": (1, 2, 3),
}


@dataclass(frozen=True)
class _Node:
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class OnnxModule(nn.Module):
    """The same function as an ONNX network; its learnt weights are parameters, float32, in the order of use.

    Batch norm keeps its stored statistics and nothing is dropped, also in training.
    """

    def __init__(self, network: bytes | Path, outputs: Sequence[str] | None = None) -> None:
        """Read a network.

        Args:
            network: the serialised network, or its file.
            outputs: names of what :meth:`forward` shall return, by default all outputs; the rest is left out.

        Raises:
            ModelError: it cannot be read, lacks an output, or has an operator that is not known here.
        """
        super().__init__()
        self._source = str(network) if isinstance(network, Path) else "ONNX network"
        graph = _parsed(network, self._source)
        stored = {tensor.name: tensor for tensor in graph.initializer}
        self.input_name: str = next(i.name for i in graph.input if i.name not in stored)
        every = {name for node in graph.node for name in node.output} | {self.input_name}
        self.outputs = tuple(outputs) if outputs is not None else tuple(o.name for o in graph.output)
        missing = [name for name in self.outputs if name not in every]
        if missing:
            raise ModelError(f"{self._source}: has no output '{missing[0]}'; it has {', '.join(_names(graph.output))}")
        self._nodes, constants = _needed(graph, self.outputs, self._source)
        self._places: dict[str, str] = {}
        self._keep(stored, constants)

    def _keep(self, stored: dict[str, Any], constants: dict[str, Tensor]) -> None:
        """Register stored values: what is learnt as parameters, the rest as buffers."""
        learnt = {
            name
            for node in self._nodes
            for place, name in enumerate(node.inputs)
            if place in _LEARNT.get(node.operator, ()) and name in stored
        }
        for node in self._nodes:
            for name in node.inputs:
                if name in self._places or (name not in stored and name not in constants):
                    continue
                value = constants[name] if name in constants else _tensor(stored[name])
                place = f"value_{len(self._places)}"
                self._places[name] = place
                if name in learnt and value.is_floating_point() and value.ndim:
                    self.register_parameter(place, nn.Parameter(value))
                else:
                    self.register_buffer(place, value)

    def forward(self, x: Tensor) -> Any:
        """Run the network; one tensor, or a tuple where there are several outputs."""
        values: dict[str, Any] = {name: getattr(self, place) for name, place in self._places.items()}
        values[self.input_name] = x
        for node in self._nodes:
            inputs = [values[name] if name else None for name in node.inputs]
            result = OPERATORS[node.operator](inputs, node.attributes)
            results = result if isinstance(result, tuple) else (result,)
            values.update(zip(node.outputs, results, strict=False))  # optional outputs may be left out
        wanted = tuple(values[name] for name in self.outputs)
        return wanted[0] if len(wanted) == 1 else wanted


def _names(values: Any) -> list[str]:
    return [value.name for value in values]


def _parsed(network: bytes | Path, source: str) -> Any:
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("reading a network for training", "train") from None
    try:
        payload = network.read_bytes() if isinstance(network, Path) else network
        model = onnx.load_from_string(payload)
    except OSError as error:
        raise ModelError(f"{source}: cannot be read ({(error.strerror or str(error)).lower()})") from None
    except Exception as error:  # the parser's own error class is not public
        raise ModelError(f"{source}: not an ONNX network ({type(error).__name__})") from error
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset not in _OPSETS or not model.graph.input:
        raise ModelError(f"{source}: not an ONNX network of opset {_OPSETS[0]} to {_OPSETS[-1]} (it has {opset})")
    return model.graph


def _needed(graph: Any, outputs: Sequence[str], source: str) -> tuple[tuple[_Node, ...], dict[str, Tensor]]:
    """Nodes that the outputs depend on, in order, and the values of constants.

    Stored values that pass through a cast first (weights in half precision) are taken as constants' equals: the cast
    is left out and its users read the stored value.
    """
    from onnx import helper

    stored = set(_names(graph.initializer))
    constants: dict[str, Tensor] = {}
    alias: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            constants[node.output[0]] = _tensor(attributes["value"])
            continue
        if node.op_type == "Cast" and node.input[0] in stored and attributes["to"] == 1:
            alias[node.output[0]] = node.input[0]
            continue
        if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
            nodes.append(_Node(node.op_type, tuple(node.input), tuple(node.output), {"unknown": True}))
            continue
        if node.op_type == "ConstantOfShape" and "value" in attributes:
            attributes["value"] = _tensor(attributes["value"])
        attributes["n_outputs"] = len(node.output)
        inputs = tuple(alias.get(name, name) for name in node.input)
        nodes.append(_Node(node.op_type, inputs, tuple(node.output), attributes))
    wanted, kept = set(outputs), []
    for entry in reversed(nodes):
        if wanted.isdisjoint(entry.outputs):
            continue
        if "unknown" in entry.attributes:
            raise ModelError(f"{source}: operator '{entry.operator}' has no counterpart in torch here")
        wanted.update(entry.inputs)
        kept.append(entry)
    return tuple(reversed(kept)), constants


def _tensor(proto: Any) -> Tensor:
    """Stored value; half precision is widened."""
    from onnx import numpy_helper

    if proto.data_type not in DTYPES:
        raise ModelError(f"ONNX: values of type {proto.data_type} are not supported")
    value = torch.from_numpy(numpy_helper.to_array(proto).copy())
    return value.float() if value.dtype == torch.float16 else value
