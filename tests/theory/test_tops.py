"""Laws of sums of uniforms of several widths, and of the largest of a block, against rational arithmetic."""

from fractions import Fraction
from math import comb, exp, factorial, log, prod, sinh

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import beta

from theory.tops import sum_below, tops_below

WIDTHS = (Fraction(1), Fraction(1, 2), Fraction(1, 8))


def exact_below(c, counts, widths=WIDTHS):
    """P(S < c): inclusion and exclusion over the upper ends of the uniforms."""
    terms = sum(counts)
    if terms == 0:
        return Fraction(int(c > 0))
    total = Fraction(0)
    for chosen in np.ndindex(*(count + 1 for count in counts)):
        sign = (-1) ** sum(chosen)
        ways = prod(comb(count, k) for count, k in zip(counts, chosen, strict=True))
        at = c + sum((count - 2 * k) * w for count, k, w in zip(counts, chosen, widths, strict=True))
        total += sign * ways * max(at, 0) ** terms
    volume = prod((2 * w) ** count for count, w in zip(counts, widths, strict=True))
    return total / (factorial(terms) * volume)


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 0), (2, 1, 0), (0, 6, 3), (3, 10, 4), (8, 8, 8)])
@pytest.mark.parametrize("c", [Fraction(-3), Fraction(-1), Fraction(0), Fraction(1, 3), Fraction(5, 2)])
def test_sums_are_just_above_their_exact_law(counts, c):
    exact = exact_below(c, counts)
    bound = sum_below(float(c), [float(w) for w in WIDTHS], counts)[0]
    assert bound >= exact - Fraction(1, 10**15)
    if sum(counts) >= 6:
        assert bound <= exact + Fraction(2, 10**12)
    else:  # few terms: the frequencies that are left out cost something
        assert bound <= exact + Fraction(1, 10)


@pytest.mark.parametrize("c", [-7.0, -8.0])
def test_far_tails_are_chernoffs(c):
    exact = exact_below(Fraction(c), (3, 12, 0))
    bound = sum_below(c, [1.0, 0.5, 0.125], [3, 12, 0])[0]
    assert exact <= bound <= 30 * exact
    assert bound < 1e-6


@pytest.mark.parametrize(("kept", "of", "locked", "halves"), [(2, 4, 1, 6), (1, 5, 0, 8), (5, 6, 3, 4), (3, 3, 2, 4)])
@pytest.mark.parametrize("c", [-1.0, 0.2])
def test_the_largest_of_a_block(kept, of, locked, halves, c):
    bound = tops_below(c, kept, of, locked=locked, halves=halves)

    def given(v):
        half = Fraction(1 - v) / 2
        short = Fraction(c) - kept * Fraction(1 + v) / 2
        law = exact_below(short, (locked, halves, kept), (Fraction(1), Fraction(1, 2), half))
        return float(law) * beta.pdf((1 + v) / 2, of - kept, kept + 1) / 2

    if kept == of:
        exact = float(exact_below(Fraction(c), (locked + kept, halves, 0)))
    else:
        exact = quad(given, -1, 1 - 1e-6, epsabs=1e-6, limit=40)[0]
    assert exact * (1 - 1e-5) <= bound <= exact * 1.1 + 1e-3


def test_the_largest_are_larger_than_what_is_simulated_falls_short():
    generator, draws = np.random.default_rng(2), 40_000
    values = np.sort(generator.uniform(-1, 1, (draws, 12)), axis=1)[:, -5:].sum(axis=1)
    for c in (0.5, 1.5):
        share = (values < c).mean()
        assert abs(tops_below(c, 5, 12) - share) <= 4 * (0.25 / draws) ** 0.5 + 0.02
        assert tops_below(c, 5, 12) >= share - 4 * (share / draws) ** 0.5


def test_nothing_kept_is_the_locked_sum_alone():
    assert tops_below(0.5, 0, 7, locked=2, halves=6) == sum_below(0.5, [1.0, 0.5], [2, 6])[0]
    assert tops_below(0.5, 0, 0) == 1
    assert tops_below(-0.5, 0, 0) == 0
    assert tops_below(100.0, 3, 7, locked=2) == 1


@pytest.mark.parametrize(("width", "count"), [(0.125, 60), (4.0, 12), (16.0, 60)])
@pytest.mark.parametrize("share", [-0.2, 0.0, 0.3])
def test_widths_of_any_size_have_their_own_period(width, count, share):
    """The wave has to be long for the spread of the sum, whether its numbers are below 1 or above."""
    c = share * width * count**0.5
    exact = exact_below(Fraction(c), (count,), (Fraction(width),))
    assert exact <= Fraction(sum_below(c, [width], [count])[0]) <= exact + Fraction(1, 10**11)


def test_chernoffs_bound_is_near_the_best_of_its_kind():
    c, counts, widths = -9.0, (3, 14, 4), (1.0, 0.5, 0.125)

    def bound(s):
        return exp(s * c) * prod((sinh(s * w) / (s * w)) ** k for w, k in zip(widths, counts, strict=True))

    best = minimize_scalar(lambda s: log(bound(s)), bounds=(0.1, 60), method="bounded")
    assert exp(best.fun) * (1 - 1e-9) <= sum_below(c, widths, counts)[0] <= exp(best.fun) * 1.05
