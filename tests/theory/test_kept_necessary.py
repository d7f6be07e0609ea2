"""Necessary where a choice keeps a given number: each inequality of the derivation, and no bound above the truth."""

from collections import defaultdict
from fractions import Fraction
from itertools import combinations, product
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from slt.core.keep import Groups, Share, Size, groups_of
from slt.core.rates import Rates
from tests.theory.kept_small import measured
from tests.theory.test_kept_estimate import told
from theory import kept_necessary, kept_reach
from theory.exact import irwin_hall
from theory.kept_lattice import below, largest_of, least_spread, mixture, point, uniform
from theory.kept_necessary import failure_at_least_kept, necessary_kept_n
from theory.kept_reach import both_ends, either_end, reach_of_groups, reach_of_size, share_below
from theory.kept_states import group_compliance, parts_of, states_at

HALF = Fraction(1, 2)
TRIALS = 100_000


def largest_sums(n, keep, rates, trials=TRIALS):
    """Return (complies, largest sum, smallest sum) of draws; the sums are 0 where the draw does not comply."""
    rng = np.random.default_rng(7)
    x, state = rng.uniform(-1, 1, (trials, n)), rng.random((trials, n))
    free, locked = state >= rates.freezing, (state >= rates.prune) & (state < rates.freezing)
    total = (x * locked).sum(axis=1)
    size = np.full(trials, keep.count) if isinstance(keep, Size) else keep.kept(n) - locked.sum(axis=1)
    complies = (size >= 0) & (size <= free.sum(axis=1))
    place = np.arange(n)
    ends = []
    for sign in (1, -1):
        down = -np.sort(np.where(free, -sign * x, np.inf), axis=1)
        ends.append(sign * np.where((place < size[:, None]) & complies[:, None], down, 0).sum(axis=1))
    return complies, total + ends[0], total + ends[1]


REACH = [
    # n, keep, prune, lock, c
    (20, Size(16), 0.0, 0.0, 0.99),
    (12, Size(3), 0.3, 0.0, 0.9),
    (25, Size(9), 0.2, 0.3, 0.95),
    (30, Share(0.5), 0.2, 0.2, 0.99),
    (18, Share(0.7), 0.0, 0.3, 0.7),
    (40, Share(0.55), 0.4, 0.3, 0.9),
    (14, Share(0.2), 0.0, 0.0, 1.5),
]


@pytest.mark.parametrize(("n", "keep", "prune", "lock", "c"), REACH)
def test_reach_is_at_most_the_probability_that_the_largest_sum_is_short_and_near_it(n, keep, prune, lock, c):
    rates = Rates(prune, lock)
    complies, largest, _ = largest_sums(n, keep, rates)
    exact = (complies & (largest < c)).mean()
    error = 4.5 * (exact * (1 - exact) / TRIALS) ** 0.5
    bound = reach_of_size(n, 1e-9, keep, rates, c + 1e-9)
    coarse = reach_of_size(n, 1e-9, keep, rates, c + 1e-9, coarse=True)
    assert exact > 0.01
    assert exact - error - 0.006 <= bound <= exact + error
    assert 0.5 * exact <= coarse <= bound + 1e-9


@pytest.mark.parametrize(("others", "cells"), [(3, 256), (7, 512), (15, 1024), (31, 2048)])
def test_narrow_terms_whose_waves_end_late_are_no_reason_to_say_more_than_is_true(others, cells):
    """Terms on [t, 1], t near 1, against the law of Irwin and Hall; columns for locked ones make the period long."""
    top, locked = 1 - 1 / cells, np.arange(60)
    weight = np.zeros((1, 60))
    weight[0, 0] = 1
    for x in np.linspace(0, others, 21):
        exact = sum((-1) ** k * comb(others, k) * max(Fraction(x) - k, 0) ** others for k in range(others + 1))
        c = top * (1 + others) + x * (1 - top)
        found = kept_reach._below(c, np.array([top]), np.zeros(1), others, locked, weight)
        assert found <= exact / factorial(others) + 1e-9


@pytest.mark.long
def test_reach_of_few_is_what_integration_gives():
    dense = Rates()
    for c in (0.25, 0.5, 0.9):
        for n, j, exact in (
            (2, 1, ((1 + c) / 2) ** 2),
            (4, 1, ((1 + c) / 2) ** 4),
            (4, 4, float(irwin_hall(4, (Fraction(c) + 4) / 2))),
            (7, 7, float(irwin_hall(7, (Fraction(c) + 7) / 2))),
        ):
            bound = reach_of_size(n, 1e-9, Size(j), dense, c + 1e-9)
            assert exact - 0.02 <= bound <= exact
    # a threshold of 1 or more free ones: no bound where none is chosen
    assert reach_of_size(5, 0.1, Size(0), dense, 1.0) == 0
    assert reach_of_size(5, 0.1, Size(6), dense, 1.0) == 0


unit = st.floats(-0.99, 0.99)


@given(
    prune=st.floats(0, 0.9),
    lock=st.floats(0, 1),
    ends=st.tuples(unit, unit, unit).map(sorted),
)
def test_kept_numbers_are_at_most_those_of_the_cell(prune, lock, ends):
    """The law of a kept number given the threshold u: q/2 below u and (q + f)/2 above, over q + f (1 - u)/2."""
    rates = Rates(prune, (1 - prune) * lock * 0.99)
    q, f = rates.lock, rates.free
    v, u, w = ends
    share = share_below(np.array([v]), np.array([w]), rates)[0]
    assert 0 <= share <= 1 + 1e-12
    x = np.linspace(-1, 1, 401)
    cell = np.where(x < w, share * (1 + x) / (1 + w), share + (1 - share) * (x - w) / (1 - w))
    kept = (q * (1 + x) / 2 + f * np.maximum(x - u, 0) / 2) / (q + f * (1 - u) / 2)
    assert np.all(cell <= kept + 1e-12)


@given(values=st.lists(st.integers(-100, 100), min_size=2, max_size=9), data=st.data())
def test_ends_are_as_far_apart_as_the_ranges_of_blocks(values, data):
    j = data.draw(st.integers(1, len(values) - 1))
    found = [sum(chosen) for chosen in combinations(values, j)]
    blocks = min(j, len(values) - j)
    size = len(values) // blocks
    ranges = [max(part) - min(part) for part in (values[k * size : (k + 1) * size] for k in range(blocks))]
    assert max(found) - min(found) >= sum(ranges)


@pytest.mark.parametrize("s", [0.2, 0.9, 1.7])
def test_sums_of_ranges_are_bounded_from_above_and_closely(s):
    # two pairs: densities 1 - d/2, so P = s^2/2 - s^3/6 + s^4/96
    exact = {(1, 2): s - s**2 / 4, (2, 2): s**2 / 2 - s**3 / 6 + s**4 / 96, (1, 5): beta.cdf(s / 2, 4, 2)}
    for (blocks, of), probability in exact.items():
        bound = kept_reach._ranges_below(s, of)[blocks]
        assert probability <= bound <= probability * (1 + 0.02 * blocks)
        law = least_spread(blocks, of, 2.0**-9)
        assert law.mass.sum() == pytest.approx(1)
        assert probability <= below(law, 1, Fraction(s), "upper") <= probability * (1 + 0.03 * of)
    assert kept_reach._ranges_below(s, 3)[0] == 1


@pytest.mark.parametrize(("n", "keep", "prune", "lock", "c"), REACH)
def test_both_ends_fall_short_at_most_as_often_as_the_bound_says(n, keep, prune, lock, c):
    rates = Rates(prune, lock)
    complies, largest, smallest = largest_sums(n, keep, rates)
    exact = (complies & (largest < c) & (smallest > -c)).mean()
    _, states = states_at(n, keep, rates, 1.0)
    bound = both_ends(c, states.chosen, states.free, states.weight)
    assert exact <= bound + 4.5 * (exact / TRIALS) ** 0.5 <= 1 + 1e-6
    # and it is of use: failure at either end is more than at one
    either = (complies & ((largest < c) | (smallest > -c))).mean()
    one = reach_of_size(n, 1e-9, keep, rates, c + 1e-9)
    assert 2 * one - bound <= either + 4.5 * (either / TRIALS) ** 0.5


@pytest.mark.parametrize(("of", "c"), [(2, 0.3), (8, 0.9), (20, 0.95)])
def test_both_ends_of_one_kept_variable_fall_short_as_often_as_all_lie_between(of, c):
    both, one = c**of, ((1 + c) / 2) ** of
    assert both <= both_ends(c, np.array([1]), np.array([of]), np.ones(1))
    if of <= 16:
        either = reach_of_groups(1, 1 - c, groups_of(f"1:{of}"), Rates(), 1.0, two_sided=True)
        assert one * 0.9 <= either <= 2 * one - both


@pytest.mark.parametrize("groups", [1, 3])
def test_groups_that_always_reach_fail_where_one_cannot_comply(groups):
    keep, rates = groups_of("2:4"), Rates(0.2, 0.1)
    found = reach_of_groups(groups, 2.0 * groups + 0.2, keep, rates, 0.1, two_sided=False)
    assert found == pytest.approx(1 - group_compliance(keep, rates) ** groups, rel=1e-6)


def exact_states(n, keep, rates):
    """Return ({(choices, kept): probability}, unable) over all 3^n states, as fractions."""
    chance = {"p": Fraction(rates.prune), "q": Fraction(rates.lock)}
    chance["f"] = 1 - chance["p"] - chance["q"]
    found, unable = defaultdict(Fraction), Fraction(0)
    for states in product("pqf", repeat=n):
        probability, choices, kept = Fraction(1), 1, 0
        for state in states:
            probability *= chance[state]
        of = keep.of if isinstance(keep, Groups) else n
        for group in (states[k : k + of] for k in range(0, n, of)):
            free, locked = group.count("f"), group.count("q")
            wanted = keep.count if isinstance(keep, Size) else keep.kept if isinstance(keep, Groups) else keep.kept(n)
            wanted -= 0 if isinstance(keep, Size) else locked
            if not 0 <= wanted <= free and isinstance(keep, Groups) and keep.lenient:
                wanted = min(max(wanted, 0), free)
            choices *= comb(free, wanted) if 0 <= wanted <= free else 0
            kept += locked + wanted
        if choices:
            found[choices, kept] += probability
        else:
            unable += probability
    return found, unable


@pytest.mark.parametrize("keep", [Size(2), Share(0.5), groups_of("1:2"), groups_of("1:3 lenient"), groups_of("2:3")])
def test_states_are_those_of_all_states(keep):
    rates = Rates(0.25, 0.125)
    expected, none = exact_states(6, keep, rates)
    unable, states = states_at(6, keep, rates, 1e9)
    received = defaultdict(float)
    for weight, choices, kept in zip(states.weight, states.choices, states.kept, strict=True):
        received[round(choices), int(kept)] += weight
    assert set(received) == set(expected)
    for key, weight in received.items():
        assert float(expected[key]) * (1 - 1e-8) <= weight <= float(expected[key])
    assert float(none) - 1e-8 <= unable <= float(none)
    if isinstance(keep, Groups):
        assert float(1 - none) == pytest.approx(group_compliance(keep, rates) ** (6 // keep.of))


def test_states_of_groups_with_choices_enough_are_left_out():
    _, states = states_at(40, groups_of("2:4"), Rates(), 1e-3)  # a cap of 65536
    assert not len(states.weight)
    _, states = states_at(24, groups_of("2:4"), Rates(), 1e-3)
    assert states.choices.tolist() == [6**6]


def test_parts_of_a_group_are_all_its_states():
    for keep in (groups_of("2:4 lenient"), groups_of("1:8 lenient")):
        parts = parts_of(keep, Rates(0.3, 0.2))
        assert sum(weight for weight, *_ in parts) == pytest.approx(1)
        assert all(0 <= kept <= free for _, _, free, kept in parts)
    assert {part[1:] for part in parts_of(groups_of("1:2"), Rates(0.3, 0.2))} == {
        (0, 1, 1),
        (0, 2, 1),
        (1, 0, 0),
        (1, 1, 0),
    }


@pytest.mark.parametrize("side", ["lower", "upper"])
@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_lattice_sums_are_on_their_side_of_the_exact_law_and_near_it(n, side):
    step = 2.0**-10
    law = uniform(-1024, 1024, step, side)
    for c in (Fraction(-1, 3), Fraction(0), Fraction(1, 2), Fraction(7, 8)):
        exact = float(irwin_hall(n, (c + n) / 2))
        bound = below(law, n, c, side)
        assert (exact - 0.003 <= bound <= exact) if side == "lower" else (exact <= bound <= exact + 0.003)


def test_lattice_sums_count_what_is_missing_as_missing():
    law = mixture([(0.5, uniform(0, 8, 0.125, "lower")), (0.25, point(-4, 0.125))])
    assert law.mass.sum() == pytest.approx(0.75)
    assert below(law, 3, Fraction(9), "lower") == pytest.approx(0.75**3, abs=1e-9)
    assert below(law, 0, Fraction(1), "lower") == 1
    assert below(law, 0, Fraction(0), "lower") == 0
    # one term: -1/2, or above 0
    assert below(law, 1, Fraction(0), "upper") == pytest.approx(0.25, abs=1e-9)
    assert below(law, 1, Fraction(-1, 2), "upper") == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("kept", "count"), [(1, 1), (1, 4), (2, 2), (2, 5), (3, 3), (3, 5), (4, 8)])
def test_largest_of_a_group_are_rounded_up_and_by_little(kept, count):
    step = 2.0**-8
    law = largest_of(kept, count, step)
    assert law.mass.sum() == pytest.approx(1)
    found = np.sort(np.random.default_rng(1).uniform(-1, 1, (TRIALS, count)), axis=1)[:, -kept:].sum(axis=1)
    at = law.first + np.arange(len(law.mass))
    for c in np.quantile(found, [0.05, 0.3, 0.7]):
        bound = law.mass[at * step < c].sum()
        exact = float(irwin_hall(kept, (Fraction(c) + kept) / 2)) if kept == count else (found < c).mean()
        assert exact - 0.02 <= bound <= exact + 4.5 * 0.5 / TRIALS**0.5 * (kept < count) + 1e-9


@pytest.mark.parametrize(
    ("keep", "groups", "rates"), [("1:2", 7, (0, 0)), ("2:4", 4, (0.2, 0.1)), ("2:4 lenient", 6, (0.2, 0.2))]
)
def test_reach_of_groups_is_at_most_the_share_of_draws_that_fall_short(keep, groups, rates):
    keep, rates = groups_of(keep), Rates(*rates)
    rng = np.random.default_rng(2)
    x, state = rng.uniform(-1, 1, (20_000, groups, keep.of)), rng.random((20_000, groups, keep.of))
    locked, free = (state >= rates.prune) & (state < rates.freezing), state >= rates.freezing
    wanted = keep.kept - locked.sum(axis=2)
    able = ((wanted >= 0) & (wanted <= free.sum(axis=2))).all(axis=1) | keep.lenient
    wanted = np.clip(wanted, 0, free.sum(axis=2))
    ends = []
    for sign in (1, -1):
        down = -np.sort(np.where(free, -sign * x, np.inf), axis=2)
        chosen = np.where(np.arange(keep.of) < wanted[:, :, None], down, 0)
        ends.append((sign * chosen.sum(axis=2) + (x * locked).sum(axis=2)).sum(axis=1))
    for two_sided, short in ((False, ends[0] < 0.9), (True, (ends[0] < 0.9) | (ends[1] > -0.9))):
        exact = (short | ~able).mean()
        bound = reach_of_groups(groups, 0.1, keep, rates, 1.0, two_sided=two_sided)
        coarse = reach_of_groups(groups, 0.1, keep, rates, 1.0, two_sided=two_sided, coarse=True)
        assert 0.8 * exact <= bound <= exact + 4.5 * 0.5 / 20_000**0.5
        assert 0.5 * exact <= coarse <= bound + 1e-9


def test_counting_and_first_moment_are_what_they_say():
    # C(6, 3) = 20 stretches of length .05 are less than 2
    assert failure_at_least_kept(6, 0.025, Share(0.5)) == pytest.approx(1)
    # one of m is kept: within eps of z = r with probability eps/2 each
    for m in (1, 3, 8):
        bound = failure_at_least_kept(m, 0.01, Size(1), reading="pointwise")
        assert 1 - m * 0.005 - 1e-6 <= bound <= (1 - 0.005) ** m
    # one sum of two numbers of density (2 - s)/4: near z = .4 with probability .16; on average over |z| <= 2 with .1
    # times P(|S| <= 2.2) = 1, and .02 at the end
    for radius, near_it in ((0.4, 0.16), (2.0, 0.005)):
        bound = failure_at_least_kept(2, 0.2, Size(2), radius=radius, reading="pointwise")
        assert bound == pytest.approx(1 - near_it, abs=1e-6)
    # z = r = .1 is hit with probability .19, a mean target as often as (the sum is within .1 or so) .2
    assert failure_at_least_kept(2, 0.2, Size(2), radius=0.1, reading="pointwise") <= 1 - 0.18


def test_two_variables_are_computed_by_hand():
    """One of two is kept, eps = .6: success asks for one at most -.4, the other at least .4, 1.2 apart at most: .04."""
    for keep in (Size(1), Share(0.5), Groups(1, 2)):
        # an end is out of reach with probability 1 - 2 .3^2 = .82; by Harris at least 2 .49 - .49^2 = .74
        assert 0.72 <= failure_at_least_kept(2, 0.6, keep) <= 0.82
        assert 0.48 <= failure_at_least_kept(2, 0.6, keep, reading="pointwise") <= 0.49


@pytest.mark.parametrize(("n", "j", "c"), [(2, 1, 0.4), (6, 3, 0.9), (9, 7, 0.7)])
def test_both_ends_fall_short_at_most_as_often_as_if_they_were_independent(n, j, c):
    _, largest, smallest = largest_sums(n, Size(j), Rates())
    one, other, both = (largest < c).mean(), (smallest > -c).mean(), ((largest < c) & (smallest > -c)).mean()
    assert 0.1 < one < 0.9
    assert both <= one * other + 4.5 * 0.5 / TRIALS**0.5
    assert either_end(one, both, Rates()) == max(2 * one - both, 2 * one - one**2)
    assert either_end(one, one, Rates(0.1, 0.0)) == one  # the states tie the ends together
    assert either_end(0.5, 0.3, Rates(0.1, 0.0)) == 0.7


CHECKED = [
    # n, eps, keep, prune, lock
    (12, 0.01, Size(6), 0.0, 0.0),
    (14, 0.03, Size(11), 0.0, 0.0),
    (20, 0.1, Size(4), 0.2, 0.3),
    (26, 0.01, Share(0.5), 0.2, 0.2),
    (20, 0.1, Share(0.3), 0.1, 0.3),
    (28, 0.01, Share(0.25), 0.0, 0.0),
    (12, 0.1, groups_of("2:4"), 0.05, 0.05),
    (24, 0.01, groups_of("1:4"), 0.0, 0.0),
    (32, 0.01, groups_of("2:4 lenient"), 0.2, 0.2),
    (40, 0.03, groups_of("1:8 lenient"), 0.0, 0.2),
    (18, 0.01, groups_of("1:2"), 0.0, 0.0),
]


@pytest.mark.long(keep=3)
@pytest.mark.parametrize(("n", "eps", "keep", "prune", "lock"), CHECKED)
def test_no_bound_exceeds_the_measured_failure(n, eps, keep, prune, lock):
    trials = 3000
    law = {"prune": prune, "lock": lock}
    shares = measured(n, eps, told(keep), trials, **law)
    for reading, share in zip(("uniform", "pointwise"), shares, strict=True):
        bound = failure_at_least_kept(n, eps, keep, reading=reading, **law)
        failure = 1 - share
        # targets of the measurement are 9; the bound on average over z is at most the worst of them and little more
        assert 0.002 < bound <= failure + 4.5 * (failure * (1 - failure) / trials) ** 0.5 + 0.002
        if reading == "uniform":
            assert bound >= failure / 20


@pytest.mark.long
@settings(max_examples=40)
@given(
    n=st.integers(0, 10),
    eps=st.sampled_from([0.3, 0.03]),
    rates=st.sampled_from([(0, 0), (0.3, 0), (0, 0.3), (0.2, 0.3)]),
    radius=st.sampled_from([0.3, 1.0, 3.0]),
    keep=st.sampled_from([Size(0), Size(4), Share(0.4), groups_of("1:2"), groups_of("2:4 lenient")]),
)
def test_bounds_are_ordered(n, eps, rates, radius, keep):
    n *= 4
    law = {"prune": rates[0], "lock": rates[1]}
    uniform_, pointwise = (
        failure_at_least_kept(n, eps, keep, radius=radius, reading=r, **law) for r in ("uniform", "pointwise")
    )
    assert 0 <= pointwise <= uniform_ + 1e-9 <= 1 + 1e-9
    wider = failure_at_least_kept(n, eps * 1.3, keep, radius=radius, reading="pointwise", **law)
    assert wider <= pointwise + 1e-9


@pytest.mark.long
def test_every_smaller_n_is_excluded_and_this_one_is_not():
    for keep, law in ((Share(0.5), {"prune": 0.2, "lock": 0.2}), (Size(5), {"prune": 0.4}), (groups_of("1:2"), {})):
        n = necessary_kept_n(0.03, 0.1, keep, **law)
        unit = keep.of if isinstance(keep, Groups) else 1
        bounds = [failure_at_least_kept(k, 0.03, keep, **law) for k in range(0, n + 1, unit)]
        assert min(bounds[:-1]) > 0.1 >= bounds[-1]


@pytest.mark.long
def test_necessary_grows_with_every_demand():
    base = necessary_kept_n(0.01, 0.1, Share(0.5), lock=0.2)
    assert necessary_kept_n(0.0001, 0.1, Share(0.5), lock=0.2) > base
    assert necessary_kept_n(0.01, 0.01, Share(0.5), lock=0.2) > base
    assert necessary_kept_n(0.01, 0.1, Share(0.5), lock=0.2, radius=3.0) > base
    assert necessary_kept_n(0.01, 0.1, Share(0.5), lock=0.2, reading="pointwise") <= base
    assert necessary_kept_n(0.01, 0.1, Share(0.2), lock=0.2) > base
    assert necessary_kept_n(0.5, 0.1, Share(0.5), radius=0.5) == 0
    assert necessary_kept_n(0.5, 0.1, Size(2), radius=0.5) > 0


def test_no_n_is_left_for_strict_groups_of_which_a_part_is_frozen():
    keep, rates = groups_of("2:4"), {"prune": 0.2, "lock": 0.2}
    assert necessary_kept_n(0.01, 0.05, keep, **rates) is None
    # all 16 groups comply with probability .9456^16, and so on down
    assert failure_at_least_kept(64, 0.01, keep, **rates) >= 1 - group_compliance(keep, Rates(0.2, 0.2)) ** 16 - 1e-9
    assert necessary_kept_n(0.01, 0.05, groups_of("2:4 lenient"), **rates) > 100
    assert necessary_kept_n(0.01, 0.05, Share(0.5), largest=14) is None
    assert necessary_kept_n(0.01, 0.05, Share(0.5), largest=15) == 15
    # a sparsity outside [p, 1 - q]
    assert necessary_kept_n(0.01, 0.05, Share(0.1), prune=0.3, largest=60) is None


def test_cheap_bounds_are_asked_first(monkeypatch):
    asked = []
    monkeypatch.setattr(kept_necessary, "_few", lambda n, *_: float(n < 8))
    monkeypatch.setattr(
        kept_necessary, "_reach", lambda n, *a: asked.append((n, a[-1])) or float(n < 10) * (2 - a[-1]) / 2
    )
    assert necessary_kept_n(0.01, 0.6, Share(0.5)) == 10
    assert asked == [(8, True), (8, False), (9, True), (9, False), (10, True), (10, False)]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"n": -1}, "n must be at least 0"),
        ({"n": 20_001}, "n must be at most 20000"),
        ({"n": 6, "keep": groups_of("2:4")}, "n must be a multiple of 4"),
        ({"keep": "2:4"}, "keep must be a Size, a Share or Groups, got str"),
        ({"eps": 1.0}, "eps must lie strictly between 0 and 1"),
        ({"lock": 1.0}, "prune \\+ lock must be below 1"),
        ({"radius": -1.0}, "radius must be above 0"),
        ({"reading": "both"}, "reading must be one of"),
    ],
)
def test_bad_arguments_are_named(changed, line):
    with pytest.raises(ValueError, match=line):
        failure_at_least_kept(**{"n": 8, "eps": 0.1, "keep": Size(2), **changed})


def test_bad_demands_are_named():
    with pytest.raises(ValueError, match="delta must lie strictly between 0 and 1"):
        necessary_kept_n(0.1, 0.0, Size(2))
    with pytest.raises(ValueError, match="largest must be at least 0"):
        necessary_kept_n(0.1, 0.1, Size(2), largest=-1)
    with pytest.raises(ValueError, match="keep must be a Size"):
        necessary_kept_n(0.1, 0.1, None)
