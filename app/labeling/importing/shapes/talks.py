"""From a row to its conversation: prompts of every form, and answers that repeat the talk before them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.labeling.importing.shapes.parts import check, refuse, text_of
from app.language import mark
from app.material.files.fields import Fields
from app.material.prompts import rules
from trainer.contract import refused

Messages = list[dict[str, str]]
Place = tuple[str | int, ...]


def talk_of(row: Fields, answers: Mapping[Place, object] | None = None) -> tuple[Messages, list[Any]]:
    """The conversation that a row is about, and each answer alone: the one way from a row to its prompt.

    An answer may be a talk that repeats the conversation before it, wholly or in part.

    Args:
        row: the row.
        answers: by the place where each stands in it.
    """
    asked = asked_by(row)
    before: Messages = []
    told_by: Place = ()
    alone = []
    for place, value in (answers or {}).items():
        own, answer = said_in(value, row, *place)
        alone.append(answer)
        if own and before and not _same(own, before):
            refuse(mark("This answers another conversation than “%(other)s”."), *place, other=_spelled(told_by))
        if own and not before:
            before, told_by = own, place
    below = below_prompt(row)
    messages = _joined(with_input(asked, below), before) if asked else None
    if messages is None:
        messages = _joined(asked, before)
        if messages and below not in messages[-1]["content"]:
            messages = with_input(messages, below)
    if messages is None:
        refuse(mark("This is not part of the conversation in “%(other)s”."), "prompt", other=_spelled(told_by))
    return whole(messages, row), alone


def _spelled(place: Place) -> str:
    return " ".join(map(str, place))


def below_prompt(row: Fields) -> str:
    """The material that an instruction is about."""
    below = row.get("input")
    return "" if below in (None, "") else text_of(below, "input")


def whole(messages: Messages, row: Fields) -> Messages:
    if not messages:
        refuse(refused.MISSING, "prompt")
    check(rules.messages_problem(messages), "prompt")
    return _with_system(messages, row)


def messages_of(value: object, *place: str | int, row: Fields | None = None) -> Messages:
    if isinstance(value, str) or value is None:
        return _spoken(value) or [{"role": "user", "content": text_of(value, *place)}]
    check(rules.messages_problem(value), *place)
    return _bare(value, row)  # type: ignore[arg-type]


def _bare(messages: Sequence[Mapping[str, Any]], row: Fields | None) -> Messages:
    """Messages with nothing but role and content; what else they say is named."""
    for name in dict.fromkeys(name for m in messages for name in m if m[name] not in (None, "", [], {})):
        if row is not None and name not in ("role", "content"):
            row.note(f"messages[].{name}")
    return [{"role": m["role"], "content": m["content"]} for m in messages]


def _spoken(text: object) -> Messages | None:
    """The prompt in the original form of hh-rlhf: a talk of Human and Assistant in which the Assistant is next."""
    if not isinstance(text, str) or not text.lstrip().startswith("Human:"):
        return None
    talk = _transcript(f"{text.rstrip()} ")
    return talk[:-1] if talk and talk[-1]["role"] == "assistant" and not talk[-1]["content"] and talk[:-1] else None


def _transcript(text: str) -> Messages | None:
    """Turns of Human and Assistant, each after a blank line; nothing where the text is none."""
    parts = re.split(r"(?:^|\n\n)(Human|Assistant): ?", text)
    if len(parts) < 5 or parts[0].strip():
        return None
    roles = ["user" if name == "Human" else "assistant" for name in parts[1::2]]
    return [{"role": role, "content": content.strip()} for role, content in zip(roles, parts[2::2], strict=True)]


def asked_by(row: Fields) -> Messages:
    """What the row itself gives as its prompt, if anything; of two forms the one that tells more."""
    messages = row.peek("messages")
    if row.peek("prompt") in (None, ""):
        if messages is not None:
            return messages_of(row["messages"], "messages", row=row)
        return _first_turn(row) if row.peek("turns") is not None else []
    asked = messages_of(row["prompt"], "prompt", row=row)
    if isinstance(messages, list) and not rules.messages_problem(messages):
        told = _joined(asked, _bare(messages, None))
        if told is not None and len(told) == len(messages):
            return messages_of(row["messages"], "messages", row=row)
    return asked


def _first_turn(row: Fields) -> Messages:
    """Turns of the user without answers between them: only the first can be asked; all stay in the detail."""
    turns = row.peek("turns")
    if not isinstance(turns, list) or not turns:
        refuse(mark("Give a list of texts."), "turns")
    if len(turns) == 1:
        row.get("turns")
    return messages_of(text_of(turns[0], "turns", 1), "turns", 1)


def said_in(value: object, row: Fields, *place: str | int) -> tuple[Messages, object]:
    """What stands before an answer in its own field, and the answer alone."""
    if isinstance(value, str) and (talk := _transcript(value)) and talk[-1]["role"] == "assistant":
        return talk[:-1], talk[-1]["content"]
    if not isinstance(value, list):
        return [], value
    if not value or not isinstance(value[-1], dict) or value[-1].get("role") != "assistant":
        refuse(mark("The last message must be the assistant’s."), *place)
    if len(value) > 1:
        check(rules.messages_problem([*value[:-1], *_ANYBODY]), *place)
    talk = _bare([{"content": None, **value[-1]}, *value[:-1]], row)
    return talk[1:], talk[0]["content"]


_ANYBODY = ({"role": "user", "content": "…"},)


def _plain(messages: Sequence[dict[str, str]]) -> list[tuple[str, str]]:
    return [(m["role"], " ".join(m["content"].split())) for m in messages]


def _same(one: Sequence[dict[str, str]], other: Sequence[dict[str, str]]) -> bool:
    """The same conversation, however its blanks are written."""
    return _plain(one) == _plain(other)


def _joined(asked: Messages, before: Messages) -> Messages | None:
    """One conversation of what is asked and what stands before an answer; nothing where they are two."""
    if not asked or not before:
        return asked or before
    system = [m for m in (before[0], asked[0]) if m["role"] == "system"][:2]
    if len(system) == 2 and not _same(system[:1], system[1:]):
        return None
    mine, theirs = (talk[1:] if talk[0]["role"] == "system" else talk for talk in (asked, before))
    begins = _same(theirs[: len(mine)], mine)
    ends = _same(theirs[-len(mine) :], mine)
    within = len(mine) == 1 and _plain(mine)[0] in _plain(theirs)
    if begins or ends or within:
        return [*system[:1], *theirs]
    if not theirs or _same(mine[-len(theirs) :], theirs):
        return [*system[:1], *mine]
    return [*system[:1], *mine, *theirs] if theirs[0]["role"] == "assistant" else None


def with_input(messages: Messages, below: str) -> Messages:
    if not below or not messages:
        return messages
    return [*messages[:-1], {"role": "user", "content": f"{messages[-1]['content']}\n\n{below}"}]


def _with_system(messages: Messages, row: Fields) -> Messages:
    key = "system" if row.peek("system") not in (None, "") else "system_prompt"
    value = row.get(key)
    if value in (None, ""):
        return messages
    first = {"role": "system", "content": text_of(value, key)}
    if messages[0]["role"] != "system":
        return [first, *messages]
    if not _same(messages[:1], [first]):
        refuse(mark("The conversation begins with another system message."), key)
    return messages
