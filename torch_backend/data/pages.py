"""The page-page graph: pages of a social network, an edge where two like each other (Rozemberczki et al. 2021, MUSAE).

It is read from one file of plain arrays, of which nothing is executed: the features as a CSR matrix (``x_indptr``,
``x_indices``, ``x_data``, ``x_shape``), the labels ``y`` and the edges ``edge_index`` (2, m). There is no official
split. Ours is the same for every seed: of all nodes, at random places, three fifths are for training, a fifth for
validation and a fifth for testing.
"""

import zipfile
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from slt.core.checks import first_line
from torch_backend.data.graphs import adjacency_of, csr_tensor
from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Graph, GraphSet, labels_from
from torch_backend.data.split import SHARE
from torch_backend.masks.streams import permutation

FILE = "facebook_pages.npz"
ARRAYS = {"x_indptr": 1, "x_indices": 1, "x_data": 1, "x_shape": 1, "y": 1, "edge_index": 2}  # and their dimensions
CLASSES = 4
SWOLLEN = 100  # times larger, at most, are the arrays than their file
SPLIT = 0  # the seed of the split


def pages(root: Path) -> Graph:
    """Return the graph: 22,470 pages, 4,714 features that are 0 or 1, 4 classes.

    Raises FileNotFoundError saying which file is missing, ValueError naming it when it is damaged.
    """
    advice = (
        "download https://snap.stanford.edu/data/facebook-large-page-page-network.html and write it as an .npz file of "
        f"the arrays {', '.join(ARRAYS)}"
    )
    path = folder_of("the page-page graph", root, (".", "facebook"), (FILE,), advice) / FILE
    try:
        found = read_arrays(path, ARRAYS)
        return _graph(**found)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def read_arrays(path: Path, wanted: dict[str, int]) -> dict[str, NDArray[np.number]]:
    """Return arrays of numbers out of an .npz file by name; wanted: how many dimensions each has.

    Nothing in the file is executed, and no more memory is taken than :data:`SWOLLEN` times its size. Raises ValueError
    saying what is wrong with it, OSError when it cannot be read.
    """
    found: dict[str, NDArray[np.number]] = {}
    size = path.stat().st_size
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(BytesIO(content)) as parts:
            for name, dimensions in wanted.items():
                part = parts.getinfo(f"{name}.npy")
                if part.file_size > SWOLLEN * size:
                    raise ValueError(f"{name} is more than {SWOLLEN} times larger than the file")
                found[name] = _array(parts.read(part), name, dimensions)
    except ValueError:
        raise
    except Exception as error:  # of zipfile, zlib or numpy
        raise ValueError(first_line(error)) from None
    return found


def _array(data: bytes, name: str, dimensions: int) -> NDArray[np.number]:
    """Return the array that the bytes of an .npy file are; its header may say no more than there is behind it."""
    stream = BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"{name} is of format version {version[0]}.{version[1]}; version 1.0 is read")
    shape, column_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in "iuf" or len(shape) != dimensions:
        raise ValueError(f"{name} must hold numbers in {dimensions} dimensions, got {dtype} {shape}")
    if prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"{name} does not hold the {prod(shape)} numbers that it announces")
    found = np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape, order="F" if column_order else "C")
    return found.astype(dtype.newbyteorder("="))


def _graph(
    x_indptr: NDArray, x_indices: NDArray, x_data: NDArray, x_shape: NDArray, y: NDArray, edge_index: NDArray
) -> Graph:
    for name, array in (("x_indptr", x_indptr), ("x_indices", x_indices), ("x_shape", x_shape)):
        if array.dtype.kind not in "iu":
            raise ValueError(f"{name} must hold whole numbers, got {array.dtype}")
    if len(x_shape) != 2 or x_shape[0] != len(y) or len(x_indptr) != len(y) + 1 or len(x_data) != len(x_indices):
        raise ValueError(f"{len(y)} labels and features of shape {x_shape.tolist()} do not fit together")
    starts = x_indptr.astype(np.int64)
    if starts[0] != 0 or starts[-1] != len(x_indices) or (np.diff(starts) < 0).any():
        raise ValueError(f"x_indptr must rise from 0 to {len(x_indices)}")
    if len(x_indices) and not 0 <= x_indices.min() <= x_indices.max() < x_shape[1]:
        raise ValueError(f"x_indices must be 0 to {x_shape[1] - 1}, got {x_indices.min()} to {x_indices.max()}")
    if not np.isfinite(x_data).all() or np.abs(x_data).max(initial=0) > np.finfo(np.float32).max:
        raise ValueError("some features are not finite as float32")
    features = csr_matrix((x_data.astype(np.float32), x_indices.astype(np.int64), starts), tuple(x_shape.tolist()))
    features.sum_duplicates()
    labels = labels_from(y, CLASSES)
    adjacency, degrees = adjacency_of(len(y), edge_index)
    order = permutation(SPLIT, "page-page split", len(y))
    fifth = len(y) // SHARE
    parts = order[: len(y) - 2 * fifth], order[len(y) - 2 * fifth : len(y) - fifth], order[len(y) - fifth :]
    train, validation, test = (torch.sort(part).values for part in parts)
    return Graph(csr_tensor(features), labels, adjacency, degrees, train, validation, test, CLASSES)


PAGES = GraphSet(pages, 22_470, 170_823, 4_714, CLASSES)
