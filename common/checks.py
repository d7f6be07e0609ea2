"""Arguments checked once, each with one clear line: what, which value, what is allowed."""

from math import isfinite
from operator import index

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


def whole(name: str, value: int, least: int = 0) -> int:
    """Return ``value`` as an int that is at least ``least``, or raise ValueError.

    >>> whole("n", 3)
    3
    """
    try:
        number = index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def positive(name: str, value: float) -> float:
    """Return ``value`` as a finite float above 0, or raise ValueError."""
    number = _number(name, value)
    if not number > 0:
        raise ValueError(f"{name} must be above 0, got {number:g}")
    return number


def open_unit(name: str, value: float) -> float:
    """Return ``value`` as a float strictly between 0 and 1 (``eps``, ``delta``, confidence), or raise ValueError."""
    number = _number(name, value)
    if not 0 < number < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {number:g}")
    return number


def closed_unit(name: str, value: float) -> float:
    """Return ``value`` as a float in [0, 1] (a rate), or raise ValueError."""
    number = _number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {number:g}")
    return number


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return ``value`` when it is one of ``allowed``, or raise ValueError listing them."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
    return value


def _number(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, got {value!r}") from None
    if not isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return number


def first_line(error: BaseException) -> str:
    """Return the first line of what a library's error says, or its kind where it says nothing; 200 characters at most.

    >>> first_line(ValueError("bad header" + chr(10) + "and a page more")), first_line(EOFError())
    ('bad header', 'EOFError')
    """
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
