"""The published Conv6 rows at full width on an accelerator: ``python -m benchmarks.accelerator --out FOLDER``.

CIFAR-10, 100 epochs, all 50,000 images, augmented: tickets of a dense source (k = .5), of a pruned one of the frozen
one's size at the centre of its own interval (p = .5, k = .75), and of a frozen one (p = q = .25, k = .5); five seeds
each. The seeds of a row are one network of members (torch_backend/training/together.py), in bfloat16 autocast. A row is
written when its seeds have ended. The same command goes on from the last checkpoint, after --minutes too.

``--pack FOLDER`` writes the data set as pieces of at most 60 MiB, which can be sent to another machine one by one;
``--pieces FOLDER`` there puts them together. ``--device cpu`` with a small --width, --images and --epochs tries all of
it without an accelerator.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from slt.core import console
from slt.core.checks import finite, whole
from slt.core.command import REFUTED, Parser, extra_needed, run
from slt.core.files import check_outside, check_writable, make_folder
from slt.core.places import data_root
from slt.core.store import Row, export_jsonl

with extra_needed("python -m benchmarks.accelerator"):
    import torch

    from torch_backend.training.settings import PRESETS, Settings
    from torch_backend.training.start import claim, device_of, plain_settings
    from torch_backend.training.summary import table
    from torch_backend.training.together import Stopped, run_together

ROWS = ("conv6-cifar10-dense", "conv6-cifar10-equal-centre", "conv6-cifar10-frozen")
SEEDS = 5
MINUTES = 9.5
BETWEEN = 60.0  # seconds between two checkpoints: each is some hundred megabytes
FOLDER = "cifar-10-batches-py"
PIECE = 60 * 2**20  # bytes


def main(argv: Sequence[str] | None = None) -> int:
    """Run what has not been run yet until the time is up; print the rows that there are."""
    begin = time.monotonic()
    args = _parser().parse_args(argv)
    if args.pack is not None:
        for piece, size in pack(data_root(args.data), args.pack):
            console.Page().print(f"{piece}: {size / 2**20:.0f} MiB")
        return 0
    if args.out is None:
        raise ValueError("give --out, or --pack")
    seeds = range(whole("seeds", args.seeds, 1))
    until = begin + 60 * finite("minutes", args.minutes)
    out = Path(args.out)
    results = args.results or out / "rows.jsonl"
    if args.results is not None:
        check_outside("--results", args.results, out)
    device = device_of(args.device)
    if args.device is None and device.type == "cpu":
        raise ValueError("there is no accelerator here; --device cpu tries this command at a small size")
    make_folder(out)
    check_writable(results)
    root = data_root(args.data) if args.pieces is None else joined(args.pieces, out / "data")
    torch.backends.cudnn.benchmark = True  # every batch but the last of an epoch has the same shape
    chosen = {name: changed(PRESETS[name], args.width, args.images, args.epochs, args.batch) for name in ROWS}
    found: dict[str, list[Row]] = {}
    failed: list[str] = []
    for name, settings in chosen.items():
        folder = out / settings.name
        claim(folder, plain_settings(settings))
        tell = Teller(name, settings.epochs)
        try:
            outcomes = run_together(settings, seeds, folder, root, device, tell, amp=True, until=until, between=BETWEEN)
        except Stopped as error:
            sys.stderr.write(f"time is up: of {name}, {error}; the same command goes on\n")
            break
        found[name] = [row for row in outcomes.values() if not isinstance(row, str)]
        failed += [f"{name}, seed {seed} failed: {why}" for seed, why in outcomes.items() if isinstance(why, str)]
        export_jsonl(results, [{"name": name, **row} for name, rows in found.items() for row in rows])
        if tell.said is not None and time.monotonic() > until and name != ROWS[-1]:
            sys.stderr.write("time is up: the same command goes on with the next row\n")
            break
    page = console.Page()
    if any(found.values()):
        page.print(table(chosen, {name: rows for name, rows in found.items() if rows}))
        page.print(f"rows: {results}")
    for line in failed:
        page.note(line)
    return REFUTED if failed else 0


def changed(settings: Settings, width: float, images: int, epochs: int | None, batch: int | None) -> Settings:
    """Return a preset's settings at another size."""
    return replace(
        settings, width=width, images=images, epochs=epochs or settings.epochs, batch=batch or settings.batch
    )


def pack(root: Path, folder: Path) -> list[tuple[Path, int]]:
    """Copy the data set below ``root`` into folders 1, 2, .. of at most :data:`PIECE` bytes; return them with sizes.

    Raises FileNotFoundError where the data set is not there.
    """
    files = sorted(path for path in (root / FOLDER).iterdir() if path.is_file())
    pieces: list[tuple[Path, int]] = []
    for path in files:
        size = path.stat().st_size
        if not pieces or pieces[-1][1] + size > PIECE:
            pieces.append((folder / str(len(pieces) + 1), 0))
        place, before = pieces[-1]
        pieces[-1] = place, before + size
        target = place / FOLDER / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return pieces


def joined(pieces: Path, root: Path) -> Path:
    """Copy what lies in folders below ``pieces`` into one data folder ``root``, once; return it."""
    for path in sorted(pieces.glob(f"*/{FOLDER}/*")):
        target = root / FOLDER / path.name
        if not target.exists() or target.stat().st_size != path.stat().st_size:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return root


class Teller:
    """Says of every epoch how far the row is, at most one line in ten seconds."""

    def __init__(self, name: str, epochs: int) -> None:
        self.name, self.epochs = name, epochs
        self.said: float | None = None

    def __call__(self, row: Row) -> None:
        now, epoch = time.monotonic(), row["epoch"] + 1
        if self.said is None or now - self.said >= 10 or epoch == self.epochs:
            self.said = now
            shares = " ".join(f"{100 * share:.1f}" for share in row["validation"])
            left = row["seconds"] * (self.epochs - epoch) / 60
            sys.stderr.write(
                f"{self.name}: epoch {epoch} of {self.epochs}, {row['seconds']:.2f} s, validation {shares} %, "
                f"about {left:.1f} minutes left\n"
            )


def _parser() -> Parser:
    p = Parser(prog="python -m benchmarks.accelerator", description=__doc__)
    p.add_argument("--out", metavar="DIR", help="gets the rows, checkpoints and tickets")
    p.add_argument("--results", type=Path, metavar="FILE", help="write the rows to this JSONL file (default in --out)")
    p.add_argument("--minutes", type=float, default=MINUTES, help="begin no epoch later (default %(default)s)")
    p.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds (default %(default)s)")
    p.add_argument("--device", help="default: the accelerator")
    p.add_argument("--data", metavar="DIR", help="where data sets lie (default: $SLT_DATA, else ~/.cache/slt-verify)")
    p.add_argument("--pieces", type=Path, metavar="DIR", help="the data set in the pieces that --pack wrote")
    p.add_argument("--pack", type=Path, metavar="DIR", help="write the data set in pieces, and end")
    p.add_argument("--width", type=float, default=1.0, help="to try it: of the network (default 1)")
    p.add_argument("--images", type=int, default=0, help="to try it: how many training images (default all)")
    p.add_argument("--epochs", type=int, help="to try it: how many epochs (default: those of the preset)")
    p.add_argument("--batch", type=int, help="to try it: images in a batch (default: that of the preset)")
    return p


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.accelerator"))
