"""What suffices where of every M neighbours exactly N are kept."""

from slt.core.keep import Groups
from slt.core.rates import Rates


def failure_at_most_grouped(n: int, eps: float, keep: Groups, rates: Rates, radius: float) -> float:
    """Raise ValueError: bounds for groups are not there yet."""
    raise ValueError(f"there is no bound for keep {keep} yet")
