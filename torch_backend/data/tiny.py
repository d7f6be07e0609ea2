"""Twenty classes of Tiny-ImageNet in memory, from an archive that is not unpacked, or from its folder.

The archive ``tiny_imagenet20.tar`` holds train/CLASS/*.JPEG and val/CLASS/*.JPEG below one folder. As the images lie in
memory (135 MB at 64 x 64 pixels), they are augmented as those of CIFAR are, by shifts and flips. The images of val are
the test set. Nothing of the archive is written to disk.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from slt.core.checks import first_line
from torch_backend.data.folder import ENDINGS, MEAN, STD
from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Images, ImageSet, Part
from torch_backend.data.split import four_to_one

ARCHIVE, FOLDER = "tiny_imagenet20.tar", "tiny_imagenet20"
CLASSES, IMAGES, SIDE = 20, 10_000, 64
LARGEST_FILE = 2**22  # bytes of an image file
BILINEAR = 2  # Pillow's number of it

Found = tuple[str, str, str, bytes]  # part, class, where it is, content


def _read(root: Path, seed: int, images: int, size: int) -> Images:
    """Return the images at size x size, 0 for their own, the training images split by ``seed``."""
    side = size or SIDE
    if (root / FOLDER).is_dir():
        path, found = root / FOLDER, list(_in_folder(root / FOLDER))
    else:
        advice = "it has twenty classes, as tiny_imagenet20/train/CLASS/*.JPEG and tiny_imagenet20/val/CLASS/*.JPEG"
        path = folder_of("Tiny-ImageNet of 20 classes", root, (".",), (ARCHIVE,), advice) / ARCHIVE
        found = list(_in_archive(path))
    names = sorted({name for _, name, _, _ in found})
    if len(names) != CLASSES or {part for part, *_ in found} != {"train", "val"}:
        raise ValueError(f"{path} must have train and val of {CLASSES} classes, got {len(names)} classes")
    pool, test = (_part([one for one in found if one[0] == part], names, side) for part in ("train", "val"))
    train, validation = four_to_one(len(pool), seed, images)
    return Images(
        Part(pool.batch(train), pool.labels[train]),
        Part(pool.batch(validation), pool.labels[validation]),
        test,
        torch.tensor(MEAN),
        torch.tensor(STD),
        CLASSES,
    )


def _in_archive(path: Path) -> Iterator[Found]:
    """Yield the image files of an archive; raise ValueError, naming it, where it is damaged."""
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                place = Path(member.name).parts[-3:]
                if not member.isfile() or len(place) < 3 or not member.name.lower().endswith(ENDINGS):
                    continue
                if member.size > LARGEST_FILE:
                    raise ValueError(f"{member.name[:80]} has {member.size:,} bytes, and {LARGEST_FILE:,} are read")
                content = archive.extractfile(member)
                assert content is not None  # of a plain file
                yield place[0], place[1], f"{path}: {member.name}", content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{path} is damaged: {first_line(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {first_line(error)}") from None


def _in_folder(folder: Path) -> Iterator[Found]:
    for path in sorted(folder.glob("*/*/*")):
        if path.is_file() and path.name.lower().endswith(ENDINGS):
            yield path.parts[-3], path.parts[-2], str(path), path.read_bytes()


def _part(found: list[Found], names: list[str], side: int) -> Part:
    """Return images and labels in the order of classes and of the files' names."""
    ordered = sorted(found, key=lambda one: one[1:3])
    pixels = np.empty((len(ordered), 3, side, side), np.uint8)
    for row, (_, _, where, content) in enumerate(ordered):
        pixels[row] = _pixels(content, where, side)
    return Part(torch.from_numpy(pixels), torch.tensor([names.index(name) for _, name, _, _ in ordered]))


def _pixels(content: bytes, where: str, side: int) -> NDArray[np.uint8]:
    from torch_backend.data.pictures import rgb_of  # needs Pillow, which other data do not

    image = rgb_of(content, where)
    if image.size != (side, side):
        image = image.resize((side, side), BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


TINY = ImageSet(_read, 3, SIDE, CLASSES, IMAGES, True)
