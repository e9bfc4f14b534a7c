"""The simulated workforce is what it claims to be, and lies in the database as real work does."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from app.demo import workforce_records
from app.demo.workforce import screen, simulate
from app.demo.workforce_people import HELD_OUT, HONEST, RESEARCHER, SPAMMER, Plan
from app.demo.workforce_tasks import CAMPAIGNS
from app.labeling.annotations.rules.submission import Submission, Verdict, submission_problems
from app.material.schemas.rules import schema_of
from app.models import Annotation, Assignment, Candidate, Flag, GoldItem, Person, Prompt, Ranking, Rating, Task
from app.quality.labelers.rules.word_count import words_of
from app.quality.screening.rules.scores import screening_scores
from trainer.statistics.consensus import majority
from trainer.statistics.rankings import RankingPairs
from trainer.statistics.reliability import reliabilities

SMALL = Plan(honest=5, spammers=2, position_biased=2, careless=2, researchers=2, items_each=12, overlap=2, repeated=0.1)


@pytest.fixture(scope="module")
def workforce():
    return simulate(Plan())


def agreement(workforce, one, other):
    """Non-tie agreement between two kinds of people on the same items."""
    pairs = RankingPairs.of(workforce.judgements()).between_people()
    kind = np.array([worker.kind for worker in workforce.workers])[pairs.judgements.labeler]
    first, second = kind[pairs.first], kind[pairs.second]
    meant = ((first == one) & (second == other)) | ((first == other) & (second == one))
    return pairs.agreed[meant].sum() / (pairs.agreed[meant] + pairs.reversed[meant]).sum()


def test_the_honest_agree_as_the_people_of_the_paper_did_and_spammers_with_nobody(workforce):
    assert agreement(workforce, HONEST, HONEST) == pytest.approx(0.73, abs=0.035)
    assert agreement(workforce, HONEST, SPAMMER) == pytest.approx(0.5, abs=0.05)
    assert agreement(workforce, RESEARCHER, RESEARCHER) > 0.85


def test_everybody_has_their_share_of_work_of_calibration_and_of_repeated_tasks(workforce):
    plan = workforce.plan
    done = Counter(verdict.worker.number for verdict in workforce.work)
    assert {done[worker.number] for worker in workforce.labelers} == {plan.items_each}
    shared = Counter(verdict.worker.number for verdict in workforce.work if verdict.task.calibration)
    for worker in workforce.labelers:
        assert 0.1 <= shared[worker.number] / plan.items_each <= 0.25
        items = Counter(verdict.task.item.number for verdict in workforce.work if verdict.worker is worker)
        assert (max(items.values()) == 2) == (worker.group != HELD_OUT)
    ordinary = [task for task in workforce.tasks if not task.calibration]
    assert np.mean([len(task.workers) == plan.overlap for task in ordinary]) > 0.95
    for task in workforce.tasks:
        assert len({worker.number for worker in task.workers}) == len(task.workers)
        if CAMPAIGNS[task.campaign][1] == "training":
            assert all(worker.group != HELD_OUT for worker in task.workers)
    days = (workforce.work[-1].submitted - workforce.work[0].submitted).days
    assert 0.95 * plan.days < days < plan.days + 3


def test_the_same_seed_gives_the_same_work():
    one, same, other = (simulate(replace(SMALL, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert [v.ranks for v in one.work] != [v.ranks for v in other.work]


def test_the_first_items_of_everybody_are_their_first(workforce):
    few = workforce.first(20)
    for worker in workforce.labelers:
        theirs = [verdict for verdict in workforce.work if verdict.worker is worker]
        assert [verdict for verdict in few.work if verdict.worker is worker] == theirs[:20]


def test_texts_are_counted_in_words_and_in_characters():
    assert words_of("It's 12.5 km, isn't it?") == 5
    assert words_of("用八十度的水 (80 °C)") == 8
    assert words_of("") == 0


def test_stored_work_keeps_every_rule_of_a_submission_and_every_assignment(database):
    workforce = simulate(SMALL)
    with database.transaction() as session:
        assert workforce_records.store_once(session, SMALL)
    with database.transaction() as session:
        assert not workforce_records.store_once(session, SMALL)
    with database.reading() as session:
        found = session.query(Annotation).order_by(Annotation.id).all()
        assert len(found) == len(workforce.work)
        for annotation, verdict in zip(found, workforce.work, strict=True):
            order = annotation.shown_order
            ranks = {rank.candidate_id: rank.rank for rank in annotation.ranks}
            of_prompt = {f.name: f.value for f in annotation.flags if f.candidate_id is None}
            verdicts = {
                rating.candidate_id: Verdict(
                    rating.likert, {f.name: f.value for f in annotation.flags if f.candidate_id == rating.candidate_id}
                )
                for rating in annotation.ratings
            }
            schema = schema_of(annotation.task.campaign.schema_version.content)
            letters = {candidate: str(place) for place, candidate in enumerate(order)}
            assert not submission_problems(Submission(verdicts, ranks, of_prompt), letters, schema)
            texts = {answer.candidate.text: answer.candidate_id for answer in annotation.task.answers}
            ids = [texts[answer.text] for answer in verdict.task.item.answers]
            assert [ranks[candidate] for candidate in ids] == verdict.ranks
            assert [verdicts[candidate].likert for candidate in ids] == verdict.ratings
            assert [order.index(candidate) for candidate in ids] == list(verdict.shown)
            item = verdict.task.item
            for candidate, said in zip(ids, verdict.flags, strict=True):
                constraint = {"satisfies_constraint"} if item.constrained else set()
                assert {n for n, value in verdicts[candidate].flags.items() if value == "yes"} == said | constraint
            assert of_prompt["use_case"] == item.use_case
            assert annotation.submitted_at == verdict.submitted
            assert set(annotation.active_seconds) == {"prompt", "ranking", *(f"answer:{c}" for c in ids)}
            assignment = session.get_one(Assignment, annotation.assignment_id)
            assert (assignment.task_id, assignment.person_id) == (annotation.task_id, annotation.person_id)
            assert assignment.submitted_at == annotation.submitted_at
        settled = session.query(GoldItem).all()
        assert {gold.task.prompt_id for gold in settled} < {task.prompt_id for task in session.query(Task)}
        shared = {task.item.number for task in workforce.tasks if task.calibration}
        assert len(settled) == len([number for number in shared if number % 2 == 0]) > 0
        for gold in settled:
            prompt = gold.task.prompt.messages[0]["content"]
            item = next(task.item for task in workforce.tasks if task.item.prompt == prompt)
            levels = {answer.text: answer.level for answer in item.answers}
            order = [(levels[a.candidate.text], -gold.content["ranks"][str(a.candidate_id)]) for a in gold.task.answers]
            assert all((a < c) == (b < d) for a, b in order for c, d in order)
        assert session.query(Person).count() == len(workforce.workers)
        assert session.query(Rating).count() == session.query(Ranking).count() > 0
        assert session.query(Flag).count() > 0
        assert session.query(Task).count() == len(workforce.tasks)
        assert session.query(Prompt).count() == len({task.item.number for task in workforce.tasks})
        assert session.query(Candidate).count() == sum(
            len(i.answers) for i in {t.item.number: t.item for t in workforce.tasks}.values()
        )


@pytest.mark.parametrize("seed", range(1, 4))
def test_screening_tells_the_honest_from_spammers_by_thirty_items(seed):
    applicants = screen(Plan(seed=seed), 30)
    found = [screening_scores(one.flagged, one.ranked, one.rated, draws=0) for one in applicants]
    kind = np.array([one.worker.kind for one in applicants])
    meant = (kind == HONEST) | (kind == SPAMMER)
    for values in ([one.ranking.value for one in found], [one.flags.raw.value for one in found]):
        assert roc_auc_score(kind[meant] == HONEST, np.array(values)[meant]) >= 0.95
    # Against the position-biased and the careless as well.
    assert roc_auc_score(kind == HONEST, [one.ranking.value for one in found]) >= 0.95
    assert len({tuple(one.ranked[0].said.items()) for one in applicants}) > 20


def test_the_consensus_of_the_labelers_beats_their_majority_on_hidden_truth(workforce):
    judgements = workforce.first(30).judgements()
    researchers = np.array([worker.kind == RESEARCHER for worker in workforce.workers])
    judgements = judgements.only(~researchers[judgements.labeler])
    found, votes = reliabilities(judgements), majority(judgements)[0]
    worth = dict(zip(zip(found.task.tolist(), found.answer.tolist(), strict=True), found.worth, strict=True))
    levels = {task.item.number: [answer.level for answer in task.item.answers] for task in workforce.tasks}
    by_consensus, by_majority = [], []
    first = np.unique(judgements.pair, return_index=True)
    for pair, row in zip(*first, strict=True):
        item = int(judgements.task[judgements.ranking[row]])
        one, other = judgements.answers[pair].tolist()
        if truth := np.sign(levels[item][one] - levels[item][other]):
            by_consensus.append(np.sign(worth[item, one] - worth[item, other]) == truth)
            by_majority.append((votes[pair] == truth) + (votes[pair] == 0) / 2)
    assert len(by_consensus) > 1_500
    assert np.mean(by_consensus) >= np.mean(by_majority) + 0.03
