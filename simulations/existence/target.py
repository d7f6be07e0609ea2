"""The target networks: trained here, or a user's matrices; always checked."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from common.keys import generator

Floats = NDArray[np.float64]
HIDDEN, EPOCHS, BATCH, RATE, DECAY, MOMENTUM = 32, 40, 32, 0.1, 1e-3, 0.9
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Target:
    """y = W_L relu(.. relu(W_1 x)) on x in [0, high]^d, |w| <= 1, with data to try it on where there are any.

    weights: (n_l, n_{l-1}) each; inputs (N, d) in [0, high]; labels (N,), empty without classes.
    """

    name: str
    weights: tuple[Floats, ...]
    high: float = 1.0
    inputs: Floats = field(default_factory=lambda: np.empty((0, 0)))
    labels: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_weights(self.weights)
        if not self.inputs.size:
            object.__setattr__(self, "inputs", np.empty((0, self.sizes[0])))
        x = self.inputs
        if x.size and not (x.shape[1] == self.weights[0].shape[1] and np.all((x >= 0) & (x <= self.high))):
            raise ValueError(
                f"inputs must have {self.weights[0].shape[1]} columns and lie in [0, {self.high:g}] "
                f"(shift or scale them), got shape {x.shape}, range {x.min():g} to {x.max():g}"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Layer sizes n_0 .. n_L."""
        return (self.weights[0].shape[1], *(len(w) for w in self.weights))


def check_weights(weights: tuple[Floats, ...]) -> None:
    """Raise ValueError unless the matrices are finite, not empty, within [-1, 1] and chain."""
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
        if np.abs(w).max() > 1:
            raise ValueError(
                f"weights of layer {number} must lie in [-1, 1], the largest is {np.abs(w).max():g}; "
                "--rescale divides each layer by its largest weight, which scales the outputs and nothing else"
            )


def forward(weights: tuple[Floats, ...], inputs: Floats) -> Floats:
    """Return the outputs of a ReLU network without biases, (N, n_L); the last layer is linear."""
    x = inputs
    for w in weights[:-1]:
        x = np.maximum(x @ w.T, 0)
    return x @ weights[-1].T


def rescaled(weights: tuple[Floats, ...]) -> tuple[tuple[Floats, ...], float]:
    """Return the weights, layers beyond [-1, 1] divided by their largest one, and the factor the outputs shrink by.

    relu(c x) = c relu(x) for c > 0, so classes do not change.
    """
    scales = [max(1.0, float(np.abs(w).max(initial=0.0))) for w in weights]
    return tuple(w / c for w, c in zip(weights, scales, strict=True)), float(np.prod(scales))


def from_file(path: str | Path, *, rescale: bool = False, high: float = 1.0) -> Target:
    """Read a target from an npz file: its two-dimensional arrays in order, but ``inputs`` and ``labels`` as data.

    Raises ValueError for anything that is no such file, OSError when it cannot be read.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array without a name")
        with file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} is not an npz file of numbers: {error}") from None
    try:
        weights = tuple(a.astype(np.float64) for name, a in arrays.items() if name not in ("inputs", "labels"))
        inputs = arrays.get("inputs", np.empty((0, 0))).astype(np.float64)
    except ValueError:
        raise ValueError(f"{path} holds something that is not a number") from None
    notes: tuple[str, ...] = ()
    if rescale and all(np.isfinite(w).all() for w in weights):
        weights, factor = rescaled(weights)
        notes = (f"Layers were divided by their largest weight: outputs are {factor:g} times smaller.",)
    labels = arrays.get("labels", np.empty(0)).astype(np.int64)
    return Target(Path(path).name, weights, high, inputs, labels, notes)


def digits(seed: int = 0) -> Target:
    """Train 64-32-10 on scikit-learn's digits (1797 images, pixels in [0, 1]); data: the held-out fifth."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError('the digits come with scikit-learn: pip install -e ".[existence]"') from None
    found = load_digits()
    inputs, labels = found.data / 16, found.target.astype(np.int64)
    order = generator(seed, "digits split").permutation(len(inputs))
    held_out, rest = np.split(order, [round(TEST_SHARE * len(order))])
    weights = train((64, HIDDEN, 10), inputs[rest], labels[rest], EPOCHS, seed)
    return Target("digits", weights, 1.0, inputs[held_out], labels[held_out])


def train(
    sizes: tuple[int, ...], inputs: Floats, labels: NDArray[np.int64], epochs: int, seed: int
) -> tuple[Floats, ...]:
    """Train a ReLU network without biases by stochastic gradients; weights are held in [-1, 1] at every step."""
    rng = generator(seed, "target")
    weights = [rng.normal(0, np.sqrt(2 / a), (b, a)).clip(-1, 1) for a, b in pairwise(sizes)]
    speed = [np.zeros_like(w) for w in weights]
    for epoch in range(epochs):
        step = RATE * (1 - epoch / epochs)
        for batch in np.array_split(rng.permutation(len(inputs)), -(-len(inputs) // BATCH)):
            layers = [inputs[batch]]
            for w in weights[:-1]:
                layers.append(np.maximum(layers[-1] @ w.T, 0))
            scores = layers[-1] @ weights[-1].T
            chances = np.exp(scores - scores.max(axis=1, keepdims=True))
            chances /= chances.sum(axis=1, keepdims=True)
            chances[np.arange(len(batch)), labels[batch]] -= 1
            slope = chances / len(batch)
            for k in range(len(weights) - 1, -1, -1):
                gradient = slope.T @ layers[k] + DECAY * weights[k]
                slope = (slope @ weights[k]) * (layers[k] > 0)
                speed[k] = MOMENTUM * speed[k] - step * gradient
                weights[k] = (weights[k] + speed[k]).clip(-1, 1)
    return tuple(weights)


def accuracy(outputs: Floats, labels: NDArray[np.int64]) -> float:
    """Share of rows whose largest output is the label."""
    return float(np.mean(outputs.argmax(axis=1) == labels))
