"""How the house stands: rooms, floors and arrows, and how long its modules, functions and templates are.

    python scripts/measure_house.py            what lies here
    python scripts/measure_house.py COMMIT…    also as of these commits, a column each

A *room* is a package directly in ``app`` or ``trainer``, or in a wing: a wing is a package that holds packages and no
module of its own. Modules beside the rooms (``app/main.py``) are rooms of one file. An *arrow* leads from a room to
another that it imports, anywhere in a file, and counts once. *Floors* are the rooms on the longest chain of arrows;
rooms that import one another in a circle stand on one floor and are named.
"""

import ast
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from io import BytesIO
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parents[1]
HOUSES = ("app", "trainer")
LONGEST_MODULE = 400
MOST_PARAMETERS = 8
Arrows = Mapping[str, AbstractSet[str]]


# Rooms -------------------------------------------------------------------------------------------


def packages_in(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/__init__.py"))


def is_wing(folder: Path) -> bool:
    return bool(packages_in(folder)) and [path.name for path in folder.glob("*.py")] == ["__init__.py"]


def rooms_of(root: Path, house: str) -> dict[str, list[Path]]:
    """The name of each room, as it is imported, and its files."""
    inside = root / house
    found = {f"{house}.{path.stem}": [path] for path in sorted(inside.glob("*.py")) if path.stem != "__init__"}
    for package in packages_in(inside):
        for room in packages_in(package) if is_wing(package) else [package]:
            found[".".join(room.relative_to(root).parts)] = sorted(room.rglob("*.py"))
    return found


def imports_of(path: Path, root: Path) -> Iterator[str]:
    """Everything a file imports, as absolute names; of ``from a import b`` both ``a`` and ``a.b``."""
    inside = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            near = inside[: len(inside) - node.level + 1] if node.level else ()
            module = ".".join([*near, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def arrows_of(root: Path, rooms: Mapping[str, list[Path]]) -> Arrows:
    """Which other rooms each room imports."""

    def room_at(name: str) -> str | None:
        parts = name.split(".")
        return next((one for n in range(len(parts), 0, -1) if (one := ".".join(parts[:n])) in rooms), None)

    return {
        room: {to for path in files for name in imports_of(path, root) if (to := room_at(name))} - {room}
        for room, files in rooms.items()
    }


def circles(arrows: Arrows) -> dict[str, frozenset[str]]:
    """Each room with all that it imports and that import it, over any number of steps."""
    reached: dict[str, set[str]] = {room: set(to) for room, to in arrows.items()}
    for through in arrows:
        for room in arrows:
            if through in reached[room]:
                reached[room] |= reached[through]
    return {room: frozenset({room} | {to for to in reached[room] if room in reached[to]}) for room in arrows}


def longest_chain(arrows: Arrows) -> list[str]:
    """One of the longest chains of arrows, from the top floor to the ground; a circle is one link of it."""
    circle = circles(arrows)

    @cache
    def below(here: frozenset[str]) -> tuple[frozenset[str], ...]:
        onward = sorted({circle[to] for room in here for to in arrows[room]} - {here}, key=sorted)
        return (here, *max((below(to) for to in onward), key=len, default=()))

    chains = (below(one) for one in sorted(set(circle.values()), key=sorted))
    return [" = ".join(sorted(link)) for link in max(chains, key=len, default=())]


def wing_of(room: str) -> str:
    """The wing that a room stands in; a room in none is a wing of its own."""
    house, first, *_ = room.split(".")
    return f"{house}.{first}"


# Lengths -----------------------------------------------------------------------------------------


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def crowded(path: Path) -> int:
    """How many functions of a file take more parameters than a reader keeps in mind."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, functions))
    return sum(parameters(node) > MOST_PARAMETERS for node in found)


def mirrored(root: Path) -> tuple[int, int]:
    """How many test files stand where the module stands after which they or their folder are named, and of how many."""
    tests = [path for house in HOUSES for path in (root / "tests" / house).rglob("test_*.py")]
    return sum(_has_its_module(root, path) for path in tests), len(tests)


def _has_its_module(root: Path, test: Path) -> bool:
    folder, name = root / test.relative_to(root / "tests").parent, test.stem.removeprefix("test_")
    modules = [folder / name, folder / f"__{name}__", folder]
    return any(module.with_suffix(".py").exists() for module in modules) or (folder / name).is_dir()


# The table ---------------------------------------------------------------------------------------


def measures(root: Path) -> dict[str, str]:
    """What is measured → its value."""
    found: dict[str, str] = {}
    for house in HOUSES:
        rooms = rooms_of(root, house)
        arrows = arrows_of(root, rooms)
        pairs = [(room, to) for room, all_to in arrows.items() for to in all_to]
        in_circles = {room for room, circle in circles(arrows).items() if len(circle) > 1}
        found[f"`{house}`: rooms"] = f"{len(rooms)}"
        found[f"`{house}`: floors"] = f"{len(longest_chain(arrows))}"
        found[f"`{house}`: arrows"] = f"{len(pairs)}"
        wings = {wing_of(room) for room in rooms}
        if len(wings) < len(rooms):
            between = {
                wing: {wing_of(to) for room, to in pairs if wing_of(room) == wing} - {wing} for wing in sorted(wings)
            }
            found[f"`{house}`: wings and rooms beside them"] = f"{len(wings)}"
            found[f"`{house}`: floors of these"] = f"{len(longest_chain(between))}"
            found[f"`{house}`: arrows between these"] = f"{sum(map(len, between.values()))}"
        found[f"`{house}`: rooms in circles"] = ", ".join(sorted(in_circles)) or "0"
    modules = [path for house in HOUSES for path in sorted((root / house).rglob("*.py"))]
    templates = [line for path in (root / "templates").rglob("*.html") for line in lines_of(path) if line.strip()]
    at_place, tests = mirrored(root)
    found[f"modules over {LONGEST_MODULE} lines"] = (
        f"{sum(len(lines_of(path)) > LONGEST_MODULE for path in modules)} of {len(modules)}"
    )
    found[f"functions with more than {MOST_PARAMETERS} parameters"] = f"{sum(map(crowded, modules))}"
    found["median line of a template, characters"] = f"{median(map(len, templates or [''])):.0f}"
    found["test files at the place of their module"] = f"{at_place} of {tests}"
    return found


def as_table(columns: Mapping[str, Mapping[str, str]]) -> str:
    """The measures as Markdown, a column for each state of the house."""
    names = list(dict.fromkeys(name for column in reversed(columns.values()) for name in column))
    rows = [["", *columns], ["---", *["--:"] * len(columns)]]
    rows += [[name, *(column.get(name, "–") for column in columns.values())] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_of(commit: str, measure: Callable[[Path], dict[str, str]]) -> dict[str, str]:
    """A measure of the house as it was at a commit."""
    packed = subprocess.run(["git", "-C", HERE, "archive", commit], check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        return measure(Path(folder))


def main(commits: list[str]) -> None:
    print(as_table({**{commit: as_of(commit, measures) for commit in commits}, "here": measures(HERE)}))
    chain = longest_chain(arrows_of(HERE, rooms_of(HERE, "app")))
    print("\nOne of the longest chains:", " → ".join(link.replace("app.", "") for link in chain))


if __name__ == "__main__":
    main(sys.argv[1:])
