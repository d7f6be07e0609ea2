"""What do tickets that are found need, against what theory predicts? ``slt factors``.

A dense source of a reference width is searched at half of its weights, then sources with rates (p, q) whose hidden
layers are wider by fixed factors, at the centre (p + 1 - q)/2 of the search interval and for some pairs off it. The
factor at which a frozen source is as good as the reference is measured with an interval and set beside the factor that
the requirements of theory predict (:mod:`theory.factors`, :mod:`torch_backend.commands.requirement_tables`).

Everything in :data:`PLANS` was fixed before the runs. The reference widths were chosen with seed 100, on which nothing
else rests, as widths at which accuracy still grows. Hidden units are whole numbers, int(width * units), so realised
factors differ from the nominal ones by up to 5 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slt.core import console
from slt.core.cache import opened
from slt.core.command import Parser
from slt.core.forms import SHARE
from slt.core.store import Row
from torch_backend.commands import planned
from torch_backend.commands.requirement_tables import CENTRE, tables
from torch_backend.training.settings import PRESETS, Settings

DENSE = (0.0, 0.0)
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

    def row(self) -> Row:
        """Return what a row says of it."""
        return {"prune": self.prune, "lock": self.lock, "place": self.place, "factor": round(self.factor, 4)}


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


FORM = planned.FORM | {"plan": tuple(PLANS), "place": SHARE}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what has not been run yet, writing every row when it is there; print the tables."""
    args = _parser().parse_args(argv)
    page = console.Page(args.form)
    name, rows = planned.rows_of(args, PLANS, FORM, page)
    page.result(rows)
    if args.form != console.JSON:
        with opened():
            for part in tables(rows, PLANS[name].margin):
                page.print(part)
    return 0


def _parser() -> Parser:
    p = Parser(prog="slt factors", description=__doc__)
    planned.add_options(p, PLANS, "runs/factors")
    return p
