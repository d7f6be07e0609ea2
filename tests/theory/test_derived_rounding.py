"""The last digits are on the safe side: bounds against exact numbers where nothing else separates the two."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from tests.theory.exact_laws import HALF, binomial, parts_below
from theory.game import GrowthGame
from theory.obstruction import sup_error_floor
from theory.sufficient import failure_at_most


@pytest.mark.parametrize("points", [8, 60, 900])
def test_one_step_of_the_game_is_not_below_its_exact_envelope(points):
    """The best law after one step is on the point just before the end and the farthest one: an exact number."""
    rng = np.random.default_rng(3)
    checked = 0
    for start, left in rng.uniform(0.05, 0.9, (400 if points < 100 else 80, 2)).tolist():
        growth = float(rng.uniform(0.5, 1))
        if start + left >= 1:
            continue
        x, g, end = Fraction(start), Fraction(growth), 1 - Fraction(left)
        top, mean = min(2 * x, Fraction(1)), x + g * x * (1 - x)
        if top < end or mean <= end:
            continue  # nothing is surely enough, or the mean alone stops short: probability 1
        exact = (top - mean) / (top - end)
        received = Fraction(float(GrowthGame(start, left, growth, points).failures(1e-300, steps=1)[1]))
        assert exact <= received <= 1
        if points == 900:
            # cells of a log-odds grid; what lies 9 log-odds further counts as 1
            assert received <= exact + Fraction(1, 30)
        checked += 1
    assert checked > 8


def test_values_of_m_outside_the_window_count_as_failures():
    # without a cover to make (eps >= 1/2) the sum is over m alone: 2 P(S_m < r - 1/2), every m exactly
    radius, eps = 0.625, 0.55
    for n, prune in ((24, 0.5), (40, 0.5), (40, 0.25)):
        exact = sum(
            binomial(n, m, 1 - Fraction(prune)) * min(Fraction(1), 2 * parts_below(Fraction(radius) - HALF, 0, m))
            for m in range(n + 1)
        )
        received = Fraction(float(failure_at_most(n, eps, prune=prune, radius=radius)))
        assert exact <= received <= exact * (1 + Fraction(5, 1000))


def test_the_floor_under_one_kink_is_never_above_its_exact_value():
    rng = np.random.default_rng(4)
    for _ in range(100):
        values, c = rng.uniform(-1, 1, (2, 2)), float(rng.uniform(-1, 1))
        floor = sup_error_floor(values, [[1, 1], [1, 1]], [c, 0.5], [1, 0], [0.0, 0.0])
        with mpmath.workdps(40):
            (a, b), (p, q) = [[mpmath.mpf(x) for x in row] for row in values.tolist()]
            turn = abs(mpmath.atan2(a * q - b * p, a * p + b * q))
            turn = min(turn, mpmath.pi - turn)
            # to one side the other line is at ``turn``, to the other at a half turn less
            exact = (
                abs(mpmath.mpf(c)) * mpmath.hypot(a, b) / (mpmath.cot(turn / 2) + mpmath.cot((mpmath.pi - turn) / 2))
            )
            assert floor <= exact
            assert floor >= exact * (1 - mpmath.mpf(10) ** -9)
