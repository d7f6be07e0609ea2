"""A sufficient n in which one proven bound is replaced by a measured one: how well small free numbers cover a window.

The measured bound holds with a confidence, so what follows from it does too. docs/theory.md, section 6.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import nextafter

import numpy as np

from slt.core import arrays
from slt.core.checks import one_of
from slt.core.first import first
from slt.core.rates import READINGS
from theory.arguments import SMALLEST, checked_delta, checked_eps, checked_radius, checked_rates
from theory.ladder import MOST, Window
from theory.sufficient import sufficient_n

WIDTH = 0.65  # w: free numbers up to this size cover [-w, w]; at least 1/2, so that no number is longer than the window


def measured_eps(eps: float) -> float:
    """Return the precision at which coverage is to be measured: the largest float that is at most eps / w.

    k uniform numbers on [-w, w] eps-cover [-w, w] exactly when k uniform on [-1, 1] (eps / w)-cover [-1, 1].

    >>> measured_eps(0.0125)
    0.01923076923076923
    """
    scaled = checked_eps(eps) / WIDTH
    return scaled if Fraction(scaled) * Fraction(WIDTH) <= Fraction(eps) else nextafter(scaled, 0.0)


def statistical_n(
    eps: float,
    delta: float,
    limits: Sequence[float],
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> int:
    """Return an n that suffices if ``limits`` hold; never more than :func:`theory.sufficient.sufficient_n`.

    limits: upper bounds of P(k iid uniforms on [-1, 1] fail to cover [-1, 1] to within :func:`measured_eps`), for
    k = 0, 1, .., that hold all together with a confidence that the caller states. The probability cannot rise with k,
    so each limit serves all larger k, too.
    Statement and proof: :func:`theory.ladder.small_failure` with the window [-w, w]. The small numbers left extend it
    as they are at most w, the larger ones as they are at most 1 <= 2w; no ladder can break.
    Relation: upper bound with the confidence of ``limits``; of the n returned alone where lock > 0.
    Raises ValueError for arguments outside :mod:`theory.arguments`, or limits that are no probabilities.

    >>> statistical_n(0.01, 0.05, [1.0] * 12 + [1e-6], prune=0.4, lock=0.3)  # as if 12 numbers always did
    152
    """
    uniform = one_of("reading", reading, READINGS) == "uniform"
    eps, delta, rates, radius = (
        checked_eps(eps),
        checked_delta(delta),
        checked_rates(prune, lock),
        checked_radius(radius),
    )
    given = arrays.floats("limits", limits)
    if given.ndim != 1 or not len(given) or not np.all((given >= 0) & (given <= 1)):
        raise ValueError("limits must be a non-empty sequence of probabilities")
    falling = tuple(np.minimum.accumulate(given).tolist())
    proven = sufficient_n(eps, delta, prune=prune, lock=lock, radius=radius, reading=reading)
    if falling[-1] >= delta or eps >= radius:
        return proven
    window = Window(eps, rates, WIDTH, max(1e-3 * delta, SMALLEST), falling)
    most = min(proven, MOST + 1)
    start = first(lambda n: window.foretold(n, radius) <= delta, 0, most, most // 2)
    found = first(lambda n: window.failure(n, radius, uniform) <= delta, 0, most, start)
    return min(found, proven)
