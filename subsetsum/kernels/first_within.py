"""A ticket row by row: for every weight of a neuron the first subset of its block within eps, in exact integers.

Units: an edge is a multiple of 2^-43, a sum a multiple of 2^-48.
"""

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.halves import nearest
from subsetsum.kernels.philox import block

STATE_BITS = 20
EDGE_UNIT = 2.0**-43
SUM_BITS = 48
FAR = 1 << 54  # beyond every sum of MOST edges, and within what ``nearest`` can subtract
FEWEST, MOST, STEP = 2, 30, 2  # candidates tried at once: from, to, step
ATTEMPTS = 8  # orders of a block's numbers that are tried before a weight counts as missed


@compiled
def _draw(key, row, words):
    """Fill words (n,) with the first outputs of ``np.random.Philox(key=[key, 0], counter=[0, row, 0, 0])``."""
    n = words.shape[0]
    number = np.uint64(row)
    for quarter in range(n // 4):
        j = 4 * quarter
        words[j], words[j + 1], words[j + 2], words[j + 3] = block(key, number, np.uint64(quarter))
    if n % 4:
        last = block(key, number, np.uint64(n // 4))
        for j in range(n % 4):
            words[n - n % 4 + j] = last[j]


@compiled
def _cover(x, first, m, goal, eps, start, left, right, y, chosen, best):
    """Find a subset of x[first:m] within eps of goal; return its distance and mark its items in best[first:m].

    Tries ``start`` candidates, then more, up to MOST at once; then the next, fresh ones. Every try is the exact
    optimum over its candidates. Without success the nearest subset of all tries is returned.
    """
    distance = abs(goal)
    origin = first
    best[origin:m] = False
    size = start
    while FAR > distance > eps and first < m:
        count = min(size, m - first)
        negative = np.int64(0)
        for k in range(count):
            y[k] = abs(x[first + k])
            negative += min(x[first + k], np.int64(0))
        found = abs(nearest(y, count, goal - negative, left, right, chosen))
        if found < distance:
            distance = found
            best[origin:m] = False
            for k in range(count):
                # the empty choice of y is the sum of all negative numbers
                best[first + k] = chosen[k] != (x[first + k] < 0)
        if count < size or size + STEP > MOST:
            first += count
            size = start
        else:
            size += STEP
    return distance


@compiled
def _solve(x, m, residual, half, eps, start, left, right, y, chosen, taken):
    """Lead ``residual`` into [-half, half] by the first numbers of x[:m], cover it by the fresh ones; see solve_rows.

    Marks taken[:m]; returns the distance left. For m <= MOST it is at most eps whenever that is possible.
    """
    goal = residual
    used = 0
    while used < m and abs(residual) > half:
        item = x[used] if residual > 0 else -x[used]
        taken[used] = 0 < item <= abs(residual) + half
        if taken[used]:
            residual -= x[used]
        used += 1
    distance = _cover(x, used, m, residual, eps, start, left, right, y, chosen, taken)
    # a goal beyond every sum has led to all numbers of its sign, which is the optimum
    if abs(goal) < FAR and distance > eps and m <= MOST:
        distance = _cover(x, 0, m, goal, eps, m, left, right, y, chosen, taken)  # the exact optimum over all
    return distance


@compiled
def _rotate(x, place, m, steps):
    """Move the first ``steps`` numbers to the end of x[:m], their places with them."""
    head, head_place = x[:steps].copy(), place[:steps].copy()
    for k in range(m - steps):
        x[k], place[k] = x[k + steps], place[k + steps]
    x[m - steps : m], place[m - steps : m] = head, head_place


@compiled
def solve_rows(
    key, first, prune, freezing, factor, starts, columns, targets, window, eps, candidates, left, right, sums, masks
):
    """Build rows first .. first + R - 1 of one source layer's mask.

    key: uint64; prune, freezing: thresholds out of 2^20 for a word's low 20 bits (below prune: pruned, below
    freezing: locked). factor: (n,) float64, what an edge is multiplied with: 1, or the weight below it in layer 1.
    Block g holds columns[starts[g]:starts[g + 1]]; a column in no block feeds on a dead neuron.
    targets: (R, G) int64; window: (G,) int64, half width of W; eps: int64. candidates: how many
    are tried first. left, right: ``halves.buffers(MOST)``.
    Written: sums (R, G) int64, the realised weights; masks (R, ceil(n/8)) uint8, bit j & 7 of byte j >> 3 for edge j.

    Order of a block: all locked edges are in; free ones that bring the residual nearer to W without overshooting it
    are taken one by one until it is inside; the fresh ones after that supply the candidates. Where that misses, it is
    tried again from other numbers on.
    """
    n = factor.shape[0]
    low = np.uint64((1 << STATE_BITS) - 1)
    words = np.empty(n, np.uint64)
    x = np.empty(n, np.int64)
    place = np.empty(n, np.int64)
    taken = np.empty(n, np.bool_)
    best_x, best_place, best_taken = np.empty_like(x), np.empty_like(place), np.empty_like(taken)
    y = np.empty(MOST, np.int64)
    chosen = np.empty(MOST, np.bool_)
    start = min(max(candidates, FEWEST), MOST)
    for r in range(targets.shape[0]):
        _draw(key, first + r, words)
        mask = masks[r]
        mask[:] = 0
        for j in range(n):
            code = words[j] & low
            if prune <= code < freezing:
                mask[j >> 3] |= np.uint8(1 << (j & 7))
        for g in range(targets.shape[1]):
            m = 0
            total = np.int64(0)
            for k in range(starts[g], starts[g + 1]):
                j = columns[k]
                code = words[j] & low
                if code >= prune:
                    value = np.float64(np.int64(words[j]) >> STATE_BITS) * EDGE_UNIT
                    item = np.int64(np.rint(value * factor[j] * 2.0**SUM_BITS))
                    if code < freezing:
                        total += item
                    else:
                        x[m] = item
                        place[m] = j
                        m += 1
            goal = targets[r, g]
            best = np.int64(-1)
            for _ in range(ATTEMPTS):
                distance = _solve(x, m, goal - total, window[g], eps, start, left, right, y, chosen, taken)
                if best < 0 or distance < best:
                    best = distance
                    best_x[:m], best_place[:m], best_taken[:m] = x[:m], place[:m], taken[:m]
                if best <= eps or m <= MOST:
                    break
                _rotate(x, place, m, m // ATTEMPTS)
            for k in range(m):
                if best_taken[k]:
                    total += best_x[k]
                    mask[best_place[k] >> 3] |= np.uint8(1 << (best_place[k] & 7))
            sums[r, g] = total


@compiled
def own_edges(key, size, prune, out):
    """Fill out (inputs * size,) float64 with edge r // size of every row r of layer 1; 0 where it is pruned."""
    for r in range(out.shape[0]):
        i = r // size
        word = block(key, np.uint64(r), np.uint64(i >> 2))[i & 3]
        alive = (word & np.uint64((1 << STATE_BITS) - 1)) >= prune
        out[r] = np.float64(np.int64(word) >> STATE_BITS) * EDGE_UNIT if alive else 0.0
