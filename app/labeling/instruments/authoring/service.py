"""Written prompts with their answers: their drafts, storing them, and what of them goes into the pool."""

from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Conflict
from app.labeling.annotations import drafts, reservation
from app.labeling.annotations.reservation import Work, reserved_again
from app.labeling.annotations.rules.drafts import AUTHORED, Edit
from app.labeling.annotations.writing import InPool, Unfinished, demonstrate, source_of, store
from app.labeling.instruments.authoring import rules as authoring
from app.labeling.instruments.authoring.rules import Authored, Item
from app.language import gettext as _
from app.material.prompts import queries as pool
from app.material.prompts.rules import prompt_fingerprint
from app.material.scenarios import service as scenarios
from app.models import Annotation, Campaign, Person, Prompt, Task, WrittenText


def check_length(authored: Authored) -> None:
    """Refuse a prompt and an answer that together are longer than any text may be.

    Raises:
        Unfinished: they are.
    """
    if problem := authoring.too_long(authored):
        raise Unfinished({"instruction" if authored.few_shot else "answer": problem})


def save_authored(
    session: Session, person: Person, task_id: int, now: datetime, authored: Authored, edit: Edit | None = None
) -> Work:
    """Keep a prompt and its answer as far as they are written.

    Raises:
        Invalid: together they are longer than any text may be; what was kept before stays.
    """
    check_length(authored)
    work = reservation.renew(session, person, task_id, now)
    drafts.keep_part(work.draft, now, AUTHORED, edit, authored=authoring.as_json(authored))
    return work


def authored_of(work: Work) -> Authored:
    """What the draft of an authoring task holds; at first the scenario that the task gives."""
    campaign = work.task.campaign
    at_first = {"scenario_id": work.task.scenario_id}
    return authoring.of_json(work.draft.content.get("authored", at_first), campaign.prompt_form or authoring.PLAIN)


def submit_authored(session: Session, person: Person, task_id: int, now: datetime, authored: Authored) -> Annotation:
    """Store a prompt with its answer, or a few-shot set, which is K prompts with their answers.

    Raises:
        Invalid: something is missing or wrong, or the scenario is none of the library; the draft stays.
        Conflict: a prompt stands in the pool already, or as in ``service.submit``; the draft stays.
    """
    work = reserved_again(session, person, task_id, now)
    if problems := authoring.problems(authored):
        raise Unfinished(problems)
    content = authoring.as_json(authoring.tidied(authored))
    if authored.form == authoring.USER_BASED:
        content["scenario"] = _scenario(session, work.task, authored)
    _refuse_known(session, authoring.tidied(authored))
    return store(session, work, person, now, content)


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
    places = [number for number, item in enumerate(items, start=1) if _fingerprint(item) in known]
    if not places:
        return
    if not authored.few_shot:
        raise InPool({"prompt": _("Exactly this prompt is in the pool already. Change it; what you wrote is kept.")})
    raise InPool(
        {
            f"pair-{number}": _("The item that asks this query is in the pool already. Change the query.")
            for number in places
        }
    )


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


def _fingerprint(item: Item) -> str:
    return prompt_fingerprint(messages_of(item))


def publish(session: Session, writing: WrittenText, task: Task) -> None:
    """Make prompts and demonstrations of a text that is accepted.

    Raises:
        Conflict: a prompt of it has come into the pool in the meantime; nothing is stored.
    """
    annotation = writing.annotation
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
        demonstrate(session, annotation, prompt.id, item.answer)
