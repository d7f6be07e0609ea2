"""What bounds the constant of a tail from either side, against the statement itself at single points."""

from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.asymptotics import closed_form_n
from theory.game import START_SHARE, cover_failure, cover_failures
from theory.tails import COUNTING, LUEKER, PROVEN_KAPPA, Tail, dacunha, log_markov

TAILS = st.builds(Tail, st.sampled_from([1.0, 2.0]), st.floats(0.5, 20), st.sampled_from([1.0, 2.0]))


def said(tail, n, eps, C):
    """The failure probability that is allowed, as it is printed; 1 where nothing is said."""
    if tail is LUEKER:
        far = n / 2 - C * log(1 / eps)
        return exp(-(far**2) / (2 * n)) if far >= 0 else 1.0
    far = n - C * log(1 / eps)
    return 2 * exp(-(far**2) / (tail.kappa * n)) if far >= 0 else 1.0


@pytest.mark.parametrize("tail", [LUEKER, dacunha(8.0), dacunha(3.0)])
@pytest.mark.parametrize(("n", "eps", "C"), [(40, 0.01, 1.5), (40, 0.01, 3.0), (9, 0.3, 2.0), (5, 1e-4, 2.0)])
def test_what_is_allowed_is_what_is_printed(tail, n, eps, C):
    found = tail.allowed(n, log(1 / eps), C)
    assert (1.0 if found is None else exp(found)) == pytest.approx(said(tail, n, eps, C))


@given(TAILS, st.integers(1, 60), st.floats(0.1, 20), st.floats(1e-6, 1), st.floats(1e-3, 1))
def test_the_constant_is_where_a_statement_turns_from_false_to_true(tail, n, L, failure, step):
    C = tail.constant(n, L, failure)
    eps = exp(-L)
    assert not tail.broken(n, eps, failure, C + step)
    below = tail.allowed(n, L, C - step)
    assert below is not None  # something is said there, and it is less than the failure
    assert below < log(failure)
    if below < log(failure) - 1e-6:
        assert tail.broken(n, eps, failure, C - step)


def test_a_proven_constant_holds_at_every_n_and_precision_of_its_interval_and_a_smaller_one_does_not():
    e, end = 0.009, 0.01
    failures = cover_failures(e, 1e-15)
    for tail in (LUEKER, dacunha(4.0), dacunha(8.0)):
        C = tail.proven(e, end, list(failures))
        for eps in (e, 0.0095, end * (1 - 1e-12)):
            for n in range(1, 600):
                bound = min(log(failures[n]) if n < len(failures) else 0.0, log_markov(n, e))
                allowed = tail.allowed(n, log(1 / eps), C)
                assert allowed is None or bound <= allowed
        least = [tail.allowed(n, log(1 / end), 0.97 * C) for n in range(len(failures))]
        assert any(a is not None and a < log(p) for a, p in zip(least, failures, strict=True))


@pytest.mark.parametrize("eps", [0.4, 0.1, 1e-3, 1e-9, 1e-30])
def test_the_closed_constant_holds_at_every_n(eps):
    for tail in (LUEKER, dacunha(3.5), dacunha(16.0)):
        C = tail.proven_below(eps)
        for smaller in (eps, eps / 3, eps**1.5):
            L = log(1 / smaller)
            for n in range(1, int(40 * L) + 50):
                allowed = tail.allowed(n, L, C)
                assert allowed is None or min(log_markov(n, smaller), 0.0) <= allowed + 1e-9
    assert LUEKER.proven_below(1e-30) == pytest.approx(1 / log(4 / 3), rel=0.01)


@pytest.mark.long
def test_the_closed_bound_is_above_the_game_and_no_kappa_below_its_decay_is_proven():
    for eps in (0.3, 0.01, 1e-4):
        for n in (5, 40, 90):
            assert log(cover_failure(n, eps)) <= min(log_markov(n, eps), 0) + 1e-9
    assert dacunha(PROVEN_KAPPA - 0.01).proven_below(0.1) == dacunha(3.0).proven(0.1, 0.2, [1.0, 0.5]) == inf
    with pytest.raises(ValueError, match="until the closed bound is below 1"):
        LUEKER.proven(0.001, 0.0011, [1.0, 0.5])


@pytest.mark.parametrize("eps", [0.3, 0.01, 1e-6])
@pytest.mark.parametrize("delta", [0.1, 1e-9])
def test_the_closed_bound_is_the_cover_of_the_closed_form(eps, delta):
    """Which gives half of delta to it; at radius 1/2 nothing has to be shifted."""
    n = next(n for n in range(1000) if log_markov(n, eps) <= log(delta / 2))
    assert closed_form_n(eps, delta, radius=0.5) == n


@pytest.mark.parametrize("eps", [0.49, 0.4, 0.1, 1e-3])
def test_the_closed_bound_is_the_odds_of_being_uncovered_at_the_start_over_those_at_the_end(eps):
    s = START_SHARE
    uncovered = 2 * (1 - s) * eps
    start, left = 2 * s * eps / (1 + uncovered), uncovered / (1 + uncovered)
    odds = (1 - start) / start / (left / (1 - left))
    assert exp(log_markov(7, eps)) == pytest.approx(odds * 0.75**7, rel=1e-12)


def test_the_closed_constant_is_that_of_its_formula():
    for tail, eps in ((LUEKER, 0.4), (LUEKER, 1e-3), (dacunha(5.0), 0.1)):
        L, K = log(1 / eps), 1 / 0.84
        least = (2 * L + max(log(K) - log(tail.front), 0)) / (L * log(4 / 3)) / tail.unit
        assert tail.proven_below(eps) == pytest.approx(least, rel=1e-6)


def test_from_which_kappa_on_a_statement_is_proven():
    for kappa, proven in ((1 / log(4 / 3) - 1e-9, False), (1 / log(4 / 3) + 1e-9, True)):
        assert (Tail(1.0, kappa).proven_below(0.1) < inf) is proven
        assert (Tail(1.0, kappa).proven(0.1, 0.2, list(cover_failures(0.1, 1e-9))) < inf) is proven


def test_a_statement_with_a_constant_below_that_of_counting_speaks_of_numbers_whose_sums_are_too_few():
    L = 700.0
    assert int((COUNTING - 0.01) * L) * log(2) + log(2) - L < 0
    assert int((COUNTING + 0.01) * L) * log(2) + log(2) - L > 0


def test_a_true_constant_is_at_least_that_of_each_point():
    points = [(0, 0.1, 1.0), (1, 0.3, 0.9), (12, 0.01, 0.2), (30, 1e-4, 0.5)]
    each = [LUEKER.constant(n, log(1 / eps), p) for n, eps, p in points[1:]]
    assert LUEKER.above(points) == max(each)
    assert LUEKER.above(points[:2]) == each[0]
    assert LUEKER.above(points[:1]) == -inf
    assert LUEKER.constant(5, 1.0, 0.0) == -inf
    assert LUEKER.broken(40, 0.1, 0.9, 0.5)
    assert not LUEKER.broken(40, 0.1, 0.0, 0.5)
    with pytest.raises(ValueError, match="n must be"):
        LUEKER.constant(0, 1.0, 0.5)


def test_failures_have_to_go_on_until_the_closed_bound_is_below_one():
    failures = list(cover_failures(0.1, 1e-15))
    last = next(n for n in range(200) if log_markov(n, 0.1) <= 0)
    assert last < len(failures)
    with pytest.raises(ValueError, match="until the closed bound is below 1"):
        LUEKER.proven(0.1, 0.2, failures[:last])
    assert LUEKER.proven(0.1, 0.2, failures[: last + 1]) < inf
