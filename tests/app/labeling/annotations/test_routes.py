import re

import pytest
from sqlalchemy import select

from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.material.schemas import service as schemas
from app.material.schemas.rules import Field, Schema, schema_of
from app.models import Annotation, Assignment, Campaign, Candidate, Demonstration, Draft, Flag
from tests.factories import LABELLED


@pytest.fixture
def at_work(browse, workshop):
    """A signed-in labeler with one ranking campaign."""
    workshop.campaign(workshop.prompts(2), instructions="**Read** twice.")
    browse.as_("labeler")
    browse.get("/label")
    return browse


def take(browse):
    return browse.post("/label/next").headers["location"]


def shown(page):
    """The version of the questions that a rating page shows, as its forms send it."""
    return {"schema_version": re.search(r'name="schema_version" value="(\d+)"', page)[1]}


def label_prompt(browse, place, status=303, **labels):
    given = {f"label-{name}": value for name, value in (LABELLED | labels).items()}
    return browse.post(f"{place}/prompt-labels", given | shown(browse.get(place)), status=status)


def rate_all(browse, place, ratings=(5, 2, 6, 5), **flags):
    """Rate every answer; the order in which they were shown, and where the last form led."""
    order = []
    given = {f"flag-{name}": value for name, value in ({"sexual_content": "yes"} | flags).items()}
    for number, rating in enumerate(ratings, start=1):
        page = browse.get(f"{place}?answer={number}")
        candidate = re.search(r'action="(/label/tasks/\d+/answers/(\d+))"', page)
        order.append(candidate[2])
        answer = browse.post(candidate[1], {"likert": str(rating), "note": "hm", **given, **shown(page)})
    return order, answer.headers["location"]


def whole_task(browse):
    """A task with parts 1 and 2 done: its address and the order in which its answers were shown."""
    place = take(browse)
    label_prompt(browse, place)
    return place, rate_all(browse, place)[0]


def lanes(order, ranks=(2, 4, 1, 2)):
    return {f"rank-{candidate}": rank for candidate, rank in zip(order, ranks, strict=True)}


def test_rating_leads_from_answer_to_answer_and_then_to_the_ranking(at_work):
    place = take(at_work)
    page = at_work.get(place)
    assert "Read</strong> twice" in page
    first = re.search(r'action="(/label/tasks/\d+/answers/\d+)"', page)[1]
    assert at_work.post(first, {"likert": "5", **shown(page)}).headers["location"] == f"{place}?answer=2"
    _, then = rate_all(at_work, place)
    assert then == f"{place}/rank"


def test_the_ranking_is_locked_until_the_prompt_is_labelled_and_every_answer_rated(at_work, database):
    place = take(at_work)

    def locked(*sentences):
        assert at_work.client.get(f"{place}/rank").headers["location"] == place
        page = at_work.get(place)
        assert "The ranking is still locked." in page
        for sentence in sentences:
            assert sentence in page
            assert sentence in at_work.post(f"{place}/ranks", lanes(order), status=422).text
            assert sentence in at_work.post(f"{place}/submit", lanes(order), status=422).text

    with database.reading() as session:
        order = session.scalars(select(Draft)).one().shown_order
    unlabelled = "answer “Use case”, “Closed domain” and “Explicit constraint” first"
    locked(unlabelled, "Answers A, B, C and D are not rated yet")
    rate_all(at_work, place)
    locked(unlabelled)
    label_prompt(at_work, place, closed_domain="yes")
    locked("Answer A: “Hallucination” is not answered yet")
    rate_all(at_work, place, hallucination="no")
    assert "Put every answer in a lane" not in at_work.get(f"{place}/rank")
    with database.reading() as session:
        assert "ranks" not in session.scalars(select(Draft)).one().content
    at_work.post(f"{place}/submit", lanes(order))
    with database.reading() as session:
        stored = {(f.candidate_id is None, f.name): f.value for f in session.scalars(select(Flag))}
    assert (stored[True, "closed_domain"], stored[False, "hallucination"]) == ("yes", "no")
    assert (False, "satisfies_constraint") not in stored


def test_a_whole_task_by_plain_forms_stores_the_order(at_work, database):
    place, order = whole_task(at_work)
    at_work.get(f"{place}/rank")
    ranks = lanes(order)
    after = at_work.post(f"{place}/submit", {**ranks, "then": "next"}).headers["location"]
    assert after.startswith("/label/tasks/")
    assert after != place
    assert "Submitted: C &gt; A = D &gt; B." in at_work.get(after)
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert stored_order(annotation) == "C > A = D > B"
        assert {rating.note for rating in annotation.ratings} == {"hm"}
    assert "nothing was stored twice" in at_work.post(f"{place}/submit", ranks, status=409).text
    assert at_work.client.get(place).headers["location"] == "/label"


def test_an_incomplete_ranking_is_refused_and_what_was_placed_is_kept(at_work, database):
    place, order = whole_task(at_work)
    page = at_work.post(f"{place}/submit", {f"rank-{order[0]}": 1, f"rank-{order[1]}": ""}, status=422).text
    assert "Answers B, C and D are not ranked yet" in page
    with database.reading() as session:
        assert session.scalars(select(Draft)).one().content["ranks"] == {order[0]: 1}


def test_autosave_answers_without_a_page_and_a_rating_may_be_missing_in_a_draft(at_work):
    place = take(at_work)
    page = at_work.get(place)
    address, version = re.search(r'action="(/label/tasks/\d+/answers/\d+)"', page)[1], shown(page)
    at_work.post(address, {"note": "first thought", "autosave": "1", **version}, status=204)
    assert "first thought" in at_work.get(place)
    assert "has no rating yet" in at_work.post(address, {"note": "more", **version}, status=422).text
    at_work.post(address, {"likert": "9", "autosave": "1", **version}, status=422)
    at_work.post(f"{place}/renew", status=204)


def test_the_prompt_label_decides_whether_the_conditional_flag_is_asked(at_work):
    place = take(at_work)
    assert re.search(r'data-needs="closed_domain" hidden', at_work.get(place))
    label_prompt(at_work, place, closed_domain="yes")
    assert not re.search(r'data-needs="closed_domain" hidden', at_work.get(place))


def test_a_label_that_is_not_asked_or_has_a_wrong_value_is_refused_and_the_draft_stays(at_work, database):
    place = take(at_work)
    label_prompt(at_work, place)
    page = at_work.get(place)
    address = re.search(r'action="(/label/tasks/\d+/answers/\d+)"', page)[1]
    for posted, sentence in (
        ({"flag-made_up": "yes"}, "There is no flag “made_up”"),
        ({"flag-sexual_content": "na"}, "“Sexual content” takes yes or no, not “na”"),
        ({"flag-hallucination": "yes"}, "asked only if the prompt is marked “Closed domain”"),
    ):
        assert sentence in at_work.post(address, {"likert": "5", **posted, **shown(page)}, status=422).text
    assert "“Use case” takes generation" in label_prompt(at_work, place, status=422, use_case="nonsense").text
    assert "no flag “made_up”" in label_prompt(at_work, place, status=422, made_up="yes").text
    with database.reading() as session:
        assert session.scalars(select(Draft)).one().content["prompt"] == LABELLED


@pytest.fixture
def move(workshop):
    """Gives the standard schema a version with other questions and moves the campaign to it."""

    def move():
        with workshop.database.transaction() as session:
            admin, campaign = workshop.people(1)[0], session.scalars(select(Campaign)).one()
            before = schemas.standard_version(session)
            old = schema_of(before.content)
            asked = Schema(
                old.prompt,
                (*(f for f in old.answer if f.name != "sexual_content"), Field("tone", "Bad tone", "", "helpful")),
            )
            version = schemas.add_version(
                session, admin, before.schema_id, based_on=before.number, asked=asked, reason="clearer"
            )
            campaigns.move_campaign(session, admin, campaign.id, version.id)
            return version

    return move


def test_a_change_of_the_questions_while_somebody_works_is_said_and_nothing_is_lost(at_work, database, move):
    place, order = whole_task(at_work)
    old = shown(at_work.get(place))
    at_work.get(f"{place}/rank")
    version = move()
    said = at_work.post(f"{place}/submit", lanes(order), status=409).text
    assert "Nothing was submitted yet. The questions of this campaign have changed since you answered them" in said
    assert "Look again at the prompt, answer A, answer B, answer C and answer D" in said
    with database.reading() as session:
        assert session.scalars(select(Annotation)).all() == []
        content = session.scalars(select(Draft)).one().content
        assert [content["ranks"][candidate] for candidate in order] == [2, 4, 1, 2]
        assert {answer["note"] for answer in content["answers"].values()} == {"hm"}

    # A page from before the change still saves: what the new version asks is kept, and the person is told.
    address = f"{place}/answers/{order[0]}"
    late = {"likert": "3", "note": "late", "flag-sexual_content": "yes", "flag-fails_task": "yes", **old}
    assert "Reload the page" in at_work.post(address, {**late, "autosave": "1"}, status=409).text
    assert "have changed" in at_work.post(address, late, status=409).text
    with database.reading() as session:
        kept = session.scalars(select(Draft)).one().content["answers"][order[0]]
    assert kept == {"likert": 3, "note": "late", "flags": {"fails_task": "yes"}}

    page = at_work.get(place)
    assert "have changed" in page
    assert "Bad tone" in page
    assert shown(page) == {"schema_version": str(version.id)}
    label_prompt(at_work, place)
    for number, candidate in enumerate(order, start=1):
        page = at_work.get(f"{place}?answer={number}")
        at_work.post(f"{place}/answers/{candidate}", {"likert": "5", "flag-tone": "yes", **shown(page)})
    assert "have changed" not in at_work.get(f"{place}/rank")
    at_work.post(f"{place}/submit", {**lanes(order), **old}, status=409)
    at_work.post(f"{place}/submit", {**lanes(order), "schema_version": version.id})
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert annotation.schema_version_id == version.id
        assert {f.value for f in annotation.flags if f.name == "tone"} == {"yes"}
        assert stored_order(annotation) == "C > A = D > B"


def test_a_form_that_does_not_say_which_questions_it_answers_counts_as_outdated(at_work):
    place = take(at_work)
    given = {f"label-{name}": value for name, value in LABELLED.items()}
    assert "Look again at the prompt" in at_work.post(f"{place}/prompt-labels", given, status=409).text
    assert at_work.client.get(f"{place}/rank").headers["location"] == place


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_answer_that_says_nothing_is_marked_wherever_it_is_read(browse, workshop, database):
    tasks = workshop.prompts(1)
    with database.transaction() as session:
        session.get(Candidate, tasks[0][1][0]).text = ""
    workshop.campaign(tasks)
    browse.as_("labeler")
    place, order = whole_task(browse)
    rated = [browse.get(f"{place}?answer={number}").count("(empty answer)") for number in range(1, 5)]
    assert rated == [int(candidate == str(tasks[0][1][0])) for candidate in order]
    assert browse.get(f"{place}/rank").count("(empty answer)") == 1
    browse.post(f"{place}/questions", {"text": "What of the empty one?"})
    browse.post(f"{place}/submit", lanes(order) | shown(browse.get(f"{place}/rank")))
    entry = re.search(r'href="(/label/mine/\d+)"', browse.get("/label/mine"))[1]
    assert browse.get(entry).count("(empty answer)") == 1
    browse.as_("researcher")
    question = re.search(r'href="(/questions/\d+)"', browse.get("/questions"))[1]
    assert browse.get(question).count("(empty answer)") == 1


def test_a_labeler_never_sees_who_made_an_answer(at_work):
    place = take(at_work)
    pages = [at_work.get("/label"), *(at_work.get(f"{place}?answer={n}") for n in range(1, 5))]
    label_prompt(at_work, place)
    rate_all(at_work, place)
    pages.append(at_work.get(f"{place}/rank"))
    assert not any("secret-origin" in page for page in pages)


def test_the_name_of_an_evaluation_does_not_tell_labelers_which_models_it_compares(browse, workshop):
    campaign = workshop.campaign(workshop.prompts(1), name="new-model against old-model", phase="evaluation")
    browse.as_("labeler")
    home = browse.get("/label")
    assert f"Evaluation {campaign.id}" in home
    assert "new-model" not in home + browse.get(take(browse))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_home_page_promises_no_order_of_tasks(at_work):
    """Gold and repetitions come in between: who counts on an order could tell them."""
    page = at_work.get("/label")
    assert "Your next task is picked for you." in page
    assert "oldest" not in page


def test_no_task_says_why(browse, workshop):
    browse.as_("labeler")
    browse.get("/label")
    assert take(browse) == "/label"
    assert "No campaign is open at the moment" in browse.get("/label")


def test_a_demonstration_is_written_and_stored(browse, workshop, database):
    prompt, _ = workshop.prompts(1)[0]
    workshop.campaign([(prompt, [])], kind="demonstration")
    browse.as_("labeler")
    browse.get("/label")
    place = take(browse)
    browse.post(f"{place}/text", {"text": "half a sent", "autosave": "1"}, status=204)
    assert "half a sent" in browse.get(place)
    assert "There is no text yet" in browse.post(f"{place}/submit", {"text": " "}, status=422).text
    browse.post(f"{place}/submit", {"text": "A whole sentence."})
    with database.reading() as session:
        row = session.scalars(select(Demonstration)).one()
        assert row.text == "A whole sentence."
        assert row.author.startswith("labeler-")


def test_a_text_is_no_answer_to_a_ranking_task_and_nothing_is_none_to_a_demonstration(browse, workshop, database):
    ranking = workshop.campaign(workshop.prompts(1))
    (prompt, _), *_ = workshop.prompts(1, start=1)
    writing = workshop.campaign([(prompt, [])], name="Write", kind="demonstration")
    browse.as_("labeler")
    browse.get("/label")
    place = browse.post("/label/next", {"campaign_id": ranking.id}).headers["location"]
    assert "asks for ratings" in browse.post(f"{place}/submit", {"text": "A poem."}, status=422).text
    place = browse.post("/label/next", {"campaign_id": writing.id}).headers["location"]
    assert "asks for a text" in browse.post(f"{place}/submit", {}, status=422).text
    with database.reading() as session:
        assert session.scalars(select(Annotation)).all() == []
        assert session.scalars(select(Demonstration)).all() == []
        assert {assignment.submitted_at for assignment in session.scalars(select(Assignment))} == {None}


def test_many_long_messages_never_outgrow_the_session_cookie(browse, workshop):
    workshop.campaign(workshop.prompts(1), name="🐎" * 120)
    browse.as_("researcher")
    with workshop.database.transaction() as session:
        session.query(Campaign).update({"status": "paused"})
    for _ in range(5):
        cookie = browse.post("/label/next").headers["set-cookie"]
    assert len(cookie) < 4096
