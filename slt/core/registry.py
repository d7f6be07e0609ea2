"""Things that are known by a name: one line each says where, and they are imported when they are first asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


def named(place: str) -> Any:
    """Return what ``"module:attribute"`` names.

    >>> named("math:tau")
    6.283185307179586
    """
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


class Registry(Mapping[str, T]):
    """A mapping from names to things; places: name -> "module:attribute". Its length and names import nothing."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, name: str) -> T:
        found: T = named(self._places[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
