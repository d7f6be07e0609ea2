"""``slt.search`` for modules and data of a user's own: resumes, best epochs, files, plain weights, refusals."""

import copy
import random
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import slt
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.training import loaders
from torch_backend.training import run as training
from torch_backend.training.loaders import LoaderTask, loader_of
from torch_backend.training.searching import OwnSettings
from torch_backend.training.settings import Settings

PARTS = ("train", "validation", "test")
EPOCHS = 4


class Net(nn.Module):
    """Biases, a norm with statistics, dropout, a buffer and a parameter that is left alone."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.dropout = nn.Dropout(0.2)
        self.scale = nn.Parameter(torch.full((6, 1, 1), 1.5))
        self.register_buffer("shift", torch.tensor(0.25))
        self.last = nn.Linear(6 * 36, 3)

    def forward(self, x):
        x = self.scale * torch.relu(self.norm(self.convolution(x))) + self.shift
        return self.last(self.dropout(x).flatten(1))


LEAVE = ("scale",)


def part(count, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = rng.normal(0, 0.5, (count, 1, 6, 6))
    x[np.arange(count), 0, 2 * y] += 1.5  # a bright row for each class
    return torch.from_numpy(x).float(), torch.from_numpy(y)


class Noisy(Dataset):
    """Augmented by all three global generators, as users' transforms are."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, row):
        noise = 0.1 * torch.rand(()) + 0.1 * random.random() + 0.1 * np.random.random()  # noqa: NPY002
        return self.x[row] + noise, int(self.y[row])


def own_loaders(workers=0, generator=None):
    train = DataLoader(Noisy(*part(60, 1)), 16, shuffle=True, num_workers=workers, generator=generator)
    return train, DataLoader(TensorDataset(*part(40, 2)), 16), DataLoader(TensorDataset(*part(50, 3)), 50)


def found(data=None, model=None, **more):
    options = {"epochs": EPOCHS, "leave": LEAVE, "progress": False, **more}
    model = Net() if model is None else model
    return slt.search(model, own_loaders() if data is None else data, 0.5, **options)


@pytest.fixture(scope="module")
def whole():
    return found()


def same(one, other):
    assert one.masks.keys() == other.masks.keys()
    assert all(torch.equal(one.masks[name], other.masks[name]) for name in one.masks)
    state, rest = one.module.state_dict(), other.module.state_dict()
    assert all(torch.equal(state[name], rest[name]) for name in state)

    def told(ticket):
        return [{name: value for name, value in row.items() if name != "seconds"} for row in ticket.history]

    assert told(one) == told(other)
    assert (one.best_epoch, one.validation, one.test) == (other.best_epoch, other.validation, other.test)


def test_a_search_learns_and_says_what_it_found(whole):
    assert whole.test > 0.8
    assert whole.accuracy == whole.test
    assert len(whole.history) == EPOCHS
    validations = [row["validation"] for row in whole.history]
    assert whole.best_epoch == validations.index(max(validations))
    assert whole.validation == max(validations)
    assert whole.weights == whole.bits == 6 * 9 + 6 * 36 * 3
    kept = sum(int(mask.sum()) for mask in whole.masks.values())
    assert kept == whole.weights - round(0.5 * whole.weights)
    assert whole.sparsity == 1 - kept / whole.weights
    for text in (str(whole), repr(whole), whole._repr_html_()):
        assert f"{whole.test:.2%}" in text
        assert f"{whole.best_epoch + 1} of {EPOCHS}" in text
    assert not whole.module.training
    x, y = part(50, 3)
    assert float((whole.module(x).argmax(1) == y).float().mean()) == pytest.approx(whole.test)


def test_the_model_that_is_given_and_the_generators_of_the_user_stay_as_they_were(whole):
    model = Net()
    before = copy.deepcopy(model.state_dict())
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    same(found(model=model), whole)
    after = random.getstate(), np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    assert states[0] == after[0]
    assert (states[1] == after[1]).all()
    assert torch.equal(states[2], after[2])
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not supermasks(model)


def stopped(monkeypatch, folder, after, **more):
    """Begin a search and stop it when it has written its ``after``-th checkpoint."""
    written, count = training.write_checkpoint, [0]

    def dying(path, state):
        written(path, state)
        count[0] += 1
        if count[0] == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_checkpoint", dying)
        with pytest.raises(KeyboardInterrupt) as interrupt:
            found(folder=folder, **more)
    return interrupt


@pytest.mark.parametrize("folder", [None, "mine"])
def test_ctrl_c_says_where_the_search_goes_on_and_nothing_of_what_was_under_way(monkeypatch, tmp_path, folder):
    if folder:
        interrupt = stopped(monkeypatch, tmp_path / folder, 2)
    else:  # which writes no checkpoints

        def dying(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(LoaderTask, "loss", dying)
        with pytest.raises(KeyboardInterrupt) as interrupt:
            found()
    said = f"kept in {tmp_path / 'mine'}" if folder else "with folder=... it could go on"
    assert said in str(interrupt.value)
    assert interrupt.value.__cause__ is interrupt.value.__context__ is None
    assert [entry.name for entry in interrupt.traceback][-1] == "search"


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_search_that_was_stopped_goes_on_to_the_same_bits(whole, monkeypatch, tmp_path, epochs):
    folder = tmp_path / "runs" / "mine"
    stopped(monkeypatch, folder, epochs)
    torch.rand(5), random.random(), np.random.random()  # noqa: NPY002 - the user's numbers are elsewhere now
    resumed = found(folder=folder)
    same(resumed, whole)
    # a third call reads what is there and trains nothing
    monkeypatch.setattr(LoaderTask, "loss", lambda *_: 1 / 0)
    same(found(folder=folder), whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_with_generators_and_workers_go_on_to_the_same_bits_too(monkeypatch, tmp_path, workers):
    def data():
        return own_loaders(workers, torch.Generator().manual_seed(7))

    one = found(data(), epochs=2)
    stopped(monkeypatch, tmp_path / "cut", 1, data=data(), epochs=2)
    same(found(data(), epochs=2, folder=tmp_path / "cut"), one)


def test_other_seeds_find_other_tickets_and_other_orders(whole):
    other = found(seed=1, epochs=1)
    assert any(not torch.equal(whole.masks[name], other.masks[name]) for name in whole.masks)
    train, *rest = own_loaders()
    losses = []
    for seed in (0, 1):
        task = LoaderTask(train, *rest, seed=seed, device=torch.device("cpu"))
        torch.manual_seed(0)  # the same weights for both
        model = Net().eval()
        losses.append([[task.loss(model, epoch, step).item() for step in range(task.steps)] for epoch in range(2)])
    assert losses[0][0] != losses[0][1]
    assert losses[0][0] != losses[1][0]


def test_the_best_epoch_is_the_first_of_the_best_in_validation(monkeypatch):
    shares = iter([0.25, 0.75, 0.75, 0.5])
    accuracy = LoaderTask.accuracy
    monkeypatch.setattr(
        LoaderTask, "accuracy", lambda self, *a: next(shares) if a[1] == "validation" else accuracy(self, *a)
    )
    ticket = found()
    assert (ticket.best_epoch, ticket.validation) == (1, 0.75)
    monkeypatch.undo()
    shares = iter([0.25, 0.75])
    monkeypatch.setattr(
        LoaderTask, "accuracy", lambda self, *a: next(shares) if a[1] == "validation" else accuracy(self, *a)
    )
    original = training.math.cos  # the rates of four epochs, so that two of them are the same two
    monkeypatch.setattr(training.math, "cos", lambda angle: original(angle / 2))
    cut = found(epochs=2)
    assert all(torch.equal(ticket.masks[name], cut.masks[name]) for name in cut.masks)


def test_a_ticket_is_saved_and_loaded_elsewhere(whole, tmp_path):
    path = tmp_path / "ticket.safetensors"
    whole.save(path)
    fresh = Net()
    loaded = slt.load_ticket(path, fresh)
    assert not supermasks(fresh)
    assert (loaded.seed, loaded.best_epoch, loaded.validation, loaded.test) == (
        0, whole.best_epoch, whole.validation, whole.test,
    )  # fmt: skip
    assert loaded.settings == whole.settings
    assert loaded.history == ()
    x = part(9, 4)[0]
    assert torch.equal(loaded.module(x), whole.module(x))
    assert all(torch.equal(loaded.masks[name], whole.masks[name]) for name in whole.masks)
    assert path.stat().st_size < 4 * whole.weights
    with pytest.raises(ValueError, match="give a fresh one to load it into"):
        slt.load_ticket(path)
    with pytest.raises(ValueError, match="does not fit this model"):
        slt.load_ticket(path, nn.Sequential(nn.Linear(3, 2)))


def test_a_module_frozen_by_hand_is_saved_too(tmp_path):
    model = slt.freeze(nn.Sequential(nn.Linear(9, 5), nn.LayerNorm(5), nn.Linear(5, 3)), prune=0.2, lock=0.2, seed=3)
    slt.select(model, 0.5)
    slt.save_ticket(tmp_path / "t", model, about={"of": "mine"})
    loaded = slt.load_ticket(tmp_path / "t", nn.Sequential(nn.Linear(9, 5), nn.LayerNorm(5), nn.Linear(5, 3)))
    x = torch.rand(4, 9)
    assert torch.equal(loaded.module(x), model(x))
    assert (loaded.test, loaded.accuracy, loaded.seed) == (None, None, 3)
    masks = loaded.masks
    for name, mask in supermasks(model).items():
        assert torch.equal(masks[name], mask.weight != 0)
    with pytest.raises(ValueError, match="is not frozen"):
        slt.save_ticket(tmp_path / "u", nn.Linear(2, 2))


ALONE = """
import sys, torch
from torch import nn
assert not [name for name in sys.modules if name.startswith(("slt", "torch_backend"))]
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.dropout = nn.Dropout(0.2)
        self.scale = nn.Parameter(torch.zeros(6, 1, 1))
        self.register_buffer("shift", torch.tensor(0.0))
        self.last = nn.Linear(6 * 36, 3)
    def forward(self, x):
        x = self.scale * torch.relu(self.norm(self.convolution(x))) + self.shift
        return self.last(self.dropout(x).flatten(1))
model = Net()
model.load_state_dict(torch.load(sys.argv[1]))
torch.save(model.eval()(torch.load(sys.argv[2])), sys.argv[3])
"""


@pytest.mark.long
def test_plain_weights_load_into_the_original_class_without_this_package(whole, tmp_path):
    x = part(20, 5)[0]
    torch.save(whole.plain_state_dict(), tmp_path / "state.pt")
    torch.save(x, tmp_path / "x.pt")
    words = [sys.executable, "-I", "-c", ALONE, *(tmp_path / name for name in ("state.pt", "x.pt", "out.pt"))]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert torch.equal(torch.load(tmp_path / "out.pt"), whole.module(x))


MODULES = {
    "norms": lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.LayerNorm(4), nn.Linear(4, 3)),
    "attention": lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
    "embedding": lambda: nn.Sequential(nn.Embedding(9, 6, padding_idx=0), nn.Linear(6, 3)),
    "transposed": lambda: nn.ConvTranspose1d(2, 4, 3, stride=2),
}


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("scale", ["none", "dynamic"])
@pytest.mark.parametrize("name", MODULES)
def test_plain_weights_of_every_kind_are_complete(name, scale, learn):
    model = freeze(MODULES[name](), prune=0.1, lock=0.1, scale=scale, learn_norms=learn, seed=2)
    slt.select(model, 0.4)
    for value in model.parameters():
        if value.ndim == 1 and learn:
            value.data.add_(0)
    before = {key: value.clone() for key, value in model.state_dict().items() if torch.is_tensor(value)}
    state = slt.plain_state_dict(model)
    fresh = MODULES[name]()
    fresh.load_state_dict(state)  # strict: every name, no other
    x = torch.randint(0, 9, (5, 4)) if name == "embedding" else torch.rand(3, 2, 6) if name != "norms" else None
    x = torch.rand(5, 6) if x is None else x
    assert torch.equal(fresh.eval()(x), model.eval()(x))
    assert supermasks(model)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items() if key in before)
    pointers = {value.data_ptr() for value in model.state_dict().values() if torch.is_tensor(value)}
    assert not pointers & {value.data_ptr() for value in state.values() if value.numel()}


def test_a_model_that_is_not_frozen_has_no_plain_weights():
    with pytest.raises(ValueError, match="^Linear is not frozen: it has no masked weights$"):
        slt.plain_state_dict(nn.Linear(2, 2))


def test_names_are_searched_as_well(data, monkeypatch, tmp_path):
    monkeypatch.setenv("SLT_DATA", str(data))
    ticket = slt.search("mlp", "mnist", 0.5, prune=0.25, lock=0.25, epochs=2, folder=tmp_path, progress=False)
    assert ticket.settings["data_set"] == "mnist"
    assert ticket.bits < ticket.weights
    again = slt.load_ticket(tmp_path / "ticket.safetensors")
    assert all(torch.equal(again.masks[name], mask) for name, mask in ticket.masks.items())
    own = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    ticket = slt.search(own, "mnist", 0.5, epochs=1, progress=False)
    assert ticket.module(torch.zeros(1, 1, 28, 28)).shape == (1, 10)


def test_datasets_and_tensors_are_batched_here(whole):
    tensors = tuple(part(count, seed) for count, seed in ((60, 1), (40, 2), (50, 3)))
    arrays = tuple((x.numpy(), y.numpy()) for x, y in tensors)
    sets = tuple(TensorDataset(*each) for each in tensors)
    tickets = [found(data, epochs=2, batch=16) for data in (tensors, arrays, sets)]
    same(tickets[0], tickets[1])
    same(tickets[0], tickets[2])
    assert loader_of(tensors[0], "train", 16).batch_size == 16
    assert isinstance(loader_of(tensors[0], "train", 16).sampler, torch.utils.data.RandomSampler)
    assert isinstance(loader_of(tensors[0], "test", 16).sampler, torch.utils.data.SequentialSampler)


def test_progress_is_a_line_an_epoch_where_there_is_no_terminal(capsys):
    found(epochs=2, progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(",")[1] for line in said.err.splitlines()] == [" seed 0: epoch 1 of 2", " seed 0: epoch 2 of 2"]
    found(epochs=1)
    assert capsys.readouterr().err == ""


def test_progress_is_a_bar_in_a_notebook(monkeypatch, capsys):
    shown = []

    class Handle:
        def update(self, page):
            shown.append(page)

    display = types.ModuleType("IPython.display")
    display.HTML = str
    display.display = lambda page, display_id: shown.append(page) or Handle()
    python = types.ModuleType("IPython")
    python.get_ipython = lambda: types.SimpleNamespace(kernel=1)
    monkeypatch.setitem(sys.modules, "IPython", python)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    found(epochs=2, progress=True)
    assert capsys.readouterr().err == ""
    assert [page.split("</progress> ")[1][:12] for page in shown] == ["epoch 0 of 2", "epoch 1 of 2", "epoch 2 of 2"]
    assert "<progress value='2' max='2'>" in shown[-1]


X, Y = part(12, 0)
GOOD = ((X, Y),) * 3


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self):
        while True:
            yield X[0], 0


class Short:
    def __iter__(self):
        yield X, Y

    def __len__(self):
        return 3


class Wide(Net):
    def forward(self, x):
        return super().forward(x)[:, None]


def loader(x=X, y=Y, **more):
    return DataLoader(TensorDataset(x, y), 4, **more)


INPUTS = (
    r"the model cannot take the inputs of {}, which are {}; it begins with convolution, "
    r"Conv2d\(1, 6, kernel_size=\(3, 3\), stride=\(1, 1\), padding=\(1, 1\)\) in float32: "
)
BAD = [
    ({"data": "nonsense"}, "data set must be one of"),
    ({"data": GOOD[:2]}, r"data must be a data set's name or \(train, validation, test\), .*; got 2 parts$"),
    ({"data": X}, "data must be a data set's name or .*; got a Tensor$"),
    ({"data": (X, X, X)}, "data must be train, validation, test, each a DataLoader, .*; train is a Tensor$"),
    ({"data": (*GOOD[:2], (X, Y[:5]))}, "test: 12 inputs need as many labels, got 5"),
    ({"data": (*GOOD[:2], (X[:0], Y[:0]))}, "test: there is no example"),
    ({"data": (*GOOD[:2], DataLoader(Endless()))}, "the test loader has no length, which a search needs"),
    ({"data": (Short(), *GOOD[1:])}, "the train loader ended after 1 batches, its length is 3"),
    ({"data": (loader(num_workers=1, persistent_workers=True), *GOOD[1:])}, "the train loader has persistent_workers"),
    ({"data": ((X, Y.float()), *GOOD[1:])}, "labels of train must be whole numbers .*got torch.float32"),
    ({"data": ((X, Y[:, None]), *GOOD[1:])}, r"labels of train must be whole numbers .*got torch.int64 \(12, 1\)"),
    ({"data": ((X, Y + 1), *GOOD[1:])}, "labels of train must be 0 to 2, for the model has 3 outputs; got 1 to 3"),
    ({"data": (DataLoader([X[0]] * 4), *GOOD[1:])}, "a batch of train must be a pair"),
    ({"model": Wide()}, r"the model must return \(N, classes\) for N = 12 labels of train, got \(12, 1, 3\)"),
    ({"data": ((X.repeat(1, 3, 1, 1), Y), *GOOD[1:])}, INPUTS.format("train", r"float32 \(12, 3, 6, 6\)")),
    ({"data": (*GOOD[:2], (X.double(), Y))}, INPUTS.format("test", r"float64 \(12, 1, 6, 6\)")),
    ({"data": (GOOD[0], (X.byte(), Y), GOOD[2])}, INPUTS.format("validation", r"uint8 \(12, 1, 6, 6\)")),
    ({"data": ((X[..., :5], Y), *GOOD[1:])}, INPUTS.format("train", r"float32 \(12, 1, 6, 5\)")),
    ({"data": (*GOOD[:2], loader(y=torch.tensor([0] * 11 + [3])))}, "labels of test must be 0 to 2, .* got 0 to 3"),
    ({"name": ""}, "name must be a text that can be printed, got ''"),
    ({"model": "mlp", "data": "mnist", "leave": (), "name": "mine"}, "name is for a module of your own"),
    ({"model": "mlp"}, "model 'mlp' goes with a data set by name; for data of your own give a module"),
    ({"model": "mlp", "data": "mnist", "leave": LEAVE}, "leave is for a module of your own"),
    ({"model": "nonsense", "data": "mnist", "leave": ()}, "model must be one of"),
    ({"model": 3}, "model must be a torch module or the name of a model, got a int"),
    ({"model": nn.Sequential(nn.ReLU()), "leave": ()}, "Sequential has no weights that can be searched"),
    ({"leave": ("nothing",)}, "leave names 'nothing'"),
    ({"sparsity": 0}, "sparsity must lie strictly between 0 and 1, got 0"),
    ({"sparsity": 0.5, "prune": 0.5}, "sparsity 0.5"),
    ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ({"batch": 2.5}, "batch must be a whole number, got 2.5"),
    ({"rate": 0}, "rate must be above 0, got 0"),
    ({"optimiser": "adam"}, "optimiser must be one of sgd, adamw"),
    ({"weights": "normal"}, "weights must be one of"),
    ({"scope": "all"}, "scope must be one of"),
    ({"augment": True}, "augment is for a data set by name"),
    ({"learn_norms": 1}, "learn_norms must be True or False"),
    ({"progress": "bar"}, "progress must be True or False"),
    ({"seed": -1}, "seed must be at least 0, got -1"),
    ({"device": "nonsense"}, "device 'nonsense' cannot be used"),
]


@pytest.mark.parametrize(("arguments", "line"), BAD, ids=[line[:50] for _, line in BAD])
def test_bad_input_is_one_line(arguments, line):
    given = {"model": Net(), "data": GOOD, "sparsity": 0.5, "leave": LEAVE, "epochs": 1, "progress": False}
    given |= arguments
    model, data, sparsity = (given.pop(name) for name in ("model", "data", "sparsity"))
    with pytest.raises(ValueError, match=f"^{line}") as error:
        slt.search(model, data, sparsity, **given)
    assert "\n" not in str(error.value)


def test_data_that_do_not_fit_are_refused_before_any_training(monkeypatch, tmp_path):
    monkeypatch.setattr(training.Run, "fit", None)
    labels = torch.tensor([0] * 11 + [3])  # the last batch alone has a label that is no class
    with pytest.raises(ValueError, match="labels of test must be 0 to 2"):
        found(data=(*GOOD[:2], loader(y=labels)), folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_module_that_does_not_fit_a_data_set_by_name_is_told_so(data, monkeypatch):
    monkeypatch.setenv("SLT_DATA", str(data))
    small = nn.Sequential(nn.Flatten(), nn.Linear(784, 5))
    with pytest.raises(
        ValueError, match=r"the model must return \(N, 10\) or more columns for 10 classes, got \(1, 5\)"
    ):
        slt.search(small, "mnist", 0.5, epochs=1, progress=False)
    wrong = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(10))
    with pytest.raises(ValueError, match=r"cannot take the inputs of the data set, which are float32 \(1, 1, 28, 28\)"):
        slt.search(wrong, "mnist", 0.5, epochs=1, progress=False)


def test_a_module_of_ones_own_can_have_a_name():
    assert found(epochs=1, name="small net").settings["model"] == "small net"
    assert found(epochs=1).settings["model"] == "Net"


def test_a_folder_of_another_search_is_refused(monkeypatch, tmp_path):
    stopped(monkeypatch, tmp_path, 1, epochs=2)
    for other in ({"seed": 1}, {"rate": 0.3}, {"epochs": 3}, {"leave": (), "model": nn.Sequential(nn.Flatten())}):
        with pytest.raises(ValueError, match="is of other settings"):
            found(folder=tmp_path, **{"epochs": 2, **other})
    data = (TensorDataset(*part(60, 9)), *own_loaders()[1:])
    with pytest.raises(ValueError, match="was begun with data "):
        found(data, folder=tmp_path, epochs=2)
    found(folder=tmp_path, epochs=2)
    with pytest.raises(ValueError, match="was begun with data "):
        found(data, folder=tmp_path, epochs=2)


def test_a_loss_that_is_no_number_ends_it(tmp_path):
    x = X.clone()
    x[3] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        found(((x, Y), *GOOD[1:]), epochs=1)


@pytest.mark.parametrize("kept", [True, False])
def test_a_loss_that_becomes_infinite_says_what_is_kept(monkeypatch, tmp_path, kept):
    loss = LoaderTask.loss
    monkeypatch.setattr(LoaderTask, "loss", lambda self, *at: loss(self, *at) * (1e39 if at[1] else 1))
    monkeypatch.setattr("torch_backend.training.start.select", lambda *_, **__: {})
    with pytest.raises(ValueError, match="the loss is not finite in epoch 2") as error:
        found(folder=tmp_path if kept else None)
    said = f"the state after epoch 1 is kept in {tmp_path}" if kept else "nothing is kept"
    assert str(error.value).endswith(said)


def test_out_of_memory_is_one_line(monkeypatch):
    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(LoaderTask, "loss", full)
    with pytest.raises(ValueError, match="^out of memory in training; give smaller batches, or another device$"):
        found(epochs=1)


def test_steps_come_in_their_order_and_inputs_of_any_structure_are_moved():
    task = LoaderTask(*own_loaders(), seed=0, device=torch.device("cpu"))
    model = Net()
    task.loss(model, 0, 0)
    with pytest.raises(ValueError, match="the steps of an epoch come in their order, got 2 of epoch 0"):
        task.loss(model, 0, 2)
    nested = {"a": [X, (Y, "word")], "b": 3}
    moved = loaders._moved(nested, torch.device("meta"))
    assert moved["a"][0].is_meta
    assert moved["a"][1][0].is_meta
    assert (moved["a"][1][1], moved["b"]) == ("word", 3)
    assert [value.shape for value in loaders._tensors(nested)] == [X.shape, Y.shape]
    assert task.ones(torch.float64)[0].dtype == torch.float64
    assert bool((task.ones(torch.float64)[0] == 1).all())


def test_own_settings_have_all_that_settings_have():
    assert OwnSettings("Net", "own").digest != OwnSettings("Net", "own", leave=("a",)).digest
    with pytest.raises(ValueError, match="model must be one of"):
        Settings("Net", "own")


def test_a_last_batch_of_one_image_and_a_norm_over_batches_is_one_clear_line():
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    data = tuple(DataLoader(TensorDataset(*part(33, seed)), 16) for seed in range(3))  # 33 = 2 * 16 + 1
    with pytest.raises(ValueError, match="batch 3 of an epoch has one image, of which batch norm cannot take a mean"):
        slt.search(model, data, 0.5, epochs=1, progress=False)
