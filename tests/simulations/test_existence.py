"""Tickets end to end on small targets: built, bounded, broken on purpose, resumed, and checked by independent code."""

import gzip
import json
import os
import zipfile
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.existence import rows
from simulations.existence.build import build
from simulations.existence.check import check
from simulations.existence.command import main
from simulations.existence.errors import adversarial, certified_bound, collapsed, difference
from simulations.existence.rows import GRID
from simulations.existence.smallest import smallest_blocks
from simulations.existence.source import Source
from simulations.existence.target import Target, accuracy, forward, from_file, rescaled, save
from simulations.existence.trained import mnist
from simulations.existence.weights import build_weights
from simulations.run.engines import Threads
from theory.existence import plan
from theory.obstruction import sup_error_floor


def small(seed=0, sizes=(3, 2, 2), q=0.1, p=0.1, block=150, low=0.0):
    rng = np.random.default_rng(seed)
    weights = tuple(rng.uniform(-0.5, 0.5, (b, a)) for a, b in pairwise(sizes))
    depth = len(weights)
    source = Source(seed, sizes, (block, *[60] * (depth - 1)), (p,) * (depth + 1), (0.0, *[q] * depth))
    return Target("small", weights, low=np.asarray(low)), source


@pytest.mark.long
@settings(max_examples=12)
@given(
    st.integers(0, 10**6), st.sampled_from([(1, 1), (3, 2), (3, 2, 2), (2, 3, 2, 1)]),
    st.sampled_from([0.0, 0.15]), st.sampled_from([0.0, 0.2]), st.sampled_from(["none", "all", "first"]),
)  # fmt: skip
def test_an_independent_rebuild_agrees_and_the_certified_bound_holds(seed, sizes, q, p, signed):
    low = {"none": np.zeros(sizes[0]), "all": np.full(sizes[0], -2.0), "first": -np.eye(1, sizes[0])[0]}[signed]
    target, source = small(seed, sizes, q, p, low=low)
    eps = (1e-3,) * len(target.weights)
    ticket = build(source, target, eps)
    upper = collapsed(ticket)
    corners = np.array(list(product(*zip(target.low, target.high, strict=True))))
    inside = np.random.default_rng(seed).uniform(target.low, target.high, (40, sizes[0]))
    inputs = np.concatenate([corners, inside, adversarial(target, upper, 1)])
    assert ((inputs >= target.low) & (inputs <= target.high)).all()
    verdict = check(ticket, inputs)
    assert (verdict.locked_dropped, verdict.pruned_kept) == (0, 0)
    assert verdict.weight_gap <= 1e-12
    np.testing.assert_allclose(verdict.outputs, forward(upper, target.parts(inputs)), rtol=0, atol=1e-10)
    np.testing.assert_allclose(forward(target.parted, target.parts(inputs)), forward(target.weights, inputs))
    observed = np.abs(verdict.outputs - forward(target.weights, inputs)).max()
    bound = certified_bound(ticket, target, upper)
    assert observed <= bound.certified <= bound.interval
    assert observed <= bound.euclidean


def test_large_blocks_reach_every_weight_and_small_ones_are_counted_as_failures():
    for block, least, most in ((600, 0, 0), (10, 1, 10**6)):
        target, source = small(4, q=0.05, block=block)
        ticket = build(source, target, (1e-4, 1e-3))
        error = np.abs(ticket.layers[0].weights - np.repeat(target.weights[0], 60, axis=0))
        assert least <= np.count_nonzero(error > ticket.layers[0].eps) <= most


def test_an_adversarial_search_finds_larger_errors_than_chance():
    target, source = small(3, (6, 4, 2), block=200)
    ticket = build(source, target, (1e-2, 1e-2))
    upper = collapsed(ticket)

    def largest(x):
        return np.abs(difference(target, upper, x)).max()

    hostile = adversarial(target, upper, 0)
    assert largest(hostile) > 1.1 * largest(np.random.default_rng(0).random((64, 6)))
    assert ((hostile >= 0) & (hostile <= 1)).all()


@pytest.mark.parametrize(("layer", "state"), [(2, 1), (2, -1), (3, 1), (3, -1)])
def test_a_builder_that_drops_a_locked_edge_or_keeps_a_pruned_one_is_caught(layer, state):
    target, source = small(1, q=0.3)
    ticket = build(source, target, (1e-2, 1e-2))
    _, states = source.rows(layer, 1, 1)
    edge = int(np.flatnonzero(states[0] == state)[-1])
    old = ticket.layers[layer - 2]
    masks = old.masks.copy()
    masks[1, edge // 8] ^= np.uint8(1 << edge % 8)
    layers = list(ticket.layers)
    layers[layer - 2] = replace(old, masks=masks)
    verdict = check(replace(ticket, layers=tuple(layers)), np.ones((1, 3)))
    assert (verdict.locked_dropped, verdict.pruned_kept) == ((1, 0) if state == 1 else (0, 1))


def test_a_kept_pruned_edge_of_layer_one_and_a_flipped_free_edge_are_caught():
    target, source = small(1, q=0.3, p=0.3)
    ticket = build(source, target, (1e-2, 1e-2))
    own = ticket.own.copy()
    _, states = source.rows(1, 0, source.blocks[0])
    own[np.flatnonzero(states[:, 0] == -1)[0]] = True
    assert check(replace(ticket, own=own), np.ones((1, 3))).pruned_kept == 1
    _, states = source.rows(3, 0, 1)
    masks = ticket.layers[1].masks.copy()
    edge = int(np.flatnonzero(states[0] == 0)[0])
    masks[0, edge // 8] ^= np.uint8(1 << edge % 8)
    layers = (ticket.layers[0], replace(ticket.layers[1], masks=masks))
    assert check(replace(ticket, layers=layers), np.ones((1, 3))).weight_gap > 1e-6


def test_a_killed_build_resumes_to_the_same_bits(tmp_path, monkeypatch):
    target, source = small(2)
    whole = build(source, target, (1e-3, 1e-3))
    monkeypatch.setattr(rows, "PART_EDGES", 20_000)
    seen = []

    def kill(edges):
        seen.append(edges)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(source, target, (1e-3, 1e-3), tmp_path, advance=kill)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(kept) == 3
    resumed = build(source, target, (1e-3, 1e-3), tmp_path, Threads(1))
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    for a, b in zip(whole.layers, resumed.layers, strict=True):
        np.testing.assert_array_equal(a.masks, b.masks)
        np.testing.assert_array_equal(a.weights, b.weights)
    with pytest.raises(ValueError, match="another build"):
        build(replace(source, seed=3), target, (1e-3, 1e-3), tmp_path)
    with pytest.raises(ValueError, match="another build"):
        build(source, replace(target, low=-np.ones(3)), (1e-3, 1e-3), tmp_path)
    with pytest.raises(ValueError, match="another build"):
        build(source, target, (1e-3, 2e-3), tmp_path)
    with pytest.raises(ValueError, match="another build"):
        build(source, replace(target, weights=tuple(w / 2 for w in target.weights)), (1e-3, 1e-3), tmp_path)
    monkeypatch.setattr(rows, "PART_EDGES", 10_000)
    with pytest.raises(ValueError, match="another build"):
        build(source, target, (1e-3, 1e-3), tmp_path)
    monkeypatch.setattr(rows, "PART_EDGES", 20_000)
    first, *others = (tmp_path / f"layer{name}.npz" for name in ("2-row0", "2-row88", "3-row0"))
    for content in (b"", first.read_bytes()[:100], *(path.read_bytes() for path in others)):
        first.write_bytes(content)
        with pytest.raises(ValueError, match="remove it, and it is built again"):
            build(source, target, (1e-3, 1e-3), tmp_path)


def test_every_weight_finds_a_subset_of_its_own_numbers():
    rng = np.random.default_rng(0)
    target = Target("t", (rng.uniform(-0.3, 0.3, (30, 40)), rng.uniform(-0.3, 0.3, (5, 30))))
    found = build_weights(target, 0, 21, 0.01)
    assert (found.problems, found.failures, found.verified) == (1350, 0, True)
    assert found.largest <= 0.01
    few = build_weights(target, 0, 3, 0.01)
    assert few.failures > 500
    some = build_weights(target, 0, 12, 0.01)
    assert 0 < some.impossible == some.failures < 100


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.ones((2, 3)), "b": np.ones((2, 3))}, "do not chain"),
        ({"a": np.full((2, 2), 1.5)}, "--rescale"),
        ({"a": np.array([[np.nan, 0]])}, "finite"),
        ({"a": np.ones((0, 3))}, "layer 1 is empty"),
        ({"a": np.ones(3)}, "must be a matrix"),
        ({"inputs": np.ones((2, 3))}, "at least one weight matrix"),
        ({"a": np.ones((2, 2)), "inputs": np.full((1, 2), 2.0)}, "lie in"),
        ({"a": np.array([["x"]])}, "not a real number"),
        ({"a": np.array([[1j]])}, "not a real number"),
        ({"a": np.zeros((2, 2), [("x", float)])}, "not a real number"),
        ({"a": np.ones((2, 2)), "inputs": np.float64(0.5)}, r"inputs must be \(N, d\)"),
        ({"a": np.ones((2, 2)), "inputs": np.ones((1, 2)), "labels": np.float64(1)}, r"labels \(N,\)"),
        ({"a": np.ones((2, 2)), "inputs": np.ones((1, 2)), "labels": [2]}, "labels must be whole numbers from 0 to 1"),
        ({"a": np.ones((2, 2)), "inputs": np.ones((1, 2)), "labels": [0.5]}, "labels must be whole numbers"),
        ({"a": np.ones((2, 3)), "b": np.ones(3)}, "bias of layer 1 must be 2 finite numbers"),
        ({"a": np.ones((2, 3)), "b": np.ones(2), "c": np.ones(2)}, "must be a matrix"),
        ({"a": np.ones((2, 2)), "inputs": np.ones((3, 2)), "labels": np.zeros(2)}, "one per input"),
    ],
)
def test_bad_targets_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        from_file(tmp_path / "t.npz")


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "d.npz", a=np.random.default_rng(0).random((30, 30)))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    content[200:260] = bytes(60)
    (tmp_path / "d.npz").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.writestr("a.txt", "no array")
    for name in ("d.npz", "z.npz"):
        with pytest.raises(ValueError, match=r"not an npz file|not a real number"):
            from_file(tmp_path / name)
    (tmp_path / "t.npz").write_text("no")
    with pytest.raises(ValueError, match="not an npz file"):
        from_file(tmp_path / "t.npz")
    np.save(tmp_path / "t.npy", np.ones((2, 2)))
    with pytest.raises(ValueError, match="not an npz file"):
        from_file(tmp_path / "t.npy")


def test_rescaling_scales_the_outputs_and_nothing_else():
    rng = np.random.default_rng(1)
    weights = (rng.normal(0, 2, (4, 3)), rng.normal(0, 0.1, (2, 4)))
    scaled, factor = rescaled(weights)
    x = rng.random((20, 3))
    assert max(np.abs(w).max() for w in scaled) <= 1
    np.testing.assert_allclose(factor * forward(scaled, x), forward(weights, x))


@pytest.mark.long
def test_the_command_builds_a_users_network_and_the_digits(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "t.npz", w1=rng.uniform(-0.4, 0.4, (3, 4)), w2=rng.uniform(-0.4, 0.4, (2, 3)))
    assert main(["--target", str(tmp_path / "t.npz"), "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "0 locked edges dropped, 0 pruned kept" in text
    assert "identical within rounding" in text
    assert (tmp_path / "out" / "result.json").exists()
    assert main(["--width", "estimated", "--eps", "0.02"]) == 0
    target, ticket = (
        float(word.rstrip("%,")) for word in capsys.readouterr().out.split("Accuracy: ")[1].split()[1:4:2]
    )
    assert target > 95
    assert abs(target - ticket) <= 0.2


@pytest.mark.long(keep=3)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lock", "0.1", "0.1", "0.1"], "docs/obstruction.md"),
        (["--prune", "0.1", "0.1"], "needs one rate or 3"),
        (["--prune", "0.6", "--lock", "0.5"], "at most 1"),
        (["--prune", "0.3", "--lock", "0.2", "--limit-seconds", "1"], "--limit-seconds"),
        (["--limit-gib", "0.01"], "--limit-gib"),
        (["--width", "5,6,7"], "one block size or 2"),
        (["--eps", "0"], "eps must be above 0"),
        (["--target", "nowhere.npz"], "nowhere.npz"),
        (["--target", "mnist", "--data", "nowhere"], "MNIST is not below nowhere"),
        (["--domain", "-1", "1"], "for a target of your own"),
        (["--width", "wide"], "auto, proven, estimated or block sizes"),
        (["--width", "20", "--eps", "1e-6"], "take --eps at least"),
        (["--lock", "0.1", "0.1", "0.1", "--allow-first-layer-lock"], "open"),
        (["--allow-first-layer-lock"], "a --lock rate for each source layer"),
        (["--width", "100000"], "blocks of at most 8192 can be built, got 100000"),
        (["--prune", "0", "--lock", "0.9"], "blocks of at most 8192 can be built, this plan needs"),
        (["--limit-seconds", "nan"], "limit-seconds must be finite"),
        (["--eps", "-1"], "eps must be above 0, got -1"),
        (["--mode", "weights", "--numbers", "100000000000"], "numbers must be at most"),
        (["--mode", "weights", "--eps-weight", "1e20"], "eps-weight must be at most 1"),
        (["--jobs", "0"], "jobs"),
    ],
)
def test_bad_options_are_one_line(options, message, capsys):
    with pytest.raises((ValueError, OSError), match=message):
        main(options)


def test_biases_are_weights_of_an_input_that_is_always_one(tmp_path):
    rng = np.random.default_rng(5)
    w1, w2 = rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, (2, 4))
    b1, b2 = rng.uniform(-1, 1, 4), rng.uniform(-1, 1, 2)
    x = rng.uniform(-1, 1, (30, 3))
    np.savez(tmp_path / "t.npz", **{"0.weight": w1, "0.bias": b1, "2.weight": w2, "2.bias": b2, "inputs": x})
    target = from_file(tmp_path / "t.npz", low=-1)
    np.testing.assert_allclose(forward(target.weights, target.inputs), np.maximum(x @ w1.T + b1, 0) @ w2.T + b2)
    np.testing.assert_array_equal(target.low, [-1, -1, -1, 1])
    save(tmp_path / "again.npz", target)
    again = from_file(tmp_path / "again.npz", low=-1)
    np.testing.assert_array_equal(again.inputs, target.inputs)
    for a, b in zip(again.weights, target.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.long
def test_the_command_builds_a_network_with_biases_and_signed_inputs(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "t.npz", w1=rng.uniform(-1, 1, (2, 2)), b1=rng.uniform(-3, 3, 2), w2=rng.uniform(-1, 1, (1, 2)),
        b2=[0.5], inputs=rng.uniform(-1, 1, (50, 2)),
    )  # fmt: skip
    command = ["--target", str(tmp_path / "t.npz"), "--domain", "-1", "1", "--width", "estimated", "--smallest"]
    with pytest.raises(ValueError, match="--rescale"):
        main(command)
    assert main([*command, "--rescale", "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "identical within rounding" in text
    assert "times smaller" in text
    kept = json.loads((tmp_path / "out" / "result.json").read_text())
    assert kept["failures"] == 0
    assert all(small <= built for small, built in zip(kept["blocks"]["smallest"], kept["blocks"]["built"], strict=True))


def test_the_smallest_blocks_work_and_one_less_does_not():
    target, source = small(0, block=300)
    eps = (1e-3, 1e-2)
    blocks = smallest_blocks(source, target, eps)

    def misses(sizes, layer):
        ticket = build(replace(source, blocks=tuple(sizes)), target, eps)
        w = np.repeat(target.weights[layer], len(ticket.layers[layer].weights) // 2, axis=0)
        return np.count_nonzero(np.abs(ticket.layers[layer].weights - w) > ticket.layers[layer].eps)

    assert misses(blocks, 0) == misses(blocks, 1) == 0
    assert misses((blocks[0] - 1, blocks[1]), 0) > 0
    assert misses((300, blocks[1] - 1), 1) > 0
    with pytest.raises(ValueError, match="ask for wider blocks"):
        smallest_blocks(replace(source, blocks=(3, 3)), target, eps)


def test_locking_in_the_first_layer_is_answered_with_its_floor(tmp_path, capsys):
    np.savez(tmp_path / "t.npz", w=np.array([[0.5, -0.3, 0.1]]))
    command = ["--target", str(tmp_path / "t.npz"), "--lock", "0.6", "0.3", "--allow-first-layer-lock"]
    with pytest.raises(ValueError, match="unit disc"):
        main(command)
    assert main([*command, "--domain", "-1", "1", "--width", "60"]) == 0
    text = capsys.readouterr().out
    source = Source(0, (3, 1), (60,), (0.1, 0.1), (0.6, 0.3))
    values, states = source.rows(1, 0, 180)
    outputs, fates = source.rows(2, 0, 1)
    floors = [
        sup_error_floor(
            first_values=values,
            first_states=states,
            second_values=outputs[0],
            second_states=fates[0],
            target=[0.5, -0.3, 0.1],
            plane=plane,
        )
        for plane in ((0, 1), (0, 2), (1, 2))
    ]
    assert max(floors) > 0
    assert f"at least {max(floors):.3g} on the domain" in text


def test_a_constant_input_leaves_the_floor_unproven(tmp_path):
    # the bias may push a kink out of the domain
    np.savez(tmp_path / "t.npz", w=np.array([[0.5, -0.3]]), b=[0.1])
    command = ["--target", str(tmp_path / "t.npz"), "--lock", "0.6", "0.6", "--allow-first-layer-lock"]
    with pytest.raises(ValueError, match="all others 0"):
        main([*command, "--domain", "-1", "1"])


@pytest.mark.long
def test_small_weights_of_a_locked_layer_get_the_candidates_they_need():
    # an empty block would be within eps of 0.001, but a locked edge cannot be left out
    weights = (np.array([[0.5, 0.3]]), np.array([[0.001]]))
    target, rates = Target("small", weights), ((0.1, 0.1, 0.1), (0, 0.3, 0.3))
    found = plan(weights, 0.2 / GRID, 0.05, prune=rates[0], lock=rates[1])
    missed = 0
    for seed in range(60):
        source = Source(seed, target.sizes, found.blocks, *rates)
        ticket = build(source, target, tuple(demand.eps for demand in found.demands))
        missed += any(
            np.abs(layer.weights - np.repeat(w, len(layer.weights) // len(w), axis=0)).max() > layer.eps
            for w, layer in zip(weights, ticket.layers, strict=True)
        )
    # more than 10 of 60 at a failure probability of at most 5 % have a chance below 1e-3
    assert missed <= 10


@pytest.mark.long
def test_a_target_of_zeros_is_built_too(tmp_path, capsys):
    np.savez(tmp_path / "t.npz", a=np.zeros((2, 2)), b=np.zeros((1, 2)))
    assert main(["--target", str(tmp_path / "t.npz")]) == 0
    assert "identical within rounding" in capsys.readouterr().out


@pytest.mark.long
def test_a_build_that_misses_its_eps_says_so(tmp_path, capsys):
    np.savez(tmp_path / "t.npz", a=np.full((1, 2), 0.9))
    assert main(["--target", str(tmp_path / "t.npz"), "--width", "4", "--eps", "0.01"]) == 0
    text = capsys.readouterr().out
    assert "NOT within their precision" in text
    assert "ABOVE the wanted 0.01" in text


def test_mnist_is_trained_and_kept_for_a_build_that_goes_on(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 600), ("t10k", 100)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = np.zeros((count, 28, 28), np.uint8)
        images[np.arange(count), labels] = 200  # each class lights a row of its own
        header = bytes([0, 0, 8, 3]) + np.array(images.shape, ">u4").tobytes()
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(bytes([0, 0, 8, 1]) + np.array([count], ">u4").tobytes() + labels.tobytes())
        )
    target = mnist(tmp_path)
    assert target.sizes == (784, 500, 10)
    assert accuracy(forward(target.weights, target.inputs), target.labels) >= 0.97
    monkeypatch.setattr("simulations.existence.trained.MNIST_LEAST", 1.01)
    with pytest.raises(ValueError, match="97|101"):
        mnist(tmp_path)


@pytest.mark.long
@pytest.mark.skipif("SLT_DATA" not in os.environ, reason="real MNIST is not here: set SLT_DATA to its folder")
def test_real_mnist_reaches_ninety_seven_percent():
    target = mnist()
    assert len(target.labels) == 10_000
    assert accuracy(forward(target.weights, target.inputs), target.labels) >= 0.97
