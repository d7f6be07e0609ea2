"""Where to put the sparsity: the search interval, how many subnetworks it holds, and what was measured.

What to see: freezing leaves the sparsities [p, 1 - q] to search (left, shaded). The positioning rule keeps the wanted
sparsity k in the middle of it, as soon as it can: for k = 0.8 from F = 0.6 on, below which pruning alone is used. At
the middle the number of subnetworks is largest and nearly all of a ticket's bits, one per free weight, are information
(centre); towards the ends there is ever less to choose. Measured (right), accuracy is level over the middle, where the
intervals overlap, and falls towards both ends. Reads the rows that
``slt positions --results FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.record import Figure, told_apart, words
from figures.style import COLOURS, arrange, finding, key, looks, panels, save, tips
from slt.core.intervals import MEANS, mean_interval, percent
from slt.core.places import committed
from slt.core.rates import Rates
from slt.core.store import Row
from theory.freezing import centre, interval, log2_candidates, positioned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("torch_backend", "positions.jsonl")
WANTED = ((0.5, COLOURS["necessary"]), (0.8, COLOURS["sufficient"]))
RATIOS = ((0.0, COLOURS["measured"]), (0.5, COLOURS["other"]), (0.8, COLOURS["second"]))
RULES = {"epl": (COLOURS["necessary"], "o"), "erk": (COLOURS["sufficient"], "s")}


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt positions``, by default of the committed run."""
    return FIGURE.rows(paths)


def place(row: Row) -> float:
    """Return t = (k - p)/(1 - p - q), where in its interval the sparsity of a row lies."""
    s = row["settings"]
    if s["prune"] + s["lock"] >= 1:
        raise ValueError(f"prune + lock must be below 1, got {s['prune']:g} + {s['lock']:g}: nothing is left to search")
    return float((s["sparsity"] - s["prune"]) / (1 - s["prune"] - s["lock"]))


def draw_intervals(ax: "Axes") -> None:
    """Draw [p, 1 - q] and its centre against F for two wanted sparsities, positioned by the rule."""
    freezing = np.linspace(0, 0.99, 100)
    handles = []
    for k, colour in WANTED:
        rates = [positioned(F, k) for F in freezing]
        ends = np.array([interval(r) for r in rates])
        band = ax.fill_between(freezing, ends[:, 0], ends[:, 1], color=colour, alpha=0.18, lw=0)
        (line,) = ax.plot(freezing, [centre(r) for r in rates], color=colour, label=f"centre, wanted k = {k:g}")
        handles.append((band, line))
    ax.set_xlabel("freezing ratio F = p + q")
    ax.set_ylabel("sparsity")
    ax.set_title("search interval [p, 1 - q]")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    labels = [f"interval, centre: wanted k = {k:g}" for k, _ in WANTED]
    key(ax, handles, labels, loc="lower right", fontsize=10)


def draw_candidates(ax: "Axes", weights: int) -> None:
    """Draw log2 of the number of subnetworks over the sparsity, and the bits of a ticket, for p = q = F/2."""
    for F, colour in RATIOS:
        low, high = interval(Rates(F / 2, F / 2))
        free = (1 - F) * weights
        sparsity = np.linspace(low, high, 201)
        bits = [log2_candidates(free, (1 - share) * free) for share in np.linspace(0, 1, 201)]
        ax.plot(sparsity, np.array(bits) / 1000, color=colour, label=f"F = {F:g}")
        ax.plot([low, high], [free / 1000] * 2, ":", color=colour, lw=1.5)
    ax.plot([], [], ":", color="#555555", lw=1.5, label="bits of a ticket, (1 - F) N")
    ax.set_xlabel("sparsity k")
    ax.set_ylabel("subnetworks, log2 / 1000")
    ax.set_title(f"search space, N = {weights:,}, p = q = F/2")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.5 * weights / 1000)
    key(ax, loc="upper left", fontsize=10, ncols=2)


def draw_measured(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw the mean test accuracy with its interval over the place of the sparsity, one line for each rule."""
    rules = [*RULES, *(rule for (rule,) in told_apart([row["settings"] for row in rows], "rule") if rule not in RULES)]
    for rule, (colour, marker) in zip(rules, looks(list(RULES.values()), len(rules)), strict=True):
        chosen = [row for row in rows if row["settings"]["rule"] == rule]
        if not chosen:
            continue
        places = sorted({round(place(row), 6) for row in chosen})
        groups = {t: [row for row in chosen if round(place(row), 6) == t] for t in places}
        means = {t: mean_interval([row["test"] for row in group]) for t, group in groups.items()}
        y = [100 * mean.value for mean in means.values()]
        bars = [[100 * (mean.value - mean.lower), 100 * (mean.upper - mean.value)] for mean in means.values()]
        ax.errorbar(
            list(means), y, yerr=np.transpose(bars), fmt=f"{marker}-", color=colour, ms=6, capsize=3, lw=1.4,
            mfc="white", label=rule.upper(),
        )  # fmt: skip
        tips(ax, means, y, [text(t, groups[t]) for t in means])
    ax.set_xlim(0, 1)
    ax.set_xlabel("place of k in its interval, (k - p)/(1 - p - q)")
    ax.set_ylabel("test accuracy, %")
    key(ax, loc="lower right")


def text(t: float, rows: Sequence[Row]) -> str:
    """Say everything of one group of seeds."""
    s = rows[0]["settings"]
    return (
        f"test {percent(mean_interval([row['test'] for row in rows]))} %, {s['model']} on {s['data_set']}, "
        f"rule {s['rule']}, place {t:g}, k = {s['sparsity']:g}, p = {s['prune']:.2f}, q = {s['lock']:.2f}, "
        f"{rows[0]['bits']} bits, seeds {', '.join(str(row['seed']) for row in rows)}; {FIGURE.again()}"
    )


def render(rows: Sequence[Row], folder: str | Path, name: str = "interval") -> list[Path]:
    """Draw rule, search space and measurement side by side; write PNG and SVG to ``folder``."""
    s = rows[0]["settings"]
    frozen = s["prune"] + s["lock"]
    with panels(1, 3, size=(15.6, 4.6)) as (figure, axes):
        draw_intervals(axes[0])
        draw_candidates(axes[1], round(rows[0]["bits"] / (1 - frozen)))
        draw_measured(axes[2], rows)
        seeds = len({row["seed"] for row in rows})
        axes[2].set_title(
            f"measured: {s['model'].upper()} on {s['data_set'].upper()}, F = {frozen:g},\n"
            f"k = {s['sparsity']:g}; {seeds} seeds, {100 * MEANS:g} % intervals"
        )
        figure.suptitle(
            finding(
                "The middle of the interval has the most subnetworks, and no worse tickets than elsewhere",
                "Search interval, number of subnetworks, and accuracy by the place of the sparsity",
            ),
            fontsize=14,
        )
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="interval",
    about="search interval, number of subnetworks, and accuracy by the place of the sparsity",
    results=(RESULT,),
    commands=(
        words(
            "slt positions --model mlp --data-set mnist --epochs 10 --ratio .8 --seeds 3 --results",
            RESULT,
        ),
    ),
    minutes=16,
    needs=(
        "seed",
        "bits",
        "test",
        *(f"settings.{name}" for name in ("model", "data_set", "rule", "sparsity", "prune", "lock")),
    ),
    load=load,
    render=render,
)
