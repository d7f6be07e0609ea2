"""Parts of building and checking tickets against plain lines, and every way in which the check says no."""

import json
import pickle
from dataclasses import replace
from itertools import pairwise, product
from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.existence import command, rows, smallest
from simulations.existence.build import Layer, Ticket, build
from simulations.existence.check import check
from simulations.existence.command import main
from simulations.existence.cost import Cost, _memory, estimate, refuse
from simulations.existence.errors import (
    ROUNDING,
    _gradient,
    _largest,
    _slope,
    adversarial,
    certified_bound,
    collapsed,
    difference,
)
from simulations.existence.rows import GRID, layer_rows
from simulations.existence.source import Source
from simulations.existence.tables import _parameters, realised
from simulations.existence.target import Target, accuracy, forward, from_file, rescaled
from simulations.existence.trained import digits, train
from simulations.existence.weights import _nearest_of_all, build_weights
from simulations.run.engines import Threads
from slt.core.keys import generator, key_words
from slt.core.rates import Rates
from subsetsum.rows import even_blocks
from theory.obstruction import obstruction_probability, sup_error_floor
from theory.products import window


def small(seed=0, sizes=(3, 2, 2), q=0.1, p=0.1, block=120, low=0.0):
    rng = np.random.default_rng(seed)
    matrices = tuple(rng.uniform(-0.5, 0.5, (b, a)) for a, b in pairwise(sizes))
    depth = len(matrices)
    source = Source(seed, sizes, (block, *[50] * (depth - 1)), (p,) * (depth + 1), (0.0, *[q] * depth))
    return Target("small", matrices, low=np.asarray(low)), source


# ---- the source, drawn by hand


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_source_is_drawn_word_by_word(layer):
    source = Source(7, (3, 2, 4), (5, 3), (0.2, 0.3, 0.1), (0.0, 0.2, 0.4))
    assert source.widths == (3, 15, 6, 4)
    assert source.parameters == 3 * 15 + 15 * 6 + 6 * 4
    key = key_words(0, f"existence, seed 7, layer {layer}")[1]
    values, states = source.rows(layer, 2, 3)
    n = source.widths[layer - 1]
    for row in range(3):
        stream = np.random.Philox(key=np.array([key, 0], np.uint64), counter=[0, 2 + row, 0, 0])
        for j, word in enumerate(int(w) for w in stream.random_raw(n)):
            signed = word - 2**64 if word >= 2**63 else word
            assert values[row, j] == (signed // 2**20) / 2**43
            code = word % 2**20
            p, q = source.prune[layer - 1], source.lock[layer - 1]
            assert states[row, j] == (-1 if code < round(p * 2**20) else 1 if code < round((p + q) * 2**20) else 0)
    assert source.rates(layer) == Rates(source.prune[layer - 1], source.lock[layer - 1])


def test_a_code_equal_to_a_threshold_is_on_its_upper_side():
    source = Source(7, (64, 1), (1,), (0.0, 0.0), (0.0, 0.0))
    key = np.array([source.key(1), 0], np.uint64)
    code = int(np.random.Philox(key=key, counter=[0, 0, 0, 0]).random_raw(64)[5]) % 2**20
    rate = code / 2**20
    assert replace(source, prune=(rate, 0.0)).rows(1, 0, 1)[1][0, 5] == 0
    assert replace(source, prune=((code + 1) / 2**20, 0.0)).rows(1, 0, 1)[1][0, 5] == -1
    assert replace(source, lock=(rate, 0.0)).rows(1, 0, 1)[1][0, 5] == 0
    assert replace(source, lock=((code + 1) / 2**20, 0.0)).rows(1, 0, 1)[1][0, 5] == 1


# ---- blocks and targets


@pytest.mark.parametrize("low", [0.0, -1.0, [-1.0, 0.0, -0.5]])
def test_the_blocks_of_the_first_layer_are_the_neurons_that_see_a_part_of_an_input(low):
    target, source = small(3, low=low)
    source = replace(source, prune=(0.3, 0.1, 0.1))
    signed = np.broadcast_to(np.asarray(low), 3) < 0
    values, states = source.rows(1, 0, source.widths[1])
    own = np.array([values[r, r // 120] * (states[r, r // 120] >= 0) for r in range(360)])
    blocks = layer_rows(source, target, 0, (1e-3, 1e-3)).candidates.blocks
    expected = [[r for r in range(120 * i, 120 * i + 120) if own[r] > 0] for i in range(3)]
    expected += [[r for r in range(120 * i, 120 * i + 120) if own[r] < 0] for i in range(3) if signed[i]]
    assert blocks.count == len(expected)
    for k, wanted in enumerate(expected):
        assert blocks.columns[blocks.starts[k] : blocks.starts[k + 1]].tolist() == wanted
    np.testing.assert_array_equal(blocks.factor, abs(own))
    assert blocks.window == window(1e-3)
    above = layer_rows(source, target, 1, (1e-3, 1e-3)).candidates.blocks
    even = even_blocks(2, 50)
    np.testing.assert_array_equal(above.starts, even.starts)
    np.testing.assert_array_equal(above.columns, even.columns)
    ticket = build(source, target, (1e-2, 1e-2))
    kept = sorted(r for part in expected for r in part)
    assert np.flatnonzero(ticket.own).tolist() == kept
    assert ticket.signed.tolist() == signed.tolist()
    assert [layer.eps for layer in ticket.layers] == [1e-2 * GRID] * 2


def test_every_layer_is_built_to_its_own_precision_by_its_own_rates():
    target, source = small(5, block=400)
    for precisions in ((1e-4, 1e-2), (1e-2, 1e-5)):
        ticket = build(source, target, precisions)
        for number, (w, layer) in enumerate(zip(target.parted, ticket.layers, strict=True)):
            copies = len(layer.weights) // len(w)
            assert copies == (50, 1)[number]
            wanted = np.array([w[r // copies] for r in range(len(layer.weights))])
            missed = np.abs(layer.weights - wanted)
            assert missed.max() <= precisions[number] * GRID
            assert missed.max() > precisions[number] / 100  # no finer than asked


def test_parts_of_one_row_each_give_the_same_ticket(monkeypatch):
    target, source = small(5)
    whole = build(source, target, (1e-2, 1e-2))
    monkeypatch.setattr(rows, "PART_EDGES", 1)
    for a, b in zip(whole.layers, build(source, target, (1e-2, 1e-2)).layers, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
        np.testing.assert_array_equal(a.masks, b.masks)


def test_parts_put_a_number_back_together():
    target, _ = small(1, low=[-1.0, 0.0, -0.5])
    x = np.array([[-0.5, 0.25, 0.75], [1.0, 0.0, -0.25]])
    assert target.parts(x).tolist() == [[0, 0.25, 0.75, 0.5, 0], [1.0, 0, 0, 0, 0.25]]
    w = target.weights[0]
    np.testing.assert_array_equal(target.parted[0], np.column_stack([w, -w[:, 0], -w[:, 2]]))
    np.testing.assert_allclose(target.parts(x) @ target.parted[0].T, x @ w.T)


def test_targets_are_held_to_their_box_and_to_weights_of_at_most_one():
    one = np.array([[1.0, -1.0]])
    Target("t", (one,))
    for w in (np.nextafter(one, 2), np.array([[0.5, -1.0000001]]), np.array([[0.5, -1.5]])):
        with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
            Target("t", (w,))
    Target("t", (one,), inputs=np.array([[0.0, 1.0]]))
    for bad in ([[0.0, 1.1]], [[-0.1, 1.0]]):
        with pytest.raises(ValueError, match="lie in"):
            Target("t", (one,), inputs=np.array(bad))


def test_a_forward_pass_is_its_definition_for_any_number_of_rows(monkeypatch):
    rng = np.random.default_rng(0)
    matrices = (rng.normal(size=(4, 3)), rng.normal(size=(5, 4)), rng.normal(size=(2, 5)))
    x = rng.normal(size=(11, 3))
    expected = [matrices[2] @ np.maximum(matrices[1] @ np.maximum(matrices[0] @ row, 0), 0) for row in x]
    np.testing.assert_allclose(forward(matrices, x), expected)
    assert (np.array(expected) < 0).any()
    monkeypatch.setattr("simulations.existence.target.AT_ONCE", 20)
    np.testing.assert_allclose(forward(matrices, x), expected)
    assert forward(matrices, x[:0]).shape == (0, 2)
    assert accuracy(np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), np.array([1, 0, 0])) == pytest.approx(2 / 3)


def test_rescaling_leaves_small_layers_alone_and_multiplies_the_factors():
    small_layer, large, larger = np.array([[0.5]]), np.array([[4.0]]), np.array([[-2.0]])
    scaled, factor = rescaled((small_layer, large, larger))
    assert [w.item() for w in scaled] == [0.5, 1.0, -1.0]
    assert factor == 8


def test_files_keep_biases_of_every_layer_and_refuse_labels_beyond_the_classes(tmp_path):
    w1, b1, w2, b2 = np.array([[0.5, -0.5]]), np.array([0.25]), np.array([[1.0], [-1.0]]), np.array([0.125, -0.5])
    x = np.array([[0.5, 1.0], [0.0, 0.25]])
    np.savez(tmp_path / "t.npz", a=w1, b=b1, c=w2, d=b2, inputs=x, labels=[1, 0])
    target = from_file(tmp_path / "t.npz")
    np.testing.assert_allclose(forward(target.weights, target.inputs), np.maximum(x @ w1.T + b1, 0) @ w2.T + b2)
    assert target.low.tolist() == [0, 0, 1]
    assert target.high.tolist() == [1, 1, 1]
    np.savez(tmp_path / "u.npz", a=w1, b=b1, c=w2, d=b2, inputs=x, labels=[1, 2])
    with pytest.raises(ValueError, match="labels must be whole numbers from 0 to 1"):
        from_file(tmp_path / "u.npz")


# ---- parts of a layer, as units of work


@pytest.mark.parametrize("edges", [1, 361, 721, 3600, 10**9])
def test_parts_are_of_one_size_and_have_every_row_once(edges, monkeypatch):
    target, source = small(1)
    monkeypatch.setattr(rows, "PART_EDGES", edges)
    for number, (width, copies) in enumerate(((360, 50), (100, 1))):
        layer = layer_rows(source, target, number, (1e-2, 1e-3))
        parts = [layer.wanted(first) for first in layer.starts]
        np.testing.assert_array_equal(np.concatenate(parts), np.repeat(target.weights[number], copies, axis=0))
        assert {len(part) for part in parts[:-1]} <= {max(edges // width, 1)}
        assert len(parts[-1]) <= max(edges // width, 1)


class Travelled:
    """An engine that does every unit after a journey through pickle, and keeps the bytes of each."""

    jobs = 1

    def __init__(self, sent):
        self.sent = sent

    def run(self, units):
        for unit in units:
            call = pickle.dumps(unit.call)
            self.sent.append(len(call))
            yield unit, pickle.loads(pickle.dumps(pickle.loads(call)()))


def test_parts_travel_as_what_is_wanted_and_packed_bits_and_come_back_the_same():
    weights = np.random.default_rng(0).uniform(-0.4, 0.4, (6, 8)), np.random.default_rng(1).uniform(-0.4, 0.4, (2, 6))
    target = Target("t", weights, low=np.array([-1.0] * 4 + [0.0] * 4))
    source = Source(1, target.sizes, (400, 50), (0.1,) * 3, (0.0, 0.1, 0.1))
    sent = []
    found, alone = (build(source, target, (1e-2, 1e-2), engine=engine) for engine in (Travelled(sent), Threads(2)))
    assert sum(sent) < sum(layer.weights.nbytes for layer in alone.layers) + 2000
    for one, two in zip(found.layers, alone.layers, strict=True):
        assert one.weights.tobytes() == two.weights.tobytes()
        assert one.masks.tobytes() == two.masks.tobytes()
    sent.clear()
    x = np.random.default_rng(2).uniform(-1, 1, (9, 8)) * (target.low < 0)
    verdict, expected = (check(found, x, engine) for engine in (Travelled(sent), Threads(2)))
    assert verdict.outputs.tobytes() == expected.outputs.tobytes()
    assert replace(verdict, outputs=None) == replace(expected, outputs=None)
    bits = sum(layer.masks.nbytes for layer in found.layers)
    # beside the masks: own edges, activations of 9 inputs, little else
    assert bits < sum(sent) < bits + 8 * (source.widths[1] + 9 * source.widths[2]) + 10_000
    counts = [build_weights(target, 0, 12, 0.01, engine) for engine in (Travelled(sent), Threads(3))]
    assert replace(counts[0], seconds=0) == replace(counts[1], seconds=0)
    sizes = [smallest.smallest_blocks(source, target, (1e-2, 1e-2), engine) for engine in (Travelled(sent), Threads(3))]
    assert sizes[0] == sizes[1]


def test_the_time_of_a_cluster_is_that_of_its_threads_and_the_memory_that_of_one():
    class Many(Travelled):
        jobs = 10**9

    target, source = small(0, (3, 4, 2), block=120)
    cost = estimate(source, target, (1e-2, 1e-2), Many([]))
    assert cost.seconds < 1e-3
    assert cost.gib == _memory(source, target, 1)


# ---- error bounds


@given(st.integers(0, 10**6), st.sampled_from([[0, 0], [-1, 0], [-1, -2], [0.25, -1], [-1, 0.5]]))
def test_a_rows_largest_error_is_that_of_the_best_corner_or_zero(seed, low):
    low, high = np.array(low, float), np.array([1.0, 2.0])
    rng = np.random.default_rng(seed)
    error = rng.normal(size=(3, 2 + int((low < 0).sum())))
    choices = [{a, b, 0.0} if a <= 0 <= b else {a, b} for a, b in zip(low, high, strict=True)]
    corners = np.array(list(product(*(sorted(c) for c in choices))))
    parts = np.hstack([np.maximum(corners, 0), np.maximum(-corners[:, low < 0], 0)])
    np.testing.assert_allclose(_largest(error, low, high), np.abs(parts @ error.T).max(axis=0) * ROUNDING)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([(2, 3), (2, 2, 2), (2, 3, 2, 2)]), st.sampled_from([-2.0, 0.0, -1.0]))
def test_the_certified_bound_is_its_formulas_layer_by_layer(seed, sizes, low):
    target, source = small(seed, sizes, low=low)
    ticket = build(source, target, (3e-2,) * len(target.weights))
    upper = collapsed(ticket)
    found = certified_bound(ticket, target, upper)
    lowest, top = target.low, target.high
    D = joint = None
    per_norm = None
    for number, (w, layer) in enumerate(zip(target.weights, ticket.layers, strict=True)):
        copies = len(layer.weights) // len(w)
        e = layer.weights - np.array([target.parted[number][r // copies] for r in range(len(layer.weights))])
        sigma = np.linalg.svd(e, compute_uv=False)[0]
        if number == 0:
            D, size = _largest(e, lowest, top), np.sqrt((np.maximum(abs(lowest), abs(top)) ** 2).sum())
            joint, per_norm = sigma * size, np.full(len(D), np.inf)
        else:
            v, size = upper[number], np.sqrt((top**2).sum())
            own = np.maximum(np.maximum(e, 0) @ top, np.maximum(-e, 0) @ top)
            per_norm = own + np.sqrt((v**2).sum(1)) * joint
            D = own + abs(v) @ D
            through = min(sqrt((v**2).sum()), sqrt(abs(v).sum(0).max() * abs(v).sum(1).max()))
            joint = sigma * size + through * joint
            gain = found.gains[number - 1]
            assert gain == pytest.approx((abs(v).sum(1).max(), abs(w).sum(1).max()))
        top, lowest = np.maximum(np.maximum(w, 0) @ top + np.minimum(w, 0) @ lowest, 0), np.zeros(len(w))
    assert found.interval == pytest.approx(D.max(), rel=1e-6, abs=1e-11)
    assert found.euclidean == (np.inf if len(sizes) == 2 else pytest.approx(per_norm.max(), rel=1e-6, abs=1e-11))
    assert found.certified == pytest.approx(np.minimum(D, per_norm).max(), rel=1e-6, abs=1e-11)


@pytest.mark.parametrize("low", [0.0, -1.0, [-1.0, 0.0, -0.5]])
def test_gradients_of_source_and_target_are_differences(low):
    target, source = small(4, (3, 4, 2), low=low)
    upper = collapsed(build(source, target, (1e-1, 1e-1)))
    x = np.random.default_rng(0).uniform(target.low, target.high, (20, 3))
    output = np.arange(20) % 2
    for j in range(3):
        h = np.zeros(3)
        h[j] = 1e-7
        ahead, behind = (forward(target.weights, x + s * h)[np.arange(20), output] for s in (1, -1))
        np.testing.assert_allclose(_gradient(target.weights, x, output)[:, j], (ahead - behind) / 2e-7, atol=1e-6)
        ahead, behind = (forward(upper, target.parts(x + s * h))[np.arange(20), output] for s in (1, -1))
        np.testing.assert_allclose(_slope(target, upper, x, output)[:, j], (ahead - behind) / 2e-7, atol=1e-6)


def test_the_search_finds_the_worst_corner():
    # a linear difference: its largest values are at corners, and its gradient points there at once; the source's alone
    # points elsewhere
    target = Target("t", (np.array([[-0.5, 0.5, 0.25, -0.9]]),), low=-np.ones(4))
    errors = np.array([[0.3, -0.2, 0.05, 0.4]])
    upper = (target.parted[0] + np.hstack([errors, -errors]),)
    found = adversarial(target, upper, 0)
    reached = np.abs(difference(target, upper, found)).max(axis=1)
    np.testing.assert_allclose(reached, np.abs(errors).sum())
    assert ((found >= -1) & (found <= 1)).all()


@pytest.mark.parametrize("outputs", [1, 2, 3, 10])
def test_every_output_is_searched_for_its_largest_and_its_least_difference(outputs):
    # on [0, 1]^20 the one is reached at the all-ones corner alone, the other is 0
    output = np.arange(64) % outputs
    for sign in (-1, 1):
        target = Target("t", (np.zeros((outputs, 20)),))
        upper = (np.full((outputs, 20), 0.1 * sign),)
        reached = np.abs(difference(target, upper, adversarial(target, upper, 0)))[np.arange(64), output]
        assert [round(reached[output == k].max(), 9) for k in range(outputs)] == [2.0] * outputs


def test_the_search_keeps_the_worst_point_of_each_start():
    target, source = small(8, (4, 6, 2), block=60, low=-1.0)
    x = np.random.default_rng(0).uniform(-1, 1, (32, 4))
    target = replace(target, inputs=x)
    upper = collapsed(build(source, target, (1e-1, 1e-1)))
    output = np.arange(32) % 2
    before, after = (np.abs(difference(target, upper, y))[np.arange(32), output]
                     for y in (x, adversarial(target, upper, 0)[:32]))  # fmt: skip
    assert (after >= before).all()
    assert (after > before).any()


# ---- what a build takes


def test_memory_is_counted_layer_by_layer():
    target, source = small(0, (3, 4, 2), block=120)
    rows, widths = [4 * 50, 2], [360, 200]
    masks = sum(r * w / 8 for r, w in zip(rows, widths, strict=True))
    weights_ = 8 * (rows[0] * 3 + rows[1] * 4)
    upper = 8 * rows[1] * widths[1]
    assert _memory(source, target, 3) == pytest.approx((masks + 5 * weights_ + 4 * upper + 3 * 2**28) / 2**30)


def test_time_grows_with_the_rows_that_are_built(monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr("simulations.existence.cost.time.perf_counter", lambda: float(next(clock)))
    target, source = small(0, (3, 4, 2), block=120)
    # every timed piece takes one second: those rows that are tried, and a draw; two threads share the work
    found = estimate(source, target, (1e-2, 1e-2), Threads(2))
    expected = sum(rows * (1 / tried + 1.5) / 2 for rows, tried in ((4 * 50, 8), (2, 2)))
    assert found.seconds == pytest.approx(expected)


def test_a_cost_is_refused_only_beyond_its_limit():
    refuse(Cost(10, 2), Cost(10, 2))
    with pytest.raises(ValueError, match="about 11 s, the limit is 10 s"):
        refuse(Cost(11, 1), Cost(10, 2))
    with pytest.raises(ValueError, match="about 3 GiB, the limit is 2 GiB"):
        refuse(Cost(1, 3), Cost(10, 2))


# ---- training the target


def test_training_is_its_ten_lines_in_torch():
    """SGD, momentum 0.9, rate 0.1 falling to 0 linearly by epochs, decay, weights held in [-1, 1]."""
    rng = np.random.default_rng(0)
    x, y = 8 * rng.random((25, 4)), rng.integers(0, 3, 25)
    sizes, epochs, batch, decay = (4, 6, 3), 3, 10, 0.02
    draw = generator(12, "target")  # some of the first weights lie beyond 1, others get there
    w = [torch.tensor(draw.normal(0, np.sqrt(2 / a), (b, a)).clip(-1, 1)) for a, b in pairwise(sizes)]
    v = [torch.zeros_like(part) for part in w]
    clipped = 0
    for epoch in range(epochs):
        order = draw.permutation(25)
        for chosen in np.array_split(order, 3):
            leaves = [part.clone().requires_grad_() for part in w]
            logits = torch.relu(torch.tensor(x[chosen]) @ leaves[0].T) @ leaves[1].T
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(y[chosen]))
            for k, g in enumerate(torch.autograd.grad(loss, leaves)):
                v[k] = 0.9 * v[k] - 0.1 * (1 - epoch / epochs) * (g + decay * w[k])
                clipped += int(((w[k] + v[k]).abs() > 1).sum())
                w[k] = (w[k] + v[k]).clamp(-1, 1)
    found = train(sizes, x, y, epochs=epochs, batch=batch, decay=decay, seed=12)
    for received, expected in zip(found, w, strict=True):
        np.testing.assert_allclose(received, expected.numpy(), rtol=1e-9, atol=1e-12)
    assert clipped > 0


def test_held_out_digits_are_not_those_of_training(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        "simulations.existence.trained.train",
        lambda sizes, inputs, labels, **options: (
            seen.update(inputs=inputs, **options) or (np.zeros((32, 64)), np.zeros((10, 32)))
        ),
    )
    target = digits(1)
    assert (len(target.inputs), len(seen["inputs"])) == (359, 1438)
    training = {row.tobytes() for row in seen["inputs"]}
    assert sum(row.tobytes() in training for row in target.inputs) < 5  # a few images are there twice


# ---- numbers of its own for each weight


def test_failures_and_impossible_ones_are_counted_in_every_layer():
    # 0.9 has no subset of 3 numbers nearby as a rule; 0.0 always has the empty one
    target = Target("t", (np.full((3, 2), 0.9), np.zeros((2, 3))))
    found = build_weights(target, 0, 3, 1e-6)
    assert (found.problems, found.failures, found.impossible) == (12, 6, 6)
    assert 0.01 < found.largest <= 0.9
    assert build_weights(Target("t", target.weights[:1]), 0, 3, found.largest * 1.0001).failures == 0
    assert build_weights(Target("t", target.weights[:1]), 0, 3, found.largest * 0.9999).failures >= 1
    reverse = Target("t", (np.zeros((3, 2)), np.full((2, 3), 0.9)))
    found = build_weights(reverse, 0, 3, 1e-6)
    assert found.failures == 6


def test_a_failure_for_which_a_subset_exists_is_not_called_impossible(monkeypatch):
    solve = rows.solve_rows

    def worse(*arguments, **options):
        found, masks = solve(*arguments, **options)
        return found + 0.5, masks

    monkeypatch.setattr(rows, "solve_rows", worse)
    found = build_weights(Target("t", (np.zeros((2, 2)),)), 0, 4, 0.01)
    assert (found.failures, found.impossible, found.verified) == (4, 0, False)


@given(st.lists(st.integers(-64, 64), max_size=8), st.integers(-300, 300))
def test_the_nearest_of_all_subsets_is_looked_for_among_all(numbers, goal):
    expected = min(abs(sum(chosen) - goal) for chosen in product(*((0, x) for x in numbers)))
    assert _nearest_of_all(np.array(numbers, float), goal) == expected


@pytest.mark.parametrize("broken", [0, 1])
def test_bits_that_do_not_give_the_claimed_weight_are_a_no_with_exit_code_1(tmp_path, monkeypatch, capsys, broken):
    solve, calls = rows.solve_rows, []

    def flipped(*arguments, **options):
        found, masks = solve(*arguments, **options)
        if len(calls) == broken:
            masks[0, 0] ^= 1
        calls.append(1)
        return found, masks

    np.savez(tmp_path / "t.npz", a=np.full((2, 2), 0.3), b=np.full((1, 2), 0.3))
    options = ["--target", str(tmp_path / "t.npz"), "--mode", "weights", "--numbers", "12"]
    assert main(options) == 0
    assert "added up: agree" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setattr(rows, "solve_rows", flipped)
    assert main(options) == 1
    assert "added up: DISAGREE" in " ".join(capsys.readouterr().out.split())


# ---- every way to say no


def broken(what, verdict):
    return {
        "a locked edge is dropped": lambda: replace(verdict, locked_dropped=1),
        "a pruned edge is kept": lambda: replace(verdict, pruned_kept=1),
        "weights are not those claimed": lambda: replace(verdict, weight_gap=1e-6),
        "outputs are not those of the weights": lambda: replace(verdict, outputs=verdict.outputs + 1e-3),
        "nothing": lambda: verdict,
    }[what]()


@pytest.fixture
def tiny(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "t.npz", a=rng.uniform(-0.4, 0.4, (2, 2)), b=rng.uniform(-0.4, 0.4, (1, 2)))
    return ["--target", str(tmp_path / "t.npz"), "--width", "estimated", "--out", str(tmp_path / "out")]


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    ("what", "code"),
    [("nothing", 0), ("a locked edge is dropped", 1), ("a pruned edge is kept", 1),
     ("weights are not those claimed", 1), ("outputs are not those of the weights", 1)],
)  # fmt: skip
def test_a_ticket_that_breaks_its_word_is_a_no_with_exit_code_1(tiny, tmp_path, monkeypatch, capsys, what, code):
    plain = command.check
    monkeypatch.setattr(command, "check", lambda *arguments: broken(what, plain(*arguments)))
    assert main(tiny) == code
    text = capsys.readouterr().out
    assert ("NOT CONFIRMED" in text) == bool(code)
    assert ("identical within rounding" in text) == (not code)
    assert json.loads((tmp_path / "out" / "result.json").read_text())["sound"] == (not code)


def test_an_error_above_the_certified_bound_is_a_no_with_exit_code_1(tiny, monkeypatch, capsys):
    plain = command.certified_bound
    monkeypatch.setattr(command, "certified_bound", lambda *arguments: replace(plain(*arguments), certified=1e-9))
    assert main(tiny) == 1
    assert "NOT CONFIRMED" in capsys.readouterr().out


def test_one_observation_above_the_bound_is_enough(tiny, monkeypatch, capsys):
    # nothing is observed on the adversarial inputs, the probes show the error
    monkeypatch.setattr(command, "difference", lambda target, upper, x: np.zeros((len(x), 1)))
    plain = command.certified_bound
    monkeypatch.setattr(command, "certified_bound", lambda *arguments: replace(plain(*arguments), certified=1e-9))
    assert main(tiny) == 1


@pytest.mark.long
def test_accuracies_are_those_of_the_target_and_of_the_ticket(tmp_path):
    # which of two inputs is the larger: the target is right by definition, a ticket of four candidates a weight is not
    weights, x = (np.array([[0.4, -0.4], [-0.4, 0.4]]), 0.4 * np.eye(2)), np.random.default_rng(0).random((400, 2))
    np.savez(tmp_path / "t.npz", a=weights[0], b=weights[1], inputs=x, labels=x.argmax(axis=1))
    assert main(["--target", str(tmp_path / "t.npz"), "--width", "4", "--out", str(tmp_path / "out")]) == 0
    kept = json.loads((tmp_path / "out" / "result.json").read_text())
    assert kept["accuracy_target"] == 1
    assert 0 < kept["accuracy_ticket"] < 1


def test_the_floor_is_the_largest_of_all_outputs_and_planes(tmp_path, capsys):
    w, places = np.array([[0.5, -0.3, 0.1], [0.2, 0.4, -0.6]]), set()
    np.savez(tmp_path / "t.npz", w=w)
    options = ["--target", str(tmp_path / "t.npz"), "--lock", "0.6", "0.3", "--domain", "-1", "1", "--width", "20"]
    for seed in range(6):
        source = Source(seed, (3, 2), (20,), (0.1, 0.1), (round(0.6 * 2**20) / 2**20, round(0.3 * 2**20) / 2**20))
        (values, states), (outputs, fates) = source.rows(1, 0, 60), source.rows(2, 0, 2)
        floors = {
            (k, plane): sup_error_floor(
                first_values=values, first_states=states, second_values=outputs[k], second_states=fates[k],
                target=w[k], plane=plane,
            )
            for k in range(2) for plane in ((0, 1), (0, 2), (1, 2))
        }  # fmt: skip
        places.add(max(floors, key=floors.__getitem__))
        assert main([*options, "--seed", str(seed), "--allow-first-layer-lock"]) == 0
        text = " ".join(capsys.readouterr().out.split())
        assert f"at least {max(floors.values()):.3g} on the domain" in text
        assert f"probability {obstruction_probability(60, 0.6, 0.3):.3g} or more" in text
    assert len({k for k, _ in places}) == 2
    assert len({plane for _, plane in places}) > 1


def test_a_floor_needs_two_inputs_and_a_source_that_can_be_drawn(tmp_path):
    options = ["--lock", "0.6", "0.3", "--domain", "-1", "1", "--allow-first-layer-lock"]
    for name, w in (("one", np.ones((1, 1))), ("two", np.ones((1, 2)))):
        np.savez(tmp_path / f"{name}.npz", w=w)
    with pytest.raises(ValueError, match="depth 1 with at least two inputs, got 1 - 1"):
        main([*options, "--target", str(tmp_path / "one.npz")])
    with pytest.raises(ValueError, match="width must be at most 100000 here, got 100001"):
        main([*options, "--target", str(tmp_path / "two.npz"), "--width", "100001"])


def altered(ticket, number, **changes):
    layers = list(ticket.layers)
    layers[number] = replace(layers[number], **changes)
    return replace(ticket, layers=tuple(layers))


@pytest.mark.parametrize("low", [0.0, -1.0, [-1.0, 0.0, -0.5]])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_claimed_weight_that_is_off_is_found_in_every_layer(number, low):
    target, source = small(2, (3, 2, 2, 1), low=low)
    ticket = build(source, target, (1e-2,) * 3)
    assert check(ticket, np.ones((1, 3))).weight_gap < 1e-12
    for place in ((0, 0), (-1, -1)):
        claimed = ticket.layers[number].weights.copy()
        claimed[place] += 1e-3
        assert check(altered(ticket, number, weights=claimed), np.ones((1, 3))).weight_gap == pytest.approx(1e-3)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_broken_edges_are_counted_in_every_layer_and_every_part(number, monkeypatch):
    monkeypatch.setattr("simulations.existence.check.PART", 400)  # a few rows at a time
    monkeypatch.setattr("simulations.existence.check.UNIT_EDGES", 900)
    target, source = small(2, (3, 2, 2, 1), q=0.3, p=0.2)
    ticket = build(source, target, (1e-2,) * 3)
    sound = check(ticket, np.ones((1, 3)))
    assert (sound.locked_dropped, sound.pruned_kept) == (0, 0)
    old = ticket.layers[number].masks
    _, states = source.rows(number + 2, 0, len(old))
    for state, bits in ((1, (1, 0)), (-1, (0, 1))):
        masks = old.copy()
        where = np.argwhere(states == state)
        for row, edge in (where[0], where[-1]):
            masks[row, edge // 8] ^= np.uint8(1 << edge % 8)
        found = check(altered(ticket, number, masks=masks), np.ones((1, 3)))
        assert (found.locked_dropped, found.pruned_kept) == (2 * bits[0], 2 * bits[1])
        assert found.weight_gap > 0


def test_the_checked_outputs_are_those_of_the_masked_source_by_hand():
    target, source = small(6, (3, 2, 2), low=-1.0)
    ticket = build(source, target, (1e-2, 1e-2))
    x = np.random.default_rng(0).uniform(-1, 1, (9, 3))
    values, _ = source.rows(1, 0, source.widths[1])
    first = np.zeros_like(values)
    for r in range(len(values)):
        first[r, r // 120] = values[r, r // 120] * ticket.own[r]
    h = np.maximum(x @ first.T, 0)
    for number, layer in enumerate(ticket.layers):
        values, _ = source.rows(number + 2, 0, len(layer.masks))
        bits = np.array(
            [[layer.masks[r, j // 8] >> j % 8 & 1 for j in range(values.shape[1])] for r in range(len(values))]
        )
        out = h @ (values * bits).T
        if number:
            np.testing.assert_allclose(collapsed(ticket)[number], values * bits)
        h = np.maximum(out, 0)
    np.testing.assert_allclose(check(ticket, x).outputs, out, rtol=1e-9, atol=1e-12)


def test_what_missed_its_precision_is_counted_over_all_layers():
    target = Target("t", (np.array([[0.5, 0.25]]), np.array([[0.5]])))
    layers = (Layer(np.array([[0.5, 0.2]] * 2 + [[0.42, 0.25]]), np.zeros((3, 1), np.uint8), 0.06),
              Layer(np.array([[0.9]]), np.zeros((1, 1), np.uint8), 0.06))  # fmt: skip
    table, failures = realised(target, Ticket(None, np.zeros(2, bool), np.zeros(1, bool), layers))
    assert failures == 2  # 0.08 and 0.4 off; 0.05 is within 0.06
    cells = [list(column) for column in zip(*table.rows, strict=True)]
    assert cells[3] == ["8.00e-02", "4.00e-01"]
    assert cells[5] == ["1", "1"]
    assert _parameters((3.0, 2.0, 4.0)) == 14


def test_copies_are_compared_with_the_row_that_they_copy():
    rows = np.array([[0.5], [-0.5]])
    target = Target("t", (rows,))
    layer = Layer(np.array([[0.5], [0.5], [-0.5], [-0.5]]), np.zeros((4, 1), np.uint8), 1e-6)
    assert realised(target, Ticket(None, np.zeros(1, bool), np.zeros(1, bool), (layer,)))[1] == 0


@pytest.mark.long
def test_precisions_off_the_grid_and_wide_blocks_are_refused(tiny):
    with pytest.raises(ValueError, match="take --eps at least"):
        main([*tiny, "--eps", "1e-7", "--width", "50"])


def test_one_locking_rate_leaves_the_first_layer_free_and_rates_lie_on_the_grid(monkeypatch):
    assert command._per_layer("lock", [0.3], 3, [0.0]) == (0, round(0.3 * 2**20) / 2**20, round(0.3 * 2**20) / 2**20)
    assert command._per_layer("prune", [0.1], 2, [0.1]) == (round(0.1 * 2**20) / 2**20,) * 2
    assert command._per_layer("lock", [0.1, 0.2], 2, [0.0])[0] > 0
    asked = {}
    monkeypatch.setattr(command, "plan", lambda weights, eps, delta, **rest: asked.update(eps=eps, delta=delta, **rest))
    args = command._parser().parse_args(["--eps", "0.5", "--delta", "0.1"])
    target, _ = small()
    command._plan(args, target, (0.1,) * 3, (0.0,) * 3, "proven")
    # what is left of eps for the grid of the source: the built precision is GRID times the planned one
    assert asked["eps"] * GRID < 0.5 < asked["eps"] * GRID * (1 + 1e-4)
    assert asked["delta"] == 0.1


def test_smallest_blocks_are_looked_for_from_the_top_down_between_one_and_those_given(monkeypatch):
    target, source = small(0, (2, 2, 1), block=150)
    tried = []

    def works(source, target, number, precisions, jobs):
        tried.append((number, source.blocks))
        return source.blocks[number] >= least[number]

    monkeypatch.setattr(smallest, "_works", works)
    for least in ((1, 1), (1, 50), (150, 1), (77, 23)):
        tried.clear()
        assert smallest.smallest_blocks(source, target, (1e-2, 1e-3)) == least
        assert [number for number, _ in tried] == sorted((number for number, _ in tried), reverse=True)
        assert tried[0] == (1, (150, 50))
        assert all(blocks[1] == least[1] for number, blocks in tried if number == 0)
    # whether a size works need not be monotone: the given one is tried all the same
    monkeypatch.setattr(smallest, "_works", lambda source, target, number, *rest: source.blocks[number] < 40)
    with pytest.raises(ValueError, match="block size 50 of layer 2 fails already"):
        smallest.smallest_blocks(source, target, (1e-2, 1e-3))


def test_smallest_blocks_see_every_row_and_the_layers_own_precision(monkeypatch):
    target, source = small(0, (2, 2, 1), block=150)
    seen = []

    def solve(key, blocks, wanted, eps, rates, *, first):
        seen.append((key, first, len(wanted), eps, rates))
        found = wanted.copy()
        if first == bad[0]:
            found[-1, -1] += bad[1] * eps
        return found, None

    monkeypatch.setattr(rows, "solve_rows", solve)
    monkeypatch.setattr(rows, "PART_EDGES", 64 * 80)
    one = Threads(1)
    wide = replace(source, blocks=(40, 50))
    for first, off, works in ((None, 0, True), (0, 1.01, False), (64, 1.01, False), (64, 0.99, True)):
        seen.clear()
        bad = first, off
        assert smallest._works(wide, target, 0, (1e-2, 1e-3), one) == works
        assert all(key == wide.key(2) and rates == wide.rates(2) for key, _, _, _, rates in seen)
        assert all(eps == 1e-2 * GRID for _, _, _, eps, _ in seen)
        if works:
            assert [(first, count) for _, first, count, _, _ in seen] == [(0, 64), (64, 36)]
        else:
            assert seen[-1][1] == first  # nothing is built after a failure
    bad = 0, 1.01
    assert not smallest._works(wide, target, 1, (1e-2, 1e-3), one)
    assert seen[-1][3] == 1e-3 * GRID
