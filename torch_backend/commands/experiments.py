"""The published claims about searched tickets, each tried here: ``slt experiments [E1 ..]``."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from slt.core import console
from slt.core.checks import one_of
from slt.core.command import REFUTED, Parser
from slt.core.files import check_outside, check_writable
from slt.core.intervals import MEANS
from slt.core.options import add_forms
from slt.core.store import export_jsonl
from slt.core.tables import Table
from torch_backend.experiments import EXPERIMENTS, tried
from torch_backend.experiments.record import Experiment, Found
from torch_backend.experiments.runs import read

SHORT = ("<claim", "<what", "<in numbers", "<verdict")
FULL = (
    "<claim",
    "<words",
    "<where",
    "<setting there",
    "<setting here",
    "<compared",
    "<verdict",
    "<in numbers",
    "<command",
)
COUNTED = "counted and timed, not searched"
Tried = tuple[Experiment, Found]


def main(argv: Sequence[str] | None = None) -> int:
    """Show the claims with their verdicts, or make rows; exit code 1 when rows contradict a claim as was not known."""
    args = _parser().parse_args(argv)
    page = console.Page(args.form)
    if args.run is not None:
        return run(args.run, args, page)
    if args.results is not None:
        raise ValueError("--results is for --run")
    wanted = [EXPERIMENTS[one_of("claim", key, tuple(EXPERIMENTS))] for key in args.claims or EXPERIMENTS]
    if args.list:
        page.print(console.table("", ("<claim", "<words", "<where"), [(e.key, e.claim, e.where) for e in wanted]))
        page.result([described(e) for e in wanted])
        return 0
    if args.again:
        return again(wanted, args, page)
    found = [(experiment, tried(experiment, args.rows)) for experiment in wanted]
    if args.page:
        sys.stdout.write(page_of(found))
        return 0
    if args.claims:
        for each in found:
            _tell(page, each, args.rows)
    else:
        page.print(full_table(found) if args.full else short_table(found))
    page.result([record(*each) for each in found])
    return REFUTED if any(experiment.newly_contradicted(each) for experiment, each in found) else 0


def short_table(found: Sequence[Tried]) -> Table:
    """Return a line for each claim, and below it one for each part."""
    lines: list[tuple[object, ...]] = []
    for experiment, each in found:
        lines.append((experiment.key, experiment.title, "", each.verdict))
        lines += [("", f"- {part.name}", each.told(part), each.verdict_of(part)) for part in each.parts]
    return console.table(_title(), SHORT, lines)


def full_table(found: Sequence[Tried]) -> Table:
    """Return all that is known of each claim: words, settings there and here, numbers."""
    lines = [
        (e.key, e.claim, e.where, e.paper, setting_here(each), e.rule, each.verdict, each.sentence,
         f"slt experiments {e.key}")
        for e, each in found
    ]  # fmt: skip
    return console.table(_title(), FULL, lines)


def page_of(found: Sequence[Tried]) -> str:
    """Return docs/experiments.md: how verdicts are made, and a short section for each claim."""
    introduction = (
        files("torch_backend.experiments").joinpath("claims", "introduction.md").read_text(encoding="utf-8").rstrip()
    )
    parts = [introduction, short_list(found).markdown(), *(_section(*each) for each in found)]
    return "\n\n".join(parts) + "\n"


def short_list(found: Sequence[Tried]) -> Table:
    """Return a line for each claim: its verdict, and how many of its quantities are upheld, contradicted, undecided."""
    lines = [(e.key, e.claim, each.verdict, *each.counts()) for e, each in found]
    return console.table("", ("<", "<claim", "<verdict", "upheld", "contradicted", "undecided"), lines)


def _section(experiment: Experiment, found: Found) -> str:
    lines = [f"- {part.name}: {found.told(part)}; {found.verdict_of(part)}" for part in found.parts]
    picture = f"\n![{experiment.title}](../figures/rendered/{experiment.figure}.png)\n" if experiment.figure else ""
    return (
        f"## {experiment.key}: {experiment.title}\n\n{experiment.claim} ({experiment.where}.)\n\n"
        f"**{found.verdict.capitalize()}.** Compared: {experiment.rule}\n\n" + "\n".join(lines) + f"\n{picture}\n"
        f"Setting there: {experiment.paper}. Setting here: {setting_here(found)}.\n\n"
        f"Rows: {'; '.join(f'`{command}`' for command in experiment.commands)}"
    )


def setting_here(found: Found) -> str:
    """Return in which setting a claim was tried, in words."""
    return found.here or (COUNTED if found.quantities else "nothing was run")


def _title() -> str:
    return (
        "Published claims about searched tickets, tried here; the intervals of one claim hold together with confidence "
        f"{MEANS:.0%}"
    )


def _tell(page: console.Page, each: Tried, folder: Path | None) -> None:
    experiment, found = each
    page.print(
        f"{experiment.key}. {experiment.claim}\nWhere: {experiment.where}\nThere: {experiment.paper}\n"
        f"Here: {setting_here(found)}\nCompared: {experiment.rule}\n"
        f"Verdict: {found.verdict}. {found.sentence}."
    )
    lines = [
        (part.name, quantity.label, quantity.written(found.among), f"{quantity.above:+g}", quantity.unit,
         "exact" if quantity.exact else len(quantity.values), quantity.verdict(found.among))
        for part in found.parts
        for quantity in part.quantities
    ]  # fmt: skip
    exact = all(quantity.exact for quantity in found.quantities)
    together = "exact numbers" if exact else f"{found.among} intervals that hold together ({MEANS:.0%})"
    title = f"{experiment.key}: {together}; above: what upholds the claim"
    page.print(console.table(title, ("<part", "<quantity", "measured", "above", "<unit", "seeds", "<verdict"), lines))
    if experiment.key == "E14":
        from torch_backend.experiments.table1 import table

        page.print(table(read(experiment.files, folder)))
    page.print("Rows: " + "; ".join(experiment.commands))


def described(experiment: Experiment) -> dict[str, Any]:
    """Return the record as JSON values."""
    return {name: value for name, value in vars(experiment).items() if name != "analyse"}


def record(experiment: Experiment, found: Found) -> dict[str, Any]:
    """Return the claim, its verdict and its quantities as JSON values."""
    return {
        "claim": described(experiment),
        "verdict": found.verdict,
        "here": found.here,
        "sentence": found.sentence,
        "parts": [
            {
                "name": part.name,
                "says": part.says,
                "quantities": [
                    {
                        **asdict(quantity),
                        **_ends(quantity.interval(found.among)),
                        "verdict": quantity.verdict(found.among),
                    }
                    for quantity in part.quantities
                ],
            }
            for part in found.parts
        ],
    }


def _ends(found: Any) -> dict[str, float | None]:
    ends = {"lower": found.lower, "value": found.value, "upper": found.upper}
    return {name: value if abs(value) < float("inf") else None for name, value in ends.items()}


def run(name: str, args: Any, page: console.Page) -> int:
    """Make the rows of a plan that are not there yet, show how many there are."""
    from torch_backend.experiments.counted import COUNTED, run_counted
    from torch_backend.experiments.plans import PLANS
    from torch_backend.experiments.running import run as search

    one_of("plan", name, (*PLANS, *COUNTED))
    folder = args.rows or Path("runs/experiments")
    if args.results is not None:
        check_outside("--results", args.results, folder)
        check_writable(args.results)
    path = folder / f"claims-{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    if name in COUNTED:
        rows = list(run_counted(name, path))
    else:
        rows = list(search(PLANS[name], path, folder / "work", args.data, args.device))
    if args.results is not None:
        export_jsonl(args.results, rows)
    page.print(f"{len(rows)} rows: {path}; slt experiments --rows {folder} shows what they say")
    page.result(rows)
    return 0


def again(wanted: Sequence[Experiment], args: Any, page: console.Page) -> int:
    """Search the quickest committed row of each claim again; exit code 1 where it comes out otherwise."""
    from torch_backend.experiments.plans import PLANS
    from torch_backend.experiments.running import once_more

    lines, rows, differ = [], [], False
    for experiment in wanted:
        plans = [name for name in PLANS if f"claims-{name}.jsonl" in experiment.files]
        there = [(name, row) for name in plans for row in read([f"claims-{name}.jsonl"])[f"claims-{name}.jsonl"]]
        if not there:
            page.note(f"{experiment.key}: no rows of its own to make again")
            continue
        name, old = min(there, key=lambda each: each[1]["seconds"])
        new = once_more(name, old, args.rows or Path("runs/experiments"), args.data, args.device)
        same = all(old[part] == new[part] for part in ("test", "validation", "bits", "weights"))
        differ |= not same
        settings = old["settings"]
        row = f"{settings['model']}, {settings['data_set']}, seed {old['seed']}"
        tests = (f"{100 * each['test']:.2f}" for each in (old, new))
        lines.append((experiment.key, name, row, *tests, "the same" if same else "another"))
        rows.append({"claim": experiment.key, "committed": old, "again": new, "same": same})
    page.print(console.table("Committed rows made again", ("<claim", "<plan", "<row", "test %", "again %", "<"), lines))
    page.result(rows)
    return REFUTED if differ else 0


def _parser() -> Parser:
    p = Parser(prog="slt experiments", description=__doc__)
    p.add_argument("claims", nargs="*", metavar="CLAIM", help="E1, E2, ..; without one, all in a table")
    p.add_argument("--list", action="store_true", help="the claims alone")
    p.add_argument("--full", action="store_true", help="in the table of all: words, settings there and here, commands")
    p.add_argument("--page", action="store_true", help="print docs/experiments.md")
    p.add_argument(
        "--run", metavar="PLAN", help="make those rows of a plan that are not there yet, in the folder of --rows"
    )
    p.add_argument(
        "--results", type=Path, metavar="FILE", help="with --run: also write all rows to this file in the end"
    )
    p.add_argument("--again", action="store_true", help="search one committed row of each claim again and compare")
    p.add_argument(
        "--rows", type=Path, metavar="DIR",
        help="rows of your own, in place of the committed files of their names (of --run: runs/experiments)",
    )  # fmt: skip
    p.add_argument("--data", metavar="DIR", help="where data sets lie (default: $SLT_DATA, else ~/.cache/slt-verify)")
    p.add_argument("--device", help="default: a GPU when there is one")
    add_forms(p)
    return p
