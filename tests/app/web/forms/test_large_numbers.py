"""A whole number that no column holds is told as what it is, wherever it stands; it is no mistake of ours."""

import re

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from app.api import schemas
from app.models.base import utc_now
from app.people import tokens

LARGE = 2**63


def routes_of(app):
    for entry in app.routes:
        yield from (entry.original_router.routes if hasattr(entry, "original_router") else [entry])


def takes_numbers(field):
    try:
        return TypeAdapter(field.field_info.annotation).validate_python(7, strict=True) == 7
    except ValidationError:
        return False


def numbers_of(route):
    """Names of the whole numbers in the query and in the form."""
    fields = (route.dependant.query_params, route.dependant.body_params)
    return [[field.alias for field in some if takes_numbers(field)] for some in fields]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_no_page_breaks_on_a_number_that_is_too_large(browse):
    browse.as_("admin")
    asked = 0
    for route in routes_of(browse.client.app):
        if not isinstance(route, APIRoute):
            continue
        query, form = numbers_of(route)
        address = re.sub(r"\{[^}]+\}", "1", route.path)
        for method in route.methods & {"GET", "POST"}:
            if query or form:
                asked += 1
                answer = browse.client.request(
                    method,
                    address,
                    params=dict.fromkeys(query, LARGE),
                    data=dict.fromkeys(form, LARGE) if method == "POST" else None,
                    headers={"x-csrf-token": browse.token},
                )
                assert answer.status_code < 500, (method, address, answer.text[:500])
    assert asked > 10


def test_a_program_is_told_which_number_is_too_large(browse, database):
    with database.transaction() as session:
        ana = session.merge(browse.factory.person("ana@example.org", role="engineer"))
        _, secret = tokens.make_token(session, ana, name="nightly", days=30, now=utc_now())
    order = {"model": LARGE, "items": [{"prompt": "p", "answers": ["a"]}]}
    answer = browse.client.post("/api/v1/scores", json=order, headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 422
    assert any(place.startswith("model") for place in answer.json()["error"]["fields"])


def test_every_number_that_a_program_sends_passes_the_same_door():
    class Later(schemas.Sent):
        number: int

    assert Later(number=7).number == 7
    for wrong in (LARGE, -LARGE):
        with pytest.raises(ValidationError, match="at most 2,147,483,647"):
            Later(number=wrong)
