"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017), from their idx files."""

from pathlib import Path

import torch

from common.idx import read_images
from torch_backend.data.sets import Images, Part
from torch_backend.data.split import four_to_one


def mnist(root: Path, seed: int = 0, images: int = 0) -> Images:
    """Return the handwritten digits, (1, 28, 28), the training images split by ``seed``."""
    return _read("MNIST", root, seed, images, 0.1307, 0.3081)


def fashion(root: Path, seed: int = 0, images: int = 0) -> Images:
    """Return the pieces of clothing, (1, 28, 28), the training images split by ``seed``."""
    return _read("FashionMNIST", root, seed, images, 0.2860, 0.3530)


def _read(name: str, root: Path, seed: int, images: int, mean: float, std: float) -> Images:
    pool, test = (_part(name, root, part) for part in ("train", "test"))
    train, validation = four_to_one(len(pool), seed, images)
    return Images(
        Part(pool.batch(train), pool.labels[train]),
        Part(pool.batch(validation), pool.labels[validation]),
        test,
        torch.tensor([mean]),
        torch.tensor([std]),
        10,
    )


def _part(name: str, root: Path, part: str) -> Part:
    pixels, labels = read_images(root, part, name)
    if labels.max(initial=0) > 9:
        raise ValueError(f"{name} {part} is damaged: labels must be at most 9, got {labels.max()}")
    return Part(torch.tensor(pixels)[:, None], torch.tensor(labels, dtype=torch.int64))
