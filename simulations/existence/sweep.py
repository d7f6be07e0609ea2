"""How far are the existence theorem's widths from the widths at which its construction starts to succeed?

For random targets the ticket is built in sources of growing width, along one path: block l has e_l^(1-t) P_l^t neurons,
e_l the estimated and P_l the proven size, so that t = 0 is the estimated plan, t = 1 the proven one, and layers keep
sensible proportions between and beyond. At every t the weights are asked for as precisely as the
proof asks at *these* widths. Two events are counted: every weight is within its eps_l ("within", what the construction
claims), and the certified sup error is at most eps ("certified", what the theorem concludes). The measured widths are
those of this construction and its builder; some other mask may do with less.

The path's points were chosen with other targets and seeds (40 sources a point, most of these settings): there the
success rate rose to 90 % between t = -1/4 and t = 1/8, so the points are densest around that.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from simulations.existence import sweep_tables
from simulations.existence.build import build
from simulations.existence.errors import certified_bound, collapsed
from simulations.existence.source import Source
from simulations.existence.sweep_tables import EVENTS
from simulations.existence.target import Target
from simulations.run.engines import Threads, open_engine
from simulations.run.experiment import finish, options
from simulations.run.runner import Chunks, run_chunks
from simulations.run.units import Engine
from slt.core import console, forms
from slt.core.command import REFUTED
from slt.core.forms import Form, Numbers
from slt.core.intervals import clopper_pearson, smallest_n
from slt.core.keys import generator, key_words
from slt.core.store import Row, Store, canonical
from theory.existence import Plan, plan
from theory.widths import fitted_constants, published_widths

EXPERIMENT = "sweep"
DELTA = 0.1
TRIALS = 300
CHUNK = 25
CONFIDENCE = 0.99
GRID = 1 - 1 / 128  # what a plan may use of eps: the rest pays for the source's grid (docs/existence.md)
POSITIONS = (-1.0, -0.75, -0.5, *(k / 16 for k in range(-6, 7)), 0.5, 1.0)  # t, in rising order


@dataclass(frozen=True)
class Setting:
    """A target of these layer sizes, weights uniform on [-1, 1]; rates of all source layers, but lock of layer 1: 0."""

    sizes: tuple[int, ...]
    eps: float
    prune: float
    lock: float

    @property
    def depth(self) -> int:
        """Depth L of the target."""
        return len(self.sizes) - 1

    @property
    def rates(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Pruning and locking rates of source layers 1 .. L + 1."""
        return (self.prune,) * (self.depth + 1), (0.0, *(self.lock,) * self.depth)

    def target(self, seed: int) -> Target:
        """Return the target: one for all rates and precisions."""
        rng = generator(seed, f"sweep, target {self.sizes}")
        return Target(f"{self.sizes}", tuple(rng.uniform(-1, 1, (b, a)) for a, b in pairwise(self.sizes)))

    def plan(self, target: Target, widths: str | Sequence[int]) -> Plan:
        """Return the plan of these widths."""
        prune, lock = self.rates
        return plan(target.weights, self.eps * GRID, DELTA, prune=prune, lock=lock, widths=widths)


_TARGETS = (((2, 1), 0.1), ((2, 1), 0.001), ((16, 4), 0.1), ((4, 4, 2), 0.2), ((3, 2, 2, 1), 0.5))
_RATES = ((0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.2, 0.1), (0.4, 0.3))
# deeper targets need blocks beyond the builder's 2**13 edges at p = 0.4, q = 0.3
SETTINGS = tuple(
    Setting(sizes, eps, p, q) for sizes, eps in _TARGETS for p, q in _RATES if len(sizes) == 2 or p + q < 0.7
)


def path(estimated: Sequence[int], proven: Sequence[int], t: float) -> tuple[int, ...]:
    """Return the block sizes at position t.

    >>> path([10, 4], [40, 9], 0), path([10, 4], [40, 9], 0.5), path([10, 4], [40, 9], 1)
    ((10, 4), (20, 6), (40, 9))
    """
    return tuple(max(round(e ** (1 - t) * p**t), 1) for e, p in zip(estimated, proven, strict=True))


def attempt(setting: Setting, target: Target, used: Plan, number: int) -> tuple[list[bool], float]:
    """Build one ticket: for every target layer whether some weight is not within its eps_l, and the certified error."""
    source = Source(number, target.sizes, used.blocks, *setting.rates)
    ticket = build(source, target, tuple(demand.eps for demand in used.demands), engine=Threads(1))
    missed = []
    for w, layer in zip(target.weights, ticket.layers, strict=True):
        error = np.abs(layer.weights - np.repeat(w, len(layer.weights) // len(w), axis=0))
        missed.append(bool(error.max() > layer.eps))
    return missed, certified_bound(ticket, target, collapsed(ticket)).certified


def count(setting: Setting, used: Plan, t: float, seed: int, first: int, trials: int) -> Row:
    """Return the successes among sources first .. first + trials - 1 at position t, and the misses by layer."""
    target, name = setting.target(seed), canonical(asdict(setting))
    found: Row = {"trials": trials, "within": 0, "certified": 0, "missed": [0] * setting.depth}
    for trial in range(first, first + trials):
        number = key_words(0, f"sweep, seed {seed}, {name}, t {t:g}, trial {trial}")[1]
        missed, error = attempt(setting, target, used, number)
        found["within"] += not any(missed)
        found["certified"] += error <= setting.eps
        found["missed"] = [a + b for a, b in zip(found["missed"], missed, strict=True)]
    return found


def form(setting: Setting, trials: int) -> Form:
    """Return the form of a row of :func:`count`."""
    return {
        "trials": Numbers(trials, trials, whole=True),
        **dict.fromkeys(EVENTS, forms.count(trials)),
        "missed": forms.count(trials, setting.depth),
    }


def measure(
    setting: Setting,
    *,
    trials: int,
    seed: int,
    store: Store,
    engine: Engine | None = None,
    tick: Callable[[int], object] = lambda _: None,
) -> list[Row]:
    """Return the counts at every position, with the block sizes there; ``tick`` is told of finished sources."""
    target = setting.target(seed)
    estimated, proven = (setting.plan(target, widths).blocks for widths in ("estimated", "proven"))
    parts: list[Chunks] = []
    points: list[Row] = []
    for t in POSITIONS:
        used = setting.plan(target, path(estimated, proven, t))
        key = {**asdict(setting), "delta": DELTA, "t": t, "blocks": used.blocks}
        parts.append(Chunks(key, trials, CHUNK, partial(count, setting, used, t, seed), partial(form, setting)))
        points.append(
            {"t": t, "blocks": used.blocks, **dict.fromkeys(("trials", *EVENTS), 0), "missed": [0] * setting.depth}
        )
    for place, row in run_chunks(parts, experiment=EXPERIMENT, seed=seed, store=store, engine=engine):
        point = points[place]
        for name in ("trials", *EVENTS):
            point[name] += row[name]
        point["missed"] = [a + b for a, b in zip(point["missed"], row["missed"], strict=True)]
        tick(row["trials"])
    return points


def constants(setting: Setting, target: Target, blocks: Sequence[int]) -> list[float]:
    """Return, layer by layer, the C with which the published form (A.4) asks for just these blocks."""
    widths = [size * block for size, block in zip(setting.sizes, blocks, strict=False)]
    asked = partial(published_widths, target.weights, setting.eps, DELTA, prune=setting.rates[0], form="frozen")
    return fitted_constants(widths, asked)


def summarise(setting: Setting, points: Sequence[Row], *, trials: int, seed: int) -> Row:
    """Return one row: plans, counts with intervals, measured requirement of both events, and the C's that fit it.

    All intervals of the experiment hold together with ``CONFIDENCE``: half of the error is for the points, half for the
    requirements. A requirement's "fails" is the last position below which every one is shown to succeed too rarely,
    "suffices" the first from which on every one is shown to succeed often enough.
    """
    target = setting.target(seed)
    half = (1 - CONFIDENCE) / 2
    each = 1 - half / (len(SETTINGS) * len(POSITIONS) * len(EVENTS))
    intervals = []
    for point in points:
        found = {event: clopper_pearson(point[event], trials, each) for event in EVENTS}
        limits = {e: {"lower": x.lower, "value": x.value, "upper": x.upper} for e, x in found.items()}
        intervals.append({**point, "rate": limits})
    measured: Row = {}
    constant: Row = {}
    for event in EVENTS:
        counts = [point[event] for point in points]
        crossing = smallest_n(counts, trials, 1 - DELTA, 1 - half / (len(SETTINGS) * len(EVENTS)))
        ends = {
            "fails": crossing.lower - 1 if crossing.lower else None,
            "value": crossing.value,
            "suffices": crossing.upper,
        }
        measured[event] = {
            end: None if at is None else {"t": points[at]["t"], "blocks": points[at]["blocks"]}
            for end, at in ends.items()
        }
        constant[event] = {
            end: None if found is None else constants(setting, target, found["blocks"])
            for end, found in measured[event].items()
        }
    return {
        **asdict(setting),
        "delta": DELTA,
        "trials": trials,
        "seed": seed,
        "confidence": CONFIDENCE,
        "largest": max(float(np.abs(w).max()) for w in target.weights),
        "proven": points[POSITIONS.index(1)]["blocks"],
        "estimated": points[POSITIONS.index(0)]["blocks"],
        "published": published_widths(target.weights, setting.eps, DELTA, 1.0, prune=setting.rates[0], form="frozen"),
        "measured": measured,
        "constant": constant,
        "points": intervals,
    }


def refuted(row: Row) -> bool:
    """Tell whether the proven widths fail more often than delta, with the whole interval on the wrong side."""
    last = row["points"][POSITIONS.index(1)]["rate"]
    return any(last[event]["upper"] < 1 - row["delta"] for event in EVENTS)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all settings, print the tables, write one row a setting; exit 1 when proven widths are refuted."""
    args = options(
        argv, EXPERIMENT, __doc__, trials=TRIALS, what="sources at each width", seeded="sources and targets", jobs=True
    )
    rows, trials = [], args.trials
    total = len(SETTINGS) * len(POSITIONS) * trials
    with open_engine(args, args.jobs) as crew, Store(args.store) as store, console.progress(total, "sources") as tick:
        for setting in SETTINGS:
            points = measure(setting, trials=trials, seed=args.seed, store=store, engine=crew, tick=tick)
            rows.append(summarise(setting, points, trials=trials, seed=args.seed))
    page = finish(args, rows)
    page.print(sweep_tables.widths(rows), sweep_tables.rates(rows), sweep_tables.constants(rows))
    page.print(*sweep_tables.ranges(rows))
    wrong = sum(refuted(row) for row in rows)
    page.print(f"proven widths refuted: {wrong} of {len(rows)} settings")
    return REFUTED if wrong else 0
