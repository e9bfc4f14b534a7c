"""Where people find the rooms: a section for each kind of work, and in it the pages that somebody's role may open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark
from app.roles import may


@dataclass(frozen=True)
class Place:
    """A page of the navigation: its address, its name, and what one must be allowed to do to see it."""

    address: str
    name: str
    action: str
    role: str = ""
    """The only role to which it is shown; empty: to all that may."""


@dataclass(frozen=True)
class Link:
    """A place as it stands on a page, in the language in use."""

    address: str
    name: str
    current: bool


@dataclass(frozen=True)
class Section:
    """A section as it stands on a page: it leads to its first place, and lists its places where one is open."""

    name: str
    links: Sequence[Link]

    @property
    def address(self) -> str:
        return self.links[0].address

    @property
    def current(self) -> bool:
        return any(link.current for link in self.links)


SECTIONS: Sequence[tuple[str, Sequence[Place]]] = (
    (mark("Your test"), [Place("/screening", mark("Your test"), "be_screened")]),
    (mark("Work"), [Place("/label", mark("Work"), "annotate")]),
    (mark("My work"), [Place("/label/mine", mark("My work"), "annotate", role="labeler")]),
    (mark("Dashboard"), [Place("/dashboard", mark("Dashboard"), "see_results")]),
    (
        mark("Labeling"),
        [
            Place("/campaigns", mark("Campaigns"), "manage_campaigns"),
            Place("/schemas", mark("Labels"), "manage_campaigns"),
            Place("/guidelines", mark("Guidelines"), "write_guidelines"),
            Place("/courses", mark("Courses"), "write_guidelines"),
            Place("/questions", mark("Questions"), "write_guidelines"),
            Place("/scenarios", mark("Scenarios"), "write_guidelines"),
            Place("/reviews", mark("Reviews"), "review"),
        ],
    ),
    (
        mark("Quality"),
        [
            Place("/agreement", mark("Agreement"), "see_results"),
            Place("/labelers", mark("Labelers"), "review"),
            Place("/consensus", mark("Consensus"), "see_results"),
            Place("/gold", mark("Gold"), "adjudicate"),
            Place("/screenings", mark("Screenings"), "screen"),
            Place("/integrity", mark("Integrity"), "review"),
            Place("/surveys", mark("Surveys"), "run_surveys"),
            Place("/costs", mark("Costs"), "see_results"),
        ],
    ),
    (
        mark("Data"),
        [
            Place("/prompts", mark("Prompts"), "see_prompts"),
            Place("/snapshots", mark("Snapshots"), "see_results"),
        ],
    ),
    (
        mark("Training"),
        [
            Place("/runs", mark("Runs"), "see_results"),
            Place("/models", mark("Models"), "see_results"),
            Place("/generators", mark("Generators"), "train"),
            Place("/score", mark("Score"), "score"),
            Place("/evaluations", mark("Evaluations"), "see_results"),
        ],
    ),
    (
        mark("People"),
        [
            Place("/people", mark("People"), "manage_people"),
            Place("/audit", mark("Audit trail"), "manage_people"),
        ],
    ),
)


def navigation(role: str, path: str) -> list[Section]:
    """The sections that a role has, for the page at an address."""
    here = _place_of(path)
    shown = ((name, [place for place in places if _is_for(place, role)]) for name, places in SECTIONS)
    return [
        Section(_(name), [Link(place.address, _(place.name), place.address == here) for place in places])
        for name, places in shown
        if places
    ]


def _is_for(place: Place, role: str) -> bool:
    return may(role, place.action) and place.role in ("", role)


def _place_of(path: str) -> str:
    """The address of the place that a page belongs to: the longest that its own address begins with."""
    return max((address for address in _addresses() if path == address or path.startswith(f"{address}/")), default="")


def _addresses() -> Iterator[str]:
    return (place.address for _name, places in SECTIONS for place in places)
