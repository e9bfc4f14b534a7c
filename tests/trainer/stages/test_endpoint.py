"""Sampling from a generator: every answer comes once, whatever the server does, and each says who gave it."""

import json
import threading
import time

import pytest
import torch

from tests import tiny
from tests.completions import KEY, MODEL, answer, choice, completions, started
from trainer.__main__ import main
from trainer.contract.folder import CANDIDATES, CHECKPOINTS, INPUTS, PROMPTS, RunManifest, RunSpec, write_json
from trainer.contract.generators import KEY as KEY_VARIABLE
from trainer.contract.generators import Generator
from trainer.contract.lease import STOPPED
from trainer.contract.records import Candidate, Prompt, read_rows, write_rows
from trainer.loop import stopping
from trainer.loop.seed import derived
from trainer.models.reward_model import new_reward_model
from trainer.stages import endpoint

CONFIG = {"answers_per_prompt": 4, "max_new_tokens": 8, **tiny.COMMON}


def prompts(count):
    return [Prompt(prompt_id=f"p{i}", messages=tiny.messages(f"Say {i}.")) for i in range(count)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(endpoint, "SLICE_SECONDS", 0.02)
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(endpoint, "LONGEST_WAIT_SECONDS", 0.05)


def prepare(folder, url, count=3, config=(), **more):
    (folder / INPUTS).mkdir(parents=True, exist_ok=True)
    write_rows(folder / INPUTS / PROMPTS, Prompt, prompts(count))
    limits = {"concurrency": 8, "timeout_seconds": 10, "hosts": ("127.0.0.1",)} | more
    generator = Generator(name="lab", url=url, **({"model": MODEL} | limits))
    write_json(
        folder / "config.json", RunSpec(stage="sample", seed=3, generator=generator, config=CONFIG | dict(config))
    )


def draw(folder, monkeypatch, key=KEY):
    monkeypatch.setenv(KEY_VARIABLE, key)
    return main(["sample", str(folder)])


def rows(folder):
    return list(read_rows(folder / CANDIDATES, Candidate))


def whole(folder, count):
    """Each place once, in order, with just the answer that its seed stands for."""
    found = rows(folder)
    assert [(row.prompt_id, row.index) for row in found] == [(f"p{i}", k) for i in range(count) for k in range(4)]
    for row in found:
        assert row.seed == derived(3, "answer", row.prompt_id, row.index, 0) % 2**31
        assert row.text == f"Say {row.prompt_id[1:]}. {row.seed}"


def problem(folder):
    told = json.loads((folder / "error.json").read_text())
    assert not (folder / CANDIDATES).exists()
    return told["message"]


def test_answers_say_who_gave_them_and_how_likely_each_token_was(folder, monkeypatch):
    with completions() as server:
        prepare(folder, server.url)
        assert draw(folder, monkeypatch) == 0
    whole(folder, 3)
    first = rows(folder)[0]
    assert (first.generator, first.model) == ("lab", MODEL)
    assert (first.tokens, first.logprobs, first.finished) == (3, [-0.5] * 3, True)
    manifest = RunManifest.model_validate_json((folder / "manifest.json").read_text())
    assert manifest.provenance["generator"] == {"name": "lab", "url": server.url, "model": MODEL}
    assert manifest.metrics["data/candidates"] == 12
    assert KEY not in "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


def test_a_server_that_fails_and_dies_is_asked_until_every_answer_has_come_once(folder, monkeypatch):
    servers = [started(failing=0.05, seconds=0.001)]
    port = servers[0].server_port

    def kill_and_start_again():
        while len(servers[0].answered) < 80:
            time.sleep(0.001)
        servers[0].die()
        time.sleep(0.1)
        servers.append(started(port=port, failing=0.05, seconds=0.001))

    killer = threading.Thread(target=kill_and_start_again)
    killer.start()
    prepare(folder, servers[0].url, count=50)
    assert draw(folder, monkeypatch) == 0
    killer.join()
    servers[-1].die()
    whole(folder, 50)
    kept = (folder / CHECKPOINTS / endpoint.PROGRESS).read_text().splitlines()
    assert len(kept) == 200
    assert len(servers[0].answered) + len(servers[1].answered) >= 200


def test_a_run_that_was_killed_asks_for_what_is_missing_only(folder, monkeypatch):
    with completions() as server:
        prepare(folder, server.url, count=6)
        assert draw(folder, monkeypatch) == 0
        whole(folder, 6)
        path = folder / CHECKPOINTS / endpoint.PROGRESS
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:13]) + lines[13][:20])
        for name in ("manifest.json", CANDIDATES):
            (folder / name).unlink()
        server.asked.clear()
        assert draw(folder, monkeypatch) == 0
        assert len(server.asked) == 24 - 13
    whole(folder, 6)


def test_an_answer_equal_to_a_sibling_is_drawn_again(folder, monkeypatch):
    first = {derived(3, "answer", "p0", index, 0) % 2**31 for index in range(4)}

    def parrot(asked):
        return (200, choice("The same.")) if asked["seed"] in first else None

    with completions(say=parrot) as server:
        prepare(folder, server.url, count=1)
        assert draw(folder, monkeypatch) == 0
        assert len(server.asked) == 7
    found = rows(folder)
    assert found[0].text == "The same."
    assert found[0].tokens == 0
    assert len({row.text for row in found}) == 4


def test_a_prompt_that_the_server_refuses_is_left_out_and_told(folder, monkeypatch):
    def too_long(asked):
        if "Say 1." in asked["messages"][0]["content"]:
            return 400, {"error": {"message": "This model's context is 8 tokens."}}
        return None

    with completions(say=too_long) as server:
        prepare(folder, server.url)
        assert draw(folder, monkeypatch) == 0
    assert {row.prompt_id for row in rows(folder)} == {"p0", "p2"}
    manifest = RunManifest.model_validate_json((folder / "manifest.json").read_text())
    assert manifest.notes == [
        "1 × a prompt is left out: The server refuses the request (400: This model's context is 8 tokens) (p1)"
    ]


def test_what_a_server_does_not_know_is_left_out_of_the_question(folder, monkeypatch):
    def strict(asked):
        for name, words in (("logprobs", "logprobs"), ("max_tokens", "use max_completion_tokens")):
            if name in asked:
                return 400, {"error": {"message": f"Unsupported parameter: {words}"}}
        return None

    with completions(say=strict) as server:
        prepare(folder, server.url, count=1)
        assert draw(folder, monkeypatch) == 0
        assert server.answered[0]["max_completion_tokens"] == 8
    whole(folder, 1)


@pytest.mark.parametrize(
    ("said", "key", "model", "sentence"),
    [
        ((200, b"<!doctype html><p>Hello", {"content_type": "text/html"}), KEY, MODEL, "a web page instead of JSON"),
        ((200, b"{]"), KEY, MODEL, "is not valid JSON"),
        ((200, {"object": "list"}), KEY, MODEL, "not of the form of OpenAI's chat completions"),
        ((200, choice(None)), KEY, MODEL, "no answer in its reply (reason: stop)"),
        ((200, {"choices": []}), KEY, MODEL, "no answer in its reply"),
        ((302, b"", {"location": "http://169.254.169.254/"}), KEY, MODEL, "another address, which is not followed"),
        ((400, {"error": "What is that?"}), KEY, MODEL, "refuses the request (400: What is that?)"),
        (None, "sk-wrong", MODEL, "does not accept the key (401)"),
        (None, KEY, "lab/ghost", "no model “lab/ghost”"),
    ],
)
def test_bad_servers_end_a_run_with_one_sentence(folder, monkeypatch, said, key, model, sentence):
    with completions(say=lambda _asked: said) as server:
        prepare(folder, server.url, model=model)
        assert draw(folder, monkeypatch, key) == 1
        assert len(server.asked) <= 12
    assert sentence in problem(folder)
    assert key not in (folder / "error.json").read_text()


def test_odd_numbers_and_letters_of_a_server_spoil_nothing(folder, monkeypatch):
    odd = choice("half \ud83d a pair \u2028", logprobs={"content": [{"logprob": float("-inf")}]})
    with completions(say=lambda _asked: (200, odd | {"usage": {"completion_tokens": 2**40}})) as server:
        prepare(folder, server.url, count=1, config={"resample_duplicates": 0})
        assert draw(folder, monkeypatch) == 0
    first = rows(folder)[0]
    assert (first.text, first.tokens, first.logprobs) == ("half \ufffd a pair", 1, None)


def test_a_run_that_is_told_to_stop_keeps_what_came_and_goes_on_with_the_rest(folder, monkeypatch):
    def stop_in_the_middle(asked):
        stopping._ours.wanted |= server.first and len(server.asked) == 10
        time.sleep(0.01)

    with completions(say=stop_in_the_middle) as server:
        server.first = True
        prepare(folder, server.url, count=40)
        try:
            with pytest.raises(SystemExit) as left:
                draw(folder, monkeypatch)
        finally:
            stopping._ours.wanted = False
        assert left.value.code == STOPPED
        kept = (folder / CHECKPOINTS / endpoint.PROGRESS).read_text().count("\n")
        assert 0 < kept < 160
        server.first = False
        server.asked.clear()
        assert draw(folder, monkeypatch) == 0
        assert len(server.asked) == 160 - kept
    whole(folder, 40)


def test_patience_ends(folder, monkeypatch):
    monkeypatch.setattr(endpoint, "PATIENCE_SECONDS", 0.1)
    with completions(say=lambda _asked: (500, b"")) as server:
        prepare(folder, server.url)
        assert draw(folder, monkeypatch) == 1
    assert problem(folder) == "The server cannot answer now (500: –)."
    assert json.loads((folder / "error.json").read_text())["resumable"] is True


def test_requests_keep_to_their_pace_and_their_number(folder, monkeypatch):
    most = []

    def count(asked):
        with server.slots:
            most.append(64 - server.slots._value)
            time.sleep(0.005)

    with completions(say=count) as server:
        prepare(folder, server.url, concurrency=2, requests_per_minute=12_000)
        begun = time.monotonic()
        assert draw(folder, monkeypatch) == 0
    assert max(most) <= 2
    assert time.monotonic() - begun >= 11 * 60 / 12_000
    whole(folder, 3)


def test_an_evaluation_scores_what_a_generator_answers_to_held_out_prompts(folder, monkeypatch, tmp_path):
    tokenizer = tiny.tokenizer()
    reward = new_reward_model(tiny.model_folder(tmp_path / "sft"), tokenizer.pad_token_id, torch.Generator())
    reward.save_pretrained(tmp_path / "reward")
    tokenizer.save_pretrained(tmp_path / "reward")
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    folder.mkdir()
    with completions() as server:
        generator = Generator(name="lab", url=server.url, model=MODEL, hosts=("127.0.0.1",))
        config = {"max_new_tokens": 8, "max_prompt_tokens": 32, **tiny.COMMON}
        parents = {"reward": tmp_path / "reward"}
        spec = RunSpec(stage="evaluate", generator=generator, snapshot=snapshot, parents=parents, config=config)
        write_json(folder / "config.json", spec)
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        assert main(["evaluate", str(folder)]) == 0
        assert len(server.answered) == 4, "held-out prompts only, once each"
    metrics = RunManifest.model_validate_json((folder / "manifest.json").read_text()).metrics
    assert metrics["data/prompts"] == 4
    assert metrics["reward/policy_se"] > 0
    assert (metrics["finished/policy"], metrics["length/policy"]) == (1, 5)
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert sum(row["reward"] for row in samples) / 4 == pytest.approx(metrics["reward/policy"])
    assert all(row["answer"].startswith(row["prompt"]) for row in samples)


def test_other_stages_draw_from_models_alone(folder):
    prepare(folder, "http://127.0.0.1:9/v1")
    spec = json.loads((folder / "config.json").read_text()) | {"stage": "score", "config": {}}
    (folder / "config.json").write_text(json.dumps(spec))
    assert main(["score", str(folder)]) == 1
    assert "cannot draw from a generator" in problem(folder)


def test_the_test_server_answers_by_seed():
    assert answer({"messages": [{"content": "Hello."}], "seed": 7}) == "Hello. 7"
