"""Image files and image folders: the right pixels of every mode or a refusal by name; what is listed."""

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from torch_backend.data import fingerprint, load
from torch_backend.data.files import Files
from torch_backend.data.pictures import PER_BYTE, PIXELS, rgb

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], 2)
ALPHA = np.where(np.arange(8) < 4, 255, 0).astype(np.uint8) * np.ones((6, 1), np.uint8)  # the right half is not seen
SEEN = np.where(ALPHA[..., None] == 255, COLOUR, 255)
SEEN_GREY = np.where(ALPHA == 255, GREY, 255)[..., None] * np.ones(3, np.uint8)


def saved(tmp_path, image, end=".png", **options):
    path = tmp_path / f"a{end}"
    image.save(path, **options)
    return str(path)


def pixels(path):
    image = rgb(path)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def with_alpha(image):
    image.putalpha(Image.fromarray(ALPHA))
    return image


# ---- right pixels

GREY_RGB = GREY[..., None] * np.ones(3, np.uint8)
BILEVEL = ((GREY > 100) * 255)[..., None] * np.ones(3, np.uint8)
EXACT = {
    "1": (lambda: Image.fromarray(GREY).point(lambda v: 255 * (v > 100), "1"), BILEVEL, (".png", ".tif", ".bmp")),
    "L": (lambda: Image.fromarray(GREY), GREY_RGB, (".png", ".tif", ".bmp", ".pgm", ".gif")),
    "P": (lambda: Image.fromarray(GREY).convert("P"), GREY_RGB, (".png", ".tif", ".bmp", ".gif")),
    "RGB": (lambda: Image.fromarray(COLOUR), COLOUR, (".png", ".tif", ".bmp", ".ppm")),
    "LA": (lambda: with_alpha(Image.fromarray(GREY)), SEEN_GREY, (".png", ".tif")),
    "RGBA": (lambda: with_alpha(Image.fromarray(COLOUR)), SEEN, (".png", ".tif")),
    "PA": (lambda: with_alpha(Image.fromarray(GREY).convert("P")), SEEN_GREY, (".tif",)),
    "CMYK": (lambda: Image.fromarray(COLOUR).convert("CMYK"), COLOUR, (".tif",)),
    "I;16": (lambda: Image.fromarray(GREY.astype(np.uint16) * 256 + 77), GREY_RGB, (".png", ".tif", ".pgm")),
    "I;16B": (lambda: Image.fromarray((GREY.astype(np.uint16) * 256 + 77).astype(">u2")), GREY_RGB, (".tif",)),
}


@pytest.mark.parametrize(("mode", "end"), [(mode, end) for mode, (*_, ends) in EXACT.items() for end in ends])
def test_every_mode_that_says_its_pixels_is_read_exactly(tmp_path, mode, end):
    make, expected, _ = EXACT[mode]
    np.testing.assert_array_equal(pixels(saved(tmp_path, make(), end)), expected)


@pytest.mark.parametrize(("mode", "end"), [("YCbCr", ".tif"), ("CMYK", ".jpg"), ("RGB", ".jpg"), ("L", ".jpg")])
def test_modes_that_round_are_read_up_to_their_rounding(tmp_path, mode, end):
    grey = np.linspace(20, 230, 64).reshape(8, 8).astype(np.uint8)
    image = Image.fromarray(np.stack([grey, grey.T, 255 - grey], 2)).resize((32, 32)).convert(mode)
    options = {"quality": 100, "subsampling": 0} if end == ".jpg" else {}
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert abs(pixels(saved(tmp_path, image, end, **options)) - expected).max() <= 4


@pytest.mark.parametrize("transparency", [3, bytes([255, 255, 255, 0, 255])])
def test_a_transparent_colour_of_a_palette_is_white(tmp_path, transparency):
    image = Image.fromarray(np.arange(5, dtype=np.uint8)[None])
    image = image.convert("P")
    image.putpalette([10, 0, 0, 20, 0, 0, 30, 0, 0, 40, 0, 0, 50, 0, 0])
    found = pixels(saved(tmp_path, image, transparency=transparency))
    assert found[0].tolist() == [[10, 0, 0], [20, 0, 0], [30, 0, 0], [255, 255, 255], [50, 0, 0]]


def test_half_transparent_pixels_are_half_white_and_one_transparent_colour_is_white(tmp_path):
    half = Image.new("RGBA", (1, 1), (100, 0, 200, 128))
    expected = [round((128 * value + 127 * 255) / 255) for value in (100, 0, 200)]
    assert pixels(saved(tmp_path, half))[0, 0].tolist() == expected
    assert (
        pixels(saved(tmp_path, Image.new("RGB", (1, 1), (1, 2, 3)), transparency=(1, 2, 3)))[0, 0].tolist() == [255] * 3
    )
    assert pixels(saved(tmp_path, Image.new("L", (1, 1), 7), transparency=7))[0, 0].tolist() == [255] * 3


@pytest.mark.parametrize("value", [0, 255, 256, 300, 4095, 32768, 65535])
def test_sixteen_bits_of_grey_and_of_colour_become_the_same_eight(tmp_path, value):
    grey = pixels(saved(tmp_path, Image.new("I;16", (2, 2), value)))
    assert grey[0, 0].tolist() == [value >> 8] * 3
    (tmp_path / "b.png").write_bytes(png(2, 16, 1, 1, b"\0" + struct.pack(">3H", value, value, value)))
    assert np.array_equal(pixels(tmp_path / "b.png"), grey[:1, :1])


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("end", [".png", ".tif", ".webp", ".jpg"])
def test_images_stand_upright_as_their_camera_says(tmp_path, orientation, end):
    array = np.full((16, 32, 3), 10, np.uint8)
    array[:8, :8] = 250
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 100}}.get(end, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = saved(tmp_path, Image.fromarray(array), end, exif=exif, **options)
        found = pixels(path)[..., 0] > 128
    # row 0 and column 0 of what is stored are, in the table of the EXIF standard: top or bottom, left or right, swapped
    stored = array[..., 0] > 128
    expected = {
        2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.T, 6: stored[::-1].T,
        7: stored[::-1, ::-1].T, 8: stored[:, ::-1].T,
    }.get(orientation, stored)  # fmt: skip
    np.testing.assert_array_equal(found, expected)


def test_a_damaged_exif_block_says_nothing_and_warns_nobody(tmp_path):
    path = saved(tmp_path, Image.fromarray(COLOUR), ".jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0")
    files = Files((path,), 4, 4, threads=1)
    assert files[torch.tensor([0])].shape == (1, 3, 4, 4)
    assert len(list(files.digests())) == 1


def test_a_cameras_jpeg_with_a_preview_is_its_first_picture(tmp_path):
    path = saved(tmp_path, Image.fromarray(COLOUR), ".mpo", save_all=True, append_images=[Image.new("RGB", (8, 6))],
                 quality=100, subsampling=0)  # fmt: skip
    assert abs(pixels(path) - COLOUR).mean() < 3


# ---- refusals


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(colour, depth, width, height, raw, *extra, level=9):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    chunks = [header, *extra, chunk(b"IDAT", zlib.compress(raw, level)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def image_bytes(image, kind, **options):
    from io import BytesIO

    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def twelve_bits():
    """A TIFF of 12-bit samples, which would come out at a sixteenth of their brightness."""
    data = bytearray(image_bytes(Image.new("I;16", (2, 2), 4095), "TIFF"))
    at = data.index(struct.pack("<HHI", 258, 3, 1))
    data[at + 8 : at + 10] = struct.pack("<H", 12)
    return bytes(data)


SIXTEEN = Image.new("I;16", (2, 2), 9)
FRAMES = {"save_all": True, "append_images": [Image.new("RGB", (8, 6), "red")]}
REFUSED = {
    "a.tif of mode I": (image_bytes(Image.new("I", (2, 2), 9), "TIFF"), "mode I is not read"),
    "a.tif of mode F": (image_bytes(Image.new("F", (2, 2), 9), "TIFF"), "mode F is not read"),
    "a.tif of mode LAB": (image_bytes(Image.new("LAB", (2, 2)), "TIFF"), "mode LAB is not read"),
    "a.pfm": (b"Pf 1 1 -1.0\n\0\0\0\0", "mode F is not read"),
    "a.tif with white 0": (image_bytes(SIXTEEN, "TIFF", tiffinfo={262: 0}), "mode I;16 is read at the full scale"),
    "a.tif of 12 bits": (twelve_bits(), "mode I;16 is read at the full scale|not an image"),
    "a.gif that moves": (image_bytes(Image.fromarray(COLOUR), "GIF", **FRAMES), r"2 frames or pages.*\(mode "),
    "a.png that moves": (image_bytes(Image.fromarray(COLOUR), "PNG", **FRAMES), r"2 frames or pages.*\(mode RGB\)"),
    "a.webp that moves": (image_bytes(Image.fromarray(COLOUR), "WEBP", **FRAMES), r"2 frames or pages.*\(mode RGB\)"),
    "a.tif of pages": (image_bytes(Image.fromarray(COLOUR), "TIFF", **FRAMES), r"2 frames or pages.*\(mode RGB\)"),
    "grey of 16 bits, one transparent": (
        png(0, 16, 1, 1, b"\0\x12\x34", chunk(b"tRNS", b"\x12\x34")), "mode I;16 with one transparent colour"),
    "colour of 16 bits, one transparent": (
        png(2, 16, 1, 1, b"\0" + b"\x12\x34" * 3, chunk(b"tRNS", b"\x12\x34" * 3)),
        "mode RGB with one transparent colour of 16 bits"),
    "a program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "it is none of BMP, GIF, JPEG, PNG"),
    "nothing": (b"", "it is none of"),
    "no pixels": (png(0, 8, 0, 0, b""), "it is none of|0 x 0 pixels"),
    "no rows": (b"P6 5 0 255\n", "it is none of|5 x 0 pixels"),
    "a bomb": (png(0, 1, 40_000, 40_000, b"\0"), "pixels"),
    "a smaller bomb": (png(0, 1, 9_000, 9_000, bytes(9_000 * 1_126)), "bytes stand for 9000 x 9000 pixels"),
    "a wrong checksum": (
        png(3, 8, 1, 1, b"\0\0", chunk(b"PLTE", bytes(3))).replace(b"PLTE\0", b"PLTE\1"), "its header is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_has_no_one_right_reading_is_refused_by_its_name(tmp_path, name):
    content, line = REFUSED[name]
    path = tmp_path / f"{name}.png"
    path.write_bytes(content)
    files = Files((str(path),), 4, 4, threads=1)
    for use in (lambda: files[torch.tensor([0])], lambda: list(files.digests())):
        with pytest.raises(ValueError, match=f"{name}.png is not an image that can be read: .*({line})"):
            use()


def test_what_is_not_refused_is_bounded_by_the_size_of_its_file(tmp_path):
    blank = saved(tmp_path, Image.new("1", (4096, 4096)))
    assert os.path.getsize(blank) * PER_BYTE < PIXELS  # a blank page is small, and read all the same
    assert pixels(blank).shape == (4096, 4096, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_a_truncated_image_is_refused_or_whole_wherever_it_is_cut(tmp_path, kind):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (10, 9, 3), dtype=np.uint8))
    content = image_bytes(image, kind)
    path = tmp_path / "a.png"
    path.write_bytes(content)
    good = pixels(path)
    refused = 0
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        try:
            found = pixels(path)
        except ValueError:
            refused += 1
        else:
            assert np.array_equal(found, good)
    assert refused > len(content) * 0.8


def test_one_changed_bit_of_a_png_is_noticed(tmp_path):
    content = png(0, 8, 40, 1, b"\0" + bytes(range(40)), level=0)
    path = tmp_path / "a.png"
    place = content.index(bytes(range(9, 30)))
    path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
    with pytest.raises(ValueError, match=f"{path} is not an image"):
        rgb(path)


# ---- batches


def folder_of_images(root, count=6):
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for name in ("a", "b"):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                array = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
                Image.fromarray(array).save(root / part / name / f"{i}.png")
    return root


def test_batches_from_files_are_contiguous_and_of_the_size_that_is_asked_for(tmp_path):
    folder_of_images(tmp_path)
    for size in (0, 16, 40):
        images = load("folder", tmp_path, size=size)
        side = size or 224
        rows = torch.tensor([0, 3])
        draws = torch.randint(0, 2**32, (images.train.draws, 2), generator=torch.Generator().manual_seed(0))
        batches = [
            images.train.batch(rows),
            images.train.batch(rows, draws),
            next(images.test.portions(3, slice(None)))[0],
        ]
        assert all(batch.is_contiguous() and batch.shape[1:] == (3, side, side) for batch in batches)
    assert images.test.inputs.shorter == 40 * 8 // 7


@pytest.mark.parametrize(
    ("name", "size", "line"),
    [
        ("cifar10", 64, "size must be 0 or 32: these images are not resized, got 64"),
        ("mnist", 32, "size must be 0 or 28"),
        ("cora", 5, "a graph has no images: size must be 0, got 5"),
        ("folder", -1, "size must be at least 0, got -1"),
        ("folder", 10**9, "size must be at most 4096 pixels"),
    ],
)
def test_a_size_that_cannot_be_is_refused_before_any_file_is_looked_for(tmp_path, name, size, line):
    with pytest.raises(ValueError, match=line):
        load(name, tmp_path, size=size)


# ---- what is listed

LEFT = [
    "train/a/._0.png", "train/.DS_Store", "train/a/.DS_Store", "train/.ipynb_checkpoints/0-checkpoint.png",
    "train/a/.ipynb_checkpoints/0-checkpoint.png", "train/a/Thumbs.db", "train/Thumbs.db", "val/desktop.ini",
    "train/a/.0.png.swp", "train/a/0.png~", "train/a/#0.png#", "train/a/.#0.png", "train/a/~$0.png",
    "train/__MACOSX/a/._0.png", "train/a/__MACOSX/0.png", "train/a/@eaDir/0.png/thumb.jpg",
    "val/.Trash-1000/files/0.png",
    "train/$RECYCLE.BIN/0.png", "train/a/.@__thumb/0.jpg", "train/.git/objects/0.png", "val/lost+found/0.png",
    "train/a/boxes.txt", "train/labels.csv", "train/System Volume Information/x.png", "train/a/0.png.part",
    "train/a/.nfs0001.png", ".DS_Store", "train/a/.AppleDouble/0.png", "train/a/.thumbnails/0.png",
]  # fmt: skip


@pytest.mark.parametrize("left", LEFT)
def test_what_editors_and_systems_leave_behind_changes_nothing(tmp_path, left):
    folder_of_images(tmp_path)
    before = load("folder", tmp_path, size=16)
    path = tmp_path / left
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    after = load("folder", tmp_path, size=16)
    assert after.train.inputs.paths == before.train.inputs.paths
    assert after.test.inputs.paths == before.test.inputs.paths
    assert fingerprint(after) == fingerprint(before)


def test_all_images_of_a_class_are_found_whatever_their_ending_and_their_folder(tmp_path):
    folder_of_images(tmp_path)
    (tmp_path / "val" / "a" / "deep").mkdir()
    for path in ("0.JPG", "1.jpeg", "2.bmp", "3.TIFF", "4.webp", "deep/5.ppm", "6.gif"):
        Image.fromarray(COLOUR).save(tmp_path / "val" / "a" / path)
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "val" / "a").rename(elsewhere)
    (tmp_path / "val" / "a").symlink_to(elsewhere)
    (elsewhere / "linked").symlink_to(folder_of_images(tmp_path / "others") / "val" / "b")
    images = load("folder", tmp_path, size=16)
    assert torch.bincount(images.test.labels).tolist() == [6 + 7 + 6, 6]
    assert images.test.batch(torch.arange(25)).shape == (25, 3, 16, 16)


def test_classes_are_in_the_order_of_the_characters_of_their_names(tmp_path):
    for part in ("train", "val"):
        for value, name in enumerate(["a", "B", "10", "9", "é"]):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (4, 4), (value, 0, 0)).save(tmp_path / part / name / "0.png")
    images = load("folder", tmp_path, size=4)
    assert images.test.batch(torch.arange(5))[:, 0, 0, 0].tolist() == [2, 3, 1, 0, 4]
    assert images.test.labels.tolist() == list(range(5))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda root: (root / "train/c").mkdir(), "train/c has no images"),
        (lambda root: (root / "train/0.png").write_bytes(b""), "train/0.png lies beside the class folders"),
        (lambda root: (root / "train/a/x.png").symlink_to(root / "gone"), "x.png is no file, or a link to none"),
        (lambda root: os.mkfifo(root / "train/a/x.png"), "x.png is no file, or a link to none"),
        (
            lambda root: (root / "train/a/x").symlink_to(root / "train"),
            "x/a is a link to a folder that it lies in|loop",
        ),
        (lambda root: (root / "train/a/x").symlink_to(root / "train/a"), "x is a link to a folder that it lies in"),
    ],
    ids=["empty", "beside", "dangling", "pipe", "loop", "own"],
)
def test_a_folder_that_cannot_be_listed_rightly_is_refused_by_name(tmp_path, make, line):
    folder_of_images(tmp_path)
    make(tmp_path)
    with pytest.raises(ValueError, match=line):
        load("folder", tmp_path)


def test_a_folder_whose_name_ends_like_an_image_is_a_folder(tmp_path):
    folder_of_images(tmp_path)
    (tmp_path / "val" / "a" / "0.png").unlink()
    (tmp_path / "val" / "a" / "0.png").mkdir()
    assert len(load("folder", tmp_path).test) == 11
