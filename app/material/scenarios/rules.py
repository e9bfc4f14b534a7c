"""What a good scenario is."""

import hashlib
import re

from app.language import gettext as _

LONGEST_TITLE, LONGEST_TEXT = 120, 4_000
MOST_AT_ONCE = 1_000


def tidy(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def text_sha256(text: str) -> str:
    """The same words in other spacing are the same scenario."""
    return hashlib.sha256(re.sub(r"\s+", " ", text).strip().casefold().encode()).hexdigest()


def problems(title: str, text: str) -> dict[str, str]:
    """Why a scenario cannot be kept: a sentence for each field."""
    sentences: dict[str, str] = {}
    if not 1 <= len(title) <= LONGEST_TITLE or not title.isprintable():
        sentences["title"] = _("A title is one line of 1 to %(most)s characters.", most=LONGEST_TITLE)
    if not text:
        sentences["text"] = _("Tell in a few sentences what somebody wants to do.")
    elif len(text) > LONGEST_TEXT:
        sentences["text"] = _(
            "The scenario has %(count)s characters; %(most)s fit.", count=f"{len(text):,}", most=f"{LONGEST_TEXT:,}"
        )
    elif mail := re.search(r"[^\s@]+@[^\s@]+\.\w{2,}", text):
        sentences["text"] = _(
            "“%(mail)s” can tell who somebody is. Take it out: scenarios are anonymous.", mail=mail[0]
        )
    return sentences
