"""Networks with trained weights: loaded from a state_dict, or trained here and kept in a file."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slt.core.checks import first_line
from slt.core.files import write_atomically
from slt.core.store import Row
from torch_backend.models import build
from torch_backend.tickets.tensors import dense, encoded, name_of, read
from torch_backend.training.run import CHECKPOINT, Run, Task
from torch_backend.training.settings import Settings
from torch_backend.training.start import prepared


def loaded(path: str | Path, name: str, sizes: dict[str, Any]) -> nn.Module:
    """Return the model ``name`` with the weights of a .safetensors file or of a .pt or .pth file with a state_dict.

    sizes: its builder's arguments; whether norms have a scale and a shift is what the file says. Nothing in the file is
    executed. Raises ValueError when it is damaged or does not fit the model, OSError when it cannot be read.
    """
    state = read_state(path)
    vectors = any(value.ndim == 1 and key.endswith(".weight") for key, value in state.items())
    sizes = {key: value for key, value in sizes.items() if key != "affine"}
    model = build(name, **sizes, **({"affine": True} if vectors else {}))
    _fill(model, state, path)
    return model


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name, on the CPU, each with memory of its own; errors as for :func:`loaded`."""
    path = Path(path)
    if path.suffix == ".safetensors":
        return read(path)[1]
    if path.suffix not in (".pt", ".pth"):
        raise ValueError(f"weights must be a .safetensors, .pt or .pth file, got {path}")
    data = BytesIO(path.read_bytes())
    try:
        found = torch.load(data, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for damaged files
        raise ValueError(f"{path} is damaged or holds more than tensors: {first_line(error)}") from None
    if not isinstance(found, dict) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise ValueError(f"{path} holds no state_dict: it must be a dictionary of tensors by name")
    if not all(isinstance(name, str) for name in found):
        raise ValueError(f"{path} holds no state_dict: the names of its tensors must be texts")
    try:
        return {name: dense(name, value) for name, value in found.items()}
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from None


def trained(
    settings: Settings,
    seed: int,
    sizes: dict[str, Any],
    task: Task,
    folder: Path,
    device: torch.device,
    tell: Callable[[Row], None] = lambda row: None,
    origin: dict[str, str] | None = None,
) -> nn.Module:
    """Return a network whose weights were trained, from ``folder`` / weights.safetensors where that is there already.

    settings: of method "weights". It is the network of the epoch of the best validation accuracy; training that was cut
    off goes on from its checkpoint in ``folder``. origin: see :class:`torch_backend.training.run.Run`.
    """
    path = folder / "weights.safetensors"
    model = prepared(settings, seed, sizes).to(device)
    if path.exists():
        _fill(model, read_state(path), path)
        return model
    folder.mkdir(parents=True, exist_ok=True)
    Run(model, task, settings, folder, dict, origin=origin or {}).fit(tell)
    write_atomically(path, encoded(model.state_dict()))
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return model


def _fill(model: nn.Module, state: dict[str, Tensor], path: str | Path) -> None:
    """Load ``state``; say in one line what does not fit. A value that the model's dtype does not have does not fit."""
    own = model.state_dict()
    missing, surplus = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    for what, names in (("lacks", missing), ("has, unlike the model,", surplus)):
        if names:
            rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"{path} does not fit the model: it {what} {', '.join(names[:3])}{rest}")
    fitting = {}
    for name, value in state.items():
        if value.shape != own[name].shape:
            raise ValueError(
                f"{path} does not fit the model: {name} is {tuple(value.shape)} and must be {tuple(own[name].shape)}"
            )
        held = value if value.dtype == own[name].dtype else _converted(value, own[name].dtype)
        if held is None:
            had, wanted = name_of(value.dtype), name_of(own[name].dtype)
            raise ValueError(f"{path} does not fit the model: {name} is {had}, with values that {wanted} does not have")
        if not bool(torch.isfinite(held).all()):
            raise ValueError(f"{path} cannot be used: {name} has values that are not finite")
        fitting[name] = held
    model.load_state_dict(fitting)


def _converted(value: Tensor, dtype: torch.dtype) -> Tensor | None:
    """Return ``value`` in another dtype, None where that would change it."""
    if value.is_complex() != dtype.is_complex:
        return None
    held = value.to(dtype)
    back = held.to(value.dtype)
    same = back.eq(value) | back.ne(back) & value.ne(value)  # or no number, both
    return held if bool(same.all()) else None
