"""The arguments that the bounds accept, checked in one place: beyond these limits their floating point is not trusted.

eps, delta and radius down to 1e-100: products and quotients of two of them stay far from overflow, and the grid of the
game stays finer than its steps. radius up to 1000 and n up to 10^15: some 4 radius / f variables are needed to reach
that far, and tables hold an entry for each. f from 1e-6 on: sizes grow like 1/f^2, and f is the rounded 1 - (p + q).
"""

from slt.core.checks import open_unit, positive, shown, whole
from slt.core.rates import Rates, searchable

SMALLEST = 1e-100
LARGEST_RADIUS = 1000.0
LARGEST_N = 10**15
LEAST_FREE = 1e-6


class NoBound(ValueError):
    """No bound of ours speaks of these arguments, although each of them is allowed."""


def checked_eps(eps: float) -> float:
    """Return eps in [1e-100, 1), or raise ValueError."""
    return _not_tiny("eps", open_unit("eps", eps))


def checked_delta(delta: float) -> float:
    """Return delta in [1e-100, 1), or raise ValueError."""
    return _not_tiny("delta", open_unit("delta", delta))


def checked_radius(radius: float) -> float:
    """Return radius in [1e-100, 1000], or raise ValueError."""
    number = positive("radius", radius)
    if number > LARGEST_RADIUS:
        raise ValueError(f"radius must be at most {LARGEST_RADIUS:g} (tables grow with it), got {shown(number)}")
    return _not_tiny("radius", number)


def checked_n(n: int) -> int:
    """Return n in 0..10^15, or raise ValueError."""
    number = whole("n", n)
    if number > LARGEST_N:
        raise ValueError(f"n must be at most {LARGEST_N:.0e}, got {shown(number)}")
    return number


def checked_rates(prune: float, lock: float) -> Rates:
    """Return rates that leave a share of at least 1e-6 free, or raise ValueError."""
    rates = searchable(prune, lock)
    # 1 - 0.999999 is a little less than 1e-6
    if rates.free < LEAST_FREE * (1 - 1e-9):
        raise ValueError(f"the free share 1 - prune - lock must be at least {LEAST_FREE:g} here, got {rates.free:g}")
    return rates


def _not_tiny(name: str, value: float) -> float:
    if value < SMALLEST:
        raise ValueError(f"{name} must be at least {SMALLEST:g}, got {value:g}")
    return value
