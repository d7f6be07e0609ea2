"""How many variables are needed? Measured as the whole curve of success against n, never as a hitting time.

With locking a trial that covers its window can lose it again when the next variable is locked, so the first n at
which a trial succeeds says too little. Every trial is decided at every n = 0..n_max, and the smallest n that succeeds
often enough gets the fixed-sequence interval of :func:`slt.core.intervals.smallest_n`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from math import ceil
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from simulations.run.runner import Chunks, run_chunks
from simulations.run.units import Engine
from slt.core import laws
from slt.core.forms import Form, Numbers, count
from slt.core.intervals import Crossing, smallest_n
from slt.core.keep import Groups, Share, arguments
from slt.core.store import Row, Store
from subsetsum.curves import TARGETS

TRIALS = 50_000
LEAST_TRIALS = 1_000
MOST_CHUNKS = 50_000  # of one curve, so that a store of 10^12 trials still has less than a gigabyte
EXPERIMENT = "success curve"  # in a store
SECONDS_PER_CURVE = 30.0  # one core; where 50,000 trials would take longer, fewer are drawn
SECONDS_PER_OTHER = 15.0  # the same for another law
SECONDS_OF_KEPT = 5e-7, 1e-6  # where what is kept is prescribed: times n_max^2, and over eps, measured to n_max = 120
SECONDS_OF_OTHERS = 4.5e-5  # of another law, for each variable of a trial: measured at n_max = 30 to 600


class Rated(TypedDict):
    """The keyword arguments that every bound, estimate and measurement takes."""

    prune: float
    lock: float
    radius: float


@dataclass(frozen=True)
class CurveSetting:
    """One success curve: precision, rates, target radius, largest n and number of trials, all fixed beforehand.

    law, signed: what the numbers are, and whether choices are from {-1, 0, 1}. keep: what choices keep.
    """

    eps: float
    prune: float
    lock: float
    radius: float
    n_max: int
    trials: int
    law: laws.Law = field(default=laws.PRESENT, repr=False)
    signed: bool = False
    keep: Share | Groups | None = field(default=None, repr=False)

    @property
    def is_other(self) -> bool:
        """Whether the kernels of curves do not know these numbers and choices, which makes a trial longer."""
        return self.signed or self.law != laws.PRESENT

    @property
    def key(self) -> Row:
        """What tells this curve from every other one, as JSON values."""
        names = ("eps", "prune", "lock", "radius", "n_max", "trials")
        own = {"law": named(self.law), "signed": self.signed} if self.is_other else {}
        if self.keep is not None:
            own = own | {"keep": kept_name(self.keep)}
        return {name: getattr(self, name) for name in names} | own


def kept_name(keep: Share | Groups) -> str:
    """Return a text that tells what is kept from everything else that may be.

    >>> kept_name(Share(0.1 + 0.2)), kept_name(Groups(2, 4))
    ('sparsity 0.30000000000000004', '2:4')
    """
    return f"sparsity {keep.sparsity!r}" if isinstance(keep, Share) else str(keep)


def named(law: laws.Law) -> str:
    """Return a text that tells a law from every other one, also from one that is written alike.

    >>> named(laws.Normal(0.5))
    'normal 0.5 (409f6fd6dd51)'
    """
    return f"{law} ({blake2b(repr(law).encode(), digest_size=6).hexdigest()})"


@dataclass(frozen=True)
class Curve:
    """Counts of successes at n = 0..n_max: uniform (n_max + 1,), pointwise (n_max + 1, targets)."""

    uniform: NDArray[np.int64]
    pointwise: NDArray[np.int64]
    trials: int

    def crossing(self, reading: str, delta: float, confidence: float, step: int = 1) -> Crossing:
        """Return the interval of the smallest n with success probability at least ``1 - delta``.

        step: only its multiples are looked at.
        """
        counts = self.uniform if reading == "uniform" else self.pointwise
        found = smallest_n(counts[::step], self.trials, 1 - delta, confidence)
        ends = (None if n is None else n * step for n in (found.value, found.upper))
        return Crossing(found.lower * step, *ends)


def largest_n(expected: int) -> int:
    """Return the n_max of a curve whose crossing is expected at ``expected``: a quarter beyond it, and 12 more."""
    return expected + ceil(expected / 4) + 12


def seconds_per_trial(n_max: int, eps: float, other: bool = False, kept: bool = False) -> float:
    """Predict the cost of one curve on one core of about 3 GHz; only sample and chunk sizes depend on it.

    other: whether numbers or choices are others than those of the lemmas. kept: whether what they keep is prescribed.
    """
    if kept:
        return SECONDS_OF_KEPT[0] * n_max**2 + SECONDS_OF_KEPT[1] / eps
    return 1e-6 * (2 + 0.08 * n_max + 0.07 / eps) + (SECONDS_OF_OTHERS * n_max if other else 0.0)


def planned_trials(n_max: int, eps: float, other: bool = False, kept: bool = False) -> int:
    """Return the default number of trials of a curve: 50,000, or what half a minute allows, at least 1,000.

    other, kept: as in :func:`seconds_per_trial`; a quarter of a minute then.
    """
    seconds = SECONDS_PER_OTHER if other or kept else SECONDS_PER_CURVE
    return max(LEAST_TRIALS, min(TRIALS, int(seconds / seconds_per_trial(n_max, eps, other, kept))))


def goals(setting: CurveSetting) -> NDArray[np.float64]:
    """Return the targets of the pointwise reading: 0, r/8, ..., r; of -r, ..., r where the law is not symmetric.

    Where sums lie on a lattice of pitch d, eps < d <= 2 eps, they are moved to it, which makes none easier. Where d is
    larger, one is the target that no sum comes near (:func:`theory.law_never.off_lattice`).
    """
    from subsetsum.curves import targets
    from subsetsum.laws import asymmetric

    if not setting.is_other:
        return targets(setting.radius)
    from theory.law_never import off_lattice
    from theory.models import pitch

    middle = TARGETS - 1
    found = np.linspace(-setting.radius, setting.radius, 2 * TARGETS - 1)
    d = float(pitch(setting.law) or 0)
    if off_lattice(setting.law, setting.eps, setting.radius):
        found[middle + 1] = min(setting.radius, d / 2)
    elif d > setting.eps:
        steps = np.floor(setting.radius / d)
        found = d * np.clip(np.rint(found / d), -steps, steps)
    return found[0 if asymmetric(setting.law) else middle :]


def count_successes(setting: CurveSetting, seed: int, first: int, count: int) -> Row:
    """Return the successes among trials first .. first + count - 1 at every n, in both readings."""
    from subsetsum import success_counts

    counts = success_counts(
        setting.n_max,
        setting.eps,
        count,
        prune=setting.prune,
        lock=setting.lock,
        radius=setting.radius,
        seed=seed,
        targets=goals(setting),
        first=first,
        law=setting.law,
        signed=setting.signed,
        **arguments(setting.keep),  # type: ignore[arg-type]
    )
    return {"trials": count, "uniform": counts.uniform.tolist(), "pointwise": counts.pointwise.tolist()}


def counts_form(setting: CurveSetting, trials: int) -> Form:
    """Return the form of a row of :func:`count_successes`."""
    points = setting.n_max + 1
    return {
        "trials": Numbers(trials, trials, whole=True),
        "uniform": count(trials, points),
        "pointwise": count(trials, points, len(goals(setting))),
    }


def chunk_size(setting: CurveSetting) -> int:
    """Return how many trials are one unit of work: half a second's, but more where there would be too many units.

    >>> [chunk_size(CurveSetting(0.1, 0.4, 0.3, 1.0, 150, trials)) for trials in (50_000, 10**12)]
    [5000, 20000000]
    """
    seconds = seconds_per_trial(setting.n_max, setting.eps, setting.is_other, setting.keep is not None)
    usual = max(50, min(5_000, int(0.5 / seconds)))
    return max(usual, -(-setting.trials // MOST_CHUNKS))


def chunks(setting: CurveSetting, seed: int) -> Chunks:
    """Return the units of work that a curve consists of."""
    return Chunks(
        setting.key,
        setting.trials,
        chunk_size(setting),
        partial(count_successes, setting, seed),
        partial(counts_form, setting),
    )


def measure(
    setting: CurveSetting,
    *,
    seed: int,
    store: Store,
    engine: Engine | None = None,
    tick: Callable[[int], object] = lambda _: None,
) -> Curve:
    """Decide every trial of ``setting`` at every n; ``tick`` is told the number of trials of each finished chunk."""
    return measure_each([setting], seed=seed, store=store, engine=engine, tick=tick)[0]


def measure_each(
    settings: Sequence[CurveSetting],
    *,
    seed: int,
    store: Store,
    engine: Engine | None = None,
    tick: Callable[[int], object] = lambda _: None,
) -> list[Curve]:
    """Return the curve of every setting; the chunks of all of them are one stream, so that no worker ever waits."""
    parts = [chunks(setting, seed) for setting in settings]
    uniform: list[NDArray[np.int64]] = [np.zeros(setting.n_max + 1, np.int64) for setting in settings]
    pointwise = [np.zeros((setting.n_max + 1, len(goals(setting))), np.int64) for setting in settings]
    done = [0] * len(settings)
    for place, row in run_chunks(parts, experiment=EXPERIMENT, seed=seed, store=store, engine=engine):
        uniform[place] += row["uniform"]
        pointwise[place] += row["pointwise"]
        done[place] += row["trials"]
        tick(row["trials"])
    if done != [setting.trials for setting in settings]:
        raise RuntimeError(f"{done} trials were done, not {[setting.trials for setting in settings]}")
    return [Curve(*found) for found in zip(uniform, pointwise, done, strict=True)]
