"""A long table, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

SIZE = 50


@dataclass(frozen=True)
class Paging:
    """Where in a long list a page stands.

    Attributes:
        number: the page asked for, from 1; a number beyond the end means the last page.
        total: how many things there are in all.
        filters: what else stands in the address, so that it stays there from page to page.
    """

    number: int
    total: int
    filters: Mapping[str, str]
    size: int = SIZE

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def current(self) -> int:
        return min(max(self.number, 1), self.pages)

    @property
    def offset(self) -> int:
        return (self.current - 1) * self.size

    @property
    def first(self) -> int:
        return self.offset + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.offset + self.size, self.total)

    @property
    def previous(self) -> str | None:
        return self.address(self.current - 1) if self.current > 1 else None

    @property
    def next(self) -> str | None:
        return self.address(self.current + 1) if self.current < self.pages else None

    def address(self, number: int) -> str:
        """The query of a page, with the filters that are set."""
        return "?" + urlencode({key: value for key, value in self.filters.items() if value} | {"page": str(number)})
