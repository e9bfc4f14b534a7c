"""Reward models and finished scorings without a trainer: what a worker would have left."""

import json

from app.models import ModelVersion, Run, Scoring
from app.models.base import utc_now
from app.training.runs import service as runs
from trainer.contract.folder import ANSWERS, MANIFEST, SCORES
from trainer.contract.records import AnswerToScore, HeadScore, Score, read_rows, write_rows


def reward_model(factory, name="reward-1", kind="reward", **metrics):
    known = {"reward/heldout_accuracy": 0.71, "reward/centred_on": "demonstrations"} | metrics
    return factory.add(ModelVersion(name=name, kind=kind, path=f"runs/{name}/model", metrics=known))


def finish(database, settings, scoring_id, scores, deviation=None, heads=None, notes=()):
    """Leave these scores, in the order in which the answers were asked, and close the run."""
    with database.transaction() as session:
        scoring = session.get(Scoring, scoring_id)
        run = session.get(Run, scoring.run_id)
        folder = runs.folder_of(settings, run.id)
        folder.mkdir(parents=True, exist_ok=True)
        asked = list(read_rows(settings.data_dir / "scorings" / scoring.digest / ANSWERS, AnswerToScore))
        rows = [
            Score(
                answer_id=row.answer_id,
                score=score,
                deviation=deviation,
                heads=[HeadScore(name=name, score=value) for name, value in (heads or {}).items()],
            )
            for row, score in zip(asked, scores, strict=True)
        ]
        write_rows(folder / SCORES, Score, reversed(rows))  # nobody shall rely on their order
        (folder / MANIFEST).write_text(json.dumps({"notes": list(notes)}))
        run.status, run.finished_at = "succeeded", utc_now()
