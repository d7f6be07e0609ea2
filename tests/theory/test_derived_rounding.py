"""The last digits are on the safe side: bounds against exact numbers where nothing else separates the two."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from slt.core.rates import Rates
from tests.theory.exact_laws import HALF, binomial, early_stopping, parts_below
from tests.theory.floors import sup_error_floor
from theory import sufficient
from theory.game import GrowthGame, _rows_above_half
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


def test_neither_start_nor_end_nor_mean_is_rounded_the_wrong_way():
    """Above 1/2 one step is Markov's bound, mean of the uncovered part over what may stay: exact, to the last digit."""
    rng = np.random.default_rng(6)
    for _ in range(300):
        start = 1 - 10 ** float(-rng.uniform(0.35, 12))
        left, growth = (1 - start) * float(rng.uniform(0.7, 0.99)), float(rng.uniform(0.4, 1))
        outside = 1 - Fraction(start)
        exact = outside * (1 - Fraction(growth) * Fraction(start)) / Fraction(left)
        if exact < 1:
            received = GrowthGame(start, left, growth, points=8).failures(1e-300, steps=1)[1]
            assert exact <= Fraction(float(received)) <= exact * (1 + Fraction(1, 1000))


def test_every_row_above_one_half_may_go_all_the_way():
    # what lies more than 9 log-odds ahead is one cell that ends at 1: no law is left out
    game = GrowthGame(0.5, 1e-9, 0.5, points=200)
    outside = game._grid[2]
    rows = len(game._grid[0])
    for block in _rows_above_half(rows, 199, outside, 0.5, game._steps):
        mean = outside[rows : rows + len(block._ahead)]
        mean = mean * (1 - 0.5 * (1 - mean))
        np.testing.assert_allclose(block._ahead.max(axis=1), mean, rtol=1e-12)
        assert (np.diff(block._cells, axis=1) >= 0).all()
        assert (np.diff(block._cells, axis=1) <= 1).all()
        rows += len(block._ahead)
    assert rows == 199
    assert game._steps < 199


@pytest.mark.parametrize("tail", [0.6, 0.3])
@pytest.mark.parametrize(("prune", "lock"), [(0.5, 0.0), (0.25, 0.25)])
def test_a_narrow_window_of_m_is_paid_for(prune, lock, tail):
    """With a tail so large that the window leaves out much, the bound is still above the exact sum over all m."""
    free, distance = 1 - Fraction(prune) - Fraction(lock), Fraction(1, 8)
    cover = np.array([1.0, 0.5, 0.25, 0.125])
    problem = sufficient._Problem(Rates(prune, lock), distance, cover, tail)
    for n in (8, 11):
        low, high = problem.window(n)
        assert low > 0 or high < n
        exact = early_stopping(n, distance, lock, prune, [Fraction(float(x)) for x in cover])
        shift = problem.exact_shift(n)
        received = Fraction(problem.early_stopping(n, shift))
        assert exact <= received
        left_out = sum(binomial(n, m, free) for m in range(n + 1) if not low <= m <= high)
        assert received <= exact + left_out + Fraction(tail) / 100
        assert left_out <= 2 * Fraction(tail)


@pytest.mark.parametrize(("start", "left"), [(0.5, 1e-8), (0.3, 1e-6)])
def test_what_lies_far_ahead_still_counts(start, left):
    """More than 9 log-odds from start to end: against all chords, nothing lumped, in exact numbers where it matters."""
    growth, cells, steps = 0.5, 40, 25
    odds = np.linspace(np.log(start / (1 - start)), np.log((1 - left) / left), cells)
    outside = [*(1 / (1 + np.exp(odds))), 0.0]  # 1 - x, with all its digits
    values = np.array([1.0] * (cells - 1) + [0.0])
    received = GrowthGame(start, left, growth, points=cells).failures(1e-300, steps=steps)
    for step in range(1, steps + 1):
        new = []
        for i in range(cells - 1):
            mean = outside[i] * (1 - growth * (1 - outside[i]))
            least = max(0.0, 2 * outside[i] - 1)  # 1 - min(2x, 1)
            points = [(outside[i], values[i])]
            points += [(max(outside[j + 1], least), values[j]) for j in range(i, cells) if outside[j] > least]
            worst = [v for o, v in points if o <= mean]
            for o, v in points:
                for p, q in points:
                    if p < mean < o:
                        worst.append(q + (v - q) * (mean - p) / (o - p))
            new.append(max(worst))
        values = np.append(np.minimum.accumulate(new), 0.0)
        assert received[step] >= values[0] * (1 - 1e-9)
        assert received[step] <= values[0] * (1 + 1e-3) + 1e-3


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
