import re

import pytest
from sqlalchemy import select

from app.judgements import reading
from app.judgements.rules import TRAINING, Wanted
from app.models import Annotation, AnnotationVersion, Draft, Ranking
from app.training.snapshots import service as snapshots
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking as RankingRecord
from trainer.contract.records import read_rows

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def at_pair(browse, workshop):
    """A labeler at a task of two answers; ``at_pair(steps)`` says on which bar."""

    def begin(steps="8", tasks=1):
        workshop.campaign(workshop.prompts(tasks, answers=2), kind="pairwise", settings={"steps": steps})
        browse.as_("labeler")
        browse.get("/label")
        place = browse.post("/label/next").headers["location"]
        browse.get(place)
        return place

    return begin


def stored(database):
    """The ranks of the answers, as they were shown, and how much better the better one is."""
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        rows = {row.candidate_id: row.rank for row in session.scalars(select(Ranking))}
        return [rows[candidate] for candidate in annotation.shown_order], annotation.strength


@pytest.mark.parametrize(
    ("steps", "step", "ranks", "strength", "words"),
    [
        ("8", "1", [1, 2], 4.0, "A is much better"),
        ("8", "5", [2, 1], 1.0, "B is slightly better"),
        ("7", "7", [2, 1], 3.0, "B is significantly better"),
        ("7", "4", [1, 1], 0.0, "A and B are about the same"),
    ],
)
def test_a_step_is_stored_as_an_order_of_two_with_its_strength(
    at_pair, browse, database, steps, step, ranks, strength, words
):
    place = at_pair(steps)
    browse.post(f"{place}/submit", {"step": step})
    assert f"Submitted: {words}. Thank you!" in browse.get("/label")
    assert stored(database) == (ranks, strength)


def test_a_chosen_step_is_kept_as_a_draft_and_shown_again(at_pair, browse):
    place = at_pair()
    browse.post(f"{place}/preference", {"step": "6", "autosave": "1"}, status=204)
    page = browse.get(place)
    assert re.search(r'value="6" required data-told="B is somewhat better" checked', page)
    assert "Draft saved" in page
    browse.post(f"{place}/preference", {"autosave": "1"}, status=204)  # undone
    assert not re.search(r'name="step"[^>]* checked', browse.get(place))


def test_nothing_chosen_and_a_step_beyond_the_bar_are_refused_and_the_draft_stays(at_pair, browse, database):
    place = at_pair("7")
    browse.post(f"{place}/preference", {"step": "2", "autosave": "1"}, status=204)
    assert "Nothing is chosen yet" in browse.post(f"{place}/submit", {}, status=422).text
    assert "1 to 7, not 8" in browse.post(f"{place}/submit", {"step": "8"}, status=422).text
    assert "asks which of two answers is better" in browse.post(f"{place}/submit", {"text": "x"}, status=422).text
    with database.reading() as session:
        assert session.scalars(select(Annotation)).all() == []
        assert session.scalars(select(Draft)).one().content["strength"] == 2


def test_a_correction_opens_with_the_step_and_keeps_what_was_said_before(at_pair, browse, database):
    place = at_pair()
    browse.post(f"{place}/submit", {"step": "2"})
    browse.post(f"{place}/correct")
    assert re.search(r'value="2" required data-told="A is better" checked', browse.get(place))
    browse.post(f"{place}/submit", {"step": "8"})
    assert stored(database) == ([2, 1], 4.0)
    with database.reading() as session:
        before = session.scalars(select(AnnotationVersion)).one().content
        assert before["strength"] == 3


def test_a_page_that_was_overtaken_in_another_tab_overwrites_nothing(at_pair, browse):
    place = at_pair()
    browse.post(f"{place}/preference", {"step": "3", "revision": "0.first.1", "autosave": "1"}, status=204)
    late = {"step": "6", "revision": "0.second.1", "autosave": "1"}
    browse.post(f"{place}/preference", late, status=409)
    assert re.search(r'value="3" required data-told="A is somewhat better" checked', browse.get(place))


def test_it_is_skipped_as_any_other_task(at_pair, browse, database):
    place = at_pair()
    browse.post(f"{place}/skip", {"reason": "unclear"})
    with database.reading() as session:
        assert session.scalars(select(Annotation)).all() == []
    assert browse.client.get(f"{place}/rank", follow_redirects=False).status_code == 303


def test_its_orders_count_wherever_orders_by_overall_quality_do(at_pair, browse, database, settings):
    place = at_pair()
    browse.post(f"{place}/submit", {"step": "1"})
    with database.transaction() as session:
        assert len(reading.annotations(session, Wanted(TRAINING, criterion="ranking"))) == 1
        assert len(reading.annotations(session, Wanted(TRAINING, criterion="toxicity"))) == 0
        snapshot = snapshots.create_snapshot(session, settings, None, "pairs")
        [row] = read_rows(snapshots.folder_of(settings, snapshot) / RANKINGS, RankingRecord)
    assert (row.instrument, sorted(row.ranks), row.strength) == ("ranking", [1, 2], 4.0)


def test_a_researcher_chooses_the_bar_of_a_new_campaign(browse, workshop):
    workshop.prompts(2, answers=2)
    browse.as_("researcher")
    page = browse.get("/campaigns/new?kind=pairwise")
    assert "8 steps without a middle" in page
    assert "Answers per task" not in page
    form = {"name": "Pairs", "kind": "pairwise", "origin": ["import:secret-origin-0", "import:secret-origin-1"]}
    assert "none of the choices" in browse.post("/campaigns", {**form, "steps": "9"}, status=422).text
    place = browse.post("/campaigns", {**form, "steps": "7"}).headers["location"]
    assert "7 steps with a middle" in browse.get(place)
    assert "of 2 annotations" in browse.get(place)
