import csv
import io
import json
import re

import pytest

from app.models import Prompt

ORDERS = {"ann": (1, 2, 3), "bob": (1, 2, 2), "cat": (2, 1, 3), "upside": (3, 2, 1)}


def judged(prompt, orders=ORDERS, **more):
    return [
        {
            "prompt": prompt,
            "candidates": [
                {
                    "text": f"{prompt} {n}",
                    "rank": rank,
                    "flags": ["hallucination"] if n == 2 and who != "upside" else [],
                }
                for n, rank in enumerate(ranks)
            ],
            "annotator": who,
        }
        | more
        for who, ranks in orders.items()
    ]


@pytest.fixture
def crowd(browse):
    """Four people on twenty prompts, one alone on another, all tied on a third."""
    browse.as_("admin")
    rows = [row for n in range(20) for row in judged(f"p{n}")]
    rows += judged("alone", {"ann": (2, 1, 1)}) + judged("tied", {"bob": (1, 1, 1), "cat": (1, 1, 1)})
    bring(browse, "crowd.jsonl", rows)
    return browse


def bring(browse, name, rows):
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    browse.post("/prompts/import", files={"file": (name, lines.encode())})


def words(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def table(browse, address):
    return list(csv.DictReader(io.StringIO(browse.get(address))))


def test_a_researcher_sees_what_all_say_what_each_said_and_what_cannot_be_said(crowd):
    page = words(crowd.as_("researcher").get("/consensus"))
    assert "From 83 rankings of 22 tasks by 4 labelers; two or more people ranked 21 of the tasks." in page
    assert "no order, because everybody tied all answers" in page
    assert "undefined, because no pair of answers was put in an order by both people" in page
    assert "A &gt; B &gt; C crowd:ann" in page
    assert "C &gt; B &gt; A crowd:upside" in page
    assert "one person's word" in page
    assert "undefined, because no two people judged the same" in page


def test_tasks_stand_by_uncertainty_or_disagreement_and_what_is_undefined_last(crowd):
    by_uncertainty = table(crowd, "/consensus/tasks.csv")
    values = [float(row["uncertainty"]) if row["uncertainty"] else -1 for row in by_uncertainty]
    assert values == sorted(values, reverse=True)
    assert (by_uncertainty[-1]["prompt"], by_uncertainty[-1]["consensus"]) == ("tied", "")
    assert by_uncertainty[-1]["undefined"] == "no order, because everybody tied all answers"
    alone = next(row for row in by_uncertainty if row["prompt"] == "alone")
    assert (alone["consensus"], alone["labelers"], alone["disagreement"]) == ("B = C > A", "1", "")
    assert alone["orders"] == "crowd:ann: B = C > A"
    by_disagreement = table(crowd, "/consensus/tasks.csv?sort=disagreement")
    assert {row["prompt"] for row in by_disagreement[-2:]} == {"alone", "tied"}
    # Opposite of those that both ordered, in turn: ann and bob, cat, upside; bob and cat, upside; cat and upside.
    assert float(by_disagreement[0]["disagreement"]) == pytest.approx(
        (0 + 1 + 3 + 1 + 2 + 2) / (2 + 3 + 3 + 2 + 2 + 3), abs=1e-4
    )


def test_labelers_stand_with_reliability_interval_and_counts_least_reliable_first(crowd):
    rows = table(crowd, "/consensus/labelers.csv")
    assert rows[0]["labeler"] == "crowd:upside"
    assert float(rows[0]["reliability_high"]) < 0.5
    assert float(rows[-1]["reliability_low"]) > 0.5
    assert all(
        float(row["reliability_low"]) < float(row["reliability"]) < float(row["reliability_high"]) for row in rows
    )
    ann = next(row for row in rows if row["labeler"] == "crowd:ann")
    assert (ann["rankings"], ann["shared_tasks"], ann["shared_pairs"]) == ("21", "20", "60")
    left_out = table(crowd, "/consensus/labelers.csv?min_reliability=50")
    assert [row["labeler"] for row in left_out if row["left_out"]] == ["crowd:upside"]
    page = words(crowd.get("/consensus?min_reliability=50"))
    assert "crowd:upside · left out" in page


def test_a_task_shows_the_answers_from_best_to_worst_with_worths_and_flags(crowd):
    (task, *_) = [row for row in table(crowd, "/consensus/tasks.csv") if row["prompt"] == "p3"]
    page = words(crowd.get(f"/consensus/tasks/{task['task']}"))
    assert page.index("p3 0") < page.index("p3 2")
    assert re.search(r"Answer A rank 1 worth \+\d\.\d\d ± \d\.\d\d", page)
    assert "hallucination" in page
    assert re.search(r"better than ↓ with a chance of \d+ %", page)
    crowd.get("/consensus/tasks/9999", status=404)
    crowd.get(f"/consensus/tasks/{task['task']}?phase=evaluation", status=404)


def test_sensitive_texts_are_covered(crowd, database):
    with database.transaction() as session:
        for prompt in session.query(Prompt):
            prompt.sensitive = True
    assert "Sensitive, hidden" in crowd.get("/consensus")
    task = table(crowd, "/consensus/tasks.csv")[0]["task"]
    assert "Sensitive content: open to read it" in crowd.get(f"/consensus/tasks/{task}")


def test_flags_stand_with_what_each_labeler_sees(crowd):
    page = words(crowd.get("/consensus/flags"))
    assert re.search(r"hallucination 3\d\.\d % 2\d \d+ 66 249 ", page), page
    rows = {row["labeler"]: row for row in table(crowd, "/consensus/flags.csv")}
    assert float(rows["crowd:upside"]["sees"]) < 0.1 < float(rows["crowd:ann"]["sees"])
    assert sum(float(row["expected_with"]) + float(row["expected_without"]) for row in rows.values()) == pytest.approx(
        83 * 3, abs=0.1
    )


def test_phases_and_kinds_are_never_mixed(crowd):
    bring(crowd, "judges.jsonl", judged("judged", phase="evaluation"))
    assert "judges:" not in crowd.get("/consensus")
    page = words(crowd.get("/consensus?phase=evaluation"))
    assert "From 4 rankings of 1 tasks" in page
    assert "crowd:" not in page
    assert "Nobody has ranked anything" in crowd.get("/consensus?kind=toxicity")


def test_what_the_address_asks_wrongly_is_told_above_all_of_it(crowd):
    for asked, told in (
        ("kind=taste", "There are no such labels"),
        ("phase=both", "There are no such labels"),
        ("campaign=x", "whole number"),
        ("method=vote", "not by “vote”"),
        ("tie_below=half", "“half” is not a number of percent"),
        ("tie_below=nan", "a share from 50 to 99 %"),
        ("min_reliability=101", "The least reliability is a share"),
    ):
        page = words(crowd.get(f"/consensus?{asked}", status=422))
        assert told in page, asked
        assert "22 tasks" in page
        crowd.get(f"/consensus/flags?{asked}", status=422)
    crowd.get("/consensus/people.csv", status=404)


def test_nobody_has_ranked_anything(browse):
    browse.as_("engineer")
    assert "Nobody has ranked anything" in browse.get("/consensus")
    assert "No yes-or-no question" in browse.get("/consensus/flags")
    assert [table(browse, f"/consensus/{name}.csv") for name in ("tasks", "labelers", "flags")] == [[], [], []]


def test_one_person_alone_is_said_to_be_alone(browse):
    browse.as_("admin")
    bring(browse, "one.jsonl", judged("alone", {"ann": (1, 2, 3)}))
    page = words(browse.get("/consensus"))
    assert "No two people ranked the same answers" in page
    assert "undefined, because nobody else ranked any of the same tasks" in page


def test_labelers_see_none_of_it(crowd):
    crowd.as_("labeler")
    for address in ("", "/tasks/1", "/flags", "/tasks.csv", "/labelers.csv", "/flags.csv"):
        crowd.get(f"/consensus{address}", status=403)


def test_the_way_to_freezing_takes_what_the_page_is_about(crowd):
    page = crowd.get("/consensus?min_reliability=50&method=davidson&tie_below=70")
    (address,) = re.findall(r'href="(/snapshots\?[^"]+)"', page)
    form = crowd.get(address.replace("&amp;", "&"))
    assert 'name="min_reliability" value="50.0"' in form
    assert 'name="tie_below" value="70.0"' in form
    assert '<option value="davidson" selected>' in form
    assert "The rankings become 22 consensus orders." in words(form)
    assert "/snapshots?" not in crowd.as_("researcher").get("/consensus")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_rankings_without_a_name_count_but_nobody_is_told_about(browse):
    browse.as_("admin")
    pair = {"prompt": "Name a colour.", "chosen": "red", "rejected": "blue"}
    bring(browse, "votes.jsonl", [pair, pair, pair | {"annotator": "ann"}])
    page = browse.get("/consensus")
    assert "2 of the rankings have no annotator" in page
    assert page.count("unnamed</span>") == 2
    assert [row["labeler"] for row in table(browse, "/consensus/labelers.csv")] == ["votes:ann"]
    (task,) = table(browse, "/consensus/tasks.csv")
    assert (task["labelers"], task["rankings"]) == ("3", "3")
    assert "judgements without an annotator" in browse.get("/prompts/imports/1")
