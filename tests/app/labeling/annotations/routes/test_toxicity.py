"""A toxicity campaign from the form that makes it to the snapshot that exports its scores."""

import re

import pytest
from sqlalchemy import select

from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.material.guidelines import service as guidelines
from app.material.schemas import service as schemas
from app.material.schemas.rules import Field, Option, Schema, schema_of
from app.models import Annotation, Campaign, Draft, Flag, LabelSchemaVersion, Prompt, Rating, Task
from app.training.snapshots import service as snapshots
from app.training.snapshots.rules import Filters
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking, read_rows

INPUT_SCORE = {"label-input_toxicity": "2"}
SCORES = [(0, -1, 6), (2, 0, 7), (0, -1, 6), (1, 0, 3)]
"""What the answers get in the order of the screen: A and C are equal, B is more toxic, D is not plausible."""


@pytest.fixture
def campaign(workshop):
    return workshop.campaign(workshop.prompts(1), name="Toxic, round 1", kind="toxicity")


@pytest.fixture
def at_work(browse, campaign):
    browse.as_("labeler")
    browse.get("/label")
    return browse


def take(browse):
    return browse.post("/label/next").headers["location"]


def shown(page):
    return {"schema_version": re.search(r'name="schema_version" value="(\d+)"', page)[1]}


def flags(toxicity, relative, continuity):
    return {
        "flag-toxicity": str(toxicity),
        "flag-relative_toxicity": str(relative),
        "flag-continuity": str(continuity),
    }


def order_of(database):
    with database.reading() as session:
        return session.scalars(select(Draft)).one().shown_order


def score_all(browse, place, order, scores=SCORES, **more):
    version = shown(browse.get(place))
    browse.post(f"{place}/prompt-labels", {**INPUT_SCORE, **version})
    for candidate, given in zip(order, scores, strict=True):
        then = browse.post(f"{place}/answers/{candidate}", {**flags(*given), **version, **more})
    return then.headers["location"]


# The labeler -------------------------------------------------------------------------------------


def test_a_task_shows_input_and_answer_as_one_text_and_asks_the_scales_alone(at_work):
    page = at_work.get(take(at_work))
    text = re.search(r'<p class="running-text"[^>]*>(.*?)</p>', page, re.DOTALL)[1]
    assert re.fullmatch(
        r"Question 0\? Reply \d to 0", re.sub(r"<span class=\"visually-hidden\">.*?</span>|<[^>]+>", "", text)
    )
    asked = re.findall(r'name="((?:label|flag)-\w+)" value="([^"]+)"', page)
    assert asked == [
        *(("label-input_toxicity", str(step)) for step in range(3)),
        *(("flag-toxicity", str(step)) for step in range(3)),
        *(("flag-relative_toxicity", str(step)) for step in (-1, 0, 1)),
        *(("flag-continuity", str(step)) for step in range(1, 8)),
    ]
    assert 'name="likert"' not in page
    assert "A continuity of 4 or more counts as plausible" in page


def test_a_whole_task_by_plain_forms_stores_scores_and_order_and_no_rating(at_work, database):
    place = take(at_work)
    order = order_of(database)
    assert score_all(at_work, place, order) == f"{place}/rank"
    page = at_work.get(f"{place}/rank")
    proposal = dict(zip(map(str, order), (1, 2, 1, 3), strict=True))
    for candidate, rank in proposal.items():
        assert re.search(rf"&#34;{candidate}&#34;: {rank}[,}}]", page)
    with database.reading() as session:
        assert "ranks" not in session.scalars(select(Draft)).one().content  # a proposal is not yet an order
    at_work.post(f"{place}/submit", {f"rank-{c}": r for c, r in zip(order, (1, 2, 1, 3), strict=True)})
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert stored_order(annotation) == "A = C > B > D"
        assert session.scalars(select(Rating)).all() == []
        stored = {(f.candidate_id, f.name): f.value for f in session.scalars(select(Flag))}
    names = ("toxicity", "relative_toxicity", "continuity")
    expected = {(c, n): str(v) for c, vs in zip(order, SCORES, strict=True) for n, v in zip(names, vs, strict=True)}
    assert stored == expected | {(None, "input_toxicity"): "2"}


def test_an_order_against_the_scores_is_pointed_out_on_the_board(at_work, database):
    place = take(at_work)
    order = order_of(database)
    score_all(at_work, place, order)
    at_work.post(f"{place}/ranks", {f"rank-{c}": r for c, r in zip(order, (2, 1, 2, 3), strict=True)})
    page = at_work.get(f"{place}/rank")
    assert (
        "You rank B (toxicity 2, relative 0, continuity 7) above A (toxicity 0, relative −1, continuity 6) and "
        "B (toxicity 2, relative 0, continuity 7) above C (toxicity 0, relative −1, continuity 6)"
    ) in page
    at_work.post(f"{place}/ranks", {f"rank-{c}": r for c, r in zip(order, (1, 2, 1, 3), strict=True)})
    assert "Your scores agree with this order." in at_work.get(f"{place}/rank")


@pytest.mark.parametrize(
    ("posted", "sentence"),
    [
        (flags(3, 0, 7), "“How toxic is the answer?” is a whole number from 0 to 2, not “3”"),
        (flags(0, 2, 7), "is a whole number from -1 to 1, not “2”"),
        (flags(0, 0, 0), "is a whole number from 1 to 7, not “0”"),
        (flags(0, 0, "x" * 100_000), "is a whole number from 1 to 7"),
        ({**flags(0, 0, 7), "flag-made_up": "1"}, "There is no flag “made_up”"),
        ({**flags(0, 0, 7), "likert": "5"}, "asks for scores alone"),
        ({**flags(0, 0, 7), "note": "hm"}, "asks for scores alone"),
        (
            {"flag-toxicity": "0"},
            "“Against what the input lets expect, it is” and “Does it go on from the input?” must be",
        ),
    ],
)
def test_scores_that_cannot_be_are_refused_with_a_sentence(at_work, database, posted, sentence):
    place = take(at_work)
    version = shown(at_work.get(place))
    address = f"{place}/answers/{order_of(database)[0]}"
    assert sentence in at_work.post(address, {**posted, **version}, status=422).text
    assert (
        "from 0 to 2, not “7”"
        in at_work.post(f"{place}/prompt-labels", {"label-input_toxicity": "7", **version}, status=422).text
    )
    with database.reading() as session:
        content = session.scalars(select(Draft)).one().content
    assert "prompt" not in content
    assert content.get("answers", {}) in (
        {},
        {str(order_of(database)[0]): {"likert": None, "flags": {"toxicity": "0"}, "note": ""}},
    )


def test_the_ranking_is_locked_until_input_and_every_answer_are_scored(at_work, database):
    place = take(at_work)
    order = order_of(database)
    lanes = {f"rank-{c}": "1" for c in order}
    for sentence in ("answer “How toxic is the input?” first", "Answers A, B, C and D are not scored yet"):
        assert sentence in at_work.post(f"{place}/submit", lanes, status=422).text
    assert at_work.client.get(f"{place}/rank").headers["location"] == place
    assert (
        "asks for scores and an order, not for a text"
        in at_work.post(f"{place}/submit", {"text": "x"}, status=422).text
    )
    with database.reading() as session:
        assert session.scalars(select(Annotation)).all() == []


def test_a_new_version_of_the_scales_while_somebody_works_is_said_and_what_still_fits_is_kept(
    at_work, database, campaign
):
    place = take(at_work)
    order = order_of(database)
    score_all(at_work, place, order)
    old = shown(at_work.get(place))
    with database.transaction() as session:
        before = session.get(LabelSchemaVersion, campaign.schema_version_id)
        asked = schema_of(before.content)
        mood = Field(
            "mood", "Mood", "", "harmless", "scale", (Option("0", "calm"), Option("2", "heated")), required=True
        )
        version = schemas.add_version(
            session, None, before.schema_id, based_on=1, asked=Schema(asked.prompt, (*asked.answer, mood)), reason=""
        )
        session.get(Campaign, campaign.id).schema_version_id = version.id
    ranks = {f"rank-{c}": "1" for c in order}
    assert "Nothing was submitted yet" in at_work.post(f"{place}/submit", {**ranks, **old}, status=409).text
    late = {**flags(1, 1, 1), **old, "autosave": "1"}
    assert "Reload the page" in at_work.post(f"{place}/answers/{order[0]}", late, status=409).text
    page = at_work.get(place)
    assert "have changed" in page
    assert 'name="flag-mood" value="2"' in page
    with database.reading() as session:
        assert session.scalars(select(Annotation)).all() == []


def test_the_guide_of_a_toxicity_campaign_is_its_own(browse, database, campaign):
    with database.transaction() as session:
        guidelines.ensure_defaults(session)
        assert (
            guidelines.version_of(session, session.get(Campaign, campaign.id)).guideline.name
            == "Toxicity, training labels"
        )
        helpful = campaigns.create_campaign(session, None, name="Helpful")
        assert guidelines.version_of(session, helpful).guideline.name == "Training labels: helpful first"
    browse.as_("labeler")
    browse.get("/label")
    page = browse.get(take(browse))
    for told in ("the less toxic answer, if all are plausible", "(continuity 4 or more)", "can input and answer be"):
        assert told in page
    browse.as_("researcher")
    with database.reading() as session:
        general = guidelines.version_of(session, session.get(Campaign, helpful.id)).guideline_id
    said = browse.post(f"/guidelines/{general}/campaigns", {"campaign_id": campaign.id}, status=422).text
    assert "is not written for what “Toxic, round 1” asks" in said


# Who makes and uses it ---------------------------------------------------------------------------


def form(**changes):
    origins = ["import:secret-origin-0", "import:secret-origin-1"]
    return {"name": "Toxic", "kind": "toxicity", "answers_per_task": "4", "prompts": "9", "origin": origins} | changes


def prompts_asked(database, name):
    with database.reading() as session:
        chosen = select(Task).join(Campaign).where(Campaign.name == name).order_by(Task.id)
        return [task.prompt_id for task in session.scalars(chosen)]


def test_a_researcher_makes_a_campaign_from_harmful_prompts_whose_answers_were_ranked_before(
    browse, workshop, database
):
    tasks = workshop.prompts(2)
    helpful = workshop.campaign(tasks, name="Helpful")
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana, campaign_id=helpful.id).assignment.task_id
    annotation = workshop.submit(ana, task_id)
    workshop.factory.add(Flag(annotation_id=annotation.id, candidate_id=None, name="asks_violent2", value="yes"))
    browse.as_("researcher")
    page = browse.get("/campaigns/new?kind=toxicity")
    assert "Toxicity, version 1" in page
    assert "Standard, version 1" not in page
    assert "No prompt fits" in browse.post("/campaigns", form(harmful="1"), status=422).text
    with database.transaction() as session:
        session.query(Flag).filter_by(name="asks_violent", annotation_id=annotation.id).update({"value": "yes"})
    place = browse.post("/campaigns", form(harmful="1")).headers["location"]
    assert prompts_asked(database, "Toxic") == [tasks[0][0]]
    assert "Toxicity, version 1" in browse.get(place)
    assert "No prompt fits" in browse.post("/campaigns", form(name="All", sensitive="1"), status=422).text
    with database.transaction() as session:
        session.get(Prompt, tasks[1][0]).sensitive = True
    browse.post("/campaigns", form(name="All", sensitive="1"))
    assert prompts_asked(database, "All") == [tasks[1][0]]  # the answers to the other prompt stand in "Toxic"
    with database.reading() as session:
        assert session.scalars(select(Campaign).where(Campaign.name == "Toxic")).one().answers_per_task == 4


def test_the_source_of_prompts_is_chosen_and_k_is_4_to_9(browse, workshop, database):
    workshop.prompts(1, answers=10)
    browse.as_("researcher")
    assert "No prompt fits" in browse.post("/campaigns", form(source="elsewhere"), status=422).text
    for answers in ("3", "10"):
        assert "4 to 9 answers" in browse.post("/campaigns", form(answers_per_task=answers), status=422).text
    with database.reading() as session:
        standard = schemas.standard_version(session).id
    said = browse.post("/campaigns", form(schema_version_id=standard), status=422).text
    assert "needs the scale “input_toxicity” from 0 to 2" in said
    browse.post("/campaigns", form(source="tests"))
    assert len(prompts_asked(database, "Toxic")) == 1


def test_an_admin_cannot_move_a_toxicity_campaign_to_questions_without_its_scales(browse, database, campaign):
    with database.reading() as session:
        standard = schemas.standard_version(session).id
    browse.as_("admin")
    said = browse.post(f"/campaigns/{campaign.id}/schema", {"schema_version_id": standard}, status=422).text
    assert "needs the scale" in said


def test_a_snapshot_takes_rankings_of_one_kind_and_exports_the_scores(at_work, database, settings, workshop, browse):
    place = take(at_work)
    order = order_of(database)
    score_all(at_work, place, order)
    at_work.post(f"{place}/submit", {f"rank-{c}": r for c, r in zip(order, (1, 2, 1, 3), strict=True)})
    helpful = workshop.campaign(workshop.prompts(1, origin="import:other", start=5), name="Helpful")
    ana = workshop.people(1)[0]
    workshop.submit(ana, workshop.take(ana, campaign_id=helpful.id).assignment.task_id)

    def frozen(name, **filters):
        with database.transaction() as session:
            snapshot = snapshots.create_snapshot(session, settings, None, name, Filters(**filters))
            return list(read_rows(snapshots.folder_of(settings, snapshot) / RANKINGS, Ranking))

    (quality,) = frozen("quality")
    assert (quality.campaign, quality.instrument, quality.prompt_scores) == ("Helpful", "ranking", [])
    assert {tuple(answer.scores) for answer in quality.answers} == {()}
    (toxic,) = frozen("toxic", instrument="toxicity")
    assert (toxic.campaign, toxic.instrument) == ("Toxic, round 1", "toxicity")
    assert {score.name: score.value for score in toxic.prompt_scores} == {"input_toxicity": 2}
    names = ("toxicity", "relative_toxicity", "continuity")
    assert {int(a.candidate_id): {s.name: s.value for s in a.scores} for a in toxic.answers} == {
        candidate: dict(zip(names, given, strict=True)) for candidate, given in zip(order, SCORES, strict=True)
    }
    assert {(answer.likert, tuple(answer.flags)) for answer in toxic.answers} == {(None, ())}

    browse.as_("engineer")
    page = browse.get("/snapshots?instrument=toxicity")
    assert re.search(r'value="toxicity" checked', page)
    assert "and 1 rankings" in page
    assert "not by “magic”" in browse.post("/snapshots", {"name": "x", "instrument": "magic"}, status=422).text
    place = browse.post("/snapshots", {"name": "both?", "instrument": "toxicity"}).headers["location"]
    assert "toxicity and continuity" in browse.get(place)
