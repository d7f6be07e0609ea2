"""What a search step costs beside plain training of the same model: ``python -m benchmarks.search [--quick]``.

Every ratio is of medians measured in the same run, in turns, on made-up images. A step is forward, backward, optimiser
and, for searches, the exact threshold and the new masks. The full sort of all scores is what a threshold usually costs
elsewhere. GIN is timed on a graph of OGBN-Arxiv's numbers of nodes and edges, spread evenly.
"""

import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from rich.console import Console

from slt.core import console
from slt.core.command import Parser, extra_needed, run

with extra_needed("python -m benchmarks.search"):
    import torch
    from torch import nn
    from torch.nn import functional

    from torch_backend.commands.plan import made_up_nodes
    from torch_backend.data.arxiv import ARXIV
    from torch_backend.masks import frozen
    from torch_backend.masks.supermask import freeze, supermasks
    from torch_backend.masks.threshold import select
    from torch_backend.models import build
    from torch_backend.training.run import optimiser_of
    from torch_backend.training.settings import PRESETS, Settings
    from torch_backend.training.start import device_of

BATCH = 128
MOST_RATIO, MOST_SHARE, MOST_GRAPH_SECONDS = 1.10, 0.03, 10.0
SOURCES = {"dense source": {}, "F = 0.5": {"prune": 0.25, "lock": 0.25}}

Step = Callable[[], None]


def training_step(model: nn.Module, settings: Settings, inputs: tuple[Any, ...], labels: torch.Tensor) -> Step:
    """Return one step of plain training of all weights."""
    for name, weight in model.named_parameters():
        weight.data = frozen.source(0, name, tuple(weight.shape), "ku").to(weight.device)
    optimiser = optimiser_of(model, settings)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        functional.cross_entropy(model(*inputs), labels).backward()
        optimiser.step()

    return step


def search_step(
    model: nn.Module, settings: Settings, inputs: tuple[Any, ...], labels: torch.Tensor
) -> tuple[Step, Step]:
    """Return one step of the search, and its threshold and masks alone."""
    freeze(model, prune=settings.prune, lock=settings.lock)
    optimiser = optimiser_of(model, settings)
    masks = supermasks(model)

    def choose() -> None:
        select(masks, settings.sparsity)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        functional.cross_entropy(model(*inputs), labels).backward()
        optimiser.step()
        choose()

    choose()
    return step, choose


def sorting(model: nn.Module) -> Step:
    """Return the full sort of as many scores as the model has weights."""
    scores = torch.rand(sum(weight.numel() for weight in model.parameters()))

    def step() -> None:
        torch.sort(scores)

    return step


def in_turns(steps: dict[str, Step], rounds: int, device: torch.device) -> dict[str, float]:
    """Return the median seconds of each step, measured one after the other, ``rounds`` times after a first."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: median(found) for name, found in times.items()}


def convolutional(name: str, rounds: int, device: torch.device) -> list[tuple[object, ...]]:
    """Return the table's rows of one model."""
    settings = Settings(name, "cifar10")
    generator = torch.Generator().manual_seed(0)
    inputs = (torch.randn(BATCH, 3, 32, 32, generator=generator).to(device),)
    labels = torch.randint(10, (BATCH,), generator=generator).to(device)
    steps: dict[str, Step] = {"training": training_step(build(name).to(device), settings, inputs, labels)}
    for source, rates in SOURCES.items():
        steps[source], steps[f"threshold, {source}"] = search_step(
            build(name).to(device), settings.changed(**rates), inputs, labels
        )
    steps["full sort"] = sorting(build(name))
    found = in_turns(steps, rounds, device)
    base, rows = found["training"], []
    rows.append((name, "plain training", _ms(base), "", "", ""))
    for source in SOURCES:
        ratio, share = found[source] / base, found[f"threshold, {source}"] / found[source]
        rows.append((name, f"search, {source}", _ms(found[source]), f"{ratio:.3f}x training", f"<= {MOST_RATIO}x",
                     _met(ratio <= MOST_RATIO)))  # fmt: skip
        rows.append((name, f"threshold, masks, {source}", _ms(found[f"threshold, {source}"]), f"{share:.1%} of a step",
                     f"<= {MOST_SHARE:.0%}", _met(share <= MOST_SHARE)))  # fmt: skip
    ratio = found["F = 0.5"] / found["dense source"]
    rows.append((name, "F = 0.5 beside the dense source", "", f"{ratio:.3f}x", "<= 1.05x", _met(ratio <= 1.05)))
    share = f"{found['full sort'] / base:.1%} of training"
    rows.append((name, "full sort of all scores", _ms(found["full sort"]), share, "", ""))
    return rows


def graph(rounds: int, device: torch.device) -> list[tuple[object, ...]]:
    """Return the row of GIN at OGBN-Arxiv's size."""
    settings = PRESETS["gin-arxiv-frozen"]
    inputs, labels = made_up_nodes(ARXIV, device)
    step, _ = search_step(build("gin").to(device), settings, inputs, labels)
    seconds = in_turns({"step": step}, rounds, device)["step"]
    met = _met(seconds <= MOST_GRAPH_SECONDS)
    return [("gin", "search, 169,343 nodes, p = 0, q = 0.4", _ms(seconds), "", f"<= {MOST_GRAPH_SECONDS:g} s", met)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run all; exit 1 when a target is missed."""
    parser = Parser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Conv6 alone, few rounds")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args(argv)
    device = device_of(args.device)
    rows = convolutional("conv6", 3 if args.quick else 9, device)
    if not args.quick:
        rows += convolutional("resnet18", 3, device) + graph(2, device)
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    title = f"Search steps, batch {BATCH}, torch {torch.__version__}, {where}"
    Console(width=console.WIDTH).print(console.table(title, ("<model", "<what", "median", "ratio", "target", ""), rows))
    return 0 if all(row[-1] != "missed" for row in rows) else 1


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms"


def _met(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.search"))
