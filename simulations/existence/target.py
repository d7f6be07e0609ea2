"""The target network: matrices, checked, with the box of its inputs and data to try it on."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slt.core.checks import first_line
from slt.core.files import write_atomically
from theory.widths import box, homogeneous

Floats = NDArray[np.float64]
AT_ONCE = 2**24  # activations of a layer that are held at a time


@dataclass(frozen=True)
class Target:
    """y = W_L relu(.. relu(W_1 x)) on the box low <= x <= high, |w| <= 1, with data to try it on where there are any.

    weights: (n_l, n_{l-1}) each; low, high: (d,), or numbers; inputs (N, d) in the box; labels (N,), empty without
    classes. Raises ValueError for weights or inputs that do not fit.
    """

    name: str
    weights: tuple[Floats, ...]
    low: Floats = field(default_factory=lambda: np.zeros(()))
    high: Floats = field(default_factory=lambda: np.ones(()))
    inputs: Floats = field(default_factory=lambda: np.empty((0, 0)))
    labels: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_weights(self.weights)
        low, high = box(self.sizes[0], self.low, self.high)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        if not self.inputs.size:
            object.__setattr__(self, "inputs", np.empty((0, self.sizes[0])))
        x = self.inputs
        if x.size and not (x.ndim == 2 and x.shape[1] == self.sizes[0] and np.all((x >= low) & (x <= high))):
            raise ValueError(
                f"inputs must have {self.sizes[0]} columns and lie in {self.domain} "
                f"(--domain; or scale them), got shape {x.shape}, range {x.min():g} to {x.max():g}"
            )
        if len(self.labels) not in (0, len(x)):
            raise ValueError(f"labels must be one per input, got {len(self.labels)} for {len(x)} inputs")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Layer sizes n_0 .. n_L."""
        return (self.weights[0].shape[1], *(len(w) for w in self.weights))

    @property
    def domain(self) -> str:
        """The range of the inputs in words, those that never change left out."""
        varying = self.low < self.high if np.any(self.low < self.high) else np.ones(len(self.low), np.bool_)
        return f"[{self.low[varying].min():g}, {self.high[varying].max():g}]"

    @property
    def parted(self) -> tuple[Floats, ...]:
        """The matrices for :meth:`parts` of the inputs: the first is [W, -W of the inputs that may be negative]."""
        first = self.weights[0]
        return (np.hstack([first, -first[:, self.low < 0]]), *self.weights[1:])

    def parts(self, inputs: Floats) -> Floats:
        """Return relu(x) of all inputs, relu(-x) of those that may be negative, (N, d + m): x = relu(x) - relu(-x)."""
        return np.hstack([np.maximum(inputs, 0), np.maximum(-inputs[:, self.low < 0], 0)])


def check_weights(weights: tuple[Floats, ...]) -> None:
    """Raise ValueError unless the matrices are finite, not empty, within [-1, 1] and chain."""
    _check_shapes(weights)
    for number, w in enumerate(weights, 1):
        if np.abs(w).max() > 1:
            raise ValueError(
                f"weights of layer {number} must lie in [-1, 1], the largest is {np.abs(w).max():.17g}; "
                "--rescale divides each layer by its largest weight, which scales the outputs and nothing else"
            )


def _check_shapes(weights: Sequence[Floats]) -> None:
    if not weights:
        raise ValueError("a target needs at least one weight matrix, got none")
    for number, w in enumerate(weights, 1):
        if w.ndim != 2:
            raise ValueError(f"weights of layer {number} must be a matrix (outputs, inputs), got shape {w.shape}")
        if w.size == 0:
            raise ValueError(f"layer {number} is empty: its shape is {w.shape}")
        if not np.isfinite(w).all():
            raise ValueError(f"weights of layer {number} must be finite, got {w[~np.isfinite(w)][0]}")
        if number > 1 and w.shape[1] != len(weights[number - 2]):
            raise ValueError(
                f"shapes do not chain: layer {number - 1} has {len(weights[number - 2])} outputs, "
                f"layer {number} takes {w.shape[1]} inputs"
            )


def forward(weights: tuple[Floats, ...], inputs: Floats) -> Floats:
    """Return the outputs of a ReLU network without biases, (N, n_L); the last layer is linear."""
    rows = max(AT_ONCE // max(len(w) for w in weights), 1)
    parts = []
    for first in range(0, max(len(inputs), 1), rows):
        x = inputs[first : first + rows]
        for w in weights[:-1]:
            x = np.maximum(x @ w.T, 0)
        parts.append(x @ weights[-1].T)
    return np.concatenate(parts)


def accuracy(outputs: Floats, labels: NDArray[np.int64]) -> float:
    """Share of rows whose largest output is the label."""
    return float(np.mean(outputs.argmax(axis=1) == labels))


def rescaled(weights: tuple[Floats, ...]) -> tuple[tuple[Floats, ...], float]:
    """Return the weights, layers beyond [-1, 1] divided by their largest one, and the factor the outputs shrink by.

    relu(c x) = c relu(x) for c > 0, so classes do not change.
    """
    scales = [max(1.0, float(np.abs(w).max(initial=0.0))) for w in weights]
    return tuple(w / c for w, c in zip(weights, scales, strict=True)), float(np.prod(scales))


def save(path: str | Path, target: Target) -> None:
    """Write a target so that :func:`from_file` reads it again: its matrices (biases built in), inputs and labels."""
    buffer = BytesIO()
    arrays: dict[str, Any] = {f"layer{number}": w for number, w in enumerate(target.weights, 1)}
    np.savez_compressed(buffer, **arrays, inputs=target.inputs, labels=target.labels)
    write_atomically(path, buffer.getvalue())


def from_file(path: str | Path, *, rescale: bool = False, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> Target:
    """Read a target from an npz file of a network's matrices in order, each followed by its bias if it has one.

    Arrays named ``inputs`` and ``labels`` are data. A bias (one dimension) becomes the weight of an input that is
    always 1, see :func:`theory.widths.homogeneous`. low, high: the box of the inputs, but that one.
    Raises ValueError for anything that is no such file, OSError when it cannot be read.
    """
    data = BytesIO(Path(path).read_bytes())
    try:
        file = np.load(data, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array without a name")
        with file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # numpy and zipfile raise a dozen kinds for damaged files
        raise ValueError(f"{path} is not an npz file of numbers: {first_line(error)}") from None
    try:
        return _target_of(Path(path).name, arrays, rescale, low, high)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _target_of(title: str, arrays: dict[str, NDArray[Any]], rescale: bool, low: ArrayLike, high: ArrayLike) -> Target:
    """Return the target that these arrays are; errors as for :func:`from_file`."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            raise ValueError(f"{name} is not a real number")
    layers = [a.astype(np.float64) for name, a in arrays.items() if name not in ("inputs", "labels")]
    inputs = arrays.get("inputs", np.empty((0, 0))).astype(np.float64)
    given = arrays.get("labels", np.empty(0, np.int64))
    if inputs.ndim != 2 or given.ndim != 1:
        raise ValueError(f"inputs must be (N, d) and labels (N,), got shapes {inputs.shape}, {given.shape}")
    weights, notes = _with_biases(layers)
    if rescale:
        weights, factor = rescaled(weights)
        text = (
            f"Layers were divided by their largest weight: outputs are {factor:g} times smaller, and eps is for these."
        )
        notes = (*notes, text)
    target = Target(title, weights, notes=notes)
    if not np.all((given >= 0) & (given < target.sizes[-1]) & (given % 1 == 0)):
        raise ValueError(f"labels must be whole numbers from 0 to {target.sizes[-1] - 1}")
    labels = given.astype(np.int64)
    extra = 1 if any(layer.ndim == 1 for layer in layers) else 0
    ends = box(target.sizes[0] - extra, low, high)
    one = np.ones(extra)
    if extra and inputs.size:
        inputs = np.column_stack([inputs, np.ones(len(inputs))])
    return replace(target, low=np.append(ends[0], one), high=np.append(ends[1], one), inputs=inputs, labels=labels)


def _with_biases(layers: list[Floats]) -> tuple[tuple[Floats, ...], tuple[str, ...]]:
    """Return checked matrices with the biases, arrays of one dimension, built in, and a note about that."""
    matrices: list[Floats] = []
    biases: dict[int, Floats] = {}
    for layer in layers:
        after = len(matrices) - 1
        if layer.ndim == 1 and after >= 0 and after not in biases:
            if layer.shape != matrices[after].shape[:1] or not np.isfinite(layer).all():
                raise ValueError(
                    f"the bias of layer {after + 1} must be {len(matrices[after])} finite numbers, got {layer.shape}"
                )
            biases[after] = layer
        else:
            matrices.append(layer)
    _check_shapes(matrices)
    if not biases:
        return tuple(matrices), ()
    all_biases = [biases.get(k, np.zeros(len(w))) for k, w in enumerate(matrices)]
    note = "Biases are weights of an input that is always 1, handed on from layer to layer by a neuron of weight 1."
    return homogeneous(matrices, all_biases), (note,)
