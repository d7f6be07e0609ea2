"""Brackets of a constant at single points, and what they say together."""

from math import inf, log

import pytest

from slt.core.rates import Rates
from theory.bracket import FREE, PRECISION, USUAL, Bracket, bracket, places, spread
from theory.claim import Form
from theory.claims import LEDGER
from theory.law_necessary import law_necessary_n
from theory.law_sufficient import law_sufficient_n
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

DENSE = Form("C * log(1/min(delta, eps))")
CUBED = Form("C**2 * log(1/min(delta, eps))")


@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_a_form_is_refuted_up_to_where_it_asks_for_one_less_than_is_necessary(reading):
    eps, delta, rates = 0.2, 0.1, Rates(0.3, 0.2)
    point = bracket(DENSE, reading, eps, delta, rates)
    least = necessary_n(eps, delta, prune=0.3, lock=0.2, reading=reading)
    enough = sufficient_n(eps, delta, prune=0.3, lock=0.2, reading=reading)
    assert (point.eps, point.delta, point.prune, point.lock) == (eps, delta, 0.3, 0.2)
    assert (point.necessary, point.sufficient) == (least, enough)
    assert point.refuted_to == pytest.approx((least - 1) / log(10))
    assert point.proven_from == pytest.approx(enough / log(10))
    assert bracket(CUBED, reading, eps, delta, rates).refuted_to == pytest.approx(point.refuted_to**0.5)


def test_products_have_bounds_of_their_own():
    point = bracket(DENSE, "uniform", 0.2, 0.1, Rates(), model="products")
    law = "product uniform uniform"
    assert point.necessary == law_necessary_n(0.2, 0.1, law=law)
    assert point.sufficient == law_sufficient_n(0.2, 0.1, law=law)


def _point(refuted_to, proven_from):
    return Bracket(0.1, 0.05, 0.0, 0.0, 10, 20, refuted_to, proven_from)


def test_one_constant_for_all_points_lies_between_the_largest_of_either_end():
    points = [_point(2.0, 3.0), _point(5.0, 9.0), _point(4.0, 10.0)]
    found = spread(points)
    assert found.needed == (5.0, 10.0)
    assert (found.least, found.most) == (points[0], points[1])
    # the largest constant that a point needs is at least 5 and at most 10, the smallest one at least 2 and at most 3
    assert found.factor == (pytest.approx(5 / 3), pytest.approx(5.0))
    assert spread([_point(2.0, 3.0)]).factor == (1.0, 1.5)
    assert spread([_point(0.0, 0.0), _point(1.0, 2.0)]).factor == (inf, inf)


def test_points_are_where_the_claim_speaks():
    assert places(LEDGER["2.1"], 0.4, 0.3) == [(*at, Rates()) for at in PRECISION]
    assert places(LEDGER["A.2"], 0.4, 0.3) == [(*at, Rates(0.0, 0.3)) for at in PRECISION]
    prunes = places(LEDGER["2.2"], 0.4, 0.3)
    assert prunes[: len(PRECISION)] == [(*at, Rates(0.4, 0.0)) for at in PRECISION]
    assert prunes[len(PRECISION) :] == [(*USUAL, Rates(1 - free, 0.0)) for free in FREE]
    assert places(LEDGER["Natale 2024, Cor. 1"], 0.4, 0.3) == []
    for claim in LEDGER.values():
        least = claim.corrected.min_at_most if claim.corrected else claim.min_at_most
        assert all(min(eps, delta) <= least for eps, delta, _ in places(claim, 0.4, 0.3))
