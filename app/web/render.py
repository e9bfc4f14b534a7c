"""The only user of Jinja: a page is a frozen dataclass that names its template.

The template sees the dataclass as ``page`` and a few things every page needs: who is signed in,
the CSRF token, the address. A fragment is a page whose template has no frame around it, so that the first
paint and every refresh are made by the same function.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from app.language import LOCALES, listed, ngettext, plain_gettext, plain_ngettext, said, script_words, spoken
from app.language import gettext as _
from app.models import Person
from app.roles import may
from app.web.addresses import task_address
from app.web.markup import exact_text, excerpt, render_markdown
from app.web.navigation import Section, navigation
from app.web.requests import person_of
from app.web.security import csrf_token
from trainer.contract.chat import BOS, CHAT_TEMPLATE, END

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
MOST_IN_A_COOKIE = 2_400  # of messages, as JSON; signed and encoded with the rest it stays below the browsers' 4 kB


class Page:
    """Base of all pages and fragments; subclasses are frozen dataclasses."""

    template: ClassVar[str]


@lru_cache(maxsize=256)
def _version(path: Path, _modified: float) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def static_url(name: str) -> str:
    """Address of a static file, with its content's hash so that it can be cached for good."""
    path = STATIC / name
    return f"/static/{name}?v={_version(path, path.stat().st_mtime)}" if path.exists() else f"/static/{name}"


def ago(then: datetime | None) -> str:
    """A time as people say it: "3 min ago"; beyond two days, the date."""
    if then is None:
        return _("never")
    seconds = (datetime.now(UTC) - then).total_seconds()
    if seconds < 60:
        return _("just now")
    if seconds < 3600:
        return ngettext("%(num)s min ago", "%(num)s min ago", int(seconds // 60))
    if seconds < 48 * 3600:
        return ngettext("%(num)s h ago", "%(num)s h ago", int(seconds // 3600))
    return f"{then:%Y-%m-%d}"


def duration(seconds: float | None) -> str:
    """A length of time in at most two units: "1 h 12 min", "3 min 5 s"."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return _("%(seconds)s s", seconds=whole)
    if whole < 3600:
        return _("%(minutes)s min %(seconds)s s", minutes=whole // 60, seconds=whole % 60)
    return _("%(hours)s h %(minutes)s min", hours=whole // 3600, minutes=whole % 3600 // 60)


def number(value: float | None, digits: int = 3) -> str:
    """A number for reading: thousands separated, ``digits`` decimals for fractions, a dash for none.

    What would be all zeros at that many decimals is written with three significant digits.
    """
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if value and abs(value) < 10 ** (1 - digits) else f"{value:,.{digits}f}"


def size(count: int) -> str:
    """Bytes for reading: ``2.1 GB``, ``14.0 MB``."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 0.1):,.1f} MB"


def attributes(given: Mapping[str, object], more: Mapping[str, object] = MappingProxyType({})) -> Markup:
    """Attributes as a component gets them: ``data_part`` is data-part; true stands without a value, none not at all."""
    written = Markup()
    for name, value in {**given, **more}.items():
        if value is not None and value is not False:
            called = name.replace("_", "-")
            written += Markup(" {}").format(called) if value is True else Markup(' {}="{}"').format(called, value)
    return written


@lru_cache
def _chat_template() -> Template:
    """As the trainer's tokenizers read it; what comes out is text, which the page that shows it escapes."""
    return ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(CHAT_TEMPLATE)


def chat_text(messages: Sequence[Mapping[str, str]], answer: str) -> str:
    """A conversation with its answer, character for character as a model that is trained here learns it."""
    template = _chat_template()
    prompt = template.render(messages=messages, bos_token=BOS, eos_token=END, add_generation_prompt=True)
    return f"{prompt}{answer}{END}"


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(plain_gettext, plain_ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.policies["ext.i18n.trimmed"] = True  # as the catalogue collects them
    environment.globals.update(static_url=static_url, may=may, listed=listed, spoken=spoken)
    environment.filters.update(ago=ago, duration=duration, number=number, size=size)
    environment.filters.update(
        attributes=attributes, markdown=render_markdown, exact=exact_text, excerpt=excerpt, said=said
    )
    return environment


def _rooms(person: Person | None, path: str) -> list[Section]:
    """What somebody may go to; nothing before they have a password of their own."""
    return navigation(person.role, path) if person and not person.password_is_one_time else []


def render(request: Request, page: Page, status: int = 200) -> HTMLResponse:
    """Turn a page into an HTML answer. Messages left by ``tell`` are shown once."""
    person = person_of(request)
    context: dict[str, Any] = {
        "page": page,
        "person": person,
        "navigation": _rooms(person, request.url.path),
        "csrf_token": csrf_token(request),
        "path": request.url.path,
        "address_of_task": partial(task_address, request),
        "theme": theme if (theme := request.cookies.get("theme")) in ("light", "dark") else "",
        "locale": spoken(),
        "locales": LOCALES,
        "words": script_words(spoken()),
        "messages": request.session.pop("messages", []) if "hx-request" not in request.headers else [],
    }
    return HTMLResponse(_environment().get_template(page.template).render(context), status)


@dataclass(frozen=True)
class Undo:
    """A button beside a message that takes back what the message tells: its words, and where it posts to."""

    label: str
    address: str


def tell(request: Request, message: str, undo: Undo | None = None) -> None:
    """Leave a sentence to be shown on the next whole page, with a way back where there is one."""
    told = {"text": message, "undo": asdict(undo)} if undo else message
    messages = [*request.session.get("messages", []), told]
    while len(json.dumps(messages)) > MOST_IN_A_COOKIE:
        messages.pop(0)
    request.session["messages"] = messages


def go(address: str) -> RedirectResponse:
    """Answer a form by sending the browser on with GET."""
    return RedirectResponse(address, 303)
