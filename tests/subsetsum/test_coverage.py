"""Coverage decisions and worst errors of random trials against brute force, and what must not change them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subsetsum import covers, covers_values, draw, success_counts, success_probability, targets, worst_errors
from subsetsum.kernels import trials as kernels
from subsetsum.kernels.grid import scratch
from tests import naive
from tests.subsetsum.problems import KINDS, problem


def brute_force(n, trials, radius=1.0, **law):
    """Worst errors (trials,) as exact floats: everything here is a multiple of 2**-53 below 1."""
    values, states = draw(n, trials, **law)
    units = np.ldexp(values, 52).astype(np.int64)
    window = -int(-Fraction(radius) * 2**52 // 1)
    twice = [naive.twice_worst_error(naive.subset_sums(x, s), window) for x, s in zip(units, states, strict=True)]
    return np.ldexp(np.array(twice, float), -53)


def covered(eps, trials, radius=1.0, **law):
    """The same decisions for this very eps and radius, in fractions."""
    values, states = draw(trials=trials, **law)
    units = np.ldexp(values, 52).astype(np.int64)
    ends = Fraction(radius) * 2**52, Fraction(eps) * 2**52
    return [naive.covers(naive.subset_sums(x, s), *ends) for x, s in zip(units, states, strict=True)]


SETTINGS = [
    {"n": n, "prune": p, "lock": q, "radius": radius, "exact_counts": exact, "seed": seed}
    for seed, (n, p, q, radius, exact) in enumerate(
        [
            (0, 0.0, 0.0, 1.0, False),
            (1, 0.2, 0.3, 0.5, False),
            (3, 0.0, 0.0, 1.0, False),
            (6, 0.0, 0.3, 0.7, True),
            (8, 0.4, 0.3, 1.0, False),
            (9, 0.0, 0.0, 0.5, False),
            (14, 0.4, 0.3, 1.0, True),
            (20, 0.3, 0.5, 2.0, False),
            (12, 1.0, 0.0, 0.3, False),
            (7, 0.0, 1.0, 0.3, False),
            (25, 0.5, 0.5, 0.1, True),
        ]
    )
]


@pytest.mark.long(keep=2)
@pytest.mark.parametrize("setting", SETTINGS)
def test_covers_and_worst_errors_equal_brute_force(setting):
    trials = 200
    expected = brute_force(trials=trials, **setting)
    received = worst_errors(trials=trials, **setting)
    # above 1 the float64 nearest to the exact error is reported, below 1 the error itself
    np.testing.assert_array_equal(received, expected)
    for eps in (0.75, 0.3, 0.1, 0.04, 0.01, 1e-3):
        np.testing.assert_array_equal(covers(trials=trials, eps=eps, **setting), covered(eps, trials, **setting))
        np.testing.assert_array_equal(worst_errors(trials=trials, floor=eps, **setting), np.maximum(expected, eps))


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS[1:9] if setting["radius"] >= 0.5])
def test_a_trial_is_covered_at_its_own_worst_error_and_not_below(setting):
    setting = setting | {"radius": round(setting["radius"] * 8) / 8}  # on the grid: errors are of a radius rounded up
    for i, error in enumerate(worst_errors(trials=20, **setting)):
        if error < 1:
            assert covers(trials=i + 1, eps=error, **setting)[i]
            assert not covers(trials=i + 1, eps=np.nextafter(error, 0), **setting)[i]


@pytest.mark.parametrize("radius", [0.3, 0.1, 0.7, 1 / 3, 1e-17, 5.0e-324, 0.9999999])
@pytest.mark.parametrize("n", [0, 3, 600])
def test_nothing_locked_and_eps_from_the_radius_on_is_covered_by_every_measurement(radius, n):
    for eps in (radius, np.nextafter(radius, 1), min(2 * radius, (1 + radius) / 2)):
        if n and eps < 1e-9:
            continue  # refused: the other sums would not fit into memory
        assert covers(n, eps, 20, radius=radius, prune=0.5).all()
        counts = success_counts(n, eps, 20, radius=radius, prune=0.5, targets=targets(radius))
        assert (counts.uniform == 20).all()
        assert (counts.pointwise == 20).all()
        for reading in ("uniform", "pointwise"):
            assert success_probability(eps, n=n, trials=20, radius=radius, prune=0.5, reading=reading).value == 1
        x, states = draw(min(n, 3), 20, prune=0.5)  # on a coarse grid: large numbers beside a small radius
        assert covers_values(values=1e6 * x, states=states, eps=eps, radius=radius).all()
    if n == 0 and radius > 1e-300:
        assert not covers(n, np.nextafter(radius, 0), 20, radius=radius).any()


@pytest.mark.parametrize("radius", [0.3, 0.1, 0.7, 1 / 3])
def test_ends_of_the_window_are_decided_for_the_radius_as_it_is(radius):
    """A sum reaches an end from eps = radius - sum on, not from there plus the rounding of the radius on."""
    for x in (0.0, 2.0**-52, 0.125, -3 * 2.0**-50):
        values, states = [[x, -x]], [0, 0]
        needed = Fraction(radius) - Fraction(abs(x))
        eps = float(needed) if Fraction(float(needed)) >= needed else float(np.nextafter(float(needed), 1))
        eps = max(eps, abs(x) / 2)
        assert covers_values(values=values, states=states, eps=eps, radius=radius)[0]
        assert not covers_values(values=values, states=states, eps=np.nextafter(eps, 0), radius=radius)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_equal_brute_force_at_and_around_the_threshold(kind):
    rng = np.random.default_rng(100 + KINDS.index(kind))
    n, trials = 11, 600
    problems = [problem(rng, kind, n) for _ in range(trials)]
    values = np.array([p[0] for p in problems])
    states = np.array([p[1] for p in problems], np.int8)
    radius = np.array([p[2] for p in problems], np.int64)
    exact = np.array(
        [naive.twice_worst_error(naive.subset_sums(x, s), r) for x, s, r in zip(values, states, radius, strict=True)]
    )
    room = scratch(2**40, 2**57, n)
    covered = np.empty(trials, np.bool_)
    for eps2 in (exact - 1, exact, exact + 1, exact // 3, (exact * 0.99).astype(np.int64), exact * 2):
        kernels.decide_given(values, states, radius, np.maximum(eps2, 0), room, covered)
        np.testing.assert_array_equal(covered, exact <= np.maximum(eps2, 0))


def test_long_trials_agree_with_two_independent_routes():
    """At n in the hundreds nothing can be enumerated: the bitset, the chains and the exact errors must agree."""
    from subsetsum.curves import success_counts

    for n, prune, lock, eps in ((90, 0.4, 0.3, 2e-3), (300, 0.2, 0.7, 1e-2), (700, 0.1, 0.85, 1e-2)):
        law = {"prune": prune, "lock": lock, "seed": 5}
        covered = covers(n, eps, 60, **law)
        assert 0 < covered.sum() < 60
        np.testing.assert_array_equal(covered, worst_errors(n, 60, floor=eps / 2, **law) <= eps)
        for i in range(0, 60, 10):
            assert success_counts(n, eps, 10, first=i, **law).uniform[n] == covered[i : i + 10].sum()


def test_nothing_depends_on_threads_or_on_the_number_of_trials():
    law = {"prune": 0.3, "lock": 0.3, "seed": 2}
    covered, errors = covers(25, 0.02, 500, jobs=1, **law), worst_errors(25, 500, jobs=1, **law)
    assert 0 < covered.sum() < 500
    for jobs in (2, 3):
        np.testing.assert_array_equal(covers(25, 0.02, 500, jobs=jobs, **law), covered)
        np.testing.assert_array_equal(worst_errors(25, 500, jobs=jobs, **law), errors)
    np.testing.assert_array_equal(covers(25, 0.02, 77, **law), covered[:77])
    assert covers(25, 0.02, 0, **law).shape == worst_errors(25, 0, **law).shape == (0,)


@pytest.mark.parametrize("radius", [0.25, 1.0, 2.5])
def test_without_free_variables_the_error_is_radius_plus_the_locked_sum(radius):
    n, trials = 5, 50
    assert (worst_errors(0, 3, radius=radius) == radius).all()
    assert (worst_errors(n, 3, prune=1.0, radius=radius) == radius).all()
    values, _ = draw(n, trials, lock=1.0)
    np.testing.assert_allclose(worst_errors(n, trials, lock=1.0, radius=radius), radius + np.abs(values.sum(1)), 1e-15)


@pytest.mark.parametrize(("eps", "expected"), [(0.5, True), (np.nextafter(0.5, 0), False)])
def test_no_variables_cover_from_eps_equal_to_radius_on(eps, expected):
    assert covers(0, eps, 1, radius=0.5)[0] == expected


@given(
    n=st.integers(0, 9),
    p=st.integers(0, 8),
    q=st.integers(0, 8),
    eps=st.integers(1, 255),
    radius=st.integers(1, 600),
    seed=st.integers(0, 2**64 - 1),
    exact=st.booleans(),
)
def test_any_setting_equals_the_union_of_intervals(n, p, q, eps, radius, seed, exact):
    prune, lock = p / 8, min(q, 8 - p) / 8
    counts = (int(n * prune), int(n * lock)) if exact else None
    received = covers(
        n, eps / 256, 3, prune=prune, lock=lock, radius=radius / 256, seed=seed, exact_counts=exact, jobs=1
    )
    for trial in range(3):
        states, ks = naive.philox_draw(n, trial, seed, prune, lock, counts)
        assert received[trial] == naive.covers(naive.subset_sums(ks, states), radius * 2**44, eps * 2**44)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"eps": 0.0}, "eps must lie strictly between 0 and 1"),
        ({"eps": 1.0}, "eps must lie strictly between 0 and 1"),
        ({"radius": 0.0}, "radius must be above 0"),
        ({"radius": 512.0}, "radius must be at most 511"),
        ({"prune": 0.6, "lock": 0.6}, "prune \\+ lock must be at most 1"),
        ({"n": 2**19 + 1}, "n must be at most 524288"),
        ({"n": -1}, "n must be at least 0"),
        ({"trials": -1}, "trials must be at least 0"),
        ({"jobs": 0}, "jobs must be at least 1"),
        ({"n": 200, "eps": 1e-15}, "eps = 1e-15 is too small: the subset sums would take about .* GiB"),
    ],
)
def test_bad_arguments_get_one_line(arguments, line):
    with pytest.raises(ValueError, match=f"^{line}") as error:
        covers(**{"n": 3, "eps": 0.1, "trials": 1, **arguments})
    assert "\n" not in str(error.value)


def test_worst_errors_refuse_what_memory_would_not_hold():
    with pytest.raises(ValueError, match=r"^floor = 0 is too small: .* GiB"):
        worst_errors(70, 1)
    with pytest.raises(ValueError, match=r"^floor must lie in"):
        worst_errors(3, 1, floor=-0.1)
    assert worst_errors(70, 1, floor=0.01) == 0.01
