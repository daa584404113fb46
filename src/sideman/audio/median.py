"""Exact running medians by a pruned min/max selection network, vectorised over the other axis.

A window of ``size = 2 G - 1`` values slides along ``G`` outputs. All ``G`` windows share ``G`` values, which are sorted
once; each half of the outputs shares ``G / 2`` more, each quarter ``G / 4`` more, and so on. Going down that tree, a
node of ``n`` outputs needs only the middle ``n`` of the values its windows share, so that every merge keeps the middle
of its result and nothing else. For size 31 that is 25 minima and maxima per output, with no comparison that depends on
the data: each is one numpy call over thousands of values, and the result is bit for bit that of
``scipy.ndimage.median_filter(mode="reflect")``.

Sources: K. E. Batcher, "Sorting networks and their applications", AFIPS SJCC 1968 (odd-even and bitonic merges);
the sharing of sorted sub-windows follows the idea of A. Adams, "Fast median filters using separable sorting
networks", ACM Trans. Graphics 40(4), 2021.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sideman.core.errors import UsageError

SIZES = (3, 7, 15, 31, 63)
"""Window lengths that the network covers: one less than a power of two."""

_REGISTER_ELEMENTS = 16384  # long enough to hide the cost of a numpy call, short enough for the caches
_COLUMN_CHUNK = 256  # rows transposed together for the medians along a row
_KEPT_WORKSPACES = 4

Float32 = NDArray[np.float32]
Wire = int
_LOW, _HIGH = -1, -2  # wires that carry minus and plus infinity; gates on them cost nothing


class _Circuit:
    """Minima and maxima of wires, each made once; wires ``0 .. inputs - 1`` are the inputs."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.gates: list[tuple[bool, Wire, Wire]] = []
        self._known: dict[tuple[bool, Wire, Wire], Wire] = {}

    def gate(self, is_max: bool, a: Wire, b: Wire) -> Wire:
        absorbing, neutral = (_HIGH, _LOW) if is_max else (_LOW, _HIGH)
        if b == neutral:
            return a
        if a == neutral:
            return b
        if absorbing in (a, b):
            return absorbing
        key = (is_max, min(a, b), max(a, b))
        if key not in self._known:
            self._known[key] = self.inputs + len(self.gates)
            self.gates.append(key)
        return self._known[key]

    def merge(self, a: list[Wire], b: list[Wire]) -> list[Wire]:
        """Merge two sorted lists of the same length (Batcher's odd-even merge)."""
        if len(a) == 1:
            return [self.gate(False, a[0], b[0]), self.gate(True, a[0], b[0])]
        even = self.merge(a[::2], b[::2])
        odd = self.merge(a[1::2], b[1::2])
        merged = [even[0]]
        for x, y in zip(odd[:-1], even[1:], strict=True):
            merged += [self.gate(False, x, y), self.gate(True, x, y)]
        return [*merged, odd[-1]]

    def middle(self, a: list[Wire], b: list[Wire]) -> list[Wire]:
        """Sort ``2 n`` sorted and ``n`` sorted values together and keep the middle ``n`` (a padded bitonic merge)."""
        n = len(b)
        low = n // 2
        padded = [_LOW] * low + b + [_HIGH] * (n - low)
        return self._bitonic(a + padded[::-1])[low + n : low + 2 * n]

    def _bitonic(self, wires: list[Wire]) -> list[Wire]:
        half = len(wires) // 2
        if not half:
            return wires
        pairs = list(zip(wires[:half], wires[half:], strict=True))
        lower = [self.gate(False, x, y) for x, y in pairs]
        upper = [self.gate(True, x, y) for x, y in pairs]
        return self._bitonic(lower) + self._bitonic(upper)

    def steps(self, outputs: Sequence[Wire]) -> list[tuple[bool, Wire, Wire, Wire]]:
        """Gates that the outputs need, as ``(is_max, a, b, result)``, depth first so that few results wait."""
        ordered: list[tuple[bool, Wire, Wire, Wire]] = []
        done: set[Wire] = set()

        def visit(wire: Wire) -> None:
            if wire < self.inputs or wire in done:
                return
            done.add(wire)
            is_max, a, b = self.gates[wire - self.inputs]
            visit(a)
            visit(b)
            ordered.append((is_max, a, b, wire))

        for output in outputs:
            visit(output)
        return ordered


class _Network:
    """The two stages for one window size: sort aligned blocks, then select down the tree of shared windows.

    Rows come in tiles of ``group`` rows. Output ``i`` of a tile is the median of rows ``i + 1 .. i + size`` counted
    from the tile's first row, so that the rows of three tiles are enough and every shared block is aligned.
    """

    def __init__(self, size: int) -> None:
        self.group = group = (size + 1) // 2
        self.sorting = _Circuit(group)
        blocks: dict[tuple[int, int], list[Wire]] = {(row, 1): [row] for row in range(group)}
        length = 2
        while length <= group // 2:
            for first in range(0, group, length):
                half = length // 2
                blocks[first, length] = self.sorting.merge(blocks[first, half], blocks[first + half, half])
            length *= 2

        # Inputs of the second stage: a wire of the first one, in the tile itself or one or two tiles further.
        names = [(wire, tile) for tile in range(3) for wire in range(group + len(self.sorting.gates))]
        wire_of = {name: wire for wire, name in enumerate(names)}
        self.selection = _Circuit(len(names))

        def block(first: int, length: int) -> list[Wire]:
            tile, row = divmod(first, group)
            return [wire_of[wire, tile] for wire in blocks[row, length]]

        medians: list[Wire] = []

        def descend(first: int, n: int, shared: list[Wire]) -> None:
            if n == 1:
                medians.append(shared[0])
                return
            half = n // 2
            before = block(first + half, half)
            after = block(first + 2 * group, half)
            descend(first, half, self.selection.middle(shared, before))
            descend(first + half, half, self.selection.middle(shared, after))

        half = group // 2
        descend(0, group, self.selection.merge(block(group, half), block(group + half, half)))
        self.medians = medians
        self.selecting = self.selection.steps(medians)
        used = sorted({wire for _, a, b, _ in self.selecting for wire in (a, b) if wire < len(names)})
        self.borrowed = {wire: names[wire] for wire in used}
        self.sorted_wires = sorted({wire for wire, _ in self.borrowed.values() if wire >= group})
        self.sorting_steps = self.sorting.steps(self.sorted_wires)


@lru_cache(maxsize=len(SIZES))
def _network(size: int) -> _Network:
    if size not in SIZES:
        raise UsageError(f"running medians of {size} values are not offered: choose one of {SIZES}")
    return _Network(size)


class MedianWorkspace:
    """The network for one window size, bound to its buffers: fill ``rows``, call :meth:`run`, read ``medians``.

    Attributes
    ----------
    rows
        Input, shape (outputs + size + 1, lanes), float32.
    medians
        Result, shape (outputs, lanes): row ``i`` is the median of rows ``i + 1 .. i + size`` of the input.
    """

    def __init__(self, size: int, outputs: int, lanes: int) -> None:
        """Allocate for at least this many outputs (rounded up to whole tiles) of ``lanes`` values each."""
        network = _network(size)
        group = network.group
        self.tiles = tiles = -(-outputs // group)
        self.rows: Float32 = np.zeros(((tiles + 2) * group, lanes), np.float32)
        self.medians: Float32 = np.empty((tiles * group, lanes), np.float32)
        self._steps: list[tuple[np.ufunc, Float32, Float32, Float32]] = []
        by_tile = self.rows.reshape(tiles + 2, group, lanes)
        first = _bind(
            network.sorting_steps,
            {row: by_tile[:, row] for row in range(group)},
            {wire: np.empty((tiles + 2, lanes), np.float32) for wire in network.sorted_wires},
            (tiles + 2, lanes),
            self._steps,
        )
        results = self.medians.reshape(tiles, group, lanes)
        _bind(
            network.selecting,
            {wire: first[source][tile : tile + tiles] for wire, (source, tile) in network.borrowed.items()},
            {wire: results[:, row] for row, wire in enumerate(network.medians)},
            (tiles, lanes),
            self._steps,
        )

    def run(self) -> None:
        """Compute ``medians`` from ``rows``."""
        for operation, a, b, out in self._steps:
            operation(a, b, out=out)


def _bind(
    steps: Sequence[tuple[bool, Wire, Wire, Wire]],
    inputs: dict[Wire, Float32],
    outputs: dict[Wire, Float32],
    shape: tuple[int, int],
    bound: list[tuple[np.ufunc, Float32, Float32, Float32]],
) -> dict[Wire, Float32]:
    """Give every intermediate result a register, reusing those whose last reader has passed."""
    last_use = {wire: place for place, (_, a, b, _) in enumerate(steps) for wire in (a, b)}
    arrays = {**inputs, **outputs}
    lent: set[Wire] = set()
    free: list[Float32] = []
    for place, (is_max, a, b, wire) in enumerate(steps):
        operands = arrays[a], arrays[b]
        # An operand that nobody reads again gives up its register at once: elementwise results may overwrite it.
        free += [arrays[operand] for operand in {a, b} & lent if last_use[operand] == place]
        if wire not in arrays:
            arrays[wire] = free.pop() if free else np.empty(shape, np.float32)
            lent.add(wire)
        bound.append((np.maximum if is_max else np.minimum, *operands, arrays[wire]))
    return arrays


_local = threading.local()


def workspace(size: int, outputs: int, lanes: int) -> MedianWorkspace:
    """Return a :class:`MedianWorkspace`, kept per thread: its buffers' pages are touched once, not once per clip."""
    kept: OrderedDict[Any, MedianWorkspace] = _local.__dict__.setdefault("kept", OrderedDict())
    key = (size, -(-outputs // _network(size).group), lanes)
    space = kept.pop(key, None) or MedianWorkspace(size, outputs, lanes)
    kept[key] = space
    while len(kept) > _KEPT_WORKSPACES:
        kept.popitem(last=False)
    return space


def reflected_rows(n: int, first: int, last: int) -> NDArray[np.intp]:
    """Row numbers ``first .. last - 1`` of an endless ``reflect`` continuation (d c b a | a b c d | d c b a)."""
    rows = np.arange(first, last) % (2 * n)
    return np.where(rows < n, rows, 2 * n - 1 - rows)


def even_chunk(n: int, most: int, group: int) -> int:
    """Chunk length of at most ``most`` (and at least ``group``) that cuts ``n`` into even chunks of whole groups."""
    chunks = -(-n // max(most, group))
    return -(-n // (chunks * group)) * group


def running_median(x: NDArray[np.float32], size: int = 31, *, axis: int = 0) -> Float32:
    """Running median with ``reflect`` boundaries, bit-identical to ``scipy.ndimage.median_filter``.

    Parameters
    ----------
    x
        Finite values, shape (n, m), float32.
    size
        Window length, one of :data:`SIZES`.
    axis
        Along which the window slides: 0 (down a column) or 1 (along a row).

    Returns
    -------
    float32, same shape as ``x``.

    Raises
    ------
    UsageError
        Another size or axis, or an array that is not two-dimensional or is empty.
    """
    if x.ndim != 2 or axis not in (0, 1) or not x.size:
        raise UsageError(f"running medians need a filled 2-d array and axis 0 or 1, got shape {x.shape}, axis {axis}")
    out = np.empty(x.shape, np.float32)
    if axis == 0:
        group = _network(size).group
        chunk = even_chunk(len(x), max(_REGISTER_ELEMENTS // x.shape[1], 1) * group, group)
        for first in range(0, len(x), chunk):
            last = min(first + chunk, len(x))
            out[first:last] = medians_along_time(x, first, last, size=size, chunk=chunk)
    else:
        chunk = even_chunk(len(x), _COLUMN_CHUNK, 16)
        for first in range(0, len(x), chunk):
            last = min(first + chunk, len(x))
            medians_along_rows(x[first:last], out[first:last], size=size, chunk=chunk)
    return out


def medians_along_time(x: Float32, first: int, last: int, *, size: int, chunk: int) -> Float32:
    """Medians down the columns of ``x`` for rows ``first .. last - 1``: a view that the next call overwrites."""
    group = _network(size).group
    space = workspace(size, chunk, x.shape[1])
    low, high = first - group, last + group - 1
    inner_low, inner_high = max(low, 0), min(high, len(x))
    space.rows[inner_low - low : inner_high - low] = x[inner_low:inner_high]
    if low < 0:
        space.rows[:-low] = x[reflected_rows(len(x), low, 0)]
    if high > len(x):
        space.rows[len(x) - low : high - low] = x[reflected_rows(len(x), len(x), high)]
    space.run()
    return space.medians[: last - first]


def medians_along_rows(x: Float32, out: Float32, *, size: int, chunk: int) -> None:
    """Medians along each row of ``x``, shape (b, m) with b <= chunk, into ``out`` of the same shape."""
    group = _network(size).group
    length = x.shape[1]
    space = workspace(size, length, chunk)
    lanes = slice(0, len(x))
    space.rows[group : group + length, lanes] = x.T
    rows = space.rows
    # Reflection copies rows that are already transposed; row r of x lies at group + r.
    rows[:group] = rows[group + reflected_rows(length, -group, 0)]
    tail = group + length
    rows[tail : tail + group - 1] = rows[group + reflected_rows(length, length, length + group - 1)]
    space.run()
    out[...] = space.medians[:length, lanes].T
