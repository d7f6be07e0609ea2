"""Only scores train, by the straight-through formula; frozen weights never change; any module can be frozen."""

import copy
from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from theory.freezing import counts, layer_rates
from torch_backend.masks import frozen
from torch_backend.masks.supermask import Supermask, footprint, freeze, supermasks
from torch_backend.masks.threshold import select

EMPTY = torch.empty(0)
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


class Attention(nn.Module):
    def __init__(self, **sizes):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, **sizes)

    def forward(self, x):
        return self.attention(x, x[..., : self.attention.kdim], x[..., : self.attention.vdim])[0]


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.core = kind(8, 6, num_layers=2, batch_first=True, **options)

    def forward(self, x):
        return self.core(x)[0]


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 8)
        self.head = nn.Linear(8, 9)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(self.embedding(tokens))


def transformer():
    # dropout would make two passes differ
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 2)


def vectors():
    return torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))


def tokens():
    return torch.randint(9, (3, 5), generator=torch.Generator().manual_seed(0))


MODULES = {
    "linear": (lambda: nn.Linear(8, 7), vectors),
    "convolution 1d": (lambda: nn.Conv1d(5, 4, 3, groups=1), vectors),
    "grouped convolution": (lambda: nn.Sequential(nn.Unflatten(2, (4, 2)), nn.Conv2d(5, 10, 2, groups=5)), vectors),
    "convolution 3d": (lambda: nn.Sequential(nn.Unflatten(2, (2, 2, 2)), nn.Conv3d(5, 4, 2)), vectors),
    "norms": (
        lambda: nn.Sequential(
            nn.Conv1d(5, 4, 3), nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.Linear(6, 6), nn.LayerNorm(6)
        ),
        vectors,
    ),
    "embedding": (lambda: nn.Embedding(9, 6), tokens),
    "tied": (Tied, tokens),
    "attention": (Attention, vectors),
    "attention with other keys": (lambda: Attention(kdim=4, vdim=6), vectors),
    "transformer": (transformer, vectors),
    "lstm": (lambda: Recurrent(nn.LSTM), vectors),
    "lstm with projections": (lambda: Recurrent(nn.LSTM, proj_size=3, bidirectional=True), vectors),
    "gru": (lambda: Recurrent(nn.GRU, bias=False), vectors),
    "rnn": (lambda: Recurrent(nn.RNN), vectors),
}
every_module = pytest.mark.parametrize(("build", "inputs"), MODULES.values(), ids=MODULES)


def sgd(model, lr=30.0):
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr, momentum=0.9, weight_decay=1e-4)


def masked(model):
    return {name: part(EMPTY).detach().clone() for name, part in supermasks(model).items()}


def states_of(model, seed, prune, lock, rule="epl"):
    parts = supermasks(model)
    shapes = [tuple(part.weight.shape) for part in parts.values()]
    ratios = layer_rates(rule, shapes, prune, lock)
    return {n: frozen.pattern(seed, n, s, r) for n, s, r in zip(parts, shapes, ratios, strict=True)}


def projected(output):
    """Sum ``output`` in a direction that no norm layer holds constant."""
    return (output * torch.arange(output.numel()).reshape(output.shape).sin()).sum()


def train(model, inputs, steps=3, sparsity=0.5):
    optimiser = sgd(model)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = projected(model(inputs))
        loss.backward()
        optimiser.step()
        select(model, sparsity)


@every_module
def test_training_changes_scores_and_masks_and_never_a_frozen_weight(build, inputs):
    model = freeze(build(), prune=0.2, lock=0.3, seed=4)
    select(model, 0.4)
    before, scores = masked(model), {n: p.detach().clone() for n, p in model.named_parameters()}
    states = states_of(model, 4, 0.2, 0.3)
    train(model, inputs(), sparsity=0.4)
    assert any(not torch.equal(w, before[name]) for name, w in masked(model).items())
    for name, weight in masked(model).items():
        source = frozen.source(4, name, tuple(weight.shape), "ku")
        assert bool((weight[states[name] == -1] == 0).all())
        assert torch.equal(weight[states[name] == 1], source[states[name] == 1])
        free = states[name] == 0
        assert bool(((weight == source) | (weight == 0))[free].all())
    for name, parameter in model.named_parameters():
        assert name.endswith("scores")
        assert not torch.equal(parameter, scores[name]), name


@every_module
def test_the_output_is_that_of_a_plain_module_with_the_masked_weights(build, inputs):
    model = freeze(build(), prune=0.2, lock=0.3, seed=4)
    select(model, 0.4)
    plain = build()
    settle(plain, masked(model))
    torch.testing.assert_close(model(inputs()), plain(inputs()))


def settle(plain, weights):
    """Write ``weights`` into a plain module, biases 0, norms 1."""
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            constant = torch.zeros_like(parameter) if "bias" in name else torch.ones_like(parameter)
            parameter.copy_(weights.get(name, constant))


@every_module
def test_scores_get_the_straight_through_gradient(build, inputs):
    model = freeze(build(), prune=0.2, lock=0.3, seed=4)
    select(model, 0.4)
    plain = build()
    settle(plain, masked(model))
    for network in (model, plain):
        projected(network(inputs())).backward()
    gradients = {name: parameter.grad for name, parameter in plain.named_parameters()}
    states = states_of(model, 4, 0.2, 0.3)
    for name, part in supermasks(model).items():
        free = states[name] == 0
        source = frozen.source(4, name, tuple(part.weight.shape), "ku")
        expected = part.scores.detach().sign() * gradients[name][free] * source[free]
        torch.testing.assert_close(part.scores.grad, expected)


@given(st.lists(st.tuples(st.integers(-1, 1), st.booleans()), min_size=1, max_size=20), st.booleans())
def test_the_gradient_is_the_formula_also_under_the_dynamic_scale(drawn, dynamic):
    states = torch.tensor([s for s, _ in drawn], dtype=torch.int8)
    generator = torch.Generator().manual_seed(len(drawn))
    source, scores, upstream = (torch.randn(len(drawn), dtype=torch.float64, generator=generator) for _ in range(3))
    part = Supermask(source, states, scores, dynamic=dynamic)
    free = states == 0
    mask = torch.tensor([m for _, m in drawn])[free]
    part.keep(mask)
    kept = (states == 1).double()
    kept[free] = mask.double()
    share = float(kept.mean())
    scale = (sqrt(1 / share) if share else 0.0) if dynamic else 1.0
    weight = part(EMPTY)
    torch.testing.assert_close(weight.detach(), source * kept * scale)
    assert not weight.detach().signbit()[weight == 0].any()
    everything = source * kept.where(states != 0, 3.0)  # the accelerator's way, from any values before
    part._write_all(everything, mask)
    torch.testing.assert_close(everything * scale, weight.detach())
    weight.backward(upstream)
    torch.testing.assert_close(part.scores.grad, scores[free].sign() * upstream[free] * source[free] * scale)


def test_a_scaled_layer_with_an_empty_mask_is_zero_and_never_nan():
    part = Supermask(torch.ones(4), torch.zeros(4, dtype=torch.int8), torch.ones(4), dynamic=True)
    part.keep(torch.zeros(4, dtype=torch.bool))
    part(EMPTY).sum().backward()
    assert part(EMPTY).tolist() == [0] * 4
    assert part.scores.grad.tolist() == [0] * 4


def test_a_mask_changed_between_forward_and_backward_is_noticed():
    model = freeze(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)))
    select(model, 0.5)
    loss = model(torch.ones(2, 4)).sum()
    select(model, 0.6)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@settings(max_examples=30)
@given(st.integers(0, 2**64 - 1), st.integers(0, 9), st.integers(0, 9), st.sampled_from(["epl", "erk"]))
def test_a_seed_builds_the_same_source_twice_with_exact_counts(seed, p, q, rule):
    prune, lock = p / 20, q / 20
    built = []
    for _ in range(2):
        model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(36, 5))
        built.append(freeze(model, prune=prune, lock=lock, rule=rule, seed=seed))
    one, two = (network.state_dict() for network in built)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    ratios = layer_rates(rule, [(4, 2, 3, 3), (5, 36)], prune, lock)
    for (name, part), ratio in zip(supermasks(built[0]).items(), ratios, strict=True):
        pruned, locked = counts(part.size, ratio)
        assert part.locked == locked
        assert len(part.scores) == part.size - pruned - locked
        assert int((part(EMPTY) == 0).sum()) == pruned
        assert torch.equal(part(EMPTY), supermasks(built[1])[name](EMPTY))


@every_module
def test_the_state_dict_holds_scores_and_masks_only_and_resumes(build, inputs):
    model = freeze(build(), prune=0.2, lock=0.3, seed=4)
    select(model, 0.4)
    train(model, inputs(), sparsity=0.4)
    state = {name: value for name, value in model.state_dict().items() if "running" not in name and "num_b" not in name}
    assert all(name.endswith(("0.scores", "0._extra_state")) for name in state)
    again = freeze(build(), prune=0.2, lock=0.3, seed=4)
    again.load_state_dict(model.state_dict())
    again.eval()
    model.eval()
    assert torch.equal(again(inputs()), model(inputs()))


@every_module
def test_a_copy_is_a_model_of_its_own(build, inputs):
    model = freeze(build(), prune=0.2, lock=0.3, seed=4)
    select(model, 0.4)
    model(inputs())
    twin = copy.deepcopy(model).eval()
    before = twin(inputs())
    train(model, inputs(), sparsity=0.4)
    assert torch.equal(twin(inputs()), before)
    twin.double()
    if inputs is vectors:
        torch.testing.assert_close(twin(inputs().double()).float(), before, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*nested tensors is in prototype stage")
def test_the_fast_path_of_transformers_uses_the_present_masks():
    model = freeze(transformer(), prune=0.2, lock=0.3, seed=4)
    padding = torch.zeros(3, 5, dtype=torch.bool)
    for sparsity in (0.4, 0.6):
        select(model, sparsity)
        slow = model.train()(vectors())
        model.eval()
        with torch.no_grad():
            fast, nested = model(vectors()), model(vectors(), src_key_padding_mask=padding)
        torch.testing.assert_close(fast, slow)
        torch.testing.assert_close(nested, slow)


def test_channels_last_keeps_masks_and_gradients():
    plain, last = (freeze(nn.Conv2d(3, 6, 3), prune=0.2, lock=0.3, seed=4) for _ in range(2))
    last.to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    for model in (plain, last):
        select(model, 0.4)
        model(x.contiguous(memory_format=torch.channels_last)).square().sum().backward()
    (one,), (two,) = supermasks(plain).values(), supermasks(last).values()
    assert two.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(one(EMPTY), two(EMPTY))
    torch.testing.assert_close(one.scores.grad, two.scores.grad)


def test_shared_weights_stay_shared_and_count_once():
    model = freeze(Tied(), prune=0.2, lock=0.3)
    assert list(supermasks(model)) == ["embedding.weight"]
    select(model, 0.4)
    assert torch.equal(model.embedding.weight, model.head.weight)
    assert len(list(model.parameters())) == 1


def test_norms_are_constant_or_learned_and_other_parameters_stay():
    class WithToken(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(torch.full((8,), 3.0))
            self.linear, self.norm, self.batch = nn.Linear(8, 8), nn.LayerNorm(8), nn.BatchNorm1d(5)

    start = WithToken()
    with torch.no_grad():
        start.norm.weight.fill_(7)
        start.norm.bias.fill_(7)
    for learn in (False, True):
        model = freeze(copy.deepcopy(start), learn_norms=learn)
        trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        norms = {f"{norm}.{name}" for norm in ("norm", "batch") for name in ("weight", "bias")}
        assert trained == {"linear.parametrizations.weight.0.scores"} | (norms if learn else set())
        assert model.norm.weight.tolist() == [1] * 8
        assert model.norm.bias.tolist() == model.linear.bias.tolist() == [0] * 8
        assert model.token.tolist() == [3] * 8
        assert "token" in model.state_dict()
        assert ("norm.weight" in model.state_dict()) == learn


def test_static_and_dynamic_scale_agree_where_every_layer_has_the_sparsity():
    static, dynamic = (
        freeze(nn.Sequential(nn.Linear(8, 10), nn.Linear(10, 4)), weights="skc", scale=scale, sparsity=0.75, seed=2)
        for scale in ("static", "dynamic")
    )
    for model in (static, dynamic):
        select(model, 0.75, "layer")
    for name, weight in masked(static).items():
        torch.testing.assert_close(weight, masked(dynamic)[name])
        assert weight.abs().max() == pytest.approx(sqrt(2 / weight.shape[1]) * 2)


@pytest.mark.parametrize("lock", [0.0, 0.25])
def test_what_trains_shrinks_by_the_frozen_share(lock):
    sizes = []
    for frozen_share in (0.0, 0.5):
        model = freeze(
            nn.Linear(100, 100), prune=(frozen_share - lock) * (frozen_share > 0), lock=lock * (frozen_share > 0)
        )
        optimiser = sgd(model)
        select(model, 0.6)
        model(torch.ones(1, 100)).sum().backward()
        optimiser.step()
        sizes.append(footprint(model, optimiser))
    for part in ("parameters", "gradients", "optimiser"):
        assert getattr(sizes[0], part) == 40_000
        assert getattr(sizes[1], part) == 20_000
    # masked weight, then value, position and mask of each searchable weight, and the bias
    assert [size.buffers for size in sizes] == [40_000 + 90_000 + 400, 40_000 + 45_000 + 400]
    assert footprint(nn.Linear(10, 10)).gradients == 0


@pytest.mark.parametrize(
    ("build", "options", "says"),
    [
        (nn.ReLU, {}, "no weights that can be searched"),
        (lambda: nn.Linear(3, 3), {"prune": 0.6, "lock": 0.6}, "at most 1"),
        (lambda: nn.Linear(3, 3), {"prune": 0.5, "lock": 0.5}, "nothing is free"),
        (lambda: nn.Linear(3, 3), {"rule": "uniform"}, "epl, erk"),
        (lambda: nn.Linear(3, 3), {"weights": "kn"}, "ku, skc"),
        (lambda: nn.Linear(3, 3), {"scale": "both"}, "none, static, dynamic"),
        (lambda: nn.Linear(3, 3), {"scale": "static"}, "needs the sparsity"),
        (lambda: nn.Linear(3, 3), {"prune": 0.5, "sparsity": 0.4}, "strictly between 0.5 and 1"),
        (lambda: nn.Linear(3, 3), {"seed": -1}, "seed must be"),
        (lambda: freeze(nn.Linear(3, 3)), {}, "once"),
        (lambda: nn.Sequential(nn.LazyLinear(3)), {}, "0 is lazy"),
        (lambda: nn.Embedding(3, 3, sparse=True), {}, "sparse gradients"),
        (lambda: nn.Embedding(3, 3, max_norm=1.0), {}, "max_norm"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(build, options, says):
    with pytest.raises(ValueError, match=says) as refusal:
        freeze(build(), **options)
    assert "\n" not in str(refusal.value)
