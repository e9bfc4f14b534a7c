"""What the tests would notice: plant one fault at a time into a module and see whether its tests fail.

    python scripts/mutate.py trainer/statistics                      every module, up to 60 faults each
    python scripts/mutate.py trainer/statistics/kappa.py --most 999  all faults of one

Tests are collected and run once in one process, which is then forked for every fault (a *mutant*): the child swaps the
code of the module's functions for that with the fault and runs the tests of the module's own file and of those that
import its package, the quickest first, until one fails; where it has no file of its own, those of the files that import
it. Tests that do not pass without a fault are not asked, nor are those that are marked as slow or need PostgreSQL. A
mutant that takes twice as long as all its tests counts as noticed.

The faults: comparisons (reversed, and with the boundary in or out), arithmetic, ``and``/``or``, ``not``, signs,
conditions, numbers plus one, other texts, switches turned, results forgotten, keyword arguments and calls left out.
What ``assert`` and ``raise`` say, ``strict=True``, types and docstrings stay as they are.
"""

import argparse
import ast
import functools
import os
import random
import resource
import sys
import time
import types
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import hypothesis  # noqa: E402
import pytest  # noqa: E402

SEED, MOST = 20_261_130, 60
KILLED, SURVIVED, TIMEOUT, BROKEN = "killed", "survived", "timeout", "broken"
CODES = {0: SURVIVED, 1: KILLED, 2: BROKEN}
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
UNTOUCHED = {"annotation", "returns", "decorator_list", "bases", "type_params"}


# Faults ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One fault: what it says, how the tree comes to have it, and whether a test could notice it at all."""

    line: int
    says: str
    plant: Callable[[], None]
    shows: bool


def places(parent: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Every node that may be replaced: (parent, field, place in it, node)."""
    for field, value in ast.iter_fields(parent):
        if field in UNTOUCHED or isinstance(parent, ast.Assert | ast.Raise | ast.Import | ast.ImportFrom):
            continue
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST):
                yield parent, field, place, node
                yield from places(node)


def faults(parent: ast.AST, node: ast.AST) -> Iterator[ast.AST]:
    """What may stand there instead."""
    match node:
        case ast.Compare(left, ops, comparators):
            for place, op in enumerate(ops):
                for other in COMPARED[type(op)]:
                    yield ast.Compare(left, [*ops[:place], other(), *ops[place + 1 :]], comparators)
        case ast.BinOp(left, op, right) if type(op) in COMPUTED:
            yield ast.BinOp(left, COMPUTED[type(op)](), right)
        case ast.AugAssign(target, op, value) if type(op) in COMPUTED:
            yield ast.AugAssign(target, COMPUTED[type(op)](), value)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(str() as value) if not isinstance(parent, ast.Expr | ast.JoinedStr | ast.FormattedValue):
            yield ast.Constant(value + "!")
        case ast.Return(value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Call(function, arguments, keywords):
            for place, keyword in enumerate(keywords):
                if keyword.arg:
                    yield ast.Call(function, arguments, [*keywords[:place], *keywords[place + 1 :]])
        case ast.Expr(ast.Call()):
            yield ast.Pass()
        case ast.If(test, body, orelse) if _is_plain(test):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.IfExp(test, body, orelse) if _is_plain(test):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_plain(test: ast.AST) -> bool:
    """No other fault turns this condition around."""
    return not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp)


def put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def mutants_of(tree: ast.Module) -> list[Mutant]:
    types_ = {id(node) for one in tree.body if _names_a_type(one) for node in ast.walk(one)}
    found = []
    for parent, field, place, node in places(tree):
        for other in faults(parent, node):
            line = getattr(node, "lineno", 0)
            ast.copy_location(other, node)
            says = f"{_line(node)}  →  {_line(other)}"
            shows = id(node) not in types_ and not _lets_lengths_differ(parent, node, other)
            found.append(Mutant(line, says, functools.partial(put, parent, field, place, other), shows))
    return found


def _names_a_type(statement: ast.stmt) -> bool:
    """``Floats = NDArray[…]``, ``T = TypeVar(…)``: for readers and type checkers alone."""
    if not isinstance(statement, ast.Assign):
        return False
    value = statement.value
    name = value.value if isinstance(value, ast.Subscript) else value.func if isinstance(value, ast.Call) else None
    return isinstance(name, ast.Name) and name.id in {"Literal", "Callable", "NDArray", "Select", "tuple", "TypeVar"}


def _lets_lengths_differ(parent: ast.AST, node: ast.AST, other: ast.AST) -> bool:
    """``strict=True`` of a ``zip`` of columns is an assertion, and turned around or left out here."""
    if isinstance(node, ast.Call) and isinstance(other, ast.Call):
        return {keyword.arg for keyword in node.keywords} - {keyword.arg for keyword in other.keywords} == {"strict"}
    return isinstance(parent, ast.keyword) and parent.arg == "strict"


def _line(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0][:100]


# Planting them into a process that has imported everything ---------------------------------------


def swap(module: types.ModuleType, tree: ast.Module) -> None:
    """Give what the module defined the code and the values of this tree, wherever else it is known."""
    new = types.ModuleType(module.__name__)
    new.__dict__.update({name: getattr(module, name) for name in ("__file__", "__package__", "__spec__")})
    exec(compile(ast.fix_missing_locations(tree), str(module.__file__), "exec"), new.__dict__)  # noqa: S102
    others = [other for name, other in list(sys.modules.items()) if name.split(".")[0] in ("app", "trainer", "tests")]
    for other in others:
        for value in list(vars(other).values()):
            if callable(forget := getattr(value, "cache_clear", None)):
                forget()
    for name, value in vars(new).items():
        old = module.__dict__.get(name)
        if name.startswith("__") or old is value:
            continue
        if not _recoded(old, value, module.__name__):
            for other in others:
                if other.__dict__.get(name) is old:
                    setattr(other, name, value)


def _recoded(old: Any, new: Any, home: str) -> bool:
    """Whether the old thing could be given the new one's code in place."""
    old, new = (getattr(one, "__wrapped__", one) for one in (old, new))
    if getattr(old, "__module__", None) != home:
        return False
    if isinstance(old, types.FunctionType):
        old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        return True
    if not isinstance(old, type):
        return False
    for name, value in vars(new).items():
        mine, theirs = vars(old).get(name), value
        for inner in ("fget", "func", "__func__"):
            mine, theirs = getattr(mine, inner, mine), getattr(theirs, inner, theirs)
        if isinstance(mine, types.FunctionType) and mine.__code__.co_freevars == theirs.__code__.co_freevars:
            mine.__code__, mine.__defaults__ = theirs.__code__, theirs.__defaults__
            mine.__kwdefaults__ = theirs.__kwdefaults__
        elif isinstance(mine, str | int | float | tuple) and not name.startswith("__"):
            setattr(old, name, theirs)
    return True


# Asking the tests --------------------------------------------------------------------------------


class Staying:
    """A next test of the same file: what that has set up stays, for the children."""

    def __init__(self, item: pytest.Item) -> None:
        self.item = item

    def listchain(self) -> list[Any]:
        return self.item.listchain()[:-1]


class Asking:
    """A plugin of pytest that runs what was collected once, and then again for every mutant in a fork."""

    def __init__(self, paths: list[Path], most: int, lines: list[int], at_once: int) -> None:
        self.paths, self.most, self.lines, self.at_once = paths, most, lines, at_once
        self.failed = False
        self.seconds: dict[str, float] = {}
        self.found: dict[Path, Counter[str]] = {}

    @pytest.hookimpl
    def pytest_sessionstart(self) -> None:
        """After the suite has set its own profile, before the tests are read."""
        # Fewer examples notice no more than all, and none is made smaller: that a test fails is all that is asked.
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        healthy = list(hypothesis.HealthCheck)
        hypothesis.settings.register_profile(
            "asking",
            max_examples=20,
            derandomize=True,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=healthy,
        )
        hypothesis.settings.load_profile("asking")

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed or report.skipped

    @pytest.hookimpl
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        asked = []
        items = [
            item
            for item in session.items
            if not item.get_closest_marker("slow") and any(_knows(item.path, path) for path in self.paths)
        ]
        for item, after in zip(items, [*items[1:], Staying(items[-1])], strict=True):
            self.failed, start = False, time.process_time()
            self.run(item, after)
            self.seconds[item.nodeid] = time.process_time() - start
            if self.failed:
                print(f"\nnot asked, for it does not pass: {item.nodeid}")
            else:
                asked.append(item)
        print(f"\n{len(asked)} tests, {sum(self.seconds[item.nodeid] for item in asked):.1f} s")
        for path in self.paths:
            self.module(path, asked)
        return True

    def run(self, item: pytest.Item, after: Any) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)

    def module(self, path: Path, asked: list[pytest.Item]) -> None:
        name = named(path)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        mutants = mutants_of(tree)
        drawn = random.Random(SEED).sample(range(len(mutants)), min(self.most, len(mutants)))
        if self.lines:
            drawn = [number for number, mutant in enumerate(mutants) if mutant.line in self.lines]
        chosen = [number for number in drawn if mutants[number].shows]
        items = [item for item in asked if _knows(item.path, path)]
        # What the last file has set up is there, and may be dear.
        items.sort(key=lambda item: (item.path != asked[-1].path, self.seconds[item.nodeid]))
        limit = int(3 + 2 * sum(self.seconds[item.nodeid] for item in items))
        print(f"\n{path.relative_to(HERE)}: {len(mutants)} mutants, {len(items)} tests", flush=True)
        running: dict[int, int] = {}
        results: dict[int, str] = {}
        for number in [*sorted(chosen), *[None] * self.at_once]:
            while running and (number is None or len(running) >= self.at_once):
                pid, status = os.wait()
                if pid in running:
                    code = os.waitstatus_to_exitcode(status)
                    results[running.pop(pid)] = CODES.get(code, TIMEOUT)
            if number is None:
                continue
            sys.stdout.flush()
            if not (pid := os.fork()):
                self.child(sys.modules[name], tree, mutants[number], items, limit)
            running[pid] = number
        for number, result in sorted(results.items()):
            if result in (SURVIVED, BROKEN):
                print(f"  {result}  {mutants[number].line}: {mutants[number].says}")
        counts = Counter(results.values())
        self.found[path] = counts
        print(f"  {dict(counts)} of {len(results)}", flush=True)

    def child(
        self, module: types.ModuleType, tree: ast.Module, mutant: Mutant, items: list[pytest.Item], limit: int
    ) -> None:
        """Exits as ``CODES`` says; past the limit the system ends it."""
        code = 2
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            items[0].config.pluginmanager.unregister(name="terminalreporter")
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            mutant.plant()
            try:
                swap(module, tree)
            except Exception:  # noqa: BLE001 - a module that cannot even be imported is noticed
                os._exit(1)
            self.failed = False
            items[0].session._setupstate.teardown_exact(items[0])  # noqa: SLF001 - of the file that was left set up
            for item, after in zip(items, [*items[1:], None], strict=True):
                self.run(item, after)
                if self.failed:
                    break
            code = int(self.failed)
        finally:
            os._exit(code)


def named(path: Path) -> str:
    return ".".join(path.relative_to(HERE).with_suffix("").parts)


@functools.cache
def _knows(tests: Path, path: Path) -> bool:
    """Whether a file of tests is the module's own or imports its package; where it has none, whether it imports it."""
    own = f"test_{path.stem}.py"
    package = named(path).rpartition(".")[0]
    imports = (f"from {package} import", *(() if (tests.parent / own).exists() else (f"from {named(path)} import",)))
    return tests.name == own or any(line.startswith(imports) for line in tests.read_text(encoding="utf-8").splitlines())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=MOST, help=f"faults of one module, drawn by chance ({MOST})")
    parser.add_argument("--lines", nargs="+", type=int, default=[], help="all faults of these lines instead")
    parser.add_argument("--at-once", type=int, default=2, help="processes (2)")
    given = parser.parse_args()
    paths = [
        one
        for path in given.paths
        for one in (sorted(path.resolve().glob("*.py")) if path.is_dir() else [path.resolve()])
        if one.stem != "__init__"
    ]
    folders = sorted({str((HERE / "tests" / path.relative_to(HERE)).parent) for path in paths})
    asking = Asking(paths, given.most, given.lines, given.at_once)
    options = ["-q", "-p", "no:cacheprovider", "--tb=no", "--no-summary", "-k", "not postgresql"]
    pytest.main([*folders, *options], plugins=[asking])
    total = sum(asking.found.values(), Counter())
    print("\n| module | mutants | killed | survived |\n|---|--:|--:|--:|")
    for path, counts in [*asking.found.items(), ("all", total)]:
        name = path if isinstance(path, str) else f"`{path.stem}`"
        print(f"| {name} | {counts.total()} | {counts[KILLED] + counts[TIMEOUT]} | {counts[SURVIVED]} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
