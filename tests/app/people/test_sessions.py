"""A session is a row: whoever signs out, changes the password or is locked out leaves no cookie that opens anything."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from app.models import ApiToken, Person, WebSession
from app.models.base import utc_now
from app.people import service, sessions, tokens
from app.web import requests
from tests.browsing import PASSWORD, Browsing

OTHER = "green paper boats"
LENA = "lena@example.org"


def copy_of(browse):
    """Another browser that holds a copy of this one's cookies."""
    other = TestClient(browse.client.app, base_url="http://testserver", follow_redirects=False)
    other.cookies.update(dict(browse.client.cookies))
    return Browsing(other, browse.factory)


def elsewhere(browse, email=LENA):
    """The same person, signed in in a browser of their own."""
    other = Browsing(
        TestClient(browse.client.app, base_url="http://testserver", follow_redirects=False), browse.factory
    )
    other.get("/sign-in")
    other.post("/sign-in", {"email": email, "password": PASSWORD})
    return other


def is_in(browse):
    answer = browse.client.get("/account/password")
    assert answer.status_code == 200 or answer.headers["location"] == "/sign-in?next=/account/password"
    return answer.status_code == 200


def change(browse, present=PASSWORD, password=OTHER, again=None, status=303):
    return browse.post(
        "/account/password", {"present": present, "password": password, "again": again or password}, status
    )


def test_a_copied_cookie_opens_nothing_after_signing_out(browse, database):
    browse.as_("labeler", LENA)
    copy, own = copy_of(browse), elsewhere(browse)
    assert is_in(copy)
    browse.post("/sign-out")
    assert not is_in(copy)
    assert is_in(own), "other browsers are not signed out"
    with database.reading() as session:
        assert session.query(WebSession).count() == 1


def test_only_a_hash_of_the_sessions_secret_is_kept(database, factory):
    with database.transaction() as session:
        secret = sessions.begin(session, session.get(Person, factory.person().id), utc_now())
    with database.reading() as session:
        [row] = session.query(WebSession)
        assert secret not in str(vars(row))
        assert sessions.found(session, secret, utc_now())[0] is row
        assert sessions.found(session, row.secret_sha256, utc_now()) is None


def test_the_password_changes_only_with_the_present_one_and_takes_every_other_way_in_along(browse, database):
    browse.as_("engineer", LENA)
    copy, other = copy_of(browse), elsewhere(browse)
    with database.transaction() as session:
        lena = session.query(Person).filter_by(email=LENA).one()
        tokens.make_token(session, lena, name="nightly", days=30, now=utc_now())
    assert "not your current password" in change(browse, present="guessed", status=422).text
    assert "not your current password" in change(browse, present="", status=422).text
    assert is_in(copy)
    assert is_in(other)
    change(browse)
    assert is_in(browse)
    assert not is_in(copy)
    assert not is_in(other)
    with database.reading() as session:
        assert session.query(ApiToken).one().revoked_at is not None
        assert session.query(WebSession).count() == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_guessing_the_present_password_in_a_browser_left_open_is_held_up(browse):
    browse.as_("labeler", LENA)
    for _ in range(10):
        change(browse, again="mistyped", status=422)  # no guess, so it is not counted
    for _ in range(10):
        change(browse, present="guessed", status=422)
    assert "Try again in 5 min" in change(browse, status=429).text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_one_time_password_is_not_asked_for_twice(browse):
    browse.as_("admin")
    page = browse.post("/people", {"email": LENA, "role": "labeler"}, status=200).text
    once = re.search(r"<code>([a-z0-9-]{19})</code>", page)[1]
    browse.client.cookies.clear()
    browse.get("/sign-in")
    browse.post("/sign-in", {"email": LENA, "password": once})
    assert "Current password" not in browse.get("/account/password")
    browse.post("/account/password", {"password": OTHER, "again": OTHER})
    assert "Current password" in browse.get("/account/password")
    browse.post("/account/password", {"password": PASSWORD, "again": PASSWORD}, status=422)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_signing_out_everywhere_ends_every_session_of_ones_own(browse):
    browse.as_("admin", "ada@example.org")
    adas = copy_of(browse)
    browse.as_("labeler", LENA)
    copy, other = copy_of(browse), elsewhere(browse)
    assert "In 2 browsers, this one included." in browse.get("/account/password")
    browse.post("/account/sign-out-everywhere")
    assert [is_in(one) for one in (browse, copy, other)] == [False] * 3
    assert is_in(adas)


def test_a_new_one_time_password_and_switching_off_end_sessions(database, factory):
    ada, lena = factory.person(role="admin"), factory.person(LENA)

    def begin():
        with database.transaction() as session:
            return sessions.begin(session, session.get(Person, lena.id), utc_now())

    def works(secret):
        with database.reading() as session:
            return sessions.found(session, secret, utc_now()) is not None

    secret = begin()
    assert works(secret)
    with database.transaction() as session:
        service.renew_one_time_password(session, ada, lena.id)
    assert not works(secret)
    secret = begin()
    with database.transaction() as session:
        service.set_active(session, ada, lena.id, active=False)
        service.set_active(session, ada, lena.id, active=True)
    assert not works(secret)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_session_lasts_two_weeks_from_when_it_was_last_seen_and_is_then_forgotten(database, factory):
    lena, start = factory.person(LENA), utc_now()
    with database.transaction() as session:
        secret = sessions.begin(session, lena, start)
    with database.transaction() as session:
        row, _person = sessions.found(session, secret, start + sessions.LASTS - timedelta(seconds=1))
        later = start + timedelta(days=10)
        sessions.note_seen(session, row, later)
    with database.transaction() as session:
        assert sessions.found(session, secret, start + sessions.LASTS) is not None
        assert sessions.found(session, secret, later + sessions.LASTS) is None
        sessions.begin(session, lena, later + sessions.LASTS)
        assert session.query(WebSession).count() == 1


def test_who_is_asking_costs_one_statement_and_is_noted_once_a_minute_by_nobody_who_waits(
    browse, database, monkeypatch
):
    browse.as_("labeler", LENA)
    said = []
    event.listen(
        browse.client.app.state.database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: said.append(statement),
    )

    def asked():
        said.clear()
        assert browse.client.get("/account/session").json()["person"]
        return [statement.split()[0] for statement in said if not statement.startswith(("BEGIN", "SET"))]

    def seen():
        with database.reading() as session:
            return session.query(WebSession).one().last_seen_at

    first = seen()
    assert asked() == ["SELECT"]
    assert seen() == first
    later = utc_now() + timedelta(minutes=2)
    monkeypatch.setattr(requests, "utc_now", lambda: later)
    with database.transaction() as session:  # somebody holds what would be written
        session.query(WebSession).with_for_update().one()
        assert asked()[0] == "SELECT"
    assert seen() == first
    assert asked() == ["SELECT", "UPDATE"]
    assert asked() == ["SELECT"]
    assert seen() == later


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_password_that_is_changed_while_it_is_checked_signs_nobody_in(database, factory, monkeypatch):
    lena = factory.person(LENA)
    checked = service._hasher.verify

    def slowly(password, known):
        right = checked(password, known)
        monkeypatch.undo()
        with database.transaction() as session:
            service.choose_password(session, lena.id, OTHER, OTHER, PASSWORD)
        return right

    monkeypatch.setattr(service._hasher, "verify", slowly)
    with database.transaction() as session, pytest.raises(service.Forbidden):
        service.sign_in(session, LENA, PASSWORD, "10.0.0.1")
