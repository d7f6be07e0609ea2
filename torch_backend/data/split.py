"""Training images apart from validation images, four to one, by the seed alone."""

from torch import Tensor

from slt.core.checks import whole
from torch_backend.masks.streams import permutation

SHARE = 5  # every fifth image is for validation


def four_to_one(total: int, seed: int, images: int = 0) -> tuple[Tensor, Tensor]:
    """Return the row numbers of training and validation, int64, out of ``total`` at random places, each ascending.

    images: how many of the total are used for both together, 0 for all; fewer images are among those of more.
    Raises ValueError when there are not that many or fewer than 5.
    """
    used = whole("images", images) or total
    if used > total:
        raise ValueError(f"images must be at most {total}, got {used}")
    if used < SHARE:
        raise ValueError(f"images must be at least {SHARE} to be split four to one, got {used}")
    order = permutation(seed, "validation split", total)[:used]
    return order[used // SHARE :].sort().values, order[: used // SHARE].sort().values
