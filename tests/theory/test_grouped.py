"""N:M: states, compliance, laws of what groups keep, and bounds above what plain enumeration finds."""

from fractions import Fraction
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

import theory.grouped as module
from slt.core.keep import Groups
from slt.core.rates import Rates
from tests.theory.test_kept_sufficient import gap_is_left
from tests.theory.test_tops import exact_below
from theory.grouped import State, compliance, failure_at_most_grouped, group_states
from theory.kept_sufficient import failure_at_most_kept, sufficient_kept_n
from theory.pairs import closed_half_n, pair_failures

RATES = [Rates(), Rates(0.25, 0.125), Rates(0.5, 0.0), Rates(0.0, 0.25)]


def enumerated(keep, rates):
    """Probability of each (free, locked, kept) of a group that complies, over all 3^M patterns."""
    found = {}
    for pattern in product("plf", repeat=keep.of):
        free, locked = pattern.count("f"), pattern.count("l")
        chance = Fraction(rates.prune) ** pattern.count("p") * Fraction(rates.lock) ** locked
        chance *= Fraction(rates.free) ** free
        kept = keep.kept - locked
        if keep.lenient:
            kept = min(max(kept, 0), free)
        if chance and 0 <= kept <= free:
            found[free, locked, kept] = found.get((free, locked, kept), 0) + chance
    return found


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("keep", [Groups(2, 4), Groups(1, 3), Groups(2, 4, True), Groups(3, 3), Groups(0, 2)])
def test_states_of_a_group_and_its_compliance(keep, rates):
    states, complies = group_states(keep, rates)
    exact = enumerated(keep, rates)
    assert complies == pytest.approx(float(sum(exact.values())), rel=1e-12)
    assert {(s.free, s.locked, s.kept) for s in states} == set(exact)
    for s in states:
        assert s.probability * complies == pytest.approx(float(exact[s.free, s.locked, s.kept]), rel=1e-12)
        assert s.pairs == max(d for d in range(s.free) if d <= s.kept and d <= s.free - s.kept) if s.free else 1
        # what is always kept and one of each pair make the number that is kept
        assert s.always + s.pairs == s.locked + s.kept
    assert compliance(3 * keep.of, keep, prune=rates.prune, lock=rates.lock) == pytest.approx(complies**3)
    if rates.freezing and 0 < keep.kept < keep.of and not keep.lenient:
        assert complies <= 1 - rates.prune**keep.of - rates.lock**keep.of < 1


def test_strict_groups_of_frozen_variables_fail_in_the_end_and_say_so():
    keep = Groups(2, 4)
    bounds = [failure_at_most_kept(n, 0.1, keep, prune=0.1, lock=0.1) for n in (40, 200, 600)]
    assert bounds[-1] > 0.6
    for n, bound in zip((40, 200, 600), bounds, strict=True):
        assert bound >= 1 - compliance(n, keep, prune=0.1, lock=0.1)
    with pytest.raises(ValueError, match="comply"):
        sufficient_kept_n(0.1, 0.05, keep, prune=0.2, lock=0.2)
    assert compliance(400, Groups(2, 4, True), prune=0.4, lock=0.3) == 1
    # with few frozen ones some n are enough
    n = sufficient_kept_n(0.3, 0.3, keep, prune=0.01, lock=0.01, radius=0.5)
    assert failure_at_most_kept(n, 0.3, keep, prune=0.01, lock=0.01, radius=0.5) <= 0.3


@pytest.mark.parametrize("keep", [Groups(1, 2), Groups(2, 4), Groups(3, 3)])
@pytest.mark.parametrize(("prune", "lock"), [(2.0**-30, 0.0), (0.0, 2.0**-30), (2.0**-20, 2.0**-25)])
def test_rare_groups_that_do_not_comply_are_not_lost_to_rounding(keep, prune, lock):
    p, q, f = Fraction(prune), Fraction(lock), 1 - Fraction(prune) - Fraction(lock)
    rho = sum(
        Fraction(q ** pattern.count("l") * p ** pattern.count("p") * f ** pattern.count("f"))
        for pattern in product("plf", repeat=keep.of)
        if pattern.count("l") <= keep.kept and pattern.count("p") <= keep.of - keep.kept
    )
    fails = 1 - rho**500
    assert failure_at_most_kept(500 * keep.of, 0.1, keep, prune=prune, lock=lock) >= fails
    assert fails <= module._refused(500, keep, Rates(prune, lock)) <= fails * (1 + Fraction(1, 10**8))


def test_the_mean_cover_is_that_of_the_number_of_pairs():
    states = (State(0.25, 4, 0, 2), State(0.5, 3, 1, 1), State(0.25, 2, 2, 0))
    means = module._cover_means(3, 0.3, states)
    table, pairs = pair_failures(0.3), (2, 1, 0)
    for g in range(4):
        exact = 0.0
        for chosen in product(range(3), repeat=g):
            chance = np.prod([states[i].probability for i in chosen])
            exact += chance * table[sum(pairs[i] for i in chosen)]
        assert exact <= means[g] <= exact * (1 + 1e-8)


@pytest.mark.parametrize(("kept", "of"), [(1, 2), (2, 4), (3, 4), (3, 3), (7, 16), (15, 16)])
@pytest.mark.parametrize("s", [0.3, 5.0, 20.0, 2j, 40j])
def test_the_transform_of_the_largest(kept, of, s):
    found = module.largest_mean(np.array([s]), kept, of)[0]

    def given(v, part):
        one = (np.exp(-s * v) - np.exp(-s)) / (s * (1 - v)) if v < 1 else np.exp(-s)
        return part(one**kept) * beta.pdf((1 + v) / 2, of - kept, kept + 1) / 2

    if kept == of:
        expected = (np.sinh(s) / s) ** kept
    else:
        expected = complex(*(quad(given, -1, 1, args=(part,), limit=500)[0] for part in (np.real, np.imag)))
    assert abs(found - expected) <= 1e-7 * max(1, abs(expected))


def test_the_largest_of_two_have_a_closed_transform():
    s = 1.0
    assert module.largest_mean(np.array([s]), 1, 2)[0] == pytest.approx((np.e - 3 / np.e) / 2, rel=1e-13)


@pytest.mark.parametrize("c", [-2.0, -0.5, 0.4])
def test_what_covering_groups_keep_is_just_above_its_law(c):
    states = (State(1.0, 4, 1, 2),)  # one whole and four halves
    bound = module.groups_short(c, 4, np.array([4]), states)[0]
    exact = exact_below(Fraction(c), (4, 16, 0))
    noisy = exact_below(Fraction(c) + Fraction(1, 100), (4, 16, 0))
    assert exact <= bound <= noisy


def test_the_law_with_leading_groups_is_just_above_what_is_simulated():
    states, generator, draws = (State(0.5, 4, 0, 2), State(0.5, 3, 1, 1)), np.random.default_rng(4), 40_000
    total = np.zeros(draws)
    for covers in (True, True, True, False, False):
        which = generator.integers(0, 2, draws)
        for i, state in enumerate(states):
            values = np.sort(generator.uniform(-1, 1, (draws, state.free)), axis=1)
            if covers:
                part = generator.uniform(-0.5, 0.5, (draws, 2 * state.pairs)).sum(axis=1)
                part += generator.uniform(-1, 1, (draws, state.always)).sum(axis=1)
            else:
                part = values[:, state.free - state.kept :].sum(axis=1)
                part += generator.uniform(-1, 1, (draws, state.locked)).sum(axis=1)
            total += np.where(which == i, part, 0.0)
    for c in (-1.5, 0.5, 2.0):
        bound = module.groups_short(c, 5, np.array([3]), states)[0]
        assert abs(bound - (total < c).mean()) <= 4 * (0.25 / draws) ** 0.5 + 0.005
        assert bound >= (total < c).mean() - 3 * (0.25 / draws) ** 0.5


@pytest.mark.parametrize("at", [3.0, 10.0])
def test_sizes_of_the_transform_fall_as_is_said(at):
    states = tuple(group_states(Groups(2, 4, True), Rates(0.3, 0.3))[0])
    omega = np.linspace(at, at + 50, 500)
    assert (np.abs(module._mean(states, -1j * omega, "cover")) <= module._falls(states, at) + 1e-12).all()


@pytest.mark.parametrize("at", [3.0, 10.0])
@pytest.mark.parametrize(
    ("keep", "rates"),
    [(Groups(1, 2), Rates()), (Groups(1, 8), Rates()), (Groups(1, 4, True), Rates(0.2, 0.3))],
)
def test_sizes_of_both_transforms_fall_as_is_said(at, keep, rates):
    states = tuple(group_states(keep, rates)[0])
    omega, first = np.linspace(at, at + 30, 500), np.array([0, 1, 3])
    size = [np.abs(module._mean(states, -1j * omega, part)).max() for part in ("cover", "shift")]
    found = module._both_fall(states, at, 3, first)
    assert (size[0] ** first * size[1] ** (3 - first) <= found + 1e-12).all()
    assert found[0] < 1 or at < keep.of


def test_the_bound_of_groups_counts_both_ends_and_the_cover():
    states, groups, eps = tuple(group_states(Groups(2, 4), Rates())[0]), 20, 0.1
    cover = module._cover_means(groups, eps, states)
    each = [cover[g] + 2 * module.groups_short(0.5, groups, np.array([g]), states)[0] for g in range(5, groups)]
    bound = failure_at_most_grouped(80, eps, Groups(2, 4), Rates(), 1.5)
    assert bound == pytest.approx(min(each), rel=1e-3)
    assert failure_at_most_kept(80, eps, Groups(2, 4), radius=1.5) <= bound


@pytest.mark.parametrize("kept", range(1, 8))
def test_a_group_goes_from_its_smallest_to_its_largest_sum_in_steps_of_one_spacing(kept):
    values = np.sort(np.random.default_rng(kept).integers(-50, 50, 8)).tolist()
    spacing = max(b - a for a, b in pairwise(values))
    sums = sorted({sum(c) for c in combinations(values, kept)})
    assert max(b - a for a, b in pairwise(sums)) <= spacing


def grouped_sums(values, kept):
    sums = np.zeros(1)
    for group in values:
        sums = np.add.outer(sums, [sum(c) for c in combinations(group, kept)]).ravel()
    return sums


@pytest.mark.parametrize(
    ("keep", "n", "eps"), [(Groups(2, 4), 20, 0.5), (Groups(1, 2), 24, 0.6), (Groups(1, 3), 24, 0.6)]
)
def test_no_draws_fail_more_often_than_the_bound(keep, n, eps):
    generator, draws, radius, failed = np.random.default_rng(1), 300, 0.3, 0
    for _ in range(draws):
        values = generator.uniform(-1, 1, (n // keep.of, keep.of)).tolist()
        failed += gap_is_left(grouped_sums(values, keep.kept), eps, radius)
    bound = failure_at_most_kept(n, eps, keep, radius=radius)
    assert bound < 0.9
    assert (beta.ppf(0.001, failed, draws - failed + 1) if failed else 0) <= bound


def test_more_is_needed_for_less_failure_and_a_finer_eps():
    keep = Groups(2, 4)
    assert [sufficient_kept_n(0.1, d, keep) for d in (0.2, 0.05, 1e-4, 1e-12)] == sorted(
        {sufficient_kept_n(0.1, d, keep) for d in (0.2, 0.05, 1e-4, 1e-12)}
    )
    by_eps = [failure_at_most_kept(112, eps, keep) for eps in (0.1, 0.03, 0.01)]
    assert by_eps == sorted(set(by_eps))
    n = sufficient_kept_n(0.1, 0.05, keep)
    assert failure_at_most_kept(n, 0.1, keep) <= 0.05 < failure_at_most_kept(n - 4, 0.1, keep)


@pytest.mark.parametrize("keep", [Groups(1, 2), Groups(2, 4)])
@pytest.mark.parametrize(("eps", "delta"), [(0.1, 0.05), (0.01, 1e-6)])
def test_the_closed_form_is_above_the_evaluated_bound(keep, eps, delta):
    assert failure_at_most_kept(closed_half_n(eps, delta), eps, keep) <= delta


def test_bad_arguments_are_one_line():
    with pytest.raises(ValueError, match="multiple of 4"):
        failure_at_most_kept(10, 0.1, Groups(2, 4))
    with pytest.raises(ValueError, match="n must be at most"):
        failure_at_most_grouped(100_000, 0.1, Groups(2, 4), Rates(), 1.0)
    assert failure_at_most_kept(8, 0.1, Groups(0, 4)) == 1
    assert failure_at_most_kept(8, 0.1, Groups(4, 4), radius=0.2) == 1
