"""Data sets by name, read from the usual layouts: images in memory or in folders, and citation graphs.

Nothing is downloaded. What is missing is named with the place to get it from, what is damaged is named with its file,
and no file can make the reader run anything.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from common.checks import one_of
from common.places import data_root
from torch_backend.data.arxiv import arxiv
from torch_backend.data.cifar import cifar10, cifar100
from torch_backend.data.digits import fashion, mnist
from torch_backend.data.files import Files
from torch_backend.data.folder import any_folder, imagenet, read_folder, tiny_imagenet
from torch_backend.data.graphs import adjacency_of
from torch_backend.data.planetoid import citeseer, cora, pubmed
from torch_backend.data.sets import Graph, Images, Part

IMAGES: Mapping[str, Callable[[Path, int, int], Images]] = MappingProxyType(
    {
        "cifar10": cifar10,
        "cifar100": cifar100,
        "mnist": mnist,
        "fashion-mnist": fashion,
        "imagenet": imagenet,
        "tiny-imagenet": tiny_imagenet,
        "folder": any_folder,
    }
)
GRAPHS: Mapping[str, Callable[[Path], Graph]] = MappingProxyType(
    {"cora": cora, "citeseer": citeseer, "pubmed": pubmed, "arxiv": arxiv}
)

__all__ = ["GRAPHS", "IMAGES", "Files", "Graph", "Images", "Part", "adjacency_of", "load", "read_folder"]


def load(name: str, root: str | Path | None = None, *, seed: int = 0, images: int = 0) -> Images | Graph:
    """Return a data set by name from ``root``, else $SLT_DATA, else ~/.cache/slt-verify.

    seed: splits training images 4:1 into training and validation; test images and the parts of graphs are the official
    ones. images: how many training and validation images together, 0 for all.
    Raises ValueError for an unknown name or damaged data, FileNotFoundError saying what to download from where.
    """
    one_of("data set", name, (*IMAGES, *GRAPHS))
    folder = data_root(root)
    if name in IMAGES:
        return IMAGES[name](folder, seed, images)
    if images:
        raise ValueError(f"{name} is a graph: images must be 0, got {images}")
    return GRAPHS[name](folder)
