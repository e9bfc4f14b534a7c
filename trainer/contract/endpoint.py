"""The client of a generator: one question of OpenAI's chat completions, and what came of it.

The page that tests a generator and the stages that draw from one ask through it.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from trainer.contract import generators as said
from trainer.contract.addresses import Place, addresses_of, place_of
from trainer.contract.generators import EndpointError, Generator
from trainer.contract.records import Message

LARGEST_MB = 16
LONGEST_REASON = 200
MOST_TOKENS = 2**31 - 1
TO_CONNECT_SECONDS = 10
KNOWN_FOR_SECONDS = 30
"""How long the addresses of a name are held for the same; connections go to what was checked in any case."""
AGAIN = frozenset({408, 409, 425, 429})
OPTIONAL = ("logprobs", "seed")
"""What some servers refuse to be asked for, and answers can do without."""


@dataclass(frozen=True)
class Question:
    """A conversation and how it is to be gone on with."""

    messages: Sequence[Message]
    max_tokens: int
    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        tokens: how many it has; nothing where the server does not tell.
        finished: it ended by itself.
        logprobs: log p of each token, in nats; nothing where the server does not tell.
    """

    text: str
    tokens: int | None
    finished: bool
    logprobs: list[float] | None


class Client:
    """Asks one generator; to be closed."""

    def __init__(self, generator: Generator, key: str | None) -> None:
        """Prepare; nothing is sent yet.

        Raises:
            EndpointError: its address may not be asked.
        """
        self._generator, self._key = generator, key
        self._place = place_of(generator.url, generator.hosts)
        self._left_out: set[str] = set()
        self._most = "max_tokens"
        self._http = httpx.AsyncClient(
            transport=_Checked(self._place, generator.concurrency),
            follow_redirects=False,
            trust_env=False,  # a proxy of the environment would connect to whatever it likes
            timeout=httpx.Timeout(generator.timeout_seconds, connect=TO_CONNECT_SECONDS, pool=None),
            headers={"accept": "application/json", "accept-encoding": "identity"},
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, question: Question) -> Reply:
        """Ask once; a server that refuses a part of the question that it could do without is asked without.

        Raises:
            EndpointError: no answer came; its scope says whether another try may help.
        """
        while True:
            body = self._body(question)
            try:
                status, kind, after, content = await self._sent(body)
                return self._read(status, kind, after, content)
            except EndpointError as error:
                if error.text != said.REFUSED or not self._learned(body, str(error.values["reason"])):
                    raise

    def _body(self, question: Question) -> dict[str, Any]:
        told = {
            "model": self._generator.model,
            "messages": [message.model_dump() for message in question.messages],
            self._most: question.max_tokens,
            "temperature": question.temperature,
            "top_p": question.top_p,
            "seed": question.seed,
            "logprobs": True,
        }
        return {name: value for name, value in told.items() if name not in self._left_out}

    def _learned(self, sent: dict[str, Any], reason: str) -> bool:
        """Whether a refusal names something that the next question can be without or call otherwise."""
        if "max_tokens" in sent and "max_completion_tokens" in reason:
            self._most = "max_completion_tokens"
            return True
        if named := [name for name in OPTIONAL if name in sent and name in reason]:
            self._left_out.update(named)
            return True
        return False

    async def _sent(self, body: dict[str, Any]) -> tuple[int, str, str | None, bytes]:
        """Status, content type, Retry-After and content of the reply."""
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        address = self._generator.url.rstrip("/") + "/chat/completions"
        content = bytearray()
        try:
            async with (
                asyncio.timeout(self._generator.timeout_seconds),
                self._http.stream("POST", address, json=body, headers=headers) as reply,
            ):
                async for part in reply.aiter_bytes():
                    content += part
                    if len(content) > LARGEST_MB * 1_000_000:
                        raise EndpointError(said.TOO_LARGE, "all", megabytes=LARGEST_MB)
                told = reply.headers
                return reply.status_code, told.get("content-type", ""), told.get("retry-after"), bytes(content)
        except (TimeoutError, httpx.TimeoutException):
            seconds = f"{self._generator.timeout_seconds:g}"
            raise EndpointError(said.TOO_SLOW, "again", seconds=seconds) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # A header that cannot be sent is no matter of the network, and nothing of it may be repeated here.
            reason = self._safe(str(error)) or type(error).__name__
            scope: said.Scope = "again" if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError) else "all"
            raise EndpointError(said.UNREACHED, scope, host=self._place.host, reason=reason) from None

    def _read(self, status: int, kind: str, after: str | None, content: bytes) -> Reply:
        if status != httpx.codes.OK:
            raise self._refusal(status, after, content)
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            text = content[:1000].lstrip().lower()
            page = "html" in kind or text.startswith((b"<!doctype", b"<html"))
            raise EndpointError(said.WEB_PAGE if page else said.NO_JSON, "all") from None
        try:
            return self._reply(told)
        except EndpointError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
            raise EndpointError(said.WRONG_FORM, "all") from None

    def _refusal(self, status: int, after: str | None, content: bytes) -> EndpointError:
        if 300 <= status < 400:
            return EndpointError(said.MOVED, "all")
        if status in (401, 403):
            return EndpointError(said.KEY_REFUSED, "all", status=status)
        told: dict[str, Any] = {"status": status, "reason": self._reason(content) or "–"}
        if status in (404, 405):
            return EndpointError(said.NOT_FOUND, "all", model=self._generator.model, **told)
        if status in AGAIN or status >= 500:
            return EndpointError(said.BUSY, "again", _seconds(after), **told)
        return EndpointError(said.REFUSED, "answer", **told)

    def _reply(self, told: Any) -> Reply:
        if not told["choices"]:
            raise EndpointError(said.NO_ANSWER, "answer", reason="choices: []")
        choice = told["choices"][0]
        text, ended = choice["message"].get("content"), choice.get("finish_reason")
        if text is None:
            raise EndpointError(said.NO_ANSWER, "answer", reason=self._safe(str(ended)))
        if not isinstance(text, str):
            raise TypeError
        pieces = (choice.get("logprobs") or {}).get("content")
        logprobs = [float(piece["logprob"]) for piece in pieces] if pieces else None
        counted = (told.get("usage") or {}).get("completion_tokens")
        known = isinstance(counted, int) and 0 <= counted <= MOST_TOKENS
        tokens = counted if known else len(logprobs) if logprobs else None
        if logprobs and not all(map(math.isfinite, logprobs)):
            logprobs = None
        # JSON can spell half a surrogate pair, which no file keeps.
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return Reply(whole.strip(), tokens, ended == "stop", logprobs)

    def _reason(self, content: bytes) -> str:
        """What the server says of a refusal: the message in its JSON, or its first words if they are no web page."""
        text = content[:10_000].decode(errors="replace").strip()
        with suppress(ValueError, RecursionError):
            told = json.loads(content)
            for name in ("error", "detail", "message"):
                told = told.get(name, told) if isinstance(told, dict) else told
            text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        return "" if text.startswith("<") else self._safe(text)

    def _safe(self, text: str) -> str:
        """Words of a server as a sentence may repeat them: short, readable, and without the key."""
        hidden = text.replace(self._key, "…") if self._key else text
        readable = " ".join("".join(c if c.isprintable() else " " for c in hidden).split())
        cut = readable[:LONGEST_REASON] + ("…" if len(readable) > LONGEST_REASON else "")
        return cut.rstrip(".")


class _Checked(httpx.AsyncBaseTransport):
    """Connects to the addresses that were checked and to no other; certificates are for the name all the same."""

    def __init__(self, place: Place, connections: int) -> None:
        self._place = place
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._inner = httpx.AsyncHTTPTransport(limits=limits)
        self._addresses: list[str] = []
        self._until = float("-inf")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if time.monotonic() > self._until:
            self._addresses = await asyncio.to_thread(addresses_of, self._place)
            self._until = time.monotonic() + KNOWN_FOR_SECONDS
        extensions = {**request.extensions, "sni_hostname": self._place.host}
        *others, last = self._addresses
        for address in (*others, last):
            sent = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return await self._inner.handle_async_request(sent)
            except httpx.ConnectError:
                self._until = float("-inf")
                if address is last:
                    raise
        raise AssertionError("the loop returns or raises")

    async def aclose(self) -> None:
        await self._inner.aclose()


def _seconds(after: str | None) -> float | None:
    """How long the server asks to wait, of a header in seconds; dates are for those who have its clock."""
    with suppress(TypeError, ValueError):
        return max(0.0, float(after or ""))
    return None
