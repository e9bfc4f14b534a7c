"""``prefloop model``; every command is a few lines, and nothing heavy is loaded before one is called."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.database import Database
from app.settings import load_settings

model = typer.Typer(no_args_is_help=True, help="Models: those that runs made, and those brought from elsewhere.")


def database() -> Database:
    return Database(load_settings().database)


AsJson = Annotated[bool, typer.Option("--json", help="everything, for programs")]


@model.command("add")
def add_model(
    name: Annotated[str, typer.Option(help="what to call it")],
    kind: Annotated[str, typer.Option(help="base, sft, reward or policy")],
    folder: Annotated[Path | None, typer.Argument(help="of the model, in Hugging Face's format")] = None,
    hub: Annotated[str | None, typer.Option("--from-hub", metavar="ORG/NAME[@REVISION]", help="fetch it")] = None,
    copy: Annotated[bool, typer.Option("--copy", help="keep a copy; otherwise it must stay where it is")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a model from elsewhere; it is inspected first, and nothing that comes with it is run."""
    from app.training.registry import commands

    added = commands.add(
        database(),
        load_settings(),
        folder,
        hub,
        name=name,
        kind=kind,
        copy=copy,
        say=lambda step: typer.secho(f"{step} …", dim=True, err=True),
    )
    _tell(added, commands.lines(added), as_json=as_json)


@model.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List all models, the newest first."""
    from app.training.registry import commands

    found = commands.listed(database(), load_settings())
    _tell(found, [commands.line(one) for one in found] or ["No models yet."], as_json=as_json)


@model.command("show")
def show_model(name: Annotated[str, typer.Argument(help="or id")], as_json: AsJson = False) -> None:
    """Print what is known of a model."""
    from app.training.registry import commands

    found = commands.shown(database(), load_settings(), name)
    _tell(found, commands.lines(found), as_json=as_json)


@model.command("rename")
def rename_model(name: Annotated[str, typer.Argument(help="or id")], new: str) -> None:
    """Call a model otherwise."""
    from app.training.registry import commands

    commands.rename(database(), name, new)


@model.command("download")
def download_model(
    name: Annotated[str, typer.Argument(help="or id")], out: Annotated[Path, typer.Option(help="new folder")]
) -> None:
    """Copy a model's folder."""
    from app.training.registry import commands

    commands.download(database(), load_settings(), name, out)


@model.command("rm")
def remove_model(name: Annotated[str, typer.Argument(help="or id")]) -> None:
    """Take out a model that was brought from elsewhere and that nothing was made with."""
    from app.training.registry import bringing

    bringing.remove(database(), load_settings(), None, name)


def _tell(found: object, lines: Sequence[str], *, as_json: bool) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else "\n".join(lines))
