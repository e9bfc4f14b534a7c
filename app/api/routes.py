"""The operations of /api/v1. Whoever waits holds a coroutine, neither a thread nor a transaction."""

import asyncio
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.security import HTTPBearer
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.api import schemas
from app.api.bodies import TakesJson
from app.errors import Forbidden, Invalid, Refusal
from app.models import Person
from app.models import Scoring as ScoringRow
from app.roles import may
from app.settings import Settings
from app.training.registry import service as registry
from app.training.runs.rules import FINISHED
from app.training.scoring import service
from app.training.scoring.files import ScoredItem
from app.training.scoring.items import Gathered, NotTakenError
from app.training.scoring.pages import ACCURACY
from app.web.forms import LARGEST_NUMBER
from app.web.requests import AppSettings, Reading, database_of

LOOK_EVERY_SECONDS = 0.5
LONGEST_WAIT = 60
OUTCOMES: dict[int | str, dict[str, object]] = {
    401: {"model": schemas.Failure, "description": "No token, or one that does not work."},
    403: {"model": schemas.Failure, "description": "Not for the role of the token's owner."},
    404: {"model": schemas.Failure, "description": "There is no such thing."},
    422: {"model": schemas.Failure, "description": "Something in the request is wrong; the fields say where."},
    429: {"model": schemas.Failure, "description": "Too many unknown tokens came from this address."},
}
OF_ORDERS: dict[int | str, dict[str, object]] = {
    200: {"model": schemas.Scoring, "description": "The scoring has ended."},
    413: {"model": schemas.Failure, "description": "The body is larger than the server takes."},
}

# The token itself is checked before any route is reached (`tokens.py`); this only tells the description of it.
router = APIRouter(route_class=TakesJson, dependencies=[Depends(HTTPBearer(auto_error=False))], responses=OUTCOMES)


def _scorer(request: Request) -> Person:
    person: Person = request.state.person
    if not may(person.role, "score"):
        raise Forbidden(f"This is not for the role {person.role}. Ask an admin if you need it.")
    return person


Scorer = Annotated[Person, Depends(_scorer)]
Wait = Annotated[
    float,
    Query(ge=0, le=LONGEST_WAIT, description="seconds to wait for the end; the answer comes sooner if it is there"),
]
Offset = Annotated[int, Query(ge=0, le=LARGEST_NUMBER, description="items to leave out at the start")]
Limit = Annotated[int, Query(ge=1, le=1000, description="items at most")]
ScoringId = Annotated[int, Path(ge=1, le=LARGEST_NUMBER, description="id of the scoring")]


@router.get("/models", response_description="The models.")
def list_models(
    session: Reading,
    _scorer: Scorer,
    kind: Annotated[Literal["base", "sft", "reward", "policy"] | None, Query(description="only this kind")] = None,
) -> schemas.Models:
    """Trained models, newest first."""
    models = registry.models(session, (kind,) if kind else ())
    return schemas.Models.model_validate(
        {
            "models": [
                {
                    "id": model.id,
                    "name": model.name,
                    "kind": model.kind,
                    "created_at": model.created_at,
                    "heldout_accuracy": model.metrics.get(ACCURACY),
                    "metrics": model.metrics,
                }
                for model in models
            ]
        }
    )


@router.post("/scores", status_code=202, responses=OF_ORDERS, response_description="The scoring is under way.")
async def order_scores(
    request: Request,
    response: Response,
    settings: AppSettings,
    scorer: Scorer,
    order: schemas.ScoreOrder,
    wait: Wait = 0,
) -> schemas.Scoring:
    """Have answers scored by a reward model: all of them or, when one cannot be, none.

    The answer is 202 while the scoring is under way, or 200 with the scores when it ended within `wait`.
    The same order twice within seconds is one order.
    """
    scoring_id = await run_in_threadpool(_order, request, settings, scorer, order)
    scoring = await _seen(request, settings, scorer, scoring_id, wait)
    response.status_code = 200 if scoring.status in FINISHED else 202
    return scoring


@router.get("/scores/{scoring_id}", response_description="The scoring as it is.")
async def show_scores(
    request: Request,
    settings: AppSettings,
    scorer: Scorer,
    scoring_id: ScoringId,
    offset: Offset = 0,
    limit: Limit = 100,
    wait: Wait = 0,
) -> schemas.Scoring:
    """How far a scoring is and, when it is done, the scores by item; `links.next` leads to further items."""
    return await _seen(request, settings, scorer, scoring_id, wait, offset, limit)


def _order(request: Request, settings: Settings, scorer: Person, order: schemas.ScoreOrder) -> int:
    database = database_of(request)
    with database.reading() as session:
        service.reward_model_for(session, order.model)
    asked = service.freeze(settings, _gathered(order), "api")
    with database.transaction() as session:
        scoring = service.order(session, scorer, service.reward_model_for(session, order.model), asked)
        return scoring.id


def _gathered(order: schemas.ScoreOrder) -> Gathered:
    gathered, problems = Gathered(), {}
    for number, item in enumerate(order.items):
        messages = [message.model_dump() for message in item.messages] if item.messages is not None else None
        try:
            if (item.prompt is None) == (messages is None):
                raise NotTakenError(Refusal("Give either prompt or messages."))  # noqa: TRY301 - one list of problems
            prompt = messages if messages is not None else item.prompt
            gathered.add(item.id, prompt, [(None, text) for text in item.answers])
        except NotTakenError as problem:
            problems[f"items.{number}"] = problem.refusal.reason
    if problems:
        where, why = next(iter(problems.items()))
        raise Invalid(
            f"{len(problems):,} of {len(order.items):,} items cannot be scored ({where}: {why.rstrip('.')}). "
            "Nothing was queued.",
            problems,
        )
    return gathered


async def _seen(
    request: Request,
    settings: Settings,
    scorer: Person,
    scoring_id: int,
    wait: float,
    offset: int = 0,
    limit: int = 100,
) -> schemas.Scoring:
    """A scoring as it is when it has ended or the wait is over, or when nobody waits any more."""
    patience = time.monotonic() + wait
    while not await run_in_threadpool(_over, request, scorer, scoring_id):
        left = patience - time.monotonic()
        if left <= 0 or await request.is_disconnected():
            break
        await asyncio.sleep(min(LOOK_EVERY_SECONDS, left))
    return await run_in_threadpool(_look, request, settings, scorer, scoring_id, offset, limit)


def _over(request: Request, scorer: Person, scoring_id: int) -> bool:
    with database_of(request).reading() as session:
        return service.run_of(session, service.scoring_for(session, scorer, scoring_id)).status in FINISHED


def _look(
    request: Request, settings: Settings, scorer: Person, scoring_id: int, offset: int, limit: int
) -> schemas.Scoring:
    with database_of(request).reading() as session:
        return _described(session, settings, service.scoring_for(session, scorer, scoring_id), offset, limit)


def _described(session: Session, settings: Settings, scoring: ScoringRow, offset: int, limit: int) -> schemas.Scoring:
    run, model = service.run_of(session, scoring), service.model_of(session, scoring)
    results = service.results_of(settings, scoring)
    done = run.status == "succeeded"
    here = f"/api/v1/scores/{scoring.id}"
    more = done and offset + limit < scoring.items
    return schemas.Scoring.model_validate(
        {
            "id": scoring.id,
            "status": run.status,
            "model": {"id": model.id, "name": model.name},
            "created_at": scoring.created_at,
            "progress": {"step": run.step, "total": run.total},
            "items": scoring.items,
            "answers": scoring.answers,
            "refused": scoring.refused,
            "error": run.error,
            "notes": results.notes() if done else [],
            "offset": offset,
            "limit": limit,
            "results": [_item(item) for item in results.items(offset, limit)] if done else [],
            "links": {
                "self_": here,
                "page": f"/score/{scoring.id}",
                "next": f"{here}?offset={offset + limit}&limit={limit}" if more else None,
            },
        }
    )


def _item(item: ScoredItem) -> dict[str, object]:
    return {
        "id": item.id,
        "answers": [
            {
                "id": answer.id,
                "score": answer.score,
                "rank": answer.rank,
                "deviation": answer.deviation,
                "heads": answer.heads,
            }
            for answer in item.answers
        ],
    }
