"""Searches once more, from their papers' formulas, in numpy and lists alone; nothing of the project is imported here.

The network is y = W_2 relu(W_1 x) on whole batches of given numbers, its loss half the squared error; all in float64.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from math import cos, exp, log, pi, sqrt
from statistics import NormalDist

import numpy as np


def words(seed, what, size, index=0):
    """64-bit words of the stream (seed, what, index): numpy's Philox keyed by the seed and a hash of the name."""
    word = int.from_bytes(blake2b(what.encode(), digest_size=8).digest(), "little")
    generator = np.random.Philox(key=np.array([seed, word], np.uint64), counter=[0, index, 0, 0])
    return [int(w) for w in generator.random_raw(size)] if size else []


def halves(seed, what, size, index=0):
    """32-bit words: of every 64-bit word the low half first."""
    return [part for w in words(seed, what, -(-size // 2), index) for part in (w % 2**32, w // 2**32)][:size]


def uniform(seed, what, size, index=0):
    """Odd multiples of 2^-24 in (-1, 1)."""
    return np.array([(2 * (w // 2**8) + 1) / 2**24 - 1 for w in halves(seed, what, size, index)], np.float64)


def normal(seed, what, size):
    """Quantiles of the normal law at (m + 1/2) / 2^32."""
    return np.array([NormalDist().inv_cdf((w + 0.5) / 2**32) for w in halves(seed, what, size)]).astype(np.float32)


def signs(seed, what, size):
    """The top bit: 0 is -1, 1 is 1."""
    return np.array([2 * (w // 2**31) - 1 for w in halves(seed, what, size)], np.float64)


def order(seed, what, size, index=0):
    """Positions by random 64-bit words whose low bits are replaced by the position."""
    bits = max(size - 1, 1).bit_length()
    drawn = [(w >> bits << bits) + i for i, w in enumerate(words(seed, what, size, index))]
    return sorted(range(size), key=drawn.__getitem__)


def states(seed, layer, size, pruned, locked):
    """-1 at the places that come first in a random order, 1 at those that come next, 0 elsewhere."""
    found, places = np.zeros(size, int), order(seed, f"states/{layer}", size)
    found[places[:pruned]] = -1
    found[places[pruned : pruned + locked]] = 1
    return found


def weights(seed, layer, shape, kind, sparsity=None):
    """Kaiming uniform or signed Kaiming constant, float32: fan_in is the number of inputs of an output."""
    size, fan_in = int(np.prod(shape)), int(np.prod(shape[1:]))
    scale = 1 if sparsity is None else 1 / sqrt(1 - sparsity)
    draw, variance = (uniform, 6) if kind == "ku" else (signs, 2)
    drawn = draw(seed, f"weights/{layer}", size) * np.float32(scale * sqrt(variance / fan_in))
    return drawn.astype(np.float32).reshape(shape)


def density(raw, sizes, wanted):
    """min(1, e raw) with the e at which the edges add up to the wanted share, by halving the logarithm of e."""
    low, high = log(1e-9), log(1e9)
    for _ in range(200):
        middle = (low + high) / 2
        edges = sum(n * min(1, exp(middle) * r) for n, r in zip(sizes, raw, strict=True))
        low, high = (middle, high) if edges < wanted * sum(sizes) else (low, middle)
    return [min(1, exp(high) * r) for r in raw]


def frozen_rates(rule, shapes, prune, lock):
    """(p_l, q_l): the rule at densities 1 - p and 1 - p - q; EPL: 1 / n_l, ERK: sum of the shape over n_l."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    raw = [1 / n if rule == "epl" else sum(shape) / n for shape, n in zip(shapes, sizes, strict=True)]
    kept, free = (density(raw, sizes, share) for share in (1 - prune, 1 - prune - lock))
    return [(1 - a, a - b) for a, b in zip(kept, free, strict=True)]


def largest(numbers, count):
    """The ``count`` largest, of equal ones the first."""
    places = sorted(range(len(numbers)), key=lambda i: (-numbers[i], i))[:count]
    return np.isin(np.arange(len(numbers)), places)


def shares(lengths, wanted):
    """Whole numbers in proportion to the lengths, by largest remainders."""
    exact = [wanted * n / sum(lengths) for n in lengths]
    found = [int(e) for e in exact]
    for i in sorted(range(len(lengths)), key=lambda i: (found[i] - exact[i], i))[: wanted - sum(found)]:
        found[i] += 1
    return found


@dataclass
class Net:
    """A frozen source: weights, states and scores of two layers, flat."""

    shapes: tuple
    w: list
    states: list
    scores: list
    kept: list = field(default_factory=list)

    @property
    def size(self):
        return sum(len(s) for s in self.states)

    @property
    def free(self):
        return [np.flatnonzero(s == 0) for s in self.states]

    @property
    def locked(self):
        return sum(int((s == 1).sum()) for s in self.states)

    def wanted(self, sparsity):
        """How many free weights a network of this sparsity keeps."""
        return self.size - round(sparsity * self.size) - self.locked

    def keep(self, numbers, count, scope="global"):
        """Keep the free weights of the largest numbers, by one threshold or the same share of every layer."""
        lengths = [len(part) for part in numbers]
        if scope == "global":
            self.kept = np.split(largest(np.concatenate(numbers), count), np.cumsum(lengths)[:-1])
        else:
            self.kept = [largest(part, n) for part, n in zip(numbers, shares(lengths, count), strict=True)]

    def used(self, dynamic=False):
        """The masked weights, and each layer's scale: 1 / sqrt(share of weights in use)."""
        found, scales = [], []
        for w, state, free, kept, shape in zip(self.w, self.states, self.free, self.kept, self.shapes, strict=True):
            on = state == 1
            on[free[kept]] = True
            scales.append(sqrt(1 / on.mean()) if dynamic and on.any() else float(not dynamic))
            found.append((w * on * scales[-1]).reshape(shape))
        return found, scales


def source(seed, names, shapes, rates, kind, sparsity=None):
    """Draw a frozen source; rates: (p_l, q_l)."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    counts = [(int(n * p + 1e-9), int(n * q + 1e-9)) for n, (p, q) in zip(sizes, rates, strict=True)]
    return Net(
        shapes,
        [weights(seed, *of, kind, sparsity).flatten().astype(float) for of in zip(names, shapes, strict=True)],
        [states(seed, name, n, *count) for name, n, count in zip(names, sizes, counts, strict=True)],
        [(normal(seed, f"scores/{name}", n) * np.float32(sqrt(2 / shape[1]))).astype(np.float32).astype(float)
         for name, n, shape in zip(names, sizes, shapes, strict=True)],
    )  # fmt: skip


def slopes(matrices, x, y):
    """Half the squared error of W_2 relu(W_1 x), and its derivatives by W_1 and W_2."""
    first, second = matrices
    h = np.maximum(x @ first.T, 0)
    off = h @ second.T - y
    return (off**2).sum() / 2, [((off @ second) * (h > 0)).T @ x, off.T @ h]


def cosine(rate, epoch, epochs):
    """The rate of an epoch, counted from 0: it would be 0 in epoch ``epochs``."""
    return rate * 0.5 * (1 + cos(pi * epoch / epochs))


def edge_popup(net, batches, epochs, rate, decay, sparsity, scope="global", dynamic=False, before=None, count=None):
    """Scores by SGD with momentum 0.9: v <- 0.9 v + g + decay s, s <- s - rate v, g = sign(s) dL/dW w scale.

    batches(epoch, step); before(net, epoch, step), ahead of a step; count(step): how many free weights are kept at it.
    """
    wanted, free = net.wanted(sparsity), net.free
    scores = [s[f] for s, f in zip(net.scores, free, strict=True)]
    speed, number = [np.zeros_like(s) for s in scores], 0
    net.keep([abs(s) for s in scores], wanted, scope)
    for epoch in range(epochs):
        for step, (x, y) in enumerate(batches(epoch)):
            if before:
                before(net, epoch, step)
            kept = count(number) if count else wanted
            net.keep([abs(s) for s in scores], kept, scope)
            matrices, scales = net.used(dynamic)
            gradients = slopes(matrices, x, y)[1]
            for k in (0, 1):
                g = np.sign(scores[k]) * gradients[k].flatten()[free[k]] * net.w[k][free[k]] * scales[k]
                speed[k] = 0.9 * speed[k] + g + decay * scores[k]
                scores[k] = scores[k] - cosine(rate, epoch, epochs) * speed[k]
            number += 1
            net.keep([abs(s) for s in scores], kept, scope)
    return scores
