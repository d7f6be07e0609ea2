"""A short digest of all of a data set, so that results and checkpoints of other data are known as such."""

from hashlib import sha256

from torch import Tensor, sparse_csr

from torch_backend.data.files import Files
from torch_backend.data.sets import PARTS, Graph, Images


def fingerprint(data: Graph | Images) -> str:
    """Return ten hexadecimal digits of every value: images, labels, parts, features, edges and constants.

    Image files count by all of their bytes, their names and places do not. About two seconds for a gigabyte in memory.
    Raises OSError or ValueError, naming the file, where an image file cannot be read or is no image that can be used.
    """
    digest = sha256()

    def add(name: str, value: object) -> None:
        if isinstance(value, Tensor):
            if value.layout == sparse_csr:
                add(f"{name} {tuple(value.shape)}", value.crow_indices())
                add("columns", value.col_indices())
                value = value.values()
            value = value.detach().cpu().contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
            digest.update(value.numpy().data)
        elif isinstance(value, Files):
            digest.update(f"{name} {value.size} {value.shorter} {len(value)};".encode())
            for one in value.digests():
                digest.update(one)
        else:
            digest.update(f"{name} {value};".encode())

    add("classes", data.classes)
    if isinstance(data, Graph):
        for name in ("x", "labels", "adjacency", "degrees", *PARTS):
            add(name, getattr(data, name))
    else:
        for name in PARTS:
            add(f"{name} inputs", getattr(data, name).inputs)
            add(f"{name} labels", getattr(data, name).labels)
        add("mean", data.mean)
        add("std", data.std)
    return digest.hexdigest()[:10]
