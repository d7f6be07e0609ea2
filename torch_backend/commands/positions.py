"""Is the centre of the search interval best? ``slt positions``: one freezing ratio, several places.

At freezing ratio F and sparsity k the pruning ratio p = k - t (1 - F) puts k at the place t of its interval [p, 1 - q]:
near 0 almost all free weights are kept, near 1 almost none, at 1/2 the candidates are most.
"""

from collections.abc import Sequence

from slt.core import console
from slt.core.checks import open_unit
from slt.core.command import Parser
from torch_backend.commands.choices import add_choices, add_run_options, chosen_settings
from torch_backend.commands.search import run_all
from torch_backend.training.settings import RULES, Settings

PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)
ROUNDING = 1e-12  # a rate that is less than 0 by no more than this is 0


def main(argv: Sequence[str] | None = None) -> int:
    """Search at every place with both rules; print the table."""
    args = _parser().parse_args(argv)
    if (args.freeze, args.prune, args.lock) != (None, None, None):
        raise ValueError("positions takes --ratio and --places instead of --freeze, --prune and --lock")
    chosen: dict[str, Settings] = {}
    for settings in chosen_settings(args).values():
        for rule in RULES:
            for place in args.places:
                at = placed(settings, args.ratio, place).changed(rule=rule)
                chosen[f"{rule} F={args.ratio:g} t={place:g}"] = at
    run_all(chosen, args, console.Page(args.form))
    return 0


def placed(settings: Settings, freezing: float, place: float) -> Settings:
    """Return the settings with prune and lock such that the sparsity lies at ``place`` of its search interval.

    Raises ValueError when that needs a rate outside [0, 1].
    """
    place, freezing = open_unit("place", place), open_unit("ratio", freezing)
    prune = settings.sparsity - place * (1 - freezing)
    if not -ROUNDING <= prune <= freezing + ROUNDING:
        raise ValueError(
            f"sparsity {settings.sparsity:g} cannot lie at place {place:g} with a freezing ratio of {freezing:g}: "
            f"prune would be {prune:g} and lock {freezing - prune:g}"
        )
    prune = min(max(prune, 0.0), freezing)
    return settings.changed(prune=prune, lock=freezing - prune)


def _parser() -> Parser:
    p = Parser(prog="slt positions", description=__doc__)
    add_choices(p)
    p.add_argument("--ratio", type=float, default=0.8, help="the freezing ratio F")
    p.add_argument("--places", type=float, nargs="+", default=list(PLACES))
    add_run_options(p)
    return p
