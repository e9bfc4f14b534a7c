"""A detect run from its order to the rows in the database."""

import pytest
from sqlalchemy import select

from app.errors import Invalid
from app.models import Detection, Run
from app.quality.integrity import queries, service
from app.training.runs import execution
from app.training.runs import service as runs
from tests import tiny
from tests.app.quality.integrity.conftest import FEW_SHOT
from trainer.__main__ import main
from trainer.contract.folder import ANSWERS, INPUTS
from trainer.contract.records import AnswerToScore, read_rows


@pytest.fixture
def model(desk, settings):
    tiny.model_folder(settings.data_dir / "runs/2/model")
    return desk.model()


def order(desk, campaign_id, model, **config):
    settings = {"max_tokens": 64, "min_tokens": 4, "threads": 1, "device": "cpu", **config}
    with desk.database.transaction() as session:
        return runs.start_run(
            session,
            None,
            runs.Order(
                stage="detect",
                config=settings,
                parents={"policy": model.id},
                snapshot_id=None,
                seed=0,
                purpose={"texts": {"campaign": campaign_id}},
            ),
        ).id


def execute(desk, settings, run_id):
    """What a worker does, in this process."""
    execution.prepare(settings, desk.database, run_id)
    folder = runs.folder_of(settings, run_id)
    assert main(["detect", str(folder)]) == 0
    assert execution.finish(settings, desk.database, run_id, 0, "succeeded") == "succeeded"
    return folder


def detections(desk):
    with desk.database.reading() as session:
        return session.scalars(select(Detection).order_by(Detection.written_text_id)).all()


def test_a_run_reads_every_text_of_its_campaign_and_leaves_scores(desk, settings, model):
    ana, ben = desk.people(2)
    first, second, other = desk.asked("Which colour?", "Which thing?", "Noise?")
    desk.campaign([(other, [])], name="Noise", kind="demonstration")
    desk.write(ana, "Not read, as it belongs to another campaign.")
    wanted = desk.campaign([(first, []), (second, [])], name="Write", kind="demonstration", needs_review=True)
    desk.write(ana, "The apple is red. A red apple stands here.", wanted.id)
    desk.write(ben, "red", wanted.id)

    run_id = order(desk, wanted.id, model)
    folder = execute(desk, settings, run_id)
    read = list(read_rows(folder / INPUTS / ANSWERS, AnswerToScore))
    assert [row.messages[0].content for row in read] == ["Which colour?", "Which thing?"]
    long, short = detections(desk)
    assert [str(long.written_text_id), str(short.written_text_id)] == [row.answer_id for row in read]
    assert long.curvature is not None
    assert long.likelihood < 0 < long.log_rank
    assert (short.curvature, short.likelihood) == (None, None)
    assert "".join(text for text, _rank in long.pieces) == read[0].text
    assert (long.context, long.model_version_id, long.run_id) == ("prompt", model.id, run_id)

    again = order(desk, wanted.id, model, context="none")
    execute(desk, settings, again)
    newer, _ = detections(desk)  # instead of the earlier ones
    assert (newer.run_id, newer.context, newer.tokens) == (again, "none", long.tokens - 1)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_set_of_examples_is_read_as_one_text_after_its_instruction(desk, settings, model):
    (ana,) = desk.people(1)
    campaign = desk.campaign([], name="Author", kind="authoring", prompt_form="few_shot", pieces=1)
    desk.author(ana, FEW_SHOT)
    with desk.database.reading() as session:
        (row,) = service.texts_to_read(session, campaign.id)
    assert row.messages[0].content == "Say the colour."
    assert row.text == "grass\nGrass is green.\n\ncoal\nCoal is black."


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_campaign_without_texts_cannot_be_read(desk, model):
    ranking = desk.campaign(desk.prompts(1), name="Rank")
    (prompt,) = desk.asked("Which colour?")
    empty = desk.campaign([(prompt, [])], name="Empty", kind="demonstration")
    for campaign_id, sentence in ((ranking.id, "write no texts"), (empty.id, "Nobody has submitted"), (999, "exist")):
        with pytest.raises(Invalid) as refused:
            order(desk, campaign_id, model)
        assert sentence in refused.value.fields["texts-campaign"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_form_offers_campaigns_of_texts_and_orders_the_run(browse, desk, model):
    (ana,) = desk.people(1)
    (prompt,) = desk.asked("Which colour?")
    campaign = desk.campaign([(prompt, [])], name="Write colours", kind="demonstration")
    desk.write(ana, "Blue.")
    browse.as_("engineer")
    page = browse.get("/runs/new?stage=detect")
    assert "Write colours" in page
    form = {"stage": "detect", "parent-policy": model.id}
    assert "a campaign whose texts it reads" in browse.post("/runs", form, status=422).text
    address = browse.post("/runs", {**form, "texts-campaign": campaign.id, "config-max_tokens": 64}).headers["location"]
    with desk.database.reading() as session:
        assert session.scalars(select(Run)).one().purpose == {"texts": {"campaign": campaign.id}}
    like = browse.get(f"/runs/new?like={address.rpartition('/')[2]}")
    assert f'<option value="{campaign.id}" selected>' in like


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_texts_that_lie_with_their_author_or_were_replaced_are_not_read(desk):
    ana, ben = desk.people(2)
    first, second = desk.asked("Which colour?", "Which thing?")
    campaign = desk.campaign([(first, []), (second, [])], name="W", kind="demonstration", needs_review=True)
    desk.write(ana, "Sent back.")
    desk.write(ben, "Here.")
    with desk.database.transaction() as session:
        queries.texts_of_campaign(session, campaign.id)[0].state = "sent_back"
    with desk.database.reading() as session:
        assert [text.content["text"] for text in queries.texts_of_campaign(session, campaign.id)] == ["Here."]
