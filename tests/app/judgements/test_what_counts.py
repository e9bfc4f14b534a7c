"""What measures people reaches neither training nor headlines nor costs; every count is counted again in plain SQL."""

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from sqlalchemy import select, text

from app.labeling.annotations import queries as annotations
from app.material.prompts import queries as prompts
from app.models import Campaign, GoldItem, Task
from app.quality.agreement import service as agreement
from app.quality.agreement.rules.filters import Filters as Compared
from app.quality.consensus import queries as lists
from app.quality.consensus import service as consensus
from app.quality.consensus.rules import Scope
from app.quality.costs import queries as costs
from app.quality.costs import rules as cost_rules
from app.quality.gold import queries as gold
from app.quality.oversight import queries as watched
from app.quality.oversight import service as oversight
from app.quality.oversight.rules.bounds import Filters as Watched
from app.training.evaluations import queries as evaluations
from app.training.runs import queries as runs
from app.training.snapshots import queries as snapshots
from app.training.snapshots import rules as snapshot_rules
from app.training.snapshots import service as freezing
from app.training.snapshots.rules import Filters
from tests.app.labeling.annotations.conftest import NOON
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking, read_rows
from trainer.statistics.rankings import RankingPairs

ORDINARY = """
    FROM annotations a
    LEFT JOIN extra_slots e ON e.lease_id = a.lease_id
    LEFT JOIN people p ON p.id = a.person_id
    JOIN rankings k ON k.annotation_id = a.id
    WHERE a.campaign_id = :campaign AND (e.use IS NULL OR e.use NOT IN ('gold', 'repeat'))
"""


class Truth:
    """What is in the database, by plain SQL."""

    def __init__(self, session, campaign):
        def one(what, condition=""):
            return session.scalar(text(f"SELECT {what} {ORDINARY} {condition}"), {"campaign": campaign})

        uses = text("SELECT use, count(*) FROM extra_slots JOIN annotations USING (lease_id) GROUP BY use")
        self.uses = dict(map(tuple, session.execute(uses)))
        self.rankings = one("count(DISTINCT a.id)")
        self.tasks = one("count(DISTINCT a.task_id)")
        self.by_labelers = one("count(DISTINCT a.id)", "AND p.role = 'labeler'")
        rows = text(f"SELECT a.task_id, a.person_id, k.candidate_id, k.rank {ORDINARY}")
        said = defaultdict(lambda: defaultdict(dict))
        for task, person, answer, rank in session.execute(rows, {"campaign": campaign}):
            said[task][person][answer] = rank
        self.agreed, self.strict = 0, 0
        for people in said.values():
            for one_order, other in combinations(people.values(), 2):
                for a, b in combinations(one_order, 2):
                    mine, theirs = one_order[a] - one_order[b], other[a] - other[b]
                    self.strict += mine != 0 and theirs != 0
                    self.agreed += mine * theirs > 0


@pytest.fixture
def truth(calibrated):
    with calibrated.database.reading() as session:
        found = Truth(session, calibrated.campaign)
    assert found.uses == {"shared": 7, "researcher": 7, "gold": 5, "repeat": 7}
    assert (found.rankings, found.tasks, found.by_labelers) == (51, 37, 44)
    return found


def test_every_count_is_that_of_the_work_alone(calibrated, truth, settings):
    campaign = calibrated.campaign
    chosen = (campaign,)
    merged = Filters(campaigns=chosen, labels=snapshot_rules.CONSENSUS, weighing=snapshot_rules.BY_RELIABILITY)
    with calibrated.database.reading() as session:
        preview = freezing.weighed(session, merged)
        assert (preview.of_rankings, preview.consensus) == (truth.rankings, truth.tasks)

        frozen = freezing.freeze(session, settings, merged)
        assert (frozen.counts["rankings"], frozen.counts["rankings_merged"]) == (truth.tasks, truth.rankings)
        rows = list(read_rows(settings.data_dir / "snapshots" / frozen.digest / RANKINGS, Ranking))
        assert sum(row.labelers for row in rows) == truth.rankings
        assert snapshots.counts(session, Filters(campaigns=chosen))["rankings"] == truth.rankings
        assert {c.id: count for c, count in snapshots.campaigns(session)}[campaign] == truth.rankings

        found = consensus.consensus(session, Scope(campaigns=chosen))
        assert (len(found.rankings.annotations), len(found.tasks)) == (truth.rankings, truth.tasks)
        assert sum(map(len, lists.rankings_of(session, list(found.tasks)).values())) == truth.rankings

        works = costs.works(session, costs.Filters(campaign_id=campaign))
        ranked = cost_rules.yields(works)[cost_rules.RANKING]
        assert (ranked.things, ranked.hours) == (truth.by_labelers, pytest.approx((44 + 5 + 7) * 30 / 3600))

        assert len({row.annotation_id for row in evaluations.judged_answers(session, campaign)}) == truth.rankings
        progress = annotations.progress(session, NOON, campaign)[campaign]
        assert (progress.tasks, progress.slots, progress.submitted) == (38, truth.rankings + 1, truth.rankings)
        assert annotations.annotation_counts(session)[campaign] == truth.rankings
        assert runs.pipeline_counts(session)["rankings"] == truth.rankings + 1  # and one of the other campaign
        underway = {shown.id: (done, asked) for shown, done, asked in runs.open_campaigns(session)}
        assert underway[campaign] == (truth.rankings, truth.rankings + 1)
        assert len({row[1] for row in gold.ranks(session, list(found.tasks))}) == truth.rankings
        counts = prompts.counts_by_prompt(session, [prompt.id for prompt in snapshots.prompts(session, Filters())])
        assert sum(rankings for _answers, rankings, _texts in counts.values()) == truth.rankings + 1


def test_people_are_measured_by_all_they_did_but_each_thing_with_its_like(calibrated, truth):
    """Work beside other people's, hidden gold beside gold alone, what came again beside the first time alone."""
    with calibrated.database.reading() as session:
        work = oversight.material(session, Watched(campaign=calibrated.campaign)).work
    of_people = work.labeler < work.labelers - 1  # the last one is gold
    assert of_people.sum() == truth.rankings + truth.uses["gold"] + truth.uses["repeat"]
    assert rankings_in(work.between_people, of_people) == truth.rankings
    assert rankings_in(work.beside_gold, of_people) == truth.rankings + truth.uses["gold"]
    assert len(RankingPairs.of(work.judgements).of_one_person()) == truth.uses["repeat"]


def test_the_watch_over_two_models_takes_each_ranking_that_counts_once(calibrated, truth):
    """What all judge as gold, or one judges twice, would be taken for a change of the standard."""
    with calibrated.database.reading() as session:
        report = oversight.report(session, Watched(campaign=calibrated.campaign))
    assert report.pair == ("m", "n")
    assert sum(len(report.drift_of(number).days) for number in range(len(report.workers))) == truth.rankings


def test_a_bank_is_no_work_and_a_test_in_it_is_nobodys_work_there(calibrated):
    with calibrated.database.transaction() as session:
        banks = session.scalars(select(Campaign.id).where(Campaign.purpose == "bank")).all()
        assert [(one.people, one.submitted) for one in annotations.progress(session, NOON, banks[0]).values()] == [
            (1, 1)
        ]
        for task in session.scalars(select(Task.id).where(Task.campaign_id == banks[0])):
            session.add(GoldItem(task_id=task, content={"ranks": {}}, decided_at=NOON))
        session.flush()
        found = watched.differing_from_gold(session, calibrated.researcher.id, closed_only=False, limit=99)
    assert {annotation.campaign_id for annotation, _gold in found} == {calibrated.campaign}


def rankings_in(judgements, of_people):
    return len(np.unique(judgements.ranking[of_people[judgements.ranking]]))


def test_the_headline_takes_first_rankings_and_people_are_compared_with_themselves_apart(calibrated, truth):
    with calibrated.database.reading() as session:
        report = agreement.report(session, Compared(campaign=calibrated.campaign), draws=50)
    headline = report.rankings.overall["non_tie"].micro
    assert (report.annotations, report.ranked) == (truth.rankings, truth.rankings)
    assert (headline.counts.pairs, headline.value) == (truth.strict, pytest.approx(truth.agreed / truth.strict))
    assert report.rankings.themselves["tie_class"].micro.counts.pairs == truth.uses["repeat"] * 6
    assert sum(rater.rankings for rater in report.raters) == truth.rankings
