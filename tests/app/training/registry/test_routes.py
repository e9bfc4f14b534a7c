"""Engineers add models on a page, whatever is wrong with a folder stands beside it, and others may only look."""

import json

import pytest

from app.models import ModelVersion, Person
from app.settings import Settings
from app.training.registry import inspection_words
from tests import tiny
from trainer.contract import inspection

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def offered(settings):
    root = settings.models_to_bring
    tiny.model_folder(root / "tiny")
    (root / "lab" / "pickled").mkdir(parents=True)
    (root / "lab" / "pickled" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (root / "lab" / "pickled" / "pytorch_model.bin").write_bytes(b"pickle")
    return root


def test_a_model_is_added_looked_at_renamed_and_removed(here, browse, offered, database):
    browse.as_("engineer")
    assert "/models/add" in browse.get("/models")
    page = browse.get("/models/add")
    assert "lab/pickled" in page
    assert "Its weights are pickled only (pytorch_model.bin)" in page
    chosen = {"folder": "tiny", "name": "My <base>", "kind": "base"}
    place = browse.post("/models/add", chosen).headers["location"]
    page = browse.get(place)
    for told in (
        "My &lt;base&gt;",
        "LlamaForCausalLM",
        "Memory that a run takes at least",
        "not named",
        str(offered / "tiny"),
    ):
        assert told in page, told
    assert "My &lt;base&gt;" in browse.get("/models")
    assert "My &lt;base&gt;" in browse.get("/runs/new?stage=sft"), "it is there to start from"
    browse.post(f"{place}/rename", {"name": "Base"})
    assert "Base" in browse.get(place)
    browse.post(f"{place}/remove", {})
    browse.get(place, status=404)
    assert (offered / "tiny" / "config.json").exists(), "what was not copied is not ours to remove"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"folder": "lab/pickled", "name": "a", "kind": "base"}, "Its weights are pickled only"),
        ({"folder": "../../etc", "name": "a", "kind": "base"}, "Choose a folder."),
        ({"folder": "", "name": "a", "kind": "base"}, "Choose a folder."),
        ({"folder": "tiny", "name": " ", "kind": "base"}, "Give the model a name."),
        ({"folder": "tiny", "name": "ppo-1", "kind": "base"}, "Runs name their models so."),
        ({"folder": "tiny", "name": "a", "kind": "poem"}, "A model is one of"),
    ],
)
def test_what_cannot_be_added_is_told_in_the_form_that_keeps_what_was_typed(browse, offered, given, reason):
    browse.as_("engineer")
    page = browse.post("/models/add", given, status=422).text
    assert reason in page
    assert "Nothing was added." in page
    assert f'value="{given["name"]}"' in page


def test_a_link_out_of_the_folder_is_not_offered(browse, offered, tmp_path):
    tiny.model_folder(tmp_path / "elsewhere")
    (offered / "link").symlink_to(tmp_path / "elsewhere")
    browse.as_("engineer")
    assert 'value="link"' not in browse.get("/models/add")
    browse.post("/models/add", {"folder": "link", "name": "a", "kind": "base"}, status=422)


def test_without_any_folder_the_page_says_where_one_goes(browse, settings):
    browse.as_("engineer")
    assert str(settings.models_to_bring) in browse.get("/models/add")


def test_the_folder_that_an_admin_names_is_offered(settings, tmp_path):
    named = Settings(data_dir=settings.data_dir, models_dir=tmp_path / "checkpoints")
    assert named.models_to_bring == (tmp_path / "checkpoints").resolve()
    assert settings.models_to_bring == (settings.data_dir / "import").resolve()


def test_every_sentence_of_an_inspection_can_be_translated(engine_name):
    assert inspection_words.SENTENCES == inspection.TEXTS


def test_researchers_look_and_change_nothing(browse, factory, database):
    factory.add(ModelVersion(name="mine", kind="base", path="/nowhere", metrics={}, provenance={"source": "/nowhere"}))
    browse.as_("researcher")
    assert "/models/add" not in browse.get("/models")
    assert "Rename" not in browse.get("/models/1")
    browse.get("/models/add", status=403)
    browse.post("/models/1/rename", {"name": "x"}, status=403)
    browse.post("/models/1/remove", {}, status=403)
    with database.reading() as session:
        assert session.get(ModelVersion, 1).name == "mine"
        assert session.query(Person).count() == 1
