"""What programs send and get. Fields are only ever added; a change of meaning would be a /api/v2."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator

from app.material.prompts.rules import character_problem
from app.training.scoring import rules
from app.web.forms import LARGEST_NUMBER

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class Sent(BaseModel):
    """A part of a request; a misspelt field is told, not ignored."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def check_that_a_database_holds_it(cls, value: object) -> object:
        """Every whole number and every name that a program sends passes here."""
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise ValueError(f"a whole number is at most {LARGEST_NUMBER:,}")
        if isinstance(value, str) and (problem := character_problem(value)):
            raise ValueError(problem.reason)
        return value


class SentMessage(Sent):
    role: Literal["system", "user", "assistant"]
    content: str


class SentItem(Sent):
    """A prompt, as text or as messages of which the last is the user's, and the answers to compare."""

    id: Annotated[str, Field(min_length=1, max_length=rules.LONGEST_ID)] | None = Field(
        None, description="your name for the item, each only once; default: its place, from 1"
    )
    prompt: str | None = Field(None, description="the user's text; give this or messages")
    messages: list[SentMessage] | None = Field(None, description="a conversation; give this or prompt")
    answers: list[str] = Field(min_length=1, description="one or more answers to the prompt")


class ScoreOrder(Sent):
    model: StrictInt | str = Field(description="id or name of a reward model")
    items: list[SentItem] = Field(min_length=1)


class ModelOut(BaseModel):
    """A trained model.

    Attributes:
        heldout_accuracy: of a reward model: share of held-out pairs it orders as people did.
        metrics: all final numbers of its training, by name.
    """

    id: int
    name: str
    kind: Literal["base", "sft", "reward", "policy"]
    created_at: datetime
    heldout_accuracy: float | None
    metrics: dict[str, float | int | str | None]


class Models(BaseModel):
    models: list[ModelOut]


class ModelName(BaseModel):
    id: int
    name: str


class Progress(BaseModel):
    """Steps of the trainer; ``total`` is empty until it has looked at the answers."""

    step: int
    total: int | None


class AnswerScore(BaseModel):
    """What the model says of one answer.

    Attributes:
        id: the answer's name: of a file its ``id``, else the item's id, a point and the place from 1.
        score: higher is better; empty where the model's arithmetic broke down.
        rank: within the item, 1 = best; equal scores share one.
        deviation: over the members of an ensemble; empty for a single model.
        heads: name to score of further heads.
    """

    id: str
    score: float | None
    rank: int | None
    deviation: float | None
    heads: dict[str, float | None]


class ItemScores(BaseModel):
    """Scores of the answers to one prompt, in the order in which they were sent."""

    id: str
    answers: list[AnswerScore]


class Links(BaseModel):
    """Addresses on this server: for programs (``self``, ``next`` = the following items) and for people (``page``)."""

    model_config = ConfigDict(populate_by_name=True)

    self_: str = Field(serialization_alias="self")
    page: str
    next: str | None


class Scoring(BaseModel):
    """A request for scores.

    Attributes:
        items: prompts asked about; ``answers`` to them.
        refused: rows of a file that could not be used.
        results: items ``offset`` to ``offset + limit``, empty until ``status`` is ``succeeded``.
        notes: what the trainer did otherwise than asked, such as cutting a long prompt.
        error: why it failed.
    """

    id: int
    status: Status
    model: ModelName
    created_at: datetime
    progress: Progress
    items: int
    answers: int
    refused: int
    error: str | None
    notes: list[str]
    offset: int
    limit: int
    results: list[ItemScores]
    links: Links


class Problem(BaseModel):
    """``sentence`` says what happened and what to do; ``fields`` names the places in the request."""

    sentence: str
    fields: dict[str, str]


class Failure(BaseModel):
    error: Problem
