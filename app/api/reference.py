"""The page that tells people how to use the API, made from its own description."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse

from app.api.application import PREFIX
from app.models import Person
from app.roles import may
from app.web.render import Page, render
from app.web.requests import needs

router = APIRouter()
Programmer = Annotated[Person, Depends(needs(lambda role: may(role, "use_api")))]


@dataclass(frozen=True)
class Part:
    """A parameter or a field: its name, kind and meaning."""

    name: str
    kind: str
    required: bool
    meaning: str


@dataclass(frozen=True)
class Operation:
    method: str
    address: str
    meaning: str
    parameters: Sequence[Part]
    outcomes: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Schema:
    name: str
    meaning: str
    fields: Sequence[Part]


@dataclass(frozen=True)
class ApiPage(Page):
    template: ClassVar[str] = "api/show.html"
    address: str
    operations: Sequence[Operation]
    schemas: Sequence[Schema]


@router.get("/api")
def show_api(request: Request, _programmer: Programmer) -> HTMLResponse:
    description = request.app.state.api.openapi()
    address = str(request.base_url).rstrip("/") + PREFIX
    return render(request, ApiPage(address, list(_operations(description)), list(_schemas(description))))


@router.get("/api/openapi.json")
def openapi(request: Request, _programmer: Programmer) -> JSONResponse:
    """The same description as at /api/v1/openapi.json, for a browser that is signed in."""
    return JSONResponse(request.app.state.api.openapi())


def _operations(description: Mapping[str, Any]) -> Iterator[Operation]:
    for address, methods in description["paths"].items():
        for method, told in methods.items():
            parameters = [
                Part(p["name"], kind_of(p["schema"]), p.get("required", False), p.get("description", ""))
                for p in told.get("parameters", [])
            ]
            if body := told.get("requestBody"):
                kind = kind_of(body["content"]["application/json"]["schema"])
                parameters.append(Part("body", kind, required=True, meaning="JSON"))
            outcomes = [(status, outcome["description"]) for status, outcome in sorted(told["responses"].items())]
            yield Operation(method.upper(), PREFIX + address, told.get("description", ""), parameters, outcomes)


def _schemas(description: Mapping[str, Any]) -> Iterator[Schema]:
    for name, told in description["components"]["schemas"].items():
        if told.get("type") != "object" or name.endswith("ValidationError"):
            continue
        required = told.get("required", [])
        fields = [
            Part(field, kind_of(part), field in required, part.get("description", ""))
            for field, part in told.get("properties", {}).items()
        ]
        yield Schema(name, told.get("description", ""), fields)


def kind_of(schema: Mapping[str, Any]) -> str:
    """A JSON schema in a few words: ``list of SentItem``, ``number or nothing``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(kind_of(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(extra := schema.get("additionalProperties"), dict):
        return f"name to {kind_of(extra)}"
    words = {"null": "nothing", "string": "text", "integer": "whole number"}
    kind = str(schema.get("type", "anything"))
    return words.get(kind, kind) if schema.get("format") != "date-time" else "time"
