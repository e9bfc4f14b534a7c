from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import Candidate, Prompt

CHUNK = 500  # values in one IN list


def insert_new(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert answers; one that is there already (same prompt, source and text) stays as it is."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    if rows:
        session.execute(dialect.insert(Candidate.__table__).on_conflict_do_nothing(), list(rows))


def known_prompts(session: Session, prompt_ids: Iterable[int]) -> set[int]:
    wanted = sorted(prompt_ids)
    known: set[int] = set()
    for start in range(0, len(wanted), CHUNK):
        known.update(session.scalars(select(Prompt.id).where(Prompt.id.in_(wanted[start : start + CHUNK]))))
    return known


def ids_by_text(session: Session, prompt_ids: Iterable[int], origin: str) -> dict[tuple[int, str], int]:
    """All answers of one source to some prompts: (prompt, hash of the text) -> id."""
    wanted, ids = sorted(prompt_ids), {}
    for start in range(0, len(wanted), CHUNK):
        rows = session.execute(
            select(Candidate.prompt_id, Candidate.text_sha256, Candidate.id).where(
                Candidate.prompt_id.in_(wanted[start : start + CHUNK]), Candidate.origin == origin
            )
        )
        ids.update({(prompt_id, sha256): id_ for prompt_id, sha256, id_ in rows})
    return ids
