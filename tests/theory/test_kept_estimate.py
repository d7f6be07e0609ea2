"""The estimate for choices of a fixed size: its parts are what they say, and the whole is near measurement."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.keep import Groups, Share, Size, groups_of
from slt.core.rates import Rates
from tests.theory.kept_small import measured, smeared, sums
from theory import kept_estimate
from theory.kept_cover import (
    ENUMERATED,
    covered_windows,
    enumerated_windows,
    log_choices,
    sums_of_blocks,
)
from theory.kept_density import Density, density_of_groups, density_of_size
from theory.kept_draws import draws_of
from theory.kept_estimate import estimated_kept_n, estimated_kept_success
from theory.kept_necessary import necessary_kept_n
from theory.kept_states import group_compliance

WIDE = np.array([-1e3]), np.array([1e3])


def leaves_no_gap(found, low, high, eps):
    left, right = found[:-1] + eps, found[1:] - eps
    hole = (left < right) & (left < high) & (right > low)
    return bool(found[0] - eps <= low and found[-1] + eps >= high and not hole.any())


def all_sums(values, size):
    return np.sort([sum(chosen) for chosen in combinations(values, size)])


def told(keep):
    """Say in the words of the naive measurement what is kept."""
    if isinstance(keep, Groups):
        return "groups", keep.kept, keep.of, keep.lenient
    return ("size", keep.count) if isinstance(keep, Size) else ("share", keep.sparsity)


def test_the_naive_measurement_finds_every_sum():
    x = np.array([3, -5, 2, 7, -1, 4])
    locked, free = np.array([0, 0, 1, 0, 0, 0], bool), np.array([1, 1, 0, 1, 1, 0], bool)

    def found(keep):
        bits, offset = sums(x, locked, free, keep)
        return [b - offset for b in range(bits.bit_length()) if bits >> b & 1]

    assert found(("size", 2)) == sorted({sum(c) for c in combinations([3, -5, 7, -1], 2)})
    assert found(("share", 0.5)) == found(("size", 2))
    # groups (3, -5, 2 locked) and (7, -1, 4 pruned): one more of the first, two of the second
    assert found(("groups", 2, 3, False)) == [1, 9]
    assert sums(x, locked, free, ("groups", 3, 3, False)) is None
    assert found(("groups", 3, 3, True)) == [3 - 5 + 7 - 1]
    assert bin(smeared(0b1000001, 3)) == "0b1111001111"


wholes = st.lists(st.integers(-50, 50), min_size=1, max_size=8)


@given(first=wholes, second=wholes, data=st.data())
def test_sums_of_blocks_are_those_of_all_choices(first, second, data):
    a, b = data.draw(st.integers(0, len(first))), data.draw(st.integers(0, len(second)))
    received = sums_of_blocks([(np.array(first, float), a), (np.array(second, float), b)])
    expected = sorted(sum(x) + sum(y) for x in combinations(first, a) for y in combinations(second, b))
    assert received.tolist() == expected
    count = log_choices(np.array([[len(first), len(second)]]), np.array([[a, b]]))
    assert np.exp(count[0]) == pytest.approx(len(expected))


@given(values=wholes, data=st.data())
def test_dropping_is_choosing_what_is_left(values, data):
    """S_{m-j} = A - S_j: not the same sums, but their mirror image about half the total."""
    j = data.draw(st.integers(0, len(values)))
    values = np.array(values, float)
    kept, dropped = sums_of_blocks([(values, j)]), sums_of_blocks([(values, len(values) - j)])
    assert (values.sum() - kept[::-1]).tolist() == dropped.tolist()


@given(
    found=st.lists(st.integers(-200, 200), min_size=1, max_size=30),
    eps=st.integers(1, 30),
    low=st.integers(-250, 250),
    length=st.integers(0, 300),
)
def test_windows_of_enumerated_sums_are_decided_exactly(found, eps, low, length):
    found = np.sort(np.array(found, float))
    received = enumerated_windows(found, eps / 2, np.array([low]), np.array([low + length]))
    assert received.tolist() == [leaves_no_gap(found, low, low + length, eps / 2)]


@pytest.mark.parametrize("size", [4, 8, 12])
def test_density_counts_the_sums_of_a_fixed_size_in_every_part_of_their_range(size):
    x = np.sort(np.random.default_rng(size).uniform(-1, 1, (1, 18)), axis=1)
    padded = np.concatenate([x, np.full((1, 3), np.inf)], axis=1)
    found = density_of_size(padded, np.array([size]), 1e-12, *WIDE)
    exact = all_sums(x[0], size)
    assert (found.first[0], found.last[0]) == pytest.approx((exact[0], exact[-1]))
    edges = np.quantile(exact, [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
    fine = np.linspace(edges[:-1], edges[1:], 400)
    density = np.exp(np.interp(fine, found.w[0], found.log_rho[0]))
    ratio = density.mean(axis=0) * np.diff(edges) / np.histogram(exact, edges)[0]
    assert np.all((ratio > 0.99) & (ratio < 1.16)), ratio  # too dense, as its docstring says


@pytest.mark.parametrize("keep", ["2:4", "1:4", "1:2", "3:8"])
def test_density_counts_the_sums_of_groups(keep):
    keep = groups_of(keep)
    count = {4: 5, 2: 12, 8: 2}[keep.of]
    x = np.sort(np.random.default_rng(3).uniform(-1, 1, (1, count, keep.of)), axis=2)
    exact = sums_of_blocks([(values, keep.kept) for values in x[0]])
    found = density_of_groups(x, np.full((1, count), keep.kept), 1e-12, *WIDE)
    assert (found.first[0], found.last[0]) == pytest.approx((exact[0], exact[-1]))
    edges = np.quantile(exact, [0.1, 0.3, 0.5, 0.7, 0.9])
    fine = np.linspace(edges[:-1], edges[1:], 400)
    density = np.exp(np.interp(fine, found.w[0], found.log_rho[0]))
    assert density.mean(axis=0) * np.diff(edges) == pytest.approx(np.histogram(exact, edges)[0], rel=0.12)


def test_one_group_and_one_size_have_the_same_density():
    x = np.sort(np.random.default_rng(5).uniform(-1, 1, (3, 16)), axis=1)
    size = np.array([5, 8, 12])
    of_size = density_of_size(x, size, 1e-12, np.full(3, -1e3), np.full(3, 1e3))
    of_group = density_of_groups(x[:, None], size[:, None], 1e-12, np.full(3, -1e3), np.full(3, 1e3))
    for row in range(3):
        w = np.linspace(*np.quantile(all_sums(x[row], size[row]), [0.2, 0.8]), 20)
        a, b = (np.interp(w, found.w[row], found.log_rho[row]) for found in (of_size, of_group))
        # the saddlepoint value of e_c against e_c itself is too large, as Stirling's formula is
        assert np.all((a - b > 0.02) & (a - b < 0.12))


def test_density_of_what_is_dropped_is_the_mirror_image():
    x = np.sort(np.random.default_rng(6).uniform(-1, 1, (1, 17)), axis=1)
    kept, dropped = (density_of_size(x, np.array([j]), 0.01, *WIDE) for j in (6, 11))
    assert x.sum() - kept.w[0, ::-1] == pytest.approx(dropped.w[0], abs=1e-6)
    assert kept.log_rho[0, ::-1] == pytest.approx(dropped.log_rho[0], abs=1e-6)
    assert kept.length[0, ::-1] == pytest.approx(dropped.length[0], abs=1e-9)


def test_twins_make_stretches_as_many_and_as_long_as_they_are():
    """Of 70 sums of 4 of 8 values, 20 keep the one of two neighbours and 20 the other: 50 stretches, 20 longer by d."""
    x = np.array([[[-0.9, -0.55, -0.28, 0.05, 0.051, 0.33, 0.61, 0.97]]])
    alone = density_of_groups(x, np.array([[4]]), 1e-9, *WIDE)
    twins = density_of_groups(x, np.array([[4]]), 0.01, *WIDE)
    middle = alone.w.shape[1] // 2  # s = 0
    assert np.exp(twins.log_rho - alone.log_rho)[0, middle] == pytest.approx(50 / 70)
    assert twins.length[0, middle] == pytest.approx((30 * 0.02 + 20 * 0.021) / 50)
    assert alone.length[0, middle] == pytest.approx(2e-9)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("low", "high"), [(-4.0, 4.0), (2.0, 8.0), (-20.0, 3.0), (1.0, 1.0)])
def test_windows_are_covered_as_often_as_those_of_a_simulated_process(low, high, mirrored):
    """Sums of constant rate on [-20, 20], in units of eps."""
    rate, trials = 2.0, 4000
    node = np.array([[-20.0, 20.0]])
    density = Density(node, np.full((1, 2), np.log(rate)), np.full((1, 2), 2.0), node[:, 0] - 9, node[:, 1] + 9)
    received = covered_windows(density, 1.0, np.array([[low]]), np.array([[high]]), np.array([mirrored]))[0, 0]
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(trials):
        points = (
            rng.uniform(-30, 30, rng.poisson(60 * rate)) if not mirrored else rng.uniform(0, 30, rng.poisson(30 * rate))
        )
        found = np.sort(np.concatenate([points, -points]) if mirrored else points)
        covered += leaves_no_gap(found, low, high, 1.0)
    # the rate of gaps is asymptotic: a little off in short windows
    assert received == pytest.approx(covered / trials, abs=0.02 + 4.9 * 0.5 / trials**0.5)


def test_nothing_is_covered_beyond_the_ends():
    node = np.array([[-2.0, 3.0]])
    density = Density(node, np.full((1, 2), 40.0), np.full((1, 2), 0.2), node[:, 0], node[:, 1])
    low, high = np.array([[-2.2, -2.05, 0.0, 0.0]]), np.array([[0.0, 0.0, 3.05, 3.2]])
    assert covered_windows(density, 0.1, low, high, np.array([False])) == pytest.approx(np.array([[0, 1, 1, 0]]))


@pytest.mark.parametrize("keep", [Share(0.4), Size(9), groups_of("2:4 lenient")])
def test_draws_have_the_counts_and_totals_of_their_law(keep):
    n, rates = 40, Rates(0.3, 0.3)
    batches = list(draws_of(n, keep, rates, 3000, 0))
    free = np.concatenate([batch.count.sum(axis=1) for batch in batches])
    total = np.concatenate([batch.total for batch in batches])
    assert len(free) == 3000
    assert free.mean() == pytest.approx(16, abs=5 * (n * 0.24 / 3000) ** 0.5)
    assert free.var() == pytest.approx(n * 0.24, rel=5 * (2 / 3000) ** 0.5)
    assert total.mean() == pytest.approx(0, abs=5 * (4 / 3000) ** 0.5)
    assert total.var() == pytest.approx(n * 0.3 / 3, rel=5 * (3 / 3000) ** 0.5)
    for batch in batches:
        assert np.all((batch.size >= 0)[batch.complies])
        assert np.all((batch.size <= batch.count)[batch.complies])


def test_what_a_share_keeps_of_the_free_ones_is_what_the_locked_ones_leave():
    batch = next(draws_of(30, Share(0.5), Rates(0.2, 0.4), 250, 1))
    locked = 15 - batch.size[:, 0]
    assert 0 <= locked.min() < 12 < locked.max()
    assert locked.mean() == pytest.approx(12, abs=5 * (7.2 / 250) ** 0.5)
    assert (~batch.complies).tolist() == ((locked > 15) | (batch.count[:, 0] < 15 - locked)).tolist()
    assert 0 < batch.complies.mean() < 1


def test_values_of_fewer_variables_are_the_first_of_those_of_more():
    few, many = (next(draws_of(n, Size(3), Rates(), 100, 2)) for n in (7, 8))
    assert all(set(a[0]) <= set(b[0]) for a, b in zip(few.x, many.x, strict=True))


SETTINGS = [
    # n, eps, keep, prune, lock
    (16, 0.01, Size(5), 0.0, 0.0),
    (16, 0.01, Size(11), 0.0, 0.0),
    (40, 0.01, Share(0.65), 0.4, 0.0),
    (40, 0.01, Share(0.5), 0.0, 0.3),
    (30, 0.01, Share(0.5), 0.2, 0.2),
    (30, 0.1, Share(0.2), 0.0, 0.3),
    (18, 0.001, Size(9), 0.0, 0.0),
    (30, 0.001, Share(0.6), 0.0, 0.2),
    (20, 0.01, groups_of("2:4"), 0.0, 0.0),
    (28, 0.01, groups_of("1:2"), 0.0, 0.0),
    (24, 0.01, groups_of("1:4"), 0.0, 0.0),
    (16, 0.1, groups_of("1:8"), 0.0, 0.0),
    (48, 0.01, groups_of("2:4 lenient"), 0.2, 0.2),
    (60, 0.01, groups_of("1:2 lenient"), 0.2, 0.2),
    (48, 0.01, groups_of("1:4 lenient"), 0.4, 0.0),
    (64, 0.01, groups_of("1:8 lenient"), 0.0, 0.2),
    (16, 0.05, groups_of("2:4"), 0.05, 0.05),
    (8, 0.1, Size(4), 0.0, 0.0),
]


@pytest.mark.long(keep=4)
@pytest.mark.parametrize(("n", "eps", "keep", "prune", "lock"), SETTINGS)
def test_estimate_agrees_with_measurement(n, eps, keep, prune, lock):
    trials, draws = 2000, 2000
    expected = measured(n, eps, told(keep), trials, prune=prune, lock=lock)
    law = {"prune": prune, "lock": lock, "draws": draws}
    sampling = 4.9 * 0.5 * np.hypot(trials**-0.5, draws**-0.5)
    for reading, share in zip(("uniform", "pointwise"), expected, strict=True):
        assert 0.01 < share < 0.999
        assert abs(estimated_kept_success(n, eps, keep, reading=reading, **law) - share) <= 0.03 + sampling


def test_two_variables_are_computed_by_hand():
    """One of two is kept, eps = .6: one is at most -.4, the other at least .4, and they are at most 1.2 apart."""
    draws, error = 4000, 4.9 / 4000**0.5
    for keep in (Size(1), Share(0.5), Groups(1, 2)):
        assert estimated_kept_success(2, 0.6, keep, draws=draws) == pytest.approx(0.04, abs=error * 0.2)
    # z = 1: one of two within .6 of it, 1 - .7^2; the sum of both between .4 and 1.6
    one, two = (estimated_kept_success(2, 0.6, Size(j), draws=draws, reading="pointwise") for j in (1, 2))
    assert one == pytest.approx(0.51, abs=error / 2)
    assert two == pytest.approx(0.30, abs=error / 2)
    # z is 0. One of two is locked (1/2): |X| <= .3. Both (1/4): none complies, or |X + X'| <= .3. None: one of two
    strict, lenient = (
        estimated_kept_success(2, 0.3, Groups(1, 2, way), lock=0.5, radius=1e-9, draws=draws) for way in (False, True)
    )
    both = 0.3 - 0.3**2 / 4
    assert strict == pytest.approx(0.5 * 0.3 + 0.25 * (1 - 0.7**2), abs=error / 2)
    assert lenient == pytest.approx(0.5 * 0.3 + 0.25 * both + 0.25 * (1 - 0.7**2), abs=error / 2)


def test_no_variables_are_the_empty_sum():
    assert estimated_kept_success(0, 0.5, Share(0.5), radius=0.5) == 1
    assert estimated_kept_success(0, 0.5, Groups(1, 2), radius=0.6) == 0
    assert estimated_kept_success(0, 0.5, Size(1), radius=0.5) == 0


def test_a_draw_that_cannot_comply_fails():
    assert estimated_kept_success(20, 0.5, Size(21)) == 0
    assert estimated_kept_success(40, 0.1, Share(0.05), prune=0.5) == 0
    strict, lenient = (
        estimated_kept_success(64, 0.01, groups_of("2:4" + way), prune=0.2, lock=0.2) for way in ("", " lenient")
    )
    assert 0.2 < strict < group_compliance(groups_of("2:4"), Rates(0.2, 0.2)) ** 16 + 0.03 < 0.5 < lenient


@pytest.mark.long
@given(
    n=st.integers(1, 12),
    eps=st.floats(1e-3, 0.5),
    prune=st.floats(0, 0.5),
    lock=st.floats(0, 0.4),
    radius=st.floats(0.1, 3),
    keep=st.sampled_from([Size(3), Share(0.5), Share(0.9), groups_of("2:4 lenient"), groups_of("1:4")]),
)
def test_estimate_is_a_probability_and_uniform_success_implies_pointwise(n, eps, prune, lock, radius, keep):
    n = 4 * n
    settings = {"prune": prune, "lock": lock, "radius": radius, "draws": 40}
    uniform = estimated_kept_success(n, eps, keep, **settings)
    pointwise = estimated_kept_success(n, eps, keep, **settings, reading="pointwise")
    assert 0 <= uniform <= pointwise + 0.05 <= 1.05


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("keep", [Share(0.55), groups_of("2:4 lenient")])
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_estimate_grows_with_eps_and_shrinks_with_radius(keep, reading):
    law = {"prune": 0.2, "lock": 0.1, "reading": reading, "draws": 300}
    by_eps = [estimated_kept_success(28, eps, keep, **law) for eps in (0.002, 0.01, 0.05, 0.2)]
    by_radius = [estimated_kept_success(28, 0.02, keep, radius=radius, **law) for radius in (3.0, 1.0, 0.3)]
    for rising in (by_eps, by_radius):
        assert np.all(np.diff(rising) > 0.001)


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    ("keep", "law"), [(Share(0.5), {"lock": 0.2}), (groups_of("1:2"), {}), (Size(6), {"prune": 0.3})]
)
def test_estimated_n_is_where_the_estimate_crosses_and_not_below_what_is_proven(keep, law):
    n = estimated_kept_n(0.1, 0.2, keep, draws=600, seed=2, **law)
    unit = keep.of if isinstance(keep, Groups) else 1
    assert estimated_kept_success(n, 0.1, keep, draws=600, seed=2, **law) >= 0.8
    assert estimated_kept_success(n - unit, 0.1, keep, draws=600, seed=2, **law) < 0.8
    assert n >= necessary_kept_n(0.1, 0.2, keep, **law)


@pytest.mark.long
def test_no_n_is_named_where_none_is_found(monkeypatch):
    assert estimated_kept_n(0.01, 0.05, groups_of("2:4"), lock=0.3) is None
    assert estimated_kept_n(0.01, 0.05, Share(0.5), largest=15) is None
    monkeypatch.setattr(kept_estimate, "_success", lambda n, *_: float(n >= 25))
    assert estimated_kept_n(0.01, 0.05, Share(0.5), largest=25) == 25
    assert estimated_kept_n(0.01, 0.05, Share(0.5), largest=24) is None
    monkeypatch.setattr(kept_estimate, "_success", lambda n, *_: float(n < 20))
    monkeypatch.setattr(kept_estimate, "necessary_kept_n", lambda *_, **__: 24)
    assert estimated_kept_n(0.01, 0.05, Share(0.5)) is None


def test_the_finer_draws_decide(monkeypatch):
    monkeypatch.setattr(kept_estimate, "_success", lambda n, *a: float(n >= (30 if a[-2] <= 500 else 37)))
    monkeypatch.setattr(kept_estimate, "necessary_kept_n", lambda *_, **__: 12)
    assert estimated_kept_n(0.01, 0.05, Share(0.5)) == 37
    assert estimated_kept_n(0.01, 0.05, Share(0.5), draws=400) == 30


def test_estimate_depends_on_the_seed_and_nothing_else():
    first = estimated_kept_success(30, 0.01, Share(0.5), lock=0.2, draws=300, seed=3)
    estimated_kept_success(17, 0.1, Size(4))
    assert estimated_kept_success(30, 0.01, Share(0.5), lock=0.2, draws=300, seed=3) == first
    assert estimated_kept_success(30, 0.01, Share(0.5), lock=0.2, draws=300, seed=4) != first


def test_few_choices_are_all_looked_at(monkeypatch):
    assert 1000 < ENUMERATED < 10_000
    model = estimated_kept_success(13, 0.03, Size(6), draws=500)  # 1716 choices
    monkeypatch.setattr(kept_estimate, "ENUMERATED", 1)
    assert estimated_kept_success(13, 0.03, Size(6), draws=500) != model
    assert estimated_kept_success(13, 0.03, Size(6), draws=500) == pytest.approx(model, abs=0.06)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"n": -1}, "n must be at least 0"),
        ({"n": 20_001}, "n must be at most 20000"),
        ({"n": 5, "keep": Groups(1, 2)}, "n must be a multiple of 2"),
        ({"keep": 3}, "keep must be a Size, a Share or Groups, got int"),
        ({"eps": 0.0}, "eps must lie strictly between 0 and 1"),
        ({"prune": 0.5, "lock": 0.5}, "prune \\+ lock must be below 1"),
        ({"radius": 0.0}, "radius must be above 0"),
        ({"reading": "both"}, "reading must be one of"),
        ({"draws": 0}, "draws must be at least 1"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_named(changed, line):
    with pytest.raises(ValueError, match=line):
        estimated_kept_success(**{"n": 6, "eps": 0.1, "keep": Size(2), **changed})


@pytest.mark.parametrize(
    ("n", "keep", "radius"), [(700, Share(0.5), 170.0), (680, Size(340), 165.0), (2100, groups_of("1:2"), 344.0)]
)
def test_of_many_values_the_ends_say_the_same(n, keep, radius, monkeypatch):
    settings = {"radius": radius, "draws": 60}
    ends = estimated_kept_success(n, 0.01, keep, **settings)
    assert 0.1 < ends < 0.9
    monkeypatch.setattr(kept_estimate, "_MANY", 10**9)
    monkeypatch.setattr(kept_estimate, "_MANY_GROUPS", 10**9)
    asked = []
    for name in ("density_of_size", "density_of_groups"):
        plain = getattr(kept_estimate, name)
        monkeypatch.setattr(kept_estimate, name, lambda *a, plain=plain: asked.append(1) or plain(*a))
    assert estimated_kept_success(n, 0.01, keep, **settings) == pytest.approx(ends, abs=1e-3)
    assert asked
