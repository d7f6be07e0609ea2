"""Trials are numpy's Philox bit for bit, never depend on what else is drawn, and follow their law."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slt.core.intervals import lower_limit, upper_limit
from subsetsum import draw
from subsetsum.sampling import count, gap_units, grid_bits, point_units
from tests import naive

rates = st.tuples(st.integers(0, 16), st.integers(0, 16)).map(
    lambda pair: (pair[0] / 16, min(pair[1], 16 - pair[0]) / 16)
)


@given(
    n=st.integers(0, 70),
    trial=st.integers(0, 2**62 - 2),
    seed=st.integers(0, 2**64 - 1),
    rates=rates,
    exact=st.booleans(),
)
@example(n=5, trial=0, seed=2**64 - 1, rates=(0.0, 1.0), exact=False)
@example(n=5, trial=0, seed=2**63, rates=(1.0, 0.0), exact=True)
def test_draw_is_numpys_philox_bit_for_bit(n, trial, seed, rates, exact):
    prune, lock = rates
    values, states = draw(n, 2, prune=prune, lock=lock, seed=seed, exact_counts=exact, first=trial)
    for i in range(2):
        counts = (int(n * prune), int(n * lock)) if exact else None  # the products of these rates are exact
        expected_states, ks = naive.philox_draw(n, trial + i, seed, prune, lock, counts)
        np.testing.assert_array_equal(states[i], expected_states)
        np.testing.assert_array_equal(values[i], ks * 2.0**-52)
    assert values.shape == states.shape == (2, n)
    assert values.dtype == np.float64
    assert states.dtype == np.int8


@pytest.mark.parametrize(("n", "pitch"), [(512, 2.0**-52), (513, 2.0**-42), (2000, 2.0**-42)])
def test_long_trials_are_rounded_down_to_a_coarser_grid(n, pitch):
    values, states = draw(n, 2, prune=0.3, lock=0.2, seed=9, first=4)
    for i in range(2):
        expected_states, ks = naive.philox_draw(n, 4 + i, 9, 0.3, 0.2)
        np.testing.assert_array_equal(states[i], expected_states)
        np.testing.assert_array_equal(values[i], np.floor(ks * 2.0**-52 / pitch) * pitch)


def test_the_grid_keeps_every_sum_below_two_to_the_62():
    for n in (0, 1, 512, 513, 2**19):
        assert 2 * n * 2 ** grid_bits(n) <= 2**62
        assert (n + 511) * 2 ** grid_bits(n) < 2**62
    with pytest.raises(ValueError, match="n must be at most 524288"):
        grid_bits(2**19 + 1)


@given(n=st.integers(0, 40), more=st.integers(0, 40), rates=rates, seed=st.integers(0, 99))
def test_fewer_variables_are_a_prefix_and_fewer_trials_too(n, more, rates, seed):
    law = {"prune": rates[0], "lock": rates[1], "seed": seed}
    long_values, long_states = draw(n + more, 5, **law)
    values, states = draw(n, 2, first=3, **law)
    np.testing.assert_array_equal(values, long_values[3:, :n])
    np.testing.assert_array_equal(states, long_states[3:, :n])


@given(n=st.integers(0, 120), seed=st.integers(0, 2**64 - 1), cents=st.tuples(st.integers(0, 100), st.integers(0, 100)))
def test_exact_counts_are_exact(n, seed, cents):
    a, b = cents[0], min(cents[1], 100 - cents[0])
    _, states = draw(n, 3, prune=a / 100, lock=b / 100, seed=seed, exact_counts=True)
    assert ((states == -1).sum(axis=1) == n * a // 100).all()
    assert ((states == 1).sum(axis=1) == n * b // 100).all()


def test_exact_counts_forgive_the_rounding_of_the_product_only():
    assert 100 * 0.29 < 29
    assert count(100, 0.29) == 29
    assert count(100, 0.2899999) == 28


def test_exact_counts_put_the_states_at_random_places():
    n, trials = 10, 20_000
    _, states = draw(n, trials, prune=0.3, lock=0.2, seed=1, exact_counts=True)
    for state, share in ((-1, 0.3), (1, 0.2), (0, 0.5)):
        for place in (states == state).sum(axis=0):
            assert lower_limit(place, trials, 1e-7) < share < upper_limit(place, trials, 1e-7)
    both = (states[:, 0] == -1) & (states[:, 1] == -1)  # without replacement: 3/10 * 2/9
    assert lower_limit(both.sum(), trials, 1e-7) < 6 / 90 < upper_limit(both.sum(), trials, 1e-7)


def test_draws_follow_their_law():
    values, states = draw(50, 4000, prune=0.4, lock=0.3, seed=3)
    total = values.size
    for state, share in ((-1, 0.4), (1, 0.3), (0, 0.3)):
        k = int((states == state).sum())
        assert lower_limit(k, total, 1e-7) < share < upper_limit(k, total, 1e-7)
    for edge in np.linspace(-0.9, 0.9, 10):  # the distribution function, also given the state
        for chosen in (values.ravel(), values[states == 0], values[states == 1]):
            k = int((chosen < edge).sum())
            assert lower_limit(k, chosen.size, 1e-8) < (edge + 1) / 2 < upper_limit(k, chosen.size, 1e-8)
    # neighbouring variables and trials share no sign more often than by chance
    for left, right in ((values[:, 1:], values[:, :-1]), (values[1:], values[:-1])):
        k = int(((left > 0) == (right > 0)).sum())
        assert lower_limit(k, left.size, 1e-7) < 0.5 < upper_limit(k, left.size, 1e-7)


def test_thresholds_are_rounded_the_safe_way():
    assert gap_units(0.25, 3) == 4
    assert gap_units(0.3, 3) == 4  # 4.8 units: longer gaps are too long
    assert point_units(0.3, 3) == 3  # 2.4 units
    assert point_units(-0.3, 3) == -3
    assert point_units(0.25, 3) == 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"prune": 0.7, "lock": 0.4}, "prune \\+ lock must be at most 1"),
        ({"prune": -0.1}, "prune must lie in"),
        ({"seed": 2**64}, "seed must be below"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"first": -1}, "first must be at least 0"),
        ({"n": -1}, "n must be at least 0"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"trials": -1}, "trials must be at least 0"),
    ],
)
def test_bad_arguments_get_one_line(arguments, line):
    with pytest.raises(ValueError, match=f"^{line}") as error:
        draw(**{"n": 3, "trials": 1, **arguments})
    assert "\n" not in str(error.value)
