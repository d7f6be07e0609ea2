"""Whole curves in n against one decision per n, and against brute force."""

from fractions import Fraction

import numpy as np
import pytest

from subsetsum import covers, success_counts, targets
from tests import naive


def in_units(z):
    return Fraction(z) * 2**52


SETTINGS = [
    (0.0, 0.0, 1.0, 0.05),
    (0.4, 0.3, 1.0, 0.1),
    (0.0, 0.5, 0.5, 0.02),
    (0.3, 0.0, 2.0, 0.2),
    (0.5, 0.5, 0.3, 0.5),
    (1.0, 0.0, 0.3, 0.4),
    (0.1, 0.3, 0.3, 0.001),
]


@pytest.mark.parametrize("exact_counts", [False, True])
@pytest.mark.parametrize(("prune", "lock", "radius", "eps"), SETTINGS)
def test_counts_equal_brute_force_at_every_n(prune, lock, radius, eps, exact_counts):
    n_max, seed = 10, 3
    points = np.array([0.0, radius, -radius, radius / 3, -0.77, 1.5 * radius])
    for trial in range(25):
        received = success_counts(
            n_max,
            eps,
            1,
            prune=prune,
            lock=lock,
            radius=radius,
            seed=seed,
            targets=points,
            first=trial,
            exact_counts=exact_counts,
        )
        assert received.trials == 1
        for n in range(n_max + 1):
            counts = (int(n * prune + 1e-9), int(n * lock + 1e-9)) if exact_counts else None
            states, ks = naive.philox_draw(n, trial, seed, prune, lock, counts)
            sums = naive.subset_sums(ks, states)
            assert received.uniform[n] == naive.covers(sums, in_units(radius), in_units(eps))
            hit = [naive.hits(sums, in_units(z), in_units(eps)) for z in points]
            assert received.pointwise[n].tolist() == hit


@pytest.mark.parametrize(
    ("prune", "lock", "radius", "eps", "n_max"),
    [(0.4, 0.3, 1.0, 1e-2, 60), (0.0, 0.0, 1.0, 1e-3, 24), (0.1, 0.6, 0.5, 3e-3, 60), (0.0, 0.3, 1.5, 1e-2, 30)],
)
@pytest.mark.parametrize("exact_counts", [False, True])
def test_a_curve_is_one_decision_per_n(prune, lock, radius, eps, n_max, exact_counts):
    law = {"prune": prune, "lock": lock, "radius": radius, "seed": 8, "exact_counts": exact_counts}
    trials = 60
    received = success_counts(n_max, eps, trials, **law)
    expected = [covers(n, eps, trials, jobs=1, **law).sum() for n in range(n_max + 1)]
    np.testing.assert_array_equal(received.uniform, expected)
    assert received.uniform[-1] > 0


@pytest.mark.parametrize("exact_counts", [False, True])
def test_chunks_of_trials_add_up(exact_counts):
    law = {"prune": 0.3, "lock": 0.3, "seed": 4, "targets": targets(), "exact_counts": exact_counts}
    whole = success_counts(30, 0.02, 100, **law)
    parts = success_counts(30, 0.02, 37, **law) + success_counts(30, 0.02, 63, first=37, **law)
    assert parts.trials == whole.trials == 100
    np.testing.assert_array_equal(parts.uniform, whole.uniform)
    np.testing.assert_array_equal(parts.pointwise, whole.pointwise)
    assert whole.uniform.shape == (31,)
    assert whole.pointwise.shape == (31, 9)
    assert whole.uniform.dtype == whole.pointwise.dtype == np.int64


def test_a_shorter_curve_is_the_beginning_of_a_longer_one():
    law = {"prune": 0.3, "lock": 0.4, "seed": 4, "targets": targets()}
    long, short = success_counts(40, 0.03, 50, **law), success_counts(17, 0.03, 50, **law)
    np.testing.assert_array_equal(short.uniform, long.uniform[:18])
    np.testing.assert_array_equal(short.pointwise, long.pointwise[:18])


def test_all_targets_inside_the_window_are_hit_at_least_as_often_as_all_at_once():
    for radius in (0.3, 1.0):
        law = {"prune": 0.4, "lock": 0.3, "radius": radius, "targets": np.r_[-radius, targets(radius)]}
        counts = success_counts(50, 0.01, 400, **law)
        assert (counts.pointwise >= counts.uniform[:, None]).all()
        assert counts.pointwise[-1].min() > counts.uniform[-1] > 0


def test_with_locked_variables_a_trial_can_lose_what_it_covered():
    lost = 0
    for trial in range(50):
        success = success_counts(60, 0.05, 1, prune=0.2, lock=0.5, first=trial).uniform
        lost += bool((np.diff(success) < 0).any())
    assert lost > 0
    for trial in range(50):  # without them it never does
        success = success_counts(60, 0.05, 1, prune=0.5, first=trial).uniform
        assert (np.diff(success) >= 0).all()
        assert success[-1] == 1


def test_targets_are_fixed_by_the_radius():
    np.testing.assert_array_equal(targets(2.0), [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2])
    for radius in (0.1, 0.7, 1 / 3, 511):
        points = targets(radius)
        assert points[0] == 0
        assert points[-1] == radius
    with pytest.raises(ValueError, match="^radius must be above 0"):
        targets(-1.0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"eps": 0}, "eps must lie strictly between 0 and 1"),
        ({"n_max": -1}, "n must be at least 0"),
        ({"trials": -1}, "trials must be at least 0"),
        ({"first": 2**62}, r"first \+ trials must be at most 2\*\*62"),
        ({"prune": 2.0}, "prune must lie in"),
        ({"targets": [[0.0]]}, "targets must be a vector, got shape"),
        ({"targets": [np.nan]}, "targets must be finite"),
        ({"targets": [512.0]}, "targets must be at most 511 in absolute value, got 512"),
        ({"targets": "x"}, "every entry of targets must be a number"),
        ({"n_max": 100, "eps": 1e-14}, "eps = 1e-14 is too small: .* GiB"),
    ],
)
def test_bad_arguments_get_one_line(arguments, line):
    with pytest.raises(ValueError, match=f"^{line}") as error:
        success_counts(**{"n_max": 3, "eps": 0.1, "trials": 1, **arguments})
    assert "\n" not in str(error.value)
