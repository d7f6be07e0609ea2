"""Mutation testing of one module: which small changes would no validity test notice?

    python -m benchmarks.mutation theory/game.py

Every mutant is one small change of the source: a number, an operator, an operand dropped, a minimum for a maximum.
Tests that reach the changed line are run on it, quick ones first, until one fails. A mutant that all of them pass has
*survived*; tests/survivors/MODULE.toml lists known survivors with the reason why each does no harm, and any
other makes the command end with exit code 1. Tests marked ``pinned`` (their expectation is a number that was printed
once) and doctests do not take part: they notice every change and show of none that it is wrong; nor do ``long`` ones.

cosmic-ray makes the mutants, with operators of ours for formulas. Its own runner starts an interpreter for each mutant,
seconds of imports; mutmut forks, but leaves out constants of modules and functions with decorators, such as both
cover games. So the runner here forks one process a mutant, in one of two ways:

* A change inside a function that nothing has called while the tests were collected: the tests are collected once, and
  after the fork that function gets its new code. It stays the same object, so whoever imported it has the change, and
  no cache can hold a result of the old code.
* Any other change (constants, defaults, class bodies, what runs on import): from an interpreter that has imported all
  but the module and what uses it, so that the tests are imported anew, with the changed module.

Outcomes are written to runs/mutation as they come, and a run that was stopped goes on there; a complete run brings its
line of tests/survivors/results.csv up to date.
"""

import ast
import gc
import json
import os
import re
import resource
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from functools import _lru_cache_wrapper
from hashlib import blake2b
from importlib import import_module
from importlib.machinery import SourceFileLoader
from inspect import CO_OPTIMIZED
from itertools import accumulate
from mmap import mmap
from pathlib import Path
from types import CodeType, FunctionType
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
CPU_SHARE, CPU_LEAST = 5, 6  # a test may take this many times its CPU seconds on a mutant, and some more
CPU_IMPORTS = 60  # CPU seconds in which tests are to be collected
LOST = 9  # exit code of a child that does not find what it should change
WHOLE = "1-1000000"  # all lines of a module
COLUMNS = "module,mutants,tried,killed,harmless,left,longest_test,budget,seconds"
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
    def key(self) -> str:
        """What an outcome is kept under."""
        return f"{self.line}: {self.change}"

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


def _digest(*texts: str) -> str:
    return blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()


def _remembered(package: str) -> list[Any]:
    """Every cache of a package and of its tests."""
    ours = [module for name, module in list(sys.modules.items()) if name.split(".")[0] in (package, "tests")]
    return [value for module in ours for value in list(vars(module).values()) if isinstance(value, _lru_cache_wrapper)]


class _Tests:
    """pytest plugin: collects the tests that take part, and gives them to ``work`` in place of running them all."""

    def __init__(self, work: Any) -> None:
        self.work, self.failed = work, False
        self.items = dict[str, Any]()

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings

        # a failing example is enough, it need not be small; what is killed by thirty is killed by a hundred
        settings.register_profile(
            "mutants", settings(), phases=(Phase.explicit, Phase.generate), database=None, max_examples=30
        )
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: Any) -> bool:
        self.failed = session.testsfailed > 0
        valid = [i for i in session.items if not i.get_closest_marker("pinned") and type(i).__name__ != "DoctestItem"]
        self.items = {item.nodeid: item for item in valid}
        self.work(self)
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.failed |= report.failed

    def run(self, name: str, following: str | None = None) -> None:
        item = self.items[name]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=self.items.get(following or ""))

    def collect(self, files: list[str]) -> int:
        import pytest

        # without what takes longer than most tests: rewritten assertions, plugins of others, collections of garbage
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        options = ["-x", "-q", "--assert=plain", "-o", "addopts=--import-mode=importlib"]
        options += [f"-pno:{name}" for name in ("cacheprovider", "doctest", "unraisableexception", "threadexception")]
        code = pytest.main([*options, *files], [self])
        return int(code) if code != pytest.ExitCode.NO_TESTS_COLLECTED else 0  # all of a file may be long ones


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


def _wait(pid: int, seconds: float) -> int:
    """Wait for a child and return its code, 1 for one that a signal ended; kill it when it takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return 1


# What tests reach.


def _measure(package: str, files: list[str], sources: dict[str, str], out: Path) -> int:
    """Run the tests of ``files``; write which lines of the package each reaches, in which time, and what is imported.

    sources: digests of the package's modules, kept with what is found.

    What another test left in a cache must not hide what a test reaches.
    """
    cover = coverage.Coverage(data_file=None, include=[f"{ROOT / package}/*"], config_file=False)
    seconds = dict[str, float]()

    def each(tests: _Tests) -> None:
        names = list(tests.items)
        for k, name in enumerate(names):
            for cache in _remembered(package):
                cache.cache_clear()
            cover.switch_context(name)
            start = time.process_time()
            tests.run(name, names[k + 1] if k + 1 < len(names) else None)
            seconds[name] = time.process_time() - start
            if tests.failed:
                raise ValueError(name)

    cover.start()
    code = _Tests(each).collect(files)
    cover.stop()
    data = cover.get_data()
    lines: dict[str, dict[str, list[int]]] = {}
    for file in data.measured_files():
        reached = lines.setdefault(str(Path(file).relative_to(ROOT)), {})
        for line, names in data.contexts_by_lineno(file).items():
            for name in names:
                reached.setdefault(name, []).append(line)
    outside = [name for name in sys.modules if name.split(".")[0] not in (*PACKAGES, "tests", "benchmarks", "__main__")]
    inside = [name for name in sys.modules if name.split(".")[0] in PACKAGES]
    found = {"seconds": seconds, "lines": lines, "outside": outside, "inside": inside, "sources": sources}
    write_atomically(out, json.dumps(found))
    return code


@dataclass(frozen=True)
class _Reach:
    """What the tests reach of one module: CPU seconds of each, lines of each ("" while they are collected)."""

    seconds: dict[str, float]
    lines: dict[str, set[int]]
    outside: list[str]
    inside: list[str]
    digest: str


def _reach(path: str, tests: list[str], folder: Path) -> _Reach:
    """Measure what is not known of the tests as they are; each file of tests is measured anew when it changes."""
    package = path.split("/", maxsplit=1)[0]
    texts = {
        str(file.relative_to(ROOT)): file.read_text()
        for test in tests
        for file in sorted([ROOT / test, *(ROOT / test).rglob("*.py")])
        if file.is_file()
    }
    files = [file for file in texts if Path(file).name.startswith("test_")]
    common = [text for file, text in texts.items() if file not in files]
    sources = {
        str(file.relative_to(ROOT)): _digest(file.read_text()) for file in sorted((ROOT / package).rglob("*.py"))
    }
    folder.mkdir(parents=True, exist_ok=True)
    seconds, lines, outside, inside = dict[str, float](), dict[str, set[int]](), dict[str, None](), dict[str, None]()
    for file in files:
        known = _measured(file, folder / f"reach.{_digest(file, texts[file], *common)}.json", path, sources)
        seconds |= known["seconds"]
        outside |= dict.fromkeys(known["outside"])
        inside |= dict.fromkeys(known["inside"])
        for name, numbers in known["lines"].get(path, {}).items():
            lines.setdefault(name, set()).update(numbers)
    return _Reach(seconds, lines, list(outside), list(inside), _digest(*texts.values(), *sources.values()))


def _measured(file: str, out: Path, path: str, sources: dict[str, str]) -> dict[str, Any]:
    """Return what a file of tests reaches: as it was measured, unless it imports the module, which is another since.

    When other modules have changed, tests may reach a line that are not known to. They are not run on its mutants, and
    more survive: on the safe side.
    """
    if out.exists():
        known: dict[str, Any] = json.loads(out.read_text())
        if known["sources"].get(path) == sources[path] or (
            path in known["sources"] and _name(path) not in known["inside"]
        ):
            return known
    if _wait(_forked(_measure, path.split("/", maxsplit=1)[0], [file], sources, out), 3600):
        out.unlink(missing_ok=True)
        raise ValueError(f"the tests fail on {path} as it is: run pytest {file}")
    measured: dict[str, Any] = json.loads(out.read_text())
    return measured


# One mutant.

_NOW = mmap(-1, 8)  # the number of the test that a child is at: shared with it


def _run_tests(tests: _Tests, order: list[str], seconds: dict[str, float]) -> None:
    """Run tests until one fails or takes too long, and leave this process."""
    for k, name in enumerate(order):
        if tests.failed:
            os._exit(1)
        if name not in tests.items:  # its parameters have changed
            continue
        _NOW[:] = k.to_bytes(8, "little")
        _limit_cpu(CPU_SHARE * seconds[name] + CPU_LEAST)
        tests.run(name, order[k + 1] if k + 1 < len(order) else None)
    os._exit(int(tests.failed))


def _limit_cpu(seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, resource.RLIM_INFINITY))


def _functions(code: CodeType) -> Iterator[CodeType]:
    """The code of the functions of a module and of the methods of its classes, but for functions inside of them."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            if part.co_flags & CO_OPTIMIZED:
                yield part
            else:
                yield from _functions(part)


def _with_new_code(path: str, mutant: str, functions: list[Any]) -> None:
    """Give functions of a module the code that they have in a mutant."""
    old, new = (
        compile(text, str(ROOT / path), "exec", dont_inherit=True) for text in ((ROOT / path).read_text(), mutant)
    )
    changed = {a: b for a, b in zip(_functions(old), _functions(new), strict=True) if a != b}
    found = [function for function in functions if function.__code__ in changed]
    if not found:
        os._exit(LOST)
    for function in found:
        function.__code__ = changed[function.__code__]


def _with_new_module(path: str, mutant: str) -> None:
    """Let the module be imported from the source of a mutant."""
    plain = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, fullname: str) -> Any:
        if Path(loader.path) == ROOT / path:
            return compile(mutant, loader.path, "exec", dont_inherit=True)
        return plain(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def _warm(path: str, reach: _Reach) -> None:
    """Import what the tests import, but for the module and what depends on it."""
    name = _name(path)
    for other in reach.outside:
        try:
            import_module(other)
        except Exception:  # some names are made by other modules
            continue
    sys.modules[name] = None  # type: ignore[assignment]  # whoever imports it fails
    for other in reach.inside:
        try:
            import_module(other)
        except ImportError:
            continue
    del sys.modules[name]


def _killer(pid: int, order: list[str], seconds: dict[str, float]) -> str | None:
    """Return the test that kills a mutant in a child process, None when it survives."""
    _NOW[:] = b"\xff" * 8
    code = _wait(pid, 4 * (CPU_SHARE * sum(seconds[name] for name in order) + CPU_LEAST * len(order) + CPU_IMPORTS))
    if code == LOST:
        raise ValueError("a changed function was not found")
    at = int.from_bytes(_NOW[:], "little")
    return None if not code else order[at] if at < len(order) else "import"


class _Dead:
    """Tells which test kills a mutant: of functions with new code, or of the module imported anew."""

    def __init__(self, path: str, reach: _Reach, tests: _Tests | None = None) -> None:
        self.path, self.reach, self.tests = path, reach, tests
        self.functions: list[Any] = []
        if tests:
            file = str(ROOT / path)
            self.functions = [
                f for f in gc.get_objects() if isinstance(f, FunctionType) and f.__code__.co_filename == file
            ]
        gc.freeze()

    def __call__(self, mutant: str, order: list[str]) -> str | None:
        if self.tests:
            return _killer(_forked(self._recoded, mutant, order), order, self.reach.seconds)
        # most mutants fall to a few quick tests: the others' files need not even be read
        for part in (order[:FEW], order[FEW:]):
            if part and (found := _killer(_forked(self._imported, mutant, part), part, self.reach.seconds)):
                return found
        return None

    def _recoded(self, mutant: str, order: list[str]) -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        if mutant:
            _with_new_code(self.path, mutant, self.functions)
        _run_tests(self.tests, order, self.reach.seconds)

    def _imported(self, mutant: str, order: list[str]) -> int:
        _limit_cpu(CPU_IMPORTS)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        if mutant:
            _with_new_module(self.path, mutant)
        files = sorted({name.split("::")[0] for name in order})
        return _Tests(lambda tests: _run_tests(tests, order, self.reach.seconds)).collect(files)


# All mutants of a module.


def _span(node: Any) -> range:
    return range(node.lineno, node.end_lineno + 1)


def _statements(tree: ast.Module) -> dict[int, range]:
    """For every line the lines of the simple statement, or of the head of the compound one, that it is part of."""
    spans = dict[int, range]()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno
            spans |= {line: range(node.lineno, last + 1) for line in range(node.lineno, last + 1)}
    return spans


def _bodies(node: Any) -> Iterator[range]:
    """The bodies of functions and methods that are in no other function."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield range(part.body[0].lineno, part.end_lineno + 1)
        else:
            yield from _bodies(part)


def _known_survivors(path: str) -> dict[str, str]:
    """Changes that may survive, with their reasons; an old line alone stands for all its changes."""
    file = LISTS / f"{_name(path)}.toml"
    groups = tomllib.loads(file.read_text())["harmless"] if file.exists() else []
    return {change: group["reason"] for group in groups for change in group["changes"]}


class _Run:
    """The mutants of a module that are to be tried, and what came of them, kept in a file."""

    def __init__(self, options: Any, reach: _Reach, source: str) -> None:
        self.path, self.reach, self.options = options.module, reach, options
        self.file, self.source = options.log / f"{_name(options.module)}.json", source
        self.read()
        tree = ast.parse(source)
        # what an error says is the business of the tests of messages
        refusals = {line for node in ast.walk(tree) if isinstance(node, ast.Raise) for line in _span(node)}
        low, high = (int(end) for end in options.lines.split("-"))
        every = [m for m in mutants(source) if low <= m.line <= high and m.line not in refusals]
        self.of = len(every)
        chosen = sorted(every, key=lambda m: _digest(self.path, m.key))[: options.sample]
        self.mutants = sorted(chosen, key=lambda m: m.line)
        self.harmless = _known_survivors(self.path)
        self.spans, self.bodies = _statements(tree), list(_bodies(tree))

    def read(self) -> None:
        """Read what came of them so far."""
        self.log: dict[str, Any] = {"source": self.source, "killed": {}, "seconds": 0.0}
        if self.file.exists() and (known := json.loads(self.file.read_text()))["source"] == self.source:
            self.log = known
        # a mutant that was killed stays dead; one that survived is tried again when tests have changed
        state = [self.reach.digest, self.options.quick, self.options.budget]
        if self.log.get("tests") != state:
            self.log |= {"tests": state, "passed": []}

    def waiting(self, inside: bool) -> list[Mutant]:
        """Mutants without outcome: of functions that are not called while tests are collected, or the others."""
        done = {*self.log["killed"], *self.log["passed"]}
        early = self.reach.lines.get("", set())
        quiet = {line for body in self.bodies if early.isdisjoint(body) for line in body}
        return [
            mutant
            for mutant in self.mutants
            if mutant.key not in done
            and (mutant.line in quiet) == inside
            and (self.options.listed or not self.harmless.keys() & mutant.names)
        ]

    def order(self, mutant: Mutant) -> list[str]:
        """The tests that reach a mutant: quick ones, and those that killed many, first."""
        seconds, reached = self.reach.seconds, self.reach.lines
        span = set(self.spans.get(mutant.line, range(mutant.line, mutant.line + 1)))
        # what is run when the module is imported may be noticed by any test, though rather by one that calls it
        early = not span.isdisjoint(reached.get("", ()))
        names = [n for n in seconds if seconds[n] <= self.options.quick and (early or span & reached.get(n, set()))]
        kills = Counter(self.log["killed"].values())
        names.sort(key=lambda n: (seconds[n] + 0.01 + (n not in reached)) / (1 + kills[n]))
        until = accumulate(seconds[n] for n in names)
        return [name for name, total in zip(names, until, strict=True) if total <= self.options.budget]

    def go(self, inside: bool, dead: _Dead, end: float) -> bool:
        """Try what is waiting; return False when time ran out."""
        for mutant in self.waiting(inside):
            start = time.monotonic()
            order = self.order(mutant)
            killer = dead(mutant.source, order) if order else None
            if killer:
                self.log["killed"][mutant.key] = killer
            else:
                self.log["passed"].append(mutant.key)
            self.log["seconds"] += time.monotonic() - start
            write_atomically(self.file, json.dumps(self.log))
            if time.monotonic() > end:
                return False
        return True


def _collected(run_: _Run, end: float) -> int:
    """Collect the tests once and try the mutants of functions."""
    codes = []

    def work(tests: _Tests) -> None:
        dead = _Dead(run_.path, run_.reach, tests)
        codes.append(2 if tests.failed or dead("", _quickest(run_.reach)) else 0 if run_.go(True, dead, end) else 3)

    _Tests(work).collect(sorted({name.split("::")[0] for name in run_.reach.seconds}))
    return codes[0] if codes else 2


def _quickest(reach: _Reach) -> list[str]:
    return sorted(reach.seconds, key=reach.seconds.__getitem__)[:FEW]


def _outcomes(run_: _Run) -> int:
    """Try the mutants that have no outcome yet, one way and the other; return 0 when all have been tried."""
    end, reach = time.monotonic() + run_.options.seconds, run_.reach
    code = 0
    if run_.waiting(inside=True):
        code = _wait(_forked(_collected, run_, end), 10**9)
        run_.read()
    if code == 0 and run_.waiting(inside=False):
        _warm(run_.path, reach)
        dead = _Dead(run_.path, reach)
        code = 2 if dead("", _quickest(reach)) else 0 if run_.go(False, dead, end) else 3
    if code:
        said = {2: "the quickest tests fail in a fork on the module as it is: outcomes would mean nothing"}
        print(said.get(code, f"stopped: {len(run_.log['killed'])} killed so far"))
    return code


def _tell(run_: _Run) -> int:
    """Print what came of all mutants; return how many survive that are not listed."""
    killed = [m for m in run_.mutants if m.key in run_.log["killed"]]
    survivors = [m for m in run_.mutants if m.key not in run_.log["killed"]]
    new = [m for m in survivors if not run_.harmless.keys() & m.names]
    for mutant in new:
        print(f"NEW {run_.path}:{mutant.line}: {mutant.change}")
    if run_.options.listed:
        for change in sorted(run_.harmless.keys() - {name for mutant in survivors for name in mutant.names}):
            print(f"listed as harmless, but killed or no longer there: {change}")
    row = [run_.path, run_.of, len(run_.mutants), len(killed), len(survivors) - len(new), len(new)]
    limits = run_.options.quick, run_.options.budget
    row += [*(limit if limit < float("inf") else "" for limit in limits), round(run_.log["seconds"])]
    print("| " + " | ".join(map(str, row)) + " |")
    if run_.options.lines != WHOLE:
        return len(new)
    table = LISTS / "results.csv"
    rows = {line.split(",")[0]: line for line in table.read_text().splitlines()[1:]}
    rows[run_.path] = ",".join(map(str, row))
    write_atomically(table, "\n".join([COLUMNS, *(rows[name] for name in sorted(rows))]) + "\n")
    return len(new)


def main(argv: list[str] | None = None) -> int:
    """Try every mutant of a module; return 1 when one survives that is not listed."""
    parser = Parser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("module", help="path of the module, such as theory/game.py")
    parser.add_argument("--tests", nargs="+", help="only these test files or folders (default: those of the package)")
    parser.add_argument("--lines", default=WHOLE, help="only mutants of these lines, such as 20-90")
    parser.add_argument("--sample", type=int, help="only so many mutants, always the same ones (chosen by a hash)")
    parser.add_argument("--listed", action="store_true", help="try those that are listed too, and say which are killed")
    parser.add_argument("--log", type=Path, default=ROOT / "runs" / "mutation", help="folder that remembers outcomes")
    parser.add_argument(
        "--quick",
        type=float,
        default=float("inf"),
        help="leave out tests that take longer; fewer mutants may be killed",
    )
    parser.add_argument(
        "--budget", type=float, default=float("inf"), help="run tests of so many CPU seconds on a mutant, and no more"
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long, with exit code 3")
    options = parser.parse_args(argv)
    path, package = options.module, options.module.split("/")[0]
    if not (ROOT / path[:200]).is_file():
        raise ValueError(f"{path[:200]} is no module of this project")
    source = (ROOT / path).read_text()
    if "numba" in source:
        raise ValueError(f"{path} has compiled loops: see python -m tests.mutants")
    tests = options.tests or [f"tests/{package}"]
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.dont_write_bytecode = False  # else every fork compiles the tests anew

    reach = _reach(path, tests, options.log)
    run_ = _Run(options, reach, source)
    return _outcomes(run_) or int(_tell(run_) > 0)


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.mutation"))
