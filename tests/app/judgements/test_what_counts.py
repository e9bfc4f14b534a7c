"""The table of purposes holds for every reader; each count is counted again in plain Python from what was laid down."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import select

from app.judgements import queries, reading, rules
from app.judgements.rules import PURPOSES, SORTS, Wanted
from app.labeling.campaigns.queries import counting, finding
from app.labeling.reviews import queries as reviews
from app.material.prompts import queries as prompts
from app.models import Assignment, Campaign, WrittenText
from app.quality.agreement import service as agreement
from app.quality.agreement.material import material as agreement_material
from app.quality.agreement.rules.filters import Filters as Compared
from app.quality.consensus import queries as lists
from app.quality.consensus import service as consensus
from app.quality.consensus.rules import Scope
from app.quality.costs import rules as cost_rules
from app.quality.costs import service as costs
from app.quality.gold import queries as gold_lists
from app.quality.gold import service as gold
from app.quality.integrity import queries as integrity
from app.quality.labelers import queries as watched
from app.quality.labelers import service as labelers
from app.quality.labelers.rules.bounds import Filters as Watched
from app.training.evaluations import service as evaluations
from app.training.runs import queries as runs
from app.training.snapshots import queries as snapshots
from app.training.snapshots import rules as snapshot_rules
from app.training.snapshots import service as freezing
from app.training.snapshots.rules import Filters
from tests.app.judgements.world import ANN, BANK, BEN, COMPARED, COPIES, CY, IMPORTED, NOON, RAE, TOXIC, WORK, WRITING
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking, read_rows
from trainer.statistics.rankings import RankingPairs

APP = Path(rules.__file__).parents[1]
MEASURED = ("work", "gold", "again")


def test_the_table_says_in_words_what_the_purposes_take():
    table = [
        re.split(r"  +", line.strip()) for line in rules.__doc__.splitlines() if re.match(r"[a-z ]+  (yes|no)  ", line)
    ]
    takes = {row[0]: (dict(zip(SORTS, row[1:6], strict=True)), row[6]) for row in table}
    assert takes == {one.name: ({sort: one.how(sort) or "no" for sort in SORTS}, one.whose) for one in PURPOSES}


@pytest.mark.parametrize("purpose", PURPOSES, ids=lambda one: one.name)
def test_a_purpose_takes_the_sorts_of_its_row(session, world, purpose):
    whose = {
        rules.EVERYBODYS: lambda _one: True,
        rules.ACCOUNTS: lambda one: one.person is not None,
        rules.LABELERS: lambda one: one.person in (ANN, BEN, CY),
    }[purpose.whose]
    expected = [one.id for one in world.said if one.sort in purpose.sorts and whose(one)]
    assert reading.annotations(session, Wanted(purpose)).id.tolist() == expected


@pytest.mark.parametrize("sorts", [("item",), ("test",), ("item", "test")], ids="+".join)
def test_whoever_takes_what_banks_hold_alone_takes_no_work(session, world, sorts):
    of_banks = rules.Purpose("of banks", tuple((sort, rules.YES) for sort in sorts))
    assert set(reading.annotations(session, Wanted(of_banks)).id.tolist()) == world.of(*sorts)


def test_the_assignments_of_a_bank_that_are_to_fill_are_those_of_its_researchers(session):
    assignments = (
        select(Assignment.person_id)
        .join(Campaign, Campaign.id == Assignment.campaign_id)
        .where(Assignment.campaign_id == BANK)
    )
    assert session.scalars(assignments.where(queries.is_assignment_to_complete())).all() == [RAE, RAE]


def test_an_answer_is_by_its_model_else_by_whom_its_file_names_else_by_the_file(session):
    answers = [10, 11, 130, 131, 150]
    assert queries.sources(session, answers) == dict(zip(answers, ("m", "n", "us", "them", "o.jsonl"), strict=True))


def test_no_room_decides_by_itself_what_counts():
    """But the one that gives out assignments, and knows which of them measure somebody."""
    rooms = [path for path in APP.rglob("*queries.py") if path.parent.name not in ("judgements", "annotations")]
    assert len(rooms) > 20
    deciding = re.compile(r"ExtraAssignment|Campaign\.purpose|ranks\.any\(|Assignment\.number >=")
    assert [str(path) for path in rooms if deciding.search(path.read_text())] == []


# The seven readers -------------------------------------------------------------------------------


def of_agreement(session, purpose="work", kind="ranking", phase="both"):
    read = agreement_material(session, Compared(purpose=purpose, kind=kind, phase=phase))
    return set(read.annotations.id[np.unique(read.rank_rows[0])].tolist())


def of_reports_on_labelers(session):
    """By the active time, which tells which it is; of the sixth nobody knows it."""
    work = labelers.material(session, Watched()).work
    seconds = work.seconds[work.labeler < work.labelers - 1]
    return {6 if np.isnan(one) else int(one) for one in seconds}


def of_costs(session, **filters):
    return {int(work.seconds) for work in costs.spent(session, cost_rules.Filters(**filters)).works}


def of_gold(session, campaign):
    waiting = [
        item.task_id for known in (True, False) for item in gold_lists.items(session, campaign, gold=known, limit=99)
    ]
    return {row.id for task in waiting for row, _person in gold_lists.said_of(session, task)}


def test_agreement_takes_work_and_what_came_again(session, world):
    ranked = {"campaign": WORK}, {"campaign": COMPARED}, {"campaign": IMPORTED}
    expected = set().union(*(world.of("work", "again", **one) for one in ranked))
    assert of_agreement(session) == expected
    assert of_agreement(session, phase="training") == expected - world.of("work", campaign=COMPARED)
    assert of_agreement(session, kind="toxicity") == world.of("work", campaign=TOXIC)
    assert of_agreement(session, purpose="bank") == world.of("item", "test")


def test_consensus_and_snapshots_take_work_alone(session, world):
    expected = world.of("work", campaign=WORK) | world.of("work", campaign=IMPORTED)
    assert set(consensus.read(session, Scope()).annotations.tolist()) == expected
    assert {row.annotation.id for row in snapshots.ranked_prompts(session, Filters())} == expected
    both = Filters(phases=("training", "evaluation"), sources=("pool",))
    more = {one for one in expected | world.of("work", campaign=COMPARED) if world.by_id(one).source == "pool"}
    assert {row.annotation.id for row in snapshots.ranked_prompts(session, both, by_task=True)} == more
    assert set(consensus.read(session, both.scope).annotations.tolist()) == more
    assert {row.annotation.id for row in snapshots.ranked_prompts(session, Filters(instrument="toxicity"))} == world.of(
        "work", campaign=TOXIC
    )


def test_a_report_on_labelers_takes_all_that_people_with_accounts_ranked_by_quality(session, world):
    expected = world.of(*MEASURED, campaign=WORK) | world.of("work", campaign=COMPARED)
    assert of_reports_on_labelers(session) == expected


def test_costs_take_the_time_of_all_that_labelers_did_and_yield_by_work_alone(session, world):
    timed = {one.id for one in world.said if one.sort in MEASURED and one.person in (ANN, BEN, CY) and one.seconds}
    spent = costs.spent(session, cost_rules.Filters())
    assert {int(work.seconds) for work in spent.works} == timed
    refused = max(one.id for one in world.said if one.campaign == WRITING)
    assert {int(work.seconds) for work in spent.works if work.lost} == world.of("gold", "again") | {refused}
    assert (spent.unmeasured, spent.imported) == (1, 5)
    ranked = cost_rules.yields(costs.spent(session, cost_rules.Filters(kind="ranking")).works)[cost_rules.RANKING]
    assert ranked.things == len(timed & (world.of("work", campaign=WORK) | world.of("work", campaign=COMPARED)))
    for work in spent.works:
        said = world.by_id(int(work.seconds))
        strict = sum(one != other for one, other in combinations(said.ranks.values(), 2))
        pairs = len(said.ranks) * (len(said.ranks) - 1) // 2
        assert (work.labeler, work.group, work.answers) == (said.person, said.group or "", len(said.ranks))
        assert (work.strict, work.pairs, work.month) == (strict, pairs, f"{said.at:%Y-%m}")


def test_costs_divide_by_group_and_by_the_number_of_answers(session, world):
    everything = of_costs(session)
    assert of_costs(session, group="day") == {one for one in everything if world.by_id(one).group == "day"}
    assert of_costs(session, group="") == {one for one in everything if world.by_id(one).group is None}
    assert of_costs(session, answers=3) == {one for one in everything if world.by_id(one).ranks}
    assert of_costs(session, answers=2) == set()
    spent = [
        costs.spent(session, cost_rules.Filters(answers=3, group=group)).imported for group in ("night", "day", "")
    ]
    assert spent == [2, 1, 1]


def test_evaluations_take_work_alone(session, world):
    for campaign in (WORK, COMPARED, IMPORTED):
        rankings, judged = evaluations.judged_answers(session, campaign)
        expected = world.of("work", campaign=campaign)
        assert rankings == len(expected)
        assert {row.annotation_id for row in judged} == (set() if campaign == IMPORTED else expected)
        for row in judged:
            said = world.by_id(row.annotation_id)
            answer = next(one for one in said.ranks if one % 2 == row.model_id - 1 and said.ranks[one] == row.rank)
            assert (row.prompt_id, row.likert, row.is_empty) == (said.original, said.likert[answer], False)
    assert evaluations.queries.campaign_by_id(session, COMPARED)
    assert [evaluations.queries.campaign_by_id(session, one) for one in (WORK, TOXIC, BANK, 99)] == [None] * 4


def test_gold_is_decided_on_by_what_counts_and_in_a_bank_by_researchers(session, world):
    shared = {one.task for one in world.said if one.sort == "work" and one.campaign == WORK}
    assert of_gold(session, WORK) == {one for one in world.of("work", campaign=WORK) if world.by_id(one).task in shared}
    assert of_gold(session, BANK) == world.of("item")
    people = {task: count for task, (count, _agreed) in gold.agreement_by_task(session, range(1, 200)).items()}
    assert people == Counter(world.by_id(one).task for one in world.of("work", "item"))
    assert gold.agreement_by_task(session, []) == {}


def test_agreement_on_an_item_gives_half_credit_for_ties(session, world):
    ann, ben = (next(one for one in world.said if one.task == 6 and one.person == person) for person in (ANN, BEN))
    credit = []
    for first, second in combinations(sorted(ann.ranks), 2):
        mine, theirs = (np.sign(one.ranks[first] - one.ranks[second]) for one in (ann, ben))
        credit.append(1 - abs(mine - theirs) / 2)
    assert gold.agreement_by_task(session, [6])[6] == (2, pytest.approx(np.mean(credit)))


# What each purpose compares ----------------------------------------------------------------------


def test_people_are_measured_by_all_they_did_but_each_thing_with_its_like(session, world):
    """Work beside other people's, hidden gold beside gold alone, what came again beside the first time alone."""
    work = labelers.material(session, Watched(campaign=WORK)).work
    of_people = work.labeler < work.labelers - 1  # the last one is gold

    def rankings_in(judgements):
        return len(np.unique(judgements.ranking[of_people[judgements.ranking]]))

    count = len(world.of("work", campaign=WORK))
    assert (rankings_in(work.between_people), rankings_in(work.beside_gold)) == (count, count + len(world.of("gold")))
    assert len(RankingPairs.of(work.judgements).of_one_person()) == len(COPIES)
    for place, seconds in enumerate(work.seconds[of_people].tolist()):
        said = world.by_id(6 if np.isnan(seconds) else int(seconds))
        rows = work.annotation == place
        answers = work.answer[rows].tolist()
        assert dict(zip(answers, work.rank[rows].tolist(), strict=True)) == said.ranks
        assert dict(zip(answers, work.rating[rows].tolist(), strict=True)) == said.likert
        assert dict(zip(answers, work.place[rows].tolist(), strict=True)) == {
            one: at for at, one in enumerate(said.shown)
        }
        assert work.day[place] == said.at.timestamp() / 86_400
        assert work.words[place] == 2 + len(said.ranks)


def test_the_watch_over_two_models_takes_each_ranking_that_counts_once(session, world):
    """What all judge as gold, or one judges twice, would be taken for a change of the standard."""
    report = labelers.report(session, Watched(campaign=WORK))
    assert report.pair == ("m", "n")
    watched_over = sum(len(report.drift_of(number).days) for number in range(len(report.workers)))
    assert watched_over == len(world.of("work", campaign=WORK))


def test_two_sources_of_one_file_are_two_whoever_watches(session):
    answers = np.array([130, 131])
    judged_together = SimpleNamespace(annotation=np.zeros(2, dtype=np.int64), answer=answers)
    assert labelers._usual_pair(session, judged_together)[3] == ("them", "us")


def test_the_headline_takes_first_rankings_and_people_are_compared_with_themselves_apart(session, world):
    report = agreement.report(session, Compared(campaign=WORK), draws=50)
    strict = agreed = 0
    for task in range(1, 7):
        orders = [world.by_id(one).ranks for one in sorted(world.of("work", campaign=WORK, task=task))]
        for one, other in combinations(orders, 2):
            for a, b in combinations(sorted(one), 2):
                mine, theirs = one[a] - one[b], other[a] - other[b]
                strict += mine != 0 and theirs != 0
                agreed += mine * theirs > 0
    headline = report.rankings.overall["non_tie"].micro
    count = len(world.of("work", campaign=WORK))
    assert (report.annotations, report.ranked) == (count, count)
    assert (headline.counts.pairs, headline.value) == (strict, pytest.approx(agreed / strict))
    assert report.rankings.themselves["tie_class"].micro.counts.pairs == len(COPIES) * 3
    assert sum(rater.rankings for rater in report.raters) == count


def test_judges_whom_nobody_knows_are_as_many_as_their_judgements_of_one_thing(session, world):
    read = consensus.read(session, Scope(campaigns=(IMPORTED,)))
    assert (read.labelers, list(read.seats.values())) == (["crowd-1", 1, 2], [1, 2, 1])
    report = agreement.report(session, Compared(campaign=IMPORTED), draws=50)
    assert (report.annotations, report.ranked, report.unnamed) == (5, 4, 3)
    assert [(one.name, one.group) for one in report.raters] == [
        ("crowd-1", "day"),
        *((None, group) for group in ("night", "night", None)),
    ]


# Counts and lists --------------------------------------------------------------------------------


def test_every_count_is_that_of_the_work_alone(session, world, tmp_path):
    settings = SimpleNamespace(data_dir=tmp_path)
    expected = world.of("work", campaign=WORK)
    merged = Filters(campaigns=(WORK,), labels=snapshot_rules.CONSENSUS, weighing=snapshot_rules.BY_RELIABILITY)
    preview = freezing.weighed(session, merged)
    assert (preview.of_rankings, preview.consensus) == (len(expected), 6)
    frozen = freezing.freeze(session, settings, merged)
    assert (frozen.counts["rankings"], frozen.counts["rankings_merged"]) == (6, len(expected))
    rows = list(read_rows(settings.data_dir / "snapshots" / frozen.digest / RANKINGS, Ranking))
    assert sum(row.labelers for row in rows) == len(expected)
    assert snapshots.counts(session, Filters(campaigns=(WORK,)))["rankings"] == len(expected)
    assert {c.id: count for c, count in snapshots.campaigns(session)}[WORK] == len(expected)
    assert BANK not in {c.id for c, _count in snapshots.campaigns(session)}
    assert {row.id for found in lists.rankings_of(session, range(1, 7)).values() for row in found} == expected
    assert counting.annotation_counts(session) == {
        campaign: sum(one.campaign == campaign and one.sort in ("work", "item") for one in world.said)
        for campaign in (WORK, COMPARED, TOXIC, BANK, IMPORTED, WRITING)
    }
    counts = prompts.counts_by_prompt(session, range(1, 18))
    ranked = Counter(world.by_id(one).original for one in world.of("work") - world.of("work", campaign=TOXIC))
    assert {prompt: rankings for prompt, (_answers, rankings, _texts) in counts.items() if rankings} == ranked
    assert prompts.warnings_of(session, [4])[4] == {"asks_violent": 2}
    assert [row.id for row, _campaign in prompts.rankings_of(session, 1, 9)] == sorted(
        world.of("work", task=1), reverse=True
    )


def test_a_dashboard_counts_rankings_and_no_labels(session, world):
    ranked = world.of("work") - world.of("work", campaign=TOXIC)
    assert runs.pipeline_counts(session)["rankings"] == len(ranked)


def test_how_far_a_campaign_is_does_not_hang_on_what_measures_people(session, world):
    progress = counting.progress(session, NOON, WORK)[WORK]
    done = len(world.of("work", campaign=WORK))
    assert (progress.tasks, progress.assignments, progress.submitted, progress.people) == (7, done + 2, done, 4)
    assert {c.id: (so_far, assignments) for c, so_far, assignments in runs.open_campaigns(session)}[WORK] == (
        done,
        done + 2,
    )
    bank = counting.progress(session, NOON, BANK)[BANK]
    assert (bank.tasks, bank.assignments, bank.submitted, bank.people) == (2, 2, 2, 1)


def test_a_copy_that_comes_again_is_no_further_item(session):
    counts = {campaign.id: found for campaign, found in gold_lists.campaigns(session)}
    assert (counts[WORK].items, counts[WORK].judged, counts[WORK].gold) == (7, 6, 2)
    assert (counts[BANK].items, counts[BANK].judged, counts[BANK].gold) == (2, 2, 1)


def test_the_newest_of_a_campaign_are_all_but_tests(session, world):
    for campaign, sorts in ((WORK, MEASURED), (BANK, ("item",))):
        recent = {row.id for row in finding.recent_annotations(session, campaign, 99)}
        assert recent == world.of(*sorts, campaign=campaign)


def test_feedback_tells_of_work_alone(session):
    found = watched.differing_from_gold(session, RAE, closed_only=False, limit=99)
    assert {annotation.campaign_id for annotation, _gold in found} == set()
    told = {row.task_id for row, _gold in watched.differing_from_gold(session, CY, closed_only=False, limit=99)}
    assert told == {4, 5}


def test_texts_are_those_of_work_in_their_newest_version(session):
    texts = [text.annotation.task_id for text in integrity.texts_of_campaign(session, WRITING)]
    assert texts == [16, 17]
    assert all(reviews.text_by_id(session, one) for one in session.scalars(select(WrittenText.id)))
    demonstrations = [row.prompt_id for row, _prompt in snapshots.demonstrations(session, Filters())]
    assert demonstrations == [16]


# The reader --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("narrowed", "holds"),
    [
        ({"instruments": ("toxicity",)}, lambda one: one.campaign == TOXIC),
        ({"phases": ("evaluation",)}, lambda one: one.campaign == COMPARED),
        ({"campaigns": (WORK, BANK)}, lambda one: one.campaign == WORK),
        ({"tasks": (1, 13)}, lambda one: one.task in (1, 13)),
        ({"sources": ("elsewhere",)}, lambda one: one.source == "elsewhere"),
        ({"language": "zh"}, lambda one: one.language == "zh"),
        ({"language": "zh", "sources": ("pool",)}, lambda one: (one.language, one.source) == ("zh", "pool")),
        ({"group": "day"}, lambda one: one.group == "day"),
        ({"group": ""}, lambda one: one.group is None),
        ({"since": NOON.replace(hour=20)}, lambda one: one.id >= 8),
        ({"before": NOON.replace(hour=20)}, lambda one: one.id < 8),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_what_is_wanted_is_narrowed(session, world, narrowed, holds):
    wanted = Wanted(rules.COUNTING, **narrowed)
    expected = [one.id for one in world.said if one.sort == "work" and holds(one)]
    assert reading.annotations(session, wanted).id.tolist() == expected
    assert set(reading.ranks(session, wanted)[0].tolist()) == {one for one in expected if world.by_id(one).ranks}


def test_columns_say_what_was_laid_down(session, world):
    wanted = Wanted(rules.LABELER_QUALITY, campaigns=(WORK,))
    found = reading.annotations(session, wanted)
    saids = [world.by_id(one) for one in found.id.tolist()]
    assert found.task.tolist() == [one.task for one in saids]
    assert found.original.tolist() == found.prompt.tolist() == [one.original for one in saids]
    assert found.account.tolist() == [one.person for one in saids]
    assert found.seconds.tolist() == [one.at.timestamp() for one in saids]
    imported = reading.annotations(session, Wanted(rules.COUNTING, campaigns=(IMPORTED,)))
    assert (imported.account == 0).all()
    assert [found.people[place][0] for place in found.person] == [one.annotator for one in saids]
    assert [found.groups[place] for place in found.group] == [one.group for one in saids]
    assert [found.languages[place] for place in found.language] == [one.language for one in saids]
    assert set(found.id[found.of_gold].tolist()) == world.of("gold")
    assert set(found.id[found.again].tolist()) == world.of("again")
    for rows, name in ((reading.ranks, "ranks"), (reading.ratings, "likert")):
        given = list(zip(*(column.tolist() for column in rows(session, wanted)), strict=True))
        assert sorted(given) == sorted((one.id, *pair) for one in saids for pair in getattr(one, name).items())
    flags = reading.flags(session, wanted)
    unsafe = (flags.name == flags.names.index("unsafe")) & (flags.value == flags.values.index("yes"))
    assert set(zip(flags.annotation[unsafe].tolist(), flags.candidate[unsafe].tolist(), strict=True)) == {
        (one.id, answer) for one in saids for answer, rank in one.ranks.items() if rank == 2
    }
    assert (flags.candidate[flags.name == flags.names.index("asks_violent")] == 0).all()
