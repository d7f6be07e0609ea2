"""Bytes of ticket files: predicted against written, the parts of a file, and the freezing mask stored."""

import json
from math import comb, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.cli import dispatch as command
from slt.core.keep import Groups
from slt.core.store import read_json
from torch_backend.masks import frozen, groups
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.masks.threshold import mask_bits, select
from torch_backend.models import build
from torch_backend.tickets import files as tickets
from torch_backend.tickets.file_sizes import planned_size, size_of, trained_size
from torch_backend.tickets.frozen_mask import coded, mask_cost, masks_of, restored
from torch_backend.tickets.tensors import encoded
from torch_backend.training.settings import PRESETS, Settings

SMALL = ["--model", "resnet32", "--data-set", "mnist", "--width", "0.2", "--epochs", "1", "--batch", "60"]


@pytest.mark.parametrize("more", [["--freeze", "0.5"], ["--learn-norms"], ["--scope", "2:4", "--weights", "skc"]])
def test_the_size_of_a_file_is_foretold(data, tmp_path, more, capsys):
    words = [*SMALL, *more, "--seeds", "1", "--images", "120", "--data", str(data)]
    assert command(["search", *words, "--out", str(tmp_path / "runs")]) == 0
    path = next(tmp_path.rglob("ticket.safetensors"))
    row = read_json(path.parent / "result.json")
    settings = Settings(**row["settings"])
    found, planned = size_of(path, tickets.read(path)[1]), planned_size(settings)
    assert found.total == path.stat().st_size == row["file_bytes"]
    assert (planned.mask, planned.state) == (found.mask, found.state)
    assert abs(planned.header - found.header) <= 48
    assert f"{row['file_bytes']:,}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mlp-mnist", "gin-cora", "lstm-mnist", "resnet18-cifar10"])
@pytest.mark.parametrize("norms", ["affine", "plain"])
def test_the_file_of_trained_weights_is_that_of_its_state_dict(name, norms):
    settings = PRESETS[f"{name}-weights"].changed(norms=norms, width=0.25)
    known = {"mlp-mnist": {}, "gin-cora": {"inputs": 1433, "classes": 7}, "lstm-mnist": {}, "resnet18-cifar10": {}}
    affine = {} if name[:3] in ("mlp", "lst") else {"affine": norms == "affine"}
    state = build(settings.model, width=0.25, **known[name], **affine).state_dict()
    assert trained_size(settings) == len(encoded(state))


def test_a_trained_network_has_no_ticket_file():
    with pytest.raises(ValueError, match="weights are trained"):
        planned_size(PRESETS["mlp-mnist-weights"])


# ---- the freezing mask


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=4))
def test_a_coded_freezing_mask_is_restored(sizes):
    sizes = [size for size in sizes if sum(size)]
    rng = np.random.default_rng(0)
    layers = [rng.permutation(np.repeat([-1, 0, 1], size)).astype(np.int8) for size in sizes]
    data = coded(layers)
    assert all((a == b).all() for a, b in zip(restored(data, sizes), layers, strict=True))
    if all(np.count_nonzero(size) < 2 for size in sizes):
        assert len(data) == 0


@pytest.mark.parametrize("name", ["mlp-mnist-frozen", "gin-cora-frozen", "gin-arxiv-frozen", "mlp-mnist-equal-centre"])
def test_a_stored_mask_takes_about_its_entropy_and_a_dense_one_nothing(name):
    settings = PRESETS[name].changed(width=0.3)
    cost = mask_cost(settings, seed=3)
    states = masks_of(settings, 3)
    wanted = 0.0
    for layer in states:
        for state in (-1, 0, 1):
            share = float((layer == state).mean())
            wanted -= layer.size * share * log2(share) if share else 0
    assert cost.entropy == pytest.approx(wanted)
    assert cost.entropy / 8 < cost.coded + 4
    assert cost.coded < cost.entropy / 8 * 1.01 + 16
    assert cost.coded <= cost.packed
    assert cost.regenerated < 80
    assert cost.searched == sum(int((layer == 0).sum()) for layer in states)
    model = freeze(build(settings.model, **sizes_of(settings)), prune=settings.prune, lock=settings.lock, seed=3)
    free = [mask.free.tolist() for mask in supermasks(model).values()]
    assert [np.flatnonzero(layer.ravel() == frozen.FREE).tolist() for layer in states] == free
    none = mask_cost(settings.changed(prune=0.0, lock=0.0), seed=3)
    assert (none.coded, none.entropy, none.with_ticket) == (0, 0, 1)


def sizes_of(settings):
    extra = {"gin-cora": {"inputs": 1433, "classes": 7}}.get(f"{settings.model}-{settings.data_set}", {})
    return {"width": settings.width, **extra}


# ---- N:M


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 8), st.integers(1, 8))
def test_the_masks_of_groups_of_a_dense_layer_are_counted_one_by_one(rows, columns, kept, of):
    if kept > of:
        return
    found = groups.dense_bits((rows, columns), Groups(kept, of))
    naive = 0.0
    for start in range(0, columns, of):
        size = min(of, columns - start)
        naive += rows * log2(comb(size, int(size * kept / of + 0.5)))
    assert found == pytest.approx(naive)


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.25, 0.25)])
def test_a_ticket_of_groups_shows_its_scope_and_counts_its_masks(tmp_path, prune, lock, capsys):
    sizes = {"channels": 1, "size": 12, "classes": 3, "width": 0.1}
    model = freeze(build("conv2", **sizes), prune=prune, lock=lock, seed=5)
    select(model, 0.5, "2:4")
    about = {"scope": "2:4", "sparsity": 0.5}
    tickets.save(tmp_path / "t", model, architecture="conv2", sizes=sizes, about=about)
    assert command(["ticket", "info", str(tmp_path / "t"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    wanted = mask_bits(supermasks(model), "2:4", 0.5)
    assert row["scope"] == "2:4"
    assert row["pattern_bits"] == pytest.approx(wanted)
    assert row["mask_bytes"] + row["other_bytes"] + row["header_bytes"] == row["file_bytes"]
    assert row["coded_bits"] > 1.2 * wanted  # a bit for each free weight is stored, whatever the scope
    assert command(["ticket", "info", str(tmp_path / "t")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"one mask of this scope among all: {wanted:,.0f} bits" in text
    said = "Scope: 2:4 lenient" if prune else "Scope: 2:4 strict"
    assert said in text


def test_a_ticket_of_groups_that_says_nothing_of_them_is_told_as_any_other(tmp_path, capsys):
    model = freeze(build("mlp", width=0.05), seed=5)
    select(model, 0.5, "2:4")
    tickets.save(tmp_path / "t", model, architecture="mlp", sizes={"width": 0.05})
    assert command(["ticket", "info", str(tmp_path / "t"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["scope"], row["pattern_bits"]) == (None, None)


@pytest.mark.parametrize("about", [{"scope": "2:4 lenient"}, {"scope": 3}, {"scope": "9:4"}])
def test_a_scope_that_is_none_is_refused(tmp_path, about):
    model = freeze(build("mlp", width=0.05), seed=5)
    select(model, 0.5)
    tickets.save(tmp_path / "t", model, architecture="mlp", sizes={"width": 0.05}, about=about)
    with pytest.raises(ValueError, match="scope"):
        command(["ticket", "info", str(tmp_path / "t")])


def test_a_plan_tells_the_bytes_of_the_file_and_names_leniency(capsys):
    words = ["plan", "--no-time", "--model", "mlp", "--data-set", "mnist", "--sparsity", "0.5"]
    assert command([*words, "--freeze", "0.5", "--scope", "2:4"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "2:4 lenient" in text
    settings = Settings("mlp", "mnist", prune=0.25, lock=0.25, scope="2:4")
    assert f"File: about {planned_size(settings).total:,} bytes: mask" in text
    assert f"{trained_size(settings):,} bytes" in text
    assert command([*words, "--scope", "2:4"]) == 0
    assert "2:4 strict" in capsys.readouterr().out


def test_the_table_of_sizes_has_the_bytes_of_files(capsys):
    assert command(["ticket", "sizes", "--json"]) == 0
    rows = {row["preset"]: row for row in json.loads(capsys.readouterr().out)}
    gin = rows["gin-arxiv-frozen"]
    number = lambda name: float(str(gin[name]).replace(",", "").rstrip("x %"))  # noqa: E731
    settings = PRESETS["gin-arxiv-frozen"]
    size = planned_size(settings).total
    assert number("file, bytes") == size
    assert number("file than trained") == pytest.approx(trained_size(settings) / size, abs=0.006)
    dense = planned_size(settings.changed(prune=0.0, lock=0.0)).total
    assert number("file than dense") == pytest.approx(dense / size, abs=0.006)
    assert number("file than trained") < number("than weights")
    assert len(rows) == sum(s.method == "edge-popup" for s in PRESETS.values())
