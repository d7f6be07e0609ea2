"""What a claim tried here is, and when it is upheld, contradicted or undecided.

A claim says that some quantities lie above (or at) a threshold: a difference of accuracies above 0, say, or above minus
a margin where it says "no worse". Each quantity is measured once for each seed, differences within the seed, because
sources of one seed share weights, first scores and data. Its interval is Student's; those of one claim hold together
with confidence 95 % (Bonferroni). An exact quantity, such as a number of bytes, is its own interval.

A quantity is *upheld here* when its whole interval lies above the threshold, *contradicted here* when it lies below,
else *undecided here*. Several quantities, and a claim, are contradicted when one of them is, and upheld when all are.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slt.core.checks import first_line, one_of
from slt.core.intervals import MEANS, Estimate, mean_interval, shown
from slt.core.registry import named
from slt.core.store import Row
from slt.core.tables import Written

UPHELD, CONTRADICTED, UNDECIDED = "upheld here", "contradicted here", "undecided here"
VERDICTS = (UPHELD, CONTRADICTED, UNDECIDED)
POINTS, TIMES, SHARE = "points", "times", "%"  # units of quantities


@dataclass(frozen=True)
class Quantity:
    """One number that a claim speaks of.

    label: which source, in words. values: one for each seed, in its ``unit``; an exact one has one value. above: the
    claim says that the number is at least this.
    """

    label: str
    values: tuple[float, ...]
    above: float = 0.0
    unit: str = POINTS
    exact: bool = False

    def interval(self, among: int = 1) -> Estimate:
        """Return the mean with its interval; ``among`` intervals hold together with confidence 95 %."""
        if self.exact:
            (value,) = self.values
            return Estimate(value, value, value, 1)
        return mean_interval(self.values, 1 - (1 - MEANS) / among)

    def verdict(self, among: int = 1) -> str:
        """Return what the interval says of the claim.

        >>> [Quantity("", values).verdict() for values in ((1.0, 1.1), (-1.0, -1.1), (1.0, -1.0), (5.0,))]
        ['upheld here', 'contradicted here', 'undecided here', 'undecided here']
        """
        found = self.interval(among)
        if found.lower > self.above or (self.exact and found.value >= self.above):
            return UPHELD
        return CONTRADICTED if found.upper < self.above else UNDECIDED

    def written(self, among: int = 1) -> Written:
        """Write the mean with its interval."""
        found = self.interval(among)
        if self.exact:
            return Written(f"{found.value:.3g}")
        return shown(found, "+.2f" if self.unit == POINTS else ".2f")


@dataclass(frozen=True)
class Part:
    """Quantities of one kind in one setting. name: of the setting. says: what the claim says of each of them."""

    name: str
    says: str
    quantities: tuple[Quantity, ...]


def together(verdicts: Iterable[str]) -> str:
    """Return the verdict on several: contradicted when one is, upheld when all are; undecided where there are none.

    >>> together([UPHELD, UNDECIDED]), together([UPHELD, CONTRADICTED]), together([UPHELD]), together([])
    ('undecided here', 'contradicted here', 'upheld here', 'undecided here')
    """
    found = set(verdicts)
    if CONTRADICTED in found:
        return CONTRADICTED
    return UPHELD if found == {UPHELD} else UNDECIDED


@dataclass(frozen=True)
class Found:
    """What came out of a claim's experiment."""

    parts: tuple[Part, ...]
    here: str

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All of them."""
        return tuple(quantity for part in self.parts for quantity in part.quantities)

    @property
    def among(self) -> int:
        """How many intervals hold together."""
        return max(sum(not quantity.exact for quantity in self.quantities), 1)

    def verdict_of(self, part: Part) -> str:
        """Return the verdict on one part."""
        return together(quantity.verdict(self.among) for quantity in part.quantities)

    @property
    def verdict(self) -> str:
        """The verdict on the claim; a part without rows is undecided."""
        return together(map(self.verdict_of, self.parts))

    def counts(self, quantities: Sequence[Quantity] | None = None) -> tuple[int, int, int]:
        """Return how many quantities are upheld, contradicted and undecided."""
        words = [each.verdict(self.among) for each in (self.quantities if quantities is None else quantities)]
        upheld, contradicted, undecided = (words.count(word) for word in VERDICTS)
        return upheld, contradicted, undecided

    def told(self, part: Part) -> str:
        """Say the quantity of a part, or the least and the largest of several and how many uphold the claim."""
        if not part.quantities:
            return "nothing was run"
        if len(part.quantities) == 1:
            (one,) = part.quantities
            return f"{one.written(self.among)} {one.unit}"
        upheld, contradicted, _ = self.counts(part.quantities)
        means = sorted(part.quantities, key=lambda each: each.interval().value)
        least, most = (
            format(each.interval().value, "+.1f" if each.unit == POINTS else ".3g") for each in (means[0], means[-1])
        )
        against = f", contradicted in {contradicted}" if contradicted else ""
        return f"{least} to {most} {means[0].unit}, upheld in {upheld} of {len(means)}{against}"

    @property
    def sentence(self) -> str:
        """The claim's numbers in one sentence."""
        return "; ".join(f"{part.name}: {self.told(part)}" for part in self.parts) or "nothing was run"


@dataclass(frozen=True)
class Experiment:
    """One published claim and how it is tried; each is a TOML file in ``torch_backend/experiments/claims``.

    key: E1, E2, ... title: in a few words. claim: what it says, in a sentence. where: in which publication. paper: the
    setting there. rule: what is compared, what would uphold it, and with which margin. analyse: the function that makes
    parts of rows by file, as "module:function". files: of rows, by name in ``torch_backend/results``. commands: what
    makes them. figure: its name, or empty. known: the verdict on the committed rows; another verdict that contradicts
    the claim is news (:meth:`newly_contradicted`), as with the lemmas.
    """

    key: str
    title: str
    claim: str
    where: str
    paper: str
    rule: str
    analyse: str
    files: tuple[str, ...]
    commands: tuple[str, ...]
    figure: str
    known: str

    def parts(self, files: Mapping[str, Sequence[Row]]) -> tuple[Part, ...]:
        """Return what the rows say, part by part."""
        return tuple(named(self.analyse)(files))

    def newly_contradicted(self, found: Found) -> bool:
        """Whether rows contradict the claim, and the record does not say so."""
        return found.verdict == CONTRADICTED != self.known


def read_record(path: Path) -> Experiment:
    """Return the record of a TOML file of ours; raise ValueError, naming it, where it is none."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        content |= {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
        found = Experiment(**content)
        one_of("known", found.known, VERDICTS)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no record of a claim: {first_line(error)}") from None
    return found
