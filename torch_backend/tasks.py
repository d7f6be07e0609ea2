"""What a model is trained on: batches of images that lie in memory, or a whole graph."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from torch_backend import streams
from torch_backend.data import Graph, Images, adjacency_of
from torch_backend.data.augment import normalised

EVALUATED = 500  # images that go through a model at a time when nothing is learnt


@dataclass
class ImageTask:
    """Images in memory on the model's device, every epoch in an order of its own, augmented on the device."""

    images: Images
    seed: int
    batch: int
    augment: bool
    channels_last: bool = False

    def __post_init__(self) -> None:
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    @property
    def steps(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-len(self.images.train) // self.batch)

    def loss(self, model: nn.Module, epoch: int, step: int) -> Tensor:
        """Return the cross-entropy of a batch."""
        part = self.images.train
        if self._order[0] != epoch:
            order = streams.permutation(self.seed, "data order", len(part), epoch)
            self._order = epoch, order.to(part.labels.device)
        rows = self._order[1][step * self.batch : (step + 1) * self.batch]
        draws = None
        if self.augment:
            words = streams.half_words(self.seed, f"augmentation/{epoch}", part.draws * len(rows), step)
            draws = torch.from_numpy(words.astype(np.int64)).to(rows.device).reshape(part.draws, -1)
        x = part.batch(rows, draws)
        return functional.cross_entropy(model(self._ready(x)), part.labels[rows])

    def _ready(self, x: Tensor) -> Tensor:
        x = normalised(x, self.images.mean, self.images.std)
        return x.contiguous(memory_format=torch.channels_last) if self.channels_last else x

    @torch.no_grad()
    def logits(self, model: nn.Module, part: str) -> Tensor:
        """Return the logits of a part in its order, (N, classes)."""
        model.eval()
        inputs = getattr(self.images, part).inputs
        return torch.cat([model(self._ready(x)) for x in inputs.split(EVALUATED)])

    def accuracy(self, model: nn.Module, part: str) -> float:
        """Return the share of right answers."""
        labels: Tensor = getattr(self.images, part).labels
        return _share(self.logits(model, part), labels)

    def ones(self, dtype: torch.dtype) -> tuple[Tensor]:
        """Return one image of ones."""
        image = self._ready(self.images.train.batch(torch.tensor([0], device=self.images.train.labels.device)))
        return (torch.ones_like(image, dtype=dtype),)


@dataclass
class GraphTask:
    """All nodes of one graph at every step; the parts are sets of nodes."""

    graph: Graph
    steps: int = 1

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
        return _share(self.logits(model, part), self.graph.labels[getattr(self.graph, part)])

    def ones(self, dtype: torch.dtype) -> tuple[Tensor, Graph]:
        """Return two nodes joined by an edge, with features of one: every node with neighbours would see the same."""
        adjacency, degrees = (part.to(self.graph.x.device, dtype) for part in adjacency_of(2, np.array([[0], [1]])))
        pair = replace(self.graph, adjacency=adjacency, degrees=degrees)
        return torch.ones(2, self.graph.x.shape[1], dtype=dtype, device=self.graph.x.device), pair


def _share(logits: Tensor, labels: Tensor) -> float:
    return int((logits.argmax(1) == labels).sum()) / len(labels)
