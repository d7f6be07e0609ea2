"""Reads the pickled arrays of old data sets without ever running what a pickle asks for.

Files of CIFAR and Planetoid are pickles: dicts, lists, strings, numpy arrays and scipy matrices, written by any
protocol from 0 to 5 and by any numpy. A pickle is a program for a small machine with a stack. This module is that
machine, cut down to data: every name in a file is looked up in a short table of functions that only put bytes into
shape, and any other name is refused, so that a file cannot call anything.

What a file can make the reader take is bounded before it is taken. Each value is charged for its memory when it is
made, and a file that would take more than ``TIMES`` its own size, and ``SPARE`` bytes, is refused. A list, a dict, a
tuple or an array that a file uses twice is refused, as a few hundred bytes can then stand for gigabytes ("billion
laughs"). So are whole numbers beyond 64 bits and values nested more than ``DEPTH`` deep. The time is proportional to
the size.
"""

import codecs
import pickle
import re
import struct
from collections.abc import Callable
from math import prod
from pathlib import Path
from sys import getsizeof
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from slt.core.checks import first_line

TIMES, SPARE = 100, 2**20
DEPTH = 4
SLOT, ENTRY = 16, 100  # bytes charged for a place on the stack or in a list, and for one in a dict or the memo
SIDES = 2**20  # the most columns of a matrix, and the longest side of an array without entries
PROTOCOLS = 5
TYPES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")


class _Refused(ValueError):
    """What is no damage, but is not read either."""


class _Dtype:
    """A type of numbers: dtype(code, align, copy), then a state whose second entry is the byte order."""

    __slots__ = ("found",)

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or code not in TYPES:
            raise ValueError(f"arrays of type {_shown(code)} are not read; their types are {', '.join(TYPES)}")
        self.found = np.dtype(code)

    def built(self, state: Any) -> "_Dtype":
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "=", "|"):
            raise ValueError("a type of numbers has no byte order")
        self.found = self.found.newbyteorder(state[1])
        return self


class _Array:
    """What numpy calls _reconstruct(ndarray, (0,), "b"), then a state (version, shape, type, Fortran order, bytes)."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        pass

    def built(self, state: Any) -> NDArray[Any]:
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise ValueError("an array has no shape, type and bytes")
        shape, kind, fortran, data = state[-4:]
        raw = data.encode("latin1") if isinstance(data, str) else data  # text: the bytes of Python 2
        return _shaped(raw, kind, shape, "F" if fortran else "C")


class _Matrix:
    """A scipy CSR matrix: made empty, then a state with shape, data, indices and indptr."""

    __slots__ = ()

    def built(self, state: Any) -> csr_matrix:
        parts = [state[name] for name in ("data", "indices", "indptr")]
        rows, columns = _sides(state["_shape"] if "_shape" in state else state["shape"])
        if any(not isinstance(part, np.ndarray) or part.ndim != 1 for part in parts):
            raise ValueError("a matrix needs data, indices and indptr as arrays of one dimension")
        values, indices, starts = (part.astype(part.dtype.newbyteorder("="), copy=False) for part in parts)
        if indices.dtype.kind not in "iu" or starts.dtype.kind not in "iu" or len(values) != len(indices):
            raise ValueError("the indices of a matrix must be whole numbers, as many as it has entries")
        if rows != len(starts) - 1 or columns > SIDES:
            raise ValueError(f"a matrix of shape {(rows, columns)} with {len(starts)} places is not read")
        found = csr_matrix((values, indices, starts), (rows, columns))
        found.check_format(full_check=True)
        return found


def _matrix(*arguments: Any) -> _Matrix:
    if arguments:
        raise ValueError("a matrix is made empty")
    return _Matrix()


def _reconstructor(kind: Any, *_: Any) -> Any:
    """Return the object that protocols 0 and 1 make without __init__."""
    if kind is not _matrix:
        raise ValueError("nothing but a matrix is made without arguments")
    return _Matrix()


def _frombuffer(raw: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> NDArray[Any]:
    """Return the array that protocol 5 writes."""
    if order == "K" and axes is not None:
        found = _shaped(raw, kind, shape, "C")
        if sorted(_sides(axes)) != list(range(found.ndim)):
            raise ValueError("the axes of an array are not a permutation")
        return found.transpose(axes)
    return _shaped(raw, kind, shape, order)


def _scalar(kind: Any, raw: Any) -> Any:
    raw = raw.encode("latin1") if isinstance(raw, str) else raw
    return _shaped(raw, kind, (), "C")[()]


def _encoded(text: Any = "", encoding: Any = "latin1") -> bytes:
    """Return bytes as Python 3 writes them in an old protocol: encode(text, "latin1"), or bytes() for none."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes in another encoding than latin1 are not read")
    return text.encode("latin1")


def _dict(factory: Any = None) -> dict[Any, Any]:
    if factory not in (None, "list"):
        raise ValueError("a dict with any other default than a list is not read")
    return {}


# names of old versions, first
RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg", "scipy.sparse.csr": "scipy.sparse._csr"}
RENAMED |= {f"numpy.core.{part}": f"numpy._core.{part}" for part in ("multiarray", "numeric")}
KNOWN: dict[tuple[str, str], Any] = {  # a text stands for a class that is only ever an argument
    ("builtins", "list"): "list",
    ("builtins", "object"): "object",
    ("numpy", "ndarray"): "ndarray",
    ("builtins", "bytes"): _encoded,
    ("_codecs", "encode"): _encoded,
    ("collections", "defaultdict"): _dict,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("numpy", "dtype"): _Dtype,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
    ("scipy.sparse._csr", "csr_matrix"): _matrix,
    ("scipy.sparse._csr", "csr_array"): _matrix,
}


def unpickle(path: str | Path) -> Any:
    """Return the arrays, matrices, numbers, texts, lists and dicts of a pickle.

    Byte strings of Python 2 come as latin-1 text, and so do bytes that are keys. Arrays have the type, the byte order
    and the layout that they were written with, and are read-only. Memory: at most ``TIMES`` the file's size and
    ``SPARE`` bytes.
    Raises ValueError naming the file, and what it asks for, when it is damaged or holds anything else; OSError when it
    cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        return _Machine(data).run()
    except _Refused as error:
        raise ValueError(f"{path} is refused: {first_line(error)}") from None
    except Exception as error:  # a damaged pickle can end in nearly any exception
        raise ValueError(f"{path} is damaged: {first_line(error)}") from None


class _Machine:
    """The stack, the marks on it and the memo of one pickle, and what it may still take."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.left = (TIMES - 2) * len(data) + SPARE  # the file itself, and one value in the making, are the two
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Return the value of the whole pickle."""
        while True:
            code = self.take(1)
            if code == pickle.STOP:
                found = self.pop()
                _check(found)
                return found
            if code in VALUES:
                self.push(VALUES[code](self))
            elif code in ACTIONS:
                ACTIONS[code](self)
            else:
                raise _Refused(f"it holds the instruction {code!r}, which no array, list or dict needs")

    # ---- bytes of the file

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        found = self.data[self.at : self.at + count]
        if count < 0 or len(found) < count:
            raise ValueError("it ends too soon")
        self.at += count
        return found

    def number(self, count: int, signed: bool = False) -> int:
        """Return the whole number in the next ``count`` bytes."""
        if count > 9:
            raise _Refused("it holds a whole number beyond 64 bits")
        return _whole(int.from_bytes(self.take(count), "little", signed=signed))

    def line(self) -> bytes:
        """Return the bytes up to the end of the line."""
        end = self.data.find(b"\n", self.at)
        return self.take(end - self.at + 1)[:-1]

    # ---- the stack

    def spend(self, count: int) -> None:
        """Count memory that is about to be kept."""
        self.left -= count
        if self.left < 0:
            raise _Refused(f"it would take more than {TIMES} times its own size")

    def push(self, value: Any) -> None:
        """Put a value on top."""
        self.spend(getsizeof(value) + SLOT + (value.nbytes if isinstance(value, np.ndarray) else 0))
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the value on top, which lies above the last mark."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("it takes a value where there is none")
        return self.stack.pop()

    def mark(self) -> None:
        """Remember this height of the stack."""
        self.spend(3 * SLOT)
        self.marks.append(len(self.stack))

    def above(self) -> list[Any]:
        """Take all values above the last mark, and the mark."""
        at = self.marks.pop()
        found = self.stack[at:]
        del self.stack[at:]
        return found

    # ---- lists and dicts

    def extend(self, items: list[Any]) -> None:
        """Add items to the list on top."""
        found = self.pop()
        if not isinstance(found, list):
            raise ValueError("it adds an item to what is no list")
        self.spend(SLOT * len(items))
        found.extend(items)
        self.stack.append(found)

    def fill(self, items: list[Any]) -> None:
        """Add keys and values to the dict on top."""
        found = self.pop()
        if not isinstance(found, dict) or len(items) % 2:
            raise ValueError("it adds a key to what is no dict")
        self.spend(ENTRY * len(items) // 2)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, bytes):
                key = key.decode("latin1")  # noqa: PLW2901
            if not isinstance(key, str | int | np.integer) or isinstance(key, bool):
                raise ValueError("keys must be texts or whole numbers")
            if key in found:
                raise ValueError(f"key {_shown(key)} is there twice")
            found[int(key) if isinstance(key, np.integer) else key] = value
        self.stack.append(found)

    # ---- the memo

    def remember(self, place: int) -> None:
        """Keep the value on top under this number."""
        value = self.pop()
        self.spend(ENTRY)
        self.memo[place] = value
        self.stack.append(value)

    def recall(self, place: int) -> None:
        """Push the value that was kept under this number; a container is used once."""
        value = self.memo[place]
        if not (value is None or callable(value) or isinstance(value, str | bytes | int | float | np.generic | _Dtype)):
            raise _Refused("it uses a list, dict, tuple or array twice")
        self.spend(SLOT)
        self.stack.append(value)

    # ---- names

    def name(self, module: Any, name: Any) -> None:
        """Push what a name stands for."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("it asks for a name that is no text")
        known = KNOWN.get((RENAMED.get(module, module), name))
        if known is None:
            asked = f"{module[:80]}.{name[:80]}".encode("ascii", "backslashreplace").decode()
            raise _Refused(f"it asks for {asked}, and nothing but arrays, lists and dicts is read")
        self.push(known)

    def call(self) -> None:
        """Replace a function and its arguments by what it returns."""
        arguments, function = self.pop(), self.pop()
        if not isinstance(arguments, tuple) or not callable(function):  # all functions here are those of KNOWN
            raise ValueError("it calls what is no function")
        self.push(function(*arguments))

    def build(self) -> None:
        """Replace an empty object and its state by the object."""
        state, made = self.pop(), self.pop()
        if not isinstance(made, _Dtype | _Array | _Matrix):
            raise ValueError("it gives a state to what has none")
        self.push(made.built(state))


VALUES: dict[bytes, Callable[[_Machine], Any]] = {
    pickle.NONE: lambda m: None,
    pickle.NEWTRUE: lambda m: True,
    pickle.NEWFALSE: lambda m: False,
    pickle.BININT1: lambda m: m.number(1),
    pickle.BININT2: lambda m: m.number(2),
    pickle.BININT: lambda m: m.number(4, signed=True),
    pickle.LONG1: lambda m: m.number(m.number(1), signed=True),
    pickle.LONG4: lambda m: m.number(m.number(4), signed=True),
    pickle.INT: lambda m: _int(m.line()),
    pickle.LONG: lambda m: _int(m.line().removesuffix(b"L")),
    pickle.FLOAT: lambda m: float(m.line()),
    pickle.BINFLOAT: lambda m: struct.unpack(">d", m.take(8))[0],
    pickle.STRING: lambda m: _quoted(m.line()),
    pickle.SHORT_BINSTRING: lambda m: m.take(m.number(1)).decode("latin1"),
    pickle.BINSTRING: lambda m: m.take(m.number(4)).decode("latin1"),
    pickle.UNICODE: lambda m: m.line().decode("raw-unicode-escape"),
    pickle.SHORT_BINUNICODE: lambda m: m.take(m.number(1)).decode("utf-8", "surrogatepass"),
    pickle.BINUNICODE: lambda m: m.take(m.number(4)).decode("utf-8", "surrogatepass"),
    pickle.BINUNICODE8: lambda m: m.take(m.number(8)).decode("utf-8", "surrogatepass"),
    pickle.SHORT_BINBYTES: lambda m: m.take(m.number(1)),
    pickle.BINBYTES: lambda m: m.take(m.number(4)),
    pickle.BINBYTES8: lambda m: m.take(m.number(8)),
    pickle.BYTEARRAY8: lambda m: m.take(m.number(8)),
    pickle.EMPTY_LIST: lambda m: [],
    pickle.EMPTY_DICT: lambda m: {},
    pickle.EMPTY_TUPLE: lambda m: (),
    pickle.TUPLE: lambda m: tuple(m.above()),
    pickle.TUPLE1: lambda m: (m.pop(),),
    pickle.TUPLE2: lambda m: (m.pop(), m.pop())[::-1],
    pickle.TUPLE3: lambda m: (m.pop(), m.pop(), m.pop())[::-1],
    pickle.LIST: lambda m: m.above(),
}
ACTIONS: dict[bytes, Callable[[_Machine], None]] = {
    pickle.PROTO: lambda m: _protocol(m.number(1)),
    pickle.FRAME: lambda m: _frame(m, m.number(8)),
    pickle.MARK: _Machine.mark,
    pickle.APPEND: lambda m: m.extend([m.pop()]),
    pickle.APPENDS: lambda m: m.extend(m.above()),
    pickle.DICT: lambda m: _dict_of(m, m.above()),
    pickle.SETITEM: lambda m: m.fill([m.pop(), m.pop()][::-1]),
    pickle.SETITEMS: lambda m: m.fill(m.above()),
    pickle.PUT: lambda m: m.remember(_int(m.line())),
    pickle.BINPUT: lambda m: m.remember(m.number(1)),
    pickle.LONG_BINPUT: lambda m: m.remember(m.number(4)),
    pickle.MEMOIZE: lambda m: m.remember(len(m.memo)),
    pickle.GET: lambda m: m.recall(_int(m.line())),
    pickle.BINGET: lambda m: m.recall(m.number(1)),
    pickle.LONG_BINGET: lambda m: m.recall(m.number(4)),
    pickle.GLOBAL: lambda m: m.name(m.line().decode("latin1"), m.line().decode("latin1")),
    pickle.STACK_GLOBAL: lambda m: m.name(*[m.pop(), m.pop()][::-1]),
    pickle.REDUCE: _Machine.call,
    pickle.NEWOBJ: _Machine.call,
    pickle.BUILD: _Machine.build,
}


def _protocol(number: int) -> None:
    if number > PROTOCOLS:
        raise _Refused(f"it is of protocol {number}; protocols 0 to {PROTOCOLS} are read")


def _frame(machine: _Machine, length: int) -> None:
    if length > len(machine.data) - machine.at:
        raise ValueError("it ends too soon")


def _dict_of(machine: _Machine, items: list[Any]) -> None:
    machine.push({})
    machine.fill(items)


def _whole(value: int) -> int:
    if not -(2**63) <= value < 2**64:
        raise _Refused("it holds a whole number beyond 64 bits")
    return value


def _int(line: bytes) -> int | bool:
    """Return the number that a line of text says; 00 and 01 are how protocol 0 and 1 write False and True."""
    if line in (b"00", b"01"):
        return line == b"01"
    if not re.fullmatch(rb"-?[0-9]+", line):
        raise ValueError("a number is not written in digits")
    if len(line) > 20:
        raise _Refused("it holds a whole number beyond 64 bits")
    return _whole(int(line))


def _quoted(line: bytes) -> str:
    """Return the text of Python 2 that a line shows between quotes, with escapes."""
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise ValueError("a text is not between quotes")
    raw: bytes = codecs.escape_decode(line[1:-1])[0]
    return raw.decode("latin1")


def _sides(shape: Any) -> tuple[int, ...]:
    """Return a tuple of whole numbers from 0."""
    if not isinstance(shape, tuple) or any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("a shape must be a tuple of whole numbers from 0")
    return shape


def _shaped(raw: Any, kind: Any, shape: Any, order: Any) -> NDArray[Any]:
    """Return these bytes as an array, without a copy."""
    if not isinstance(raw, bytes) or not isinstance(kind, _Dtype) or order not in ("C", "F"):
        raise ValueError("an array needs bytes, a type and an order")
    sides = _sides(shape)
    if len(sides) > 32 or prod(sides) * kind.found.itemsize != len(raw) or max(sides, default=0) > max(len(raw), SIDES):
        raise ValueError(f"an array of {len(sides)} dimensions does not have {len(raw)} bytes")
    return np.frombuffer(raw, kind.found).reshape(sides, order=order)


def _check(found: Any) -> None:
    """Raise ValueError where something that is not data is left, or where values are nested too deep."""
    level = [found]
    for _ in range(DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list | tuple):
                below += item
            elif item is not None and not isinstance(
                item, str | bytes | int | float | np.generic | np.ndarray | csr_matrix
            ):
                raise ValueError("it ends with an object that was not finished")
        level = below
        if not level:
            return
    raise _Refused(f"its values are nested more than {DEPTH} deep")


def _shown(value: Any) -> str:
    """Return a few words for a value, whatever it holds."""
    return repr(value)[:40] if isinstance(value, str | int | float) else f"a {type(value).__name__}"
