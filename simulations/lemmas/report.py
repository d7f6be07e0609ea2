"""The main job's report in plain words and tables; the same text on every machine."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from simulations.lemmas.bounded import DELTA, over_precision, over_rates
from simulations.lemmas.law_report import described
from simulations.lemmas.rows import STATISTICAL_ERROR
from simulations.lemmas.verdicts import overall
from slt.core import console
from slt.core.intervals import shown
from slt.core.rates import READINGS
from slt.core.store import Row
from theory.asymptotics import constant, necessary_slopes, sufficient_slopes
from theory.claim import Claim
from theory.claim_text import in_a_line, told
from theory.steps import check_steps

if TYPE_CHECKING:
    from simulations.lemmas.bounded import Constant
    from simulations.lemmas.settings import Settings
    from theory.claim import Verdict


def header(out: console.Page, settings: "Settings") -> None:
    """Print the question."""
    numbers = "" if settings.names_lemmas else f"{described(settings)}\n"
    out.print(
        f"Random subset sums with frozen variables: prune p = {settings.prune:g}, lock q = {settings.lock:g}, "
        f"free f = {1 - settings.prune - settings.lock:g}\n{numbers}"
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
    refutations(out, settings, claims)
    verdicts(out, settings, claims, rows)


def ahead(settings: "Settings", claims: Sequence[Claim]) -> Iterator[object]:
    """Do the theory of the conclusions, which keeps what it has found, a piece at each step."""
    for claim in claims:
        yield judged(settings, [claim])
    yield from over_precision(settings.prune, settings.lock, settings.radius)
    yield from over_rates(0.01, 0.05, settings.radius)


def decimals(value: float | None) -> str | None:
    """Write a number with two decimals; nothing for none."""
    return None if value is None else f"{value:.2f}"


def left_open(row: Row) -> str:
    """Write between which constants a row leaves the lemma's formula open."""
    ends = (row["constant_refuted_to"], row["constant_proven_from"])
    return " to ".join("none" if end is None else f"{end:.3g}" for end in ends)


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
    "<measured C": 21,
    "<limited by": 14,
    "<C left open": 12,
    "<verdict": 10,
}


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
            left_open(row),
            row["verdict"],
        )
        for row in sorted(rows, key=lambda row: row["reading"] != "uniform")
    ]
    out.print(console.table(title, COLUMNS, cells, COLUMNS.values()))


def legend(out: console.Page, rows: list[Row]) -> None:
    """Print what the columns mean, and how far the proven requirement is from the measured one."""
    out.print(
        "necessary: every smaller n is proven to fail more often than delta.\n"
        "sufficient: this n alone is proven to succeed.\n"
        "estimated: sharp, not proven; raised to necessary where it falls below it.\n"
        "measured: the smallest n that succeeds with probability >= 1 - delta; each n below the interval is excluded.\n"
        "  A value may fall short of necessary by its sampling error. Pointwise: at the targets 0, r/8, ..., r.\n"
        "  ?: too few trials to tell.\n"
        "stat.: sufficient, given measured coverage by free variables alone, or measured success without locking;\n"
        f"  all of these numbers together hold with confidence 1 - {STATISTICAL_ERROR:g}.\n"
        "measured C: what the measured n implies in the lemma's formula (Lemma 2.2: in the corrected one).\n"
        "limited by: share of failures in which the sums end before the targets (reach) or leave gaps (resolution).\n"
        "C left open: with less the formula is refuted at this point, with more it asks for a proven n.\n"
        "consistent: the measured interval agrees with the proven bounds. contradicted: it lies wholly outside.\n"
        "undecided: too few trials for an upper end.\n"
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
    out.print(said_of_precision(constants))


def said_of_precision(constants: Sequence["Constant"]) -> str:
    """Return what these numbers show of C: the range over eps = delta, and whether it falls at a fixed delta."""
    lines = []
    together = [c.constants for c in constants if c.eps == c.delta]
    if together:
        low, high = min(c[0] or 0 for c in together), max(c[2] or 0 for c in together)
        lines.append(f"With eps = delta a constant between {low:.1f} and {high:.1f} is needed at each of these points.")
    alone = [c for c in constants if c.delta == DELTA]
    needed = [(c.constants[0] or 0.0, c.constants[2] or 0.0) for c in (*alone[:1], *alone[-1:])]
    if len(alone) > 1 and needed[1][1] < needed[0][0]:
        lines.append(
            f"At delta = {DELTA:g} the C that is needed falls as eps shrinks: from at least {needed[0][0]:.2f} "
            f"to at most {needed[1][1]:.2f}."
        )
    if any(c.estimated is None for c in constants):
        lines.append("-: too rare a failure for the estimate.")
    return "\n".join(lines) + "\n"


def over_freezing(out: console.Page, settings: "Settings") -> None:
    """Print how the constant grows as less and less is free."""
    columns = ("p", "q", "f", "necessary", "estimated", "sufficient", "C >=", "C ~", "C <=", "f C ~", "f^2 C ~")
    cells = []
    found = list(over_rates(0.01, 0.05, settings.radius))
    for c in found:
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
    out.print(said_of_rates(found))


FLAT = 1.25  # a product is called flat when its largest value is at most this times its smallest


def said_of_rates(constants: Sequence["Constant"]) -> str:
    """Return how f C and f^2 C move as less is free, without locking and at no pruning; flat where they hardly do."""
    lines = []
    for words, power, chosen in (
        ("Under pruning alone f C", 1, [c for c in constants if c.lock == 0]),
        ("Under locking alone f^2 C", 2, [c for c in constants if c.prune == 0 and c.lock > 0]),
    ):
        values = [c.free**power * c.constants[1] for c in sorted(chosen, key=lambda c: -c.free) if c.constants[1]]
        if len(values) > 1:
            is_flat = max(values) <= FLAT * min(values)
            course = "is flat" if is_flat else "is not flat"
            lines.append(f"{words} {course}: {' '.join(f'{value:.2f}' for value in values)} as f falls.")
    return "\n".join(lines) + "\n"


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


def proof_steps(out: console.Page, settings: "Settings", claims: Sequence[Claim]) -> None:
    """Print which checked steps of the published proof of Lemmas A.2 and A.3 hold, and every one that fails in full."""
    if not {"A.2", "A.3"} & {claim.key for claim in claims}:
        return
    steps = check_steps(settings.prune, settings.lock)
    held = "; ".join(step.equation for step in steps if step.holds)
    out.print(
        f"Steps of the proof of Lemmas A.2 and A.3 checked (inner constants reconstructed; docs/theory.md, "
        f"sections 4 and 5, says what each is). Hold: {held}."
    )
    for step in steps:
        if not step.holds:
            out.print(f"FAILS {step.equation}: {step.statement}.\n  {step.evidence}.")
    out.print()


def verdicts(out: console.Page, settings: "Settings", claims: Sequence[Claim], rows: list[Row]) -> None:
    """Print what is known of each lemma, and whether the rows agree with what is proven.

    The lemmas speak of targets |z| <= 1; with another radius they get no verdict.
    """
    out.print("Verdicts")
    if settings.radius != 1:
        out.print(f"  None on the lemmas: they speak of |z| <= 1, these rows of |z| <= {settings.radius:g}.")
    for claim, found in judged(settings, claims).items():
        out.print(f"  Lemma {claim.key} ({claim.title}, {claim.paper}): {in_a_line(claim, found)}")
    agreement = overall([row["verdict"] for row in rows])
    out.print(f"  Rows against the proven bounds: {agreement}")


def judged(settings: "Settings", claims: Sequence[Claim]) -> "dict[Claim, Verdict]":
    """Return the verdict on each lemma at the rates of the run; none where the targets are not those of the lemmas."""
    if settings.radius != 1:
        return {}
    return {claim: claim.judged(settings.prune, settings.lock) for claim in claims}


def refutations(out: console.Page, settings: "Settings", claims: Sequence[Claim]) -> None:
    """Print the points that refute a published form, and which corrected form stands."""
    for claim, found in judged(settings, claims).items():
        if found.published is not None and found.published.verdict == "refuted":
            out.print(f"Lemma {claim.key} as published:")
            out.print(told(claim, found, settings.prune, settings.lock))
