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
        return answer.text

    def post(self, address: str, form: dict[str, Any] | None = None, status: int = 303, files: Any = None) -> Any:
        answer = self.client.post(address, data={"csrf_token": self.token, **(form or {})}, files=files)
        assert answer.status_code == status, (address, answer.status_code, answer.text[:2000])
        return answer


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
