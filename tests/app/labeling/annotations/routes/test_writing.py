"""The pages for writing: what is wrong is said beside its field, and nothing that was written is lost."""

import re

import pytest
from sqlalchemy import select

from app.models import Annotation, Demonstration, Draft, Prompt, WrittenText

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])
SET = {
    "authored": "1",
    "instruction": "Say how it sounds.",
    "query": ["lovely", "awful", ""],
    "response": ["good", "bad", ""],
    "query_name": "Post",
    "response_name": "Mood",
    "use_case": "classification",
    "language": "en",
}
PLAIN = {
    "authored": "1",
    "prompt": "Name a river.",
    "answer": "The Nile.",
    "use_case": "open_qa",
    "language": "en",
}


def rows(database, table):
    with database.reading() as session:
        return session.scalars(select(table)).all()


def at_work(browse):
    browse.as_("labeler", "lena@example.org")
    browse.get("/label")
    place = browse.post("/label/next").headers["location"]
    browse.get(place)
    return place


def problem(page, field):
    found = re.search(rf'<span class="problem" id="problem-{field}" role="alert">([^<]*)</span>', page)
    assert f'aria-describedby="problem-{field}' in page
    return found[1]


def test_a_text_that_is_too_long_is_refused_beside_its_field_and_the_draft_stays(browse, workshop, database):
    workshop.campaign([(p, []) for p, _ in workshop.prompts(1)], kind="demonstration")
    place = at_work(browse)
    browse.post(f"{place}/text", {"text": "A short one.", "autosave": "1"}, 204)
    long = "x" * 150_000
    answer = browse.post(f"{place}/submit", {"text": long}, 422).text
    assert "150,000 characters; 100,000 fit" in problem(answer, "answer")
    assert long in answer
    told = browse.client.post(
        f"{place}/text",
        data={"text": long, "autosave": "1"},
        headers={"x-csrf-token": browse.token, "accept": "application/json"},
    )
    assert (told.status_code, "100,000 fit" in told.json()["error"]) == (422, True)
    flood = {"text": "x" * 10_000_000}
    assert "too large for a form" in problem(browse.post(f"{place}/submit", flood, 413).text, "answer")
    assert "no text yet" in problem(browse.post(f"{place}/submit", {"text": " \r\n"}, 422).text, "answer")
    browse.post(f"{place}/text", {"text": "A short one.", "autosave": "1"}, 204)
    assert [draft.content["text"] for draft in rows(database, Draft)] == ["A short one."]
    assert rows(database, Annotation) == rows(database, WrittenText) == rows(database, Demonstration) == []


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"use_case": "poetry"}, "use_case", "kind of task"),
        ({"use_case": ""}, "use_case", "kind of task"),
        ({"language": "xx"}, "language", "language"),
        ({"query": ["lovely", "lovely"], "response": ["a", "b"]}, "pair-2", "same as in pair 1"),
        ({"query": ["lovely", "awful"], "response": ["good"]}, "pair-2", "no response"),
        ({"query": ["lovely"], "response": ["good"]}, "pairs", "2 to 20 pairs, not 1"),
        ({"query": [str(i) for i in range(21)], "response": ["x"] * 21}, "pairs", "not 21"),
        ({"query_name": "x" * 41}, "query_name", "at most 40"),
        ({"instruction": ""}, "instruction", "no instruction"),
        ({"instruction": "x" * 100_000}, "instruction", "100,000 fit"),
    ],
)
def test_a_set_that_is_wrong_is_refused_beside_the_field_and_all_of_it_is_kept(
    browse, workshop, database, changes, field, sentence
):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=1)
    place = at_work(browse)
    form = {**SET, **changes}
    page = browse.post(f"{place}/submit", form, 422).text
    assert sentence in problem(page, field)
    for query in form["query"]:
        assert f">\n{query}</textarea>" in page
    assert rows(database, Annotation) == rows(database, Prompt) == []


def test_a_set_is_saved_previewed_and_submitted(browse, workshop, database):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=1)
    place = at_work(browse)
    browse.post(f"{place}/authored", {**SET, "autosave": "1"}, 204)
    assert ">\nawful</textarea>" in browse.get(place)
    preview = browse.post(f"{place}/preview", SET, 200).text
    assert "<html" not in preview
    assert "2 items come of it" in preview
    assert "Post: awful\nMood:&lt;|end|&gt;&lt;|assistant|&gt;bad&lt;|end|&gt;" in preview
    assert len(rows(database, Prompt)) == 0
    browse.post(f"{place}/submit", SET)
    assert [d.text for d in rows(database, Demonstration)] == ["good", "bad"]
    assert "Say how it sounds." in browse.as_("researcher").get("/campaigns/1")


def test_nobody_previews_or_writes_for_a_task_of_somebody_else(browse, workshop, database):
    workshop.campaign([], kind="authoring", prompt_form="plain", pieces=1)
    place = at_work(browse)
    browse.as_("labeler", "ben@example.org")
    for address in ("preview", "authored", "submit"):
        browse.post(f"{place}/{address}", PLAIN, 404)
    assert rows(database, Prompt) == []


def test_a_prompt_task_takes_no_bare_text_and_a_text_task_no_prompt(browse, workshop, database):
    workshop.campaign([], kind="authoring", prompt_form="plain", pieces=1)
    place = at_work(browse)
    page = browse.post(f"{place}/submit", {"text": "A poem."}, 422).text
    assert "asks for a prompt and its answer" in page
    browse.post(f"{place}/submit", {**PLAIN, "scenario": "abc"}, 422)
    assert rows(database, Prompt) == []
    browse.post(f"{place}/submit", PLAIN)
    assert [(p.messages[0]["content"], p.use_case, p.user_key) for p in rows(database, Prompt)] == [
        ("Name a river.", "open_qa", "labeler-1")
    ]


def test_a_researcher_makes_authoring_campaigns_that_need_review_unless_they_say_otherwise(browse, workshop):
    browse.as_("researcher")
    page = browse.get("/campaigns/new?kind=authoring")
    assert re.search(r'name="needs_review" value="yes" checked', page)
    form = {"kind": "authoring", "name": "Sets", "prompt_form": "few_shot", "prompts": "3"}
    place = browse.post("/campaigns", {**form, "needs_review": "yes"}).headers["location"]
    shown = browse.get(place)
    assert "needed before a text is used" in shown
    assert "few-shot" in shown
    again = browse.post("/campaigns", {**form, "name": "S2", "prompt_form": "poem"}, 422).text
    assert "Choose one of the forms" in again
    assert not re.search(r'name="needs_review" value="yes" checked', again)
    assert "no scenario yet" in browse.post("/campaigns", {**form, "name": "S3", "prompt_form": "user_based"}, 422).text
    browse.post("/campaigns", {**form, "name": "S4", "prompts": "10001"}, 422)
