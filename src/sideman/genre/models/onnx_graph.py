"""ONNX networks put together by hand, for models that no exporter repeats exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sideman.core.errors import MissingExtraError, ModelError

_OPSET, _ML_OPSET, _IR = 17, 3, 8  # read by every onnxruntime that the base install allows
_ML_DOMAIN = "ai.onnx.ml"


class Graph:
    """A network in the making: every method adds nodes and returns the name of the value that they make.

    The input "features" (batch, columns) float32 is there from the beginning. Values are float64 where nothing else is
    said, so that the network repeats what NumPy computes.
    """

    def __init__(self) -> None:
        try:
            from onnx import helper, numpy_helper
        except ImportError:
            raise MissingExtraError("exporting a model", "train") from None
        self._helper, self._numpy_helper = helper, numpy_helper
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, value: ArrayLike, dtype: Any = np.float64) -> str:
        """Add a constant; equal ones are kept once."""
        array = np.asarray(value, dtype)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"constant{len(self._constants)}"
            self._constants.append(self._numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add one node of ``operator`` with one output."""
        name = f"{operator.lower()}{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name

    def wide(self, value: str) -> str:
        """Cast to float64."""
        return self.add("Cast", value, to=11)

    def narrow(self, value: str) -> str:
        """Cast to float32."""
        return self.add("Cast", value, to=1)

    def affine(self, value: str, matrix: NDArray[Any], bias: NDArray[Any] | float = 0.0) -> str:
        """Return ``value @ matrix + bias``."""
        return self.add("Add", self.add("MatMul", value, self.constant(matrix)), self.constant(bias))

    def squared_distances(self, value: str, points: NDArray[Any]) -> str:
        """Squared Euclidean distances (batch, points) to points (points, columns), 0 or more."""
        own = self.add("ReduceSumSquare", value, axes=[1], keepdims=1)
        cross = self.affine(value, -2.0 * points.T, (points**2).sum(1))
        return self.add("Max", self.add("Add", own, cross), self.constant(0.0))

    def topk(self, value: str, k: int) -> str:
        """Largest ``k`` values of each row, (batch, k)."""
        name = f"topk{len(self._nodes)}"
        count = self.constant([k], np.int64)
        self._nodes.append(self._helper.make_node("TopK", [value, count], [name, f"{name}_at"], axis=1))
        return name

    def log_clipped(self, probabilities: str, least: float) -> str:
        """Natural logarithm of values kept at or above ``least``."""
        return self.add("Log", self.add("Max", probabilities, self.constant(least)))

    def trees(self, value: str, n_outputs: int, **attributes: Any) -> str:
        """Sum of tree leaves (batch, n_outputs), float32, of float32 features; attributes as ONNX names them."""
        return self.add("TreeEnsembleRegressor", value, domain=_ML_DOMAIN, n_targets=n_outputs, **attributes)

    def finish(self, scores: str, n_columns: int, n_classes: int) -> bytes:
        """Serialise: "features" (batch, n_columns) to "scores" (batch, n_classes), both float32."""
        import onnx

        helper = self._helper
        self._nodes.append(helper.make_node("Cast", [scores], ["scores"], to=1))
        graph = helper.make_graph(
            self._nodes,
            "table",
            [helper.make_tensor_value_info("features", 1, ["batch", n_columns])],
            [helper.make_tensor_value_info("scores", 1, ["batch", n_classes])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_ML_DOMAIN, _ML_OPSET)]
        network = helper.make_model(graph, opset_imports=opsets, producer_name="sideman")
        network.ir_version = _IR
        onnx.checker.check_model(network)
        payload: bytes = network.SerializeToString()
        return payload


def check_equal(payload: bytes, x: NDArray[np.float32], scores: NDArray[np.float32]) -> None:
    """Make sure that a network gives ``scores`` (rows, classes) for ``x`` (rows, columns), to within 1e-4.

    Raises:
        ModelError: it does not.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
    for start in range(0, len(x), 1024):
        (got,) = session.run(["scores"], {"features": x[start : start + 1024]})
        gap = float(np.abs(got - scores[start : start + 1024]).max())
        if not gap <= 1e-4:  # also where it is NaN
            raise ModelError(f"export: the scores differ by {gap:.2g} from the trained model's")
