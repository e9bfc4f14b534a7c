import asyncio
import errno
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from app.labeling.campaigns.queries import finding
from app.main import create_app
from app.models import Campaign, Prompt
from app.people import service as people
from app.training.snapshots import service as snapshots
from tests.browsing import PASSWORD, Browsing, proof_read


@pytest.fixture
def calm(settings, database, factory):
    """As ``browse``, but a broken request is answered as a real server would."""
    app = create_app(settings)
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        yield Browsing(client, factory)


def break_(monkeypatch, place, name, error):
    def broken(*_given, **_named):
        raise error

    monkeypatch.setattr(place, name, broken)


def check_page(answer, status):
    assert answer.status_code == status, answer.text
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    proof_read(str(answer.url), answer.text)
    return answer.text


def test_our_own_mistake_is_a_calm_page_with_the_policy_and_without_a_traceback(calm, monkeypatch):
    calm.as_("admin")
    break_(monkeypatch, people, "everyone", RuntimeError("the inner secret"))
    page = check_page(calm.client.get("/people"), 500)
    assert "Something broke on our side" in page
    assert "secret" not in page
    assert "Traceback" not in page


def test_a_program_gets_our_mistake_as_json(calm, monkeypatch):
    calm.as_("admin")
    break_(monkeypatch, people, "everyone", RuntimeError("the inner secret"))
    answer = calm.client.get("/people", headers={"accept": "application/json"})
    assert (answer.status_code, list(answer.json())) == (500, ["error"])


def test_a_database_that_does_not_answer_is_a_page_that_asks_nothing_of_it(calm, monkeypatch):
    calm.as_("admin")
    break_(monkeypatch, people, "everyone", OperationalError("SELECT secret", {}, Exception("locked")))
    page = check_page(calm.client.get("/people"), 503)
    assert "try again in a minute" in page
    assert "secret" not in page


def test_the_policy_stands_on_every_refusal(calm):
    calm.as_("labeler")
    check_page(calm.client.get("/people"), 403)
    check_page(calm.client.get("/nowhere"), 404)
    assert "does not take" in check_page(calm.client.put("/label", headers={"x-csrf-token": calm.token}), 405)
    check_page(calm.client.post("/label/next", data={"csrf_token": calm.token, "campaign_id": "x"}), 422)
    check_page(calm.client.post("/label/next", data={"csrf_token": "x" * 5_000_000}), 413)
    calm.as_("engineer")
    check_page(calm.client.get("/prompts?page=many"), 422)


def at_once(work, given):
    with ThreadPoolExecutor(len(given)) as pool:
        return [future.result(timeout=300) for future in [pool.submit(work, one) for one in given]]


def meet_after(monkeypatch, place, name, people_count):
    """Let all threads pass the look at the database before any of them writes (SQLite lets in one at a time)."""
    barrier, look = threading.Barrier(people_count), getattr(place, name)

    def slowly(*given, **named):
        found = look(*given, **named)
        with suppress(threading.BrokenBarrierError):
            barrier.wait(timeout=1)
        return found

    monkeypatch.setattr(place, name, slowly)


def test_the_same_name_at_the_same_moment_is_stored_once_and_the_other_is_told(calm, factory, database, monkeypatch):
    prompts = [
        Prompt(fingerprint=f"{i:064}", messages=[{"role": "user", "content": f"{i}"}], source="t") for i in range(3)
    ]
    for prompt in prompts:
        factory.add(prompt)
    calm.as_("researcher")
    meet_after(monkeypatch, finding, "campaign_by_name", 2)
    cookies, form = dict(calm.client.cookies), {"name": "Round 1", "kind": "demonstration", "prompts": "1"}

    def make(_number):
        client = TestClient(calm.client.app, follow_redirects=False, raise_server_exceptions=False, cookies=cookies)
        return client.post("/campaigns", data={**form, "csrf_token": calm.token})

    answers = at_once(make, range(2))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    told = next(answer.text for answer in answers if answer.status_code == 409)
    assert re.search(r"already a campaign|at the same moment", told)
    with database.reading() as session:
        assert session.query(Campaign).count() == 1


NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


def fill(browse):
    browse.as_("engineer")
    browse.post("/prompts/import", files={"file": ("p.jsonl", b'{"prompt": "p"}')})


@pytest.mark.parametrize("full", ["write_rows", "write_json"])
def test_a_full_disk_leaves_no_half_of_a_snapshot(calm, settings, monkeypatch, full):
    fill(calm)
    break_(monkeypatch, snapshots, full, NO_SPACE)
    page = check_page(calm.client.post("/snapshots", data={"csrf_token": calm.token, "name": "first"}), 507)
    assert "No space left on device" in page
    assert "Nothing was kept" in page
    assert list((settings.data_dir / "snapshots").iterdir()) == []
    assert "No snapshot yet" in calm.get("/snapshots")
    monkeypatch.undo()
    calm.post("/snapshots", {"name": "first"})


def test_a_full_disk_leaves_no_half_of_a_corpus(calm, settings, monkeypatch):
    fill(calm)
    monkeypatch.setattr("os.fsync", lambda _descriptor: (_ for _ in ()).throw(NO_SPACE))
    form = {"csrf_token": calm.token, "kind": "corpus"}
    answer = calm.client.post("/prompts/import", data=form, files={"file": ("c.txt", b"Some text.")})
    assert "Nothing was kept" in check_page(answer, 507)
    monkeypatch.undo()
    assert list((settings.data_dir / "corpora").iterdir()) == []
    assert "c.txt" not in calm.get("/prompts/imports")


def test_a_file_that_is_sent_to_a_full_disk_is_no_broken_form(calm, monkeypatch):
    async def write(_file, _data):
        raise NO_SPACE

    monkeypatch.setattr("starlette.datastructures.UploadFile.write", write)
    for address in ("/prompts/import", "/score", "/gold/import", "/scenarios/import"):
        calm.as_("admin", f"{address[1:4]}@example.org")
        form = {"csrf_token": calm.token}
        page = check_page(calm.client.post(address, data=form, files={"file": ("p.jsonl", b'{"prompt": "p"}')}), 507)
        assert "No space left on device" in page


def test_another_error_of_the_file_system_is_our_mistake(calm, monkeypatch):
    fill(calm)
    break_(monkeypatch, snapshots, "write_rows", FileNotFoundError(errno.ENOENT, "No such file"))
    check_page(calm.client.post("/snapshots", data={"csrf_token": calm.token, "name": "first"}), 500)


def test_signing_in_still_works_after_errors(calm, monkeypatch):
    calm.as_("admin", "ana@example.org")
    break_(monkeypatch, people, "everyone", RuntimeError)
    calm.client.get("/people")
    monkeypatch.undo()
    calm.client.cookies.clear()
    calm.get("/sign-in")
    calm.post("/sign-in", {"email": "ana@example.org", "password": PASSWORD})


def test_a_page_that_is_closed_while_it_sends_is_no_mistake_of_ours(settings):
    left = iter([{"type": "http.request", "body": b"text=half of", "more_body": True}, {"type": "http.disconnect"}])
    sent = []

    async def receive():
        return next(left)

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"testserver"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/label/tasks/1/text",
        "raw_path": b"/label/tasks/1/text",
        "query_string": b"",
        "headers": headers,
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
    }
    with ThreadPoolExecutor(1) as thread:  # a browser's test may have left a loop in this one
        thread.submit(asyncio.run, create_app(settings)(scope, receive, send)).result()
    assert sent[0]["status"] == 400
