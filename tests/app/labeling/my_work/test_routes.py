import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.labeling.annotations import activity, corrections, skips
from app.labeling.annotations.queries import submissions
from app.models import Annotation, Person, Prompt, Rating, Task
from tests.app.labeling.annotations.conftest import verdict_on

NOW = datetime.now(UTC)


@pytest.fixture
def me(browse, database):
    """Signed in as a labeler, and their row."""
    browse.as_("labeler")
    with database.reading() as session:
        return session.scalars(select(Person).where(Person.email == "labeler@example.org")).one()


def work(workshop, person, campaign, now=NOW, note="", **verdict):
    """One task of a campaign, taken and submitted a minute later, half of it active; its annotation's id."""
    task_id = workshop.take(person, now - timedelta(minutes=1), campaign.id).assignment.task_id
    with workshop.database.transaction() as session:
        seconds = '{"prompt": 10, "ranking": 20}'
        activity.keep(session, person, task_id, now, view="view-0001", seconds=seconds)
    with workshop.database.reading() as session:
        order = submissions.draft_for(session, person.id, task_id).shown_order
    annotation = workshop.submit(person, task_id, now, verdict_on(order, **verdict))
    if note:
        with workshop.database.transaction() as session:
            session.get(Rating, (annotation.id, order[0])).note = note
    return annotation.id


@pytest.fixture
def history(workshop, me):
    """Two submissions of mine in two campaigns, and noise: Ben's in both."""
    first = workshop.campaign(workshop.prompts(2), overlap=2)
    second = workshop.campaign(
        workshop.prompts(2, start=10), name="secret-winner against secret-loser", phase="evaluation", overlap=2
    )
    ben = workshop.people(1)[0]
    work(workshop, ben, first, ratings=[1, 1, 1, 1], note="bens-words")
    work(workshop, ben, second, ratings=[1, 1, 1, 1])
    mine = work(workshop, me, first, NOW - timedelta(days=3), "my-words", ratings=[5, 2, 6, 5], ranks=[2, 3, 1, 2])
    newer = work(workshop, me, second, ratings=[7, 7, 7, 7], ranks=[1, 1, 1, 1])
    return first, second, mine, newer


def test_an_empty_page_says_what_will_be_there(browse, me):
    page = browse.get("/label/mine")
    assert "You have not submitted anything yet" in page
    assert "Download as CSV" not in page


def test_my_page_shows_my_work_and_nobody_elses_and_no_maker(browse, history):
    _first, second, mine, newer = history
    page = browse.get("/label/mine")
    assert "C &gt; A = D &gt; B" in page
    assert "A = B = C = D" in page
    assert "my-words" in page
    assert page.index(f"/label/mine/{newer}") < page.index(f"/label/mine/{mine}")
    assert "bens-words" not in page
    assert "secret-" not in page  # neither models nor the name of an evaluation
    assert f"Evaluation {second.id}" in page
    assert '<p class="tile-number">1</p>' in page  # today
    assert '<p class="tile-number">2</p>' in page  # in all
    assert "30 s at work" in page
    assert 'width="100.0%"' in page  # the longest day's bar


def test_the_history_is_filtered_by_campaign_and_day_and_nonsense_is_refused(browse, history):
    first, second, mine, newer = history
    before = (NOW - timedelta(days=3)).date().isoformat()
    for query, shown, hidden in (
        (f"campaign={first.id}", mine, newer),
        (f"campaign={second.id}", newer, mine),
        (f"until={before}", mine, newer),
        (f"since={NOW.date().isoformat()}", newer, mine),
        (f"since={before}&until={before}", mine, newer),
    ):
        page = browse.get(f"/label/mine?{query}")
        assert f'href="/label/mine/{shown}"' in page, query
        assert f'href="/label/mine/{hidden}"' not in page, query
        assert f"/label/mine.csv?{query.replace('&', '&amp;')}" in page
    assert "Nothing of yours fits" in browse.get("/label/mine?campaign=999")
    for query in (
        "since=yesterday",
        "until=2026-13-01",
        "campaign=x",
        "since=9999-12-31&until=9999-12-31",
        "campaign=0",
    ):
        page = browse.get(f"/label/mine?{query}", status=422)
        assert 'role="alert"' in page
        browse.get(f"/label/mine.csv?{query}", status=422)


def test_a_submission_is_read_again_with_full_texts_and_my_own_words(browse, history):
    *_, mine, _newer = history
    page = browse.get(f"/label/mine/{mine}")
    for words in (
        "Question 0?",
        "Reply 0 to 0",
        "Reply 3 to 0",
        "my-words",
        "C &gt; A = D &gt; B",
        "rank 3",
        "Use case",
    ):
        assert words in page, words
    assert "secret-" not in page
    assert "the prompt 10 s, ranking 20 s" in page


def test_what_can_still_be_corrected_says_until_when_and_a_correction_shows_what_stood_there(browse, workshop, me):
    annotation_id = work(workshop, me, workshop.campaign(workshop.prompts(1)), ratings=[5, 2, 6, 5], ranks=[2, 3, 1, 2])
    with workshop.database.reading() as session:
        task_id = session.scalars(select(Task)).one().id
        order = session.get(Annotation, annotation_id).shown_order
    place = f"{browse.task(task_id)}/correct"
    until = f"until {NOW + timedelta(minutes=60):%Y-%m-%d %H:%M}"
    for page in (browse.get("/label/mine"), browse.get(f"/label/mine/{annotation_id}")):
        assert f'href="{place}"' in page
        assert until in page
    with workshop.database.transaction() as session:
        corrections.begin(session, me, task_id, NOW)
        later = NOW + timedelta(seconds=30)
        activity.keep(session, me, task_id, later, view="view-0002", seconds='{"ranking": 25}')
    workshop.submit(me, task_id, later, verdict_on(order, ratings=[7, 2, 6, 5], ranks=[1, 2, 2, 3]))
    assert ">corrected<" in browse.get("/label/mine")
    page = browse.get(f"/label/mine/{annotation_id}")
    assert re.search(r"Your order</dt><dd[^>]*>A &gt; B = C &gt; D", page)
    assert re.search(r"Before your correction of .*</dt><dd><span class=\"order\">C &gt; A = D &gt; B", page)
    assert "the prompt 10 s, ranking 45 s" in page
    assert "1 min 30 s" in page
    with workshop.database.transaction() as session:
        session.get(Annotation, annotation_id).submitted_at = NOW - timedelta(hours=2)
    assert place not in browse.get("/label/mine") + browse.get(f"/label/mine/{annotation_id}")


def test_nobody_opens_what_somebody_else_has_submitted(browse, workshop, history):
    with workshop.database.reading() as session:
        of = {a.id: a.person_id for a in session.scalars(select(Annotation))}
    *_, mine, _newer = history
    theirs = next(id_ for id_, person in of.items() if person != of[mine])
    browse.get(f"/label/mine/{theirs}", status=404)
    browse.get("/label/mine/999", status=404)
    for role in ("researcher", "admin"):
        browse.as_(role)
        assert "You have not submitted anything yet" in browse.get(f"/label/mine?person={of[mine]}")
        browse.get(f"/label/mine/{mine}", status=404)
        assert len(browse.get("/label/mine.csv").splitlines()) == 1
    browse.as_("engineer")
    for address in ("/label/mine", f"/label/mine/{mine}", "/label/mine.csv"):
        browse.get(address, status=403)


def test_the_file_holds_my_history_and_no_formula(browse, workshop, history):
    with workshop.database.transaction() as session:
        for prompt in session.scalars(select(Prompt)):
            prompt.messages = [{"role": "user", "content": "=HYPERLINK(1)"}]
    rows = list(csv.DictReader(io.StringIO(browse.get("/label/mine.csv"))))
    assert [row["order"] for row in rows] == ["A = B = C = D", "C > A = D > B"]
    assert [row["ratings"] for row in rows] == ["A7 B7 C7 D7", "A5 B2 C6 D5"]
    assert rows[1]["notes"] == "A: my-words"
    assert rows[1]["active_seconds"] == "30.0"
    assert rows[1]["held_seconds"] == "60.0"
    assert {row["prompt"] for row in rows} == {"'=HYPERLINK(1)"}
    assert "secret-" not in str(rows)
    first, *_ = history
    assert len(browse.get(f"/label/mine.csv?campaign={first.id}").splitlines()) == 2


def test_sensitive_prompts_stay_covered_in_the_history(browse, workshop, history):
    with workshop.database.transaction() as session:
        session.scalars(select(Prompt).order_by(Prompt.id)).first().sensitive = True
    *_, mine, _newer = history
    assert browse.get("/label/mine").count("Sensitive, hidden") == 1
    assert '<details class="covered-texts">' in browse.get(f"/label/mine/{mine}")
    browse.post("/account/sensitive-content", {"blur": "never"})
    assert "Sensitive, hidden" not in browse.get("/label/mine")
    assert '<details class="covered-texts">' not in browse.get(f"/label/mine/{mine}")


def test_own_skips_are_listed_and_can_be_taken_back_for_a_while(browse, workshop, me):
    campaign = workshop.campaign(workshop.prompts(2), overlap=2)
    ben = workshop.people(1)[0]
    for person, note in ((me, "my-reason"), (ben, "bens-reason")):
        task_id = workshop.take(person, NOW, campaign.id).assignment.task_id
        with workshop.database.transaction() as session:
            skips.skip(session, person, task_id, datetime.now(UTC), reason="other", note=note)
    page = browse.get("/label/mine")
    assert "my-reason" in page
    assert "bens-reason" not in page
    assert browse.post(f"{browse.task(task_id)}/skip/undo").headers["location"] == browse.task(task_id)
    assert "my-reason" not in browse.get("/label/mine")


def test_long_histories_come_in_pages(browse, workshop, me):
    campaign = workshop.campaign([(prompt, []) for prompt, _ in workshop.prompts(26)], kind="demonstration")
    with workshop.database.transaction() as session:
        tasks = session.scalars(select(Task.id).order_by(Task.id)).all()
        session.add_all(
            Annotation(
                campaign_id=campaign.id,
                task_id=task_id,
                person_id=me.id,
                annotator="labeler-0",
                submitted_at=NOW - timedelta(minutes=30 - place),
            )
            for place, task_id in enumerate(tasks)
        )
    newest = browse.get("/label/mine")
    assert newest.count('class="card entry"') == 25
    oldest = browse.get("/label/mine?page=2")
    assert oldest.count('class="card entry"') == 1
    assert "Question 0?" in oldest
    assert "Question 0?" not in newest
    assert len(browse.get("/label/mine.csv").splitlines()) == 27


def test_my_work_is_a_room_of_its_own_in_the_navigation(browse, me):
    for path, current in (("/label", "/label"), ("/label/mine", "/label/mine")):
        page = browse.get(path)
        assert f'<a href="{current}" aria-current="page">' in page
        assert page.count('aria-current="page"') == 1
    browse.as_("researcher")  # who has many rooms finds it in the menu with their name
    page = browse.get("/campaigns")
    assert page.count('href="/label/mine"') == 1
    assert page.index('href="/label/mine"') > page.index("</nav>")
    browse.as_("engineer")
    assert 'href="/label/mine"' not in browse.get("/dashboard")
