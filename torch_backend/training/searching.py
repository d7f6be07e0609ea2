"""One call from a network and data to a ticket: :func:`search`, for models and data of a user's own and for ours."""

import copy
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html import escape
from importlib import import_module
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from slt.core import console
from slt.core.checks import flag, open_unit
from slt.core.files import make_folder
from slt.core.keys import checked_seed
from slt.core.places import data_root
from slt.core.store import Row, read_jsonl
from torch_backend.data import load
from torch_backend.data.sets import PARTS
from torch_backend.masks.supermask import Supermask, freeze, supermasks
from torch_backend.tickets import files
from torch_backend.training.loaders import ALLOWED, LoaderTask, answer, loader_of
from torch_backend.training.run import EPOCHS, TRAINED, Task
from torch_backend.training.settings import Settings
from torch_backend.training.start import (
    FORM,
    RESULT,
    TICKET,
    claim,
    device_of,
    finished,
    fitted,
    model_sizes,
    origin_of,
    plain_settings,
    prepared,
    read_result,
    source_of,
    task_of,
)
from torch_backend.training.tasks import GraphTask, ImageTask


@dataclass(frozen=True)
class OwnSettings(Settings):
    """Settings of a search in a module or on data of a user's own, which have no name here.

    leave: names of parameters that keep their values, as :func:`torch_backend.masks.supermask.freeze` takes them.
    """

    leave: tuple[str, ...] = ()

    def _check_names(self) -> None:
        pass


@dataclass(frozen=True, eq=False)
class Ticket:
    """A strong lottery ticket: a network of random weights that a mask makes useful.

    module: the frozen network with its masks, ready to evaluate. settings, seed: what it was searched with. validation:
    share of right answers on the validation data, by which the epoch ``best_epoch`` (counted from 0) was chosen; test:
    the same on the test data. history: a row for each epoch (loss, validation, rate, sparsity by layer, seconds). After
    :func:`load_ticket` there is no history, and what the file does not say is None.
    """

    module: nn.Module
    settings: Mapping[str, Any]
    seed: int
    best_epoch: int | None
    validation: float | None
    test: float | None
    history: tuple[Row, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """Share of right answers on the test data."""
        return self.test

    @property
    def masks(self) -> dict[str, Tensor]:
        """Which weights are in the ticket, by layer: bool, of the weight's shape; locked ones are, pruned ones not."""
        return {name: _kept(mask) for name, mask in supermasks(self.module).items()}

    @property
    def weights(self) -> int:
        """Number of weights of the source."""
        return sum(mask.size for mask in supermasks(self.module).values())

    @property
    def bits(self) -> int:
        """Number of bits that say which ticket it is: one for each weight that is neither pruned nor locked."""
        return sum(len(mask.mask) for mask in supermasks(self.module).values())

    @property
    def sparsity(self) -> float:
        """Share of the source's weights that are not in the ticket."""
        kept = sum(mask.locked + int(mask.mask.sum()) for mask in supermasks(self.module).values())
        return 1 - kept / self.weights

    def save(self, path: str | PathLike[str]) -> None:
        """Write the ticket to ``path``: a seed and one bit for each searchable weight (:func:`save_ticket`)."""
        save_ticket(path, self)

    def plain_state_dict(self) -> dict[str, Tensor]:
        """Return the ticket's weights for the original class, see :func:`plain_state_dict`."""
        return plain_state_dict(self.module)

    def _lines(self) -> list[tuple[str, str]]:
        shown = [
            ("network", type(self.module).__name__),
            ("sparsity", f"{self.sparsity:.4g} of {self.weights:,} weights"),
            ("ticket", f"{self.bits:,} bits"),
        ]
        for name, share in (("validation", self.validation), ("test", self.test)):
            if share is not None:
                shown.append((name, f"{share:.2%} right"))
        if self.best_epoch is not None and self.history:
            shown.append(("best epoch", f"{self.best_epoch + 1} of {len(self.history)}"))
        return shown

    def __str__(self) -> str:
        return "\n".join(f"{name:<10}  {value}" for name, value in self._lines())

    def __repr__(self) -> str:
        return f"<Ticket {', '.join(' '.join(line) for line in self._lines())}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in self._lines())
        return f"<table><caption>Strong lottery ticket</caption>{rows}</table>"


def search(
    model: nn.Module | str,
    data: Any,
    sparsity: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    rule: str = "epl",
    scope: str = "global",
    weights: str = "skc",
    scale: str = "dynamic",
    learn_norms: bool = False,
    leave: Collection[str] = (),
    name: str | None = None,
    epochs: int = 20,
    batch: int = 128,
    optimiser: str = "adamw",
    rate: float = 0.01,
    decay: float = 0.0,
    augment: bool = False,
    seed: int = 0,
    folder: str | PathLike[str] | None = None,
    device: str | None = None,
    progress: bool = True,
) -> Ticket:
    """Search a strong lottery ticket by Edge-Popup (Ramanujan et al. 2020) and return it.

    model: a classifier of one's own, which stays as it is (a copy is frozen, its weights replaced by random ones), or
    the name of a model here (:data:`torch_backend.models.MODELS`), which needs a data set by name. data: the name of a
    data set (:mod:`torch_backend.data`; $SLT_DATA says where it lies), or (train, validation, test), each a DataLoader,
    a dataset of (input, label) pairs, or a pair of tensors. Labels are 0 .. classes - 1.
    sparsity: share of all weights that are not in the ticket; prune < sparsity < 1 - lock.

    prune, lock: shares of the weights that are never, or always, in the ticket; rule, weights, scale, learn_norms and
    leave: as in :func:`torch_backend.masks.supermask.freeze`; scope: as in
    :func:`torch_backend.masks.threshold.select`. name: what a module of one's own is called in rows, messages and
    figures, by default its class. epochs, optimiser ("sgd" with momentum 0.9, or "adamw"), rate, decay:
    of the scores' training, the rate falling to 0 by the cosine rule; batch: of data that are no loaders. augment:
    random crops and flips of a data set by name. device: default a GPU if there is one.

    The defaults of weights, scale, optimiser, rate and decay were the best of six settings in small convolutional
    networks, with norms and without (``benchmarks/defaults.py``). They are not those of ``slt search``, which are the
    papers' (SGD at rate 0.1, Kaiming uniform weights, no scale).

    The ticket is that of the epoch of the best validation accuracy, the first of equals; it is tested once. folder:
    where epochs, checkpoint, ticket and result are kept; a search that was stopped goes on there to the same ticket bit
    for bit, a finished one is read, and one of other settings is refused. Where the loaders are one's own, their first
    batches are compared, and their random numbers are made anew from the seed
    (:class:`torch_backend.training.loaders.LoaderTask`). progress: show a bar on a terminal and in a notebook, else a
    line for each epoch on standard error.

    Raises ValueError for arguments out of range, a model or data that do not fit, a loss that is not finite, and a
    folder of another search; OSError for files that cannot be read or written; KeyboardInterrupt after Ctrl-C, which
    says where the search can go on.
    """
    open_unit("sparsity", sparsity)
    seed, progress = checked_seed(seed), flag("progress", progress)
    choices: dict[str, Any] = {
        "sparsity": sparsity, "prune": prune, "lock": lock, "rule": rule, "scope": scope, "weights": weights,
        "scale": scale, "learn_norms": flag("learn_norms", learn_norms), "epochs": epochs, "batch": batch,
        "optimiser": optimiser, "rate": rate, "decay": decay, "augment": flag("augment", augment),
    }  # fmt: skip
    planned = _planned(model, data, choices, tuple(leave), name, seed, device_of(device))
    try:
        if folder is None:
            with TemporaryDirectory(prefix="slt-search-") as temporary:
                return _searched(planned, seed, Path(temporary), progress, keep=False)
        place = make_folder(Path(folder))
        claim(place, {**plain_settings(planned.settings), "seed": seed})
        return _searched(planned, seed, place, progress, keep=True)
    except KeyboardInterrupt:
        stopped = _stopped(folder)
    raise KeyboardInterrupt(stopped)  # outside, so that nothing of where torch was is shown


def _stopped(folder: str | PathLike[str] | None) -> str:
    """Say where a search that was stopped can go on."""
    if folder is None:
        return "the search was stopped and is lost: with folder=... it could go on from its last finished epoch"
    return f"the search was stopped; the same call goes on from its last finished epoch, kept in {folder}"


def save_ticket(
    path: str | PathLike[str], ticket: Ticket | nn.Module, *, about: Mapping[str, Any] | None = None
) -> None:
    """Write a ticket, or a frozen module whose masks were selected, to a file; it is rebuilt from it before.

    about: words and numbers to be kept with it. The file holds a seed, one bit for each searchable weight, norms'
    statistics and checksums (:mod:`torch_backend.tickets.files`). Raises ValueError, before anything is written, for a
    module of which no ticket can be rebuilt, OSError when the file cannot be written.
    """
    said = dict(about or {})
    if isinstance(ticket, Ticket):
        known = {"settings": ticket.settings, "best_epoch": ticket.best_epoch, "validation": ticket.validation}
        said = {**known, "test": ticket.test, **said}
    files.save(path, ticket.module if isinstance(ticket, Ticket) else ticket, about=said)


def load_ticket(path: str | PathLike[str], model: nn.Module | None = None) -> Ticket:
    """Return the ticket in a file, its network rebuilt from the seed.

    model: a fresh module of the same shape, for a ticket of a module of one's own; it stays as it is. Raises ValueError
    when the file is damaged or does not fit the model, OSError when it cannot be read.
    """
    module, found = files.load(path, copy.deepcopy(model))
    about = found.about
    settings = about.get("settings", {"sparsity": about.get("sparsity")})
    return Ticket(
        module, settings, found.source["seed"], about.get("best_epoch"), about.get("validation"), about.get("test")
    )


def plain_state_dict(model: nn.Module | Ticket) -> dict[str, Tensor]:
    """Return the state_dict of a frozen model as its original class has it, complete and without traces of freezing.

    Weights are masked; norms, biases and buffers are there under their own names. It loads into the original class in a
    program that does not have this package, and gives the same outputs. The model stays as it is. Raises ValueError for
    a model that is not frozen, or is parametrized in another way too.
    """
    module = model.module if isinstance(model, Ticket) else model
    if not supermasks(module):
        raise ValueError(f"{type(module).__name__} is not frozen: it has no masked weights")
    plain = files.plain_model(copy.deepcopy(module))
    return {name: value.detach().clone() for name, value in plain.state_dict().items()}


@dataclass(frozen=True)
class _Planned:
    """What a search is. make: returns the frozen source; fresh: what a ticket is loaded into, None where the file says
    that; sizes: a builder's arguments; digest: of the data.
    """

    settings: Settings
    device: torch.device
    task: Task
    digest: str
    make: Callable[[], nn.Module]
    fresh: Callable[[], nn.Module] | None
    sizes: dict[str, Any]


def _planned(
    model: nn.Module | str,
    data: Any,
    choices: dict[str, Any],
    leave: tuple[str, ...],
    name: str | None,
    seed: int,
    device: torch.device,
) -> _Planned:
    """Return what is to be searched; raise ValueError where model, data and choices do not fit."""
    if not isinstance(model, nn.Module | str):
        raise ValueError(f"model must be a torch module or the name of a model, got a {type(model).__name__}")
    if isinstance(model, str) and not isinstance(data, str):
        raise ValueError(f"model {model!r} goes with a data set by name; for data of your own give a module")
    if isinstance(model, str) and leave:
        raise ValueError("leave is for a module of your own: the models here have no parameter to leave")
    if isinstance(model, str) and name is not None:
        raise ValueError("name is for a module of your own: the models here have names")
    if name is not None and (not isinstance(name, str) or not name.isprintable() or not name.strip()):
        raise ValueError(f"name must be a text that can be printed, got {name!r}")
    settings: Settings
    if isinstance(model, str):
        settings = Settings(model, data, **choices)
    else:
        settings = OwnSettings(
            name or type(model).__name__, data if isinstance(data, str) else files.OWN, **choices, leave=leave
        )
    task, digest, sizes = _task(settings, data, seed, device, isinstance(model, str))
    if isinstance(model, str):
        return _Planned(settings, device, task, digest, partial(prepared, settings, seed, sizes), None, sizes)
    if any(parameter.ndim > 1 for parameter in model.parameters()):  # else there is nothing to freeze, which is said
        _check_fit(copy.deepcopy(model).to(device), task)
    make = partial(_frozen, model, settings, leave, seed)
    return _Planned(settings, device, task, digest, make, partial(copy.deepcopy, model), {})


def _task(
    settings: Settings, data: Any, seed: int, device: torch.device, named: bool
) -> tuple[Task, str, dict[str, Any]]:
    """Return batches and loss, a digest of the data, and what the builder of a model by name is told of them."""
    if isinstance(data, str):
        found = load(data, data_root(), seed=seed).to(device)
        sizes = model_sizes(settings, found) if named else {}
        return task_of(settings, seed, found), origin_of(found, device)["data"], sizes
    if settings.augment:
        raise ValueError("augment is for a data set by name: let loaders of your own augment")
    if not isinstance(data, tuple | list) or len(data) != len(PARTS):
        raise ValueError(f"data must be a data set's name or ({', '.join(PARTS)}), {ALLOWED}; got {_called(data)}")
    train, validation, test = (loader_of(part, name, settings.batch) for name, part in zip(PARTS, data, strict=True))
    task = LoaderTask(train, validation, test, seed, device)
    return task, task.fingerprint, {}


def _check_fit(model: nn.Module, task: Task) -> None:
    """Raise ValueError unless a module of a user's own takes the data and has an output for every class."""
    if isinstance(task, LoaderTask):
        task.check(model)
        return
    assert isinstance(task, GraphTask | ImageTask)
    classes = task.graph.classes if isinstance(task, GraphTask) else task.images.classes
    with torch.no_grad():
        logits = answer(model.eval(), task.ones(torch.float32), "the data set")
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[1] < classes:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"the model must return (N, {classes}) or more columns for {classes} classes, got {got}")


def _frozen(model: nn.Module, settings: Settings, leave: tuple[str, ...], seed: int) -> nn.Module:
    return freeze(copy.deepcopy(model), **source_of(settings, seed), leave=leave)


def _searched(planned: _Planned, seed: int, folder: Path, progress: bool, *, keep: bool) -> Ticket:
    """Return the ticket of a search that works in ``folder``, from there where it was finished.

    keep: whether the folder outlives the search, so that there is something to go on from.
    """
    settings, device, fresh = planned.settings, planned.device, planned.fresh
    origin = origin_of(planned.digest, device)
    row = read_result(folder / RESULT, plain_settings(settings), seed, origin, FORM)
    if row is not None:
        rows = read_jsonl(folder / EPOCHS, TRAINED)
    else:
        frozen = planned.make().to(device)
        with _progress(settings.epochs, f"{settings.model}, seed {seed}", progress) as tell:
            rows = fitted(settings, folder, frozen, planned.task, tell, origin=origin, keep=keep)
        row = finished(settings, seed, folder, frozen, planned.sizes, rows, origin, planned.task, fresh)
    module = files.load(folder / TICKET, fresh and fresh())[0].to(device)
    history = tuple(dict(each) for each in rows)
    return Ticket(module, row["settings"], seed, row["best_epoch"], row["validation"], row["test"], history)


def _kept(mask: Supermask) -> Tensor:
    kept = (mask.weight != 0).contiguous().view(-1)
    kept[mask.free.long()] = mask.mask
    return kept.view(mask.weight.shape)


def _called(data: Any) -> str:
    return f"{len(data)} parts" if isinstance(data, tuple | list) else f"a {type(data).__name__}"


@contextmanager
def _progress(total: int, what: str, shown: bool) -> Iterator[Callable[[Row], None]]:
    """Show each finished epoch: in a notebook by a bar of its own, else as :func:`slt.core.console.epochs` does."""
    display = _notebook() if shown else None
    if display is None:
        with console.epochs(total, what, shown) as tell:
            yield tell
        return
    handle = display.display(display.HTML(_bar(what, 0, total, "")), display_id=True)

    def show(row: Row) -> None:
        said = f"loss {row['loss']:.4f}, validation {row['validation']:.2%}"
        handle.update(display.HTML(_bar(what, row["epoch"] + 1, total, said)))

    yield show


def _notebook() -> Any:
    """Return IPython.display where a notebook runs this process, else None."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return import_module("IPython.display")


def _bar(what: str, done: int, total: int, said: str) -> str:
    return f"{escape(what)}: <progress value='{done}' max='{total}'></progress> epoch {done} of {total} {escape(said)}"
