"""Refusing what would not fit into memory, with a line saying how much it would take."""

import os
from math import sqrt
from pathlib import Path, PurePosixPath

from slt.core.rates import Rates

BYTES_A_CHAIN = 96  # two lists of two int64 ends, with room for the next item's doubling
MOST_BYTES_OF_BITS = 2**30  # two bitsets of subsetsum.kernels.grid; beyond that the chains take over
UNTOLD = 2**33  # bytes of memory of a machine that does not tell


def likely_most_free(n: int, rates: Rates) -> float:
    """Return a number of free variables that no trial is likely to exceed: the mean and six standard deviations."""
    f = rates.free
    return min(n, n * f + 6 * sqrt(n * f * (1 - f)))


def chain_bytes(free: float, eps: float, radius: float) -> float:
    """Return roughly the memory of the chains of one trial with ``free`` free variables, at their longest.

    There are no more than subsets. Measured over p, q and n at eps = 1e-2 .. 1e-4, radius 1, the longest list of a
    trial has 0.2 / eps to 1.4 / eps chains; a wider window adds its length divided by 2 eps.
    """
    return BYTES_A_CHAIN * min(2.0 ** min(free, 1000.0), _quotient(1.5 + radius, eps))


def bitset_bytes(free: float, eps: float, radius: float) -> float:
    """Return roughly the memory of one thread for decisions at ``eps``, or for worst errors exact above ``eps``.

    Two bitsets of some 16 bits per eps over the window and its surroundings. No more is needed than what resolves the
    worst error itself, which is typically 60 * 2**-free and taken to be at least 32 * 2**-free. Where bitsets do not
    fit their limit, chains are used.
    """
    needed = 8 * (1 + radius) * min(2.0 ** min(free, 1000.0) / 32, _quotient(1.0, eps))
    return needed if needed <= MOST_BYTES_OF_BITS else chain_bytes(free, eps, radius)


def refuse_if_too_large(name: str, value: float, needed: float) -> None:
    """Raise ValueError when ``needed`` bytes, wanted by the argument ``name``, exceed half of :func:`memory`."""
    total = memory()
    if needed > total / 2:
        raise ValueError(
            f"{name} = {value:g} is too small: the subset sums would take about {needed / 2**30:.3g} GiB of memory, "
            f"more than half of the {total / 2**30:.3g} GiB that this process may use"
        )


def memory(root: Path = Path("/")) -> int:
    """Return how many bytes of memory this process may use: the machine's, or less where a limit is set.

    Limits are those of its control groups (containers, batch systems) and of its address space (ulimit -v). A system
    that does not tell its memory, such as Windows, is taken to have 8 GiB. root: where /proc and /sys are looked for.
    """
    return min([_machine(), *_address_space(), *_control_groups(root)])


def _machine() -> int:
    try:
        size, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such function, no such name
        return UNTOLD
    return size * pages if min(size, pages) > 0 else UNTOLD


def _address_space() -> list[int]:
    try:
        import resource
    except ImportError:  # Windows
        return []
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return [] if limit == resource.RLIM_INFINITY else [limit]


def _control_groups(root: Path) -> list[int]:
    """Return the limits of this process's control group and of all above it, version 2 and version 1 (Linux).

    Lines of /proc/self/cgroup are "0::/path" in version 2 and "number:memory:/path" in version 1. In a container the
    path may be that of the machine, outside of which only its last part, or nothing, is seen.
    """
    found = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        match line.split(":", 2):
            case [_, "", path]:
                file = root / "sys/fs/cgroup", "memory.max"
            case [_, controllers, path] if "memory" in controllers.split(","):
                file = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
            case _:
                continue
        group = PurePosixPath(path.lstrip("/"))
        found += [_text(file[0] / part / file[1]).strip() for part in (group, *group.parents)]
    return [int(limit) for limit in found if limit.isdecimal()]  # "max" is none


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""


def _quotient(length: float, eps: float) -> float:
    return length / eps if eps > 0 else float("inf")
