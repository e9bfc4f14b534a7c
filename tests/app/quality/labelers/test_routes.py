"""The pages of the watch: what researchers see and decide, and what a labeler sees of their own work."""

import csv
import io
import json
import re

import pytest
from sqlalchemy import select

from app.demo.workforce_people import SPAMMER
from app.demo.workforce_records import email_of
from app.errors import Invalid
from app.models import AlertBound, AlertNote, Annotation, AuditEvent, Campaign, GoldItem, Person, Task
from app.quality.labelers import commands
from app.quality.labelers.rules.ongoing import MEASURES
from app.web.reports import Reports

pytestmark = [pytest.mark.parametrize("engine_name", ["sqlite"]), pytest.mark.xdist_group("workforce")]


@pytest.fixture
def workforce(at_work, monkeypatch):
    """Forty labelers with thirty tasks each; pages wait until their report is made."""
    monkeypatch.setattr(Reports.ask, "__defaults__", (300.0,))
    return at_work(30)


def of(database, worker):
    with database.reading() as session:
        return session.scalars(select(Person).where(Person.email == email_of(worker))).one()


def test_alerts_come_first_and_each_is_looked_at_by_a_person_until_it_gets_worse(browse, workforce, database):
    browse.as_("researcher")
    page = browse.get("/labelers")
    spammers = [of(database, worker) for worker in workforce.workers if worker.kind == SPAMMER]
    alerts = page[page.index('id="alerts-title"') : page.index('id="everybody-title"')]
    alerting = {int(one) for one in re.findall(r'href="/labelers/(\d+)"', alerts)}
    assert len(alerting & {one.id for one in spammers}) >= 3
    assert "never a verdict" in page
    assert "nan" not in page.lower()
    someone = next(one for one in spammers if one.id in alerting)
    place = f"/labelers/{someone.id}"
    theirs = browse.get(place)
    [measure, *_more] = re.findall(rf'action="{place}/alerts/(\w+)"', theirs)
    assert "Write what you found" in browse.post(f"{place}/alerts/{measure}", {"note": " "}, 422).text
    browse.post(f"{place}/alerts/nothing", {"note": "x"}, 404)
    browse.post(f"{place}/alerts/{measure}", {"note": "Talked; the texts were read aloud elsewhere."})
    theirs = browse.get(place)
    assert f'action="{place}/alerts/{measure}"' not in theirs
    assert "read aloud elsewhere" in theirs
    with database.transaction() as session:
        note = session.scalars(select(AlertNote)).one()
        assert session.scalars(select(AuditEvent.action).where(AuditEvent.action == "looked at alarm")).one()
        note.value = 0.5  # as if the figure had been better then
        if measure in ("speed", "straight_lining", "untouched"):
            note.value = 0.0
        elif measure not in ("position", "drift"):
            note.value = 0.99
    assert "worse since" in browse.get(place)


def test_figures_are_sorted_filtered_and_a_file(browse, workforce, database):
    browse.as_("researcher")
    rows = list(csv.DictReader(io.StringIO(browse.client.get("/labelers/figures.csv").text)))
    assert {row["measure"] for row in rows} == set(MEASURES)
    assert all(row["value"] or row["undefined"].startswith("undefined, because") for row in rows)
    shares = {int(row["labeler"]): float(row["value"]) for row in rows if row["measure"] == "team" and row["value"]}
    page = browse.get("/labelers?sort=team")
    order = [int(one) for one in re.findall(r'<th scope="row"><a href="/labelers/(\d+)"', page)]
    sorted_shares = [shares[one] for one in order if one in shares]
    assert sorted_shares == sorted(sorted_shares)
    assert "Nobody has ranked anything that fits" in browse.get("/labelers?since=2001-01-01&until=2001-01-02")
    assert "is not a day" in browse.get("/labelers?since=May", 422)
    assert "no such campaign" in browse.get("/labelers?campaign=999", 422)


def test_an_admin_moves_a_bound_and_the_usual_one_comes_back(browse, database, monkeypatch):
    monkeypatch.setattr(Reports.ask, "__defaults__", (300.0,))
    browse.as_("admin")
    assert 'name="team"' in browse.get("/labelers/bounds")
    for wrong in ("often", "1.5", "0"):
        page = browse.post("/labelers/bounds", {"team": wrong, "pace": "0.4"}, 422).text
        assert 'id="problem-team"' in page
        assert f'value="{wrong}"' in page
    browse.post("/labelers/bounds", {"team": "0,6", "load": "8"})
    with database.reading() as session:
        assert {row.measure: row.bound for row in session.scalars(select(AlertBound))} == {"team": 0.6, "load": 8.0}
    browse.post("/labelers/bounds", {"load": "8"})
    with database.reading() as session:
        assert [row.measure for row in session.scalars(select(AlertBound))] == ["load"]
        actions = session.scalars(select(AuditEvent.action)).all()
    assert actions.count("changed bound of alarms") == 3
    browse.as_("researcher")
    assert "An admin can change them" in browse.get("/labelers/bounds")
    assert browse.client.post("/labelers/bounds", data={"csrf_token": browse.token}).status_code == 403


def test_a_labeler_reads_their_own_figures_and_no_hidden_gold(browse, workforce, database):
    browse.as_("labeler", "lena@example.org")
    assert "Not enough data yet" in browse.get("/label/feedback")
    with database.transaction() as session:
        lena = session.scalars(select(Person).where(Person.email == "lena@example.org")).one()
        done = session.scalars(select(Annotation).order_by(Annotation.id)).first()
        for row in session.scalars(select(Annotation).where(Annotation.person_id == done.person_id)).all():
            row.person_id = lena.id
        task = session.get(Task, done.task_id)
        others = {str(row.candidate_id): 5 - row.rank for row in done.ranks}
        session.add(GoldItem(task_id=task.id, content={"ranks": others}, reason="Because of the **facts**."))
        number = task.campaign_id
    page = browse.get("/label/feedback")
    assert "facts" not in page
    assert "alert" not in page.lower()
    with database.transaction() as session:
        session.get(Campaign, number).status = "closed"
    page = browse.get("/label/feedback")
    assert "<strong>facts</strong>" in page
    assert browse.client.get(f"/labelers/{lena.id}").status_code == 403


def test_a_person_without_work_and_a_person_that_is_not_there(browse, database, monkeypatch):
    monkeypatch.setattr(Reports.ask, "__defaults__", (300.0,))
    browse.as_("researcher")
    browse.client.get("/labelers/999")
    assert browse.client.get("/labelers/999").status_code == 404
    assert browse.client.get("/labelers/1").status_code == 404
    assert "Nobody has ranked" in browse.get("/labelers")


def test_the_command_says_the_alerts_first_and_the_same_as_json(database, workforce):
    with database.reading() as session:
        lines = list(commands.labelers(session, {}, as_json=False))
        told = json.loads("\n".join(commands.labelers(session, {}, as_json=True)))
        with pytest.raises(Invalid, match="campaign: There is no such campaign"):
            list(commands.labelers(session, {"campaign": "nothing"}, as_json=True))
    alerts = [row for row in told["figures"] if row["alert"]]
    assert lines[1].startswith(f"alerts: {len(alerts)}.")
    assert len(lines) == 2 + len(alerts) + len(workforce.workers)
