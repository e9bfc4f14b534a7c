"""Checkpoints survive a kill in the middle, a full disk and a damaged file."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch

from trainer.loop.checkpoint import KEEP, latest_checkpoint, save_checkpoint


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_saved_comes_back(tmp_path):
    state = {"model": {"w": torch.arange(6.0).reshape(2, 3)}, "position": 7, "names": ["a", "b"]}

    save_checkpoint(tmp_path / "new", 12, state)
    step, loaded = latest_checkpoint(tmp_path / "new")

    assert step == 12
    assert torch.equal(loaded["model"]["w"], state["model"]["w"])
    assert loaded["position"] == 7
    assert loaded["names"] == ["a", "b"]


def test_no_folder_is_no_checkpoint(tmp_path):
    assert latest_checkpoint(tmp_path / "nothing") is None


def test_the_last_two_are_kept_in_order_of_step(tmp_path):
    for step in (8, 9, 10, 100):
        save_checkpoint(tmp_path, step, {"step": step})

    assert names(tmp_path) == ["step-00000010.pt", "step-00000100.pt"]
    assert KEEP == 2
    assert latest_checkpoint(tmp_path) == (100, {"step": 100})


@pytest.mark.parametrize("damage", ["cut", "empty", "noise"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, damage):
    save_checkpoint(tmp_path, 1, {"w": torch.zeros(1000)})
    save_checkpoint(tmp_path, 2, {"w": torch.ones(1000)})
    newest = tmp_path / "step-00000002.pt"
    whole = newest.read_bytes()
    newest.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "noise": os.urandom(500)}[damage])

    step, state = latest_checkpoint(tmp_path)

    assert step == 1
    assert state["w"].sum() == 0


def test_a_full_disk_says_so_and_leaves_the_old_checkpoint(tmp_path):
    save_checkpoint(tmp_path, 1, {"w": torch.zeros(10)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # a write beyond this fails as on a full disk
    try:
        with pytest.raises(OSError, match="checkpoint of step 2 could not be written"):
            save_checkpoint(tmp_path, 2, {"w": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert names(tmp_path) == ["step-00000001.pt"]
    assert latest_checkpoint(tmp_path)[0] == 1


def test_half_a_file_from_a_killed_process_is_ignored_and_cleared_away(tmp_path):
    save_checkpoint(tmp_path, 1, {"a": 1})
    (tmp_path / "step-00000002.pt.partial").write_bytes(b"half")

    assert latest_checkpoint(tmp_path) == (1, {"a": 1})
    save_checkpoint(tmp_path, 3, {"a": 3})
    assert names(tmp_path) == ["step-00000001.pt", "step-00000003.pt"]


SAVE_FOREVER = """
import sys, torch
from pathlib import Path
from trainer.loop.checkpoint import save_checkpoint
torch.set_num_threads(1)
step = 0
while True:
    step += 1
    save_checkpoint(Path(sys.argv[1]), step, {"w": torch.full((2_000_000,), float(step)), "step": step})
"""


def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(tmp_path)])
    try:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("*.pt"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    for path in tmp_path.glob("*.pt"):
        state = torch.load(path, weights_only=True)
        assert path.name == f"step-{state['step']:08d}.pt"
        assert (state["w"] == state["step"]).all()
    assert latest_checkpoint(tmp_path) is not None
