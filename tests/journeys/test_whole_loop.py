"""One turn of the loop over real HTTP with a real worker, as small as it can be."""

import math
import subprocess
from dataclasses import replace

import pytest

from app.demo import headless, processes
from app.people import service as people
from tests import forked, tiny

TINY = headless.Plan(
    lessons=80,
    written=2,
    ranked=20,
    answers=4,
    judged=6,
    labelers=2,
    heldout_percent=30,
    configs=(
        ("pretrain", (("steps", 10), ("batch_size", 8), ("layers", 1), ("hidden_size", 32), ("vocabulary_size", 512))),
        ("sft", (("epochs", 1),)),
        ("sample", (("max_new_tokens", 12),)),
        ("reward", (("epochs", 1),)),
        ("ppo", (("iterations", 2), ("batch_size", 16), ("minibatch_size", 8), ("max_new_tokens", 12))),
        ("evaluate", (("max_new_tokens", 12), ("prompts", 16))),
    ),
)
KEYS = [
    "pairs_used",
    "pairs_tied",
    "reward_accuracy",
    "utility_sft",
    "utility_ppo",
    "kl",
    "win_rate",
    "win_rate_low",
    "win_rate_high",
    "seconds",
    "peak_rss_mb",
]


def with_a_small_corpus(settings):
    """The built-in text is read from all of Python's library, which takes longer than everything learned from it."""
    folder = settings.data_dir / "corpora"
    folder.mkdir()
    corpus = tiny.corpus_file(folder / "corpus.txt")
    one_thread = {stage: (("threads", 1), *given) for stage, given in TINY.configs}
    one_thread["pretrain"] += (("corpus", str(corpus)),)
    return replace(TINY, configs=tuple(one_thread.items()))


@pytest.fixture
def forked_trainers(monkeypatch):
    """The loop starts eight trainers, each of which would load all libraries anew."""
    start = processes._start

    def forking(command, log, environment):
        if command != ["worker"]:
            return start(command, log, environment)
        with log.open("ab") as output:
            return subprocess.Popen(forked.COMMAND, stdout=output, stderr=output, env=environment)

    monkeypatch.setattr(processes, "_start", forking)


@pytest.mark.parametrize("engine_name", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_the_loop_turns_once_and_tells_its_numbers(settings, database, forked_trainers):
    with database.transaction() as session:
        _, password = people.add_person(session, None, email="admin@demo.example", name="Ada", role="admin")
    said = []
    numbers = headless.play(settings, with_a_small_corpus(settings), password, said.append).numbers
    assert all(math.isfinite(numbers[key]) for key in KEYS)
    # 20 prompts, six pairs each, of which the held-out ones train nothing.
    assert 0 < numbers["pairs_used"] + numbers["pairs_tied"] < 20 * 6
    assert (numbers["pairs_used"] + numbers["pairs_tied"]) % 6 == 0
    assert 0 <= numbers["win_rate_low"] <= numbers["win_rate"] <= numbers["win_rate_high"] <= 1
    assert numbers["prompts_compared"] <= TINY.judged
    assert "2 demonstrations submitted by 2 labelers" in " ".join(said)
    assert "20 rankings submitted by 2 labelers" in " ".join(said)


@pytest.mark.slow
def test_at_full_size_the_reward_model_hears_the_taste_and_ppo_serves_it(settings, database):
    with database.transaction() as session:
        _, password = people.add_person(session, None, email="admin@demo.example", name="Ada", role="admin")
    numbers = headless.play(settings, headless.Plan(), password, print).numbers
    assert numbers["reward_accuracy_possible"] >= 0.90
    assert numbers["reward_accuracy"] >= 0.80
    assert numbers["utility_ppo"] > numbers["utility_sft"]
    assert numbers["win_rate_low"] > 0.5
    assert numbers["seconds"] < 15 * 60
    assert numbers["peak_rss_mb"] < 4096
