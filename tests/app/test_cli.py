"""What the command says when it cannot do what it is asked."""

import sqlite3

import pytest

from app.cli import main
from app.database import Database
from app.migrate import migrate
from app.settings import load_settings


@pytest.fixture(autouse=True)
def settings_of_this_test():
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.parametrize(
    ("url", "reason"),
    [("sqlite:///{folder}/empty.db", "no such table"), ("postgresql://nobody@127.0.0.1:1/none", "connection failed")],
)
def test_a_database_that_is_away_or_empty_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, url, reason):
    monkeypatch.setenv("PREFLOOP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PREFLOOP_DATABASE_URL", url.format(folder=tmp_path))
    monkeypatch.setattr("sys.argv", ["prefloop", "people", "add", "ada@example.org", "--role", "admin"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert reason in said
    assert "prefloop migrate" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(("trusted", "headers"), [("", False), ("172.16.0.0/12", True)])
def test_the_web_server_believes_the_proxies_that_are_named_and_waits_for_slow_children(monkeypatch, trusted, headers):
    asked = {}
    monkeypatch.setattr("uvicorn.run", lambda _app, **options: asked.update(options))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv("PREFLOOP_TRUSTED_PROXIES", trusted)
    monkeypatch.setattr("sys.argv", ["prefloop", "serve", "--workers", "2"])
    with pytest.raises(SystemExit):
        main()
    assert (asked["proxy_headers"], asked["forwarded_allow_ips"]) == (headers, trusted)
    assert asked["timeout_worker_healthcheck"] >= 60, "on a busy machine a child takes long to import all it needs"


def test_a_database_that_is_held_for_too_long_is_told_as_that(tmp_path, monkeypatch, capsys):
    url = f"sqlite:///{tmp_path / 'held.db'}"
    migrate(url)
    monkeypatch.setattr("app.cli.database", lambda: Database(url, 0.1))
    monkeypatch.setattr("sys.argv", ["prefloop", "people", "add", "ada@example.org", "--role", "admin"])
    holding = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")
    with pytest.raises(SystemExit):
        main()
    holding.close()
    assert "held the database for too long" in capsys.readouterr().err
