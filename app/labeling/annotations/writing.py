"""What people write: answers, and prompts with their answers; each version of it, and when it enters the pool.

Where a campaign needs no review, a text is used as soon as it is submitted. Else it waits, and prompts and
demonstrations come into being when a reviewer accepts it: nothing that nobody has accepted is in the pool.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.labeling.annotations import corrections, drafts, holding, service
from app.labeling.annotations.holding import Work
from app.labeling.annotations.queries import assignments, submissions, texts
from app.labeling.annotations.rules.drafts import AUTHORED, TEXT, Edit, begun_anew
from app.labeling.campaigns.rules import authoring
from app.labeling.campaigns.rules.authoring import Authored, Item, demonstration_problem
from app.labeling.campaigns.rules.campaigns import BANK, is_reviewed
from app.language import gettext as _
from app.material.prompts import queries as pool
from app.material.prompts.rules import prompt_fingerprint
from app.material.scenarios import service as scenarios
from app.models import Annotation, Campaign, Demonstration, Draft, Person, Prompt, Task, WrittenText
from app.people.service import record

WAITING, ACCEPTED, SENT_BACK, REJECTED, WITHDRAWN = "waiting", "accepted", "sent_back", "rejected", "withdrawn"


class Unfinished(Invalid):
    """A text that cannot be submitted yet; ``fields`` has a sentence for each field that is missing or wrong."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()), dict(fields))


class InPool(Conflict):
    """A prompt that was written stands in the pool already; ``fields`` has a sentence for each field."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)
        self.also = {"fields": self.fields}


# Drafts ------------------------------------------------------------------------------------------


def checked(text: str) -> str:
    """An answer that is not too long.

    Raises:
        Unfinished: it is.
    """
    if problem := authoring.length_problem(len(text)):
        raise Unfinished({"answer": problem})
    return text


def check_length(authored: Authored) -> None:
    """Refuse a prompt and an answer that together are longer than any text may be.

    Raises:
        Unfinished: they are.
    """
    if problem := authoring.too_long(authored):
        raise Unfinished({"instruction" if authored.few_shot else "answer": problem})


def save_text(
    session: Session, person: Person, task_id: int, now: datetime, text: str, edit: Edit | None = None
) -> Work:
    """Keep a demonstration as far as it is written.

    Raises:
        Invalid: it is longer than any answer may be; what was kept before stays.
    """
    checked(text)
    work = holding.renew(session, person, task_id, now)
    drafts.keep_part(work.draft, now, TEXT, edit, text=text)
    return work


def save_authored(
    session: Session, person: Person, task_id: int, now: datetime, authored: Authored, edit: Edit | None = None
) -> Work:
    """Keep a prompt and its answer as far as they are written.

    Raises:
        Invalid: together they are longer than any text may be; what was kept before stays.
    """
    check_length(authored)
    work = holding.renew(session, person, task_id, now)
    drafts.keep_part(work.draft, now, AUTHORED, edit, authored=authoring.as_json(authored))
    return work


def authored_of(work: Work) -> Authored:
    """What the draft of an authoring task holds; at first the scenario that the task gives."""
    campaign = work.task.campaign
    given = {"scenario_id": work.task.scenario_id}
    return authoring.of_json(work.draft.content.get("authored", given), campaign.prompt_form or authoring.PLAIN)


# Submitting --------------------------------------------------------------------------------------


def submit_demonstration(session: Session, person: Person, task_id: int, now: datetime, text: str) -> Annotation:
    """Store a written answer. The same words for the same prompt by two people are one demonstration row.

    Raises:
        Invalid: there is no text, or too much.
        Conflict: as in ``service.submit``.
    """
    work = service.to_submit(session, person, task_id, now, "demonstration")
    if problem := demonstration_problem(text):
        raise Unfinished({"answer": problem})
    return _store(session, work, person, now, {"text": authoring.tidy(text)})


def submit_authored(session: Session, person: Person, task_id: int, now: datetime, authored: Authored) -> Annotation:
    """Store a prompt with its answer, or a few-shot set, which is K prompts with their answers.

    Raises:
        Invalid: something is missing or wrong, or the scenario is none of the library; the draft stays.
        Conflict: a prompt stands in the pool already, or as in ``service.submit``; the draft stays.
    """
    work = service.to_submit(session, person, task_id, now, "authoring")
    if problems := authoring.problems(authored):
        raise Unfinished(problems)
    content = authoring.as_json(authoring.tidied(authored))
    if authored.form == authoring.USER_BASED:
        content["scenario"] = _scenario(session, work.task, authored)
    _refuse_known(session, authoring.tidied(authored))
    return _store(session, work, person, now, content)


def _scenario(session: Session, task: Task, authored: Authored) -> dict[str, Any]:
    """The scenario as its author sees it now; one that was retired meanwhile counts where the task gave it."""
    scenario = scenarios.offered(session, authored.scenario_id or 0, also=task.scenario_id)
    if scenario is None:
        raise Unfinished({"scenario": _("This scenario is offered no more. Choose another one; your text is kept.")})
    return {"id": scenario.id, "title": scenario.title, "text": scenario.text}


def _refuse_known(session: Session, authored: Authored) -> None:
    """A prompt that the pool has already would be trained on twice, and its split is that of its first author."""
    items = authoring.items_of(authored)
    known = pool.prompt_ids(session, [_fingerprint(item) for item in items])
    places = [place for place, item in enumerate(items, start=1) if _fingerprint(item) in known]
    if not places:
        return
    if not authored.few_shot:
        raise InPool({"prompt": _("Exactly this prompt is in the pool already. Change it; what you wrote is kept.")})
    raise InPool(
        {
            f"pair-{place}": _("The item that asks this query is in the pool already. Change the query.")
            for place in places
        }
    )


def _store(session: Session, work: Work, person: Person, now: datetime, content: dict[str, Any]) -> Annotation:
    annotation = submissions.annotation_for(session, person.id, work.task.id, lock=True)
    if annotation is None:
        annotation = service.new_annotation(session, work, person, now)
    campaign = work.task.campaign
    reviewed = is_reviewed(campaign.purpose, needs_review=campaign.needs_review)
    add_version(session, annotation, now, content, needs_review=reviewed)
    service.finish(session, work, person, annotation, now)
    return annotation


def add_version(
    session: Session, annotation: Annotation, now: datetime, content: dict[str, Any], *, needs_review: bool
) -> WrittenText:
    """Store the first version of a text, or a newer one of what was sent back or still waits. Earlier ones are kept.

    The annotation is locked by the caller.

    Raises:
        Conflict: a reviewer has decided about the text.
    """
    newest = texts.newest_text(session, annotation.id)
    if newest is not None:
        if newest.state != SENT_BACK and not corrections.may_be_replaced(annotation, newest):
            raise Conflict(_("A reviewer has decided about this text in the meantime, so it was not changed."))
        if corrections.is_unreviewed(newest):
            withdraw(session, annotation)
        if newest.state != SENT_BACK:
            newest.state = "replaced"
    text = WrittenText(
        annotation=annotation,
        number=newest.number + 1 if newest else 1,
        content=content,
        state=WAITING if needs_review else ACCEPTED,
        reason="",
        written_at=now,
    )
    session.add(text)
    session.flush()
    if not needs_review:
        publish(session, text)
    return text


def withdraw(session: Session, annotation: Annotation) -> None:
    """Take answers out of use whose author corrects them, or that were rejected; frozen snapshots keep them."""
    for demonstration in texts.demonstrations_of(session, annotation.id):
        session.delete(demonstration)
    session.flush()


def give_up(session: Session, person: Person, task_id: int, now: datetime, reason: str) -> bool:
    """Withdraw a text that was sent back instead of improving it; the task goes to somebody else.

    Returns:
        False where nothing of this task was sent back to the person.
    """
    writing = texts.returned_text(session, person.id, task_id, lock=True)
    if writing is None:
        return False
    writing.state, writing.decided_at = WITHDRAWN, now
    if draft := submissions.draft_for(session, person.id, task_id, lock=True):
        session.delete(draft)
    free_slot(session, writing.annotation)
    record(session, person, "withdrew text that was sent back", writing, {"reason": reason})
    return True


def hand_back(session: Session, text: WrittenText, now: datetime) -> None:
    """Give a text back to its author: a draft with their words, which their next request for work leads to."""
    annotation = text.annotation
    assert annotation.person_id is not None  # only what was written here waits for a review
    draft = submissions.draft_for(session, annotation.person_id, annotation.task_id, lock=True)
    content = {"text": text.content["text"]} if "text" in text.content else {"authored": text.content}
    content["revisions"] = begun_anew((TEXT, AUTHORED), now)
    if draft is None:
        draft = Draft(task_id=annotation.task_id, person_id=annotation.person_id, shown_order=[], started_at=now)
        session.add(draft)
    draft.content, draft.updated_at = content, now
    session.flush()


def free_slot(session: Session, annotation: Annotation) -> None:
    """Let somebody else write for the task; not its first author, who has an annotation of it."""
    lease = assignments.lease_by_id(session, annotation.lease_id) if annotation.lease_id else None
    annotation.lease_id = None
    if lease is not None:
        lease.person_id = lease.leased_at = lease.expires_at = lease.submitted_at = None
    session.flush()


# The pool ----------------------------------------------------------------------------------------


def publish(session: Session, writing: WrittenText) -> None:
    """Make prompts and demonstrations of a text that is accepted.

    Raises:
        Conflict: a prompt of it has come into the pool in the meantime; nothing is stored.
    """
    annotation = writing.annotation
    task = submissions.task_with_answers(session, annotation.task_id)
    assert task is not None  # annotations refer to their task
    if task.campaign.purpose == BANK:
        return  # it was written to measure its author by, and no model learns it
    if task.prompt_id is not None:
        _demonstrate(session, annotation, task.prompt_id, writing.content["text"])
        return
    authored = authoring.of_json(writing.content, task.campaign.prompt_form or authoring.PLAIN)
    _refuse_known(session, authored)
    try:
        with session.begin_nested():
            prompts = _prompts(task.campaign, annotation, writing, authored)
            session.add_all(prompts)
            session.flush()
    except IntegrityError:
        raise Conflict(_("Somebody else has just brought the same prompt into the pool; nothing was stored.")) from None
    for prompt, item in zip(prompts, authoring.items_of(authored), strict=True):
        _demonstrate(session, annotation, prompt.id, item.answer)


def _prompts(campaign: Campaign, annotation: Annotation, writing: WrittenText, authored: Authored) -> list[Prompt]:
    """One for each item. All carry their author's pseudonym, so that no split tears a set or an author apart."""
    items = authoring.items_of(authored)
    detail = {"origin": "labeler", "form": authored.form, "annotation": annotation.id}
    if scenario := writing.content.get("scenario"):
        detail["scenario"] = scenario
    return [
        Prompt(
            fingerprint=_fingerprint(item),
            messages=messages_of(item),
            use_case=authored.use_case,
            language=authored.language,
            user_key=annotation.annotator,
            source=source_of(campaign),
            detail={**detail, "item": number, "items": len(items)} if authored.few_shot else detail,
        )
        for number, item in enumerate(items, start=1)
    ]


def messages_of(item: Item) -> list[dict[str, str]]:
    return [{"role": "user", "content": item.prompt}]


def source_of(campaign: Campaign) -> str:
    return f"campaign:{campaign.id}"


def _fingerprint(item: Item) -> str:
    return prompt_fingerprint(messages_of(item))


def _demonstrate(session: Session, annotation: Annotation, prompt_id: int, text: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()
    if texts.demonstration_with(session, prompt_id, digest) is None:
        session.add(
            Demonstration(
                prompt_id=prompt_id,
                text=text,
                text_sha256=digest,
                annotation_id=annotation.id,
                author=annotation.annotator,
                source=f"campaign:{annotation.campaign_id}",
            )
        )
        session.flush()
