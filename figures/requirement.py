"""How many variables each precision needs: proven, estimated and measured.

What to see: over one axis for all panels the measured points rise from panel to panel, as pruning takes more variables,
locking more still, and both together most. In every panel they run along the estimate between the two proven lines,
and far slower than 1/eps. One panel a lemma, uniform reading; one measured n stands beside its point. Reads the file
that ``slt verify --json FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, told_apart, words
from figures.style import COLOURS, arrange, key, panels, save, tips
from simulations.lemmas.verdicts import CONSISTENT, CONTRADICTED, UNDECIDED, overall
from slt.core.forms import OBJECT, SHARE, Interval, Numbers, check, count
from slt.core.intervals import shown as interval
from slt.core.places import committed
from slt.core.rates import READINGS
from slt.core.store import Row, read_json
from theory import CLAIMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "requirement.json")

# what is drawn as a line: label, look
LINES = {
    "sufficient": ("sufficient (proven)", "-"),
    "statistical": ("sufficient, if the simulated coverage holds", ":"),
    "estimated": ("estimated", "--"),
    "necessary": ("necessary (proven)", "-"),
}
MEASURED = "measured, with interval"


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of the files that ``slt verify --json FILE`` writes, by default of the committed one.

    Each row also has the confidence of its file, and under "made" its seed and command.
    """
    return [
        row | said
        for path in FIGURE.files(paths)
        for said in [source(path)]
        for row in others(path) or FIGURE.rows([path])
    ]


NUMBER = Numbers(0, 10**9, whole=True, missing=True)
OTHER = {
    **dict.fromkeys(("eps", "delta", "prune", "lock"), SHARE),
    **dict.fromkeys(("necessary", "estimated", "sufficient"), NUMBER),
    "radius": Numbers(0, 1e300),
    "trials": count(10**15),
    "measured": Interval(NUMBER),
    "verdict": (CONSISTENT, CONTRADICTED, UNDECIDED),
    "reading": READINGS,
}


def others(path: str | Path) -> list[Row]:
    """Return the rows of a file of ``slt verify --law`` and its like, or of ``--sparsity`` and ``--keep``; else none.

    Raises ValueError, naming the row, for one that lacks something, and where no row has anything to be drawn, because
    no n suffices in any.
    """
    rows = read_json(path).get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {"law", "keep"} & set(row) for row in rows):
        return []
    for number, row in enumerate(rows):
        check({name: row[name] for name in OTHER if name in row}, OTHER, f"row {number} in {path}")
    found = [row for row in rows if row["necessary"] is not None]
    if rows and not found:
        raise ValueError(f"{path} holds no row that can be drawn: no n suffices in any of them")
    return found


def source(path: str | Path = RESULT) -> Row:
    """Return what a file of ``slt verify`` says of itself: the confidence, and under "made" its seed and command."""
    result = read_json(path)
    if not isinstance(result, dict):
        raise ValueError(f"{path} is no object; the figure requirement draws the file of: {FIGURE.again()}")
    settings = result["settings"]
    check(settings, OBJECT, f"settings in {path}")
    Numbers(0, 1).check(settings["confidence"], f"confidence in {path}")
    return {"made": f"seed {settings['seed']}; {result['command']}", "confidence": settings["confidence"]}


def draw(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw one lemma in one reading: ``rows`` differ in eps only; row["made"], if there, is said by the tips."""
    from matplotlib.ticker import NullFormatter

    rows = sorted(rows, key=lambda row: -row["eps"])
    eps = [row["eps"] for row in rows]
    at = [
        f"eps = {row['eps']:g}, delta = {row['delta']:g}, p = {row['prune']:g}, q = {row['lock']:g}, {row['reading']}"
        for row in rows
    ]
    for name, (label, look) in LINES.items():
        known = [(row, where) for row, where in zip(rows, at, strict=True) if row.get(name) is not None]
        if not known:  # of other laws not all is known
            continue
        xs, ys = [row["eps"] for row, _ in known], [row[name] for row, _ in known]
        ax.plot(xs, ys, look, color=COLOURS[name], label=label, marker="o", ms=3.5)
        texts = [f"{label}: n = {row[name]}, {where}; {row.get('made', '')}" for row, where in known]
        tips(ax, xs, ys, texts)
    shown = [row for row in rows if row["measured"]["value"] is not None]
    values = [row["measured"]["value"] for row in shown]
    low = [row["measured"]["value"] - row["measured"]["lower"] for row in shown]
    high = [(row["measured"]["upper"] or row["measured"]["value"]) - row["measured"]["value"] for row in shown]
    ax.errorbar(
        [row["eps"] for row in shown], values, yerr=[low, high], fmt="o", color=COLOURS["measured"], ms=5, capsize=3,
        lw=1.2, label=MEASURED, zorder=5,
    )  # fmt: skip
    texts = [
        f"measured: n = {interval(row['measured'])}, {where}, {row['trials']} trials, {row.get('made', '')}"
        for row, where in zip(rows, at, strict=True)
        if row in shown
    ]
    tips(ax, [row["eps"] for row in shown], values, texts)
    for row in shown[len(shown) // 3 :][:1]:  # one number in plain sight: in the main job that at eps = 0.01
        n, top = row["measured"]["value"], row["measured"]["upper"] or row["measured"]["value"]
        ax.annotate(
            str(n), (row["eps"], top), (0, 4.5), textcoords="offset points", ha="center", fontsize=11,
            fontweight="bold", bbox={"fc": "white", "ec": "none", "pad": 0.5},
        )  # fmt: skip
    ax.set_xscale("log")
    room = max(1.4, (12 * min(eps) / max(eps)) ** 0.5)  # more than a decade in all, so that powers of ten are labelled
    ax.set_xlim(max(eps) * room, min(eps) / room)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yscale("log")


def headline(rows: Sequence[Row]) -> str:
    """Say what the measured rows show; that they agree with the bounds only where every verdict does."""
    agree = overall([row["verdict"] for row in rows]) not in (CONTRADICTED, UNDECIDED)
    found = "the measured n agrees with the proven bounds" if agree else "measured n and proven bounds"
    return f"Freezing costs width: {found} (uniform, delta = {rows[0]['delta']:g})"


def render(
    rows: Sequence[Row],
    folder: str | Path,
    name: str = "requirement",
    confidence: float | None = None,
) -> list[Path]:
    """Draw every lemma in its own panel, write the files to ``folder`` and return their paths.

    confidence: with which all intervals hold together, for the legend; None: that of the rows, where they have one.
    Rows of another law have that under "law", rows of a prescribed sparsity or N:M that under "keep", and no claim:
    their panels differ in the rates.
    """
    titles = {claim.key: f"Lemma {claim.key} ({claim.title})" for claim in CLAIMS}
    rows = [{"claim": row.get("law") or row.get("keep")} | row for row in rows]
    uniform = [row for row in rows if row["reading"] == "uniform"]
    if not uniform:
        raise ValueError("the figure requirement needs rows in the uniform reading; there are none")
    groups = told_apart(uniform, "claim", "prune", "lock", "delta", "radius")
    known = {row.get("confidence") for row in uniform}
    if confidence is None and len(known) == 1:
        (confidence,) = known
    with panels(1, len(groups), size=(2.9 * len(groups), 5.2), squeeze=False, sharey=True) as (figure, axes):
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        for ax, group in zip(axes[0], groups, strict=True):
            chosen = [
                row for row in uniform if told_apart([row], "claim", "prune", "lock", "delta", "radius") == [group]
            ]
            draw(ax, chosen)
            lemma = f"{titles.get(group[0], f'Lemma {group[0]} (of another version)')}\n"
            rates = f"p = {chosen[0]['prune']:g}, q = {chosen[0]['lock']:g}"
            ax.set_title(rates if {"law", "keep"} & set(chosen[0]) else lemma + rates)
            ax.set_xlabel("precision eps")
        # one axis for all panels: what freezing costs is seen as height
        axes[0][0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes[0][0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes[0][0].yaxis.set_minor_formatter(NullFormatter())
        axes[0][0].set_ylabel("variables n")
        handles, labels = axes[0][0].get_legend_handles_labels()
        sure = "" if confidence is None else f" ({100 * confidence:g} %)"
        labels = [f"{label}{sure}" if label == MEASURED else label for label in labels]
        key(figure, handles, labels, loc="upper center", ncols=3, bbox_to_anchor=(0.5, 0.02))
        law = uniform[0].get("law")
        said = f"\nNumbers: {law}{', signed' * uniform[0]['signed']}" if law else ""
        if "keep" in uniform[0]:
            said = f"\nChoices: {uniform[0]['keep']}"
        figure.suptitle(headline(uniform) + said)
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="requirement",
    about="how many variables each precision needs: proven, estimated, measured",
    results=(RESULT,),
    commands=(
        words(
            "slt verify --prune 0.4 --lock 0.3 --eps 0.1 0.03 0.01 0.003 0.001 0.0003 0.0001 --json",
            RESULT,
        ),
    ),
    minutes=4,
    needs=(
        "claim",
        "reading",
        "eps",
        "delta",
        "prune",
        "lock",
        "radius",
        "necessary",
        "estimated",
        "measured",
        "statistical",
        "sufficient",
        "trials",
        "verdict",
    ),
    load=load,
    render=render,
)
