"""One draw in full: its numbers, what is reachable, and which targets it covers."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulations.lemmas.measure import CurveSetting, goals
from slt.core import console
from slt.core.checks import whole
from slt.core.keep import Groups, Share, arguments, step

if TYPE_CHECKING:
    from simulations.lemmas.settings import Settings

PER_LINE = 8


def show_trial(settings: "Settings", trial: int, n: int | None, form: str = "text") -> int:
    """Print draw ``trial`` with n variables (default: the estimated requirement at the first eps); return 0."""
    from subsetsum import best_subsets, covers_values, draw, targets, worst_errors
    from theory.estimate import estimated_n

    if not settings.names_lemmas:
        return show_law_trial(settings, trial, n, form)
    prune, lock, radius, seed = settings.prune, settings.lock, settings.radius, settings.seed
    if n is None:
        n = estimated_n(settings.eps[0], settings.delta, prune=prune, lock=lock, radius=radius)
    n, trial = whole("n", n), whole("trial", trial)
    values, states = draw(n, 1, prune=prune, lock=lock, seed=seed, first=trial)
    out = console.Page(form)
    print_draw(out, settings, trial, values[0], states[0])
    z = targets(radius)
    error = worst_errors(n, 1, prune=prune, lock=lock, radius=radius, seed=seed, first=trial, floor=FLOOR)[0]
    bound = "at most " if error <= FLOOR else ""
    out.print(f"\nWorst error over |z| <= {radius:g}: {bound}{error:.3e}")
    columns = ("eps", "<every |z| <= radius", *(f"z={t:g}" for t in z))
    errors, _ = best_subsets(
        targets=z, values=np.repeat(values, len(z), axis=0), states=np.repeat(states, len(z), axis=0)
    )
    cells = [
        (
            f"{eps:g}",
            "covered" if covers_values(values=values, states=states, eps=eps, radius=radius)[0] else "missed",
            *("hit" if e <= eps else "miss" for e in errors),
        )
        for eps in settings.eps
    ]
    out.print(console.table("What this draw covers", columns, [*cells, ("best", "", *(f"{e:.1e}" for e in errors))]))
    return 0


def print_draw(
    out: console.Page, settings: "Settings", trial: int, x: NDArray[np.float64], state: NDArray[np.int8]
) -> None:
    """Print the numbers of one draw, those of each state together, and between which ends its sums lie."""
    prune, lock = settings.prune, settings.lock
    locked, free = x[state == 1].sum(), x[state == 0]
    ends: tuple[Any, Any] | None = np.minimum(free, 0).sum(), np.maximum(free, 0).sum()
    if settings.signed:
        ends = -np.abs(free).sum(), np.abs(free).sum()
    if settings.kept is not None:
        ends = kept_ends(x, state, settings.kept)
    reach = (
        "no choice complies"
        if ends is None
        else (f"reachable sums lie in [{locked + ends[0]:+.6f}, {locked + ends[1]:+.6f}]")
    )
    out.print(
        f"Trial {trial}, seed {settings.seed}: n = {len(x)} variables, {np.sum(state == -1)} pruned, "
        f"{np.sum(state == 1)} locked, {len(free)} free (prune {prune:g}, lock {lock:g})\n"
        f"Locked sum T = {locked:+.6f}; {reach}\n"
    )
    for title, chosen in (("free", state == 0), ("locked", state == 1), ("pruned", state == -1)):
        out.print(f"{title}:")
        numbers = [f"{value:+.6f}" for value in x[chosen]]
        for start in range(0, len(numbers), PER_LINE):
            out.print("  " + "  ".join(numbers[start : start + PER_LINE]))


def kept_ends(
    x: NDArray[np.float64], state: NDArray[np.int8], keep: Share | Groups
) -> tuple[np.float64, np.float64] | None:
    """Return the least and the largest sum of the free variables that a choice keeps; None where none complies.

    x: (n,) numbers; state: (n,), -1 pruned, 0 free, 1 locked.

    >>> kept_ends(np.array([0.1, 0.5, -0.2, 0.7]), np.array([0, 0, 0, 1], np.int8), Share(0.5))
    (np.float64(-0.2), np.float64(0.5))
    """
    groups = [keep.kept(len(x))] if isinstance(keep, Share) else [keep.kept] * keep.groups(len(x))
    low = high = np.float64(0)
    for count, numbers, fates in zip(
        groups, np.split(x, len(groups)) if groups else (), np.split(state, len(groups)) if groups else (), strict=True
    ):
        free = np.sort(numbers[fates == 0])
        size = count - int(np.sum(fates == 1))
        if isinstance(keep, Groups) and keep.lenient:
            size = min(max(size, 0), len(free))
        if not 0 <= size <= len(free):
            return None
        low, high = low + free[:size].sum(), high + free[len(free) - size :].sum()
    return low, high


def show_law_trial(settings: "Settings", trial: int, n: int | None, form: str = "text") -> int:
    """Print the same of other numbers or choices; by default n is what is estimated, or else necessary."""
    from simulations.lemmas.law_report import described
    from simulations.lemmas.law_rows import FEW
    from slt.core.rates import Rates
    from subsetsum import covers, draw, success_counts, worst_errors
    from theory.law_requirement import law_requirement
    from theory.requirement import requirement

    rates = Rates(settings.prune, settings.lock)
    numbers: dict[str, Any] = {"law": settings.numbers, "signed": settings.signed}
    told, kept = settings.rated(rates), arguments(settings.kept)
    if n is None:
        known = (
            law_requirement(settings.eps[0], settings.delta, **told, **numbers)
            if settings.kept is None
            else requirement(settings.eps[0], settings.delta, **told, **kept)  # type: ignore[arg-type]
        )
        n = known.estimated or known.necessary or -(-FEW // step(settings.kept)) * step(settings.kept)
    n, trial = whole("n", n), whole("trial", trial)
    if isinstance(settings.kept, Groups):
        settings.kept.groups(n)  # refuses what is no multiple
    drawn: dict[str, Any] = {**told, **numbers, **kept, "seed": settings.seed, "first": trial}
    values, states = draw(n, 1, prune=rates.prune, lock=rates.lock, seed=settings.seed, first=trial, **numbers)
    out = console.Page(form)
    out.print(described(settings))
    print_draw(out, settings, trial, values[0], states[0])
    floor = FLOOR if settings.levels is None else settings.eps[0]
    error = worst_errors(n, 1, **drawn, floor=floor)[0]
    bound = "at most " if error <= floor else ""
    out.print(f"\nWorst error over |z| <= {settings.radius:g}: {bound}{error:.3e}")
    cells: list[tuple[str, ...]] = []
    for eps in settings.eps:
        z = goals(CurveSetting(eps, **told, n_max=n, trials=1, **numbers))
        hits = success_counts(n, eps, 1, **drawn, targets=z).pointwise[-1]
        named = [f"z={t:g} {'hit' if hit else 'miss'}" for t, hit in zip(z, hits, strict=True)]
        cells.append((f"{eps:g}", "covered" if covers(n, eps, 1, **drawn)[0] else "missed", ", ".join(named)))
    columns = ("eps", "<every |z| <= radius", "<single targets")
    out.print(console.table("What this draw covers", columns, cells))
    return 0


FLOOR = 1e-6  # below it the worst error is not resolved
