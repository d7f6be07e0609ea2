"""Every search keeps frozen weights, is exact, depends on its seed alone, and goes on after a kill to the same."""

from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from theory.freezing import kept_count
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.rivals import METHODS, Problem, diffenderfer2021
from torch_backend.rivals.problem import settle_norms
from torch_backend.training import run as training
from torch_backend.training.settings import Settings

EMPTY = torch.empty(0)
TRAINED = ["edge-popup", "edge-popup-local", "gradual", "probmask", "iterand"]


pytestmark = pytest.mark.usefixtures("one_thread")


class Toy:
    """Two batches of made-up data."""

    steps = 2

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(2, 20, 6, generator=generator)
        self.y = torch.randint(3, (2, 20), generator=generator)

    def loss(self, model, epoch, step):
        return functional.cross_entropy(model(self.x[step]), self.y[step])

    def accuracy(self, model, part):
        model.eval()
        return float((model(self.x[0]).argmax(1) == self.y[0]).float().mean())

    def ones(self, dtype):
        return (torch.ones(1, 6, dtype=dtype),)


def network():
    return nn.Sequential(
        nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5, bias=False), nn.ReLU(),
        nn.Linear(5, 3, bias=False),
    )  # fmt: skip


def problem(folder, sparsity=0.5, seed=3, task=None, **choices):
    options = Settings("mlp", "mnist", sparsity=sparsity, **{"epochs": 3, "rate": 0.5, **choices})
    source = {"prune": options.prune, "lock": options.lock, "scale": options.scale, "sparsity": sparsity}
    return Problem(freeze(network(), seed=seed, **source), task or Toy(), options, seed, folder)


def state(model):
    return {name: value.clone() for name, value in {**model.state_dict(), **dict(model.named_buffers())}.items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.long
@given(
    st.sampled_from(list(METHODS)),
    st.sampled_from([(0, 0), (0.3, 0), (0, 0.3), (0.2, 0.35)]),
    st.integers(5, 95),
    st.sampled_from(["global", "layer"]),
    st.sampled_from(["none", "dynamic"]),
)
@settings(max_examples=60)
def test_frozen_weights_stay_and_the_sparsity_is_exact(tmp_path_factory, method, rates, percent, scope, scale):
    (prune, lock), k = rates, percent / 100
    assume(prune + 0.05 < k < 0.95 - lock)
    given_problem = problem(
        tmp_path_factory.mktemp("run"), k, prune=prune, lock=lock, scope=scope, scale=scale, epochs=2
    )
    before = {name: (part.weight.clone(), part.free.long()) for name, part in given_problem.masks.items()}
    assert METHODS[method].search(given_problem).seconds >= 0
    kept = total = 0
    for name, part in given_problem.masks.items():
        weight, free = before[name]
        now = part(EMPTY).detach() if part.scale is None else part.weight
        frozen = torch.ones(weight.numel(), dtype=torch.bool)
        frozen[free] = False
        assert torch.equal(now.flatten()[frozen], weight.flatten()[frozen])  # pruned 0 and locked as they were
        assert torch.equal(now.flatten()[free], torch.where(part.mask, part.values, 0.0))
        if method != "iterand":
            assert torch.equal(part.values, weight.flatten()[free])
        if part.scale is not None:
            share = (part.locked + int(part.mask.sum())) / part.size
            assert float(part.scale) == (pytest.approx(share**-0.5) if share else 0)
        kept, total = kept + int((now != 0).sum()), total + now.numel()
    assert kept == kept_count(total, k)


@pytest.mark.long(keep=2)
@pytest.mark.parametrize("method", METHODS)
def test_a_seed_and_nothing_else_decides(tmp_path, method):
    found = []
    for name, seed, noise in (("a", 3, 1), ("b", 3, 2), ("c", 4, 1)):
        (tmp_path / name).mkdir()
        torch.manual_seed(noise)
        one = problem(tmp_path / name, seed=seed)
        generator = torch.get_rng_state()
        METHODS[method].search(one)
        assert torch.equal(torch.get_rng_state(), generator)
        found.append(state(one.model))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


@pytest.mark.parametrize("method", TRAINED)
def test_a_killed_search_goes_on_to_the_same_masks(tmp_path, monkeypatch, method):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = problem(tmp_path / "whole", epochs=4)
    extra = METHODS[method].search(whole).extra_bits
    written = training.write_checkpoint

    def killed(path, content):
        written(path, content)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "write_checkpoint", killed)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            METHODS[method].search(problem(tmp_path / "parts", epochs=4))
    monkeypatch.setattr(training, "write_checkpoint", written)
    parts = problem(tmp_path / "parts", epochs=4)
    assert METHODS[method].search(parts).extra_bits == extra
    assert same(state(whole.model), state(parts.model))


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("method", TRAINED)
def test_searches_that_train_learn(tmp_path, method):
    one = problem(tmp_path, epochs=40, rate=0.3)
    start = Toy().loss(one.model, 0, 0).item()
    METHODS[method].search(one)
    assert Toy().loss(one.model, 0, 0).item() < 0.9 * start


@pytest.mark.parametrize("method", ["probmask", "snip", "grasp", "synflow", "magnitude", "random"])
def test_norms_are_those_of_the_network_that_was_found(tmp_path, method):
    one = problem(tmp_path)
    METHODS[method].search(one)
    mean, variance = one.model[1].running_mean.clone(), one.model[1].running_var.clone()
    settle_norms(one)
    assert torch.equal(one.model[1].running_mean, mean)
    assert torch.equal(one.model[1].running_var, variance)


@pytest.mark.long
def test_methods_differ_and_each_says_what_it_does(tmp_path):
    class Rising(Toy):
        """The last epoch is the best."""

        asked = 0

        def accuracy(self, model, part):
            self.asked += 1
            return self.asked

    found = set()
    for method, rival in METHODS.items():
        (tmp_path / method).mkdir()
        one = problem(tmp_path / method, epochs=12, task=Rising())
        rival.search(one)
        found.add(tuple(torch.cat([part(EMPTY).flatten() for part in one.masks.values()]).tolist()))
        assert rival.says.endswith(".")
    assert len(found) == len(METHODS)


def test_local_edge_popup_keeps_the_same_share_in_every_layer(tmp_path):
    one = problem(tmp_path, sparsity=0.75)
    METHODS["edge-popup-local"].search(one)
    for part in one.masks.values():
        assert abs(int(part.mask.sum()) - 0.25 * part.size) < 1


def test_the_growing_sparsity_ends_where_it_should_and_early_epochs_are_never_the_best(tmp_path, monkeypatch):
    seen = []

    class Falling(Toy):
        """Each epoch is worse than the one before."""

        def accuracy(self, model, part):
            found = supermasks(model)
            seen.append(({name: mask.scores.detach().clone() for name, mask in found.items()},
                         sum(int(mask.mask.sum()) for mask in found.values())))  # fmt: skip
            return 1 / len(seen)

    one = problem(tmp_path, sparsity=0.75, task=Falling(), epochs=6)
    METHODS["gradual"].search(one)
    total = sum(part.size for part in one.masks.values())
    expected = [diffenderfer2021.kept_at(2 * epoch + 1, 6, total, one.wanted) for epoch in range(6)]
    assert [kept for _, kept in seen] == expected
    assert expected[0] > expected[1] > expected[3] == one.wanted
    assert all(torch.equal(part.scores, seen[3][0][name]) for name, part in one.masks.items())


def test_the_growth_starts_from_everything_and_falls_fastest_at_first():
    counts = [diffenderfer2021.kept_at(step, 100, 1000, 100) for step in range(120)]
    assert counts[0] == 1000
    assert counts[100:] == [100] * 20
    steps = [a - b for a, b in pairwise(counts)]
    assert min(steps) >= 0
    assert steps[0] == max(steps)


@pytest.mark.parametrize("method", ["snip", "grasp", "synflow"])
@pytest.mark.parametrize("kind", ["attention", "recurrent"])
def test_derivatives_go_through_attention_and_recurrent_layers(tmp_path, method, kind):
    class Sequence(nn.Module):
        def __init__(self):
            super().__init__()
            attention = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
            self.core = attention if kind == "attention" else nn.LSTM(6, 6, batch_first=True)
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            found = self.core(x[:, None].repeat(1, 3, 1))
            return self.head((found if kind == "attention" else found[0])[:, -1])

    options = Settings("mlp", "mnist", prune=0.2, lock=0.2)
    one = Problem(freeze(Sequence(), prune=0.2, lock=0.2), Toy(), options, 0, tmp_path)
    METHODS[method].search(one)
    assert sum(int(part.mask.sum()) for part in one.masks.values()) == one.wanted
