"""What a browser sends, checked before any room reads it: addresses, numbers and text that a database can hold."""

import re
from collections.abc import Iterable

from fastapi import Request

from app.errors import Invalid, NotFound
from app.language import gettext as _
from app.web.security import SAFE_METHODS

LARGEST_NUMBER = 2**31 - 1  # of PostgreSQL's integer columns, ids among them


async def check_what_was_sent(request: Request) -> None:
    """Hung on every route: an id that no row can have is a page that is not there; unkeepable text is refused."""
    for name, value in request.path_params.items():
        if name.endswith("_id") and not _may_be_id(value):
            raise NotFound(_("There is no page at this address."))
    check_text(text for pair in request.query_params.multi_items() for text in pair)
    if request.method not in SAFE_METHODS:
        form = await request.form()
        check_text(text for pair in form.multi_items() for text in pair if isinstance(text, str))


def _may_be_id(value: str) -> bool:
    return re.fullmatch("[0-9]{1,10}", value) is not None and int(value) <= LARGEST_NUMBER


def check_text(texts: Iterable[str]) -> None:
    """Refuse what no database keeps: NUL, and halves of surrogate pairs.

    Raises:
        Invalid: a text has one of them.
    """
    for text in texts:
        if "\x00" in text or (not text.isascii() and re.search("[\ud800-\udfff]", text)):
            raise Invalid(
                _(
                    "What you sent contains a character that cannot be kept (NUL, or half of a surrogate pair). "
                    "Take it out and send the form again; nothing was changed."
                )
            )


def whole_number(text: str, name: str, least: int = -LARGEST_NUMBER, most: int = LARGEST_NUMBER) -> int:
    """A number a person typed, in the digits of any script; ``name`` begins the sentence that says otherwise.

    Raises:
        Invalid: it is none, or it is out of bounds.
    """
    if not re.fullmatch(r"\s*[+-]?\d{1,10}\s*", text):
        raise Invalid(_("%(name)s is a whole number, not “%(text)s”.", name=name, text=text[:40]))
    if not least <= (number := int(text)) <= most:
        raise Invalid(
            _(
                "%(name)s is a whole number from %(least)s to %(most)s, not %(number)s.",
                name=name,
                least=f"{least:,}",
                most=f"{most:,}",
                number=f"{number:,}",
            )
        )
    return number
