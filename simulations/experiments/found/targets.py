"""The networks that tickets are built and searched for, with the inputs they are trained and judged on."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simulations.existence.target import Target, forward
from simulations.existence.trained import train
from slt.core.keys import generator

Floats = NDArray[np.float64]
TARGETS = ("random", "digits")
TRAINING, TEST = 1024, 2048  # inputs of the random target
SIDE, CLASSES = 4, 5  # digits 0 .. 4, averaged to 4 x 4


@dataclass(frozen=True)
class Exercise:
    """A target with training inputs; its own inputs (and labels) are those that tickets are judged on.

    eps, steps: precision asked of the construction, optimiser steps of a search. labels: of the training inputs, or
    none.
    """

    target: Target
    eps: float
    steps: int
    inputs: Floats
    labels: NDArray[np.int64] | None

    @property
    def outputs(self) -> Floats:
        """The target's outputs at the training inputs, (N, n_L)."""
        return forward(self.target.weights, self.inputs)


@cache
def problem(name: str, seed: int) -> Exercise:
    """Return the problem "random" or "digits"; digits raise ValueError without scikit-learn."""
    return _random(seed) if name == "random" else _digits(seed)


def _random(seed: int) -> Exercise:
    """2-3-1, weights uniform on [-1, 1], inputs uniform on the square [-1, 1]^2."""
    sizes = (2, 3, 1)
    rng = generator(seed, "found, random target")
    weights = tuple(rng.uniform(-1, 1, (b, a)) for a, b in pairwise(sizes))
    training, test = (
        generator(seed, f"found, {part}").uniform(-1, 1, (count, 2))
        for part, count in (("training", TRAINING), ("test", TEST))
    )
    return Exercise(Target("random", weights, low=-np.ones(()), inputs=test), 0.1, 500, training, None)


def _digits(seed: int) -> Exercise:
    """16-6-5, trained on four fifths of the images of 0 .. 4; the last fifth is the test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError('the digits come with scikit-learn: pip install -e ".[existence]"') from None
    images, labels = load_digits(n_class=CLASSES, return_X_y=True)
    inputs = (images / 16).reshape(-1, SIDE, 8 // SIDE, SIDE, 8 // SIDE).mean(axis=(2, 4)).reshape(-1, SIDE**2)
    labels = labels.astype(np.int64)
    test, rest = np.split(generator(seed, "found, digits split").permutation(len(inputs)), [len(inputs) // 5])
    weights = train((SIDE**2, 6, CLASSES), inputs[rest], labels[rest], epochs=60, batch=64, decay=1e-4, seed=seed)
    return Exercise(
        Target("digits", weights, inputs=inputs[test], labels=labels[test]), 0.2, 300, inputs[rest], labels[rest]
    )
