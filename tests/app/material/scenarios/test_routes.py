"""The library of scenarios: added, edited, retired and brought in files by researchers."""

import re

import pytest
from sqlalchemy import select

from app.models import Scenario

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


def library(database):
    with database.reading() as session:
        return session.scalars(select(Scenario).order_by(Scenario.id)).all()


def add(browse, title="Garden", text="Somebody plans a garden.", status=303):
    return browse.post("/scenarios", {"title": title, "text": text}, status)


def test_scenarios_are_added_edited_and_retired(browse, database):
    browse.as_("researcher")
    assert "The library is empty" in browse.get("/scenarios")
    add(browse)
    (scenario,) = library(database)
    page = browse.get(f"/scenarios/{scenario.id}")
    seen = re.search(r'name="seen" value="([^"]+)"', page)[1]
    browse.post(f"/scenarios/{scenario.id}", {"title": "Garden", "text": "A **small** garden.", "seen": seen})
    assert "A <strong>small</strong> garden." in browse.get("/scenarios")
    overtaken = browse.post(f"/scenarios/{scenario.id}", {"title": "Mine", "text": "Mine.", "seen": seen}, 409).text
    assert ">\nMine.</textarea>" in overtaken
    assert "<strong>small</strong>" in overtaken
    browse.post(f"/scenarios/{scenario.id}", {"title": "Mine", "text": "Mine.", "seen": "yesterday"}, 422)
    browse.post(f"/scenarios/{scenario.id}/retired", {"retired": "yes"})
    assert "Offer again" in browse.get("/scenarios")
    assert [one.text for one in library(database)] == ["A **small** garden."]


@pytest.mark.parametrize(
    ("title", "text", "sentence"),
    [
        ("", "Somebody.", "1 to 120 characters"),
        ("x" * 121, "Somebody.", "1 to 120 characters"),
        ("Title", " ", "Tell in a few sentences"),
        ("Title", "x" * 4001, "4,000 fit"),
        ("Title", "Write to ana@example.org please.", "ana@example.org"),
    ],
)
def test_what_will_not_do_is_said_beside_its_field_and_kept_in_the_form(browse, database, title, text, sentence):
    browse.as_("researcher")
    browse.get("/scenarios")
    answer = add(browse, title, text, 422).text
    assert sentence in answer
    assert text[:20] in answer
    assert library(database) == []


def test_the_same_words_are_one_scenario(browse, database):
    browse.as_("researcher")
    browse.get("/scenarios")
    add(browse)
    assert "already, as “Garden”" in add(browse, "Other", " somebody  plans a\ngarden. ", 409).text
    assert len(library(database)) == 1


def test_a_file_adds_what_is_good_and_names_what_is_not(browse, database):
    browse.as_("researcher")
    browse.get("/scenarios")
    lines = '{"title": "A", "text": "Somebody cooks."}\n{"text": "somebody cooks."}\n{"title": "B"}\nnot json\n'
    page = browse.post("/scenarios/import", status=200, files={"file": ("s.jsonl", lines)}).text
    assert "1 added, 1 known already, 2 refused" in page
    assert "Line 3, field text: Tell in a few sentences what somebody wants to do." in page
    assert "Line 4: This is not valid JSON: see column 1." in page
    csv = "title,text\nSwim,Somebody learns to swim.\n,Somebody has no title.\n"
    page = browse.post("/scenarios/import", status=200, files={"file": ("s.csv", csv)}).text
    assert "2 added" in page
    assert [one.title for one in library(database)] == ["A", "Swim", "Somebody has no title."]
    assert "Choose a file" in browse.post("/scenarios/import", status=422).text


def bring(browse, lines, status=200):
    return browse.post("/scenarios/import", status=status, files={"file": ("s.jsonl", lines)}).text


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('{"title": "A", "text": ["Somebody cooks."]}', "field text: Enter text."),
        ('{"title": {"a": 1}, "text": "Somebody cooks."}', "field title: Enter text."),
        ('{"title": "A", "text": 9223372036854775808}', "field text: Enter text."),
        ('{"title": "A", "text": "Somebody \\ud800 cooks."}', "field text: This contains half of a surrogate pair"),
        ('{"title": "A", "text": "Somebody \\u0000 cooks."}', "field text: This contains the character NUL"),
    ],
)
def test_what_is_no_text_is_refused_and_never_kept_in_a_programs_spelling(browse, database, row, told):
    browse.as_("researcher")
    browse.get("/scenarios")
    assert f"Line 1, {told}" in bring(browse, f'{row}\n{{"title": "B", "text": "Somebody learns to swim."}}\n')
    assert [one.title for one in library(database)] == ["B"]


def test_what_a_file_says_beside_title_and_text_is_named_however_deep_it_is(browse, database):
    browse.as_("researcher")
    browse.get("/scenarios")
    deep = '{"a":' * 800 + "1" + "}" * 800
    page = bring(browse, f'{{"title": "B", "text": "Somebody learns to swim.", "place": "Bern", "more": {deep}}}\n')
    assert "1 added, 0 known already, 0 refused. Fields that were not used: " in page
    assert "place" in page
    assert "more" in page


def test_a_file_without_rows_or_with_too_many_adds_nothing_and_says_so(browse, database, monkeypatch):
    monkeypatch.setattr("app.material.scenarios.rules.MOST_AT_ONCE", 2)
    browse.as_("researcher")
    browse.get("/scenarios")
    assert "The file holds no rows." in bring(browse, "\n", 422)
    rows = "".join(f'{{"title": "A", "text": "Somebody cooks {n}."}}\n' for n in range(3))
    assert "more than 2 rows; nothing was added" in bring(browse, rows, 422)
    assert library(database) == []
