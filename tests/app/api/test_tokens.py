"""Who is let in: the owner of a token that works, and nobody's cookie."""

from datetime import timedelta

import pytest

from app.models import ApiToken, Person
from app.people import service
from app.people.attempts import MOST_UNKNOWN_SECRETS

SHAPE = {"error"}


def failed(answer):
    """The sentence, when the answer is an error in the one shape."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == SHAPE
    assert answer.json()["error"].keys() == {"sentence", "fields"}
    return answer.json()["error"]["sentence"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic YTpi", "pfl_abc", "Bearer pfl_" + "x" * 43])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_without_a_token_that_works_every_address_asks_for_one(app_client, header):
    for method, address in (("GET", "/models"), ("POST", "/scores"), ("GET", "/openapi.json"), ("GET", "/no/such")):
        headers = {"Authorization": header} if header is not None else {}
        answer = app_client.request(method, f"/api/v1{address}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "API tokens" in failed(answer)


def test_a_token_opens_and_its_use_is_noted(call, app_client, database):
    assert call.get("/models") == (200, {"models": []})
    with database.reading() as session:
        first = session.query(ApiToken).one().last_used_at
    assert first is not None
    call.get("/models")
    with database.transaction() as session:
        token = session.query(ApiToken).one()
        assert token.last_used_at == first, "a use a moment later is no news"
        token.last_used_at = first - timedelta(minutes=2)
    call.get("/models")
    with database.reading() as session:
        assert session.query(ApiToken).one().last_used_at >= first


def test_the_cookie_of_a_browser_opens_nothing(browse):
    browse.as_("admin")
    assert browse.client.get("/api/v1/models").status_code == 401
    answer = browse.client.post("/api/v1/scores", json={}, headers={"x-csrf-token": browse.token})
    assert answer.status_code == 401


def test_a_token_ends_at_once_with_its_owner_or_by_revoking(call, call_as, database, factory):
    other = call_as("admin")
    with database.transaction() as session:
        token = session.query(ApiToken).order_by(ApiToken.id).first()
        admin = session.query(Person).filter_by(role="admin").one()
        service.set_active(session, admin, token.person_id, active=False)
    status, body = call.get("/models")
    assert (status, "switched off" in body["error"]["sentence"]) == (401, True)
    assert other.get("/models")[0] == 200
    with database.transaction() as session:
        session.query(ApiToken).order_by(ApiToken.id.desc()).first().expires_at -= timedelta(days=8)
    assert "expired" in other.get("/models")[1]["error"]["sentence"]


def test_a_token_carries_the_role_of_its_owner_as_it_is_now(call, call_as, database):
    labeler = call_as("labeler")
    for answer in (labeler.get("/models"), labeler.get("/scores/1"), labeler.post("/scores", {})):
        assert answer[0] == 403
        assert "role labeler" in answer[1]["error"]["sentence"]
    assert call.get("/models")[0] == 200
    with database.transaction() as session:
        session.query(Person).filter_by(role="engineer").one().role = "labeler"
    assert call.get("/models")[0] == 403


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_guessing_closes_the_address_for_a_while_but_not_for_tokens_that_work(app_client, call):
    for i in range(MOST_UNKNOWN_SECRETS + 1):
        guess = {"Authorization": f"Bearer pfl_{i:043}"}
        answer = app_client.get("/api/v1/models", headers=guess)
        assert answer.status_code == (401 if i < MOST_UNKNOWN_SECRETS else 429)
    assert "Try again in 5 min" in failed(answer)
    assert int(answer.headers["retry-after"]) <= 300
    assert call.get("/models")[0] == 200


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_stranger_is_refused_before_a_body_is_read(app_client):
    def never_read():
        raise AssertionError("the body was read")
        yield b""

    answer = app_client.post("/api/v1/scores", content=never_read(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_errors_of_every_kind_have_one_shape_and_the_usual_headers(app_client, call):
    for method, address, status in (
        ("GET", "/no/such", 404),
        ("DELETE", "/models", 405),
        ("GET", "/scores/abc", 404),
        ("GET", "/scores/99999999999", 404),
        ("GET", "/scores/0", 422),
        ("GET", "/scores/1", 404),
        ("GET", "/models?kind=cat", 422),
        ("GET", "/models?kind=%00", 422),
    ):
        answer = app_client.request(method, f"/api/v1{address}", headers=call.headers)
        assert answer.status_code == status, address
        assert failed(answer)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
