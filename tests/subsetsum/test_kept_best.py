"""Best subsets with a prescribed number of kept variables against all masks that comply."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subsetsum import best_subsets
from tests import naive
from tests.subsetsum.problems import KINDS, problem
from tests.subsetsum.test_kept import asked_of, masks, wanted


def complying(states, **asked):
    return masks(tuple(int(s) for s in states), tuple(wanted(len(states), **asked).items()))


@pytest.mark.parametrize("kind", KINDS)
def test_errors_equal_brute_force_and_masks_comply_and_attain_them(kind):
    rng = np.random.default_rng(500 + KINDS.index(kind))
    infinite = finite = 0
    for n in (0, 1, 4, 6, 8):
        for asked in asked_of(n):
            problems = [problem(rng, kind, n) for _ in range(20)]
            # multiples of 2**-40, whose sums are exact in float64
            values = np.array([x >> 12 for x, _, _ in problems])
            states = np.array([s for _, s, _ in problems])
            targets = rng.integers(-(2**41), 2**41, len(problems))
            errors, found = best_subsets(targets=targets / 2**40, values=values / 2**40, states=states, **asked)
            for target, x, state, error, mask in zip(targets, values, states, errors, found, strict=True):
                allowed = complying(state, **asked)
                if not allowed:
                    assert error == np.inf
                    assert not mask.any()
                    infinite += 1
                    continue
                assert tuple(mask.astype(int)) in allowed
                assert abs(target - x[mask].sum()) == error * 2**40
                assert error * 2**40 == np.abs(naive.kept_sums(x, allowed) - target).min()
                finite += 1
    assert min(infinite, finite) > 100


@pytest.mark.parametrize("n", [12, 13])
def test_longer_problems_equal_the_enumeration(n):
    rng = np.random.default_rng(n)
    values, targets = rng.integers(-40, 41, (20, n)) / 8, rng.integers(-100, 100, 20) / 16
    states = rng.choice(np.array([-1, 0, 0, 0, 0, 0, 1]), (20, n))
    for asked in asked_of(n):
        errors, found = best_subsets(targets=targets, values=values, states=states, **asked)
        for i in range(20):
            allowed = np.array(complying(states[i], **asked), float).reshape(-1, n)
            assert errors[i] == np.abs(allowed @ values[i] - targets[i]).min(initial=np.inf)
            assert np.isinf(errors[i]) or errors[i] == abs(values[i][found[i]].sum() - targets[i])


@given(
    target=st.floats(-1e3, 1e3),
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=7),
    size=st.integers(0, 7),
)
def test_arbitrary_floats_are_within_the_stated_rounding_of_the_optimum(target, values, size):
    errors, found = best_subsets(targets=[target], values=[values], size=size)
    exact = [Fraction(x) for x in values]
    n = len(values)
    sums = [sum(x for x, taken in zip(exact, mask, strict=True) if taken) for mask in naive.kept_masks([0] * n, size)]
    if not sums:
        assert errors[0] == np.inf
        return
    optimum = min(abs(Fraction(target) - s) for s in sums)
    attained = abs(Fraction(target) - sum(x for x, taken in zip(exact, found[0], strict=True) if taken))
    largest = max(map(abs, [*exact, Fraction(target)]))
    assert found[0].sum() == size
    assert optimum <= attained <= optimum + largest * (n + 1) ** 2 / 2**58
    assert abs(Fraction(errors[0]) - attained) <= attained / 2**51 + largest * (n + 1) ** 2 / 2**110


def test_the_best_size_is_the_best_of_all():
    rng = np.random.default_rng(1)
    values, targets = rng.uniform(-1, 1, (50, 16)), rng.uniform(-1, 1, 50)
    any_number = best_subsets(targets=targets, values=values)[0]
    by_size = [best_subsets(targets=targets, values=values, size=size)[0] for size in range(17)]
    np.testing.assert_allclose(np.min(by_size, axis=0), any_number, rtol=1e-9, atol=1e-17)


def test_negated_numbers_and_complements_have_the_same_errors():
    rng = np.random.default_rng(2)
    values, targets = rng.integers(-(2**40), 2**40, (100, 15)) / 2**40, rng.integers(-(2**40), 2**40, 100) / 2**40
    for size in (2, 7, 11):
        errors, found = best_subsets(targets=targets, values=values, size=size)
        np.testing.assert_array_equal(best_subsets(targets=-targets, values=-values, size=size)[0], errors)
        others, left = best_subsets(targets=values.sum(axis=1) - targets, values=values, size=15 - size)
        np.testing.assert_array_equal(others, errors)
        np.testing.assert_array_equal(left, ~found)


def test_neither_threads_nor_chunks_nor_neighbours_change_a_result():
    rng = np.random.default_rng(3)
    values, targets = rng.uniform(-1, 1, (1500, 12)), rng.uniform(-1, 1, 1500)
    for asked in ({"size": 5}, {"keep": "2:4"}):
        one, two = (best_subsets(targets=targets, values=values, jobs=jobs, **asked) for jobs in (1, 2))
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
        part = best_subsets(targets=targets[700:720], values=values[700:720], **asked)
        np.testing.assert_array_equal(part[1], one[1][700:720])


def test_few_of_many_are_found():
    """The sums that comply count, not the numbers: pairs of a thousand are few."""
    values = np.random.default_rng(4).integers(-(2**40), 2**40, 1000) / 2**40
    error, mask = best_subsets(targets=[0.3], values=values, size=2)
    pairs = np.add.outer(values, values)[np.triu_indices(1000, 1)]
    assert mask.sum() == 2
    assert error[0] == np.abs(pairs - 0.3).min() == abs(values[mask[0]].sum() - 0.3)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"size": 1, "sparsity": 0.5}, "size and sparsity both say how many variables are kept"),
        ({"size": -1}, "size must be at least 0"),
        ({"keep": "2:4"}, "n must be a multiple of 4 for keep 2:4, got 3"),
        ({"values": np.ones(120), "size": 60}, "all sums with exactly 60 of the free variables would take .* GiB"),
        ({"values": np.ones(2**17), "sparsity": 0.5}, "n = 131072 is too large where the number of kept variables"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, line):
    with pytest.raises(ValueError, match=f"^{line}") as caught:
        best_subsets(**{"targets": [1.0], "values": [1.0, 2.0, 3.0], **arguments})
    assert "\n" not in str(caught.value)
