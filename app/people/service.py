"""Accounts: adding people, signing in, choosing passwords, and the audit trail."""

from typing import Any

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.orm import Session

from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.language import LOCALES
from app.language import gettext as _
from app.models import AuditEvent, Person
from app.models.base import utc_now
from app.people import queries, rules, sessions
from app.roles import APPLICANT, ROLES

# What pages read as it is stored.
everyone = queries.everyone
tokens_of = queries.tokens_of


class WrongPassword(Invalid):
    """The present password was given wrongly: a slip, or a guess by somebody who found a browser open."""


_hasher = PasswordHash((Argon2Hasher(),))
_hash_of_nobody = _hasher.hash("nobody has this password")


def record(
    session: Session, person: Person | None, action: str, subject: object, detail: dict[str, Any] | None = None
) -> None:
    """Add a line to the audit trail about a row (its table and id) in the transaction that makes the change."""
    session.flush()  # a new row has no id before
    kind = getattr(subject, "__tablename__", type(subject).__name__)
    _add_event(session, person, action, kind, str(getattr(subject, "id", "")), detail or {})


def _add_event(
    session: Session, person: Person | None, action: str, kind: str, subject_id: str, detail: dict[str, Any]
) -> None:
    session.add(
        AuditEvent(
            person_id=person.id if person else None,
            action=action,
            subject_kind=kind,
            subject_id=subject_id,
            detail=detail,
        )
    )


def add_person(
    session: Session, by: Person | None, *, email: str, name: str, role: str, group: str = ""
) -> tuple[Person, str]:
    """Add an account, in a labeler group if one is named.

    Returns:
        The person and the one-time password, which is shown once and stored only as a hash.
    """
    email, name, group = email.strip().lower(), name.strip(), group.strip()
    if problem := rules.email_problem(email) or rules.name_problem(name) or rules.group_problem(group):
        raise Invalid(problem)
    if role not in ROLES:
        roles = ", ".join(map(_, ROLES))
        raise Invalid(_("There is no role “%(role)s”. Choose one of %(roles)s.", role=role[:40], roles=roles))
    if queries.person_by_email(session, email):
        raise Conflict(_("%(email)s already has an account.", email=email))
    password = rules.new_one_time_password()
    person = Person(
        email=email,
        name=name or email.split("@")[0],
        role=role,
        labeler_group=group or None,
        password_hash=_hasher.hash(password),
    )
    session.add(person)
    record(session, by, "added person", person, {"email": email, "role": role, "group": group})
    return person, password


def add_applicant(session: Session, *, email: str, name: str, password: str, again: str, locale: str) -> Person:
    """Add the account of somebody who was invited to a screening and chooses a password at once.

    Raises:
        Invalid: e-mail, name or password will not do; ``fields`` says which.
    """
    email, name = email.strip().lower(), name.strip()
    differ = _("The two passwords differ. Type the same one twice.") if password != again else None
    problems = {
        "email": rules.email_problem(email),
        "name": rules.name_problem(name),
        "password": differ or rules.password_problem(password, email),
    }
    if not problems["email"] and queries.person_by_email(session, email):
        problems["email"] = _("%(email)s already has an account.", email=email)
    sentences = {field: problem for field, problem in problems.items() if problem}
    if sentences:
        raise Invalid(" ".join(sentences.values()), sentences)
    person = Person(
        email=email,
        name=name or email.split("@")[0],
        role=APPLICANT,
        password_hash=_hasher.hash(password),
        password_is_one_time=False,
        locale=locale if locale in LOCALES else None,
    )
    session.add(person)
    record(session, person, "joined as applicant", person)
    return person


def make_labeler(session: Session, by: Person | None, person_id: int, group: str) -> Person:
    """Turn an applicant who was accepted into a labeler, in a group if one is named.

    Raises:
        Conflict: they are no applicant.
    """
    person = _person(session, person_id)
    if person.role != APPLICANT:
        raise Conflict(_("This person is no applicant any more."))
    person.role, person.labeler_group = "labeler", group.strip() or None
    record(session, by, "made labeler", person, {"group": group.strip()})
    return person


def set_group(session: Session, by: Person | None, person_id: int, group: str) -> Person:
    """Put a person into a labeler group; no name takes them out. Snapshots that are frozen keep the group of then."""
    group = group.strip()
    if problem := rules.group_problem(group):
        raise Invalid(problem)
    person = _person(session, person_id)
    record(session, by, "set labeler group", person, {"from": person.labeler_group or "", "to": group})
    person.labeler_group = group or None
    return person


def renew_one_time_password(session: Session, by: Person | None, person_id: int) -> tuple[Person, str]:
    """Give a person a new one-time password; the old password, all sessions and all API tokens end."""
    person = _person(session, person_id)
    password = rules.new_one_time_password()
    person.password_hash = _hasher.hash(password)
    person.password_is_one_time = True
    _end_access(session, by, person)
    record(session, by, "renewed password", person)
    return person, password


def sign_in(session: Session, email: str, password: str, address: str) -> Person:
    """Check a password; the same words and about the same time whether or not the account exists.

    Raises:
        Forbidden: it does not match; ``note_failed_sign_in`` writes that down in a transaction of its own.
    """
    person = queries.person_by_email(session, email)
    known = _hasher.verify(password[: rules.LONGEST_PASSWORD], person.password_hash if person else _hash_of_nobody)
    was = person.password_hash if person and known else None
    # A password that is being changed while it is checked here is the old one already.
    person = queries.locked_person(session, person.id) if person and known else None
    if person is None or person.password_hash != was or not person.active:
        raise Forbidden(
            _(
                "E-mail and password do not match an active account. "
                "Check both, or ask an admin for a new one-time password."
            )
        )
    person.last_login_at = utc_now()
    record(session, person, rules.SIGNED_IN, person, {"address": address})
    return person


def note_failed_sign_in(session: Session, email: str, address: str) -> None:
    """Write down that somebody was not let in, and to whose account, if it is one.

    What was typed is not kept: sooner or later somebody types a password there.
    """
    person = queries.person_by_email(session, email)
    detail = {"address": address} if person else {"address": address, "account": "unknown"}
    subject_id = str(person.id) if person else ""
    _add_event(session, None, rules.SIGN_IN_FAILED, Person.__tablename__, subject_id, detail)


def sign_out(session: Session, secret: str) -> None:
    """End one session, whoever sends its secret."""
    person_id = sessions.end(session, secret)
    if person_id is not None:
        person = _person(session, person_id)
        record(session, person, rules.SIGNED_OUT, person)


def note_download(session: Session, person: Person | None, address: str, query: str) -> None:
    """Write down that somebody took a file with them."""
    _add_event(session, person, rules.DOWNLOADED, "files", address, {"query": query} if query else {})


def choose_password(session: Session, person_id: int, password: str, again: str, present: str = "") -> Person:
    """Replace a person's password; all their sessions and API tokens end.

    Args:
        session: an open transaction.
        person_id: whose.
        password: the new one.
        again: the same, typed a second time.
        present: the one that is replaced; not asked for where it is a one-time password, which they have just given.

    Raises:
        Invalid: a password will not do; ``fields`` says which.
        WrongPassword: ``present`` is not the password.
    """
    person = queries.locked_person(session, person_id) or _person(session, person_id)
    if not person.password_is_one_time and not _verified(present, person):
        problem = _("That is not your current password. Nothing was changed.")
        raise WrongPassword(problem, {"present": problem})
    if password != again:
        differ = _("The two passwords differ. Type the same one twice.")
        raise Invalid(differ, {"again": differ})
    if weak := rules.password_problem(password, person.email):
        raise Invalid(weak, {"password": weak})
    if _verified(password, person):
        problem = _("That is the password you signed in with. Choose a new one.")
        raise Invalid(problem, {"password": problem})
    person.password_hash = _hasher.hash(password)
    person.password_is_one_time = False
    _end_access(session, person, person)
    record(session, person, "chose password", person)
    return person


def sign_out_everywhere(session: Session, person_id: int) -> None:
    person = _person(session, person_id)
    sessions.end_all(session, person_id)
    record(session, person, "signed out everywhere", person)


def _verified(password: str, person: Person) -> bool:
    return _hasher.verify(password[: rules.LONGEST_PASSWORD], person.password_hash)


def choose_locale(session: Session, person_id: int | None, locale: str) -> None:
    """Keep the language that a person wants to read; of a stranger nothing is kept here.

    Raises:
        Invalid: it is none of ours.
    """
    if locale not in LOCALES:
        raise Invalid(_("This language is not there. Choose one of: %(names)s.", names=", ".join(LOCALES.values())))
    if person_id is not None:
        _person(session, person_id).locale = locale


def choose_sensitive_content(session: Session, person_id: int, *, blur: str, avoids_sensitive: bool) -> Person:
    """Keep how a person wants to meet sensitive content; nobody else is told.

    Raises:
        Invalid: ``blur`` is none of ``rules.BLURS``.
    """
    if blur not in rules.BLURS:
        raise Invalid(_("Choose one of the three ways to show texts; nothing was changed."))
    person = _person(session, person_id)
    person.blur, person.avoids_sensitive = blur, avoids_sensitive
    return person


def set_active(session: Session, by: Person, person_id: int, *, active: bool) -> Person:
    """Let a person in or keep them out; what they have done stays."""
    admins = queries.locked_active_admins(session)  # before anything is read: two admins may do this to each other
    person = _person(session, person_id)
    if not active and [admin.id for admin in admins] == [person_id]:
        raise Conflict(_("This is the only active admin. Add another before switching this account off."))
    person.active = active
    if not active:
        _end_access(session, by, person)
    record(session, by, "activated" if active else "deactivated", person)
    return person


def _end_access(session: Session, by: Person | None, person: Person) -> None:
    """End every way in that was opened before: browsers that are signed in, and what programs use in their name."""
    sessions.end_all(session, person.id)
    for token in queries.unrevoked_tokens(session, person.id):
        token.revoked_at = utc_now()
        record(session, by, "revoked API token", token, {"name": token.name})


def _person(session: Session, person_id: int) -> Person:
    person = queries.person_by_id(session, person_id)
    if person is None:
        raise NotFound(_("There is no such person."))
    return person
