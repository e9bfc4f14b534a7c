"""The description of the API, for people and for programs."""

import pytest

from app.api.reference import kind_of


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_page_describes_every_operation_and_says_how_to_ask(browse):
    browse.as_("engineer")
    page = browse.get("/api")
    for told in ("GET", "/api/v1/models", "POST", "/api/v1/scores", "/api/v1/scores/{scoring_id}"):
        assert told in page
    assert "curl http://testserver/api/v1/scores?wait=60" in page
    assert "list of SentItem" in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_browsers_and_programs_read_the_same_description(browse, call):
    browse.as_("researcher")
    seen = browse.client.get("/api/openapi.json").json()
    status, body = call.get("/openapi.json")
    assert (status, body) == (200, seen)
    assert seen["servers"] == [{"url": "/api/v1"}]
    assert set(seen["paths"]) == {"/models", "/scores", "/scores/{scoring_id}"}
    order = seen["paths"]["/scores"]["post"]
    assert order["security"] == [{"HTTPBearer": []}]
    assert {"200", "202", "401", "403", "404", "413", "422"} <= set(order["responses"])


def test_a_schema_reads_as_words():
    assert kind_of({"anyOf": [{"type": "integer"}, {"type": "null"}]}) == "whole number or nothing"
    assert kind_of({"type": "array", "items": {"$ref": "#/components/schemas/SentItem"}}) == "list of SentItem"
    assert kind_of({"type": "object", "additionalProperties": {"type": "number"}}) == "name to number"
    assert kind_of({"type": "string", "format": "date-time"}) == "time"
    assert kind_of({"enum": ["a", "b"], "type": "string"}) == "a, b"
    assert kind_of({}) == "anything"
