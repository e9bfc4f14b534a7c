"""What the command says when it cannot do what it is asked."""

import pytest

from app.cli import main
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
