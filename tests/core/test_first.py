"""The first number that holds, against looking at all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.first import first, threshold


def naive(answers, low, high):
    return next((n for n in range(low, high) if answers[n]), high)


@given(
    low=st.integers(0, 30),
    length=st.integers(0, 60),
    start=st.integers(0, 100),
    guess=st.none() | st.integers(0, 60),
    step=st.integers(1, 50),
)
def test_it_is_the_first_of_all_from_any_guess_by_any_step(low, length, start, guess, step):
    high = low + length
    asked = []

    def holds(n):
        asked.append(n)
        return n >= start

    if guess is not None:
        guess = low + min(guess, length)
    assert first(holds, low, high, guess, step) == naive([n >= start for n in range(high)], low, high)
    assert all(low <= n < high for n in asked)
    assert len(set(asked)) == len(asked)


@given(low=st.integers(0, 30), start=st.integers(0, 10**9), guess=st.none() | st.integers(0, 10**6))
def test_without_an_end_it_is_found_in_a_logarithm_of_questions(low, start, guess):
    asked = []

    def holds(n):
        asked.append(n)
        return n >= start

    guess = None if guess is None else low + guess
    assert first(holds, low, guess=guess) == max(low, start)
    distance = abs(max(low, start) - (low if guess is None else guess))
    assert len(asked) <= 2 * distance.bit_length() + 2
    assert min(asked) >= low


@pytest.mark.parametrize(
    ("start", "questions"),
    [(100, [100, 93, 96, 98, 99]), (86, [100, 93, 79, 86, 82]), (128, [100, 107, 121, 149, 135])],
)
def test_it_steps_away_from_a_guess_by_steps_that_double(start, questions):
    asked = []

    def holds(n):
        asked.append(n)
        return n >= start

    assert first(holds, 0, guess=100, step=7) == start
    assert asked[:5] == questions


@given(answers=st.lists(st.booleans(), max_size=40), guess=st.none() | st.integers(0, 40), step=st.integers(1, 50))
def test_where_answers_go_up_and_down_it_holds_and_its_neighbour_does_not(answers, guess, step):
    high = len(answers)
    n = first(answers.__getitem__, 0, high, None if guess is None else min(guess, high), step)
    assert n == high or answers[n]
    assert n == 0 or not answers[n - 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1,), "low must be at least 0"),
        ((0.5,), "low must be a whole number"),
        ((3, 2), "high must be at least 3"),
        ((0, "7"), "high must be a whole number"),
        ((2, 9, 1), "guess must be at least 2"),
        ((2, 9, 10), "guess must be at most 9"),
        ((0, None, 1.5), "guess must be a whole number"),
        ((0, 9, 5, 0), "step must be at least 1"),
        ((0, None, None, 1.5), "step must be a whole number"),
    ],
)
def test_bounds_out_of_order_are_refused_before_anything_is_asked(arguments, message):
    with pytest.raises(ValueError, match=message):
        first(lambda n: pytest.fail("asked"), *arguments)


def test_what_is_asked_may_fail():
    with pytest.raises(ZeroDivisionError):
        first(lambda n: bool(1 // 0), 0, 9)


@given(at=st.floats(-5, 5), gap=st.sampled_from([0.0, 1e-9, 0.1]))
def test_the_threshold_is_the_least_real_that_holds(at, gap):
    found = threshold(lambda x: x >= at, -6.0, 6.0, gap)
    assert found >= at
    assert found - at <= max(gap, 1e-15)
    assert threshold(lambda _: False, -6.0, 6.0, gap) == 6.0
