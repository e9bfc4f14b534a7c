"""The audit trail: all of it, who came in and what was taken along; and no code can be read from its times."""

import csv
import io
import re
from datetime import timedelta

import pytest

from app.models import Applicant, AuditEvent, Person, Screening
from app.models.base import utc_now
from app.people import audit, rules, service
from app.people.queries import Asked
from app.web.paging import SIZE
from tests.browsing import PASSWORD

SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])


def actions(page):
    """What was done, in the order of the page."""
    return re.findall(r"<td>([^<]+)</td>\s*<td>", re.sub(r"</a></td><td>", "</td><td>", page))


@pytest.fixture
def admin(browse):
    return browse.as_("admin", "ada@example.org")


def events(database, count, action="submitted annotation", person=None, **given):
    with database.transaction() as session:
        session.add_all(
            AuditEvent(
                person_id=person and person.id, action=action, subject_kind="annotations", subject_id=str(n), **given
            )
            for n in range(count)
        )


def test_decisions_are_seen_whatever_work_came_after_them_and_everything_is_reached(admin, database, factory):
    lena = factory.person("lena@example.org")
    with database.transaction() as session:
        service.set_group(session, session.get(Person, 1), lena.id, "group 7")
    events(database, 400, person=lena)
    page = admin.get("/audit")
    assert "set labeler group" in page
    assert "submitted annotation" not in page
    everything = admin.get("/audit?kind=all")
    total = int(re.search(r"(\d+) events", everything)[1])
    assert total > 400
    last = -(-total // SIZE)
    assert "added person" in admin.get(f"/audit?kind=all&page={last}")
    assert 'href="?kind=all&amp;page=2"' in everything


def test_it_is_asked_by_person_subject_words_and_day(admin, database, factory):
    lena, otto = factory.person("lena@example.org"), factory.person("otto@example.org")
    with database.transaction() as session:
        ada = session.query(Person).filter_by(role="admin").one()
        service.set_group(session, ada, lena.id, "group 7")
        service.set_group(session, ada, otto.id, "group 8")
        session.add(AuditEvent(action="started run", subject_kind="runs", subject_id="7", person_id=otto.id,
                               at=utc_now() - timedelta(days=40), detail={}))  # fmt: skip
    page = admin.get(f"/audit?about={lena.id}&what=group")
    assert "group 7" in page
    assert "group 8" not in page
    page = admin.get(f"/audit?who={otto.id}")
    assert '<a href="/runs/7">' in page
    assert "set labeler group" not in page
    assert "runs 7" in admin.get("/audit?what=STARTED+run")
    old = utc_now() - timedelta(days=40)
    assert "runs 7" in admin.get(f"/audit?since={old:%Y-%m-%d}&until={old:%Y-%m-%d}")
    assert "runs 7" not in admin.get(f"/audit?since={utc_now():%Y-%m-%d}")
    assert "No matching events" in admin.get("/audit?what=nothing+of+the+kind")
    admin.get("/audit?until=9999-12-31", status=422)
    admin.get("/audit?who=x", status=422)


def test_who_came_in_who_was_refused_and_what_was_taken_along_is_in_it(browse, database):
    browse.factory.person("lena@example.org", password=PASSWORD)
    browse.get("/sign-in")
    browse.post("/sign-in", {"email": "lena@example.org", "password": "wrong"}, status=403)
    browse.post("/sign-in", {"email": "my secret password", "password": "wrong"}, status=403)
    browse.factory.person("ada@example.org", "admin", PASSWORD)
    browse.post("/sign-in", {"email": "ada@example.org", "password": PASSWORD})
    browse.get("/people")
    assert browse.client.get("/costs/labelers.csv").status_code in (200, 404)
    file = browse.client.get("/audit.csv?kind=access")
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [(row["who"], row["did"], row["to_what"]) for row in rows if row["did"] != "downloaded"] == [
        ("ada", "signed in", "ada"),
        ("system", "failed to sign in", "people"),
        ("system", "failed to sign in", "lena"),
    ]
    assert "my secret" not in file.text
    assert '"address": "testclient"' in rows[-1]["detail"]
    assert "audit.csv" in browse.get("/audit?kind=access"), "that the trail was taken along is in it too"
    browse.post("/sign-out")
    with database.reading() as session:
        assert session.query(AuditEvent).filter_by(action="signed out").count() == 1


@SQLITE
def test_a_download_that_cannot_be_written_down_is_not_sent(admin, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def locked(*_):
        raise OperationalError("INSERT", {}, Exception("locked"))

    monkeypatch.setattr(service, "_add_event", locked)
    answer = admin.client.get("/audit.csv")
    assert answer.status_code == 503
    assert "could not be recorded" in answer.json()["error"]


@SQLITE
def test_the_file_holds_all_that_the_page_counts(admin, database, monkeypatch):
    monkeypatch.setattr(audit, "BATCH", 7)
    events(database, 30, action="=formula")
    file = admin.client.get("/audit.csv?what=formula").text
    rows = list(csv.DictReader(io.StringIO(file)))
    assert [row["to_what"] for row in rows] == [f"annotations {n}" for n in reversed(range(30))]
    assert {row["did"] for row in rows} == {"'=formula"}


@pytest.fixture
def applied(database, factory):
    """An applicant who has handed in, known as K7Q; what they did is in the trail."""
    ann, rae, now = factory.person("ann@example.org"), factory.person("rae@example.org", role="researcher"), utc_now()
    with database.transaction() as session:
        session.add(Screening(name="s", items={}, sensitive_flags=[], topics=[], seed=1, minutes=60, ends_at=now))
        session.flush()
        session.get(Person, ann.id).role = "applicant"
        row = Applicant(screening_id=1, person_id=ann.id, code="K7Q", joined_at=now, claimed=[], finished_at=now)
        session.add(row)
        service.record(session, ann, "joined as applicant", ann)
        service.record(session, ann, rules.SIGNED_IN, ann, {"address": "10.0.0.7"})
        service.record(session, ann, "handed in screening", row, {"attempt": 1})
        service.record(session, ann, "skipped task", ann, {"note": "ann's own words"})
        service.note_failed_sign_in(session, "ann@example.org", "10.0.0.7")
    return ann, rae


def shown(database, **asked):
    with database.reading() as session:
        found = audit.lines(session, Asked(**asked), limit=100)
        assert list(audit.all_lines(session, Asked(**asked))) == found
        assert audit.count(session, Asked(**asked)) == len(found)
        return found


def test_no_name_of_an_applicant_stands_beside_a_time_until_somebody_has_asked_for_it(database, applied):
    ann, rae = applied
    began = ("joined as applicant", rules.SIGNED_IN, "handed in screening", "skipped task", rules.SIGN_IN_FAILED)

    def of_ann():
        return [line for line in shown(database) if line.action in (*began, "made labeler", "decided about applicant")]

    told = of_ann()
    assert {line.who for line in told} == {"an applicant", "system"}
    assert {line.subject for line in told} == {"an applicant", "K7Q"}
    assert "ann" not in str(told).replace("an applicant", "").replace("annotation", "")
    assert "10.0.0.7" not in str(told)
    assert shown(database, who=ann.id) == shown(database, about=ann.id) == [], "asking would tell"
    with database.reading() as session:
        assert ann.id not in dict(audit.choices(session))

    with database.transaction() as session:
        row = session.query(Applicant).one()
        row.decision, row.decided_at, row.decided_by = "accepted", utc_now(), rae.id
        service.record(session, rae, "decided about applicant", row, {"code": "K7Q"})
        service.make_labeler(session, rae, ann.id, "")
        session.add(AuditEvent(at=utc_now() + timedelta(hours=1), person_id=ann.id, action="submitted annotation",
                               subject_kind="annotations", subject_id="5", detail={}))  # fmt: skip
    assert all(line.subject in ("an applicant", "K7Q") for line in of_ann())
    [later] = shown(database, who=ann.id)
    assert (later.who, later.action) == ("ann", "submitted annotation")

    with database.transaction() as session:
        session.query(Applicant).one().unmasked_at = utc_now()
    assert {line.who for line in shown(database, who=ann.id)} == {"ann"}
    assert "made labeler" in [line.action for line in shown(database, about=ann.id)]


@SQLITE
def test_ratings_of_others_are_not_read_here(database, applied):
    with database.transaction() as session:
        session.add(AuditEvent(action="rated screening text", subject_kind="demonstration_ratings", subject_id="1",
                               detail={"item": 3, "rating": 6}))  # fmt: skip
    [line] = shown(database, words="rated")
    assert line.detail == {"item": 3}


@SQLITE
def test_every_page_that_the_trail_links_to_is_one(browse):
    from tests.app.test_house import addresses

    there = {address for method, address in addresses(browse.client) if method == "GET"}
    assert {pattern.format(1) for pattern in rules.PAGES_OF.values()} - there == set()


def test_a_download_is_noted_with_what_was_asked_of_it(admin, database):
    admin.client.get("/audit.csv?kind=all&what=x")
    with database.reading() as session:
        [event] = session.query(AuditEvent).filter_by(action="downloaded")
        assert (event.subject_id, event.detail) == ("/audit.csv", {"query": "kind=all&what=x"})
