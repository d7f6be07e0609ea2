"""The options of a search: what is searched (:class:`Settings`, by preset or put together) and how it is run."""

import argparse
import fnmatch
import sys
from dataclasses import asdict, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from slt.core.keep import groups_of
from slt.core.options import add_fields, add_forms
from torch_backend.training.settings import KINDS, PRESETS, Settings, parted, source_row, usual

MAY_LACK = ("sparse", "equal", "equal-centre")  # kinds of sources that not every sparsity and freezing ratio has
NAMES = tuple(f"{family}-{kind}" for family in dict.fromkeys(parted(name)[0] for name in PRESETS) for kind in KINDS)
OF_TICKETS = ("sparsity", "weights", "scale", "rule", "scope", "learn_norms")  # what trained weights do not take


def chosen_settings(args: argparse.Namespace) -> dict[str, Settings]:
    """Return the settings by label: presets that match, or one put together here; options change all of them."""
    changes = _changes(args)
    if args.preset:
        chosen = ((name, _of_preset(name, changes)) for name in preset_names(args))
        return {_label(name, settings): settings for name, settings in chosen}
    if args.model is None or args.data_set is None:
        raise ValueError("give --preset, or --model and --data-set")
    settings = usual(args.model, args.data_set, changes)
    return {settings.name: settings}


def preset_names(args: argparse.Namespace) -> list[str]:
    """Return the presets that ``--preset`` names, each once.

    A pattern also names sources that its presets have no room for until other options move the sparsity or the freezing
    ratio, such as the pruned one of the frozen one's size. It leaves out what these options make impossible, and says
    so on standard error. Raises ValueError for a pattern that matches nothing, or nothing that is possible.
    """
    changes = _changes(args)
    found: dict[str, None] = {}
    for pattern in args.preset:
        names = fnmatch.filter(NAMES, pattern)
        if not names:
            near = "".join(f" did you mean {name}?" for name in get_close_matches(pattern, NAMES, n=1))
            raise ValueError(f"unknown preset {pattern!r};{near} all: slt search --help")
        possible = names if names == [pattern] else [name for name in names if _possible(name, changes)]
        if not possible:
            raise ValueError(f"none of the presets {', '.join(names)} is possible with these options")
        found |= dict.fromkeys(possible)
    return list(found)


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the choices that the options make, by field, and "freezing"; None where an option is not given."""
    changes = {field.name: getattr(args, field.name) for field in fields(Settings)}
    if args.freeze is not None:
        if args.prune is not None or args.lock is not None:
            raise ValueError("give --freeze, or --prune and --lock, not both")
        changes["freezing"] = args.freeze
    return changes


def _possible(name: str, changes: dict[str, Any]) -> bool:
    """Tell whether there is such a source; say so where the preset alone has one. Other errors are raised."""
    family, kind = parted(name)
    if kind not in MAY_LACK:
        return True
    _of_preset(f"{family}-dense", {**changes, "sparsity": None, "scope": None})
    try:
        _of_preset(name, changes)
    except ValueError as error:
        if name in PRESETS:
            sys.stderr.write(f"left out: {name}: {error}\n")
        return False
    return True


def _label(preset: str, settings: Settings) -> str:
    """Return the preset's name, followed by every choice that is another than the preset's, or the dense one's."""
    known = PRESETS.get(preset, PRESETS[f"{parted(preset)[0]}-dense"])
    changes = [
        f"{name.replace('_', '-')} {_said(value)}"
        for name, value in asdict(settings).items()
        if _said(value) != _said(getattr(known, name))
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
    """Return a preset with changes that leave it what its name says.

    Dense stays dense, frozen stays centred, and trained weights take no choice that is one of tickets.
    """
    family, kind = parted(name)
    for option in ("model", "prune", "lock", "method"):
        if changes.get(option) is not None:
            raise ValueError(f"--{option} would make preset {name} something else: give --model and --data-set instead")
    freezing, rest = changes.get("freezing"), {k: v for k, v in changes.items() if k != "freezing"}
    if kind == "weights":
        return PRESETS[name].changed(**{**rest, **dict.fromkeys(OF_TICKETS)})
    rest["norms"] = None
    if freezing is None and rest.get("sparsity") is None and name in PRESETS:
        return PRESETS[name].changed(**rest)
    if freezing is None:
        frozen = PRESETS[f"{family}-frozen"]
        freezing = round(frozen.prune + frozen.lock, 12)
    return source_row(kind, PRESETS[f"{family}-dense"].changed(**rest), freezing)


def scope_said(scope: str, frozen: bool) -> str:
    """Say what a scope keeps; frozen: whether anything of the source is frozen.

    >>> scope_said("2:4", True)[:11], scope_said("2:4", False)
    ('2:4 lenient', '2:4 strict: every 4 neighbours keep exactly 2')
    """
    if scope == "global":
        return "global: one threshold for all layers"
    if scope == "layer":
        return "layer: one threshold for each layer"
    found = groups_of(scope)
    if not frozen:
        return f"{scope} strict: every {found.of} neighbours keep exactly {found.kept}"
    return (
        f"{scope} lenient: {found.of} neighbours keep {found.kept} as far as the frozen ones among them leave the "
        "choice, so that some keep more or fewer"
    )


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


def add_jobs(p: argparse.ArgumentParser) -> None:
    """Add the option that says how many searches run at a time."""
    p.add_argument(
        "--jobs", type=int, default=1, metavar="N",
        help="searches at a time, each in a process with its share of the cores (default 1); two on two cores are "
        "quicker where networks are small",
    )  # fmt: skip


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
    add_jobs(p)
