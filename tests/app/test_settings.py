import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.settings import Settings


def key_of(folder):
    return Settings(data_dir=folder).session_key


def test_the_key_is_made_once_and_only_we_may_read_it(tmp_path):
    folder = tmp_path / "data"
    assert len(key_of(folder)) > 40
    assert key_of(folder) == key_of(folder)
    assert (folder / "session.key").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_share_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(key_of, [tmp_path] * 16))
    assert len(keys) == 1
    assert len(keys.pop()) > 40


def test_a_key_that_another_process_is_about_to_write_is_waited_for(tmp_path):
    file = tmp_path / "session.key"
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    threading.Timer(0.3, file.write_text, ["made by the other"]).start()
    assert key_of(tmp_path) == "made by the other"


def test_nobody_ever_signs_with_an_empty_key(tmp_path, monkeypatch):
    (tmp_path / "session.key").touch()
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with pytest.raises(RuntimeError, match="is empty"):
        key_of(tmp_path)
