from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.language import LOCALES, SOURCE, said, spoken
from app.language import gettext as _
from app.material.candidates.rules import candidate_letter
from app.material.guidelines import queries, questions, rules, service
from app.models import Announcement, Campaign, Guideline, GuidelineVersion, Person, Question
from app.web.markup import render_markdown
from app.web.paging import Paging
from app.web.render import Page

QUESTIONS_SHOWN = 30


@lru_cache(maxsize=64)
def _article(text: str) -> Markup:
    """A guideline as HTML; it stands in every page of a task, so it is rendered once and not for each of them."""
    return render_markdown(text)


@dataclass(frozen=True)
class InLanguage:
    """A guideline in one language, or how it changed there; ``tag`` is the language's (BCP 47)."""

    tag: str
    article: Markup
    passages: Sequence[rules.Passage] = ()

    @property
    def name(self) -> str:
        """What the language calls itself."""
        return LOCALES.get(self.tag, self.tag)


def _for_reader(version: GuidelineVersion) -> InLanguage:
    text, tag = rules.in_language(version.text, version.translations, spoken())
    return InLanguage(tag, _article(text))


def _in_all(text: str, translations: Mapping[str, str], before: GuidelineVersion | None = None) -> list[InLanguage]:
    """A text in every language that it has, each with what differs from a version before, where it was there too."""
    old = {SOURCE: before.text, **before.translations} if before else {}
    return [
        InLanguage(tag, _article(words), rules.difference(old[tag], words) if tag in old else ())
        for tag, words in {SOURCE: text, **translations}.items()
    ]


# What labelers see -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Post:
    """One message of a thread as its asker may see it: theirs or an answer, without a name."""

    is_answer: bool
    text: str
    posted_at: datetime


@dataclass(frozen=True)
class MyQuestion:
    id: int
    task_id: int | None
    posts: Sequence[Post]
    waiting: bool
    unread: bool


@dataclass(frozen=True)
class Announced:
    """A question and its answer for everybody; it does not hold who asked, so nobody can be shown."""

    id: int
    question: str
    answer: str
    made_at: datetime


@dataclass(frozen=True)
class Guide:
    """The guide panel of a task: what its campaign goes by, what was announced, what this person asked.

    ``unconfirmed`` says that the person has not confirmed the version shown. Without a document there is no
    ``number``, and the panel holds the priority and the campaign's own instructions only.
    """

    campaign_id: int
    task_id: int
    phase: str
    instrument: str | None = None
    name: str = ""
    number: int | None = None
    article: Markup | str = ""
    language: str = SOURCE
    published_at: datetime | None = None
    unconfirmed: bool = False
    announced: Sequence[Announced] = ()
    questions: Sequence[MyQuestion] = ()
    longest: int = rules.LONGEST_POST
    high_stakes: Sequence[str] = rules.HIGH_STAKES
    may_ask: bool = True

    @property
    def unread(self) -> int:
        return sum(question.unread for question in self.questions)

    def for_a_test(self) -> "Guide":
        """The document alone: who is tested hears no answers to others, asks nothing and confirms nothing."""
        return replace(self, unconfirmed=False, announced=(), questions=(), may_ask=False)


@dataclass(frozen=True)
class Desk:
    """What a person's work page shows of all this: announcements with their campaign, and their own questions."""

    announced: Sequence[tuple[Announced, str]]
    questions: Sequence[tuple[MyQuestion, str]]
    longest: int = rules.LONGEST_POST

    @property
    def unread(self) -> int:
        return sum(question.unread for question, _ in self.questions)


@dataclass(frozen=True)
class MyQuestionsFragment(Page):
    """A person's questions of one campaign, as the guide panel lists them."""

    template: ClassVar[str] = "material/guidelines/_my_questions.html"
    longest: ClassVar[int] = rules.LONGEST_POST
    questions: Sequence[MyQuestion]


@dataclass(frozen=True)
class ConfirmPage(Page):
    """The guideline of a campaign, to be read and confirmed; ``since`` is the version confirmed before."""

    template: ClassVar[str] = "material/guidelines/confirm.html"
    campaign_id: int
    campaign: str
    phase: str
    instrument: str | None
    priority: str
    version: GuidelineVersion
    confirmed_at: datetime | None
    since: int | None
    notes: Sequence[GuidelineVersion]
    passages: Sequence[rules.Passage]
    error: str = ""
    high_stakes: Sequence[str] = rules.HIGH_STAKES

    @property
    def name(self) -> str:
        return said(self.version.guideline.name)

    @property
    def text(self) -> InLanguage:
        return _for_reader(self.version)


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
            "article": (text := _for_reader(version)).article,
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
        passages=_changes_for_reader(before, version) if before else [],
        error=error,
    )


def _changes_for_reader(before: GuidelineVersion, version: GuidelineVersion) -> list[rules.Passage]:
    """What differs in the language that the reader gets; where one of the two lacks it, in the original."""
    locale = spoken() if spoken() in before.translations and spoken() in version.translations else SOURCE
    old, new = (rules.in_language(each.text, each.translations, locale)[0] for each in (before, version))
    return rules.difference(old, new)


# What researchers see ----------------------------------------------------------------------------


@dataclass(frozen=True)
class GuidelineRow:
    guideline: Guideline
    version: GuidelineVersion
    campaigns: Sequence[Campaign]
    readers: int
    is_default: bool


@dataclass(frozen=True)
class GuidelinesPage(Page):
    template: ClassVar[str] = "material/guidelines/list.html"
    rows: Sequence[GuidelineRow]
    waiting: int


@dataclass(frozen=True)
class GuidelinePage(Page):
    template: ClassVar[str] = "material/guidelines/show.html"
    row: GuidelineRow
    versions: Sequence[GuidelineVersion]
    readers: Sequence[tuple[Person, datetime]]
    others: Sequence[Campaign]

    @property
    def texts(self) -> Sequence[InLanguage]:
        return _in_all(self.row.version.text, self.row.version.translations)


@dataclass(frozen=True)
class VersionPage(Page):
    template: ClassVar[str] = "material/guidelines/version.html"
    version: GuidelineVersion
    current: int
    before: GuidelineVersion | None

    @property
    def texts(self) -> Sequence[InLanguage]:
        return _in_all(self.version.text, self.version.translations, self.before)


@dataclass(frozen=True)
class WritePage(Page):
    """The form of a new document (``current`` is empty) or of a new version, with what it would look like."""

    template: ClassVar[str] = "material/guidelines/write.html"
    phases: ClassVar[Sequence[str]] = rules.PHASES
    instruments: ClassVar[Sequence[str]] = rules.INSTRUMENTS
    longest: ClassVar[int] = rules.LONGEST_TEXT
    longest_name: ClassVar[int] = rules.LONGEST_NAME
    longest_changes: ClassVar[int] = rules.LONGEST_CHANGES
    current: GuidelineVersion | None
    text: str
    translations: Mapping[str, str] = field(default_factory=dict)
    changes: str = ""
    based_on: str = ""
    """The version its author began with, as the form brought it; a new form begins with the current one."""
    name: str = ""
    phase: str = "training"
    instrument: str = ""
    preview: bool = False
    error: str = ""

    @property
    def further(self) -> Sequence[tuple[str, str, str]]:
        """(tag, name, text) of each language beside the original."""
        return [(tag, name, self.translations.get(tag, "")) for tag, name in LOCALES.items() if tag != SOURCE]

    @property
    def texts(self) -> Sequence[InLanguage]:
        """What was typed, as it would look, beside how it differs from the current version."""
        kept = {tag: text[: rules.LONGEST_TEXT] for tag, text in rules.tidy_translations(self.translations).items()}
        return _in_all(rules.tidy(self.text)[: rules.LONGEST_TEXT], kept, self.current)


@dataclass(frozen=True)
class QuestionRow:
    question: Question
    campaign: Campaign
    asker: str


@dataclass(frozen=True)
class QuestionsPage(Page):
    template: ClassVar[str] = "material/guidelines/questions.html"
    rows: Sequence[QuestionRow]
    show_all: bool
    waiting: int
    paging: Paging


@dataclass(frozen=True)
class AnswerSeen:
    """An answer of the task, under the letter that the asker sees."""

    letter: str
    text: str


@dataclass(frozen=True)
class QuestionPage(Page):
    template: ClassVar[str] = "material/guidelines/question.html"
    longest: ClassVar[int] = rules.LONGEST_POST
    question: Question
    campaign: Campaign
    names: Mapping[int, str]
    messages: Sequence[Mapping[str, Any]]
    answers: Sequence[AnswerSeen]
    announcement: Announcement | None
    given: Mapping[str, str]
    error: str = ""

    @property
    def asker(self) -> str:
        return self.names.get(self.question.person_id) or _("somebody")

    @property
    def waiting(self) -> bool:
        return self.question.waiting_since is not None

    def last(self, *, answer: bool) -> str:
        """The latest text of the asker, or of the researchers."""
        return next((post.text for post in reversed(self.question.posts) if post.is_answer is answer), "")


def guideline_rows(session: Session) -> list[GuidelineRow]:
    """Every document with its current version and the campaigns that go by it."""
    current, readers = queries.current_versions(session), queries.reader_counts(session)
    named = queries.named_guidelines(session)
    default = {
        (phase, instrument): queries.default_guideline_id(session, phase, instrument)
        for phase in rules.PHASES
        for instrument in (None, *rules.INSTRUMENTS)
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
