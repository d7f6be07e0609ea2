"""One run, epoch by epoch: stochastic gradients on whatever a model lets be trained, resumable to the same numbers."""

import math
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from slt.core.checks import DAMAGE, first_line
from slt.core.files import write_atomically
from slt.core.forms import OBJECT, SHARE, Numbers, check
from slt.core.store import Row, export_jsonl
from torch_backend.training.ranks import ALONE, Ranks, digest
from torch_backend.training.settings import Settings

MOMENTUM = 0.9
SAME = ("data", "device")  # of an origin: what runs that are compared must share
CHECKPOINT, EPOCHS = "checkpoint.pt", "epochs.jsonl"
TRAINED = {  # the form of a row of an epoch
    "epoch": Numbers(0, whole=True),
    "rate": Numbers(0),
    "loss": Numbers(),
    "validation": SHARE,
    "sparsity": OBJECT,
    "seconds": Numbers(0),
}
SGD, ADAM = ("momentum_buffer",), ("step", "exp_avg", "exp_avg_sq")  # what optimisers keep of every parameter
SINGLE = {"ranks": "1"}  # not written, so that a run of one process is as it was before there were several


class Task(Protocol):
    """Data and loss of a run; every number is a function of (seed, epoch, step) alone."""

    @property
    def steps(self) -> int:
        """Optimiser steps in an epoch."""

    def loss(self, model: nn.Module, epoch: int, step: int) -> Tensor:
        """Return the mean loss of a batch; of several ranks, each returns a part and their sum is the mean."""

    def accuracy(self, model: nn.Module, part: str) -> float:
        """Return the share of right answers on "validation" or "test"."""

    def ones(self, dtype: torch.dtype) -> tuple[Any, ...]:
        """Return arguments of the model that are all ones and know nothing of the data but their shape."""


@dataclass
class Run:
    """A model in training. prepare: called whenever its parameters have changed, before it is used. origin: what a
    checkpoint must have been made with, beside the settings, for a run to go on from it.

    before: called with (epoch, step) before every step. first: epochs before this one are never taken as the best.
    ranks: the processes that train it together; rank 0 reads and writes the files. keep: whether there are files at
    all; without them a run that was stopped starts again.
    """

    model: nn.Module
    task: Task
    settings: Settings
    folder: Path
    prepare: Callable[[], dict[str, float]]
    amp: bool = False
    origin: dict[str, str] = field(default_factory=dict)
    before: Callable[[int, int], None] = lambda epoch, step: None
    first: int = 0
    ranks: Ranks = ALONE
    keep: bool = True

    def fit(self, tell: Callable[[Row], None] = lambda row: None, stop: Callable[[], None] = lambda: None) -> list[Row]:
        """Train for all epochs, going on from the checkpoint in ``folder`` if there is one; return a row per epoch.

        In the end the model is as it was after the epoch of the best validation accuracy (the first of equals).
        Rows are written to epochs.jsonl, then the checkpoint, after every epoch. stop: called after every step.
        Raises ValueError at a loss that is not finite, or when ranks have come to differ; the last epoch's checkpoint
        stays.
        """
        optimiser = optimiser_of(self.model, self.settings)
        rows: list[Row] = []
        best: dict[str, Any] = {}
        kept = self.ranks.from_first(lambda: read_checkpoint(self.folder / CHECKPOINT))
        if kept is not None:
            check_origin(self.folder / CHECKPOINT, {**SINGLE, **kept["origin"]}, {**SINGLE, **self.origin})
            try:
                self._check(kept, optimiser)
                self.model.load_state_dict(kept["model"])
                optimiser.load_state_dict(kept["optimiser"])
            except DAMAGE as error:
                raise damaged(self.folder / CHECKPOINT, error) from None
            rows, best = kept["rows"], kept["best"]
        self.prepare()
        for epoch in range(len(rows), self.settings.epochs):
            start = time.perf_counter()
            rate = self.settings.rate * (1 + math.cos(math.pi * epoch / self.settings.epochs)) / 2
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss, sparsities = self._epoch(optimiser, epoch, stop)
            validation = self.task.accuracy(self.model, "validation")
            best = self._better(best, epoch, validation)
            row = {"epoch": epoch, "rate": rate, "loss": loss, "validation": validation, "sparsity": sparsities,
                   "seconds": round(time.perf_counter() - start, 3)}  # fmt: skip
            rows.append(row)
            if self.ranks.world > 1:
                self.ranks.agree(f"the network after epoch {epoch + 1}", digest(self.model))
            if self.ranks.first and self.keep:
                self._write(rows, best, optimiser)
            tell(row)
        self.model.load_state_dict(best["model"])
        self.prepare()
        return rows

    def _check(self, kept: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
        """Raise an error of :data:`slt.core.checks.DAMAGE` unless ``kept`` is what this run would have written."""
        check_kept(kept, self.model, optimiser, self.settings.epochs, self.first)

    def _better(self, best: dict[str, Any], epoch: int, validation: Any) -> dict[str, Any]:
        """Return the best epoch so far and its model; of equal ones the first."""
        if epoch >= self.first and (not best or validation > best["validation"]):
            return {"validation": validation, "epoch": epoch, "model": copied(self.model.state_dict())}
        return best

    def _mean(self, total: Tensor, epoch: int) -> Any:
        """Return the mean over the steps of an epoch, whose sum is ``total``; raise ValueError if it is not finite."""
        mean = float(total) / self.task.steps
        if not math.isfinite(mean):
            there = epoch and self.keep
            kept = f"the state after epoch {epoch} is kept in {self.folder}" if there else "nothing is kept"
            raise ValueError(f"the loss is not finite in epoch {epoch + 1} ({mean}); try a smaller rate; {kept}")
        return mean

    def _write(self, rows: list[Row], best: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
        """Write the rows, then the checkpoint."""
        export_jsonl(self.folder / EPOCHS, rows)
        write_checkpoint(
            self.folder / CHECKPOINT,
            {
                "model": self.model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "rows": rows,
                "best": best,
                "origin": self.origin,
            },
        )

    def _epoch(
        self, optimiser: torch.optim.Optimizer, epoch: int, stop: Callable[[], None]
    ) -> tuple[Any, dict[str, float]]:
        """Return the mean loss and the sparsities after the last step."""
        self.model.train()
        total = torch.zeros((), device=next(self.model.parameters()).device)
        sparsities: dict[str, float] = {}
        for step in range(self.task.steps):
            self.before(epoch, step)
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast(total.device.type, torch.bfloat16, enabled=self.amp), _batches_told(step):
                loss = self.task.loss(self.model, epoch, step)
            loss.sum().backward()  # one number, or one for each of several networks
            self.ranks.add([parameter.grad for parameter in self.model.parameters() if parameter.grad is not None])
            optimiser.step()
            sparsities = self.prepare()
            total = total + loss.detach()
            stop()
        self.ranks.add([total])
        return self._mean(total, epoch), sparsities


@contextmanager
def _batches_told(step: int) -> Iterator[None]:
    """Say of a batch that is too small for a norm over batches what can be done."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            f"batch {step + 1} of an epoch has one image, of which batch norm cannot take a mean; give another batch"
        ) from None


def optimiser_of(model: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Return the optimiser of everything in the model that may be trained."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(trained, settings.rate, weight_decay=settings.decay)
    return torch.optim.SGD(trained, settings.rate, MOMENTUM, weight_decay=settings.decay)


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values so that :func:`read_checkpoint` returns them."""
    buffer = BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return what was written, or None where nothing was; nothing but tensors and plain values is read.

    Raises ValueError when the file is damaged.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as parts:  # torch reads on where a checksum is wrong
            # zipfile looks from the end of the file and torch from its start
            if min(part.header_offset for part in parts.infolist()) > 0:
                raise ValueError("it does not start with its first part")
            wrong = parts.testzip()
        if wrong is not None:
            raise ValueError(f"{wrong} does not have its checksum")
        found = torch.load(path, weights_only=True, map_location="cpu")
        found["origin"] = dict(found["origin"])
        return {name: found[name] for name in ("model", "optimiser", "rows", "best", "origin")}
    except Exception as error:  # torch raises a dozen kinds, and a line is all that anyone can use
        raise damaged(path, error) from None


def check_kept(
    kept: dict[str, Any], model: nn.Module, optimiser: torch.optim.Optimizer, epochs: int, first: int
) -> None:
    """Raise an error of :data:`slt.core.checks.DAMAGE` unless ``kept`` is what a run of these would have written.

    kept: of a checkpoint. epochs: of the run; first: see :class:`Run`.
    """
    fresh = model.state_dict()
    check_state(kept["model"], fresh)
    rows, best = kept["rows"], kept["best"]
    check(rows, [TRAINED], "rows")
    if [row["epoch"] for row in rows] != list(range(len(rows))) or not 0 < len(rows) <= epochs:
        raise ValueError("its epochs are not those of this run")
    if best != {} or len(rows) > first:
        at = max(range(first, len(rows)), key=lambda epoch: (rows[epoch]["validation"], -epoch))
        if (best["epoch"], best["validation"]) != (at, rows[at]["validation"]):
            raise ValueError("its best epoch is not that of its rows")
        check_state(best["model"], fresh)
    said, groups = kept["optimiser"], optimiser.state_dict()["param_groups"]
    check([group["lr"] for group in said["param_groups"]], [Numbers(0)], "rates")
    if [{**group, "lr": 0} for group in said["param_groups"]] != [{**group, "lr": 0} for group in groups]:
        raise ValueError("its optimiser is not that of this run")
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    names = ADAM if isinstance(optimiser, torch.optim.AdamW) else SGD
    for number, state in said["state"].items():
        like = parameters[number]
        check_state(state, {name: torch.zeros(()) if name == "step" else like for name in names})


def check_state(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Raise ValueError unless tensors have these names, shapes and dtypes."""
    if found.keys() != wanted.keys():
        raise ValueError(f"it has {', '.join(map(str, found))} for {', '.join(wanted)}")
    for name, tensor in wanted.items():
        # a module may keep more than tensors, which it looks at itself
        if isinstance(tensor, Tensor) and (found[name].shape, found[name].dtype) != (tensor.shape, tensor.dtype):
            raise ValueError(f"{name} is {found[name].dtype} {tuple(found[name].shape)}")


def damaged(path: Path, error: Exception) -> ValueError:
    """Return the error that says so in one line."""
    return ValueError(f"{path} is damaged ({first_line(error)}); remove it to start this run again")


def check_origin(path: Path, kept: dict[str, str], now: dict[str, str]) -> None:
    """Raise ValueError when a run was begun on other data, or in another way, than it would go on."""
    for name, value in now.items():
        if kept.get(name) != value:
            raise ValueError(
                f"{path} was begun with {name} {kept.get(name)}, now it is {value}: go on in the same way, or give "
                "another folder (--out)"
            )


def copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state_dict with memory of its own."""
    return {name: value.detach().clone() for name, value in state.items()}
