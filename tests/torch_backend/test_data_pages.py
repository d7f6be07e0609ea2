"""The page-page graph, twenty classes of Tiny-ImageNet, and features divided by their sums: made up, and damaged."""

import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from slt.cli import dispatch as command
from slt.core.store import read_json
from torch_backend.data import fingerprint, load
from torch_backend.data.graphs import csr_tensor
from torch_backend.data.pages import FILE
from torch_backend.tickets import files as tickets

NODES = 25


def arrays(**changed):
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(rng.random((NODES, 6)) < 0.5)
    links = rng.integers(0, NODES, (2, 60)).astype(np.int32)
    return {
        "x_indptr": np.searchsorted(rows, np.arange(NODES + 1)),
        "x_indices": columns.astype(np.int32),
        "x_data": np.ones(len(rows), np.float32),
        "x_shape": np.array([NODES, 6]),
        "y": np.arange(NODES) % 4,
        "edge_index": links,
    } | changed


def write_pages(root, **changed):
    root.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(root / FILE, **arrays(**changed))


def test_pages_are_read_as_they_are_written_and_split_the_same_way_for_every_seed(tmp_path):
    write_pages(tmp_path)
    graph, there = load("pages", tmp_path, seed=0), arrays()
    x = np.zeros((NODES, 6))
    for node in range(NODES):
        x[node, there["x_indices"][there["x_indptr"][node] : there["x_indptr"][node + 1]]] = 1
    assert graph.x.to_dense().tolist() == x.tolist()
    assert graph.labels.tolist() == there["y"].tolist()
    joined = np.zeros((NODES, NODES))
    for a, b in there["edge_index"].T:
        if a != b:
            joined[a, b] = joined[b, a] = 1
    assert graph.adjacency.to_dense().tolist() == joined.tolist()
    parts = [part.tolist() for part in (graph.train, graph.validation, graph.test)]
    assert [len(part) for part in parts] == [15, 5, 5]
    assert sorted(node for part in parts for node in part) == list(range(NODES))
    assert parts[0] != list(range(15))  # at random places
    assert fingerprint(load("pages", tmp_path, seed=7)) == fingerprint(graph)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"y": np.full(NODES, 4)}, "labels must be whole numbers from 0 to 3, got"),
        ({"y": np.zeros(NODES - 1, int)}, "24 labels and features of shape"),
        ({"x_shape": np.array([NODES, 6, 1])}, "do not fit together"),
        ({"x_shape": np.array([NODES, 5])}, "x_indices must be 0 to 4, got 0 to 5"),
        ({"x_indptr": np.zeros(NODES + 1, int)}, "x_indptr must rise from 0"),
        ({"x_indptr": np.zeros(NODES + 1)}, "x_indptr must hold whole numbers, got float64"),
        ({"x_data": np.full(len(arrays()["x_data"]), np.nan)}, "not finite"),
        ({"x_data": np.full(len(arrays()["x_data"]), 1e300)}, "not finite"),
        ({"edge_index": np.array([[0], [NODES]])}, "edges must join nodes 0 to 24"),
        ({"edge_index": np.array([0, 1])}, "edge_index must hold numbers in 2 dimensions"),
        ({"edge_index": np.array([[0], [print]], object)}, "Object arrays|edge_index must hold numbers"),
        ({"y": np.array(["a"] * NODES)}, "y must hold numbers in 1 dimensions"),
    ],
)
def test_damaged_pages_are_refused_by_name(tmp_path, changed, line):
    write_pages(tmp_path, **changed)
    with pytest.raises(ValueError, match=f"{FILE} is damaged: .*({line})"):
        load("pages", tmp_path)


def test_pages_that_swell_or_are_missing_are_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"facebook_pages.npz must be in .*as an .npz file of the arrays x_indptr"
    ):
        load("pages", tmp_path)
    write_pages(tmp_path, y=np.zeros(10**6, np.int64))
    with pytest.raises(ValueError, match="y is more than 100 times larger than the file"):
        load("pages", tmp_path)


@given(st.integers(0, 2**32 - 1))
def test_normalised_features_are_divided_by_the_sum_of_their_sizes(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, (NODES, 6)).astype(np.float32)
    x[3] = 0
    expected = [[value / (sum(abs(v) for v in row) or 1) for value in row] for row in x.tolist()]
    whole = replace(GRAPH, x=torch.from_numpy(x))
    torch.testing.assert_close(whole.row_normalised().x, torch.tensor(expected))
    from scipy.sparse import csr_matrix

    sparse = replace(GRAPH, x=csr_tensor(csr_matrix(x))).row_normalised().x
    assert sparse.layout == torch.sparse_csr
    torch.testing.assert_close(sparse.to_dense(), torch.tensor(expected))
    assert whole.x.tolist() == x.tolist()


@pytest.fixture(scope="module", autouse=True)
def graph(tmp_path_factory):
    """A graph to put features into."""
    global GRAPH  # noqa: PLW0603 - hypothesis takes no fixture of a function
    folder = tmp_path_factory.mktemp("pages")
    write_pages(folder)
    GRAPH = load("pages", folder)
    return GRAPH


def test_a_deeper_gin_of_normalised_features_is_searched_verified_and_another_search(tmp_path, capsys):
    write_pages(tmp_path / "data")
    words = ["search", "--model", "gin", "--data-set", "pages", "--width", "0.05", "--epochs", "3", "--seeds", "1"]
    words += ["--optimiser", "adamw", "--data", str(tmp_path / "data")]
    assert command([*words, "--depth", "6", "--features", "normalised", "--out", str(tmp_path / "deep")]) == 0
    assert command([*words, "--depth", "6", "--out", str(tmp_path / "raw")]) == 0
    path = next(tmp_path.glob("deep/*/seed0/ticket.safetensors"))
    ticket, _ = tickets.read(path)
    assert [layer.name for layer in ticket.layers] == [*(f"layers.{n}.weight" for n in range(6)), "head.weight"]
    assert ticket.sizes["depth"] == 6
    assert ticket.about["features"] == "normalised"
    assert command(["ticket", "verify", str(path), "--data", str(tmp_path / "data")]) == 0
    found = [read_json(next(tmp_path.glob(f"{kind}/*/seed0/result.json"))) for kind in ("deep", "raw")]
    losses = [next(tmp_path.glob(f"{kind}/*/seed0/epochs.jsonl")).read_text() for kind in ("deep", "raw")]
    assert found[0]["origin"]["data"] == found[1]["origin"]["data"]
    assert losses[0] != losses[1]
    assert command(["plan", *words[1:7], "--depth", "6", "--no-time", "--sparsity", ".5"]) == 0
    assert "layers.5.weight" in capsys.readouterr().out


# ---- twenty classes of Tiny-ImageNet


def write_tiny(root, classes=20, unpacked=False, **extra):
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / "tiny_imagenet20.tar", "w") as archive:
        for part, count in (("train", 3), ("val", 1)):
            for label in range(classes):
                for number in range(count):
                    stream = io.BytesIO()
                    Image.new("RGB", (64, 64), (10 * label, number, 0)).save(stream, "png")
                    name = f"tiny_imagenet20/{part}/n{label:02}/{number}.png"
                    content = extra.get("content", stream.getvalue()) if number == 0 else stream.getvalue()
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
    if unpacked:
        with tarfile.open(root / "tiny_imagenet20.tar") as archive:
            archive.extractall(root, filter="data")
        (root / "tiny_imagenet20.tar").unlink()


def test_the_archive_and_its_folder_give_the_same_images(tmp_path):
    write_tiny(tmp_path / "a")
    write_tiny(tmp_path / "b", unpacked=True)
    one, other = (load("tiny-imagenet-20", tmp_path / name) for name in "ab")
    assert fingerprint(one) == fingerprint(other)
    assert (len(one.train), len(one.validation), len(one.test)) == (48, 12, 20)
    assert one.test.labels.tolist() == list(range(20))
    assert one.test.inputs[:, 0].float().mean((1, 2)).tolist() == [10 * label for label in range(20)]
    for part in (one.train, one.validation):
        assert (part.inputs[:, 0, 0, 0] == 10 * part.labels).all()
    small = load("tiny-imagenet-20", tmp_path / "a", size=16, images=20)
    assert small.train.inputs.shape == (16, 3, 16, 16)


def test_other_archives_are_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tiny_imagenet20.tar must be in"):
        load("tiny-imagenet-20", tmp_path)
    write_tiny(tmp_path, classes=3)
    with pytest.raises(ValueError, match=r"tiny_imagenet20.tar must have train and val of 20 classes, got 3"):
        load("tiny-imagenet-20", tmp_path)
    write_tiny(tmp_path, content=b"no image")
    with pytest.raises(ValueError, match=r"tiny_imagenet20/train/n00/0.png is not an image"):
        load("tiny-imagenet-20", tmp_path)
    write_tiny(tmp_path, content=bytes(2**22 + 1))
    with pytest.raises(ValueError, match=r"0.png has 4,194,305 bytes, and 4,194,304 are read"):
        load("tiny-imagenet-20", tmp_path)
    (tmp_path / "tiny_imagenet20.tar").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"tiny_imagenet20.tar is damaged"):
        load("tiny-imagenet-20", tmp_path)
