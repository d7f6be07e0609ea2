"""Lueker's game: a certified bound on the probability that k free uniforms fail to cover an interval of length 1.

The covered set grows with a known mean inside a known range. Nothing else is used, so the worst law with that mean and
range, chosen anew at every step by an adversary who sees the state, bounds the failure probability.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import closed_unit, open_unit, positive, whole
from theory.arguments import checked_eps, checked_n

Floats = NDArray[np.float64]

START_SHARE = 0.7  # e0 / eps; of .6, .7, .75, .8, .85 the one that needs the fewest variables at eps = .1 .. 1e-6
POINTS = 2400  # grid points between start and end; 3200 save one variable now and then
_TAIL = 9.0  # log-odds beyond which a row sees one lump: it gives away a fraction exp(-9) of the uncovered part
_ROUNDING = 2.0**-48  # covers every rounding error of one step, each relative to the sizes it multiplies
_SMALLEST = 1e-200  # values below it are held there, above the subnormal numbers


class GrowthGame:
    """Upper bounds ``G_k`` on the probability that k steps leave more than ``left`` uncovered.

    Facts about one step from the covered fraction x to x': ``x <= x' <= min(2x, 1)`` and
    ``E[x'] >= x + growth x (1 - x)``. start: covered fraction at first; left: uncovered fraction that is allowed at
    last, start + left < 1; growth in (0, 1].

    Derivation. ``G_0(x) = 1 if x < 1 - left else 0`` and ``G_{k+1}(x)`` = the largest mean of ``G_k(x')`` over all
    laws of x' with those facts: the concave envelope of G_k on ``[x, min(2x, 1)]`` at the mean. Two properties make
    a grid rigorous.

    * G_k does not increase with k (x' = x' is never worse than x).
    * G_k does not increase with x. From x < y the adversary can do what he can from y: let y move to y(1 + a) when
      y <= 1/2 (a in [0, 1], mean growth (1 - y)); then x(1 + a + h (1 - a)) with
      ``h = growth (y - x) / (1 - growth (1 - y))`` in [0, 1] has the right mean and range and is at most y(1 + a),
      because ``x h <= y - x``. For 1/2 <= x let y move to y + (1 - y) b (mean of b: growth y) and x to
      x + (1 - x) b x / y. Chain the two at 1/2. So an adversary with a smaller mean gains, and only a lower bound of
      the mean is needed.

    Rounding. On the grid x_0 = start < .. < x_N = 1 - left, x_{N+1} = 1 (log-odds evenly spaced) G_k is at most the
    step function with value ``g_j >= G_k(x_j)`` on [x_j, x_{j+1}). By weak duality its envelope at the mean is at most
    ``max_j g_j + s (min(x_{j+1}, 2x) - mean)`` for *any* slope s >= 0: a slope that is not optimal costs
    sharpness, never validity. Slopes are those of the last step's chord, improved by cutting planes. Means are rounded
    down, every maximum up.

    Source: Lueker 1998, the growth process behind Theorem 2.4; the game and its rounding are ours.
    """

    def __init__(self, start: float, left: float, growth: float = 0.5, points: int = POINTS) -> None:
        start, left, points = open_unit("start", start), open_unit("left", left), whole("points", points)
        growth = self.growth = positive("growth", growth)
        if not start + left < 1 or growth > 1 or points < 8:
            raise ValueError(
                "the game needs start + left < 1, growth <= 1, points >= 8, "
                f"got {start:g}, {left:g}, {growth:g}, {points}"
            )
        odds = np.linspace(np.log(start) - np.log1p(-start), np.log1p(-left) - np.log(left), points)
        # both x and 1 - x with full relative precision; the rows below 1/2 use x, the others 1 - x
        inside = 1 / (1 + np.exp(-odds))
        outside = 1 / (1 + np.exp(odds))
        # the given ends, not what became of them: the start lower, whichever of the two its row uses; the end further
        inside[0], outside[0] = start * (1 - _ROUNDING), (1 - start) * (1 + _ROUNDING)
        outside[-1] = left * (1 - _ROUNDING)
        lower = min(int(np.searchsorted(inside, 0.5)), points - 1)  # the end is no row, even below 1/2
        # right ends of cells, seen from below 1/2: rounded up, which only helps the adversary
        right = np.where(inside < 0.5, inside, (1 - outside) * (1 + _ROUNDING)).clip(max=1.0)
        right, outside = np.append(right[1:], 1.0), np.append(outside, 0.0)
        self._grid = inside[:lower], right, outside
        self._steps = int(np.ceil(_TAIL / (odds[1] - odds[0])))
        self._chords: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._values = np.append(np.ones(points - 1), 0.0)
        self._table = [1.0]

    def failures(self, least: float = 1e-9, steps: int = 100_000) -> Floats:
        """Return G_0, G_1, .. until one is at most ``least`` or ``steps`` steps are made.

        The table is kept: a later call continues where the last one stopped.
        """
        blocks: list[_Block] = []
        while self._table[-1] > max(least, 2 * _SMALLEST) and len(self._table) <= steps:
            blocks = blocks or self._blocks()
            self._step(blocks)
        if blocks:
            self._chords = [block.chords for block in blocks]
        table = np.array(self._table[: steps + 1])
        below = np.flatnonzero(table <= least)
        return table[: below[0] + 1] if len(below) else table

    def _blocks(self) -> list["_Block"]:
        """Lay out all rows: tens of megabytes, made in no time, so they are not kept while the table is only read."""
        below, right, outside = self._grid
        blocks = [
            *_rows_below_half(below, right, self.growth),
            *_rows_above_half(len(below), len(self._values) - 1, outside, self.growth, self._steps),
        ]
        for block, chords in zip(blocks, self._chords, strict=False):
            block.chords = chords
        return blocks

    def _step(self, blocks: list["_Block"]) -> None:
        new = np.concatenate([block.envelope(self._values) for block in blocks])
        # G does not increase with k nor with x, so smaller bounds from before or from the left hold here too
        new = np.minimum.accumulate(np.minimum(new, self._values[:-1]))
        self._values[:-1] = np.maximum(new, _SMALLEST)
        self._table.append(float(self._values[0]))


class _Block:
    """Rows of the grid that look ahead over equally many cells.

    cells: (rows, width) index of each cell that a row can reach; ahead: (rows, width) right end of that cell minus the
    mean of the row (of either sign). chords: left and right end of every row's best chord so far, where a step starts.
    """

    def __init__(self, rows: NDArray[np.int64], cells: NDArray[np.int64], ahead: Floats) -> None:
        self._rows, self._cells, self._ahead = rows, cells, ahead
        self._line = np.arange(len(rows))
        self._reach = np.abs(ahead).max(axis=1)
        self.chords = np.zeros(len(rows), np.int64), np.full(len(rows), cells.shape[1] - 1, np.int64)
        self._work = np.empty_like(ahead)

    def envelope(self, values: Floats) -> Floats:
        """Bound the envelope of the step function ``values`` at the mean of every row from above."""
        seen = values[self._cells]
        best = np.full(len(self._line), np.inf)
        low, high = self.chords
        for _ in range(8):
            left, right = self._ahead[self._line, low], self._ahead[self._line, high]
            value_left, value_right = seen[self._line, low], seen[self._line, high]
            # no chord where both ends are one cell: then slope 0 is as good as any
            slope = np.zeros_like(left)
            np.divide(np.maximum(value_left - value_right, 0.0), right - left, out=slope, where=right > left)
            np.multiply(self._ahead, slope[:, None], out=self._work)
            self._work += seen
            top = self._work.argmax(axis=1)
            bound = self._work[self._line, top]
            best = np.minimum(best, bound + _ROUNDING * (seen[:, 0] + slope * self._reach))
            # the chord itself is a lower bound of the envelope: stop when nothing much is left to win
            if np.all(bound - (value_left + slope * left) <= 1e-4 * bound):
                break
            before = self._ahead[self._line, top] < 0
            low, high = np.where(before, top, low), np.where(before, high, top)
        self.chords = low, high
        return best


def _rows_below_half(inside: Floats, right: Floats, growth: float) -> list[_Block]:
    """Rows x < 1/2: the step ends at most at 2x."""
    blocks = []
    limit = 2 * inside
    mean = inside * (1 + growth * (1 - inside)) * (1 - _ROUNDING)
    # cells start at x_0 = start and at the right ends of their predecessors
    last = np.searchsorted(np.append(inside[:1], right[:-1]), limit) - 1
    width = last - np.arange(len(inside)) + 1
    first = 0
    while first < len(inside):
        # rows of similar width share a block; a short row repeats its last cell
        stop = first + int(np.argmax(np.append(width[first:] > 1.1 * width[first] + 2, True)))
        rows = np.arange(first, stop)
        cells = np.minimum(rows[:, None] + np.arange(width[first:stop].max()), last[rows, None])
        blocks.append(_Block(rows, cells, np.minimum(right[cells], limit[rows, None]) - mean[rows, None]))
        first = stop
    return blocks


def _rows_above_half(first: int, stop: int, outside: Floats, growth: float, steps: int) -> list[_Block]:
    """Rows x >= 1/2, in terms of 1 - x: every larger x is in reach; what lies ``steps`` cells on counts as 1."""
    blocks = []
    size = 64
    cells_total = len(outside) - 1
    mean = outside[:-1] * (1 - growth * (1 - outside[:-1])) * (1 + _ROUNDING)
    while first < stop:
        rows = np.arange(first, min(first + size, stop))
        last = np.minimum(rows + steps, cells_total - 1)
        cells = np.minimum(rows[:, None] + np.arange((last - rows).max() + 1), last[:, None])
        end = np.where(cells == last[:, None], 0.0, outside[1:][cells])
        blocks.append(_Block(rows, cells, mean[rows, None] - end))
        first += size
    return blocks


@lru_cache(maxsize=64)
def cover_game(eps: float, points: int = POINTS) -> GrowthGame:
    """The game whose ``G_k`` bounds P(k free iid uniforms on [-1, 1] fail to eps-cover W = [-1/2, 1/2]); eps < 1/2.

    Derivation. Let e0 = START_SHARE eps, u = 2 (eps - e0), c = u/2 and V = [-1/2 - c, 1/2 + c], of length L = 1 + u.
    C_0 = [-e0, e0] and C_{t+1} = C_t u ((C_t + X) n V). Then |C_t| <= |C_{t+1}| <= min(2 |C_t|, L), and a z in V
    outside C_t joins when z - X lies in C_t, so the mean growth is half the measure of the pairs (z, y), z in V - C_t,
    y in C_t, |z - y| <= 1. Without the last condition that is |C_t| (L - |C_t|). It excludes two triangles, a near
    one end of V, b near the other, a - b > 1, of area u^2/2 each; of (a, b) and (b, a) at most one is such a pair,
    so at most u^2/2 is lost. Covered fraction x = |C|/L: ``E[x'] >= x + (L/2) x(1-x) - u^2/(4L) >= x + growth x(1-x)``
    with ``growth = L/2 - u^2 / (4 L min x(1-x))``, the minimum over [x_0, 1 - u/L], at one of the two ends. That is
    at least 1/2: u^2/(4 L x(1-x)) <= u/2 means x(1-x) >= u/(2L), true at both ends for eps < 1/2.

    When at most u of V is not covered, a point of W in an inner gap has C within u/2, and in an end gap within
    u - c = u/2: every z in W is within e0 + u/2 = eps of a subset sum. Without the margin c an end gap would cost u.
    """
    eps = open_unit("eps", eps)
    if not eps < 0.5:
        raise ValueError(f"eps must be below 1/2 (else nothing needs to be covered), got {eps:g}")
    uncovered = 2 * (1 - START_SHARE) * eps
    length = 1 + uncovered
    start, left = 2 * START_SHARE * eps / length, uncovered / length
    least = min(start * (1 - start), left * (1 - left))
    growth = length / 2 - uncovered**2 / (4 * length * least)
    return GrowthGame(start, left, max(0.5, growth * (1 - _ROUNDING)), points)


def cover_failures(eps: float, least: float = 1e-9) -> Floats:
    """Bound P(k free iid uniforms fail to eps-cover [-1/2, 1/2]) for k = 0, 1, .. until a bound is <= ``least``.

    Non-increasing, so the last entry holds for every larger k. For eps >= 1/2 no variable is needed.

    >>> int((cover_failures(0.1) > 0.05).sum())
    21
    """
    eps = checked_eps(eps)
    if eps >= 0.5:
        return np.zeros(1)
    return cover_game(eps).failures(least)


def cover_failure(n: int, eps: float, *, free: float = 1.0) -> float:
    """Bound P(n variables, each free with probability ``free``, fail to eps-cover [-1/2, 1/2]).

    The mean of G_m over m ~ Bin(n, free). Locked variables are left out of account: their sum is the shift's business.
    """
    from scipy.stats import binom

    n, free = checked_n(n), closed_unit("free", free)
    table = cover_failures(eps, 1e-18)
    if free == 1:
        return float(table[min(n, len(table) - 1)])
    counts = np.arange(len(table))
    # the tail beyond the table is at most its last entry, as G does not increase
    weights = np.append(binom.pmf(counts[:-1], n, free), binom.sf(len(table) - 2, n, free))
    return min(1.0, float(weights @ table) * (1 + 1e-9))
