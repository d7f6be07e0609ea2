"""When does a measured requirement uphold a claim, and when does it refute it?"""

from slt.core.intervals import Crossing
from theory.claim import Claim

UPHELD = "upheld"
CORRECTED = "upheld after correction"
OPEN = "open"
UNDECIDED = "undecided"
UNMEASURED = "not measured"
REFUTED = "refuted"


def verdict(
    necessary: int, measured: Crossing, sufficient: int, *, all_targets: bool = True, standing: str = UPHELD
) -> str:
    """Judge one row: the proven ends must not lie outside the measured interval on the wrong side.

    necessary: every smaller n is proven to fail. sufficient: proven to succeed. measured: interval of the smallest n
    that succeeds. ``refuted`` when the whole interval lies below ``necessary`` or above ``sufficient``; ``undecided``
    when the measurement has no upper end. all_targets: the measurement asked for every target; if it asked for some
    only (pointwise), all it can say is that more is needed, and an interval below ``necessary`` is ``undecided``.
    standing: the answer when the interval agrees with both, see :func:`standing`.

    >>> verdict(3, Crossing(5, 6, 7), 9)
    'upheld'
    >>> verdict(8, Crossing(5, 6, 7), 9)
    'refuted'
    """
    if measured.lower > sufficient:
        return REFUTED
    if measured.upper is None:
        return UNDECIDED
    if measured.upper < necessary:
        return REFUTED if all_targets else UNDECIDED
    return standing


def standing(claim: Claim) -> str:
    """Return what a measurement that agrees with our proven bounds says of ``claim``.

    Agreement alone speaks for our bounds, not for the claim: ``upheld`` needs a proof that some constant makes the
    claim's form large enough. ``upheld after correction``: there is one for the corrected form alone. ``open``: there
    is none for either.
    """
    if claim.proven_constant is None:
        return OPEN
    return CORRECTED if claim.corrected else UPHELD


def overall(verdicts: list[str]) -> str:
    """Return the gravest verdict of several: refuted, undecided, open, upheld after correction, upheld.

    Without any verdict the answer is "not measured".
    """
    if not verdicts:
        return UNMEASURED
    for grave in (REFUTED, UNDECIDED, OPEN, CORRECTED):
        if grave in verdicts:
            return grave
    return UPHELD
