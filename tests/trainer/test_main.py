"""The one entry: what each exit leaves in the folder, and that it speaks in sentences."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests import tiny
from trainer.__main__ import explain
from trainer.contract.folder import RunManifest, saved_step, sha256_of
from trainer.contract.lease import STOPPED
from trainer.stages import sft

CONFIG = {"epochs": 1, "batch_size": 4, "max_tokens": 48}


@pytest.fixture
def setting(tmp_path):
    return {
        "config": CONFIG,
        "snapshot": tiny.snapshot(tmp_path / "snapshot"),
        "parents": {"base": tiny.model_folder(tmp_path / "base")},
    }


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
        ({"config": {"epochs": 0}}, ['"epochs"', "greater than 0"]),
        ({"config": {"batch_sise": 4}}, ['"batch_sise"', "not permitted"]),
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
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "disk is full"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "batch size"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "batch size"),
        (ValueError("from a library"), "unexpected ValueError"),
    ],
)
def test_known_troubles_get_their_advice(error, words):
    sentence, resumable = explain("sft", error)
    assert words in sentence
    assert resumable


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
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
