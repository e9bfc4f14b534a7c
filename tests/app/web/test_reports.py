"""No thread of a report outlives the application."""

import threading

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.web.reports import Reports
from tests.browsing import Browsing


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_report_thread_ends_with_the_application(settings, factory):
    before = set(threading.enumerate())
    app = create_app(settings)
    known = [each for each in vars(app.state)["_state"].values() if isinstance(each, Reports)]
    assert len(known) > 1
    with TestClient(app, follow_redirects=False) as client:
        browse = Browsing(client, factory).as_("admin")
        for address in ("/agreement", "/labelers"):
            browse.get(address)
        running = [
            thread
            for thread in set(threading.enumerate()) - before
            if thread.name.startswith(tuple(each.name for each in known))
        ]
        assert len(running) == len(known)
    for thread in running:
        thread.join(300)
        assert not thread.is_alive(), f"{thread.name} goes on"
