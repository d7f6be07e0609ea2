"""The identities under the bounds, derived symbolically: growth of the covered set, moments and transform of the reach.

sympy is imported on first use, because it is slow to start.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """An expression worked out by sympy from the definition, beside the formula that the theory uses."""

    name: str
    statement: str
    derived: Any
    claimed: Any

    def holds(self) -> bool:
        """Return whether derived and claimed are the same expression."""
        import sympy

        return sympy.simplify(sympy.expand(self.derived - self.claimed)) == 0


def growth() -> Identity:
    """Lueker's growth on W = [-1/2, 1/2], for a covered interval C = [a, b] in W.

    Derivation: the gain E|((C + X) n W) \\ C| is the integral over z in W \\ C of P(z - X in C), and z - X = y has
    density 1/2 for every y in C, since |z - y| <= |W| = 1. The integrand does not depend on where C lies, so a union
    of intervals gives the same.
    """
    import sympy

    a, b, y, z, v = sympy.symbols("a b y z v", real=True)
    hit = sympy.integrate(sympy.Rational(1, 2), (y, a, b))
    left = sympy.integrate(hit, (z, -sympy.Rational(1, 2), a))
    right = sympy.integrate(hit, (z, b, sympy.Rational(1, 2)))
    gain = sympy.expand((left + right).subs(b, a + v))
    return Identity("growth", "E[v'] = v + v (1 - v) / 2 for a free number", v + gain, v + v * (1 - v) / 2)


def moments() -> tuple[Identity, ...]:
    """Mean and variance of the reach Y (X if locked, max(X, 0) if free, 0 if pruned), and of X itself."""
    import sympy

    x, q, f = sympy.symbols("x q f", nonnegative=True)
    half = sympy.Rational(1, 2)

    def mean(value: Any, low: int = -1) -> Any:
        return sympy.integrate(value * half, (x, low, 1))

    first = q * mean(x) + f * mean(x, 0)
    second = q * mean(x**2) + f * mean(x**2, 0)
    return (
        Identity("mean", "E[Y] = f / 4", first, f / 4),
        Identity("variance", "Var[Y] = q / 3 + f / 6 - f^2 / 16", second - first**2, q / 3 + f / 6 - f**2 / 16),
        Identity("uniform", "E[X^2] = 1 / 3", mean(x**2), sympy.Rational(1, 3)),
    )


def transform() -> Identity:
    """Laplace transform of the reach, E exp(-sY), for s > 0."""
    import sympy

    p, q, s = sympy.symbols("p q s", positive=True)
    x = sympy.symbols("x", real=True)
    f = 1 - p - q
    half = sympy.Rational(1, 2)
    derived = (
        p
        + q * sympy.integrate(sympy.exp(-s * x) * half, (x, -1, 1))
        + f * (half + sympy.integrate(sympy.exp(-s * x) * half, (x, 0, 1)))
    )
    claimed = p + q * sympy.sinh(s) / s + f * (half + (1 - sympy.exp(-s)) / (2 * s))
    return Identity(
        "transform",
        "E exp(-sY) = p + q sinh(s)/s + f (1/2 + (1 - exp(-s))/(2s))",
        derived,
        claimed.rewrite(sympy.exp),
    )


def hoeffding_lemma() -> Identity:
    """The induction step of E exp(sX) = sinh(s)/s <= exp(s^2/6), sharper than Hoeffding's exp(s^2/2).

    Derivation: compare the series, 1/(2k + 1)! <= 1/(6^k k!), equal at k = 0. From k to k + 1 the left side is divided
    by (2k + 3)(2k + 2), the right one by 6 (k + 1); the difference of the divisors is 4k (k + 1) >= 0.
    """
    import sympy

    k = sympy.symbols("k", integer=True, nonnegative=True)
    return Identity(
        "Hoeffding's lemma",
        "E exp(sX) = sinh(s)/s <= exp(s^2/6) <= exp(s^2/2)",
        (2 * k + 3) * (2 * k + 2) - 6 * (k + 1),
        4 * k * (k + 1),
    )


def identities() -> tuple[Identity, ...]:
    """Return every identity, in the order in which the theory uses them."""
    return (growth(), *moments(), transform(), hoeffding_lemma())
