"""Targets that are trained here, on real data: the digits that come with scikit-learn, and MNIST."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulations.existence.target import Target, accuracy, forward
from slt.core.idx import read_images
from slt.core.keys import generator
from slt.core.places import data_root

Floats = NDArray[np.float64]
RATE, MOMENTUM = 0.1, 0.9
TEST_SHARE = 0.2
MNIST_LEAST = 0.97


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
    weights = train((64, 32, 10), inputs[rest], labels[rest], epochs=40, batch=32, decay=1e-3, seed=seed)
    return Target("digits", weights, inputs=inputs[held_out], labels=labels[held_out])


def mnist(root: str | Path | None = None, seed: int = 0) -> Target:
    """Train 784-500-10 on the 60,000 MNIST images, pixels in [0, 1]; data: the 10,000 test images.

    Raises ValueError when the network stays below 97% on the test images, OSError when there are no files.
    """
    parts = [read_images(data_root(root), part) for part in ("train", "test")]
    (x, y), (inputs, labels) = (
        (images.reshape(len(images), -1) / 255, classes.astype(np.int64)) for images, classes in parts
    )
    weights = train((784, 500, 10), x, y, epochs=8, batch=100, decay=1e-4, seed=seed)
    reached = accuracy(forward(weights, inputs), labels)
    if reached < MNIST_LEAST:
        raise ValueError(
            f"the MNIST target reached {reached:.2%} only, {MNIST_LEAST:.0%} is needed; try another --seed"
        )
    return Target("mnist", weights, inputs=inputs, labels=labels)


def train(
    sizes: tuple[int, ...],
    inputs: Floats,
    labels: NDArray[np.int64],
    *,
    epochs: int,
    batch: int,
    decay: float,
    seed: int,
) -> tuple[Floats, ...]:
    """Train a ReLU network without biases by stochastic gradients; weights are held in [-1, 1] at every step."""
    rng = generator(seed, "target")
    weights = [rng.normal(0, np.sqrt(2 / a), (b, a)).clip(-1, 1) for a, b in pairwise(sizes)]
    speed = [np.zeros_like(w) for w in weights]
    for epoch in range(epochs):
        step = RATE * (1 - epoch / epochs)
        for rows in np.array_split(rng.permutation(len(inputs)), -(-len(inputs) // batch)):
            layers = [inputs[rows]]
            for w in weights[:-1]:
                layers.append(np.maximum(layers[-1] @ w.T, 0))
            scores = layers[-1] @ weights[-1].T
            chances = np.exp(scores - scores.max(axis=1, keepdims=True))
            chances /= chances.sum(axis=1, keepdims=True)
            chances[np.arange(len(rows)), labels[rows]] -= 1
            slope = chances / len(rows)
            for k in range(len(weights) - 1, -1, -1):
                gradient = slope.T @ layers[k] + decay * weights[k]
                slope = (slope @ weights[k]) * (layers[k] > 0)
                speed[k] = MOMENTUM * speed[k] - step * gradient
                weights[k] = (weights[k] + speed[k]).clip(-1, 1)
    return tuple(weights)
