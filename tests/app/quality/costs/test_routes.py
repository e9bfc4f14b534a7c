import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.labeling.annotations.queries import submissions
from app.labeling.instruments.demonstration import service as demonstration
from app.models import Annotation, AuditEvent, Campaign, CostPlan, Person, Task, WrittenText
from tests.app.labeling.annotations.conftest import verdict_on

MAY = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLAN = {"hourly_wage": "36", "currency": "EUR", "budget": "600", "demonstration_percent": "40"}


def submit(workshop, person, campaign, parts, now=MAY, **verdict):
    """A task of the campaign, submitted with the seconds that ``parts`` makes of its answers."""
    task_id = workshop.take(person, now - timedelta(hours=1), campaign.id).assignment.task_id
    with workshop.database.reading() as session:
        order = submissions.draft_for(session, person.id, task_id).shown_order
    annotation = workshop.submit(person, task_id, now, verdict_on(order, **verdict))
    with workshop.database.transaction() as session:
        session.get_one(Annotation, annotation.id).active_seconds = parts(order) if parts else None


def times(prompt, rating, ordering):
    return lambda order: {"prompt": prompt, "ranking": ordering} | {f"answer:{answer}": rating for answer in order}


@pytest.fixture
def work(workshop, database):
    """Ann ranks twice (one tie), Ben once in June without a group; one submission has no time, one is an import."""
    ann, ben = workshop.people(2)
    with database.transaction() as session:
        session.get_one(Person, ann.id).labeler_group = "Training"
    first, second = (
        workshop.campaign(workshop.prompts(3)),
        workshop.campaign(workshop.prompts(2, start=10), name="June"),
    )
    submit(workshop, ann, first, times(10, 5, 30))  # 60 s
    submit(workshop, ann, first, times(20, 10, 60), ranks=[1, 1, 2, 3])  # 120 s, 5 of 6 strict
    submit(workshop, ben, second, times(30, 15, 90), now=MAY + timedelta(days=30))  # 180 s
    submit(workshop, ben, first, None)
    with database.transaction() as session:
        annotation = Annotation(campaign_id=first.id, task_id=session.scalars(select(Task.id)).first(), annotator="x")
        session.add(annotation)
    return first, second


def table(browse, address):
    return list(csv.DictReader(io.StringIO(browse.get(address))))


def test_times_are_those_of_measured_work(browse, work):
    browse.as_("researcher")
    rows = {row["activity"]: row for row in table(browse, "/costs/times.csv")}
    assert set(rows) == {"rating", "ordering", "ranking"}
    found = {name: (int(row["n"]), float(row["median_seconds"])) for name, row in rows.items()}
    assert found == {"rating": (12, 10), "ordering": (3, 60), "ranking": (3, 120)}
    assert rows["ranking"]["lower_quartile"] == "90"
    assert rows["ranking"]["upper_quartile"] == "150"
    assert (rows["ranking"]["labelers"], rows["ranking"]["total_seconds"]) == ("2", "360")
    page = browse.get("/costs")
    assert "3 submissions with measured time." in page
    assert "1 imported, 1 made here" in page


def test_comparisons_an_hour_come_from_strict_pairs_and_from_all(browse, work):
    browse.as_("engineer")
    rows = {row["product"]: row for row in table(browse, "/costs/yields.csv")}
    assert {name: (row["n"], float(row["per_hour"])) for name, row in rows.items()} == {
        "ranking": ("3", 30),
        "strict_pair": ("17", 170),
        "pair": ("18", 180),
    }
    assert rows["pair"]["cost"] == ""


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("query", "rankings"),
    [
        ("kind=ranking", 3),
        ("kind=toxicity", 0),
        ("campaign=1", 2),
        ("answers=4", 3),
        ("answers=5", 0),
        ("group=Training", 2),
        ("group=+", 1),
        ("until=2026-05-04", 2),
        ("since=2026-05-05", 1),
        ("since=2026-06-03&until=2026-06-03", 1),
        ("until=2026-06-02", 2),
        ("since=2026-05-04&group=Training&campaign=1", 2),
    ],
)
def test_filters_stand_in_the_address(browse, work, query, rankings):
    browse.as_("researcher")
    rows = table(browse, f"/costs/yields.csv?{query}")
    assert sum(int(row["n"]) for row in rows if row["product"] == "ranking") == rankings
    page = browse.get(f"/costs?{query}&by=group")
    assert f">{rankings} submission" in page
    kept = set(query.replace(" ", "+").split("&"))
    files = re.findall(r'href="/costs/times.csv\?([^"]*)"', page)
    assert all(kept <= set(each.split("&amp;")) for each in files)
    assert len(files) == (2 if rankings else 0)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("campaign", {"Round 1": 2, "June": 1}),
        ("kind", {"ranking": 3}),
        ("answers", {"4": 3}),
        ("group", {"Training": 2, "": 1}),
        ("month", {"2026-05": 2, "2026-06": 1}),
    ],
)
def test_tables_by_each_dimension(browse, work, by, expected):
    browse.as_("researcher")
    rows = [row for row in table(browse, f"/costs/times.csv?by={by}") if row["activity"] == "ranking"]
    assert {row["slice"]: int(row["n"]) for row in rows} == expected
    words = re.findall(r'scope="rowgroup"[^>]*>([^<]*)<', browse.get(f"/costs?by={by}"))
    assert set(words) == {name or "in no group" for name in expected}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_bank_of_items_produces_no_labels(browse, work, database):
    with database.transaction() as session:
        session.get_one(Campaign, work[0].id).purpose = "bank"
    browse.as_("researcher")
    assert [row["slice"] for row in table(browse, "/costs/yields.csv?by=campaign")] == ["June"] * 3


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_researchers_who_judge_are_no_labelers(browse, work, database, workshop):
    with database.transaction() as session:
        session.scalars(select(Person).where(Person.labeler_group == "Training")).one().role = "researcher"
    browse.as_("engineer")
    rankings = [row for row in table(browse, "/costs/yields.csv") if row["product"] == "ranking"]
    assert [row["n"] for row in rankings] == ["1"]
    assert "1 imported, 1 made here" in browse.get("/costs")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_rejected_text_costs_its_time_in_the_table_too(browse, workshop, database):
    ann = workshop.people(1)[0]
    campaign = workshop.campaign([(p, []) for p, _ in workshop.prompts(2)], kind="demonstration", needs_review=True)
    for _ in range(2):
        task_id = workshop.take(ann, MAY, campaign.id).assignment.task_id
        with database.transaction() as session:
            demonstration.submit_demonstration(
                session, ann, task_id, MAY, f"An answer to {task_id}, long enough to keep."
            )
    with database.transaction() as session:
        for annotation in session.scalars(select(Annotation)):
            annotation.active_seconds = {"writing": 90}
        session.scalars(select(WrittenText).order_by(WrittenText.id)).first().state = "rejected"
    browse.as_("engineer")
    (row,) = table(browse, "/costs/yields.csv")
    assert (row["product"], row["n"], float(row["hours_each"])) == ("demonstration", "1", 0.05)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("query", ["since=yesterday", "campaign=0", "campaign=x", "answers=77"])
def test_a_wrong_filter_is_refused_with_a_sentence(browse, work, query):
    browse.as_("researcher")
    assert re.search(r'class="notice bad" role="alert">[^<]{10}', browse.get(f"/costs?{query}", status=422))
    browse.get(f"/costs/times.csv?{query}", status=422)


def test_the_admin_sets_a_wage_and_the_page_reckons_with_it(browse, work, database):
    browse.as_("researcher")
    assert "No wage has been entered yet" in browse.get("/costs")
    browse.post("/costs/plan", PLAN, status=403)
    browse.as_("admin")
    browse.post("/costs/plan", PLAN)
    browse.post("/costs/plan", PLAN | {"hourly_wage": "72"})
    with database.reading() as session:
        assert [plan.hourly_wage for plan in session.scalars(select(CostPlan).order_by(CostPlan.id))] == [36, 72]
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "set wage")).all()
        assert [event.detail["hourly_wage"] for event in events] == [36, 72]
    costs = {row["product"]: float(row["cost"]) for row in table(browse, "/costs/yields.csv")}
    assert costs == {"ranking": 2.4, "strict_pair": pytest.approx(7.2 / 17, rel=1e-4), "pair": 0.4}
    splits = {row["demonstration_percent"]: row for row in table(browse, "/costs/budget.csv")}
    assert list(splits) == ["0", "25", "40", "50", "75", "100"]
    assert (splits["40"]["rankings"], splits["40"]["demonstrations"]) == ("150", "")
    page = browse.get("/costs")
    assert "Reckoned at 72.00 EUR" in page
    assert "All of 600 EUR buys either" in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_wrong_wage_is_refused_beside_its_field_and_nothing_is_stored(browse, database):
    browse.as_("admin")
    answer = browse.post("/costs/plan", PLAN | {"hourly_wage": "eighteen"}, status=422)
    wrong = 'name="hourly_wage" aria-invalid="true" aria-describedby="problem-hourly_wage" value="eighteen"'
    assert wrong in answer.text
    assert 'value="EUR"' in answer.text
    with database.reading() as session:
        assert session.scalars(select(CostPlan)).all() == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_empty_page_says_what_will_be_there(browse):
    browse.as_("researcher")
    assert "No time has been measured yet" in browse.get("/costs")
    browse.get("/costs/nothing.csv", status=404)
    browse.as_("labeler")
    browse.get("/costs", status=403)
