"""The place of a sparsity: the words agree with each other, and what is called best is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.keep import Share
from theory import place
from theory.kept_estimate import estimated_kept_n, estimated_kept_success
from theory.place import (
    Place,
    Positions,
    best_place,
    cost_of_place,
    least_n,
    place_of,
    positions_by_theory,
    sparsity_at,
    success_at_places,
)


@given(x=st.floats(0, 1), prune=st.floats(0, 0.9), lock=st.floats(0, 1))
def test_place_and_sparsity_say_the_same(x, prune, lock):
    law = {"prune": prune, "lock": lock * (0.99 - prune)}
    assert place_of(sparsity_at(x, **law), **law) == pytest.approx(x, abs=1e-9)
    assert sparsity_at(0, **law) == prune
    assert sparsity_at(1, **law) == pytest.approx(1 - law["lock"])


def test_success_at_places_is_that_of_their_sparsities():
    found = success_at_places(20, 0.05, (0.3, 0.6), prune=0.2, lock=0.1, draws=200, seed=4)
    assert [one.place for one in found] == pytest.approx([0.3, 0.6])
    assert [one.sparsity for one in found] == pytest.approx([0.41, 0.62])
    for one in found:
        assert (one.prune, one.lock, one.n) == (0.2, 0.1, 20)
        alone = estimated_kept_success(20, 0.05, Share(one.sparsity), prune=0.2, lock=0.1, draws=200, seed=4)
        assert one.success == alone


@pytest.mark.parametrize("peak", [0.3, 0.52, 0.81])
def test_the_top_of_a_smooth_curve_is_found(peak, monkeypatch):
    def success(n, eps, keep, **_):
        return 1 / (1 + np.exp(20 * (keep.sparsity - peak) ** 2 - 2))

    monkeypatch.setattr(place, "estimated_kept_success", success)
    assert best_place(20, 0.05).place == pytest.approx(peak, abs=0.004)
    assert best_place(20, 0.05).success == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)


@pytest.mark.long
def test_with_nothing_locked_the_best_place_is_on_the_sparse_side_and_with_much_locked_near_the_centre():
    dense = best_place(14, 0.05, draws=600)
    locked = best_place(40, 0.05, prune=0.1, lock=0.4, draws=600)
    assert 0.56 < dense.place < 0.8
    assert 0.42 < locked.place < 0.58
    sides = success_at_places(14, 0.05, (0.25, 0.75), draws=600)
    assert sides[1].success > sides[0].success + 0.1


@pytest.mark.long
def test_a_place_off_the_best_costs_variables():
    best = least_n(0.1, 0.2, draws=400)
    assert estimated_kept_n(0.1, 0.2, Share(best.sparsity), draws=400) == best.n
    assert best.n <= estimated_kept_n(0.1, 0.2, Share(0.5), draws=400)
    cost = cost_of_place(0.25, 0.1, 0.2, draws=400)
    assert cost == estimated_kept_n(0.1, 0.2, Share(0.25), draws=400) / best.n
    assert cost > 1.5
    assert cost_of_place(0.25, 0.5, 0.2, radius=0.5) == 1  # no variable is needed


def test_no_cost_is_named_where_no_number_of_variables_is_enough(monkeypatch):
    monkeypatch.setattr(place, "estimated_kept_n", lambda eps, delta, keep, **_: None)
    assert least_n(0.1, 0.2) is None
    assert cost_of_place(0.5, 0.1, 0.2) == float("inf")


def test_the_centre_rule_makes_the_sparsity_the_centre_where_it_can():
    found = positions_by_theory(0.6, 0.4, 0.05, n=24, draws=200)
    assert (found.centre.prune, found.centre.lock, found.centre.place) == pytest.approx((0.3, 0.1, 0.5))
    assert found.best.success >= found.centre.success
    assert found.best.prune + found.best.lock == pytest.approx(0.4)
    assert found.best.sparsity == 0.6
    assert found.needed is None
    # F/2 + k - 1/2 = .5 is more than F: all that is frozen is pruned
    corner = positions_by_theory(0.8, 0.4, 0.05, n=24, draws=200).centre
    assert (corner.prune, corner.lock) == (0.4, 0.0)
    # nothing to choose
    alone = positions_by_theory(0.6, 0.0, 0.05, n=12, draws=200)
    assert alone.best == alone.centre


def test_at_a_given_sparsity_both_sides_of_the_centre_are_alike():
    law = {"draws": 1000, "reading": "uniform"}
    low, high = (estimated_kept_success(36, 0.02, Share(0.5), prune=p, lock=0.4 - p, **law) for p in (0.05, 0.35))
    moved = [estimated_kept_success(36, 0.02, Share(k), prune=0.4, **law) for k in (0.4 + 0.25 * 0.6, 0.4 + 0.75 * 0.6)]
    assert abs(low - high) < 0.06
    assert moved[1] - moved[0] > 0.2


def test_what_the_centre_rule_costs_is_said():
    best, centre = Place(0.6, 0.5, 0.14, 0.26, 40, 0.93), Place(0.5, 0.5, 0.2, 0.2, 40, 0.9)
    assert not Positions(best, centre, None).rule_is_right
    assert str(Positions(best, centre, None)) == (
        "best p = 0.14, q = 0.26 (place 0.60); "
        "the centre rule, p = 0.2, is not the best: success 0.900 of 0.930 at n = 40"
    )
    right = Positions(best, centre, (100, 105))
    assert right.rule_is_right
    assert str(right).endswith("is right: n = 105 in place of 100")
    assert not Positions(best, centre, (100, 106)).rule_is_right


def test_rates_by_theory_ask_how_many_variables_each_needs(monkeypatch):
    monkeypatch.setattr(place, "estimated_kept_n", lambda eps, delta, keep, prune, lock, **_: 50 - (prune < 0.15))
    monkeypatch.setattr(place, "estimated_kept_success", lambda n, eps, keep, prune, **_: 0.9 - (prune - 0.1) ** 2)
    found = positions_by_theory(0.5, 0.4, 0.05, delta=0.1)
    assert found.best.prune == pytest.approx(0.1, abs=0.01)
    assert found.needed == (49, 50)
    assert found.best.n == found.centre.n == 50


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"sparsity": 1.0}, "sparsity must lie strictly between 0 and 1"),
        ({"freezing": 1.0}, "prune \\+ lock must be below 1"),
        ({"n": None}, "give either n or delta"),
        ({"delta": 0.1}, "give either n or delta"),
        ({"eps": 2.0}, "eps must lie strictly between 0 and 1"),
    ],
)
def test_bad_arguments_are_named(changed, line):
    with pytest.raises(ValueError, match=line):
        positions_by_theory(**{"sparsity": 0.5, "freezing": 0.4, "eps": 0.1, "n": 10, "draws": 20, **changed})


def test_a_place_or_sparsity_outside_its_interval_is_named(monkeypatch):
    with pytest.raises(ValueError, match=r"sparsity must lie in \[prune, 1 - lock\] = \[0.3, 0.8\], got 0.2"):
        place_of(0.2, prune=0.3, lock=0.2)
    with pytest.raises(ValueError, match=r"place must lie in \[0, 1\]"):
        sparsity_at(1.2)
    monkeypatch.setattr(place, "estimated_kept_n", lambda *_, **__: None)
    with pytest.raises(ValueError, match=r"more variables than are looked at"):
        positions_by_theory(0.02, 0.0, 0.01, delta=0.05)
