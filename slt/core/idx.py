"""The idx files of MNIST and its relatives: arrays of bytes with their shape in the header, gzipped or not."""

import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import one_of

NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
SITES = {
    "MNIST": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "FashionMNIST": "https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion",
}

DEFLATED = 1032  # times smaller, at most, is what gzip makes of anything


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read one idx file of unsigned bytes.

    Raises ValueError naming the file when it is damaged, OSError when it cannot be read.
    """
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = _unzipped(data)
        except (EOFError, zlib.error) as error:
            raise ValueError(f"{path} is a damaged gzip file: {error}") from None
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an idx file of bytes: it starts with {data[:4].hex() or 'nothing'}")
    ends = 4 + 4 * data[3]
    shape = np.frombuffer(data[4:ends], ">u4").tolist() if len(data) >= ends else []
    if len(data) < ends or len(data) - ends != prod(shape):
        raise ValueError(f"{path} is damaged: {len(data)} bytes do not fit its header, shape {tuple(shape)}")
    return np.frombuffer(data, np.uint8, offset=ends).reshape(shape)


def _unzipped(data: bytes) -> bytes:
    """Return what a gzip file holds, and no more than an idx file with its header can have.

    Raises EOFError when the file ends too soon, zlib.error when its checksum or anything else is wrong.
    """
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    head = reader.decompress(data, 4 + 4 * 255)  # the header, of at most 255 dimensions
    ends = 4 + 4 * head[3] if len(head) > 3 else 4
    sizes = np.frombuffer(head[4:ends], ">u4").tolist() if len(head) >= ends else []
    # the second of these is there for the checksum, or for a byte too many
    for most in (max(min(prod(sizes), DEFLATED * len(data)), 1), 1):
        head += reader.decompress(reader.unconsumed_tail, most)
    if not reader.eof and not reader.unconsumed_tail:
        raise EOFError("it ends before its end marker")
    return head


def read_images(root: str | Path, part: str, name: str = "MNIST") -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (N, 28, 28) and labels (N,) of ``part``, train or test, below ``root``/name/raw, /name or itself.

    name: MNIST or FashionMNIST. Raises OSError telling what to download from where when they are not there, ValueError
    for an unknown part or name and when images and labels do not match.
    """
    one_of("part", part, tuple(NAMES))
    one_of("name", name, tuple(SITES))
    folders = [Path(root) / name / "raw", Path(root) / name, Path(root)]
    found = []
    for file in NAMES[part]:
        paths = [folder / f"{file}{end}" for folder in folders for end in ("", ".gz")]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise FileNotFoundError(
                f"{name} is not below {root}: {file}[.gz] is needed in {folders[0]}; download it from {SITES[name]}"
            )
        found.append(read_idx(path))
    images, labels = found
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(f"{name} {part}: {images.shape} images do not match {labels.shape} labels")
    return images, labels
