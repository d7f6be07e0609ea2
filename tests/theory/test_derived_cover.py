"""The inequalities under the cover: what one step adds, what ends cost, where the game may stop, what shifts do.

Each is the statement of a derivation in docs/theory.md, section 6, or docs/existence.md, in exact arithmetic. What the
code plays with is taken from the code: the arguments with which it makes its games.
"""

from fractions import Fraction
from itertools import pairwise, product
from types import SimpleNamespace

import mpmath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.theory.exact_laws import mean_gain
from theory import game, products
from theory.game import GrowthGame, cover_failures

ROUNDED = 1 + Fraction(1, 2**46)  # of a few floating-point operations
EPS = [0.49, 0.3, 0.1, 0.013, 1e-4, 1e-9]
PRODUCT_EPS = [0.1, 0.03, 1e-3, 1e-8]
cuts_of_60 = st.lists(st.integers(0, 60), min_size=2, max_size=8, unique=True).filter(lambda cuts: len(cuts) % 2 == 0)


def union(cuts, length):
    """The intervals between every other of the cuts, which are sixtieths of [-length/2, length/2]."""
    ends = [length * (Fraction(cut, 60) - Fraction(1, 2)) for cut in sorted(cuts)]
    return list(zip(ends[::2], ends[1::2], strict=True))


def size(pieces):
    return sum((high - low for low, high in pieces), Fraction(0))


def played(module, eps, monkeypatch):
    """What ``module.cover_game`` asks of the game: start, left, growth as exact numbers."""

    def record(start, left, growth, points=None):
        return SimpleNamespace(start=Fraction(start), left=Fraction(left), growth=Fraction(growth))

    monkeypatch.setattr(module, "GrowthGame", record)
    return module.cover_game.__wrapped__(eps)


@given(cuts=cuts_of_60, u=st.sampled_from([Fraction(1, 50), Fraction(1, 6), Fraction(3, 5)]))
@example(cuts=[0, 30], u=Fraction(1, 6))  # one end covered, the other not: all that can be lost is lost
def test_a_longer_window_costs_at_most_a_quarter_of_its_excess_squared(cuts, u):
    length = 1 + u
    pieces = union(cuts, length)
    v = size(pieces)
    gain, most = mean_gain(pieces, length / 2), v * (length - v) / 2
    assert most - u**2 / 4 <= gain <= most
    if cuts == [0, 30]:
        assert gain == most - u**2 / 4


@pytest.mark.parametrize("eps", EPS)
def test_the_games_growth_holds_where_the_ends_cost_most(eps, monkeypatch):
    received = played(game, eps, monkeypatch)
    length = 1 + 2 * (1 - Fraction(game.START_SHARE)) * Fraction(eps)
    for x in (received.start, received.start * 2, Fraction(1, 2), 1 - 2 * received.left, 1 - received.left):
        v = x * length
        if not received.start <= x <= 1 - received.left:
            continue
        # an interval at one end of V is what the ends cost most
        gain = mean_gain([(-length / 2, v - length / 2)], length / 2)
        assert received.growth * x * (1 - x) * length <= gain * ROUNDED
    # and nothing is given away: at one of the two ends the growth is met
    met = [length / 2 - (length - 1) ** 2 / (4 * length * x * (1 - x)) for x in (received.start, 1 - received.left)]
    assert min(met) <= received.growth * ROUNDED
    assert received.growth >= Fraction(1, 2)


@given(cuts=cuts_of_60, u=st.sampled_from([Fraction(1, 50), Fraction(1, 6), Fraction(3, 5)]))
@example(cuts=[6, 60], u=Fraction(1, 9))
@example(cuts=[0, 27, 33, 60], u=Fraction(1, 9))
def test_with_u_uncovered_every_point_of_W_has_something_within_half_of_it(cuts, u):
    length = 1 + u
    pieces = union(cuts, length)
    uncovered = length - size(pieces)
    if uncovered > u:
        return
    margin = u / 2
    ends = [-length / 2, *(end for piece in pieces for end in piece), length / 2]
    worst = Fraction(0)
    for low, high in zip(ends[::2], ends[1::2], strict=True):
        inner = low > -length / 2 and high < length / 2
        inside = (max(low, -length / 2 + margin), min(high, length / 2 - margin))
        if inside[0] <= inside[1]:
            worst = max(worst, (high - low) / 2 if inner else inside[1] - inside[0])
    assert worst <= u / 2
    if cuts in ([6, 60], [0, 27, 33, 60]):
        assert worst == u / 2


def last_point_within(e0, uncovered, margin):
    """The largest distance of a point of W from a subset sum when the game has stopped: inner gap, end gap."""
    return e0 + max(uncovered / 2, uncovered - margin)


@pytest.mark.parametrize("eps", EPS)
def test_the_game_starts_and_stops_where_eps_is_reached_and_not_earlier(eps, monkeypatch):
    received = played(game, eps, monkeypatch)
    length = 1 + 2 * (1 - Fraction(game.START_SHARE)) * Fraction(eps)
    e0, u = received.start * length / 2, received.left * length
    assert last_point_within(e0, u, (length - 1) / 2) <= Fraction(eps) * ROUNDED
    # nothing is given away either
    assert last_point_within(e0, u, (length - 1) / 2) >= Fraction(eps) / ROUNDED


@pytest.mark.parametrize("eps", PRODUCT_EPS)
def test_the_game_of_products_starts_and_stops_where_eps_is_reached(eps, monkeypatch):
    received = played(products, eps, monkeypatch)
    with mpmath.workdps(40):
        window = 1 / mpmath.e
        start, left = (mpmath.mpf(x.numerator) / x.denominator for x in (received.start, received.left))
        margin = window / 2 - mpmath.mpf(products.window(eps))
        within = last_point_within(start * window / 2, left * window, margin)
        assert mpmath.mpf(eps) * (1 - 1e-13) / (1 if eps > 1e-6 else 1 + 1e-7) <= within
        # w is a difference of size 1/(2e): its rounding is absolute
        assert within <= mpmath.mpf(eps) + mpmath.mpf(2) ** -52
        assert margin >= 0


def density(x):
    """Of a product of one uniform on [-1, 1] and one on [0, 1]."""
    return -mpmath.log(abs(x)) / 2


@pytest.mark.parametrize("eps", PRODUCT_EPS)
def test_the_growth_of_products_is_what_the_least_density_in_the_window_gives(eps, monkeypatch):
    received = played(products, eps, monkeypatch)
    with mpmath.workdps(40):
        growth = mpmath.mpf(received.growth.numerator) / received.growth.denominator
        window = 1 / mpmath.e
        # differences of points of V are at most |V| in size, and the density falls with the size
        assert growth <= window * density(window)
        assert growth >= window * density(window) * (1 - 1e-13)
        # no other window would grow faster
        for other in mpmath.linspace(0.05, 0.95, 19):
            assert other * density(other) <= window * density(window)


@given(cuts=cuts_of_60)
def test_covered_sets_grow_under_products_by_at_least_the_least_density(cuts):
    length = 1 / mpmath.e

    def second(t):  # its second derivative is the density
        return (3 * t**2 / 4 - t**2 * mpmath.log(abs(t)) / 2) / 2 if t else mpmath.mpf(0)

    ends = [length * (mpmath.mpf(cut) / 60 - 0.5) for cut in sorted(cuts)]
    pieces = list(zip(ends[::2], ends[1::2], strict=True))
    all_ends = [-length / 2, *ends, length / 2]
    gaps = list(zip(all_ends[::2], all_ends[1::2], strict=True))
    v = sum(high - low for low, high in pieces)
    gain = sum(second(b - c) - second(a - c) - second(b - d) + second(a - d) for a, b in gaps for c, d in pieces)
    assert gain >= v * (length - v) / 2 * (1 - 1e-9)


@pytest.mark.parametrize(("start", "left", "growth"), [
    (Fraction(1, 16), Fraction(1, 5), Fraction(1, 2)), (Fraction(1, 4), Fraction(1, 3), Fraction(3, 4)),
    (Fraction(1, 8), Fraction(1, 100), Fraction(1, 5)), (Fraction(1, 2), Fraction(1, 10), Fraction(1, 1)),
])  # fmt: skip
def test_no_growth_that_is_allowed_fails_more_often_than_the_game_says(start, left, growth):
    """All or nothing in every step, and the mean in every step: two of the laws that the adversary may choose."""
    table = GrowthGame(float(start), float(left), float(growth), points=300).failures(1e-6, steps=40)
    law = {start: Fraction(1)}
    for bound in table:
        failing = sum(p for x, p in law.items() if x < 1 - left)
        assert failing <= Fraction(float(bound)) * (1 + Fraction(1, 10**12))
        after = {}
        for x, p in law.items():
            top = min(2 * x, Fraction(1))
            share = growth * x * (1 - x) / (top - x) if top > x else Fraction(0)
            for to, weight in ((top, share), (x, 1 - share)):
                after[to] = after.get(to, Fraction(0)) + p * weight
        law = {x: p for x, p in after.items() if p}
    x, steps = float(start), 0
    while x < 1 - left and steps < len(table):
        assert table[steps] >= 1 - 1e-12
        x, steps = x + float(growth) * x * (1 - x), steps + 1


fractions = st.integers(1, 59).map(lambda k: Fraction(k, 60))


@given(x=fractions, y=fractions, g=st.integers(1, 20).map(lambda k: Fraction(k, 20)), b=st.sampled_from([0, 1]))
def test_less_covered_can_imitate_more_covered(x, y, g, b):
    if not x < y:
        return
    if y <= Fraction(1, 2):
        h = g * (y - x) / (1 - g * (1 - y))
        assert 0 <= h <= 1
        assert x <= x * (1 + b + h * (1 - b)) <= min(2 * x, y * (1 + b))
        mean = g * (1 - y)
        assert x * (1 + mean + h * (1 - mean)) == x + g * x * (1 - x)
    elif x >= Fraction(1, 2):
        assert x <= x + (1 - x) * b * x / y <= min(1, y + (1 - y) * b)
        assert x + (1 - x) * (g * y) * x / y == x + g * x * (1 - x)


def test_the_game_falls_with_the_covered_part():
    # G_k(x) for a smaller x is at least that for a larger one, on different grids
    tables = [GrowthGame(start, 0.1, 0.5, points=400).failures(1e-4, steps=25) for start in (0.1, 0.15, 0.3, 0.6)]
    for less, more in pairwise(tables):
        k = min(len(less), len(more))
        assert (less[:k] >= more[:k] * (1 - 1e-2)).all()


QUARTERS = [Fraction(k, 4) for k in range(-4, 5) if k]


@given(
    locked=st.integers(-12, 12).map(lambda k: Fraction(k, 8)), radius=st.sampled_from([Fraction(1), Fraction(7, 4)]),
    values=st.lists(st.sampled_from(QUARTERS), max_size=12),
)  # fmt: skip
def test_residuals_of_all_targets_are_in_W_once_both_sums_are_large_enough(locked, radius, values):
    half = Fraction(1, 2)
    up = locked + sum(x for x in values if x > 0)
    down = -locked - sum(x for x in values if x < 0)
    arrived = []
    for k in range(-16, 17):
        w = radius * Fraction(k, 16) - locked
        outside = abs(w) > half
        for x in values:
            before = w
            if (w > half and x > 0) or (w < -half and x < 0):
                w -= x
                assert abs(w) <= max(half, abs(before))
                assert not outside or before * w >= 0 or abs(w) <= half  # never beyond W
        arrived.append(abs(w) <= half)
    if min(up, down) >= radius - half:
        assert all(arrived)
    else:  # the targets +-radius are among those that were tried
        assert not all(arrived)


def test_one_more_free_number_never_makes_the_cover_bound_larger_and_it_starts_at_one():
    for eps in (0.3, 0.05):
        table = cover_failures(eps)
        assert table[0] == 1
        assert (table[1:] <= table[:-1]).all()


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("module", [game, products])
def test_doubling_is_the_most_that_one_number_can_do(module, monkeypatch):
    # 2^k start below 1 - left leaves no chance: the bound has to be 1 there
    eps = 1e-3
    received = played(module, eps, monkeypatch)
    monkeypatch.undo()
    table = module.cover_failures(eps)
    for k, bound in enumerate(table):
        if received.start * 2**k < 1 - received.left:
            assert bound == 1
        else:
            break
    assert k >= 8


@given(st.data())
def test_sums_of_two_halves_err_by_at_most_the_sum_of_their_errors(data):
    # (10), for all small instances: values are eighths
    one, two = (data.draw(st.lists(st.integers(-8, 8), max_size=4)) for _ in range(2))
    z, locked = data.draw(st.integers(-8, 8)), data.draw(st.integers(-12, 12))

    def sums(values):
        return {
            sum(v for v, keep in zip(values, kept, strict=True) if keep) for kept in product((0, 1), repeat=len(values))
        }

    near_z = min(abs(z - s) for s in sums(one))
    near_locked = min(abs(-locked - s) for s in sums(two))
    assert min(abs(z - locked - s) for s in sums(one + two)) <= near_z + near_locked
