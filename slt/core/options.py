"""Options made once: the form of what is shown, and options made from the fields of a dataclass."""

import argparse
from dataclasses import MISSING, Field, field, fields
from typing import Any, get_args, get_type_hints

from slt.core.console import JSON
from slt.core.tables import FORMS


def add_forms(parser: argparse.ArgumentParser, *, json_file: bool = False) -> None:
    """Add --json, --markdown, --latex and --csv; ``args.form`` then is what :class:`slt.core.console.Page` takes.

    json_file: --json may name a file, which then gets the result beside what is shown; ``args.json`` is its name.
    """
    group = parser.add_mutually_exclusive_group()
    parser.set_defaults(form=FORMS[0])
    if json_file:
        group.add_argument(
            "--json", nargs="?", const=True, metavar="FILE", help="show the result as JSON alone, or write it to FILE"
        )
    else:
        group.add_argument(
            "--json", dest="form", action="store_const", const=JSON, help="show the result as JSON alone"
        )
    for form in FORMS[1:]:
        name = {"markdown": "Markdown", "latex": "LaTeX (package booktabs)", "csv": "CSV"}[form]
        group.add_argument(
            f"--{form}", dest="form", action="store_const", const=form, help=f"show the tables alone, as {name}"
        )


def option(default: Any, about: str, *, choices: tuple[str, ...] | None = None, metavar: str | None = None) -> Any:
    """Return a dataclass field whose option says ``about`` it; choices: the values that are allowed."""
    return field(default=default, metadata={"about": about, "choices": choices, "metavar": metavar})


def add_fields(
    parser: argparse.ArgumentParser, settings: type, *, leave_out: tuple[str, ...] = (), defaults: bool = True
) -> None:
    """Add an option for every field of a dataclass, with its help, choices and default.

    defaults: whether an option that is not given has the field's default; else it is None, which lets a preset decide,
    and the help says so.
    """
    hints = get_type_hints(settings)
    for each in fields(settings):
        if each.name not in leave_out:
            _add_field(parser, each, hints[each.name], defaults)


def _add_field(parser: argparse.ArgumentParser, each: "Field[Any]", hint: Any, defaults: bool) -> None:
    known = None if each.default is MISSING else each.default
    about = each.metadata.get("about", "")
    words: dict[str, Any] = {"default": known if defaults else None}
    kinds = [kind for kind in get_args(hint) if kind not in (type(None), Ellipsis)]
    kind = kinds[0] if kinds else hint
    if isinstance(known, tuple):
        shown = " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in known)
    elif isinstance(known, bool):
        shown = "on" if known else "off"
    else:
        shown = f"{known:g}" if isinstance(known, float) else str(known)
    if known is not None:
        about = f"{about} (default {shown})" if defaults else f"{about} (default: the preset's, else {shown})"
    name = f"--{each.name.replace('_', '-')}"
    if hint is bool:
        parser.add_argument(name, action=argparse.BooleanOptionalAction, help=about, **words)
        return
    many: dict[str, Any] = {"nargs": "+"} if isinstance(known, tuple) else {}
    metavar, choices = each.metadata.get("metavar"), each.metadata.get("choices")
    parser.add_argument(name, type=kind, help=about, choices=choices, metavar=metavar, **words, **many)
