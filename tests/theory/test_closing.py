"""Steps that close what is left of a window: their mean and range for sets of any form, and the game against them."""

from itertools import combinations

import numpy as np
import pytest

from tests.theory.test_starts import sums_of, uncovered
from theory.closing import closing_table, closings, of_four, of_one
from theory.starts import halves_uncovered, ones_uncovered

CELLS = 320


def sets(generator, count):
    """Uncovered sets of many forms, as cells of a window: scattered, an interval, both ends, the middle, a comb."""
    place = np.arange(CELLS)
    for k in range(count):
        size = generator.integers(1, CELLS // 2)
        start = generator.integers(0, CELLS - size)
        yield (
            generator.random(CELLS) < generator.random(),
            (place >= start) & (place < start + size),
            (place < size // 2) | (place >= CELLS - size // 2),
            np.abs(place - CELLS / 2) < size / 2,
            (place // generator.integers(2, 60)) % 3 == 0,
        )[k % 5]


def left_by(uncovered_cells, length, moves):
    """Length that stays uncovered, for each row of moves: every move leads back to an uncovered cell or outside."""
    at = (np.arange(CELLS) + 0.5) * length / CELLS
    stay = np.ones((len(moves), CELLS), bool)
    for move in moves.T:
        back = np.floor((at[None] - move[:, None]) / length * CELLS).astype(int)
        inside = (back >= 0) & (back < CELLS)
        stay &= ~inside | uncovered_cells[np.clip(back, 0, CELLS - 1)]
    return stay.mean(axis=1) * length


@pytest.mark.parametrize("length", [4.0, 4.4])
def test_four_variables_leave_no_more_than_is_said(length):
    generator, looked_at = np.random.default_rng(4), 0
    values = generator.uniform(-1, 1, (500, 4))
    moves = np.array([[sum(c) for c in combinations(row, 2)] for row in values]) - values.sum(axis=1)[:, None] / 2
    for cells in sets(generator, 60):
        u = cells.mean() * length
        if not 0 < u <= 2:
            continue
        looked_at += 1
        after = left_by(cells, length, moves)
        assert after.mean() - 4 * after.std() / len(after) ** 0.5 <= of_four(np.array([u]))[0]
        assert after.max() <= 2 * u + 1e-9
    assert looked_at > 30


@pytest.mark.parametrize("of", [3, 4, 8])
def test_one_of_several_leaves_no_more_than_is_said(of):
    generator, looked_at, near = np.random.default_rng(of), 0, 0.0
    values = generator.uniform(-1, 1, (500, of))
    moves = values - np.take_along_axis(values, np.abs(values).argmin(axis=1)[:, None], axis=1)
    for cells in sets(generator, 60):
        u = cells.mean() * 2
        if not 0 < u <= 1:
            continue
        looked_at += 1
        after, bound = left_by(cells, 2.0, moves), of_one(np.array([u]), of)[0]
        assert after.mean() - 4 * after.std() / len(after) ** 0.5 <= bound
        assert after.max() <= u + 1e-9
        near = max(near, after.mean() / bound)
    assert looked_at > 20
    assert near > 0.25  # the bound is no idle one


def test_the_six_sums_of_four_lie_about_their_middle_as_is_said():
    for row in np.random.default_rng(1).uniform(-1, 1, (200, 4)):
        x = np.sort(row)
        s1, s2, s3 = np.diff(x)
        a, b = abs(s1 - s3) / 2, (s1 + s3) / 2
        said = sorted([-a, a, -b, b, -(b + s2), b + s2])
        assert np.allclose(sorted(sum(c) - x.sum() / 2 for c in combinations(x, 2)), said)
        assert b + s2 <= 2
        assert b - a == pytest.approx(min(s1, s3))


def test_the_law_of_the_distances_of_four():
    x = np.sort(np.random.default_rng(2).uniform(-1, 1, (200_000, 4)), axis=1)
    s = np.diff(x, axis=1)
    for t, r in ((0.1, 0.2), (0.3, 0.1), (0.05, 0.9)):
        share = ((np.minimum(s[:, 0], s[:, 2]) > t) & (s[:, 1] > r)).mean()
        assert share == pytest.approx((1 - t - r / 2) ** 4, abs=0.005)


@pytest.mark.parametrize("u", [0.1, 0.6, 0.9])
def test_the_mean_of_fours_is_twice_its_integral(u):
    v = (np.arange(100_000) + 0.5) / 100_000 * u
    integral = ((u - v) * 6 * (1 - v / 2) ** 2 * v).mean() * u
    assert of_four(np.array([u]))[0] == pytest.approx(2 * integral, rel=1e-6)


@pytest.mark.parametrize("u", [0.1, 0.5, 1.0])
def test_triples_of_uncovered_points_are_most_in_an_interval(u):
    # the integral of the proof over sets of cells: pieces pushed together have no fewer
    generator, cells, length = np.random.default_rng(0), 160, 4.0
    size = round(u / length * cells)
    place = (np.arange(cells) + 0.5) * length / cells
    v = (np.arange(2000) + 0.5) / 2000 * u
    said = ((u - v) * 6 * (1 - v / 2) ** 2 * v).mean() * u
    for k in range(30):
        inside = np.zeros(cells)
        inside[generator.permutation(cells)[:size] if k else np.arange(size)] = 1
        below = np.cumsum(inside) * length / cells
        apart = place[None] - place[:, None]
        weight = 6 * np.maximum(1 - apart / 2, 0) ** 2 * (below[None] - below[:, None])
        found = (np.outer(inside, inside) * np.where(apart > 0, weight, 0)).sum() * (length / cells) ** 2
        assert found <= said * (1 + 2 / size)
    assert said > 0


def test_means_rise_with_what_is_uncovered():
    u = np.linspace(1e-6, 5, 2000)
    assert (np.diff(of_four(u)) > 0).all()
    for of in (3, 4, 8, 16):
        assert (np.diff(of_one(u, of)) > 0).all()
    # the bracket is the mean over the smallest in size of min(1, (1 + u/(1 - t))/2)^(of - 1)
    t = (np.arange(200_000) + 0.5) / 200_000
    for of, v in ((3, 0.2), (8, 0.6)):
        mean = (of * (1 - t) ** (of - 1) * np.minimum(1, (1 + v / (1 - t)) / 2) ** (of - 1)).mean()
        assert of_one(np.array([v]), of)[0] == pytest.approx(v * mean, rel=1e-6)


def test_no_law_of_two_points_beats_the_game():
    left, steps = 0.05, 4
    starts, table = closing_table(left, of_four, 2.0, steps)
    generator, beaten = np.random.default_rng(0), 0

    def value(h, u):
        return table[h][np.searchsorted(starts, u, side="left") - 1] if u > left else 0.0

    assert starts[1] <= left
    for _ in range(4000):
        u, h = np.exp(generator.uniform(np.log(left), np.log(3))), int(generator.integers(1, steps + 1))
        mean, high = float(of_four(np.array([u]))[0]), generator.uniform(0, 2 * u)
        if high <= mean:
            continue
        low = generator.uniform(0, mean)
        share = (mean - low) / (high - low)
        beaten += 1
        assert share * value(h - 1, high) + (1 - share) * value(h - 1, low) <= value(h, u) + 1e-9
    assert beaten > 1000


def test_a_cover_fails_as_often_as_the_game_after_the_best_of_several_starts():
    eps = 0.05
    cover = closings(eps, "groups", 2)[0]
    each = []
    for share in (0.3, 0.6, 0.75, 0.85):
        left = 2 * (1 - share) * eps
        starts, table = closing_table(left, of_four, 2.0, cover.steps)
        mean = halves_uncovered(share * eps, 2, cover.block, 4 + left)
        rises = np.diff(table[cover.steps], prepend=0.0)
        each.append(sum(rise * min(1, mean / a) ** cover.starts for rise, a in zip(rises[1:], starts[1:], strict=True)))
    assert cover.failure == pytest.approx(min(each), rel=1e-6)


def test_draws_that_are_closed_are_covered():
    # the lemma without its probabilities: what is uncovered in V, step by step, then the sums themselves
    generator, eps, e, succeeded = np.random.default_rng(9), 0.3, 0.18, 0
    left = 2 * (eps - e)
    for _ in range(150):
        block, steps = generator.uniform(-1, 1, (2, 4)), generator.uniform(-1, 1, (2, 4))
        every = np.concatenate([block, steps])
        sums = sums_of(every, 2) - every.sum() / 2
        if uncovered(sums, e, 2 + left / 2) <= left:
            succeeded += 1
            assert uncovered(sums, eps * (1 + 1e-12), 2.0) == 0
    assert succeeded > 20


def test_one_of_each_starts_in_the_middle():
    assert ones_uncovered(0.01, 8, 5, 2.0) < 0.2


@pytest.mark.parametrize(("kind", "unit"), [("half", 0), ("groups", 4), ("one", 8)])
@pytest.mark.parametrize("eps", [0.99, 1e-6])
def test_precisions_may_be_coarse_or_fine(kind, unit, eps):
    found = closings(eps, kind, unit)
    assert found
    assert [cover.failure for cover in found] == sorted(cover.failure for cover in found)
    assert all(0 < cover.failure < 0.5 for cover in found)


@pytest.mark.parametrize(("kind", "unit"), [("half", 0), ("groups", 4), ("one", 3)])
def test_too_fine_a_precision_has_no_cover(kind, unit):
    assert closings(1e-100, kind, unit) == ()
