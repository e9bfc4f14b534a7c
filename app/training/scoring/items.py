"""What a request asks to have scored: prompts with their answers, gathered from rows, a form or the API.

A row of a file has a ``prompt`` (text or messages) or ``messages``, and either one answer (``answer``, ``text``
or ``response``) or ``answers``: a list of texts, or of objects with ``text`` and ``id``. ``answer_id`` or ``id``
name what the row holds. Rows of one answer are put together by their prompt, so that their ranks mean something.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.errors import Invalid
from app.language import gettext as _
from app.material.files.readers import Line, Refusal, Row
from app.material.prompts import rules as prompt_rules
from app.training.scoring import rules

ANSWER_KEYS = ("answer", "text", "response")
KEPT_REFUSALS = 1_000


@dataclass(frozen=True)
class AskedAnswer:
    """An answer with its name and, when it came in a file, the line on which its row begins."""

    id: str
    text: str
    line: int | None = None


@dataclass
class AskedItem:
    """A conversation that waits for an answer, and the answers to compare."""

    id: str
    messages: list[dict[str, str]]
    answers: list[AskedAnswer] = field(default_factory=list)


class NotTakenError(ValueError):
    """Something that cannot be scored; the message says why, in the words of a list of refused rows."""


@dataclass
class Gathered:
    """All that is to be scored, and what could not be taken.

    Attributes:
        items: in the order in which their prompts came first.
        rows: rows of the file, good and bad.
        refused: the bad ones; ``refusals`` lists the first of them.
    """

    items: list[AskedItem] = field(default_factory=list)
    rows: int = 0
    refused: int = 0
    refusals: list[dict[str, Any]] = field(default_factory=list)
    answers: int = 0
    _bytes: int = 0
    _lines: dict[str, int | None] = field(default_factory=dict)
    _item_ids: set[str] = field(default_factory=set)
    _by_prompt: dict[str, AskedItem] = field(default_factory=dict)

    def add(self, item_id: str | None, messages: object, answers: Sequence[tuple[str | None, object]]) -> None:
        """Take a prompt with all its answers.

        Raises:
            NotTakenError: something about them is wrong; nothing of it was taken.
            Invalid: that is more than one request may hold.
        """
        conversation = conversation_of(messages)
        if not answers:
            raise NotTakenError("there are no answers")
        item = AskedItem(item_id or str(len(self.items) + 1), conversation)
        if item_id is not None and item_id in self._item_ids:
            raise NotTakenError(f"the id “{item_id}” was used before")
        item.answers = [
            AskedAnswer(answer_id or f"{item.id}.{place}", answer_text(text, f"answer {place}"))
            for place, (answer_id, text) in enumerate(answers, 1)
        ]
        self._take(item, item.answers, None, conversation)

    def add_row(self, line: int, row: Row) -> None:
        """Take a row of a file.

        Raises:
            NotTakenError: the row cannot be used; nothing of it was taken.
            Invalid: that is more than one request may hold.
        """
        conversation = conversation_of(row["prompt"] if row.get("prompt") is not None else row.get("messages"))
        if "answers" in row:
            self._add_row_of_answers(line, row, conversation)
            return
        key = next((key for key in ANSWER_KEYS if key in row), None)
        if key is None:
            keys = ", ".join(sorted(map(str, row))[:8])
            raise NotTakenError(f"there is no answer, text, response or answers; the row has {keys}")
        name = name_of(row.get("answer_id", row.get("id")), "the id") or str(line)
        answer = AskedAnswer(name, answer_text(row[key], f"the {key}"), line)
        fingerprint = prompt_rules.prompt_fingerprint(conversation)
        if known := self._by_prompt.get(fingerprint):
            self._take(known, [answer], line, None)
            known.answers.append(answer)
            return
        item = AskedItem(str(len(self.items) + 1), conversation, [answer])
        self._take(item, item.answers, line, conversation)
        self._by_prompt[fingerprint] = item

    def _add_row_of_answers(self, line: int, row: Row, conversation: list[dict[str, str]]) -> None:
        given = row["answers"]
        if not isinstance(given, list) or not given:
            raise NotTakenError("answers is not a list of texts")
        item = AskedItem(name_of(row.get("id"), "the id") or str(line), conversation)
        if item.id in self._item_ids:
            raise NotTakenError(f"the id “{item.id}” was used before")
        for place, part in enumerate(given, 1):
            what, own = f"answer {place}", None
            text = part
            if isinstance(part, dict):
                text, own = part.get("text"), name_of(part.get("answer_id", part.get("id")), f"the id of {what}")
            item.answers.append(AskedAnswer(own or f"{item.id}.{place}", answer_text(text, what), line))
        self._take(item, item.answers, line, conversation)

    def _take(
        self,
        item: AskedItem,
        answers: Sequence[AskedAnswer],
        line: int | None,
        conversation: list[dict[str, str]] | None,
    ) -> None:
        """Count what is new, refuse names that were used, and keep an item that is new (``conversation`` given)."""
        names = [answer.id for answer in answers]
        for place, name in enumerate(names):
            if name in self._lines or name in names[:place]:
                where = self._lines.get(name, line)
                raise NotTakenError(f"the id “{name}” was used before" + (f", on line {where:,}" if where else ""))
        texts = [answer.text for answer in answers] + [message["content"] for message in conversation or ()]
        self._bytes += sum(len(text.encode()) for text in texts)
        self.answers += len(answers)
        if self.answers > rules.MOST_ANSWERS or self._bytes > rules.MOST_BYTES:
            raise Invalid(
                _(
                    "One request holds at most %(answers)s answers and %(megabytes)s MB of text. Nothing was kept; "
                    "split it and send the parts.",
                    answers=f"{rules.MOST_ANSWERS:,}",
                    megabytes=rules.MOST_BYTES >> 20,
                )
            )
        self._lines |= dict.fromkeys(names, line)
        if conversation is not None:
            self.items.append(item)
            self._item_ids.add(item.id)

    def refuse(self, line: int, reason: str) -> None:
        self.refused += 1
        if len(self.refusals) < KEPT_REFUSALS:
            self.refusals.append({"line": line, "reason": prompt_rules.printable(reason)})


def gather_rows(lines: Iterator[Line]) -> Gathered:
    """Read all rows of a file; bad ones are listed and the good ones taken.

    Raises:
        Invalid: no row is good, or they are too many.
    """
    gathered = Gathered()
    for line, row in lines:
        gathered.rows += 1
        if isinstance(row, Refusal):
            gathered.refuse(line, row.reason)
            continue
        try:
            gathered.add_row(line, row)
        except NotTakenError as problem:
            gathered.refuse(line, str(problem))
    if not gathered.items:
        reasons = {f"line {refusal['line']}": str(refusal["reason"]) for refusal in gathered.refusals[:20]}
        raise Invalid(
            _("None of the %(number)s rows of this file can be scored.", number=f"{gathered.rows:,}")
            + "".join(f" {where.capitalize()}: {reason}." for where, reason in list(reasons.items())[:1])
            if gathered.rows
            else "The file holds no rows.",
            reasons,
        )
    return gathered


def conversation_of(value: object) -> list[dict[str, str]]:
    """A prompt as messages, from text or from messages of which the last is the user's."""
    if isinstance(value, list):
        if problem := prompt_rules.messages_problem(value):
            raise NotTakenError(problem)
        return [{"role": message["role"], "content": message["content"]} for message in value]
    if problem := prompt_rules.text_problem(value, "the prompt"):
        raise NotTakenError(problem)
    return [{"role": "user", "content": str(value)}]


def answer_text(value: object, what: str) -> str:
    if problem := prompt_rules.text_problem(value, what):
        raise NotTakenError(problem)
    return str(value)


def name_of(value: object, what: str) -> str | None:
    """An id as text: from text or a whole number; nothing for none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise NotTakenError(f"{what} is neither text nor a whole number")
    name = str(value)
    if problem := prompt_rules.character_problem(name, what):
        raise NotTakenError(problem)
    if len(name) > rules.LONGEST_ID:
        raise NotTakenError(f"{what} is longer than {rules.LONGEST_ID} characters")
    return name
