"""Searches of a plan that was fixed beforehand, seed by seed: run, resumed, and read back."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any, Protocol

import torch

from slt.core import console
from slt.core.checks import one_of
from slt.core.command import Parser
from slt.core.files import check_outside, check_writable
from slt.core.forms import OBJECT, SEED, SHARE, Form, Numbers
from slt.core.options import add_forms
from slt.core.places import data_root
from slt.core.store import Row, export_jsonl, read_jsonl
from torch_backend.commands.choices import add_jobs
from torch_backend.commands.compare import Case, check_reused, measure
from torch_backend.data import Graph, Images, load
from torch_backend.tickets.sizes import meta_model, shapes_of
from torch_backend.training.settings import Settings
from torch_backend.training.side_by_side import side_by_side
from torch_backend.training.start import device_of

FORM: Form = {  # of a row, beside what it says of its arm
    "seed": SEED,
    **dict.fromkeys(("prune", "lock", "sparsity", "test", "validation"), SHARE),
    "factor": Numbers(1e-4),
    "weights": Numbers(1, whole=True),
    "bits": Numbers(0),
    "seconds": Numbers(0),
    **dict.fromkeys(("settings", "origin"), OBJECT),
}


class Arm(Protocol):
    """One source at one sparsity."""

    def settings(self, base: Settings) -> Settings:
        """Return what is searched."""

    def row(self) -> Row:
        """Return what a row says of it, its prune, lock and factor included."""


class Plan(Protocol):
    """One experiment: every arm with every seed 0, 1, .."""

    @property
    def base(self) -> Settings:
        """What the arms change."""

    @property
    def seeds(self) -> int:
        """How many seeds."""

    @property
    def arms(self) -> "Sequence[Arm]":
        """All sources."""


def run_plan(
    name: str,
    plan: Plan,
    form: Form,
    out: Path,
    data: str | None = None,
    device_name: str | None = None,
    jobs: int = 1,
) -> list[Row]:
    """Return the rows of a plan, seed by seed; those in ``out``/rows.jsonl are not run again.

    A search that was cut off goes on from its last epoch. Every row is written there as soon as its search has ended.
    jobs: how many searches run at a time (:func:`torch_backend.training.side_by_side.side_by_side`). Raises ValueError
    when a search fails, or rows.jsonl is damaged or of something else.
    """
    device = device_of(device_name)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "rows.jsonl"
    check_writable(path)
    rows = read_jsonl(path, form) if path.exists() else []
    if rows and {row.get("plan") for row in rows} != {name}:
        raise ValueError(f"{path} is of another plan; give another --out")
    if rows:
        plan_of(rows, {name: plan}, str(path))
    done = {(Settings(**row["settings"]), row["seed"]): row for row in rows}
    wanted = [(arm, arm.settings(plan.base), seed) for seed in range(plan.seeds) for arm in plan.arms]
    missing = {(settings, seed): arm for arm, settings, seed in wanted if (settings, seed) not in done}
    there = {seed: [row for row in rows if row["seed"] == seed] for seed in range(plan.seeds)}
    _given.cache_clear()  # what a data set's files hold may have changed since
    calls = [partial(_searched, *search, out, data_root(data), device, there[search[1]]) for search in missing]
    with console.progress(len(wanted), f"{name}, searches") as advance:
        advance(len(wanted) - len(missing))
        for number, found in side_by_side(calls, jobs):
            (settings, seed), arm = list(missing.items())[number]
            done[settings, seed] = as_row(name, arm, settings, found)
            rows.append(done[settings, seed])
            export_jsonl(path, rows)
            advance(1)
    return [done[settings, seed] for _, settings, seed in wanted]


def _searched(settings: Settings, seed: int, out: Path, root: Path, device: torch.device, there: list[Row]) -> Row:
    """Return what one search found; raise ValueError when rows ``there`` of its seed are of other data or devices."""
    given = _given(settings.data_set, root, seed, settings.images, settings.size, device)
    check_reused(out / "rows.jsonl", there, settings, given, device)
    return measure(Case("frozen", settings, False), "edge-popup", seed, given, out, device)


@lru_cache(maxsize=1)
def _given(data_set: str, root: Path, seed: int, images: int, size: int, device: torch.device) -> Graph | Images:
    """Return a data set, which the searches of a seed share."""
    return load(data_set, root, seed=seed, images=images, size=size).to(device)


def as_row(name: str, arm: Arm, settings: Settings, found: Row) -> Row:
    """Return what is kept of one search. bits: free weights; weights: of the whole source."""
    kept = ("seed", "test", "validation", "bits", "seconds", "settings", "origin")
    return {
        "plan": name, **arm.row(), "sparsity": round(settings.sparsity, 6),
        "weights": sum(prod(shape) for shape in shapes_of(meta_model(settings))),
        **{key: found[key] for key in kept},
    }  # fmt: skip


def plan_of(rows: Sequence[Row], plans: Mapping[str, Plan], where: str) -> str:
    """Return the name of the plan that all rows are of.

    Raises ValueError when they are of none, of several, or of an older one.
    """
    if not rows:
        raise ValueError(f"{where} holds no rows")
    names = {str(row.get("plan")) for row in rows}
    if len(names) > 1 or not names <= set(plans) or any({"seed", "settings", "origin"} - set(row) for row in rows):
        raise ValueError(f"{where} holds rows that are not of one plan of this command ({', '.join(plans)})")
    name = names.pop()
    known = [asdict(arm.settings(plans[name].base)) for arm in plans[name].arms]
    # rows from before a setting was there were run with what is now its default
    defaults = {f.name: f.default for f in fields(Settings) if f.default is not MISSING}
    if any({**defaults, **row["settings"]} not in known for row in rows):
        raise ValueError(f"{where} holds rows of other settings than those of its plan")
    return name


def rows_of(args: Any, plans: Mapping[str, Plan], form: Form, page: console.Page) -> tuple[str, list[Row]]:
    """Run the plan that the options name, or read rows of one; return its name and the rows."""
    if args.analyse_only is not None:
        if args.plan is not None:
            raise ValueError("--analyse-only runs nothing: give it without --plan")
        if args.results is not None:
            raise ValueError("--analyse-only runs nothing: give it without --results")
        rows = read_jsonl(args.analyse_only, form)
        return plan_of(rows, plans, str(args.analyse_only)), rows
    if args.plan is None:
        raise ValueError("give --plan or --analyse-only")
    name = one_of("plan", args.plan, tuple(plans))
    out = Path(args.out) / name
    if args.results is not None:
        check_outside("--results", args.results, out)
        check_writable(args.results)
    rows = run_plan(name, plans[name], form, out, args.data, args.device, args.jobs)
    if args.results is not None:
        export_jsonl(args.results, rows)
    page.print(f"{len(rows)} runs: {out / 'rows.jsonl'}")
    return name, rows


def add_options(p: Parser, plans: Mapping[str, Plan], out: str) -> None:
    """Add the options of a command that runs plans."""
    add_forms(p)
    p.add_argument("--plan", help=", ".join(plans))
    p.add_argument("--analyse-only", type=Path, metavar="FILE", help="print the tables of these rows, run nothing")
    p.add_argument("--data", metavar="DIR", help="where data sets lie (default: $SLT_DATA, else ~/.cache/slt-verify)")
    p.add_argument("--out", default=out, metavar="DIR",
                   help="rows.jsonl and checkpoints are kept here (default %(default)s)")  # fmt: skip
    p.add_argument("--results", type=Path, metavar="FILE", help="also write all rows to this JSONL file in the end")
    p.add_argument("--device", help="default: a GPU when there is one")
    add_jobs(p)
