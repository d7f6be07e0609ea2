"""Masks of N:M: of every M neighbours in a row of a weight exactly N are kept, as far as freezing leaves the choice.

Neighbours are M weights in a row of the weight as (outputs, inputs): the inputs of one output, in order. At the end of
a row there may be a shorter group of s < M, of which N s / M are kept, halves rounded up. Locked weights count as kept,
pruned ones as dropped; a group with more locked ones than it may keep keeps these alone, and one with fewer weights
left than it has to keep keeps them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, log2, prod
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from slt.core.keep import Groups
from torch_backend.masks.supermask import Supermask


@dataclass(frozen=True)
class Layout:
    """Where the free weights of one layer lie. group, slot: (free,) int64; quota, members: (groups,) int64.

    quota: how many free weights a group keeps; members: how many it has.
    """

    group: Tensor
    slot: Tensor
    quota: Tensor
    members: Tensor

    @property
    def kept(self) -> int:
        """Number of free weights that are kept."""
        return int(self.quota.sum())


_LAYOUTS: WeakKeyDictionary[Supermask, dict[tuple[str, Groups], Layout]] = WeakKeyDictionary()


def layout(layer: Supermask, groups: Groups) -> Layout:
    """Return the layout of a layer; made once for each device.

    A locked weight that is exactly 0 counts as a pruned one: it is not in the network either way.
    """
    kept = _LAYOUTS.setdefault(layer, {})
    key = (str(layer.free.device), groups)
    if key not in kept:
        kept[key] = _layout(layer, groups)
    return kept[key]


def _layout(layer: Supermask, groups: Groups) -> Layout:
    shape = layer.weight.shape
    row = max(prod(shape[1:]), 1)
    in_row = -(-row // groups.of)
    count = prod(shape) // row * in_row

    def group_of(flat: Tensor) -> Tensor:
        return flat // row * in_row + flat % row // groups.of

    free = layer.free.long()
    frozen = layer.weight.reshape(-1) != 0
    frozen[free] = False
    members = torch.bincount(group_of(free), minlength=count)
    locked = torch.bincount(group_of(frozen.nonzero().squeeze(1)), minlength=count)
    sizes = torch.full((in_row,), groups.of, device=free.device)
    sizes[-1] = row - (in_row - 1) * groups.of
    wanted = ((2 * groups.kept * sizes + groups.of) // (2 * groups.of)).repeat(count // in_row)
    quota = torch.minimum((wanted - locked).clamp(min=0), members)
    return Layout(group_of(free), free % row % groups.of, quota, members)


def largest(layer: Supermask, magnitudes: Tensor, groups: Groups) -> Tensor:
    """Return the mask, bool (free,), of the largest of ``magnitudes`` (free,) in every group.

    Of equal ones the earlier is kept. Raises ValueError when a magnitude is not a number.
    """
    if magnitudes.isnan().any():
        raise ValueError("scores must be numbers, some are not (the loss was not finite, perhaps)")
    where = layout(layer, groups)
    table = magnitudes.new_full((len(where.quota), groups.of), -torch.inf)
    table[where.group, where.slot] = magnitudes
    order = table.argsort(dim=1, descending=True, stable=True)
    keeps = torch.arange(groups.of, device=table.device) < where.quota[:, None]
    mask = torch.zeros_like(table, dtype=torch.bool).scatter_(1, order, keeps)
    return mask[where.group, where.slot]


def kept_free(layers: Mapping[str, Supermask], groups: Groups) -> list[int]:
    """Return how many free weights each layer keeps."""
    return [layout(layer, groups).kept for layer in layers.values()]


def dense_bits(shape: Sequence[int], groups: Groups) -> float:
    """Return the bits that name one mask among all of N:M of a weight of this shape of which nothing is frozen."""
    row = max(prod(shape[1:]), 1)
    whole, rest = divmod(row, groups.of)
    last = comb(rest, (2 * groups.kept * rest + groups.of) // (2 * groups.of))
    return prod(shape) // row * (whole * log2(comb(groups.of, groups.kept)) + log2(last))


def choice_bits(layers: Sequence[Supermask], groups: Groups) -> float:
    """Return the bits that name one mask among all of N:M: the sum over the groups of log2 C(members, quota)."""
    total = 0.0
    for layer in layers:
        where = layout(layer, groups)
        pairs, times = torch.stack([where.members, where.quota]).unique(dim=1, return_counts=True)
        total += sum(n * log2(comb(m, k)) for (m, k), n in zip(pairs.T.tolist(), times.tolist(), strict=True))
    return total
