from itertools import pairwise
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from app.errors import DomainError, NotFound
from app.language import gettext as _
from app.material.schemas import service
from app.material.schemas.forms import rows_from, rows_of, schema_from
from app.material.schemas.pages import EditSchemaPage, SchemaPage, SchemaRow, SchemasPage, VersionRow
from app.material.schemas.rules import differences, schema_of
from app.models import LabelSchemaVersion, Person
from app.roles import may
from app.web.forms import whole_number
from app.web.render import go, render, tell
from app.web.requests import Reading, database_of, needs

router = APIRouter()
Reader = Annotated[Person, Depends(needs(lambda role: may(role, "manage_campaigns")))]
Editor = Annotated[Person, Depends(needs(lambda role: may(role, "manage_schemas")))]


async def _posted(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


Posted = Annotated[dict[str, str], Depends(_posted)]


@router.get("/schemas")
def list_schemas(request: Request, _reader: Reader, session: Reading) -> HTMLResponse:
    return render(request, _list_page(session))


def _list_page(session: Session, name: str = "", error: str = "") -> SchemasPage:
    asking, counts = service.campaigns_by_version(session), service.annotations_by_version(session)
    versions = service.all_versions(session)
    by_schema: dict[int, list[LabelSchemaVersion]] = {}
    for version in versions:
        by_schema.setdefault(version.schema_id, []).append(version)
    rows = [
        SchemaRow(
            newest=own[0],
            campaigns=[campaign for version in own for campaign in asking.get(version.id, [])],
            annotations=sum(counts.get(version.id, 0) for version in own),
        )
        for own in by_schema.values()
    ]
    return SchemasPage(rows, versions, name, error)


@router.post("/schemas")
def copy_schema(
    request: Request,
    editor: Editor,
    name: Annotated[str, Form()] = "",
    version_id: Annotated[str, Form()] = "",
) -> Response:
    database = database_of(request)
    try:
        chosen = whole_number(version_id, _("The version to copy"))
        with database.transaction() as session:
            version = service.copy_schema(session, editor, chosen, name)
    except DomainError as error:
        with database.reading() as session:
            return render(request, _list_page(session, name, str(error)), error.status)
    tell(request, _("“%(name)s” is there. Change its questions, then choose it for a campaign.", name=name.strip()))
    return go(f"/schemas/{version.schema_id}")


@router.get("/schemas/{schema_id}")
def show_schema(
    request: Request, schema_id: int, _reader: Reader, session: Reading, version: int | None = None
) -> HTMLResponse:
    """The newest version of a schema, or the one asked for by number."""
    schema = service.schema_for(session, schema_id)
    history = _history(session, schema_id)
    shown = next((row for row in history if version in (None, row.version.number)), None)
    if shown is None:
        raise NotFound(_("“%(name)s” has no version %(number)s.", name=schema.name, number=version))
    return render(request, SchemaPage(schema, shown, history))


def _history(session: Session, schema_id: int) -> list[VersionRow]:
    asking, counts = service.campaigns_by_version(session), service.annotations_by_version(session)
    versions = service.versions_with_authors(session, schema_id)
    contents = [schema_of(version.content) for version, _ in versions]
    changes = [differences(older, newer) for newer, older in pairwise(contents)]
    return [
        VersionRow(version, author, asking.get(version.id, []), counts.get(version.id, 0), change)
        for (version, author), change in zip(versions, [*changes, []], strict=True)
    ]


@router.get("/schemas/{schema_id}/edit")
def edit_schema(request: Request, schema_id: int, _editor: Editor, session: Reading) -> HTMLResponse:
    schema = service.schema_for(session, schema_id)
    newest = service.newest_version(session, schema_id)
    return render(request, EditSchemaPage(schema, newest.number, rows_of(schema_of(newest.content))))


@router.post("/schemas/{schema_id}/versions")
def add_version(request: Request, schema_id: int, editor: Editor, posted: Posted) -> Response:
    """Store the form as a new version; what was typed is shown again when it cannot be one."""
    database = database_of(request)
    rows, reason = rows_from(posted), posted.get("reason", "")
    based_on = whole_number(posted.get("based_on", ""), _("The version that was edited"))
    try:
        with database.transaction() as session:
            version = service.add_version(
                session, editor, schema_id, based_on=based_on, asked=schema_from(rows), reason=reason
            )
    except DomainError as error:
        with database.reading() as session:
            schema = service.schema_for(session, schema_id)
            page = EditSchemaPage(schema, based_on, rows, reason, str(error))
            return render(request, page, error.status)
    sentence = _(
        "Version %(number)s is saved. Campaigns keep theirs until you move them on their page.", number=version.number
    )
    tell(request, sentence)
    return go(f"/schemas/{schema_id}")
