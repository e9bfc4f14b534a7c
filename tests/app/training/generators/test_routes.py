"""Admins register servers, whose key nobody ever reads; runs draw from them, and answers say so."""

import json
import re

import pytest
from sqlalchemy import text

from app.errors import Conflict, Invalid, NotFound
from app.models import AuditEvent, Candidate, Generator, ModelVersion, Prompt, Run, Snapshot
from app.settings import Settings
from app.training.generators import sealing, sentences
from app.training.runs import commands, execution, service
from app.training.runs.leases import Lease
from tests.completions import KEY, MODEL, choice, completions
from trainer.contract import generators as contract
from trainer.contract.folder import CANDIDATES, PROMPTS
from trainer.contract.records import Candidate as Sampled
from trainer.contract.records import Message, read_rows, write_rows
from trainer.contract.records import Prompt as Asked

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])
FIELDS = {"name": "lab", "model": MODEL, "key": KEY, "concurrency": "4", "timeout_seconds": "10"}


@pytest.fixture
def settings(settings):
    return changed(settings)


def changed(settings, **more):
    return Settings(**settings.model_dump() | {"generator_hosts": "127.0.0.1"} | more)


@pytest.fixture
def server():
    with completions() as server:
        yield server


def added(browse, server, **more):
    browse.as_("admin")
    return browse.post("/generators/add", FIELDS | {"url": server.url} | more).headers["location"]


def events(database):
    with database.reading() as session:
        found = session.query(AuditEvent).filter_by(subject_kind="generators").order_by(AuditEvent.id)
        return [(event.action, event.detail) for event in found]


def test_an_admin_adds_tries_changes_and_removes_a_generator(browse, server, database, engine_name):
    place = added(browse, server)
    page = browse.get(place)
    assert "was added" in page
    assert "A key is kept." in page
    said = browse.post(f"{place}/test", {"prompt": "Hello?"}, status=200).text
    assert "Hello? 0" in said
    assert MODEL in browse.get("/generators")
    browse.post(place, FIELDS | {"url": server.url, "key": "", "concurrency": "9", "requests_per_minute": "60"})
    assert "9 at a time, 60 a minute, 10 s each" in browse.get("/generators")
    assert "Hello? 0" in browse.post(f"{place}/test", {"prompt": "Hello?"}, status=200).text, "the key stayed"
    browse.post(place, FIELDS | {"url": server.url, "key": "", "forget": "forget"})
    assert "does not accept the key (401)" in browse.post(f"{place}/test", {"prompt": "Hello?"}, status=422).text
    trail = browse.get("/audit")
    assert "changed generator" in trail
    browse.post(f"{place}/remove")
    browse.get(place, status=404)
    told = events(database)
    assert [action for action, _ in told] == [
        "added generator",
        "changed generator",
        "changed generator",
        "removed generator",
    ]
    assert told[1][1]["concurrency"] == {"before": 4, "after": 9}
    assert told[2][1]["key"] == {"before": "kept", "after": "none"}


def test_the_key_is_nowhere_to_be_read(browse, server, database, settings, capsys, caplog):
    place = added(browse, server)
    seen = browse.get(place) + browse.get("/generators") + browse.get("/audit") + json.dumps(events(database))
    browse.post(place, FIELDS | {"url": server.url, "timeout_seconds": "soon"}, status=422)
    seen += browse.post(f"{place}/test", {"prompt": "Hello?"}, status=200).text
    with database.reading() as session:
        seen += str(session.execute(text("SELECT * FROM generators")).all())
        kept = session.get_one(Generator, int(place.rpartition("/")[2])).sealed_key
    seen += caplog.text + "".join(capsys.readouterr())
    assert KEY not in seen
    assert sealing.opened(settings, kept, "lab") == KEY
    assert sealing.sealed(settings, KEY) != kept, "the same key does not look the same"
    other = changed(settings, encryption_key="another")
    with pytest.raises(Conflict, match="PREFLOOP_ENCRYPTION_KEY is not the one"):
        sealing.opened(other, kept, "lab")


def test_what_was_typed_comes_back_except_the_key(browse, server):
    browse.as_("admin")
    page = browse.post("/generators/add", FIELDS | {"url": server.url, "concurrency": "many"}, status=422).text
    assert "Enter a whole number." in page
    assert "Nothing was changed." in page
    assert f'value="{MODEL}"' in page
    assert KEY not in page


@pytest.mark.parametrize(
    ("wrong", "status", "sentence"),
    [
        ({"name": " "}, 422, "Give the generator a name."),
        ({"model": ""}, 422, "Enter the model as the server calls it."),
        ({"url": ""}, 422, "Enter the server&#39;s address."),
        ({"url": "127.0.0.1:8000/v1"}, 422, "is no address of a server"),
        ({"url": "https://127.0.0.2/v1"}, 422, "The host “127.0.0.2” is not allowed"),
        ({"url": "http://169.254.169.254/v1"}, 422, "is not allowed"),
        ({"key": "sk-with-a-ü"}, 422, "A key is plain ASCII text"),
        ({"concurrency": "0"}, 422, "Enter 1 or more."),
        ({"requests_per_minute": "-1"}, 422, "Enter 1 or more."),
        ({"timeout_seconds": "inf"}, 422, "Enter"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_registered(browse, server, database, wrong, status, sentence):
    browse.as_("admin")
    page = browse.post("/generators/add", FIELDS | {"url": server.url} | wrong, status=status).text
    assert page.count(sentence) == 1, "once, at its field"
    with database.reading() as session:
        assert session.query(Generator).count() == 0
    assert events(database) == []


def test_a_listed_host_that_leads_to_a_clouds_own_address_is_refused(settings, browse, monkeypatch):
    browse.client.app.state.settings = changed(settings, generator_hosts="169.254.169.254")
    browse.as_("admin")
    page = browse.post("/generators/add", FIELDS | {"url": "http://169.254.169.254/v1"}, status=422).text
    assert "leads to 169.254.169.254, where no generator may be" in page


def test_without_allowed_hosts_the_page_says_how_to_allow_some(browse, settings):
    browse.client.app.state.settings = changed(settings, generator_hosts="")
    browse.as_("admin")
    page = browse.get("/generators")
    assert "PREFLOOP_GENERATOR_HOSTS" in page
    assert "/generators/add" not in page


def test_a_kept_key_goes_to_no_other_server(browse, server):
    place = added(browse, server)
    with completions() as other:
        moved = FIELDS | {"url": other.url, "key": ""}
        page = browse.post(place, moved, status=422).text
        assert "This is another server. Enter its key" in page
        browse.post(f"{place}/test", {"prompt": "Hello?"}, status=200)
        assert not other.asked
        browse.post(place, moved | {"forget": "forget"})
        browse.post(f"{place}/test", {"prompt": "Hello?"}, status=422)
        assert other.keys == {None}


def test_a_name_is_given_once(browse, server):
    added(browse, server)
    assert "named “lab” already" in browse.post("/generators/add", FIELDS | {"url": server.url}, status=409).text


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ((200, b"<html>Hello", {"content_type": "text/html"}), "a web page instead of JSON"),
        ((200, b"]"), "is not valid JSON"),
        ((200, {"choices": []}), "sent no answer"),
        ((404, {"error": {"message": "No such model"}}), "The server has no model “lab/parrot”"),
        ((401, {"error": {"message": f"Wrong: {KEY}"}}), "does not accept the key"),
        ((400, {"error": {"message": f"Wrong: {KEY}"}}), "400: Wrong: …"),
        ((500, b""), "cannot answer now (500: –)"),
    ],
)
def test_trying_tells_what_is_wrong(browse, server, said, sentence):
    place = added(browse, server)
    server.say = lambda _asked: said
    page = browse.post(f"{place}/test", {"prompt": "Hello?"}, status=422).text
    assert sentence in page
    assert KEY not in page


def test_an_empty_answer_and_an_empty_prompt_are_told(browse, server):
    place = added(browse, server)
    assert "Enter a prompt." in browse.post(f"{place}/test", {"prompt": " "}, status=422).text
    server.say = lambda _asked: (200, choice(""))
    assert "The answer is empty." in browse.post(f"{place}/test", {"prompt": "?"}, status=200).text


def test_engineers_use_them_and_others_do_not(browse, server):
    place = added(browse, server)
    browse.as_("engineer")
    page = browse.get("/generators")
    assert "parent-policy=generator-1" in page
    assert "/generators/add" not in page
    for address in (place, "/generators/add"):
        browse.get(address, status=403)
    browse.post(f"{place}/remove", status=403)
    browse.as_("researcher")
    browse.get("/generators", status=403)


def test_every_sentence_about_a_server_can_be_translated(engine_name):
    assert sentences.SENTENCES == contract.TEXTS


# Runs ------------------------------------------------------------------------------------------------


@pytest.fixture
def pool(factory, settings):
    """Two prompts, in a snapshot."""
    made = [
        factory.add(Prompt(fingerprint=f"{n:064}", messages=[{"role": "user", "content": f"Say {n}."}], source="test"))
        for n in (1, 2)
    ]
    snapshot = factory.add(Snapshot(name="first", digest="0123456789abcdef"))
    folder = settings.data_dir / "snapshots" / snapshot.digest
    folder.mkdir(parents=True)
    rows = [
        Asked(prompt_id=str(one.id), messages=[Message(role="user", content=one.messages[0]["content"])])
        for one in made
    ]
    write_rows(folder / PROMPTS, Asked, rows)
    return snapshot


def test_answers_of_a_generator_join_the_pool_and_say_where_they_are_from(browse, server, database, settings, pool):
    added(browse, server)
    browse.as_("engineer")
    form = browse.get("/runs/new?stage=sample&parent-policy=generator-1")
    assert re.search(r'value="generator-1" selected[^>]*>\s*lab \(generator: lab/parrot\)', form)
    order = {"stage": "sample", "parent-policy": "generator-1", "snapshot": pool.id, "seed": "3"}
    place = browse.post("/runs", order | {"config-answers_per_prompt": "3"}).headers["location"]
    run_id = int(place.rpartition("/")[2])
    assert "lab: lab/parrot" in browse.get(place)
    assert "generator-1" in browse.get(f"/runs/new?like={run_id}")

    browse.as_("admin", "another@example.org")
    refused = browse.post("/generators/1/remove", status=409).text
    assert "stays while runs draw from it: sample-1" in refused

    execution.prepare(settings, database, run_id)
    folder = service.folder_of(settings, run_id)
    lease = Lease(database, run_id, 0, 120, folder)
    try:
        assert execution.execute(settings, database, lease) == ("succeeded", None)
    finally:
        lease.end()
    assert execution.finish(settings, database, run_id, 0, "succeeded") == "succeeded"
    assert server.keys == {f"Bearer {KEY}"}
    assert not [path for path in settings.data_dir.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert all(row.logprobs for row in read_rows(folder / CANDIDATES, Sampled))
    with database.reading() as session:
        found = session.query(Candidate).order_by(Candidate.id).all()
    assert [(row.origin, row.model_version_id, row.run_id) for row in found] == [
        (f"generator:lab:{MODEL}", None, run_id)
    ] * 6
    assert found[0].detail == {
        "index": 0,
        "tokens": 3,
        "finished": True,
        "source": f"{MODEL} (lab)",
        "generator": "lab",
        "model": MODEL,
        "logprob": -1.5,
    }
    browse.post("/generators/1/remove")
    assert "lab: lab/parrot" in browse.get(place), "the run says what it drew from for ever"


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({"stage": "sample", "parent-policy": "generator-7"}, "There is no such generator."),
        ({"stage": "sample", "parent-policy": "generator-x"}, "whole number"),
        ({"stage": "sample"}, "Choose a sft model."),
    ],
)
def test_orders_that_cannot_be(browse, server, pool, order, sentence):
    added(browse, server)
    assert sentence in browse.post("/runs", {"snapshot": pool.id} | order, status=422).text


def test_stages_that_read_a_models_inside_take_no_generator(browse, server, database):
    added(browse, server)
    with database.transaction() as session, pytest.raises(Invalid) as wrong:
        service.start_run(session, None, service.Order("detect", {}, {}, None, 1, generator_id=1))
    assert wrong.value.fields["parent-policy"] == "This stage cannot draw from a generator. Choose a model."


def test_a_run_whose_generator_is_gone_or_whose_key_cannot_be_read_says_so(
    browse, server, database, settings, pool, factory
):
    added(browse, server)
    order = service.Order("sample", {}, {}, pool.id, 1, generator_id=1)
    with database.transaction() as session:
        run = service.start_run(session, None, order)
        assert run.purpose == {"generator": {"id": 1, "name": "lab", "model": MODEL}}
    other = changed(settings, encryption_key="another")
    with pytest.raises(Conflict, match="enter the key again"):
        execution.execute(other, database, Lease(database, run.id, 0, 60, service.folder_of(settings, run.id)))
    with database.transaction() as session:
        session.delete(session.get_one(Generator, 1))
    with pytest.raises(Exception, match="The generator “lab” was removed"):
        execution.prepare(settings, database, run.id)


def test_an_evaluation_of_a_generator_needs_the_reward_model_alone(browse, server, database, pool, factory):
    sft = factory.add(ModelVersion(name="sft-1", kind="sft", path="runs/2/model"))
    reward = factory.add(ModelVersion(name="reward-1", kind="reward", path="runs/3/model"))
    added(browse, server)
    assert "measured by the reward model alone" in browse.get("/runs/new?stage=evaluate")
    order = {"stage": "evaluate", "parent-policy": "generator-1", "parent-reference": sft.id, "snapshot": pool.id}
    browse.post("/runs", order, status=422)
    browse.post("/runs", order | {"parent-reward": reward.id})
    with database.reading() as session:
        run = session.query(Run).one()
        assert [(parent.role, parent.model_version_id) for parent in run.parents] == [("reward", reward.id)]


def test_the_command_orders_answers_of_a_generator_by_its_name(browse, server, database, settings, pool, tmp_path):
    added(browse, server)
    file = tmp_path / "order.json"
    file.write_text(json.dumps({"generator": "lab", "snapshot": "first", "purpose": {"generator": {"id": 9}}}))
    run_id = commands.start(database, settings, "sample", commands.Asked(file=file))
    with database.reading() as session:
        assert session.get_one(Run, run_id).purpose == {"generator": {"id": 1, "name": "lab", "model": MODEL}}
    file.write_text(json.dumps({"generator": "labs", "snapshot": "first"}))
    with pytest.raises(NotFound, match="no generator named “labs”"):
        commands.start(database, settings, "sample", commands.Asked(file=file))


def test_a_model_of_ours_is_still_what_is_chosen_first(browse, server, pool, factory):
    factory.add(ModelVersion(name="sft-1", kind="sft", path="runs/2/model"))
    added(browse, server)
    form = browse.get("/runs/new?stage=sample")
    assert form.index("sft-1 (") < form.index("lab (generator")
    assert "generator-1" not in browse.get("/runs/new?stage=detect")


def test_a_run_keeps_the_model_that_was_ordered(browse, server, database, settings, pool):
    place = added(browse, server)
    with database.transaction() as session:
        run_id = service.start_run(session, None, service.Order("sample", {}, {}, pool.id, 1, generator_id=1)).id
    browse.post(place, FIELDS | {"url": server.url, "model": "lab/other", "concurrency": "2"})
    execution.prepare(settings, database, run_id)
    told = json.loads((service.folder_of(settings, run_id) / "config.json").read_text())["generator"]
    assert (told["model"], told["concurrency"], told["hosts"]) == (MODEL, 2, ["127.0.0.1"])
    assert "key" not in told
    with database.reading() as session:
        assert session.get_one(Run, run_id).parents == []


def test_the_key_of_encryption_is_made_once(tmp_path, engine_name):
    one, other = (Settings(data_dir=tmp_path / "data").sealing_key for _ in range(2))
    assert one == other != Settings(data_dir=tmp_path / "data").session_key
    assert (tmp_path / "data" / "encryption.key").stat().st_mode & 0o777 == 0o600
