"""Draw K different answers to each prompt of ``inputs/prompts.parquet``, each with its provenance."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.contract.configs import SampleConfig, settled
from trainer.contract.folder import CANDIDATES, PROMPTS
from trainer.contract.records import Candidate, Prompt, read_rows, write_rows
from trainer.data.chat import accepted, decode_answer, encode_prompt, finished
from trainer.loop import stopping
from trainer.loop.device import prepare
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived
from trainer.models.backbone import check_context, generate, load_policy, load_tokenizer

PROGRESS = "candidates.jsonl"


@dataclass
class Slot:
    """A place for one answer: the K-th answer to a prompt, as it stands after the latest draw."""

    prompt: Prompt
    ids: list[int]
    index: int
    seed: int = 0
    text: str = ""
    answer: list[int] = field(default_factory=list)


def run(folder: RunFolder) -> dict[str, float | int | str | None]:
    """Write ``candidates.parquet``, K rows per prompt in the order of the input.

    Raises:
        ValueError: there is no ``inputs/prompts.parquet``, or a prompt stands in it twice.
    """
    config, seed = folder.config, folder.spec.seed
    assert isinstance(config, SampleConfig)
    if folder.spec.generator is not None:
        from trainer.stages import endpoint

        return endpoint.sample(folder, folder.spec.generator)
    compute = prepare(config)
    tokenizer = load_tokenizer(folder.parent("policy"))
    prompts = accepted(tokenizer, read_prompts(folder.inputs / PROMPTS), folder.note)
    model = load_policy(folder.parent("policy"), compute)
    needed = settled(config.max_prompt_tokens) + config.max_new_tokens
    check_context(model, needed, 'Fields "max_prompt_tokens" and "max_new_tokens" together')

    K = config.answers_per_prompt
    together = max(1, config.batch_size // K)
    rows = resume(folder.checkpoints / PROGRESS, K, together)
    done = len(rows) // K
    if done:
        print(f"resumed after {done} of {len(prompts)} prompts", flush=True)  # noqa: T201
    metrics = folder.metrics(done)

    with (folder.checkpoints / PROGRESS).open("a", encoding="utf-8") as progress:
        for start in stopping.steps(range(done, len(prompts), together)):
            chunk = prompts[start : start + together]
            fresh = draw(model, tokenizer, chunk, config, seed)
            progress.write("".join(row.model_dump_json() + "\n" for row in fresh))
            progress.flush()
            os.fsync(progress.fileno())
            rows += fresh
            metrics.write(start + len(chunk), len(prompts), summary(fresh))
            stopping.asked()  # what is drawn is kept whether or not
    write_rows(folder.path / CANDIDATES, Candidate, rows)
    return {"data/prompts": len(prompts), "data/candidates": len(rows), **summary(rows)}


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts to answer, each once: a prompt's name is a part of its answers' seeds."""
    if not path.exists():
        raise ValueError(f"There are no prompts to answer: {path} is missing.")
    prompts = list(read_rows(path, Prompt))
    if len({prompt.prompt_id for prompt in prompts}) < len(prompts):
        raise ValueError(f"A prompt_id stands twice in {path}. Give each prompt once.")
    return prompts


def resume(path: Path, K: int, together: int) -> list[Candidate]:
    """Candidates of the whole batches that an earlier, killed run has written; the file then holds just those.

    Going on at a batch's border keeps every later batch the same as without the kill.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # What follows the last line break is empty, or half a line; other kinds of line breaks are part of an answer.
    whole = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    kept = whole[: len(whole) // (K * together) * (K * together)]
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    partial.replace(path)
    return [Candidate.model_validate_json(line) for line in kept]


def draw(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[Prompt], config: SampleConfig, seed: int
) -> list[Candidate]:
    """K answers to each prompt; one equal to an earlier sibling is drawn again with a fresh seed. One may be empty."""
    slots = [
        Slot(prompt, ids, index)
        for prompt in prompts
        for ids in [encode_prompt(tokenizer, prompt.messages, settled(config.max_prompt_tokens))]
        for index in range(config.answers_per_prompt)
    ]
    # Greedy answers are equal whatever the seed, so there is nothing to gain by drawing them again.
    rounds = 1 if config.temperature == 0 else 1 + config.resample_duplicates
    pending = slots
    for attempt in range(rounds):
        seeds = [derived(seed, "answer", slot.prompt.prompt_id, slot.index, attempt) for slot in pending]
        answers = generate(
            model,
            tokenizer,
            [slot.ids for slot in pending],
            max_new_tokens=config.max_new_tokens,
            seeds=seeds,
            temperature=config.temperature,
            top_p=config.top_p,
        )
        for slot, answer, answer_seed in zip(pending, answers, seeds, strict=True):
            slot.seed, slot.answer, slot.text = answer_seed, answer, decode_answer(tokenizer, answer)
        pending = repeats(slots)
        if not pending:
            break
    return [
        Candidate(
            prompt_id=slot.prompt.prompt_id,
            index=slot.index,
            text=slot.text,
            seed=slot.seed,
            temperature=config.temperature,
            top_p=config.top_p,
            max_new_tokens=config.max_new_tokens,
            tokens=len(slot.answer),
            finished=finished(tokenizer, slot.answer),
        )
        for slot in slots
    ]


def repeats(slots: list[Slot]) -> list[Slot]:
    """Slots whose answer is equal to that of an earlier slot of the same prompt."""
    seen: set[tuple[str, str]] = set()
    found = []
    for slot in slots:
        key = (slot.prompt.prompt_id, slot.text)
        if key in seen:
            found.append(slot)
        seen.add(key)
    return found


def summary(rows: list[Candidate]) -> dict[str, float | int]:
    """How many answers are repeats or empty after all draws, how many ended by themselves, how long they are."""
    if not rows:
        return {}
    return {
        "sample/duplicates": len(rows) - len({(row.prompt_id, row.text) for row in rows}),
        "sample/empty": sum(not row.text for row in rows),
        "sample/finished_share": sum(row.finished for row in rows) / len(rows),
        "sample/tokens_mean": sum(row.tokens for row in rows) / len(rows),
    }
