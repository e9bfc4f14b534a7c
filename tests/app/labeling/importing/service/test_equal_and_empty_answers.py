"""A model may say what another says, or nothing: judgements about that are judgements, kept, counted and marked."""

import json

import pytest
from sqlalchemy import select

from app.labeling.importing import service
from app.models import Candidate, Ranking
from app.quality.agreement import service as agreement
from app.quality.agreement.rules.filters import Filters as Asked
from app.training.snapshots import exports
from app.training.snapshots import service as snapshots
from app.training.snapshots.rules import Filters

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def take(database, settings, tmp_path):
    def take(*rows, name="verdicts.jsonl", **told):
        path = tmp_path / "upload"
        path.write_text(rows[0] if isinstance(rows[0], str) else "".join(json.dumps(row) + "\n" for row in rows))
        with database.transaction() as session:
            return service.import_file(session, settings, None, path, name, **told)

    return take


@pytest.fixture
def ranked(database):
    """(text, rank) of every ranked answer, oldest first."""

    def ranked():
        query = select(Candidate.text, Ranking.rank).join(Ranking, Ranking.candidate_id == Candidate.id)
        with database.reading() as session:
            return [tuple(row) for row in session.execute(query.order_by(Ranking.annotation_id, Candidate.id))]

    return ranked


def judged(*answers, **more):
    return {"prompt": "p", "candidates": [{"text": text, "rank": rank} for text, rank in answers], **more}


def vote(a, b, choice):
    return {"prompt": "p", "response_a": a, "response_b": b, "votes": [{"choice": choice, "annotator": "ann"}]}


@pytest.mark.parametrize(
    ("row", "expected", "marked"),
    [
        (judged(("a", 1), ("a", 1)), [("a", 1), ("a", 1)], {"identical": 1}),
        (judged(("a", 1), ("a", 2), ("b", 3)), [("a", 1), ("a", 2), ("b", 3)], {"identical": 1}),
        (judged(("a", 1), ("", 2)), [("a", 1), ("", 2)], {"empty": 1}),
        (judged(("", 1), ("", 1)), [("", 1), ("", 1)], {"identical": 1, "empty": 1}),
        (judged((" \n", 2), ("b", 1)), [(" \n", 2), ("b", 1)], {"empty": 1}),
        (vote("a", "a", "tie"), [("a", 1), ("a", 1)], {"identical": 1}),
        (vote("a", "a", "b"), [("a", 2), ("a", 1)], {"identical": 1}),
        (vote("", "a", "b"), [("", 2), ("a", 1)], {"empty": 1}),
        ({"prompt": "p", "chosen": "a", "rejected": "a"}, [("a", 1), ("a", 1)], {"identical": 1}),
        ({"prompt": "p", "chosen": "a", "rejected": "a", "margin": 2}, [("a", 1), ("a", 1)], {"identical": 1}),
        ({"prompt": "p", "chosen": "a", "rejected": ""}, [("a", 1), ("", 2)], {"empty": 1}),
        (
            {"chosen": "\n\nHuman: p\n\nAssistant: a", "rejected": "\n\nHuman: p\n\nAssistant:"},
            [("a", 1), ("", 2)],
            {"empty": 1},
        ),
    ],
)
def test_a_judgement_of_equal_or_empty_answers_is_kept_as_the_file_gives_it(take, ranked, row, expected, marked):
    """What a file can say only of two different texts (chosen, rejected) says of two equal ones that neither is."""
    entry = take(row | {"annotator": "ann"})
    assert (entry.rejected, entry.marked) == (0, marked)
    assert ranked() == expected
    again = take(row | {"annotator": "ann"})
    assert (again.added, again.repeated) == ({}, 1)


def test_an_empty_cell_is_an_empty_answer(take, ranked):
    entry = take("prompt,chosen,rejected,annotator\np,a,,ann\nq,,b,ann\n", name="pairs.csv")
    assert (entry.rejected, entry.marked) == (0, {"empty": 2})
    assert ranked() == [("a", 1), ("", 2), ("", 1), ("b", 2)]


@pytest.mark.parametrize("row", [{"prompt": "p", "response": ""}, {"prompt": " ", "chosen": "a", "rejected": "b"}])
def test_an_empty_demonstration_or_prompt_says_nothing(take, row):
    assert "cannot be empty" in take(row).rejects[0]["reason"]


def test_a_label_may_be_about_an_empty_answer(take):
    entry = take({"prompt": "p", "response": "", "labels": {"ann": "no", "bob": "yes"}})
    assert (entry.added["labels"], entry.marked) == (2, {"empty": 2})


def test_equal_texts_of_one_maker_stay_apart(take, ranked):
    """Also where the source is named as an import of ours was, which the pool does not number by itself."""
    copies = [{"text": "a", "rank": 1, "source": "import:x"}, {"text": "a", "rank": 1, "source": "import:x"}]
    assert take({"prompt": "p", "annotator": "ann", "candidates": copies}).rejected == 0
    assert ranked() == [("a", 1), ("a", 1)]


def test_win_rates_count_equal_answers_as_the_file_does(take, database):
    def row(n, ours, theirs, rank):
        made = [{"text": ours, "rank": rank, "source": "ours"}, {"text": theirs, "rank": 3 - rank, "source": "theirs"}]
        return {"prompt": f"p{n}", "annotator": "judge", "candidates": made}

    tie = row(3, "same", "same", 1)
    tie["candidates"][1]["rank"] = 1
    take(row(0, "a", "b", 1), row(1, "", "b", 2), row(2, "same", "same", 2), tie)
    with database.reading() as session:
        found = agreement.strengths(session, Asked())
    of = dict(zip(found.sources, zip(found.comparisons, found.wins, found.tied, strict=True), strict=True))
    assert of == {"ours": (4, 1, 1), "theirs": (4, 2, 1)}


def test_snapshots_count_them_and_exports_of_pairs_leave_out_what_teaches_nothing(take, database, settings, tmp_path):
    take(judged(("a", 1), ("a", 2), ("", 3), annotator="ann"), judged(("b", 1), ("c", 1), annotator="ann"))
    with database.transaction() as session:
        snapshot = snapshots.create_snapshot(session, settings, None, "all", Filters(heldout_share=0))
        folder = snapshots.folder_of(settings, snapshot)
    counts = snapshot.counts
    assert [counts[name] for name in ("rankings", "strict_pairs", "rankings_identical", "rankings_empty")] == [
        2,
        3,
        1,
        1,
    ]
    for name in ("trl", "openrlhf", "csv"):
        out = tmp_path / name
        out.mkdir()
        report = exports.WRITERS[name](folder, out)
        assert (report.identical, report.empty, report.ties) == (1, 2, 1)
        assert next(rows for rows in report.files.values() if rows) == 2
        assert "1 pairs are of two answers with the same text and were left out" in report.lines()
