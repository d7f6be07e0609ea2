"""A sharper floor under the error of every mask of one given source: a linear program over mixtures of masks.

docs/obstruction.md, Lemma 5. The program only looks for weights; the floor itself is a sum that holds for any weights.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.obstruction import TINY, checked_source

Floats = NDArray[np.float64]

KEPT = ((True, True), (True, False), (False, True))  # the ways to keep at least one of two edges
INSIDE = 1 - 2.0**-50  # a point of the unit circle, computed, times this lies in the disc
UNIT = 2.0**-52
EVEN = 64  # directions beside those of kinks, for sectors so wide that the error is largest inside them


class DualFloor(NamedTuple):
    """A proven floor with its proof: points (S, 2) of the disc and the weights (S,) that show it."""

    floor: float
    points: Floats
    weights: Floats


def weighted_floor(
    *,
    first_values: ArrayLike,
    first_states: ArrayLike,
    second_values: ArrayLike,
    second_states: ArrayLike,
    target: ArrayLike,
    points: ArrayLike,
    weights: ArrayLike,
    plane: tuple[int, int] = (0, 1),
) -> float:
    """Bound the sup error of every mask of one frozen source from below, by given weights of given points.

    Statement: let f(x) = sum_k c_k relu(a_k.x) be the source under any mask that keeps all locked and no pruned edges,
    x_1, .., x_S points of the disc with weights u_1, .., u_S, sum |u_s| > 0. Then

        sup |f(x) - w.x| >= (sum_k min over the masks of neuron k of sum_s u_s c_k relu(a_k.x_s) - sum_s u_s w.x_s)
                            / sum_s |u_s|.

    Proof: the mask's own sum is at least that of the minima, and sum_s u_s (f(x_s) - w.x_s) is at most
    sum_s |u_s| times the sup error. Relation: lower bound, for every choice of points and weights; 0 where it is less.
    Source: docs/obstruction.md, Lemma 5.

    Values, states and target as in :func:`theory.obstruction.sup_error_floor`; points: (S, 2), each of norm at most 1;
    weights: (S,). Raises ValueError as there, or for points outside the disc.

    >>> neuron = {"first_values": [[0.6, 0.8]], "first_states": [[1, 1]], "second_values": [1.0], "second_states": [1]}
    >>> there = {"points": [[0.6, 0.8], [-0.6, -0.8]], "weights": [1, 1]}
    >>> f"{weighted_floor(**neuron, target=[0.3, -0.2], **there):.6f}"  # relu(t) is t / 2 from every linear function
    '0.500000'
    """
    source = checked_source(first_values, first_states, second_values, second_states, target, plane)
    x, u = np.asarray(points, dtype=float), np.asarray(weights, dtype=float)
    if x.ndim != 2 or x.shape[1] != 2 or u.shape != x.shape[:1]:
        raise ValueError(f"points must have shape (S, 2) and weights (S,), got {x.shape} and {u.shape}")
    if not (np.hypot(*x.T) <= 1).all():
        raise ValueError("points must lie in the unit disc")
    if not np.isfinite(u).all():
        raise ValueError("weights must be finite")
    return _floor(source, x, u)


def linear_program_floor(
    *,
    first_values: ArrayLike,
    first_states: ArrayLike,
    second_values: ArrayLike,
    second_states: ArrayLike,
    target: ArrayLike,
    plane: tuple[int, int] = (0, 1),
) -> DualFloor:
    """Bound the sup error of every mask of one frozen source from below, by the best weights of all kink directions.

    A mask chooses, for each neuron, one way to keep its edges. The program lets each neuron mix its ways and asks for
    the least error in all directions where a mask can have a kink, and in 64 even ones. Its dual solution is a set of
    weights for :func:`weighted_floor`, which is evaluated and rounded down: whatever the solver returns, the floor
    holds. Arguments and errors as there. Cost: a linear program of 4 N variables and 4 N + 128 rows; seconds at
    N = 400.

    >>> neuron = {"first_values": [[0.6, 0.8]], "first_states": [[1, 1]], "second_values": [1.0], "second_states": [1]}
    >>> f"{linear_program_floor(**neuron, target=[0.3, 0.4]).floor:.3f}"
    '0.500'
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    source = checked_source(first_values, first_states, second_values, second_states, target, plane)
    values, _, _, _, w = source
    angle = np.arctan2(values[:, 0], -values[:, 1])
    even = np.arange(EVEN) * (2 * np.pi / EVEN)  # the axes among them
    turns = np.unique(np.mod(np.concatenate([angle, angle + np.pi, even]), 2 * np.pi))
    points = np.stack([np.cos(turns), np.sin(turns)], axis=1) * INSIDE
    ways = _ways(source, points)
    neuron = np.concatenate([np.full(len(way), k) for k, way in enumerate(ways)])
    columns = np.concatenate(ways)  # (ways of all neurons, S)
    goal, one = points @ w, np.ones((len(points), 1))
    solved = linprog(
        np.append(np.zeros(len(columns)), 1.0),
        A_ub=np.block([[columns.T, -one], [-columns.T, -one]]),
        b_ub=np.concatenate([goal, -goal]),
        A_eq=csr_array((np.ones(len(neuron)), (neuron, np.arange(len(neuron)))), shape=(len(ways), len(columns) + 1)),
        b_eq=np.ones(len(ways)),
        bounds=(0, None),
        method="highs",
    )
    if solved.status != 0:
        return DualFloor(0.0, points, np.zeros(len(points)))
    above, below = np.split(solved.ineqlin.marginals, 2)
    weights = below - above  # marginals are <= 0: weight u_s > 0 where f(x_s) - w.x_s is as large as it may be
    return DualFloor(_floor(source, points, weights), points, weights)


def _ways(source: tuple[Floats, NDArray[np.int8], Floats, NDArray[np.int8], Floats], points: Floats) -> list[Floats]:
    """Return, for each neuron, what it sends to the points (ways, S) in each way that some mask allows."""
    values, states, outputs, fates, _ = source
    ways = []
    for a, state, c, fate in zip(values, states, outputs, fates, strict=True):
        allowed = [
            c * np.maximum(points @ np.where(keep, a, 0.0), 0)
            for keep in KEPT
            if fate >= 0 and np.where(keep, state >= 0, state <= 0).all()
        ]
        if fate <= 0 or (state <= 0).all():
            allowed.append(np.zeros(len(points)))
        ways.append(np.stack(allowed))
    return ways


def _floor(source: tuple[Floats, NDArray[np.int8], Floats, NDArray[np.int8], Floats], x: Floats, u: Floats) -> float:
    """Return the floor of :func:`weighted_floor`, rounded down."""
    total = float(np.abs(u).sum())
    if total <= TINY:
        return 0.0
    ways = _ways(source, x)
    least = sum(float((way @ u).min()) for way in ways) - float((x @ source[4]) @ u)
    # each product has a relative error of a few units; the sums have at most S + N + 2 terms, each at most 2 |u_s|
    slack = (len(u) + len(ways) + 16) * UNIT * 2 * (len(ways) + float(np.abs(source[4]).sum())) * total
    bound = (least - slack) / total * (1 - 8 * UNIT * len(u))
    return max(bound, 0.0)
