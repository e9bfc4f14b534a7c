import re

import pytest
from sqlalchemy import select

from app.models import Campaign


def test_a_researcher_makes_watches_and_pauses_a_campaign(browse, workshop, database):
    workshop.prompts(3, answers=4)
    browse.as_("researcher")
    assert "import:secret-origin-0" in browse.get("/campaigns/new")
    form = {
        "name": "Round 2",
        "kind": "ranking",
        "phase": "evaluation",
        "overlap": "2",
        "reserved_minutes": "20",
        "answers_per_task": "4",
        "prompts": "2",
        "origin": ["import:secret-origin-0", "import:secret-origin-1"],
    }
    assert "4 to 9 answers" in browse.post("/campaigns", {**form, "answers_per_task": "3"}, status=422).text
    assert "No prompt fits" in browse.post("/campaigns", {**form, "origin": []}, status=422).text
    place = browse.post("/campaigns", form).headers["location"]
    assert "0</strong> of 4 annotations" in browse.get(place)
    browse.post("/campaigns", form, status=409)
    browse.post(f"{place}/status", {"status": "paused"})
    assert "paused" in browse.get("/campaigns")
    with database.reading() as session:
        assert session.scalars(select(Campaign)).one().status == "paused"


def test_a_labeler_makes_no_campaigns_and_an_engineer_labels_nothing(browse):
    browse.as_("labeler")
    browse.get("/campaigns", status=403)
    browse.as_("engineer")
    browse.get("/label", status=403)


def test_the_campaign_page_shows_recent_orders_under_pseudonyms(browse, workshop):
    campaign = workshop.campaign(workshop.prompts(2))
    noise = workshop.campaign(workshop.prompts(1, origin="import:noise", start=9), name="Noise")
    ana = workshop.people(1)[0]
    workshop.submit(ana, workshop.take(ana, campaign_id=campaign.id).assignment.task_id)
    browse.as_("researcher")
    page = browse.get(f"/campaigns/{campaign.id}")
    assert f"labeler-{ana.id}" in page
    assert "A &gt; B &gt; C &gt; D" in page
    assert "Nobody has submitted anything yet" in browse.get(f"/campaigns/{noise.id}")


@pytest.mark.parametrize("prompts", ["0", "-5", "100001"])
@pytest.mark.parametrize("kind", ["ranking", "demonstration"])
def test_a_campaign_takes_at_least_one_prompt_and_at_most_very_many(browse, workshop, kind, prompts):
    workshop.prompts(2)
    browse.as_("researcher")
    form = {"name": "Round 1", "kind": kind, "prompts": prompts, "origin": "import:secret-origin-0"}
    assert "number of prompts is a whole number from 1 to" in browse.post("/campaigns", form, status=422).text


def test_a_campaign_of_an_unknown_kind_is_refused_on_its_form(browse, workshop):
    workshop.prompts(2)
    browse.as_("researcher")
    form = {"name": "n", "kind": "magic", "answers_per_task": "4"}
    origins = {"origin": ["import:secret-origin-0", "import:secret-origin-1"]}
    assert "not “magic”" in browse.post("/campaigns", {**form, **origins}, status=422).text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_form_of_a_new_campaign_says_what_can_be_made_of_the_answers(browse, workshop):
    """What it offers is what it takes: used answers are told from unused ones, and can be judged again."""
    workshop.prompts(3, answers=2, origin="import:pairs")
    browse.as_("researcher")
    assert "No prompt has 4 different answers yet" in browse.get("/campaigns/new")
    workshop.campaign(workshop.prompts(2, start=10))
    page = browse.get("/campaigns/new")
    assert "4 answers to 2 prompts; 0 answers unused" in page
    assert "3 answers to 3 prompts; 3 answers unused" in page
    assert "No prompt has 4 different unused answers" in page
    form = {"name": "C", "kind": "ranking", "origin": ["import:secret-origin-0", "import:secret-origin-1"]}
    assert "No prompt fits this choice" in browse.post("/campaigns", form, status=422).text
    browse.post("/campaigns", form | {"again": "yes"})
    workshop.prompts(1, start=20)
    page = browse.get("/campaigns/new")
    assert "4 or more different unused answers to 1 prompt." in page
    assert "No prompt has" not in page
    browse.post("/campaigns", form | {"name": "D"})


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_form_of_a_new_campaign_proposes_fifteen_percent(browse, workshop):
    workshop.prompts(20)
    browse.as_("researcher")
    assert re.search(r'name="percent" value="15" min="0" max="20"', browse.get("/campaigns/new"))
    form = {"name": "C", "kind": "ranking", "origin": ["import:secret-origin-0", "import:secret-origin-1"]}
    page = browse.get(browse.post("/campaigns", form | {"percent": "15"}).headers["location"])
    assert "15 % of each labeler" in page
    browse.post("/campaigns", form | {"name": "D", "percent": "3"}, status=422)
