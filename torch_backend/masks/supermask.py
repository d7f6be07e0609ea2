"""Edge-Popup as a parametrization: weights that stay as they were drawn, and one trained score for each searchable one.

Ramanujan et al. (2020), What's hidden in a randomly weighted neural network?, arXiv 1911.13299; frozen sources after
Otsuka et al. (2024), arXiv 2402.14029. :func:`freeze` turns any module into a frozen random source, and
:mod:`torch_backend.masks.threshold` chooses the masks.
"""

import copy
import json
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils import parametrize

from slt.core.checks import one_of
from slt.core.keys import key_words
from slt.core.rates import searchable
from theory.freezing import check_sparsity, layer_rates
from torch_backend.masks import frozen
from torch_backend.masks.layers import DTYPES, NORMS, Weight, allow_any_layout, is_bias, searchable_weights

SCALES = ("none", "static", "dynamic")
GIVEN = "given"
STATE = "_extra_state"  # torch's name for what get_extra_state returns
CHUNK = 1 << 18  # numbers digested at a time
REPLACED = "_frozen_parameters"  # attribute of a module: the names of its parameters that are now constants


class _Masked(torch.autograd.Function):
    """The masked weight W = scale * mask * w, with the straight-through gradient of the scores.

    dL/ds = sign(s) dL/dW w scale, as if the mask were |s| instead of [|s| above the threshold]; weights whose mask is 0
    have it too.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, weight: Tensor, values: Tensor, free: Tensor, scale: Tensor | None) -> Tensor:
        # the weight too, so that torch notices masks that change between here and the gradient
        ctx.save_for_backward(scores, values, free, scale, weight)
        # a copy: what a hook or an initialiser writes into a layer's weight must not reach the frozen numbers
        return weight.clone() if scale is None else weight * scale

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scores, values, free, scale, _ = ctx.saved_tensors
        out = gradient.reshape(-1).index_select(0, free).mul_(values).mul_(scores.sign())
        return (out if scale is None else out.mul_(scale)), None, None, None, None


class NotSelected(UserWarning):
    """A frozen network computes with masks that nothing has chosen, or that its scores have left behind."""


class Supermask(nn.Module):
    """One weight tensor of a frozen source and its scores; calling it returns a copy of the masked weight.

    scores: (free,) the only parameter. The rest are buffers, which the seed rebuilds: weight, the masked tensor as the
    layer uses it before any dynamic scale, kept up to date by :meth:`keep`; values (free,) and free (free,), the
    searchable weights and where they are in the flattened tensor; mask (free,), which of them are kept, at first all.
    size, locked: numbers of all weights and of locked ones. layer, fan_in: its name and inputs when it was frozen.

    A state_dict holds the scores, the mask and a digest of the frozen weights. Loading it restores the mask, and raises
    ValueError, naming the layer, when the digest is not that of the weights here, or when scores come without a mask.
    origin: that digest, empty once the weights are lost (moved to the meta device, or emptied): then every use raises
    ValueError. chosen: whether any mask was chosen; until then, and when scores have changed since, using it warns
    with :class:`NotSelected`.
    """

    scores: nn.Parameter
    weight: Tensor
    values: Tensor
    free: Tensor
    mask: Tensor
    scale: Tensor | None

    def __init__(
        self,
        source: Tensor,
        states: Tensor,
        scores: Tensor,
        *,
        dynamic: bool = False,
        layer: str = "weight",
        fan_in: float | None = None,
    ) -> None:
        """Mask ``source`` by ``states`` (-1 pruned, 0 free, 1 locked, 2 neither and not counted), of the same shape.

        dynamic: multiply the weights by 1 / sqrt(1 - sparsity), sparsity being the layer's present one; by 0 when
        nothing is kept.
        """
        super().__init__()
        self.layer = layer
        self.fan_in = frozen.fan_in(tuple(source.shape)) if fan_in is None else fan_in
        self.arguments: dict[str, Any] = {}  # of freeze
        free = (states == frozen.FREE).flatten().nonzero().squeeze(1)
        self.size = int((states != frozen.OUTSIDE).sum())
        self.locked = int((states == frozen.LOCKED).sum())
        self.scores = nn.Parameter(scores.flatten()[free].clone())
        weight = source.clone().masked_fill_(states == frozen.PRUNED, 0.0)  # in place: it lies as the source does
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("values", source.flatten()[free].clone(), persistent=False)
        self.register_buffer("free", free.to(torch.int32), persistent=False)
        self.register_buffer("mask", torch.ones_like(free, dtype=torch.bool), persistent=False)
        self.register_buffer("scale", source.new_ones(()) if dynamic else None, persistent=False)
        self.keep(self.mask)
        self.chosen = False
        self.origin = self._digest()

    def forward(self, original: Tensor) -> Tensor:
        """Return the masked weight; ``original`` is an empty placeholder that parametrizations are handed."""
        if not self.origin and not self.weight.is_meta:
            raise ValueError(self._lost())
        if not torch.compiler.is_compiling():
            self.check_chosen()
        return _Masked.apply(self.scores, self.weight, self.values, self.free, self.scale)

    def check_chosen(self) -> None:
        """Warn with :class:`NotSelected` when the mask is not that of the scores."""
        if not self.chosen:
            said = "a frozen network is used whose masks were never chosen: all its free weights are kept"
        elif self.scores._version > self._selected_at:
            said = "a frozen network is used whose scores have changed since its masks were chosen"
        else:
            return
        warnings.warn(f"{said}; call select, or select_after_steps once", NotSelected, stacklevel=2)

    @torch.no_grad()
    def keep(self, mask: Tensor, *, afresh: bool = False) -> None:
        """Keep the free weights at which ``mask`` (free,) is True, and the locked ones; all others become 0.

        afresh: write all of them, because ``values`` was changed or :meth:`blend` came before.
        Raises ValueError for a mask of another shape or dtype.
        """
        if mask.shape != self.mask.shape or mask.dtype != torch.bool:
            raise ValueError(
                f"{self.layer} takes a mask of shape {tuple(self.mask.shape)} and dtype bool, got {tuple(mask.shape)} "
                f"and {mask.dtype}"
            )
        flat = self.weight.contiguous().view(-1)  # the weight itself, unless it lies channels_last
        (self._write_changes if flat.is_cpu and not afresh else self._write_all)(flat, mask)
        self.mask.copy_(mask)
        self._settle(flat, self.mask)
        # torch counts what is written into a tensor; a copy starts at 0 again, which only delays the warning
        self.chosen, self._selected_at = True, self.scores._version

    @torch.no_grad()
    def blend(self, shares: Tensor) -> None:
        """Use the free weights times ``shares`` (free,), in [0, 1], until they are kept afresh; ``mask`` stays."""
        flat = self.weight.contiguous().view(-1)
        flat.scatter_(0, self.free.long(), self.values * shares)
        self._settle(flat, shares)

    def _settle(self, flat: Tensor, shares: Tensor) -> None:
        """Put the flat weight back where it lies in another order, and set the dynamic scale."""
        if not self.weight.is_contiguous():
            self.weight.copy_(flat.view_as(self.weight))
        if self.scale is not None:
            kept = self.locked + shares.sum()
            self.scale.copy_(torch.where(kept > 0, (self.size / kept).sqrt(), 0.0))

    def _write_changes(self, flat: Tensor, mask: Tensor) -> None:
        """Write what differs from the present mask: little, from one step to the next."""
        changed = (mask ^ self.mask).nonzero().squeeze(1)
        flat[self.free[changed].long()] = torch.where(mask[changed], self.values[changed], 0.0)

    def _write_all(self, flat: Tensor, mask: Tensor) -> None:
        """Write every searchable weight, which an accelerator does without being asked how many there are."""
        flat.scatter_(0, self.free.long(), torch.where(mask, self.values, 0.0))

    def get_extra_state(self) -> Tensor:
        """Return what a state_dict holds beside the scores, uint8: arguments of freeze, digest, chosen or not, mask.

        One tensor of bytes, which every container and cast of state_dicts leaves as it is.
        """
        if not self.origin:
            raise ValueError(self._lost())
        text = json.dumps(self.arguments).encode() + b"\0"
        head = text + bytes.fromhex(self.origin) + bytes([self.chosen])
        return torch.from_numpy(np.concatenate([np.frombuffer(head, np.uint8), np.packbits(self.mask.cpu().numpy())]))

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the mask; raise ValueError when the state is of other frozen weights."""
        mask, chosen = self._understood(state)
        self.keep(mask, afresh=True)
        self.chosen = chosen

    def _understood(self, state: Tensor) -> tuple[Tensor, bool]:
        """Return the mask and whether it was chosen."""
        if not self.origin:
            raise ValueError(self._lost())
        text, _, rest = bytes(state.detach().cpu().to(torch.uint8).numpy()).partition(b"\0")
        own = bytes.fromhex(self.origin)
        packed = np.frombuffer(rest[len(own) + 1 :], np.uint8)
        if rest[: len(own)] != own:
            raise ValueError(
                f"{self.layer} cannot take a state of other frozen weights, those frozen with "
                f"{text[:400].decode(errors='replace')}; its own were frozen with {json.dumps(self.arguments)}"
            )
        if len(packed) != -(-len(self.mask) // 8):
            raise ValueError(f"{self.layer} cannot take a state whose mask is damaged")
        bits = np.unpackbits(packed, count=len(self.mask)).astype(bool)
        return torch.from_numpy(bits).to(self.mask.device), rest[len(own)] == 1

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Load scores and mask, both or neither, after the state was found to be of these frozen weights."""
        there = [name for name in ("scores", STATE) if prefix + name in state_dict]
        if len(there) == 1:
            raise ValueError(f"{self.layer} cannot take a state of {there[0]} alone: scores and their mask go together")
        if there:
            self._understood(state_dict[prefix + STATE])
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Supermask":
        """Move or cast (``to``, ``half``, ..): positions and masks keep their dtype, lost weights are noted."""
        before, dtype, free = self._digest(), self.weight.dtype, self.free
        kept = {name: buffer for name, buffer in self._buffers.items() if buffer is not None}
        super()._apply(fn, recurse)
        for name, buffer in kept.items():
            now = self._buffers[name]
            if now is not None and now.dtype != buffer.dtype and not buffer.is_floating_point():
                self._buffers[name] = buffer.to(now.device)
        if self.weight.dtype not in DTYPES:
            raise ValueError(f"{self.layer} cannot be searched in dtype {self.weight.dtype}")
        # positions first: emptied memory holds any numbers
        there = before and not self.weight.is_meta and torch.equal(self.free.cpu(), free.cpu())
        after = self._digest() if there else ""
        if after != before:  # rounded to another dtype, or emptied
            self.origin = after if self.origin and self.weight.dtype != dtype else ""
        return self

    def _digest(self) -> str:
        """Return 32 hexadecimal digits of the frozen weights, in any dtype, and of which are free; "" on meta."""
        if self.weight.is_meta:
            return ""
        flat = self.weight.detach().clone(memory_format=torch.contiguous_format).view(-1)
        flat[self.free.long()] = self.values
        found = blake2b(f"{tuple(self.weight.shape)} {self.size} {self.scale is not None}".encode(), digest_size=16)
        for part in (self.free, *flat.split(CHUNK)):
            found.update((part.double() if part is not self.free else part).cpu().numpy().tobytes())
        return found.hexdigest()

    def _lost(self) -> str:
        return f"{self.layer} has lost its frozen weights (moved to the meta device, or emptied): freeze a fresh model"

    def extra_repr(self) -> str:
        """Name the counts, and say when no mask was chosen."""
        chosen = "" if self.chosen else ", no mask chosen yet"
        return f"size={self.size}, locked={self.locked}, free={len(self.scores)}{chosen}"


def freeze(
    model: nn.Module,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    rule: str = "epl",
    weights: str = "ku",
    scale: str = "none",
    sparsity: float | None = None,
    seed: int = 0,
    learn_norms: bool = False,
    leave: Collection[str] = (),
) -> nn.Module:
    """Turn ``model`` into a frozen random source, in place, and return it: only scores are left to train.

    Every weight of its Linear, Bilinear, Conv1d/2d/3d, ConvTranspose1d/2d/3d, Embedding, EmbeddingBag,
    MultiheadAttention, LSTM, GRU and RNN modules and cells, also within other modules, gets new random values and a
    :class:`Supermask` under the rates that ``rule`` gives its layer, whether it required a gradient or not. Shared
    weights stay shared. The padding row of an embedding becomes 0; it is no weight: neither searched nor counted.
    Biases become 0 and norm layers non-affine, as constants outside the state_dict; with ``learn_norms`` norms start
    there and are trained. Other parameters of one axis, buffers, and what ``leave`` names keep their values and their
    places in the state_dict, untrained.

    prune, lock: the rates p and q of the whole network; rule: "epl" or "erk"; weights: "ku" or "skc", see
    :func:`torch_backend.masks.frozen.source`, or "given": weights, padding rows, biases and norms keep the values that
    they have, untrained (but for norms with ``learn_norms``); only who has the model can then rebuild a ticket. scale:
    "none", "static" (by ``sparsity``, the one that will be searched) or "dynamic" (by each layer's present sparsity).
    leave: names of parameters, as in ``named_parameters``. Device, dtype and memory layout are those of the weights
    replaced. Make the optimiser afterwards, of the parameters that require a gradient.

    Raises ValueError, before anything is changed, for rates, names or a sparsity that cannot be and for a model that
    has no such weights, has any other parameter of two axes or more that ``leave`` does not name, or is frozen already.
    So it does, naming the layer, for a weight that is parametrized, written by a forward pre-hook (weight_norm,
    spectral_norm, prune), lazy, empty, on the meta device, complex, quantised or sparse; for one with hooks on its
    gradient, or in memory that it shares with another; and for an embedding with sparse gradients or max_norm.
    """
    rates = searchable(prune, lock)
    one_of("weights", weights, (*frozen.WEIGHTS, GIVEN))
    one_of("scale", scale, SCALES)
    if sparsity is not None:
        sparsity = check_sparsity(sparsity, rates)
    elif scale == "static":
        raise ValueError("scale static needs the sparsity that will be searched, got none")
    if scale == "static" and weights == GIVEN:
        raise ValueError("scale static is for weights that are drawn, not for given ones")
    seed = int(key_words(seed)[0])
    places: dict[nn.Parameter, list[Weight]] = {}
    for use in searchable_weights(model, leave):
        places.setdefault(use.parameter, []).append(use)
    if not places:
        raise ValueError(f"{type(model).__name__} has no weights that can be searched")
    arguments: dict[str, Any] = {
        "prune": rates.prune, "lock": rates.lock, "rule": rule, "weights": weights, "scale": scale,
        "sparsity": sparsity, "seed": seed, "learn_norms": bool(learn_norms), "leave": list(leave),
    }  # fmt: skip
    rows = [[row for row in range(len(weight)) if row not in _paddings(uses)] for weight, uses in places.items()]
    shapes = [(len(kept), *weight.shape[1:]) for kept, weight in zip(rows, places, strict=True)]
    for shape, uses in zip(shapes, places.values(), strict=True):
        if not shape[0]:
            raise ValueError(f"{uses[0].layer} has no row but that of padding")
    left = {id(parameter) for name, parameter in model.named_parameters(remove_duplicate=False) if name in leave}
    made = []
    for (weight, uses), kept, ratio in zip(places.items(), rows, layer_rates(rule, shapes, prune, lock), strict=True):
        layer, shape, fan_in = uses[0].layer, tuple(weight.shape), uses[0].fan_in
        states = torch.full(shape, frozen.OUTSIDE, dtype=torch.int8)
        states[kept] = frozen.pattern(seed, layer, (len(kept), *shape[1:]), ratio)
        values = weight.detach()
        if weights != GIVEN:
            drawn = frozen.source(seed, layer, shape, weights, sparsity if scale == "static" else None, fan_in)
            # copied, not moved, so that it lies in memory as the weight does
            values = torch.empty_like(values).copy_(drawn.masked_fill(states == frozen.OUTSIDE, 0.0))
        scores = frozen.first_scores(seed, layer, shape, fan_in).to(weight)
        supermask = Supermask(
            values, states.to(weight.device), scores, dynamic=scale == "dynamic", layer=layer, fan_in=fan_in
        )
        supermask.arguments = arguments
        made.append(supermask)
    allow_any_layout(model)
    for supermask, uses in zip(made, places.values(), strict=True):
        for use in uses:
            _parametrize(use.module, use.name, supermask)
    for module in list(model.modules()):
        _settle_the_rest(module, learn_norms, weights == GIVEN, left)
    return model


def frozen_with(model: nn.Module) -> dict[str, Any]:
    """Return the arguments that :func:`freeze` was called with for ``model``: prune, lock, rule, weights, ..., seed.

    Raises ValueError when the model has no supermasks, some that were frozen with different arguments, or some that
    were frozen in another module (a part of this one, say): :func:`freeze` would draw other weights for this one.
    """
    found = supermasks(model)
    if not found:
        raise ValueError(f"{type(model).__name__} is not frozen: call freeze first")
    first = next(iter(found.values())).arguments
    for name, supermask in found.items():
        if supermask.arguments != first:
            raise ValueError(f"{type(model).__name__} has parts that were frozen with different arguments")
        if supermask.layer != name:
            raise ValueError(
                f"{name} was frozen as {supermask.layer}, in another module than this {type(model).__name__}, whose "
                "seed would draw other weights for it: give the module that was frozen"
            )
    return copy.deepcopy(first)


def supermasks(model: nn.Module) -> dict[str, Supermask]:
    """Return the supermasks of a frozen model by layer name, such as "features.0.weight", in the model's order."""
    found: dict[str, Supermask] = {}
    for prefix, module in model.named_modules():
        if parametrize.is_parametrized(module):
            for name, chain in module.parametrizations.items():
                for part in chain:
                    if isinstance(part, Supermask) and all(part is not other for other in found.values()):
                        found[f"{prefix}.{name}" if prefix else name] = part
    return found


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes that training a model holds; buffers are masked weights, searchable ones, their positions, statistics."""

    parameters: int
    gradients: int
    optimiser: int
    buffers: int


def footprint(model: nn.Module, optimiser: torch.optim.Optimizer | None = None) -> Footprint:
    """Return the bytes of what trains, of its present gradients and optimiser state, and of the buffers beside it.

    The first three shrink by the factor 1 - F with the freezing ratio F, since frozen weights have no score.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    state = [] if optimiser is None else [value for entry in optimiser.state.values() for value in entry.values()]
    groups = (
        trained,
        [parameter.grad for parameter in trained if parameter.grad is not None],
        [value for value in state if isinstance(value, Tensor)],
        list(model.buffers()),
    )
    return Footprint(*(sum(tensor.numel() * tensor.element_size() for tensor in group) for group in groups))


def _paddings(uses: list[Weight]) -> set[int]:
    """Return the rows of a weight that stand for padding."""
    return {use.padding for use in uses if use.padding is not None}


def _parametrize(module: nn.Module, name: str, supermask: Supermask) -> None:
    """Let ``module.name`` be the supermask's weight."""
    if isinstance(module, nn.RNNBase) and not parametrize.is_parametrized(module):
        module.__class__ = _reading(type(module))  # type: ignore[arg-type]
        module.__dict__.pop("_flat_weights", None)
    _constant(module, name, supermask.values.new_empty(0))
    parametrize.register_parametrization(module, name, supermask, unsafe=True)  # unsafe: the placeholder is empty
    module.parametrizations.train(module.training)  # type: ignore[union-attr]
    module.parametrizations[name]._non_persistent_buffers_set.add("original")  # type: ignore[index, union-attr]
    type(module).__deepcopy__ = _copied  # type: ignore[attr-defined]


@cache
def _reading(kind: Any) -> Any:
    """Return the recurrent module's class, reading its weights afresh at every use.

    Recurrent modules compute with a list of tensors made at construction, and move them into one block of memory, which
    would take them away from their supermasks.
    """
    weights = property(lambda self: [getattr(self, name) for name in self._flat_weights_names], _ignore)
    return type(kind.__name__, (kind,), {"plain_kind": kind, "_flat_weights": weights, "flatten_parameters": _ignore})


def _copied(self: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """Copy a module with masked weights, and its class, in which torch keeps what is parametrized.

    With one class for both, removing the parametrization of one would take the weight away from the other.
    """
    kind = type(self)
    own = {name: value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__")}
    twin: nn.Module = kind.__new__(type(kind.__name__, kind.__bases__, own))
    memo[id(self)] = twin
    twin.__dict__ = copy.deepcopy(self.__dict__, memo)
    return twin


def _ignore(*_: object) -> None:
    """Do nothing."""


def _settle_the_rest(module: nn.Module, learn_norms: bool, given: bool, left: set[int]) -> None:
    """Biases 0, norms non-affine or learned from there, unless ``given``; any other parameter but scores untrained.

    left: ids of parameters that stay as they are.
    """
    for name, parameter in list(module.named_parameters(recurse=False)):
        norm, bias, stays = isinstance(module, NORMS), is_bias(module, name), id(parameter) in left
        value = torch.zeros_like(parameter) if bias else torch.ones_like(parameter)
        if norm and learn_norms and not stays:
            if not given:
                parameter.data.copy_(value)
        elif (norm or bias) and not given and not stays:
            _constant(module, name, value.detach())
        elif not isinstance(module, Supermask):
            parameter.requires_grad_(False)


def _constant(module: nn.Module, name: str, value: Tensor) -> None:
    """Put a buffer outside the state_dict in the place of a parameter, and let the module remember that it was one."""
    delattr(module, name)
    module.register_buffer(name, value, persistent=False)
    module.__dict__.setdefault(REPLACED, []).append(name)
