"""A process whose worker is gone, or silent for too long, ends by itself and writes nothing more."""

import fcntl
import signal
import subprocess
import sys
import termios
import time

import pytest

from trainer.contract.lease import LEASE_OVER, clock, line

WRITER = """
import sys, time
from trainer.loop import lease
lease.follow(0, 60)
with open(sys.argv[1], "a", buffering=1) as file:
    while True:
        lease.hold()
        file.write(".")
        file.flush()
        time.sleep(0.01)
"""


@pytest.fixture
def writer(tmp_path):
    path = tmp_path / "written"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE)
    process.stdin.write(line(clock() + 60))
    process.stdin.flush()
    while process.poll() is None and not (path.exists() and path.stat().st_size):
        time.sleep(0.01)
    yield process, path
    process.kill()
    process.wait()
    process.stdin.close()


def test_a_process_ends_with_its_worker(writer):
    process, _ = writer
    process.stdin.close()
    assert process.wait(120) == LEASE_OVER


def test_a_process_ends_when_its_worker_falls_silent(writer):
    process, _ = writer
    process.stdin.write(line(clock() + 0.1))
    process.stdin.flush()
    assert process.wait(120) == LEASE_OVER


def unread(pipe):
    """The bytes of a pipe that its other end has not read yet."""
    return int.from_bytes(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_process_that_slept_past_its_lease_writes_nothing_when_it_wakes(writer):
    process, path = writer
    over = clock() + 2
    process.stdin.write(line(over))
    process.stdin.flush()
    while unread(process.stdin):
        time.sleep(0.01)
    time.sleep(0.1)  # it takes the line to heart
    process.send_signal(signal.SIGSTOP)
    before = path.stat().st_size
    while clock() <= over:
        time.sleep(0.05)
    process.send_signal(signal.SIGCONT)
    assert process.wait(120) == LEASE_OVER
    assert path.stat().st_size <= before + 1, "it was in the middle of one write at most"
