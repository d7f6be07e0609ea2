"""Pairs and ladders: each inequality of docs/sparsity.md on exact instances, and what a wrong factor would do."""

from fractions import Fraction
from itertools import combinations, pairwise, product
from math import comb, e, exp, log, sinh

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

import theory.pairs as module
from theory.game import START_SHARE
from theory.pairs import (
    PAIR_WINDOW,
    closed_half_n,
    ladder_failure,
    ladder_short,
    pair_failures,
    pair_game,
    step_failure,
)

cuts_of_60 = st.lists(st.integers(0, 60), min_size=2, max_size=8, unique=True).filter(lambda cuts: len(cuts) % 2 == 0)


def union(cuts, length):
    """Intervals of [-length/2, length/2] whose ends are sixtieths of it."""
    ends = [length * (Fraction(cut, 60) - Fraction(1, 2)) for cut in sorted(cuts)]
    return list(zip(ends[::2], ends[1::2], strict=True))


def rest(pieces, length):
    ends = [-length / 2, *(end for piece in pieces for end in piece), length / 2]
    return list(zip(ends[::2], ends[1::2], strict=True))


def distances(one, other):
    """Integral of |z - y| over z in one and y in the other union of intervals, by the antiderivative |t|^3/6."""

    def second(t):
        return abs(t) ** 3 / 6

    return sum(second(b - c) - second(a - c) - second(b - d) + second(a - d) for a, b in one for c, d in other)


def size(pieces):
    return sum((high - low for low, high in pieces), Fraction(0))


@given(cuts=cuts_of_60, length=st.sampled_from([Fraction(1, 3), Fraction(1), Fraction(2)]))
@example(cuts=[0, 17], length=Fraction(2))
@example(cuts=[0, 10, 20, 30, 40, 50], length=Fraction(2))
def test_distances_within_a_set_and_to_the_rest_of_its_window(cuts, length):
    covered = union(cuts, length)
    x = size(covered) / length
    assert distances(covered, covered) >= size(covered) ** 3 / 3
    across = distances(covered, rest(covered, length))
    assert across <= length**3 * x * (1 - x) / 2
    if cuts == [0, 17]:  # an interval at one end: both are met
        assert distances(covered, covered) == size(covered) ** 3 / 3
        assert across == length**3 * x * (1 - x) / 2


def gained(covered, length):
    """Mean measure that C + D adds to C within the window: D has the density (2 - |d|)_+/4, a piecewise polynomial."""

    def second(t):  # its second derivative is the density
        t = abs(t)
        return (t**2 - t**3 / 6) / 4 if t <= 2 else Fraction(2, 3) + (t - 2) / 2

    others = rest(covered, length)
    return sum(second(b - c) - second(a - c) - second(b - d) + second(a - d) for a, b in others for c, d in covered)


@given(cuts=cuts_of_60, u=st.sampled_from([Fraction(0), Fraction(1, 50), Fraction(3, 10)]))
@example(cuts=[0, 20], u=Fraction(0))
@example(cuts=[0, 30], u=Fraction(3, 10))
def test_a_pair_covers_a_window_of_length_two_as_fast_as_the_game_assumes(cuts, u):
    length = 2 + u
    covered = union(cuts, length)
    x, rate = size(covered) / length, Fraction(1, 2) - u**2 / 8
    assert gained(covered, length) / length >= rate * x * (1 - x)
    if cuts == [0, 20] and u == 0:  # an interval at one end: met, so that a larger rate would be false
        assert gained(covered, length) / length == rate * x * (1 - x)


@pytest.mark.parametrize("eps", [0.5, 0.1, 1e-3])
def test_the_games_growth_is_that_of_its_window(eps):
    u = 2 * (1 - Fraction(START_SHARE)) * Fraction(eps)
    rate = Fraction(1, 2) - u**2 / 8
    assert rate * (1 - Fraction(1, 2**48)) <= Fraction(pair_game(eps).growth) <= rate


def test_no_other_window_grows_faster():
    lengths = [Fraction(k, 10) for k in range(1, 31)]
    rates = {length: length / 2 - length**2 / 8 for length in lengths}
    assert max(rates, key=rates.get) == PAIR_WINDOW


@pytest.mark.parametrize("eps", [0.5, 0.1, 1e-3, 1e-9])
def test_the_game_of_pairs_starts_and_stops_where_eps_is_reached(eps, monkeypatch):
    played = {}
    monkeypatch.setattr(module, "GrowthGame", lambda start, left, growth: played.update(start=start, left=left))
    pair_game.__wrapped__(eps)
    length = 2 + 2 * (1 - Fraction(START_SHARE)) * Fraction(eps)
    e0, u = Fraction(played["start"]) * length / 2, Fraction(played["left"]) * length
    margin = (length - Fraction(PAIR_WINDOW)) / 2
    # a point of W in an inner gap, and in a gap at an end of V
    within = e0 + max(u / 2, u - margin)
    assert Fraction(eps) * (1 - Fraction(1, 2**40)) <= within <= Fraction(eps) * (1 + Fraction(1, 2**48))


def test_labels_by_size_leave_the_differences_symmetric_and_the_base_a_sum_of_halves():
    values = [v for v in range(-15, 16) if v % 2]  # symmetric, 0 left out
    differences, bases = {}, {}
    for one, other in product(values, repeat=2):
        base, more = (one, other) if abs(one) <= abs(other) else (other, one)
        if abs(one) == abs(other) and one != other:
            continue  # a tie has probability 0
        differences[more - base] = differences.get(more - base, 0) + 1
        bases[base] = bases.get(base, 0) + 1
    assert all(count == differences[-d] for d, count in differences.items())
    assert all(count == bases[-b] for b, count in bases.items())
    # P(|B| <= t) = 1 - (1 - t)^2 = P(|U + U'|/2 <= t) for U, U' uniform on [-1, 1]
    for t in (Fraction(1, 4), Fraction(1, 2)):
        mean_of_two = 1 - 2 * (1 - t) ** 2 / 2
        assert 1 - (1 - t) ** 2 == mean_of_two


def ladder_holds(differences, gap):
    length = 0
    for d in sorted(differences):
        if d > gap + length:
            return False
        length += d
    return True


@given(st.lists(st.integers(1, 40), max_size=8), st.integers(1, 20))
def test_a_ladder_that_holds_leaves_no_gap_and_one_that_breaks_does(differences, gap):
    sums = sorted({sum(chosen) for k in range(len(differences) + 1) for chosen in combinations(differences, k)})
    widest = max((b - a for a, b in pairwise(sums)), default=0)
    assert ladder_holds(differences, gap) == (widest <= gap)


@pytest.mark.parametrize(("eps", "pairs"), [(0.05, 4), (0.2, 3), (0.01, 7)])
def test_each_term_of_the_ladder_is_its_integral(eps, pairs):
    s = 2 * pairs

    def term(k):
        if k == 0:
            return max(1 - pairs * eps, 0) ** s

        def given(half):
            left = 1 - half - (pairs - k) * (eps + half)
            return beta.pdf(half, k, s + 1 - k) * (left / (1 - half)) ** (s - k) if left > 0 else 0.0

        last = max((1 - (pairs - k) * eps) / (1 + pairs - k), 0)
        return comb(pairs, k) * quad(given, 0, last, epsabs=1e-13)[0]

    total = sum(term(k) for k in range(pairs))
    assert ladder_failure(eps, pairs) == pytest.approx(min(total, 1), rel=1e-7)


def test_long_ladders_are_evaluated_without_overflow():
    assert 0 < ladder_failure(1e-4, 500) < 1e-3
    assert ladder_failure(0.9, 5000) < 1e-300
    assert ladder_failure(1e-9, 700) == 1


@pytest.mark.parametrize(("eps", "pairs"), [(0.1, 6), (0.03, 10)])
def test_ladders_break_as_often_as_is_said_and_not_much_less(eps, pairs):
    generator, draws = np.random.default_rng(3), 4000
    values = np.sort(generator.uniform(-1, 1, (draws, 2 * pairs)), axis=1)
    differences = np.sort(values[:, 1::2] - values[:, ::2], axis=1)
    before = np.cumsum(differences, axis=1) - differences
    broken = (differences > 2 * eps + before).any(axis=1).mean()
    deviation = 3 * (0.25 / draws) ** 0.5
    assert broken <= ladder_failure(eps, pairs) + deviation
    assert ladder_failure(eps, pairs) / 3 <= broken + deviation
    short = (differences.sum(axis=1) < 0.7).mean()
    assert abs(short - ladder_short(0.7, pairs)) <= deviation


@pytest.mark.parametrize(("pairs", "length", "expected"), [(0, 0.0, 0.0), (0, 0.1, 1.0), (3, 2.0, 1.0), (3, 0.0, 0.0)])
def test_ladders_of_no_pairs_or_of_the_whole_length(pairs, length, expected):
    assert ladder_short(length, pairs) == expected
    assert ladder_failure(0.1, 0) == 0


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=7, unique=True), st.data())
def test_sets_move_from_the_smallest_to_the_largest_by_neighbours(values, data):
    values, kept = sorted(values), data.draw(st.integers(0, len(values)))
    ranks = list(range(kept))
    sums = [sum(values[r] for r in ranks)]
    # the highest first: each goes up to its last place, one neighbour at a time
    for i in reversed(range(kept)):
        while ranks[i] < len(values) - kept + i:
            ranks[i] += 1
            assert len(set(ranks)) == kept
            sums.append(sum(values[r] for r in ranks))
    assert sums[-1] == sum(values[len(values) - kept :])
    spacing = max((b - a for a, b in pairwise(values)), default=0)
    assert all(0 < b - a <= spacing for a, b in pairwise(sums))


@pytest.mark.parametrize("step", [0.3, 1.2])
def test_a_wide_step_is_as_rare_as_is_said(step):
    # for two values exactly: |X - X'| > step; for more, spacings cannot both be wide where 2 step > 2
    assert step_failure(step, 1, 2) == pytest.approx((1 - step / 2) ** 2)
    if step > 1:
        values = np.sort(np.random.default_rng(5).uniform(-1, 1, (20_000, 5)), axis=1)
        wide = (np.diff(values, axis=1) > step).any(axis=1).mean()
        assert abs(step_failure(step, 2, 5) - wide) <= 3 * (0.25 / 20_000) ** 0.5
    assert step_failure(step, 0, 5) == step_failure(step, 5, 5) == step_failure(2.0, 2, 5) == 0


def test_more_pairs_and_a_larger_eps_never_fail_more_often():
    tables = [pair_failures(eps, 1e-3) for eps in (0.2, 0.1, 0.05)]
    for table in tables:
        assert table[0] == 1
        assert (np.diff(table) <= 0).all()
    assert all(len(a) < len(b) for a, b in pairwise(tables))
    assert [ladder_failure(eps, 12) for eps in (0.2, 0.05, 0.01)] == sorted(
        ladder_failure(eps, 12) for eps in (0.2, 0.05, 0.01)
    )


@pytest.mark.parametrize("cover", ["pairs"])
def test_pairs_cover_their_window_at_least_as_often_as_the_game_says(cover):
    eps, pairs, draws = 0.3, 14, 3000
    generator = np.random.default_rng(11)
    bound, missed = pair_failures(eps)[pairs], 0
    window = PAIR_WINDOW
    for _ in range(draws):
        values = generator.uniform(-1, 1, (pairs, 2))
        order = np.argsort(np.abs(values), axis=1)
        values = np.take_along_axis(values, order, axis=1)
        sums = np.zeros(1)
        for d in values[:, 1] - values[:, 0]:
            sums = np.concatenate([sums, sums + d])
        sums = np.sort(sums[np.abs(sums) <= window / 2 + eps])
        ends = np.concatenate([[-window / 2 - eps], sums, [window / 2 + eps]])
        missed += np.diff(ends).max() > 2 * eps
    assert 0 < bound < 0.5
    assert missed / draws <= bound + 3 * (bound / draws) ** 0.5


@given(x=st.integers(1, 59).map(lambda k: Fraction(k, 60)), g=st.sampled_from([Fraction(1, 2), Fraction(9, 20)]))
def test_mean_odds_of_the_uncovered_shrink_by_half_the_growth(x, g):
    def odds(y):
        return (1 - y) / y

    # the worst law has two ends, x and min(2x, 1), and the mean x + g x (1 - x): odds are convex and fall
    top = min(2 * x, Fraction(1))
    share = g * x * (1 - x) / (top - x)
    assert 0 <= share <= 1
    mean = share * odds(top) + (1 - share) * odds(x)
    assert mean <= odds(x) * (1 - g / 2)
    if x <= Fraction(1, 2):
        assert mean == odds(x) * (1 - g / 2)


def test_the_moments_of_the_closed_form():
    assert quad(lambda x: (1 + x) / 2 * exp(-x), -1, 1)[0] == pytest.approx((e - 3 / e) / 2, rel=1e-12)
    assert quad(lambda x: exp(-x), -0.5, 0.5)[0] == pytest.approx(2 * sinh(0.5), rel=1e-12)


@pytest.mark.parametrize("eps", [0.5, 0.1, 0.01, 1e-5, 1e-50])
@pytest.mark.parametrize("delta", [0.9, 0.05, 1e-6, 1e-60])
def test_the_closed_form_gives_half_of_delta_to_each_part(eps, delta):
    n = closed_half_n(eps, delta)
    assert n <= 20 * log(1 / eps) + 20 * log(1 / delta) + 47 - 3  # the next multiple of 4 is below the linear form
    u = 0.6 * eps
    odds = ((2 + u) / (1.4 * eps) - 1) * ((2 + u) / u - 1)
    ways = [
        odds * (0.75 + u * u / 16) ** k + 2 * (2 * sinh(0.5)) ** (2 * k) * ((e - 3 / e) / 2) ** (n // 2 - k)
        for k in range(n // 2)
    ]
    assert min(ways) <= delta * (1 + 1e-9)
    # and no much smaller number would do at this exponent
    smaller = [
        odds * (0.75 + u * u / 16) ** k + 2 * (2 * sinh(0.5)) ** (2 * k) * ((e - 3 / e) / 2) ** (n // 2 - 8 - k)
        for k in range(n // 2 - 8)
    ]
    assert min(smaller) > delta


@pytest.mark.parametrize("change", [{"eps": 0.6}, {"eps": 0.0}, {"delta": 0.0}, {"radius": -1.0}])
def test_the_closed_form_refuses_what_it_does_not_cover(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        closed_half_n(**({"eps": 0.1, "delta": 0.1} | change))


@pytest.mark.parametrize(("eps", "pairs"), [(Fraction(1, 128), 20), (Fraction(1, 16), 6), (Fraction(1, 1024), 40)])
def test_the_failure_of_a_ladder_is_just_above_its_exact_sum(eps, pairs):
    exact = sum(
        comb(pairs, k) * max(1 - (pairs - k) * eps, 0) ** (2 * pairs) / Fraction((1 + pairs - k) ** k)
        for k in range(pairs)
    )
    assert exact <= Fraction(ladder_failure(float(eps), pairs)) <= exact * (1 + Fraction(1, 10**7))


def test_without_pairs_every_length_is_too_long():
    assert [ladder_short(length, 0) for length in (-1.0, 0.0, 0.5)] == [0, 0, 1]


@pytest.mark.parametrize("delta", [0.5, 0.1, 0.03, 0.01, 0.003, 1e-3])
def test_the_closed_form_is_a_multiple_of_four(delta):
    """So that groups of four can keep two each."""
    assert [closed_half_n(eps, delta) % 4 for eps in (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)] == [0] * 7
