"""Cora, CiteSeer and PubMed with their public split, from the raw files of Planetoid.

Source: Yang, Cohen and Salakhutdinov (2016), Revisiting Semi-Supervised Learning with Graph Embeddings. ``allx`` are
the features of all nodes that are not for testing, the first of them (``x``) for training; ``tx`` are those of the
test nodes, whose numbers ``test.index`` lists. CiteSeer's test nodes without an edge are in no file: they get zero
features, no label and no part.
"""

from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix, vstack

from torch_backend.data.graphs import adjacency_of, csr_tensor
from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Graph
from torch_backend.data.unpickle import unpickle

SITE = "https://github.com/kimiyoung/planetoid/tree/master/data"
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph")
VALIDATION = 500  # the nodes after the training nodes, in the public split


def cora(root: Path) -> Graph:
    """Return Cora: 2,708 papers, 1,433 words, 7 classes."""
    return _read("Cora", root)


def citeseer(root: Path) -> Graph:
    """Return CiteSeer: 3,327 papers, 3,703 words, 6 classes."""
    return _read("CiteSeer", root)


def pubmed(root: Path) -> Graph:
    """Return PubMed: 19,717 papers, 500 words, 3 classes."""
    return _read("PubMed", root)


def _read(name: str, root: Path) -> Graph:
    stem = f"ind.{name.lower()}."
    files = [stem + part for part in (*PARTS, "test.index")]
    folders = (f"Planetoid/{name}/raw", f"{name}/raw", name, ".")
    folder = folder_of(name, root, folders, files, f"download the files {stem}* from {SITE} into that folder")
    x, tx, allx, y, ty, ally, links = (unpickle(folder / (stem + part)) for part in PARTS)
    try:
        tested = np.array([int(word) for word in (folder / files[-1]).read_text().split()], np.int64)
        return _graph(x, tx, allx, y, ty, ally, links, tested)
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{name} in {folder} is damaged: {error}") from None


def _graph(
    x: csr_matrix, tx: csr_matrix, allx: csr_matrix,
    y: np.ndarray, ty: np.ndarray, ally: np.ndarray,
    links: dict[int, list[int]], tested: np.ndarray,
) -> Graph:  # fmt: skip
    known, count = allx.shape[0], len(tested)
    shapes = [(x, y), (tx, ty), (allx, ally)]
    if any(features.shape[0] != len(labels) for features, labels in shapes) or tx.shape[0] != count:
        raise ValueError("features and labels are not of the same nodes")
    if len(y) + VALIDATION > known or count == 0 or tested.min() != known or len(set(tested.tolist())) != count:
        raise ValueError(f"{len(y)} training, {known} known and {count} test nodes do not fit together")
    nodes = int(tested.max()) + 1
    if nodes != len(links):
        raise ValueError(f"the test nodes end at {nodes - 1}, but {len(links)} nodes have a list of neighbours")
    place = np.full(nodes, -1)
    place[:known] = np.arange(known)
    place[tested] = known + np.arange(count)
    found = np.flatnonzero(place >= 0)
    rows = csr_matrix((np.ones(len(found)), (found, place[found])), (nodes, known + count))
    features = (rows @ vstack([allx, tx])).tocsr()
    features.sort_indices()
    labels = np.full(nodes, -1)
    labels[found] = np.concatenate([ally, ty]).argmax(1)[place[found]]
    pairs = [(node, other) for node, others in links.items() for other in others]
    adjacency, degrees = adjacency_of(nodes, np.array(pairs, np.int64).reshape(-1, 2).T)
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
