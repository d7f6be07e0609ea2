"""A verdict speaks against a claim only when the whole interval does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.intervals import Crossing
from simulations.verdicts import CORRECTED, REFUTED, UNDECIDED, UPHELD, overall, verdict


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
    assert verdict(3, Crossing(5, 6, 7), 9, corrected=True) == CORRECTED
    assert verdict(8, Crossing(5, 6, 7), 9, corrected=True) == REFUTED


@given(verdicts=st.lists(st.sampled_from([UPHELD, CORRECTED, UNDECIDED, REFUTED]), min_size=1))
def test_the_gravest_verdict_counts(verdicts):
    order = [UPHELD, CORRECTED, UNDECIDED, REFUTED]
    assert overall(verdicts) == max(verdicts, key=order.index)
