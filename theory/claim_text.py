"""What is known of a claim, in words; every sentence follows from the judgement that it is made of."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from theory.claim import Claim, Verdict
    from theory.judgement import Judgement, Witness


def number(value: float) -> str:
    """Return a number as text, four digits."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def described(claim: "Claim") -> str:
    """Return what the claim says and where it stands, as text."""
    lines = [
        f"Claim {claim.key} ({', '.join(part for part in (claim.paper, claim.number, claim.link) if part)})",
        f"  {claim.words}",
        f"  {claim.hypotheses}",
        f"  Form: {claim.form.statement if claim.form else 'none in these symbols'}. Reading: {claim.reading}."
        + (f" For min(delta, eps) <= {claim.min_at_most:g}." if claim.min_at_most < 1 else "")
        + (f" Numbers: {claim.model}." if claim.model != "uniform" else ""),
        f"  Source: {claim.source}" + (f": {claim.quote}" if claim.quote else ""),
        "  It has a constant of its own, and is judged as it stands." if claim.form and claim.form.explicit else "",
    ]
    return "\n".join(line for line in lines if line.strip()) + "\n"


def told(claim: "Claim", found: "Verdict", prune: float, lock: float) -> str:
    """Return the verdict as text, with its constant or its witnesses."""
    if found.published is None:
        return f"Verdict: not judged. {claim.unjudged}.\n"
    rates = claim.rates(prune, lock)
    read = source_told(claim)
    lines = [f"Verdict at p = {rates.prune:g}, q = {rates.lock:g}: {found.word}{read}"]
    subject = f"  The form {claim.form.statement}" if claim.form else "  The statement"
    lines += judgement_told(found.published, subject)
    if claim.corrected is not None and found.repaired is not None:
        lines += judgement_told(
            found.repaired, f"  Corrected ({claim.corrected.name}): {claim.corrected.form.statement}"
        )
    if claim.proof:
        lines.append(f"  Proof: {claim.proof}.")
    if claim.known:
        agrees = "as its file says" if claim.known == found.word else f"but its file says: {claim.known}"
        lines.append(f"  The verdict is {found.word}, {agrees}.")
    return "\n".join(lines) + "\n"


def source_told(claim: "Claim") -> str:
    """Return a remark on forms that were not read in a paper; empty for those that were."""
    if claim.source == "quoted":
        return ""
    return " (no source is given)" if claim.source == "not given" else f" (its form is {claim.source})"


def constants_told(found: "Judgement") -> str:
    """Say with which constant a form is proven, and where that one holds.

    >>> from theory.judgement import Judgement
    >>> constants_told(Judgement("proven", "", 41642.0, 350.8))
    'C = 350.8 where min(delta, eps) <= 1/2, and with C = 41,642 for all delta and eps'
    """
    if found.constant is None:
        return ""
    if found.explicit:
        return "its own constant"
    if found.constant_half is not None and found.constant_half < 0.99 * found.constant:
        half = f"C = {number(found.constant_half)} where min(delta, eps) <= 1/2"
        return f"{half}, and with C = {number(found.constant)} for all delta and eps"
    return f"C = {number(found.constant)}"


def corner_told(found: "Judgement") -> str:
    """Say what is known of a form that is refuted near eps = delta = 1, where that corner is left out; else nothing."""
    there = found.elsewhere
    if there is None or there.verdict == "refuted":
        return ""
    known = f"proven with {constants_told(there)}" if there.constant is not None else "open"
    return f"It fails near eps = delta = 1. With min_at_most = 0.5, which leaves that corner out, it is {known}"


def judgement_told(found: "Judgement", subject: str) -> list[str]:
    """Return the lines that say what is known of one form."""
    half = "" if found.constant_half is None else f" with C = {number(found.constant_half)}"
    if found.explicit:
        half = "" if found.constant_half is None else " as it stands"
    there = [f"    Where min(delta, eps) <= 1/2 it is proven{half}."] if half else []
    if found.verdict == "refuted":
        every = "every C" if found.up_to is None else f"every C up to {found.up_to:g}"
        lines = [f"{subject} is refuted{'' if found.explicit else f' for {every}'}: {found.reason}."]
        lines += [f"    {witness_told(w, found.explicit)}" for w in found.witnesses]
        corner = corner_told(found)
        return [*lines, f"    {corner}."] if corner else lines + there
    if found.verdict == "proven" and found.constant is not None:
        lines = [f"{subject} is proven with {constants_told(found)}: {found.reason}."]
        if found.explicit:
            lines.append(f"    {number(found.constant)} times it would be enough.")
        elif " where " in constants_told(found):
            lines.append("    The second is so large because the form asks for few numbers near eps = delta = 1.")
        return lines
    return [f"{subject} is open: {found.reason}.", *there]


def witness_told(found: "Witness", explicit: bool = False) -> str:
    """Return one witness as text. explicit: of a form with a constant of its own."""
    line = f"{'' if explicit else f'C = {found.C:g}: '}at {found.where} it asks for n >= {number(found.asked)}; "
    if found.needed is None:
        return line + f"success has probability at most {found.success:.2g}"
    return line + f"n >= {number(found.needed)} is necessary"


def in_a_line(claim: "Claim", found: "Verdict") -> str:
    """Return the verdict and its constant, and what is reconstructed, in one line."""
    word = found.word
    stands = found.standing
    if stands is not None and stands.constant is not None:
        if found.word == "corrected":
            word = "refuted as published, proven after correction"
        word += f" with {constants_told(stands)}"
    return word + source_told(claim)


def constant_or_reason(claim: "Claim", found: "Verdict") -> str:
    """Return the proven constant, or why there is none."""
    stands = found.standing
    if stands is None:
        return claim.unjudged
    told = stands.reason if stands.constant is None else constants_told(stands)
    if corner := corner_told(stands):
        told += f". {corner}"
    if not claim.proof or found.published is None:
        return told
    if claim.corrected is not None and found.repaired is stands:
        told += f" ({claim.corrected.name}); refuted as quoted"
    return f"{told}: {witness_told(found.published.witnesses[0])}" if found.published.witnesses else told


def form_told(claim: "Claim") -> str:
    """Return the form that stands, and the published one where that is another; "-" where there is none."""
    if claim.form is None:
        return "-"
    if claim.corrected is None:
        return claim.form.text
    return f"{claim.corrected.form.text} (published: {claim.form.text})"
