"""Generators: entering one after its address was checked, trying it, and handing it to a run."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.language import gettext as _
from app.models import Generator, Person, Run
from app.people import service as people
from app.settings import Settings
from app.training.generators import queries, rules, sealing
from trainer.contract import generators as contract
from trainer.contract.addresses import addresses_of, hosts_of, place_of
from trainer.contract.configs import DRAWS
from trainer.contract.folder import Stage
from trainer.contract.generators import EndpointError
from trainer.contract.records import Message

# What pages read as it is stored.
generators = queries.generators

LONGEST_TRY_SECONDS = 60
TRIED_TOKENS = 256
TOLD = ("name", "url", "model", "concurrency", "requests_per_minute", "timeout_seconds")


@dataclass(frozen=True)
class Wish:
    """A generator that somebody wishes for, its address checked.

    Attributes:
        key: in clear; nothing where none was given.
        forget: whether a key that is kept is to be forgotten.
    """

    server: contract.Generator
    key: str = ""
    forget: bool = False


def wish(settings: Settings, given: Mapping[str, Any]) -> Wish:
    """Check what was typed. The network is asked, so this is no part of a transaction.

    Raises:
        Invalid: a sentence at each field that is wrong.
    """
    key = str(given.get("key") or "").strip()
    if problem := rules.key_problem(key):
        raise Invalid(problem, {"key": problem})
    server = rules.wanted(given, hosts_of(settings.generator_hosts))
    try:
        addresses_of(place_of(server.url, server.hosts))
    except EndpointError as error:
        sentence = _(error.text, **error.values)
        raise Invalid(sentence, {"url": sentence}) from error
    return Wish(server, key, bool(given.get("forget")))


def add(session: Session, settings: Settings, by: Person | None, wished: Wish) -> Generator:
    """Enter a generator.

    Raises:
        Conflict: the name is taken.
    """
    _check_name(session, wished.server.name)
    key = sealing.sealed(settings, wished.key) if wished.key else None
    generator = Generator(**wished.server.model_dump(include=set(TOLD)), sealed_key=key)
    session.add(generator)
    session.flush()
    people.record(session, by, "added generator", generator, told(generator))
    return generator


def change(session: Session, settings: Settings, by: Person | None, generator: Generator, wished: Wish) -> None:
    """Change a generator; a key that is not given anew stays, but goes to no other server.

    Raises:
        Conflict: the name is taken.
        Invalid: the key is for another server.
    """
    before, server = told(generator), wished.server
    if server.name != generator.name:
        _check_name(session, server.name)
    kept = generator.sealed_key and not wished.key and not wished.forget
    if kept and not rules.same_server(server, as_server(settings, generator)):
        sentence = _("This is another server. Enter its key, or choose to forget the old one.")
        raise Invalid(sentence, {"key": sentence})
    for name in TOLD:
        setattr(generator, name, getattr(server, name))
    if wished.key:
        generator.sealed_key = sealing.sealed(settings, wished.key)
    elif wished.forget:
        generator.sealed_key = None
    after = told(generator)
    changed = {name: {"before": before[name], "after": after[name]} for name in after if before[name] != after[name]}
    if wished.key:
        changed["key"] = {"before": before["key"], "after": "new"}
    if changed:
        people.record(session, by, "changed generator", generator, {"name": generator.name, **changed})


def remove(session: Session, by: Person | None, generator: Generator) -> None:
    """Take a generator out; answers that it gave say so for ever.

    Raises:
        Conflict: a run is to draw from it.
    """
    if waiting := [run.name for run in queries.open_runs(session) if id_in(run) == generator.id]:
        raise Conflict(
            _(
                "“%(name)s” stays while runs draw from it: %(runs)s. Cancel them, or wait for their end.",
                name=generator.name,
                runs=", ".join(waiting),
            )
        )
    people.record(session, by, "removed generator", generator, told(generator))
    session.delete(generator)


def _check_name(session: Session, name: str) -> None:
    if queries.generator_by_name(session, name):
        sentence = _("There is a generator named “%(name)s” already. Choose another name.", name=name)
        raise Conflict(sentence)


def generator_for(session: Session, generator_id: int) -> Generator:
    if (generator := queries.generator_by_id(session, generator_id)) is None:
        raise NotFound(_("There is no such generator."))
    return generator


def generator_named(session: Session, name: str) -> Generator:
    """The generator of a name, or else of an id in digits.

    Raises:
        NotFound: there is none.
    """
    found = queries.generator_by_name(session, name)
    if found is None and name.isascii() and name.isdecimal():
        found = queries.generator_by_id(session, int(name))
    if found is None:
        raise NotFound(_("There is no generator named “%(name)s”.", name=name))
    return found


def told(generator: Generator) -> dict[str, Any]:
    """What may be said of a generator: everything but its key."""
    return {name: getattr(generator, name) for name in TOLD} | {"key": "kept" if generator.sealed_key else "none"}


def as_server(settings: Settings, generator: Generator, model: str | None = None) -> contract.Generator:
    """As a run is told of it."""
    known = {name: getattr(generator, name) for name in TOLD}
    return contract.Generator(**known | ({"model": model} if model else {}), hosts=hosts_of(settings.generator_hosts))


def key_of(settings: Settings, generator: Generator) -> str | None:
    return sealing.opened(settings, generator.sealed_key, generator.name) if generator.sealed_key else None


def try_out(server: contract.Generator, key: str | None, prompt: str) -> str:
    """Ask once; returns the answer.

    Raises:
        Invalid: what is wrong with the server, its address or its answer.
    """
    from trainer.contract.endpoint import Client, Question

    async def asked() -> str:
        client = Client(server, key)
        try:
            message = Message(role="user", content=prompt)
            return (await client.ask(Question([message], TRIED_TOKENS, 1.0, 1.0, 0))).text
        finally:
            await client.close()

    if not prompt.strip():
        raise Invalid(_("Enter a prompt."), {"prompt": _("Enter a prompt.")})
    patience = min(server.timeout_seconds, LONGEST_TRY_SECONDS)
    server = server.model_copy(update={"timeout_seconds": patience})
    try:
        return asyncio.run(asked())
    except EndpointError as error:
        sentence = _(error.text, **error.values)
        raise Invalid(sentence, {"prompt": sentence}) from error


# What a run keeps of its generator ------------------------------------------------------------------


def ordered(
    session: Session,
    stage: Stage,
    generator_id: int | None,
    parents: Mapping[str, int],
    purpose: Mapping[str, Any],
) -> tuple[Mapping[str, int], dict[str, Any], dict[str, str]]:
    """Parents and purpose of an order that names a generator, and why it cannot be at the field that does.

    The purpose says which model of it was ordered: that stays the same however long the run waits.
    """
    told = {name: value for name, value in purpose.items() if name != "generator"}
    if generator_id is None:
        return parents, told, {}
    if stage not in DRAWS:
        return parents, told, {"parent-policy": _("This stage cannot draw from a generator. Choose a model.")}
    try:
        generator = generator_for(session, generator_id)
    except NotFound as error:
        return parents, told, {"parent-policy": str(error)}
    told["generator"] = {"id": generator.id, "name": generator.name, "model": generator.model}
    # What would only lie beside it is no parent, though the form had a place for it.
    return {role: model for role, model in parents.items() if role not in DRAWS[stage]}, told, {}


def id_in(run: Run) -> int | None:
    """The id of the generator that a run draws from; nothing where a model of ours answers."""
    wanted = run.purpose.get("generator")
    return wanted["id"] if wanted else None


def of_run(session: Session, run: Run) -> Generator | None:
    """The generator that a run draws from; nothing where a model of ours answers.

    Raises:
        NotFound: it was removed.
    """
    if (generator_id := id_in(run)) is None:
        return None
    if (generator := queries.generator_by_id(session, generator_id)) is None:
        name = run.purpose["generator"]["name"]
        raise NotFound(_("The generator “%(name)s” was removed. Start a new run with another.", name=name))
    return generator


def server_of(session: Session, settings: Settings, run: Run) -> contract.Generator | None:
    """The generator of a run as ``config.json`` holds it: the model that was ordered, where it is asked now."""
    generator = of_run(session, run)
    return as_server(settings, generator, run.purpose["generator"]["model"]) if generator else None


def environment_of(session: Session, settings: Settings, run: Run) -> dict[str, str]:
    """What the trainer of a run is handed in its environment, for no file to hold it."""
    generator = of_run(session, run)
    key = key_of(settings, generator) if generator else None
    return {contract.KEY: key} if key else {}
