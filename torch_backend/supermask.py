"""Edge-Popup as a parametrization: weights that stay as they were drawn, and one trained score for each searchable one.

Ramanujan et al. (2020), What's hidden in a randomly weighted neural network?, arXiv 1911.13299; frozen sources after
Otsuka et al. (2024), arXiv 2402.14029. :func:`freeze` turns any module into a frozen random source, and
:mod:`torch_backend.threshold` chooses the masks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import parametrize

from common.checks import one_of
from common.rates import searchable
from theory.freezing import check_sparsity, layer_rates
from torch_backend import frozen

SCALES = ("none", "static", "dynamic")
GIVEN = "given"
REPLACED = "_frozen_parameters"  # attribute of a module: the names of its parameters that are now constants
PLAIN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding)
PROJECTIONS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


class _Masked(torch.autograd.Function):
    """The masked weight W = scale * mask * w, with the straight-through gradient of the scores.

    dL/ds = sign(s) dL/dW w scale, as if the mask were |s| instead of [|s| above the threshold]; weights whose mask is 0
    have it too.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, weight: Tensor, values: Tensor, free: Tensor, scale: Tensor | None) -> Tensor:
        ctx.save_for_backward(scores, values, free, scale)
        # the same memory: nothing is computed unless the layer is scaled
        return weight.detach() if scale is None else weight * scale

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        scores, values, free, scale = ctx.saved_tensors
        out = gradient.reshape(-1).index_select(0, free).mul_(values).mul_(scores.sign())
        return (out if scale is None else out.mul_(scale)), None, None, None, None


class Supermask(nn.Module):
    """One weight tensor of a frozen source and its scores; calling it returns the masked weight.

    scores: (free,) the only parameter. The rest are buffers that no state_dict holds, since the seed rebuilds them:
    weight, the masked tensor as the layer uses it before any dynamic scale, kept up to date by :meth:`keep`; values
    (free,) and free (free,), the searchable weights and where they are in the flattened tensor; mask (free,), which of
    them are kept, at first all. size, locked: numbers of all weights and of locked ones.
    """

    scores: nn.Parameter
    weight: Tensor
    values: Tensor
    free: Tensor
    mask: Tensor
    scale: Tensor | None

    def __init__(self, source: Tensor, states: Tensor, scores: Tensor, *, dynamic: bool = False) -> None:
        """Mask ``source`` by ``states`` (-1 pruned, 0 free, 1 locked), all three of the same shape.

        dynamic: multiply the weights by 1 / sqrt(1 - sparsity), sparsity being the layer's present one; by 0 when
        nothing is kept.
        """
        super().__init__()
        self.arguments: dict[str, Any] = {}  # of freeze
        free = (states == frozen.FREE).flatten().nonzero().squeeze(1)
        self.size, self.locked = states.numel(), int((states == frozen.LOCKED).sum())
        self.scores = nn.Parameter(scores.flatten()[free].clone())
        self.register_buffer("weight", source.masked_fill(states == frozen.PRUNED, 0.0), persistent=False)
        self.register_buffer("values", source.flatten()[free].clone(), persistent=False)
        self.register_buffer("free", free.to(torch.int32), persistent=False)
        self.register_buffer("mask", torch.ones_like(free, dtype=torch.bool), persistent=False)
        self.register_buffer("scale", source.new_ones(()) if dynamic else None, persistent=False)
        self.keep(self.mask)

    def forward(self, original: Tensor) -> Tensor:
        """Return the masked weight; ``original`` is an empty placeholder that parametrizations are handed."""
        return _Masked.apply(self.scores, self.weight, self.values, self.free, self.scale)

    @torch.no_grad()
    def keep(self, mask: Tensor, *, afresh: bool = False) -> None:
        """Keep the free weights at which ``mask`` (free,) is True, and the locked ones; all others become 0.

        afresh: write all of them, because ``values`` was changed or :meth:`blend` came before.
        """
        flat = self.weight.contiguous().view(-1)  # the weight itself, unless it lies channels_last
        (self._write_changes if flat.is_cpu and not afresh else self._write_all)(flat, mask)
        self.mask.copy_(mask)
        self._settle(flat, self.mask)

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

    def extra_repr(self) -> str:
        """Name the counts."""
        return f"size={self.size}, locked={self.locked}, free={len(self.scores)}"


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
) -> nn.Module:
    """Turn ``model`` into a frozen random source, in place, and return it: only scores are left to train.

    Every weight of its Linear, Conv1d/2d/3d, Embedding, MultiheadAttention, LSTM, GRU and RNN modules, also within
    other modules, gets new random values and a :class:`Supermask` under the rates that ``rule`` gives its layer. Shared
    weights stay shared. Biases become 0 and norm layers non-affine, as constants outside the state_dict; with
    ``learn_norms`` norms start there and are trained. Any other parameter keeps its value and its place in the
    state_dict, untrained.

    prune, lock: the rates p and q of the whole network; rule: "epl" or "erk"; weights: "ku" or "skc", see
    :func:`torch_backend.frozen.source`, or "given": weights, biases and norms keep the values that they have, untrained
    (but for norms with ``learn_norms``); only who has the model can then rebuild a ticket. scale: "none", "static" (by
    ``sparsity``, the one that will be searched) or "dynamic" (by each layer's present sparsity). Device and dtype are
    those of the weights replaced.
    Raises ValueError for rates, names or a sparsity that cannot be, for a model that has no such weights, has lazy
    ones, or is frozen already, and for an Embedding with sparse gradients or max_norm.
    """
    rates = searchable(prune, lock)
    one_of("weights", weights, (*frozen.WEIGHTS, GIVEN))
    one_of("scale", scale, SCALES)
    if sparsity is not None:
        check_sparsity(sparsity, rates)
    elif scale == "static":
        raise ValueError("scale static needs the sparsity that will be searched, got none")
    if scale == "static" and weights == GIVEN:
        raise ValueError("scale static is for weights that are drawn, not for given ones")
    places: dict[nn.Parameter, list[tuple[str, nn.Module, str]]] = {}
    for layer, module, name in _weights(model):
        places.setdefault(getattr(module, name), []).append((layer, module, name))
    if not places:
        raise ValueError(f"{type(model).__name__} has no weights that can be searched")
    ratios = layer_rates(rule, [tuple(weight.shape) for weight in places], prune, lock)
    for (weight, uses), ratio in zip(places.items(), ratios, strict=True):
        layer, shape = uses[0][0], tuple(weight.shape)
        supermask = Supermask(
            weight.detach()
            if weights == GIVEN
            else frozen.source(seed, layer, shape, weights, sparsity if scale == "static" else None).to(weight),
            frozen.pattern(seed, layer, shape, ratio).to(weight.device),
            frozen.first_scores(seed, layer, shape).to(weight),
            dynamic=scale == "dynamic",
        )
        for _, module, name in uses:
            _parametrize(module, name, supermask)
    for module in list(model.modules()):
        _settle_the_rest(module, learn_norms, weights == GIVEN)
    arguments = {"prune": prune, "lock": lock, "rule": rule, "weights": weights, "scale": scale, "sparsity": sparsity}
    for supermask in supermasks(model).values():
        supermask.arguments = {**arguments, "seed": seed, "learn_norms": learn_norms}
    return model


def frozen_with(model: nn.Module) -> dict[str, Any]:
    """Return the arguments that :func:`freeze` was called with for ``model``: prune, lock, rule, weights, ..., seed.

    Raises ValueError when the model has no supermasks, or some that were frozen with different arguments.
    """
    found = [supermask.arguments for supermask in supermasks(model).values()]
    if not found:
        raise ValueError(f"{type(model).__name__} is not frozen: call freeze first")
    if any(arguments != found[0] for arguments in found):
        raise ValueError(f"{type(model).__name__} has parts that were frozen with different arguments")
    return dict(found[0])


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


def _weights(model: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """Yield (layer name, module, attribute) of every weight that can be searched."""
    for prefix, module in model.named_modules():
        if parametrize.is_parametrized(module):
            raise ValueError(f"{prefix or 'the model'} has parametrized weights already: freeze a plain model, once")
        if isinstance(module, nn.Embedding) and (module.sparse or module.max_norm is not None):
            raise ValueError(
                f"{prefix or 'the model'}: an Embedding with sparse gradients or max_norm cannot be frozen"
            )
        names: tuple[str, ...] = ()
        if isinstance(module, PLAIN):
            names = ("weight",)
        elif isinstance(module, nn.MultiheadAttention):
            names = PROJECTIONS
        elif isinstance(module, nn.RNNBase):
            names = tuple(name for name in module._flat_weights_names if name.startswith("weight"))
        for name in names:
            weight = getattr(module, name)
            if nn.parameter.is_lazy(weight):
                raise ValueError(f"{prefix or 'the model'} is lazy: run it once before freezing it")
            if weight is not None:
                yield f"{prefix}.{name}" if prefix else name, module, name


def _parametrize(module: nn.Module, name: str, supermask: Supermask) -> None:
    """Let ``module.name`` be the supermask's weight."""
    _constant(module, name, supermask.values.new_empty(0))
    parametrize.register_parametrization(module, name, supermask, unsafe=True)  # unsafe: the placeholder is empty
    module.parametrizations[name]._non_persistent_buffers_set.add("original")  # type: ignore[index, union-attr]
    if isinstance(module, nn.RNNBase):
        # recurrent modules compute with a list of tensors made at construction: let it be read afresh, and never be
        # moved into one block, which would take the weights away from their supermasks
        kind: Any = type(module)  # parametrizing gave this instance a class of its own
        kind._flat_weights = property(lambda self: [getattr(self, n) for n in self._flat_weights_names], _ignore)
        kind.flatten_parameters = _ignore
        module.__dict__.pop("_flat_weights", None)


def _ignore(*_: object) -> None:
    """Do nothing."""


def _settle_the_rest(module: nn.Module, learn_norms: bool, given: bool) -> None:
    """Biases 0, norms non-affine or learned from there, unless ``given``; any other parameter but scores untrained."""
    for name, parameter in list(module.named_parameters(recurse=False)):
        norm, bias = isinstance(module, NORMS), name.startswith("bias") or name.endswith("bias")
        value = torch.zeros_like(parameter) if bias else torch.ones_like(parameter)
        if norm and learn_norms:
            if not given:
                parameter.data.copy_(value)
        elif (norm or bias) and not given:
            _constant(module, name, value.detach())
        elif not isinstance(module, Supermask):
            parameter.requires_grad_(False)


def _constant(module: nn.Module, name: str, value: Tensor) -> None:
    """Put a buffer outside the state_dict in the place of a parameter, and let the module remember that it was one."""
    delattr(module, name)
    module.register_buffer(name, value, persistent=False)
    module.__dict__.setdefault(REPLACED, []).append(name)
