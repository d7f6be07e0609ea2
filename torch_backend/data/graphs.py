"""Sparse matrices of graphs: the adjacency from a list of edges, and features that are mostly zero."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from slt.core.checks import whole

MOST = 2**31 - 1  # numbers that int32 counts


def adjacency_of(nodes: int, edges: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
    """Return the symmetric adjacency (nodes, nodes) of ones, float32 CSR with int32 indices, and the degrees (nodes,).

    edges: (2, m) node numbers of any integer type. Every edge counts both ways and once, however often it is listed, a
    self-loop never. Raises ValueError when a node number is out of range or no whole number.
    """
    edges = np.asarray(edges)
    if edges.ndim != 2 or len(edges) != 2 or (edges.size and edges.dtype.kind not in "iu"):
        raise ValueError(f"edges must be whole numbers of shape (2, m), got {edges.dtype} {edges.shape}")
    if whole("nodes", nodes, 1) > MOST or edges.shape[1] > MOST // 2:
        raise ValueError(f"{nodes} nodes and {edges.shape[1]} edges are too many for 32-bit indices")
    if edges.size and not 0 <= edges.min() <= edges.max() < nodes:
        raise ValueError(f"edges must join nodes 0 to {nodes - 1}, got {edges.min()} to {edges.max()}")
    a, b = edges.astype(np.int64)[:, edges[0] != edges[1]]
    rows, columns = np.divmod(np.unique(np.concatenate([a * nodes + b, b * nodes + a])), nodes)
    degrees = np.bincount(rows, minlength=nodes)
    starts = np.concatenate([[0], degrees.cumsum()])
    matrix = csr_matrix((np.ones(len(columns)), columns, starts), (nodes, nodes))
    return csr_tensor(matrix), torch.from_numpy(degrees.astype(np.float32))


def csr_tensor(matrix: csr_matrix) -> Tensor:
    """Return a scipy matrix as a float32 tensor in CSR layout with int32 indices, which the CPU's products want."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")  # said once per process
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data.astype(np.float32)),
            matrix.shape,
            check_invariants=True,
        )
