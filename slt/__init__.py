"""How wide, and how sparse, must a random network be to contain a strong lottery ticket when part of it is frozen?

Numbers that theory gives: :func:`requirement`, :func:`success`, :data:`CLAIMS`. Numbers that are measured or exact:
:func:`success_probability`, :func:`best_subsets`, :func:`covers_values`. Tickets in networks, which need PyTorch:
:func:`search`, or :func:`freeze` with :func:`select` or :func:`select_after_steps` in a training loop of one's own;
:func:`save_ticket`, :func:`load_ticket` and :func:`plain_state_dict` for what was found.

Everything is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import slt_verify  # noqa: F401 - first of all

if TYPE_CHECKING:
    from subsetsum.best import best_subsets
    from subsetsum.given import covers_values
    from subsetsum.success import success_probability
    from theory.claims import CLAIMS
    from theory.requirement import Requirement, Success, requirement, success
    from torch_backend.masks.supermask import freeze
    from torch_backend.masks.threshold import select, select_after_steps
    from torch_backend.training.searching import Ticket, load_ticket, plain_state_dict, save_ticket, search

__version__ = "0.1.0"

_NUMBERS = {
    "CLAIMS": "theory.claims",
    "Requirement": "theory.requirement",
    "Success": "theory.requirement",
    "best_subsets": "subsetsum.best",
    "covers_values": "subsetsum.given",
    "requirement": "theory.requirement",
    "success": "theory.requirement",
    "success_probability": "subsetsum.success",
}
_TICKETS = {  # these need PyTorch
    "Ticket": "torch_backend.training.searching",
    "freeze": "torch_backend.masks.supermask",
    "load_ticket": "torch_backend.training.searching",
    "plain_state_dict": "torch_backend.training.searching",
    "save_ticket": "torch_backend.training.searching",
    "search": "torch_backend.training.searching",
    "select": "torch_backend.masks.threshold",
    "select_after_steps": "torch_backend.masks.threshold",
}

__all__ = [
    "CLAIMS",
    "Requirement",
    "Success",
    "Ticket",
    "best_subsets",
    "covers_values",
    "freeze",
    "load_ticket",
    "plain_state_dict",
    "requirement",
    "save_ticket",
    "search",
    "select",
    "select_after_steps",
    "success",
    "success_probability",
]


def __getattr__(name: str) -> Any:
    home = _NUMBERS.get(name) or _TICKETS.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    try:
        found = getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        from slt.core.command import SEARCHES_NEED

        missing = (error.name or "").partition(".")[0]
        if name not in _TICKETS or missing not in SEARCHES_NEED:
            raise
        needed = f'slt.{name} needs {SEARCHES_NEED[missing]}: pip install -e ".[torch]"'
        raise ImportError(needed, name=missing) from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", *globals()} - {"Any", "TYPE_CHECKING", "import_module", "slt_verify"})
