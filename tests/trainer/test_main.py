"""The one entry: what each exit leaves in the folder, and that it speaks in sentences."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests import tiny
from trainer.__main__ import explain, main
from trainer.contract.errors import StageError
from trainer.contract.folder import ERROR, MANIFEST, RunManifest, SnapshotManifest, saved_step, sha256_of, write_json
from trainer.contract.forecast import Forecast
from trainer.contract.lease import STOPPED
from trainer.contract.records import Ranking, read_rows, write_rows
from trainer.stages import sft

CONFIG = {"epochs": 1, "batch_size": 4, "max_tokens": 48}
SHORT = {"max_prompt_tokens": 32, "max_new_tokens": 4}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A snapshot and a model, made once, to be copied and spoilt."""
    folder = tmp_path_factory.mktemp("made")
    tiny.snapshot(folder / "snapshot")
    tiny.model_folder(folder / "base")
    return folder


@pytest.fixture
def setting(tmp_path, made):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return {"config": CONFIG, "snapshot": tmp_path / "snapshot", "parents": {"base": tmp_path / "base"}}


def complaint(folder):
    return json.loads((folder / "error.json").read_text())


def test_success_leaves_a_manifest_with_its_provenance(tmp_path, setting):
    manifest = tiny.run_stage("sft", tmp_path / "run", seed=5, **setting)

    told = manifest.provenance
    assert told["seed"] == 5
    assert told["snapshot"] == "snapshot"
    assert told["parents"]["base"] == {
        "folder": str(tmp_path / "base"),
        "sha256": sha256_of(tmp_path / "base" / "model.safetensors"),
    }
    assert {"python", "torch", "transformers", "git", "hardware", "seconds", "peak_rss_mb"} <= told.keys()
    assert told["hardware"]["cores"] >= 1
    assert manifest.files["model/model.safetensors"] == sha256_of(tmp_path / "run" / "model" / "model.safetensors")
    assert not any(name.startswith("checkpoints") or name == "config.json" for name in manifest.files)
    assert not (tmp_path / "run" / "error.json").exists()


def test_a_finished_run_is_left_alone(tmp_path, setting, capsys):
    tiny.run_stage("sft", tmp_path / "run", **setting)
    before = (tmp_path / "run" / "manifest.json").read_bytes()

    assert tiny.main(["sft", str(tmp_path / "run")]) == 0

    assert "finished already" in capsys.readouterr().out
    assert (tmp_path / "run" / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"config": {"epochs": 0}}, ['"epochs"', "Enter a number above 0 (given 0)"]),
        (
            {"config": {"batch_sise": 4}},
            ['"batch_sise"', "Unknown setting “batch_sise”. Did you mean “batch_size”? (given 4)"],
        ),
        ({"snapshot": None}, ["reads a snapshot"]),
        ({"parents": {}}, ['needs the model "base"']),
        ({"parents": {"base": "/nowhere"}}, ['"base" is not at /nowhere']),
    ],
)
def test_a_wrong_configuration_is_named_field_by_field(tmp_path, setting, change, words):
    folder = tiny.prepare_stage("sft", tmp_path / "run", **(setting | change))

    assert tiny.main(["sft", str(folder)]) == 1

    for word in words:
        assert word in complaint(folder)["message"]
    assert not (folder / "manifest.json").exists()


def test_another_stage_than_the_configured_is_refused(tmp_path, setting):
    folder = tiny.prepare_stage("sft", tmp_path / "run", **setting)

    assert tiny.main(["reward", str(folder)]) == 1

    assert complaint(folder)["message"] == 'You asked for the stage "reward", but config.json is for "sft".'


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "cook"}'])
def test_a_broken_config_file_is_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)

    assert tiny.main(["sft", str(tmp_path)]) == 1

    assert "config.json is not valid" in complaint(tmp_path)["message"]


@pytest.mark.parametrize("arguments", [[], ["sft"], ["cook", "."], ["sft", "/nowhere/at/all"]])
def test_wrong_arguments_exit_2(arguments):
    assert tiny.main(arguments) == 2


def test_a_failure_tells_what_to_do_and_a_later_success_removes_the_telling(tmp_path, setting, monkeypatch):
    def broken(*_args, **_options):
        raise KeyError("lost")

    monkeypatch.setattr(sft, "accumulate", broken)
    folder = tiny.prepare_stage("sft", tmp_path / "run", **setting)
    assert tiny.main(["sft", str(folder)]) == 1
    told = complaint(folder)
    assert told["kind"] == "KeyError"
    assert "unexpected KeyError: 'lost'" in told["message"]
    assert "in broken" in told["traceback"]
    monkeypatch.undo()

    tiny.run_stage("sft", folder, **setting)

    assert not (folder / "error.json").exists()


@pytest.mark.parametrize(
    ("error", "words", "may_succeed"),
    [
        (OSError(28, "No space left on device"), "disk is full", True),
        (MemoryError(), "tokens_per_forward", True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            "tokens_per_forward",
            True,
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "tokens_per_forward", True),
        (ValueError("from a library"), "unexpected ValueError", True),
        (PermissionError(13, "Permission denied"), "unexpected PermissionError", True),
        (FileNotFoundError(2, "No such file or directory", "shard-2.safetensors"), "Put it back", False),
        (StageError("A GPU may add otherwise next time.", resumable=True), "GPU", True),
        (StageError("It is broken.", resumable=False), "broken", False),
    ],
)
def test_troubles_get_their_advice_and_say_whether_going_on_may_help(error, words, may_succeed):
    sentence, resumable = explain("sft", error)
    assert words in sentence
    assert resumable == may_succeed


def lose(file):
    file.unlink()


def change(file):
    file.write_bytes(file.read_bytes() + b"\n")


def frozen(folder):
    """The snapshot as the application freezes it: its manifest names its files."""
    files = {file.name: sha256_of(file) for file in folder.iterdir()}
    write_json(folder / MANIFEST, SnapshotManifest(files=files, created="2026-01-01", app_version="1"))
    return folder


@pytest.mark.parametrize(
    ("stage", "order", "spoil", "words"),
    [
        ("sft", {"config": {"epochs": 0}}, None, "not valid"),
        ("sft", {"config": {"batch_size": 2, "tokens_per_forward": 0}}, None, "not valid"),
        ("sft", {"config": {"max_tokens": 9999}}, None, "not valid"),
        ("sft", {"config": CONFIG | {"device": "cuda"}}, None, "no usable GPU"),
        ("sft", {"snapshot": None}, None, "names no"),
        ("sft", {"snapshot": "/nowhere"}, None, "The snapshot is not at /nowhere"),
        ("sft", {"parents": {}}, None, "does not name it"),
        ("sft", {"parents": {"base": "/nowhere"}}, None, "is not at /nowhere"),
        ("sft", {}, ("base/config.json", lose), "no config.json"),
        ("sft", {}, ("base/model.safetensors", lose), "has no weights"),
        ("sft", {}, ("snapshot/demonstrations.parquet", lose), "demonstrations.parquet is missing"),
        ("sft", {}, ("snapshot/demonstrations.parquet", change), "demonstrations.parquet has changed"),
        ("sft", {}, ("snapshot/manifest.json", lose), "misses a file"),
        ("pretrain", {"config": {"corpus": "/nowhere.txt"}}, None, "is not there"),
        ("pretrain", {"config": {"corpus": "empty.txt"}}, None, "holds no text"),
        ("pretrain", {"config": {"corpus": f"{'0' * 64}.jsonl.gz"}}, None, "not the text that was imported"),
        ("sample", {"config": SHORT, "parents": {"policy": "base"}}, None, "prompts.parquet is missing"),
        ("detect", {"config": {"max_tokens": 48}, "parents": {"policy": "base"}}, None, "answers.parquet is missing"),
        ("score", {"parents": {"reward": "base"}}, None, "answers.parquet is missing"),
    ],
)
def test_what_cannot_succeed_is_told_so_before_anything_is_learned(
    tmp_path, setting, monkeypatch, stage, order, spoil, words
):
    monkeypatch.chdir(tmp_path)
    frozen(tmp_path / "snapshot")
    (tmp_path / "empty.txt").touch()
    (tmp_path / f"{'0' * 64}.jsonl.gz").touch()
    whole = setting if stage == "sft" else {}
    if spoil:
        name, spoils = spoil
        spoils(tmp_path / name)
        if name == "snapshot/manifest.json":  # nobody froze it, so nobody knows what is missing
            lose(tmp_path / "snapshot" / "demonstrations.parquet")
    folder = tiny.prepare_stage(stage, tmp_path / "run", **(whole | order))

    assert tiny.main([stage, str(folder)]) == 1

    told = complaint(folder)
    assert words in told["message"]
    assert told["resumable"] is False
    assert not (folder / "metrics.jsonl").exists()


@pytest.fixture
def long_run(tmp_path):
    """A real process in the middle of many steps, far from its next checkpoint."""
    corpus = tiny.corpus_file(tmp_path / "corpus.txt")
    config = {"corpus": str(corpus), "steps": 100_000, "checkpoint_every": 100_000, "batch_size": 2, "block": 16}
    config |= {"hidden_size": 16, "heads": 2, "layers": 1, "vocabulary_size": 300}
    folder = tiny.prepare_stage("pretrain", tmp_path / "run", config=config)
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer", "pretrain", str(folder)], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    log = folder / "metrics.jsonl"
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    yield folder, process
    process.kill()
    process.communicate()


# A worker ends its trainers by SIGTERM, which is held to the same in the tests of workers every day.
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_run_that_is_told_to_stop_saves_the_step_it_is_in_and_leaves_no_manifest(long_run, number):
    folder, process = long_run

    process.send_signal(number)
    said, _ = process.communicate(timeout=300)

    assert process.returncode == STOPPED
    assert "saving it" in said
    assert "device cpu" in said
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert saved_step(folder) == last
    assert not (folder / "manifest.json").exists()
    assert not (folder / "error.json").exists()


def test_asking_for_a_stage_costs_no_torch_before_it_is_needed():
    code = "import sys; import trainer.__main__; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_manifest_reads_back(tmp_path, setting):
    manifest = tiny.run_stage("sft", tmp_path / "run", **setting)

    assert RunManifest.model_validate_json((tmp_path / "run" / "manifest.json").read_text()) == manifest


@pytest.mark.parametrize("stage", ["pretrain", "sft", "reward", "crossvalidate", "ppo", "sample"])
def test_a_dry_run_tells_what_a_run_takes_and_leaves_its_folder_as_it_was(stage, tmp_path, capsys):
    sft, snapshot = tiny.model_folder(tmp_path / "sft"), tiny.snapshot(tmp_path / "snapshot")
    reward = tmp_path / "reward" / "model"
    configs = {
        "pretrain": {"steps": 7, "block": 16, "context": 64, "corpus": str(tiny.corpus_file(tmp_path / "text.txt"))},
        "sft": {"epochs": 2, "batch_size": 4},
        "reward": {"epochs": 2, "prompts_per_batch": 4, "ensemble": 2},
        "crossvalidate": {"grouping": "drawn", "folds": 2, "seeds": 2, "prompts_per_batch": 1},
        "ppo": {"iterations": 5, "batch_size": 4, "minibatch_size": 2, "max_new_tokens": 4},
        "sample": {"batch_size": 4, "max_new_tokens": 4},
    }
    parents = {"sft": {"base": sft}, "reward": {"sft": sft}, "crossvalidate": {"sft": sft}, "sample": {"policy": sft}}
    if stage == "ppo":
        tiny.run_stage("reward", tmp_path / "reward", config={"epochs": 1}, snapshot=snapshot, parents={"sft": sft})
        parents["ppo"] = {"sft": sft, "reward": reward}
    folder = tiny.prepare_stage(
        stage,
        tmp_path / "run",
        config=configs[stage],
        snapshot=None if stage in ("pretrain", "sample") else _two_people(snapshot),
        parents=parents.get(stage, {}),
    )
    if stage == "sample":
        (folder / "inputs").mkdir(exist_ok=True)
        shutil.copy(snapshot / "prompts.parquet", folder / "inputs")
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    capsys.readouterr()

    assert main([stage, str(folder), "--dry-run"]) == 0

    told = Forecast.model_validate_json(capsys.readouterr().out.splitlines()[-1])
    assert told.probed == 3
    assert told.seconds > told.steps * told.seconds_per_step > 0
    assert 10**8 < told.peak_bytes < told.memory_bytes
    assert told.fits
    assert (told.device, told.dtype) == ("cpu", "float32")
    assert "dtype" in told.lower
    assert ("lora_rank" in told.lower) == (stage not in ("pretrain", "sample"))
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before
    # The measure is over: the next run goes to its end.
    assert main([stage, str(folder)]) == 0
    assert json.loads((folder / MANIFEST).read_text())["forecast"] is None
    lines = tiny.metrics(folder)
    assert told.steps == (len(lines) if stage == "sample" else lines[-1]["step"])


def _two_people(snapshot):
    rows = [
        row.model_copy(update={"annotator": f"labeler-{number % 2}"})
        for number, row in enumerate(read_rows(snapshot / "rankings.parquet", Ranking))
    ]
    write_rows(snapshot / "rankings.parquet", Ranking, rows)
    return snapshot


def test_what_takes_no_steps_or_cannot_run_is_not_foretold(tmp_path, capsys):
    sft = tiny.model_folder(tmp_path / "sft")
    folder = tiny.prepare_stage("detect", tmp_path / "run", parents={"policy": sft})
    assert main(["detect", str(folder), "--dry-run"]) == 1
    assert "takes no steps that could be measured" in capsys.readouterr().out
    folder = tiny.prepare_stage("sft", tmp_path / "other", config={"epochs": 0}, parents={"base": sft})
    assert main(["sft", str(folder), "--dry-run"]) == 1
    assert "not valid" in capsys.readouterr().out
    assert not (folder / ERROR).exists()
