"""Saliencies equal their formulas, projections and relaxations are what they say, re-drawn weights rebuild."""

from math import log2

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from slt.core.rates import Rates
from theory.freezing import entropy_bits
from torch_backend.masks import frozen, streams
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.masks.threshold import keep_largest
from torch_backend.rivals import (
    METHODS,
    Problem,
    chijiwa2021,
    lee2019,
    magnitude,
    tanaka2020,
    uniform,
    wang2020,
    zhou2021,
)
from torch_backend.rivals.problem import keep_all, plain_weights, settle_norms
from torch_backend.training.settings import Settings

EMPTY = torch.empty(0)
X = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.5, 1.0, -1.0, 2.0]])
TARGETS = torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 1.0]])


pytestmark = pytest.mark.usefixtures("one_thread")


class Squares:
    """Half the squared error of a linear network on two examples."""

    steps = 1

    def loss(self, model, epoch, step):
        return functional.mse_loss(model(X), TARGETS, reduction="sum") / 2

    def accuracy(self, model, part):
        return 1 / (1 + self.loss(model, 0, 0).item())

    def ones(self, dtype):
        return (torch.ones(1, 4, dtype=dtype),)


def linear(folder=None, source=None, build=None, **choices):
    options = Settings("mlp", "mnist", **{"sparsity": 0.5, "epochs": 1, **choices})
    model = build() if build else nn.Linear(4, 3, bias=False)
    arguments = source or {"prune": options.prune, "lock": options.lock, "weights": options.weights}
    return Problem(freeze(model, seed=1, **arguments), Squares(), options, 1, folder)


def saliency(module, problem):
    keep_all(problem)
    return [part.double() for part in module.search.__wrapped__(problem)]


@pytest.mark.parametrize("rates", [{}, {"prune": 0.25, "lock": 0.25}])
def test_snip_and_grasp_are_the_products_with_gradient_and_hessian(rates):
    problem = linear(**rates)
    part = next(iter(problem.masks.values()))
    weight, free = part(EMPTY).detach(), part.free.long()
    gradient = (X @ weight.T - TARGETS).T @ X
    product = gradient @ (X.T @ X)  # the Hessian of each row is X^T X
    (snip,), (grasp,) = saliency(lee2019, problem), saliency(wang2020, problem)
    torch.testing.assert_close(snip, (weight * gradient).abs().flatten()[free].double(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grasp, (weight * product).flatten()[free].double(), rtol=1e-5, atol=1e-4)
    # the connection's derivative is also what a supermask's score gets
    with torch.no_grad():
        part.scores.fill_(1.0)
    part.keep(part.mask)
    problem.task.loss(problem.model, 0, 0).backward()
    torch.testing.assert_close(part.scores.grad.abs().double(), snip)


@pytest.mark.parametrize("module", [lee2019, wang2020])
def test_gradients_are_those_of_training(module):
    """A norm layer takes its statistics from the batch, whatever mode the model was left in."""
    problem = linear(build=lambda: nn.Sequential(nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3)))
    problem.model[1].running_mean.fill_(0.3)
    problem.model.train()
    (expected,) = saliency(module, problem)
    problem.model.eval()
    (received,) = saliency(module, problem)
    assert torch.equal(received, expected)
    with plain_weights(problem.masks) as weights:
        problem.model.eval()
        (other,) = torch.autograd.grad(problem.task.loss(problem.model, 0, 0), weights)
    assert not torch.allclose((weights[0] * other).abs().flatten().double(), expected)  # the modes do differ


@pytest.mark.parametrize("method", ["snip", "grasp", "synflow"])
def test_one_shot_searches_start_from_all_free_weights(method):
    masks = []
    for kept in (12, 6):
        problem = linear()
        (part,) = problem.masks.values()
        part.keep(torch.arange(12) < kept)
        METHODS[method].search(problem)
        masks.append(part.mask.clone())
    assert torch.equal(*masks)


def test_grasp_keeps_the_gradient_flow_that_removing_would_lower():
    problem = linear()
    part = next(iter(problem.masks.values()))
    (grasp,) = saliency(wang2020, problem)

    def flow():
        with plain_weights(problem.masks) as weights:
            (gradient,) = torch.autograd.grad(problem.task.loss(problem.model, 0, 0), weights)
        return float(gradient.double().square().sum())

    # a small part of a weight taken away changes the flow by -2 * part * w (H g)
    for place in range(12):
        shares = torch.ones(12)
        whole = flow()
        shares[place] -= 1e-3
        part.blend(shares)
        assert flow() - whole == pytest.approx(-2e-3 * float(grasp[place]), abs=2e-3 * float(grasp.abs().max()) * 0.01)
        part.keep(part.mask, afresh=True)


def test_synflow_is_the_sum_over_paths_and_leaves_removed_weights_removed():
    problem = linear(build=lambda: nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False)),
                     prune=0.2, lock=0.2)  # fmt: skip
    keep_all(problem)
    first, second = problem.masks.values()
    first.keep(torch.arange(len(first.mask)) > 0)
    problem.model.double()
    a, b = (part(EMPTY).detach().abs() for part in (first, second))
    expected = [a * b.sum(0)[:, None], b * a.sum(1)[None, :]]
    found = tanaka2020.saliencies(problem)
    for part, received, wanted in zip((first, second), found, expected, strict=True):
        torch.testing.assert_close(received, torch.where(part.mask, wanted.flatten()[part.free.long()], -1.0))
    assert found[0][0] == -1


def test_rounds_keep_synflow_from_cutting_every_path(monkeypatch):
    def collapsed(rounds):
        monkeypatch.setattr(tanaka2020, "ROUNDS", rounds)
        layers = [nn.Linear(4, 40, bias=False), nn.ReLU(), nn.Linear(40, 40, bias=False), nn.ReLU(),
                  nn.Linear(40, 3, bias=False)]  # fmt: skip
        problem = linear(build=lambda: nn.Sequential(*layers), sparsity=0.99)
        METHODS["synflow"].search(problem)
        assert next(problem.model.parameters()).dtype == torch.float32
        assert sum(int(part.mask.sum()) for part in problem.masks.values()) == problem.wanted
        return not problem.model(X).any()

    assert collapsed(1)
    assert not collapsed(100)


@pytest.mark.long
def test_magnitude_and_random_look_at_no_data():
    problem = linear(prune=0.25, lock=0.25)
    part = next(iter(problem.masks.values()))
    problem = Problem(problem.model, None, problem.settings, 1, None)
    (large,), (drawn,) = saliency(magnitude, problem), saliency(uniform, problem)
    assert torch.equal(large, part.values.abs().double())
    assert not torch.equal(drawn, large)
    hits = torch.zeros(12)
    for seed in range(400):
        kept = uniform.search.__wrapped__(Problem(linear().model, None, problem.settings, seed, None))[0].argsort()[6:]
        hits[kept] += 1
    assert float((hits - 200).abs().max()) < 4 * 10  # standard deviation sqrt(400 / 4)


def test_plain_weights_are_the_masked_ones_and_only_for_a_while():
    problem = linear(source={"scale": "dynamic"})
    keep_largest(problem.masks, [torch.arange(12.0)], 3)
    expected = problem.model(X)
    with plain_weights(problem.masks) as weights:
        assert torch.equal(problem.model(X), expected)
        assert int((weights[0] != 0).sum()) == 3
        with torch.no_grad():
            weights[0].zero_()
        assert not problem.model(X).any()
    assert torch.equal(problem.model(X), expected)


def test_norms_settle_to_the_average_over_the_epoch():
    class Three(Squares):
        """Three different batches."""

        steps = 3

        def loss(self, model, epoch, step):
            return model(X * (step + 1)).sum()

    problem = linear(build=lambda: nn.Sequential(nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3)))
    problem = Problem(problem.model, Three(), problem.settings, 1, None)
    norm = problem.model[1]
    norm.running_mean.fill_(7.0)
    norm.momentum = 0.25
    settle_norms(problem)
    torch.testing.assert_close(norm.running_mean, 2 * problem.model[0](X).mean(0).detach())  # of 1, 2 and 3 times
    assert norm.momentum == 0.25


parts = st.lists(st.lists(st.floats(-3, 3), max_size=6), min_size=1, max_size=3).filter(any)


@given(parts, st.integers(1, 8))
def test_the_projection_is_the_nearest_point(drawn, most):
    before = [torch.tensor(part, dtype=torch.float64) for part in drawn]
    after = [part.clone() for part in before]
    zhou2021.project(after, most)
    x, s = torch.cat(before), torch.cat(after)
    assert bool(((s >= 0) & (s <= 1)).all())
    if x.clamp(0, 1).sum() <= most:
        assert torch.equal(s, x.clamp(0, 1))
        return
    assert float(s.sum()) == pytest.approx(most, abs=1e-6)
    # optimal: all that are not at a bound were lowered equally, those at a bound have no reason to leave it
    inside = (s > 1e-9) & (s < 1 - 1e-9)
    lowered = (x - s)[inside]
    if len(lowered):
        v = float(lowered.mean())
        assert float((lowered - v).abs().max()) < 1e-6
        assert bool((x[s <= 1e-9] <= v + 1e-6).all())
        assert bool((x[s >= 1 - 1e-9] >= 1 + v - 1e-6).all())
        assert v >= 0


@given(parts, st.integers(1, 8))
@example([[0.9, 0.8, 0.7]], 1)
@example([[1.0, 1.0, 1.0, 0.1]], 2)
def test_the_projection_is_never_above_the_sum_that_is_allowed(drawn, most):
    moved = [torch.tensor(part, dtype=torch.float32) for part in drawn]
    zhou2021.project(moved, most)
    assert sum(float(part.sum(dtype=torch.float64)) for part in moved) <= most


def test_probabilities_never_add_up_to_more_than_what_is_kept(tmp_path):
    class Greedy(Squares):
        """A loss that falls when any weight grows, which pulls every probability up."""

        def loss(self, model, epoch, step):
            return -(model.weight * next(iter(found.masks.values())).weight.sign()).sum()

        def accuracy(self, model, part):
            sums.append(float(next(iter(found.masks.values())).scores.detach().sum(dtype=torch.float64)))
            return 0.5

    sums: list[float] = []
    found = linear(tmp_path, optimiser="adamw", rate=0.2, epochs=3)
    found = Problem(found.model, Greedy(), found.settings, 1, tmp_path)
    METHODS["probmask"].search(found)
    assert sums
    assert max(sums) <= 6 + 12 * torch.finfo(torch.float32).tiny


def test_soft_masks_have_their_derivative_and_their_coin():
    s = torch.linspace(0.05, 0.95, 7, dtype=torch.float64, requires_grad=True)
    noise = torch.linspace(-0.9, 0.8, 7, dtype=torch.float64)
    soft, slope = zhou2021.soft_masks(s, noise, 0.4)
    (expected,) = torch.autograd.grad(soft.sum(), s)
    torch.testing.assert_close(slope.detach(), expected)
    many = streams.uniform(0, "test", (40_000,))
    heads, _ = zhou2021.soft_masks(torch.full_like(many, 0.3), many, 1e-3)
    assert abs(float((heads > 0.5).float().mean()) - 0.3) < 4 * (0.21 / 40_000) ** 0.5


def test_a_step_of_probabilities_follows_the_gradient_through_the_soft_masks(tmp_path):
    problem = linear(tmp_path, optimiser="adamw", rate=0.01, decay=0.5)
    part = next(iter(problem.masks.values()))
    METHODS["probmask"].search(problem)
    start = torch.full((12,), 0.5, requires_grad=True)
    noise = streams.uniform(1, "soft mask/0/weight", (12,))
    soft = torch.sigmoid((start.logit() + 2 * noise.atanh()) / 1.0)
    loss = functional.mse_loss(X @ (soft * part.values).reshape(3, 4).T, TARGETS, reduction="sum") / 2
    (gradient,) = torch.autograd.grad(loss, start)
    moved = [start.detach() - 0.01 * gradient.sign()]  # Adam's first step, no decay
    zhou2021.project(moved, 6)
    torch.testing.assert_close(part.scores.detach(), moved[0], rtol=0, atol=1e-5)
    assert not part.scores._backward_hooks


def test_probabilities_at_the_bounds_can_still_move(tmp_path):
    problem = linear(tmp_path, optimiser="adamw", rate=0.5, epochs=3)
    METHODS["probmask"].search(problem)
    scores = next(iter(problem.masks.values())).scores.detach()
    assert float(scores.min()) < 1e-6
    assert bool((scores > 0).all())  # at 0 the sign, and with it the gradient, would be 0 for ever


def test_redrawn_weights_rebuild_from_seed_mask_and_epochs(tmp_path, monkeypatch):
    monkeypatch.setattr(chijiwa2021, "SHARE", 0.5)
    problem = linear(tmp_path, epochs=12, rate=2.0, optimiser="sgd", prune=0.25, lock=0.25, weights="ku")
    touched = []
    original = chijiwa2021.rebuild

    def watched(task, name, part, where):
        touched.append(int((where & part.mask).sum()))
        original(task, name, part, where)

    monkeypatch.setattr(chijiwa2021, "rebuild", watched)
    monkeypatch.setattr(Squares, "accuracy", lambda self, model, part: len(touched))  # the last epoch is the best
    found = METHODS["iterand"].search(problem)
    assert touched
    assert not any(touched)  # weights in use are never drawn anew
    part = next(iter(problem.masks.values()))
    epochs = torch.where(part.mask, chijiwa2021.drawn(part), 0)
    assert int(epochs.max()) > 0
    again = linear(tmp_path, prune=0.25, lock=0.25)
    other = next(iter(again.masks.values()))
    assert not torch.equal(other.values[part.mask], part.values[part.mask])
    other.register_buffer("drawn", epochs)
    original(again, "weight", other, torch.ones_like(part.mask))
    other.keep(part.mask)
    assert torch.equal(other(EMPTY), part(EMPTY))
    # and the bits: which of the kept ones that could be were drawn anew, and when
    last = int(chijiwa2021.drawn(part).max())
    times = np.array([chijiwa2021.candidates(1, "weight", 6, e).numpy() for e in range(1, last + 1)])
    chances = times.sum(0)[part.mask.numpy()]
    anew = epochs[part.mask].numpy() > 0
    may = int((chances > 0).sum())
    expected = may * entropy_bits(anew.sum() / may, Rates()) + sum(log2(n) for n in chances[anew])
    assert found.extra_bits == pytest.approx(expected)
    for place in np.flatnonzero(epochs.numpy()):
        assert times[int(epochs[place]) - 1, place]


def test_every_redrawing_is_of_the_sources_own_kind(tmp_path):
    problem = linear(tmp_path, weights="skc")
    part = next(iter(problem.masks.values()))
    part.register_buffer("drawn", torch.arange(12, dtype=torch.int32) % 3)
    before = part.values.clone()
    chijiwa2021.rebuild(problem, "weight", part, torch.arange(12) % 3 > 0)
    assert torch.equal(part.values.abs(), before.abs())
    assert torch.equal(part.values[::3], before[::3])
    assert not torch.equal(part.values, before)
    assert not torch.equal(chijiwa2021.candidates(1, "weight", 999, 1), chijiwa2021.candidates(1, "weight", 999, 2))
    share = float(chijiwa2021.candidates(1, "weight", 40_000, 1).float().mean())
    assert abs(share - 0.1) < 4 * (0.09 / 40_000) ** 0.5


def test_given_weights_are_the_source_with_biases_and_norms():
    def build():
        torch.manual_seed(5)
        model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
        with torch.no_grad():
            model[1].weight.fill_(2.0)
        return model

    x = X.clone()
    expected = build()(x)
    model = freeze(build(), weights="given", lock=0.25, seed=1)
    assert torch.equal(model(x), expected)  # everything is kept at first
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {
        name for name, _ in model.named_parameters() if name.endswith("scores")
    }
    part = supermasks(model)["0.weight"]
    states = frozen.pattern(1, "0.weight", (3, 4), Rates(0, 1 / 3))
    assert part.locked == int((states == 1).sum())
    learning = freeze(build(), weights="given", learn_norms=True)
    assert torch.equal(learning(x), expected)
    assert learning[1].weight.requires_grad
    with pytest.raises(ValueError, match="scale static is for weights that are drawn"):
        freeze(build(), weights="given", scale="static", sparsity=0.5)


@pytest.mark.long
@given(st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12), st.booleans())
def test_blended_weights_are_shares_and_keeping_afresh_undoes_them(shares, channels_last):
    problem = linear(source={"prune": 0.0, "scale": "dynamic"})
    part = next(iter(problem.masks.values()))
    if channels_last:
        part.weight = part.weight.T.contiguous().T
    mask = torch.arange(12) % 2 == 0
    part.keep(mask)
    expected = part(EMPTY).detach().clone()
    share = torch.tensor(shares)
    part.blend(share)
    assert torch.equal(part.weight.flatten(), part.values * share)
    assert float(part.scale) == (pytest.approx((12 / float(share.sum())) ** 0.5) if share.any() else 0)
    part.keep(mask, afresh=True)
    assert torch.equal(part(EMPTY), expected)
