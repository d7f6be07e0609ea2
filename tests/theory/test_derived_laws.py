"""The error budgets of theory.laws, each made large enough to be seen: a coarse lattice whose law is known exactly.

With 512 steps a unit the law of the rounded sum is counted in integers; with budgets of a percent the errors that a
lattice block allows for (sums outside the window, frequencies left out) really occur, and must stay within them.
"""

from fractions import Fraction
from functools import cache
from math import ceil, comb, exp, log

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from theory import laws
from theory.laws import below_table, binomial_weights, most, thinned, weight_error

STEPS = 512


@pytest.fixture
def coarse(monkeypatch):
    """A lattice of 512 steps a unit; returns a setter of the two budgets."""
    monkeypatch.setattr(laws, "STEPS", STEPS)
    monkeypatch.setattr(laws, "_kept_block", laws._lattice_block)  # blocks of other settings are no use

    def budgets(outside, left_out):
        monkeypatch.setattr(laws, "_OUTSIDE", outside)
        monkeypatch.setattr(laws, "_LEFT_OUT", left_out)

    return budgets


@cache
def lattice_law(a, b, eighths):
    """All outcomes of the sum of rounded terms, counted: coefficients of a product of polynomials, packed into one int.

    A term A is uniform on [-1, 1] with probability eighths / 8, else on [0, 1]; so is B. Returns (packed, bits, total).
    """
    total = (16 * STEPS) ** a * STEPS**b
    bits = total.bit_length() + 1
    mixed = sum((eighths + (2 * (8 - eighths) if k >= STEPS else 0)) << bits * k for k in range(2 * STEPS))
    half = sum(1 << bits * k for k in range(STEPS))
    return mixed**a * half**b, bits, total


def lattice_below(c, a, b, symmetric, side):
    """P(rounded sum < c) exactly: every term is rounded up ("lower") or down ("upper") to a multiple of a step."""
    packed, bits, total = lattice_law(a, b, int(8 * symmetric))
    # coefficient k belongs to the sum (k - a STEPS + (a + b if rounded up)) / STEPS
    first = ceil(c * STEPS) + a * STEPS - (a + b if side == "lower" else 0)
    below = packed & ((1 << bits * max(first, 0)) - 1)
    # the sum of all digits, by casting out
    return Fraction(below % ((1 << bits) - 1), total)


@pytest.mark.parametrize("side", ["lower", "upper"])
@pytest.mark.parametrize(("a", "b", "symmetric"), [(9, 0, 1.0), (0, 9, 1.0), (6, 5, 1.0), (10, 0, 0.375)])
@pytest.mark.parametrize("c", [Fraction(1, 2), Fraction(5, 4), Fraction(4)])
def test_a_lattice_block_is_its_exact_law_within_the_last_digits(a, b, symmetric, c, side, coarse):
    c -= Fraction(a, 8)
    exact = float(lattice_below(c, a, b, symmetric, side))
    received = below_table(c, a, b, symmetric=symmetric, side=side)[a, b]
    # the allowance for floating point, relative to Chernoff's factor, is some 1e-12
    if side == "lower":
        assert exact - 2e-12 <= received <= exact
    else:
        assert exact <= received <= exact + 2e-12


@pytest.mark.parametrize("side", ["lower", "upper"])
@pytest.mark.parametrize(("outside", "left_out"), [(0.5, 1e-17), (2.0, 1e-17), (40.0, 0.1), (40.0, 1e-2), (3.0, 0.02)])
@pytest.mark.parametrize(("a", "b"), [(9, 0), (0, 10), (5, 6), (14, 0)])
def test_what_is_left_out_is_within_what_is_allowed_for(a, b, outside, left_out, side, coarse):
    coarse(outside, left_out)
    for c in (Fraction(-3), Fraction(-1, 4), Fraction(1), Fraction(5, 2), Fraction(9, 2), Fraction(7)):
        exact = lattice_below(c, a, b, 1.0, side)
        received = Fraction(float(below_table(c, a, b, side=side)[a, b]))
        assert received <= exact if side == "lower" else received >= exact
        # no more is allowed for than the budgets, relative to Chernoff's factor (at most 1)
        assert abs(received - exact) <= 2 * Fraction(2 * exp(-outside) + left_out) + Fraction(1, 10**12)


def test_a_fine_lattice_is_the_true_law_from_either_side():
    # one step of 2^-30 for each of 9 terms moves the distribution function by some 1e-8 of its density
    from tests.theory.exact_laws import sum_below

    for c in (Fraction(-1), Fraction(1, 3), Fraction(4)):
        exact = sum_below(c, 6, 3)
        lower, upper = (Fraction(float(below_table(c, 6, 3, side=side)[6, 3])) for side in ("lower", "upper"))
        assert lower <= exact <= upper
        assert upper - lower <= Fraction(2, 10**8)
        assert exact - lower >= Fraction(1, 10**10)  # the rounding is to the safe side, not to the nearest
        assert upper - exact >= Fraction(1, 10**10)


@given(n=st.integers(0, 60), k=st.integers(0, 64), p=st.integers(0, 64).map(lambda k: k / 64))
def test_binomial_weights_are_within_their_stated_error_of_the_exact_ones(n, k, p):
    from tests.theory.exact_laws import binomial

    exact = binomial(n, k, Fraction(p)) if k <= n else Fraction(0)
    received = Fraction(float(binomial_weights(n, p, k)))
    assert abs(received - exact) <= exact * Fraction(weight_error(n)) / 1000


@pytest.mark.parametrize(("n", "p"), [(5, 0.5), (300, 0.1), (2000, 0.7)])
def test_mixing_cuts_both_tails_to_the_safe_side(n, p):
    # a table of ones mixes to 1 but for what is cut; a table that ends early counts as 0 or 1 beyond its end
    for size in (n + 1, most(n, p) + 1, ceil(n * p) + 1):
        table = np.ones(size)
        lower, upper = (thinned(table, [n], p, side)[0] for side in ("lower", "upper"))
        inside = binom.cdf(size - 1, n, p)
        assert lower <= inside <= lower + 1e-8
        assert upper == 1
        lower, upper = (thinned(table * 0.0, [n], p, side)[0] for side in ("lower", "upper"))
        assert lower == 0
        assert binom.sf(size - 1, n, p) <= upper <= binom.sf(size - 1, n, p) * (1 + 1e-6) + 4 * exp(-80)


@pytest.mark.parametrize("n", [100, 10**4, 10**6, 10**9, 10**12])
@pytest.mark.parametrize("p", [0.5, 0.01, 0.999])
def test_weights_of_many_variables_are_within_their_stated_error(n, p):
    """Five terms of up to n log n, each within some 2^-52 of itself, and their sum is an exponent."""
    spread = int((n * p * (1 - p)) ** 0.5) + 1
    with mpmath.workdps(60):
        for k in {max(min(int(n * p) + j * spread, n), 0) for j in range(-9, 10, 3)}:
            logs = [mpmath.loggamma(x + 1) for x in (n, k, n - k)]
            rate = mpmath.mpf(p)
            exact = mpmath.exp(logs[0] - logs[1] - logs[2] + k * mpmath.log(rate) + (n - k) * mpmath.log1p(-rate))
            assert abs(mpmath.mpf(float(binomial_weights(n, p, k))) / exact - 1) <= weight_error(n)
    assert 1e-10 + 5 * 2.0**-52 * n * log(n) <= weight_error(n) <= 2e-10 + 50 * 2.0**-52 * n * log(n)


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_mixtures_and_entries_move_outwards_by_the_error_of_their_weights(side, monkeypatch):
    monkeypatch.setattr(laws, "weight_error", lambda n: n / 1000)
    monkeypatch.setattr(laws, "_exact_row", laws._exact_row.__wrapped__)  # rows of another error are no use
    sign = 1 if side == "upper" else -1
    table, p = np.linspace(0.5, 0.1, 30), 0.4
    for counts in ([3], [3, 10], [10, 3], [29]):
        expected = [binom.pmf(np.arange(30), n, p) @ table * (1 + sign * max(counts) / 1000) for n in counts]
        assert thinned(table, counts, p, side) == pytest.approx(expected, rel=1e-9)
    from tests.theory.exact_laws import sum_below

    received = below_table(1, 4, 3, symmetric=0.25, side=side)
    for a in range(5):
        for b in range(4):
            exact = sum(binom.pmf(i, a, 0.25) * float(sum_below(Fraction(1), i, a - i + b)) for i in range(a + 1))
            assert received[a, b] == pytest.approx(min(exact * (1 + sign * a / 1000), 1), rel=1e-9)


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_many_counts_are_mixed_as_each_alone(side):
    counts, table = np.arange(40, 640), np.linspace(1, 0.3, 700)
    together = thinned(table, counts, 0.3, side)
    assert together == pytest.approx(1 - 0.7 * 0.3 * counts / 699, rel=1e-9)
    # along the other axis too, for every entry of the first
    rows = thinned(np.stack([table, table[::-1]]), counts, 0.3, side, axis=1)
    assert rows == pytest.approx(np.stack([together, thinned(table[::-1], counts, 0.3, side)]), rel=1e-12)


@given(n=st.integers(0, 100_000), p=st.floats(0, 1))
def test_tables_reach_as_far_as_bernsteins_inequality_says(n, p):
    k = most(n, p)
    assert k <= n
    if k < n:
        t = k - n * p
        # P(Bin >= np + t) <= exp(-t^2 / (2 (n p (1 - p) + t / 3)))
        assert t * t >= 2 * 240 * (n * p * (1 - p) + t / 3) * (1 - 1e-9)
        t -= 1.001
        assert t * t <= 2 * 240 * (n * p * (1 - p) + t / 3)


@pytest.mark.parametrize("last", [0, 1, 7, 30, 5000])
def test_blocks_cut_a_range_without_gaps(last):
    blocks = laws._blocks(last)
    assert [start for start, _ in blocks] == [0, *(end + 1 for _, end in blocks[:-1])]
    assert blocks[-1][1] == last
    assert all(end - start <= min(start / 4, 256) for start, end in blocks)


def entries(c, a, b, side):
    """Every entry of a lattice block, and the two counts that it belongs to."""
    block = laws._lattice_block(Fraction(c), a, b, 1.0, side)
    assert block.shape == (a[1] - a[0] + 1, b[1] - b[0] + 1)
    return [(a[0] + i, b[0] + k, Fraction(float(entry))) for (i, k), entry in np.ndenumerate(block)]


@pytest.mark.parametrize(("a", "b"), [((1, 1), (8, 10)), ((8, 10), (1, 1)), ((4, 5), (6, 7)), ((0, 0), (12, 15))])
def test_every_entry_of_a_block_is_on_its_side_of_the_truth(a, b):
    from tests.theory.exact_laws import sum_below

    for c in range(-a[1], a[1] + b[1] + 1):
        lower, upper = (entries(c, a, b, side) for side in ("lower", "upper"))
        for (i, k, low), (_, _, high) in zip(lower, upper, strict=True):
            assert low <= sum_below(Fraction(c), i, k) <= high


@pytest.mark.parametrize(
    ("a", "b"), [((0, 0), (40, 50)), ((40, 50), (0, 0)), ((20, 25), (24, 30)), ((40, 50), (8, 10))]
)
@pytest.mark.parametrize("outside", [4.0, 8.0])
def test_a_window_serves_every_entry_of_its_block(a, b, outside, monkeypatch):
    """Entries made one by one decide; e^-4 lies outside the window, and has to be allowed for in all of them."""
    middle, spread = b[0] / 2, ((a[1] / 3) + b[1] / 12) ** 0.5
    for c in (Fraction(middle + steps * spread) for steps in (-4, -2, -1, 0, 1, 2, 5)):
        for side, other in (("lower", "upper"), ("upper", "lower")):
            alone = {(i, k): entries(c, (i, i), (k, k), other)[0][2] for i in {*a} for k in {*b}}
            with monkeypatch.context() as coarser:
                coarser.setattr(laws, "_OUTSIDE", outside)
                for i, k, entry in entries(c, a, b, side):
                    if (i, k) in alone:
                        assert entry <= alone[i, k] if side == "lower" else entry >= alone[i, k]


@pytest.mark.parametrize("n", [200, 400])
def test_what_a_mixture_cuts_off_is_paid_for_even_where_nothing_else_is_left(n):
    """The tails of Bin(n, 1/2): a table of 0 and 1 mixes to them, down to 2^-n, where both ends have been cut off."""
    size = np.arange(n + 1)
    for j in range(0, n + 2, 5):
        above = Fraction(sum(comb(n, k) for k in range(j, n + 1)), 2**n)
        for table, exact in ((size >= j, above), (size < j, 1 - above)):
            lower, upper = (Fraction(float(thinned(table * 1.0, [n], 0.5, side)[0])) for side in ("lower", "upper"))
            assert lower <= exact <= upper
            assert upper - lower <= exact / 10**8 + Fraction(4 * exp(-80))


@pytest.mark.parametrize("side", ["lower", "upper"])
@pytest.mark.parametrize("z", [-3.0, 0.0, 0.7, 2.0 + 5.0j])
def test_moments_of_rounded_pieces_are_sums_over_their_steps(z, side, coarse):
    up = side == "lower"
    whole = np.exp(z * (np.arange(-STEPS, STEPS) + up) / STEPS).mean()
    half = np.exp(z * (np.arange(STEPS) + up) / STEPS).mean()
    received = laws._moments(np.array([z]), 0.25, side)
    assert received[0][0] == pytest.approx(0.25 * whole + 0.75 * half, rel=1e-12)
    assert received[1][0] == pytest.approx(half, rel=1e-12)


@given(mu=st.floats(0, 64), w=st.floats(0.5, STEPS * np.pi), side=st.sampled_from(["lower", "upper"]))
def test_the_transform_of_a_tilted_piece_falls_as_said(mu, w, side):
    """|phi(w)| <= kappa pi / w up to half the lattice's frequency, kappa = (mu/2) coth(mu/2), for either piece."""
    kappa = mu / 2 / np.tanh(mu / 2) if mu else 1.0
    up = side == "lower"
    for low, weight in ((-STEPS, 2 * kappa), (0, kappa)):
        at = (np.arange(low, STEPS) + up) / STEPS
        tilted = np.exp(-mu * (at - at[0]))
        phi = abs((tilted * np.exp(1j * w * at)).sum()) / tilted.sum()
        # over [-1, 1] the tilt acts twice as far: mu coth(mu) <= 2 kappa, and the piece is twice as long
        assert phi <= weight * np.pi / w * (1 + 1e-6)
        assert phi <= kappa * np.pi / w * (1 + 1e-6)


def frequencies(c, a, b, monkeypatch):
    """The complex frequencies at which a lattice block asks for the moments of its terms."""
    seen, moments = [], laws._moments

    def record(z, symmetric, side):
        seen.append(np.asarray(z))
        return moments(z, symmetric, side)

    monkeypatch.setattr(laws, "_moments", record)
    laws._lattice_block(Fraction(c), (a, a), (b, b), 1.0, "upper")
    return seen[-1]  # the last call is the one at the frequencies


@pytest.mark.parametrize("left_out", [1e-17, 1e-6, 0.02])
@pytest.mark.parametrize(("c", "a", "b"), [(1, 9, 0), (-4, 20, 0), (2, 5, 12), (30, 0, 120), (0, 300, 300)])
def test_frequencies_are_followed_until_the_rest_adds_up_to_the_budget(c, a, b, left_out, monkeypatch):
    monkeypatch.setattr(laws, "_LEFT_OUT", left_out)
    z = frequencies(c, a, b, monkeypatch)
    mu, last, spacing = -z[0].real, z[-1].imag, z[1].imag
    kappa = mu / 2 / np.tanh(mu / 2) if mu else 1.0
    # frequencies beyond the last one add up to at most (kappa pi / w)^terms / terms
    assert (kappa * np.pi / last) ** (a + b) / (a + b) <= left_out
    # and no more are followed than that asks for
    assert (kappa * np.pi * 1.01 / (last - 2 * spacing)) ** (a + b) / (a + b) >= left_out or len(z) < 4
    assert np.allclose(np.diff(z.imag), spacing)


@pytest.mark.parametrize(("c", "a", "b"), [(1, 9, 0), (-4, 20, 0), (2, 5, 12), (30, 0, 120), (0, 300, 300)])
def test_the_window_leaves_out_what_chernoffs_bound_allows_on_either_side(c, a, b, monkeypatch):
    """P'(outside) <= 2 e^-40 for the tilted law: by exact cumulants of its terms, at the window that is used."""
    z = frequencies(c, a, b, monkeypatch)
    mu, length = -z[0].real, 2 * np.pi / z[1].imag

    def cumulant(s):  # of the tilted sum, at s
        def log_mean(t):
            whole = np.log(np.sinh(t) / t) if t else 0.0
            half = np.log(np.expm1(t) / t) if t else 0.0
            return a * whole + b * half

        return log_mean(s - mu) - log_mean(-mu)

    grid = np.geomspace(0.01, 50, 2000)
    high = min((cumulant(s) + 40) / s for s in grid)
    low = max(-(cumulant(-s) + 40) / s for s in grid)
    widest = a + b + 1 - (-a - 1)
    assert length >= min(min(high, a + b) - max(low, -a), c - low) - 0.1 or length >= widest
