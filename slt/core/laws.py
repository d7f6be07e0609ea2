"""What the random numbers are: laws as values, and how they are written. What a law *does* is told twice, apart.

:mod:`subsetsum.laws` draws numbers of a law, :mod:`theory.models` reasons about it; they share these names only.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Union

from slt.core.checks import DAMAGE, finite, first_line, positive, shown, whole

SMALLEST, LARGEST = 2.0**-40, 2.0**40  # sizes of numbers that the grids of 64 bits are made for
LEVELS = 2**20  # most integers, and most numbers of a file
DEEPEST = 8  # laws within laws
EXAMPLES = (
    "'uniform 0.05', 'normal 0.5', 'constant 1', 'integers 256', 'product uniform uniform', "
    "'mixture 0.3 uniform 0.7 normal' or 'file path.txt'"
)


def _size(name: str, value: float) -> float:
    number = positive(name, value)
    if not SMALLEST <= number <= LARGEST:
        raise ValueError(f"{name} must lie between 2^-40 and 2^40, got {shown(number)}")
    return number


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform on [-bound, bound]; with bound 1 it is the law of the papers."""

    bound: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "bound", _size("bound", self.bound))

    def __str__(self) -> str:
        return f"uniform {self.bound:.12g}"


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal with mean 0 and standard deviation sigma."""

    sigma: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", _size("sigma", self.sigma))

    def __str__(self) -> str:
        return f"normal {self.sigma:.12g}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A signed constant: c or -c, each with probability 1/2."""

    c: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", _size("c", self.c))

    def __str__(self) -> str:
        return f"constant {self.c:.12g}"


@dataclass(frozen=True, slots=True)
class Integers:
    """Uniform on the whole numbers from 1 to M and their negatives."""

    M: int

    def __post_init__(self) -> None:
        number = whole("M", self.M, 1)
        if number > LEVELS:
            raise ValueError(f"M must be at most {LEVELS}, got {shown(number)}")
        object.__setattr__(self, "M", number)

    def __str__(self) -> str:
        return f"integers {self.M}"


@dataclass(frozen=True, slots=True)
class Product:
    """The product of two independent numbers."""

    first: "Law"
    second: "Law"

    def __post_init__(self) -> None:
        _check_parts("product", (self.first, self.second))

    def __str__(self) -> str:
        return f"product ({self.first}) ({self.second})"


@dataclass(frozen=True, slots=True)
class Mixture:
    """One of several laws, each chosen with its weight; parts: (weight, law), ..., weights that add up to 1."""

    parts: "tuple[tuple[float, Law], ...]"

    def __post_init__(self) -> None:
        parts = tuple((positive("a weight of a mixture", weight), law) for weight, law in self.parts)
        _check_parts("mixture", tuple(law for _, law in parts))
        total = sum((Fraction(weight) for weight, _ in parts), Fraction(0))
        if abs(total - 1) > Fraction(1, 10**9):
            raise ValueError(f"the weights of a mixture must add up to 1, got {shown(float(total))}")
        object.__setattr__(self, "parts", parts)

    def __str__(self) -> str:
        return "mixture " + " ".join(f"{weight:.12g} ({law})" for weight, law in self.parts)


@dataclass(frozen=True, slots=True)
class Own:
    """One of a user's own numbers, each as likely as the others; values: at least two, not all equal."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        values = tuple(finite("every own number", value) for value in self.values)
        if not 2 <= len(values) <= LEVELS:
            raise ValueError(f"own numbers must be between 2 and {LEVELS}, got {len(values)} of them")
        if len(set(values)) == 1:
            raise ValueError(f"own numbers must not all be equal, got {shown(values[0])} only")
        _size("the largest own number", max(map(abs, values)))
        object.__setattr__(self, "values", values)

    def __str__(self) -> str:
        return f"{len(self.values)} own numbers"


Law = Union[Uniform, Normal, Constant, Integers, Product, Mixture, Own]  # noqa: UP007 - for isinstance in 3.11, too
KINDS = (Uniform, Normal, Constant, Integers, Product, Mixture, Own)
PRESENT = Uniform()


def kaiming(fan_in: int) -> Uniform:
    """Return the Kaiming uniform law of a layer with ``fan_in`` inputs: uniform on +-sqrt(6 / fan_in).

    >>> kaiming(600)
    Uniform(bound=0.1)
    """
    return Uniform(sqrt(6 / whole("fan_in", fan_in, 1)))


def checked_law(law: Law | str) -> Law:
    """Return a law, or the one that a text says; raise ValueError for anything else."""
    if isinstance(law, str):
        return law_of(law)
    if not isinstance(law, KINDS):
        raise ValueError(f"law must be a law of slt.core.laws or a text such as {EXAMPLES}, got {shown(law)}")
    return law


def law_of(text: str) -> Law:
    """Return the law that a text says, or raise ValueError.

    NAME and then what it is made of: uniform [BOUND], normal [SIGMA], constant [C] (1 each unless given), integers M,
    product LAW LAW, mixture WEIGHT LAW WEIGHT LAW .., file PATH (numbers apart by blanks, lines or commas). A law may
    stand in brackets. Without them, a number in a mixture that comes before a law is that law's weight.

    >>> law_of("mixture 0.3 uniform 0.7 normal 2")
    Mixture(parts=((0.3, Uniform(bound=1.0)), (0.7, Normal(sigma=2.0))))
    """
    if text.split()[:1] == ["file"]:
        return Own(read_numbers(text.split(None, 1)[1].strip() if len(text.split()) > 1 else ""))
    words = text.replace("(", " ( ").replace(")", " ) ").split()
    law, rest = _parsed(words, False, 0)
    if rest:
        raise _unreadable(f"{shown(rest[0])} is left over")
    return law


def read_numbers(path: str) -> tuple[float, ...]:
    """Return the numbers of a text file, apart by blanks, lines or commas, or raise ValueError in one line."""
    try:
        words = Path(path).read_text(encoding="utf-8").replace(",", " ").split()
    except (OSError, *DAMAGE) as error:
        raise ValueError(f"cannot read the numbers of {shown(path)}: {first_line(error)}") from None
    if len(words) > LEVELS:
        raise ValueError(f"own numbers must be between 2 and {LEVELS}, got {len(words)} of them")
    for place, word in enumerate(words, 1):
        if _number(word) is None:
            raise ValueError(f"{shown(path)}: its word {place} must be a number, got {shown(word)}")
    return tuple(float(word) for word in words)


def _parsed(words: list[str], mixed: bool, depth: int) -> tuple[Law, list[str]]:
    """Return the law that the words begin with, and the words after it; mixed: whether it is a part of a mixture."""
    if depth > DEEPEST:
        raise _unreadable(f"laws may lie within each other {DEEPEST} deep")
    name, rest = _next(words)
    match name:
        case "(":
            law, rest = _parsed(rest, False, depth + 1)
            if rest[:1] != [")"]:
                raise _unreadable("a bracket is not closed")
            return law, rest[1:]
        case "uniform" | "normal" | "constant":
            kind = Uniform if name == "uniform" else Normal if name == "normal" else Constant
            number = _number(rest[0]) if rest else None
            # in a mixture a number before a name is the weight of what follows
            if number is None or (mixed and len(rest) > 1 and _number(rest[1]) is None and rest[1] != ")"):
                return kind(), rest
            return kind(number), rest[1:]
        case "integers":
            most, rest = _next(rest)
            if not (most.isascii() and most.isdecimal()):
                raise _unreadable(f"integers needs a whole number M, got {shown(most)}")
            return Integers(int(most[:20])), rest
        case "product":
            one, rest = _parsed(rest, mixed, depth + 1)
            two, rest = _parsed(rest, mixed, depth + 1)
            return Product(one, two), rest
        case "mixture":
            parts = []
            while rest and (weight := _number(rest[0])) is not None:
                law, rest = _parsed(rest[1:], True, depth + 1)
                parts.append((weight, law))
            if not parts:
                raise _unreadable("a mixture needs weights and laws")
            return Mixture(tuple(parts)), rest
    raise _unreadable(f"{shown(name)} is no name of a law")


def _next(words: list[str]) -> tuple[str, list[str]]:
    if not words:
        raise _unreadable("it ends too early")
    return words[0], words[1:]


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _unreadable(reason: str) -> ValueError:
    return ValueError(f"law must be a text such as {EXAMPLES}: {reason}")


def _check_parts(what: str, laws: tuple[object, ...]) -> None:
    for law in laws:
        if not isinstance(law, KINDS):
            raise ValueError(f"a {what} is made of laws, got {shown(law)}")
