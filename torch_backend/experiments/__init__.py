"""The published claims about searched tickets, each tried here: plans, rows, paired analyses, verdicts.

:data:`EXPERIMENTS` holds a record for each claim by key (:mod:`torch_backend.experiments.record`); what was searched
for them stands in :mod:`torch_backend.experiments.plans`. Nothing here needs PyTorch but the searches.
"""

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

from torch_backend.experiments.record import Experiment, Found, read_record
from torch_backend.experiments.runs import all_rows, read, settings_of, told


def _records() -> dict[str, Experiment]:
    with as_file(files(__name__) / "claims") as folder:
        found = [read_record(path) for path in folder.glob("*.toml")]
    return {record.key: record for record in sorted(found, key=lambda record: int(record.key[1:]))}


EXPERIMENTS: Mapping[str, Experiment] = _records()


def tried(experiment: Experiment, folder: Path | None = None) -> Found:
    """Return what the rows say of a claim: those in ``folder`` where it has the files, else the committed ones."""
    rows = read(experiment.files, folder)
    searches = [row for row in all_rows(rows) if settings_of(row)]
    return Found(experiment.parts(rows), told(searches))
