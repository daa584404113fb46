"""Columns computed from the table's: what a Gaussian or a distance can use better than the plain figures.

Variances, energies and frequencies as logarithms, also beside their plain values; tempo as octaves and as its place
within the octave, so that 70 and 140 bpm meet; the two signal means (nearly 0, tiny, of either sign) on an inverse
hyperbolic sine, as orders of magnitude and as signs that set in at three sizes; the mean chroma, a share, as log-odds
with what its variance is of the largest that a share can have. Each formula stands here once and is carried out by
NumPy or by ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sideman.audio.descriptors import DESCRIPTOR_COLUMNS
from sideman.genre.models.onnx_graph import Graph
from sideman.genre.models.table import Wide

_LEAST = 1e-10
_LOUDNESS_AND_SPECTRUM = ("rms", "spectral", "rolloff", "zero_crossing")
_SIGNS_SET_IN = (1e-5, 1e-4, 1e-3)
_SIGNAL_MEANS = ("harmony_mean", "perceptr_mean")


class _Operations(Protocol):
    """What the formulas are written in; values are (rows, columns)."""

    def pick(self, columns: list[int]) -> Any: ...
    def scale(self, value: Any, by: float, plus: float = 0.0) -> Any: ...
    def at_least(self, value: Any, least: float) -> Any: ...
    def times(self, first: Any, second: Any) -> Any: ...
    def over(self, first: Any, second: Any) -> Any: ...
    def plus(self, first: Any, second: Any) -> Any: ...
    def apply(self, name: str, value: Any) -> Any: ...
    def side_by_side(self, values: list[Any]) -> Any: ...


@dataclass(frozen=True)
class _InNumPy:
    x: Wide

    def pick(self, columns: list[int]) -> Any:
        return self.x[:, columns]

    def scale(self, value: Any, by: float, plus: float = 0.0) -> Any:
        return value * by + plus

    def at_least(self, value: Any, least: float) -> Any:
        return np.maximum(value, least)

    def times(self, first: Any, second: Any) -> Any:
        return first * second

    def over(self, first: Any, second: Any) -> Any:
        return first / second

    def plus(self, first: Any, second: Any) -> Any:
        return first + second

    def apply(self, name: str, value: Any) -> Any:
        return getattr(np, name.lower())(value)

    def side_by_side(self, values: list[Any]) -> Any:
        return np.hstack(values)


@dataclass(frozen=True)
class _InOnnx:
    graph: Graph
    x: str

    def pick(self, columns: list[int]) -> Any:
        return self.graph.add("Gather", self.x, self.graph.constant(columns, np.int64), axis=1)

    def scale(self, value: Any, by: float, plus: float = 0.0) -> Any:
        scaled = self.graph.add("Mul", value, self.graph.constant(by))
        return self.graph.add("Add", scaled, self.graph.constant(plus)) if plus else scaled

    def at_least(self, value: Any, least: float) -> Any:
        return self.graph.add("Max", value, self.graph.constant(least))

    def times(self, first: Any, second: Any) -> Any:
        return self.graph.add("Mul", first, second)

    def over(self, first: Any, second: Any) -> Any:
        return self.graph.add("Div", first, second)

    def plus(self, first: Any, second: Any) -> Any:
        return self.graph.add("Add", first, second)

    def apply(self, name: str, value: Any) -> Any:
        return self.graph.add(name, value)

    def side_by_side(self, values: list[Any]) -> Any:
        return self.graph.add("Concat", *values, axis=1)


@dataclass(frozen=True)
class Derived:
    """Derived columns of a table with ``n_columns``: the 57 features, or the 58 columns with ``length``.

    Any other table keeps its columns as they are: nothing is known of them.
    """

    n_columns: int

    def __call__(self, x: Wide) -> Wide:
        """Derive from rows (rows, n_columns), float64."""
        return np.asarray(self._formulas(_InNumPy(x)))

    def put(self, graph: Graph, x: str) -> str:
        """Add the same to a network."""
        return str(self._formulas(_InOnnx(graph, x)))

    def _formulas(self, do: _Operations) -> Any:
        names = DESCRIPTOR_COLUMNS[-self.n_columns :]
        if self.n_columns not in {len(DESCRIPTOR_COLUMNS), len(DESCRIPTOR_COLUMNS) - 1}:
            return do.pick(list(range(self.n_columns)))
        at = {name: column for column, name in enumerate(names)}
        special = {"tempo", "chroma_stft_mean", *_SIGNAL_MEANS}
        sizes = [c for n, c in at.items() if n.endswith("_var") or n.startswith(_LOUDNESS_AND_SPECTRUM)]
        plain = [c for n, c in at.items() if n.startswith(_LOUDNESS_AND_SPECTRUM)]
        rest = [c for n, c in at.items() if c not in sizes and n not in special]
        return do.side_by_side([
            do.pick(rest),
            do.apply("Log", do.at_least(do.pick(sizes), _LEAST)),
            do.pick(plain),
            *_tempo(do, at["tempo"]),
            *_signal_means(do, [at[name] for name in _SIGNAL_MEANS]),
            *_chroma(do, at["chroma_stft_mean"], at["chroma_stft_var"]),
        ])  # fmt: skip


def _tempo(do: _Operations, column: int) -> list[Any]:
    octaves = do.scale(do.apply("Log", do.at_least(do.pick([column]), 1.0)), 1 / np.log(2.0))
    angle = do.scale(octaves, 2 * np.pi)
    return [octaves, do.apply("Sin", angle), do.apply("Sin", do.scale(angle, 1.0, np.pi / 2))]


def _signal_means(do: _Operations, columns: list[int]) -> list[Any]:
    size = do.apply("Abs", do.pick(columns))
    large = do.scale(size, 1e5)
    root = do.apply("Sqrt", do.scale(do.times(large, large), 1.0, 1.0))
    signed = do.times(do.apply("Sign", do.pick(columns)), do.apply("Log", do.plus(large, root)))
    signs = []
    for sets_in in _SIGNS_SET_IN:
        value = do.scale(do.pick(columns), 1 / sets_in)
        signs.append(do.over(value, do.apply("Sqrt", do.scale(do.times(value, value), 1.0, 1.0))))
    return [signed, do.apply("Log", do.scale(size, 1.0, 1e-6)), *signs]


def _chroma(do: _Operations, mean: int, variance: int) -> list[Any]:
    share = do.at_least(do.pick([mean]), 1e-3)
    rest = do.at_least(do.scale(share, -1.0, 1.0), 1e-3)
    odds = do.apply("Log", do.over(share, rest))
    return [share, odds, do.over(do.pick([variance]), do.times(share, rest)), do.times(share, share)]
