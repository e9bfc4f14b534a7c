"""Two pages on one task: the newer state is never overwritten by the older, and a repeated save is no second one."""

import re

import pytest
from sqlalchemy import select

from app.labeling.annotations.rules.drafts import Edit, Standing, following, standing
from app.models import Assignment, Draft
from tests.app.labeling.annotations.test_routes import at_work, shown, take  # noqa: F401

SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])
SCRIPT = {"X-Sent-By": "script", "Accept": "application/json"}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (None, Standing.NEXT),  # a form that says nothing about itself
        (Edit(4), Standing.NEXT),
        (Edit(4, "other", 1), Standing.NEXT),
        (Edit(3, "mine", 8), Standing.NEXT),  # the answer to change 7 got lost on the way
        (Edit(3, "mine", 7), Standing.OVERTAKEN),  # change 7 once more
        (Edit(4, "mine", 6), Standing.OVERTAKEN),
        (Edit(3), Standing.OUTDATED),
        (Edit(3, "other", 9), Standing.OUTDATED),
        (Edit(5, "other", 9), Standing.OUTDATED),
    ],
)
def test_a_save_stands_to_what_is_kept_by_its_page_or_by_the_revision_it_began_with(edit, expected):
    assert standing({"revision": 4, "page": "mine", "number": 7}, edit) is expected
    assert standing({}, edit) is Standing.NEXT


def test_pages_without_a_name_are_not_one_page():
    assert standing({"revision": 4, "page": "", "number": 0}, Edit(3)) is Standing.OUTDATED


def test_every_save_of_a_part_counts_one_up():
    first = following({}, None)
    assert following(first, Edit(1, "mine", 7)) == {"revision": 2, "page": "mine", "number": 7}


@pytest.fixture
def place(at_work):  # noqa: F811
    return take(at_work)


def content(database):
    with database.reading() as session:
        return session.scalars(select(Draft)).one().content


@SQLITE
def test_an_old_page_overwrites_nothing_and_hears_the_revision(at_work, place, database):  # noqa: F811
    page = at_work.get(place)
    address = re.search(r'action="(/label/tasks/\d+/answers/\d+)"', page)[1]
    assert re.search(r'name="revision" value="0"', page)

    def save(revision, status=204, **fields):
        form = {"csrf_token": at_work.token, "autosave": "1", "revision": revision, **shown(page), **fields}
        answer = at_work.client.post(address, data=form, headers=SCRIPT)
        assert answer.status_code == status, answer.text
        return answer

    assert save("0.one.1", likert="5").headers["Draft-Revision"] == "1"
    told = save("0.two.1", status=409, likert="2").json()
    assert told["revision"] == 1
    assert "changed in another tab" in told["error"]
    save("0.two.2", likert="5")  # the same state is no conflict
    assert save("0.one.2", likert="6").headers["Draft-Revision"] == "2"
    assert save("0.one.1", likert="5").headers["Draft-Revision"] == "2"
    assert [answer["likert"] for answer in content(database)["answers"].values()] == [6]
    assert re.search(rf'action="{address}"[\s\S]*?name="revision" value="2"', at_work.get(f"{place}?answer=1"))
    assert "changed in another tab" in save("1", status=409, likert="1").json()["error"]
    save("", likert="1")  # a program that knows nothing of revisions
    assert [answer["likert"] for answer in content(database)["answers"].values()] == [1]


@SQLITE
def test_parts_of_a_draft_that_are_edited_side_by_side_do_not_collide(at_work, place, database):  # noqa: F811
    page = at_work.get(place)
    with database.reading() as session:
        order = session.scalars(select(Draft)).one().shown_order
    for number, candidate in enumerate(order):
        form = {"autosave": "1", "likert": number + 1, "revision": f"0.tab{number}.1", **shown(page)}
        at_work.post(f"{place}/answers/{candidate}", form, status=204)
    labels = {"autosave": "1", "label-use_case": "chat", "revision": "0.tab9.1", **shown(page)}
    at_work.post(f"{place}/prompt-labels", labels, status=204)
    kept = content(database)
    assert [kept["answers"][str(candidate)]["likert"] for candidate in order] == [1, 2, 3, 4]
    assert kept["prompt"] == {"use_case": "chat"}


@SQLITE
@pytest.mark.parametrize("revision", ["-1", "x", "1.p.x", "99999999999"])
def test_a_revision_that_is_none_is_refused(at_work, place, revision):  # noqa: F811
    at_work.post(f"{place}/prompt-labels", {"autosave": "1", "revision": revision}, status=422)


@pytest.fixture
def writing(browse, workshop):
    workshop.campaign([(prompt, []) for prompt, _ in workshop.prompts(1)], name="Write", kind="demonstration")
    browse.as_("labeler")
    browse.get("/label")
    return take(browse)


@SQLITE
def test_a_submission_from_an_old_page_is_refused_and_the_newer_draft_stays(browse, writing, database):
    browse.post(f"{writing}/text", {"text": "newer", "autosave": "1", "revision": "0.one.1"}, status=204)
    page = browse.post(f"{writing}/submit", {"text": "older", "revision": "0"}, status=409).text
    assert "changed in another tab" in page
    assert ">older</textarea>" in page
    assert content(database)["text"] == "newer"
    browse.post(f"{writing}/submit", {"text": "newest", "revision": "1"})


@SQLITE
def test_a_text_beyond_the_limit_is_refused_beside_its_field_and_nothing_of_it_stored(browse, writing, database):
    browse.post(f"{writing}/text", {"text": "first", "autosave": "1"}, status=204)
    form = {"csrf_token": browse.token, "text": "x" * 100_001, "autosave": "1"}
    refused = browse.client.post(f"{writing}/text", data=form, headers=SCRIPT)
    assert refused.status_code == 422
    assert "The text has 100,001 characters; 100,000 fit." in refused.json()["fields"]["answer"]
    form["text"] = "x" * 10_000_000
    refused = browse.client.post(f"{writing}/text", data=form, headers=SCRIPT)
    assert refused.status_code == 413
    assert "too large" in refused.json()["error"]
    assert content(database)["text"] == "first"


@SQLITE
def test_a_script_is_told_where_the_browser_would_be_led(browse, writing):
    form = {"csrf_token": browse.token, "text": "An answer.", "revision": "0.one.1"}
    answer = browse.client.post(f"{writing}/submit", data=form, headers=SCRIPT)
    assert (answer.status_code, answer.headers["Location"]) == (204, "/label")
    again = browse.client.post(f"{writing}/submit", data=form, headers=SCRIPT)
    assert again.status_code == 409
    assert "nothing was stored twice" in again.json()["error"]


@SQLITE
def test_a_page_left_open_asks_who_is_signed_in_now(browse, writing):
    known = browse.client.get("/account/session").json()
    assert known["token"] == browse.token
    assert f'name="person" content="{known["person"]}"' in browse.get("/label")
    browse.post("/sign-out")
    assert browse.client.get("/account/session").json()["person"] == ""


@SQLITE
def test_a_reservation_that_has_ended_is_taken_up_by_the_next_save_even_in_another_assignment(
    browse, workshop, database
):
    workshop.campaign(
        [(prompt, []) for prompt, _ in workshop.prompts(1)], name="Write", kind="demonstration", overlap=2
    )
    browse.as_("labeler")
    browse.get("/label")
    place = take(browse)
    other = workshop.people(1)[0]
    with database.transaction() as session:
        assignment = session.scalars(select(Assignment).where(Assignment.person_id.is_not(None))).one()
        assignment.person_id = other.id  # the time was up, and somebody else has taken the assignment
        [free] = session.scalars(select(Assignment).where(Assignment.person_id.is_(None)))
        number = free.id
    browse.post(f"{place}/text", {"text": "later", "autosave": "1"}, status=204)
    with database.reading() as session:
        assert session.get(Assignment, number).person_id not in (None, other.id)
    assert content(database)["text"] == "later"
