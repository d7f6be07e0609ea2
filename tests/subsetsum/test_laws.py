"""Other laws and the signed alphabet: exact decisions against brute force, values against their laws, and bad input."""

from fractions import Fraction
from itertools import product
from math import erf, log, sqrt

import numpy as np
import pytest

from slt.core.laws import Constant, Integers, Mixture, Normal, Own, Product, Uniform, kaiming, law_of
from subsetsum import covers, draw, success_counts, success_probability, worst_errors
from subsetsum.laws import asymmetric, law_bits, values, words
from tests import naive

OWN = Own((-1.5, -0.25, 0.125, 0.75, 0.75, 2.0))
LAWS = {
    "uniform": Uniform(),
    "narrow": Uniform(0.05),
    "normal": Normal(0.5),
    "constant": Constant(0.4),
    "integers": Integers(5),
    "product": Product(Uniform(), Uniform(2.0)),
    "mixture": Mixture(((0.3, Uniform(0.2)), (0.7, Normal()))),
    "own": OWN,
    "deep": Product(Mixture(((0.5, Constant(0.5)), (0.5, Integers(3)))), Normal(0.5)),
}


def sums(units, states, signed):
    """All sums of a trial, sorted: the locked values, and each free one times a choice, over all choices."""
    choices = [{-1: (0,), 1: (1,), 0: (-1, 0, 1) if signed else (0, 1)}[int(s)] for s in states]
    return np.unique(np.array(list(product(*choices)), np.int64) @ units)


def in_units(unit, x):
    units = x / unit
    assert not np.any(units % 1)
    return units.astype(np.int64)


@pytest.mark.long(keep=6)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", LAWS)
def test_decisions_and_worst_errors_equal_brute_force(name, signed):
    law, trials = LAWS[name], 40
    scale = {"narrow": 0.05, "integers": 4.0, "own": 2.0}.get(name, 1.0)
    for seed, (n, prune, lock) in enumerate([(0, 0.1, 0.3), (1, 0, 0), (3, 0, 0), (5, 0, 0.3), (6, 0.2, 0.2)]):
        told = {"prune": prune, "lock": lock, "seed": seed, "law": law, "signed": signed}
        x, states = draw(n, trials, **told)
        # the present law has a finer grid, and its own tests
        unit = 2.0 ** -(52 if (law, signed) == (Uniform(), False) else law_bits(law, n))
        each = [sums(row, fate, signed) for row, fate in zip(in_units(unit, x), states, strict=True)]
        for radius in (scale, 0.3 * scale):
            window = int(np.ceil(radius / unit))
            twice = [naive.twice_worst_error(s, window) for s in each]
            errors = worst_errors(n, trials, radius=radius, **told)
            np.testing.assert_allclose(errors, np.array(twice, float) * unit / 2, rtol=1e-15, atol=0)
            ends = Fraction(radius) / Fraction(unit)
            for eps in (0.6, 0.25, 0.07, 0.013):
                expected = [naive.covers(s, ends, Fraction(eps) / Fraction(unit)) for s in each]
                assert covers(n, eps, trials, radius=radius, **told).tolist() == expected
                floored = worst_errors(n, trials, radius=radius, floor=eps, **told)
                np.testing.assert_array_equal(floored, np.maximum(errors, eps))


@pytest.mark.long(keep=2)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", ["integers", "normal", "own"])
def test_curves_count_the_prefixes(name, signed):
    law, trials, radius, goals, most = LAWS[name], 30, 1.0, [0.0, 0.5, -1.0], 6
    unit = 2.0 ** -law_bits(law, most)
    ends = Fraction(radius) * 2 ** law_bits(law, most), Fraction(0.2) * 2 ** law_bits(law, most)
    for lock, exact in ((0.0, False), (0.3, False), (0.3, True)):
        told = {"prune": 0.1, "lock": lock, "seed": 3, "law": law, "signed": signed, "exact_counts": exact}
        found = success_counts(most, 0.2, trials, radius=radius, targets=goals, **told)
        assert found.trials == trials
        for n in range(most + 1):
            x, states = draw(n, trials, **told)
            each = [sums(row, fate, signed) for row, fate in zip(in_units(unit, x), states, strict=True)]
            assert found.uniform[n] == sum(naive.covers(s, *ends) for s in each)
            for k, z in enumerate(goals):
                assert found.pointwise[n, k] == sum(
                    min(abs(Fraction(z) * 2 ** law_bits(law, most) - int(y)) for y in s) <= ends[1] for s in each
                )
            assert covers(n, 0.2, trials, radius=radius, **told).sum() == found.uniform[n]


def test_pointwise_success_is_that_of_the_worst_target():
    for law, goals in ((Normal(0.5), np.linspace(0, 1, 9)), (OWN, np.linspace(-1, 1, 17))):
        assert asymmetric(law) == (len(goals) == 17)
        found = success_probability(0.1, n=6, trials=300, law=law, reading="pointwise", seed=1)
        counts = success_counts(6, 0.1, 300, law=law, targets=goals, seed=1).pointwise[6]
        assert found.value == counts.min() / 300
        assert found.lower <= found.value <= found.upper


@pytest.mark.parametrize("signed", [False, True])
def test_integers_equal_sets_of_whole_numbers(signed):
    M, trials = 16, 150
    for n, lock in ((5, 0.0), (8, 0.0), (8, 0.25), (12, 0.3)):
        told = {"lock": lock, "law": Integers(M), "signed": signed, "seed": n}
        x, states = draw(n, trials, **told)
        assert np.abs(x).max() <= M
        assert np.abs(x).min() >= 1
        expected = []
        for row, fate in zip(x.astype(int).tolist(), states.tolist(), strict=True):
            reached = {0}
            for v, s in zip(row, fate, strict=True):
                more = {t + v for t in reached}
                less = {t - v for t in reached} if signed else set()
                reached = more if s == 1 else reached | more | less
            expected.append(set(range(-M, M + 1)) <= reached)
        # every eps from 1/2 to 1 asks the same
        for eps in (0.5, 0.7, 0.99):
            assert covers(n, eps, trials, radius=M, **told).tolist() == expected


def test_uniform_laws_are_the_present_draw_scaled():
    told = {"prune": 0.2, "lock": 0.2, "seed": 5}
    x, states = draw(20, 50, **told)
    half, same = draw(20, 50, law="uniform 0.5", **told)
    np.testing.assert_array_equal(same, states)
    np.testing.assert_allclose(half, x / 2, rtol=0, atol=2.0**-47)
    np.testing.assert_array_equal(draw(20, 50, law=Uniform(), **told)[0], x)
    big = covers(20, 0.02, 200, **told)
    np.testing.assert_array_equal(covers(20, 0.01, 200, radius=0.5, law="uniform 0.5", **told), big)
    np.testing.assert_array_equal(covers(20, 0.02, 200, law="uniform 1", **told), big)


def normal_below(x):
    return (1 + erf(x / sqrt(2))) / 2


def product_below(x):
    # |U V| of uniforms on [0, 1] is below t with probability t - t log t
    t = min(abs(x), 1.0)
    return 0.5 + np.sign(x) * (t - t * log(t)) / 2 if t else 0.5


def steps(numbers):
    return lambda x: sum(v <= x for v in numbers) / len(numbers)


CDFS = {
    "uniform 0.05": lambda x: min(max((x + 0.05) / 0.1, 0), 1),
    "normal 2": lambda x: normal_below(x / 2),
    "constant 0.5": steps([-0.5, 0.5]),
    "integers 3": steps([-3, -2, -1, 1, 2, 3]),
    "product uniform uniform": product_below,
    "mixture 0.3 uniform 0.7 normal": lambda x: 0.3 * min(max((x + 1) / 2, 0), 1) + 0.7 * normal_below(x),
    "mixture 0.5 constant 1 0.5 constant 3": steps([-3, -1, 1, 3]),
}


@pytest.mark.parametrize("text", CDFS)
def test_values_follow_their_law(text):
    # Kolmogorov-Smirnov: P(distance > 2.5 / sqrt(N)) <= 2 exp(-2 * 2.5^2) = 7e-6, also for laws with steps (DKW)
    x = np.sort(draw(50, 800, law=text, seed=11)[0].ravel())
    points, last = np.unique(x, return_index=True)
    below = np.array([CDFS[text](v) for v in points])
    upto = np.append(last[1:], len(x)) / len(x)
    assert np.abs(upto - below).max() <= 2.5 / sqrt(len(x))


def test_own_numbers_and_words():
    x = draw(50, 800, law=OWN, seed=2)[0].ravel()
    for value in set(OWN.values):
        p = OWN.values.count(value) / 6
        assert abs((x == value).mean() - p) <= 4.5 * sqrt(p * (1 - p) / len(x))
    assert set(x) == set(OWN.values)
    assert words(LAWS["deep"]) == 3
    # two factors, and two parts and their choice, are independent
    u, v = np.random.default_rng(0).integers(0, 2**53, (2, 1000))
    np.testing.assert_array_equal(
        values(Product(Uniform(), Normal()), np.stack([u, v])), values(Uniform(), u[None]) * values(Normal(), v[None])
    )
    first = draw(60, 300, law="product constant uniform", seed=4)[0]
    second = draw(60, 300, law="uniform", seed=4)[0]
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / sqrt(first.size)


@pytest.mark.parametrize("name", LAWS)
def test_nothing_depends_on_chunks_threads_or_length(name):
    told = {"law": LAWS[name], "prune": 0.1, "lock": 0.2, "seed": 7, "signed": True}
    x, states = draw(12, 70, **told)
    part = draw(12, 10, first=33, **told)
    np.testing.assert_array_equal(part[0], x[33:43])
    np.testing.assert_array_equal(part[1], states[33:43])
    np.testing.assert_array_equal(draw(7, 70, **told)[0], x[:, :7])
    one = covers(12, 0.1, 70, jobs=1, **told)
    np.testing.assert_array_equal(covers(12, 0.1, 70, jobs=3, **told), one)
    np.testing.assert_array_equal(covers(12, 0.1, 30, first=40, **told), one[40:])
    errors = worst_errors(12, 40, floor=0.01, jobs=1, **told)
    np.testing.assert_array_equal(worst_errors(12, 40, floor=0.01, jobs=2, **told), errors)
    np.testing.assert_array_equal(errors <= 0.1, one[:40])


def test_more_than_512_numbers():
    told = {"law": Normal(0.01), "lock": 0.4, "seed": 1}
    x, states = draw(600, 4, **told)
    assert np.array_equal(np.ldexp(x, law_bits(Normal(0.01), 600)) % 1, np.zeros(x.shape))
    total = np.where(states == 1, x, 0).sum(axis=1)
    ends = np.minimum(np.where(states == 0, x, 0), 0).sum(axis=1) + total
    assert covers(600, 0.001, 4, radius=0.1, **told).tolist() == (ends < -0.1).tolist()


def test_a_signed_constant_never_covers_what_lies_between_its_multiples():
    for signed in (False, True):
        assert not covers(400, 0.2499, 50, law=Constant(0.5), signed=signed, lock=0.2).any()
        assert covers(60, 0.25, 50, law=Constant(0.5), signed=signed).all()


def test_kaiming_is_the_bound_of_a_fan_in():
    assert kaiming(6) == Uniform(1.0)
    assert kaiming(784).bound == sqrt(6 / 784)


TWO = Mixture(((0.5, Normal()), (0.5, Normal(2))))
TEXTS = [
    ("uniform", Uniform()),
    ("normal 0.5", Normal(0.5)),
    ("integers 256", Integers(256)),
    ("product uniform 2 normal", Product(Uniform(2), Normal())),
    ("mixture 0.3 uniform 0.7 normal", Mixture(((0.3, Uniform()), (0.7, Normal())))),
    ("mixture 0.3 uniform 0.05 0.7 normal 2", Mixture(((0.3, Uniform(0.05)), (0.7, Normal(2))))),
    ("mixture 0.5 (uniform 0.5) 0.5 constant", Mixture(((0.5, Uniform(0.5)), (0.5, Constant())))),
    ("product (mixture .5 normal 1 .5 normal 2) integers 4", Product(TWO, Integers(4))),
]


@pytest.mark.parametrize(("text", "law"), TEXTS)
def test_texts_are_read_and_written(text, law):
    assert law_of(text) == law
    assert law_of(str(law)) == law


def test_a_file_of_numbers(tmp_path):
    path = tmp_path / "two words.txt"
    path.write_text("0.5, -1\n2 2\n")
    assert law_of(f"file {path}") == Own((0.5, -1.0, 2.0, 2.0))
    assert str(law_of(f"file {path}")) == "4 own numbers"
    for text, line in [
        ("1 nan", "every own number must be finite"),
        ("1 inf", "every own number must be finite"),
        ("1 x", "its word 2 must be a number"),
        ("1 1 1", "own numbers must not all be equal"),
        ("1", "own numbers must be between 2 and"),
        ("", "own numbers must be between 2 and"),
        ("0 1e-300", "the largest own number must lie between"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=line) as error:
            law_of(f"file {path}")
        assert "\n" not in str(error.value)
    path.write_bytes(b"\xff\xfe\x00")
    for where in (path, tmp_path, tmp_path / "none", ""):
        with pytest.raises(ValueError, match="cannot read the numbers of") as error:
            law_of(f"file {where}")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "ends too early"),
        ("gamma 2", "'gamma' is no name of a law"),
        ("uniform 0", "bound must be above 0, got 0"),
        ("uniform nan", "bound must be finite, got nan"),
        ("normal -1", "sigma must be above 0, got -1"),
        ("constant 1e30", "c must lie between 2.-40 and 2.40"),
        ("integers 2.5", "integers needs a whole number M, got '2.5'"),
        ("integers 0", "M must be at least 1, got 0"),
        ("integers 2000000", "M must be at most 1048576"),
        ("product uniform", "ends too early"),
        ("uniform 1 2", "'2' is left over"),
        ("mixture 0.3 uniform", "weights of a mixture must add up to 1, got 0.3"),
        ("mixture uniform", "a mixture needs weights and laws"),
        ("mixture -1 uniform 2 normal", "a weight of a mixture must be above 0"),
        ("(uniform", "a bracket is not closed"),
        ("(" * 50 + "uniform", "deep"),
        ("product uniform 1e-12 uniform 1e-12", "largest number"),
    ],
)
def test_texts_that_say_no_law_are_refused_in_one_line(text, line):
    with pytest.raises(ValueError, match=line) as error:
        draw(3, 2, law=text)
    assert "\n" not in str(error.value)


def test_arguments_that_are_no_laws_are_refused():
    for call in (
        lambda: draw(3, 2, law=5),
        lambda: draw(3, 2, signed=1),
        lambda: covers(3, 0.1, 2, law=None),
        lambda: covers(3, 0.1, 2, law=Constant(), radius=2000.0),
        lambda: covers(3, 0.1, 2, law=Constant(), radius=0),
        lambda: worst_errors(3, 2, law=Constant(), radius=2000.0),
        lambda: success_counts(3, 0.1, 2, law=Constant(), radius=2000.0),
        lambda: success_probability(0.1, n=3, trials=2, law=Constant(), radius=2000.0, reading="pointwise"),
        lambda: Product(Uniform(), "normal"),
        lambda: Mixture(()),
        lambda: Own((1, 2, float("nan"))),
    ):
        with pytest.raises(ValueError, match="must|made of") as error:
            call()
        assert "\n" not in str(error.value)
