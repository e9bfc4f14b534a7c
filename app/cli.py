"""The ``prefloop`` command; every command is a few lines that call a room's service."""

import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.database import Database, is_busy
from app.errors import DomainError, Invalid, no_room
from app.settings import load_settings
from app.training.generators.cli import generator
from app.training.registry.cli import model
from trainer.contract.presets import PRESETS

SECONDS_TO_START = 120

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
people = typer.Typer(no_args_is_help=True, help="Accounts.")
cli.add_typer(people, name="people")
snapshot = typer.Typer(no_args_is_help=True, help="Frozen training sets.")
cli.add_typer(snapshot, name="snapshot")
cli.add_typer(model, name="model")
cli.add_typer(generator, name="generator")
report = typer.Typer(no_args_is_help=True, help="The reports of the pages, as text or JSON.")
cli.add_typer(report, name="report")


def database() -> Database:
    return Database(load_settings().database)


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema, with a guideline for each phase."""
    from app.material.guidelines import service as guidelines
    from app.migrate import migrate as run

    run(load_settings().database)
    with database().transaction() as session:
        guidelines.ensure_defaults(session)
    typer.echo("The database is up to date.")


@cli.command()
def serve(
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 8000,
    workers: Annotated[int, typer.Option(help="web processes")] = 1,
) -> None:
    """Run the web application."""
    import uvicorn

    # uvicorn ends requests in order and then raises the signal once more; having been told to stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    proxies = load_settings().trusted_proxies
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        # A child that has not answered by then is killed and begun anew. On a busy machine its imports alone take more
        # than the usual five seconds, and none would ever come to an end.
        timeout_worker_healthcheck=SECONDS_TO_START,
    )


@cli.command()
def worker() -> None:
    """Execute training runs until told to stop."""
    from app.scratch import sweep
    from app.training.runs.worker import work

    sweep(load_settings().data_dir)
    work(load_settings())


@cli.command()
def demo(
    headless: Annotated[bool, typer.Option(help="play the whole loop with simulated labelers")] = False,
    fresh: Annotated[bool, typer.Option(help="throw an earlier demo away")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the numbers of --headless here")] = None,
    seed: Annotated[int, typer.Option(help="same seed, same table on the same processor")] = 1,
    noise: Annotated[float, typer.Option(help="labelers' error, in units of utility")] = 0.2,
    tie_threshold: Annotated[float, typer.Option(help="answers that look closer than this are tied")] = 0.06,
    port: Annotated[int, typer.Option()] = 8000,
    workforce: Annotated[bool, typer.Option(help="add half a year's work of 40 simulated labelers")] = False,
) -> None:
    """Run Prefloop with a small world of its own, in the browser or headless."""
    from app.demo import console
    from app.demo.headless import Plan

    if headless:
        plan = Plan(seed=seed, noise=noise, tie_threshold=tie_threshold)
        console.without_a_browser(fresh=fresh, plan=plan, json_file=json_file)
    else:
        console.in_the_browser(fresh=fresh, port=port, seed_number=seed, with_workforce=workforce)


@cli.command("run")
def start_run(
    stage: str,
    config: Annotated[Path | None, typer.Option(help="JSON: config, parents by name, snapshot, seed, name")] = None,
    preset: Annotated[str, typer.Option(help="settings to begin with: " + ", ".join(PRESETS))] = "",
    settings: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, a setting; may be repeated")] = None,
    parent: Annotated[list[str] | None, typer.Option(help="ROLE=MODEL by name; may be repeated")] = None,
    snapshot: Annotated[str, typer.Option(help="id, name or digest")] = "",
    wait: Annotated[bool, typer.Option(help="return when the run is over; exit 1 unless it succeeded")] = False,
    dry_run: Annotated[bool, typer.Option(help="take three steps, and tell what all of them will take")] = False,
) -> None:
    """Put a run into the queue."""
    from app.training.runs import commands

    asked = commands.Asked(
        file=config, preset=preset, settings=settings or [], parents=parent or [], snapshot=snapshot, trial=dry_run
    )
    run_id = commands.start(database(), load_settings(), stage, asked)
    typer.echo(f"run {run_id} is queued", err=dry_run)
    if (wait or dry_run) and commands.follow(database(), run_id, partial(typer.echo, err=dry_run)) != "succeeded":
        raise typer.Exit(1)
    if dry_run:
        typer.echo(commands.forecast(load_settings(), run_id))


@cli.command()
def runs(as_json: Annotated[bool, typer.Option("--json", help="all that is known of them")] = False) -> None:
    """List the newest runs."""
    from app.training.runs import commands

    if as_json:
        typer.echo(json.dumps(commands.told(database()), indent=2))
    else:
        typer.echo("\n".join(commands.lines(database())))


@cli.command()
def cancel(run_id: int) -> None:
    """Stop a run; it saves the step it is in."""
    from app.training.runs import service

    with database().transaction() as session:
        service.cancel(session, load_settings(), None, run_id)


@cli.command()
def score(
    model: Annotated[str, typer.Argument(help="name or id of a reward model")],
    file: Annotated[Path, typer.Argument(help="prompts and answers: JSONL, CSV or Parquet")],
    out: Annotated[Path, typer.Option(help="where the scores go: .jsonl, .csv or .parquet")],
    wait: Annotated[bool, typer.Option(help="return when the scores are written; exit 1 if there are none")] = False,
) -> None:
    """Score the answers of a file with a reward model."""
    from app.training.scoring import commands

    if not commands.score(database(), load_settings(), model, file, out, wait=wait, say=typer.echo):
        raise typer.Exit(1)


@people.command("password")
def renew_password(email: str) -> None:
    """Give a person a new one-time password and end their sessions."""
    from app.errors import NotFound
    from app.people import queries, service

    with database().transaction() as session:
        person = queries.person_by_email(session, email)
        if person is None:
            raise NotFound(f"Nobody has the address {email}.")
        _, password = service.renew_one_time_password(session, None, person.id)
    typer.echo(f"{email} signs in once with: {password}")


@people.command("group")
def set_group(email: str, group: Annotated[str, typer.Argument(help='labeler group; "" takes the person out')]) -> None:
    """Put a person into a labeler group; snapshots frozen from then on say so."""
    from app.errors import NotFound
    from app.people import queries, service

    with database().transaction() as session:
        person = queries.person_by_email(session, email)
        if person is None:
            raise NotFound(f"Nobody has the address {email}.")
        service.set_group(session, None, person.id, group)
    typer.echo(f"{person.email}: group {person.labeler_group or 'none'}")


@people.command("add")
def add_person(
    email: str,
    role: Annotated[str, typer.Option(help="labeler, researcher, engineer or admin")],
    name: str = "",
    group: Annotated[str, typer.Option(help="labeler group, such as training, held-out or an agency")] = "",
) -> None:
    """Add an account and print its one-time password."""
    from app.people import service

    with database().transaction() as session:
        person, password = service.add_person(session, None, email=email, name=name, role=role, group=group)
    typer.echo(f"{person.email} ({person.role}) signs in once with: {password}")


@cli.command("import")
def import_files(
    kind: Annotated[
        str, typer.Argument(help="prompts, demonstrations, candidates, rankings, labels, corpus or detect")
    ],
    files: list[Path],
    fmt: Annotated[str, typer.Option("--format", help="auto, jsonl, csv, parquet or txt")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be imported, and keep nothing")] = False,
    as_json: Annotated[Path | None, typer.Option("--json", help="write what became of each file, for programs")] = None,
) -> None:
    """Bring files into the pool; bad lines are listed, and each file is imported as a whole or not at all."""
    from app.labeling.importing import commands

    useful = commands.import_files(
        database(), load_settings(), files, kind=kind, fmt=fmt, dry_run=dry_run, as_json=as_json, say=typer.echo
    )
    raise typer.Exit(0 if useful else 1)  # a file without one good row is most likely the wrong file


@report.command("agreement")
def report_agreement(
    campaign: Annotated[str, typer.Option(help="id or name; default all")] = "",
    phase: Annotated[str, typer.Option(help="training, evaluation or both")] = "training",
    kind: Annotated[str, typer.Option(help="ranking or toxicity")] = "ranking",
    purpose: Annotated[str, typer.Option(help="work, or bank for item banks")] = "work",
    group: Annotated[str, typer.Option(help="labeler group")] = "",
    use_case: Annotated[str, typer.Option(help="of the prompt")] = "",
    language: Annotated[str, typer.Option(help="of the prompt")] = "",
    since: Annotated[str, typer.Option(help="first day, 2026-05-04")] = "",
    until: Annotated[str, typer.Option(help="last day")] = "",
    wmt: Annotated[bool, typer.Option(help="also kappa as the WMT shared tasks count it")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="everything, for programs")] = False,
) -> None:
    """Say how far people agree."""
    from app.quality.agreement import commands

    asked = {"campaign": campaign, "phase": phase, "kind": kind, "purpose": purpose, "group": group}
    asked |= {"use_case": use_case, "language": language, "since": since, "until": until}
    with database().reading() as session:
        for line in commands.agreement(session, asked, wmt=wmt, as_json=as_json):
            typer.echo(line)


@report.command("screening")
def report_screening(
    screening: Annotated[str, typer.Argument(help="id or name; default the newest")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="everything, for programs")] = False,
) -> None:
    """Say how the applicants of a screening did, by code."""
    from app.models.base import utc_now
    from app.quality.screening import commands

    with database().transaction() as session:
        for line in commands.screening(session, screening, utc_now(), as_json=as_json):
            typer.echo(line)


@report.command("sources")
def report_sources(
    campaign: Annotated[str, typer.Option(help="id or name; default all")] = "",
    phase: Annotated[str, typer.Option(help="training, evaluation or both")] = "training",
    ties: Annotated[str, typer.Option(help="davidson, half (a win for either) or drop")] = "davidson",
    as_json: Annotated[bool, typer.Option("--json", help="everything, for programs")] = False,
) -> None:
    """Say which models' and sources' answers people prefer, by Davidson's model of all rankings."""
    from app.quality.agreement import commands

    with database().reading() as session:
        for line in commands.sources(session, {"campaign": campaign, "phase": phase}, ties=ties, as_json=as_json):
            typer.echo(line)


@report.command("labelers")
def report_labelers(
    campaign: Annotated[str, typer.Option(help="id or name; default all")] = "",
    since: Annotated[str, typer.Option(help="first day, 2026-05-04")] = "",
    until: Annotated[str, typer.Option(help="last day")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="everything, for programs")] = False,
) -> None:
    """Labeler quality, alerts first."""
    from app.quality.labelers import commands

    with database().reading() as session:
        asked = {"campaign": campaign, "since": since, "until": until}
        for line in commands.labelers(session, asked, as_json=as_json):
            typer.echo(line)


@snapshot.command("create")
def create_snapshot(
    name: Annotated[str, typer.Option(help="what to call it")],
    campaign: Annotated[list[str] | None, typer.Option(help="id or name; repeat for several; default all")] = None,
    phase: Annotated[list[str] | None, typer.Option(help="training (default) or evaluation")] = None,
    source: Annotated[list[str] | None, typer.Option(help="source of prompts; repeat for several")] = None,
    min_answers: Annotated[int, typer.Option(help="leave out rankings of fewer answers")] = 2,
    heldout_share: Annotated[float, typer.Option(help="part of the prompts to hold out, in whole groups")] = 0.1,
    split_seed: Annotated[int, typer.Option(help="another seed gives another split")] = 0,
    prefix_length: Annotated[
        int, typer.Option(help="prompts that share so long a beginning stay together; 0: none do")
    ] = 100,
    instrument: Annotated[str, typer.Option(help="what the orders go by: ranking (default) or toxicity")] = "ranking",
    labels: Annotated[str, typer.Option(help="individual (default), or the consensus of each task")] = "individual",
    method: Annotated[str, typer.Option(help="of the consensus: reliability (default) or davidson")] = "reliability",
    tie_below: Annotated[float, typer.Option(help="tie neighbours of a consensus below this chance")] = 0.6,
    weighing: Annotated[str, typer.Option(help="rows count equal (default) or by reliability")] = "equal",
    min_reliability: Annotated[float, typer.Option(help="leave out labelers below, 0 to 1")] = 0.0,
    max_doubt: Annotated[float, typer.Option(help="leave out less certain tasks, 0 to 0.5")] = 0.5,
) -> None:
    """Freeze a training set."""
    from app.training.snapshots import rules, service

    with database().transaction() as session:
        campaigns = service.campaigns_named(session, campaign or [])
        phases, sources = tuple(phase or ["training"]), tuple(source or [])
        filters = rules.Filters(
            campaigns,
            phases,
            sources,
            min_answers,
            heldout_share,
            split_seed,
            instrument,
            labels=labels,
            method=method,
            tie_below=tie_below,
            weighing=weighing,
            min_reliability=min_reliability,
            max_doubt=max_doubt,
            prefix_length=prefix_length,
        )
        frozen = service.create_snapshot(session, load_settings(), None, name, filters)
        typer.echo(service.summary_of(load_settings(), frozen))


@snapshot.command("show")
def show_snapshot(snapshot_id: Annotated[str, typer.Argument(metavar="ID", help="id, name or digest")]) -> None:
    """Print what a snapshot holds and whether its files are what was frozen."""
    from app.training.snapshots import service

    with database().reading() as session:
        typer.echo(service.summary_of(load_settings(), service.snapshot_for(session, snapshot_id)))


@cli.command()
def export(
    fmt: Annotated[str, typer.Argument(metavar="FORMAT", help="native, csv, trl or openrlhf")],
    snapshot_id: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="id, name or digest")],
    out: Annotated[Path, typer.Option(help="folder to write into")],
) -> None:
    """Write a snapshot in another tool's format."""
    from app.training.snapshots import service

    with database().reading() as session:
        report = service.export_snapshot(load_settings(), service.snapshot_for(session, snapshot_id), fmt, out)
    typer.echo("\n".join(report.lines()))


def main() -> None:
    """Run a command; what a person can mend is one sentence and exit code 1, not a traceback."""
    try:
        cli()
    except (DomainError, OSError) as error:
        told = error if isinstance(error, DomainError) else no_room(error)
        if told is None:
            raise
        _fail("\n".join([str(told), *(told.lines() if isinstance(told, Invalid) else [])]))
    except (OperationalError, ProgrammingError) as error:
        if is_busy(error):
            _fail("Another command or page has held the database for too long. Nothing was changed; try again later.")
        reason = str(error.orig).splitlines()[0]
        _fail(
            f"The database is away or not up to date ({reason}). Start it, then run “prefloop migrate” and try again."
        )


def _fail(sentence: str) -> NoReturn:
    typer.secho(sentence, fg="red", err=True)
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()
