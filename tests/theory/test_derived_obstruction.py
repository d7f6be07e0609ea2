"""The inequalities of docs/obstruction.md: the chord over a kink, isolated and steep neurons, the corrected theorem."""

from fractions import Fraction
from itertools import product
from math import exp, log, pi

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from simulations.experiments.planar import Planar, exhaustive
from tests.theory.exact_laws import HALF, binomial, sum_below
from tests.theory.floors import sup_error_floor
from theory.obstruction import guaranteed_error, obstruction_probability

angles = st.floats(0.02, 1.5)


# Lemma 1


@given(b1=angles, b2=angles)
def test_the_chord_over_a_kink(b1, b2):
    """m, r, the combination that vanishes on linear functions, and the two forms of the bound."""
    with mpmath.workdps(30):
        b1, b2 = mpmath.mpf(b1), mpmath.mpf(b2)
        sin, cos, cot = mpmath.sin, mpmath.cos, mpmath.cot
        m = sin(b2) / (sin(b1) + sin(b2))
        r = sin(b1 + b2) / (sin(b1) + sin(b2))
        tiny = mpmath.mpf(10) ** -25
        # the chord from -b1 to b2 meets the line (angle 0) at r
        assert abs(m * sin(-b1) + (1 - m) * sin(b2)) < tiny
        assert abs(m * cos(b1) + (1 - m) * cos(b2) - r) < tiny
        # a kink of slope change 1, active on either side
        assert abs((1 - m) * sin(b2) - sin(b1) * sin(b2) / (sin(b1) + sin(b2))) < tiny
        assert abs(m * sin(b1) - sin(b1) * sin(b2) / (sin(b1) + sin(b2))) < tiny
        bound = sin(b1) * sin(b2) / (sin(b1) + sin(b2)) / (1 + r)
        assert abs(bound - 1 / (cot(b1 / 2) + cot(b2 / 2))) < tiny * (1 + bound)
        product_form = 4 * cos(b1 / 2) * cos(b2 / 2) * sin((b1 + b2) / 2)
        assert abs(sin(b1) + sin(b2) + sin(b1 + b2) - product_form) < tiny


def least_error_of_any_slopes(slope, lines):
    """Least sup error on the circle of slope |x2| / 2 + a linear function + any multiples of kinks along ``lines``.

    By linear programming on a grid that contains all rays; a grid can only find less.
    """
    at = np.unique(np.concatenate([np.arange(0, 2 * pi, pi / 180), lines, lines + pi, np.mod(-lines, 2 * pi), [0, pi]]))
    x = np.stack([np.cos(at), np.sin(at)], axis=1)
    normals = np.stack([-np.sin(lines), np.cos(lines)], axis=1)
    features = np.concatenate([np.abs(x @ normals.T), x], axis=1)
    forced = slope * np.abs(x[:, 1]) / 2
    ones = np.ones((len(at), 1))
    cost = np.zeros(features.shape[1] + 1)
    cost[-1] = 1
    limits = np.block([[features, -ones], [-features, -ones]])
    return linprog(
        cost, limits, np.concatenate([-forced, forced]), bounds=[(None, None)] * (len(cost) - 1) + [(0, None)]
    ).fun


@pytest.mark.parametrize(("b1", "b2"), [(0.3, 0.3), (0.2, 0.7), (1.2, 0.4), (0.05, 0.05)])
def test_the_floor_is_met_by_sources_of_any_slopes(b1, b2):
    """The least error over all slopes of the other kinks, not only those of masks, is the floor itself."""
    others = np.linspace(b2, pi - b1, 40)
    kinks = np.concatenate([[0.0], others])
    # a neuron's kink lies across its edges
    values = np.stack([-np.sin(kinks), np.cos(kinks)], axis=1) * 0.9
    outputs = np.full(len(kinks), 0.8)
    states = np.ones((len(kinks), 2), int)
    fates = np.zeros(len(kinks), int)
    fates[0] = 1
    floor = sup_error_floor(values, states, outputs, fates, [0.0, 0.0])
    slope = 0.8 * 0.9
    least = least_error_of_any_slopes(slope, others)
    expected = slope / (1 / np.tan(b1 / 2) + 1 / np.tan(b2 / 2))
    assert floor <= expected
    assert floor == pytest.approx(expected, rel=1e-9)
    # (on the circle's grid an error between two points is missed by a share of (pi / 360)^2 / 2)
    assert expected * (1 - 1e-4) <= least <= expected * 1.01


@given(s=st.floats(0.1, 3), half_length=st.floats(0.1, 2), slope=st.floats(-2, 2), offset=st.floats(-2, 2))
def test_a_kink_on_a_segment_is_missed_by_every_affine_function(s, half_length, slope, offset):
    def error(t):
        return abs(s * abs(t) / 2 - slope * t - offset)

    worst = max(error(-half_length), error(0.0), error(half_length))
    assert worst >= s * half_length / 4 * (1 - 1e-12)
    slope, offset = 0.0, s * half_length / 4
    assert max(error(-half_length), error(0.0), error(half_length)) == pytest.approx(s * half_length / 4)


@given(b1=angles, b2=angles, toward=st.floats(-0.5, 0.5), size=st.floats(0.2, 1.0), sign=st.sampled_from([-1.0, 1.0]))
def test_a_relu_output_hides_no_more_than_the_target_at_the_ends_of_the_chord(b1, b2, toward, size, sign):
    """min(bound, w.x1, w.x2) holds for every chord inside b1, b2: the floor is the best of some of them."""
    if b1 + b2 >= 3:
        return
    w = size * np.array([np.cos(toward), np.sin(toward)])
    kinks = np.array([0.0, b2, pi - b1])
    values = np.stack([-np.sin(kinks), np.cos(kinks)], axis=1).clip(-1, 1)
    source = values, np.ones((3, 2), int), np.array([sign, 0.5, 0.5]), np.array([1, 0, 0])
    floor = sup_error_floor(*source, w, relu_output=True)

    def chord(share):
        left, right = -share * b1, share * b2
        bound = 1 / (1 / np.tan(-left / 2) + 1 / np.tan(right / 2))
        sides = [min(w @ (np.cos(turn + b), np.sin(turn + b)) for b in (left, right)) for turn in (0.0, pi)]
        return min(bound, max(sides))

    assert floor <= max(chord(share) for share in np.geomspace(1 / 8, 1, 400)) * (1 + 1e-2) + 1e-12
    assert floor >= chord(1.0) * (1 - 1e-9) - 1e-12
    for share in (0.5, 0.25):
        assert floor >= chord(share) * (1 - 1e-9) - 1e-12
    # never more than the plain floor of the same source
    assert floor <= sup_error_floor(*source, w)


@pytest.mark.parametrize("seed", range(60))
def test_the_floor_is_below_the_best_mask_that_another_code_finds(seed):
    """simulations.experiments.planar knows the sup error exactly, in closed form; every mask is tried."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    states = rng.choice([-1, 0, 1], size=(n, 3), p=[0.15, 0.25, 0.6])
    values, outputs = rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, n)
    target = rng.uniform(-1, 1, 2)
    floor = sup_error_floor(values, states[:, :2], outputs, states[:, 2], target)
    best = exhaustive(Planar(values, states[:, :2], outputs, states[:, 2]), target)
    assert floor <= best[0] * (1 + 1e-12)


def exact_floor(values, states, outputs, fates, w=None):
    """Lemma 1 with 60 digits: the best of all forced kinks, each with the nearest lines that some mask can make.

    w: of a ReLU output; the chords are those of the docs, whole and shortened three times by half.
    """
    lines, forced = [], []
    for a, choice, c, fate in zip(values, states, outputs, fates, strict=True):
        if fate < 0 or c == 0:
            continue
        for kept in product(*[{-1: (0,), 0: (0, 1), 1: (1,)}[s] for s in choice]):
            x, y = (mpmath.mpf(float(v)) * k for v, k in zip(a, kept, strict=True))
            if x or y:
                lines.append(mpmath.atan2(x, -y) % mpmath.pi)
                if min(*choice, fate) == 1:
                    forced.append((lines[-1], len(lines) - 1, abs(mpmath.mpf(float(c))) * mpmath.hypot(x, y)))
    best = mpmath.mpf(0)
    for at, own, slope in forced:
        others = [line for k, line in enumerate(lines) if k != own]
        ahead = min(((line - at) % mpmath.pi for line in others), default=mpmath.pi / 2)
        behind = min(((at - line) % mpmath.pi for line in others), default=mpmath.pi / 2)
        for share in (1, 0.5, 0.25, 0.125) if w is not None else (1,):
            b1, b2 = share * behind, share * ahead
            if b1 and b2:
                found = slope / (mpmath.cot(b1 / 2) + mpmath.cot(b2 / 2))
                if w is not None:
                    w1, w2 = (mpmath.mpf(float(x)) for x in w)
                    ends = [w1 * mpmath.cos(end) + w2 * mpmath.sin(end) for end in (at - b1, at + b2)]
                    found = min(found, max(min(ends), -max(ends)))
                best = max(best, found)
    return best


def directions(rng, n, spread):
    """Weights of n neurons whose lines lie within ``spread`` of each other."""
    turned = rng.uniform(0, pi) + spread * rng.random(n)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1) * rng.uniform(0.3, 1, (n, 1))


@pytest.mark.parametrize("spread", [pi, 1e-3, 1e-12])
@pytest.mark.parametrize("relu_output", [False, True])
def test_no_rounding_lifts_the_floor_above_its_exact_value(spread, relu_output):
    """Lines of 1e-12 apart have angles with three digits; the floor must not profit from the wrong ones."""
    positive = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 6))
        values, outputs = directions(rng, n, spread), rng.uniform(-1, 1, n)
        # dropped edges make the axes possible, so most are locked or pruned as a whole
        states, fates = np.repeat(rng.choice([-1, 1], (n, 1), p=[0.2, 0.8]), 2, axis=1), rng.choice([0, 1], n)
        if spread == pi and seed % 2:
            states = rng.choice([-1, 0, 1], (n, 2), p=[0.1, 0.2, 0.7])
        w = rng.uniform(-1, 1, 2)
        received = sup_error_floor(values, states, outputs, fates, w, relu_output=relu_output)
        with mpmath.workdps(60):
            exact = exact_floor(values, states, outputs, fates, w if relu_output else None)
            assert mpmath.mpf(received) <= exact
            # a slack of 2^-44 of an angle, and of the least of two angles twice as much in the worst case
            assert received >= exact * (1 - 1e-11) - 2 * (2.0**-43 if spread < 1 or relu_output else 0)
        positive += received > 0
    assert positive >= 10


@pytest.mark.parametrize("height", [1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("size", [1.0, 4096.0])
def test_where_the_target_is_hardly_positive_a_relu_output_shows_no_more_of_it(height, size):
    """The chord's nearer end is where w.x = height, which has as many wrong digits as its angle."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        values = directions(rng, 1, pi)
        line = np.arctan2(values[0, 0], -values[0, 1])
        across = line - pi / 2 / 8 + pi / 2 * (1 - height)
        w = size * rng.uniform(0.5, 1) * np.array([np.cos(across), np.sin(across)])
        source = values, np.array([[1, 1]]), np.array([1.0]), np.array([1])
        received = sup_error_floor(*source, w, relu_output=True)
        with mpmath.workdps(60):
            exact = exact_floor(*source, w)
            assert mpmath.mpf(received) <= exact < 2 * height * size
            assert received >= exact - 2e-13 * size


@pytest.mark.parametrize("sign", [1, -1])
def test_a_kink_lies_where_its_weights_point_to_however_long_they_are(sign):
    forced, states, fates = [0.9, -0.3], np.array([[1, 1], [1, 1]]), np.array([1, 0])
    floors = [
        sup_error_floor(np.array([forced, [size, size]]), states, np.array([1.0, 0.5]), fates, np.zeros(2))
        for size in (sign * 0.25, sign * 0.5, sign * 1.0)
    ]
    alone = sup_error_floor(np.array([forced]), states[:1], np.array([1.0]), fates[:1], np.zeros(2))
    assert floors == [floors[0]] * 3
    assert 0 < floors[0] < 0.9 * alone


# Proposition 2


@given(theta=st.floats(0, 2 * pi))
def test_directions_of_a_square_have_a_density_between_a_quarter_and_a_half(theta):
    """A point uniform in the square has its direction within a small angle of theta as often as R^2/8 mod 2 pi says."""
    distance = 1 / max(abs(np.cos(theta)), abs(np.sin(theta)))
    assert 1 <= distance <= 2**0.5 + 1e-12
    assert 1 / 4 <= 2 * distance**2 / 8 <= 1 / 2 + 1e-12
    # exact area of a thin triangle over the area 4 of the square
    step = 1e-6
    after = 1 / max(abs(np.cos(theta + step)), abs(np.sin(theta + step)))
    area = distance * after * np.sin(step) / 2
    assert area / 4 / step == pytest.approx(distance**2 / 8, rel=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
def test_isolated_and_steep_neurons_are_as_frequent_as_said(n):
    alpha = Fraction(1, 4 * n)
    isolated = 1 - (n - 1) * alpha - 2 * alpha
    assert isolated == Fraction(3, 4) - Fraction(1, 4 * n)
    assert isolated >= HALF
    # integral of 2 rho (1 - 1/(4 rho)) over [1/4, 1]; a larger R only helps
    steep = (1 - Fraction(1, 16)) - HALF * (1 - Fraction(1, 4))
    assert steep == Fraction(9, 16)
    assert isolated * steep >= Fraction(9, 32)
    # the error of such a neuron, if forced
    assert guaranteed_error(n) <= float(mpmath.tan(mpmath.mpf(1) / (8 * n)) / 8) * (1 + 1e-15)
    assert guaranteed_error(n) >= float(mpmath.tan(mpmath.mpf(1) / (8 * n)) / 8) * (1 - 1e-15)
    assert Fraction(guaranteed_error(n)) >= Fraction(1, 64 * n)
    if n >= 3:  # with a ReLU output
        assert Fraction(3, 4) - Fraction(3, 4 * n) >= HALF


def counted(lines, steep, alpha):
    """Neurons that are isolated, from each other and from the axes, and steep; lines: angles mod 1 (half turns)."""

    def apart(a, b):
        return min((a - b) % 1, (b - a) % 1) > alpha

    return sum(
        s and all(apart(a, b) for j, b in enumerate(lines) if j != i) and apart(a, 0) and apart(a, HALF)
        for i, (a, s) in enumerate(zip(lines, steep, strict=True))
    )


@given(
    lines=st.lists(st.integers(0, 59).map(lambda k: Fraction(k, 60)), min_size=1, max_size=9),
    steep=st.lists(st.booleans(), min_size=9, max_size=9), new=st.integers(0, 59).map(lambda k: Fraction(k, 60)),
    alpha=st.sampled_from([Fraction(1, 120), Fraction(1, 20), Fraction(1, 8)]), new_steep=st.booleans(),
)  # fmt: skip
def test_one_neuron_moves_the_count_by_at_most_three(lines, steep, new, new_steep, alpha):
    steep = steep[: len(lines)]
    before, after = counted(lines, steep, alpha), counted([*lines, new], [*steep, new_steep], alpha)
    assert -2 <= after - before <= 1
    replaced = counted([new, *lines[1:]], [new_steep, *steep[1:]], alpha)
    assert abs(replaced - before) <= 3


@given(q1=st.floats(0.05, 1), q2=st.floats(0.05, 1), width=st.integers(1, 500))
def test_the_probability_is_the_best_that_the_exponent_gives(q1, q2, width):
    s = q1 * q1 * q2
    most = -log(1 - s) if s < 1 else 50.0
    t = np.linspace(0, min(most, 0.5), 20_001)
    best = 1 - exp(float((-9 / 32 * t + 9 / 8 * t * t).min()) * width)
    received = obstruction_probability(width, q1, q2)
    assert best - 1e-5 <= received <= best + 1e-12 + 1e-7
    # (1 - s)^M <= exp(-t M) for the t that is used
    if s < 1:
        assert (1 - s) <= exp(-min(most, 1 / 8)) + 1e-15


@pytest.mark.parametrize("range_", [Fraction(3), Fraction(1)])
def test_hoeffdings_lemma_for_a_bounded_difference_is_met_by_fair_coins(range_):
    # a mean of 0 inside a range of 3: E exp(-t D) <= exp(9 t^2 / 8), with near equality for small t
    for t in (0.01, 0.125, 1.0):
        half = float(range_) / 2
        exact = (exp(-t * half) + exp(t * half)) / 2
        assert exact <= exp(float(range_) ** 2 * t * t / 8)
    assert log((exp(-0.015) + exp(0.015)) / 2) == pytest.approx(9 * 0.01**2 / 8, rel=1e-3)


@given(s=st.floats(1e-4, 0.999))
def test_the_stated_exponent_is_better_than_the_first_version(s):
    t = min(-log(1 - s), 1 / 8)
    assert 9 / 32 * t * (1 - 4 * t) > s * s / 128
    # the quarter disc: half of the mean, the same differences
    u = min(-log(1 - s), 1 / 16)
    tries = np.linspace(0, min(-log(1 - s), 1 / 4), 10_001)
    assert 9 / 64 * u * (1 - 8 * u) <= (9 / 64 * tries - 9 / 8 * tries**2).max() + 1e-9


# Section 5


@pytest.mark.parametrize("f", [Fraction(1, 10), Fraction(1, 2), Fraction(1)])
def test_the_steps_of_lemma_4(f):
    n = 144 / f
    # (iii) enough reach for the residual, at the least m and the largest T
    h = f * n / 8 - 1  # floor(m / 2) for m >= f n / 4
    assert 1 + f * n / 256 <= h / 16 + HALF
    # (iv) what is left
    assert f * n / 4 - f * n / 8 >= f * n / 8
    # (i) Hoeffding at the mean f n / 2, exactly: m ~ Bin(n, f / 2)
    for n in (8, 40):
        few = sum(binomial(n, m, f / 2) for m in range(n + 1) if m < f * n / 4)
        assert few <= Fraction(exp(-(float(f) ** 2) * n / 8))
    # (ii) T is a sum of n centred terms in [-1, 1]
    for n in (2, 10):
        large = 2 * sum_below(-f * n / 2, n, 0)
        assert large <= Fraction(2 * exp(-((float(f) / 2) ** 2) * n / 2))


@pytest.mark.parametrize("h", [2, 6, 10])
def test_the_shift_of_lemma_4_fails_as_rarely_as_said(h):
    """Positive parts of numbers uniform on [-1/2, 1/2], h of them, add up to less than h / 16."""
    exact = sum(binomial(h, j, HALF) * sum_below(Fraction(h, 8), 0, j) for j in range(h + 1))
    assert exact <= Fraction(exp(-h / 32))
    assert 2 * (Fraction(1, 8) - Fraction(1, 16)) ** 2 / Fraction(1, 2) ** 2 == Fraction(1, 32)


@pytest.mark.parametrize("p", [Fraction(0), Fraction(1, 2)])
def test_good_first_layer_neurons_are_as_many_as_said(p):
    for beta in (8, 48):
        rate = (1 - p) / 4
        few = sum(binomial(beta, k, rate) for k in range(beta + 1) if k < (1 - p) * beta / 8)
        assert few <= Fraction(exp(-(float(1 - p) ** 2) * beta / 32))


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9)), min_size=2, max_size=5), st.integers(1, 9))
def test_sizes_of_theorem_3_keep_errors_and_delta_within_their_shares(layers, below):
    """Any block sizes: tau_{l-1} = tau_l / (2 n b) makes both halves of tau_l, and the problems' share is delta / 2."""
    eps, delta = Fraction(1, 10), Fraction(1, 20)
    tau, spent, copies = eps, Fraction(0), 1
    for number in range(len(layers) - 1, 0, -1):
        (rows, _), (inputs, block) = layers[number], layers[number - 1]
        activation = Fraction(below)
        weight_error = min(HALF, tau / (2 * activation))
        beneath = tau / (2 * inputs * block)
        assert weight_error * activation + inputs * block * beneath <= tau
        problems = rows * copies * inputs
        spent += problems * (delta / (2 * (len(layers) - 1) * problems))
        tau, copies = beneath, block
    assert spent == delta / 2


def test_masks_only_ever_keep_what_is_locked():
    # the exhaustive search above tries exactly the masks that edges allow, neuron by neuron
    for states in product((-1, 0, 1), repeat=3):
        source = Planar(np.array([[0.5, -0.25]]), np.array([states[:2]]), np.array([1.0]), np.array([states[2]]))
        outcomes = set()
        for kept in product(*[{-1: (0,), 0: (0, 1), 1: (1,)}[s] for s in states]):
            outcomes.add((kept[0] * kept[2], kept[1] * kept[2]))
        keep = [(1, 1), (1, 0), (0, 1), (0, 0)]
        assert outcomes == {pair for pair, allowed in zip(keep, source.allowed[0], strict=True) if allowed}
