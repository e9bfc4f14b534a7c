"""Stores a simulated workforce as real work lies in the database: people, prompts, answers, campaigns, annotations.

What is few goes through the services; annotations and what belongs to them, tens of thousands of rows, are inserted in
bulk, into the assignments that the services made.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.demo.workforce import Verdict, Workforce, simulate
from app.demo.workforce_people import RESEARCHER, Plan, Worker
from app.demo.workforce_tasks import CAMPAIGNS, Answer, Item
from app.labeling.annotations.rules import labels
from app.labeling.annotations.rules.submission import Submission
from app.labeling.annotations.rules.submission import Verdict as Judged
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.rules.campaigns import pseudonym
from app.material.prompts.rules import prompt_fingerprint, task_fingerprint, text_sha256
from app.material.schemas.rules import ANSWER, Schema, schema_of
from app.models import (
    Annotation,
    Assignment,
    Campaign,
    Candidate,
    Flag,
    LabelSchemaVersion,
    Person,
    Prompt,
    Ranking,
    Rating,
    Task,
)
from app.people import queries as people_queries
from app.people import service as people
from app.quality.gold import service as gold
from trainer.statistics.weak_orders import densify

SOURCE = "simulated workforce"
ORIGIN = "import:simulated-"
_REASON = "Whoever asks wants to learn something: count what an answer tells, and leave out what only sounds well."
_INSTRUCTIONS = "Judge each answer by itself, then put all of them in order. Ties are welcome where two are as good."


def email_of(worker: Worker) -> str:
    """The address of a simulated person; nobody knows their passwords until an admin renews one."""
    role = "researcher" if worker.kind == RESEARCHER else "labeler"
    return f"{role}-{worker.number + 1}@workforce.example"


def store_once(session: Session, plan: Plan, by: Person | None = None) -> bool:
    """Simulate and store, unless it was done before; whether it was done now."""
    workforce = simulate(plan)
    if people_queries.person_by_email(session, email_of(workforce.workers[0])):
        return False
    store(session, workforce, by)
    return True


def store(session: Session, workforce: Workforce, by: Person | None = None) -> None:
    """Put all of it into a database that has no simulated workforce yet."""
    everybody = _people(session, workforce, by)
    items = {task.item.number: task.item for task in workforce.tasks}
    answers = _answers(session, items.values(), workforce.plan.began)
    made, tasks = _campaigns(session, workforce, answers, by)
    session.flush()
    assignments = _assignments(session, workforce, tasks, everybody)
    schemas = [campaign.schema_version for campaign in made]
    _annotations(session, workforce, everybody, answers, tasks, assignments, schemas)
    _gold(session, workforce, everybody, answers, tasks, schemas)


def _people(session: Session, workforce: Workforce, by: Person | None) -> dict[int, Person]:
    people_by_number = {}
    for worker in workforce.workers:
        role = "researcher" if worker.kind == RESEARCHER else "labeler"
        people_by_number[worker.number], _password = people.add_person(
            session, by, email=email_of(worker), name=worker.name, role=role, group=worker.group
        )
        people_by_number[worker.number].created_at = workforce.plan.began
    return people_by_number


Answers = dict[int, tuple[int, list[int]]]
"""Item -> the id of its prompt and those of its answers."""


def _answers(session: Session, items: Iterable[Item], began: datetime) -> Answers:
    items = list(items)
    prompts = [_prompt(item, began) for item in items]
    session.add_all(prompts)
    session.flush()
    candidates = [
        [_candidate(prompt.id, answer, began) for answer in item.answers]
        for item, prompt in zip(items, prompts, strict=True)
    ]
    session.add_all(candidate for of_prompt in candidates for candidate in of_prompt)
    session.flush()
    return {
        item.number: (prompt.id, [candidate.id for candidate in of_prompt])
        for item, prompt, of_prompt in zip(items, prompts, candidates, strict=True)
    }


def _prompt(item: Item, began: datetime) -> Prompt:
    messages = [{"role": "user", "content": item.prompt}]
    return Prompt(
        fingerprint=prompt_fingerprint(messages),
        messages=messages,
        use_case=item.use_case,
        language=item.language,
        user_key=f"simulated-{item.number % 150}",
        source=SOURCE,
        created_at=began,
    )


def _candidate(prompt_id: int, answer: Answer, began: datetime) -> Candidate:
    return Candidate(
        prompt_id=prompt_id,
        text=answer.text,
        text_sha256=text_sha256(answer.text),
        origin=ORIGIN + answer.source,
        created_at=began,
    )


def _campaigns(
    session: Session, workforce: Workforce, answers: Answers, by: Person | None
) -> tuple[list[Campaign], dict[tuple[int, int], int]]:
    """The campaigns, and (campaign, item) -> id of the task."""
    made: list[Campaign] = []
    tasks: dict[tuple[int, int], int] = {}
    for round_, (name, phase) in enumerate(CAMPAIGNS):
        mine = [task.item.number for task in workforce.tasks if task.campaign == round_]
        campaign = campaigns.create_campaign(
            session,
            by,
            name=name,
            phase=phase,
            overlap=workforce.plan.overlap,
            answers_per_task=max((len(answers[number][1]) for number in mine), default=4),
            instructions=_INSTRUCTIONS,
            tasks=[answers[number] for number in mine],
        )
        campaign.created_at = workforce.plan.began
        rows = session.execute(select(Task.fingerprint, Task.id).where(Task.campaign_id == campaign.id))
        ids = dict(iter(rows))
        tasks |= {(round_, number): ids[task_fingerprint(*answers[number])] for number in mine}
        made.append(campaign)
    return made, tasks


def _assignments(
    session: Session, workforce: Workforce, tasks: Mapping[tuple[int, int], int], everybody: Mapping[int, Person]
) -> dict[tuple[int, int], int]:
    """Give each person their assignment of each task, and calibration tasks as many as there are people: -> its id.

    Assignments that nobody finished stay free, as they do in a campaign that is still open.
    """
    ids: dict[tuple[int, int], int] = {
        (task_id, number): assignment_id
        for assignment_id, task_id, number in session.execute(
            select(Assignment.id, Assignment.task_id, Assignment.number)
        )
    }
    campaign_of = _campaign_of(session)
    assignments = [
        (tasks[task.campaign, task.item.number], number, worker)
        for task in workforce.tasks
        for number, worker in enumerate(task.workers)
    ]
    missing = [(task_id, number) for task_id, number, _worker in assignments if (task_id, number) not in ids]
    if missing:
        rows = [{"campaign_id": campaign_of[task], "task_id": task, "number": number} for task, number in missing]
        created = session.execute(
            insert(Assignment).returning(Assignment.id, Assignment.task_id, Assignment.number), rows
        )
        ids |= {(task_id, number): assignment_id for assignment_id, task_id, number in created}
    return {(task_id, everybody[worker.number].id): ids[task_id, number] for task_id, number, worker in assignments}


def _campaign_of(session: Session) -> dict[int, int]:
    return dict(iter(session.execute(select(Task.id, Task.campaign_id))))


def _annotations(
    session: Session,
    workforce: Workforce,
    everybody: Mapping[int, Person],
    answers: Answers,
    tasks: Mapping[tuple[int, int], int],
    assignments: Mapping[tuple[int, int], int],
    versions: Sequence[LabelSchemaVersion | None],
) -> None:
    campaign_of = _campaign_of(session)
    rows, reserved = [], []
    for verdict in workforce.work:
        task_id = tasks[verdict.task.campaign, verdict.task.item.number]
        person = everybody[verdict.worker.number]
        version = versions[verdict.task.campaign]
        assignment_id = assignments[task_id, person.id]
        row = _annotation(verdict, answers[verdict.task.item.number][1])
        rows.append(
            row
            | {
                "campaign_id": campaign_of[task_id],
                "task_id": task_id,
                "assignment_id": assignment_id,
                "person_id": person.id,
                "annotator": pseudonym(person.id),
                "schema_version_id": version.id if version else None,
            }
        )
        reserved.append(_reserved(assignment_id, person.id, row["seconds"], verdict.submitted))
    session.execute(update(Assignment), reserved)
    annotation_ids = session.execute(
        insert(Annotation).returning(Annotation.id, sort_by_parameter_order=True), rows
    ).scalars()
    ratings: list[dict[str, Any]] = []
    ranks: list[dict[str, Any]] = []
    flags: list[dict[str, Any]] = []
    for annotation_id, verdict in zip(annotation_ids, workforce.work, strict=True):
        version = versions[verdict.task.campaign]
        ids = answers[verdict.task.item.number][1]
        for candidate, rating, rank in zip(ids, verdict.ratings, verdict.ranks, strict=True):
            key = {"annotation_id": annotation_id, "candidate_id": candidate}
            ratings.append({**key, "likert": rating, "note": ""})
            ranks.append({**key, "rank": rank})
        if version:
            flags += _flags(annotation_id, verdict, ids, schema_of(version.content))
    for table, columns in ((Rating, ratings), (Ranking, ranks), (Flag, flags)):
        if columns:
            session.execute(insert(table), columns)


def _annotation(verdict: Verdict, ids: Sequence[int]) -> dict[str, Any]:
    by_place = sorted(range(len(ids)), key=lambda position: verdict.shown[position])
    active = {
        (part if isinstance(part, str) else f"answer:{ids[part]}"): seconds for part, seconds in verdict.seconds.items()
    }
    return {
        "shown_order": [ids[position] for position in by_place],
        "none_acceptable": False,
        "seconds": round(1.2 * sum(active.values()), 1),
        "active_seconds": active,
        "submitted_at": verdict.submitted,
    }


def _reserved(assignment_id: int, person_id: int, seconds: float, submitted: datetime) -> dict[str, Any]:
    begun = submitted - timedelta(seconds=seconds)
    return {
        "id": assignment_id,
        "person_id": person_id,
        "reserved_at": begun,
        "reserved_until": begun + timedelta(minutes=30),
        "submitted_at": submitted,
    }


def _flags(annotation_id: int, verdict: Verdict, ids: Sequence[int], schema: Schema) -> list[dict[str, Any]]:
    item = verdict.task.item
    of_prompt = _prompt_labels(item)
    labels_by_answer: list[tuple[int | None, Mapping[str, str]]] = [
        (None, labels.complete_prompt_labels(schema, of_prompt))
    ]
    for candidate, flags in zip(ids, verdict.flags, strict=True):
        labels_by_answer.append(
            (candidate, labels.complete_flags(schema, _answer_flags(item, flags, schema), of_prompt))
        )
    return [
        {"annotation_id": annotation_id, "candidate_id": candidate, "name": name, "value": value}
        for candidate, values in labels_by_answer
        for name, value in values.items()
    ]


def _prompt_labels(item: Item) -> dict[str, str]:
    return {
        "use_case": item.use_case,
        "closed_domain": "yes" if item.closed_domain else "no",
        "explicit_constraint": "yes" if item.constrained else "no",
    }


def _answer_flags(item: Item, flags: Iterable[str], schema: Schema) -> dict[str, str]:
    """What is marked, and an answer to each question that must have one."""
    known = {field.name for field in schema.part(ANSWER)}
    answered = {"hallucination": "no"} if item.closed_domain else {}
    answered |= {"satisfies_constraint": "yes"} if item.constrained else {}
    return answered | {name: "yes" for name in flags if name in known}


def _gold(
    session: Session,
    workforce: Workforce,
    everybody: Mapping[int, Person],
    answers: Answers,
    tasks: Mapping[tuple[int, int], int],
    versions: Sequence[LabelSchemaVersion | None],
) -> None:
    """Let researchers settle every other calibration task: gold is what is true."""
    researchers = [worker.number for worker in workforce.workers if worker.kind == RESEARCHER]
    settled: set[int] = set()
    for task in workforce.tasks:
        item, version = task.item, versions[task.campaign]
        if not (task.calibration and researchers and version) or item.number % 2 or item.number in settled:
            continue
        settled.add(item.number)
        ids = answers[item.number][1]
        schema = schema_of(version.content)
        verdict = Submission(
            verdicts={
                candidate: Judged(min(7, 1 + answer.level), _answer_flags(item, answer.flags, schema))
                for candidate, answer in zip(ids, item.answers, strict=True)
            },
            ranks=densify({c: -answer.level for c, answer in zip(ids, item.answers, strict=True)}),
            prompt_labels=_prompt_labels(item),
        )
        by = everybody[researchers[item.number % len(researchers)]]
        now = task.opened + timedelta(days=4)
        gold.decide(session, by, tasks[task.campaign, item.number], now, gold.Decision(verdict, _REASON, item.use_case))
