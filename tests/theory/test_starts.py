"""Second moments of many choices: densities, and bounds above the mean length that simulated sums leave uncovered."""

from fractions import Fraction
from itertools import combinations
from math import comb, factorial

import numpy as np
import pytest

import theory.starts as module
from theory.starts import FINE, densities, halves_uncovered, ones_uncovered


def density(m, x):
    """Density of a sum of m uniforms on [-1, 1], in rational arithmetic."""
    t = (Fraction(x) + m) / 2
    terms = ((-1) ** k * comb(m, k) * max(t - k, 0) ** (m - 1) for k in range(m + 1))
    return sum(terms, Fraction(0)) / factorial(m - 1) / 2


@pytest.mark.parametrize("m", [2, 3, 7, 12])
def test_densities_are_those_of_sums_of_uniforms(m):
    table = densities(12)
    for point in (0, 5, FINE, 3 * FINE - 1, m * FINE):
        assert table[m, point] == pytest.approx(float(density(m, Fraction(point, FINE))), rel=1e-11, abs=1e-15)
    assert (np.diff(table[m]) <= 1e-15).all()  # they fall, which the bounds use


def uncovered(sums, e, half):
    """Length of what is in [-half, half] and not within e of a sum."""
    total, end = 0.0, -half
    for s in np.sort(sums):
        total += max(0.0, min(s - e, half) - end)
        end = max(end, s + e)
    return total + max(0.0, half - end)


def sums_of(groups, kept):
    sums = np.zeros(1)
    for values in groups:
        sums = np.add.outer(sums, [sum(chosen) for chosen in combinations(values, kept)]).ravel()
    return sums


@pytest.mark.parametrize(
    ("e", "unit", "units", "window"),
    [(0.2, 1, 5, 4.0), (0.1, 4, 1, 3.0), (0.1, 2, 3, 4.3), (0.3, 2, 2, 2.0), (0.4, 1, 2, 1.0)],
)
def test_half_of_each_unit_leaves_less_uncovered_than_is_said(e, unit, units, window):
    generator, draws = np.random.default_rng(unit), 200
    found = []
    for _ in range(draws):
        values = generator.uniform(-1, 1, (units, 2 * unit))
        found.append(uncovered(sums_of(values, unit) - values.sum() / 2, e, window / 2))
    bound = halves_uncovered(e, unit, units, window)
    assert np.mean(found) - 4 * np.std(found) / draws**0.5 <= bound <= window * (1 + 1e-6)


@pytest.mark.parametrize(("e", "of", "groups", "window"), [(0.1, 4, 3, 2.1), (0.05, 8, 2, 2.0), (0.3, 3, 3, 2.8)])
def test_one_of_each_group_leaves_less_uncovered_than_is_said(e, of, groups, window):
    generator, draws = np.random.default_rng(of), 200
    found = [uncovered(sums_of(generator.uniform(-1, 1, (groups, of)), 1), e, window / 2) for _ in range(draws)]
    bound = ones_uncovered(e, of, groups, window)
    assert np.mean(found) - 4 * np.std(found) / draws**0.5 <= bound <= window * (1 + 1e-6)


def counted(sums, z, e):
    return float((np.abs(sums - z) <= e).sum())


@pytest.mark.parametrize("z", [0.0, 0.7, 1.5])
def test_first_and_second_moments_are_bounded_on_their_sides(monkeypatch, z):
    # what goes into the inequality of Cauchy and Schwarz, against draws
    said = {}
    monkeypatch.setattr(module, "_total", lambda hit, second: said.update(hit=hit, second=second) or 0.0)
    generator, draws, e, cell = np.random.default_rng(3), 20_000, 0.2, round(z * FINE / 2)
    for name, kept, shape in (("halves", 2, (2, 4)), ("ones", 1, (3, 3))):
        if name == "halves":
            module.halves_uncovered(e, 2, 2)
        else:
            module.ones_uncovered(e, 3, 3)
        counts = []
        for _ in range(draws // 10):
            values = generator.uniform(-1, 1, shape)
            middle = values.sum() / 2 if name == "halves" else 0.0
            sums = sums_of(values, kept) - middle
            counts.append(counted(sums, z, e) / len(sums))
        mean, square = np.mean(counts), np.mean(np.square(counts))
        assert said["hit"][cell] <= mean + 4 * np.std(counts) / len(counts) ** 0.5
        assert said["second"][cell] >= square - 4 * np.std(np.square(counts)) / len(counts) ** 0.5
        assert said["hit"][cell] >= 0.8 * mean  # and not far from it
        assert said["second"][cell] <= 1.5 * square


def below(m, x):
    """P(a sum of m uniforms on [-1, 1] is below x), in rational arithmetic."""
    t = (Fraction(x) + m) / 2
    return sum((-1) ** k * comb(m, k) * max(t - k, 0) ** m for k in range(m + 1)) / Fraction(factorial(m))


@pytest.mark.parametrize("e", [0.0101, 0.003, 0.2])
def test_what_comes_near_is_bounded_from_below_in_all_of_each_cell(monkeypatch, e):
    said = {}
    monkeypatch.setattr(module, "_total", lambda hit, second: said.update(hit=hit) or 0.0)
    for terms, scale, bound in (
        (8, 2, lambda: module.halves_uncovered(e, 2, 2)),  # half a sum of eight on [-1, 1]
        (3, 1, lambda: module.ones_uncovered(e, 3, 3)),
    ):
        bound()
        for cell in range(0, 384, 25):
            z = Fraction(2 * (cell + 1), FINE)  # the outer end
            exact = below(terms, scale * (z + Fraction(e))) - below(terms, scale * (z - Fraction(e)))
            assert Fraction(said["hit"][cell]) <= exact * (1 + Fraction(1, 10**9))
            assert said["hit"][cell] >= 0.8 * exact or exact < 0.02


def test_what_is_never_near_is_all_of_the_window():
    for window in (1.0, 2.5, 4.0):
        assert halves_uncovered(1e-9, 1, 2, window) >= window * (1 - 1e-6)
        assert ones_uncovered(1e-9, 3, 2, window) >= window * (1 - 1e-6)


def test_more_choices_and_coarser_sums_leave_less_uncovered():
    by_units = [halves_uncovered(0.01, 2, units, 4.0) for units in (3, 4, 5, 6)]
    assert by_units == sorted(by_units, reverse=True)
    assert halves_uncovered(0.02, 2, 4, 4.0) < halves_uncovered(0.01, 2, 4, 4.0)
    by_groups = [ones_uncovered(0.01, 8, groups, 2.0) for groups in (2, 3, 4)]
    assert by_groups == sorted(by_groups, reverse=True)
    with pytest.raises(ValueError, match="window"):
        halves_uncovered(0.01, 2, 4, 7.0)
