"""Imports from the command line."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from app.database import Database
from app.errors import DomainError
from app.labeling.importing import service
from app.models import Import
from app.scratch import sweep
from app.settings import Settings


def import_files(
    database: Database,
    settings: Settings,
    files: Sequence[Path],
    *,
    kind: str,
    fmt: str,
    dry_run: bool,
    as_json: Path | None,
    say: Callable[[str], None],
) -> bool:
    """Import files, each in its own transaction, and say what became of each.

    Returns:
        Whether every file had a good row.
    """
    sweep(settings.data_dir)
    told: list[dict[str, object]] = []
    useful = True
    try:
        for file in files:
            container = service.container_of(file, fmt)
            try:
                entry = _import_file(database, settings, file, kind, fmt, dry_run=dry_run)
            except DomainError as error:
                told.append(service.refused_whole(file.name, container, str(error)))
                raise
            told.append(service.told_of(entry, container))
            say(service.summary_of(entry))
            useful = useful and entry.rejected < entry.rows
        if dry_run:
            say("This was a trial: nothing was kept.")
    finally:
        if as_json is not None:
            as_json.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return useful


def _import_file(database: Database, settings: Settings, file: Path, kind: str, fmt: str, *, dry_run: bool) -> Import:
    with database.trial() if dry_run else database.transaction() as session:
        return service.import_file(session, settings, None, file, file.name, kind=kind, fmt=fmt, trial=dry_run)
