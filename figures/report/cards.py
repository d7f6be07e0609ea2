"""The first screen: one card for each claim that the main job measures, and for the theorem on whole networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from figures.report import formula
from slt.core.store import Row
from theory.claim import Claim
from theory.claim_text import number
from theory.judgement import Judgement

SITES = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}


@dataclass(frozen=True)
class Card:
    """A claim in a few words. kind: what is frozen. where: paper and number. link: an address, or empty.

    asks: what it asks for. verdict: one word. bracket: between which constants the least one lies. why: one line.
    """

    kind: str
    where: str
    link: str
    asks: Markup
    verdict: str
    bracket: str
    why: str


def cards(lemmas: Sequence[dict[str, Any]], rows: Sequence[Row], theorems: Sequence[dict[str, str]]) -> list[Card]:
    """Return a card for each judged lemma (:func:`figures.report.claims.judged`) and for each refuted theorem."""
    found = [_card(lemma, rows) for lemma in lemmas]
    found += [
        Card(
            "network",
            f"{theorem['paper']}, {theorem['number']}",
            address(theorem["link"]),
            escape(_sentence(theorem["says"])),
            theorem["verdict"],
            _sentence(theorem["short"]),
            theorem["why"],
        )
        for theorem in theorems
        if theorem["verdict"] == "refuted"
    ]
    return found


def _card(lemma: dict[str, Any], rows: Sequence[Row]) -> Card:
    claim: Claim = lemma["claim"]
    found = lemma["found"]
    return Card(
        claim.title,
        f"{claim.paper}, {claim.number.partition(' (')[0]}",
        address(claim.link),
        formula.asked(claim),
        lemma["verdict"],
        bracket(claim, found.standing, rows),
        _why(claim, lemma["verdict"], found.standing),
    )


def bracket(claim: Claim, stands: Judgement | None, rows: Sequence[Row]) -> str:
    """Say between which constants the least one lies with which the form that stands is enough.

    rows: of the main job; each proves that the form fails with a constant up to its ``constant_refuted_to``.
    """
    own = [row["constant_refuted_to"] for row in rows if row["claim"] == claim.key and row["reading"] == claim.reading]
    low = max((value for value in own if value is not None), default=None)
    high = None if stands is None else stands.constant
    where = ""
    if stands is not None and stands.constant_half is not None and (high is None or stands.constant_half < 0.99 * high):
        high, where = stands.constant_half, " where min(δ, ε) ≤ 1/2"
    if low is None or high is None:
        return "No constant is known"
    return f"Least C between {number(float(f'{low:.3g}'))} and {number(float(f'{high:.3g}'))}{where}"


def _why(claim: Claim, verdict: str, stands: Judgement | None) -> str:
    if claim.corrected is not None and verdict == "corrected":
        return f"As published it is refuted: {claim.corrected.trouble}. Shown is the corrected form."
    reason = "it is not judged" if stands is None else stands.reason
    return _sentence(reason)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def address(link: str) -> str:
    """Return the address of "arXiv:..", "doi:.." or an https address; empty for anything else.

    >>> address("arXiv:2402.14029"), address("Random Structures & Algorithms 24")
    ('https://arxiv.org/abs/2402.14029', '')
    """
    kind, _, rest = link.partition(":")
    return SITES[kind] + rest if kind in SITES else link if kind in ("https", "http") else ""
