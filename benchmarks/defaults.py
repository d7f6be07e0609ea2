"""Which defaults of slt.search need no tuning? ``python -m benchmarks.defaults --out FILE`` (7 minutes).

Two small convolutional networks of a user's own, one without norms and one with batch norms, are searched on 1,500
images of MNIST (1,000 to learn from, 500 to choose by; 2,000 to test on) in a dense source, and the one without norms
in a frozen source too. Every setting is written down here before anything is run. The defaults are those of the setting
whose mean validation accuracy is largest in the case where it is least; test accuracies are shown and choose nothing.
Without MNIST's files the digits of scikit-learn stand in, and nothing is chosen by them.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slt.core import console
from slt.core.checks import whole
from slt.core.command import Parser, extra_needed, run
from slt.core.files import check_writable
from slt.core.store import export_jsonl

with extra_needed("python -m benchmarks.defaults"):
    import torch
    from torch import Tensor, nn

    from slt.core.intervals import mean_interval, percent
    from torch_backend.data import load
    from torch_backend.training.searching import search

TRAIN, VALIDATION, TEST = 1000, 500, 2000
EPOCHS, BATCH, SEEDS, SPARSITY = 6, 50, 3, 0.5
FROZEN = {"prune": 0.25, "lock": 0.25}
SETTINGS: dict[str, dict[str, Any]] = {
    f"{name}, {weights}": {"optimiser": optimiser, "rate": rate, "decay": decay, **drawn}
    for name, optimiser, rate, decay in (
        ("SGD 0.1, decay 1e-4", "sgd", 0.1, 1e-4),  # Ramanujan et al. 2020, Otsuka et al. 2024
        ("AdamW 0.01", "adamw", 0.01, 0.0),
        ("AdamW 0.05", "adamw", 0.05, 0.0),
    )
    for weights, drawn in (
        ("KU", {"weights": "ku", "scale": "none"}),
        ("SKC, dynamic scale", {"weights": "skc", "scale": "dynamic"}),
    )
}
CASES: dict[str, tuple[bool, dict[str, float]]] = {
    "no norms, dense": (False, {}),
    "batch norms, dense": (True, {}),
    "no norms, p = q = .25": (False, FROZEN),
}

Part = tuple[Tensor, Tensor]


def network(side: int, norms: bool) -> nn.Sequential:
    """Return two convolutions of 16 and 32 channels, each followed by 2 x 2 max-pooling, and a linear layer."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 16), (16, 32)):
        layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
        if norms:
            layers.append(nn.BatchNorm2d(outputs))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * (side // 4) ** 2, 10))


def data(root: str | None = None) -> tuple[str, int, tuple[Part, Part, Part]]:
    """Return the name of the images, their side, and (images, labels) of three parts, values about 0 to 1."""
    try:
        found = load("mnist", root, seed=0, images=5 * VALIDATION)
    except FileNotFoundError:
        from sklearn.datasets import load_digits

        images, labels = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
        x = (images.float() / 16).reshape(-1, 1, 8, 8)
        ends = (slice(0, TRAIN), slice(TRAIN, TRAIN + 300), slice(TRAIN + 300, None))
        train, validation, test = ((x[part], labels[part].long()) for part in ends)
        return "digits", 8, (train, validation, test)
    parts = [
        (part.batch(torch.arange(count)).float() / 255, part.labels[:count])
        for part, count in ((found.train, TRAIN), (found.validation, VALIDATION), (found.test, TEST))
    ]
    return "mnist", 28, (parts[0], parts[1], parts[2])


def main(argv: Sequence[str] | None = None) -> int:
    """Search every setting in every case with every seed; print the table and write the rows."""
    parser = Parser(prog="python -m benchmarks.defaults", description=__doc__)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write a row for every search to this JSONL file")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default {EPOCHS}")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"default {SEEDS}")
    args = parser.parse_args(argv)
    epochs, seeds = whole("epochs", args.epochs, 1), whole("seeds", args.seeds, 1)
    if args.out is not None:
        check_writable(args.out)
    name, side, parts = data()
    rows: list[dict[str, Any]] = []
    with console.progress(len(SETTINGS) * len(CASES) * seeds, "searches") as advance:
        for setting, choices in SETTINGS.items():
            for case, (norms, rates) in CASES.items():
                for seed in range(seeds):
                    start = time.process_time()
                    found = search(
                        network(side, norms), parts, SPARSITY, **choices, **rates, epochs=epochs, batch=BATCH,
                        seed=seed, device="cpu", progress=False,
                    )  # fmt: skip
                    rows.append(
                        {"data": name, "setting": setting, "case": case, "seed": seed, "epochs": epochs, **choices,
                         "validation": found.validation, "test": found.test, "torch": torch.__version__,
                         "seconds": round(time.process_time() - start, 2)}
                    )  # fmt: skip
                    advance(1)
    if args.out is not None:
        export_jsonl(args.out, rows)
    page = console.Page()
    title = f"Test accuracy in % of tickets in small networks on {name}, {epochs} epochs, {seeds} seeds, sparsity .5"
    page.print(console.table(title, ("<setting", *CASES, "least validation"), summary(rows)))
    return 0


def summary(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return for each setting its test accuracies by case, and the least of its mean validation accuracies."""
    table = []
    for setting in SETTINGS:
        groups = [[row for row in rows if (row["setting"], row["case"]) == (setting, case)] for case in CASES]
        least = min(mean_interval([row["validation"] for row in group]).value for group in groups)
        tests = (percent(mean_interval([row["test"] for row in group])) for group in groups)
        table.append((setting, *tests, f"{100 * least:.2f}"))
    return table


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.defaults"))
