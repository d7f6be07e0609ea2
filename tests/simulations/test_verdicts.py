"""A row speaks against the proven bounds only when its whole interval does; a claim is judged by proof."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.lemmas import report, rows
from simulations.lemmas.bounded import Constant
from simulations.lemmas.settings import Settings
from simulations.lemmas.verdicts import CONSISTENT, CONTRADICTED, UNDECIDED, UNMEASURED, overall, verdict
from simulations.run.engines import Threads
from slt.cli.verify import report_run
from slt.core.command import REFUTED
from slt.core.console import Page
from slt.core.intervals import Crossing
from theory.claim import Claim, Form
from theory.claims import CLAIMS


@pytest.mark.parametrize(
    ("necessary", "measured", "sufficient", "expected"),
    [
        (5, Crossing(5, 6, 7), 7, CONSISTENT),
        (7, Crossing(5, 6, 7), 7, CONSISTENT),
        (8, Crossing(5, 6, 7), 9, CONTRADICTED),
        (1, Crossing(5, 6, 7), 5, CONSISTENT),
        (1, Crossing(5, 6, 7), 4, CONTRADICTED),
        (1, Crossing(5, None, None), 9, UNDECIDED),
        (1, Crossing(5, None, None), 4, CONTRADICTED),
        (9, Crossing(5, 6, None), 9, UNDECIDED),
    ],
)
def test_the_rule(necessary, measured, sufficient, expected):
    assert verdict(necessary, measured, sufficient) == expected


def test_a_grid_of_targets_cannot_contradict_what_is_necessary_for_all():
    assert verdict(8, Crossing(5, 6, 7), 9, all_targets=False) == UNDECIDED
    assert verdict(1, Crossing(5, 6, 7), 4, all_targets=False) == CONTRADICTED


@given(verdicts=st.lists(st.sampled_from([CONSISTENT, UNDECIDED, CONTRADICTED]), min_size=1))
def test_the_gravest_verdict_counts(verdicts):
    order = [CONSISTENT, UNDECIDED, CONTRADICTED]
    assert overall(verdicts) == max(verdicts, key=order.index)


def test_no_verdict_is_not_a_good_one():
    assert overall([]) == UNMEASURED


# a claim that is false: it asks for the same number of variables at every precision
TOY = Claim(
    key="toy", title="constant", paper="nobody", number="Lemma 0", reading="uniform", form=Form("C"), prunes=True,
    locks=True,
)  # fmt: skip


def test_agreement_with_our_bounds_upholds_no_claim():
    assert TOY.judged(0.2, 0.1).word == "refuted"
    assert [one.judged(0.2, 0.1).word for one in CLAIMS] == ["proven", "corrected", "proven", "proven"]


def printed_by(monkeypatch, capsys, claims, **settings):
    monkeypatch.setattr(rows, "CLAIMS", claims)
    monkeypatch.setattr(report, "over_precision", lambda *_: [])
    monkeypatch.setattr(report, "over_rates", lambda *_: [])
    code = report_run(Settings(**settings), Threads(1), claims, brief=True)
    return code, capsys.readouterr().out


def test_the_main_job_ends_with_1_on_a_refuted_claim_whose_rows_agree_with_the_bounds(monkeypatch, capsys):
    code, printed = printed_by(monkeypatch, capsys, (*CLAIMS, TOY), prune=0.2, lock=0.1, eps=(0.2,), trials=400)
    assert code == REFUTED
    assert "\n  Lemma toy (constant, nobody): refuted (no source is given)\n" in printed
    assert "Rows against the proven bounds: consistent" in printed


def test_a_refutation_that_is_known_is_shown_and_ends_with_0(monkeypatch, capsys):
    claims = (*CLAIMS, replace(TOY, known="refuted"))
    code, printed = printed_by(monkeypatch, capsys, claims, prune=0.2, lock=0.1, eps=(0.2,), trials=400)
    assert code == 0
    assert "\n  Lemma toy (constant, nobody): refuted (no source is given)\n" in printed


def test_lemmas_get_no_verdict_where_the_targets_are_others_than_theirs(monkeypatch, capsys):
    code, printed = printed_by(monkeypatch, capsys, CLAIMS, prune=0.2, lock=0.1, eps=(0.2,), trials=400, radius=1.5)
    assert code == 0
    assert "None on the lemmas: they speak of |z| <= 1, these rows of |z| <= 1.5." in printed
    assert "proven with" not in printed


sizes = st.integers(1, 500)


def made(eps, delta, prune, lock, found):
    necessary, estimated, sufficient = sorted(found)
    return Constant(eps, delta, prune, lock, necessary, estimated if delta >= 1e-3 else None, sufficient)


@given(
    alone=st.lists(st.tuples(sizes, sizes, sizes), min_size=1, max_size=5),
    together=st.lists(st.tuples(sizes, sizes, sizes), max_size=4),
)
def test_sentences_on_precision_follow_from_their_numbers(alone, together):
    rows_alone = [made(10.0 ** -(k + 1), 0.05, 0.4, 0.3, found) for k, found in enumerate(alone)]
    rows_together = [made(10.0 ** -(k + 2), 10.0 ** -(k + 2), 0.4, 0.3, found) for k, found in enumerate(together)]
    said = report.said_of_precision([*rows_alone, *rows_together])
    falls = "falls as eps shrinks" in said
    assert falls == (len(alone) > 1 and rows_alone[-1].constants[2] < rows_alone[0].constants[0])
    assert ("With eps = delta" in said) == bool(together)
    if together:
        low = min(row.constants[0] for row in rows_together)
        high = max(row.constants[2] for row in rows_together)
        assert f"between {low:.1f} and {high:.1f}" in said
    assert ("too rare" in said) == any(row.estimated is None for row in [*rows_alone, *rows_together])


@given(found=st.lists(st.tuples(st.floats(0.05, 0.9), st.booleans(), sizes), min_size=1, max_size=8))
def test_sentences_on_the_rates_call_flat_only_what_is(found):
    constants = [
        made(0.01, 0.05, *((0.0, frozen) if locked else (frozen, 0.0)), (n, n, n)) for frozen, locked, n in found
    ]
    said = report.said_of_rates(constants)
    for words, power, locked in (("Under pruning alone f C", 1, False), ("Under locking alone f^2 C", 2, True)):
        values = [c.free**power * c.constants[1] for c in constants if (c.lock > 0) == locked]
        assert (words in said) == (len(values) > 1)
        if len(values) > 1:
            flat = max(values) <= report.FLAT * min(values)
            assert f"{words} {'is flat' if flat else 'is not flat'}" in said


def test_a_row_says_which_constants_it_leaves_open():
    settings = Settings(prune=0.4, lock=0.3, eps=(0.01,))
    frozen = next(claim for claim in CLAIMS if claim.key == "A.3")
    low, high = (rows._constant(frozen, settings, 0.01, n) for n in (123, 240))
    assert report.left_open({"constant_refuted_to": low, "constant_proven_from": high}) == "26.7 to 52.1"
    assert frozen.form.sample_size(low * (1 - 1e-9), 0.01, 0.05, frozen.rates(0.4, 0.3)) < 123
    assert report.left_open({"constant_refuted_to": 1.0, "constant_proven_from": None}) == "1 to none"


def test_the_word_for_a_lemma_without_form_is_not_judged(capsys):
    silent = replace(TOY, form=None, unjudged="speaks of vectors")
    report.verdicts(Page(), Settings(prune=0.2, lock=0.1), [silent], [])
    assert "not judged" in capsys.readouterr().out
