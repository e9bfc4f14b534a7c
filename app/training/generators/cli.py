"""``prefloop generator``; every command is a few lines, and nothing heavy is loaded before one is called."""

import getpass
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from app.database import Database
from app.settings import load_settings

generator = typer.Typer(no_args_is_help=True, help="Servers that answer in place of a model (OpenAI-compatible).")


def database() -> Database:
    return Database(load_settings().database)


AsJson = Annotated[bool, typer.Option("--json", help="everything, for programs")]
Named = Annotated[str, typer.Argument(help="or id")]
Key = Annotated[bool, typer.Option("--key", help="ask for the server's key, or read it from standard input")]
Concurrency = Annotated[int | None, typer.Option(help="requests under way at the same time")]
PerMinute = Annotated[int | None, typer.Option("--requests-per-minute", help="at most")]
Timeout = Annotated[float | None, typer.Option("--timeout", help="seconds for one answer")]


@generator.command("add")
def add_generator(
    name: Annotated[str, typer.Option(help="what to call it")],
    url: Annotated[str, typer.Option(help="base address, such as https://api.example.com/v1")],
    model: Annotated[str, typer.Option(help="as the server calls it")],
    key: Key = False,
    concurrency: Concurrency = None,
    requests_per_minute: PerMinute = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Add a generator. Its host must be among PREFLOOP_GENERATOR_HOSTS; the key is kept encrypted."""
    from app.training.generators import commands

    given: dict[str, Any] = {
        "name": name,
        "url": url,
        "model": model,
        "key": _key(asked=key),
        "concurrency": concurrency,
    }
    given |= {"requests_per_minute": requests_per_minute, "timeout_seconds": timeout}
    added = commands.add(database(), load_settings(), given)
    _tell(added, commands.lines(added), as_json=as_json)


@generator.command("change")
def change_generator(
    name: Named,
    new_name: Annotated[str | None, typer.Option("--name", help="what to call it")] = None,
    url: Annotated[str | None, typer.Option(help="base address")] = None,
    model: Annotated[str | None, typer.Option(help="as the server calls it")] = None,
    key: Key = False,
    concurrency: Concurrency = None,
    requests_per_minute: PerMinute = None,
    timeout: Timeout = None,
) -> None:
    """Change what is given of a generator."""
    from app.training.generators import commands

    given: dict[str, Any] = {
        "name": new_name,
        "url": url,
        "model": model,
        "key": _key(asked=key),
        "concurrency": concurrency,
    }
    given |= {"requests_per_minute": requests_per_minute, "timeout_seconds": timeout}
    commands.change(database(), load_settings(), name, given)


@generator.command("list")
def list_generators(as_json: AsJson = False) -> None:
    """List all generators."""
    from app.training.generators import commands

    found = commands.listed(database())
    _tell(found, [commands.line(one) for one in found] or ["No generators yet."], as_json=as_json)


@generator.command("show")
def show_generator(name: Named, as_json: AsJson = False) -> None:
    """Print what is known of a generator, without its key."""
    from app.training.generators import commands

    found = commands.shown(database(), name)
    _tell(found, commands.lines(found), as_json=as_json)


@generator.command("test")
def try_generator(name: Named, prompt: str) -> None:
    """Ask a generator one thing and print its answer."""
    from app.training.generators import commands

    typer.echo(commands.try_out(database(), load_settings(), name, prompt))


@generator.command("rm")
def remove_generator(name: Named, as_json: AsJson = False) -> None:
    """Take out a generator that no run is to draw from."""
    from app.training.generators import commands

    removed = commands.remove(database(), name)
    if as_json:
        _tell(removed, [], as_json=True)


def _key(*, asked: bool) -> str:
    """The key, never as an argument: those are seen by everybody on the machine, and kept by the shell."""
    if not asked:
        return ""
    return getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def _tell(found: object, lines: Sequence[str], *, as_json: bool) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else "\n".join(lines))
