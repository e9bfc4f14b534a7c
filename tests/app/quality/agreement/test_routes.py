"""The page says every figure with its n, interval or reason; the address holds the filters; each table is a file."""

import csv
import io
import re
from urllib.parse import parse_qs

import pytest

from app.errors import Invalid
from app.quality.agreement import queries, service
from app.quality.agreement.forms import filters_of, query_of
from app.quality.agreement.rules.filters import Filters
from app.quality.agreement.tables import TABLES
from app.web import reports
from app.web.reports import Reports

PATIENT = 300.0


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However busy the machine, a page of a test holds its report."""
    monkeypatch.setattr(Reports.ask, "__defaults__", (PATIENT,))


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_page_says_the_headline_with_n_interval_convention_and_reference(browse, office):
    browse.as_("researcher")
    page = browse.get("/agreement")
    assert re.search(r'<strong class="large">47\.8\s%</strong> <span class="nowrap">\[33\.3 – 100\.0\]', page)
    assert "of the pairs that both put in an order, the share in the same order" in page
    assert "n = 23 pairs of answers; tasks: 2, prompts: 2, people: 3." in page
    assert "72.6 ± 1.5 %" in page
    assert f"labeler-{office.ann.id} and labeler-{office.ben.id}: 100.0" in page
    assert "undefined, because no two people judged the same" in page
    assert "2026-06" in page
    assert "nan" not in page.lower().replace("finance", "")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_filters_and_convention_stand_in_the_address_and_in_the_links_to_files(browse, office):
    browse.as_("engineer")
    page = browse.get("/agreement?use_case=chat&convention=half_credit")
    assert re.search(r'<strong class="large">33\.3\s%', page)
    assert '<option value="half_credit" selected>' in page
    assert '<option value="chat" selected>' in page
    links = re.findall(r'href="/agreement/([\w-]+)\.csv\?([^"]+)"', page)
    assert {name for name, _query in links} == set(TABLES)
    for _name, query in links:
        assert parse_qs(query.replace("&amp;", "&")) == {"use_case": ["chat"], "convention": ["half_credit"]}
    assert re.search(r'<strong class="large">1\.000|0\.\d{3}', browse.get("/agreement?convention=tau_b"))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_each_table_is_a_file_with_every_count_and_reason(browse, office):
    browse.as_("admin")
    for name in TABLES:
        answer = browse.client.get(f"/agreement/{name}.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert rows_of(answer.text), name
    (pair, *_rest) = rows_of(browse.client.get("/agreement/pairs.csv").text)
    assert (pair["labeler"], pair["other"]) == (f"labeler-{office.ann.id}", f"labeler-{office.ben.id}")
    assert (pair["value"], pair["pairs"], pair["prompts"], pair["interval"]) == ("1.0", "11", "2", "wilson")
    researchers = [
        row for row in rows_of(browse.client.get("/agreement/roles.csv").text) if row["group"] == "researchers"
    ]
    assert {(row["value"], row["note"]) for row in researchers} == {
        ("", "undefined, because no two people judged the same")
    }
    assert "There is no such table" in browse.get("/agreement/secrets.csv", status=404)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_cannot_be_asked_is_told_beside_its_field(browse, office):
    browse.as_("researcher")
    page = browse.get("/agreement?since=May&campaign=77&phase=later", status=422)
    for field in ("since", "campaign", "phase"):
        assert f'id="problem-{field}"' in page
        assert re.search(rf'name="{field}" aria-invalid="true" aria-describedby="problem-{field}"', page)
    assert "“May” is not a day" in page
    assert "lies before the first" in browse.get("/agreement?since=2026-05-04&until=2026-05-03", status=422)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_labelers_see_nothing_of_it(browse, office):
    browse.as_("labeler")
    assert "Agreement" not in browse.get("/label")
    for address in ("/agreement", "/agreement/report", "/agreement/pairs.csv"):
        browse.get(address, status=403)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_empty_installation_says_what_would_fill_the_page(browse):
    browse.as_("admin")
    assert "Nothing that the filters take was judged yet" in browse.get("/agreement")
    assert "undefined, because nothing was judged" in browse.client.get("/agreement/pairs.csv").text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_report_that_takes_long_is_waited_for_by_the_page_not_by_the_server(browse, office, monkeypatch):
    browse.as_("researcher")
    monkeypatch.setattr(Reports.ask, "__defaults__", (0.0,))
    page = browse.get("/agreement?use_case=chat")
    assert 'hx-get="/agreement/report?use_case=chat" hx-trigger="every 1s"' in page
    monkeypatch.setattr(Reports.ask, "__defaults__", (PATIENT,))
    assert 'class="large">33.3' in browse.get("/agreement/report?use_case=chat").replace("\u00a0", " ")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_report_that_fails_says_so_and_is_tried_again(browse, office, monkeypatch):
    browse.as_("researcher")
    with monkeypatch.context() as broken:
        broken.setattr(service, "ranking_report", lambda *_args, **_more: 1 / 0)
        assert "could not be made" in browse.get("/agreement")
    assert 'class="large"' in browse.get("/agreement")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_report_is_kept_until_something_is_judged_or_somebody_moves(database, judged, office, monkeypatch):
    kept = Reports(database, queries.version, service.report, "test")
    first = kept.ask(Filters())
    assert kept.ask(Filters()) is first
    judged.person()
    assert kept.ask(Filters()) is not first
    second = kept.ask(Filters())
    task, answers = judged.task(office.campaign)
    judged.say(task, office.rae, [1, 1, 2, 3], answers=answers)
    third = kept.ask(Filters())
    assert third is not second
    assert third.report.ranked == second.report.ranked + 1
    # One that took long is shown a while longer, or none would ever be ready where people submit all the time.
    monkeypatch.setattr(reports, "SLOW", 0.0)
    judged.say(task, office.ben, [1, 1, 2, 3], answers=answers)
    assert kept.ask(Filters()) is third
    monkeypatch.setattr(reports, "LASTS", -60.0)
    assert kept.ask(Filters()) is not third
    kept.close()


def test_an_address_is_read_and_written_back():
    asked = {
        "campaign": "Round 1",
        "phase": "both",
        "since": "2026-05-04",
        "until": "2026-05-31",
        "group": " held-out ",
    }
    found = filters_of(asked, [(7, "Round 1")])
    assert (found.campaign, found.phase, found.group) == (7, "both", "held-out")
    assert (f"{found.since:%m-%d}", f"{found.before:%m-%d}") == ("05-04", "06-01")
    assert query_of({**asked, "convention": "non_tie"}) == (
        "campaign=Round+1&phase=both&group=held-out&since=2026-05-04&until=2026-05-31"
    )
    assert filters_of({}, []) == Filters()
    with pytest.raises(Invalid) as problem:
        filters_of({"convention": "mine", "until": "9999-12-31"}, [])
    assert set(problem.value.fields) == {"convention", "until"}
