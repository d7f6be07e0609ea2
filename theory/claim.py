"""What a claim of the literature is: a file that says what n must be at least, of which sums, and who wrote that.

A claim is one TOML file with a table ``[claim]``; :func:`read_claim` says which keys it has. The claims that come with
the project lie in ``theory/claims``; a user's own may lie anywhere (``slt claim FILE``).
"""

import tomllib
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from slt.core.checks import at_least_zero, one_of, open_unit, positive
from slt.core.rates import READINGS, Rates, searchable
from theory.expression import Expression
from theory.expression_tree import SYMBOLS
from theory.judge import implied_constant, judge
from theory.judgement import MIXTURE, MODELS, OPEN, PRODUCTS, PROVEN, REFUTED, UNIFORM, Judgement, Question
from theory.proofs import PROOFS, proof_of

QUOTED, RECONSTRUCTED, OURS = "quoted", "reconstructed", "ours"
UNSOURCED = "not given"  # of a file that names no source
CORRECTED = "corrected"
NOT_JUDGED = "not judged"
WORDS = (PROVEN, REFUTED, CORRECTED, OPEN, NOT_JUDGED)  # of verdicts
MODEL = UNIFORM  # the law of values unless a claim says another one
LARGEST = 100_000  # bytes of a claim's file


@dataclass(frozen=True)
class Form:
    """A required sample size as a function of its constant C. text: what n must be at least, see theory.expression."""

    text: str

    @cached_property
    def explicit(self) -> bool:
        """Whether it has a constant of its own and no C."""
        return "C" not in Expression(self.text).symbols

    @cached_property
    def expression(self) -> Expression:
        """The text, read; with C as a factor where it holds none."""
        read = Expression(self.text)
        return Expression.of(("*", ("symbol", "C"), read.tree)) if self.explicit else read

    @property
    def statement(self) -> str:
        """The inequality for n."""
        return f"n >= {self.text}"

    def sample_size(self, C: float, eps: float, delta: float, rates: Rates) -> float:
        """Return the n that the form asks for with constant ``C`` (a real number; round up)."""
        eps, delta = open_unit("eps", eps), open_unit("delta", delta)
        values = {"C": positive("C", C), "eps": eps, "delta": delta, "p": rates.prune, "q": rates.lock, "f": rates.free}
        return self.expression.value(**values)

    def implied_constant(self, n: float, eps: float, delta: float, rates: Rates) -> float:
        """Return the least constant with which the form asks for ``n``; infinite where none does."""
        return implied_constant(
            self.expression, at_least_zero("n", n), open_unit("eps", eps), open_unit("delta", delta), rates
        )


@dataclass(frozen=True)
class Correction:
    """A form that stands where the published one fails.

    name: what to call it. form: the corrected requirement. trouble: why the published form fails, in one sentence.
    min_at_most: its domain, min(delta, eps) <= min_at_most.
    """

    name: str
    form: Form
    trouble: str
    min_at_most: float = 1.0


@dataclass(frozen=True)
class Claim:
    """One statement of the literature.

    key: short and unique; for the lemmas of Otsuka et al. 2024 their number there. title: what is frozen or special, in
    a word or two. number: what the paper calls it. link: "arXiv:.." or "doi:..". reading: "uniform" (one draw serves
    every target) or "pointwise" (every fixed target). words, hypotheses: in plain sentences. model: the law of the
    values; judged are "uniform", on [-1, 1], and by proofs alone "uniform mixture" and "products"
    (:mod:`theory.judge`). prunes, locks: whether it speaks of pruned and locked numbers.
    constant_depends_on: which of the rates "p" and "q" its constant may depend on. min_at_most: it is claimed where
    min(delta, eps) is at most this. source: "quoted" when its text was read, with the ``quote``; "reconstructed"
    when its formula is ours, which may differ from the paper's; "ours"; "not given". unjudged: why it cannot be
    judged here, else empty. proof: the function that proves the verdict, for a statement that no form of ours
    expresses (:mod:`theory.proofs`). known: the verdict that is known already, or empty; only a refutation that was
    not known ends a command with code 1. corrected: the repaired form, where the published one fails.
    """

    key: str
    title: str
    paper: str
    number: str
    reading: str
    form: Form | None
    words: str = ""
    hypotheses: str = ""
    link: str = ""
    model: str = MODEL
    prunes: bool = False
    locks: bool = False
    constant_depends_on: tuple[str, ...] = ("p", "q")
    min_at_most: float = 1.0
    source: str = UNSOURCED
    quote: str = ""
    unjudged: str = ""
    proof: str = ""
    known: str = ""
    corrected: Correction | None = None

    def rates(self, prune: float, lock: float) -> Rates:
        """Return the rates that this claim speaks of, taken from a user's; ValueError when nothing would be free."""
        searchable(prune, lock)
        return Rates(prune if self.prunes else 0.0, lock if self.locks else 0.0)

    @property
    def asked(self) -> Form:
        """The form. Raises ValueError for a claim that has none."""
        if self.form is None:
            raise ValueError(f"claim {self.key} has no form: {self.unjudged}")
        return self.form

    @property
    def standing(self) -> Form:
        """The corrected form, or the published one where nothing is corrected."""
        return self.corrected.form if self.corrected else self.asked

    def factor(self, prune: float, lock: float, eps: float, delta: float) -> float:
        """Return what the published form asks for with C = 1; 0 for Lemma 2.2 at prune = 0."""
        return self.asked.sample_size(1.0, eps, delta, self.rates(prune, lock))

    def implied_constant(self, n: float, prune: float, lock: float, eps: float, delta: float) -> float:
        """Return the constant that a required ``n`` implies in the published form."""
        return self.asked.implied_constant(n, eps, delta, self.rates(prune, lock))

    def corrected_constant(self, n: float, prune: float, lock: float, eps: float, delta: float) -> float:
        """Return the constant that a required ``n`` implies in the form that stands (the published one if it does)."""
        return self.standing.implied_constant(n, eps, delta, self.rates(prune, lock))

    def judged(self, prune: float, lock: float) -> "Verdict":
        """Return the verdict at these rates, of which the claim takes those that it speaks of."""
        if self.unjudged:
            return Verdict(NOT_JUDGED, None, None)
        return _judged(self, self.rates(prune, lock))

    def newly_refuted(self, found: "Verdict") -> bool:
        """Whether a verdict refutes the claim and its file does not say so."""
        return found.word == REFUTED != self.known

    def _question(self, form: Form, rates: Rates, least: float) -> Question:
        spoken = [name for name, is_spoken in (("p", self.prunes), ("q", self.locks)) if is_spoken]
        moving = frozenset(spoken) - frozenset(self.constant_depends_on)
        return Question(form.expression, self.reading, rates, moving, least, self.model, form.explicit)


@lru_cache(maxsize=64)
def _judged(claim: Claim, rates: Rates) -> "Verdict":
    """Return the verdict on a claim at rates that it speaks of; it takes seconds, and several texts ask for it."""
    repaired: Judgement | None = None
    if claim.proof:
        published, repaired = PROOFS[claim.key]()
    else:
        published = judge(claim._question(claim.asked, rates, claim.min_at_most))
    if claim.corrected is not None and not claim.proof:
        repaired = judge(claim._question(claim.corrected.form, rates, claim.corrected.min_at_most))
    word = published.verdict
    if word == REFUTED and repaired is not None and repaired.verdict == PROVEN:
        word = CORRECTED
    return Verdict(word, published, repaired)


@dataclass(frozen=True)
class Verdict:
    """What is known of a claim.

    word: "proven", "refuted", "corrected" (refuted as published, proven in its corrected form), "open" or "not judged".
    published, repaired: the judgements of the two forms; None where there is no such form or none can be judged.
    """

    word: str
    published: Judgement | None
    repaired: Judgement | None

    @property
    def standing(self) -> Judgement | None:
        """The judgement of the form that stands, or of the published one."""
        return self.repaired if self.word == CORRECTED else self.published


def read_claim(path: str | Path) -> Claim:
    """Return the claim of a TOML file.

    The table ``[claim]`` must have key, paper, number, reading and form; it may have the other fields of
    :class:`Claim`, and a table ``[corrected]`` with name, form, trouble and min_at_most. A claim with ``unjudged``
    or ``proof`` may have an empty form.

    Raises ValueError for content that is no claim, OSError when the file cannot be read.
    """
    with open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    try:
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        table = _table(content)
        if set(table) - {"claim", "corrected"} or not isinstance(table.get("claim"), dict):
            raise ValueError(f"it must hold the table [claim], and may hold [corrected]; it holds {_listed(table)}")
        return _claim(table["claim"], table.get("corrected"))
    except (ValueError, UnicodeDecodeError) as error:  # also what is no TOML
        raise ValueError(f"{path} is no claim: {' '.join(str(error).split())}") from None


def _table(content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except RecursionError:
        raise ValueError("its lists are nested too deep") from None


def _claim(table: dict[str, Any], corrected: Any) -> Claim:
    names = {field.name for field in fields(Claim)} - {"corrected"}
    if unknown := sorted(set(table) - names):
        raise ValueError(f"[claim] has no key {unknown[0]}; allowed are {', '.join(sorted(names))}")
    values = {"title": "", **table}
    for name in ("key", "paper", "number", "reading", "form"):
        if name not in values:
            raise ValueError(f"[claim] must have the key {name}")
    values = {name: _checked(name, value) for name, value in values.items()}
    for name in ("key", "paper", "number"):
        if not values[name]:
            raise ValueError(f"{name} must not be empty")
    one_of("reading", values["reading"], READINGS)
    if "source" in values:
        one_of("source", values["source"], (QUOTED, RECONSTRUCTED, OURS))
    if values.get("source") == QUOTED and not values.get("quote"):
        raise ValueError("a claim whose source is quoted must have a quote")
    depends = tuple(values.get("constant_depends_on", ("p", "q")))
    for name in depends:
        one_of("constant_depends_on", name, ("p", "q"))
    if "known" in values:
        one_of("known", values["known"], WORDS)
    model = values.get("model", MODEL)
    proof = values.get("proof", "")
    if proof and proof != proof_of(values["key"]):
        raise ValueError(f"proof must name the function of theory.proofs for this key, got {proof}")
    if proof and values.get("unjudged"):
        raise ValueError("a claim that has a proof must not be unjudged")
    unjudged = values.get("unjudged", "") or proof  # neither needs a form or a model that we can judge
    if model not in MODELS and not unjudged:
        raise ValueError(
            f"claims are judged for the models {', '.join(MODELS)}; one of {model!r} must say in unjudged why it is not"
        )
    frozen = {MIXTURE: ("locks",), PRODUCTS: ("prunes", "locks")}.get(model, ())
    if not unjudged and any(values.get(name) for name in frozen):
        raise ValueError(f"claims on the model {model!r} are judged only where {' and '.join(frozen)} are not true")
    form = Form(values["form"]) if values["form"] or not unjudged else None
    if form is not None:
        _check_symbols(form.expression, values)
    made = {**values, "form": form, "constant_depends_on": depends}
    made["min_at_most"] = _domain(values.get("min_at_most", 1.0))
    return Claim(**made, corrected=None if corrected is None else _correction(corrected, values))


def _correction(table: Any, claim: dict[str, Any]) -> Correction:
    if not isinstance(table, dict) or not {"name", "form", "trouble"} <= set(table) <= {
        "name",
        "form",
        "trouble",
        "min_at_most",
    }:
        raise ValueError("[corrected] must have name, form and trouble, and may have min_at_most")
    table = {name: _checked(name, value) for name, value in table.items()}
    form = Form(table["form"])
    _check_symbols(form.expression, claim)
    return Correction(table["name"], form, table["trouble"], _domain(table.get("min_at_most", 1.0)))


def _check_symbols(form: Expression, claim: dict[str, Any]) -> None:
    spoken = {"p": claim.get("prunes", False), "q": claim.get("locks", False)}
    for name, is_spoken in spoken.items():
        if name in form.symbols and not is_spoken:
            word = {"p": "prunes", "q": "locks"}[name]
            raise ValueError(
                f"its form has {name}, but {word} is not true; of {', '.join(SYMBOLS)} it may use the others"
            )


def _checked(name: str, value: Any) -> Any:
    """Return the value of a key if it is of its kind; a text on one line, without what rules a terminal."""
    wanted: Any = {"prunes": bool, "locks": bool, "constant_depends_on": list, "min_at_most": (int, float)}.get(
        name, str
    )
    if not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
        words = {bool: "true or false", list: "a list", str: "a text"}.get(wanted, "a number")
        raise ValueError(f"{name} must be {words}, got {str(value)[:40]}")
    if isinstance(value, str):
        value = " ".join(value.split())
        if not value.isprintable():
            raise ValueError(f"{name} must be a text that can be printed, got {ascii(value)[:40]}")
    return value


def _domain(value: float) -> float:
    number = positive("min_at_most", value)
    if number > 1:
        raise ValueError(f"min_at_most must lie in (0, 1], got {number:g}")
    return number


def _listed(table: dict[str, Any]) -> str:
    return ", ".join(sorted(table)[:5]) or "nothing"
