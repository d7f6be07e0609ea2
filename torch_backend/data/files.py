"""Images that stay in their files until a batch asks for them: decoded, cropped and resized."""

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slt.core.checks import whole

Item = TypeVar("Item")
Found = TypeVar("Found")

ATTEMPTS = 10  # boxes that a random crop tries before it takes the centre
BILINEAR = 2  # Pillow's number of it
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Files:
    """Image files as a sequence of uint8 images (3, size, size).

    shorter: an image is scaled so that its shorter side has this many pixels, then size x size are cut from its centre.
    Batches are decoded by ``threads`` threads and come to ``device``, contiguous.
    Raises ValueError when size is below 1 or above ``shorter``.
    """

    paths: tuple[str, ...]
    size: int
    shorter: int
    device: torch.device | str = "cpu"
    threads: int = os.cpu_count() or 1

    draws = 2 * ATTEMPTS + 3

    def __post_init__(self) -> None:
        whole("shorter", self.shorter, whole("size", self.size, 1))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Return the centre crops of ``rows``.

        Raises ValueError naming a file that is no image, OSError when it cannot be read.
        """
        return self._decoded(rows, lambda place, width, height: (self._centre(width, height), False))

    def augmented(self, rows: Tensor, draws: Tensor) -> Tensor:
        """Return random crops of ``rows``, resized to size x size and half of them mirrored.

        draws: (23, rows) random 32-bit words, of which :func:`random_box` takes 22 and the mirroring one.
        """
        words = draws.cpu().numpy() / 2**32
        return self._decoded(
            rows, lambda place, width, height: (random_box(width, height, words[:-1, place]), words[-1, place] < 0.5)
        )

    def split(self, count: int, mine: slice = slice(None)) -> Iterator[Tensor]:
        """Yield all images in their order, ``count`` at a time, or those of these portions that ``mine`` chooses."""
        for rows in torch.arange(len(self)).split(count)[mine]:
            yield self[rows]

    def digests(self) -> Iterator[bytes]:
        """Yield a digest of all bytes of every file in turn.

        Raises ValueError naming a file whose header is not that of an image that can be used, OSError when it cannot be
        read.
        """
        for start in range(0, len(self), 1024):
            yield from self._all(_digest, self.paths[start : start + 1024])

    def to(self, device: torch.device | str) -> "Files":
        """Return the same files, whose batches come to ``device``."""
        return replace(self, device=device)

    def _centre(self, width: int, height: int) -> Box:
        side = min(width, height) * self.size / self.shorter
        left, top = (width - side) / 2, (height - side) / 2
        return left, top, left + side, top + side

    def _decoded(self, rows: Tensor, box_of: Callable[[int, int, int], tuple[Box, bool]]) -> Tensor:
        places = rows.tolist()
        out = np.empty((len(places), 3, self.size, self.size), np.uint8)

        def fill(place: int) -> None:
            out[place] = _read(self.paths[places[place]], self.size, lambda *shape: box_of(place, *shape))

        self._all(fill, range(len(places)))
        return torch.from_numpy(out).to(self.device)

    def _all(self, function: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
        """Return the function of every item, worked out by all threads."""
        with warnings.catch_warnings(), ThreadPoolExecutor(self.threads) as pool:
            warnings.simplefilter("ignore")  # Pillow's, on metadata that are not used here
            return list(pool.map(function, items))


def random_box(width: int, height: int, uniforms: NDArray[np.float64]) -> Box:
    """Return (left, top, right, bottom) of a random crop: 8% to 100% of the area, sides at 3:4 to 4:3.

    The first of ten random boxes that fits is taken, or the largest central one of an allowed ratio (Szegedy et al.
    2015, Going Deeper with Convolutions, section 6). uniforms: (22,) numbers in [0, 1): ten areas, ten ratios, a place.
    """
    areas = width * height * (AREA[0] + (AREA[1] - AREA[0]) * uniforms[:ATTEMPTS])
    ratios = np.exp(math.log(RATIO[0]) + math.log(RATIO[1] / RATIO[0]) * uniforms[ATTEMPTS : 2 * ATTEMPTS])
    wides, highs = np.rint(np.sqrt(areas * ratios)), np.rint(np.sqrt(areas / ratios))
    fits = np.flatnonzero((wides >= 1) & (wides <= width) & (highs >= 1) & (highs <= height))
    if len(fits):
        wide, high = int(wides[fits[0]]), int(highs[fits[0]])
        left = int(uniforms[-2] * (width - wide + 1))
        top = int(uniforms[-1] * (height - high + 1))
    else:
        wide, high = min(width, round(height * RATIO[1])), min(height, round(width / RATIO[0]))
        left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high


def _read(path: str, size: int, box_of: Callable[[int, int], tuple[Box, bool]]) -> NDArray[np.uint8]:
    """Return a box of an image at size x size, (3, size, size)."""
    from torch_backend.data.pictures import rgb  # needs Pillow, which other data do not

    image = rgb(path)
    box, mirrored = box_of(*image.size)
    pixels = np.asarray(image.resize((size, size), BILINEAR, box=box)).transpose(2, 0, 1)
    return pixels[:, :, ::-1] if mirrored else pixels


def _digest(path: str) -> bytes:
    from torch_backend.data.pictures import checked_bytes

    return blake2b(checked_bytes(path), digest_size=16).digest()
