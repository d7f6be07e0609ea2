"""The explicit existence theorem: block sizes, with every constant a number, that make a frozen source hold a ticket.

Target: y = W_L relu(.. relu(W_1 x)), |w| <= 1, low <= x <= high; biases by theory.widths.homogeneous. Source: depth
L + 1, layer 1 with nothing locked. A block of b_1 first-layer neurons stands for an input, a block of b_{l+1} copies
for a neuron of target layer l < L; every copy solves one subset-sum problem per block below it. The proof is in
docs/existence.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, log2, pi, prod, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from slt.core.checks import open_unit, positive, whole
from slt.core.first import first
from slt.core.rates import Rates
from theory import products, sufficient
from theory.widths import Weights, activation_sums, box

LEAST_RADIUS = 1.001  # times eps: below eps nothing has to be reached, which holds for an empty block alone
FACTOR_SHARE = 0.01  # of delta, for the event that kept edges are larger in sum than allowed for


@dataclass(frozen=True)
class Demand:
    """What one target layer asks of the source layers below and above it.

    eps: precision of every weight; problems: number of subset sums; delta: failure probability of each; rates: of the
    candidates (of the products, for the first layer); radius: largest |w|; block: candidates a problem needs, proven
    (or as given); factor: bound of the sum of |kept edges| of one source neuron, by which errors from below grow.
    """

    eps: float
    problems: int
    delta: float
    rates: Rates
    radius: float
    block: int
    factor: float


@dataclass(frozen=True)
class Plan:
    """Block sizes b_1 .. b_L for a target of these layer sizes, and what they were computed from."""

    sizes: tuple[int, ...]  # n_0 .. n_L of the target
    demands: tuple[Demand, ...]  # of target layers 1 .. L

    @property
    def blocks(self) -> tuple[int, ...]:
        """Block sizes b_1 .. b_L."""
        return tuple(demand.block for demand in self.demands)

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths n_0, n_S,1 .. n_S,L, n_L of the source, inputs and outputs included."""
        hidden = tuple(n * b for n, b in zip(self.sizes, self.blocks, strict=False))
        return (self.sizes[0], *hidden, self.sizes[-1])

    @property
    def parameters(self) -> int:
        """Number of weights of the source."""
        return sum(a * b for a, b in zip(self.widths, self.widths[1:], strict=False))

    def ticket_bits(self, prune: Sequence[float], lock: Sequence[float]) -> float:
        """Mean number of free weights: a ticket needs one bit for each, the seed and the rates give the rest."""
        layers = zip(self.widths[:-1], self.widths[1:], prune, lock, strict=True)
        return sum(a * b * Rates(p, q).free for a, b, p, q in layers)


def plan(
    weights: Weights,
    eps: float,
    delta: float,
    *,
    prune: Sequence[float],
    lock: Sequence[float],
    low: ArrayLike = 0.0,
    high: ArrayLike = 1.0,
    widths: str | Sequence[int] = "proven",
) -> Plan:
    """Return block sizes with which the source holds a ticket within eps of the target on the box.

    Statement: with probability at least 1 - delta some mask respects every pruned and every locked edge of the source
    and gives sup |source(x) - target(x)| <= eps in every output.
    Derivation, from the top layer down. A weight error of eps_l in every block changes a pre-activation of a copy in
    target layer l by at most eps_l B_{l-1}; an error d of the activations below it changes it by at most F_l d, F_l the
    sum of the |kept edges|, and relu passes an error on at most unchanged. So eps_l = eps / (L B_{l-1} F_{l+1} .. F_L)
    suffices. F_l <= (1-p)N/2 + sqrt(N log(R/d)/2) for all R neurons of the layer with probability 1 - d (Hoeffding: N
    edges below, each contributes at most |v| unless pruned). The rest of delta is split evenly over all problems, one
    per copy and block, including those of zero weights: locked edges must be cancelled there too.
    prune, lock: rates of source layers 1 .. L + 1, lock[0] = 0 (docs/obstruction.md).
    widths: "proven" (with the guarantee), "estimated" (without: :func:`estimated_block`) or block sizes of one's own.
    Relation: upper bound on the width needed ("proven").
    low, high: the input domain, numbers or (d,).
    Raises ValueError for another number of rates, lock[0] > 0, weights beyond [-1, 1].
    """
    for number, w in enumerate(weights, 1):
        if not np.all(np.abs(w) <= 1):
            raise ValueError(f"weights of target layer {number} must lie in [-1, 1], got {np.abs(w).max():g}")
    negative = int(np.count_nonzero(box(weights[0].shape[1], low, high)[0] < 0))
    sizes = (weights[0].shape[1], *(len(w) for w in weights))
    radii = [float(np.abs(w).max()) for w in weights]
    return _planned(sizes, activation_sums(weights, low, high), radii, negative, eps, delta, prune, lock, widths)


def plan_of_sizes(
    sizes: Sequence[int],
    eps: float,
    delta: float,
    *,
    prune: Sequence[float],
    lock: Sequence[float],
    widths: str = "proven",
) -> Plan:
    """Return block sizes that serve every target of these layer sizes with weights in [-1, 1] and inputs in [0, 1].

    sizes: n_0 .. n_L of the target. Statement, arguments and errors as for :func:`plan`.
    Derivation: of all such targets the one whose weights are all 1 has the largest activation sums,
    B_l = n_0 n_1 .. n_l, and the largest radius. Both only enter :func:`plan` through the precision and the radius that
    a weight needs, and what serves a finer precision and a larger radius serves the others.
    Relation: upper bound on the width that any one of these targets needs ("proven"); a trained target needs less,
    because its activation sums are smaller.

    >>> plan_of_sizes((2, 2, 1), 0.5, 0.05, prune=(0, 0, 0), lock=(0, 0, 0)).sizes
    (2, 2, 1)
    """
    sizes = tuple(whole("layer size", size, 1) for size in sizes)
    if len(sizes) < 2:
        raise ValueError(f"layer sizes must be at least two, inputs and outputs, got {len(sizes)}")
    depth = len(sizes) - 1
    sums = [float(prod(sizes[: layer + 1])) for layer in range(depth)]
    return _planned(sizes, sums, [1.0] * depth, 0, eps, delta, prune, lock, widths)


def _planned(
    sizes: tuple[int, ...],
    sums: Sequence[float],
    radii: Sequence[float],
    negative: int,
    eps: float,
    delta: float,
    prune: Sequence[float],
    lock: Sequence[float],
    widths: str | Sequence[int],
) -> Plan:
    """Return the plan of a target with these layer sizes, activation sums B_0 .. B_{L-1} and largest |w| by layer.

    negative: how many inputs may be below 0.
    """
    depth = len(sizes) - 1
    _check(depth, prune, lock)
    eps, delta = positive("eps", eps), open_unit("delta", delta)
    demands: list[Demand] = []
    copies, gain = 1, 1.0  # the outputs have no copies; nothing multiplies their errors
    for layer in range(depth, 0, -1):
        inputs = sizes[layer - 1]
        rows = sizes[layer] * copies
        problems = rows * (inputs + (negative if layer == 1 else 0))
        # delta is shared by the layers, then by the problems of a layer
        share = (1 - FACTOR_SHARE) * delta / depth / problems
        # a whole layer of zeros needs no sharper weights than any other; B = 0 happens for dead layers only
        precision = min(eps / (depth * max(sums[layer - 1], 1e-300) * gain), 0.25)
        radius = radii[layer - 1]
        rates = Rates(prune[layer], lock[layer])
        if layer == 1:
            rates = products.effective_rates(prune[0], prune[1], lock[1])
            precision = min(precision, 0.1)
        if widths == "proven":
            block = _proven_block(precision, share, rates, radius, layer == 1)
        elif widths == "estimated":
            block = estimated_block(precision, share, rates, radius, product=layer == 1)
        else:
            block = int(widths[layer - 1])
        edges = inputs * block
        spread = sqrt(edges * log(rows * depth / (FACTOR_SHARE * delta)) / 2)
        factor = min((1 - prune[layer]) * edges / 2 + spread, float(edges))
        demands.append(Demand(precision, problems, share, rates, radius, block, factor))
        gain, copies = gain * factor, block
    return Plan(sizes, tuple(reversed(demands)))


@lru_cache(maxsize=256)
def _proven_block(eps: float, delta: float, rates: Rates, radius: float, product: bool) -> int:
    if radius <= eps and rates.lock == 0:
        return 1
    # with locking even a zero weight needs candidates; what serves a larger radius serves this one
    radius = max(radius, LEAST_RADIUS * eps)
    if product:
        return max(products.sufficient_n(eps, delta, rates, radius), 1)
    found = sufficient.sufficient_n(eps, delta, prune=rates.prune, lock=rates.lock, radius=radius)
    return max(found, 1)


def estimated_block(eps: float, delta: float, rates: Rates, radius: float, *, product: bool) -> int:
    """Estimate how many candidates a problem needs: the larger of what reach and resolution ask for.

    Reach: the outermost target +-radius must be reachable, P(sum of Y < radius) <= delta with Y = X if locked,
    max(X, 0) if free; by the saddlepoint exp(n log M(s) + s radius) / (s sqrt(2 pi n K'')), M(s) = E exp(-s Y).
    Resolution: 2^m subset sums, m free, over a length of about 2 sqrt(m v) leave no gap of 2 eps at a point but with
    probability delta; m is lowered to the delta-quantile of its binomial law.
    Relation: estimate, of the pointwise reading at the worst target; no guarantee.
    """
    if radius <= eps and rates.lock == 0:
        return 1  # as the proven block, and for the same reason
    radius = max(radius, LEAST_RADIUS * eps)
    return first(lambda n: _estimated_enough(n, eps, delta, rates, radius, product), 1)


def _estimated_enough(n: int, eps: float, delta: float, rates: Rates, radius: float, product: bool) -> bool:
    f = rates.free
    free = n * f + float(ndtri(delta)) * sqrt(n * f * (1 - f))
    spread = sqrt(max(free, 1e-9) * (1 / 36 if product else 1 / 12))
    needed = log2(log(1 / delta) * sqrt(2 * pi) * spread / (2 * eps))
    return free >= needed and _reach_failure(n, rates, radius, product) <= delta


def _reach_failure(n: int, rates: Rates, radius: float, product: bool) -> float:
    """Saddlepoint estimate of P(Y_1 + .. + Y_n < radius)."""

    def cumulant(s: float) -> float:
        if product:
            locked, moved = products.laplace_locked(s), products.laplace_shift(s, 1.0)
        else:
            locked, moved = float(np.sinh(s)) / s, 0.5 - float(np.expm1(-s)) / (2 * s)
        return log(rates.prune + rates.lock * locked + rates.free * moved)

    best = minimize_scalar(lambda t: n * cumulant(np.exp(t)) + np.exp(t) * radius, bounds=(-9.0, 4.0), method="bounded")
    s = float(np.exp(best.x))
    step = 1e-3 * s
    curvature = (cumulant(s + step) - 2 * cumulant(s) + cumulant(s - step)) / step**2
    prefactor = s * sqrt(2 * pi * n * max(curvature, 1e-12))
    return float(np.exp(min(best.fun, 0.0))) / max(prefactor, 1.0)


def _check(depth: int, prune: Sequence[float], lock: Sequence[float]) -> None:
    if len(prune) != depth + 1 or len(lock) != depth + 1:
        raise ValueError(
            f"prune and lock need a rate for each of {depth + 1} source layers, got {len(prune)}, {len(lock)}"
        )
    if lock[0] != 0:
        raise ValueError(
            f"lock must be 0 in source layer 1, got {lock[0]:g}: locked first-layer edges bend the source along lines "
            "that no mask removes (docs/obstruction.md)"
        )
