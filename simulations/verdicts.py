"""When does a measured requirement uphold a claim, and when does it refute it?"""

from common.intervals import Crossing

UPHELD = "upheld"
CORRECTED = "upheld after correction"
UNDECIDED = "undecided"
REFUTED = "refuted"


def verdict(
    necessary: int, measured: Crossing, sufficient: int, *, all_targets: bool = True, corrected: bool = False
) -> str:
    """Judge one row: the proven ends must not lie outside the measured interval on the wrong side.

    necessary: every smaller n is proven to fail. sufficient: proven to succeed. measured: interval of the smallest n
    that succeeds. ``refuted`` when the whole interval lies below ``necessary`` or above ``sufficient``; ``undecided``
    when the measurement has no upper end. all_targets: the measurement asked for every target; if it asked for some
    only (pointwise), all it can say is that more is needed, and an interval below ``necessary`` is ``undecided``.
    corrected: the published form of the claim is false, and the row speaks of its correction.

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
    return CORRECTED if corrected else UPHELD


def overall(verdicts: list[str]) -> str:
    """Return the gravest verdict of several: refuted, undecided, upheld after correction, upheld."""
    for grave in (REFUTED, UNDECIDED, CORRECTED):
        if grave in verdicts:
            return grave
    return UPHELD
