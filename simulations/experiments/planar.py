"""A frozen one-layer source of two inputs and its masks: exact sup error on the unit disc, searches for the least.

Without biases every masked source and its target are linear between rays from the origin, so the sup error on the
disc is taken on the unit circle and is known exactly from the gradients of the sectors between the rays.
"""

from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from subsetsum import best_subsets

Floats = NDArray[np.float64]

KEPT = ((True, True), (True, False), (False, True), (False, False))  # the four ways to keep the edges of a neuron
SILENT = 3
MAX_CHOICES = 2**17  # masks that an exhaustive search may try
SEARCHES = 8
POOL = 24  # neurons for each input and sign: errors down to about 2**-24


@dataclass(frozen=True)
class Planar:
    """A source x -> sum_k c_k relu(a_k.x) with frozen edges; choice k in 0..3 is how neuron k is masked.

    values, states: (N, 2) of the first layer; outputs, fates: (N,) of the second; states -1 pruned, 0 free, 1 locked.
    Choices 0..3 keep both edges, the first, the second, none; ``allowed`` (N, 4) tells which some mask realises.
    corners: (S, 2) unit vectors of all rays where any mask can have a kink, and of the axes, in turn; sector s lies
    between corners s and s + 1. gradients: (N, 4, S, 2), what each neuron adds in each sector by each choice.
    """

    values: Floats
    states: NDArray[np.int8]
    outputs: Floats
    fates: NDArray[np.int8]
    allowed: NDArray[np.bool_] = field(init=False)
    corners: Floats = field(init=False)
    gradients: Floats = field(init=False)

    def __post_init__(self) -> None:
        keep = np.array(KEPT)
        fits = np.where(keep, self.states[:, None] >= 0, self.states[:, None] <= 0).all(axis=2)
        heard = self.fates >= 0
        allowed = fits & heard[:, None]
        allowed[:, SILENT] |= self.fates <= 0
        angle = np.arctan2(self.values[:, 0], -self.values[:, 1])
        rays = np.unique(np.mod(np.concatenate([angle, angle + np.pi, np.arange(4) * (np.pi / 2)]), 2 * np.pi))
        middle = (rays + np.append(rays[1:], rays[0] + 2 * np.pi)) / 2
        inside = np.stack([np.cos(middle), np.sin(middle)], axis=1)
        a = np.where(keep, self.values[:, None], 0.0)
        active = a @ inside.T > 0
        object.__setattr__(self, "allowed", allowed)
        object.__setattr__(self, "corners", np.stack([np.cos(rays), np.sin(rays)], axis=1))
        object.__setattr__(self, "gradients", (self.outputs[:, None, None] * active)[..., None] * a[:, :, None])

    def errors(self, choices: NDArray[np.int_], target: Floats) -> Floats:
        """Return the sup error of each row of choices (B, N) against the linear target (2,)."""
        neurons = np.arange(len(self.values))
        return self.sup(self.gradients[neurons, choices].sum(axis=-3) - target)

    def sup(self, gradients: Floats) -> Floats:
        """Return the sup over the disc of |g|, g linear with gradients (..., S, 2) in the sectors.

        In a sector of less than a half turn a linear function takes its largest size at a corner, or in the direction
        of its gradient (or against it) if that lies inside.
        """
        first, second = self.corners, np.roll(self.corners, -1, axis=0)
        x, y = gradients[..., 0], gradients[..., 1]
        ends = np.maximum(np.abs(x * first[:, 0] + y * first[:, 1]), np.abs(x * second[:, 0] + y * second[:, 1]))
        inside = (first[:, 0] * y - first[:, 1] * x) * (x * second[:, 1] - y * second[:, 0]) > 0
        return np.where(inside, np.hypot(x, y), ends).max(axis=-1)


def exhaustive(source: Planar, target: Floats) -> tuple[float, NDArray[np.int_]] | None:
    """Return the least sup error of all masks and its choices, or None when there are more than ``MAX_CHOICES``."""
    options = [np.flatnonzero(row) for row in source.allowed]
    if prod(len(option) for option in options) > MAX_CHOICES:
        return None
    choices = np.stack(np.meshgrid(*options, indexing="ij"), axis=-1).reshape(-1, len(options))
    errors = np.concatenate([source.errors(choices[at : at + 1024], target) for at in range(0, len(choices), 1024)])
    best = int(errors.argmin())
    return float(errors[best]), choices[best]


def descend(source: Planar, target: Floats, rng: np.random.Generator) -> tuple[float, NDArray[np.int_]]:
    """Return the least sup error that repeated local searches find, and its choices.

    Each search starts from random allowed choices and changes the pair of neurons that lowers the squared error at the
    corners most, until no pair does. Every second search instead starts with all neurons silent that can be, sets a
    pool of neurons aside that may read one input or nothing, and counts errors that such neurons can take away,
    multiples of relu(+-x_i), a thousand times less; then the pool's exact best subsets take them away. At last single
    neurons change while that lowers the sup error.
    """
    found = [_search(source, target, rng, pooled=turn % 2 == 1) for turn in range(SEARCHES)]
    return min(found, key=lambda pair: pair[0])


def _search(
    source: Planar, target: Floats, rng: np.random.Generator, *, pooled: bool
) -> tuple[float, NDArray[np.int_]]:
    choice = np.where(source.allowed, rng.random(source.allowed.shape), -1).argmax(axis=1)
    blocks = _pool(source) if pooled else {}
    aside = np.array([k for block in blocks.values() for k in block], dtype=int)
    if pooled:
        choice[source.allowed[:, SILENT]] = SILENT
    at_corners = np.einsum("kosx,sx->kos", source.gradients, source.corners)
    axes = np.maximum(np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) @ source.corners.T, 0)
    basis = np.linalg.qr(axes.T)[0] if pooled else np.zeros((len(source.corners), 1))
    weigh = np.eye(len(basis)) - 0.97 * basis @ basis.T  # 1 - 0.97, squared, is a thousandth
    rest = -source.corners @ target
    choice = _lower_squares(source, at_corners @ weigh, rest @ weigh, choice, aside)
    if pooled:
        now = at_corners[np.arange(len(choice)), choice].sum(axis=0) + rest
        choice = _spend(source, blocks, axes, now, choice)
    return _lower_sup(source, target, choice, rng)


def _pool(source: Planar) -> dict[tuple[int, int], list[int]]:
    """Return up to ``POOL`` neurons for each input i and sign of weight that may read i alone or be silent."""
    blocks: dict[tuple[int, int], list[int]] = {(i, sign): [] for i in (0, 1) for sign in (1, -1)}
    for k, options in enumerate(source.allowed):
        for i in (k % 2, 1 - k % 2):
            block = blocks.get((i, int(np.sign(source.values[k, i]))), [])
            if options[1 + i] and options[SILENT] and source.values[k, i] != 0 and len(block) < POOL:
                block.append(k)
                break
    return blocks


def _lower_squares(
    source: Planar, features: Floats, goal: Floats, choice: NDArray[np.int_], fixed: NDArray[np.int_]
) -> NDArray[np.int_]:
    """Change the best pair of neurons while that lowers |sum of features + goal|^2; ``fixed`` ones stay."""
    features = features.reshape(4 * len(choice), -1)
    products = features @ features.T
    possible = source.allowed.copy()
    possible[fixed] = False
    neurons = np.arange(len(choice))
    while True:
        now = 4 * neurons + choice
        rest = features[now].sum(axis=0) + goal
        moves = np.setdiff1d(np.flatnonzero(possible), now)
        if not len(moves):
            return choice
        old = now[moves // 4]
        joint = (
            products[np.ix_(moves, moves)]
            - products[np.ix_(moves, old)]
            - products[np.ix_(old, moves)]
            + products[np.ix_(old, old)]
        )
        single = 2 * (features[moves] - features[old]) @ rest + joint.diagonal()
        change = single[:, None] + single + 2 * joint
        change[moves[:, None] // 4 == moves // 4] = np.inf  # two choices of one neuron are no pair
        np.fill_diagonal(change, single)
        i, j = np.unravel_index(int(change.argmin()), change.shape)
        if not change[i, j] < -1e-9 * (rest @ rest):
            return choice
        for move in (moves[i], moves[j]):
            choice[move // 4] = move % 4


def _spend(
    source: Planar, blocks: dict[tuple[int, int], list[int]], axes: Floats, rest: Floats, choice: NDArray[np.int_]
) -> NDArray[np.int_]:
    """Let the pool's best subsets add multiples of relu(+-x_i) that make the error ``rest`` at the corners least."""
    products = {key: source.outputs[block] * np.abs(source.values[block, key[0]]) for key, block in blocks.items()}
    bounds = [(values[values < 0].sum(), values[values > 0].sum()) for values in products.values()]
    # minimise the size t of the error at all corners
    ones = np.ones((len(rest), 1))
    limits = np.block([[axes.T, -ones], [-axes.T, -ones]])
    cost = np.array([0.0, 0, 0, 0, 1])
    solved = linprog(cost, limits, np.concatenate([-rest, rest]), bounds=[*bounds, (0, None)])
    for wanted, (key, values) in zip(solved.x[:4], products.items(), strict=True):
        kept = best_subsets(targets=[wanted], values=values, jobs=1)[1][0]
        choice[np.array(blocks[key], dtype=int)[kept]] = 1 + key[0]
    return choice


def _lower_sup(
    source: Planar, target: Floats, choice: NDArray[np.int_], rng: np.random.Generator
) -> tuple[float, NDArray[np.int_]]:
    """Change one neuron after the other while that lowers the sup error."""
    neurons = np.arange(len(source.values))
    total = source.gradients[neurons, choice].sum(axis=0) - target
    error = float(source.sup(total))
    improved = True
    while improved:
        improved = False
        for k in rng.permutation(neurons):
            totals = total - source.gradients[k, choice[k]] + source.gradients[k]
            errors = np.where(source.allowed[k], source.sup(totals), np.inf)
            option = int(errors.argmin())
            if errors[option] < error * (1 - 1e-9):
                error, total, choice[k], improved = float(errors[option]), totals[option], option, True
    return float(source.errors(choice[None], target)[0]), choice
