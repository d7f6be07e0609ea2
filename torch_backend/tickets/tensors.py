"""Tensors in files: safetensors, from which nothing is executed, written and read whole, and digests of their content.

What comes from a file is bounded before anything is built from it, and any file leads to tensors or to one clear line.
"""

import json
import os
import stat
from collections.abc import Mapping
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from slt.core.checks import first_line

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e4m3fnuz,
        torch.float8_e5m2, torch.float8_e5m2fnuz, torch.complex64, torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool,
    )
}  # fmt: skip
MOST_WORDS = 2**22  # bytes of a header: room for tens of thousands of tensors, and Python makes some 100 MB of it
DEEPEST = 16  # lists and objects within each other, in what a header says
METADATA = "__metadata__"


def name_of(dtype: torch.dtype) -> str:
    """Return a dtype's name as it stands in files.

    >>> name_of(torch.bfloat16)
    'bfloat16'
    """
    return str(dtype).removeprefix("torch.")


def dense(name: str, tensor: Tensor) -> Tensor:
    """Return a copy of ``tensor`` on the CPU, in rows one after the other, that shares memory with no other tensor.

    Raises ValueError for a tensor without values (lazy, or on the meta device), one that is sparse, nested or
    quantized, and one of a dtype that is not in :data:`DTYPES`.
    """
    if nn.parameter.is_lazy(tensor) or tensor.is_meta:
        raise ValueError(f"{name} has no values yet: it is lazy or on the meta device")
    if tensor.layout != torch.strided or tensor.is_nested:
        raise ValueError(f"{name} must be a dense tensor, got layout {tensor.layout}")
    if name_of(tensor.dtype) not in DTYPES:
        raise ValueError(f"{name} must be of one of the dtypes {', '.join(DTYPES)}; got {name_of(tensor.dtype)}")
    return tensor.detach().cpu().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)


def digest(words: str, tensors: Mapping[str, Tensor]) -> str:
    """Return 32 hexadecimal digits of ``words`` and of every tensor's name, dtype, shape and values.

    The same on every machine: values count as little-endian bytes, in the order of :func:`dense`. Raises ValueError as
    :func:`dense`.
    """
    found = blake2b(words.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = dense(name, tensors[name])
        found.update(json.dumps([name, name_of(tensor.dtype), list(tensor.shape)]).encode())
        numbers = (torch.view_as_real(tensor) if tensor.is_complex() else tensor).reshape(-1)
        bits = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[numbers.element_size()]
        found.update(numbers.view(bits).numpy().astype(f"<i{numbers.element_size()}", copy=False).data)
    return found.hexdigest()


def encoded(tensors: Mapping[str, Tensor], words: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a safetensors file with these tensors, and ``words`` as its metadata.

    Raises ValueError as :func:`dense`, and for a name that no tensor of such a file can have.
    """
    if METADATA in tensors:
        raise ValueError(f"no tensor of a safetensors file can be called {METADATA}")
    return to_bytes({name: dense(name, tensor) for name, tensor in tensors.items()}, metadata=dict(words or {}) or None)


def read(path: str | Path, kind: str = "safetensors") -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return metadata and tensors of a safetensors file; the memory taken is a small multiple of its size.

    kind: what errors call such a file. Raises ValueError when it is damaged or not such a file, OSError when it cannot
    be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe may never end, nor does /dev/zero
        raise ValueError(f"{path} is not a regular file")
    with Path(path).open("rb") as file:
        start = file.read(8 + MOST_WORDS)
        _header(start, str(path), kind)
        return decoded(start + file.read(), str(path), kind)


def decoded(content: bytes, where: str, kind: str = "safetensors") -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return metadata and tensors of a safetensors file's bytes; ``where`` stands in errors, which are as in read."""
    words = _header(content, where, kind)
    try:
        return words, from_bytes(content)
    except Exception as error:  # of the library; it and torch raise a dozen kinds for damaged files
        raise ValueError(f"{where} is damaged or no {kind} file: {first_line(error)}") from None


def _header(content: bytes, where: str, kind: str) -> dict[str, str]:
    """Return the metadata."""
    length = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + length]
    if len(text) < max(length, 2) or text.rstrip(b" ")[-1:] != b"}":
        said = (
            f"a header of {length:,} bytes, and at most {MOST_WORDS:,} are read" if length > MOST_WORDS else "cut off"
        )
        raise ValueError(f"{where} is damaged or no {kind} file: {said}")
    try:
        words = parsed(text.decode()).get(METADATA, {})
        if not all(isinstance(word, str) for word in words.values()):
            raise ValueError("its metadata are no texts")
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{where} is damaged or no {kind} file: {first_line(error)}") from None
    return dict(words)


def parsed(text: str) -> Any:
    """Return what a JSON text says; every value is as :func:`plain` has it.

    Raises ValueError for what is no JSON, names something twice, or is more than a header may say.
    """
    if len(text) > MOST_WORDS:
        raise ValueError(f"a header may have {MOST_WORDS:,} characters, got {len(text):,}")
    try:
        return plain("its header", json.loads(text, object_pairs_hook=_once))
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None


def plain(name: str, value: Any, depth: int = 0) -> Any:
    """Return ``value`` as JSON gives it back: texts, whole numbers of 64 bits, finite numbers, lists, objects.

    Raises ValueError, with ``name``, for anything that would come back from a file as something else.

    >>> plain("sizes", {"hidden": (30, 10)})
    {'hidden': [30, 10]}
    """
    if depth > DEEPEST:
        raise ValueError(f"{name} is nested more than {DEEPEST} deep")
    if isinstance(value, Mapping):
        if not all(type(key) is str for key in value):
            raise ValueError(f"{name} must have texts as names, got {next(k for k in value if type(k) is not str)!r}")
        return {key: plain(name, inner, depth + 1) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return [plain(name, inner, depth + 1) for inner in value]
    if value is None or type(value) in (str, bool):
        return value
    if type(value) is int and -(2**63) <= value < 2**64:
        return value
    if isinstance(value, float) and isfinite(value):
        return float(value)
    raise ValueError(f"{name} must hold texts, finite numbers, lists and objects, got {_short(value)}")


def _short(value: Any) -> str:
    """Return what a value is, in few characters whatever it is."""
    if type(value) is int:
        return f"a whole number of {value.bit_length()} bits"
    return f"{str(value)[:40]!r} ({type(value).__name__})"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its header names something twice")
    return found
