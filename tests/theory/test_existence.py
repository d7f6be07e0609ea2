"""The explicit existence theorem, the law of products and the published widths, against quadrature, draws and hand."""

from functools import partial
from itertools import pairwise
from math import e, exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from slt.core.intervals import lower_limit
from slt.core.rates import Rates
from subsetsum import covers_values
from theory import products
from theory.existence import FACTOR_SHARE, estimated_block, plan, plan_of_sizes
from theory.widths import activation_sums, box, fitted_constants, homogeneous, layer_precisions, published_widths, rho

RNG = np.random.default_rng(5)
W1 = RNG.uniform(-0.5, 0.5, (4, 3))
W2 = RNG.uniform(-0.5, 0.5, (2, 4))
ALPHA = 1e-6


def product_draws(trials, n, rates, rng):
    values = rng.uniform(-1, 1, (trials, n)) * rng.uniform(0, 1, (trials, n))
    u = rng.uniform(0, 1, (trials, n))
    return values, np.where(u < rates.prune, -1, np.where(u < rates.freezing, 1, 0))


@pytest.mark.parametrize("s", [0.01, 0.7, 5.0, 40.0])
def test_laplace_transforms_of_products_match_quadrature(s):
    def density(x):
        return log(1 / abs(x)) / 2

    def tilted(a, b):
        return quad(lambda x: density(x) * exp(-s * x), a, b)[0]

    assert products.laplace_locked(s) == pytest.approx(tilted(-1, 0) + tilted(0, 1), rel=1e-6)
    for a in (0.1, 1 / e, 1.0):
        rest = 1 - quad(density, 0, a)[0]
        assert products.laplace_shift(s, a) == pytest.approx(rest + tilted(0, a), rel=1e-6)


def test_effective_rates_are_those_of_a_drawn_layer():
    rng = np.random.default_rng(1)
    rates = products.effective_rates(0.2, 0.3, 0.4)
    alive = (rng.random(400_000) >= 0.2) & (rng.random(400_000) < 0.5)
    u = rng.random(400_000)
    assert rates.lock == pytest.approx(np.mean(alive & (u > 0.6)), abs=5e-3)
    assert rates.free == pytest.approx(np.mean(alive & (u < 0.3)), abs=5e-3)


@pytest.mark.long
@pytest.mark.parametrize(("eps", "rates"), [(0.1, Rates()), (0.05, Rates(0.5, 0.1))])
def test_the_cover_bound_is_above_the_measured_failure_of_products(eps, rates):
    rng, trials, w = np.random.default_rng(2), 200, products.window(eps)
    for level in (0.9, 0.3):
        n = next(k for k in range(1, 2000) if products.cover_failure(k, eps, rates.free) <= level)
        values, states = product_draws(trials, n, rates, rng)
        # what is locked is the shift's business
        missed = (
            trials - covers_values(values=values, states=np.where(states == 1, -1, states), eps=eps, radius=w).sum()
        )
        assert lower_limit(missed, trials, ALPHA) <= products.cover_failure(n, eps, rates.free)


@pytest.mark.parametrize("rates", [Rates(0.3, 0.0), Rates(0.3, 0.3), Rates(0.1, 0.6)])
def test_the_approach_bound_is_above_the_measured_failure_and_not_idle(rates):
    rng, trials, w, radius = np.random.default_rng(3), 20_000, 0.18, 1.5
    for n, rest in ((30, 0), (60, 30)):
        values, states = product_draws(trials, n + rest, rates, rng)
        goal = radius - np.where(states == 1, values, 0).sum(axis=1)
        free = np.where(states[:, :n] == 0, values[:, :n], 0)
        up, down = np.maximum(free, 0).sum(axis=1), np.maximum(-free, 0).sum(axis=1)
        missed = int(np.sum((goal - up > 1 - w) | (goal + down < -(1 - w))))
        bound = products.approach_failure(n, rest, rates, radius, w)
        assert lower_limit(missed, trials, ALPHA) <= bound
        # Chernoff gives away a factor that grows slowly, not the exponent
        assert bound == 1 or bound <= 60 * max(missed, 1) / trials


def test_the_arrival_bound_is_above_the_measured_failure_and_not_idle():
    rng, trials, w = np.random.default_rng(9), 20_000, 0.18
    for n, rates in ((25, Rates()), (60, Rates(0.5, 0.2))):
        values, states = product_draws(trials, n, rates, rng)
        residual = np.full(trials, 1 - w)
        for x, state in zip(values.T, states.T, strict=True):
            residual -= np.where((residual > w) & (state == 0) & (x > 0) & (x <= 2 * w), x, 0)
        assert residual.min() >= -w  # no step overshoots
        missed = int(np.sum(residual > w))
        bound = products.arrive_failure(n, rates, 1 - 2 * w, w)
        assert lower_limit(missed, trials, ALPHA) <= bound <= 60 * max(missed, 1) / trials


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(("rates", "radius"), [(Rates(0.5, 0.05), 1.0), (Rates(), 1.0), (Rates(0.2, 0.3), 0.3)])
def test_the_sufficient_number_of_products_suffices_for_every_single_target(rates, radius):
    eps, delta, trials = 0.1, 0.3, 800
    n = products.sufficient_n(eps, delta, rates, radius)
    for z in (0.0, radius / 2, radius):
        values, states = product_draws(trials, n, rates, np.random.default_rng(4))
        reached = covers_values(
            values=np.c_[values, np.full(trials, -z)], states=np.c_[states, np.ones(trials)], eps=eps, radius=1e-9
        )
        assert lower_limit(trials - reached.sum(), trials, ALPHA) <= delta


def test_more_products_are_needed_for_smaller_eps_delta_and_larger_radius():
    rates, eps, delta = Rates(0.5, 0.05), 0.1, 0.3
    n = products.sufficient_n(eps, delta, rates)
    assert products.sufficient_n(eps, delta / 2, rates) > n
    assert products.sufficient_n(eps / 2, delta, rates) > n
    assert products.sufficient_n(eps, delta, rates, radius=0.2) < n


@pytest.mark.long
def test_products_need_more_than_uniforms():
    n = 16
    rng = np.random.default_rng(6)
    uniform = rng.uniform(-1, 1, (4000, n))
    product = uniform * rng.uniform(0, 1, (4000, n))
    failed = [1 - covers_values(values=x, states=np.zeros(n), eps=0.01, radius=1.0).mean() for x in (uniform, product)]
    assert failed[0] == pytest.approx(0.035, abs=0.02)
    assert failed[1] == pytest.approx(0.215, abs=0.04)


def test_too_coarse_a_precision_for_products_is_refused():
    with pytest.raises(ValueError, match="eps must be below"):
        products.window(0.2)


@given(st.floats(-3.0, 0.0), st.floats(0.1, 3.0), st.integers(0, 5))
def test_activation_sums_bound_every_input(low, high, seed):
    x = np.random.default_rng(seed).uniform(low, high, (50, 3))
    sums = activation_sums([W1, W2], low, high)
    assert sums[0] == pytest.approx(3 * max(high, -low))
    assert np.maximum(x @ W1.T, 0).sum(axis=1).max() <= sums[1]
    # one neuron alone reaches its bound at a corner
    corner = np.where(W1[0] > 0, high, low)
    assert activation_sums([W1[:1], W2[:, :1]], low, high)[1] == pytest.approx(max(W1[0] @ corner, 0))


@given(st.integers(0, 10**6), st.integers(1, 3))
def test_the_homogeneous_network_is_the_one_with_biases(seed, depth):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, depth + 1)
    weights = [rng.normal(size=(b, a)) for a, b in pairwise(sizes)]
    biases = [rng.normal(size=n) for n in sizes[1:]]
    x = rng.normal(size=(20, sizes[0]))
    y, z = x, np.column_stack([x, np.ones(20)])
    for k, (w, b, h) in enumerate(zip(weights, biases, homogeneous(weights, biases), strict=True)):
        y, z = y @ w.T + b, z @ h.T
        if k < depth - 1:
            y, z = np.maximum(y, 0), np.maximum(z, 0)
    np.testing.assert_allclose(z, y, atol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(1, 0), (0, np.inf), (0, 0), (np.nan, 1)])
def test_an_impossible_domain_is_refused(low, high):
    with pytest.raises(ValueError, match="domain (needs finite ends|must be finite)"):
        activation_sums([W1], low, high)


@pytest.mark.long
def test_locked_layers_of_small_or_zero_weights_get_blocks_too():
    for largest in (0.0, 1e-6, 1e-3):
        weights = [np.array([[0.5, 0.3]]), np.array([[largest]])]
        rates = {"prune": (0.1,) * 3, "lock": (0, 0.3, 0.3)}
        proven, guessed = (plan(weights, 0.2, 0.05, **rates, widths=w).blocks for w in ("proven", "estimated"))
        assert proven[1] >= guessed[1] > 1
    unlocked = plan([np.array([[0.5]]), np.zeros((1, 1))], 0.2, 0.05, prune=(0.1,) * 3, lock=(0, 0, 0))
    assert unlocked.blocks[1] == 1


def test_signed_inputs_are_two_problems_a_weight():
    args = {"prune": (0.1,) * 3, "lock": (0, 0.1, 0.1), "widths": (30, 20)}
    plain, mixed = (plan([W1, W2], 1.0, 0.05, low=low, **args) for low in (0.0, [-2.0, 0.0, -0.5]))
    assert [d.problems for d in plain.demands] == [4 * 20 * 3, 8]
    assert [d.problems for d in mixed.demands] == [4 * 20 * 5, 8]
    # B_0 = 2 + 1 + 1 instead of 3
    assert mixed.demands[0].eps == pytest.approx(plain.demands[0].eps * 3 / 4)
    assert mixed.widths == plain.widths


def test_published_precisions_and_widths_by_hand():
    a, b = np.full((2, 2), 0.5), np.full((1, 2), -1.0)
    # B_0 = 2, B_1 = 2, n_L = 1, L = 2, eps/L = .05; the product over k = l+1 .. L-1 is empty for both layers
    precisions = layer_precisions([a, b], 0.1)
    np.testing.assert_allclose(precisions, [0.05 / (3 * 1.05)] * 2)
    c = np.full((2, 2), 0.25)
    assert layer_precisions([c, a, b], 0.3)[0] == pytest.approx(0.1 / (3 * 1.1 * 1.1))
    divisor = 2.0 * 6 / log(1 / 0.25) * log(1 / precisions[0])
    assert rho([a, b], precisions, 0.05, 0.25, 2.0) == pytest.approx(divisor)
    level = log(divisor / 0.05)
    rates = (0.25, 0.25, 0.25)
    assert published_widths([a, b], 0.1, 0.05, 2.0, prune=rates) == pytest.approx([4 * level] * 2)
    pruned = published_widths([a, b], 0.1, 0.05, 2.0, prune=rates, form="pruned")
    assert pruned == pytest.approx([4 * level / log(4)] * 2)
    dense = published_widths([a, b], 0.1, 0.05, 2.0, prune=(0, 0, 0), form="pruned")
    assert dense == [0, 0]  # the published factor lets a dense source be empty
    asked = partial(published_widths, [c, a, b], 0.1, 0.05, prune=(0.25,) * 4)
    wanted = [500, 300, 200]
    constants = fitted_constants(wanted, asked)
    for layer, constant in enumerate(constants):
        assert asked(constant)[layer] == pytest.approx(wanted[layer], rel=1e-9)
    assert all(x >= y * (1 - 1e-9) for x, y in zip(asked(max(constants)), wanted, strict=True))
    with pytest.raises(ValueError, match="asks a layer for nothing"):
        fitted_constants([5, 5], partial(published_widths, [a, b], 0.1, 0.05, prune=(0, 0, 0), form="pruned"))


@settings(max_examples=15)
@given(st.sampled_from([(0.0, 0.0), (0.2, 0.1), (0.1, 0.3)]), st.floats(0.01, 1), st.floats(1e-3, 0.5))
def test_a_plan_spends_its_eps_and_its_delta_and_no_more(rates, eps, delta):
    p, q = rates
    found = plan([W1, W2], eps, delta, prune=(p, p, p), lock=(0, q, q), widths=(30, 20))
    first, second = found.demands
    sums = activation_sums([W1, W2])
    assert first.eps == pytest.approx(min(eps / 2 / (sums[0] * second.factor), 0.1))
    assert second.eps == pytest.approx(min(eps / 2 / sums[1], 0.25))
    assert (first.problems, second.problems) == (4 * 20 * 3, 2 * 4)
    spent = first.delta * first.problems + second.delta * second.problems
    assert spent == pytest.approx((1 - FACTOR_SHARE) * delta)
    assert first.rates.lock == pytest.approx(q * (1 - p) / 2)
    assert (second.rates, second.radius) == (Rates(p, q), np.abs(W2).max())
    assert found.widths == (3, 90, 80, 2)
    assert found.parameters == 3 * 90 + 90 * 80 + 80 * 2
    bits = 270 * (1 - p) + (7200 + 160) * (1 - p - q)
    assert found.ticket_bits((p, p, p), (0, q, q)) == pytest.approx(bits)


def test_the_factor_bounds_the_kept_edges_of_drawn_neurons():
    found = plan([W1, W2], 0.5, 0.05, prune=(0.2,) * 3, lock=(0, 0.1, 0.1), widths=(30, 20)).demands[1]
    rng = np.random.default_rng(7)
    kept = np.abs(rng.uniform(-1, 1, (4000, 80))) * (rng.random((4000, 80)) >= 0.2)
    assert 0.8 * found.factor < kept.sum(axis=1).max() <= found.factor


@pytest.mark.long
def test_proven_blocks_lie_above_the_estimate_and_grow_with_freezing():
    last = (0, 0)
    for p, q in ((0.0, 0.0), (0.1, 0.05), (0.3, 0.2)):
        args = {"prune": (p, p, p), "lock": (0, q, q)}
        proven = plan([W1, W2], 0.5, 0.05, **args).blocks
        guessed = plan([W1, W2], 0.5, 0.05, **args, widths="estimated").blocks
        assert all(a >= b for a, b in zip(proven, guessed, strict=True))
        assert all(a > b for a, b in zip(proven, last, strict=True))
        last = proven


def test_the_estimate_is_near_the_measured_requirement_at_one_setting():
    rates, eps, delta, trials = Rates(0.4, 0.3), 0.01, 0.05, 4000
    n = estimated_block(eps, delta, rates, 1.0, product=False)
    rng = np.random.default_rng(8)
    values = rng.uniform(-1, 1, (trials, n))
    u = rng.random((trials, n))
    states = np.where(u < 0.4, -1, np.where(u < 0.7, 1, 0))
    # one end only, as the estimate asks: a target at the edge of the radius
    up = np.where(states == 1, values, np.where(states == 0, np.maximum(values, 0), 0)).sum(axis=1)
    assert np.mean(up < 1) == pytest.approx(delta, rel=0.4)


@pytest.mark.parametrize("sizes", [(2, 3), (3, 2, 4), (2, 3, 2, 3), (1, 2, 3, 2, 2)])
@pytest.mark.parametrize(
    ("eps", "delta", "C", "g"), [(0.3, 0.05, 2.0, 0.5), (1e-3, 0.2, 7.0, 0.0), (90.0, 0.9, 3.0, 1.0)]
)
def test_published_formulas_written_out_for_any_depth(sizes, eps, delta, C, g):
    rng = np.random.default_rng(len(sizes))
    weights = [rng.uniform(-1, 1, (b, a)) * (rng.random((b, a)) < 0.7) for a, b in pairwise(sizes)]
    weights[0][0] = 0.5
    depth, sums = len(weights), activation_sums(weights, -1.0, 2.0)
    assert len(sums) == depth
    precisions = layer_precisions(weights, eps, -1.0, 2.0)
    for layer in range(depth):
        divisor = sizes[-1] * depth * (1 + sums[layer]) * (1 + eps / depth)
        for above in weights[layer + 1 : depth - 1]:
            divisor *= max(sum(abs(x) for x in row) for row in above) + eps / depth
        assert precisions[layer] == pytest.approx(eps / divisor, rel=1e-12)
    prune = [0.1, 0.4, 0.2, 0.3, 0.15][: depth + 1]
    size = sum(int((w != 0).sum()) for w in weights)
    needed = log(1 / min(*precisions, delta))
    spent = C * size ** (1 + g) / log(1 / 0.4) ** (1 + g) * needed
    assert rho(weights, precisions, delta, 0.4, C, g) == pytest.approx(spent, rel=1e-12)
    for form in ("frozen", "pruned"):
        received = published_widths(weights, eps, delta, C, prune=prune, g=g, low=-1.0, high=2.0, form=form)
        for layer in range(depth):
            level = min(precisions[layer], delta / spent)
            share = 1 if form == "frozen" else 1 / log(1 / prune[layer])
            assert received[layer] == pytest.approx(C * share * sizes[layer] * max(log(1 / level), 0), rel=1e-12)
    for wrong in (prune[:-1], [*prune, 0.1]):
        with pytest.raises(ValueError, match="prune needs a rate for each"):
            published_widths(weights, eps, delta, C, prune=wrong)


def test_what_a_form_lets_be_empty_and_what_it_fits():
    tiny = [np.array([[0.25]])]
    # without pruning rho vanishes, and precisions alone ask
    assert rho(tiny, [0.5], 0.5, 0.0, 3.0) == 0
    # where everything may be off by a lot, delta asks; no form asks for a network of no layers
    assert rho(tiny, [5.0], 0.9, 0.5, 3.0) == pytest.approx(3 / log(2) * log(1 / 0.9))
    with pytest.raises(ValueError, match="depth"):
        published_widths([], 0.5, 0.5, 3.0, prune=(0.5,))
    assert published_widths(tiny, 0.5, 0.5, 3.0, prune=(0.0, 0.0)) == pytest.approx([3 * log(1 / (0.5 / 3))])
    for scale in (1e-7, 1.0, 1e7):
        found = fitted_constants([3.0, 5.0], lambda C, scale=scale: [C * scale, 2 * (C * scale) ** 0.5])
        assert found == pytest.approx([3 / scale, 6.25 / scale], rel=1e-6)


def test_a_domain_may_be_a_point_but_not_nothing_and_no_larger_than_products_allow():
    for low, high in ((1.0, 1.0), (-1e100, 1e100), ([0, 1], [0, 2]), (-1, 0)):
        ends = box(2, low, high)
        assert (ends[0] == low).all()
        assert (ends[1] == high).all()
    for low, high in ((0, np.nextafter(1e100, np.inf)), ([0, 2], [1, 1]), (-np.nextafter(1e100, np.inf), 0)):
        with pytest.raises(ValueError, match="domain needs finite ends"):
            box(2, low, high)
    for w, b in ((np.ones(2), np.ones(2)), (np.ones((2, 2)), np.ones(3)), (np.ones((1, 1, 1)), np.ones(1))):
        with pytest.raises(ValueError, match="a layer needs a matrix"):
            homogeneous([w], [b])


def asked_of_a_block(n, eps, delta, rates, radius, product):
    """Both demands of the estimate, by quadrature: expected sums near a point over log(1/delta), and the reach's tail.

    Each is met by sums that are nearly normal: 2^m of them with the deviation of m terms, X or 0 each.
    """
    nodes, weights = np.polynomial.legendre.leggauss(50)
    nodes, weights = (nodes + 1) / 2, weights / 2
    x = (nodes[:, None] * nodes).ravel() if product else nodes
    mass = (weights[:, None] * weights).ravel() if product else weights
    free = n * rates.free + ndtri(delta) * (n * rates.free * (1 - rates.free)) ** 0.5
    deviation = (free * (mass @ x**2) / 4) ** 0.5 if free > 0 else np.nan
    near = 2.0**free * 2 * eps / ((2 * np.pi) ** 0.5 * deviation)

    def moments(s):  # of exp(-s Y) and Y exp(-s Y), Y^2 exp(-s Y)
        for power in range(3):
            both = [mass @ (y**power * np.exp(-s * y)) / 2 for y in (x, -x)]
            at_zero = rates.prune + rates.free / 2 if power == 0 else 0
            yield at_zero + rates.lock * sum(both) + rates.free * both[0]

    def exponent(s):
        return n * log(next(moments(s))) + s * radius

    s = minimize_scalar(exponent, bounds=(1e-3, 50), method="bounded", options={"xatol": 1e-9}).x
    zeroth, first, second = moments(s)
    spread = (n * (second / zeroth - (first / zeroth) ** 2)) ** 0.5
    return near / log(1 / delta), exp(min(exponent(s), 0)) / max(s * (2 * np.pi) ** 0.5 * spread, 1)


@pytest.mark.parametrize("product", [False, True])
@pytest.mark.parametrize(("eps", "delta", "rates", "radius"), [
    (0.01, 0.05, Rates(0.4, 0.3), 1.0), (1e-6, 0.01, Rates(0.2, 0.0), 0.5), (0.02, 1e-6, Rates(0.0, 0.5), 0.3),
    (1e-4, 0.3, Rates(0.5, 0.05), 1.0), (1e-3, 1e-3, Rates(), 0.2),
])  # fmt: skip
def test_the_estimated_block_is_the_first_that_reaches_and_resolves(eps, delta, rates, radius, product):
    n = estimated_block(eps, delta, rates, radius, product=product)
    near, short = asked_of_a_block(n, eps, delta, rates, radius, product)
    assert near >= 1 - 1e-6
    assert short <= delta * (1 + 1e-3)
    near, short = asked_of_a_block(n - 1, eps, delta, rates, radius, product)
    assert not (near >= 1 + 1e-6 and short <= delta * (1 - 1e-3))


def test_a_block_of_one_does_where_nothing_has_to_be_reached():
    for rates in (Rates(), Rates(0.9)):
        assert estimated_block(0.1, 0.01, rates, 0.1, product=False) == 1
        assert estimated_block(0.1, 0.01, rates, np.nextafter(0.1, 1), product=False) > 1
    # what is locked has to be cancelled
    assert estimated_block(0.1, 0.01, Rates(0.0, 0.1), 0.0, product=False) > 1


@pytest.mark.parametrize(
    ("prune", "lock", "weights", "message"),
    [
        ((0.1,) * 2, (0,) * 3, [W1, W2], "a rate for each of 3 source layers"),
        ((0.1,) * 3, (0.1,) * 3, [W1, W2], "docs/obstruction.md"),
        ((0.1,) * 3, (0,) * 3, [W1, 3 * W2], "target layer 2 must lie in"),
    ],
)
def test_what_the_theorem_does_not_cover_is_refused(prune, lock, weights, message):
    with pytest.raises(ValueError, match=message):
        plan(weights, 0.5, 0.05, prune=prune, lock=lock)


def test_a_network_has_inputs_and_outputs():
    for sizes in ((), (3,)):
        with pytest.raises(ValueError, match="at least two, inputs and outputs"):
            plan_of_sizes(sizes, 0.5, 0.05, prune=(), lock=())
