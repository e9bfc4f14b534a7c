"""The ``prefloop`` command; every command is a few lines that call a room's service."""

from typing import Annotated

import typer

from app.database import Database
from app.errors import DomainError
from app.settings import load_settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
people = typer.Typer(no_args_is_help=True, help="Accounts.")
cli.add_typer(people, name="people")


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


def main() -> None:
    """Run a command; what a person can mend is one sentence and exit code 1, not a traceback."""
    try:
        cli()
    except DomainError as error:
        typer.secho(str(error), fg="red", err=True)
        raise SystemExit(1) from None
