"""A user's own data as the task of a run: loaders of labelled batches, randomness keyed by (seed, epoch, step)."""

import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from slt.core.checks import first_line
from slt.core.keys import key_words
from torch_backend.data.sets import PARTS
from torch_backend.tickets.tensors import digest
from torch_backend.training.tasks import EVALUATED

ALLOWED = "each a DataLoader, a dataset of (input, label) pairs, or a pair of tensors (inputs, labels)"


@dataclass
class LoaderTask:
    """Batches of a user's own loaders, cross-entropy for the loss.

    train, validation, test: loaders that can be gone through again and again, with a length, of batches (x, labels): x
    is whatever the model takes (tensors in it go to ``device``), labels are whole numbers (N,), and the model returns
    logits (N, classes).

    Every random number is a function of the seed, the epoch and the step, so that a search that was stopped goes on to
    the same ticket: torch's, numpy's and Python's global generators are seeded for each batch and put back after it,
    which covers the order of a shuffling loader, transforms, worker processes and dropout. A generator that a loader
    has of its own is seeded for each epoch and is not put back; a sampler's set_epoch is called.

    Raises ValueError for a loader without a length or without batches, one that keeps its workers from epoch to epoch
    (their random numbers would go on), and for batches of another form.
    """

    train: Any
    validation: Any
    test: Any
    seed: int
    device: torch.device
    fingerprint: str = field(init=False)  # of the numbers of batches, and of the first batch of each part

    def __post_init__(self) -> None:
        found = blake2b(digest_size=16)
        for name in PARTS:
            loader = getattr(self, name)
            try:
                batches = len(loader)
            except TypeError:
                raise ValueError(f"the {name} loader has no length, which a search needs") from None
            if not batches:
                raise ValueError(f"the {name} loader has no batch")
            if getattr(loader, "persistent_workers", False):
                raise ValueError(
                    f"the {name} loader has persistent_workers, whose random numbers go on from epoch to epoch; "
                    "leave that out, so that a search can be stopped and go on"
                )
            with self._keyed(f"first batch of {name}", 0):
                first = next(self._batches(name, 0))
            x, labels = _pair(first, name)
            tensors = {str(place): value for place, value in enumerate([*_tensors(x), labels])}
            found.update(f"{name} {batches} {digest('', tensors)}".encode())
            if name == "train":
                self._example = x
        self.fingerprint = found.hexdigest()
        self._at: tuple[int, int] = (-1, -1)
        self._running: Iterator[Any] = iter(())

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return len(self.train)

    def check(self, model: nn.Module) -> None:
        """Raise ValueError unless the model takes a batch of each part, and all labels are among its outputs.

        All labels of the test data are looked at, for they are used when the work is done. The model is not changed but
        for its mode.
        """
        model.eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the user's own model says in training is said then
            for part in PARTS:
                with self._keyed(f"first batch of {part}", 0):
                    batches = self._batches(part, 0)
                    x, labels = _pair(next(batches), part)
                    outputs = self._answer(model, x, labels, part)[0].shape[1]
                    for batch in batches if part == "test" else ():
                        _check_labels(_pair(batch, part)[1], outputs, part)

    def loss(self, model: nn.Module, epoch: int, step: int) -> Tensor:
        """Return the mean cross-entropy of a batch; the steps of an epoch must come in their order.

        Raises ValueError for another order, a loader that ends before its length, and labels that are no class.
        """
        with self._keyed(f"training/{epoch}", step):
            if step == 0:
                self._running = self._batches("train", epoch)
            elif (epoch, step - 1) != self._at:
                raise ValueError(f"the steps of an epoch come in their order, got {step} of epoch {epoch}")
            self._at = epoch, step
            x, labels = _pair(_next(self._running, "train", step, len(self.train)), "train")
            logits, labels = self._answer(model, x, labels, "train")
            return functional.cross_entropy(logits, labels)

    @torch.no_grad()
    def accuracy(self, model: nn.Module, part: str) -> float:
        """Return the share of right answers."""
        model.eval()
        right, total, loader = 0, 0, getattr(self, part)
        with self._keyed(f"accuracy of {part}", 0):
            batches = self._batches(part, 0)
            for step in range(len(loader)):
                x, labels = _pair(_next(batches, part, step, len(loader)), part)
                logits, labels = self._answer(model, x, labels, part)
                right += int((logits.argmax(1) == labels).sum())
                total += len(labels)
        return right / total

    def ones(self, dtype: torch.dtype) -> tuple[Any]:
        """Return a batch of ones, of the shape of the first."""
        return (_moved(self._example, self.device, lambda value: torch.ones_like(value, dtype=dtype)),)

    def _answer(self, model: nn.Module, x: Any, labels: Tensor, part: str) -> tuple[Tensor, Tensor]:
        """Return logits and labels on the device, checked."""
        x, labels = _moved(x, self.device), labels.to(self.device)
        logits = answer(model, (x,), part)
        if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(labels):
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(f"the model must return (N, classes) for N = {len(labels)} labels of {part}, got {got}")
        _check_labels(labels, logits.shape[1], part)
        return logits, labels

    def _batches(self, part: str, epoch: int) -> Iterator[Any]:
        """Start a loader anew; its own generators and samplers begin this epoch."""
        loader = getattr(self, part)
        samplers = [getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
        samplers.append(getattr(samplers[1], "sampler", None))
        for owner in (loader, *samplers):
            generator = getattr(owner, "generator", None)
            if isinstance(generator, torch.Generator):
                generator.manual_seed(self._word(f"generator of {part}", epoch))
            if hasattr(owner, "set_epoch"):
                owner.set_epoch(epoch)
        return iter(loader)

    def _word(self, what: str, index: int) -> int:
        """Return 63 bits that belong to this seed, purpose and number."""
        return key_words(0, f"loader, seed {self.seed}, {what}, {index}")[1] >> 1

    @contextmanager
    def _keyed(self, what: str, index: int) -> Iterator[None]:
        """Seed the global generators for this block, and put them back."""
        devices = [self.device] if self.device.type == "cuda" else []
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - what a user's transforms draw from
        word = self._word(what, index)
        try:
            with torch.random.fork_rng(devices=devices):
                torch.manual_seed(word)
                random.seed(word)
                np.random.seed(word % 2**32)  # noqa: NPY002
                yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def loader_of(data: Any, name: str, batch: int) -> Any:
    """Return a loader of one part of a user's data, which is a loader already, a dataset or a pair of tensors.

    name: train, validation or test. Training data that are no loader come in a new order every epoch, ``batch`` at a
    time. Raises ValueError for anything else.
    """
    if isinstance(data, DataLoader) or (hasattr(data, "__iter__") and not hasattr(data, "__getitem__")):
        return data
    if (
        isinstance(data, tuple | list)
        and len(data) == 2
        and all(isinstance(part, Tensor | np.ndarray) for part in data)
    ):
        x, labels = (torch.as_tensor(part) for part in data)
        if len(x) != len(labels):
            raise ValueError(f"{name}: {len(x)} inputs need as many labels, got {len(labels)}")
        data = TensorDataset(x, labels)
    if not (isinstance(data, Dataset) or (hasattr(data, "__getitem__") and hasattr(data, "__len__"))) or isinstance(
        data, str | Mapping | Tensor | np.ndarray
    ):
        raise ValueError(f"data must be {', '.join(PARTS)}, {ALLOWED}; {name} is a {type(data).__name__}")
    if not len(data):
        raise ValueError(f"{name}: there is no example")
    return DataLoader(data, batch if name == "train" else EVALUATED, shuffle=name == "train")


def answer(model: nn.Module, inputs: tuple[Any, ...], part: str) -> Any:
    """Return what the model makes of ``inputs``; raise ValueError, which names both, where it cannot take them."""
    try:
        return model(*inputs)
    except Exception as error:  # a model raises whatever it likes
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise
        given = ", ".join(_form(value) for value in _tensors(inputs)) or type(inputs[0]).__name__
        raise ValueError(
            f"the model cannot take the inputs of {part}, which are {given}; {_wanted(model)}: {first_line(error)}"
        ) from error


def _wanted(model: nn.Module) -> str:
    """Say what a model begins with, and of which type its parameters are."""
    for name, module in model.named_modules():
        own = next(module.parameters(recurse=False), None)
        if own is not None and not any(module.children()):
            return f"it begins with {f'{name}, ' if name else ''}{' '.join(str(module).split())} in {_type(own)}"
    return "it has no parameters"


def _form(value: Tensor) -> str:
    return f"{_type(value)} {tuple(value.shape)}"


def _type(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _check_labels(labels: Tensor, outputs: int, part: str) -> None:
    if not 0 <= int(labels.min()) <= int(labels.max()) < outputs:
        raise ValueError(
            f"labels of {part} must be 0 to {outputs - 1}, for the model has {outputs} outputs; "
            f"got {int(labels.min())} to {int(labels.max())}"
        )


def _pair(batch: Any, part: str) -> tuple[Any, Tensor]:
    """Return inputs and labels (N,) int64 of a batch."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise ValueError(f"a batch of {part} must be a pair (inputs, labels), got a {type(batch).__name__}")
    x, labels = batch
    whole = isinstance(labels, Tensor) and not labels.is_floating_point() and labels.dtype != torch.bool
    if not whole or labels.ndim != 1 or not len(labels):
        got = f"{labels.dtype} {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise ValueError(f"labels of {part} must be whole numbers (N,), one for each input, got {got}")
    return x, labels.long()


def _next(batches: Iterator[Any], part: str, step: int, length: int) -> Any:
    try:
        return next(batches)
    except StopIteration:
        raise ValueError(f"the {part} loader ended after {step} batches, its length is {length}") from None


def _moved(x: Any, device: torch.device, change: Any = lambda value: value) -> Any:
    """Return ``x`` with every tensor in it on ``device``."""
    if isinstance(x, Tensor):
        return change(x.to(device))
    if isinstance(x, Mapping):
        return {name: _moved(value, device, change) for name, value in x.items()}
    if isinstance(x, tuple | list):
        return type(x)(_moved(value, device, change) for value in x)
    return x


def _tensors(x: Any) -> Iterator[Tensor]:
    """Yield the tensors in ``x``."""
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, Mapping):
        for value in x.values():
            yield from _tensors(value)
    elif isinstance(x, tuple | list):
        for value in x:
            yield from _tensors(value)
