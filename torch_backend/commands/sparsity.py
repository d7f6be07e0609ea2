"""What do searched tickets say of the theory of sparsity? ``slt sparsity``.

A source with rates (p, q) has tickets of every sparsity k in [p, 1 - q]; the *place* of k is x = (k - p)/(1 - p - q),
the share of the free weights that is dropped. Theory says which place is best for subset sums and what another one
costs in width (:mod:`theory.place`, at eps = 0.1, 0.01 and 0.001, radius 1). The searches here have four parts.

* place: p and q fixed, k moved. The best place, against the one that theory predicts.
* width: the same at other widths. The width factor that a place costs, against the predicted one.
* moved: k and F = p + q fixed, p moved. The centre rule of the paper puts x at 1/2; theory says where it would put it.
* groups: N:M tickets, where of every M neighbours N are kept, against tickets of one threshold: at the same sparsity,
  and in a frozen source of as many bits. A group of 2:4 has log2(6) bits for 4 weights, so that F = 0.354 is its
  equal; 1:4 and 1:2 have half a bit a weight, 1:8 three eighths; 2:4 in frozen sources less, as a group's choice is.

Everything in :data:`PLANS` was fixed before the runs. The predictions are not adjusted to their results.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from slt.core import console
from slt.core.cache import opened
from slt.core.command import Parser
from slt.core.forms import SHARE
from slt.core.store import Row
from torch_backend.commands import planned
from torch_backend.commands.sparsity_tables import tables
from torch_backend.training.settings import PRESETS, Settings

KINDS = ("place", "width", "moved", "groups")
Pair = tuple[float, float]
DENSE: Pair = (0.0, 0.0)
PLACES = (0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9)
# F = 0.5, 0.8 and 0.9, half of it locked; and all pruned or all locked
PAIRS: tuple[Pair, ...] = (
    DENSE,
    (0.25, 0.25),
    (0.5, 0.0),
    (0.0, 0.5),
    (0.4, 0.4),
    (0.8, 0.0),
    (0.0, 0.8),
    (0.45, 0.45),
)
MOVED = ((0.5, 0.8), (0.7, 0.8))  # sparsity and F
# scope, pair, sparsity; those of equal bits behind the groups that they stand beside
GROUPS: tuple[tuple[str, Pair, float], ...] = (
    *(("global", DENSE, k) for k in (0.5, 0.75, 0.875)),
    *(("layer", DENSE, k) for k in (0.5, 0.75, 0.875)),
    ("2:4", DENSE, 0.5),
    ("global", (0.177, 0.177), 0.5),
    ("1:2", DENSE, 0.5),
    ("1:4", DENSE, 0.75),
    ("global", (0.5, 0.0), 0.75),
    ("1:8", DENSE, 0.875),
    ("global", (0.625, 0.0), 0.875),
    ("2:4", (0.125, 0.125), 0.5),
    ("global", (0.301, 0.301), 0.5),
    ("2:4", (0.25, 0.25), 0.5),
    ("global", (0.407, 0.407), 0.5),
)


@dataclass(frozen=True)
class Arm:
    """One source at one sparsity: the part of the experiment, width factor, rates, scope."""

    kind: str
    prune: float
    lock: float
    sparsity: float
    factor: float = 1.0
    scope: str = "global"

    def settings(self, base: Settings) -> Settings:
        """Return what is searched."""
        return base.changed(
            prune=self.prune, lock=self.lock, sparsity=self.sparsity, width=base.width * self.factor, scope=self.scope
        )

    @property
    def place(self) -> float:
        """Where the sparsity lies in [p, 1 - q]."""
        return (self.sparsity - self.prune) / (1 - self.prune - self.lock)

    def row(self) -> Row:
        """Return what a row says of it."""
        return {
            "kind": self.kind,
            "prune": self.prune,
            "lock": self.lock,
            "place": round(self.place, 6),
            "factor": self.factor,
            "scope": self.scope,
        }


def _at(kind: str, pair: Pair, place: float, factor: float = 1.0) -> Arm:
    prune, lock = pair
    return Arm(kind, prune, lock, round(prune + place * (1 - prune - lock), 12), factor)


@dataclass(frozen=True)
class Plan:
    """One experiment: the four parts on one data set. wide: pairs, places and factors of the part "width"."""

    base: Settings
    seeds: int
    pairs: tuple[Pair, ...] = PAIRS
    places: tuple[float, ...] = PLACES
    wide: tuple[tuple[Pair, ...], tuple[float, ...], tuple[float, ...]] = ((), (), ())
    moved: tuple[tuple[float, float], ...] = MOVED
    groups: tuple[tuple[str, Pair, float], ...] = GROUPS

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All sources, each once: what two parts need belongs to the first of them."""
        found = [_at("place", pair, place) for pair, place in product(self.pairs, self.places)]
        found += [_at("width", *arm) for arm in product(*self.wide)]
        for (sparsity, freezing), place in product(self.moved, self.places):
            prune = round(sparsity - place * (1 - freezing), 12)
            found.append(Arm("moved", prune, round(freezing - prune, 12), sparsity))
        found += [Arm("groups", *pair, sparsity, 1.0, scope) for scope, pair, sparsity in self.groups]
        once: dict[tuple[object, ...], Arm] = {}
        for arm in found:
            once.setdefault((arm.prune, arm.lock, arm.sparsity, arm.factor, arm.scope), arm)
        return tuple(once.values())


_WIDE = ((DENSE, (0.25, 0.25)), (0.1, 0.25, 0.5, 0.75, 0.9), (2**-0.5, 2**0.5, 2.0))
_MLP = PRESETS["mlp-mnist-dense"]
PLANS = {
    "mnist": Plan(_MLP.changed(width=0.16, images=20_000, epochs=5), seeds=6, wide=_WIDE),
    "cora": Plan(PRESETS["gin-cora-dense"].changed(width=0.1, epochs=60), seeds=6, wide=_WIDE),
    "conv6": Plan(
        PRESETS["conv6-cifar10-dense"].changed(width=0.0625, images=7_000, epochs=5, augment=False, batch=32),
        seeds=6,
        pairs=(DENSE, (0.25, 0.25), (0.4, 0.4)),
        places=(0.1, 0.3, 0.5, 0.7, 0.9),
        moved=(),
        groups=(),
    ),
    "tiny": Plan(
        _MLP.changed(width=0.05, images=300, epochs=1, batch=60, rate=0.5),
        seeds=2,
        pairs=(DENSE, (0.25, 0.25)),
        places=(0.25, 0.5, 0.75),
        wide=((DENSE,), (0.5,), (2.0,)),
        moved=((0.5, 0.8),),
        groups=GROUPS[6:8],
    ),
}
FORM = planned.FORM | {
    "plan": tuple(PLANS),
    "kind": KINDS,
    "place": SHARE,
    "scope": tuple(dict.fromkeys(scope for scope, *_ in GROUPS)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what has not been run yet, writing every row when it is there; print the tables."""
    args = _parser().parse_args(argv)
    page = console.Page(args.form)
    _, rows = planned.rows_of(args, PLANS, FORM, page)
    page.result(rows)
    if args.form != console.JSON:
        with opened():
            for part in tables(rows):
                page.print(part)
    return 0


def _parser() -> Parser:
    p = Parser(prog="slt sparsity", description=__doc__)
    planned.add_options(p, PLANS, "runs/sparsity")
    return p
