"""Training against ten plain lines: optimisers, schedule, batches, the epoch that is kept."""

from math import cos, pi

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.torch_backend import plain
from torch_backend.data import Images, Part
from torch_backend.masks import streams
from torch_backend.training.run import MOMENTUM, Run, optimiser_of
from torch_backend.training.settings import Settings
from torch_backend.training.tasks import ImageTask

pytestmark = pytest.mark.usefixtures("one_thread")

EPOCHS, STEPS = 5, 3
RISING = [epoch / 10 for epoch in range(EPOCHS)]


class Scripted:
    """A linear task with a batch of its own for every (epoch, step), and validation accuracies written down before."""

    steps = STEPS

    def __init__(self, validations=RISING):
        self.validations, self.calls = list(validations), []

    def batch(self, epoch, step):
        rng = np.random.default_rng(100 * epoch + step)
        return rng.normal(size=(6, 4)), rng.normal(size=(6, 3))

    def loss(self, model, epoch, step):
        self.calls.append((epoch, step, model.training))
        x, y = map(torch.from_numpy, self.batch(epoch, step))
        return functional.mse_loss(model(x), y)

    def accuracy(self, model, part):
        assert part == "validation"
        model.eval()  # as every task does: training has to go back by itself
        self.calls.append("validation")
        return self.validations[sum(call == "validation" for call in self.calls) - 1]


def start():
    layer = nn.Linear(4, 3, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1, 1, 12).reshape(3, 4))
    return layer


def gradient(w, task, epoch, step):
    x, y = task.batch(epoch, step)
    return 2 * (x @ w.T - y).T @ x / y.size


def sgd(rate, decay, epochs=EPOCHS):
    """Weights after every epoch: v <- 0.9 v + (g + decay w), w <- w - rate_e v."""
    w, task, kept = start().weight.detach().numpy().copy(), Scripted(), []
    v = np.zeros_like(w)
    for epoch in range(epochs):
        for step in range(STEPS):
            v = 0.9 * v + gradient(w, task, epoch, step) + decay * w
            w = w - rate * (1 + cos(pi * epoch / epochs)) / 2 * v
        kept.append(w.copy())
    return kept


def adamw(rate, decay):
    """Loshchilov and Hutter 2019: w <- (1 - rate_e decay) w - rate_e m^ / (sqrt(v^) + 1e-8), after every epoch."""
    w, task, kept = start().weight.detach().numpy().copy(), Scripted(), []
    m, v, t = np.zeros_like(w), np.zeros_like(w), 0
    for epoch in range(EPOCHS):
        eta = rate * (1 + cos(pi * epoch / EPOCHS)) / 2
        for step in range(STEPS):
            g, t = gradient(w, task, epoch, step), t + 1
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = (1 - eta * decay) * w - eta * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        kept.append(w.copy())
    return kept


def run(folder, task, rate=0.2, decay=0.05, optimiser="sgd", epochs=EPOCHS, **more):
    settings = Settings("mlp", "mnist", epochs=epochs, rate=rate, decay=decay, optimiser=optimiser)
    made = Run(start(), task, settings, folder, **{"prepare": dict, **more})
    return made, made.fit()


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize(("optimiser", "naive"), [("sgd", sgd), ("adamw", adamw)])
def test_an_optimiser_with_decay_and_cosine_rates_is_its_ten_lines(tmp_path, optimiser, naive, decay):
    expected = naive(0.2, decay)
    for best in range(EPOCHS):
        folder = tmp_path / str(best)
        folder.mkdir()
        made, _ = run(folder, Scripted([float(epoch == best) for epoch in range(EPOCHS)]), 0.2, decay, optimiser)
        np.testing.assert_allclose(made.model.weight.detach().numpy(), expected[best], rtol=1e-12)
    # each of the parts that could be forgotten makes a difference that this comparison sees
    assert np.abs(expected[-1] - naive(0.2, decay + 0.01)[-1]).max() > 1e-4
    assert MOMENTUM == 0.9


def test_rates_fall_by_the_cosine_rule_over_all_epochs_and_rows_tell_means(tmp_path):
    task = Scripted()
    _, rows = run(tmp_path, task)
    assert [row["epoch"] for row in rows] == list(range(EPOCHS))
    rates = [0.2 * 0.5 * (1 + cos(pi * epoch / EPOCHS)) for epoch in range(EPOCHS)]
    assert [row["rate"] for row in rows] == pytest.approx(rates, rel=1e-14)
    assert rates[0] == 0.2
    assert 0 < rates[-1] < 0.2 * 0.1  # the last epoch still learns, an epoch more would not
    assert cos(pi * EPOCHS / EPOCHS) == -1
    assert [row["validation"] for row in rows] == RISING
    w, v = start().weight.detach().numpy().copy(), 0
    for epoch in range(EPOCHS):
        losses = []
        for step in range(STEPS):
            x, y = task.batch(epoch, step)
            losses.append(((x @ w.T - y) ** 2).mean())
            v = 0.9 * v + gradient(w, task, epoch, step) + 0.05 * w
            w = w - rates[epoch] * v
        # losses are added up in float32
        assert rows[epoch]["loss"] == pytest.approx(sum(losses) / STEPS, rel=1e-6)


def test_one_epoch_is_at_the_full_rate(tmp_path):
    made, rows = run(tmp_path, Scripted(), epochs=1)
    assert [row["rate"] for row in rows] == [0.2]
    np.testing.assert_allclose(made.model.weight.detach().numpy(), sgd(0.2, 0.05, epochs=1)[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("validations", "first", "kept"),
    [
        ([0.1, 0.5, 0.5, 0.5, 0.2], 0, 1),  # the first of equals
        ([0.5, 0.5, 0.5, 0.5, 0.5], 0, 0),
        ([0.0, 0.0, 0.0, 0.0, 0.0], 0, 0),
        ([0.9, 0.8, 0.1, 0.3, 0.2], 0, 0),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 0, 4),
        ([0.9, 0.8, 0.1, 0.3, 0.3], 2, 3),  # epochs before ``first`` do not count
        ([0.9, 0.8, 0.1, 0.0, 0.1], 2, 2),
        ([0.9, 0.8, 0.7, 0.6, 0.0], 4, 4),
    ],
)
def test_the_weights_kept_are_those_of_the_first_best_epoch(tmp_path, validations, first, kept):
    made, rows = run(tmp_path, Scripted(validations), first=first)
    np.testing.assert_allclose(made.model.weight.detach().numpy(), sgd(0.2, 0.05)[kept], rtol=1e-12)
    assert [row["validation"] for row in rows] == validations


def test_every_step_is_taken_once_and_each_is_prepared_for(tmp_path):
    task = Scripted()
    run(
        tmp_path, task, prepare=lambda: task.calls.append("prepare") or {"a": 0.5},
        before=lambda epoch, step: task.calls.append(("before", epoch, step)),
    )  # fmt: skip
    expected = ["prepare"]
    for epoch in range(EPOCHS):
        for step in range(STEPS):
            expected += [("before", epoch, step), (epoch, step, True), "prepare"]
        expected.append("validation")
    assert task.calls == [*expected, "prepare"]


@pytest.mark.parametrize("validations", [RISING, RISING[::-1]])
def test_a_run_that_was_cut_off_anywhere_gives_the_plain_weights_too(tmp_path, validations):
    for after in range(1, EPOCHS):
        folder, seen = tmp_path / str(after), []
        folder.mkdir()

        def stop(seen=seen, after=after):
            seen.append(1)
            if len(seen) == after * STEPS + 2:
                raise KeyboardInterrupt

        settings = Settings("mlp", "mnist", epochs=EPOCHS, rate=0.2, decay=0.05)
        with pytest.raises(KeyboardInterrupt):
            Run(start(), Scripted(validations), settings, folder, dict).fit(stop=stop)
        rest = Scripted(validations[after:])
        made = Run(start(), rest, settings, folder, dict)
        rows = made.fit()
        assert rest.calls[0][:2] == (after, 0)
        assert [row["validation"] for row in rows] == validations
        best = validations.index(max(validations))
        np.testing.assert_allclose(made.model.weight.detach().numpy(), sgd(0.2, 0.05)[best], rtol=1e-12)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (0, 2), (2, 1)])
def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_epoch_before(tmp_path, bad, epoch, step):
    class Broken(Scripted):
        def loss(self, model, *place):
            return super().loss(model, *place) * (bad if place == (epoch, step) else 1)

    with pytest.raises(ValueError, match=f"the loss is not finite in epoch {epoch + 1} ") as refusal:
        run(tmp_path, Broken())
    assert ("nothing is kept" in str(refusal.value)) == (epoch == 0)
    rest = Scripted(RISING[epoch:])
    made, rows = run(tmp_path, rest)
    assert rest.calls[0][:2] == (epoch, 0)
    assert [row["validation"] for row in rows] == RISING
    np.testing.assert_allclose(made.model.weight.detach().numpy(), sgd(0.2, 0.05)[-1], rtol=1e-12)


def test_only_what_may_be_trained_is_given_to_the_optimiser():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].weight.requires_grad_(False)
    for name, kind in (("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)):
        optimiser = optimiser_of(model, Settings("mlp", "mnist", optimiser=name, rate=0.3, decay=0.02))
        (group,) = optimiser.param_groups
        assert type(optimiser) is kind
        assert [id(p) for p in group["params"]] == [id(model[0].bias), id(model[1].weight), id(model[1].bias)]
        assert (group["lr"], group["weight_decay"]) == (0.3, 0.02)
        assert group.get("momentum", 0.9) == 0.9
        assert not group.get("nesterov")
        assert group.get("dampening", 0) == 0


def images(count):
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (count, 1, 3, 3), np.uint8))
    labels = torch.from_numpy(rng.integers(0, 4, count))
    return Images(*[Part(pixels, labels)] * 3, torch.tensor([0.4]), torch.tensor([0.25]), 4)


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (8, 4), (3, 7), (9, 1)])
def test_an_epoch_is_every_image_once_in_a_keyed_order_and_its_losses_are_means(count, batch):
    data, seed = images(count), 5
    task, model = ImageTask(data, seed, batch, False), nn.Sequential(nn.Flatten(), nn.Linear(9, 4))
    w, b = (parameter.detach().double().numpy() for parameter in model[1].parameters())
    x = (data.train.inputs.flatten(1).double().numpy() / 255 - 0.4) / 0.25
    assert task.steps == -(-count // batch)
    orders = []
    for epoch in range(3):
        orders.append(plain.order(seed, "data order", count, epoch))
        for step in range(task.steps):
            rows = orders[-1][step * batch : (step + 1) * batch]
            logits = x[rows] @ w.T + b
            right = logits[range(len(rows)), data.train.labels[rows]]
            expected = (np.log(np.exp(logits).sum(1)) - right).mean()
            assert task.loss(model, epoch, step).item() == pytest.approx(expected, rel=1e-5)
    assert sorted(orders[0]) == list(range(count))
    assert len({tuple(found) for found in orders}) == 3
    # going back to an epoch gives its order again
    assert task.loss(model, 0, 0).item() == ImageTask(data, seed, batch, False).loss(model, 0, 0).item()
    answers = (x @ w.T + b).argmax(1) == data.test.labels.numpy()
    assert task.accuracy(model, "test") == answers.mean()


SEEDS = [(0, "a", 0), (7, "weights/a", 0), (2**64 - 1, "b", 3), (2**63, "é", 2**40)]


@pytest.mark.parametrize(("seed", "what", "index"), SEEDS)
@pytest.mark.parametrize("size", [0, 1, 2, 7, 64])
def test_keyed_streams_are_their_naive_formulas(seed, what, index, size):
    assert streams.words(seed, what, size, index).tolist() == plain.words(seed, what, size, index)
    assert streams.half_words(seed, what, size, index).tolist() == plain.halves(seed, what, size, index)
    assert streams.permutation(seed, what, size, index).tolist() == plain.order(seed, what, size, index)
    assert streams.uniform(seed, what, (size,)).tolist() == plain.uniform(seed, what, size).tolist()
    assert streams.signs(seed, what, (size,)).tolist() == plain.signs(seed, what, size).tolist()
    np.testing.assert_allclose(streams.normal(seed, what, (size,)).numpy(), plain.normal(seed, what, size), rtol=2e-7)


def test_the_normal_law_is_right_in_both_tails_and_where_its_two_formulas_meet():
    edge = [round((0.5 + s * 0.425) * 2**32) + d for s in (-1, 1) for d in (-2, -1, 0, 1)]
    m = np.array([0, 1, 2, 2**16, 2**31 - 1, 2**31, 2**32 - 3, 2**32 - 2, 2**32 - 1, *edge], np.uint32)
    from scipy.special import ndtri

    np.testing.assert_allclose(streams._quantile(m), ndtri((m.astype(float) + 0.5) / 2**32), rtol=4e-15)
    assert (streams._quantile(m) == -streams._quantile((2**32 - 1 - m.astype(np.int64)).astype(np.uint32))).all()
