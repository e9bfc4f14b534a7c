"""The form by which a run is started."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from app.errors import DomainError, Invalid
from app.language import gettext as _
from app.models import ModelVersion, Run
from app.quality.integrity import service as integrity
from app.training.generators import service as generators
from app.training.registry import service as registry
from app.training.runs import forms, rules, service
from app.training.runs.pages import (
    RunForm,
)
from app.training.runs.routes import Engineer
from app.training.snapshots import service as snapshots
from app.web.forms import whole_number
from app.web.render import go, render
from app.web.requests import AppSettings, Reading, database_of
from trainer.contract.configs import DRAWS, PARENTS
from trainer.contract.folder import Stage
from trainer.contract.presets import presets_of

router = APIRouter()


async def _form(request: Request) -> dict[str, str]:
    return forms.joined((await request.form()).multi_items())


Form = Annotated[dict[str, str], Depends(_form)]


@router.get("/runs/new")
def new_run(
    request: Request, session: Reading, _engineer: Engineer, stage: str = "sft", like: str = ""
) -> HTMLResponse:
    """The form for a run. The address may fill it: field by field, or ``like`` the run of this number."""
    given = forms.joined(request.query_params.multi_items())
    if like:
        earlier = service.run_for(session, whole_number(like, _("The run to start again")))
        stage, given = earlier.stage, _form_of(earlier) | given
    return render(request, _run_form(session, stage, given))


def _form_of(run: Run) -> dict[str, str]:
    parents = {parent.role: parent.model_version_id for parent in run.parents}
    return forms.form_of_run(run.config, parents, run.snapshot_id, run.seed, run.purpose)


def _run_form(session: Session, stage: str, given: dict[str, str], error: DomainError | None = None) -> RunForm:
    if stage not in rules.STAGES:
        raise Invalid(_("There is no stage “%(stage)s”.", stage=stage))
    known: Stage = stage
    config = {key.removeprefix("config-"): value for key, value in given.items() if key.startswith("config-")}
    first, rest = forms.form_fields(known, config)
    roles = [
        (role, kind, _usual_first(registry.models(session, rules.KINDS_FOR_ROLE[role]), kind))
        for role, kind in PARENTS[known]
    ]
    return RunForm(
        stage=known,
        description=_(rules.DESCRIPTIONS[known]),
        first=first,
        rest=rest,
        roles=roles,
        generators=generators.generators(session) if known in DRAWS else [],
        snapshots=snapshots.snapshots(session),
        wants_snapshot=rules.needs_snapshot(known),
        written=integrity.writing_campaigns(session) if known == "detect" else [],
        chosen=given,
        seed=given.get("seed") or rules.new_seed(),
        error=str(error) if error else "",
        problems=error.fields if isinstance(error, Invalid) else {},
    )


def _usual_first(models: Sequence[ModelVersion], kind: str) -> list[ModelVersion]:
    return sorted(models, key=lambda model: model.kind != kind)


@router.post("/runs/new")
def fill_in(request: Request, session: Reading, _engineer: Engineer, form: Form) -> HTMLResponse:
    """The form again, with the settings of a ``preset`` in place of those that stood in it."""
    stage = form.get("stage", "")
    known = presets_of(stage) if stage in rules.STAGES else {}
    if (name := form.get("preset", "")) not in known:
        raise Invalid(_("There is no preset “%(name)s” for this stage.", name=name))
    others = {key: value for key, value in form.items() if not key.startswith("config-")}
    settings = {f"config-{name}": forms.as_text(value) for name, value in known[name].items()}
    return render(request, _run_form(session, stage, others | settings))


@router.post("/runs")
def start_run(request: Request, engineer: Engineer, settings: AppSettings, form: Form) -> Response:
    """Start a run from the form: ``stage``, ``snapshot``, ``parent-<role>``, ``config-<setting>``, ``seed``, ``name``.

    A sample run takes a model or a generator as ``parent-policy``; it also takes ``prompts-split``, ``prompts-count``
    and, to send the answers to labelers, ``campaign-name``, ``campaign-phase`` and ``campaign-overlap``; a detect run
    ``texts-campaign``. With ``trial`` it takes a few steps only, and tells what all of them are going to take.
    """
    stage, numbers = form.get("stage", ""), _Numbers(form)
    generator_id, given = _generator(form)
    roles = {
        role: numbers.read(f"parent-{role}", _("The model as “%(role)s”", role=role))
        for role in _part(given, "parent-")
    }
    try:
        with database_of(request).transaction() as session:
            run = service.start_run(
                session,
                engineer,
                service.Order(
                    stage=stage,
                    config=_part(form, "config-"),
                    parents={role: model_id for role, model_id in roles.items() if model_id is not None},
                    snapshot_id=numbers.read("snapshot", _("The snapshot")),
                    seed=numbers.read("seed", _("The seed")) or 0,
                    name=form.get("name", ""),
                    purpose=_purpose(stage, form, numbers),
                    generator_id=generator_id,
                ),
                corpora=settings.data_dir / "corpora",
                data_dir=settings.data_dir,
                unread=numbers.unread,
            )
            run_id = run.id
    except DomainError as error:
        with database_of(request).reading() as session:
            return render(request, _run_form(session, stage, form, error), error.status)
    return go(f"/runs/{run_id}")


def _part(form: dict[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in form.items() if key.startswith(prefix)}


def _generator(form: dict[str, str]) -> tuple[int | None, dict[str, str]]:
    """The generator that is chosen in place of the model "policy", and the form without that choice."""
    number = form.get("parent-policy", "").removeprefix(forms.GENERATOR)
    if number == form.get("parent-policy", ""):
        return None, form
    rest = {name: value for name, value in form.items() if name != "parent-policy"}
    return whole_number(number, _("The generator"), 0), rest


class _Numbers:
    """The whole numbers of a form. What is none is no reason to stop reading: it is told together with the rest."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self.unread: dict[str, str] = {}

    def read(self, field: str, name: str) -> int | None:
        """The number in a field; nothing where it is empty, or holds none and stands in ``unread``."""
        try:
            return whole_number(self._form[field], name) if self._form.get(field) else None
        except Invalid as error:
            self.unread[field] = str(error)
            return None


def _purpose(stage: str, form: Mapping[str, str], numbers: _Numbers) -> dict[str, Any]:
    """What the application does with the result, or takes the input from, as the form says for this stage."""
    trial = {"trial": True} if form.get("trial") else {}
    if stage == "detect" and form.get("texts-campaign"):
        return trial | {"texts": {"campaign": numbers.read("texts-campaign", _("The campaign"))}}
    return trial | (_purpose_of_samples(form, numbers) if stage == "sample" else {})


def _purpose_of_samples(form: Mapping[str, str], numbers: _Numbers) -> dict[str, Any]:
    count = numbers.read("prompts-count", _("The number of prompts"))
    purpose: dict[str, Any] = {
        "prompts": {"split": form.get("prompts-split", "any"), "count": 100 if count is None else count}
    }
    if (seed := numbers.read("prompts-seed", _("The seed of the prompt draw"))) is not None:
        purpose["prompts"]["seed"] = seed
    if name := form.get("campaign-name", "").strip():
        overlap = numbers.read("campaign-overlap", _("People per task"))
        purpose["campaign"] = {
            "name": name,
            "phase": form.get("campaign-phase", "training"),
            "overlap": 1 if overlap is None else overlap,
        }
    return purpose
