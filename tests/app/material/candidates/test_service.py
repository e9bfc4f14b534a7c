import pytest
from sqlalchemy import select

from app.errors import Invalid
from app.material.candidates import service
from app.material.candidates.rules import candidate_letter, shuffled_order
from app.models import Candidate, ModelVersion, Prompt
from trainer.contract.records import Candidate as Sampled

LARGE_SEED = 2**62  # the trainer draws seeds of 63 bits


@pytest.fixture
def world(factory):
    prompts = [factory.add(Prompt(fingerprint=str(i) * 64, messages=[], source="t")) for i in range(2)]
    models = [factory.add(ModelVersion(name=f"m{i}", kind="sft", path=f"m{i}")) for i in range(2)]
    return prompts, models


def sampled(prompt_id, index, text):
    return Sampled(
        prompt_id=str(prompt_id), index=index, text=text, seed=LARGE_SEED + index, temperature=0.7, top_p=0.9,
        max_new_tokens=64, tokens=3, finished=True,
    )  # fmt: skip


def test_sampled_answers_keep_their_provenance_and_come_once(database, world):
    (one, two), (model, other) = world
    rows = [
        sampled(one.id, 0, "a"),
        sampled(one.id, 1, "a"),
        sampled(one.id, 2, "b\x00"),
        sampled(two.id, 0, ""),
        sampled(two.id, 1, "c"),
        sampled(two.id, 2, ""),
    ]
    with database.transaction() as session:
        service.add_candidates(session, run_id=None, model_version_id=other.id, rows=rows)  # noise: another model
        ids = service.add_candidates(session, run_id=None, model_version_id=model.id, rows=rows)
    with database.transaction() as session:
        assert service.add_candidates(session, run_id=None, model_version_id=model.id, rows=rows) == ids
        kept = session.scalars(
            select(Candidate).where(Candidate.model_version_id == model.id).order_by(Candidate.id)
        ).all()
    assert {p: len(i) for p, i in ids.items()} == {one.id: 2, two.id: 2}
    assert [c.text for c in kept] == ["a", "b�", "", "c"]
    assert (kept[0].origin, kept[0].seed) == (f"model:{model.id}", LARGE_SEED)
    assert kept[0].sampling == {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": 64}


def test_an_answer_to_an_unknown_prompt_is_refused(database, world):
    _, (model, _) = world
    for wrong in ("999", "abc"):
        with database.transaction() as session, pytest.raises(Invalid):
            service.add_candidates(session, run_id=None, model_version_id=model.id, rows=[sampled(wrong, 0, "a")])


def test_each_person_sees_an_order_of_their_own_always_the_same():
    ids = list(range(10, 16))
    orders = {tuple(shuffled_order(ids, task_id=1, person_id=p, seed=0)) for p in range(40)}
    assert len(orders) > 30
    assert all(sorted(order) == ids for order in orders)
    assert shuffled_order(ids[::-1], task_id=1, person_id=3, seed=0) == shuffled_order(
        ids, task_id=1, person_id=3, seed=0
    )


def test_letters_go_on_after_z():
    assert [candidate_letter(i) for i in (0, 25, 26, 27)] == ["A", "Z", "AA", "AB"]
