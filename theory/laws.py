"""Certified bounds of P(sum < c) for sums of iid uniform variables, by tilted Fourier inversion on a fine lattice.

Two pieces are enough for everything that the theory asks: variables uniform on [-1, 1] (locked) and on [0, 1]
(the positive part of a free one, given that it is positive). States are coin flips, so the number of either piece
in a sum is binomial, and every law wanted is a binomial mixture (:func:`thinned`) of one table over the counts,

    table[a, b] = P(A_1 + .. + A_a + B_1 + .. + B_b < c),        B uniform on [0, 1],
                                                                 A uniform on [-1, 1] w.p. w, on [0, 1] else.

**How a table entry is bounded.** For at most 8 terms the law is a polynomial in c with rational coefficients and is
evaluated exactly; only the weights with which A is either piece are rounded (:func:`weight_error`). Beyond, every term
is rounded to a lattice of step 2^-30: *down* for an upper bound of P(sum < c), *up* for a lower one, so that the
rounded sum is on one side of the true one in every outcome. For the lattice sum S
(in steps), the tilt mu >= 0 and any window [L, L + M) of steps,

    P(S <= s) = C sum_{j <= s} exp(-mu (s - j) 2^-30) P'(S = j),       C = exp(mu s 2^-30) E exp(-mu S 2^-30),

with P' the tilted law, and P'(S = j modulo M) is a finite Fourier sum of the M-th roots of unity. Errors, all
relative to the Chernoff factor C and all added to (or taken from) the result:

* wrap-around: P'(S outside the window) <= 2 e^-40; the window is chosen by Chernoff's bound, whose exponential
  moments are geometric sums;
* frequencies left out: a lattice uniform law has |phi'| <= kappa pi / w at angular frequency w per unit, where
  kappa = (mu/2) coth(mu/2) (the numerator of the geometric sum is at most 1 + e^-mu, in the denominator
  |sinh((mu + iw) 2^-31)| >= sin(w 2^-31) >= w 2^-30 / pi), and the k-th Fourier coefficient of the half-line is at most
  1/(2k) in size, so those beyond k = F add up to at most (kappa pi / w_F)^terms / terms;
* floating point: phi' and the coefficients are found within some 2^-50; 2^-53 * 64 (1 + terms) (1 + sum |coefficients|)
  is allowed for the powers and their sum. This is a first-order allowance with a wide margin, not interval arithmetic.
"""

from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, factorial, log, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, gammaln, xlog1py, xlogy

Floats = NDArray[np.float64]
Side = Literal["lower", "upper"]

STEPS = 2**30  # lattice steps per unit: the bias of n terms, n 2^-31, never shows
_ROUNDING = 2.0**-53
_OUTSIDE = 40.0  # -log of the probability of either side of the window
_LEFT_OUT = 1e-17
TAIL = 240.0  # -log of the probability of either tail that binomial mixtures leave out
_EXACT_TERMS = 8
_LARGEST_KEPT = 1024  # entries of a block that is kept for later tables: all of them hold less than 70 MB
_TILTS = np.concatenate([[0.0], np.geomspace(0.02, 64, 80)])


def below_table(c: float | Fraction, a_max: int, b_max: int, *, symmetric: float = 1.0, side: Side) -> Floats:
    """Bound P(A_1 + .. + A_a + B_1 + .. + B_b < c) for every a <= a_max, b <= b_max.

    symmetric: probability w that a term A is uniform on [-1, 1]; it is uniform on [0, 1] otherwise. B always is.
    side: "lower" or "upper"; the entry is on that side of the true probability.
    Returns shape (a_max + 1, b_max + 1). Cost: a few hundred frequencies per entry, one matrix product per block.

    >>> below_table(0.5, 2, 1, side="upper")[2].round(4)  # two uniforms on [-1, 1]; the same and one on [0, 1]
    array([0.7188, 0.5   ])
    """
    c = Fraction(c)
    table = np.empty((a_max + 1, b_max + 1))
    for a0, a1 in _blocks(a_max):
        for b0, b1 in _blocks(b_max):
            if a1 + b1 > _EXACT_TERMS:
                make = _kept_block if (a1 - a0 + 1) * (b1 - b0 + 1) <= _LARGEST_KEPT else _lattice_block
                table[a0 : a1 + 1, b0 : b1 + 1] = make(c, (a0, a1), (b0, b1), symmetric, side)
    for a in range(min(a_max, _EXACT_TERMS) + 1):
        exact = _exact_row(c, a, symmetric, side)[: b_max + 1]
        table[a, : len(exact)] = exact
    return table


def thinned(table: Floats, counts: ArrayLike, probability: float, side: Side, axis: int = 0) -> Floats:
    """Mix ``table`` over its axis by Bin(n, probability) for every n in ``counts``; rounded to ``side``.

    Row k of the table belongs to k active variables; with n variables, each active with ``probability``, the
    result is sum_k P(Bin(n, probability) = k) table[k], table[k] taken as 0 ("lower") or 1 ("upper") beyond its
    end and for k so far from the mean that all of them together have probability below 2 e^-240.
    """
    counts = np.atleast_1d(np.asarray(counts))
    table = np.moveaxis(table, axis, 0)
    size = len(table)
    mixed = np.empty((len(counts), *table.shape[1:]))
    for start in range(0, len(counts), 256):
        n = counts[start : start + 256]
        first = n.min() * probability - _spread(int(n.min()), probability)
        k = np.arange(max(int(first), 0), min(size - 1, most(int(n.max()), probability)) + 1)
        part = np.tensordot(binomial_weights(n[:, None], probability, k), table[k], (1, 0))
        if side == "upper":
            beyond = np.where(n >= size, betainc(size, np.maximum(n - size + 1, 1), probability), 0.0)
            beyond = beyond + (2 * np.exp(-TAIL) if len(k) < size else 0.0)
            part = part + beyond.reshape(-1, *[1] * (part.ndim - 1))
        mixed[start : start + 256] = _outward(part, weight_error(int(n.max())), side)
    return np.moveaxis(mixed, 0, axis)


def reach_below(c: float | Fraction, counts: ArrayLike, lock: float, free: float, side: Side) -> Floats:
    """Bound P(Y_1 + .. + Y_n < c) for each n in ``counts``: the law of the largest reachable sum.

    Y = X if locked (probability ``lock``), max(X, 0) if free (``free``), 0 if pruned; X uniform on [-1, 1].
    A variable counts when it is locked or free and positive; given that, it is uniform on [-1, 1] with
    probability lock / (lock + free/2) and on [0, 1] otherwise.
    """
    active = lock + free / 2
    share = lock / active if active else 0.0
    counts = np.asarray(counts)
    table = below_table(c, most(int(counts.max()), active), 0, symmetric=share, side=side)[:, 0]
    return thinned(table, counts, active, side)


def spread_below(c: float | Fraction, counts: ArrayLike, free: float, side: Side) -> Floats:
    """Bound P(sum over the free ones of |X| < c) for each n in ``counts``; a variable is free w.p. ``free``."""
    counts = np.asarray(counts)
    table = below_table(c, 0, most(int(counts.max()), free), side=side)[0]
    return thinned(table, counts, free, side)


def shift_table(c: float | Fraction, frozen: int, free: int, lock_share: float, side: Side) -> Floats:
    """Bound P(T_j + S_t < c) for every j <= frozen, t <= free; shape (frozen + 1, free + 1).

    T_j: sum of j iid terms, uniform on [-1, 1] with probability ``lock_share`` = q/(p+q), else 0 (the variables
    that are not free). S_t: sum of t iid positive parts max(X, 0).
    """
    table = below_table(c, most(frozen, lock_share), most(free, 0.5), side=side)
    return thinned(thinned(table, np.arange(frozen + 1), lock_share, side), np.arange(free + 1), 0.5, side, axis=1)


def binomial_weights(n: ArrayLike, probability: float, k: ArrayLike) -> Floats:
    """P(Bin(n, probability) = k), broadcast, within a relative error of :func:`weight_error`.

    >>> binomial_weights(3, 0.5, [0, 1, 2, 3, 4])
    array([0.125, 0.375, 0.375, 0.125, 0.   ])
    """
    n, k = np.asarray(n, dtype=np.float64), np.asarray(k, dtype=np.float64)
    rest = np.maximum(n - k, 0)
    log = gammaln(n + 1) - gammaln(k + 1) - gammaln(rest + 1) + xlogy(k, probability) + xlog1py(rest, -probability)
    return np.where(k <= n, np.exp(log), 0.0)


def weight_error(n: int) -> float:
    """Relative error allowed to :func:`binomial_weights`: five terms of up to n log n, each within some 2^-52."""
    return 1e-10 + 4e-15 * n * log(n + 1)


def _spread(n: int, probability: float) -> float:
    """Return t with P(Bin(n, probability) >= mean + t) <= e^-240, likewise below the mean (Bernstein)."""
    return TAIL / 3 + sqrt((TAIL / 3) ** 2 + 2 * TAIL * n * probability * (1 - probability))


def most(n: int, probability: float) -> int:
    """Return k <= n with P(Bin(n, probability) > k) <= e^-240, so that tables need not reach n."""
    return min(n, ceil(n * probability + _spread(n, probability)))


def _outward(value: Floats | float, relative: float, side: Side) -> Floats:
    """Move a probability by a relative error to the safe side and clip it to [0, 1]."""
    return np.clip(np.asarray(value) * (1 - relative if side == "lower" else 1 + relative), 0.0, 1.0)


def _blocks(last: int) -> list[tuple[int, int]]:
    """Cut 0..last into ranges whose ends differ by at most a quarter (and 256): one tilt and one window serve each."""
    blocks, start = [], 0
    while start <= last:
        end = min(last, start + min(start // 4, 256))
        blocks.append((start, end))
        start = end + 1
    return blocks


@lru_cache(maxsize=1024)
def _exact_row(c: Fraction, a: int, symmetric: float, side: Side) -> Floats:
    """Return the entries (a, 0), .., (a, 8 - a) of a table, where the law is evaluated exactly; read-only."""
    weights = binomial_weights(a, symmetric, np.arange(a + 1))
    row = np.empty(_EXACT_TERMS - a + 1)
    for b in range(len(row)):
        exact = sum(w * float(_volume_below(c, i, a - i + b)) for i, w in enumerate(weights))
        row[b] = _outward(exact, weight_error(a), side)
    row.flags.writeable = False
    return row


@lru_cache(maxsize=4096)
def _volume_below(c: Fraction, a: int, b: int) -> Fraction:
    """Return P(sum of a uniforms on [-1, 1] and b on [0, 1] < c) exactly: inclusion-exclusion over the upper ends."""
    if a + b == 0:
        return Fraction(int(c > 0))
    total = Fraction(0)
    for i in range(a + 1):
        for k in range(b + 1):
            side = max(c + a - 2 * i - k, Fraction(0))
            total += (-1) ** (i + k) * comb(a, i) * comb(b, k) * side ** (a + b)
    return total / (2**a * factorial(a + b))


def _moments(z: NDArray, symmetric: float, side: Side) -> tuple[NDArray, NDArray]:
    """E exp(z A) and E exp(z B) of the rounded pieces, for real or complex z per unit: geometric sums."""
    z = np.where(z == 0, 1e-200, z)
    step = STEPS * np.expm1(z / STEPS)
    if side == "lower":  # rounded up: one step more
        step = step * np.exp(-z / STEPS)
    half = np.expm1(z) / step
    whole = np.exp(-z) * np.expm1(2 * z) / (2 * step)
    return symmetric * whole + (1 - symmetric) * half, half


def _range_of(a: tuple[int, int], slope: Floats) -> tuple[Floats, Floats]:
    """Smallest and largest value of count * slope over the counts of a block."""
    ends = np.stack([a[0] * slope, a[1] * slope])
    return ends.min(axis=0), ends.max(axis=0)


def _lattice_block(c: Fraction, a: tuple[int, int], b: tuple[int, int], symmetric: float, side: Side) -> Floats:
    """Bounds for a0 <= a <= a1, b0 <= b <= b1 as the module's docstring says; right for more than 8 terms only."""
    log_a, log_b = (np.log(m) for m in _moments(-_TILTS, symmetric, side))
    chernoff = sum(a) / 2 * log_a + sum(b) / 2 * log_b + _TILTS * float(c)
    best = int(np.argmin(chernoff))
    tilt, base_a, base_b = _TILTS[best], log_a[best], log_b[best]

    # window [low, high] of sums, by Chernoff in the tilted law, whatever the counts of the block are
    eta = np.geomspace(0.01, 50, 60)
    up_a, up_b = (np.log(m) for m in _moments(eta - tilt, symmetric, side))
    down_a, down_b = (np.log(m) for m in _moments(-eta - tilt, symmetric, side))
    high = (_range_of(a, up_a - base_a)[1] + _range_of(b, up_b - base_b)[1] + _OUTSIDE) / eta
    low = -(_range_of(a, down_a - base_a)[1] + _range_of(b, down_b - base_b)[1] + _OUTSIDE) / eta
    top = ceil(STEPS * min(high.min(), a[1] + b[1] + 1))
    last = ceil(c * STEPS) - 1  # S < c STEPS  <=>  S <= last
    if tilt == 0:
        last = min(last, top)  # beyond it there is e^-40
    first = min(int(STEPS * max(low.max(), -a[1] - 1)) - 1, last)
    modulus = max(top, last) - first + 1

    # frequencies
    fewest = max(a[0] + b[0], _EXACT_TERMS + 1)
    kappa = tilt / 2 / np.tanh(tilt / 2) if tilt else 1.0
    cut = kappa * np.pi * 1.001 / (_LEFT_OUT * fewest) ** (1 / fewest)
    k = np.arange(ceil(cut * modulus / STEPS / (2 * np.pi)) + 1)
    omega = 2 * np.pi * k * (STEPS / modulus)
    phi_a, phi_b = _moments(-tilt + 1j * omega, symmetric, side)
    phi_a, phi_b = phi_a / np.exp(base_a), phi_b / np.exp(base_b)

    # k-th coefficient of the tilted half-line [first, last]; the phases k * last mod modulus are exact integers
    z = (tilt - 1j * omega) / STEPS
    length = last - first + 1
    turns = 2j * np.pi / modulus
    full = np.exp(-tilt * (length / STEPS)) * np.exp(turns * (k * length % modulus))
    z[0] = z[0] or 1.0
    coefficient = (1 - full) / -np.expm1(-z) / modulus
    if tilt == 0:
        coefficient[0] = length / modulus
    coefficient *= np.exp(-turns * (k * (last % modulus) % modulus))
    coefficient[1:] *= 2  # the frequency -k is the conjugate

    counts_a, counts_b = np.arange(a[0], a[1] + 1)[:, None], np.arange(b[0], b[1] + 1)[:, None]
    value = ((_powers(phi_a, counts_a) * coefficient) @ _powers(phi_b, counts_b).T).real
    terms = counts_a + counts_b.T
    exponents = (counts_a * base_a, counts_b.T * base_b, tilt * (last / STEPS))
    factor = np.exp(np.minimum(sum(exponents), 700.0))  # more says nothing of a probability
    drift = 8 * _ROUNDING * (1 + sum(np.abs(e) for e in exponents))  # of the exponential's argument
    error = 64 * _ROUNDING * (1 + terms) * (1 + np.abs(coefficient).sum()) + drift
    error = error + _LEFT_OUT + 2 * np.exp(-_OUTSIDE)
    return np.clip(factor * (value - error if side == "lower" else value + error), 0.0, 1.0)


@lru_cache(maxsize=8192)
def _kept_block(c: Fraction, a: tuple[int, int], b: tuple[int, int], symmetric: float, side: Side) -> Floats:
    """Return :func:`_lattice_block`, made once; read-only. Searches ask for tables that differ in their last blocks."""
    block = _lattice_block(c, a, b, symmetric, side)
    block.flags.writeable = False
    return block


def _powers(base: NDArray, exponents: NDArray) -> NDArray:
    """base ** exponent for whole exponents in a column; shape (exponents, base)."""
    size = np.log(np.maximum(np.abs(base), 1e-300))
    return np.exp(exponents * size) * np.exp(1j * (exponents * np.angle(base)))
