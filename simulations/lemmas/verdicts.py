"""Does a measured requirement lie where the proven bounds allow it?"""

from slt.core.intervals import Crossing

CONSISTENT = "consistent"
UNDECIDED = "undecided"
CONTRADICTED = "contradicted"
UNMEASURED = "not measured"


def verdict(necessary: int, measured: Crossing, sufficient: int, *, all_targets: bool = True) -> str:
    """Judge one row: does the measured interval agree with what is proven?

    necessary: every smaller n is proven to fail. sufficient: proven to succeed. measured: interval of the smallest n
    that succeeds. ``contradicted`` when the whole interval lies below ``necessary`` or above ``sufficient``;
    ``undecided`` when the measurement has no upper end. all_targets: the measurement asked for every target; if it
    asked for some only (pointwise), all it can say is that more is needed, and an interval below ``necessary`` is
    ``undecided``. Agreement speaks for our bounds, and says nothing of a claim (:meth:`theory.claim.Claim.judged`).

    >>> verdict(3, Crossing(5, 6, 7), 9)
    'consistent'
    >>> verdict(8, Crossing(5, 6, 7), 9)
    'contradicted'
    """
    if measured.lower > sufficient:
        return CONTRADICTED
    if measured.upper is None:
        return UNDECIDED
    if measured.upper < necessary:
        return CONTRADICTED if all_targets else UNDECIDED
    return CONSISTENT


def law_verdict(
    necessary: int | None,
    measured: Crossing,
    sufficient: int | None,
    *,
    successes: int,
    all_targets: bool = True,
    impossible: bool = True,
) -> str:
    """Judge one row of another law, where no number may suffice or none be known to.

    necessary: None where every n that theory looks at is proven to fail too often. impossible: every one is then proven
    to fail always, so that one success among the trials of any n contradicts that; successes: the most that any n has.
    Else as :func:`kept_verdict`.

    >>> law_verdict(None, Crossing(65, None, None), None, successes=0)
    'consistent'
    >>> law_verdict(None, Crossing(65, None, None), None, successes=1)
    'contradicted'
    """
    if necessary is None and impossible and successes:
        return CONTRADICTED
    return kept_verdict(necessary, measured, sufficient, all_targets=all_targets)


def kept_verdict(necessary: int | None, measured: Crossing, sufficient: int | None, *, all_targets: bool = True) -> str:
    """Judge one row for which there may be no number that suffices, or none that is proven to.

    necessary: None where every n that theory looks at is proven to fail too often; an n that is shown to succeed then
    contradicts that. sufficient: None where no proven number is known. Else as :func:`verdict`.

    >>> kept_verdict(None, Crossing(68, None, None), None), kept_verdict(None, Crossing(8, 12, 16), None)
    ('consistent', 'contradicted')
    """
    if necessary is None:
        if measured.upper is None:
            return CONSISTENT
        return CONTRADICTED if all_targets else UNDECIDED
    most = measured.lower if sufficient is None else sufficient
    return verdict(necessary, measured, most, all_targets=all_targets)


def overall(verdicts: list[str]) -> str:
    """Return the gravest verdict of several: contradicted, undecided, consistent; "not measured" without any."""
    if not verdicts:
        return UNMEASURED
    for grave in (CONTRADICTED, UNDECIDED):
        if grave in verdicts:
            return grave
    return CONSISTENT
