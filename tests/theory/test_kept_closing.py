"""Covers of many choices with the reach that they need: sums of parts, room, and bounds above what draws show."""

import numpy as np
import pytest
from scipy.stats import beta

import theory.kept_closing as module
from slt.core.keep import Groups, Share, Size
from tests.theory.kept_small import measured
from theory.closing import Closing, closings
from theory.kept_closing import best_closing, closed_failure, closed_groups_failure
from theory.kept_sufficient import failure_at_most_kept, sufficient_kept_n
from theory.tops import tops_below


def test_the_bound_of_a_state_is_the_sum_of_its_parts():
    cover = Closing(block=5, starts=2, steps=3, failure=0.01)
    k = 5 + 6
    short = tops_below(1.5 - 2, 20 - k, 44 - 2 * k, locked=2, halves=2 * k)
    assert closed_failure(0.1, 1.5, 44, 2, 20, cover) == pytest.approx(0.01 + 4 * short, rel=1e-2)


@pytest.mark.parametrize(("free", "kept", "room"), [(32, 16, True), (31, 16, False), (32, 10, False), (34, 24, False)])
def test_covers_need_room_for_themselves_and_the_other_blocks(free, kept, room):
    # 2 (5 + 2 * 3) variables cover, ten more are the other block; at least 11 are kept, and at least 11 are not
    cover = Closing(block=5, starts=2, steps=3, failure=0.01)
    assert (closed_failure(0.1, 0.5, free, 0, kept, cover) < 1) is room


def test_the_best_cover_is_no_worse_than_any_other():
    best, found = best_closing(0.01, 1.0, 64, 0, 32)
    assert best == closed_failure(0.01, 1.0, 64, 0, 32, found) < 0.1
    for cover in closings(0.01, "half")[::20]:
        assert best <= closed_failure(0.01, 1.0, 64, 0, 32, cover)
    assert best_closing(0.01, 1.0, 10, 0, 5) == (1.0, None)


def test_groups_add_up_failure_and_reach_of_every_start(monkeypatch):
    cover = Closing(block=4, starts=2, steps=2, failure=0.01)
    monkeypatch.setattr(module, "closings", lambda *_: (cover,))
    monkeypatch.setattr(
        module, "groups_short", lambda c, groups, first, states: np.array([0.001 * (groups - first[0])])
    )
    assert closed_groups_failure(12, 0.1, Groups(2, 4), 1.0) == pytest.approx(0.01 + 4 * 0.001 * 6)
    assert closed_groups_failure(9, 0.1, Groups(2, 4), 1.0) == 1  # two blocks and two steps are ten groups
    assert closed_groups_failure(8, 0.1, Groups(4, 8), 1.0) == 1  # a group of eight has two steps
    assert closed_groups_failure(9, 0.1, Groups(4, 8), 1.0) == pytest.approx(0.01 + 4 * 0.001 * 4)


def test_one_of_each_adds_up_failure_and_reach(monkeypatch):
    cover = Closing(block=3, starts=2, steps=2, failure=0.01)
    monkeypatch.setattr(module, "closings", lambda *_: (cover,))
    bound = closed_groups_failure(8, 0.1, Groups(1, 8), 1.0)
    generator, draws = np.random.default_rng(0), 200_000
    values = generator.uniform(-1, 1, (draws, 5, 8))
    base = np.take_along_axis(values[:, :2], np.abs(values[:, :2]).argmin(axis=2)[:, :, None], axis=2).sum(axis=(1, 2))
    short = (base + values[:, 2:].max(axis=2).sum(axis=1) < 0).mean()
    assert 0.01 + 4 * short <= bound + 1e-4 < 1
    assert closed_groups_failure(7, 0.1, Groups(1, 8), 1.0) == 1
    assert closed_groups_failure(8, 0.1, Groups(1, 8), 3.0) > bound


@pytest.mark.parametrize("keep", [Groups(1, 2), Groups(2, 6), Groups(3, 4), Groups(3, 6), Groups(0, 4)])
def test_other_groups_have_no_such_cover(keep):
    assert closed_groups_failure(40, 0.1, keep, 1.0) == 1


@pytest.mark.parametrize(
    ("keep", "said", "n", "eps"),
    [(Groups(2, 4), ("groups", 2, 4, False), 52, 0.05), (Groups(1, 8), ("groups", 1, 8, False), 64, 0.1),
     (Share(0.5), ("share", 0.5), 48, 0.05)],
)  # fmt: skip
def test_no_draws_fail_more_often_than_the_bound(keep, said, n, eps):
    draws = 60
    bound = failure_at_most_kept(n, eps, keep)
    success, _ = measured(n, eps, said, draws)
    failed = round((1 - success) * draws)
    assert (beta.ppf(0.001, failed, draws - failed + 1) if failed else 0.0) <= bound < 0.95


@pytest.mark.long
def test_many_choices_need_few_variables_at_fine_precisions():
    # the aims of these covers: at most 3 times what is measured for 2:4, at most 4 times at the centre
    for eps, found in ((0.1, 20), (0.01, 28), (0.001, 32)):
        assert sufficient_kept_n(eps, 0.05, Groups(2, 4)) <= 3 * found
    for eps, found in ((0.01, 19), (0.001, 23)):
        assert sufficient_kept_n(eps, 0.05, Share(0.5)) <= 4 * found


@pytest.mark.long
def test_the_bounds_fall_with_eps_and_rise_with_the_radius():
    for keep, n in ((Size(30), 60), (Groups(2, 4), 68), (Groups(1, 8), 104)):
        by_eps = [failure_at_most_kept(n, eps, keep) for eps in (0.03, 0.01, 0.003)]
        assert by_eps == sorted(by_eps)
        by_radius = [failure_at_most_kept(n, 0.01, keep, radius=r) for r in (0.5, 1, 2)]
        assert by_radius == sorted(by_radius)
