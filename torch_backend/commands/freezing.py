"""How much can be frozen, and at which sparsity? ``slt freezing``: sweeps over F, and maps over sparsity and F.

F = p + q is the freezing ratio. The searches have two parts.

* sweep: F moved. A *centred* source has the rates that put the plan's sparsity nearest to the centre of its interval; a
  *pruned* one has p = F and q = 0, a *locked* one p = 0 and q = F, each at its own centre (1 + p - q)/2. All three have
  as many bits at the same F. What they lose against the dense source, and at which F a loss of 1, 2 or 5 points begins.
* map: F and the sparsity k moved, each source centred on k as far as F allows. Where the best sparsity lies at each F.

Everything in :data:`PLANS` was fixed before the runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from slt.core import console
from slt.core.command import Parser
from slt.core.forms import SHARE
from slt.core.rates import Rates
from slt.core.store import Row
from theory.freezing import centre, positioned
from torch_backend.commands import planned
from torch_backend.commands.freezing_tables import CENTRED, DENSE, LOCKED, MODES, PRUNED, tables
from torch_backend.training.settings import PRESETS, Settings

KINDS = ("sweep", "map")
RATIOS = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.97)  # F of the sweep
MAPPED = (0.3, 0.6, 0.9)  # F of the map, beside 0
SPARSITIES = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Arm:
    """One source at one sparsity: the part of the experiment, how it is frozen, F, and the sparsity."""

    kind: str
    mode: str
    freezing: float
    sparsity: float

    @property
    def rates(self) -> Rates:
        """The rates p and q."""
        if self.mode == PRUNED:
            return Rates(self.freezing, 0.0)
        if self.mode == LOCKED:
            return Rates(0.0, self.freezing)
        return positioned(self.freezing, self.sparsity)

    def settings(self, base: Settings) -> Settings:
        """Return what is searched."""
        prune, lock = round(self.rates.prune, 12), round(self.rates.lock, 12)
        return base.changed(prune=prune, lock=lock, sparsity=self.sparsity)

    def row(self) -> Row:
        """Return what a row says of it."""
        rates = self.rates
        return {
            "kind": self.kind, "mode": self.mode, "freezing": self.freezing,
            "prune": round(rates.prune, 6), "lock": round(rates.lock, 6), "factor": 1.0,
        }  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One experiment: a sweep around the base's sparsity, and a map, on one data set."""

    base: Settings
    seeds: int
    ratios: tuple[float, ...] = RATIOS
    mapped: tuple[float, ...] = MAPPED
    sparsities: tuple[float, ...] = SPARSITIES

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All sources, each once: what both parts need belongs to the sweep."""
        k = self.base.sparsity
        found = [Arm("sweep", DENSE, 0.0, k)]
        for F in self.ratios:
            found.append(Arm("sweep", CENTRED, F, k))
            found += [
                Arm("sweep", mode, F, round(centre(rates), 12))
                for mode, rates in ((PRUNED, Rates(F, 0.0)), (LOCKED, Rates(0.0, F)))
            ]
        for F, sparsity in product((0.0, *self.mapped), self.sparsities):
            found.append(Arm("map", CENTRED if F else DENSE, F, sparsity))
        once: dict[tuple[Rates, float], Arm] = {}
        for arm in found:
            once.setdefault((arm.rates, arm.sparsity), arm)
        return tuple(once.values())


_MLP = PRESETS["mlp-mnist-dense"]
PLANS = {
    "mnist": Plan(_MLP.changed(width=0.16, images=10_000, epochs=5), seeds=6),
    "cora": Plan(PRESETS["gin-cora-dense"].changed(width=0.1, epochs=60), seeds=6),
    "conv6": Plan(
        PRESETS["conv6-cifar10-dense"].changed(width=0.0625, images=7_000, epochs=5, augment=False, batch=32),
        seeds=3,
        ratios=(0.5, 0.8, 0.95),
        mapped=(0.5, 0.8),
        sparsities=(0.3, 0.5, 0.7),
    ),
    "tiny": Plan(
        _MLP.changed(width=0.05, images=300, epochs=1, batch=60, rate=0.5),
        seeds=2,
        ratios=(0.3, 0.6),
        mapped=(0.6,),
        sparsities=(0.3, 0.5),
    ),
}
FORM = planned.FORM | {"plan": tuple(PLANS), "kind": KINDS, "mode": MODES, "freezing": SHARE}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what has not been run yet, writing every row when it is there; print the tables."""
    args = _parser().parse_args(argv)
    page = console.Page(args.form)
    _, rows = planned.rows_of(args, PLANS, FORM, page)
    page.result(rows)
    if args.form != console.JSON:
        for part in tables(rows):
            page.print(part)
    return 0


def _parser() -> Parser:
    p = Parser(prog="slt freezing", description=__doc__)
    planned.add_options(p, PLANS, "runs/freezing")
    return p
