"""Graphs: adjacency from edges, the raw files of Planetoid and of OGBN-Arxiv, made up and damaged."""

import gzip
import pickle
import warnings
from collections import defaultdict

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from torch_backend.data import Graph, adjacency_of, fingerprint, load
from torch_backend.models import build
from torch_backend.training.tasks import GraphTask


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


def write_planetoid(root, files, tested=TESTED, below="Planetoid/CiteSeer/raw", protocol=2):
    folder = root / below
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"ind.citeseer.{name}").write_bytes(pickle.dumps(content, protocol))
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
        ("ty", lambda old: old[:, :2], "as many columns as there are classes"),
        ("x", lambda old: old.toarray(), "x must be a sparse matrix"),
        ("x", lambda old: old[:, :3], "features of x and their labels"),
        ("x", lambda old: old * 2, "the first rows of allx and ally"),
        ("y", lambda old: old[:, ::-1], "the first rows of allx and ally"),
        (
            "ally",
            lambda old: np.where(np.arange(KNOWN)[:, None] < 5, old, 0),
            "each row of y, ty and ally must hold a 1",
        ),
        ("ty", lambda old: old + 1, "each row of y, ty and ally must hold a 1"),
        ("ty", lambda old: old / 3, "each row of y, ty and ally must hold a 1"),
        ("ty", lambda old: np.where(old, np.nan, 0), "each row of y, ty and ally must hold a 1"),
        ("ally", lambda old: [1], "as many columns as there are classes"),
        ("tx", lambda old: old * np.float32(np.nan), "not finite"),
        ("tx", lambda old: old.astype(float) * 1e39, "not finite as float32"),
        ("y", lambda old: 3, "as many columns as there are classes"),
        ("graph", lambda old: {**old, 0: [507]}, "edges must join nodes 0 to 506"),
        ("graph", lambda old: {**old, 0: ["a"]}, r"neighbours of node 0 must be a list of whole numbers, got \['a'\]"),
        ("graph", lambda old: {**old, 0: [2**63]}, "beyond 63 bits"),
        ("graph", lambda old: {**old, 0: [1.5]}, r"must be a list of whole numbers, got \[1.5\]"),
        ("graph", lambda old: {**old, 0: [[1]]}, "must be a list of whole numbers"),
        ("graph", lambda old: {**old, 0: "12"}, "must be a list of whole numbers, got '12'"),
        ("graph", lambda old: {**old, 0: 7}, "must be a list of whole numbers, got 7"),
        ("graph", lambda old: {**old, 0: [-1]}, "edges must join nodes 0 to 506, got -1"),
        ("graph", lambda old: {**{node: old[node] for node in range(506)}, 600: []}, "or others"),
        ("graph", lambda old: {**old, 507: []}, "test nodes end at 506, but 508 nodes"),
        ("graph", lambda old: [], "0 nodes have a list of neighbours, or others"),
    ],
)
def test_planetoid_files_that_do_not_fit_are_refused(tmp_path, name, change, line):
    files = planetoid()[0]
    files[name] = change(files[name])
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


def test_a_number_beyond_64_bits_is_refused_by_the_name_of_its_file(tmp_path):
    files = planetoid()[0]
    write_planetoid(tmp_path, {**files, "graph": {**files["graph"], 0: [2**70]}})
    with pytest.raises(ValueError, match=r"ind.citeseer.graph is refused: it holds a whole number beyond 64 bits"):
        load("citeseer", tmp_path)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["<", ">"])
def test_planetoid_files_of_every_protocol_byte_order_and_layout_are_the_same_graph(tmp_path, protocol, order):
    files = planetoid()[0]
    write_planetoid(tmp_path / "plain", files)
    expected = fingerprint(load("citeseer", tmp_path / "plain"))
    for name in ("y", "ty", "ally"):
        files[name] = np.asfortranarray(files[name].astype(f"{order}i2"))
    for name in ("x", "tx", "allx"):
        files[name].data = files[name].data.astype(f"{order}f8")
        files[name].indices = files[name].indices.astype(f"{order}i8")
    files["graph"] = {node: [np.int64(other) for other in others] for node, others in files["graph"].items()}
    write_planetoid(tmp_path / "other", files, protocol=protocol)
    graph = load("citeseer", tmp_path / "other")
    assert fingerprint(graph) == expected
    assert all(getattr(graph, name).is_contiguous() for name in ("labels", "train", "validation", "test"))


def test_shared_lists_of_neighbours_are_refused_before_they_are_multiplied(tmp_path):
    files = planetoid()[0]
    shared = [1] * 300
    write_planetoid(tmp_path, {**files, "graph": dict.fromkeys(range(507), shared)})
    with pytest.raises(ValueError, match="ind.citeseer.graph is refused: it uses a list, dict, tuple or array twice"):
        load("citeseer", tmp_path)


# ---- edges and graphs from other code


@pytest.mark.parametrize(
    ("nodes", "edges", "line"),
    [
        (3, np.array([[0.5], [1]]), "whole numbers of shape .2, m., got float64"),
        (3, np.array([[True], [False]]), "got bool"),
        (3, np.array([0, 1]), r"got int64 \(2,\)"),
        (3, np.zeros((3, 2), int), r"got int64 \(3, 2\)"),
        (3, np.array([["0"], ["1"]]), "whole numbers"),
        (3, np.array([[2**63], [0]], np.uint64), "edges must join nodes 0 to 2"),
        (2.5, np.zeros((2, 0), int), "nodes must be a whole number"),
        (0, np.zeros((2, 0), int), "nodes must be at least 1"),
        (2**31, np.zeros((2, 0), int), "too many for 32-bit"),
    ],
    ids=str,
)
def test_edges_that_are_none_are_refused(nodes, edges, line):
    with pytest.raises(ValueError, match=line):
        adjacency_of(nodes, edges)


@pytest.mark.parametrize("kind", ["u1", "i2", ">i4", ">u8", "i8"])
def test_edges_of_every_type_byte_order_and_layout_are_the_same(kind):
    pairs = np.array([[0, 1, 4, 2, 0], [1, 0, 0, 2, 1]])
    expected = adjacency_of(5, pairs)
    frozen = pairs.astype(kind)
    frozen.flags.writeable = False
    for edges in (frozen, np.asfortranarray(frozen), np.repeat(frozen, 2, 1)[:, ::2]):
        adjacency, degrees = adjacency_of(5, edges)
        assert torch.equal(adjacency.to_dense(), expected[0].to_dense())
        assert torch.equal(degrees, expected[1])


def small_graph(**changed):
    adjacency, degrees = adjacency_of(5, np.array([[0, 1, 2], [1, 2, 3]]))
    parts = {name: torch.tensor([node]) for node, name in enumerate(("train", "validation", "test"))}
    fields = {"x": torch.ones(5, 2), "labels": torch.tensor([0, 1, 0, -1, 1]), "adjacency": adjacency, **parts}
    return Graph(**{**fields, "degrees": degrees, "classes": 2, **changed})


def edges(rows, columns, nodes=5, values=None):
    order = np.lexsort((columns, rows))
    rows, columns = np.array(rows)[order], np.array(columns)[order]
    values = np.ones(len(rows), np.float32) if values is None else np.array(values, np.float32)
    starts = np.concatenate([[0], np.bincount(rows, minlength=nodes).cumsum()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, that the layout is new
        return torch.sparse_csr_tensor(
            torch.tensor(starts, dtype=torch.int32),
            torch.tensor(columns, dtype=torch.int32),
            torch.tensor(values),
            (nodes, nodes),
            check_invariants=False,
        )


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"test": torch.tensor([2, 0])}, "node 0 is in train and in test"),
        ({"validation": torch.tensor([1, 1])}, "validation lists a node twice"),
        ({"test": torch.tensor([5])}, "test lists node 5; nodes are 0 to 4"),
        ({"test": torch.tensor([-1])}, "test lists node -1"),
        ({"test": torch.tensor([3])}, "node 3 is in test and has no label"),
        ({"test": torch.tensor([2.0])}, "test must be a list of node numbers, got torch.float32"),
        ({"train": torch.tensor([True, False, False, False, False])}, "train must be a list of node numbers"),
        ({"train": torch.tensor([], dtype=torch.int64)}, "train must be a list of node numbers"),
        ({"labels": torch.tensor([0, 1, 0, -1, 2])}, "labels must be -1 to 1, got 2"),
        ({"labels": torch.tensor([0, 1, 0, -2, 1])}, "labels must be -1 to 1, got -2"),
        ({"labels": torch.tensor([0.0, 1, 0, -1, 1])}, "labels must be int64"),
        ({"labels": torch.tensor([0, 1, 0, 1])}, "5 nodes with features need as many labels, got 4"),
        ({"x": torch.full((5, 2), torch.nan)}, "not finite"),
        ({"x": torch.ones(5, 2, dtype=torch.float64)}, "features must be float32"),
        ({"x": torch.ones(5, 0)}, "features must be float32"),
        ({"adjacency": edges([0, 1], [1, 2])}, "must be symmetric"),
        ({"adjacency": edges([0, 1, 2], [1, 0, 2])}, "no self-loop"),
        ({"adjacency": edges([0, 0, 1, 1], [1, 1, 0, 0])}, "no edge twice"),
        ({"adjacency": edges([0, 1], [1, 0], values=[2, 2])}, "must hold ones"),
        ({"adjacency": torch.zeros(5, 5)}, "in CSR layout"),
        ({"adjacency": edges([0, 1], [1, 0], 6)}, "of 5 nodes must be a square"),
        ({"degrees": torch.ones(5)}, "degrees must be the row sums"),
    ],
)  # fmt: skip
def test_a_graph_from_other_code_is_right_or_refused(changed, line):
    GraphTask(small_graph())
    with pytest.raises(ValueError, match=line):
        GraphTask(small_graph(**changed))


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
        ({"node_label": "0\n-1\n2\n5\n"}, "labels must be 0 to 39, got -1"),
        ({"node_label": "0\n1.0\n2\n5\n"}, "node-label.csv.gz is damaged"),
        ({"node_feat": "1,2\n3,4\n5,nan\n1,1\n"}, "node-feat.csv.gz is damaged: some features are not finite"),
        ({"node_feat": "1,2\n3,4\n5,1e40\n1,1\n"}, "node-feat.csv.gz is damaged: some features are not finite"),
        ({"node_feat": "1,2\n3,4\n5,6\n1,1\n" + " " * 10**5}, "more than 100 times larger than the file"),
        ({"valid": "4\n"}, "valid.csv.gz is damaged: it lists node 4 of 4"),
        ({"valid": "-1\n"}, "valid.csv.gz is damaged: it lists node -1 of 4"),
        ({"valid": "0\n"}, "arxiv in .* is damaged: node 0 is in train and in validation"),
        ({"train": "0\n0\n"}, "arxiv in .* is damaged: train lists a node twice"),
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
