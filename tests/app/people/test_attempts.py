from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.errors import TooManyAttempts
from app.models import Attempt
from app.people.attempts import (
    MOST_FOR_AN_ACCOUNT,
    MOST_FOR_AN_ACCOUNT_FROM_AN_ADDRESS,
    MOST_FROM_AN_ADDRESS,
    WINDOW,
    SignInAttempts,
    _account,
)
from app.people.rules import network_of
from tests.browsing import PASSWORD

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def attempts(database):
    return SignInAttempts(database)


def fail(attempts, count, email="ana@example.org", address="10.0.0.1", now=NOON):
    for i in range(count):
        attempts.begin(email.format(i), address.format(i), now)


def pretend(database, count, email="p{}@example.org", address="10.0.0.1"):
    """So many failures at noon, written at once."""
    with database.transaction() as session:
        session.add_all(
            Attempt(account=_account(email.format(i)), address=address.format(i), at=NOON) for i in range(count)
        )


def test_ten_failures_close_an_account_for_whoever_tries_it_from_there(attempts, database):
    fail(attempts, MOST_FOR_AN_ACCOUNT_FROM_AN_ADDRESS)
    with pytest.raises(TooManyAttempts, match="again in 5 min") as refused:
        attempts.begin(" Ana@Example.org", "10.0.0.1", NOON)
    assert refused.value.retry_after == 300
    elsewhere = SignInAttempts(database)  # as another web process has it
    with pytest.raises(TooManyAttempts, match="again in 1 min"):
        elsewhere.begin("ana@example.org", "10.0.0.1", NOON + WINDOW - timedelta(seconds=5))
    attempts.begin("ana@example.org", "10.9.9.9", NOON)
    attempts.begin("bob@example.org", "10.0.0.1", NOON)
    attempts.begin("ana@example.org", "10.0.0.1", NOON + WINDOW)


def test_fifty_wrong_tries_keep_nobody_else_behind_the_address_from_signing_in(attempts):
    for n in range(5):
        fail(attempts, MOST_FOR_AN_ACCOUNT_FROM_AN_ADDRESS, email=f"p{n}@example.org")
    attempts.begin("new@example.org", "10.0.0.1", NOON)
    attempts.succeeded("new@example.org", "10.0.0.1", NOON)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("count", "tried"),
    [
        (MOST_FOR_AN_ACCOUNT, {"email": "ana@example.org", "address": "10.0.0.{}"}),
        (MOST_FROM_AN_ADDRESS, {"email": "p{}@example.org", "address": "10.9.9.9"}),
    ],
)
def test_guessing_one_account_from_everywhere_or_every_account_from_one_place_ends_too(
    attempts, database, count, tried
):
    """But not for those who have signed in from there lately."""
    attempts.begin("ana@example.org", "10.9.9.9", NOON)
    attempts.succeeded("ana@example.org", "10.9.9.9", NOON)
    pretend(database, count, **tried)
    attempts.begin("ana@example.org", "10.9.9.9", NOON)
    guessed, place = ("ana@example.org", "10.8.8.8") if "{}" in tried["address"] else ("bob@example.org", "10.9.9.9")
    with pytest.raises(TooManyAttempts):
        attempts.begin(guessed, place, NOON)


def test_what_is_remembered_is_bounded_by_time_and_holds_no_e_mail(attempts, database):
    pretend(database, 20, address="10.0.0.{}")
    attempts.begin("ana@example.org", "10.0.0.1", NOON + WINDOW)
    attempts.succeeded("ana@example.org", "10.0.0.1", NOON + WINDOW)
    attempts.begin("ana@example.org", "10.0.0.1", NOON + WINDOW)
    attempts.succeeded("ana@example.org", "10.0.0.1", NOON + WINDOW)
    with database.reading() as session:
        [row] = session.query(Attempt)
        assert row.succeeded
        assert "ana" not in str([*session.execute(text("SELECT * FROM attempts"))])
    attempts.begin("bob@example.org", "10.0.0.1", NOON + timedelta(days=31))
    with database.reading() as session:
        assert session.query(Attempt).filter_by(succeeded=True).count() == 0


def test_of_many_attempts_at_once_no_more_are_let_through(database):
    """Each is written before it is counted, so that the last one written sees all others."""

    def guess(_n):
        try:
            SignInAttempts(database).begin("ana@example.org", "10.0.0.1", NOON)
        except TooManyAttempts:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(guess, range(30))) <= MOST_FOR_AN_ACCOUNT_FROM_AN_ADDRESS


def test_attempts_are_counted_by_network():
    assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::") == "2001:db8:1:2::"
    assert network_of("2001:db8:1:3::1") != "2001:db8:1:2::"
    assert network_of("testclient") == "testclient"


def test_guessing_is_refused_with_a_sentence_even_when_the_last_guess_is_right(browse):
    browse.factory.person(email="ana@example.org", password=PASSWORD)
    browse.get("/sign-in")
    for _ in range(MOST_FOR_AN_ACCOUNT_FROM_AN_ADDRESS):
        browse.post("/sign-in", {"email": "ana@example.org", "password": "wrong"}, status=403)
    answer = browse.post("/sign-in", {"email": "ana@example.org", "password": PASSWORD}, status=429)
    assert "Try again in 5 min" in answer.text
    assert 240 < int(answer.headers["retry-after"]) <= 300
    assert 'value="ana@example.org"' in answer.text
    browse.factory.person(email="bob@example.org", password=PASSWORD)
    browse.post("/sign-in", {"email": "bob@example.org", "password": PASSWORD})
