"""The inequalities of docs/theory.md, sections 2, 3, 4, 7: claims, the corrected lemma, proof steps, closed forms."""

from fractions import Fraction
from math import ceil, exp, log, log1p, sinh, sqrt

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.rates import Rates
from tests.theory.exact_laws import HALF, binomial, parts_below, states, sum_below
from theory import asymptotics, exact, gadhikar2023, lueker1998, otsuka2024
from theory.asymptotics import closed_form_n, constant, necessary_slopes, shift_size, sufficient_slopes
from theory.game import START_SHARE
from theory.reach import gaussian_reach_n, log_moment, near_reach, reach_rate, shift_exponent

RATES = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.25), (0.4, 0.3), (0.1, 0.8)]
shares = st.integers(1, 19).map(lambda k: k / 20)


# Section 3: thinning


def h(s, survive):
    return -mpmath.log(1 - survive * (1 - mpmath.exp(-s)))


@given(C=st.floats(0.05, 50), survive=st.floats(1e-6, 1))
def test_the_corrected_constant_absorbs_the_factor_two_and_hardly_more(C, survive):
    with mpmath.workdps(40):
        C, survive = mpmath.mpf(C), mpmath.mpf(survive)
        larger = mpmath.mpf(gadhikar2023.corrected_constant(float(C)))
        rounded = 1 + mpmath.mpf(10) ** -14
        s = 1 / C
        assert survive * (1 - mpmath.exp(-s)) <= h(s, survive) <= survive * s * rounded
        assert 2 / h(1 / C, survive) <= rounded / h(1 / larger, survive)
        assert larger <= 2 * (C + 1) * rounded
        # a smaller constant would not do at the last step, C_1 / p' <= 1 / h(1 / C_1), for little survival and large C
        assert larger <= 2 / (1 - mpmath.exp(-s)) * rounded
        assert larger >= 2 / (1 - mpmath.exp(-s)) / rounded


@given(m=st.integers(0, 60), C=st.floats(0.3, 20), eps=st.floats(1e-4, 0.9))
def test_what_lemma_21_says_of_m_survivors_is_below_the_thinning_bound(m, C, eps):
    # at delta = exp(-m/C) the lemma asks for m numbers if delta <= eps; else it says nothing
    admitted = exp(-m / C) if exp(-m / C) <= eps else 1.0
    assert admitted <= exp(-m / C) / eps * (1 + 1e-12)
    if admitted < 1:
        assert m >= lueker1998.sample_size(eps, admitted, C) * (1 - 1e-12)


@given(n=st.integers(0, 40), C=st.floats(0.3, 20), eps=st.floats(1e-3, 0.9), prune=shares)
def test_the_thinning_bound_is_at_least_the_mean_of_what_is_admitted(n, C, eps, prune):
    admitted = sum(
        float(binomial(n, m, 1 - Fraction(prune))) * (exp(-m / C) if exp(-m / C) <= eps else 1.0) for m in range(n + 1)
    )
    assert admitted <= gadhikar2023.failure_bound(n, eps, prune, C) * (1 + 1e-12)


@given(C=st.floats(0.1, 20), eps=st.floats(1e-6, 0.5), delta=st.floats(1e-6, 0.5), prune=shares)
def test_the_corrected_form_asks_for_what_survival_alone_needs(C, eps, delta, prune):
    n = gadhikar2023.corrected_sample_size(eps, delta, C, prune)
    assert n >= log(1 / min(eps, delta)) / log(1 / prune) * (1 - 1e-12)
    assert prune**n <= delta * (1 + 1e-9)


@given(C=st.floats(0.1, 50))
def test_in_the_corner_the_form_allows_one_number(C):
    edge = lueker1998.literal_form_fails_from(C)
    assert lueker1998.sample_size(edge, edge, C) <= 1 + 1e-12
    assert lueker1998.sample_size(edge, edge, C) >= 1 - 1e-12


# Section 4


@pytest.mark.parametrize(
    ("prune", "lock", "share"), [(0.0, 0.5, 0.5), (0.25, 0.25, 0.1), (0.4, 0.3, 0.9), (0.0, 0.1, 0.3)]
)
def test_each_part_of_the_proofs_union_is_above_the_exact_probability_that_it_bounds(prune, lock, share):
    C, a = 2.0, 0.125
    free = 1 - Fraction(prune) - Fraction(lock)
    c = float(free) * share
    for n in (3, 11, 40, 90):
        parts = otsuka2024.proof_failure_bound(n, 0.3, prune, lock, C, c=c, a=a)
        left = (free - Fraction(c)) * n
        few = sum(binomial(n, m, free) for m in range(n + 1) if m <= left)
        assert few <= Fraction(parts["(8)"])
        k = max((float(left) - 1) / 2, 0)
        # halves of at least k: n is large enough for two halves
        assert 2 * k <= max(ceil(left) - 1, 0) + 1e-9
        locked = exact.uniform_sum_tail(min(n, 30), Fraction(a * k)) if k else Fraction(1)
        assert locked <= Fraction(parts["(12)"]) or n > 30
        k1 = ceil((1 + 4 * a) / 2 * k)
        if 0 < k1 <= 30:
            assert 2 * exact.reach_below(k1, Fraction(a * k)) <= Fraction(parts["(13)"])
        for key, numbers in (("(10)", k), ("(14)", max((1 - 4 * a) / 2 * k - 1, 0))):
            dense = exp(-numbers / C)
            assert parts[key] == pytest.approx(dense if dense <= 0.15 else 1.0, rel=1e-12)


def test_hoeffdings_exponents_of_the_proof_are_nearly_met():
    # counts of fair coins: the tail falls at 2 c^2 as c -> 0; a larger exponent would be passed by the exact tail
    n, c = 1200, 0.1
    few = sum(binomial(n, m, HALF) for m in range(int(n * (0.5 - c)) + 1))
    bound = otsuka2024.proof_failure_bound(n, 0.5, 0.25, 0.25, 2.0, c=c)["(8)"]
    assert few <= Fraction(bound)
    assert -log(few) <= 1.25 * 2 * c * c * n
    assert -log(bound) == pytest.approx(2 * c * c * n, rel=1e-12)


@pytest.mark.parametrize(("prune", "lock", "C", "c", "a"), [
    (0.0, 0.5, 2.0, 0.02, 0.2),  # the count decides
    (0.0, 0.5, 2.0, 0.25, 0.02),  # the locked sum
    (0.0, 0.5, 0.01, 0.25, 0.235),  # the reach
    (0.0, 0.5, 2000.0, 0.25, 0.2),  # the cover of what is left
    (0.5, 0.0, 50.0, 0.25, 0.2),  # without locking: the half for z
    (0.5, 0.0, 0.1, 0.05, 0.2),  # the count again
])  # fmt: skip
def test_the_proofs_constant_is_the_limit_of_its_requirement(prune, lock, C, c, a):
    limit = otsuka2024.proof_constant(prune, lock, C, c=c, a=a)
    near = [
        otsuka2024.proof_sample_size(level, level, prune, lock, C, c=c, a=a) / -log(level) for level in (1e-60, 1e-280)
    ]
    assert near[0] >= near[1] * (1 - 1e-12)
    assert limit * (1 - 1e-9) <= near[1] <= limit * 1.05


# Section 7: necessary


@pytest.mark.parametrize(("prune", "lock"), RATES)
def test_necessary_slopes_are_those_of_counting_and_of_cramer(prune, lock):
    slopes, free = necessary_slopes(prune=prune, lock=lock), 1 - prune - lock
    assert slopes.precision == pytest.approx(1 / (free * log(2)))
    s = np.geomspace(1e-4, 500, 200_000)
    moments = np.log1p(lock * (np.sinh(s) / s - 1) - free / 2 * (1 + np.expm1(-s) / s))
    least = -min(float(moments.min()), log1p(-free / 2) if not lock else 0)
    assert 1 / slopes.confidence == pytest.approx(least, rel=1e-6)
    assert (slopes.power, slopes.coefficient) == ((2, pytest.approx(32 * lock / 3)) if lock else (1, 2))


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_the_gaussian_size_solves_its_own_equation(prune, lock, reading):
    from scipy.special import ndtr

    free, eps, delta, radius = 1 - prune - lock, 0.1, 0.02, 1.5
    n = gaussian_reach_n(eps, delta, prune=prune, lock=lock, radius=radius, reading=reading)
    deviation = sqrt(n * (lock / 3 + free / 6 - free**2 / 16))
    short = ndtr((radius - eps - n * free / 4) / deviation)
    assert short * (2 if reading == "uniform" else 1) == pytest.approx(delta, rel=1e-9)
    at = near_reach(radius - eps, round(n), lock, np.array([free]))[0]
    assert at == pytest.approx(short, rel=0.2)


# Section 7: what suffices


@given(
    x=st.fractions(Fraction(1, 10**4), 1 - Fraction(1, 10**4), max_denominator=10**4),
    places=st.lists(st.tuples(st.integers(0, 16), st.integers(1, 8)), min_size=1, max_size=5),
    growth=st.fractions(0, 1, max_denominator=100),
)
def test_the_odds_of_being_uncovered_shrink_in_mean_wherever_the_covered_share_is(x, places, growth):
    """Every law on [x, min(2x, 1)] whose mean grows by g x (1 - x) or more: odds shrink by 1 - g/2 or better."""
    top, total = min(2 * x, 1), sum(weight for _, weight in places)
    law = [(x + (top - x) * Fraction(k, 16), Fraction(weight, total)) for k, weight in places]
    gain = sum(weight * (y - x) for y, weight in law)
    if gain < growth * x * (1 - x):
        return
    assert sum(weight * (1 - y) / y for y, weight in law) <= (1 - x) / x * (1 - growth / 2)


def test_the_worst_law_of_the_odds_is_nearly_met_at_one_half_and_at_small_shares():
    for x in (Fraction(1, 2), Fraction(1, 1000), Fraction(1, 3)):
        chance = (1 - x) / 2  # of a doubling, with g = 1/2 and a mean of x + x (1 - x) / 2
        mean = (1 - chance) * (1 - x) / x + chance * (1 - 2 * x) / (2 * x)
        assert mean == (1 - x) / x * Fraction(3, 4)


@pytest.mark.parametrize("free", [Fraction(1), Fraction(3, 10)])
def test_the_cover_bound_is_above_a_process_that_doubles_or_ends(free):
    """The worst law step by step, exactly: x doubles, or beyond 1/2 is covered, else stays."""
    start, end = Fraction(1, 64), 1 - Fraction(1, 50)
    law = {start: Fraction(1)}
    for n in range(1, 61):
        after: dict[Fraction, Fraction] = {}
        for x, weight in law.items():
            up, chance = (2 * x, free / 2 * (1 - x)) if x <= HALF else (Fraction(1), free / 2 * x)
            for y, part in ((up, chance), (x, 1 - chance)):
                after[y] = after.get(y, Fraction(0)) + weight * part
        law = after
        left = sum(weight for x, weight in law.items() if x < end)
        assert left <= (1 - start) / start / ((1 - end) / end) * (1 - free / 4) ** n


def halves(eps, delta, prune, lock, radius):
    """n_shift and n_cover of the closed form, each the least number of its own inequality at delta / 2."""
    free, part = 1 - prune - lock, delta / 2
    u = 2 * (1 - START_SHARE) * eps
    x0, b = 2 * START_SHARE * eps / (1 + u), u / (1 + u)
    cover = 0
    if eps < 0.5:
        cover = ceil(max((log((1 - x0) * (1 - b) / (x0 * b)) + log(1 / part)) / -log(1 - free / 4), 0))
    s = np.geomspace(1e-5, 500, 100_000)
    locked = np.log1p(lock * (np.sinh(s) / s - 1))
    falls = -np.log1p(lock * (np.sinh(s) / s - 1) - free / 2 * (1 + np.expm1(-s) / s))
    needed = log(2 / part) + s * (radius - 0.5) + cover * locked
    shift = max((needed[falls > 0] / falls[falls > 0]).min(), 0) if radius > 0.5 or lock else 0
    return shift, cover


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize(("eps", "delta", "radius"), [
    (0.1, 0.05, 1.0), (1e-6, 0.3, 1.0), (0.01, 1e-9, 3.0), (0.3, 0.05, 0.4), (0.6, 0.05, 1.0), (0.45, 0.9, 0.5),
])  # fmt: skip
def test_the_closed_form_gives_half_of_delta_to_each_part(prune, lock, eps, delta, radius):
    least = sum(halves(eps, delta, prune, lock, radius)) if eps < radius else 0
    received = closed_form_n(eps, delta, prune=prune, lock=lock, radius=radius)
    # a grid of exponents costs next to nothing; a part that took all of delta would ask for log(2) less
    assert least * (1 - 1e-9) <= received <= least * 1.002 + 2


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize(("distance", "delta", "more"), [(0.5, 0.1, 0), (2.0, 0.01, 0), (0.25, 0.2, 4)])
def test_the_shift_size_keeps_twice_the_exact_law_below_delta(prune, lock, distance, delta, more):
    n = shift_size(Rates(prune, lock), distance, delta, more)
    small = min(n, 12)
    exact_law = sum(
        weight * binomial(more, k, Fraction(lock)) * parts_below(Fraction(distance), a + k, m)
        for weight, m, a in states(small, lock, 1 - prune - lock)
        for k in range(more + 1)
    )
    free = 1 - prune - lock
    s = np.geomspace(1e-5, 500, 50_000)
    locked = np.log1p(lock * (np.sinh(s) / s - 1))
    moved = np.log1p(lock * (np.sinh(s) / s - 1) - free / 2 * (1 + np.expm1(-s) / s))

    def chernoff(n):
        return 2 * exp((s * distance + n * moved + more * locked).min())

    assert 2 * exact_law <= min(chernoff(small), 2)
    assert chernoff(n) <= delta * (1 + 1e-6)
    assert chernoff(n - 2) > delta


def test_a_size_that_rounding_may_have_brought_to_a_whole_number_is_raised():
    assert asymptotics._whole(0.0) == 0
    for n in (1, 7, 10**6):
        assert asymptotics._whole(float(n)) == n + 1
        assert asymptotics._whole(n * (1 - 1e-10)) == n
        assert asymptotics._whole(n + 0.5) == n + 1


@given(eps=st.floats(1e-9, 0.49))
def test_where_the_game_starts_and_ends_against_eps(eps):
    x0, b = 1.4 * eps / (1 + 0.6 * eps), 0.6 * eps / (1 + 0.6 * eps)
    assert START_SHARE == 0.7
    assert (1 - x0) * (1 - b) / (x0 * b) < 1 / (x0 * b)
    assert 1 / (x0 * b) == pytest.approx((1 + 0.6 * eps) ** 2 / (0.84 * eps**2))
    assert 1 / (x0 * b) < 2.02 / eps**2


@given(x=st.floats(1e-9, 0.999), s=st.floats(1e-6, 1))
def test_the_inequalities_under_the_constant(x, s):
    assert -log1p(-x) >= x
    assert (sinh(s) / s - 1) <= (sinh(1) - 1) * s**2 * (1 + 1e-9) + 1e-15
    assert exp(s) - 1 - s <= (exp(1) - 2) * s**2 * (1 + 1e-9) + 1e-15


@given(s=st.floats(1e-3, 1), y=st.floats(-1, 1))
def test_bennetts_inequality(s, y):
    assert exp(-s * y) <= 1 - s * y + y * y * (exp(s) - 1 - s) + 1e-14


@pytest.mark.parametrize(("prune", "lock"), [*RATES, (0.0, 0.999), (0.9, 0.09)])
def test_the_pieces_of_the_constant(prune, lock):
    free = 1 - prune - lock
    k = 0.25 - (exp(1) - 2) / 6
    s = free / (free + 2 * lock)
    assert k > 0.13
    assert k == pytest.approx(asymptotics._BENNETT, rel=1e-15)
    assert float(shift_exponent(s, lock, free)) >= k * free * s
    each = 1 + (sinh(1) - 1) * lock / (k * (free + 2 * lock))
    assert each < 1.673
    if lock:
        assert float(log_moment(s, lock, 0.0)) <= (each - 1) * k * free * s
    # E Y^2 = q/3 + f/6 = f/(6s)
    assert lock / 3 + free / 6 == pytest.approx(free / (6 * s))


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize(("radius", "eps_0"), [(1.0, 0.1), (0.4, 0.5), (3.0, 1e-3)])
def test_the_constant_is_that_of_its_formula(prune, lock, radius, eps_0):
    f, q, L0 = 1 - prune - lock, lock, log(1 / eps_0)
    k = 0.25 - (exp(1) - 2) / 6
    each = 1 + (sinh(1) - 1) / k * q / (f + 2 * q)
    beyond = max(radius - 0.5, 0)
    expected = (f + 2 * q) / (k * f**2) * (1 + log(4) / L0) + beyond / (k * f * L0)
    if not q:
        s = np.linspace(0.2, 12, 5000)
        short = 0.5 - (1 - np.exp(-s)) / (2 * s)
        expected = ((1 + (log(4) + s * beyond) / L0) / (short * f)).min() if beyond else 0.0
    expected += each / f * (12 + 4 * log(4.04) / L0) + (1 + each) / L0
    received = constant(prune=prune, lock=lock, radius=radius, eps_0=eps_0)
    assert received >= expected * (1 - 1e-6)  # without locking it takes one of a few exponents s
    assert received == pytest.approx(expected, rel=1e-12 if q else 2e-3)


@pytest.mark.parametrize(("prune", "lock"), RATES)
def test_sufficient_slopes_are_those_of_the_formula(prune, lock):
    f, q = 1 - prune - lock, lock
    Q = 1 / -log(1 - f / 4)
    slopes = sufficient_slopes(prune=prune, lock=lock)
    assert slopes.precision == pytest.approx(2 * Q)
    if not q:
        assert slopes.confidence == pytest.approx(1 / -log(1 - f / 2) + Q)
        assert (slopes.power, slopes.coefficient) == (1, 6)
        return
    s = np.geomspace(1e-4, 100, 200_000)
    v = np.log1p(q * (np.sinh(s) / s - 1))
    w = -np.log1p(q * (np.sinh(s) / s - 1) - f / 2 * (1 + np.expm1(-s) / s))
    least = ((1 + Q * v[w > 0]) / w[w > 0]).min()
    assert least * (1 - 1e-6) <= slopes.confidence - Q <= least * (1 + 1e-4)
    assert (slopes.power, slopes.coefficient) == (2, pytest.approx(32 * q / 3))
    assert reach_rate(prune, lock) >= 1 / least


def test_exact_laws_agree_with_each_other():
    # two independent ways to the same numbers: the yardsticks of these tests and of theory.exact
    for n, x in ((2, Fraction(1, 3)), (5, Fraction(7, 4)), (9, Fraction(4))):
        assert exact.irwin_hall(n, x) == sum_below(x, 0, n)
        assert exact.reach_below(n, x) == parts_below(x, 0, n)
        assert exact.uniform_sum_tail(n, x / 4) == 2 * sum_below(-x / 4, n, 0)
