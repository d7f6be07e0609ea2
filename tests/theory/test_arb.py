"""A second evaluation in interval arithmetic (arb, of python-flint): laws, game, ladders and products.

Floats and arb agree, and no float is on the unsafe side, down to probabilities of 1e-60.
"""

from fractions import Fraction
from math import comb, exp, log

import numpy as np
import pytest

from slt.core.rates import Rates
from theory.counting import counting_uniform
from theory.game import GrowthGame, cover_failures, cover_game
from theory.ladder import ladder_break, ladder_failure
from theory.laws import reach_below, spread_below
from theory.products import approach_failure, arrive_failure, laplace_locked, laplace_shift
from theory.reach import chernoff_reach, reach_at_most
from theory.sums import mixture_below

flint = pytest.importorskip("flint", reason="python-flint is not installed")
arb = flint.arb


@pytest.fixture(autouse=True)
def precise():
    before, flint.ctx.prec = flint.ctx.prec, 500
    yield
    flint.ctx.prec = before


def exact(x):
    """A float or a fraction as an interval of no or next to no width."""
    x = Fraction(x)
    return arb(x.numerator) / arb(x.denominator)


def sums(x, most):
    """Return F(j, k) = P(U_1 + .. + U_j < x + k), by the recursion over j."""
    shift = Fraction(x).__floor__()
    part = exact(Fraction(x) - shift)
    rows = [[arb(int(part > 0))]]
    for j in range(1, most + 1):
        before = [arb(0), *rows[-1]]
        row = [((part + k) * rows[-1][k] + (j - part - k) * before[k]) / j for k in range(j)]
        rows.append([*row, arb(1)])

    def law(j, k):
        place = k + shift
        return arb(0) if place < 0 else arb(1) if place >= len(rows[j]) else rows[j][place]

    return law


def reach(c, n, rates):
    """P(A < c), A the largest sum of n variables."""
    lock, positive = exact(rates.lock) / 2, exact(rates.free) / 2
    still = exact(1 - Fraction(rates.lock) - Fraction(rates.free)) + positive
    law, total = sums(c, n), arb(0)
    for j in range(n + 1):
        # i of j have a minimum of -1: locked ones, half of them
        inner = sum(
            (
                comb(j, i) * lock**i * (lock + positive) ** (j - i) * law(j, i)
                for i in range(j + 1 if rates.lock else 1)
            ),
            arb(0),
        )
        total += comb(n, j) * still ** (n - j) * inner
    return total


def on_side(lower, middle, upper, near):
    """Assert lower <= middle <= upper, surely, and that they differ by a share of at most ``near``."""
    low, high = exact(float(lower)), exact(float(upper))
    assert not low > middle
    assert not high < middle
    assert high - low <= middle * exact(near) + exact(1e-60 if middle == 0 else 1e-95)


REACHES = [(40, 0.0, 0.3), (60, 0.3, 0.3), (100, 0.05, 0.9), (160, 0.2, 0.5), (200, 0.0, 0.9)]


@pytest.mark.parametrize(("n", "lock", "free"), REACHES)
@pytest.mark.parametrize("c", [0.9, -1.1, 0.999, 2.5])
def test_laws_of_the_reach(n, lock, free, c):
    rates = Rates(1 - lock - free, lock)
    middle = reach(Fraction(c), n, rates)
    lower, upper = (reach_below(c, [n], rates.lock, rates.free, side)[0] for side in ("lower", "upper"))
    on_side(lower, middle, upper, 1e-6)
    assert not exact(reach_at_most(c, n, rates)) < middle
    assert not exact(float(chernoff_reach(c, n, rates.lock, rates.free))) < middle


def test_laws_reach_down_to_probabilities_of_1e_60():
    smallest = []
    for n, lock in ((260, 0.0), (300, 0.02), (260, 0.05)):
        rates = Rates(0.0, lock)
        middle = reach(Fraction(9, 10), n, rates)
        lower, upper = (
            reach_below(Fraction(9, 10), [n], rates.lock, rates.free, side)[0] for side in ("lower", "upper")
        )
        on_side(lower, middle, upper, 1e-6)
        smallest.append(float(middle))
    assert min(smallest) < 1e-60


@pytest.mark.parametrize(("n", "free", "c"), [(30, 0.4, 1.8), (90, 0.9, 1.8), (60, 0.5, 4.0)])
def test_laws_of_the_spread(n, free, c):
    law = sums(Fraction(c), n)
    share = exact(free)
    middle = sum((comb(n, m) * share**m * (1 - share) ** (n - m) * law(m, 0) for m in range(n + 1)), arb(0))
    lower, upper = (spread_below(c, [n], free, side)[0] for side in ("lower", "upper"))
    on_side(lower, middle, upper, 1e-6)


@pytest.mark.parametrize(("n", "lock"), [(20, 0.3), (60, 0.3), (150, 0.1), (240, 0.02)])
def test_sums_of_mixtures(n, lock):
    rates = Rates(0.2, lock)

    def transform(pieces):
        whole, half = pieces
        return (rates.prune + rates.lock * whole + rates.free * (1 + half) / 2) ** n

    middle = reach(Fraction(9, 10), n, rates)
    upper = mixture_below(0.9, [(-1.0, 1.0), (0.0, 1.0)], transform, n)
    assert not exact(upper) < middle
    assert exact(upper) <= middle * exact(1.02)


def envelope(grid, values, i, growth):
    """The concave envelope of a falling step function at the mean after x_i, over all pairs of right ends of cells."""
    x = grid[i]
    mean = x + exact(growth) * x * (1 - x)
    limit = 2 * x if x < exact(0.5) else arb(1)
    ends = []
    for j in range(i, len(grid)):
        if grid[j] > limit:
            break
        right = grid[j + 1] if j + 1 < len(grid) else arb(1)
        ends.append((right if right < limit else limit, values[j]))
    best = max((v for end, v in ends if end >= mean), key=float, default=arb(0))
    for low, v in ends:
        for high, u in ends:
            if low < mean < high:
                value = (v * (high - mean) + u * (mean - low)) / (high - low)
                best = max(best, value, key=float)
    return best


@pytest.mark.parametrize(
    ("start", "left", "growth", "points", "least"),
    [(0.1, 0.1, 0.5, 24, 1e-6), (0.03, 0.05, 0.55, 16, 1e-12), (0.3, 0.3, 0.5, 10, 1e-60)],
)
def test_the_game(start, left, growth, points, least):
    game = GrowthGame(start, left, growth, points)
    below, _, outside = game._grid
    grid = [exact(x) for x in below] + [1 - exact(x) for x in outside[len(below) : -1]]
    table = game.failures(least)
    values = [arb(1)] * (len(grid) - 1) + [arb(0)]
    flint.ctx.prec = 120
    for k, found in enumerate(table):
        assert not exact(float(found)) < values[0], k
        assert exact(float(found)) <= values[0] * exact(1 + 3e-3 * (k + 1)), k
        new = [envelope(grid, values, i, growth) for i in range(len(grid) - 1)]
        # the bounds from before and from the left hold here, too
        for i, value in enumerate(new):
            smaller = values[i] if values[i] < value else value
            new[i] = new[i - 1] if i and new[i - 1] < smaller else smaller
        values = [*new, arb(0)]
    assert table[-1] <= least


@pytest.mark.parametrize("eps", [0.3, 0.1, 0.01, 1e-6, 1e-40])
def test_the_growth_of_the_game_is_no_more_than_what_is_proven(eps):
    game = cover_game(eps, 200)
    e, share = exact(eps), exact(0.7)
    u = 2 * (1 - share) * e
    length = 1 + u
    start, left = 2 * share * e / length, u / length
    least = min(start * (1 - start), left * (1 - left), key=float)
    assert not exact(game.growth) > length / 2 - u * u / (4 * length * least)


def test_the_table_of_the_game_goes_down_to_1e_60():
    table = cover_failures(0.1, 1e-60)
    assert table[-1] <= 1e-60
    assert np.all(np.diff(table) <= 0)


@pytest.mark.parametrize(
    ("n", "eps", "prune", "lock"), [(30, 0.1, 0.0, 0.0), (123, 0.1, 0.4, 0.3), (400, 0.2, 0.0, 0.05)]
)
def test_ladders(n, eps, prune, lock):
    rates = Rates(prune, lock)
    e, f = exact(eps), exact(rates.free)
    broken = arb(1).exp() * (1 - 2 * e * f) ** n
    found = ladder_break(n, eps, rates.free)
    assert not exact(found) < broken
    assert exact(found) <= broken * exact(1 + 1e-6)
    if n < 300:
        whole = broken + 2 * reach(1 - Fraction(eps), n, rates)
        found = ladder_failure(n, eps, rates, 1.0, uniform=True)
        assert not exact(found) < whole
        assert exact(found) <= whole * exact(1 + 1e-5)
    else:
        assert found < 1e-60


def test_counting():
    for n, eps, free in ((100, 0.01, 0.5), (400, 1e-6, 0.5), (40, 0.1, 0.1)):
        share, m = exact(free), 0
        while 2**m * Fraction(eps) < 1:
            m += 1
        middle = sum((comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(m)), arb(0))
        found = exact(float(counting_uniform(n, eps, free)[0]))
        assert not found > middle
        assert found >= middle * exact(1 - 1e-6)


def locked_mean(s):
    """E exp(-s X) of a product of uniforms on [-1, 1] and [0, 1]: sum over k of s^2k / ((2k + 1)! (2k + 1))."""
    return s.shi() / s


def shift_mean(s, a):
    """E exp(-s Y), Y the product where it lies in (0, a], else 0: the integral of (1/2) log(1/x) exp(-s x)."""
    ein = (s * a).log() + arb.const_euler() - (-s * a).ei()
    inside = (-(a.log()) * (1 - (-s * a).exp()) + ein) / (2 * s)
    return 1 - (a - a * a.log()) / 2 + inside


@pytest.mark.parametrize("s", [1e-3, 0.1, 1.0, 7.0, 45.0])
def test_transforms_of_products(s):
    on_side(laplace_locked(s) * (1 - 1e-12), locked_mean(exact(s)), laplace_locked(s) * (1 + 1e-12), 1e-11)
    for a in (0.05, 0.3, 1.0):
        found = laplace_shift(s, a)
        on_side(found * (1 - 1e-12), shift_mean(exact(s), exact(a)), found * (1 + 1e-12), 1e-11)


def least(bound):
    """The least of a convex function of log s, by ternary search where the floats look for it, too."""
    low, high = log(1e-4), log(50.0)
    for _ in range(60):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, right) if bound(exact(exp(left))) < bound(exact(exp(right))) else (left, high)
    return bound(exact(exp((low + high) / 2)))


@pytest.mark.parametrize("n", [40, 200, 1500])
def test_chernoff_bounds_of_products(n):
    flint.ctx.prec = 200
    rates, w, distance = Rates(0.5, 0.1), 0.17, 0.6
    f, q = exact(rates.free), exact(rates.lock)
    true = least(lambda s: (s * exact(distance)).exp() * (1 + f * (shift_mean(s, 2 * exact(w)) - 1)) ** n)
    found = arrive_failure(n, rates, distance, w)
    if found < 1:
        assert not exact(found) < true * exact(1 - 1e-12)
        assert exact(found) <= true * exact(1 + 1e-6)
    assert found < 1e-60 or n < 1500
    rest = n // 10
    true = least(
        lambda s: (
            2
            * (s * exact(w)).exp()
            * (1 + q * (locked_mean(s) - 1) + f * (shift_mean(s, arb(1)) - 1)) ** n
            * (1 + q * (locked_mean(s) - 1)) ** rest
        )
    )
    found = approach_failure(n, rest, rates, 1.0, w)
    if found < 1:
        assert not exact(found) < true * exact(1 - 1e-12)
        assert exact(found) <= true * exact(1 + 1e-6)
