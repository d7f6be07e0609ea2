"""The game bounds the truth, falls with k and x, and is never below a slow evaluation of the same envelopes."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from theory.game import GrowthGame, cover_failure, cover_failures, cover_game

DELTA = 0.05


def needed(table: np.ndarray, delta: float = DELTA) -> int:
    return int((table > delta).sum())


def hull_value(points: list[tuple[float, float]], at: float) -> float:
    """Upper hull of a few points, as the best of all chords across ``at``."""
    chords = [b for a, b in points if a == at]
    for a, value_a in points:
        for b, value_b in points:
            if a < at < b:
                chords.append(value_a + (value_b - value_a) * (at - a) / (b - a))
    return max(chords)


def slow_game(start: float, end: float, growth: float, cells: int, steps: int) -> list[float]:
    """The game on the step functions over an even log-odds grid, envelope points listed one by one."""
    odds = np.linspace(np.log(start / (1 - start)), np.log(end / (1 - end)), cells)
    grid = [*(1 / (1 + np.exp(-odds))), 1.0]
    values = [1.0] * (cells - 1) + [0.0]
    table = [1.0]
    for _ in range(steps):
        new = []
        for i, x in enumerate(grid[: cells - 1]):
            limit = min(2 * x, 1.0)
            points = [(x, values[i])]
            points += [(min(grid[j + 1], limit), values[j]) for j in range(i, cells) if grid[j] < limit]
            new.append(hull_value(points, x + growth * x * (1 - x)))
        values = [*np.minimum.accumulate(new), 0.0]
        table.append(values[0])
    return table


@pytest.mark.parametrize(
    ("start", "end", "growth"), [(0.02, 0.99, 0.5), (0.3, 0.9, 0.5), (0.1, 0.97, 0.8), (0.25, 0.625, 1.0)]
)
def test_fast_game_equals_the_slow_envelopes_and_is_not_below_them(start, end, growth):
    expected = np.array(slow_game(start, end, growth, cells=60, steps=12))
    received = GrowthGame(start, 1 - end, growth, points=60).failures(1e-300, steps=12)
    assert np.all(received >= expected * (1 - 1e-9))
    # each step stops within 1e-4 of the envelope; what is lumped beyond 9 log-odds gives away exp(-9) more
    assert np.all(received <= expected * (1 + 1e-3))


def test_one_step_is_the_exact_envelope_when_the_end_can_be_reached_at_once():
    # from x in [1/2, end) the best law puts all it can on x (mass 1 - growth x) and the rest on 1;
    # the adversary gains by stopping just below the end: mean m < end leaves probability 1 of failing
    game = GrowthGame(0.5, 0.1, 0.5, points=2000)
    mean = 0.5 + 0.5 * 0.25
    first = game.failures(1e-300, steps=1)[1]
    assert first == 1.0  # the mean 0.625 is below the end
    near = GrowthGame(0.5, 0.4, 0.5, points=2000).failures(1e-300, steps=1)[1]
    # law on {0.6-, 1}: mean 0.625 = 0.6 w + (1 - w)
    assert near == pytest.approx((1 - mean) / 0.4, rel=1e-3)
    assert near >= (1 - mean) / 0.4


def test_a_finer_grid_is_sharper_and_both_are_bounds_of_the_same_game():
    coarse, fine = (GrowthGame(0.05, 0.02, points=p).failures(1e-6) for p in (100, 800))
    size = min(len(coarse), len(fine))
    assert np.all(fine[:size] <= coarse[:size] * (1 + 1e-3))
    assert needed(fine) < needed(coarse)


@pytest.mark.long
def test_the_bound_is_above_the_failures_of_the_growth_process_itself():
    """Monte Carlo of C_t measured as intervals: exact lengths, no grid."""
    eps, trials, steps = 0.1, 2000, 24
    rng = np.random.default_rng(20)
    failures = np.zeros(steps + 1)
    for x in rng.uniform(-1, 1, (trials, steps)):
        sums = np.zeros(1)
        for t in range(steps + 1):
            failures[t] += not covers_window(sums, eps)
            if not t < steps or covers_window(sums, eps):
                break
            sums = np.concatenate([sums, sums + x[t]])
            sums = sums[np.abs(sums) <= 0.5 + eps]  # sums that left the window only help: dropping them fails more
    bound = cover_failures(eps)[: steps + 1]
    # dropping sums can only add failures to Lueker's process started from eps, which the game bounds
    slack = binom.isf(1e-6 / (steps + 1), trials, np.minimum(bound, 1))
    assert np.all(failures <= np.where(bound < 1, slack, trials))
    assert failures[3] > 0.9 * trials  # 8 sums of width 2 eps rarely cover: the check is not empty


def covers_window(sums: np.ndarray, eps: float) -> bool:
    ordered = np.sort(sums)
    ends = np.concatenate([[-0.5 - eps], ordered[np.abs(ordered) <= 0.5 + eps], [0.5 + eps]])
    return bool(np.diff(ends).max() <= 2 * eps)


@pytest.mark.long
@settings(max_examples=40)
@given(st.floats(0.01, 0.3), st.floats(0.005, 0.4), st.floats(0.3, 1.0))
def test_the_bound_falls_with_every_step_and_with_a_better_start(start, left, growth):
    table = GrowthGame(start, left, growth, points=120).failures(1e-4, steps=80)
    assert table[0] == 1
    assert np.all(np.diff(table) <= 0)
    better = GrowthGame(1.5 * start, left, growth, points=120).failures(1e-4, steps=80)
    assert needed(better) <= needed(table)


@pytest.mark.long(keep=1)
@pytest.mark.pinned
@pytest.mark.parametrize(("eps", "most"), [(0.1, 23), (1e-2, 35), (1e-3, 46), (1e-4, 57), (1e-6, 81)])
def test_needs_no_more_variables_than_the_plain_game(eps, most):
    """Reference: start 1.2 eps, end 1 - 0.4 eps, 1600 points, no margin around W."""
    assert needed(cover_failures(eps)) <= most - 1


@pytest.mark.parametrize("eps", [0.49, 0.1, 1e-3, 1e-9, 1e-30])
def test_margin_never_costs_growth(eps):
    # asymptotics.closed_form_n relies on it
    assert cover_game.__wrapped__(eps, 50).growth >= 0.5


@pytest.mark.long
def test_tables_are_continued_not_recomputed():
    short = cover_failures(0.05, 1e-3)
    long = cover_failures(0.05, 1e-12)
    assert np.array_equal(long[: len(short)], short)
    assert long[-1] <= 1e-12 < long[-2]
    assert np.array_equal(cover_failures(0.05, 1e-3), short)
    at_once = cover_game.__wrapped__(0.05)
    assert np.array_equal(at_once.failures(1e-12), long)
    assert len(pickle.dumps(at_once)) < 300_000  # of some 40 MB that a step works on; sweeps remember many games


@pytest.mark.parametrize("least", [0.5, 1e-3, 1e-6])
def test_a_table_ends_with_the_first_failure_that_is_small_enough(least):
    # also when the game has been played further before
    cover_game(0.1).failures(1e-4)
    table = cover_failures(0.1, least)
    assert table[-1] <= least < table[-2]


def test_tiny_eps_and_tiny_failures_stay_valid():
    table = GrowthGame(1e-20, 1e-30, points=400).failures(1e-250, steps=30)
    assert np.all(np.isfinite(table))
    assert table[-1] == 1.0  # 2^30 x start is far below 1/2
    assert 0 < GrowthGame(0.3, 0.1, points=60).failures(1e-250)[-1] <= 2e-200


@pytest.mark.parametrize("points", [8, 9, 12, 30])
def test_a_grid_of_very_few_points_gives_a_trivial_bound_not_nan(points):
    # from most cells not even the next one is in reach, so a row sees a single value
    table = GrowthGame(1e-6, 1e-6, points=points).failures(steps=100)
    assert np.all(table == 1)


@pytest.mark.parametrize("start", [1 - 1e-7, 1 - 3e-9, 1 - 1e-11, 0.7])
def test_the_game_never_starts_further_than_it_was_told(start):
    left = (1 - start) * 0.75
    one = GrowthGame(start, left, 0.5, points=8).failures(1e-300, steps=1)[1]
    outside = 1 - Fraction(start)
    # Markov's bound with the exact numbers, which the best law on {1 - left, 1} attains
    mean = outside * (1 - Fraction(1, 2) * (1 - outside))
    assert mean / Fraction(left) <= Fraction(float(one)) < 0.9


def test_thinning_mixes_the_free_counts():
    table = cover_failures(0.1, 1e-18)
    n, free = 40, 0.6
    m = np.arange(n + 1)
    expected = binom.pmf(m, n, free) @ table[np.minimum(m, len(table) - 1)]
    assert cover_failure(n, 0.1, free=free) == pytest.approx(expected, rel=1e-6)
    assert cover_failure(n, 0.1, free=free) > cover_failure(n, 0.1)
    assert cover_failure(7, 0.1) == table[7]
    assert cover_failure(0, 0.1, free=0.0) == cover_failure(50, 0.1, free=0.0) == 1
    assert cover_failure(3, 0.5) == 0


@pytest.mark.parametrize("call", [
    lambda: cover_game(0.5), lambda: cover_game(0.0), lambda: cover_failure(-1, 0.1),
    lambda: cover_failure(3, 0.1, free=1.5), lambda: cover_failure(10**20, 0.1, free=0.5),
    lambda: cover_failure(3, 1e-310), lambda: GrowthGame(0.5, 0.5), lambda: GrowthGame(0.1, 0.1, 1.2),
])  # fmt: skip
def test_bad_input_is_one_line(call):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        call()
