"""Mutation testing of one module: which small changes would no validity test notice?

    python -m benchmarks.mutation theory/game.py

Every mutant is one small change of the source: a number, an operator, an operand dropped, a minimum for a maximum.
Tests that reach the changed line are run on it, quick ones first, until one fails. A mutant that all of them pass has
*survived*; tests/survivors/MODULE.toml lists known survivors with the reason why each does no harm, and any
other makes the command end with exit code 1. Tests marked ``pinned`` (their expectation is a number that was printed
once) and doctests do not take part: they notice every change and show of none that it is wrong.

cosmic-ray makes the mutants, with operators of ours for formulas. Its own runner starts an interpreter for each mutant,
seconds of imports; mutmut forks, but leaves out constants of modules and functions with decorators, such as both
cover games. So the runner here forks one process a mutant from an interpreter that has imported all but the module.
"""

import ast
import gc
import json
import os
import re
import resource
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from functools import _lru_cache_wrapper
from hashlib import blake2b
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import coverage
import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

from slt.core.command import Parser, run
from slt.core.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("slt", "subsetsum", "theory", "simulations", "torch_backend", "figures")
LISTS = ROOT / "tests" / "survivors"
SHIPPED = [
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Pow_Mul", "FloorDiv_Div", "Mod_FloorDiv")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq")),
    *("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub", "ReplaceBreakWithContinue"),
    "ZeroIterationForLoop",
]
OPPOSITES = {"min": "max", "minimum": "maximum", "argmin": "argmax", "floor": "ceil", "cdf": "sf", "append": "delete"}
OPPOSITES |= {"sinh": "cosh", "expm1": "exp", "log1p": "log"}
OPPOSITES |= {value: key for key, value in OPPOSITES.items()} | {'"upper"': '"lower"', '"lower"': '"upper"'}
CPU_SHARE, CPU_LEAST = 5, 20  # a mutant may take this many times the CPU seconds of its tests, and some more
MEMORY = 4 * 2**30
NEUTRAL = re.compile(r"(frozen|strict)=(True|False)|maxsize=\d+")  # what only guards or saves, and changes no result
FEW = 15  # quick tests that are run first


class _Formula(Operator):
    """An operator for formulas, in the shape that cosmic-ray asks for."""

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class ChangeNumber(_Formula):
    """1 more and 1 less for whole numbers, a quarter more and a fifth less for others."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if isinstance(node, parso.python.tree.Number):
            yield from [(node.start_pos, node.end_pos)] * 2

    def mutate(self, node: Any, index: int) -> Any:
        value = eval(node.value)
        changed = value + (1, -1)[index] if isinstance(value, int) else value * (1.25, 0.8)[index]
        node.value = f"({changed!r})" if changed == -1 else repr(changed)
        return node


class DropOperand(_Formula):
    """One operand of + - * / left out, with its operator."""

    def mutation_positions(self, node: Any) -> list[tuple[Any, Any]]:
        if node.type not in ("term", "arith_expr"):
            return []
        # every right operand, and the left one of a product
        signs = node.children[1::2] + node.children[1:2] * (node.type == "term")
        return [(sign.start_pos, sign.end_pos) for sign in signs]

    def mutate(self, node: Any, index: int) -> Any:
        pairs = len(node.children) // 2
        at = 2 * index + 1 if index < pairs else 0
        prefix = node.get_first_leaf().prefix
        del node.children[at : at + 2]
        node.get_first_leaf().prefix = prefix
        return node


class Opposite(_Formula):
    """A name replaced by its opposite, such as max by min, or one side by the other."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        # not where a name is made or imported, only where it is used
        if node.type in ("name", "string") and node.value in OPPOSITES and "import" not in str(node.parent.type):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.value = OPPOSITES[node.value]
        return node


@dataclass(frozen=True)
class Mutant:
    """A changed source: its text, the first changed line and what changed there."""

    source: str
    line: int
    change: str

    @property
    def names(self) -> set[str]:
        """What it may be listed as: the change, or the old line."""
        return {self.change, self.change.split(" -> ")[0]}

    @property
    def neutral(self) -> bool:
        """Whether it changes only what guards against mistakes, or how much is remembered."""
        old, _, new = self.change.partition(" -> ")
        return NEUTRAL.sub("", old) == NEUTRAL.sub("", new)


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a source once, in the order of its lines."""
    operators = [ChangeNumber(), DropOperand(), Opposite(), *(get_operator(f"core/{name}")() for name in SHIPPED)]
    found = []
    before, parts = "", [part.get_code() for part in get_ast(source).children]
    # statement by statement, because every mutant is parsed anew
    for at, part in enumerate(parts):
        after, first = "".join(parts[at + 1 :]), before.count("\n")
        for operator in operators:
            positions = [place for node in ast_nodes(get_ast(part)) for place in operator.mutation_positions(node)]
            for occurrence, ((line, _), _) in enumerate(positions):
                mutated = mutate_code(part, operator, occurrence)
                if mutated is not None and mutated != part and _compiles(mutated):
                    text = before + mutated + after
                    found.append(Mutant(text, first + line, _change(source, text)))
        before += part
    seen = set()
    for mutant in sorted(found, key=lambda mutant: mutant.line):
        if mutant.source not in seen and not mutant.neutral:
            seen.add(mutant.source)
            yield mutant


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _change(source: str, mutated: str) -> str:
    """Return what changed as "old -> new", without comments."""
    lines = list(unified_diff(source.splitlines(), mutated.splitlines(), n=0, lineterm=""))[2:]
    old, new = (" ".join(line[1:].split("  #")[0].strip() for line in lines if line[0] == sign) for sign in "-+")
    return f"{old} -> {new}"


def _name(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _dependents(name: str) -> list[Any]:
    """The module and all loaded ones of the project that use it, directly or not: what they remember depends on it."""
    ours = {key: module for key, module in sys.modules.items() if key.split(".")[0] in PACKAGES}
    uses = {
        key: {getattr(value, "__module__", getattr(value, "__name__", None)) for value in list(vars(module).values())}
        for key, module in ours.items()
    }
    found = {name}
    while more := {key for key, used in uses.items() if used & found} - found:
        found |= more
    return [ours[key] for key in found if key in ours]


class _Chosen:
    """pytest plugin: only the tests in ``order``, in that order (all when None); it takes their CPU seconds.

    With ``coverage`` it notes which test reaches what: what another test left in a cache must not hide that.
    """

    def __init__(self, order: list[str] | None = None, module: str = "", coverage: Any = None) -> None:
        self.order, self.module, self.coverage = order, module, coverage
        self.start, self.seconds = 0.0, dict[str, float]()

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings

        # a failing example is enough, it need not be small; what is killed by thirty is killed by a hundred
        settings.register_profile(
            "mutants", settings(), phases=(Phase.explicit, Phase.generate), database=None, max_examples=30
        )
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        valid = [i for i in items if not i.get_closest_marker("pinned") and type(i).__name__ != "DoctestItem"]
        if self.order is not None:
            place = {name: k for k, name in enumerate(self.order)}
            valid = sorted((item for item in valid if item.nodeid in place), key=lambda item: place[item.nodeid])
        items[:] = valid

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.coverage:
            for module in _dependents(self.module):
                for value in list(vars(module).values()):
                    if isinstance(value, _lru_cache_wrapper):
                        value.cache_clear()
            self.coverage.switch_context(nodeid)
        self.start = time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seconds[nodeid] = time.process_time() - self.start


def _pytest(plugin: _Chosen, files: list[str]) -> int:
    import pytest

    # without what takes longer than most tests: rewritten assertions, plugins of others, collections of garbage
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-x", "-q", "--assert=plain", "-o", "addopts=--import-mode=importlib"]
    options += [f"-pno:{name}" for name in ("cacheprovider", "doctest", "unraisableexception", "threadexception")]
    return int(pytest.main([*options, *files], [plugin]))


def _baseline(path: str, tests: list[str], out: Path) -> int:
    """Run all tests on the module as it is; write which lines each reaches, how long it takes and what is imported."""
    cover = coverage.Coverage(data_file=None, include=[str(ROOT / path)], config_file=False)
    plugin = _Chosen(None, _name(path), cover)
    cover.start()
    code = _pytest(plugin, tests)
    cover.stop()
    data = cover.get_data()
    lines: dict[str, list[int]] = {}
    for file in data.measured_files():
        for line, names in data.contexts_by_lineno(file).items():
            for name in names:
                lines.setdefault(name, []).append(line)
    outside = [name for name in sys.modules if name.split(".")[0] not in (*PACKAGES, "tests", "benchmarks", "__main__")]
    inside = [name for name in sys.modules if name.split(".")[0] in PACKAGES]
    out.write_text(json.dumps({"seconds": plugin.seconds, "lines": lines, "outside": outside, "inside": inside}))
    return code


def _mutate_on_import(path: str, source: str) -> None:
    """Let the module be imported from ``source``."""
    plain = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, fullname: str) -> Any:
        if Path(loader.path) == ROOT / path:
            return compile(source, loader.path, "exec", dont_inherit=True)
        return plain(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def _forked(work: Any, *args: Any) -> int:
    """Fork, run ``work`` there without output, leave with its code; return the child's process number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        code = work(*args)
    except BaseException:  # also SystemExit of a mutant
        code = 1
    os._exit(code)


def _try(path: str, source: str, order: list[str], files: list[str], cpu: float) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu) + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    _mutate_on_import(path, source)
    return _pytest(_Chosen(order), files)


def _dies(path: str, source: str, order: list[str], seconds: dict[str, float]) -> bool:
    cpu = CPU_SHARE * sum(seconds[name] for name in order) + CPU_LEAST
    files = sorted({name.split("::")[0] for name in order})
    return not _wait(_forked(_try, path, source, order, files, cpu), 4 * cpu)


def _wait(pid: int, seconds: float) -> bool:
    """Wait for a child and return whether it ended with code 0; kill it when it takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return False


def _warm(path: str, known: dict[str, Any]) -> None:
    """Import what the tests import, but for the module and what depends on it."""
    name = _name(path)
    for other in known["outside"]:
        try:
            import_module(other)
        except Exception:  # some names are made by other modules
            continue
    sys.modules[name] = None  # type: ignore[assignment]  # whoever imports it fails
    for other in known["inside"]:
        try:
            import_module(other)
        except ImportError:
            continue
    del sys.modules[name]


def _lines(node: Any) -> range:
    return range(node.lineno, node.end_lineno + 1)


def _statements(source: str) -> dict[int, range]:
    """For every line the lines of the simple statement, or of the head of the compound one, that it is part of."""
    spans = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            spans |= {line: range(node.lineno, last + 1) for line in range(node.lineno, last + 1)}
    return spans


def _known_survivors(path: str) -> dict[str, str]:
    """Changes that may survive, with their reasons; an old line alone stands for all its changes."""
    file = LISTS / f"{_name(path)}.toml"
    groups = tomllib.loads(file.read_text())["harmless"] if file.exists() else []
    return {change: group["reason"] for group in groups for change in group["changes"]}


def main(argv: list[str] | None = None) -> int:
    """Try every mutant of a module; return 1 when one survives that is not listed."""
    parser = Parser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("module", help="path of the module, such as theory/game.py")
    parser.add_argument("--tests", nargs="+", help="test files or folders (default: tests/ of the module's package)")
    parser.add_argument("--lines", default="1-1000000", help="only mutants of these lines, such as 20-90")
    parser.add_argument("--listed", action="store_true", help="try those that are listed too, and say which are killed")
    parser.add_argument("--log", type=Path, help="remember outcomes in this file; what was killed is not tried again")
    parser.add_argument(
        "--quick",
        type=float,
        default=float("inf"),
        help="leave out tests that take longer; fewer mutants may be killed",
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long, with exit code 3")
    options = parser.parse_args(argv)
    path, package = options.module, options.module.split("/")[0]
    if not (ROOT / path[:200]).is_file():
        raise ValueError(f"{path[:200]} is no module of this project")
    tests = options.tests or [f"tests/{package}"]
    low, high = (int(end) for end in options.lines.split("-"))
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.dont_write_bytecode = False  # else every fork compiles the tests anew

    start = time.monotonic()
    source = (ROOT / path).read_text()
    log = json.loads(options.log.read_text()) if options.log and options.log.exists() else {}
    if log.get("source") != source:
        log = {"source": source, "killed": []}
    # what tests reach is known as long as they stay the same
    texts = [
        file.read_text()
        for test in tests
        for file in sorted([ROOT / test, *(ROOT / test).rglob("*.py")])
        if file.is_file()
    ]
    digest = blake2b("".join(texts).encode(), digest_size=8).hexdigest()
    if log.get("tests") != digest:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "baseline.json"
            if not _wait(_forked(_baseline, path, tests, out), 3600):
                print(f"the tests fail on {path} as it is: run pytest {' '.join(tests)}")
                return 2
            log |= {"tests": digest, "known": json.loads(out.read_text()), "passed": []}
    known = log["known"]
    _warm(path, known)
    gc.freeze()

    if _dies(path, source, sorted(known["seconds"], key=known["seconds"].__getitem__)[:FEW], known["seconds"]):
        print("the quickest tests fail in a fork on the module as it is: outcomes would mean nothing")
        return 2
    killed_before, passed_before = set(log["killed"]), set(log["passed"])
    harmless = _known_survivors(path)
    tried, killed, survivors = 0, 0, []
    seconds, reached = known["seconds"], known["lines"]
    anywhere = [name for name in reached if name and seconds[name] <= options.quick]
    spans = _statements(source)
    # what an error says is the business of the tests of messages
    refusals = {line for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise) for line in _lines(node)}
    for mutant in mutants(source):
        if not low <= mutant.line <= high or mutant.line in refusals:
            continue
        tried += 1
        key = f"{mutant.line}: {mutant.change}"
        if key in killed_before:
            killed += 1
            continue
        if harmless.keys() & mutant.names and not options.listed:
            survivors.append(mutant)
            continue
        span = spans.get(mutant.line, range(mutant.line, mutant.line + 1))
        order = sorted((n for n in anywhere if not set(span).isdisjoint(reached[n])), key=seconds.__getitem__)
        if not set(span).isdisjoint(reached.get("", ())):
            # run when the module is imported: whatever uses the module may notice
            order = sorted(anywhere, key=seconds.__getitem__)
        # most mutants fall to a few quick tests: the others' files need not even be read
        if (
            key not in passed_before
            and order
            and any(_dies(path, mutant.source, part, seconds) for part in (order[:FEW], order[FEW:]) if part)
        ):
            killed += 1
            log["killed"].append(key)
        else:
            survivors.append(mutant)
            log["passed"].append(key)
            if not harmless.keys() & mutant.names:
                print(f"NEW {path}:{mutant.line}: {mutant.change}", flush=True)
        if options.log:
            write_atomically(options.log, json.dumps(log))
        if time.monotonic() - start > options.seconds:
            print(f"stopped after {tried} mutants, line {mutant.line}")
            return 3
    new = [mutant for mutant in survivors if not harmless.keys() & mutant.names]
    if options.listed:
        for change in sorted(harmless.keys() - {name for mutant in survivors for name in mutant.names}):
            print(f"listed as harmless, but killed or no longer there: {change}")
    print(f"| {path} | {tried} | {killed} | {len(survivors) - len(new)} | {len(new)} |")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.mutation"))
