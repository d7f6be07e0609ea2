"""At which radii a network's layers are asked, and which width factors that makes: tables over layers and over radius.

A layer with Kaiming uniform numbers on [-b, b] that serves target weights |w| <= 1 has radius 1/b (theory.factors).
The layers are those of the dense reference, each with the rates that the rule gives it in the frozen source. All hidden
layers are made wider together, so the source's factor is that of the layer that asks for most; layers in which nothing
is frozen ask for 1. The frozen source is compared at the reference's radii: what a wider source's smaller numbers cost
besides is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from slt.core import console
from slt.core.rates import Rates
from slt.core.tables import Table
from theory.factors import DELTA, EPS, EVERY_EPS, RADII, width_factor
from theory.freezing import layer_rates
from torch_backend.commands.matching import Match, verdict_over
from torch_backend.masks.frozen import fan_in
from torch_backend.tickets.sizes import meta_model, shapes_of
from torch_backend.training.settings import Settings


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the reference. shape: (out, in, ..); radius: 1/b; rates: of its weights in the frozen source."""

    shape: tuple[int, ...]
    radius: float
    rates: Rates

    def factor(self, eps: float) -> float:
        """Return the estimated width factor that this layer asks for, for target weights |w| <= 1, each within eps."""
        return width_factor("estimated", self.rates.prune, self.rates.lock, eps, radius=self.radius)


@dataclass(frozen=True, slots=True)
class Asked:
    """A frozen source's rates, and those layers of the reference in which something of it is frozen."""

    prune: float
    lock: float
    layers: tuple[Layer, ...]

    @property
    def label(self) -> str:
        """The pair."""
        return f"{self.prune:g}, {self.lock:g}"

    def factor(self, eps: float = EPS) -> float:
        """Return the factor of the layer that asks for most, 1 where nothing is frozen."""
        return max((layer.factor(eps) for layer in self.layers), default=1.0)

    def every(self) -> list[float]:
        """Return the factors of all layers that are frozen at all precisions of :data:`theory.factors.EVERY_EPS`."""
        return [layer.factor(eps) for layer in self.layers for eps in EVERY_EPS] or [1.0]


def no_radius(settings: Settings) -> str:
    """Say why a source's layers have no radius, "" where they have one.

    Sums of signed constants -+c all lie on a lattice of pitch c around the locked sum: an eps below c/2 is never
    reached, with no number of them, so there is no requirement and no ratio of two.
    """
    if settings.weights != "ku":
        return f"weights {settings.weights}: all sums of signed constants lie on a lattice, so no factor exists"
    if settings.scale == "dynamic":
        return "scale dynamic: the bound of the weights changes during the search, so the layers have no one radius"
    return ""


def asked(reference: Settings, prune: float, lock: float) -> Asked:
    """Return what a source with these rates asks of the layers of the dense ``reference``.

    b = sqrt(6 / fan_in), times 1/sqrt(1 - sparsity) of the reference where its scale is static.
    Raises ValueError where layers have no radius (:func:`no_radius`).
    """
    if reason := no_radius(reference):
        raise ValueError(reason)
    shapes = shapes_of(meta_model(reference))
    scale = sqrt(1 - reference.sparsity) if reference.scale == "static" else 1.0
    rates = layer_rates(reference.rule, shapes, prune, lock)
    layers = [Layer(s, scale * sqrt(fan_in(s) / 6), r) for s, r in zip(shapes, rates, strict=True)]
    return Asked(prune, lock, tuple(layer for layer in layers if layer.rates.freezing > 0))


def span(factors: Iterable[float], digits: str = ".1f") -> str:
    """Write the range of factors.

    >>> span([2.31, 1.75]), span([1.0])
    ('1.8-2.3', '1.0')
    """
    found = list(factors)
    return "-".join(dict.fromkeys(format(end, digits) for end in (min(found), max(found))))


def layer_table(sources: Sequence[Asked]) -> Table:
    """Return a line for each layer of each source in which something is frozen."""
    lines = [
        (
            source.label,
            "x".join(map(str, layer.shape)),
            fan_in(layer.shape),
            f"{layer.radius:.2f}",
            f"{layer.rates.prune:.3f}",
            f"{layer.rates.lock:.3f}",
            *(f"{layer.factor(eps):.2f}" for eps in EVERY_EPS),
        )
        for source in sources
        for layer in source.layers
    ]
    title = (
        "Estimated width factors by layer, for target weights |w| <= 1, each within eps: layers of the dense reference "
        f"in which something\nis frozen, their own radius 1/b = sqrt(fan_in/6), their own rates; delta = {DELTA:g}. "
        "The other layers ask for 1"
    )
    columns = ("<p, q", "<layer", "fan_in", "radius", "p", "q", *(f"eps {eps:g}" for eps in EVERY_EPS))
    return console.table(title, columns, lines)


def radius_table(measured: Sequence[tuple[Asked, Match, str]]) -> Table:
    """Return a line for each source and each of :data:`theory.factors.RADII`: factors at the network's rates, verdict.

    measured: the source, its measured factor, and that as a text.
    """
    lines = []
    for source, match, text in measured:
        for radius in RADII:
            factors = [width_factor("estimated", source.prune, source.lock, e, radius=radius) for e in EVERY_EPS]
            lines.append(
                (
                    source.label,
                    f"{radius:g}",
                    *(f"{factor:.2f}" for factor in factors),
                    text,
                    verdict_over(match, factors),
                )
            )
    title = (
        "Estimated width factors by radius, at the network's rates; radius: of the target's weights in units of the "
        f"source's largest;\neps: the precision, in units of the target's largest weight; delta = {DELTA:g}; equal: "
        "measured; verdict: over the three eps"
    )
    columns = ("<p, q", "radius", *(f"eps {eps:g}" for eps in EVERY_EPS), "equal", "<verdict")
    return console.table(title, columns, lines)
