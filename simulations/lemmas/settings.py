"""What the numbers of one run of the main job depend on."""

import shlex
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from simulations.lemmas.measure import Rated
from slt.core import checks
from slt.core.keep import Groups, Share, growing
from slt.core.keys import checked_seed
from slt.core.laws import PRESENT, Integers, Law
from slt.core.options import option
from slt.core.rates import Rates, searchable
from subsetsum.sampling import checked_radius

NUMBERS = ("law", "signed", "fan_in", "levels")  # the settings of other laws
KEPT = ("sparsity", "keep")  # those of choices that keep a prescribed number


@dataclass(frozen=True)
class Settings:
    """Everything that the numbers of one run depend on. Raises ValueError when something is not allowed.

    law, fan_in, levels: what the numbers are (:func:`theory.models.asked_law`); levels also says what the targets are,
    all whole numbers up to it: radius and eps are then set to that. signed: choices from {-1, 0, 1}. sparsity, keep:
    what choices keep (:mod:`slt.core.keep`), of the present law alone.
    """

    prune: float = option(0.4, "share of variables that are never used, p")
    lock: float = option(0.3, "share of variables that are always used, q")
    eps: tuple[float, ...] = option((0.1, 0.01, 0.001), "precisions, each in (0, 1)")
    delta: float = option(0.05, "allowed failure probability")
    radius: float = option(1.0, "targets lie in [-radius, radius]")
    trials: int | None = option(None, "trials of each row (default: 50000, fewer where a trial is expensive; printed)")
    confidence: float = option(0.99, "that all measured intervals hold together")
    seed: int = option(0, "seed of every trial")
    law: str | None = None
    signed: bool = False
    fan_in: int | None = None
    levels: int | None = None
    sparsity: float | None = None
    keep: str | None = None

    def __post_init__(self) -> None:
        rates = searchable(self.prune, self.lock)
        if self.levels is not None:  # sums are whole: one within 1/2 of every |z| <= M is every whole number up to M
            object.__setattr__(self, "radius", float(Integers(self.levels).M))
            object.__setattr__(self, "eps", (0.5,))
        clean = {
            "prune": rates.prune,
            "lock": rates.lock,
            "eps": tuple(checks.open_unit("eps", eps) for eps in self.eps),
            "delta": checks.open_unit("delta", self.delta),
            "radius": checks.positive("radius", self.radius) if self.is_other else checked_radius(self.radius),
            "trials": None if self.trials is None else checks.whole("trials", self.trials, least=1),
            "confidence": checks.open_unit("confidence", self.confidence),
            "seed": checked_seed(self.seed),
            "signed": checks.flag("signed", self.signed),
        }
        for name, value in clean.items():
            object.__setattr__(self, name, value)
        if self.kept is not None:
            if self.is_other:
                raise ValueError("sparsity and keep are for numbers uniform on [-1, 1], without signs")
            object.__setattr__(self, "sparsity", getattr(self.kept, "sparsity", None))
            object.__setattr__(self, "keep", str(self.kept) if self.sparsity is None else None)
        if len(set(self.eps)) < len(self.eps):
            raise ValueError(f"eps must not repeat, got {' '.join(f'{eps:g}' for eps in self.eps)}")

    @cached_property
    def numbers(self) -> Law:
        """The law of the random numbers."""
        from theory.models import asked_law

        return asked_law(self.law, self.fan_in, self.levels)

    @property
    def is_other(self) -> bool:
        """Whether numbers or choices are others than those of the lemmas: uniform on [-1, 1], and from {0, 1}."""
        return self.numbers != PRESENT or self.signed  # in this order: the law is read when the settings are made

    @cached_property
    def kept(self) -> Share | Groups | None:
        """What choices keep; None: any number of variables."""
        return growing(sparsity=self.sparsity, keep=self.keep)

    @property
    def names_lemmas(self) -> bool:
        """Whether the lemmas speak of these numbers and choices."""
        return not self.is_other and self.kept is None

    def rated(self, rates: Rates) -> Rated:
        """Return what every bound and estimate asks for, at these rates."""
        return Rated(prune=rates.prune, lock=rates.lock, radius=self.radius)


def recorded(settings: Settings) -> dict[str, Any]:
    """Return the settings as a result holds them: those of other laws or choices only where such are asked for."""
    left_out = (*(NUMBERS if not settings.is_other else ()), *(KEPT if settings.kept is None else ()))
    return {name: value for name, value in asdict(settings).items() if name not in left_out}


def command(settings: Settings) -> str:
    """Return the command that makes these rows again, to the last bit; a file of numbers must still hold the same."""
    words = ["python", "-m", "subsetsum.verify"]
    for name, value in recorded(settings).items():
        option_name = f"--{name.replace('_', '-')}"
        if isinstance(value, tuple):
            words += [option_name, *(repr(part) for part in value)]
        elif value is True:
            words.append(option_name)
        elif isinstance(value, str):
            words += [option_name, value]
        elif value is not None and value is not False:
            words += [option_name, repr(value)]
    return shlex.join(words)
