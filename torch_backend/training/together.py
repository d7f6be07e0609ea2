"""All seeds of one setting in one process, as one network of members: for accelerators, where it keeps them busy.

On two cores it is slower than one search in each of two processes (:mod:`torch_backend.training.side_by_side`), as
``python -m benchmarks.side_by_side`` measures; no command uses it there.

Every member keeps what it has alone: its source, first scores, order of data, augmentation, split, best epoch, files
and row. The numbers are those of single runs up to the order of floating-point sums
(:mod:`torch_backend.masks.members`).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from slt.core.store import Row, export_jsonl
from torch_backend.data import Images, load
from torch_backend.masks.members import WAYS, Members
from torch_backend.models import build
from torch_backend.training.run import CHECKPOINT, EPOCHS, Run, check_state, copied, optimiser_of
from torch_backend.training.settings import Settings
from torch_backend.training.start import FORM, RESULT, finished, model_sizes, origin_of, prepared, read_result, task_of
from torch_backend.training.tasks import ImageTask

TRIAL = 10  # steps by which the way to compute the layers is chosen


class NotTogether(ValueError):
    """Settings whose searches cannot be computed as one network: they run one by one."""


@dataclass
class MembersTask:
    """The batches of several tasks of one shape, a member's own each."""

    tasks: Sequence[ImageTask]

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.tasks[0].steps

    def loss(self, model: nn.Module, epoch: int, step: int) -> Tensor:
        """Return every member's mean cross-entropy of its batch, (K,)."""
        examples = [task.examples(epoch, step) for task in self.tasks]
        x, labels = torch.stack([x for x, _, _ in examples]), torch.stack([labels for _, labels, _ in examples])
        losses = functional.cross_entropy(model(x).flatten(0, 1), labels.flatten(), reduction="none")
        return losses.view(len(x), -1).mean(1)

    @torch.no_grad()
    def accuracy(self, model: nn.Module, part: str) -> list[float]:
        """Return every member's share of right answers."""
        model.eval()
        right = torch.zeros(len(self.tasks), dtype=torch.int64, device=next(model.parameters()).device)
        for portions in zip(*(task.portions(part) for task in self.tasks), strict=True):
            x, labels = (torch.stack([portion[what] for portion in portions]) for what in (0, 1))
            right += (model(x).argmax(2) == labels).sum(1)
        return [count / len(getattr(self.tasks[0].images, part)) for count in right.tolist()]


@dataclass
class Together(Run):
    """The run of all members; what a row says is a list, a value for each.

    until: the time (of time.monotonic) after which no epoch begins. between: seconds between two checkpoints. failed:
    by member, why it has no result. Raises Stopped at ``until``, when everything is written.
    """

    until: float = float("inf")
    between: float = 0.0
    failed: dict[int, str] = field(default_factory=dict)
    _written: float = field(default=0.0, init=False)

    def _mean(self, total: Tensor, epoch: int) -> list[float | None]:
        means: list[float | None] = [mean if isfinite(mean) else None for mean in (total / self.task.steps).tolist()]
        assert isinstance(self.model, Members)
        for member, (mean, layers) in enumerate(zip(means, self.model.sparsities(), strict=True)):
            empty = [name for name, sparsity in layers.items() if sparsity == 1]
            if mean is None:
                self.failed.setdefault(member, f"the loss is not finite in epoch {epoch + 1}; try a smaller rate")
            elif empty:
                self.failed.setdefault(member, f"nothing is left of {', '.join(empty)} in epoch {epoch + 1}")
        if len(self.failed) == len(means):
            raise ValueError(self.failed[0])
        return means

    def _better(self, best: dict[str, Any], epoch: int, validation: list[float]) -> dict[str, Any]:
        state = self.model.state_dict()
        if not best:
            return {"validation": list(validation), "epoch": [epoch] * len(validation), "model": copied(state)}
        for member, share in enumerate(validation):
            if share > best["validation"][member]:
                best["validation"][member], best["epoch"][member] = share, epoch
                for name, tensor in state.items():
                    best["model"][name][member] = tensor[member]
        return best

    def _check(self, kept: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
        fresh = self.model.state_dict()
        check_state(kept["model"], fresh)
        check_state(kept["best"]["model"], fresh)
        if [row["epoch"] for row in kept["rows"]] != list(range(len(kept["rows"]))):
            raise ValueError("its epochs are not those of a run")
        self.failed = {int(member): why for member, why in kept["rows"][-1]["failed"].items()}

    def _write(self, rows: list[Row], best: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
        assert isinstance(self.model, Members)
        rows[-1] |= {"sparsity": self.model.sparsities(), "failed": {str(k): why for k, why in self.failed.items()}}
        late, last = time.monotonic() > self.until, len(rows) == self.settings.epochs
        if late or last or time.monotonic() - self._written >= self.between:
            super()._write(rows, best, optimiser)
            self._written = time.monotonic()
        if late and not last:
            raise Stopped(f"{len(rows)} of {self.settings.epochs} epochs are done")


class Stopped(Exception):
    """The time is up; the same call goes on after the epochs that are done."""


def check_together(settings: Settings, data: object) -> None:
    """Raise :class:`NotTogether` for searches that cannot be computed as one network."""
    for wrong, why in (
        (not isinstance(data, Images) or not isinstance(data.train.inputs, Tensor), "its data are no images in memory"),
        (settings.method != "edge-popup", "its weights are trained"),
        (settings.learn_norms, "its norms are trained"),
        (settings.scale == "dynamic", "its scale is dynamic"),
        (":" in settings.scope, "its masks are of groups"),
    ):
        if wrong:
            raise NotTogether(f"{settings.model} on {settings.data_set} cannot be searched together: {why}")


def run_together(
    settings: Settings,
    seeds: Sequence[int],
    folder: Path,
    root: Path,
    device: torch.device,
    tell: Callable[[Row], None] = lambda row: None,
    *,
    amp: bool = False,
    way: str | None = None,
    until: float = float("inf"),
    between: float = 0.0,
) -> dict[int, Row | str]:
    """Return the row of every seed, as :func:`torch_backend.training.start.run` does, or why it has none.

    folder: of the settings; it gets a folder seed0, seed1, .. for each seed, in the form of single runs, and one for
    what all have in common, from which a run that was cut off goes on. Seeds that are finished there are read. way: how
    layers are computed, one of :data:`torch_backend.masks.members.WAYS`; by default what is faster in a trial. until,
    between: see :class:`Together`. tell: takes the row of each epoch, in which loss, validation and sparsity are lists.

    Raises :class:`NotTogether` for settings that must run one by one, :class:`Stopped` when the time is up, ValueError
    when no seed has a finite loss or files are damaged or of other runs, OSError where files cannot be read or written.
    """
    sets = [
        load(settings.data_set, root, seed=seed, images=settings.images, size=settings.size).to(device)
        for seed in seeds
    ]
    check_together(settings, sets[0])
    origins = [origin_of(data, device, amp=amp) | {"together": str(len(seeds))} for data in sets]
    found: dict[int, Row | str] = {}
    for seed, origin in zip(seeds, origins, strict=True):
        row = read_result(folder / f"seed{seed}" / RESULT, asdict(settings), seed, origin, FORM)
        if row is not None:
            found[seed] = row
    if len(found) == len(seeds):
        return {seed: found[seed] for seed in seeds}
    sizes = model_sizes(settings, sets[0])
    sources = [prepared(settings, seed, sizes) for seed in seeds]
    members = Members(sources, build(settings.model, **sizes), settings.sparsity, settings.scope).to(device)
    tasks = [task_of(settings, seed, data) for seed, data in zip(seeds, sets, strict=True)]
    task = MembersTask([task for task in tasks if isinstance(task, ImageTask)])
    members.way = way or faster(members, task, settings, amp)
    common = folder / f"seeds-{'-'.join(map(str, seeds))}"
    common.mkdir(parents=True, exist_ok=True)

    def prepare() -> dict[str, float]:
        members.select()
        return {}

    origin = {**origins[0], "data": " ".join(origin["data"] for origin in origins)}
    # a task of several networks: what is a number of one is a list
    run = Together(members, task, settings, common, prepare, amp=amp, origin=origin, until=until, between=between)  # type: ignore[arg-type]
    rows = run.fit(tell)
    failed = rows[-1]["failed"]
    for member, seed in enumerate(seeds):
        if str(member) in failed:
            found[seed] = failed[str(member)]
        elif seed not in found:
            place = folder / f"seed{seed}"
            place.mkdir(exist_ok=True)
            own = [_of_member(row, member, len(seeds)) for row in rows]
            export_jsonl(place / EPOCHS, own)
            members.write_to(sources[member], member)
            source = sources[member].to(device)
            found[seed] = finished(settings, seed, place, source, sizes, own, origins[member], task.tasks[member])
    if not failed:
        (common / CHECKPOINT).unlink(missing_ok=True)
    return {seed: found[seed] for seed in seeds}


def faster(members: Members, task: MembersTask, settings: Settings, amp: bool) -> str:
    """Return the way of computing the layers that takes less time for a few steps; nothing is changed by them."""
    kept, seconds = copied(members.state_dict()), {}
    device = members.scores.device
    for way in WAYS:
        members.way = way
        for step in range(TRIAL):
            if step == TRIAL // 2:  # the first ones choose kernels
                _wait(device)
                start = time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled=amp):
                loss = task.loss(members.train(), 0, step % task.steps)
            loss.sum().backward()
        _wait(device)
        seconds[way] = time.perf_counter() - start
    optimiser_of(members, settings).zero_grad(set_to_none=True)
    members.load_state_dict(kept)
    return min(seconds, key=lambda way: seconds[way])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _of_member(row: Row, member: int, count: int) -> Row:
    """Return a member's own row of an epoch; its seconds are its share of those of all."""
    own = {name: row[name][member] for name in ("loss", "validation", "sparsity")}
    return {
        "epoch": row["epoch"], "rate": row["rate"], "loss": own["loss"], "validation": own["validation"],
        "sparsity": own["sparsity"], "seconds": round(row["seconds"] / count, 3),
    }  # fmt: skip
