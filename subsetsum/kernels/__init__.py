"""Compiled loops: arrays in, numbers out; no files, no printing, no defaults.

Kernels of one file are compiled into those of another, but numba's cache looks at a function's own file only: after an
update it could go on running what it compiled before. So every kernel is decorated by :func:`compiled`, whose cache
follows all files here.
"""

import pickle
import platform
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from importlib.resources import files
from os.path import expanduser
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserWideCacheLocator
from numba.core.registry import cpu_target
from numba.core.serialize import dumps


def _sources() -> bytes:
    """Return all files here, one after the other; here may be in a zip file."""
    here = {path.name: path for path in files(__name__).iterdir() if path.name.endswith(".py")}
    return b"".join(here[name].read_bytes() for name in sorted(here))


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


SOURCES = _sources()  # of this process: its kernels stay these, whatever happens to the files
# what compiled code depends on beside its arguments
_VERSIONS = numba.__version__, llvmlite.__version__, np.__version__, platform.python_version()
KEY = _digest(repr((_VERSIONS, cpu_target.target_context.codegen().magic_tuple())).encode() + SOURCES)


class _Files(CompileResultCacheImpl):
    """Names of a kernel's files, in whatever folder numba chooses, and what is in them.

    The key is in the names and not in a stamp inside: numba writes a stamp and the code that it stands for one after
    the other, and between the two another process may write code of another version.
    """

    # where no home is known numba would make a folder "~" in the current one
    _locator_classes = [  # noqa: RUF012
        place
        for place in CompileResultCacheImpl._locator_classes
        if place is not UserWideCacheLocator or expanduser("~") != "~"
    ]

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        """Return a name that no other sources, versions or processor have."""
        return f"{super().get_filename_base(fullname, abiflags)}-{KEY}"

    def reduce(self, data: Any) -> tuple[str, bytes]:
        """Return compiled code as bytes, with their digest."""
        content = dumps(super().reduce(data))
        return _digest(content), content

    def rebuild(self, target_context: Any, reduced_data: tuple[str, bytes]) -> Any:
        """Return compiled code; raises ValueError when it does not have its digest."""
        digest, content = reduced_data
        if _digest(content) != digest:
            raise ValueError("compiled code is damaged")
        return super().rebuild(target_context, pickle.loads(content))


class _Cache(FunctionCache):
    """A cache that can fail to spare time, and nothing else."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return compiled code, or None where there is none that is whole and of these arguments."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # a damaged pickle can end in nearly any exception
            with suppress(OSError):
                self.flush()  # else its index would have to be read for what is kept next
            return None
        return found if found is not None and found.signature.args == tuple(sig) else None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code, unless the files have changed: a module imported since then is of other sources."""
        with suppress(Exception):  # a full disk, a folder that is gone, an index that cannot be read
            if _sources() == SOURCES:
                super().save_overload(sig, data)


def compiled(function: Callable[..., Any]) -> Any:
    """Return the compiled ``function``, which releases the interpreter lock; it is cached where numba finds a place."""
    kernel: Any = numba.njit(nogil=True)(function)
    with suppress(RuntimeError):  # where no folder can be written every process compiles for itself
        kernel._cache = _Cache(function)  # as cache=True does with numba's own
    return kernel
