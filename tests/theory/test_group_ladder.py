"""Ladders of neighbours in groups: how often they break, what they cover, and bounds above what draws show."""

from fractions import Fraction
from itertools import combinations, product
from math import factorial

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

import theory.group_ladder as module
from slt.core.keep import Groups
from tests.theory.kept_small import measured
from tests.theory.test_kept_sufficient import gap_is_left
from theory.group_ladder import fours_break, ladder_groups_failure, ones_break


def spacings(generator, draws, groups, of):
    return np.diff(np.sort(generator.uniform(-1, 1, (draws, groups, of)), axis=2), axis=2)


def broken(steps, eps):
    steps = np.sort(steps, axis=1)
    return (steps > 2 * eps + np.cumsum(steps, axis=1) - steps).any(axis=1)


@pytest.mark.parametrize(("eps", "of", "groups"), [(0.1, 2, 10), (0.1, 4, 6), (0.05, 8, 5), (0.3, 4, 2), (0.6, 2, 1)])
def test_ladders_of_one_spacing_break_no_more_often_than_is_said(eps, of, groups):
    share = broken(spacings(np.random.default_rng(of), 20_000, groups, of)[:, :, of // 2 - 1], eps).mean()
    bound = ones_break(eps, of, groups)
    assert share - 4 * (share / 20_000) ** 0.5 <= bound
    assert bound <= 3 * share + 0.01
    if groups == 1:
        assert bound == pytest.approx((1 - eps) ** of)


@pytest.mark.parametrize(("eps", "groups"), [(0.1, 5), (0.05, 8), (0.2, 3), (0.3, 1), (0.6, 2)])
def test_ladders_of_fours_break_no_more_often_than_is_said(eps, groups):
    steps = spacings(np.random.default_rng(groups), 20_000, groups, 4)
    share = broken(np.concatenate([steps[:, :, 0], steps[:, :, 2]], axis=1), eps).mean()
    bound = fours_break(eps, groups)
    assert share - 4 * (share / 20_000) ** 0.5 <= bound
    assert bound <= 8 * share + 0.01


@pytest.mark.parametrize("eps", [0.05, 0.15])
def test_draws_whose_ladder_holds_and_that_reach_never_fail(eps):
    # the lemma without its probabilities, 2:4: three groups ladder, one goes from its smallest to its largest sum
    generator, succeeded, radius = np.random.default_rng(1), 0, 0.8
    for _ in range(3000):
        x = np.sort(generator.uniform(-1, 1, (4, 4)), axis=1)
        steps = np.diff(x, axis=1)
        ladder = steps[:3][:, [0, 2]].reshape(1, 6)
        window = ladder.sum() + 2 * eps
        if broken(ladder, eps)[0] or steps[3].max() > window:
            continue
        middle = x[:3].sum() / 2
        if middle + x[3, 2:].sum() < radius - window / 2 or -middle - x[3, :2].sum() < radius - window / 2:
            continue
        succeeded += 1
        sums = np.zeros(1)
        for row in x:
            sums = np.add.outer(sums, [sum(c) for c in combinations(row, 2)]).ravel()
        assert not gap_is_left(sums, eps * (1 + 1e-12), radius)
    assert succeeded >= 20


def test_the_transforms_are_those_of_the_spacings_and_of_the_middle():
    generator, s = np.random.default_rng(7), module._EXPONENTS
    chosen = [int(np.argmin(abs(s - value))) for value in (0.2, 1.0, 3.0)]
    for keep in (Groups(2, 4), Groups(1, 4), Groups(1, 8)):
        x = np.sort(generator.uniform(-1, 1, (400_000, keep.of)), axis=1)
        half = keep.of // 2
        if keep.kept == 2:
            length, middle, top = x[:, 1] - x[:, 0] + x[:, 3] - x[:, 2], x.sum(axis=1) / 2, x[:, 2] + x[:, 3]
        else:
            length, middle, top = x[:, half] - x[:, half - 1], (x[:, half] + x[:, half - 1]) / 2, x[:, -1]
        for log_mean, values in zip(module._logs(keep), (length, middle, top), strict=True):
            for i in chosen:
                assert np.exp(log_mean[i]) == pytest.approx(np.exp(-s[i] * values).mean(), rel=0.02)


@pytest.mark.parametrize(
    ("keep", "groups", "eps", "radius"),
    [
        (Groups(1, 2), 12, 0.2, 0.5),
        (Groups(2, 4), 7, 0.2, 0.3),
        (Groups(1, 4), 8, 0.3, 0.2),
        (Groups(1, 8), 7, 0.3, 0.2),
    ],
)
def test_no_draws_fail_more_often_than_the_bound(keep, groups, eps, radius):
    draws, n = 300, groups * keep.of
    bound = ladder_groups_failure(groups, eps, keep, radius)
    assert bound < 0.9  # it says something
    success, _ = measured(n, eps, ("groups", keep.kept, keep.of, False), draws, radius=radius)
    failed = round((1 - success) * draws)
    assert (beta.ppf(0.001, failed, draws - failed + 1) if failed else 0.0) <= bound


def test_where_reach_decides_half_of_the_bound_would_be_too_little():
    generator, draws, eps, groups, failed = np.random.default_rng(3), 2000, 0.6, 8, 0
    for _ in range(draws):
        sums = np.zeros(1)
        for pair in generator.uniform(-1, 1, (groups, 2)):
            sums = np.add.outer(sums, pair).ravel()
        failed += gap_is_left(sums, eps, 2.0)
    lower = beta.ppf(0.001, failed, draws - failed + 1)
    bound = ladder_groups_failure(groups, eps, Groups(1, 2), 2.0)
    assert bound / 2 < lower <= bound < 1


def test_other_groups_have_no_ladder():
    assert ladder_groups_failure(20, 0.1, Groups(1, 3), 1.0) == 1
    assert ladder_groups_failure(20, 0.1, Groups(3, 4), 1.0) == 1
    assert ladder_groups_failure(1, 0.1, Groups(2, 4), 1.0) == 1


@pytest.mark.parametrize(
    ("eps", "groups"), [(Fraction(3, 10), 1), (Fraction(1, 5), 2), (Fraction(1, 10), 5), (Fraction(1, 20), 8)]
)
def test_the_failure_of_a_ladder_of_fours_is_just_above_its_sum(eps, groups):
    exact = Fraction(0)
    for none, one in product(range(groups + 1), repeat=2):
        both = groups - none - one
        if both < 0 or none + one == 0:
            continue
        A = 4 * none / (1 - 2 * eps) + 3 * one / (2 * (1 - eps))
        ways = factorial(groups) // (factorial(none) * factorial(one) * factorial(both))
        size = ways * 2**one * (1 - 2 * eps) ** (4 * none) * (1 - eps) ** (3 * one)
        exact += size * (2 / (A + Fraction(3, 2) / (1 - eps))) ** one * (3 / (A + 1) ** 2) ** both
    assert min(exact, 1) <= Fraction(fours_break(float(eps), groups)) <= exact * (1 + Fraction(1, 10**7))


@pytest.mark.parametrize(("keep", "groups", "eps"), [(Groups(1, 4), 60, 0.02), (Groups(1, 6), 40, 0.05)])
def test_the_bound_of_groups_is_the_least_sum_of_its_parts(keep, groups, eps):
    """1:M: Chernoff's bounds with the transforms of the page, number by number and length by length."""
    of, s, best = keep.of, np.geomspace(0.02, 40, 120), 1.0
    length = 2 * of * np.array([quad(lambda x, t=t: np.exp(-2 * t * x) * (1 - x) ** (of - 1), 0, 1)[0] for t in s]) / 2
    _, middle, _ = module._logs(keep)
    top = np.log(
        of / 2 * np.array([quad(lambda x, t=t: np.exp(-t * x) * ((1 + x) / 2) ** (of - 1), -1, 1)[0] for t in s])
    )
    for ladder in range(1, groups):
        broken = ones_break(eps, of, ladder)
        for short in np.arange(1, 61) * 0.1:
            w = short + 2 * eps
            few = min(1.0, np.exp((s * short + ladder * np.log(length)).min()))
            steps = (groups - ladder) * (of - 1) * max(1 - w / 2, 0.0) ** of
            far = s * (1 - w / 2) + ladder * middle + (groups - ladder) * top
            best = min(best, broken + few + steps + 2 * min(1.0, np.exp(far.min())))
    assert best < 0.5
    assert ladder_groups_failure(groups, eps, keep, 1.0) == pytest.approx(best, rel=1e-5)
