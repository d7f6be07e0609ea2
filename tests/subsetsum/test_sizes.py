"""Success at every number of kept variables against one decision a size, and against all masks."""

from fractions import Fraction

import numpy as np
import pytest

from subsetsum import covers, draw, success_by_size, success_probability
from tests import naive

SETTINGS = [
    (0, 0.0, 0.0, 1.0, 0.5),
    (1, 0.2, 0.3, 0.5, 0.3),
    (7, 0.0, 0.0, 0.5, 0.1),
    (9, 0.3, 0.2, 0.25, 0.05),
    (8, 0.1, 0.5, 1.0, 0.3),
    (6, 0.5, 0.5, 0.5, 0.6),
]


@pytest.mark.parametrize("exact_counts", [False, True])
@pytest.mark.parametrize(("n", "prune", "lock", "radius", "eps"), SETTINGS)
def test_counts_equal_brute_force_at_every_size(n, prune, lock, radius, eps, exact_counts):
    trials, seed = 40, 3
    points = np.array([0.0, radius, -radius, radius / 4, -0.77, 1.5 * radius])
    law = {"prune": prune, "lock": lock, "radius": radius, "seed": seed, "exact_counts": exact_counts}
    received = success_by_size(n, eps, trials, targets=points, **law)
    by_kept, by_free = np.zeros((2, n + 1, 1 + len(points)), int)
    units = [Fraction(z) * 2**52 for z in (radius, eps, *points)]
    for trial in range(trials):
        counts = (int(n * prune + 1e-9), int(n * lock + 1e-9)) if exact_counts else None
        states, ks = naive.philox_draw(n, trial, seed, prune, lock, counts)
        locked = int((states == 1).sum())
        for size in range(int((states == 0).sum()) + 1):
            sums = naive.kept_sums(ks, naive.kept_masks(states, size=size))
            hit = [naive.covers(sums, units[0], units[1]), *(naive.hits(sums, z, units[1]) for z in units[2:])]
            by_free[size] += hit
            by_kept[size + locked] += hit
    np.testing.assert_array_equal(received.uniform, by_kept[:, 0])
    np.testing.assert_array_equal(received.pointwise, by_kept[:, 1:])
    np.testing.assert_array_equal(received.free_uniform, by_free[:, 0])
    np.testing.assert_array_equal(received.free_pointwise, by_free[:, 1:])
    assert received.trials == trials
    assert by_free.max() > 0


@pytest.mark.parametrize(
    ("n", "law", "eps", "trials"),
    [
        (24, {}, 0.01, 60),
        (40, {"prune": 0.2, "lock": 0.3}, 0.03, 60),
        (30, {"radius": 0.25}, 3e-3, 20),
        (90, {"prune": 0.1, "lock": 0.1}, 0.02, 10),  # more free variables than bits are used for
        (520, {"prune": 0.5, "lock": 0.45, "radius": 0.1}, 0.1, 20),
    ],
)
def test_every_size_is_one_decision(n, law, eps, trials):
    counts = success_by_size(n, eps, trials, seed=8, **law)
    states = draw(n, trials, seed=8, **{name: law[name] for name in law if name != "radius"})[1]
    most = int((states == 0).sum(axis=1).max())
    expected = [covers(n, eps, trials, seed=8, size=size, **law).sum() for size in range(most + 1)]
    np.testing.assert_array_equal(counts.free_uniform[: most + 1], expected)
    assert not counts.free_uniform[most + 1 :].any()
    for kept in range(0, n + 1, max(n // 10, 1)):
        found = covers(n, eps, trials, seed=8, sparsity=1 - kept / n, **law)
        assert counts.uniform[kept] == found.sum()
    assert counts.uniform.sum() == counts.free_uniform.sum() > 0


def test_pointwise_counts_are_those_of_single_targets():
    counts = success_by_size(16, 0.003, 200, prune=0.1, lock=0.1, targets=np.linspace(0, 1, 9))
    for kept in (6, 8, 10):
        one = success_probability(
            0.003, n=16, trials=200, prune=0.1, lock=0.1, sparsity=1 - kept / 16, reading="pointwise"
        )
        assert one.value == counts.pointwise[kept].min() / 200 > 0


def test_chunks_add_up_and_nothing_depends_on_threads():
    law = {"prune": 0.2, "lock": 0.2, "seed": 4, "targets": [0.0, 0.3]}
    whole = success_by_size(20, 0.02, 100, jobs=1, **law)
    parts = success_by_size(20, 0.02, 37, jobs=3, **law) + success_by_size(20, 0.02, 63, first=37, jobs=2, **law)
    assert parts.trials == whole.trials == 100
    for name in ("uniform", "pointwise", "free_uniform", "free_pointwise"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    assert whole.pointwise.shape == whole.free_pointwise.shape == (21, 2)
    assert whole.uniform.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"eps": 0}, "eps must lie strictly between 0 and 1"),
        ({"n": -1}, "n must be at least 0"),
        ({"radius": 512}, "radius must be at most 511"),
        ({"trials": -1}, "trials must be at least 0"),
        ({"targets": [[0.0]]}, "targets must be a vector, got shape"),
        ({"jobs": 0}, "jobs must be at least 1"),
        ({"n": 2**19}, "n = 524288 is too large where the number of kept variables is prescribed"),
        ({"n": 100, "eps": 1e-14}, "eps = 1e-14 is too small: .* GiB"),
    ],
)
def test_bad_arguments_get_one_line(arguments, line):
    with pytest.raises(ValueError, match=f"^{line}") as error:
        success_by_size(**{"n": 3, "eps": 0.1, "trials": 1, **arguments})
    assert "\n" not in str(error.value)
