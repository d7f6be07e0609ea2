"""Bounds for other laws and the signed alphabet: each inequality, against exact laws, own draws and measurements."""

import json
from fractions import Fraction
from itertools import product
from math import log, sqrt

import numpy as np
import pytest

from slt.cli import dispatch
from slt.core.command import BAD_INPUT, run
from slt.core.intervals import clopper_pearson, smallest_n
from slt.core.laws import Constant, Integers, Mixture, Normal, Own, Product, Uniform
from subsetsum import covers, success_counts
from theory.estimate import estimated_n
from theory.lattice import sums_below
from theory.law_estimate import estimable, law_estimated_n
from theory.law_model import model
from theory.law_necessary import law_failure_at_least, law_necessary_n
from theory.law_never import never_covered
from theory.law_requirement import law_requirement, law_success
from theory.law_sufficient import law_failure_at_most, law_sufficient_n, split_failure
from theory.laws import reach_below
from theory.models import below, cells, continuous, density_floor, extent, moment, pitch, symmetric, thinning
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

SKEW = Own((-1.5, -0.25, 0.125, 0.75, 0.75, 2.0))
MIXED = Mixture(((0.3, Uniform(0.2)), (0.7, Normal())))
LAWS = {
    "uniform": Uniform(0.5),
    "normal": Normal(0.5),
    "constant": Constant(0.4),
    "integers": Integers(5),
    "many integers": Integers(1000),
    "product": Product(Uniform(), Uniform(2.0)),
    "odd product": Product(SKEW, Normal(0.3)),
    "mixture": MIXED,
    "own": SKEW,
}


def drawn(law, rng, size):
    """Numbers of a law by numpy's generators, not by ours."""
    match law:
        case Uniform(bound):
            return rng.uniform(-bound, bound, size)
        case Normal(sigma):
            return rng.normal(0, sigma, size)
        case Constant(c):
            return rng.choice([-c, c], size)
        case Integers(M):
            return rng.integers(1, M + 1, size) * rng.choice([-1.0, 1.0], size)
        case Product(one, two):
            return drawn(one, rng, size) * drawn(two, rng, size)
        case Mixture(parts):
            which = rng.choice(len(parts), size, p=[weight for weight, _ in parts])
            return np.choose(which, [drawn(part, rng, size) for _, part in parts])
        case Own(values):
            return rng.choice(values, size)


@pytest.mark.parametrize("name", LAWS)
def test_distribution_functions_and_moments_are_those_of_draws(name):
    law, count = LAWS[name], 20_000
    x = np.sort(drawn(law, np.random.default_rng(1), count))
    points = np.unique(np.concatenate([x[::20], [0.0, extent(law), -extent(law), 1e9, -1e9], x[::500] + 0.01]))
    off = 2.5 / sqrt(count)  # P(a distance beyond it) <= 2 exp(-2 * 2.5^2) (DKW)
    for strict, side in ((False, "right"), (True, "left")):
        measured = np.searchsorted(x, points, side=side) / count
        low, high = (below(law, points, s, strict=strict) for s in ("lower", "upper"))
        assert np.all(low <= high + 1e-12)
        assert np.all(high - low < 0.02)
        assert np.all(measured <= high + off)
        assert np.all(measured >= low - off)
    assert np.abs(x).max() <= extent(law)
    for power in (1, 2, 4):
        powers = np.abs(x) ** power
        assert abs(powers.mean() - moment(law, power)) <= 5 * powers.std() / sqrt(count) + 1e-12
    assert symmetric(law) == (name != "own")
    assert continuous(law) == (name in ("uniform", "normal", "product", "odd product", "mixture"))


def test_a_product_of_two_uniforms_lies_between_its_bounds():
    x = np.linspace(-1.2, 1.2, 97)
    t = np.clip(np.abs(x), 1e-300, 1)
    exact = 0.5 + np.sign(x) * t * (1 - np.log(t)) / 2
    law = Product(Uniform(), Uniform())
    assert np.all(below(law, x, "lower") <= exact + 1e-13)
    assert np.all(below(law, x, "upper") >= exact - 1e-13)
    assert np.abs(below(law, x, "upper") - below(law, x, "lower")).max() < 0.01
    exact_floor = -log(0.3) / 2
    assert exact_floor * 0.97 < density_floor(law, 0.3) <= exact_floor


@pytest.mark.parametrize("name", ["integers", "own", "many integers", "normal", "mixture"])
def test_cells_hold_all_of_a_law(name):
    law = LAWS["own"] if name == "own" else LAWS[name]
    found = cells(law)
    assert abs(sum(p for p, _, _ in found) - 1) < 1e-12
    for p, a, b in found:
        assert p > 0
        assert a <= b
        assert a * b >= 0
        if name != "mixture" and a < b:
            inside = below(law, np.array([a, b]), "lower")
            assert p <= inside[1] - inside[0] + 1e-15


CUBE = {  # distribution functions of Y with their exact values as fractions
    "coin": ({0: Fraction(1, 2), 1: Fraction(1, 2)}, 1.0),
    "two signs": ({-1: Fraction(1, 3), 0: Fraction(1, 6), Fraction(3, 4): Fraction(1, 2)}, 1.0),
    "odd": ({Fraction(-1, 3): Fraction(1, 4), Fraction(2, 7): Fraction(3, 4)}, 0.5),
}


@pytest.mark.parametrize("name", CUBE)
def test_laws_of_sums_are_enclosed(name):
    law, size = CUBE[name]
    places = np.array([float(v) for v in law])
    masses = np.array([float(p) for p in law.values()])

    def cdf(x, strict):
        return (masses * ((places < x[:, None]) if strict else (places <= x[:, None]))).sum(axis=1)

    exact = {Fraction(0): Fraction(1)}
    counts = np.arange(9)
    for n in counts:
        for c in (Fraction(-1), Fraction(0), Fraction(1, 2), Fraction(1), Fraction(5, 2), Fraction(40)):
            truth = float(sum(p for s, p in exact.items() if s < c))
            low = sums_below(cdf, size, 0.5, c, counts, "lower")[n]
            high = sums_below(cdf, size, 0.5, c, counts, "upper")[n]
            assert low <= truth <= high
            # sums within n steps of the lattice from c may fall on either side
            near = float(sum(p for s, p in exact.items() if abs(s - c) < Fraction(1, 100)))
            assert high - low <= near + 1e-9
        following = {}
        for (s, p), (v, m) in product(exact.items(), law.items()):
            following[s + v] = following.get(s + v, 0) + p * m
        exact = following


@pytest.mark.parametrize(("lock", "free"), [(0.0, 1.0), (0.3, 0.3), (0.5, 0.1)])
def test_laws_of_sums_agree_with_those_of_the_present_law(lock, free):
    counts = np.array([3, 20, 60, 200])

    def cdf(x, strict):
        u, zero = np.clip((x + 1) / 2, 0, 1), np.where((x > 0) if strict else (x >= 0), 1.0, 0.0)
        return lock * u + free * zero * u + (1 - lock - free) * zero

    for c in (0.3, 1.0, 6.0):
        for side in ("lower", "upper"):
            ours = sums_below(cdf, 1.0, 0.5, c, counts, side)
            theirs = reach_below(c, counts, lock, free, side)
            np.testing.assert_allclose(ours, theirs, atol=0.02)
            other = reach_below(c, counts, lock, free, "upper" if side == "lower" else "lower")
            assert np.all(ours <= other + 1e-15 if side == "lower" else ours >= other - 1e-15)


@pytest.mark.parametrize("name", ["uniform", "normal", "product", "odd product", "mixture"])
def test_a_law_holds_its_share_of_a_uniform(name):
    law = LAWS[name]
    for w in np.array([0.05, 0.3, 0.7]) * sqrt(3 * moment(law, 2)):
        alpha = thinning(law, w)
        if w > 0.5 and name == "uniform":
            assert alpha == 0
            continue
        assert 0 < alpha <= 1
        ends = np.linspace(-w, w, 41)
        mass = below(law, ends[1:], "upper") - below(law, ends[:-1], "lower")
        assert np.all(mass >= alpha / 40 - 1e-12)
    count = 100_000
    x = drawn(law, np.random.default_rng(3), count)
    w = 0.3 * sqrt(3 * moment(law, 2))
    for low in np.linspace(-w, w, 9)[:-1]:
        share = ((x > low) & (x < low + w / 4)).mean()
        assert share >= thinning(law, w) / 8 - 4.5 * sqrt(share / count)


def test_laws_without_a_density_hold_none():
    for law in (Constant(), Integers(4), SKEW, Mixture(((0.5, Constant()), (0.5, SKEW)))):
        assert all(thinning(law, w) == 0 for w in (1e-6, 0.1, 1.0, 5.0))
        assert law_sufficient_n(0.6, 0.1, law=law, radius=2.0) is None
        assert law_failure_at_most(50, 0.6, law=law, radius=2.0) == 1
    assert thinning(Mixture(((0.5, Constant()), (0.5, Uniform()))), 1.0) == pytest.approx(0.5)


@pytest.mark.long
def test_pitches_and_what_is_never_covered():
    assert pitch(Own((0.5, -0.75, 2.0))) == Fraction(1, 4)
    assert pitch(Product(Integers(3), Constant(0.5))) == Fraction(1, 2)
    assert pitch(Mixture(((0.5, Constant(1.5)), (0.5, Integers(2))))) == Fraction(1, 2)
    assert pitch(MIXED) is None
    for law, eps, radius, never in [
        (Constant(0.5), 0.24, 1.0, True),
        (Constant(0.5), 0.25, 1.0, False),
        (Constant(0.5), 0.2, 0.1, False),  # 0 serves all of a window that small
        (Constant(0.5), 0.2, 0.21, True),
        (Integers(8), 0.49, 8.0, True),
        (Integers(8), 0.5, 8.0, False),
        (Product(Integers(3), Constant(0.5)), 0.2, 1.0, True),
    ]:
        assert never_covered(law, eps, radius) == never
        for signed, lock in ((False, 0.0), (True, 0.3)):
            told = {"law": law, "signed": signed, "lock": lock}
            if never:
                assert law_necessary_n(eps, 0.5, radius=radius, **told) is None
                assert law_failure_at_least(100, eps, radius=radius, **told) == 1
                assert law_success(eps, n=30, radius=radius, **told).upper == 0
                for n in (1, 5, 40, 200):
                    assert not covers(n, eps, 40, radius=radius, **told).any()
    assert covers(60, 0.25, 40, law=Constant(0.5)).all()


@pytest.mark.long
def test_uniform_laws_are_the_present_bounds_scaled():
    told = {"prune": 0.2, "lock": 0.1}
    for reading in ("uniform", "pointwise"):
        assert law_necessary_n(0.02, 0.1, law="uniform", **told, reading=reading) == necessary_n(
            0.02, 0.1, **told, reading=reading
        )
    assert law_necessary_n(0.02, 0.1, law="uniform 0.25", **told, radius=0.5) == necessary_n(
        0.08, 0.1, **told, radius=2.0
    )
    assert law_sufficient_n(0.02, 0.1, law="uniform 0.25", **told, radius=0.5) == sufficient_n(
        0.08, 0.1, **told, radius=2.0
    )
    assert law_estimated_n(0.02, 0.1, law="uniform 0.25", **told, radius=0.5) == pytest.approx(
        estimated_n(0.08, 0.1, **told, radius=2.0), abs=2
    )


# (law, signed, eps, prune, lock, radius, n_max, trials)
SETTINGS = [
    ("normal", False, 0.1, 0.0, 0.0, 1.0, 20, 1500),
    ("integers 16", False, 0.5, 0.0, 0.0, 16.0, 24, 1500),
    ("uniform", True, 0.1, 0.0, 0.0, 1.0, 14, 1500),
    ("uniform 0.5", False, 0.05, 0.2, 0.1, 1.0, 60, 400),
    ("normal 0.5", False, 0.05, 0.0, 0.0, 1.0, 24, 800),
    ("normal 0.5", True, 0.05, 0.2, 0.2, 1.0, 40, 400),
    ("normal 0.5", False, 0.1, 0.2, 0.2, 1.0, 90, 400),
    ("product uniform uniform", False, 0.1, 0.0, 0.0, 1.0, 30, 800),
    ("product uniform normal", False, 0.1, 0.2, 0.1, 1.0, 60, 400),
    ("mixture 0.3 uniform 0.7 normal", False, 0.05, 0.0, 0.0, 1.0, 20, 800),
    ("mixture 0.5 uniform 0.2 0.5 constant 1", False, 0.1, 0.1, 0.0, 1.0, 40, 800),
    ("integers 64", True, 0.5, 0.0, 0.3, 64.0, 40, 400),
    ("constant 1", False, 0.5, 0.0, 0.2, 2.0, 60, 800),
    ("constant 0.5", True, 0.25, 0.3, 0.2, 2.0, 60, 800),
    ("normal 0.5", False, 0.05, 0.4, 0.0, 3.0, 80, 400),
]


@pytest.mark.long(keep=2)
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s[0]} {s[1]} {s[4]}")
def test_measured_requirements_lie_between_necessary_and_sufficient(setting):
    law, signed, eps, prune, lock, radius, n_max, trials = setting
    delta, told = 0.1, {"law": law, "signed": signed, "prune": prune, "lock": lock, "radius": radius}
    counts = success_counts(n_max, eps, trials, seed=7, **told)
    measured = smallest_n(counts.uniform, trials, 1 - delta, 0.999)
    assert measured.upper is not None
    necessary, sufficient = law_necessary_n(eps, delta, **told), law_sufficient_n(eps, delta, **told)
    assert 0 < necessary <= measured.upper
    assert necessary >= 0.3 * measured.lower  # it says something
    assert sufficient is None or sufficient >= measured.lower
    assert (sufficient is None) == (law.startswith(("integers", "constant")))
    # the bound of the probability holds at every n, in both readings
    for n in range(0, n_max + 1, max(n_max // 12, 1)):
        found = clopper_pearson(trials - int(counts.uniform[n]), trials, 0.9999)
        assert law_failure_at_least(n, eps, **told) <= found.upper
        assert law_failure_at_least(n, eps, **told, reading="pointwise") <= found.upper
    if estimable(law, signed) is None:
        del told["signed"]
        assert measured.lower * 0.9 - 1 <= law_estimated_n(eps, delta, **told) <= measured.upper * 1.1 + 1


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("law", ["normal 0.5", "mixture 0.5 uniform 0.5 constant 0.5", "uniform 0.7"])
def test_the_split_is_above_what_is_measured(law, signed):
    told = {"law": law, "signed": signed, "prune": 0.1, "lock": 0.15}
    eps, trials, w = 0.3, 1000, 0.5
    asked = model(law, 0.1, 0.15, 1.0, signed)
    useful = 0
    for n in (10, 30, 60, 100):
        failed = clopper_pearson(int((~covers(n, eps, trials, seed=1, **told)).sum()), trials, 0.9999)
        for marked in (0.2, 0.5, 0.8):
            bound = split_failure(asked, n, eps, w, marked)
            useful += bound < 0.9
            assert bound >= failed.lower
        assert law_failure_at_most(n, eps, **told) >= failed.lower
    assert useful


def test_the_shift_of_the_split_is_the_law_of_its_terms():
    # with eps >= w/2 nothing is left to cover, and the split is twice the probability that the marked ones fall short
    rng, n, w, trials = np.random.default_rng(5), 25, 0.8, 20_000
    for signed in (False, True):
        asked = model(Normal(0.5), 0.1, 0.3, 1.0, signed)
        x, u, marks = rng.normal(0, 0.5, (trials, n)), rng.random((trials, n)), rng.random((trials, n)) < 0.4
        used = (u >= 0.4) & marks & (np.abs(x) <= w)
        lead = np.where(used, np.abs(x) if signed else np.maximum(x, 0), 0) + np.where(u < 0.3, x, 0)
        short = (lead.sum(axis=1) < 1 - w / 2).mean()
        bound = split_failure(asked, n, 0.45, w, 0.4)
        assert abs(bound - min(2 * short, 1)) <= 9 * sqrt(short * (1 - short) / trials) + 0.02
        assert bound >= min(2 * short, 1) - 9 * sqrt(short * (1 - short) / trials)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("law", [SKEW, Integers(4), Constant(0.5)])
def test_necessary_bounds_hold_exactly_for_few_numbers(law, signed):
    """Every outcome of two or three numbers and their states, with its probability, by brute force."""
    values = {v: Fraction(0) for v in (law.values if isinstance(law, Own) else ())}
    if isinstance(law, Own):
        for v in law.values:
            values[v] += Fraction(1, len(law.values))
    elif isinstance(law, Integers):
        values = {float(s * k): Fraction(1, 8) for k in range(1, 5) for s in (-1, 1)}
    else:
        values = {-0.5: Fraction(1, 2), 0.5: Fraction(1, 2)}
    rates = {-1: Fraction(1, 8), 1: Fraction(1, 4), 0: Fraction(5, 8)}
    outcomes = [(v, s, p * rates[s]) for v, p in values.items() for s in rates]
    for n in (1, 2) if len(values) > 2 else (1, 2, 3):
        sums = [
            (
                np.array(
                    sorted(
                        {
                            sum(a * v for a, (v, _, _) in zip(choice, draw, strict=True))
                            for choice in product(
                                *({-1: (0,), 1: (1,), 0: (-1, 0, 1) if signed else (0, 1)}[s] for _, s, _ in draw)
                            )
                        }
                    )
                ),
                float(np.prod([float(p) for _, _, p in draw])),
            )
            for draw in product(outcomes, repeat=n)
        ]
        for radius, eps in ((1.0, 0.5), (2.0, 0.75), (0.5, 0.3)):
            grid = np.linspace(-radius, radius, 201)
            missed = np.array([p * (np.abs(grid[:, None] - s).min(axis=1) > eps) for s, p in sums])
            told = {"law": law, "signed": signed, "prune": 0.125, "lock": 0.25, "radius": radius}
            wide = sum(p for s, p in sums if _worst(s, radius) > eps)
            assert law_failure_at_least(n, eps, **told) <= wide + 1e-12
            # the worst target of the 201 is one of the worst, as sums and eps are multiples of 1/80
            assert law_failure_at_least(n, eps, **told, reading="pointwise") <= missed.sum(axis=0).max() + 1e-12


def _worst(sums, radius):
    middles = (sums[1:] + sums[:-1]) / 2
    points = np.concatenate([[-radius, radius], middles[np.abs(middles) <= radius]])
    return np.abs(points[:, None] - sums).min(axis=1).max()


def test_pointwise_and_one_sided_bounds_are_weaker():
    for law in ("normal 0.5", SKEW):
        told = {"law": law, "prune": 0.2, "lock": 0.2}
        for n in (3, 10, 20):
            both = law_failure_at_least(n, 0.1, **told)
            assert law_failure_at_least(n, 0.1, **told, reading="pointwise") <= both + 1e-12
    assert law_necessary_n(0.1, 0.1, law="normal", reading="pointwise") <= law_necessary_n(0.1, 0.1, law="normal")


@pytest.mark.long
def test_what_is_not_known_is_said():
    found = law_requirement(0.5, 0.1, law=Integers(16), radius=16.0)
    assert found.estimated is None
    assert found.sufficient is None
    assert "no density around 0" in found.notes["sufficient"]
    assert "different subsets can have equal sums" in found.notes["estimated"]
    assert "3^m" in law_requirement(0.3, 0.3, law="uniform", signed=True).notes["estimated"]
    assert "rarer" in law_requirement(0.3, 1e-4, law="normal").notes["estimated"]
    never = law_requirement(0.1, 0.1, law=Constant(0.5))
    assert (never.necessary, never.estimated, never.sufficient) == (None, None, None)
    assert all("nothing is ever covered" in line[2] for line in never.lines)
    assert law_success(0.5, n=9, law=Integers(4), radius=4.0).notes["lower"].startswith("not known")
    sure = law_success(0.2, n=70, law="normal")
    assert sure.lower <= sure.estimated <= sure.upper
    assert law_requirement(0.6, 0.1, law="normal", radius=0.5).lines[0][1] == "0"


def test_the_commands_take_laws(capsys, tmp_path):
    assert dispatch(["n", "--law", "normal 0.5", "--eps", ".1", "--delta", ".1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["law"], found["necessary"]) == ("normal 0.5", law_necessary_n(0.1, 0.1, law="normal 0.5"))
    assert dispatch(["n", "--fan-in", "600", "--eps", ".05", "--delta", ".1", "--radius", ".2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["law"] == "uniform 0.1"
    assert found["necessary"] == pytest.approx(necessary_n(0.5, 0.1, radius=2.0), abs=1)
    assert dispatch(["success", "--levels", "8", "--n", "9", "--signed", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["law"], found["eps"], found["radius"], found["signed"]) == ("integers 8", 0.5, 8.0, True)
    numbers = tmp_path / "own.txt"
    numbers.write_text("1 -1 2 -2 7")
    assert dispatch(["n", "--law", f"file {numbers}", "--levels", "4"]) == 0
    text = capsys.readouterr().out
    assert "5 own numbers" in text
    assert "no density around 0" in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["n", "--law", "gamma"], "'gamma' is no name of a law"),
        (["n", "--law", "normal", "--fan-in", "3"], "--law and --fan-in both say what the numbers are"),
        (["n", "--fan-in", "0"], "fan_in must be at least 1, got 0"),
        (["success", "--n", "3", "--levels", "0"], "M must be at least 1, got 0"),
        (["n", "--law", "normal", "--levels", "4"], "--levels asks for a law of whole numbers, got normal 1"),
        (["n", "--law", "file none.txt"], "cannot read the numbers of 'none.txt'"),
        (["n", "--law", "normal", "--radius", "1e9"], "radius must be at most 9000 for this law"),
        (["n", "--law", "normal", "--eps", "2"], "eps must lie strictly between 0 and 1, got 2"),
        (["n", "--signed", "--lock", "1"], "prune + lock must be below 1 (nothing is free)"),
        (["n", "--law", "product (product normal normal) (product normal normal)"], "no product of two products"),
    ],
)
def test_bad_laws_are_refused_in_one_line(words, line, capsys):
    assert run(dispatch, words, "slt") == BAD_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert line in said.err
