"""CIFAR-10 and CIFAR-100 from their Python batches (Krizhevsky 2009, Learning Multiple Layers of Features)."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Images, ImageSet, Part, labels_from
from torch_backend.data.split import four_to_one
from torch_backend.data.unpickle import unpickle

SITE = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class _Layout:
    name: str
    folder: str
    archive: str
    train: tuple[str, ...]
    test: str
    labels: str
    classes: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


TEN = _Layout(
    "CIFAR-10", "cifar-10-batches-py", "cifar-10-python.tar.gz", tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test_batch", "labels", 10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616),
)  # fmt: skip
HUNDRED = _Layout(
    "CIFAR-100", "cifar-100-python", "cifar-100-python.tar.gz", ("train",),
    "test", "fine_labels", 100, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762),
)  # fmt: skip


def _read(layout: _Layout, root: Path, seed: int, images: int, size: int) -> Images:
    """Return the images in the order of their batches, the training images split by ``seed``; fine labels for 100."""
    advice = f"download {SITE}{layout.archive} and unpack it in {root}"
    folder = folder_of(layout.name, root, (layout.folder, "."), (*layout.train, layout.test), advice)
    batches = [_batch(folder / file, layout) for file in layout.train]
    pixels, labels = torch.cat([batch[0] for batch in batches]), torch.cat([batch[1] for batch in batches])
    train, validation = four_to_one(len(labels), seed, images)
    return Images(
        Part(pixels[train], labels[train]),
        Part(pixels[validation], labels[validation]),
        Part(*_batch(folder / layout.test, layout)),
        torch.tensor(layout.mean),
        torch.tensor(layout.std),
        layout.classes,
    )


def _batch(path: Path, layout: _Layout) -> tuple[Tensor, Tensor]:
    found = unpickle(path)
    if not isinstance(found, dict) or not {"data", layout.labels} <= set(found):
        raise ValueError(f"{path} is not a batch of {layout.name}: it lacks data or {layout.labels}")
    pixels, listed = found["data"], found[layout.labels]
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (3 * 32 * 32,):
        raise ValueError(f"{path} is damaged: data must be bytes of shape (images, 3072)")
    if not isinstance(listed, list | np.ndarray) or len(listed) != len(pixels):
        raise ValueError(f"{path} is damaged: {len(pixels)} images need a list of as many labels")
    try:
        labels = labels_from(listed, layout.classes)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    return torch.from_numpy(np.array(pixels, order="C")).reshape(-1, 3, 32, 32), labels


CIFAR10 = ImageSet(partial(_read, TEN), 3, 32, TEN.classes, 50_000)
CIFAR100 = ImageSet(partial(_read, HUNDRED), 3, 32, HUNDRED.classes, 50_000)
