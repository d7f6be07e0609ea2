"""Locking in the first layer: a floor under the error of every mask, for one given source and in probability.

The proofs, with the corrected theorem and what is open, are in docs/obstruction.md.
"""

from math import exp, log1p, pi, tan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slt.core import arrays
from slt.core.checks import closed_unit, whole

# arctan2, reduction mod pi and one difference are each correct to 2**-51; all else is a few relative 2**-53
ANGLE_SLACK = 2.0**-44
ROUND_DOWN = 1 - 2.0**-40
TINY = 1e-290  # below it products lose relative accuracy, and a floor is not worth having


def sup_error_floor(
    *,
    first_values: ArrayLike,
    first_states: ArrayLike,
    second_values: ArrayLike,
    second_states: ArrayLike,
    target: ArrayLike,
    plane: tuple[int, int] = (0, 1),
    relu_output: bool = False,
) -> float:
    """Bound the sup error of every mask of one frozen source from below, on the unit disc of two coordinates.

    Statement: let f(x) = sum_k c_k relu(a_k.x) be the source x -> W2 relu(W1 x) under any mask that keeps all locked
    and no pruned edges. Then sup |f(x) - w.x| >= the returned value, the sup over the disc
    {x_i^2 + x_j^2 <= 1, all other coordinates 0}. With ``relu_output`` it bounds sup |relu(f(x)) - relu(w.x)|.
    Relation: lower bound; 0 when nothing can be shown. It does not depend on w unless ``relu_output``.
    Source: docs/obstruction.md, Lemma 1.

    Named arguments only: values, states and target of one shape, swapped, would be another question.
    first_values, first_states: (N, d), d >= 2; second_values, second_states: (N,); target w: (d,). Values lie in
    [-1, 1]; states are -1 pruned, 0 free, +1 locked. plane: the coordinates i, j of the disc.

    Derivation: on the disc a masked neuron is c relu(a'.x), a' = (a_i, a_j), (a_i, 0), (0, a_j) or 0, so its kink is a
    line through 0 perpendicular to a', whatever else the mask does. Neuron k is forced when its edges from i and j
    and its output edge are locked; its slope then changes by s = |c| |a| across its line. Let no other possible kink
    lie within the angles b1 and b2, b1 + b2 <= pi, to the sides of this line, and let x1, x2, u be the unit vectors at
    -b1, b2 and on the line. The chord from x1 to x2 crosses the line at p = m x1 + (1 - m) x2 = r u with
    r = sin(b1 + b2) / (sin b1 + sin b2), and m f(x1) + (1 - m) f(x2) - r f(u) = +-s sin b1 sin b2 / (sin b1 + sin b2),
    while the same combination of w.x is 0. An error of at most e moves it by at most (1 + r) e, so
    e >= s sin b1 sin b2 / (sin b1 + sin b2 + sin(b1 + b2)) = s / (cot(b1 / 2) + cot(b2 / 2)).
    With a ReLU output this holds while w.x > e at the three points, as relu(f) > 0 then means relu(f) = f there; so
    e >= min(that, w.x1, w.x2), and w.u is no less than the two when they are positive.

    >>> first = {"first_values": [[0.6, 0.8]], "first_states": [[1, 1]]}
    >>> floor = sup_error_floor(**first, second_values=[1.0], second_states=[1], target=[0.3, -0.2])
    >>> f"{floor:.6f}"  # relu(t), against t / 2
    '0.500000'
    """
    values, states, outputs, fates, w = checked_source(
        first_values, first_states, second_values, second_states, target, plane
    )
    angles, slopes = _possible_kinks(values, states, outputs, fates)
    order = np.argsort(angles)
    angles, slopes = angles[order], slopes[order]
    if not len(angles):
        return 0.0
    # the next line ahead, mod pi; a line alone is given a quarter turn to either side
    ahead = np.diff(angles, append=angles[0] + pi) if len(angles) > 1 else np.array([pi / 2])
    behind = np.roll(ahead, 1)
    forced = slopes > 0
    best = 0.0
    for share in (1.0, 0.5, 0.25, 0.125) if relu_output else (1.0,):  # nearer to the line w.x may be larger
        b1 = share * np.maximum(behind[forced] - ANGLE_SLACK, 0)
        b2 = share * np.maximum(ahead[forced] - ANGLE_SLACK, 0)
        t1, t2 = np.tan(b1 / 2), np.tan(b2 / 2)
        errors = np.divide(slopes[forced] * t1 * t2, t1 + t2, out=np.zeros_like(t1), where=t1 + t2 > 0)
        if relu_output:
            errors = np.minimum(errors, _least_on_chords(w, angles[forced], b1, b2))
        best = max(best, float(errors.max(initial=0)))
    return best * ROUND_DOWN if best > TINY else 0.0


def _possible_kinks(
    values: NDArray[np.float64], states: NDArray[np.int8], outputs: NDArray[np.float64], fates: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the angles mod pi of all kink lines that some mask can make, and the slope change of forced ones, else 0.

    values, states: (N, 2); outputs, fates: (N,). A line occurs once for each neuron and choice that makes it.
    """
    heard = (fates >= 0) & (outputs != 0)
    angles, slopes = [], []
    for keep in ((True, True), (True, False), (False, True)):
        # a kept edge must not be pruned, a dropped one must not be locked
        allowed = heard & np.where(keep, states >= 0, states <= 0).all(axis=1)
        a = np.where(keep, values, 0.0)[allowed]
        seen = (a != 0).any(axis=1)
        a = a[seen]
        angles.append(np.mod(np.arctan2(a[:, 0], -a[:, 1]), pi))
        locked = ((states == 1).all(axis=1) & (fates == 1))[allowed][seen]
        slopes.append(np.where(locked, np.abs(outputs[allowed][seen]) * np.hypot(a[:, 0], a[:, 1]), 0.0))
    return np.concatenate(angles), np.concatenate(slopes)


def _least_on_chords(
    w: NDArray[np.float64], angles: NDArray[np.float64], b1: NDArray[np.float64], b2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the least w.x at the chords' ends x1, x2, on the side of the disc where it is larger."""
    sides = [
        np.minimum(*(w[0] * np.cos(end) + w[1] * np.sin(end) for end in (angles + turn - b1, angles + turn + b2)))
        for turn in (0.0, pi)
    ]
    # an angle off by the slack moves w.x by at most |w| times as much
    return np.maximum(*sides) - ANGLE_SLACK * float(np.hypot(*w))


def guaranteed_error(width: int) -> float:
    """Return the error that every mask has with :func:`obstruction_probability`: tan(1 / (8 N)) / 8 >= 1 / (64 N).

    Relation: lower bound on the sup error over the unit disc of a first layer of N = ``width`` neurons; see there.

    >>> guaranteed_error(100) > 1 / 6400
    True
    """
    return tan(1 / (8 * whole("width", width, least=1))) / 8


def obstruction_probability(width: int, first_lock: float, second_lock: float) -> float:
    """Bound from below the probability that every mask of a random source errs by at least ``guaranteed_error``.

    Statement: source x -> W2 relu(W1 x) with d >= 2 inputs, N = ``width`` neurons, weights iid uniform on [-1, 1],
    states iid and independent of them, lock rates q1 = ``first_lock`` and q2 = ``second_lock``. With s = q1^2 q2 and
    t = min(-log(1 - s), 1/8), for every linear target the probability is at least 1 - exp(-(9/32) t (1 - 4t) N).
    Assumes: a domain that contains the unit disc of two coordinates. Relation: lower bound.
    Source: docs/obstruction.md, Proposition 2 (there also 1 - exp(-s^2 N / 128), which is smaller for every s > 0).

    >>> f"{obstruction_probability(200, 0.6, 0.3):.4f}"
    '0.9695'
    """
    count = whole("width", width, least=1)
    s = closed_unit("first_lock", first_lock) ** 2 * closed_unit("second_lock", second_lock)
    t = min(-log1p(-s), 1 / 8) if s < 1 else 1 / 8
    return 1 - exp(-9 / 32 * t * (1 - 4 * t) * count)


def no_copy_probability(first_width: int, second_width: int, first_lock: float, second_lock: float) -> float:
    """Bound from below the probability that no mask makes any neuron of the second layer a copy of a target neuron.

    Statement: widths N1 = ``first_width`` and N2 = ``second_width`` of the first two layers of a source of any depth,
    d >= 2 inputs, rates as in :func:`obstruction_probability`. With at least this probability, under every mask the
    input of every neuron of the second layer is at least ``guaranteed_error(N1)`` away from every linear function, in
    sup over the disc. Derivation: Proposition 2 for each of the N2 neurons, and a union bound. Relation: lower bound; 0
    where the union bound says nothing. Source: docs/obstruction.md, Corollary 6.

    >>> f"{no_copy_probability(1000, 1000, 0.6, 0.3):.6f}"
    '0.999974'
    """
    layer = whole("second_width", second_width, least=1)
    return max(0.0, 1 - layer * (1 - obstruction_probability(first_width, first_lock, second_lock)))


def checked_source(
    first_values: ArrayLike,
    first_states: ArrayLike,
    second_values: ArrayLike,
    second_states: ArrayLike,
    target: ArrayLike,
    plane: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.float64], NDArray[np.int8], NDArray[np.float64]]:
    """Return values and states of the two coordinates, outputs and their states, and the target's two weights."""
    values, outputs = arrays.floats("first_values", first_values), arrays.floats("second_values", second_values)
    states, fates = arrays.states("first_states", first_states), arrays.states("second_states", second_states)
    w = arrays.floats("target", target)
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"first_values must have shape (N, d) with d >= 2, got {values.shape}")
    neurons, inputs = values.shape
    for name, array, shape in (
        ("first_states", states, (neurons, inputs)),
        ("second_values", outputs, (neurons,)),
        ("second_states", fates, (neurons,)),
        ("target", w, (inputs,)),
    ):
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape} for first_values {values.shape}, got {array.shape}")
    for name, array in (("first_values", values), ("second_values", outputs)):
        if not (np.abs(array) <= 1).all():
            raise ValueError(f"{name} must lie in [-1, 1], got {array[np.abs(array) > 1][0]}")
    i, j = (whole("plane", index) for index in plane)
    if i == j or max(i, j) >= inputs:
        raise ValueError(f"plane must name two different coordinates below {inputs}, got {plane}")
    pair = [i, j]
    return values[:, pair], states[:, pair], outputs, fates, w[pair]
