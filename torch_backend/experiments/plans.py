"""What is searched for the claims, fixed before the rows: every source, its settings, and how many seeds.

Names of rates: F = p + q is the freezing ratio. *Centred on k* is the paper's rule, which puts the wanted sparsity k at
the centre of the search interval (p, 1 - q). The *own centre* of a source with given rates is (1 + p - q)/2.

Sizes were chosen by what two shared processor cores can do; nothing was looked at before but the seconds of one seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from theory.freezing import positioned
from torch_backend.training.settings import PRESETS, Settings

HALF = 0.5  # the sparsity that is wanted where nothing else is said
SIZES = (0.3, 0.5, 0.7, 0.9)  # F of the sources of one size
FACTORS = (0.5, 1.0, 2.0, 4.0)  # widths for the kinds of weights
KINDS = (("ku", "none"), ("skc", "none"), ("skc", "static"))  # weights and their scale
SEEDS = 10
QUARTER = {"width": 0.25, "epochs": 50}  # of the graph networks beside their trained counterparts
DEPTHS = (2, 4, 8, 12)


@dataclass(frozen=True)
class Search:
    """One source at one sparsity, searched with the seeds 0, 1, .. below ``seeds``."""

    settings: Settings
    seeds: int


@dataclass(frozen=True)
class Plan:
    """The searches of one file of rows. about: what they are for, in a line."""

    name: str
    about: str
    searches: tuple[Search, ...]

    @property
    def runs(self) -> int:
        """How many searches it is, all seeds counted."""
        return sum(search.seeds for search in self.searches)


def centred(freezing: float, sparsity: float) -> dict[str, float]:
    """Return the rates of a source with this F that is centred on a sparsity, and the sparsity.

    >>> centred(0.5, 0.5)
    {'prune': 0.25, 'lock': 0.25, 'sparsity': 0.5}
    """
    rates = positioned(freezing, sparsity)
    return {"prune": round(rates.prune, 9), "lock": round(rates.lock, 9), "sparsity": round(sparsity, 9)}


def pruned(freezing: float, place: float = HALF) -> dict[str, float]:
    """Return p = F, q = 0 and the sparsity at a place of the search interval, by default its centre.

    >>> pruned(0.5), pruned(0.5, 0.25)["sparsity"]
    ({'prune': 0.5, 'lock': 0.0, 'sparsity': 0.75}, 0.625)
    """
    return {"prune": freezing, "lock": 0.0, "sparsity": round(freezing + place * (1 - freezing), 9)}


def locked(freezing: float) -> dict[str, float]:
    """Return p = 0, q = F and the sparsity at the centre of the search interval.

    >>> locked(0.5)
    {'prune': 0.0, 'lock': 0.5, 'sparsity': 0.25}
    """
    return {"prune": 0.0, "lock": freezing, "sparsity": round((1 - freezing) / 2, 9)}


def same_size(freezing: float) -> list[dict[str, float]]:
    """Return four sources of (1 - F) N bits: two frozen ones, and the pruned one at two sparsities.

    The pruned source at its own centre and a quarter of its interval above p (the *shared* sparsity); the frozen source
    centred on one half, which is what the rule is for, and on the shared sparsity.
    """
    sparser = pruned(freezing, 0.25)
    return [centred(freezing, HALF), centred(freezing, sparser["sparsity"]), pruned(freezing), sparser]


MLP = PRESETS["mlp-mnist-dense"].changed(width=0.16, images=10_000, epochs=5)
GIN = PRESETS["gin-cora-dense"].changed(width=0.1, epochs=60)
CONV6 = PRESETS["conv6-cifar10-dense"].changed(width=0.0625, images=7_000, epochs=5, augment=False, batch=32)


def _searches(base: Settings, seeds: int, *choices: Mapping[str, Any]) -> tuple[Search, ...]:
    return tuple(Search(base.changed(**choice), seeds) for choice in choices)


def _sizes(base: Settings, freezing: tuple[float, ...], seeds: int) -> tuple[Search, ...]:
    return _searches(base, seeds, *(source for F in freezing for source in same_size(F)))


def _rules(base: Settings) -> tuple[Search, ...]:
    return _searches(base, SEEDS, *({**centred(F, HALF), "rule": "erk"} for F in (0.5, 0.9)))


def _kinds(base: Settings) -> tuple[Search, ...]:
    return _searches(
        base,
        6,
        *(
            {**centred(0.5, HALF), "width": base.width * factor, "weights": weights, "scale": scale}
            for factor in FACTORS
            for weights, scale in KINDS
            if (factor, weights) != (1.0, "ku")  # which the plan of sizes has
        ),
    )


def _trained(data_set: str, seeds: int, **choices: Any) -> tuple[Search, ...]:
    tickets = PRESETS[f"gin-{data_set}-dense"].changed(**QUARTER, **choices)
    weights = PRESETS[f"gin-{data_set}-weights"].changed(**QUARTER, **choices)
    return (*_searches(weights, seeds, {}), *_searches(tickets, seeds, centred(0.2, 0.2), centred(0.4, 0.2)))


def _depths(base: Settings) -> tuple[Search, ...]:
    sources: tuple[Mapping[str, float], ...] = ({}, locked(0.5), centred(0.5, HALF))
    return _searches(base, 6, *({**source, "depth": depth} for depth in DEPTHS for source in sources))


def _plans(*found: Plan) -> Mapping[str, Plan]:
    return MappingProxyType({plan.name: plan for plan in found})


PLANS = _plans(
    Plan(
        "sizes",
        "frozen and pruned sources of one size, and both rules for the layers: MLP and GIN",
        tuple(
            search
            for base in (GIN, MLP)
            for search in (*_searches(base, SEEDS, {}), *_sizes(base, SIZES, SEEDS), *_rules(base))
        ),
    ),
    Plan("kinds", "Kaiming uniform, signed constant and scaled weights at four widths", (*_kinds(GIN), *_kinds(MLP))),
    Plan("sizes-conv6", "sources of one size, Conv6 on CIFAR-10 reduced", _sizes(CONV6, (0.7,), 4)),
    Plan(
        "trained",
        "GIN at a quarter of its width: trained weights, and tickets of frozen sources at the paper's k = 0.2",
        (
            *(search for data, seeds in (("cora", 6), ("citeseer", 6)) for search in _trained(data, seeds)),
            *_trained("cora", 6, features="normalised"),
        ),
    ),
    Plan("depth", "GIN of 2 to 12 layers: dense, locked and frozen sources", _depths(GIN)),
    Plan(
        "sequences",
        "an LSTM and a transformer, dense and frozen sources",
        tuple(
            Search(PRESETS[f"{model}-mnist-{source}"].changed(images=2_500, epochs=3), 5)
            for model in ("lstm", "transformer")
            for source in ("dense", "frozen")
        ),
    ),
    Plan(
        "tiny",
        "a minute of the plan of sizes, for tests",
        _sizes(MLP.changed(width=0.05, images=300, epochs=2, batch=60, rate=0.5), (0.5,), 2),
    ),
)
