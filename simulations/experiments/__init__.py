"""Experiments, one module or folder each: settings, one measurement, tables. Run by ``slt simulate NAME``."""

from slt.core.command import Command

EXPERIMENTS = {
    "calibration": Command(
        "simulations.experiments.calibration",
        "estimated against measured success over a fixed grid of settings",
    ),
    "constants": Command(
        "simulations.experiments.constants",
        "the measured constant C over a grid of eps, delta, prune and lock",
    ),
    "hole": Command(
        "simulations.experiments.hole",
        "what locking in the first layer costs: best error against width, and its proven floor",
    ),
    "existence": Command(
        "simulations.existence.command",
        "a ticket built in a frozen source as the existence theorem does, bounded and checked",
    ),
    "sweep": Command(
        "simulations.existence.sweep",
        "success of the theorem's construction against width: proven, estimated and published widths judged",
    ),
    "atlas": Command(
        "simulations.experiments.atlas",
        "the numbers behind the figures of the theory: needs, success, cover, widths on fixed grids",
    ),
    "explorer": Command(
        "simulations.experiments.explorer",
        "the numbers that the explorer of the report looks up, and random points to check it",
    ),
    "limits": Command(
        "simulations.experiments.limits",
        "the highest freezing ratio at n variables: proven possible, proven impossible, measured",
    ),
    "cancel": Command(
        "simulations.experiments.cancel",
        "whether second-layer neurons cancel first-layer kinks: linear targets in sources of depth 3",
    ),
    "factors": Command(
        "simulations.experiments.factors",
        "the width factor n(p, q) / n(0, 0), measured and predicted: subset sums and built networks",
    ),
    "price": Command(
        "simulations.experiments.price",
        "what 10^9 to 10^12 trials would cost on a cluster: time, units, bytes; nothing is run",
    ),
    "found": Command(
        "simulations.experiments.found.command",
        "is search short of existence? tickets found by Edge-Popup beside those constructed in the same source",
    ),
    "kept": Command(
        "simulations.experiments.kept",
        "the requirement and success where the sparsity of a choice, or N of every M, is prescribed",
    ),
    "lueker": Command(
        "simulations.experiments.lueker",
        "the constants of Lueker's and da Cunha's theorems: between which numbers they lie",
    ),
    "laws": Command(
        "simulations.experiments.laws",
        "the requirement for other laws of the numbers and the signed alphabet, and for whole numbers",
    ),
}
