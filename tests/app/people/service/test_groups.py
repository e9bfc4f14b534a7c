"""Labeler groups: set by admins on the page and by the command, kept short, and in the audit trail."""

import re

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.errors import Invalid, NotFound
from app.models import AuditEvent, Person
from app.people import queries, service


def group_of(database, email):
    with database.reading() as session:
        return queries.person_by_email(session, email).labeler_group


@pytest.fixture
def command(settings, monkeypatch):
    monkeypatch.setattr("app.cli.load_settings", lambda: settings)
    return lambda *words: CliRunner().invoke(cli, ["people", *words], catch_exceptions=False)


def test_an_admin_names_the_group_when_adding_and_changes_it_later(browse, database):
    browse.as_("admin")
    browse.post("/people", {"email": "ana@example.org", "role": "labeler", "group": " training "}, status=200)
    browse.post("/people", {"email": "bob@example.org", "role": "labeler"}, status=200)
    assert (group_of(database, "ana@example.org"), group_of(database, "bob@example.org")) == ("training", None)
    page = browse.get("/people")
    person_id = re.search(r'ana@example.org.*?/people/(\d+)/group.*?value="training"', page, re.DOTALL)[1]
    browse.post(f"/people/{person_id}/group", {"group": "held-out"})
    assert group_of(database, "ana@example.org") == "held-out"
    assert "ana is in the group “held-out” now" in browse.get("/people")
    browse.post(f"/people/{person_id}/group", {"group": ""})
    assert group_of(database, "ana@example.org") is None
    with database.reading() as session:
        details = [e.detail for e in session.query(AuditEvent).filter_by(action="set labeler group").order_by("id")]
    assert details == [{"from": "training", "to": "held-out"}, {"from": "held-out", "to": ""}]


def test_a_group_that_is_no_name_is_told_on_the_page_and_changes_nothing(browse, database):
    person = browse.factory.person(email="ana@example.org")
    browse.as_("admin")
    for wrong in ("x" * 61, "two\nlines"):
        assert "at most 60 characters" in browse.post(f"/people/{person.id}/group", {"group": wrong}, status=422).text
        with database.transaction() as session, pytest.raises(Invalid):
            service.add_person(session, None, email="new@example.org", name="", role="labeler", group=wrong)
    assert group_of(database, "ana@example.org") is None


def test_a_labeler_sets_no_group(browse, database):
    person = browse.factory.person(email="ana@example.org")
    browse.as_("labeler")
    browse.post(f"/people/{person.id}/group", {"group": "held-out"}, status=403)
    assert group_of(database, "ana@example.org") is None


def test_the_command_adds_into_a_group_and_changes_it(command, database):
    command("add", "ana@example.org", "--role", "labeler", "--group", "agency B")
    assert group_of(database, "ana@example.org") == "agency B"
    assert "group held-out" in command("group", "ana@example.org", "held-out").output
    assert group_of(database, "ana@example.org") == "held-out"
    assert "group none" in command("group", "ana@example.org", "").output
    assert group_of(database, "ana@example.org") is None
    with pytest.raises(NotFound, match="Nobody has the address"):
        command("group", "bob@example.org", "held-out")
    with database.reading() as session:
        assert session.query(Person).count() == 1
