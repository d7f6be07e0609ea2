"""The published lemmas as one tuple, :data:`CLAIMS`, that the command line, the tests and the docs walk through.

Theorems 2.3 = A.1 and 3.3 = A.4 (widths of whole networks) rest on these lemmas and are not among them.
"""

from slt.core.registry import named
from theory.claim import Claim

# a claim is one file and one line here
CLAIMS: tuple[Claim, ...] = (
    named("theory.lueker1998:CLAIM"),
    named("theory.gadhikar2023:CLAIM"),
    named("theory.otsuka2024:LOCKED"),
    named("theory.otsuka2024:FROZEN"),
)
