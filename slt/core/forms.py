"""What is read back from a file is what was written there, as far as can be told: names, kinds, shapes and ranges."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from sys import float_info
from typing import Any

# a dict: these names and no others, those that end in "?" may be missing; a list: any number of its one entry; a tuple:
# one of these texts; Ellipsis: anything, which the reader checks in another way
Form = Any


@dataclass(frozen=True)
class Numbers:
    """Finite numbers in [least, most] as nested lists of ``shape``; () is one number.

    whole: integers only. missing: None may stand for each.
    """

    least: float = -inf
    most: float = inf
    shape: tuple[int, ...] = ()
    whole: bool = False
    missing: bool = False

    def check(self, found: object, what: str) -> None:
        """Raise ValueError, naming ``what``, unless ``found`` are such numbers."""
        level = [found]
        for length in self.shape:
            if not all(isinstance(part, list) and len(part) == length for part in level):
                raise ValueError(f"{what} must be numbers of shape {self.shape}, got {_short(found)}")
            level = [number for part in level for number in part]  # type: ignore[attr-defined]
        for number in level:
            if number is None and self.missing:
                continue
            kinds = (int,) if self.whole else (int, float)  # and not bool, which is an int
            if type(number) not in kinds or not _finite(number):  # type: ignore[arg-type]
                raise ValueError(f"{what} must be {'whole' if self.whole else 'finite'} numbers, got {_short(number)}")
            if not self.least <= number <= self.most:  # type: ignore[operator]
                raise ValueError(f"{what} must lie in [{self.least:g}, {self.most:g}], got {_short(number)}")


@dataclass(frozen=True)
class Interval:
    """{"lower", "value", "upper"}: three such numbers in this order, those that are known."""

    numbers: Numbers

    def check(self, found: object, what: str) -> None:
        """Raise ValueError, naming ``what``, unless ``found`` is such an interval."""
        check(found, dict.fromkeys(("lower", "value", "upper"), self.numbers), what)
        known = [end for end in found.values() if end is not None]  # type: ignore[attr-defined]
        if known != sorted(known):
            raise ValueError(f"{what} must be in order, got {_short(found)}")


def count(most: int, *shape: int) -> Numbers:
    """Return the form of counts among ``most``."""
    return Numbers(0, most, shape, whole=True)


def check(found: object, form: Form, what: str) -> None:
    """Raise ValueError, naming the place in ``what``, unless ``found`` (read from JSON) is of this form.

    >>> check({"trials": 3, "hits": [1, 4]}, {"trials": count(9), "hits": count(3, 2)}, "the row")
    Traceback (most recent call last):
    ...
    ValueError: hits in the row must lie in [0, 3], got 4
    """
    if isinstance(form, dict):
        if not isinstance(found, dict):
            raise ValueError(f"{what} must be an object with names, got {_short(found)}")
        if unknown := found.keys() - {name.removesuffix("?") for name in form}:
            raise ValueError(f"{what} has a name too many: {_short(min(unknown))}")
        for name, part in form.items():
            plain = name.removesuffix("?")
            if plain in found:
                check(found[plain], part, f"{plain} in {what}")
            elif plain == name:
                raise ValueError(f"{what} has no {name}")
    elif isinstance(form, list):
        if not isinstance(found, list):
            raise ValueError(f"{what} must be a list, got {_short(found)}")
        for place, entry in enumerate(found):
            check(entry, form[0], f"entry {place} of {what}")
    elif isinstance(form, tuple):
        if found not in form:
            raise ValueError(f"{what} must be one of {', '.join(map(str, form))}; got {_short(found)}")
    elif form is not ...:
        form.check(found, what)


@dataclass(frozen=True)
class Like:
    """Values of these kinds; of objects the values under some names, of lists the entries are like others in turn.

    Names that are not known are not looked at. Some are needed; others are told as missing by what reads them
    (:class:`slt.core.store.Found`).
    """

    kinds: frozenset[str]
    names: dict[str, "Like"]
    needed: frozenset[str]
    entries: "Like | None"
    empty: bool  # whether a list may be

    def check(self, found: object, what: str) -> None:
        """Raise ValueError, naming ``what``, unless ``found`` is like that."""
        if _kind(found) not in self.kinds:
            raise ValueError(f"{what} must be {' or '.join(sorted(self.kinds))}, got {_short(found)}")
        if isinstance(found, dict):
            if missing := self.needed - found.keys():
                raise ValueError(f"{what} has no {min(missing)}")
            for name in found.keys() & self.names.keys():
                self.names[name].check(found[name], f"{name} in {what}")
        elif isinstance(found, list):
            if not found and not self.empty:
                raise ValueError(f"{what} is empty")
            for place, entry in enumerate(found):
                if self.entries is not None:
                    self.entries.check(entry, f"entry {place} of {what}")


def like(examples: Iterable[object], inside: bool = False) -> Like:
    """Return what ``examples`` have in common.

    inside: they lie in others. Then the names that all of them have are needed; rows of one file may differ, and so do
    the names of a network's layers, which have dots.

    >>> like([{"n": 1}, {"n": None, "name": "x"}]).check({"n": "two"}, "the row")
    Traceback (most recent call last):
    ...
    ValueError: n in the row must be a number or null, got 'two'
    """
    examples = list(examples)
    objects = [example for example in examples if isinstance(example, dict)]
    lists = [example for example in examples if isinstance(example, list)]
    entries = [entry for example in lists for entry in example]
    common = frozenset.intersection(*map(frozenset, objects)) if objects and inside else frozenset()
    return Like(
        frozenset(map(_kind, examples)),
        {
            name: like((example[name] for example in objects if name in example), inside=True)
            for name in {name for example in objects for name in example}
        },
        common if not any("." in name for name in common) else frozenset(),
        like(entries, inside=True) if entries else None,
        not all(lists),
    )


def _kind(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "true or false"
    if isinstance(value, int | float):
        return "a number" if _finite(value) else "no finite number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"


def _finite(number: float) -> bool:
    """Tell whether a number is finite as a float too."""
    return abs(number) <= float_info.max


def _short(value: object) -> str:
    """Write what was found in at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


SEED = count(2**64 - 1)
SHARE = Numbers(0, 1)
OBJECT = Like(frozenset({"an object"}), {}, frozenset(), None, True)  # with any names
