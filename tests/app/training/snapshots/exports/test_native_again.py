"""A native export that is imported elsewhere and exported again says the same, but for ids and times."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from app.database import Database
from app.labeling.importing.service import import_file
from app.material.prompts.rules import prompt_fingerprint, text_sha256
from app.migrate import migrate
from app.models import (
    Annotation,
    Campaign,
    Candidate,
    Demonstration,
    Flag,
    Prompt,
    Ranking,
    Rating,
    Task,
    TaskCandidate,
)
from app.training.snapshots import exports, service
from app.training.snapshots.rules import Filters
from trainer.contract.folder import DEMONSTRATIONS, PROMPTS, RANKINGS

BY_QUALITY = Filters(phases=("training", "evaluation"), heldout_share=0.3)
BY_TOXICITY = replace(BY_QUALITY, instrument="toxicity")
CAMPAIGNS = {
    "Helpful, round 3": ("ranking", "training"),
    "Tone": ("ranking", "training"),
    "Judged for the paper": ("ranking", "evaluation"),
    "import: crowd": ("ranking", "training"),
    "Toxic continuations": ("toxicity", "training"),
}
IDS = ("prompt_id", "demonstration_id", "ranking_id", "candidate_id")


@pytest.fixture
def elsewhere(settings, tmp_path):
    """An empty database of another installation."""
    url = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    migrate(url)
    database = Database(url)
    yield database, settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    database.dispose()


def furnish(session):
    """Five campaigns with work of every kind that a snapshot knows of, and prompts of which everything is known."""
    prompts = [
        Prompt(
            messages=(talk := [{"role": "user", "content": f"Question {n}?"}]),
            fingerprint=prompt_fingerprint(talk),
            source=("playground", "crowd", "crowd 2")[n % 3],
            use_case=(None, "chat", "rewrite")[n % 3],
            language=(None, "en", "zh")[n % 3],
            user_key=f"user-{n // 2}" if n % 4 else None,
            sensitive=(None, True, False)[n % 3],
            high_stakes=(True, None)[n % 2],
            detail={"topic": "colours", "turn": n, "nested": {"of": [1, 2.5, None]}} if n % 2 else {},
        )
        for n in range(6)
    ]
    campaigns = [Campaign(name=name, kind=kind, phase=phase) for name, (kind, phase) in CAMPAIGNS.items()]
    session.add_all([*prompts, *campaigns])
    session.flush()
    for n, prompt in enumerate(prompts):
        sources = [
            ("import:crowd", {"source": "gpt-4", "systems": ["a", "b"]}, {}, None),
            ("import:crowd#2", {}, {}, None),
            ("model:7", {}, {"temperature": 0.7}, 2**40),
        ]
        texts = ["red", "red", "" if n % 2 else "blue"]
        candidates = [
            Candidate(
                prompt_id=prompt.id,
                text=text,
                text_sha256=text_sha256(text),
                origin=origin,
                detail=detail,
                sampling=sampling,
                seed=seed,
            )
            for text, (origin, detail, sampling, seed) in zip(texts, sources, strict=True)
        ]
        written = Demonstration(
            prompt_id=prompt.id, text=f"Answer {n}.", text_sha256=text_sha256(f"Answer {n}."), source="course",
            author=f"labeler-{n}",
        )  # fmt: skip
        session.add_all([*candidates, written])
        session.flush()
        for place, campaign in enumerate(campaigns):
            task = Task(campaign_id=campaign.id, prompt_id=prompt.id, fingerprint=text_sha256(f"{n} {place}"))
            session.add(task)
            session.flush()
            session.add_all(
                TaskCandidate(task_id=task.id, candidate_id=one.id, position=spot)
                for spot, one in enumerate(candidates)
            )
            imported = campaign.name.startswith("import: ")
            for judge in range(2):
                name = ("crowd:w1", None)[judge] if imported else f"labeler-{judge + 1}"
                annotation = Annotation(
                    campaign_id=campaign.id,
                    task_id=task.id,
                    annotator=name,
                    labeler_group=("training", None)[judge],
                    none_acceptable=(None, True, False)[n % 3],
                    shown_order=[one.id for one in reversed(candidates)] if judge else [],
                )
                session.add(annotation)
                session.flush()
                say(session, annotation, candidates, n + judge, toxic=campaign.kind == "toxicity")


def say(session, annotation, candidates, number, *, toxic):
    of = {"annotation_id": annotation.id}
    for spot, one in enumerate(candidates):
        about = {**of, "candidate_id": one.id}
        session.add(Ranking(**about, rank=(spot, 2 - spot, 0)[number % 3] + 1))
        if number % 2:
            session.add(Rating(**about, likert=spot + 2))
        session.add(Flag(**about, name="toxicity" if toxic else "hallucination", value=str(spot) if toxic else "yes"))
    if toxic:
        session.add(Flag(**of, candidate_id=None, name="toxicity", value="1"))
    elif number % 2:
        session.add(Flag(**of, candidate_id=None, name="use_case", value="brainstorming"))


def exported(database, settings, filters, out):
    with database.transaction() as session:
        snapshot = service.create_snapshot(session, settings, None, filters.instrument, filters)
        folder = service.folder_of(settings, snapshot)
    out.mkdir()
    exports.native(folder, out)
    return out


def taken(database, settings, *paths):
    with database.transaction() as session:
        return [import_file(session, settings, None, path, path.name) for path in paths]


def said(folder, name):
    """The rows of a file, ids left out, in the order of the file."""

    def without_ids(value):
        if isinstance(value, dict):
            return {key: without_ids(one) for key, one in value.items() if key not in IDS}
        return [without_ids(one) for one in value] if isinstance(value, list) else value

    return [without_ids(row) for row in pq.read_table(folder / name).to_pylist()]


@pytest.mark.parametrize("order", [(PROMPTS, DEMONSTRATIONS, RANKINGS), (RANKINGS, DEMONSTRATIONS, PROMPTS)])
def test_an_export_that_comes_back_elsewhere_is_exported_alike(database, settings, elsewhere, tmp_path, order):
    with database.transaction() as session:
        furnish(session)
    there, its_settings = elsewhere
    quality = exported(database, settings, BY_QUALITY, tmp_path / "quality")
    toxicity = exported(database, settings, BY_TOXICITY, tmp_path / "toxicity")
    entries = taken(there, its_settings, *(quality / name for name in order), toxicity / RANKINGS)
    assert [entry.rejects for entry in entries] == [[]] * 4
    assert [entry.unused for entry in entries] == [{}] * 4  # our ids and splits mean nothing elsewhere, nor are missed
    with there.reading() as session:
        found = session.execute(select(Campaign.name, Campaign.kind, Campaign.phase, Campaign.imported))
        assert {name: (kind, phase, imported) for name, kind, phase, imported in found} == {
            name: (*what, True) for name, what in CAMPAIGNS.items()
        }
        names = set(session.scalars(select(Annotation.annotator).distinct()))
        assert names == {"labeler-1", "labeler-2", "crowd:w1", None}
    again = exported(there, its_settings, BY_QUALITY, tmp_path / "quality again")
    for name in order:
        rows = said(quality, name)
        assert len(rows) == {PROMPTS: 6, DEMONSTRATIONS: 6, RANKINGS: 48}[name]
        assert said(again, name) == rows
    poison = exported(there, its_settings, BY_TOXICITY, tmp_path / "toxicity again")
    assert len(said(poison, RANKINGS)) == 12
    assert said(poison, RANKINGS) == said(toxicity, RANKINGS)
    assert [entry.repeated for entry in taken(there, its_settings, quality / RANKINGS, again / PROMPTS)] == [48, 6]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_later_export_adds_what_is_new_in_campaigns_of_its_own(database, settings, elsewhere, tmp_path):
    with database.transaction() as session:
        furnish(session)
    there, its_settings = elsewhere
    first = exported(database, settings, replace(BY_QUALITY, phases=("training",)), tmp_path / "first")
    later = tmp_path / "later"
    with database.transaction() as session:
        snapshot = service.create_snapshot(session, settings, None, "later", BY_QUALITY)
        folder = service.folder_of(settings, snapshot)
    later.mkdir()
    exports.native(folder, later)
    entries = taken(there, its_settings, first / RANKINGS, later / RANKINGS)
    assert [(entry.added["rankings"], entry.repeated) for entry in entries] == [(36, 0), (12, 36)]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_campaign_of_people_here_is_left_alone(database, settings, tmp_path):
    row = {
        "ranking_id": "1",
        "prompt_id": "1",
        "messages": [{"role": "user", "content": "Which?"}],
        "answers": [{"candidate_id": "1", "text": "a"}, {"candidate_id": "2", "text": "b"}],
        "ranks": [1, 2],
        "annotator": "labeler-1",
        "campaign": "Tone",
    }
    path = tmp_path / "rankings.jsonl"
    path.write_text(json.dumps(row))
    with database.transaction() as session:
        session.add(Campaign(name="Tone"))
    taken(database, settings, path)
    with database.reading() as session:
        assert set(session.execute(select(Campaign.name, Campaign.imported))) == {("Tone", False), ("Tone 2", True)}
