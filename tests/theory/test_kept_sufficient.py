"""Bounds for choices of a fixed size: above what plain enumeration finds, monotone, and wrong factors are noticed."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import beta, multinomial

import theory.kept_sufficient as module
from slt.core.keep import Groups, Share, Size
from theory.kept_sufficient import failure_at_most_kept, sufficient_kept_n


def fails(values, locked, kept, eps, radius):
    """Whether some |z| <= radius is further than eps from each sum of locked ones and ``kept`` of the values."""
    if not 0 <= kept <= len(values):
        return True
    return gap_is_left(np.array([sum(chosen) for chosen in combinations(values, kept)]) + locked, eps, radius)


def gap_is_left(sums, eps, radius):
    """Whether some |z| <= radius is further than eps from each of the sums."""
    ends = np.concatenate([[-np.inf], np.sort(sums), [np.inf]])
    low, high = np.maximum(ends[:-1] + eps, -radius), np.minimum(ends[1:] - eps, radius)
    return bool((low < high).any())


def failing_at_least(n, eps, keep, radius, prune, lock, draws, seed=1):
    """Lower limit, 99.9 % confidence, of the failure probability; plain enumeration."""
    generator, failed = np.random.default_rng(seed), 0
    for _ in range(draws):
        state = generator.choice(3, n, p=[prune, lock, 1 - prune - lock])
        values = generator.uniform(-1, 1, n)
        kept = keep.count if isinstance(keep, Size) else keep.kept(n) - int((state == 1).sum())
        failed += fails(values[state == 2].tolist(), values[state == 1].sum(), kept, eps, radius)
    return beta.ppf(0.001, failed, draws - failed + 1) if failed else 0.0


SETTINGS = [
    (8, 0.5, Share(0.5), 0.3, 0.0, 0.0), (12, 0.3, Share(0.5), 0.3, 0.0, 0.0), (12, 0.3, Share(0.7), 0.3, 0.0, 0.0),
    (8, 0.5, Share(0.5), 0.3, 0.1, 0.1), (12, 0.3, Size(5), 0.3, 0.1, 0.1), (8, 0.9, Share(0.25), 0.3, 0.0, 0.3),
]  # fmt: skip


@pytest.mark.parametrize(("n", "eps", "keep", "radius", "prune", "lock"), SETTINGS)
def test_no_draws_fail_more_often_than_the_bound(n, eps, keep, radius, prune, lock):
    bound = failure_at_most_kept(n, eps, keep, prune=prune, lock=lock, radius=radius)
    assert bound < 0.99  # it says something
    assert failing_at_least(n, eps, keep, radius, prune, lock, 600) <= bound


def test_enumeration_finds_what_fails():
    assert fails([0.5, -0.5], 0.0, 1, 0.5, 0.9) is False
    assert fails([0.5, -0.5], 0.0, 1, 0.4, 0.9) is True
    assert fails([0.5, -0.5], 0.0, 3, 0.9, 0.1) is True


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.3), (0.2, 0.2)])
@pytest.mark.parametrize("n", [5, 9])
def test_states_have_their_probabilities_and_the_others_are_counted(prune, lock, n):
    rates = module.checked_rates(prune, lock)
    states, outside = module._states(n, rates, 1e-3)
    assert len({(m, a) for m, a, _ in states}) == len(states)
    for m, a, weight in states:
        exact = multinomial.pmf([m, a, n - m - a], n, [rates.free, lock, prune]) if prune or lock else 1.0
        assert weight == pytest.approx(exact, rel=1e-6)
    assert sum(weight for *_, weight in states) + outside == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("keep", [Share(0.5), Size(12)])
def test_states_that_cannot_keep_so_many_fail(keep):
    assert failure_at_most_kept(10, 0.9, Size(11)) == 1
    # free and locked ones below the share: all of that is failure
    p = 0.95
    assert failure_at_most_kept(24, 0.9, keep, prune=p, radius=0.1) >= 0.99


@pytest.mark.parametrize("keep", [Share(0.5), Share(0.8)])
def test_the_bound_falls_with_eps_and_rises_with_the_radius(keep):
    by_eps = [failure_at_most_kept(60, eps, keep) for eps in (0.1, 0.03, 0.01)]
    assert by_eps == sorted(by_eps)
    by_radius = [failure_at_most_kept(60, 0.03, keep, radius=r) for r in (0.5, 1, 2)]
    assert by_radius == sorted(by_radius)
    assert by_eps[0] < by_eps[-1]
    assert by_radius[0] < by_radius[-1]


def test_more_is_needed_for_less_failure_and_the_answer_is_one():
    needed = [sufficient_kept_n(0.1, delta, Share(0.5)) for delta in (0.2, 0.05, 1e-3, 1e-12)]
    assert needed == sorted(set(needed))
    for delta, n in zip((0.2, 0.05, 1e-3), needed, strict=False):
        assert failure_at_most_kept(n, 0.1, Share(0.5)) <= delta < failure_at_most_kept(n - 1, 0.1, Share(0.5))


def test_the_best_plan_is_no_worse_than_any_other():
    best = module._best_plan(0.1, 1.0, 30, 0, 15)
    bound = module._at_state(0.1, 1.0, 30, 0, 15, best)
    for plan in (module.Plan(4, None), module.Plan(8, 0.4), module.Plan(10, 0.6), module.Plan(0, 0.0)):
        assert bound <= module._at_state(0.1, 1.0, 30, 0, 15, plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eps": 0}, "eps"), ({"eps": 1}, "eps"), ({"n": -1}, "n must"), ({"radius": 0}, "radius"),
        ({"prune": 0.6, "lock": 0.5}, "prune"), ({"n": 200_000}, "n must be at most"),
    ],
)  # fmt: skip
def test_bad_arguments_are_one_line(change, message):
    arguments = {"n": 20, "eps": 0.1, "keep": Share(0.5)} | change
    with pytest.raises(ValueError, match=message) as error:
        failure_at_most_kept(**arguments)
    assert "\n" not in str(error.value)


def test_a_count_has_no_sufficient_n():
    with pytest.raises(ValueError, match="a count does not grow"):
        sufficient_kept_n(0.1, 0.1, Size(3))
    with pytest.raises(ValueError, match="reading"):
        sufficient_kept_n(0.1, 0.1, Groups(1, 2), reading="some")
