import hashlib
import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.labeling.annotations import assigning, reservation
from app.labeling.annotations import service as annotations
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.models import Campaign, Candidate, ModelVersion, Person, Prompt, TaskCandidate
from app.models.base import utc_now
from app.training.evaluations import service
from tests.factories import LABELLED


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def models(database):
    """Three models; two have two answers each to three prompts, one of them empty; the third is noise."""
    with database.transaction() as session:
        versions = [ModelVersion(name=name, kind="sft", path=name) for name in ("sft-1", "ppo-1", "other")]
        session.add_all(versions)
        session.flush()
        for i in range(4):
            prompt = Prompt(fingerprint=sha(str(i)), messages=[{"role": "user", "content": f"Q{i}"}], source="t")
            session.add(prompt)
            session.flush()
            for version in versions[: 2 if i < 3 else 1]:
                for j in range(2):
                    text = f"{version.name} {i} {j}" if (version.name, i, j) != ("ppo-1", 0, 0) else ""
                    session.add(
                        Candidate(
                            prompt_id=prompt.id,
                            text=text,
                            text_sha256=sha(text),
                            origin=f"model:{version.id}",
                            model_version_id=version.id,
                        )
                    )
        return [version.id for version in versions]


def judge(database, campaign, person, rank_of):
    """Submit all tasks; ``rank_of`` gives the rank of an answer from its model and its place among that model's."""
    while True:
        with database.transaction() as session:
            offer = assigning.take_next(session, person, utc_now(), campaign.id)
            if offer.assignment is None:
                return
            work = reservation.work_for(session, person, offer.assignment.task_id)
            model = {a.candidate_id: a.candidate.model_version_id for a in work.task.answers}
            ranks = {c: rank_of(model[c]) for c in work.order}
            verdicts = {c: Verdict(8 - ranks[c]) for c in work.order}
            annotations.submit(session, person, work.task.id, utc_now(), Submission(verdicts, ranks, LABELLED))


def test_a_comparison_shows_two_answers_of_each_where_both_have_them(database, models):
    with database.transaction() as session:
        wanted = service.Comparison("compare", model_a_id=models[1], model_b_id=models[0], prompts=2, overlap=1)
        campaign = service.create_comparison(session, None, wanted)
    with database.reading() as session:
        assert session.get(Campaign, campaign.id).phase == "evaluation"
        assert len(session.scalars(select(TaskCandidate)).all()) == 8


def test_a_model_that_always_wins_has_rate_one_and_others_do_not_disturb(browse, database, models):
    with database.transaction() as session:
        person = Person(email="l@example.org", name="L", role="labeler", password_hash="")
        session.add(person)
        wanted = service.Comparison("wins", model_a_id=models[1], model_b_id=models[0], prompts=9)
        campaign = service.create_comparison(session, None, wanted)
        noise = service.create_comparison(session, None, replace(wanted, name="noise"))
        small = service.create_comparison(session, None, replace(wanted, name="small", prompts=1))
    judge(database, campaign, person, lambda model: 1 if model == models[1] else 2)
    judge(database, noise, person, lambda model: 1)
    judge(database, small, person, lambda model: 1)
    browse.as_("researcher")
    answer = browse.client.get(f"/evaluations/{campaign.id}.json").json()
    assert answer["pairs"] == [
        {
            "model": "ppo-1",
            "baseline": "sft-1",
            "win_rate": 1.0,
            "low": 1.0,
            "high": 1.0,
            "prompts": 3,
            "pairs": 12,
            "ties": 0,
        }
    ]
    assert [(m["model"], m["mean_likert"], m["answers"], m["empty_answers"]) for m in answer["models"]] == [
        ("sft-1", 6.0, 6, 0),
        ("ppo-1", 7.0, 6, 1),
    ]
    tied = browse.client.get(f"/evaluations/{noise.id}.json").json()["pairs"][0]
    assert (tied["win_rate"], tied["ties"]) == (0.5, 12)
    page = browse.get("/evaluations")
    assert '6 <span class="muted small nowrap">(1 empty)</span>' in page
    assert page.count("no interval, because all of it stems from one prompt") == 3  # the win rate and two ratings


def test_an_evaluation_without_data_says_so(browse, database, models):
    browse.as_("researcher")
    assert "No evaluation yet" in browse.get("/evaluations")
    form = {"name": "new", "model_a_id": models[1], "model_b_id": models[0], "prompts": "5"}
    assert "two different models" in browse.post("/evaluations", {**form, "model_b_id": models[1]}, status=422).text
    assert "no prompt to which both" in browse.post("/evaluations", {**form, "model_b_id": models[2]}, status=422).text
    browse.post("/evaluations", form)
    assert "undefined, because nobody has submitted" in browse.get("/evaluations")


def test_rankings_of_answers_by_no_registered_model_are_counted_and_the_reason_is_told(browse, tmp_path):
    browse.as_("admin")
    rows = [
        {
            "prompt": f"p{n}",
            "candidates": [{"text": f"{n} a", "rank": 1}, {"text": f"{n} b", "rank": 2}],
            "annotator": "ann",
            "phase": "evaluation",
        }
        for n in range(3)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    browse.post("/prompts/import", files={"file": ("judged.jsonl", lines.encode())})
    browse.as_("researcher")
    page = browse.get("/evaluations")
    assert "nobody has submitted" not in page
    assert "3 annotations" in page
    assert "these answers come from 0." in page


def test_a_labeler_sees_no_evaluations(browse):
    browse.as_("labeler")
    browse.get("/evaluations", status=403)


@pytest.mark.parametrize("wrong", [{"answers_each": "0"}, {"answers_each": "-1"}, {"prompts": "0"}, {"prompts": "-1"}])
def test_a_comparison_of_nothing_is_refused(browse, models, wrong):
    browse.as_("researcher")
    form = {"name": "n", "model_a_id": models[0], "model_b_id": models[2], **wrong}
    assert "is a whole number from" in browse.post("/evaluations", form, status=422).text
