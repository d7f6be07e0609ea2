"""The floor is below the best of all masks, every time; a floor twice as high is not."""

import re
from itertools import product
from math import exp, pi

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.theory.floors import sup_error_floor
from theory.obstruction import guaranteed_error, no_copy_probability, obstruction_probability

weight = st.integers(-16, 16).map(lambda k: k / 16)
state = st.sampled_from([-1, 0, 1, 1])


@st.composite
def sources(draw, most=3):
    n = draw(st.integers(1, most))
    row = st.tuples(weight, weight, weight, state, state, state)
    table = np.array(draw(st.lists(row, min_size=n, max_size=n)))
    states = table[:, 3:].astype(int)
    return table[:, :2], states[:, :2], table[:, 2], states[:, 2]


def masks(first_states, second_states):
    """Every mask that keeps what is locked and drops what is pruned, edge by edge."""
    flat = [*first_states.ravel(), *second_states]
    for bits in product(*[{-1: (0,), 0: (0, 1), 1: (1,)}[s] for s in flat]):
        yield np.reshape(bits[: first_states.size], first_states.shape), np.array(bits[first_states.size :])


def least_error(source, target, relu_output=False, points=720):
    """The best mask's sup error over the unit circle: (least on a grid, upper bound of the true optimum).

    Everything is positively homogeneous, so the sup over the disc lies on the circle. An error changes by at most its
    Lipschitz constant, the sum of |c| |a| and |w|, times the distance to the next point, at most pi / points.
    """
    values, first_states, outputs, second_states = source
    angle = np.arange(points) * 2 * pi / points
    x = np.stack([np.cos(angle), np.sin(angle)])
    goal = target @ x
    least = slack = np.inf
    for first, second in masks(first_states, second_states):
        f = (outputs * second) @ np.maximum((values * first) @ x, 0)
        error = np.abs(np.maximum(f, 0) - np.maximum(goal, 0) if relu_output else f - goal).max()
        least = min(least, error)
        lipschitz = np.hypot(*target) + (np.abs(outputs * second) * np.hypot(*(values * first).T)).sum()
        slack = min(slack, error + lipschitz * pi / points)
    return least, slack


DIRECTIONS = [np.array(w) for w in ((0.0, 0.0), (0.75, -0.5), (0.25, 1.0))]


@pytest.mark.long
@given(source=sources(), target=st.sampled_from(DIRECTIONS), relu_output=st.booleans())
@example((np.array([[0.5, 1.0]]), np.array([[1, 1]]), np.array([-1.0]), np.array([1])), DIRECTIONS[1], True)
@example((np.array([[0.5, 1.0]]), np.array([[1, 1]]), np.array([1.0]), np.array([1])), DIRECTIONS[0], True)
def test_floor_is_below_the_best_of_all_masks(source, target, relu_output):
    floor = sup_error_floor(*source, target, relu_output=relu_output)
    assert floor <= least_error(source, target, relu_output)[1]


def random_source(rng, n):
    states = rng.choice([-1, 0, 1], size=(n, 3), p=[0.2, 0.3, 0.5])
    return rng.uniform(-1, 1, (n, 2)), states[:, :2], rng.uniform(-1, 1, n), states[:, 2]


def instances(seed, count, relu_output=False):
    """Random sources of up to 4 neurons with a target: random, or half of what the forced neurons add up to.

    Yields the floor and the two values of :func:`least_error`.
    """
    rng = np.random.default_rng(seed)
    for turn in range(count):
        n = int(rng.integers(1, 5))
        states = rng.choice([-1, 0, 1], size=(n, 3), p=[0.2, 0.3, 0.5])
        values, outputs = rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, n)
        source = values, states[:, :2], outputs, states[:, 2]
        forced = (states == 1).all(axis=1)
        target = rng.uniform(-1, 1, 2) if turn % 2 else (outputs * forced) @ values / 2
        floor = sup_error_floor(*source, target, relu_output=relu_output)
        yield floor, *least_error(source, target, relu_output)


@pytest.mark.parametrize("relu_output", [False, True])
def test_floor_is_below_the_optimum_of_random_tiny_sources(relu_output):
    received = list(instances(3, 400, relu_output))
    assert all(floor <= above for floor, _, above in received)
    assert sum(floor > 0 for floor, _, _ in received) >= 20


def test_a_floor_twice_as_high_is_caught():
    assert sum(2 * floor > above for floor, _, above in instances(3, 400)) >= 3


def test_floor_is_met_where_the_target_is_best():
    floor, least = max(((f, e) for f, e, _ in instances(3, 400) if f > 0), key=lambda pair: pair[0] / pair[1])
    assert floor == pytest.approx(least, rel=1e-4)


def test_one_forced_kink_errs_by_half_its_slope_and_no_more():
    a, c = np.array([[0.6, 0.8]]), np.array([0.5])
    floor = sup_error_floor(a, [[1, 1]], c, [1], [0.0, 0.0])
    assert floor == pytest.approx(0.5 / 2, rel=1e-10)
    best = least_error((a, np.array([[1, 1]]), c, np.array([1])), c[0] * a[0] / 2)[0]
    assert best == pytest.approx(floor, rel=1e-4)
    assert floor <= c[0] / 2  # rounded down


@given(source=sources(most=4))
def test_without_locking_in_the_first_layer_there_is_no_floor(source):
    values, first_states, outputs, second_states = source
    assert sup_error_floor(values, np.minimum(first_states, 0), outputs, second_states, [1.0, 0.0]) == 0.0


@pytest.mark.parametrize("edge", [0, 1, 2])
@pytest.mark.parametrize("fate", [-1, 0])
def test_a_kink_is_forced_only_by_three_locked_edges(edge, fate):
    states = [1, 1, 1]
    states[edge] = fate
    assert sup_error_floor([[0.5, 0.5]], [states[:2]], [1.0], states[2:], [0.0, 0.0]) == 0.0


def test_kinks_that_some_mask_can_make_shorten_the_chord():
    def floor(states, fate):
        values = [[0.6, 0.8], [0.8, 0.6]]
        return sup_error_floor(values, [[1, 1], states], [1.0, 1.0], [1, fate], [0.0, 0.0])

    alone = floor([1, 1], -1)
    assert alone == pytest.approx(0.5, rel=1e-10)
    # one other line, b1 + b2 = pi: sin b1 sin b2 / (sin b1 + sin b2) = sin(b) / 2, sin b = 0.8 * 0.8 - 0.6 * 0.6
    assert floor([1, 1], 1) == floor([1, 1], 0) == pytest.approx(0.28 / 2, rel=1e-10)
    # dropped edges make the axes possible, pruned ones leave nothing else
    assert floor([1, 0], 0) < alone
    assert floor([-1, 0], 0) < alone
    assert floor([-1, -1], 1) == alone


@given(source=sources(most=4), seed=st.integers(0, 9))
def test_nothing_changes_when_neurons_are_permuted_or_the_plane_is_turned_over(source, seed):
    values, first_states, outputs, second_states = source
    target = np.array([0.5, -0.25])
    floor = sup_error_floor(*source, target)
    order = np.random.default_rng(seed).permutation(len(outputs))
    assert sup_error_floor(*(part[order] for part in source), target) == pytest.approx(floor, abs=1e-9)
    swapped = sup_error_floor(values[:, ::-1], first_states[:, ::-1], outputs, second_states, target[::-1])
    assert swapped == pytest.approx(floor, abs=1e-9)
    assert sup_error_floor(-values, first_states, -outputs, second_states, target) == pytest.approx(floor, abs=1e-9)


def test_other_inputs_do_not_count_and_any_plane_can_be_asked_for():
    rng = np.random.default_rng(1)
    values, outputs = rng.uniform(-1, 1, (6, 4)), rng.uniform(-1, 1, 6)
    locked = np.ones((6, 4), int)
    whole = sup_error_floor(values, locked, outputs, locked[:, 0], np.zeros(4), plane=(3, 1))
    cut = sup_error_floor(values[:, [3, 1]], locked[:, :2], outputs, locked[:, 0], np.zeros(2))
    assert whole == cut > 0


def test_a_relu_output_can_hide_a_kink_where_the_target_is_zero():
    source = [[0.6, 0.8]], [[1, 1]], [-1.0], [1]
    assert sup_error_floor(*source, [0.0, 0.0], relu_output=True) == 0.0
    assert sup_error_floor(*source, [0.8, -0.6], relu_output=True) > 0.1
    assert sup_error_floor(*source, [0.6, 0.8], relu_output=True) < 1e-9
    # targets turned to either side of the kink line (-0.8, 0.6) by the same angle: sums of it and the normal
    left, right = ([0.05 * (-0.8 + side * 0.6), 0.05 * (0.6 + side * 0.8)] for side in (-0.8, 0.8))
    expected = sup_error_floor(*source, left, relu_output=True)
    assert 0 < expected < 0.05
    assert sup_error_floor(*source, right, relu_output=True) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("width", [1, 2, 10, 1000, 10**6])
def test_the_guaranteed_error_is_at_least_one_in_64_widths(width):
    assert 1 / (64 * width) <= guaranteed_error(width) <= 1 / (63 * width)


def test_the_probability_is_above_the_plain_mcdiarmid_form_and_grows():
    for q1, q2, width in product((0.05, 0.3, 0.7, 1.0), (0.1, 0.5, 1.0), (1, 30, 1000)):
        received = obstruction_probability(width, q1, q2)
        assert 1 - exp(-((q1**2 * q2) ** 2) * width / 128) < received <= 1
        assert received < 1 or width == 1000
        assert received <= obstruction_probability(width + 1, q1, q2)
    assert obstruction_probability(50, 0.0, 0.5) == obstruction_probability(50, 0.5, 0.0) == 0.0
    # all locked, by hand: t = 1/8, exponent (9/32)(1/8)(1/2) N = 9 N / 512
    assert obstruction_probability(100, 1.0, 1.0) == pytest.approx(1 - exp(-900 / 512))


@pytest.mark.parametrize(("q1", "q2", "width"), [(0.8, 0.8, 40), (0.5, 0.6, 150)])
def test_random_sources_are_obstructed_as_often_as_promised(q1, q2, width):
    rng = np.random.default_rng(11)
    trials, hit = 200, 0
    for _ in range(trials):
        states = np.where(rng.random((width, 3)) < [q1, q1, q2], 1, rng.choice([-1, 0], (width, 3)))
        values = rng.uniform(-1, 1, (width, 3))
        floor = sup_error_floor(values[:, :2], states[:, :2], values[:, 2], states[:, 2], [0.0, 1.0])
        hit += floor >= guaranteed_error(width)
    promised = obstruction_probability(width, q1, q2)
    assert promised > 0.3
    # five standard deviations of the count below what is promised
    assert hit >= trials * promised - 5 * (trials * promised * (1 - promised)) ** 0.5


@pytest.mark.parametrize(("q1", "q2", "first", "second"), [(0.8, 0.8, 120, 4), (0.9, 0.6, 260, 12)])
def test_no_neuron_of_the_second_layer_is_a_copy_as_often_as_promised(q1, q2, first, second):
    rng = np.random.default_rng(12)
    trials, hit = 120, 0
    for _ in range(trials):
        edges = np.where(rng.random((first, 2)) < q1, 1, rng.choice([-1, 0], (first, 2)))
        outer = np.where(rng.random((second, first)) < q2, 1, rng.choice([-1, 0], (second, first)))
        a, c = rng.uniform(-1, 1, (first, 2)), rng.uniform(-1, 1, (second, first))
        floors = [sup_error_floor(a, edges, c[j], outer[j], [0.0, 1.0]) for j in range(second)]
        hit += min(floors) >= guaranteed_error(first)
    promised = no_copy_probability(first, second, q1, q2)
    assert promised > 0.3
    assert hit >= trials * promised - 5 * (trials * promised * (1 - promised)) ** 0.5


def test_the_union_over_neurons_promises_less_the_more_there_are():
    for first, second in ((400, 1), (400, 7), (1000, 30)):
        missed = second * (1 - obstruction_probability(first, 0.7, 0.7))
        assert no_copy_probability(first, second, 0.7, 0.7) == pytest.approx(max(0, 1 - missed), abs=1e-15)
    assert no_copy_probability(10, 10**6, 0.7, 0.7) == 0.0
    assert no_copy_probability(10**5, 10, 0.0, 0.7) == 0.0
    with pytest.raises(ValueError, match="second_width"):
        no_copy_probability(10, 0, 0.5, 0.5)


def test_bad_input_is_told_in_one_line():
    good = [np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2), np.zeros(2), np.zeros(2)]
    bad = [
        (0, np.zeros(2), "first_values must have shape (N, d)"),
        (0, np.zeros((2, 1)), "d >= 2"),
        (0, np.full((2, 2), 1.5), "first_values must lie in [-1, 1], got 1.5"),
        (0, np.full((2, 2), np.nan), "first_values must be finite, got nan"),
        (1, np.zeros((2, 3)), "first_states must have shape (2, 2)"),
        (1, np.full((2, 2), 2), "first_states must be -1 (pruned), 0 (free) or 1 (locked), got 2"),
        (2, np.zeros(3), "second_values must have shape (2,)"),
        (3, np.full(2, 0.5), "second_states must be -1 (pruned), 0 (free) or 1 (locked), got 0.5"),
        (4, np.zeros(3), "target must have shape (2,)"),
        (4, np.full(2, np.inf), "target must be finite, got inf"),
    ]
    for at, argument, line in bad:
        with pytest.raises(ValueError, match=f"^[^\n]*{re.escape(line)}[^\n]*$"):
            sup_error_floor(*[argument if i == at else part for i, part in enumerate(good)])
    for plane in ((0, 0), (0, 2), (-1, 0)):
        with pytest.raises(ValueError, match="plane"):
            sup_error_floor(*good, plane=plane)
    with pytest.raises(ValueError, match="width"):
        guaranteed_error(0)
    with pytest.raises(ValueError, match="width"):
        obstruction_probability(0, 0.5, 0.5)
    with pytest.raises(ValueError, match="first_lock"):
        obstruction_probability(3, 1.2, 0.5)
