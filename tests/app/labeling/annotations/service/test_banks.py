"""Banks: items that researchers judge, and that nobody else meets by chance."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import assigning, corrections, reservation, skips
from app.labeling.annotations.queries import assignments
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.queries import counting, finding, texts
from app.labeling.instruments.demonstration import service as demonstration
from app.labeling.reviews import queries as reviews
from app.labeling.reviews import service as review
from app.labeling.reviews.rules import REJECT, SEND_BACK, Decision
from app.models import Assignment, Campaign, Demonstration, Draft, Person, WrittenText
from app.quality.integrity import queries as integrity
from app.training.evaluations import queries as evaluations
from app.training.runs import queries as runs
from app.training.snapshots import queries as snapshots
from app.training.snapshots import service as snapshot_service
from app.training.snapshots.rules import Filters
from tests.app.labeling.annotations.conftest import NOON


def person(workshop, role, name="r"):
    return workshop.factory.add(Person(email=f"{name}@example.org", name=name, role=role, password_hash=""))


@pytest.fixture
def bank(workshop):
    return workshop.campaign(workshop.prompts(2), name="Bank", purpose="bank", overlap=2)


def assign_test(workshop, bank, someone, until):
    """An additional assignment of the bank's first task for one person, as a test draws it."""
    with workshop.database.transaction() as session:
        task_id = session.scalars(select(Assignment.task_id).where(Assignment.campaign_id == bank.id)).first()
        row = Assignment(
            campaign_id=bank.id, task_id=task_id, number=bank.overlap, person_id=someone.id, reserved_until=until
        )
        row.reserved_at = NOON
        session.add(row)
        session.add(Draft(task_id=task_id, person_id=someone.id, shown_order=[]))
        return task_id


def test_researchers_are_offered_the_items_of_a_bank_and_labelers_are_not(workshop, bank):
    labeler, researcher, admin = (person(workshop, role, role) for role in ("labeler", "researcher", "admin"))
    assert workshop.take(labeler).assignment is None
    assert workshop.take(labeler, campaign_id=bank.id).assignment is None
    assert workshop.take(researcher).assignment.campaign_id == bank.id
    assert workshop.take(admin, campaign_id=bank.id).assignment.campaign_id == bank.id


def test_labelers_pass_over_a_bank_to_the_work(workshop, bank):
    work = workshop.campaign(workshop.prompts(1, start=5))
    assert workshop.take(person(workshop, "labeler")).assignment.campaign_id == work.id


def test_a_labeler_is_told_of_work_only(workshop, bank):
    assert workshop.take(person(workshop, "labeler")).reason.startswith("No campaign is open at the moment.")
    with workshop.database.transaction() as session:
        session.get(Campaign, bank.id).status = "paused"
    assert "Bank" not in workshop.take(person(workshop, "labeler", "other")).reason


def test_what_is_reserved_for_somebody_is_offered_to_them_alone(workshop, bank):
    labeler, researcher = person(workshop, "labeler", "l"), person(workshop, "researcher")
    task_id = assign_test(workshop, bank, labeler, NOON + timedelta(hours=1))
    assert workshop.take(labeler).assignment.task_id == task_id
    late = NOON + timedelta(days=1)
    assignments = set()
    while (offer := workshop.take(researcher, late)).assignment:
        assignments.add(offer.assignment.number)
        workshop.submit(researcher, offer.assignment.task_id, late)
    assert assignments == {0}
    assert workshop.take(labeler, late).assignment is None


def test_an_assignment_that_others_have_not_finished_is_not_said_to_come_back(workshop, bank):
    """Tests are none that a researcher waits for."""
    first, second = person(workshop, "researcher", "a"), person(workshop, "researcher", "b")
    labeler = person(workshop, "labeler", "l")
    assign_test(workshop, bank, labeler, NOON + timedelta(hours=1))
    for researcher in (first, second):
        while (offer := workshop.take(researcher)).assignment:
            workshop.submit(researcher, offer.assignment.task_id)
    assert workshop.take(first).reason == "Everything here is done. Thank you!"


def test_whoever_lost_a_test_takes_none_of_the_researchers(workshop, bank):
    labeler = person(workshop, "labeler", "l")
    task_id = assign_test(workshop, bank, labeler, NOON + timedelta(hours=1))
    with workshop.database.transaction() as session:
        session.delete(assignments.assignment_for(session, labeler.id, task_id))
    with pytest.raises(Conflict), workshop.database.transaction() as session:
        reservation.renew(session, labeler, task_id, NOON)


def test_who_skips_an_item_of_a_test_is_not_offered_it_again_and_takes_back_their_own_assignment_only(workshop, bank):
    labeler = person(workshop, "labeler", "l")
    task_id = assign_test(workshop, bank, labeler, NOON + timedelta(hours=1))
    with workshop.database.transaction() as session:
        skips.skip(session, labeler, task_id, NOON, reason="unclear")
    assert workshop.take(labeler).assignment is None
    with workshop.database.transaction() as session, pytest.raises(Conflict, match="skipped"):
        reservation.renew(session, labeler, task_id, NOON)
    with workshop.database.transaction() as session:
        assert skips.take_back(session, labeler, task_id, NOON).number == bank.overlap
    assert workshop.take(labeler).assignment.reserved_until == NOON + timedelta(hours=1)


def test_the_end_of_a_test_is_a_deadline_that_no_activity_moves(workshop, bank):
    labeler, until = person(workshop, "labeler", "l"), NOON + timedelta(hours=1)
    task_id = assign_test(workshop, bank, labeler, until)
    with workshop.database.transaction() as session:
        assert (
            reservation.renew(session, labeler, task_id, NOON + timedelta(minutes=59)).assignment.reserved_until
            == until
        )
    for late in (until, until + timedelta(days=1)):
        with workshop.database.transaction() as session, pytest.raises(Conflict, match="time for this is up"):
            reservation.renew(session, labeler, task_id, late)
        with pytest.raises(Conflict, match="time for this is up"):
            workshop.submit(labeler, task_id, late)


def test_what_was_submitted_into_a_test_is_corrected_until_its_deadline_only(workshop, bank):
    labeler, until = person(workshop, "labeler", "l"), NOON + timedelta(minutes=10)
    annotation = workshop.submit(labeler, assign_test(workshop, bank, labeler, until))
    with workshop.database.reading() as session:
        stored = session.get(type(annotation), annotation.id)
        assert corrections.until(stored) == until
        assert corrections.problem(session, stored, until) is None
        assert "ended" in corrections.problem(session, stored, until + timedelta(seconds=1))


def test_nothing_that_is_written_in_a_bank_enters_the_pool(workshop):
    tasks = [(prompt, []) for prompt, _ in workshop.prompts(1)]
    workshop.campaign(tasks, name="Hard prompts", kind="demonstration", purpose="bank")
    researcher = person(workshop, "researcher")
    task_id = workshop.take(researcher).assignment.task_id
    with workshop.database.transaction() as session:
        demonstration.submit_demonstration(session, researcher, task_id, NOON, "With care.")
        assert session.scalars(select(WrittenText.state)).all() == ["accepted"]
        assert session.scalars(select(Demonstration)).all() == []


@pytest.fixture
def tested(workshop):
    """An applicant's text in a bank whose review was asked for before banks had none, beside one of work that waits."""
    bank, work = (
        workshop.campaign([(workshop.prompts(1, start=n)[0][0], [])], name=name, kind="demonstration", **options)
        for n, name, options in ((0, "Bank", {"purpose": "bank"}), (1, "Work", {"needs_review": True}))
    )
    applicant, labeler = person(workshop, "applicant", "a"), person(workshop, "labeler", "l")
    with workshop.database.transaction() as session:
        session.get(Campaign, bank.id).needs_review = True
        item = session.scalars(select(Assignment.task_id).where(Assignment.campaign_id == bank.id)).one()
        assigning.assign_test(session, applicant, item, NOON, NOON + timedelta(hours=1))
        demonstration.submit_demonstration(session, applicant, item, NOON, "A test.")
        task = assigning.take_next(session, labeler, NOON, work.id).assignment.task_id
        demonstration.submit_demonstration(session, labeler, task, NOON, "Work.")
    return bank, work


def test_texts_of_a_bank_have_no_review_and_stand_in_no_queue(workshop, tested):
    bank, work = tested
    reviewer = person(workshop, "researcher")
    with workshop.database.transaction() as session:
        test, text = session.scalars(select(WrittenText).order_by(WrittenText.id)).all()
        assert (test.state, text.state) == ("accepted", "waiting")
        test.state = "waiting"  # as it was left by a review that was asked for
        session.flush()
        assert [campaign.id for campaign, _counts in reviews.campaigns_with_texts(session, reviewer.id)] == [work.id]
        assert reviews.waiting_count(session, reviewer.id) == 1
        assert reviews.oldest_waiting(session, reviewer.id, None, text.id) == text.id
        assert reviews.decided_count(session, None, "") == 0
        assert texts.waiting_for_review(session, bank.id) == 0
        assert [campaign.id for campaign, _count in integrity.writing_campaigns(session)] == [work.id]
        assert integrity.texts_of_campaign(session, bank.id) == []
        assert integrity.text_by_id(session, test.id) is None
        assert integrity.campaign_by_id(session, bank.id) is None
        assert finding.recent_annotations(session, bank.id, 5) == []
        assert counting.annotation_counts(session) == {work.id: 1}
        for verdict in (SEND_BACK, REJECT):
            with pytest.raises(NotFound, match="There is no such text"):
                review.decide(session, reviewer, test.id, NOON, Decision(verdict, "Because."))
        with pytest.raises(Invalid, match="Texts in a bank are tests"):
            campaigns.set_review(session, reviewer, bank.id, needed=True)


def test_a_new_bank_asks_for_no_review(workshop):
    (prompt, _answers) = workshop.prompts(1)[0]
    options = {"kind": "demonstration", "needs_review": True}
    assert not workshop.campaign([(prompt, [])], name="Bank", purpose="bank", **options).needs_review
    assert workshop.campaign([(prompt, [])], name="Work", **options).needs_review


def test_the_labelers_home_shows_work_only(browse, workshop, bank):
    workshop.campaign(workshop.prompts(1, start=5), name="Ordinary")
    page = browse.as_("labeler").get("/label")
    assert "Ordinary" in page
    assert "Bank" not in page
    assert "Bank" in browse.as_("researcher").get("/label")


@pytest.fixture
def judged(workshop, bank):
    """One annotation in the bank and one in a campaign of work; both could be trained on and compared."""
    work = workshop.campaign(workshop.prompts(1, start=5), name="Work", phase="training")
    compared = workshop.campaign(workshop.prompts(1, start=9), name="Compared", phase="evaluation")
    trap = workshop.campaign(workshop.prompts(1, start=12), name="Trap", phase="evaluation", purpose="bank")
    researcher = person(workshop, "researcher")
    for campaign in (bank, work, compared, trap):
        offer = workshop.take(researcher, campaign_id=campaign.id)
        workshop.submit(researcher, offer.assignment.task_id)
    return work


def test_a_snapshot_takes_nothing_from_a_bank_even_if_it_is_named(database, judged, bank):
    both = Filters(phases=("training", "evaluation"))
    with database.reading() as session:
        taken = [ranked.campaign.name for ranked in snapshots.ranked_prompts(session, both)]
        assert taken == ["Work", "Compared"]
        assert snapshots.counts(session, Filters(campaigns=(bank.id,)))["rankings"] == 0
        assert {campaign.name for campaign, _ in snapshots.campaigns(session)} == {"Work", "Compared"}
        with pytest.raises(NotFound):
            snapshot_service.campaigns_named(session, ["Bank"])


def test_evaluations_and_the_dashboard_leave_banks_out(database, judged, bank):
    with database.reading() as session:
        assert [campaign.name for campaign in evaluations.evaluation_campaigns(session)] == ["Compared"]
        trap = finding.campaign_by_name(session, "Trap")
        assert evaluations.campaign_by_id(session, trap.id) is None
        assert {campaign.name for campaign, *_ in runs.open_campaigns(session)} == {"Work", "Compared"}
        assert runs.pipeline_counts(session)["rankings"] == 2


def test_a_bank_of_prompts_to_be_written_is_refused(database):
    with pytest.raises(Invalid, match="The items of a bank have prompts"), database.transaction() as session:
        campaigns.create_campaign(
            session, None, name="x", kind="authoring", prompt_form="plain", pieces=1, purpose="bank"
        )
    with pytest.raises(Invalid, match="work or bank, not “play”"), database.transaction() as session:
        campaigns.create_campaign(session, None, name="x", purpose="play")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_form_makes_a_bank_and_the_lists_say_so(browse, workshop, database):
    workshop.prompts(2)
    browse.as_("researcher")
    assert "A bank of items for tests" in browse.get("/campaigns/new")
    form = {"name": "Bank 1", "kind": "ranking", "purpose": "bank", "overlap": "2", "prompts": "1"}
    origins = {"origin": ["import:secret-origin-0", "import:secret-origin-1"]}
    place = browse.post("/campaigns", form | origins).headers["location"]
    page = browse.get(place)
    assert "researchers find its items under Work" in page
    assert "Freeze a snapshot" not in page
    assert '<span class="badge">bank</span>' in page
    assert '<span class="badge">bank</span>' in browse.get("/campaigns")
    with database.reading() as session:
        assert session.scalar(select(Campaign.purpose)) == "bank"
    wrong = browse.post("/campaigns", form | origins | {"name": "Bank 2", "purpose": "play"}, status=422)
    assert "A campaign is for work or bank" in wrong.text
