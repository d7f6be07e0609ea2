"""Put the report together: a template, a style sheet and a script from the files beside this one, in one page."""

import base64
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

from figures.all import FIGURES
from figures.report import claims
from figures.report.pictures import Picture, pictures
from slt.core.command import Parser
from slt.core.files import check_apart, check_writable, write_atomically

HERE = Path(__file__).parent


def page(drawn: Sequence[Picture]) -> str:
    """Return the report as HTML; the same text for the same results on the same versions."""
    import jinja2
    import matplotlib

    from slt.core.versions import versions
    from theory.steps import check_steps

    result = claims.load()
    settings = result["settings"]
    script = (HERE / "page.js").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        pictures=drawn,
        files=files(drawn),
        lemmas=claims.judged(result["rows"], claims.rows_of("constants.jsonl")),
        theorems=claims.theorems(claims.rows_of("sweep.jsonl"), claims.rows_of("hole.jsonl")),
        columns=claims.COLUMNS,
        ledger=claims.ledger(settings["prune"], settings["lock"]),
        ledger_columns=claims.LEDGER_COLUMNS,
        steps=check_steps(settings["prune"], settings["lock"]),
        settings=settings,
        command=result["command"],
        made_with=result["versions"],
        versions=versions() | {"matplotlib": matplotlib.__version__, "jinja2": jinja2.__version__},
        style=Markup((HERE / "page.css").read_text("utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(sha256(script.encode()).digest()).decode(),
    )


def files(drawn: Sequence[Picture]) -> list[dict[str, Any]]:
    """Return path, digest and figures of every result file, in order of first use."""
    found = {path: digest for picture in drawn for path, digest in picture.files}
    return [
        {"path": path, "digest": digest, "figures": [p.name for p in drawn if (path, digest) in p.files]}
        for path, digest in found.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report of all figures; print the path of the file; return 0.

    Raises OSError when it cannot be written, ValueError when it would be written over a result.
    """
    parser = Parser(prog="slt report", description="Write the report, one page that needs no network.")
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="file to write (default report.html)")
    args = parser.parse_args(argv)
    check_writable(args.out)  # now rather than after the work
    check_apart(
        {"--out": [args.out], "a result that is drawn": [path for figure in FIGURES for path in figure.results]}
    )
    write_atomically(args.out, page(pictures(FIGURES)))
    print(args.out)  # noqa: T201
    return 0
