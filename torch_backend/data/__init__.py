"""Data sets by name, read from the usual layouts: images in memory or in folders, and citation graphs.

Nothing is downloaded. What is missing is named with the place to get it from, what is damaged is named with its file,
and no file can make the reader run anything. What is known of a data set before it is read is in its one record.
"""

from collections.abc import Mapping
from pathlib import Path

from slt.core.checks import one_of
from slt.core.places import data_root
from slt.core.registry import Registry
from torch_backend.data.digest import fingerprint
from torch_backend.data.files import Files
from torch_backend.data.folder import read_folder
from torch_backend.data.graphs import adjacency_of
from torch_backend.data.sets import Graph, GraphSet, Images, ImageSet, Part

# a data set is one file and one line here
IMAGES: Mapping[str, ImageSet] = Registry(
    {
        "cifar10": "torch_backend.data.cifar:CIFAR10",
        "cifar100": "torch_backend.data.cifar:CIFAR100",
        "mnist": "torch_backend.data.digits:MNIST",
        "fashion-mnist": "torch_backend.data.digits:FASHION",
        "imagenet": "torch_backend.data.folder:IMAGENET",
        "tiny-imagenet": "torch_backend.data.folder:TINY_IMAGENET",
        "tiny-imagenet-20": "torch_backend.data.tiny:TINY",
        "folder": "torch_backend.data.folder:FOLDER",
    }
)
GRAPHS: Mapping[str, GraphSet] = Registry(
    {
        "cora": "torch_backend.data.planetoid:CORA",
        "citeseer": "torch_backend.data.planetoid:CITESEER",
        "pubmed": "torch_backend.data.planetoid:PUBMED",
        "pages": "torch_backend.data.pages:PAGES",
        "arxiv": "torch_backend.data.arxiv:ARXIV",
    }
)

__all__ = [
    "GRAPHS", "IMAGES", "Files", "Graph", "GraphSet", "ImageSet", "Images", "Part", "adjacency_of", "fingerprint",
    "load", "read_folder", "record_of",
]  # fmt: skip


def record_of(name: str) -> ImageSet | GraphSet:
    """Return what is known of a data set before it is read; raise ValueError for an unknown name."""
    one_of("data set", name, (*IMAGES, *GRAPHS))
    return IMAGES[name] if name in IMAGES else GRAPHS[name]


def load(name: str, root: str | Path | None = None, *, seed: int = 0, images: int = 0, size: int = 0) -> Images | Graph:
    """Return a data set by name from ``root``, else $SLT_DATA, else ~/.cache/slt-verify.

    seed: splits training images 4:1 into training and validation; test images and the parts of graphs are the official
    ones. images: how many training and validation images together, 0 for all. size: the side in pixels to which image
    files are resized, 0 for the data set's own.
    Raises ValueError for an unknown name or damaged data, FileNotFoundError saying what to download from where.
    """
    record, folder = record_of(name), data_root(root)
    record.sizes(size)
    if isinstance(record, GraphSet) and images:
        raise ValueError(f"{name} is a graph: images must be 0, got {images}")
    found = record.read(folder, seed, images, size) if isinstance(record, ImageSet) else record.read(folder)
    try:
        return found.checked()
    except ValueError as error:
        raise ValueError(f"{name} in {folder} is damaged: {error}") from None
