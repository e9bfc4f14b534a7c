"""Making campaigns and their tasks, and changing them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, zip_longest
from typing import Any, Required, TypedDict, Unpack

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.instruments import instrument_of
from app.labeling.campaigns import calibration
from app.labeling.campaigns.queries import counting, finding, making, texts
from app.labeling.campaigns.queries.counting import Progress
from app.labeling.campaigns.queries.making import Whose
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.labeling.campaigns.rules.calibration import Plan
from app.labeling.campaigns.rules.campaigns import DEFAULT_MINUTES
from app.language import gettext as _
from app.language import listed, said
from app.material.prompts.rules import task_fingerprint
from app.material.scenarios import service as scenarios
from app.material.schemas import queries as schema_queries
from app.material.schemas import service as schemas
from app.material.schemas.rules import Schema, schema_of
from app.models import Assignment, Campaign, LabelSchemaVersion, Person, Task, TaskCandidate
from app.people.service import record
from app.roles import may

# What pages read as it is stored.
annotation_counts = counting.annotation_counts
campaigns = finding.campaigns
answer_sources = making.answer_sources
newest_contents = texts.newest_contents
progress = counting.progress
prompt_sources = making.prompt_sources
prompts_to_demonstrate = making.prompts_to_demonstrate
prompts_to_judge = making.prompts_to_judge
recent_annotations = finding.recent_annotations
waiting_for_review = texts.waiting_for_review

TaskSpec = tuple[int, list[int]]
"""A prompt's id and the ids of the answers to judge; no answers for a demonstration."""


class Terms(TypedDict, total=False):
    """What a campaign is, as ``Campaign`` keeps it; what is not given is as usual.

    Where answers are judged here, ``schema_version_id`` says what is asked; the standard schema unless given.
    ``settings`` are those of the instrument.
    """

    name: Required[str]
    kind: str
    phase: str
    purpose: str
    overlap: int
    reserved_minutes: int
    instructions: str
    answers_per_task: int | None
    imported: bool
    schema_version_id: int | None
    needs_review: bool
    prompt_form: str | None
    correction_minutes: int
    settings: Mapping[str, str] | None


def create_campaign(
    session: Session,
    by: Person | None,
    *,
    plan: Plan | None = None,
    pieces: int = 0,
    tasks: Iterable[TaskSpec] = (),
    **terms: Unpack[Terms],
) -> Campaign:
    """Make a campaign with its tasks, open for work at once.

    Where prompts are written here, ``prompt_form`` says in which form, and ``pieces`` how many texts are asked for.
    Of a campaign with the purpose ``bank`` only researchers are offered the assignments. ``plan`` says how labelers are
    calibrated; not at all unless given.

    Raises:
        Invalid: a number is out of bounds, or a task does not fit the campaign.
        Conflict: the name is taken.
    """
    kind, purpose = terms.setdefault("kind", "ranking"), terms.setdefault("purpose", campaign_rules.WORK)
    imported, settings = terms.setdefault("imported", False), terms.pop("settings", None) or {}
    check_campaign(
        session,
        name=terms["name"],
        kind=kind,
        phase=terms.setdefault("phase", "training"),
        overlap=terms.setdefault("overlap", 1),
        reserved_minutes=terms.setdefault("reserved_minutes", 30),
        answers_per_task=None if imported else terms.get("answers_per_task"),
        correction_minutes=terms.setdefault("correction_minutes", DEFAULT_MINUTES),
    )
    problem = campaign_rules.purpose_problem(kind, purpose) or campaign_rules.settings_problem(kind, settings)
    if problem := problem or campaign_rules.prompt_form_problem(kind, terms.get("prompt_form"), pieces):
        raise Invalid(problem)
    campaign = Campaign(
        **{
            **terms,
            "name": terms["name"].strip(),
            "instructions": terms.get("instructions", "").strip(),
            "schema_version_id": None if imported else _asked_by(session, kind, terms.get("schema_version_id")),
            "needs_review": instrument_of(kind).written
            and purpose == campaign_rules.WORK
            and terms.get("needs_review", False),
            "settings": campaign_rules.settings_of(kind, settings),
            "created_by": by.id if by else None,
        }
    )
    session.add(campaign)
    session.flush()
    if plan is not None:
        calibration.set_plan(session, by, campaign, plan, campaign.created_at)
    added = add_tasks(session, campaign, tasks) + _add_blank_tasks(session, campaign, pieces)
    record(session, by, "created campaign", campaign, {"name": campaign.name, "tasks": added})
    return campaign


def _asked_by(session: Session, kind: str, schema_version_id: int | None) -> int | None:
    if not instrument_of(kind).asks_labels:
        return None
    if schema_version_id:
        version = schemas.version_for(session, schema_version_id)
        _check_schema(kind, version)
        return version.id
    return schemas.standard_version(session, fits=_fits(kind)).id


def versions_for(session: Session, kind: str, *, all_of_them: bool = False) -> list[LabelSchemaVersion]:
    """The versions of label schemas that campaigns of a kind can ask: each schema's newest, or all of them."""
    fits = _fits(kind)
    versions = schema_queries.all_versions(session) if all_of_them else schema_queries.newest_versions(session)
    return [version for version in versions if fits(schema_of(version.content))]


def _fits(kind: str) -> Callable[[Schema], bool]:
    """Whether campaigns of a kind can ask a schema."""
    return lambda schema: instrument_of(kind).schema_problem(schema) is None


def _check_schema(kind: str, version: LabelSchemaVersion) -> None:
    if problem := instrument_of(kind).schema_problem(schema_of(version.content)):
        raise Invalid(problem)


def check_campaign(session: Session, *, name: str, **bounds: Any) -> None:
    """Say whether a campaign could be made now, before the work that ends in making it.

    Raises:
        Invalid: one of ``bounds`` (the arguments of ``campaign_problem``) is wrong.
        Conflict: the name is taken.
    """
    if problem := campaign_rules.campaign_problem(name=name, **bounds):
        raise Invalid(problem)
    if finding.campaign_by_name(session, name.strip()):
        raise Conflict(_("There is already a campaign named “%(name)s”. Choose another name.", name=name.strip()))


def add_tasks(session: Session, campaign: Campaign, tasks: Iterable[TaskSpec], *, judged_already: bool = False) -> int:
    """Add tasks that the campaign does not have yet, each with its free assignments; none if they are judged already.

    Returns:
        How many were new; the same prompt with the same answers is the same task.

    Raises:
        Invalid: a ranking task with fewer than four or more than nine answers (unless imported), answers
            that belong to another prompt, or answers for a demonstration.
    """
    known = finding.known_fingerprints(session, campaign.id)
    fresh: list[Task] = []
    for prompt_id, candidate_ids in tasks:
        _check_task(campaign, candidate_ids, judged_already=judged_already)
        fingerprint = task_fingerprint(prompt_id, candidate_ids)
        if fingerprint in known:
            continue
        known.add(fingerprint)
        answers = [TaskCandidate(candidate_id=c, position=i) for i, c in enumerate(candidate_ids)]
        fresh.append(Task(campaign_id=campaign.id, prompt_id=prompt_id, fingerprint=fingerprint, answers=answers))
    _check_prompts(session, fresh)
    return _open_tasks(session, campaign, fresh, judged_already=judged_already)


def _open_tasks(session: Session, campaign: Campaign, fresh: Sequence[Task], *, judged_already: bool = False) -> int:
    """Store new tasks, each with its free assignments, laid out by its plan where the campaign is calibrated."""
    session.add_all(fresh)
    session.flush()
    numbers = range(0 if campaign.imported or judged_already else campaign.overlap)
    session.add_all(
        Assignment(campaign_id=campaign.id, task_id=task.id, number=number) for task in fresh for number in numbers
    )
    session.flush()
    if fresh:
        calibration.lay_out(session, campaign)
    return len(fresh)


def _add_blank_tasks(session: Session, campaign: Campaign, pieces: int) -> int:
    """Tasks without a prompt, which is yet to be written; in a user-based campaign the scenarios take turns.

    Raises:
        Invalid: the library has no scenario to write from.
    """
    if not pieces:
        return 0
    scenario_ids: list[int | None] = [None]
    if campaign.prompt_form == instrument_of(campaign.kind).making.from_scenario:
        scenario_ids = [scenario.id for scenario in scenarios.offers(session)]
        if not scenario_ids:
            raise Invalid(
                _("The library has no scenario yet. Write some first; then prompts can be written from them.")
            )
    fresh = [
        Task(
            campaign_id=campaign.id,
            scenario_id=scenario_ids[number % len(scenario_ids)],
            fingerprint=campaign_rules.fingerprint_of_blank(number),
        )
        for number in range(pieces)
    ]
    return _open_tasks(session, campaign, fresh)


def _check_task(campaign: Campaign, candidate_ids: Sequence[int], *, judged_already: bool) -> None:
    if len(set(candidate_ids)) != len(candidate_ids):
        raise Invalid(_("A task shows each answer once."))
    instrument = instrument_of(campaign.kind)
    if instrument.writes_prompts:
        raise Invalid(_("In an authoring campaign people write the prompt; its tasks have none."))
    if instrument.written and candidate_ids:
        raise Invalid(_("In a demonstration campaign people write the answer; its tasks have none to show."))
    if not (instrument.written or campaign.imported or judged_already):
        problem = campaign_rules.answers_problem(campaign.kind, len(candidate_ids))
        if problem:
            raise Invalid(problem)


def _check_prompts(session: Session, tasks: Sequence[Task]) -> None:
    ids = sorted({answer.candidate_id for task in tasks for answer in task.answers})
    prompt_of: dict[int, int] = {}
    for start in range(0, len(ids), 500):
        prompt_of |= finding.prompts_of_candidates(session, ids[start : start + 500])
    for task in tasks:
        for answer in task.answers:
            if prompt_of.get(answer.candidate_id) != task.prompt_id:
                raise Invalid(
                    _(
                        "Answer %(answer)s does not belong to prompt %(prompt)s.",
                        answer=answer.candidate_id,
                        prompt=task.prompt_id,
                    )
                )


def tasks_from_candidates(
    session: Session,
    *,
    answers_per_task: int,
    limit: int,
    unused_only: bool = True,
    kind: str = "ranking",
    harmful_only: bool = False,
    **whose: Unpack[Whose],
) -> list[TaskSpec]:
    """Tasks from answers that stand ready: for each prompt K different texts, taking turns among the sources.

    Args:
        session: where the answers are read.
        answers_per_task: K; prompts with fewer different answers are left out.
        limit: at most so many tasks, oldest prompts first.
        unused_only: leave out answers that already stand in a task of the same kind of campaign.
        kind: of the campaign that the tasks are for.
        harmful_only: only prompts that somebody labelled as asking for harm, or scored as toxic.
        whose: whose answers, and to which prompts.
    """
    labelled = campaign_rules.harmful_labels() if harmful_only else None
    unused_by = kind if unused_only else None
    rows = making.candidates_of_sources(session, labelled=labelled, unused_by=unused_by, **whose)
    tasks: list[TaskSpec] = []
    for prompt_id, group in groupby(rows, key=lambda row: row[0]):
        seen: set[str] = set()
        by_maker: dict[str, list[int]] = {}
        for _prompt_id, candidate_id, origin, text in group:
            if text not in seen:
                seen.add(text)
                by_maker.setdefault(origin, []).append(candidate_id)
        turns = [c for turn in zip_longest(*by_maker.values()) for c in turn if c is not None]
        if len(turns) >= answers_per_task:
            tasks.append((prompt_id, turns[:answers_per_task]))
        if len(tasks) == limit:
            break
    return tasks


def set_status(session: Session, by: Person, campaign_id: int, status: str) -> Campaign:
    """Open, pause or close a campaign. Whoever has a task may still finish it."""
    campaign = campaign_for(session, campaign_id)
    if status not in campaign_rules.STATUSES:
        statuses = listed(map(_, campaign_rules.STATUSES), "or")
        raise Invalid(_("A campaign is %(statuses)s, not “%(status)s”.", statuses=statuses, status=status))
    campaign.status = status
    record(session, by, f"set campaign {status}", campaign)
    return campaign


def set_review(session: Session, by: Person, campaign_id: int, *, needed: bool) -> Campaign:
    """Let what people write from now on wait for a review, or be used at once. What waits already still waits.

    Raises:
        Invalid: nobody writes in this campaign, or it is a bank.
    """
    campaign = campaign_for(session, campaign_id)
    if not instrument_of(campaign.kind).written or campaign.imported:
        raise Invalid(_("Nobody writes texts in this campaign, so there is nothing to review."))
    if campaign.purpose == campaign_rules.BANK:
        raise Invalid(_("Texts in a bank are tests: researchers rate them in the screening, so there is no review."))
    if campaign.needs_review != needed:
        campaign.needs_review = needed
        record(session, by, "asked for reviews" if needed else "stopped asking for reviews", campaign)
    return campaign


def move_campaign(session: Session, by: Person, campaign_id: int, version_id: int) -> Campaign:
    """Let a campaign ask another version of its label schema, or another schema, from now on.

    What was submitted keeps the version that it was made under. Whoever is at work on a task looks at the new
    questions before they submit; their draft stays.

    Raises:
        Invalid: the campaign asks for no labels, or its instrument needs some that the version does not ask for.
        Conflict: it asks this version already.
    """
    campaign = campaign_for(session, campaign_id)
    if campaign.schema_version is None:
        raise Invalid(_("This campaign asks for no labels, so it has no label schema."))
    before, after = campaign.schema_version, schemas.version_for(session, version_id)
    _check_schema(campaign.kind, after)
    if before.id == after.id:
        name = said(after.label_schema.name)
        raise Conflict(_("The campaign asks %(name)s, version %(number)s already.", name=name, number=after.number))
    campaign.schema_version = after
    detail = {"from": schemas.title_of(before), "to": schemas.title_of(after)}
    record(session, by, "moved campaign to another label schema version", campaign, detail)
    return campaign


def campaign_for(session: Session, campaign_id: int) -> Campaign:
    campaign = finding.campaign_by_id(session, campaign_id)
    if campaign is None:
        raise NotFound(_("There is no such campaign."))
    return campaign


@dataclass(frozen=True)
class Known:
    """A campaign that somebody is offered work of.

    ``counted`` says whether numbers tell what is left: where labelers are measured none do.
    """

    campaign: Campaign
    progress: Progress
    counted: bool


def known_to(session: Session, person: Person, now: datetime) -> list[Known]:
    """The campaigns of which a person is offered work, now or once they open again."""
    progress = counting.progress(session, now)
    measuring = set() if may(person.role, "adjudicate") else counting.measuring(session)
    campaigns = finding.working_campaigns(session, campaign_rules.purposes_open_to(person.role))
    return [Known(c, progress.get(c.id, Progress()), c.id not in measuring) for c in campaigns]
