"""A user's own numbers: exact on dyadic fractions, stated rounding on others, and the symmetries of the problem."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import subsetsum
from subsetsum import covers, draw
from tests import naive

# multiples of 1/64: every sum is exact, so that equality means equality
problems = st.integers(0, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-100, 100), min_size=n, max_size=n),
        st.lists(st.sampled_from([-1, 0, 0, 0, 1]), min_size=n, max_size=n),
    )
)


def covers_values(values, states, eps, *, radius=1.0):
    return subsetsum.covers_values(values=values, states=states, eps=eps, radius=radius)


def received(x, states, eps, radius, scale=1 / 64):
    return covers_values(np.array(x, float) * scale, np.array(states, int), eps * scale, radius=radius * scale)[0]


@given(problem=problems, radius=st.integers(1, 200), slack=st.sampled_from([-1, 0, 1, 7]))
def test_dyadic_numbers_equal_brute_force(problem, radius, slack):
    x, states = problem
    sums = naive.subset_sums(np.array(x, np.int64), states)
    twice = int(naive.twice_worst_error(sums, radius))
    if twice + slack > 0:
        assert received(x, states, (twice + slack) / 2, radius) == (slack >= 0)
        assert naive.covers(sums, radius, (twice + slack) / 2) == (slack >= 0)


@pytest.mark.long
@given(
    problem=problems, radius=st.integers(1, 200), eps=st.integers(1, 90), power=st.integers(-1000, 900), data=st.data()
)
def test_order_sign_scale_and_pruned_numbers_do_not_matter(problem, radius, eps, power, data):
    x, states = problem
    expected = received(x, states, eps, radius)
    order = data.draw(st.permutations(range(len(x))))
    assert received([x[i] for i in order], [states[i] for i in order], eps, radius) == expected
    assert received([-v for v in x], states, eps, radius) == expected
    assert received(x, states, eps, radius, 2.0**power) == expected
    assert received([*x, 1e9], [*states, -1], eps, radius) == expected
    assert received([*x, 0], [*states, 0], eps, radius) == expected
    if expected:  # more choice and less to cover never hurt
        assert received([*x, 17], [*states, 0], eps, radius)
        assert received(x, states, eps + 1, radius)
        assert received(x, states, eps, radius - 0.5)


def test_the_drawn_numbers_give_the_drawn_answers():
    for seed, (n, eps) in enumerate(((5, 0.3), (20, 0.03), (40, 0.01))):
        law = {"prune": 0.3, "lock": 0.3, "seed": seed}
        expected = covers(n, eps, 400, **law)
        assert 0 < expected.sum() < 400
        np.testing.assert_array_equal(covers_values(*draw(n, 400, **law), eps), expected)


def test_rows_are_decided_by_themselves():
    x = np.array([[0.5, -0.5], [1e300, 1e-300], [0.25, 0.25], [0.0, 0.0]])
    states = np.array([[0, 0], [0, 1], [1, -1], [0, 1]])
    together = covers_values(x, states, 0.5)
    assert together.tolist() == [covers_values(a, s, 0.5)[0] for a, s in zip(x, states, strict=True)]
    assert together.tolist() == [True, False, False, False]
    assert covers_values(x, [0, 0], 0.5).tolist() == [True, False, False, False]


def test_extreme_magnitudes_neither_overflow_nor_vanish():
    tiny, huge = 5e-324, 1.7e308
    assert covers_values([tiny], [0], tiny, radius=tiny)[0]
    assert covers_values([huge, -huge], [0, 0], huge, radius=huge)[0]
    assert not covers_values([huge, -huge], [0, 0], huge / 4, radius=huge)[0]
    assert covers_values([1.0], [1], 1e300)[0]
    assert covers_values([1.0, -1.0], [0, 0], 0.5, radius=1.0)[0]
    assert not covers_values([1.0, -1.0], [0, 0], np.nextafter(0.5, 0), radius=1.0)[0]


def test_no_numbers_are_a_problem_too():
    assert covers_values([], [], 1.0)[0]
    assert not covers_values([], [], np.nextafter(1.0, 0))[0]
    assert covers_values(np.empty((3, 0)), [], 2.0).tolist() == [True] * 3
    assert covers_values(np.empty((0, 4)), [0, 0, 0, 0], 0.1).shape == (0,)


def test_tied_lattices_are_decided_exactly():
    """Thousands of equal gaps leave the bitset undecided; no such answer reaches a user."""
    x = np.array([1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, -512.0]) / 512
    states = np.zeros(11, int)
    assert covers_values(x, states, 1 / 1024)[0]
    assert not covers_values(x, states, np.nextafter(1 / 1024, 0))[0]


@pytest.mark.parametrize(
    ("values", "states", "eps", "line"),
    [
        ([[1.0, 2.0], [3.0]], [0, 0], 0.1, "values must be a rectangular array"),
        ([1.0, np.nan], [0, 0], 0.1, "values must be finite"),
        ([1.0, np.inf], [0, -1], 0.1, "values must be finite"),
        (["a"], [0], 0.1, "every entry of values must be a number"),
        (np.zeros((2, 2, 2)), [0, 0], 0.1, "values must have shape"),
        ([1.0, 2.0], [0], 0.1, "states must have the shape"),
        ([1.0, 2.0], [[0], [0, 1]], 0.1, "states must be a rectangular array"),
        ([1.0, 2.0], [0, 2], 0.1, "states must be -1"),
        ([1.0, 2.0], [0, 0.5], 0.1, "states must be -1"),
        ([1.0], [0], 0.0, "eps must be above 0"),
        ([1.0], [0], np.inf, "eps must be finite"),
        (np.linspace(0.1, 1, 60), np.zeros(60, int), 1e-14, "eps = 1e-14 is too small: .* GiB"),
    ],
)
def test_bad_input_gets_one_line(values, states, eps, line):
    with pytest.raises(ValueError, match=f"^{line}") as error:
        covers_values(values, states, eps)
    assert "\n" not in str(error.value)
