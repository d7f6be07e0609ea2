"""What every loader returns: images in three parts, or a graph with three sets of nodes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from torch_backend.data.augment import crop_and_flip
from torch_backend.data.files import Files


@dataclass(frozen=True)
class Part:
    """Labelled images. inputs: uint8 (N, channels, H, W), in memory or decoded when asked for; labels: int64 (N,)."""

    inputs: Tensor | Files
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def draws(self) -> int:
        """Random words that the augmentation of one image takes."""
        return self.inputs.draws if isinstance(self.inputs, Files) else 3

    def batch(self, rows: Tensor, draws: Tensor | None = None) -> Tensor:
        """Return the images of ``rows``, augmented by 32-bit words ``draws`` (self.draws, rows) where these are given.

        Images in memory are shifted and flipped, files are cropped at random, resized and flipped.
        """
        if draws is None:
            return self.inputs[rows]
        if isinstance(self.inputs, Files):
            return self.inputs.augmented(rows, draws)
        return crop_and_flip(self.inputs[rows], draws)

    def portions(self, count: int, mine: slice) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images and labels in their order, ``count`` at a time, of those portions that ``mine`` chooses."""
        inputs = self.inputs
        images = inputs.split(count, mine) if isinstance(inputs, Files) else inputs.split(count)[mine]
        yield from zip(images, self.labels.split(count)[mine], strict=True)

    def to(self, device: torch.device | str) -> "Part":
        """Return the part with its tensors on ``device``."""
        return Part(self.inputs.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Images:
    """Images to learn from, to choose by and to be judged by. mean, std: float32 (channels,) of values in [0, 1]."""

    train: Part
    validation: Part
    test: Part
    mean: Tensor
    std: Tensor
    classes: int

    def to(self, device: torch.device | str) -> "Images":
        """Return the images with all tensors on ``device``."""
        moved = {name: getattr(self, name).to(device) for name in ("train", "validation", "test", "mean", "std")}
        return replace(self, **moved)


@dataclass(frozen=True)
class Graph:
    """A graph with features and labels of its nodes.

    x: float32 (nodes, features), in CSR layout where most are 0; labels: int64 (nodes,), -1 where a node has none;
    adjacency: symmetric float32 CSR matrix of ones, without self-loops; degrees: float32 (nodes,), its row sums;
    train, validation, test: int64 node numbers.
    """

    x: Tensor
    labels: Tensor
    adjacency: Tensor
    degrees: Tensor
    train: Tensor
    validation: Tensor
    test: Tensor
    classes: int

    def to(self, device: torch.device | str) -> "Graph":
        """Return the graph with all tensors on ``device``."""
        names = ("x", "labels", "adjacency", "degrees", "train", "validation", "test")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})
