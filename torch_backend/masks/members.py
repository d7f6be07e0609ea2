"""Several frozen networks of one shape computed as one: members of other seeds, and of the same settings.

An accelerator is not kept busy by a small network: most of the time goes to starting its kernels. Here the scores of
all members are one tensor, and so are their weights; the straight-through gradient, the optimiser's step, the threshold
of every member and its new masks are a few kernels for all together. The layers are computed by ``torch.vmap`` (grouped
convolutions, batched products) or member by member, whichever is faster on a device.

Members have nothing in common but the computation: a member's numbers are those that it has alone, up to the order of
floating-point sums, and one whose scores are no longer numbers leaves the others as they are.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call

from slt.core.checks import one_of
from torch_backend.masks.supermask import supermasks
from torch_backend.masks.threshold import SCOPES, kept_free, kth_largest, shares, top

WAYS = ("vmap", "loop")  # how the layers of several members are computed
BUFFER = "norm."  # before the names of norms' statistics; a buffer's name has no dots


class Members(nn.Module):
    """K frozen networks of one shape; calling it maps inputs (K, N, ..) to outputs (K, N, ..).

    scores: (K, free), the only parameter, layers one after the other. mask: (K, free). The rest is rebuilt from the
    seeds: weight (K, all), the masked weights; values, positions (K, free), the searchable weights and where they are.
    Norms' statistics are buffers, (K, ..). names, shapes, sizes, locked, lengths: of the layers; lengths are numbers of
    free weights. way: one of :data:`WAYS`.
    """

    scores: nn.Parameter
    mask: Tensor
    weight: Tensor
    values: Tensor
    positions: Tensor

    def __init__(
        self, members: Sequence[nn.Module], plain: nn.Module, sparsity: float, scope: str, way: str = WAYS[0]
    ) -> None:
        """Join frozen ``members``, which stay as they are; plain: such a network before it was frozen.

        Raises ValueError for members that cannot be joined: of other rates, with a dynamic scale, with parameters
        beside their scores, or with a scope N:M.
        """
        super().__init__()
        one_of("scope", scope, SCOPES)
        layers = [supermasks(member) for member in members]
        first = layers[0]
        self.names = tuple(first)
        if set(self.names) != {name for name, _ in plain.named_parameters()}:
            raise ValueError("networks with parameters beside the searched weights cannot be computed together")
        for masks in layers:
            if tuple(masks) != self.names or any(mask.scale is not None for mask in masks.values()):
                raise ValueError("networks of other layers or with a dynamic scale cannot be computed together")
            counts = [(mask.weight.shape, mask.locked, len(mask.scores)) for mask in masks.values()]
            if counts != [(mask.weight.shape, mask.locked, len(mask.scores)) for mask in first.values()]:
                raise ValueError("networks of other rates or widths cannot be computed together")
        self.shapes = tuple(tuple(mask.weight.shape) for mask in first.values())
        self.sizes, self.locked = (tuple(getattr(mask, what) for mask in first.values()) for what in ("size", "locked"))
        self.lengths = tuple(len(mask.scores) for mask in first.values())
        self.way = one_of("way", way, WAYS)
        wanted = kept_free(first, sparsity)
        self.kept = (wanted,) if scope == "global" else tuple(shares(self.lengths, wanted))
        self.parts = (sum(self.lengths),) if scope == "global" else self.lengths
        begins = [0, *accumulate(map(prod, self.shapes))]

        def joined(what: str) -> Tensor:
            return torch.stack(
                [torch.cat([getattr(m, what).detach().flatten() for m in masks.values()]) for masks in layers]
            )

        self.scores = nn.Parameter(joined("scores"))
        self.register_buffer("mask", joined("mask"))
        self.register_buffer("weight", joined("weight"), persistent=False)
        self.register_buffer("values", joined("values"), persistent=False)
        shift = torch.repeat_interleave(torch.tensor(begins[:-1]), torch.tensor(self.lengths))
        self.register_buffer("positions", joined("free").long() + shift, persistent=False)
        self._plain = [plain]  # in a list: its own parameters are none of this module
        self._norms = {name: (BUFFER + name).replace(".", "_") for name, _ in plain.named_buffers()}
        for name, buffer in self._norms.items():
            self.register_buffer(buffer, torch.stack([member.get_buffer(name) for member in members]))
        self._write()

    def forward(self, x: Tensor) -> Tensor:
        """Return every member's outputs for its inputs."""
        flat = _Straight.apply(self.scores, self.weight, self.values, self.positions)
        parts = flat.split([prod(shape) for shape in self.shapes], 1)
        weights = {
            name: part.view(-1, *shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }
        norms = {name: getattr(self, buffer) for name, buffer in self._norms.items()}
        plain = self._plain[0].train(self.training)

        def one(weights: dict[str, Tensor], norms: dict[str, Tensor], x: Tensor) -> Any:
            return functional_call(plain, (weights, norms), (x,))

        if self.way == "vmap":
            found: Tensor = torch.vmap(one)(weights, norms, x)
            return found
        return torch.stack([one(_of(weights, k), _of(norms, k), x[k]) for k in range(len(x))])

    @torch.no_grad()
    def select(self) -> None:
        """Choose the masks of all members, as :func:`torch_backend.masks.threshold.select` does of each alone.

        A member of which a score is no number gets some mask, and no error.
        """
        parts = zip(self.scores.detach().abs().split(self.parts, 1), self.kept, strict=True)
        self.mask.copy_(torch.cat([largest(part, kept) for part, kept in parts], 1))
        self._write()

    def sparsities(self) -> list[dict[str, float]]:
        """Return the sparsity of every layer of every member."""
        counts = torch.stack([part.count_nonzero(1) for part in self.mask.split(self.lengths, 1)], 1).tolist()
        return [
            {
                name: 1 - (locked + count) / size
                for name, locked, count, size in zip(self.names, self.locked, kept, self.sizes, strict=True)
            }
            for kept in counts
        ]

    @torch.no_grad()
    def write_to(self, member: nn.Module, number: int) -> None:
        """Put scores, masks and norms' statistics of a member into its network, frozen as the one that was joined."""
        masks = supermasks(member)
        scores, kept = (whole[number].split(self.lengths) for whole in (self.scores.detach(), self.mask))
        for mask, own, keep in zip(masks.values(), scores, kept, strict=True):
            mask.scores.copy_(own)
            mask.keep(keep.to(mask.mask.device))
        for name, buffer in self._norms.items():
            member.get_buffer(name).copy_(getattr(self, buffer)[number])

    def _write(self) -> None:
        self.weight.scatter_(1, self.positions, torch.where(self.mask, self.values, 0.0))


class _Straight(torch.autograd.Function):
    """The masked weights (K, all), with the straight-through gradient of the scores (K, free): sign(s) w dL/dW."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, weight: Tensor, values: Tensor, positions: Tensor) -> Tensor:
        ctx.save_for_backward(scores, values, positions, weight)
        return weight.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scores, values, positions, _ = ctx.saved_tensors
        return gradient.gather(1, positions).mul_(values).mul_(scores.sign()), None, None, None


def largest(numbers: Tensor, count: int) -> Tensor:
    """Return the mask of the ``count`` largest of every row of ``numbers`` (K, n); of equal ones the earlier.

    A row with NaN gets some mask.
    """
    if count == 0:
        return torch.zeros_like(numbers, dtype=torch.bool)
    if numbers.device.type == "cpu":
        thresholds = torch.stack([kth_largest(row, count) for row in numbers])
    else:
        thresholds = of_rows(numbers, count)
    mask = numbers >= thresholds[:, None]
    for row in (mask.count_nonzero(1) > count).nonzero().flatten().tolist():
        mask[row] = top(numbers[row], count)
    return mask


def of_rows(numbers: Tensor, count: int) -> Tensor:
    """Return the ``count``-th largest of every row of ``numbers`` (K, n), 1 <= count <= n, as accelerators select."""
    total = numbers.shape[1]
    if 2 * count <= total:
        return numbers.topk(count, 1, sorted=False).values.amin(1)
    return numbers.topk(total - count + 1, 1, largest=False, sorted=False).values.amax(1)


def _of(tensors: dict[str, Tensor], member: int) -> dict[str, Tensor]:
    return {name: tensor[member] for name, tensor in tensors.items()}
