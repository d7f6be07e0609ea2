"""Bad arguments get one line that names what, which value, and what is allowed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.checks import closed_unit, one_of, open_unit, positive, whole
from slt.core.keys import generator, key_words
from slt.core.rates import Rates, searchable


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.1, float("nan"), float("inf"), "x", None])
def test_open_unit_refuses_all_but_the_open_interval(value):
    with pytest.raises(ValueError, match="^eps must") as error:
        open_unit("eps", value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [-1e-9, 1 + 1e-9, float("nan"), "x"])
def test_closed_unit_refuses_what_is_no_rate(value):
    with pytest.raises(ValueError, match="^prune must"):
        closed_unit("prune", value)


@pytest.mark.parametrize("value", [0, -1, float("inf")])
def test_positive_refuses_the_rest(value):
    with pytest.raises(ValueError, match="^radius must"):
        positive("radius", value)


@pytest.mark.parametrize("value", [-1, 1.5, "3"])
def test_whole_refuses_negative_and_broken_numbers(value):
    with pytest.raises(ValueError, match="^n must"):
        whole("n", value)
    assert whole("n", np.int64(4)) == 4


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match="uniform, pointwise; got 'both'"):
        one_of("reading", "both", ("uniform", "pointwise"))


@given(prune=st.floats(0, 1), lock=st.floats(0, 1))
def test_rates_sum_to_one_or_are_refused(prune, lock):
    if prune + lock > 1:
        with pytest.raises(ValueError, match="at most 1"):
            Rates(prune, lock)
    else:
        rates = Rates(prune, lock)
        assert 0 <= rates.free <= 1
        assert rates.free + rates.freezing == pytest.approx(1)


@pytest.mark.parametrize(("prune", "lock"), [(0.7, 0.3), (1.0, 0.0), (0.1, 0.9)])
def test_searchable_refuses_a_source_with_nothing_free(prune, lock):
    assert Rates(prune, lock).free == 0
    with pytest.raises(ValueError, match="nothing is free"):
        searchable(prune, lock)


def test_streams_differ_by_seed_name_and_index_and_repeat():
    draws = {
        (seed, what, index): generator(seed, what, index).integers(2**63)
        for seed in (0, 1)
        for what in ("", "estimate", "sample")
        for index in (0, 1)
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[1, "estimate", 1] == generator(1, "estimate", 1).integers(2**63)
    assert key_words(5, "estimate")[1] == key_words(6, "estimate")[1] != 0


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5])
def test_seeds_outside_64_bits_are_refused(seed):
    with pytest.raises(ValueError, match="^seed must"):
        generator(seed)
