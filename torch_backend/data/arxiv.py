"""OGBN-Arxiv (Hu et al. 2020, Open Graph Benchmark) from its raw tables, made undirected, with the split by year."""

import gzip
import warnings
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from slt.core.checks import first_line
from torch_backend.data.graphs import adjacency_of
from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Graph, GraphSet

SITE = "http://snap.stanford.edu/ogb/data/nodeproppred/arxiv.zip"
CLASSES = 40
SWOLLEN = 100  # times larger, at most, is the text of a table than its file
TABLES = ("raw/edge.csv.gz", "raw/node-feat.csv.gz", "raw/node-label.csv.gz")
PARTS = tuple(f"split/time/{part}.csv.gz" for part in ("train", "valid", "test"))


def arxiv(root: Path) -> Graph:
    """Return the citation graph: 169,343 papers, 128 features, 40 classes.

    Raises FileNotFoundError saying which tables are missing, ValueError naming one that is damaged.
    """
    advice = f"download {SITE} and unpack it in {root}"
    folder = folder_of("OGBN-Arxiv", root, ("ogbn_arxiv", "arxiv", "."), (*TABLES, *PARTS), advice)
    edges, features, labels = (
        _table(folder / file, kind, columns)
        for file, kind, columns in zip(TABLES, ("int64", "float32", "int64"), (2, 0, 1), strict=True)
    )
    nodes = len(features)
    if len(labels) != nodes:
        raise ValueError(f"{folder} is damaged: {nodes} rows of features and {len(labels)} labels")
    if not np.isfinite(features).all():
        raise ValueError(f"{folder / TABLES[1]} is damaged: some features are not finite")
    odd = labels[(labels < 0) | (labels >= CLASSES)]
    if len(odd):
        raise ValueError(f"{folder / TABLES[2]} is damaged: labels must be 0 to {CLASSES - 1}, got {odd[0]}")
    try:
        adjacency, degrees = adjacency_of(nodes, edges.T)
    except ValueError as error:
        raise ValueError(f"{folder / TABLES[0]} is damaged: {error}") from None
    parts: list[torch.Tensor] = []
    for file in PARTS:
        part = _table(folder / file, "int64", 1)[:, 0]
        odd = part[(part < 0) | (part >= nodes)]
        if len(odd):
            raise ValueError(f"{folder / file} is damaged: it lists node {odd[0]} of {nodes}")
        parts.append(torch.from_numpy(part))
    x, y = torch.from_numpy(features), torch.from_numpy(labels[:, 0])
    return Graph(x, y, adjacency, degrees, parts[0], parts[1], parts[2], CLASSES)


def _table(path: Path, kind: str, columns: int) -> NDArray:
    """Return a table of numbers, (rows, columns); columns 0 leaves their number free."""
    try:
        most = SWOLLEN * path.stat().st_size
        with gzip.open(path) as file:
            text = file.read(most + 1)
        if len(text) > most:
            raise ValueError(f"its text is more than {SWOLLEN} times larger than the file")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an empty table is only worth a warning to numpy
            found = np.loadtxt(StringIO(text.decode("ascii")), dtype=kind, delimiter=",", ndmin=2)
    except Exception as error:  # of gzip, zlib, decoding or parsing
        raise ValueError(f"{path} is damaged: {first_line(error)}") from None
    if columns and found.shape[1] != columns:
        raise ValueError(f"{path} is damaged: it holds a table of shape {found.shape}")
    return found


ARXIV = GraphSet(arxiv, 169_343, 1_157_799, 128, CLASSES)
