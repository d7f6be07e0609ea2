"""Arrays from outside come as they are or not at all: no value, mask, dtype or layout is changed without a word."""

import array
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from slt.core import arrays


class Labelled:
    """As much of a pandas table as the door looks at."""

    shape = (2,)

    def __init__(self, labels):
        self.axes = [labels]

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0])


class WithUnits(np.ndarray):
    pass


def nested(depth):
    found = 1.0
    for _ in range(depth):
        found = [found]
    return found


def torch_tensors():
    torch = pytest.importorskip("torch")
    return {
        "needs grad": torch.ones(2, requires_grad=True),
        "elsewhere": torch.ones(2, device="meta"),
        "bfloat16": torch.ones(2, dtype=torch.bfloat16),
        "bool": torch.tensor([True]),
        "complex": torch.tensor([1j]),
        "conjugate": torch.tensor([1j]).conj().imag,
        "sparse": torch.eye(2).to_sparse(),
        "a list of those that need grad": [torch.ones(2, requires_grad=True)],
    }


LOST = {
    "a large int": [2**53 + 1],
    "a large int among floats": [2**53 + 1, 0.5],
    "a large int below 0": [-(2**53) - 1],
    "an int64": np.array([2**53 + 1]),
    "an int64 in a row": [np.array([2**53 + 1])],
    "the largest uint64": np.array([2**64 - 1], np.uint64),
    "the largest int64": np.array([2**63 - 1]),
    "an int beyond the floats": [10**400],
    "an int beyond printing": [10**5000],
    "a decimal": [Decimal("0.1")],
    "decimals that are no numbers": [Decimal("sNaN")],
    "a fraction": np.array([Fraction(1, 3)]),
    "a long double": np.array([np.longdouble("0.1")]),
    "a long double in a list": [np.longdouble("0.1"), 1.0],
    "a long double beyond the floats": np.array([np.longdouble("1e400")]),
    "complex": [1 + 0j],
    "a complex array": np.array([1 + 0j]),
    "truth": [True],
    "truth among floats": [0.5, True],
    "a truth array": np.array([True, False]),
    "truth as an object": np.array([True, 2.5], object),
    "text": ["1"],
    "text among numbers": [1, "2"],
    "a text array": np.array(["1"]),
    "bytes": b"12",
    "a bytearray": bytearray(b"12"),
    "None": [None],
    "objects": np.array([object()]),
    "arrays in an object array": np.array([np.ones(1), None], object),
    "a mask": np.ma.array([1.0, 2.0], mask=[False, True]),
    "a mask in a row": [np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, 2.0]],
    "a masked number": [1.0, np.ma.masked],
    "a masked int array": np.ma.array([1, 2], mask=True),
    "dates": np.array(["2020"], "M8[Y]"),
    "durations": np.array([1], "m8[s]"),
    "records": np.array([(1, 2.0)], [("a", int), ("b", float)]),
    "a subclass": np.ones(2).view(WithUnits),
    "labels": Labelled(["a", "b"]),
    "labels in another order": Labelled([1, 0]),
    "ragged rows": [[1.0], [1.0, 2.0]],
    "rows and numbers": [[1.0], 1.0],
    "a generator": (x for x in [1.0]),
    "a set": {1.0, 2.0},
    "a dict": {0: 1.0},
    "a sparse matrix": scipy.sparse.eye(2),
    "lists without end": nested(10_000),
    "not a number": [float("nan")],
    "infinite": np.array([np.inf]),
    "an infinite decimal": [Decimal("inf")],
}


@pytest.mark.parametrize("kind", LOST)
def test_what_a_float_array_would_lose_is_refused_in_one_line(kind):
    with pytest.raises(ValueError, match="targets") as error:
        arrays.floats("targets", LOST[kind])
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


def test_tensors_that_numpy_cannot_hold_are_refused_in_one_line():
    for kind, tensor in torch_tensors().items():
        with pytest.raises(ValueError, match="targets") as error:
            arrays.floats("targets", tensor)
        assert "\n" not in str(error.value), kind


KEPT = {
    "ints": ([1, 2], [1.0, 2.0]),
    "the largest exact int": ([2**53, 2**54], [2.0**53, 2.0**54]),
    "a large even int64": (np.array([2**60]), [2.0**60]),
    "uint64 above int64": (np.array([2**63], np.uint64), [2.0**63]),
    "both signs": ([2**63, -1], [2.0**63, -1.0]),
    "uint8 and its negative": ([np.uint8(250), -250], [250.0, -250.0]),
    "a uint8 array": (np.array([250], np.uint8), [250.0]),
    "halves": (np.array([0.1], np.float16), [float(np.float16(0.1))]),
    "singles": ([np.float32(0.1)], [float(np.float32(0.1))]),
    "a short long double": (np.array([0.5], np.longdouble), [0.5]),
    "an exact decimal": ([Decimal("0.5"), Fraction(3, 4)], [0.5, 0.75]),
    "objects that are numbers": (np.array([1, 2.5], object), [1.0, 2.5]),
    "big-endian": (np.array([1.0, 2.0], ">f8"), [1.0, 2.0]),
    "big-endian ints": (np.array([1, 2], ">i2"), [1.0, 2.0]),
    "negative strides": (np.arange(3.0)[::-1], [2.0, 1.0, 0.0]),
    "a column": (np.arange(6.0).reshape(3, 2)[:, 1], [1.0, 3.0, 5.0]),
    "Fortran order": (np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 2.0], [3.0, 4.0]]),
    "a matrix": (np.matrix([[1, 2]]), [[1.0, 2.0]]),
    "nothing masked": (np.ma.array([1.0, 2.0]), [1.0, 2.0]),
    "labels that are positions": (Labelled(range(2)), [1.0, 2.0]),
    "array.array": (array.array("d", [1.0, 2.0]), [1.0, 2.0]),
    "a range": (range(3), [0.0, 1.0, 2.0]),
    "no dimension": (np.array(0.5), 0.5),
    "a number": (3, 3.0),
    "nothing": ([], []),
    "empty rows": ([[], []], [[], []]),
    "the smallest float": ([5e-324, -0.0], [5e-324, -0.0]),
}


@pytest.mark.parametrize("kind", KEPT)
def test_what_a_float_array_can_hold_comes_as_it_is(kind):
    numbers, expected = KEPT[kind]
    received = arrays.floats("targets", numbers)
    np.testing.assert_array_equal(received, np.array(expected, np.float64), strict=True)
    assert np.signbit(received).tolist() == np.signbit(np.array(expected, np.float64)).tolist()
    assert type(received) is np.ndarray
    assert received.flags.c_contiguous
    assert received.flags.writeable
    assert received.dtype.isnative


def test_tensors_come_as_they_are():
    torch = pytest.importorskip("torch")
    received = arrays.floats("targets", [torch.tensor(1.5), torch.tensor(2)])
    assert received.tolist() == [1.5, 2.0]
    assert arrays.floats("targets", torch.arange(6).reshape(2, 3).T).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_the_callers_array_is_neither_changed_nor_kept():
    given = np.arange(3.0)
    given.flags.writeable = False
    received = arrays.floats("targets", given)
    received[0] = 7
    assert given[0] == 0


@given(st.lists(st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_every_number_is_equal_to_what_it_was_or_refused(numbers):
    if all(Fraction(float(x)) == Fraction(x) for x in numbers):
        assert [Fraction(x) for x in arrays.floats("x", numbers).tolist()] == [Fraction(x) for x in numbers]
    else:
        with pytest.raises(ValueError, match="exactly"):
            arrays.floats("x", numbers)


@pytest.mark.parametrize("kind", [[255], np.array([255], np.uint8), [0.5], [2], [True], [np.nan], ["0"], [1 + 1e-15]])
def test_states_are_minus_one_zero_or_one(kind):
    with pytest.raises(ValueError, match="states"):
        arrays.states("states", kind)


def test_states_of_every_numeric_type_are_read():
    for kind in (np.int8, np.int64, np.float32, ">i4", object):
        received = arrays.states("states", np.array([-1, 0, 1]).astype(kind))
        assert received.dtype == np.int8
        assert received.tolist() == [-1, 0, 1]
