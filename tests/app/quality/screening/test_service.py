"""Invited people get assignments of their own for the items of their form, and nothing else, until their time is up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import drafts, reservation, skips
from app.labeling.annotations.rules.submission import Verdict
from app.labeling.campaigns.queries import counting
from app.labeling.instruments.demonstration import service as demonstration
from app.models import Annotation, Applicant, Assignment, AuditEvent, Demonstration, Person, ScreeningInvitation
from app.quality.screening import attempts, queries, ratings, service
from app.quality.screening.rules.plans import ACCEPTED, DECLINED, DEMONSTRATIONS, FLAGS, RANKINGS, WAITING, Decision
from tests.app.quality.screening.conftest import NOW
from tests.factories import LABELLED

HOUR = timedelta(hours=1)
SOON = NOW + timedelta(minutes=5)


@pytest.fixture
def screening(office, banks):
    return office.screening(banks)


@pytest.fixture
def ann(office, screening):
    return office.join(office.invite(screening))


def test_an_invited_person_becomes_an_applicant_with_a_password_of_their_own(office, screening):
    person = office.join(office.invite(screening))
    assert (person.role, person.password_is_one_time, person.active) == ("applicant", False, True)
    applicant = office.applicant(person)
    assert (applicant.screening_id, applicant.attempt, applicant.started_at) == (screening.id, 1, None)
    assert "ann" not in applicant.code.lower()


def test_a_form_is_drawn_from_the_banks_and_reserved_until_the_deadline(office, banks, ann):
    office.start(ann)
    form = office.form(ann)
    assert [criterion for criterion, _ in form] == [FLAGS] * 4 + [RANKINGS] * 3 + [DEMONSTRATIONS] * 2
    with office.database.reading() as session:
        assignments = {
            assignment.task_id: assignment
            for assignment in session.scalars(select(Assignment).where(Assignment.person_id == ann.id))
        }
        assert set(assignments) == {task for _, task in form}
        for criterion, task in form:
            assert assignments[task].campaign_id == banks[criterion].id
            assert assignments[task].number >= banks[criterion].overlap
            assert assignments[task].reserved_until == NOW + HOUR
    office.start(ann, SOON)
    assert office.form(ann) == form
    assert office.applicant(ann).deadline == NOW + HOUR
    with office.database.reading() as session:
        progress = counting.progress(session, NOW)[banks[FLAGS].id]
    assert (progress.tasks, progress.assignments, progress.reserved) == (8, 8, 0)  # as if nobody were tested


def test_two_applicants_need_not_see_the_same_form_and_share_no_assignment(office, screening, ann):
    people = [ann, *(office.join(office.invite(screening), name) for name in ("ben", "cai", "dee"))]
    for person in people:
        office.start(person)
    forms = [tuple(task for _, task in office.form(person)) for person in people]
    assert len({frozenset(form) for form in forms}) > 1
    with office.database.reading() as session:
        assignments = session.execute(select(Assignment.task_id, Assignment.number)).all()
    assert len(assignments) == len(set(assignments))


def test_one_bank_may_serve_two_criteria_without_an_item_coming_twice(office, banks):
    both = {FLAGS: banks[FLAGS], RANKINGS: banks[FLAGS]}
    person = office.join(office.invite(office.screening(both, items={FLAGS: 4, RANKINGS: 4})))
    office.start(person)
    assert len({task for _, task in office.form(person)}) == 8


def test_an_applicant_is_offered_what_is_reserved_for_them_in_order_and_nothing_else(office, screening, ann):
    office.campaign(office.prompts(2, start=60), name="Ordinary work")
    assert office.take(ann, NOW).assignment is None
    office.start(ann)
    offered = []
    for _ in office.form(ann):
        task = office.take(ann, NOW).assignment.task_id
        offered.append(task)
        with office.database.transaction() as session:
            if reservation.work_for(session, ann, task).task.campaign.kind == "demonstration":
                demonstration.submit_demonstration(session, ann, task, NOW, "A text.")
            else:
                skips.skip(session, ann, task, NOW, reason="unclear")
    assert offered == [task for _, task in office.form(ann)]
    assert office.take(ann, NOW).assignment is None


def test_what_was_complete_and_saved_when_the_time_was_up_counts_and_nothing_else(office, ann):
    office.start(ann)
    form = office.form(ann)
    complete, partial = form[0][1], form[1][1]
    written = form[-1][1]
    with office.database.transaction() as session:
        for task, ranked in ((complete, True), (partial, False)):
            work = drafts.save_prompt_labels(session, ann, task, SOON, LABELLED, shown=None)
            shown = work.version
            drafts.save_prompt_labels(session, ann, task, SOON, LABELLED, shown=shown)
            for candidate in work.order:
                drafts.save_answer(session, ann, task, candidate, SOON, verdict=Verdict(likert=4), shown=shown)
            if ranked:
                drafts.save_ranks(session, ann, task, SOON, {c: n for n, c in enumerate(work.order, 1)})
        demonstration.save_text(session, ann, written, SOON, "Half a thought, but saved.")
    late = NOW + HOUR
    with office.database.transaction() as session, pytest.raises(Conflict, match="time for this is up"):
        demonstration.save_text(session, ann, written, late, "Too late.")
    with office.database.transaction() as session:
        attempts.close_overdue(session, queries.newest_screening(session), late + HOUR)
    with office.database.reading() as session:
        submitted = set(session.scalars(select(Annotation.task_id).where(Annotation.person_id == ann.id)))
        applicant = queries.applicant_of(session, ann.id)
        done = {one.item.task_id: one.text for one in queries.done_in(session, [applicant])[applicant.id]}
        assert session.scalar(select(func.count()).select_from(Demonstration)) == 0
    assert submitted == {complete, written}
    assert done[written] == "Half a thought, but saved."
    assert applicant.finished_at == late
    with office.database.transaction() as session, pytest.raises(Conflict):
        attempts.assess(session, ann, late, claimed=["war"], words="")


def test_a_form_that_is_not_done_is_handed_in_only_by_somebody_who_says_so(office, ann):
    with office.database.transaction() as session, pytest.raises(Conflict, match="not begun"):
        attempts.hand_in(session, ann, NOW)
    office.start(ann)
    with office.database.transaction() as session, pytest.raises(Invalid, match="Not everything is done"):
        attempts.hand_in(session, ann, SOON)
    with office.database.transaction() as session:
        attempts.hand_in(session, ann, SOON, as_it_is=True)
    assert office.applicant(ann).finished_at == SOON
    with office.database.transaction() as session, pytest.raises(Conflict):
        reservation.renew(session, ann, office.form(ann)[0][1], SOON)
    with office.database.transaction() as session, pytest.raises(Conflict, match="handed in"):
        attempts.hand_in(session, ann, SOON, as_it_is=True)


def test_a_whole_form_is_handed_in_without_further_words(office, ann):
    office.start(ann)
    office.fill(ann)
    office.hand_in(ann, SOON)
    applicant = office.applicant(ann)
    assert (applicant.finished_at, applicant.claimed, applicant.words) == (SOON, ["war"], "I know **history**.")


def test_only_one_attempt_unless_it_is_reset_and_then_with_other_items(office, screening, ann):
    office.start(ann)
    office.fill(ann)
    first = {task for _, task in office.form(ann)}
    office.hand_in(ann, SOON)
    office.start(ann, SOON)
    assert {task for _, task in office.form(ann)} == first
    rae, code = office.researcher(), office.applicant(ann).code
    with office.database.transaction() as session, pytest.raises(Invalid, match="Say why"):
        attempts.reset(session, rae, screening.id, code, SOON, " ")
    with office.database.transaction() as session:
        attempts.reset(session, rae, screening.id, code, SOON, "The network was down.")
    office.start(ann, SOON)
    second = {task for _, task in office.form(ann)}
    assert len(second) == 9
    assert not first & second
    with office.database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "reset screening")).one()
        assert event.detail == {"attempt": 1, "reason": "The network was down."}
        assert queries.done_in(session, [queries.applicant_of(session, ann.id)])[office.applicant(ann).id] == []


def test_a_bank_that_is_used_up_does_not_cost_anybody_their_time(office, screening, ann):
    rae = office.researcher()
    for _ in range(2):
        office.start(ann)
        with office.database.transaction() as session:
            attempts.reset(session, rae, screening.id, office.applicant(ann).code, SOON, "Again.")
    with office.database.transaction() as session, pytest.raises(Conflict, match="not enough items"):
        attempts.start(session, ann, SOON)
    assert office.applicant(ann).started_at is None


@pytest.mark.parametrize("late", [timedelta(days=7), timedelta(days=30)])
def test_a_link_that_has_ended_opens_nothing(office, screening, late):
    secret = office.invite(screening, days=7)
    with pytest.raises(Conflict, match="has ended"):
        office.join(secret, now=NOW + late)
    with pytest.raises(NotFound):
        office.join(secret + "x")
    rae = office.researcher()
    with office.database.transaction() as session:
        invitation = session.scalars(select(ScreeningInvitation)).one()
        assert secret not in (invitation.secret_sha256, invitation.beginning)
        service.revoke(session, rae, screening.id, invitation.id, NOW)
    with pytest.raises(Conflict, match="has ended"):
        office.join(secret)
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Applicant)) == 0


def test_a_link_serves_as_many_people_as_it_may_also_if_they_come_at_once(office, screening):
    secret = office.invite(screening, uses=2)

    def come(name):
        try:
            return office.join(secret, name)
        except Conflict:
            return None

    with ThreadPoolExecutor(4) as pool:
        joined = [person for person in pool.map(come, ["a1", "a2", "a3", "a4"]) if person]
    assert len(joined) == 2
    with office.database.reading() as session:
        assert session.scalar(select(ScreeningInvitation.uses)) == 2
        assert session.scalar(select(func.count()).where(Person.role == "applicant")) == 2


def test_starting_twice_at_once_draws_one_form(office, ann):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: office.start(ann), range(4)))
    assert len(office.form(ann)) == 9


def test_accepting_makes_a_labeler_and_declining_ends_the_account(office, screening, ann):
    ben, cai = (office.join(office.invite(screening), name) for name in ("ben", "cai"))
    rae = office.researcher()

    def decide(person, verdict, reason="Seen.", group=""):
        with office.database.transaction() as session:
            code = queries.applicant_of(session, person.id).code
            service.decide(session, rae, screening.id, code, SOON, Decision(verdict, reason, group))
        with office.database.reading() as session:
            return session.get(Person, person.id)

    with pytest.raises(Conflict, match="not handed in"):
        decide(ann, ACCEPTED)
    for person in (ann, ben, cai):
        office.start(person)
        with office.database.transaction() as session:
            attempts.hand_in(session, person, SOON, as_it_is=True)
    with pytest.raises(Invalid):
        decide(ann, ACCEPTED, reason="")
    with pytest.raises(Invalid):
        decide(ann, ACCEPTED, group="x" * 61)
    with office.database.transaction() as session, pytest.raises(Conflict, match="after the decision"):
        service.unmask(session, rae, screening.id, office.applicant(ann).code, SOON)
    labeler = decide(ann, ACCEPTED, group="group 1")
    assert (labeler.role, labeler.labeler_group, labeler.active) == ("labeler", "group 1", True)
    assert decide(ben, WAITING).role == "applicant"
    assert decide(ben, DECLINED).active is False
    assert decide(cai, WAITING).active is True
    with pytest.raises(Conflict, match="already"):
        decide(ann, DECLINED)
    with office.database.transaction() as session:
        service.unmask(session, rae, screening.id, office.applicant(ann).code, SOON)
    with office.database.reading() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.person_id == rae.id).order_by(AuditEvent.id))
        told = [(event.action, event.detail.get("decision")) for event in events]
    assert told.count(("decided about applicant", "waiting")) == 2
    assert ("decided about applicant", "declined") in told
    assert told[-1] == ("looked at applicant's name", None)


def test_texts_are_rated_once_by_each_researcher_after_they_are_handed_in(office, screening, ann):
    office.start(ann)
    office.fill(ann)
    rae, tom = office.researcher(), office.researcher("tom")
    with office.database.reading() as session:
        known = service.screening_for(session, screening.id)
        assert ratings.next_to_rate(session, known, rae) == (None, 0, 0)
    office.hand_in(ann, SOON)

    def rate(person, rating, item=None):
        with office.database.transaction() as session:
            known = service.screening_for(session, screening.id)
            item = item or ratings.next_to_rate(session, known, person)[0]
            ratings.rate(session, person, known, item, SOON, rating)
            return item

    first = rate(rae, 6)
    second = rate(rae, 3)
    assert first != second
    with pytest.raises(Conflict, match="already"):
        rate(rae, 7, first)
    for wrong in (0, 8, None):
        with pytest.raises(Invalid):
            rate(tom, wrong, first)
    rate(tom, 5, first)
    with office.database.transaction() as session:
        known = service.screening_for(session, screening.id)
        assert ratings.next_to_rate(session, known, rae)[1:] == (0, 2)
        ratings.take_rating_back(session, rae, known, second)
        assert ratings.next_to_rate(session, known, rae) == (second, 1, 2)
        with pytest.raises(NotFound):
            ratings.text_to_rate(session, known, 999)
    applicant = office.applicant(ann)
    with office.database.reading() as session:
        done = queries.done_in(session, [applicant])[applicant.id]
        assert {one.item.id: one.ratings for one in done if one.item.criterion == DEMONSTRATIONS} == {
            first: {rae.id: 6, tom.id: 5},
            second: {},
        }


def test_a_screening_needs_items_with_gold_and_a_name_of_its_own(office, banks, screening):
    with pytest.raises(Invalid) as refused:
        office.screening({FLAGS: office.bank("Empty", items=4, start=90, gold=False)}, name="Other")
    assert "0 items" in refused.value.fields["items-flags"]
    with pytest.raises(Invalid) as refused:
        office.screening(banks)
    assert "already" in refused.value.fields["name"]
