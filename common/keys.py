"""Counter-based randomness keyed by (seed, what, index): no result depends on order, threads or chunks."""

from hashlib import blake2b

import numpy as np

from common.checks import whole


def key_words(seed: int, what: str = "") -> tuple[int, int]:
    """Return the two 64-bit words of the Philox4x64 key of stream ``what`` under ``seed``.

    The empty name is word 0, so that ``numpy.random.Philox(key=[seed, 0])`` draws the subset-sum trials.

    >>> key_words(7)
    (7, 0)
    """
    if whole("seed", seed) >= 2**64:
        raise ValueError(f"seed must be below 2**64, got {seed}")
    word = int.from_bytes(blake2b(what.encode(), digest_size=8).digest(), "little") if what else 0
    return seed, word


def generator(seed: int, what: str = "", index: int = 0) -> np.random.Generator:
    """Return a numpy Generator over the Philox4x64 stream (seed, what, index)."""
    counter = [0, whole("index", index), 0, 0]
    return np.random.Generator(np.random.Philox(key=np.array(key_words(seed, what), np.uint64), counter=counter))
