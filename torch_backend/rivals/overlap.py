"""How much two masks of one source have in common, and masks of other methods over the same weights to compare with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from slt.core.checks import one_of
from torch_backend.rivals import METHODS, Problem

ONE_SHOT = ("magnitude", "snip", "grasp", "synflow", "random")


class Overlap(NamedTuple):
    """share: of the free weights that the first mask keeps, those that the second keeps too.

    chance: the share to expect if, in each layer, the second mask kept as many weights as it does, at random.
    """

    share: float
    chance: float


def overlap(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Overlap:
    """Return what two masks have in common, bool (free,) for each layer; raises ValueError when the first is empty.

    >>> one, two = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, True])
    >>> overlap({"a": one}, {"a": two})
    Overlap(share=0.5, chance=0.75)
    """
    kept = sum(int(mask.sum()) for mask in first.values())
    if not kept:
        raise ValueError("the first mask keeps none of the free weights")
    common, expected = 0, 0.0
    for name, mask in first.items():
        other = second[name]
        common += int((mask & other).sum())
        expected += int(mask.sum()) * int(other.sum()) / max(len(mask), 1)
    return Overlap(common / kept, expected / kept)


def mask_of(method: str, problem: Problem) -> dict[str, Tensor]:
    """Return the mask, (free,) for each layer, that a one-shot method chooses over the problem's weights as they are.

    One threshold for all layers. The model's masks and its norms are changed: hand in a model of its own. Norms start
    from no statistics, and do nothing at all for SynFlow, as its paper has it.
    """
    search = METHODS[one_of("method", method, ONE_SHOT)].search
    for module in problem.model.modules():
        if isinstance(module, _NormBase):
            _forget(module, affine=method == "synflow")
    search(replace(problem, settings=replace(problem.settings, scope="global")))
    return masks(problem)


def masks(problem: Problem) -> dict[str, Tensor]:
    """Return a copy of the present masks."""
    return {name: layer.mask.clone() for name, layer in problem.masks.items()}


@torch.no_grad()
def _forget(norm: _NormBase, *, affine: bool) -> None:
    norm.reset_running_stats()
    if affine and norm.affine:
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)


def mean_overlaps(found: Sequence[Mapping[str, Overlap]]) -> dict[str, Overlap]:
    """Return the means over seeds of overlaps by name."""
    names = found[0].keys()
    return {name: Overlap(*(sum(part) / len(found) for part in zip(*(f[name] for f in found), strict=True)))
            for name in names}  # fmt: skip
