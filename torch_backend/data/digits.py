"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017), from their idx files."""

from functools import partial
from pathlib import Path

import torch

from slt.core.idx import read_images
from torch_backend.data.sets import Images, ImageSet, Part
from torch_backend.data.split import four_to_one

CLASSES = 10


def _read(name: str, mean: float, std: float, root: Path, seed: int, images: int, size: int) -> Images:
    """Return (1, 28, 28) images, the training images split by ``seed``."""
    pool, test = (_part(name, root, part) for part in ("train", "test"))
    train, validation = four_to_one(len(pool), seed, images)
    return Images(
        Part(pool.batch(train), pool.labels[train]),
        Part(pool.batch(validation), pool.labels[validation]),
        test,
        torch.tensor([mean]),
        torch.tensor([std]),
        CLASSES,
    )


def _part(name: str, root: Path, part: str) -> Part:
    pixels, labels = read_images(root, part, name)
    if labels.max(initial=0) >= CLASSES:
        raise ValueError(f"{name} {part} is damaged: labels must be at most {CLASSES - 1}, got {labels.max()}")
    return Part(torch.tensor(pixels)[:, None], torch.tensor(labels, dtype=torch.int64))


MNIST = ImageSet(partial(_read, "MNIST", 0.1307, 0.3081), 1, 28, CLASSES, 60_000)
FASHION = ImageSet(partial(_read, "FashionMNIST", 0.2860, 0.3530), 1, 28, CLASSES, 60_000)
