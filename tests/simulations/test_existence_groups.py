"""Tickets that keep N of every M neighbours, and the check of their groups, against plain loops."""

from dataclasses import replace
from itertools import pairwise, product
from math import comb, log2

import numpy as np
import pytest

from simulations.existence import check as checking
from simulations.existence import rows
from simulations.existence.build import build
from simulations.existence.check import check, check_groups
from simulations.existence.source import Source
from simulations.existence.target import Target
from slt.core.keep import Groups

GROUPS = Groups(2, 4, lenient=True)
EPS = (1e-2, 1e-2)


def small(blocks, p=0.0, q=0.0, seed=5, sizes=(2, 2, 1)):
    rng = np.random.default_rng(seed)
    weights = tuple(rng.uniform(-0.5, 0.5, (b, a)) for a, b in pairwise(sizes))
    source = Source(seed, sizes, blocks, (0.0, p, p), (0.0, q, q))
    return Target("small", weights, low=np.asarray(0.0)), source


def wanted_of(group, groups):
    """How many of a group's edges are kept, from its states."""
    locked, left = np.sum(group == 1), np.sum(group != -1)
    return min(max(groups.kept, locked), left) if groups.lenient else groups.kept


def choices(group, groups):
    """All masks of a group that comply."""
    allowed = [{-1: (0,), 0: (0, 1), 1: (1,)}[int(state)] for state in group]
    return np.array([mask for mask in product(*allowed) if sum(mask) == wanted_of(group, groups)])


def kept_of(ticket, number):
    """The mask of a layer, (rows, edges)."""
    return np.unpackbits(ticket.layers[number].masks, axis=1, bitorder="little")[:, : ticket.source.widths[number + 1]]


def factors(source):
    """What the edges above layer 1 are multiplied with: the own edge of their neuron, 0 where it is negative."""
    own = source.rows(1, 0, source.widths[1])[0]
    return np.maximum(own[np.arange(source.widths[1]), np.arange(source.widths[1]) // source.blocks[0]], 0)


@pytest.mark.parametrize("together", [4, 8])
@pytest.mark.parametrize(("p", "q"), [(0.0, 0.0), (0.3, 0.3)])
def test_every_part_is_the_nearest_choice_to_what_is_missing_and_the_richest_groups_come_last(
    monkeypatch, together, p, q
):
    target, source = small((20, 12), p, q)
    monkeypatch.setattr(rows, "KEPT_TOGETHER", together)
    monkeypatch.setattr(rows, "KEPT_EDGES", 2 * source.widths[1])  # two rows a part
    ticket = build(source, target, EPS, groups=GROUPS)
    for number, layer in enumerate(ticket.layers):
        values, states = source.rows(number + 2, 0, len(layer.masks))
        factor = factors(source) if number == 0 else np.ones(source.widths[2])
        copies = len(layer.masks) // target.sizes[number + 1]
        kept = kept_of(ticket, number)
        size = source.blocks[number]
        for row, block in product(range(len(layer.masks)), range(source.sizes[number])):
            edges = slice(block * size, (block + 1) * size)
            x, fates = (values * factor)[row, edges].reshape(-1, 4), states[row, edges].reshape(-1, 4)
            order = np.argsort(-(factor[edges].reshape(-1, 4) > 0).sum(axis=1), kind="stable")
            missing = target.weights[number][row // copies, block]
            at_once = together // 4
            for first in reversed(range(0, len(order), at_once)):
                some = order[first : first + at_once]
                sums = [sum(parts) for parts in product(*((choices(fates[g], GROUPS) @ x[g]) for g in some))]
                missing -= min(sums, key=lambda found, goal=missing: abs(goal - found))
            realised = target.weights[number][row // copies, block] - missing
            assert layer.weights[row, block] == pytest.approx(realised, abs=1e-12)
            assert layer.weights[row, block] == pytest.approx((x.ravel() * kept[row, edges]).sum(), abs=1e-12)
        for mask, fate in zip(kept.reshape(-1, 4), states.reshape(-1, 4), strict=True):
            assert mask.tolist() in choices(fate, GROUPS).tolist()
    verdict = check(ticket, np.ones((1, 2)))
    assert (verdict.locked_dropped, verdict.pruned_kept) == (0, 0)
    assert verdict.weight_gap <= 1e-12


def test_a_short_part_decides_nothing():
    """52 edges of which 48 are chosen at once: the last choice is one of 6**12, not one of 6."""
    target, source = small((52, 52))
    ticket = build(source, target, EPS, groups=Groups(2, 4))
    for number, layer in enumerate(ticket.layers):
        copies = len(layer.weights) // target.sizes[number + 1]
        assert np.abs(layer.weights - np.repeat(target.weights[number], copies, axis=0)).max() < 1e-4


@pytest.mark.parametrize("part", [1, 2**20])
@pytest.mark.parametrize(("p", "q"), [(0.0, 0.0), (0.3, 0.3), (0.0, 0.6), (0.6, 0.0)])
def test_groups_that_keep_another_number_are_counted_and_bits_are_those_of_the_choices(monkeypatch, part, p, q):
    monkeypatch.setattr(checking, "PART", part)
    target, source = small((8, 8), p, q)
    ticket = build(source, target, EPS, groups=GROUPS)
    found = check_groups(ticket, GROUPS)
    groups = bits = other = 0
    for number, layer in enumerate(ticket.layers):
        states = source.rows(number + 2, 0, len(layer.masks))[1].reshape(-1, 4)
        for group in states:
            groups += 1
            free = int(np.sum(group == 0))
            bits += log2(comb(free, wanted_of(group, GROUPS) - int(np.sum(group == 1))))
            other += wanted_of(group, GROUPS) != 2
    assert (found.groups, found.wrong) == (groups, 0)
    assert found.bits == pytest.approx(bits)
    assert found.bits > 0
    # those that are not lenient keep the same number in every group
    assert check_groups(ticket, Groups(2, 4)).wrong == other
    assert (other > 0) == (p + q > 0)

    layers = []
    for layer in ticket.layers:  # in the first row of both layers a group with one more, and one with one less
        masks = layer.masks.copy()
        for place in (0, 1):
            low, high = masks[0, place] & 15, masks[0, place] >> 4
            assert max(low, high) > 0
            changed = [low | (low + 1), low & (low - 1)][place] if low not in (0, 15) else low ^ 1
            masks[0, place] = changed & 15 | high << 4
        layers.append(replace(layer, masks=masks))
    assert check_groups(replace(ticket, layers=tuple(layers)), GROUPS).wrong == 4
