"""Forms of claims: what is refused, values near and far, and what is said of their range and trends."""

import warnings
from math import exp, inf, isnan, log, sqrt

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from theory.expression import Expression
from theory.expression_read import DEEPEST, LONGEST
from theory.expression_sympy import Undecided
from theory.expression_tree import SYMBOLS, symbols_in, written

# what is read


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__",
        "C.real",
        "C[0]",
        "C < 1",
        "C if C else eps",
        "lambda: C",
        "(lambda C: C)(2)",
        "[C]",
        "{C}",
        "{C: 1}",
        "C, eps",
        "[C for C in (1, 2)]",
        "(yield)",
        "await C",
        "C := 2",
        "C = 2",
        "f'{C}'",
        "'C'",
        "b'C'",
        "'\\d'",
        "None",
        "True * C",
        "1j * C",
        "...",
        "C or eps",
        "not C",
        "~C",
        "C // 2",
        "C % 2",
        "C @ C",
        "C << 2",
        "C & 3",
        "C!",
        "C log(2)",
        "2C",
        "1if C else 2",
        "log",
        "log()",
        "log(C, 2)",
        "log(x=C)",
        "log(*C)",
        "log(C)(C)",
        "min(C)",
        "min()",
        "max(C, 1, 2, 3, 4, 5, 6, 7, 8)",
        "ln(C)",
        "sin(C)",
        "pow(C, 2)",
        "C(2)",
        "n * C",
        "Eps",
        "epsilon",
        "nan",
        "inf",
        "pi",
        "ℂ * log(1/eps)",
        "Ｃ",
        "ε",
        "C\u200b",
        "C\0",
        "\0",
        "\ud800",
        "C # and more",
        "C; C",
        "import os",
        "1e400 * C",
        "-1e400 + C",
        "1e31 * C",
        "C / 1e-31",
        "9" * 60,
        "9**9**9**9",
        "C * 9**9**9**9",
        "C * 9**9**9",
        "C**(9**9**9)",
        "C**101",
        "C**-101",
        "(1/eps)**1e9",
        "C**(0/0)",
        "C**(1/0)",
        "(-1)**(1/0) * C",
        "C * (0/0)",
        "C / 0 + log(0)",
        "C * log(-1)",
        "C * sqrt(-2)",
        "C * exp(1e30)",
        "C * exp(-1e30)",
        "(" * 10**5,
        "(" * 10**5 + "C" + ")" * 10**5,
        "(" * (LONGEST // 2 - 1) + "C" + ")" * (LONGEST // 2 - 1) + "(",
        "-" * (LONGEST - 1) + "C",
        "~" * (LONGEST - 1) + "C",
        "not " * 90 + "C",
        "C" + "**C" * 130,
        "log(" * 70 + "C" + ")" * 70,
        "[" * 199 + "]" * 199,
        "C+" * (LONGEST // 2),
        "",
        " \n ",
    ],
)
def test_what_is_no_form_is_refused_in_one_line(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"^[^\n]{5,600}$") as refused:
            Expression(text)
    assert type(refused.value) is ValueError


@pytest.mark.parametrize("thing", [None, 3, b"C", ["C"]])
def test_what_is_no_text_is_refused(thing):
    with pytest.raises(ValueError, match="form must be an expression"):
        Expression(thing)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        said = Expression(text).text
    except ValueError as refused:
        said = str(refused)
    assert said.isprintable() or not text.isprintable()


@given(
    st.lists(
        st.sampled_from(["C", "eps", "2", "9", "**", "*", "/", "-", "(", ")", "log", "min", ",", " "]), max_size=40
    )
)
def test_any_words_of_forms_are_read_or_refused(words):
    try:
        form = Expression("".join(words))
    except ValueError:
        return
    form.log_value(dict.fromkeys(SYMBOLS, -1.0))
    form.trends({})


def test_the_longest_and_the_deepest_form_are_read():
    assert Expression("C" + " " * (LONGEST - 2) + "\n").value(C=3) == pytest.approx(3)
    assert Expression("(" * 199 + "C" + ")" * 199).value(C=3) == pytest.approx(3)
    assert Expression("C" + "+C" * DEEPEST).value(C=1) == pytest.approx(DEEPEST + 1)
    with pytest.raises(ValueError, match="nested"):
        Expression("C" + "+C" * (DEEPEST + 1))


def test_all_symbols_functions_and_lines_are_read():
    form = Expression("min(C, 2,\n 3) + max(eps, delta) * p - q / f ** 2 + +log(2) * log2(8) * sqrt(4) * exp(1)")
    assert form.symbols == frozenset(SYMBOLS)
    wanted = 2 + 0.2 * 0.3 - 0.4 / 0.25 + log(2) * 3 * 2 * exp(1)
    assert form.value(C=5, eps=0.1, delta=0.2, p=0.3, q=0.4, f=0.5) == pytest.approx(wanted)


def test_exponents_are_those_that_are_written():
    form = Expression("C**2 + eps**(1/3) + sqrt(delta) + p**q + (eps - 1)**-3")
    assert sorted(form.powers) == [-3.0, pytest.approx(1 / 3), 0.5, 2.0]
    assert {-3.0, 0.5, 2.0} < form.powers


def test_factors_above_and_below_the_line():
    above, below = Expression("C * log(2/eps) / (p / q) / f").factors()
    assert [written(part) for part in above] == ["C", "log((2.0 / eps))", "q"]
    assert [written(part) for part in below] == ["p", "f"]
    assert symbols_in(above[1]) == {"eps"}


# random expressions, and their exact values

numbers = st.sampled_from(["0.5", "1", "2", "3.25", "0", "7"])
leaves = st.one_of(numbers, st.sampled_from(SYMBOLS))


def _bigger(inner):
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.sampled_from("+-*/"), pairs).map(lambda x: f"({x[1][0]} {x[0]} {x[1][1]})"),
        st.tuples(inner, st.sampled_from(["2", "3", "0.5", "-1", "-2", "1.5", "0"])).map(
            lambda x: f"({x[0]})**({x[1]})"
        ),
        st.tuples(st.sampled_from(["log", "log2", "sqrt", "exp", "-"]), inner).map(lambda x: f"{x[0]}({x[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), pairs).map(lambda x: f"{x[0]}({x[1][0]}, {x[1][1]})"),
        pairs.map(lambda x: f"({x[0]})**({x[1]})"),
    )


texts = st.recursive(leaves, _bigger, max_leaves=8)
points = st.fixed_dictionaries(
    {"C": st.floats(0.01, 50), **dict.fromkeys(SYMBOLS[1:], st.floats(1e-3, 0.99))},
)


class Undefined(Exception):
    """A value is infinite, or there is none."""


class Negative(Undefined):
    """A logarithm or a root of a negative number."""


def _exact(text, values):
    """The value with 60 digits, by Python's own reading of the text and mpmath: nothing of the project."""

    def positive(function):
        def checked(x):
            x = mpmath.mpf(x)
            if x < 0:
                raise Negative
            if x == 0 and function is not mpmath.sqrt:
                raise Undefined
            return function(x)

        return checked

    def grown(x):
        if abs(x) > 10**6:
            raise Undefined
        return mpmath.exp(x)

    functions = {
        "log": positive(mpmath.log),
        "log2": positive(lambda x: mpmath.log(x) / mpmath.log(2)),
        "sqrt": positive(mpmath.sqrt),
        "exp": grown,
    }
    with mpmath.workdps(60):
        numbers = {name: mpmath.mpf(value) for name, value in values.items()}
        try:
            found = eval(text, {"min": min, "max": max, **functions, **numbers})
        except (ZeroDivisionError, OverflowError, ValueError) as error:
            raise Undefined from error
        if isinstance(found, complex | mpmath.mpc) or not mpmath.isfinite(found):
            raise Undefined
        return mpmath.mpf(found)


def _read(text):
    try:
        return Expression(text)
    except ValueError:  # numbers alone, beyond 1e30 or undefined
        assume(False)


def _steady(text, values):
    """The exact value; examples are left out where a change of 1e-9 of a symbol changes it by much."""
    try:
        value = _exact(text, values)
        for name in SYMBOLS:
            moved = _exact(text, {**values, name: values[name] * (1 + 1e-9)})
            assume(abs(moved - value) <= 1e-6 * abs(value))
    except Undefined:
        assume(False)
    return value


@given(texts, points)
def test_far_values_are_those_of_exact_arithmetic(text, values):
    form = _read(text)
    value = _steady(text, values)
    sign, size = form.log_value({name: log(value) for name, value in values.items()})
    if value == 0:
        assert size == -inf
    else:
        assert sign == mpmath.sign(value)
        assert size == pytest.approx(float(mpmath.log(abs(value))), rel=1e-5, abs=1e-5)


@given(texts, points)
def test_a_root_or_logarithm_of_a_negative_number_is_undefined(text, values):
    text = f"(-(C / 3) - ({text})**2)"
    try:
        _exact(text, values)
    except Undefined:
        assume(False)
    assert isnan(_read(f"log({text})").value(**values))
    assert isnan(_read(f"sqrt({text})").value(**values))
    assert isnan(_read(f"({text})**0.5").value(**values))
    assert isnan(_read(f"min(C, 1 + log({text}))").value(**values))
    assert not isnan(_read(f"({text})**3").value(**values))


@given(texts, points, st.sampled_from(SYMBOLS), st.floats(1.01, 30))
def test_ranges_and_trends_are_sound(text, values, name, factor):
    form = _read(text)
    moved = {**values, name: values[name] * factor}
    assume(moved[name] < (inf if name == "C" else 1))
    try:
        before, after = _exact(text, values), _exact(text, moved)
    except Undefined:
        assume(False)
    found = form.trends({})
    slack = 1e-9 * max(1, abs(before), abs(after))
    for value in (before, after):
        assert found.low - slack <= value <= found.high + slack
    trend = found.trend[name]
    if trend is not None:
        assert (after - before) * (1 if trend >= 0 else -1) >= -slack
    if trend == 0:
        assert abs(after - before) <= slack


@given(texts, points, st.sampled_from(SYMBOLS), st.floats(1.01, 30))
def test_ranges_and_trends_are_sound_where_some_symbols_are_fixed(text, values, name, factor):
    form = _read(text)
    moved = {**values, name: values[name] * factor}
    assume(moved[name] < (inf if name == "C" else 1))
    fixed = {other: values[other] for other in ("C", "p", "q", "f") if other != name}
    try:
        before, after = _exact(text, values), _exact(text, moved)
    except Undefined:
        assume(False)
    found = form.trends(fixed)
    slack = 1e-9 * max(1, abs(before), abs(after))
    for value in (before, after):
        assert found.low - slack <= value <= found.high + slack
    if found.trend[name] is not None:
        assert (after - before) * (1 if found.trend[name] >= 0 else -1) >= -slack
    assert all(found.trend[other] == 0 for other in fixed)


@pytest.mark.parametrize(
    ("text", "eps", "delta", "C"),
    [
        ("C * log(2/min(delta, eps))", -1, -1, 1),
        ("C / min(delta, eps)", -1, -1, 1),
        ("C * log(1/eps) + sqrt(log(1/delta))", -1, -1, 1),
        ("C * (2 - eps)", -1, 0, 1),
        ("C / (1 - eps)", 1, 0, 1),
        ("C * log(2/max(delta, eps))", -1, -1, 1),
        ("C * (eps - 1)**3", None, 0, -1),
        ("C * eps * log(1/eps)", None, 0, 1),
        ("C**log(2/eps)", None, 0, 1),
        ("C**log(eps)", None, 0, -1),
        ("(1 + C)**log(2/eps)", -1, 0, 1),
        ("log(1/(1 - (1 - exp(-1/C))/2))", 0, 0, -1),
    ],
)
def test_trends_that_the_structure_shows(text, eps, delta, C):
    found = Expression(text).trends({}).trend
    assert (found["eps"], found["delta"]) == (eps, delta)
    if "-1)**3" not in text.replace(" ", ""):
        assert found["C"] == C


# far away


def test_values_at_exp_of_minus_1e99():
    logs = {"eps": -1e99, "delta": log(0.05), "C": log(3)}

    def far(text):
        sign, size = Expression(text).log_value(logs)
        return float(sign), float(size)

    assert far("C * log(2/min(delta, eps))") == (1, pytest.approx(log(3) + log(1e99)))
    assert far("log(1/eps) / log(1/eps**3)") == (1, pytest.approx(-log(3)))
    assert far("log(log(1/eps))") == (1, pytest.approx(log(99 * log(10))))
    assert far("eps**2") == (1, -2e99)
    assert far("1/eps") == (1, 1e99)
    assert far("1 + eps") == (1, 0)
    assert far("log(1 + exp(-60) + eps)") == (1, pytest.approx(-60))
    assert far("eps - delta") == (-1, pytest.approx(log(0.05)))
    assert far("log(1 - exp(-60))") == (-1, pytest.approx(-60))  # 1 - x keeps its small part
    assert far("log(1/(1 - exp(-60) * delta))") == (1, pytest.approx(-60 + log(0.05)))
    assert far("1 - exp(-exp(-60))") == (1, pytest.approx(-60))
    assert far("eps - eps") == (0, -inf)
    assert far("max(eps, eps/2)") == (1, -1e99)
    assert far("exp(eps)") == (1, 0)
    assert far("exp(log(1/eps))") == (1, pytest.approx(1e99))
    assert far("C * (1/eps)**delta") == (1, pytest.approx(5e97))


def test_arrays_are_evaluated_together():
    eps = -np.geomspace(1, 1e90, 50)
    sign, size = Expression("C * log(1/eps) - 1").log_value({"C": 0.0, "eps": eps})
    assert sign.shape == size.shape == eps.shape
    assert sign[0] == 0
    assert (sign[1:] == 1).all()
    assert size[1:] == pytest.approx(np.log(-eps[1:] - 1))


def test_zeros_are_values_and_missing_symbols_are_refused():
    assert Expression("q + C").value(q=0, C=2) == pytest.approx(2)
    assert Expression("q * C").value(q=0, C=2) == 0
    assert Expression("C / q").value(q=0, C=2) == inf
    assert isnan(Expression("q / q").value(q=0))
    assert Expression("C / log(1/p)").value(p=0, C=2) == 0
    assert Expression("0 * C + sqrt(0)").value(C=1) == 0
    with pytest.raises(ValueError, match="no value is given for eps"):
        Expression("C * eps").value(C=1)


# for sympy


@given(texts, points)
def test_the_symbolic_expression_is_the_same(text, values):
    form = _read(text)
    value = _steady(text, values)
    try:
        found = form.symbolic(
            {name: sympy.Rational(value) for name, value in values.items()}, lambda a, b: bool((a - b).evalf(30) < 0)
        )
    except Undecided:
        assume(False)
    number = complex(sympy.N(found, 30))
    assume(abs(number) < 1e300)
    assert number.real == pytest.approx(float(value), rel=1e-6, abs=1e-300)
    assert abs(number.imag) <= 1e-9 * abs(number)


@pytest.mark.parametrize("text", ["C * 9**(9**(9**q))", "(1/delta)**(1000000000 * q)", "exp(exp(exp(exp(3 + q))))"])
def test_what_sympy_would_write_out_is_not_given_to_it(text):
    values = {"C": sympy.Symbol("C"), "delta": sympy.Rational(1, 20), "q": sympy.Integer(1)}
    with pytest.raises(Undecided):
        Expression(text).symbolic(values, lambda a, b: True)


def test_numbers_are_exact_for_sympy():
    t = sympy.Symbol("t", positive=True)
    found = Expression("0.1 * eps**(1/3) + sqrt(eps) + 2**eps").symbolic({"eps": t}, lambda a, b: True)
    assert found == t ** sympy.Rational(1, 3) / 10 + sympy.sqrt(t) + 2**t


def test_square_roots_and_values_by_hand():
    form = Expression("(sqrt(2 * log(1/delta)) + sqrt(2 * log(1/delta) + 2 * C * log(1/eps)))**2")
    d, e = 2 * log(20), log(10)
    assert form.value(C=3, eps=0.1, delta=0.05) == pytest.approx((sqrt(d) + sqrt(d + 6 * e)) ** 2)
    assert not isnan(form.value(C=3, eps=0.1, delta=0.05))
    assert isnan(Expression("log(eps - 1)").value(eps=0.5))
