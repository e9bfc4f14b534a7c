from datetime import UTC, datetime, timedelta

import pytest

from app.errors import TooManyAttempts
from app.people.attempts import MOST_FOR_AN_EMAIL, MOST_FROM_AN_ADDRESS, WINDOW, SignInAttempts
from tests.browsing import PASSWORD

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def attempts():
    return SignInAttempts()


def fail(attempts, count, email="ana@example.org", address="10.0.0.1", now=NOON):
    for i in range(count):
        attempts.begin(email.format(i), address.format(i), now)


def test_ten_failures_close_an_account_for_the_rest_of_five_minutes(attempts):
    fail(attempts, MOST_FOR_AN_EMAIL, address="10.0.0.{}")
    with pytest.raises(TooManyAttempts, match="again in 5 min"):
        attempts.begin(" Ana@Example.org", "10.9.9.9", NOON)
    with pytest.raises(TooManyAttempts, match="again in 1 min"):
        attempts.begin("ana@example.org", "10.9.9.9", NOON + WINDOW - timedelta(seconds=5))
    attempts.begin("ana@example.org", "10.9.9.9", NOON + WINDOW)
    attempts.begin("bob@example.org", "10.9.9.9", NOON)


def test_an_address_that_tries_many_accounts_is_held_up_too(attempts):
    fail(attempts, MOST_FROM_AN_ADDRESS, email="p{}@example.org")
    with pytest.raises(TooManyAttempts):
        attempts.begin("new@example.org", "10.0.0.1", NOON)
    attempts.begin("new@example.org", "10.0.0.2", NOON)


def test_those_who_sign_in_are_not_counted(attempts):
    for _ in range(3 * MOST_FROM_AN_ADDRESS):
        attempts.begin("ana@example.org", "10.0.0.1", NOON)
        attempts.succeeded("ana@example.org", "10.0.0.1")
    assert attempts._times == {}


def test_what_is_remembered_is_bounded_by_time(attempts):
    fail(attempts, 200, email="p{}@example.org", address="address {}")
    # Whoever tries again is remembered from then on, wherever they stood before.
    attempts.begin("p3@example.org", "address 3", NOON + WINDOW / 2)
    attempts.begin("ana@example.org", "10.0.0.1", NOON + WINDOW)
    assert len(attempts._times) == 4
    attempts.begin("ana@example.org", "10.0.0.1", NOON + 2 * WINDOW)
    assert len(attempts._times) == 2


def test_guessing_is_refused_with_a_sentence_even_when_the_last_guess_is_right(browse):
    browse.factory.person(email="ana@example.org", password=PASSWORD)
    browse.get("/sign-in")
    for _ in range(MOST_FOR_AN_EMAIL):
        browse.post("/sign-in", {"email": "ana@example.org", "password": "wrong"}, status=403)
    told = browse.post("/sign-in", {"email": "ana@example.org", "password": PASSWORD}, status=429).text
    assert "Try again in 5 min" in told
    assert 'value="ana@example.org"' in told
    browse.factory.person(email="bob@example.org", password=PASSWORD)
    browse.post("/sign-in", {"email": "bob@example.org", "password": PASSWORD})
