"""Models from the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.database import Database
from app.errors import Conflict
from app.language import gettext as _
from app.models import ModelVersion
from app.scratch import scratch
from app.settings import Settings
from app.training.registry import bringing, service

Say = Callable[[str], None]
BILLION, MILLION = 1e9, 1e6


def add(
    database: Database,
    settings: Settings,
    folder: Path | None,
    hub: str | None,
    *,
    name: str,
    kind: str,
    copy: bool,
    say: Say,
) -> dict[str, Any]:
    """Bring a model from a folder or a hub; returns what programs are told of it.

    Raises:
        Conflict: both are given, or neither.
    """
    if hub and folder is None:
        model = bringing.add_from_hub(database, settings, None, hub, name=name, kind=kind, say=say)
    elif folder is not None and not hub:
        model = bringing.add_folder(database, settings, None, folder, name=name, kind=kind, copy=copy, say=say)
    else:
        raise Conflict(_("Name a folder, or a repository with --from-hub."))
    return shown(database, settings, model.name)


def listed(database: Database, settings: Settings) -> list[dict[str, Any]]:
    """All models, newest first."""
    with database.reading() as session:
        return [told(model, settings) for model in service.models(session)]


def shown(database: Database, settings: Settings, name: str) -> dict[str, Any]:
    with database.reading() as session:
        return told(service.model_named(session, name), settings)


def rename(database: Database, name: str, new: str) -> None:
    with database.transaction() as session:
        service.rename(session, None, service.model_named(session, name), new)


def download(database: Database, settings: Settings, name: str, out: Path) -> None:
    """Copy a model's folder.

    Raises:
        Conflict: there is something at the target already.
    """
    with database.reading() as session:
        folder = settings.data_dir.resolve() / service.model_named(session, name).path
    if out.exists():
        raise Conflict(_("There is something at %(folder)s already. Name a new folder.", folder=str(out)))
    with scratch(out.resolve().parent) as partial:  # a copy that breaks off leaves no half model
        shutil.copytree(folder, partial / "model").rename(out)


def told(model: ModelVersion, settings: Settings) -> dict[str, Any]:
    """A model for programs; the commands' stable form."""
    return {
        "id": model.id,
        "name": model.name,
        "kind": model.kind,
        "folder": str(settings.data_dir.resolve() / model.path),
        "run": model.run_id,
        "parents": {link.role: link.parent.name for link in model.parents},
        "created_at": model.created_at.isoformat(),
        "metrics": model.metrics,
        **{key: value for key, value in model.provenance.items() if key != "files"},
    }


def line(model: dict[str, Any]) -> str:
    """One line of a list: name, kind, size and where it comes from."""
    count = model.get("parameters")
    size = "" if count is None else f"{count / BILLION:,.1f} B" if count >= BILLION else f"{count / MILLION:,.1f} M"
    source = model.get("source") or (f"run {model['run']}" if model["run"] else "")
    return f"{model['id']:>5}  {model['name']:<28} {model['kind']:<7} {size:>9}  {source}"


def lines(model: dict[str, Any]) -> list[str]:
    """A model for people, one thing a line."""
    return [f"{key:<14} {_said(value)}" for key, value in model.items() if value not in (None, {}, [])]


def _said(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
