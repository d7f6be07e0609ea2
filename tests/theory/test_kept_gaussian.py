"""The closed form of reach at a place: its moments are those of draws, its n is that of the proven bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from slt.core.keep import Share
from theory.kept_gaussian import gaussian_place_n, offset_variance, reach_variance
from theory.kept_necessary import necessary_kept_n
from theory.place import sparsity_at


@pytest.mark.parametrize(("x", "prune", "lock"), [(0.2, 0.0, 0.0), (0.5, 0.2, 0.2), (0.7, 0.1, 0.4)])
def test_mean_and_variance_are_those_of_the_terms(x, prune, lock):
    theta, free = 2 * x - 1, 1 - prune - lock
    kept = lock + free * (1 - x)

    def power(v, k):
        return (v - theta) ** k / 2

    one, two = (lock * quad(power, -1, 1, args=(k,))[0] + free * quad(power, theta, 1, args=(k,))[0] for k in (1, 2))
    assert reach_variance(x, prune=prune, lock=lock) == pytest.approx(two - one**2)
    assert one + kept * theta == pytest.approx(free * x * (1 - x))


@pytest.mark.parametrize(("x", "prune", "lock"), [(0.3, 0.0, 0.0), (0.5, 0.2, 0.2), (0.6, 0.1, 0.3)])
def test_the_largest_sum_of_draws_has_these_moments(x, prune, lock):
    n, trials = 200, 10_000
    rng = np.random.default_rng(1)
    values, state = rng.uniform(-1, 1, (trials, n)), rng.random((trials, n))
    locked, free = (state >= prune) & (state < prune + lock), state >= prune + lock
    size = Share(sparsity_at(x, prune=prune, lock=lock)).kept(n) - locked.sum(axis=1)
    down = -np.sort(np.where(free, -values, np.inf), axis=1)
    total = (values * locked).sum(axis=1)
    largest = total + np.where(np.arange(n) < size[:, None], down, 0).sum(axis=1)
    variance = n * reach_variance(x, prune=prune, lock=lock)
    assert largest.var() == pytest.approx(variance, rel=0.02 + 5 * (2 / trials) ** 0.5)
    f, k = 1 - prune - lock, sparsity_at(x, prune=prune, lock=lock)
    mean = n * f * x * (1 - x) - k * (1 - k) / f
    assert largest.mean() == pytest.approx(mean, abs=0.05 + 5 * (variance / trials) ** 0.5)
    # all sums are centred at T plus a share of the free ones
    centre = total + size / free.sum(axis=1) * (values * free).sum(axis=1)
    assert centre.var() == pytest.approx(
        n * offset_variance(x, prune=prune, lock=lock), rel=0.03 + 5 * (2 / trials) ** 0.5
    )


@given(sparsity=st.floats(0.05, 0.95), free=st.floats(0.05, 1), x=st.floats(0, 1))
def test_at_a_given_sparsity_the_offset_is_the_same_on_both_sides_and_least_at_the_centre(sparsity, free, x):
    def offset(place):
        prune = sparsity - place * free
        lock = 1 - free - prune
        return offset_variance(place, prune=prune, lock=lock) if min(prune, lock) >= 0 else None

    one, other, centre = offset(x), offset(1 - x), offset(0.5)
    if one is None or other is None:
        return
    assert one == pytest.approx(other, abs=1e-12)
    assert one == pytest.approx((1 - sparsity - free * x * (1 - x)) / 3, abs=1e-12)
    assert centre is None or centre <= one + 1e-12


@given(values=st.lists(st.integers(-64, 64), min_size=1, max_size=12), theta=st.integers(-64, 64), data=st.data())
def test_the_largest_values_add_up_to_at_most_the_excess_over_any_number(values, theta, data):
    j = data.draw(st.integers(0, len(values)))
    values = sorted(values, reverse=True)

    def bound(number):
        return j * number + sum(max(value - number, 0) for value in values)

    assert sum(values[:j]) <= bound(theta)
    if j:
        assert sum(values[:j]) == bound(values[j - 1])


def test_at_given_rates_the_offset_shrinks_with_the_place():
    found = [offset_variance(x, prune=0.2, lock=0.2) for x in np.linspace(0, 1, 11)]
    assert np.all(np.diff(found) < 0)
    assert found[-1] == pytest.approx(0.2 / 3)


@pytest.mark.long(keep=2)
@pytest.mark.parametrize(
    ("x", "prune", "lock", "reading"),
    [(0.2, 0.0, 0.0, "uniform"), (0.3, 0.2, 0.2, "uniform"), (0.5, 0.4, 0.3, "pointwise"), (0.8, 0.0, 0.3, "uniform")],
)
def test_where_reach_decides_the_closed_form_is_near_what_is_proven(x, prune, lock, reading):
    law = {"prune": prune, "lock": lock, "reading": reading}
    proven = necessary_kept_n(0.01, 0.05, Share(sparsity_at(x, prune=prune, lock=lock)), **law)
    assert gaussian_place_n(x, 0.01, 0.05, **law) == pytest.approx(proven, rel=0.08)


def test_it_solves_its_equation_and_knows_its_ends():
    n = gaussian_place_n(0.6, 0.1, 0.02, prune=0.1, lock=0.2, radius=2.0)
    k = 0.1 + 0.6 * 0.7
    mean, deviation = 0.7 * 0.24 * n - k * (1 - k) / 0.7, (n * reach_variance(0.6, prune=0.1, lock=0.2)) ** 0.5
    assert norm.cdf((1.9 - mean) / deviation) == pytest.approx(0.01)
    assert gaussian_place_n(0.6, 0.1, 0.02, radius=0.1) == 0
    assert gaussian_place_n(0, 0.1, 0.02) == gaussian_place_n(1, 0.1, 0.02) == float("inf")
    with pytest.raises(ValueError, match="place must lie in"):
        gaussian_place_n(1.1, 0.1, 0.02)
    with pytest.raises(ValueError, match="reading must be one of"):
        gaussian_place_n(0.5, 0.1, 0.02, reading="all")
