"""Cora, CiteSeer and PubMed with their public split, from the raw files of Planetoid.

Source: Yang, Cohen and Salakhutdinov (2016), Revisiting Semi-Supervised Learning with Graph Embeddings. ``allx`` are
the features of all nodes that are not for testing, the first of them (``x``) for training; ``tx`` are those of the
test nodes, whose numbers ``test.index`` lists. CiteSeer's test nodes without an edge are in no file: they get zero
features, no label and no part.
"""

from functools import partial
from itertools import chain
from pathlib import Path
from reprlib import repr as shown

import numpy as np
import torch
from scipy.sparse import csr_matrix, vstack

from torch_backend.data.graphs import adjacency_of, csr_tensor
from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Graph, GraphSet
from torch_backend.data.unpickle import unpickle

SITE = "https://github.com/kimiyoung/planetoid/tree/master/data"
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph")
VALIDATION = 500  # the nodes after the training nodes, in the public split


def _read(name: str, root: Path) -> Graph:
    stem = f"ind.{name.lower()}."
    files = [stem + part for part in (*PARTS, "test.index")]
    folders = (f"Planetoid/{name}/raw", f"{name}/raw", name, ".")
    folder = folder_of(name, root, folders, files, f"download the files {stem}* from {SITE} into that folder")
    x, tx, allx, y, ty, ally, links = (unpickle(folder / (stem + part)) for part in PARTS)
    try:
        tested = np.array([int(word) for word in (folder / files[-1]).read_text().split()], np.int64)
        return _graph(x, tx, allx, y, ty, ally, links, tested)
    except (ValueError, OverflowError) as error:  # the second: a number in test.index beyond 64 bits
        raise ValueError(f"{name} in {folder} is damaged: {error}") from None


def _graph(
    x: csr_matrix, tx: csr_matrix, allx: csr_matrix,
    y: np.ndarray, ty: np.ndarray, ally: np.ndarray,
    links: dict[int, list[int]], tested: np.ndarray,
) -> Graph:  # fmt: skip
    pairs = (("allx", allx, ally), ("x", x, y), ("tx", tx, ty))
    for part, features, rows in pairs:
        if not isinstance(features, csr_matrix):
            raise ValueError(f"{part} must be a sparse matrix of features")
        if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1:] != ally.shape[1:]:
            raise ValueError("y, ty and ally must be arrays of as many columns as there are classes")
    for part, features, rows in pairs:
        if features.shape != (len(rows), allx.shape[1]):
            raise ValueError(f"the features of {part} and their labels are not of the same nodes, or of other features")
    known, count = len(ally), len(tested)
    if len(y) + VALIDATION > known or count == 0 or tested.min() != known or len(set(tested.tolist())) != count:
        raise ValueError(f"{len(y)} training, {known} known and {count} test nodes do not fit together")
    if (x != allx[: len(y)]).nnz or not np.array_equal(y, ally[: len(y)]):
        raise ValueError("x and y must be the first rows of allx and ally")
    nodes = int(tested.max()) + 1
    edges = _edges(links, nodes)
    place = np.full(nodes, -1)
    place[:known] = np.arange(known)
    place[tested] = known + np.arange(count)
    found = np.flatnonzero(place >= 0)
    rows = csr_matrix((np.ones(len(found), np.float32), (found, place[found])), (nodes, known + count))
    features = (rows @ vstack([_floats(allx), _floats(tx)])).tocsr()
    features.sort_indices()
    labels = np.full(nodes, -1)
    labels[found] = _classes(np.concatenate([ally, ty]))[place[found]]
    adjacency, degrees = adjacency_of(nodes, edges)
    return Graph(
        csr_tensor(features),
        torch.from_numpy(labels),
        adjacency,
        degrees,
        torch.arange(len(y)),
        torch.arange(len(y), len(y) + VALIDATION),
        torch.from_numpy(np.sort(tested)),
        ally.shape[1],
    )


def _floats(features: csr_matrix) -> csr_matrix:
    """Return features as float32; ValueError where one is not finite."""
    if not np.isfinite(features.data).all() or np.abs(features.data).max(initial=0) > np.finfo(np.float32).max:
        raise ValueError("some features are not finite as float32")
    return features.astype(np.float32)


def _classes(one_hot: np.ndarray) -> np.ndarray:
    """Return the class of every row, in which it has the one 1."""
    if not (((one_hot == 0) | (one_hot == 1)).all() and (one_hot.sum(1) == 1).all()):
        raise ValueError("each row of y, ty and ally must hold a 1 for its class, and 0 for all others")
    found: np.ndarray = one_hot.argmax(1)
    return found


def _edges(links: dict[int, list[int]], nodes: int) -> np.ndarray:
    """Return the pairs (2, m) of a node and another in its list; ValueError where these are no whole numbers."""
    if not isinstance(links, dict) or len(links) != nodes or any(node not in links for node in range(nodes)):
        count = len(links) if isinstance(links, dict) else 0
        raise ValueError(f"the test nodes end at {nodes - 1}, but {count} nodes have a list of neighbours, or others")
    for node, others in links.items():
        if not isinstance(others, list) or not all(isinstance(other, int | np.integer) for other in others):
            raise ValueError(f"the neighbours of node {node} must be a list of whole numbers, got {shown(others)}")
    lengths = [len(others) for others in links.values()]
    pairs = np.empty((2, sum(lengths)), np.int64)
    pairs[0] = np.repeat(np.array(list(links)), lengths)
    try:
        pairs[1] = list(chain.from_iterable(links.values()))
    except OverflowError:
        raise ValueError(f"edges must join nodes 0 to {nodes - 1}, got a number beyond 63 bits") from None
    return pairs


CORA = GraphSet(partial(_read, "Cora"), 2_708, 5_278, 1_433, 7)
CITESEER = GraphSet(partial(_read, "CiteSeer"), 3_327, 4_552, 3_703, 6)
PUBMED = GraphSet(partial(_read, "PubMed"), 19_717, 44_324, 500, 3)
