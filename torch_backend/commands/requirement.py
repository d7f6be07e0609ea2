"""What do tickets that are found need, against what theory predicts? ``slt factors``.

A dense source of a reference width is searched at half of its weights, then sources with rates (p, q) whose hidden
layers are wider by fixed factors, at the centre (p + 1 - q)/2 of the search interval and for some pairs off it. The
factor at which a frozen source is as good as the reference is measured with an interval and set beside the factor that
the requirements of theory predict (:mod:`theory.factors`, :mod:`torch_backend.commands.requirement_tables`).

Everything in :data:`PLANS` was fixed before the runs. The reference widths were chosen with seed 100, on which nothing
else rests, as widths at which accuracy still grows. Hidden units are whole numbers, int(width * units), so realised
factors differ from the nominal ones by up to 5 %.
"""

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from math import prod
from pathlib import Path

from slt.core import console
from slt.core.cache import opened
from slt.core.checks import one_of
from slt.core.command import Parser
from slt.core.files import check_outside, check_writable
from slt.core.forms import OBJECT, SEED, SHARE, Numbers
from slt.core.options import add_forms
from slt.core.places import data_root
from slt.core.store import Row, export_jsonl, read_jsonl
from torch_backend.commands.compare import Case, measure
from torch_backend.commands.requirement_tables import CENTRE, tables
from torch_backend.data import load
from torch_backend.tickets.sizes import meta_model, shapes_of
from torch_backend.training.run import check_origin
from torch_backend.training.settings import PRESETS, Settings
from torch_backend.training.start import device_of, origin_of

DENSE = (0.0, 0.0)
SAME = ("data", "device")  # what all runs of a seed must share, for they are compared
FACTORS = tuple(2 ** (k / 2) for k in range(-1, 5))  # 0.71, 1, 1.41, .., 4
# those of the subset-sum experiments, (.4, 0), (0, .3), (.2, .1), (.4, .3), and some between them
_PRUNED, _LOCKED = ((0.2, 0.0), (0.4, 0.0), (0.6, 0.0)), ((0.0, 0.2), (0.0, 0.3), (0.0, 0.4))
PAIRS = (DENSE, *_PRUNED, *_LOCKED, (0.2, 0.1), (0.25, 0.25), (0.4, 0.3))
PLACES = (0.25, 0.75)  # off the centre: a quarter of the search interval from either end


@dataclass(frozen=True)
class Arm:
    """One source at one sparsity: width factor, rates, and the place of the sparsity in [p, 1 - q]."""

    prune: float
    lock: float
    place: float
    factor: float

    def settings(self, base: Settings) -> Settings:
        """Return what is searched."""
        sparsity = self.prune + self.place * (1 - self.prune - self.lock)
        return base.changed(prune=self.prune, lock=self.lock, sparsity=sparsity, width=base.width * self.factor)


@dataclass(frozen=True)
class Plan:
    """One experiment. base: the dense reference; off_centre: pairs searched at :data:`PLACES` too.

    margin: by how much worse a source may be and still be called as good, in accuracy.
    """

    base: Settings
    seeds: int
    margin: float
    pairs: tuple[tuple[float, float], ...] = PAIRS
    off_centre: tuple[tuple[float, float], ...] = (DENSE, (0.25, 0.25))
    factors: tuple[float, ...] = FACTORS

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All sources, the reference's pair first."""
        curves = [(pair, CENTRE) for pair in self.pairs]
        curves += [(pair, place) for pair in self.off_centre for place in PLACES]
        return tuple(Arm(*pair, place, factor) for pair, place in curves for factor in self.factors)


_MLP = PRESETS["mlp-mnist-dense"]
PLANS = {
    "mnist": Plan(_MLP.changed(width=0.16, images=20_000, epochs=5), seeds=5, margin=0.01),
    "cora": Plan(PRESETS["gin-cora-dense"].changed(width=0.1, epochs=60), seeds=5, margin=0.02),
    "conv6": Plan(
        PRESETS["conv6-cifar10-dense"].changed(width=0.0625, images=7_000, epochs=5, augment=False, batch=32),
        seeds=3,
        margin=0.02,
        pairs=(DENSE, (0.4, 0.0), (0.25, 0.25)),
        off_centre=(),
        factors=FACTORS[1:],
    ),
    "tiny": Plan(
        _MLP.changed(width=0.05, images=300, epochs=2, batch=60, rate=0.5),
        seeds=2,
        margin=0.05,
        pairs=(DENSE, (0.4, 0.0), (0.2, 0.1)),
        off_centre=(DENSE,),
        factors=(1.0, 2.0),
    ),
}


FORM = {  # of a row
    "plan": tuple(PLANS),
    "seed": SEED,
    "factor": Numbers(1e-4),
    **dict.fromkeys(("prune", "lock", "place", "sparsity", "test", "validation"), SHARE),
    "weights": Numbers(1, whole=True),
    "bits": Numbers(0),
    "seconds": Numbers(0),
    **dict.fromkeys(("settings", "origin"), OBJECT),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what has not been run yet, writing every row when it is there; print the tables."""
    args = _parser().parse_args(argv)
    page = console.Page(args.form)
    if args.analyse_only is not None:
        if args.plan is not None:
            raise ValueError("--analyse-only runs nothing: give it without --plan")
        if args.results is not None:
            raise ValueError("--analyse-only runs nothing: give it without --results")
        rows = read_jsonl(args.analyse_only, FORM)
        plan = plan_of(rows, str(args.analyse_only))
    else:
        if args.plan is None:
            raise ValueError("give --plan or --analyse-only")
        name = one_of("plan", args.plan, tuple(PLANS))
        plan, out = PLANS[name], Path(args.out) / name
        if args.results is not None:
            check_outside("--results", args.results, out)
            check_writable(args.results)
        rows = list(run_plan(name, out, args.data, args.device))
        if args.results is not None:
            export_jsonl(args.results, rows)
        page.print(f"{len(rows)} runs: {out / 'rows.jsonl'}")
    page.result(rows)
    if args.form != console.JSON:
        with opened():
            for part in tables(rows, plan.margin):
                page.print(part)
    return 0


def run_plan(name: str, out: Path, data: str | None = None, device_name: str | None = None) -> Iterator[Row]:
    """Yield the rows of a plan, seed by seed; those in ``out``/rows.jsonl are not run again.

    A search that was cut off goes on from its last epoch. Raises ValueError when a search fails, or rows.jsonl is
    damaged or of something else.
    """
    plan = PLANS[name]
    device = device_of(device_name)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "rows.jsonl"
    check_writable(path)
    rows = read_jsonl(path, FORM) if path.exists() else []
    if rows and plan_of(rows, str(path)) is not plan:
        raise ValueError(f"{path} is of another plan; give another --out")
    done = {(Settings(**row["settings"]), row["seed"]): row for row in rows}
    with console.progress(len(plan.arms) * plan.seeds, f"{name}, searches") as advance:
        for seed in range(plan.seeds):
            given = None
            for arm in plan.arms:
                settings = arm.settings(plan.base)
                if (settings, seed) not in done:
                    if given is None:
                        given = load(
                            settings.data_set, data_root(data), seed=seed, images=settings.images, size=settings.size
                        ).to(device)
                        now = {key: value for key, value in origin_of(given, device).items() if key in SAME}
                        for row in rows:
                            if row["seed"] == seed:
                                check_origin(path, row["origin"], now)
                    found = measure(Case("frozen", settings, False), "edge-popup", seed, given, out, device)
                    done[settings, seed] = as_row(name, arm, settings, found)
                    rows.append(done[settings, seed])
                    export_jsonl(path, rows)
                advance(1)
                yield done[settings, seed]


def as_row(name: str, arm: Arm, settings: Settings, found: Row) -> Row:
    """Return what is kept of one search. bits: free weights; weights: of the whole source."""
    kept = ("seed", "test", "validation", "bits", "seconds", "settings", "origin")
    return {
        "plan": name, "prune": arm.prune, "lock": arm.lock, "place": arm.place, "factor": round(arm.factor, 4),
        "sparsity": round(settings.sparsity, 6),
        "weights": sum(prod(shape) for shape in shapes_of(meta_model(settings))),
        **{key: found[key] for key in kept},
    }  # fmt: skip


def plan_of(rows: Sequence[Row], where: str) -> Plan:
    """Return the plan that all rows are of; raise ValueError when they are of none, of several, or of an older one."""
    if not rows:
        raise ValueError(f"{where} holds no rows")
    names = {str(row.get("plan")) for row in rows}
    if len(names) > 1 or not names <= set(PLANS) or any({"seed", "settings", "origin"} - set(row) for row in rows):
        raise ValueError(f"{where} holds rows that are not of one plan of this command ({', '.join(PLANS)})")
    plan = PLANS[names.pop()]
    known = [asdict(arm.settings(plan.base)) for arm in plan.arms]
    # rows from before a setting was there were run with what is now its default
    defaults = {f.name: f.default for f in fields(Settings) if f.default is not MISSING}
    if any({**defaults, **row["settings"]} not in known for row in rows):
        raise ValueError(f"{where} holds rows of other settings than those of its plan")
    return plan


def _parser() -> Parser:
    p = Parser(prog="slt factors", description=__doc__)
    add_forms(p)
    p.add_argument("--plan", help=", ".join(PLANS))
    p.add_argument("--analyse-only", type=Path, metavar="FILE", help="print the tables of these rows, run nothing")
    p.add_argument("--data", metavar="DIR", help="where data sets lie (default: $SLT_DATA, else ~/.cache/slt-verify)")
    p.add_argument("--out", default="runs/factors", metavar="DIR",
                   help="rows.jsonl and checkpoints are kept here (default %(default)s)")  # fmt: skip
    p.add_argument("--results", type=Path, metavar="FILE", help="also write all rows to this JSONL file in the end")
    p.add_argument("--device", help="default: a GPU when there is one")
    return p
