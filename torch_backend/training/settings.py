"""What a search is: every choice that its result depends on, its name, and the presets of the literature."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from inspect import signature
from types import MappingProxyType
from typing import Any

from slt.core.checks import at_least_zero, closed_unit, one_of, positive, whole
from slt.core.options import option
from slt.core.rates import Rates, searchable
from theory.freezing import check_sparsity, positioned
from torch_backend.data import GRAPHS, IMAGES, record_of
from torch_backend.masks.threshold import checked_scope
from torch_backend.models import MODELS

METHODS = ("edge-popup", "weights")
OPTIMISERS = ("sgd", "adamw")
RULES = ("epl", "erk")
WEIGHTS = ("ku", "skc")
SCALES = ("none", "static", "dynamic")
NORMS = ("affine", "plain")
FEATURES = ("raw", "normalised")
SIZES = ("depth",)  # choices that are arguments of some models' builders, 0 for what the model has otherwise
LARGEST = 1e30  # beyond it float32 overflows


@dataclass(frozen=True)
class Settings:
    """One search, but for its seed.

    method: "edge-popup" looks for a mask of random weights, "weights" trains the weights themselves. sparsity: share of
    zero weights in the ticket; prune, lock: frozen shares of the source, spread over the layers by ``rule``. weights:
    Kaiming uniform or signed Kaiming constant; scale: times 1/sqrt(1 - sparsity) of the network ("static") or of the
    layer at present ("dynamic"). rate, decay: of the optimiser, the rate falling to 0 by the cosine rule. images: how
    many training images are used, 0 for all; size: the side in pixels to which image files are resized, 0 for the data
    set's own. depth: layers, of models that have a choice. features: "normalised" divides each node's by the sum of
    their absolute values. norms: whether trained networks have norms with a scale and a shift of their own ("affine");
    those of a source have none, unless ``learn_norms`` asks for them.
    Raises ValueError for anything that makes no sense, above all a sparsity outside the search interval.
    """

    model: str = field(metadata={"about": f"one of {', '.join(MODELS)}", "metavar": "NAME"})
    data_set: str = field(metadata={"about": f"one of {', '.join((*IMAGES, *GRAPHS))}", "metavar": "NAME"})
    method: str = option("edge-popup", "search a mask of random weights, or train the weights", choices=METHODS)
    sparsity: float = option(0.5, "share of zero weights in the ticket")
    prune: float = option(0.0, "share of weights that are never in the ticket, p")
    lock: float = option(0.0, "share of weights that are always in the ticket, q")
    rule: str = option("epl", "how the layers share p and q: evenly (EPL) or by Erdos and Renyi (ERK)", choices=RULES)
    scope: str = option(
        "global",
        "global: one threshold for all layers, layer: one for each, or N:M, such as 2:4: N of every M neighbours, "
        "exactly where nothing is frozen, and as far as frozen weights leave the choice elsewhere (lenient)",
        metavar="SCOPE",
    )
    weights: str = option("ku", "random weights: Kaiming uniform (KU) or signed constant (SKC)", choices=WEIGHTS)
    scale: str = option("none", "weights times 1/sqrt(1 - sparsity), of the network or of the layer", choices=SCALES)
    width: float = option(1.0, "hidden neurons, as a multiple of the published model's")
    epochs: int = option(100, "how often all training data is gone through")
    batch: int = option(128, "images in a batch")
    optimiser: str = option("sgd", "what makes the steps", choices=OPTIMISERS)
    rate: float = option(0.1, "learning rate at the start; it falls to 0 by the cosine rule")
    decay: float = option(1e-4, "weight decay")
    augment: bool = option(False, "random crops and flips")
    learn_norms: bool = option(False, "learn scale and shift of the norms; they count in the ticket's size")
    images: int = option(0, "training images used, 0 for all")
    size: int = option(0, "side in pixels to which image files are resized, 0 for the data set's own")
    depth: int = option(0, "layers of a gin, lstm or transformer, 0 for the published model's")
    features: str = option(
        "raw", "features of a graph's nodes: as they are, or each node's divided by their sum", choices=FEATURES
    )
    norms: str = option(
        "affine",
        "norms of a network whose weights are trained: with a scale and a shift that are trained, too, or plain",
        choices=NORMS,
    )

    def __post_init__(self) -> None:
        for name, allowed in (
            ("method", METHODS),
            ("rule", RULES),
            ("weights", WEIGHTS),
            ("scale", SCALES),
            ("optimiser", OPTIMISERS),
            ("norms", NORMS),
            ("features", FEATURES),
        ):
            one_of(name, getattr(self, name), allowed)
        self._check_names()
        clean: dict[str, float] = {name: positive(name, getattr(self, name)) for name in ("width", "rate")}
        if max(self.rate, self.decay) > LARGEST:
            raise ValueError(f"rate and decay must be at most {LARGEST:g}, got {self.rate:g}, {self.decay:g}")
        for name in ("epochs", "batch"):
            clean[name] = whole(name, getattr(self, name), 1)
        for name in ("images", *SIZES):
            clean[name] = whole(name, getattr(self, name))
        clean["decay"] = at_least_zero("decay", self.decay)
        clean["sparsity"] = closed_unit("sparsity", self.sparsity)
        rates = Rates(self.prune, self.lock)
        clean |= {"prune": rates.prune, "lock": rates.lock}
        for name, value in clean.items():
            object.__setattr__(self, name, value)
        if self.method == "edge-popup":
            check_sparsity(self.sparsity, searchable(self.prune, self.lock))
        if self.norms == "plain" and (self.method == "edge-popup" or self.learn_norms):
            raise ValueError("norms plain is for trained weights (method weights) without learn_norms")
        checked_scope(self.scope, self.sparsity)

    @property
    def affine(self) -> bool:
        """Whether the norms of the network have a scale and a shift that are trained."""
        return self.learn_norms or (self.method == "weights" and self.norms == "affine")

    @property
    def sizes(self) -> dict[str, int]:
        """Arguments of the model's builder that are chosen here."""
        return {name: value for name in SIZES if (value := getattr(self, name))}

    def _check_names(self) -> None:
        one_of("model", self.model, tuple(MODELS))
        for size in self.sizes:
            if size not in signature(MODELS[self.model]).parameters:
                raise ValueError(f"model {self.model} has no {size} to choose: {size} must be 0")
        record_of(self.data_set).sizes(self.size)
        if self.features != FEATURES[0] and self.data_set not in GRAPHS:
            raise ValueError(f"features {self.features} are for graphs, and {self.data_set} is none")

    @property
    def digest(self) -> str:
        """Ten hexadecimal digits that name these settings."""
        text = json.dumps(asdict(self), sort_keys=True)
        return blake2b(text.encode(), digest_size=5).hexdigest()

    @property
    def name(self) -> str:
        """A folder's name: model, data set, digest."""
        return f"{self.model}-{self.data_set}-{self.digest}"

    @classmethod
    def of(cls, *, freezing: float | None = None, **choices: Any) -> "Settings":
        """Return settings of these choices, the default for those that are None; ``freezing``: see :meth:`changed`."""
        choices = {name: value for name, value in choices.items() if value is not None}
        if freezing is not None:
            rates = positioned(freezing, choices.get("sparsity", cls.sparsity))
            choices |= {"prune": rates.prune, "lock": rates.lock}
        return cls(**choices)

    def changed(self, *, freezing: float | None = None, **choices: Any) -> "Settings":
        """Return these settings with other choices, those that are None left as they are.

        freezing: F = p + q, split so that the sparsity is as near the centre of the search interval as can be.
        """
        return self.of(**{**asdict(self), **{k: v for k, v in choices.items() if v is not None}}, freezing=freezing)


# of presets: weight training; tickets of a dense source, of pruned ones, and of a frozen one (see :func:`source_row`)
KINDS = ("weights", "dense", "sparse", "equal", "equal-centre", "frozen")


def source_row(kind: str, base: Settings, freezing: float) -> Settings:
    """Return the settings of a ticket in one kind of source, beside a frozen one of freezing ratio F = ``freezing``.

    frozen: p and q as near as can be to the rates that put the sparsity at the centre of its interval. dense: p = q =
    0. sparse: the p of the frozen source and q = 0, so that it has more bits. equal: p = F and q = 0, as many bits as
    the frozen source, at the same sparsity. equal-centre: the same source at the centre of its own interval, where the
    sparsity is (1 + F)/2. Raises ValueError where there is no such source: p = 0 leaves nothing to prune, and p = F
    needs a larger sparsity.
    """
    rates = positioned(freezing, base.sparsity)
    if one_of("kind", kind, KINDS[1:]) == "dense":
        return replace(base, prune=0.0, lock=0.0)
    if kind == "frozen":
        return replace(base, prune=rates.prune, lock=rates.lock)
    if kind == "sparse":
        if not rates.prune:
            raise ValueError("nothing is pruned in the frozen source, so that the sparse one would be the dense one")
        return replace(base, prune=rates.prune, lock=0.0)
    own = (1 + freezing) / 2 if kind == "equal-centre" else base.sparsity
    return replace(base, sparsity=own, prune=freezing, lock=0.0)


def _rows(name: str, base: Settings, freezing: float, **weights: Any) -> dict[str, Settings]:
    """Return the rows of the papers' tables: weight training, and tickets of every kind of source that there is.

    weights: what weight training has otherwise; its weights begin Kaiming uniform and unscaled, as published.
    """
    start = {"weights": "ku", "scale": "none", **weights}
    found = {f"{name}-weights": replace(base, method="weights", sparsity=0.0, **start)}
    for kind in KINDS[1:]:
        try:
            found[f"{name}-{kind}"] = source_row(kind, base, freezing)
        except ValueError:
            continue
    return found


def parted(preset: str) -> tuple[str, str]:
    """Return the family and the kind that a preset's name is made of.

    >>> parted("mlp-mnist-equal-centre")
    ('mlp-mnist', 'equal-centre')
    """
    kind = max((kind for kind in KINDS if preset.endswith(f"-{kind}")), key=len)
    return preset.removesuffix(f"-{kind}"), kind


_CIFAR = Settings("conv6", "cifar10", augment=True)
_GRAPH = Settings("gin", "arxiv", epochs=400, optimiser="adamw", rate=0.01, decay=0.0)
_IMAGENET = Settings("resnet50", "imagenet", sparsity=0.7, weights="skc", scale="dynamic", batch=256, augment=True)
# Not of the papers. Batch (32 or 128) and rates (Edge-Popup 0.01 to 0.1, weights 0.001 to 0.03) are those with the best
# validation accuracy, or close to it, of the frozen source and of weight training: --images 5000 --epochs 3 --seed 100.
_LSTM = Settings("lstm", "mnist", epochs=5, batch=32, optimiser="adamw", rate=0.05, decay=0.0)
_TRANSFORMER = replace(_LSTM, model="transformer", rate=0.03)

PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        # without norms, weights do not learn at the rate of the scores
        **_rows("conv6-cifar10", _CIFAR, 0.5, rate=0.01),
        **_rows("resnet18-cifar10", replace(_CIFAR, model="resnet18", sparsity=0.8), 0.7),
        **_rows("resnet50-imagenet", _IMAGENET, 0.7),
        **_rows("gin-arxiv", replace(_GRAPH, sparsity=0.2), 0.4),
        **_rows("gin-cora", replace(_GRAPH, data_set="cora", epochs=100), 0.5),
        **_rows("gin-citeseer", replace(_GRAPH, data_set="citeseer", epochs=100), 0.5),
        # not of the papers: the settings of the citation graphs
        **_rows("gin-pages", replace(_GRAPH, data_set="pages", epochs=100), 0.5),
        **_rows("mlp-mnist", Settings("mlp", "mnist", epochs=10), 0.5),
        **_rows("conv2-mnist", Settings("conv2", "mnist", epochs=5), 0.5, rate=0.01),
        **_rows("lstm-mnist", _LSTM, 0.5, rate=0.01),
        **_rows("transformer-mnist", _TRANSFORMER, 0.5, rate=0.001),
    }
)


def usual(model: str, data_set: str, changes: Mapping[str, Any]) -> Settings:
    """Return what the preset of this model and data set says, with ``changes``; without a preset, the defaults.

    The same in every command. changes: by field, those that are None left out, and "freezing" as
    :meth:`Settings.changed` takes it.
    """
    chosen = {**changes, "model": model, "data_set": data_set}
    name = f"{model}-{data_set}-{'weights' if changes.get('method') == 'weights' else 'dense'}"
    return PRESETS[name].changed(**chosen) if name in PRESETS else Settings.of(**chosen)
