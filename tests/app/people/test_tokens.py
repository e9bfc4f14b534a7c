"""Tokens with which programs act as a person: made, listed and revoked by that person."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import Conflict, Forbidden, Invalid, NotFound, TooManyAttempts
from app.models import ApiToken, AuditEvent, Person
from app.people import rules, service, tokens
from app.people.attempts import MOST_UNKNOWN_SECRETS, WINDOW, SignInAttempts
from tests.browsing import PASSWORD

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make(database, person, name="nightly", days=30, now=NOON):
    with database.transaction() as session:
        token, secret = tokens.make_token(session, person, name=name, days=days, now=now)
    return token, secret


def opens(database, secret, now=NOON):
    """Whose it is, or why it opens nothing."""
    with database.reading() as session:
        try:
            return tokens.person_of_secret(session, secret, now)[0].email
        except tokens.NotLetInError as refused:
            return str(refused)


def test_a_token_opens_until_it_expires_and_only_its_hash_is_kept(database, factory):
    ana, bob = (factory.person(f"{name}@example.org", role="engineer") for name in ("ana", "bob"))
    token, secret = make(database, ana)
    make(database, bob)
    assert re.fullmatch(r"pfl_[\w-]{43}", secret)
    assert opens(database, secret) == "ana@example.org"
    assert opens(database, secret, NOON + timedelta(days=30, seconds=-1)) == "ana@example.org"
    assert "expired on 2026-12-20" in opens(database, secret, NOON + timedelta(days=30))
    assert "not known here" in opens(database, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert "not known here" in opens(database, "")
    with database.reading() as session:
        kept = session.get(ApiToken, token.id)
        assert secret[8:] not in str(vars(kept))
        assert kept.secret_sha256 == rules.token_sha256(secret)


def test_a_token_ends_when_it_is_revoked_and_nobody_else_can_do_that(database, factory):
    ana, bob = (factory.person(f"{name}@example.org", role="admin") for name in ("ana", "bob"))
    token, secret = make(database, ana)
    with database.transaction() as session, pytest.raises(NotFound):
        tokens.revoke(session, bob, token.id, NOON)
    assert opens(database, secret) == "ana@example.org"
    with database.transaction() as session:
        tokens.revoke(session, ana, token.id, NOON)
    assert "was revoked" in opens(database, secret)
    with database.reading() as session:
        trail = [(e.action, e.subject_id) for e in session.query(AuditEvent) if e.subject_kind == "api_tokens"]
    assert trail == [("made API token", str(token.id)), ("revoked API token", str(token.id))]


def test_switching_a_person_off_ends_their_tokens_for_good(database, factory):
    admin, ana = factory.person(role="admin"), factory.person("ana@example.org", role="engineer")
    bob = factory.person("bob@example.org", role="engineer")
    _, secret = make(database, ana)
    _, other = make(database, bob)
    with database.transaction() as session:
        service.set_active(session, admin, ana.id, active=False)
    assert "switched off" in opens(database, secret)
    with database.transaction() as session:
        service.set_active(session, admin, ana.id, active=True)
    assert "was revoked" in opens(database, secret)
    assert opens(database, other) == "bob@example.org"


def test_another_password_ends_tokens_whoever_chose_it(database, factory):
    ana = factory.person("ana@example.org", role="engineer")
    _, secret = make(database, ana)
    with database.transaction() as session:
        ana = service.choose_password(session, ana.id, "four grey umbrellas", "four grey umbrellas", PASSWORD)
    assert "was revoked" in opens(database, secret)
    _, secret = make(database, ana)
    with database.transaction() as session:
        service.renew_one_time_password(session, None, ana.id)
    assert "was revoked" in opens(database, secret)


def test_whoever_must_still_choose_a_password_is_not_let_in(database, factory):
    ana = factory.person("ana@example.org", role="engineer")
    _, secret = make(database, ana)
    with database.transaction() as session:
        session.get(Person, ana.id).password_is_one_time = True
    assert "choose a password first" in opens(database, secret)


def test_a_request_that_was_let_in_before_access_ended_makes_no_token(database, factory):
    ana, ben = factory.person(role="engineer"), factory.person(role="engineer")
    with database.transaction() as session:
        service.renew_one_time_password(session, None, ana.id)
        session.get(Person, ben.id).active = False
    for person in (ana, ben):
        with pytest.raises(Forbidden):
            make(database, person)


@pytest.mark.parametrize("wrong", [{"name": " "}, {"name": "x" * 121}, {"name": "a\nb"}, {"days": 0}, {"days": 36_500}])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_token_has_a_name_and_an_end(database, factory, wrong):
    ana = factory.person(role="engineer")
    with pytest.raises(Invalid):
        make(database, ana, **wrong)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_person_has_a_bounded_number_of_live_tokens(database, factory):
    ana, bob = factory.person(role="engineer"), factory.person(role="engineer")
    for _ in range(rules.MOST_TOKENS):
        make(database, ana, days=7)
    with pytest.raises(Conflict, match="Revoke one"):
        make(database, ana)
    make(database, bob)
    make(database, ana, now=NOON + timedelta(days=7))  # the old ones have expired


def test_the_page_shows_a_secret_once_and_lists_only_ones_own(browse, database):
    bob = browse.factory.person("bob@example.org", role="admin")
    theirs, _ = make(database, bob, "of bob")
    browse.as_("engineer", "ana@example.org")
    assert "You have no tokens" in browse.get("/account/tokens")
    made = browse.post("/account/tokens", {"name": "<b>nightly</b>", "days": "30"}, status=200).text
    secret = re.search(r"<code>(pfl_[\w-]{43})</code>", made)[1]
    assert opens(database, secret, datetime.now(UTC)) == "ana@example.org"
    page = browse.get("/account/tokens")
    assert secret not in page
    assert secret[:8] in page
    assert "&lt;b&gt;nightly" in page
    assert "of bob" not in page
    own = re.search(r"/account/tokens/(\d+)/revoke", page)[1]
    browse.post(f"/account/tokens/{theirs.id}/revoke", status=404)
    browse.post(f"/account/tokens/{own}/revoke")
    assert "revoked" in browse.get("/account/tokens")
    assert "was revoked" in opens(database, secret, datetime.now(UTC))
    browse.post("/account/tokens", {"name": "", "days": "30"}, status=422)
    browse.post("/account/tokens", {"name": "x", "days": "31"}, status=422)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_labelers_have_no_tokens(browse):
    browse.as_("labeler")
    browse.get("/account/tokens", status=403)
    browse.post("/account/tokens", {"name": "x", "days": "30"}, status=403)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_unknown_tokens_close_an_address_for_a_while_but_not_its_sign_in(database):
    attempts = SignInAttempts(database)
    for _ in range(MOST_UNKNOWN_SECRETS):
        attempts.unknown_secret("10.0.0.1", NOON)
    with pytest.raises(TooManyAttempts, match="again in 5 min"):
        attempts.unknown_secret("10.0.0.1", NOON)
    attempts.unknown_secret("10.0.0.2", NOON)
    attempts.unknown_secret("10.0.0.1", NOON + WINDOW)
    attempts.begin("ana@example.org", "10.0.0.1", NOON)
