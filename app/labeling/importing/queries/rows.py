"""What an import finds and writes, batched, and the imports that there were."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.material.prompts.queries import chunks
from app.models import (
    Annotation,
    Base,
    Campaign,
    Candidate,
    Corpus,
    Demonstration,
    Flag,
    Import,
    Person,
    Prompt,
    Ranking,
    Rating,
    Task,
    TaskCandidate,
)


def insert_new(session: Session, model: type[Base], rows: list[dict[str, Any]]) -> None:
    """Insert rows; one that another transaction has added meanwhile (a unique key) is left as it is."""
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(table_of(model)).on_conflict_do_nothing(), rows, execution_options=_place(session))


def insert_rows(session: Session, model: type[Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(table_of(model)), rows, execution_options=_place(session))


def _change_rows(session: Session, model: type[Base], rows: list[dict[str, Any]]) -> None:
    """Change rows by their ids; all of them say the same columns."""
    if not rows:
        return
    _make_own(session, model, [row["id"] for row in rows])
    table = table_of(model)
    changed: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "id"}
    parameters = [{"id_": row["id"], **{name: row[name] for name in changed}} for row in rows]
    by_id = update(table).where(table.c.id == bindparam("id_")).values(changed)
    session.execute(by_id, parameters, execution_options=_place(session))


def _place(session: Session) -> dict[str, Any]:
    """Where a session writes: an import that is made beside the database, into a file of its own."""
    options: dict[str, Any] = session.info.get("writes", {})
    return options


def _make_own(session: Session, model: type[Base], ids: Sequence[int]) -> None:
    if own := session.info.get("own"):
        own(model, ids)


def table_of(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def insert_prompts(session: Session, rows: list[dict[str, Any]]) -> None:
    insert_new(session, Prompt, rows)


def say_sensitive(session: Session, ids: Sequence[int], sensitive: bool) -> None:
    """Mark prompts, or say that they need no mark, where nobody has said either yet."""
    table = table_of(Prompt)
    for chunk in chunks(ids):
        _make_own(session, Prompt, chunk)
        unsaid = update(table).where(table.c.id.in_(chunk), table.c.sensitive.is_(None))
        session.execute(unsaid.values(sensitive=sensitive), execution_options=_place(session))


def prompt_facts(session: Session, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """What is known of some prompts beside their words."""
    names = ("use_case", "language", "user_key", "source", "sensitive", "high_stakes", "detail")
    facts: dict[int, dict[str, Any]] = {}
    for chunk in chunks(ids):
        query = select(Prompt.id, *(getattr(Prompt, name) for name in names)).where(Prompt.id.in_(chunk))
        facts.update((id_, dict(zip(names, values, strict=True))) for id_, *values in session.execute(query))
    return facts


def change_prompts(session: Session, rows: list[dict[str, Any]]) -> None:
    _change_rows(session, Prompt, rows)


def candidate_details(session: Session, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    details: dict[int, dict[str, Any]] = {}
    for chunk in chunks(ids):
        query = select(Candidate.id, Candidate.detail).where(Candidate.id.in_(chunk))
        details.update((id_, detail) for id_, detail in session.execute(query))
    return details


def change_candidates(session: Session, rows: list[dict[str, Any]]) -> None:
    _change_rows(session, Candidate, rows)


def insert_candidates(session: Session, rows: list[dict[str, Any]]) -> None:
    insert_new(session, Candidate, rows)


def candidates_known(
    session: Session, ids_of_prompts: Iterable[int]
) -> dict[tuple[int, str, str], tuple[int, str | None]]:
    """All candidates of some prompts, oldest first: (prompt, origin, hash of the text) -> id, what the file named."""
    known: dict[tuple[int, str, str], tuple[int, str | None]] = {}
    told = Candidate.detail["source"].as_string()
    columns = (Candidate.prompt_id, Candidate.origin, Candidate.text_sha256, Candidate.id, told)
    for chunk in chunks(ids_of_prompts):
        rows = session.execute(select(*columns).where(Candidate.prompt_id.in_(chunk)).order_by(Candidate.id))
        known.update(((prompt_id, origin, sha), (id_, source)) for prompt_id, origin, sha, id_, source in rows)
    return known


def known_external_keys(session: Session, keys: Iterable[str]) -> set[str]:
    known: set[str] = set()
    for chunk in chunks(keys):
        known.update(
            key
            for key in session.scalars(select(Annotation.external_key).where(Annotation.external_key.in_(chunk)))
            if key
        )
    return known


def known_demonstrations(session: Session, ids_of_prompts: Iterable[int]) -> set[tuple[int, str]]:
    known: set[tuple[int, str]] = set()
    for chunk in chunks(ids_of_prompts):
        rows = session.execute(
            select(Demonstration.prompt_id, Demonstration.text_sha256).where(Demonstration.prompt_id.in_(chunk))
        )
        known.update((prompt_id, sha) for prompt_id, sha in rows)
    return known


def insert_demonstrations(session: Session, rows: list[dict[str, Any]]) -> None:
    insert_new(session, Demonstration, rows)


def campaign_named(session: Session, name: str) -> Campaign | None:
    return session.scalar(select(Campaign).where(Campaign.name == name))


def insert_campaign(session: Session, row: dict[str, Any]) -> Campaign:
    insert_rows(session, Campaign, [row])
    campaign = campaign_named(session, row["name"])
    assert campaign is not None
    return campaign


def task_ids(session: Session, campaign_id: int, fingerprints: Iterable[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for chunk in chunks(fingerprints):
        rows = session.execute(
            select(Task.fingerprint, Task.id).where(Task.campaign_id == campaign_id, Task.fingerprint.in_(chunk))
        )
        ids.update((fingerprint, id_) for fingerprint, id_ in rows)
    return ids


def insert_tasks(session: Session, rows: list[dict[str, Any]]) -> None:
    insert_new(session, Task, rows)


def insert_task_answers(session: Session, rows: list[dict[str, Any]]) -> None:
    insert_new(session, TaskCandidate, rows)


def insert_annotations(session: Session, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Add annotations and return their ids by external key."""
    insert_rows(session, Annotation, rows)
    ids: dict[str, int] = {}
    for chunk in chunks(row["external_key"] for row in rows):
        pairs = session.execute(
            select(Annotation.external_key, Annotation.id).where(Annotation.external_key.in_(chunk))
        )
        ids.update((key, id_) for key, id_ in pairs if key)
    return ids


def insert_verdicts(
    session: Session, ranks: list[dict[str, Any]], ratings: list[dict[str, Any]], flags: list[dict[str, Any]]
) -> None:
    insert_rows(session, Ranking, ranks)
    insert_rows(session, Rating, ratings)
    insert_rows(session, Flag, flags)


def first_import_of(session: Session, file_sha256: str) -> Import | None:
    return session.scalar(select(Import).where(Import.file_sha256 == file_sha256).order_by(Import.id).limit(1))


def hold_name(session: Session, name: str) -> None:
    """Let whoever asks for a name in another transaction wait for the end of this one; on SQLite everybody does."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def source_is_taken(session: Session, source: str) -> bool:
    return session.scalar(select(Import.id).where(Import.source == source).limit(1)) is not None


def corpus_of(session: Session, digest: str) -> Corpus | None:
    return session.scalar(select(Corpus).where(Corpus.digest == digest))


def imports(session: Session, limit: int) -> Sequence[tuple[Import, Person | None]]:
    rows = session.execute(
        select(Import, Person).outerjoin(Person, Person.id == Import.person_id).order_by(Import.id.desc()).limit(limit)
    )
    return [(row, person) for row, person in rows]


def import_by_id(session: Session, import_id: int) -> Import | None:
    return session.get(Import, import_id)


def corpora(session: Session) -> Sequence[Corpus]:
    return session.scalars(select(Corpus).order_by(Corpus.id.desc())).all()
