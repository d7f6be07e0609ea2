"""The main job's report on numbers of another law, of which the lemmas say nothing: what is known of them instead."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from simulations.lemmas.verdicts import overall
from slt.core import console
from slt.core.intervals import shown
from slt.core.keep import Groups
from slt.core.laws import Constant, Integers, Law, Product, Uniform
from slt.core.store import Row
from theory.claim import Claim
from theory.claim_text import in_a_line
from theory.claims import LEDGER
from theory.law_never import never_covered, off_lattice
from theory.models import one_sign, pitch

if TYPE_CHECKING:
    from simulations.lemmas.settings import Settings

COLUMNS = {  # and the least width of each, so that the tables stand in line
    "<reading": 9,
    "eps": 6,
    "necessary": 9,
    "estimated": 9,
    "<measured": 15,
    "sufficient": 10,
    "<verdict": 10,
}
NAMES = ("necessary", "estimated", "sufficient")


def kept_text(keep: str) -> str:
    """Say what choices keep.

    >>> kept_text("2:4"), kept_text("sparsity 0.5")
    ('keep 2:4', 'sparsity 0.5')
    """
    return f"keep {keep}" if ":" in keep else keep


def described(settings: "Settings") -> str:
    """Return what the numbers and the choices are, in a line."""
    if settings.kept is not None:
        return f"Choices: {kept_text(str(settings.kept))}, locked variables among those that are kept."
    choices = "{-1, 0, 1}" if settings.signed else "{0, 1}"
    whole = " Targets are whole numbers." if settings.levels is not None else ""
    return f"Numbers: {settings.numbers}. Choices: {choices}.{whole}"


def law_table(out: console.Page, rows: list[Row]) -> None:
    """Print the rows of one pair of rates: one line per reading and eps."""
    if not rows:
        return
    counts = sorted({row["trials"] for row in rows})
    trials = " to ".join(str(count) for count in dict.fromkeys([counts[0], counts[-1]]))
    asked = f"{rows[0]['law']}{', signed' * rows[0]['signed']}" if "law" in rows[0] else kept_text(rows[0]["keep"])
    title = f"{asked}: p = {rows[0]['prune']:g}, q = {rows[0]['lock']:g}; {trials} trials a row"
    cells = [
        (
            row["reading"],
            f"{row['eps']:g}",
            _number(row["necessary"]),
            _number(row["estimated"]),
            shown(row["measured"]),
            _number(row["sufficient"]),
            row["verdict"],
        )
        for row in sorted(rows, key=lambda row: row["reading"] != "uniform")
    ]
    out.print(console.table(title, COLUMNS, cells, COLUMNS.values()))


def _number(n: int | None) -> str:
    return "-" if n is None else str(n)


def law_conclusions(out: console.Page, settings: "Settings", rows: list[Row]) -> None:
    """Print what follows the tables of a complete run."""
    out.print(
        "necessary: every smaller n is proven to fail more often than delta.\n"
        "sufficient: this n alone is proven to succeed.\n"
        "estimated: sharp, not proven. -: not known, see below.\n"
        "measured: the smallest n that succeeds with probability >= 1 - delta; each n below the interval is excluded.\n"
        "  A value may fall short of necessary by its sampling error. ?: not found up to the n that was looked at.\n"
        "consistent: the measured interval agrees with the proven bounds. contradicted: it lies wholly outside.\n"
        "undecided: too few trials for an upper end, or too few variables.\n"
    )
    if isinstance(settings.kept, Groups):
        out.print(f"Only multiples of {settings.kept.of} count as n.\n")
    for name, reason in unknown(rows):
        out.print(f"{name} -: {reason}.")
    if unknown(rows):
        out.print()
    for text in impossible_told(settings, rows):
        out.print(text + "\n")
    law_verdicts(out, settings, rows)


def unknown(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Return every reason why a number is not known, with the names of what it is not known of."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for name in NAMES:
            names = reasons.setdefault(row["unknown"][name], [])
            if name not in names:
                names.append(name)
    return [(", ".join(names), reason) for reason, names in reasons.items() if reason]


def impossible_told(settings: "Settings", rows: list[Row]) -> list[str]:
    """Return why some targets are never met, with what was measured of it; nothing for other laws and eps."""
    law = settings.numbers
    never = [
        row
        for row in rows
        if row["necessary"] is None and never_covered(law, row["eps"], row["radius"], signed=row.get("signed", False))
    ]
    if not never:
        return []
    hit = sum(row["successes"] > 0 for row in never)
    trials, n_max = min(row["trials"] for row in never), min(row["n_max"] for row in never)
    looked = f"any of at least {trials} trials succeed at any n = 0, .., {n_max}"
    if any(off_lattice(law, row["eps"], row["radius"]) for row in never):
        d = float(pitch(law) or 0)
        z = min(settings.radius, d / 2)
        why = (
            f"all numbers are multiples of d = {d:g}, so every sum is one, whatever is locked and chosen. "
            f"The target z = {z:g} is {z:g} away from all of them."
        )
    else:
        z = -settings.radius * one_sign(law)
        sign = "negative" if z < 0 else "positive"
        why = f"no number is {sign}, so no sum is. The target z = {z:g} is {abs(z):g} away from all of them."
    return [
        f"Proven: {why} For a smaller eps no n ever suffices.",
        f"Measured: in {hit} of {len(never)} rows did {looked}.",
        *([SIGNED_CONSTANTS] if isinstance(law, Constant) else []),
    ]


SIGNED_CONSTANTS = (
    "A layer whose weights are signed constants of one size (SKC) is such a source: the lemmas say nothing of it, "
    "however wide it is. What it can hold must be found by search; no bound of ours speaks for it."
)


def law_verdicts(out: console.Page, settings: "Settings", rows: list[Row]) -> None:
    """Print why no lemma gets a verdict, what the ledger holds on such numbers, and whether the rows agree."""
    out.print("Verdicts")
    if settings.kept is not None:
        out.print(
            "  None on the lemmas: they speak of choices that keep any number of variables, "
            f"these rows of {kept_text(str(settings.kept))}."
        )
        out.print(f"  Rows against the proven bounds: {overall([row['verdict'] for row in rows])}")
        return
    choices = "{-1, 0, 1}" if settings.signed else "{0, 1}"
    out.print(
        "  None on the lemmas: they speak of numbers that are uniform on [-1, 1] and of choices from {0, 1}, "
        f"these rows of {settings.numbers} and choices from {choices}."
    )
    for claim in of_law(settings.numbers, settings.signed):
        known = in_a_line(claim, claim.judged(settings.prune, settings.lock))
        why = f": {claim.unjudged}" if claim.unjudged else ""
        out.print(f"  On such numbers: {claim.key} ({claim.title}, {claim.paper}): {known}{why}")
    out.print(f"  Rows against the proven bounds: {overall([row['verdict'] for row in rows])}")


def of_law(law: Law, signed: bool) -> list[Claim]:
    """Return the claims of the ledger whose model is this law with these choices.

    >>> [claim.key for claim in of_law(Product(Uniform(), Uniform()), False)][:1]
    ['Otsuka 2025, Lemma 4']
    """
    model = None
    if isinstance(law, Integers) and not signed:
        model = "integers"
    elif law == Product(Uniform(), Uniform()) and not signed:
        model = "products"
    return [] if model is None else [claim for claim in LEDGER.values() if claim.model == model]
