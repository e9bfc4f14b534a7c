from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from app.labeling.annotations.rules import activity, content_warning
from app.labeling.annotations.writing import preview_of_written
from app.labeling.annotations.writing_pages import WritingPreview
from app.labeling.campaigns.orders import stored_order
from app.labeling.campaigns.rules import skips
from app.labeling.campaigns.rules.campaigns import name_for_labelers
from app.labeling.my_work import rules
from app.labeling.reviews.rules import STATES
from app.language import gettext as _
from app.material.candidates.rules import candidate_letter
from app.material.guidelines.pages import Desk
from app.material.schemas.rules import ANSWER, NO, PROMPT, Schema, for_reader, schema_of
from app.models import Annotation, AnnotationVersion, Campaign, LabelSchemaVersion, Person, Skip, Task, WrittenText
from app.web.paging import Paging
from app.web.render import Page
from trainer.statistics.weak_orders import weak_order


def called(campaign: Campaign) -> str:
    """A campaign's name as its labelers know it; an evaluation's own may tell which models it compares."""
    return name_for_labelers(campaign.id, campaign.name, campaign.phase)


@dataclass(frozen=True)
class Excerpt:
    """A prompt's last message for a table; ``hidden`` where its reader wants such texts uncovered one by one."""

    text: str
    hidden: bool


def excerpt_of(task: Task, reader: Person, text: WrittenText | None = None) -> Excerpt:
    """The prompt of a task; where it was to be written, what was written, or else from what."""
    if task.prompt is not None:
        hidden = content_warning.opens_hidden(blur=reader.blur, sensitive=task.prompt.sensitive, revealed=False)
        return Excerpt(task.prompt.messages[-1]["content"], hidden)
    written = (text.content.get("prompt") or text.content.get("instruction")) if text else None
    return Excerpt(written or (task.scenario.title if task.scenario else _("a prompt to be written")), hidden=False)


@dataclass(frozen=True)
class Progress:
    """Own work in one campaign, or in all of them: today, this week, ever."""

    name: str
    today: rules.Sum
    week: rules.Sum
    ever: rules.Sum


def progress_of(name: str, pieces: Sequence[rules.Piece], now: datetime) -> Progress:
    today, week = rules.since(pieces, rules.midnight(now)), rules.since(pieces, rules.monday(now))
    return Progress(name, today, week, rules.total(pieces))


@dataclass(frozen=True)
class Entry:
    """One own submission in a line: it names no source, and nothing that somebody else has said."""

    id: int
    submitted_at: datetime
    campaign: str
    kind: str
    prompt: Excerpt
    order: str
    none_acceptable: bool
    ratings: Sequence[tuple[str, int]]
    notes: Sequence[tuple[str, str]]
    active: float | None
    seconds: float | None
    review: "Review | None"
    corrected_at: datetime | None
    correct_task: int | None = None
    """The task as which it can be corrected, until ``correct_until``; nothing where it cannot."""
    correct_until: datetime | None = None


@dataclass(frozen=True)
class Review:
    """What became of a text that was written: its state, in a word for people, and the reviewer's reason."""

    state: str
    word: str
    reason: str


def entry_of(
    annotation: Annotation,
    campaign: Campaign,
    reader: Person,
    texts: Sequence[WrittenText] = (),
    correct_until: datetime | None = None,
) -> Entry:
    """``texts`` are the versions of what was written, oldest first; ``correct_until`` where there is still time."""
    newest = texts[-1] if texts else None
    letters = letters_of(annotation)
    rated = sorted((letters[r.candidate_id], r) for r in annotation.ratings if r.candidate_id in letters)
    return Entry(
        id=annotation.id,
        submitted_at=annotation.submitted_at,
        campaign=called(campaign),
        kind=campaign.kind,
        prompt=excerpt_of(annotation.task, reader, newest),
        order=stored_order(annotation),
        none_acceptable=bool(annotation.none_acceptable),
        ratings=[(letter, rating.likert) for letter, rating in rated],
        notes=[(letter, rating.note) for letter, rating in rated if rating.note],
        active=rules.active_total(annotation.active_seconds),
        seconds=annotation.seconds,
        review=review_of(newest) if newest else None,
        corrected_at=annotation.corrected_at,
        correct_task=annotation.task_id if correct_until else None,
        correct_until=correct_until,
    )


def review_of(text: WrittenText) -> Review:
    return Review(text.state, STATES[text.state], text.reason)


def letters_of(annotation: Annotation) -> dict[int, str]:
    """The letter under which the person saw each answer."""
    order = annotation.shown_order or sorted(row.candidate_id for row in annotation.ranks)
    return {candidate: candidate_letter(position) for position, candidate in enumerate(order)}


@dataclass(frozen=True)
class OwnSkip:
    """A skip of one's own; ``undo_task`` is its task while it can still be taken back."""

    skipped_at: datetime
    campaign: str
    prompt: Excerpt
    reason: str
    note: str
    undo_task: int | None


def skip_of(row: Skip, reader: Person, now: datetime) -> OwnSkip:
    back = skips.may_be_taken_back(row.skipped_at, now)
    return OwnSkip(
        skipped_at=row.skipped_at,
        campaign=called(row.task.campaign),
        prompt=excerpt_of(row.task, reader),
        reason=skips.REASONS[row.reason],
        note=row.note,
        undo_task=row.task_id if back else None,
    )


@dataclass(frozen=True)
class History:
    """A page of own submissions, and what was asked for."""

    entries: Sequence[Entry]
    paging: Paging
    campaigns: Sequence[tuple[int, str]]
    campaign: str
    since: str
    until: str

    @property
    def filtered(self) -> bool:
        return bool(self.campaign or self.since or self.until)

    @property
    def download(self) -> str:
        """The query by which a file holds what the page is about."""
        filters = {"campaign": self.campaign, "since": self.since, "until": self.until}
        return "?" + urlencode({key: value for key, value in filters.items() if value}) if self.filtered else ""


@dataclass(frozen=True)
class MinePage(Page):
    template: ClassVar[str] = "labeling/my_work/show.html"
    idle_after: ClassVar[int] = activity.IDLE_AFTER_SECONDS
    progress: Progress
    campaigns: Sequence[Progress]
    days: Sequence[rules.Day]
    history: History
    skips: Sequence[OwnSkip]
    skipped: int
    desk: Desk
    talks: int = 0
    error: str = ""

    @property
    def paging(self) -> Paging:
        return self.history.paging


@dataclass(frozen=True)
class Said:
    """An answer to a question of the label schema, in words."""

    text: str
    value: str


@dataclass(frozen=True)
class JudgedAnswer:
    letter: str
    text: str
    rank: int | None
    likert: int | None
    note: str
    said: Sequence[Said]
    active: float | None


@dataclass(frozen=True)
class EntryPage(Page):
    """One own submission with its full texts, to be read again."""

    template: ClassVar[str] = "labeling/my_work/entry.html"
    entry: Entry
    phase: str
    messages: Sequence[Mapping[str, Any]]
    said: Sequence[Said]
    answers: Sequence[JudgedAnswer]
    versions: Sequence["Version"]
    parts: Sequence[tuple[str, float]]
    earlier: Sequence["Earlier"]


@dataclass(frozen=True)
class Earlier:
    """What a submission said before a correction."""

    replaced_at: datetime
    order: str
    ratings: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Version:
    """One version of what was written, as a reader meets it, and what became of it."""

    number: int
    written_at: datetime
    review: Review
    preview: WritingPreview


def entry_page(
    annotation: Annotation,
    reader: Person,
    *,
    labels: LabelSchemaVersion | None,
    texts: Sequence[WrittenText],
    earlier: Sequence[AnnotationVersion],
    correct_until: datetime | None = None,
) -> EntryPage:
    """A submission with the version of its label schema, what was written for it, and what it said earlier."""
    campaign = annotation.task.campaign
    schema = for_reader(schema_of(labels.content)) if labels else Schema((), ())
    parts = annotation.active_seconds or {}
    return EntryPage(
        entry=entry_of(annotation, campaign, reader, texts, correct_until),
        phase=campaign.phase,
        messages=annotation.task.prompt.messages if annotation.task.prompt else [],
        said=_said(annotation, None, schema, PROMPT),
        answers=_answers(annotation, schema, parts),
        versions=[Version(t.number, t.written_at, review_of(t), preview_of_written(t)) for t in reversed(texts)],
        parts=list(_parts(parts)),
        earlier=[_earlier(annotation, version) for version in earlier],
    )


def _earlier(annotation: Annotation, version: AnnotationVersion) -> Earlier:
    letters = letters_of(annotation)
    ranks = {row["candidate_id"]: row["rank"] for row in version.content["ranks"]}
    ratings = {row["candidate_id"]: row["likert"] for row in version.content["ratings"]}
    shown = [candidate for candidate in letters if candidate in ranks]
    return Earlier(
        replaced_at=version.replaced_at,
        order=weak_order({letters[candidate]: ranks[candidate] for candidate in shown}),
        ratings=[(letter, ratings[candidate]) for candidate, letter in letters.items() if candidate in ratings],
    )


def _answers(annotation: Annotation, schema: Schema, parts: Mapping[str, float]) -> list[JudgedAnswer]:
    texts = {answer.candidate_id: answer.candidate.text for answer in annotation.task.answers}
    ranks = {row.candidate_id: row.rank for row in annotation.ranks}
    ratings = {row.candidate_id: row for row in annotation.ratings}
    return [
        JudgedAnswer(
            letter=letter,
            text=texts[candidate],
            rank=ranks.get(candidate),
            likert=ratings[candidate].likert if candidate in ratings else None,
            note=ratings[candidate].note if candidate in ratings else "",
            said=_said(annotation, candidate, schema, ANSWER),
            active=parts.get(f"{activity.ANSWER}{candidate}"),
        )
        for candidate, letter in letters_of(annotation).items()
        if candidate in texts
    ]


def _said(annotation: Annotation, candidate: int | None, schema: Schema, part: str) -> list[Said]:
    """What was said beyond "no", under the questions of the version that was shown, in their order."""
    values = {f.name: f.value for f in annotation.flags if f.candidate_id == candidate and f.value != NO}
    asked = {field.name: field for field in schema.part(part)}
    labels = []
    for name in sorted(values, key=lambda name: list(asked).index(name) if name in asked else len(asked)):
        field, value = asked.get(name), values[name]
        options = {option.value: option.text for option in field.options} if field else {}
        words = {"yes": _("yes"), "na": _("does not apply")} | options
        labels.append(Said(field.text if field else name, words.get(value, value)))
    return labels


def _parts(parts: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """The parts of a task in the order of the work, with the answers as one."""
    names = {
        activity.PROMPT: _("the prompt"),
        activity.ANSWER: _("rating the answers"),
        activity.RANKING: _("ranking"),
        activity.WRITING: _("writing"),
    }
    for key, name in names.items():
        seconds = sum(
            s for part, s in parts.items() if part == key or (key == activity.ANSWER and part.startswith(key))
        )
        if seconds:
            yield name, seconds
