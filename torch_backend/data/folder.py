"""Image folders such as ImageNet's: train/CLASS/*.jpeg and val/CLASS/*.jpeg, decoded batch by batch.

The images of val/ are the test set, as usual for ImageNet; validation images are split off train/ by the seed.
"""

from pathlib import Path

import torch

from torch_backend.data.files import Files
from torch_backend.data.lookup import folder_of
from torch_backend.data.sets import Images, Part
from torch_backend.data.split import four_to_one

ENDINGS = (".jpeg", ".jpg", ".png")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, used for all


def imagenet(root: Path, seed: int = 0, images: int = 0) -> Images:
    """Return ImageNet at 224 x 224 out of a shorter side of 256 pixels."""
    advice = "download ILSVRC2012 from https://image-net.org and unpack it as train/CLASS/*.JPEG and val/CLASS/*.JPEG"
    folders = ("imagenet", "ImageNet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC", ".")
    return read_folder(folder_of("ImageNet", root, folders, ("train", "val"), advice), 224, 256, seed, images)


def tiny_imagenet(root: Path, seed: int = 0, images: int = 0) -> Images:
    """Return Tiny-ImageNet at its own 64 x 64."""
    advice = (
        "download http://cs231n.stanford.edu/tiny-imagenet-200.zip and sort it as train/CLASS/*.JPEG, val/CLASS/*.JPEG"
    )
    folders = ("tiny-imagenet-200", "tiny-imagenet", "tiny_imagenet20", ".")
    return read_folder(folder_of("Tiny-ImageNet", root, folders, ("train", "val"), advice), 64, 64, seed, images)


def any_folder(root: Path, seed: int = 0, images: int = 0) -> Images:
    """Return your own images at 224 x 224: ``root`` itself has train/CLASS/ and val/CLASS/."""
    advice = "an image folder has train/CLASS/*.jpeg and val/CLASS/*.jpeg"
    return read_folder(folder_of("the image folder", root, (".",), ("train", "val"), advice), 224, 256, seed, images)


def read_folder(folder: Path, size: int, shorter: int, seed: int = 0, images: int = 0) -> Images:
    """Return the images of a folder at size x size, cut from the centre of images whose shorter side is ``shorter``.

    Classes are numbered in the order of their names. Raises ValueError when a class has no image, or when train and val
    do not have the same classes.
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
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    if not names:
        raise ValueError(f"{folder} has no class folders")
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = sorted(str(path) for path in (folder / name).rglob("*") if path.suffix.lower() in ENDINGS)
        if not found:
            raise ValueError(f"{folder / name} has no images ({', '.join(ENDINGS)})")
        paths += found
        labels += [label] * len(found)
    return paths, labels, names
