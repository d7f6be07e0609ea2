"""Which n is enough? Upper bounds for numbers of other laws than uniform on [-1, 1], and for choices {-1, 0, 1}.

A law with density at least alpha/(2w) on [-w, w] is, with probability alpha and independently of everything, uniform on
[-w, w]. Only such free numbers are used; locked ones stay in T with their true law. So the bounds of
:mod:`theory.sufficient` hold for f' = alpha f, r/w, eps/w: as they are where nothing is locked, and else the split,

    P(fail) <= P(A' < r - w/2) + P(B' < r - w/2) + E G_m,        m ~ Bin(n, (1 - b) alpha f),

where marks (probability b) are independent of all else and A' counts, of the free numbers, only those that are marked
and of |X| <= w, with their true law: no more is needed to lead a residual into [-w/2, w/2] without overstepping it. B'
is its mirror image and G the game at eps/w; the cover takes the labelled ones without a mark. The best of several w is
taken. Every choice from {0, 1} is one from {-1, 0, 1}; signed numbers, moreover, lead by |X|, not by max(X, 0) only.
"""

from fractions import Fraction
from functools import lru_cache
from math import inf, log, log2, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from slt.core.checks import one_of
from slt.core.first import first
from slt.core.laws import Law
from slt.core.rates import READINGS
from theory.arguments import checked_delta, checked_eps, checked_n
from theory.game import cover_failure
from theory.lattice import sums_below
from theory.law_model import SCAN_LIMIT, Model, model, scaled
from theory.models import Cdf, density_steps, extent, law_below, moment, size_below, symmetric, thinning
from theory.sufficient import failure_at_most, sufficient_n

Floats = NDArray[np.float64]

_SHARES = (0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9)  # of the free numbers, for the shift


def law_sufficient_n(
    eps: float,
    delta: float,
    *,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> int | None:
    """Return an n that suffices with probability 1 - delta, by thinning; None where the law contains no uniform.

    A uniform law with choices from {0, 1} is the present one scaled. Relation: upper bound, uniform in z (so for both
    readings). With nothing locked every larger n suffices, else only this n is claimed. None also where the split would
    need more than 4096 variables.

    >>> law_sufficient_n(0.1, 0.1, law="normal"), law_sufficient_n(0.1, 0.1, law="integers 3")
    (32, None)
    """
    asked, eps, delta = model(law, prune, lock, radius, signed), checked_eps(eps), checked_delta(delta)
    one_of("reading", reading, READINGS)
    if eps >= asked.radius:
        return 0
    present = scaled(asked.present, eps, asked.radius, outward=True) if asked.present else None
    if present:
        return sufficient_n(present[0], delta, prune=prune, lock=lock, radius=present[1])
    found = []
    for w in _windows(asked, eps, delta):
        alpha = thinning(asked.law, w)
        ends = scaled(w, eps, asked.radius, outward=True)
        if asked.rates.lock == 0 and ends:
            found.append(sufficient_n(ends[0], delta, prune=1 - alpha * asked.rates.free, radius=ends[1]))
        if asked.rates.lock > 0 or (asked.signed and asked.radius > 4 * w):
            found.append(_split(asked, eps, delta, w, alpha) or 0)
    return min((n for n in found if n), default=None)


def law_failure_at_most(
    n: int,
    eps: float,
    *,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
) -> float:
    """Bound the failure probability with n variables from above, by thinning; 1 where the law contains no uniform.

    Relation: upper bound, uniform in z; the best of a few w and shares of marks.

    >>> law_failure_at_most(80, 0.1, law="normal") < 0.01, law_failure_at_most(80, 0.1, law="constant")
    (True, 1.0)
    """
    asked, eps, n = model(law, prune, lock, radius, signed), checked_eps(eps), checked_n(n)
    if eps >= asked.radius and (n == 0 or asked.rates.lock == 0):
        return 0.0
    present = scaled(asked.present, eps, asked.radius, outward=True) if asked.present else None
    if present:
        return failure_at_most(n, present[0], prune=prune, lock=lock, radius=present[1])
    found = [1.0]
    for w in _windows(asked, eps, 0.05):
        alpha, ends = thinning(asked.law, w), scaled(w, eps, asked.radius, outward=True)
        if asked.rates.lock == 0 and ends:
            found.append(failure_at_most(n, ends[0], prune=1 - alpha * asked.rates.free, radius=ends[1]))
        if asked.rates.lock > 0 or asked.signed:
            best = min(_SHARES, key=lambda share: _near(asked, n, eps, w, alpha, share))
            found.append(split_failure(asked, n, eps, w, best))
    return min(found)


def _windows(asked: Model, eps: float, delta: float) -> list[float]:
    """Return the one or two w that look best: resolution and reach as the present law's bounds grow."""
    size, free = sqrt(3 * moment(asked.law, 2)), asked.rates.free

    def looks(w: float) -> float:
        used = thinning(asked.law, w) * free
        drift = free * _leading(asked, w)[0]
        if min(used, drift) <= 0 or w <= eps:
            return inf
        cover = (2.2 * max(log2(w / eps), 0.0) + 3 * log(1 / delta)) / used
        far = max(asked.radius - w / 2, 0.0) / drift
        return cover + far + 2 * log(2 / delta) * asked.rates.lock * moment(asked.law, 2) / drift**2

    tried = sorted({*(size * s for s in np.geomspace(0.1, 2, 24)), *density_steps(asked.law)}, key=looks)
    good = [w for w in tried if looks(w) < inf]
    others = [w for w in good if abs(log(w / good[0])) > 0.2] if asked.rates.lock == 0 else []
    return good[:1] + others[:1]


@lru_cache(maxsize=1024)
def _leading(asked: Model, w: float) -> tuple[float, float]:
    """Return about E Z and E Z^2, Z = max(X, 0) or, signed, |X| where |X| <= w, and else 0."""
    x = np.linspace(0.0, w, 201)
    size = size_below(asked.law, "lower")(x, False)
    left = np.clip(size[-1] - size, 0.0, 1.0) * (1.0 if asked.signed else 0.5)
    return float(np.trapezoid(left, x)), float(np.trapezoid(2 * x * left, x))


def split_failure(asked: Model, n: int, eps: float, w: float, marked: float) -> float:
    """Bound the failure probability from above by the split of the module's docstring, for any w and share of marks."""
    sides = (False,) if symmetric(asked.law) else (False, True)
    spread = sqrt(moment(asked.law, 2))
    short = Fraction(asked.radius) - Fraction(w) / 2
    late = [
        float(
            sums_below(_lead(asked, w, marked, mirrored), extent(asked.law), spread, short, np.array([n]), "upper")[0]
        )
        for mirrored in sides
    ]
    return min(late[0] + late[-1] + _uncovered(asked, n, eps, w, thinning(asked.law, w), marked), 1.0)


def _lead(asked: Model, w: float, marked: float, mirrored: bool) -> Cdf:
    """Upper bounds of the distribution function of a term of A', or of B'."""
    rates = asked.rates
    locked = law_below(asked.law, "upper", mirrored)
    up, low = (
        size_below(asked.law, side) if asked.signed else law_below(asked.law, side, mirrored)
        for side in ("upper", "lower")
    )
    share = marked * rates.free
    within = float(low(np.array([w]), False)[0])

    def cdf(x: Floats, strict: bool) -> Floats:
        zero = np.where(x > 0, 1.0, 0.0) if strict else np.where(x >= 0, 1.0, 0.0)
        # P(Z <= x) = 1 - P(x < X <= w) for 0 <= x < w
        part = np.where(x >= w, 1.0, np.clip(1 - within + up(x, strict), 0.0, 1.0))
        fixed = rates.lock * locked(x, strict) if rates.lock else np.zeros(x.shape)
        return fixed + share * zero * part + max(1 - rates.lock - share, 0.0) * zero

    return cdf


def _uncovered(asked: Model, n: int, eps: float, w: float, alpha: float, marked: float) -> float:
    """Bound the mean of G_m over the number m of labelled free numbers without a mark."""
    return cover_failure(n, eps / w, free=(1 - marked) * alpha * asked.rates.free) if eps < w / 2 else 0.0


def _near(asked: Model, n: int, eps: float, w: float, alpha: float, marked: float) -> float:
    """Return about the split, by a normal law of the reach."""
    mean, square = _leading(asked, w)
    drift = marked * asked.rates.free * mean
    spread = asked.rates.lock * moment(asked.law, 2) + marked * asked.rates.free * square - drift**2
    late = 2 * float(ndtr((asked.radius - w / 2 - n * drift) / sqrt(max(n * spread, 0.0) + 1e-12)))
    return min(late + _uncovered(asked, n, eps, w, alpha, marked), 1.0)


def _split(asked: Model, eps: float, delta: float, w: float, alpha: float) -> int | None:
    """Return an n at which the split is at most delta, for the share of marks that a normal law finds best."""

    def guess(marked: float) -> int:
        return first(lambda n: _near(asked, n, eps, w, alpha, marked) <= delta, 0, SCAN_LIMIT + 1, 64)

    guesses = {share: guess(share) for share in _SHARES}
    best = min(guesses, key=lambda share: guesses[share])
    if guesses[best] > SCAN_LIMIT:
        return None
    found = first(lambda n: split_failure(asked, n, eps, w, best) <= delta, 0, SCAN_LIMIT + 1, guesses[best])
    return found if found <= SCAN_LIMIT else None


def thinning_of_all(law: Law) -> float:
    """Return the best alpha over all w: 0 where a law contains no uniform."""
    size = sqrt(3 * moment(law, 2))
    return max(thinning(law, w) for w in (*(size * s for s in (0.03, 0.1, 0.3, 0.6, 1.0)), *density_steps(law)))
