"""Whatever has happened to a file, its reader returns or says so in one line that names it, soon and in little memory.

Cut, flipped, overwritten, swollen and random bytes, and JSON with a value of another kind. Where a file has a checksum,
what is read is what was written, or refused. ``pytest tests/test_damaged_files.py --hypothesis-profile thorough`` tries
2,000 fresh examples of each.
"""

import copy
import gzip
import json
import pickle
import resource
import signal
import struct
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load as arrays_of
from safetensors.torch import save as tensor_bytes

from simulations.existence import build as building
from simulations.existence.target import Target, from_file, save
from slt.core.forms import like
from slt.core.idx import read_idx
from slt.core.store import Store, export_json, export_jsonl, read_json, read_jsonl
from torch_backend.commands import ticket
from torch_backend.data import load
from torch_backend.data.files import Files
from torch_backend.masks.supermask import freeze
from torch_backend.masks.threshold import select
from torch_backend.models import build
from torch_backend.tickets import files as tickets
from torch_backend.tickets import tensors
from torch_backend.training import pretrained, start
from torch_backend.training import run as training
from torch_backend.training.settings import Settings
from torch_backend.training.summary import table

COMMITTED = Path(__file__).parents[1] / "simulations" / "results"
SECONDS, BYTES = 10, 2**30  # that a reader may take at most, for files of some kilobytes
SIZES = {"width": 0.02, "channels": 1, "size": 5, "classes": 3}
ORIGIN = {"data": "d", "amp": "False"}
ROWS = [{"experiment": "x", "n": n, "measured": {"lower": 1, "value": None}} for n in range(3)]


class Kind(NamedTuple):
    """A kind of file. write: makes a good one; read: its reader; checked: it has a checksum."""

    name: str
    write: object
    read: object
    checked: bool = False


def write_store(path):
    with Store(path) as store:
        for row in ROWS:
            store.put("x", {"n": row["n"]}, 0, 0, row)  # closed, the store is this one file


def read_store(path):
    for beside in ("-wal", "-shm", "-journal"):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    with Store(path) as store:
        found = store.get("x", {"n": 1}, 0, 0), list(store.rows("x"))
    # rows may be lost and made again, but none is another
    assert found[0] in (None, ROWS[1])
    assert all(row in [{"seed": 0, "chunk": 0, **row} for row in ROWS] for row in found[1])
    return found


def write_target(path):
    rng = np.random.default_rng(0)
    save(path, Target("t", (rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, (2, 4))), inputs=rng.random((5, 3))))


def read_target(path):
    found = from_file(path)
    return [w.tolist() for w in found.weights], found.inputs.tolist(), found.labels.tolist()


def write_ticket(path, coding="packed"):
    source = {"prune": 0.25, "lock": 0.25, "seed": 3}
    model = freeze(build("mlp", **SIZES), **source)
    select(model, 0.5)
    tickets.save(path, model, architecture="mlp", sizes=SIZES, coding=coding)


def read_ticket(path):
    model, said = tickets.load(path)
    ticket.info(path, Quiet())
    return said, [parameter.tolist() for parameter in tickets.plain_model(model).state_dict().values()]


class Quiet:
    def print(self, *items):
        """Print nothing."""

    note = result = print


def write_checkpoint(path):
    model = build("mlp", **SIZES)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    rows = [{"epoch": 0, "validation": 0.5}]
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "rows": rows, "origin": ORIGIN}
    training.write_checkpoint(path, {**state, "best": {"validation": 0.5, "model": model.state_dict()}})


def plain(found):
    """Tensors as lists, so that == compares."""
    if isinstance(found, dict):
        return {name: plain(value) for name, value in found.items()}
    return found.tolist() if isinstance(found, torch.Tensor) else found


def weights():
    return build("mlp", **SIZES).state_dict()


def images(zipped):
    data = bytes([0, 0, 8, 3]) + np.array([4, 6, 5], ">u4").tobytes() + bytes(range(120))
    return gzip.compress(data) if zipped else data


def write_cifar(path):
    pixels = np.arange(2 * 3072, dtype=np.uint32).astype(np.uint8).reshape(2, 3072)
    batch = pickle.dumps({"data": pixels, "labels": [3, 9]}, protocol=2)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        (path.parent / name).write_bytes(batch)


def read_cifar(path):
    return load("cifar10", path.parent).test.labels.tolist()


def write_cora(path):
    rng = np.random.default_rng(0)
    features, labels = rng.integers(0, 2, (506, 4)).astype(np.float32), np.eye(3, dtype=np.int32)[[0, 1] * 253]
    links = defaultdict(list, {node: [] for node in range(506)})
    links[0] = [1, 1, 505]
    files = {"allx": features[:503], "x": features[:2], "tx": features[503:]}
    files = {name: scipy.sparse.csr_matrix(rows) for name, rows in files.items()}
    files |= {"ally": labels[:503], "y": labels[:2], "ty": labels[503:], "graph": links}
    for name, content in files.items():
        (path.parent / f"ind.cora.{name}").write_bytes(pickle.dumps(content, protocol=2))
    (path.parent / "ind.cora.test.index").write_text("503\n505\n504\n")


def read_graph(name, root):
    graph = load(name, root)
    return graph.x.shape, graph.labels.tolist()


def write_arxiv(path):
    tables = {"raw/edge": [[0, 1], [1, 2], [3, 4]], "raw/node-feat": [[0.5, -1.25]] * 5, "raw/node-label": [[3]] * 5}
    tables |= {"split/time/train": [[0], [1]], "split/time/valid": [[2]], "split/time/test": [[3], [4]]}
    for name, rows in tables.items():
        file = path.parents[1] / f"{name}.csv.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(",".join(map(str, row)) + "\n" for row in rows)
        file.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_pages(path):
    arrays = {"x_indptr": np.arange(11), "x_indices": np.arange(10) % 3, "x_data": np.ones(10), "x_shape": [10, 3]}
    np.savez_compressed(path, **arrays, y=np.arange(10) % 4, edge_index=np.array([[0, 1, 2], [1, 2, 3]]))


def write_image(path):
    Image.fromarray(np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)).save(path)


def read_image(path):
    return Files((str(path),), 8, 9, threads=1)[torch.tensor([0])].tolist()


def write_result(path):
    settings = Settings("mlp", "mnist")
    row = {"settings": asdict(settings), "seed": 0, "best_epoch": 3, "validation": 0.5, "test": 0.25, "bits": 12}
    export_json(path, {**row, "seconds": 1.5, "origin": ORIGIN})


def read_result(path):
    row = start.read_result(path, asdict(Settings("mlp", "mnist")), 0, ORIGIN, start.FORM)
    table({"a": Settings("mlp", "mnist")}, {"a": [row]})
    return row


def read_claim(path):
    start.claim(path.parent, asdict(Settings("mlp", "mnist")))


def read_limits(path):
    from simulations.experiments.limits import summary

    rows = read_jsonl(path, like(read_jsonl(COMMITTED / "limits.jsonl")))
    if not rows:
        raise ValueError(f"{path} holds no rows")
    return len(summary(rows).rows)


def write_limits(path):
    path.write_text("".join((COMMITTED / "limits.jsonl").read_text().splitlines(keepends=True)[:2]))


def in_main(path, name="result.json"):
    export_json(path, {"settings": {"seed": 0}, "command": "c", "rows": ROWS})


KINDS = [
    Kind("rows.jsonl", lambda path: export_jsonl(path, ROWS), read_jsonl),
    Kind("result.json", write_result, read_result),
    Kind("main.json", in_main, read_json),
    Kind("settings.json", lambda path: export_json(path, asdict(Settings("mlp", "mnist"))), read_claim),
    Kind("limits.jsonl", write_limits, read_limits),
    Kind("runs.sqlite", write_store, read_store),
    Kind("target.npz", write_target, read_target),
    Kind("part.npz", lambda path: building._write(path, np.ones((2, 3)), np.ones((2, 1), np.uint8)),
         lambda path: [a.tolist() for a in building._read(path, (np.ones((2, 3)), np.ones((2, 1), np.uint8)))]),
    Kind("ticket.safetensors", write_ticket, read_ticket, True),
    Kind("coded.safetensors", lambda path: write_ticket(path, "entropy"), read_ticket, True),
    Kind("checkpoint.pt", write_checkpoint, lambda path: plain(training.read_checkpoint(path)), True),
    Kind("weights.safetensors", lambda path: path.write_bytes(tensor_bytes(weights())),
         lambda path: plain(pretrained.loaded(path, "mlp", SIZES).state_dict())),
    Kind("weights.pt", lambda path: torch.save(weights(), path),
         lambda path: plain(pretrained.loaded(path, "mlp", SIZES).state_dict())),
    Kind("idx3-ubyte", lambda path: path.write_bytes(images(False)), lambda path: read_idx(path).tolist()),
    Kind("idx3-ubyte.gz", lambda path: path.write_bytes(images(True)), lambda path: read_idx(path).tolist(), True),
    Kind("test_batch", write_cifar, read_cifar),
    *(Kind(f"ind.cora.{part}", write_cora, lambda path: read_graph("cora", path.parent))
      for part in ("graph", "allx", "ty", "test.index")),
    *(Kind(f"{part}.csv.gz", write_arxiv, lambda path: read_graph("arxiv", path.parents[1]), True)
      for part in ("raw/edge", "raw/node-feat", "raw/node-label")),
    Kind("facebook_pages.npz", write_pages, lambda path: read_graph("pages", path.parent)),
    Kind("image.png", write_image, read_image),
    Kind("image.jpeg", write_image, read_image),
]  # fmt: skip
BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
IN_JSON = [kind for kind in KINDS if kind.name.endswith((".json", ".jsonl"))]


class Good(dict):
    def __repr__(self):
        return "good files"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A good file of every kind, the bytes of it and what is read from it, by name."""
    found = Good()
    for kind in KINDS:
        path = tmp_path_factory.mktemp("files") / "arxiv" / kind.name
        path.parent.mkdir(parents=True)
        kind.write(path)
        found[kind.name] = path, path.read_bytes(), kind.read(path)
    return found


class TooLong(BaseException):
    """A reader that does not come to an end."""


@pytest.fixture(scope="module", autouse=True)
def bounded():
    """Let a reader take a second or two and a gigabyte, not more."""

    def ring(*_):
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + BYTES, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)
    signal.signal(signal.SIGALRM, before)


def outcome(kind, path):
    """Return what is read, or None where a line says that it cannot be."""
    signal.alarm(SECONDS)
    try:
        return kind.read(path)
    except (ValueError, OSError) as error:
        line = " ".join(str(error).split())
        # the parts of a graph are judged together, and their folder is named
        assert path.name in line or str(path.parents[1]) in line
        assert len(line) < 1500
        return None
    finally:
        signal.alarm(0)


PLACES = st.one_of(st.integers(0, 400), st.integers(-400, -1), st.integers(0, 10**6))
LUMPS = st.one_of(
    st.binary(min_size=1, max_size=12),
    st.sampled_from([b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0" * 8, struct.pack("<Q", 2**40), b"9" * 30]),
)
DAMAGE = st.one_of(
    st.tuples(st.just("cut"), PLACES, st.none()),
    st.tuples(st.just("flip"), PLACES, st.integers(0, 7)),
    st.tuples(st.just("over"), PLACES, LUMPS),
    st.tuples(st.just("into"), PLACES, LUMPS),
    st.tuples(st.just("drop"), PLACES, st.integers(1, 64)),
    st.tuples(st.just("all"), st.none(), st.binary(max_size=64)),
    st.tuples(st.just("twice"), st.none(), st.none()),
)


def damaged(content, steps):
    data = bytearray(content)
    for what, place, how in steps:
        at = place % (len(data) + 1) if place is not None else 0
        if what == "cut":
            del data[at:]
        elif what == "flip" and at < len(data):
            data[at] ^= 1 << how
        elif what == "over":
            data[at : at + len(how)] = how
        elif what == "into":
            data[at:at] = how
        elif what == "drop":
            del data[at : at + how]
        elif what == "all":
            data[:] = how
        elif what == "twice":
            data += bytes(data)
    return bytes(data)


@BY_NAME
@given(steps=st.lists(DAMAGE, min_size=1, max_size=3))
@example(steps=[("drop", 4, 1)])  # zipfile then seeks to a place before the file
@example(steps=[("cut", -131, None)])  # in the middle of a zipped header
@example(steps=[("over", 256, b"\x00\x00\x00\x02")])  # zipfile shows a name of 512 bytes
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_damaged_file_is_read_or_refused_in_one_line(good, kind, steps):
    path, content, value = good[kind.name]
    path.write_bytes(damaged(content, steps))
    found = outcome(kind, path)
    if kind.checked:
        assert found is None or found == value


OTHERS = st.sampled_from([None, True, -1, 0, 1e308, 2**70, float("nan"), float("inf"), "", "x", [], {}, [[]], {"a": 1}])


def places_of(found, at=()):
    """Yield the path of every value."""
    yield at
    for key, value in found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ():
        yield from places_of(value, (*at, key))


@st.composite
def other_value(draw, found):
    """The same JSON, but for one value, which is of another kind or gone."""
    found = copy.deepcopy(found)
    *above, last = draw(st.sampled_from([at for at in places_of(found) if at]))
    inside = found
    for key in above:
        inside = inside[key]
    if draw(st.booleans()):
        inside[last] = draw(OTHERS)
    else:
        del inside[last]
    return found


@pytest.mark.parametrize("kind", IN_JSON, ids=[kind.name for kind in IN_JSON])
@given(data=st.data())
def test_a_value_of_another_kind_is_read_or_refused_in_one_line(good, kind, data):
    path, content, _ = good[kind.name]
    lines = content.decode().splitlines() if kind.name.endswith("l") else [content.decode()]
    lines[0] = json.dumps(data.draw(other_value(json.loads(lines[0]))))
    path.write_text("\n".join(lines) + "\n")
    outcome(kind, path)


@pytest.mark.parametrize("kind", IN_JSON, ids=[kind.name for kind in IN_JSON])
@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, "9" * 10**5, "\ud800", "\0" * 99], ids=len)
def test_texts_without_end_are_refused_in_one_line(good, kind, text):
    path = good[kind.name][0]
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert outcome(kind, path) is None


@given(data=st.data())
def test_a_ticket_whose_checksum_is_right_and_whose_words_are_wrong_is_refused_in_one_line(good, data):
    path, content, _ = good["ticket.safetensors"]
    arrays, length = arrays_of(content), struct.unpack("<Q", content[:8])[0]
    header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["ticket"])
    del header["checksum"]
    header = data.draw(other_value(header))
    said = tensors.digest(json.dumps(header, sort_keys=True), arrays)
    text = json.dumps({**header, "checksum": said}, sort_keys=True)
    path.write_bytes(tensors.encoded(arrays, {"ticket": text}))
    outcome(Kind("ticket.safetensors", write_ticket, read_ticket), path)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        (
            "bomb-idx1-ubyte.gz",
            gzip.compress(b"\0\0\x08\x01\0\0\0\x05" + bytes(2**27), mtime=0),
            "do not fit its header",
        ),
        ("wide-idx3-ubyte", b"\0\0\x08\x03" + b"\xff" * 12, "do not fit its header"),
        ("many-idx3-ubyte.gz", gzip.compress(b"\0\0\x08\xff" + b"\xff" * 1020, mtime=0), "do not fit its header"),
    ],
)
def test_what_swells_is_not_swallowed(tmp_path, name, content, line):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=line):
        read_idx(path)


def test_a_pickle_that_asks_for_gigabytes_does_not_get_them(tmp_path):
    write_cifar(tmp_path / "test_batch")
    (tmp_path / "test_batch").write_bytes(b"\x80\x02]r\0\0\0\x40.")  # an empty list to be remembered at place 2^30
    with pytest.raises(ValueError, match="test_batch is not a batch of CIFAR-10"):
        load("cifar10", tmp_path)


def test_a_changed_number_in_a_checkpoint_is_noticed(tmp_path):
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path)
    content = path.read_bytes()
    place = content.index(next(iter(training.read_checkpoint(path)["model"].values())).numpy().tobytes())
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert torch.load(path, weights_only=True)["rows"]  # torch itself reads on
    with pytest.raises(ValueError, match="does not have its checksum"):
        training.read_checkpoint(path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        # each was found by fuzzing: a header cut inside the gzip stream, an error that quotes the file, a second copy
        # whose checksums are right before the first, which torch reads
        ("idx3-ubyte.gz", lambda content: content[:23]),
        ("target.npz", lambda content: content[:8] + b"9" * 30 + content[38:]),
        ("checkpoint.pt", lambda content: content[:2560] + bytes([content[2560] ^ 1]) + content[2561:] + content),
    ],
)
def test_damage_that_was_once_read_or_told_badly_is_refused(good, name, change):
    path, content, _ = good[name]
    path.write_bytes(change(content))
    kind = next(kind for kind in KINDS if kind.name == name)
    assert outcome(kind, path) is None
