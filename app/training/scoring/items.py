"""What a request asks to have scored: prompts with their answers, gathered from rows, a form or the API.

A row of a file has a ``prompt`` (text or messages) or ``messages``, and either one answer (``answer``, ``text``
or ``response``) or ``answers``: a list of texts, or of objects with ``text`` and ``id``. ``answer_id`` or ``id``
name what the row holds. Rows of one answer are put together by their prompt, so that their ranks mean something.
The prompt is read as an import reads it: ``input`` goes below it, ``system`` before it, and an answer may be a talk
that repeats it. A field that is not used is named.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.errors import Invalid, Refusal, shown
from app.labeling.importing.shapes.parts import RowProblemError
from app.labeling.importing.shapes.talks import talk_of
from app.language import gettext as _
from app.language import mark
from app.material.files.fields import MOST_TOLD, Fields, add_names
from app.material.files.readers import Line, Row
from app.material.prompts import rules as prompt_rules
from app.training.scoring import rules
from trainer.contract import refused

ANSWER_KEYS = ("answer", "text", "response")
KEPT_REFUSALS = 1_000
NAMED_REFUSALS = 20  # where no row is good
USED = mark("The id “%(id)s” was used before.")
USED_ON = mark("The id “%(id)s” was used before, on line %(line)s.")


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
    """Something that cannot be scored."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def _no(text: str, *place: str | int, **values: object) -> NotTakenError:
    return NotTakenError(Refusal(text, place, values))


@dataclass
class Gathered:
    """All that is to be scored, and what could not be taken.

    Attributes:
        items: in the order in which their prompts came first.
        rows: rows of the file, good and bad.
        refused: the bad ones; ``refusals`` lists the first of them.
        unused: how many of the good ones have a field that was passed over, by its name.
    """

    items: list[AskedItem] = field(default_factory=list)
    rows: int = 0
    refused: int = 0
    refusals: list[dict[str, Any]] = field(default_factory=list)
    answers: int = 0
    unused: Counter[str] = field(default_factory=Counter)
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
            raise _no(refused.MISSING, "answers")
        item = AskedItem(item_id or str(len(self.items) + 1), conversation)
        if item_id is not None and item_id in self._item_ids:
            raise _no(USED, "id", id=shown(item_id))
        item.answers = [
            AskedAnswer(answer_id or f"{item.id}.{number}", answer_text(text, "answers", number))
            for number, (answer_id, text) in enumerate(answers, 1)
        ]
        self._take(item, item.answers, None, conversation)

    def add_row(self, line: int, row: Row) -> None:
        """Take a row of a file.

        Raises:
            NotTakenError: the row cannot be used; nothing of it was taken.
            Invalid: that is more than one request may hold.
        """
        fields = Fields(row)
        keys = [key for key in ("answers", *ANSWER_KEYS) if row.get(key) is not None]
        if len(keys) > 1:
            raise _no(mark("The row gives its answer more than once: %(keys)s. Keep one."), keys=", ".join(keys))
        if "answers" in row:
            self._add_row_of_answers(line, fields)
        else:
            self._add_row_of_one(line, fields)
        add_names(self.unused, fields.settle(()))
        fields.forget()

    def _add_row_of_one(self, line: int, row: Fields) -> None:
        key = next((key for key in ANSWER_KEYS if key in row), None)
        if key is None:
            names = ", ".join(map(shown, sorted(map(str, row))[:MOST_TOLD]))
            text = mark("The row has no answer: name it %(known)s. Its fields: %(names)s.")
            raise _no(text, known=[*ANSWER_KEYS, "answers"], names=names)
        name = _named_by(row, "answer_id", "id") or str(line)
        conversation, (said,) = _talk(row, {(key,): row[key]})
        answer = AskedAnswer(name, answer_text(said, key), line)
        fingerprint = prompt_rules.prompt_fingerprint(conversation)
        if known := self._by_prompt.get(fingerprint):
            self._take(known, [answer], line, None)
            known.answers.append(answer)
            return
        item = AskedItem(str(len(self.items) + 1), conversation, [answer])
        self._take(item, item.answers, line, conversation)
        self._by_prompt[fingerprint] = item

    def _add_row_of_answers(self, line: int, row: Fields) -> None:
        listed = row["answers"]
        if not isinstance(listed, list) or not listed:
            raise _no(mark("Give a list of texts."), "answers")
        parts = row.parts("answers")
        texts: dict[tuple[str | int, ...], object] = {
            ("answers", place): part.get("text") if isinstance(part, Fields) else part
            for place, part in enumerate(parts, 1)
        }
        conversation, said = _talk(row, texts)
        item = AskedItem(name_of(row.get("id"), "id") or str(line), conversation)
        if item.id in self._item_ids:
            raise _no(USED, "id", id=shown(item.id))
        for (where, text), part in zip(zip(texts, said, strict=True), parts, strict=True):
            own = _named_by(part, "answer_id", "id", where=where) if isinstance(part, Fields) else None
            item.answers.append(AskedAnswer(own or f"{item.id}.{where[-1]}", answer_text(text, *where), line))
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
        for position, name in enumerate(names):
            if name in self._lines or name in names[:position]:
                where = self._lines.get(name, line)
                on_line = {"line": where} if where else {}
                raise _no(USED_ON if where else USED, "id", id=shown(name), **on_line)
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

    def refuse(self, line: int, refusal: Refusal) -> None:
        self.refused += 1
        if len(self.refusals) < KEPT_REFUSALS:
            self.refusals.append(refusal.kept(line))


def gather_rows(lines: Iterator[Line]) -> Gathered:
    """Read all rows of a file; bad ones are listed and the good ones taken.

    Raises:
        Invalid: no row is good, or they are too many.
    """
    gathered = Gathered()
    for line, row in lines:
        gathered.rows += 1
        if isinstance(row, Refusal):
            gathered.refuse(line, row)
            continue
        try:
            gathered.add_row(line, row)
        except NotTakenError as problem:
            gathered.refuse(line, problem.refusal)
    if not gathered.items:
        if not gathered.rows:
            raise Invalid(_("The file holds no rows."))
        refusals = [(refusal["line"], Refusal.of(refusal)) for refusal in gathered.refusals[:NAMED_REFUSALS]]
        raise Invalid(
            _(
                "None of the %(number)s rows of this file can be scored: %(first)s",
                number=f"{gathered.rows:,}",
                first=refusals[0][1].at(refusals[0][0]),
            ),
            {_("line %(line)s", line=f"{line:,}"): str(refusal) for line, refusal in refusals},
        )
    return gathered


def conversation_of(value: object) -> list[dict[str, str]]:
    """A prompt as messages, from text or from messages of which the last is the user's."""
    if isinstance(value, list):
        _check(prompt_rules.messages_problem(value), "prompt")
        return [{"role": message["role"], "content": message["content"]} for message in value]
    _check(prompt_rules.text_problem(value), "prompt")
    return [{"role": "user", "content": str(value)}]


def _talk(row: Fields, answers: Mapping[tuple[str | int, ...], object]) -> tuple[list[dict[str, str]], list[Any]]:
    """The conversation of a row and its answers alone, as an import reads them."""
    try:
        return talk_of(row, answers)
    except RowProblemError as problem:
        raise NotTakenError(problem.refusal) from None


def answer_text(value: object, *place: str | int) -> str:
    _check(prompt_rules.text_problem(value), *place)
    return str(value)


def _check(problem: Refusal | None, *place: str | int) -> None:
    if problem is not None:
        raise NotTakenError(problem.within(*place))


def _named_by(row: Mapping[str, Any], *keys: str, where: tuple[str | int, ...] = ()) -> str | None:
    """The name under the first of some keys that the row has."""
    key = next((key for key in keys if key in row), keys[-1])
    return name_of(row.get(key), *where, key)


def name_of(value: object, *place: str | int) -> str | None:
    """An id as text: from text or a whole number; nothing for none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _no(prompt_rules.NO_NAME, *place, value=shown(value))
    name = str(value)
    _check(prompt_rules.length_problem(name, rules.LONGEST_ID) or prompt_rules.character_problem(name), *place)
    return name
