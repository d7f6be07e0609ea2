"""Networks with trained weights: loaded from a state_dict, or trained here and kept in a file."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from common.checks import first_line
from common.files import write_atomically
from common.store import Row
from torch_backend.models import build
from torch_backend.search import prepared
from torch_backend.settings import Settings
from torch_backend.training import CHECKPOINT, Run, Task


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
    """Return the tensors of a file by name; errors as for :func:`loaded`."""
    path = Path(path)
    if path.suffix == ".safetensors":
        try:
            return from_bytes(path.read_bytes())
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged or no safetensors file: {error}") from None
    if path.suffix not in (".pt", ".pth"):
        raise ValueError(f"weights must be a .safetensors, .pt or .pth file, got {path}")
    data = BytesIO(path.read_bytes())
    try:
        found = torch.load(data, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for damaged files
        raise ValueError(f"{path} is damaged or holds more than tensors: {first_line(error)}") from None
    if not isinstance(found, dict) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise ValueError(f"{path} holds no state_dict: it must be a dictionary of tensors by name")
    return dict(found)


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
    off goes on from its checkpoint in ``folder``. origin: see :class:`torch_backend.training.Run`.
    """
    path = folder / "weights.safetensors"
    model = prepared(settings, seed, sizes).to(device)
    if path.exists():
        _fill(model, read_state(path), path)
        return model
    folder.mkdir(parents=True, exist_ok=True)
    Run(model, task, settings, folder, dict, origin=origin or {}).fit(tell)
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    write_atomically(path, to_bytes(state))
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return model


def _fill(model: nn.Module, state: dict[str, Tensor], path: str | Path) -> None:
    """Load ``state``; say in one line what does not fit."""
    own = model.state_dict()
    missing, surplus = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    for what, names in (("lacks", missing), ("has, unlike the model,", surplus)):
        if names:
            rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"{path} does not fit the model: it {what} {', '.join(names[:3])}{rest}")
    for name, value in state.items():
        if value.shape != own[name].shape:
            raise ValueError(
                f"{path} does not fit the model: {name} is {tuple(value.shape)} and must be {tuple(own[name].shape)}"
            )
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{path} cannot be used: {name} has values that are not finite")
    model.load_state_dict(state)
