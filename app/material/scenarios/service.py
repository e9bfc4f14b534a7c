"""Adding, editing and retiring scenarios."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound, Refusal
from app.language import gettext as _
from app.material.files.corpora import KEPT_REJECTS
from app.material.files.fields import add_names
from app.material.files.readers import Line, Row, read_rows
from app.material.files.spool import spooled
from app.material.prompts.rules import printable, text_problem
from app.material.scenarios import queries, rules
from app.models import Person, Scenario
from app.people.service import record

# What pages read as it is stored.
library = queries.all_of_them
offers = queries.offered
tasks_of = queries.tasks_of


@dataclass
class Brought:
    """What became of a file: how many were added, known and not taken, and the first of these with their reasons.

    ``unused`` counts the rows that say something else, by its name.
    """

    added: int = 0
    known: int = 0
    not_taken: int = 0
    refused: list[tuple[int, Refusal]] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)


def offers_with(session: Session, own: Scenario | None) -> list[Scenario]:
    """What a labeler may write from whose task gives them a scenario, which counts even if it is retired by now."""
    offers = list(queries.offered(session))
    return offers if own is None or own in offers else [own, *offers]


def offered(session: Session, scenario_id: int, *, also: int | None = None) -> Scenario | None:
    """A scenario that labelers may write from; ``also`` is one that counts even if it is retired."""
    scenario = queries.scenario_by_id(session, scenario_id)
    return scenario if scenario and (scenario.retired_at is None or scenario.id == also) else None


def scenario_for(session: Session, scenario_id: int, *, lock: bool = False) -> Scenario:
    scenario = queries.scenario_by_id(session, scenario_id, lock=lock)
    if scenario is None:
        raise NotFound(_("There is no such scenario."))
    return scenario


def add(session: Session, by: Person | None, now: datetime, *, title: str, text: str) -> Scenario:
    """Add a scenario to the library.

    Raises:
        Invalid: title or text will not do.
        Conflict: the library has the same text already.
    """
    title, text = title.strip(), rules.tidy(text)
    if problems := rules.problems(title, text):
        raise Invalid(" ".join(problems.values()), problems)
    digest = rules.text_sha256(text)
    if known := queries.scenario_with(session, digest):
        raise Conflict(_("The library has this text already, as “%(title)s”.", title=known.title))
    scenario = Scenario(
        title=title,
        text=text,
        text_sha256=digest,
        created_by=by.id if by else None,
        created_at=now,
        updated_at=now,
    )
    session.add(scenario)
    record(session, by, "added scenario", scenario, {"title": title})
    return scenario


def edit(
    session: Session, by: Person, now: datetime, scenario_id: int, *, title: str, text: str, seen: datetime
) -> Scenario:
    """Change a scenario; prompts that were written from it keep the text that their author saw.

    ``seen`` is when the version that the editor had before their eyes was made.

    Raises:
        Invalid: title or text will not do.
        Conflict: somebody else has changed it meanwhile, or another scenario has this text.
    """
    scenario = scenario_for(session, scenario_id, lock=True)
    title, text = title.strip(), rules.tidy(text)
    if problems := rules.problems(title, text):
        raise Invalid(" ".join(problems.values()), problems)
    if scenario.updated_at != seen:
        raise Conflict(_("Somebody else has changed this scenario meanwhile. Your text is kept below; look at theirs."))
    digest = rules.text_sha256(text)
    known = queries.scenario_with(session, digest)
    if known is not None and known.id != scenario.id:
        raise Conflict(_("The library has this text already, as “%(title)s”.", title=known.title))
    record(session, by, "edited scenario", scenario, {"from": scenario.text, "to": text})
    scenario.title, scenario.text, scenario.text_sha256, scenario.updated_at = title, text, digest, now
    return scenario


def retire(session: Session, by: Person, now: datetime, scenario_id: int, *, retired: bool) -> Scenario:
    """Offer a scenario no more, or again. Saying it twice is saying it once."""
    scenario = scenario_for(session, scenario_id, lock=True)
    if (scenario.retired_at is not None) != retired:
        scenario.retired_at = now if retired else None
        record(session, by, "retired scenario" if retired else "offered scenario again", scenario)
    return scenario


def bring(session: Session, by: Person, now: datetime, path: Path, name: str) -> Brought:
    """Add the scenarios of a JSONL or CSV file with the columns ``title`` and ``text``.

    Raises:
        Invalid: the file cannot be read, holds no rows, or has more of them than a library would hold.
    """
    brought = Brought()
    # The file is read before the first statement, which takes the lock for which all writers wait on SQLite.
    with spooled(_read(read_rows(path, name), brought.unused)) as rows:
        for line, row in (item for batch in rows.batches() for item in batch):
            if isinstance(row, Refusal):
                brought.not_taken += 1
                brought.refused += [(line, row)][: KEPT_REJECTS - len(brought.refused)]
            elif queries.scenario_with(session, rules.text_sha256(row[1])):
                brought.known += 1
            else:
                add(session, by, now, title=row[0], text=row[1])
                session.flush()
                brought.added += 1
    if not brought.added + brought.known + brought.not_taken:
        raise Invalid(_("The file holds no rows."))
    return brought


def _read(lines: Iterable[Line], unused: Counter[str]) -> Iterator[tuple[int, tuple[str, str] | Refusal]]:
    """Title and text of each row, or why it has none; what else the rows say is counted by its name."""
    for count, (line, row) in enumerate(lines, 1):
        if count > rules.MOST_AT_ONCE:
            most = f"{rules.MOST_AT_ONCE:,}"
            raise Invalid(_("The file has more than %(most)s rows; nothing was added.", most=most))
        if not isinstance(row, Refusal):
            add_names(unused, (printable(name) for name in row.keys() - {"title", "text"}))
        yield line, row if isinstance(row, Refusal) else _said_by(row)


def _said_by(row: Row) -> tuple[str, str] | Refusal:
    """The title and the text of a row, or why it has none. A text without a title begins with it."""
    for name in ("title", "text"):
        if row.get(name) and (problem := text_problem(row[name], may_be_empty=True)):
            return problem.within(name)
    text = rules.tidy(row.get("text") or "")
    title = (row.get("title") or (text[: rules.LONGEST_TITLE].splitlines()[0] if text else "")).strip()
    if problems := rules.problems(title, text):
        return Refusal("%(sentence)s", tuple(problems), {"sentence": " ".join(problems.values())})
    return title, text
