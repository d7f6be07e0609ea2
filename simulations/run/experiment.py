"""What an experiment is, and the command that runs one: options, rows from the store or measured, tables."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simulations.run.engines import add_engine_options, open_engine
from simulations.run.runner import Work, measure_all
from slt.core.checks import whole
from slt.core.command import REFUTED, Parser
from slt.core.console import Page, progress
from slt.core.files import check_apart, check_new, store_files
from slt.core.forms import Form
from slt.core.keys import checked_seed
from slt.core.options import add_forms
from slt.core.store import Row, Store, export_jsonl
from slt.core.tables import Table


def options(
    argv: Sequence[str] | None,
    name: str,
    about: str | None,
    *,
    trials: int | None,
    what: str,
    seeded: str,
    jobs: bool = False,
) -> Namespace:
    """Return the checked options of an experiment: trials, seed, out, store, where to work, the form of the output.

    about: the module's docstring. trials: the default, None where it is not one number. what: how they are counted.
    seeded: what the seed is of. jobs: whether the number of threads is asked for as well. Raises ValueError or OSError
    for what could not be used after the work: --out is there already, or cannot be written, or is another file in use.
    """
    parser = Parser(prog=f"slt simulate {name}", description=about)
    by_default = "" if trials is None else f" (default {trials})"
    parser.add_argument("--trials", type=int, default=trials, help=f"{what}{by_default}")
    parser.add_argument("--seed", type=int, default=0, help=f"seed of {seeded} (default 0)")
    if jobs:
        parser.add_argument("--jobs", type=int, help="threads (default: all cores)")
    parser.add_argument("--out", type=Path, help="write the rows to this JSONL file, which must not exist")
    parser.add_argument("--store", default=":memory:", help="run store; an interrupted run resumes from it")
    add_engine_options(parser)
    add_forms(parser)
    args = parser.parse_args(argv)
    args.seed = checked_seed(args.seed)
    if args.trials is not None:
        args.trials = whole("trials", args.trials, 1)
    check_new(args.out)
    named = {"--out": [args.out], "--store": store_files(args.store), "--scheduler-file": [args.scheduler_file]}
    check_apart({name: [path for path in paths if path is not None] for name, paths in named.items()})
    return args


def finish(args: Namespace, rows: Sequence[Row]) -> Page:
    """Write the rows to --out, if it is asked for; return the page for the tables, on which JSON is shown by now."""
    if args.out is not None:
        export_jsonl(args.out, rows)
    page = Page(args.form)
    page.result(rows)
    return page


@dataclass(frozen=True)
class Experiment:
    """One experiment, a call of which with the words of a command runs it and returns the exit code.

    name: in ``slt simulate NAME`` and in a run store. about: the docstring of its module.
    work: returns the measurements for (trials, seed). tables: yields what is shown of their rows.
    trials: how many by default; what: how they are counted. seeded: what the seed is of.
    confidence: of the intervals of a row. refuted: tells whether a row contradicts what is proven or claimed.
    """

    name: str
    about: str | None
    work: Callable[[int, int], Work]
    tables: Callable[[Sequence[Row]], Iterable[Table | str]]
    trials: int
    what: str
    seeded: str
    confidence: float
    refuted: Callable[[Row], bool] = lambda row: False

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Measure all that is not in the store, write the rows, show the tables."""
        args = options(argv, self.name, self.about, trials=self.trials, what=self.what, seeded=self.seeded)
        parts = self.work(args.trials, args.seed)
        with open_engine(args, 1) as crew, Store(args.store) as store, progress(len(parts), self.name) as tick:
            rows = measure_all(
                parts,
                experiment=self.name,
                seed=args.seed,
                confidence=self.confidence,
                store=store,
                tick=tick,
                engine=crew,
            )
        finish(args, rows).print(*self.tables(rows))
        return REFUTED if any(map(self.refuted, rows)) else 0


def each_setting(settings: Iterable[Any], measure: Callable[..., Row], trials: int, seed: int, form: Form) -> Work:
    """Return ``measure(setting, trials=, seed=)`` for every setting (dataclasses), stored under it and its trials."""
    return [
        ({**asdict(setting), "trials": trials}, partial(measure, setting, trials=trials, seed=seed), form)
        for setting in settings
    ]
