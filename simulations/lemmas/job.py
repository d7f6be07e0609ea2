"""The main job: hold each subset-sum lemma against what is necessary, estimated, measured and sufficient."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulations.lemmas.rows import row_maker
from simulations.lemmas.settings import Settings
from simulations.run.units import Engine
from slt.core import console
from slt.core.store import Row, Store
from theory.claim import Claim
from theory.claims import CLAIMS


@dataclass
class Found:
    """What a run of the main job has found: its rows, and whether it was interrupted before the last of them."""

    rows: list[Row] = field(default_factory=list)
    interrupted: bool = False


def verify(
    settings: Settings,
    claims: tuple[Claim, ...] = CLAIMS,
    *,
    engine: Engine,
    store: Store,
    tell: Callable[[Claim, list[Row]], object] = lambda claim, rows: None,
) -> Found:
    """Measure every claim at every eps; return the rows in order.

    tell: gets each claim with its rows when they are finished. After Ctrl-C the rows finished so far are told and
    returned. Finished chunks of trials are kept in ``store``, and a later run goes on from them. What a lost cluster
    raises ends the run at once.
    """
    found = Found()
    make = row_maker(settings, store, engine)
    for claim in claims:
        first = len(found.rows)
        try:
            with console.progress(len(settings.eps), f"Lemma {claim.key}") as advance:
                for eps in settings.eps:
                    found.rows += make(claim, eps, advance)
        except KeyboardInterrupt:
            found.interrupted = True
        tell(claim, found.rows[first:])
        if found.interrupted:
            break
    return found
