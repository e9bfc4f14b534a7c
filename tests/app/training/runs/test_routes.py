import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app import cli
from app.errors import Conflict, Invalid
from app.models import Campaign, Candidate, ModelParent, ModelVersion, Prompt, Run, Snapshot, Worker
from app.models.base import utc_now
from app.training.runs import execution, rules, service
from tests import tiny
from tests.app.training.runs import judged
from trainer.contract.folder import CANDIDATES, RunManifest, write_json
from trainer.contract.judging import Calibration, Ceiling, Group, Probe, Share, TieFigures
from trainer.contract.records import Candidate as Sampled
from trainer.contract.records import write_rows


@pytest.fixture
def parts(factory):
    """A base model, an SFT model made from it, a reward model, and a snapshot."""
    base = factory.add(ModelVersion(name="base-1", kind="base", path="runs/1/model"))
    sft = factory.add(
        ModelVersion(
            name="sft-1",
            kind="sft",
            path="runs/2/model",
            metrics={"loss/heldout": 2.5},
            parents=[ModelParent(role="base", parent_id=base.id)],
        )
    )
    reward = factory.add(ModelVersion(name="reward-1", kind="reward", path="runs/3/model"))
    snapshot = factory.add(Snapshot(name="first", digest="0123456789abcdef", counts={"rankings": 3}))
    return {"base": base.id, "sft": sft.id, "reward": reward.id, "snapshot": snapshot.id}


def test_an_engineer_starts_a_run_and_sees_it_waiting(browse, parts):
    browse.as_("engineer")
    browse.get("/runs/new?stage=sft")
    answer = browse.post(
        "/runs", {"stage": "sft", "parent-base": parts["base"], "snapshot": parts["snapshot"], "config-epochs": "2"}
    )
    page = browse.get(answer.headers["location"])
    assert "waiting for a worker" in page
    state = browse.client.get(answer.headers["location"] + ".json").json()
    assert (state["name"], state["status"], state["model_id"]) == ("sft-2", "queued", None), "a model is called sft-1"
    assert "sft-2" in browse.get("/runs")
    assert "sft-2" in browse.get("/dashboard")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_stage_has_a_form(browse, parts):
    browse.as_("engineer")
    for stage in rules.STAGES:
        browse.get(f"/runs/new?stage={stage}")
    browse.get("/runs/new?stage=magic", status=422)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_wrong_setting_is_shown_at_its_field_and_nothing_is_started(browse, parts):
    browse.as_("engineer")
    browse.get("/runs/new?stage=sft")
    form = {"stage": "sft", "parent-base": parts["base"], "snapshot": parts["snapshot"], "config-epochs": "many"}
    page = browse.post("/runs", form, status=422).text
    assert "Nothing was started" in page
    assert 'aria-invalid="true"' in page
    assert 'value="many"' in page
    assert "No runs yet" in browse.get("/runs")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"parent-base": ""}, "Choose a base model"),
        ({"parent-base": "999"}, "does not exist"),
        ({"snapshot": ""}, "Choose a snapshot"),
        ({"snapshot": "999"}, "snapshot does not exist"),
        ({"seed": "abc"}, "seed is a whole number, not “abc”"),
        ({"seed": "-1"}, "A seed is a number from 0"),
        ({"name": "x" * 121}, "at most 120 characters"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_missing_part_is_named(browse, parts, change, sentence):
    browse.as_("engineer")
    browse.get("/runs")
    form = {"stage": "sft", "parent-base": str(parts["base"]), "snapshot": str(parts["snapshot"]), **change}
    assert sentence in browse.post("/runs", form, status=422).text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_all_that_is_missing_or_wrong_is_told_together_each_at_its_field(browse, parts):
    browse.as_("engineer")
    browse.get("/runs")
    form = {
        "stage": "sample",
        "parent-policy": "999",
        "snapshot": "",
        "seed": "x",
        "name": "x" * 121,
        "config-temperature": "-1",
        "config-answers_per_prompt": "3",
        "prompts-split": "some",
        "prompts-count": "many",
        "campaign-name": "Round 1",
        "campaign-overlap": "0",
    }
    page = browse.post("/runs", form, status=422).text
    told = dict(re.findall(r'name="([\w-]+)"[^>]*aria-invalid="true".*?class="problem"[^>]*>([^<]+)<', page, re.DOTALL))
    assert told.keys() == {*form} - {"stage", "campaign-name"}
    assert told["campaign-overlap"].startswith("Between 1 and")
    assert "4 to 9" in told["config-answers_per_prompt"]
    assert told["config-temperature"] == "Enter 0 or more."
    assert told["snapshot"] == "Choose a snapshot."
    assert "No runs yet" in browse.get("/runs")
    right = {"parent-policy": parts["sft"], "snapshot": parts["snapshot"], "config-temperature": "1", "name": ""}
    right |= {"seed": "1", "prompts-split": "any", "prompts-count": "5", "campaign-overlap": "1"}
    assert "4 to 9" in browse.post("/runs", form | right, status=422).text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_reward_model_cannot_stand_where_a_language_model_must(browse, parts):
    browse.as_("engineer")
    browse.get("/runs")
    form = {"stage": "sft", "parent-base": parts["reward"], "snapshot": parts["snapshot"]}
    assert "cannot be used as “base”" in browse.post("/runs", form, status=422).text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_campaign_of_sampled_answers_asks_for_four_to_nine(browse, parts):
    browse.as_("engineer")
    browse.get("/runs")
    form = {"stage": "sample", "parent-policy": parts["sft"], "snapshot": parts["snapshot"], "campaign-name": "Round 1"}
    assert "4 to 9" in browse.post("/runs", {**form, "config-answers_per_prompt": 3}, status=422).text
    browse.post("/runs", {**form, "config-answers_per_prompt": 4})


def test_a_waiting_run_is_cancelled_at_once_and_can_go_on(browse, parts):
    browse.as_("engineer")
    browse.get("/runs")
    address = browse.post("/runs", {"stage": "pretrain"}).headers["location"]
    browse.post(f"{address}/cancel")
    assert "cancelled" in browse.get(address)
    browse.post(f"{address}/cancel", status=409)
    browse.post(f"{address}/continue")
    assert "waiting for a worker" in browse.get(address)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_curves_and_samples_come_from_the_run_folder_and_half_a_line_waits(browse, factory, settings):
    run = factory.add(Run(name="ppo-1", stage="ppo", status="running", step=2, total=9, started_at=utc_now()))
    folder = service.folder_of(settings, run.id)
    folder.mkdir(parents=True)
    lines = [
        {"step": 1, "total": 9, "loss/policy": 0.5},
        {"step": 2, "total": 9, "loss/policy": None, "kl/sequence": 1},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines) + '{"step": 3, "lo')
    rows = [{"step": 1, "prompt": "p", "answer": "early"}, {"step": 2, "prompt": "p", "answer": "<b>late</b>"}]
    (folder / "samples.jsonl").write_text("".join(json.dumps(x) + "\n" for x in rows))
    browse.as_("engineer")
    found = browse.client.get(f"/runs/{run.id}/metrics.json").json()
    assert found["series"] == {"loss/policy": [[1, 2], [0.5, None]], "kl/sequence": [[2], [1]]}
    page = browse.get(f"/runs/{run.id}")
    assert "early" in page
    assert "&lt;b&gt;late" in page


def test_labelers_see_no_runs_and_researchers_start_none(browse, parts):
    browse.as_("labeler")
    browse.get("/runs", status=403)
    browse.get("/models", status=403)
    browse.as_("researcher")
    browse.get("/runs")
    browse.post("/runs", {"stage": "pretrain"}, status=403)


def test_the_registry_shows_a_model_with_its_parents_and_children(browse, parts):
    browse.as_("engineer")
    assert "base-1" in browse.get("/models")
    page = browse.get(f"/models/{parts['sft']}")
    assert re.search(r"base-1.*here.*sft-1", page, re.DOTALL)
    assert "uses it as base" in browse.get(f"/models/{parts['base']}")


def test_a_finished_sample_run_brings_its_answers_to_labelers_once(database, factory, settings, parts):
    prompts = [
        factory.add(
            Prompt(fingerprint=f"{i:064}", messages=[{"role": "user", "content": f"Question {i}"}], source="test")
        )
        for i in range(3)
    ]
    with database.transaction() as session:
        run = service.start_run(
            session,
            None,
            service.Order(
                stage="sample",
                config={},
                parents={"policy": parts["sft"]},
                snapshot_id=parts["snapshot"],
                seed=1,
                purpose={"campaign": {"name": "Round 1", "overlap": 2}},
            ),
        )
        run.status = "running"
    folder = service.folder_of(settings, run.id)
    folder.mkdir(parents=True)
    provenance = {"temperature": 1.0, "top_p": 1.0, "max_new_tokens": 9, "tokens": 3, "finished": True}
    write_rows(
        folder / CANDIDATES,
        Sampled,
        # The third prompt's answers are all alike, so there is nothing to rank.
        (
            Sampled(prompt_id=str(p.id), index=k, text=f"Answer {k if i < 2 else 0}", seed=k, **provenance)
            for i, p in enumerate(prompts)
            for k in range(4)
        ),
    )
    write_json(folder / "manifest.json", RunManifest(stage="sample", metrics={"data/candidates": 12}))
    for _ in range(2):
        assert execution.finish(settings, database, run.id, run.fence, "succeeded") == "succeeded"
    with database.reading() as session:
        assert session.query(Candidate).count() == 9
        assert {c.model_version_id for c in session.query(Candidate)} == {parts["sft"]}
        from app.models import Assignment, Task

        assert session.query(Campaign).one().name == "Round 1"
        assert session.query(Task).count() == 2
        assert session.query(Assignment).count() == 4


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_corpus_of_the_browser_lies_in_the_data_folder(browse, settings):
    browse.as_("engineer")
    page = browse.post("/runs", {"stage": "pretrain", "config-corpus": "/etc/passwd"}, status=422).text
    assert "imported corpus" in page
    assert 'aria-invalid="true"' in page
    browse.post("/prompts/import", {"kind": "corpus"}, files={"file": ("c.txt", b"Some text.")})
    browse.post("/runs", {"stage": "pretrain", "config-corpus": next((settings.data_dir / "corpora").iterdir())})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"campaign-overlap": "99"}, "Between 1 and 20 people"),
        ({"campaign-phase": "later"}, "not “later”"),
        ({"campaign-name": "x" * 121}, "at most 120 characters"),
        ({"prompts-split": "all"}, "not from “all”"),
        ({"prompts-count": "0"}, "at least one prompt"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_would_fail_after_hours_of_sampling_fails_before(browse, parts, wrong, sentence):
    browse.as_("engineer")
    form = {"stage": "sample", "parent-policy": parts["sft"], "snapshot": parts["snapshot"], "campaign-name": "Round 1"}
    assert sentence in browse.post("/runs", {**form, **wrong}, status=422).text


def test_a_campaign_name_that_is_taken_is_told_before_sampling(browse, factory, parts):
    factory.add(Campaign(name="Round 1"))
    browse.as_("engineer")
    form = {"stage": "sample", "parent-policy": parts["sft"], "snapshot": parts["snapshot"], "campaign-name": "Round 1"}
    assert "already a campaign named" in browse.post("/runs", form, status=422).text


def test_a_campaign_name_taken_while_sampling_costs_no_answers(database, factory, parts):
    wanted = {"campaign": {"name": "Round 1"}}
    run = factory.add(Run(name="sample-1", stage="sample", purpose=wanted))
    factory.add(Campaign(name="Round 1"))
    with database.transaction() as session:
        campaign = execution._open_campaign(session, run, wanted["campaign"], {})
    assert campaign.name == f"Round 1 (run {run.id})"


def test_going_on_twice_at_once_queues_a_run_once(database, factory, settings):
    """Between the two looks a worker may have taken the run; a second order would start a second trainer in it."""
    run = factory.add(Run(name="sft-1", stage="sft", status="failed"))
    first_is_in = threading.Event()

    def first():
        with database.transaction() as session:
            service.go_on(session, settings, None, run.id)
            session.flush()
            first_is_in.set()
            time.sleep(0.5)

    def second():
        first_is_in.wait(10)
        with database.transaction() as session:
            service.go_on(session, settings, None, run.id)

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        one.result(60)
        with pytest.raises(Conflict, match="is queued"):
            two.result(60)


def test_a_second_click_starts_no_second_run(browse, parts):
    browse.as_("engineer")
    form = {"stage": "sft", "parent-base": parts["base"], "snapshot": parts["snapshot"], "seed": "77"}
    first, second = (browse.post("/runs", form).headers["location"] for _ in range(2))
    assert first == second
    assert browse.post("/runs", {**form, "seed": "78"}).headers["location"] != first
    assert browse.post("/runs", {**form, "name": "again"}).headers["location"] != first


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_reward_form_keeps_all_that_was_typed_and_tells_each_wrong_line(browse, parts):
    browse.as_("engineer")
    form = {
        "stage": "reward",
        "parent-sft": parts["sft"],
        "snapshot": parts["snapshot"],
        "config-heads": ["helpful", "harmless"],
        "config-ties": "davidson",
        "config-share_prefixes": "False",
        "config-labeler_weights": "<b>w7</b> = 0.5\nw8 = lots",
    }
    page = browse.post("/runs", form, status=422).text
    assert "Line 2: a weight is a number from 0, not “lots”." in page
    assert "&lt;b&gt;w7&lt;/b&gt; = 0.5\nw8 = lots</textarea>" in page
    assert "<details open><summary>More settings" in page
    assert re.findall(r'value="(\w+)" checked', page) == ["helpful", "harmless"]
    assert '<option value="davidson" selected>' in page
    assert '<option value="False" selected>no' in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_choice_that_does_not_exist_stays_in_sight(browse, parts):
    browse.as_("engineer")
    page = browse.get("/runs/new?stage=reward&config-ties=perhaps")
    assert '<option value="perhaps" selected>perhaps</option>' in page


def test_a_run_is_started_again_with_its_own_settings(browse, parts, database):
    browse.as_("engineer")
    form = {
        "stage": "reward",
        "parent-sft": parts["sft"],
        "snapshot": parts["snapshot"],
        "seed": "41",
        "config-heads": ["helpful", "harmless"],
        "config-labeler_weights": "w7 = 0.5\nw8 = 2",
        "config-epochs": "2",
    }
    first = browse.post("/runs", form).headers["location"].rpartition("/")[2]
    page = browse.get(f"/runs/new?like={first}&config-epochs=3")
    assert "New reward run" in page
    assert 'name="config-epochs" value="3"' in page
    assert 'name="seed" value="41" inputmode="numeric"' in page
    assert "w7 = 0.5\nw8 = 2.0</textarea>" in page
    assert re.findall(r'value="(\w+)" checked', page) == ["helpful", "harmless"]
    with database.reading() as session:
        run = service.run_for(session, int(first))
        assert run.config["labeler_weights"] == {"w7": 0.5, "w8": 2.0}
        assert run.config["heads"] == ["helpful", "harmless"]
    browse.get("/runs/new?like=999", status=404)
    browse.get("/runs/new?like=first", status=422)


# What was measured --------------------------------------------------------------------------------


def finished(factory, settings, stage, manifest, **columns):
    """A run that is over and left this manifest: a record of ours, a text, or none."""
    given = {"name": f"{stage}-9", "stage": stage, "status": "succeeded", "started_at": utc_now()}
    run = factory.add(Run(**{**given, **columns}))
    folder = service.folder_of(settings, run.id)
    folder.mkdir(parents=True)
    if isinstance(manifest, str):
        (folder / "manifest.json").write_text(manifest)
    elif manifest is not None:
        write_json(folder / "manifest.json", manifest)
    return run


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_page_of_a_reward_run_shows_all_that_was_measured(browse, factory, settings):
    run = finished(factory, settings, "reward", judged.reward_manifest())
    browse.as_("researcher")
    page = browse.get(f"/runs/{run.id}")
    assert "Orders 71.2\u00a0% of 4,812 held-out pairs as people did" in page
    for words in (
        "What this run left out or did otherwise",
        "w71, w90",
        "All 24, best first",
        "Reliability curve",
        "3.7 points",
        "tied pairs",
        "score and length correlate 0.42",
        "second half cut off",
        "people&#39;s demonstrations",
        "Mean of the scores",
    ):
        assert words in page, words
    assert page.count("<svg") > 60
    assert "None" not in page.partition('id="run-figures"')[2].partition('id="curves"')[0]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_picture_says_what_it_shows_or_stands_in_the_row_of_its_numbers(browse, factory, settings):
    run = finished(factory, settings, "reward", judged.reward_manifest())
    browse.as_("researcher")
    pictures = re.findall(r"<svg(?![^>]*class=\"shape)(?! y=)[^>]*>", browse.get(f"/runs/{run.id}/figures"))
    assert len(pictures) > 60
    for picture in pictures:
        assert 'aria-hidden="true"' in picture or ('role="img"' in picture and "aria-label" in picture), picture


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_cross_validation_shows_people_seen_and_unseen(browse, factory, settings):
    run = finished(factory, settings, "crossvalidate", judged.crossvalidate_manifest())
    browse.as_("researcher")
    page = browse.get(f"/runs/{run.id}")
    assert "With people it never learned from the model agrees in" in page
    assert "6 labelers left out, 3 seeds" in page
    assert "72.4 ± 0.4" in page
    assert "Every training (15)" in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_run_from_before_figures_says_why_there_are_none(browse, factory, settings):
    old = '{"schema_version": 1, "stage": "reward", "metrics": {"reward/heldout_accuracy": 0.6}}'
    run = finished(factory, settings, "reward", old)
    browse.as_("researcher")
    assert "This run left no figures" in browse.get(f"/runs/{run.id}")
    assert "left no figures" not in browse.get(f"/runs/{finished(factory, settings, 'sft', None).id}")


@pytest.mark.parametrize("manifest", ["{", '{"stage": "reward", "from": "the future"}', "[" * 100_000, "7", "\udcff"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_manifest_that_cannot_be_read_spoils_no_page(browse, factory, settings, manifest):
    run = finished(factory, settings, "reward", None)
    (service.folder_of(settings, run.id) / "manifest.json").write_bytes(manifest.encode(errors="surrogateescape"))
    browse.as_("researcher")
    assert "The manifest of this run cannot be read" in browse.get(f"/runs/{run.id}")
    assert "cannot be read" in browse.client.get(f"/runs/{run.id}/figures.json").json()["problem"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_numbers_that_are_none_are_dashes(browse, factory, settings):
    nothing = Share()
    empty = judged.reward_manifest(
        accuracy=nothing,
        complete=nothing,
        by_k=[Group(name="4", accuracy=nothing)],
        by_use_case=[],
        by_labeler=[Group(name="w1", accuracy=Share(value=0.5, n=2, prompts=1))],
        calibration=Calibration(),
        ties=TieFigures(tied_pairs=3),
        ceiling=Ceiling(),
        distributions=[],
        histogram_edges=[],
        probes=[Probe(name="longer_wins", model=nothing, people=nothing)],
        ensemble=None,
    )
    run = finished(factory, settings, "reward", empty)
    browse.as_("researcher")
    page = browse.get(f"/runs/{run.id}/figures")
    assert "there is no accuracy" in page
    assert "None" not in page
    assert "nan" not in page.lower()
    assert '<td class="number value">–</td>' in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_numbers_that_json_does_not_have_are_taken_for_missing(browse, factory, settings):
    text = judged.reward_manifest().model_dump_json().replace('"ece":0.037', '"ece":NaN')
    text = re.sub(r'"correlation":0.42', '"correlation":1e999', text)
    run = finished(factory, settings, "reward", text)
    browse.as_("researcher")
    page = browse.get(f"/runs/{run.id}/figures")
    assert "Expected calibration error" not in page
    assert "correlate" not in page
    assert browse.client.get(f"/runs/{run.id}/figures.json").json()["judging"]["calibration"]["ece"] is None


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_names_that_others_wrote_stay_text(browse, factory, settings):
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    manifest = judged.reward_manifest(
        by_use_case=judged.groups((evil, 0.7, 90)),
        by_labeler=judged.groups(*((f"{evil}{i}", 0.5 + i / 50, 3000) for i in range(20))),
        distributions=[judged.judging().distributions[0].model_copy(update={"source": evil})],
        probes=[Probe(name=f"original_wins:{evil}", model=Share(value=0.5, n=1)), Probe(name=evil, model=Share())],
    ).model_copy(update={"notes": [evil, "{{ 7 * 7 }}"]})
    reward = finished(factory, settings, "reward", manifest)
    crossed = judged.crossed()
    crossed.folds[0].labelers.append(evil)
    cross = finished(
        factory, settings, "crossvalidate", RunManifest(stage="crossvalidate", cross_validation=crossed, notes=[evil])
    )
    browse.as_("researcher")
    for run in (reward, cross):
        page = browse.get(f"/runs/{run.id}/figures")
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7 * 7 }}" in browse.get(f"/runs/{reward.id}/figures")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_figures_are_looked_for_until_the_run_is_over(browse, factory, settings):
    going = finished(factory, settings, "reward", None, status="running", name="reward-1")
    browse.as_("researcher")
    fragment = browse.get(f"/runs/{going.id}/figures")
    assert f'hx-get="/runs/{going.id}/figures"' in fragment
    assert "appear here when the run is over" in fragment
    done = finished(factory, settings, "reward", judged.reward_manifest())
    assert "hx-get" not in browse.get(f"/runs/{done.id}/figures")
    failed = finished(factory, settings, "reward", None, status="failed", name="reward-2")
    assert "ended before its model was judged" in browse.get(f"/runs/{failed.id}/figures")


def test_lists_show_how_well_a_model_does_with_people_it_never_learned_from(browse, factory, settings, parts):
    latest = {"reward/seen_accuracy": 0.722, "reward/unseen_accuracy": 0.6931, "loss/train": 0.5}
    columns = {"snapshot_id": parts["snapshot"], "latest": latest}
    finished(factory, settings, "crossvalidate", None, **columns)
    factory.add(
        ModelVersion(
            name="reward-2",
            kind="reward",
            path="runs/9/model",
            snapshot_id=parts["snapshot"],
            metrics={"reward/heldout_accuracy": 0.71},
        )
    )
    browse.as_("researcher")
    assert re.search(r"reward/unseen_accuracy</span> 0\.693", browse.get("/runs"))
    assert "accuracy 0.710, 0.693 with new people" in browse.get("/dashboard")
    other = factory.add(Snapshot(name="second", digest="fedcba9876543210"))
    factory.add(ModelVersion(name="reward-3", kind="reward", path="runs/10/model", snapshot_id=other.id))
    assert "with new people" not in browse.get("/dashboard"), "it was measured on another snapshot"


# Runs and their workers ---------------------------------------------------------------------------


def a_run(factory, **columns):
    return factory.add(
        Run(**({"name": "sft-1", "stage": "sft", "status": "running", "started_at": utc_now()} | columns))
    )


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_page_of_a_run_shows_its_worker_and_when_it_was_last_heard_of(browse, factory, settings):
    now = utc_now()
    run = a_run(factory, worker="worker-1 (host, 7)", heartbeat_at=now, resumed_at=now, step=10, total=100)
    browse.as_("engineer")
    page = browse.get(f"/runs/{run.id}")
    assert "worker-1 (host, 7)" in page
    assert "last heard from" in page
    assert "The worker is gone" not in page
    assert browse.client.get(f"/runs/{run.id}.json").json()["worker"] == "worker-1 (host, 7)"
    long_ago = now - timedelta(seconds=2 * settings.lease_seconds)
    gone = a_run(factory, name="sft-2", heartbeat_at=long_ago, step=10, total=100, latest={"time/seconds": 5})
    page = browse.get(f"/runs/{gone.id}")
    assert "The worker is gone" in page
    assert "left" not in browse.get(f"/runs/{gone.id}/progress")
    browse.post(f"/runs/{gone.id}/cancel")
    assert "sft-2 is stopped" in browse.get(f"/runs/{gone.id}")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_time_left_and_time_taken_do_not_count_what_a_run_lay_still(browse, factory):
    now = utc_now()
    run = a_run(
        factory,
        started_at=now - timedelta(hours=30),
        resumed_at=now - timedelta(seconds=20),
        worked_seconds=100.0,
        heartbeat_at=now,
        step=50,
        total=100,
        latest={"time/seconds": 110.0},
    )
    browse.as_("engineer")
    page = browse.get(f"/runs/{run.id}/progress")
    assert "about 1 min 50 s left" in page
    assert "2 min" in page
    assert "30 h" not in page
    assert "min left" in browse.get("/runs/table") or "s left" in browse.get("/runs/table")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_a_stop_keeps_is_said_as_it_is(browse, factory, settings):
    browse.as_("engineer")
    alive = {"heartbeat_at": utc_now()}
    saves, starts_anew = a_run(factory, **alive), a_run(factory, name="score-1", stage="score", **alive)
    browse.get(f"/runs/{saves.id}")
    for run, words in ((saves, "finishes its step, saves a checkpoint and stops"), (starts_anew, "is being stopped")):
        browse.post(f"/runs/{run.id}/cancel")
        assert words in browse.get(f"/runs/{run.id}")
    stopped = a_run(factory, name="sft-2", status="cancelled", step=43, total=90)
    folder = service.folder_of(settings, stopped.id) / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "step-00000043.pt").touch()
    page = browse.get(f"/runs/{stopped.id}")
    assert "Everything up to step 43 is saved" in page
    assert "Go on from step 43" in page
    over = a_run(factory, name="score-2", stage="score", status="failed", error="Out of memory.")
    assert "Start from the beginning" in browse.get(f"/runs/{over.id}")


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("told", "saved", "button"),
    [
        ({}, True, "Go on from step 43"),
        ({}, False, "Start from the beginning"),
        ({"resumable": False}, True, "Change the settings"),
        ({"resumable": False}, False, "Change the settings"),
    ],
)
def test_a_run_that_cannot_succeed_does_not_offer_to_go_on_first(
    browse, database, factory, settings, told, saved, button
):
    run = a_run(factory)
    folder = service.folder_of(settings, run.id)
    (folder / "checkpoints").mkdir(parents=True)
    if saved:
        (folder / "checkpoints" / "step-00000043.pt").touch()
    (folder / "error.json").write_text(json.dumps({"kind": "ValueError", "message": "The corpus is empty.", **told}))
    execution.finish(settings, database, run.id, 0, "failed", "never said")
    browse.as_("engineer")
    page = browse.get(f"/runs/{run.id}/progress")
    assert "The corpus is empty." in page
    primary = re.findall(r'class="(?:button )?primary"[^>]*>([^<]+)<', page)
    assert len(primary) == 1
    assert primary[0].startswith(button)
    browse.post(f"/runs/{run.id}/continue")
    with database.reading() as session:
        assert service.run_for(session, run.id).resumable


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("error", "may_succeed"),
    [
        (Invalid("The snapshot holds no ranked answers to score."), False),
        (Conflict("The model was not registered because its files have changed."), False),
        (FileNotFoundError(2, "No such file or directory", "prompts.parquet"), False),
        (PermissionError(13, "Permission denied"), True),
        (RuntimeError("whatever"), True),
    ],
)
def test_a_run_that_breaks_outside_its_trainer_says_whether_going_on_may_help(database, factory, error, may_succeed):
    run = a_run(factory)
    execution.fail(database, run.id, 0, error)
    with database.reading() as session:
        assert (service.run_for(session, run.id).status, service.run_for(session, run.id).resumable) == (
            "failed",
            may_succeed,
        )


@pytest.mark.parametrize(
    ("status", "words"),
    [(-9, "SIGKILL). Most often the machine had no memory left"), (-15, "SIGTERM)."), (3, "exit status 3")],
)
def test_a_process_that_said_nothing_is_told_by_how_it_ended(status, words):
    said = execution._last_words(status)
    assert words in said
    assert ("memory" in said) == (status == -9)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_contradictions_stand_together_at_their_fields_and_nothing_waits(browse, parts, settings, database):
    tiny.model_folder(settings.data_dir / "runs/2/model")
    browse.as_("engineer")
    browse.get("/runs")
    wrong = {"threads": "10000000", "batch_size": "8", "minibatch_size": "9", "max_new_tokens": "100", "clip": "0"}
    form = {f"config-{name}": value for name, value in wrong.items()}
    form |= {
        "stage": "ppo",
        "parent-sft": parts["sft"],
        "parent-reward": parts["reward"],
        "snapshot": parts["snapshot"],
    }
    page = browse.post("/runs", form, status=422).text
    assert "Some fields are missing or cannot be used. Nothing was started." in page
    invalid = re.findall(r'name="config-(\w+)"[^>]*aria-invalid', page)
    assert set(invalid) == {"threads", "batch_size", "minibatch_size", "max_prompt_tokens", "max_new_tokens", "clip"}
    assert "the model “sft” reads at most 64" in page
    assert "No runs yet" in browse.get("/runs")
    # A larger machine has shown up since.
    with database.transaction() as session:
        session.add(Worker(owner="x", name="gpu-1", cores=10**8, memory_mb=1, seen_at=utc_now()))
    page = browse.post("/runs", {"stage": "pretrain", "config-threads": "10000000"}, status=422).text
    assert re.search(r'name="config-threads"[^>]*aria-invalid', page) is None
    assert "the machine has 0 GB" in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_command_line_lists_what_is_wrong(database, settings, tmp_path, monkeypatch, capsys):
    file = tmp_path / "order.json"
    file.write_text(json.dumps({"config": {"block": 999, "heldout_share": 1.0, "threads": 10_000_000}}))
    monkeypatch.setattr("app.cli.load_settings", lambda: settings)
    monkeypatch.setattr("sys.argv", ["prefloop", "run", "pretrain", "--config", str(file)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Some fields are missing or cannot be used."
    assert [line.partition(":")[0] for line in told[1:]] == ["- heldout_share", "- threads", "- block, context"]
    with database.reading() as session:
        assert session.query(Run).count() == 0
