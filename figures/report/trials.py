"""What the report says of the published claims about searched tickets (:mod:`torch_backend.experiments`)."""

from pathlib import Path

from slt.core.places import committed
from torch_backend.experiments import EXPERIMENTS, tried

COLUMNS = ("", "claim", "where", "verdict here", "comparisons")


def trials(folder: Path | None) -> list[tuple[str, ...]]:
    """Return the cells of every claim that has rows: in ``folder``, or committed where that is None."""
    found: list[tuple[str, ...]] = []
    for experiment in EXPERIMENTS.values():
        places = [committed("torch_backend", name) if folder is None else folder / name for name in experiment.files]
        if not any(place.is_file() for place in places):
            continue
        each = tried(experiment, folder)
        upheld, contradicted, undecided = each.counts()
        counts = f"{upheld} upheld, {contradicted} contradicted, {undecided} undecided"
        found.append((experiment.key, experiment.claim, experiment.where, each.verdict, counts, each.sentence))
    return found
