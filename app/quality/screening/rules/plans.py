"""How forms are drawn, how long they last, and what a screening, an invitation and a decision need; pure."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from app.language import gettext as _
from app.language import mark

FLAGS, RANKINGS, DEMONSTRATIONS = "flags", "rankings", "demonstrations"
CRITERIA = {
    FLAGS: mark("Flags on sensitive texts"),
    RANKINGS: mark("Rankings"),
    DEMONSTRATIONS: mark("Written answers to sensitive prompts"),
}
"""Criteria (a) to (c) of InstructGPT B.1, by which a form has items; (d) is what applicants say about themselves."""
USUAL_ITEMS = {FLAGS: 10, RANKINGS: 10, DEMONSTRATIONS: 3}
MOST_ITEMS = 200

ACCEPTED, DECLINED, WAITING = "accepted", "declined", "waiting"
DECISIONS = {
    ACCEPTED: mark("Accept as a labeler"),
    DECLINED: mark("Decline"),
    WAITING: mark("Let them wait"),
}
DECISION_WORDS = {ACCEPTED: mark("accepted"), DECLINED: mark("declined"), WAITING: mark("to wait")}
"""How people call what was decided."""

USUAL_MINUTES, MOST_MINUTES = 180, 10_080  # a week
MOST_DAYS = 365
USUAL_USES, MOST_USES = 10, 1_000
LINK_DAYS = (1, 7, 14, 30, 90)
LONGEST_NAME = 80
LONGEST_TOPIC = 60
MOST_TOPICS = 40
LONGEST_WORDS = 4_000
LONGEST_REASON = 4_000
LOWEST_RATING, HIGHEST_RATING = 1, 7
SECRET_BEGINNING = 6
_CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without look-alikes


# The form -----------------------------------------------------------------------------------------


def draw(topics: Mapping[int, str], count: int, *, seed: int, person_id: int, attempt: int) -> list[int]:
    """Draw items for one person, as evenly over the topics as the bank allows.

    Every item has a place that follows from seed, person, attempt and item alone (a hash), and the first of each
    topic are taken in turn. So two people need not see the same form; the same person always would; and a bank that
    has grown since gives the same form but for the new items that rank among the first.

    Args:
        topics: the topic of each item that may be drawn.
        count: how many; fewer if there are no more.
        seed: of the screening.
        person_id: for whom.
        attempt: from 1.

    Returns:
        The items in the order in which they are worked on.
    """
    turn = {item: _place(seed, person_id, attempt, f"item {item}") for item in topics}
    by_topic: dict[str, list[int]] = {}
    for item in sorted(topics, key=turn.__getitem__):
        by_topic.setdefault(topics[item], []).append(item)
    turns = sorted(by_topic, key=lambda topic: _place(seed, person_id, attempt, f"topic {topic}"))
    rounds = zip_longest(*(by_topic[topic] for topic in turns))
    drawn = [item for each in rounds for item in each if item is not None][:count]
    return sorted(drawn, key=turn.__getitem__)


def order_for(items: Sequence[int], *, seed: int, person_id: int) -> list[int]:
    """The items in an order of the person's own, which tells nothing of who made them."""
    return sorted(items, key=lambda item: _place(seed, person_id, 0, f"rating {item}"))


def _place(seed: int, person_id: int, attempt: int, what: str) -> str:
    return hashlib.sha256(f"screening {seed} {person_id} {attempt} {what}".encode()).hexdigest()


def deadline(started: datetime, minutes: int, ends_at: datetime) -> datetime:
    """When a form that is begun now has to be done: its time is up, or the screening ends."""
    return min(started + timedelta(minutes=minutes), ends_at)


# The screening ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a researcher asks for: ``banks`` and ``items`` by criterion; see ``Screening``."""

    name: str
    banks: Mapping[str, Sequence[int]]
    items: Mapping[str, int]
    sensitive_flags: Sequence[str]
    topics: Sequence[str]
    seed: int
    minutes: int
    ends_at: datetime | None


def plan_problems(plan: Plan, now: datetime, available: Mapping[str, int]) -> dict[str, str]:
    """Why a screening cannot be made like this: a sentence for each field.

    Args:
        plan: what is asked for.
        now: the time.
        available: how many different items the banks of each criterion have.
    """
    sentences: dict[str, str] = {}
    if not plan.name or len(plan.name) > LONGEST_NAME or not plan.name.isprintable():
        sentences["name"] = _("Give the screening a name of at most %(most)s characters.", most=LONGEST_NAME)
    asked = {criterion: plan.items.get(criterion, 0) for criterion in CRITERIA}
    for criterion, count in asked.items():
        if not 0 <= count <= MOST_ITEMS:
            sentences[f"items-{criterion}"] = _("A form has 0 to %(most)s items of a kind.", most=MOST_ITEMS)
        elif count and not plan.banks.get(criterion):
            sentences[f"items-{criterion}"] = _("Choose a bank for these items, or ask for none.")
        elif count > available.get(criterion, 0):
            sentences[f"items-{criterion}"] = _(
                "The banks chosen have %(available)s items that can be used here; the form asks for %(count)s.",
                available=available.get(criterion, 0),
                count=count,
            )
    if not any(asked.values()):
        sentences.setdefault(f"items-{FLAGS}", _("Ask for at least one item."))
    if asked[FLAGS] and not plan.sensitive_flags:
        sentences["sensitive_flags"] = _("Say which flags count as sensitive.")
    if problem := topics_problem(plan.topics):
        sentences["topics"] = problem
    if not 1 <= plan.minutes <= MOST_MINUTES:
        sentences["minutes"] = _("A form lasts 1 to %(most)s minutes.", most=f"{MOST_MINUTES:,}")
    if plan.ends_at is None:
        sentences["ends_at"] = _("Write the last day like 2026-05-04.")
    elif not now < plan.ends_at <= now + timedelta(days=MOST_DAYS + 1):
        sentences["ends_at"] = _("The last day is today or later, within a year.")
    return sentences


def topics_of(text: str) -> list[str]:
    """Topics as they were typed, one a line, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def topics_problem(topics: Sequence[str]) -> str | None:
    if len(topics) > MOST_TOPICS:
        return _("At most %(most)s topics fit on the page.", most=MOST_TOPICS)
    if any(len(topic) > LONGEST_TOPIC for topic in topics):
        return _("A topic has at most %(most)s characters.", most=LONGEST_TOPIC)
    return None


# Invitations and applicants -----------------------------------------------------------------------


def new_secret() -> str:
    """256 random bits, as they stand in an address."""
    return secrets.token_urlsafe(32)


def secret_sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_code() -> str:
    """What an applicant is called while nobody is to know them: "K7M-Q2X", drawn, so that it tells nothing."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _letter in range(6))
    return f"{letters[:3]}-{letters[3:]}"


def invitation_problem(uses: int, days: int) -> str | None:
    if not 1 <= uses <= MOST_USES:
        return _("A link serves 1 to %(most)s people.", most=f"{MOST_USES:,}")
    if days not in LINK_DAYS:
        return _("Choose one of the times that are offered.")
    return None


def words_problem(words: str) -> str | None:
    if len(words) > LONGEST_WORDS:
        return _("This has %(count)s characters; %(most)s fit.", count=f"{len(words):,}", most=f"{LONGEST_WORDS:,}")
    return None


@dataclass(frozen=True)
class Decision:
    """What a person decides about an applicant, and why; ``group`` is where an accepted one works."""

    verdict: str
    reason: str
    group: str = ""


def decision_problems(decision: Decision) -> dict[str, str]:
    """Why a decision cannot be taken like this: a sentence for each field."""
    sentences: dict[str, str] = {}
    if decision.verdict not in DECISIONS:
        sentences["verdict"] = _("Accept, decline, or let them wait.")
    if not decision.reason:
        sentences["reason"] = _("Say why: a decision is a person's, and others must be able to follow it.")
    elif len(decision.reason) > LONGEST_REASON:
        sentences["reason"] = _(
            "The reason has %(count)s characters; %(most)s fit.",
            count=f"{len(decision.reason):,}",
            most=f"{LONGEST_REASON:,}",
        )
    return sentences
