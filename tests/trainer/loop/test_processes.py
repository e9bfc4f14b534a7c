"""Several processes that share a run end where one would, and one that is lost ends the run in a sentence."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import ERROR, METRICS, saved_step
from trainer.contract.lease import STOPPED
from trainer.loop import processes

FLOAT64 = 1e-9
STAGES = {
    "pretrain": {
        "steps": 6,
        "batch_size": 5,
        "block": 32,
        "context": 64,
        "hidden_size": 32,
        "layers": 2,
        "heads": 2,
        "vocabulary_size": 320,
    },
    "sft": {"epochs": 2, "batch_size": 4},
    "reward": {"epochs": 2, "prompts_per_batch": 4, "heads": []},
    # More than a pass over a batch, text beside it, adapters and few tokens together: all that divides differently.
    "ppo": {
        "iterations": 3,
        "batch_size": 8,
        "minibatch_size": 4,
        "max_new_tokens": 8,
        "inner_epochs": 2,
        "pretrain_coefficient": 0.5,
        "tokens_per_forward": 200,
    },
}
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("processes")
    sft, snapshot = tiny.model_folder(root / "sft"), tiny.snapshot(root / "snapshot")
    tiny.run_stage("reward", root / "reward", config={"epochs": 1}, snapshot=snapshot, parents={"sft": sft})
    return sft, snapshot, root / "reward" / "model", tiny.corpus_file(root / "corpus.txt")


def prepared(stage, world, folder, **more):
    sft, snapshot, reward, corpus = world
    parents = {"pretrain": {}, "sft": {"base": sft}, "reward": {"sft": sft}, "ppo": {"sft": sft, "reward": reward}}
    config = STAGES[stage] | {"dtype": "float64"} | more
    if stage in ("pretrain", "ppo"):
        config |= {"corpus": str(corpus)}
    return tiny.prepare_stage(
        stage, folder, config=config, snapshot=None if stage == "pretrain" else snapshot, parents=parents[stage]
    )


def largest_difference(one, other):
    ours, theirs = tiny.weights(one), tiny.weights(other)
    assert ours.keys() == theirs.keys()
    return max((ours[name].double() - theirs[name].double()).abs().max().item() for name in ours)


@pytest.mark.parametrize(
    "stage", ["ppo", *(pytest.param(stage, marks=pytest.mark.slow) for stage in ("pretrain", "sft", "reward"))]
)
def test_two_end_where_one_does(stage, world, tmp_path):
    for count in (1, 2):
        assert main([stage, str(prepared(stage, world, tmp_path / str(count), processes=count))]) == 0
    assert processes.size() == 1, "they have parted"
    assert largest_difference(tmp_path / "1", tmp_path / "2") < FLOAT64
    lines = [tiny.metrics(tmp_path / str(count)) for count in (1, 2)]
    assert len(lines[0]) == len(lines[1]) > 0
    for ours, theirs in zip(*lines, strict=True):
        known = {name: value for name, value in theirs.items() if value is not None}
        assert {name: ours[name] for name in known} == pytest.approx(known, rel=FLOAT64, abs=FLOAT64)


def started(stage, folder, count):
    environment = {**os.environ, "PREFLOOP_PROCESSES": str(count), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "trainer", stage, str(folder)], env=environment, stdout=subprocess.DEVNULL
    )


def wait_for_step(folder, step, run):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        path = folder / METRICS
        if path.exists() and any(json.loads(line)["step"] >= step for line in path.read_text().splitlines()[:-1]):
            return
        assert run.poll() is None, "it ended before"
        time.sleep(0.02)
    pytest.fail(f"step {step} was not reached in {PATIENCE_SECONDS} s")


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["sft", "reward", "ppo"])
def test_killed_anywhere_it_goes_on_with_any_number(stage, world, tmp_path):
    more = {"checkpoint_every": 1}
    for name in ("whole", "other"):
        prepared(stage, world, tmp_path / name, **more)
    assert started(stage, tmp_path / "whole", 2).wait() == 0
    last = json.loads((tmp_path / "whole" / METRICS).read_text().splitlines()[-1])["step"]
    for again, step in ((2, 1), (1, 2), (3, last - 1)):
        folder = prepared(stage, world, tmp_path / f"killed-{again}", **more)
        run = started(stage, folder, 2)
        wait_for_step(folder, min(step, last - 1), run)
        others = psutil.Process(run.pid).children(recursive=True)
        run.kill()
        run.wait()
        gone, alive = psutil.wait_procs(others, timeout=PATIENCE_SECONDS)
        assert gone
        assert not alive, "the others end with the first"
        assert started(stage, folder, again).wait() == 0
        difference = largest_difference(folder, tmp_path / "whole")
        assert difference == 0 if again == 2 else difference < FLOAT64


def test_told_to_stop_all_stop_after_the_same_step_and_a_lost_one_ends_the_run(world, tmp_path):
    folder = prepared("sft", world, tmp_path / "run", epochs=400)
    run = started("sft", folder, 2)
    wait_for_step(folder, 1, run)
    (other,) = psutil.Process(run.pid).children()
    run.send_signal(signal.SIGTERM)
    assert run.wait(PATIENCE_SECONDS) == STOPPED
    assert saved_step(folder) is not None
    assert not (folder / ERROR).exists()
    psutil.wait_procs([other], timeout=PATIENCE_SECONDS)
    assert not other.is_running()

    run = started("sft", folder, 2)
    wait_for_step(folder, saved_step(folder) + 2, run)
    (other,) = psutil.Process(run.pid).children()
    other.kill()
    assert run.wait(PATIENCE_SECONDS) == 1
    told = json.loads((folder / ERROR).read_text())
    assert told["message"].startswith("Process 2 of 2 ended (signal 9).")
    assert told["resumable"]


def test_one_that_ends_before_they_met_is_not_waited_for(monkeypatch, world, tmp_path, capsys):
    folder = prepared("sft", world, tmp_path / "run", processes=2)
    monkeypatch.setattr(processes.sys, "executable", "false")
    assert main(["sft", str(folder)]) == 1
    assert "Process 2 of 2 ended (exit status 1)." in capsys.readouterr().out


def test_parts_are_divided_so_that_each_has_one_and_none_has_two(monkeypatch):
    monkeypatch.setattr(processes, "size", lambda: 3)
    found = []
    for number in range(3):
        monkeypatch.setenv(processes.RANK, str(number))
        found.append(processes.mine(range(7)))
    assert sorted(item for part in found for item in part) == [*range(7)]
    assert {len(part) for part in found} == {2, 3}
    # 300 tokens for three processes: a hundred each, unless the longest row has more or less fit together anyway.
    assert processes.share_of(4096, 300, 20) == 100
    assert processes.share_of(4096, 300, 150) == 150
    assert processes.share_of(50, 300, 20) == 50


def test_small_tensors_travel_together_and_each_kind_for_itself(monkeypatch):
    monkeypatch.setattr(processes, "TOGETHER", 10)
    tensors = [torch.zeros(size) for size in (4, 5, 3, 30)] + [torch.zeros(2, dtype=torch.float64)]
    assert [[len(tensor) for tensor in bucket] for bucket in processes._buckets(tensors)] == [[4, 5], [3], [30], [2]]


def test_more_gpus_than_there_are_cannot_be_shared(monkeypatch, world, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    folder = prepared("sft", world, tmp_path / "run", processes=2, dtype="auto", device="auto")
    assert main(["sft", str(folder)]) == 1
    assert "2 processes are asked for, and this machine has 1 GPUs" in capsys.readouterr().out
