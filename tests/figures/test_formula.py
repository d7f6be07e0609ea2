"""Formulas are set as they are meant."""

import re
from xml.etree import ElementTree

import pytest

from figures.report.formula import asked, published, requirement
from theory.claim import Form
from theory.claims import LEDGER


def plain(markup):
    """The symbols of a formula one after another, what is not seen left out; a / b for fractions."""
    tree = ElementTree.fromstring(str(markup))

    def told(node):
        parts = [told(child) for child in node]
        if node.tag == "mfrac":
            return f"[{parts[0]}/{parts[1]}]"
        if node.tag == "msup":
            return f"{parts[0]}^{parts[1]}"
        if node.tag == "msqrt":
            return f"root[{''.join(parts)}]"
        return (node.text or "").strip("\u2061\u2062") + "".join(parts)

    return told(tree)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("C * log(1/min(delta, eps))", "n≥Clog([1/min(δ,ε)])"),
        ("C * log2(1/eps)**2", "n≥Clog2^2([1/ε])"),
        ("C * (1 - p) * (1 - (q - f))", "n≥C(1−p)(1−(q−f))"),
        ("C - (p + q)", "n≥C−(p+q)"),
        ("C + p - q", "n≥C+p−q"),
        ("C * (p + q)**2 / f", "n≥[C(p+q)^2/f]"),
        ("sqrt(2 * C) * exp(-1/C)", "n≥root[2C]exp([−1/C])"),
        ("C * 0.5", "n≥C0.5"),
        ("-C * f + max(p, q)", "n≥(−C)f+max(p,q)"),
    ],
)
def test_a_form_is_set_with_its_brackets_and_no_others(text, wanted):
    assert plain(requirement(Form(text))) == wanted


def test_the_constant_names_the_rates_that_it_may_depend_on():
    assert plain(published(LEDGER["A.3"])) == "n≥C(p,q)log([1/min(δ,ε)])"
    assert plain(published(LEDGER["2.1"])) == "n≥Clog([1/min(δ,ε)])"
    assert plain(asked(LEDGER["2.2"])) != plain(published(LEDGER["2.2"]))


def test_every_form_of_the_ledger_is_set_and_a_claim_without_one_is_empty():
    for claim in LEDGER.values():
        found = str(asked(claim))
        assert bool(found) == (claim.form is not None)
        if found:
            ElementTree.fromstring(found)
            for symbol, letter in (("eps", "ε"), ("delta", "δ"), ("C", "C")):
                assert (symbol in claim.standing.expression.symbols) == bool(re.search(f"<mi>{letter}</mi>", found))
