"""Crossings, verdicts, collapse and bootstraps against a few plain lines each."""

from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from slt.core.keys import generator
from torch_backend.commands.matching import (
    DRAWS,
    EXPONENTS,
    Match,
    best_exponent,
    crossing,
    missed,
    noise,
    over_seeds,
    verdict,
)

FACTORS = (0.5, 1.0, 2.0, 4.0)
tables = st.lists(st.lists(st.integers(-6, 6), min_size=3, max_size=3), min_size=4, max_size=4)


def plain_crossing(table, margin, confidence):
    """Student's intervals; tests from both ends until one fails; the last mean below the margin, joined in log."""
    ends, means = [], []
    for row in table:
        mean = sum(row) / len(row)
        spread = sqrt(sum((x - mean) ** 2 for x in row) / (len(row) - 1))
        half = student.ppf(0.5 + confidence / 2, len(row) - 1) * spread / sqrt(len(row))
        ends.append((mean - half, mean + half))
        means.append(mean)
    lower, upper, value = 0.0, inf, 0.0
    for factor, (_, high) in zip(FACTORS, ends, strict=True):
        if not high < -margin:
            break
        lower = factor
    for factor, (low, _) in zip(FACTORS[::-1], ends[::-1], strict=True):
        if not low >= -margin:
            break
        upper = factor
    below = [k for k, mean in enumerate(means) if mean < -margin]
    if below and below[-1] == len(means) - 1:
        value = inf
    elif below:
        k = below[-1]
        share = (-margin - means[k]) / (means[k + 1] - means[k])
        value = exp(log(FACTORS[k]) + share * (log(FACTORS[k + 1]) - log(FACTORS[k])))
    return lower, value, upper


@pytest.mark.long
@given(tables, st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from([0.5, 0.9, 0.95]))
def test_a_crossing_is_its_plain_lines(table, margin, confidence):
    found = crossing(FACTORS, table, margin, confidence)
    assert (found.lower, found.value, found.upper) == pytest.approx(plain_crossing(table, margin, confidence))


def test_a_difference_at_the_margin_matches():
    assert crossing((1, 2), [[-0.5, -0.5], [1, 1]], 0.5) == Match(0, 0, 1)
    assert crossing((1, 2), [[-0.75, -0.75], [-0.5, -0.5]], 0.5) == Match(1, pytest.approx(2), 2)


def test_only_rejections_without_a_break_count():
    worse, match, open_ = [-1.0, -1.0], [1.0, 1.0], [-9.0, 9.0]
    assert crossing(FACTORS, [worse, open_, worse, match]).lower == 0.5
    assert crossing(FACTORS, [match, open_, match, match]).upper == 2
    assert crossing(FACTORS, [match, match, match, open_]).upper == inf
    assert crossing(FACTORS, [open_, worse, worse, match]).lower == 0


@pytest.mark.parametrize(
    ("lower", "upper", "says"),
    [
        (1, 2, "agrees"), (0.5, inf, "undecided"), (0, 2, "undecided"), (0, inf, "undecided"),
        (1.5, 2, "understates"), (2, inf, "understates"), (1, 1.4, "overstates"), (0, 1.4, "overstates"),
        (1, 1.5, "agrees"), (1.4, 1.6, "agrees"),
    ],
)  # fmt: skip
def test_a_prediction_is_judged_in_each_of_four_ways(lower, upper, says):
    assert verdict(Match(lower, (lower + 2) / 2, upper), 1.5) == says


def test_a_crossing_is_divided_in_all_its_numbers():
    assert Match(1, 2, 4) / 2 == Match(0.5, 1, 2)


@given(st.lists(st.integers(0, 4), min_size=6, max_size=6))
def test_the_miss_is_squared_over_weighted_curves_without_the_own_one(levels):
    x, groups = [1, 2, 1, 2, 2, 4], "aabbcc"
    errors = []
    for own in "abc":
        others = sorted({a for a, g in zip(x, groups, strict=True) if g != own})
        level, weight = [], []
        for a in others:
            at = [y for b, y, g in zip(x, levels, groups, strict=True) if g != own and b == a]
            level.append([sum(at) / len(at)])
            weight.append([len(at)])
        blocks = [(v[0], w[0], 1) for v, w in zip(level, weight, strict=True)]
        k = 0
        while k < len(blocks) - 1:  # pool adjacent violators, weights are numbers of points
            (v, w, n), (v2, w2, n2) = blocks[k : k + 2]
            if v > v2:
                blocks[k : k + 2] = [((v * w + v2 * w2) / (w + w2), w + w2, n + n2)]
                k = max(k - 1, 0)
            else:
                k += 1
        curve = [v for v, _, n in blocks for _ in range(n)]
        for a, y, g in zip(x, levels, groups, strict=True):
            if g == own:
                errors.append(y - np.interp(log(a), [log(b) for b in others], curve))
    assert missed(x, levels, groups) == pytest.approx(sqrt(sum(e * e for e in errors) / 6), abs=1e-12)


def test_points_between_others_are_read_in_logarithms():
    # b's curve runs from 0 at 1 to 1 at 16; a's point at 4 lies half-way in the logarithm
    assert missed([4, 1, 16], [0.5, 0, 1], "abb") < missed([4, 1, 16], [0.2, 0, 1], "abb")
    only = missed([4, 4, 1, 16], [0.5, 0.5, 0.5, 0.5], "aabb")
    assert only == 0
    found = missed([4.0, 1.0, 16.0], [0.5, 0.0, 1.0], "abb")
    # a fits; both points of b are read off a's one point
    assert found == pytest.approx(sqrt((0 + 0.25 + 0.25) / 3))


def test_the_bootstrap_draws_whole_seeds_and_takes_both_tails():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(2, 6))
    columns = generator(3, "seeds drawn again").integers(0, 6, (DRAWS, 6))
    means = [float(table[0, c].mean() - table[1, c].mean()) for c in columns]
    found = over_seeds(table, lambda m: float(m[0] - m[1]), 0.8, 3)
    assert (found.lower, found.upper) == pytest.approx(tuple(np.quantile(means, [0.1, 0.9])))
    assert found.value == pytest.approx(float(table[0].mean() - table[1].mean()))
    assert found.trials == 6
    assert DRAWS == 200


def test_the_smallest_exponent_of_equals_is_taken():
    # required is 1 everywhere: every exponent gives the same abscissa
    assert best_exponent([1, 2, 1, 2], [1, 1, 1, 1], [0, 1, 0, 1], "aabb") == EXPONENTS[0] == 0
    assert EXPONENTS[-1] == 1.5
    assert len(EXPONENTS) == 31
    # curves made to fall onto one over factor / required
    assert best_exponent([1, 2, 4, 2, 4, 8], [1, 1, 1, 2, 2, 2], [0, 1, 2, 0, 1, 2], "aaabbb") == 1


def test_noise_is_the_standard_error_of_means():
    table = [[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]]
    assert noise(table) == pytest.approx(sqrt((4 / 3 + 0) / 2))
    assert noise([[1.0], [2.0]]) == inf
