"""What takes long is announced before the work, and what cannot be drawn is refused before it."""

import pytest

from simulations.experiments.price import main
from simulations.lemmas.forecast import announce, conclusions, foreseen_n
from simulations.lemmas.measure import Rated
from theory.estimate import estimated_n

USUAL = Rated(prune=0.4, lock=0.3, radius=1.0)


def test_the_defaults_are_not_announced(capsys):
    announce([(USUAL, eps) for eps in (0.1, 0.01, 0.001)], 0.05, trials=None, jobs=1)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("law", "trials"),
    [({"radius": 500.0}, None), ({"lock": 0.55}, 10**8), ({"lock": 0.58, "prune": 0.4}, None), ({}, 10**9)],
)
def test_long_runs_are_announced_in_one_line_on_standard_error(law, trials, capsys):
    announce([(USUAL | law, 0.01)], 0.05, trials=trials, jobs=2, after=conclusions(USUAL | law))
    out, error = capsys.readouterr()
    assert out == ""
    assert len(error.splitlines()) == 1
    assert any(unit in error for unit in ("min", " h", "days"))
    assert "B, for some" in error


@pytest.mark.parametrize("rates", [{"lock": 0.9999}, {"prune": 0.699, "lock": 0.3}, {"prune": 1 - 2e-6}])
def test_what_cannot_be_drawn_is_refused_at_once(rates):
    law = Rated(prune=0.0, lock=0.0, radius=1.0) | rates
    with pytest.raises(ValueError, match="more than can be drawn"):
        foreseen_n(0.01, 0.05, law)
    with pytest.raises(ValueError, match="more than can be drawn"):
        main(
            [word for name, value in rates.items() for word in (f"--{name}", str(value))]
            + ["--prune", "0"] * ("prune" not in rates)
            + ["--lock", "0"] * ("lock" not in rates)
        )


@pytest.mark.parametrize("rates", [{"lock": 0.3}, {"prune": 0.4, "lock": 0.5}, {"radius": 100.0}])
def test_the_number_foreseen_is_near_the_estimate(rates):
    law = Rated(prune=0.0, lock=0.0, radius=20.0) | rates
    assert foreseen_n(0.01, 0.05, law) == pytest.approx(estimated_n(0.01, 0.05, draws=500, **law), rel=0.1)


def test_what_follows_the_measurements_is_part_of_the_forecast(capsys):
    """At radius 500 the dense lemma's rows are quick, and the report's tables of other rates are not."""
    wide = Rated(prune=0.4, lock=0.3, radius=500.0)
    dense = [(Rated(prune=0.0, lock=0.0, radius=500.0), 0.1)]
    announce(dense, 0.05, trials=50, jobs=1)
    assert capsys.readouterr().err == ""
    announce(dense, 0.05, trials=50, jobs=1, after=conclusions(wide))
    assert capsys.readouterr().err.startswith("Ahead: very roughly ")
    assert conclusions(Rated(prune=0.4, lock=0.3, radius=1.0)) < 20
