from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.errors import DomainError, Invalid
from app.language import gettext as _
from app.models import Generator, Person
from app.roles import may
from app.settings import Settings
from app.training.generators import rules, service
from app.training.generators.pages import GeneratorForm, GeneratorsPage
from app.web.render import go, render, tell
from app.web.requests import AppSettings, Reading, Writing, database_of, needs
from trainer.contract.addresses import hosts_of

router = APIRouter()
Engineer = Annotated[Person, Depends(needs(lambda role: may(role, "train")))]
Manager = Annotated[Person, Depends(needs(lambda role: may(role, "manage_generators")))]


async def _typed(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


Typed = Annotated[dict[str, str], Depends(_typed)]


@router.get("/generators")
def list_generators(request: Request, session: Reading, settings: AppSettings, _engineer: Engineer) -> HTMLResponse:
    return render(request, GeneratorsPage(service.generators(session), hosts_of(settings.generator_hosts)))


@router.get("/generators/add")
def add_form(request: Request, settings: AppSettings, _manager: Manager) -> HTMLResponse:
    return render(request, _form(settings, rules.DEFAULTS))


@router.post("/generators/add")
def add_generator(request: Request, settings: AppSettings, manager: Manager, typed: Typed) -> Response:
    """Check and enter a generator: ``name``, ``url``, ``model``, ``key`` and the limits."""
    try:
        wished = service.wish(settings, typed)
        with database_of(request).transaction() as session:
            generator_id = service.add(session, settings, manager, wished).id
    except DomainError as error:
        return render(request, _form(settings, typed, error=error), error.status)
    tell(request, _("“%(name)s” was added. Try it with a prompt.", name=wished.server.name))
    return go(f"/generators/{generator_id}")


@router.get("/generators/{generator_id}")
def show_generator(
    request: Request, generator_id: int, session: Reading, settings: AppSettings, _manager: Manager
) -> HTMLResponse:
    generator = service.generator_for(session, generator_id)
    return render(request, _form(settings, _fields(generator), generator))


@router.post("/generators/{generator_id}")
def change_generator(
    request: Request, generator_id: int, settings: AppSettings, manager: Manager, typed: Typed
) -> Response:
    """Change a generator; an empty ``key`` keeps the one there is, ``forget`` takes it away."""
    try:
        wished = service.wish(settings, typed)
        with database_of(request).transaction() as session:
            service.change(session, settings, manager, service.generator_for(session, generator_id), wished)
    except DomainError as error:
        with database_of(request).reading() as session:
            generator = service.generator_for(session, generator_id)
            return render(request, _form(settings, typed, generator, error), error.status)
    tell(request, _("The changes are saved."))
    return go(f"/generators/{generator_id}")


@router.post("/generators/{generator_id}/test")
def try_generator(
    request: Request, generator_id: int, settings: AppSettings, _manager: Manager, prompt: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Ask a generator one thing and show its answer."""
    answer, problem, status = None, "", 200
    with database_of(request).reading() as session:
        generator = service.generator_for(session, generator_id)
        server = service.as_server(settings, generator)
    try:
        answer = service.try_out(server, service.key_of(settings, generator), prompt)
    except DomainError as error:
        problem, status = str(error), error.status
    page = _form(settings, _fields(generator), generator, prompt=prompt, answer=answer, prompt_problem=problem)
    return render(request, page, status)


@router.post("/generators/{generator_id}/remove")
def remove_generator(request: Request, generator_id: int, session: Writing, manager: Manager) -> Response:
    generator = service.generator_for(session, generator_id)
    service.remove(session, manager, generator)
    tell(request, _("“%(name)s” was taken out.", name=generator.name))
    return go("/generators")


def _fields(generator: Generator) -> dict[str, str]:
    told = {name: getattr(generator, name) for name in rules.FIELDS}
    return {name: f"{value:g}" if isinstance(value, float) else str(value or "") for name, value in told.items()}


def _form(
    settings: Settings,
    chosen: Mapping[str, Any],
    known: Generator | None = None,
    error: DomainError | None = None,
    **tried: Any,
) -> GeneratorForm:
    problems = error.fields if isinstance(error, Invalid) else {}
    # What stands at its field is not said twice.
    general = _("Some fields are missing or cannot be used.") if problems else str(error or "")
    return GeneratorForm(
        hosts=hosts_of(settings.generator_hosts),
        chosen=chosen,
        known=known,
        error=general,
        problems=problems,
        **tried,
    )
