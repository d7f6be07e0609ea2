"""Arguments checked once, each with one clear line: what, which value, what is allowed.

Every check returns the plain int, float or str that it checked, and callers use that value, never the one that they
were given: a numpy integer of 8 bits would wrap in later arithmetic. A number is taken as exactly what it is. True and
False are no numbers here, texts are not read as numbers, and a number that no float equals is refused, not rounded.
"""

from decimal import Decimal
from fractions import Fraction
from math import isfinite, isnan
from numbers import Rational
from operator import index
from typing import Any, SupportsFloat, SupportsIndex

LONGEST = 60  # characters of a value that a message shows

# What reading a damaged file can lead to, beside OSError. Only for blocks that read: here an error of our own would be
# taken for one of the file. OverflowError and ZeroDivisionError are ArithmeticErrors, UnicodeDecodeError is a
# ValueError, KeyError and IndexError are LookupErrors, RecursionError and NotImplementedError are RuntimeErrors.
DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    MemoryError,
    EOFError,
    StopIteration,
)


def whole(name: str, value: SupportsIndex, least: int = 0) -> int:
    """Return ``value`` as an int that is at least ``least``, or raise ValueError.

    value: an int, a numpy integer or an array of no dimension that holds one. 3.0 is not a whole number here.

    >>> whole("n", 3)
    3
    """
    number = _scalar(value)
    try:
        if isinstance(number, bool):
            raise TypeError
        number = index(number)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, got {_one_line(value)}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {shown(number)}")
    return number


def finite(name: str, value: SupportsFloat) -> float:
    """Return ``value`` as a finite float, or raise ValueError."""
    number = exact(name, value)
    if not isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return number


def positive(name: str, value: SupportsFloat) -> float:
    """Return ``value`` as a finite float above 0, or raise ValueError."""
    number = finite(name, value)
    if not number > 0:
        raise ValueError(f"{name} must be above 0, got {shown(number)}")
    return number


def at_least_zero(name: str, value: SupportsFloat) -> float:
    """Return ``value`` as a finite float that is at least 0, or raise ValueError."""
    number = finite(name, value)
    if not number >= 0:
        raise ValueError(f"{name} must be at least 0, got {shown(number)}")
    return number


def open_unit(name: str, value: SupportsFloat) -> float:
    """Return ``value`` as a float strictly between 0 and 1 (``eps``, ``delta``, confidence), or raise ValueError."""
    number = finite(name, value)
    if not 0 < number < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {shown(number)}")
    return number


def closed_unit(name: str, value: SupportsFloat) -> float:
    """Return ``value`` as a float in [0, 1] (a rate), or raise ValueError."""
    number = finite(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {shown(number)}")
    return number


def flag(name: str, value: bool) -> bool:
    """Return ``value`` as a bool when it is True or False, or raise ValueError."""
    if type(value).__name__ not in ("bool", "bool_"):
        raise ValueError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return ``value`` when it is one of ``allowed``, or raise ValueError listing them."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {shown(value)}")
    return str(value)


def exact(name: str, value: SupportsFloat) -> float:
    """Return the float, maybe infinite or no number, that equals ``value``; raise ValueError where none does.

    >>> exact("eps", 0.5), exact("eps", 2**53)
    (0.5, 9007199254740992.0)
    >>> exact("eps", 2**53 + 1)
    Traceback (most recent call last):
    ValueError: eps must be a number that a float holds exactly, got 9007199254740993
    """
    number: Any = _scalar(value)
    if type(number) is float:
        return number
    if isinstance(number, bool) or not _is_real(number):
        raise ValueError(f"{name} must be a number, got {shown(value)}")
    try:
        found = float(number)
        same = isnan(found) or _fraction(number) == _fraction(found)
    except (OverflowError, ValueError):  # beyond the largest float, or Decimal("sNaN")
        same = False
    if not same:
        raise ValueError(f"{name} must be a number that a float holds exactly, got {shown(value)}")
    return found


def _scalar(value: Any) -> Any:
    """Return the Python number in a numpy scalar, or in an array or tensor of no dimension; others as they are."""
    if not hasattr(value, "shape"):
        return value
    try:
        # a masked value is no value, and one number in a list is a list
        return value.item() if value.shape == () and getattr(value, "mask", False) in (False, None) else None
    except Exception:  # whatever a foreign array raises: no data on this machine, or a type that Python lacks
        return None


def _is_real(number: object) -> bool:
    # a numpy long double has no Python number of its own; it is known by its dtype, so that numpy need not be loaded
    return isinstance(number, float | Rational | Decimal) or getattr(getattr(number, "dtype", None), "kind", "") == "f"


def _fraction(number: Any) -> Any:
    """Return a real number in a form whose comparison is exact; infinities as they are."""
    if isinstance(number, Rational):
        return Fraction(int(number.numerator), int(number.denominator))
    if isinstance(number, float | Decimal):
        return Fraction(number) if isfinite(number) else float(number)
    return Fraction(*number.as_integer_ratio()) if abs(number) < float("inf") else float(number)


def shown(value: object) -> str:
    """Write ``value`` for a message: on one line, of at most 60 characters.

    >>> shown(1.5), shown(1 + 2**-52), shown(10**100)
    ('1.5', '1.0000000000000002', '100000000000000000000000000000000000000000000000000000000...')
    """
    if type(value) is float and float(f"{value:g}") == value:
        return f"{value:g}"
    return _one_line(value)


def _one_line(value: object) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever a foreign object's repr does, and ints beyond 4300 digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def first_line(error: BaseException) -> str:
    """Return the first line of what a library's error says, or its kind where it says nothing; 200 characters at most.

    >>> first_line(ValueError("bad header" + chr(10) + "and a page more")), first_line(EOFError())
    ('bad header', 'EOFError')
    """
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
