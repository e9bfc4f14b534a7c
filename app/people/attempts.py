"""How often a secret may be tried in vain, counted in the database for all web processes together.

What is held up is an account from one address, so that whoever guesses from an office, or from behind a proxy that says
nothing of whom it serves, keeps nobody else there from signing in. The wider limits, on one account from many addresses
and on one address with many accounts, do not hold for an account that has signed in from there lately.
"""

import hashlib
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy.orm import Session

from app.database import Database
from app.errors import TooManyAttempts
from app.language import ngettext
from app.people import queries
from app.people.queries import Tried
from app.people.rules import network_of

WINDOW = timedelta(minutes=5)
KNOWN_FOR = timedelta(days=30)
MOST_FOR_AN_ACCOUNT_FROM_AN_ADDRESS = 10
MOST_FOR_AN_ACCOUNT = 50
MOST_FROM_AN_ADDRESS = 500  # a whole agency may share one
MOST_UNKNOWN_SECRETS = 50
NO_ACCOUNT = ""


class SignInAttempts:
    """Attempts of the last five minutes that have not succeeded, by account and by network address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, email: str, address: str, now: datetime) -> None:
        """Count an attempt before its password is looked at, so that many at once gain nothing.

        Raises:
            TooManyAttempts: the account or the address has used up its attempts; this one is not counted.
        """
        tried = Tried(_account(email), network_of(address))
        with self._database.transaction() as session:
            queries.forget_attempts(session, now - WINDOW, now - KNOWN_FOR)
            own = queries.add_attempt(session, tried, now)
        # Counted once it is written: of many attempts at once, the last one written sees all the others.
        with self._database.reading() as session:
            until = self._closed_until(session, tried, now)
        if until is None:
            return
        with self._database.transaction() as session:
            queries.forget_attempt(session, own)
        minutes, seconds = _left(until, now)
        raise TooManyAttempts(
            ngettext(
                "Too many attempts to sign in failed. Try again in %(num)s min.",
                "Too many attempts to sign in failed. Try again in %(num)s min.",
                minutes,
            ),
            seconds,
        )

    def _closed_until(self, session: Session, tried: Tried, now: datetime) -> datetime | None:
        limits = [(tried, MOST_FOR_AN_ACCOUNT_FROM_AN_ADDRESS)]
        if not queries.is_known(session, tried):
            limits += [
                (Tried(tried.account, None), MOST_FOR_AN_ACCOUNT),
                (Tried(None, tried.address), MOST_FROM_AN_ADDRESS),
            ]
        for what, most in limits:
            # The own attempt is the newest of them.
            oldest = queries.time_of_attempt(session, what, now - WINDOW, most)
            if oldest is not None:
                return oldest + WINDOW
        return None

    def succeeded(self, email: str, address: str, now: datetime) -> None:
        """Forget what was counted against the account from this address, and know it here from now on."""
        tried = Tried(_account(email), network_of(address))
        with self._database.transaction() as session:
            queries.note_success(session, tried, now)

    def unknown_secret(self, address: str, now: datetime) -> None:
        """Count a token or an invitation that nobody was given.

        Counted apart from passwords: a script with a mistyped token shall not keep its office from signing in. And a
        token that works goes on working.

        Raises:
            TooManyAttempts: the address has sent too many of them; this one is not counted.
        """
        tried = Tried(NO_ACCOUNT, network_of(address))
        with self._database.transaction() as session:
            oldest = queries.time_of_attempt(session, tried, now - WINDOW, MOST_UNKNOWN_SECRETS - 1)
            if oldest is None:
                queries.forget_attempts(session, now - WINDOW, now - KNOWN_FOR)
                queries.add_attempt(session, tried, now)
                return
        minutes, seconds = _left(oldest + WINDOW, now)
        raise TooManyAttempts(
            ngettext(
                "Too many unknown tokens came from your address. Try again in %(num)s min.",
                "Too many unknown tokens came from your address. Try again in %(num)s min.",
                minutes,
            ),
            seconds,
        )


def _left(until: datetime, now: datetime) -> tuple[int, int]:
    """Whole minutes and whole seconds from now until then, at least one."""
    left = max(until - now, timedelta(seconds=1))
    return -(-left // timedelta(minutes=1)), -(-left // timedelta(seconds=1))


def attempts_of(request: Request) -> SignInAttempts:
    attempts: SignInAttempts = request.app.state.sign_in_attempts
    return attempts


def _account(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()
