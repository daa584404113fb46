"""ONNX operators as differentiable torch functions: what exported networks of this project and its like are made of.

Source: ONNX operator specification, opsets 13 to 18.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sideman.core.errors import ModelError

Inputs = list[Any]  # tensors, None where an optional one is left out
Attributes = dict[str, Any]
Operator = Callable[[Inputs, Attributes], Any]

# Data types by their number in TensorProto.
DTYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64,
}  # fmt: skip


def _at(inputs: Inputs, place: int) -> Any:
    return inputs[place] if place < len(inputs) else None


def _ints(values: Tensor) -> list[int]:
    return [int(value) for value in values.reshape(-1)]


def _axes(inputs: Inputs, attributes: Attributes) -> list[int] | None:
    """Axes given as the second input (newer opsets) or as an attribute (older ones)."""
    given = _at(inputs, 1)
    if given is not None:
        return _ints(given)
    return list(attributes["axes"]) if "axes" in attributes else None


def _padded(x: Tensor, attributes: Attributes, value: float) -> tuple[Tensor, list[int]]:
    """Input and symmetric padding; what is not symmetric is padded here."""
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise ModelError("ONNX: automatic padding is not supported; export the network with explicit pads")
    n = x.ndim - 2
    pads = list(attributes.get("pads", [0] * (2 * n)))
    begin, end = pads[:n], pads[n:]
    if begin == end:
        return x, begin
    flat = [amount for pair in zip(begin[::-1], end[::-1], strict=True) for amount in pair]
    return functional.pad(x, flat, value=value), [0] * n


def _conv(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, padding = _padded(inputs[0], attributes, 0.0)
    n = x.ndim - 2
    function: Any = {1: functional.conv1d, 2: functional.conv2d}.get(n)
    if function is None:
        raise ModelError(f"ONNX: convolutions over {n} axes are not supported")
    strides, dilations = attributes.get("strides", [1] * n), attributes.get("dilations", [1] * n)
    result: Tensor = function(
        x, inputs[1], _at(inputs, 2), tuple(strides), tuple(padding), tuple(dilations), attributes.get("group", 1)
    )
    return result


def _average_pool(inputs: Inputs, attributes: Attributes) -> Tensor:
    n = inputs[0].ndim - 2
    counts = bool(attributes.get("count_include_pad", 0))
    pads = list(attributes.get("pads", [0] * (2 * n)))
    if pads[:n] != pads[n:]:
        raise ModelError("ONNX: average pooling with uneven pads is not supported")
    function: Any = functional.avg_pool1d if n == 1 else functional.avg_pool2d
    result: Tensor = function(
        inputs[0],
        tuple(attributes["kernel_shape"]),
        tuple(attributes.get("strides", [1] * n)),
        tuple(pads[:n]),
        bool(attributes.get("ceil_mode", 0)),
        counts,
    )
    return result


def _max_pool(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, padding = _padded(inputs[0], attributes, float("-inf"))
    n = x.ndim - 2
    function: Any = functional.max_pool1d if n == 1 else functional.max_pool2d
    result: Tensor = function(
        x,
        tuple(attributes["kernel_shape"]),
        tuple(attributes.get("strides", [1] * n)),
        tuple(padding),
        tuple(attributes.get("dilations", [1] * n)),
        bool(attributes.get("ceil_mode", 0)),
    )
    return result


def _gemm(inputs: Inputs, attributes: Attributes) -> Tensor:
    a, b = inputs[0], inputs[1]
    a = a.t() if attributes.get("transA", 0) else a
    b = b.t() if attributes.get("transB", 0) else b
    product: Tensor = a @ b
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    product = product if alpha == 1.0 else alpha * product
    bias = _at(inputs, 2)
    if bias is None:
        return product
    result: Tensor = product + (bias if beta == 1.0 else beta * bias)
    return result


def _batch_norm(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, scale, bias, mean, variance = inputs[:5]
    return functional.batch_norm(x, mean, variance, scale, bias, False, 0.0, attributes.get("epsilon", 1e-5))


def _layer_norm(inputs: Inputs, attributes: Attributes) -> Tensor:
    x = inputs[0]
    shape = x.shape[attributes.get("axis", -1) % x.ndim :]
    return functional.layer_norm(x, shape, inputs[1], _at(inputs, 2), attributes.get("epsilon", 1e-5))


def _reduce(function: Callable[..., Tensor]) -> Operator:
    def run(inputs: Inputs, attributes: Attributes) -> Tensor:
        axes = _axes(inputs, attributes)
        x: Tensor = inputs[0]
        if not axes and attributes.get("noop_with_empty_axes", 0):
            return x
        dims = tuple(axes) if axes else tuple(range(x.ndim))
        return function(x, dims, bool(attributes.get("keepdims", 1)))

    return run


def _slice(inputs: Inputs, _attributes: Attributes) -> Tensor:
    x: Tensor = inputs[0]
    starts, ends = _ints(inputs[1]), _ints(inputs[2])
    axes = _ints(inputs[3]) if _at(inputs, 3) is not None else list(range(len(starts)))
    steps = _ints(inputs[4]) if _at(inputs, 4) is not None else [1] * len(starts)
    places = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step > 0:
            places[axis] = slice(start, min(end, 2**62), step)
            continue
        stop = None if end < -x.shape[axis] else end  # backwards, past the beginning
        backwards = range(*slice(start, stop, step).indices(x.shape[axis]))
        x = x.index_select(axis, torch.tensor(list(backwards), dtype=torch.int64, device=x.device))
    return x[tuple(places)]


def _reshape(inputs: Inputs, attributes: Attributes) -> Tensor:
    x: Tensor = inputs[0]
    shape = _ints(inputs[1])
    if not attributes.get("allowzero", 0):
        shape = [x.shape[i] if size == 0 else size for i, size in enumerate(shape)]
    return x.reshape(shape)


def _flatten(inputs: Inputs, attributes: Attributes) -> Tensor:
    x: Tensor = inputs[0]
    axis = attributes.get("axis", 1) % (x.ndim + 1)
    return x.flatten(axis) if axis == 1 else x.reshape(int(torch.Size(x.shape[:axis]).numel()), -1)


def _unsqueeze(inputs: Inputs, attributes: Attributes) -> Tensor:
    x: Tensor = inputs[0]
    axes = _axes(inputs, attributes) or []
    for axis in sorted(a % (x.ndim + len(axes)) for a in axes):
        x = x.unsqueeze(axis)
    return x


def _squeeze(inputs: Inputs, attributes: Attributes) -> Tensor:
    axes = _axes(inputs, attributes)
    x: Tensor = inputs[0]
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def _pad(inputs: Inputs, attributes: Attributes) -> Tensor:
    x: Tensor = inputs[0]
    mode = {b"constant": "constant", b"reflect": "reflect", b"edge": "replicate"}[attributes.get("mode", b"constant")]
    pads = _ints(inputs[1])
    pairs = list(zip(pads[: x.ndim], pads[x.ndim :], strict=True))
    while mode != "constant" and len(pairs) > 1 and pairs[0] == (0, 0):
        pairs = pairs[1:]  # torch reflects the last axes only
    flat = [amount for pair in pairs[::-1] for amount in pair]
    fill = _at(inputs, 2)
    return functional.pad(x, flat, mode, float(fill) if fill is not None and mode == "constant" else None)


def _gather(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, places = inputs[0], inputs[1]
    axis = attributes.get("axis", 0) % x.ndim
    places = torch.where(places < 0, places + x.shape[axis], places)
    flat: Tensor = x.index_select(axis, places.reshape(-1))
    return flat.reshape((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))


def _split(inputs: Inputs, attributes: Attributes) -> tuple[Tensor, ...]:
    x: Tensor = inputs[0]
    axis = attributes.get("axis", 0)
    sizes = _at(inputs, 1)
    if sizes is not None:
        return tuple(torch.split(x, _ints(sizes), axis))
    return x.chunk(attributes["n_outputs"], axis)


def _clip(inputs: Inputs, _attributes: Attributes) -> Tensor:
    x: Tensor = inputs[0]
    low, high = _at(inputs, 1), _at(inputs, 2)
    x = x if low is None else torch.maximum(x, low.to(x.dtype))
    return x if high is None else torch.minimum(x, high.to(x.dtype))


def _recurrent(n_gates: int, order: Sequence[int]) -> Operator:
    """GRU or LSTM; torch keeps the gates in another order than ONNX."""

    def run(inputs: Inputs, attributes: Attributes) -> tuple[Tensor, ...]:
        x, w, r = inputs[:3]
        directions, size = w.shape[0], attributes["hidden_size"]
        odd = {"activations", "clip", "layout"} & attributes.keys()
        if odd or attributes.get("direction", b"forward") == b"reverse" or _at(inputs, 4) is not None:
            raise ModelError("ONNX: this kind of recurrent layer is not supported")
        if n_gates == 3 and not attributes.get("linear_before_reset", 0):
            raise ModelError("ONNX: GRU layers that reset before the product are not supported")
        bias = _at(inputs, 3)
        bias = x.new_zeros(directions, 2 * n_gates * size) if bias is None else bias

        def sorted_gates(values: Tensor) -> Tensor:
            gates = torch.split(values, size)
            return torch.cat([gates[place] for place in order])

        weights = []
        for d in range(directions):
            own, hidden = torch.split(bias[d], n_gates * size)
            weights += [sorted_gates(values) for values in (w[d], r[d], own, hidden)]
        start = [_at(inputs, place) for place in ((5,) if n_gates == 3 else (5, 6))]
        zeros = x.new_zeros(directions, x.shape[1], size)
        start = [zeros if state is None else state for state in start]
        kernels: Any = torch._VF
        if n_gates == 3:
            y, *states = kernels.gru(x, start[0], weights, True, 1, 0.0, False, directions == 2, False)
        else:
            y, *states = kernels.lstm(x, start, weights, True, 1, 0.0, False, directions == 2, False)
        steps, batch = x.shape[:2]
        return y.reshape(steps, batch, directions, size).transpose(1, 2), *states

    return run


def _one(function: Callable[..., Any]) -> Operator:
    return lambda inputs, _: function(*inputs)


def _leaky(inputs: Inputs, attributes: Attributes) -> Tensor:
    return functional.leaky_relu(inputs[0], attributes.get("alpha", 0.01))


def _hard_sigmoid(inputs: Inputs, attributes: Attributes) -> Tensor:
    x: Tensor = attributes.get("alpha", 0.2) * inputs[0] + attributes.get("beta", 0.5)
    return x.clamp(0, 1)


OPERATORS: dict[str, Operator] = {
    **{name: _one(getattr(torch, name.lower())) for name in (
        "Relu", "Exp", "Log", "Neg", "Sqrt", "Abs", "Erf", "Tanh", "Sigmoid", "MatMul", "Reciprocal", "Where", "Pow",
    )},
    "Add": _one(lambda a, b: a + b),
    "Sub": _one(lambda a, b: a - b),
    "Mul": _one(lambda a, b: a * b),
    "Div": _one(lambda a, b: a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")),
    "Max": lambda inputs, _: torch.stack(torch.broadcast_tensors(*inputs)).amax(0),  # type: ignore[no-untyped-call]
    "Min": lambda inputs, _: torch.stack(torch.broadcast_tensors(*inputs)).amin(0),  # type: ignore[no-untyped-call]
    "Mod": lambda inputs, a: torch.fmod(*inputs) if a.get("fmod", 0) else torch.remainder(*inputs),
    "Equal": _one(torch.eq),
    "Identity": _one(lambda x: x),
    "Dropout": lambda inputs, _: inputs[0],
    "Conv": _conv,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "AveragePool": _average_pool,
    "MaxPool": _max_pool,
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean(tuple(range(2, inputs[0].ndim)), True),
    "ReduceMax": _reduce(torch.amax),
    "ReduceMin": _reduce(torch.amin),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Softmax": lambda inputs, a: inputs[0].softmax(a.get("axis", -1)),
    "LogSoftmax": lambda inputs, a: inputs[0].log_softmax(a.get("axis", -1)),
    "LeakyRelu": _leaky,
    "Elu": lambda inputs, a: functional.elu(inputs[0], a.get("alpha", 1.0)),
    "Selu": _one(torch.selu),
    "Softplus": _one(functional.softplus),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _one(functional.hardswish),
    "Clip": _clip,
    "Concat": lambda inputs, a: torch.cat(inputs, a["axis"]),
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": lambda inputs, a: inputs[0].permute(a.get("perm", list(range(inputs[0].ndim))[::-1])),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Expand": lambda inputs, _: inputs[0] * inputs[0].new_ones(_ints(inputs[1])),
    "Pad": _pad,
    "Shape": lambda inputs, _: torch.tensor(inputs[0].shape),
    "ConstantOfShape": lambda inputs, a: torch.full(
        _ints(inputs[0]), a["value"].item() if "value" in a else 0.0, dtype=a["value"].dtype if "value" in a else None
    ),
    "Cast": lambda inputs, a: inputs[0].to(DTYPES[a["to"]]),
    "GRU": _recurrent(3, (1, 0, 2)),
    "LSTM": _recurrent(4, (0, 2, 3, 1)),
}  # fmt: skip
