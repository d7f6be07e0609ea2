"""The tables of what noticed which mutant, and of what benchmarks/mutation.py tried."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from slt.core.files import write_atomically
from tests.mutants.mutant import Mutant

TABLE = Path(__file__).with_name("results.csv")
COLUMNS = ("file", "mutant", "digest", "noticed by")
FORMULAS = TABLE.parents[1] / "survivors" / "results.csv"
COUNTS = ("mutants", "tried", "killed", "harmless", "left")


def rows() -> list[dict[str, str]]:
    """Return the table's rows."""
    return list(csv.DictReader(StringIO(TABLE.read_text()))) if TABLE.exists() else []


def put(mutant: Mutant, noticed: str, listed: Sequence[Mutant]) -> None:
    """Write one mutant's row; rows of mutants that are listed no more are left out."""
    known = {(row["file"], row["mutant"]): row for row in rows()}
    values = (mutant.file, mutant.name, mutant.digest, noticed)
    known[mutant.file, mutant.name] = dict(zip(COLUMNS, values, strict=True))
    buffer = StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(known[one.file, one.name] for one in listed if (one.file, one.name) in known)
    write_atomically(TABLE, buffer.getvalue())


def table(listed: Sequence[Mutant]) -> str:
    """Return a Markdown table, a line for each file: how many faults are listed, tried, noticed, and do no harm."""
    known = {(row["file"], row["mutant"]): row["noticed by"] for row in rows()}
    lines = ["| file | faults | tried | noticed | survive, harmless |", "|---|---|---|---|---|"]
    for file in sorted({mutant.file for mutant in listed}):
        lines.append(_line(file, [mutant for mutant in listed if mutant.file == file], known))
    return "\n".join([*lines, _line("all", listed, known)]) + "\n"


def _line(title: str, faults: Sequence[Mutant], known: dict[tuple[str, str], str]) -> str:
    tried = [(fault, known[fault.file, fault.name]) for fault in faults if (fault.file, fault.name) in known]
    noticed = sum(bool(test) for _, test in tried)
    harmless = sum(not test and bool(fault.harmless) for fault, test in tried)
    return f"| {title} | {len(faults)} | {len(tried)} | {noticed} | {harmless} |"


def formulas() -> str:
    """Return a Markdown table of what ``python -m benchmarks.mutation`` tried, a line for each module."""
    tried = list(csv.DictReader(StringIO(FORMULAS.read_text())))
    lines = [f"| module | {' | '.join(COUNTS)} | tests |", f"|---{'|---' * len(COUNTS)}|---|"]
    for row in tried:
        limits = [f"tests up to {row['longest_test']} s"] * bool(row["longest_test"])
        limits += [f"{row['budget'].removesuffix('.0')} s a mutant"] * bool(row["budget"])
        lines.append(f"| {row['module']} | {' | '.join(row[name] for name in COUNTS)} | {', '.join(limits)} |")
    total = " | ".join(str(sum(int(row[name]) for row in tried)) for name in COUNTS)
    return "\n".join([*lines, f"| all | {total} | |"]) + "\n"
