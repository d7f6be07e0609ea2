"""The restricted reader: it reads what data sets hold and runs nothing."""

import os
import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from torch_backend.data.unpickle import KNOWN, unpickle


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
    ids=str,
)
def test_any_other_name_is_refused(tmp_path, data):
    with pytest.raises(ValueError, match="is refused: it asks for .*nothing but arrays, lists and dicts"):
        unpickle(written(tmp_path, data))


@pytest.mark.parametrize(
    "known", [value for value in KNOWN.values() if isinstance(value, type)], ids=lambda c: c.__name__
)
def test_a_pickle_cannot_change_the_classes_it_is_given(tmp_path, known):
    (module, name), *_ = [key for key, value in KNOWN.items() if value is known]
    before = dict(vars(known))
    path = written(tmp_path, f"\x80\x02c{module}\n{name}\nN}}U\x08injectedK\x01s\x86b.".encode("latin1"))
    with pytest.raises(ValueError, match="is damaged"):
        unpickle(path)
    assert dict(vars(known)) == before


numbers = st_numpy.arrays(
    st.sampled_from(["u1", "<i4", ">i4", "<i8", "<f4", ">f8", "b1"]),
    st_numpy.array_shapes(max_dims=3, min_side=0),
)


@given(array=numbers, fortran=st.booleans(), protocol=st.sampled_from([2, 4]))
def test_arrays_are_read_as_they_were_written(tmp_path_factory, array, fortran, protocol):
    array = np.asfortranarray(array) if fortran else array
    path = tmp_path_factory.mktemp("pickle") / "array"
    path.write_bytes(pickle.dumps({"data": array, "labels": [1, 2]}, protocol=protocol))
    received = unpickle(path)
    assert received["labels"] == [1, 2]
    assert received["data"].shape == array.shape
    assert received["data"].dtype == array.dtype
    np.testing.assert_array_equal(received["data"], array)


@pytest.mark.parametrize("seed", range(3))
def test_sparse_matrices_are_read_as_they_were_written(tmp_path, seed):
    dense = np.random.default_rng(seed).integers(0, 3, (6, 9)).astype(np.float32)
    received = unpickle(written(tmp_path, scipy.sparse.csr_matrix(dense)))
    np.testing.assert_array_equal(received.toarray(), dense)


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
    with pytest.raises(ValueError, match="is damaged: cannot reshape"):
        unpickle(written(tmp_path, data.replace(b"K\x08\x85", b"K\x09\x85")))


@given(cut=st.integers(0, 10_000))
def test_a_truncated_file_is_refused_wherever_it_is_cut(tmp_path_factory, cut):
    data = pickle.dumps({"data": np.arange(40).reshape(8, 5), "labels": list(range(8))}, protocol=2)
    path = tmp_path_factory.mktemp("pickle") / "batch"
    path.write_bytes(data[: cut % len(data)])
    with pytest.raises(ValueError, match=f"{path} is damaged"):
        unpickle(path)
