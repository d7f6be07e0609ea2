"""Loading by name: the real data sets, splits, missing and damaged files, augmentation."""

import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from torch_backend.data import GRAPHS, IMAGES, load
from torch_backend.data.augment import below, crop_and_flip, normalised
from torch_backend.data.files import Files, random_box
from torch_backend.data.folder import read_folder
from torch_backend.data.split import four_to_one


@pytest.fixture
def real():
    if "SLT_DATA" not in os.environ:
        pytest.skip("set SLT_DATA to the folder of the data sets to read the real ones")
    return Path(os.environ["SLT_DATA"])


# ---- real data


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "shape", "sizes"),
    [
        ("mnist", (1, 28, 28), (48_000, 12_000, 10_000)),
        ("cifar10", (3, 32, 32), (40_000, 10_000, 10_000)),
    ],
)
def test_real_images_have_the_published_counts_and_statistics(real, name, shape, sizes):
    images = load(name, real)
    parts = images.train, images.validation, images.test
    assert tuple(len(part) for part in parts) == sizes
    assert all(part.inputs.shape == (len(part), *shape) and part.inputs.dtype == torch.uint8 for part in parts)
    counts = torch.stack([torch.bincount(part.labels, minlength=images.classes) for part in parts]).sum(0)
    assert counts.numel() == 10
    if name == "cifar10":
        assert set(counts.tolist()) == {6_000}
    values = torch.cat([images.train.inputs, images.validation.inputs]).flatten(2) / 255
    # the constants are those of all training images, to four places
    torch.testing.assert_close(values.mean((0, 2)), images.mean, atol=6e-5, rtol=0)
    torch.testing.assert_close(values.std((0, 2)), images.std, atol=6e-4, rtol=0)


@pytest.mark.parametrize(
    ("name", "nodes", "edges", "features", "classes", "trained", "odd"),
    [("cora", 2_708, 10_556, 1_433, 7, 140, 0), ("citeseer", 3_327, 9_104, 3_703, 6, 120, 15)],
)
def test_real_graphs_have_the_published_counts(real, name, nodes, edges, features, classes, trained, odd):
    graph = load(name, real)
    assert graph.x.shape == (nodes, features)
    assert graph.x.dtype == torch.float32
    assert (graph.adjacency.values().numel(), graph.classes) == (edges, classes)
    assert [len(part) for part in (graph.train, graph.validation, graph.test)] == [trained, 500, 1_000]
    assert torch.bincount(graph.labels[graph.train]).tolist() == [20] * classes
    without = graph.labels < 0
    assert without.sum() == odd
    assert not graph.x.to_dense()[without].any()
    assert (graph.labels[graph.test] >= 0).all()
    assert (graph.labels[graph.validation] >= 0).all()
    # citations join papers of one field far more often than chance (below 0.2 here) would
    rows, columns = (graph.adjacency.to_sparse_coo().indices()).long()
    assert (graph.labels[rows] == graph.labels[columns]).float().mean() > 0.7


def test_the_real_arxiv_without_its_edges_says_what_is_missing(real):
    with pytest.raises(FileNotFoundError, match=r"raw/edge.csv.gz, raw/node-feat.csv.gz must be in .*arxiv.zip"):
        load("arxiv", real)


def test_tiny_imagenet_is_read_from_its_folders(real, tmp_path):
    with tarfile.open(real / "tiny_imagenet20.tar") as archive:
        pictures = [member for member in archive.getmembers() if member.name.endswith(".JPEG")]
        assert len(pictures) == 20 * (500 + 50)
        archive.extractall(tmp_path, pictures[::10], filter="data")  # 50 and 5 of each class
    images = load("tiny-imagenet", tmp_path, images=900)
    assert [len(part) for part in (images.train, images.validation, images.test)] == [720, 180, 100]
    assert images.classes == 20
    rows = torch.tensor([3, 70, 3])
    first = images.train.batch(rows)
    assert first.shape == (3, 3, 64, 64)
    assert torch.equal(first[0], first[2])
    with Image.open(images.train.inputs.paths[70]) as image:
        expected = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
    assert torch.equal(first[1], expected)
    assert images.test.labels.tolist() == [label for label in range(20) for _ in range(5)]
    larger = read_folder(tmp_path / "tiny_imagenet20", 224, 256)
    assert larger.test.batch(rows).shape == (3, 3, 224, 224)


# ---- the split


@given(total=st.integers(5, 300), seed=st.integers(0, 2**64 - 1), data=st.data())
def test_the_split_is_four_to_one_without_overlap(total, seed, data):
    used = data.draw(st.integers(5, total))
    train, validation = four_to_one(total, seed, used)
    assert len(validation) == used // 5
    assert len(train) == used - used // 5
    both = torch.cat([train, validation]).tolist()
    assert len(set(both)) == used
    assert set(both) <= set(range(total))
    assert set(both) <= set(torch.cat(four_to_one(total, seed)).tolist())


def test_the_split_depends_on_the_seed_and_on_nothing_else():
    torch.manual_seed(0)
    first = four_to_one(1_000, 7)
    torch.manual_seed(1)
    assert all(torch.equal(one, other) for one, other in zip(first, four_to_one(1_000, 7), strict=True))
    assert not torch.equal(first[1], four_to_one(1_000, 8)[1])
    # all 1,000 places are equally likely: 200 of them average 499.5 with standard deviation 18.3
    assert abs(first[1].float().mean() - 499.5) < 5 * 18.3


@pytest.mark.parametrize(("images", "line"), [(11, "at most 10"), (4, "at least 5"), (-1, "at least 0")])
def test_a_split_that_cannot_be_is_refused(images, line):
    with pytest.raises(ValueError, match=f"images must be {line}"):
        four_to_one(10, 0, images)


# ---- names, missing and damaged files


def test_an_unknown_data_set_lists_the_known():
    with pytest.raises(ValueError, match="data set must be one of cifar10, .*arxiv; got 'svhn'"):
        load("svhn")


@pytest.mark.parametrize("name", sorted([*IMAGES, *GRAPHS]))
def test_missing_data_say_what_belongs_where(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f"is not below {tmp_path}.*(download|has)"):
        load(name, tmp_path)


def test_the_root_is_taken_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SLT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        load("cora")


def test_a_graph_is_never_cut(tmp_path):
    with pytest.raises(ValueError, match="cora is a graph: images must be 0, got 100"):
        load("cora", tmp_path, images=100)


CIFAR_LABELS = [4, 0, 9, 1, 3]
CIFARS = [
    ("cifar10", "cifar-10-batches-py", [f"data_batch_{i}" for i in range(1, 6)], "test_batch", "labels", 10),
    ("cifar100", "cifar-100-python", ["train"], "test", "fine_labels", 100),
]


def write_cifar(root, folder, files, labels, classes, encode=str, changed=()):
    (root / folder).mkdir(exist_ok=True)
    for number, file in enumerate(files):
        batch = {
            "data": np.full((5, 3072), number, np.uint8) + np.arange(3072, dtype=np.uint8),
            labels: [(number + i) % classes for i in range(5)],
        }
        batch = {encode(key): value for key, value in (batch | dict(changed)).items()}
        (root / folder / file).write_bytes(pickle.dumps(batch, protocol=2))


@pytest.mark.parametrize(("name", "folder", "train", "test", "labels", "classes"), CIFARS)
@pytest.mark.parametrize("encode", [str, str.encode])
def test_cifar_batches_keep_order_channels_and_labels(tmp_path, name, folder, train, test, labels, classes, encode):
    write_cifar(tmp_path, folder, [*train, test], labels, classes, encode)
    images = load(name, tmp_path)
    assert len(images.train) + len(images.validation) == 5 * len(train)
    assert images.classes == classes
    assert images.test.labels.tolist() == [(len(train) + i) % classes for i in range(5)]
    # plane by plane: red of all rows, then green, then blue
    expected = (np.arange(3072) + len(train)).astype(np.uint8).reshape(3, 32, 32)
    assert all(np.array_equal(image, expected) for image in images.test.inputs.numpy())
    # a label stays with its image: batch k is k everywhere in its first pixel, labels k to k + 4
    for part in (images.train, images.validation):
        assert (((part.labels - part.inputs[:, 0, 0, 0].long()) % classes) < 5).all()


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"data": np.zeros((5, 3071), np.uint8)}, "data must be bytes of shape"),
        ({"data": np.zeros((5, 3072), np.float32)}, "data must be bytes of shape"),
        ({"data": [1, 2]}, "data must be bytes of shape"),
        ({"labels": [0, 1, 2, 3]}, "5 images need a list of as many labels"),
        ({"labels": 3}, "5 images need a list of as many labels"),
        ({"labels": [0, 1, 2, 3, 10]}, "labels must be whole numbers from 0 to 9, got 10"),
        ({"labels": [0, 1, 2, 3, -1]}, "got -1"),
        ({"labels": [0, 1, 2, 3, "cat"]}, "got 'cat'"),
        ({"labels": [0, 1, 2, 3, 4.0]}, "got 4.0"),
        ({"labels": [0, 1, 2, 3, True]}, "got True"),
        ({"labels": [0, 1, 2, 3, None]}, "got None"),
        ({"labels": [0, 1, 2, 3, [4]]}, r"got \[4\]"),
        ({"labels": [0, 1, 2, 3, 2**64 - 1]}, "got 18446744073709551615"),
        ({"labels": np.arange(5.0)}, "got .*0.0"),
        ({"labels": np.zeros((5, 1), int)}, "labels must be a list"),
        ({"labels": np.array([0, 1, 2, 3, 255], np.uint8)}, "got .*255"),
        ({"data": np.zeros((5, 3072), np.int8)}, "data must be bytes of shape"),
        ({"data": np.zeros((5, 3, 32, 32), np.uint8)}, "data must be bytes of shape"),
    ],
)
def test_a_damaged_cifar_batch_is_refused_by_name(tmp_path, changed, line):
    name, folder, train, test, labels, classes = CIFARS[0]
    write_cifar(tmp_path, folder, [*train, test], labels, classes)
    write_cifar(tmp_path, folder, ["data_batch_4"], labels, classes, changed=changed)
    with pytest.raises(ValueError, match=f"data_batch_4 is damaged: .*{line}"):
        load(name, tmp_path)


@pytest.mark.parametrize("labels", [[4, 0, 9, 1, 3], [np.int64(4), 0, np.uint8(9), 1, 3], "u1", ">i4", "<i8"], ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", range(6))
def test_cifar_batches_of_every_protocol_type_and_layout_are_read(tmp_path, protocol, order, labels):
    name, folder, train, test, key, classes = CIFARS[1]
    write_cifar(tmp_path, folder, [*train, test], key, classes)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3072)).astype(np.uint8)
    listed = np.array(CIFAR_LABELS, labels) if isinstance(labels, str) else labels
    batch = {b"data": np.asarray(pixels, order=order), b"fine_labels": listed, b"filenames": ["a.png"] * 5}
    (tmp_path / folder / test).write_bytes(pickle.dumps(batch, protocol))
    found = load(name, tmp_path).test
    assert np.array_equal(found.inputs.flatten(1).numpy(), pixels)
    assert found.labels.tolist() == CIFAR_LABELS
    assert found.inputs.is_contiguous()


@pytest.mark.parametrize("name", ["test_batch", "data_batch_1"])
def test_a_cifar_batch_without_images_is_refused(tmp_path, name):
    data_set, folder, train, test, labels, classes = CIFARS[0]
    write_cifar(tmp_path, folder, [*train, test], labels, classes)
    write_cifar(
        tmp_path, folder, [name], labels, classes, changed={"data": np.zeros((0, 3072), np.uint8), "labels": []}
    )
    if name == "data_batch_1":
        assert len(load(data_set, tmp_path).train) == 16
        return
    with pytest.raises(ValueError, match=f"cifar10 in {tmp_path} is damaged: test: there is no image"):
        load(data_set, tmp_path)


def test_a_cifar_batch_without_labels_or_end_is_refused(tmp_path):
    name, folder, train, test, labels, classes = CIFARS[0]
    write_cifar(tmp_path, folder, [*train, test], labels, classes)
    path = tmp_path / folder / "test_batch"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="test_batch is damaged"):
        load(name, tmp_path)
    path.write_bytes(pickle.dumps({"data": 1}, protocol=2))
    with pytest.raises(ValueError, match="test_batch is not a batch of CIFAR-10: it lacks data or labels"):
        load(name, tmp_path)


# ---- image folders


def write_folder(root, names=("cat", "dog"), count=5):
    for part in ("train", "val"):
        for value, name in enumerate(names):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                image = Image.new("RGB", (40 + i, 30), (100 * value, 10 * i, 0))
                image.save(root / part / name / f"{i}.png")


def test_an_image_folder_numbers_its_classes_by_name(tmp_path):
    write_folder(tmp_path, ("dog", "cat"))
    images = load("folder", tmp_path)
    assert (len(images.train), len(images.validation), len(images.test)) == (8, 2, 10)
    assert images.test.labels.tolist() == [0] * 5 + [1] * 5
    x = images.test.batch(torch.arange(10))
    assert x.shape == (10, 3, 224, 224)
    assert x[:, 0].float().mean((1, 2)).tolist() == [100] * 5 + [0] * 5  # "cat" was drawn second
    assert x[:, 1].float().mean((1, 2)).tolist() == [0, 10, 20, 30, 40] * 2
    chunks = list(images.test.inputs.split(4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    assert torch.equal(torch.cat(chunks), x)


def test_faulty_image_folders_are_refused_by_name(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "train" / "owl").mkdir()
    with pytest.raises(ValueError, match=r"train/owl has no images"):
        load("folder", tmp_path)
    Image.new("L", (8, 8)).save(tmp_path / "train" / "owl" / "0.png")
    with pytest.raises(ValueError, match="the same classes, but owl is in one of them only"):
        load("folder", tmp_path)
    (tmp_path / "val" / "owl").mkdir()
    path = tmp_path / "val" / "owl" / "0.JPEG"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:600])
    images = load("folder", tmp_path)
    with pytest.raises(ValueError, match=f"{path} is not an image that can be read"):
        images.test.batch(torch.tensor([10]))
    path.write_bytes(b"not an image")
    with pytest.raises(ValueError, match=f"{path} is not an image that can be read"):
        images.test.batch(torch.tensor([10]))


def ramp(path, width, height):
    """Red is the column, green the row."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    Image.fromarray(np.stack([columns, rows, 0 * rows], 2).astype(np.uint8)).save(path)


@pytest.mark.parametrize(("width", "height"), [(120, 64), (64, 120), (64, 64)])
def test_the_centre_is_cut_after_the_shorter_side_is_scaled(tmp_path, width, height):
    ramp(tmp_path / "a.png", width, height)
    (image,) = Files((str(tmp_path / "a.png"),), 28, 32)[torch.tensor([0])].float()
    # 64 pixels become 32, of which 28 are kept: 56 of the old around the centre, two a new pixel
    for channel, size in ((0, width), (1, height)):
        line = image[channel].mean(channel)
        expected = (size - 56) / 2 + 2 * torch.arange(28) + 0.5
        torch.testing.assert_close(line[1:-1], expected[1:-1], atol=0.51, rtol=0)


@given(width=st.integers(1, 400), height=st.integers(1, 400), seed=st.integers(0, 2**32))
def test_random_boxes_lie_in_the_image_and_keep_area_and_ratio(width, height, seed):
    left, top, right, bottom = random_box(width, height, np.random.default_rng(seed).random(22))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    wide, high = right - left, bottom - top
    if min(width, height) >= 100 and max(width, height) <= 4 / 3 * min(width, height):
        assert 0.08 * width * height - 200 <= wide * high
        assert 0.72 < wide / high < 1.39  # 3:4 and 4:3 with sides rounded


def test_random_boxes_use_all_their_freedom():
    rng = np.random.default_rng(0)
    boxes = np.array([random_box(100, 100, rng.random(22)) for _ in range(2_000)])
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    shares = wide * high / 1e4
    assert shares.min() < 0.1
    assert shares.max() > 0.97
    assert (wide / high).min() < 0.78
    assert (wide / high).max() > 1.29
    # places are uniform and independent: shares of the slack average 1/2, with the deviation of a uniform number, and
    # do not correlate
    free = (wide < 80) & (high < 80)
    shares = boxes[free, 0] / (100 - wide[free]), boxes[free, 1] / (100 - high[free])
    error = 5 / free.sum() ** 0.5
    assert all(abs(share.mean() - 0.5) < error * 12**-0.5 for share in shares)
    assert abs(np.corrcoef(*shares)[0, 1]) < error


def test_a_very_long_image_falls_back_to_its_centre():
    assert random_box(400, 30, np.full(22, 0.99)) == (180, 0, 220, 30)
    assert random_box(30, 400, np.full(22, 0.99)) == (0, 180, 30, 220)


def test_augmented_files_are_the_box_and_its_mirror_image(tmp_path):
    ramp(tmp_path / "a.png", 200, 100)
    files = Files((str(tmp_path / "a.png"),), 50, 57)
    draws = torch.from_numpy(np.random.default_rng(3).integers(0, 2**32, (files.draws, 1))).repeat(1, 2)
    draws[-1] = torch.tensor([2**31 - 1, 2**31])
    mirrored, plain = files.augmented(torch.tensor([0, 0]), draws).float()
    assert torch.equal(mirrored.flip(2), plain)
    left, top, right, bottom = random_box(200, 100, draws[:-1, 0].numpy() / 2**32)
    assert abs(plain[0].mean() - (left + right - 1) / 2) < 0.6
    assert abs(plain[1].mean() - (top + bottom - 1) / 2) < 0.6
    assert plain[0, 0, -1] > plain[0, 0, 0]


# ---- augmentation in memory


def naive_crop(image, top, left, flip, margin):
    channels, height, width = image.shape
    out = torch.zeros_like(image)
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                y, x = i + top - margin, (width - 1 - j if flip else j) + left - margin
                if 0 <= y < height and 0 <= x < width:
                    out[c, i, j] = image[c, y, x]
    return out


@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    margin=st.integers(0, 3),
    places=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 1)), min_size=1, max_size=4),
)
def test_crop_and_flip_equals_its_definition(height, width, margin, places):
    places = [(top % (2 * margin + 1), left % (2 * margin + 1), flip) for top, left, flip in places]
    count = 2 * margin + 1
    draws = torch.tensor(
        [[-(-(top << 32) // count), -(-(left << 32) // count), flip << 31] for top, left, flip in places]
    )
    size = len(places) * 2 * height * width
    images = (torch.arange(size) % 251 + 1).to(torch.uint8).reshape(len(places), 2, height, width)
    received = crop_and_flip(images, draws.T, margin)
    assert received.dtype == torch.uint8
    for image, place, result in zip(images, places, received, strict=True):
        assert torch.equal(result, naive_crop(image, *place, margin))


def test_every_shift_is_equally_likely():
    words = torch.from_numpy(np.random.default_rng(0).integers(0, 2**32, 90_000))
    counts = torch.bincount(below(words, 9), minlength=9)
    assert len(counts) == 9
    # binomial(90,000, 1/9): mean 10,000, standard deviation 94.3
    assert (counts - 10_000).abs().max() < 5 * 94.3
    assert below(torch.tensor([2**32 - 1]), 9) == 8


def test_normalised_images_have_the_wanted_mean_and_deviation():
    images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    values = images.double() / 255
    mean, std = values.mean((0, 2, 3)), values.std((0, 2, 3))
    received = normalised(images, mean.float(), std.float())
    assert received.dtype == torch.float32
    expected = (values - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(received.double(), expected, atol=1e-5, rtol=1e-5)


def test_a_part_augments_only_when_it_is_given_random_words(tmp_path):
    name, folder, train, test, labels, classes = CIFARS[0]
    write_cifar(tmp_path, folder, [*train, test], labels, classes)
    part = load(name, tmp_path).to("cpu").train
    rows = torch.tensor([0, 2])
    assert torch.equal(part.batch(rows), part.inputs[rows])
    draws = torch.tensor([[0, 0], [0, 0], [0, 2**31]])
    assert part.draws == len(draws)
    assert torch.equal(part.batch(rows, draws), crop_and_flip(part.inputs[rows], draws))
