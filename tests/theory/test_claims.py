"""The tuple of claims: what the command line and the README rely on."""

from math import inf, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from slt.core.rates import READINGS, Rates
from theory.asymptotics import closed_form_n, constant
from theory.claims import CLAIMS

levels = st.floats(1e-9, 0.5)
shares = st.floats(0.01, 0.49)


def claim(key):
    return next(one for one in CLAIMS if one.key == key)


def test_the_four_lemmas_are_listed_once_each():
    keys = [one.key for one in CLAIMS]
    assert len(set(keys)) == len(keys)
    assert {one.key: (one.title, one.reading) for one in CLAIMS if one.key in ("2.1", "2.2", "A.2", "A.3")} == {
        "2.1": ("dense", "uniform"),
        "2.2": ("pruned", "pointwise"),
        "A.2": ("locked", "uniform"),
        "A.3": ("frozen", "pointwise"),
    }
    assert all(one.reading in READINGS for one in CLAIMS)
    assert theory.CLAIMS is CLAIMS


def test_each_lemma_takes_the_rates_it_speaks_of():
    received = [one.rates(0.4, 0.3) for one in CLAIMS]
    assert received == [Rates(0, 0), Rates(0.4, 0), Rates(0, 0.3), Rates(0.4, 0.3)]


def test_nothing_free_is_refused_even_by_the_dense_lemma():
    with pytest.raises(ValueError, match="nothing is free"):
        claim("2.1").rates(0.6, 0.4)


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.key)
@given(frozen=st.tuples(shares, shares), eps=levels, delta=levels, n=st.integers(1, 10**6))
def test_factors_are_positive_and_give_back_n(one, frozen, eps, delta, n):
    prune, lock = frozen
    factor = one.factor(prune, lock, eps, delta)
    assert factor > 0
    assert one.implied_constant(n, prune, lock, eps, delta) * factor == pytest.approx(n)
    form, rates = one.form, one.rates(prune, lock)
    assert form.sample_size(2.5, eps, delta, rates) == pytest.approx(2.5 * factor)


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.key)
@given(prune=shares, lock=shares, eps=levels, delta=levels)
def test_factors_fall_as_eps_and_delta_grow(one, prune, lock, eps, delta):
    factor = one.factor(prune, lock, eps, delta)
    assert one.factor(prune, lock, 1.5 * eps, delta) <= factor
    assert one.factor(prune, lock, eps, 1.5 * delta) <= factor
    assert one.factor(prune, lock, 1.5 * eps, 1.5 * delta) < factor


@given(prune=shares, lock=shares, eps=levels, delta=levels)
def test_only_the_pruned_lemma_puts_its_rate_into_the_factor(prune, lock, eps, delta):
    plain = -log(min(eps, delta))
    for key in ("2.1", "A.2", "A.3"):
        assert claim(key).factor(prune, lock, eps, delta) == pytest.approx(plain)
    assert claim("2.2").factor(prune, lock, eps, delta) == pytest.approx(plain / -log(prune))
    assert claim("2.2").factor(prune * 1.01, lock, eps, delta) > claim("2.2").factor(prune, lock, eps, delta)


def test_only_lemma_2_2_is_corrected():
    assert [one.key for one in CLAIMS if one.corrected] == ["2.2"]


@given(prune=st.floats(0.0, 0.9), eps=levels, delta=levels, C=st.floats(1.0, 50))
def test_the_correction_round_trips_and_asks_for_more_where_sources_are_dense(prune, eps, delta, C):
    lemma = claim("2.2")
    form = lemma.corrected.form
    n = form.sample_size(C, eps, delta, Rates(prune))
    assert lemma.corrected_constant(n, prune, 0.0, eps, delta) == pytest.approx(C, rel=1e-6)
    dense = claim("2.1").form.sample_size(C, eps, delta, Rates())
    assert n >= dense * (1 - 1e-9)


def test_other_lemmas_stand_on_their_published_constant():
    lemma = claim("A.3")
    assert lemma.corrected_constant(130, 0.4, 0.3, 0.01, 0.05) == lemma.implied_constant(130, 0.4, 0.3, 0.01, 0.05)


def test_a_dense_source_breaks_the_published_pruned_lemma_only():
    lemma = claim("2.2")
    assert lemma.factor(0.0, 0.3, 0.01, 0.05) == 0
    assert lemma.implied_constant(14, 0.0, 0.3, 0.01, 0.05) == inf
    assert lemma.corrected_constant(14, 0.0, 0.3, 0.01, 0.05) == pytest.approx(14 / log(100))
    assert 0 < lemma.corrected.fails_from(2.0, 0.01, 0.05, 1.0, "pointwise") < 1


@pytest.mark.parametrize("one", [one for one in CLAIMS if one.proven_constant], ids=lambda one: one.key)
@given(frozen=st.tuples(shares, shares), eps=levels, delta=levels)
def test_the_proven_constant_asks_for_at_least_what_is_proven_to_suffice(one, frozen, eps, delta):
    rates = one.rates(*frozen)
    form = one.corrected.form if one.corrected else one.form
    asked = form.sample_size(one.proven_constant(rates), eps, delta, rates)
    assert asked >= closed_form_n(eps, delta, prune=rates.prune, lock=rates.lock) * (1 - 1e-9)


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.key)
@given(prune=shares, lock=shares, eps=levels, delta=levels)
@settings(max_examples=10)
def test_with_its_proven_constant_a_form_asks_for_what_our_closed_form_does(one, prune, lock, eps, delta):
    rates = one.rates(prune, lock)
    form = one.corrected.form if one.corrected else one.form
    asked = form.sample_size(one.proven_constant(rates), eps, delta, rates)
    sufficient = constant(prune=rates.prune, lock=rates.lock, eps_0=0.5) * -log(min(eps, delta))
    assert asked == pytest.approx(sufficient)
