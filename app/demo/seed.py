"""Fills an empty database for the demo in the browser, so that every page has something real to show."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.database import Database
from app.demo.labelers import SimulatedLabeler
from app.demo.world import Lesson, lessons
from app.labeling.campaigns import service as campaigns
from app.labeling.importing import service as prompts
from app.material.guidelines import service as guidelines
from app.models import Person
from app.people import queries as people_queries
from app.people import service as people
from app.settings import Settings
from app.training.runs import service as runs

PEOPLE = (("labeler", "Lena"), ("researcher", "Ravi"), ("engineer", "Emil"), ("admin", "Ada"))
DEMONSTRATIONS, RANKED, TO_RANK, TO_WRITE = 1500, 240, 24, 12
CANDIDATES_FILE = "answers to rank.jsonl"


def seed(settings: Settings, database: Database, seed_number: int) -> dict[str, str]:
    """Fill an empty database; a filled one is left as it is.

    Returns:
        E-mail -> one-time password of every demo person who has not chosen their own yet.
    """
    with database.transaction() as session:
        guidelines.ensure_defaults(session)
        if not people_queries.everyone(session):
            passwords = _add_people(session)
            admin = people_queries.person_by_email(session, "admin@demo.example")
            _fill(session, settings, admin, seed_number)
            return passwords
    with database.transaction() as session:
        waiting = [person for person in people_queries.everyone(session) if person.password_is_one_time]
        return {
            person.email: people.renew_one_time_password(session, None, person.id)[1]
            for person in waiting
            if person.email.endswith("@demo.example")
        }


def _add_people(session: Session) -> dict[str, str]:
    return {
        f"{role}@demo.example": people.add_person(session, None, email=f"{role}@demo.example", name=name, role=role)[1]
        for role, name in PEOPLE
    }


def _fill(session: Session, settings: Settings, by: Person | None, seed_number: int) -> None:
    world = lessons(seed_number, DEMONSTRATIONS + RANKED + TO_RANK + TO_WRITE)
    draw = random.Random(f"answers {seed_number}")
    shown, rest = world[:DEMONSTRATIONS], world[DEMONSTRATIONS:]
    ranked, to_rank, to_write = rest[:RANKED], rest[RANKED : RANKED + TO_RANK], rest[RANKED + TO_RANK :]
    labeler = SimulatedLabeler("simulated labeler", noise=0.2, tie_threshold=0.06, seed=seed_number)
    demonstrations = ({"id": x.name, "prompt": x.prompt, "response": x.sentence} for x in shown)
    rankings = (_ranked(lesson, _answers(lesson, world, draw), labeler) for lesson in ranked)
    candidates = (_unranked(lesson, _answers(lesson, world, draw)) for lesson in to_rank)
    unanswered = ({"id": x.name, "prompt": x.prompt, "user": "visitor"} for x in to_write)
    folder = settings.data_dir / "seed"
    folder.mkdir(parents=True, exist_ok=True)
    for kind, name, rows in (
        ("demonstrations", "docstring demonstrations.jsonl", demonstrations),
        ("rankings", "simulated rankings.jsonl", rankings),
        ("candidates", CANDIDATES_FILE, candidates),
        ("prompts", "questions to answer.jsonl", unanswered),
    ):
        path = folder / name
        _write(path, rows)
        prompts.import_file(session, settings, by, path, name, kind=kind)
    session.flush()
    _open_campaigns(session, by)
    runs.start_run(session, by, runs.Order("pretrain", config={}, parents={}, snapshot_id=None, seed=seed_number))


def _open_campaigns(session: Session, by: Person | None) -> None:
    from app.labeling.campaigns.queries import making

    origins = [f"import:{CANDIDATES_FILE.removesuffix('.jsonl')}"]
    tasks = campaigns.tasks_from_candidates(
        session, origins=origins, model_version_ids=[], answers_per_task=5, limit=TO_RANK
    )
    campaigns.create_campaign(
        session,
        by,
        name="First look: explain the standard library",
        overlap=1,
        answers_per_task=5,
        instructions="Each prompt asks for one sentence about something in Python's standard library. "
        "Prefer answers that are right, complete in themselves and no longer than they need to be.",
        tasks=tasks,
    )
    to_write = making.prompts_to_demonstrate(session, ["questions to answer"], TO_WRITE)
    campaigns.create_campaign(
        session, by, name="Write an answer", kind="demonstration", tasks=[(prompt_id, []) for prompt_id in to_write]
    )


def _answers(lesson: Lesson, world: list[Lesson], draw: random.Random) -> list[str]:
    """Five answers of different worth: the true one, cut off, somebody else's, stammering, empty talk."""
    words = lesson.sentence.split()
    other = draw.choice(world).sentence
    answers = [
        lesson.sentence,
        " ".join(words[: max(2, len(words) // 2)]),
        other if other != lesson.sentence else "It depends on the arguments.",
        " ".join([*words[:4], *words[1:4], *words[1:4]]) + ".",
        f"It is something called {lesson.name.rpartition('.')[2].replace('_', ' ')}.",
    ]
    draw.shuffle(answers)
    return answers


def _ranked(lesson: Lesson, answers: list[str], labeler: SimulatedLabeler) -> dict[str, Any]:
    ranks = labeler.rank(answers)
    candidates = [{"text": text, "rank": rank} for text, rank in zip(answers, ranks, strict=True)]
    return {"id": lesson.name, "prompt": lesson.prompt, "annotator": labeler.name, "candidates": candidates}


def _unranked(lesson: Lesson, answers: list[str]) -> dict[str, Any]:
    return {"id": lesson.name, "prompt": lesson.prompt, "candidates": [{"text": text} for text in answers]}


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
