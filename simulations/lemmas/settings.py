"""What the numbers of one run of the main job depend on."""

import shlex
from dataclasses import asdict, dataclass

from simulations.lemmas.measure import Law
from slt.core import checks
from slt.core.keys import checked_seed
from slt.core.options import option
from slt.core.rates import Rates, searchable
from subsetsum.sampling import checked_radius


@dataclass(frozen=True)
class Settings:
    """Everything that the numbers of one run depend on. Raises ValueError when something is not allowed."""

    prune: float = option(0.4, "share of variables that are never used, p")
    lock: float = option(0.3, "share of variables that are always used, q")
    eps: tuple[float, ...] = option((0.1, 0.01, 0.001), "precisions, each in (0, 1)")
    delta: float = option(0.05, "allowed failure probability")
    radius: float = option(1.0, "targets lie in [-radius, radius]")
    trials: int | None = option(None, "trials of each row (default: 50000, fewer where a trial is expensive; printed)")
    confidence: float = option(0.99, "that all measured intervals hold together")
    seed: int = option(0, "seed of every trial")

    def __post_init__(self) -> None:
        rates = searchable(self.prune, self.lock)
        clean = {
            "prune": rates.prune,
            "lock": rates.lock,
            "eps": tuple(checks.open_unit("eps", eps) for eps in self.eps),
            "delta": checks.open_unit("delta", self.delta),
            "radius": checked_radius(self.radius),
            "trials": None if self.trials is None else checks.whole("trials", self.trials, least=1),
            "confidence": checks.open_unit("confidence", self.confidence),
            "seed": checked_seed(self.seed),
        }
        for name, value in clean.items():
            object.__setattr__(self, name, value)
        if len(set(self.eps)) < len(self.eps):
            raise ValueError(f"eps must not repeat, got {' '.join(f'{eps:g}' for eps in self.eps)}")

    def law(self, rates: Rates) -> Law:
        """Return what every bound and estimate asks for, at these rates."""
        return Law(prune=rates.prune, lock=rates.lock, radius=self.radius)


def command(settings: Settings) -> str:
    """Return the command that makes these rows again, to the last bit."""
    words = ["python", "-m", "subsetsum.verify"]
    for name, value in asdict(settings).items():
        if isinstance(value, tuple):
            words += [f"--{name}", *(repr(part) for part in value)]
        elif value is not None:
            words += [f"--{name}", repr(value)]
    return shlex.join(words)
