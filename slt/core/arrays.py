"""Arrays from outside: one door for each kind, through which every number comes as it is or not at all.

The arrays handed on are fresh, of plain numpy, in C order and this machine's byte order: whatever the caller's array is
a view of, it is neither changed nor kept. What would be lost on the way is refused by name: digits that a float has no
room for, a mask that hides something, an imaginary part, labels of rows or columns, the gradient of a tensor. True and
False are no numbers, and texts are not read as numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slt.core.checks import exact, first_line

EXACT = 2**53  # every whole number up to here is a float
DEEPEST = 32


def floats(name: str, numbers: ArrayLike) -> NDArray[np.float64]:
    """Return ``numbers`` as finite float64 of the same shape, each equal to what it was.

    numbers: a list (nested for more dimensions), a numpy array or something that numpy makes one of, such as a tensor
    on the CPU that needs no gradient. Raises ValueError when it is ragged, or holds anything but finite real numbers
    that a float64 equals.

    >>> floats("targets", [1, 0.5])
    array([1. , 0.5])
    >>> floats("targets", [2**53 + 1])
    Traceback (most recent call last):
    ValueError: every entry of targets must be a number that a float holds exactly, got 9007199254740993
    """
    found = _floats(name, numbers)
    bad = ~np.isfinite(found)
    if bad.any():
        raise ValueError(f"{name} must be finite, got {found[bad][0]}")
    return found


def states(name: str, numbers: ArrayLike) -> NDArray[np.int8]:
    """Return ``numbers``, read as in :func:`floats`, as int8; raise ValueError unless each is -1, 0 or 1.

    >>> states("states", [-1.0, 0.0, 1.0])
    array([-1,  0,  1], dtype=int8)
    """
    found = floats(name, numbers)
    bad = ~np.isin(found, (-1, 0, 1))
    if bad.any():
        raise ValueError(f"{name} must be -1 (pruned), 0 (free) or 1 (locked), got {found[bad][0]:g}")
    return found.astype(np.int8)


def _floats(name: str, numbers: Any, depth: int = 0) -> NDArray[np.float64]:
    if isinstance(numbers, list | tuple | range):
        if all(type(x) is float or (type(x) is int and -EXACT <= x <= EXACT) for x in numbers):
            return np.array(numbers, np.float64)
        if depth == DEEPEST:
            raise ValueError(f"{name} must have at most {DEEPEST} dimensions")
        # one by one: numpy would make one type of all, and round or drop what does not fit it
        parts = [_floats(name, part, depth + 1) for part in numbers]
        if len({part.shape for part in parts}) > 1:
            raise ValueError(f"{name} must be a rectangular array: its rows have unequal shapes")
        return np.stack(parts)
    if isinstance(numbers, memoryview) or hasattr(numbers, "buffer_info"):  # array.array
        numbers = np.asarray(numbers)
    if not hasattr(numbers, "shape") and not hasattr(numbers, "__array__"):
        return np.array(exact(f"every entry of {name}", numbers))
    array = _plain(name, numbers)
    if array.dtype.kind == "O":
        entries = [exact(f"every entry of {name}", entry) for entry in array.ravel().tolist()]
        return np.array(entries, np.float64).reshape(array.shape)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"every entry of {name} must be a number, got numpy's {array.dtype}")
    with np.errstate(over="ignore"):  # the infinity that a long double may become is found unequal
        found = np.array(array, np.float64, order="C", copy=True, subok=False)
    if array.dtype.itemsize >= found.dtype.itemsize:
        # what is this large, or no float of 64 bits from the start, is compared one by one
        close = np.abs(found) >= EXACT if array.dtype.kind in "iu" else array != found
        for entry in array[close]:
            exact(f"every entry of {name}", entry)
    return found


def _plain(name: str, numbers: Any) -> NDArray[Any]:
    """Return an array-like thing as plain numpy array, where nothing is lost by that."""
    if isinstance(numbers, np.ma.MaskedArray):
        if np.ma.getmaskarray(numbers).any():
            raise ValueError(f"{name} must have no masked entries: fill or leave them out first")
        return np.asarray(numbers.data)
    if isinstance(numbers, np.ndarray) and type(numbers) not in (np.ndarray, np.matrix, np.memmap):
        kind = type(numbers).__name__
        raise ValueError(f"{name} must be a plain array, got a {kind}, which may say more than its numbers")
    # a pandas table has an index for each axis
    for labels, size in zip(getattr(numbers, "axes", ()), getattr(numbers, "shape", ()), strict=False):
        if list(labels) != list(range(size)):
            raise ValueError(f"{name} must have no labels but 0, 1, .., which would be dropped: pass {name}.to_numpy()")
    try:
        return np.asarray(numbers)
    except Exception as error:  # tensors raise what they like: TypeError, RuntimeError, ..
        raise ValueError(f"{name} cannot be read as an array: {first_line(error)}") from None
