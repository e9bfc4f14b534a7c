"""metrics.jsonl: one valid JSON object a step, also after a kill and with numbers that are none."""

import json

import torch

from trainer.loop.metrics import MetricsLog, SampleLog


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_step_is_a_line_that_can_be_read_at_once(tmp_path):
    log = MetricsLog(tmp_path / "m.jsonl")
    log.write(1, 10, {"loss/train": 2.5, "reward/mean": torch.tensor(1.5)})

    (line,) = lines(tmp_path / "m.jsonl")  # before the log is closed

    assert line["time/seconds"] >= 0
    assert {k: line[k] for k in ("step", "total", "loss/train", "reward/mean")} == {
        "step": 1,
        "total": 10,
        "loss/train": 2.5,
        "reward/mean": 1.5,
    }


def test_what_is_not_finite_is_null(tmp_path):
    log = MetricsLog(tmp_path / "m.jsonl")
    log.write(1, 1, {"a": float("nan"), "b": float("inf"), "c": torch.tensor(float("-inf")), "d": 0.0})

    (line,) = lines(tmp_path / "m.jsonl")

    assert [line[name] for name in "abcd"] == [None, None, None, 0.0]
    assert "NaN" not in (tmp_path / "m.jsonl").read_text()


def test_resuming_drops_what_came_after_the_checkpoint(tmp_path):
    path = tmp_path / "m.jsonl"
    first = MetricsLog(path)
    for step in range(6):
        first.write(step, 5, {"loss/train": float(step)})
    with path.open("a") as file:
        file.write('{"step": 6, "lo')  # killed in the middle of a line

    resumed = MetricsLog(path, resume_step=3)
    resumed.write(4, 5, {"loss/train": 40.0})

    assert [(line["step"], line["loss/train"]) for line in lines(path)] == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 40)]


def test_starting_anew_empties_the_file(tmp_path):
    MetricsLog(tmp_path / "m.jsonl").write(0, 5, {"loss/heldout": 1.0})

    MetricsLog(tmp_path / "m.jsonl").write(0, 5, {"loss/heldout": 2.0})

    assert [line["loss/heldout"] for line in lines(tmp_path / "m.jsonl")] == [2.0]


def test_the_clock_goes_on_where_the_run_was_stopped(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1, "total": 2, "time/seconds": 1000.0}\n')

    MetricsLog(path, resume_step=1).write(2, 2, {})

    assert lines(path)[1]["time/seconds"] >= 1000


def test_samples_keep_any_text(tmp_path):
    log = SampleLog(tmp_path / "s.jsonl")
    log.write(3, [{"prompt": "naïve\n🍎", "answer": "\u2028", "reward": float("nan")}])

    text = (tmp_path / "s.jsonl").read_text(encoding="utf-8")
    assert json.loads(text) == {"step": 3, "prompt": "naïve\n🍎", "answer": "\u2028", "reward": None}

    SampleLog(tmp_path / "s.jsonl", resume_step=3).write(4, [{"prompt": "next"}])
    rows = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text(encoding="utf-8").split("\n") if line]
    assert [row["step"] for row in rows] == [3, 4]
