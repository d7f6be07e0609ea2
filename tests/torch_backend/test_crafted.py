"""Checkpoints and results whose container is valid and whose content is not what the run would have written."""

import json
import shutil

import pytest
import torch

from slt.core.command import run as run_command
from tests.torch_backend.left import files
from torch_backend.commands.search import main
from torch_backend.training import run as training
from torch_backend.training.ranks import Ranks
from torch_backend.training.start import device_of

SMALL = ["--model", "mlp", "--data-set", "mnist", "--width", "0.1", "--images", "120", "--epochs", "3", "--batch", "60"]


@pytest.fixture(scope="module")
def begun(module_data, tmp_path_factory):
    """The options of a run by optimiser, the folder of what it leaves after two epochs of three, and in the end."""
    found = {}
    for optimiser in ("sgd", "adamw"):
        folder = tmp_path_factory.mktemp(optimiser)
        options = [*SMALL, "--freeze", "0.5", "--seeds", "1", "--optimiser", optimiser, "--rate", "0.05"]
        options += ["--device", "cpu", "--data", str(module_data)]
        written, seen = training.write_checkpoint, []

        def dying(path, state, written=written, seen=seen):
            written(path, state)
            seen.append(path)
            if len(seen) == 2:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "write_checkpoint", dying)
            with pytest.raises(KeyboardInterrupt):
                main([*options, "--out", str(folder / "cut")])
        main([*options, "--out", str(folder / "whole")])
        found[optimiser] = options, folder
    return found


def first(tensors):
    return next(
        name for name, value in tensors.items() if isinstance(value, torch.Tensor) and value.is_floating_point()
    )


def other(place, make):
    """A change of the first floating-point tensor at ``place``."""

    def change(state):
        for key in place:
            state = state[key]
        name = first(state)
        state[name] = make(state[name])

    return change


def put(*place_and_value):
    *place, last, value = place_and_value

    def change(state):
        for key in place:
            state = state[key]
        state[last] = value

    return change


def drop(*place):
    def change(state):
        for key in place[:-1]:
            state = state[key]
        del state[place[-1]]

    return change


CHANGES = {
    "a weight of another shape": other(["model"], lambda tensor: tensor[:1]),
    "a weight of another dtype": other(["model"], lambda tensor: tensor.double()),
    "a weight that is a number": other(["model"], lambda tensor: 3),
    "weights that are a list": put("model", []),
    "a weight too many": put("model", "more", torch.zeros(1)),
    "no rows": put("rows", []),
    "rows that are a number": put("rows", 3),
    "a row that is none": put("rows", 0, None),
    "a row without seconds": drop("rows", 1, "seconds"),
    "an accuracy that is a text": put("rows", 1, "validation", "0.5"),
    "an accuracy that is not a number": put("rows", 1, "validation", float("nan")),
    "an accuracy above 1": put("rows", 1, "validation", 2.0),
    "a loss without end": put("rows", 1, "loss", 10**400),
    "epochs in another order": put("rows", 1, "epoch", 0),
    "a sparsity that is a text": put("rows", 1, "sparsity", "x"),
    "too many rows": lambda state: state["rows"].extend({**state["rows"][0], "epoch": k} for k in range(2, 9)),
    "no best": put("best", {}),
    "a best that is None": put("best", None),
    "a best of another epoch": put("best", "epoch", 7),
    "a best without weights": drop("best", "model"),
    "a best with other weights": other(["best", "model"], lambda tensor: tensor[:1]),
    "a best that is not the best": put("best", "validation", 0.0),
    "no optimiser": put("optimiser", {}),
    "an optimiser that is a text": put("optimiser", "x"),
    "a rate that is a text": put("optimiser", "param_groups", 0, "lr", "x"),
    "another decay": put("optimiser", "param_groups", 0, "weight_decay", 7.0),
    "no groups": put("optimiser", "param_groups", []),
    "two groups": lambda state: state["optimiser"]["param_groups"].append(state["optimiser"]["param_groups"][0]),
    "parameters that are not there": put("optimiser", "param_groups", 0, "params", [99]),
    "a state of a parameter that is not there": put("optimiser", "state", 99, {}),
    "a state that is a number": put("optimiser", "state", 0, 3),
    "a state of another shape": other(["optimiser", "state", 0], lambda tensor: torch.zeros(3)),
    "a state of another dtype": other(["optimiser", "state", 0], lambda tensor: tensor.double()),
    "a state without its tensor": put("optimiser", "state", 0, {}),
    "an origin that is a list": put("origin", ["x"]),
    "no origin": drop("origin"),
}


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize("what", CHANGES)
def test_a_checkpoint_that_the_run_did_not_write_is_one_line(begun, tmp_path, capsys, what, optimiser):
    options, folder = begun[optimiser]
    shutil.copytree(folder / "cut", tmp_path / "out")
    path = next((tmp_path / "out").rglob("checkpoint.pt"))
    state = torch.load(path, weights_only=True)
    CHANGES[what](state)
    training.write_checkpoint(path, state)
    assert run_command(main, [*options, "--out", str(tmp_path / "out")], "search") == 2
    error = capsys.readouterr().err
    assert f"{path} is damaged (" in error
    assert error.count("\n") == 1
    assert len(error) < 700


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_the_checkpoint_that_it_wrote_is_gone_on_from(begun, tmp_path, optimiser):
    options, folder = begun[optimiser]
    shutil.copytree(folder / "cut", tmp_path / "out")
    main([*options, "--out", str(tmp_path / "out")])
    assert files(tmp_path / "out") == files(folder / "whole")


RESULTS = {
    "test": [None, "0.5", -0.1, 1.5, True, [0.5], 10**400],
    "validation": ["x", 2],
    "seconds": [-1, None],
    "bits": [-1, "12", {}],
    "best_epoch": [1.5, "0", -1],
    "seed": ["0", -1, 1.5, 2**64],
    "origin": [[], "x", None, 3],
    "settings": [[], "x", {}],
    "sparsity": [3, None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in RESULTS.items() for value in values])
def test_a_result_with_a_value_of_another_kind_is_one_line(begun, tmp_path, capsys, name, value):
    options, folder = begun["sgd"]
    shutil.copytree(folder / "whole", tmp_path / "out")
    path = next((tmp_path / "out").rglob("result.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    assert run_command(main, [*options, "--out", str(tmp_path / "out")], "search") == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("name", "value"), [("seed", 1), ("settings", {"width": 0.2})])
def test_the_result_of_another_run_is_not_served(begun, tmp_path, capsys, name, value):
    options, folder = begun["sgd"]
    shutil.copytree(folder / "whole", tmp_path / "out")
    path = next((tmp_path / "out").rglob("result.json"))
    row = json.loads(path.read_text())
    value = {**row[name], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps({**row, name: value}))
    assert run_command(main, [*options, "--out", str(tmp_path / "out")], "search") == 2
    assert f"{path} is of other settings or another seed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["nonsense", "cpu:-1", "meta", "hpu", "privateuseone", "xla", "cuda:99", "cuda:" + "9" * 30, "\ud800", "cpu\0"],
)
def test_a_device_that_is_not_there_is_one_line(name):
    with pytest.raises(ValueError, match="cannot be used: ") as error:
        device_of(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError("deep"), MemoryError(), StopIteration()])
def test_the_other_ranks_are_told_of_any_error_of_the_first(monkeypatch, error):
    sent = []
    monkeypatch.setattr(torch.distributed, "broadcast_object_list", sent.append)

    def work():
        raise error

    with pytest.raises(type(error)):
        Ranks(0, 2).from_first(work)
    assert sent == [[None, error]]
