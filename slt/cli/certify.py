"""Certificates of proven numbers for readers who trust nothing: ``slt certify --eps .01 --delta .05 --out c.json``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slt.cli.law import add_setting
from slt.core import console
from slt.core.command import Parser
from slt.core.files import check_writable, write_atomically
from slt.core.options import add_forms
from slt.core.store import Row

if TYPE_CHECKING:
    from theory.certificate import Setting

CHECKER = "examples/check_certificate.py"
COLUMNS = ("<claim", "n", "printed", "<note")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the certificates of the necessary and the sufficient number of one setting, and say what they prove."""
    args = parser().parse_args(argv)
    check_writable(args.out)
    from theory.certificate import setting_of

    setting = setting_of(
        args.eps, args.delta, prune=args.prune, lock=args.lock, radius=args.radius, reading=args.reading
    )
    found = write(args.out, setting)
    if all(row["n"] is None for row in found):
        raise ValueError("; ".join(row["note"] for row in found))
    page = console.Page(args.form)
    rows = [(row["claim"], row["n"], row["printed"], row["note"]) for row in found]
    page.print(console.table(f"Certificates in {args.out}", COLUMNS, rows))
    page.print(f"Check them with any Python: python {CHECKER} {args.out}")
    page.result(found)
    return 0


def write(path: str | Path, setting: "Setting") -> list[dict[str, Any]]:
    """Write the certificates of a setting to ``path``; return what each proves, n None where there is none.

    Nothing is written where there is no certificate at all.
    """
    from theory.arguments import NoBound
    from theory.certificate import necessary_certificate, sufficient_certificate

    rows: list[dict[str, Any]] = []
    records = []
    for claim, find in {"necessary": necessary_certificate, "sufficient": sufficient_certificate}.items():
        try:
            found = find(setting)
        except NoBound as error:
            rows.append({"claim": claim, "n": None, "printed": None, "note": f"no certificate: {error}"})
            continue
        records.append(found.record())
        note = (
            "" if found.n == found.printed else "weaker than the printed number: the certificate proves this one only"
        )
        rows.append({"claim": claim, "n": found.n, "printed": found.printed, "note": note})
    if records:
        write_atomically(path, json.dumps(records, separators=(",", ":")) + "\n")
    return rows


def write_all(folder: str | Path, rows: Sequence[Row]) -> str:
    """Write the certificates of all rows of the main job to ``folder``; return how many prove the printed numbers."""
    from theory.certificate import setting_of

    proven = []
    with console.progress(len(rows), "Certificates") as tick:
        for row in rows:
            law = {name: row[name] for name in ("prune", "lock", "radius", "reading")}
            name = f"{row['claim']}-{row['reading']}-{row['eps']!r}.json"
            proven += write(Path(folder) / name, setting_of(row["eps"], row["delta"], **law))
            tick(1)
    same = sum(found["n"] is not None and found["n"] == found["printed"] for found in proven)
    return f"{same} of {len(proven)} printed numbers have certificates in {folder}: python {CHECKER} {folder}/*.json"


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(
        prog="slt certify",
        description="Write certificates that so many random numbers are necessary, and that so many suffice. A script "
        "of 200 lines checks them that shares no code with this program.",
    )
    p.add_argument("--eps", type=float, default=0.01, help="precision, in (0, 1) (default 0.01)")
    p.add_argument("--delta", type=float, default=0.05, help="allowed failure probability (default 0.05)")
    add_setting(p)
    p.add_argument("--out", metavar="FILE", required=True, help="the file to write")
    add_forms(p)
    return p
