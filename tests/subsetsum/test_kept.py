"""Decisions and worst errors with a prescribed number of kept variables, against all masks that comply."""

from fractions import Fraction
from functools import cache
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.keep import Groups
from subsetsum import covers, covers_values, draw, success_counts, success_probability, targets, worst_errors
from subsetsum.kept import columns, prescribed, rooms
from subsetsum.kernels import kept_bits, kept_trials
from subsetsum.kernels.kept import prepare
from subsetsum.kernels.kept_chains import new_lists, worst
from tests import naive
from tests.subsetsum.problems import KINDS, problem

GROUPS = ("2:4", "2:4 lenient", "1:2", "1:3 lenient", "3:4 lenient", "0:2", "0:2 lenient", "4:4", "1:1", "5:12 lenient")


def wanted(n, size=None, sparsity=None, keep=None):
    """What the argument asks of n variables, as arguments of ``naive.kept_masks``."""
    if size is not None:
        return {"size": size}
    if sparsity is not None:
        return {"kept": n - floor(Fraction(sparsity) * n + Fraction(1, 2))}  # for sparsities that floats hold
    count, of = map(int, keep.split()[0].split(":"))
    return {"groups": (count, of), "lenient": "lenient" in keep}


@cache
def masks(states, items):
    return naive.kept_masks(states, **dict(items))


def sums_of(values, states, **asked):
    """All sums that comply, or none; masks are found once for states that come again."""
    return naive.kept_sums(values, masks(tuple(int(s) for s in states), tuple(wanted(len(values), **asked).items())))


def asked_of(n):
    """Every size, some sparsities and the groups that divide n."""
    yield from ({"size": size} for size in range(n + 2))
    yield from ({"sparsity": sparsity} for sparsity in (0.0, 0.125, 0.25, 0.5, 0.625, 0.75, 1.0))
    yield from ({"keep": keep} for keep in GROUPS if n % wanted(n, keep=keep)["groups"][1] == 0)


def twice_worst(values, states, window, **asked):
    """Twice the worst error in whole units, or -1 where nothing complies."""
    sums = sums_of(values, states, **asked)
    return int(naive.twice_worst_error(sums, window)) if len(sums) else -1


SETTINGS = [
    {"n": n, "prune": p, "lock": q, "radius": radius, "exact_counts": exact, "seed": seed}
    for seed, (n, p, q, radius, exact) in enumerate(
        [
            (0, 0.0, 0.0, 1.0, False),
            (1, 0.2, 0.3, 0.5, False),
            (4, 0.0, 0.0, 1.0, False),
            (6, 0.0, 0.3, 0.75, True),
            (8, 0.4, 0.3, 1.0, False),
            (12, 0.2, 0.1, 0.25, False),
            (12, 1.0, 0.0, 0.5, False),
            (4, 0.0, 1.0, 0.25, False),
            (12, 0.25, 0.5, 2.0, True),
        ]
    )
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_covers_and_worst_errors_equal_brute_force(setting):
    trials, n = 15, setting["n"]
    values, states = draw(trials=trials, **{k: v for k, v in setting.items() if k != "radius"})
    units = np.ldexp(values, 52).astype(np.int64)
    window = int(setting["radius"] * 2**52)
    succeeded = 0
    for asked in asked_of(n):
        twice = np.array([twice_worst(x, s, window, **asked) for x, s in zip(units, states, strict=True)])
        expected = np.where(twice < 0, np.inf, np.ldexp(twice.astype(float), -53))
        np.testing.assert_array_equal(worst_errors(trials=trials, **setting, **asked), expected)
        for eps in (0.75, 0.3, 0.1, 0.04, 0.01):
            found = covers(trials=trials, eps=eps, **setting, **asked)
            np.testing.assert_array_equal(found, expected <= eps)
            floored = worst_errors(trials=trials, floor=eps, **setting, **asked)
            np.testing.assert_array_equal(floored, np.maximum(expected, eps))
            succeeded += found.sum()
    assert succeeded > 0 or n == 0 or setting["lock"] + setting["prune"] >= 0.75


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_equal_brute_force_at_and_around_the_threshold(kind):
    """Bits with every pitch, chains and gaps, for thousands of problems with ties, duplicates and zeros."""
    rng = np.random.default_rng(400 + KINDS.index(kind))
    answers = set()
    for n in (1, 2, 5, 8):
        for asked in asked_of(n):
            keep = as_keep(asked)
            told, walk_and_room = prescribed(keep, n), rooms(keep, n)
            problems = [problem(rng, kind, n) for _ in range(12)]
            values = np.array([p[0] for p in problems])
            states = np.array([p[1] for p in problems], np.int8)
            radius = np.array([p[2] for p in problems], np.int64)
            if rng.random() < 0.3:
                radius[:] = 0
            exact = [twice_worst(x, s, r, **asked) for x, s, r in zip(values, states, radius, strict=True)]
            exact = np.array(exact)
            found = np.empty((len(problems), 1), np.int8)
            for eps2 in (exact - 1, exact, exact + 1, exact // 3, (exact * 0.97).astype(np.int64), exact * 2):
                eps2 = np.maximum(eps2, 0)  # noqa: PLW2901
                kept_trials.answer_given(values, states, told, radius, eps2, *walk_and_room, found)
                np.testing.assert_array_equal(found[:, 0] == 1, (exact >= 0) & (exact <= eps2))
                answers.update(found[:, 0].tolist())
            walk, room = walk_and_room
            for x, s, r, twice in zip(values, states, radius, exact, strict=True):
                m, fixed = prepare(x, s, told, walk)
                assert (m < 0) == (twice < 0)
                if m >= 0:
                    lists = new_lists(columns(keep, n))
                    for least in (0, max(twice - 1, 0), twice, twice + 1):
                        got, _ = worst(walk, m, -r - fixed, r - fixed, least, room.low, room.high, lists)
                        assert got == max(twice, least)
    assert answers == {0, 1}


def test_a_gap_about_0_is_covered_at_its_length_and_not_below():
    """One of two numbers, one of each of two pairs: here bits must tell to the unit, at the least of their errors."""
    rng = np.random.default_rng(6)
    trials = 2000
    a = rng.integers(2**40, 2**50, trials)
    b = a + rng.integers(-(a // 4), a // 4)
    radius = (a + b) // 8 + 1
    pair, zero = np.stack([-a, b], axis=1), np.zeros(trials, np.int64)
    for values, keep in (
        (pair, as_keep({"size": 1})),
        (np.column_stack([pair, zero, zero, 0 * a + 1, 0 * a + 1]), as_keep({"keep": "1:2"})),
    ):
        n = values.shape[1]
        told, walk_and_room, found = prescribed(keep, n), rooms(keep, n), np.empty((trials, 1), np.int8)
        states = np.zeros(values.shape, np.int8)
        for eps2, expected in ((a + b, 1), (a + b - 1, 0)):
            kept_trials.answer_given(np.ascontiguousarray(values), states, told, radius, eps2, *walk_and_room, found)
            assert (found == expected).all()


def as_keep(asked):
    from slt.core.keep import keep_of

    return keep_of(**asked)


@given(
    n=st.integers(0, 9),
    p=st.integers(0, 8),
    q=st.integers(0, 8),
    eps=st.integers(1, 255),
    radius=st.integers(1, 600),
    seed=st.integers(0, 2**64 - 1),
    which=st.integers(0, 100),
)
def test_any_setting_equals_the_union_of_intervals(n, p, q, eps, radius, seed, which):
    prune, lock = p / 8, min(q, 8 - p) / 8
    choices = list(asked_of(n))
    asked = choices[which % len(choices)]
    received = covers(n, eps / 256, 3, prune=prune, lock=lock, radius=radius / 256, seed=seed, jobs=1, **asked)
    for trial in range(3):
        states, ks = naive.philox_draw(n, trial, seed, prune, lock)
        sums = sums_of(ks, states, **asked)
        assert received[trial] == (len(sums) > 0 and naive.covers(sums, radius * 2**44, eps * 2**44))


@pytest.mark.parametrize("asked", [{"size": 5}, {"sparsity": 0.5}, {"keep": "2:4"}, {"keep": "2:4 lenient"}])
def test_own_numbers_are_decided_as_drawn_ones(asked):
    values, states = draw(12, 300, prune=0.1, lock=0.1, seed=7)
    found = covers_values(values=values, states=states, eps=0.1, radius=0.5, **asked)
    np.testing.assert_array_equal(found, covers(12, 0.1, 300, prune=0.1, lock=0.1, seed=7, radius=0.5, **asked))
    assert 0 < found.sum() < 300
    scaled = covers_values(values=1024 * values, states=states, eps=102.4, radius=512.0, **asked)
    np.testing.assert_array_equal(scaled, found)
    order = np.random.default_rng(0).permutation(12) if "keep" not in asked else np.arange(12).reshape(3, 4)[::-1, ::-1]
    moved = covers_values(
        values=values[:, order.ravel()], states=states[:, order.ravel()], eps=0.1, radius=0.5, **asked
    )
    np.testing.assert_array_equal(moved, found)


@pytest.mark.parametrize("eps", [2.0**-20, 2.0**-44, 2.0**-48, 2.0**-52])
def test_sums_near_the_window_are_found_however_far_the_way_to_it_is_in_units_of_eps(eps):
    steps = eps * np.arange(-3, 4)  # from a million to 2**52 eps away from 0
    values = np.array([[-2.0, *(1 + steps), 1.0]])
    states = np.array([[1] + 8 * [0]], np.int8)
    for radius, size, expected in ((4 * eps, 2, True), (7 * eps, 2, False), (4 * eps, 1, False), (eps, 3, False)):
        found = covers_values(values=values, states=states, eps=eps, radius=radius, size=size)
        assert found[0] == expected
        mirrored = covers_values(values=-values, states=states, eps=eps, radius=radius, size=size)
        assert mirrored[0] == expected


@pytest.mark.parametrize("size", [0, 1, 3, 7, 13, 14])
def test_negated_numbers_and_complements_are_covered_alike(size):
    """x -> -x mirrors the sums; the sums of what is dropped are the total less the sums of what is kept."""
    rng = np.random.default_rng(size)
    values = rng.integers(-(2**30), 2**30, (400, 14)) / 2**30
    values -= values.mean(axis=1, keepdims=True)  # so that the complements' windows are nearly centred, too
    values = np.round(values * 2**34) / 2**34
    states = np.zeros((400, 14), np.int8)
    shift = -values.sum(axis=1, keepdims=True)
    for eps in (0.3, 0.05, 0.02):
        found = covers_values(values=values, states=states, eps=eps, radius=0.5, size=size)
        np.testing.assert_array_equal(
            covers_values(values=-values, states=states, eps=eps, radius=0.5, size=size), found
        )
        # keeping 14 - size of -x beside the locked total: total - (sum of those kept)
        other = np.hstack([-values, -shift])
        fates = np.hstack([states, np.ones((400, 1), np.int8)])
        np.testing.assert_array_equal(
            covers_values(values=other, states=fates, eps=eps, radius=0.5, size=14 - size), found
        )
    assert size in (0, 14) or found.any() or size in (1, 3, 13)


def test_bits_and_chains_agree_where_nothing_can_be_enumerated():
    """Decisions by bits equal those read off worst errors by chains; one engine is told nothing of the other."""
    for n, law, asked, eps in (
        (40, {}, {"size": 33}, 0.01),
        (40, {}, {"size": 3}, 0.003),
        (60, {"prune": 0.2, "lock": 0.5}, {"sparsity": 0.3}, 0.01),
        (24, {}, {"keep": "1:8"}, 0.02),
        (60, {"prune": 0.3, "lock": 0.2}, {"keep": "2:4 lenient"}, 0.02),
        (120, {}, {"size": 110}, 0.01),
        (600, {"prune": 0.45, "lock": 0.5}, {"sparsity": 0.47}, 0.5),
        (600, {"prune": 0.4, "lock": 0.3}, {"sparsity": 0.42}, 0.05),
        (520, {"prune": 0.4, "lock": 0.2}, {"keep": "6:8 lenient"}, 0.05),
    ):
        covered = covers(n, eps, 60, seed=5, **law, **asked)
        assert 0 < covered.sum() < 60, (asked, covered.sum())
        np.testing.assert_array_equal(covered, worst_errors(n, 60, seed=5, floor=eps / 2, **law, **asked) <= eps)


def test_bits_alone_decide_most_trials():
    n, trials = 40, 50
    values, states = draw(n, trials)
    units, eps2 = np.ldexp(values, 52).astype(np.int64), 2**46
    for asked in ({"size": 4}, {"size": 20}, {"keep": "2:4"}):
        keep = as_keep(asked)
        walk, room = rooms(keep, n)
        unknown = 0
        for x, s in zip(units, states, strict=True):
            m, fixed = prepare(x, s, prescribed(keep, n), walk)
            found = np.full((1, 1), -1, np.int8)
            ends = np.array([2**51])
            kept_bits.look(walk, m, -ends - fixed, ends - fixed, eps2, kept_bits.first_pitch(eps2, m), room, found)
            unknown += found[0, 0] < 0
        assert unknown < 10


@pytest.mark.parametrize("asked", [{"size": 4}, {"sparsity": 0.5}, {"keep": "2:4"}, {"keep": "3:5 lenient"}])
@pytest.mark.parametrize("exact_counts", [False, True])
def test_counts_are_one_decision_per_n(asked, exact_counts):
    n_max, eps, trials, radius = 12, 0.1, 30, 0.5
    law = {"prune": 0.1, "lock": 0.2, "seed": 3, "exact_counts": exact_counts}
    points = np.array([0.0, 0.5, -0.5, 0.2, -0.77, 1.5])
    received = success_counts(n_max, eps, trials, radius=radius, targets=points, **law, **asked)
    group = wanted(n_max, **asked).get("groups", (0, 1))[1]
    for n in range(n_max + 1):
        if n % group:
            assert received.uniform[n] == 0
            assert (received.pointwise[n] == 0).all()
            continue
        hits = np.zeros(1 + len(points), int)
        for trial in range(trials):
            counts = (int(n * 0.1 + 1e-9), int(n * 0.2 + 1e-9)) if exact_counts else None
            states, ks = naive.philox_draw(n, trial, 3, 0.1, 0.2, counts)
            sums = sums_of(ks, states, **asked)
            if len(sums):
                hits[0] += naive.covers(sums, Fraction(radius) * 2**52, Fraction(eps) * 2**52)
                hits[1:] += [naive.hits(sums, Fraction(z) * 2**52, Fraction(eps) * 2**52) for z in points]
        assert [received.uniform[n], *received.pointwise[n]] == hits.tolist()
    assert received.pointwise.max() > 0


@pytest.mark.parametrize("asked", [{"size": 6}, {"sparsity": 0.5}, {"keep": "2:4 lenient"}])
def test_probabilities_are_those_of_the_counts(asked):
    law = {"prune": 0.1, "lock": 0.2, "seed": 3, "radius": 0.5}
    counts = success_counts(12, 0.05, 200, targets=targets(0.5), **law, **asked)
    uniform = success_probability(0.05, n=12, trials=200, **law, **asked)
    pointwise = success_probability(0.05, n=12, trials=200, reading="pointwise", **law, **asked)
    assert uniform.value == counts.uniform[12] / 200
    assert pointwise.value == counts.pointwise[12].min() / 200 > uniform.value


def test_nothing_depends_on_threads_or_on_the_number_of_trials():
    law = {"prune": 0.1, "lock": 0.2, "seed": 2}
    for asked in ({"size": 8}, {"sparsity": 0.5}, {"keep": "2:4 lenient"}):
        covered, errors = (
            covers(24, 0.03, 300, jobs=1, **law, **asked),
            worst_errors(24, 300, floor=0.01, **law, **asked),
        )
        assert 0 < covered.sum() < 300
        np.testing.assert_array_equal(covers(24, 0.03, 300, jobs=3, **law, **asked), covered)
        np.testing.assert_array_equal(worst_errors(24, 300, floor=0.01, jobs=3, **law, **asked), errors)
        np.testing.assert_array_equal(covers(24, 0.03, 60, first=40, **law, **asked), covered[40:100])


def test_every_function_takes_groups_as_text_and_as_a_value():
    text, value = {"keep": "2:4 lenient"}, {"keep": Groups(2, 4, True)}
    np.testing.assert_array_equal(covers(12, 0.2, 50, **text), covers(12, 0.2, 50, **value))


@pytest.mark.parametrize("radius", [0.125, 511.0])
@pytest.mark.parametrize("asked", [{"size": 0}, {"sparsity": 1.0}, {"keep": "0:3"}])
def test_where_nothing_is_kept_the_error_is_the_radius(radius, asked):
    assert (worst_errors(6, 5, radius=radius, **asked) == radius).all()
    assert covers(6, 0.125, 5, radius=radius, **asked).all() == (radius < 1)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"size": 2, "keep": "2:4"}, "size and keep both say how many variables are kept"),
        ({"size": -1}, "size must be at least 0"),
        ({"size": 1.5}, "size must be a whole number"),
        ({"sparsity": 1.5}, "sparsity must lie in"),
        ({"keep": "5:4"}, "keep must be N:M with"),
        ({"keep": "2 of 4"}, "keep must be N:M or"),
        ({"keep": "2:3"}, "n must be a multiple of 3 for keep 2:3, got 4"),
        (
            {"size": 2, "law": "normal 1"},
            "size, sparsity and keep are decided for the law uniform 1 without signs only",
        ),
        ({"keep": "2:4", "signed": True}, "size, sparsity and keep are decided for the law uniform 1"),
        ({"n": 2**19, "sparsity": 0.5}, "n = 524288 is too large where the number of kept variables is prescribed"),
        ({"n": 300, "size": 100, "eps": 1e-14}, "eps = 1e-14 is too small: .* GiB"),
    ],
)
def test_bad_arguments_get_one_line(arguments, line):
    everything = {"n": 4, "eps": 0.1, "trials": 1, **arguments}
    n, eps, trials = (everything.pop(name) for name in ("n", "eps", "trials"))
    calls = [
        lambda: covers(n, eps, trials, **everything),
        lambda: success_probability(eps, n=n, trials=trials, reading="pointwise", **everything),
        lambda: worst_errors(n, trials, floor=eps, **everything),
    ]
    if line.startswith("eps"):
        calls.pop()  # there it is a floor
    if "a multiple" not in line:
        calls.append(lambda: success_counts(n, eps, trials, **everything))
    if not everything.keys() & {"law", "signed"} and n == 4:
        calls.append(lambda: covers_values(values=np.ones(4), states=np.zeros(4), eps=eps, **everything))
    for call in calls:
        with pytest.raises(ValueError, match=f"^{line}") as error:
            call()
        assert "\n" not in str(error.value)


def test_worst_errors_refuse_what_memory_would_not_hold():
    with pytest.raises(ValueError, match=r"^floor = 0 is too small: .* GiB"):
        worst_errors(70, 1, size=35)
    assert worst_errors(70, 1, size=1) > 0.01  # 70 sums


def test_more_than_there_are_fails_however_much_more():
    assert not covers(3, 0.5, 4, size=10**30).any()
    assert (worst_errors(3, 4, size=4) == np.inf).all()
