"""The bound of a sum of uniforms is above exact laws, close to them, and each thing that it leaves out is bounded."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.exact_laws import parts_below
from theory import sums
from theory.laws import reach_below
from theory.sums import mixture_below

PIECES = [(-1.0, 1.0), (0.0, 1.0)]


def power(a, b):
    return lambda x: x[0] ** a * x[1] ** b


@settings(max_examples=40)
@given(st.integers(0, 4), st.integers(0, 4), st.fractions(-3, 4, max_denominator=8))
def test_few_uniforms_are_bounded_by_their_exact_law(a, b, c):
    # a locked ones and b uniform on [0, 1]: P(2b' parts) by the exact law of positive parts, inclusion-exclusion
    exact = float(uniform_sum_below(c, a, b))
    received = mixture_below(float(c), PIECES, power(a, b), a + b)
    assert exact <= received * (1 + 1e-9) + 1e-12
    if a + b > 2:  # a noise of at most .004: fewer terms have steep laws
        assert received <= float(uniform_sum_below(c + Fraction(1, 100), a, b)) + 1e-3


def uniform_sum_below(c, a, b):
    """P(sum of a uniforms on [-1, 1] and b on [0, 1] < c), by convolving piecewise polynomials on eighths."""
    from math import comb, factorial

    if a + b == 0:
        return Fraction(int(c > 0))
    total = Fraction(0)
    for i in range(a + 1):
        for k in range(b + 1):
            total += (-1) ** (i + k) * comb(a, i) * comb(b, k) * max(c + a - 2 * i - k, 0) ** (a + b)
    return total / (2**a * factorial(a + b))


@pytest.mark.parametrize(
    ("n", "prune", "lock", "close"),
    [(60, 0.4, 0.3, 1e-3), (400, 0.0, 0.9, 1e-3), (300, 0.9, 0.0, 0.2), (40, 0.0, 0.0, 0.3), (900, 0.2, 0.3, 1e-3)],
)
@pytest.mark.parametrize("c", [-1.5, 0.3, 0.99, 3.0])
def test_many_are_bounded_by_the_lattice_law(n, prune, lock, close, c):
    free = 1 - prune - lock
    received = mixture_below(c, PIECES, lambda x: (prune + lock * x[0] + free * (1 + x[1]) / 2) ** n, n)
    least = reach_below(c, [n], lock, free, "lower")[0]
    assert least <= received
    if c > 0 or lock:
        assert received <= least * (1 + close) + 1e-240


def test_parts_of_free_ones_are_those_of_the_exact_law():
    exact = float(parts_below(Fraction(1, 2), 0, 5))
    received = mixture_below(0.5, PIECES, lambda x: ((1 + x[1]) / 2) ** 5, 5)
    # an atom at 0: the noise is 2v = .04 at most
    assert exact <= received <= float(parts_below(Fraction(27, 50), 0, 5)) + 1e-4


@given(st.floats(0, 30), st.floats(1, 400), st.floats(-1, 0.9), st.floats(0.05, 1))
def test_high_frequencies_are_no_larger_than_said(tilt, omega, low, length):
    high = low + length
    for at in omega * np.array([1.0, 1.3, 7.0]):
        size = abs(sums._transform(np.array([-tilt + 1j * at]), low, high)[0])
        assert size <= sums._size(tilt, omega, low, high) * (1 + 1e-9)


@pytest.mark.parametrize("noise", [v for v, _, _ in sums._NOISE])
def test_the_noise_falls_from_where_it_is_said_to(noise):
    # |E exp((-t + io) N)| / E exp(-tN) <= (end/o)^10, N ten uniforms
    for tilt in (0.0, 3.0, 40.0):
        part = noise / sums._PARTS
        end = sums._PARTS / noise * np.exp(tilt * part)
        omega = np.geomspace(end / 3, 50 * end, 200)
        one = sums._transform(np.array([-tilt]), -part, part)[0]
        ratio = np.abs(sums._transform(-tilt + 1j * omega, -part, part)) / one
        assert np.all(ratio**sums._PARTS <= np.minimum(1, end / omega) ** sums._PARTS * (1 + 1e-9))


def test_what_is_left_out_is_bounded_by_what_is_said():
    # the series of coefficients 2/(pi k) times sizes, summed far beyond the cut
    transform, period = power(3, 2), 17.0
    noise, last, left_out = sums._cut(PIECES, transform, 0.7, float(np.log(transform(at(0.7, 0.0)).real[0])), period)
    k = np.arange(last + 1, 400_000)
    omega = 2 * np.pi * k / period
    phi = np.abs(transform(at(0.7, omega))) / transform(at(0.7, 0.0)).real[0]
    part = noise / sums._PARTS
    one = np.abs(sums._transform(-0.7 + 1j * omega, -part, part))
    one = one / sums._transform(np.array([-0.7]), -part, part)[0]
    assert 0 < float((2 / np.pi / k * phi * one**sums._PARTS).sum()) <= left_out


def at(tilt, omega):
    return [sums._transform(np.atleast_1d(-tilt + 1j * omega), *piece) for piece in PIECES]


def test_a_law_of_no_mass_or_out_of_range_is_bounded_by_one():
    assert mixture_below(0.5, PIECES, lambda x: 0 * x[0], 1) == 1
    assert mixture_below(50.0, PIECES, power(3, 3), 6) == 1
    assert mixture_below(-50.0, PIECES, power(3, 3), 6) < 1e-15


@pytest.mark.parametrize("outside", [0.3, 1.0, 3.0])
@pytest.mark.parametrize(("a", "b"), [(6, 0), (3, 4), (8, 2)])
def test_what_lies_outside_of_the_window_is_paid_for(outside, a, b, monkeypatch):
    # with a budget of e^-3 or more, a share that shows lies below the window
    monkeypatch.setattr(sums, "_OUTSIDE", outside)
    for c in (Fraction(-3, 2), Fraction(0), Fraction(3, 4), Fraction(2), Fraction(4)):
        assert float(uniform_sum_below(c, a, b)) <= mixture_below(float(c), PIECES, power(a, b), a + b)


@pytest.mark.parametrize(("a", "b"), [(1, 0), (2, 0), (1, 1), (3, 0)])
def test_frequencies_that_are_not_followed_are_paid_for(a, b, monkeypatch):
    monkeypatch.setattr(sums, "_NOISE", ((1e-4, 250, 1.0),))
    for c in (Fraction(k, 16) for k in range(-15, 32)):
        assert float(uniform_sum_below(c, a, b)) <= mixture_below(float(c), PIECES, power(a, b), a + b)


@given(st.floats(0, 20), st.floats(0.2, 9), st.floats(0.1, 9), st.integers(1, 60))
def test_coefficients_of_the_wave_fall_as_said(tilt, below, above, k):
    period = below + above
    x = np.linspace(-below, 0, 20_001)
    x = (x[1:] + x[:-1]) / 2
    coefficient = (np.exp(tilt * x) * np.exp(-2j * np.pi * k * x / period)).sum() * (below / 20_000) / period
    assert abs(coefficient) <= 1 / (np.pi * k) * (1 + 1e-4)
