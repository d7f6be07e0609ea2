"""Graphs: adjacency from edges, the raw files of Planetoid and of OGBN-Arxiv, made up and damaged."""

import gzip
import pickle
from collections import defaultdict

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from torch_backend.data import adjacency_of, load
from torch_backend.models import build


@given(nodes=st.integers(1, 8), pairs=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_every_edge_counts_once_both_ways_and_loops_never(nodes, pairs):
    pairs = [(a % nodes, b % nodes) for a, b in pairs]
    expected = torch.zeros(nodes, nodes)
    for a, b in pairs:
        if a != b:
            expected[a, b] = expected[b, a] = 1
    adjacency, degrees = adjacency_of(nodes, np.array(pairs, np.int64).reshape(-1, 2).T)
    assert torch.equal(adjacency.to_dense(), expected)
    assert torch.equal(degrees, expected.sum(1))


@pytest.mark.parametrize("edge", [(0, 3), (-1, 0)])
def test_edges_outside_the_graph_are_refused(edge):
    with pytest.raises(ValueError, match="edges must join nodes 0 to 2"):
        adjacency_of(3, np.array([edge]).T)


# ---- Planetoid: 2 training nodes, 500 for validation, one other; test nodes 506, 503, 505, so that 504 is in no file

KNOWN, TESTED = 503, [506, 503, 505]


def planetoid():
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (KNOWN + 3, 4)).astype(np.float32)
    labels = np.eye(3, dtype=np.int32)[rng.integers(0, 3, KNOWN + 3)]
    links = defaultdict(list, {node: [] for node in range(507)})
    links[0] = [1, 1, 506]
    links[506] = [0, 506]
    matrices = {"allx": features[:KNOWN], "x": features[:2], "tx": features[KNOWN:]}
    files = {name: scipy.sparse.csr_matrix(rows) for name, rows in matrices.items()}
    files |= {"ally": labels[:KNOWN], "y": labels[:2], "ty": labels[KNOWN:], "graph": links}
    return files, features, labels.argmax(1)


def write_planetoid(root, files, tested=TESTED, below="Planetoid/CiteSeer/raw"):
    folder = root / below
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"ind.citeseer.{name}").write_bytes(pickle.dumps(content, protocol=2))
    (folder / "ind.citeseer.test.index").write_text("".join(f"{node}\n" for node in tested))


@pytest.mark.parametrize("below", ["Planetoid/CiteSeer/raw", "CiteSeer/raw", "CiteSeer", "."])
def test_test_nodes_get_the_rows_that_their_index_says(tmp_path, below):
    files, features, labels = planetoid()
    write_planetoid(tmp_path, files, below=below)
    graph = load("citeseer", tmp_path)
    x = graph.x.to_dense()
    assert x.shape == (507, 4)
    for node, row in [*enumerate(range(KNOWN)), (506, KNOWN), (503, KNOWN + 1), (505, KNOWN + 2)]:
        assert x[node].tolist() == features[row].tolist()
        assert graph.labels[node] == labels[row]
    assert graph.labels[504] == -1
    assert not x[504].any()
    assert graph.train.tolist() == [0, 1]
    assert graph.validation.tolist() == list(range(2, 502))
    assert graph.test.tolist() == [503, 505, 506]
    assert graph.adjacency.to_dense().nonzero().tolist() == [[0, 1], [0, 506], [1, 0], [506, 0]]
    assert graph.classes == 3


def test_a_loaded_graph_feeds_the_network(tmp_path):
    write_planetoid(tmp_path, planetoid()[0])
    graph = load("citeseer", tmp_path).to("cpu")
    assert build("gin", inputs=4, hidden=5, classes=graph.classes)(graph.x, graph).shape == (507, 3)


@pytest.mark.parametrize(
    ("name", "change", "line"),
    [
        ("allx", lambda old: old[:-1], "not of the same nodes"),
        ("tx", lambda old: old[:2], "not of the same nodes"),
        ("ty", lambda old: old[:, :2], "dimension"),
        ("x", lambda old: old.toarray(), "not of the same nodes|do not fit"),
        ("y", lambda old: 3, "no len"),
        ("graph", lambda old: {**old, 0: [507]}, "edges must join nodes 0 to 506"),
        ("graph", lambda old: {**old, 0: ["a"]}, "invalid literal"),
        ("graph", lambda old: {**old, 0: [2**70]}, "too large|too big"),
        ("graph", lambda old: {**old, 507: []}, "test nodes end at 506, but 508 nodes"),
        ("graph", lambda old: [], "0 nodes have a list of neighbours"),
    ],
)
def test_planetoid_files_that_do_not_fit_are_refused(tmp_path, name, change, line):
    files = planetoid()[0]
    files[name] = change(files[name])
    if name == "x":
        files["y"] = files["y"][:1]
    write_planetoid(tmp_path, files)
    with pytest.raises(ValueError, match=f"CiteSeer in {tmp_path}.* is damaged: .*{line}"):
        load("citeseer", tmp_path)


@pytest.mark.parametrize(
    "tested", [[], [503, 503, 505], [504, 505, 506], [502, 503, 506], [503, 505, 10**15], ["a", 1, 2]]
)
def test_a_damaged_test_index_is_refused(tmp_path, tested):
    write_planetoid(tmp_path, planetoid()[0], tested)
    with pytest.raises(ValueError, match="CiteSeer in .* is damaged"):
        load("citeseer", tmp_path)


def test_a_malicious_planetoid_file_is_refused_by_name(tmp_path):
    write_planetoid(tmp_path, planetoid()[0])
    (tmp_path / "Planetoid/CiteSeer/raw/ind.citeseer.graph").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match=r"ind.citeseer.graph is refused: it asks for os.system"):
        load("citeseer", tmp_path)


# ---- OGBN-Arxiv

ARXIV = {
    "raw/edge": "0,1\n1,0\n2,1\n2,1\n",
    "raw/node-feat": "0.5,1\n-1,2\n0,0\n3,4\n",
    "raw/node-label": "0\n39\n5\n5\n",
    "split/time/train": "0\n2\n",
    "split/time/valid": "1\n",
    "split/time/test": "3\n",
}


def write_arxiv(root, folder="ogbn_arxiv", **changed):
    for name, text in ARXIV.items():
        path = root / folder / f"{name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(changed.get(name.rsplit("/", 1)[-1].replace("-", "_"), text).encode()))


@pytest.mark.parametrize("folder", ["ogbn_arxiv", "arxiv", "."])
def test_the_arxiv_tables_become_an_undirected_graph(tmp_path, folder):
    write_arxiv(tmp_path, folder)
    graph = load("arxiv", tmp_path)
    assert graph.x.tolist() == [[0.5, 1], [-1, 2], [0, 0], [3, 4]]
    assert graph.x.dtype == torch.float32
    assert graph.labels.tolist() == [0, 39, 5, 5]
    assert graph.adjacency.to_dense().tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert graph.degrees.tolist() == [1, 2, 1, 0]
    assert [part.tolist() for part in (graph.train, graph.validation, graph.test)] == [[0, 2], [1], [3]]
    assert graph.classes == 40


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"edge": "0,4\n"}, "edge.csv.gz is damaged: edges must join nodes 0 to 3, got 0 to 4"),
        ({"edge": "0,1,2\n"}, r"edge.csv.gz is damaged: it holds a table of shape \(1, 3\)"),
        ({"edge": "0,x\n"}, "edge.csv.gz is damaged"),
        ({"node_feat": "1,2\n3\n"}, "node-feat.csv.gz is damaged"),
        ({"node_feat": "1,2\n"}, "1 rows of features and 4 labels"),
        ({"node_label": "0\n1\n2\n40\n"}, "labels must be 0 to 39, got 40"),
        ({"node_label": "0\n1\n2\nnan\n"}, "node-label.csv.gz is damaged"),
        ({"valid": "4\n"}, "valid.csv.gz is damaged: it lists node 4 of 4"),
    ],
)
def test_damaged_arxiv_tables_are_refused_by_name(tmp_path, changed, line):
    write_arxiv(tmp_path, **changed)
    with pytest.raises(ValueError, match=line):
        load("arxiv", tmp_path)


def test_a_truncated_or_empty_table_is_refused_by_name(tmp_path):
    write_arxiv(tmp_path)
    path = tmp_path / "ogbn_arxiv/raw/node-feat.csv.gz"
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(ValueError, match=f"{path} is damaged"):
        load("arxiv", tmp_path)
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(ValueError, match=f"{path} is damaged"):
        load("arxiv", tmp_path)
