"""The two questions of a user in one call each: how many variables, and how likely is success with n of them.

Both gather a proven bound, an estimate and a proven bound from the modules that compute them:
:mod:`theory.necessary`, :mod:`theory.estimate` and :mod:`theory.sufficient`; where the number of kept variables is
prescribed, from :mod:`theory.kept_necessary`, :mod:`theory.kept_estimate` and :mod:`theory.kept_sufficient`.
"""

from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import Any

from slt.core.keep import Groups, Share, growing
from theory.arguments import NoBound, checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.estimate import DRAWS, SMALLEST_DELTA, estimated_n, estimated_success
from theory.freezing import check_sparsity
from theory.kept_estimate import estimated_kept_n, estimated_kept_success
from theory.kept_necessary import MOST, failure_at_least_kept, necessary_kept_n
from theory.kept_sufficient import failure_at_most_kept, sufficient_kept_n
from theory.necessary import failure_at_least, necessary_n
from theory.sufficient import failure_at_most, sufficient_n

Line = tuple[str, str, str]  # name of a number, the number, what it means


def enough_told(delta: float, *, larger: bool) -> str:
    """Say what is proven of a sufficient n. larger: every larger n is proven to be enough, too.

    >>> enough_told(0.05, larger=False)
    'this n alone is proven to be enough (failure at most 0.05)'
    """
    which = "this n and every larger one are" if larger else "this n alone is"
    return f"{which} proven to be enough (failure at most {delta:g})"


@dataclass(frozen=True, slots=True)
class Requirement:
    """How many random numbers n are needed so that subset sums come within eps of every target |z| <= radius.

    Each number is uniform on [-1, 1], pruned with probability ``prune`` (never used), locked with probability ``lock``
    (always used) and otherwise free to be chosen. reading: "uniform", one draw serves all targets at once with
    probability 1 - delta, or "pointwise", each single target is hit with probability 1 - delta. keep: what the choices
    keep, None where that is free: a text such as "sparsity 0.5" or "2:4".

    necessary: every smaller n is proven to fail more often than delta. estimated: the n that a sharp estimate gives,
    which is not proven; None for delta below 0.001, which the estimate cannot see. sufficient: this n is proven to
    fail at most as often as delta; so is every larger n where nothing is locked and the choices are free. None: there
    is no such number, or none is known.
    """

    eps: float
    delta: float
    prune: float
    lock: float
    radius: float
    reading: str
    necessary: int | None
    estimated: int | None
    sufficient: int | None
    keep: str | None = None

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        """Name, value and meaning of the three numbers, as texts."""
        if self.necessary is None:
            none = f"every n up to {MOST} is proven to fail more often than {self.delta:g}"
            return ("necessary", "-", none), ("estimated", "-", "no n"), ("sufficient", "-", "no n")
        enough = enough_told(self.delta, larger=not (self.lock or self.keep))
        if self.estimated is None:
            guess = f"no estimate: {DRAWS} draws cannot show failures rarer than {SMALLEST_DELTA:g}"
        else:
            off = "a group or two off, as n goes in whole groups" if ":" in (self.keep or "") else "a few percent off"
            guess = f"estimate of the smallest n that is enough: {off}"
        return (
            ("necessary", str(self.necessary), f"every smaller n is proven to fail more often than {self.delta:g}"),
            ("estimated", "-" if self.estimated is None else str(self.estimated), guess),
            ("sufficient", "-", "no bound is known")
            if self.sufficient is None
            else ("sufficient", str(self.sufficient), enough),
        )

    @property
    def question(self) -> str:
        """What the numbers are asked for, in a line."""
        return f"n for eps = {self.eps:g}, delta = {self.delta:g}, {_law(self)}"

    def __str__(self) -> str:
        return _aligned(self.lines)

    def _repr_html_(self) -> str:
        return _html(self.question, self.lines)


@dataclass(frozen=True, slots=True)
class Success:
    """How likely it is that the subset sums of n random numbers come within eps of every target |z| <= radius.

    prune, lock, radius, reading and keep as in :class:`Requirement`; pointwise it is the least probability of all
    targets. lower, upper: proven bounds of the probability. estimated: a sharp estimate, not proven, moved to the
    nearer bound where it lies outside of them.
    """

    eps: float
    n: int
    prune: float
    lock: float
    radius: float
    reading: str
    lower: float
    estimated: float
    upper: float
    keep: str | None = None

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        """Name, value and meaning of the three numbers, as texts."""
        return (
            ("lower", f"{self.lower:.4f}", "the probability is proven to be at least this"),
            ("estimated", f"{self.estimated:.4f}", "sharp estimate, not proven"),
            ("upper", f"{self.upper:.4f}", "the probability is proven to be at most this"),
        )

    @property
    def question(self) -> str:
        """What the numbers are asked for, in a line."""
        return f"Success with n = {self.n}, eps = {self.eps:g}, {_law(self)}"

    def __str__(self) -> str:
        return _aligned(self.lines)

    def _repr_html_(self) -> str:
        return _html(self.question, self.lines)


def requirement(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> Requirement:
    """Return how many variables are necessary, estimated and sufficient.

    sparsity: choices must have this share of variables that are not kept, locked ones counting as kept. keep: of every
    M neighbours N must be kept, "2:4" or "2:4 lenient" (:mod:`slt.core.keep`). At most one of the two. The sparsity
    must lie strictly between prune and 1 - lock: beyond them success tends to 0, and ValueError says so.

    Relation: necessary and sufficient enclose the smallest n from which success has probability 1 - delta; the estimate
    is not proven. Raises ValueError for arguments outside :mod:`theory.arguments` and for another reading.

    >>> found = requirement(0.01, 0.05, prune=0.4, lock=0.3)
    >>> found.necessary, found.estimated, found.sufficient
    (124, 126, 208)
    """
    eps, delta, radius, rates = (
        checked_eps(eps),
        checked_delta(delta),
        checked_radius(radius),
        checked_rates(prune, lock),
    )
    law: dict[str, Any] = {"prune": rates.prune, "lock": rates.lock, "radius": radius}
    kept = growing(sparsity=sparsity, keep=keep)
    if isinstance(kept, Share):
        check_sparsity(kept.sparsity, rates)
    if kept is not None:
        return _kept_requirement(eps, delta, kept, law, reading)
    return Requirement(
        eps=eps,
        delta=delta,
        **law,
        reading=reading,
        necessary=necessary_n(eps, delta, **law, reading=reading),
        estimated=estimated_n(eps, delta, **law, reading=reading) if delta >= SMALLEST_DELTA else None,
        sufficient=sufficient_n(eps, delta, **law, reading=reading),
    )


def success(
    eps: float,
    *,
    n: int,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> Success:
    """Return a proven lower bound, an estimate and a proven upper bound of the success probability with n variables.

    sparsity, keep: as in :func:`requirement`.

    Relation: lower <= success probability <= upper. Raises ValueError for arguments outside :mod:`theory.arguments`
    and for another reading.

    >>> print(success(0.01, n=16))
    lower      0.0000  the probability is proven to be at least this
    estimated  0.9674  sharp estimate, not proven
    upper      0.9913  the probability is proven to be at most this
    """
    eps, n, radius, rates = checked_eps(eps), checked_n(n), checked_radius(radius), checked_rates(prune, lock)
    law: dict[str, Any] = {"prune": rates.prune, "lock": rates.lock, "radius": radius}
    kept = growing(sparsity=sparsity, keep=keep)
    if kept is None:
        upper = 1 - failure_at_least(n, eps, **law, reading=reading)
        lower = 1 - failure_at_most(n, eps, **law, reading=reading)
        estimated = estimated_success(n, eps, **law, reading=reading)
    else:
        upper = 1 - failure_at_least_kept(n, eps, kept, **law, reading=reading)
        lower = 1 - failure_at_most_kept(n, eps, kept, **law)
        estimated = estimated_kept_success(n, eps, kept, **law, reading=reading)
    return Success(
        eps=eps,
        n=n,
        **law,
        reading=reading,
        lower=lower,
        estimated=min(max(estimated, lower), upper),
        upper=upper,
        keep=None if kept is None else str(kept),
    )


def _kept_requirement(eps: float, delta: float, kept: Share | Groups, law: dict[str, Any], reading: str) -> Requirement:
    """Return the requirement where what is kept is prescribed."""
    necessary = necessary_kept_n(eps, delta, kept, **law, reading=reading)
    estimated = sufficient = None
    if necessary is not None:
        if delta >= SMALLEST_DELTA:
            estimated = estimated_kept_n(eps, delta, kept, **law, reading=reading)
        with suppress(NoBound):
            sufficient = sufficient_kept_n(eps, delta, kept, **law, reading=reading)
    return Requirement(
        eps=eps,
        delta=delta,
        **law,
        reading=reading,
        necessary=necessary,
        estimated=estimated,
        sufficient=sufficient,
        keep=str(kept),
    )


def _law(found: Requirement | Success) -> str:
    kept = f", {'keep ' * (':' in found.keep)}{found.keep}" if found.keep else ""
    return f"prune = {found.prune:g}, lock = {found.lock:g}{kept} (|z| <= {found.radius:g}, {found.reading})"


def _aligned(lines: tuple[Line, ...]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {value:>{widths[1]}}  {about}" for name, value, about in lines)


def _html(question: str, lines: tuple[Line, ...]) -> str:
    rows = "".join(
        f"<tr><th>{name}</th><td>{value}</td><td style='text-align: left'>{escape(about)}</td></tr>"
        for name, value, about in lines
    )
    return f"<table><caption>{escape(question)}</caption>{rows}</table>"
