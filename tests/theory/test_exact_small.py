"""The oracle for n <= 3 against hand-computed volumes and against plain sampling."""

import numpy as np
import pytest

from tests.theory.exact_small import covered_given, covers, pointwise_failure, uniform_failure


def sampled_cover(m, a, window, trials, rng):
    sums = rng.uniform(-1, 1, (trials, a)).sum(axis=1, keepdims=True)
    for x in rng.uniform(-1, 1, (m, trials, 1)):
        sums = np.concatenate([sums, sums + x], axis=1)
    return covers(sums, *window).sum()


def test_nothing_covers_only_what_eps_reaches():
    assert uniform_failure(0, 0.5, radius=0.5) == 0
    assert uniform_failure(0, 0.4999, radius=0.5) == 1
    assert pointwise_failure(0, 0.3, 0.3) == 0
    assert pointwise_failure(0, 0.3, 0.2999) == 1


def test_one_free_variable_covers_a_point_when_it_or_nothing_is_near():
    assert pointwise_failure(1, 0.5, 0.1) == pytest.approx(0.9)
    assert pointwise_failure(1, 1.0, 0.1) == pytest.approx(0.95)
    assert pointwise_failure(1, 0.05, 0.1) == 0
    assert pointwise_failure(1, 0.05, 0.1, lock=1.0) == pytest.approx(0.9)
    assert pointwise_failure(1, 0.5, 0.1, prune=0.25, lock=0.25) == pytest.approx(0.25 + 0.75 * 0.9)


def test_two_free_variables_cover_an_interval_with_the_volume_found_by_hand():
    # eps .3, radius .5, only x > 0 > y can. Area with x in [.2, .6] and -y in [.2, .6]: .16. Else x + y serves one
    # side: x > .6 with x + y in [.2, .6] (.12), or with x + y in (0, .2) bridging the way to x (.02); mirrored: .28
    assert covered_given(2, 0, 0.3, -0.5, 0.5) == pytest.approx(2 * (0.16 + 0.28) / 4)


def test_two_locked_variables_have_a_triangular_sum():
    # |T| <= eps - radius = 0.2: 1 - (1 - 0.1)^2
    assert 1 - uniform_failure(2, 0.5, lock=1.0, radius=0.3) == pytest.approx(1 - 0.9**2)


def test_three_locked_variables_near_a_target():
    # density of the sum of three at 0 is 3/8, curvature -1/4 inside [-1, 1]: 2 (3/8 e - e^3/24)
    assert 1 - pointwise_failure(3, 0.0, 0.1, lock=1.0) == pytest.approx(0.075 - 1e-3 / 12)


@pytest.mark.parametrize(("m", "a"), [(1, 0), (1, 1), (2, 0), (1, 2), (2, 1), (3, 0)])
@pytest.mark.parametrize(
    ("eps", "low", "high"), [(0.3, -0.5, 0.5), (0.1234, -0.456, 0.456), (0.17, 0.81, 0.81), (0.3, -1, 1)]
)
def test_volumes_agree_with_sampling(m, a, eps, low, high):
    trials = 100_000
    exact = covered_given(m, a, eps, low, high)
    rng = np.random.default_rng([m, a, round(1e4 * eps)])
    counted = sampled_cover(m, a, (eps, low, high), trials, rng)
    # 5.5 standard deviations and 5 counts for rare events: one failure in a million for a right volume
    assert abs(counted - exact * trials) <= 5.5 * (trials * exact * (1 - exact)) ** 0.5 + 5
