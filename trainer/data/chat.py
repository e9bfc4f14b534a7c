"""The only place where the chat template is applied: conversations in, token ids out, and answers back to text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from transformers import PreTrainedTokenizerBase

from trainer.contract.errors import StageError
from trainer.contract.records import AnswerToScore, Demonstration, Message, Prompt
from trainer.data.findings import Findings

Conversed = Prompt | Demonstration | AnswerToScore
T = TypeVar("T", Prompt, Demonstration, AnswerToScore)


def encode_prompt(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], max_tokens: int) -> list[int]:
    """Token ids of a conversation up to where the assistant begins to speak.

    Text that spells a special token (``<|end|>``) stays text: no message can close its own turn
    or speak in another role. A prompt that is too long loses its oldest tokens, for the end
    carries the question.

    Raises:
        RefusedPromptError: the template cannot write it.
    """
    hidden: list[str] = []
    mark = _unused_mark(messages)
    special = _special(tokenizer)

    def hide(match: re.Match[str]) -> str:
        hidden.append(match[0])
        return mark

    turns = [{"role": m.role, "content": special.sub(hide, m.content)} for m in messages]
    rendered = _rendered(tokenizer, turns)
    ids: list[int] = []
    for place, part in enumerate(rendered.split(mark)):
        if place:
            ids += _as_text(tokenizer, hidden[place - 1])
        ids += tokenizer.encode(part, add_special_tokens=False)
    return ids[-max_tokens:]


class RefusedPromptError(StageError):
    """A chat template has no way to write this conversation, such as one without a place for a system message."""


class Accepts:
    """Whether a chat template can write a row's conversation.

    What templates refuse are sequences of roles, so each sequence is tried once.

    Attributes:
        findings: the rows that it cannot write.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._problems: dict[tuple[str, ...], str | None] = {}
        self.findings = Findings()

    def __call__(self, row: Conversed) -> bool:
        roles = tuple(message.role for message in row.messages)
        if roles not in self._problems:
            self._problems[roles] = _problem(self._tokenizer, row.messages)
        if problem := self._problems[roles]:
            kind = type(row).__name__.lower()
            name = next(field for field in type(row).model_fields if field.endswith("_id"))  # its own stands first
            self.findings.add(f"a {kind} is left out: {problem}", str(getattr(row, name)))
        return problem is None

    def refuse_any(self, what: str) -> None:
        """Stop if any row was refused.

        Raises:
            RefusedPromptError: naming the first ones.
        """
        if told := self.findings.sentences():
            raise RefusedPromptError(
                f"{what}: {'; '.join(told)}. Choose another model, or other prompts.", resumable=False
            )


def accepted(tokenizer: PreTrainedTokenizerBase, rows: Sequence[T], note: Callable[[str], None]) -> list[T]:
    """Leave out, before anything starts, the rows whose conversation the chat template refuses.

    Args:
        tokenizer: whose template.
        rows: that will be encoded.
        note: is told what was left out and why.

    Raises:
        RefusedPromptError: all are refused.
    """
    accepts = Accepts(tokenizer)
    kept = [row for row in rows if accepts(row)]
    if rows and not kept:
        accepts.refuse_any("Nothing is left to read")
    for sentence in accepts.findings.sentences():
        note(sentence)
    return kept


def _problem(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str | None:
    try:
        _rendered(tokenizer, [{"role": m.role, "content": m.content} for m in messages])
    except RefusedPromptError as error:
        return str(error)
    return None


def _rendered(tokenizer: PreTrainedTokenizerBase, turns: list[dict[str, str]]) -> str:
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    except Exception as error:  # templates are programs, and each refuses in its own way
        first = (str(error).splitlines() or [type(error).__name__])[0]
        roles = ", ".join(dict.fromkeys(turn["role"] for turn in turns))
        raise RefusedPromptError(
            f"the model's chat template refuses it ({first}; its roles: {roles})", resumable=False
        ) from error


def end_of_turn(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The special token by which the chat template closes an answer, which need not be the one that ends a document.

    None where it closes answers with plain text, or with nothing.
    """
    mark = _unused_mark([])
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": mark}]
    try:
        rendered = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except Exception:  # noqa: BLE001 - templates are programs, and each refuses in its own way
        return None
    closing = _special(tokenizer).match(rendered.rpartition(mark)[2].lstrip())
    return closing[0] if closing else None


def encode_answer(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of an answer, closed by the end-of-sequence token; special tokens in the text stay text.

    Prompt and answer are encoded apart, so no token ever spans their border.
    """
    return [*_as_text(tokenizer, text), _end(tokenizer)]


def encode_answers(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """``encode_answer`` of many texts at once, on all cores."""
    if not texts:
        return []
    end = _end(tokenizer)
    encoded = tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True, return_attention_mask=False)
    return [[*ids, end] for ids in encoded["input_ids"]]


def encode_pieces(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[list[int], list[int]]:
    """Token ids of a text without an end, and for each token how many characters of the text are said after it.

    A character of several tokens is said by the last of them.

    Raises:
        ValueError: the tokenizer cannot tell which characters a token stands for.
    """
    if not tokenizer.is_fast:
        raise ValueError(
            "This model's tokenizer cannot tell which characters a token stands for. Choose another model."
        )
    found = tokenizer(
        text,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
        return_attention_mask=False,
    )
    starts = [start for start, _end in found["offset_mapping"]]
    ends = [end for _start, end in found["offset_mapping"]]
    # A character is not said while a later token still belongs to it.
    said = [min([end, *starts[place + 1 : place + 2]]) for place, end in enumerate(ends)]
    return list(found["input_ids"]), said


def encode_pair(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], text: str, max_tokens: int
) -> tuple[list[int], list[int]]:
    """Prompt ids and answer ids that together fit into ``max_tokens``.

    The prompt gives way first (its oldest tokens); an answer that alone is too long loses its end.
    """
    answer = encode_answer(tokenizer, text)[: max_tokens - 1]
    return encode_prompt(tokenizer, messages, max_tokens - len(answer)), answer


def decode_answer(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Text of generated ids, without special tokens and without blanks at either end."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=True)).strip()


def finished(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> bool:
    """Whether a generated answer ended by itself."""
    return bool(ids) and ids[-1] == _end(tokenizer)


def _as_text(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))


def _end(tokenizer: PreTrainedTokenizerBase) -> int:
    if tokenizer.eos_token_id is None:
        raise ValueError("This tokenizer has no end-of-sequence token, so an answer could never end. Give it one.")
    return int(tokenizer.eos_token_id)


def _special(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Matches any special token's spelling, longest first."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    spellings = sorted(added | set(tokenizer.all_special_tokens), key=lambda s: (-len(s), s))
    return re.compile("|".join(map(re.escape, spellings)) or r"(?!)")


def _unused_mark(messages: Sequence[Message]) -> str:
    """A string that no message contains: private-use characters around a number."""
    number = 0
    while any(f"\ue000{number}\ue001" in message.content for message in messages):
        number += 1
    return f"\ue000{number}\ue001"
