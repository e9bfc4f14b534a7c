"""Evidence about who wrote a text, and what people decide about it."""

from collections.abc import Iterable, Iterator

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.integrity import queries
from app.integrity.rules.passages import Passage, passage_of
from app.language import gettext as _
from app.models import Campaign, Detection, WrittenText
from trainer.contract.records import AnswerToScore, Message
from trainer.contract.records import Detection as Detected

SCORES = ("likelihood", "rank", "log_rank", "entropy", "curvature")


# Runs that read texts ----------------------------------------------------------------------------


def campaign_to_read(session: Session, campaign_id: int) -> Campaign:
    """A campaign whose texts a run may read.

    Raises:
        Invalid: there is no such campaign, nobody writes in it, or nobody has written yet.
    """
    campaign = queries.campaign_by_id(session, campaign_id)
    if campaign is None:
        raise Invalid(_("That campaign does not exist."))
    if campaign.kind not in queries.WRITING:
        raise Invalid(_("In “%(name)s” people write no texts. Choose a campaign in which they do.", name=campaign.name))
    if not queries.texts_of_campaign(session, campaign_id):
        raise Invalid(_("Nobody has submitted a text in “%(name)s” yet.", name=campaign.name))
    return campaign


def texts_to_read(session: Session, campaign_id: int) -> Iterator[AnswerToScore]:
    """All texts of a campaign as the trainer reads them, named by the id of the written text."""
    for text in queries.texts_of_campaign(session, campaign_id):
        passage = passage_of_text(text)
        messages = [Message.model_validate(dict(message)) for message in passage.messages]
        yield AnswerToScore(answer_id=str(text.id), messages=messages, text=passage.text)


def passage_of_text(text: WrittenText) -> Passage:
    task = text.annotation.task
    return passage_of(text.content, task.prompt.messages if task.prompt else None, task.campaign.prompt_form)


def keep_detections(
    session: Session, *, run_id: int, model_version_id: int, context: str, rows: Iterable[Detected]
) -> int:
    """Store what a run found, instead of what the same model said before; returns how many texts it speaks of."""
    found = {int(row.answer_id): row for row in rows}
    known = queries.known_texts(session, found)
    earlier = queries.detections_by_model(session, model_version_id, known)
    for text_id in sorted(known):
        row = found[text_id]
        kept = earlier.get(text_id) or Detection(written_text_id=text_id, model_version_id=model_version_id)
        kept.run_id, kept.context, kept.tokens, kept.cut = run_id, context, row.tokens, row.cut
        kept.pieces = [[piece.text, piece.rank] for piece in row.pieces]
        for score in SCORES:
            setattr(kept, score, getattr(row, score))
        session.add(kept)
    return len(known)
