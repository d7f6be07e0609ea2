"""Rows of searches, from whatever command: read, chosen by their settings, paired by seed, and told in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from slt.core.places import committed
from slt.core.store import Row, read_jsonl
from torch_backend.experiments.record import Quantity

CLOSE = 1e-6  # settings that differ by less are the same number, written by another command
# settings that older rows lack, with what they were run with
LATER = {"size": 0, "depth": 0, "features": "raw", "norms": "affine"}
DATA = {"mnist": "MNIST", "cora": "Cora", "citeseer": "CiteSeer", "pages": "page-page graph", "cifar10": "CIFAR-10"}
MODELS = {
    "mlp": "MLP", "gin": "GIN", "conv6": "Conv6", "resnet18": "ResNet-18", "lstm": "LSTM",
    "transformer": "transformer",
}  # fmt: skip

By = dict[int, float]  # a number for each seed


def read(names: Iterable[str], folder: Path | None = None) -> dict[str, list[Row]]:
    """Return the rows of files by name: from ``folder`` where it has the file, else the committed ones.

    A file that is nowhere has no rows yet. Raises ValueError for a damaged file.
    """
    found = {}
    for name in names:
        own = None if folder is None else folder / name
        path = own if own is not None and own.is_file() else committed("torch_backend", name)
        found[name] = read_jsonl(path) if path.is_file() else []
    return found


def settings_of(row: Row) -> dict[str, Any]:
    """Return the settings of a search; empty for a row that is none. Those of a jackpot lie deeper."""
    settings: dict[str, Any] = row.get("settings", {})
    return settings.get("settings", settings)


def setting(row: Row, name: str) -> Any:
    """Return a setting of a row, or what the row itself says under this name."""
    settings = settings_of(row)
    return settings[name] if name in settings else row.get(name, LATER.get(name))


def chosen(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows with these settings; ``own_NAME`` asks for what the row itself says under NAME."""
    return [row for row in rows if all(_same(_of(row, name), value) for name, value in wanted.items())]


def _of(row: Row, name: str) -> Any:
    return row.get(name.removeprefix("own_")) if name.startswith("own_") else setting(row, name)


def _same(found: Any, wanted: Any) -> bool:
    numbers = isinstance(wanted, int | float) and isinstance(found, int | float) and not isinstance(wanted, bool)
    return abs(found - wanted) <= CLOSE if numbers else bool(found == wanted)


def by_seed(rows: Iterable[Row], name: str = "test") -> By:
    """Return a number of each row by seed. Raises ValueError when two rows of a seed differ in it."""
    found: By = {}
    for row in rows:
        if found.setdefault(row["seed"], row[name]) != row[name]:
            raise ValueError(f"two rows with seed {row['seed']} differ in {name}: {found[row['seed']]}, {row[name]}")
    return found


def paired(a: By, b: By, of: Callable[[float, float], float] = lambda a, b: 100 * (a - b)) -> tuple[float, ...]:
    """Return ``of(a, b)`` for every seed that both have, by default the difference in points, rising in the seed.

    >>> paired({0: 0.5, 1: 0.75}, {1: 0.5, 2: 0.5})
    (25.0,)
    """
    return tuple(of(a[seed], b[seed]) for seed in sorted(a.keys() & b.keys()))


def ratio(a: float, b: float) -> float:
    """Return a for one of b."""
    return a / b


def mean_by_seed(numbers: Sequence[By]) -> tuple[float, ...]:
    """Return the mean of several numbers for every seed that has them all, rising in the seed.

    >>> mean_by_seed([{0: 1.0, 1: 2.0}, {1: 4.0}])
    (3.0,)
    """
    seeds = set.intersection(*(set(each) for each in numbers)) if numbers else set()
    return tuple(fmean(each[seed] for each in numbers) for seed in sorted(seeds))


def difference(label: str, a: Iterable[Row], b: Iterable[Row], above: float = 0.0) -> list[Quantity]:
    """Return the difference of test accuracies in points as a quantity; none where no seed has both."""
    values = paired(by_seed(a), by_seed(b))
    return [Quantity(label, values, above)] if values else []


def told(rows: Iterable[Row]) -> str:
    """Say in which settings rows were run: models, widths, data, images, epochs, seeds.

    >>> one = {"model": "mlp", "data_set": "mnist", "width": 0.16, "images": 0, "epochs": 5}
    >>> told([{"seed": 0, "settings": one}, {"seed": 1, "settings": one}])
    'MLP x 0.16, MNIST, 5 epochs, 2 seeds'
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(setting(row, name) for name in ("model", "data_set", "images", "epochs")), []).append(
            row
        )
    return "; ".join(_told(key, group) for key, group in groups.items())


def _told(key: tuple[Any, ...], rows: Sequence[Row]) -> str:
    model, data, images, epochs = key
    widths = sorted({setting(row, "width") for row in rows})
    wide = "" if widths == [1] else f" x {widths[0]:.3g}" + (f" to {widths[-1]:.3g}" if len(widths) > 1 else "")
    fewer = f" ({images:,} images)" if images else ""
    count = len({row["seed"] for row in rows})
    seeds = f"{count} seed{'s' * (count > 1)}"
    return f"{MODELS.get(model, model)}{wide}, {DATA.get(data, data)}{fewer}, {epochs} epochs, {seeds}"


def all_rows(files: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return the rows of all files."""
    return [row for rows in files.values() for row in rows]
