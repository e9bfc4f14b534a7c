"""Which version holds for whom, and what it holds up."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.database import Database
from app.errors import Conflict, Invalid
from app.labeling.annotations import reservation
from app.material.guidelines import service
from app.models import Guideline, GuidelineConfirmation, GuidelineVersion
from app.settings import Settings
from tests.app.labeling.annotations.conftest import NOON
from tests.app.material.guidelines.conftest import ROUND_ONE


def follow(office, by, guideline, campaign):
    with office.database.transaction() as session:
        service.follow(session, by, guideline.id, campaign.id)


def version_of(office, campaign):
    with office.database.reading() as session:
        return service.version_of(session, campaign)


def test_a_campaign_goes_by_the_oldest_document_of_its_phase_or_by_the_one_it_names(office):
    noise = office.guideline("For judging models", "evaluation")
    first, second = office.guideline("First"), office.guideline("Second")
    training, judging = office.campaign([]), office.campaign([], name="Judge", phase="evaluation")
    assert version_of(office, training).guideline_id == first.id
    assert version_of(office, judging).guideline_id == noise.id
    follow(office, office.researcher(), second, training)
    assert version_of(office, training).guideline_id == second.id
    follow(office, None, first, training)
    assert version_of(office, training).guideline_id == first.id
    with pytest.raises(Invalid, match="same phase"):
        follow(office, None, noise, training)


def test_without_a_document_of_the_phase_nothing_is_to_be_confirmed(office):
    office.guideline("For judging models", "evaluation")
    campaign = office.campaign(office.prompts(1))
    [ana] = office.people(1)
    assert version_of(office, campaign) is None
    assert office.take(ana).assignment


def test_the_next_task_comes_when_the_current_version_is_confirmed(office):
    guideline, campaign = office.guideline(), office.campaign(office.prompts(3))
    ana, ben = office.people(2)
    offer = office.take(ana)
    assert offer.assignment is None
    assert offer.to_confirm == campaign.id
    assert "read version 1 and confirm it" in offer.reason
    office.confirm(ana, campaign)
    current = office.take(ana).assignment
    assert current
    assert office.take(ben).assignment is None, "somebody else's word is not theirs"
    office.publish(None, guideline, ROUND_ONE + "\n\nFlag harm.")
    assert office.take(ana).assignment.id == current.id, "nothing blocks a task in hand"
    office.submit(ana, current.task_id)
    assert "read version 2" in office.take(ana).reason
    office.confirm(ana, campaign)
    assert office.take(ana).assignment


def test_a_task_in_hand_is_renewed_and_submitted_late_under_a_new_version(office):
    guideline, campaign = office.guideline(), office.campaign(office.prompts(1), reserved_minutes=30)
    [ana] = office.people(1)
    office.confirm(ana, campaign)
    task_id = office.take(ana).assignment.task_id
    office.publish(None, guideline, "All new.")
    with office.database.transaction() as session:
        reservation.renew(session, ana, task_id, NOON + timedelta(minutes=5))
    office.submit(ana, task_id, NOON + timedelta(hours=3))


def test_another_campaign_with_a_confirmed_guideline_still_gives_tasks(office):
    strict = office.guideline("Strict", "evaluation")
    blocked = office.campaign(office.prompts(1), name="Judge", phase="evaluation")
    free = office.campaign(office.prompts(1, start=1))
    [ana] = office.people(1)
    assert office.take(ana).to_confirm == blocked.id
    assert office.take(ana, campaign_id=free.id).assignment
    assert office.unconfirmed(ana, blocked).guideline_id == strict.id


def test_a_confirmation_is_stored_once_with_person_version_and_time(office, database):
    office.guideline()
    campaign, other = office.campaign([]), office.campaign([], name="Round 2")
    ana, ben = office.people(2)
    version = office.confirm(ana, campaign, NOON)
    office.confirm(ana, campaign, NOON + timedelta(hours=1))
    with database.reading() as session:
        row = session.scalars(select(GuidelineConfirmation)).one()
    assert (row.person_id, row.version_id, row.confirmed_at) == (ana.id, version.id, NOON)
    assert office.unconfirmed(ana, other) is None, "the same document need not be read twice"
    assert office.unconfirmed(ben, campaign)


def test_nobody_confirms_what_was_replaced_while_they_read(office, database):
    guideline, campaign = office.guideline(), office.campaign([])
    [ana] = office.people(1)
    shown = office.unconfirmed(ana, campaign)
    office.publish(None, guideline, "All new.")
    with pytest.raises(Conflict, match="Version 2 was published"), database.transaction() as session:
        service.confirm(session, ana, campaign.id, shown.id, NOON)
    assert office.unconfirmed(ana, campaign).number == 2


def test_of_two_authors_the_second_sees_what_the_first_published(office):
    guideline = office.guideline()
    office.publish(None, guideline, "By the first.", based_on=1)
    with pytest.raises(Conflict, match="Version 2 was published while you wrote"):
        office.publish(None, guideline, "By the second.", based_on=1)
    assert office.publish(None, guideline, "By the second.", based_on=2).number == 3


@pytest.mark.parametrize(
    ("text", "changes", "told"),
    [
        ("", "Shorter.", "no text yet"),
        ("x" * 100_000, "Longer.", "60,000 fit"),
        ("All new.", " ", "what changes"),
        (ROUND_ONE + "\r\n", "None.", "Nothing differs"),
    ],
)
def test_a_version_that_will_not_do_is_not_stored(office, database, text, changes, told):
    guideline = office.guideline()
    with pytest.raises(Invalid, match=told):
        office.publish(None, guideline, text, changes)
    with database.reading() as session:
        assert session.scalars(select(GuidelineVersion)).one().text == ROUND_ONE


def test_a_new_translation_is_a_new_version_and_a_bad_one_is_not_stored(office, database):
    guideline, ravi = office.guideline(), office.researcher()
    with database.transaction() as session:
        version = service.publish(
            session,
            ravi,
            guideline.id,
            text=ROUND_ONE,
            changes="Now in Chinese too.",
            based_on=1,
            translations={"zh-Hans": "把有帮助的放在前面。"},
        )
    assert (version.number, version.translations) == (2, {"zh-Hans": "把有帮助的放在前面。"})
    for wrong, told in (("长" * 60_001, "60,000 fit"), ("把有帮助的放在前面。", "Nothing differs")):
        with pytest.raises(Invalid, match=told), database.transaction() as session:
            service.publish(
                session,
                ravi,
                guideline.id,
                text=ROUND_ONE,
                changes="More.",
                based_on=2,
                translations={"zh-Hans": wrong},
            )


def test_two_documents_have_two_names(office):
    office.guideline("House rules")
    with pytest.raises(Conflict, match="already a guideline named"):
        office.guideline(" House rules ")


def test_a_new_database_gets_a_document_for_each_phase_once(database):
    for _ in range(2):
        with database.transaction() as session:
            service.ensure_defaults(session)
    with database.reading() as session:
        found = {(guideline.instrument or "", guideline.phase) for guideline in session.scalars(select(Guideline))}
        assert found == {("", "evaluation"), ("", "training"), ("toxicity", "evaluation"), ("toxicity", "training")}
        versions = session.scalars(select(GuidelineVersion)).all()
        called = {v.id: f"{v.guideline.instrument or ''} {v.guideline.phase}".strip() for v in versions}
        texts = {called[v.id]: v.text for v in versions}
        chinese = {called[v.id]: v.translations["zh-Hans"] for v in versions}
    for text in (*texts.values(), *chinese.values()):
        assert text.count("\n### ") == 3
    for phase, text in texts.items():
        assert text.index("## What comes first") < text.index("## Worked examples") < text.index("### 1.")
        assert [line.split()[0] for line in text.splitlines() if line.startswith("#")] == [
            line.split()[0] for line in chinese[phase].splitlines() if line.startswith("#")
        ]
    assert "Helpfulness decides" in texts["training"]
    assert "⚠ High stakes" in texts["evaluation"]
    assert "exception" not in texts["training"]
    assert texts["toxicity training"] == texts["toxicity evaluation"]


def test_the_command_that_prepares_a_database_brings_them(empty_database_url, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path, database_url=empty_database_url)
    monkeypatch.setattr("app.cli.load_settings", lambda: settings)
    for _ in range(2):
        assert CliRunner().invoke(cli, ["migrate"]).exit_code == 0
    database = Database(empty_database_url)
    with database.reading() as session:
        assert len(session.scalars(select(Guideline)).all()) == len(service.default_documents())
    database.dispose()


def test_a_phase_with_a_document_of_its_own_gets_no_other(office, database):
    own = office.guideline("Ours", "training")
    with database.transaction() as session:
        service.ensure_defaults(session)
    with database.reading() as session:
        general = select(Guideline).where(Guideline.instrument.is_(None))
        by_phase = {guideline.phase: guideline for guideline in session.scalars(general)}
    assert by_phase["training"].id == own.id
    assert by_phase["evaluation"].created_by is None


def test_a_default_whose_name_is_taken_by_the_other_phase_is_left_out_and_breaks_nothing(office, database):
    name, _ = service.DEFAULTS["evaluation", None]
    office.guideline(name, "training")
    with database.transaction() as session:
        service.ensure_defaults(session)
    with database.reading() as session:
        general = select(Guideline).where(Guideline.instrument.is_(None))
        assert len(session.scalars(general).all()) == 1
