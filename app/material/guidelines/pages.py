from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

from markupsafe import Markup

from app.instruments import instrument_of
from app.language import LOCALES, SOURCE, said, spoken
from app.language import gettext as _
from app.material.guidelines import rules
from app.models import Announcement, Campaign, Guideline, GuidelineVersion, Person, Question
from app.web.markup import render_markdown
from app.web.paging import Paging
from app.web.render import Page


@lru_cache(maxsize=64)
def _article(text: str) -> Markup:
    """A guideline as HTML; it stands in every page of a task, so it is rendered once and not for each of them."""
    return render_markdown(text)


@dataclass(frozen=True)
class Change:
    """A text before and after; the browser shows what differs (static/js/material/versions.js)."""

    before: str
    after: str
    language: str


@dataclass(frozen=True)
class InLanguage:
    """A guideline in one language, or how it changed there; ``tag`` is the language's (BCP 47)."""

    tag: str
    article: Markup
    change: Change | None = None

    @property
    def name(self) -> str:
        """What the language calls itself."""
        return LOCALES.get(self.tag, self.tag)


def change_of(before: str | None, after: str, language: str) -> Change | None:
    """How a text changed; nothing where it is the same, or was not there before."""
    return None if before is None or before == after else Change(before, after, language)


def in_their_language(version: GuidelineVersion) -> InLanguage:
    text, tag = rules.in_language(version.text, version.translations, spoken())
    return InLanguage(tag, _article(text))


def _in_all(text: str, translations: Mapping[str, str], before: GuidelineVersion | None = None) -> list[InLanguage]:
    """A text in every language that it has, each with what differs from a version before, where it was there too."""
    old = {SOURCE: before.text, **before.translations} if before else {}
    return [
        InLanguage(tag, _article(words), change_of(old.get(tag), words, tag))
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
    def comes_first(self) -> str:
        """What its priority is called, where the phase does not say it; marked for translation."""
        return instrument_of(self.instrument).comes_first if self.instrument else ""

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
    change: Change | None
    error: str = ""
    high_stakes: Sequence[str] = rules.HIGH_STAKES

    @property
    def comes_first(self) -> str:
        """What its priority is called, where the phase does not say it; marked for translation."""
        return instrument_of(self.instrument).comes_first if self.instrument else ""

    @property
    def name(self) -> str:
        return said(self.version.guideline.name)

    @property
    def text(self) -> InLanguage:
        return in_their_language(self.version)


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
    def instruments(self) -> Sequence[str]:
        return rules.own_documents()

    @property
    def further(self) -> Sequence[tuple[str, str, str]]:
        """(tag, name, text) of each language beside the original."""
        return [(tag, name, self.translations.get(tag, "")) for tag, name in LOCALES.items() if tag != SOURCE]

    @property
    def texts(self) -> Sequence[InLanguage]:
        """What was typed, as it would look, beside how it differs from the current version."""
        translations = {
            tag: text[: rules.LONGEST_TEXT] for tag, text in rules.tidy_translations(self.translations).items()
        }
        return _in_all(rules.tidy(self.text)[: rules.LONGEST_TEXT], translations, self.current)


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
