"""The claims of the literature, each a TOML file beside this one.

:data:`LEDGER` holds all of them by key. :data:`CLAIMS` are the subset-sum lemmas of Otsuka et al. 2024, which the main
job measures: 2.1, 2.2, A.2 and A.3. Theorems 2.3 = A.1 and 3.3 = A.4 (widths of whole networks) rest on these lemmas
and are judged by experiments (docs/existence.md, docs/obstruction.md).
"""

from collections.abc import Mapping
from importlib.resources import as_file, files

from theory.claim import Claim, read_claim

MAIN = ("2.1", "2.2", "A.2", "A.3")


def _ledger() -> dict[str, Claim]:
    with as_file(files(__name__)) as folder:
        claims = [read_claim(path) for path in sorted(folder.glob("*.toml"))]
    found = {claim.key: claim for claim in claims}
    if len(found) < len(claims):
        raise ValueError("two claims have the same key")
    return {key: found[key] for key in (*MAIN, *(key for key in found if key not in MAIN))}


LEDGER: Mapping[str, Claim] = _ledger()
CLAIMS: tuple[Claim, ...] = tuple(LEDGER[key] for key in MAIN)
