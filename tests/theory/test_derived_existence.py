"""The inequalities of docs/existence.md: products led into a window, errors that add up over the layers, kept edges.

Depth three and four everywhere that layers matter: with two layers nothing is multiplied twice.
"""

from fractions import Fraction
from itertools import pairwise
from math import exp, log, sqrt

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.core.rates import Rates
from tests.theory.exact_laws import binomial, sum_below
from theory import game, products, sufficient
from theory.existence import FACTOR_SHARE, LEAST_RADIUS, estimated_block, plan
from theory.widths import activation_sums

SIZES = [(3, 2), (3, 4, 2), (2, 3, 4, 2), (2, 3, 2, 3, 1)]


def target(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, (b, a)) for a, b in pairwise(sizes)]


def planned(weights, eps=0.5, delta=0.05, p=0.2, q=0.1, widths=None, low=0.0):
    depth = len(weights)
    widths = widths or tuple(30 - 5 * k for k in range(depth))
    return plan(weights, eps, delta, prune=(p,) * (depth + 1), lock=(0, *(q,) * depth), widths=widths, low=low)


# Products


@given(st.fractions(0, 1, max_denominator=20), st.fractions(0, 1, max_denominator=20), st.integers(0, 19))
def test_the_rates_of_products_are_those_of_the_two_edges(first, prune, part):
    lock = (1 - prune) * Fraction(part, 20)
    if prune + lock >= 1:
        return
    alive = (1 - first) / 2
    received = products.effective_rates(float(first), float(prune), float(lock))
    assert received.lock == pytest.approx(float(alive * lock), abs=1e-15)
    assert received.free == pytest.approx(float(alive * (1 - prune - lock)), abs=1e-14)


def missed_at_least(n, free):
    """P(no positive free one among n or no negative one), positive and negative each free / 2."""
    return 2 * (1 - free / 2) ** n - (1 - free) ** n


@pytest.mark.parametrize("free", [1.0, 0.7, 0.2])
@pytest.mark.parametrize("n", [1, 2, 4, 9])
def test_both_ends_have_to_be_approached(free, n):
    """Just beyond 1 - w a residual stays where it is when no number has its sign, at either end."""
    w = 0.18
    bound = products.approach_failure(n, 0, Rates(1 - free, 0.0), 1 - w + 1e-9, w)
    assert missed_at_least(n, free) <= bound
    # twice Chernoff's bound: less would do in the limit of many numbers only
    assert bound <= 2 * min((1 - free / 2 * (1 - (log(50) + 0.58) / 50)) ** n, 1) * (1 + 1e-6)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def laplace_gain(s, largest, smallest=0.0):
    """E exp(-s X) - 1 over X = v u in (smallest, largest], v uniform on [-1, 1], u on [0, 1]: Gauss over u."""

    def over(low, high):
        u = (high - low) / 2 * NODES + (high + low) / 2
        v = np.minimum(largest / u, 1.0)
        down = np.where(smallest < 0, 1.0, 0.0)  # v runs from -1 or from 0
        mean = (-np.expm1(-s * u * v) / (s * u) - v) / 2 + down * (np.expm1(s * u) / (s * u) - 1) / 2
        return (high - low) / 2 * float(WEIGHTS @ mean)

    return over(0, largest) + (over(largest, 1) if largest < 1 else 0.0)


@pytest.mark.parametrize(("n", "rest", "rates", "radius"), [
    (30, 0, Rates(), 1.5), (12, 20, Rates(0.3, 0.3), 1.0), (50, 7, Rates(0.0, 0.5), 0.3), (5, 40, Rates(0.1, 0.6), 0.9),
])  # fmt: skip
def test_the_approach_is_twice_the_least_of_its_exponents(n, rest, rates, radius):
    w, grid = 0.18, np.geomspace(1e-3, 50, 60)
    locked = [laplace_gain(s, 1.0, -1.0) for s in grid]
    free = [laplace_gain(s, 1.0) for s in grid]
    exponents = [
        s * (radius - 1 + w) + n * log(1 + rates.lock * a + rates.free * b) + rest * log(1 + rates.lock * a)
        for s, a, b in zip(grid, locked, free, strict=True)
    ]
    received = products.approach_failure(n, rest, rates, radius, w)
    least = min(1.0, 2 * exp(min(*exponents, 0)))
    # a grid of exponents can only be above the least one
    assert received <= least * (1 + 1e-6)
    assert received >= least * 0.9


@pytest.mark.parametrize(
    ("n", "rates", "distance"), [(25, Rates(), 0.64), (60, Rates(0.5, 0.2), 0.64), (9, Rates(), 0.1)]
)
def test_the_arrival_is_the_least_of_its_exponents(n, rates, distance):
    w, grid = 0.18, np.geomspace(1e-2, 50, 60)
    exponents = [s * distance + n * log(1 + rates.free * laplace_gain(s, 2 * w)) for s in grid]
    received = products.arrive_failure(n, rates, distance, w)
    least = exp(min(*exponents, 0))
    assert least * 0.9 <= received <= least * (1 + 1e-6)


def test_the_least_of_an_exponent_is_rounded_up_and_at_most_one():
    for k in range(1, 200):
        with mpmath.workdps(40):
            exact = mpmath.exp(-mpmath.mpf(k / 7))
            assert exact <= mpmath.mpf(products._least(lambda log_s, k=k: -k / 7)) <= exact * (1 + mpmath.mpf(10) ** -8)
    assert products._least(lambda log_s: 0.5) == products._least(lambda log_s: 0.0) == 1
    # the least of a bowl
    assert products._least(lambda log_s: (log_s - 1) ** 2 - 3) == pytest.approx(exp(-3), rel=1e-6)


@pytest.mark.parametrize("free", [1.0, 0.3])
def test_without_a_usable_product_nothing_arrives(free):
    w = 0.18
    usable = (2 * w - 2 * w * log(2 * w)) / 2
    for n in (1, 3, 10):
        assert (1 - free * usable) ** n <= products.arrive_failure(n, Rates(1 - free), 1e-9, w)
        assert products.arrive_failure(n, Rates(1 - free), 0.0, w) == 0
    assert products.approach_failure(3, 0, Rates(1 - free), 1 - w, w) == 0
    assert products.approach_failure(3, 0, Rates(0.5, 0.1), 1 - w, w) > 0


@pytest.mark.parametrize("module", [products, game])
@pytest.mark.parametrize(("n", "free"), [(0, 0.5), (5, 0.4), (11, 0.999), (12, 0.5), (12, 0.999), (13, 0.9), (60, 0.4)])
def test_the_cover_is_the_mean_over_the_free_ones(module, n, free, monkeypatch):
    # beyond its end the table's last entry holds; entries fall so fast that each of them is seen
    table = np.array([1.0, 1.0, *(0.01**k for k in range(1, 11))])
    monkeypatch.setattr(module, "cover_failures", lambda eps, least: table)
    exact = sum(binomial(n, m, Fraction(free)) * Fraction(float(table[min(m, len(table) - 1)])) for m in range(n + 1))
    received = module.cover_failure(n, 0.1, free=free)
    assert exact <= Fraction(received) <= exact * (1 + Fraction(1, 10**8))
    assert received <= 1


@pytest.mark.parametrize(
    ("rates", "radius", "delta"),
    [(Rates(), 1.0, 0.05), (Rates(0.5, 0.1), 1.0, 0.05), (Rates(0.5, 0.0), 0.4, 1e-3), (Rates(0.4, 0.3), 0.2, 0.3)],
)
def test_the_three_stages_of_products_spend_delta_together(rates, radius, delta, monkeypatch):
    eps, stages, first = 0.05, [], products._first
    w = products.window(eps)
    # any falling table will do
    monkeypatch.setattr(products, "cover_failures", lambda eps, least: 0.9 ** np.arange(2 - log(least) / log(1 / 0.9)))

    def record(bound, level, guess):
        stages.append(first(bound, level, guess))
        return stages[-1]

    monkeypatch.setattr(products, "_first", record)
    n = products.sufficient_n(eps, delta, rates, radius)
    sizes = []
    for n_c, n_b, n_a in zip(stages[::3], stages[1::3], stages[2::3], strict=True):
        # with locking a residual may be anywhere up to 1 - w when it is to arrive, wherever the target is
        distance = 1 - 2 * w if rates.lock else min(radius, 1 - w) - w
        cover = products.cover_failure(n_c, eps, rates.free, 1e-15)
        arrive = products.arrive_failure(n_b, rates, distance, w)
        spent = products.approach_failure(n_a, n_b + n_c, rates, radius, w) + arrive + cover
        assert 0.5 * delta * (n_a > 0) <= spent <= delta * (1 + 1e-9)
        sizes.append(n_a + n_b + n_c)
    assert n == min(sizes)
    assert len(sizes) >= 3
    if radius == 1:
        assert products.sufficient_n(eps, delta, rates) == n


@given(st.lists(st.integers(-16, 16), max_size=10), st.integers(-40, 40))
def test_a_positive_number_never_leads_an_outer_residual_below_the_window(values, start):
    """Approach and arrival, in sixteenths with w = 3/16: the residual leaves [-w, 1 - w] on no step."""
    w, one = 3, 16
    residual = start
    for x in values:
        before = residual
        if (residual > one - w and x > 0) or (w < residual <= one - w and 0 < x <= 2 * w):
            residual -= x
            assert -w <= residual < before
    if start >= -w:
        assert residual >= -w
    # the approach succeeds once the positive numbers add up to what is missing
    if start > one - w:
        at, taken = start, 0
        for x in values:
            if at > one - w and x > 0:
                at, taken = at - x, taken + x
        assert (at <= one - w) == (sum(x for x in values if x > 0) >= start - (one - w))


# Errors


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_planned_errors_add_up_to_eps_in_every_layer(sizes, low):
    eps = 0.01  # so fine that no precision is cut
    weights = target(sizes)
    demands = planned(weights, eps, low=low).demands
    sums = [Fraction(s) for s in activation_sums(weights, low)]
    total = Fraction(0)
    for layer, demand in enumerate(demands):
        contribution = Fraction(demand.eps) * sums[layer]
        for above in demands[layer + 1 :]:
            contribution *= Fraction(above.factor)
        assert contribution <= Fraction(eps) / len(sizes[1:]) * (1 + Fraction(1, 10**12))
        assert contribution >= Fraction(eps) / len(sizes[1:]) * (1 - Fraction(1, 10**12))
        total += contribution
    assert total <= Fraction(eps) * (1 + Fraction(1, 10**12))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(SIZES[1:]))
def test_errors_of_copies_are_multiplied_by_kept_edges_and_by_nothing_more(seed, sizes):
    """E_l <= e_l B_{l-1} + F_l E_{l-1} in exact arithmetic, for random sources that realise every weight within e_l."""
    rng = np.random.default_rng(seed)
    copies = [1, *rng.integers(1, 4, len(sizes) - 2).tolist(), 1]
    as_fractions = np.vectorize(lambda k: Fraction(int(k), 16), otypes=[object])
    weights = [as_fractions(rng.integers(-16, 17, (b, a))) for a, b in pairwise(sizes)]
    x = as_fractions(rng.integers(0, 17, sizes[0]))
    truth, source, bound = x, np.repeat(x, copies[0]), Fraction(0)
    for layer, w in enumerate(weights):
        below = copies[layer]
        kept = as_fractions(rng.integers(-16, 17, (len(w) * copies[layer + 1], w.shape[1], below)))
        wanted = np.repeat(w, copies[layer + 1], axis=0)
        error = abs(kept.sum(axis=2) - wanted)
        factor = abs(kept).sum(axis=(1, 2)).max()
        bound = error.max() * sum(truth) + factor * bound
        truth, source = w.dot(truth), kept.reshape(len(kept), -1).dot(source)
        if layer < len(weights) - 1:
            truth, source = np.maximum(truth, 0), np.maximum(source, 0)
        assert abs(source - np.repeat(truth, copies[layer + 1])).max() <= bound


@pytest.mark.parametrize("sizes", SIZES)
def test_delta_is_spent_once_over_all_layers_and_problems(sizes):
    delta, depth = 0.05, len(sizes) - 1
    found = planned(target(sizes), 0.5, delta)
    copies = [*found.blocks[1:], 1]
    failures = Fraction(0)
    for layer, demand in enumerate(found.demands):
        assert demand.problems == sizes[layer + 1] * copies[layer] * sizes[layer]
        failures += demand.problems * Fraction(demand.delta)
        # what is left pays for the event that kept edges add up to more, one term for each neuron of each layer
        edges, rows = sizes[layer] * found.blocks[layer], sizes[layer + 1] * copies[layer]
        spread = demand.factor - 0.8 * edges / 2
        if demand.factor < edges:
            failures += rows * Fraction(exp(-2 * spread**2 / edges))
    assert failures <= Fraction(delta) * (1 + Fraction(1, 10**9))
    assert failures >= Fraction(delta) * (1 - Fraction(FACTOR_SHARE))
    assert depth == len(found.demands)


def test_every_layer_has_its_own_rates_radius_and_block():
    weights = [w * scale for w, scale in zip(target((2, 3, 2, 1)), (1.0, 0.5, 0.8), strict=True)]
    prune, lock, widths = (0.1, 0.3, 0.2, 0.4), (0, 0.05, 0.15, 0.25), (30, 20, 9)
    found = plan(weights, 0.5, 0.05, prune=prune, lock=lock, widths=widths)
    assert found.blocks == widths
    assert [demand.rates for demand in found.demands] == [
        products.effective_rates(0.1, 0.3, 0.05), Rates(0.2, 0.15), Rates(0.4, 0.25),
    ]  # fmt: skip
    assert [demand.radius for demand in found.demands] == [np.abs(w).max() for w in weights]
    for demand, w, p, block, copies in zip(found.demands, weights, prune[1:], widths, (20, 9, 1), strict=True):
        edges, rows = w.shape[1] * block, len(w) * copies
        allowed = FACTOR_SHARE * 0.05 / 3
        factor = (1 - p) * edges / 2 + sqrt(edges * log(rows / allowed) / 2)
        assert demand.factor == pytest.approx(min(factor, edges), rel=1e-12)
    bits = sum(a * b * (1 - p - q) for a, b, p, q in zip((2, 60, 60, 18), (60, 60, 18, 1), prune, lock, strict=True))
    assert found.widths == (2, 60, 60, 18, 1)
    assert found.ticket_bits(prune, lock) == pytest.approx(bits)
    assert found.parameters == 2 * 60 + 60 * 60 + 60 * 18 + 18
    # products below, single weights above
    guessed = plan(weights, 0.5, 0.05, prune=prune, lock=lock, widths="estimated").demands
    for number, demand in enumerate(guessed):
        asked = estimated_block(demand.eps, demand.delta, demand.rates, demand.radius, product=number == 0)
        assert demand.block == asked


@pytest.mark.parametrize(("low", "high", "signed"), [(0, 1, 0), (-1, 1, 2), ([-1, 0.5], 1, 1), (-2, -1, 2)])
def test_only_inputs_that_may_be_negative_are_two_problems(low, high, signed):
    found = plan(target((2, 3)), 0.5, 0.05, prune=(0.1, 0.1), lock=(0, 0.1), widths=(20,), low=low, high=high)
    assert found.demands[0].problems == 3 * (2 + signed)


@pytest.mark.parametrize(("prune", "lock"), [(3, 2), (2, 3), (1, 2), (2, 1), (3, 3), (1, 1)])
def test_a_plan_asks_for_a_rate_of_every_source_layer(prune, lock):
    with pytest.raises(ValueError, match="need a rate for each of 2 source layers"):
        plan(target((2, 3)), 0.5, 0.05, prune=(0.1,) * prune, lock=(0,) * lock)


def test_weights_of_one_are_allowed_and_larger_ones_are_named_by_their_layer():
    for layer in (0, 1):
        weights = [np.ones((2, 2)), -np.ones((2, 2))]
        plan(weights, 0.5, 0.05, prune=(0.1,) * 3, lock=(0,) * 3, widths=(5, 5))
        weights[layer][1, 0] = 1.001
        with pytest.raises(ValueError, match=f"target layer {layer + 1} must lie"):
            plan(weights, 0.5, 0.05, prune=(0.1,) * 3, lock=(0,) * 3, widths=(5, 5))


def kept_sum_above(n, p, most):
    """P(sum of |v| over the edges not pruned > most), n edges, exactly: upper tails of Irwin and Hall."""
    return sum(binomial(n, k, 1 - Fraction(p)) * (1 - sum_below(most, 0, k)) for k in range(n + 1))


@pytest.mark.parametrize("p", [0.0, 0.25])
def test_kept_edges_add_up_to_more_than_the_factor_as_rarely_as_said(p):
    weights = target((2, 2, 2, 1))
    found = planned(weights, delta=0.9, p=p, q=0.1, widths=(4, 3, 5))
    allowed = FACTOR_SHARE * 0.9 / 3
    for demand, w, block, copies in zip(found.demands, weights, found.blocks, (3, 5, 1), strict=True):
        edges, rows = w.shape[1] * block, len(w) * copies
        exact = kept_sum_above(edges, p, Fraction(demand.factor))
        assert rows * exact <= allowed
        hoeffding = (1 - p) * edges / 2 + sqrt(edges * log(rows / allowed) / 2)
        assert demand.factor == pytest.approx(min(hoeffding, edges), rel=1e-12)


def test_a_proven_block_is_what_its_own_bound_asks_for():
    weights = target((2, 2, 1))
    found = plan(weights, 0.9, 0.3, prune=(0.1,) * 3, lock=(0, 0.05, 0.1))
    first, second = found.demands
    n = products.sufficient_n(first.eps, first.delta, first.rates, max(first.radius, LEAST_RADIUS * first.eps))
    assert first.block == n
    assert first.rates == products.effective_rates(0.1, 0.1, 0.05)
    bound = sufficient.failure_at_most(second.block, second.eps, prune=0.1, lock=0.1, radius=second.radius)
    assert bound <= second.delta
    for demand, w in zip(found.demands, weights, strict=True):
        assert demand.radius == np.abs(w).max()


def test_precisions_stay_where_their_bounds_are_made_for():
    # products need eps below 0.14; an eps that every weight meets by itself asks for nothing
    coarse = planned(target((2, 2, 2, 1)), eps=1e3)
    assert coarse.demands[0].eps <= 0.1
    assert products.window(coarse.demands[0].eps) > coarse.demands[0].eps
    assert all(demand.eps <= 0.25 for demand in coarse.demands)


@given(st.integers(0, 10**6), st.sampled_from(SIZES[1:]), st.sampled_from([0.0, -1.0]))
def test_activation_sums_are_met_or_above_and_propagate_exactly(seed, sizes, low):
    weights = target(sizes, seed)
    bounds = activation_sums(weights, low, 1.0)
    upper = [Fraction(1)] * sizes[0]
    lower = [Fraction(low)] * sizes[0]
    assert bounds[0] == max(1, -low) * sizes[0]
    for layer, w in enumerate(weights[:-1], 1):
        after = [
            max(
                sum(max(Fraction(v) * a, Fraction(v) * b) for v, a, b in zip(row, lower, upper, strict=True)),
                Fraction(0),
            )
            for row in w.tolist()
        ]
        lower, upper = [Fraction(0)] * len(after), after
        assert float(sum(upper)) == pytest.approx(bounds[layer], rel=1e-12)


# The grid on the machine


def test_rounding_to_the_grid_is_what_a_plan_leaves_room_for():
    moved = 8192 * (2 * Fraction(1, 2**43) + Fraction(1, 2**48))
    assert moved < Fraction(2, 10**9)
    # 1/128 of eps is above it from about 2e-7 on
    assert Fraction(24, 10**8) / 128 > moved * Fraction(9, 10)


@given(st.fractions(0, 1), st.fractions(-1, 1))
def test_a_rounded_product_is_off_by_two_steps_of_the_weights_and_one_of_its_own(u, v):
    step, own = Fraction(1, 2**43), Fraction(1, 2**48)

    def down(x, unit):
        return x // unit * unit

    rounded = down(down(u, step) * down(v, step), own)
    assert abs(rounded - u * v) <= 2 * step + own
