"""A verdict speaks against a claim only when the whole interval does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.lemmas import report, rows
from simulations.lemmas.settings import Settings
from simulations.lemmas.verdicts import (
    CORRECTED,
    OPEN,
    REFUTED,
    UNDECIDED,
    UNMEASURED,
    UPHELD,
    overall,
    standing,
    verdict,
)
from simulations.run.engines import Threads
from slt.cli.verify import report_run
from slt.core.intervals import Crossing
from theory.claim import Claim, Form
from theory.claims import CLAIMS


@pytest.mark.parametrize(
    ("necessary", "measured", "sufficient", "expected"),
    [
        (5, Crossing(5, 6, 7), 7, UPHELD),
        (7, Crossing(5, 6, 7), 7, UPHELD),
        (8, Crossing(5, 6, 7), 9, REFUTED),
        (1, Crossing(5, 6, 7), 5, UPHELD),
        (1, Crossing(5, 6, 7), 4, REFUTED),
        (1, Crossing(5, None, None), 9, UNDECIDED),
        (1, Crossing(5, None, None), 4, REFUTED),
        (9, Crossing(5, 6, None), 9, UNDECIDED),
    ],
)
def test_the_rule(necessary, measured, sufficient, expected):
    assert verdict(necessary, measured, sufficient) == expected


def test_a_grid_of_targets_cannot_refute_what_is_necessary_for_all():
    assert verdict(8, Crossing(5, 6, 7), 9, all_targets=False) == UNDECIDED
    assert verdict(1, Crossing(5, 6, 7), 4, all_targets=False) == REFUTED


def test_a_corrected_claim_can_still_be_refuted():
    assert verdict(3, Crossing(5, 6, 7), 9, standing=CORRECTED) == CORRECTED
    assert verdict(8, Crossing(5, 6, 7), 9, standing=CORRECTED) == REFUTED


@given(verdicts=st.lists(st.sampled_from([UPHELD, CORRECTED, OPEN, UNDECIDED, REFUTED]), min_size=1))
def test_the_gravest_verdict_counts(verdicts):
    order = [UPHELD, CORRECTED, OPEN, UNDECIDED, REFUTED]
    assert overall(verdicts) == max(verdicts, key=order.index)


def test_no_verdict_is_not_a_good_one():
    assert overall([]) == UNMEASURED


# a claim that is false: it asks for the same number of variables at every precision
TOY = Claim(
    key="toy",
    title="constant",
    paper="nobody",
    number="Lemma 0",
    reading="uniform",
    hypotheses="none",
    statement="a constant number of variables suffices",
    prunes=True,
    locks=True,
    form=Form("n >= C", lambda C, eps, delta, rates: C, lambda n, eps, delta, rates: n),
)


def test_agreement_with_our_bounds_alone_upholds_no_claim():
    assert standing(TOY) == OPEN
    assert verdict(5, Crossing(5, 6, 7), 7, standing=standing(TOY)) == OPEN
    assert verdict(8, Crossing(5, 6, 7), 9, standing=standing(TOY)) == REFUTED
    assert {one.key: standing(one) for one in CLAIMS} == {"2.1": UPHELD, "2.2": CORRECTED, "A.2": UPHELD, "A.3": UPHELD}
    assert standing(replace(CLAIMS[-1], proven_constant=None)) == OPEN


def test_the_main_job_calls_a_claim_without_a_proof_open_and_gives_it_no_note_of_another_lemma(monkeypatch, capsys):
    monkeypatch.setattr(rows, "CLAIMS", (*CLAIMS, TOY))
    monkeypatch.setattr(report, "over_precision", lambda *_: [])
    monkeypatch.setattr(report, "over_rates", lambda *_: [])
    settings = Settings(prune=0.2, lock=0.1, eps=(0.2,), trials=400)
    assert report_run(settings, Threads(1), (*CLAIMS, TOY)) == 0
    printed = capsys.readouterr().out
    assert "\n  Lemma toy (constant, nobody): open\n" in printed
    assert "open: the measured interval agrees with the proven bounds, but these do not prove" in printed
