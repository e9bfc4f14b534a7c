"""A file is a source of its own, and whom it does not name is nobody in particular."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from app.labeling.importing import service
from app.material.prompts import queries
from app.models import Annotation, Campaign, Candidate, Flag, Import, Prompt
from app.quality.agreement import service as agreement
from app.quality.agreement import tables
from app.quality.agreement.rules import label_report as measures
from app.quality.agreement.rules.filters import Filters
from app.quality.consensus import service as consensus
from app.quality.consensus.rules import Scope, Settings
from trainer.statistics.ranking_agreement import HEADLINE

ONE_DATABASE = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def take(database, settings, tmp_path):
    """Import rows as a file of some name."""

    def take(*rows, name="votes.jsonl", kind="detect"):
        path = tmp_path / "upload"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with database.transaction() as session:
            return service.import_file(session, settings, None, path, name, kind=kind)

    return take


@pytest.fixture
def every(database):
    def every(*columns):
        with database.reading() as session:
            return [tuple(row) for row in session.execute(select(*columns).order_by(*columns))]

    return every


@pytest.fixture
def report(database):
    def report(**filters):
        with database.reading() as session:
            return agreement.report(session, Filters(**filters), draws=5)

    return report


@pytest.fixture
def together(database):
    def together(**settings):
        with database.reading() as session:
            return consensus.consensus(session, Scope(), Settings(**settings))

    return together


def pair(better="red", worse="blue", prompt="Name a colour.", **more):
    return {"prompt": prompt, "chosen": better, "rejected": worse, **more}


CROWD = [pair()] * 3 + [pair("blue", "red")]


def test_equal_votes_without_names_are_all_kept_and_are_nobodys_contradiction(take, every, report, together):
    entry = take(*CROWD)
    assert (entry.added["rankings"], entry.repeated, entry.marked) == (4, 0, {"unnamed": 4})
    assert every(Annotation.annotator) == [(None,)] * 4
    found = report()
    between = found.rankings.overall[HEADLINE].micro
    assert (between.value, between.counts.pairs) == (0.5, 6)  # of 6 twos of judges 3 agree
    assert found.rankings.themselves[HEADLINE].micro.counts.pairs == 0
    assert (found.unnamed, found.shared) == (4, 1)
    assert [*tables.labelers(found), *tables.pairs(found)] == []
    said = together()
    (task,) = said.tasks.values()
    assert (task.rankings, task.labelers, task.disagreement) == (4, 4, 0.5)
    assert sorted(task.consensus.ranks) == [1, 2]
    assert all(isinstance(judge, int) for judge in said.labelers)


@ONE_DATABASE
def test_the_same_file_again_is_repeated_whatever_it_is_called(take, every):
    labels = {"prompt": "Is it?", "labels": [{"label": "yes"}, {"label": "yes"}, {"label": "no"}]}
    for rows in (CROWD, [labels] * 2):
        take(*rows)
        before = every(Annotation.id)
        again, renamed = take(*rows), take(*rows, name="other.jsonl")
        assert [(one.repeated, one.added) for one in (again, renamed)] == [(len(rows), {})] * 2
        assert every(Annotation.id) == before
    assert len(before) == 10


@ONE_DATABASE
def test_the_same_row_by_its_id_or_by_its_author_is_repeated_inside_a_file(take):
    entry = take(pair(id="7"), pair(id="7"), pair(annotator="ann"), pair(annotator="ann"), pair(annotator="bob"))
    assert (entry.added["rankings"], entry.repeated, entry.marked) == (3, 2, {"unnamed": 1})


@ONE_DATABASE
def test_votes_of_one_row_without_names_are_so_many_people(take, every):
    votes = [{"choice": choice} for choice in ("a", "a", "b", "tie", "a")]
    row = {"id": "1", "prompt": "p", "response_a": "x", "response_b": "y", "votes": votes}
    entry = take(row, row)
    assert (entry.added["rankings"], entry.repeated, len(every(Annotation.id))) == (5, 1, 5)


def test_labels_without_names_are_so_many_people(take, report, every):
    entry = take({"prompt": "p", "response": "x", "labels": [{"label": "yes"}, {"label": "yes"}, {"label": "no"}]})
    assert (entry.added["labels"], entry.marked) == (3, {"unnamed": 3})
    assert every(Flag.value) == [("no",), ("yes",), ("yes",)]
    (question,) = report().questions
    assert question.report.figures[measures.RAW].counts.pairs == 3


@ONE_DATABASE
def test_people_without_names_count_where_labels_warn_of_a_prompt(take, database):
    take({"prompt": "p", "question": "asks_sexual", "labels": [{"label": "yes"}, {"label": "yes"}, {"label": "no"}]})
    with database.reading() as session:
        prompt = session.scalar(select(Prompt.id))
        assert queries.warnings_of(session, [prompt]) == {prompt: {"asks_sexual": 2}}


@ONE_DATABASE
def test_nobody_in_particular_is_below_no_reliability(take, together):
    rows = [pair(prompt=f"p{n}", annotator=name) for n in range(8) for name in ("ann", "bob", "eve")]
    take(*rows, *(pair("blue", "red", prompt=f"p{n}") for n in range(8)))
    said = together(min_reliability=0.6)
    assert [judge for judge, figures in said.labelers.items() if figures.left_out] == []
    assert {task.rankings for task in said.tasks.values()} == {4}


def test_two_files_of_one_name_are_two_sources(take, every, report):
    """The layout of published data: a folder for each part, and ``train.jsonl`` in each."""
    take(pair(), pair(prompt="q", annotator="w1"), name="harmless/train.jsonl")
    second = take(pair("blue", "red"), pair("blue", "red", prompt="q", annotator="w1"), name="helpful/train.jsonl")
    assert second.source == "train 2"
    assert every(Campaign.name) == [("import: train",), ("import: train 2",)]
    named = {name for (name,) in every(Annotation.annotator) if name}
    assert named == {"train:w1", "train 2:w1"}
    assert {origin for (origin,) in every(Candidate.origin)} == {"import:train", "import:train 2"}
    assert report().rankings.themselves[HEADLINE].micro.counts.pairs == 0


@ONE_DATABASE
def test_files_imported_before_sources_were_kept_are_known_again(take, database, every):
    """An older database holds one judge called ``votes:unnamed`` and each verdict once; the rest of the votes comes."""
    take(CROWD[0], CROWD[-1], name="old.jsonl")
    with database.transaction() as session:
        session.execute(update(Annotation).values(annotator="old:unnamed"))
        session.execute(update(Import).values(source=None))
    again = take(CROWD[0], CROWD[-1], name="renamed.jsonl")
    assert (again.repeated, again.added, again.source) == (2, {}, "old")
    assert every(Annotation.annotator) == [("old:unnamed",)] * 2


@ONE_DATABASE
def test_equal_texts_of_two_makers_are_two_answers_and_two_judgements(take, every):
    def judged(source, rank):
        others = {"text": "no", "rank": 2 if rank == 1 else 1, "source": "reference"}
        return {
            "prompt": "p",
            "annotator": "judge",
            "candidates": [{"text": "yes", "rank": rank, "source": source}, others],
        }

    entry = take(judged("m1", 1), judged("m2", 1), judged("m1", 1))
    assert (entry.added["rankings"], entry.repeated) == (2, 1)
    made = [(text, detail["source"]) for text, detail in every(Candidate.text, Candidate.detail)]
    assert sorted(made) == [("no", "reference"), ("yes", "m1"), ("yes", "m2")]
    assert take(judged("m1", 1), judged("m2", 1), judged("m1", 1), name="again.jsonl").added == {}


@ONE_DATABASE
def test_the_cases_of_who_judged(shared_data, database, settings, every, report):
    cases = shared_data.parents[1] / "cases" / "import"
    if not cases.is_dir():
        pytest.skip(f"there are no cases at {cases}")

    def taken(path):
        with database.transaction() as session:
            return service.import_file(session, settings, None, path, path.name, kind="rankings")

    assert taken(cases / "majority_unnamed.jsonl").added["rankings"] == 4
    assert report().rankings.themselves[HEADLINE].micro.counts.pairs == 0
    for part in ("harmless", "helpful"):
        assert taken(cases / f"same_name_{part}" / "train.jsonl").repeated == 0
    assert len(every(Campaign.id)) == 3
    assert every(func.count(Annotation.id), func.count(Annotation.annotator)) == [(len(every(Annotation.id)), 0)]
    found = report()
    assert found.rankings.themselves[HEADLINE].micro.counts.pairs == 0
    assert [*tables.labelers(found), *tables.pairs(found)] == []


WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def wait_for(later, database):
    """Until it is done or waits for a lock."""
    waits = False
    while not later.done() and not waits:
        with database.reading() as session:  # each time anew: a transaction sees one state of the server
            waits = session.scalar(WAITING) > 0


@pytest.mark.parametrize("engine_name", ["postgresql"])
@pytest.mark.parametrize(
    ("first", "second", "names"),
    [("train.jsonl", "train.jsonl", ["train", "train 2"]), ("train.jsonl", "train 2.jsonl", ["train 2", "train 2 2"])],
)
def test_files_that_come_at_the_same_moment_are_sources_of_their_own(
    database, settings, tmp_path, take, first, second, names
):
    """SQLite lets one transaction write at a time anyway."""
    if second != first:
        take({"prompt": "earlier"}, name=first, kind="prompts")
    (tmp_path / "one").write_text('{"prompt": "one"}')
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            here = service.import_file(session, settings, None, tmp_path / "one", first, kind="prompts").source
            later = pool.submit(take, {"prompt": "two"}, name=second, kind="prompts")
            wait_for(later, database)
        assert [here, later.result().source] == names


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_one_content_that_comes_twice_at_the_same_moment_is_one_source(database, settings, tmp_path, take):
    (tmp_path / "one").write_text('{"prompt": "one"}\n')
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            here = service.import_file(session, settings, None, tmp_path / "one", "a.jsonl", kind="prompts").source
            later = pool.submit(take, {"prompt": "one"}, name="b.jsonl", kind="prompts")
            wait_for(later, database)
        assert (here, later.result().source) == ("a", "a")
