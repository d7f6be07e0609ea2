import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from slt.core.intervals import smallest_n
from slt.core.rates import Rates
from subsetsum import covers, success_counts, targets
from theory import estimate, products, window_coverage
from theory.asymptotics import closed_form_n
from theory.estimate import _draws, estimated_n, estimated_success
from theory.necessary import failure_at_least, necessary_n
from theory.reach import gaussian_reach_n
from theory.saddlepoint import density_of_sums
from theory.sufficient import failure_at_most, split_sufficient_n, sufficient_n
from theory.window_coverage import absorb, coverage_probability


def sums_of(values):
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return np.sort(sums)


def leaves_no_gap(sums, low, high, eps):
    """Decide whether every point of [low, high] lies within eps of one of the ascending sums."""
    left, right = sums[:-1] + eps, sums[1:] - eps  # (left, right) is uncovered where left < right
    hole = (left < right) & (left < high) & (right > low)
    return bool(sums[0] - eps <= low and sums[-1] + eps >= high and not hole.any())


def brute_force_success(n, eps, trials, *, prune, lock, radius=1.0, targets=None):
    """Share of trials that cover [-radius, radius]; with targets, the least share that hits one of them."""
    rng = np.random.default_rng(20240607)
    count = np.zeros(1 if targets is None else len(targets), int)
    for _ in range(trials):
        values = rng.uniform(-1, 1, n)
        state = rng.random(n)
        sums = sums_of(values[state >= prune + lock]) + values[(state >= prune) & (state < prune + lock)].sum()
        if targets is None:
            count += leaves_no_gap(sums, -radius, radius, eps)
        else:
            count += np.abs(sums[:, None] - targets).min(axis=0) <= eps
    return count.min() / trials


# multiples of 1/64 below 2^10: every sum and every edge is exact, so equality means equality
sixtyfourths = st.integers(1, 64).map(lambda k: k / 64)


@given(
    y=st.lists(sixtyfourths, max_size=window_coverage.ENUMERATED),
    eps=st.integers(1, 40).map(lambda k: k / 128),
    a=st.integers(0, 200).map(lambda k: k / 64),
    length=st.integers(0, 200).map(lambda k: k / 64),
)
def test_few_values_are_decided_exactly(y, eps, a, length):
    expected = leaves_no_gap(sums_of(y) - sum(y) / 2, a, a + length, eps)
    padded = np.array([[*sorted(y), np.inf, np.inf]])
    received = coverage_probability(padded, eps, np.array([[a, a]]), np.array([[a + length, a + length]]))
    assert received.tolist() == [[expected, expected]]


@given(
    y=st.lists(sixtyfourths, min_size=1, max_size=12),
    eps=st.integers(1, 40).map(lambda k: k / 128),
    point=st.integers(0, 800).map(lambda k: k / 128),
)
def test_absorbed_values_leave_the_covered_points_unchanged(y, eps, point):
    y = sorted(y)
    first, wide = absorb(np.array([y]), eps)
    left = y[first[0] :]
    before = np.abs(sums_of(y) - sum(y) / 2 - point).min() <= eps
    after = np.abs(sums_of(left) - sum(left) / 2 - point).min() <= wide[0]
    assert before == after
    assert all(value > 2 * wide[0] for value in left)


def test_saddlepoint_counts_the_sums_in_every_part_of_their_range():
    y = np.random.default_rng(1).random((1, 18))
    w, log_rho = density_of_sums(np.concatenate([y, np.zeros((1, 3))], axis=1))
    sums = sums_of(y[0]) - y.sum() / 2
    edges = np.linspace(0, 0.8 * y.sum() / 2, 9)
    fine = np.linspace(edges[0], edges[-1], 8001)
    density = np.exp(np.interp(fine, w[0], log_rho[0]))
    expected = np.histogram(sums, edges)[0]
    received = density[:-1].reshape(8, -1).sum(axis=1) * (fine[1] - fine[0])
    assert np.all(expected > 100)
    assert received == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("y", [[0.3, 0.7, 1.0], [0.02, 0.5, 0.9, 0.95], [1.0]])
def test_saddlepoint_pairs_are_those_of_the_formula(y):
    # padding stands for nothing, wherever it is; values of one row do not touch those of another
    w, log_rho = density_of_sums(np.array([[0.0, *y, 0.0], [0.5] * (len(y) + 2)]))

    def slope(s):
        return sum(x / 2 * np.tanh(s * x / 2) for x in y)

    for at, received in zip(w[0], log_rho[0], strict=True):
        s = brentq(lambda s, at: slope(s) - at, 0, 1e4, args=(at,), xtol=1e-14) if at else 0.0
        total = sum(np.log(2 * np.cosh(s * x / 2)) for x in y) if s < 1000 else s * sum(y) / 2
        curvature = sum((x / 2) ** 2 * (1 - np.tanh(s * x / 2) ** 2) for x in y)
        # beyond s = 30 or so the inverse of the slope has no digits left
        if s < 20:
            assert received == pytest.approx(total - s * at - np.log(2 * np.pi * curvature) / 2, abs=1e-6)


def test_saddlepoint_nodes_spread_evenly_over_nearly_all_of_the_range():
    y = (np.arange(3000)[None, :] + 0.5) / 3000
    w = density_of_sums(y)[0][0] / (y.sum() / 2)
    assert w[0] == 0
    assert np.diff(w) == pytest.approx(np.full(len(w) - 1, w[-1] / (len(w) - 1)), rel=0.02)
    assert 0.95 < w[-1] < 1
    # the density is interpolated between nodes: a step must not be coarse
    assert np.diff(w).max() < 0.02


@pytest.mark.parametrize("lam", [0.3, 0.9, 1.1, 3.0, 9.0])
def test_gap_rate_solves_the_renewal_equation(lam):
    v = np.exp(np.interp(np.log(lam), window_coverage._LOG_LAM, window_coverage._LOG_V))
    # lengths in units of 2 eps: rate lam, exponent v
    assert quad(lambda t: lam * np.exp((v - lam) * t), 0, 1)[0] == pytest.approx(1, rel=2e-4)


@pytest.mark.parametrize(
    ("a", "b"), [(0, 0), (0, 0.5), (0.4, 0.4), (0, 3), (0.6, 4), (300, 300), (300, 301), (300, 306)]
)
def test_poisson_estimate_equals_a_simulated_mirrored_poisson_process(a, b):
    """Ends matter most in windows of a few eps; a and b are in units of eps."""
    eps, trials = 0.0012, 4000
    y = np.linspace(0.5, 1, 12)[None, :]  # too large to be absorbed
    w, log_rho = density_of_sums(y)
    rate = np.exp(np.interp(a * eps, w[0], log_rho[0])) * eps  # hardly changes over 10 eps
    assert 2 < 2 * rate < 4
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(trials):
        points = max(a - 10, 0) + 30 * rng.random(rng.poisson(30 * rate))
        sums = np.sort(np.concatenate([points, -points]))
        covered += leaves_no_gap(sums, a, b, 1.0)
    received = coverage_probability(y, eps, np.array([[a * eps]]), np.array([[b * eps]]))
    # the gap rate is asymptotic: a little off in short windows
    assert received[0, 0] == pytest.approx(covered / trials, abs=0.015 + 4.9 * 0.5 / trials**0.5)


@pytest.mark.parametrize(("n", "prune", "lock"), [(200, 0.4, 0.3), (30, 0.0, 0.9), (25, 0.0, 0.0)])
def test_centres_have_the_moments_of_locked_sum_and_half_the_free_ones(n, prune, lock):
    batches = [centre.ravel() for _, _, centre in _draws(n, Rates(prune, lock), 4000, 0)]
    received = np.concatenate(batches)
    free = 1 - prune - lock
    variance = lock / 3 + free / 12
    excess = (lock / 5 + free / 80 - 3 * variance**2) / (n * variance**2)
    assert len(received) == 32_000
    assert received.mean() == pytest.approx(0, abs=5 * (n * variance / 4000) ** 0.5)
    assert received.var() == pytest.approx(n * variance, rel=5 * (2 / 4000) ** 0.5)
    assert (received**4).mean() / received.var() ** 2 - 3 == pytest.approx(excess, abs=5 * (24 / 32_000) ** 0.5)


def test_readings_agree_when_there_is_only_one_target():
    settings = {"lock": 0.4, "radius": 1e-9, "draws": 500}
    uniform = estimated_success(13, 0.01, **settings)
    assert 0.3 < uniform < 0.999
    assert estimated_success(13, 0.01, **settings, reading="pointwise") == pytest.approx(uniform, abs=1e-5)


def test_poisson_sums_agree_with_enumeration_where_both_apply():
    rng = np.random.default_rng(2)
    y = np.sort(rng.random((400, 12)), axis=1)
    y = y[12 - absorb(y, 0.01)[0] > window_coverage.ENUMERATED]
    centre = np.abs(rng.choice([-1, 1], y.shape) * y).sum(axis=1, keepdims=True) * rng.uniform(-0.4, 0.4, (len(y), 4))
    centre = np.abs(centre)
    a, b = np.maximum(centre - 1, 0), centre + 1
    estimated = coverage_probability(y, 0.01, a, b)
    sums = [sums_of(row) - row.sum() / 2 for row in y]
    exact = np.array(
        [
            [leaves_no_gap(s, *window, 0.01) for window in zip(low, high, strict=True)]
            for s, low, high in zip(sums, a, b, strict=True)
        ]
    )
    assert len(y) > 200
    assert 0.1 < exact.mean() < 0.9
    # windows of a row are dependent: one independent decision a row bounds the error of the mean
    assert abs(estimated.mean() - exact.mean()) <= 0.03 + 4 * 0.5 / np.sqrt(len(y))


@given(
    seed=st.integers(0, 10**6),
    m=st.integers(12, 40),
    a=st.floats(0, 3),
    length=st.floats(0, 3),
    eps=st.sampled_from([1e-2, 1e-3, 1e-5]),
)
def test_estimated_coverage_falls_as_the_window_grows_and_vanishes_beyond_the_last_sum(seed, m, a, length, eps):
    y = np.sort(np.random.default_rng(seed).random((1, m)), axis=1)
    a, b = np.array([[a, a, a]]), a + length + np.array([[0, 0.1, y.sum() / 2 + 2 * eps]])
    received = coverage_probability(y, eps, a, b)[0]
    assert np.all((received >= 0) & (received <= 1))
    assert received[0] >= received[1] >= received[2] == 0


SETTINGS = [
    # n, eps, prune, lock, radius
    (7, 0.1, 0.0, 0.0, 1.0),
    (14, 0.1, 0.2, 0.2, 1.0),
    (12, 0.03, 0.0, 0.1, 0.5),
    (12, 0.01, 0.0, 0.0, 1.0),
    (24, 0.02, 0.5, 0.0, 1.0),
    (26, 0.05, 0.3, 0.3, 1.0),
    (16, 0.002, 0.1, 0.0, 1.0),
]


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(("n", "eps", "prune", "lock", "radius"), SETTINGS)
def test_estimate_agrees_with_brute_force(n, eps, prune, lock, radius):
    trials, draws = 1000, 4000
    expected = brute_force_success(n, eps, trials, prune=prune, lock=lock, radius=radius)
    received = estimated_success(n, eps, prune=prune, lock=lock, radius=radius, draws=draws)
    sampling = 4.9 * 0.5 * np.hypot(trials**-0.5, draws**-0.5)  # 1e-6, two-sided
    assert 0.1 < expected < 0.97
    assert abs(received - expected) <= 0.03 + sampling


@pytest.mark.parametrize(("n", "eps", "prune", "lock"), [(8, 0.03, 0.0, 0.0), (20, 0.05, 0.3, 0.3)])
def test_pointwise_estimate_agrees_with_brute_force(n, eps, prune, lock):
    trials, draws = 2000, 4000
    expected = brute_force_success(n, eps, trials, prune=prune, lock=lock, targets=np.linspace(0, 1, 9))
    received = estimated_success(n, eps, prune=prune, lock=lock, draws=draws, reading="pointwise")
    sampling = 4.9 * 0.5 * np.hypot(trials**-0.5, draws**-0.5)
    assert 0.1 < expected < 0.97
    assert abs(received - expected) <= 0.03 + sampling


@given(
    n=st.integers(0, 60),
    eps=st.floats(1e-6, 0.5),
    prune=st.floats(0, 0.6),
    lock=st.floats(0, 0.35),
    radius=st.floats(0.1, 3),
)
def test_estimate_is_a_probability_and_uniform_success_implies_pointwise(n, eps, prune, lock, radius):
    settings = {"prune": prune, "lock": lock, "radius": radius, "draws": 60}
    uniform = estimated_success(n, eps, **settings)
    pointwise = estimated_success(n, eps, **settings, reading="pointwise")
    # the model's Poisson factors respect the order too: a window's starting point is a point
    assert 0 <= uniform <= pointwise + 0.05 <= 1.05


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.4, 0.3)])
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_estimate_grows_with_eps_and_n_and_shrinks_with_radius(prune, lock, reading):
    free = 1 - prune - lock
    n = round(12 / free)

    def success(n, eps, radius=1.0):
        return estimated_success(n, eps, prune=prune, lock=lock, radius=radius, reading=reading, draws=500)

    by_eps = [success(n, eps) for eps in (0.001, 0.003, 0.01, 0.03, 0.1)]
    by_n = [success(k * n // 2, 0.01) for k in (1, 2, 3, 4)]
    by_radius = [success(n, 0.01, radius) for radius in (2.0, 1.0, 0.5)]
    for rising in (by_eps, by_n, by_radius):
        assert np.all(np.diff(rising) > 0.001)


def test_one_candidate_is_computed_by_hand():
    # all free, target 1: X must lie within eps of 1
    assert estimated_success(1, 0.2, reading="pointwise", draws=4000) == pytest.approx(0.1, abs=4.9 * 0.3 / 63)
    # eps = radius: the empty sum covers everything, a locked X nothing
    assert estimated_success(1, 0.5, lock=0.25, radius=0.5, draws=1000) == pytest.approx(0.75, abs=0.002)
    # pruning only removes
    assert estimated_success(1, 0.5, prune=0.25, radius=0.5) == 1


def test_nothing_drawn_covers_only_when_eps_reaches_the_radius():
    assert estimated_success(0, 0.5, radius=0.5) == 1
    assert estimated_success(0, 0.5, radius=0.51) == 0
    assert estimated_n(0.5, 0.1, radius=0.5) == 0


def test_estimate_depends_on_the_seed_and_nothing_else():
    first = estimated_success(40, 0.01, prune=0.4, lock=0.3, draws=700, seed=3)
    estimated_success(17, 0.1)
    assert estimated_success(40, 0.01, prune=0.4, lock=0.3, draws=700, seed=3) == first
    other = estimated_success(40, 0.01, prune=0.4, lock=0.3, draws=700, seed=4)
    assert other != first
    assert other == pytest.approx(first, abs=0.05)


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
@pytest.mark.parametrize(
    ("eps", "delta", "prune", "lock"), [(0.1, 0.3, 0.0, 0.0), (0.01, 0.05, 0.4, 0.3), (0.01, 0.99, 0.0, 0.2)]
)
def test_estimated_n_is_where_the_estimate_crosses(eps, delta, prune, lock, reading):
    settings = {"prune": prune, "lock": lock, "reading": reading, "draws": 700, "seed": 5}
    n = estimated_n(eps, delta, **settings)
    assert estimated_success(n, eps, **settings) >= 1 - delta
    assert estimated_success(n - 1, eps, **settings) < 1 - delta


@pytest.mark.long
def test_estimated_n_grows_with_every_demand():
    base = estimated_n(0.01, 0.1, prune=0.2, lock=0.2)
    assert estimated_n(0.001, 0.1, prune=0.2, lock=0.2) > base
    assert estimated_n(0.01, 0.02, prune=0.2, lock=0.2) > base
    assert estimated_n(0.01, 0.1, prune=0.4, lock=0.2) > base
    assert estimated_n(0.01, 0.1, prune=0.2, lock=0.4) > base
    assert estimated_n(0.01, 0.1, prune=0.2, lock=0.2, radius=2.0) > base


def test_heavy_freezing_needs_thousands():
    n = estimated_n(0.01, 0.05, prune=0.1, lock=0.8, draws=500)
    # reach: Gaussian size (4 / f^2) (z s + sqrt(z^2 s^2 + f (r - eps)))^2 with z = 1.96
    s2 = 0.8 / 3 + 0.1 / 6 - 0.01 / 16
    gaussian = 400 * (1.96 * s2**0.5 + (1.96**2 * s2 + 0.1 * 0.99) ** 0.5) ** 2
    assert n == pytest.approx(gaussian, rel=0.1)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"n": -1}, "n must be at least 0"),
        ({"eps": 0.0}, "eps must lie strictly between 0 and 1"),
        ({"prune": 0.5, "lock": 0.5}, "prune \\+ lock must be below 1"),
        ({"radius": 0.0}, "radius must be above 0"),
        ({"reading": "both"}, "reading must be one of"),
        ({"draws": 0}, "draws must be at least 1"),
    ],
)
def test_bad_arguments_are_named(changed, line):
    with pytest.raises(ValueError, match=line):
        estimated_success(**{"n": 5, "eps": 0.1, **changed})


def test_impossible_delta_is_named():
    with pytest.raises(ValueError, match="delta must lie strictly between 0 and 1"):
        estimated_n(0.1, 1.0)


def measured_n(eps, radius, **rates):
    counts = success_counts(40, eps, 500, radius=radius, targets=targets(radius), **rates)
    found = [smallest_n(c, counts.trials, 0.95, 0.99) for c in (counts.uniform, counts.pointwise)]
    return max(max(crossing.lower, crossing.value) for crossing in found)


SIBLINGS = {
    "necessary_n": lambda eps, radius, **rates: necessary_n(eps, 0.05, radius=radius, **rates),
    "estimated_n": lambda eps, radius, **rates: estimated_n(eps, 0.05, radius=radius, draws=100, **rates),
    "sufficient_n": lambda eps, radius, **rates: sufficient_n(eps, 0.05, radius=radius, **rates),
    "split_sufficient_n": lambda eps, radius, **rates: sum(split_sufficient_n(eps, 0.05, radius=radius, **rates)),
    "closed_form_n": lambda eps, radius, **rates: closed_form_n(eps, 0.05, radius=radius, **rates),
    "gaussian_reach_n": lambda eps, radius, **rates: gaussian_reach_n(eps, 0.05, radius=radius, **rates),
    "products.sufficient_n": lambda eps, radius, **rates: products.sufficient_n(eps, 0.05, Rates(**rates), radius),
    "failure_at_least": lambda eps, radius, **rates: failure_at_least(0, eps, radius=radius, **rates),
    "failure_at_most": lambda eps, radius, **rates: failure_at_most(0, eps, radius=radius, **rates),
    "estimated_success": lambda eps, radius, **rates: 1 - estimated_success(0, eps, radius=radius, draws=100, **rates),
    "measured": measured_n,
    "covers": lambda eps, radius, **rates: 1 - covers(0, eps, 1, radius=radius, **rates)[0],
}


@pytest.mark.parametrize("rates", [{}, {"prune": 0.4}, {"lock": 0.3}, {"prune": 0.206, "lock": 0.657}])
@pytest.mark.parametrize("sibling", SIBLINGS)
def test_no_variables_are_needed_where_eps_is_not_below_the_radius(sibling, rates):
    for eps, radius in ((0.5, 0.5), (0.12, 0.058), (0.3, 0.3), (0.1, 0.1), (1e-3, 1e-4), (0.7, 1e-3)):
        assert SIBLINGS[sibling](eps, radius, **rates) == 0


@pytest.mark.parametrize("n", [1, 7, 40])
def test_nothing_locked_never_fails_where_eps_is_not_below_the_radius(n):
    for prune in (0.0, 0.6):
        for reading in ("uniform", "pointwise"):
            settings = {"prune": prune, "radius": 0.3, "reading": reading}
            assert estimated_success(n, 0.3, draws=100, **settings) == 1
            assert failure_at_least(n, 0.3, **settings) == 0
        assert failure_at_most(n, 0.3, prune=prune, radius=0.3) == 0


@pytest.mark.parametrize("rises", [(5, 9, 300), (40, 50, 41_000), (1000, 1200, 1400)])
def test_the_estimate_is_the_first_n_that_succeeds_where_success_rises_falls_and_rises(rises, monkeypatch):
    first, last, again = rises
    monkeypatch.setattr(estimate, "_estimated", estimate._estimated.__wrapped__)  # no answers of other estimates
    monkeypatch.setattr(estimate, "estimated_success", lambda n, *_, **__: float(first <= n <= last or n >= again))
    assert estimate.estimated_n(0.5, 0.5, radius=0.6, lock=0.3) == first


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_necessary_is_at_most_estimated_at_most_sufficient(seed):
    rng = np.random.default_rng(seed)
    for _ in range(4):
        eps, delta, radius = 10 ** rng.uniform(-3, -0.2), 10 ** rng.uniform(-3, -0.05), 10 ** rng.uniform(-2, 1)
        prune, frozen = np.sort(rng.uniform(0, 0.9, 2))
        settings = {"prune": prune, "lock": frozen - prune, "radius": radius}
        for reading in ("uniform", "pointwise"):
            asked = {**settings, "reading": reading}
            low, high = necessary_n(eps, delta, **asked), sufficient_n(eps, delta, **asked)
            assert low <= estimated_n(eps, delta, draws=500, **asked) <= high, (eps, delta, asked)


def test_of_thousands_of_free_values_the_total_says_the_same():
    settings = {"prune": 0.4, "lock": 0.3, "draws": 400}
    n = 6_600  # 1980 free
    for radius in (470.0, 480.0, 490.0):
        one_by_one = estimated_success(n, 0.01, radius=radius, **settings)
        together = estimated_success(n + 100, 0.01, radius=radius + 7.5, **settings)  # each adds f/4 to the reach
        assert together == pytest.approx(one_by_one, abs=0.03)
        assert 0.02 < one_by_one < 0.98


@pytest.mark.parametrize("lock", [0.9999, 0.99999])
def test_little_free_takes_little_memory(lock):
    tracemalloc.start()
    try:
        estimated_success(10**10, 0.01, lock=lock)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50e6
