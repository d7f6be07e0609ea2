"""Files of tensors: what is written comes back, whatever stands in a file is read or refused in one line."""

import json
import os
import struct
import sys
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torch_backend.tickets.tensors import (
    DEEPEST,
    DTYPES,
    METADATA,
    MOST_WORDS,
    decoded,
    dense,
    digest,
    encoded,
    parsed,
    plain,
    read,
)


def numbers(name):
    """Six numbers that every dtype has."""
    return torch.tensor([[0.0, 1.0, 0.5], [0.25, 2.0, 4.0]]).to(DTYPES[name])


def layouts(tensor):
    return {
        "as it is": tensor,
        "transposed": tensor.t(),
        "expanded": tensor[:, :1].expand(2, 5),
        "every other": tensor[:, ::2],
        "one number": tensor[1, 1],
        "empty": tensor[:0],
        "a view": tensor[1:],
        "channels last": tensor.reshape(1, 2, 3, 1).contiguous(memory_format=torch.channels_last),
        "learnt": torch.nn.Parameter(tensor.t(), requires_grad=tensor.is_floating_point()),
    }


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_and_layout_comes_back_to_the_bit(name):
    found = layouts(numbers(name))
    words, back = decoded(encoded(found, {"a": "b"}), "it")
    assert words == {"a": "b"}
    assert back.keys() == found.keys()
    for key, value in found.items():
        assert back[key].dtype == value.dtype
        assert back[key].shape == value.shape
        assert back[key].flatten().tolist() == value.flatten().tolist()
    assert digest("", back) == digest("", found)


def test_conjugated_and_negated_views_are_written_as_the_numbers_they_show():
    complex_ = torch.tensor([1 + 2j, 3 - 4j])
    found = {"conj": complex_.conj(), "imag": complex_.conj().imag}
    _, back = decoded(encoded(found), "it")
    assert back["conj"].tolist() == [1 - 2j, 3 + 4j]
    assert back["imag"].tolist() == [-2, 4]
    assert digest("", back) == digest("", found)


def test_the_digest_is_that_of_little_endian_bytes_on_every_machine():
    """Computed here from the definition, with the byte order spelt out."""
    from hashlib import blake2b

    found = blake2b(b"words", digest_size=16)
    for name, dtype, shape, content in (
        ("a", "bfloat16", [2], struct.pack("<2H", 0x3F80, 0xC000)),
        ("b", "complex64", [1], struct.pack("<2f", 1.5, -2.0)),
        ("c", "int64", [], struct.pack("<q", -2)),
    ):
        found.update(json.dumps([name, dtype, shape]).encode() + content)
    held = {
        "c": torch.tensor(-2),
        "a": torch.tensor([1.0, -2.0], dtype=torch.bfloat16),
        "b": torch.tensor([1.5 - 2j]),
    }
    assert digest("words", held) == found.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"b": torch.zeros(4)},
        {"a": torch.zeros(2, 2)},
        {"a": torch.zeros(4, 1)},
        {"a": torch.zeros(4, dtype=torch.int32)},
        {"a": torch.tensor([0.0, 0.0, 0.0, -0.0])},
        {"a": torch.zeros(2, dtype=torch.float64)},
        {"a": torch.zeros(3)},
        {"a": torch.zeros(4), "b": torch.zeros(0)},
        {"a": torch.zeros(2), "b": torch.zeros(2)},
        {},
    ],
)
def test_the_digest_tells_names_shapes_dtypes_and_values_apart(other):
    """The first seven have the same bytes."""
    assert digest("", other) != digest("", {"a": torch.zeros(4)})
    assert digest("w", {"a": torch.zeros(4)}) != digest("", {"a": torch.zeros(4)})


@pytest.mark.parametrize(
    ("tensor", "line"),
    [
        (torch.eye(2).to_sparse(), "x must be a dense tensor"),
        (torch.zeros(2, device="meta"), "x has no values"),
        (torch.nn.UninitializedParameter(), "x has no values"),
        (torch.zeros(2, dtype=torch.complex128), "x must be of one of the dtypes float64, .*; got complex128"),
        (torch.zeros(2, dtype=torch.float8_e8m0fnu), "got float8_e8m0fnu"),
        (torch.zeros(2, dtype=torch.bits8), "got bits8"),
    ],
)
def test_tensors_that_no_file_holds_are_refused_by_name(tensor, line):
    for attempt in (lambda: dense("x", tensor), lambda: encoded({"x": tensor}), lambda: digest("", {"x": tensor})):
        with pytest.raises(ValueError, match=line):
            attempt()


def test_a_dense_copy_is_no_view():
    tensor = torch.zeros(3)
    dense("x", tensor).add_(1)
    assert tensor.tolist() == [0, 0, 0]


def test_the_name_that_the_format_keeps_for_itself_is_refused():
    with pytest.raises(ValueError, match=METADATA):
        encoded({METADATA: torch.zeros(1)})


def header(text, data=b""):
    text = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(text)) + text + data


A = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\xff" * 100,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", MOST_WORDS + 1) + b" " * (MOST_WORDS + 1),
        header("[" * 10**5 + "]" * 10**5),
        header('{"a":' * 10**4 + "{}" + "}" * 10**4),
        header('{"__metadata__":' + "[" * 10**4 + "]" * 10**4 + "}"),
        header("[]"),
        header("null"),
        header('"' + "x" * 99 + '"'),
        header(b"\xff\xfe{}"),
        header("{" + A + "," + A + "}", bytes(4)),
        header('{"__metadata__":{"t":"1","t":"2"},' + A + "}", bytes(4)),
        header('{"__metadata__":[],' + A + "}", bytes(4)),
        header('{"__metadata__":{"t":1},' + A + "}", bytes(4)),
        header('{"__metadata__":null,' + A + "}", bytes(4)),
        header("{" + A + "}", bytes(3)),
        header("{" + A + "}", bytes(5)),
        header("{" + A + "}\t", bytes(4)),
        header("{" + A.replace("F32", "F99") + "}", bytes(4)),
        header("{" + A.replace('"F32"', "NaN") + "}", bytes(4)),
        header("{" + A.replace('"F32"', "7") + "}", bytes(4)),
        header("{" + A.replace("[1]", "[-1]") + "}", bytes(4)),
        header("{" + A.replace("[1]", "[1e400]") + "}", bytes(4)),
        header("{" + A.replace("[1]", "[" + "9" * 5000 + "]") + "}", bytes(4)),
        header("{" + A.replace("[1]", "[4294967296,4294967296,4294967296]") + "}", bytes(4)),
        header("{" + A.replace("[1]", "[1000000000000]").replace("4]", "4000000000000]") + "}", bytes(4)),
        header("{" + A.replace("[0,4]", "[4,0]") + "}", bytes(4)),
        header("{" + A.replace("[0,4]", '"x"') + "}", bytes(4)),
        header('{"a":{}}'),
        header('{"a":3}'),
        header('{"a":{"dtype":"F8_E8M0","shape":[4],"data_offsets":[0,4]}}', bytes(4)),
        header('{"a":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}', bytes(4)),
    ],
    ids=lambda content: repr(content[8:40]),
)
def test_any_header_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"^\S*/file is damaged or no safetensors file: .{,300}$"):
        read(path)
    assert time.perf_counter() - start < 10


@given(st.binary(max_size=200), st.integers(0, 300))
def test_random_bytes_are_refused_in_one_line(content, length):
    with pytest.raises(ValueError, match=r"^it is damaged or no safetensors file: .*$"):
        decoded(struct.pack("<Q", length) + content, "it")


def test_shapes_of_no_values_take_no_memory():
    text = '{"a":{"dtype":"F32","shape":[1099511627776,0],"data_offsets":[0,0]}}'
    assert decoded(header(text), "it")[1]["a"].shape == (2**40, 0)


def test_pipes_devices_and_folders_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero", "/dev/null"):
        with pytest.raises(ValueError, match="is not a regular file"):
            read(path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="loop"):
        read(tmp_path / "loop")


def test_a_large_file_that_is_no_safetensors_is_not_read_whole(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**40)  # a TiB of nothing
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        read(path)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**64,
        -(2**63) - 1,
        10**5000,
        {1: 2},
        {None: 2},
        {"a": {2.5: 1}},
        {1, 2},
        b"x",
        torch.zeros(1),
        object(),
        [[[float("-inf")]]],
        1j,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_would_change_is_refused_with_its_name(value):
    with pytest.raises(ValueError, match="^about must h") as caught:
        plain("about", {"x": value})
    assert len(str(caught.value)) < 200


def test_what_json_gives_back_is_taken():
    found = {"a": (1, [2.5, None, True]), "": "\ud800 é", "n": 2**64 - 1}
    assert (
        json.loads(json.dumps(plain("about", found))) == plain("about", found) == found | {"a": [1, [2.5, None, True]]}
    )


def test_depth_is_bounded_on_both_ways():
    value = []
    for _ in range(DEEPEST):
        value = [value]
    assert parsed(json.dumps(value)) == value
    for deeper in ([value], {"a": value}):
        with pytest.raises(ValueError, match="nested"):
            plain("about", deeper)
        with pytest.raises(ValueError, match="nested"):
            parsed(json.dumps(deeper))
    with pytest.raises(ValueError, match="nested"):
        parsed("[" * 10**5 + "]" * 10**5)
    assert sys.getrecursionlimit() < 10**5


def test_long_texts_are_refused_before_they_are_read():
    with pytest.raises(ValueError, match="may have"):
        parsed("[" + "[]," * 2**21 + "[]]")
