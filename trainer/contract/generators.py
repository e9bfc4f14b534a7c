"""A generator: a server that speaks OpenAI's chat completions and answers in place of a model in this process.

What it is stands in ``config.json``; its key never does. The worker hands that over in the environment, under ``KEY``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trainer.contract.errors import StageError

KEY = "PREFLOOP_GENERATOR_KEY"

CONCURRENCY = Annotated[int, Field(ge=1, le=1024)]
PER_MINUTE = Annotated[int, Field(ge=1, le=1_000_000)]
SECONDS = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]

Scope = Literal["again", "answer", "all"]
"""Whether asking again may help, this one question is refused, or every question would be."""

NO_ADDRESS = "“%(url)s” is no address of a server. Write it like https://api.example.com/v1."
NOT_LISTED = (
    "The host “%(host)s” is not allowed. Whoever looks after Prefloop's server can add it to PREFLOOP_GENERATOR_HOSTS."
)
NOT_SECURE = "Over http only hosts are reached that PREFLOOP_GENERATOR_HOSTS names. Use https for “%(host)s”."
UNKNOWN_HOST = "The host “%(host)s” is not known to the network (%(reason)s)."
FORBIDDEN = "“%(host)s” leads to %(address)s, where no generator may be."
MOVED = "The server sends requests on to another address, which is not followed. Enter its real address."
KEY_REFUSED = "The server does not accept the key (%(status)s). Enter the right one."
NOT_FOUND = (
    "The server has no model “%(model)s”, or its address is wrong (%(status)s: %(reason)s). Most addresses end in /v1."
)
REFUSED = "The server refuses the request (%(status)s: %(reason)s)."
BUSY = "The server cannot answer now (%(status)s: %(reason)s)."
UNREACHED = "The server at “%(host)s” cannot be reached (%(reason)s)."
TOO_SLOW = "The server gave no answer within %(seconds)s seconds."
TOO_LARGE = "The server's answer is larger than %(megabytes)s MB."
WEB_PAGE = "The server answers with a web page instead of JSON. Check the address; most end in /v1."
NO_JSON = "What the server answers is not valid JSON. Check the address; most end in /v1."
WRONG_FORM = "The server's answer is not of the form of OpenAI's chat completions. Check the address; most end in /v1."
NO_ANSWER = "The server sent no answer in its reply (reason: %(reason)s)."
TEXTS = (
    *(NO_ADDRESS, NOT_LISTED, NOT_SECURE, UNKNOWN_HOST, FORBIDDEN, MOVED, KEY_REFUSED, NOT_FOUND, REFUSED, BUSY),
    *(UNREACHED, TOO_SLOW, TOO_LARGE, WEB_PAGE, NO_JSON, WRONG_FORM, NO_ANSWER),
)
"""Every sentence, for those who translate them."""


class Generator(BaseModel):
    """Where and what is asked, and how hard.

    Attributes:
        url: base address; ``/chat/completions`` is added.
        model: as the server calls it.
        concurrency: requests under way at the same time, at most.
        requests_per_minute: at most; nothing where the server sets no such limit.
        timeout_seconds: for one answer, from the request to its last byte.
        hosts: those that the settings allow.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    url: str
    model: str
    concurrency: CONCURRENCY = 16
    requests_per_minute: PER_MINUTE | None = None
    timeout_seconds: SECONDS = 120
    hosts: tuple[str, ...] = ()


class EndpointError(StageError):
    """What is wrong with a server or its answer, as a sentence and its values.

    Attributes:
        scope: what it says of further requests.
        after: seconds that the server asks to wait, where it does.
    """

    def __init__(self, text: str, scope: Scope, after: float | None = None, **values: Any) -> None:
        super().__init__(text % values, resumable=True)
        self.text, self.values = text, values
        self.scope, self.after = scope, after
