"""EPL and ERK give the published ratios and keep the right totals; sparsities without a search are refused."""

from math import comb, log2, prod

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slt.core.rates import Rates
from theory.freezing import (
    RULES,
    centre,
    check_sparsity,
    counts,
    entropy_bits,
    epl,
    erk,
    interval,
    kept_count,
    layer_rates,
    log2_candidates,
    positioned,
    ticket_size,
)

CONV6 = [
    *[(64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3), (256, 128, 3, 3), (256, 256, 3, 3)],
    *[(256, 4096), (256, 256), (10, 256)],
]
RESNET18 = [(64, 3, 3, 3), *[(64, 64, 3, 3)] * 4]
for narrow, wide in [(64, 128), (128, 256), (256, 512)]:
    # the order of a block: two kernels, then the shortcut where there is one
    RESNET18 += [(wide, narrow, 3, 3), (wide, wide, 3, 3), (wide, narrow, 1, 1), *[(wide, wide, 3, 3)] * 2]
RESNET18 += [(10, 512)]

shapes = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 300), st.integers(1, 300)),
        st.tuples(st.integers(1, 64), st.integers(1, 64), st.integers(1, 5), st.integers(1, 5)),
    ),
    min_size=1,
    max_size=8,
)
shares = st.integers(0, 100).map(lambda percent: percent / 100)
frozen = st.tuples(st.integers(0, 100), st.integers(0, 100)).filter(lambda r: sum(r) <= 100)
frozen = frozen.map(lambda r: Rates(r[0] / 100, r[1] / 100))


def densities(rule, layers, density):
    return epl([prod(shape) for shape in layers], density) if rule == "epl" else erk(layers, density)


def rounded(values):
    return [round(value, 4) for value in values]


def test_the_architectures_have_the_published_sizes():
    assert [prod(shape) for shape in CONV6] == [1728, 36864, 73728, 147456, 294912, 589824, 1048576, 65536, 2560]
    assert sum(map(prod, CONV6)) == 2_261_184
    assert sum(map(prod, RESNET18)) == 11_164_352
    assert len(RESNET18) == 21


def test_epl_of_conv6_is_the_published_one():
    rates = layer_rates("epl", CONV6, 0.25, 0.25)
    assert rounded(r.prune for r in rates) == [0, 0, 0, 0, 0, 0.0903, 0.4883, 0, 0]
    assert rounded(r.lock for r in rates) == [0, 0, 0, 0, 0.0927, 0.4560, 0.2565, 0, 0]
    pruned = layer_rates("epl", CONV6, 0.8, 0)
    assert rounded(r.prune for r in pruned) == [0, 0, 0.0626, 0.5313, 0.7657, 0.8828, 0.9341, 0, 0]
    assert all(r.lock == 0 for r in pruned)


def test_erk_of_conv6_is_the_published_one():
    rates = layer_rates("erk", CONV6, 0.25, 0.25)
    assert rounded(r.prune for r in rates) == [0, 0, 0, 0.291, 0.4723, 0.6495, 0, 0, 0]
    assert rounded(r.lock for r in rates) == [0, 0.3413, 0.5134, 0.3871, 0.2881, 0.1913, 0.2479, 0, 0]


def test_epl_of_resnet18_is_the_published_one():
    rates = layer_rates("epl", RESNET18, 0.8, 0)
    last = [0.4107, 0.7053, 0, 0.7053, 0.7053, 0.8527, 0.9263, 0, 0.9263, 0.9263, 0]
    assert rounded(r.prune for r in rates) == [0] * 10 + last


@pytest.mark.parametrize("rule", RULES)
@given(layers=shapes, density=shares)
@example(layers=[(5, 7), (5, 7)], density=1.0)
def test_a_rule_keeps_the_asked_number_of_edges(rule, layers, density):
    sizes = [prod(shape) for shape in layers]
    received = densities(rule, layers, density)
    assert all(0 <= share <= 1 for share in received)
    assert sum(n * share for n, share in zip(sizes, received, strict=True)) == pytest.approx(density * sum(sizes))


@pytest.mark.parametrize("rule", RULES)
@given(layers=shapes, density=shares)
def test_unsaturated_layers_share_one_factor_and_saturated_ones_would_exceed_it(rule, layers, density):
    raw = [1 / prod(shape) if rule == "epl" else sum(shape) / prod(shape) for shape in layers]
    received = densities(rule, layers, density)
    factors = [share / r for share, r in zip(received, raw, strict=True) if share < 1]
    for share, r in zip(received, raw, strict=True):
        if factors:
            assert share == pytest.approx(min(1, max(factors) * r), abs=1e-9)


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("rule", RULES)
@given(layers=shapes, one=shares, two=shares)
def test_more_density_never_takes_from_a_layer(rule, layers, one, two):
    less, more = (densities(rule, layers, d) for d in sorted((one, two)))
    assert all(a <= b + 1e-12 for a, b in zip(less, more, strict=True))


@pytest.mark.parametrize("rule", RULES)
@given(layers=shapes, density=shares, data=st.data())
def test_the_order_of_the_layers_changes_nothing(rule, layers, density, data):
    order = data.draw(st.permutations(range(len(layers))))
    received = densities(rule, [layers[i] for i in order], density)
    expected = densities(rule, layers, density)
    assert received == pytest.approx([expected[i] for i in order], abs=1e-12)


@pytest.mark.parametrize("rule", RULES)
@given(layers=shapes, rates=frozen)
def test_layer_rates_add_up_to_the_rates_of_the_network(rule, layers, rates):
    sizes = [prod(shape) for shape in layers]
    received = layer_rates(rule, layers, rates.prune, rates.lock)
    total = sum(sizes)
    assert sum(n * r.prune for n, r in zip(sizes, received, strict=True)) == pytest.approx(
        rates.prune * total, abs=1e-6
    )
    assert sum(n * r.lock for n, r in zip(sizes, received, strict=True)) == pytest.approx(rates.lock * total, abs=1e-6)


def test_equal_layers_get_the_rates_of_the_network():
    for rule in RULES:
        for received in layer_rates(rule, [(20, 30)] * 3, 0.2, 0.3):
            assert (received.prune, received.lock) == (pytest.approx(0.2), pytest.approx(0.3))


def test_a_dense_source_has_no_frozen_weight():
    for rule in RULES:
        assert set(layer_rates(rule, CONV6, 0, 0)) == {Rates()}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: layer_rates("elk", CONV6, 0.1, 0.1), "epl, erk"),
        (lambda: layer_rates("epl", CONV6, 0.6, 0.6), "at most 1"),
        (lambda: layer_rates("epl", CONV6, -0.1, 0.6), "prune must lie"),
        (lambda: layer_rates("epl", [], 0.1, 0.1), "at least one layer"),
        (lambda: erk([(3, 0)], 0.5), "at least 1"),
        (lambda: epl([0, 3], 0.5), "at least 1"),
        (lambda: epl([3], 1.5), "density must lie"),
        (lambda: check_sparsity(0.25, Rates(0.25, 0.25)), "strictly between 0.25 and 0.75"),
        (lambda: check_sparsity(0.75, Rates(0.25, 0.25)), "strictly between 0.25 and 0.75"),
        (lambda: check_sparsity(0.0, Rates()), "strictly between 0 and 1"),
        (lambda: check_sparsity(0.5, Rates(0.5, 0.5)), "nothing is free"),
        (lambda: entropy_bits(0.9, Rates(0.25, 0.25)), "0.25, 0.75"),
        (lambda: log2_candidates(3, 4), "3"),
        (lambda: ticket_size(10, 1.0), "nothing is free"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, says):
    with pytest.raises(ValueError, match=says) as refusal:
        call()
    assert "\n" not in str(refusal.value)


@given(shares, st.integers(1, 99))
def test_positioning_is_as_near_the_centre_as_the_freezing_ratio_allows(freezing, percent):
    sparsity = percent / 100
    received = positioned(freezing, sparsity)
    assert received.freezing == pytest.approx(freezing)
    off = abs(centre(received) - sparsity)
    for p in range(101):
        other = freezing * p / 100
        assert off <= abs(centre(Rates(other, freezing - other)) - sparsity) + 1e-9


@given(frozen.filter(lambda r: r.free > 0.01))
def test_inside_the_interval_a_sparsity_is_accepted(rates):
    low, high = interval(rates)
    assert check_sparsity(centre(rates), rates) == centre(rates)
    for outside in (low, high, low / 2, (1 + high) / 2):
        with pytest.raises(ValueError, match="sparsity"):
            check_sparsity(outside, rates)


@given(st.integers(0, 10**9), st.integers(0, 1000), st.integers(0, 1000))
@example(100, 290, 570)
@example(10**9, 333, 667)
def test_counts_are_those_of_exact_arithmetic(size, p, q):
    if p + q > 1000:
        p, q = 1000 - p, 1000 - q
    pruned, locked = counts(size, Rates(p / 1000, q / 1000))
    assert (pruned, locked) == (size * p // 1000, size * q // 1000)
    assert pruned + locked <= size


def test_the_locked_share_is_counted_right_after_a_subtraction():
    # 0.7 - 0.55 is 0.1499999...
    assert counts(100, positioned(0.7, 0.7)) == (55, 15)


@given(st.integers(0, 200), st.data())
def test_candidates_are_counted_as_binomials(free, data):
    kept = data.draw(st.integers(0, free))
    assert log2_candidates(free, kept) == pytest.approx(log2(comb(free, kept)), abs=1e-9)


def test_the_centre_has_the_most_candidates_and_costs_one_bit():
    rates = Rates(0.25, 0.5)
    best = centre(rates)
    assert entropy_bits(best, rates) == 1
    for off in (-0.05, 0.05):
        assert log2_candidates(250, (best + off - 0.25) * 1000) < log2_candidates(250, (best - 0.25) * 1000)
        assert entropy_bits(best + off, rates) < 1
    assert entropy_bits(0.25, rates) == entropy_bits(0.5, rates) == 0
    assert entropy_bits(0.11, Rates()) == pytest.approx(0.4999, abs=1e-4)


def test_entropy_is_the_limit_of_the_counted_candidates():
    rates, N = Rates(0.1, 0.3), 10**6
    assert log2_candidates(0.6 * N, 0.2 * N) == pytest.approx(0.6 * N * entropy_bits(0.3, rates), rel=1e-4)


def test_ticket_sizes_are_the_published_ones():
    assert ticket_size(25_502_912, 0).ticket / ticket_size(25_502_912, 0.7).ticket == pytest.approx(1 / 0.3)
    assert ticket_size(378_280, 0.2, norms=2_396).ratio == pytest.approx(40.25, abs=0.01)
    assert ticket_size(1000, 0.5).ratio == 64
    assert ticket_size(1000, 0.5, norms=10, learn_norms=True).ticket == 500 + 320


def test_kept_and_zero_weights_are_all_weights():
    assert kept_count(2_261_184, 0.5) == 1_130_592
    assert kept_count(10, 0.0) == 10
    assert kept_count(7, 0.1) == 6
