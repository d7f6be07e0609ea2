"""How many variables a choice keeps: any number, exactly so many, or so many of every group of neighbours."""

from dataclasses import dataclass
from math import floor
from re import fullmatch

from slt.core.checks import closed_unit, flag, shown, whole

LARGEST_GROUP = 16


@dataclass(frozen=True, slots=True)
class Size:
    """Exactly ``count`` of the free variables are kept. A draw with fewer free variables fails."""

    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", whole("size", self.count))

    def __str__(self) -> str:
        return f"exactly {self.count} of the free variables"


@dataclass(frozen=True, slots=True)
class Share:
    """A ticket of this *sparsity*, the share of variables that are not kept.

    Locked variables are kept, pruned ones are not. A draw with more locked variables than are to be kept, or with fewer
    that are not pruned, fails.

    >>> Share(0.5).kept(5)
    2
    """

    sparsity: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "sparsity", closed_unit("sparsity", self.sparsity))

    def kept(self, n: int) -> int:
        """Return how many of n variables are kept: n less the whole number nearest to n sparsity, halves rounded up."""
        return n - floor(n * self.sparsity + 0.5 + 1e-9)  # 0.29 * 50 is 14.499999999999998 in floating point

    def __str__(self) -> str:
        return f"sparsity {self.sparsity:g}"


@dataclass(frozen=True, slots=True)
class Groups:
    """Of every ``of`` neighbours exactly ``kept`` are kept, locked ones among them and pruned ones never (N:M).

    A group that cannot comply, because more of it are locked or fewer are not pruned, makes the draw fail. If lenient
    it complies as far as it can instead: it keeps its locked ones alone, or all that are not pruned.
    Raises ValueError unless 0 <= kept <= of and 1 <= of <= 16.
    """

    kept: int
    of: int
    lenient: bool = False

    def __post_init__(self) -> None:
        kept, of = whole("kept", self.kept), whole("of", self.of, 1)
        if of > LARGEST_GROUP or kept > of:
            raise ValueError(
                f"keep must be N:M with 0 <= N <= M <= {LARGEST_GROUP}, got {shown(self.kept)}:{shown(self.of)}"
            )
        object.__setattr__(self, "kept", kept)
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "lenient", flag("lenient", self.lenient))

    def groups(self, n: int) -> int:
        """Return the number of groups of n variables; raise ValueError unless n is a multiple of the group."""
        if n % self.of:
            raise ValueError(f"n must be a multiple of {self.of} for keep {self}, got {n}")
        return n // self.of

    def __str__(self) -> str:
        return f"{self.kept}:{self.of}" + (" lenient" if self.lenient else "")


Keep = Size | Share | Groups


def groups_of(text: str | Groups) -> Groups:
    """Return the groups that a text such as "2:4" or "2:4 lenient" names, or raise ValueError.

    >>> groups_of("2:4 lenient")
    Groups(kept=2, of=4, lenient=True)
    """
    if isinstance(text, Groups):
        return text
    found = fullmatch(r"\s*([0-9]{1,4}):([0-9]{1,4})(\s+lenient)?\s*", text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"keep must be N:M or 'N:M lenient', such as 2:4, got {shown(text)}")
    return Groups(int(found[1]), int(found[2]), bool(found[3]))


def keep_of(*, size: int | None = None, sparsity: float | None = None, keep: str | Groups | None = None) -> Keep | None:
    """Return what the one argument that is given says; None, any number of variables, where none is.

    Raises ValueError where two of them are given.
    """
    if size is None:
        return growing(sparsity=sparsity, keep=keep)
    _check_alone({"size": size, "sparsity": sparsity, "keep": keep})
    return Size(size)


def growing(*, sparsity: float | None = None, keep: str | Groups | None = None) -> Share | Groups | None:
    """Return :func:`keep_of` of what grows with the number of variables."""
    _check_alone({"sparsity": sparsity, "keep": keep})
    if sparsity is not None:
        return Share(sparsity)
    return None if keep is None else groups_of(keep)


def arguments(keep: Share | Groups | None) -> dict[str, float | Groups]:
    """Return the arguments by which a function is told what :func:`growing` returns.

    >>> arguments(Share(0.5)), arguments(None)
    ({'sparsity': 0.5}, {})
    """
    if keep is None:
        return {}
    return {"sparsity": keep.sparsity} if isinstance(keep, Share) else {"keep": keep}


def step(keep: Share | Groups | None) -> int:
    """Return by how much the number of variables grows: that of one group."""
    return keep.of if isinstance(keep, Groups) else 1


def _check_alone(arguments: dict[str, object]) -> None:
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} both say how many variables are kept: give one of them")
