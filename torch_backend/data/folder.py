"""Image folders such as ImageNet's: train/CLASS/*.jpeg and val/CLASS/*.jpeg, decoded batch by batch.

The images of val/ are the test set, as usual for ImageNet; validation images are split off train/ by the seed. Classes
are numbered in the order of their names, by the numbers of the characters: 10 comes before 9, and B before a. What
editors and systems leave behind is skipped: hidden names, thumbnails, archives' extras.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from torch_backend.data.files import Files
from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Images, ImageSet, Part
from torch_backend.data.split import four_to_one

ENDINGS = (
    ".apng", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
    ".tiff", ".webp",
)  # fmt: skip
# beside hidden names, which start with a dot
LEFT_BEHIND = ("__MACOSX", "__pycache__", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information",
               "lost+found")  # fmt: skip
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, used for all


def _read(
    name: str,
    folders: tuple[str, ...],
    advice: str,
    own: int,
    margin: bool,
    root: Path,
    seed: int,
    images: int,
    size: int,
) -> Images:
    """Return the images of the first of these folders that is there. margin: 256 pixels are cut to 224, as usual."""
    folder = folder_of(name, root, folders, ("train", "val"), advice)
    size = size or own
    return read_folder(folder, size, size * 8 // 7 if margin else size, seed, images)


def read_folder(folder: Path, size: int, shorter: int, seed: int = 0, images: int = 0) -> Images:
    """Return the images of a folder at size x size, cut from the centre of images whose shorter side is ``shorter``.

    Raises ValueError when a class has no image, when an image lies outside of all classes, is a link to nothing or no
    plain file, or when train and val do not have the same classes; OSError when a folder cannot be read.
    """
    (train_paths, train_labels, names), (test_paths, test_labels, others) = (
        _listed(folder / part) for part in ("train", "val")
    )
    if names != others:
        odd = sorted(set(names) ^ set(others))
        raise ValueError(f"{folder}: train and val must have the same classes, but {odd[0]} is in one of them only")
    train, validation = four_to_one(len(train_paths), seed, images)

    def part(paths: list[str], labels: list[int]) -> Part:
        return Part(Files(tuple(paths), size, shorter), torch.tensor(labels))

    return Images(
        part([train_paths[row] for row in train], [train_labels[row] for row in train]),
        part([train_paths[row] for row in validation], [train_labels[row] for row in validation]),
        part(test_paths, test_labels),
        torch.tensor(MEAN),
        torch.tensor(STD),
        len(names),
    )


def _listed(folder: Path) -> tuple[list[str], list[int], list[str]]:
    """Return the paths and labels of all images in a folder of classes, and the names of the classes."""
    entries = _entries(folder)
    outside = [entry.name for entry in entries if _is_picture(entry) and not entry.is_dir()]
    if outside:
        raise ValueError(f"{folder / outside[0]} lies beside the class folders, so it has no class")
    names = [entry.name for entry in entries if entry.is_dir()]
    if not names:
        raise ValueError(f"{folder} has no class folders")
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = sorted(_pictures(folder / name, ()))
        if not found:
            raise ValueError(f"{folder / name} has no images ({', '.join(ENDINGS)})")
        paths += found
        labels += [label] * len(found)
    return paths, labels, names


def _pictures(folder: Path, above: tuple[str, ...]) -> Iterator[str]:
    """Yield the paths of all images in a folder and in the folders in it, which may be links."""
    own = os.path.realpath(folder)
    if own in above:
        raise ValueError(f"{folder} is a link to a folder that it lies in")
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _pictures(folder / entry.name, (*above, own))
        elif _is_picture(entry):
            if not entry.is_file():
                raise ValueError(f"{entry.path} is no file, or a link to none")
            yield entry.path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder in the order of the names, but for what was left behind by accident."""
    with os.scandir(folder) as found:
        return sorted(
            (entry for entry in found if not entry.name.startswith((".", "~$")) and entry.name not in LEFT_BEHIND),
            key=lambda entry: entry.name,
        )


def _is_picture(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(ENDINGS)


IMAGENET = ImageSet(
    partial(
        _read, "ImageNet", ("imagenet", "ImageNet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC", "."),
        "download ILSVRC2012 from https://image-net.org and unpack it as train/CLASS/*.JPEG and val/CLASS/*.JPEG",
        224, True,
    ),
    3, 224, 1000, 1_281_167, True,
)  # fmt: skip
TINY_IMAGENET = ImageSet(
    partial(
        _read, "Tiny-ImageNet", ("tiny-imagenet-200", "tiny-imagenet", "tiny_imagenet20", "."),
        "download http://cs231n.stanford.edu/tiny-imagenet-200.zip and sort it as train/CLASS/*.JPEG, val/CLASS/*.JPEG",
        64, False,
    ),
    3, 64, 200, 100_000, True,
)  # fmt: skip
FOLDER = ImageSet(
    partial(
        _read, "the image folder", (".",),
        "an image folder has train/CLASS/*.jpeg and val/CLASS/*.jpeg; --data says where it is",
        224, True,
    ),
    3, 224, 0, 0, True,
)  # fmt: skip
