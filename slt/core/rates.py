"""The three rates of a frozen source, pruned p, locked q and free f = 1 - p - q, and the two readings of a claim."""

from dataclasses import dataclass

from slt.core.checks import closed_unit

READINGS = ("uniform", "pointwise")  # one draw serves every target; each target has draws of its own


@dataclass(frozen=True, slots=True)
class Rates:
    """Probability that a random variable is pruned (never used), locked (always used) or free (our choice).

    Raises ValueError when a rate is outside [0, 1] or ``prune + lock > 1``.

    >>> Rates(prune=0.5, lock=0.25).free
    0.25
    """

    prune: float = 0.0
    lock: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "prune", closed_unit("prune", self.prune))
        object.__setattr__(self, "lock", closed_unit("lock", self.lock))
        if self.prune + self.lock > 1:
            raise ValueError(f"prune + lock must be at most 1, got {self.prune} + {self.lock}")

    @property
    def free(self) -> float:
        """Probability f = 1 - p - q that a variable is ours to choose."""
        # 1 - (p + q), not 1 - p - q: exactly 0 whenever p + q rounds to 1
        return 1 - (self.prune + self.lock)

    @property
    def freezing(self) -> float:
        """Freezing ratio F = p + q."""
        return self.prune + self.lock


def searchable(prune: float, lock: float) -> Rates:
    """Return checked rates of which some part is free; raise ValueError when ``prune + lock`` is 1."""
    rates = Rates(prune, lock)
    if not rates.free > 0:
        raise ValueError(f"prune + lock must be below 1 (nothing is free), got {rates.prune} + {rates.lock}")
    return rates
