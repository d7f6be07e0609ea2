"""Predicted width factors are ratios of the requirements, in both readings."""

from math import log

import pytest

from theory.estimate import estimated_n
from theory.factors import LAWS, width_factor
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n


@pytest.mark.long
def test_predictions_are_ratios_of_the_requirements():
    assert {law: width_factor(law, 0, 0) for law in LAWS} == dict.fromkeys(LAWS, 1)
    for law, needed in (("necessary", necessary_n), ("proven", sufficient_n)):
        expected = needed(0.1, 0.05, prune=0.4, lock=0.3) / needed(0.1, 0.05)
        assert width_factor(law, 0.4, 0.3, 0.1) == expected > 5
    assert width_factor("published", 0.6, 0) == pytest.approx(1 / log(1 / 0.6))
    assert width_factor("published", 0, 0.4) == width_factor("published", 0.25, 0.25) == 1
    # as much of it locked costs more than pruned
    for law in ("necessary", "estimated", "proven"):
        assert width_factor(law, 0, 0.4) > width_factor(law, 0.4, 0) > 1
    with pytest.raises(ValueError, match="law must be one of"):
        width_factor("measured", 0.1, 0.1)


@pytest.mark.long
def test_the_reading_is_that_of_the_requirements():
    expected = estimated_n(0.01, 0.05, prune=0.2, lock=0.3, reading="pointwise") / estimated_n(
        0.01, 0.05, reading="pointwise"
    )
    assert width_factor("estimated", 0.2, 0.3, reading="pointwise") == expected
    assert expected != width_factor("estimated", 0.2, 0.3)
