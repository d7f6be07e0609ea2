"""Do two ranks find what one process finds? ``python -m benchmarks.ranks --out benchmarks/results/ranks.jsonl``.

One search (Conv2 on MNIST, a quarter pruned and a quarter locked) is run by one process with one thread, by one with
two threads (a control: only the order of sums may differ), by two ranks under torchrun, and by two ranks that are
killed (signal 9: a rank, the other, torchrun with both) at random moments, drawn from a seed, and started again each
time. All are compared with the first: losses, threshold, masks, accuracy; the killed ones with the undisturbed two,
bit for bit.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.local_group import ROOT, until
from slt.core.checks import whole
from slt.core.command import Parser, extra_needed, run
from slt.core.console import Page, table
from slt.core.files import check_writable
from slt.core.keys import checked_seed
from slt.core.store import export_jsonl

with extra_needed("python -m benchmarks.ranks"):
    import torch

    from torch_backend.masks.supermask import freeze, supermasks
    from torch_backend.masks.threshold import keep_largest, kept_free, kth_largest
    from torch_backend.models import build
    from torch_backend.tickets.files import load
    from torch_backend.training.run import read_checkpoint
    from torch_backend.training.settings import PRESETS
    from torch_backend.training.start import source_of

PRESET = "conv2-mnist-frozen"
SIZES = {"channels": 1, "size": 28, "classes": 10}
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
KILLED = ("rank 0", "rank 1", "torchrun and both")  # one after the other, after at least 0, 1 and 2 epochs
MOMENT = 10.0  # seconds within which a kill comes then

Row = dict[str, Any]


def start(words: Sequence[str], ranks: int, threads: int) -> "subprocess.Popen[bytes]":
    """Start the search; its ranks belong to a session of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, *(TORCHRUN if ranks > 1 else ()), "-m", "slt", "search", *words]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)


def ranks_of(agent: int) -> list[int]:
    """Return the processes that torchrun, process ``agent``, started, in the order of their ranks."""
    found = {}
    with suppress(OSError):  # one that ends meanwhile
        for task in Path(f"/proc/{agent}/task").iterdir():
            for child in (task / "children").read_text().split():
                words = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
                found |= {word: int(child) for word in words if word.startswith(b"RANK=")}
    return [found[name] for name in sorted(found)]


def killed(words: Sequence[str], folder: Path, rng: random.Random) -> list[str]:
    """Run two ranks to the end through three kills; return what was killed and when."""
    said = []
    for turn, what in enumerate(KILLED):
        process = start(words, 2, 1)
        until(lambda: len(ranks_of(process.pid)) == 2 and len(_lines(folder)) >= turn)  # noqa: B023
        time.sleep(rng.uniform(0, MOMENT))
        ranks = ranks_of(process.pid)
        if process.poll() is not None or len(ranks) < 2:
            raise RuntimeError(f"{what} ended before it could be killed: ask for more images")
        for pid in [ranks[int(what[-1])]] if what.startswith("rank") else [process.pid, *ranks]:
            os.kill(pid, signal.SIGKILL)
        process.wait()
        said.append(f"{what} after {len(_lines(folder))} epochs")
    if start(words, 2, 1).wait():
        raise RuntimeError("two ranks failed")
    return said


def _lines(folder: Path) -> list[str]:
    found = list(folder.glob("*/seed0/epochs.jsonl"))
    return found[0].read_text().splitlines() if found else []


def outcome(folder: Path) -> Row:
    """Return what a finished run left: losses, threshold and mask of its ticket, accuracies."""
    seed = next(folder.glob("*/seed0"))
    result = json.loads((seed / "result.json").read_text())
    settings = PRESETS[PRESET]
    model = freeze(build("conv2", **SIZES), **source_of(settings, 0))
    checkpoint = read_checkpoint(seed / "checkpoint.pt")
    if checkpoint is None:
        raise ValueError(f"the run in {seed} left no checkpoint")
    model.load_state_dict(checkpoint["best"]["model"])
    layers = supermasks(model)
    scores = [layer.scores.detach().abs() for layer in layers.values()]
    wanted = kept_free(layers, settings.sparsity)
    keep_largest(layers, scores, wanted)
    mask = torch.cat([layer.mask for layer in layers.values()])
    ticket = torch.cat([layer.mask for layer in supermasks(load(seed / "ticket.safetensors")[0]).values()])
    if not torch.equal(mask, ticket):
        raise RuntimeError("the ticket's mask is not that of the best checkpoint")
    rows = [json.loads(line) for line in _lines(folder)]
    return {
        "losses": [row["loss"] for row in rows],
        "validations": [row["validation"] for row in rows],
        "best epoch": result["best_epoch"],
        "threshold": float(kth_largest(torch.cat(scores), wanted)),
        "kept": int(mask.sum()),
        "mask": mask,
        "test": result["test"],
        "ticket": (seed / "ticket.safetensors").read_bytes(),
        "seconds": sum(row["seconds"] for row in rows),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run all, print how they differ; exit code 1 when the killed run is not, bit for bit, the undisturbed one."""
    p = Parser(prog="python -m benchmarks.ranks", description=__doc__)
    p.add_argument("--images", type=int, default=10_000)
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    p.add_argument("--out", type=Path, help="write one row a run to this JSONL file")
    args = p.parse_args(argv)
    whole("images", args.images, 1)
    whole("epochs", args.epochs, 1)
    args.seed = checked_seed(args.seed)
    if args.out is not None:
        check_writable(args.out)
    words = ["--preset", PRESET, "--images", str(args.images), "--epochs", str(args.epochs), "--seeds", "1"]
    words += ["--device", "cpu"]
    found: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as name:
        runs = {"one process": (1, 1), "one process, two threads": (1, 2), "two ranks": (2, 1)}
        for run, (ranks, threads) in runs.items():
            out = Path(name) / run
            if start([*words, "--out", str(out)], ranks, threads).wait():
                raise ChildProcessError(f"{run} failed; to see why: slt search {' '.join(words)}")
            found[run] = outcome(out)
        out = Path(name) / "killed"
        kills = killed([*words, "--out", str(out)], out, random.Random(args.seed))
        found["two ranks, killed"] = outcome(out)
    first = found["one process"]
    rows, cells = [], []
    for run, now in found.items():
        pairs = zip(now["losses"], first["losses"], strict=True)
        row = {
            "run": run, "images": args.images, "epochs": args.epochs,
            "loss, largest relative difference": max(abs(a / b - 1) for a, b in pairs),
            "threshold": now["threshold"], "kept": now["kept"], "free": len(now["mask"]),
            "bits that differ": int((now["mask"] != first["mask"]).sum()),
            "validations": now["validations"], "test": now["test"], "seconds": round(now["seconds"], 1),
        }  # fmt: skip
        rows.append(row)
        cells.append((run, f"{row['loss, largest relative difference']:.1e}", f"{row['threshold']:.9g}", row["kept"],
                      f"{row['bits that differ']} of {row['free']}", f"{row['validations'][-1]:.2%}",
                      f"{row['test']:.2%}", f"{row['seconds']:.0f}"))  # fmt: skip
    undisturbed, resumed = found["two ranks"], found["two ranks, killed"]
    same = all(undisturbed[part] == resumed[part] for part in ("losses", "validations", "threshold", "test", "ticket"))
    rows[-1] |= {"kills": kills, "same bytes as two ranks": same}
    if args.out is not None:
        export_jsonl(args.out, rows)
    columns = ("<run", "loss differs by", "threshold", "kept", "mask bits that differ", "validation", "test", "s")
    title = f"Conv2 on MNIST, {args.images:,} images, {args.epochs} epochs, beside one process of one thread"
    Page().print(table(title, columns, cells))
    print(
        f"killed: {', '.join(kills)}; its losses, threshold and ticket are {'' if same else 'NOT '}those of two ranks"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.ranks"))
