"""A closed form of the constant C(p, q) that suffices, and how requirements grow with log(1/eps), log(1/delta), 1/f.

Weaker than :mod:`theory.sufficient` everywhere, but explicit: it shows that C is finite for every p + q < 1 and how it
depends on p and q.
"""

from dataclasses import dataclass
from math import ceil, e, exp, log, log1p, sinh

from slt.core.checks import open_unit
from slt.core.rates import Rates, searchable
from theory.arguments import checked_delta, checked_eps, checked_radius
from theory.game import START_SHARE
from theory.reach import exponents, log_moment, reach_rate, shift_exponent

_BENNETT = 1 / 4 - (e - 2) / 6  # 0.1303
_EXPONENTS = tuple(0.25 * k for k in range(2, 41))  # of Chernoff's bound where nothing is locked


@dataclass(frozen=True, slots=True)
class Slopes:
    """Growth of a requirement: n ~ precision * log(1/eps) as eps -> 0, n ~ confidence * log(1/delta) as delta -> 0.

    As f -> 0 at a fixed locked rate, ``confidence ~ coefficient / f**power``: power 2 with locking, 1 without.
    """

    precision: float
    confidence: float
    coefficient: float
    power: int


def necessary_slopes(*, prune: float = 0.0, lock: float = 0.0) -> Slopes:
    """Slopes that no construction beats.

    Statement: precision = 1/(f log 2), counting: some log2(r/eps) free variables are needed, and n holds f n.
    confidence = 1/I, ``I = -log min_s E exp(-s Y)``: the reach must be r - eps, and P(Y_1 + .. + Y_n < r - eps) =
    exp(-I n + o(n)) (Cramer). As f -> 0, I ~ f^2 / (32 q/3) for q > 0; I = -log(1 - f/2) ~ f/2 for q = 0.
    Relation: lower bounds on the slopes of the smallest sufficient n, uniform reading.

    >>> necessary_slopes(prune=0.5).confidence.__round__(4)  # 1 / -log(3/4)
    3.4761
    """
    rates = searchable(prune, lock)
    coefficient, power = (32 * rates.lock / 3, 2) if rates.lock else (2.0, 1)
    return Slopes(1 / (rates.free * log(2)), 1 / reach_rate(rates.prune, rates.lock), coefficient, power)


def sufficient_slopes(*, prune: float = 0.0, lock: float = 0.0) -> Slopes:
    """Slopes of :func:`closed_form_n`.

    Statement: with Q = 1/log(1/(1 - f/4)), v(s) = log(1 + q (sinh(s)/s - 1)) and w(s) = -log E exp(-s Y),

        precision = 2Q,        confidence = Q + min over s of (1 + Q v(s))/w(s).

    Derivation: the cover asks for Q (2 log(1/eps) + log(1/delta)) variables. Their locked values spread T, and the
    shift has to make up for it: w(s) n_shift = log(4/delta) + s R + v(s) n_cover. For eps -> 0 alone n_shift is of
    order sqrt(log(1/eps)), since v ~ q s^2/6 and w ~ f s/4 as s -> 0. Without locking v = 0, and the minimum is 1/I at
    s = infinity.
    As f -> 0 with locking the shift alone matters, at s ~ 3f/(4q), where Q v(s) ~ 3f/(8q) -> 0: the coefficient
    equals the necessary one. Without locking it is 2 + 4.
    """
    rates = searchable(prune, lock)
    quarter = -1 / log1p(-rates.free / 4)
    coefficient, power = (32 * rates.lock / 3, 2) if rates.lock else (6.0, 1)
    shift = 1 / reach_rate(rates.prune)
    if rates.lock:
        s = exponents(rates.lock, rates.free)
        rate = shift_exponent(s, rates.lock, rates.free)
        useful = rate > 0
        shift = float(((1 + quarter * log_moment(s, rates.lock, 0.0)[useful]) / rate[useful]).min())
    return Slopes(2 * quarter, shift + quarter, coefficient, power)


def constant(*, prune: float = 0.0, lock: float = 0.0, radius: float = 1.0, eps_0: float = 0.1) -> float:
    """Return C(p, q) such that n >= C log(1/min(delta, eps)) suffices whenever min(delta, eps) <= eps_0.

    Statement: with k = 1/4 - (e - 2)/6 > 0.13, R = max(r - 1/2, 0), L0 = log(1/eps_0) and
    h = 1 + (sinh(1) - 1) q/(k (f + 2q)) < 1.673,

        C = S + (h/f) (12 + 4 log(4.04)/L0) + (1 + h)/L0,
        S = (f + 2q)/(k f^2) (1 + log(4)/L0) + R/(k f L0)                              if q > 0,
        S = min over s of (1 + (log(4) + s R)/L0)/(a_s f),  a_s = 1/2 - (1 - exp(-s))/(2s)      if q = 0 < R,
        S = 0                                                                          if q = 0 = R.

    Finite for all p + q < 1; of order q/f^2 as f -> 0 with q > 0, and 1/f with q = 0.
    Derivation: P(fail) <= shift + cover, each made at most delta/2; Lam = log(1/min(delta, eps)) is at least
    log(1/eps), log(1/delta) and L0.

    * Cover, :func:`closed_form_n` with -log(1 - x) >= x: n_cover >= (4/f)(log(1/(x_0 b)) + log(2/delta)), with
      1/(x_0 b) = (1 + .6 eps)^2/(.84 eps^2) < 2.02/eps^2 for eps < 1/2. For eps >= 1/2 no cover is needed.
    * Shift, :func:`shift_size` at s = f/(f + 2q) <= 1, where w(s) >= k f s (:func:`theory.reach.shift_exponent`):
      n_shift >= (log(4/delta) + s R + v n_cover)/(k f s) with v = log(1 + q (sinh(s)/s - 1)) <=
      q (sinh(1) - 1) s^2, because sinh(s)/s - 1 is a power series in s^2 without negative terms. So
      v/(k f s) <= h - 1: each of the other variables costs h, for itself and for what its locked value asks of the
      shift. Without locking v = 0, and w(s) = -log(1 - a_s f) >= a_s f for every s > 0; where R = 0 nothing shifts.
    * At most 1 + h for rounding up n_shift, and n_cover.

    A larger n has a longer shift, whose bound falls with n, so all n >= C Lam suffice.
    Relation: upper bound on sufficient C, uniform in z, hence for both readings.
    """
    rates, radius = searchable(prune, lock), checked_radius(radius)
    f, q, least = rates.free, rates.lock, -log(open_unit("eps_0", eps_0))
    beyond = max(radius - 0.5, 0)
    if q > 0:
        shift = (f + 2 * q) / (_BENNETT * f * f) * (1 + log(4) / least) + beyond / (_BENNETT * f * least)
    elif beyond == 0:
        shift = 0.0
    else:
        shift = min((1 + (log(4) + s * beyond) / least) / (_short(s) * f) for s in _EXPONENTS)
    each = 1 + (sinh(1) - 1) * q / (_BENNETT * (f + 2 * q))
    return shift + each / f * (12 + 4 * log(4.04) / least) + (1 + each) / least


def _short(s: float) -> float:
    """1 - E exp(-s max(X, 0)) for X uniform on [-1, 1]."""
    return 0.5 - (1 - exp(-s)) / (2 * s)


def closed_form_n(eps: float, delta: float, *, prune: float = 0.0, lock: float = 0.0, radius: float = 1.0) -> int:
    """Return an n that suffices with probability 1 - delta, by Chernoff and Markov alone.

    Statement: n = n_shift + n_cover, failure delta/2 each (radius > eps; else 0). x_0 and b: covered fraction
    at the start and uncovered one at the end of :func:`theory.game.cover_game`, whose growth rate is at least 1/2.
    Derivation.

    * n_shift: :func:`shift_size`. The n_shift free variables lead every z - T into W, and T is the sum of *all* locked
      ones, those among the other n_cover variables included (more = n_cover there).
    * Cover: the odds o(x) = (1 - x)/x of a point to be uncovered shrink in mean by 1 - f/4 or better, wherever x is.
      o is convex and falling, and one variable takes x to an x' in [x, min(2x, 1)] of mean at least x + (f/2) x(1 - x).
      So E o(x') is largest for a law on the two ends with just that mean. For x <= 1/2 that is 2x with probability
      (f/2)(1 - x), and o(x) - o(2x) = 1/(2x); for x >= 1/2 it is 1 with probability (f/2) x. Either way the mean is
      at most o(x)(1 - f/4). By Markov P(more than b left after n) <= o(x_0)/o(1 - b) (1 - f/4)^n.

    Relation: upper bound, uniform in z; at least :func:`theory.sufficient.sufficient_n`.
    """
    rates, radius = searchable(prune, lock), checked_radius(radius)
    part, eps = checked_delta(delta) / 2, checked_eps(eps)
    if eps >= radius:
        return 0
    if eps >= 0.5:
        return shift_size(rates, radius - 0.5, part)
    # x_0, b and the growth rate 1/2 of cover_game: L/2 - u^2/(4 L x (1-x)) >= 1/2 at x = x_0 and x = 1 - b
    uncovered = 2 * (1 - START_SHARE) * eps
    start, left = 2 * START_SHARE * eps / (1 + uncovered), uncovered / (1 + uncovered)
    size = log((1 - start) / start) + log((1 - left) / left) - log(part)
    cover = _whole(max(size, 0.0) / -log1p(-rates.free / 4))
    return shift_size(rates, radius - 0.5, part, more=cover) + cover


def shift_size(rates: Rates, distance: float, delta: float, more: int = 0) -> int:
    """Return n with 2 P(Y_1 + .. + Y_n + Z_1 + .. + Z_more < distance) <= delta, by Chernoff's bound.

    Y = X if locked, max(X, 0) if free, 0 if pruned; Z = X if locked, else 0. ``2 exp(s distance) E[exp(-s Y)]^n
    E[exp(-s Z)]^more <= delta`` for the best s of a grid; it then holds for every larger n too. 0 when distance <= 0
    and nothing is locked: a sum of non-negative terms is never below it.
    """
    if distance <= 0 and rates.lock == 0:
        return 0
    s = exponents(rates.lock, rates.free)
    rate = shift_exponent(s, rates.lock, rates.free)
    useful = rate > 0
    size = log(2 / delta) + s * distance + more * log_moment(s, rates.lock, 0.0)
    return _whole(max((size[useful] / rate[useful]).min(), 0.0))


def _whole(size: float) -> int:
    return ceil(size * (1 + 1e-12))
