"""One draw in full: its numbers, what is reachable, and which targets it covers."""

from typing import TYPE_CHECKING

import numpy as np

from slt.core import console
from slt.core.checks import whole

if TYPE_CHECKING:
    from simulations.lemmas.settings import Settings

PER_LINE = 8


def show_trial(settings: "Settings", trial: int, n: int | None, form: str = "text") -> int:
    """Print draw ``trial`` with n variables (default: the estimated requirement at the first eps); return 0."""
    from subsetsum import best_subsets, covers_values, draw, targets, worst_errors
    from theory.estimate import estimated_n

    prune, lock, radius, seed = settings.prune, settings.lock, settings.radius, settings.seed
    if n is None:
        n = estimated_n(settings.eps[0], settings.delta, prune=prune, lock=lock, radius=radius)
    n, trial = whole("n", n), whole("trial", trial)
    values, states = draw(n, 1, prune=prune, lock=lock, seed=seed, first=trial)
    x, state = values[0], states[0]
    locked, free = x[state == 1].sum(), x[state == 0]
    out = console.Page(form)
    out.print(
        f"Trial {trial}, seed {seed}: n = {n} variables, {np.sum(state == -1)} pruned, "
        f"{np.sum(state == 1)} locked, {len(free)} free (prune {prune:g}, lock {lock:g})\n"
        f"Locked sum T = {locked:+.6f}; reachable sums lie in "
        f"[{locked + np.minimum(free, 0).sum():+.6f}, {locked + np.maximum(free, 0).sum():+.6f}]\n"
    )
    for title, chosen in (("free", state == 0), ("locked", state == 1), ("pruned", state == -1)):
        out.print(f"{title}:")
        numbers = [f"{value:+.6f}" for value in x[chosen]]
        for start in range(0, len(numbers), PER_LINE):
            out.print("  " + "  ".join(numbers[start : start + PER_LINE]))
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


FLOOR = 1e-6  # below it the worst error is not resolved
