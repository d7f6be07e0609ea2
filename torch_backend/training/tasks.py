"""What a model is trained on: batches of images that lie in memory, or a whole graph."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from torch_backend.data import Graph, Images, Part, adjacency_of
from torch_backend.data.augment import normalised
from torch_backend.masks import streams
from torch_backend.training.ranks import ALONE, Ranks

EVALUATED = 500  # images that go through a model at a time when nothing is learnt


@dataclass
class ImageTask:
    """Images in memory on the model's device, every epoch in an order of its own, augmented on the device.

    ranks: loss and accuracy take this rank's share, while order, batches and augmentation are those of one process.
    The model gets batches that are contiguous, or channels-last where that is asked for, whatever layout the images
    have. Raises ValueError when a batch has fewer images than there are ranks, or when the images are not as their
    class says.
    """

    images: Images
    seed: int
    batch: int
    augment: bool
    channels_last: bool = False
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        self.images.checked()
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))
        total = len(self.images.train)
        least = min(self.batch, total % self.batch or self.batch)
        if least < self.ranks.world:
            raise ValueError(
                f"batches of {self.batch} out of {total} images leave one of {least}, too few for {self.ranks.world} "
                "ranks; start fewer, or take another --batch"
            )

    @property
    def steps(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-len(self.images.train) // self.batch)

    def loss(self, model: nn.Module, epoch: int, step: int) -> Tensor:
        """Return the mean cross-entropy of a batch, or this rank's part of it: the mean is the sum over ranks."""
        x, labels, share = self.examples(epoch, step)
        return functional.cross_entropy(model(x), labels) * share

    def examples(self, epoch: int, step: int) -> tuple[Tensor, Tensor, float]:
        """Return what the model gets of a batch, its labels, and which share of the batch this rank has."""
        part, mine = self.images.train, self.ranks.mine
        if self._order[0] != epoch:
            order = streams.permutation(self.seed, "data order", len(part), epoch)
            self._order = epoch, order.to(part.labels.device)
        rows = self._order[1][step * self.batch : (step + 1) * self.batch]
        draws = None
        if self.augment:
            words = streams.half_words(self.seed, f"augmentation/{epoch}", part.draws * len(rows), step)
            draws = torch.from_numpy(words.astype(np.int64)).to(rows.device).reshape(part.draws, -1)
        own = rows[mine]
        x = part.batch(own, None if draws is None else draws[:, mine])
        return self._ready(x), part.labels[own], len(own) / len(rows)

    def portions(self, part: str) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what the model gets of a part, a portion at a time, and the labels: those of this rank."""
        found: Part = getattr(self.images, part)
        for x, labels in found.portions(EVALUATED, self.ranks.mine):
            yield self._ready(x), labels

    def _ready(self, x: Tensor) -> Tensor:
        x = normalised(x, self.images.mean, self.images.std)
        return x.contiguous(memory_format=torch.channels_last if self.channels_last else torch.contiguous_format)

    @torch.no_grad()
    def logits(self, model: nn.Module, part: str) -> Tensor:
        """Return the logits of a part in its order, (N, classes)."""
        model.eval()
        inputs = getattr(self.images, part).inputs
        return torch.cat([model(self._ready(x)) for x in inputs.split(EVALUATED)])

    @torch.no_grad()
    def accuracy(self, model: nn.Module, part: str) -> float:
        """Return the share of right answers, counted by all ranks together."""
        model.eval()
        found: Part = getattr(self.images, part)
        right = torch.zeros((), dtype=torch.int64, device=found.labels.device)
        for x, labels in self.portions(part):
            right += (model(x).argmax(1) == labels).sum()
        self.ranks.add([right])
        return int(right) / len(found)

    def ones(self, dtype: torch.dtype) -> tuple[Tensor]:
        """Return one image of ones."""
        image = self._ready(self.images.train.batch(torch.tensor([0], device=self.images.train.labels.device)))
        return (torch.ones_like(image, dtype=dtype),)


@dataclass
class GraphTask:
    """All nodes of one graph at every step; the parts are sets of nodes.

    Raises ValueError when the graph is not as its class says.
    """

    graph: Graph
    steps: int = 1

    def __post_init__(self) -> None:
        self.graph.checked()

    def loss(self, model: nn.Module, epoch: int, step: int) -> Tensor:
        """Return the cross-entropy over the training nodes."""
        nodes = self.graph.train
        return functional.cross_entropy(model(self.graph.x, self.graph)[nodes], self.graph.labels[nodes])

    @torch.no_grad()
    def logits(self, model: nn.Module, part: str) -> Tensor:
        """Return the logits of a part's nodes, (N, classes)."""
        model.eval()
        found: Tensor = model(self.graph.x, self.graph)[getattr(self.graph, part)]
        return found

    def accuracy(self, model: nn.Module, part: str) -> float:
        """Return the share of right answers."""
        labels = self.graph.labels[getattr(self.graph, part)]
        return int((self.logits(model, part).argmax(1) == labels).sum()) / len(labels)

    def ones(self, dtype: torch.dtype) -> tuple[Tensor, Graph]:
        """Return two nodes joined by an edge, with features of one: every node with neighbours would see the same."""
        adjacency, degrees = (part.to(self.graph.x.device, dtype) for part in adjacency_of(2, np.array([[0], [1]])))
        pair = replace(self.graph, adjacency=adjacency, degrees=degrees)
        return torch.ones(2, self.graph.x.shape[1], dtype=dtype, device=self.graph.x.device), pair
