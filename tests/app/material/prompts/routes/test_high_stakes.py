"""The mark "high stakes": from a file or a researcher, and what labelers see of it."""

import pytest
from sqlalchemy import select

from app.models import AuditEvent, Prompt
from tests.app.labeling.annotations.conftest import Workshop
from tests.app.material.prompts.test_routes import upload


def marks(database):
    with database.reading() as session:
        return {prompt.messages[-1]["content"]: prompt.high_stakes for prompt in session.scalars(select(Prompt))}


def test_a_file_may_say_it(browse, database):
    browse.as_("engineer")
    upload(
        browse, [{"prompt": "dose?", "high_stakes": True}, {"prompt": "rhyme?", "high_stakes": "no"}, {"prompt": "?"}]
    )
    assert marks(database) == {"dose?": True, "rhyme?": False, "?": None}
    page = browse.get(upload(browse, [{"prompt": "d", "high_stakes": "perhaps"}, {"prompt": "e"}]).headers["location"])
    assert "<code>high_stakes</code></td><td>“perhaps” is neither true nor false." in page


def test_a_researcher_says_it_and_takes_it_back(browse, database):
    browse.as_("engineer")
    upload(browse, [{"prompt": "dose?"}])
    browse.as_("researcher")
    assert "Nobody has said whether it is; labelers decide by the guideline." in browse.get("/prompts/1")
    browse.post("/prompts/1/high-stakes", {"high_stakes": "yes"})
    assert "⚠ high stakes" in browse.get("/prompts")
    browse.post("/prompts/1/high-stakes", {"high_stakes": "no"})
    assert "⚠ high stakes" not in browse.get("/prompts")
    browse.post("/prompts/1/high-stakes", {"high_stakes": "perhaps"}, 422)
    assert marks(database) == {"dose?": False}
    with database.reading() as session:
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_kind == "prompts")).all()
    assert actions == ["marked prompt high stakes", "marked prompt not high stakes"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("phase", "marked", "boxes"), [("evaluation", True, 2), ("evaluation", None, 3), ("training", True, 0)]
)
def test_the_guide_of_an_evaluation_asks_for_the_three_parts_of_the_exception(
    browse, database, factory, phase, marked, boxes
):
    workshop = Workshop(database, factory)
    workshop.campaign(workshop.prompts(1), phase=phase)
    with database.transaction() as session:
        session.scalars(select(Prompt)).one().high_stakes = marked
    browse.as_("labeler")
    page = browse.get(browse.post("/label/next").headers["location"])
    exception = page.partition('class="exception"')[2].partition("</fieldset>")[0]
    assert exception.count('type="checkbox"') == boxes
    assert ("This prompt is marked high stakes" in exception) == (boxes == 2)
    head = page.partition('class="bench-head"')[2].partition("</header>")[0]
    assert ("⚠ high stakes" in head) == bool(marked)
