"""Part 3 through its routes: any weak order is stored as it is, nothing else is, and nothing without being said."""

import re
from itertools import count

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from sqlalchemy import select

from app.labeling.annotations import drafts, reservation
from app.labeling.annotations.rules.submission import Verdict
from app.labeling.campaigns.orders import stored_order
from app.models import Annotation, AuditEvent, Draft, Person
from app.training.snapshots import service as snapshots
from app.training.snapshots.rules import Filters
from tests.app.labeling.annotations.conftest import NOON
from tests.factories import LABELLED
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking, read_rows

ONE_ENGINE = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def rated(browse, workshop):
    """Lets a signed-in labeler take a task of K answers and do its parts 1 and 2; its address and the shown order."""
    browse.as_("labeler")
    number = count()

    def rated(answers=4, ratings=None):
        workshop.campaign(workshop.prompts(1, answers, start=next(number)), name=f"Round {next(number)}")
        browse.get("/label")
        place = browse.post("/label/next").headers["location"]
        task = browse.task_at(place)
        with workshop.database.transaction() as session:
            person = session.scalars(select(Person).where(Person.role == "labeler")).one()
            asked = reservation.work_for(session, person, task).version
            work = drafts.save_prompt_labels(session, person, task, NOON, LABELLED, shown=asked)
            for candidate, likert in zip(work.order, ratings or [4] * answers, strict=True):
                verdict = Verdict(likert)
                drafts.save_answer(session, person, task, candidate, NOON, verdict=verdict, shown=work.version)
        return place, work.order

    return rated


def lanes(order, ranks):
    return {f"rank-{candidate}": rank for candidate, rank in zip(order, ranks, strict=True)}


def drafted(database):
    with database.reading() as session:
        return session.scalars(select(Draft)).one().content


def submitted(database):
    with database.reading() as session:
        return session.scalars(select(Annotation)).all()


def dense(ranks):
    return [sorted(set(ranks)).index(rank) + 1 for rank in ranks]


@ONE_ENGINE
def test_any_weak_order_of_4_to_9_answers_is_the_one_in_the_database_and_in_the_snapshot(
    browse, rated, database, settings
):
    entered = {}

    @trying(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        ranks=st.integers(4, 9).flatmap(lambda k: st.lists(st.integers(1, k), min_size=k, max_size=k)),
        none=st.booleans(),
    )
    def stored_as_entered(ranks, none):
        place, order = rated(len(ranks))
        mark = {"none_acceptable": "yes"} if none else {}
        browse.post(f"{place}/submit", lanes(order, ranks) | mark)
        with database.reading() as session:
            annotation = session.scalars(select(Annotation).order_by(Annotation.id.desc()).limit(1)).one()
            rank_of = {row.candidate_id: row.rank for row in annotation.ranks}
            assert [rank_of[candidate] for candidate in order] == dense(ranks)
            assert annotation.none_acceptable is none
        entered[str(annotation.id)] = (dict(zip(map(str, order), dense(ranks), strict=True)), none)

    stored_as_entered()
    with database.transaction() as session:
        snapshot = snapshots.create_snapshot(session, settings, None, "all", Filters())
    frozen = read_rows(snapshots.folder_of(settings, snapshot) / RANKINGS, Ranking)
    assert entered == {
        row.ranking_id: (
            {answer.candidate_id: rank for answer, rank in zip(row.answers, row.ranks, strict=True)},
            row.none_acceptable,
        )
        for row in frozen
    }


@pytest.mark.parametrize("rank", [0, 5, -1, 2**31 - 1])
def test_a_rank_that_is_no_lane_is_refused_beside_its_field_and_the_rest_is_kept(browse, rated, database, rank):
    place, order = rated()
    browse.post(f"{place}/ranks", lanes(order, [1, 1, 1, 1]) | {"autosave": "1"}, status=204)
    wrong = lanes(order, [2, rank, 1, 3])
    sentence = f"The rank of answer B is 1 (best) to 4, not {rank}."
    assert sentence in browse.post(f"{place}/ranks", wrong, status=422).text
    assert set(drafted(database)["ranks"].values()) == {1}
    page = browse.post(f"{place}/submit", wrong, status=422).text
    beside = re.search(r'<article[^>]*data-letter="B".*?</article>', page, re.DOTALL)[0]
    assert sentence in beside
    assert f'aria-describedby="problem-{order[1]}"' in beside
    assert page.count('class="problem"') == 1
    assert drafted(database)["ranks"] == {str(order[0]): 2, str(order[2]): 1, str(order[3]): 3}
    assert not submitted(database)


def test_a_foreign_answer_and_an_incomplete_order_store_nothing_and_keep_the_draft(browse, rated, database):
    place, order = rated()
    foreign = {f"rank-{max(order) + 999}": 1}
    assert "does not belong to the task" in browse.post(f"{place}/ranks", lanes(order, [1] * 4) | foreign, 404).text
    assert "ranks" not in drafted(database)
    said = browse.post(f"{place}/submit", lanes(order, [2, 1, 1, 1]) | foreign, status=422).text
    assert "does not belong to this task" in said
    assert list(drafted(database)["ranks"].values()) == [2, 1, 1, 1]
    page = browse.post(f"{place}/submit", lanes(order, [3, "", 1, ""]) | {"none_acceptable": "yes"}, status=422).text
    assert re.findall(r"Answer (\w) has no rank yet\.</span>", page) == ["B", "D"]
    assert drafted(database)["ranks"] == {str(order[0]): 3, str(order[2]): 1}
    assert drafted(database)["none_acceptable"] is True
    assert "Rank" in browse.post(f"{place}/submit", lanes(order, ["best", 1, 1, 1]), status=422).text
    assert not submitted(database)


def test_an_order_that_nobody_agreed_to_is_never_in_the_form_and_never_stored(browse, rated, database):
    """Without a script the page proposes nothing: what is sent is what the person chose, and else nothing."""
    place, order = rated(ratings=[5, 2, 6, 5])
    page = browse.get(f"{place}/rank")
    assert 'data-proposal="{' in page  # for the button that asks for it
    assert not re.search(r"<option[^>]*value=\"\d\"[^>]*selected", page)
    browse.post(f"{place}/submit", lanes(order, [""] * 4) | {"none_acceptable": "yes"}, status=422)
    assert (drafted(database)["none_acceptable"], drafted(database)["ranks"]) == (True, {})
    assert not re.search(r"<option[^>]*value=\"\d\"[^>]*selected", browse.get(f"{place}/rank"))
    assert not drafted(database)["ranks"]
    assert not submitted(database)


def test_without_a_script_an_order_against_the_ratings_is_pointed_out_once_and_then_taken(browse, rated, database):
    place, order = rated(ratings=[5, 2, 6, 5])
    assert 'name="compare_with_ratings"' in browse.get(f"{place}/rank")
    against = lanes(order, [1, 4, 2, 3]) | {"compare_with_ratings": "1"}
    page = browse.post(f"{place}/submit", against, status=200).text
    assert "A (5) above C (6)" in page
    assert not submitted(database)
    assert "compare_with_ratings" not in page  # so that the next press submits
    browse.post(f"{place}/submit", lanes(order, [1, 4, 2, 3]))
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert stored_order(annotation) == "A > C > D > B"


def test_an_order_that_agrees_with_the_ratings_is_taken_at_once(browse, rated, database):
    place, order = rated(ratings=[5, 2, 6, 5])
    browse.post(f"{place}/submit", lanes(order, [2, 3, 1, 2]) | {"compare_with_ratings": "1"})
    assert len(submitted(database)) == 1


def test_that_none_is_acceptable_is_kept_with_the_draft_stored_shown_and_in_the_trail(browse, rated, database):
    place, order = rated()
    browse.post(f"{place}/ranks", {"none_acceptable": "yes", "autosave": "1"}, status=204)
    box = r'<input type="checkbox" name="none_acceptable" value="yes"( checked)?'
    assert re.search(box, browse.get(f"{place}/rank"))[1]
    browse.post(f"{place}/ranks", {"autosave": "1"}, status=204)
    assert not re.search(box, browse.get(f"{place}/rank"))[1]
    browse.post(f"{place}/submit", lanes(order, [1, 2, 3, 4]) | {"none_acceptable": "yes"})
    [annotation] = submitted(database)
    assert annotation.none_acceptable is True
    with database.reading() as session:
        said = session.scalars(select(AuditEvent).where(AuditEvent.action == "submitted annotation")).one()
    assert said.detail == {"task": annotation.task_id, "none_acceptable": True}
    browse.as_("researcher")
    assert "none acceptable" in browse.get(f"/campaigns/{annotation.campaign_id}")


def test_the_page_sends_the_version_of_the_questions_and_an_older_one_is_a_conflict(browse, rated, database):
    place, order = rated()
    version = int(re.search(r'name="schema_version" value="(\d+)"', browse.get(f"{place}/rank"))[1])
    older = lanes(order, [1, 2, 3, 4]) | {"schema_version": version + 1}
    said = browse.post(f"{place}/submit", older, status=409).text
    assert "Nothing was submitted yet. The questions of this campaign have changed" in said
    assert list(drafted(database)["ranks"].values()) == [1, 2, 3, 4]
    browse.post(f"{place}/submit", lanes(order, [1, 2, 3, 4]) | {"schema_version": version})
    assert len(submitted(database)) == 1
