"""The options of a search: what is searched (:class:`Settings`, by preset or put together) and how it is run."""

import argparse
import fnmatch
from collections.abc import Sequence
from dataclasses import asdict, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from slt.core.options import add_fields, add_forms
from torch_backend.training.settings import PRESETS, Settings, usual


def chosen_settings(args: argparse.Namespace) -> dict[str, Settings]:
    """Return the settings by label: presets that match, or one put together here; options change all of them."""
    changes = {field.name: getattr(args, field.name) for field in fields(Settings)}
    if args.freeze is not None:
        if args.prune is not None or args.lock is not None:
            raise ValueError("give --freeze, or --prune and --lock, not both")
        changes["freezing"] = args.freeze
    if args.preset:
        chosen = ((name, _of_preset(name, changes)) for name in preset_names(args.preset))
        return {_label(name, settings): settings for name, settings in chosen}
    if args.model is None or args.data_set is None:
        raise ValueError("give --preset, or --model and --data-set")
    settings = usual(args.model, args.data_set, changes)
    return {settings.name: settings}


def preset_names(patterns: Sequence[str]) -> list[str]:
    """Return the presets that match, each once; raise ValueError for a pattern that none matches."""
    found: dict[str, None] = {}
    for pattern in patterns:
        names = fnmatch.filter(PRESETS, pattern)
        if not names:
            near = "".join(f" did you mean {name}?" for name in get_close_matches(pattern, PRESETS, n=1))
            raise ValueError(f"unknown preset {pattern!r};{near} all: slt search --help")
        found |= dict.fromkeys(names)
    return list(found)


def _label(preset: str, settings: Settings) -> str:
    """Return the preset's name, followed by every choice that is another than the preset's."""
    changes = [
        f"{name.replace('_', '-')} {_said(value)}"
        for name, value in asdict(settings).items()
        if _said(value) != _said(getattr(PRESETS[preset], name))
    ]
    return ", ".join([preset, *changes])


def in_force(settings: Settings) -> str:
    """Return every choice of ``settings`` on one line.

    >>> in_force(Settings("mlp", "mnist", epochs=10))[:67]
    'model mlp, data-set mnist, method edge-popup, sparsity 0.5, prune 0'
    """
    return ", ".join(f"{name.replace('_', '-')} {_said(value)}" for name, value in asdict(settings).items())


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_preset(name: str, changes: dict[str, Any]) -> Settings:
    """Return a preset with changes that leave it what its name says: dense stays dense, frozen centred."""
    family, kind = name.rsplit("-", 1)
    for option in ("model", "prune", "lock", "method"):
        if changes.get(option) is not None:
            raise ValueError(f"--{option} would make preset {name} something else: give --model and --data-set instead")
    base, frozen_row = PRESETS[name], PRESETS[f"{family}-frozen"]
    freezing, rest = changes.get("freezing"), {k: v for k, v in changes.items() if k != "freezing"}
    if kind == "weights":
        return base.changed(**{**rest, "sparsity": None})
    if kind == "dense" or (freezing is None and rest.get("sparsity") is None):
        return base.changed(**rest)
    if freezing is None:
        freezing = frozen_row.prune + frozen_row.lock
    centred = base.changed(**rest, freezing=freezing)
    return centred if kind == "frozen" else centred.changed(lock=0.0)


def add_choices(p: argparse.ArgumentParser) -> None:
    """Add the options that make up :class:`Settings`."""
    p.add_argument("--preset", nargs="+", metavar="NAME", help=f"{', '.join(PRESETS)}; patterns such as 'gin-cora-*'")
    p.add_argument(
        "--freeze", type=float, metavar="F", help="freezing ratio p + q, split so that the sparsity is near the centre"
    )
    add_fields(p, Settings, defaults=False)


def add_data(p: argparse.ArgumentParser) -> None:
    """Add the option that says where data sets lie."""
    p.add_argument("--data", metavar="DIR", help="where data sets lie (default: $SLT_DATA, else ~/.cache/slt-verify)")


def add_run_options(p: argparse.ArgumentParser) -> None:
    """Add the options that say how to run, not what, and in which form to show what was found."""
    add_forms(p)
    add_data(p)
    p.add_argument("--seed", type=int, default=0, help="the first seed (default 0)")
    p.add_argument("--seeds", type=int, default=3, help="how many seeds (default 3)")
    p.add_argument("--out", default="runs", metavar="DIR", help="gets a folder for every setting (default runs)")
    p.add_argument("--results", type=Path, metavar="FILE", help="also write a row for every run to this JSONL file")
    p.add_argument("--device", help="default: a GPU when there is one")
    p.add_argument("--amp", action="store_true", help="bfloat16 autocast (a GPU; slow on CPUs)")
    p.add_argument("--channels-last", action="store_true", help="another layout of images in memory (a GPU)")
    p.add_argument("--compile", action="store_true", help="torch.compile")
