"""Several processes on one search, started by torchrun: each computes its share of every batch, all hold one network.

Every rank draws the same source, order of data and augmentation from the seed, takes the rows rank, rank + world, .. of
each batch, and adds its gradients to those of the others. The sum is the gradient of the whole batch but for the order
of its floating-point sums, and it is the same number on every rank; so are the scores after the optimiser's step, and
so are the masks, whose threshold is computed everywhere from all scores. Only scores have gradients: frozen weights
cost no communication.

This is done by plain sums and not by DistributedDataParallel, which averages the ranks' means as if their shares were
equally large, sends all buffers (masks and masked weights, which the scores determine) from rank 0 at every step, and
leaves the statistics of batch norms to each rank.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from slt.core.checks import first_line
from slt.core.command import BAD_INPUT

PATIENCE = timedelta(hours=2)  # rank 0 tests a ticket alone while the others wait
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process among those of a search; one process alone by default, where every method does nothing."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is rank 0, the only one that reads and writes a run's files, and that prints."""
        return self.rank == 0

    @property
    def mine(self) -> slice:
        """This rank's share of anything in a row: shares differ in size by one at most."""
        return slice(self.rank, None, self.world)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace every tensor by its sum over the ranks, in one exchange; all on one device and of one dtype.

        Raises OSError when another rank is gone.
        """
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
        with _reached():
            torch.distributed.all_reduce(flat)
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(part.view_as(tensor))

    def from_first(self, work: Callable[[], T]) -> T:
        """Return on every rank what ``work`` returns on rank 0, where alone it is called.

        What it raises is raised on rank 0 and ends the others too.
        """
        if self.world == 1:
            return work()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = work()
            except Exception as error:  # of any kind: the others wait
                box[1] = error
        with _reached():
            torch.distributed.broadcast_object_list(box)
        if box[1] is not None:
            self._end(box[1])
        found: T = box[0]
        return found

    def agree(self, what: str, value: str) -> None:
        """Raise ValueError on rank 0, and end the others, unless ``value`` is the same on every rank."""
        if self.world == 1:
            return
        found: list[Any] = [None] * self.world
        with _reached():
            torch.distributed.all_gather_object(found, value)
        for rank, other in enumerate(found):
            if other != found[0]:
                self._end(ValueError(f"{what} must be the same on every rank: rank {rank} has {other}, 0 {found[0]}"))

    def _end(self, error: Exception) -> NoReturn:
        if self.first:
            raise error
        raise SystemExit(BAD_INPUT)  # rank 0 says why


ALONE = Ranks()


def launched() -> bool:
    """Tell whether torchrun started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def place() -> int:
    """Return this process's number on its machine, 0 without torchrun."""
    return int(os.environ["LOCAL_RANK"]) if launched() else 0


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Yield this process's place among those that torchrun started, connected to the others; alone without torchrun.

    Sums go through NCCL where each rank of a machine has a GPU of its own, else through Gloo, which has CPUs exchange
    them. Raises OSError when the others cannot be reached.
    """
    if not launched():
        yield ALONE
        return
    own_gpus = device.type == "cuda" and torch.cuda.device_count() >= int(os.environ["LOCAL_WORLD_SIZE"])
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with _reached():
        torch.distributed.init_process_group("nccl" if own_gpus else "gloo", timeout=PATIENCE)
    yield Ranks(torch.distributed.get_rank(), torch.distributed.get_world_size())
    # after an error this is not reached: it would wait for ranks that may be gone
    torch.distributed.destroy_process_group()


def digest(model: nn.Module) -> str:
    """Return ten hexadecimal digits of all parameters and buffers, masks among them."""
    found = blake2b(digest_size=5)
    for tensor in (*model.parameters(), *model.buffers()):
        found.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


@contextmanager
def _reached() -> Iterator[None]:
    """Turn what torch raises when a rank is gone into one line."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(f"another rank cannot be reached, start all of them again: {first_line(error)}") from None
