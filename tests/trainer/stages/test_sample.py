"""Sampling: K different answers per prompt, each with the numbers that drew it."""

import json

import pytest

from tests import tiny
from trainer.contract.folder import CANDIDATES, INPUTS, PROMPTS
from trainer.contract.records import Candidate, Prompt, read_rows, write_rows
from trainer.data.chat import decode_answer, encode_prompt
from trainer.models.backbone import generate, load_policy, load_tokenizer
from trainer.stages import sample

CONFIG = {"answers_per_prompt": 3, "max_new_tokens": 8, "max_prompt_tokens": 32, "batch_size": 6}
PROMPT_COUNT = 7


def prompts(count=PROMPT_COUNT):
    return [
        Prompt(prompt_id=f"p{i}", messages=tiny.messages(f"Name the {thing}."))
        for i, thing in zip(range(count), tiny.THINGS, strict=False)
    ]


@pytest.fixture
def policy(tmp_path):
    return tiny.model_folder(tmp_path / "policy")


def run(folder, policy, config=CONFIG, seed=0, rows=None):
    (folder / INPUTS).mkdir(parents=True, exist_ok=True)
    write_rows(folder / INPUTS / PROMPTS, Prompt, rows or prompts())
    return tiny.run_stage("sample", folder, config=config, parents={"policy": policy}, seed=seed)


def candidates(folder):
    return list(read_rows(folder / CANDIDATES, Candidate))


def test_each_prompt_gets_k_different_answers_in_order(tmp_path, policy):
    manifest = run(tmp_path / "run", policy)

    rows = candidates(tmp_path / "run")
    assert [(row.prompt_id, row.index) for row in rows] == [(f"p{i}", k) for i in range(PROMPT_COUNT) for k in range(3)]
    assert manifest.metrics["sample/duplicates"] == 0
    assert len({(row.prompt_id, row.text) for row in rows}) == len(rows)
    assert manifest.metrics["data/candidates"] == 21
    assert [line["step"] for line in tiny.metrics(tmp_path / "run")] == [2, 4, 6, 7]
    assert "candidates.parquet" in manifest.files


def test_the_recorded_seed_draws_the_same_answer_again(tmp_path, policy):
    run(tmp_path / "run", policy)
    tokenizer, model = load_tokenizer(policy), load_policy(policy)

    for row, prompt in [
        (row, prompt)
        for prompt in prompts()
        for row in candidates(tmp_path / "run")
        if row.prompt_id == prompt.prompt_id
    ]:
        ids = encode_prompt(tokenizer, prompt.messages, CONFIG["max_prompt_tokens"])
        (again,) = generate(
            model,
            tokenizer,
            [ids],
            max_new_tokens=row.max_new_tokens,
            seeds=[row.seed],
            temperature=row.temperature,
            top_p=row.top_p,
        )
        assert decode_answer(tokenizer, again) == row.text
        assert len(again) == row.tokens
        assert (again[-1] == tokenizer.eos_token_id) == row.finished


def repeat_until(monkeypatch, calls):
    """The first ``calls`` draws say the same word in every row; later ones speak freely."""
    real, seen = sample.generate, []

    def generate_repeats(model, tokenizer, prompts, **options):
        seen.append(list(options["seeds"]))
        if len(seen) <= calls:
            return [[*tokenizer.encode("same", add_special_tokens=False), tokenizer.eos_token_id] for _ in prompts]
        return real(model, tokenizer, prompts, **options)

    monkeypatch.setattr(sample, "generate", generate_repeats)
    return seen


def test_repeats_are_drawn_again_with_fresh_recorded_seeds(tmp_path, policy, monkeypatch):
    seen = repeat_until(monkeypatch, 1)

    run(tmp_path / "run", policy, rows=prompts(1))

    first, second, third = candidates(tmp_path / "run")
    assert first.text == "same"
    assert len({first.text, second.text, third.text}) == 3
    assert len(seen[0]) == 3
    assert len(seen[1]) == 2, "the first of the equal answers stays"
    assert [second.seed, third.seed] == seen[1]
    assert not set(seen[0]) & set(seen[1])


def test_what_stays_equal_after_all_rounds_is_kept_and_counted(tmp_path, policy, monkeypatch):
    seen = repeat_until(monkeypatch, 99)

    manifest = run(tmp_path / "run", policy, config={**CONFIG, "resample_duplicates": 2}, rows=prompts(1))

    assert len(seen) == 3, "one draw and two more rounds"
    assert len(candidates(tmp_path / "run")) == 3
    assert manifest.metrics["sample/duplicates"] == 2


def test_an_empty_answer_stays_like_any_other_and_is_counted(tmp_path, policy, monkeypatch):
    real, calls = sample.generate, []

    def generate_nothing_first(model, tokenizer, prompts, **options):
        calls.append(len(prompts))
        if len(calls) == 1:
            return [[tokenizer.eos_token_id] for _ in prompts]
        return real(model, tokenizer, prompts, **options)

    monkeypatch.setattr(sample, "generate", generate_nothing_first)
    manifest = run(tmp_path / "run", policy, rows=prompts(1))

    assert calls[:2] == [3, 2], "only its repeats are drawn again"
    first, second, third = (row.text for row in candidates(tmp_path / "run"))
    assert (first, len({first, second, third})) == ("", 3)
    assert (manifest.metrics["sample/empty"], manifest.metrics["sample/duplicates"]) == (1, 0)


def test_greedy_answers_are_drawn_once(tmp_path, policy, monkeypatch):
    seen = repeat_until(monkeypatch, 0)

    manifest = run(tmp_path / "run", policy, config={**CONFIG, "temperature": 0}, rows=prompts(1))

    assert len(seen) == 1
    assert manifest.metrics["sample/duplicates"] == 2


def test_resuming_after_a_kill_equals_never_stopping(tmp_path, policy, monkeypatch):
    run(tmp_path / "whole", policy)
    tiny.stop_at(monkeypatch, 2)
    with pytest.raises(SystemExit):
        run(tmp_path / "killed", policy)
    monkeypatch.undo()
    tiny.kill_at(monkeypatch, 4)
    with pytest.raises(tiny.Killed):
        run(tmp_path / "killed", policy)
    monkeypatch.undo()
    seen = repeat_until(monkeypatch, 0)
    with (tmp_path / "killed" / "checkpoints" / "candidates.jsonl").open("a") as file:
        file.write('{"prompt_id": "p4", "ind')  # the kill came in the middle of a line

    run(tmp_path / "killed", policy)

    assert sum(map(len, seen)) < 21, "what was drawn before the kill is not drawn again"
    assert candidates(tmp_path / "killed") == candidates(tmp_path / "whole")
    assert tiny.metrics(tmp_path / "killed") == tiny.metrics(tmp_path / "whole")


def test_an_answer_with_odd_line_breaks_survives_a_resume(tmp_path):
    row = Candidate(
        prompt_id="p0",
        index=0,
        text="a\u2028b\x0bc\n\rd",
        seed=1,
        temperature=1,
        top_p=1,
        max_new_tokens=8,
        tokens=3,
        finished=True,
    )
    (tmp_path / "c.jsonl").write_text(row.model_dump_json() + "\n", newline="")

    assert sample.resume(tmp_path / "c.jsonl", 1, 1) == [row]
    assert sample.resume(tmp_path / "c.jsonl", 1, 1) == [row]


def test_the_same_seed_gives_the_same_answers(tmp_path, policy):
    for name, seed in [("one", 1), ("again", 1), ("other", 2)]:
        run(tmp_path / name, policy, seed=seed)

    assert candidates(tmp_path / "one") == candidates(tmp_path / "again")
    assert candidates(tmp_path / "one") != candidates(tmp_path / "other")


def test_too_many_tokens_for_the_model_are_refused_with_a_sentence(tmp_path, policy):
    folder = tiny.prepare_stage(
        "sample", tmp_path / "run", config={**CONFIG, "max_new_tokens": 60}, parents={"policy": policy}
    )
    (folder / INPUTS).mkdir()
    write_rows(folder / INPUTS / PROMPTS, Prompt, prompts())

    assert tiny.main(["sample", str(folder)]) == 1

    message = json.loads((folder / "error.json").read_text())["message"]
    assert '"max_prompt_tokens"' in message
    assert "at most 64" in message
