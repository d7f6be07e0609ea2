"""Claims on what freezing saves: time, memory, bytes of the file. Their rows are counted and timed, not searched."""

from collections.abc import Mapping, Sequence

from slt.core.store import Row
from torch_backend.experiments.record import SHARE, TIMES, Part, Quantity
from torch_backend.experiments.runs import By, all_rows, paired

Files = Mapping[str, Sequence[Row]]
LESS_TIME = 5.0  # per cent of a step's time that are called a saving
NEARLY = 0.99  # of what the formula says, from where on it is called right
HEADER = 100  # bytes by which a header may grow
PUBLISHED = {"gin-arxiv, F = 0.2": 40.3}  # times smaller than trained weights


def training(files: Files) -> list[Part]:
    """E10: time of a step and memory of scores, gradients and optimiser, frozen against dense."""
    rows = all_rows(files)
    time, memory = [], []
    for model in dict.fromkeys(row["model"] for row in rows):
        of = [row for row in rows if row["model"] == model]
        dense = {row["seed"]: row for row in of if not row["freezing"]}
        for F in sorted({row["freezing"] for row in of} - {0}):
            frozen = {row["seed"]: row for row in of if row["freezing"] == F}
            what = f"{model}, F = {F:g}"
            values = paired(_of(frozen, "cpu_seconds"), _of(dense, "cpu_seconds"), lambda a, b: 100 * (1 - a / b))
            time.append(Quantity(what, values, LESS_TIME, SHARE))
            saved = {100 * (1 - frozen[seed]["bytes"] / dense[seed]["bytes"]) for seed in frozen.keys() & dense.keys()}
            memory += [Quantity(what, (each,), 100 * NEARLY * F, SHARE, exact=True) for each in saved]
    return [
        Part("time of a step saved", f"more than {LESS_TIME:g} % saved", tuple(time)),
        Part("memory of scores, gradients, optimiser saved", "F saved, within 1 %", tuple(memory)),
    ]


def _of(rows: Mapping[int, Row], name: str) -> By:
    return {seed: row[name] for seed, row in rows.items()}


def file_sizes(files: Files) -> list[Part]:
    """E11: how many times smaller than the dense source's ticket, and than trained weights, files are."""
    rows = {row["preset"]: row for row in all_rows(files)}
    dense, trained = [], []
    for name, row in rows.items():
        family, F = row["family"], row["freezing"]
        if F:
            other = rows[f"{family}-dense"]
            wanted = NEARLY / (1 - F)
            ratio = other["file_bytes"] / row["file_bytes"]
            dense.append(Quantity(f"{name}: {1 / (1 - F):.2f} by the formula", (ratio,), wanted, TIMES, exact=True))
        if name in PUBLISHED:
            ratio = row["trained_bytes"] / row["file_bytes"]
            text = f"{name}: {PUBLISHED[name]:g} published"
            trained.append(Quantity(text, (ratio,), NEARLY * PUBLISHED[name], TIMES, exact=True))
    return [
        Part("file of the dense source's ticket, for one of the frozen one's", "1/(1 - F), within 1 %", tuple(dense)),
        Part("file of the trained GIN, for one of the ticket", "40.3, within 1 %", tuple(trained)),
    ]


def mask(files: Files) -> list[Part]:
    """E12: what a freezing mask costs when it is regenerated, and when it is stored."""
    rows = {row["preset"]: row for row in all_rows(files)}
    grown, stored = [], []
    for name, row in rows.items():
        if row["freezing"]:
            extra = row["header_bytes"] - rows[f"{row['family']}-dense"]["header_bytes"]
            grown.append(Quantity(name, (-extra,), -HEADER, "bytes", exact=True))
            share = 100 * (row["free"] + row["mask_bits"]) / row["weights"]
            stored.append(Quantity(name, (share,), 100.0, SHARE, exact=True))
    return [
        Part(
            "mask regenerated: header, dense less frozen", f"the header grows by at most {HEADER} bytes", tuple(grown)
        ),
        Part(
            "mask stored and entropy-coded: mask and ticket, in % of the dense ticket",
            "no smaller than that",
            tuple(stored),
        ),
    ]
