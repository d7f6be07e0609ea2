"""What is known of a data set before it is read, and what every loader returns: images in three parts, or a graph.

``checked`` is the door for both: whatever comes from a file or from other code is right in every value, or refused.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slt.core.checks import whole
from torch_backend.data.augment import crop_and_flip
from torch_backend.data.files import Files

PARTS = ("train", "validation", "test")
LARGEST_SIDE = 4096  # pixels


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
        moved = {name: getattr(self, name).to(device) for name in (*PARTS, "mean", "std")}
        return replace(self, **moved)

    def checked(self) -> "Images":
        """Return these images, or raise ValueError for the first thing that is not as the class says."""
        for name in PARTS:
            part = getattr(self, name)
            _check_labels(f"{name} labels", part.labels, 0, whole("classes", self.classes, 1))
            if len(part) != len(part.inputs):
                raise ValueError(f"{name}: {len(part.inputs)} images need as many labels, got {len(part)}")
            if not len(part):
                raise ValueError(f"{name}: there is no image")
            if isinstance(part.inputs, Files):
                channels = 3
            elif part.inputs.dtype == torch.uint8 and part.inputs.ndim == 4 and part.inputs[0].numel():
                channels = part.inputs.shape[1]
            else:
                found = f"{part.inputs.dtype} of shape {tuple(part.inputs.shape)}"
                raise ValueError(f"{name}: images must be uint8 (N, channels, height, width), got {found}")
            if self.mean.shape != (channels,) or self.std.shape != (channels,):
                raise ValueError(f"{name}: images of {channels} channels need as many means and deviations")
        if not self.mean.isfinite().all() or not self.std.isfinite().all() or not (self.std > 0).all():
            raise ValueError("means must be finite and deviations above 0")
        return self


@dataclass(frozen=True)
class Graph:
    """A graph with features and labels of its nodes.

    x: float32 (nodes, features), in CSR layout where most are 0; labels: int64 (nodes,), -1 where a node has none;
    adjacency: symmetric float32 CSR matrix of ones, without self-loops; degrees: float32 (nodes,), its row sums;
    train, validation, test: int64 node numbers, none of them twice, all of them with labels.
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
        names = ("x", "labels", "adjacency", "degrees", *PARTS)
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def row_normalised(self) -> "Graph":
        """Return the graph with each node's features divided by the sum of their absolute values, where that is not 0.

        Of features that are 0 or 1 each is divided by how many a node has.
        """
        if self.x.layout == torch.sparse_csr:
            starts, columns, values = self.x.crow_indices(), self.x.col_indices(), self.x.values()
            rows = torch.arange(len(self.x), device=values.device).repeat_interleave(starts.diff().long())
            sums = torch.zeros(len(self.x), device=values.device).index_add_(0, rows, values.abs())
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Sparse CSR tensor support")  # said once per process
                x = torch.sparse_csr_tensor(
                    starts, columns, values / _above_zero(sums)[rows], self.x.shape, check_invariants=True
                )
        else:
            x = self.x / _above_zero(self.x.abs().sum(1, keepdim=True))
        return replace(self, x=x)

    def checked(self) -> "Graph":
        """Return this graph, or raise ValueError for the first thing that is not as the class says."""
        if self.x.dtype != torch.float32 or self.x.ndim != 2 or 0 in self.x.shape:
            raise ValueError(f"features must be float32 (nodes, features), got {self.x.dtype} {tuple(self.x.shape)}")
        values = self.x.values() if self.x.layout == torch.sparse_csr else self.x
        if not values.isfinite().all():
            raise ValueError("some features are not finite as float32")
        nodes = len(self.x)
        _check_labels("labels", self.labels, -1, whole("classes", self.classes, 1))
        if len(self.labels) != nodes:
            raise ValueError(f"{nodes} nodes with features need as many labels, got {len(self.labels)}")
        self._check_edges()
        part_of = torch.full((nodes,), -1, device=self.x.device)
        for number, name in enumerate(PARTS):
            part = getattr(self, name)
            if part.dtype != torch.int64 or part.ndim != 1 or not len(part):
                raise ValueError(f"{name} must be a list of node numbers, got {part.dtype} {tuple(part.shape)}")
            if not 0 <= int(part.min()) <= int(part.max()) < nodes:
                raise ValueError(f"{name} lists node {_outside(part, 0, nodes)}; nodes are 0 to {nodes - 1}")
            if len(part.unique()) != len(part):
                raise ValueError(f"{name} lists a node twice")
            taken = part[part_of[part] >= 0]
            if len(taken):
                raise ValueError(f"node {int(taken[0])} is in {PARTS[int(part_of[taken[0]])]} and in {name}")
            bare = part[self.labels[part] < 0]
            if len(bare):
                raise ValueError(f"node {int(bare[0])} is in {name} and has no label")
            part_of[part] = number
        return self

    def _check_edges(self) -> None:
        nodes, matrix = len(self.x), self.adjacency
        if matrix.layout != torch.sparse_csr or matrix.shape != (nodes, nodes) or matrix.dtype != torch.float32:
            raise ValueError(f"the adjacency of {nodes} nodes must be a square float32 matrix in CSR layout")
        degrees, columns = matrix.crow_indices().diff().long(), matrix.col_indices().long()
        rows = torch.arange(nodes, device=degrees.device).repeat_interleave(degrees)
        pairs = rows * nodes + columns
        if not (matrix.values() == 1).all() or (rows == columns).any() or len(pairs.unique()) != len(pairs):
            raise ValueError("the adjacency must hold ones, no self-loop, and no edge twice")
        if not torch.equal((columns * nodes + rows).sort().values, pairs.sort().values):
            raise ValueError("the adjacency must be symmetric: an edge leads one way only")
        if self.degrees.dtype != torch.float32 or not torch.equal(self.degrees, degrees.float()):
            raise ValueError("degrees must be the row sums of the adjacency, float32")


@dataclass(frozen=True)
class ImageSet:
    """A data set of images before it is read.

    read: takes the root, the seed of the split, how many images (0 for all) and their side in pixels. size: the side
    of its images, in pixels; resized: whether another can be asked for. images: for training and validation together.
    classes and images are 0 where only the files can say.
    """

    read: Callable[[Path, int, int, int], Images]
    channels: int
    size: int
    classes: int
    images: int
    resized: bool = False

    def side(self, size: int = 0) -> int:
        """Return the side of the images at this choice of ``size``, 0 for the set's own; ValueError if it cannot be."""
        if whole("size", size) in (0, self.size):
            return self.size
        if not self.resized:
            raise ValueError(f"size must be 0 or {self.size}: these images are not resized, got {size}")
        if size > LARGEST_SIDE:
            raise ValueError(f"size must be at most {LARGEST_SIDE} pixels, got {size}")
        return size

    def sizes(self, size: int = 0) -> dict[str, int]:
        """Return what a model needs to know: channels, size, classes."""
        return {"channels": self.channels, "size": self.side(size), "classes": self.classes}


@dataclass(frozen=True)
class GraphSet:
    """A graph before it is read. edges: pairs of different nodes; inputs: features of a node."""

    read: Callable[[Path], Graph]
    nodes: int
    edges: int
    inputs: int
    classes: int

    def sizes(self, size: int = 0) -> dict[str, int]:
        """Return what a model needs to know: inputs, classes; ValueError for a size, which only images have."""
        if whole("size", size):
            raise ValueError(f"a graph has no images: size must be 0, got {size}")
        return {"inputs": self.inputs, "classes": self.classes}


def labels_from(found: Sequence[Any] | NDArray[Any], classes: int) -> Tensor:
    """Return labels as int64 (N,).

    found: a list or an array of whole numbers of any type and byte order. Raises ValueError, showing the first one that
    is no whole number from 0 to classes - 1; True and 1.0 are none.
    """
    if not isinstance(found, list | np.ndarray) or (isinstance(found, np.ndarray) and found.ndim != 1):
        raise ValueError(f"labels must be a list, got {shown(found)}")
    for label in found:
        number = isinstance(label, int | np.integer) and not isinstance(label, bool)
        if not number or not 0 <= label < classes:
            raise ValueError(f"labels must be whole numbers from 0 to {classes - 1}, got {shown(label)}")
    return torch.tensor([int(label) for label in found], dtype=torch.int64)


def _check_labels(name: str, labels: Tensor, least: int, classes: int) -> None:
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise ValueError(f"{name} must be int64 (N,), got {labels.dtype} {tuple(labels.shape)}")
    if len(labels) and not least <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"{name} must be {least} to {classes - 1}, got {_outside(labels, least, classes)}")


def _above_zero(sums: Tensor) -> Tensor:
    return torch.where(sums > 0, sums, torch.ones_like(sums))


def _outside(values: Tensor, least: int, end: int) -> int:
    """Return the first value that is not in least, ..., end - 1."""
    return int(values[(values < least) | (values >= end)][0])
