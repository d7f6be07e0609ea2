"""The graph network: its sparse product against dense matrices, gradients against finite differences."""

import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from torch_backend.models import build
from torch_backend.models.neighbours import plus_mean


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random_graph(nodes, seed, dtype=torch.float64):
    """A symmetric graph with some isolated nodes, dense and as the product wants it."""
    generator = torch.Generator().manual_seed(seed)
    upper = torch.rand(nodes, nodes, generator=generator).triu(1) > 0.7
    upper[:, :2] = upper[:2] = False
    dense = (upper | upper.T).to(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adjacency = dense.to_sparse_csr()
    return dense, SimpleNamespace(adjacency=adjacency, degrees=dense.sum(1))


def operator(dense):
    """I + D^-1 A, row by row from its definition."""
    rows = [row / row.sum() if row.sum() else row for row in dense]
    return torch.eye(len(dense), dtype=dense.dtype) + torch.stack(rows)


@pytest.mark.parametrize("seed", range(3))
def test_the_product_and_its_gradient_equal_the_dense_matrix(seed):
    dense, graph = random_graph(12, seed)
    assert (dense.sum(1) == 0).sum() >= 2
    assert dense.sum(1).unique().numel() > 3
    h, g = torch.randn(2, 12, 5, dtype=torch.float64)
    h.requires_grad_()
    received = plus_mean(h, graph)
    torch.testing.assert_close(received, operator(dense) @ h)
    received.backward(g)
    torch.testing.assert_close(h.grad, operator(dense).T @ g)


def test_the_gradient_passes_the_finite_difference_check():
    _, graph = random_graph(8, 0)
    h = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda h: plus_mean(h, graph), (h,))


def test_the_product_stays_in_the_precision_of_the_graph_under_autocast():
    dense, graph = random_graph(12, 0, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        half = torch.ones(12, 3, dtype=torch.bfloat16, requires_grad=True)
        received = plus_mean(half, graph)
        received.sum().backward()
    assert received.dtype == torch.float32
    torch.testing.assert_close(received, operator(dense) @ torch.ones(12, 3))
    assert half.grad.dtype == torch.bfloat16


def naive(model, x, dense, depth):
    """The network by its definition: means from the dense matrix, norms from batch statistics."""
    h = x
    for layer in model.layers:
        before, h = h, operator(dense) @ h @ layer.weight.T
        h = ((h - h.mean(0)) / torch.sqrt(h.var(0, unbiased=False) + 1e-5)).relu()
    assert len(model.layers) == depth
    return (before @ model.head.weight.T + h) / 2


# one width where every layer but the last grows (mean first), one where the first layer shrinks (mean last)
@pytest.mark.parametrize(("inputs", "hidden", "depth"), [(6, 10, 4), (20, 8, 4), (5, 7, 2)])
def test_the_network_and_its_gradients_equal_the_definition(inputs, hidden, depth):
    dense, graph = random_graph(15, 1)
    model = build("gin", inputs=inputs, hidden=hidden, classes=4, depth=depth).double()
    x = torch.randn(15, inputs, dtype=torch.float64)
    weights = list(model.parameters())
    assert len(weights) == depth + 1
    g = torch.randn(15, 4, dtype=torch.float64)
    received, expected = model(x, graph), naive(model, x, dense, depth)
    torch.testing.assert_close(received, expected)
    ours = torch.autograd.grad(received, weights, g)
    theirs = torch.autograd.grad(expected, weights, g)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("hidden", [8, 30])
def test_sparse_features_give_the_same_logits_and_gradients(hidden):
    _, graph = random_graph(15, 1)
    model = build("gin", inputs=20, hidden=hidden, classes=4).double()
    x = (torch.rand(15, 20) < 0.2).double()
    g = torch.randn(15, 4, dtype=torch.float64)
    dense, sparse = model(x, graph), model(x.to_sparse_csr(), graph)
    torch.testing.assert_close(sparse, dense)
    for one, other in zip(*(torch.autograd.grad(y, list(model.parameters()), g) for y in (dense, sparse)), strict=True):
        torch.testing.assert_close(one, other)


def test_sparse_features_keep_their_precision_under_autocast():
    _, graph = random_graph(15, 1, torch.float32)
    model = build("gin", inputs=20, hidden=8, classes=4)
    x = (torch.rand(15, 20) < 0.2).float().to_sparse_csr()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(x, graph).float().square().sum()
    loss.backward()
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


def test_renaming_the_nodes_renames_the_logits():
    dense, graph = random_graph(10, 2)
    model = build("gin", inputs=3, hidden=6, classes=2).double().eval()
    x = torch.randn(10, 3, dtype=torch.float64)
    order = torch.randperm(10)
    shuffled = dense[order][:, order]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = SimpleNamespace(adjacency=shuffled.to_sparse_csr(), degrees=shuffled.sum(1))
    torch.testing.assert_close(model(x[order], other), model(x, graph)[order])


def test_affine_norms_of_the_gin_learn():
    model = build("gin", inputs=3, hidden=6, classes=2, affine=True)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    assert [norm.weight.numel() for norm in norms] == [6, 6, 6, 2]
