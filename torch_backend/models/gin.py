"""The graph isomorphism network of the frozen-network experiments: four mean-aggregating layers and a head, no biases.

Source: Xu et al. (2019), How Powerful are Graph Neural Networks?, with eps = 0 and the mean instead of the sum, as in
Otsuka et al. (2024), arXiv 2402.14029. Every layer is h' = ReLU(BN(W (h + mean of neighbours))) with one matrix W, and
the logits are (W_head h_{L-1} + h_L) / 2: the last layer has as many units as there are classes and votes beside the
head.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from slt.core.checks import whole
from torch_backend.models.neighbours import Neighbourhood, plus_mean
from torch_backend.models.width import scaled


class GIN(nn.Module):
    """Layers of ``units`` (inputs, hidden, ..., classes) and a head from the last hidden units to the classes."""

    def __init__(self, units: list[int], affine: bool) -> None:
        super().__init__()
        self.units = units
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(units))
        self.norms = nn.ModuleList(nn.BatchNorm1d(b, affine=affine) for b in units[1:])
        self.head = nn.Linear(units[-2], units[-1], bias=False)

    def forward(self, x: Tensor, graph: Neighbourhood) -> Tensor:
        """Map features x (nodes, inputs), dense or sparse in CSR layout, to logits (nodes, classes)."""
        h = before = x
        for layer, norm, outputs in zip(self.layers, self.norms, self.units[1:], strict=True):
            before = h
            h = torch.relu(norm(_through(layer, h, outputs, graph)))
        return (self.head(before) + h) / 2


def gin(
    *,
    width: float = 1.0,
    inputs: int = 128,
    hidden: int = 386,
    classes: int = 40,
    depth: int = 4,
    affine: bool = False,
) -> GIN:
    """Return the network of ``depth`` layers, by default 128-386-386-386-40 for OGBN-Arxiv.

    width scales the hidden units, int(width * hidden). Raises ValueError when a size is too small; depth is at least 2.
    """
    between = [scaled(width, whole("hidden", hidden, 1))] * (whole("depth", depth, 2) - 1)
    return GIN([whole("inputs", inputs, 1), *between, whole("classes", classes, 1)], affine)


def _through(layer: nn.Module, h: Tensor, outputs: int, graph: Neighbourhood) -> Tensor:
    """Return W (h + mean of neighbours of h), taking the mean on the side of the matrix that has fewer columns.

    Both orders are equal because the layer is linear; the cost of the mean is in the columns. Sparse features go
    through the matrix first, in their own precision.
    """
    if h.layout == torch.sparse_csr:
        with torch.autocast(h.device.type, enabled=False):
            return plus_mean(layer(h), graph)
    result: Tensor = plus_mean(layer(h), graph) if outputs < h.shape[1] else layer(plus_mean(h, graph))
    return result
