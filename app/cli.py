"""The ``prefloop`` command; every command is a few lines that call a room's service."""

from pathlib import Path
from typing import Annotated

import typer

from app.database import Database
from app.errors import DomainError
from app.settings import load_settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
people = typer.Typer(no_args_is_help=True, help="Accounts.")
cli.add_typer(people, name="people")
snapshot = typer.Typer(no_args_is_help=True, help="Frozen training sets.")
cli.add_typer(snapshot, name="snapshot")


def database() -> Database:
    return Database(load_settings().database)


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from app.migrate import migrate as run

    run(load_settings().database)
    typer.echo("The database is up to date.")


@cli.command()
def serve(
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 8000,
    workers: Annotated[int, typer.Option(help="web processes")] = 1,
) -> None:
    """Run the web application."""
    import uvicorn

    uvicorn.run("app.main:create_app", factory=True, host=host, port=port, workers=workers, access_log=False)


@people.command("add")
def add_person(
    email: str, role: Annotated[str, typer.Option(help="labeler, researcher, engineer or admin")], name: str = ""
) -> None:
    """Add an account and print its one-time password."""
    from app.people import service

    with database().transaction() as session:
        person, password = service.add_person(session, None, email=email, name=name, role=role)
    typer.echo(f"{person.email} ({person.role}) signs in once with: {password}")


@cli.command("import")
def import_files(
    kind: Annotated[str, typer.Argument(help="prompts, demonstrations, candidates, rankings, corpus or detect")],
    files: list[Path],
    fmt: Annotated[str, typer.Option("--format", help="auto, jsonl, csv, parquet or txt")] = "auto",
) -> None:
    """Bring files into the pool; bad lines are listed, and each file is imported as a whole or not at all."""
    from app.prompts import service

    useless = 0
    for file in files:
        with database().transaction() as session:
            entry = service.import_file(session, load_settings(), None, file, file.name, kind=kind, fmt=fmt)
        typer.echo(service.summary_of(entry))
        useless += entry.rejected == entry.rows
    raise typer.Exit(1 if useless else 0)  # a file without one good row is most likely the wrong file


@snapshot.command("create")
def create_snapshot(
    name: Annotated[str, typer.Option(help="what to call it")],
    campaign: Annotated[list[str] | None, typer.Option(help="id or name; repeat for several; default all")] = None,
    phase: Annotated[list[str] | None, typer.Option(help="training (default) or evaluation")] = None,
    source: Annotated[list[str] | None, typer.Option(help="source of prompts; repeat for several")] = None,
    min_answers: Annotated[int, typer.Option(help="leave out rankings of fewer answers")] = 2,
    heldout_share: Annotated[float, typer.Option(help="part of users or prompts to hold out")] = 0.1,
    split_seed: int = 0,
) -> None:
    """Freeze a training set."""
    from app.snapshots import rules, service

    with database().transaction() as session:
        campaigns = service.campaigns_named(session, campaign or [])
        phases, sources = tuple(phase or ["training"]), tuple(source or [])
        filters = rules.Filters(campaigns, phases, sources, min_answers, heldout_share, split_seed)
        frozen = service.create_snapshot(session, load_settings(), None, name, filters)
        typer.echo(service.summary_of(load_settings(), frozen))


@snapshot.command("show")
def show_snapshot(snapshot_id: Annotated[str, typer.Argument(metavar="ID", help="id, name or digest")]) -> None:
    """Print what a snapshot holds and whether its files are what was frozen."""
    from app.snapshots import service

    with database().reading() as session:
        typer.echo(service.summary_of(load_settings(), service.snapshot_for(session, snapshot_id)))


@cli.command()
def export(
    fmt: Annotated[str, typer.Argument(metavar="FORMAT", help="native, csv, trl or openrlhf")],
    snapshot_id: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="id, name or digest")],
    out: Annotated[Path, typer.Option(help="folder to write into")],
) -> None:
    """Write a snapshot in another tool's format."""
    from app.snapshots import service

    with database().reading() as session:
        report = service.export_snapshot(load_settings(), service.snapshot_for(session, snapshot_id), fmt, out)
    typer.echo("\n".join(report.lines()))


def main() -> None:
    """Run a command; what a person can mend is one sentence and exit code 1, not a traceback."""
    try:
        cli()
    except DomainError as error:
        typer.secho(str(error), fg="red", err=True)
        raise SystemExit(1) from None
