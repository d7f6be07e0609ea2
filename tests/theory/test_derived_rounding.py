"""The last digits are on the safe side: bounds against exact numbers where nothing else separates the two."""

from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest
from scipy.stats import binom

from slt.core.rates import Rates
from tests.theory.exact_laws import HALF, binomial, early_stopping, parts_below, reach, states, sum_below
from tests.theory.floors import sup_error_floor
from theory import counting, first_moment, game, laws, necessary, sufficient
from theory.game import GrowthGame, _Block, _rows_above_half, _rows_below_half
from theory.sufficient import shift_failure


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
        received = Fraction(float(shift_failure(n, eps, prune=prune, radius=radius)))
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


LARGE = 2.0**-8


@pytest.fixture
def large_margin(monkeypatch):
    """A rounding margin that can be seen."""
    monkeypatch.setattr(game, "_ROUNDING", LARGE)


def test_the_margin_is_that_of_all_operations_of_one_step():
    # fewer than 16 of them, each off by at most 2^-53 of its result
    assert 16 * 2.0**-53 <= game._ROUNDING <= 1e-9


def test_start_end_and_cells_are_moved_to_the_adversarys_side(large_margin):
    for start, left in ((0.2, 0.1), (0.6, 0.3), (0.05, 0.7)):
        made = GrowthGame(start, left, 0.5, points=40)
        below, right, outside = made._grid
        first = below[0] if len(below) else 1 - outside[0]
        assert first <= start * (1 - LARGE) * (1 + 1e-14) if start < 0.5 else outside[0] >= (1 - start) * (1 + LARGE)
        assert outside[-2] <= left * (1 - LARGE) * (1 + 1e-14)
        assert outside[-1] == 0 == right[-1] - 1
        # a cell ends where the next one starts, or further; the even log-odds between are what they are
        odds = np.linspace(np.log(start / (1 - start)), np.log((1 - left) / left), 40)
        x = 1 / (1 + np.exp(-odds))
        assert below[1:] == pytest.approx(x[1 : len(below)], rel=1e-12)
        assert outside[1:-2] == pytest.approx(1 - x[1:-1], rel=1e-12)
        ends = np.where(x[1:] > 0.5, (1 - outside[1:-1]) * (1 + LARGE), x[1:])
        assert right[:-1] == pytest.approx(np.minimum(ends, 1), rel=1e-12)
        assert len(below) == min((x < 0.5).sum(), 39)


@pytest.mark.parametrize("growth", [0.3, 1.0])
def test_rows_below_one_half_look_at_all_cells_up_to_twice_their_place(growth, large_margin):
    for below, beyond in (([0.1, 0.15, 0.19, 0.2, 0.3, 0.45], [0.55, 0.8, 0.9, 0.95, 1.0]), ([0.3], [0.5, 1.0])):
        inside = np.array(below)
        right = np.array([*inside[1:], *beyond])
        lefts = np.array([*inside, *beyond[:-1]])
        rows = 0
        for block in _rows_below_half(inside, right, growth):
            for row, (cells, ahead) in enumerate(zip(block._cells, block._ahead, strict=True), rows):
                x = inside[row]
                reached = [j for j in range(row, len(right)) if lefts[j] < 2 * x]
                # each once; the last one may be repeated
                assert sorted(set(cells)) == reached
                assert (np.diff(cells) >= 0).all()
                mean = x * (1 + growth * (1 - x))
                assert ahead == pytest.approx(np.minimum(right[cells], 2 * x) - mean * (1 - LARGE), rel=1e-12)
            rows += len(block._cells)
        assert rows == len(inside)


@pytest.mark.parametrize("steps", [2, 90])
def test_rows_above_one_half_look_at_all_cells_or_at_one_that_ends_at_one(steps, large_margin):
    outside, growth = np.append(np.geomspace(0.5, 0.01, 150), 0.0), 0.4
    first, rows = 3, 3
    for block in _rows_above_half(first, 149, outside, growth, steps):
        for row, (cells, ahead) in enumerate(zip(block._cells, block._ahead, strict=True), rows):
            last = min(row + steps, 149)
            assert sorted(set(cells)) == list(range(row, last + 1))
            ends = [0.0 if cell == last else outside[cell + 1] for cell in cells]
            mean = outside[row] * (1 - growth * (1 - outside[row]))
            assert ahead == pytest.approx(mean * (1 + LARGE) - ends, rel=1e-12)
        rows += len(block._cells)
    assert rows == 149


def test_an_envelope_is_a_chord_and_a_margin(large_margin):
    """Two cells, the mean between their ends: the chord, at 0 ahead, and a margin of what was multiplied and added."""
    values = np.array([1.0, 0.25, 0.0])
    block = _Block(np.arange(2), np.array([[0, 1], [1, 2]]), np.array([[-0.125, 0.375], [-0.25, 0.25]]))
    chords = [1 - 1.5 * 0.125, 0.25 - 0.5 * 0.25]
    margins = [1 + 1.5 * 0.375, 0.25 + 0.5 * 0.25]
    assert block.envelope(values) == pytest.approx(np.add(chords, LARGE * np.array(margins)), rel=1e-12)
    # where a row has one cell only its value holds
    single = _Block(np.arange(1), np.array([[1, 1]]), np.array([[0.1, 0.1]]))
    assert single.envelope(values) == pytest.approx([0.25 * (1 + LARGE)], rel=1e-12)


def test_the_games_growth_is_rounded_down(large_margin, monkeypatch):
    received = []
    monkeypatch.setattr(game, "GrowthGame", lambda start, left, growth, points: received.append((start, left, growth)))
    for eps in (0.3, 0.1):
        game.cover_game.__wrapped__(eps)
        start, left, growth = (Fraction(x) for x in received.pop())
        u = 2 * (1 - Fraction(game.START_SHARE)) * Fraction(eps)
        least = min(start * (1 - start), left * (1 - left))
        exact = (1 + u) / 2 - u**2 / (4 * (1 + u) * least)
        # a half is proven for every eps
        assert exact * (1 - Fraction(LARGE)) * (1 - Fraction(1, 10**12)) <= growth
        assert growth <= max(exact * (1 - Fraction(LARGE)) * (1 + Fraction(1, 10**12)), Fraction(1, 2))


def test_every_row_above_one_half_may_go_all_the_way():
    # what lies more than 9 log-odds ahead is one cell that ends at 1: no law is left out
    made = GrowthGame(0.5, 1e-9, 0.5, points=200)
    outside = made._grid[2]
    rows = len(made._grid[0])
    for block in _rows_above_half(rows, 199, outside, 0.5, made._steps):
        mean = outside[rows : rows + len(block._ahead)]
        mean = mean * (1 - 0.5 * (1 - mean))
        np.testing.assert_allclose(block._ahead.max(axis=1), mean, rtol=1e-12)
        assert (np.diff(block._cells, axis=1) >= 0).all()
        assert (np.diff(block._cells, axis=1) <= 1).all()
        rows += len(block._ahead)
    assert rows == 199
    assert made._steps < 199


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


def test_counting_and_means_over_states_go_down_by_the_error_of_their_weights(monkeypatch):
    for module in (counting, first_moment):
        monkeypatch.setattr(module, "weight_error", lambda n: n / 1000)
    eps, free, radius = 0.125, 0.5, 1.0
    m = np.arange(3)
    for counts in ([4], [2, 9], [9, 2]):
        exact = [binom.pmf(m, n, free) @ (1 - 2.0**m * eps / radius) for n in counts]
        received = counting.counting_pointwise(counts, eps, free, radius)
        assert received == pytest.approx(np.array(exact) * (1 - max(counts) / 1000), rel=1e-9)
    # two weights are multiplied, and what they weigh is itself a float
    n, value = 5, np.random.default_rng(1).random((6, 6))
    exact = sum(float(w) * value[m, a] for w, m, a in states(n, 0.25, 0.5))
    assert exact * (1 - 4 * n / 1000) <= first_moment.mean_over_states(n, Rates(0.25, 0.25), value)
    assert first_moment.mean_over_states(n, Rates(0.25, 0.25), value) <= exact * (1 - 2 * n / 1000)


@pytest.mark.parametrize("free", [1.0, 0.375, 0.9])
def test_the_thinned_cover_is_just_above_its_exact_mean(free):
    cover = np.array([1.0, 0.9, 0.3, 0.07, 0.01])
    problem = sufficient._Problem(Rates(1 - free, 0.0), HALF, cover, 1e-3)
    for n in (0, 1, 4, 7, 30):
        covering = np.arange(n + 1)
        for k, received in zip(covering, problem.thin_cover(n, covering), strict=True):
            share = Fraction(problem.rates.free * (int(k) / max(n, 1)))
            exact = sum(binomial(n, m, share) * Fraction(float(cover[min(m, 4)])) for m in range(n + 1))
            assert exact <= Fraction(float(received)) <= min(exact * (1 + Fraction(1, 10**7)), 1)


@pytest.mark.parametrize("tail", [1e-9, 0.3])
@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.5, 0.0), (0.25, 0.25), (0.0, 0.75)])
@pytest.mark.parametrize("drops", [[1.0, 0.75, 0.5, 0.5, 0.125, 0.03125], [1.0, 0.5], [0.0], [1.0] * 9])
def test_early_stopping_is_its_sum_for_any_law_of_the_shift(prune, lock, tail, drops):
    cover, free = np.array(drops), 1 - Fraction(prune) - Fraction(lock)
    problem = sufficient._Problem(Rates(prune, lock), HALF, cover, tail)

    def law(frozen, unfrozen):  # falls with t, rises with the number of those that may be locked
        return 0.9 ** (1 + unfrozen) * (1 + frozen) / 20

    def cover_of(k):
        return Fraction(1) if k < 0 else Fraction(float(cover[min(k, len(cover) - 1)]))

    for n in (0, 1, 2, 7, 12, 25):
        low, high = problem.window(n)
        exact = Fraction(0)
        for m in range(n + 1):
            late = [min(Fraction(1), 2 * Fraction(float(law(n - m, t)))) for t in range(m + 1)]
            given_m = cover_of(m) + sum(late[t] * (cover_of(m - t - 1) - cover_of(m - t)) for t in range(m + 1))
            # what is outside the window counts as a failure
            exact += binomial(n, m, free) * (given_m if low <= m <= high else 1)
        received = Fraction(problem.early_stopping(n, lambda frozen, unfrozen: law(frozen[:, None], unfrozen)))
        assert min(exact, 1) <= received <= exact * (1 + Fraction(1, 10**7))


@pytest.mark.parametrize(("n", "p", "tail"), [(40, 0.3, 1e-3), (1000, 0.5, 1e-9), (60, 0.02, 1e-6), (5, 0.5, 0.1)])
def test_the_window_of_m_leaves_out_no_more_than_twice_its_tail(n, p, tail):
    low, high = sufficient._most_of(n, p, tail)
    assert 0 <= low <= high <= n
    assert binom.cdf(low - 1, n, p) <= tail
    assert binom.sf(high, n, p) <= tail
    # Bernstein's inequality, and nothing more
    deep = -np.log(tail)
    for t in (n * p - low, high - n * p):
        assert (t - 1.001) ** 2 <= 2 * deep * (n * p * (1 - p) + (t - 1.001) / 3) or t < 1.001


def test_n_is_raised_until_the_bound_that_is_promised_agrees(monkeypatch):
    # the search gives away other tails than failure_at_most; here they would differ by a lot, and ladders prove nothing
    monkeypatch.setattr(sufficient, "by_ladder", lambda *_, **__: None)
    monkeypatch.setattr(sufficient, "ladder_failure", lambda *_, **__: 1.0)
    monkeypatch.setattr(sufficient, "failure_at_most", lambda n, *_, **__: float(n < 100))
    assert 100 <= sufficient._sufficient.__wrapped__(0.2, 0.1, Rates(), 1.0, True) <= 200


def test_no_n_is_returned_that_is_only_the_end_of_a_search(monkeypatch):
    # however early a search is told to begin
    monkeypatch.setattr(sufficient, "near_reach", lambda c, n, lock, free: np.zeros_like(free))
    n = sum(sufficient.split_sufficient_n(0.2, 0.1, lock=0.3))
    monkeypatch.setattr(sufficient, "LARGEST_N", n)
    assert sum(sufficient.split_sufficient_n(0.2, 0.1, lock=0.3)) == n
    for largest in (n - 1, n - 9):
        monkeypatch.setattr(sufficient, "LARGEST_N", largest)
        with pytest.raises(ValueError, match="no n up to"):
            sufficient.split_sufficient_n(0.2, 0.1, lock=0.3)


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_a_split_of_few_variables_is_bounded_by_their_own_law_not_by_a_normal_one(n):
    cover, distance = np.array([1.0, 0.0]), Fraction(1, 8)
    received, covering = sufficient._Problem(Rates(), distance, cover, 1e-6).split(n)
    share = Fraction(covering / n)
    exact = binomial(n, 0, share) + 2 * reach(distance, n, 0, 1 - share)
    assert min(exact, 1) * (1 - Fraction(1, 10**12)) <= Fraction(received)


@pytest.mark.parametrize("steps", [512, 2**30])
@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.0, 0.5), (0.25, 0.25)])
def test_what_suffices_is_above_its_exact_sums_however_coarse_the_lattice(prune, lock, steps, monkeypatch):
    """Beyond 8 terms the laws of shift and reach are those of a lattice, rounded towards failure."""
    monkeypatch.setattr(laws, "STEPS", steps)
    monkeypatch.setattr(laws, "_kept_block", laws._lattice_block)  # blocks of another lattice are no use
    cover, distance, n = np.array([1.0, 0.5, 0.25, 0.125, 0.0]), Fraction(2), 11
    problem = sufficient._Problem(Rates(prune, lock), distance, cover, 1e-6)
    exact = early_stopping(n, distance, lock, prune, [Fraction(float(x)) for x in cover])
    assert exact <= Fraction(problem.early_stopping(n, problem.exact_shift(n)))
    for size in (3, n):
        received, covering = problem.split(size)
        free = Fraction(problem.rates.free)
        share = Fraction(problem.rates.free * (covering / size))
        uncovered = sum(
            binomial(size, m, share) * Fraction(float(cover[min(m, len(cover) - 1)])) for m in range(size + 1)
        )
        late = 2 * reach(distance, size, lock, free - share)
        assert min(uncovered + late, 1) * (1 - Fraction(1, 10**12)) <= Fraction(received)
        assert received <= float(uncovered + late) * (1 + 1e-6) + 0.02 * (steps == 512)


@pytest.mark.parametrize("steps", [512, 2**30])
@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.0, 0.5), (0.25, 0.25)])
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_what_is_necessary_is_below_its_exact_mean_however_coarse_the_lattice(prune, lock, steps, reading, monkeypatch):
    monkeypatch.setattr(laws, "STEPS", steps)
    monkeypatch.setattr(laws, "_kept_block", laws._lattice_block)  # blocks of another lattice are no use
    # tables made on the other lattice are not for this one
    for cached in (necessary._near_tables, necessary._reach_table):
        cached.cache_clear()
    n, eps, radius = 11, 0.25, 2.5
    c, half, wide = Fraction(radius) - Fraction(eps), Fraction(eps), Fraction(radius)
    fixed = [Fraction(0)] + [sum_below(wide + half, j, 0) - sum_below(wide - half, j, 0) for j in range(1, 2 * n + 1)]
    mean = [Fraction(1)] + [sum_below(wide + half, j, 0) - sum_below(-wide - half, j, 0) for j in range(1, 2 * n + 1)]
    # in a window of length 2 eps the density is at most that at its nearer end
    density = [Fraction(0), Fraction(0), *(sum_below(c + 1, j, 0) - sum_below(c - 1, j, 0) for j in range(1, 2 * n))]
    fixed[2:] = [min(a, half * b) for a, b in zip(fixed[2:], density[2:], strict=True)]
    exact = Fraction(0)
    for weight, m, a in states(n, lock, 1 - prune - lock):
        one = parts_below(c, a, m)
        target = one + parts_below(-wide - half, a, m)
        fails = max(target, 1 - sum(comb(m, k) * fixed[k + a] for k in range(m + 1)))
        if reading == "uniform":
            fails = max(fails, 2 * one - sum_below(2 * c, 0, m))
            fails = max(fails, 1 - half / wide * sum(comb(m, k) * mean[k + a] for k in range(m + 1)))
            if 2**m * half < wide:
                fails = Fraction(1)
        exact += weight * fails
    received = Fraction(necessary.failure_at_least(n, eps, prune=prune, lock=lock, radius=radius, reading=reading))
    for cached in (necessary._near_tables, necessary._reach_table):
        cached.cache_clear()
    assert exact * (1 - Fraction(1, 10**5 if steps > 512 else 5)) <= received <= exact


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
