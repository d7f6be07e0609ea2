"""The first whole number from which on something holds: found by growing steps and bisection."""

from collections.abc import Callable

from slt.core.checks import whole


def first(
    holds: Callable[[int], bool], low: int, high: int | None = None, guess: int | None = None, step: int = 1
) -> int:
    """Return the smallest n >= low with holds(n), or ``high`` when no n below it has that.

    holds must be False up to some number and True from there on. Where it is not, some n is returned that holds while
    n - 1 does not, or n is ``low`` or ``high``. low, high: whole numbers, low <= high; holds(high) is never asked.
    high None: no end; then holds must become True, or the search does not return.
    guess: low <= guess <= high, where to begin; from there steps grow, ``step``, twice that, four times that, .. until
    they have passed the answer, so that with step 1 about 2 log2 |answer - guess| numbers are asked. By default ``low``
    without an end, else the middle. step: the first step, about how far off the guess may be.
    Raises ValueError when an argument is no whole number or out of its bounds, and what ``holds`` raises.

    >>> first(lambda n: n * n >= 50, 0), first(lambda n: n * n >= 50, 0, 5), first(lambda n: n * n >= 50, 0, 100, 9)
    (8, 5, 8)
    """
    low, step = whole("low", low), whole("step", step, 1)
    below = low - 1  # does not hold, or lies below all
    if high is not None:
        high = whole("high", high, low)
    elif guess is None:
        guess = low
    above = high
    if guess is not None:
        guess = whole("guess", guess, low)
        if high is not None and guess > high:
            raise ValueError(f"guess must be at most {high}, got {guess}")
        below, above = _around(holds, low, high, guess, step)
    assert above is not None
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if holds(middle) else (middle, above)
    return above


def _around(holds: Callable[[int], bool], low: int, high: int | None, guess: int, step: int) -> tuple[int, int]:
    """Return (below, above) around the answer: below does not hold or is low - 1, above holds or is ``high``."""
    if guess == high or holds(guess):
        above, below = guess, max(guess - step, low - 1)
        while below >= low and holds(below):
            step *= 2
            above, below = below, max(below - step, low - 1)
        return below, above

    def capped(n: int) -> int:
        return n if high is None else min(n, high)

    below, above = guess, capped(guess + step)
    while above != high and not holds(above):
        step *= 2
        below, above = above, capped(above + step)
    return below, above


def threshold(holds: Callable[[float], bool], low: float, high: float, gap: float = 0.0) -> float:
    """Return a number at most ``gap`` above the smallest one in (low, high] from which on a condition holds.

    It must hold at ``high``, which is not asked. gap 0: to the last digit.

    >>> round(threshold(lambda x: x * x >= 2, 0.0, 2.0), 12)
    1.414213562373
    """
    while high - low > gap:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
