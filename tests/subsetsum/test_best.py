"""Best subsets against all subsets."""

from fractions import Fraction
from math import fsum, ldexp

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import subsetsum
from tests import naive
from tests.subsetsum.problems import KINDS, problem

dyadics = st.integers(-(2**12), 2**12).map(lambda k: k / 2**8)


def best_subsets(targets, values, states=None, jobs=None):
    return subsetsum.best_subsets(targets=targets, values=values, states=states, jobs=jobs)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_equal_brute_force_and_masks_attain_them(kind):
    rng = np.random.default_rng(300 + KINDS.index(kind))
    n = 9
    problems = [problem(rng, kind, n) for _ in range(500)]
    # multiples of 2**-40, whose sums are exact in float64
    values = np.array([x >> 12 for x, _, _ in problems])
    states = np.array([s for _, s, _ in problems])
    targets = rng.integers(-(2**41), 2**41, len(problems))
    errors, masks = best_subsets(targets / 2**40, values / 2**40, states)
    for target, x, state, error, mask in zip(targets, values, states, errors, masks, strict=True):
        assert error * 2**40 == np.abs(naive.subset_sums(x, state) - target).min()
        assert abs(target - x[mask].sum()) == error * 2**40
        assert mask[state == 1].all()
        assert not mask[state == -1].any()


@given(target=dyadics, values=st.lists(dyadics, max_size=7), seed=st.integers(0, 2**32))
@example(target=0.0, values=[0.0], seed=0)
def test_small_problems_equal_the_product_over_all_choices(target, values, seed):
    states = np.random.default_rng(seed).integers(-1, 2, len(values))
    errors, masks = best_subsets([target], [values], [states])
    assert errors[0] == naive.best_subset(target, values, states)[0]
    assert errors[0] == abs(target - fsum(np.array(values)[masks[0]]))


@given(
    target=st.floats(-1e3, 1e3),
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=7),
)
def test_arbitrary_floats_are_within_the_stated_rounding_of_the_optimum(target, values):
    errors, masks = best_subsets([target], [values])
    exact = [Fraction(x) for x in values]
    optimum = naive.best_subset(Fraction(target), exact, [0] * len(values))[0]
    attained = abs(Fraction(target) - sum(x for x, taken in zip(exact, masks[0], strict=True) if taken))
    n = len(values)
    largest = max(map(abs, [*exact, Fraction(target)]))
    assert optimum <= attained <= optimum + largest * (n + 1) ** 2 / 2**58
    assert abs(Fraction(errors[0]) - attained) <= attained / 2**51 + largest * (n + 1) ** 2 / 2**110


def test_the_error_of_unrounded_floats_is_their_exact_sum():
    rng = np.random.default_rng(0)
    values, targets = rng.uniform(-1, 1, (2000, 18)), rng.uniform(-1, 1, 2000)
    errors, masks = best_subsets(targets, values)
    expected = [abs(fsum([-t, *x[mask]])) for t, x, mask in zip(targets, values, masks, strict=True)]
    np.testing.assert_allclose(errors, expected, rtol=1e-12)
    assert 1e-6 < np.median(errors) < 3e-5  # 2^18 sums, about 1.5e5 of them near the target per unit of length


@pytest.mark.parametrize("power", [-1060, -300, 40, 1000])
def test_scaling_by_powers_of_two_scales_the_errors_from_the_smallest_to_the_largest_floats(power):
    rng = np.random.default_rng(1)
    values, targets = rng.integers(-(2**10), 2**10, (50, 12)) * 1.0, rng.integers(-(2**12), 2**12, 50) * 1.0
    errors, masks = best_subsets(targets, values)
    scaled, scaled_masks = best_subsets(np.ldexp(targets, power), np.ldexp(values, power))
    np.testing.assert_array_equal(scaled, np.ldexp(errors, power))
    np.testing.assert_array_equal(scaled_masks, masks)


def test_permuting_and_negating_keep_the_errors():
    rng = np.random.default_rng(2)
    values, targets = rng.integers(-(2**40), 2**40, (300, 15)) / 2**40, rng.integers(-(2**40), 2**40, 300) / 2**40
    states = rng.choice(np.array([-1, 0, 0, 1]), values.shape)
    errors, _ = best_subsets(targets, values, states)
    order = rng.permutation(15)
    np.testing.assert_array_equal(best_subsets(targets, values[:, order], states[:, order])[0], errors)
    np.testing.assert_array_equal(best_subsets(-targets, -values, states)[0], errors)


def test_neither_threads_nor_chunks_nor_neighbours_change_a_result():
    rng = np.random.default_rng(3)
    values, targets = rng.uniform(-1, 1, (1500, 10)), rng.uniform(-1, 1, 1500)
    one, two = best_subsets(targets, values, jobs=1), best_subsets(targets, values, jobs=2)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    part = best_subsets(targets[700:720], values[700:720])
    np.testing.assert_array_equal(part[1], one[1][700:720])


def test_shared_values_are_the_same_problem_for_every_target():
    rng = np.random.default_rng(4)
    values, states, targets = rng.uniform(-1, 1, 9), rng.integers(-1, 2, 9), rng.uniform(-2, 2, 30)
    errors, masks = best_subsets(targets, values, states)
    expected = best_subsets(targets, np.tile(values, (30, 1)), np.tile(states, (30, 1)))
    np.testing.assert_array_equal(errors, expected[0])
    np.testing.assert_array_equal(masks, expected[1])


def test_nothing_to_choose_is_legal():
    errors, masks = best_subsets([0.25, -3.0], np.empty((2, 0)))
    assert errors.tolist() == [0.25, 3.0]
    assert masks.shape == (2, 0)
    errors, masks = best_subsets([1.0], [[0.5, 4.0]], [[1, -1]])
    assert errors.tolist() == [0.5]
    assert masks.tolist() == [[True, False]]
    errors, masks = best_subsets([], [0.5])
    assert errors.shape == (0,)
    assert masks.shape == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (([float("nan")], [1.0]), "targets must be finite"),
        (([1.0], [float("inf")]), "values must be finite"),
        (([1.0], [[1.0], [2.0, 3.0]]), "values must be a rectangular array"),
        (([1.0], ["a"]), "every entry of values must be a number, got 'a'"),
        ((1.0, [1.0]), r"targets must have shape \(B,\)"),
        (([1.0], [[1.0], [2.0]]), r"values must have shape \(n,\) or \(1, n\)"),
        (([1.0], 1.0), "values must have shape"),
        (([1.0], [1.0], [[0]]), "states must have the shape of values"),
        (([1.0], [1.0], [2]), "states must be -1 .* got 2"),
        (([1.0], [1.0], [0.5]), "states must be -1 .* got 0.5"),
        (([1.0], [1.0], None, 0), "jobs must be at least 1"),
        (([1.0], np.ones(120)), "120 free numbers would take 1.72e[+]10 GiB of memory"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, line):
    with pytest.raises(ValueError, match=line) as caught:
        best_subsets(*arguments)
    assert "\n" not in str(caught.value)


def test_errors_beyond_the_largest_float_are_infinite():
    errors, _ = best_subsets([-ldexp(1.9, 1023)], [ldexp(1.9, 1023)], [1])
    assert errors.tolist() == [float("inf")]


@pytest.mark.parametrize("n", [13, 14, 15, 18, 21])
def test_masks_attain_the_error_when_sums_above_and_below_are_equally_near(n):
    # even sums and odd targets: the two neighbours of a target are often the same distance away
    values = np.random.default_rng(n).integers(0, 50, (300, n)) * 2.0
    targets = np.floor(values.sum(axis=1) / 4) * 2 + 1
    errors, masks = best_subsets(targets, values)
    assert np.array_equal(np.abs((values * masks).sum(axis=1) - targets), errors)
