from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import Base, Campaign, CountedCampaign, CountingConsent, Task, TypingRecord

CHUNK = 500  # values in one IN list


def counted(session: Session, campaign_id: int) -> CountedCampaign | None:
    return session.get(CountedCampaign, campaign_id)


def campaign_by_id(session: Session, campaign_id: int) -> Campaign | None:
    return session.get(Campaign, campaign_id)


def consent_of(session: Session, campaign_id: int, person_id: int) -> CountingConsent | None:
    return session.scalar(
        select(CountingConsent).where(
            CountingConsent.campaign_id == campaign_id, CountingConsent.person_id == person_id
        )
    )


def consents(session: Session, campaign_id: int) -> list[bool]:
    """What people answered to a campaign."""
    return list(session.scalars(select(CountingConsent.agreed).where(CountingConsent.campaign_id == campaign_id)))


def record_of(session: Session, task_id: int, person_id: int) -> TypingRecord:
    """The row of a task and a person, locked; made where it is missing, also when two requests come at once."""
    _insert_new(session, TypingRecord, {"task_id": task_id, "person_id": person_id, "pages": {}})
    query = select(TypingRecord).where(TypingRecord.task_id == task_id, TypingRecord.person_id == person_id)
    return session.scalars(query.with_for_update()).one()


def keep_consent(session: Session, campaign_id: int, person_id: int, now: datetime, *, agreed: bool) -> None:
    """The newest answer of a person holds; of two at once, either."""
    _insert_new(
        session,
        CountingConsent,
        {"campaign_id": campaign_id, "person_id": person_id, "agreed": agreed, "decided_at": now},
    )
    consent = consent_of(session, campaign_id, person_id)
    assert consent is not None  # made above, if it was not there
    consent.agreed, consent.decided_at = agreed, now


def _insert_new(session: Session, table: type[Base], row: dict[str, Any]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(table).values(row).on_conflict_do_nothing())


def records_of(session: Session, task_ids: Iterable[int]) -> list[TypingRecord]:
    wanted, records = sorted(set(task_ids)), list[TypingRecord]()
    for start in range(0, len(wanted), CHUNK):
        records += session.scalars(select(TypingRecord).where(TypingRecord.task_id.in_(wanted[start : start + CHUNK])))
    return records


def delete_records(session: Session, campaign_id: int, person_id: int) -> None:
    """Forget what was counted of a person in a campaign."""
    tasks = select(Task.id).where(Task.campaign_id == campaign_id)
    session.execute(delete(TypingRecord).where(TypingRecord.person_id == person_id, TypingRecord.task_id.in_(tasks)))
