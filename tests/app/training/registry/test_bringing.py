"""A model from elsewhere comes in whole and inspected, from a folder or a hub, or nothing is left of it."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import huggingface_hub.constants
import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.models import AuditEvent, Candidate, ModelVersion, Prompt, Run
from app.training.registry import bringing, commands, service
from app.training.runs import execution
from app.training.runs import service as runs
from tests import tiny
from tests.hub import COMMIT, GATED, hub
from trainer.contract.folder import CONFIG, RunSpec
from trainer.contract.inspection import ModelFacts
from trainer.contract.integrity import hashes_of

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tiny.model_folder(tmp_path_factory.mktemp("models") / "tiny-llama")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


@pytest.fixture
def folder(good, tmp_path):
    return shutil.copytree(good, tmp_path / "tiny-llama")


def models(database):
    with database.reading() as session:
        return {model.name: model for model in session.scalars(select(ModelVersion))}


def kept(settings):
    home = settings.data_dir / bringing.MODELS
    return sorted(entry.name for entry in home.iterdir()) if home.exists() else []


def test_the_trainer_inspects_in_a_process_of_its_own(folder, engine_name):
    assert isinstance(bringing.inspect(folder, "base"), ModelFacts)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(Invalid, match=r"cannot be used\. Its weights are pickled only \(pytorch_model\.bin\)"):
        bringing.inspect(folder, "base")


def test_a_folder_stays_where_it_is_and_a_run_notices_when_it_changes(here, database, settings, factory, folder):
    model = bringing.add_folder(database, settings, None, folder, name="mine", kind="base")
    assert (model.path, kept(settings)) == (str(folder), [])
    assert model.provenance["licence"] == "mit"
    with database.reading() as session:
        [event] = session.scalars(select(AuditEvent))
        assert (event.action, event.detail["name"], event.detail["source"]) == ("added model", "mine", str(folder))
    with database.transaction() as session:
        run = Run(name="sft-1", stage="sft")
        session.add(run)
        session.flush()
        run.parents.append(runs.RunParent(role="base", model_version_id=model.id))
    execution.prepare(settings, database, run.id)
    spec = RunSpec.model_validate_json((runs.folder_of(settings, run.id) / CONFIG).read_text())
    assert spec.parents == {"base": folder}
    assert "model.safetensors" in spec.recorded["base"]


def test_a_copy_holds_what_a_model_is_made_of_and_no_more(here, database, settings, folder):
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "modeling_own.py").write_text("import os")
    shutil.copy(folder / "model.safetensors", folder / "consolidated.00.safetensors")
    one = bringing.add_folder(database, settings, None, folder, name="one", kind="base", copy=True)
    two = bringing.add_folder(database, settings, None, folder, name="two", kind="sft", copy=True)
    shutil.rmtree(folder)
    assert one.path == two.path, "the same files are kept once"
    files = {file.name for file in (settings.data_dir / one.path).iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= files
    assert not files & {"pytorch_model.bin", "modeling_own.py", "consolidated.00.safetensors"}
    bringing.remove(database, settings, None, "one")
    assert (settings.data_dir / two.path).exists(), "the other still needs it"
    bringing.remove(database, settings, None, "two")
    assert (models(database), kept(settings)) == ({}, [])


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (("", "base"), "Give the model a name"),
        (("x" * 101, "base"), "at most 100 characters"),
        (("ppo-3", "base"), "Runs name their models so"),
        (("fine", "poem"), "A model is one of base, sft, reward, policy, not “poem”"),
        (("fine", "reward"), "It has no head for a score"),
        (("taken", "base"), "a model or a run named “taken” already"),
        (("queued", "base"), "a model or a run named “queued” already"),
    ],
)
def test_what_is_refused_leaves_nothing(here, database, settings, factory, folder, model, reason, copy):
    name, kind = model
    factory.add(ModelVersion(name="taken", kind="sft", path="runs/1/model", metrics={}, provenance={}))
    factory.add(Run(name="queued", stage="sft"))
    with pytest.raises((Invalid, Conflict), match=reason):
        bringing.add_folder(database, settings, None, folder, name=name, kind=kind, copy=copy)
    assert (set(models(database)), kept(settings)) == ({"taken"}, [])


def test_of_two_who_choose_one_name_at_once_the_second_leaves_no_files(here, database, settings, folder, monkeypatch):
    enter = service.enter

    def after_another(session, by, facts, **told):
        session.add(ModelVersion(name="mine", kind="base", path="elsewhere", metrics={}, provenance={}))
        session.flush()
        return enter(session, by, facts, **told)

    monkeypatch.setattr(service, "enter", after_another)
    with pytest.raises(Conflict):
        bringing.add_folder(database, settings, None, folder, name="mine", kind="base", copy=True)
    assert kept(settings) == []


def test_runs_do_not_take_a_models_name(here, database, settings, factory, folder):
    bringing.add_folder(database, settings, None, folder, name="mine", kind="base")
    with database.transaction() as session:
        session.add(ModelVersion(name="pretrain-4", kind="base", path="runs/4/model", metrics={}, provenance={}))
        session.flush()
        order = {"stage": "pretrain", "config": {}, "parents": {}, "snapshot_id": None, "seed": 0}
        with pytest.raises(Invalid) as refused:
            runs.start_run(session, None, runs.Order(**order, name="mine"))
        assert "named “mine”" in refused.value.fields["name"]
        assert runs.start_run(session, None, runs.Order(**order)).name == "pretrain-5"


def test_a_model_that_something_was_made_with_stays(here, database, settings, factory, folder):
    model = bringing.add_folder(database, settings, None, folder, name="mine", kind="sft")
    prompt = factory.add(Prompt(fingerprint="0" * 64, messages=[{"role": "user", "content": "?"}], source="tests"))
    factory.add(Candidate(prompt_id=prompt.id, text="x", text_sha256="0" * 64, origin="m", model_version_id=model.id))
    with pytest.raises(Conflict, match="0 runs started from it, 1 answer came from it"):
        bringing.remove(database, settings, None, "mine")
    run = factory.add(Run(name="sft-9", stage="sft"))
    factory.add(ModelVersion(name="sft-9", kind="sft", path="runs/9/model", run_id=run.id, metrics={}, provenance={}))
    with pytest.raises(Conflict, match="was made by a run"):
        bringing.remove(database, settings, None, "sft-9")
    assert set(models(database)) == {"mine", "sft-9"}


def test_a_model_is_renamed_shown_and_downloaded_under_its_name_or_number(here, database, settings, folder, tmp_path):
    model = bringing.add_folder(database, settings, None, folder, name="mine", kind="base")
    commands.rename(database, "mine", "ours")
    assert commands.shown(database, settings, str(model.id))["name"] == "ours"
    told = commands.shown(database, settings, "ours")
    assert (told["kind"], told["family"], told["folder"], told["run"]) == ("base", "llama", str(folder), None)
    assert "files" not in told
    assert [one["name"] for one in commands.listed(database, settings)] == ["ours"]
    commands.download(database, settings, "ours", tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    with pytest.raises(Conflict, match="something at"):
        commands.download(database, settings, "ours", tmp_path / "out")
    with pytest.raises(NotFound):
        commands.shown(database, settings, "theirs")


def test_a_copy_that_somebody_adds_again_while_it_is_removed_is_there(here, database, settings, folder, monkeypatch):
    facts = bringing.inspect(folder, "base")
    monkeypatch.setattr(bringing, "inspect", lambda *_: facts)  # the library is not made for threads
    first = bringing.add_folder(database, settings, None, folder, name="first", kind="base", copy=True)
    remove, started = shutil.rmtree, []

    def meanwhile(path, **options):
        if path == settings.data_dir.resolve() / first.path:
            started.append(pool.submit(bringing.add_folder, database, settings, None, folder, **again))
            wait(started, timeout=1)  # nobody lets it in before the files are gone
        remove(path, **options)

    again = {"name": "again", "kind": "base", "copy": True}
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(shutil, "rmtree", meanwhile)
        bringing.remove(database, settings, None, "first")
        model = started[0].result(60)
    assert hashes_of(settings.data_dir / model.path) == service.recorded_files(model)


# From a hub ----------------------------------------------------------------------------------------


@pytest.fixture
def at(monkeypatch, tmp_path):
    """Let the library ask a hub of this machine."""

    def at(address):
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)

    return at


def test_a_model_comes_from_a_hub_with_its_commit(here, database, settings, folder, at):
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with hub({"lab/tiny": folder}) as address:
        at(address)
        model = bringing.add_from_hub(database, settings, None, "lab/tiny@v1", name="fetched", kind="base")
    assert model.provenance["source"] == f"lab/tiny@{COMMIT}"
    files = {file.name for file in (settings.data_dir / model.path).iterdir()}
    assert "model.safetensors" in files
    assert not files & {"pytorch_model.bin", ".cache"}
    assert kept(settings) == [(settings.data_dir / model.path).name], "and nothing half fetched"


@pytest.mark.parametrize(
    ("repository", "reason"),
    [
        ("lab/none", "There is no model “lab/none”, or it is not public"),
        ("lab/tiny@v9", "“lab/tiny” has no revision “v9”"),
        (GATED, "“closed/model” is for those who agreed to its terms"),
        ("../etc", "is named ORG/NAME"),
        ("tiny", "is named ORG/NAME"),
    ],
)
def test_what_a_hub_does_not_give_is_told_why(here, database, settings, folder, at, repository, reason):
    with hub({"lab/tiny": folder}) as address:
        at(address)
        with pytest.raises(Invalid, match=reason):
            bringing.add_from_hub(database, settings, None, repository, name="fetched", kind="base")
    assert (models(database), kept(settings)) == ({}, [])


def test_a_line_that_is_cut_leaves_nothing(here, database, settings, folder, at, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # the library waits between its attempts
    with hub({"lab/tiny": folder}, breaks_after=1000) as address:
        at(address)
        with pytest.raises(Invalid, match="“lab/tiny” could not be fetched"):
            bringing.add_from_hub(database, settings, None, "lab/tiny", name="fetched", kind="base")
    assert (models(database), kept(settings)) == ({}, [])


def test_the_command_asks_the_hub_that_the_environment_names(database, settings, folder):
    with hub({"lab/tiny": folder}) as address:
        environment = {
            **os.environ,
            "HF_ENDPOINT": address,
            "HF_HUB_OFFLINE": "0",
            "PREFLOOP_DATA_DIR": str(settings.data_dir),
            "PREFLOOP_DATABASE_URL": settings.database_url,
        }
        command = [sys.executable, "-m", "app.cli", "model", "add", "--from-hub", "lab/tiny", "--name", "fetched"]
        done = subprocess.run(
            [*command, "--kind", "base", "--json"], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert models(database)["fetched"].provenance["family"] == "llama"
