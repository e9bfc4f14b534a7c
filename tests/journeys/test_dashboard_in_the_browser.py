"""An engineer freezes a snapshot and trains on it from the dashboard: the curve moves, the model is registered."""

import json

import pytest
from playwright.sync_api import expect

from app.labeling.importing import service as prompts
from app.models import ModelVersion
from tests import tiny
from tests.browsing import PASSWORD

pytestmark = pytest.mark.browser
PATIENCE_MS = 90_000


@pytest.fixture
def base_model(factory, settings):
    tiny.model_folder(settings.data_dir / "runs" / "0" / "model")
    return factory.add(ModelVersion(name="tiny base", kind="base", path="runs/0/model"))


@pytest.fixture
def demonstrations(database, settings, tmp_path):
    path = tmp_path / "colours.jsonl"
    rows = [{"prompt": f"Name colour {i}.", "response": f"{tiny.COLOURS[i % 8]} it is."} for i in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with database.transaction() as session:
        prompts.import_file(session, settings, None, path, path.name, kind="demonstrations")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_engineer_freezes_trains_watches_and_finds_the_model(
    page, factory, base_model, demonstrations, start_worker
):
    factory.person(email="emil@example.org", role="engineer", password=PASSWORD)
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("emil@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="The loop")).to_be_visible()

    page.goto("/snapshots")
    page.locator("main form input[name=name]").fill("colours")
    page.locator("main form button.primary").click()
    expect(page.get_by_role("heading", name="colours")).to_be_visible()

    page.goto("/runs/new?stage=sft")
    page.locator("[name=config-epochs]").fill("12")
    page.locator("[name=config-batch_size]").fill("4")
    page.get_by_text("More settings").click()
    page.locator("[name=config-max_tokens]").fill("64")
    page.locator("[name=config-threads]").fill("1")
    page.get_by_role("button", name="Start sft").click()
    expect(page.get_by_text("waiting for a worker")).to_be_visible()

    start_worker()
    expect(page.locator("#run-progress .badge")).to_have_text("running", timeout=PATIENCE_MS)
    expect(page.locator(".curve", has_text="loss/train").locator("canvas")).to_be_visible(timeout=PATIENCE_MS)
    link = page.locator("#run-progress").get_by_role("link", name="sft-1")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#run-progress .badge")).to_have_text("succeeded")
    shown = page.locator(".curve", has_text="loss/train").locator("figcaption strong")
    assert 0 < float(shown.inner_text()) < 10

    link.click()
    expect(page.get_by_role("heading", name="sft-1")).to_be_visible()
    expect(page.locator(".lineage-strip")).to_contain_text("tiny base")
    page.goto("/models")
    expect(page.get_by_role("row", name="sft-1")).to_contain_text("tiny base")
