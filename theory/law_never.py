"""For which numbers does no n suffice? Three reasons, each proven, found without a search.

**Lattice.** Where every number is a multiple of d, so is every sum, locked ones and both alphabets included: the target
min(r, d/2) is that far from all of them, and for eps below it nothing is ever covered, whatever n.

**One sign.** Where no number is negative and choices are from {0, 1}, no sum is, and -r is never reached for eps < r;
the mirror image where no number is positive.

**Drift.** Let B = -(the least sum) = Y_1 + .. + Y_n, Y = -X if locked and max(-X, 0) (signed |X|) if free; -r is missed
where B < c = r - eps. Let m = -E Y >= 0: the locked numbers carry the sums away from -r at least as fast as the free
ones can bring them back. With v = Var Y, for every n >= 1:

    P(B >= c) <= v n / (v n + (m n + c)^2)                     (Cantelli),
    P(B < c) >= 1 / (4 (3 + k/n)),  k >= E (Y - E Y)^4 / v^2,

since B < c where W = B - E B <= 0, P(W < 0) >= (E |W|)^2 / (4 E W^2), (E |W|)^2 E W^4 >= (E W^2)^3 (Hoelder) and E W^4
<= v^2 (3 n^2 + k n). And P(B < c) >= 1/2 where all numbers have one sign, choices are signed and at least as many are
locked as free: then P(Y >= y) <= P(-Y >= y) for every y, so that B is at most as likely above 0 as below. The mirror
image serves r. From the first n on at which one of these bounds is above delta, every n fails more often than delta.
Rates and means that agree within rounding (10^-12) count as equal.
"""

from fractions import Fraction
from math import floor, inf, sqrt

from slt.core.laws import Law, checked_law
from theory.arguments import checked_eps
from theory.law_model import SCAN_LIMIT, Model
from theory.models import decimal, halves, moment, one_sign, pitch

_SAME = 1e-12


def off_lattice(law: Law | str, eps: float, radius: float = 1.0) -> bool:
    """Whether all sums are multiples of some d, from which one target in [-radius, radius] is further than eps.

    >>> off_lattice("constant 1", 0.49), off_lattice("constant 1", 0.5), off_lattice("normal", 0.01)
    (True, False, False)
    """
    d = pitch(checked_law(law))
    return d is not None and decimal(checked_eps(eps)) < min(Fraction(radius), d / 2)


def never_covered(law: Law | str, eps: float, radius: float = 1.0, *, signed: bool = False) -> bool:
    """Whether it is proven that no number of variables, of any rates, ever covers [-radius, radius].

    Statement: success then has probability 0 for every n, and one single target fails surely: for the lattice and for
    the sign of the module's docstring. Relation: exact for the numbers as they are written.

    >>> never_covered("constant 1", 0.49, signed=True), never_covered("normal", 0.01)
    (True, False)
    """
    law = checked_law(law)
    return off_lattice(law, eps, radius) or (not signed and one_sign(law) != 0 and eps < radius)


def drift_limit(asked: Model, eps: float, delta: float) -> int | None:
    """Return an n from which on every n fails more often than delta by drift; None where none is known.

    Relation: for all n at least this, P(fail) > delta, in both readings, since one single target is missed.
    """
    found = [_drift_limit(asked, eps, delta, mirrored) for mirrored in (False, True)]
    return min((n for n in found if n is not None), default=None)


def _drift_limit(asked: Model, eps: float, delta: float, mirrored: bool) -> int | None:
    """Return it for -r, or for r if mirrored."""
    q, f, c = asked.rates.lock, asked.rates.free, asked.radius - eps
    if q == 0 or c <= 0:
        return None
    (up, down), (up2, down2) = (halves(asked.law, power)[:: -1 if mirrored else 1] for power in (1, 2))
    size = up + down
    drift = q * (up - down) - f * (size if asked.signed else down)
    if drift < -_SAME * size:
        return None
    drift = max(drift, 0.0)
    if asked.signed and one_sign(asked.law) and f <= q * (1 + _SAME) and delta < 0.5:
        return 1
    spread = q * (up2 + down2) + f * (up2 + down2 if asked.signed else down2) - drift**2
    bounds = []
    # Cantelli: (1 - delta) (drift n + c)^2 > delta spread n
    share = delta / (1 - delta) * spread
    if 4 * drift * c > share:
        bounds.append(1)
    elif drift > 0:
        half = (share - 2 * drift * c) / 2
        bounds.append(floor((half + sqrt(max(half**2 - (drift * c) ** 2, 0.0))) / drift**2 * (1 + _SAME)) + 1)
    if 12 * delta < 1:
        kurtosis = 8 * (moment(asked.law, 4) + drift**4) / spread**2 if spread > 0 else inf
        bounds.append(floor(kurtosis / (1 / (4 * delta) - 3)) + 1 if kurtosis < inf else SCAN_LIMIT + 1)
    return min(bounds, default=None)


def why_never(asked: Model, eps: float, delta: float | None = None) -> str | None:
    """Return in words why no n suffices, or None where that is not proven.

    delta: the failure probability that is allowed; None asks whether success is impossible.
    """
    if off_lattice(asked.law, eps, asked.radius):
        d = float(pitch(asked.law) or 0)
        return f"no n ever suffices: all sums are multiples of {d:g}, so one target is too far from all of them"
    if never_covered(asked.law, eps, asked.radius, signed=asked.signed):
        sign, side = ("negative", "below") if one_sign(asked.law) > 0 else ("positive", "above")
        return f"no n ever suffices: no number is {sign}, so no sum comes near the targets {side} 0"
    if delta is None or (limit := drift_limit(asked, eps, delta)) is None or limit > SCAN_LIMIT:
        return None
    return (
        "no n ever suffices: the numbers' mean is not 0, and locked ones move all sums away at least as fast as "
        "free ones bring them back"
    )
