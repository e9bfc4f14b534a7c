"""``prefloop generator``: the same as the page, for programs."""

import io
import json

import pytest
from typer.testing import CliRunner

from app import cli
from tests.completions import KEY, MODEL, completions

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def command(settings, monkeypatch):
    monkeypatch.setenv("PREFLOOP_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("PREFLOOP_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("PREFLOOP_GENERATOR_HOSTS", "127.0.0.1")
    cli.load_settings.cache_clear()
    yield lambda *arguments, given="": CliRunner().invoke(cli.cli, ["generator", *arguments], input=given)
    cli.load_settings.cache_clear()


def test_a_generator_from_its_beginning_to_its_end(command):
    with completions() as server:
        add = ("add", "--name", "lab", "--url", server.url, "--model", MODEL, "--timeout", "9", "--key", "--json")
        told = json.loads(command(*add, given=f"{KEY}\n").stdout)
        assert told == {
            "id": 1,
            "name": "lab",
            "url": server.url,
            "model": MODEL,
            "concurrency": 16,
            "requests_per_minute": None,
            "timeout_seconds": 9.0,
            "key": "kept",
            "created_at": told["created_at"],
        }
        assert command("test", "lab", "Hello?").stdout == "Hello? 0\n"
        assert command("change", "lab", "--concurrency", "3", "--name", "labs").exit_code == 0
        assert command("test", "labs", "Hello?").stdout == "Hello? 0\n", "the key stays"
    assert json.loads(command("list", "--json").stdout)[0]["concurrency"] == 3
    assert MODEL in command("list").stdout
    shown = command("show", "1").stdout
    assert "key                  kept" in shown
    assert KEY not in shown
    assert json.loads(command("rm", "labs", "--json").stdout)["name"] == "labs"
    assert command("list").stdout == "No generators yet.\n"


def test_what_cannot_be_is_refused(command, capsys):
    refused = command("add", "--name", "lab", "--url", "https://elsewhere.example/v1", "--model", MODEL)
    assert "is not allowed" in str(refused.exception)
    assert "no generator named" in str(command("show", "lab").exception)
    assert command("list").stdout == "No generators yet.\n"


def test_no_key_is_read_where_none_is_announced(command, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("not for you"))
    with completions() as server:
        told = command("add", "--name", "lab", "--url", server.url, "--model", MODEL, "--json")
    assert json.loads(told.stdout)["key"] == "none"
