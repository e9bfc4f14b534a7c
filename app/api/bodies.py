"""What programs send, read as rows of files are: by the letter of JSON, and nothing taken for something else."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from app.material.files.readers import UnreadableError, read_json


class JsonRequest(Request):
    async def json(self) -> Any:
        """The body; what is no UTF-8 or no JSON, FastAPI tells.

        Raises:
            HTTPException: a part of it could be read in two ways, of which one would be lost.
        """
        try:
            return read_json((await self.body()).decode("utf-8-sig").rstrip())
        except UnreadableError as error:
            told = error.refusal.reason.rstrip(".")
            raise HTTPException(422, f"The request was not understood ({told}). Nothing was changed.") from None


class TakesJson(APIRoute):
    """A route whose body is JSON and says so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
            if self.body_field is not None and kind != "application/json":
                raise HTTPException(
                    415,
                    "The body is taken as JSON only. Send it with the header Content-Type: application/json. "
                    "Nothing was changed.",
                )
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json
