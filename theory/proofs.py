"""Verdicts that rest on a proof of their own, about statements of the ledger that no form of ours expresses."""

from collections.abc import Callable, Mapping

from theory import natale2024
from theory.judgement import Judgement

Proof = Callable[[], tuple[Judgement, Judgement | None]]  # of the statement as quoted, and of its correction

PROOFS: Mapping[str, Proof] = {
    "Natale 2024, Cor. 1": natale2024.corollary_1,
    "Natale 2024, Cor. 2": natale2024.corollary_2,
}


def proof_of(key: str) -> str:
    """Return the name of the function that proves the verdict on this claim; empty where there is none."""
    found = PROOFS.get(key)
    return "" if found is None else f"{found.__module__}.{found.__name__}"
