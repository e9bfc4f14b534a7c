"""What a form posted, as text, for routes that read many fields."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData


async def _fields(request: Request) -> dict[str, str]:
    """All text fields of a posted form; of a repeated one the last."""
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


async def _lists(request: Request) -> dict[str, list[str]]:
    return lists_of(await request.form())


def lists_of(form: FormData) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            lists.setdefault(name, []).append(value)
    return lists


Fields = Annotated[dict[str, str], Depends(_fields)]

Lists = Annotated[dict[str, list[str]], Depends(_lists)]


def last_of(lists: Mapping[str, list[str]]) -> dict[str, str]:
    """Of each field its last value."""
    return {name: values[-1] for name, values in lists.items()}
