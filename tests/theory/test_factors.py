"""Predicted width factors are ratios of the requirements, in both readings."""

from math import log

import pytest

from slt.core.laws import Uniform
from subsetsum import covers
from theory.estimate import estimated_n
from theory.factors import LAWS, scaled, width_factor
from theory.law_necessary import law_necessary_n
from theory.law_sufficient import law_sufficient_n
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


@pytest.mark.parametrize(("bound", "eps"), [(0.5, 0.02), (0.25, 0.1), (0.1, 0.001)])
def test_a_layers_factor_is_that_of_the_uniform_law_of_its_bound(bound, eps):
    """Numbers uniform on [-b, b] for targets |w| <= 1, bounded by other code: the same ratio."""
    law = Uniform(bound)
    for name, needed in (("necessary", law_necessary_n), ("proven", law_sufficient_n)):
        expected = needed(eps, 0.05, law=law, prune=0.2, lock=0.3) / needed(eps, 0.05, law=law)
        assert width_factor(name, 0.2, 0.3, eps, radius=1 / bound) == expected


def test_the_estimated_factor_falls_with_the_radius_where_something_is_locked():
    estimate = [width_factor("estimated", 0.2, 0.3, 0.1, radius=radius) for radius in (1, 5, 20)]
    assert estimate[0] > 1.2 * estimate[1] > 1.4 * estimate[2]
    expected = estimated_n(0.5, 0.05, prune=0.2, lock=0.3, radius=5) / estimated_n(0.5, 0.05, radius=5)
    assert estimate[1] == expected


@pytest.mark.parametrize("precision", [0.5, 0.7, 0.99])
def test_from_one_half_on_only_radius_less_precision_counts(precision):
    """The identity behind ``scaled``: decided exactly, draw by draw."""
    given = {"prune": 0.2, "lock": 0.3, "seed": 4, "jobs": 1}
    found = covers(30, precision, 500, radius=3 + precision, **given)
    assert 50 < found.sum() < 450
    assert (found == covers(30, 0.5, 500, radius=3.5, **given)).mean() == 1


def test_what_is_asked_at_a_radius_is_said_and_bad_radii_are_refused():
    assert scaled(0.1, 5) == (0.5, 5)
    assert scaled(0.1, 10) == (0.5, 9.5)
    precision, radius = scaled(0.9, 1000)
    assert (precision, radius) == (0.5, pytest.approx(100.5))
    assert width_factor("necessary", 0, 0.3, 0.1, radius=10) < width_factor("necessary", 0, 0.3, 0.1, radius=5)
    for eps, radius in ((1.0, 2.0), (0.1, 0.0), (0.1, 1001.0), (0.0, 1.0)):
        with pytest.raises(ValueError, match="eps|radius"):
            width_factor("estimated", 0.1, 0.1, eps, radius=radius)
    with pytest.raises(ValueError, match="published forms"):
        width_factor("published", 0.1, 0.1, radius=2.0)
