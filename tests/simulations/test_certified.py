"""The certified error bound of docs/existence.md against its exact terms, for made-up realised weights of any depth."""

from fractions import Fraction
from itertools import pairwise, product
from types import SimpleNamespace

import numpy as np
import pytest

from simulations.existence.errors import ROUNDING, certified_bound
from simulations.existence.target import Target, forward


def made_up(seed, sizes, signed, spread=0.05):
    """A target and a ticket whose realised weights are off by up to ``spread``: (ticket, target, upper)."""
    rng = np.random.default_rng(seed)
    weights = tuple(rng.uniform(-0.9, 0.9, (b, a)) for a, b in pairwise(sizes))
    target = Target(
        "made up", weights, low=np.where(rng.random(sizes[0]) < 0.5, -1.5, 0.0) if signed else np.zeros(sizes[0])
    )
    copies = [*rng.integers(1, 4, len(sizes) - 2).tolist(), 1]
    layers, upper = [], []
    for number, (parted, many) in enumerate(zip(target.parted, copies, strict=True)):
        wanted = np.repeat(parted, many, axis=0)
        if number == 0:
            realised = wanted + rng.uniform(-spread, spread, wanted.shape)
            upper.append(realised)
        else:
            below = copies[number - 1]
            kept = rng.uniform(-1, 1, (*wanted.shape, below))
            # the last edge of a block makes its sum nearly right
            kept[..., -1] += wanted - kept.sum(axis=2) + rng.uniform(-spread, spread, wanted.shape)
            realised = kept.sum(axis=2)
            upper.append(kept.reshape(len(wanted), -1))
        layers.append(SimpleNamespace(weights=realised))
    return SimpleNamespace(layers=layers, source=SimpleNamespace(blocks=(1,))), target, tuple(upper)


def largest_at_corners(error, ends):
    """max |sum of e_i x_i| over the corners of a box, exactly."""
    return [
        max(abs(sum(Fraction(e) * x for e, x in zip(row, corner, strict=True))) for corner in product(*ends))
        for row in error.tolist()
    ]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("sizes", [(3, 2), (2, 3, 2), (2, 2, 3, 1), (2, 3, 2, 2, 2)])
def test_the_interval_bound_is_its_exact_recursion_and_no_less(sizes, signed):
    for seed in range(4):
        ticket, target, upper = made_up(seed, sizes, signed)
        low, high = target.low, target.high
        # a signed input has two parts, of which one is 0: either end, or 0
        sides = [[(Fraction(b), Fraction(0)), (Fraction(0), Fraction(-a))] for a, b in zip(low, high, strict=True)]
        ends = [list(side) for side in sides]
        negative = np.flatnonzero(low < 0)
        alone = None
        top, bottom = high, low
        for number, (w, layer) in enumerate(zip(target.weights, ticket.layers, strict=True)):
            wanted = np.repeat(target.parted[number], len(layer.weights) // len(w), axis=0)
            error = layer.weights - wanted
            if number == 0:
                corners = []
                for choice in product(*[(0, 1, 2)] * len(low)):
                    plus = [ends[i][0][0] if c == 0 else Fraction(0) for i, c in enumerate(choice)]
                    minus = [Fraction(-low[i]) if choice[i] == 1 else Fraction(0) for i in negative]
                    corners.append([*plus, *minus])
                own = [
                    max(abs(sum(Fraction(e) * x for e, x in zip(row, corner, strict=True))) for corner in corners)
                    for row in error.tolist()
                ]
                alone = own
            else:
                own = largest_at_corners(error, [(Fraction(0), Fraction(float(x))) for x in top])
                below = [[abs(Fraction(v)) for v in row] for row in upper[number].tolist()]
                alone = [
                    o + sum(v * d for v, d in zip(row, alone, strict=True)) for o, row in zip(own, below, strict=True)
                ]
            top = np.maximum(np.maximum(w, 0) @ top + np.minimum(w, 0) @ bottom, 0)
            bottom = np.zeros(len(w))
        received = Fraction(certified_bound(ticket, target, upper).interval)
        exact = max(alone)
        assert exact <= received <= exact * (1 + Fraction(len(sizes) * 3, 10**9)) + Fraction(1, 10**10)


@pytest.mark.parametrize("sizes", [(3, 2), (2, 3, 2), (2, 2, 3, 1), (2, 3, 2, 2, 2)])
def test_both_bounds_hold_on_the_whole_domain_and_the_euclidean_one_is_its_formula(sizes):
    for seed in range(6):
        ticket, target, upper = made_up(seed, sizes, signed=seed % 2 == 1)
        rng = np.random.default_rng(seed)
        corners = np.array(list(product(*zip(target.low, target.high, strict=True))))
        inputs = np.concatenate([corners, rng.uniform(target.low, target.high, (2000, sizes[0]))])
        observed = np.abs(forward(upper, target.parts(inputs)) - forward(target.weights, inputs)).max()
        bound = certified_bound(ticket, target, upper)
        assert observed <= bound.certified <= min(bound.interval, bound.euclidean) * (1 + 1e-12) or len(sizes) == 2
        assert observed <= bound.euclidean
        # ||d_l|| <= ||e_l|| ||x|| + ||v|| ||d_{l-1}||, spectral norms, in the last layer row by row
        joint, top, low = 0.0, target.high, target.low
        for number, (w, layer) in enumerate(zip(target.weights, ticket.layers, strict=True)):
            wanted = np.repeat(target.parted[number], len(layer.weights) // len(w), axis=0)
            spectral = np.linalg.svd(layer.weights - wanted, compute_uv=False)[0]
            size = np.linalg.norm(np.maximum(np.abs(low), np.abs(top)) if number == 0 else top)
            if number == len(target.weights) - 1 and number > 0:
                rows = np.linalg.norm(upper[number], axis=1) * joint
                own = np.maximum(*(np.maximum(sign * (layer.weights - wanted), 0) @ top for sign in (1, -1)))
                assert (own + rows).max() <= bound.euclidean <= (own + rows).max() * (1 + 1e-8) + 1e-10
            joint = spectral * size + (0 if number == 0 else joint * norm_bound(upper[number]))
            top = np.maximum(np.maximum(w, 0) @ top + np.minimum(w, 0) @ low, 0)
            low = np.zeros(len(w))


def norm_bound(v):
    """The smaller of the Frobenius norm and the root of the product of the largest row and column sums."""
    return min(np.linalg.norm(v), np.sqrt(np.abs(v).sum(axis=0).max() * np.abs(v).sum(axis=1).max()))


def test_matrix_norms_that_the_bound_uses_are_above_the_spectral_norm():
    rng = np.random.default_rng(0)
    for _ in range(100):
        v = rng.uniform(-1, 1, rng.integers(1, 9, 2))
        assert np.linalg.svd(v, compute_uv=False)[0] <= norm_bound(v) * ROUNDING


def test_gains_are_the_sums_of_kept_edges_and_of_target_weights():
    ticket, target, upper = made_up(1, (2, 3, 2, 1), False)
    expected = tuple(
        (np.abs(v).sum(axis=1).max(), np.abs(w).sum(axis=1).max())
        for v, w in zip(upper[1:], target.weights[1:], strict=True)
    )
    np.testing.assert_allclose(certified_bound(ticket, target, upper).gains, expected, rtol=1e-12)
