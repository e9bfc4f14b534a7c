"""Scoring: checking a request, queueing its run, and finding what became of it."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.language import gettext as _
from app.material.files.readers import read_rows
from app.material.prompts.rules import printable
from app.models import ModelVersion, Person, Run, Scoring
from app.people import service as people
from app.roles import may
from app.settings import Settings
from app.training.registry import queries as registry
from app.training.runs import service as runs
from app.training.scoring import files, queries
from app.training.scoring.files import Results
from app.training.scoring.items import Gathered, gather_rows
from app.web.markup import excerpt

# What pages read as it is stored.
count = queries.count
recent = queries.recent
waiting_before = queries.waiting_before

LONGEST_TITLE = 100
SEED = 0
"""Scoring draws nothing."""


@dataclass(frozen=True)
class Request:
    """A frozen request on its way into the queue.

    Attributes:
        gathered: what was asked, counted.
        digest: the folder in which it lies.
        source: by which way it came, one of ``rules.SOURCES``.
        title: by which people know it again.
    """

    gathered: Gathered
    digest: str
    source: str
    title: str


def reward_model_for(session: Session, named: int | str) -> ModelVersion:
    """A reward model by id or name.

    Raises:
        NotFound: there is no such model.
        Invalid: it is another kind of model.
    """
    by_id = isinstance(named, int)
    model = registry.model_by_id(session, named) if isinstance(named, int) else queries.model_named(session, named)
    if model is None:
        shown = named if by_id else f"“{printable(str(named), 80)}”"
        raise NotFound(
            _("There is no model %(name)s. Reward models are listed under Models and at /api/v1/models.", name=shown)
        )
    if model.kind != "reward":
        raise Invalid(
            _(
                "%(name)s is a %(kind)s model and gives no scores. Choose a reward model.",
                name=model.name,
                kind=_(model.kind),
            ),
            {"model": "not a reward model"},
        )
    return model


def read_file(path: Path, name: str, fmt: str = "auto") -> Gathered:
    """Read a file of prompts and answers; its bad rows are listed, not dropped in silence.

    Raises:
        Invalid: the file cannot be read, holds no good row, or holds too many.
    """
    if not path.is_file():
        raise Invalid(_("There is no file %(name)s.", name=name))
    if path.stat().st_size == 0:
        raise Invalid(_("%(name)s is empty.", name=printable(name, 200)))
    return gather_rows(read_rows(path, name, fmt))


def freeze(settings: Settings, gathered: Gathered, source: str, title: str = "") -> Request:
    """Write a request to disk, outside of any transaction: it may be large, and the database must not wait for it.

    A request that is then not ordered stays as a folder that nothing refers to.
    """
    digest = files.freeze(settings.data_dir, gathered.items)
    first = gathered.items[0].messages[-1]["content"]
    return Request(gathered, digest, source, printable(title, LONGEST_TITLE) or excerpt(first, LONGEST_TITLE))


def order(session: Session, by: Person | None, model: ModelVersion, request: Request) -> Scoring:
    """Queue the run that scores a request. The same order a moment ago is that order, not a second one."""
    trained_with = queries.config_of_training(session, model).get("max_tokens")
    run = runs.start_run(
        session,
        by,
        runs.Order(
            stage="score",
            # A model is asked about as many tokens as it has learned to read.
            config={"max_tokens": trained_with} if trained_with else {},
            parents={"reward": model.id},
            snapshot_id=None,
            seed=SEED,
            purpose={"answers": files.answers_of(request.digest)},
        ),
    )
    session.flush()
    if known := queries.scoring_of_run(session, run.id):
        return known
    scoring = Scoring(
        run_id=run.id,
        model_version_id=model.id,
        person_id=by.id if by else None,
        source=request.source,
        title=request.title,
        digest=request.digest,
        items=len(request.gathered.items),
        answers=request.gathered.answers,
        refused=request.gathered.refused,
        refusals=request.gathered.refusals,
    )
    session.add(scoring)
    people.record(session, by, "ordered scores", scoring, {"model": model.name, "answers": scoring.answers})
    return scoring


def taken_up(session: Session, model: ModelVersion, digest: str) -> Scoring | None:
    """A scoring of the same answers by the same model that is under way or done."""
    known = queries.newest_of_request(session, digest, model.id)
    return known[0] if known and known[1].status in ("queued", "running", "succeeded") else None


def scoring_for(session: Session, person: Person, scoring_id: int) -> Scoring:
    """A scoring, for those who may have answers scored: like runs, they share what they order."""
    if not may(person.role, "score"):
        raise Forbidden(_("Scores are not for the role %(role)s. Ask an admin if you need them.", role=_(person.role)))
    scoring = queries.scoring_by_id(session, scoring_id)
    if scoring is None:
        raise NotFound(_("There is no such scoring."))
    return scoring


def cancel(session: Session, settings: Settings, by: Person, scoring_id: int) -> Scoring:
    """Stop a scoring: by whoever ordered it or may stop any run."""
    scoring = scoring_for(session, by, scoring_id)
    if scoring.person_id != by.id and not may(by.role, "train"):
        raise Forbidden(_("Only whoever ordered these scores, or an engineer, can stop them."))
    runs.cancel(session, settings, by, scoring.run_id)
    return scoring


def results_of(settings: Settings, scoring: Scoring) -> Results:
    """What was asked and, once they are there, its scores.

    Raises:
        Conflict: the files on disk are not what was asked, or not what the run left.
    """
    results = Results(
        settings.data_dir.resolve() / files.FOLDER / scoring.digest, runs.folder_of(settings, scoring.run_id)
    )
    if changed := results.changed():
        raise Conflict(
            _(
                "These scores cannot be shown because files have changed on disk: %(files)s. Restore them, or score "
                "the answers again.",
                files=", ".join(changed),
            )
        )
    return results


def check_finished(run: Run) -> None:
    """Refuse to hand out scores that are not there yet.

    Raises:
        Conflict: with what to do instead.
    """
    if run.status in ("queued", "running"):
        raise Conflict(_("These scores are not there yet. Come back when the scoring is done."))
    if run.status == "cancelled":
        raise Conflict(_("This scoring was stopped; it left no scores."))
    if run.status != "succeeded":
        raise Conflict(_("This scoring failed; it left no scores."))


def run_of(session: Session, scoring: Scoring) -> Run:
    return queries.run_of(session, scoring)


def model_of(session: Session, scoring: Scoring) -> ModelVersion:
    return queries.model_of(session, scoring)
