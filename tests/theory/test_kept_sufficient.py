"""Bounds for choices of a fixed size: above what plain enumeration finds, monotone, and wrong factors are noticed."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta, binom, multinomial

import theory.kept_sufficient as module
from slt.core.keep import Groups, Share, Size, groups_of
from theory.kept_sufficient import failure_at_most_kept, sufficient_kept_n
from theory.pairs import ladder_failure, ladder_short, pair_failures, step_failure
from theory.tops import tops_below


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


@pytest.mark.long(keep=4)
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


@pytest.mark.long
def test_locked_variables_count_as_kept():
    # K = 5 of 20, and more than 5 are locked with probability .874; five of the free ones would nearly always do
    more = binom.sf(5, 20, 0.4)
    assert failure_at_most_kept(20, 0.9, Share(0.75), lock=0.4, radius=0.3) >= more
    assert failure_at_most_kept(20, 0.9, Size(5), lock=0.4, radius=0.3) < more


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("keep", [Share(0.5), Share(0.8)])
def test_the_bound_falls_with_eps_and_rises_with_the_radius(keep):
    by_eps = [failure_at_most_kept(60, eps, keep) for eps in (0.1, 0.03, 0.01)]
    assert by_eps == sorted(by_eps)
    by_radius = [failure_at_most_kept(60, 0.03, keep, radius=r) for r in (0.5, 1, 2)]
    assert by_radius == sorted(by_radius)
    assert by_eps[0] < by_eps[-1]
    assert by_radius[0] < by_radius[-1]


@pytest.mark.long
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
        ({"n": 5000, "prune": 0.4, "lock": 0.3}, "states that matter"),
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


@pytest.mark.parametrize(("count", "radius"), [(5, 2.0), (3, 1.8)])
def test_where_reach_decides_half_of_the_bound_would_be_too_little(count, radius):
    # eps is large, so that draws fail where one of the two ends is out of reach
    generator, draws, eps, failed = np.random.default_rng(8), 1500, 0.9, 0
    for _ in range(draws):
        failed += fails(generator.uniform(-1, 1, 10).tolist(), 0.0, count, eps, radius)
    lower = beta.ppf(0.001, failed, draws - failed + 1)
    bound = failure_at_most_kept(10, eps, Size(count), radius=radius)
    assert bound / 2 < lower <= bound < 1


@pytest.mark.parametrize("plan", [module.Plan(5, None), module.Plan(6, 0.4), module.Plan(0, 0.0)])
def test_the_bound_of_a_state_is_the_sum_of_its_parts(plan):
    eps, radius, free, locked, kept = 0.3, 1.0, 20, 2, 9
    k, window = plan.pairs, 2.0 if plan.length is None else plan.length + 2 * eps
    cover = pair_failures(eps)[k] if plan.length is None else ladder_failure(eps, k) + ladder_short(plan.length, k)
    step = step_failure(window, kept - k, free - 2 * k)
    reach = tops_below(radius - window / 2, kept - k, free - 2 * k, locked=locked, halves=2 * k)
    expected = min(1.0, cover + step + 2 * reach)
    assert module._at_state(eps, radius, free, locked, kept, plan) == pytest.approx(expected, rel=1e-2)
    assert module._at_state(eps, radius, free, locked, kept, plan) >= expected * (1 - 1e-2)


def test_what_lies_outside_the_window_of_states_is_failure(monkeypatch):
    monkeypatch.setattr(module, "_states", lambda n, rates, tail: ([(60, 0, 0.6)], 0.4))
    inside = failure_at_most_kept(60, 0.1, Size(30))
    assert failure_at_most_kept(60, 0.1, Size(30), prune=0.01) == pytest.approx(inside, rel=1e-9)
    assert 0.4 < inside < 0.41


@pytest.mark.parametrize(("pairs", "kept", "free"), [(3, 5, 11), (2, 6, 10), (4, 5, 10), (0, 4, 9)])
def test_draws_with_a_ladder_short_steps_and_reach_never_fail(pairs, kept, free):
    # the theorem without its probabilities: the events of its proof, looked at in each draw
    generator, radius, succeeded = np.random.default_rng(pairs), 0.6, 0
    for _ in range(1500):
        eps, locked = generator.choice([0.1, 0.2, 0.4]), generator.uniform(-0.3, 0.3)
        values = generator.uniform(-1, 1, free)
        first, rest = np.sort(values[: 2 * pairs]), np.sort(values[2 * pairs :])
        differences = np.sort(first[1::2] - first[::2])
        if (differences > 2 * eps + np.cumsum(differences) - differences).any():
            continue
        window, more = differences.sum() + 2 * eps, kept - pairs
        if more not in (0, len(rest)) and np.diff(rest).max() > window:
            continue
        middle = locked + first.sum() / 2
        top, bottom = rest[len(rest) - more :].sum(), rest[:more].sum()
        if middle + top < radius - window / 2 or -middle - bottom < radius - window / 2:
            continue
        succeeded += 1
        assert not fails(values.tolist(), locked, kept, eps * (1 + 1e-12), radius)
    assert succeeded >= 20


def test_draws_whose_pairs_cover_their_window_and_whose_reach_is_long_enough_never_fail():
    generator, radius, eps, succeeded = np.random.default_rng(1), 1.5, 0.35, 0
    for _ in range(600):
        values = generator.uniform(-1, 1, 14)
        pairs = values[:10].reshape(5, 2)
        base = np.take_along_axis(pairs, np.abs(pairs).argmin(axis=1)[:, None], axis=1).sum()
        sums = np.zeros(1)
        for pair in pairs:
            sums = np.add.outer(sums, pair).ravel()
        if gap_is_left(sums - base, eps, 1.0):
            continue
        rest = np.sort(values[10:])
        if base + rest[2:].sum() < radius - 1 or -base - rest[:2].sum() < radius - 1:
            continue
        succeeded += 1
        assert not fails(values.tolist(), 0.0, 7, eps * (1 + 1e-12), radius)
    assert succeeded >= 20


@pytest.mark.long(keep=2)
@pytest.mark.pinned
@pytest.mark.parametrize("kept", ["sparsity .5", "sparsity .75", "1:2", "2:4", "1:8"])
def test_the_page_shows_what_is_computed(kept):
    page = (Path(__file__).parents[2] / "docs" / "sparsity.md").read_text()
    row = re.search(rf"^\| {re.escape(kept)} \| (.*) \|$", page, re.MULTILINE)
    numbers = [int(number) for number in row[1].split(" | ")]
    keep = groups_of(kept) if ":" in kept else Share(float(kept.split()[1]))
    assert [sufficient_kept_n(eps, 0.05, keep) for eps in (0.1, 0.01, 0.001)] == numbers[:3]
