"""A person at a browser, without the browser: signs in, reads pages, fills in their forms."""

import html
import re
import time
from collections.abc import Mapping
from typing import Any

import httpx

from app.demo.labelers import SimulatedLabeler

PATIENCE_SECONDS = 60
LABELS_OF_EVERY_PROMPT = {"label-use_case": "open_qa", "label-closed_domain": "no", "label-explicit_constraint": "yes"}
"""All prompts of the demo ask what something does, in one sentence."""


class Visitor:
    """Talks to a running server over HTTP, with a cookie jar and the page's CSRF token.

    Raises:
        RuntimeError: the server refused something; the message is what its page said.
    """

    def __init__(self, base_url: str) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=PATIENCE_SECONDS, follow_redirects=False)
        self.token = ""

    def get(self, address: str) -> str:
        """Open a page, follow where it leads, and keep its token."""
        answer = self.http.get(address, follow_redirects=True)
        return self._read(answer, address)

    def post(self, address: str, form: Mapping[str, Any], files: Any = None) -> httpx.Response:
        """Send a form; returns the answer, a redirect in most cases."""
        answer = self.http.post(address, data={"csrf_token": self.token, **form}, files=files)
        self._read(answer, address)
        return answer

    def json(self, address: str) -> dict[str, Any]:
        answer = self.http.get(address)
        if answer.is_error:
            raise RuntimeError(f"{address}: {answer.status_code} {_sentence(answer.text)}")
        body: dict[str, Any] = answer.json()
        return body

    def _read(self, answer: httpx.Response, address: str) -> str:
        if answer.is_error:
            raise RuntimeError(f"{address}: {answer.status_code} {_sentence(answer.text)}")
        if token := re.search(r'name="csrf-token" content="([^"]+)"', answer.text):
            self.token = token[1]
        return answer.text

    def sign_in(self, email: str, one_time_password: str, own_password: str) -> None:
        """Sign in for the first time and choose a password, as the pages demand."""
        self.get("/sign-in")
        self.post("/sign-in", {"email": email, "password": one_time_password})
        self.get("/account/password")
        self.post("/account/password", {"password": own_password, "again": own_password})
        self.get("/account/password")

    def add_person(self, email: str, role: str) -> str:
        """As an admin: add somebody; returns their one-time password as the page shows it."""
        page = self.post("/people", {"email": email, "name": email.partition("@")[0], "role": role}).text
        code = re.search(r"<code>([a-z0-9-]+)</code>", page)
        if not code:
            raise RuntimeError(f"no one-time password for {email} on the page")
        return code[1]

    def wait_for_run(self, address: str, tick: Any = None) -> dict[str, Any]:
        """Watch a run until it is over; ``tick`` is called with its state now and then."""
        while True:
            run = self.json(address + ".json")
            if tick:
                tick(run)
            if run["status"] == "succeeded":
                return run
            if run["status"] in ("failed", "cancelled"):
                raise RuntimeError(f"{run['name']} {run['status']}: {run['error']}")
            time.sleep(0.5)


class LabelerAtWork(Visitor):
    """A simulated labeler who reads the pages that people read and fills in their forms."""

    def __init__(self, base_url: str, mind: SimulatedLabeler) -> None:
        super().__init__(base_url)
        self.mind = mind

    def do_next_task(self) -> bool:
        """Take a task, label the prompt, rate and rank the answers, submit; False when there is none to take."""
        address = self.post("/label/next", {}).headers.get("location", "/label")
        if address.endswith("/guideline"):
            address = self._confirm(address)
        if not address.startswith("/label/tasks/"):
            return False
        page = self.get(address)
        if "data-tab=" in page:
            self._judge(address, page)
        else:
            self._write(address, page)
        return True

    def _confirm(self, address: str) -> str:
        """Read the guideline of a campaign and say so; leads to the next task."""
        version = re.search(r'name="version_id" value="(\d+)"', self.get(address))
        if not version:
            raise RuntimeError("the guideline page has nothing to confirm")
        return self.post(address, {"version_id": version[1], "then": "next"}).headers.get("location", "/label")

    def _judge(self, address: str, page: str) -> None:
        count = len(re.findall(r'data-tab="\d+"', page))
        version = {"schema_version": _shown_version(page)}
        self.post(f"{address}/prompt-labels", {**LABELS_OF_EVERY_PROMPT, **version})
        seen: dict[str, str] = {}
        for number in range(1, count + 1):
            page = self.get(f"{address}?answer={number}")
            candidate, text = _shown_answer(page)
            seen[candidate] = text
            satisfies = "yes" if is_one_sentence(text) else "no"
            rated = {"likert": self.mind.rate(text), "flag-satisfies_constraint": satisfies}
            self.post(f"{address}/answers/{candidate}", {**rated, **version})
        ranks = self.mind.rank(list(seen.values()))
        form = {f"rank-{candidate}": rank for candidate, rank in zip(seen, ranks, strict=True)}
        self.post(f"{address}/submit", form)

    def _write(self, address: str, page: str) -> None:
        name = re.search(r"What does <code>([^<]+)</code> do", page) or re.search(r"What does `([^`]+)` do", page)
        thing = html.unescape(name[1]).rpartition(".")[2].replace("_", " ") if name else "it"
        self.post(f"{address}/submit", {"text": f"Return the {thing} of the given object as a new value."})


def is_one_sentence(text: str) -> bool:
    """Whether an answer keeps the one limit that every prompt of the demo sets."""
    return re.fullmatch(r"(?:[^.!?]|[.!?](?=\S))+[.!?]", text.strip()) is not None


def _shown_version(page: str) -> str:
    """The version of the label schema whose questions a rating page shows."""
    version = re.search(r'name="schema_version" value="(\d+)"', page)
    if not version:
        raise RuntimeError("the rating page does not say which version of the questions it shows")
    return version[1]


def _shown_answer(page: str) -> tuple[str, str]:
    """Candidate id and raw text of the answer that a rating page shows."""
    candidate = re.search(r'action="/label/tasks/\d+/answers/(\d+)"', page)
    text = re.search(r'class="article answer-text".*?<pre class="raw-text">\n(.*?)</pre>', page, re.DOTALL)
    if not candidate or not text:
        raise RuntimeError("the rating page shows no answer")
    return candidate[1], html.unescape(re.sub(r"<[^>]+>", "", text[1]))


def _sentence(page: str) -> str:
    """What an error page says, for a log line."""
    text = re.sub(r"<[^>]+>", " ", page[page.find("<main") :])
    return html.unescape(re.sub(r"\s+", " ", text)).strip()[:400]
