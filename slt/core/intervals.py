"""Intervals: of counted successes (exact), of means, of the smallest n that succeeds; and how they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isinf, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

from slt.core.checks import open_unit, whole
from slt.core.tables import Written

MEANS = 0.95  # confidence of the interval of a mean over seeds


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured probability with its confidence interval: ``lower <= value <= upper``, from ``trials`` trials."""

    lower: float
    value: float
    upper: float
    trials: int


def lower_limit(successes: ArrayLike, trials: int, alpha: float) -> NDArray[np.float64]:
    """One-sided Clopper-Pearson limit: the success probability lies below it with probability at most ``alpha``."""
    k = np.asarray(successes, dtype=np.float64)
    return np.where(k > 0, betaincinv(np.maximum(k, 1), trials - k + 1, alpha), 0.0)


def upper_limit(successes: ArrayLike, trials: int, alpha: float) -> NDArray[np.float64]:
    """One-sided Clopper-Pearson limit: the success probability lies above it with probability at most ``alpha``."""
    return 1 - lower_limit(trials - np.asarray(successes), trials, alpha)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.99) -> Estimate:
    """Two-sided exact interval of a success probability (Clopper & Pearson 1934), symmetric in its error.

    >>> clopper_pearson(0, 10, 0.95).upper.__round__(4)
    0.3085
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must lie in 0..trials and trials be at least 1, got {successes} of {trials}")
    alpha = (1 - open_unit("confidence", confidence)) / 2
    return Estimate(
        float(lower_limit(successes, trials, alpha)),
        successes / trials,
        float(upper_limit(successes, trials, alpha)),
        trials,
    )


def mean_interval(values: Sequence[float], confidence: float = MEANS) -> Estimate:
    """Return the mean with Student's t interval; one value alone has the interval of all numbers.

    >>> shown(mean_interval([0.7, 0.8, 0.9]), ".3f")
    '0.800 [0.552, 1.048]'
    """
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Estimate(-inf, mean, inf, n)
    quantile = float(stdtrit(n - 1, (1 + open_unit("confidence", confidence)) / 2))
    half = quantile * float(np.std(values, ddof=1)) / sqrt(n)
    return Estimate(mean - half, mean, mean + half, n)


def paired_interval(
    ours: Sequence[float], theirs: Sequence[float], among: int = 1, confidence: float = MEANS
) -> Estimate:
    """Return the mean of ours less theirs, which share what they were drawn from, with Student's t interval.

    ours, theirs: (seeds,), in the same order. What a seed does to both cancels in their difference. among: how many
    such intervals hold together with this confidence, each having a share of the error (Bonferroni); so they do
    whatever the dependence between them, where differences are normal. Raises ValueError for unequal lengths.

    >>> shown(paired_interval([0.7, 0.8, 0.9], [0.5, 0.7, 0.7]), ".3f")
    '0.167 [0.023, 0.310]'
    """
    gains = [a - b for a, b in zip(ours, theirs, strict=True)]
    return mean_interval(gains, 1 - (1 - open_unit("confidence", confidence)) / whole("among", among, 1))


def compared(found: Estimate) -> str:
    """Say what an interval of a difference shows: "better", "worse", or "undecided" where it holds 0.

    >>> [compared(Estimate(*ends, 3)) for ends in ((1, 2, 3), (-3, -2, -1), (-1, 0, 1), (0, 0, 0))]
    ['better', 'worse', 'undecided', 'undecided']
    """
    if found.lower > 0:
        return "better"
    return "worse" if found.upper < 0 else "undecided"


def shown(ends: "Mapping[str, float | None] | Estimate | Crossing", form: str = "d", unit: float = 1) -> Written:
    """Write an interval as ``value [lower, upper]``, the one way in which the project does.

    ends: lower, value, upper. form: how a number is formatted. unit: what numbers are multiplied by. An unknown number
    (None) is written as ``?``; an interval of all numbers is left out.

    >>> shown({"lower": 3, "value": 4, "upper": None}), shown(Estimate(0.5, 0.75, 0.875, 8), ".1f", 100)
    ('4 [3, ?]', '75.0 [50.0, 87.5]')
    """
    if not isinstance(ends, Mapping):
        ends = {"lower": ends.lower, "value": ends.value, "upper": ends.upper}

    def text(number: float | None) -> str:
        return "?" if number is None else format(number if unit == 1 else unit * number, form)

    lower, value, upper = ends["lower"], ends["value"], ends["upper"]
    if lower is not None and upper is not None and isinf(lower) and isinf(upper):
        return Written(text(value))
    return Written(text(value), text(lower), text(upper))


def up_to(row: Mapping[str, Any], unknown: str = "-") -> Written:
    """Write a measured smallest n of a row with lower, value, upper and n_max as ``value [lower, upper]``.

    An upper end that was not found is written as ``> n_max``, a value that was not found as ``unknown``.

    >>> up_to({"lower": 9, "value": None, "upper": None, "n_max": 64})
    '- [9, > 64]'
    """
    value, upper = row["value"], row["upper"]
    end = f"> {row['n_max']}" if upper is None else str(upper)
    return Written(unknown if value is None else str(value), str(row["lower"]), end)


def percent(share: Estimate) -> Written:
    """Write a share as "81.20 [80.10, 82.30]", within 0 and 100, without the interval of a single value."""
    if share.trials < 2:
        return Written(f"{100 * share.value:.2f}")
    return shown(Estimate(max(share.lower, 0), share.value, min(share.upper, 1), share.trials), ".2f", 100)


def points(found: Estimate, digits: int = 1) -> Written:
    """Write a difference of two shares in points, hundredths of the whole.

    >>> points(Estimate(-0.01, 0.0, 0.01, 5))
    '+0.0 [-1.0, +1.0]'
    """
    return shown(found, f"+.{digits}f", 100)


@dataclass(frozen=True, slots=True)
class Crossing:
    """The smallest n whose success probability reaches a target: ``lower <= n* <= upper``.

    ``None`` means that the measured range of n does not tell: no n in it reached the target (``value``),
    or none was shown to (``upper``).
    """

    lower: int
    value: int | None
    upper: int | None


def smallest_n(successes: ArrayLike, trials: int, target: float, confidence: float) -> Crossing:
    """Interval for n* = min{n : P(success at n) >= target} from counts at every n = 0, 1, ..., n_max.

    successes: (n_max + 1,) or (n_max + 1, targets z); with several columns the success at n is the least of them.
    The success probability need not be monotone in n, so every n is tested. Both ends are fixed-sequence tests,
    which need no correction for the number of n's: upwards from n = 0, "P(n) >= target" is rejected until the
    first n that cannot be; a lower end above n* would have rejected the true hypothesis at n* itself. Downwards
    from n_max, "P(n) < target" is rejected until the first n that cannot be; an upper end below n* would have
    rejected the true hypothesis at n* - 1. Each happens with probability at most (1 - confidence) / 2, whatever
    the dependence between different n. Several columns: the upward test divides its error among them, the
    downward test needs all of them to be rejected and divides nothing (intersection-union).
    """
    counts = np.asarray(successes)
    if counts.ndim == 1:
        counts = counts[:, None]
    alpha = (1 - open_unit("confidence", confidence)) / 2
    excluded = np.asarray((upper_limit(counts, trials, alpha / counts.shape[1]) < target).any(axis=1))
    reached = np.asarray((lower_limit(counts, trials, alpha) >= target).all(axis=1))
    passed = (counts >= target * trials).all(axis=1)
    last = len(counts)
    lower = _leading(excluded)
    from_above = _leading(reached[::-1])
    return Crossing(
        lower=lower,
        value=int(np.argmax(passed)) if passed.any() else None,
        upper=last - from_above if from_above else None,
    )


def _leading(flags: NDArray[np.bool_]) -> int:
    """Count the True values before the first False."""
    return int(np.logical_and.accumulate(flags).sum())
