"""Augmentation and normalisation of whole batches, on the device where they lie."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def crop_and_flip(images: Tensor, draws: Tensor, margin: int = 4) -> Tensor:
    """Shift every image by up to ``margin`` pixels each way, zeros moving in, and mirror half of them.

    images: (N, channels, H, W), any dtype. draws: (3, N) int64 random 32-bit words: row 0 chooses the vertical shift,
    row 1 the horizontal one, row 2 the mirroring. The same as padding by ``margin``, cutting out H x W at a random
    place and flipping left to right. Returns the same shape and dtype.
    """
    height, width = images.shape[2:]
    tops, lefts = below(draws[:2], 2 * margin + 1)
    rows = tops[:, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    columns = lefts[:, None] + torch.where(below(draws[2], 2)[:, None] == 1, width - 1 - columns, columns)
    places = rows[:, :, None] * (width + 2 * margin) + columns[:, None, :]  # in an image that is padded and flattened
    padded = pad(images, (margin,) * 4).flatten(2)
    return padded.gather(2, places.flatten(1)[:, None].expand(-1, images.shape[1], -1)).reshape(images.shape)


def below(words: Tensor, count: int) -> Tensor:
    """Turn random 32-bit words (int64) into whole numbers uniform on 0, ..., count - 1.

    >>> below(torch.tensor([0, 2**31, 2**32 - 1]), 9).tolist()
    [0, 4, 8]
    """
    return words * count >> 32


def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return (images / 255 - mean) / std as float32; images: uint8 (N, channels, H, W), mean, std: (channels,)."""
    scale, shift = 1 / (255 * std), -mean / std
    return images.float().mul_(scale[:, None, None]).add_(shift[:, None, None])
