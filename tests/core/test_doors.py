"""Checked values are handed on: what a function is given is the number, whatever its type, or refused."""

import ast
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from slt.core.checks import at_least_zero, closed_unit, exact, flag, one_of, open_unit, positive, shown, whole
from slt.core.rates import Rates, searchable
from subsetsum import best_subsets, covers, covers_values, draw, success_counts, success_probability, worst_errors
from theory.estimate import estimated_n, estimated_success
from theory.freezing import kept_count
from theory.game import cover_failure
from theory.necessary import failure_at_least, necessary_n
from theory.obstruction import sup_error_floor
from theory.sufficient import failure_at_most, sufficient_n
from theory.widths import homogeneous

ROOT = Path(__file__).parents[2]
NUMBERS = [0.5, 1, np.float32(0.5), np.float16(0.25), np.int8(1), np.uint64(1), np.array(0.5), Fraction(1, 4)]
NO_NUMBERS = [True, np.True_, np.array(True), "0.5", np.str_("0.5"), b"1", None, 1j, np.complex128(0.5), [0.5], {}]
NO_NUMBERS += [
    np.array([0.5]),
    np.ma.masked,
    np.ma.array(0.5, mask=True),
    np.datetime64(1, "s"),
    np.timedelta64(1, "s"),
]
ROUNDED = [Decimal("0.1"), Fraction(1, 3), np.longdouble("0.1"), 2**53 + 1, 10**400]


@pytest.mark.parametrize("check", [positive, at_least_zero, closed_unit, exact])
def test_a_number_of_any_type_becomes_the_equal_float(check):
    for value in [*NUMBERS, Decimal("0.5"), np.longdouble(0.5)]:
        received = check("x", value)
        assert type(received) is float
        assert received == value


@pytest.mark.parametrize("check", [positive, at_least_zero, open_unit, closed_unit, exact])
def test_what_is_no_number_or_no_float_is_refused_in_one_line(check):
    for value in NO_NUMBERS + ROUNDED:
        with pytest.raises(ValueError, match="^x must be a number") as error:
            check("x", value)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 150


def test_whole_numbers_of_any_type_become_ints_and_nothing_else_does():
    for value in (250, np.uint8(250), np.array(250), np.array(250, ">i2"), np.int64(250)):
        received = whole("n", value)
        assert type(received) is int
        assert received == 250
    for value in [*NO_NUMBERS, 3.0, np.float64(3), Fraction(3), Decimal(3), np.array([3])]:
        with pytest.raises(ValueError, match="^n must be a whole number, got") as error:
            whole("n", value)
        assert "\n" not in str(error.value)


def test_messages_tell_a_value_from_the_limit_that_it_misses():
    with pytest.raises(ValueError, match="got 1.0000000000000002"):
        closed_unit("prune", 1 + 2**-52)
    assert shown("a\n" * 500).count("\n") == 0
    assert len(shown(10**4000)) == len(shown(np.zeros(10**6))) or len(shown(10**4000)) <= 60
    assert shown(10**5000) == "<int>"


def test_flags_are_true_or_false():
    assert flag("x", np.True_) is True
    for value in (1, 0, "no", None, [], np.array(True)):
        with pytest.raises(ValueError, match="^exact_counts must be True or False"):
            draw(3, 1, exact_counts=value)
    with pytest.raises(ValueError, match="one of"):
        one_of("reading", ["uniform"], ("uniform",))


def test_rates_are_floats():
    rates = Rates(np.float32(0.5), np.array(0.25))
    assert (type(rates.prune), type(rates.lock), type(rates.free)) == (float, float, float)
    for bad in ((True, 0), (0, "0.5"), (Decimal("0.1"), 0)):
        with pytest.raises(ValueError, match="must be a number"):
            searchable(*bad)


CALLS = {
    "covers": lambda n, k: covers(n, 0.25, k, first=k, jobs=n).tolist(),
    "worst_errors": lambda n, k: worst_errors(n, k, first=k, jobs=n).tolist(),
    "draw": lambda n, k: draw(n, k, first=k)[0].tolist(),
    "success_counts": lambda n, k: success_counts(n, 0.25, k, first=k).uniform.tolist(),
    "success_probability": lambda n, k: success_probability(0.25, n=n, trials=k, reading="pointwise", jobs=n),
    "estimated_success": lambda n, k: estimated_success(n, 0.25, draws=k),
    "failure_at_least": lambda n, k: failure_at_least(k, 0.25),
    "failure_at_most": lambda n, k: failure_at_most(k, 0.6),
    "cover_failure": lambda n, k: cover_failure(k, 0.25, free=0.5),
    "kept_count": lambda n, k: kept_count(k, 0.5),
}


@pytest.mark.parametrize("name", CALLS)
def test_small_integers_do_not_wrap(name):
    call = CALLS[name]
    for kind in (np.uint8, np.int64, np.array):
        assert call(kind(5), kind(250)) == call(5, 250)
    assert call(np.int8(5), np.int8(100)) == call(5, 100)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("bad", [True, 5.0, "5", None, -1, np.array([5])])
def test_every_count_is_refused_in_one_line(name, bad):
    with pytest.raises(ValueError, match="must be (a whole number|at least)") as error:
        CALLS[name](5, bad)
    assert "\n" not in str(error.value)


PRECISE = {
    "necessary_n": lambda eps, delta, radius: necessary_n(eps, delta, radius=radius),
    "estimated_n": lambda eps, delta, radius: estimated_n(eps, delta, radius=radius, draws=100),
    "sufficient_n": lambda eps, delta, radius: sufficient_n(eps, delta, radius=radius),
    "covers_values": lambda eps, _, radius: covers_values(values=[0.5], states=[0], eps=eps, radius=radius).tolist(),
}


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("name", PRECISE)
def test_precisions_of_any_type_are_their_numbers(name):
    call = PRECISE[name]
    for kind in (np.float32, np.float16, np.array, Fraction, Decimal):
        assert call(kind(0.25), kind(0.125), kind(1)) == call(0.25, 0.125, 1.0)
    for bad in (True, "0.25", None, Fraction(1, 3), 1j):
        with pytest.raises(ValueError, match="must be a number"):
            call(bad, 0.125, 1.0)


@pytest.mark.parametrize("target", [2**53 + 1, np.int64(2**53 + 1), Decimal(2**53 + 1), Fraction(1, 3)])
def test_best_subsets_are_exact_or_refused(target):
    with pytest.raises(ValueError, match="exactly"):
        best_subsets(targets=[target], values=[2**53, 1])
    with pytest.raises(ValueError, match="exactly"):
        best_subsets(targets=[1], values=[target, 1])


def test_masked_numbers_are_neither_targets_nor_values_nor_states():
    masked = np.ma.array([1.0, 0.0], mask=[True, False])
    for arguments in (
        {"targets": masked, "values": [1.0, 2.0]},
        {"targets": [1.0], "values": masked},
        {"targets": [1.0], "values": [1.0, 2.0], "states": masked},
    ):
        with pytest.raises(ValueError, match="masked"):
            best_subsets(**arguments)
    with pytest.raises(ValueError, match="masked"):
        success_counts(3, 0.5, 2, targets=masked)
    with pytest.raises(ValueError, match="masked"):
        covers_values(values=masked, states=[0, 0], eps=0.1)


def test_arrays_of_one_shape_cannot_be_swapped_unnoticed():
    ones = np.ones((1, 1))
    for call, arguments in (
        (best_subsets, ([1.0], [1.0])),
        (covers_values, (ones, ones, 0.1)),
        (sup_error_floor, (np.ones((2, 2)), np.ones((2, 2)), np.ones(2), np.ones(2), np.ones(2))),
    ):
        with pytest.raises(TypeError, match="positional"):
            call(*arguments)
    with pytest.raises(ValueError, match="matrix and a bias"):
        homogeneous([np.ones(2)], [np.ones((2, 2))])


@pytest.mark.long(keep=2)
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--lock", "-1e-3"], "lock must lie in [0, 1], got -0.001"),
        (["--eps", "-1e-5", "1e-3"], "eps must lie strictly between 0 and 1, got -1e-05"),
        (["--radius", "-1e0"], "radius must be above 0, got -1"),
        (["--delta", "-.5E-2"], "delta must lie strictly between 0 and 1, got -0.005"),
        (["--confidence", "-inf"], "confidence must be finite, got -inf"),
        (["--prune", "-nan"], "prune must be finite, got nan"),
        (["--radius", "512"], "radius must be at most 511, got 512"),
        (["--prune", "0", "--lock", "0.9999"], "more than can be drawn"),
    ],
)
def test_a_number_out_of_range_is_told_the_range(words, line):
    done = subprocess.run([sys.executable, "-m", "subsetsum.verify", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_caller_drops_what_a_check_returns():
    """A check that stands alone has checked one value while another one is used."""
    checks = {"whole", "positive", "at_least_zero", "finite", "open_unit", "closed_unit", "flag"}
    checks |= {"checked_seed", "checked_n", "checked_eps", "checked_delta", "checked_radius", "checked_trials"}
    dropped = []
    for folder in ("slt/core", "subsetsum", "theory"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Expr):
                    parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                    for part in parts:
                        if isinstance(part, ast.Call) and getattr(part.func, "id", "") in checks:
                            dropped.append(f"{path.name}:{node.lineno}")
    assert dropped == []
