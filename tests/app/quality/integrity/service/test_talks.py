"""An author hears what was asked about a text, and answers once; nobody else's talk is theirs to see."""

import pytest
from sqlalchemy import select

from app.models import AuditEvent, IntegrityDecision, WrittenText
from app.quality.integrity import service
from app.quality.integrity.rules.decisions import NOTHING, TALK, Decision
from tests.app.quality.integrity.conftest import LATER
from tests.browsing import PASSWORD


@pytest.fixture
def asked(desk, factory, browse):
    """Lena has written a text and is asked about it; of Ben's nothing is asked."""
    lena = factory.person("lena@example.org", password=PASSWORD)
    ben = factory.person("ben@example.org", password=PASSWORD)
    ruth = factory.person("ruth@example.org", "researcher", password=PASSWORD)
    prompts = desk.asked("Tell of a fox.", "Tell of a dog.")
    desk.campaign([(prompt, []) for prompt in prompts], name="Stories", kind="demonstration")
    desk.write(lena, "The fox ran.")
    desk.write(ben, "The dog slept.")
    with desk.database.transaction() as session:
        mine, other = session.scalars(select(WrittenText).order_by(WrittenText.id)).all()
        service.decide(session, ruth, mine.id, LATER, Decision(TALK, "How did you **write** this?"))
        service.decide(session, ruth, other.id, LATER, Decision(NOTHING, "Looks like Ben."))
    return browse


def sign_in(browse, email):
    browse.client.cookies.clear()
    browse.get("/sign-in")
    browse.post("/sign-in", {"email": email, "password": PASSWORD})
    browse.get("/account/password")


def test_an_author_reads_the_question_answers_once_and_the_researcher_reads_the_answer(asked, database):
    sign_in(asked, "lena@example.org")
    for page in ("/label", "/label/mine"):
        assert "A researcher wants to talk with you about a text of yours." in asked.get(page)
    page = asked.get("/label/talks")
    assert "How did you <strong>write</strong> this?" in page
    assert "ruth" not in page.lower()
    with database.reading() as session:
        talk = session.scalars(select(IntegrityDecision.id).where(IntegrityDecision.verdict == TALK)).one()
    assert "Write your answer first." in asked.post(f"/label/talks/{talk}", {"reply": "  "}, 422).text
    assert "4,001 characters" in asked.post(f"/label/talks/{talk}", {"reply": "x" * 4001}, 422).text
    asked.post(f"/label/talks/{talk}", {"reply": "In my own notes first."})
    assert "wants to talk" not in asked.get("/label")
    assert "have answered this already" in asked.post(f"/label/talks/{talk}", {"reply": "Again."}, 409).text
    assert "In my own notes first." in asked.get("/label/talks")
    sign_in(asked, "ruth@example.org")
    assert "the author has answered" in asked.get("/integrity")
    assert "In my own notes first." in asked.get("/integrity/1")
    with database.reading() as session:
        assert "answered about text" in session.scalars(select(AuditEvent.action)).all()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_nobody_sees_or_answers_what_others_were_asked_nor_what_was_cleared(asked, database):
    sign_in(asked, "ben@example.org")
    assert "wants to talk" not in asked.get("/label")
    page = asked.get("/label/talks")
    assert "Nobody has asked you about a text." in page
    assert "Looks like Ben" not in page
    with database.reading() as session:
        ids = session.scalars(select(IntegrityDecision.id)).all()
    for decision_id in (*ids, 999):
        asked.post(f"/label/talks/{decision_id}", {"reply": "Me too."}, 404)
    with database.reading() as session:
        assert set(session.scalars(select(IntegrityDecision.reply))) == {""}
