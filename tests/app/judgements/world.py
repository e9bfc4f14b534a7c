"""A furnished world, laid down row by row: every sort of annotation, beside noise that nothing may count."""

import hashlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.models import (
    Annotation,
    AnnotationVersion,
    Assignment,
    Campaign,
    Candidate,
    Demonstration,
    ExtraAssignment,
    Flag,
    GoldItem,
    ModelVersion,
    Person,
    Prompt,
    Ranking,
    Rating,
    RepeatedTask,
    Skip,
    Task,
    TaskCandidate,
    WrittenText,
)

NOON = datetime(2026, 5, 30, 12, tzinfo=UTC)
ANN, BEN, CY, RAE, APPLICANT = 1, 2, 3, 4, 5
PEOPLE = (
    (ANN, "labeler", "day"),
    (BEN, "labeler", "night"),
    (CY, "labeler", None),
    (RAE, "researcher", "day"),
    (APPLICANT, "applicant", None),
)
WORK, COMPARED, TOXIC, BANK, IMPORTED, WRITING = 1, 2, 3, 4, 5, 6
CAMPAIGNS = (
    (WORK, {"overlap": 2}),
    (COMPARED, {"phase": "evaluation"}),
    (TOXIC, {"kind": "toxicity"}),
    (BANK, {"purpose": "bank"}),
    (IMPORTED, {"imported": True, "status": "closed"}),
    (WRITING, {"kind": "demonstration", "needs_review": True}),
)
TASKS = {WORK: range(1, 8), COMPARED: (8, 9), TOXIC: (10,), BANK: (11, 12), IMPORTED: (13, 14, 15), WRITING: (16, 17)}
COPIES = {101: (1, ANN), 102: (2, ANN), 103: (3, BEN)}
GOLD, WITHOUT_ANYTHING = (4, 5), 7
UNSIGNED, FILE = 15, "import:o.jsonl"
"""A task whose file does not say who made its answers, and what is kept of the file."""
ANSWERS = 3


@dataclass(frozen=True)
class Said:
    """One annotation, as it was made: by ``person``, or by an ``annotator`` of an import if he has a name."""

    id: int
    sort: str
    campaign: int
    task: int
    person: int | None
    annotator: str | None
    group: str | None
    ranks: dict[int, int] = field(hash=False)
    likert: dict[int, int] = field(hash=False)
    shown: list[int] = field(hash=False)

    @property
    def original(self):
        return COPIES.get(self.task, (self.task,))[0]

    @property
    def at(self):
        return NOON + timedelta(hours=self.id)

    @property
    def language(self):
        return ("en", "zh")[self.original % 2]

    @property
    def source(self):
        return ("pool", "elsewhere")[self.original % 3 == 0]

    @property
    def seconds(self):
        """Active time, another for each, so that it tells which it is; of the sixth nobody counted it."""
        return None if self.person is None or self.id == 6 else float(self.id)


def answers_of(task):
    return [COPIES.get(task, (task,))[0] * 10 + place for place in range(ANSWERS)]


def sha(text):
    return hashlib.sha256(str(text).encode()).hexdigest()


class World:
    """``said`` is everything that anybody said; everything else is in the database alone."""

    def __init__(self):
        self.said = []
        self.rows = []
        self._chance = random.Random(4)
        self._free = {}
        self._lay_down()

    def of(self, *sorts, **traits):
        """The ids of some sorts of annotations that rank something, with traits such as ``campaign=1``."""
        chosen = [one for one in self.said if one.sort in sorts and one.ranks]
        return {one.id for one in chosen if all(getattr(one, name) == value for name, value in traits.items())}

    def by_id(self, id_):
        return self.said[id_ - 1]

    def _lay_down(self):
        for id_, role, group in PEOPLE:
            self.rows.append(
                Person(id=id_, email=f"{id_}@x.org", name=f"P{id_}", role=role, labeler_group=group, password_hash="")
            )
        self.rows += [Campaign(id=id_, name=f"C{id_}", **traits) for id_, traits in CAMPAIGNS]
        self.rows += [ModelVersion(id=id_, name=name, kind="sft", path=name) for id_, name in ((1, "m"), (2, "n"))]
        for campaign, tasks in TASKS.items():
            for task in tasks:
                self._task(campaign, task)
        for task in range(1, 7):
            self._say("work", WORK, task, ANN)
            self._say("work", WORK, task, BEN)
        self.rows.append(Skip(task_id=6, person_id=CY, reason="unclear"))
        for task in (1, 2):
            self._say("work", WORK, task, CY, use="shared")
        for task in (1, 2, 3):
            self._say("work", WORK, task, RAE, use="researcher")
        for task in GOLD:
            self._say("gold", WORK, task, CY, use="gold")
        for copy, (original, person) in COPIES.items():
            self.rows.append(Task(id=copy, campaign_id=WORK, prompt_id=original, fingerprint=sha(copy)))
            self.rows.append(RepeatedTask(task_id=copy, original_id=original, person_id=person))
            self._shows(copy)
            self._say("again", WORK, copy, person, use="repeat")
        for campaign, task, person in ((COMPARED, 8, ANN), (COMPARED, 9, BEN), (TOXIC, 10, ANN)):
            self._say("work", campaign, task, person)
        for task, tested in ((11, APPLICANT), (12, ANN)):
            self._say("item", BANK, task, RAE)
            self._say("test", BANK, task, tested)
        for task, annotator, group in (
            (13, None, "night"),
            (13, None, "night"),
            (14, "crowd-1", "day"),
            (14, None, None),
        ):
            self._say("work", IMPORTED, task, None, annotator, group)
        self._say("work", IMPORTED, 15, None, "crowd-1", "day", ranks=False)
        self._write()
        self._correct()
        self._free[WITHOUT_ANYTHING][0].person_id, self._free[WITHOUT_ANYTHING][0].reserved_until = CY, NOON
        self.rows += [
            GoldItem(task_id=task, content={"ranks": {str(one): 1 for one in answers_of(task)}}, decided_at=NOON)
            for task in (*GOLD, 11)
        ]

    def _task(self, campaign, task):
        language, source = ("en", "zh")[task % 2], ("pool", "elsewhere")[task % 3 == 0]
        text = [{"role": "user", "content": f"Question {task}?"}]
        self.rows.append(Prompt(id=task, fingerprint=sha(task), messages=text, source=source, language=language))
        self.rows.append(Task(id=task, campaign_id=campaign, prompt_id=task, fingerprint=sha(task)))
        if campaign != WRITING:
            for answer in answers_of(task):
                made = {"model_version_id": 1 + answer % 2} if campaign != IMPORTED else {}
                if campaign == IMPORTED and task != UNSIGNED:
                    made = {"detail": {"source": ("us", "them")[answer % 2]}}
                self.rows.append(
                    Candidate(
                        id=answer, prompt_id=task, text=f"A{answer}", text_sha256=sha(answer), origin=FILE, **made
                    )
                )
            self._shows(task)
        overlap = dict(CAMPAIGNS)[campaign].get("overlap", 1)
        if campaign != IMPORTED:
            assignments = [
                Assignment(campaign_id=campaign, task_id=task, number=assignment) for assignment in range(overlap)
            ]
            self._free[task] = assignments
            self.rows += assignments

    def _shows(self, task):
        self.rows += [
            TaskCandidate(task_id=task, candidate_id=answer, position=place)
            for place, answer in enumerate(answers_of(task))
        ]

    def _assignment(self, sort, campaign, task, use):
        if not use and sort != "test":
            return self._free[task].pop(0)
        number = 1_000 + len(self.said) if use in ("gold", "repeat") else 2 + len(self.said)
        if sort == "test":
            number = 1  # the first beyond the overlap of a bank
        assignment = Assignment(campaign_id=campaign, task_id=task, number=number)
        self.rows.append(assignment)
        if use:
            self.rows.append(ExtraAssignment(assignment=assignment, use=use))
        return assignment

    def _say(self, sort, campaign, task, person, annotator=None, group=None, use=None, ranks=True):
        order = self._chance.sample(answers_of(task), ANSWERS) if campaign != WRITING else []
        lanes = [self._chance.randint(1, 2) for _ in order] if ranks else []
        given = {answer: sorted(set(lanes)).index(lane) + 1 for answer, lane in zip(order, lanes, strict=False)}
        rates = campaign in (WORK, COMPARED)
        likert = {answer: 8 - 2 * rank for answer, rank in given.items()} if rates else {}
        name = annotator if person is None else f"labeler-{person}"
        told = group if person is None else next(theirs for id_, _role, theirs in PEOPLE if id_ == person)
        id_ = len(self.said) + 1
        said = Said(id_, sort, campaign, task, person, name, told, given, likert, order if person else [])
        self.said.append(said)
        annotation = Annotation(
            id=id_,
            campaign_id=campaign,
            task_id=task,
            person_id=person,
            annotator=name,
            labeler_group=group,
            shown_order=said.shown,
            none_acceptable=id_ % 5 == 0,
            active_seconds=None if said.seconds is None else {"ranking": said.seconds},
            submitted_at=said.at,
        )
        if person is not None:
            annotation.assignment = self._assignment(sort, campaign, task, use)
            annotation.assignment.person_id, annotation.assignment.submitted_at = person, said.at
        self.rows.append(annotation)
        self.rows += [Ranking(annotation_id=id_, candidate_id=answer, rank=rank) for answer, rank in given.items()]
        self.rows += [Rating(annotation_id=id_, candidate_id=answer, likert=value) for answer, value in likert.items()]
        self.rows.append(Flag(annotation_id=id_, candidate_id=None, name="asks_violent", value="yes"))
        self.rows += [
            Flag(annotation_id=id_, candidate_id=answer, name="unsafe", value="yes" if rank == 2 else "no")
            for answer, rank in given.items()
        ]
        return annotation

    def _write(self):
        """A text that was accepted, and one that was refused after another had been replaced."""
        for task, states in ((16, ("accepted",)), (17, ("replaced", "rejected"))):
            annotation = self._say("work", WRITING, task, BEN)
            for number, state in enumerate(states, 1):
                self.rows.append(
                    WrittenText(annotation_id=annotation.id, number=number, content={"text": "T"}, state=state)
                )
        self.rows.append(
            Demonstration(prompt_id=16, text="T", text_sha256=sha("T"), annotation_id=annotation.id - 1, source="s")
        )

    def _correct(self):
        """The first annotation said the opposite before."""
        first = next(row for row in self.rows if isinstance(row, Annotation))
        first.corrected_at = NOON + timedelta(hours=40)
        before = [{"candidate_id": answer, "rank": 3 - rank} for answer, rank in self.by_id(1).ranks.items()]
        self.rows.append(AnnotationVersion(annotation_id=1, number=1, content={"ranks": before}))
