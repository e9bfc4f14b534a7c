"""From the invitation to the decision, as people see it in their browsers."""

import re
from datetime import timedelta

import pytest

from app.models import Person
from app.quality.screening import queries
from app.quality.screening.rules.plans import DEMONSTRATIONS
from tests.app.quality.screening.conftest import NOW
from tests.browsing import PASSWORD

ANN = {"email": "ann@example.org", "name": "Ann Tarr", "password": PASSWORD, "again": PASSWORD}
ONE_ENGINE = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def screening(office, banks):
    return office.screening(banks)


def person_named(office, email):
    with office.database.reading() as session:
        return session.query(Person).filter_by(email=email).one()


def did_the_form(browse, office, screening):
    """Ann, who has done her whole form."""
    browse.client.cookies.clear()
    secret = office.invite(screening)
    browse.get(f"/join/{secret}")
    browse.post(f"/join/{secret}", ANN)
    browse.get("/screening")
    browse.post("/screening/start")
    ann = person_named(office, "ann@example.org")
    office.fill(ann)
    return ann


def finished(browse, office, screening):
    ann = did_the_form(browse, office, screening)
    browse.get("/screening")
    browse.post("/screening/self", {"topic": ["war", "made up"], "words": "I know *history*."})
    browse.post("/screening/hand-in")
    return office.applicant(ann)


@ONE_ENGINE
def test_a_researcher_makes_a_screening_and_a_link_that_is_shown_once(browse, office, banks):
    browse.as_("researcher")
    page = browse.get("/screenings/new")
    assert "8 items with gold" in page
    assert "5 prompts" in page
    assert re.search(r'value="answer:violent_content" checked', page)
    asked = {
        "name": "Spring",
        "minutes": "90",
        "last_day": f"{NOW + timedelta(days=9):%Y-%m-%d}",
        "seed": "3",
        "topics": "war\nreligion",
        "sensitive_flag": ["answer:violent_content"],
        **{f"bank-{criterion}": str(bank.id) for criterion, bank in banks.items()},
        **{f"items-{criterion}": "2" for criterion in banks},
    }
    refused = browse.post("/screenings", asked | {"items-flags": "99", "name": ""}, status=422).text
    assert "have 8 items that can be used here; the form asks for 99" in refused
    assert "Give the screening a name" in refused
    for name, wrong in (("minutes", "soon"), ("last_day", "never"), ("seed", "-1"), ("items-rankings", "x")):
        assert 'class="problem"' in browse.post("/screenings", asked | {name: wrong}, status=422).text
    address = browse.post("/screenings", asked).headers["location"]
    assert "Nobody has joined yet" in browse.get(address)
    browse.post(f"{address}/invitations", {"uses": "0", "days": "7"}, status=422)
    link = re.search(
        r"<code>(http[^<]+/join/[^<]+)</code>",
        browse.post(f"{address}/invitations", {"uses": "2", "days": "7"}, 200).text,
    )[1]
    assert link.split("/join/")[1] not in browse.get(address)
    browse.client.cookies.clear()
    page = browse.get(link.removeprefix("http://testserver"))
    assert "2 prompts whose answers you put in order" in page
    assert "You have 90 minutes from your start." in page
    browse.as_("admin")
    browse.post(f"{address}/invitations/1/revoke")
    browse.client.cookies.clear()
    browse.get(link.removeprefix("http://testserver"), status=409)


@ONE_ENGINE
def test_an_invited_person_joins_does_the_form_and_is_thanked(browse, office, screening):
    secret = office.invite(screening, uses=1)
    browse.get(f"/join/{secret}")
    refused = browse.post(f"/join/{secret}", ANN | {"email": "ann", "again": "other"}, status=422).text
    assert "is not an e-mail address" in refused
    assert "The two passwords differ" in refused
    assert PASSWORD not in refused
    assert browse.post(f"/join/{secret}", ANN).headers["location"] == "/screening"
    page = browse.get("/screening")
    assert "You have 60 minutes from your start." in page
    assert "Begin the test" in page
    browse.post("/screening/start")
    page = browse.get("/screening")
    assert "9 items left" in page
    first = browse.post("/screening/next").headers["location"]
    task = browse.get(first)
    assert "time left" in task
    assert "data-deadline" in task
    assert "Ask the researchers" not in task
    assert "data-renew" not in task
    browse.post("/label/tasks/" + first.rsplit("/", 1)[1] + "/skip", {"reason": "unclear"})
    assert "this item is not scored" in browse.get("/screening")
    assert "Say that you hand in without it" in browse.post("/screening/hand-in", status=422).text
    office.fill_rest(person_named(office, "ann@example.org"))
    browse.post("/screening/self", {"topic": "war", "words": "x" * 4_001}, status=422)
    browse.post("/screening/self", {"topic": "war", "words": "Some."})
    assert "answered" in browse.get("/screening")
    browse.post("/screening/hand-in")
    assert "Thank you!" in browse.get("/screening")
    assert browse.client.get("/label").headers["location"] == "/screening"
    browse.client.cookies.clear()
    assert "has ended" in browse.get(f"/join/{secret}", status=409)


@ONE_ENGINE
def test_the_form_goes_from_item_to_item_and_back_to_the_applicants_page(browse, office, banks):
    texts = office.screening({DEMONSTRATIONS: banks[DEMONSTRATIONS]}, items={DEMONSTRATIONS: 2})
    secret = office.invite(texts)
    browse.get(f"/join/{secret}")
    browse.post(f"/join/{secret}", ANN)
    browse.get("/screening")
    browse.post("/screening/start")
    first = browse.post("/screening/next").headers["location"]
    second = browse.post(f"{first}/submit", {"text": "With care.", "then": "next"}).headers["location"]
    assert re.fullmatch(r"/label/tasks/\d+", second)
    assert second != first
    assert browse.post(f"{second}/submit", {"text": "Again.", "then": "next"}).headers["location"] == "/label"
    page = browse.get("/screening")
    assert "2 of 2 done" in page
    assert "No campaign is open" not in page


@ONE_ENGINE
def test_the_report_shows_scores_by_code_and_the_name_only_after_the_decision(browse, office, screening):
    applicant = finished(browse, office, screening)
    browse.as_("researcher")
    address = f"/screenings/{screening.id}"
    page = browse.get(address)
    assert applicant.code in page
    assert "Ann Tarr" not in page
    assert "ann@example.org" not in page
    assert "100.0\u00a0%" in page
    assert "Rate 2 texts" in page
    mine = f"{address}/applicants/{applicant.code}"
    page = browse.get(mine)
    assert "Ann Tarr" not in page
    assert "I know <em>history</em>." in page
    assert "With care." not in page  # before the own rating
    browse.post(f"{mine}/name", status=409)
    assert "Say why" in browse.post(f"{mine}/decision", {"verdict": "accepted", "reason": " "}, status=422).text
    browse.post(f"{mine}/decision", {"verdict": "accepted", "reason": "Careful.", "group": "group 1"})
    assert "Ann Tarr" not in browse.get(mine)
    browse.post(f"{mine}/name")
    assert "Ann Tarr" in browse.get(mine)
    page = browse.get(address)
    assert "Ann Tarr" not in page
    assert "group 1" in page
    assert re.search(r"war.*?claimed", page, re.DOTALL)
    rows = browse.get(f"{address}/applicants.csv").splitlines()
    assert rows[0].startswith("code,attempt,items,done,handed_in,flags_agreement")
    assert rows[1].startswith(f"{applicant.code},1,9,9,")
    assert ",accepted,Careful.,group 1" in rows[1]
    assert "war," in browse.get(f"{address}/coverage.csv")
    browse.as_("admin")
    trail = browse.get("/audit")
    assert "decided about applicant" in trail
    assert "looked at applicant" in trail
    browse.client.cookies.clear()
    browse.get("/sign-in")
    browse.post("/sign-in", {"email": "ann@example.org", "password": PASSWORD})
    assert browse.client.get("/").headers["location"] == "/label"
    assert "Your work" in browse.get("/label")


@ONE_ENGINE
def test_texts_are_rated_blind(browse, office, screening):
    applicant = finished(browse, office, screening)
    browse.as_("researcher")
    address = f"/screenings/{screening.id}"
    first = browse.client.get(f"{address}/rate").headers["location"]
    page = browse.get(first)
    assert "With care." in page
    assert applicant.code not in page
    assert "Ann" not in page
    for wrong in ("", "8", "x"):
        assert 'class="problem"' in browse.post(first, {"rating": wrong}, status=422).text
    second = browse.post(first, {"rating": "6"}).headers["location"]
    assert "Rated 6." in browse.get(second)
    browse.post(first, {"rating": "7"}, status=409)
    browse.post(f"{first}/undo")
    browse.post(first, {"rating": "5"})
    assert browse.post(second, {"rating": "7"}).headers["location"] == address
    page = browse.get(f"{address}/applicants/{applicant.code}")
    assert "With care." in page
    assert "6.00" in page
    browse.as_("researcher", "other@example.org")
    assert "With care." not in browse.get(f"{address}/applicants/{applicant.code}")


@ONE_ENGINE
def test_a_reset_gives_a_second_attempt(browse, office, screening):
    applicant = finished(browse, office, screening)
    browse.as_("researcher")
    mine = f"/screenings/{screening.id}/applicants/{applicant.code}"
    browse.get(mine)
    assert "Say why" in browse.post(f"{mine}/reset", {"reset_reason": ""}, status=422).text
    browse.post(f"{mine}/reset", {"reset_reason": "The network was down."})
    assert "attempt 2" in browse.get(mine)
    assert "not begun" in browse.get(f"/screenings/{screening.id}")


@ONE_ENGINE
def test_a_form_whose_time_is_up_is_handed_in_when_somebody_looks(browse, office, banks):
    short = office.screening(banks, now=NOW - timedelta(days=6))
    ann = office.join(office.invite(short, now=NOW - timedelta(days=6)), now=NOW - timedelta(days=5))
    office.start(ann, NOW - timedelta(days=5))
    browse.as_("researcher")
    assert "handed in" in browse.get(f"/screenings/{short.id}")
    assert office.applicant(ann).finished_at == NOW - timedelta(days=5) + timedelta(hours=1)
    page = browse.get(f"/screenings/{short.id}/applicants/{office.applicant(ann).code}")
    assert "undefined, because nothing was judged" in page


@ONE_ENGINE
def test_links_that_nobody_was_given_are_not_tried_for_long(browse, office, screening):
    for n in range(50):
        browse.get(f"/join/guess{n}", status=404)
    assert "Too many" in browse.get("/join/another", status=429)
    fresh = office.invite(screening)
    browse.get("/sign-in")
    for _ in range(10):
        browse.post(f"/join/{fresh}", ANN | {"password": "x", "again": "x"}, status=422)
    browse.post(f"/join/{fresh}", ANN, status=429)


@ONE_ENGINE
def test_whoever_is_signed_in_does_not_join_by_mistake(browse, office, screening):
    browse.as_("labeler")
    assert browse.client.get(f"/join/{office.invite(screening)}").headers["location"] == "/"


@ONE_ENGINE
def test_an_address_that_is_taken_is_told_beside_the_field(browse, office, screening):
    browse.factory.person(email="ann@example.org")
    secret = office.invite(screening)
    browse.get(f"/join/{secret}")
    assert "already has an account" in browse.post(f"/join/{secret}", ANN, status=422).text
    with office.database.reading() as session:
        assert queries.applicants(session, screening.id) == []


@ONE_ENGINE
def test_everybody_scores_as_they_did(browse, office, screening):
    """One who judges as the gold does, one who turns everything round: the report tells them apart."""
    for name, like_gold in (("good", True), ("bad", False)):
        person = office.join(office.invite(screening), name)
        office.start(person)
        office.fill(person, like_gold=like_gold)
        office.hand_in(person, NOW)
    browse.as_("researcher")
    rows = [line.split(",") for line in browse.get(f"/screenings/{screening.id}/applicants.csv").splitlines()]
    flags, rankings = rows[0].index("flags_agreement"), rows[0].index("ranking_agreement")
    assert sorted((row[flags], row[rankings]) for row in rows[1:]) == [("0.2000", "0.0000"), ("1.0000", "1.0000")]
    good, bad = (office.applicant(person_named(office, f"{name}@example.org")).code for name in ("good", "bad"))
    page = browse.get(f"/screenings/{screening.id}?sort=rankings")
    assert page.index(good) < page.index(bad)
