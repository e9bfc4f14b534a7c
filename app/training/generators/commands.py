"""Generators from the command line."""

from collections.abc import Mapping
from typing import Any

from app.database import Database
from app.models import Generator
from app.settings import Settings
from app.training.generators import service


def add(database: Database, settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check and enter a generator; returns what programs are told of it."""
    wished = service.wish(settings, given)
    with database.transaction() as session:
        return told(service.add(session, settings, None, wished))


def change(database: Database, settings: Settings, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Change what is given of a generator."""
    with database.reading() as session:
        generator = service.generator_named(session, name)
        before = {one: getattr(generator, one) for one in service.TOLD}
    wished = service.wish(settings, before | {key: value for key, value in given.items() if value not in (None, "")})
    with database.transaction() as session:
        generator = service.generator_named(session, name)
        service.change(session, settings, None, generator, wished)
        return told(generator)


def listed(database: Database) -> list[dict[str, Any]]:
    with database.reading() as session:
        return [told(generator) for generator in service.generators(session)]


def shown(database: Database, name: str) -> dict[str, Any]:
    with database.reading() as session:
        return told(service.generator_named(session, name))


def try_out(database: Database, settings: Settings, name: str, prompt: str) -> str:
    with database.reading() as session:
        generator = service.generator_named(session, name)
    return service.try_out(service.as_server(settings, generator), service.key_of(settings, generator), prompt)


def remove(database: Database, name: str) -> dict[str, Any]:
    """Take a generator out; returns what it was."""
    with database.transaction() as session:
        generator = service.generator_named(session, name)
        service.remove(session, None, generator)
        return told(generator)


def told(generator: Generator) -> dict[str, Any]:
    """A generator for programs; the commands' stable form, without the key."""
    return {"id": generator.id, **service.told(generator), "created_at": generator.created_at.isoformat()}


def line(generator: Mapping[str, Any]) -> str:
    return f"{generator['id']:>5}  {generator['name']:<24} {generator['model']:<36} {generator['url']}"


def lines(generator: Mapping[str, Any]) -> list[str]:
    """A generator for people, one thing a line."""
    return [f"{key:<20} {value}" for key, value in generator.items() if value is not None]
