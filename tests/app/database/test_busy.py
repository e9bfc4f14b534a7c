"""A database that others hold makes people wait for seconds, not for ever, and the health check not at all."""

import anyio.to_thread
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

import app.database
import app.main
from app.database import Database
from app.main import create_app
from app.models.base import utc_now
from app.people import tokens
from tests.browsing import Browsing


@pytest.fixture
def hurried(settings, database, factory, monkeypatch):
    """A browser of an application that waits a quarter of a second."""
    monkeypatch.setattr(app.main, "PATIENCE_OF_PAGES", 0.25)
    monkeypatch.setattr(app.database, "PATIENCE_FOR_A_CONNECTION", 0.25)
    with TestClient(create_app(settings), follow_redirects=False) as client:
        yield Browsing(client, factory)


def check_healthy(browse):
    answer = browse.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_what_is_held_for_too_long_is_told_with_a_time_and_the_health_check_answers(hurried, database, engine_name):
    hurried.as_("admin")
    with database.engine.connect() as connection:
        if engine_name == "sqlite":
            connection.execute(text("SELECT 1"))  # a transaction of ours begins with the write lock
        else:
            connection.execute(text("LOCK TABLE people, audit_events IN ACCESS EXCLUSIVE MODE"))
        answer = hurried.post("/people", {"email": "new@example.org", "role": "labeler"}, status=503)
        assert "The database is busy" in answer.text
        assert answer.headers["retry-after"] == "30"
        check_healthy(hurried)
    hurried.post("/people", {"email": "new@example.org", "role": "labeler"}, status=200)


def test_programs_are_told_to_ask_again_too(hurried, database, engine_name):
    with database.transaction() as session:
        ana = session.merge(hurried.factory.person("ana@example.org", role="engineer"))
        _, secret = tokens.make_token(session, ana, name="nightly", days=30, now=utc_now())
    allowed = {"authorization": f"Bearer {secret}"}
    with database.engine.connect() as connection:
        connection.execute(text("SELECT 1" if engine_name == "sqlite" else "LOCK TABLE people"))
        answer = hurried.client.get("/api/v1/models", headers=allowed)
        if engine_name == "sqlite":
            assert answer.status_code == 200, "to note the use of a token nobody waits"
        else:
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "30"
            assert "busy" in answer.json()["error"]["sentence"]
    assert hurried.client.get("/api/v1/models", headers=allowed).status_code == 200


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_when_all_connections_are_in_use_it_is_told_and_the_health_check_answers(hurried):
    hurried.as_("admin")
    engine = hurried.client.app.state.database.engine
    taken = [engine.raw_connection() for _ in range(60)]
    answer = hurried.client.get("/people")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "The database is busy" in answer.text
    check_healthy(hurried)
    for connection in taken:
        connection.close()
    hurried.get("/people")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_health_check_needs_no_thread_of_the_pages(hurried):
    async def use_up():
        limiter = anyio.to_thread.current_default_thread_limiter()
        for _ in range(int(limiter.total_tokens)):
            limiter.acquire_on_behalf_of_nowait(object())

    hurried.client.portal.call(use_up)
    check_healthy(hurried)


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:9/none", "sqlite:////no/such/folder/none.db"])
def test_a_database_that_is_away_does_not_answer(url, monkeypatch):
    monkeypatch.setattr(app.database, "make_engine", lambda *_: create_engine("sqlite://"))
    assert not Database(url).answers()
