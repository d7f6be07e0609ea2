"""Answers kept on disk: the same output with and without, and nothing that becomes of the file is an error."""

import json
import os
from pathlib import Path

import pytest

from simulations.lemmas import bounds, curves, job
from simulations.lemmas.settings import Settings
from simulations.run.engines import Threads
from slt.cli import verify
from slt.core import cache
from slt.core.command import run
from slt.core.rates import Rates
from slt.core.store import Store

SMALL = ["--prune", "0.2", "--lock", "0.1", "--eps", "0.2", "--trials", "300", "--brief", "--jobs", "1"]
SETTINGS = Settings(prune=0.2, lock=0.1, eps=(0.2,), trials=300)
LAW = SETTINGS.rated(Rates(0.2, 0.1))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "slt-verify"


def shown(capsys, *more):
    assert run(verify.main, [*SMALL, *more], "verify") == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def rows():
    with Store() as store, cache.opened():
        return job.verify(SETTINGS, engine=Threads(1), store=store).rows


def forbid(monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("computed again")

    for place in ("theory.necessary.necessary_n", "theory.estimate.estimated_n", "theory.sufficient.sufficient_n"):
        monkeypatch.setattr(place, forbidden)


def test_a_second_run_asks_theory_nothing_and_says_the_same(home, capsys, monkeypatch):
    first = shown(capsys, "--no-cache")
    assert not home.exists()
    assert shown(capsys) == first
    (file,) = home.iterdir()
    content = file.read_bytes()
    forbid(monkeypatch)
    asked = []
    start = curves.Curves.start
    monkeypatch.setattr(curves.Curves, "start", lambda self, one: asked.append(one) or start(self, one))
    assert shown(capsys) == first
    assert {one.radius for one in asked} == {1.0}
    assert file.read_bytes() == content  # nothing was new
    with pytest.raises(AssertionError, match="computed again"):
        verify.main([*SMALL, "--no-cache"])


def test_another_seed_or_delta_is_another_question(home, monkeypatch):
    with cache.opened():
        proven = bounds.necessary(0.1, 0.05, LAW)
    forbid(monkeypatch)
    with cache.opened():
        assert bounds.necessary(0.1, 0.05, LAW) == proven
        for other in (
            lambda: bounds.necessary(0.1, 0.06, LAW),
            lambda: bounds.necessary(0.1, 0.05, LAW, "pointwise"),
            lambda: bounds.sufficient(0.1, 0.05, LAW),
            lambda: bounds.estimated(0.1, 0.05, LAW),
        ):
            with pytest.raises(AssertionError, match="computed again"):
                other()


def damages():
    def checksummed(answers):
        return json.dumps({"answers": answers, "checksum": cache._checksum(answers)}).encode()

    yield "empty", lambda content: b""
    yield "half", lambda content: content[: len(content) // 2]
    yield "one digit", lambda content: content.replace(b"300,", b"301,", 1)
    yield "another question", lambda content: content.replace(b"0.05", b"0.06", 1)
    yield "foreign", lambda content: b'{"cells": []}'
    yield "a list", lambda content: b"[1, 2]"
    yield "nested", lambda content: b"[" * 100_000
    yield "no text", lambda content: bytes(range(256))
    yield "answers that are none", lambda content: checksummed(dict.fromkeys(json.loads(content)["answers"], "many"))
    yield "negative", lambda content: checksummed(dict.fromkeys(json.loads(content)["answers"], -1))
    yield "a list of lists", lambda content: checksummed({"answers": [[1]]})


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The rows, and the file that a run leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(cache.VARIABLE, raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("good")))
        found = rows()
        return found, cache.place().read_bytes()


@pytest.mark.parametrize("damage", [damage for _, damage in damages()], ids=[name for name, _ in damages()])
def test_a_damaged_or_foreign_file_counts_as_none_and_is_replaced(damage, home, good):
    _, content = good
    file = cache.place()
    file.parent.mkdir(parents=True)
    file.write_bytes(damage(content))
    assert file.read_bytes() != content
    assert cache._read(file) == {}
    with cache.opened() as answers:
        answers.put("anything", [1], 7)
    assert cache._read(file) == {cache._question("anything", [1]): 7}


def test_a_file_that_is_damaged_changes_no_row(home, good):
    found, content = good
    file = cache.place()
    file.parent.mkdir(parents=True)
    file.write_bytes(content[:-20])
    assert rows() == found
    assert cache._read(file) == json.loads(content)["answers"]
    assert rows() == found


def test_where_nothing_can_be_written_nothing_is_said(tmp_path, monkeypatch, capsys, good):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    (tmp_path / "file").write_text("")
    for place in (str(tmp_path / "file"), "/proc/nowhere", "/dev/null", str(tmp_path / ("x" * 300))):
        monkeypatch.setenv("XDG_CACHE_HOME", place)
        assert rows() == good[0]
    assert capsys.readouterr() == ("", "")


def test_a_folder_in_the_place_of_the_file_is_left_alone(home, good):
    cache.place().mkdir(parents=True)
    assert rows() == good[0]
    assert cache.place().is_dir()


def test_the_cache_can_be_switched_off(home, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, "off")
    assert cache.place() is None
    with cache.opened() as answers:
        answers.put("anything", [1], 7)
        assert answers.get("anything", [1]) is None
    assert not home.exists()


def test_without_a_command_nothing_is_kept(home):
    bounds.necessary(0.1, 0.05, LAW)
    assert not home.exists()


def test_the_place_is_the_users_cache_and_depends_on_the_software(home, monkeypatch, tmp_path):
    first = cache.place()
    assert first.parent == home
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.place() == tmp_path / ".cache" / "slt-verify" / first.name
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.place() == tmp_path / ".cache" / "slt-verify" / first.name
    monkeypatch.setattr(cache, "software", lambda: {"sources": "others"})
    assert cache.place().name != first.name
    monkeypatch.setattr(cache, "software", lambda: os.stat("/no/such/file"))
    assert cache.place() is None


def test_two_runs_at_a_time_add_to_one_file(home):
    with cache.opened() as one:
        one.put("one", [1], 1)
        other = cache.Answers(cache.place())
        other.put("other", [2], [2, 3])
        other.write()
    assert len(cache._read(cache.place())) == 2


def test_a_file_does_not_grow_without_end(home, monkeypatch):
    monkeypatch.setattr(cache, "MOST", 3)
    for number in range(5):
        with cache.opened() as answers:
            answers.put("number", [number], number)
    assert len(cache._read(cache.place())) <= 3
    assert Path(cache.place()).stat().st_size < 1000


def test_a_certificate_that_cannot_be_one_is_not_used(home, good):
    answers = json.loads(good[1])["answers"]
    for wrong in ([300] * 100, [301] * 101, 5):
        changed = {question: wrong if "covered" in question else answer for question, answer in answers.items()}
        file = cache.place()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"answers": changed, "checksum": cache._checksum(changed)}))
        assert rows() == good[0]
