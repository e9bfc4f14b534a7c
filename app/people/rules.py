"""Who may do what, and what a good password is."""

import hashlib
import secrets

ROLES = ("labeler", "researcher", "engineer", "admin")

ALLOWED: dict[str, frozenset[str]] = {
    "annotate": frozenset({"labeler", "researcher", "admin"}),
    "manage_campaigns": frozenset({"researcher", "engineer", "admin"}),
    "write_guidelines": frozenset({"researcher", "admin"}),
    "see_results": frozenset({"researcher", "engineer", "admin"}),
    "score": frozenset({"researcher", "engineer", "admin"}),
    "use_api": frozenset({"researcher", "engineer", "admin"}),
    "train": frozenset({"engineer", "admin"}),
    "import_data": frozenset({"engineer", "admin"}),
    "manage_people": frozenset({"admin"}),
    "manage_schemas": frozenset({"admin"}),
}
HOMES = {"labeler": "/label", "researcher": "/campaigns", "engineer": "/dashboard", "admin": "/dashboard"}
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
LONGEST_NAME = 120
LONGEST_GROUP = 60


TOKEN_PREFIX = "pfl_"  # noqa: S105 - no secret, the beginning of all of them
TOKEN_BEGINNING = 8  # characters that a list shows
TOKEN_DAYS = (7, 30, 90, 365)
MOST_TOKENS = 20


def may(role: str, action: str) -> bool:
    return role in ALLOWED[action]


def home_of(role: str) -> str:
    return HOMES[role]


def new_one_time_password() -> str:
    """Sixteen characters that can be read aloud: 4 × 4 of an alphabet without look-alikes (about 79 bits)."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


def password_problem(password: str, email: str) -> str | None:
    """Why a password is not good enough, in a sentence, or nothing."""
    if len(password) < SHORTEST_PASSWORD:
        return f"Choose at least {SHORTEST_PASSWORD} characters; a few words together are easy to remember."
    if len(password) > LONGEST_PASSWORD:
        return f"Choose at most {LONGEST_PASSWORD} characters."
    if password.lower() in (email.lower(), email.partition("@")[0].lower() * 2) or len(set(password)) < 4:
        return "That password is easy to guess. A few unrelated words together are better."
    return None


def name_problem(name: str) -> str | None:
    if len(name) > LONGEST_NAME or not name.isprintable():
        return f"A name has at most {LONGEST_NAME} characters, all of them visible."
    return None


def group_problem(group: str) -> str | None:
    if len(group) > LONGEST_GROUP or not group.isprintable():
        return f"A labeler group has at most {LONGEST_GROUP} characters, all of them visible."
    return None


def email_problem(email: str) -> str | None:
    name, _, domain = email.partition("@")
    if not name or "." not in domain or " " in email or not email.isprintable() or len(email) > 254:
        return f"“{email[:80]}” is not an e-mail address. Write it like ana@example.org."
    return None


def new_token_secret() -> str:
    """256 random bits; the prefix lets people and scanners of leaked secrets see whose they are."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def token_problem(name: str, days: int) -> str | None:
    if not name:
        return "Give the token a name that says what it is for, such as “nightly scores”."
    if days not in TOKEN_DAYS:
        return f"A token lasts {', '.join(map(str, TOKEN_DAYS[:-1]))} or {TOKEN_DAYS[-1]} days."
    return name_problem(name)
