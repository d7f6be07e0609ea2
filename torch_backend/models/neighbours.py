"""A node's own features plus the mean over its neighbours, as one sparse product with a backward of its own."""

import warnings
from typing import Any, Protocol

import torch
from torch import Tensor


class Neighbourhood(Protocol):
    """What the product needs of a graph: a symmetric adjacency of ones and its row sums."""

    @property
    def adjacency(self) -> Tensor:
        """The symmetric (nodes, nodes) matrix of ones, in torch's sparse CSR layout."""

    @property
    def degrees(self) -> Tensor:
        """The number of neighbours of every node, (nodes,), in the dtype of the adjacency."""


def plus_mean(h: Tensor, graph: Neighbourhood) -> Tensor:
    """Return h + D^-1 A h for h (nodes, features): row i plus the mean of its neighbours' rows, or just row i.

    The gradient is g + A D^-1 g because A is symmetric: both passes read the same rows and columns, with the inverse
    degree of the row or of the column as values, so no transpose is ever formed. Adding h inside the product saves a
    pass over memory each way. Both are computed in the dtype of A, under autocast too.
    """
    result: Tensor = _PlusMean.apply(h.to(graph.adjacency.dtype), graph.adjacency, graph.degrees)
    return result


class _PlusMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor, adjacency: Tensor, degrees: Tensor) -> Tensor:
        rows, columns = adjacency.crow_indices(), adjacency.col_indices()
        inverse = 1 / degrees.clamp(min=1)
        ctx.save_for_backward(rows, columns, inverse)
        by_row = inverse.repeat_interleave(rows.diff(), output_size=len(columns))
        return _add_product(h, rows, columns, by_row)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        rows, columns, inverse = ctx.saved_tensors
        return _add_product(gradients[0], rows, columns, inverse[columns]), None, None


def _add_product(dense: Tensor, rows: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    """Return dense + M dense for the square CSR matrix M."""
    # autocast would turn the matrix into half precision; torch calls CSR a beta feature once per process
    with warnings.catch_warnings(), torch.autocast(dense.device.type, enabled=False):
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        matrix = torch.sparse_csr_tensor(rows, columns, values, (len(dense),) * 2, check_invariants=False)
        return torch.addmm(dense, matrix, dense)
