"""Reads the pickled arrays of old data sets without ever running what a pickle asks for.

Files of CIFAR and Planetoid are pickles of Python 2: dicts, lists, strings, numpy arrays and scipy matrices. Every
name in such a file is looked up in a short table of classes that only hold data; any other name is refused, so that a
file cannot call anything. Each class defines __setstate__, so that a file cannot change the class itself either.
"""

import pickle
import pickletools
import re
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from common.checks import first_line


class _Dtype:
    """A plain number type: dtype(code, align, copy), then a state whose second entry is the byte order."""

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch("[biuf][1-8]", str(code)):
            raise ValueError(f"arrays of type {code!r} are not read")
        self.code, self.order = str(code), "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = str(state[1])

    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _Array:
    """What numpy calls _reconstruct(ndarray, (0,), "b"), then a state (version, shape, dtype, Fortran order, bytes)."""

    def __init__(self, *_: Any) -> None:
        self.array: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        raw = data.encode("latin1") if isinstance(data, str) else bytes(data)
        flat = np.frombuffer(raw, dtype.dtype())
        self.array = flat.reshape(tuple(shape), order="F" if fortran else "C")


class _Matrix:
    """A scipy CSR matrix: made empty, then a state with shape, data, indices and indptr."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def matrix(self) -> csr_matrix:
        fields = self.state
        shape = fields["_shape"] if "_shape" in fields else fields["shape"]
        found = csr_matrix(tuple(fields[name].array for name in ("data", "indices", "indptr")), tuple(shape))
        found.check_format(full_check=True)
        return found


class _Bytes(bytes):
    """What Python 3 writes for bytes in an old protocol: encode(text, "latin1"), or bytes() for none."""

    def __new__(cls, text: str = "", encoding: str = "latin1") -> "_Bytes":
        if encoding not in ("latin1", "latin-1"):
            raise ValueError(f"bytes in encoding {encoding!r} are not read")
        return super().__new__(cls, text, "latin1")

    def __setstate__(self, state: Any) -> None:
        raise ValueError("bytes have no state")


KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): "ndarray",  # only ever an argument of _reconstruct
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("scipy.sparse.csr", "csr_matrix"): _Matrix,
    ("scipy.sparse._csr", "csr_matrix"): _Matrix,
    ("collections", "defaultdict"): defaultdict,
    ("__builtin__", "list"): list,
    ("builtins", "list"): list,
    ("_codecs", "encode"): _Bytes,
    ("__builtin__", "bytes"): _Bytes,
    ("builtins", "bytes"): _Bytes,
}


class _Refused(ValueError):
    """A name outside the table."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return KNOWN[module, name]
        except KeyError:
            raise _Refused(f"it asks for {module}.{name}, and nothing but arrays, lists and dicts is read") from None


def unpickle(path: str | Path) -> Any:
    """Return the arrays, matrices, lists and dicts of a pickle; byte strings of Python 2 come as latin-1 text.

    Raises ValueError naming the file, and what it asks for, when it is damaged or holds anything else; OSError when it
    cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        _check_places(data)
        return _plain(_Reader(BytesIO(data), encoding="latin1").load())
    except _Refused as error:
        raise ValueError(f"{path} is refused: {error}") from None
    except Exception as error:  # a damaged pickle can end in nearly any exception
        raise ValueError(f"{path} is damaged: {first_line(error)}") from None


def _check_places(data: bytes) -> None:
    """Raise ValueError when an object is to be remembered at a place beyond any that the file can have filled.

    The unpickler takes memory for all places below it, gigabytes for one wrong byte.
    """
    for code, place, _ in pickletools.genops(data):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and place is not None and place > len(data):
            raise ValueError(f"it remembers an object at place {place}")


def _plain(found: Any) -> Any:
    """Turn what the file holds, or the values of its dict, into numpy arrays and scipy matrices."""
    if isinstance(found, dict):
        return {key.decode("latin1") if isinstance(key, bytes) else key: _filled(item) for key, item in found.items()}
    return _filled(found)


def _filled(item: Any) -> Any:
    if isinstance(item, _Array):
        return item.array
    return item.matrix() if isinstance(item, _Matrix) else item
