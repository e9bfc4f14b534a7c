"""A trial takes a few steps, tells what the whole run will take, and leaves nothing else; presets fill the form."""

import html
import json
import re

import pytest

from app import cli
from app.errors import Invalid
from app.models import ModelVersion, Run, Snapshot
from app.training.runs import commands, execution, forms, queries, rules, service
from tests import tiny
from trainer.__main__ import main
from trainer.contract.configs import CONFIGS
from trainer.contract.forecast import Forecast, lowers_memory
from trainer.contract.presets import PRESETS

TINY = {
    "threads": "1",
    "batch_size": "4",
    "block": "32",
    "layers": "1",
    "hidden_size": "16",
    "heads": "2",
    "steps": "900",
}


@pytest.fixture
def engine_name():
    """Nothing here asks the database more than the tests of runs do."""
    return "sqlite"


@pytest.fixture
def tried(browse, settings, database):
    """A trial ordered on the page and done as a worker does it; its number."""
    (settings.data_dir / "corpora").mkdir(parents=True)
    corpus = tiny.corpus_file(settings.data_dir / "corpora" / "text.txt")
    browse.as_("engineer")
    browse.get("/runs/new?stage=pretrain")
    form = {f"config-{name}": value for name, value in TINY.items()} | {"config-corpus": str(corpus)}
    answer = browse.post("/runs", {"stage": "pretrain", "trial": "1", **form})
    run_id = int(answer.headers["location"].rpartition("/")[2])
    execution.prepare(settings, database, run_id)
    assert main(["pretrain", str(service.folder_of(settings, run_id))]) == 0
    assert execution.finish(settings, database, run_id, 0, "succeeded") == "succeeded"
    return run_id


def test_it_tells_what_the_run_takes_and_enters_no_model(tried, browse, database, settings):
    page = browse.get(f"/runs/{tried}")
    assert "pretrain-trial-1" in page
    assert "What the whole run will take" in page
    assert re.search(r"<dt>steps</dt>\s*<dd>900</dd>", page)
    assert "Measured in 3 steps on this worker." in page
    with database.reading() as session:
        assert session.query(ModelVersion).count() == 0
    assert browse.client.get(f"/runs/{tried}/figures.json").json()["forecast"]["steps"] == 900
    # The order for the run itself stands ready, and is no trial any more.
    form = browse.get(f"/runs/new?like={tried}")
    assert 'name="config-steps" value="900"' in form
    told = json.loads(commands.forecast(settings, tried))
    assert told["fits"]
    assert told["seconds"] > 0


def test_a_run_after_it_is_the_first_of_its_stage(tried, browse):
    browse.get("/runs/new?stage=pretrain")
    answer = browse.post("/runs", {"stage": "pretrain"})
    assert browse.client.get(answer.headers["location"] + ".json").json()["name"] == "pretrain-1"


def test_what_takes_no_steps_cannot_be_tried(browse, database):
    browse.as_("engineer")
    assert "Try three steps first" in browse.get("/runs/new?stage=ppo")
    assert "Try three steps first" not in browse.get("/runs/new?stage=evaluate")
    with database.transaction() as session, pytest.raises(Invalid) as refused:
        service.start_run(session, None, service.Order("evaluate", {}, {}, None, 1, purpose={"trial": True}))
    assert "no steps that could be measured" in refused.value.fields["trial"]


def test_a_figure_is_never_taken_from_a_trial(factory, database):
    snapshot = factory.add(Snapshot(name="first", digest="0123456789abcdef", counts={}))
    given = {"stage": "crossvalidate", "status": "succeeded", "snapshot_id": snapshot.id}
    factory.add(Run(name="crossvalidate-1", **given))
    factory.add(Run(name="crossvalidate-trial-1", purpose={"trial": True}, **given))
    with database.reading() as session:
        assert queries.newest_success(session, "crossvalidate", snapshot.id).name == "crossvalidate-1"


@pytest.mark.parametrize(
    ("held", "words", "absent"),
    [
        (20, [], ["For less memory"]),
        (90, ["It fits, but only just", "Set a lora rank"], []),
        (130, ["takes all the memory there is", "Choose bfloat16"], []),
    ],
)
def test_a_tight_or_too_large_run_says_what_to_lower(browse, factory, settings, held, words, absent):
    run = factory.add(Run(name="sft-trial-1", stage="sft", status="succeeded", purpose={"trial": True}))
    folder = service.folder_of(settings, run.id)
    folder.mkdir(parents=True)
    told = Forecast(
        steps=10, probed=3, seconds_before=4, seconds_per_step=7, peak_bytes=held * 10**8, memory_bytes=10**10,
        device="cpu", dtype="float32", lower=lowers_memory(CONFIGS["sft"](), "float32"),
    )  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps({"stage": "sft", "forecast": told.model_dump()}))
    browse.as_("engineer")
    page = html.unescape(browse.get(f"/runs/{run.id}"))
    assert "About 1 min 14 s and" in page
    assert all(sentence in page for sentence in words)
    assert not [sentence for sentence in absent if sentence in page]


def test_every_setting_that_takes_less_memory_has_its_advice():
    for stage in CONFIGS:
        assert set(lowers_memory(CONFIGS[stage](), "float32")) <= rules.LOWER.keys()
    assert lowers_memory(CONFIGS["ppo"](), "float32") == [*rules.LOWER]
    modest = CONFIGS["sft"](activation_checkpointing=True, tokens_per_forward=1024, lora_rank=4)
    assert lowers_memory(modest, "bfloat16") == []


def test_a_preset_fills_the_settings_and_keeps_the_rest_of_the_form(browse):
    browse.as_("engineer")
    page = browse.get("/runs/new?stage=ppo")
    assert all(name in html.unescape(page) for name in ("LoRA for 1–8 B on one GPU", "InstructGPT, Appendix C"))
    form = {"stage": "ppo", "seed": "77", "name": "try", "config-iterations": "3", "config-clip": "0.4"}
    page = browse.post("/runs/new", form | {"preset": "instructgpt"}, status=200).text
    told = dict(re.findall(r'name="([\w-]+)"[^>]*? value="([^"]*)"', page))
    assert (told["config-iterations"], told["config-batch_size"], told["config-clip"]) == ("500", "512", "0.2")
    assert (told["seed"], told["name"]) == ("77", "try")
    browse.post("/runs/new", form | {"preset": "huge"}, status=422)
    assert rules.PRESETS.keys() == PRESETS.keys()


def test_the_command_line_orders_by_preset_setting_parent_and_snapshot(
    factory, database, settings, monkeypatch, capsys, tmp_path
):
    factory.add(ModelVersion(name="mine", kind="base", path="runs/1/model"))
    factory.add(Snapshot(name="first", digest="0123456789abcdef", counts={}))
    monkeypatch.setattr("app.cli.load_settings", lambda: settings)

    def prefloop(*arguments):
        monkeypatch.setattr("sys.argv", ["prefloop", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0

    ordered = ["--preset", "instructgpt", "--set", "epochs=2", "--set", "lora-rank=4", "--parent", "base=mine"]
    assert prefloop("run", "sft", *ordered, "--snapshot", "first") == 0
    capsys.readouterr()
    assert prefloop("runs", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["stage"], told["status"]) == ("sft", "queued")
    assert {name: told["config"][name] for name in ("epochs", "learning_rate", "lora_rank")} == {
        "epochs": 2, "learning_rate": 9.65e-6, "lora_rank": 4,
    }  # fmt: skip
    # What a file says goes before the preset, and what is said beside it before both.
    file = tmp_path / "order.json"
    file.write_text(
        json.dumps({"config": {"epochs": 5, "batch_size": 7}, "parents": {"base": "mine"}, "snapshot": "first"})
    )
    assert prefloop("run", "sft", "--config", str(file), "--preset", "instructgpt", "--set", "batch_size=9") == 0
    with database.reading() as session:
        config = session.query(Run).order_by(Run.id.desc()).first().config
    assert (config["epochs"], config["batch_size"], config["learning_rate"]) == (5, 9, 9.65e-6)
    capsys.readouterr()
    for wrong, sentence in (
        (["--preset", "huge"], "There is no preset “huge” for sft. Known: tiny-cpu, lora-one-gpu, instructgpt."),
        (["--set", "epochs"], "--set “epochs” is not of the form NAME=VALUE."),
        (["--parent", "base=nobody"], "There is no model named nobody."),
    ):
        assert prefloop("run", "sft", *wrong) == 1
        assert sentence in capsys.readouterr().err


def test_a_setting_left_empty_is_the_usual_one():
    assert forms.read_config("sft", {"max_tokens": ""})[0] == CONFIGS["sft"]()
