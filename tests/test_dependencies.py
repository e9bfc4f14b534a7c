"""What pyproject.toml declares is used, and says for what; what is imported is declared."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DELIVERED = ("app", "trainer", "migrations")
BESIDE = ("tests", "scripts", "benchmarks")
OURS = {*DELIVERED, *BESIDE, *(path.stem for path in (ROOT / "benchmarks").iterdir())}
NOT_IMPORTED = "not imported: "
# These run in an environment with TRL that the benchmark makes for itself.
ELSEWHERE = {ROOT / "benchmarks" / name for name in ("memory_vs_trl", "reward_model_vs_trl", "reward_on_human_pairs")}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def declared():
    """Distribution → what its line says that it is for, of what is delivered and of what tests need besides."""
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    comments = dict(re.findall(r'^  "([^"]+)",(?: # (.+))?$', text, re.MULTILINE))

    def of(requirements):
        return {plain(re.match(r"[\w.-]+", one)[0]): comments[one] for one in requirements}

    return of(project["dependencies"]), of(project["optional-dependencies"]["dev"])


@cache
def imported(folders):
    """Distribution → one file that imports it."""
    brought_by, found = packages_distributions(), {}
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        if path.parent in ELSEWHERE and path.stem.endswith("with_trl"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - OURS:
                for distribution in brought_by.get(top, [top]):
                    found[plain(distribution)] = str(path.relative_to(ROOT))
    return found


def test_what_is_imported_is_declared():
    delivered, for_tests = declared()
    missing = {name: path for name, path in imported(DELIVERED).items() if name not in delivered}
    assert missing == {}, "declare it under dependencies"
    missing = {name: path for name, path in imported(BESIDE).items() if name not in {**delivered, **for_tests}}
    assert missing == {}, "declare it under dev"


@pytest.mark.parametrize(("place", "folders"), [(0, DELIVERED), (1, BESIDE)])
def test_what_is_declared_is_imported_or_says_what_needs_it(place, folders):
    used = imported(folders)
    for name, purpose in declared()[place].items():
        assert purpose, f"{name}: say behind it what it is for"
        assert purpose.startswith(NOT_IMPORTED) == (name not in used), f"{name}: {used.get(name, 'nothing')} imports it"


def test_nothing_is_declared_twice():
    delivered, for_tests = declared()
    assert set(delivered) & set(for_tests) == set()
