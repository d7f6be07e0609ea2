"""The public surface: what ``import slt`` offers, what it costs, and the short commands over it."""

import inspect
import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import slt
from slt.cli import COMMANDS, dispatch
from slt.core.command import BAD_INPUT, run
from subsetsum.best import best_subsets
from theory.claims import CLAIMS
from theory.estimate import estimated_n, estimated_success
from theory.existence import plan, plan_of_sizes
from theory.necessary import failure_at_least, necessary_n
from theory.requirement import SMALLEST_DELTA, requirement
from theory.sufficient import failure_at_most, sufficient_n

ROOT = Path(__file__).parents[2]
LAW = {"prune": 0.2, "lock": 0.1}
TICKETS = sorted(slt._TICKETS)


def python(code):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_loads_nothing_heavy_and_takes_no_time():
    code = """
import json, sys, time
before, start = set(sys.modules), time.process_time()
import slt
took = time.process_time() - start
dir(slt), slt.__version__
print(json.dumps([took, sorted(set(sys.modules) - before)]))
"""
    took, loaded = json.loads(python(code))
    heavy = {"numpy", "scipy", "torch", "numba", "matplotlib", "rich", "theory", "subsetsum", "torch_backend"}
    assert not {name.partition(".")[0] for name in loaded} & heavy
    assert took < 0.1


def test_every_name_is_there_and_completes():
    assert set(slt.__all__) == set(slt._NUMBERS) | set(slt._TICKETS)
    assert slt.__all__ == sorted(slt.__all__)
    assert set(slt.__all__) <= set(dir(slt))
    assert not {"Any", "TYPE_CHECKING", "import_module"} & set(dir(slt))
    assert slt.best_subsets is best_subsets
    assert slt.CLAIMS is CLAIMS
    for name in slt._NUMBERS:
        assert getattr(slt, name) is not None
    with pytest.raises(AttributeError, match="module 'slt' has no attribute 'requirements'; it has .*requirement"):
        slt.requirements  # noqa: B018


@pytest.mark.parametrize("name", TICKETS)
def test_names_that_need_torch_are_what_their_modules_have(name):
    pytest.importorskip("torch")
    found = getattr(slt, name)
    assert found.__name__ == name
    assert found.__doc__


def test_without_torch_its_names_say_so_in_one_line_and_the_others_work():
    code = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named torch", name=name)
sys.meta_path.insert(0, Missing())
import slt
for name in NAMES:
    try:
        getattr(slt, name)
    except ImportError as error:
        print(error)
print(slt.requirement(0.3, 0.5).necessary)
"""
    *said, last = python(f"NAMES = {TICKETS}\n" + code).splitlines()
    assert said == [f'slt.{name} needs PyTorch: pip install -e ".[torch]"' for name in TICKETS]
    assert int(last) == necessary_n(0.3, 0.5)


def test_it_is_typed_and_has_one_version():
    assert resources.files("slt").joinpath("py.typed").is_file()
    assert f'\nversion = "{slt.__version__}"\n' in (ROOT / "pyproject.toml").read_text()
    assert f"\nversion: {slt.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_signatures_agree():
    first = {"eps": 0, "delta": 1}
    for name in slt._NUMBERS:
        found = getattr(slt, name)
        if not inspect.isfunction(found):
            continue
        for place, (argument, parameter) in enumerate(inspect.signature(found).parameters.items()):
            if parameter.kind is not parameter.KEYWORD_ONLY:
                assert first.get(argument) == place, (name, argument)
        defaults = {"prune": 0.0, "lock": 0.0, "radius": 1.0, "reading": "uniform"}
        for argument, default in defaults.items():
            if argument in inspect.signature(found).parameters:
                assert inspect.signature(found).parameters[argument].default == default


@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
@pytest.mark.parametrize(("eps", "delta", "law"), [(0.1, 0.1, LAW), (0.1, 0.05, {}), (0.2, 0.3, {"radius": 0.5})])
def test_a_requirement_is_what_theory_says(eps, delta, law, reading):
    found = slt.requirement(eps, delta, **law, reading=reading)
    assert found.necessary == necessary_n(eps, delta, **law, reading=reading)
    assert found.estimated == estimated_n(eps, delta, **law, reading=reading)
    assert found.sufficient == sufficient_n(eps, delta, **law, reading=reading)
    assert found.necessary <= found.estimated <= found.sufficient
    expected = {"prune": 0.0, "lock": 0.0, "radius": 1.0, **law}
    assert {name: getattr(found, name) for name in expected} == expected
    assert (found.eps, found.delta, found.reading) == (eps, delta, reading)


@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
@pytest.mark.parametrize(("eps", "n", "law"), [(0.1, 20, LAW), (0.1, 9, {}), (0.9, 0, {"radius": 0.5})])
def test_success_is_what_theory_says(eps, n, law, reading):
    found = slt.success(eps, n=n, **law, reading=reading)
    assert found.lower == 1 - failure_at_most(n, eps, **law, reading=reading)
    assert found.upper == 1 - failure_at_least(n, eps, **law, reading=reading)
    assert found.lower <= found.estimated <= found.upper
    estimate = estimated_success(n, eps, **law, reading=reading)
    assert found.estimated == np.clip(estimate, found.lower, found.upper)


def test_results_are_three_lines_a_table_and_cannot_be_changed():
    found = slt.requirement(0.2, 0.3, lock=0.1)
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines] == ["necessary", "estimated", "sufficient"]
    assert [line.split()[1] for line in lines] == [str(found.necessary), str(found.estimated), str(found.sufficient)]
    assert "more often than 0.3" in lines[0]
    assert "every larger one" not in lines[2]
    assert "every larger one" in str(slt.requirement(0.2, 0.3)).splitlines()[2]
    for result in (found, slt.success(0.2, n=9)):
        page = result._repr_html_()
        assert page.startswith("<table>")
        assert page.count("<tr>") == 3
        assert "|z| &lt;= 1" in page
        with pytest.raises(AttributeError):
            result.eps = 0.5


def test_what_the_draws_cannot_see_is_not_estimated():
    found = requirement(0.2, SMALLEST_DELTA / 2)
    assert found.estimated is None
    assert "no estimate" in str(found)
    assert requirement(0.2, SMALLEST_DELTA).estimated is not None


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"eps": 0}, "eps must lie strictly between 0 and 1, got 0"),
        ({"eps": 0.1, "delta": 1.5}, "delta must lie strictly between 0 and 1, got 1.5"),
        ({"prune": 0.7, "lock": 0.3}, "prune [+] lock must be below 1"),
        ({"radius": -1}, "radius must be above 0, got -1"),
        ({"reading": "both"}, "reading must be one of uniform, pointwise"),
    ],
)
def test_bad_input_is_one_line(arguments, line):
    with pytest.raises(ValueError, match=f"^{line}") as error:
        slt.requirement(**{"eps": 0.1, "delta": 0.1, **arguments})
    assert "\n" not in str(error.value)
    arguments.pop("delta", None)
    if len(arguments) > 1 or "eps" not in arguments:
        with pytest.raises(ValueError, match=f"^{line}"):
            slt.success(**{"eps": 0.1, "n": 5, **arguments})


@pytest.mark.parametrize("n", [-1, 2.5, "5"])
def test_a_number_of_variables_that_is_none_is_refused(n):
    with pytest.raises(ValueError, match="^n must be"):
        slt.success(0.1, n=n)


def test_the_commands_come_first_and_print_the_numbers(capsys):
    assert list(COMMANDS)[:3] == ["n", "success", "widths"]
    assert dispatch(["n", "--prune", "0.2", "--lock", "0.1", "--eps", "0.1", "--delta", "0.1"]) == 0
    found, text = slt.requirement(0.1, 0.1, **LAW), capsys.readouterr().out
    for name, value, about in found.lines:
        assert any(line.split()[:2] == [name, value] and about in line for line in text.splitlines())
    assert dispatch(["n", "--prune", "0.2", "--lock", "0.1", "--eps", "0.1", "--delta", "0.1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == asdict(found)
    assert dispatch(["success", "--n", "9", "--eps", "0.1", "--reading", "pointwise"]) == 0
    text = capsys.readouterr().out
    for name, value, about in slt.success(0.1, n=9, reading="pointwise").lines:
        assert any(line.split()[:2] == [name, value] and about in line for line in text.splitlines())


@pytest.mark.long
def test_widths_of_sizes_serve_every_target_of_these_sizes(capsys):
    rates = {"prune": (0.1,) * 3, "lock": (0, 0.05, 0.05)}
    rng = np.random.default_rng(0)
    for kind in ("proven", "estimated"):
        all_of_them = plan_of_sizes((3, 4, 2), 0.5, 0.05, **rates, widths=kind)
        one = plan([np.ones((4, 3)), np.ones((2, 4))], 0.5, 0.05, **rates, widths=kind)
        assert all_of_them == one
        for _ in range(3):
            target = [rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, (2, 4))]
            needs = plan(target, 0.5, 0.05, **rates, widths=kind)
            assert all(a <= b for a, b in zip(needs.blocks, all_of_them.blocks, strict=True))
    assert dispatch(["widths", "3-4-2", "--prune", ".1", "--lock", ".05", "--eps", ".5"]) == 0
    text = capsys.readouterr().out
    proven, guessed = (plan_of_sizes((3, 4, 2), 0.5, 0.05, **rates, widths=kind) for kind in ("proven", "estimated"))
    for layer in range(2):
        numbers = (proven.widths[layer + 1], guessed.widths[layer + 1], proven.blocks[layer], guessed.blocks[layer])
        wanted = [str(layer + 1), *(f"{number:,}" for number in numbers)]
        assert any(line.split()[:5] == wanted for line in text.splitlines())
    assert "weights lie in [-1, 1]" in text
    assert dispatch(["widths", "3-4-2", "--prune", ".1", "--lock", ".05", "--eps", ".5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["proven"]["widths"] == list(proven.widths)
    assert result["estimated"]["blocks"] == list(guessed.blocks)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["n", "--eps", "2", "--delta", ".1"], "eps must lie strictly between 0 and 1, got 2"),
        (["n", "--eps", ".1", "--delta", ".1", "--lock", "1"], "prune + lock must be below 1 (nothing is free)"),
        (["success", "--eps", ".1", "--n", "-1"], "n must be at least 0, got -1"),
        (["widths", "784-x", "--eps", ".1"], "must be at least two whole numbers, such as 784-500-10, got '784-x'"),
        (["widths", "784", "--eps", ".1"], "must be at least two whole numbers, such as 784-500-10, got '784'"),
        (["widths", "4-0-2", "--eps", ".1"], "must be at least two whole numbers, such as 784-500-10, got '4-0-2'"),
        (["widths", "4-2", "--eps", "0"], "eps must be above 0, got 0"),
        (["widths", "4-2", "--eps", ".1", "--delta", "1"], "delta must lie strictly between 0 and 1, got 1"),
        (["widths", "4-2", "--eps", ".1", "--lock", "-.1"], "lock must lie in [0, 1], got -0.1"),
    ],
)
def test_commands_refuse_in_one_line(words, line, capsys):
    assert run(dispatch, words, "slt") == BAD_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"slt {words[0]}: error: ")
    assert line in said.err


def test_an_error_of_a_command_in_a_command_is_told_under_its_full_name(capsys):
    assert run(dispatch, ["simulate", "hole", "--trials", "0"], "slt") == BAD_INPUT
    assert capsys.readouterr().err.startswith("slt simulate hole: error: ")
    assert run(dispatch, ["simulate", "nothing"], "slt") == BAD_INPUT
    assert capsys.readouterr().err.startswith("slt simulate: error: unknown name 'nothing'")
    assert run(dispatch, ["nothing"], "slt") == BAD_INPUT
    assert capsys.readouterr().err.startswith("slt: error: unknown name 'nothing'")
