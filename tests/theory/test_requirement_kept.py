"""``slt.requirement`` and ``slt.success`` with a prescribed sparsity or N:M, and the short commands that ask them."""

import json

import pytest

import slt
from slt.cli import dispatch as command
from slt.core.command import BAD_INPUT, run
from slt.core.keep import Groups, Share
from theory.kept_estimate import estimated_kept_n
from theory.kept_necessary import necessary_kept_n
from theory.kept_sufficient import sufficient_kept_n


@pytest.mark.parametrize(
    ("asked", "kept"),
    [({"sparsity": 0.5}, Share(0.5)), ({"keep": "2:4"}, Groups(2, 4)), ({"keep": Groups(1, 2)}, Groups(1, 2))],
)
def test_the_numbers_are_those_of_their_modules(asked, kept):
    found = slt.requirement(0.1, 0.05, **asked)
    assert found.necessary == necessary_kept_n(0.1, 0.05, kept)
    assert found.estimated == estimated_kept_n(0.1, 0.05, kept)
    assert found.sufficient == sufficient_kept_n(0.1, 0.05, kept)
    assert found.necessary <= found.estimated <= found.sufficient
    assert found.keep == str(kept)
    assert str(kept) in found.question
    assert "every larger n" not in str(found)


def test_success_lies_between_its_bounds():
    found = slt.success(0.1, n=60, sparsity=0.5)
    assert 0 < found.lower <= found.estimated <= found.upper <= 1
    assert slt.success(0.1, n=24, keep="2:4").upper < 1
    seldom = slt.success(0.1, n=40, keep="2:4", prune=0.6).upper  # hardly ever all ten groups comply
    assert seldom < 0.01
    assert type(seldom) is float


def test_strict_groups_have_no_n_where_something_is_frozen():
    found = slt.requirement(0.1, 0.05, keep="2:4", prune=0.2)
    assert (found.necessary, found.estimated, found.sufficient) == (None, None, None)
    assert "is proven to fail more often than 0.05" in str(found)


def test_no_estimate_of_rare_failures():
    assert slt.requirement(0.1, 1e-6, sparsity=0.5).estimated is None


def test_the_commands_say_the_same(capsys):
    assert command(["n", "--eps", "0.1", "--keep", "2:4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = slt.requirement(0.1, 0.05, keep="2:4")
    assert (told["necessary"], told["estimated"], told["sufficient"]) == (
        found.necessary,
        found.estimated,
        found.sufficient,
    )
    assert command(["success", "--n", "20", "--eps", "0.1", "--sparsity", "0.7"]) == 0
    assert "sparsity 0.7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["n", "--sparsity", "0.5", "--keep", "2:4"], "sparsity and keep both say how many variables are kept"),
        (["n", "--sparsity", "1.5"], "sparsity must lie in [0, 1], got 1.5"),
        (["n", "--keep", "4"], "keep must be N:M"),
        (["success", "--n", "23", "--keep", "2:4"], "n must be a multiple of 4 for keep 2:4, got 23"),
        (["n", "--sparsity", "0.5", "--law", "normal"], "--sparsity and --keep are for numbers uniform on [-1, 1]"),
        (["n", "--keep", "2:4", "--signed"], "--sparsity and --keep are for numbers uniform on [-1, 1]"),
    ],
)
def test_bad_input_is_one_line(words, message, capsys):
    assert run(command, words, "slt") == BAD_INPUT
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
