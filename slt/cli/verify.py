"""``slt verify``, the main job: hold the subset-sum lemmas with frozen variables against measurement."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slt.cli.certify import write_all
from slt.cli.law import add_kept, add_numbers
from slt.core import console
from slt.core.checks import one_of
from slt.core.command import INTERRUPTED, Parser, explained
from slt.core.command import REFUTED as EXIT_REFUTED
from slt.core.console import JSON
from slt.core.files import check_apart, check_writable, make_folder, store_files
from slt.core.options import add_fields, add_forms
from slt.core.store import Row, Store, export_csv, export_json

if TYPE_CHECKING:
    from simulations.lemmas.settings import Settings
    from simulations.run.units import Engine
    from theory.claim import Claim


def parser(prog: str = "slt verify") -> Parser:
    """Return the argument parser of the main job."""
    from simulations.lemmas.settings import KEPT, NUMBERS, Settings
    from simulations.run.engines import add_engine_options

    p = Parser(
        prog=prog,
        description="How many random numbers are needed so that subset sums hit every target when some are pruned "
        "(never used) and some locked (always used)? For each lemma of the literature: what is necessary (proven), "
        "estimated, measured (with an interval) and sufficient (proven), and whether the lemma stands.",
        epilog="Exit code: 0; 1 when a lemma is refuted, no correction is proven and its file does not say so, or when "
        "a measured interval lies outside the proven bounds; 2 bad input, or a machine that refuses something; "
        "70 a fault of the program; 130 interrupted.",
    )
    add_fields(p, Settings, leave_out=(*NUMBERS, *KEPT))
    add_kept(p)
    add_numbers(p)
    p.add_argument("--jobs", type=int, help="threads (default: all cores); results do not depend on it")
    p.add_argument(
        "--lemma",
        nargs="+",
        metavar="KEY",
        help="only these lemmas, such as A.3 (default: all); of another law, a sparsity or N:M only the rates that "
        "they speak of",
    )
    p.add_argument("--brief", action="store_true", help="show the tables and the verdicts alone")
    add_forms(p, json_file=True)
    p.add_argument(
        "--out",
        metavar="DIR",
        help="write rows as CSV, JSON and a figure to DIR (replacing those there); keep finished trials for a resume",
    )
    p.add_argument("--certify", metavar="DIR", help="write certificates of all proven numbers to DIR (see slt certify)")
    p.add_argument("--no-cache", action="store_true", help="compute anew what earlier runs have found (in ~/.cache)")
    p.add_argument("--trial", type=int, metavar="I", help="show draw I instead: its numbers and what they cover")
    p.add_argument("--n", type=int, help="with --trial: number of variables (default: the estimated requirement)")
    add_engine_options(p)
    return p


def main(argv: Sequence[str] | None = None, prog: str = "slt verify") -> int:
    """Parse ``argv`` and run the main job; return the exit code. prog: the command's name."""
    from simulations.lemmas.settings import Settings
    from simulations.run.engines import open_engine
    from slt.core.cache import opened

    args = parser(prog).parse_args(argv)
    if args.trial is None and args.n is not None:
        raise ValueError("--n needs --trial")
    claims = chosen(args.lemma)
    form, json_file = (JSON, None) if args.json is True else (args.form, args.json)
    if args.trial is not None and (args.json is not None or args.out is not None or args.certify is not None):
        raise ValueError("--trial shows one draw and writes nothing: leave out --json, --out and --certify")
    settings = Settings(**{name: getattr(args, name) for name in Settings.__dataclass_fields__})
    if args.trial is not None:
        from simulations.lemmas import replay

        return replay.show_trial(settings, args.trial, args.n, form)
    named = {"--json": json_file, "--scheduler-file": args.scheduler_file}
    check_apart({name: [path] for name, path in named.items() if path is not None})
    with open_engine(args, args.jobs) as engine, opened(not args.no_cache):
        wanted = {"json_file": json_file, "out_dir": args.out, "certify": args.certify}
        return report_run(settings, engine, claims, **wanted, form=form, brief=args.brief)


def chosen(keys: Sequence[str] | None) -> "tuple[Claim, ...]":
    """Return the claims of these keys in the usual order, all by default; raise ValueError for an unknown key."""
    from theory.claims import CLAIMS

    for key in keys or ():
        one_of("lemma", key, tuple(claim.key for claim in CLAIMS))
    return tuple(claim for claim in CLAIMS if keys is None or claim.key in keys)


def report_run(
    settings: "Settings",
    engine: "Engine",
    claims: "tuple[Claim, ...]",
    *,
    json_file: str | None = None,
    out_dir: str | None = None,
    certify: str | None = None,
    form: str = "text",
    brief: bool = False,
) -> int:
    """Run the main job, print each lemma's table as it is finished, write what was asked for; return the exit code.

    After Ctrl-C the rows finished so far are shown and written, and the exit code is 130. With ``out_dir`` finished
    chunks of trials are kept in runs.sqlite there, and the same command goes on where it stopped. What a lost cluster
    raises ends the run at once; then the chunks are all that is kept. A figure that cannot be drawn is one line on
    standard error, and the exit code stays that of the verdicts.
    """
    from simulations.lemmas import law_report, report
    from simulations.lemmas.forecast import announce, announce_kept, announce_law, conclusions
    from simulations.lemmas.job import verify
    from simulations.lemmas.measure import Rated
    from simulations.lemmas.settings import command, recorded
    from simulations.lemmas.verdicts import CONTRADICTED, overall
    from slt.core.versions import versions

    folder = None if out_dir is None else Path(out_dir)
    check_outputs(json_file, folder)  # now rather than after the work
    if certify is not None:
        if not settings.names_lemmas:
            raise ValueError("--certify is for numbers uniform on [-1, 1] and choices of any size")
        make_folder(certify)
    rates = dict.fromkeys(claim.rates(settings.prune, settings.lock) for claim in claims)
    concludes = not brief and form == "text"
    if not settings.names_lemmas:  # rates are asked about, no lemmas: each of them once
        claims = tuple(
            next(claim for claim in claims if claim.rates(settings.prune, settings.lock) == each) for each in rates
        )
        (announce_law if settings.kept is None else announce_kept)(settings, rates, jobs=engine.jobs)
    else:
        laws = [(settings.rated(each), eps) for each in rates for eps in settings.eps]
        own = Rated(prune=settings.prune, lock=settings.lock, radius=settings.radius)
        after = conclusions(own) if concludes else 0.0
        announce(laws, settings.delta, trials=settings.trials, jobs=engine.jobs, after=after)
    page = console.Page(form)

    def tell(claim: "Claim", rows: list[Row]) -> None:
        if claim is claims[0]:
            report.header(page, settings)  # after the first work, so that bad input prints its one line only
        if not settings.names_lemmas:
            law_report.law_table(page, rows)
        else:
            report.requirement_table(page, claim, rows)

    with Store(folder / "runs.sqlite") if folder else Store() as store:
        meanwhile = report.ahead(settings, claims) if concludes and settings.names_lemmas else ()
        found = verify(settings, claims, engine=engine, store=store, tell=tell, meanwhile=meanwhile)
    if found.interrupted:
        page.note("Interrupted: the rows above are finished, the others are missing.")
    result = {"settings": recorded(settings), "versions": versions(), "command": command(settings), "rows": found.rows}
    if json_file is not None:
        export_json(json_file, result)
    if folder:
        export_csv(folder / "requirement.csv", found.rows)
        export_json(folder / "requirement.json", result)
        draw(found.rows, folder, settings.confidence)
    if found.interrupted:
        return INTERRUPTED
    page.result(result)
    if certify is not None:
        page.note(write_all(certify, found.rows))
    contradicted = overall([row["verdict"] for row in found.rows]) == CONTRADICTED
    if not settings.names_lemmas:
        (law_report.law_conclusions if concludes else law_report.law_verdicts)(page, settings, found.rows)
        return EXIT_REFUTED if contradicted else 0
    if concludes:
        report.conclusions(page, settings, claims, found.rows)  # after the rows are safe: it takes a while
    else:
        report.verdicts(page, settings, claims, found.rows)
    refuted = any(claim.newly_refuted(verdict) for claim, verdict in report.judged(settings, claims).items())
    return EXIT_REFUTED if contradicted or refuted else 0


def check_outputs(json_file: str | None, folder: Path | None) -> None:
    """Make the folder; raise OSError where a file could not be written, ValueError where two would be one."""
    files: dict[str, list[Path]] = {}
    if folder is not None:
        make_folder(folder)
        files["a file in --out"] = [folder / f"requirement.{kind}" for kind in ("csv", "json", "png", "svg")]
        files["the run store in --out"] = store_files(folder / "runs.sqlite")
    if json_file is not None:
        files["--json"] = [Path(json_file)]
    for path in [*files.get("--json", []), *files.get("a file in --out", [])]:
        check_writable(path)
    check_apart(files)


def draw(rows: Sequence[Row], folder: Path, confidence: float) -> None:
    """Draw the rows into ``folder``; where that fails, say so on standard error and keep to the verdicts.

    Rows at which no number of variables suffices have nothing to be drawn.
    """
    rows = [row for row in rows if row["necessary"] is not None]
    if not rows:
        return
    try:
        from figures import requirement

        requirement.render(rows, folder, confidence=confidence)
    except Exception as error:
        explained(error, "no figure")
