"""What stands in the database becomes the report, and nothing else does."""

from dataclasses import replace

import pytest

from app.quality.agreement import service
from app.quality.agreement.rules.filters import Filters
from app.quality.agreement.rules.label_report import ALPHA_ORDINAL, POSITIVE, RAW
from tests.app.quality.agreement.conftest import JUNE, MAY
from trainer.statistics.estimates import Undefined
from trainer.statistics.ranking_agreement import HALF_CREDIT, HEADLINE, TIE_CLASS


def report(database, **filters):
    with database.reading() as session:
        return service.report(session, Filters(**filters), draws=40)


def headline(found):
    micro = found.rankings.overall[HEADLINE].micro
    return micro.value, micro.counts.pairs


def test_the_figures_are_those_counted_by_hand(database, office):
    found = report(database)
    # First task: Ann–Ben 6 of 6, each of them with Rae 0 of 6. Second: all but the pair that Ben tied, 5 of 5.
    assert headline(found) == (11 / 23, 23)
    overall = found.rankings.overall
    assert overall[TIE_CLASS].micro.value == 11 / 24
    assert overall[HALF_CREDIT].micro.value == 11.5 / 24
    assert overall[HEADLINE].macro.value == (6 / 18 + 1) / 2
    assert (found.annotations, found.ranked, found.prompts, found.shared) == (6, 6, 3, 2)
    assert found.rankings.ties.value == (6 + 1) / 36
    people = {rater.name: rater for rater in found.raters}
    assert people[f"labeler-{office.rae.id}"].role == "researchers"
    assert people[f"labeler-{office.ann.id}"].rankings == 3


def test_labels_of_another_phase_kind_or_purpose_are_never_mixed_in(database, office):
    assert headline(report(database, phase="evaluation")) == (0.0, 6)
    assert headline(report(database, kind="toxicity")) == (0.0, 6)
    assert headline(report(database, purpose="bank")) == (0.0, 6)
    # Both phases stand side by side: the three rankings of the prompt for training meet none of those for evaluation.
    assert headline(report(database, phase="both")) == (11 / 29, 29)


def test_filters_take_a_part(database, office):
    assert headline(report(database, use_case="chat")) == (6 / 18, 18)
    assert headline(report(database, use_case="rewrite")) == (1.0, 5)
    assert headline(report(database, group="training"))[1] == 0
    assert report(database, group="training").ranked == 3
    assert report(database, since=JUNE.replace(hour=0)).ranked == 1
    assert report(database, before=JUNE.replace(hour=0)).ranked == 5
    assert report(database, language="zh").ranked == 2
    assert report(database, campaign=office.campaign.id + 99).annotations == 0


def test_the_divisions_are_by_role_group_use_case_language_campaign_and_month(database, office):
    found = report(database).rankings
    roles = {pair: of[HEADLINE].micro for pair, of in found.groups["role"].items()}
    assert (roles["labelers", "labelers"].value, roles["labelers", "labelers"].counts.pairs) == (1.0, 11)
    assert (roles["labelers", "researchers"].value, roles["labelers", "researchers"].counts.pairs) == (0.0, 12)
    assert roles["researchers", "researchers"].undefined == Undefined.NO_PAIRS
    groups = {pair: of[HEADLINE].micro.counts.pairs for pair, of in found.groups["group"].items()}
    assert groups == {("held-out", "held-out"): 0, ("held-out", "training"): 11, ("training", "training"): 0}
    slices = {
        name: {part: of[HEADLINE].micro.counts.pairs for part, of in parts.items()}
        for name, parts in found.slices.items()
    }
    assert slices == {
        "use_case": {"chat": 18, "rewrite": 5},
        "language": {"en": 18, "zh": 5},
        "campaign": {"Round 1": 23},
        "month": {"2026-05": 18, "2026-06": 5},
    }


def test_rankings_of_one_prompt_in_two_campaigns_are_compared_but_belong_to_neither(database, judged):
    one, other = judged.campaign("One"), judged.campaign("Two")
    task, answers = judged.task(one)
    again, _same = judged.task(other, prompt=task.prompt_id)
    judged.say(task, judged.person(), [1, 2, 3, 4], answers=answers)
    judged.say(again, judged.person(), [1, 2, 3], answers=answers[:3])
    found = report(database)
    assert headline(found) == (1.0, 3)
    assert [of[HEADLINE].micro.counts.pairs for of in found.rankings.slices["campaign"].values()] == [0, 0]


def test_what_a_person_ranked_again_is_their_own_consistency(database, judged):
    one, other = judged.campaign("One"), judged.campaign("Two")
    person = judged.person()
    task, answers = judged.task(one)
    again, _same = judged.task(other, prompt=task.prompt_id)
    judged.say(task, person, [1, 2, 3, 4], answers=answers)
    judged.say(again, person, [2, 1, 3, 4], answers=answers)
    found = report(database)
    assert headline(found)[1] == 0
    assert found.rankings.themselves[HEADLINE].micro.value == 5 / 6


def test_ratings_and_flags_are_compared_by_answer(database, office):
    found = report(database)
    # Of the three people's ratings of four answers, Ann's and Ben's are the same on three; nobody else's are.
    assert found.ratings.figures[RAW].value == pytest.approx((1 + 0 + 1 + 1) / 3 / 4)
    assert found.ratings.figures[ALPHA_ORDINAL].value < 0
    questions = {(one.part, one.name): one for one in found.questions}
    assert set(questions) == {("answer", "fails_task"), ("prompt", "use_case")}
    flag = questions["answer", "fails_task"].report
    assert flag.chosen == {"no": 9, "yes": 3}
    # Yes: two of three on the first answer, one of three on the third: 2 agreeing of 4 + 2.
    assert flag.figures[POSITIVE].value == 2 / 6
    assert questions["prompt", "use_case"].report.figures[RAW].value == 1.0


def test_a_list_of_flags_in_an_imported_ranking_says_no_to_the_others(database, judged):
    campaign = judged.campaign("import: file", imported=True)
    task, answers = judged.task(campaign)
    judged.say(task, "file:ann", [1, 2, 3, 4], answers=answers, flags={answers[0]: {"fails_task": "yes"}})
    judged.say(task, "file:ben", [1, 2, 3, 4], answers=answers, flags={answers[1]: {"fails_task": "yes"}})
    (question,) = report(database).questions
    assert question.report.chosen == {"no": 6, "yes": 2}
    assert question.report.figures[RAW].value == 0.5


def test_imported_annotators_are_people_whose_role_is_not_known(database, judged):
    campaign = judged.campaign("import: file", imported=True)
    task, answers = judged.task(campaign)
    for name in ("file:ann", "file:ben"):
        judged.say(task, name, [1, 2, 3, 4], answers=answers)
    found = report(database)
    assert [(rater.name, rater.role) for rater in found.raters] == [
        ("file:ann", "imported annotators"),
        ("file:ben", "imported annotators"),
    ]
    assert headline(found) == (1.0, 6)
    assert found.rankings.overall[HEADLINE].micro.no_interval == Undefined.ONE_CLUSTER


def test_nothing_judged_is_a_report_of_reasons(database):
    found = report(database)
    assert headline(found) == (None, 0)
    assert found.rankings.ties.undefined
    assert found.ratings.figures[RAW].undefined
    assert (found.questions, found.order, found.annotations) == ([], [], 0)


def test_the_same_data_give_the_same_report(database, office):
    one, other = report(database), report(database)
    assert replace(one, made_at=MAY, seconds=0) == replace(other, made_at=MAY, seconds=0)
