"""What a search will take and whether it can be done, before any data is read: ``python -m torch_backend plan``."""

import time
from argparse import Namespace
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from common import console
from common.cli import Parser
from common.rates import Rates
from theory.freezing import centre, counts, entropy_bits, interval, kept_count, layer_rates, log2_candidates
from torch_backend.choices import add_choices, chosen_settings
from torch_backend.data import adjacency_of
from torch_backend.search import device_of, source_of
from torch_backend.settings import Settings
from torch_backend.sizes import SHAPES, meta_model
from torch_backend.supermask import footprint, freeze, supermasks
from torch_backend.threshold import select
from torch_backend.training import optimiser_of

STEPS = 2  # timed, after one that is not
SMALL_BATCH = 16  # images that are timed; the time of a step is taken to be proportional
IMAGES = {"cifar10": (40_000, 3, 32), "cifar100": (40_000, 3, 32), "mnist": (48_000, 1, 28),
          "fashion-mnist": (48_000, 1, 28), "imagenet": (1_024_934, 3, 224)}  # fmt: skip
NODES, EDGES = (
    {"arxiv": 169_343, "cora": 2_708, "citeseer": 3_327},
    {"arxiv": 1_157_799, "cora": 5_278, "citeseer": 4_552},
)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the plan of every setting asked for; a sparsity that cannot be searched is refused with its interval."""
    args = _parser().parse_args(argv)
    page = console.Page()
    for name, settings in chosen_settings(args).items():
        _print(name, settings, args, page)
    return 0


def _print(name: str, settings: Settings, args: Namespace, page: console.Page) -> None:
    if settings.method != "edge-popup":
        raise ValueError(f"{name} trains weights: there is no ticket to plan")
    if settings.data_set not in {**IMAGES, **NODES}:
        raise ValueError(f"plan knows the sizes of {', '.join([*IMAGES, *NODES])}; got {settings.data_set!r}")
    model = meta_model(settings)
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
    page.print(
        f"{name}: {settings.model} on {settings.data_set}, sparsity {settings.sparsity:g} within "
        f"({low:.3g}, {high:.3g}), centre {centre(rates):.3g}: feasible\n"
        f"{total:,} weights, {free:,} searchable (one bit each; {entropy_bits(settings.sparsity, rates):.3f} after "
        f"entropy coding); candidates: 2^{log2_candidates(free, kept):,.0f}"
    )
    columns = ("<layer", "shape", "weights", "prune", "lock", "searchable")
    page.print(console.table(f"Rates by layer ({settings.rule.upper()})", columns, rows))
    if not args.no_time:
        _print_cost(settings, args, page)


def _print_cost(settings: Settings, args: Namespace, page: console.Page) -> None:
    """Run a few steps on made-up data of the right shape."""
    device = device_of(args.device)
    model = meta_model(settings).to_empty(device=device)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
    freeze(model, **source_of(settings, 0))
    optimiser = optimiser_of(model, settings)
    masks = supermasks(model)
    graph = settings.data_set in NODES
    inputs, labels = (made_up_nodes if graph else _images)(settings, device)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        functional.cross_entropy(model(*inputs), labels).backward()
        optimiser.step()
        select(masks, settings.sparsity, settings.scope)

    select(masks, settings.sparsity, settings.scope)
    step()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = (time.perf_counter() - start) / STEPS
    bytes_held = footprint(model, optimiser)
    images = 0 if graph else settings.images * 4 // 5 or IMAGES[settings.data_set][0]
    steps = 1.0 if graph else images / len(labels)
    page.print(
        f"Scores, gradients, optimiser: {_mib(bytes_held.parameters + bytes_held.gradients + bytes_held.optimiser)}; "
        f"source and masks: {_mib(bytes_held.buffers)} (activations come on top)\n"
        f"About {seconds:.3g} s a step of {'the graph' if graph else f'{len(labels)} images'} on {device}, "
        f"{steps * seconds:.3g} s an epoch, {settings.epochs * steps * seconds / 3600:.2g} h for "
        f"{settings.epochs} epochs\n"
    )


def _images(settings: Settings, device: torch.device) -> tuple[tuple[Tensor], Tensor]:
    _, channels, side = IMAGES[settings.data_set]
    count = min(settings.batch, SMALL_BATCH)
    return (torch.ones(count, channels, side, side, device=device),), torch.zeros(
        count, dtype=torch.long, device=device
    )


def made_up_nodes(settings: Settings, device: torch.device) -> tuple[tuple[Tensor, "_Edges"], Tensor]:
    """Return made-up features and edges, as many as the data set has, spread evenly."""
    nodes, edges = NODES[settings.data_set], EDGES[settings.data_set]
    numbers = torch.arange(edges)
    ends = torch.stack([numbers % nodes, (numbers * 7919 + 1 + numbers // nodes) % nodes]).numpy()
    graph = _Edges(*(part.to(device) for part in adjacency_of(nodes, ends)))
    features = torch.ones(nodes, SHAPES[settings.data_set]["inputs"], device=device)
    return (features, graph), torch.zeros(nodes, dtype=torch.long, device=device)


class _Edges:
    def __init__(self, adjacency: Tensor, degrees: Tensor) -> None:
        self.adjacency, self.degrees = adjacency, degrees


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def _parser() -> Parser:
    p = Parser(prog="python -m torch_backend plan", description=__doc__)
    add_choices(p)
    p.add_argument("--no-time", action="store_true", help="do not time any step")
    p.add_argument("--device", help="default: a GPU when there is one")
    return p
