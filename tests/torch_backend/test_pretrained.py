"""Weights of a file: used as they are, or refused in one line; nothing is rounded, and nothing else is taken."""

import pytest
import torch
from safetensors.torch import save_file

from torch_backend.models import build
from torch_backend.training.pretrained import loaded, read_state

SIZES = {"channels": 1, "size": 4, "classes": 3, "width": 0.02}
FIRST = "1.weight"


def state(**other):
    """Numbers that every dtype has, eighths of whole ones."""
    torch.manual_seed(0)
    found = {name: (8 * value).round() / 8 for name, value in build("mlp", **SIZES).state_dict().items()}
    return found | other


def written(path, tensors):
    torch.save(tensors, path) if path.suffix == ".pt" else save_file(tensors, path)
    return path


@pytest.fixture(params=["pt", "safetensors"])
def path(request, tmp_path):
    return tmp_path / f"w.{request.param}"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_weights_of_another_dtype_are_used_where_no_value_changes(path, dtype):
    written(path, {name: value.to(dtype) for name, value in state().items()})
    found = loaded(path, "mlp", SIZES).state_dict()
    assert all(torch.equal(found[name], value) for name, value in state().items())


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.double() + 1e-12,
        lambda w: w.double() + 1e300,
        lambda w: w.to(torch.int64) + 2**24 + 1,
        lambda w: w.to(torch.complex64),
    ],
    ids=["finer", "larger", "whole", "complex"],
)
def test_values_that_the_model_cannot_have_are_refused_and_not_rounded(path, change):
    written(path, state(**{FIRST: change(state()[FIRST])}))
    with pytest.raises(
        ValueError, match=f"{path.name} does not fit the model: {FIRST} is .*, with values that float32"
    ):
        loaded(path, "mlp", SIZES)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_that_are_not_finite_are_refused(path, value, dtype):
    weight = state()[FIRST].to(dtype)
    weight[0, 0] = value
    written(path, state(**{FIRST: weight}))
    with pytest.raises(ValueError, match="values that are not finite"):
        loaded(path, "mlp", SIZES)


def test_shared_and_transposed_weights_of_a_file_are_read(tmp_path):
    weight = torch.arange(6.0).reshape(2, 3).t()
    torch.save({"a": weight, "b": weight, "c": weight[:, :1].expand(3, 4)}, tmp_path / "w.pt")
    found = read_state(tmp_path / "w.pt")
    assert torch.equal(found["a"], weight)
    found["a"].zero_()
    assert torch.equal(found["b"], weight)
    assert found["c"].shape == (3, 4)


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ({1: torch.zeros(2)}, "the names of its tensors must be texts"),
        ({"a": torch.eye(2).to_sparse()}, "cannot be used: a must be a dense tensor"),
        ({"a": torch.zeros(2, device="meta")}, "cannot be used: a has no values"),
        ({"a": torch.zeros(2, dtype=torch.complex128)}, "cannot be used: a must be of one of the dtypes"),
        ({"a": 1.0}, "holds no state_dict"),
        ({}, "holds no state_dict"),
    ],
    ids=str,
)
def test_what_is_no_state_dict_of_dense_tensors_is_refused(tmp_path, held, line):
    torch.save(held, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=line):
        read_state(tmp_path / "w.pt")


def test_a_nested_header_of_weights_is_refused_in_one_line(tmp_path):
    text = b"[" * 10**4 + b"]" * 10**4
    (tmp_path / "w.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(ValueError, match=r"w.safetensors is damaged or no safetensors file: .*$"):
        read_state(tmp_path / "w.safetensors")
