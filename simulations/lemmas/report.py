"""The main job's report in plain words and tables; the same text on every machine."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from simulations.lemmas.bounded import over_precision, over_rates
from simulations.lemmas.verdicts import CORRECTED, OPEN, overall
from slt.core import console
from slt.core.intervals import shown
from slt.core.rates import READINGS
from slt.core.store import Row
from theory.asymptotics import constant, necessary_slopes, sufficient_slopes
from theory.claim import Claim
from theory.steps import check_steps

if TYPE_CHECKING:
    from simulations.lemmas.settings import Settings


def header(out: console.Page, settings: "Settings") -> None:
    """Print the question."""
    out.print(
        f"Random subset sums with frozen variables: prune p = {settings.prune:g}, lock q = {settings.lock:g}, "
        f"free f = {1 - settings.prune - settings.lock:g}\n"
        f"Targets |z| <= {settings.radius:g}, failure probability delta = {settings.delta:g}. "
        f"How many variables n are needed?\n"
        f"Seed {settings.seed}. All measured intervals hold together with confidence {settings.confidence:g}.\n"
    )


def conclusions(out: console.Page, settings: "Settings", claims: Sequence[Claim], rows: list[Row]) -> None:
    """Print what follows the tables of a complete run."""
    legend(out, rows)
    boundedness(out, settings)
    over_freezing(out, settings)
    slopes(out, settings)
    proof_steps(out, settings, claims)
    published_forms(out, settings, claims, rows)
    verdicts(out, claims, rows)


def ahead(settings: "Settings") -> Iterator[object]:
    """Do the theory of the conclusions, which keeps what it has found, a piece at each step."""
    yield from over_precision(settings.prune, settings.lock, settings.radius)
    yield from over_rates(0.01, 0.05, settings.radius)


def decimals(value: float | None) -> str | None:
    """Write a number with two decimals; nothing for none."""
    return None if value is None else f"{value:.2f}"


def regime(reach_share: float) -> str:
    """Name what most failures are due to, and their share."""
    return f"reach {reach_share:.0%}" if reach_share >= 0.5 else f"resolution {1 - reach_share:.0%}"


COLUMNS = {  # and the least width of each, so that the tables stand in line
    "<reading": 9,
    "eps": 6,
    "necessary": 9,
    "estimated": 9,
    "<measured": 15,
    "stat.": 5,
    "sufficient": 10,
    "<constant C": 21,
    "<limited by": 14,
    "<verdict": 9,
}
SHORT = {CORRECTED: "corrected"}


def requirement_table(out: console.Page, claim: Claim, rows: list[Row]) -> None:
    """Print one lemma: one line per reading and eps."""
    if not rows:
        return
    counts = sorted({row["trials"] for row in rows})
    trials = " to ".join(str(count) for count in dict.fromkeys([counts[0], counts[-1]]))
    title = (
        f"Lemma {claim.key} ({claim.title}, {claim.paper}): p = {rows[0]['prune']:g}, q = {rows[0]['lock']:g}; "
        f"{trials} trials a row"
    )
    cells = [
        (
            row["reading"],
            f"{row['eps']:g}",
            row["necessary"],
            row["estimated"],
            shown(row["measured"]),
            row["statistical"],
            row["sufficient"],
            shown(row["constant"], ".3g"),
            regime(row["reach_share"]),
            SHORT.get(row["verdict"], row["verdict"]),
        )
        for row in sorted(rows, key=lambda row: row["reading"] != "uniform")
    ]
    out.print(console.table(title, COLUMNS, cells, COLUMNS.values()))


def legend(out: console.Page, rows: list[Row]) -> None:
    """Print what the columns mean, and how far the proven requirement is from the measured one."""
    out.print(
        "necessary: every smaller n is proven to fail more often than delta. sufficient: proven to succeed.\n"
        "estimated: sharp, not proven; raised to necessary where it falls below it.\n"
        "measured: the smallest n that succeeds with probability >= 1 - delta; each n below the interval is excluded.\n"
        "  A value may fall short of necessary by its sampling error. Pointwise: at the targets 0, r/8, ..., r.\n"
        "  ?: too few trials to tell.\n"
        "stat.: sufficient, given the measured coverage by free variables alone (confidence as above).\n"
        "constant C: what the measured n implies in the lemma's formula (Lemma 2.2: in the corrected one).\n"
        "limited by: share of failures in which the sums end before the targets (reach) or leave gaps (resolution).\n"
        "upheld: the measured interval agrees with the proven bounds, which prove a lemma of this form by themselves.\n"
        "refuted: it lies wholly outside. undecided: too few trials for an upper end.\n"
        "corrected: upheld after correction; the published form fails, see below.\n"
        + (
            "open: the measured interval agrees with the proven bounds, but these do not prove a form like this one.\n"
            if any(row["verdict"] == OPEN for row in rows)
            else ""
        )
    )
    for reading in READINGS:
        ratios = [
            f"{row['sufficient'] / row['measured']['value']:.2f}"
            for row in rows
            if row["reading"] == reading and row["measured"]["value"]
        ]
        out.print(f"sufficient / measured, {reading}, in the order above: {' '.join(ratios)}")
    out.print()


def boundedness(out: console.Page, settings: "Settings") -> None:
    """Print how the constant moves with precision and with the rates, from bounds and estimates."""
    columns = ("eps", "delta", "necessary", "estimated", "sufficient", "C >=", "C ~", "C <=")
    constants = list(over_precision(settings.prune, settings.lock, settings.radius))
    cells = [
        (f"{c.eps:g}", f"{c.delta:g}", c.necessary, c.estimated, c.sufficient, *map(decimals, c.constants))
        for c in constants
    ]
    rates = f"p = {settings.prune:g}, q = {settings.lock:g}"
    title = f"Does C stay bounded as eps and delta shrink? {rates}, uniform (nothing measured)"
    out.print(console.table(title, columns, cells))
    together = [c.constants for c in constants if c.eps == c.delta]
    if together:
        low, high = min(c[0] or 0 for c in together), max(c[2] or 0 for c in together)
        out.print(
            f"Yes: with eps = delta it stays between {low:.1f} and {high:.1f}; at fixed delta it falls with eps. "
            "-: too rare a failure for the estimate.\n"
        )


def over_freezing(out: console.Page, settings: "Settings") -> None:
    """Print how the constant grows as less and less is free."""
    columns = ("p", "q", "f", "necessary", "estimated", "sufficient", "C >=", "C ~", "C <=", "f C ~", "f^2 C ~")
    cells = []
    for c in over_rates(0.01, 0.05, settings.radius):
        sharp = c.constants[1]
        cells.append(
            (
                f"{c.prune:g}",
                f"{c.lock:g}",
                f"{c.free:g}",
                c.necessary,
                c.estimated,
                c.sufficient,
                *map(decimals, c.constants),
                decimals(sharp and c.free * sharp),
                decimals(sharp and c.free**2 * sharp),
            )
        )
    out.print(
        console.table(
            "How does C grow as more is frozen? eps = 0.01, delta = 0.05, uniform; always these rates",
            columns,
            cells,
        )
    )
    if cells:
        out.print("Like 1/f under pruning alone (f C is flat), like 1/f^2 with much locking (f^2 C is flat).\n")


def slopes(out: console.Page, settings: "Settings") -> None:
    """Print the proven closed form and the asymptotic slopes of requirement."""
    law = {"prune": settings.prune, "lock": settings.lock}
    least, enough = necessary_slopes(**law), sufficient_slopes(**law)
    out.print(
        f"Proven whenever min(delta, eps) <= 0.1: C = {constant(radius=settings.radius, **law):.0f} suffices "
        "(closed form, crude but finite whenever p + q < 1).\n"
        f"As eps -> 0, n / log(1/eps) lies in [{least.precision:.2f}, {enough.precision:.2f}]; "
        f"as delta -> 0, n / log(1/delta) lies in [{least.confidence:.2f}, {enough.confidence:.2f}].\n"
    )


PUBLISHED = "(7)"  # the formula of Lemmas 2.1 and A.2; the other equations are steps of the proof of A.2 and A.3


def proof_steps(out: console.Page, settings: "Settings", claims: Sequence[Claim]) -> None:
    """Print which checked steps of the published proofs of these lemmas hold, and every one that fails in full.

    Equation (7) is shown where the verdict of one of these lemmas refers to it.
    """
    steps = check_steps(settings.prune, settings.lock)
    if not {"A.2", "A.3"} & {claim.key for claim in claims}:
        steps = tuple(step for step in steps if step.equation.startswith(PUBLISHED))
    if not any(PUBLISHED in (claim.limit or "") for claim in claims):
        steps = tuple(step for step in steps if not step.equation.startswith(PUBLISHED))
    held = "; ".join(step.equation for step in steps if step.holds)
    if held:
        out.print(
            f"Steps of the proof of Lemmas A.2 and A.3 checked (inner constants reconstructed; docs/theory.md, "
            f"sections 4 and 5, says what each is). Hold: {held}."
        )
    for step in steps:
        if not step.holds:
            named = step.equation.replace(PUBLISHED, f"{PUBLISHED}, the formula of Lemmas 2.1 and A.2,")
            out.print(f"FAILS {named}: {step.statement}.\n  {step.evidence}.")
    if steps:
        out.print()


def published_forms(out: console.Page, settings: "Settings", claims: Sequence[Claim], rows: list[Row]) -> None:
    """Print where a published form is wrong, and which corrected form stands."""
    for claim in claims:
        if claim.corrected is None:
            continue
        eps = min(settings.eps)
        dense = next((row for row in rows if row["claim"] == "2.1" and row["eps"] == eps), None)
        C = dense and dense["constant"]["value"]
        out.print(
            f"Lemma {claim.key} as published, {claim.form.statement}, is wrong for every C: {claim.corrected.trouble}. "
            "(The formula is reconstructed; the argument needs its structure only. p' = 1 - p.)"
        )
        if C:
            rate = claim.corrected.fails_from(C, eps, settings.delta, settings.radius, claim.reading)
            if rate is not None:
                out.print(
                    f"  For example, even with the larger, uniform C = {C:.2f} measured for the dense source at "
                    f"eps = {eps:g} it is refuted for every p' >= {rate:.4f} ({claim.reading} reading)."
                )
        out.print(f"  Corrected ({claim.corrected.name}): {claim.corrected.form.statement} stands.\n")


def verdicts(out: console.Page, claims: Sequence[Claim], rows: list[Row]) -> None:
    """Print one verdict per lemma."""
    out.print("Verdicts")
    for claim in claims:
        verdict = overall([row["verdict"] for row in rows if row["claim"] == claim.key])
        limit = f"; {claim.limit}" if claim.limit else ""
        out.print(f"  Lemma {claim.key} ({claim.title}, {claim.paper}): {verdict}{limit}")
