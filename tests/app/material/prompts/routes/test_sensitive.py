"""The mark "sensitive": from a file, from a researcher, and suggested by what labelers say of a prompt."""

import pytest
from sqlalchemy import select

from app.material.prompts import rules
from app.models import Annotation, AuditEvent, Campaign, Flag, Prompt, Task
from tests.app.material.prompts.test_routes import upload


@pytest.mark.parametrize(
    ("value", "meant"),
    [(True, True), (False, False), (None, None), ("", None), ("TRUE", True), (" yes", True), (1, True), ("0", False)],
)
def test_a_file_may_say_it_in_the_spellings_of_json_and_csv(value, meant):
    assert rules.truth_of(value) is meant


@pytest.mark.parametrize("value", ["maybe", 2, [True], {}])
def test_any_other_word_is_refused(value):
    with pytest.raises(ValueError, match=r".*"):
        rules.truth_of(value)


def marks(database):
    with database.reading() as session:
        return {p.messages[-1]["content"]: p.sensitive for p in session.scalars(select(Prompt))}


def test_an_import_marks_what_the_file_says_and_never_unsays_a_persons_word(browse, database):
    browse.as_("engineer")
    upload(browse, [{"prompt": "a", "sensitive": True}, {"prompt": "b"}, {"prompt": "c", "sensitive": "no"}])
    assert marks(database) == {"a": True, "b": None, "c": False}
    page = browse.get(upload(browse, [{"prompt": "d", "sensitive": "perhaps"}, {"prompt": "e"}]).headers["location"])
    assert "<code>sensitive</code></td><td>“perhaps” is neither true nor false." in page
    # Prompts that are there already: what nobody has said is said now, what somebody said stays.
    upload(browse, [{"prompt": text, "sensitive": True} for text in "abc"])
    assert marks(database) == {"a": True, "b": True, "c": False, "e": None}


@pytest.fixture
def labelled(factory):
    """Three prompts: one that two people say asks for violence, one where the answer is violent, one plain."""
    campaign = factory.add(Campaign(name="c"))
    prompts = []
    for text in ("a fight", "an answer", "plain"):
        messages = [{"role": "user", "content": text}]
        prompts.append(factory.add(Prompt(fingerprint=text, messages=messages, source="tests")))
        factory.add(Task(campaign_id=campaign.id, prompt_id=prompts[-1].id, fingerprint=text))

    def say(task_id, who, name, value="yes"):
        annotation = factory.add(Annotation(campaign_id=campaign.id, task_id=task_id, annotator=who))
        factory.add(Flag(annotation_id=annotation.id, candidate_id=None, name=name, value=value))

    say(1, "ana", "asks_violent")
    say(1, "ben", "asks_violent")
    say(1, "eve", "asks_violent", "no")
    say(2, "ana", "contains_pii")
    return prompts


def test_labels_suggest_the_mark_until_a_researcher_decides(browse, database, labelled):
    fight, *_ = labelled
    browse.as_("researcher")
    assert "sensitive? see labels" in browse.get("/prompts")
    page = browse.get("/prompts?sensitive=suggested")
    assert "a fight" in page
    assert "plain" not in page
    page = browse.get(f"/prompts/{fight.id}")
    assert "asks for violent content (2 people)" in page
    assert page.count(f'action="/prompts/{fight.id}/sensitive"') == 2
    browse.post(f"/prompts/{fight.id}/sensitive", {"sensitive": "no"})
    assert "No prompt matches" in browse.get("/prompts?sensitive=suggested")
    browse.post(f"/prompts/{fight.id}/sensitive", {"sensitive": "yes"})
    assert "a fight" in browse.get("/prompts?sensitive=marked")
    assert marks(database)["a fight"] is True
    with database.reading() as session:
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_kind == "prompts")).all()
    assert actions == ["marked prompt not sensitive", "marked prompt sensitive"]


def test_only_those_who_see_the_pool_mark_and_only_with_yes_or_no(browse, database, labelled):
    browse.as_("researcher")
    browse.post("/prompts/1/sensitive", {"sensitive": "maybe"}, status=422)
    browse.post("/prompts/1/sensitive", status=422)
    browse.post("/prompts/99/sensitive", {"sensitive": "yes"}, status=404)
    browse.as_("labeler")
    browse.post("/prompts/1/sensitive", {"sensitive": "yes"}, status=403)
    assert set(marks(database).values()) == {None}
