"""Certificates: what proves a necessary or a sufficient number, as whole numbers that anyone can check.

A certificate is a value here. ``slt certify`` writes it, and ``examples/check_certificate.py``, which shares no code
with the project, checks it. docs/certificates.md explains it; docs/theory.md, section 11, proves what is checked.
Everything is found in floating point and rounded with a margin to the safe side: that a certificate is right is for
the checker to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, exp, floor, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from slt.core.checks import one_of
from slt.core.first import first
from slt.core.rates import READINGS, Rates
from theory.arguments import NoBound, checked_delta, checked_eps, checked_radius, checked_rates
from theory.certificate_game import cover_tables
from theory.certificate_law import Cover, LatticeLaw
from theory.counting import fewest_free
from theory.first_moment import expected_solutions, mean_over_states, near
from theory.laws import below_table, reach_below, thinned
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

FORMAT = "slt certificate 1"
MOST_NECESSARY = 400  # numbers up to which a necessary number is certified; the checker's time grows like its cube
MOST_SUFFICIENT = 1200
_WIDTHS = ("7/10", "4/5", "3/4", "17/20", "9/10", "1")
_CELLS = (20, 40)  # to a unit; coarse ones are checked faster
_POINTS = (16, 24)  # of the game, to a doubling
_MARGIN = 1e-9  # of delta, beside relative margins: far more than all roundings

Table = Any  # whole numbers, or lists of them


@dataclass(frozen=True)
class Setting:
    """What a claim is about; every number is exactly the decimal that was asked for."""

    eps: Fraction
    delta: Fraction
    prune: Fraction
    lock: Fraction
    radius: Fraction
    reading: str

    @property
    def free(self) -> Fraction:
        """Probability f = 1 - p - q."""
        return 1 - self.prune - self.lock

    @property
    def rates(self) -> Rates:
        """The rates in floating point."""
        return Rates(float(self.prune), float(self.lock))

    @property
    def uniform(self) -> bool:
        """Whether one draw has to serve every target."""
        return self.reading == "uniform"

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of the functions of :mod:`theory.necessary` and :mod:`theory.sufficient`."""
        return {
            "eps": float(self.eps),
            "delta": float(self.delta),
            "prune": float(self.prune),
            "lock": float(self.lock),
            "radius": float(self.radius),
            "reading": self.reading,
        }


@dataclass(frozen=True)
class Certificate:
    """What proves that n numbers suffice ("sufficient"), or that fewer than n do not ("necessary").

    printed: the number that the commands print, which can be a better one. bits: probabilities in the tables are whole
    numbers over 2^bits.
    """

    setting: Setting
    direction: str
    n: int
    printed: int
    bits: int
    tables: dict[str, Table]

    def record(self) -> dict[str, Any]:
        """Return the certificate as JSON values: texts, whole numbers, lists."""
        s = self.setting
        rates = {"eps": s.eps, "delta": s.delta, "prune": s.prune, "lock": s.lock, "radius": s.radius}
        return {
            "format": FORMAT,
            "direction": self.direction,
            "n": self.n,
            "printed": self.printed,
            **{name: f"{value.numerator}/{value.denominator}" for name, value in rates.items()},
            "reading": s.reading,
            "bits": self.bits,
            "tables": self.tables,
        }


def setting_of(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> Setting:
    """Return the setting of these decimals; raise ValueError for arguments outside :mod:`theory.arguments`."""
    rates = checked_rates(prune, lock)
    eps, delta, radius = checked_eps(eps), checked_delta(delta), checked_radius(radius)
    reading = one_of("reading", reading, READINGS)
    e, d, p, q, r = (Fraction(repr(x)) for x in (eps, delta, rates.prune, rates.lock, radius))
    return Setting(e, d, p, q, r, reading)


def necessary_certificate(setting: Setting) -> Certificate:
    """Return what proves the necessary number of :func:`theory.necessary.necessary_n`, or a smaller one.

    Statement: given m free and a locked numbers the failure has at least the probability given[m][a]; the mean over m
    and a exceeds delta at every smaller n (with nothing locked: at n - 1, as more numbers only help).
    Beyond n = 400 the certificate is for n = 400.
    """
    printed = necessary_n(**setting.asked)
    n, delta = min(printed, MOST_NECESSARY), float(setting.delta)
    bits = _bits(setting)
    given, fails = _given(setting, n), []
    for smaller in range(n) if setting.lock else range(max(n - 1, 0), n):
        fails.append(mean_over_states(smaller, setting.rates, given))
        if fails[-1] * (1 - _MARGIN) <= delta * (1 + _MARGIN):
            if not setting.lock:
                raise NoBound(f"no certificate is found that {n} numbers are necessary")
            n = smaller
            fails.pop()
            break
    units = 1 << 40 + ceil(log2(1 / setting.eps))  # far more than the checker's own rounding of sums of (C3)
    tables = {
        "given": [[max(_down(x, bits) - units, 0) for x in row] for row in given],
        "fails": [_down(x * (1 - _MARGIN), bits) for x in fails],
    }
    return Certificate(setting, "necessary", n, printed, bits, tables)


def sufficient_certificate(setting: Setting) -> Certificate:
    """Return what proves the sufficient number of :func:`theory.sufficient.sufficient_n`, or a larger one.

    Statement: a ladder of all free numbers, or a cover with small numbers of one of some widths (docs/theory.md,
    section 6). n grows until one of them proves it. Raises NoBound beyond 1200 numbers.
    """
    printed = sufficient_n(**setting.asked)

    level = float(setting.delta) * (1 - 20 * _MARGIN)

    def proof(n: int) -> dict[str, Any] | None:
        """Return the parts of an argument that proves that n suffice, those that are checked faster first."""
        return next((parts for parts in _arguments(setting, n) if sum(parts[name] for name in PARTS) <= level), None)

    n, found = printed, proof(printed) if printed <= MOST_SUFFICIENT else None
    if found is None and printed <= MOST_SUFFICIENT:
        n = first(lambda n: proof(n) is not None, printed, MOST_SUFFICIENT + 1, guess=printed)
        found = proof(n) if n <= MOST_SUFFICIENT else None
    if found is None:
        raise NoBound(f"{printed} numbers suffice, but certificates are made for at most {MOST_SUFFICIENT}")
    bits, delta = 64 + ceil(log2(1 / setting.delta)), float(setting.delta)
    tables = {
        name: _up(value * (1 + _MARGIN) + _MARGIN * delta, bits) if name in PARTS else value
        for name, value in found.items()
    }
    return Certificate(setting, "sufficient", n, printed, bits, tables)


PARTS = ("missed", "broken", "short", "few", "far")


def _arguments(setting: Setting, n: int) -> Iterator[dict[str, Any]]:
    """Yield the parts of all arguments, those with small tables first."""
    for cells in _CELLS:
        yield _ladder(setting, n, cells)
    for points, cells in zip(_POINTS, _CELLS, strict=True):
        for width in _WIDTHS if setting.lock else _WIDTHS[-1:]:
            if (Fraction(width) * cells).denominator == 1:
                yield _cover(setting, n, Fraction(width), cells, points)


def _ladder(setting: Setting, n: int, cells: int) -> dict[str, Any]:
    """The parts of (C5): nothing is covered by small numbers."""
    eps = float(setting.eps)
    if setting.lock:
        law = LatticeLaw(n, setting.rates, 0.0, cells, Cover(range(1), np.ones(1), np.ones(1)))
        ends = _ends(setting, law, eps)
    else:
        short = float(reach_below(setting.radius - setting.eps, [n], 0.0, setting.rates.free, "upper")[0])
        ends = {"short": (2 if setting.uniform else 1) * short, "few": 0.0, "far": 0.0}
    broken = exp(1 + n * np.log1p(-2 * eps * setting.rates.free)) if eps < 0.5 and n else 0.0
    return {**_empty("0/1", cells), "missed": 0.0, "broken": broken, **ends}


def _cover(setting: Setting, n: int, width: Fraction, cells: int, points: int) -> dict[str, Any]:
    """The parts of (C8): small numbers of at most ``width`` in size cover a window."""
    w, least = float(width), max(1e-4 * float(setting.delta), 1e-90)
    game = cover_tables(setting.eps / width, least, points)
    cover = game.failures if game.grid else np.zeros(1)
    small = float(setting.free * width)
    low, high = (int(x) for x in (binom.ppf(least, n, small), binom.isf(least, n, small)))
    counts = range(max(low, 0), min(high, n) + 1)
    s, weight, drop = np.array(counts), binom.pmf(counts, n, small), -np.diff(cover, prepend=1.0)
    missed = float(binom.cdf(counts[0] - 1, n, small) + binom.sf(counts[-1], n, small))
    missed += float(weight @ cover[np.minimum(s, len(cover) - 1)])
    left = s[:, None] - np.arange(len(drop))
    broken = 0.0
    if width < 1:
        gap = np.minimum(1.0, (1 / small - 1) / (n - s + 1))[:, None]
        broken = float(weight @ np.where(left >= 0, gap ** np.maximum(left, 0), 0.0) @ drop)
    if width == 1 and setting.lock == 0:
        table = below_table(setting.radius - width / 2, 0, counts[-1], side="upper")[0]
        short = (2 if setting.uniform else 1) * thinned(table, np.arange(counts[-1] + 1), 0.5, "upper")
        late = np.where(left >= 0, np.minimum(short, 1.0)[np.maximum(left, 0)], 0.0)
        ends = {"short": float(weight @ late @ drop), "few": 0.0, "far": 0.0}
    else:
        law = LatticeLaw(n, setting.rates, w, cells, Cover(counts, weight, drop))
        ends = _ends(setting, law, w / 2)
    return {
        **_empty(f"{width.numerator}/{width.denominator}", cells),
        "least": counts[0],
        "largest": counts[-1],
        "game": game.bits,
        "grid": list(game.grid),
        "values": [list(row) for row in game.values],
        "slopes": [list(row) for row in game.slopes],
        "missed": missed,
        "broken": broken,
        **ends,
    }


def _empty(width: str, cells: int) -> dict[str, Any]:
    return {
        "width": width,
        "cells": cells,
        "least": 0,
        "largest": 0,
        "game": 16,
        "grid": [],
        "values": [],
        "slopes": [],
    }


def _ends(setting: Setting, law: LatticeLaw, lost: float) -> dict[str, float]:
    """What the reach lacks, where ``lost`` of it is not needed at either end."""
    sides, radius = 2 if setting.uniform else 1, float(setting.radius)
    far = 0.0 if setting.uniform else law.short(-radius - lost) + law.few(-radius - lost)
    return {"short": sides * law.short(radius - lost), "few": sides * law.few(radius - lost), "far": far}


def _given(setting: Setting, n: int) -> NDArray[np.float64]:
    """Bound P(fail | m free and a locked numbers) from below, (m, a), up to the m and a that matter: (C3)."""
    rates, tail = setting.rates, 1e-6 * float(setting.delta)
    free, locked = (int(binom.isf(tail, max(n - 1, 0), rate)) for rate in (rates.free, rates.lock))
    free, locked = max(free, 0), max(locked, 0)
    solutions = expected_solutions(near(float(setting.radius), float(setting.eps), free + locked), free, locked)
    short = setting.radius - setting.eps

    def below(c: Fraction) -> NDArray[np.float64]:
        return thinned(below_table(c, locked, free, side="lower"), np.arange(free + 1), 0.5, "lower", axis=1).T

    one_side = below(short)
    fails = np.maximum(1 - solutions * (1 + _MARGIN) - 1e-12, (one_side + below(-setting.radius - setting.eps)))
    if setting.uniform:
        spread = below_table(2 * short, 0, free, side="upper")[0]
        fails = np.maximum(fails, 2 * one_side - spread[:, None] * (1 + _MARGIN))
        fails[: fewest_free(float(setting.eps), float(setting.radius))] = 1
    return np.clip(fails * (1 - _MARGIN), 0.0, 1.0)


def _bits(setting: Setting) -> int:
    """Enough for the sums of (C3), in which some 2^m sizes of eps meet, and for delta."""
    return 96 + 2 * ceil(log2(1 / setting.eps)) + ceil(log2(1 / setting.delta))


def _up(value: float, bits: int) -> int:
    return ceil(Fraction(value) * (1 << bits))


def _down(value: float, bits: int) -> int:
    return floor(Fraction(float(value)) * (1 << bits))
