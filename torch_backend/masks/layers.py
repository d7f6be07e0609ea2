"""Which parameters of a network are weights that a mask can be searched for, and what is to be known of each.

Nothing is left out without a word: a weight that no search could be right about is refused, and the layer is named.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvTransposeNd
from torch.nn.utils import parametrize

from torch_backend.masks import frozen

PLAIN = (nn.Linear, nn.Bilinear, nn.Conv1d, nn.Conv2d, nn.Conv3d, _ConvTransposeNd)
TABLES = (nn.Embedding, nn.EmbeddingBag)
PROJECTIONS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True, eq=False)
class Weight:
    """One weight tensor of one module. layer: its full name, such as "features.0.weight"; name: its attribute."""

    layer: str
    module: nn.Module
    name: str

    @property
    def parameter(self) -> nn.Parameter:
        """The parameter itself, shared by several modules perhaps."""
        found = self.module.get_parameter(self.name)
        return found

    @property
    def fan_in(self) -> float:
        """How many inputs an output is a sum of, in the mean over outputs.

        A transposed convolution spreads each input over k outputs, of which there are s times as many as inputs: each
        output has (in / groups) * k / s of them, k and s the products of kernel sizes and strides. Its weight is
        (in, out / groups, ...), not (out, in / groups, ...).
        """
        shape = tuple(self.parameter.shape)
        if isinstance(self.module, _ConvTransposeNd):
            return shape[0] // self.module.groups * prod(self.module.kernel_size) / prod(self.module.stride)
        return frozen.fan_in(shape)

    @property
    def padding(self) -> int | None:
        """The row of an embedding that stands for padding, which is never trained, None where there is none."""
        return self.module.padding_idx if isinstance(self.module, TABLES) else None


def searchable_weights(model: nn.Module, leave: Collection[str] = ()) -> list[Weight]:
    """Return every weight of the network but those that ``leave`` names, modules in their order.

    Changes nothing. Raises ValueError, naming the layer, for whatever cannot be searched rightly: see
    :func:`torch_backend.masks.supermask.freeze`.
    """
    left = _left(model, leave)
    found = []
    for prefix, module in model.named_modules():
        _check_module(prefix or "the model", module)
        names = _names(prefix or "the model", module)
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            layer = f"{prefix}.{name}" if prefix else name
            if parameter in left:
                continue
            if type(parameter) is not nn.Parameter:
                raise ValueError(f"{layer} is a {type(parameter).__name__}, not an ordinary parameter")
            if name in names:
                _check(layer, parameter)
                found.append(Weight(layer, module, name))
            elif parameter.ndim > 1 and not isinstance(module, NORMS) and not is_bias(module, name):
                raise ValueError(
                    f"{layer}, of shape {tuple(parameter.shape)}, cannot be searched: how {type(module).__name__} uses "
                    f"it is not known; leave=[{layer!r}] keeps its value"
                )
    _check_memory(model)
    return found


def is_bias(module: nn.Module, name: str) -> bool:
    """Tell whether a parameter is a bias by its name: one with an axis at most, or the two rows of attention."""
    named = name.startswith("bias") or name.endswith("bias")
    return named and (module._parameters[name].ndim <= 1 or isinstance(module, nn.MultiheadAttention))  # type: ignore[union-attr]


def _left(model: nn.Module, leave: Collection[str]) -> set[nn.Parameter]:
    """Return the parameters of these names."""
    if isinstance(leave, str):
        raise ValueError(f"leave must be a list of names of parameters, got {leave!r}")
    known = dict(model.named_parameters(remove_duplicate=False))
    for name in leave:
        if name not in known:
            raise ValueError(f"leave names {name!r}, which is no parameter of {type(model).__name__}")
    return {known[name] for name in leave}


def _names(layer: str, module: nn.Module) -> list[str]:
    """Return the attributes of a module that are weights; raise ValueError for one that is no parameter."""
    names: tuple[str, ...] = ()
    if isinstance(module, PLAIN + TABLES):
        names = ("weight",)
    elif isinstance(module, nn.MultiheadAttention):
        names = PROJECTIONS
    elif isinstance(module, nn.RNNBase):
        names = tuple(name for name in module._flat_weights_names if name.startswith("weight"))
    elif isinstance(module, nn.RNNCellBase):
        names = ("weight_ih", "weight_hh")
    for name in names:
        if name not in module._parameters:
            raise ValueError(f"{layer} has a {name} that is no parameter: it is computed from others, or is a constant")
    return [name for name in names if module._parameters[name] is not None]


def _check_module(layer: str, module: nn.Module) -> None:
    """Raise ValueError for a module that does not compute with its parameters alone."""
    tensors = (*module._parameters.values(), *module._buffers.values())
    if any(value is not None and nn.parameter.is_lazy(value) for value in tensors):
        raise ValueError(f"{layer} is lazy: run it once before freezing it")
    if parametrize.is_parametrized(module):
        raise ValueError(f"{layer} has parametrized weights already: freeze a plain model, once")
    if module._forward_pre_hooks:
        hooks = ", ".join(_called(hook) for hook in module._forward_pre_hooks.values())
        raise ValueError(
            f"{layer} has a forward pre-hook ({hooks}), which may write a weight before every use, as weight_norm, "
            "spectral_norm and prune of torch.nn.utils do: remove it before freezing"
        )
    if isinstance(module, TABLES) and (module.sparse or module.max_norm is not None):
        raise ValueError(f"{layer}: an {type(module).__name__} with sparse gradients or max_norm cannot be frozen")
    kind = type(module).__module__
    if kind.startswith("torch.") and ".quantized." in kind:
        raise ValueError(f"{layer} is quantised ({type(module).__name__}): freeze the network before quantising it")


def _called(hook: object) -> str:
    return getattr(hook, "__qualname__", type(hook).__qualname__)


def _check(layer: str, weight: Tensor) -> None:
    """Raise ValueError for a weight whose numbers are not there, or are not independent real numbers."""
    if weight.layout != torch.strided:
        raise ValueError(f"{layer} has the layout {weight.layout}: make it dense")
    if weight.is_meta:
        raise ValueError(f"{layer} is on the meta device, without memory: call to_empty first")
    if weight.dtype not in DTYPES:
        allowed = ", ".join(str(dtype).removeprefix("torch.") for dtype in DTYPES)
        raise ValueError(f"{layer} is of dtype {weight.dtype}; it must be one of {allowed}")
    if not weight.numel():
        raise ValueError(f"{layer} has no numbers, its shape is {tuple(weight.shape)}")
    if _overlaps_itself(weight):
        raise ValueError(f"{layer} has several elements in one place of memory (strides {weight.stride()})")
    if weight._backward_hooks or getattr(weight, "_post_accumulate_grad_hooks", None):
        raise ValueError(f"{layer} has hooks on its gradient, which would be lost: remove them before freezing")


def _overlaps_itself(tensor: Tensor) -> bool:
    """Tell whether strides may let two elements lie in one place."""
    reach = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride <= reach:
                return True
            reach += stride * (size - 1)
    return False


def _check_memory(model: nn.Module) -> None:
    """Raise ValueError when two parameters share memory, as a tensor and its transpose do: tied in no way we see."""
    spans = []
    for layer, parameter in model.named_parameters():
        if parameter.layout == torch.strided and parameter.numel() and not parameter.is_meta:
            start = parameter.data_ptr()
            reach = sum((size - 1) * stride for size, stride in zip(parameter.shape, parameter.stride(), strict=True))
            spans.append((str(parameter.device), start, start + (reach + 1) * parameter.element_size(), layer))
    furthest = ("", 0, "")
    for device, start, end, layer in sorted(spans):
        if device == furthest[0] and start < furthest[1]:
            raise ValueError(f"{furthest[2]} and {layer} share memory and are two parameters: tie them by one")
        furthest = max(furthest, (device, end, layer))


def allow_any_layout(model: nn.Module) -> None:
    """Let strided convolutions with kernels of one number take channels-last tensors on a CPU.

    The backward pass of oneDNN for them writes beside its memory where the processor has AVX2 and not AVX-512, with
    torch 2.13: segmentation faults. Reading every stride-th input first and convolving with stride 1 is the same sum.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and not hasattr(module, "plain_kind"):
            strided = max(module.stride) > 1 and max(module.kernel_size) == 1
            if strided and not any(module._reversed_padding_repeated_twice):
                module.__class__ = _reading_first(type(module))  # type: ignore[arg-type]


@cache
def _reading_first(kind: Any) -> Any:
    """Return the convolution's class, which reads every stride-th input first where the memory is in another order."""

    def _conv_forward(self: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not x.is_cpu or (_in_order(x) and _in_order(weight)):
            found: Tensor = kind._conv_forward(self, x, weight, bias)
            return found
        convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[len(self.stride) - 1]
        read: Any = (..., *(slice(None, None, stride) for stride in self.stride))
        return convolve(x[read], weight, bias, groups=self.groups)

    return type(kind.__name__, (kind,), {"plain_kind": kind, "_conv_forward": _conv_forward})


def _in_order(tensor: Tensor) -> bool:
    """Tell whether the last axis is the innermost, also where it has length 1, which is_contiguous does not look at."""
    return tensor.is_contiguous() and tensor.stride(-1) == 1
