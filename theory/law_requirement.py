"""How many numbers of a law are necessary, estimated and sufficient, and how likely are n of them to succeed?"""

from dataclasses import dataclass

from slt.core.laws import Law
from theory.law_estimate import estimable, law_estimated_n, law_estimated_success, unestimated
from theory.law_model import SCAN_LIMIT, Model, Told, model
from theory.law_necessary import law_failure_at_least, law_necessary_n
from theory.law_never import why_never
from theory.law_sufficient import law_failure_at_most, law_sufficient_n, thinning_of_all
from theory.requirement import enough_told


def law_notes(asked: Model, eps: float, delta: float, necessary: int | None, sufficient: int | None) -> dict[str, str]:
    """Return why numbers of a requirement are not known, by name; nothing of those that are.

    necessary, sufficient: what :func:`law_necessary_n` and :func:`law_sufficient_n` have found.
    """
    if necessary is None:
        tried = f"not found: every n up to {SCAN_LIMIT} is proven to fail more often than {delta:g}"
        return dict.fromkeys(("necessary", "estimated", "sufficient"), why_never(asked, eps, delta) or tried)
    notes = {}
    reason = unestimated(asked.law, asked.signed, delta)
    if reason:
        notes["estimated"] = f"no estimate: {reason}"
    if sufficient is None:
        notes["sufficient"] = _no_upper(asked.law)
    return notes


@dataclass(frozen=True, slots=True)
class LawRequirement:
    """How many numbers of a law are needed; None where no number is known, for the reason among ``notes``."""

    eps: float
    delta: float
    law: str
    signed: bool
    prune: float
    lock: float
    radius: float
    reading: str
    necessary: int | None
    estimated: int | None
    sufficient: int | None
    notes: dict[str, str]

    @property
    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """Name, value and meaning of the three numbers, as texts."""
        meaning = {
            "necessary": f"every smaller n is proven to fail more often than {self.delta:g}",
            "estimated": "estimate of the smallest n that is enough",
            "sufficient": enough_told(self.delta, larger=self.lock == 0),
        }
        numbers = {"necessary": self.necessary, "estimated": self.estimated, "sufficient": self.sufficient}
        if self.necessary is None:  # one reason for all three
            reasons = self.notes["necessary"], "for the same reason", "for the same reason"
            return tuple((name, "-", reason) for name, reason in zip(numbers, reasons, strict=True))
        return tuple(
            (name, "-" if found is None else str(found), self.notes.get(name, meaning[name]))
            for name, found in numbers.items()
        )

    @property
    def question(self) -> str:
        """What the numbers are asked for, in a line."""
        return f"n for eps = {self.eps:g}, delta = {self.delta:g}, {_described(self)}"


@dataclass(frozen=True, slots=True)
class LawSuccess:
    """How likely n numbers of a law are to serve all targets: proven bounds, and an estimate where there is one."""

    eps: float
    n: int
    law: str
    signed: bool
    prune: float
    lock: float
    radius: float
    reading: str
    lower: float
    estimated: float | None
    upper: float
    notes: dict[str, str]

    @property
    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """Name, value and meaning of the three numbers, as texts."""
        guess = "-" if self.estimated is None else f"{self.estimated:.4f}"
        at_least, at_most = (
            "the probability is proven to be at least this",
            "the probability is proven to be at most this",
        )
        return (
            ("lower", f"{self.lower:.4f}", self.notes.get("lower", at_least)),
            ("estimated", guess, self.notes.get("estimated", "sharp estimate, not proven")),
            ("upper", f"{self.upper:.4f}", self.notes.get("upper", at_most)),
        )

    @property
    def question(self) -> str:
        """What the numbers are asked for, in a line."""
        return f"Success with n = {self.n}, eps = {self.eps:g}, {_described(self)}"


def law_requirement(
    eps: float,
    delta: float,
    *,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> LawRequirement:
    """Return how many numbers of a law are necessary, estimated and sufficient, and why where one is not known.

    >>> found = law_requirement(0.1, 0.1, law="constant 1")
    >>> found.necessary, found.estimated, found.sufficient
    (None, None, None)
    """
    asked = model(law, prune, lock, radius, signed)
    law = asked.law
    told: Told = {"prune": prune, "lock": lock, "radius": radius, "reading": reading}
    necessary = law_necessary_n(eps, delta, law=law, signed=signed, **told)
    sufficient, estimated = None, None
    if necessary is not None:
        sufficient = law_sufficient_n(eps, delta, law=law, signed=signed, **told)
        if unestimated(law, signed, delta) is None:
            estimated = law_estimated_n(eps, delta, law=law, **told)
    notes = law_notes(asked, eps, delta, necessary, sufficient)
    return LawRequirement(
        eps, delta, str(law), signed, prune, lock, radius, reading, necessary, estimated, sufficient, notes
    )


def law_success(
    eps: float,
    *,
    n: int,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> LawSuccess:
    """Return proven bounds of the success probability with n numbers of a law, and the estimate where there is one."""
    asked = model(law, prune, lock, radius, signed)
    law = asked.law
    told: Told = {"prune": prune, "lock": lock, "radius": radius, "reading": reading}
    upper = 1 - law_failure_at_least(n, eps, law=law, signed=signed, **told)
    lower = 1 - law_failure_at_most(n, eps, law=law, signed=signed, prune=prune, lock=lock, radius=radius)
    estimated, notes = None, {}
    never = why_never(asked, eps)
    if never:
        notes = {"upper": never, "estimated": never}
    elif reason := estimable(law, signed):
        notes["estimated"] = f"no estimate: {reason}"
    else:
        estimated = law_estimated_success(n, eps, law=law, **told)
        estimated = None if estimated is None else min(max(estimated, lower), upper)
    if lower == 0 and not never and thinning_of_all(law) == 0:
        notes["lower"] = _no_upper(law)
    return LawSuccess(eps, n, str(law), signed, prune, lock, radius, reading, lower, estimated, upper, notes)


def _no_upper(law: Law) -> str:
    if thinning_of_all(law) == 0:
        return "not known: the law has no density around 0, which our proof needs"
    return f"not known: our bound would need more than {SCAN_LIMIT} numbers"


def _described(found: LawRequirement | LawSuccess) -> str:
    alphabet = ", signed" if found.signed else ""
    rates = f"prune = {found.prune:g}, lock = {found.lock:g}"
    return f"{rates} (|z| <= {found.radius:g}, {found.reading}), numbers: {found.law}{alphabet}"
