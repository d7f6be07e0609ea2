"""Four searches one by one, side by side, and as one network: ``python -m benchmarks.side_by_side``.

One by one: each with all threads, or with one. Side by side: two processes with half of the cores each (--jobs 2 of the
commands). As one: a network of four members in one process (torch_backend/training/together.py), which graphs are not
computed as. All in turns in the same run, on made-up data of the sizes of MNIST, Cora and CIFAR-10; seconds of training
alone, of the process that takes longest. The last column counts mask bits that are not those of one by one with all
threads.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from slt.core import console
from slt.core.checks import whole
from slt.core.command import Parser, extra_needed, run
from slt.core.files import check_writable
from slt.core.store import Row, export_jsonl

with extra_needed("python -m benchmarks.side_by_side"):
    import torch

    from torch_backend.data import GRAPHS, Graph, Images, Part, adjacency_of
    from torch_backend.data.sets import GraphSet
    from torch_backend.masks.members import Members
    from torch_backend.masks.supermask import supermasks
    from torch_backend.models import build
    from torch_backend.training.settings import PRESETS, Settings
    from torch_backend.training.side_by_side import side_by_side
    from torch_backend.training.start import fitted, model_sizes, prepared, task_of
    from torch_backend.training.tasks import ImageTask
    from torch_backend.training.together import MembersTask, Together

SEEDS = 4
START = 10.0  # seconds in which two processes start and search once: the first search of a process takes longer
WORDS = 0.0127  # the share of words that a paper of Cora has
_MLP, _GIN, _CONV6 = (PRESETS[f"{name}-frozen"] for name in ("mlp-mnist", "gin-cora", "conv6-cifar10"))
CASES = {
    "MLP, width .16, MNIST": replace(_MLP, width=0.16, images=20_000, epochs=4),
    "MLP, width 1, MNIST": replace(_MLP, images=10_000, epochs=3),
    "GIN, width .1, Cora": replace(_GIN, width=0.1, epochs=60),
    "GIN, width 1, Cora": replace(_GIN, epochs=12),
    "Conv6, width 1/16, CIFAR-10": replace(_CONV6, width=0.0625, images=3_000, epochs=1, augment=False, batch=32),
    "Conv6, width 1/4, CIFAR-10": replace(_CONV6, width=0.25, images=1_500, epochs=1),
}
Found = tuple[int, float, np.ndarray]  # number of the process, seconds of training, mask bits


def data_of(settings: Settings, seed: int) -> Graph | Images:
    """Return data of a data set's sizes, random pixels or features and random labels."""
    if settings.data_set in GRAPHS:
        return graph_of(GRAPHS[settings.data_set], seed)
    channels, side = (1, 28) if settings.data_set == "mnist" else (3, 32)
    numbers = torch.Generator().manual_seed(seed)

    def part(count: int) -> Part:
        pixels = torch.randint(256, (count, channels, side, side), generator=numbers, dtype=torch.uint8)
        return Part(pixels, torch.randint(10, (count,), generator=numbers))

    validation = settings.images // 5
    parts = part(settings.images - validation), part(validation), part(10)
    return Images(*parts, torch.full((channels,), 0.5), torch.full((channels,), 0.5), 10)


def graph_of(record: GraphSet, seed: int) -> Graph:
    """Return edges that are spread evenly, sparse random features, and parts of the sizes of citation graphs."""
    numbers = torch.arange(record.edges)
    ends = torch.stack([numbers % record.nodes, (numbers * 7919 + 1 + numbers // record.nodes) % record.nodes])
    random = torch.Generator().manual_seed(seed)
    features = (torch.rand(record.nodes, record.inputs, generator=random) < WORDS).float()
    labels = torch.randint(record.classes, (record.nodes,), generator=random)
    parts = torch.randperm(record.nodes, generator=random)[:1640].split([140, 500, 1000])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        x = features.to_sparse_csr()
    return Graph(x, labels, *adjacency_of(record.nodes, ends.numpy()), *parts, record.classes)


def one(settings: Settings, seed: int, threads: int | None = None) -> Found:
    """Search one seed; threads: those that torch has, where it is None."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    data = data_of(settings, seed)
    model, task = prepared(settings, seed, model_sizes(settings, data)), task_of(settings, seed, data)
    begin = time.time()
    with TemporaryDirectory() as folder:
        fitted(settings, Path(folder), model, task, lambda row: None, origin={}, keep=False)
    spent = time.time() - begin
    torch.set_num_threads(before)
    return os.getpid(), spent, torch.cat([mask.mask for mask in supermasks(model).values()]).numpy()


def all_together(settings: Settings, way: str) -> list[Found]:
    """Search all seeds as one network."""
    sets = [data_of(settings, seed) for seed in range(SEEDS)]
    sizes = model_sizes(settings, sets[0])
    sources = [prepared(settings, seed, sizes) for seed in range(SEEDS)]
    members = Members(sources, build(settings.model, **sizes), settings.sparsity, settings.scope, way)
    tasks = [task_of(settings, seed, data) for seed, data in enumerate(sets)]
    task = MembersTask([task for task in tasks if isinstance(task, ImageTask)])

    def prepare() -> dict[str, float]:
        members.select()
        return {}

    begin = time.time()
    with TemporaryDirectory() as folder:
        Together(members, task, settings, Path(folder), prepare, keep=False).fit()  # type: ignore[arg-type]
    spent = time.time() - begin
    return [(os.getpid(), spent / SEEDS, mask.numpy()) for mask in members.mask]


def ways(settings: Settings) -> dict[str, Callable[[], list[Found]]]:
    """Return how the searches of a case are run, by name."""
    seeds = range(SEEDS)
    found: dict[str, Callable[[], list[Found]]] = {
        "one by one, all threads": lambda: [one(settings, seed) for seed in seeds],
        "one by one, one thread": lambda: [one(settings, seed, 1) for seed in seeds],
        "side by side": lambda: _two_processes(settings),
    }
    if settings.data_set not in GRAPHS:
        found |= {f"as one, {way}": partial(all_together, settings, way) for way in ("vmap", "loop")}
    return found


def _two_processes(settings: Settings) -> list[Found]:
    """Search all seeds in two processes; both have begun, and have searched once, before the first search counts."""
    calls = [partial(_warm, replace(settings, epochs=1), time.time() + START)] * 2
    calls += [partial(one, settings, seed) for seed in range(SEEDS)]
    numbered = dict(side_by_side(calls, 2))
    return [numbered[number] for number in range(2, len(calls))]


def _warm(settings: Settings, moment: float) -> Found:
    found = one(settings, SEEDS)
    time.sleep(max(moment - time.time(), 0.0))
    return found


def measured(name: str, settings: Settings, rounds: int) -> list[Row]:
    """Return a row for every way: median seconds, those of one by one with all threads divided by them, other bits."""
    seconds: dict[str, list[float]] = {}
    masks: dict[str, list[np.ndarray]] = {}
    for _ in range(rounds):
        for way, work in ways(settings).items():
            found = work()
            busy: dict[int, float] = {}
            for process, spent, _ in found:
                busy[process] = busy.get(process, 0.0) + spent
            seconds.setdefault(way, []).append(max(busy.values()))
            masks[way] = [mask for *_, mask in found]
    first = "one by one, all threads"
    return [
        {
            "case": name, "way": way, "seconds": round(median(times), 3),
            "faster": round(median(a / b for a, b in zip(seconds[first], times, strict=True)), 3),
            "bits": sum(mask.size for mask in masks[way]),
            "other_bits": sum(int((a != b).sum()) for a, b in zip(masks[first], masks[way], strict=True)),
        }
        for way, times in seconds.items()
    ]  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all cases; print the table and write the rows."""
    parser = Parser(prog="python -m benchmarks.side_by_side", description=__doc__)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the rows to this JSONL file")
    parser.add_argument("--rounds", type=int, default=1, help="how often everything is measured (default 1)")
    args = parser.parse_args(argv)
    rounds = whole("rounds", args.rounds, 1)
    if args.out is not None:
        check_writable(args.out)
    rows: list[Row] = []
    with console.progress(len(CASES), "cases") as advance:
        for name, settings in CASES.items():
            rows += measured(name, settings, rounds)
            if args.out is not None:
                export_jsonl(args.out, rows)
            advance(1)
    columns = ("<", "<", "seconds", "times faster", "other mask bits")
    lines = [
        (
            row["case"],
            row["way"],
            f"{row['seconds']:.2f}",
            f"{row['faster']:.2f}",
            f"{row['other_bits']:,} of {row['bits']:,}",
        )
        for row in rows
    ]
    title = f"{SEEDS} searches, {torch.get_num_threads()} threads, torch {torch.__version__}"
    console.Page().print(console.table(title, columns, lines))
    return 0


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.side_by_side"))
