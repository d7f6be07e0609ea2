"""The restricted reader: it reads what data sets hold and runs nothing."""

import os
import pickle
import struct
import time
import tracemalloc
from collections import OrderedDict, defaultdict
from contextlib import suppress

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from torch_backend.data.unpickle import KNOWN, SPARE, TIMES, unpickle


class Attack:
    """Pickles to a call of ``function`` with ``arguments``."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def written(tmp_path, data):
    path = tmp_path / "ind.cora.x"
    path.write_bytes(data if isinstance(data, bytes) else pickle.dumps(data, protocol=2))
    return path


def test_a_pickle_that_would_run_a_command_is_refused_and_runs_nothing(tmp_path):
    witness = tmp_path / "witness"
    path = written(tmp_path, Attack(os.system, f"touch {witness}"))
    with pytest.raises(ValueError, match=f"{path} is refused: it asks for posix.system"):
        unpickle(path)
    assert not witness.exists()
    pickle.loads(path.read_bytes())
    assert witness.exists()  # the same file does run it elsewhere


@pytest.mark.parametrize(
    "data",
    [
        Attack(eval, "1"),
        Attack(getattr, "a", "upper"),
        Attack(__import__, "os"),
        Attack(np.load, "x"),
        Attack(np.ndarray.tofile, "x"),
        OrderedDict(a=1),
        scipy.sparse.coo_matrix(np.eye(2)),
        {"data": [Attack(print, "x")]},
        b"cnumpy\nndarray.tofile\n.",  # a dotted name
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
    ],
    ids=lambda data: type(data).__name__,
)
def test_any_other_name_is_refused(tmp_path, data):
    with pytest.raises(ValueError, match="is refused: it asks for .*nothing but arrays, lists and dicts"):
        unpickle(written(tmp_path, data))


@pytest.mark.parametrize(("module", "name"), KNOWN)
def test_a_pickle_cannot_change_the_functions_it_is_given(tmp_path, module, name):
    known = KNOWN[module, name]
    before = dict(vars(known)) if hasattr(known, "__dict__") else None
    path = written(tmp_path, f"\x80\x02c{module}\n{name}\nN}}U\x08injectedK\x01s\x86b.".encode("latin1"))
    with pytest.raises(ValueError, match="is damaged"):
        unpickle(path)
    assert before is None or dict(vars(known)) == before


numbers = st_numpy.arrays(
    st.sampled_from(["u1", "<i4", ">i4", "<i8", "<f4", ">f8", "b1"]),
    st_numpy.array_shapes(max_dims=3, min_side=0),
)


@given(array=numbers, fortran=st.booleans(), protocol=st.integers(0, 5))
def test_arrays_are_read_as_they_were_written(tmp_path_factory, array, fortran, protocol):
    array = np.asfortranarray(array) if fortran else array
    path = tmp_path_factory.mktemp("pickle") / "array"
    path.write_bytes(pickle.dumps({"data": array, "labels": [1, 2]}, protocol=protocol))
    received = unpickle(path)
    assert received["labels"] == [1, 2]
    assert received["data"].shape == array.shape
    assert received["data"].dtype == array.dtype
    np.testing.assert_array_equal(received["data"], array)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
@pytest.mark.parametrize("protocol", range(6))
def test_sparse_matrices_are_read_as_they_were_written(tmp_path, protocol, kind, order):
    dense = np.random.default_rng(protocol).integers(0, 3, (6, 9)).astype(np.float32)
    matrix = kind(dense)
    for name in ("data", "indices", "indptr"):
        setattr(matrix, name, getattr(matrix, name).astype(getattr(matrix, name).dtype.newbyteorder(order)))
    received = unpickle(written(tmp_path, pickle.dumps(matrix, protocol)))
    np.testing.assert_array_equal(received.toarray(), dense)


@pytest.mark.parametrize("protocol", range(6))
def test_axes_in_any_order_and_numbers_of_numpy_are_read(tmp_path, protocol):
    array = np.arange(24, dtype=">u2").reshape(2, 3, 4).transpose(1, 2, 0)
    found = unpickle(written(tmp_path, pickle.dumps({"a": array, "b": [np.int64(3), np.float32(0.5)]}, protocol)))
    np.testing.assert_array_equal(found["a"], array)
    assert found["b"] == [3, 0.5]
    assert [type(value) for value in found["b"]] == [np.int64, np.float32]


ARRAY_OF_PYTHON_2 = (  # as numpy 1 wrote it under protocol 0, with bytes as a text with escapes
    b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\nRp5\n"
    b"(I1\n(I2\nI3\ntp6\ncnumpy\ndtype\np7\n(S'u1'\np8\nI0\nI1\ntp9\nRp10\n"
    b"(I3\nS'|'\np11\nNNNI-1\nI-1\nI0\ntp12\nbI00\nS'\\x00\\xff\\n\\'\\\\A'\np13\ntp14\nb."
)


def test_an_array_of_python_2_and_protocol_0_is_read(tmp_path):
    assert unpickle(written(tmp_path, ARRAY_OF_PYTHON_2)).tolist() == [[0, 255, 10], [39, 92, 65]]


def test_lists_of_neighbours_and_byte_keys_are_read(tmp_path):
    links = defaultdict(list, {0: [1, 2], 1: [0]})
    assert unpickle(written(tmp_path, links)) == {0: [1, 2], 1: [0]}
    assert unpickle(written(tmp_path, {b"labels": [3]})) == {"labels": [3]}


def test_text_of_python_2_is_read_as_latin_1(tmp_path):
    # SHORT_BINSTRING, which Python 3 no longer writes
    assert unpickle(written(tmp_path, b"\x80\x02}U\x04dataU\x02a\xffs.")) == {"data": "a\xff"}


def test_a_matrix_whose_indices_leave_it_is_refused(tmp_path):
    matrix = scipy.sparse.csr_matrix(np.eye(3))
    matrix.indices[1] = 1_000_000
    with pytest.raises(ValueError, match="is damaged"):
        unpickle(written(tmp_path, matrix))


@pytest.mark.parametrize(
    "array",
    [np.array([object()], dtype=object), np.array(["text"]), np.zeros(2, "i4,f8"), np.zeros(1, complex)],
    ids=lambda array: str(array.dtype),
)
def test_arrays_of_anything_but_numbers_are_refused(tmp_path, array):
    with pytest.raises(ValueError, match="is (damaged|refused)"):
        unpickle(written(tmp_path, array))


def test_an_array_shorter_than_its_shape_is_refused(tmp_path):
    data = pickle.dumps(np.arange(8, dtype=np.uint8), protocol=2)
    assert data.count(b"K\x08\x85") == 1
    with pytest.raises(ValueError, match="is damaged: an array of 1 dimensions does not have 8 bytes"):
        unpickle(written(tmp_path, data.replace(b"K\x08\x85", b"K\x09\x85")))


@given(cut=st.integers(0, 10_000))
def test_a_truncated_file_is_refused_wherever_it_is_cut(tmp_path_factory, cut):
    data = pickle.dumps({"data": np.arange(40).reshape(8, 5), "labels": list(range(8))}, protocol=2)
    path = tmp_path_factory.mktemp("pickle") / "batch"
    path.write_bytes(data[: cut % len(data)])
    with pytest.raises(ValueError, match=f"{path} is damaged"):
        unpickle(path)


# ---- what a file can make the reader take


def laughs(first, again, count=26):
    """A value that holds the one before it twice, ``count`` times over: 2^count values in a few bytes each."""
    return b"\x80\x04" + first + b"\x94" + b"".join(again(i) for i in range(count))


def get(place):
    return b"h" + bytes([place])


DTYPE = b"cnumpy\ndtype\n"
HOSTILE = {
    "lists in lists": laughs(b"]", lambda i: b"](" + get(i) + get(i) + b"e\x94") + b".",
    "tuples in tuples": laughs(b")", lambda i: get(i) + get(i) + b"\x86\x94") + b".",
    "dicts in dicts": laughs(b"}", lambda i: b"}(K\x00" + get(i) + b"K\x01" + get(i) + b"u\x94") + b".",
    "a type whose code is lists in lists": DTYPE + laughs(b"]", lambda i: b"](" + get(i) + get(i) + b"e\x94")[2:]
    + b"\x85R.",
    "a list that holds itself": b"\x80\x04]\x94h\x00a.",
    "a list of neighbours for many nodes": b"\x80\x04}(K\x00](" + b"K\x01" * 200 + b"e\x94"
    + b"".join(b"K" + bytes([i]) + get(0) for i in range(1, 200)) + b"u.",
    "one text turned into bytes again and again": b"\x80\x04X" + struct.pack("<I", 2**16) + b"a" * 2**16
    + b"\x94c_codecs\nencode\n\x94(" + (get(1) + get(0) + b"\x85R") * 2**12 + b"l.",
    "a long integer of four gigabytes": b"\x80\x04\x8b\xff\xff\xff\x7f.",
    "a long integer of 200 bytes": b"\x80\x04\x8a\xc8" + b"\x7f" * 200 + b".",
    "a long integer of 100,000 digits": b"L" + b"9" * 10**5 + b"L\n.",
    "a frame of 2^62 bytes": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "bytes of 2^62 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"N.",
    "a text of 2^62 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"N.",
    "bytes to write to of 2^62 bytes": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"N.",
    "nested a hundred thousand deep": b"\x80\x04)" + b"\x85" * 10**5 + b".",
    "lists nested a hundred thousand deep": b"\x80\x04" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
    "an array of 2^60 rows of nothing": pickle.dumps(np.zeros((7, 0)), 2).replace(
        b"K\x07K\x00\x86", b"\x8a\x08" + struct.pack("<Q", 2**60) + b"K\x00\x86"),
    "an array of 2^64 bytes": pickle.dumps(np.zeros((7, 3), "u1"), 2).replace(
        b"K\x07K\x03\x86", b"\x8a\x05\0\0\0\0\x01\x8a\x05\0\0\0\0\x01\x86"),
    "a matrix of 2^40 columns": pickle.dumps(scipy.sparse.csr_matrix((7, 8)), 2).replace(
        b"K\x07K\x08\x86", b"K\x07\x8a\x06\0\0\0\0\0\x01\x86"),
    "an array of objects": pickle.dumps(np.array([object, [1]], dtype=object), 2),
    "sets": b"\x80\x04" + b"\x8f" * 10**5 + b".",
    "the value on top twice": b"\x80\x04](K\x00" + b"2" * 10**5 + b"e.",
    "a place in the memo beyond the file, then a value that is not there": b"\x80\x02]r\0\0\0\x40h\x07.",
    "keys whose hashes are one": b"\x80\x04}(" + b"".join(
        b"\x8a\x0e" + (i * (2**61 - 1)).to_bytes(14, "little", signed=True) + b"N" for i in range(2**40, 2**40 + 3000)
    ) + b"u.",
    "a tuple for a key": b"\x80\x04}K\x01K\x02\x86Ns.",
    "a class with another base": b"ccopy_reg\n_reconstructor\n(c__builtin__\nlist\nc__builtin__\nobject\nNtR.",
    "a dict that makes arrays": b"ccollections\ndefaultdict\n(cnumpy\ndtype\ntR.",
    "an array that was never given its bytes": b"cnumpy.core.multiarray\n_reconstruct\n)R.",
    "a function": b"cnumpy\ndtype\n.",
    "another object's persistent name": b"Pname\n.",
    "a protocol of the future": b"\x80\x06N.",
    "a name with a line end and half of a pair": b"\x80\x04\x8c\x05o\xed\xa0\x80\n\x8c\x01x\x93.",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_soon_and_in_no_more_memory_than_is_promised(tmp_path, name):
    path = written(tmp_path, HOSTILE[name])
    start = time.process_time()

    def read():
        with pytest.raises(ValueError, match="is (refused|damaged)"):
            unpickle(path)

    taken = peak(read)
    assert time.process_time() - start < 5  # it is a fraction of a second; the bombs took minutes
    assert taken <= TIMES * len(HOSTILE[name]) + SPARE + 2**16
    with pytest.raises(ValueError, match=f"^{path} is (refused|damaged): .+") as error:
        unpickle(path)
    str(error.value).encode("ascii")
    assert len(str(error.value)) < 400


def peak(function):
    """Return the most bytes that were held at once."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "one", [b"N", b"]", b"}", b")", b"K\x07", b"M\x07\x07", b"U\x00", b"](K\x01e", b"K\x01\x85", b"(", b"]\x94",
            b"I1\n"], ids=str
)  # fmt: skip
def test_no_instruction_takes_more_than_is_promised_for_its_bytes(tmp_path, one):
    data = b"\x80\x04(" + one * (2**15 // len(one)) + b"l."
    path = written(tmp_path, data)

    def read():
        with suppress(ValueError):
            unpickle(path)

    assert peak(read) <= TIMES * len(data) + SPARE


@given(data=st.binary(max_size=300), start=st.sampled_from([b"\x80\x04", b"", DTYPE, b"\x80\x04]\x94("]))
def test_random_instructions_are_read_or_refused(tmp_path_factory, data, start):
    path = tmp_path_factory.mktemp("pickle") / "batch"
    path.write_bytes(start + data)
    try:
        unpickle(path)
    except ValueError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
        | st.binary(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=4),
        max_leaves=8,
    ),
    protocol=st.integers(0, 5),
)  # fmt: skip
def test_plain_values_are_read_as_pickle_itself_reads_them(tmp_path_factory, value, protocol):
    value = pickle.loads(pickle.dumps(value))
    path = tmp_path_factory.mktemp("pickle") / "batch"
    path.write_bytes(pickle.dumps(value, protocol))
    try:
        found = unpickle(path)
    except ValueError as error:
        assert "nested" in str(error) or "twice" in str(error)  # noqa: PT017
    else:
        assert found == value
