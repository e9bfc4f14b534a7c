"""What the pages of guidelines show, read from the database; other rooms put some of it on pages of their own."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.language import SOURCE, said, spoken
from app.material.candidates.rules import candidate_letter
from app.material.guidelines import queries, questions, rules, service
from app.material.guidelines.pages import (
    Announced,
    AnswerSeen,
    Change,
    ConfirmPage,
    Desk,
    Guide,
    GuidelinePage,
    GuidelineRow,
    MyQuestion,
    MyQuestionsFragment,
    Post,
    QuestionPage,
    change_of,
    in_their_language,
)
from app.models import Announcement, Campaign, Guideline, GuidelineVersion, Person, Question

QUESTIONS_SHOWN = 30


def _mine(question: Question) -> MyQuestion:
    return MyQuestion(
        id=question.id,
        task_id=question.task_id,
        posts=[Post(post.is_answer, post.text, post.posted_at) for post in question.posts],
        waiting=question.waiting_since is not None,
        unread=questions.is_unread(question),
    )


def _announced(announcement: Announcement) -> Announced:
    return Announced(announcement.id, announcement.question, announcement.answer, announcement.made_at)


def my_questions(session: Session, person: Person, campaign_id: int) -> MyQuestionsFragment:
    own = queries.own_questions(session, person.id, QUESTIONS_SHOWN, campaign_id)
    return MyQuestionsFragment([_mine(question) for question in own])


def guide_of(session: Session, person: Person, campaign: Campaign, task_id: int) -> Guide:
    version = service.version_of(session, campaign)
    parts: dict[str, Any] = {}
    if version:
        parts = {
            "name": said(version.guideline.name),
            "number": version.number,
            "article": (text := in_their_language(version)).article,
            "language": text.tag,
            "published_at": version.published_at,
            "unconfirmed": queries.confirmation(session, person.id, version.id) is None,
        }
    return Guide(
        campaign_id=campaign.id,
        task_id=task_id,
        phase=campaign.phase,
        instrument=rules.instrument_of(campaign.kind),
        announced=[_announced(each) for each in queries.announcements_in(session, campaign.id)],
        questions=my_questions(session, person, campaign.id).questions,
        **parts,
    )


def desk_of(session: Session, person: Person, called: Callable[[Campaign], str]) -> Desk:
    """What a work page shows; ``called`` gives a campaign's name for labelers."""
    own = queries.own_questions(session, person.id, QUESTIONS_SHOWN)
    return Desk(
        announced=[(_announced(each), called(campaign)) for each, campaign in queries.undismissed(session, person.id)],
        questions=[(_mine(each), called(service.campaign_for(session, each.campaign_id))) for each in own],
    )


def confirm_page(
    session: Session, person: Person, campaign: Campaign, *, called: str, priority: str, error: str = ""
) -> ConfirmPage | None:
    """The page on which a person confirms a campaign's guideline; nothing while there is none.

    Args:
        session: where it is read.
        person: who reads.
        campaign: whose guideline.
        called: the campaign's name for labelers.
        priority: its rule for criteria that pull apart.
        error: a sentence to show above it.
    """
    version = service.version_of(session, campaign)
    if version is None:
        return None
    confirmation = queries.confirmation(session, person.id, version.id)
    before = None if confirmation else queries.last_confirmed(session, person.id, version.guideline_id)
    newer = [v for v in queries.versions(session, version.guideline_id) if before and v.number > before.number]
    return ConfirmPage(
        campaign_id=campaign.id,
        campaign=called,
        phase=campaign.phase,
        instrument=rules.instrument_of(campaign.kind),
        priority=priority,
        version=version,
        confirmed_at=confirmation.confirmed_at if confirmation else None,
        since=before.number if before else None,
        notes=newer[::-1],
        change=_change_for_reader(before, version) if before else None,
        error=error,
    )


def _change_for_reader(before: GuidelineVersion, version: GuidelineVersion) -> Change | None:
    """What differs in the language that the reader gets; where one of the two lacks it, in the original."""
    locale = spoken() if spoken() in before.translations and spoken() in version.translations else SOURCE
    old, new = (rules.in_language(each.text, each.translations, locale)[0] for each in (before, version))
    return change_of(old, new, locale)


def guideline_rows(session: Session) -> list[GuidelineRow]:
    """Every document with its current version and the campaigns that go by it."""
    current, readers = queries.current_versions(session), queries.reader_counts(session)
    named = queries.named_guidelines(session)
    default = {
        (phase, instrument): queries.default_guideline_id(session, phase, instrument)
        for phase in rules.PHASES
        for instrument in (None, *rules.own_documents())
    }
    campaigns: dict[int | None, list[Campaign]] = {}
    for campaign in queries.campaigns(session):
        of_its_kind = default[campaign.phase, rules.instrument_of(campaign.kind)]
        campaigns.setdefault(named.get(campaign.id, of_its_kind), []).append(campaign)
    return [
        GuidelineRow(
            guideline=guideline,
            version=current[guideline.id],
            campaigns=campaigns.get(guideline.id, []),
            readers=readers.get(current[guideline.id].id, 0),
            is_default=default[guideline.phase, guideline.instrument] == guideline.id,
        )
        for guideline in queries.guidelines(session)
    ]


def guideline_page(session: Session, guideline: Guideline) -> GuidelinePage:
    row = next(row for row in guideline_rows(session) if row.guideline.id == guideline.id)
    here = {campaign.id for campaign in row.campaigns}
    return GuidelinePage(
        row=row,
        versions=queries.versions(session, guideline.id),
        readers=queries.readers(session, row.version.id),
        others=[
            c
            for c in queries.campaigns(session)
            if c.id not in here and (c.phase, rules.instrument_of(c.kind)) == (guideline.phase, guideline.instrument)
        ],
    )


def question_page(
    session: Session, question: Question, given: Mapping[str, str] | None = None, error: str = ""
) -> QuestionPage:
    task = queries.task_with_answers(session, question.task_id) if question.task_id else None
    texts = {answer.candidate_id: answer.candidate.text for answer in task.answers} if task else {}
    order = queries.shown_order(session, question.person_id, task.id) if task else []
    return QuestionPage(
        question=question,
        campaign=service.campaign_for(session, question.campaign_id),
        names=queries.authors(session, question.id),
        messages=task.prompt.messages if task and task.prompt else [],
        answers=[AnswerSeen(candidate_letter(i), texts[c]) for i, c in enumerate(order) if c in texts],
        announcement=queries.announcement_of(session, question.id),
        given=given or {},
        error=error,
    )
