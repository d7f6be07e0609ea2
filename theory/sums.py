"""Upper bounds of P(S < c) for mixtures of sums of uniform variables, by tilted Fourier inversion.

The law of S may be a measure of mass below 1. It is given by its transform as a polynomial, with no negative
coefficient, in the transforms of a few uniform pieces. That is all that the bound needs: sizes at high frequencies are
bounded by putting bounds of the pieces into the same polynomial.
"""

from collections.abc import Callable, Sequence
from math import log, pi

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Polynomial = Callable[[list[NDArray]], NDArray]  # transforms of the pieces, (pieces, points) -> that of S, (points,)

_TILTS = np.append(0.0, np.geomspace(0.01, 40, 90))
_WIDER = np.geomspace(0.02, 20, 50)
_OUTSIDE = 40.0  # -log of the probability that the tilted sum lies below the window
_NOISE = ((1e-4, 4000, 1e-9), (2e-3, 30_000, 1e-7), (2e-2, 60_000, 1e-4))  # size, frequencies, what may be left out
_PARTS = 10  # uniforms in the noise
_ROUNDING = 2.0**-53


def mixture_below(c: float, pieces: Sequence[tuple[float, float]], transform: Polynomial, terms: int) -> float:
    """Bound P(S < c) from above. pieces: (low, high) of each uniform; terms: the most factors in a product.

    Statement. Let F(z) = E exp(zS) and t >= 0. With g(x) = exp(t (x - c)) for x < c, else 0,

        P(S < c) <= exp(tc) F(-t) E' g(S),      E' the mean in the law tilted by exp(-tS), of mass 1.

    * Window: the wave of period H + H' that is g on (c - H, c) and 0 on (c, c + H') is nowhere below g but for
      x < c - H, where g <= 1. So E' g(S) <= E' wave(S) + P'(S < c - H), the last at most e^-40 by Chernoff's bound.
    * Noise: for N independent of S with 0 <= N <= 2v, P(S < c) <= P(S + N < c + 2v); N is v plus the sum of 10 uniforms
      on [-v/10, v/10], whose tilted transform is at most min(1, (10/(v o)) exp(tv/10))^10 in size at frequency o: that
      of one is |sinh(z)/z| / (sinh(tv/10)/(tv/10)) at z = (t - io) v/10, and |sinh z| <= cosh(tv/10). All of the above
      is then said of S + N, c + 2v and H + 2v, and as N >= 0, P'(S + N < c - H) <= P'(S < c - H).
    * Frequencies left out: the k-th coefficient of the wave is at most 1/(pi k) in size. |F(-t + io)| is at most the
      polynomial at the bounds min(E exp(-tX), (exp(-t low) + exp(-t high))/((high - low) o)) of the pieces, which fall.
    * Rounding: 64 (1 + terms)(1 + sum of |coefficients|) 2^-53, and 8 (1 + |c| + period) 2^-53 of each frequency for
      the angles, all relative to exp(tc) F(-t), and 1e-250. This is a first-order allowance with a wide margin, not
      interval arithmetic.

    Relation: upper bound, relative errors as named. Costs up to 60000 evaluations of ``transform``.

    >>> round(mixture_below(0.5, [(-1, 1)], lambda x: x[0] ** 8, 8), 3)  # eight uniforms on [-1, 1]
    0.618
    """
    ends = [(float(low), float(high)) for low, high in pieces]

    def log_mean(s: Floats) -> Floats:
        with np.errstate(all="ignore"):
            found = np.log(transform([_transform(s, *piece) for piece in ends]).real)
        # nan: overflow; the last digits of what is smaller may be lost to underflow
        return np.where(found > -690, found, np.inf)

    size = log_mean(-_TILTS)
    chernoff = np.where(size > -600, size + _TILTS * c, np.inf)
    best = int(np.argmin(chernoff))
    tilt, mass = float(_TILTS[best]), float(size[best])
    if not np.isfinite(mass):
        return 1.0
    down = float(np.min((log_mean(-tilt - _WIDER) - mass + _OUTSIDE) / _WIDER)) + c
    up = float(np.min((log_mean(_WIDER - tilt) - mass + _OUTSIDE) / _WIDER)) - c
    if not np.isfinite(down):
        return min(1.0, float(np.exp(chernoff[best])) * (1 + 1e-9))
    down, period = max(down, 0.1), max(down, 0.1) + (max(up, 0.1) if np.isfinite(up) else down + 1.0)

    noise, last, left_out = _cut(ends, transform, tilt, mass, period)
    c, down, period = c + 2 * noise, down + 2 * noise, period + 4 * noise
    omega = np.arange(last + 1) * (2 * pi / period)
    phi = transform([_transform(-tilt + 1j * omega, *piece) for piece in ends]) * np.exp(-mass)
    z = tilt - 1j * omega
    z[0] = z[0] or 1.0
    wave = (1 - np.exp(-z * down)) / z / period
    if tilt == 0:
        wave[0] = down / period
    wave = wave * np.exp(1j * omega * (noise - c))
    wave[1:] *= 2  # the frequency -k is the conjugate
    # the noise is tilted along with S; its share of the mean is put into the factor below
    part = _transform(-tilt + 1j * omega, -noise / _PARTS, noise / _PARTS)
    terms_of_mean = wave * phi * (part / part[0].real) ** _PARTS
    mean = float(terms_of_mean.real.sum())
    angles = 8 * _ROUNDING * (1 + abs(c) + period) * float(omega @ np.abs(terms_of_mean))
    factor = float(np.exp(tilt * (c - noise) + mass) * part[0].real ** _PARTS)
    error = left_out + np.exp(-_OUTSIDE) + 64 * _ROUNDING * (1 + terms) * (1 + float(np.abs(wave).sum())) + angles
    return min(1.0, float(factor * (max(mean, 0.0) + error)) * (1 + 1e-9) + 1e-250)


def _cut(
    ends: list[tuple[float, float]], transform: Polynomial, tilt: float, mass: float, period: float
) -> tuple[float, int, float]:
    """Return noise v, the last frequency k, and a bound of what lies beyond it."""
    for noise, most, allowed in _NOISE:
        end = _PARTS / noise * np.exp(tilt * noise / _PARTS)  # frequency from which on the noise falls
        last = 125
        while True:
            last *= 2
            at = 2 * pi * last / period
            bounds = [np.array([_size(tilt, at, *piece)]) for piece in ends]
            size = min(1.0, float(transform(bounds)[0].real) * np.exp(-mass) * (1 + 1e-9))
            beyond = (1 / _PARTS + 1 / last) * min(1.0, end / at) ** _PARTS
            left_out = 2 / pi * size * (max(log(end / at), 0.0) + (1 / last if at < end else 0.0) + beyond)
            if left_out <= allowed:
                return noise, last, left_out
            if 2 * last > most:
                break
    return noise, last, left_out


def _size(tilt: float, omega: float, low: float, high: float) -> float:
    """Bound |E exp((-t + io) X)| for every o >= omega."""
    whole = float(_transform(np.array([-tilt]), low, high)[0])
    return min(whole, float(np.exp(-tilt * low) + np.exp(-tilt * high)) / ((high - low) * omega))


def _transform(z: NDArray, low: float, high: float) -> NDArray:
    """E exp(zX), X uniform on [low, high]; z real or complex."""
    step = np.asarray(z) * (high - low)
    small = np.abs(step) < 1e-5
    safe = np.where(small, 1.0, step)
    return np.exp(z * low) * np.where(small, 1 + step / 2 + step * step / 6, np.expm1(safe) / safe)
