"""A client that reads pages as a person's browser would: it keeps cookies and sends the page's token."""

import json
import re
import secrets
from base64 import b64encode
from typing import Any

from fastapi.testclient import TestClient
from itsdangerous import TimestampSigner

from app.models.base import utc_now
from app.people import sessions
from app.web.addresses import meant, shown
from app.web.requests import SECRET
from app.web.security import session_options
from tests.factories import Factory

HOST = "testserver.local"  # as Python's cookie jar calls a host without a dot
PASSWORD = "three quiet lanterns"
KEPT = re.compile(r"(<(pre|template|textarea)\b.*?</\2>)", re.DOTALL)
BLOCKS = (
    "article|aside|body|br|button|caption|dd|details|dialog|div|dl|dt|fieldset|figure|footer|form|h1|h2|h3|head|header|"
    "html|input|label|legend|li|link|main|meta|nav|ol|option|p|progress|script|section|select|summary|svg|table|tbody|"
    "td|textarea|th|thead|title|tr|ul"
)
LINES = "article|form|h1|h2|h3|li|section|table|tr"


class Browsing:
    def __init__(self, client: TestClient, factory: Factory) -> None:
        self.client = client
        self.factory = factory
        self.token = ""

    def as_(self, role: str, email: str | None = None) -> "Browsing":
        """Be signed in as a (new) person of a role, by the cookie that signing in leaves behind."""
        person = self.factory.person(email=email or f"{role}@example.org", role=role, password=PASSWORD)
        self.client.cookies.clear()
        self.token = secrets.token_urlsafe(24)
        with self.factory.database.transaction() as session:
            kept = {"csrf": self.token, SECRET: sessions.begin(session, person, utc_now())}
        options = session_options(self.client.app.state.settings)
        signed = TimestampSigner(options["secret_key"]).sign(b64encode(json.dumps(kept).encode())).decode()
        self.client.cookies.set(options["session_cookie"], signed, domain=HOST)
        return self

    def task(self, task_id: int) -> str:
        """Where a labeler finds a task."""
        return f"/label/tasks/{shown(self.client.app.state.settings.session_key, task_id)}"

    def task_at(self, address: str) -> int:
        """The id of the task at an address."""
        return meant(self.client.app.state.settings.session_key, int(re.search(r"/label/tasks/(\d+)", address)[1]))

    def get(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address)
        assert answer.status_code == status, (address, answer.status_code, answer.text[:2000])
        if found := re.search(r'name="csrf-token" content="([^"]+)"', answer.text):
            self.token = found[1]
        if status == 200 and "<!doctype html>" in answer.text:
            proof_read(address, answer.text)
        return as_read(answer.text) if "text/html" in answer.headers.get("content-type", "") else answer.text

    def post(self, address: str, form: dict[str, Any] | None = None, status: int = 303, files: Any = None) -> Any:
        answer = self.client.post(address, data={"csrf_token": self.token, **(form or {})}, files=files)
        assert answer.status_code == status, (address, answer.status_code, answer.text[:2000])
        if "text/html" in answer.headers.get("content-type", ""):
            answer._text = as_read(answer.text)  # what ``answer.text`` gives
        return answer


def as_read(html: str) -> str:
    """A page without the line breaks of its templates, which nobody sees: a space is one space, and none
    stands beside a block. What begins a line of its own on the page begins one here, if any space stood before it."""
    pieces = KEPT.split(html)
    for at in range(0, len(pieces), 3):
        text = re.sub(r"[ \t\r\n]+", " ", pieces[at])
        text = re.sub(rf" (?=<(?:{LINES})\b)", "\n", text)
        text = re.sub(rf"(</?(?:{BLOCKS})\b[^>]*>) ", r"\1", text)
        pieces[at] = re.sub(rf" (?=</?(?:{BLOCKS})\b)", "", text)
    return "".join(piece for at, piece in enumerate(pieces) if at % 3 != 2)


def proof_read(address: str, html: str) -> None:
    """What must hold on every page: a title, no inline script, style or handler, no repeated id, no raw template."""
    assert re.search(r"<title>\s*\S[^<]* · Prefloop</title>", html), f"{address}: no title"
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", html)
    assert all('type="application/json"' in tag for tag in inline), f"{address}: inline script"
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", html), f"{address}: inline style or handler"
    assert not re.search(r"\{\{|\{%", html), f"{address}: raw template"
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), f"{address}: repeated ids {sorted(i for i in ids if ids.count(i) > 1)}"
    for form in re.findall(r'<form[^>]*method="post".*?</form>', html, re.DOTALL):
        assert 'name="csrf_token"' in form, f"{address}: a form without its token"
