"""The fields of a row, each of which is read by the row's shape, kept as detail, or named as unused."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any

from app.language import gettext as _
from app.language import listed
from app.material.prompts import rules

LONGEST_DETAIL = 200_000  # characters of one kept field, written as JSON
LONGEST_DETAILS = 1_000_000  # of all that is kept of one row beside what its shape reads
MOST_NAMED = 200  # unused fields of a row, and of a file, that are named
MOST_COUNTED = 20_000  # names at a time
MOST_TOLD = 8  # in one sentence
OTHERS = "…"  # stands for all names beyond those
DEEPEST_DETAIL = 20


class Fields(dict[str, Any]):
    """A row, or an object inside of one, that knows which of its fields were read.

    ``row["x"]`` and ``row.get("x")`` read a field; ``peek`` looks without reading. Objects in lists are rows of their
    own (``parts``). ``detail`` is that of what the row becomes; ``settle`` puts there whatever nobody read.
    """

    def __init__(self, row: dict[str, Any], path: str = "") -> None:
        super().__init__(row)
        self.path = path
        self.detail: dict[str, Any] = {}
        self.above: Fields | None = None  # the row that this one was split from
        self.inner: list[Fields] = []  # the rows inside of it, however deep, in one list for all of them
        self.notes: list[str] = []
        self._read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        self._read.add(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401, which would ask itself

    def peek(self, key: str) -> Any:
        return super().get(key)

    def parts(self, key: str) -> list[Any]:
        """The list under a name, its objects as rows of their own."""
        return [self.part(item, f"{key}[]") if isinstance(item, dict) else item for item in self[key]]

    def part(self, row: dict[str, Any], name: str) -> "Fields":
        """An object inside of the row as a row of its own; one like it inside of that goes by the same path."""
        path = self.path if self.path.endswith(f"{name}.") else f"{self.path}{name}."
        part = Fields(row, path)
        part.inner = self.inner
        self.inner.append(part)
        return part

    def split(self, names: Iterable[str]) -> "Fields":
        """Some fields as a row of their own, because they are about something else than the others."""
        part = self.part({name: self[name] for name in names}, "")
        part.path, part.above = self.path, self
        return part

    def replaced(self, key: str, value: object) -> "Fields":
        """The row with another spelling of one field."""
        super().__setitem__(key, value)
        return self

    def keep_with(self, other: "Fields") -> None:
        """What nobody has read stands where that of the other row stands."""
        self.detail = other.detail

    def note(self, name: str) -> None:
        """Name something that is left out although its field was read."""
        self.notes.append(f"{self.path}{name}")

    def rest(self) -> dict[str, Any]:
        """What the row says and nobody has read."""
        return {key: value for key, value in self.items() if key not in self._read and not _is_nothing(value)}

    def settle(self, alive: Sequence[dict[str, Any]] | None = None) -> list[str]:
        """Put what nobody has read into the detail, and name what cannot be kept there.

        Args:
            alive: the details of what is taken of the row; what would stand in another is named. By default all.
        """
        homes = None if alive is None else {id(detail) for detail in alive}
        unused: dict[str, None] = {}
        left: float = LONGEST_DETAILS
        for row in (self, *self.inner):
            home = row.home(homes)
            unused.update(dict.fromkeys(row.notes))
            for key, value in row.rest().items():
                size = stored_size(key) + stored_size(value) if home is not None else 0
                if home is None or home.get(key, value) != value or size == math.inf:
                    unused[rules.printable(f"{row.path}{key}")] = None
                elif size > left:
                    unused[rules.printable(f"{row.path}{key} (too long to keep)")] = None
                else:
                    home[key] = value
                    left -= size
        return [*unused][:MOST_NAMED] + [OTHERS] * (len(unused) > MOST_NAMED)

    def forget(self) -> None:
        """Let go of the rows inside: they know each other, and would stay in memory until somebody looks for such."""
        self.inner.clear()

    def home(self, alive: set[int] | None) -> dict[str, Any] | None:
        """Where what nobody has read of the row is kept, if anywhere."""
        if alive is None or id(self.detail) in alive:
            return self.detail
        return None if self.above is None else self.above.home(alive)


class Over:
    """Two rows of which the first has the first word, such as a vote and the row it stands in."""

    def __init__(self, *rows: Fields) -> None:
        self._rows = rows

    def _of(self, key: str) -> Fields:
        return next((row for row in self._rows if not _is_nothing(row.peek(key))), self._rows[-1])

    def get(self, key: str) -> Any:
        return self._of(key).get(key)

    def peek(self, key: str) -> Any:
        return self._of(key).peek(key)


def _is_nothing(value: object) -> bool:
    return value is None or value in ("", [], {}) or (isinstance(value, float) and math.isnan(value))


def storable(value: object) -> bool:
    """Whether a database keeps the value as it is."""
    return stored_size(value) < math.inf


def stored_size(value: object) -> float:
    """How many characters a value takes in the database; without end where it is not kept."""
    if isinstance(value, str) and len(value) < LONGEST_DETAIL // 6:  # however many of them are escaped
        return len(value) if rules.character_problem(value) is None else math.inf
    size = len(rules.canonical(value)) if _fits(value, 0) else math.inf
    return size if size <= LONGEST_DETAIL else math.inf


def _fits(value: object, depth: int) -> bool:
    if isinstance(value, str):
        return rules.character_problem(value) is None
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list | dict) and depth < DEEPEST_DETAIL:
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return all(_fits(item, depth + 1) for item in inner)
    return value is None or isinstance(value, bool | int)


def add_names(counted: Counter[str], names: Iterable[str]) -> None:
    """Count names of unused fields; each row may have others, so the rare ones are counted together."""
    counted.update(names)
    if len(counted) > MOST_COUNTED:
        most = most_of(counted)
        counted.clear()
        counted.update(most)


def most_of(counted: Counter[str]) -> dict[str, int]:
    """The names that most rows have, and the others together."""
    others = counted.pop(OTHERS, 0)
    most = dict(counted.most_common(MOST_NAMED))
    others += counted.total() - sum(most.values())
    return most | ({OTHERS: others} if others else {})


def unused_told(unused: Collection[str]) -> str:
    """Which fields of a file were not used, in one sentence; nothing where all were."""
    if not unused:
        return ""
    names = [*islice(unused, MOST_TOLD), *[OTHERS] * (len(unused) > MOST_TOLD)]
    return _("Fields that were not used: %(names)s.", names=listed(names))
