"""Numbers for which no n suffices: each of the three reasons against exact laws and draws, and what is said of them."""

import json
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from slt.cli import dispatch
from slt.core.command import run
from slt.core.laws import Constant, Mixture, Normal, Own, Product, Uniform
from subsetsum import covers
from theory.law_model import SCAN_LIMIT, model
from theory.law_necessary import law_failure_at_least, law_necessary_n
from theory.law_never import drift_limit, never_covered, off_lattice, why_never
from theory.law_requirement import law_requirement, law_success
from theory.models import halves, one_sign, pitch

POSITIVE = Own((0.25, 0.5, 1.0))
MOSTLY = Own((-0.25, 0.5, 1.0))


def mirrored(law):
    return Own(tuple(-x for x in law.values))


def missed(law, prune, lock, signed, radius, eps, most):
    """P(the least sum stays above -radius + eps) at n = 0 .. most, by convolution of whole quarters."""
    steps = [round(4 * x) for x in law.values]
    term = {0: prune}
    for k in steps:
        free = abs(k) if signed else max(-k, 0)
        for value, weight in ((-k, lock), (free, 1 - prune - lock)):
            term[value] = term.get(value, 0.0) + weight / len(steps)
    far = max(map(abs, term))
    one = np.zeros(2 * far + 1)
    for value, weight in term.items():
        one[far + value] += weight
    whole, found = np.ones(1), []
    for n in range(most + 1):
        sums = np.arange(-far * n, far * n + 1)
        found.append(float(whole[sums / 4 < radius - eps].sum()))
        whole = np.convolve(whole, one)
    return np.array(found)


def test_numbers_are_the_decimals_that_are_written():
    assert pitch(Own((0.1, 0.2, -0.7))) == Fraction(1, 10)
    assert pitch(Mixture(((0.5, Constant(0.3)), (0.5, Own((0.45, -0.15)))))) == Fraction(3, 20)
    assert off_lattice(Own((0.1, 0.2, -0.7)), 0.049)
    assert not off_lattice(Own((0.1, 0.2, -0.7)), 0.05)
    assert not off_lattice(Own((0.1, 0.2, -0.7, 0.00001)), 0.02)
    n, eps = 12, 0.045
    assert not covers(n, eps, 200, law=Own((0.1, 0.2, -0.7))).any()


def test_signs_and_halves_of_laws():
    assert one_sign(Product(POSITIVE, mirrored(POSITIVE))) == -1
    assert one_sign(Product(POSITIVE, Normal())) == 0
    assert one_sign(Mixture(((0.5, POSITIVE), (0.5, Own((0.0, 3.0)))))) == 1
    assert one_sign(Mixture(((0.5, POSITIVE), (0.5, Uniform())))) == 0
    each = [x * y for x, y in product(POSITIVE.values, MOSTLY.values)]
    up, down = np.maximum(each, 0), np.maximum(np.negative(each), 0)
    for power in (1, 2, 4):
        assert halves(Product(POSITIVE, MOSTLY), power) == pytest.approx((np.mean(up**power), np.mean(down**power)))
    mixed = halves(Mixture(((0.25, POSITIVE), (0.75, Normal(2.0)))), 2)
    assert mixed == pytest.approx((0.25 * 1.3125 / 3 + 0.75 * 2, 0.75 * 2))


@pytest.mark.parametrize("law", [POSITIVE, mirrored(POSITIVE)], ids=["positive", "negative"])
def test_numbers_of_one_sign_never_serve_the_other_side(law):
    assert never_covered(law, 0.3)
    assert not never_covered(law, 0.3, signed=True)
    assert not never_covered(law, 1.0 - 1e-9, radius=0.5)
    for rates in ({}, {"prune": 0.4, "lock": 0.3}):
        assert law_necessary_n(0.3, 0.5, law=law, **rates) is None
        assert law_failure_at_least(40, 0.3, law=law, **rates, reading="pointwise") == 1
        assert law_success(0.3, n=40, law=law, **rates).upper == 0
        assert not any(covers(n, 0.3, 100, law=law, **rates).any() for n in (1, 10, 60))
    assert covers(20, 0.3, 100, law=law, signed=True).all()
    word = "negative, so no sum comes near the targets below 0" if law is POSITIVE else "positive"
    assert word in law_requirement(0.3, 0.5, law=law).notes["necessary"]


# (law, prune, lock, signed): the locked numbers carry the sums away, or just as far as the free ones reach
AWAY = [
    (MOSTLY, 0.4, 0.3, False),
    (MOSTLY, 0.0, 0.6, True),
    (POSITIVE, 0.4, 0.3, True),
    (POSITIVE, 0.0, 0.7, True),
    (Own((-0.25, -0.25, 0.5, 1.0, -0.25)), 0.5, 0.3, False),
    (Own((-0.5, -0.5, 1.5)), 0.0, 2 / 3, False),  # just as far: 2/3 * 1/6 = 1/3 * 1/3
    (Own((-0.5, 0.75)), 0.0, 0.8, False),
]


@pytest.mark.parametrize(("law", "prune", "lock", "signed"), AWAY)
@pytest.mark.parametrize("delta", [0.01, 0.05, 0.2, 0.45])
def test_drift_carries_sums_away_for_every_larger_n(law, prune, lock, signed, delta):
    eps = 0.4
    for numbers in (law, mirrored(law)):
        limit = drift_limit(model(numbers, prune, lock, 1.0, signed), eps, delta)
        if limit is None:
            assert delta > 1 / 12
            assert law.values[:2] == (-0.5, -0.5)  # nothing but the fourth moment speaks of it
            continue
        assert limit >= 1
        exact = missed(law, prune, lock, signed, 1.0, eps, min(limit, 400) + 200)
        assert (exact[limit:] > delta).all()
        assert (
            law_necessary_n(eps, delta, law=numbers, signed=signed, prune=prune, lock=lock) is None
            or (exact[:limit] <= delta).any()
        )


def test_drift_says_nothing_where_free_numbers_are_stronger():
    for law, prune, lock, signed in ((MOSTLY, 0.0, 0.1, False), (MOSTLY, 0.4, 0.0, False), (POSITIVE, 0.0, 0.45, True)):
        assert drift_limit(model(law, prune, lock, 1.0, signed), 0.4, 0.2) is None
        assert why_never(model(law, prune, lock, 1.0, signed), 0.4, 0.2) is None
        assert missed(law, prune, lock, signed, 1.0, 0.4, 400)[-1] < 0.2
    assert drift_limit(model(Normal(), 0.0, 0.9, 1.0, False), 0.4, 0.01) is None


def test_a_large_delta_leaves_few_numbers_that_may_suffice():
    law, lock, delta = Own((-1.0, 1.25)), 0.9, 0.8
    limit = drift_limit(model(law, 0.0, lock, 1.0, False), 0.9, delta)
    exact = missed(law, 0.0, lock, False, 1.0, 0.9, limit + 100)
    assert (exact[limit:] > delta).all()
    assert (exact[:limit] <= delta).any()


def ask(*words):
    return run(dispatch, list(words), "slt")


@pytest.fixture
def file(tmp_path):
    def made(text):
        (tmp_path / "own.txt").write_text(text)
        return f"file {tmp_path / 'own.txt'}"

    return made


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("0.11 0.235 0.37 0.0123", [], "no number is negative, so no sum comes near the targets below 0"),
        ("0.1 0.2 0.3 -0.5", ["--lock", "0.3"], "all sums are multiples of 0.1"),
        ("0.1 0.2 0.3 0.5", ["--signed"], "all sums are multiples of 0.1"),
        ("0.11 0.235 0.37 -0.0123", ["--prune", "0.4", "--lock", "0.3"], "locked ones move all sums away"),
        ("0.11 0.235 0.37 0.0123", ["--prune", "0.4", "--lock", "0.3", "--signed"], "locked ones move all sums away"),
    ],
)
def test_the_command_says_why_no_number_suffices(text, options, reason, file, capsys):
    assert ask("n", "--law", file(text), "--eps", "0.02", *options) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert reason in shown
    assert shown.count("no n ever suffices") == 1
    assert shown.count("for the same reason") == 2
    assert str(SCAN_LIMIT) not in shown


def test_what_was_not_found_is_no_number(monkeypatch, capsys):
    for module in ("law_necessary", "law_requirement"):
        monkeypatch.setattr(f"theory.{module}.SCAN_LIMIT", 40)
    assert ask("n", "--law", "normal 0.02", "--signed", "--eps", "0.1") == 0
    shown = capsys.readouterr().out
    assert "not found: every n up to 40 is proven to fail more often than 0.05" in shown
    assert "necessary   -" in shown


def test_the_main_job_measures_what_never_suffices(file, tmp_path, capsys):
    law = file("0.11 0.235 0.37 0.0123")
    told = ["--lemma", "2.1", "--eps", "0.1", "--trials", "200", "--json", str(tmp_path / "r.json")]
    assert ask("verify", "--law", law, *told) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "no number is negative, so no sum is. The target z = -1 is 1 away from all of them" in shown
    assert "in 0 of 2 rows did any of at least 200 trials succeed" in shown
    for row in json.loads((tmp_path / "r.json").read_text())["rows"]:
        assert (row["necessary"], row["successes"], row["verdict"]) == (None, 0, "consistent")


def test_the_main_job_with_drift_may_see_single_successes(file, tmp_path, capsys):
    law = file("0.5 -0.25 0.75")
    told = [
        "--prune",
        "0",
        "--lock",
        "0.6",
        "--lemma",
        "A.2",
        "--eps",
        "0.4",
        "--trials",
        "500",
        "--json",
        str(tmp_path / "r.json"),
    ]
    assert ask("verify", "--law", law, *told, "--json", str(tmp_path / "r.json")) == 0
    assert "locked ones move all sums away" in " ".join(capsys.readouterr().out.split())
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert all((row["necessary"], row["verdict"]) == (None, "consistent") for row in rows)
    assert max(row["successes"] for row in rows) > 0


@pytest.mark.parametrize("delta", [0.05, 0.08])
def test_without_drift_fourth_moments_say_from_which_n_on_a_target_is_missed(delta):
    asked = model(Own((1.0, 1.0, 1.0, -1.0)), 0.4, 0.2, 1.0, False)  # .2 (.75 - .25) = .4 * .25
    n = drift_limit(asked, 0.1, delta)
    kurtosis = 8 / 0.3**2  # E Y^2 = .2 + .4 * .25
    assert 1 / (4 * (3 + kurtosis / n)) > delta >= 1 / (4 * (3 + kurtosis / (n - 1)))
