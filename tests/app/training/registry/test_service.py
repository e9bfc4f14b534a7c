"""A model is entered as its run left it, and the registry remembers what that was."""

import pytest

from app.errors import Conflict
from app.models import ModelVersion, Run, RunParent
from app.training.registry import service
from app.training.runs import execution
from app.training.runs import service as runs
from trainer.contract.folder import CONFIG, RunSpec
from trainer.contract.integrity import hashes_of


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_model_whose_files_are_not_what_the_run_left_is_not_registered(factory, database, tmp_path):
    run = factory.add(Run(name="sft-1", stage="sft"))
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.safetensors", "config.json", "README.md"):
        (folder / name).write_text(name)
    left = hashes_of(folder)
    trained = service.TrainedModel(
        name="sft-1",
        kind="sft",
        path="runs/1/model",
        run_id=run.id,
        snapshot_id=None,
        parents={},
        metrics={},
        provenance={"seed": 3},
        files=left,
    )
    (folder / "model.safetensors").write_text("other weights")
    (folder / "adapter_config.json").write_text("{}")
    with (
        pytest.raises(Conflict, match=r"not registered .*: adapter_config.json, model.safetensors\."),
        database.transaction() as session,
    ):
        service.register(session, trained, hashes_of(folder))
    with database.reading() as session:
        assert session.query(ModelVersion).count() == 0

    (folder / "model.safetensors").write_text("model.safetensors")
    (folder / "adapter_config.json").unlink()
    (folder / "README.md").write_text("a word to colleagues")
    with database.transaction() as session:
        model = service.register(session, trained, hashes_of(folder))
        assert service.recorded_files(model) == left
        assert model.provenance["seed"] == 3
        assert service.register(session, trained, hashes_of(folder)) is model, "entered once"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_run_is_told_what_the_registry_knows_of_its_models(factory, database, settings):
    known = {"model.safetensors": "a" * 64}
    base = factory.add(
        ModelVersion(name="base-1", kind="base", path="runs/1/model", metrics={}, provenance={"files": known})
    )
    old = factory.add(ModelVersion(name="old", kind="reward", path="runs/2/model", metrics={}, provenance={}))
    parents = [RunParent(role="sft", model_version_id=base.id), RunParent(role="reward", model_version_id=old.id)]
    run = factory.add(Run(name="ppo-1", stage="ppo", parents=parents))
    execution.prepare(settings, database, run.id)
    spec = RunSpec.model_validate_json((runs.folder_of(settings, run.id) / CONFIG).read_text())
    assert spec.recorded == {"sft": known, "reward": {}}
