"""Draw answers from a generator: many questions at once, each asked again until it is answered, each answer kept once.

What is drawn stands in the progress file, a line an answer, as soon as it has come. A run that was killed reads it and
asks for what is missing; what was under way when it was killed, nobody has seen, and it is asked for once more.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import torch

from trainer.contract.configs import EvaluateConfig, SampleConfig
from trainer.contract.endpoint import Client, Question, Reply
from trainer.contract.folder import CANDIDATES, PROMPTS
from trainer.contract.generators import KEY, UNREACHED, EndpointError, Generator
from trainer.contract.records import Candidate, Prompt, write_rows
from trainer.data.chat import accepted
from trainer.data.findings import Findings
from trainer.loop import stopping
from trainer.loop.device import prepare
from trainer.loop.run_folder import RunFolder
from trainer.loop.seed import derived
from trainer.models.reward import Reward
from trainer.stages.evaluate import heldout_prompts, mean_and_error
from trainer.stages.sample import PROGRESS, read_prompts, summary

SLICE_SECONDS = 0.5
"""So often what was drawn is secured on the disk, told in the metrics, and a wish to stop is heard."""
PATIENCE_SECONDS = 300.0
"""A question that was not answered for so long ends the run, which goes on with it when it is started again."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.25, 30.0
REFUSED_AT_MOST = 10
"""Prompts refused while none was answered: then it is not the prompts."""


def sample(folder: RunFolder, generator: Generator) -> dict[str, float | int | str | None]:
    """Write ``candidates.parquet`` as ``trainer.stages.sample`` does, with what a generator answers.

    A prompt that the server refuses is left out, and a note says why.

    Raises:
        EndpointError: the server cannot be asked or answers no question; what was drawn is kept.
        ValueError: there is no ``inputs/prompts.parquet``, or a prompt stands in it twice.
    """
    config = folder.config
    assert isinstance(config, SampleConfig)
    prompts = read_prompts(folder.inputs / PROMPTS)
    rows = draw(folder, generator, config, prompts)
    write_rows(folder.path / CANDIDATES, Candidate, rows)
    return {"data/prompts": len({row.prompt_id for row in rows}), "data/candidates": len(rows), **told(rows)}


def evaluate(folder: RunFolder, generator: Generator) -> dict[str, float | int | str | None]:
    """Let a generator answer the held-out prompts and a reward model score them; return the manifest's metrics.

    There is no distance to a reference, for a server tells nothing of what it might have said, and gains are over
    a model that answers here.

    Raises:
        EndpointError: the server cannot be asked or answers no question; what was drawn is kept.
        ValueError: the snapshot holds no held-out prompt.
    """
    config = folder.config
    assert isinstance(config, EvaluateConfig)
    reward = Reward.load(folder.parent("reward"), prepare(config))
    prompts = accepted(reward.tokenizer, heldout_prompts(folder, config, folder.spec.seed), folder.note)
    asked = SampleConfig(answers_per_prompt=1, temperature=config.temperature, max_new_tokens=config.max_new_tokens)
    rows = draw(folder, generator, asked, prompts)
    of = {prompt.prompt_id: prompt.messages for prompt in prompts}
    pairs = [(of[row.prompt_id], row.text) for row in rows]
    rewards = torch.from_numpy(reward(pairs, config.batch_size * reward.max_tokens).mean[:, 0])
    metrics: dict[str, float | int | str | None] = {
        "data/prompts": len(rows),
        **mean_and_error("reward/policy", rewards),
        **mean_and_error("finished/policy", torch.tensor([row.finished for row in rows], dtype=torch.float64)),
    }
    if counts_tokens(rows):
        metrics |= mean_and_error("length/policy", torch.tensor([row.tokens for row in rows], dtype=torch.float64))
    numbers = {name: value for name, value in metrics.items() if isinstance(value, float | int)}
    folder.metrics(len(prompts)).write(len(prompts), len(prompts), numbers)
    table = [
        {"prompt": of[row.prompt_id][-1].content, "answer": row.text, "reward": score}
        for row, score in zip(rows, rewards.tolist(), strict=True)
    ]
    folder.samples().write(len(prompts), table)
    return metrics


def told(rows: list[Candidate]) -> dict[str, float | int]:
    """What sampling tells of its answers; nothing of their length where the server does not count tokens."""
    found = summary(rows)
    if not counts_tokens(rows):
        found.pop("sample/tokens_mean", None)
    return found


def counts_tokens(rows: list[Candidate]) -> bool:
    """Whether the server tells how many tokens its answers have."""
    return all(row.tokens or not row.text for row in rows)


def _findings(refused: dict[str, EndpointError]) -> Findings:
    findings = Findings()
    for prompt_id, error in refused.items():
        findings.add(f"a prompt is left out: {str(error).rstrip('.')}", prompt_id)
    return findings


def resume(path: Path) -> list[Candidate]:
    """What an earlier, killed run has drawn, in the order in which it came; the file then holds just that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # What follows the last line break is empty, or half a line.
    whole = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(line + "\n" for line in whole), encoding="utf-8")
    partial.replace(path)
    return [Candidate.model_validate_json(line) for line in whole]


class Drawn:
    """The answers so far: of each place the latest, and how often it was drawn."""

    def __init__(self, rows: Sequence[Candidate], K: int) -> None:
        self._K = K
        self._rows: dict[tuple[str, int], Candidate] = {}
        self.attempts: dict[tuple[str, int], int] = {}
        for row in rows:
            self.keep(row)

    def keep(self, row: Candidate) -> None:
        place = row.prompt_id, row.index
        self._rows[place] = row
        self.attempts[place] = self.attempts.get(place, 0) + 1

    def of(self, prompt: Prompt) -> list[Candidate]:
        """The answers to a prompt, in order."""
        places = ((prompt.prompt_id, index) for index in range(self._K))
        return [self._rows[place] for place in places if place in self._rows]

    def due(self, prompt: Prompt, rounds: int) -> list[tuple[int, int]]:
        """Places of a prompt to be drawn now, each with the number of the try.

        First those that are empty, then those with an answer equal to an earlier sibling, ``rounds`` times in all.
        """
        tries = [(index, self.attempts.get((prompt.prompt_id, index), 0)) for index in range(self._K)]
        if empty := [(index, 0) for index, done in tries if not done]:
            return empty
        seen: set[str] = set()
        again = []
        for (index, done), row in zip(tries, self.of(prompt), strict=True):
            if row.text in seen and done < rounds:
                again.append((index, done))
            seen.add(row.text)
        return again


def draw(folder: RunFolder, generator: Generator, config: SampleConfig, prompts: list[Prompt]) -> list[Candidate]:
    """Draw what is missing; returns all answers in the order of the prompts.

    A prompt that the server refuses has none, and a note says why.
    """
    path = folder.checkpoints / PROGRESS
    drawn = Drawn(resume(path), config.answers_per_prompt)
    if drawn.attempts:
        print(f"resumed after {len(drawn.attempts)} answers", flush=True)  # noqa: T201
    # Greedy answers are equal whatever the seed, so there is nothing to gain by drawing them again.
    rounds = 1 if config.temperature == 0 else 1 + config.resample_duplicates
    missing = [prompt for prompt in prompts if drawn.due(prompt, rounds)]
    done = len(prompts) - len(missing)
    metrics = folder.metrics(done)
    with path.open("a", encoding="utf-8") as progress, asyncio.Runner() as runner:
        drawing = Drawing(generator, config, folder.spec.seed, drawn, progress, rounds)
        runner.run(drawing.begin(missing))
        try:
            for _ in stopping.steps(itertools.count()):
                over = runner.run(drawing.go_on())
                os.fsync(progress.fileno())
                if fresh := drawing.news():
                    metrics.write(done + drawing.finished, len(prompts), told(fresh))
                stopping.asked()  # what is drawn is kept whether or not
                if over:
                    break
        finally:
            runner.run(drawing.end())
    for sentence in _findings(drawing.refused).sentences():
        folder.note(sentence)
    return [row for prompt in prompts if prompt.prompt_id not in drawing.refused for row in drawn.of(prompt)]


@dataclass
class Pace:
    """Lets through so many requests a minute, at even distances; any number where nothing is said."""

    per_minute: int | None
    _next: float = field(default=0.0)

    async def wait(self) -> None:
        if self.per_minute:
            now = time.monotonic()
            mine = max(self._next, now)
            self._next = mine + 60 / self.per_minute
            await asyncio.sleep(mine - now)


class Drawing:
    """The questions under way.

    Attributes:
        finished: prompts of which all answers have come, or that were refused.
        refused: prompt -> why the server does not answer it.
    """

    def __init__(
        self, generator: Generator, config: SampleConfig, seed: int, drawn: Drawn, progress: TextIO, rounds: int
    ) -> None:
        self._generator, self._config, self._seed = generator, config, seed
        self._drawn, self._progress, self._rounds = drawn, progress, rounds
        self._free = asyncio.Semaphore(generator.concurrency)
        self._served = asyncio.Event()
        self._pace = Pace(generator.requests_per_minute)
        # Taken out of the environment, so that nothing that this process starts or says has it.
        self._client = Client(generator, os.environ.pop(KEY, None))
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered = bool(drawn.attempts)
        self._news: list[Candidate] = []
        self.finished = 0
        self.refused: dict[str, EndpointError] = {}

    async def begin(self, prompts: Sequence[Prompt]) -> None:
        """Start as many hands as there may be requests; each takes a prompt after the other."""
        waiting = iter(prompts)
        hands = min(self._generator.concurrency, len(prompts))
        self._tasks = {asyncio.create_task(self._work(waiting)) for _ in range(hands)}

    async def go_on(self) -> bool:
        """Work for a moment; returns whether all is done.

        Raises:
            EndpointError: there is no point in going on.
        """
        if self._tasks:
            over, self._tasks = await asyncio.wait(
                self._tasks, timeout=SLICE_SECONDS, return_when=asyncio.FIRST_EXCEPTION
            )
            for task in over:
                task.result()
        if not self._tasks and self.refused and not self._answered:
            raise next(iter(self.refused.values()))
        return not self._tasks

    def news(self) -> list[Candidate]:
        """The answers that came since this was last asked."""
        fresh, self._news = self._news, []
        return fresh

    async def end(self) -> None:
        """Let go of whatever is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    async def _work(self, waiting: Iterator[Prompt]) -> None:
        for prompt in waiting:
            try:
                while due := self._drawn.due(prompt, self._rounds):
                    await self._all(prompt, due)
                self._answered = True
            except EndpointError as error:
                if error.scope != "answer":
                    raise
                self.refused[prompt.prompt_id] = error
                if not self._answered and len(self.refused) >= REFUSED_AT_MOST:
                    raise
            self.finished += 1

    async def _all(self, prompt: Prompt, due: Sequence[tuple[int, int]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for index, attempt in due:
                    group.create_task(self._one(prompt, index, attempt))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _one(self, prompt: Prompt, index: int, attempt: int) -> None:
        config = self._config
        # Servers take seeds of 32 bits with a sign, or more.
        seed = derived(self._seed, "answer", prompt.prompt_id, index, attempt) % 2**31
        question = Question(prompt.messages, config.max_new_tokens, config.temperature, config.top_p, seed)
        reply = await self._asked(question)
        row = Candidate(
            prompt_id=prompt.prompt_id,
            index=index,
            text=reply.text,
            seed=seed,
            temperature=config.temperature,
            top_p=config.top_p,
            max_new_tokens=config.max_new_tokens,
            tokens=reply.tokens or 0,
            finished=reply.finished,
            generator=self._generator.name,
            model=self._generator.model,
            logprobs=reply.logprobs,
        )
        self._progress.write(row.model_dump_json() + "\n")
        self._progress.flush()
        self._drawn.keep(row)
        self._news.append(row)

    async def _asked(self, question: Question) -> Reply:
        """Ask until there is an answer, each time after a longer wait, in which others may ask."""
        begun = time.monotonic()
        for tries in itertools.count():
            try:
                async with self._free:
                    await self._pace.wait()
                    reply = await self._client.ask(question)
            except EndpointError as error:
                if error.scope != "again" or time.monotonic() - begun > PATIENCE_SECONDS:
                    raise
                wait = min(FIRST_WAIT_SECONDS * 2 ** min(tries, 10), LONGEST_WAIT_SECONDS)
                # Apart from one another, so that those who failed together do not come back together.
                wait = max(error.after or 0.0, wait * random.uniform(0.5, 1.5))
                # A server that was gone is back when it answers anybody; one that is busy is left in peace.
                back = self._served.wait() if error.text == UNREACHED else asyncio.sleep(wait)
                with suppress(TimeoutError):
                    await asyncio.wait_for(back, wait)
            else:
                self._served.set()
                self._served.clear()  # whoever waits for it has been woken
                return reply
        raise AssertionError("the loop returns or raises")
