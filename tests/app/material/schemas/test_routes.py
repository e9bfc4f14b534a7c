import html
import re

import pytest
from sqlalchemy import delete, func, select

from app.errors import Conflict, Invalid
from app.labeling.campaigns import service as campaigns
from app.material.schemas import service
from app.material.schemas.rules import Field, Schema, content_of, schema_of, schema_problems
from app.models import AuditEvent, Campaign, LabelSchema, LabelSchemaVersion


def standard(database):
    with database.reading() as session:
        return service.standard_version(session)


def filled_in(page):
    """What a browser would send of the edit form as it stands on the page."""
    form = page[page.index('action="/schemas/') :]
    sent = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            sent[name[1]] = html.unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea name="([^"]*)"[^>]*>([^<]*)</textarea>', form):
        sent[name] = html.unescape(text)
    for name, options in re.findall(r'<select name="([^"]*)">(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        first = re.search(r'<option(?: value="([^"]*)")?>([^<]*)', options)
        value, word = (chosen or first).groups()
        sent[name] = word if value is None else value
    return sent


def row_of(sent, name):
    """The beginning of the fields that belong to a question."""
    return next(
        field.removesuffix("name") for field, value in sent.items() if value == name and field.endswith("-name")
    )


def fresh_row(sent, part):
    return next(field.removesuffix("fresh") for field in sent if field.startswith(part) and field.endswith("-fresh"))


def test_the_first_version_asks_all_that_the_paper_asks(database):
    """Names and numbers of InstructGPT's final instructions (its Table 3): exports and heads go by these names."""
    version = standard(database)
    asked = schema_of(version.content)
    assert schema_problems(asked) == []
    assert content_of(asked) == version.content
    assert (version.number, version.label_schema.name) == (1, "Standard")
    assert [field.name for field in asked.prompt] == [
        *("use_case", "closed_domain", "explicit_constraint", "intent_unclear", "contains_pii", "asks_sexual"),
        *("asks_violent", "asks_encouraging_harm", "asks_denigrating", "asks_advice", "asks_opinion"),
        "asks_moral_judgment",
    ]
    assert [field.name for field in asked.prompt if field.required] == [
        "use_case",
        "closed_domain",
        "explicit_constraint",
    ]
    assert len(asked.prompt[0].options) == 10
    assert [field.name for field in asked.answer] == [
        *("fails_task", "inappropriate_for_assistant", "satisfies_constraint", "hallucination", "sexual_content"),
        *("violent_content", "encourages_harm", "denigrates_protected_class", "harmful_advice"),
        *("expresses_opinion", "expresses_moral_judgment"),
    ]
    assert [field.name for field in asked.answer if field.yes_is_good] == ["satisfies_constraint"]
    assert {field.name: field.needs for field in asked.answer if field.needs} == {
        "satisfies_constraint": "explicit_constraint",
        "hallucination": "closed_domain",
    }
    assert [field.name for field in asked.answer if "na" in field.values] == ["inappropriate_for_assistant"]


def test_an_edit_in_the_form_adds_a_version_with_its_difference_and_leaves_the_old_one(browse, database):
    before = standard(database)
    browse.as_("admin")
    page = browse.get(f"/schemas/{before.schema_id}/edit")
    sent = filled_in(page)
    sent |= {
        row_of(sent, "hallucination") + "help": "Anything the prompt does not say.",
        row_of(sent, "asks_opinion") + "removed": "1",
        "reason": "People were unsure",
    }
    new = fresh_row(sent, "answer")
    sent |= {new + "name": "evasive", new + "text": "Evades the question", new + "place": "1.5"}
    place = browse.post(f"/schemas/{before.schema_id}/versions", sent).headers["location"]
    page = browse.get(place)
    assert "Version 2 is saved" in page
    for told in (
        "removed</span> about the prompt: <strong>Asks for an opinion</strong>",
        "added</span> about each answer: <strong>Evades the question</strong>",
        "<ins>Anything the prompt does not say.</ins>",
        "<del>States facts that neither stand in the prompt nor follow from it. A wrong conclusion is not one.</del>",
        "People were unsure",
    ):
        assert told in page
    newer = standard(database)
    assert (newer.number, newer.schema_id) == (2, before.schema_id)
    old, new = schema_of(before.content), schema_of(newer.content)
    assert [f.name for f in new.answer][:3] == ["fails_task", "evasive", "inappropriate_for_assistant"]
    assert len(new.prompt) == len(old.prompt) - 1
    with database.reading() as session:
        assert session.get(LabelSchemaVersion, before.id).content == before.content
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "added label schema version")).one()
        assert event.detail == {"schema": "Standard", "version": 2, "changes": 3, "reason": "People were unsure"}
    assert "an earlier one" in browse.get(f"{place}?version=1")
    browse.get(f"{place}?version=3", status=404)


def test_a_form_that_cannot_be_a_version_is_shown_again_as_it_was_typed(browse, database):
    before = standard(database)
    browse.as_("admin")
    address = f"/schemas/{before.schema_id}/versions"
    sent = filled_in(browse.get(f"/schemas/{before.schema_id}/edit"))
    assert "Nothing differs from version 1" in browse.post(address, sent, status=422).text
    new = fresh_row(sent, "answer")
    said = browse.post(address, sent | {new + "name": "Not A Name", new + "text": "Odd one"}, status=422).text
    assert "“Odd one”: a name begins with a small letter" in said
    assert filled_in(said)[row_of(filled_in(said), "Not A Name") + "text"] == "Odd one"
    browse.post(address, sent | {"based_on": "7"}, status=409)
    browse.post(address, sent | {"based_on": "seven"}, status=422)
    assert standard(database).id == before.id


def test_two_admins_who_edit_one_version_do_not_overwrite_one_another(database):
    first = standard(database)
    asked = schema_of(first.content)
    with database.transaction() as session:
        fewer = Schema(asked.prompt, asked.answer[1:])
        service.add_version(session, None, first.schema_id, based_on=1, asked=fewer, reason="")
    fewer = Schema(asked.prompt[:-1], asked.answer)
    with database.transaction() as session, pytest.raises(Conflict, match="Somebody saved version 2"):
        service.add_version(session, None, first.schema_id, based_on=1, asked=fewer, reason="")


def test_a_schema_of_its_own_begins_as_a_copy_and_campaigns_choose_among_the_newest(browse, database):
    origin = standard(database)
    browse.as_("admin")
    assert "Standard, version 1" in browse.get("/schemas")
    browse.post("/schemas", {"name": "Poems", "version_id": origin.id})
    assert (
        "already a schema named" in browse.post("/schemas", {"name": "Poems", "version_id": origin.id}, status=409).text
    )
    assert "Give the schema a name" in browse.post("/schemas", {"name": " ", "version_id": origin.id}, status=422).text
    browse.post("/schemas", {"name": "More", "version_id": "999"}, status=404)
    with database.reading() as session:
        copy = session.scalars(select(LabelSchemaVersion).join(LabelSchema).where(LabelSchema.name == "Poems")).one()
        assert copy.content == origin.content
        assert service.standard_version(session).id == origin.id
    assert f'<option value="{copy.id}">Poems, version 1' in browse.get("/campaigns/new")


def test_a_campaign_keeps_its_version_until_an_admin_moves_it(browse, database):
    first = standard(database)
    asked = schema_of(first.content)
    with database.transaction() as session:
        campaign = campaigns.create_campaign(session, None, name="Round 1")
        noise = campaigns.create_campaign(session, None, name="Noise")
        writing = campaigns.create_campaign(session, None, name="Write", kind="demonstration")
        imported = campaigns.create_campaign(session, None, name="Imported", imported=True)
        more = Schema(asked.prompt, (*asked.answer, Field("tone", "Bad tone", "", "helpful")))
        second = service.add_version(session, None, first.schema_id, based_on=1, asked=more, reason="")
        later = campaigns.create_campaign(session, None, name="Round 2")
    browse.as_("admin")
    assert "Standard, version 1</a>" in browse.get(f"/campaigns/{campaign.id}")
    move = {"schema_version_id": second.id}
    browse.post(f"/campaigns/{campaign.id}/schema", move)
    assert "Standard, version 2</a>" in browse.get(f"/campaigns/{campaign.id}")
    assert "asks Standard, version 2 already" in browse.post(f"/campaigns/{campaign.id}/schema", move, status=409).text
    browse.post(f"/campaigns/{campaign.id}/schema", {"schema_version_id": "999"}, status=404)
    browse.post(f"/campaigns/{campaign.id}/schema", {"schema_version_id": "x"}, status=422)
    assert "asks for no labels" in browse.post(f"/campaigns/{writing.id}/schema", move, status=422).text
    with database.reading() as session:
        asks = dict(session.execute(select(Campaign.id, Campaign.schema_version_id)).all())
        event = session.scalars(select(AuditEvent).where(AuditEvent.action.startswith("moved campaign"))).one()
    assert asks == {
        campaign.id: second.id,
        noise.id: first.id,
        writing.id: None,
        imported.id: None,
        later.id: second.id,
    }
    assert event.detail == {"from": "Standard, version 1", "to": "Standard, version 2"}
    assert event.subject_id == str(campaign.id)


def test_researchers_read_schemas_and_only_admins_change_them(browse, database):
    version = standard(database)
    with database.transaction() as session:
        campaign = campaigns.create_campaign(session, None, name="Round 1")
    for role in ("researcher", "engineer"):
        browse.as_(role)
        assert "/edit" not in browse.get(f"/schemas/{version.schema_id}")
        assert "Begin another schema" not in browse.get("/schemas")
        browse.get(f"/schemas/{version.schema_id}/edit", status=403)
        browse.post(f"/schemas/{version.schema_id}/versions", {}, status=403)
        browse.post("/schemas", {"name": "n", "version_id": version.id}, status=403)
        browse.post(f"/campaigns/{campaign.id}/schema", {"schema_version_id": version.id}, status=403)
    browse.get("/schemas/999", status=404)
    browse.as_("labeler")
    browse.get("/schemas", status=403)
    with database.reading() as session:
        assert session.scalar(select(func.count(LabelSchemaVersion.id))) == 2  # those that the migrations brought


def test_without_any_schema_a_campaign_says_what_to_do(database):
    with database.transaction() as session:
        session.execute(delete(LabelSchemaVersion))
        session.execute(delete(LabelSchema))
        with pytest.raises(Invalid, match="Run the migrations"):
            campaigns.create_campaign(session, None, name="Round 1")
