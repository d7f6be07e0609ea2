"""Arguments at the very limits are accepted and returned as they are; the next ones beyond are refused."""

import math

import pytest

from theory.arguments import checked_delta, checked_eps, checked_n, checked_radius, checked_rates


@pytest.mark.parametrize(("checked", "ends"), [
    (checked_eps, (1e-100, math.nextafter(1, 0))), (checked_delta, (1e-100, math.nextafter(1, 0))),
    (checked_radius, (1e-100, 1000.0)),
])  # fmt: skip
def test_both_ends_are_accepted_and_nothing_beyond(checked, ends):
    low, high = ends
    for inside in (low, high, 0.37):
        assert checked(inside) == inside
    for outside in (math.nextafter(low, 0), math.nextafter(high, math.inf), 0.0, -0.5, math.nan):
        with pytest.raises(ValueError, match="must"):
            checked(outside)


def test_counts_reach_to_ten_to_the_fifteen():
    for n in (0, 1, 10**15):
        assert checked_n(n) == n
    for n in (-1, 10**15 + 1):
        with pytest.raises(ValueError, match="n must be at"):
            checked_n(n)


@pytest.mark.parametrize(("prune", "lock"), [(0.999999, 0.0), (0.799999, 0.2), (0.709999, 0.29), (0.0, 0.999999)])
def test_a_millionth_has_to_stay_free_as_it_is_written_in_decimals(prune, lock):
    # what is left of 1 in floating point may fall short of 1e-6 by a ten-billionth of it
    assert checked_rates(prune, lock).free == pytest.approx(1e-6, rel=1e-9)
    with pytest.raises(ValueError, match="free share"):
        checked_rates(prune + (1e-13 if prune else 0), lock + (0 if prune else 1e-13))
    assert checked_rates(prune / 2, lock / 2).free == pytest.approx(0.5, rel=1e-5)
