"""Formulas as MathML, which browsers set by themselves: no script and no font is loaded."""

from markupsafe import Markup, escape

from theory.claim import Claim, Form
from theory.expression_tree import Node

LETTERS = {"eps": "ε", "delta": "δ"}
STRENGTH = {"+": 1, "-": 1, "*": 2, "neg": 2, "/": 4, "**": 4}  # how tightly an operation binds its parts
THIN = Markup('<mspace width="0.15em"></mspace>')
WHOLE = 1e15  # below which whole numbers are written without a point


def requirement(form: Form, depends_on: tuple[str, ...] = ()) -> Markup:
    """Return "n >= form" as MathML. depends_on: the rates that C may depend on, written behind it."""
    return _math(Markup("<mi>n</mi><mo>≥</mo>") + _set(form.expression.tree, depends_on))


def asked(claim: Claim) -> Markup:
    """Return what a claim asks for, empty where it has no form: the form that stands, C with the rates it may need."""
    return Markup() if claim.form is None else requirement(claim.standing, _rates(claim))


def published(claim: Claim) -> Markup:
    """Return what a claim asks for as it was published, empty where it has no form."""
    return Markup() if claim.form is None else requirement(claim.form, _rates(claim))


def _rates(claim: Claim) -> tuple[str, ...]:
    spoken = {"p": claim.prunes, "q": claim.locks}
    return tuple(name for name in claim.constant_depends_on if spoken[name])


def _math(inside: Markup) -> Markup:
    return Markup("<math><mrow>") + inside + Markup("</mrow></math>")


def _set(node: Node, depends: tuple[str, ...]) -> Markup:
    kind, *parts = node
    if kind == "number":
        return _element("mn", _number(parts[0]))
    if kind == "symbol":
        return _symbol(parts[0], depends)
    if kind == "/":
        return _element("mfrac", *(_row(_set(part, depends)) for part in parts))
    if kind == "sqrt":
        return _element("msqrt", _set(parts[0], depends))
    if kind == "**":
        return _power(parts[0], parts[1], depends)
    if kind == "-" and len(parts) == 1:
        return _element("mo", "−") + _within(parts[0], "neg", depends)
    if kind in ("+", "-", "*"):
        sign = {"+": "+", "-": "−", "*": "\u2062"}[kind]
        left, right = parts
        # what is taken away needs its own brackets: a - (b - c)
        inner = _bracketed(_set(right, depends)) if kind == "-" and _loose(right) else _within(right, kind, depends)
        if kind == "*":  # a function stands a little apart from its factor
            return _within(left, kind, depends) + _element("mo", sign) + THIN + inner
        return _within(left, kind, depends) + _element("mo", sign) + inner
    return _function(kind, parts, depends)


def _symbol(name: str, depends: tuple[str, ...]) -> Markup:
    found = _element("mi", LETTERS.get(name, name))
    if name != "C" or not depends:
        return found
    rates = _element("mo", ",").join(_element("mi", rate) for rate in depends)
    return found + _bracketed(rates)


def _power(base: Node, exponent: Node, depends: tuple[str, ...]) -> Markup:
    raised = _row(_set(exponent, depends))
    if base[0] in ("log", "log2"):  # log^2(x), as it is written
        name = _name(base[0])
        return _element("msup", _row(name), raised) + _bracketed(_set(base[1], depends))
    inner = _set(base, depends)
    return _element("msup", _row(inner if base[0] in ("number", "symbol") else _bracketed(inner)), raised)


def _function(kind: str, parts: list[Node], depends: tuple[str, ...]) -> Markup:
    inside = _element("mo", ",").join(_set(part, depends) for part in parts)
    return _name(kind) + _element("mo", "\u2061") + _bracketed(inside)


def _name(kind: str) -> Markup:
    if kind == "log2":
        return _element("msub", _element("mi", "log"), _element("mn", "2"))
    return _element("mi", kind)


def _within(node: Node, outer: str, depends: tuple[str, ...]) -> Markup:
    inner = _set(node, depends)
    return _bracketed(inner) if _loose(node) and STRENGTH[outer] > 1 else inner


def _loose(node: Node) -> bool:
    return node[0] in ("+", "-")


def _bracketed(inside: Markup) -> Markup:
    return _row(_element("mo", "(") + inside + _element("mo", ")"))


def _row(inside: Markup) -> Markup:
    return _element("mrow", inside)


def _element(name: str, *inside: str) -> Markup:
    return Markup(f"<{name}>") + Markup().join(escape(part) for part in inside) + Markup(f"</{name}>")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < WHOLE else f"{value:g}"
