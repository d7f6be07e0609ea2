"""Every file and folder that a command is to write is judged before the work, and is never one that it uses."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from figures.command import main as figures
from figures.report import main as report
from slt.cli import dispatch as torch_backend
from slt.cli.simulate import main as simulations
from slt.core.command import BAD_INPUT, run
from slt.core.files import check_apart, check_new, check_outside, check_writable, store_files, write_atomically
from subsetsum.verify import main as verify

ROOT = Path(__file__).parents[2]
EXPERIMENTS = (
    "calibration",
    "constants",
    "hole",
    "sweep",
    "atlas",
    "explorer",
    "limits",
    "cancel",
    "factors",
    "found",
    "laws",
)
SEARCH = ["search", "--preset", "mlp-mnist-frozen"]
COMPARE = ["compare", "--model", "mlp", "--data-set", "mnist", "--sparsity", ".5"]
JACKPOT = ["jackpot", "--model", "mlp", "--data-set", "mnist", "--sparsity", ".5"]
PLAN = ["factors", "--plan", "mnist"]

FILE_OPTIONS = [
    (verify, ["--json"]),
    *((simulations, [name, "--out"]) for name in EXPERIMENTS),
    *((simulations, [name, "--store"]) for name in EXPERIMENTS),
    *((torch_backend, [*words, "--results"]) for words in (SEARCH, COMPARE, JACKPOT, PLAN)),
    (report, ["--out"]),
]
FOLDER_OPTIONS = [
    (verify, ["--out"]),
    (simulations, ["existence", "--out"]),
    *((torch_backend, [*words, "--out"]) for words in (SEARCH, COMPARE, JACKPOT, PLAN)),
    (figures, ["hole", "--out"]),
    (figures, ["--out"]),
]


def words_of(options):
    return [" ".join([command.__module__.partition(".")[0], *words]) for command, words in options]


@pytest.fixture(autouse=True)
def no_work(monkeypatch, tmp_path):
    """Whatever begins to work here is a fault of the program, and the exit code says so."""

    def begun(*_, **__):
        raise AssertionError("the work has begun")

    for place in (
        "simulations.run.engines.Threads.run",
        "simulations.existence.command._target",
        "torch_backend.training.start.load",
        "torch_backend.commands.compare.load",
        "torch_backend.commands.jackpot.load",
        "torch_backend.commands.planned.load",
        "figures.report.page.pictures",
        "figures.hole.panels",
        "figures.requirement.panels",
    ):
        monkeypatch.setattr(place, begun)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def places(tmp_path):
    """Paths that cannot be written, by what is wrong with them."""
    (tmp_path / "file").write_text("precious")
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "folder").mkdir()
    return {
        "a loop of links": tmp_path / "one",
        "a link to itself": tmp_path / "self",
        "below a loop": tmp_path / "one" / "r",
        "below a file": tmp_path / "file" / "r",
        "a long name": tmp_path / ("n" * 256),
        "a long path": tmp_path / "/".join(["n" * 200] * 30),
        "NUL": "a\0b",
        "nothing": "",
        "a folder": tmp_path / "folder",
        "a missing folder": tmp_path / "missing" / "r",
        "a file": tmp_path / "file",
    }


FOR_BOTH = ["a loop of links", "a link to itself", "below a loop", "below a file", "a long name", "NUL", "nothing"]
FOR_FILES = [*FOR_BOTH, "a long path", "a folder", "a missing folder"]
FOR_FOLDERS = [*FOR_BOTH, "a long path", "a file"]


def refused(capsys, command, words):
    code = run(command, words, "some")
    captured = capsys.readouterr()
    assert code == BAD_INPUT, captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize("what", FOR_FILES)
@pytest.mark.parametrize(("command", "words"), FILE_OPTIONS, ids=words_of(FILE_OPTIONS))
def test_a_file_that_cannot_be_written_is_told_before_the_work(command, words, what, places, tmp_path, capsys):
    refused(capsys, command, [*words, str(places[what])])
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("what", FOR_FOLDERS)
@pytest.mark.parametrize(("command", "words"), FOLDER_OPTIONS, ids=words_of(FOLDER_OPTIONS))
def test_a_folder_that_cannot_be_made_is_told_before_the_work(command, words, what, places, tmp_path, capsys):
    refused(capsys, command, [*words, str(places[what])])
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("inner", ["requirement.csv", "requirement.json", "requirement.png", "requirement.svg"])
def test_a_folder_where_the_main_job_needs_a_file_is_told_before_the_work(inner, tmp_path, capsys):
    (tmp_path / "out" / inner).mkdir(parents=True)
    assert inner in refused(capsys, verify, ["--out", str(tmp_path / "out")])


INNER = ["runs.sqlite", "runs.sqlite-wal", "runs.sqlite-shm", "requirement.csv", "requirement.json", "requirement.png"]


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("way", ["the same path", "another path", "a link", "a link to the folder"])
def test_the_main_jobs_json_is_never_a_file_of_its_folder(inner, way, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "link").symlink_to(out / inner)
    (tmp_path / "same").symlink_to(out)
    path = {
        "the same path": out / inner,
        "another path": f"{tmp_path}/./out/../out//{inner}",
        "a link": tmp_path / "link",
        "a link to the folder": tmp_path / "same" / inner,
    }[way]
    assert "must be different files" in refused(capsys, verify, ["--json", str(path), "--out", "out"])


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_rows_are_never_written_over_the_run_store(name, end, capsys):
    words = [name, "--store", "runs.sqlite", "--out", f"./runs.sqlite{end}"]
    assert "must be different files" in refused(capsys, simulations, words)


@pytest.mark.parametrize(
    ("command", "words"), [(verify, ["--json"]), (simulations, ["hole", "--out"])], ids=["verify", "hole"]
)
def test_an_output_is_never_the_schedulers_file(command, words, capsys):
    words = [*words, "a.json", "--scheduler-file", "./a.json"]
    assert "must be different files" in refused(capsys, command, words)


def test_the_report_is_never_written_over_a_result(tmp_path, capsys):
    path = ROOT / "simulations" / "results" / "sweep.jsonl"
    (tmp_path / "link.html").symlink_to(path)
    for out in (path, "link.html"):
        assert "must be different files" in refused(capsys, report, ["--out", str(out)])


@pytest.mark.parametrize("words", [SEARCH, COMPARE, JACKPOT, PLAN], ids=" ".join)
def test_results_of_searches_lie_outside_the_folder_that_keeps_their_work(words, tmp_path, capsys):
    (tmp_path / "link").symlink_to("runs")
    inner = "mnist/rows.jsonl" if words is PLAN else "rows.jsonl"
    for results in (f"runs/{inner}", f"link/{inner}"):
        said = refused(capsys, torch_backend, [*words, "--out", "runs", "--results", results])
        assert "must lie outside --out" in said


def test_hard_links_are_one_file(tmp_path):
    (tmp_path / "a").write_text("")
    os.link(tmp_path / "a", tmp_path / "b")
    with pytest.raises(ValueError, match="one and other must be different files"):
        check_apart({"one": [tmp_path / "a"], "other": [tmp_path / "b"]})
    check_apart({"one": [tmp_path / "a", tmp_path / "b"], "other": [tmp_path / "c"]})


def test_a_store_has_the_files_that_sqlite_makes(tmp_path):
    path = tmp_path / "x.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    assert {name.name for name in store_files(path)} >= set(os.listdir(tmp_path))
    connection.close()
    assert store_files(":memory:") == []


def test_a_name_as_long_as_names_can_be_is_written(tmp_path):
    path = tmp_path / ("n" * 255)
    check_new(path)
    write_atomically(path, "text")
    assert path.read_text() == "text"
    assert os.listdir(tmp_path) == [path.name]


def test_links_are_followed_and_pipes_are_written_to(tmp_path):
    (tmp_path / "link").symlink_to("target")
    check_writable(tmp_path / "link")
    write_atomically(tmp_path / "link", "text")
    assert (tmp_path / "target").read_text() == "text"
    assert (tmp_path / "link").is_symlink()
    code = (
        "from slt.core.files import check_writable as c, write_atomically as w; c('/dev/stdout'); w('/dev/stdout', 'x')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x", "")


def test_what_lies_outside_is_told_from_what_lies_inside(tmp_path):
    check_outside("--results", tmp_path / "out.jsonl", tmp_path / "out")
    check_outside("--results", tmp_path / "outer" / "x", tmp_path / "out")
    for inside in ("out/x", "out/a/b/x", "other/../out/x"):
        with pytest.raises(ValueError, match="must lie outside --out"):
            check_outside("--results", tmp_path / inside, tmp_path / "out")
