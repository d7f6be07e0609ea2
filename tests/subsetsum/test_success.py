"""Estimated success probabilities against exact ones, and their limits against the definition."""

import numpy as np
import pytest

from slt.core.intervals import clopper_pearson, lower_limit, upper_limit
from subsetsum import covers, success_counts, success_probability, targets

SURE = 1 - 1e-7


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.2, 0.5), (0.3, 0.0), (0.0, 1.0)])
def test_one_variable_uniform(prune, lock):
    # radius 1/4 < eps 3/4: pruned or free always cover (the sum 0 does), locked covers when |X| <= eps - radius
    exact = 1 - lock + lock * 0.5
    received = success_probability(0.75, n=1, trials=4000, prune=prune, lock=lock, radius=0.25, confidence=SURE)
    assert received.lower <= exact <= received.upper
    assert received.upper - received.lower < 0.1


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.2, 0.5), (0.3, 0.0), (0.0, 1.0)])
def test_one_variable_pointwise(prune, lock):
    # eps 1/4, radius 1: z = 1 is hit when X is not pruned and at least 3/4 (probability 1/8), the least of all targets
    exact = (1 - prune) / 8
    received = success_probability(
        0.25, n=1, trials=4000, prune=prune, lock=lock, reading="pointwise", confidence=SURE, seed=1
    )
    assert received.lower <= exact <= received.upper
    assert received.upper - received.lower < 0.1


def test_the_uniform_estimate_counts_the_covered_trials():
    law = {"prune": 0.4, "lock": 0.3, "radius": 0.7, "seed": 6}
    expected = clopper_pearson(int(covers(40, 0.01, 300, **law).sum()), 300, 0.9)
    assert success_probability(0.01, n=40, trials=300, confidence=0.9, **law) == expected


@pytest.mark.parametrize("exact_counts", [False, True])
def test_the_pointwise_estimate_is_the_least_with_simultaneous_limits(exact_counts):
    law = {"prune": 0.4, "lock": 0.3, "radius": 0.7, "seed": 6, "exact_counts": exact_counts}
    hits = success_counts(30, 0.01, 300, targets=targets(0.7), **law).pointwise[30]
    assert len(set(hits.tolist())) > 1
    received = success_probability(0.01, n=30, trials=300, reading="pointwise", confidence=0.9, **law)
    assert received.value == hits.min() / 300
    assert received.lower == lower_limit(hits.min(), 300, 0.05)
    assert received.upper == upper_limit(hits.min(), 300, 0.05 / 9)
    assert received.trials == 300


@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_estimates_do_not_depend_on_threads(reading):
    law = {"prune": 0.3, "lock": 0.4, "reading": reading}
    assert success_probability(0.02, n=30, trials=1000, jobs=1, **law) == success_probability(
        0.02, n=30, trials=1000, jobs=2, **law
    )


def test_exact_counts_change_the_law():
    # exactly one of two variables is locked and none is free: two coins would lock none in 1 of 4 trials
    exact = {"prune": 0.5, "lock": 0.5, "radius": 0.5, "reading": "uniform", "confidence": SURE}
    fixed = success_probability(0.75, n=2, trials=4000, exact_counts=True, **exact)
    assert fixed.lower <= 0.25 <= fixed.upper  # |X| <= 1/4
    coins = success_probability(0.75, n=2, trials=4000, **exact)
    # none locked: covered; one: 1/4; two: |X + X'| <= 1/4 has probability 1/4 - (1/8)**2 = 15/64
    assert coins.lower <= 1 / 4 + 1 / 8 + 15 / 256 <= coins.upper
    assert coins.lower > fixed.upper


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"reading": "both"}, "reading must be one of uniform, pointwise"),
        ({"confidence": 1.0}, "confidence must lie strictly between 0 and 1"),
        ({"trials": 0}, "trials must be at least 1"),
        ({"eps": 2.0}, "eps must lie strictly between 0 and 1"),
        ({"eps": 2.0, "reading": "pointwise"}, "eps must lie strictly between 0 and 1"),
        ({"radius": -1.0, "reading": "pointwise"}, "radius must be above 0"),
        ({"n": 99, "eps": 1e-14, "reading": "pointwise"}, "eps = 1e-14 is too small: .* GiB"),
    ],
)
def test_bad_arguments_get_one_line(arguments, line):
    with pytest.raises(ValueError, match=f"^{line}") as error:
        success_probability(**{"n": 3, "eps": 0.1, "trials": 10, **arguments})
    assert "\n" not in str(error.value)


def test_importing_the_package_loads_no_compiler():
    import subprocess
    import sys

    code = "import sys, subsetsum; sys.exit(any(m in sys.modules for m in ('numba', 'joblib', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    import subsetsum

    assert set(subsetsum.__all__) == {name for name in subsetsum.__all__ if callable(getattr(subsetsum, name))}
    with pytest.raises(AttributeError, match="no attribute 'covered'"):
        _ = subsetsum.covered
    assert np.array_equal(subsetsum.targets(), targets())
