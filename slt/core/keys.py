"""Counter-based randomness keyed by (seed, what, index): no result depends on order, threads or chunks."""

from hashlib import blake2b

import numpy as np

from slt.core.checks import shown, whole


def checked_seed(seed: int) -> int:
    """Return ``seed`` as an int in 0..2**64 - 1, the range that every part takes, or raise ValueError."""
    number = whole("seed", seed)
    if number >= 2**64:
        raise ValueError(f"seed must be below 2**64, got {shown(number)}")
    return number


def key_words(seed: int, what: str = "") -> tuple[int, int]:
    """Return the two 64-bit words of the Philox4x64 key of stream ``what`` under ``seed``.

    The empty name is word 0, so that ``numpy.random.Philox(key=[seed, 0])`` draws the subset-sum trials.

    >>> key_words(7)
    (7, 0)
    """
    seed = checked_seed(seed)
    word = int.from_bytes(blake2b(what.encode(), digest_size=8).digest(), "little") if what else 0
    return seed, word


def generator(seed: int, what: str = "", index: int = 0) -> np.random.Generator:
    """Return a numpy Generator over the Philox4x64 stream (seed, what, index)."""
    place = whole("index", index)
    if place >= 2**64:
        raise ValueError(f"index must be below 2**64, got {shown(place)}")
    counter = [0, place, 0, 0]
    return np.random.Generator(np.random.Philox(key=np.array(key_words(seed, what), np.uint64), counter=counter))


def derived_seed(seed: int, what: str) -> int:
    """Return the seed of another stream of draws, named ``what``, that belongs to ``seed``.

    For kernels that take a seed and no name. Two streams are the same with probability 2**-64.

    >>> derived_seed(0, "law 1")
    10846330017521543992
    """
    digest = blake2b(f"{checked_seed(seed)} {what}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
