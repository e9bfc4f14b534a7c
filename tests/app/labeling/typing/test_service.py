"""What is counted of typing, of whom, and what becomes of it."""

import json

import pytest
from sqlalchemy import select

from app.errors import NotFound
from app.labeling.typing import queries, service
from app.labeling.typing.rules import LARGEST, MOST_PAGES, TypingCounts, counts_of, in_all, with_report
from app.models import AuditEvent, CountingConsent, TypingRecord
from tests.app.labeling.annotations.conftest import NOON, Workshop
from tests.browsing import PASSWORD

VIEW, OTHER = "0123-4567-89ab", "ffff-eeee-dddd"
COUNTED = {"pastes": 1, "pasted": 300, "longest": 300, "typed": 20, "edits": 4, "seconds": 12}


# Rules -------------------------------------------------------------------------------------------


def test_a_report_is_numbers_by_known_names_and_nothing_else():
    assert counts_of(VIEW, json.dumps(COUNTED)) == TypingCounts(**COUNTED)
    assert counts_of(VIEW, "{}") == TypingCounts()
    for wrong in (
        {"typed": -1},
        {"typed": 1.5},
        {"typed": True},
        {"typed": "a"},
        {"typed": LARGEST + 1},
        {"keys": 3},
        [1],
        "secret",
    ):
        assert counts_of(VIEW, json.dumps(wrong)) is None
    assert counts_of(VIEW, "{") is None
    assert counts_of("x", json.dumps(COUNTED)) is None


def test_the_larger_of_two_reports_of_a_page_holds_and_pages_add_up():
    pages = with_report({}, VIEW, TypingCounts(typed=20, pastes=1, pasted=300, longest=300))
    pages = with_report(pages, VIEW, TypingCounts(typed=15))  # came late
    pages = with_report(pages, OTHER, TypingCounts(typed=5, pastes=1, pasted=40, longest=40))
    assert in_all(pages) == TypingCounts(typed=25, pastes=2, pasted=340, longest=300)
    assert in_all({}) == TypingCounts()
    full = {f"page-number-{i}": {} for i in range(MOST_PAGES)}
    assert with_report(full, VIEW, TypingCounts(typed=1)) == full


def test_the_share_of_pastes_is_of_all_that_was_entered():
    assert TypingCounts(pasted=30, typed=10).pasted_share == 0.75
    assert TypingCounts(edits=3).pasted_share is None


# Consent -----------------------------------------------------------------------------------------


@pytest.fixture
def at_desk(browse, database, factory):
    """A labeler who holds a writing task of a campaign that asks."""
    workshop = Workshop(database, factory)
    campaign = workshop.campaign([(p, []) for p, _ in workshop.prompts(1)], name="Write", kind="demonstration")
    boss = factory.person("ruth@example.org", "researcher", password=PASSWORD)
    with database.transaction() as session:
        service.turn(session, boss, campaign, NOON, on=True)
    browse.as_("labeler", "lena@example.org")
    browse.get("/label")
    place = browse.post("/label/next").headers["location"]
    browse.get(place)
    return Desk(browse, database, campaign, place)


class Desk:
    def __init__(self, browse, database, campaign, place):
        self.browse, self.database, self.campaign, self.place = browse, database, campaign, place

    def save(self, view=VIEW, **counts):
        given = {"typing_view": view, "typing_counts": json.dumps({**COUNTED, **counts})}
        self.browse.post(f"{self.place}/text", {"text": "The Nile.", "autosave": "1", **given}, 204)

    def answer(self, agree):
        form = {"agree": agree, "task": self.place}
        return self.browse.post(f"/label/campaigns/{self.campaign.id}/counting", form)

    def counted(self):
        with self.database.reading() as session:
            return [in_all(one.pages) for one in session.scalars(select(TypingRecord))]


def test_nothing_is_counted_before_somebody_agrees_and_all_is_deleted_when_they_stop(at_desk):
    page = at_desk.browse.get(at_desk.place)
    assert "May this page count how you enter your text?" in page
    assert 'data-controller="labeling/typing"' not in page
    at_desk.save()
    assert at_desk.counted() == []
    assert at_desk.answer("yes").headers["location"] == at_desk.place
    page = at_desk.browse.get(at_desk.place)
    assert 'data-controller="labeling/typing"' in page
    assert "May this page count" not in page
    at_desk.save()
    at_desk.save(typed=25)
    at_desk.save(view=OTHER, pasted=10, longest=10)
    (counts,) = at_desk.counted()
    assert (counts.typed, counts.pasted, counts.pastes, counts.longest) == (45, 310, 2, 300)
    at_desk.answer("no")
    assert at_desk.counted() == []
    page = at_desk.browse.get(at_desk.place)
    assert "Nothing is counted here, as you chose." in page
    assert 'data-controller="labeling/typing"' not in page
    at_desk.save()
    assert at_desk.counted() == []
    with at_desk.database.reading() as session:
        assert session.scalars(select(CountingConsent)).one().agreed is False
        actions = set(session.scalars(select(AuditEvent.action)))
    assert {"let campaign ask to count typing", "agreed to counting", "declined counting"} <= actions


def test_declining_changes_nothing_about_the_work_and_a_wrong_count_stands_in_no_way(at_desk):
    at_desk.answer("no")
    at_desk.browse.post(f"{at_desk.place}/submit", {"text": "The Nile."})
    assert "your text is stored" in at_desk.browse.get("/label")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_wrong_count_stands_in_no_way_and_the_submission_brings_the_last_one(at_desk):
    at_desk.answer("yes")
    at_desk.save(typed=-4)
    assert at_desk.counted() == []
    given = {"typing_view": VIEW, "typing_counts": json.dumps(COUNTED)}
    at_desk.browse.post(f"{at_desk.place}/submit", {"text": "The Nile.", **given})
    assert at_desk.counted() == [TypingCounts(**COUNTED)]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_campaign_that_does_not_ask_is_not_answered_and_counts_nothing(at_desk, factory):
    at_desk.answer("yes")
    with at_desk.database.transaction() as session:
        boss = factory.person("boss@example.org", "admin")
        service.turn(session, boss, at_desk.campaign, NOON, on=False)
    assert "counting-title" not in at_desk.browse.get(at_desk.place)
    at_desk.save()
    assert at_desk.counted() == []
    at_desk.browse.post(f"/label/campaigns/{at_desk.campaign.id}/counting", {"agree": "yes"}, 404)
    with at_desk.database.reading() as session:
        assert queries.counted(session, at_desk.campaign.id) is None
        with pytest.raises(NotFound):
            service.answer(session, boss, 999, NOON, agreed=True)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_researcher_switches_it_on_and_reads_the_counts_beside_the_text(browse, at_desk):
    at_desk.answer("yes")
    at_desk.save(pasted=400, longest=400)
    browse.post(f"{at_desk.place}/submit", {"text": "The Nile."})
    browse.as_("researcher")
    page = browse.get("/integrity")
    assert "1 agreed, 0 declined" in page
    assert "mostly pasted" in page
    assert "95 %" in page  # 400 of 420 characters
    shown = browse.get("/integrity/1")
    assert "400 characters" in shown
    assert "in 1 paste, the longest of 400" in shown
    browse.post(f"/integrity/campaigns/{at_desk.campaign.id}/counting", {"on": "no"})
    assert "Nothing is counted in this campaign" in browse.get("/integrity")
    browse.post(f"/integrity/campaigns/{at_desk.campaign.id}/counting", {"on": "yes"})
    assert "1 agreed" in browse.get("/integrity")
    browse.post("/integrity/campaigns/999/counting", {"on": "yes"}, 404)
