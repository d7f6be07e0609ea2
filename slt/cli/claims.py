"""The ledger: every claim of the literature with its verdict, of lemmas and of searched tickets. ``slt claims``."""

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slt.cli.claim import record
from slt.core import console
from slt.core.command import REFUTED, Parser
from slt.core.options import add_forms
from slt.core.tables import markdown_text
from theory.claim_text import constant_or_reason, form_told, number

if TYPE_CHECKING:
    from slt.core.tables import Table
    from theory.bracket import Bracket
    from theory.claim import Claim, Verdict
    from torch_backend.experiments.record import Experiment
    from torch_backend.experiments.record import Found as Tried

    Found = tuple[Claim, Verdict, list[Bracket]]

COLUMNS = ("<claim", "<verdict", "<C")
FULL = (
    "<claim", "<paper, number", "<statement", "<n at least", "<reading", "<source", "<verdict", "<constant or reason",
    "<C at single points", "<command",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Print the ledger; exit code 1 when a claim is refuted that was not known to be."""
    args = parser().parse_args(argv)
    from theory.claim import WORDS
    from theory.claims import LEDGER
    from torch_backend.commands import experiments
    from torch_backend.experiments import EXPERIMENTS, tried

    words = [word.lower() for word in args.words]
    wanted = [claim for claim in LEDGER.values() if not args.judged or not claim.unjudged]
    told_apart = {claim.key: f"{claim.key} {claim.paper} {claim.title} ".lower() for claim in wanted}
    verdicts = " ".join(WORDS)
    wanted = [claim for claim in wanted if all(word in told_apart[claim.key] + verdicts for word in words)]
    found: list[Found] = []
    with console.progress(len(wanted), "Claims") as tick:
        for claim in wanted:
            verdict = claim.judged(args.prune, args.lock)
            if all(word in told_apart[claim.key] + verdict.word for word in words):
                points = list(_points(claim, args.prune, args.lock)) if args.full and not claim.unjudged else []
                found.append((claim, verdict, points))
            tick(1)
    tickets = [] if args.judged else [(each, tried(each)) for each in EXPERIMENTS.values()]
    tickets = [
        (each, what)
        for each, what in tickets
        if all(word in f"{each.key} {each.where} {each.title} {what.verdict}".lower() for word in words)
    ]
    if not found and not tickets:
        raise ValueError(
            f"no claim has all of the words {' '.join(args.words)} in its key, paper, title or verdict; "
            f"verdicts are {', '.join(WORDS)}, and of tickets: upheld, contradicted, undecided"
        )
    page = console.Page(args.form)
    in_full = args.full and args.form in ("latex", "csv")
    if found:
        page.print((full_table if in_full else short_table)(found, args.prune, args.lock))
    if tickets:
        page.print(experiments.full_table(tickets) if in_full else ticket_table(tickets))
    if args.full and not in_full:
        for text, markdown in by_paper(found, args.prune, args.lock):
            page.prose(text, markdown)
    page.result([record(*each) for each in found] + [experiments.record(*each) for each in tickets])
    news = [claim.newly_refuted(verdict) for claim, verdict, _ in found]
    return REFUTED if any(news) or any(each.newly_contradicted(what) for each, what in tickets) else 0


def ticket_table(tickets: "Sequence[tuple[Experiment, Tried]]") -> "Table":
    """Return a line for each claim about searched tickets; ``slt experiments`` tells more of each."""
    rows = [(each.key, each.title, what.verdict) for each, what in tickets]
    return console.table("Claims about searched tickets, tried here", ("<claim", "<what", "<verdict"), rows)


def _points(claim: "Claim", prune: float, lock: float) -> "Iterator[Bracket]":
    from theory.bracket import bracket, places

    for eps, delta, rates in places(claim, prune, lock):
        point = bracket(claim.standing, claim.reading, eps, delta, rates, model=claim.model)
        if point is not None:
            yield point


def _title(prune: float, lock: float) -> str:
    return f"Claims of the literature, judged at p = {prune:g}, q = {lock:g}"


def short_table(found: "Sequence[Found]", prune: float, lock: float) -> "Table":
    """Return one line a claim, at most 80 characters long, and what the single points say where they were asked."""
    if any(points for _, _, points in found):
        rows = [(_named(claim), verdict.word, _constant(verdict), _between(points)) for claim, verdict, points in found]
        return console.table(_title(prune, lock), (*COLUMNS, "<least C at single points"), rows)
    return console.table(_title(prune, lock), COLUMNS, [(_named(c), v.word, _constant(v)) for c, v, _ in found])


def _named(claim: "Claim") -> str:
    """Return the key of a claim, and its paper where the key does not name it."""
    return claim.key if claim.key.split()[0] == claim.paper.split()[0] else f"{claim.key} ({claim.paper})"


def _constant(verdict: "Verdict") -> str:
    """Return the constant with which a claim is proven, in a few words."""
    stands = verdict.standing
    if stands is not None and stands.verdict == "refuted":
        return "none" if stands.up_to is None else f"none up to {stands.up_to:g}"
    if stands is None or stands.constant is None:
        return "-"
    if stands.explicit:
        return "its own"
    if stands.constant_half is not None and stands.constant_half < 0.99 * stands.constant:
        return f"{number(stands.constant_half)}; {number(stands.constant)} near eps = delta = 1"
    return number(stands.constant)


def by_paper(found: "Sequence[Found]", prune: float, lock: float) -> "Iterator[tuple[str, str]]":
    """Yield a heading for each paper, and a paragraph and a list for each of its claims, as text and as Markdown."""
    papers = dict.fromkeys(claim.paper for claim, _, _ in found)
    for paper in papers:
        yield f"\n{paper}", f"## {markdown_text(paper)}"
        for claim, verdict, points in found:
            if claim.paper != paper:
                continue
            where = ", ".join(part for part in (claim.title, claim.number, claim.link) if part)
            facts = [f"{verdict.word}: {constant_or_reason(claim, verdict)}"]
            if points:
                facts.append(f"the least C that serves all single points: {_between(points)}")
            facts.append(f"reading {claim.reading}, source {claim.source}")
            form, command = form_told(claim), _command(claim, prune, lock)
            text = [f"{claim.key} ({where}). {claim.words}", *([f"  - n >= {form}"] if claim.form else [])]
            text += [f"  - {fact}" for fact in facts] + [f"  - {command}"] * (not claim.unjudged)
            marked = [f"**{markdown_text(claim.key)}** ({markdown_text(where)}). {markdown_text(claim.words)}", ""]
            marked += [f"- n >= `{form}`"] if claim.form else []
            marked += [f"- {markdown_text(fact)}" for fact in facts] + [f"- `{command}`"] * (not claim.unjudged)
            yield "\n".join(text), "\n".join(marked)


def _command(claim: "Claim", prune: float, lock: float) -> str:
    """Return the command that shows a claim at the rates that it speaks of."""
    rates = claim.rates(prune, lock)
    asked = [f"--prune {prune:g}" * (rates.prune > 0), f"--lock {lock:g}" * (rates.lock > 0)]
    return " ".join(["slt claim", shlex.quote(claim.key), *filter(None, asked)])


def full_table(found: "Sequence[Found]", prune: float, lock: float) -> "Table":
    """Return all that is known of each claim: its statement, the constants at single points, the command."""
    rows = []
    for claim, verdict, points in found:
        where = ", ".join(part for part in (claim.paper, claim.number, claim.link) if part)
        command = _command(claim, prune, lock)
        rows.append(
            (claim.key, where, claim.words, form_told(claim), claim.reading, claim.source, verdict.word,
             constant_or_reason(claim, verdict), _between(points), "-" if claim.unjudged else command)
        )  # fmt: skip
    return console.table(_title(prune, lock), FULL, rows)


def _between(points: "Sequence[Bracket]") -> str:
    """Return between which constants the least one lies that serves all points."""
    from theory.bracket import spread

    if not points:
        return "-"
    low, high = spread(points).needed
    return f"{number(low)} to {number(high)}"


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(prog="slt claims", description="The ledger of claims: what each asks for, and whether that is proven, "
               "refuted, corrected or open.")  # fmt: skip
    p.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="show the claims that have all these words in their key, paper, title or verdict, such as: otsuka proven",
    )
    p.add_argument("--prune", type=float, default=0.4, help="share of variables never used, p (default 0.4)")
    p.add_argument("--lock", type=float, default=0.3, help="share of variables always used, q (default 0.3)")
    p.add_argument("--judged", action="store_true", help="the lemmas alone that can be judged here")
    p.add_argument(
        "--full",
        action="store_true",
        help="the statements too, and between which constants the least one lies that serves single points (minutes)",
    )
    add_forms(p)
    return p
