"""Every command ends with 0, 1 (refuted), 2 (bad input or environment), 70 (our own fault) or 130, and in one line."""

import ast
import os
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest

from slt.core.checks import whole
from slt.core.command import BAD_INPUT, FAULT, INTERRUPTED, REFUTED, Parser, run
from slt.core.files import write_atomically

ROOT = Path(__file__).parents[2]


def refused(capsys, command):
    """Return the one line that a command ends with."""
    assert run(lambda argv: command() or 0, [], "some") == BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said.removeprefix("some: error: ").removesuffix("\n")


def test_what_the_system_refuses_is_said_with_the_file_and_without_numbers(tmp_path, capsys):
    path = tmp_path / "missing"
    assert refused(capsys, path.read_bytes) == f"{path}: No such file or directory"
    assert (
        refused(capsys, lambda: write_atomically(path / "new", "text")) == f"{path / 'new'}: No such file or directory"
    )
    path.mkdir()
    (tmp_path / "file").write_text("text")
    assert refused(capsys, lambda: (tmp_path / "file").rename(path)) == f"{path}: Is a directory"

    def words():
        raise OSError("the cluster is gone")

    assert refused(capsys, words) == "the cluster is gone"


@pytest.mark.parametrize(
    ("module", "package"),
    [("torch", "PyTorch"), ("safetensors", "safetensors"), ("constriction", "constriction"), ("PIL", "pillow")],
)
def test_a_package_of_the_extra_that_is_missing_is_named(monkeypatch, capsys, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    assert run(lambda argv: __import__(module), [], "some") == BAD_INPUT
    assert capsys.readouterr().err == f'some: error: searches need {package}: pip install -e ".[torch]"\n'


WITHOUT_TORCH = "import runpy, sys; sys.modules['torch'] = None; name = sys.argv.pop(1); \
runpy.run_module(name, run_name='__main__', alter_sys=True)"


@pytest.mark.parametrize(
    "command",
    [
        "slt plan --preset gin-cora-frozen",
        "slt search --preset gin-cora-frozen",
        "slt compare --help",
        "benchmarks.search",
        "benchmarks.ranks",
    ],
)
def test_commands_say_that_they_need_torch(command):
    words = [sys.executable, "-c", WITHOUT_TORCH, *command.split()]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    name = " ".join(command.split()[:2]) if command.startswith("slt ") else f"python -m {command}"
    assert done.stderr == f'{name}: error: searches need PyTorch: pip install -e ".[torch]"\n'


def test_the_commands_are_listed_without_torch():
    words = [sys.executable, "-c", WITHOUT_TORCH, "slt", "--help"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "jackpot" in done.stdout


def deep(argv):
    return deep(argv)


def raised(error):
    raise error


def in_a_thread(argv):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: {}["x"]).result()


# what happens in a program that is wrong; the library's own ValueErrors are ours as much as a KeyError is
FAULTS = {
    "KeyError": lambda argv: {}["x"],
    "TypeError": lambda argv: 1 + "1",
    "IndexError": lambda argv: argv.copy().pop(),
    "AttributeError": lambda argv: argv.nothing,
    "AssertionError": lambda argv: raised(AssertionError()),
    "ZeroDivisionError": lambda argv: 1 / 0,
    "OverflowError": lambda argv: float(10**400),
    "RecursionError": deep,
    "NameError": lambda argv: nothing,  # noqa: F821
    "StopIteration": lambda argv: next(iter([])),
    "NotImplementedError": lambda argv: raised(NotImplementedError()),
    "UnicodeDecodeError": lambda argv: b"\xff".decode(),
    "ValueError: min() arg is an empty sequence": lambda argv: min([]),
    "ValueError: operands could not be broadcast": lambda argv: np.zeros(2) + np.zeros(3),
    "ValueError: zero-size array": lambda argv: np.zeros(0).max(),
    "ValueError: invalid literal for int()": lambda argv: int("x"),
    "ValueError: f(a) and f(b) must have different signs": lambda argv: __import__("scipy.optimize").optimize.brentq(
        lambda x: 1.0, 0, 1
    ),
    "ValueError: embedded null byte": lambda argv: Path("\0").read_bytes(),
    "RuntimeError: dictionary changed size": lambda argv: [d.pop(k) for d in [{1: 1, 2: 2}] for k in d],
    "KeyError: 'x'": in_a_thread,
    "ModuleNotFoundError: No module named 'simulations.nothing'": lambda argv: __import__("simulations.nothing"),
    "ImportError: cannot import name 'nothing'": lambda argv: exec("from slt.core.command import nothing"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_of_the_program_is_named_with_the_file_that_holds_its_traceback(what, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run(FAULTS[what], [], "some") == FAULT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("some: fault: ")
    assert what in said
    assert "please report it" in said
    path = Path(re.search(r"the traceback in (\S+)$", said)[1])
    assert path.parent == tmp_path
    kept = path.read_text()
    assert "Traceback (most recent call last)" in kept
    assert what.partition(":")[0] in kept


def test_the_traceback_is_shown_where_no_file_takes_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert run(FAULTS["KeyError"], [], "some") == FAULT
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert "please report it with the traceback above" in said.splitlines()[-1]


def no_memory(argv):
    np.zeros(2**62, np.int8)


def torch_without_memory(argv):
    raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ...")


def no_thread(argv):
    raise RuntimeError("can't start new thread")


def a_warning(argv):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.warn("old", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (lambda argv: whole("n", -1), "n must be at least 0, got -1"),
        (lambda argv: Path("/no/such/file").read_bytes(), "/no/such/file: No such file or directory"),
        (no_memory, "out of memory"),
        (torch_without_memory, "out of memory"),
        (no_thread, "can't start new thread"),
        (a_warning, "a warning, which PYTHONWARNINGS or -W makes an error: old"),
        (lambda argv: __import__("no_such_library"), "No module named 'no_such_library'"),
        (lambda argv: exec("from numpy import nothing"), "cannot import name 'nothing' from 'numpy'"),
        (lambda argv: Parser(prog="p").parse_args(["--no"]), "unrecognized arguments: --no"),
        (lambda argv: whole("a\nb\x1b[2J", -1), r"a b\\x1b\[2J must be at least 0"),
    ],
)
def test_what_the_machine_or_the_user_can_mend_is_one_line_and_2(command, said, capsys):
    assert run(command, [], "some") == BAD_INPUT
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert re.search(said, line)


def test_ctrl_c_is_130_and_the_other_codes_are_the_commands(capsys):
    def interrupted(argv):
        raise KeyboardInterrupt

    assert run(interrupted, [], "some") == INTERRUPTED
    assert capsys.readouterr().err == "some: interrupted\n"
    assert [run(lambda argv, code=code: code, [], "some") for code in (0, REFUTED)] == [0, REFUTED]
    assert run(lambda argv: Parser(prog="p").parse_args(["--help"]), [], "some") == 0


@pytest.mark.parametrize("words", [["--file", ""], ["--file="], ["--file", "a\0b"], ["--file=a\0b"], [""], ["a\0"]])
def test_no_option_takes_an_empty_text_or_a_nul(words, capsys):
    parser = Parser(prog="some")
    parser.add_argument("--file")
    parser.add_argument("place", nargs="?")
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(words)
    assert stop.value.code == BAD_INPUT
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "which is no value" in line


@pytest.mark.parametrize("number", ["-1e-3", "-1E5", "-.5", "-1_000", "-inf", "-nan", "-2", "-0.1e+7"])
def test_a_negative_number_is_a_value_in_every_form(number):
    parser = Parser(prog="some")
    parser.add_argument("--rate", type=float)
    parser.add_argument("--rates", type=float, nargs="+")
    parsed = parser.parse_args(["--rate", number, "--rates", "1", number])
    assert repr(parsed.rate) == repr(float(number))
    assert repr(parsed.rates) == repr([1.0, float(number)])


ENTRIES = sorted(  # slt/__main__.py is another: its main() is run()'s caller
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for folder in ("slt", "subsetsum", "theory", "simulations", "torch_backend", "figures", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if 'if __name__ == "__main__":' in path.read_text() and path.stem != "__main__"
)


@pytest.mark.parametrize("module", ENTRIES)
def test_every_module_that_can_be_started_does_so_through_run(module):
    tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text())
    last = ast.unparse(tree.body[-1].body[-1])
    assert re.fullmatch(r"(sys.exit|raise SystemExit)\(run\(main, None, ('python -m [a-z_. ]+'|NAME)\)\)", last), last


SHADOWS = [f"{name}{end}" for name in ("slt", "theory", "simulations", "figures") for end in (".py", "/__init__.py")]


@pytest.mark.parametrize("shadow", [*SHADOWS, "torch_backend.py", "figures/__init__.pyc", "theory.pyc"])
@pytest.mark.parametrize("command", ["subsetsum.verify --help", "subsetsum.verify --eps 0.1"])
def test_a_name_of_ours_in_the_current_folder_is_told_at_once(tmp_path, shadow, command):
    path = tmp_path / shadow
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    if path.suffix == ".pyc":
        import py_compile

        (tmp_path / "empty.py").write_text("")
        py_compile.compile(str(tmp_path / "empty.py"), cfile=str(path))
    done = start(tmp_path, *command.split())
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert "in place of" in done.stderr


@pytest.mark.parametrize("harmless", ["figures/hole.png", "theory/notes.txt", "common.txt", "benchmarks/__init__.py"])
def test_a_folder_of_that_name_without_modules_does_no_harm(tmp_path, harmless):
    (tmp_path / harmless).parent.mkdir(exist_ok=True)
    (tmp_path / harmless).write_text("")
    done = start(tmp_path, "subsetsum.verify", "--lock", "2")
    assert done.stderr == "python -m subsetsum.verify: error: lock must lie in [0, 1], got 2\n"


def test_a_program_of_the_users_that_imports_us_gets_an_import_error_and_keeps_its_hook(tmp_path):
    (tmp_path / "simulations.py").write_text("")
    (tmp_path / "theirs.py").write_text("import subsetsum")
    done = start(tmp_path, "theirs")
    assert done.returncode == 1
    assert "ImportError" in done.stderr
    (tmp_path / "simulations.py").unlink()
    (tmp_path / "theirs.py").write_text("import sys, subsetsum; assert sys.excepthook is sys.__excepthook__")
    assert start(tmp_path, "theirs").returncode == 0


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("raise ImportError('its library is missing')", BAD_INPUT, "cannot be imported: its library is missing"),
        ("raise ValueError('a variable is bad')", BAD_INPUT, "cannot be imported: a variable is bad"),
        ("raise KeyError('x')", BAD_INPUT, "cannot be imported: 'x'"),
        ("raise KeyboardInterrupt", INTERRUPTED, "interrupted"),
        ("raise OSError(24, 'Too many open files')", BAD_INPUT, "Too many open files"),
    ],
)
@pytest.mark.parametrize("command", ["subsetsum.verify", "slt figures", "slt simulate sweep", "benchmarks.subsetsum"])
def test_what_fails_while_a_command_is_imported_ends_with_the_same_codes(tmp_path, content, code, said, command):
    (tmp_path / "numpy.py").write_text(content)
    words = {"benchmarks.subsetsum": ["--help"], "subsetsum.verify": ["--eps", "0.1"]}
    done = start(tmp_path, *command.split(), *words.get(command, []))
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def start(folder, *words):
    """Run ``python -m`` in ``folder``, which comes first among the places of modules; our own comes after it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
