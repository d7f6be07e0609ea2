"""Does a claim of the form "n >= F(C; eps, delta, p, q) suffices" hold? Its verdict, with a constant or witnesses.

**Proven.** F never falls as eps or delta fall. So on all (eps, delta) with the same M = log(1/min(delta, eps)) it is
least where the other of the two is 1, and two functions of M alone have to be compared with what is proven to suffice
(:mod:`theory.closed_needs`): in steps of one percent from M = 0 to 10^100, which lose nothing because both sides are
monotone, and in the limit. So what is proven holds for min(delta, eps) >= exp(-10^100), and for all eps and delta that
are small enough; the free share, where one constant has to serve all of them, is at least 10^-100.

**Refuted.** Along one direction F with C = 10^30 (10 where C is in an exponent), and so with every smaller C, grows so
slowly that it ends below what is necessary there (:mod:`theory.closed_needs`). Witnesses are points on that direction
for C = 1, 10, 100 and 1000. Where C is no factor of F, a larger C might do what these do not: so a proof is looked for
first, and where C is in an exponent there must be a witness for C = 1000, up to which every C then is refuted. A factor
of C alone, such as exp(C), leaves a limit of 0 what it is.

**As it stands.** A form without C has a constant of its own. It is judged as C times itself: proven where a C of at
most 1 is, refuted where the form is for every C, or where it asks at one point for fewer than are necessary.

Both use closed forms only; docs/theory.md (section 2) derives them. What is neither is open.

**Other models.** The closed forms also hold for numbers that contain a uniform one, because no others need be used.
*Uniform mixture*: uniform on [-1, 1] with probability 1 - p and of any other law else, as if the others were pruned.
*Products* of two numbers uniform on [-1, 1]: their density log(1/|z|)/2 is at least 1/2 on [-1/e, 1/e], so that each
is, with probability 1/e, uniform there (:mod:`theory.closed_needs`). The lower bounds speak of uniform numbers alone,
so claims on these models are proven or open, and nothing may be locked.
"""

from dataclasses import replace
from math import exp, inf, log

import numpy as np

from slt.core.first import threshold
from slt.core.rates import Rates
from theory.expression import Expression
from theory.form_check import check
from theory.judgement import (
    CORNER,
    LEAST,
    MOST,
    OPEN,
    PROVEN,
    REFUTED,
    UNIFORM,
    Judgement,
    Question,
    logs_of,
    multiple_of_constant,
)
from theory.prove import proven
from theory.refute import refuted, single_witnesses

HALF = 0.5  # of min(delta, eps): what leaves the corner eps = delta = 1 out


def judge(question: Question) -> Judgement:
    """Return the verdict. Raises ValueError for a form that is no requirement, see :func:`check`."""
    question = _off_zero(question)
    check(question)
    found = _as_it_stands(question) if question.explicit else _with_some_constant(question)
    if found.direction == CORNER and question.least > HALF:
        found = replace(found, elsewhere=judge(replace(question, least=HALF)))
    return found


def _with_some_constant(question: Question) -> Judgement:
    if question.model != UNIFORM:
        return proven(question)
    if multiple_of_constant(question.form):
        return refuted(question) or proven(question)
    found = proven(question)
    return found if found.verdict == PROVEN else refuted(question) or found


def _as_it_stands(question: Question) -> Judgement:
    """Return the verdict on a form with a constant of its own: a multiple of C, of which only C = 1 counts."""
    found = proven(question)
    whole, half = found.constant, found.constant_half
    if whole is not None and whole <= 1:
        return replace(found, explicit=True)
    half = half if half is not None and half <= 1 else None
    if question.model == UNIFORM:
        slow = refuted(question)
        witnesses = single_witnesses(question)
        if slow is not None:
            own = tuple(witness for witness in slow.witnesses if witness.C == 1)
            return replace(slow, witnesses=own or witnesses, constant_half=half, explicit=True)
        if witnesses:
            near = all(witness.where.startswith("eps = delta = ") for witness in witnesses)
            reason = "it asks for fewer than are necessary"
            return Judgement(
                REFUTED, reason, constant_half=half, direction=CORNER * near, witnesses=witnesses[:4], explicit=True
            )
    reason = found.reason
    if whole is not None:
        reason = f"{whole:.4g} times it is proven to suffice, and no bound of ours refutes it"
    return Judgement(OPEN, reason, constant_half=half, explicit=True)


def _off_zero(question: Question) -> Question:
    """Return the question with half of what may be pruned or locked where a rate that moves is 0.

    One constant serves all values of such a rate, and a form may say nothing at 0, such as 1/log(1/p).
    """
    p, q = question.rates.prune, question.rates.lock
    if "p" in question.moving and p == 0:
        p = (1 - q) / 2
    if "q" in question.moving and q == 0 and "q" in question.form.symbols:
        q = (1 - p) / 2
    return replace(question, rates=Rates(p, q))


def implied_constant(form: Expression, n: float, eps: float, delta: float, rates: Rates) -> float:
    """Return the smallest C at which the form asks for ``n``: 0 where every C does, infinity where none does."""
    logs = {"eps": log(eps), "delta": log(delta), **logs_of({"p": rates.prune, "q": rates.lock, "f": rates.free})}

    def reaches(log_C: float) -> bool:
        sign, size = form.log_value({"C": log_C, **logs})
        return bool(sign > 0) and float(size) >= log(n)

    if n <= 0 or reaches(log(LEAST)):
        return 0.0
    low, high = log(LEAST), log(MOST)
    if not reaches(high):
        return inf
    if multiple_of_constant(form):
        return float(n / np.exp(form.log_value({"C": 0.0, **logs})[1]))
    return exp(threshold(reaches, low, high))
