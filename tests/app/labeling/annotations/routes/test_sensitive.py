"""Sensitive prompts: who is offered them, how their tasks open, and that uncovering lasts for this one task."""

import re

import pytest
from sqlalchemy import select

from app.errors import NotFound
from app.labeling.annotations import reservation
from app.labeling.annotations.rules import content_warning
from app.models import Draft, Person, Prompt
from app.people import service as people
from tests.app.labeling.annotations.conftest import NOON


def mark(workshop, prompt_id, sensitive=True):
    with workshop.database.transaction() as session:
        session.get(Prompt, prompt_id).sensitive = sensitive


@pytest.mark.parametrize("sensitive", [True, False, None])
@pytest.mark.parametrize("revealed", [True, False])
def test_a_task_opens_hidden_as_the_person_has_chosen(sensitive, revealed):
    def opens(blur):
        return content_warning.opens_hidden(blur=blur, sensitive=sensitive, revealed=revealed)

    assert opens(content_warning.ALWAYS) is not revealed
    assert opens(content_warning.NEVER) is False
    assert opens(content_warning.MARKED) is opens(None) is (sensitive is True and not revealed)


@pytest.fixture
def one_of_two_marked(workshop):
    (first, second) = workshop.prompts(2)
    mark(workshop, first[0])
    mark(workshop, second[0], sensitive=False)
    return workshop.campaign([first, second]), first[0]


def avoid(workshop, person):
    with workshop.database.transaction() as session:
        people.choose_sensitive_content(session, person.id, blur="marked", avoids_sensitive=True)


def test_whoever_avoids_sensitive_content_is_offered_the_rest_and_told_why_nothing_is_left(workshop, one_of_two_marked):
    _, sensitive = one_of_two_marked
    ana, ben = workshop.people(2)
    avoid(workshop, ana)
    offered = workshop.take(ana).assignment
    with workshop.database.reading() as session:
        assert reservation.work_for(session, ana, offered.task_id).task.prompt_id != sensitive
    workshop.submit(ana, offered.task_id)
    assert workshop.take(ana).reason.startswith("All that is left for you is marked as sensitive")
    assert workshop.take(ben).assignment is not None
    assert "sensitive" not in workshop.take(ana).reason  # ben holds it; it would come back to others only


def test_uncovering_is_kept_for_this_person_and_task_alone(workshop, one_of_two_marked):
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.transaction() as session:
        reservation.show_texts(session, ana, task_id, NOON, shown=True)
    with workshop.database.transaction() as session, pytest.raises(NotFound):
        reservation.show_texts(session, ben, task_id, NOON, shown=True)
    with workshop.database.reading() as session:
        assert session.scalars(select(Draft)).one().revealed_at == NOON
    with workshop.database.transaction() as session:
        reservation.show_texts(session, ana, task_id, NOON, shown=False)
    with workshop.database.reading() as session:
        assert session.scalars(select(Draft)).one().revealed_at is None


def texts(page):
    """What stands around the texts of a task: the tag before each article, and that of the prompt's first line."""
    task = page[: page.index('<dialog id="guide"')]
    around = re.findall(r'(<div[^>]*>)\s*<div class="article', task)
    return [*around, *re.findall(r'<span class="prompt-line"[^>]*>', task)]


def test_a_sensitive_task_opens_with_a_warning_and_hidden_texts_until_shown(browse, workshop):
    workshop.campaign(tasks := workshop.prompts(1))
    mark(workshop, tasks[0][0])
    browse.as_("labeler")
    browse.get("/label")
    place = browse.post("/label/next").headers["location"]
    page = browse.get(place)
    assert "The prompt is marked so" in page
    assert len(texts(page)) == 3  # prompt, answer, and the prompt's first line
    assert all(tag.endswith(' data-sensitive-text inert aria-hidden="true">') for tag in texts(page))
    assert 'data-open="skip"' in page
    browse.post(f"{place}/content-warning", {"shown": "perhaps"}, status=422)
    browse.post(f"{place}/content-warning", {"shown": "yes", "autosave": "1"}, status=204)
    page = browse.get(place)
    assert "The prompt is marked so" in page
    assert all(tag.endswith(" data-sensitive-text>") for tag in texts(page))
    assert browse.post(f"{place}/content-warning", {"shown": "no"}).headers["location"] == place
    assert " inert aria" in browse.get(place)


def test_the_preference_rules_over_the_mark(browse, workshop, database):
    workshop.campaign(workshop.prompts(1))
    browse.as_("labeler")
    browse.get("/label")
    place = browse.post("/label/next").headers["location"]
    assert "data-sensitive-text" not in browse.get(place)
    browse.post("/account/sensitive-content", {"blur": "always"})
    page = browse.get(place)
    assert "every task opens blurred" in page
    assert " inert aria" in page
    with database.transaction() as session:
        session.scalars(select(Prompt)).one().sensitive = True
    browse.post("/account/sensitive-content", {"blur": "never"})
    page = browse.get(place)
    assert "The prompt is marked so" in page
    assert " inert aria" not in page


def test_what_a_person_chooses_is_kept_and_nonsense_is_refused(browse, database):
    browse.as_("labeler")
    assert 'value="marked" required checked' in browse.get("/account/sensitive-content")
    browse.post("/account/sensitive-content", {"blur": "never", "avoid": "yes"})
    page = browse.get("/account/sensitive-content")
    assert 'value="never" required checked' in page
    assert 'name="avoid" value="yes" aria-describedby="avoid-hint" checked' in page
    refused = browse.post("/account/sensitive-content", {"blur": "sometimes"}, status=422).text
    assert "Choose one of the three ways" in refused
    with database.reading() as session:
        person = session.scalars(select(Person).where(Person.email == "labeler@example.org")).one()
        assert (person.blur, person.avoids_sensitive) == ("never", True)
    browse.as_("engineer")
    browse.get("/account/sensitive-content", status=403)
