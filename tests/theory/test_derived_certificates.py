"""docs/theory.md, section 11: each inequality that certificates rest on, against exact laws."""

import random
from fractions import Fraction
from itertools import pairwise
from math import comb, factorial, floor

import numpy as np
import pytest

from slt.core.rates import Rates
from tests.theory.checker import CHECKER
from theory.certificate import necessary_certificate, setting_of, sufficient_certificate
from theory.certificate_game import cover_tables
from theory.certificate_law import Cover, LatticeLaw
from theory.game import cover_failures

HALF = Fraction(1, 2)


def below(pieces, c):
    """P(sum of independent uniforms on these intervals < c), by inclusion and exclusion over the upper ends."""
    widths = [high - low for low, high in pieces]
    rest = c - sum(low for low, _ in pieces)
    if not pieces:
        return Fraction(int(rest > 0))
    terms = [(rest, 1)]
    for width in widths:
        terms += [(x - width, -sign) for x, sign in terms]
    total = sum(sign * x ** len(pieces) for x, sign in terms if x > 0)
    volume = Fraction(factorial(len(pieces)))
    for width in widths:
        volume *= width
    return total / volume


def proof(record):
    return CHECKER.Proof(record)


@pytest.fixture(scope="module")
def any_proof():
    return proof(necessary_certificate(setting_of(0.2, 0.2)).record())


def test_c1_the_recursion_gives_the_law_of_a_sum_from_either_side(any_proof):
    for x in (Fraction(0), Fraction(9, 10), Fraction(-7, 3), Fraction(5, 2)):
        low, high = (any_proof.sums(x, 9, up) for up in (False, True))
        for j in range(10):
            for k in range(-3, 12):
                exact = below([(Fraction(0), Fraction(1))] * j, x + k) * any_proof.one
                assert low(j, k) <= exact <= high(j, k), (x, j, k)
                assert high(j, k) - low(j, k) <= 2 * j + 1


def test_c2_the_largest_sum_given_how_many_are_free_and_locked(any_proof):
    whole, positive = (Fraction(-1), Fraction(1)), (Fraction(0), Fraction(1))
    for c in (Fraction(9, 10), Fraction(-6, 5)):
        found = any_proof.largest(c, 4, 4)
        for m in range(5):
            for a in range(5):
                exact = sum(comb(m, b) * below([whole] * a + [positive] * b, c) for b in range(m + 1)) / 2**m
                assert exact * any_proof.one - 8 <= found(m, a) <= exact * any_proof.one


def test_c6_one_number_adds_at_least_the_mean():
    draw = random.Random(6)
    for _ in range(12):
        u = Fraction(draw.randint(1, 60), 100)
        length = 1 + u
        cuts = sorted(Fraction(draw.randint(0, 10**6), 10**6) * length for _ in range(2 * draw.randint(1, 4)))
        parts = list(zip(cuts[::2], cuts[1::2], strict=True))
        size = sum(high - low for low, high in parts)
        x = size / length
        # a point z of V joins with the probability that z - X lies in the set, half its measure within 1 of z
        steps = 1000
        gain = 0.0
        for i in range(steps):
            z = length * Fraction(2 * i + 1, 2 * steps)
            if not any(low <= z <= high for low, high in parts):
                gain += float(sum(max(min(high, z + 1) - max(low, z - 1), 0) for low, high in parts)) / 2
        gain *= float(length) / steps
        least = float(length / 2 * x * (1 - x) - u * u / (4 * length))
        assert gain / float(length) >= least - 2e-3


def line(grid, values, x):
    """The function that is linear between the points and 0 beyond the last; at the last its value from the left."""
    return np.where(x <= grid[-1], np.interp(x, grid, values), 0.0)


@pytest.mark.parametrize("eps", [Fraction(1, 20), Fraction(1, 5), Fraction(2, 5)])
def test_c7_no_law_that_the_game_admits_beats_the_next_values(eps):
    tables = cover_tables(eps, 1e-4, 8)
    unit = 1 << tables.bits
    grid = np.array(tables.grid) / unit
    u = (2 * float(eps) - grid[0]) / (1 + grid[0])
    rows = np.array([[unit] * len(grid), *tables.values]) / unit
    rng = np.random.default_rng(7)
    for old, new in pairwise(rows):
        x = rng.uniform(grid[0], grid[-1], 60)
        mean = x + (1 + u) / 2 * x * (1 - x) - u * u / (4 * (1 + u))
        top = np.minimum(2 * x, 1)
        for s in np.linspace(0, 1, 25):  # a law on two points, one below the mean and one above
            for t in np.linspace(0, 1, 25):
                low, high = x + s * np.maximum(mean - x, 0), np.maximum(mean, x) + t * (top - np.maximum(mean, x))
                share = np.divide(mean - low, high - low, out=np.ones_like(x), where=high > low + 1e-12)
                share = np.clip(share, 0, 1)
                worst = (1 - share) * line(grid, old, low) + share * line(grid, old, high)
                assert np.all(worst <= line(grid, new, x) + 1e-9)


def test_c7_values_that_are_too_small_are_noticed_at_every_point():
    found = sufficient_certificate(setting_of(0.03, 0.3, lock=0.3)).record()
    tables = found["tables"]
    eps = Fraction(3, 100) / proof(found).ratio(tables["width"])
    rng = random.Random(3)
    for _ in range(15):
        k, i = rng.randrange(len(tables["values"])), rng.randrange(len(tables["grid"]))
        kept = tables["values"][k][i]
        if kept < 1000:
            continue
        tables["values"][k][i] = kept - max(2, kept // 10**6)
        with pytest.raises(ValueError, match=rf"\(C7\) values\[{k}\]\[{i}\] is too small"):
            proof(found).game(eps, 1 << tables["game"])
        tables["values"][k][i] = kept
    assert proof(found).game(eps, 1 << tables["game"])[0] == proof(found).one


def test_a_few_hundred_points_are_as_sharp_as_thousands_of_steps():
    for eps in (Fraction(1, 7), Fraction(1, 70)):
        found, steps = cover_tables(eps, 1e-3, 24).failures, cover_failures(float(eps), 1e-3)
        rare = np.flatnonzero(steps[: len(found)] < 0.1)
        assert np.all(found[rare] <= steps[rare])


def test_the_game_between_points_goes_on_to_the_rarest_failures():
    found, steps = cover_tables(Fraction(1, 10), 1e-34).failures, cover_failures(0.1, 1e-34)
    assert found[-1] <= 1e-34
    assert len(found) < len(steps)


def test_c8_numbers_that_are_left_close_the_gap():
    # E max(0, 1 - a (U_1 + .. + U_l))^N <= (1/(a (N + 1)))^l, exactly for whole N and a <= 1/l
    for l_count in (1, 2, 3):
        for n in (1, 4, 9):
            for a in (Fraction(1, 3), Fraction(1, 5)):
                # E (1 - a S)^N by moments of S, the sum of l uniforms
                moments = [Fraction(1)] + [Fraction(0)] * n
                for _ in range(l_count):
                    moments = [
                        sum(comb(k, i) * moments[i] * Fraction(1, k - i + 1) for i in range(k + 1))
                        for k in range(n + 1)
                    ]
                exact = sum(comb(n, k) * (-a) ** k * moments[k] for k in range(n + 1))
                assert exact <= min(Fraction(1), 1 / (a * (n + 1))) ** l_count


def trapezoids(pieces, cells):
    """Law of the sum of trapezoids, places in cells."""
    law = {0: Fraction(1)}
    for low, high in pieces:
        a, b = int(low * cells), int(high * cells)
        piece = {k: Fraction(1, b - a) * (HALF if k in (a, b) else 1) for k in range(a, b + 1)}
        new: dict[int, Fraction] = {}
        for x, p in law.items():
            for y, q in piece.items():
                new[x + y] = new.get(x + y, Fraction(0)) + p * q
        law = new
    return law


@pytest.mark.parametrize("cells", [2, 4, 10])
def test_c9_trapezoids_bound_the_law_of_a_sum(cells):
    w = Fraction(7, 10) if cells == 10 else HALF
    kinds = [(Fraction(-1), Fraction(1)), (Fraction(0), w), (w, Fraction(1))]
    draw, tried = random.Random(9), 0
    for _ in range(80):
        pieces = [draw.choice(kinds) for _ in range(draw.randint(0, 6))]
        mean = sum((low + high) / 2 for low, high in pieces)
        law = trapezoids(pieces, cells)
        for place in range(-6 * cells, 7 * cells):
            c = Fraction(place, cells)
            if c <= mean - Fraction(1, 2 * cells):
                tried += 1
                bound = sum(p for k, p in law.items() if k < place) + law.get(place, Fraction(0)) / 2
                assert below(pieces, c) <= bound
    assert tried > 500


def test_c9_needs_its_condition():
    pieces = [(Fraction(0), Fraction(1))] * 2
    law, place = trapezoids(pieces, 4), 6  # beyond the mean
    bound = sum(p for k, p in law.items() if k < place) + law[place] / 2
    assert below(pieces, Fraction(place, 4)) > bound


@pytest.mark.parametrize(
    ("prune", "lock", "width"), [(0.2, 0.3, 0.5), (0.0, 0.4, 1.0), (0.3, 0.2, 0.0), (0.3, 0.0, 0.5)]
)
def test_c10_the_mean_law_is_bounded_by_both_programs_alike(prune, lock, width):
    n, cells = 6, 8
    p, q, w = Fraction(str(prune)), Fraction(str(lock)), Fraction(str(width))
    f = 1 - p - q
    game = [Fraction(1), Fraction(3, 4), Fraction(1, 3), Fraction(0)] if width else [Fraction(0)]
    drop = [a - b for a, b in zip([Fraction(1), *game], game, strict=False)]
    small = f * w
    counts = range(n + 1) if width else range(1)
    weight = {s: comb(n, s) * small**s * (1 - small) ** (n - s) for s in counts}
    c = Fraction(3, 4) if width else Fraction(7, 8)
    whole, low, high = (Fraction(-1), Fraction(1)), (Fraction(0), w), (w, Fraction(1))
    exact = Fraction(0)
    for s in counts:
        for k in range(min(s, len(drop) - 1) + 1):
            for i in range(s - k + 1):
                for a in range(n - s + 1):
                    for j in range(n - s - a + 1):
                        others = [q / (1 - small), f * (1 - w) / 2 / (1 - small)]
                        rest = 1 - sum(others)
                        ways = Fraction(factorial(n - s), factorial(a) * factorial(j) * factorial(n - s - a - j))
                        chance = weight[s] * drop[k] * Fraction(comb(s - k, i), 2 ** (s - k))
                        chance *= ways * others[0] ** a * others[1] ** j * rest ** (n - s - a - j)
                        if chance and (w < 1 or j == 0):
                            exact += chance * below([whole] * a + [low] * i + [high] * j, c)
    law = LatticeLaw(
        n,
        Rates(prune, lock),
        width,
        cells,
        Cover(counts, np.array([float(x) for x in weight.values()]), np.array([float(x) for x in drop])),
    )
    bound = law.short(float(c)) + law.few(float(c))
    assert float(exact) <= bound
    assert float(exact) >= 0.3 * bound

    # the checker's own evaluation of the same law
    checker = proof(necessary_certificate(setting_of(0.1, 0.2, prune=prune, lock=lock)).record())
    checker.n, checker.r = n, c + w / 2
    one = checker.one
    weights = [floor(weight.get(s, Fraction(0)) * one) for s in range(n + 1)]
    drops = [floor(x * one) for x in drop] + [0] * n
    short, few, _ = checker.lattice(w, counts, weights, drops, w / 2, cells)
    assert short / one == pytest.approx(2 * law.short(float(c)), rel=1e-7)
    assert few / one == pytest.approx(2 * law.few(float(c)), rel=1e-7)
