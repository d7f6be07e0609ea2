"""Every search against its paper's formula in plain numpy, from the seed to the ticket; the papers' parameters.

A search sees the network y = W_2 relu(W_1 x) in float64, batches of given numbers and half the squared error. Nothing
is shared with the plain lines (``plain.py``): they draw the source, weigh, sort and step by themselves.
"""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.torch_backend import plain
from theory.freezing import counts, epl, erk, layer_rates
from torch_backend.commands.jackpot import _parser as jackpot_options
from torch_backend.masks import frozen
from torch_backend.masks.supermask import freeze
from torch_backend.rivals import METHODS, Problem, chijiwa2021, diffenderfer2021, tanaka2020, zhang2023, zhou2021
from torch_backend.training.settings import PRESETS, Settings

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPES, NAMES, SEED = ((7, 5), (4, 7)), ("0.weight", "2.weight"), 11
STEPS = 2


class Squares:
    """Half the squared error on batches of given numbers; every epoch is better than the one before."""

    steps = STEPS

    def __init__(self):
        self.asked = 0

    def batch(self, epoch, step):
        rng = np.random.default_rng(10 * epoch + step)
        return rng.normal(size=(9, 5)), rng.normal(size=(9, 4))

    def batches(self, epoch):
        return [self.batch(epoch, step) for step in range(STEPS)]

    def loss(self, model, epoch, step):
        x, y = map(torch.from_numpy, self.batch(epoch, step))
        return (model(x) - y).square().sum() / 2

    def accuracy(self, model, part):
        self.asked += 1
        return self.asked / 100

    def ones(self, dtype):
        return (torch.ones(1, 5, dtype=dtype),)


def network():
    return nn.Sequential(nn.Linear(5, 7, bias=False), nn.ReLU(), nn.Linear(7, 4, bias=False)).double()


def asked(folder, method="edge-popup", **choices):
    """The masks that a method leaves: a Problem after its search."""
    settings = Settings("mlp", "mnist", **{"epochs": 4, "rate": 0.1, "decay": 0.05, **choices})
    source = {name: getattr(settings, name) for name in ("prune", "lock", "rule", "weights", "scale", "sparsity")}
    problem = Problem(freeze(network(), seed=SEED, **source), Squares(), settings, SEED, folder)
    METHODS[method].search(problem)
    return problem


def source(prune=0.0, lock=0.0, rule="epl", weights="ku", scale="none", sparsity=0.5, **_):
    """The same source in plain lines."""
    rates = plain.frozen_rates(rule, SHAPES, prune, lock)
    return plain.source(SEED, NAMES, SHAPES, rates, weights, sparsity if scale == "static" else None)


def same_masks(problem, net):
    return all(part.mask.tolist() == kept.tolist() for part, kept in zip(problem.masks.values(), net.kept, strict=True))


SOURCES = [
    {},
    {"prune": 0.25, "lock": 0.25},
    {"prune": 0.3, "lock": 0.1, "rule": "erk", "sparsity": 0.6},
    {"lock": 0.35, "weights": "skc", "sparsity": 0.4},
    {"prune": 0.2, "lock": 0.2, "weights": "skc", "scale": "static", "sparsity": 0.6},
    {"prune": 0.2, "lock": 0.2, "weights": "ku", "scale": "dynamic", "sparsity": 0.6},
]
sources = pytest.mark.parametrize(
    "choices", SOURCES, ids=lambda c: " ".join(f"{k}={v}" for k, v in c.items()) or "dense"
)


@sources
def test_a_source_is_drawn_from_the_published_formulas(tmp_path, choices):
    net = source(**choices)
    arguments = {name: value for name, value in choices.items() if name != "scope"}
    model = freeze(network(), seed=SEED, **{"sparsity": 0.5, **arguments})
    problem = Problem(model, None, None, SEED, tmp_path)
    rates = layer_rates(choices.get("rule", "epl"), SHAPES, choices.get("prune", 0), choices.get("lock", 0))
    for k, (name, part) in enumerate(problem.masks.items()):
        assert name == NAMES[k]
        assert part.free.tolist() == net.free[k].tolist()
        np.testing.assert_allclose(part.values.numpy(), net.w[k][net.free[k]], rtol=1e-7)
        np.testing.assert_allclose(part.scores.detach().numpy(), net.scores[k][net.free[k]], rtol=1e-6)
        assert part.locked == (net.states[k] == 1).sum() == counts(part.size, rates[k])[1]
        np.testing.assert_allclose(part.weight.flatten().numpy(), net.w[k] * (net.states[k] >= 0), rtol=1e-7)


@sources
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_edge_popup_is_its_ten_lines(tmp_path, choices, scope):
    """Ramanujan et al. 2020: straight-through scores, the largest kept; Otsuka et al. 2024: one threshold."""
    problem = asked(tmp_path, **choices, scope=scope)
    net, task = source(**choices), Squares()
    dynamic = choices.get("scale") == "dynamic"
    scores = plain.edge_popup(net, task.batches, 4, 0.1, 0.05, choices.get("sparsity", 0.5), scope, dynamic)
    for part, expected in zip(problem.masks.values(), scores, strict=True):
        np.testing.assert_allclose(part.scores.detach().numpy(), expected, rtol=1e-5, atol=1e-7)
    assert same_masks(problem, net)
    # something was learnt: the first mask is another one
    first = source(**choices)
    first.keep([abs(s[f]) for s, f in zip(first.scores, first.free, strict=True)], first.wanted(0.5), scope)
    assert [kept.tolist() for kept in first.kept] != [kept.tolist() for kept in net.kept]
    if scope == "layer":
        (tmp_path / "named").mkdir()
        local = asked(tmp_path / "named", "edge-popup-local", **choices)  # whatever the settings' scope is
        assert same_masks(local, net)


@sources
def test_the_growing_sparsity_is_the_cubic_schedule_of_zhu_and_gupta(tmp_path, choices):
    """Zhu and Gupta 2017, equation 1: s_f + (s_i - s_f)(1 - (t - t_0) / (n dt))^3, over the first half of the steps."""
    problem = asked(tmp_path, "gradual", **choices)
    net, task = source(**choices), Squares()
    wanted, free, half = problem.wanted, sum(len(f) for f in net.free), 2 * STEPS

    def count(step):
        return wanted + round((free - wanted) * (1 - step / half) ** 3) if step < half else wanted

    assert count(0) == free
    assert [diffenderfer2021.kept_at(step, half, free, wanted) for step in range(3 * half)] == list(
        map(count, range(3 * half))
    )
    dynamic = choices.get("scale") == "dynamic"
    scores = plain.edge_popup(
        net, task.batches, 4, 0.1, 0.05, choices.get("sparsity", 0.5), "global", dynamic, count=count
    )
    for part, expected in zip(problem.masks.values(), scores, strict=True):
        np.testing.assert_allclose(part.scores.detach().numpy(), expected, rtol=1e-5, atol=1e-7)
    assert same_masks(problem, net)


@pytest.mark.parametrize("choices", SOURCES[:5])
def test_iterand_draws_weights_that_are_off_anew_with_its_probability(tmp_path, monkeypatch, choices):
    """Chijiwa et al. 2021, IteRand: now and then, weights whose mask is 0 are drawn anew with probability r."""
    assert chijiwa2021.SHARE == 0.1  # the paper's r
    monkeypatch.setattr(chijiwa2021, "SHARE", 0.5)  # so that few weights and epochs show it
    problem = asked(tmp_path, "iterand", **choices)
    net, task, drawn = source(**choices), Squares(), []
    kind, fan_in = choices.get("weights", "ku"), {"0.weight": 5, "2.weight": 7}

    def before(net, epoch, step):
        if not epoch or step:
            return
        for k, name in enumerate(NAMES):
            free = net.free[k]
            may = np.array(plain.halves(SEED, f"drawn anew/{name}", len(free), epoch)) < 0.5 * 2**32
            share = choices["sparsity"] if choices.get("scale") == "static" else None
            values = plain.weights(SEED, f"{name}/drawn anew/{epoch}", SHAPES[k], kind, share).flatten()
            assert abs(values).max() < (2 * 6 / fan_in[name]) ** 0.5 * 2
            for i in np.flatnonzero(may & ~net.kept[k]):
                drawn.append((epoch, k))
                net.w[k][free[i]] = values[free[i]]

    plain.edge_popup(net, task.batches, 4, 0.1, 0.05, choices.get("sparsity", 0.5), before=before)
    assert {epoch for epoch, _ in drawn} == {1, 2, 3}
    assert same_masks(problem, net)
    for k, part in enumerate(problem.masks.values()):
        np.testing.assert_allclose(part.values.numpy(), net.w[k][net.free[k]], rtol=1e-7)


def used_whole(net):
    """The network with every free weight kept."""
    net.kept = [np.ones(len(f), bool) for f in net.free]
    return net.used()[0]


def at_free(net, matrices):
    return [matrix.flatten()[f] for matrix, f in zip(matrices, net.free, strict=True)]


@sources
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_snip_keeps_the_largest_connection_sensitivities(tmp_path, choices, scope):
    """Lee et al. 2019, connection sensitivity: |g_j| / sum |g_k|, g_j = dL/dc_j at c = 1, c multiplying w."""
    if choices.get("scale") == "dynamic":
        choices = {**choices, "scale": "none"}
    problem = asked(tmp_path, "snip", **choices, scope=scope)
    net, (x, y) = source(**choices), Squares().batch(0, 0)
    matrices = used_whole(net)
    g = [abs(w * slope) for w, slope in zip(matrices, plain.slopes(matrices, x, y)[1], strict=True)]
    net.keep(
        at_free(net, [part / sum(p.sum() for p in g) for part in g]), net.wanted(choices.get("sparsity", 0.5)), scope
    )
    assert same_masks(problem, net)


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("choices", [{}, {"lock": 0.3, "weights": "skc"}])
def test_grasp_removes_what_raises_the_gradient_flow_least(tmp_path, choices, scope):
    """Wang et al. 2020, GraSP: S(-w) = -w H g, the largest are removed; H g by differences of gradients."""
    problem = asked(tmp_path, "grasp", **choices, scope=scope)
    net, (x, y) = source(**choices), Squares().batch(0, 0)
    matrices = used_whole(net)
    g = plain.slopes(matrices, x, y)[1]
    ahead, behind = (
        plain.slopes([w + s * 1e-6 * d for w, d in zip(matrices, g, strict=True)], x, y)[1] for s in (1, -1)
    )
    removal = [-w * (a - b) / 2e-6 for w, a, b in zip(matrices, ahead, behind, strict=True)]
    net.keep([-part for part in at_free(net, removal)], net.wanted(0.5), scope)
    assert same_masks(problem, net)


def synflow(net, rounds, scope="global"):
    """Tanaka et al. 2020, algorithm 1: R = 1^T |W_2| |W_1| 1; rho^(-k / n) of all weights are left after round k."""
    wanted = net.wanted(0.8)
    start = sum(len(f) for f in net.free) + net.locked
    net.kept = [np.ones(len(f), bool) for f in net.free]
    for k in range(1, rounds + 1):
        first, second = (abs(w) for w in net.used()[0])
        scores = [first * second.sum(0)[:, None], second * first.sum(1)[None, :]]
        alive = [np.where(kept, s, -1) for kept, s in zip(net.kept, at_free(net, scores), strict=True)]
        left = round(start * ((wanted + net.locked) / start) ** (k / rounds)) - net.locked
        net.keep(alive, wanted if k == rounds else left, scope)
    return [kept.tolist() for kept in net.kept]


@pytest.mark.parametrize("choices", [{}, {"prune": 0.3, "lock": 0.1}, {"lock": 0.1, "weights": "skc"}])
def test_synflow_takes_a_hundred_rounds(tmp_path, choices):
    assert tanaka2020.ROUNDS == 100  # the paper's number of iterations
    problem = asked(tmp_path, "synflow", **choices, sparsity=0.8)
    expected = synflow(source(**choices), 100)
    assert [part.mask.tolist() for part in problem.masks.values()] == expected
    if choices.get("weights") != "skc":
        assert synflow(source(**choices), 1) != expected


@pytest.mark.parametrize("choices", [{}, {"prune": 0.3, "lock": 0.15}])
def test_synflow_weighs_a_hundred_times_and_removes_by_its_schedule(tmp_path, monkeypatch, choices):
    """Tanaka et al. 2020, algorithm 1: weights are weighed in every round, of which round k leaves rho^(-k / n)."""
    alive, plain_saliencies = [], tanaka2020.saliencies

    def watched(problem):
        alive.append(sum(int(part.mask.sum()) for part in problem.masks.values()))
        return plain_saliencies(problem)

    monkeypatch.setattr(tanaka2020, "saliencies", watched)
    problem = asked(tmp_path, "synflow", **choices, sparsity=0.8)
    locked = sum(part.locked for part in problem.masks.values())
    start = locked + sum(len(part.mask) for part in problem.masks.values())
    left = problem.wanted + locked
    assert bool(locked) == ("lock" in choices)
    assert alive == [round(start * (left / start) ** (k / 100)) - locked for k in range(100)]


def test_synflow_with_fewer_rounds_finds_other_masks():
    found = [synflow(source(), rounds) for rounds in (1, 2, 5, 100)]
    assert found[-1] not in found[:-1]


@sources
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_magnitude_and_random_masks_are_the_sorted_ones(tmp_path, choices, scope):
    """Han et al. 2015: the smallest |w| go."""
    if choices.get("scale") == "dynamic":
        choices = {**choices, "scale": "none"}

    def sizes(net):
        return [abs(part) for part in at_free(net, [w.reshape(s) for w, s in zip(net.w, SHAPES, strict=True)])]

    def drawn(net):
        return [plain.uniform(SEED, f"random mask/{n}", len(f)) for n, f in zip(NAMES, net.free, strict=True)]

    for method, of in (("magnitude", sizes), ("random", drawn)):
        folder = tmp_path / method
        folder.mkdir()
        net = source(**choices)
        net.keep(of(net), net.wanted(choices.get("sparsity", 0.5)), scope)
        assert same_masks(asked(folder, method, **choices, scope=scope), net)


def nearest_below(numbers, most):
    """The nearest numbers in [0, 1] that add up to at most ``most``: sort where a number reaches 0 or 1, then solve."""
    if np.clip(numbers, 0, 1).sum() <= most:
        return np.clip(numbers, 0, 1)
    ends = np.unique(np.concatenate([numbers, numbers - 1]).clip(0))
    for low, high in zip(ends, [*ends[1:], np.inf], strict=True):
        if np.clip(numbers - high, 0, 1).sum() <= most:
            inside = (numbers - low > 0) & (numbers - low <= 1)
            above = np.clip(numbers - low, 0, 1).sum() - most
            return np.clip(numbers - low - above / max(inside.sum(), 1), 0, 1)
    raise AssertionError


@pytest.mark.parametrize("choices", [{}, {"prune": 0.25, "lock": 0.25, "optimiser": "adamw", "rate": 0.03}])
def test_probmask_is_its_ten_lines(tmp_path, choices):
    """Zhou et al. 2021, ProbMask: Gumbel-softmax masks, Adam on probabilities, projection onto the budget."""
    assert (zhou2021.COLDEST, zhou2021.RATE) == (0.03, 0.01)
    problem = asked(tmp_path, "probmask", **choices)
    net, task, rate = source(**choices), Squares(), choices.get("rate", 0.01)
    lengths, wanted = [len(f) for f in net.free], net.wanted(0.5)
    s = torch.full((sum(lengths),), wanted / sum(lengths), dtype=torch.float64)
    m, v, t = torch.zeros_like(s), torch.zeros_like(s), 0
    frozen_part = [torch.from_numpy(w * (state == 1)) for w, state in zip(net.w, net.states, strict=True)]
    for epoch in range(4):
        tau, eta = 0.97 * (1 - epoch / 4) + 0.03, plain.cosine(rate, epoch, 4)
        for x, y in task.batches(epoch):
            u = torch.tensor(np.concatenate(
                [plain.uniform(SEED, f"soft mask/{t}/{n}", k) for n, k in zip(NAMES, lengths, strict=True)]
            )) / 2 + 0.5  # fmt: skip
            leaf = s.clone().requires_grad_()
            # at 0 and 1 logits are infinite
            soft = torch.sigmoid(((leaf.clamp(1e-4, 1 - 1e-4)).logit() + u.logit()) / tau).split(lengths)
            first, second = (
                part.index_put((torch.from_numpy(f),), torch.from_numpy(w[f]) * share).reshape(shape)
                for part, f, w, share, shape in zip(frozen_part, net.free, net.w, soft, SHAPES, strict=True)
            )
            loss = (torch.relu(torch.from_numpy(x) @ first.T) @ second.T - torch.from_numpy(y)).square().sum() / 2
            (g,), t = torch.autograd.grad(loss, leaf), t + 1
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            s = s - eta * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            s = torch.from_numpy(nearest_below(s.numpy(), wanted))
    received = torch.cat([part.scores.detach() for part in problem.masks.values()])
    torch.testing.assert_close(received, s, rtol=0, atol=1e-6)
    net.keep(list(np.split(s.numpy(), np.cumsum(lengths)[:-1])), wanted)
    assert same_masks(problem, net)


@given(st.lists(st.integers(-8, 16), min_size=1, max_size=8), st.integers(1, 6))
def test_the_projection_is_that_of_sorted_breakpoints(drawn, most):
    part = torch.tensor(drawn, dtype=torch.float64) / 8
    expected = nearest_below(part.numpy().copy(), most)
    zhou2021.project([part], most)
    np.testing.assert_allclose(part.numpy(), expected, atol=1e-7)


def water(raw, sizes, wanted):
    """min(1, e raw) in fractions: whatever exceeds 1 is set to 1 and the rest shares what is left, until none does."""
    dense = set()
    while len(dense) < len(sizes):
        left = wanted * sum(sizes) - sum(sizes[i] for i in dense)
        e = left / sum(sizes[i] * raw[i] for i in range(len(sizes)) if i not in dense)
        more = {i for i in range(len(sizes)) if i not in dense and e * raw[i] > 1}
        if not more:
            return [Fraction(1) if i in dense else e * raw[i] for i in range(len(sizes))]
        dense |= more
    return [Fraction(1)] * len(sizes)


shapes = st.lists(st.lists(st.integers(1, 40), min_size=2, max_size=4).map(tuple), min_size=1, max_size=6)


@given(shapes, st.integers(0, 100))
def test_epl_and_erk_are_their_formulas_in_fractions(layers, percent):
    """Otsuka et al. 2024, EPL: n_l density_l equal; Evci et al. 2020, section 3, Erdos-Renyi-Kernel."""
    sizes, wanted = [prod(shape) for shape in layers], Fraction(percent, 100)
    expected = water([Fraction(1, n) for n in sizes], sizes, wanted)
    assert epl(sizes, percent / 100) == pytest.approx([float(d) for d in expected], abs=1e-9)
    # (c_out + c_in + k_h + k_w) / (c_out c_in k_h k_w), for a linear layer (out + in) / (out in)
    expected = water([Fraction(sum(shape), prod(shape)) for shape in layers], sizes, wanted)
    assert erk(layers, percent / 100) == pytest.approx([float(d) for d in expected], abs=1e-9)


def test_erk_of_a_kernel_counts_all_four_sides():
    one, two = (8, 4, 3, 3), (200, 100)
    raw = Fraction(8 + 4 + 3 + 3, 8 * 4 * 9), Fraction(200 + 100, 200 * 100)
    e = Fraction(1, 20) * (288 + 20_000) / (18 + 300)
    assert erk([one, two], 0.05) == pytest.approx([float(min(1, e * r)) for r in raw], abs=1e-12)


@pytest.mark.parametrize(("shape", "fan_in"), [((6, 5), 5), ((6, 4, 3), 12), ((8, 3, 3, 5), 45), ((2, 2, 2, 2, 2), 16)])
def test_weights_and_scores_are_scaled_by_the_fan_in(shape, fan_in):
    """He et al. 2015, equation 10: variance 2 / fan_in; uniform on +-sqrt(6 / fan_in), constants +-sqrt(2 / fan_in)."""
    assert frozen.fan_in(shape) == fan_in
    size = prod(shape)
    for sparsity, factor in ((None, 1), (0.75, 2), (0.36, 1.25)):  # Ramanujan et al. 2020: 1 / sqrt(1 - k)
        ku, skc = (frozen.source(3, "a", shape, kind, sparsity).flatten().numpy() for kind in ("ku", "skc"))
        np.testing.assert_allclose(ku, plain.uniform(3, "weights/a", size) * (6 / fan_in) ** 0.5 * factor, rtol=1e-6)
        np.testing.assert_allclose(skc, plain.signs(3, "weights/a", size) * (2 / fan_in) ** 0.5 * factor, rtol=1e-6)
    scores = frozen.first_scores(3, "a", shape).flatten().numpy()
    np.testing.assert_allclose(scores, plain.normal(3, "scores/a", size) * (2 / fan_in) ** 0.5, rtol=1e-6)


def test_presets_have_the_published_parameters():
    """Otsuka et al. 2024, experiments: epochs, optimiser, rate, decay, batch, weights, sparsity, (p, q)."""

    def parameters(name):
        s = PRESETS[name]
        return s.epochs, s.optimiser, s.rate, s.decay, s.batch, s.weights, s.scale, s.sparsity, s.prune, s.lock

    def close(name, expected):
        for received, wanted in zip(parameters(name), expected, strict=True):
            assert received == (pytest.approx(wanted, abs=1e-12) if isinstance(wanted, float) else wanted)

    close("conv6-cifar10-frozen", (100, "sgd", 0.1, 1e-4, 128, "ku", "none", 0.5, 0.25, 0.25))
    close("conv6-cifar10-dense", (100, "sgd", 0.1, 1e-4, 128, "ku", "none", 0.5, 0.0, 0.0))
    # F = .7 at k = .8: p = .8 - .3 / 2
    close("resnet18-cifar10-frozen", (100, "sgd", 0.1, 1e-4, 128, "ku", "none", 0.8, 0.65, 0.05))
    close("resnet50-imagenet-frozen", (100, "sgd", 0.1, 1e-4, 256, "skc", "dynamic", 0.7, 0.55, 0.15))
    close("gin-arxiv-frozen", (400, "adamw", 0.01, 0.0, 128, "ku", "none", 0.2, 0.0, 0.4))
    for name in ("conv6-cifar10", "resnet18-cifar10", "resnet50-imagenet"):
        for row in ("weights", "dense", "sparse", "frozen"):
            assert PRESETS[f"{name}-{row}"].augment
            assert PRESETS[f"{name}-{row}"].method == ("weights" if row == "weights" else "edge-popup")
            assert (PRESETS[f"{name}-{row}"].rule, PRESETS[f"{name}-{row}"].scope) == ("epl", "global")
    assert PRESETS["conv6-cifar10-sparse"].prune == 0.25
    assert PRESETS["conv6-cifar10-sparse"].lock == 0


def test_jackpots_have_the_published_parameters():
    """Zhang et al. 2023, experiments: scores .99 and 1, 30 epochs, batch 256, rate .1, decay 5e-4."""
    assert (zhang2023.OFF, zhang2023.ON) == (0.99, 1.0)
    for epoch in range(30):
        expected = 0.5 * (1 + np.cos(np.pi * epoch / 30))
        assert zhang2023.restriction_rate(epoch, 30) == pytest.approx(expected, abs=1e-15)
    args = jackpot_options().parse_args(["--model", "vgg19", "--data-set", "cifar10"])
    assert (args.layer_rates, args.start, args.restriction) == ("magnitude", ["magnitude"], ["short"])
    assert (args.epochs, args.batch, args.rate, args.decay, args.sparsity) == (30, 256, 0.1, 5e-4, 0.9)


@pytest.mark.parametrize("rate", [1.0, 0.5, 0.01])
def test_the_plain_density_agrees_with_fractions(rate):
    sizes = [10, 200, 3000]
    expected = water([Fraction(1, n) for n in sizes], sizes, Fraction(rate).limit_denominator(100))
    assert plain.density([1 / n for n in sizes], sizes, rate) == pytest.approx([float(d) for d in expected], abs=1e-9)
