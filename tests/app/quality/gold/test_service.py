"""From two judgements to one verdict: what waits, who sees whose name, and what is kept."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import assigning
from app.labeling.annotations.rules.submission import Submission
from app.models import Assignment, AuditEvent, GoldItem
from app.quality.gold import queries, rules, service
from app.quality.gold.rules import Decision
from tests.app.labeling.annotations.conftest import NOON, verdict_on
from tests.app.quality.gold.conftest import form_of

SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def bank(court):
    """Two items, each judged by both researchers: about the first they agree, about the second not at all."""
    bank = court.campaign(court.prompts(3), name="Bank", purpose="bank", overlap=2)
    for name, orders in (("Ada", ((1, 2, 3, 4), (1, 2, 3, 4))), ("Bo", ((1, 2, 3, 4), (4, 3, 2, 1)))):
        court.judge(court.person("researcher", name), bank, *orders)
    return bank


@pytest.fixture
def disputed(court):
    """A campaign of work with noise: three tasks, of which two were judged twice."""
    work = court.campaign(court.prompts(3, start=10), name="Work", overlap=2)
    court.judge(court.person("labeler", "lena"), work, (1, 2, 3, 4), (1, 1, 2, 2), (1, 2, 3, 4))
    court.judge(court.person("labeler", "jonas"), work, (1, 2, 3, 4), (2, 2, 1, 1))
    return work


def task_ids(court, campaign):
    with court.database.reading() as session:
        return sorted(set(session.scalars(select(Assignment.task_id).where(Assignment.campaign_id == campaign.id))))


def decision(court, task_id, ranks=(1, 2, 3, 4), **rest):
    with court.database.reading() as session:
        order = sorted(service.case_for(session, task_id).order)
    return Decision(verdict_on(order, ranks=list(ranks)), **({"reason": "because", "topic": "law"} | rest))


def decide(court, by, task_id, *ranks, now=NOON, **rest):
    with court.database.transaction() as session:
        return service.decide(session, by, task_id, now, decision(court, task_id, ranks or (1, 2, 3, 4)), **rest)


def test_items_wait_when_all_have_judged_them_those_first_about_which_people_agree_least(court, bank):
    same, opposite, unjudged = task_ids(court, bank)
    with court.database.reading() as session:
        waiting = service.items_of(session, bank.id)
        assert [(w.item.task_id, w.people, w.agreement) for w in waiting] == [(opposite, 2, 0.0), (same, 2, 1.0)]
        [(campaign, counts)] = queries.campaigns(session)
        assert (campaign.name, counts) == ("Bank", queries.Counts(items=3, judged=2, gold=0, waiting=2))
        assert service.next_waiting(session, bank.id, but=opposite) == same
    assert unjudged not in {w.item.task_id for w in waiting}


def test_of_work_the_tasks_wait_that_two_people_judged(court, disputed):
    same, opposite, _once = task_ids(court, disputed)
    with court.database.reading() as session:
        assert [w.item.task_id for w in service.items_of(session, disputed.id)] == [opposite, same]


def test_answers_of_somebodys_test_are_no_part_of_the_adjudication(court, bank):
    """An applicant answers an item in an assignment beyond the researchers'."""
    task_id = task_ids(court, bank)[0]
    applicant = court.person("labeler", "applicant")
    with court.database.transaction() as session:
        assignment = Assignment(campaign_id=bank.id, task_id=task_id, number=2, person_id=None)
        session.add(assignment)
        session.flush()
        assigning.assign(session, assignment, applicant, NOON)
    court.submit(applicant, task_id)
    with court.database.reading() as session:
        assert [j.name for j in service.case_for(session, task_id).judgements] == ["Ada", "Bo"]
        assert {w.people for w in service.items_of(session, bank.id)} == {2}


def test_researchers_have_names_and_labelers_pseudonyms(court, disputed):
    task_id = task_ids(court, disputed)[0]
    with court.database.reading() as session:
        names = [j.name for j in service.case_for(session, task_id).judgements]
    assert all(re.fullmatch(r"labeler-\d+", name) for name in names)


def test_a_verdict_is_kept_whole_with_its_reason_and_the_trail_says_so(court, bank):
    judge, task_id = court.person("researcher", "Cleo"), task_ids(court, bank)[0]
    decide(court, judge, task_id, 2, 1, 1, 3)
    with court.database.reading() as session:
        gold = session.scalar(select(GoldItem))
        assert sorted(gold.content["ranks"].values()) == [1, 1, 2, 3]
        assert (gold.task_id, gold.reason, gold.topic, gold.decided_by) == (task_id, "because", "law", judge.id)
        assert gold.content["prompt"]["use_case"] == "chat"
        assert {one["likert"] for one in gold.content["answers"].values()} == {5}
        [event] = session.scalars(select(AuditEvent).where(AuditEvent.action == "decided gold"))
        assert event.detail["after"]["reason"] == "because"
        assert service.items_of(session, bank.id)[0].item.task_id != task_id
        assert [w.item.task_id for w in service.items_of(session, bank.id, gold=True)] == [task_id]


def test_a_changed_verdict_leaves_the_earlier_one_in_the_trail(court, bank):
    judge, task_id = court.person("researcher", "Cleo"), task_ids(court, bank)[0]
    decide(court, judge, task_id, 1, 2, 3, 4)
    decide(court, judge, task_id, 4, 3, 2, 1, now=NOON + timedelta(hours=1))
    with court.database.reading() as session:
        [gold] = session.scalars(select(GoldItem))
        [event] = session.scalars(select(AuditEvent).where(AuditEvent.action == "changed gold"))
    assert event.detail["after"]["content"] == gold.content
    assert event.detail["before"]["content"] != gold.content


def test_nobody_overwrites_what_they_have_not_seen(court, bank):
    judge, task_id = court.person("researcher", "Cleo"), task_ids(court, bank)[0]
    decide(court, judge, task_id, seen="")
    with pytest.raises(Conflict, match="Somebody else has decided"):
        decide(court, judge, task_id, 4, 3, 2, 1, seen="")


def test_of_two_who_decide_at_once_one_is_told_so(court, bank):
    judges, task_id = [court.person("researcher", f"c{n}") for n in range(4)], task_ids(court, bank)[0]

    def once(judge):
        try:
            decide(court, judge, task_id, seen="")
        except Conflict:
            return "refused"
        return "kept"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(once, judges))
    assert sorted(answers) == ["kept", "refused", "refused", "refused"]
    with court.database.reading() as session:
        assert len(session.scalars(select(GoldItem)).all()) == 1


@SQLITE
def test_an_incomplete_verdict_is_refused_with_a_sentence_for_each_field(court, bank):
    judge, task_id = court.person("researcher", "Cleo"), task_ids(court, bank)[0]
    with pytest.raises(Invalid) as refused, court.database.transaction() as session:
        service.decide(session, judge, task_id, NOON, Decision(Submission({}, {}), ""))
    assert "is not rated yet" in str(refused.value) or "are not rated yet" in str(refused.value)
    assert "The prompt is not labelled yet" in str(refused.value)
    assert len([name for name in refused.value.fields if name.startswith("rank-")]) == 4
    assert "reason" in refused.value.fields
    with court.database.reading() as session:
        assert session.scalar(select(GoldItem)) is None


@SQLITE
def test_there_is_no_gold_where_nothing_is_judged(court):
    with court.database.reading() as session, pytest.raises(NotFound):
        service.case_for(session, 999)
    court.campaign([(court.prompts(1)[0][0], [])], name="Write", kind="demonstration")
    with court.database.reading() as session, pytest.raises(NotFound):
        service.case_for(session, 1)


# The pages -----------------------------------------------------------------------------------------


@SQLITE
def test_taking_a_judgement_fills_the_form_and_keeping_it_leads_to_the_next(court, bank, browse):
    same, opposite, _unjudged = task_ids(court, bank)
    browse.as_("researcher")
    assert f"/gold/campaigns/{bank.id}" in browse.get("/gold")
    items = browse.get(f"/gold/campaigns/{bank.id}")
    assert items.index(f"/gold/items/{opposite}") < items.index(f"/gold/items/{same}")
    page = browse.get(f"/gold/items/{opposite}")
    assert "Ada" in page
    assert "6 pairs are ordered differently" in page
    take = re.findall(r'href="(\?take=\d+)"', page)
    assert len(take) == 2
    page = browse.get(f"/gold/items/{opposite}{take[1]}")
    assert "The form holds what Bo said." in page
    given = form_of(page)
    assert sorted(v for k, v in given.items() if k.startswith("rank-")) == ["1", "2", "3", "4"]
    refused = browse.post(f"/gold/items/{opposite}", given, status=422).text
    assert "Say why: whoever practises with this item reads it." in refused
    assert form_of(refused).items() >= {k: v for k, v in given.items() if k.startswith(("rank", "likert"))}.items()
    kept = browse.post(f"/gold/items/{opposite}", given | {"reason": "It is **right**.", "topic": "law"})
    assert kept.headers["location"] == f"/gold/items/{same}"
    with court.database.reading() as session:
        gold = queries.gold_of(session, opposite)
        bo = service.case_for(session, opposite).judgements[1]
        assert rules.verdict_of(gold.content).ranks == bo.ranks
        assert gold.reason == "It is **right**."
    page = browse.get(f"/gold/items/{opposite}")
    assert "Change the gold" in page
    stale = browse.post(f"/gold/items/{opposite}", given | {"reason": "other"}, status=409).text
    assert "Somebody else has decided about this item meanwhile" in stale
    assert browse.post(f"/gold/items/{same}", form_of(browse.get(f"/gold/items/{same}?take=1")) | {"reason": "x"})
    assert "Nothing waits" in browse.get(f"/gold/campaigns/{bank.id}")


@SQLITE
def test_ranks_that_are_no_numbers_are_refused_and_nothing_is_kept(court, bank, browse):
    task_id = task_ids(court, bank)[0]
    given = form_of(browse.as_("researcher").get(f"/gold/items/{task_id}?take=1")) | {"reason": "x"}
    rank = next(name for name in given if name.startswith("rank-"))
    for wrong in ("two", "9", "0"):
        browse.post(f"/gold/items/{task_id}", given | {rank: wrong}, status=422)
    with court.database.reading() as session:
        assert session.scalar(select(GoldItem)) is None
    browse.get(f"/gold/items/{task_id}?take=999", status=404)


@SQLITE
def test_the_pages_are_for_researchers(court, bank, browse):
    task_id = task_ids(court, bank)[0]
    for role in ("labeler", "engineer"):
        browse.as_(role)
        for address in ("/gold", f"/gold/campaigns/{bank.id}", f"/gold/items/{task_id}"):
            browse.get(address, status=403)


@SQLITE
def test_makers_are_named_nowhere(court, bank, browse):
    browse.as_("researcher")
    for address in ("/gold", f"/gold/campaigns/{bank.id}", f"/gold/items/{task_ids(court, bank)[0]}"):
        assert "secret-origin" not in browse.get(address)
