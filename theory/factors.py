"""How much wider a frozen source must be than a dense one, as the requirements of theory say.

The existence theorem replaces every target neuron by n(p, q) source neurons, n the requirement of the random subset
sum, so a frozen source is predicted to need the width factor n(p, q)/n(0, 0) of a dense one. The network's p and q are
taken for those of every layer. (The rule EPL gives small layers less: in the MLP and the GIN of the experiments nearly
all frozen weights lie in the first layer, which has more than nine tenths of all weights.) Radius 1.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from slt.core.checks import one_of
from slt.core.rates import searchable
from theory.claims import CLAIMS
from theory.estimate import estimated_n
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

EPS, DELTA = 0.01, 0.05
OTHER_EPS = (0.1, 0.001)  # between which predictions are said to vary

_REQUIREMENTS: Mapping[str, Callable[..., int]] = MappingProxyType(
    {"necessary": necessary_n, "estimated": estimated_n, "proven": sufficient_n}
)
LAWS = (*_REQUIREMENTS, "published")


@lru_cache(maxsize=512)
def width_factor(
    law: str, prune: float, lock: float, eps: float = EPS, delta: float = DELTA, reading: str = "uniform"
) -> float:
    """Return n(prune, lock) / n(0, 0) by one of :data:`LAWS`, a prediction; a ratio of two bounds is no bound.

    necessary, estimated, proven: of theory.necessary, theory.estimate and theory.sufficient. published: the lemmas' own
    forms with one C for all of them, the only reading in which they say a number: a pruned source follows Lemma 2.2,
    log(1/min(delta, eps)) / log(1/prune) in units of C, any other Lemmas 2.1, A.2 and A.3, log(1/min(delta, eps)). So
    it is 1 whenever something is locked, and 1/log(1/prune), below 1 up to prune = 1/e, when nothing is. (The lemmas
    let C depend on p and q in a way that is not given.)
    Raises ValueError for an unknown law or where nothing is free.

    >>> [width_factor("published", p, q) for p, q in ((0, 0), (0.4, 0.3))], round(width_factor("published", 0.4, 0), 3)
    ([1.0, 1.0], 1.091)
    """
    law, rates = one_of("law", law, LAWS), searchable(prune, lock)
    prune, lock = rates.prune, rates.lock
    if law != "published":
        needed = _REQUIREMENTS[law]
        return needed(eps, delta, prune=prune, lock=lock, reading=reading) / needed(eps, delta, reading=reading)
    claims = {claim.key: claim for claim in CLAIMS}
    dense, frozen = claims["2.1"], claims["A.3" if lock > 0 else "2.2" if prune > 0 else "2.1"]
    return frozen.factor(prune, lock, eps, delta) / dense.factor(0, 0, eps, delta)
