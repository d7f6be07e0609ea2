"""Put the report together: a template, style sheets and scripts from the files beside this one, in one page."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from math import log10
from pathlib import Path
from typing import Any

from markupsafe import Markup

from figures.record import relative
from figures.report import claims, explorer
from figures.report.cards import address, cards
from figures.report.formula import asked
from figures.report.formula import published as published_form
from figures.report.pictures import Picture, digest_of, pictures
from figures.report.results import Results, of_run, published
from figures.report.trials import COLUMNS as TRIAL_COLUMNS
from figures.report.trials import trials
from slt.core.command import Parser
from slt.core.files import check_apart, check_writable, write_atomically

HERE = Path(__file__).parent
FIRST = "requirement"  # the figure of the first screen
USUAL = {"prune": 0.4, "lock": 0.3}  # rates at which the ledger is judged where no main job says others
CITATION = {
    "title": "slt-verify: how wide must a random network be to contain a strong lottery ticket when part of it is "
    "frozen?",
    "author": "The slt-verify authors",
}
CONTROLS = (  # name, label, value; the range is that of the grid
    ("p", "pruned share p", 0.4),
    ("q", "locked share q", 0.2),
    ("eps", "precision eps", 0.01),
    ("delta", "failure probability delta", 0.05),
)


def page(drawn: Sequence[Picture], results: Results | None = None, *, day: date | None = None) -> str:
    """Return the report as HTML; the same text for the same results, day and versions.

    results: by default the committed ones. day: the date that it bears, by default none.
    """
    import jinja2
    import matplotlib

    from slt.core.versions import versions
    from theory.steps import check_steps

    results = results or published()
    main = results.main
    settings = main["settings"] if main else USUAL
    lemmas = claims.judged(main["rows"], results.rows("constants.jsonl")) if main and results.names_lemmas else []
    if results.own:
        lemmas = [lemma for lemma in lemmas if lemma["table"]]
    theorems = claims.theorems(results.rows("sweep.jsonl"), results.rows("hole.jsonl"))
    explored = _explorer()
    scripts = ("page.js", "explorer.js") if explored else ("page.js",)
    script = "\n".join((HERE / name).read_text("utf-8") for name in scripts)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"address": address, "published": published_form, "standing": asked}
    known = versions()
    return environment.get_template("page.html").render(
        results=results,
        first=next((picture for picture in drawn if picture.name == FIRST), None),
        pictures=[picture for picture in drawn if picture.name != FIRST],
        files=files(drawn),
        cards=cards(lemmas, main["rows"] if main else [], theorems),
        lemmas=lemmas,
        theorems=theorems,
        columns=claims.COLUMNS,
        other_columns=claims.OTHER_COLUMNS,
        citation=CITATION,
        other=claims.other_laws(main["rows"]) if main and not results.names_lemmas else None,
        ledger=claims.ledger(settings["prune"], settings["lock"]),
        ledger_columns=claims.LEDGER_COLUMNS,
        trials=trials(results.folder),
        trial_columns=TRIAL_COLUMNS,
        steps=check_steps(settings["prune"], settings["lock"]),
        settings=settings,
        explorer=explored,
        command=main["command"] if main else None,
        made_with=main["versions"] if main else {},
        versions=known | {"matplotlib": matplotlib.__version__, "jinja2": jinja2.__version__},
        version=known["slt-verify"],
        day=day,
        style=Markup("\n".join((HERE / name).read_text("utf-8") for name in ("page.css", "explorer.css"))),
        script=Markup(script),
        script_hash=base64.b64encode(sha256(script.encode()).digest()).decode(),
    )


def _explorer() -> dict[str, Any] | None:
    """Return what the explorer shows; None where its rows are not committed."""
    if not explorer.RESULT.is_file():
        return None
    rows = explorer.rows()
    grid = explorer.table(rows)
    most = (grid.steps - 1) / grid.steps
    controls = []
    for name, label, value in CONTROLS:
        # sliders move p and q by the steps of the grid, eps and delta by a tenth of their logarithm to base ten
        low, high, step = ("0", f"{most:g}", f"{1 / grid.steps:g}")
        if name in ("eps", "delta"):
            falling = grid.eps if name == "eps" else grid.delta
            low, high, step = f"{log10(falling[-1]):.6g}", f"{log10(falling[0]):.6g}", "any"
        controls.append({"name": name, "label": label, "value": value, "low": low, "high": high, "step": step})
    return {
        "controls": controls,
        "steps": grid.steps,
        "points": len(grid.cells()) * len(grid.eps) * len(grid.delta),
        "errors": explorer.errors(grid, rows),
        "command": explorer.COMMAND,
        "file": relative(explorer.RESULT),
        "digest": digest_of(explorer.RESULT),
        "data": Markup(json.dumps(grid.embedded(), separators=(",", ":")).replace("<", "\\u003c")),
    }


def files(drawn: Sequence[Picture]) -> list[dict[str, Any]]:
    """Return path, digest and figures of every result file, in order of first use."""
    found = {path: digest for picture in drawn for path, digest in picture.files}
    return [
        {"path": path, "digest": digest, "figures": [p.name for p in drawn if (path, digest) in p.files]}
        for path, digest in found.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; print the path of the file; return 0.

    Raises OSError when a file cannot be read or written, ValueError when the report would be written over a result or
    nothing in --results can be shown.
    """
    parser = Parser(
        prog="slt report",
        description="Write the report, one page that needs no network: claims with their verdicts, and figures.",
    )
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="file to write (default report.html)")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="show your own run: what slt verify --out DIR (or --json FILE) wrote, and other rows in that folder that "
        "are named like the committed ones (default: the committed results)",
    )
    args = parser.parse_args(argv)
    check_writable(args.out)  # now rather than after the work
    results = published() if args.results is None else of_run(args.results)
    read = [path for _, paths in results.pictures for path in paths]
    check_apart({"--out": [args.out], "a result that is drawn": read})
    drawn = pictures(results.pictures, own=results.own)
    write_atomically(args.out, page(drawn, results, day=datetime.now(UTC).date()))
    print(args.out)  # noqa: T201
    return 0
