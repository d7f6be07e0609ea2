"""The place of the sparsity in its search interval: the published formula, its inverse, and what the command runs."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_backend.commands import positions
from torch_backend.commands.positions import PLACES, placed
from torch_backend.training.settings import Settings

BASE = Settings("mlp", "mnist", sparsity=0.5)
cents = st.integers(1, 99)


@given(cents, cents, cents)
def test_the_sparsity_lies_at_the_asked_place_of_the_interval(sparsity, freezing, place):
    k, F, t = (Fraction(number, 100) for number in (sparsity, freezing, place))
    p = k - t * (1 - F)
    settings = Settings("mlp", "mnist", sparsity=sparsity / 100)
    if p < 0 or F - p < 0:
        with pytest.raises(ValueError, match="cannot lie at place"):
            placed(settings, freezing / 100, place / 100)
        return
    found = placed(settings, freezing / 100, place / 100)
    assert (found.prune, found.lock) == pytest.approx((float(p), float(F - p)), abs=1e-12)
    assert (min(found.prune, found.lock)) >= 0
    # the interval is [p, 1 - q]: the place is how far along it the sparsity lies
    assert (found.sparsity - found.prune) / (1 - found.lock - found.prune) == pytest.approx(place / 100)


@pytest.mark.parametrize(
    ("sparsity", "freezing", "place", "rates"),
    [
        (0.65, 0.3, 0.5, (0.3, 0.0)),
        (0.35, 0.3, 0.5, (0.0, 0.3)),
        (0.1, 0.8, 0.5, (0.0, 0.8)),
        (0.6, 0.2, 0.5, (0.2, 0.0)),
    ],
)
def test_a_rate_of_nothing_is_not_lost_to_rounding(sparsity, freezing, place, rates):
    found = placed(BASE.changed(sparsity=sparsity), freezing, place)
    assert (found.prune, found.lock) == pytest.approx(rates, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((0.5, 0.0), "place must lie strictly between 0 and 1"),
        ((0.5, 1.0), "place must lie strictly between 0 and 1"),
        ((0.0, 0.5), "ratio must lie strictly between 0 and 1"),
        ((1.0, 0.5), "ratio must lie strictly between 0 and 1"),
        ((0.2, 0.9), "prune would be -0.22 and lock 0.42"),
        ((0.2, 0.1), "prune would be 0.42 and lock -0.22"),
    ],
)
def test_a_place_that_cannot_be_is_one_line(arguments, line):
    with pytest.raises(ValueError, match=line) as refusal:
        placed(BASE, *arguments)
    assert "\n" not in str(refusal.value)


def test_the_command_runs_every_place_with_both_rules(monkeypatch):
    ran = {}
    monkeypatch.setattr(positions, "run_all", lambda chosen, args, page: ran.update(chosen))
    options = ["--model", "mlp", "--data-set", "mnist", "--sparsity", "0.5", "--ratio", "0.8"]
    assert positions.main(options) == 0
    assert len(ran) == 2 * len(PLACES) == 10
    for rule in ("epl", "erk"):
        for place in PLACES:
            found = ran[f"{rule} F=0.8 t={place:g}"]
            assert found.rule == rule
            assert found.prune == pytest.approx(0.5 - place * 0.2)
            assert found.prune + found.lock == pytest.approx(0.8)
    ran.clear()
    assert positions.main([*options, "--places", "0.25", "0.5"]) == 0
    assert [name.split("t=")[1] for name in ran] == ["0.25", "0.5"] * 2
    for more in (["--freeze", "0.5"], ["--prune", "0.1"], ["--lock", "0.1"]):
        with pytest.raises(ValueError, match="instead of --freeze, --prune and --lock"):
            positions.main([*options, *more])
