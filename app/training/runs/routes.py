"""Pages of runs: the dashboard, the list, one run, and what it reports."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy.orm import Session

from app.language import gettext as _
from app.language import mark, ngettext
from app.models import ModelVersion, Person, Run
from app.roles import may
from app.settings import Settings
from app.training.runs import rules, service
from app.training.runs.figures.cross_validation import cross_picture
from app.training.runs.figures.judging import judging_pictures
from app.training.runs.pages import (
    HEADLINE_SERIES,
    DashboardPage,
    ForecastCard,
    Pipeline,
    RunFigures,
    RunPage,
    RunProgress,
    RunRow,
    RunSamples,
    RunsPage,
    RunsTable,
    Station,
)
from app.web.render import go, render, tell
from app.web.requests import AppSettings, Now, Reading, Writing, needs
from trainer.contract.folder import saved_step
from trainer.contract.forecast import Forecast

router = APIRouter()
Viewer = Annotated[Person, Depends(needs(lambda role: may(role, "see_results")))]
Engineer = Annotated[Person, Depends(needs(lambda role: may(role, "train")))]
SHOWN_RUNS = 100
SHORT = {"loss/heldout": mark("held-out loss"), "reward/heldout_accuracy": mark("accuracy"), "kl/sequence_end": "KL"}


@router.get("/dashboard")
def dashboard(request: Request, session: Reading, settings: AppSettings, now: Now, _viewer: Viewer) -> HTMLResponse:
    table = _table(session, settings, now, 8, "/dashboard/runs")
    return render(request, DashboardPage(_pipeline(session), table))


@router.get("/dashboard/runs")
def dashboard_runs(
    request: Request, session: Reading, settings: AppSettings, now: Now, _viewer: Viewer
) -> HTMLResponse:
    return render(request, _table(session, settings, now, 8, "/dashboard/runs"))


@router.get("/dashboard/pipeline")
def dashboard_pipeline(request: Request, session: Reading, _viewer: Viewer) -> HTMLResponse:
    return render(request, _pipeline(session))


def _table(session: Session, settings: Settings, now: datetime, most: int, address: str) -> RunsTable:
    rows = [_row(session, settings, run, now, _spark(settings, run)) for run in service.recent_runs(session, most)]
    return RunsTable(rows, address)


def _row(session: Session, settings: Settings, run: Run, now: datetime, spark: str = "") -> RunRow:
    return RunRow(run, now, spark, service.worker_gone(session, settings, run))


def _spark(settings: Settings, run: Run) -> str:
    """The headline curve of a running run, small; finished runs show their number only."""
    if run.status != "running":
        return ""
    series = service.read_metrics(service.folder_of(settings, run.id))
    known = next((series[name] for name in HEADLINE_SERIES.get(run.stage, ()) if name in series), None)
    return rules.sparkline(known[1]) if known else ""


def _pipeline(session: Session) -> Pipeline:
    counts, newest = service.pipeline_counts(session), service.newest_models(session)

    def model(kind: str, title: str, metric: str, stage: str) -> Station:
        known = newest.get(kind)
        value = known.metrics.get(metric) if known else None
        detail = f"{_(SHORT[metric])} {value:.3f}" if isinstance(value, int | float) else ""
        if kind == "reward" and known and (unseen := _unseen_accuracy(session, known)) is not None:
            detail += _(", %(accuracy)s with new people", accuracy=f"{unseen:.3f}")
        address = f"/models/{known.id}" if known else "/models"
        name = known.name if known else _("none yet")
        return Station(title, name, detail, address, _("train"), f"/runs/new?stage={stage}")

    several = counts["answered_prompts"]
    stations = [
        Station(_("Prompts"), f"{counts['prompts']:,}", _("in the pool"), "/prompts", _("import"), "/prompts/import"),
        Station(_("Demonstrations"), f"{counts['demonstrations']:,}", _("written by people"), "/prompts"),
        model("base", _("Base"), "loss/heldout", "pretrain"),
        model("sft", "SFT", "loss/heldout", "sft"),
        Station(
            _("Candidates"),
            f"{counts['candidates']:,}",
            ngettext("for %(num)s prompt", "for %(num)s prompts", several, num=f"{several:,}"),
            "/prompts",
            _("sample"),
            "/runs/new?stage=sample",
        ),
        Station(_("Rankings"), f"{counts['rankings']:,}", _("with ties"), "/campaigns", _("freeze"), "/snapshots"),
        model("reward", _("Reward model"), "reward/heldout_accuracy", "reward"),
        model("policy", "PPO", "kl/sequence_end", "ppo"),
        Station(
            _("Evaluation"),
            _("win rate"),
            _("judged blind"),
            "/evaluations",
            _("measure"),
            "/runs/new?stage=evaluate",
        ),
    ]
    return Pipeline(stations, service.open_campaigns(session))


def _unseen_accuracy(session: Session, model: ModelVersion) -> float | None:
    """Accuracy with people not learned from, by the newest cross-validation on the model's own snapshot."""
    run = service.newest_success(session, "crossvalidate", model.snapshot_id) if model.snapshot_id else None
    value = run.latest.get("reward/unseen_accuracy") if run else None
    return float(value) if isinstance(value, int | float) else None


@router.get("/runs")
def list_runs(request: Request, session: Reading, settings: AppSettings, now: Now, _viewer: Viewer) -> HTMLResponse:
    return render(request, RunsPage(_table(session, settings, now, SHOWN_RUNS, "/runs/table"), rules.DESCRIPTIONS))


@router.get("/runs/table")
def runs_table(request: Request, session: Reading, settings: AppSettings, now: Now, _viewer: Viewer) -> HTMLResponse:
    return render(request, _table(session, settings, now, SHOWN_RUNS, "/runs/table"))


@router.get("/runs/{run_id}.json")
def run_json(run_id: int, session: Reading, _viewer: Viewer) -> JSONResponse:
    """State of a run for programs: status, progress, newest numbers, and what it left."""
    run = service.run_for(session, run_id)
    model = service.model_of(session, run)
    return JSONResponse(
        {
            "id": run.id,
            "name": run.name,
            "stage": run.stage,
            "status": run.status,
            "step": run.step,
            "total": run.total,
            "latest": run.latest,
            "error": run.error,
            "resumable": run.resumable,
            "worker": run.worker,
            "heartbeat_at": run.heartbeat_at.isoformat() if run.heartbeat_at else None,
            "model_id": model.id if model else None,
            "candidates": service.candidates_of(session, run),
        }
    )


@router.get("/runs/{run_id}")
def show_run(
    request: Request, run_id: int, session: Reading, settings: AppSettings, now: Now, viewer: Viewer
) -> HTMLResponse:
    run = service.run_for(session, run_id)
    folder = service.folder_of(settings, run_id)
    page = RunPage(
        progress=_progress(session, settings, run, now, viewer),
        figures=_figures(settings, run),
        samples=_samples(settings, run),
        parents=service.parents_of(session, run),
        snapshot=service.snapshot_of(session, run),
        headline_series=HEADLINE_SERIES.get(run.stage, ()),
        log=service.read_log(folder),
    )
    return render(request, page)


def _progress(session: Session, settings: Settings, run: Run, now: datetime, viewer: Person) -> RunProgress:
    return RunProgress(
        row=_row(session, settings, run, now),
        model=service.model_of(session, run),
        candidates=service.candidates_of(session, run),
        may_train=may(viewer.role, "train"),
        saved_step=saved_step(service.folder_of(settings, run.id)),
        forecast=_forecast(settings, run),
    )


def _forecast(settings: Settings, run: Run) -> ForecastCard | None:
    if run.status != "succeeded" or not rules.is_trial(run.purpose):
        return None
    manifest, _problem = service.read_manifest(service.folder_of(settings, run.id))
    return ForecastCard(Forecast.model_validate(manifest.forecast)) if manifest and manifest.forecast else None


def _figures(settings: Settings, run: Run) -> RunFigures:
    manifest, problem = service.read_manifest(service.folder_of(settings, run.id))
    judging = manifest.judging if manifest else None
    crossed = manifest.cross_validation if manifest else None
    return RunFigures(
        run=run,
        live=run.status in ("queued", "running"),
        judging=judging_pictures(judging) if judging else None,
        cross_validation=cross_picture(crossed) if crossed else None,
        notes=manifest.notes if manifest else (),
        problem=problem,
    )


def _samples(settings: AppSettings, run: Run) -> RunSamples:
    return RunSamples(
        run, service.read_samples(service.folder_of(settings, run.id)), run.status in ("queued", "running")
    )


@router.get("/runs/{run_id}/progress")
def run_progress(
    request: Request, run_id: int, session: Reading, settings: AppSettings, now: Now, viewer: Viewer
) -> HTMLResponse:
    return render(request, _progress(session, settings, service.run_for(session, run_id), now, viewer))


@router.get("/runs/{run_id}/figures")
def run_figures(
    request: Request, run_id: int, session: Reading, settings: AppSettings, _viewer: Viewer
) -> HTMLResponse:
    return render(request, _figures(settings, service.run_for(session, run_id)))


@router.get("/runs/{run_id}/figures.json")
def run_figures_json(run_id: int, session: Reading, settings: AppSettings, _viewer: Viewer) -> JSONResponse:
    """The figures of a finished run as the trainer wrote them (``trainer.contract.judging``), for programs."""
    run = service.run_for(session, run_id)
    manifest, problem = service.read_manifest(service.folder_of(settings, run_id))
    kept = manifest.model_dump(include={"notes", "judging", "cross_validation", "forecast"}) if manifest else {}
    return JSONResponse({"id": run.id, "name": run.name, "stage": run.stage, "problem": problem, **kept})


@router.get("/runs/{run_id}/samples")
def run_samples(
    request: Request, run_id: int, session: Reading, settings: AppSettings, _viewer: Viewer
) -> HTMLResponse:
    return render(request, _samples(settings, service.run_for(session, run_id)))


@router.get("/runs/{run_id}/metrics.json")
def run_metrics(run_id: int, session: Reading, settings: AppSettings, _viewer: Viewer) -> JSONResponse:
    run = service.run_for(session, run_id)
    series = service.read_metrics(service.folder_of(settings, run_id))
    return JSONResponse({"status": run.status, "step": run.step, "total": run.total, "series": series})


@router.post("/runs/{run_id}/cancel")
def cancel_run(
    request: Request, run_id: int, engineer: Engineer, session: Writing, settings: AppSettings
) -> RedirectResponse:
    run = service.cancel(session, settings, engineer, run_id)
    if run.status == "cancelled":
        tell(request, _("%(name)s is stopped.", name=run.name))
    elif run.stage in rules.SAVES:
        tell(request, _("%(name)s finishes its step, saves a checkpoint and stops.", name=run.name))
    else:
        tell(request, _("%(name)s is being stopped.", name=run.name))
    return go(f"/runs/{run_id}")


@router.post("/runs/{run_id}/continue")
def continue_run(
    request: Request, run_id: int, engineer: Engineer, session: Writing, settings: AppSettings
) -> RedirectResponse:
    run = service.go_on(session, settings, engineer, run_id)
    tell(request, _("%(name)s continues as soon as a worker is free.", name=run.name))
    return go(f"/runs/{run_id}")
