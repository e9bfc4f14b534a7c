import json
import math

import numpy as np
import pytest
from hypothesis import given, settings

from tests.trainer.judging.builds import judgements, scored
from trainer.contract.judging import Distribution, Judging, Probe, Share
from trainer.judging.intervals import share
from trainer.judging.judge import flat, judge
from trainer.judging.scored import ScoredRankings


def hidden_taste(rankings, width, people=80, seed=0):
    """Rankings of answers with a hidden utility by people who err; a model that errs too, and two members and heads."""
    random = np.random.default_rng(seed)
    prompts = random.integers(rankings, size=rankings)
    answers = prompts[:, None] * width + np.arange(width)
    utility = random.normal(size=rankings * width)
    members = (utility + random.normal(size=(3, len(utility))))[:, answers]
    judged = utility[answers] + random.normal(scale=0.7, size=answers.shape)
    ranks = 20 - np.floor(2 * judged).astype(np.int64)
    present = np.arange(width) < random.integers(4, width + 1, size=rankings)[:, None]
    return ScoredRankings(
        rewards=members.mean(0),
        ranks=ranks,
        present=present,
        prompts=prompts,
        labelers=[f"p{n}" for n in random.integers(people, size=rankings)],
        groups=[("a", "b", None)[n] for n in random.integers(3, size=rankings)],
        use_cases=[f"u{n}" for n in random.integers(10, size=rankings)],
        likert=np.clip(np.round(4 + judged), 1, 7),
        shown=random.permuted(np.tile(np.arange(float(width)), (rankings, 1)), axis=1),
        strength=random.integers(4, size=rankings).astype(float),
        lengths=random.integers(10, 2000, size=answers.shape),
        answers=answers,
        seen=answers,
        sources=[f"m{n}" for n in random.integers(5, size=len(utility))],
        members=members,
        heads={"truthful": (members[0], ranks, present)},
    )


def filled(value):
    """Every number of a JSON value."""
    if isinstance(value, dict | list):
        return [n for part in (value.values() if isinstance(value, dict) else value) for n in filled(part)]
    return [value] if isinstance(value, float | int) else []


def test_everything_is_measured_and_survives_the_file():
    found = judge(
        hidden_taste(400, 6), split="heldout", seed=1, probes=[Probe(name="original_wins:x", model=Share(value=1.0))]
    )
    assert all(getattr(found, name) for name in Judging.model_fields)
    assert [probe.name for probe in found.probes] == ["longer_wins", "earlier_wins", "original_wins:x"]
    text = found.model_dump_json()
    assert Judging.model_validate_json(text) == found
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    # Members err independently: their mean is better than each, and nobody beats the ceiling.
    assert found.ensemble.mean.value > max(share.value for share in found.ensemble.members)
    assert found.accuracy.value < found.ceiling.accuracy
    assert found.ties.separation.low > 0.5
    assert judge(hidden_taste(400, 6), split="heldout", seed=1).accuracy == found.accuracy


@settings(deadline=None, max_examples=40)
@given(drawn=judgements(most=3))
def test_whatever_there_is_the_file_holds_numbers_only(drawn):
    found = judge(scored(**drawn, members=[drawn["rewards"]] * 2), split="train", seed=0)
    assert all(math.isfinite(number) for number in filled(found.model_dump()))
    assert json.loads(found.model_dump_json()) == found.model_dump()


def test_nothing_to_judge_is_said_with_none():
    found = judge(scored([], []), split="heldout", seed=0)
    assert (found.accuracy, found.distributions, found.ensemble) == (Share(), [], None)
    assert set(flat(found).values()) == {None}


def test_the_contract_refuses_what_json_cannot_hold():
    with pytest.raises(ValueError, match="finite"):
        Share(value=math.nan)
    with pytest.raises(ValueError, match="finite"):
        Distribution(source="a", answers=1, mean=0, std=math.inf, quantiles=[], counts=[])


def test_the_headline_interval_is_that_of_drawing_prompts_with_the_seed():
    rankings = hidden_taste(60, 9)
    pairs = np.bincount(rankings.strict.rankings, minlength=60)
    assert pairs.all()
    right = np.bincount(rankings.strict.rankings, weights=rankings.strict.margins(rankings.rewards) > 0, minlength=60)
    for seed in (3, 4):
        found = judge(rankings, split="heldout", seed=seed).accuracy
        assert found == share(right, pairs, rankings.prompts, seed)
        assert found.low < found.value < found.high


def test_headlines_keep_their_names():
    rankings = scored([[2.0, 1.0, 0.0]], [[1, 2, 3]], lengths=[[1, 2, 3]])
    held = flat(judge(rankings, split="heldout", seed=0))
    assert held == {
        "reward/heldout_accuracy": 1.0,
        "reward/heldout_accuracy_low": pytest.approx(0.2065, abs=1e-4),
        "reward/heldout_accuracy_high": 1.0,
        "reward/complete_orders": 1.0,
        "reward/calibration_error": pytest.approx((2 / (1 + math.e) + 1 / (1 + math.e**2)) / 3),
        "reward/ceiling": None,
        "reward/longer_wins": 0.0,
        "reward/longer_wins_low": 0.0,
        "reward/longer_wins_high": pytest.approx(0.7935, abs=1e-4),
    }
    train = flat(judge(rankings, split="train", seed=0))
    assert train["reward/train_accuracy"] == 1.0
    assert len(train) == len(held)
    assert not train.keys() & held.keys()


def test_longer_wins_of_the_headlines_is_what_people_prefer():
    rankings = scored([[0.0, 1.0], [0.0, 1.0]], [[1, 2], [1, 2]], lengths=[[9, 1], [4, 4]])
    assert flat(judge(rankings, split="heldout", seed=0))["reward/longer_wins"] == 0.75
