"""The main job: hold each subset-sum lemma against what is necessary, estimated, measured and sufficient."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain

from simulations.lemmas.curves import Curves
from simulations.lemmas.kept_rows import KeptMaker
from simulations.lemmas.law_rows import LawMaker
from simulations.lemmas.rows import Maker
from simulations.lemmas.settings import Settings
from simulations.run.units import Engine
from slt.core import console
from slt.core.store import Row, Store
from theory.claim import Claim
from theory.claims import CLAIMS

PATIENCE = 0.5  # seconds between two looks at what is measured


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
    meanwhile: Iterable[object] = (),
) -> Found:
    """Measure every claim at every eps; return the rows in order.

    The engine gets all curves as soon as theory has fixed them; this thread does the theory, and then goes through
    ``meanwhile``, as far as it comes before the last curve is measured.
    tell: gets each claim with its rows when they are finished. After Ctrl-C the rows finished so far are told and
    returned. Finished chunks of trials are kept in ``store``, and a later run goes on from them. What a lost cluster
    raises ends the run at once.
    """
    found = Found()
    with Curves(seed=settings.seed, store=store, engine=engine) as curves:
        maker = _maker(settings, curves)
        work = chain(maker.work(claims), meanwhile)
        for claim in claims:
            first = len(found.rows)
            try:
                what = f"Lemma {claim.key}" if settings.names_lemmas else f"Rates of {claim.key}"
                with console.progress(len(settings.eps), what) as advance:
                    for eps in settings.eps:
                        shown = 0.0
                        while (share := maker.share(claim, eps)) < 1:
                            advance(share - shown)
                            shown = share
                            if next(work, curves) is curves:  # nothing else is left to do
                                curves.wait(PATIENCE)
                        advance(share - shown)
                        found.rows += maker.make(claim, eps)
            except KeyboardInterrupt:
                found.interrupted = True
            tell(claim, found.rows[first:])
            if found.interrupted:
                break
    return found


def _maker(settings: Settings, curves: Curves) -> Maker | LawMaker:
    """Return what makes the rows of these numbers and choices."""
    if settings.names_lemmas:
        return Maker(settings, curves)
    return (LawMaker if settings.kept is None else KeptMaker)(settings, curves)
