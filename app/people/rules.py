"""What a good password, name, address and token is, and what the audit trail shows."""

import hashlib
import secrets
from datetime import date, datetime, time, timedelta
from ipaddress import IPv6Address, ip_address

from app.errors import Invalid
from app.language import gettext as _
from app.language import listed, mark

BLURS = {
    "always": mark("Blur the texts of every task until I show them"),
    "marked": mark("Blur the texts of tasks that are marked as sensitive"),
    "never": mark("Never blur; a marked task only says so"),
}
"""How a person meets the texts of a task."""
USUAL_BLUR = "marked"
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
LONGEST_NAME = 120
LONGEST_GROUP = 60
TOO_LONG_A_GROUP = mark("A labeler group has at most %(number)s characters, all of them visible.")


TOKEN_PREFIX = "pfl_"  # noqa: S105 - no secret, the beginning of all of them
TOKEN_BEGINNING = 8  # characters that a list shows
TOKEN_DAYS = (7, 30, 90, 365)
MOST_TOKENS = 20


WORK = (
    "submitted annotation",
    "corrected annotation",
    "opened correction",
    "skipped task",
    "took skip back",
    "withdrew text that was sent back",
    "confirmed guideline",
    "finished course",
    "agreed to counting",
    "declined counting",
    "began screening",
    "handed in screening",
    "closed screening at its deadline",
    "rated screening text",
    "took back rating",
)
"""What people do all day. It would crowd out what is decided, so it is asked for by itself."""
SIGNED_IN, SIGN_IN_FAILED, SIGNED_OUT, DOWNLOADED = "signed in", "failed to sign in", "signed out", "downloaded"
ACCESS = (SIGNED_IN, SIGN_IN_FAILED, SIGNED_OUT, DOWNLOADED)
KINDS = {
    "decisions": mark("decisions"),
    "access": mark("access"),
    "work": mark("daily work"),
    "all": mark("everything"),
}
USUAL_KIND = "decisions"
PAGES_OF = {
    "campaigns": "/campaigns/{}",
    "courses": "/courses/{}",
    "generators": "/generators/{}",
    "guidelines": "/guidelines/{}",
    "imports": "/prompts/imports/{}",
    "label_schemas": "/schemas/{}",
    "model_versions": "/models/{}",
    "prompts": "/prompts/{}",
    "questions": "/questions/{}",
    "runs": "/runs/{}",
    "scenarios": "/scenarios/{}",
    "scorings": "/score/{}",
    "screenings": "/screenings/{}",
    "snapshots": "/snapshots/{}",
    "survey_rounds": "/surveys/{}",
    "written_texts": "/reviews/{}",
}
"""Where the things are that the audit trail speaks of, by table."""


def new_one_time_password() -> str:
    """Sixteen characters that can be read aloud: 4 × 4 of an alphabet without look-alikes (about 79 bits)."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _letter in range(4)) for _group in range(4))


def password_problem(password: str, email: str) -> str | None:
    """Why a password is not good enough, in a sentence, or nothing."""
    if len(password) < SHORTEST_PASSWORD:
        return _(
            "Choose at least %(number)s characters; a few words together are easy to remember.",
            number=SHORTEST_PASSWORD,
        )
    if len(password) > LONGEST_PASSWORD:
        return _("Choose at most %(number)s characters.", number=LONGEST_PASSWORD)
    if password.lower() in (email.lower(), email.partition("@")[0].lower() * 2) or len(set(password)) < 4:
        return _("That password is easy to guess. A few unrelated words together are better.")
    return None


def name_problem(name: str) -> str | None:
    if len(name) > LONGEST_NAME or not name.isprintable():
        return _("A name has at most %(number)s characters, all of them visible.", number=LONGEST_NAME)
    return None


def group_problem(group: str) -> str | None:
    if len(group) > LONGEST_GROUP or not group.isprintable():
        return _(TOO_LONG_A_GROUP, number=LONGEST_GROUP)
    return None


def email_problem(email: str) -> str | None:
    name, _at, domain = email.partition("@")
    if not name or "." not in domain or " " in email or not email.isprintable() or len(email) > 254:
        return _("“%(email)s” is not an e-mail address. Write it like ana@example.org.", email=email[:80])
    return None


def day_of(text: str, now: datetime) -> datetime | None:
    """The beginning of a day that was typed, in the zone of ``now``; nothing where nothing was typed.

    Raises:
        Invalid: it is no day.
    """
    if not text.strip():
        return None
    try:
        day = datetime.combine(date.fromisoformat(text.strip()), time(), now.tzinfo)
        _end = day + timedelta(days=1)  # the last day of all has none
    except (ValueError, OverflowError):
        raise Invalid(_("“%(text)s” is not a day. Write it like 2026-05-04.", text=text[:40])) from None
    return day


def network_of(address: str) -> str:
    """The address as attempts are counted: of IPv6 the network of 64 bits, for one customer has all of it."""
    try:
        known = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or IPv6Address(int(known) >> 64 << 64))
    return str(known)


def new_token_secret() -> str:
    """256 random bits; the prefix lets people and scanners of leaked secrets see whose they are."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def token_problem(name: str, days: int) -> str | None:
    if not name:
        return _("Give the token a name that says what it is for, such as “nightly scores”.")
    if days not in TOKEN_DAYS:
        return _("A token lasts %(numbers)s days.", numbers=listed(TOKEN_DAYS, "or"))
    return name_problem(name)
