"""What was recorded is what is read: swapped weights, an edited snapshot, another corpus are refused by name."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import INPUTS, MANIFEST, PROMPTS, RANKINGS, SnapshotManifest, sha256_of, write_json
from trainer.contract.integrity import corpus_has_changed, differences, digest_of, hashes_of, told
from trainer.contract.records import Prompt, write_rows

SFT = {"epochs": 1, "batch_size": 4, "max_tokens": 48, "checkpoint_every": 1}
PRETRAIN = {
    "vocabulary_size": 320,
    "hidden_size": 32,
    "layers": 1,
    "heads": 2,
    "context": 64,
    "block": 16,
    "batch_size": 2,
    "steps": 3,
    "checkpoint_every": 1,
}


@pytest.fixture(scope="module")
def run_3(tmp_path_factory):
    """A finished run with a base model."""
    corpus = str(tiny.corpus_file(tmp_path_factory.mktemp("corpus") / "corpus.txt"))
    folder = tmp_path_factory.mktemp("data") / "runs" / "3"
    tiny.run_stage("pretrain", folder, config=PRETRAIN | {"corpus": corpus})
    return folder


@pytest.fixture
def base(run_3, tmp_path):
    """A copy of it to spoil."""
    return shutil.copytree(run_3, tmp_path / "runs" / "3") / "model"


@pytest.fixture
def snapshot(tmp_path):
    """A frozen one: its manifest names its files, and its name is their hash."""
    folder = tiny.snapshot(tmp_path / "thawed")
    files = {file.name: sha256_of(file) for file in folder.iterdir()}
    write_json(folder / MANIFEST, SnapshotManifest(files=files, created="2026-01-01", app_version="1"))
    return folder.rename(tmp_path / digest_of(files))


def refused(stage, folder, **order):
    tiny.prepare_stage(stage, folder, **order)
    assert main([stage, str(folder)]) == 1
    assert not (folder / MANIFEST).exists()
    told = json.loads((folder / "error.json").read_text())
    assert told["kind"] == "ChangedError"
    assert told["resumable"] is False, "it would be refused again"
    return told


def swap_weights(model):
    tensors = load_file(model / "model.safetensors")
    save_file({name: tensor + 0.5 for name, tensor in tensors.items()}, model / "model.safetensors", {"format": "pt"})


def edit(name, change):
    def spoil(model):
        (model / name).write_text(change((model / name).read_text()))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (swap_weights, "model.safetensors has changed"),
        (edit("tokenizer.json", lambda text: text + " "), "tokenizer.json has changed"),
        (edit("chat_template.jinja", str.upper), "chat_template.jinja has changed"),
        (lambda model: (model / "chat_template.jinja").unlink(), "chat_template.jinja is missing"),
        (lambda model: (model / "adapter_config.json").write_text("{}"), "adapter_config.json was added"),
    ],
)
def test_a_model_that_is_not_what_its_run_left_is_refused_by_name(base, snapshot, tmp_path, spoil, words):
    order = {"config": SFT, "snapshot": snapshot, "parents": {"base": base}}
    kept = shutil.copytree(base, tmp_path / "kept")
    spoil(base)
    complaint = refused("sft", tmp_path / "run", **order)
    assert words in complaint["message"]
    assert f'The model "base" at {base}' in complaint["message"]
    assert f"what the run at {base.parent} left" in complaint["message"]
    assert complaint["files"] == [str(base / words.split()[0])]
    shutil.rmtree(base)
    kept.rename(base)
    assert "model/model.safetensors" in tiny.run_stage("sft", tmp_path / "run", **order).files


def test_a_changed_model_card_changes_nothing(base, snapshot, tmp_path):
    (base / "README.md").write_text("A word to colleagues.")
    tiny.run_stage("sft", tmp_path / "run", config=SFT, snapshot=snapshot, parents={"base": base})


def test_what_the_registry_knew_counts_where_the_whole_run_folder_was_swapped(base, snapshot, tmp_path):
    (base.parent / MANIFEST).unlink()
    folder = tiny.prepare_stage("sft", tmp_path / "run", config=SFT, snapshot=snapshot, parents={"base": base})
    spec = json.loads((folder / "config.json").read_text())
    spec["recorded"] = {"base": hashes_of(base)}
    swap_weights(base)
    (folder / "config.json").write_text(json.dumps(spec))
    assert main(["sft", str(folder)]) == 1
    message = json.loads((folder / "error.json").read_text())["message"]
    assert "no longer what was registered: model.safetensors has changed" in message


def test_a_model_from_elsewhere_must_stay_what_the_run_began_with(snapshot, tmp_path, monkeypatch):
    base = tiny.model_folder(tmp_path / "from elsewhere")
    order = {"config": SFT, "snapshot": snapshot, "parents": {"base": base}}
    tiny.kill_at(monkeypatch, 2)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("sft", tmp_path / "run", **order)
    monkeypatch.undo()
    swap_weights(base)
    complaint = refused("sft", tmp_path / "run", **order)
    assert 'Since this run began, the model "base" has changed: model.safetensors' in complaint["message"]
    assert tiny.kept_steps(tmp_path / "run" / "checkpoints") == [1]


def test_a_snapshot_that_is_not_what_was_frozen_is_refused(run_3, snapshot, tmp_path):
    order = {"config": SFT, "snapshot": snapshot, "parents": {"base": run_3 / "model"}}
    tiny.run_stage("sft", tmp_path / "as frozen", **order)
    whole = (snapshot / RANKINGS).read_bytes()
    (snapshot / RANKINGS).write_bytes(whole + b"x")
    complaint = refused("sft", tmp_path / "run", **order)
    assert f"The snapshot at {snapshot} is no longer what was frozen: {RANKINGS} has changed" in complaint["message"]
    # Who edits the manifest too cannot change the name that the snapshot was ordered by.
    manifest = SnapshotManifest.model_validate_json((snapshot / MANIFEST).read_text())
    files = manifest.files | {RANKINGS: sha256_of(snapshot / RANKINGS)}
    write_json(snapshot / MANIFEST, manifest.model_copy(update={"files": files}))
    assert "the snapshot's own name" in refused("sft", tmp_path / "run", **order)["message"]


def test_a_corpus_must_stay_what_the_run_began_with(tmp_path, monkeypatch):
    corpus = tiny.corpus_file(tmp_path / "corpus.txt")
    order = {"config": PRETRAIN | {"corpus": str(corpus)}}
    tiny.kill_at(monkeypatch, 2)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("pretrain", tmp_path / "run", **order)
    monkeypatch.undo()
    text = corpus.read_text()
    corpus.write_text(text + "\n\nAnd one more.")
    assert "the corpus has changed" in refused("pretrain", tmp_path / "run", **order)["message"]
    corpus.write_text(text)
    tiny.run_stage("pretrain", tmp_path / "run", **order)


def test_what_was_wrong_may_be_put_right_until_the_first_prompts_are_answered(tmp_path, monkeypatch):
    config = {"answers_per_prompt": 2, "max_new_tokens": 2, "max_prompt_tokens": 32, "batch_size": 2}
    order = {"config": config, "parents": {"policy": tiny.model_folder(tmp_path / "policy")}}
    folder = tiny.prepare_stage("sample", tmp_path / "run", **order)

    def ask(words):
        (folder / INPUTS).mkdir(exist_ok=True)
        rows = [Prompt(prompt_id=f"p{i}", messages=tiny.messages(f"{words} {i}.")) for i in range(3)]
        write_rows(folder / INPUTS / PROMPTS, Prompt, rows)

    ask("Say")
    policy = tmp_path / "policy" / "model.safetensors"
    whole = policy.read_bytes()
    policy.write_bytes(b"broken")
    assert main(["sample", str(folder)]) == 1, "it starts, and breaks before it answers anything"
    policy.write_bytes(whole)
    ask("Name")
    tiny.kill_at(monkeypatch, 1)
    with pytest.raises(tiny.Killed):
        main(["sample", str(folder)])
    monkeypatch.undo()
    ask("Tell")
    assert "what lies in inputs/ has changed: prompts.parquet" in refused("sample", folder, **order)["message"]
    ask("Name")
    tiny.run_stage("sample", folder, **order)


def test_an_imported_corpus_is_the_text_its_name_stands_for(tmp_path):
    from app.material.files.corpora import write_corpus

    source = tiny.corpus_file(tmp_path / "source.txt")
    written = write_corpus(source, "source.txt", "auto", tmp_path / "written")
    corpus = written.path.rename(tmp_path / f"{written.digest}.jsonl.gz")
    assert not corpus_has_changed(corpus)
    source.write_text("Another text.")
    write_corpus(source, "source.txt", "auto", corpus)
    assert (
        "not the text that was imported"
        in refused("pretrain", tmp_path / "run", config=PRETRAIN | {"corpus": str(corpus)})["message"]
    )
    corpus.write_bytes(b"no gzip")
    assert corpus_has_changed(corpus)


def test_differences_are_told_a_file_at_a_time():
    recorded = {"a.json": "1", "b.json": "2", "c.bin": "3", "README.md": "4"}
    found = {"a.json": "1", "b.json": "5", "README.md": "6", "d.json": "7", "notes.txt": "8"}
    assert told(differences(recorded, found)) == "b.json has changed, c.bin is missing, d.json was added"
    assert differences(recorded, recorded) == {}
