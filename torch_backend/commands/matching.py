"""From which width on is one network as good as another, and on which abscissa do accuracy curves fall onto one?

Pure functions of accuracies by width and seed; nothing is run here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from slt.core.checks import open_unit
from slt.core.intervals import MEANS, Estimate, mean_interval
from slt.core.keys import generator

Floats = NDArray[np.float64]
DRAWS = 200  # of the bootstrap over seeds
EXPONENTS = tuple(k / 20 for k in range(31))  # 0 .. 1.5


@dataclass(frozen=True, slots=True)
class Match:
    """The width factor from which a network matches its reference: ``lower <= value <= upper`` but for noise.

    value: 0 when the mean already matches at the narrowest width measured, infinite when not at the widest. lower: 0
    when nowhere shown to be worse; upper: infinite when nowhere shown to match.
    """

    lower: float
    value: float
    upper: float

    def __truediv__(self, other: float) -> "Match":
        return Match(self.lower / other, self.value / other, self.upper / other)


def crossing(factors: Sequence[float], differences: ArrayLike, margin: float = 0.0, confidence: float = MEANS) -> Match:
    """Locate the width factor from which on the mean difference in accuracy is at least ``-margin``.

    factors: (widths,) rising. differences: (widths, seeds), accuracy at this width minus the reference's *with the same
    seed*, hence with the same split and data order; pairing is valid whether or not these correlate.

    Value: behind the last width at which the mean difference is below -margin, on the straight line in log(factor)
    to the next. Interval: at every width Student's two-sided interval of the mean difference, and from it two
    fixed-sequence tests, which need no correction for the number of widths. Upwards from the narrowest, "matches" is
    rejected (the interval lies below -margin) until the first width at which it cannot be; ``lower`` is the last one
    rejected. Downwards from the widest, "worse" is rejected (the interval lies at or above -margin) until the first
    width at which it cannot be; ``upper`` is the last one rejected. If the true mean difference crosses -margin once
    and upwards, an end on its wrong side would have rejected a true hypothesis at the width next to the crossing, so
    each end errs with probability at most (1 - confidence)/2, as far as differences are normal. It holds for one
    crossing at a time, not for many at once. With one seed every interval is infinite and so is that of the crossing.
    Raises ValueError unless factors rise from above 0 and the shapes fit.

    >>> found = crossing([1, 2, 4], [[-0.04, -0.05, -0.045], [-0.02, -0.021, -0.019], [0.02, 0.021, 0.019]])
    >>> found.lower, round(found.value, 4), found.upper
    (2.0, 2.8284, 4.0)
    """
    table = np.asarray(differences, np.float64)
    if table.ndim != 2 or len(table) != len(factors) or not table.size:
        raise ValueError(f"differences must be (widths, seeds) for {len(factors)} widths, got {table.shape}")
    if min(factors) <= 0 or any(b <= a for a, b in pairwise(factors)):
        raise ValueError(f"factors must rise from above 0, got {list(factors)}")
    estimates = [mean_interval(list(row), confidence) for row in table]
    worse = [estimate.upper < -margin for estimate in estimates]
    matches = [estimate.lower >= -margin for estimate in estimates]
    rejected = _leading(worse)
    from_above = _leading(matches[::-1])
    below = [i for i, estimate in enumerate(estimates) if estimate.value < -margin]
    if not below:
        value = 0.0
    elif below[-1] == len(factors) - 1:
        value = inf
    else:
        a, b = (estimates[below[-1] + step].value + margin for step in (0, 1))
        x, y = (log(factors[below[-1] + step]) for step in (0, 1))
        value = float(np.exp(x + (y - x) * -a / (b - a)))
    return Match(
        float(factors[rejected - 1]) if rejected else 0.0,
        value,
        float(factors[len(factors) - from_above]) if from_above else inf,
    )


def verdict(measured: Match, predicted: float) -> str:
    """Say in a word how a predicted factor stands to the interval of the measured one.

    "understates": worse is shown at the predicted width, which is too little; "overstates": a narrower source than
    predicted is shown to match; "agrees": the interval is closed and holds the prediction; else "undecided".
    """
    if measured.lower >= predicted:
        return "understates"
    if measured.upper < predicted:
        return "overstates"
    return "agrees" if measured.lower > 0 and measured.upper < inf else "undecided"


def verdict_over(measured: Match, predicted: Iterable[float]) -> str:
    """Say how several predictions of one factor stand to its interval, as :func:`verdict` says of one.

    One word where all have the same. "agrees for some" (or "undecided for some") where some but not all do so;
    "straddled" where some understate, the others overstate, and none lies in the interval.
    Raises ValueError without a prediction.

    >>> [verdict_over(Match(1, 1.5, 2), factors) for factors in ((1.4, 1.9), (1.9, 3), (3, 4), (0.9, 3))]
    ['agrees', 'agrees for some', 'overstates', 'straddled']
    """
    words = {verdict(measured, value) for value in predicted}
    if not words:
        raise ValueError("there must be at least one prediction")
    if len(words) == 1:
        return words.pop()
    inside = words - {"understates", "overstates"}
    return f"{inside.pop()} for some" if inside else "straddled"


def missed(x: ArrayLike, y: ArrayLike, groups: Sequence[object]) -> float:
    """Return by how much accuracies miss the curve of the others: the residual spread on the abscissa ``x``.

    x, y: (points,), x above 0; groups: the curve that each point belongs to. Each group is read off the non-decreasing
    curve of least squares through all other groups, straight in log(x) between its points and constant beyond; what is
    returned is the root mean square over all points. Leaving the group out gives no advantage to an abscissa on which
    the points lie apart, as an in-sample fit would.
    Raises ValueError when there are fewer than two groups.

    >>> [round(missed(x, [0.5, 0.7, 0.5, 0.7], "aabb"), 3) for x in ([1, 2, 1, 2], [1, 2, 2, 4])]
    [0.0, 0.141]
    """
    place, wanted = np.log(np.asarray(x, np.float64)), np.asarray(y, np.float64)
    names = list(dict.fromkeys(groups))
    if len(names) < 2:
        raise ValueError(f"there must be at least two curves to compare, got {len(names)}")
    member = np.array([names.index(name) for name in groups])
    errors = np.empty(len(wanted))
    for index in range(len(names)):
        own = member == index
        at, level = _common_curve(place[~own], wanted[~own])
        errors[own] = wanted[own] - np.interp(place[own], at, level)
    return sqrt(float(np.mean(errors**2)))


def _common_curve(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the distinct x and the non-decreasing curve of least squares there (pool adjacent violators)."""
    at, where, count = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(where, weights=y) / count
    return at, isotonic_regression(means, weights=count).x


def over_seeds(
    accuracies: ArrayLike, number: Callable[[Floats], float], confidence: float = MEANS, seed: int = 0
) -> Estimate:
    """Return ``number(mean accuracies)`` with its percentile interval over seeds drawn again with replacement.

    accuracies: (points, seeds). All points are drawn with the same seeds, as they were measured. Drawn means are
    noisier than the mean of all seeds, so an interval of a spread lies a little high, and with few seeds it is rough.
    """
    table = np.asarray(accuracies, np.float64)
    rng = generator(seed, "seeds drawn again")
    drawn = rng.integers(0, table.shape[1], (DRAWS, table.shape[1]))
    found = [number(table[:, columns].mean(axis=1)) for columns in drawn]
    tail = (1 - open_unit("confidence", confidence)) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return Estimate(float(low), number(table.mean(axis=1)), float(high), table.shape[1])


def best_exponent(factors: ArrayLike, required: ArrayLike, y: ArrayLike, groups: Sequence[object]) -> float:
    """Return the s for which curves lie closest together over factor / required^s: 0 ignores the prediction, 1 is it.

    factors, required, y: (points,); s is looked for among 0, 0.05, .., 1.5; the smallest of equals.
    """
    width, wanted = np.asarray(factors, np.float64), np.asarray(required, np.float64)
    return min(EXPONENTS, key=lambda s: missed(width / wanted**s, y, groups))


def noise(accuracies: ArrayLike) -> float:
    """Return the root mean square standard error of the means, (points, seeds): what no abscissa can take away."""
    table = np.asarray(accuracies, np.float64)
    return sqrt(float(np.mean(table.var(axis=1, ddof=1) / table.shape[1]))) if table.shape[1] > 1 else inf


def _leading(flags: Sequence[bool]) -> int:
    """Count the True values before the first False."""
    return int(np.logical_and.accumulate(flags).sum())
