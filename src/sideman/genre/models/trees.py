"""Decision trees as an ONNX node: shared by ``forest`` and ``boosting``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.genre.models.onnx_graph import Graph

Array = NDArray[Any]


def below(thresholds: Array) -> Array:
    """Largest float32 at or below each threshold: ``x <= t`` then means the same for every float32 ``x``."""
    narrow = thresholds.astype(np.float32)
    return np.where(narrow > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow).astype(np.float32)


@dataclass
class Trees:
    """Trees whose leaves add to outputs 0..n-1; a row goes left where its feature is at or below the threshold."""

    n_outputs: int
    _nodes: list[dict[str, Array]] = field(default_factory=list)
    _leaves: list[dict[str, Array]] = field(default_factory=list)

    def add(self, feature: Array, threshold: Array, left: Array, right: Array, leaf: Array, values: Array) -> None:
        """Add a tree of n nodes, the root first.

        Args:
            feature: column asked, (n,); of leaves it does not matter.
            threshold: (n,).
            left: node for values at or below, (n,).
            right: the other, (n,).
            leaf: mask, (n,).
            values: what a leaf adds to every output, (n, n_outputs).
        """
        n, tree = len(feature), len(self._nodes)
        self._nodes.append({
            "treeids": np.full(n, tree), "nodeids": np.arange(n), "featureids": np.where(leaf, 0, feature),
            "values": np.where(leaf, np.float32(0), below(np.where(leaf, 0.0, threshold))),
            "truenodeids": np.where(leaf, 0, left), "falsenodeids": np.where(leaf, 0, right), "leaf": leaf,
        })  # fmt: skip
        node, output = np.nonzero(np.where(leaf[:, None], values, 0.0))
        if not len(node):
            node, output = np.flatnonzero(leaf)[:1], np.zeros(1, int)
        self._leaves.append({
            "treeids": np.full(len(node), tree), "nodeids": node, "ids": output, "weights": values[node, output],
        })  # fmt: skip

    def put(self, graph: Graph, x: str) -> str:
        """Add the sum over all trees to a network, float64 (batch, n_outputs), of float64 ``x`` of float32 values."""
        node = {key: np.concatenate([part[key] for part in self._nodes]) for key in self._nodes[0]}
        leaf = {key: np.concatenate([part[key] for part in self._leaves]) for key in self._leaves[0]}
        modes = [b"LEAF" if is_leaf else b"BRANCH_LEQ" for is_leaf in node.pop("leaf")]
        told = {f"nodes_{key}": values.tolist() for key, values in node.items()}
        told |= {f"target_{key}": values.tolist() for key, values in leaf.items()}
        return graph.wide(graph.trees(graph.narrow(x), self.n_outputs, nodes_modes=modes, **told))
