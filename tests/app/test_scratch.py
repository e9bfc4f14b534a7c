"""A folder that is needed for a moment goes with its process, or at the next start."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app import scratch as door
from app.scratch import GRACE, scratch, sweep

LATER = 10 * GRACE
HOLD = """
import sys
from pathlib import Path
from app.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "rows").write_text("half")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """The data folder with a folder in it, and the system's folder for what is temporary."""
    data, system = tmp_path / "data", tmp_path / "system"
    (data / "corpora").mkdir(parents=True)
    system.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(system))
    return data, system


def left_in(homes):
    return sorted(path.name for home in (homes[0] / "corpora", homes[1]) for path in home.iterdir())


def test_it_is_gone_at_the_end_also_of_what_fails(homes):
    with scratch() as folder:
        (folder / "rows").write_text("x")

    def fail():
        with scratch(homes[0] / "corpora") as beside:
            (beside / "rows").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert left_in(homes) == []


def test_what_a_killed_process_left_goes_at_the_next_start_and_what_a_living_one_holds_stays(homes):
    data, system = homes
    for home in (data / "corpora", system):
        program = [sys.executable, "-c", HOLD, str(home)]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holding:
            now = Path(holding.stdout.readline().strip()).stat().st_mtime
            assert sweep(data, now + LATER) == 0
            holding.kill()
            holding.wait()
            assert sweep(data, now + GRACE / 2) == 0  # another one may be just about to hold its own
            assert sweep(data, now + LATER) == 1
    assert left_in(homes) == []


def test_what_is_not_ours_stays(homes, monkeypatch):
    data, system = homes
    folder = system / f"{door.PREFIX}of-somebody"
    folder.mkdir()
    (system / "other").mkdir()
    (system / f"{door.PREFIX}link").symlink_to(system / "other")
    later = folder.stat().st_mtime + LATER
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    assert sweep(data, later) == 0
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(system))
    assert sweep(data, later) == 1
    assert left_in(homes) == [f"{door.PREFIX}link", "other"]
