"""Confidence limits against their definition, and the interval of the smallest n against simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from slt.core.intervals import (
    clopper_pearson,
    lower_limit,
    mean_interval,
    paired_interval,
    smallest_n,
    up_to,
    upper_limit,
)


@given(trials=st.integers(1, 400), data=st.data(), confidence=st.sampled_from([0.9, 0.95, 0.99]))
def test_clopper_pearson_equals_scipy(trials, data, confidence):
    successes = data.draw(st.integers(0, trials))
    expected = binomtest(successes, trials).proportion_ci(confidence, method="exact")
    received = clopper_pearson(successes, trials, confidence)
    assert received.lower == pytest.approx(expected.low, abs=1e-12)
    assert received.upper == pytest.approx(expected.high, abs=1e-12)
    assert received.lower <= received.value <= received.upper
    assert received.trials == trials


@given(trials=st.integers(1, 300), data=st.data(), alpha=st.sampled_from([0.05, 1e-3, 1e-6]))
def test_limits_invert_the_binomial_tail(trials, data, alpha):
    successes = data.draw(st.integers(1, trials))
    assert binom.sf(successes - 1, trials, lower_limit(successes, trials, alpha)) == pytest.approx(alpha, rel=1e-6)
    failures = trials - successes
    if failures:
        assert binom.cdf(successes, trials, upper_limit(successes, trials, alpha)) == pytest.approx(alpha, rel=1e-6)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 10), (11, 10), (0, 0)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(ValueError, match="successes must lie in 0..trials"):
        clopper_pearson(successes, trials)


def test_smallest_n_of_a_clear_step():
    crossing = smallest_n([0, 0, 0, 1000, 1000], 1000, target=0.95, confidence=0.99)
    assert (crossing.lower, crossing.value, crossing.upper) == (3, 3, 3)


def test_smallest_n_is_zero_when_nothing_is_needed():
    crossing = smallest_n([1000, 900, 1000], 1000, target=0.95, confidence=0.99)
    assert (crossing.lower, crossing.value) == (0, 0)
    assert crossing.upper == 2  # n = 1 may be below the target, so only n = 2 is shown from above


def test_smallest_n_says_when_the_range_does_not_tell():
    crossing = smallest_n([0, 10, 20], 1000, target=0.95, confidence=0.99)
    assert (crossing.lower, crossing.value, crossing.upper) == (3, None, None)
    undecided = smallest_n([0, 950], 1000, target=0.95, confidence=0.99)
    assert (undecided.lower, undecided.value, undecided.upper) == (1, 1, None)


def test_one_bad_target_column_is_enough_to_exclude():
    counts = np.array([[1000, 0], [1000, 500], [1000, 1000]])
    crossing = smallest_n(counts, 1000, target=0.95, confidence=0.99)
    assert (crossing.lower, crossing.value, crossing.upper) == (2, 2, 2)


def test_a_fluke_below_the_target_does_not_move_the_upper_end():
    # n = 1 looks reached, but n = 2 does not: walking down from n_max stops above it
    crossing = smallest_n([0, 1000, 0, 1000], 1000, target=0.95, confidence=0.99)
    assert crossing.upper == 3
    assert crossing.lower == 1


@pytest.mark.parametrize("shared", [True, False])
def test_the_interval_covers_the_true_n_as_often_as_it_says(shared):
    # success probabilities that creep past the target, so that many n are close calls
    probability = 1 - 0.2 * np.exp(-np.arange(60) / 20)
    truth = int(np.argmax(probability >= 0.95))
    repeats, trials, confidence = 2000, 500, 0.9
    rng = np.random.default_rng(1)
    if shared:  # the same trials at every n, as along a curve
        counts = [(np.sort(rng.random(trials)).searchsorted(probability)) for _ in range(repeats)]
    else:
        counts = list(rng.binomial(trials, probability, size=(repeats, 60)))
    crossings = [smallest_n(row, trials, 0.95, confidence) for row in counts]
    too_high = sum(c.lower > truth for c in crossings)
    too_low = sum(c.upper is not None and c.upper < truth for c in crossings)
    worst = binom.ppf(1 - 1e-6, repeats, (1 - confidence) / 2)
    assert too_high <= worst
    assert too_low <= worst
    if shared:  # and it is not empty caution: the test at n* itself errs about as often as allowed
        assert too_high >= repeats * (1 - confidence) / 2 / 3


def test_intervals_that_hold_together_are_wider_and_paired_ones_drop_what_is_shared():
    a, b = [0.5, 0.52, 0.55], [0.4, 0.45, 0.41]
    one, many = paired_interval(a, b), paired_interval(a, b, 10)
    assert one.value == many.value == pytest.approx(np.mean(a) - np.mean(b))
    assert many.lower < one.lower < one.upper < many.upper
    assert one == mean_interval([x - y for x, y in zip(a, b, strict=True)])
    shift = [0.2, -0.1, 0.05]  # what a seed does to both
    moved = paired_interval(
        [x + s for x, s in zip(a, shift, strict=True)], [y + s for y, s in zip(b, shift, strict=True)]
    )
    assert (moved.lower, moved.upper) == pytest.approx((one.lower, one.upper))
    with pytest.raises(ValueError, match="shorter|longer"):
        paired_interval(a, b[:2])
    with pytest.raises(ValueError, match="among must be at least 1"):
        paired_interval(a, b, 0)


@pytest.mark.parametrize("shared", [0.0, 0.95])
def test_paired_intervals_hold_together_as_often_as_they_say(shared):
    """Eight differences of normal accuracies, which one reference joins: all intervals cover at once."""
    rng, trials, among = np.random.default_rng(4), 1500, 8
    truth = np.linspace(-1, 1, among)
    missed = 0
    for _ in range(trials):
        reference = rng.normal(size=5)
        others = truth[:, None] + shared * reference + rng.normal(size=(among, 5))
        found = [paired_interval(list(ours), list(shared * reference), among, 0.9) for ours in others]
        missed += any(not each.lower <= value <= each.upper for each, value in zip(found, truth, strict=True))
    assert missed / trials < 0.1 + 4 * (0.1 * 0.9 / trials) ** 0.5
    assert missed / trials > 0.04  # and it is no empty caution


def test_an_end_that_was_not_found_is_beyond_the_last_n():
    row = {"lower": 9, "value": 12, "upper": None, "n_max": 64}
    assert (str(up_to(row)), up_to(row).parts) == ("12 [9, > 64]", ("12", "9", "> 64"))
    assert up_to({**row, "upper": 14}) == "12 [9, 14]"
    assert up_to({**row, "value": None}, "?") == "? [9, > 64]"
