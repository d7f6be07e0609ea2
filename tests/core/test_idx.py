"""The idx files: what was written is read, and everything damaged is refused by name."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from slt.core.idx import NAMES, read_idx, read_images


def packed(array, zipped=False):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    data = header + array.astype(np.uint8).tobytes()
    return gzip.compress(data) if zipped else data


def write_set(folder, count=3, labels=None, end=".gz", part="train"):
    folder.mkdir(parents=True, exist_ok=True)
    images = np.arange(count * 4, dtype=np.uint8).reshape(count, 2, 2)
    labels = np.arange(count, dtype=np.uint8) if labels is None else labels
    for file, array in zip(NAMES[part], (images, labels), strict=True):
        (folder / f"{file}{end}").write_bytes(packed(array, end == ".gz"))
    return images, labels


@given(
    array=st_numpy.arrays(np.uint8, st_numpy.array_shapes(min_dims=1, max_dims=4, min_side=0)),
    zipped=st.booleans(),
)
def test_what_was_written_is_read(tmp_path_factory, array, zipped):
    path = tmp_path_factory.mktemp("idx") / "some-idx-ubyte"
    path.write_bytes(packed(array, zipped))
    received = read_idx(path)
    assert received.shape == array.shape
    np.testing.assert_array_equal(received, array)


GOOD = packed(np.arange(12).reshape(3, 2, 2))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "not an idx file of bytes: it starts with nothing"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "not an idx file of bytes: it starts with 00000d01"),
        (b"P5 28 28", "not an idx file"),
        (GOOD[:-1], "is damaged: 27 bytes do not fit its header, shape \\(3, 2, 2\\)"),
        (GOOD + b"\0", "is damaged: 29 bytes"),
        (GOOD[:9], "is damaged: 9 bytes"),
        (gzip.compress(GOOD, mtime=0)[:-9], "damaged gzip"),
        (gzip.compress(GOOD, mtime=0)[:12] + b"\xff" * 8 + gzip.compress(GOOD, mtime=0)[20:], "damaged gzip"),
        (gzip.compress(GOOD, mtime=0)[:-8] + bytes(8), "damaged gzip"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, data, line):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{path} is .*{line.removeprefix('is ')}"):
        read_idx(path)


@pytest.mark.parametrize("below", ["MNIST/raw", "MNIST", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_images_are_found_in_each_usual_layout(tmp_path, below, end):
    images, labels = write_set(tmp_path / below, end=end)
    received = read_images(tmp_path, "train")
    np.testing.assert_array_equal(received[0], images)
    np.testing.assert_array_equal(received[1], labels)


def test_the_two_sets_do_not_mix(tmp_path):
    write_set(tmp_path / "MNIST" / "raw")
    with pytest.raises(FileNotFoundError, match=r"FashionMNIST is not below .*train-images.* download .*zalando"):
        read_images(tmp_path, "train", "FashionMNIST")
    with pytest.raises(FileNotFoundError, match=r"t10k-images-idx3-ubyte\[.gz\] is needed in .*MNIST/raw"):
        read_images(tmp_path, "test")


def test_images_and_labels_must_belong_together(tmp_path):
    write_set(tmp_path, labels=np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match=r"\(3, 2, 2\) images do not match \(4,\) labels"):
        read_images(tmp_path, "train")


def test_unknown_parts_and_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match="part must be one of train, test; got 'val'"):
        read_images(tmp_path, "val")
    with pytest.raises(ValueError, match="name must be one of MNIST, FashionMNIST"):
        read_images(tmp_path, "train", "KMNIST")


def test_mnist_itself_is_complete():
    if "SLT_DATA" not in os.environ:
        pytest.skip("set SLT_DATA to the folder of the data sets to check MNIST's own files")
    for part, count in (("train", 60_000), ("test", 10_000)):
        images, labels = read_images(Path(os.environ["SLT_DATA"]), part)
        assert images.shape == (count, 28, 28)
        assert set(labels.tolist()) == set(range(10))
