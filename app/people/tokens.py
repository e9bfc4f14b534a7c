"""API tokens: keys with which programs act as a person, made and revoked by that person."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from app.language import gettext as _
from app.models import ApiToken, Person
from app.people import queries, rules
from app.people.service import record

USE_NOTED_EVERY = timedelta(minutes=1)


class NotLetInError(DomainError):
    """A token that opens nothing; the sentence says what to do about it."""

    status = 401


class UnknownTokenError(NotLetInError):
    """A secret that was never handed out: a slip, or a guess."""


def make_token(session: Session, person: Person, *, name: str, days: int, now: datetime) -> tuple[ApiToken, str]:
    """Give a person a token.

    Returns:
        The token and its secret, which is shown once and stored only as a hash.

    Raises:
        Invalid: the name or the number of days is none that is offered.
        Conflict: the person has as many as a person may have.
        Forbidden: their access ended after this request was let in; a token would outlive that.
    """
    name = name.strip()
    if problem := rules.token_problem(name, days):
        raise Invalid(problem)
    let_in_with = person.password_hash
    now_is = queries.locked_person(session, person.id)
    if now_is is None or not now_is.active or now_is.password_hash != let_in_with:
        raise Forbidden(_("You were signed out meanwhile. No token was made. Sign in again."))
    if len(live_tokens(session, person, now)) >= rules.MOST_TOKENS:
        raise Conflict(
            _(
                "You have %(number)s tokens already. Revoke one that is not used any more.",
                number=rules.MOST_TOKENS,
            )
        )
    secret = rules.new_token_secret()
    token = ApiToken(
        person_id=person.id,
        name=name,
        beginning=secret[: rules.TOKEN_BEGINNING],
        secret_sha256=rules.token_sha256(secret),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(token)
    record(session, person, "made API token", token, {"name": name, "days": days})
    return token, secret


def live_tokens(session: Session, person: Person, now: datetime) -> Sequence[ApiToken]:
    """The tokens of a person that open something, newest first."""
    return [token for token in queries.unrevoked_tokens(session, person.id) if token.expires_at > now]


def token_for(session: Session, *, person: Person, token_id: int) -> ApiToken:
    token = queries.token_by_id(session, token_id)
    if token is None or token.person_id != person.id:
        raise NotFound(_("There is no such token."))
    return token


def revoke(session: Session, person: Person, token_id: int, now: datetime) -> ApiToken:
    """End a token of one's own; ended already is ended."""
    token = token_for(session, person=person, token_id=token_id)
    if token.revoked_at is None:
        token.revoked_at = now
        record(session, person, "revoked API token", token, {"name": token.name})
    return token


def person_of_secret(session: Session, secret: str, now: datetime) -> tuple[Person, ApiToken]:
    """Whose token this is.

    Raises:
        UnknownTokenError: nobody's.
        NotLetInError: it was revoked or has expired, or its owner may not come in.
    """
    row = queries.token_and_person(session, rules.token_sha256(secret))
    if row is None:
        raise UnknownTokenError("This token is not known here. Make one under “API tokens” in your account's menu.")
    token, person = row
    if not person.active:
        raise NotLetInError("The account of this token is switched off. Ask an admin.")
    if token.revoked_at is not None:
        raise NotLetInError("This token was revoked. Make a new one under “API tokens” in your account's menu.")
    if token.expires_at <= now:
        raise NotLetInError(f"This token expired on {token.expires_at:%Y-%m-%d}. Make a new one under “API tokens”.")
    if person.password_is_one_time:
        raise NotLetInError("The owner of this token must sign in and choose a password first.")
    return person, token


def use_is_old_news(token: ApiToken, now: datetime) -> bool:
    """Whether the last use was noted so recently that it need not be written down again."""
    return token.last_used_at is not None and now - token.last_used_at < USE_NOTED_EVERY
