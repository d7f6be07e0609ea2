"""How freezing ratios are spread over layers, which sparsities they leave to search, and how many bits a ticket takes.

Otsuka et al. (2024), arXiv 2402.14029: a share p of all weights is pruned and a share q locked, per layer by a rule
that sets densities; sparsity k is the share of zero weights in the whole network, pruned ones counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import floor, lgamma, log, log2, prod

from slt.core.checks import at_least_zero, closed_unit, finite, flag, one_of, open_unit, whole
from slt.core.rates import Rates, searchable

RULES = ("epl", "erk")
FLOAT_BITS = 32

# n p computed in floating point falls short of the real product by less than this (n below 10^9)
SLACK = 1e-6

Shape = tuple[int, ...]


def epl(sizes: Sequence[int], density: float) -> tuple[float, ...]:
    """Return each layer's density when every layer keeps the same number of edges (EPL).

    Statement: density_l = min(1, c / n_l) with the c at which sum n_l density_l = density * N: a layer smaller than its
    share stays dense and the others take over its excess.
    sizes: weights per layer, each at least 1. Raises ValueError for a density outside [0, 1].

    >>> epl([10, 100, 1000], 0.5)
    (1.0, 1.0, 0.445)
    """
    sizes = [whole("size", size, 1) for size in sizes]
    return _capped(sizes, [1 / size for size in sizes], density)


def erk(shapes: Sequence[Shape], density: float) -> tuple[float, ...]:
    """Return each layer's density by the Erdős-Rényi-kernel rule (ERK).

    Statement: density_l = min(1, e (c_out + c_in + k_h + k_w) / (c_out c_in k_h k_w)), for a linear layer
    min(1, e (out + in) / (out in)), with the e at which sum n_l density_l = density * N.
    shapes: of the weight tensors, (out, in, ...). Raises ValueError for a density outside [0, 1].
    Source: Mocanu et al. 2018 for linear layers, Evci et al. 2020 (RigL) for kernels.

    >>> [round(d, 4) for d in erk([(10, 20), (100, 200)], 0.1)]
    [0.9182, 0.0918]
    """
    shapes = [tuple(whole("size", side, 1) for side in shape) for shape in shapes]
    sizes = [prod(shape) for shape in shapes]
    return _capped(sizes, [sum(shape) / size for shape, size in zip(shapes, sizes, strict=True)], density)


def _capped(sizes: Sequence[int], raw: Sequence[float], density: float) -> tuple[float, ...]:
    """Solve sum n_l min(1, e raw_l) = density * N for e: layers that saturate are taken out and e is solved again."""
    if not sizes:
        raise ValueError("a rule needs at least one layer, got none")
    edges = closed_unit("density", density) * sum(sizes)
    densities = [1.0] * len(sizes)
    order = sorted(range(len(sizes)), key=lambda layer: -raw[layer])  # in which layers saturate as e grows
    weights = list(accumulate(sizes[layer] * raw[layer] for layer in reversed(order)))[::-1]
    for place, layer in enumerate(order):
        e = edges / weights[place]
        if e * raw[layer] < 1 - 1e-12:
            for rest in order[place:]:
                densities[rest] = max(0.0, e * raw[rest])
            break
        edges -= sizes[layer]
    return tuple(densities)


def layer_rates(rule: str, shapes: Sequence[Shape], prune: float, lock: float) -> tuple[Rates, ...]:
    """Return (p_l, q_l) of every layer: p_l and F_l = p_l + q_l by the same rule, at densities 1 - p and 1 - p - q.

    rule: "epl" or "erk"; shapes: of the weight tensors. Raises ValueError for an unknown rule, rates outside [0, 1]
    and when prune + lock exceeds 1. Both rules keep more of every layer at a larger density, so q_l >= 0.

    >>> [(round(r.prune, 3), round(r.lock, 3)) for r in layer_rates("epl", [(10, 10), (30, 30)], 0.2, 0.3)]
    [(0.0, 0.0), (0.222, 0.333)]
    """
    rule, rates = one_of("rule", rule, RULES), Rates(prune, lock)
    shapes = [tuple(whole("size", side, 1) for side in shape) for shape in shapes]
    sizes = [prod(shape) for shape in shapes]
    kept, free = (
        epl(sizes, density) if rule == "epl" else erk(shapes, density) for density in (1 - rates.prune, rates.free)
    )
    # rounding alone brings a difference below 0
    return tuple(Rates(1 - k, max(k - f, 0.0)) for k, f in zip(kept, free, strict=True))


def positioned(freezing: float, sparsity: float) -> Rates:
    """Return the (p, q) with p + q = ``freezing`` that puts ``sparsity`` as near the centre of its interval as can be.

    Statement: p = k - (1 - F)/2, clipped to [0, F], q = F - p. Source: Otsuka et al. 2024, positioning of the search.

    >>> positioned(0.5, 0.5), positioned(0.4, 0.2)
    (Rates(prune=0.25, lock=0.25), Rates(prune=0.0, lock=0.4))
    """
    F = closed_unit("freeze", freezing)
    p = min(max(closed_unit("sparsity", sparsity) - (1 - F) / 2, 0.0), F)
    return Rates(p, F - p)


def interval(rates: Rates) -> tuple[float, float]:
    """Return the ends [p, 1 - q] of the sparsities that some mask of a frozen source has.

    >>> interval(Rates(0.25, 0.5))
    (0.25, 0.5)
    """
    return rates.prune, 1 - rates.lock


def centre(rates: Rates) -> float:
    """Return the sparsity k = p + (1 - p - q)/2 at which the number of candidate subnetworks is largest.

    >>> centre(Rates(0.25, 0.5))
    0.375
    """
    return rates.prune + rates.free / 2


def check_sparsity(sparsity: float, rates: Rates) -> float:
    """Return ``sparsity`` when there is something to search, p < k < 1 - q, or raise ValueError saying what is allowed.

    At the ends one mask alone has that sparsity.
    """
    k = open_unit("sparsity", sparsity)
    low, high = interval(searchable(rates.prune, rates.lock))
    if not low < k < high:
        raise ValueError(
            f"sparsity {k:g} cannot be searched with prune {rates.prune:g} and lock {rates.lock:g}:"
            f" it must lie strictly between {low:g} and {high:g}"
        )
    return k


def counts(size: int, rates: Rates) -> tuple[int, int]:
    """Return how many of ``size`` weights are pruned and locked: int(n p) and int(n q).

    A product that only rounding keeps below a whole number counts as that number.

    >>> counts(100, Rates(0.29, 0.57))  # int(100 * 0.29) is 28
    (29, 57)
    """
    n = whole("size", size)
    return floor(n * rates.prune + SLACK), floor(n * rates.lock + SLACK)


def kept_count(size: int, sparsity: float) -> int:
    """Return how many of ``size`` weights a network of this sparsity keeps: N - round(k N).

    >>> kept_count(1000, 0.7)
    300
    """
    n = whole("size", size)
    return n - round(closed_unit("sparsity", sparsity) * n)


def log2_candidates(free: float, kept: float) -> float:
    """Return log2 C(free, kept), the candidate subnetworks in bits: free = f N, kept = (k - p) N or the rest of it.

    Raises ValueError unless 0 <= kept <= free.

    >>> round(log2_candidates(10, 5), 6) == round(log2(252), 6)
    True
    """
    free, kept = at_least_zero("free", free), finite("kept", kept)
    if not 0 <= kept <= free:
        raise ValueError(f"kept must lie in [0, free], got {kept:g} of {free:g}")
    return (lgamma(free + 1) - lgamma(kept + 1) - lgamma(free - kept + 1)) / log(2)


def entropy_bits(sparsity: float, rates: Rates) -> float:
    """Return the bits per free weight that a mask of this sparsity needs, H((k - p)/(1 - p - q)), H the binary entropy.

    Raises ValueError when the sparsity is outside [p, 1 - q] or nothing is free.

    >>> entropy_bits(0.5, Rates(0.25, 0.25))
    1.0
    """
    searchable(rates.prune, rates.lock)
    sparsity = closed_unit("sparsity", sparsity)
    share = (sparsity - rates.prune) / rates.free
    if not -1e-12 <= share <= 1 + 1e-12:
        low, high = interval(rates)
        raise ValueError(f"sparsity must lie in [{low:g}, {high:g}] here, got {sparsity:g}")
    return -sum(x * log2(x) for x in (share, 1 - share) if x > 0)


@dataclass(frozen=True, slots=True)
class Size:
    """Bits of a ticket and of the trained weights that it stands for."""

    ticket: float
    weights: float

    @property
    def ratio(self) -> float:
        """How many times smaller the ticket is."""
        return self.weights / self.ticket


def ticket_size(weights: int, freezing: float, norms: int = 0, learn_norms: bool = False) -> Size:
    """Return the size of a ticket, (1 - F) N bits, beside that of N trained weights, 32 N bits.

    The seed and the ratios that the rest is rebuilt from are a few bytes and left out. ``norms``: learned numbers of
    norm layers, 32 bits each; trained networks always have them, tickets only with ``learn_norms``.
    Raises ValueError when everything is frozen. Source: Otsuka et al. 2024, model size.

    >>> round(ticket_size(378_280, 0.2, norms=2_396).ratio, 1)  # GIN
    40.3
    """
    n, extra = whole("weights", weights, 1), FLOAT_BITS * whole("norms", norms)
    freezing, learn_norms = closed_unit("freeze", freezing), flag("learn_norms", learn_norms)
    if freezing == 1:
        raise ValueError("freeze must be below 1 (nothing is free), got 1")
    return Size((1 - freezing) * n + extra * learn_norms, FLOAT_BITS * n + extra)
