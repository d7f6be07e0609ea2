"""A tiny MNIST look-alike and a tiny graph, so that every command runs in a second."""

import numpy as np
import pytest
import torch


def write_idx(path, array):
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


@pytest.fixture(scope="module")
def one_thread():
    """Networks this small are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def data(tmp_path):
    """A folder with 300 + 60 images of 28 x 28, class c lit in row c."""
    return write_digits(tmp_path / "data")


@pytest.fixture(scope="module")
def module_data(tmp_path_factory):
    """The same folder, for all tests of a module."""
    return write_digits(tmp_path_factory.mktemp("module") / "data")


def write_digits(root):
    rng = np.random.default_rng(0)
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 300), ("t10k", 60)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = rng.integers(0, 40, (count, 28, 28)).astype(np.uint8)
        images[np.arange(count), 2 * labels] = 250
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return root
