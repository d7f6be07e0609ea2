"""The masks of a wanted sparsity: an exact threshold over the scores' magnitudes, by selection and not by sorting."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import isqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from slt.core.checks import open_unit, shown
from slt.core.keep import Groups, groups_of
from theory.freezing import kept_count
from torch_backend.masks import groups
from torch_backend.masks.supermask import Supermask, supermasks

SCOPES = ("global", "layer")
LARGE = 1 << 15  # fewer numbers than this are partitioned as they are
STRIDE = 64


def checked_scope(scope: str, sparsity: float) -> Groups | None:
    """Return the groups that a scope of N:M names, None for one of :data:`SCOPES`.

    Raises ValueError for another text, and for a sparsity that is not that of the groups, 1 - N/M.
    """
    if scope in SCOPES:
        return None
    try:
        found = groups_of(scope)
    except ValueError:
        found = None
    if found is None or found.lenient:
        raise ValueError(f"scope must be one of {', '.join(SCOPES)} or N:M such as 2:4, got {shown(scope)}")
    wanted = 1 - found.kept / found.of
    if abs(sparsity - wanted) > 1e-9:
        raise ValueError(f"sparsity must be {wanted:g} with scope {found}, got {sparsity:g}")
    return found


class LayerCollapse(ValueError):
    """A layer would keep none of its weights, so that nothing passes through it."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch's CPU work in this thread: sums are added in one order on a machine of any number of cores.

    Work of milliseconds is quicker so, too, where waiting for other threads on a busy machine takes tenfold.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@one_thread()
def select(
    network: nn.Module | Mapping[str, Supermask],
    sparsity: float,
    scope: str = "global",
    *,
    refuse_collapse: bool = False,
) -> dict[str, float]:
    """Set the masks so that the whole network, pruned weights counted, has exactly this sparsity; return each layer's.

    N - round(k N) weights are kept: the locked ones and those of the largest |score|. Of equal scores the earlier one
    is kept (layers in order, then positions). network: a frozen model, or its :func:`supermasks`, which saves the look
    for them at every step.
    scope: "global", one threshold for all layers, or "layer", each layer keeps the same share of its free weights
    (rounded so that the total is right, largest remainders first), whatever the scores of the others. "2:4" or any
    N:M: of every M neighbours N are kept, as far as freezing leaves the choice (:mod:`torch_backend.masks.groups`); the
    sparsity must be 1 - N/M, and what the network then has may differ a little.
    Raises ValueError when the network has no such mask or one only, or scores are not numbers; with
    ``refuse_collapse`` :class:`LayerCollapse`, naming the layers, before any mask is changed.
    """
    layers = supermasks(network) if isinstance(network, nn.Module) else network
    grouped = checked_scope(scope, sparsity)
    if not layers:
        raise ValueError("the network has no supermasks: freeze it first")
    magnitudes = [layer.scores.detach().abs() for layer in layers.values()]
    wanted = sum(groups.kept_free(layers, grouped)) if grouped else kept_free(layers, sparsity)
    try:
        return keep_largest(layers, magnitudes, wanted, scope, refuse_collapse=refuse_collapse)
    except LayerCollapse as error:
        raise LayerCollapse(f"at sparsity {sparsity:g} {error}") from None


def select_after_steps(
    optimiser: torch.optim.Optimizer, network: nn.Module, sparsity: float, scope: str = "global"
) -> RemovableHandle:
    """Call :func:`select` now and after every step of ``optimiser``, until ``remove()`` of the handle is called.

    So a training loop cannot forget it. Raises ValueError as :func:`select`, and when the optimiser trains none of the
    network's scores (it was made before freezing, or for a copy).
    """
    layers = supermasks(network)
    trained = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    if layers and not any(id(layer.scores) in trained for layer in layers.values()):
        raise ValueError("the optimiser trains no score of this network: make it after freezing, of its parameters")
    select(layers, sparsity, scope)
    return optimiser.register_step_post_hook(partial(_selected, layers, sparsity, scope))


def _selected(layers: Mapping[str, Supermask], sparsity: float, scope: str, *_: Any) -> None:
    select(layers, sparsity, scope)


@one_thread()
def keep_largest(
    layers: Mapping[str, Supermask],
    numbers: Sequence[Tensor],
    wanted: int,
    scope: str = "global",
    *,
    refuse_collapse: bool = False,
    afresh: bool = False,
) -> dict[str, float]:
    """Keep the ``wanted`` free weights of the largest numbers, (free,) for each layer; return each layer's sparsity.

    scope, errors and equal numbers: as in :func:`select`, whose numbers are the scores' magnitudes; afresh: as in
    :meth:`torch_backend.masks.supermask.Supermask.keep`. Raises ValueError where groups N:M keep another number than
    ``wanted``.
    """
    lengths = [len(part) for part in numbers]
    if scope == "global":
        masks = top(torch.cat(list(numbers)), wanted).split(lengths)
        kept = torch.stack([mask.count_nonzero() for mask in masks]).tolist()
    elif scope == "layer":
        kept = shares(lengths, wanted)
        masks = tuple(top(part, count) for part, count in zip(numbers, kept, strict=True))
    else:
        grouped = groups_of(scope)
        kept = groups.kept_free(layers, grouped)
        if sum(kept) != wanted:
            raise ValueError(f"scope {scope} keeps {sum(kept)} of these free weights, not {wanted}")
        masks = tuple(
            groups.largest(layer, part, grouped) for layer, part in zip(layers.values(), numbers, strict=True)
        )
    totals = [layer.locked + count for layer, count in zip(layers.values(), kept, strict=True)]
    collapsed = [name for name, total in zip(layers, totals, strict=True) if not total]
    if collapsed and refuse_collapse:
        raise LayerCollapse(f"nothing is left of {', '.join(collapsed)}")
    for layer, mask in zip(layers.values(), masks, strict=True):
        layer.keep(mask, afresh=afresh)
    return {name: 1 - total / layer.size for (name, layer), total in zip(layers.items(), totals, strict=True)}


def kept_free(layers: Mapping[str, Supermask], sparsity: float) -> int:
    """Return how many free weights are kept at this sparsity; both ends leave no choice and are refused."""
    size, locked = (sum(getattr(layer, name) for layer in layers.values()) for name in ("size", "locked"))
    free = sum(len(layer.mask) for layer in layers.values())
    kept = kept_count(size, open_unit("sparsity", sparsity)) - locked
    if not 0 < kept < free:
        raise ValueError(
            f"sparsity {sparsity:g} cannot be searched: with {size - locked - free} of {size} weights pruned and"
            f" {locked} locked it must lie strictly between {(size - locked - free) / size:g} and {1 - locked / size:g}"
        )
    return kept


def mask_bits(layers: Mapping[str, Supermask], scope: str, sparsity: float) -> float:
    """Return the bits that name a mask: one for each free weight, or those of one mask among all of N:M."""
    grouped = checked_scope(scope, sparsity)
    if grouped:
        return groups.choice_bits(list(layers.values()), grouped)
    return sum(len(layer.mask) for layer in layers.values())


def top(magnitudes: Tensor, count: int) -> Tensor:
    """Return the mask of the ``count`` largest of ``magnitudes`` (n,), bool (n,); of equal ones the earlier are in it.

    Raises ValueError when a magnitude is not a number.
    """
    if count == 0:
        return torch.zeros_like(magnitudes, dtype=torch.bool)
    threshold = kth_largest(magnitudes, count)
    mask = magnitudes >= threshold
    excess = int(mask.count_nonzero()) - count
    if excess < 0:
        raise ValueError("scores must be numbers, some are not (the loss was not finite, perhaps)")
    if excess:
        mask[(magnitudes == threshold).nonzero().squeeze(1)[-excess:]] = False
    return mask


def kth_largest(numbers: Tensor, count: int) -> Tensor:
    """Return the ``count``-th largest of ``numbers`` (n,), 1 <= count <= n, 0-dimensional; NaN counts as largest."""
    if numbers.device.type == "cpu":
        place = len(numbers) - count
        wide = numbers if numbers.dtype == torch.float64 else numbers.float()  # numpy has no bfloat16
        return torch.as_tensor(_select(wide.detach().numpy(), place), dtype=numbers.dtype)
    return _from_the_nearer_end(numbers, count)


def _from_the_nearer_end(numbers: Tensor, count: int) -> Tensor:
    """Return the same by radix selection of the fewer largest or smallest; on accelerators kthvalue is far slower."""
    if 2 * count <= len(numbers):
        return numbers.topk(count, sorted=False).values.min()
    return numbers.topk(len(numbers) - count + 1, largest=False, sorted=False).values.max()


def _select(array: NDArray[np.floating], place: int) -> np.floating:
    """Return what would be at ``place`` if ``array`` (n,) were sorted, in expected time of a few passes.

    Every 64th number tells a bracket for it (six standard deviations of a random sample's quantile to each side), and
    only what lies in the bracket is partitioned; when the bracket misses, all is (after Floyd and Rivest 1975).
    """
    if len(array) >= LARGE:
        sample = np.sort(array[::STRIDE])
        middle, margin = place // STRIDE, 3 * isqrt(len(sample)) + 1
        low, high = sample[max(middle - margin, 0)], sample[min(middle + margin, len(sample) - 1)]
        inside = array[(array >= low) & (array <= high)]
        rest = place - int(np.count_nonzero(array < low))
        if 0 <= rest < len(inside):
            return np.partition(inside, rest)[rest]
    return np.partition(array, place)[place]


def shares(lengths: Sequence[int], wanted: int) -> list[int]:
    """Split ``wanted`` in proportion to ``lengths``, whole numbers by largest remainders, earlier layers first."""
    total = sum(lengths)
    shares = [wanted * length // total for length in lengths]
    by_remainder = sorted(range(len(lengths)), key=lambda layer: -(wanted * lengths[layer] % total))
    for layer in by_remainder[: wanted - sum(shares)]:
        shares[layer] += 1
    return shares
