"""What a search will take and whether it can be done, before any image is read: ``slt plan``."""

import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from slt.core import console
from slt.core.cache import opened
from slt.core.command import Parser
from slt.core.options import add_forms
from slt.core.rates import Rates
from slt.core.store import Row
from slt.core.tables import Table
from theory.factors import DELTA, EPS, EVERY_EPS
from theory.freezing import centre, counts, entropy_bits, interval, kept_count, layer_rates, log2_candidates
from theory.place import SAME_N, Positions
from torch_backend.commands.choices import add_choices, add_data, chosen_settings, preset_names, scope_said
from torch_backend.commands.sparsity_theory import positions
from torch_backend.data import GraphSet, Images, ImageSet, adjacency_of, load, record_of
from torch_backend.data.split import SHARE
from torch_backend.masks.supermask import footprint, freeze, supermasks
from torch_backend.masks.threshold import select
from torch_backend.tickets.file_sizes import planned_size, trained_size
from torch_backend.tickets.sizes import meta_model
from torch_backend.training.run import optimiser_of
from torch_backend.training.settings import Settings
from torch_backend.training.start import device_of, out_of_memory, source_of

STEPS = 2  # timed, after one that is not
SMALL_BATCH = 16  # images that are timed first; the batch of the search follows unless such a step takes longer than
LONGEST_STEP = 2.5  # seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Print the plan of every setting asked for, and a line for every other one that cannot be planned.

    Raises ValueError or OSError, saying why, when none can be planned: a sparsity outside of its interval, a model that
    does not take the data, sizes that are not known.
    """
    args = _parser().parse_args(argv)
    page, device = console.Page(args.form), device_of(args.device)
    presets = preset_names(args) if args.preset else [None]
    planned, refused = 0, None
    results: list[Row] = []
    for preset in presets:
        one = Namespace(**{**vars(args), "preset": preset and [preset]})
        try:
            ((name, settings),) = chosen_settings(one).items()
            record = known(settings, args.data)
            advice = None
            if args.position == "theory":
                advice = advised(settings, args.freeze)
                settings = settings.changed(prune=advice[EPS].best.prune, lock=advice[EPS].best.lock)
            text, layers, result = _tickets(name, settings, record)
        except (ValueError, OSError) as error:
            refused = refused or error
            if len(presets) > 1:
                page.note(f"left out: {preset}: {error}\n")
            continue
        planned += 1
        size, trained = planned_size(settings, record), trained_size(settings, record)
        result["file"] = {"bytes": size.total, **asdict(size), "trained_bytes": trained}
        text += f"\nFile: about {size}; with trained weights {trained:,} bytes, {trained / size.total:.1f} times larger"
        if advice is not None:
            page.print(advice_table(advice))
            page.print(advice_sentence(advice[EPS]))
            result["position"] = [{"eps": eps, **asdict(found)} for eps, found in advice.items()]
        page.print(text)
        page.print(layers)
        results.append(result)
        if not args.no_time:
            cost = _cost(settings, record, device)
            page.print(cost)
            result["cost"] = cost.strip()
    if refused is not None and not planned:
        raise refused
    page.result(results)
    return 0


def advised(settings: Settings, freezing: float | None) -> dict[float, Positions]:
    """Return theory's rates and those of the centre rule at the precisions of :data:`theory.factors.EVERY_EPS`.

    The plan takes those at :data:`theory.factors.EPS`. Raises ValueError without ``freezing``, where
    nothing is free, for settings without a ticket, and where theory needs too many variables.
    """
    if freezing is None:
        raise ValueError("--position theory needs --freeze")
    if settings.method != "edge-popup":
        raise ValueError("weights are trained: there is no ticket to plan")
    with opened():
        return {eps: positions(settings.sparsity, freezing, eps) for eps in EVERY_EPS}


def advice_table(advice: Mapping[float, Positions]) -> Table:
    """Return a line for each precision: both pairs of rates, the n that they need, what the centre rule costs."""
    lines = []
    for eps, found in advice.items():
        best, centre, needed = found.best, found.centre, found.needed
        assert needed is not None  # asked for at failure delta
        lines.append(
            (
                f"{eps:g}",
                f"{centre.prune:.3g}, {centre.lock:.3g}",
                f"{centre.place:.2f}",
                needed[1],
                f"{best.prune:.3g}, {best.lock:.3g}",
                f"{best.place:.2f}",
                needed[0],
                f"{needed[1] / needed[0]:.2f}",
                "right" if found.rule_is_right else "not the best",
            )
        )
    title = (
        "Where in [p, 1 - q] the sparsity lies (x), by the centre rule and by theory: estimates at radius 1, delta = "
        f"{DELTA:g}.\nfactor: the n that the centre rule needs over the n that theory's rates need"
    )
    columns = ("eps", "<centre p, q", "x", "n", "theory's p, q", "its x", "its n", "factor", "<the rule is")
    return console.table(title, columns, lines)


def advice_sentence(found: Positions) -> str:
    """Say which rates the plan takes, and what the centre rule would cost.

    The rule counts as right where it costs at most 3 % of the variables: no more than an estimate knows.
    """
    assert found.needed is not None
    if found.rule_is_right:
        cost = f"The centre rule is right here: it costs at most {SAME_N - 1:.0%} of the variables"
    else:
        cost = f"The centre rule is not the best here: it costs the factor {found.needed[1] / found.needed[0]:.2f}"
    same = found.best == found.centre
    taken = "the same" if same else f"theory's p = {found.best.prune:.3g}, q = {found.best.lock:.3g}"
    return f"{cost} (eps = {EPS:g}). The plan takes {taken}.\n"


def known(settings: Settings, data: str | None = None) -> ImageSet | GraphSet:
    """Return what is known of the settings' data set, from its files in folder ``data`` where only they can say.

    Raises ValueError for more images than there are, OSError where the files that are needed are not there.
    """
    record = record_of(settings.data_set)
    if not record.classes:
        found = load(settings.data_set, data, size=settings.size)
        assert isinstance(record, ImageSet)
        assert isinstance(found, Images)
        record = replace(record, classes=found.classes, images=len(found.train) + len(found.validation))
    if isinstance(record, GraphSet) and settings.images:
        raise ValueError(f"{settings.data_set} is a graph: images must be 0, got {settings.images}")
    if isinstance(record, ImageSet) and settings.images > record.images:
        raise ValueError(f"images must be at most {record.images}, got {settings.images}")
    return record


def _tickets(name: str, settings: Settings, record: ImageSet | GraphSet) -> tuple[str, Table, Row]:
    """Return what can be said of the ticket, the rates of the layers, and both as a result."""
    if settings.method != "edge-popup":
        raise ValueError("weights are trained: there is no ticket to plan")
    model = meta_model(settings, record=record)
    named = [(layer, tuple(weight.shape)) for layer, weight in model.named_parameters() if weight.ndim > 1]
    rates = Rates(settings.prune, settings.lock)
    ratios = layer_rates(settings.rule, [shape for _, shape in named], rates.prune, rates.lock)
    total, free, locked = sum(prod(shape) for _, shape in named), 0, 0
    rows = []
    for (layer, shape), ratio in zip(named, ratios, strict=True):
        pruned, held = counts(prod(shape), ratio)
        searched = prod(shape) - pruned - held
        free, locked = free + searched, locked + held
        rows.append((layer, "x".join(str(n) for n in shape), prod(shape), f"{ratio.prune:.4f}", f"{ratio.lock:.4f}",
                     searched))  # fmt: skip
    low, high = interval(rates)
    kept = kept_count(total, settings.sparsity) - locked
    text = (
        f"{name}: {settings.model} on {settings.data_set}, sparsity {settings.sparsity:g} within "
        f"({low:.3g}, {high:.3g}), centre {centre(rates):.3g}: feasible\n"
        f"{total:,} weights, {free:,} searchable (one bit each; {entropy_bits(settings.sparsity, rates):.3f} after "
        f"entropy coding); candidates: 2^{log2_candidates(free, kept):,.0f}\n"
        f"Scope {scope_said(settings.scope, rates.freezing > 0)}"
    )
    columns = ("<layer", "shape", "weights", "prune", "lock", "searchable")
    layers = console.table(f"Rates by layer ({settings.rule.upper()})", columns, rows)
    result = {
        "name": name, "settings": asdict(settings), "interval": [low, high], "centre": centre(rates), "weights": total,
        "searchable": free, "log2_candidates": log2_candidates(free, kept), "layers": layers.records(),
    }  # fmt: skip
    return text, layers, result


def _cost(settings: Settings, record: ImageSet | GraphSet, device: torch.device) -> str:
    """Run a few steps on made-up data of the right shape; return what they took."""
    try:
        return _timed(settings, record, device)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return f"Out of memory: a step cannot be timed on {device}; use a narrower model (--width) or another device\n"


def _timed(settings: Settings, record: ImageSet | GraphSet, device: torch.device) -> str:
    model = meta_model(settings, record=record).to_empty(device=device)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
    freeze(model, **source_of(settings, 0))
    optimiser = optimiser_of(model, settings)
    masks = supermasks(model)

    def seconds_of(inputs: tuple[Any, ...], labels: Tensor) -> float:
        """Return what one step takes, after one that is not timed."""

        def step() -> None:
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(model(*inputs), labels).backward()
            optimiser.step()
            select(masks, settings.sparsity, settings.scope)

        def settled() -> float:
            if device.type == "cuda":
                torch.cuda.synchronize()
            return time.perf_counter()

        step()
        start = settled()
        for _ in range(STEPS):
            step()
        return (settled() - start) / STEPS

    select(masks, settings.sparsity, settings.scope)
    if isinstance(record, GraphSet):
        seconds = seconds_of(*made_up_nodes(record, device))
        steps, what, how = 1.0, "the graph", ""
    else:
        used = settings.images or record.images
        steps, what, how = (used - used // SHARE) / settings.batch, f"{settings.batch} images", ""
        timed = min(settings.batch, SMALL_BATCH)
        seconds = seconds_of(*_images(timed, settings, record, device)) * settings.batch / timed
        if timed < settings.batch and seconds * timed / settings.batch <= LONGEST_STEP:
            seconds = seconds_of(*_images(settings.batch, settings, record, device))
        elif timed < settings.batch:
            how = f", in proportion to one of {timed} images, which was timed"
    bytes_held = footprint(model, optimiser)
    return (
        f"Scores, gradients, optimiser: {_mib(bytes_held.parameters + bytes_held.gradients + bytes_held.optimiser)}; "
        f"source and masks: {_mib(bytes_held.buffers)} (activations come on top)\n"
        f"About {seconds:.3g} s a step of {what} on {device}{how}, {steps * seconds:.3g} s an epoch, "
        f"{settings.epochs * steps * seconds / 3600:.2g} h for {settings.epochs} epochs; "
        "reading data, validation and other work beside it come on top\n"
    )


def _images(count: int, settings: Settings, record: ImageSet, device: torch.device) -> tuple[tuple[Tensor], Tensor]:
    side = record.side(settings.size)
    return (torch.ones(count, record.channels, side, side, device=device),), torch.zeros(
        count, dtype=torch.long, device=device
    )


def made_up_nodes(record: GraphSet, device: torch.device) -> tuple[tuple[Tensor, "_Edges"], Tensor]:
    """Return made-up features and edges, as many as the data set has, spread evenly."""
    numbers = torch.arange(record.edges)
    ends = torch.stack([numbers % record.nodes, (numbers * 7919 + 1 + numbers // record.nodes) % record.nodes]).numpy()
    graph = _Edges(*(part.to(device) for part in adjacency_of(record.nodes, ends)))
    features = torch.ones(record.nodes, record.inputs, device=device)
    return (features, graph), torch.zeros(record.nodes, dtype=torch.long, device=device)


class _Edges:
    def __init__(self, adjacency: Tensor, degrees: Tensor) -> None:
        self.adjacency, self.degrees = adjacency, degrees


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def _parser() -> Parser:
    p = Parser(prog="slt plan", description=__doc__)
    add_choices(p)
    add_data(p)
    add_forms(p)
    p.add_argument(
        "--position",
        choices=("centre", "theory"),
        default="centre",
        help="how --freeze is split: centre puts the sparsity at the centre of [p, 1 - q], theory where the fewest "
        "random numbers are estimated to be enough (default %(default)s)",
    )
    p.add_argument("--no-time", action="store_true", help="do not time any step")
    p.add_argument("--device", help="default: a GPU when there is one")
    return p
